//! Consents (授权): who allowed which facts to be fetched, for what, until when (个人信息保护法).

use anju_evidence::record;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use crate::{Office, Result};

/// A consent.
#[derive(Debug, Clone, FromRow)]
pub struct Consent {
    /// Identifier.
    pub consent_id: i64,
    /// Service that asked.
    pub service: String,
    /// Types of facts.
    pub fact_types: Vec<String>,
    /// Purpose, in words.
    pub purpose: String,
    /// Channel.
    pub channel: String,
    /// Given.
    pub given_at: DateTime<Utc>,
    /// Withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// A consent on its way into the books.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Person or employer.
    pub by: i64,
    /// Service that asks.
    pub service: &'a str,
    /// The case.
    pub case_id: Option<i64>,
    /// Types of facts that are fetched, or fields that are handed on.
    pub fact_types: &'a [String],
    /// The sentence that was agreed to.
    pub purpose: &'a str,
    /// Channel.
    pub channel: &'a str,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// Records a consent given with a submission.
pub async fn give(office: &Office, conn: &mut PgConnection, given: Given<'_>) -> Result<i64> {
    let consent_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO consent (centre_id, consent_id, person_id, service, case_id, fact_types, purpose, text_digest, channel, given_at, until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(office.centre.id)
    .bind(consent_id)
    .bind(given.by)
    .bind(given.service)
    .bind(given.case_id)
    .bind(given.fact_types)
    .bind(given.purpose)
    .bind(record::sha256(given.purpose.as_bytes()).as_slice())
    .bind(given.channel)
    .bind(office.now())
    .bind(given.until)
    .execute(conn)
    .await?;
    Ok(consent_id)
}

/// The live consent of a case.
pub async fn of_case(office: &Office, person_id: i64, case_id: i64) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT consent_id FROM consent
          WHERE centre_id = $1 AND person_id = $2 AND case_id = $3 AND withdrawn_at IS NULL ORDER BY consent_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(case_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The consents of a person, newest first.
pub async fn of_person(office: &Office, person_id: i64) -> Result<Vec<Consent>> {
    Ok(sqlx::query_as(
        "SELECT consent_id, service, fact_types, purpose, channel, given_at, withdrawn_at FROM consent
          WHERE centre_id = $1 AND person_id = $2 ORDER BY consent_id DESC LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&office.pool)
    .await?)
}

/// A consent's sentence and the instant at which it was given.
pub async fn words(
    office: &Office,
    conn: &mut PgConnection,
    consent_id: i64,
) -> Result<Option<(String, DateTime<Utc>)>> {
    Ok(sqlx::query_as(
        "SELECT purpose, given_at FROM consent WHERE centre_id = $1 AND consent_id = $2",
    )
    .bind(office.centre.id)
    .bind(consent_id)
    .fetch_optional(conn)
    .await?)
}

/// Withdraws a consent in the caller's transaction: no further fetch rests on it; past decisions stand. What else rests on it is the
/// caller's to end.
pub async fn withdraw(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    consent_id: i64,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE consent SET withdrawn_at = $4
          WHERE centre_id = $1 AND person_id = $2 AND consent_id = $3 AND withdrawn_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(consent_id)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
