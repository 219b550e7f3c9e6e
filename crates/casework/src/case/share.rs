//! 一案多付: a closing case whose money goes to several payees, each with the bank's own word. A payee whose bank refuses waits for another card
//! while the others are paid; the case ends when everybody has his money.
//!
//! Invariant: what the shares of a case stand for on the account, in 21904 or in 21905 is their sum to the fen. A share that a bank refused is
//! back on the account with its old value date, and earns interest there; whoever names a new card gets it.

mod again;
mod close;

use anju_ledger::journal;
use anju_ledger::{JournalId, Role};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::closing::{open_account, step};
use super::elsewhere::bank_instead;
use super::order::Order;
use super::row::{Case, CaseState, PayState};
use super::settle::{PaymentReport, debit_taken, lock};
use super::{add_event, end_executing, number};
use crate::books::{self, Booking};
use crate::membership::state;
use crate::person::{purpose, text};
use crate::{Actor, Fault, Office, Refusal, Result, outbox};

pub use again::pay_again;
pub use close::{close_out_shared, close_to_income};

/// Who is paid a share, and to which card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// Name of who is entitled.
    pub name: String,
    /// His ID number.
    pub id_no: String,
    /// Whose card it is: his own, or his guardian's.
    pub holder: String,
    /// ID number of the card's holder.
    pub holder_id_no: String,
    /// The card.
    pub card_no: String,
}

/// What of an account a share takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Portion {
    account: i64,
    fen: i64,
    /// E21 of the last attempt, and its business date.
    journal: Option<(i64, NaiveDate)>,
}

/// A share of a case.
#[derive(Debug, Clone, FromRow)]
pub struct Share {
    /// Identifier.
    pub share_id: i64,
    /// The case.
    pub case_id: i64,
    /// Order in the list.
    pub place: i16,
    payee_sealed: Vec<u8>,
    /// Masked name of the payee.
    pub name_shown: String,
    /// The card's last four digits.
    pub card_last4: String,
    /// Of ten thousand.
    pub share_bp: i32,
    /// Fen.
    pub amount_fen: i64,
    /// See [`PayState`]; rejected is back on the account, returned stands in 21905.
    state: i16,
    /// Which try.
    pub attempt: i16,
    /// It was paid once and came back.
    pub returned: bool,
    /// The bank that pays.
    pub bank: String,
    /// The bank's serial.
    pub bank_ref: Option<String>,
    /// What the bank said.
    pub reason: Option<String>,
    legs: Json<Vec<Portion>>,
    /// When it was paid.
    pub settled_at: Option<DateTime<Utc>>,
}

macro_rules! columns {
    () => {
        "share_id, case_id, place, payee_sealed, name_shown, card_last4, share_bp, amount_fen, state, attempt, returned, bank, bank_ref, \
         reason, legs, settled_at"
    };
}

impl Share {
    /// Where its payment stands.
    pub const fn state(&self) -> PayState {
        PayState::from_number(self.state)
    }

    /// Whether it waits for another card.
    pub const fn wants_card(&self) -> bool {
        matches!(self.state(), PayState::Rejected | PayState::Returned)
    }

    /// Whether the books have told of it already, so that the bank's word changes none: an estate that went to the centre's own income (E38).
    fn is_booked(&self) -> bool {
        self.legs.0.is_empty() && self.amount_fen > 0
    }

    const fn awaits_bank(&self, attempt: i16) -> bool {
        self.attempt == attempt && matches!(self.state(), PayState::Sending | PayState::Unknown)
    }

    /// Who is paid.
    pub fn payee(&self, office: &Office) -> Result<Payee> {
        let plain = text(&office.vault, purpose::FORM, &self.payee_sealed)?;
        Ok(serde_json::from_str(&plain)?)
    }

    /// The bank's identifier of the last attempt.
    pub fn end_to_end_id(&self, office: &Office) -> String {
        format!("H{}-{}", number(office, self.share_id), self.attempt)
    }
}

fn seal(office: &Office, payee: &Payee) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(payee)?;
    Ok(office.vault.seal(purpose::FORM, &plain))
}

/// The share and attempt behind a bank's identifier.
pub fn of_end_to_end_id(office: &Office, text: &str) -> Option<(i64, i16)> {
    super::of_end_to_end_id(office, text.strip_prefix('H')?)
}

/// The shares of a case in their order; none where it pays one.
pub async fn list(office: &Office, case_id: i64) -> Result<Vec<Share>> {
    let mut conn = office.pool.acquire().await?;
    list_on(office, &mut conn, case_id).await
}

