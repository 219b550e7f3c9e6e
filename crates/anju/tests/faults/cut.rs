//! F3: the line to the database is cut during a commit. The database has done it, and nobody was told.

use std::time::{Duration, Instant};

use anju::cast;
use anju_domain::{calendar::Month, clock::shanghai_date};
use serde_json::json;
use uuid::Uuid;

use crate::{
    centre::{Centre, Plan},
    chance::{Chance, seed},
    checker::must_agree,
    clients::Clients,
    proxy::Break,
    story::{count, requests, tenants},
};

/// A centre whose server reaches the database through a proxy.
async fn behind_a_proxy() -> Centre {
    Centre::open(Plan {
        proxy: true,
        ..Plan::default()
    })
    .await
}

/// The next commits are answered to nobody, one after the other, as clients go on asking with the keys that they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_by_the_retry() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let centre = behind_a_proxy().await;
    let proxy = centre.proxy();
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    let people = tenants(&centre.doors, this, count(150, 1_500), 73).await;
    let wishes = requests(&centre.doors, &people).await;
    let clients = Clients::of(&centre.config).start(8, seed, wishes);
    let cuts = u64::try_from(count(50, 500)).expect("small");
    for cut in 1..=cuts {
        let at = i64::try_from(chance.below(8) + 1).expect("small");
        proxy.lose_commit(at, Break::AfterAnswer);
        let deadline = Instant::now() + Duration::from_secs(60);
        while proxy.breaks() < cut {
            assert!(Instant::now() < deadline, "nothing is committed any more");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let met = clients.stop().await;
    println!(
        "{cuts} commits without an answer, {} keys answered, {} answers 503",
        met.acknowledged.len(),
        met.unavailable
    );
    must_agree(&centre.places(), &met.acknowledged).await;
}

/// A month is registered through a line that breaks at each of its commits in turn: the list is registered once, and paid once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_whose_answer_is_lost_is_registered_once() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let centre = behind_a_proxy().await;
    let proxy = centre.proxy();
    let (doors, clients) = (&centre.doors, Clients::of(&centre.config));
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    for round in 0..i64::try_from(count(8, 80)).expect("small") {
        let people: Vec<cast::Person> = (0..3)
            .map(|n| cast::person("王强", 740_000 + round, n, 800_000).expect("numbers"))
            .collect();
        for one in &people {
            cast::register(doors, one).await.expect("departments");
        }
        let employer = cast::open_employer(doors, 740_000 + round, this)
            .await
            .expect("an employer");
        let checked = cast::send_roster(doors, &employer, this, &people)
            .await
            .and_then(|answer| answer.ok())
            .expect("a roster");
        let how = if chance.below(3) == 0 {
            Break::BeforeEnd
        } else {
            Break::AfterAnswer
        };
        proxy.lose_commit(i64::try_from(chance.below(2) + 1).expect("small"), how);
        let body = json!({ "roster_id": checked["roster_id"], "month": this.to_string() });
        let path = format!("/employers/{employer}/remittances");
        let registered = clients
            .ask(&path, Uuid::now_v7(), &body)
            .await
            .expect("registered");
        let total = cast::number(&registered, "amount_fen").expect("an amount");
        proxy.lose_commit(1, how);
        cast::pay(doors, &registered, total).await.expect("paid");
        let id = cast::text(&registered, "remittance_id").expect("a number");
        allocated(&centre, &id, seed).await;
    }
    assert!(proxy.breaks() > 0, "nothing was cut, seed {seed}");
    println!("{} cuts", proxy.breaks());
    must_agree(&centre.places(), &clients.met().acknowledged).await;
}

/// Waits for the money, whose notice the bank sends again where it was not taken.
async fn allocated(centre: &Centre, remittance: &str, seed: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = centre
            .doors
            .get(&format!("/remittances/{remittance}"))
            .await;
        match answer {
            Ok(answer) if answer.body["state"] == "allocated" => return,
            // The line may break under the question, too.
            Ok(answer) if answer.status.is_success() || answer.status.as_u16() == 503 => {}
            other => panic!("seed {seed}: {other:?}"),
        }
        assert!(
            Instant::now() < deadline,
            "it is not allocated, seed {seed}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
