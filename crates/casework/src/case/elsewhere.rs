//! Another bank pays what a bank could not for want of money. An account's money lies wherever its employers paid it in, which need not be at
//! the bank of the employer that it has today; that is the centre's matter and none of the person's.

use anju_ledger::AccountId;
use serde_json::json;
use sqlx::PgConnection;

use super::add_event;
use super::row::Case;
use super::settle::{PaymentReport, amount_of, bank_of};
use crate::{Actor, Office, Result, outbox};

/// The paying account lacks money (ISO 20022 external status reason code).
const LACKS_MONEY: &str = "AM04";

/// The bank that can pay where this one could not: the one with the most money by our books, if it is enough. None after every bank was tried.
///
/// # Errors
/// The books cannot be read.
pub async fn bank_instead(
    office: &Office,
    conn: &mut PgConnection,
    report: &PaymentReport,
    (bank, amount_fen): (&str, i64),
    attempt: i16,
) -> Result<Option<String>> {
    let for_money = |reason: &String| reason.starts_with(LACKS_MONEY);
    let banks = office.banks.len();
    if !report.reason.as_ref().is_some_and(for_money)
        || usize::try_from(attempt).is_ok_and(|tried| tried >= banks)
    {
        return Ok(None);
    }
    let day = anju_ledger::day::open_day(conn, office.ledger())
        .await?
        .date();
    let mut best = (amount_fen - 1, None);
    for other in office.banks.iter().filter(|other| other.bank != bank) {
        let deposit = AccountId(other.deposit_id);
        let has = anju_ledger::bank::balance(conn, office.ledger(), deposit, day).await?;
        if has.fen() > best.0 {
            best = (has.fen(), Some(other.bank.clone()));
        }
    }
    tracing::warn!(bank, instead = ?best.1, amount_fen, "a bank has too little money to pay");
    Ok(best.1)
}

/// Orders the payment of a case from another bank; false where no bank can.
pub(super) async fn pay_elsewhere(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    report: &PaymentReport,
) -> Result<bool> {
    let payment = (bank_of(case)?, amount_of(case)?);
    let Some(bank) = bank_instead(office, tx, report, payment, case.pay_attempt).await? else {
        return Ok(false);
    };
    let attempt = case.pay_attempt + 1;
    sqlx::query(
        "UPDATE business_case SET pay_state = 1, pay_attempt = $3, pay_bank = $4, version = version + 1
          WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(attempt)
    .bind(&bank)
    .execute(&mut *tx)
    .await?;
    let told = json!({ "attempt": attempt, "bank": bank, "reason": report.reason });
    let steps = ["other_bank", "executing"];
    add_event(office, tx, case.case_id, Actor::System, &steps, told).await?;
    let payload = json!({ "case": case.case_id, "attempt": attempt });
    outbox::enqueue(
        office,
        tx,
        outbox::kind::PAYMENT,
        Some(case.case_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(true)
}
