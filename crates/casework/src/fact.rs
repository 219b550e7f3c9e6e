//! Facts kept (事实): append-only. A correction is a new fact; nothing here is ever changed.
//!
//! A fact is found by the blind index of whom it is about, so that a spouse who is not our customer has no row of a person.

use std::collections::BTreeSet;

use anju_evidence::record;
use anju_policy::fact::{Assurance, Fact, FactState};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use rayon::prelude::*;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::findings::Findings;
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
    mac: Option<Vec<u8>>,
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
    /// What else it was asked by, as one text (name, card, phone).
    pub other_keys: &'a str,
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
    let mut conn = office.pool.acquire().await?;
    keep_on(office, &mut conn, facts).await
}

/// The same within a transaction that is open.
pub async fn keep_on(
    office: &Office,
    conn: &mut PgConnection,
    facts: &[Kept<'_>],
) -> Result<Vec<i64>> {
    let first = office.ids.take(facts.len()).await?;
    let ids: Vec<i64> = first;
    let column = |read: fn(&Kept<'_>) -> String| facts.iter().map(read).collect::<Vec<String>>();
    let digests = facts
        .iter()
        .map(|kept| {
            hex::decode(&kept.fact.digest)
                .map_err(|_| Fault::Stored("a fact's digest is not hex".to_owned()).into())
        })
        .collect::<Result<Vec<Vec<u8>>>>()?;
    let macs = facts
        .iter()
        .map(|kept| mac(office, kept.fact))
        .collect::<Result<Vec<Vec<u8>>>>()?;
    sqlx::query(
        "INSERT INTO fact (fact_id, centre_id, as_of, fetched_at, valid_until, case_id, state, type, version, subject_index,
                           keys_index, source, source_ref, assurance, subject, role, value, digest, mac)
         SELECT f.fact_id, $1, f.as_of, f.fetched_at, f.valid_until, f.case_id, f.state, f.type, f.version, f.subject_index,
                f.keys_index, f.source, f.source_ref, f.assurance, f.subject, f.role, f.value, f.digest, f.mac
           FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::smallint[],
                       $8::text[], $9::smallint[], $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::text[],
                       $15::text[], $16::text[], $17::jsonb[], $18::bytea[], $19::bytea[])
                AS f (fact_id, as_of, fetched_at, valid_until, case_id, state, type, version, subject_index, keys_index, source,
                      source_ref, assurance, subject, role, value, digest, mac)",
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
    .bind(each_once(facts.iter().map(|kept| kept.subject_key), |key| {
        office.vault.blind_index(purpose::ID, key).current.to_vec()
    }))
    .bind(each_once(facts.iter().map(|kept| kept.other_keys), |keys| keys_index(office, keys)))
    .bind(column(|kept| kept.fact.source.clone()))
    .bind(column(|kept| kept.source_ref.to_owned()))
    .bind(facts.iter().map(|kept| assurance_text(kept.fact.assurance)).collect::<Vec<&str>>())
    .bind(column(|kept| kept.fact.subject.clone()))
    .bind(column(|kept| kept.fact.role.clone()))
    .bind(facts.iter().map(|kept| kept.fact.value.clone()).collect::<Vec<Value>>())
    .bind(digests)
    .bind(macs)
    .execute(conn)
    .await?;
    Ok(ids)
}

fn keys_index(office: &Office, other_keys: &str) -> Vec<u8> {
    office.vault.blind_index(KEYS, other_keys).current.to_vec()
}

const KEYS: &str = "fact-keys";

/// The index of each key, computed once for neighbours that are the same: a dozen questions of one case are about one person.
fn each_once<'a, T: Clone>(
    keys: impl Iterator<Item = &'a str>,
    index: impl Fn(&str) -> T,
) -> Vec<T> {
    let mut last: Option<(&str, T)> = None;
    keys.map(|key| {
        let known = last.take().filter(|(before, _)| *before == key);
        let (_, found) = last.insert(known.unwrap_or_else(|| (key, index(key))));
        found.clone()
    })
    .collect()
}

/// A question that a kept fact may answer.
pub struct Wanted<'a> {
    /// Type.
    pub fact_type: &'a str,
    /// Whole ID number or credit code.
    pub subject_key: &'a str,
    /// What else it is asked by.
    pub other_keys: &'a str,
}

