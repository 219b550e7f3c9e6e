//! Faults (design.md §9: F1, F4, F5, F6): after each the checker compares books, bank and the clients' own log of acknowledged keys. It
//! reads plain SQL and the bank's journal, and shares no code with the product. A failure prints its seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anju::cast::{self, Person, contribute, look_up, person};
use anju::doors::Doors;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::chance::{Chance, seed};
use crate::town::{Town, month};

/// Small counts for CI, large ones at night.
fn count(ci: usize, nightly: usize) -> usize {
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        nightly
    } else {
        ci
    }
}

/// People with 7,200.00 each who live for rent by their promise: three months of at most 1,500.00.
async fn tenants(town: &Town, number: usize, place: i64) -> Vec<Person> {
    let people: Vec<Person> = (0..number)
        .map(|n| {
            person(
                "李梅",
                place,
                i64::try_from(n).expect("a number"),
                1_000_000,
            )
            .expect("numbers")
        })
        .collect();
    stream::iter(&people)
        .for_each_concurrent(8, |one| async {
            cast::register(&town.doors, one).await.expect("departments")
        })
        .await;
    let employer = cast::open_employer(&town.doors, place, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    people
}

async fn request(doors: &Doors, who: &Person) -> Value {
    let applicant = look_up(doors, who).await.expect("known");
    json!({ "service": "withdraw-rent", "applicant": applicant, "form": { "card_no": who.card }, "channel": "APP" })
}

/// Waits until no case is on its way.
async fn settled(town: &Town) {
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
            "{open} cases are still on their way"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Books, bank and cases agree: each account is the sum of its postings, every journal balances, what the cases paid is what the cards
/// got, nobody was paid twice.
async fn checked(town: &Town, people: &[Person]) {
    let wrong = town
        .sql(
            "SELECT count(*) FROM (
                 SELECT a.account_id FROM ledger_account a
                   LEFT JOIN (SELECT account_id, -sum(amount_fen) AS fen FROM posting WHERE subject = 201 GROUP BY account_id) p
                     USING (account_id)
                  WHERE a.subject = 201 AND a.balance_fen <> coalesce(p.fen, 0)) AS w",
        )
        .await;
    assert_eq!(wrong, 0, "balances that are not the sum of their postings");
    let unbalanced =
        town.sql("SELECT count(*) FROM (SELECT journal_id FROM posting GROUP BY journal_id HAVING sum(amount_fen) <> 0) AS j").await;
    assert_eq!(unbalanced, 0);
    assert_eq!(
        town.sql("SELECT count(*) FROM ledger_account WHERE running AND balance_fen < 0")
            .await,
        0
    );
    let paid = town
        .sql("SELECT coalesce(sum(amount_fen), 0)::bigint FROM business_case WHERE service = 'withdraw-rent' AND state = 6")
        .await;
    let booked = town
        .sql(
            "SELECT coalesce(-sum(p.amount_fen), 0)::bigint FROM posting p JOIN journal j USING (journal_id)
              WHERE p.subject = 10101 AND j.event = 22",
        )
        .await;
    assert_eq!(paid, booked, "cases and books");
    let waiting = town
        .sql("SELECT coalesce(-sum(amount_fen), 0)::bigint FROM posting WHERE subject = 21904")
        .await;
    assert_eq!(waiting, 0, "21904 holds nothing when no case is on its way");
    let mut on_cards = 0;
    for one in people {
        let card = town
            .doors
            .control(&format!("/banks/B4/accounts/{}", one.card))
            .await
            .expect("the bank");
        if card.status.is_success() {
            let entries = card.body["entries"].as_array().expect("entries");
            let credits = entries
                .iter()
                .filter(|entry| entry["amount_fen"].as_i64() > Some(0))
                .count();
            assert!(credits <= 1, "{} was paid {credits} times", one.card);
            on_cards += card.body["balance_fen"].as_i64().expect("a balance");
        }
    }
    assert_eq!(on_cards, paid, "cards and cases");
}

/// F1: `kill -9` of the server at random moments under 16 clients. Every acknowledged key is there, none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_lose_nothing_that_they_acknowledged() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut town = Town::open().await.into_process().await;
    let people = tenants(&town, 96, 71).await;
    let mut requests = Vec::new();
    for one in &people {
        requests.push(request(&town.doors, one).await);
    }
    let acknowledged: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let clients = {
        let (doors, acknowledged) = (town.doors.clone(), acknowledged.clone());
        tokio::spawn(async move {
            stream::iter(requests.into_iter().enumerate())
                .for_each_concurrent(16, |(place, body)| {
                    let (doors, acknowledged) = (doors.clone(), acknowledged.clone());
                    async move {
                        let key = format!("f1-{place}");
                        // The same key until it is answered: a client that heard nothing asks again.
                        loop {
                            tokio::time::sleep(Duration::from_millis(
                                20 * u64::try_from(place % 16).unwrap_or(0),
                            ))
                            .await;
                            match doors.post_with_key("/cases", &key, &body).await {
                                Ok(answer) if answer.status.is_success() => {
                                    let case =
                                        answer.body["case_id"].as_str().expect("a case").to_owned();
                                    acknowledged.lock().expect("the log").insert(key, case);
                                    return;
                                }
                                Ok(answer) if answer.status.is_client_error() => {
                                    panic!("{}", answer.body)
                                }
                                _ => tokio::time::sleep(Duration::from_millis(50)).await,
                            }
                        }
                    }
                })
                .await;
        })
    };
    for _ in 0..count(20, 200) {
        tokio::time::sleep(Duration::from_millis(20 + chance.below(250))).await;
        town.kill_server();
        town.start_server().await;
    }
    clients.await.expect("every client is answered");
    settled(&town).await;
    let acknowledged = acknowledged.lock().expect("the log").clone();
    assert_eq!(acknowledged.len(), people.len(), "seed {seed}");
    let cases = town
        .sql("SELECT count(*) FROM business_case WHERE service = 'withdraw-rent'")
        .await;
    assert_eq!(
        usize::try_from(cases).expect("a count"),
        people.len(),
        "one case a key, seed {seed}"
    );
    for case in acknowledged.values() {
        let shown = town
            .doors
            .get(&format!("/cases/{case}"))
            .await
            .expect("a door")
            .ok()
            .expect("the case is there");
        assert_eq!(shown["state"], "done", "seed {seed}: {shown}");
    }
    checked(&town, &people).await;
}

