//! 来源质量: what the traces of questions say of each source over a day: how often it was asked, how often it stayed silent, how long it took,
//! what waited for it. Invariant: numbers and cases alone; nobody is named.

use anju_casework::{Office, Result};
use chrono::{DateTime, Utc};
use sqlx::FromRow;

/// A source over a while.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Counted {
    /// `D03`.
    pub source: String,
    /// Questions that were sent or should have been.
    pub asked: i64,
    /// Those without a usable answer.
    pub unknown: i64,
    /// Half of the answers came within, in milliseconds.
    pub p50_ms: i32,
    /// Ninety-five of a hundred.
    pub p95_ms: i32,
    /// Ninety-nine of a hundred.
    pub p99_ms: i32,
}

/// Sources since an instant; those that nobody asked are left out.
pub async fn counted(
    office: &Office,
    sources: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<Counted>> {
    Ok(sqlx::query_as(
        "SELECT w.source, c.asked, c.unknown, coalesce(c.p50_ms, 0) AS p50_ms, coalesce(c.p95_ms, 0) AS p95_ms,
                coalesce(c.p99_ms, 0) AS p99_ms
           FROM unnest($2::text[]) AS w (source)
          CROSS JOIN LATERAL (
                SELECT count(*) AS asked,
                       count(*) FILTER (WHERE result NOT IN ('known', 'absent')) AS unknown,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50_ms,
                       percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms,
                       percentile_disc(0.99) WITHIN GROUP (ORDER BY ms) AS p99_ms
                  FROM source_call
                 WHERE centre_id = $1 AND source = w.source AND at >= $3 AND result <> 'cached') AS c
          WHERE c.asked > 0",
    )
    .bind(office.centre.id)
    .bind(sources)
    .bind(since)
    .fetch_all(&office.pool)
    .await?)
}

/// One hour of a source.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Hour {
    /// Hours before now: 0 is the running one.
    pub ago: i32,
    /// Questions.
    pub asked: i64,
    /// Those without a usable answer.
    pub unknown: i64,
    /// Ninety-five of a hundred answers came within.
    pub p95_ms: i32,
}

/// The last 24 hours of a source, those in which it was asked.
pub async fn hours(office: &Office, source: &str) -> Result<Vec<Hour>> {
    Ok(sqlx::query_as(
        "SELECT floor(extract(epoch FROM $3::timestamptz - at) / 3600)::integer AS ago,
                count(*) AS asked,
                count(*) FILTER (WHERE result NOT IN ('known', 'absent')) AS unknown,
                percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
           FROM source_call
          WHERE centre_id = $1 AND source = $2 AND at > $3::timestamptz - interval '24 hours' AND at <= $3::timestamptz AND result <> 'cached'
          GROUP BY 1 ORDER BY 1",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(office.now())
    .fetch_all(&office.pool)
    .await?)
}

/// A type of a source over a day.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct OfType {
    /// Type.
    pub r#type: String,
    /// Questions.
    pub asked: i64,
    /// "No record".
    pub absent: i64,
    /// Without a usable answer.
    pub unknown: i64,
}

/// The types of a source over the last day.
pub async fn types(office: &Office, source: &str) -> Result<Vec<OfType>> {
    Ok(sqlx::query_as(
        "SELECT type, count(*) AS asked, count(*) FILTER (WHERE result = 'absent') AS absent,
                count(*) FILTER (WHERE result NOT IN ('known', 'absent')) AS unknown
           FROM source_call
          WHERE centre_id = $1 AND source = $2 AND at > $3::timestamptz - interval '24 hours' AND result <> 'cached'
          GROUP BY type ORDER BY type",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(office.now())
    .fetch_all(&office.pool)
    .await?)
}

/// A case that waits for a source or waited for it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Waited {
    /// Public number.
    pub case_no: String,
    /// For which type.
    pub r#type: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it had its answer; none while it waits.
    pub until: Option<DateTime<Utc>>,
}

/// Cases of the last day that a source left without an answer, the longest wait first.
pub async fn waited(office: &Office, source: &str, limit: i64) -> Result<Vec<Waited>> {
    Ok(sqlx::query_as(
        "SELECT case_no, type, since, CASE WHEN answered > since THEN answered END AS until
           FROM (SELECT case_no, type,
                        min(at) FILTER (WHERE result NOT IN ('known', 'absent', 'cached')) AS since,
                        max(at) FILTER (WHERE result IN ('known', 'absent')) AS answered
                   FROM source_call
                  WHERE centre_id = $1 AND source = $2 AND at > $3::timestamptz - interval '24 hours' AND case_no <> ''
                  GROUP BY case_no, type) AS w
          WHERE since IS NOT NULL
          ORDER BY coalesce(CASE WHEN answered > since THEN answered END, $3::timestamptz) - since DESC, case_no LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(office.now())
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Notes that a case found registers at odds; once a case and type.
pub async fn disagreed(office: &Office, case_id: i64, facts: &[(String, String)]) -> Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO source_disagreement (centre_id, case_id, fact_type, source, at)
         SELECT $1, $2, t.fact_type, t.source, $5 FROM unnest($3::text[], $4::text[]) AS t (fact_type, source)
         ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(facts.iter().map(|(fact_type, _)| fact_type.as_str()).collect::<Vec<&str>>())
    .bind(facts.iter().map(|(_, source)| source.as_str()).collect::<Vec<&str>>())
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// How often each source was found at odds with another since an instant.
pub async fn disagreements(
    office: &Office,
    sources: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as(
        "SELECT w.source, (SELECT count(*) FROM source_disagreement d
                            WHERE d.centre_id = $1 AND d.source = w.source AND d.at >= $3)
           FROM unnest($2::text[]) AS w (source)",
    )
    .bind(office.centre.id)
    .bind(sources)
    .bind(since)
    .fetch_all(&office.pool)
    .await?)
}
