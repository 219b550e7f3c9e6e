//! Cases whose service checks and executes in its own transaction (a remittance): the same rows, events and evidence.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::add_event;
use super::row::CaseState;
use super::submit::Submission;
use crate::{Actor, Fault, Office, Result, books};

/// A case that begins in `executing`.
pub struct Begun<'a> {
    /// Identifier.
    pub case_id: i64,
    /// Service.
    pub service: &'a str,
    /// One live case for one wish.
    pub wish: &'a str,
    /// Person or employer.
    pub applicant_id: i64,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Channel.
    pub channel: &'a str,
    /// Fen; none where no money is meant.
    pub amount_fen: Option<i64>,
    /// Latest time.
    pub promised_at: DateTime<Utc>,
    /// Form, without personal values.
    pub form: Value,
    /// Numbers of its first event.
    pub detail: Value,
}

/// Opens a case that is already executing, in the caller's transaction.
pub async fn begin_executing(
    office: &Office,
    conn: &mut PgConnection,
    begun: Begun<'_>,
    actor: Actor,
) -> Result<()> {
    const STEPS: [&str; 4] = ["submitted", "decided", "approved", "executing"];
    begin_at(office, conn, CaseState::Executing, &STEPS, begun, actor).await
}

/// Opens a case in a state, in the caller's transaction.
pub async fn begin_at(
    office: &Office,
    conn: &mut PgConnection,
    state: CaseState,
    steps: &[&str],
    begun: Begun<'_>,
    actor: Actor,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO business_case (case_id, applicant_id, amount_fen, submitted_at, promised_at, branch_id, policy_id, centre_id,
                                    state, service, wish, channel, form, served_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $13, $9, $10, $11, $12, $14)",
    )
    .bind(begun.case_id)
    .bind(begun.applicant_id)
    .bind(begun.amount_fen)
    .bind(office.now())
    .bind(begun.promised_at)
    .bind(begun.branch_id)
    .bind(office.policy().id)
    .bind(office.centre.id)
    .bind(begun.service)
    .bind(begun.wish)
    .bind(begun.channel)
    .bind(begun.form)
    .bind(state as i16)
    .bind(match actor {
        Actor::Staff(teller) => Some(teller),
        _ => None,
    })
    .execute(&mut *conn)
    .await?;
    add_event(office, conn, begun.case_id, actor, steps, begun.detail).await
}

/// Moves a case whose service keeps its finer state, in the caller's transaction, which holds what guards it: to another state, or
/// only on its way inside the same one.
pub async fn step(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    to: CaseState,
    steps: &[&str],
    detail: Value,
    actor: Actor,
) -> Result<()> {
    sqlx::query("UPDATE business_case SET state = $3, version = version + 1 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case_id)
        .bind(to as i16)
        .execute(&mut *conn)
        .await?;
    add_event(office, conn, case_id, actor, steps, detail).await
}

/// A case that is done in the transaction that begins it.
pub struct AtOnce<'a> {
    /// One live case for one wish; this one never waits, so that it only has to differ.
    pub wish: &'a str,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Form, without personal values.
    pub form: Value,
    /// Numbers of its first event.
    pub begun: Value,
    /// What was done, e.g. `changed`.
    pub step: &'a str,
    /// Numbers of its last event.
    pub done: Value,
}

/// Remembers the submission's key, opens its case and ends it, in the caller's transaction.
///
/// # Errors
/// The key came before.
pub async fn at_once(
    office: &Office,
    conn: &mut PgConnection,
    submission: &Submission,
    case: AtOnce<'_>,
) -> Result<()> {
    let request = &submission.request;
    books::remember(
        office,
        conn,
        submission.key,
        submission.digest,
        submission.case_id,
    )
    .await?;
    let begun = Begun {
        case_id: submission.case_id,
        service: &request.service,
        wish: case.wish,
        applicant_id: request.applicant_id,
        branch_id: case.branch_id,
        channel: &request.channel,
        amount_fen: None,
        promised_at: submission.promised_at,
        form: case.form,
        detail: case.begun,
    };
    begin_executing(office, conn, begun, submission.actor).await?;
    end_executing(
        office,
        conn,
        submission.case_id,
        CaseState::Done,
        &[case.step, "done"],
        case.done,
        submission.actor,
    )
    .await
}

/// A case that waits for a second person before anything is done.
pub struct ToReview<'a> {
    /// One live case for one wish.
    pub wish: &'a str,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Form; personal values are sealed ([`super::sealed_text`]).
    pub form: Value,
    /// Numbers of its first event.
    pub detail: Value,
}

/// Remembers the submission's key and opens its case for a reviewer, in the caller's transaction.
///
/// # Errors
/// The key came before, or the same wish is alive.
pub async fn begin_reviewing(
    office: &Office,
    conn: &mut PgConnection,
    submission: &Submission,
    case: ToReview<'_>,
) -> Result<()> {
    let request = &submission.request;
    let (key, digest) = (submission.key, submission.digest);
    books::remember(office, conn, key, digest, submission.case_id).await?;
    sqlx::query(
        "INSERT INTO business_case (case_id, applicant_id, submitted_at, promised_at, branch_id, served_by, policy_id, centre_id,
                                    state, service, wish, channel, form)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 4, $9, $10, $11, $12)",
    )
    .bind(submission.case_id)
    .bind(request.applicant_id)
    .bind(submission.tapped_at)
    .bind(submission.promised_at)
    .bind(case.branch_id)
    .bind(submission.served_by)
    .bind(office.policy().id)
    .bind(office.centre.id)
    .bind(&request.service)
    .bind(case.wish)
    .bind(&request.channel)
    .bind(case.form)
    .execute(&mut *conn)
    .await?;
    add_event(
        office,
        conn,
        submission.case_id,
        submission.actor,
        &["submitted", "reviewing"],
        case.detail,
    )
    .await
}

/// Ends a case that was executing, in the caller's transaction.
pub async fn end_executing(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    to: CaseState,
    steps: &[&str],
    detail: Value,
    actor: Actor,
) -> Result<()> {
    let ended = sqlx::query(
        "UPDATE business_case SET state = $3, version = version + 1 WHERE centre_id = $1 AND case_id = $2 AND state = 5",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(to as i16)
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() != 1 {
        return Err(Fault::Stored("a case that should be executing is not".to_owned()).into());
    }
    add_event(office, conn, case_id, actor, steps, detail).await
}
