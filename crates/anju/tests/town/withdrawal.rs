//! A rent withdrawal, over the doors: decided from facts that nobody typed, paid once whatever the bank does.

use std::time::{Duration, Instant};

use anju::cast::{self, Person, balance, bank_balance, look_up, text};
use anju_domain::clock::shanghai_date;
use anju_domain::money::Fen;
use anju_exchange::bank::SIGNATURE;
use anju_vault::SharedKey;
use anju_wire::iso20022::{Account, AccountNotice, Direction, Entry, EntryDetail, Notice};
use serde_json::{Value, json};

use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;

async fn tenant(town: &Town, seed: i64) -> Person {
    tenant_of(town, seed).await.0
}

async fn request(town: &Town, who: &Person) -> Value {
    cast::rent_request(&town.doors, who).await.expect("known")
}

pub async fn submit(town: &Town, who: &Person) -> Value {
    let body = request(town, who).await;
    town.doors
        .post("/cases?wait=10s", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case")
}

async fn case(town: &Town, submitted: &Value) -> Value {
    let id = text(submitted, "case_id").expect("an id");
    town.doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case")
}

/// The case once its state is the wanted one; fails with what it is instead.
pub async fn becomes(town: &Town, submitted: &Value, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let now = case(town, submitted).await;
        if now["state"] == state {
            return now;
        }
        assert!(Instant::now() < deadline, "waited for {state}: {now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn source_mode(town: &Town, source: &str, mode: &str) {
    town.doors
        .control_put(&format!("/sources/{source}"), &json!({ "mode": mode }))
        .await
        .unwrap()
        .ok()
        .unwrap();
}

pub async fn bank_mode(town: &Town, mode: &str) {
    for bank in 1..=8 {
        let body = json!({ "mode": mode, "latency_ms": 0 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &body)
            .await
            .unwrap()
            .ok()
            .unwrap();
    }
}

async fn paid_to_card(town: &Town, who: &Person, case: &Value) -> i64 {
    let bank = text(&case["payment"], "bank").expect("a bank");
    bank_balance(&town.doors, &bank, &who.card)
        .await
        .expect("the bank")
}

#[tokio::test]
async fn rent_is_decided_from_facts_and_paid_to_the_card() {
    let town = Town::open().await;
    let li = tenant(&town, 21).await;
    let submitted = submit(&town, &li).await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(done["amount_fen"], 360_000);
    assert_eq!(done["decision"]["outcome"], "approved");
    assert_eq!(done["payment"]["state"], "paid");
    assert_eq!(paid_to_card(&town, &li, &done).await, 360_000);
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 360_000);
    let legs: Vec<&str> = done["legs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|leg| leg["leg"].as_str())
        .collect();
    for leg in ["sources", "decision", "bank"] {
        assert!(legs.contains(&leg), "the recorder lacks {leg}: {legs:?}");
    }
    // Every condition is traced, and each names what it read.
    let conditions = done["decision"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|condition| condition["code"] == "RENT-02")
            && conditions.len() >= 20
    );
}

#[tokio::test]
async fn who_owns_a_home_is_refused_with_the_reason_and_the_law() {
    let town = Town::open().await;
    let li = tenant(&town, 22).await;
    cast::owns_home(&town.doors, &li).await.unwrap();
    let submitted = submit(&town, &li).await;
    assert_eq!(submitted["state"], "refused");
    let rent_02 = submitted["decision"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["code"] == "RENT-02")
        .unwrap()
        .clone();
    assert_eq!(rent_02["outcome"], "not_met");
    assert!(
        !rent_02["law"].as_str().unwrap().is_empty()
            && !rent_02["remedy"].as_str().unwrap().is_empty()
    );
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 720_000);
}

#[tokio::test]
async fn a_silent_source_makes_the_case_wait_and_its_recovery_makes_it_go_on() {
    let town = Town::open().await;
    let li = tenant(&town, 23).await;
    source_mode(&town, "D03", "down").await;
    let submitted = submit(&town, &li).await;
    assert_eq!(
        submitted["state"], "gathering",
        "unknown is never a refusal: {submitted}"
    );
    let waiting = case(&town, &submitted).await;
    assert_eq!(waiting["decision"]["outcome"], "waiting");
    assert_eq!(waiting["decision"]["waiting_for"][0]["source"], "D03");
    source_mode(&town, "D03", "ok").await;
    becomes(&town, &submitted, "done").await;
}

/// What civil affairs hold of somebody's death.
pub async fn death(town: &Town, who: &Person, dead: bool) {
    let body = json!({ "subject": who.id, "value": { "dead": dead, "date": "2026-11-01" } });
    town.doors
        .control_post("/facts/D02/civil.death/set", &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
}

/// The first condition of a case: identity, which two registers speak of.
fn identity(case: &Value) -> &Value {
    let conditions = case["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    let found = conditions
        .iter()
        .find(|condition| condition["code"] == "CMN-01");
    found.expect("CMN-01")
}

#[tokio::test]
async fn two_registers_that_disagree_bring_a_person_to_look_and_two_that_agree_do_not() {
    let town = Town::open().await;
    let agreed = tenant(&town, 31).await;
    death(&town, &agreed, false).await;
    let submitted = submit(&town, &agreed).await;
    becomes(&town, &submitted, "done").await;

    // The police say alive, civil affairs say dead.
    let disputed = tenant(&town, 32).await;
    death(&town, &disputed, true).await;
    let submitted = submit(&town, &disputed).await;
    let reviewing = becomes(&town, &submitted, "reviewing").await;
    assert_eq!(reviewing["decision"]["outcome"], "review");
    let condition = identity(&reviewing);
    assert_eq!(condition["outcome"], "unknown");
    let words = "市公安局、市民政局：不同来源的信息不一致，转人工核对";
    assert_eq!(condition["detail"], words);
    assert_eq!(reviewing["decision"]["review_reasons"], json!([words]));
    let states: Vec<(&str, &str)> = condition["facts"]
        .as_array()
        .expect("facts")
        .iter()
        .filter_map(|fact| Some((fact["source"].as_str()?, fact["state"].as_str()?)))
        .collect();
    for source in ["D01", "D02"] {
        assert!(states.contains(&(source, "conflict")), "{states:?}");
    }
    assert_eq!(balance(&town.doors, &disputed).await.unwrap(), 720_000);

    // Both say dead: a refusal, not a dispute.
    let dead = tenant(&town, 33).await;
    death(&town, &dead, true).await;
    let police = json!({ "subject": dead.id, "value": { "name": dead.name, "match": true, "alive": false } });
    town.doors
        .control_post("/facts/D01/police.identity/set", &police)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let refused = submit(&town, &dead).await;
    assert_eq!(refused["state"], "refused");
    assert_eq!(identity(&refused)["outcome"], "not_met");
}

#[tokio::test]
async fn a_silent_source_is_asked_again_after_the_minutes_of_the_policy() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/centre.toml"
    );
    let shipped = std::fs::read_to_string(folder).expect("the centre's numbers");
    let first_try = r#"{ from = "2002-01", value = 1 },"#;
    let (before, retry) = shipped
        .split_once("name = \"gather_retry_minutes\"")
        .expect("the distances are policy");
    let retry = retry.replacen(first_try, &first_try.replace("= 1 }", "= 120 }"), 1);
    let centre = format!("{before}name = \"gather_retry_minutes\"{retry}");
    assert_ne!(centre, shipped);
    let town = Town::with_policy(&[("chongqing/centre.toml", &centre)]).await;
    let li = tenant(&town, 34).await;
    source_mode(&town, "D03", "down").await;
    let submitted = submit(&town, &li).await;
    assert_eq!(submitted["decision"]["outcome"], "waiting");
    let minutes = town
        .sql("SELECT extract(epoch FROM next_try_at - submitted_at)::bigint / 60 FROM business_case WHERE state = 2")
        .await;
    assert_eq!(minutes, 120);
}

#[tokio::test]
async fn a_waiting_case_can_be_taken_back_and_asked_for_again() {
    let town = Town::open().await;
    let li = tenant(&town, 24).await;
    source_mode(&town, "D02", "down").await;
    let submitted = submit(&town, &li).await;
    let body = request(&town, &li).await;
    let second = town.doors.post("/cases", &body).await.unwrap();
    assert_eq!((second.status.as_u16(), second.code()), (409, "E-W-05"));
    assert_eq!(second.body["case_id"], submitted["case_id"]);
    let id = text(&submitted, "case_id").unwrap();
    town.doors
        .post(&format!("/cases/{id}/withdraw"), &json!({}))
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(case(&town, &submitted).await["state"], "withdrawn");
    source_mode(&town, "D02", "ok").await;
    let again = submit(&town, &li).await;
    becomes(&town, &again, "done").await;
}

#[tokio::test]
async fn a_bank_that_pays_and_does_not_answer_is_queried_and_pays_once() {
    let town = Town::open().await;
    let li = tenant(&town, 25).await;
    bank_mode(&town, "timeout").await;
    let submitted = submit(&town, &li).await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(paid_to_card(&town, &li, &done).await, 360_000);
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 360_000);
}

