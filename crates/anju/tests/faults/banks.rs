//! F6: banks that are late, silent, double, refusing, wrong; employers who pay the wrong list, the wrong amount, twice.

use std::time::{Duration, Instant};

use anju::{
    cast,
    start::{demo, office},
};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    chance::{Chance, seed},
    checker::{Places, must_agree},
    story::{count, requests, tenants},
    town::{Town, month},
};

/// Which bank pays is the branch's affair, so that all of them behave the same.
async fn mode(town: &Town, mode: &Value) {
    for bank in 1..=8 {
        town.doors
            .control_put(&format!("/banks/B{bank}"), mode)
            .await
            .expect("a door")
            .ok()
            .expect("a mode");
    }
}

/// Whatever the banks do: at most one payment a case, the money of who was refused is back, and the day closes, which it does only
/// when every difference between books, bank and cases is explained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_banks_do_each_case_is_paid_once_or_its_money_is_back() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let town = Town::open().await;
    let people = tenants(&town.doors, month(0), count(200, 10_000), 74).await;
    let wishes = requests(&town.doors, &people).await;
    let modes = ["ok", "late", "timeout", "duplicate", "reject", "unknown"];
    for group in wishes.chunks(10) {
        let index = usize::try_from(chance.below(6)).expect("an index");
        let next = json!({ "mode": modes[index], "latency_ms": chance.below(200) });
        mode(&town, &next).await;
        for answer in join_all(group.iter().map(|body| town.doors.post("/cases", body))).await {
            answer.expect("a door").ok().expect("a case");
        }
        strange_receipt(&town, &mut chance).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    mode(&town, &json!({ "mode": "ok", "latency_ms": 0 })).await;
    ended(&town, seed).await;
    let places = Places {
        database: town.config.database_url.clone(),
        outside: town.config.outside_url.clone(),
    };
    must_agree(&places, &[]).await;
    // Who was refused by the bank has all of it back.
    let short = town
        .sql(
            "SELECT count(*) FROM business_case c JOIN ledger_account a ON a.account_id = c.account_id
              WHERE c.service = 'withdraw-rent' AND c.state = 9 AND a.balance_fen <> 720000",
        )
        .await;
    assert_eq!(short, 0, "seed {seed}");
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("accountants");
    demo::close_day(&engine)
        .await
        .expect("every difference is explained");
    must_agree(&places, &[]).await;
}

/// Waits until no withdrawal is on its way. A payment of unknown result is asked about after two seconds, then less and less often.
async fn ended(town: &Town, seed: u64) {
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let open = town
            .sql("SELECT count(*) FROM business_case WHERE state < 6 AND service = 'withdraw-rent'")
            .await;
        if open == 0 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{open} cases are on their way, seed {seed}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Money that fits no list: without a pay code, with one that nobody was given, the code of a list that is paid already.
async fn strange_receipt(town: &Town, chance: &mut Chance) {
    let reference = match chance.below(3) {
        0 => "货款".to_owned(),
        1 => format!("缴款码 {:012}", chance.below(1_000_000)),
        _ => paid_reference(town).await,
    };
    let payment = json!({
        "from": "6500999000009", "to": fund_account(town).await, "amount_fen": chance.below(100_000) + 1,
        "reference": reference, "payer": "某某公司",
    });
    town.doors
        .control_post("/banks/B4/payments", &payment)
        .await
        .expect("a door")
        .ok()
        .expect("paid");
}

async fn fund_account(town: &Town) -> String {
    text(
        town,
        "SELECT account_no FROM fund_account WHERE bank = 'B4'",
    )
    .await
}

async fn paid_reference(town: &Town) -> String {
    text(
        town,
        "SELECT reference FROM remittance WHERE state = 3 LIMIT 1",
    )
    .await
}

async fn text(town: &Town, query: &'static str) -> String {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(&town.config.database_url)
        .await
        .expect("the database");
    sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .expect("a text")
}

/// Money that comes back on the next business day (退票) takes its case from done to executing again, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_comes_back_the_next_day_is_back_once() {
    let town = Town::open().await;
    let people = tenants(&town.doors, month(0), count(10, 100), 77).await;
    mode(&town, &json!({ "mode": "return_later", "latency_ms": 0 })).await;
    for body in requests(&town.doors, &people).await {
        let case = town
            .doors
            .post("/cases?wait=10s", &body)
            .await
            .expect("a door")
            .ok()
            .expect("a case");
        assert_eq!(cast::text(&case, "state").expect("a state"), "done");
    }
    mode(&town, &json!({ "mode": "ok", "latency_ms": 0 })).await;
    // Over a weekend at the most: the bank returns it on its next business day.
    let clock = office::clock(&town.config.home);
    clock
        .set_offset(clock.offset() + chrono::TimeDelta::days(4))
        .expect("a clock");
    let deadline = Instant::now() + Duration::from_secs(60);
    let back = "SELECT count(*) FROM business_case WHERE service = 'withdraw-rent' AND state = 5 AND pay_state = 5";
    while usize::try_from(town.sql(back).await).expect("a count") < people.len() {
        assert!(Instant::now() < deadline, "the money does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let places = Places {
        database: town.config.database_url.clone(),
        outside: town.config.outside_url.clone(),
    };
    must_agree(&places, &[]).await;
}
