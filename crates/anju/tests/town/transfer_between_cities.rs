//! Money follows people between cities, both ways, over the national platform: each state, each refusal, and what the banks do.

use std::time::{Duration, Instant};

use anju::cast::{self, Person, balance, contribute, look_up, open_employer, text};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

const CHENGDU: &str = "510100";
const BEIJING: &str = "110000";
/// The fund account of the simulated centres.
const ACCOUNT_OF_CHENGDU: &str = "5101009001";

/// Somebody who contributes here: one month of 2,400.00 at an employer; with the employer's number.
pub async fn newcomer(town: &Town, seed: i64) -> (Person, String) {
    let people = known(town, seed, &[("李梅", 1_000_000)]).await;
    let employer = open_employer(&town.doors, seed, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    (people[0].clone(), employer)
}

/// The person's account at a simulated centre.
async fn lives_at(town: &Town, centre: &str, who: &Person, changes: Value) {
    let mut account = json!({
        "name": who.name, "sealed": true, "balance_fen": 1_230_000, "interest_fen": 4_567, "opened_on": "2019-03-01",
        "months": (1..=24).rev().map(|back| month(back + 1).to_string()).collect::<Vec<_>>(),
    });
    for (field, value) in changes.as_object().expect("an object") {
        account[field] = value.clone();
    }
    let body = json!({ "id_no": who.id, "account": account });
    let path = format!("/platform/centres/{centre}/accounts");
    town.doors
        .control_post(&path, &body)
        .await
        .expect("the platform")
        .ok()
        .expect("an account");
}

async fn mood(town: &Town, centre: &str, mood: &str) {
    let path = format!("/platform/centres/{centre}");
    town.doors
        .control_put(&path, &json!({ "mood": mood }))
        .await
        .expect("the platform")
        .ok()
        .expect("a mood");
}

async fn apply(town: &Town, who: &Person, centre: &str) -> anju::doors::Answer {
    let applicant = look_up(&town.doors, who).await.expect("known");
    let body = json!({
        "service": "transfer-in-apply", "applicant": applicant, "channel": "APP", "form": { "from_centre": centre },
    });
    town.doors.post("/cases", &body).await.expect("a door")
}

/// Applies, and the case's number.
async fn applied(town: &Town, who: &Person, centre: &str) -> String {
    let case = apply(town, who, centre).await.ok().expect("a case");
    text(&case, "case_id").expect("a number")
}

async fn case(town: &Town, id: &str) -> Value {
    town.doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case")
}

/// The case once it is what is waited for.
async fn until(town: &Town, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let case = case(town, id).await;
        if holds(&case) {
            return case;
        }
        assert!(Instant::now() < deadline, "not {what}: {case:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ended(town: &Town, id: &str, state: &str) -> Value {
    until(town, id, state, |case| case["state"] == state).await
}

fn steps(case: &Value) -> Vec<&str> {
    case["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["event"].as_str().expect("a step"))
        .collect()
}

/// What an event of a case says.
fn detail<'a>(case: &'a Value, step: &str) -> &'a Value {
    let events = case["events"].as_array().expect("events");
    let event = events.iter().rev().find(|event| event["event"] == step);
    &event.unwrap_or_else(|| panic!("no {step}: {case:#}"))["detail"]
}

fn letter_no(case: &Value) -> String {
    text(detail(case, "letter_sent"), "letter").expect("a letter")
}

/// The letter as the simulated centre has it, once it is in a state.
pub async fn letter_at_other(town: &Town, no: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = town.doors.control(&format!("/platform/letters/{no}")).await;
        // It may be on its way yet.
        let letter = answer.expect("the platform").body;
        if letter["state"] == state {
            return letter;
        }
        assert!(Instant::now() < deadline, "not {state}: {letter}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Balance of a subject on its own side, fen.
async fn subject(town: &Town, code: &str) -> i64 {
    let balance = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("a balance");
    balance["subjects"]
        .as_array()
        .expect("subjects")
        .iter()
        .find(|subject| subject["code"] == code)
        .unwrap_or_else(|| panic!("no {code}"))["closing_fen"]
        .as_i64()
        .expect("fen")
}

/// Nothing is on its way, and every invariant of the books holds.
async fn at_rest(town: &Town) {
    assert_eq!(subject(town, "21906").await, 0, "转移清算 is empty");
    town.audited().await;
}

/// A teller and a reviewer of the branch that keeps the letter.
async fn hands(town: &Town) -> [Visitor; 2] {
    let office = town.office().await;
    let branch = town
        .sql("SELECT max(branch_id)::bigint FROM transfer_letter")
        .await;
    let branch = i16::try_from(branch).expect("a branch");
    [
        Visitor::staff(town, &office, "teller", branch).await,
        Visitor::staff(town, &office, "reviewer", branch).await,
    ]
}

/// The refusal codes of a decision.
fn not_met(case: &Value) -> Vec<&str> {
    case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter(|condition| condition["outcome"] == "not_met")
        .map(|condition| condition["code"].as_str().expect("a code"))
        .collect()
}

// ---- the person comes here ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn money_and_months_come_from_chengdu_and_the_person_sees_each_step() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 701).await;
    lives_at(&town, CHENGDU, &li, json!({})).await;
    let before = balance(&town.doors, &li).await.expect("a balance");

    let id = applied(&town, &li, CHENGDU).await;
    let done = ended(&town, &id, "done").await;
    assert_eq!(
        balance(&town.doors, &li).await.expect("a balance"),
        before + 1_234_567,
        "principal and interest"
    );
    let seen = steps(&done);
    for step in [
        "letter_sent",
        "funds_sent",
        "funds_arrived",
        "matched",
        "credited",
        "done",
    ] {
        assert!(seen.contains(&step), "{step} in {seen:?}");
    }
    assert_eq!(detail(&done, "credited")["months"], 24);
    assert_eq!(detail(&done, "done")["working_days"], 0, "measured");
    letter_at_other(&town, &letter_no(&done), "CLOSED").await;
    at_rest(&town).await;

    // The person's account there is gone, and the months are his here.
    let there = json!({ "id_no": li.id });
    let path = format!("/platform/centres/{CHENGDU}/accounts/read");
    let account = town
        .doors
        .control_post(&path, &there)
        .await
        .expect("the platform")
        .ok();
    assert_eq!(account.expect("an answer")["account"], Value::Null);
    assert_eq!(town.sql("SELECT count(*) FROM remote_month").await, 24);

    let office = town.office().await;
    let me = Visitor::person(&town, &office, &li).await;
    let page = me.get(&format!("/my/cases/{id}")).await.page;
    for words in ["已发联系函", "已记入您的账户", &letter_no(&done)] {
        assert!(page.contains(words), "{words}");
    }
    let letters = anju_business::remote::list::query_transfer_in(
        &office,
        office
            .numbers
            .decode(
                anju_vault::NumberKind::Person,
                &look_up(&town.doors, &li).await.expect("known"),
            )
            .expect("a number"),
        None,
    )
    .await
    .expect("read");
    assert_eq!(letters[0]["state"], "COMPLETED");
    assert_eq!(letters[0]["amount_fen"], 1_234_567);
}

#[tokio::test]
async fn whoever_has_not_contributed_long_enough_or_is_not_who_he_says_is_refused() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 702).await;
    let id = applied(&town, &li, BEIJING).await;
    let refused = ended(&town, &id, "refused").await;
    assert_eq!(
        not_met(&refused),
        ["RT-01"],
        "six months for Beijing, none for Chengdu"
    );

    let identity = json!({ "name": "李梅梅", "match": false, "alive": true });
    cast::fact(&town.doors, "D01", "police.identity", &li.id, identity)
        .await
        .expect("the police");
    let id = applied(&town, &li, CHENGDU).await;
    let refused = ended(&town, &id, "refused").await;
    assert_eq!(not_met(&refused), ["RT-02"]);
    at_rest(&town).await;
}