#[tokio::test]
async fn a_bank_that_tells_twice_is_believed_once() {
    let town = Town::open().await;
    let li = tenant(&town, 26).await;
    bank_mode(&town, "duplicate").await;
    let submitted = submit(&town, &li).await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(paid_to_card(&town, &li, &done).await, 360_000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 360_000);
}

#[tokio::test]
async fn a_debit_of_another_amount_than_ordered_settles_nothing() {
    let town = Town::open().await;
    let li = tenant(&town, 31).await;
    bank_mode(&town, "unknown").await;
    let submitted = submit(&town, &li).await;
    let paying = becomes(&town, &submitted, "executing").await;
    let status = push_debit(&town, &paying["payment"], 360_001).await;
    assert!(
        status.is_success(),
        "taken, so that the bank does not send it for ever: {status}"
    );
    let now = case(&town, &submitted).await;
    assert_eq!(now["state"], "executing");
    assert_eq!(now["payment"]["state"], "unknown");
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 360_000);
    // What was ordered is told afterwards, and counts.
    bank_mode(&town, "ok").await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(paid_to_card(&town, &li, &done).await, 360_000);
}

/// A notice of the bank, signed as it signs, that it has debited our account for this payment.
async fn push_debit(town: &Town, payment: &Value, fen: i64) -> reqwest::StatusCode {
    let bank = text(payment, "bank").expect("a bank");
    let office = town.office().await;
    let own = office.bank(&bank).expect("our bank").account_no.clone();
    let now = chrono::Utc::now();
    let notice = Notice {
        message_id: "LIE-1".to_owned(),
        created: now,
        accounts: vec![AccountNotice {
            id: "LIE-1".to_owned(),
            account: Account {
                number: Some(own),
                ..Account::default()
            },
            entries: vec![Entry {
                bank_reference: Some("LIE-1".to_owned()),
                direction: Direction::Debit,
                amount: Fen::new(fen),
                booked: true,
                booking_date: Some(shanghai_date(now)),
                booked_at: Some(now),
                value_date: None,
                details: vec![EntryDetail {
                    end_to_end_id: Some(text(payment, "end_to_end_id").expect("an id")),
                    ..EntryDetail::default()
                }],
            }],
        }],
    };
    let body = notice.to_xml().expect("a message");
    let key = SharedKey::open(town.config.home.join("keys/bank.key")).expect("the bank's key");
    reqwest::Client::new()
        .post(format!("http://{}/inbox/bank/{bank}", town.config.listen))
        .header(SIGNATURE, key.sign_hex(body.as_bytes()))
        .body(body)
        .send()
        .await
        .expect("an answer")
        .status()
}

