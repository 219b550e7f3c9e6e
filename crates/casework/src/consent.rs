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
    /// The case, while it is on its way.
    pub open_case_id: Option<i64>,
    /// Types of facts.
    pub fact_types: Vec<String>,
    /// Purpose, in words.
    pub purpose: String,
    /// Channel.
    pub channel: String,
    /// Given.
    pub given_at: DateTime<Utc>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// Withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Who may ask us by it; none where it lets us ask others.
    pub given_to: Option<String>,
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

/// A consent that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Its number.
    pub consent_id: i64,
    /// Hex digest of its text.
    pub digest: String,
    /// The types of facts that it speaks of; no other is asked under it.
    pub fact_types: Vec<String>,
}

/// On what a case's questions rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// Consents that live, newest first: one for the case, others for what needs one of its own.
    Given(Vec<Living>),
    /// The person took it back: what needs a consent is not asked any more.
    Withdrawn,
    /// None was asked for.
    None,
}

impl Ground {
    /// The number of a consent that lives.
    #[must_use]
    pub fn consent_id(&self) -> Option<i64> {
        match self {
            Self::Given(living) => living.first().map(|one| one.consent_id),
            Self::Withdrawn | Self::None => None,
        }
    }
}

/// The consents of a case, as they stand.
pub async fn of_case(office: &Office, person_id: i64, case_id: i64) -> Result<Ground> {
    let given: Vec<(i64, Vec<u8>, Vec<String>, bool)> = sqlx::query_as(
        "SELECT consent_id, text_digest, fact_types, withdrawn_at IS NULL AND (until IS NULL OR until > $4) FROM consent
          WHERE centre_id = $1 AND person_id = $2 AND case_id = $3 ORDER BY consent_id DESC LIMIT 20",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(case_id)
    .bind(office.now())
    .fetch_all(&office.pool)
    .await?;
    if given.is_empty() {
        return Ok(Ground::None);
    }
    let living: Vec<Living> = given
        .into_iter()
        .filter(|(.., lives)| *lives)
        .map(|(consent_id, digest, fact_types, _)| Living {
            consent_id,
            digest: hex::encode(digest),
            fact_types,
        })
        .collect();
    Ok(if living.is_empty() {
        Ground::Withdrawn
    } else {
        Ground::Given(living)
    })
}

/// Gives a consent again that was taken back, for the case that still waits for it.
pub async fn give_again(office: &Office, person_id: i64, consent_id: i64) -> Result<bool> {
    let new_id = office.ids.next().await?;
    let given = sqlx::query(
        "INSERT INTO consent (centre_id, consent_id, person_id, service, case_id, fact_types, purpose, text_digest, channel, given_at)
         SELECT c.centre_id, $4, c.person_id, c.service, c.case_id, c.fact_types, c.purpose, c.text_digest, c.channel, $5
           FROM consent c
           JOIN business_case b ON b.centre_id = c.centre_id AND b.case_id = c.case_id AND b.state < 6
          WHERE c.centre_id = $1 AND c.person_id = $2 AND c.consent_id = $3 AND c.withdrawn_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM consent l WHERE l.centre_id = $1 AND l.person_id = $2 AND l.case_id = c.case_id
                                                    AND l.fact_types = c.fact_types AND l.withdrawn_at IS NULL)",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(consent_id)
    .bind(new_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(given.rows_affected() == 1)
}

/// The live consent that somebody gave once for what a service does by itself, without a case; as the ground of a question.
pub async fn standing(office: &Office, person_id: i64, service: &str) -> Result<Ground> {
    let given: Option<(i64, Vec<u8>, Vec<String>)> = sqlx::query_as(
        "SELECT consent_id, text_digest, fact_types FROM consent
          WHERE centre_id = $1 AND person_id = $2 AND service = $3 AND case_id IS NULL AND withdrawn_at IS NULL
            AND (until IS NULL OR until > $4)
          ORDER BY consent_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(service)
    .bind(office.now())
    .fetch_optional(&office.pool)
    .await?;
    let living = |(consent_id, digest, fact_types): (i64, Vec<u8>, Vec<String>)| Living {
        consent_id,
        digest: hex::encode(digest),
        fact_types,
    };
    Ok(given.map_or(Ground::None, |one| Ground::Given(vec![living(one)])))
}

/// Somebody who may ask us about a person, for as long as the person lets him.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// Who may ask: `D14`.
    pub to: &'a str,
    /// What: `hpf.contribution`.
    pub fact_type: &'a str,
    /// The sentence that is agreed to.
    pub words: &'a str,
    /// Where it was agreed to.
    pub channel: &'a str,
    /// When it ends by itself.
    pub until: DateTime<Utc>,
}

/// The service under which people let others ask us.
const ALLOWING: &str = "consent-manage";

/// Lets somebody ask us about a person; of two that live the later says no more than the first.
///
/// # Errors
/// The database.
pub async fn allow(office: &Office, person_id: i64, allowed: Allowed<'_>) -> Result<()> {
    let consent_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    // Two taps at once: the second waits and finds the first.
    sqlx::query("SELECT FROM person WHERE centre_id = $1 AND person_id = $2 FOR NO KEY UPDATE")
        .bind(office.centre.id)
        .bind(person_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO consent (centre_id, consent_id, person_id, service, fact_types, purpose, text_digest, channel, given_at, until, given_to)
         SELECT $1, $2, $3, $4, ARRAY[$5::text], $6, $7, $8, $9, $10, $11
          WHERE NOT EXISTS (SELECT FROM consent
                             WHERE centre_id = $1 AND person_id = $3 AND given_to = $11 AND $5 = ANY (fact_types)
                               AND withdrawn_at IS NULL AND until > $9)",
    )
    .bind(office.centre.id)
    .bind(consent_id)
    .bind(person_id)
    .bind(ALLOWING)
    .bind(allowed.fact_type)
    .bind(allowed.words)
    .bind(record::sha256(allowed.words.as_bytes()).as_slice())
    .bind(allowed.channel)
    .bind(office.now())
    .bind(allowed.until)
    .bind(allowed.to)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The living consent by which somebody may ask us this about a person.
///
/// # Errors
/// The database.
pub async fn allowing(
    office: &Office,
    person_id: i64,
    to: &str,
    fact_type: &str,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT consent_id FROM consent
          WHERE centre_id = $1 AND person_id = $2 AND given_to = $3 AND $4 = ANY (fact_types)
            AND withdrawn_at IS NULL AND until > $5
          ORDER BY consent_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(to)
    .bind(fact_type)
    .bind(office.now())
    .fetch_optional(&office.pool)
    .await?)
}

/// The consents of a person, newest first.
pub async fn of_person(office: &Office, person_id: i64) -> Result<Vec<Consent>> {
    Ok(sqlx::query_as(
        "SELECT c.consent_id, c.service, b.case_id AS open_case_id, c.fact_types, c.purpose, c.channel, c.given_at, c.until, c.withdrawn_at,
                c.given_to
           FROM consent c
           LEFT JOIN business_case b ON b.centre_id = c.centre_id AND b.case_id = c.case_id AND b.state < 6
          WHERE c.centre_id = $1 AND c.person_id = $2 ORDER BY c.consent_id DESC LIMIT 100",
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