#[tokio::test]
async fn one_request_lives_at_a_time_and_is_taken_back_until_the_other_centre_has_it() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 703).await;
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "silent").await;
    let id = applied(&town, &li, CHENGDU).await;
    let sent = until(&town, &id, "sent", |case| {
        steps(case).contains(&"letter_sent")
    })
    .await;
    letter_at_other(&town, &letter_no(&sent), "LETTER_RECEIVED").await;

    let second = apply(&town, &li, CHENGDU).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert_eq!(second.code(), "E-RT-05");
    assert_eq!(second.body["case_id"], id.as_str());
    assert!(
        second.body["detail"]
            .as_str()
            .expect("words")
            .contains(&letter_no(&sent))
    );

    let path = format!("/cases/{id}/withdraw");
    town.doors
        .post(&path, &json!({}))
        .await
        .expect("a door")
        .ok()
        .expect("asked");
    ended(&town, &id, "withdrawn").await;
    letter_at_other(&town, &letter_no(&sent), "CANCELLED").await;

    // With a centre that has confirmed it is too late.
    mood(&town, CHENGDU, "stubborn").await;
    let id = applied(&town, &li, CHENGDU).await;
    until(&town, &id, "negotiating", |case| {
        steps(case).contains(&"negotiating")
    })
    .await;
    let late = town
        .doors
        .post(&format!("/cases/{id}/withdraw"), &json!({}))
        .await
        .expect("a door");
    assert_eq!(
        (late.status, late.code()),
        (StatusCode::CONFLICT, "E-RT-07")
    );
}

