//! 帮扶报表 (organisation.md §4): how many employers, people and how much money each relief policy came to, by policy, branch,
//! industry and month.
//! Invariant: a figure is the sum of the lines that it opens.

use anju_casework::{Office, Result};
use anju_domain::calendar::Month;
use sqlx::FromRow;

/// What is looked at; nothing where all are.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// See [`super::kind`].
    pub kind: Option<i16>,
    /// Phase policy, or `none`.
    pub policy: Option<String>,
    /// Branch.
    pub branch_id: Option<i16>,
    /// Month.
    pub month: Option<Month>,
    /// Letter of GB/T 4754; `-` for employers that have not told theirs.
    pub industry: Option<String>,
}

/// A line of a table.
#[derive(Debug, Clone, FromRow)]
pub struct Figure {
    /// See [`super::kind`].
    pub kind: i16,
    /// Phase policy, branch's number, industry's letter or month's index: what the table is by.
    pub by: String,
    /// Employers.
    pub employers: i64,
    /// People, each month of each.
    pub people: i64,
    /// Fen.
    pub relief_fen: i64,
}

/// What a table is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Phase policy.
    Policy,
    /// Branch.
    Branch,
    /// Industry.
    Industry,
    /// Month, the newest first.
    Month,
}

/// A table of figures; an arrangement whose first month has not come counts as an employer alone.
pub async fn figures(office: &Office, scope: &Scope, by: By) -> Result<Vec<Figure>> {
    Ok(sqlx::query_as(
        "SELECT a.kind, coalesce(CASE $6 WHEN 'policy' THEN a.policy WHEN 'branch' THEN a.branch_id::text
                                         WHEN 'industry' THEN coalesce(e.industry, '-') ELSE m.month::text END, '') AS by,
                count(DISTINCT a.employer_id) AS employers, coalesce(sum(m.people), 0)::bigint AS people,
                coalesce(sum(m.relief_fen), 0)::bigint AS relief_fen
           FROM arrangement a
           JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id
           LEFT JOIN arrangement_month m ON m.centre_id = a.centre_id AND m.arrangement_id = a.arrangement_id
          WHERE a.centre_id = $1 AND ($2::smallint IS NULL OR a.kind = $2) AND ($3::text IS NULL OR a.policy = $3)
            AND ($4::smallint IS NULL OR a.branch_id = $4) AND ($5::integer IS NULL OR m.month = $5)
            AND ($6 <> 'month' OR m.month IS NOT NULL) AND ($7::text IS NULL OR coalesce(e.industry, '-') = $7)
          GROUP BY 1, 2
          ORDER BY 1, 2 DESC
          LIMIT 120",
    )
    .bind(office.centre.id)
    .bind(scope.kind)
    .bind(&scope.policy)
    .bind(scope.branch_id)
    .bind(scope.month.map(Month::index))
    .bind(match by {
        By::Policy => "policy",
        By::Branch => "branch",
        By::Industry => "industry",
        By::Month => "month",
    })
    .bind(&scope.industry)
    .fetch_all(&office.pool)
    .await?)
}

/// An arrangement as a figure opens it.
#[derive(Debug, Clone, FromRow)]
pub struct Entry {
    /// The case.
    pub arrangement_id: i64,
    /// Employer.
    pub employer_name: String,
    /// Branch.
    pub branch_id: i16,
    /// See [`super::kind`].
    pub kind: i16,
    /// Phase policy, or `none`.
    pub policy: String,
    /// See [`super::state`].
    pub state: i16,
    /// First month.
    pub from_month: i32,
    /// Last month.
    pub to_month: i32,
    /// People, each month of each.
    pub people: i64,
    /// Fen.
    pub relief_fen: i64,
}

/// The lines behind a figure, a page of them, oldest first.
pub async fn entries(office: &Office, scope: &Scope, after: i64, limit: i64) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "SELECT a.arrangement_id, e.name AS employer_name, a.branch_id, a.kind, a.policy, a.state, a.from_month, a.to_month,
                coalesce(sum(m.people), 0)::bigint AS people, coalesce(sum(m.relief_fen), 0)::bigint AS relief_fen
           FROM arrangement a
           JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id
           LEFT JOIN arrangement_month m ON m.centre_id = a.centre_id AND m.arrangement_id = a.arrangement_id
                                        AND ($5::integer IS NULL OR m.month = $5)
          WHERE a.centre_id = $1 AND ($2::smallint IS NULL OR a.kind = $2) AND ($3::text IS NULL OR a.policy = $3)
            AND ($4::smallint IS NULL OR a.branch_id = $4) AND ($5::integer IS NULL OR m.month = $5)
            AND a.arrangement_id > $6 AND ($8::text IS NULL OR coalesce(e.industry, '-') = $8)
          GROUP BY a.centre_id, a.arrangement_id, e.name
          ORDER BY a.arrangement_id
          LIMIT $7",
    )
    .bind(office.centre.id)
    .bind(scope.kind)
    .bind(&scope.policy)
    .bind(scope.branch_id)
    .bind(scope.month.map(Month::index))
    .bind(after)
    .bind(limit)
    .bind(&scope.industry)
    .fetch_all(&office.pool)
    .await?)
}
