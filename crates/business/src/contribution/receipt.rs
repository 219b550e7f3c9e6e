//! Money that arrives at a bank (到账, contribution.md §7): matched by pay code, then payer, and allocated at once; everything else
//! stands in suspense with a reason. Per receipt: allocated + suspense + returned = received.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use anju_casework::books::{self, Booking};
use anju_casework::employer::{self, Employer};
use anju_casework::inbox::{self, Arrival};
use anju_casework::{Actor, Fault, Office, Result};
use anju_ledger::Role;

use super::remittance::{self, Remittance, find_reference, kind, state};
use super::{allocation, collection, merging, subsidy};
use crate::remote::{Letter, money};
use crate::withdrawal::recovery;

/// States of a receipt.
pub mod receipt_state {
    /// 不明来款.
    pub const UNIDENTIFIED: i16 = 1;
    /// In the employer's suspense (单位暂存款).
    pub const SUSPENSE: i16 = 2;
    /// Applied to a list.
    pub const APPLIED: i16 = 3;
    /// Returned to the payer.
    pub const RETURNED: i16 = 4;
}

/// A credit entry of one of our accounts, as the bank told it.
#[derive(Debug, Clone)]
pub struct Credit {
    /// Bank.
    pub bank: String,
    /// The bank's serial.
    pub serial: String,
    /// Booked on.
    pub book_date: NaiveDate,
    /// Fen.
    pub amount_fen: i64,
    /// Payer's account.
    pub payer_account: String,
    /// Payer's name.
    pub payer_name: String,
    /// What the payer wrote.
    pub remark: String,
    /// The number of the order that it answers; a payer's own number says nothing here.
    pub end_to_end_id: Option<String>,
}

/// A receipt (到账流水).
#[derive(Debug, Clone, FromRow)]
pub struct Receipt {
    /// Identifier.
    pub receipt_id: i64,
    /// Bank.
    pub bank: String,
    /// Bank's serial.
    pub serial: String,
    /// Booked on.
    pub book_date: NaiveDate,
    /// Arrived here.
    pub received_at: DateTime<Utc>,
    /// Fen.
    pub amount_fen: i64,
    /// Payer's account.
    pub payer_account: String,
    /// Payer's name.
    pub payer_name: String,
    /// Remark.
    pub remark: String,
    /// See [`receipt_state`].
    pub state: i16,
    /// Why it stands where it stands.
    pub reason: String,
    /// Employer.
    pub employer_id: Option<i64>,
    /// List.
    pub remittance_id: Option<i64>,
}

/// Columns of [`Receipt`], in one place.
macro_rules! columns {
    () => {
        "receipt_id, bank, serial, book_date, received_at, amount_fen, payer_account, payer_name, remark, state, reason, \
         employer_id, remittance_id"
    };
}

