//! Operations (运行): what whoever runs the centre must see of its queues, banks, books and statements.
//!
//! Invariant: counts and ages alone, never a person. Each question is answered from an index or from a table that is short.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use crate::{Office, Result};

/// One kind of messages that wait in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Queue {
    /// See [`crate::outbox::kind`].
    pub kind: i16,
    /// How many wait.
    pub waiting: i64,
    /// Those that were tried before.
    pub retried: i64,
    /// When the oldest was put in.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// Cases of one state that are on their way.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CaseQueue {
    /// See [`crate::case::CaseState`].
    pub state: i16,
    /// How many.
    pub waiting: i64,
    /// Those whose promised time is past.
    pub past_promise: i64,
    /// When the oldest was submitted.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// One bank.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct BankState {
    /// `B1`–`B8`.
    pub bank: String,
    /// Its name.
    pub bank_name: String,
    /// Payments on their way.
    pub sending: i64,
    /// Payments whose result is being asked.
    pub unknown: i64,
    /// The last notice of the two business days up to the open one.
    pub heard_at: Option<DateTime<Utc>>,
}

/// The books' days.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Days {
    /// The open business day.
    pub open_date: NaiveDate,
    /// The last that is sealed.
    pub sealed_date: Option<NaiveDate>,
    /// Days between the mark and the seal: more than none for more than a minute is a close that was interrupted.
    pub marked: i64,
}

/// The evidence log.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Evidence {
    /// Leaves that the sealer has not numbered yet.
    pub pending: i64,
    /// Leaves of the log.
    pub sealed: i64,
    /// Leaves of the newest checkpoint.
    pub signed: i64,
    /// When that was signed.
    pub signed_at: Option<DateTime<Utc>>,
    /// How many witnesses have signed it.
    pub witnesses: i16,
    /// Witnesses that have signed another tree than this log's.
    pub objections: i64,
}

/// One statement as PostgreSQL counted it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SlowStatement {
    /// Its text, parameters as numbers.
    pub query: String,
    /// How often it ran.
    pub calls: i64,
    /// Microseconds of a run on average.
    pub mean_us: i64,
    /// Microseconds of the longest.
    pub max_us: i64,
    /// Milliseconds of all together.
    pub total_ms: i64,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// Kinds of messages that wait; a kind of which none waits is missing.
    pub outbox: Vec<Queue>,
    /// States of cases on their way; a state in which none is is missing.
    pub cases: Vec<CaseQueue>,
    /// Banks of the centre.
    pub banks: Vec<BankState>,
    /// The evidence log.
    pub evidence: Evidence,
    /// Days.
    pub days: Days,
    /// Bytes of the database.
    pub database_bytes: i64,
}

/// Looks at everything.
///
/// # Errors
/// When the database fails.
pub async fn look(office: &Office) -> Result<Operations> {
    let (centre, now) = (office.centre.id, office.now());
    let mut conn = office.pool.acquire().await?;
    let days: Days = sqlx::query_as(
        "SELECT b.open_date,
                (SELECT max(business_date) FROM day_close WHERE centre_id = $1 AND state = 2) AS sealed_date,
                (SELECT count(*) FROM day_close WHERE centre_id = $1 AND state = 1) AS marked
           FROM business_day b WHERE b.centre_id = $1",
    )
    .bind(centre)
    .fetch_one(&mut *conn)
    .await?;
    Ok(Operations {
        outbox: sqlx::query_as(
            "SELECT kind, count(*) AS waiting, count(*) FILTER (WHERE attempts > 1) AS retried, min(made_at) AS oldest_at
               FROM outbox WHERE centre_id = $1 GROUP BY kind ORDER BY kind",
        )
        .bind(centre)
        .fetch_all(&mut *conn)
        .await?,
        // A list that waits for its employer's money is nobody's work here.
        cases: sqlx::query_as(
            "SELECT state, count(*) AS waiting, count(*) FILTER (WHERE promised_at < $2) AS past_promise,
                    min(submitted_at) AS oldest_at
               FROM business_case
              WHERE centre_id = $1 AND state < 6 AND NOT (state = 5 AND pay_state = 0)
              GROUP BY state ORDER BY state",
        )
        .bind(centre)
        .bind(now)
        .fetch_all(&mut *conn)
        .await?,
        banks: sqlx::query_as(
            "SELECT f.bank, f.bank_name,
                    (SELECT count(*) FROM business_case c
                      WHERE c.centre_id = $1 AND c.state < 6 AND c.pay_bank = f.bank AND c.pay_state = 1) AS sending,
                    (SELECT count(*) FROM business_case c
                      WHERE c.centre_id = $1 AND c.state < 6 AND c.pay_bank = f.bank AND c.pay_state = 2) AS unknown,
                    (SELECT max(received_at) FROM inbox i
                      WHERE i.centre_id = $1 AND i.origin = f.bank AND i.book_date >= $2::date - 1) AS heard_at
               FROM fund_account f WHERE f.centre_id = $1 ORDER BY f.bank",
        )
        .bind(centre)
        .bind(days.open_date)
        .fetch_all(&mut *conn)
        .await?,
        evidence: sqlx::query_as(
            "SELECT (SELECT count(*) FROM evidence_pending WHERE centre_id = $1) AS pending,
                    coalesce((SELECT size FROM log_head WHERE centre_id = $1), 0) AS sealed,
                    coalesce(last.size, 0) AS signed, last.at AS signed_at, coalesce(last.witnesses, 0::smallint) AS witnesses,
                    (SELECT count(*) FROM log_objection WHERE centre_id = $1) AS objections
               FROM (SELECT 1) AS one
               LEFT JOIN (SELECT size, at, witnesses FROM checkpoint WHERE centre_id = $1 ORDER BY size DESC LIMIT 1) AS last ON TRUE",
        )
            .bind(centre)
            .fetch_one(&mut *conn)
            .await?,
        database_bytes: sqlx::query_scalar("SELECT pg_database_size(current_database())")
            .fetch_one(&mut *conn)
            .await?,
        days,
    })
}

/// The statements that took the most time since the counters were set back; none where the server does not count.
///
/// # Errors
/// When the database fails.
pub async fn slow_statements(office: &Office, limit: i64) -> Result<Option<Vec<SlowStatement>>> {
    let mut conn = office.pool.acquire().await?;
    let counted: bool = sqlx::query_scalar("SELECT to_regclass('pg_stat_statements') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?;
    if !counted {
        return Ok(None);
    }
    Ok(Some(
        sqlx::query_as(
            "SELECT query, calls, (mean_exec_time * 1000)::bigint AS mean_us, (max_exec_time * 1000)::bigint AS max_us,
                    total_exec_time::bigint AS total_ms
               FROM pg_stat_statements
              WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
              ORDER BY total_exec_time DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?,
    ))
}
