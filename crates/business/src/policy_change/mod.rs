//! The life of a policy change (政策变更): drafted from the version in force, simulated over the population, proposed with its day,
//! approved by a second person, in force on that day without a restart. Past decisions stay with the version that they name.
//!
//! Invariant: what is approved is, digest for digest, what was simulated; nobody who worked on a change approves it; every step is a row
//! with an evidence leaf in the transaction that makes it. Read `draft.rs`, `simulation.rs`, `approval.rs`, `follow.rs` in this order.

pub mod approval;
pub mod draft;
pub mod follow;
pub mod levy;
pub mod notice;
mod reach;
pub mod result;
pub mod simulation;
pub mod workbook;

use anju_casework::findings::Findings;
use anju_casework::log::audit::{Leaf, Step, step_leaves};
use anju_casework::staff::{Staff, role};
use anju_casework::{Actor, Fault, Office, Refusal, Result};
use anju_casework::{case, leaf};
use anju_policy::compare::Difference;
use anju_policy::{Mistake, PolicyFiles};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

/// States of a change.
pub mod state {
    /// 起草: may be edited and simulated.
    pub const DRAFT: i16 = 1;
    /// 待复核.
    pub const PROPOSED: i16 = 2;
    /// 已批准, waits for its day.
    pub const APPROVED: i16 = 3;
    /// 施行.
    pub const IN_FORCE: i16 = 4;
    /// 已撤回.
    pub const WITHDRAWN: i16 = 5;
    /// 已被后来的变更取代.
    pub const SUPERSEDED: i16 = 6;
}

/// A change as it stands, without its texts.
#[derive(Debug, Clone, FromRow)]
pub struct Change {
    /// Identifier.
    pub change_id: i64,
    /// What it is about.
    pub title: String,
    /// The version from which it was drafted.
    pub base_id: i32,
    /// Of all its files.
    pub digest: String,
    /// Mistakes that the loader found.
    pub faults: Json<Vec<Mistake>>,
    /// Before and after.
    pub differences: Json<Vec<Difference>>,
    /// See [`state`].
    pub state: i16,
    /// Guard of a write.
    pub revision: i32,
    /// 公告; empty until it was drafted.
    pub notice: String,
    /// From when.
    pub effective_on: Option<NaiveDate>,
    /// Who worked on it.
    pub makers: Vec<i64>,
    /// Begun.
    pub made_at: DateTime<Utc>,
    /// The second person.
    pub checker_id: Option<i64>,
    /// When.
    pub checked_at: Option<DateTime<Utc>>,
    /// The version that it became.
    pub policy_id: Option<i32>,
}

impl Change {
    /// Who worked on it last.
    pub fn maker_id(&self) -> i64 {
        self.makers.last().copied().unwrap_or_default()
    }
}

/// Public number of a change.
pub fn number(office: &Office, change_id: i64) -> String {
    office.numbers.encode(NumberKind::Case, change_id)
}

/// The change behind a public number.
pub fn of_number(office: &Office, number: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Case, number)
}

