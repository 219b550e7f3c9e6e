//! 批量文件: a file that fits its manifest becomes facts and signals of our customers, all of it in one transaction.

use std::collections::HashMap;

use anju_casework::fact::{self, Kept};
use anju_casework::person::purpose;
use anju_casework::{Office, PgConnection, Refusal, Result};
use anju_policy::fact::{Assurance, Fact, FactState};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::death;

/// The flow whose rows say that somebody died.
pub const DEATHS: &str = "deaths";

/// The flow whose rows are about employers.
pub const STATUS: &str = "status";

/// Rows whose owners are looked up in one question.
const AT_ONCE: usize = 5000;

/// State of a file.
pub mod file_state {
    /// It counts.
    pub const TAKEN: i16 = 1;
    /// It does not, as a whole.
    pub const REFUSED: i16 = 2;
}

/// State of a signal.
pub mod signal_state {
    /// Kept for whoever reads it.
    pub const KEPT: i16 = 0;
    /// A person has to look.
    pub const OPEN: i16 = 1;
    /// A person has looked: it is so.
    pub const CONFIRMED: i16 = 2;
    /// It was wrong; what it did is undone.
    pub const TAKEN_BACK: i16 = 3;
}

/// A file that fits its manifest.
#[derive(Debug, Clone)]
pub struct Incoming<'a> {
    /// Whose.
    pub source: &'a str,
    /// Which flow.
    pub flow: &'a str,
    /// Name: the same name is the same file.
    pub name: &'a str,
    /// For which day.
    pub day: NaiveDate,
    /// Hex SM3.
    pub sm3: &'a str,
    /// Control sum.
    pub control: i64,
    /// Type of the facts, and version of their schema.
    pub fact_type: &'a str,
    /// Version of the schema.
    pub version: i16,
    /// The instant for which the rows vouch.
    pub as_of: DateTime<Utc>,
    /// Until when they are good; none where only an event ends them.
    pub valid_until: Option<DateTime<Utc>>,
    /// Subject, value and digest of each row.
    pub rows: Vec<(String, Value, String)>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub file_id: i64,
    /// Rows about our customers.
    pub known: i32,
    /// It was taken before: nothing changed.
    pub repeated: bool,
}