#[tokio::test]
async fn what_the_other_centre_refuses_comes_back_with_its_reason_and_may_be_asked_for_again() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 704).await;
    let mut refusals = vec![];
    for changes in [
        json!(null),
        json!({ "name": "李美" }),
        json!({ "sealed": false }),
        json!({ "frozen": true }),
        json!({ "open_loans": 1 }),
    ] {
        if !changes.is_null() {
            lives_at(&town, CHENGDU, &li, changes).await;
        }
        let id = applied(&town, &li, CHENGDU).await;
        let failed = ended(&town, &id, "failed").await;
        refusals.push(text(detail(&failed, "returned"), "code").expect("a code"));
    }
    assert_eq!(
        refusals,
        ["E-RT-02", "E-RT-02", "E-RT-03", "E-RT-03", "E-RT-04"]
    );
    lives_at(&town, CHENGDU, &li, json!({})).await;
    let id = applied(&town, &li, CHENGDU).await;
    ended(&town, &id, "done").await;
    at_rest(&town).await;
}

#[tokio::test]
async fn another_amount_is_negotiated_until_the_sheet_is_right() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 705).await;
    let before = balance(&town.doors, &li).await.expect("a balance");
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "other_amount").await;
    let id = applied(&town, &li, CHENGDU).await;
    let done = ended(&town, &id, "done").await;
    assert_eq!(detail(&done, "negotiating")["received_fen"], 1_234_566);
    assert_eq!(
        balance(&town.doors, &li).await.expect("a balance"),
        before + 1_234_566,
        "what has come, not what was said"
    );
    at_rest(&town).await;
}

#[tokio::test]
async fn money_that_fits_no_sheet_goes_back_when_two_persons_say_so() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 706).await;
    let before = balance(&town.doors, &li).await.expect("a balance");
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "stubborn").await;
    let id = applied(&town, &li, CHENGDU).await;
    until(&town, &id, "negotiating", |case| {
        steps(case).contains(&"negotiating")
    })
    .await;
    assert_eq!(subject(&town, "21906").await, 1_234_566, "nobody's yet");

    let [maker, checker] = hands(&town).await;
    let list = maker.get("/desk/transfers").await.page;
    for words in ["协商中", "成都", "12,345.66"] {
        assert!(list.contains(words), "{words}");
    }
    let path = format!("/desk/transfers/{id}");
    let answer = maker
        .post(
            &format!("{path}/propose"),
            &[
                ("proposal", "give_back"),
                ("reason", "对方确认少付，退回重办"),
            ],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let own = maker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    assert_ne!(
        own.status,
        StatusCode::SEE_OTHER,
        "nobody confirms what he proposed"
    );
    let agreed = checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);

    let failed = ended(&town, &id, "failed").await;
    assert_eq!(detail(&failed, "returned")["code"], "E-RT-10");
    assert_eq!(balance(&town.doors, &li).await.expect("a balance"), before);
    let there = cast::bank_balance(&town.doors, "B9", ACCOUNT_OF_CHENGDU)
        .await
        .expect("a bank");
    assert_eq!(there, 1_234_566, "what was sent has come back");
    letter_at_other(&town, &letter_no(&failed), "REOPENED").await;
    at_rest(&town).await;
}

#[tokio::test]
async fn what_is_said_twice_counts_once_and_a_second_payment_is_nobodys() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 707).await;
    let before = balance(&town.doors, &li).await.expect("a balance");
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "twice").await;
    let id = applied(&town, &li, CHENGDU).await;
    let done = ended(&town, &id, "done").await;
    let payment = json!({
        "from": ACCOUNT_OF_CHENGDU, "to": "6500001001", "amount_fen": 1_234_567,
        "reference": format!("公积金异地转移 {} 重复", letter_no(&done)), "payer": "成都住房公积金管理中心",
    });
    town.doors
        .control_post("/banks/B1/payments", &payment)
        .await
        .expect("a bank")
        .ok()
        .expect("paid");
    let deadline = Instant::now() + Duration::from_secs(10);
    while subject(&town, "21903").await == 0 {
        assert!(
            Instant::now() < deadline,
            "the second payment is unidentified"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(subject(&town, "21903").await, 1_234_567);
    assert_eq!(
        balance(&town.doors, &li).await.expect("a balance"),
        before + 1_234_567
    );
    let credited = steps(&case(&town, &id).await)
        .iter()
        .filter(|step| **step == "credited")
        .count();
    assert_eq!(credited, 1);
    at_rest(&town).await;
}

#[tokio::test]
async fn after_three_failed_payments_of_the_other_centre_it_has_failed() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 708).await;
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "pay_fail").await;
    let id = applied(&town, &li, CHENGDU).await;
    let failed = ended(&town, &id, "failed").await;
    assert_eq!(detail(&failed, "returned")["code"], "E-RT-08");
    at_rest(&town).await;
}