/// Where a receipt belongs.
enum Place {
    List(Employer, Remittance, &'static str),
    Suspense(Employer, String, &'static str),
    Transfer(Box<Letter>),
    Recovery(Vec<recovery::Part>),
    Unidentified(String),
}

/// Takes a credit: booked, matched, and if its list is covered allocated to every account, all in one transaction.
pub async fn receive(office: &Office, credit: &Credit) -> Result<Arrival> {
    let mut tx = office.pool.begin().await?;
    let arrival = inbox::take(
        office,
        &mut tx,
        &credit.bank,
        &credit.serial,
        "credit",
        credit.book_date,
        credit.amount_fen,
        credit.end_to_end_id.as_deref(),
        None,
    )
    .await?;
    if arrival == Arrival::Repeat {
        return Ok(arrival);
    }
    let place = place(office, &mut tx, credit).await?;
    let receipt_id = office.ids.next().await?;
    let bank = office.bank(&credit.bank)?;
    if let Place::Transfer(letter) = &place {
        let journal_id = money::book_receipt(office, &mut tx, letter, credit).await?;
        let receipt = Kept {
            state: receipt_state::APPLIED,
            reason: &format!("异地转移，联系函 {}", letter.letter_no),
            employer_id: None,
            remittance_id: None,
            matched_by: Some("letter"),
            journal_id,
        };
        keep(office, &mut tx, receipt_id, credit, &receipt).await?;
        money::arrived(office, &mut tx, letter.letter_id, credit).await?;
        tx.commit().await?;
        office.changed_with_messages(letter.letter_id);
        metrics::counter!("receipts_total", "event" => "E32").increment(1);
        return Ok(Arrival::New);
    }
    if let Place::Recovery(parts) = &place {
        let mut journals = Vec::new();
        for part in parts {
            journals.push(recovery::received(office, &mut tx, part, credit).await?);
        }
        let codes: Vec<String> = parts
            .iter()
            .map(|part| recovery::code(office, part.one.recovery_id))
            .collect();
        let receipt = Kept {
            state: receipt_state::APPLIED,
            reason: &format!("追回{}", codes.join("、")),
            employer_id: None,
            remittance_id: None,
            matched_by: Some("recovery"),
            // Of several parts the first; each journal's key names the receipt's serial.
            journal_id: journals[0],
        };
        keep(office, &mut tx, receipt_id, credit, &receipt).await?;
        tx.commit().await?;
        for part in parts {
            office.changed_with_messages(part.one.recovery_id);
        }
        metrics::counter!("receipts_total", "event" => "E30").increment(1);
        return Ok(Arrival::New);
    }
    let (event, role, account, employer, list, receipt_state, reason, matched_by) = match &place {
        Place::List(employer, list, by) => (
            "E01",
            Role::Unit,
            employer.suspense_account_id,
            Some(employer),
            Some(list),
            receipt_state::SUSPENSE,
            "等待凑足清册金额".to_owned(),
            Some(*by),
        ),
        Place::Suspense(employer, reason, by) => (
            "E01",
            Role::Unit,
            employer.suspense_account_id,
            Some(employer),
            None,
            receipt_state::SUSPENSE,
            reason.clone(),
            Some(*by),
        ),
        Place::Transfer(_) | Place::Recovery(_) => {
            return Err(Fault::Stored("it is booked above".to_owned()).into());
        }
        Place::Unidentified(reason) => (
            "E02",
            Role::Unidentified,
            bank.unidentified_id,
            None,
            None,
            receipt_state::UNIDENTIFIED,
            reason.clone(),
            None,
        ),
    };
    let journal_id = books::post(
        office,
        &mut tx,
        &Booking {
            event,
            key: &format!("{}:{}", credit.bank, credit.serial),
            case_id: Some(receipt_id),
            branch_id: employer.map_or(office.centre.head_branch, |employer| employer.branch_id),
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[(Role::Bank, bank.deposit_id), (role, account)],
            amount_fen: credit.amount_fen,
        },
    )
    .await?;
    let receipt = Kept {
        state: receipt_state,
        reason: &reason,
        employer_id: employer.map(|employer| employer.employer_id),
        remittance_id: list.map(|list| list.remittance_id),
        matched_by,
        journal_id,
    };
    keep(office, &mut tx, receipt_id, credit, &receipt).await?;
    if let Place::List(employer, list, _) = &place {
        allocation::apply(office, &mut tx, employer, list, credit.amount_fen).await?;
        if !credit.payer_account.is_empty() && list.kind != kind::FLEXIBLE {
            remember_payer(office, &mut tx, employer.employer_id, &credit.payer_account).await?;
        }
    }
    tx.commit().await?;
    if let Place::List(_, list, _) = &place {
        office.changed(list.remittance_id);
    }
    metrics::counter!("receipts_total", "event" => event).increment(1);
    Ok(Arrival::New)
}

/// Where a receipt stands when it is taken.
struct Kept<'a> {
    state: i16,
    reason: &'a str,
    employer_id: Option<i64>,
    remittance_id: Option<i64>,
    matched_by: Option<&'a str>,
    journal_id: i64,
}

async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    receipt_id: i64,
    credit: &Credit,
    kept: &Kept<'_>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO receipt (centre_id, receipt_id, bank, serial, book_date, received_at, amount_fen, payer_account, payer_name,
                              remark, state, reason, employer_id, remittance_id, matched_by, journal_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(office.centre.id)
    .bind(receipt_id)
    .bind(&credit.bank)
    .bind(&credit.serial)
    .bind(credit.book_date)
    .bind(office.now())
    .bind(credit.amount_fen)
    .bind(&credit.payer_account)
    .bind(&credit.payer_name)
    .bind(&credit.remark)
    .bind(kept.state)
    .bind(kept.reason)
    .bind(kept.employer_id)
    .bind(kept.remittance_id)
    .bind(kept.matched_by)
    .bind(kept.journal_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// What was asked back, then what another centre sends; then the match order of contribution.md §7: our own order to collect; pay code; known payer account with the amount of its open list; payer name likewise.
async fn place(office: &Office, tx: &mut PgConnection, credit: &Credit) -> Result<Place> {
    // Money that was asked back names its recovery.
    match recovery::place(office, tx, credit).await? {
        Some(recovery::Place::Claims(parts)) => return Ok(Place::Recovery(parts)),
        Some(recovery::Place::Nobody(reason)) => return Ok(Place::Unidentified(reason)),
        None => {}
    }
    // Money of another centre names its letter.
    if let Some(letter_no) = money::find_letter_no(&credit.remark) {
        return Ok(match money::place(office, tx, &letter_no, credit).await? {
            money::Place::Letter(letter) => Place::Transfer(letter),
            money::Place::Nobody(reason) => Place::Unidentified(reason),
        });
    }
    if let Some(list_id) = collection::received(office, tx, credit).await?
        && let Some(list) = remittance::get(office, tx, list_id).await?
    {
        let employer = employer::lock(office, tx, list.employer_id).await?;
        let list = remittance::get(office, tx, list_id).await?.unwrap_or(list);
        let employer = merging::successor(office, tx, employer).await?;
        let list = remittance::in_place_of(office, tx, list).await?;
        return Ok(on_list(employer, list, "debit"));
    }
    if let Some(reference) = find_reference(&credit.remark) {
        return match remittance::by_reference(office, tx, &reference).await? {
            None => Ok(Place::Unidentified(
                "附言里的缴款码没有对应的清册，可能抄错".to_owned(),
            )),
            Some(list) => {
                // The employer's row is taken before the list is judged: another receipt may just have covered it.
                let employer = employer::lock(office, tx, list.employer_id).await?;
                let list = remittance::by_reference(office, tx, &reference)
                    .await?
                    .unwrap_or(list);
                // What comes for an employer that was merged is its successor's, for the list that stands in place of the old one.
                let employer = merging::successor(office, tx, employer).await?;
                let list = remittance::in_place_of(office, tx, list).await?;
                let list = remittance::turn_of(office, tx, list).await?;
                let employer = subsidy::payer(office, tx, employer, &list).await?;
                Ok(on_list(employer, list, "reference"))
            }
        };
    }
    let known: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT coalesce(e.merged_into, k.employer_id)
           FROM employer_account_known k JOIN employer e ON e.centre_id = k.centre_id AND e.employer_id = k.employer_id
          WHERE k.centre_id = $1 AND k.payer_account = $2 LIMIT 3",
    )
    .bind(office.centre.id)
    .bind(&credit.payer_account)
    .fetch_all(&mut *tx)
    .await?;
    let named = employer::by_name(
        office,
        &mut *tx,
        &anju_domain::text::normalise(&credit.payer_name),
    )
    .await?;
    for candidates in [
        known,
        named.iter().map(|employer| employer.employer_id).collect(),
    ] {
        let [employer_id] = candidates[..] else {
            continue;
        };
        let employer = employer::lock(office, tx, employer_id).await?;
        let waiting = remittance::waiting(office, tx, employer_id).await?;
        let fits = |list: &Remittance| list.amount_fen - list.received_fen == credit.amount_fen;
        let months = || waiting.iter().filter(|list| list.kind == kind::MONTHLY);
        let all: i64 = months()
            .map(|list| list.amount_fen - list.received_fen)
            .sum();
        // Or all months that were registered in one go.
        let found = waiting
            .iter()
            .find(|list| fits(list))
            .or_else(|| months().next().filter(|_| all == credit.amount_fen));
        if let Some(list) = found.cloned() {
            let list = remittance::turn_of(office, tx, list).await?;
            let employer = subsidy::payer(office, tx, employer, &list).await?;
            return Ok(Place::List(employer, list, "payer"));
        }
    }
    Ok(Place::Unidentified(match named.len() {
        0 => "附言没有缴款码，付款户名也不是缴存单位".to_owned(),
        1 => "付款户名是缴存单位，但附言没有缴款码，金额与待缴清册不符".to_owned(),
        _ => "付款户名对应多个单位，附言没有缴款码".to_owned(),
    }))
}

/// Money for this list: it waits for it, or the employer has it in suspense, with the reason.
fn on_list(employer: Employer, list: Remittance, by: &'static str) -> Place {
    match (list.state, by) {
        (state::AWAITING | state::PART_RECEIVED, _) => Place::List(employer, list, by),
        (state::ALLOCATED, "debit") => {
            let reason = "清册已用转账款分配，委托收款又收到一笔，可用于下月或申请退回";
            Place::Suspense(employer, reason.to_owned(), by)
        }
        (state::ALLOCATED, _) => Place::Suspense(employer, "清册已分配，重复缴款".to_owned(), by),
        (state::EXPIRED, _) => Place::Suspense(employer, "清册已失效，迟到的款项".to_owned(), by),
        _ => Place::Suspense(employer, "清册已撤销".to_owned(), by),
    }
}

async fn remember_payer(
    office: &Office,
    tx: &mut PgConnection,
    employer_id: i64,
    payer_account: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO employer_account_known (centre_id, employer_id, payer_account) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(payer_account)
    .execute(tx)
    .await?;
    Ok(())
}

/// A receipt that must exist.
pub async fn require(office: &Office, receipt_id: i64) -> Result<Receipt> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM receipt WHERE centre_id = $1 AND receipt_id = $2"
    ))
    .bind(office.centre.id)
    .bind(receipt_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| anju_casework::Refusal::not_found("这笔到账").into())
}

