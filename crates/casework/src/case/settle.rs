//! From the bank's word to the end of a case: paid, refused, unknown, returned. A payment whose result is unknown is queried,
//! never repaid; each result is taken once however often it is told.

use anju_ledger::Role;
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::order::by_case;
use super::row::{Case, columns};
use super::settled::Settled;
use super::{add_event, closing, end_to_end_id, subsidy};
use crate::books::Booking;
use crate::{Actor, Fault, Office, Refusal, Result, outbox};

/// What a bank said about a payment.
#[derive(Debug, Clone, Default)]
pub struct PaymentReport {
    /// The bank's serial of its entry.
    pub bank_ref: String,
    /// Fen, where the bank says it.
    pub amount_fen: Option<i64>,
    /// When the order was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the bank answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When the bank booked it.
    pub settled_at: Option<DateTime<Utc>>,
    /// Reason code and words of a refusal or return.
    pub reason: Option<String>,
    /// The message of the outbox that this answers; it is finished together with what the answer changes.
    pub message: Option<i64>,
}

impl PaymentReport {
    /// Whether the bank speaks of another amount than was ordered. Nobody may book that: the payment stays unknown until a person
    /// has asked the bank, and the day's match shows the difference.
    pub fn differs(&self, ordered_fen: i64, end_to_end_id: &str) -> bool {
        let differs = self.amount_fen.is_some_and(|told| told != ordered_fen);
        if differs {
            tracing::error!(
                end_to_end_id,
                ordered_fen,
                told_fen = self.amount_fen,
                serial = self.bank_ref,
                "the bank tells another amount than was ordered"
            );
        }
        differs
    }
}

/// The bank did not answer: the truth is at the bank.
pub async fn payment_unknown(office: &Office, case_id: i64, attempt: i16) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let moved = sqlx::query(
        "UPDATE business_case SET pay_state = 2, version = version + 1
          WHERE centre_id = $1 AND case_id = $2 AND state = 5 AND pay_attempt = $3 AND pay_state = 1",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(attempt)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 1 {
        add_event(
            office,
            &mut tx,
            case_id,
            Actor::System,
            &["payment_unknown"],
            json!({}),
        )
        .await?;
        tx.commit().await?;
        office.changed(case_id);
    }
    Ok(())
}

/// Takes the case's row, so that one word of the bank at a time is acted upon.
pub(super) async fn lock(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<Case> {
    super::row::get_locked(office, conn, case_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这个办件").into())
}

pub(super) fn booking<'a>(
    case: &Case,
    event: &'a str,
    key: &'a str,
    value_date: Option<NaiveDate>,
    accounts: &'a [(Role, i64)],
) -> Result<Booking<'a>> {
    Ok(Booking {
        event,
        key,
        case_id: Some(case.case_id),
        branch_id: case.branch_id,
        maker: Actor::System,
        checker: None,
        policy_id: case.policy_id,
        month: None,
        value_date,
        accounts,
        amount_fen: amount_of(case)?,
    })
}