#[tokio::test]
async fn a_silent_centre_is_reminded_after_the_days_of_policy() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 709).await;
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "silent").await;
    let id = applied(&town, &li, CHENGDU).await;
    let sent = until(&town, &id, "sent", |case| {
        steps(case).contains(&"letter_sent")
    })
    .await;
    letter_at_other(&town, &letter_no(&sent), "LETTER_RECEIVED").await;
    town.later(60 * 24 * 21);
    let escalated = until(&town, &id, "escalated", |case| {
        steps(case).contains(&"escalated")
    })
    .await;
    assert_eq!(
        detail(&escalated, "escalated")["transfer_state"],
        "ESCALATED"
    );
    let [teller, _] = hands(&town).await;
    let list = teller.get("/desk/transfers").await.page;
    assert!(list.contains("超期，已催办"), "the desk sees it");
}

#[tokio::test]
async fn a_centre_that_is_not_at_the_platform_gets_no_letter() {
    let service = include_str!("../../../../policy/chongqing/transfer-in-apply.toml").replace(
        r#"{ value = "110000", label = "北京" },"#,
        r#"{ value = "519999", label = "某地" },"#,
    );
    let town = Town::with_policy(&[("chongqing/transfer-in-apply.toml", &service)]).await;
    let (li, _) = newcomer(&town, 710).await;
    let id = applied(&town, &li, "519999").await;
    let failed = ended(&town, &id, "failed").await;
    assert_eq!(detail(&failed, "returned")["code"], "E-RT-09");
}

/// Money from Chengdu for 王强, whose account was closed before it came, and its letter.
async fn money_without_an_account(town: &Town, seed: i64) -> (Person, String) {
    let wang = known(town, seed, &[("王强", 800_000)]).await.remove(0);
    let employer = open_employer(&town.doors, seed, month(1))
        .await
        .expect("an employer");
    let row = json!([{ "name": wang.name, "id_no": wang.id, "base_fen": wang.base_fen }]);
    let body = json!({
        "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": { "roster": row },
    });
    town.doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("opened");
    lives_at(town, CHENGDU, &wang, json!({})).await;
    mood(town, CHENGDU, "silent").await;
    let id = applied(town, &wang, CHENGDU).await;
    let sent = until(town, &id, "sent", |case| {
        steps(case).contains(&"letter_sent")
    })
    .await;
    letter_at_other(town, &letter_no(&sent), "LETTER_RECEIVED").await;

    // The empty account is closed as a withdrawal that closes one would.
    let mut owner = town.database.owner().await;
    for statement in [
        "UPDATE membership SET state = 9",
        "UPDATE ledger_account SET state = 3, version = version + 1 WHERE kind = 1",
    ] {
        sqlx::query(statement)
            .execute(&mut owner)
            .await
            .expect("closed");
    }
    mood(town, CHENGDU, "ok").await;
    town.later(60 * 24 * 21);
    let negotiating = until(town, &id, "negotiating", |case| {
        steps(case).contains(&"negotiating")
    })
    .await;
    let reason = text(detail(&negotiating, "negotiating"), "reason").expect("a reason");
    assert_eq!(reason, "转入账户已销户，不能入账");
    assert_eq!(subject(town, "21906").await, 1_234_567);
    (wang, id)
}

