//! Agreements (约定提取, withdrawal.md §6.4): a person agrees once, and after each period what was repaid of the loan is paid to the card. Here:
//! the agreement and who sees it; `sign.rs` signs, changes and cancels; `run.rs` makes the runs of a day and books what was decided; `resume.rs`
//! lets go on what was suspended once its cause is gone.
//! Invariant: one run for each agreement and period, and all claims on one loan together never exceed what was repaid.

pub mod resume;
pub mod run;
pub mod sign;

use anju_casework::{Office, Result};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

/// The service of a run: a withdrawal that no channel begins.
pub const RUN_SERVICE: &str = "withdraw-run-commercial";

/// States of an agreement.
pub mod state {
    /// 已签约: no run has paid yet.
    pub const SIGNED: i16 = 1;
    /// 执行中.
    pub const RUNNING: i16 = 2;
    /// 暂停.
    pub const SUSPENDED: i16 = 3;
    /// 已解约.
    pub const ENDED: i16 = 9;
}

/// States of a run.
pub mod run_state {
    /// Its day has come; nothing is decided.
    pub const DUE: i16 = 1;
    /// Decided and booked, on its way to the card.
    pub const PAYING: i16 = 2;
    /// On the card.
    pub const PAID: i16 = 3;
    /// Nothing to pay in this period.
    pub const NOTHING: i16 = 4;
    /// 跳过: a condition was not met.
    pub const SKIPPED: i16 = 5;
    /// The bank did not pay; the money is back on the account.
    pub const FAILED: i16 = 6;
}

/// 约定提取协议.
#[derive(Debug, Clone, FromRow)]
pub struct Agreement {
    /// Identifier, also of the case that signed it.
    pub agreement_id: i64,
    /// Whose.
    pub person_id: i64,
    /// The bank that gave the loan.
    pub loan_bank: String,
    /// The loan's number there.
    pub loan_no: String,
    /// Months in a period: 1, 3 or 12.
    pub period: i16,
    /// Order of use among the agreements on one loan: 1 first, 2 second.
    pub place: i16,
    /// Last four digits of the card.
    pub card_last4: String,
    /// See [`state`].
    pub state: i16,
    /// Why it is suspended or ended.
    pub reason: Option<String>,
    /// First month that no run has settled, as an index.
    pub from_month: i32,
    /// When the next run is made.
    pub next_on: Option<NaiveDate>,
    /// When the cause of a suspension is asked for again; none where only its holder can mend it.
    pub ask_on: Option<NaiveDate>,
    /// Skipped in a row.
    pub skips: i16,
    /// Signed.
    pub signed_at: DateTime<Utc>,
}

/// 一期.
#[derive(Debug, Clone, FromRow)]
pub struct Run {
    /// Identifier; of its case, where it pays.
    pub run_id: i64,
    /// Whose agreement.
    pub agreement_id: i64,
    /// Last month of the period, as an index.
    pub period: i32,
    /// First month that it claims.
    pub from_month: i32,
    /// See [`run_state`].
    pub state: i16,
    /// Fen, where it pays.
    pub amount_fen: Option<i64>,
    /// The condition that was not met.
    pub code: Option<String>,
    /// Its words.
    pub reason: Option<String>,
    /// Made.
    pub made_at: DateTime<Utc>,
    /// The bank that gave the loan.
    pub loan_bank: String,
    /// The loan's number there.
    pub loan_no: String,
}

/// A person's agreements, the newest first.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Agreement>> {
    Ok(sqlx::query_as(
        "SELECT agreement_id, person_id, loan_bank, loan_no, period, place, card_last4, state, reason, from_month, next_on, ask_on, skips, signed_at
           FROM repay_agreement WHERE centre_id = $1 AND person_id = $2 ORDER BY agreement_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The runs of an agreement, the newest period first.
pub async fn runs_of(office: &Office, agreement_id: i64, limit: i64) -> Result<Vec<Run>> {
    Ok(sqlx::query_as(
        "SELECT r.run_id, r.agreement_id, r.period, r.from_month, r.state, r.amount_fen, r.code, r.reason, r.made_at, a.loan_bank, a.loan_no
           FROM repay_run r
           JOIN repay_agreement a ON a.centre_id = r.centre_id AND a.agreement_id = r.agreement_id
          WHERE r.centre_id = $1 AND r.agreement_id = $2 ORDER BY r.period DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(agreement_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The runs of a branch or of the centre, the newest first; of one state where one is named.
pub async fn runs(
    office: &Office,
    branch_id: Option<i16>,
    state: Option<i16>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Run>> {
    Ok(sqlx::query_as(
        "SELECT r.run_id, r.agreement_id, r.period, r.from_month, r.state, r.amount_fen, r.code, r.reason, r.made_at, a.loan_bank, a.loan_no
           FROM repay_run r
           JOIN repay_agreement a ON a.centre_id = r.centre_id AND a.agreement_id = r.agreement_id
          WHERE r.centre_id = $1 AND ($2::smallint IS NULL OR r.state = $2) AND r.run_id < $3
            AND ($5::smallint IS NULL OR a.branch_id = $5) ORDER BY r.run_id DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(state)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .bind(branch_id)
    .fetch_all(&office.pool)
    .await?)
}

/// How far the runs of one period are.
#[derive(Debug, Clone, FromRow)]
pub struct Progress {
    /// The period's last month, as an index.
    pub period: i32,
    /// See [`run_state`].
    pub state: i16,
    /// Runs.
    pub runs: i64,
    /// Fen.
    pub amount_fen: i64,
}

/// Runs and money of the last periods, by state.
pub async fn progress(
    office: &Office,
    branch_id: Option<i16>,
    since: i32,
) -> Result<Vec<Progress>> {
    Ok(sqlx::query_as(
        "SELECT r.period, r.state, count(*) AS runs, coalesce(sum(r.amount_fen), 0)::bigint AS amount_fen
           FROM repay_run r JOIN repay_agreement a ON a.centre_id = r.centre_id AND a.agreement_id = r.agreement_id
          WHERE r.centre_id = $1 AND r.period >= $2 AND ($3::smallint IS NULL OR a.branch_id = $3)
          GROUP BY r.period, r.state ORDER BY r.period DESC, r.state",
    )
    .bind(office.centre.id)
    .bind(since)
    .bind(branch_id)
    .fetch_all(&office.pool)
    .await?)
}

/// How many agreements stand in each state.
pub async fn count_by_state(office: &Office, branch_id: Option<i16>) -> Result<Vec<(i16, i64)>> {
    Ok(sqlx::query_as(
        "SELECT state, count(*) FROM repay_agreement
          WHERE centre_id = $1 AND ($2::smallint IS NULL OR branch_id = $2) GROUP BY state ORDER BY state",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .fetch_all(&office.pool)
    .await?)
}
