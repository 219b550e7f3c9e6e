//! Money that came back after it was paid (退票): it stands in 21905 until the person names another card or takes it back.

use anju_ledger::Role;
use serde_json::json;
use sqlx::PgConnection;

use super::row::{CaseState, PayState, seal_card};
use super::settle::{booking, lock, release};
use super::{add_event, closing, subsidy};
use crate::{Actor, Fault, Office, Refusal, Result, books, outbox};

/// Came back after it was paid (退票, E25): the only step out of a final state. The money stands in 21905 until the person names
/// another card (E26) or takes it back (E27).
pub async fn payment_returned(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    bank: &str,
    serial: &str,
    reason: Option<&str>,
) -> Result<()> {
    let case = lock(office, conn, case_id).await?;
    if case.state() != CaseState::Done {
        return Err(Fault::Stored("a return for a case that was not paid".to_owned()).into());
    }
    let account = office.bank(bank)?.deposit_id;
    let key = format!("{bank}:{serial}");
    books::post(
        office,
        conn,
        &booking(&case, "E25", &key, None, &[(Role::Bank, account)])?,
    )
    .await?;
    // The wish is marked, so that a new case of the same wish may live beside a returned one.
    sqlx::query(
        "UPDATE business_case
            SET state = 5, pay_state = 5, pay_reason = $3, wish = wish || '#returned', version = version + 1
          WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(reason)
    .execute(&mut *conn)
    .await?;
    add_event(
        office,
        conn,
        case_id,
        Actor::System,
        &["payment_returned"],
        json!({ "bank": bank, "reason": reason }),
    )
    .await?;
    outbox::sms(office, conn, case_id, "returned").await
}

/// Pays a returned amount again to a corrected card.
pub async fn pay_again(office: &Office, case_id: i64, card_no: &str, actor: Actor) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let case = lock(office, &mut tx, case_id).await?;
    if case.state() != CaseState::Executing || case.pay_state() != PayState::Returned {
        return Err(Refusal::new(409, "E-CASE-02", "这个办件没有退回的款项，不用换卡。").into());
    }
    let mut form = case.form.clone();
    form["card_no"] = seal_card(office, card_no);
    let attempt = case.pay_attempt + 1;
    sqlx::query(
        "UPDATE business_case SET form = $3, pay_state = 1, pay_attempt = $4, version = version + 1
          WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(form)
    .bind(attempt)
    .execute(&mut *tx)
    .await?;
    add_event(
        office,
        &mut tx,
        case_id,
        actor,
        &["new_card", "executing"],
        json!({ "attempt": attempt }),
    )
    .await?;
    let payload = json!({ "case": case_id, "attempt": attempt });
    outbox::enqueue(
        office,
        &mut tx,
        outbox::kind::PAYMENT,
        Some(case_id),
        payload,
        office.now(),
    )
    .await?;
    tx.commit().await?;
    office.changed_with_messages(case_id);
    Ok(())
}

/// Puts a returned amount back on the account (E27): the case has failed and what it used is free again.
pub async fn credit_back(office: &Office, case_id: i64, actor: Actor) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let case = lock(office, &mut tx, case_id).await?;
    if case.state() != CaseState::Executing || case.pay_state() != PayState::Returned {
        return Err(Refusal::new(409, "E-CASE-02", "这个办件没有退回的款项，不用再付。").into());
    }
    let reopened = closing::credit_back(office, &mut tx, &case).await?;
    if !reopened {
        subsidy::credit_back(office, &mut tx, &case).await?;
    }
    release(office, &mut tx, case_id, 9, 5, None).await?;
    add_event(
        office,
        &mut tx,
        case_id,
        actor,
        if reopened {
            &["credited_back", "account_sealed_again", "failed"]
        } else {
            &["credited_back", "failed"]
        },
        json!({}),
    )
    .await?;
    outbox::sms(office, &mut tx, case_id, "credited_back").await?;
    tx.commit().await?;
    office.changed_with_messages(case_id);
    Ok(())
}