/// Takes a file: facts and signals of our customers, and what a death brings at once.
///
/// # Errors
/// `E-BATCH-02` for another file of a name that was taken.
pub async fn take(office: &Office, file: &Incoming<'_>) -> Result<Receipt> {
    let mut tx = office.pool.begin().await?;
    // One file of a name at a time: the second meets what the first has kept.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('batch:' || $1 || ':' || $2))")
        .bind(file.source)
        .bind(file.name)
        .execute(&mut *tx)
        .await?;
    let before: Option<(i64, String, i32)> = sqlx::query_as(
        "SELECT file_id, sm3, known_rows FROM batch_file WHERE centre_id = $1 AND source = $2 AND name = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(file.source)
    .bind(file.name)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((file_id, sm3, known)) = before {
        if sm3 != file.sm3 {
            let detail = format!("{} 已经收过，内容不同。请换一个文件名再送。", file.name);
            return Err(Refusal::rule("E-BATCH-02", detail).into());
        }
        return Ok(Receipt {
            file_id,
            known,
            repeated: true,
        });
    }
    let owners = owners(office, &mut tx, file).await?;
    let rows: Vec<(i64, &(String, Value, String))> = file
        .rows
        .iter()
        .filter_map(|row| owners.get(&row.0).map(|owner| (*owner, row)))
        .collect();
    let facts = facts(file, &rows);
    let mut fact_ids = Vec::with_capacity(rows.len());
    for (facts, rows) in facts.chunks(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
        let kept: Vec<Kept<'_>> = facts
            .iter()
            .zip(rows)
            .map(|(fact, (_, row))| Kept {
                fact,
                subject_key: &row.0,
                other_keys: "",
                version: file.version,
                source_ref: file.name,
                fetched_at: office.now(),
                case_no: "",
            })
            .collect();
        fact_ids.extend(fact::keep_on(office, &mut tx, &kept).await?);
    }
    let known = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let file_id = keep(office, &mut tx, file, file_state::TAKEN, known, "").await?;
    let open = if file.flow == DEATHS {
        signal_state::OPEN
    } else {
        signal_state::KEPT
    };
    let signal_ids = office.ids.take(rows.len()).await?;
    sqlx::query(
        "INSERT INTO batch_signal (centre_id, signal_id, file_id, flow, owner_id, fact_id, at, state)
         SELECT $1, t.signal_id, $2, $3, t.owner_id, t.fact_id, $5, $6
           FROM unnest($4::bigint[], $7::bigint[], $8::bigint[]) AS t (signal_id, owner_id, fact_id)",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(file.flow)
    .bind(&signal_ids)
    .bind(office.now())
    .bind(open)
    .bind(rows.iter().map(|(owner, _)| *owner).collect::<Vec<i64>>())
    .bind(&fact_ids)
    .execute(&mut *tx)
    .await?;
    if file.flow == DEATHS {
        for (signal_id, (person_id, row)) in signal_ids.iter().zip(&rows) {
            if row.1["dead"] == true {
                death::lock(office, &mut tx, *signal_id, *person_id).await?;
            } else {
                death::nothing_to_do(office, &mut tx, *signal_id).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(Receipt {
        file_id,
        known,
        repeated: false,
    })
}

/// Keeps that a file was refused whole, and why. What stood before stands.
pub async fn refuse(office: &Office, file: &Incoming<'_>, reason: &str) -> Result<i64> {
    let mut conn = office.pool.acquire().await?;
    keep(office, &mut conn, file, file_state::REFUSED, 0, reason).await
}

async fn keep(
    office: &Office,
    conn: &mut PgConnection,
    file: &Incoming<'_>,
    state: i16,
    known: i32,
    reason: &str,
) -> Result<i64> {
    let file_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO batch_file (centre_id, file_id, source, flow, name, day, sm3, rows, known_rows, control, state, reason, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(file.source)
    .bind(file.flow)
    .bind(file.name)
    .bind(file.day)
    .bind(file.sm3)
    .bind(i32::try_from(file.rows.len()).unwrap_or(i32::MAX))
    .bind(known)
    .bind(file.control)
    .bind(state)
    .bind(reason)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(file_id)
}

/// Our customers among the subjects of a file.
async fn owners(
    office: &Office,
    conn: &mut PgConnection,
    file: &Incoming<'_>,
) -> Result<HashMap<String, i64>> {
    let mut owners = HashMap::new();
    for part in file.rows.chunks(AT_ONCE) {
        if file.flow == STATUS {
            let codes: Vec<&str> = part.iter().map(|row| row.0.as_str()).collect();
            let found: Vec<(String, i64)> = sqlx::query_as(
                "SELECT uscc, employer_id FROM employer WHERE centre_id = $1 AND uscc = ANY ($2)",
            )
            .bind(office.centre.id)
            .bind(codes)
            .fetch_all(&mut *conn)
            .await?;
            owners.extend(found);
            continue;
        }
        let mut subjects: Vec<(Vec<u8>, &str)> = Vec::with_capacity(part.len());
        for (subject, _, _) in part {
            let index = office.vault.blind_index(purpose::ID, subject);
            subjects.extend(
                index
                    .any()
                    .into_iter()
                    .map(|index| (index, subject.as_str())),
            );
        }
        let found: Vec<(Vec<u8>, i64)> = sqlx::query_as(
            "SELECT id_index, coalesce(merged_into, person_id) FROM person WHERE centre_id = $1 AND id_index = ANY ($2)",
        )
        .bind(office.centre.id)
        .bind(subjects.iter().map(|(index, _)| index.as_slice()).collect::<Vec<&[u8]>>())
        .fetch_all(&mut *conn)
        .await?;
        let by_index: HashMap<&[u8], &str> = subjects
            .iter()
            .map(|(index, subject)| (index.as_slice(), *subject))
            .collect();
        for (index, person_id) in &found {
            if let Some(subject) = by_index.get(index.as_slice()) {
                owners.insert((*subject).to_owned(), *person_id);
            }
        }
    }
    Ok(owners)
}

fn facts(file: &Incoming<'_>, rows: &[(i64, &(String, Value, String))]) -> Vec<Fact> {
    let (role, shown) = if file.flow == STATUS {
        ("employer", "单位")
    } else {
        ("applicant", "本人")
    };
    rows.iter()
        .map(|(_, row)| Fact {
            fact_id: None,
            fact_type: file.fact_type.to_owned(),
            role: role.to_owned(),
            subject: shown.to_owned(),
            state: FactState::Known,
            value: row.1.clone(),
            source: file.source.to_owned(),
            assurance: Assurance::Authoritative,
            as_of: file.as_of,
            valid_until: file.valid_until,
            digest: row.2.clone(),
        })
        .collect()
}

/// A file as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Filed {
    /// Its number.
    pub file_id: i64,
    /// Whose.
    pub source: String,
    /// Which flow.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// For which day.
    pub day: NaiveDate,
    /// Rows.
    pub rows: i32,
    /// Rows about our customers.
    pub known_rows: i32,
    /// See [`file_state`].
    pub state: i16,
    /// Why it was refused.
    pub reason: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// The newest files of a source.
pub async fn of_source(office: &Office, source: &str, limit: i64) -> Result<Vec<Filed>> {
    Ok(sqlx::query_as(
        "SELECT file_id, source, flow, name, day, rows, known_rows, state, reason, received_at
           FROM batch_file WHERE centre_id = $1 AND source = $2 ORDER BY file_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The newest day of each flow for which a file was taken, and whether any file ever came.
pub async fn newest_days(
    office: &Office,
    flows: &[String],
) -> Result<HashMap<String, Option<NaiveDate>>> {
    let found: Vec<(String, Option<NaiveDate>, bool)> = sqlx::query_as(
        "SELECT w.flow,
                (SELECT max(f.day) FROM batch_file f WHERE f.centre_id = $1 AND f.flow = w.flow AND f.state = 1),
                EXISTS (SELECT FROM batch_file f WHERE f.centre_id = $1 AND f.flow = w.flow)
           FROM unnest($2::text[]) AS w (flow)",
    )
    .bind(office.centre.id)
    .bind(flows)
    .fetch_all(&office.pool)
    .await?;
    Ok(found
        .into_iter()
        .filter(|(_, _, ever)| *ever)
        .map(|(flow, day, _)| (flow, day))
        .collect())
}

/// Customers of whom a flow has spoken, newest first: who retired, who left his work. For finding those entitled to something.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Signal {
    /// Number.
    pub signal_id: i64,
    /// Person, or employer.
    pub owner_id: i64,
    /// The fact that says it.
    pub fact_id: i64,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// See [`Signal`].
pub async fn signals(
    office: &Office,
    flow: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Signal>> {
    Ok(sqlx::query_as(
        "SELECT signal_id, owner_id, fact_id, at FROM batch_signal
          WHERE centre_id = $1 AND flow = $2 AND ($3::bigint IS NULL OR signal_id < $3) AND state <> 3
          ORDER BY signal_id DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(flow)
    .bind(before)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