async fn list_on(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<Vec<Share>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_share WHERE centre_id = $1 AND case_id = $2 ORDER BY place"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(conn)
    .await?)
}

async fn find(office: &Office, conn: &mut PgConnection, share_id: i64) -> Result<Share> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_share WHERE centre_id = $1 AND share_id = $2"
    ))
    .bind(office.centre.id)
    .bind(share_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔付款").into())
}

/// The share with its case's row taken, so that one word about the case at a time is acted upon.
async fn taken(office: &Office, tx: &mut PgConnection, share_id: i64) -> Result<(Case, Share)> {
    let case_id = find(office, tx, share_id).await?.case_id;
    let case = lock(office, tx, case_id).await?;
    Ok((case, find(office, tx, share_id).await?))
}

/// The order of a share; none where there is nothing to pay any more.
pub async fn order(office: &Office, share_id: i64, attempt: i16) -> Result<Option<Order>> {
    let mut conn = office.pool.acquire().await?;
    let share = find(office, &mut conn, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(None);
    }
    let payee = share.payee(office)?;
    Ok(Some(Order {
        end_to_end_id: share.end_to_end_id(office),
        bank: share.bank,
        amount_fen: share.amount_fen,
        payee_account: payee.card_no,
        payee_name: payee.holder,
        remark: "住房公积金继承提取".to_owned(),
    }))
}

/// The bank did not answer: it is asked, never paid again.
pub async fn unknown(office: &Office, share_id: i64, attempt: i16) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if share.attempt != attempt || share.state() != PayState::Sending {
        return Ok(());
    }
    set(office, &mut tx, &share, PayState::Unknown, None, None).await?;
    told(
        office,
        &mut tx,
        &case,
        &share,
        &["payment_unknown"],
        Actor::System,
    )
    .await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(())
}