/// The newest still valid fact for each question, in order. A case is decided on what was asked for it alone, so that somebody whose
/// register was corrected does not meet an old answer; without a case (a page that says what one may do) any valid fact will do, unless the
/// consent under which it was fetched has been taken back.
pub async fn recent(
    office: &Office,
    conn: &mut PgConnection,
    wanted: &[Wanted<'_>],
    case_no: Option<&str>,
) -> Result<Vec<Option<Fact>>> {
    let asked = asked(office, wanted);
    let case_id =
        case_no.and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number));
    let found = look_up(office, conn, &[asked], case_id).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// The same without a case, looked up together with what others ask for at this moment.
pub async fn recent_together(office: &Office, wanted: &[Wanted<'_>]) -> Result<Vec<Option<Fact>>> {
    office.trays.facts.put(office, asked(office, wanted)).await
}

/// What is kept and valid of one person, read before it is known by what else each question is asked.
#[derive(Default)]
pub struct OfPerson {
    subject_index: Vec<u8>,
    /// With the index of what else each was asked by, the newest last.
    facts: Vec<(Vec<u8>, Fact)>,
}

impl OfPerson {
    /// The answers to these questions that are among it, in order. None while keys rotate: the newest fact may then stand under the other key.
    #[must_use]
    pub fn answers(&self, office: &Office, wanted: &[Wanted<'_>]) -> Vec<Option<Fact>> {
        let mut found = vec![None; wanted.len()];
        let asked = asked(office, wanted);
        if asked.len() > wanted.len() {
            return found;
        }
        for one in asked {
            if one.subject_index == self.subject_index {
                let is_it = |(keys_index, fact): &&(Vec<u8>, Fact)| {
                    fact.fact_type == one.fact_type && *keys_index == one.keys_index
                };
                if let Some((_, fact)) = self.facts.iter().rev().find(is_it) {
                    found[one.place] = Some(fact.clone());
                }
            }
        }
        found
    }
}

/// Facts of these types that are kept of a person and valid, whatever else they were asked by, under the same terms as [`recent`] has without a
/// case; read together with others at this moment.
pub async fn of_person_together(
    office: &Office,
    person_id: i64,
    types: Vec<String>,
) -> Result<OfPerson> {
    office.trays.kept.put(office, (person_id, types)).await
}

pub(crate) fn of_people(
    office: Office,
    asked: Vec<(i64, Vec<String>)>,
) -> BoxFuture<'static, Result<Vec<OfPerson>>> {
    #[derive(FromRow)]
    struct Found {
        place: i64,
        id_index: Vec<u8>,
        keys_index: Vec<u8>,
        #[sqlx(flatten)]
        row: Row,
    }
    async move {
        let types: BTreeSet<&str> = asked
            .iter()
            .flat_map(|(_, types)| types.iter().map(String::as_str))
            .collect();
        // All of a person lies together in the index: looking for each type alone costs several times as much as leaving out the others, which
        // the subquery's fence sees to.
        let rows: Vec<Found> = sqlx::query_as(
            "SELECT who.place, p.id_index, f.keys_index, f.fact_id, f.type, f.role, f.subject, f.state, f.value, f.source, f.assurance,
                    f.as_of, f.valid_until, f.digest, f.mac
               FROM unnest($2::bigint[]) WITH ORDINALITY AS who (person_id, place)
               JOIN person p ON p.centre_id = $1 AND p.person_id = who.person_id
              CROSS JOIN LATERAL (
                    SELECT *
                      FROM fact
                     WHERE centre_id = $1 AND subject_index = p.id_index AND state IN (1, 2)
                       AND (valid_until > $4 OR (valid_until IS NULL AND state = 1))
                       AND (case_id IS NULL OR NOT EXISTS (
                              SELECT FROM consent c
                               WHERE c.centre_id = $1 AND c.case_id = fact.case_id AND c.withdrawn_at IS NOT NULL))
                    OFFSET 0) AS f
              WHERE f.type = ANY ($3)",
        )
        .bind(office.centre.id)
        .bind(asked.iter().map(|(person_id, _)| *person_id).collect::<Vec<_>>())
        .bind(types.into_iter().collect::<Vec<_>>())
        .bind(office.now())
        .fetch_all(&office.pool)
        .await?;
        let mut found: Vec<OfPerson> = asked.iter().map(|_| OfPerson::default()).collect();
        for row in rows {
            let one = usize::try_from(row.place - 1)
                .ok()
                .and_then(|place| found.get_mut(place))
                .ok_or_else(|| Fault::Stored("an answer to no question".to_owned()))?;
            one.subject_index = row.id_index;
            one.facts.push((row.keys_index, row.row.fact()?));
        }
        for one in &mut found {
            one.facts.sort_by_key(|(_, fact)| (fact.as_of, fact.fact_id));
        }
        Ok(found)
    }
    .boxed()
}

pub(crate) fn look_up_all(
    office: Office,
    asked: Vec<Vec<LookedUp>>,
) -> BoxFuture<'static, Result<Vec<Vec<Option<Fact>>>>> {
    async move {
        let mut conn = office.pool.acquire().await?;
        look_up(&office, &mut conn, &asked, None).await
    }
    .boxed()
}