/// Changes, the newest first.
pub async fn page(office: &Office, before: Option<i64>, limit: i64) -> Result<Vec<Change>> {
    Ok(sqlx::query_as(
        "SELECT change_id, title, base_id, digest, faults, differences, state, revision, notice, effective_on, makers, made_at,
                checker_id, checked_at, policy_id
           FROM policy_change WHERE centre_id = $1 AND change_id < $2 ORDER BY change_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// A change.
pub async fn find(office: &Office, change_id: i64) -> Result<Option<Change>> {
    Ok(sqlx::query_as(
        "SELECT change_id, title, base_id, digest, faults, differences, state, revision, notice, effective_on, makers, made_at,
                checker_id, checked_at, policy_id
           FROM policy_change WHERE centre_id = $1 AND change_id = $2",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// A change that must be there.
pub async fn require(office: &Office, change_id: i64) -> Result<Change> {
    find(office, change_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这项政策变更").into())
}

/// Its steps, the oldest first: some ten, of `drafted`, `edited`, `simulated`, `proposed`, `approved`, `sent_back`, `withdrawn`, `in_force`.
pub async fn steps(office: &Office, change_id: i64) -> Result<Vec<Step>> {
    Ok(sqlx::query_as(
        "SELECT seq, at, actor_id, step, detail FROM policy_change_step
          WHERE centre_id = $1 AND change_id = $2 ORDER BY seq LIMIT 1000",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .fetch_all(&office.pool)
    .await?)
}

/// All files of a change: its own in place of those of its base.
pub async fn files(office: &Office, change: &Change) -> Result<PolicyFiles> {
    let mut files =
        anju_casework::policy_force::files(&office.pool, office.centre.id, change.base_id).await?;
    let Json(own): Json<std::collections::BTreeMap<String, String>> = sqlx::query_scalar(
        "SELECT files FROM policy_change WHERE centre_id = $1 AND change_id = $2",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .fetch_one(&office.pool)
    .await?;
    files.files.extend(own);
    Ok(files)
}

/// The files of its base.
pub async fn base_files(office: &Office, change: &Change) -> Result<PolicyFiles> {
    anju_casework::policy_force::files(&office.pool, office.centre.id, change.base_id).await
}

/// The record that a step's evidence commits to; it can be drawn again from its row.
fn record(office: &Office, change_id: i64, step: &Step) -> Value {
    json!({
        "kind": "policy",
        "change": number(office, change_id),
        "seq": step.seq,
        "at": anju_domain::clock::rfc3339_millis(step.at),
        "actor": case::actor_told(office, step.actor_id),
        "step": step.step,
        "detail": step.detail,
    })
}

/// The proof of a step.
///
/// # Errors
/// 404 without such a step or evidence.
pub async fn proof(office: &Office, change_id: i64, seq: i16) -> Result<anju_casework::log::Proof> {
    use anju_casework::log;
    let step = steps(office, change_id)
        .await?
        .into_iter()
        .find(|step| step.seq == seq)
        .ok_or_else(|| Refusal::not_found("这一步"))?;
    match log::leaf_of(office, leaf::kind::POLICY, change_id, seq).await? {
        Some(leaf) => {
            let record = step.committed(&leaf.entry, &leaf.salt, record(office, change_id, &step));
            log::prove(office, &leaf, record, None).await
        }
        None => log::waiting_or_none(office, change_id).await,
    }
}

/// These leaves, each against the step from which its record is drawn; for `anju audit`.
///
/// # Errors
/// The database.
pub async fn audit_leaves(
    office: &Office,
    leaves: &[&Leaf],
    findings: &mut Findings,
) -> Result<()> {
    let place = |id| format!("政策变更 {}", number(office, id));
    step_leaves(
        office,
        leaves,
        "SELECT change_id AS ref_id, seq, at, actor_id, step, detail FROM policy_change_step WHERE centre_id = $1 AND change_id = ANY ($2)",
        place,
        |id, step| record(office, id, step),
        findings,
    )
    .await
}

/// Adds a step with its leaf to the transaction that makes it.
async fn add_step(
    office: &Office,
    conn: &mut PgConnection,
    change_id: i64,
    actor: Actor,
    step: &str,
    detail: Value,
) -> Result<()> {
    let seq: i16 = sqlx::query_scalar(
        "SELECT coalesce(max(seq), 0)::smallint + 1::smallint FROM policy_change_step WHERE centre_id = $1 AND change_id = $2",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .fetch_one(&mut *conn)
    .await?;
    let step = Step {
        seq,
        at: office.now(),
        actor_id: actor.id(),
        step: step.to_owned(),
        detail,
    };
    let entry = leaf::commit(&record(office, change_id, &step))?;
    sqlx::query(
        "INSERT INTO policy_change_step (centre_id, change_id, seq, at, actor_id, step, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .bind(seq)
    .bind(step.at)
    .bind(step.actor_id)
    .bind(&step.step)
    .bind(&step.detail)
    .execute(&mut *conn)
    .await?;
    leaf::add_step(office, conn, leaf::kind::POLICY, change_id, seq, &entry).await
}

/// Only a policy officer works on the rules.
fn officer(hand: &Staff) -> Result<()> {
    if hand.is(role::POLICY_OFFICER) {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "E-POL-01",
        "政策变更由政策岗起草、另一位政策岗复核，您没有这个岗位，请由有岗位的人办理。",
    )
    .into())
}

/// Somebody else was faster.
fn moved_on() -> Refusal {
    Refusal::new(
        409,
        "E-POL-02",
        "这项变更刚刚被别人改过，请重新打开页面看现在的样子。",
    )
}

/// What a change in this state does not allow.
fn wrong_state(change: &Change, wish: &str) -> Refusal {
    let stands = match change.state {
        state::DRAFT => "还在起草",
        state::PROPOSED => "正在等第二人复核",
        state::APPROVED => "已经批准，等待施行",
        state::IN_FORCE => "已经施行",
        state::WITHDRAWN => "已经撤回",
        _ => "已被后来的变更取代",
    };
    Refusal::new(
        409,
        "E-POL-03",
        format!("这项变更{stands}，不能{wish}，请刷新页面看它现在的状态。"),
    )
}

fn fault(error: anju_policy::PolicyError) -> anju_casework::Error {
    Fault::Policy(error.to_string()).into()
}
