//! Proofs of a case: each of its steps is a leaf of the evidence log, and its record is drawn again from the step's row.

use std::collections::HashMap;

use rayon::prelude::*;
use serde_json::Value;

use super::row::{CaseEvent, events};
use super::{event_record, legs};
use crate::findings::Findings;
use crate::leaf::kind;
use crate::log::audit::{Leaf, differs};
use crate::log::{self, Proof};
use crate::{Office, Refusal, Result, leaf};

/// The record of a step as its leaf commits to it, and whether it does. A leaf from before who did a step stood in its record commits to the
/// same without him, and is drawn so where the one with him does not fit: no leaf can be brought to fit both.
fn record(
    office: &Office,
    case_id: i64,
    event: &CaseEvent,
    fits: impl Fn(&Value) -> bool,
) -> (Value, bool) {
    let steps: Vec<&str> = event.steps.iter().map(String::as_str).collect();
    let detail = legs::thick(event.detail.clone().unwrap_or_default());
    let (at, actor_id) = (event.at, event.actor_id);
    let record = event_record(office, case_id, actor_id, event.seq, at, &steps, &detail);
    let without_actor = |record: &mut Value| {
        record
            .as_object_mut()
            .map(|members| members.remove("actor"));
    };
    leaf::as_sealed(record, without_actor, fits)
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
    let fits = |record: &Value| leaf::commits_to(&leaf.entry, &leaf.salt, record);
    let (record, _) = record(office, case_id, event, fits);
    log::prove(office, &leaf, record, None).await
}

#[derive(sqlx::FromRow)]
struct Step {
    case_id: i64,
    #[sqlx(flatten)]
    event: CaseEvent,
}

/// These leaves of cases, each against the step from which its record is drawn; for `anju audit`.
///
/// # Errors
/// The database.
pub async fn audit_leaves(
    office: &Office,
    leaves: &[&Leaf],
    findings: &mut Findings,
) -> Result<()> {
    let (cases, seqs): (Vec<i64>, Vec<i16>) =
        leaves.iter().map(|leaf| (leaf.ref_id, leaf.seq)).unzip();
    let steps: Vec<Step> = sqlx::query_as(
        "SELECT e.case_id, e.at, e.actor_id, e.seq, e.steps, e.detail
           FROM unnest($2::bigint[], $3::smallint[]) AS l (case_id, seq)
           JOIN case_event e ON e.centre_id = $1 AND e.case_id = l.case_id AND e.seq = l.seq",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .bind(&seqs)
    .fetch_all(&office.pool)
    .await?;
    let steps: HashMap<(i64, i16), CaseEvent> = steps
        .into_iter()
        .map(|step| ((step.case_id, step.event.seq), step.event))
        .collect();
    // Drawing and hashing is what takes the time: on all cores.
    let compared: Vec<Option<bool>> = leaves
        .par_iter()
        .map(|leaf| {
            let event = steps.get(&(leaf.ref_id, leaf.seq))?;
            let fits = |record: &Value| leaf::commits_to(&leaf.entry, &leaf.salt, record);
            Some(record(office, leaf.ref_id, event, fits).1)
        })
        .collect();
    for (leaf, holds) in leaves.iter().zip(compared) {
        if holds != Some(true) {
            let place = format!(
                "办件 {} 的第 {} 步",
                super::number(office, leaf.ref_id),
                leaf.seq
            );
            differs(leaf, place, holds, findings);
        }
    }
    Ok(())
}
