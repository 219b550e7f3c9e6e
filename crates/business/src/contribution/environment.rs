//! 营商环境 (organisation.md §2): what contributing costs employers, from their real lists and cases: ratio, hours, payments. By month, by
//! branch, and for one employer. Invariant: a month without lists has no ratio; nothing is estimated.

use anju_casework::{Fault, Office, Result};
use anju_domain::calendar::Month;
use chrono::Datelike;
use sqlx::FromRow;

/// Months of a year.
const YEAR: i32 = 12;

/// What was measured of a month or of a branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct Measured {
    /// Month as an index, or branch.
    pub of: i32,
    /// Employers with an allocated list.
    pub employers: i64,
    /// Σ base, fen.
    pub base_fen: i64,
    /// Σ employer part, fen.
    pub employer_fen: i64,
    /// Lists that were paid, back payments too.
    pub payments: i64,
    /// Seconds that clerks worked on their cases.
    pub seconds: i64,
}

impl Measured {
    /// 费率: Σ employer part / Σ base, basis points rounded half up.
    #[must_use]
    pub fn ratio_bp(&self) -> Option<i64> {
        let base = i128::from(self.base_fen);
        let doubled = 2 * i128::from(self.employer_fen) * 10_000 + base;
        (base > 0).then(|| i64::try_from(doubled / (2 * base)).ok())?
    }

    /// 时间: tenths of an hour that one employer spends, over the same time.
    #[must_use]
    pub fn hours_tenths(&self) -> Option<i64> {
        (self.employers > 0).then(|| (self.seconds + 180 * self.employers) / (360 * self.employers))
    }

    /// 次数: tenths of a payment of one employer, over the same time, each counted.
    #[must_use]
    pub fn payments_tenths(&self) -> Option<i64> {
        (self.employers > 0).then(|| (20 * self.payments + self.employers) / (2 * self.employers))
    }
}

/// The months that end with this one, oldest first; of one branch or of the centre. A month in which nothing happened is not there.
///
/// # Errors
/// The database.
pub async fn by_month(office: &Office, last: Month, branch: Option<i16>) -> Result<Vec<Measured>> {
    Ok(sqlx::query_as(
        "WITH listed AS (
             SELECT r.month, count(DISTINCT r.employer_id) AS employers, count(*) AS payments,
                    sum(coalesce(r.base_fen, l.base_fen)) FILTER (WHERE r.kind = 1) AS base_fen,
                    sum(coalesce(r.employer_fen, l.employer_fen)) FILTER (WHERE r.kind = 1) AS employer_fen
               FROM remittance r
               JOIN employer e ON e.centre_id = r.centre_id AND e.employer_id = r.employer_id
               LEFT JOIN LATERAL (
                    SELECT sum(base_fen) AS base_fen, sum(employer_fen) AS employer_fen FROM remittance_line
                     WHERE r.base_fen IS NULL AND centre_id = r.centre_id AND remittance_id = r.remittance_id) l ON true
              WHERE r.centre_id = $1 AND r.state = 3 AND r.month BETWEEN $2 AND $3 AND ($4::smallint IS NULL OR e.branch_id = $4)
              GROUP BY r.month),
         worked AS (
             SELECT month, sum(seconds) AS seconds FROM employer_time
              WHERE centre_id = $1 AND month BETWEEN $2 AND $3 AND ($4::smallint IS NULL OR branch_id = $4) GROUP BY month)
         SELECT month AS of, coalesce(employers, 0) AS employers, coalesce(base_fen, 0)::bigint AS base_fen,
                coalesce(employer_fen, 0)::bigint AS employer_fen, coalesce(payments, 0) AS payments,
                coalesce(seconds, 0)::bigint AS seconds
           FROM listed FULL JOIN worked USING (month) ORDER BY month",
    )
    .bind(office.centre.id)
    .bind(last.index() - YEAR + 1)
    .bind(last.index())
    .bind(branch)
    .fetch_all(&office.pool)
    .await?)
}