/// Paid: E22, or E26 for money that had come back. Told twice, the second changes nothing. With the last one the case is done.
pub async fn paid(
    office: &Office,
    share_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(());
    }
    let id = share.end_to_end_id(office);
    if report.differs(share.amount_fen, &id) {
        drop(tx);
        return unknown(office, share_id, attempt).await;
    }
    let deposit = office.bank(&share.bank)?.deposit_id;
    let event = if share.returned { "E26" } else { "E22" };
    let key = format!("{share_id}:{attempt}");
    let accounts = [(Role::Bank, deposit)];
    if share.returned || !share.is_booked() {
        let booking = step(&case, event, &key, None, &accounts, share.amount_fen);
        books::post(office, &mut tx, &booking).await?;
    }
    debit_taken(
        office,
        &mut tx,
        &share.bank,
        report,
        share.amount_fen,
        &id,
        Some(case.case_id),
    )
    .await?;
    set(
        office,
        &mut tx,
        &share,
        PayState::Paid,
        Some(&report.bank_ref),
        None,
    )
    .await?;
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_share WHERE centre_id = $1 AND case_id = $2 AND state <> 3",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_one(&mut *tx)
    .await?;
    if open == 0 {
        sqlx::query("UPDATE withdrawal_use SET state = 2 WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(case.case_id)
            .execute(&mut *tx)
            .await?;
        end_executing(
            office,
            &mut tx,
            case.case_id,
            CaseState::Done,
            &["share_paid", "done"],
            detail(&share),
            Actor::System,
        )
        .await?;
        if !share.is_booked() {
            outbox::sms(office, &mut tx, case.case_id, "shares_paid").await?;
        }
    } else {
        told(
            office,
            &mut tx,
            &case,
            &share,
            &["share_paid"],
            Actor::System,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(())
}

/// Refused by the bank (E23): the share is back on the account with its old value date, and waits there for another card; the others are paid all
/// the same. Money that had come back before stays in 21905. Where every share is refused, closing interest is taken back too.
pub async fn rejected(
    office: &Office,
    share_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(());
    }
    let reason = report.reason.as_deref();
    let payment = (share.bank.as_str(), share.amount_fen);
    if let Some(bank) = bank_instead(office, &mut tx, report, payment, attempt).await? {
        again::from(office, &mut tx, &case, &share, &bank).await?;
        tx.commit().await?;
        office.changed_with_messages(case.case_id);
        return Ok(());
    }
    if share.returned {
        set(office, &mut tx, &share, PayState::Returned, None, reason).await?;
    } else {
        set(office, &mut tx, &share, PayState::Rejected, None, reason).await?;
        put_back(office, &mut tx, &case, &share).await?;
    }
    told(
        office,
        &mut tx,
        &case,
        &share,
        &["share_rejected"],
        Actor::System,
    )
    .await?;
    if !share.is_booked() {
        outbox::sms(office, &mut tx, case.case_id, "share_rejected").await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(())
}

/// E23 of a share: its E21 in red on accounts that are open again.
async fn put_back(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
) -> Result<()> {
    for leg in &share.legs.0 {
        let Some((journal_id, on)) = leg.journal else {
            continue;
        };
        let reopened: Option<Option<i64>> = sqlx::query_scalar(
            "UPDATE account_closing SET reopened_at = $4
              WHERE centre_id = $1 AND case_id = $2 AND account_id = $3 AND reopened_at IS NULL
             RETURNING membership_id",
        )
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(leg.account)
        .bind(office.now())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(membership_id) = reopened {
            open_account(office, tx, leg.account).await?;
            if let Some(membership_id) = membership_id {
                sqlx::query("UPDATE membership SET state = $3 WHERE centre_id = $1 AND membership_id = $2 AND state = 9")
                    .bind(office.centre.id)
                    .bind(membership_id)
                    .bind(state::SEALED)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        let key = format!("{}:{journal_id}", share.share_id);
        let header = books::header(office, tx, &step(case, "E23", &key, None, &[], 0)).await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), on).await?;
    }
    let elsewhere: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_share WHERE centre_id = $1 AND case_id = $2 AND state <> 4 AND amount_fen > 0",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_one(&mut *tx)
    .await?;
    if elsewhere == 0 {
        take_back_interest(office, tx, case).await?;
    }
    Ok(())
}

/// Nobody is paid yet: E28 goes back as well, so that the interest of the days until the new card runs on as if nothing had left.
async fn take_back_interest(office: &Office, tx: &mut PgConnection, case: &Case) -> Result<()> {
    let credited: Vec<(i64, NaiveDate)> = sqlx::query_as(
        "UPDATE account_closing c SET interest_journal = NULL
           FROM account_closing old
          WHERE c.centre_id = $1 AND c.case_id = $2 AND old.centre_id = c.centre_id AND old.case_id = c.case_id
            AND old.account_id = c.account_id AND c.interest_journal IS NOT NULL AND c.reopened_at IS NOT NULL
         RETURNING old.interest_journal, c.closed_on",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_all(&mut *tx)
    .await?;
    for (journal_id, on) in credited {
        let key = format!("{}:{journal_id}", case.case_id);
        let header = books::header(office, tx, &step(case, "E23", &key, None, &[], 0)).await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), on).await?;
    }
    Ok(())
}

/// 退票 (E25): a share that was paid has come back; it stands in 21905 until its payee has another card. The others keep theirs.
pub async fn payment_returned(
    office: &Office,
    tx: &mut PgConnection,
    share_id: i64,
    bank: &str,
    serial: &str,
    reason: &str,
) -> Result<i64> {
    let (case, share) = taken(office, tx, share_id).await?;
    if share.state() != PayState::Paid {
        return Err(Fault::Stored("a return for a share that was not paid".to_owned()).into());
    }
    let accounts = [(Role::Bank, office.bank(bank)?.deposit_id)];
    let key = format!("{bank}:{serial}");
    let booking: Booking<'_> = step(&case, "E25", &key, None, &accounts, share.amount_fen);
    books::post(office, tx, &booking).await?;
    sqlx::query(
        "UPDATE case_share SET state = 5, returned = TRUE, reason = $3, settled_at = NULL WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share_id)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE business_case SET state = 5 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .execute(&mut *tx)
        .await?;
    told(
        office,
        tx,
        &case,
        &share,
        &["share_returned"],
        Actor::System,
    )
    .await?;
    outbox::sms(office, tx, case.case_id, "share_rejected").await?;
    Ok(case.case_id)
}

async fn set(
    office: &Office,
    tx: &mut PgConnection,
    share: &Share,
    to: PayState,
    bank_ref: Option<&str>,
    reason: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE case_share
            SET state = $3, bank_ref = coalesce($4, bank_ref), reason = $5, settled_at = CASE WHEN $3::smallint = 3 THEN $6::timestamptz END
          WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share.share_id)
    .bind(to as i16)
    .bind(bank_ref)
    .bind(reason)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// What an event says of a share: its place, never its payee.
fn detail(share: &Share) -> serde_json::Value {
    json!({ "share": share.place, "amount_fen": share.amount_fen, "attempt": share.attempt })
}

async fn told(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
    steps: &[&str],
    actor: Actor,
) -> Result<()> {
    sqlx::query(
        "UPDATE business_case SET version = version + 1 WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .execute(&mut *tx)
    .await?;
    add_event(office, tx, case.case_id, actor, steps, detail(share)).await
}
