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

/// Records a consent given with a submission.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub async fn give(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    service: &str,
    case_id: Option<i64>,
    fact_types: &[String],
    purpose: &str,
    channel: &str,
) -> Result<i64> {
    let consent_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO consent (centre_id, consent_id, person_id, service, case_id, fact_types, purpose, text_digest, channel, given_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(office.centre.id)
    .bind(consent_id)
    .bind(person_id)
    .bind(service)
    .bind(case_id)
    .bind(fact_types)
    .bind(purpose)
    .bind(record::sha256(purpose.as_bytes()).as_slice())
    .bind(channel)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(consent_id)
}

/// The live consents of a case, newest first, each with the kinds of facts that it is for.
pub async fn of_case(
    office: &Office,
    person_id: i64,
    case_id: i64,
) -> Result<Vec<(i64, Vec<String>)>> {
    Ok(sqlx::query_as(
        "SELECT consent_id, fact_types FROM consent
          WHERE centre_id = $1 AND person_id = $2 AND case_id = $3 AND withdrawn_at IS NULL ORDER BY consent_id DESC LIMIT 10",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(case_id)
    .fetch_all(&office.pool)
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

/// Withdraws a consent: no further fetch rests on it; past decisions stand.
pub async fn withdraw(office: &Office, person_id: i64, consent_id: i64) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE consent SET withdrawn_at = $4
          WHERE centre_id = $1 AND person_id = $2 AND consent_id = $3 AND withdrawn_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(consent_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