/// The year that ends with this month, by branch.
///
/// # Errors
/// The database.
pub async fn by_branch(office: &Office, last: Month) -> Result<Vec<Measured>> {
    Ok(sqlx::query_as(
        "WITH listed AS (
             SELECT e.branch_id, count(DISTINCT r.employer_id) AS employers, count(*) AS payments,
                    sum(coalesce(r.base_fen, l.base_fen)) FILTER (WHERE r.kind = 1) AS base_fen,
                    sum(coalesce(r.employer_fen, l.employer_fen)) FILTER (WHERE r.kind = 1) AS employer_fen
               FROM remittance r
               JOIN employer e ON e.centre_id = r.centre_id AND e.employer_id = r.employer_id
               LEFT JOIN LATERAL (
                    SELECT sum(base_fen) AS base_fen, sum(employer_fen) AS employer_fen FROM remittance_line
                     WHERE r.base_fen IS NULL AND centre_id = r.centre_id AND remittance_id = r.remittance_id) l ON true
              WHERE r.centre_id = $1 AND r.state = 3 AND r.month BETWEEN $2 AND $3
              GROUP BY e.branch_id),
         worked AS (
             SELECT branch_id, sum(seconds) AS seconds FROM employer_time
              WHERE centre_id = $1 AND month BETWEEN $2 AND $3 GROUP BY branch_id)
         SELECT branch_id::integer AS of, coalesce(employers, 0) AS employers, coalesce(base_fen, 0)::bigint AS base_fen,
                coalesce(employer_fen, 0)::bigint AS employer_fen, coalesce(payments, 0) AS payments,
                coalesce(seconds, 0)::bigint AS seconds
           FROM listed FULL JOIN worked USING (branch_id) ORDER BY branch_id",
    )
    .bind(office.centre.id)
    .bind(last.index() - YEAR + 1)
    .bind(last.index())
    .fetch_all(&office.pool)
    .await?)
}

/// This calendar year of one employer: seconds worked and lists paid.
///
/// # Errors
/// The database.
pub async fn of_employer(office: &Office, employer_id: i64) -> Result<(i64, i64)> {
    let today = office.today();
    let first = Month::of(today).plus(1 - i32::try_from(today.month()).unwrap_or(1));
    Ok(sqlx::query_as(
        "SELECT (SELECT coalesce(sum(seconds), 0)::bigint FROM employer_time
                  WHERE centre_id = $1 AND employer_id = $2 AND month >= $3),
                (SELECT count(*) FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND month >= $3 AND state = 3)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(first.index())
    .fetch_one(&office.pool)
    .await?)
}

/// A city's lines to be measured against, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benchmark {
    /// 北京.
    pub city: &'static str,
    /// Basis points.
    pub ratio_bp: i64,
    /// Hours a year.
    pub hours: i64,
    /// Payments a year.
    pub payments: i64,
}

/// Cities of the policy's lines.
const CITIES: [(&str, &str); 2] = [("beijing", "北京"), ("shanghai", "上海")];

/// The lines of today, and their source with its date.
///
/// # Errors
/// The policy has none.
pub fn benchmarks(office: &Office) -> Result<(Vec<Benchmark>, String)> {
    let (policy, today) = (office.policy(), office.today());
    let fault = |error: anju_policy::PolicyError| Fault::Policy(error.to_string());
    let mut found = Vec::new();
    for (code, city) in CITIES {
        let at = [("city", code)];
        found.push(Benchmark {
            city,
            ratio_bp: policy
                .set
                .bp("benchmark_ratio_bp", today, &at)
                .map_err(fault)?
                .bp()
                .into(),
            hours: policy
                .set
                .int("benchmark_hours", today, &at)
                .map_err(fault)?,
            payments: policy
                .set
                .int("benchmark_payments", today, &at)
                .map_err(fault)?,
        });
    }
    let mut sources: Vec<String> = Vec::new();
    for name in [
        "benchmark_ratio_bp",
        "benchmark_hours",
        "benchmark_payments",
    ] {
        let rows = policy.set.parameter(name).map(|parameter| &parameter.rows);
        if let Some(row) = rows.and_then(|rows| rows.iter().find(|row| row.from <= today)) {
            let line = format!("{}（{} 起）", row.source, row.from);
            if !sources.contains(&line) {
                sources.push(line);
            }
        }
    }
    Ok((found, sources.join("；")))
}
