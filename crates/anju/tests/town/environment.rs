//! What contributing costs employers: ratio, hours and payments from their real lists and cases, against the lines of other cities.

use anju::cast::{contribute, open_employer};
use anju_business::contribution::environment;
use anju_casework::staff::role;
use axum::http::StatusCode;

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

#[tokio::test]
async fn ratio_and_payments_come_from_lists_and_hours_from_the_time_at_the_screen() {
    let town = Town::open().await;
    let people = known(&town, 501, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, 501, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    let office = town.office().await;

    let fang = Visitor::clerk(&town, &office, &employer, 501).await;
    let key = uuid::Uuid::now_v7().to_string();
    for minutes in [4, 3, 20] {
        town.later(minutes);
        assert_eq!(fang.get("/unit/employer").await.status, StatusCode::OK);
    }
    town.later(2);
    let changed = fang
        .post("/unit/employer", &[("key", &key), ("payday", "20")])
        .await;
    assert_eq!(
        changed.location, "/unit/employer?done=changed",
        "{}",
        changed.page
    );
    let seconds = town
        .sql("SELECT sum(seconds)::bigint FROM employer_time")
        .await;
    let counted = 9 * 60;
    assert!(
        (counted..counted + 60).contains(&seconds),
        "the gap of twenty minutes is not counted: {seconds}"
    );
    // What is submitted next begins anew.
    let key = uuid::Uuid::now_v7().to_string();
    fang.post("/unit/employer", &[("key", &key), ("payday", "21")])
        .await;
    assert_eq!(town.sql("SELECT count(*) FROM employer_time").await, 2);
    assert!(
        town.sql("SELECT sum(seconds)::bigint FROM employer_time")
            .await
            < counted + 90
    );
    let home = fang.get("/unit").await.page;
    assert!(home.contains("一共用了 0.2 小时，付款 1 次"), "{home}");

    // A list that was registered before the sums were kept is summed from its lines.
    let this_month = environment::by_month(&office, month(0), None)
        .await
        .expect("months");
    let listed = this_month
        .iter()
        .find(|one| one.of == month(1).index())
        .expect("a month");
    assert_eq!((listed.base_fen, listed.employer_fen), (1_800_000, 216_000));
    assert_eq!((listed.ratio_bp(), listed.payments), (Some(1200), 1));
    sqlx::query("UPDATE remittance SET base_fen = NULL, employer_fen = NULL")
        .execute(&mut town.database.owner().await)
        .await
        .expect("as it was before");
    let again = environment::by_month(&office, month(0), None)
        .await
        .expect("months");
    assert_eq!(again, this_month);
    let branches = environment::by_branch(&office, month(0))
        .await
        .expect("branches");
    assert_eq!(branches.len(), 1);
    assert_eq!(branches[0].base_fen, 1_800_000);

    let han = Visitor::staff(
        &town,
        &office,
        role::SERVICE_MANAGER,
        office.centre.head_branch,
    )
    .await;
    let page = han.get("/desk/environment").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in [
        "12%",
        "北京",
        "上海",
        "京沪",
        "营商环境报告2020",
        "2019-05-01",
    ] {
        assert!(page.page.contains(words), "{words} in {}", page.page);
    }
    let elsewhere = han.get("/desk/environment?branch=2").await.page;
    assert!(
        elsewhere.contains("还没有已分配的名册"),
        "another branch has nothing"
    );
}
