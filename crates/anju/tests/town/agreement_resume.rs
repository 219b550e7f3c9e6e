//! 约定提取 that a source's word has suspended: the word is asked for again on the days of policy, and once it no longer holds the agreement goes on,
//! its holder is told, and what was missed is paid.

use anju::cast::{self, Person, loan_request};
use serde_json::{Value, json};

use crate::arrears::{engine, is_told};
use crate::repay::{PAID, SKIPPED, STATE, ask, colleagues, months, on_card, to, tuesday, until};
use crate::town::Town;
use crate::visitor::Visitor;

const ASK_ON: &str = "SELECT coalesce(ask_on - date '2027-03-01', -1)::bigint FROM repay_agreement";

async fn signed(town: &Town, seed: i64) -> Person {
    let li = colleagues(town, seed, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 20), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    assert_eq!(ask(town, &sign).await["state"], "done");
    li
}

async fn says(town: &Town, source: &str, fact: &str, who: &Person, value: Value) {
    cast::fact(&town.doors, source, fact, &who.id, value)
        .await
        .expect("the department");
}

/// Skipped in January, February and March, by what holds meanwhile.
async fn skipped_three_times(town: &Town) {
    for (skipped, day) in [(1, "2027-01-05"), (2, "2027-02-05"), (3, "2027-03-05")] {
        to(town, day).await;
        until(town, SKIPPED, skipped).await;
    }
    assert_eq!(town.sql(STATE).await, 3);
}

#[tokio::test]
async fn a_freeze_that_a_court_told_of_is_asked_for_again_until_it_is_over_and_then_the_agreement_goes_on()
 {
    let town = Town::open_at(tuesday()).await;
    let engine = engine(&town).await;
    let li = signed(&town, 2601).await;
    let frozen = json!({ "kind": "freeze", "from": "2026-12-01", "to": "2027-12-20" });
    says(&town, "D08", "court.freeze_order", &li, frozen).await;
    skipped_three_times(&town).await;
    assert_eq!(town.sql(ASK_ON).await, 11, "a week after the fifth");
    let person = Visitor::person(&town, &engine.office, &li).await;
    let page = person.get("/my/agreements").await.page;
    assert!(
        page.contains("3月12日") && page.contains("再查一次，原因消除了自动恢复"),
        "{page}"
    );

    // Before its day nobody is asked; on its day the order still stands.
    to(&town, "2027-03-11").await;
    assert_eq!(engine.ask_suspended().await.expect("asked"), 0);
    assert_eq!(town.sql(ASK_ON).await, 11);
    to(&town, "2027-03-12").await;
    engine.ask_suspended().await.expect("asked");
    assert_eq!((town.sql(STATE).await, town.sql(ASK_ON).await), (3, 18));

    // The court is silent: tomorrow again, nothing is concluded from it.
    let silent = json!({ "subject": li.id, "silent": true });
    let path = "/facts/D08/court.freeze_order/silent";
    let put = town.doors.control_post(path, &silent).await;
    put.expect("a door").ok().expect("silent");
    to(&town, "2027-03-19").await;
    engine.ask_suspended().await.expect("asked");
    assert_eq!((town.sql(STATE).await, town.sql(ASK_ON).await), (3, 19));
    let speaks = json!({ "subject": li.id, "silent": false });
    let put = town.doors.control_post(path, &speaks).await;
    put.expect("a door").ok().expect("speaks");

    // The order is lifted before its last day: nobody has to ask for anything.
    let lifted = json!({ "kind": "release", "from": "2027-03-18" });
    says(&town, "D08", "court.freeze_order", &li, lifted).await;
    to(&town, "2027-03-20").await;
    engine.ask_suspended().await.expect("asked");
    assert_eq!((town.sql(STATE).await, town.sql(ASK_ON).await), (2, -1));
    is_told(&town, &li.phone, "约定提取恢复").await;
    to(&town, "2027-05-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 5 * 50_000, "December to April");
    town.audited().await;
}

#[tokio::test]
async fn a_card_that_is_good_again_and_a_loan_that_is_no_longer_overdue_let_it_go_on() {
    let town = Town::open_at(tuesday()).await;
    let engine = engine(&town).await;
    let li = signed(&town, 2611).await;
    let card = |class: &str| json!({ "name": li.name, "card": li.card, "match": true, "card_type": class, "bank": "B4" });
    says(&town, "D18", "unionpay.card_auth", &li, card("debit-2")).await;
    to(&town, "2027-01-05").await;
    let by_card = "SELECT count(*) FROM repay_run WHERE state = 5 AND code = 'CMN-08'";
    until(&town, by_card, 1).await;
    assert_eq!(town.sql(STATE).await, 3, "at once");
    says(&town, "D18", "unionpay.card_auth", &li, card("debit-1")).await;
    // The card is good, and meanwhile the loan is overdue: another cause of the kind.
    let overdue = |days: i64| {
        let paid = |day: &str| json!({ "date": day, "amount_fen": 50_000 });
        json!({
            "loan_no": cast::loan_no(&li), "role": "borrower", "purpose": "house", "district": "500112", "overdue_days": days,
            "instalments": [paid("2026-12-20"), paid("2027-01-20")],
        })
    };
    says(&town, "B4", "bank.loan_repayment", &li, overdue(20)).await;
    to(&town, "2027-01-12").await;
    engine.ask_suspended().await.expect("asked");
    assert_eq!(town.sql(STATE).await, 3);
    says(&town, "B4", "bank.loan_repayment", &li, overdue(0)).await;
    to(&town, "2027-01-19").await;
    engine.ask_suspended().await.expect("asked");
    assert_eq!(town.sql(STATE).await, 2);
    is_told(&town, &li.phone, "暂停的原因已经消除").await;
    to(&town, "2027-03-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 2 * 50_000, "both months");
    town.audited().await;
}