/// Funds that arrive after the account was closed.
#[tokio::test]
async fn money_for_an_account_that_is_closed_meanwhile_is_negotiated_and_goes_back() {
    let town = Town::open().await;
    let (_, id) = money_without_an_account(&town, 717).await;
    let [maker, checker] = hands(&town).await;
    let path = format!("/desk/transfers/{id}");
    // Nobody's account takes it: two persons cannot credit it either.
    let here = [
        ("proposal", "credit_here"),
        ("reason", "本人已重新开户，记入现在的账户"),
    ];
    let answer = maker.post(&format!("{path}/propose"), &here).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let answer = checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    assert!(
        answer.page.contains("没有可以入账的账户"),
        "{}",
        answer.page
    );
    assert_eq!(subject(&town, "21906").await, 1_234_567);
    let proposal = [
        ("proposal", "give_back"),
        ("reason", "账户已销户，退回转出地"),
    ];
    checker
        .post(&format!("{path}/confirm"), &[("agree", "no")])
        .await;
    let answer = maker.post(&format!("{path}/propose"), &proposal).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    ended(&town, &id, "failed").await;
    at_rest(&town).await;
}

#[tokio::test]
async fn money_that_found_no_account_goes_to_the_one_that_the_person_has_by_now() {
    let town = Town::open().await;
    let (wang, id) = money_without_an_account(&town, 1570).await;
    // An employer sets him up again: another account, the same person.
    let employer = open_employer(&town.doors, 1571, month(1))
        .await
        .expect("an employer");
    let row = json!([{ "name": wang.name, "id_no": wang.id, "base_fen": wang.base_fen }]);
    let body = json!({
        "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": { "roster": row },
    });
    town.doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("opened");
    let [maker, checker] = hands(&town).await;
    let path = format!("/desk/transfers/{id}");
    let page = maker.get(&path).await.page;
    assert!(page.contains("记入本人现在的账户"), "{page}");
    let here = [
        ("proposal", "credit_here"),
        ("reason", "本人已重新开户，记入现在的账户"),
    ];
    let answer = maker.post(&format!("{path}/propose"), &here).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let own = maker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    assert!(own.page.contains("不能自己复核"), "{}", own.page);
    checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    ended(&town, &id, "done").await;
    let credited = "SELECT balance_fen FROM ledger_account WHERE kind = 1 AND state <> 3";
    assert_eq!(town.sql(credited).await, 1_234_567, "on the new account");
    at_rest(&town).await;
}

#[tokio::test]
async fn what_the_platform_has_not_signed_is_not_taken() {
    let town = Town::open().await;
    let message = json!({
        "messageId": "510100-1", "from": CHENGDU, "to": "500000", "letterNo": "LH510100S000000000001",
        "sentAt": "2026-11-24T02:00:00Z", "business": "BDC903", "data": null,
    });
    let http = reqwest::Client::new();
    let inbox = format!("http://{}/inbox/platform", town.config.listen);
    let platform = format!("{}/platform/messages", town.config.outside_url);
    for url in [inbox, platform] {
        let answer = http
            .post(url)
            .json(&message)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 401);
    }
    assert_eq!(town.sql("SELECT count(*) FROM inbox").await, 0);
}

