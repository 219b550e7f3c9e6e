//! 核查 (HOLD, withdrawal.md §7, §9): a case in review that a pattern of fraud has stopped. Its clock stands still, nobody approves or refuses it
//! and the applicant does not take it back until a reviewer has said that nothing is wrong or that it is fraud, or its days are over.

use anju_policy::{ConditionOutcome, Outcome};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::add_event;
use super::decide::Decided;
use super::review::{moved_on, own_work};
use super::row::{Case, columns};
use crate::{Actor, Fault, Office, Refusal, Result, outbox};

/// Purpose of sealing what a person says to a hold or to an entry of the black list.
pub const STATEMENT: &str = "fraud-statement";

/// What a reviewer says to a case that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong: it is reviewed like any other.
    Clear,
    /// It is fraud: refused.
    Fraud,
}

/// The patterns that a decision has found: what is not met and does not refuse is a suspicion (`suspicion = true`).
pub(super) fn patterns(decided: &Decided<'_>) -> Vec<String> {
    if decided.decision.outcome != Outcome::Review {
        return Vec::new();
    }
    decided
        .decision
        .conditions
        .iter()
        .filter(|found| found.outcome == ConditionOutcome::NotMet)
        .map(|found| found.code.to_owned())
        .collect()
}

/// Holds a case that has just moved to a reviewer, in the transaction that moved it.
pub(super) async fn open(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    decided: &Decided<'_>,
    patterns: &[String],
) -> Result<()> {
    let days = decided
        .policy
        .set
        .int("fraud_hold_days", decided.at.today, &[])
        .map_err(|error| Fault::Policy(error.to_string()))?;
    let until = decided.at.today + chrono::TimeDelta::days(days);
    sqlx::query(
        "UPDATE business_case SET held_since = $3, held_until = $4 WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(office.now())
    .bind(until)
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "patterns": patterns, "until": until });
    add_event(office, tx, case.case_id, Actor::System, &["held"], detail).await?;
    outbox::sms(office, tx, case.case_id, "held").await
}

/// 409: a case that is held waits for what is found.
pub(crate) fn is_held() -> Refusal {
    Refusal::new(
        409,
        "E-HOLD-01",
        "这个办件正在核查，有了结论才能复核或撤回，请留意通知。",
    )
}

/// A reviewer's word about a case that is held, in the caller's transaction: cleared it goes on in review, its clock running again; as
/// fraud it is refused.
///
/// # Errors
/// 403 `E-CHECK-01` for who served it, 409 `E-CHECK-02` where it is not held any more.
pub async fn conclude(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    finding: Finding,
    reviewer: i64,
    reason: &str,
) -> Result<()> {
    if case.served_by == Some(reviewer) {
        return Err(own_work().into());
    }
    let (steps, template): (&[&str], &str) = match finding {
        Finding::Clear => (&["hold_cleared"], "hold_cleared"),
        Finding::Fraud => (&["fraud_found", "refused"], "refused"),
    };
    if !end(office, tx, case.case_id, finding, Some(reason)).await? {
        return Err(moved_on().into());
    }
    let actor = Actor::Staff(reviewer);
    let detail = json!({ "reason": reason });
    add_event(office, tx, case.case_id, actor, steps, detail).await?;
    outbox::sms(office, tx, case.case_id, template).await
}

async fn end(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    finding: Finding,
    reason: Option<&str>,
) -> Result<bool> {
    let ended = sqlx::query(
        "UPDATE business_case
            SET state = CASE WHEN $4 THEN 7 ELSE state END, held_since = NULL, held_until = NULL, version = version + 1,
                promised_at = promised_at + ($3 - held_since),
                decision = CASE WHEN $4 THEN coalesce(decision, '{}'::jsonb) || jsonb_build_object('by_hand', $5::text) ELSE decision END
          WHERE centre_id = $1 AND case_id = $2 AND state = 4 AND held_since IS NOT NULL",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(office.now())
    .bind(finding == Finding::Fraud)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Refuses a case that still waits for its paper or its reviewer, because what was handed in for it is forged (FR-05), in the caller's
/// transaction. False for a case that is over: what was paid by it is asked back.
pub async fn refuse_as_forged(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    staff: i64,
    reason: &str,
) -> Result<bool> {
    let refused = sqlx::query(
        "UPDATE business_case
            SET state = 7, held_since = NULL, held_until = NULL, next_try_at = NULL, paper_since = NULL, paper_until = NULL,
                version = version + 1, decision = coalesce(decision, '{}'::jsonb) || jsonb_build_object('by_hand', $3::text)
          WHERE centre_id = $1 AND case_id = $2 AND state IN (1, 2, 4)",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    if refused.rows_affected() != 1 {
        return Ok(false);
    }
    let detail = json!({ "patterns": ["FR-05"], "reason": reason });
    let steps = ["fraud_found", "refused"];
    add_event(office, tx, case_id, Actor::Staff(staff), &steps, detail).await?;
    outbox::sms(office, tx, case_id, "refused").await?;
    Ok(true)
}

/// Cases that are held, in the order of their promises; of one branch or, with none, of the centre.
pub async fn held(
    office: &Office,
    branch_id: Option<i16>,
    after: Option<(DateTime<Utc>, i64)>,
    limit: i64,
) -> Result<Vec<Case>> {
    let (after_at, after_id) = after.unwrap_or((DateTime::<Utc>::UNIX_EPOCH, 0));
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case
          WHERE centre_id = $1 AND held_since IS NOT NULL AND ($2::smallint IS NULL OR branch_id = $2)
            AND (promised_at, case_id) > ($3, $4)
          ORDER BY promised_at, case_id LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(branch_id)
    .bind(after_at)
    .bind(after_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How many are held, counted up to a thousand.
pub async fn count_held(office: &Office, branch_id: Option<i16>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM business_case
          WHERE centre_id = $1 AND held_since IS NOT NULL AND ($2::smallint IS NULL OR branch_id = $2) LIMIT 1000) AS held",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .fetch_one(&office.pool)
    .await?)
}

/// Cases whose days of being held are over go on in review: nobody is held for ever because nobody decides. How many.
pub async fn lapse(office: &Office, today: NaiveDate) -> Result<u64> {
    let mut lapsed = 0;
    loop {
        let over: Vec<i64> = sqlx::query_scalar(
            "SELECT case_id FROM business_case
              WHERE centre_id = $1 AND held_since IS NOT NULL AND held_until < $2 ORDER BY promised_at, case_id LIMIT 100",
        )
        .bind(office.centre.id)
        .bind(today)
        .fetch_all(&office.pool)
        .await?;
        for case_id in &over {
            let mut tx = office.pool.begin().await?;
            if end(office, &mut tx, *case_id, Finding::Clear, None).await? {
                let steps = ["hold_lapsed"];
                add_event(office, &mut tx, *case_id, Actor::System, &steps, json!({})).await?;
                outbox::sms(office, &mut tx, *case_id, "hold_cleared").await?;
                lapsed += 1;
            }
            tx.commit().await?;
            office.changed_with_messages(*case_id);
        }
        if over.len() < 100 {
            return Ok(lapsed);
        }
    }
}

/// The patterns for which a case was held, as its events tell it.
#[must_use]
pub fn patterns_of(events: &[super::CaseEvent]) -> Vec<String> {
    events
        .iter()
        .rev()
        .find(|event| {
            event
                .steps
                .iter()
                .any(|step| step == "held" || step == "fraud_found")
        })
        .and_then(|event| event.detail.as_ref()?.get("patterns")?.as_array())
        .map(|codes| {
            codes
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default()
}
