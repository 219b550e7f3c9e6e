//! Proofs of a case: each of its steps is a leaf of the evidence log, and its record is drawn again from the step's row.

use super::row::{CaseEvent, events};
use super::{event_record, legs};
use crate::leaf::kind;
use crate::log::{self, Proof};
use crate::{Office, Refusal, Result, leaf};

/// The record that a step's leaf commits to.
fn record(office: &Office, case_id: i64, event: &CaseEvent) -> serde_json::Value {
    let steps: Vec<&str> = event.steps.iter().map(String::as_str).collect();
    let detail = legs::thick(event.detail.clone().unwrap_or_default());
    event_record(office, case_id, event.seq, event.at, &steps, &detail)
}

/// The proof of a case's step; of its last one where none is named.
///
/// # Errors
/// 404 for a step that is not there, or that was taken before there was a log.
pub async fn proof(office: &Office, case_id: i64, seq: Option<i16>) -> Result<Proof> {
    let events = events(office, case_id).await?;
    let event = match seq {
        None => events.last(),
        Some(seq) => events.iter().find(|event| event.seq == seq),
    };
    let event = event.ok_or_else(|| Refusal::not_found("这个办件或它的这一步"))?;
    let found = async || log::leaf_of(office, kind::CASE, case_id, event.seq).await;
    let leaf = match found().await? {
        Some(leaf) => leaf,
        None => match log::waiting_or_none(office, case_id).await {
            Ok(waits) => return Ok(waits),
            // It may have been sealed between the two questions.
            Err(absent) => found().await?.ok_or(absent)?,
        },
    };
    log::prove(office, &leaf, record(office, case_id, event), None).await
}

/// Steps that are read at once.
const PAGE: i64 = 5_000;

#[derive(sqlx::FromRow)]
struct Step {
    leaf_index: i64,
    entry: Vec<u8>,
    salt: Vec<u8>,
    case_id: i64,
    #[sqlx(flatten)]
    event: CaseEvent,
}

/// Steps of cases whose rows are no longer what their leaves commit to, one line each; for `anju audit`.
///
/// # Errors
/// The database; a record without a canonical form.
pub async fn audit_proofs(office: &Office) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    let mut after = -1_i64;
    loop {
        let steps: Vec<Step> = sqlx::query_as(
            "SELECT l.leaf_index, l.entry, l.salt, e.case_id, e.at, e.actor_id, e.seq, e.steps, e.detail
               FROM evidence_leaf l
               JOIN case_event e ON e.centre_id = l.centre_id AND e.case_id = l.ref_id AND e.seq = l.seq
              WHERE l.centre_id = $1 AND l.kind = $4 AND l.leaf_index > $2
              ORDER BY l.leaf_index LIMIT $3",
        )
        .bind(office.centre.id)
        .bind(after)
        .bind(PAGE)
        .bind(kind::CASE)
        .fetch_all(&office.pool)
        .await?;
        let Some(last) = steps.last() else {
            return Ok(breaches);
        };
        after = last.leaf_index;
        for step in &steps {
            let holds = leaf::commits_to(
                &step.entry,
                &step.salt,
                &record(office, step.case_id, &step.event),
            );
            if !holds {
                breaches.push(format!(
                    "第 {} 片叶子：办件 {} 的第 {} 步被改动过",
                    step.leaf_index,
                    super::number(office, step.case_id),
                    step.event.seq
                ));
            }
        }
    }
}
