//! F1 for money that the centre collects: a server that dies anywhere in a day's batch of orders goes on where it was, and debits nobody
//! twice.

use std::time::{Duration, Instant};

use anju::{
    cast::{self, Person, firm, number, open_firm, text},
    start::office,
};
use anju_domain::{calendar::Month, clock::shanghai_date};
use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::{self, StreamExt};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{
    centre::{Centre, Plan},
    chance::{Chance, seed},
    checker::must_agree,
    story::count,
};

/// Which day of the month the accounts are debited.
const DAY: u32 = 10;

/// How long it may take to go on: what was in hand is asked about when its lease has ended, and what never reached the bank is sent again
/// when the bank's own window has passed.
const PATIENCE: Duration = Duration::from_secs(240);

/// Ten in the morning of a day in Shanghai.
fn morning(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(2, 0, 0).expect("a time").and_utc()
}

fn set_clock(centre: &Centre, day: NaiveDate) {
    office::clock(&centre.config.home)
        .set_offset(morning(day) - Utc::now())
        .expect("a clock");
}

struct Payer {
    bank: &'static str,
    account: String,
}

/// An employer with a contract and a list that waits for its day.
async fn payer(centre: &Centre, seed: i64, bank: &'static str, month: Month) -> Payer {
    let doors = &centre.doors;
    let firm = firm(&format!("重庆托收{seed}有限公司"), seed).expect("a firm");
    let people: Vec<Person> = vec![cast::person("李梅", seed, 1, 1_000_000).expect("numbers")];
    cast::register(doors, &people[0])
        .await
        .expect("the departments");
    let employer = open_firm(doors, &firm, month).await.expect("open");
    let account = format!("650012{seed:08}");
    let value = json!({ "match": true, "account_no": account, "name": firm.name });
    cast::fact(doors, bank, "bank.account_match", &firm.uscc, value)
        .await
        .expect("the bank knows it");
    let terms = json!({ "bank": bank, "account_no": account, "limit_fen": 10_000_000, "day": DAY });
    let body = json!({
        "service": "employer-debit-sign", "applicant": employer, "channel": "HALL", "form": terms,
    });
    let case = doors.post("/cases?wait=20s", &body).await.expect("a door");
    assert_eq!(case.ok().expect("a case")["state"], "done");
    let checked = cast::send_roster(doors, &employer, month, &people)
        .await
        .expect("a door")
        .ok()
        .expect("a right list");
    let body = json!({
        "roster_id": checked["roster_id"], "month": month.to_string(), "pay_method": "debit",
    });
    let registered = doors
        .post(&format!("/employers/{employer}/remittances"), &body)
        .await
        .expect("a door")
        .ok()
        .expect("registered");
    assert_eq!(text(&registered, "payee_bank").expect("a bank"), bank);
    Payer { bank, account }
}

async fn figure(centre: &Centre, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(&centre.config.database_url)
        .await
        .expect("the database");
    sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .expect("a figure")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_days_collections_and_debits_nobody_twice() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut centre = Centre::open(Plan::default()).await;
    let month = Month::of(shanghai_date(Utc::now())).plus(1);
    set_clock(&centre, month.day_clamped(DAY - 3));
    let centre_ref = &centre;
    let lists = count(24, 400);
    let payers: Vec<Payer> = stream::iter(0..lists)
        .map(|n| async move {
            let bank = if n % 2 == 0 { "B4" } else { "B5" };
            let seed = 90_000 + i64::try_from(n).expect("a number");
            payer(centre_ref, seed, bank, month).await
        })
        .buffer_unordered(4)
        .collect()
        .await;
    // Slow banks, one of which loses its answers: the server often dies between the order and the answer.
    for (bank, mode) in [("B4", "ok"), ("B5", "timeout")] {
        let slow = json!({ "mode": mode, "latency_ms": 400 });
        centre
            .doors
            .control_put(&format!("/banks/{bank}"), &slow)
            .await
            .expect("a door")
            .ok()
            .expect("a mode");
    }
    assert_eq!(figure(&centre, "SELECT count(*) FROM debit_order").await, 0);
    set_clock(&centre, month.day_clamped(DAY));
    for _ in 0..count(8, 60) {
        tokio::time::sleep(Duration::from_millis(chance.below(700))).await;
        centre.kill_server();
        centre.start_server().await;
    }
    let deadline = Instant::now() + PATIENCE;
    let all = i64::try_from(lists).expect("a number");
    let allocated = "SELECT count(*) FROM remittance WHERE state = 3";
    while figure(&centre, allocated).await < all {
        assert!(
            Instant::now() < deadline,
            "{} of {all} lists are allocated, seed {seed}",
            figure(&centre, allocated).await
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(
        figure(&centre, "SELECT count(*) FROM debit_order").await,
        all,
        "one order a list, seed {seed}"
    );
    for payer in &payers {
        let path = format!("/banks/{}/accounts/{}", payer.bank, payer.account);
        let account = centre.doors.control(&path).await.expect("a door");
        let account = account.ok().expect("debited");
        let debits = account["entries"].as_array().expect("entries").len();
        assert_eq!(debits, 1, "{}, seed {seed}", payer.account);
        assert_eq!(number(&account, "balance_fen").expect("fen"), -240_000);
    }
    must_agree(&centre.places(), &[]).await;
}
