//! How long an employer's clerk worked on a case (用时, organisation.md §2). What is measured: the active time of his session from its first
//! screen, or from the submission before, to this submission; a gap of more than ten minutes counts nothing. A session notes its use at most
//! once a minute, so that a gap is known to the minute.

use anju_domain::calendar::Month;

use crate::{Office, Result, session::audience};

/// Gives the session's time to a case that its clerk has just submitted, and begins to count anew.
pub async fn note(office: &Office, clerk_id: i64, case_id: i64) -> Result<()> {
    let now = office.now();
    sqlx::query(
        "WITH here AS (
             SELECT token_hash,
                    work_seconds + CASE WHEN $5 - seen_at <= interval '10 minutes' AND $5 > seen_at
                                        THEN extract(epoch FROM $5 - seen_at)::integer ELSE 0 END AS seconds
               FROM session
              WHERE centre_id = $1 AND audience = ANY ($4) AND subject_id = $2 AND ended_at IS NULL AND expires_at > $5
              ORDER BY seen_at DESC LIMIT 1),
         begun AS (
             UPDATE session s SET work_seconds = 0, seen_at = greatest(seen_at, $5) FROM here WHERE s.token_hash = here.token_hash)
         INSERT INTO employer_time (centre_id, employer_id, month, case_id, branch_id, seconds)
         SELECT c.centre_id, c.applicant_id, $6, c.case_id, c.branch_id, here.seconds
           FROM business_case c, here WHERE c.centre_id = $1 AND c.case_id = $3
             ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .bind(case_id)
    .bind([audience::CLERK, audience::HOLDER])
    .bind(now)
    .bind(Month::of(office.today()).index())
    .execute(&office.pool)
    .await?;
    Ok(())
}