/// Answers several lists of questions with one statement.
async fn look_up(
    office: &Office,
    conn: &mut PgConnection,
    asked: &[Vec<LookedUp>],
    case_id: Option<i64>,
) -> Result<Vec<Vec<Option<Fact>>>> {
    #[derive(FromRow)]
    struct Found {
        place: i64,
        #[sqlx(flatten)]
        row: Row,
    }
    // Which list, and which question of it.
    let places: Vec<(usize, usize)> = asked
        .iter()
        .enumerate()
        .flat_map(|(list, asked)| asked.iter().map(move |one| (list, one.place)))
        .collect();
    let all = || asked.iter().flatten();
    let rows: Vec<Found> = sqlx::query_as(
        "SELECT w.place, f.fact_id, f.type, f.role, f.subject, f.state, f.value, f.source, f.assurance, f.as_of, f.valid_until,
                f.digest, f.mac
           FROM unnest($2::bytea[], $3::bytea[], $4::text[]) WITH ORDINALITY AS w (subject_index, keys_index, type, place)
          CROSS JOIN LATERAL (
                SELECT *
                  FROM fact
                 WHERE centre_id = $1 AND subject_index = w.subject_index AND type = w.type AND keys_index = w.keys_index
                   AND state IN (1, 2)
                   AND (valid_until > $5 OR (valid_until IS NULL AND state = 1))
                   AND (case_id = $6::bigint
                     OR $6::bigint IS NULL
                    AND (case_id IS NULL OR NOT EXISTS (
                           SELECT FROM consent c
                            WHERE c.centre_id = $1 AND c.case_id = fact.case_id AND c.withdrawn_at IS NOT NULL)))
                 ORDER BY as_of DESC, fact_id DESC
                 LIMIT 1) AS f",
    )
    .bind(office.centre.id)
    .bind(all().map(|asked| asked.subject_index.as_slice()).collect::<Vec<&[u8]>>())
    .bind(all().map(|asked| asked.keys_index.as_slice()).collect::<Vec<&[u8]>>())
    .bind(all().map(|asked| asked.fact_type.as_str()).collect::<Vec<&str>>())
    .bind(office.now())
    .bind(case_id)
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Vec<Option<Fact>>> = asked
        .iter()
        .map(|asked| vec![None; asked.last().map_or(0, |last| last.place + 1)])
        .collect();
    for row in rows {
        let (list, place) = usize::try_from(row.place - 1)
            .ok()
            .and_then(|place| places.get(place).copied())
            .ok_or_else(|| Fault::Stored("an answer to no question".to_owned()))?;
        let fact = row.row.fact()?;
        // While keys rotate there may be one for each key.
        let before = &mut found[list][place];
        if before.as_ref().is_none_or(|other| other.as_of < fact.as_of) {
            *before = Some(fact);
        }
    }
    Ok(found)
}

/// A wanted fact as it is looked up: its place among the wanted, once for each key that is held.
#[derive(Clone)]
pub(crate) struct LookedUp {
    subject_index: Vec<u8>,
    keys_index: Vec<u8>,
    fact_type: String,
    place: usize,
}

fn asked(office: &Office, wanted: &[Wanted<'_>]) -> Vec<LookedUp> {
    let subjects = each_once(wanted.iter().map(|wanted| wanted.subject_key), |key| {
        office.vault.blind_index(purpose::ID, key).any()
    });
    let keys = each_once(wanted.iter().map(|wanted| wanted.other_keys), |keys| {
        office.vault.blind_index(KEYS, keys).any()
    });
    let mut asked = Vec::with_capacity(wanted.len());
    for (place, ((wanted, subjects), keys)) in wanted.iter().zip(subjects).zip(keys).enumerate() {
        for (subject_index, keys_index) in subjects.into_iter().zip(keys) {
            asked.push(LookedUp {
                subject_index,
                keys_index,
                fact_type: wanted.fact_type.to_owned(),
                place,
            });
        }
    }
    asked
}

/// A trace of a question to a source (查询留痕).
pub struct Call<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Whom.
    pub source: &'a str,
    /// What.
    pub fact_type: &'a str,
    /// Whole ID number or credit code; empty for a batch.
    pub subject_key: &'a str,
    /// Service.
    pub service: &'a str,
    /// Public number of the case.
    pub case_no: &'a str,
    /// Consent or article.
    pub basis: &'a str,
    /// How it ended.
    pub result: &'a str,
    /// Milliseconds.
    pub ms: i64,
    /// Hex digest of the question.
    pub request_hash: &'a str,
    /// Hex digest of the answer.
    pub evidence_hash: &'a str,
}

