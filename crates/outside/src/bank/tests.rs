//! The banks through their own doors, beside a product that only listens.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anju_domain::money::Fen;
use anju_vault::SharedKey;
use anju_wire::iso20022::Status;
use axum::http::StatusCode;
use serde_json::json;

use super::HOLDER;
use super::line::SIGNATURE;
use super::town::{CARD, Town, order, set_clock};

#[tokio::test]
async fn a_good_bank_pays_answers_and_tells() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000_000, "HJ2611 0731 28").await;
    let status = town.order("W1", 360_000, 5_000).await.unwrap();
    assert_eq!(
        (status.status, status.amount),
        (Status::Settled, Some(Fen::new(360_000)))
    );
    assert_eq!(town.balance(CARD).await, Some(360_000));
    assert_eq!(town.balance("6500004001").await, Some(640_000));

    town.until("both notices", |town| town.told().len() == 2)
        .await;
    let told = town.told();
    assert_eq!(told[0].1.signed(), Fen::new(1_000_000));
    assert_eq!(
        told[0].1.details[0].remittance.as_deref(),
        Some("HJ2611 0731 28")
    );
    assert_eq!(
        told[0].1.details[0].debtor.number.as_deref(),
        Some("50001234567890")
    );
    assert_eq!(told[1].1.signed(), Fen::new(-360_000));
    assert_eq!(told[1].1.details[0].end_to_end_id.as_deref(), Some("W1"));
    assert_eq!(told[1].1.bank_reference, status.bank_reference);
    assert_eq!(told[1].1.booking_date, Some("2026-11-24".parse().unwrap()));

    let (_, card) = town
        .get(&format!("/control/banks/B4/accounts/{CARD}"))
        .await;
    let entry = &card["entries"][0];
    assert_eq!(
        (&entry["amount_fen"], &entry["counterparty"]),
        (&json!(360_000), &json!(HOLDER))
    );
    assert_eq!(
        (&entry["end_to_end_id"], &entry["reference"]),
        (&json!("W1"), &json!("租房提取"))
    );
    let (status, problem) = town
        .get(&format!("/control/banks/B1/accounts/{CARD}"))
        .await;
    assert_eq!(
        (status, &problem["title"]),
        (StatusCode::NOT_FOUND, &json!("没有找到"))
    );
}

#[tokio::test]
async fn an_order_without_money_is_refused_for_ever() {
    let town = Town::on("2026-11-24").await;
    let refused = town.order("W1", 1, 5_000).await.unwrap();
    assert_eq!(
        (refused.status, refused.reason.unwrap().0.as_str()),
        (Status::Rejected, "AM04")
    );
    town.pay_in(100, "").await;
    assert_eq!(
        town.order("W1", 1, 5_000).await.unwrap().status,
        Status::Rejected
    );
    assert_eq!(
        town.order("W2", 1, 5_000).await.unwrap().status,
        Status::Settled
    );
}

#[tokio::test]
async fn a_late_bank_accepts_at_once_and_tells_the_result() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    town.mode("late").await;
    assert_eq!(
        town.order("W1", 600, 5_000).await.unwrap().status,
        Status::InSettlement
    );
    assert_eq!(town.query("W1").await.status, Status::InSettlement);
    assert_eq!(town.balance(CARD).await, None);
    town.until("the result", |town| town.results().len() == 1)
        .await;
    assert_eq!(town.results()[0].status, Status::Settled);
    assert_eq!(town.query("W1").await.status, Status::Settled);
    assert_eq!(town.balance(CARD).await, Some(600));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_query_and_never_paid_twice() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    town.mode("timeout").await;
    assert!(town.order("W1", 600, 300).await.is_none());
    assert_eq!(town.query("W1").await.status, Status::Settled);
    town.mode("ok").await;
    assert_eq!(
        town.order("W1", 600, 5_000).await.unwrap().status,
        Status::Settled
    );
    assert_eq!(town.balance(CARD).await, Some(600));
}

