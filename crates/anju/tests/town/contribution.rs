//! An employer's month, over the doors: the roster, the money, every account.

use anju::cast::{
    self, Person, balance, contribute, number, pay, person, register_month, state_of, text,
};
use anju_domain::uscc::Uscc;
use serde_json::{Value, json};

use crate::town::{Town, known, month};

/// Three people with round bases whom the departments know.
async fn three(town: &Town, seed: i64) -> Vec<Person> {
    known(
        town,
        seed,
        &[
            ("李梅", 1_000_000),
            ("王强", 800_000),
            ("欧阳小明", 500_000),
        ],
    )
    .await
}

async fn subject(town: &Town, code: &str) -> i64 {
    let balance = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("a balance");
    let line = balance["subjects"]
        .as_array()
        .expect("lines")
        .iter()
        .find(|line| line["code"] == code)
        .expect("a subject")
        .clone();
    number(&line, "closing_fen").expect("a figure")
}

#[tokio::test]
async fn money_for_a_month_is_on_every_account_at_once() {
    let town = Town::open().await;
    let people = three(&town, 11).await;
    let employer = cast::open_employer(&town.doors, 11, month(1))
        .await
        .expect("an employer");
    let registered = contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    assert_eq!(
        number(&registered, "amount_fen").unwrap(),
        (120_000 + 96_000 + 60_000) * 2
    );
    for (one, fen) in people.iter().zip([240_000, 192_000, 120_000]) {
        assert_eq!(
            balance(&town.doors, one).await.unwrap(),
            fen,
            "{}",
            one.name
        );
    }
    assert_eq!(subject(&town, "201").await, 552_000);
    assert_eq!(subject(&town, "21901").await, 0);
    assert_eq!(subject(&town, "10101").await, 552_000);
}

/// How many statements write a month of so many people: the fewer of two months, since what the engine does by itself each minute may fall
/// into one of them. A server that forgets what it counted meanwhile, since many tests run on it, is asked about another month.
async fn statements_of_a_month(town: &Town, size: i64, first_seed: i64) -> i64 {
    let mut counted = Vec::new();
    // A seed has ten people: further ones are of the seeds that follow.
    for seed in (first_seed..).step_by(10).take(5) {
        let people: Vec<Person> = (1..=size)
            .map(|place| person("李梅", seed, place, 500_000).expect("numbers"))
            .collect();
        for one in &people {
            cast::register(&town.doors, one)
                .await
                .expect("the departments");
        }
        let employer = cast::open_employer(&town.doors, seed, month(1))
            .await
            .expect("an employer");
        let before = town.writes().await;
        contribute(&town.doors, &employer, month(1), &people)
            .await
            .expect("a month");
        counted.extend(town.writes().await.since(before));
        if let [one, another] = counted[..] {
            return one.min(another);
        }
    }
    panic!("the server forgot what it counted each time");
}

/// Bulk work is a statement over a set: what grows with the people is its rows, not the number of statements.
#[tokio::test]
async fn a_month_takes_as_many_statements_for_thirty_people_as_for_three() {
    let town = Town::open().await;
    let three = statements_of_a_month(&town, 3, 700).await;
    let thirty = statements_of_a_month(&town, 30, 800).await;
    assert!(three > 0, "nothing was counted");
    assert_eq!(three, thirty);
}

#[tokio::test]
async fn short_money_waits_and_a_fen_too_much_stays_in_suspense() {
    let town = Town::open().await;
    let people = three(&town, 12).await;
    let employer = cast::open_employer(&town.doors, 12, month(1))
        .await
        .expect("an employer");
    let registered = register_month(&town.doors, &employer, month(1), &people)
        .await
        .expect("registered");
    let (id, total) = (
        text(&registered, "remittance_id").unwrap(),
        number(&registered, "amount_fen").unwrap(),
    );
    pay(&town.doors, &registered, total - 1)
        .await
        .expect("paid");
    assert_eq!(
        state_of(&town.doors, &id, |state| state != "awaiting")
            .await
            .unwrap(),
        "part_received"
    );
    assert_eq!(
        subject(&town, "201").await,
        0,
        "nobody is credited from a short payment"
    );
    pay(&town.doors, &registered, 2).await.expect("paid");
    assert_eq!(
        state_of(&town.doors, &id, |state| state == "allocated")
            .await
            .unwrap(),
        "allocated"
    );
    assert_eq!(subject(&town, "201").await, total);
    assert_eq!(subject(&town, "21901").await, 1);
}