/// The journal that took the money from the account, and its business date.
pub(super) async fn origin(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
) -> Result<(i64, NaiveDate)> {
    let journal_id = case
        .journal_id
        .ok_or_else(|| Fault::Stored("a paying case has no journal".to_owned()))?;
    let day: NaiveDate = sqlx::query_scalar(
        "SELECT used_on FROM withdrawal_use WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_one(conn)
    .await?;
    Ok((journal_id, day))
}

pub(super) fn bank_of(case: &Case) -> Result<&str> {
    case.pay_bank
        .as_deref()
        .ok_or_else(|| Fault::Stored("a paying case names no bank".to_owned()).into())
}

pub(super) fn amount_of(case: &Case) -> Result<i64> {
    case.amount_fen
        .ok_or_else(|| Fault::Stored("a paying case has no amount".to_owned()).into())
}

/// On the card (E22, or E26 for money that came back): the case is done, and the message that ordered it is finished with it. Told twice,
/// the second changes nothing, and the answer is false.
///
/// # Errors
/// A serial that the bank told before with another amount; then nothing is booked.
pub async fn payment_paid(
    office: &Office,
    case_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<bool> {
    for _ in 0..AGAIN {
        let paying = paying(office, case_id).await?;
        if !paying.case.awaits_bank(attempt) {
            return Ok(false);
        }
        let amount_fen = amount_of(&paying.case)?;
        let end_to_end_id = end_to_end_id(office, case_id, attempt);
        if report.differs(amount_fen, &end_to_end_id) {
            payment_unknown(office, case_id, attempt).await?;
            return Ok(false);
        }
        let settled = Settled::draw(office, &paying, attempt, &end_to_end_id, report).await?;
        let written = office.trays.settled.put(office, settled).await;
        let Err(error) = written.and_then(|alone| alone) else {
            office.ended_with_messages(case_id);
            return Ok(true);
        };
        match error.database_code().as_deref() {
            // Another word about the case came first, or the day was closed in between.
            Some("CW002" | "LD001") => {}
            Some("CW004") => {
                let bank = bank_of(&paying.case)?;
                let mut conn = office.pool.acquire().await?;
                debit_taken(
                    office,
                    &mut conn,
                    bank,
                    report,
                    amount_fen,
                    &end_to_end_id,
                    Some(case_id),
                )
                .await?;
                return Err(error);
            }
            _ => return Err(error),
        }
    }
    Err(Fault::Stored(format!("case {case_id} moved again and again")).into())
}

/// Times that a case is read again when something moved in between.
const AGAIN: usize = 8;

async fn paying(office: &Office, case_id: i64) -> Result<Paying> {
    let read = office.trays.paying.put(office, case_id).await?;
    read.ok_or_else(|| Refusal::not_found("这个办件").into())
}

/// A case that pays, as it is read without a lock.
#[derive(Clone, FromRow)]
pub(crate) struct Paying {
    #[sqlx(flatten)]
    pub(super) case: Case,
    pub(super) open_date: NaiveDate,
    pub(super) next_seq: i16,
    /// When the last order was given.
    pub(super) ordered_at: Option<DateTime<Utc>>,
}

pub(crate) fn read_all(
    office: Office,
    cases: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<Paying>>>> {
    async move {
        let rows: Vec<Paying> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            ", open_date, next_seq, ordered_at
               FROM business_case c
               JOIN business_day d USING (centre_id)
              CROSS JOIN LATERAL (SELECT coalesce(max(seq), 0)::smallint + 1::smallint AS next_seq,
                                         max(at) FILTER (WHERE 'executing' = ANY (steps)) AS ordered_at
                                    FROM case_event e WHERE e.centre_id = $1 AND e.case_id = c.case_id) AS told
              WHERE centre_id = $1 AND case_id = ANY ($2)"
        ))
        .bind(office.centre.id)
        .bind(&cases)
        .fetch_all(&office.pool)
        .await?;
        Ok(by_case(&cases, rows, |row| row.case.case_id))
    }
    .boxed()
}

/// Notes the bank's serial of a debit that is booked: the notice and the statement tell of it again, and it is known.
pub async fn debit_taken(
    office: &Office,
    conn: &mut PgConnection,
    bank: &str,
    report: &PaymentReport,
    amount_fen: i64,
    end_to_end_id: &str,
    case_id: Option<i64>,
) -> Result<()> {
    if report.bank_ref.is_empty() {
        return Ok(());
    }
    let booked_on =
        anju_domain::clock::shanghai_date(report.settled_at.unwrap_or_else(|| office.now()));
    crate::inbox::take(
        office,
        conn,
        bank,
        &report.bank_ref,
        "debit",
        booked_on,
        -amount_fen,
        Some(end_to_end_id),
        case_id,
    )
    .await?;
    Ok(())
}

/// What the last step's evidence says of a payment, so that it speaks for itself.
pub(super) fn paid_detail(
    office: &Office,
    case: &Case,
    report: &PaymentReport,
    sent_at: Option<DateTime<Utc>>,
) -> Value {
    let mut detail = legs(office, report, sent_at);
    detail["service"] = case.service.clone().into();
    detail["amount_fen"] = case.amount_fen.into();
    detail
}

/// The legs that the bank made: from the order to its answer, and to its booking.
fn legs(office: &Office, report: &PaymentReport, sent_at: Option<DateTime<Utc>>) -> Value {
    let mut legs = Vec::new();
    let end = report.answered_at.unwrap_or_else(|| office.now());
    if let Some(sent_at) = sent_at {
        legs.push(json!({ "leg": "bank", "started_at": sent_at, "ms": (end - sent_at).num_milliseconds() }));
        if let Some(settled_at) = report.settled_at {
            legs.push(json!({ "leg": "card", "started_at": sent_at, "ms": (settled_at - sent_at).num_milliseconds().max(0) }));
        }
    }
    json!({ "bank_ref": report.bank_ref, "legs": legs })
}

/// Refused by the bank (E23): the money is back on the account with its old value date, and the case has failed.
pub async fn payment_rejected(
    office: &Office,
    case_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let case = lock(office, &mut tx, case_id).await?;
    if !case.awaits_bank(attempt) {
        return Ok(false);
    }
    if super::elsewhere::pay_elsewhere(office, &mut tx, &case, report).await? {
        // The person has waited a moment longer, and nothing else.
    } else if case.came_back {
        // The money of a return still stands in 21905; the person may name yet another card or take it back.
        sqlx::query(
            "UPDATE business_case SET pay_state = 5, pay_reason = $3, version = version + 1 WHERE centre_id = $1 AND case_id = $2",
        )
        .bind(office.centre.id)
        .bind(case_id)
        .bind(&report.reason)
        .execute(&mut *tx)
        .await?;
        add_event(
            office,
            &mut tx,
            case_id,
            Actor::System,
            &["payment_rejected"],
            json!({ "reason": report.reason }),
        )
        .await?;
        outbox::sms(office, &mut tx, case_id, "returned").await?;
    } else {
        let reopened = closing::reopen(office, &mut tx, &case).await?;
        if !reopened {
            subsidy::reverse(office, &mut tx, &case).await?;
        }
        release(office, &mut tx, case_id, 9, 4, report.reason.as_deref()).await?;
        let steps: &[&str] = if reopened {
            &["payment_rejected", "account_sealed_again", "failed"]
        } else {
            &["payment_rejected", "failed"]
        };
        add_event(
            office,
            &mut tx,
            case_id,
            Actor::System,
            steps,
            json!({ "reason": report.reason }),
        )
        .await?;
        outbox::sms(office, &mut tx, case_id, "rejected").await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case_id);
    Ok(true)
}

pub(super) async fn release(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    state: i16,
    pay_state: i16,
    reason: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE business_case SET state = $3, pay_state = $4, pay_reason = coalesce($5, pay_reason), version = version + 1
          WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(state)
    .bind(pay_state)
    .bind(reason)
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE withdrawal_use SET state = 3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case_id)
        .execute(conn)
        .await?;
    Ok(())
}
