//! Money in suspense (暂存款、不明来款): who it belongs to is said by one person and confirmed by another.

use anju_ledger::Role;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, PaymentReport};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Fault, Office, Refusal, Result, employer, outbox};

use super::receipt::{self, Receipt, receipt_state};
use super::remittance;
use super::{allocation, merging};

/// States of a match.
pub mod match_state {
    /// Waits for the checker (待复核).
    pub const WAITING: i16 = 1;
    /// Done.
    pub const DONE: i16 = 2;
    /// Sent back to the maker.
    pub const SENT_BACK: i16 = 3;
}

/// What the maker says about a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is this employer's (E03).
    Identify(i64),
    /// It goes back to its payer (E04).
    Return,
}

/// A match that waits for, or has had, its second person.
#[derive(Debug, Clone, FromRow)]
pub struct Match {
    /// Identifier.
    pub match_id: i64,
    /// The receipt.
    pub receipt_id: i64,
    /// `identify` or `return`.
    pub action: String,
    /// Whose it is said to be.
    pub employer_id: Option<i64>,
    /// Why.
    pub reason: String,
    /// See [`match_state`].
    pub state: i16,
    /// Maker.
    pub maker_id: i64,
    /// Made.
    pub made_at: DateTime<Utc>,
    /// Checker.
    pub checker_id: Option<i64>,
    /// Checked.
    pub checked_at: Option<DateTime<Utc>>,
    /// The checker's words.
    pub answer: Option<String>,
    /// Payment of a return: see the payment states of a case.
    pub pay_state: i16,
}

/// Columns of [`Match`], in one place.
macro_rules! columns {
    () => {
        "match_id, receipt_id, action, employer_id, reason, state, maker_id, made_at, checker_id, checked_at, answer, pay_state"
    };
}

/// The live match of a receipt.
pub async fn live(office: &Office, receipt_id: i64) -> Result<Option<Match>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM suspense_match WHERE centre_id = $1 AND receipt_id = $2 ORDER BY match_id DESC LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(receipt_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// A match that must exist.
pub async fn require(office: &Office, match_id: i64) -> Result<Match> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM suspense_match WHERE centre_id = $1 AND match_id = $2"
    ))
    .bind(office.centre.id)
    .bind(match_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这条认领").into())
}

/// How many matches wait for a checker, counted up to a thousand.
pub async fn count_waiting(office: &Office) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM suspense_match WHERE centre_id = $1 AND state = 1 LIMIT 1000) AS waiting",
    )
    .bind(office.centre.id)
    .fetch_one(&office.pool)
    .await?)
}

/// The maker's claim. Nothing moves yet.
///
/// # Errors
/// `E-SUSP-01` if the receipt is not unidentified, `E-SUSP-02` without a reason, `E-SUSP-03` if a claim already waits.
pub async fn claim(
    office: &Office,
    receipt_id: i64,
    claim: &Claim,
    reason: &str,
    maker: &Staff,
) -> Result<i64> {
    let receipt = receipt::require(office, receipt_id).await?;
    if receipt.state != receipt_state::UNIDENTIFIED {
        return Err(Refusal::new(409, "E-SUSP-01", "这笔到账已经有归属，不用再认领。").into());
    }
    if reason.trim().chars().count() < 2 {
        return Err(Refusal::rule(
            "E-SUSP-02",
            "请写明依据，例如“单位来函，转账时漏写缴款码”。",
        )
        .into());
    }
    let employer_id = match claim {
        Claim::Identify(employer_id) => {
            Some(employer::require(office, *employer_id).await?.employer_id)
        }
        Claim::Return => None,
    };
    let match_id = office.ids.next().await?;
    let added = sqlx::query(
        "INSERT INTO suspense_match (centre_id, match_id, receipt_id, action, employer_id, reason, state, maker_id, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(match_id)
    .bind(receipt_id)
    .bind(if employer_id.is_some() { "identify" } else { "return" })
    .bind(employer_id)
    .bind(reason.trim())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if added.rows_affected() == 0 {
        return Err(Refusal::new(
            409,
            "E-SUSP-03",
            "这笔到账已有认领在等复核，请等复核后再看。",
        )
        .into());
    }
    Ok(match_id)
}

/// The checker's word: books E03 and allocates what is covered, or orders the return.
///
/// # Errors
/// `E-CHECK-01` for the maker, `E-CHECK-02` if it is no longer waiting.
pub async fn check(
    office: &Office,
    match_id: i64,
    agree: bool,
    answer: &str,
    checker: &Staff,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let claim: Match = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM suspense_match WHERE centre_id = $1 AND match_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(match_id)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| anju_casework::Error::from(Refusal::not_found("这条认领")))?;
    if claim.maker_id == checker.staff_id {
        return Err(case::own_work().into());
    }
    if claim.state != match_state::WAITING {
        return Err(case::moved_on().into());
    }
    let end_to_end_id = (agree && claim.employer_id.is_none()).then(|| refund_id(office, match_id));
    sqlx::query(
        "UPDATE suspense_match
            SET state = $3, checker_id = $4, checked_at = $5, answer = $6, end_to_end_id = $7,
                pay_state = CASE WHEN $7::text IS NULL THEN 0 ELSE 1 END
          WHERE centre_id = $1 AND match_id = $2",
    )
    .bind(office.centre.id)
    .bind(match_id)
    .bind(if agree {
        match_state::DONE
    } else {
        match_state::SENT_BACK
    })
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(answer.trim())
    .bind(&end_to_end_id)
    .execute(&mut *tx)
    .await?;
    if agree {
        let receipt = receipt::require(office, claim.receipt_id).await?;
        match claim.employer_id {
            Some(employer_id) => {
                identify(office, &mut tx, &receipt, employer_id, &claim, checker).await?
            }
            None => {
                let payload = json!({ "match": match_id });
                outbox::enqueue(
                    office,
                    &mut tx,
                    outbox::kind::REFUND,
                    None,
                    payload,
                    office.now(),
                )
                .await?;
            }
        }
    }
    tx.commit().await?;
    office.wake.notify_one();
    Ok(())
}