#[tokio::test]
async fn the_form_on_the_page_sends_the_letter_and_tells_what_is_wrong() {
    let town = Town::open().await;
    let (li, _) = newcomer(&town, 718).await;
    lives_at(&town, CHENGDU, &li, json!({})).await;
    mood(&town, CHENGDU, "silent").await;
    let office = town.office().await;
    let me = Visitor::person(&town, &office, &li).await;
    let page = me.get("/my/transfer").await.page;
    for words in [
        "从哪里转来",
        "成都",
        "北京",
        "转出地个人账号",
        "2 至 3 个工作日",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let key = |page: &str| {
        let rest = page.split("name=\"key\" value=\"").nth(1).expect("a key");
        rest.split('"').next().expect("its end").to_owned()
    };
    let first = key(&page);
    let sent = me
        .post("/my/transfer", &[("key", &first), ("from_centre", CHENGDU)])
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let again = me
        .post("/my/transfer", &[("key", &first), ("from_centre", CHENGDU)])
        .await;
    assert_eq!(
        again.location, sent.location,
        "the same button twice is one case"
    );
    let second = key(&me.get("/my/transfer").await.page);
    let refused = me
        .post(
            "/my/transfer",
            &[("key", &second), ("from_centre", CHENGDU)],
        )
        .await;
    assert!(
        refused
            .page
            .contains("已有在办的转移申请（联系函号：LH500000"),
        "{}",
        refused.page
    );
    let followed = me.get(&sent.location).await.page;
    for words in ["已发联系函", "个工作日", "撤回这次申请"] {
        assert!(followed.contains(words), "{words}");
    }
}

// ---- the person leaves -------------------------------------------------------------------------------------------------------------

pub async fn seal(town: &Town, employer: &str, who: &Person) {
    let account = crate::town::account_no(town, who).await;
    let body = json!({
        "service": "employee-account-seal", "applicant": employer, "channel": "HALL",
        "form": { "roster": [{ "account_no": account, "reason": "离职" }] },
    });
    let sealed = town
        .doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("sealed");
    assert_eq!(sealed["state"], "done");
}

/// The person applies at Chengdu; the letter's number.
pub async fn asked_for(town: &Town, who: &Person, name: &str) -> String {
    let path = format!("/platform/centres/{CHENGDU}/letters");
    let body = json!({ "id_no": who.id, "name": name, "from": "500000" });
    let answer = town
        .doors
        .control_post(&path, &body)
        .await
        .expect("the platform")
        .ok();
    text(&answer.expect("a letter"), "letter_no").expect("a number")
}

#[tokio::test]
async fn a_sealed_account_leaves_whole_with_its_interest_and_is_closed() {
    let town = Town::open().await;
    let (li, employer) = newcomer(&town, 711).await;
    seal(&town, &employer, &li).await;
    let no = asked_for(&town, &li, "李梅").await;
    let letter = letter_at_other(&town, &no, "COMPLETED").await;
    assert_eq!(letter["received_fen"], 240_000);
    assert_eq!(letter["sheet"]["totalFen"], 240_000);
    assert_eq!(letter["sheet"]["months"], json!([month(1).to_string()]));
    let there = cast::bank_balance(&town.doors, "B9", ACCOUNT_OF_CHENGDU)
        .await
        .expect("a bank");
    assert_eq!(there, 240_000);
    assert_eq!(subject(&town, "201").await, 0, "nobody's money is left");
    assert_eq!(
        town.sql("SELECT count(*) FROM ledger_account WHERE kind = 1 AND state = 3")
            .await,
        1,
        "销户"
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while town
        .sql("SELECT count(*) FROM transfer_letter WHERE side = 2 AND state = 'CLOSED'")
        .await
        == 0
    {
        assert!(Instant::now() < deadline, "CLOSED by the in-centre's word");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    at_rest(&town).await;
}

#[tokio::test]
async fn whoever_may_not_leave_is_refused_with_the_reason() {
    let town = Town::open().await;
    let (li, employer) = newcomer(&town, 712).await;
    let stranger = cast::person("王强", 712, 9, 500_000).expect("numbers");
    let reason = async |who: &Person, name: &str| {
        let no = asked_for(&town, who, name).await;
        let letter = letter_at_other(&town, &no, "RETURNED").await;
        text(&letter, "reason").expect("a reason")[..7].to_owned()
    };
    assert_eq!(reason(&stranger, "王强").await, "E-RT-02", "not ours");
    assert_eq!(reason(&li, "李美").await, "E-RT-02", "under another name");
    assert_eq!(reason(&li, "李梅").await, "E-RT-03", "still contributing");
    seal(&town, &employer, &li).await;
    let mut owner = town.database.owner().await;
    sqlx::query("INSERT INTO blacklist SELECT 1, person_id, '2026-01-01', '2031-01-01', '违规提取' FROM person")
        .execute(&mut owner)
        .await
        .expect("listed");
    assert_eq!(reason(&li, "李梅").await, "E-RT-04", "on the black list");
    assert_eq!(balance(&town.doors, &li).await.expect("a balance"), 240_000);
    at_rest(&town).await;
}

#[tokio::test]
async fn a_bank_that_refuses_leaves_the_account_as_it_was_and_is_asked_again() {
    let town = Town::open().await;
    let (li, employer) = newcomer(&town, 713).await;
    seal(&town, &employer, &li).await;
    for bank in 1..=8 {
        let path = format!("/banks/B{bank}");
        town.doors
            .control_put(&path, &json!({ "mode": "reject" }))
            .await
            .expect("a bank")
            .ok()
            .expect("a mode");
    }
    let no = asked_for(&town, &li, "李梅").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while town
        .sql("SELECT coalesce(max(tries), 0)::bigint FROM transfer_letter")
        .await
        == 0
    {
        assert!(Instant::now() < deadline, "the bank refuses");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let account = cast::account(&town.doors, &li).await.expect("an account");
    assert_eq!(
        (&account["state"], &account["balance_fen"]),
        (&json!("sealed"), &json!(240_000))
    );
    at_rest(&town).await;
    for bank in 1..=8 {
        let path = format!("/banks/B{bank}");
        town.doors
            .control_put(&path, &json!({ "mode": "ok" }))
            .await
            .expect("a bank")
            .ok()
            .expect("a mode");
    }
    town.later(31);
    letter_at_other(&town, &no, "COMPLETED").await;
    at_rest(&town).await;
}

#[tokio::test]
async fn money_that_the_other_centre_sends_back_restores_account_and_products() {
    let town = Town::open().await;
    let (li, employer) = newcomer(&town, 714).await;
    seal(&town, &employer, &li).await;
    mood(&town, CHENGDU, "dispute").await;
    let no = asked_for(&town, &li, "李梅").await;
    letter_at_other(&town, &no, "RETURNED").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while town
        .sql("SELECT count(*) FROM transfer_letter WHERE side = 2 AND state = 'REFUSED'")
        .await
        == 0
    {
        assert!(Instant::now() < deadline, "ended here too");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let account = cast::account(&town.doors, &li).await.expect("an account");
    assert_eq!(
        (&account["state"], &account["balance_fen"]),
        (&json!("sealed"), &json!(240_000))
    );
    at_rest(&town).await;
    // It may leave again.
    mood(&town, CHENGDU, "ok").await;
    let again = asked_for(&town, &li, "李梅").await;
    letter_at_other(&town, &again, "COMPLETED").await;
    at_rest(&town).await;
}

#[tokio::test]
async fn a_payment_that_the_bank_returns_reopens_the_account_and_is_paid_again_by_two_persons() {
    let town = Town::open().await;
    let (li, employer) = newcomer(&town, 716).await;
    seal(&town, &employer, &li).await;
    mood(&town, CHENGDU, "silent").await;
    let banks = async |mode: &str| {
        for bank in 1..=8 {
            let path = format!("/banks/B{bank}");
            town.doors
                .control_put(&path, &json!({ "mode": mode }))
                .await
                .expect("a bank")
                .ok()
                .expect("a mode");
        }
    };
    banks("return_later").await;
    let no = asked_for(&town, &li, "李梅").await;
    letter_at_other(&town, &no, "FUNDS_SENT").await;
    let products = "SELECT (product + balance_fen * (current_date + 30 - product_date))::bigint FROM ledger_account WHERE kind = 1";
    town.later(60 * 24 * 4);
    let deadline = Instant::now() + Duration::from_secs(20);
    while town.sql("SELECT count(*) FROM transfer_letter WHERE state = 'NEGOTIATING' AND out_journal IS NULL").await == 0 {
        assert!(Instant::now() < deadline, "the bank returns it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let account = cast::account(&town.doors, &li).await.expect("an account");
    assert_eq!(
        (&account["state"], &account["balance_fen"]),
        (&json!("sealed"), &json!(240_000))
    );
    assert_eq!(
        town.sql(products).await % 240_000,
        0,
        "as if it had not left"
    );
    at_rest(&town).await;

    banks("ok").await;
    mood(&town, CHENGDU, "ok").await;
    let [maker, checker] = hands(&town).await;
    let list = maker.get("/desk/transfers").await.page;
    let id = list
        .split("href=\"/desk/transfers/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a letter");
    let path = format!("/desk/transfers/{id}");
    let proposal = [
        ("proposal", "approve"),
        ("reason", "对方账号已更正，重新划款"),
    ];
    let answer = maker.post(&format!("{path}/propose"), &proposal).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while town
        .sql("SELECT count(*) FROM transfer_letter WHERE state IN ('PAID', 'CLOSED')")
        .await
        == 0
    {
        assert!(Instant::now() < deadline, "paid again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(subject(&town, "201").await, 0);
    at_rest(&town).await;
}

#[tokio::test]
async fn a_large_amount_leaves_when_two_persons_have_looked_and_nothing_is_withdrawn_meanwhile() {
    let centre = include_str!("../../../../policy/chongqing/centre.toml")
        .replace("value = 50000000 }", "value = 200000 }");
    let town = Town::with_policy(&[("chongqing/centre.toml", &centre)]).await;
    let (li, employer) = newcomer(&town, 715).await;
    cast::rents(&town.doors, &li).await.expect("a lease");
    seal(&town, &employer, &li).await;
    let no = asked_for(&town, &li, "李梅").await;
    letter_at_other(&town, &no, "OUT_ACCEPTED").await;

    let request = cast::rent_request(&town.doors, &li)
        .await
        .expect("a request");
    let withdrawal = town
        .doors
        .post("/cases", &request)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let id = text(&withdrawal, "case_id").expect("a number");
    let refused = ended(&town, &id, "refused").await;
    assert!(
        not_met(&refused).contains(&"CMN-09"),
        "{:?}",
        not_met(&refused)
    );

    let [maker, checker] = hands(&town).await;
    let list = maker.get("/desk/transfers").await.page;
    let path = list
        .split("href=\"/desk/transfers/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|id| format!("/desk/transfers/{id}"))
        .expect("a letter in the list");
    let answer = maker
        .post(
            &format!("{path}/propose"),
            &[("proposal", "approve"), ("reason", "账户信息核对无误")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let agreed = checker
        .post(&format!("{path}/confirm"), &[("agree", "yes")])
        .await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    letter_at_other(&town, &no, "COMPLETED").await;
    at_rest(&town).await;
}

// ---- two instances -----------------------------------------------------------------------------------------------------------------

/// Somebody who has left the one centre and works at the other.
async fn mover(from: &Town, to: &Town, seed: i64) -> (Person, String) {
    let who = known(from, seed, &[("李梅", 1_000_000)]).await.remove(0);
    let old = open_employer(&from.doors, seed, month(1))
        .await
        .expect("an employer");
    contribute(&from.doors, &old, month(1), std::slice::from_ref(&who))
        .await
        .expect("a month");
    seal(from, &old, &who).await;
    let new = open_employer(&to.doors, seed + 500, month(0))
        .await
        .expect("an employer");
    contribute(&to.doors, &new, month(0), std::slice::from_ref(&who))
        .await
        .expect("a month");
    (who, new)
}

/// What both books hold for people, what is on its way, and what interest they have paid.
async fn both(towns: [&Town; 2], code: &str) -> i64 {
    subject(towns[0], code).await + subject(towns[1], code).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_killed_at_any_step_move_every_fen_exactly_once() {
    let seed = crate::chance::seed();
    let mut chance = crate::chance::Chance::of(seed);
    let chongqing = Town::open().await;
    let chengdu = chongqing.beside("chengdu").await;
    let mut movers = Vec::new();
    for place in 0..4 {
        let (from, to) = if place % 2 == 0 {
            (&chengdu, &chongqing)
        } else {
            (&chongqing, &chengdu)
        };
        movers.push((mover(from, to, 730 + place).await.0, place % 2 == 0));
    }
    let people = both([&chongqing, &chengdu], "201").await;
    let banks = both([&chongqing, &chengdu], "10101").await;
    let mut towns = [chongqing.into_process().await, chengdu.into_process().await];

    let mut cases = Vec::new();
    for (who, comes_to_chongqing) in &movers {
        let (to, from) = if *comes_to_chongqing {
            (0, CHENGDU)
        } else {
            (1, "500000")
        };
        cases.push((to, applied(&towns[to], who, from).await));
    }
    let deadline = Instant::now() + Duration::from_secs(150);
    let mut kills = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(chance.below(700))).await;
        let victim = usize::try_from(chance.below(2)).expect("two");
        if kills < 12 {
            towns[victim].kill_server();
            tokio::time::sleep(Duration::from_millis(chance.below(300))).await;
            towns[victim].start_server().await;
            kills += 1;
        }
        let mut open = 0;
        for (to, id) in &cases {
            let answer = towns[*to].doors.get(&format!("/cases/{id}")).await;
            open += usize::from(!answer.is_ok_and(|answer| answer.body["state"] == "done"));
        }
        if open == 0 && kills >= 12 {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "seed {seed}: {open} cases are still open"
        );
    }
    let settled = "SELECT count(*) FROM transfer_letter WHERE ended_at IS NULL";
    while towns[0].sql(settled).await + towns[1].sql(settled).await > 0 {
        assert!(
            Instant::now() < deadline,
            "seed {seed}: a letter is still open"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let [chongqing, chengdu] = &towns;
    for (who, comes_to_chongqing) in &movers {
        let to = if *comes_to_chongqing {
            chongqing
        } else {
            chengdu
        };
        assert_eq!(
            balance(&to.doors, who).await.expect("a balance"),
            480_000,
            "seed {seed}: a month here and a month from there, once"
        );
    }
    let interest = both([chongqing, chengdu], "41101").await;
    assert_eq!(
        both([chongqing, chengdu], "201").await,
        people + interest,
        "seed {seed}"
    );
    assert_eq!(
        both([chongqing, chengdu], "10101").await,
        banks,
        "seed {seed}"
    );
    for town in [chongqing, chengdu] {
        at_rest(town).await;
        for (journals, what) in [
            ("SELECT count(*) FROM journal WHERE event = 33", "credited"),
            ("SELECT count(*) FROM journal WHERE event = 35", "left"),
            ("SELECT count(*) FROM journal WHERE event = 36", "paid"),
        ] {
            assert_eq!(town.sql(journals).await, 2, "seed {seed}: {what}");
        }
    }
}
