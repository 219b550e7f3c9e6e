//! Events of many cases at once, and the end of many: as many statements for a thousand cases as for one.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::event_record;
use super::row::CaseState;
use crate::{Actor, Fault, Office, Result, leaf};

/// Adds the same steps to many cases, each with numbers of its own.
///
/// # Errors
/// When the database fails.
pub async fn add_events(
    office: &Office,
    conn: &mut PgConnection,
    actor: Actor,
    steps: &[&str],
    told: &[(i64, Value)],
) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let at = office.now();
    let cases: Vec<i64> = told.iter().map(|(case_id, _)| *case_id).collect();
    let seqs: Vec<i16> = sqlx::query_scalar(
        "SELECT coalesce(last.seq, 0)::smallint + 1::smallint
           FROM unnest($2::bigint[]) WITH ORDINALITY AS one (case_id, place)
           LEFT JOIN LATERAL (SELECT max(seq) AS seq FROM case_event e
                               WHERE e.centre_id = $1 AND e.case_id = one.case_id) AS last ON true
          ORDER BY one.place",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .fetch_all(&mut *conn)
    .await?;
    let mut details = Vec::with_capacity(told.len());
    let (mut entries, mut salts) = (Vec::new(), Vec::new());
    for ((case_id, detail), seq) in told.iter().zip(&seqs) {
        let leaf = leaf::commit(&event_record(
            office,
            *case_id,
            actor.id(),
            *seq,
            at,
            steps,
            detail,
        ))?;
        entries.push(leaf.entry);
        salts.push(leaf.salt);
        details.push(detail.clone());
    }
    sqlx::query(
        "WITH told AS MATERIALIZED (
             SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::jsonb[], $5::bytea[], $6::bytea[]) AS t (case_id, seq, detail, entry, salt)),
         event AS (
             INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
             SELECT case_id, $7, $8, $1, seq, $9, detail FROM told)
         INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt)
         SELECT case_id, $1, $10, seq, entry, salt FROM told",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .bind(&seqs)
    .bind(&details)
    .bind(&entries)
    .bind(&salts)
    .bind(at)
    .bind(actor.id())
    .bind(steps)
    .bind(leaf::kind::CASE)
    .execute(conn)
    .await?;
    Ok(())
}

/// One of many cases that begin in `executing`.
pub struct BegunOfMany {
    /// Identifier.
    pub case_id: i64,
    /// One live case for one wish.
    pub wish: String,
    /// Person or employer.
    pub applicant_id: i64,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Fen.
    pub amount_fen: i64,
    /// Numbers of its first event.
    pub detail: Value,
}

/// Opens many cases of one service that the centre itself begins, already executing, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn begin_many(
    office: &Office,
    conn: &mut PgConnection,
    service: &str,
    promised_at: DateTime<Utc>,
    begun: &[BegunOfMany],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO business_case (case_id, applicant_id, amount_fen, submitted_at, promised_at, branch_id, policy_id, centre_id,
                                    state, service, wish, channel, form)
         SELECT t.case_id, t.applicant_id, t.amount_fen, $7, $8, t.branch_id, $9, $1, 5, $10, t.wish, 'SYS', '{}'
           FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[])
                AS t (case_id, applicant_id, amount_fen, branch_id, wish)",
    )
    .bind(office.centre.id)
    .bind(begun.iter().map(|one| one.case_id).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.applicant_id).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.amount_fen).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.branch_id).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.wish.as_str()).collect::<Vec<_>>())
    .bind(office.now())
    .bind(promised_at)
    .bind(office.policy().id)
    .bind(service)
    .execute(&mut *conn)
    .await?;
    let told: Vec<(i64, Value)> = begun
        .iter()
        .map(|one| (one.case_id, one.detail.clone()))
        .collect();
    let steps = ["submitted", "decided", "approved", "executing"];
    add_events(office, conn, Actor::System, &steps, &told).await
}

/// Ends many cases that were executing, in the caller's transaction.
///
/// # Errors
/// One of them is not executing.
pub async fn end_many(
    office: &Office,
    conn: &mut PgConnection,
    to: CaseState,
    actor: Actor,
    steps: &[&str],
    told: &[(i64, Value)],
) -> Result<()> {
    let cases: Vec<i64> = told.iter().map(|(case_id, _)| *case_id).collect();
    let ended = sqlx::query(
        "UPDATE business_case SET state = $3, version = version + 1
          WHERE centre_id = $1 AND case_id = ANY ($2) AND state = 5",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .bind(to as i16)
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() != told.len() as u64 {
        return Err(Fault::Stored("a case that should be executing is not".to_owned()).into());
    }
    add_events(office, conn, actor, steps, told).await
}
