//! Facts kept (事实): append-only. A correction is a new fact; nothing here is ever changed.
//!
//! A fact is found by the blind index of whom it is about, so that a spouse who is not our customer has no row of a person.

use anju_policy::fact::{Assurance, Fact, FactState};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use crate::person::purpose;
use crate::{Fault, Office, Result};

#[derive(FromRow)]
struct Row {
    fact_id: i64,
    r#type: String,
    role: String,
    subject: String,
    state: i16,
    value: Option<Value>,
    source: String,
    assurance: String,
    as_of: DateTime<Utc>,
    valid_until: Option<DateTime<Utc>>,
    digest: Vec<u8>,
}

impl Row {
    fn fact(self) -> Result<Fact> {
        Ok(Fact {
            fact_id: Some(self.fact_id),
            fact_type: self.r#type,
            role: self.role,
            subject: self.subject,
            state: match self.state {
                1 => FactState::Known,
                2 => FactState::Absent,
                4 => FactState::Conflict,
                _ => FactState::Unknown,
            },
            value: self.value.unwrap_or(Value::Null),
            source: self.source,
            assurance: serde_json::from_value::<Assurance>(Value::String(self.assurance))?,
            as_of: self.as_of,
            valid_until: self.valid_until,
            digest: hex::encode(self.digest),
        })
    }
}

/// A fact to keep, with what is known of how it came.
pub struct Kept<'a> {
    /// The fact.
    pub fact: &'a Fact,
    /// Whole ID number or credit code of whom it is about.
    pub subject_key: &'a str,
    /// Version of the value's schema.
    pub version: i16,
    /// The source's serial.
    pub source_ref: &'a str,
    /// When we got it.
    pub fetched_at: DateTime<Utc>,
    /// Public number of the case that it was fetched for; empty for none.
    pub case_no: &'a str,
}

/// Keeps facts and returns their ids in the same order.
pub async fn keep(office: &Office, facts: &[Kept<'_>]) -> Result<Vec<i64>> {
    let first = office.ids.take(facts.len()).await?;
    let ids: Vec<i64> = first;
    let column = |read: fn(&Kept<'_>) -> String| facts.iter().map(read).collect::<Vec<String>>();
    let digests = facts
        .iter()
        .map(|kept| hex::decode(&kept.fact.digest).map_err(|_| Fault::Stored("a fact's digest is not hex".to_owned()).into()))
        .collect::<Result<Vec<Vec<u8>>>>()?;
    sqlx::query(
        "INSERT INTO fact (fact_id, centre_id, as_of, fetched_at, valid_until, case_id, state, type, version, subject_index,
                           source, source_ref, assurance, subject, role, value, digest)
         SELECT f.fact_id, $1, f.as_of, f.fetched_at, f.valid_until, f.case_id, f.state, f.type, f.version, f.subject_index,
                f.source, f.source_ref, f.assurance, f.subject, f.role, f.value, f.digest
           FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::smallint[],
                       $8::text[], $9::smallint[], $10::bytea[], $11::text[], $12::text[], $13::text[], $14::text[],
                       $15::text[], $16::jsonb[], $17::bytea[])
                AS f (fact_id, as_of, fetched_at, valid_until, case_id, state, type, version, subject_index, source,
                      source_ref, assurance, subject, role, value, digest)",
    )
    .bind(office.centre.id)
    .bind(&ids)
    .bind(facts.iter().map(|kept| kept.fact.as_of).collect::<Vec<_>>())
    .bind(facts.iter().map(|kept| kept.fetched_at).collect::<Vec<_>>())
    .bind(facts.iter().map(|kept| kept.fact.valid_until).collect::<Vec<_>>())
    .bind(
        facts
            .iter()
            .map(|kept| office.numbers.decode(anju_vault::NumberKind::Case, kept.case_no))
            .collect::<Vec<Option<i64>>>(),
    )
    .bind(facts.iter().map(|kept| state_number(kept.fact.state)).collect::<Vec<i16>>())
    .bind(column(|kept| kept.fact.fact_type.clone()))
    .bind(facts.iter().map(|kept| kept.version).collect::<Vec<i16>>())
    .bind(
        facts
            .iter()
            .map(|kept| office.vault.blind_index(purpose::ID, kept.subject_key).current.to_vec())
            .collect::<Vec<Vec<u8>>>(),
    )
    .bind(column(|kept| kept.fact.source.clone()))
    .bind(column(|kept| kept.source_ref.to_owned()))
    .bind(facts.iter().map(|kept| assurance_text(kept.fact.assurance)).collect::<Vec<&str>>())
    .bind(column(|kept| kept.fact.subject.clone()))
    .bind(column(|kept| kept.fact.role.clone()))
    .bind(facts.iter().map(|kept| kept.fact.value.clone()).collect::<Vec<Value>>())
    .bind(digests)
    .execute(&office.pool)
    .await?;
    Ok(ids)
}

/// The newest still valid fact of a type about a subject. One that is good for a single use serves the case that asked for it.
pub async fn recent(
    office: &Office,
    subject_keys: &[&str],
    types: &[&str],
    case_no: Option<&str>,
) -> Result<Vec<(Vec<u8>, Fact)>> {
    #[derive(FromRow)]
    struct Found {
        subject_index: Vec<u8>,
        #[sqlx(flatten)]
        row: Row,
    }
    let indexes: Vec<Vec<u8>> =
        subject_keys.iter().map(|key| office.vault.blind_index(purpose::ID, key).current.to_vec()).collect();
    let rows: Vec<Found> = sqlx::query_as(
        "SELECT DISTINCT ON (subject_index, type, source)
                subject_index, fact_id, type, role, subject, state, value, source, assurance, as_of, valid_until, digest
           FROM fact
          WHERE centre_id = $1 AND subject_index = ANY ($2) AND type = ANY ($3) AND state IN (1, 2)
            AND (valid_until > $4 OR (valid_until IS NULL AND state = 1) OR case_id = $5)
          ORDER BY subject_index, type, source, as_of DESC, fact_id DESC",
    )
    .bind(office.centre.id)
    .bind(&indexes)
    .bind(types)
    .bind(office.now())
    .bind(case_no.and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number)))
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(|found| Ok((found.subject_index, found.row.fact()?))).collect()
}

/// Facts by their rows, for showing and replaying a decision.
pub async fn by_ids(office: &Office, ids: &[i64]) -> Result<Vec<Fact>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT fact_id, type, role, subject, state, value, source, assurance, as_of, valid_until, digest
           FROM fact WHERE centre_id = $1 AND fact_id = ANY ($2) ORDER BY fact_id",
    )
    .bind(office.centre.id)
    .bind(ids)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(Row::fact).collect()
}

/// Purpose of ID numbers that stand sealed inside a fact's value (`id_sealed`).
pub const SEALED_ID: &str = "fact.id_no";

/// Opens an `id_sealed` of a fact's value, for asking about that person.
pub fn open_id(office: &Office, sealed: &str) -> Result<String> {
    let sealed = hex::decode(sealed).map_err(|_| Fault::Stored("a sealed ID number is not hex".to_owned()))?;
    crate::person::text(&office.vault, SEALED_ID, &sealed)
}

fn state_number(state: FactState) -> i16 {
    match state {
        FactState::Known => 1,
        FactState::Absent => 2,
        FactState::Unknown => 3,
        FactState::Conflict => 4,
    }
}

fn assurance_text(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::SelfDeclared => "self_declared",
        Assurance::Paper => "paper",
        Assurance::Attested => "attested",
        Assurance::Authoritative => "authoritative",
    }
}