/// Keeps the traces of questions.
pub async fn audit(office: &Office, calls: &[Call<'_>]) -> Result<()> {
    let ids = office.ids.take(calls.len()).await?;
    let texts = |read: fn(&Call<'_>) -> String| calls.iter().map(read).collect::<Vec<String>>();
    sqlx::query(
        "INSERT INTO source_call (centre_id, call_id, at, source, type, subject_index, service, case_no, basis, result, ms,
                                  request_hash, evidence_hash)
         SELECT $1, c.*
           FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::text[],
                       $10::text[], $11::integer[], $12::text[], $13::text[]) AS c",
    )
    .bind(office.centre.id)
    .bind(ids)
    .bind(calls.iter().map(|call| call.at).collect::<Vec<_>>())
    .bind(texts(|call| call.source.to_owned()))
    .bind(texts(|call| call.fact_type.to_owned()))
    .bind(
        calls
            .iter()
            .map(|call| office.vault.blind_index(purpose::ID, call.subject_key).current.to_vec())
            .collect::<Vec<Vec<u8>>>(),
    )
    .bind(texts(|call| call.service.to_owned()))
    .bind(texts(|call| call.case_no.to_owned()))
    .bind(texts(|call| call.basis.to_owned()))
    .bind(texts(|call| call.result.to_owned()))
    .bind(calls.iter().map(|call| i32::try_from(call.ms).unwrap_or(i32::MAX)).collect::<Vec<i32>>())
    .bind(texts(|call| call.request_hash.to_owned()))
    .bind(texts(|call| call.evidence_hash.to_owned()))
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// A question that was asked about a person, for 谁看过我的信息.
#[derive(Debug, Clone, FromRow)]
pub struct Asked {
    /// When.
    pub at: DateTime<Utc>,
    /// Whom.
    pub source: String,
    /// What.
    pub r#type: String,
    /// For which service.
    pub service: String,
    /// For which case.
    pub case_no: String,
    /// How it ended.
    pub result: String,
}

/// What sources were asked about a person, newest first.
pub async fn asked_about(office: &Office, id_number: &str, limit: i64) -> Result<Vec<Asked>> {
    Ok(sqlx::query_as(
        "SELECT at, source, type, service, case_no, result FROM source_call
          WHERE centre_id = $1 AND subject_index = ANY ($2) ORDER BY call_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::ID, id_number).any())
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Facts by their rows, for showing a decision.
pub async fn by_ids(office: &Office, ids: &[i64]) -> Result<Vec<Fact>> {
    let rows = rows(office, &office.pool, ids).await?;
    rows.into_iter().map(Row::fact).collect()
}

/// The same over a connection that is at hand.
pub async fn by_ids_on(office: &Office, conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<Fact>> {
    let rows = rows(office, conn, ids).await?;
    rows.into_iter().map(Row::fact).collect()
}

/// A kept fact as it stands now, and whether it still is what was kept.
pub struct Proved {
    /// The fact.
    pub fact: Fact,
    /// Whether its code fits; nothing for a row that was kept before there were codes.
    pub intact: Option<bool>,
}

/// Facts by their rows, each with its proof, for replaying decisions.
pub async fn proved(office: &Office, ids: &[i64]) -> Result<Vec<Proved>> {
    let rows = rows(office, &office.pool, ids).await?;
    rows.into_iter()
        .map(|mut row| {
            let kept = row.mac.take();
            let fact = row.fact()?;
            // What cannot be read any more is not what was kept.
            let intact = kept.map(|kept| {
                canonical(office, &fact)
                    .is_ok_and(|said| office.vault.verify_mac(MAC, &said, &kept))
            });
            Ok(Proved { fact, intact })
        })
        .collect()
}

/// Facts that are read at once.
const PAGE: i64 = 5_000;

/// The law that a fact stands as it was kept.
pub const FACTS: &str = "事实";

/// Every fact against its code; for `anju audit`. Returns how many there are.
///
/// # Errors
/// The database.
pub async fn audit_codes(office: &Office, findings: &mut Findings) -> Result<u64> {
    let (mut seen, mut after, mut coded) = (0, i64::MIN, false);
    loop {
        let page: Vec<Row> = sqlx::query_as(
            "SELECT fact_id, type, role, subject, state, value, source, assurance, as_of, valid_until, digest, mac
               FROM fact WHERE centre_id = $1 AND fact_id > $2 ORDER BY fact_id LIMIT $3",
        )
        .bind(office.centre.id)
        .bind(after)
        .bind(PAGE)
        .fetch_all(&office.pool)
        .await?;
        let Some(last) = page.last() else {
            return Ok(seen);
        };
        after = last.fact_id;
        seen += page.len() as u64;
        let intact: Vec<(i64, String, Option<Result<bool>>)> = page
            .into_par_iter()
            .map(|mut row| {
                let (fact_id, named) = (row.fact_id, row.r#type.clone());
                let kept = row.mac.take();
                let holds = kept.map(|kept| {
                    let said = canonical(office, &row.fact()?)?;
                    Ok(office.vault.verify_mac(MAC, &said, &kept))
                });
                (fact_id, named, holds)
            })
            .collect();
        for (fact_id, named, holds) in intact {
            let detail = match holds {
                Some(Ok(true)) => {
                    coded = true;
                    continue;
                }
                Some(Err(_)) => "读不出来：封存它的密钥不在，或内容被改动过",
                Some(Ok(false)) => "内容与当初留存时的校验码不符：被改动过",
                // Those before the first one were kept before there were codes.
                None if coded => "没有校验码，而比它早的事实有：被删去过",
                None => continue,
            };
            findings.tell(FACTS, format!("事实 {fact_id}（{named}）"), detail);
        }
    }
}

/// The code over what a fact says. A sealed ID number counts by what it holds, so that sealing it again with another key changes
/// nothing; instants count to the microsecond, as the database keeps them.
fn mac(office: &Office, fact: &Fact) -> Result<Vec<u8>> {
    Ok(office.vault.mac(MAC, &canonical(office, fact)?).to_vec())
}

fn canonical(office: &Office, fact: &Fact) -> Result<Vec<u8>> {
    let said = json!({
        "type": fact.fact_type,
        "role": fact.role,
        "subject": fact.subject,
        "state": state_number(fact.state),
        "value": opened(office, &fact.value)?,
        "source": fact.source,
        "assurance": assurance_text(fact.assurance),
        "as_of": fact.as_of.timestamp_micros(),
        "valid_until": fact.valid_until.map(|until| until.timestamp_micros()),
        "digest": fact.digest,
    });
    record::canonical(&said).map_err(|error| Fault::Stored(error.to_string()).into())
}

const MAC: &str = "fact";

fn opened(office: &Office, value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = match value.as_str() {
                    Some(sealed) if name == "id_sealed" => Value::String(open_id(office, sealed)?),
                    _ => opened(office, value)?,
                };
                Ok((name.clone(), value))
            })
            .collect::<Result<serde_json::Map<String, Value>>>()?
            .into(),
        Value::Array(items) => items
            .iter()
            .map(|item| opened(office, item))
            .collect::<Result<Vec<Value>>>()?
            .into(),
        plain => plain.clone(),
    })
}

async fn rows(office: &Office, db: impl PgExecutor<'_>, ids: &[i64]) -> Result<Vec<Row>> {
    Ok( sqlx::query_as(
        "SELECT fact_id, type, role, subject, state, value, source, assurance, as_of, valid_until, digest, mac
           FROM fact WHERE centre_id = $1 AND fact_id = ANY ($2) ORDER BY fact_id",
    )
    .bind(office.centre.id)
    .bind(ids)
    .fetch_all(db)
    .await?)
}

/// Purpose of ID numbers that stand sealed inside a fact's value (`id_sealed`).
pub const SEALED_ID: &str = "fact.id_no";

/// Opens an `id_sealed` of a fact's value, for asking about that person.
pub fn open_id(office: &Office, sealed: &str) -> Result<String> {
    let sealed = hex::decode(sealed)
        .map_err(|_| Fault::Stored("a sealed ID number is not hex".to_owned()))?;
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
