//! Years of a centre, lived day by day: whatever happens in them, the books hold and others come to the same balances.

use anju::cast;
use anju::command::life::Life;
use anju::start::demo;
use anju_domain::clock::{Clock, shanghai_date};

use crate::books::others_agree;
use crate::chance::seed;
use crate::town::Town;

/// Goal: no sequence of ordinary years breaks an invariant. Method: employers live through fourteen months, or five years at night, with
/// everything that a demo's life has in it, each day closed by two; then the whole audit, hledger and Beancount.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn years_lived_day_by_day_leave_books_that_hold() {
    let seed = seed();
    let (firms, months) = if std::env::var_os("ANJU_NIGHTLY").is_some() {
        (6, 60)
    } else {
        (2, 14)
    };
    let town = Town::open().await;
    demo::put_staff(&town.config, &town.office().await)
        .await
        .expect("the staff");
    let firms = (0..firms)
        .map(|n| {
            let place = 500 + 100 * n; // a hundred numbers of ten people each, as in the demo
            let firm = cast::firm(&format!("重庆岁月科技有限公司{n}"), place).expect("a firm");
            let names = ["李梅", "王强", "赵敏", "刘洋"];
            let people = names.iter().zip(0..).map(|(name, at)| {
                cast::person(name, place, at, 400_000 + at * 150_000).expect("numbers")
            });
            (firm, place, people.collect())
        })
        .collect();
    let first = shanghai_date(anju::start::office::clock(&town.config.home).now());
    let life = Life::begin(&town.config, &town.doors, firms, seed)
        .await
        .expect("opened");
    let told = life.live(months).await.expect("a life");
    println!("{told}");
    assert!(told.days >= 28 * months && told.months >= months, "{told}");
    // Chance decides what happens of the rest; these come about in any life of a year and more.
    for event in [
        "委托收款签约",
        "委托收款",
        "灵活就业缴存协议",
        "开户",
        "年度基数调整",
    ] {
        assert!(told.count(event) > 0, "no {event}: {told}");
    }
    town.audited().await;
    others_agree(&town, first).await;
}