async fn identify(
    office: &Office,
    tx: &mut PgConnection,
    receipt: &Receipt,
    employer_id: i64,
    claim: &Match,
    checker: &Staff,
) -> Result<()> {
    let employer = employer::lock(office, tx, employer_id).await?;
    let employer = merging::successor(office, tx, employer).await?;
    let employer_id = employer.employer_id;
    let bank = office.bank(&receipt.bank)?;
    books::post(
        office,
        tx,
        &Booking {
            event: "E03",
            key: &receipt.receipt_id.to_string(),
            case_id: Some(receipt.receipt_id),
            branch_id: employer.branch_id,
            maker: Actor::Staff(claim.maker_id),
            checker: Some(checker.staff_id),
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[
                (Role::Unidentified, bank.unidentified_id),
                (Role::Unit, employer.suspense_account_id),
            ],
            amount_fen: receipt.amount_fen,
        },
    )
    .await?;
    let list = remittance::for_money(office, tx, employer_id, receipt.amount_fen).await?;
    sqlx::query(
        "UPDATE receipt SET state = 2, employer_id = $3, remittance_id = $4, matched_by = 'staff', reason = $5
          WHERE centre_id = $1 AND receipt_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(receipt.receipt_id)
    .bind(employer_id)
    .bind(list.as_ref().map(|list| list.remittance_id))
    .bind(if list.is_some() { "已认领，等待凑足清册金额" } else { "已认领，单位没有对得上的待缴清册" })
    .execute(&mut *tx)
    .await?;
    match list {
        Some(list) => allocation::apply(office, tx, &employer, &list, receipt.amount_fen).await,
        None => Ok(()),
    }
}

/// The bank's identifier of a return payment.
pub fn refund_id(office: &Office, match_id: i64) -> String {
    format!("R{}", anju_casework::case::number(office, match_id))
}

/// The match behind a bank's identifier.
pub fn of_refund_id(office: &Office, text: &str) -> Option<i64> {
    office
        .numbers
        .decode(anju_vault::NumberKind::Case, text.strip_prefix('R')?)
}

/// The order that returns a receipt; none if there is nothing to pay any more.
pub async fn refund_order(
    office: &Office,
    match_id: i64,
) -> Result<Option<anju_casework::case::Order>> {
    let claim = require(office, match_id).await?;
    if !matches!(claim.pay_state, 1 | 2) {
        return Ok(None);
    }
    let receipt = receipt::require(office, claim.receipt_id).await?;
    Ok(Some(anju_casework::case::Order {
        bank: receipt.bank,
        end_to_end_id: refund_id(office, match_id),
        amount_fen: receipt.amount_fen,
        payee_account: receipt.payer_account,
        payee_name: receipt.payer_name,
        remark: "不明来款退回".to_owned(),
    }))
}

/// The bank paid the return (E04), or refused it: then the receipt stays unidentified for another try.
pub async fn refund_result(
    office: &Office,
    match_id: i64,
    paid: bool,
    report: &PaymentReport,
) -> Result<bool> {
    let claim = require(office, match_id).await?;
    let receipt = receipt::require(office, claim.receipt_id).await?;
    let id = refund_id(office, match_id);
    if report.differs(receipt.amount_fen, &id) {
        return Ok(false);
    }
    let mut tx = office.pool.begin().await?;
    let moved = sqlx::query(
        "UPDATE suspense_match SET pay_state = $3, answer = CASE WHEN $3::smallint = 4 THEN $4 ELSE answer END
          WHERE centre_id = $1 AND match_id = $2 AND pay_state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(match_id)
    .bind(if paid { 3_i16 } else { 4_i16 })
    .bind(&report.reason)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    if paid {
        let checker = claim
            .checker_id
            .ok_or_else(|| Fault::Stored("a paid return has no checker".to_owned()))?;
        let bank = office.bank(&receipt.bank)?;
        anju_casework::case::debit_taken(
            office,
            &mut tx,
            &receipt.bank,
            report,
            receipt.amount_fen,
            &id,
            None,
        )
        .await?;
        books::post(
            office,
            &mut tx,
            &Booking {
                event: "E04",
                key: &receipt.receipt_id.to_string(),
                case_id: Some(receipt.receipt_id),
                branch_id: office.centre.head_branch,
                maker: Actor::Staff(claim.maker_id),
                checker: Some(checker),
                policy_id: 0,
                month: None,
                value_date: None,
                accounts: &[
                    (Role::Unidentified, bank.unidentified_id),
                    (Role::Bank, bank.deposit_id),
                ],
                amount_fen: receipt.amount_fen,
            },
        )
        .await?;
        sqlx::query("UPDATE receipt SET state = 4, reason = '已退回付款人' WHERE centre_id = $1 AND receipt_id = $2")
            .bind(office.centre.id)
            .bind(receipt.receipt_id)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(true)
}
