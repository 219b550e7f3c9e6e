//! The payment of a refund to an employer (E09): its order, the bank's word about it, and a return that comes later. Invariant: what the bank
//! refuses or gives back stands in the employer's suspense.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, CaseState, Order, PaymentReport};
use anju_casework::inbox::{self, Arrival};
use anju_casework::{Actor, Fault, Office, Refusal, Result, employer, outbox};
use anju_domain::money::Fen;
use anju_ledger::Role;
use anju_vault::NumberKind;
use serde_json::json;
use sqlx::FromRow;

use super::merging;
use super::receipt::{self, Credit};
use super::refund::{payable_of, state, to_suspense};

/// A refund as it stands.
#[derive(Debug, Clone, FromRow)]
struct Refund {
    employer_id: i64,
    amount_fen: i64,
    receipt_id: Option<i64>,
    state: i16,
}

async fn require(office: &Office, refund_id: i64) -> Result<Refund> {
    sqlx::query_as(
        "SELECT employer_id, amount_fen, receipt_id, state FROM employer_refund WHERE centre_id = $1 AND refund_id = $2",
    )
    .bind(office.centre.id)
    .bind(refund_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔退款").into())
}

/// The bank's identifier of a refund's payment.
fn payment_id(office: &Office, refund_id: i64) -> String {
    format!("T{}", case::number(office, refund_id))
}

/// The refund behind a bank's identifier.
pub fn of_payment_id(office: &Office, text: &str) -> Option<i64> {
    office
        .numbers
        .decode(NumberKind::Case, text.strip_prefix('T')?)
}

/// The order that pays a refund; none where there is nothing to pay any more.
pub async fn order(office: &Office, refund_id: i64) -> Result<Option<Order>> {
    let one = require(office, refund_id).await?;
    let (state::PAYING, Some(receipt_id)) = (one.state, one.receipt_id) else {
        return Ok(None);
    };
    let receipt = receipt::require(office, receipt_id).await?;
    Ok(Some(Order {
        bank: receipt.bank,
        end_to_end_id: payment_id(office, refund_id),
        amount_fen: one.amount_fen,
        payee_account: receipt.payer_account,
        payee_name: receipt.payer_name,
        remark: "住房公积金错缴退款".to_owned(),
    }))
}

/// The bank paid (E09), or refused: then the money waits in the employer's suspense. True where it changed something.
pub async fn result(
    office: &Office,
    refund_id: i64,
    paid: bool,
    report: &PaymentReport,
) -> Result<bool> {
    let one = require(office, refund_id).await?;
    let id = payment_id(office, refund_id);
    if report.differs(one.amount_fen, &id) {
        return Ok(false);
    }
    let receipt_id = one
        .receipt_id
        .ok_or_else(|| Fault::Stored("a refund that goes nowhere was paid".to_owned()))?;
    let receipt = receipt::require(office, receipt_id).await?;
    let mut tx = office.pool.begin().await?;
    let employer = employer::lock(office, &mut tx, one.employer_id).await?;
    let moved = sqlx::query(
        "UPDATE employer_refund SET state = $3 WHERE centre_id = $1 AND refund_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(refund_id)
    .bind(if paid { state::PAID } else { state::REJECTED })
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    let payable = payable_of(office, &mut tx, &employer).await?;
    let key = refund_id.to_string();
    let (to, steps, template) = if paid {
        case::debit_taken(
            office,
            &mut tx,
            &receipt.bank,
            report,
            one.amount_fen,
            &id,
            Some(refund_id),
        )
        .await?;
        let bank = office.bank(&receipt.bank)?;
        books::post(
            office,
            &mut tx,
            &Booking {
                event: "E09",
                key: &key,
                case_id: Some(refund_id),
                branch_id: employer.branch_id,
                maker: Actor::System,
                checker: None,
                policy_id: 0,
                month: None,
                value_date: None,
                accounts: &[
                    (Role::OverContribution, payable),
                    (Role::Bank, bank.deposit_id),
                ],
                amount_fen: one.amount_fen,
            },
        )
        .await?;
        (CaseState::Done, ["paid", "done"], "refund_paid")
    } else {
        let amount = Fen::new(one.amount_fen);
        to_suspense(
            office, &mut tx, &employer, payable, refund_id, &key, amount, None,
        )
        .await?;
        (
            CaseState::Failed,
            ["to_suspense", "failed"],
            "refund_rejected",
        )
    };
    let detail = json!({ "amount_fen": one.amount_fen, "reason": report.reason });
    case::end_executing(
        office,
        &mut tx,
        refund_id,
        to,
        &steps,
        detail,
        Actor::System,
    )
    .await?;
    outbox::sms(office, &mut tx, refund_id, template).await?;
    tx.commit().await?;
    office.changed_with_messages(refund_id);
    Ok(true)
}

/// 退票: what was paid has come back. It stands in the employer's suspense from then on (E01), where it pays the next list; its clerks are told.
pub async fn returned(
    office: &Office,
    refund_id: i64,
    credit: &Credit,
    reason: &str,
) -> Result<()> {
    let one = require(office, refund_id).await?;
    let mut tx = office.pool.begin().await?;
    let arrival = inbox::take(
        office,
        &mut tx,
        &credit.bank,
        &credit.serial,
        "return",
        credit.book_date,
        credit.amount_fen,
        Some(&payment_id(office, refund_id)),
        Some(refund_id),
    )
    .await?;
    if arrival == Arrival::Repeat {
        return Ok(());
    }
    let employer = employer::lock(office, &mut tx, one.employer_id).await?;
    let employer = merging::successor(office, &mut tx, employer).await?;
    let moved = sqlx::query(
        "UPDATE employer_refund SET state = 5 WHERE centre_id = $1 AND refund_id = $2 AND state = 2 AND amount_fen = $3",
    )
    .bind(office.centre.id)
    .bind(refund_id)
    .bind(credit.amount_fen)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() != 1 {
        return Err(Fault::Stored("a return for a refund that was not paid".to_owned()).into());
    }
    let bank = office.bank(&credit.bank)?;
    let key = format!("{}:{}", credit.bank, credit.serial);
    books::post(
        office,
        &mut tx,
        &Booking {
            event: "E01",
            key: &key,
            case_id: Some(refund_id),
            branch_id: employer.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[
                (Role::Bank, bank.deposit_id),
                (Role::Unit, employer.suspense_account_id),
            ],
            amount_fen: credit.amount_fen,
        },
    )
    .await?;
    let detail = json!({ "amount_fen": credit.amount_fen, "reason": reason });
    let steps = ["refund_returned", "to_suspense"];
    case::add_event(office, &mut tx, refund_id, Actor::System, &steps, detail).await?;
    let words = format!(
        "【公积金】退给单位的 {} 元被银行退回，已转入单位暂存款，可以抵缴",
        Fen::new(credit.amount_fen)
    );
    outbox::tell_clerks(
        office,
        &mut tx,
        employer.employer_id,
        Some(refund_id),
        &words,
    )
    .await?;
    tx.commit().await?;
    office.changed_with_messages(refund_id);
    Ok(())
}