#[tokio::test]
async fn a_doubling_bank_pays_once_and_tells_twice() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    town.mode("duplicate").await;
    assert_eq!(
        town.order("W1", 600, 5_000).await.unwrap().status,
        Status::Settled
    );
    town.until("all copies", |town| {
        town.told().len() == 3 && town.results().len() == 1
    })
    .await;
    let debits: Vec<_> = town
        .told()
        .into_iter()
        .filter(|(_, entry)| entry.signed() < Fen::ZERO)
        .collect();
    assert_eq!(debits[0].1, debits[1].1, "the same line");
    assert_ne!(debits[0].0, debits[1].0, "in two messages");
    assert_eq!(town.balance(CARD).await, Some(600));
}

#[tokio::test]
async fn a_refusing_bank_says_why_and_does_not_change_its_mind() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    town.mode("reject").await;
    let refused = town.order("W1", 600, 5_000).await.unwrap();
    assert_eq!(
        (refused.status, refused.reason.unwrap().0.as_str()),
        (Status::Rejected, "AC04")
    );
    assert_eq!(refused.detail.as_deref(), Some("账户已销户"));
    town.mode("ok").await;
    assert_eq!(
        town.order("W1", 600, 5_000).await.unwrap().status,
        Status::Rejected
    );
    assert_eq!(town.balance("6500004001").await, Some(1_000));
}

#[tokio::test]
async fn a_bank_that_does_not_know_pays_when_it_knows_again() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    town.mode("unknown").await;
    assert!(town.order("W1", 600, 300).await.is_none());
    assert!(town.order("W1", 600, 300).await.is_none());
    assert_eq!(town.query("W1").await.status, Status::Pending);
    assert_eq!(town.balance(CARD).await, None);
    town.mode("ok").await;
    assert_eq!(town.query("W1").await.status, Status::Settled);
    town.until("the result", |town| {
        town.results().len() == 1 && town.told().len() == 2
    })
    .await;
    assert_eq!(town.balance(CARD).await, Some(600));
}

#[tokio::test]
async fn a_return_comes_on_the_next_business_day() {
    // A Friday.
    let town = Town::on("2026-11-27").await;
    town.pay_in(1_000, "").await;
    town.mode("return_later").await;
    assert_eq!(
        town.order("W1", 600, 5_000).await.unwrap().status,
        Status::Settled
    );
    town.mode("ok").await;
    set_clock(&town.home, "2026-11-29T10:00:00Z");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        town.balance(CARD).await,
        Some(600),
        "nothing comes back on a Sunday"
    );

    set_clock(&town.home, "2026-11-30T01:00:00Z");
    town.until("the return", |town| {
        town.told()
            .iter()
            .any(|(_, entry)| entry.details[0].returned.is_some())
    })
    .await;
    let (_, returned) = town.told().pop().unwrap();
    assert_eq!(returned.signed(), Fen::new(600));
    assert_eq!(returned.details[0].end_to_end_id.as_deref(), Some("W1"));
    assert_eq!(
        returned.details[0]
            .returned
            .as_ref()
            .unwrap()
            .reason
            .as_ref()
            .unwrap()
            .0,
        "AC04"
    );
    assert_eq!(town.balance(CARD).await, Some(0));
    assert_eq!(
        town.query("W1").await.status,
        Status::Settled,
        "the payment itself was made"
    );

    let friday = &town.statement("2026-11-27").await.accounts[0];
    let monday = &town.statement("2026-11-30").await.accounts[0];
    assert_eq!((friday.opening, friday.closing), (Fen::ZERO, Fen::new(400)));
    assert_eq!(
        (monday.opening, monday.closing, monday.entries.len()),
        (Fen::new(400), Fen::new(1_000), 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_sent_fifty_times_at_once_is_paid_once() {
    let town = Arc::new(Town::on("2026-11-24").await);
    town.pay_in(100_000, "").await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let town = Arc::clone(&town);
            tokio::spawn(async move { town.order("W1", 600, 10_000).await.unwrap() })
        })
        .collect();
    let mut references = std::collections::BTreeSet::new();
    for task in tasks {
        let status = task.await.unwrap();
        assert_eq!(status.status, Status::Settled);
        references.insert(status.bank_reference);
    }
    assert_eq!(references.len(), 1);
    assert_eq!(town.balance(CARD).await, Some(600));

    let other = town.order("W1", 601, 5_000).await.unwrap();
    assert_eq!(
        (other.status, other.reason.unwrap().0.as_str()),
        (Status::Rejected, "AM05")
    );
    assert_eq!(town.query("W1").await.status, Status::Settled);
}