#[tokio::test]
async fn money_without_a_pay_code_is_nobodys_until_two_people_say_whose() {
    let town = Town::open().await;
    let before = subject(&town, "21903").await;
    let payment = json!({ "from": "123", "to": "6500004001", "amount_fen": 12_345, "reference": "货款", "payer": "某公司" });
    town.doors
        .control_post("/banks/B4/payments", &payment)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let deadline = std::time::Instant::now() + cast::PATIENCE;
    while subject(&town, "21903").await == before && std::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(subject(&town, "21903").await - before, 12_345);
}

#[tokio::test]
async fn months_go_in_order_and_are_registered_once() {
    let town = Town::open().await;
    let people = three(&town, 13).await;
    let employer = cast::open_employer(&town.doors, 13, month(2))
        .await
        .expect("an employer");
    let checked = cast::send_roster(&town.doors, &employer, month(1), &people)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let answer = cast::register_roster(&town.doors, &employer, month(1), &checked)
        .await
        .unwrap();
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "E-REMIT-01"));

    let first = register_month(&town.doors, &employer, month(2), &people)
        .await
        .expect("the right month");
    let answer = cast::register_roster(&town.doors, &employer, month(2), &checked)
        .await
        .unwrap();
    assert!(
        !answer.status.is_success(),
        "a month is registered once: {}",
        answer.body
    );
    assert_eq!(text(&first, "state").unwrap(), "awaiting");
}

#[tokio::test]
async fn one_key_is_one_effect_and_another_body_is_refused() {
    let town = Town::open().await;
    let people = three(&town, 14).await;
    let employer = cast::open_employer(&town.doors, 14, month(1))
        .await
        .expect("an employer");
    let checked = cast::send_roster(&town.doors, &employer, month(1), &people)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let body = json!({ "roster_id": checked["roster_id"], "month": month(1).to_string() });
    let remittances = format!("/employers/{employer}/remittances");
    let answers = futures::future::join_all(
        (0..50).map(|_| town.doors.post_with_key(&remittances, "one-key", &body)),
    )
    .await;
    let bodies: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.unwrap().ok().unwrap())
        .collect();
    assert!(
        bodies.iter().all(|answer| *answer == bodies[0]),
        "fifty equal answers"
    );
    let other = json!({ "roster_id": checked["roster_id"], "month": month(0).to_string() });
    let answer = town
        .doors
        .post_with_key(&remittances, "one-key", &other)
        .await
        .unwrap();
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "E-API-02"));
}

#[tokio::test]
async fn an_employer_whom_the_registry_does_not_know_is_not_opened() {
    let town = Town::open().await;
    let uscc = Uscc::complete("91500103000000123").unwrap();
    let opening = json!({
        "name": "查无此公司", "uscc": uscc.as_str(), "kind": "私企", "ratio_employer_bp": 800, "ratio_employee_bp": 800,
        "legal_representative": "陈立",
    });
    let answer = town.doors.post("/employers", &opening).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (422, "E-EMPR-03"),
        "{}",
        answer.body
    );
    let closed = json!({ "name": "查无此公司", "state": "revoked" });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        uscc.as_str(),
        closed,
    )
    .await
    .unwrap();
    // The registry's "none" is remembered for ten minutes, so that another code is asked about.
    let other = Uscc::complete("91500103000000456").unwrap();
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        other.as_str(),
        json!({ "name": "某公司", "state": "open" }),
    )
    .await
    .unwrap();
    let mut wrong = opening.clone();
    wrong["uscc"] = other.as_str().into();
    wrong["ratio_employer_bp"] = 1300.into();
    wrong["kind"] = "个体".into();
    let answer = town.doors.post("/employers", &wrong).await.unwrap();
    let codes: Vec<&str> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["code"].as_str())
        .collect();
    assert!(
        codes.contains(&"E-RATIO-01") && codes.contains(&"E-API-03"),
        "every mistake at once: {codes:?}"
    );
}
