//! Relief of employers in difficulty (困难帮扶, contribution.md §10): contributions deferred, ratios lowered for a time. A case decides; what it
//! approved is an arrangement with a life of its own. Invariant: a deferred month is owed by the base of its time until a back payment makes
//! it up, and nobody leaves with one. Read `deferral.rs` first; `own_books.rs` says what policy decides by, `report.rs` what it came to.

pub mod deferral;
mod moves;
pub mod own_books;
pub mod reduction;
pub mod report;
pub mod supplement;

use anju_casework::catalogue::{Approved, OwnBooks, Request};
use anju_casework::{Office, Refusal, Result, case};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};

pub(super) use moves::end_with_employer;
pub use moves::{resume, turn};

/// Kinds of arrangements.
pub mod kind {
    /// 缓缴.
    pub const DEFERRAL: i16 = 1;
    /// 降低缴存比例.
    pub const REDUCTION: i16 = 2;
}

/// States of an arrangement.
pub mod state {
    /// Approved; its first month has not come.
    pub const APPROVED: i16 = 0;
    /// 执行中.
    pub const RUNNING: i16 = 1;
    /// 补缴中.
    pub const REPAYING: i16 = 2;
    /// 已结束.
    pub const CLOSED: i16 = 3;
    /// 未按计划补缴.
    pub const BREACHED: i16 = 4;
}

/// What was approved, and how far it is.
#[derive(Debug, Clone, FromRow)]
pub struct Arrangement {
    /// The case that approved it.
    pub arrangement_id: i64,
    /// Whose.
    pub employer_id: i64,
    /// See [`kind`].
    pub kind: i16,
    /// The phase policy that it was declared under, or `none`.
    pub policy: String,
    /// See [`state`].
    pub state: i16,
    /// First month, as an index.
    pub from_month: i32,
    /// Last month, as an index.
    pub to_month: i32,
    /// Deferral: the last month whose lines are drawn.
    pub drawn_to: i32,
    /// People when it was approved.
    pub people: i32,
    /// Relief of a month when it was approved, fen.
    pub monthly_fen: i64,
    /// Lower ratio: during it.
    pub ratio_bp: Option<i32>,
    /// Lower ratio: the employer's that returns.
    pub before_employer_bp: Option<i32>,
    /// Lower ratio: the employee's that returns.
    pub before_employee_bp: Option<i32>,
    /// Deferral: instalments.
    pub plan_months: i32,
    /// Deferral: month of the first instalment, from its end on.
    pub plan_from: Option<i32>,
    /// Deferral: what the plan makes up, fen, from its end on.
    pub total_fen: i64,
    /// Approved.
    pub approved_at: DateTime<Utc>,
    /// Closed.
    pub ended_at: Option<DateTime<Utc>>,
}

/// An instalment of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalment {
    /// Paid by the end of this day.
    pub due_on: NaiveDate,
    /// Fen.
    pub amount: Fen,
}

impl Arrangement {
    /// Its first month.
    pub fn from(&self) -> Month {
        Month::from_index(self.from_month)
    }

    /// Its last month.
    pub fn to(&self) -> Month {
        Month::from_index(self.to_month)
    }

    /// The make-up plan (money_rules.md §6.3); empty until the deferral has ended.
    pub fn plan(&self) -> Vec<Instalment> {
        let (Some(from), Ok(parts)) = (self.plan_from, u32::try_from(self.plan_months)) else {
            return Vec::new();
        };
        if parts == 0 || self.total_fen == 0 {
            return Vec::new();
        }
        anju_domain::rounding::split_even(Fen::new(self.total_fen), parts)
            .into_iter()
            .zip(from..)
            .map(|(amount, month)| Instalment {
                due_on: Month::from_index(month).last_day(),
                amount,
            })
            .collect()
    }

    /// What the plan wants paid by the end of a day.
    pub fn wanted_by(&self, day: NaiveDate) -> Fen {
        self.plan()
            .iter()
            .filter(|part| part.due_on <= day)
            .map(|part| part.amount)
            .sum()
    }
}

/// Columns of [`Arrangement`], in one place.
macro_rules! columns {
    () => {
        "arrangement_id, employer_id, kind, policy, state, from_month, to_month, drawn_to, people, monthly_fen, ratio_bp, \
         before_employer_bp, before_employee_bp, plan_months, plan_from, total_fen, approved_at, ended_at"
    };
}
pub(super) use columns;

/// An arrangement by the case that approved it.
pub async fn get(office: &Office, arrangement_id: i64) -> Result<Option<Arrangement>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM arrangement WHERE centre_id = $1 AND arrangement_id = $2"
    ))
    .bind(office.centre.id)
    .bind(arrangement_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The arrangements of an employer, newest first.
pub async fn of_employer(office: &Office, employer_id: i64) -> Result<Vec<Arrangement>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM arrangement WHERE centre_id = $1 AND employer_id = $2 ORDER BY arrangement_id DESC LIMIT 60"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_all(&office.pool)
    .await?)
}

