//! 年度结息: previewed, proposed by one accountant and approved by another; booked once, to the fen of the preview, while people go on.

use std::time::{Duration, Instant};

use anju::cast::{self, balance, contribute, text};
use anju::start::{demo, office};
use anju_business::books::interest_year;
use anju_casework::{Actor, case, staff::role};
use anju_domain::calendar::Month;
use anju_domain::clock::{Clock, shanghai_date};
use anju_engine::Engine;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use reqwest::StatusCode;
use serde_json::json;

use crate::town::{Town, known};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2028, 6, 30).expect("a date");

/// The same time of a later day.
pub(crate) async fn days_later(town: &Town, days: i64) {
    town.later(days * 24 * 60);
    let today = shanghai_date(office::clock(&town.config.home).now()).to_string();
    loop {
        let clock = town.doors.control("/clock").await.expect("the outside");
        if clock.body["today"] == today {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Closes so many days, one after the other, the last of them today.
pub(crate) async fn close_days(town: &Town, engine: &Engine, days: i64) {
    for _ in 0..days {
        demo::close_day(engine).await.expect("the day is closed");
        days_later(town, 1).await;
    }
}

/// 10,000 bp × 360 days.
fn one_day(balance: i64) -> i64 {
    (balance * 150 + 1_800_000) / 3_600_000
}

/// Goal: nobody books a year's interest alone, the preview is what is booked, whoever is touched before the approval is settled once, and a
/// payment that comes back later costs its owner no interest. Method: four months of three people on 30 June; one withdraws rent and the
/// bank returns it a day later; one contributes on 1 July before the approval.
#[tokio::test]
async fn a_years_interest_is_previewed_approved_by_two_and_booked_once() {
    let morning = LAST_DAY.and_hms_opt(2, 0, 0).expect("a time").and_utc();
    let town = Town::open_at(morning).await;
    let people = known(
        &town,
        301,
        &[("李梅", 1_000_000), ("何川", 800_000), ("许岚", 600_000)],
    )
    .await;
    cast::rents(&town.doors, &people[0]).await.expect("a lease");
    let this = Month::of(LAST_DAY);
    let employer = cast::open_employer(&town.doors, 301, this.plus(-4))
        .await
        .expect("an employer");
    for back in [4, 3, 2, 1] {
        contribute(&town.doors, &employer, this.plus(-back), &people)
            .await
            .expect("a month");
    }
    let other = known(&town, 302, &[("周宁", 500_000)]).await;
    let elsewhere = cast::open_employer(&town.doors, 302, this.plus(-1))
        .await
        .expect("an employer");
    contribute(&town.doors, &elsewhere, this.plus(-1), &other)
        .await
        .expect("a month");
    for bank in 1..=8 {
        let body = json!({ "mode": "return_later", "latency_ms": 0 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &body)
            .await
            .unwrap()
            .ok()
            .unwrap();
    }
    let before = balance(&town.doors, &people[0]).await.expect("a balance");
    let withdrawn = submit(&town, &people[0]).await;
    becomes(&town, &withdrawn, "done").await;

    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    let office = &engine.office;
    demo::put_staff(&town.config, office)
        .await
        .expect("accountants");
    let first = Visitor::staff(&town, office, role::ACCOUNTANT, 1).await;
    let second = Visitor::staff(&town, office, role::CHIEF_ACCOUNTANT, 1).await;
    let page = "/desk/books/interest";
    let early = first.post(page, &[("step", "propose")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(
        early.page.contains("6 月 30 日日结以后才能提出"),
        "before the day is closed"
    );

    // 30 June is closed by hand, so that nothing settles by itself.
    let hand = async |number| {
        anju_casework::staff::by_number(office, number)
            .await
            .expect("read")
            .expect("an accountant")
    };
    let (maker, checker) = (hand("1004").await, hand("1005").await);
    engine
        .close_day(&maker, &checker)
        .await
        .expect("30 June is closed");
    days_later(&town, 1).await;

    // Overnight their sessions ended.
    let (first, second) = (
        first.again(&town, office).await,
        second.again(&town, office).await,
    );

    // Whoever is touched in the new year settles himself, and is not in the preview.
    let settled_by_touch = balance(&town.doors, &other[0]).await.expect("a balance");
    contribute(&town.doors, &elsewhere, this, &other)
        .await
        .expect("June's list");
    let touched = balance(&town.doors, &other[0]).await.expect("a balance");
    assert_eq!(
        touched,
        settled_by_touch + one_day(settled_by_touch) + 120_000
    );
    let refused = engine
        .close_day(&maker, &checker)
        .await
        .expect_err("1 July waits for the interest");
    let words = format!("{refused:?}");
    assert!(
        words.contains("E-CLOSE-02") && words.contains("年度结息"),
        "{words}"
    );

    let until = LAST_DAY.succ_opt().expect("1 July");
    let preview = interest_year::preview(office, until)
        .await
        .expect("a preview");
    assert_eq!(preview.accounts(), 3);
    let mut expected = Vec::new();
    for one in &people {
        let held = balance(&town.doors, one).await.expect("a balance");
        expected.push((held, held + one_day(held)));
    }
    assert_eq!(
        preview.interest().fen(),
        expected.iter().map(|(held, with)| with - held).sum::<i64>()
    );
    let shown = first.get(page).await.page;
    assert!(
        shown.contains(&format!("3 个账户，利息 {} 元", preview.interest())),
        "the page shows the figure"
    );

    assert_eq!(
        second.post(page, &[("step", "approve")]).await.status,
        StatusCode::CONFLICT,
        "nobody proposed"
    );
    assert_eq!(
        first.post(page, &[("step", "propose")]).await.status,
        StatusCode::SEE_OTHER
    );
    let own = first.post(page, &[("step", "approve")]).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.page.contains("不能自己批准"));
    assert_eq!(
        second.post(page, &[("step", "return")]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        second.post(page, &[("step", "approve")]).await.status,
        StatusCode::CONFLICT,
        "it was sent back"
    );
    assert_eq!(
        first.post(page, &[("step", "propose")]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        second.post(page, &[("step", "approve")]).await.status,
        StatusCode::SEE_OTHER
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while interest_year::due(office).await.expect("read").is_some() {
        assert!(Instant::now() < deadline, "the year is booked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (one, (_, with)) in people.iter().zip(&expected) {
        assert_eq!(
            balance(&town.doors, one).await.expect("a balance"),
            *with,
            "booked as previewed"
        );
    }
    assert_eq!(
        balance(&town.doors, &other[0]).await.expect("a balance"),
        touched,
        "settled once"
    );
    let year = interest_year::find(office, until)
        .await
        .expect("read")
        .expect("the year");
    assert_eq!(
        year.interest_fen,
        preview.interest().fen() + one_day(settled_by_touch),
        "of all accounts"
    );
    assert_eq!(
        second.post(page, &[("step", "approve")]).await.status,
        StatusCode::CONFLICT,
        "once a year"
    );

    // The bank returns the rent: back on the account with its old value date, and the interest of that day with the day's close.
    days_later(&town, 2).await; // 1 July 2028 is a Saturday
    becomes(&town, &withdrawn, "executing").await;
    let case_no = text(&withdrawn, "case_id").expect("a number");
    let case_id = office
        .numbers
        .decode(NumberKind::Case, &case_no)
        .expect("a case");
    let (held, with) = expected[0];
    case::credit_back(office, case_id, Actor::System)
        .await
        .expect("credited back");
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("a balance"),
        with + before - held
    );
    engine
        .close_day(&maker, &checker)
        .await
        .expect("1 July is closed");
    let after = balance(&town.doors, &people[0]).await.expect("a balance");
    assert_eq!(after, before + one_day(before), "as if it had never left");
    town.audited().await;
}