#[tokio::test]
async fn an_order_that_never_came_is_said_to_be_none() {
    let town = Town::on("2026-11-24").await;
    let none = town.query("W404").await;
    assert_eq!(
        (none.status, none.reason.unwrap().0.as_str()),
        (Status::Rejected, "NOOR")
    );
}

#[tokio::test]
async fn what_is_not_signed_is_not_done() {
    let town = Town::on("2026-11-24").await;
    town.pay_in(1_000, "").await;
    for signature in [
        "",
        "00",
        &SharedKey::from_bytes([7; 32]).sign_hex(order("W1", 600).as_bytes()),
    ] {
        let request = town
            .http
            .post(format!("{}/bank/B4/pain001", town.url))
            .header(SIGNATURE, signature);
        assert_eq!(
            request
                .body(order("W1", 600))
                .send()
                .await
                .unwrap()
                .status(),
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(town.balance(CARD).await, None);
}

#[tokio::test]
async fn notices_wait_for_the_product_through_a_crash_and_keep_their_order() {
    let mut town = Town::on("2026-11-24").await;
    town.product.up.store(false, Ordering::SeqCst);
    for fen in 1..=30 {
        town.pay_in(fen, "").await;
    }
    town.mode("unknown").await;
    assert!(town.order("W1", 15, 300).await.is_none());
    town.crash_and_restart().await;

    assert_eq!(town.balance("6500004001").await, Some(465));
    assert_eq!(town.query("W1").await.status, Status::Pending);
    town.product.up.store(true, Ordering::SeqCst);
    town.until("all notices", |town| town.told().len() == 30)
        .await;
    town.mode("ok").await;
    town.until("the debit", |town| town.told().len() == 31)
        .await;
    let amounts: Vec<i64> = town
        .told()
        .iter()
        .map(|(_, entry)| entry.signed().fen())
        .collect();
    let expected: Vec<i64> = (1..=30).chain([-15]).collect();
    assert_eq!(amounts, expected);
}

#[tokio::test]
async fn the_control_door_says_what_is_wrong_in_chinese() {
    let town = Town::on("2026-11-24").await;
    let (_, banks) = town.get("/control/banks").await;
    assert_eq!(banks.as_array().unwrap().len(), 8);
    assert_eq!(
        banks[3],
        json!({"bank": "B4", "name": "建设银行", "mode": "ok", "latency_ms": 0})
    );
    let (status, set) = town
        .put(
            "/control/banks/B4",
            json!({"latency_ms": 20, "mode": "return_later"}),
        )
        .await;
    assert_eq!(
        (status, &set["latency_ms"], &set["mode"]),
        (StatusCode::OK, &json!(20), &json!("return_later"))
    );

    let payment = |to: &str, fen: i64| json!({"from": "1", "to": to, "amount_fen": fen, "reference": "", "payer": ""});
    for (path, body, expected) in [
        (
            "/control/banks/B0/payments",
            payment("1", 1),
            StatusCode::NOT_FOUND,
        ),
        (
            "/control/banks/B4/payments",
            payment("6500004001", 0),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/control/banks/B4/payments",
            payment("6500004001", -1),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/control/banks/B4/payments",
            payment("6500001001", 1),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/control/banks/B4/payments",
            payment("", 1),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/control/banks/B4/payments",
            json!({"to": "1"}),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/control/banks/B4/payments",
            json!([]),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, problem) = town.post(path, body.clone()).await;
        assert_eq!(status, expected, "{body}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .chars()
                .any(|c| c > '\u{4e00}'),
            "{problem}"
        );
        assert!(problem["code"].as_str().unwrap().starts_with("E-OUT-"));
    }
    for body in [
        json!({"mode": "broken"}),
        json!({"latency_ms": -1}),
        json!({"latency_ms": 999_999_999}),
    ] {
        assert_eq!(
            town.put("/control/banks/B4", body).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    let (status, fund) = town.get("/control/banks/B4/accounts/6500004001").await;
    assert_eq!((status, &fund["balance_fen"]), (StatusCode::OK, &json!(0)));
}
