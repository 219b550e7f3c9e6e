//! Withdrawals that arrive at one moment: booked together, each as if it were alone.

use anju::cast::{self, Person, balance, contribute, look_up, open_employer, person};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::town::{Town, month};
use crate::withdrawal::becomes;

const PEOPLE: i64 = 12;

/// Tenants of one employer whose facts the departments have told before, as they have to whoever opened the withdrawal's page.
async fn tenants(town: &Town) -> Vec<Person> {
    let people: Vec<Person> = (1..=PEOPLE)
        .map(|serial| person("李梅", 700 + serial, serial, 1_000_000).expect("numbers"))
        .collect();
    for one in &people {
        cast::register(&town.doors, one).await.expect("registers");
        cast::rents(&town.doors, one).await.expect("a lease");
    }
    let employer = open_employer(&town.doors, 700, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    people
}

/// Asked once while one register is silent, taken back, and asked for again without a case: from then on every fact is at hand.
async fn looked_before(town: &Town, people: &[Person], bodies: &[Value]) {
    source(town, "D03", "down").await;
    for case in submitted(town, bodies).await {
        becomes(town, &case, "gathering").await;
        for _ in 0..200 {
            let told = town
                .sql("SELECT count(*) FROM business_case WHERE state = 2 AND decision IS NULL")
                .await;
            if told == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let id = case["case_id"].as_str().expect("an id");
        let path = format!("/cases/{id}/withdraw");
        let answer = town.doors.post(&path, &json!({})).await;
        answer.expect("a door").ok().expect("taken back");
    }
    source(town, "D03", "ok").await;
    for who in people {
        let number = look_up(&town.doors, who).await.expect("known");
        let path = format!("/services/withdraw-rent/precheck?applicant={number}");
        for turn in 0.. {
            let answer = town.doors.get(&path).await.expect("a door");
            let decision = answer.ok().expect("a decision");
            if !decision["waiting_for"].to_string().contains("D03") {
                break;
            }
            assert!(turn < 200, "{decision}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

async fn source(town: &Town, source: &str, mode: &str) {
    let put = town
        .doors
        .control_put(&format!("/sources/{source}"), &json!({ "mode": mode }))
        .await;
    put.expect("a door").ok().expect("a mood");
}

async fn submitted(town: &Town, bodies: &[Value]) -> Vec<Value> {
    let answers = join_all(bodies.iter().map(|body| town.doors.post("/cases", body))).await;
    answers
        .into_iter()
        .map(|answer| answer.expect("a door").ok().expect("a case"))
        .collect()
}

#[tokio::test]
async fn twelve_at_one_moment_are_each_paid_once_with_evidence_of_their_own() {
    let town = Town::open().await;
    let people = tenants(&town).await;
    let mut bodies = Vec::new();
    for who in &people {
        bodies.push(cast::rent_request(&town.doors, who).await.expect("known"));
    }
    looked_before(&town, &people, &bodies).await;
    let before: Vec<i64> = join_all(people.iter().map(|who| balance(&town.doors, who)))
        .await
        .into_iter()
        .map(|fen| fen.expect("a balance"))
        .collect();

    for (case, (who, before)) in submitted(&town, &bodies)
        .await
        .iter()
        .zip(people.iter().zip(before))
    {
        let done = becomes(&town, case, "done").await;
        let paid = done["amount_fen"].as_i64().expect("an amount");
        assert!(paid > 0, "{done}");
        assert_eq!(
            balance(&town.doors, who).await.expect("a balance"),
            before - paid
        );
    }
    let booked = town
        .sql("SELECT count(*) FROM journal WHERE event = 21")
        .await;
    assert_eq!(booked, PEOPLE, "each withdrawal has one journal");
    let settled = town
        .sql("SELECT count(*) FROM journal WHERE event = 22")
        .await;
    assert_eq!(settled, PEOPLE, "each is paid once");
    let steps = town
        .sql("SELECT count(*) FROM case_event e WHERE NOT EXISTS (SELECT FROM evidence_leaf l WHERE l.ref_id = e.case_id AND l.seq = e.seq)
                                                AND NOT EXISTS (SELECT FROM evidence_pending p WHERE p.ref_id = e.case_id AND p.seq = e.seq)")
        .await;
    assert_eq!(steps, 0, "every step has its leaf");
    let breaches = town
        .sql("SELECT count(*) FROM business_case WHERE state < 6")
        .await;
    assert_eq!(breaches, 0);
    town.audited().await;
}

#[tokio::test]
async fn who_has_withdrawn_already_does_not_hold_up_the_others() {
    let town = Town::open().await;
    let people = tenants(&town).await;
    let mut bodies = Vec::new();
    for who in &people {
        bodies.push(cast::rent_request(&town.doors, who).await.expect("known"));
    }
    looked_before(&town, &people, &bodies).await;
    // Everybody taps twice at the same moment, each tap a request of its own.
    let twice: Vec<Value> = bodies.iter().chain(&bodies).cloned().collect();
    let answers = join_all(twice.iter().map(|body| town.doors.post("/cases", body))).await;
    let (mut made, mut told) = (0, 0);
    for answer in answers {
        let answer = answer.expect("a door");
        match (answer.status.as_u16(), answer.code()) {
            (201, _) => {
                let ended = loop {
                    let id = answer.body["case_id"].as_str().expect("an id");
                    let case = town
                        .doors
                        .get(&format!("/cases/{id}"))
                        .await
                        .expect("a door");
                    let case = case.ok().expect("a case");
                    if matches!(case["state"].as_str(), Some("done" | "refused")) {
                        break case;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                };
                if ended["state"] == "done" {
                    made += 1;
                } else {
                    told += 1;
                }
            }
            (409, "E-W-05") => told += 1,
            other => panic!("{other:?}: {}", answer.body),
        }
    }
    assert_eq!((made, told), (PEOPLE, PEOPLE));
    let booked = town
        .sql("SELECT count(*) FROM journal WHERE event = 21")
        .await;
    assert_eq!(booked, PEOPLE);
    town.audited().await;
}
