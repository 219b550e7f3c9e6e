//! A reviewer's word (复核) about a case that the rules sent to a person. Who served a case is not its reviewer.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::decide::{Decided, Verdict, execute};
use super::row::{Case, CaseState};
use super::{add_event, hold};
use crate::{Actor, Office, Refusal, Result, outbox};

/// A reviewer approves what the rules sent to a person. Who served the case may not be its reviewer.
pub async fn approve_by_hand(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    decided: &Decided<'_>,
    reviewer: i64,
    reason: &str,
) -> Result<Verdict> {
    may_review(case, reviewer)?;
    let service = office.catalogue.find(&case.service)?;
    if service.needs_two(office, decided.request, decided.facts)? {
        match first_yes(office, case).await? {
            None => return first_of_two(office, conn, case, decided, reviewer, reason).await,
            Some(first) if first == reviewer => return Err(own_work().into()),
            Some(_) => {}
        }
    }
    execute(
        office,
        conn,
        case,
        decided,
        Actor::System,
        Some((reviewer, reason)),
    )
    .await
}

/// Event of the first of two yeses.
const FIRST_YES: &str = "first_approved";

/// Who said the first yes, where it was said.
pub async fn first_yes(office: &Office, case: &Case) -> Result<Option<i64>> {
    Ok(super::events(office, case.case_id)
        .await?
        .iter()
        .rev()
        .find(|event| event.steps.iter().any(|step| step == FIRST_YES))
        .map(|event| event.actor_id))
}

/// The first of two yeses: the case goes on waiting, now for the other reviewer.
async fn first_of_two(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    decided: &Decided<'_>,
    reviewer: i64,
    reason: &str,
) -> Result<Verdict> {
    let mut tx = conn.begin().await?;
    let moved = sqlx::query(
        "UPDATE business_case SET version = version + 1 WHERE centre_id = $1 AND case_id = $2 AND version = $3 AND state = 4",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(case.version)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Verdict::Again);
    }
    let detail = json!({ "reason": reason, "policy": decided.decision.policy.digest });
    add_event(
        office,
        &mut tx,
        case.case_id,
        Actor::Staff(reviewer),
        &[FIRST_YES],
        detail,
    )
    .await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(Verdict::Moved(CaseState::Reviewing))
}

/// A reviewer refuses, with reasons.
pub async fn refuse_by_hand(
    office: &Office,
    case: &Case,
    reviewer: i64,
    reason: &str,
) -> Result<()> {
    may_review(case, reviewer)?;
    let mut tx = office.pool.begin().await?;
    let moved = sqlx::query(
        "UPDATE business_case
            SET state = 7, decision = coalesce(decision, '{}'::jsonb) || jsonb_build_object('by_hand', $4::text),
                next_try_at = NULL, version = version + 1
          WHERE centre_id = $1 AND case_id = $2 AND version = $3 AND state = 4",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(case.version)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(moved_on().into());
    }
    add_event(
        office,
        &mut tx,
        case.case_id,
        Actor::Staff(reviewer),
        &["refused"],
        json!({ "reason": reason }),
    )
    .await?;
    outbox::sms(office, &mut tx, case.case_id, "refused").await?;
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(())
}

/// Whether this member of staff may review a case now.
///
/// # Errors
/// 403 `E-CHECK-01` for who served it, 409 `E-CHECK-02` where it does not wait for a reviewer, 409 `E-HOLD-01` while it is held.
pub fn may_review(case: &Case, reviewer: i64) -> Result<()> {
    if case.served_by == Some(reviewer) {
        return Err(own_work().into());
    }
    if case.state() != CaseState::Reviewing {
        return Err(moved_on().into());
    }
    if case.held_since.is_some() {
        return Err(hold::is_held().into());
    }
    Ok(())
}

/// 409: the case moved while somebody looked at it.
pub fn moved_on() -> Refusal {
    Refusal::new(409, "E-CHECK-02", "内容已变，请重新打开核对。")
}

/// 403: nobody checks what he made.
pub fn own_work() -> Refusal {
    Refusal::new(
        403,
        "E-CHECK-01",
        "您是这笔业务的经办人，不能自己复核。已放进复核池。",
    )
}