/// F4: one key fifty times at once, many keys: one effect, equal answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_fifty_times_at_once_is_one_effect() {
    let town = Town::open().await;
    let people = tenants(&town, count(100, 1_000), 72).await;
    for (place, one) in people.iter().enumerate() {
        let body = request(&town.doors, one).await;
        let key = format!("f4-{place}");
        let answers = futures::future::join_all(
            (0..50).map(|_| town.doors.post_with_key("/cases", &key, &body)),
        )
        .await;
        let bodies: Vec<Value> = answers
            .into_iter()
            .map(|answer| answer.expect("a door").ok().expect("the case"))
            .collect();
        assert!(
            bodies.iter().all(|body| *body == bodies[0]),
            "equal answers for {key}"
        );
        let mut other = body.clone();
        other["channel"] = "WX".into();
        let refused = town
            .doors
            .post_with_key("/cases", &key, &other)
            .await
            .expect("a door");
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "E-API-02"));
    }
    settled(&town).await;
    let cases = town
        .sql("SELECT count(*) FROM business_case WHERE service = 'withdraw-rent'")
        .await;
    assert_eq!(usize::try_from(cases).expect("a count"), people.len());
    checked(&town, &people).await;
}

/// F5: different keys racing for one balance: never below zero, and what was paid is what was taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_withdrawals_racing_for_one_balance_never_overdraw_it() {
    let town = Town::open().await;
    let people = tenants(&town, count(100, 1_000), 73).await;
    stream::iter(&people)
        .for_each_concurrent(4, |one| async {
            let body = request(&town.doors, one).await;
            // Five at once for each account: 500 races in CI.
            let answers =
                futures::future::join_all((0..5).map(|_| town.doors.post("/cases", &body))).await;
            for answer in answers {
                let answer = answer.expect("a door");
                assert!(
                    answer.status.is_success() || answer.code() == "E-W-05",
                    "{}",
                    answer.body
                );
            }
        })
        .await;
    settled(&town).await;
    checked(&town, &people).await;
    let twice = town
        .sql(
            "SELECT count(*) FROM (SELECT applicant_id FROM business_case WHERE service = 'withdraw-rent' AND state = 6
                                    GROUP BY applicant_id HAVING count(*) > 1) AS t",
        )
        .await;
    assert_eq!(twice, 0);
}

/// F6: banks that are late, silent, double, refusing: at most one payment a case, every difference explained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_banks_do_each_case_is_paid_once_or_its_money_is_back() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let town = Town::open().await;
    let people = tenants(&town, count(200, 2_000), 74).await;
    let modes = ["ok", "late", "timeout", "duplicate", "reject", "unknown"];
    for group in people.chunks(10) {
        let index = usize::try_from(chance.below(6)).expect("an index");
        let mode = json!({ "mode": modes[index], "latency_ms": chance.below(200) });
        town.doors
            .control_put("/banks/B4", &mode)
            .await
            .expect("a door")
            .ok()
            .expect("a mode");
        let bodies =
            futures::future::join_all(group.iter().map(|one| request(&town.doors, one))).await;
        for answer in
            futures::future::join_all(bodies.iter().map(|body| town.doors.post("/cases", body)))
                .await
        {
            answer.expect("a door").ok().expect("a case");
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    town.doors
        .control_put("/banks/B4", &json!({ "mode": "ok", "latency_ms": 0 }))
        .await
        .expect("a door")
        .ok()
        .expect("a mode");
    settled(&town).await;
    checked(&town, &people).await;
    // Who was refused by the bank has all of it back.
    let short = town
        .sql(
            "SELECT count(*) FROM business_case c JOIN ledger_account a ON a.account_id = c.account_id
              WHERE c.service = 'withdraw-rent' AND c.state = 9 AND a.balance_fen <> 720000",
        )
        .await;
    assert_eq!(short, 0, "seed {seed}");
}