/// The arrangement, taken for a change; the employer's row is taken before it.
pub(super) async fn lock(
    office: &Office,
    tx: &mut PgConnection,
    arrangement_id: i64,
) -> Result<Arrangement> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM arrangement WHERE centre_id = $1 AND arrangement_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(arrangement_id)
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| Refusal::not_found("这项缓缴或降低比例").into())
}

/// What our own books said when it was decided is what they say now that the employer's row is taken.
///
/// # Errors
/// 409 `E-CHECK-02` where something has moved.
pub(super) async fn unmoved(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
) -> Result<()> {
    let own = own_books::read(office, tx, approved.request).await?;
    still(&own, approved)
}

/// The same for own books that were read again.
pub(crate) fn still(own: &OwnBooks, approved: &Approved<'_>) -> Result<()> {
    let moved = own.facts.iter().any(|fact| {
        approved
            .facts
            .get(&fact.role, &fact.fact_type)
            .is_none_or(|decided| decided.value != fact.value)
    });
    if moved {
        return Err(case::moved_on().into());
    }
    Ok(())
}

/// The first month that is asked for, else the current or the next to be paid, whichever is later.
pub(super) fn first_month(office: &Office, request: &Request, next: Month) -> Month {
    request
        .text("from")
        .and_then(|text| Month::parse(text).ok())
        .unwrap_or_else(|| Month::of(office.today()).max(next))
}

/// A count of the form.
pub(super) fn count(request: &Request, field: &str) -> Option<i32> {
    let value = request.form.get(field)?.as_i64()?;
    i32::try_from(value)
        .ok()
        .filter(|months| (1..=600).contains(months))
}

fn owing() -> Refusal {
    Refusal::rule(
        "E-HARD-05",
        "有职工存在缓缴后未补缴的月份，请先补缴这名职工的缓缴月份，再办理封存或转移。",
    )
}

/// Whoever leaves has his deferred months made up first.
///
/// # Errors
/// `E-HARD-05` where one of these accounts owes a deferred month.
pub(super) async fn owes_nothing(
    office: &Office,
    tx: &mut PgConnection,
    accounts: &[i64],
) -> Result<()> {
    let owes: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM deferred_month WHERE centre_id = $1 AND account_id = ANY ($2) AND paid_by IS NULL)",
    )
    .bind(office.centre.id)
    .bind(accounts)
    .fetch_one(tx)
    .await?;
    if owes { Err(owing().into()) } else { Ok(()) }
}

/// The same for those whom a list seals.
///
/// # Errors
/// As [`owes_nothing`].
pub(super) async fn nobody_leaves_owing(
    office: &Office,
    tx: &mut PgConnection,
    roster_id: i64,
) -> Result<()> {
    let owes: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM roster_row r
                          JOIN deferred_month d ON d.centre_id = r.centre_id AND d.account_id = r.account_id AND d.paid_by IS NULL
                         WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change = 3)",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .fetch_one(tx)
    .await?;
    if owes { Err(owing().into()) } else { Ok(()) }
}

/// What an arrangement still owes, fen.
pub async fn owed(office: &Office, arrangement_id: i64) -> Result<Fen> {
    let mut conn = office.pool.acquire().await?;
    owed_on(office, &mut conn, arrangement_id).await
}

pub(super) async fn owed_on(
    office: &Office,
    conn: &mut PgConnection,
    arrangement_id: i64,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(employer_fen + employee_fen), 0)::bigint
           FROM deferred_month WHERE centre_id = $1 AND arrangement_id = $2 AND paid_by IS NULL",
    )
    .bind(office.centre.id)
    .bind(arrangement_id)
    .fetch_one(conn)
    .await?;
    Ok(Fen::new(fen))
}

/// A month of an arrangement: people and relief.
#[derive(Debug, Clone, FromRow)]
pub struct ReliefMonth {
    /// As an index.
    pub month: i32,
    /// People.
    pub people: i32,
    /// Fen.
    pub relief_fen: i64,
    /// Of a deferral: what of it is still owed.
    pub owed_fen: i64,
}

/// The months of an arrangement, oldest first.
pub async fn months(office: &Office, arrangement_id: i64) -> Result<Vec<ReliefMonth>> {
    Ok(sqlx::query_as(
        "SELECT m.month, m.people, m.relief_fen,
                coalesce((SELECT sum(d.employer_fen + d.employee_fen) FROM deferred_month d
                           WHERE d.centre_id = m.centre_id AND d.arrangement_id = m.arrangement_id AND d.month = m.month
                             AND d.paid_by IS NULL), 0)::bigint AS owed_fen
           FROM arrangement_month m
          WHERE m.centre_id = $1 AND m.arrangement_id = $2
          ORDER BY m.month
          LIMIT 60",
    )
    .bind(office.centre.id)
    .bind(arrangement_id)
    .fetch_all(&office.pool)
    .await?)
}
