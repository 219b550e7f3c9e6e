//! An entry of the black list (失信记录) as the database keeps it: its row, its steps with their evidence, and how entries are listed.

use anju_casework::findings::Findings;
use anju_casework::log::audit::{Leaf, Step, step_leaves};
use anju_casework::log::{self, Proof};
use anju_casework::{Actor, Office, PgConnection, Refusal, Result, case, leaf};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;

/// States.
pub mod state {
    /// 疑似.
    pub const SUSPECT: i16 = 1;
    /// 认定: told, and heard until a day.
    pub const CONFIRMED: i16 = 2;
    /// 限制.
    pub const RESTRICTED: i16 = 3;
    /// 解除.
    pub const RELEASED: i16 = 4;
}

/// Why an entry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Release {
    /// Its term is over.
    Expired = 1,
    /// The money is back and the months of policy have passed.
    Returned = 2,
    /// What the person said was right.
    Objection = 3,
    /// The second person did not confirm it.
    NotConfirmed = 4,
}

/// An entry.
#[derive(Debug, Clone, FromRow)]
pub struct Entry {
    /// Identifier.
    pub entry_id: i64,
    /// Who.
    pub person_id: i64,
    /// Who keeps it.
    pub branch_id: i16,
    /// See [`state`].
    pub state: i16,
    /// A pattern of §9.
    pub ground: String,
    /// What it stands on.
    pub finding: String,
    /// The withdrawal that it came of.
    pub case_id: Option<i64>,
    /// Wrongly paid by it, fen.
    pub owed_fen: i64,
    /// How long it binds.
    pub years: Option<i16>,
    /// Who entered it.
    pub entered_by: i64,
    /// When.
    pub entered_at: DateTime<Utc>,
    /// Who confirmed it.
    pub confirmed_by: Option<i64>,
    /// The last day to be heard before it binds.
    pub heard_until: Option<NaiveDate>,
    /// It binds from.
    pub from_date: Option<NaiveDate>,
    /// It binds until, this day included.
    pub to_date: Option<NaiveDate>,
    /// Released on.
    pub released_on: Option<NaiveDate>,
    /// See [`Release`].
    pub release: Option<i16>,
}

macro_rules! columns {
    () => {
        "entry_id, person_id, branch_id, state, ground, finding, case_id, owed_fen, years, entered_by, entered_at, confirmed_by, \
         heard_until, from_date, to_date, released_on, release"
    };
}

impl Entry {
    /// 疑似失信, 已认定, 限制中, 已解除.
    #[must_use]
    pub const fn state_word(&self) -> &'static str {
        match self.state {
            state::SUSPECT => "疑似失信",
            state::CONFIRMED => "已认定，待生效",
            state::RESTRICTED => "限制中",
            _ => match self.release {
                Some(2) => "已解除：资金退回",
                Some(3) => "已撤销：异议成立",
                Some(4) => "没有认定",
                _ => "已解除：期满",
            },
        }
    }
}

/// Public number of an entry.
#[must_use]
pub fn number(office: &Office, entry_id: i64) -> String {
    office.numbers.encode(NumberKind::Case, entry_id)
}

/// By its public number.
#[must_use]
pub fn of_number(office: &Office, number: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Case, number)
}

/// An entry that must exist.
pub async fn require(office: &Office, entry_id: i64) -> Result<Entry> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM blacklist_entry WHERE centre_id = $1 AND entry_id = $2"
    ))
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这条失信记录").into())
}

/// The same, taken for a change.
pub(super) async fn lock(office: &Office, tx: &mut PgConnection, entry_id: i64) -> Result<Entry> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM blacklist_entry WHERE centre_id = $1 AND entry_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| Refusal::not_found("这条失信记录").into())
}

/// One's own entries that somebody has confirmed, newest first: a suspicion that nobody has confirmed is no entry yet.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM blacklist_entry
          WHERE centre_id = $1 AND person_id = $2 AND confirmed_by IS NOT NULL ORDER BY entry_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Entries in a state, oldest first, a page of them after `after`; of one branch or, with none, of the centre.
pub async fn list(
    office: &Office,
    in_state: i16,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM blacklist_entry
          WHERE centre_id = $1 AND state = $2 AND ($3::smallint IS NULL OR branch_id = $3) AND entry_id > $4
          ORDER BY entry_id LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(in_state)
    .bind(branch_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How many suspicions wait for the second person, counted up to a thousand.
pub async fn count_suspect(office: &Office, branch_id: Option<i16>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM blacklist_entry
          WHERE centre_id = $1 AND state = 1 AND ($2::smallint IS NULL OR branch_id = $2) LIMIT 1000) AS suspect",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .fetch_one(&office.pool)
    .await?)
}

/// Its steps, oldest first.
pub async fn steps(office: &Office, entry_id: i64) -> Result<Vec<Step>> {
    Ok(sqlx::query_as(
        "SELECT seq, at, actor_id, step, detail FROM blacklist_step
          WHERE centre_id = $1 AND entry_id = $2 ORDER BY seq LIMIT 1000",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_all(&office.pool)
    .await?)
}

/// The record that a step's evidence commits to; it can be drawn again from its row.
fn record(office: &Office, entry_id: i64, step: &Step) -> Value {
    json!({
        "kind": "blacklist",
        "entry": number(office, entry_id),
        "seq": step.seq,
        "at": anju_domain::clock::rfc3339_millis(step.at),
        "actor": case::actor_told(office, step.actor_id),
        "step": step.step,
        "detail": step.detail,
    })
}

/// The proof of its last step.
///
/// # Errors
/// 404 without evidence.
pub async fn proof(office: &Office, entry_id: i64) -> Result<Proof> {
    let step = steps(office, entry_id)
        .await?
        .pop()
        .ok_or_else(|| Refusal::not_found("这条失信记录"))?;
    match log::leaf_of(office, leaf::kind::BLACKLIST, entry_id, step.seq).await? {
        Some(leaf) => {
            let record = step.committed(&leaf.entry, &leaf.salt, record(office, entry_id, &step));
            log::prove(office, &leaf, record, None).await
        }
        None => log::waiting_or_none(office, entry_id).await,
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
    let place = |id| format!("失信记录 {}", number(office, id));
    step_leaves(
        office,
        leaves,
        "SELECT entry_id AS ref_id, seq, at, actor_id, step, detail FROM blacklist_step WHERE centre_id = $1 AND entry_id = ANY ($2)",
        place,
        |id, step| record(office, id, step),
        findings,
    )
    .await
}

/// Adds a step with its leaf to the transaction that makes it.
pub(super) async fn add_step(
    office: &Office,
    tx: &mut PgConnection,
    entry_id: i64,
    actor: Actor,
    step: &str,
    detail: Value,
) -> Result<()> {
    let seq: i16 = sqlx::query_scalar(
        "SELECT coalesce(max(seq), 0)::smallint + 1::smallint FROM blacklist_step WHERE centre_id = $1 AND entry_id = $2",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_one(&mut *tx)
    .await?;
    let step = Step {
        seq,
        at: office.now(),
        actor_id: actor.id(),
        step: step.to_owned(),
        detail,
    };
    let entry = leaf::commit(&record(office, entry_id, &step))?;
    sqlx::query(
        "INSERT INTO blacklist_step (centre_id, entry_id, seq, at, actor_id, step, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .bind(seq)
    .bind(step.at)
    .bind(step.actor_id)
    .bind(&step.step)
    .bind(&step.detail)
    .execute(&mut *tx)
    .await?;
    leaf::add_step(office, tx, leaf::kind::BLACKLIST, entry_id, seq, &entry).await
}
