//! 定向授信报表: how many employers and people have been given how much credit, by whom, bank and month. Invariant: a figure is the sum of the
//! lines that it opens.

use anju_casework::{Office, Result};
use anju_domain::calendar::Month;
use chrono::NaiveDate;
use sqlx::FromRow;

/// What is looked at; nothing where all are.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// See [`super::kind`].
    pub kind: Option<i16>,
    /// Bank.
    pub bank: Option<String>,
    /// Branch that keeps the applicant.
    pub branch_id: Option<i16>,
    /// Month of the grant.
    pub month: Option<Month>,
}

/// A line of a table.
#[derive(Debug, Clone, FromRow)]
pub struct Figure {
    /// See [`super::kind`].
    pub kind: i16,
    /// Bank or month's index; empty for all.
    pub by: String,
    /// Referrals.
    pub referred: i64,
    /// Employers or people that have a limit.
    pub granted: i64,
    /// Limits, fen.
    pub granted_fen: i64,
    /// Drawn, fen.
    pub used_fen: i64,
}

/// What a table is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Employers and employees.
    Kind,
    /// Bank.
    Bank,
    /// Month of the grant, the newest first.
    Month,
}

/// A table of figures.
pub async fn figures(office: &Office, scope: &Scope, by: By) -> Result<Vec<Figure>> {
    Ok(sqlx::query_as(
        "SELECT kind, CASE $6 WHEN 'bank' THEN bank WHEN 'month' THEN granted_month::text ELSE '' END AS by, count(*) AS referred,
                count(DISTINCT applicant_id) FILTER (WHERE state = 2) AS granted, sum(granted_fen)::bigint AS granted_fen,
                sum(used_fen)::bigint AS used_fen
           FROM credit_referral
          WHERE centre_id = $1 AND ($2::smallint IS NULL OR kind = $2) AND ($3::text IS NULL OR bank = $3)
            AND ($4::smallint IS NULL OR branch_id = $4) AND ($5::integer IS NULL OR granted_month = $5)
            AND ($6 <> 'month' OR granted_month IS NOT NULL)
          GROUP BY 1, 2
          ORDER BY 1, 2 DESC
          LIMIT 120",
    )
    .bind(office.centre.id)
    .bind(scope.kind)
    .bind(&scope.bank)
    .bind(scope.branch_id)
    .bind(scope.month.map(Month::index))
    .bind(match by {
        By::Kind => "kind",
        By::Bank => "bank",
        By::Month => "month",
    })
    .fetch_all(&office.pool)
    .await?)
}

/// A referral as a figure opens it.
#[derive(Debug, Clone, FromRow)]
pub struct Entry {
    /// The case.
    pub referral_id: i64,
    /// The employer's name; none of a person.
    pub employer_name: Option<String>,
    /// See [`super::kind`].
    pub kind: i16,
    /// Branch.
    pub branch_id: i16,
    /// Bank.
    pub bank: String,
    /// See [`super::state`].
    pub state: i16,
    /// Last day of the consent.
    pub until: NaiveDate,
    /// Whether the consent was taken back.
    pub withdrawn: bool,
    /// Fen.
    pub granted_fen: i64,
    /// Fen.
    pub used_fen: i64,
}

/// The lines behind a figure, a page of them, oldest first.
pub async fn entries(office: &Office, scope: &Scope, after: i64, limit: i64) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "SELECT c.referral_id, e.name AS employer_name, c.kind, c.branch_id, c.bank, c.state, c.until, c.withdrawn_at IS NOT NULL AS withdrawn,
                c.granted_fen, c.used_fen
           FROM credit_referral c
           LEFT JOIN employer e ON e.centre_id = c.centre_id AND e.employer_id = c.applicant_id
          WHERE c.centre_id = $1 AND ($2::smallint IS NULL OR c.kind = $2) AND ($3::text IS NULL OR c.bank = $3)
            AND ($4::smallint IS NULL OR c.branch_id = $4) AND ($5::integer IS NULL OR c.granted_month = $5)
            AND c.referral_id > $6
          ORDER BY c.referral_id
          LIMIT $7",
    )
    .bind(office.centre.id)
    .bind(scope.kind)
    .bind(&scope.bank)
    .bind(scope.branch_id)
    .bind(scope.month.map(Month::index))
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
