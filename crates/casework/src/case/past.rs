//! Ended cases with everything that they were decided by, for trying other rules on them. Read-only.

use anju_policy::fact::At;
use anju_policy::{Facts, Form};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::decide::KeptDecision;
use super::row::{CaseState, open_form};
use crate::{Fault, Office, Result, fact};

/// An ended case, or one that is being paid.
#[derive(Debug, Clone)]
pub struct PastCase {
    /// Identifier.
    pub case_id: i64,
    /// The person.
    pub person_id: i64,
    /// Service id.
    pub service: String,
    /// Begun.
    pub submitted_at: DateTime<Utc>,
    /// Whether it was approved, by the rules or by a reviewer.
    pub was_approved: bool,
    /// What was filled in, opened.
    pub form: Form,
    /// What was known, our own books included.
    pub facts: Facts,
    /// For which instant it was decided.
    pub at: At,
}

#[derive(FromRow)]
struct Row {
    case_id: i64,
    applicant_id: i64,
    service: String,
    submitted_at: DateTime<Utc>,
    state: i16,
    form: Value,
    decision: Value,
}

impl Row {
    fn fact_ids(&self) -> Vec<i64> {
        anju_policy::fact_ids_of(&self.decision)
    }
}

/// Which ended cases.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Of these services.
    pub services: &'a [String],
    /// Begun not before this.
    pub since: DateTime<Utc>,
    /// And before this.
    pub until: DateTime<Utc>,
}

/// How many ended cases there are. A refusal counts once for a person and service, and only where he was not approved beside it: whoever
/// tried five times did not want it five times.
pub async fn count_past(office: &Office, wanted: &Wanted<'_>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*)
           FROM business_case one
          WHERE one.centre_id = $1 AND one.service = ANY ($2) AND one.submitted_at >= $3 AND one.submitted_at < $4
            AND one.state IN (5, 6, 7) AND one.decision ? 'service'
            AND (one.state <> 7
                 OR NOT EXISTS (SELECT FROM business_case other
                                 WHERE other.centre_id = $1 AND other.applicant_id = one.applicant_id
                                   AND other.service = one.service AND other.submitted_at >= $3 AND other.submitted_at < $4
                                   AND (other.state IN (5, 6) OR other.state = 7 AND other.case_id > one.case_id)))",
    )
    .bind(office.centre.id)
    .bind(wanted.services)
    .bind(wanted.since)
    .bind(wanted.until)
    .fetch_one(&office.pool)
    .await?)
}

/// The next ended cases after one, in the order of their numbers.
pub async fn past(
    office: &Office,
    wanted: &Wanted<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<PastCase>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT one.case_id, one.applicant_id, one.service, one.submitted_at, one.state, one.form, one.decision
           FROM business_case one
          WHERE one.centre_id = $1 AND one.case_id > $5
            AND one.service = ANY ($2) AND one.submitted_at >= $3 AND one.submitted_at < $4
            AND one.state IN (5, 6, 7) AND one.decision ? 'service'
            AND (one.state <> 7
                 OR NOT EXISTS (SELECT FROM business_case other
                                 WHERE other.centre_id = $1 AND other.applicant_id = one.applicant_id
                                   AND other.service = one.service AND other.submitted_at >= $3 AND other.submitted_at < $4
                                   AND (other.state IN (5, 6) OR other.state = 7 AND other.case_id > one.case_id)))
          ORDER BY one.case_id
          LIMIT $6",
    )
    .bind(office.centre.id)
    .bind(wanted.services)
    .bind(wanted.since)
    .bind(wanted.until)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    open(office, rows).await
}

/// One ended case.
pub async fn past_case(office: &Office, case_id: i64) -> Result<Option<PastCase>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT case_id, applicant_id, service, submitted_at, state, form, decision
           FROM business_case WHERE centre_id = $1 AND case_id = $2 AND decision ? 'service'",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(&office.pool)
    .await?;
    Ok(open(office, rows).await?.pop())
}

async fn open(office: &Office, rows: Vec<Row>) -> Result<Vec<PastCase>> {
    let ids: Vec<i64> = rows.iter().flat_map(Row::fact_ids).collect();
    let known: std::collections::HashMap<i64, anju_policy::Fact> = fact::by_ids(office, &ids)
        .await?
        .into_iter()
        .filter_map(|fact| Some((fact.fact_id?, fact)))
        .collect();
    rows.into_iter()
        .map(|row| {
            let mut facts: Facts = row
                .fact_ids()
                .into_iter()
                .filter_map(|id| known.get(&id).cloned())
                .collect();
            let state = CaseState::from_number(row.state);
            let kept: KeptDecision = serde_json::from_value(row.decision)
                .map_err(|error| Fault::Stored(format!("a kept decision: {error}")))?;
            kept.own.iter().for_each(|own| facts.put(own.clone()));
            Ok(PastCase {
                case_id: row.case_id,
                person_id: row.applicant_id,
                service: row.service,
                submitted_at: row.submitted_at,
                was_approved: state != CaseState::Refused,
                form: open_form(office, &row.form)?,
                facts,
                at: kept.stored.at,
            })
        })
        .collect()
}