#[tokio::test]
async fn a_payment_that_the_bank_refuses_brings_the_money_back() {
    let town = Town::open().await;
    let li = tenant(&town, 27).await;
    bank_mode(&town, "reject").await;
    let submitted = submit(&town, &li).await;
    let failed = becomes(&town, &submitted, "failed").await;
    assert_eq!(failed["payment"]["state"], "rejected");
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 720_000);
    bank_mode(&town, "ok").await;
    let again = submit(&town, &li).await;
    becomes(&town, &again, "done").await;
}

#[tokio::test]
async fn a_payment_of_unknown_result_stays_executing_until_the_bank_knows() {
    let town = Town::open().await;
    let li = tenant(&town, 28).await;
    bank_mode(&town, "unknown").await;
    let submitted = submit(&town, &li).await;
    assert_eq!(case(&town, &submitted).await["state"], "executing");
    assert_eq!(
        balance(&town.doors, &li).await.unwrap(),
        360_000,
        "the money is neither here nor paid twice"
    );
    // Nothing else is paid meanwhile, and the reason names the payment that is under way.
    let office = town.office().await;
    let me = Visitor::person(&town, &office, &li).await;
    let why = me.get("/my/do/withdraw-retire/why").await.page;
    let number = text(&submitted, "case_id").expect("an id");
    assert!(
        why.contains(&format!("（编号：{number}），请勿重复提交")),
        "{why}"
    );
    bank_mode(&town, "ok").await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(paid_to_card(&town, &li, &done).await, 360_000);
}

#[tokio::test]
async fn fifty_taps_in_one_second_are_one_case_and_one_payment() {
    let town = Town::open().await;
    let li = tenant(&town, 29).await;
    let body = request(&town, &li).await;
    let answers =
        futures::future::join_all((0..50).map(|_| town.doors.post("/cases?wait=5s", &body))).await;
    let (mut made, mut living) = (0, 0);
    for answer in answers {
        let answer = answer.unwrap();
        match (answer.status.as_u16(), answer.code()) {
            (201, _) if answer.body["state"] != "refused" => made += 1,
            // Who came after the first was paid is refused by the interval of twelve months.
            (201, _) | (409, "E-W-05") => living += 1,
            other => panic!("{other:?}: {}", answer.body),
        }
    }
    assert_eq!((made, made + living), (1, 50));
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 360_000);
}

#[tokio::test]
async fn a_wrong_form_says_what_is_wrong() {
    let town = Town::open().await;
    let li = tenant(&town, 30).await;
    let applicant = look_up(&town.doors, &li).await.unwrap();
    let wrong = json!({ "service": "withdraw-rent", "applicant": applicant, "form": { "card_no": "1234", "amount_fen": -5 }, "channel": "APP" });
    let answer = town.doors.post("/cases", &wrong).await.unwrap();
    assert_eq!(answer.status.as_u16(), 422);
    assert_eq!(
        answer.body["errors"].as_array().unwrap().len(),
        2,
        "{}",
        answer.body
    );
}
