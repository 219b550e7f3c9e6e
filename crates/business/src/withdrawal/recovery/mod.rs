//! 追回 (withdrawal.md §7 RECOVERING, E30): money of a withdrawal that is asked back, because it was wrongly paid or because the contract of the
//! home was cancelled afterwards. A claim is a lead or a demand (`claim.rs`; `contract.rs` finds those of FR-08), and what comes in under its
//! code is credited to the person's account (`money.rs`). What is asked is what was paid; interest that was lost stays lost.
//!
//! Invariant: a withdrawal is claimed back once, whoever found it, and never more comes back than was paid. Read `claim.rs` first.

/// Columns of [`Recovery`], in one place.
macro_rules! columns {
    () => {
        "recovery_id, person_id, branch_id, of_case, entry_id, reason, ground, finding, debtor, contract_no, cancelled_on, state, owed_fen, \
         returned_fen, found_at, due_on"
    };
}

mod claim;
mod contract;
mod money;

pub(crate) use claim::{debtor_of_entry, demand_of_entry, drop_of_entry};
pub use claim::{decide_lead, turn};
pub use contract::{Cancelled, cancelled, contract_cancelled, contracts_to_ask};
pub(crate) use money::{Part, Place, place, received};

use anju_casework::case;
use anju_casework::{Fault, Office, PgConnection, Refusal, Result};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

/// The service under which its case stands; nobody applies for it.
pub const SERVICE: &str = "withdraw-recovery";

/// States.
pub mod state {
    /// 线索: found by the system, a person looks.
    pub const LEAD: i16 = 1;
    /// 已要求退回.
    pub const DEMANDED: i16 = 2;
    /// 已退回.
    pub const RETURNED: i16 = 3;
    /// 不追回.
    pub const DROPPED: i16 = 9;
}

/// Why money is asked back.
pub mod reason {
    /// 违规提取: a finding of fraud.
    pub const FRAUD: i16 = 1;
    /// 购房合同撤销: the home was not bought in the end.
    pub const CONTRACT: i16 = 2;
}

/// Who gives it back.
pub mod debtor {
    /// It went to his card.
    pub const PERSON: i16 = 1;
    /// It went to the supervised account of the project, and the developer gives it back from there.
    pub const SUPERVISED: i16 = 2;
}

/// Money that is asked back.
#[derive(Debug, Clone, FromRow)]
pub struct Recovery {
    /// Identifier, also of its case.
    pub recovery_id: i64,
    /// Whose account it comes back to.
    pub person_id: i64,
    /// Who keeps it.
    pub branch_id: i16,
    /// The withdrawal.
    pub of_case: i64,
    /// The entry of the black list, where there is one.
    pub entry_id: Option<i64>,
    /// See [`reason`].
    pub reason: i16,
    /// A pattern of §9.
    pub ground: String,
    /// What it stands on.
    pub finding: String,
    /// See [`debtor`].
    pub debtor: i16,
    /// Number of the filed contract that was cancelled.
    pub contract_no: Option<String>,
    /// Its day, where it was told.
    pub cancelled_on: Option<NaiveDate>,
    /// See [`state`].
    pub state: i16,
    /// Fen to be returned.
    pub owed_fen: i64,
    /// Fen returned.
    pub returned_fen: i64,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// The last day.
    pub due_on: Option<NaiveDate>,
}

impl Recovery {
    /// Fen that are still to come.
    #[must_use]
    pub const fn left_fen(&self) -> i64 {
        self.owed_fen - self.returned_fen
    }

    /// 违规提取 or 购房合同撤销.
    #[must_use]
    pub const fn reason_word(&self) -> &'static str {
        match self.reason {
            reason::CONTRACT => "购房合同撤销",
            _ => "违规提取",
        }
    }

    /// Who gives it back: 本人 or 开发企业.
    #[must_use]
    pub const fn debtor_word(&self) -> &'static str {
        match self.debtor {
            debtor::SUPERVISED => "开发企业",
            _ => "本人",
        }
    }
}

/// What the beginnings of a repayment code have been: the first is written now, the other stands on letters of cancelled contracts.
const PREFIXES: [&str; 2] = ["ZH", "TF"];

/// Letter, twelve digits, check digit.
const NUMBER_LEN: usize = 14;

/// What the payer writes into the remark: 追回码.
#[must_use]
pub fn code(office: &Office, recovery_id: i64) -> String {
    let number = office.numbers.encode(NumberKind::Case, recovery_id);
    format!("{}{number}", PREFIXES[0])
}

/// The recovery whose code stands in a remark; spaces, hyphens and full width do not matter.
#[must_use]
pub fn find_code(office: &Office, remark: &str) -> Option<i64> {
    let text: String = anju_domain::text::normalise(remark)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect::<String>()
        .to_ascii_uppercase();
    PREFIXES.iter().find_map(|prefix| {
        text.match_indices(prefix).find_map(|(at, _)| {
            let number = text.get(at + prefix.len()..at + prefix.len() + NUMBER_LEN)?;
            office.numbers.decode(NumberKind::Case, number)
        })
    })
}

/// One that must exist.
pub async fn require(office: &Office, recovery_id: i64) -> Result<Recovery> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND recovery_id = $2"
    ))
    .bind(office.centre.id)
    .bind(recovery_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔追回").into())
}

async fn lock(office: &Office, tx: &mut PgConnection, recovery_id: i64) -> Result<Recovery> {
    find_locked(office, tx, recovery_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这笔追回").into())
}

async fn find_locked(
    office: &Office,
    tx: &mut PgConnection,
    recovery_id: i64,
) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND recovery_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(recovery_id)
    .fetch_optional(tx)
    .await?)
}

/// The claim on a withdrawal that is not settled, with what is now known of its contract, taken for a change.
async fn standing(
    office: &Office,
    tx: &mut PgConnection,
    of_case: i64,
    contract_no: Option<&str>,
    cancelled_on: Option<NaiveDate>,
) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "UPDATE recovery SET contract_no = coalesce(contract_no, $3), cancelled_on = coalesce(cancelled_on, $4)
          WHERE centre_id = $1 AND of_case = $2 AND state IN (1, 2) RETURNING ",
        columns!()
    ))
    .bind(office.centre.id)
    .bind(of_case)
    .bind(contract_no)
    .bind(cancelled_on)
    .fetch_optional(tx)
    .await?)
}

/// What is asked of a person, newest first; a lead that nobody has looked at is not asked.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) ORDER BY recovery_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What an entry asks back.
pub async fn of_entry(office: &Office, entry_id: i64) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND entry_id = $2 ORDER BY recovery_id DESC LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// Those in a state, oldest first, a page of them after `after`; of one branch or, with none, of the centre.
pub async fn list(
    office: &Office,
    in_state: i16,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery
          WHERE centre_id = $1 AND state = $2 AND ($3::smallint IS NULL OR branch_id = $3) AND recovery_id > $4
          ORDER BY recovery_id LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(in_state)
    .bind(branch_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The fund account into which the money is to be paid back: that of the bank that paid it.
///
/// # Errors
/// A withdrawal that no bank has paid.
pub async fn pay_to(office: &Office, of_case: i64) -> Result<(String, String, String)> {
    let paid = case::require(office, of_case).await?;
    let bank = paid.pay_bank.ok_or_else(|| {
        Fault::Stored("a withdrawal that is asked back was never paid".to_owned())
    })?;
    let account = office.bank(&bank)?;
    Ok((
        account.bank_name.clone(),
        account.account_no.clone(),
        account.holder.clone(),
    ))
}