/// Receipts with a claim that waits for its checker, in the order of the claims, a page of them after a claim; each with its claim.
pub async fn claimed(office: &Office, after: i64, limit: i64) -> Result<Vec<(i64, Receipt)>> {
    let claims: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT match_id, receipt_id FROM suspense_match WHERE centre_id = $1 AND state = 1 AND match_id > $2
          ORDER BY match_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    let ids: Vec<i64> = claims.iter().map(|claim| claim.1).collect();
    let receipts: Vec<Receipt> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM receipt WHERE centre_id = $1 AND receipt_id = ANY ($2)"
    ))
    .bind(office.centre.id)
    .bind(&ids)
    .fetch_all(&office.pool)
    .await?;
    let mut receipts: HashMap<i64, Receipt> = receipts
        .into_iter()
        .map(|receipt| (receipt.receipt_id, receipt))
        .collect();
    Ok(claims
        .into_iter()
        .filter_map(|(match_id, id)| Some((match_id, receipts.remove(&id)?)))
        .collect())
}

/// Receipts in a state, oldest first, a page of them after `after`.
pub async fn list(
    office: &Office,
    receipt_state: i16,
    after: i64,
    limit: i64,
) -> Result<Vec<Receipt>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM receipt WHERE centre_id = $1 AND state = $2 AND receipt_id > $3 ORDER BY receipt_id LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(receipt_state)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The receipts of an employer, newest first.
pub async fn of_employer(office: &Office, employer_id: i64, limit: i64) -> Result<Vec<Receipt>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM receipt WHERE centre_id = $1 AND employer_id = $2 ORDER BY receipt_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Numbers of an allocation's event.
pub(crate) fn received_detail(received_fen: i64, list: &Remittance) -> serde_json::Value {
    json!({ "received_fen": received_fen, "amount_fen": list.amount_fen })
}
