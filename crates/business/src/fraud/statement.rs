//! What a person says: to a case that is held (说明情况), to an entry before it binds (陈述申辩), to one that binds (异议). The last two are
//! decided by another than who entered or confirmed the entry, in the working days of policy; meanwhile a confirmed entry does not bind.

use anju_casework::case::hold::STATEMENT;
use anju_casework::person::text;
use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, PgConnection, Refusal, Result, case};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::entry::{self, Entry, Release, state};
use super::{blacklist, reasoned};
use crate::policy::Rules;
use crate::withdrawal::recovery;

/// Longest statement, in characters.
const LONGEST: usize = 2_000;

/// Statements about one thing that are read.
const SHOWN: i64 = 20;

/// What was said.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Identifier.
    pub statement_id: i64,
    /// The case or the entry.
    pub ref_id: i64,
    /// 0 a held case, else the entry's state when it was said.
    pub stage: i16,
    /// Its words.
    pub text: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// The last day for the answer.
    pub due_on: Option<NaiveDate>,
    /// 1 upheld, 2 granted.
    pub outcome: Option<i16>,
    /// Who decided.
    pub decided_by: Option<i64>,
    /// The answer.
    pub answer: String,
}

#[derive(FromRow)]
struct Row {
    statement_id: i64,
    ref_id: i64,
    stage: i16,
    text_sealed: Vec<u8>,
    made_at: DateTime<Utc>,
    due_on: Option<NaiveDate>,
    outcome: Option<i16>,
    decided_by: Option<i64>,
    answer: String,
}

impl Row {
    fn open(self, office: &Office) -> Result<Statement> {
        Ok(Statement {
            text: text(&office.vault, STATEMENT, &self.text_sealed)?,
            statement_id: self.statement_id,
            ref_id: self.ref_id,
            stage: self.stage,
            made_at: self.made_at,
            due_on: self.due_on,
            outcome: self.outcome,
            decided_by: self.decided_by,
            answer: self.answer,
        })
    }
}

/// What was said to a case or an entry, oldest first.
pub async fn of(office: &Office, ref_id: i64) -> Result<Vec<Statement>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT statement_id, ref_id, stage, text_sealed, made_at, due_on, outcome, decided_by, answer
           FROM fraud_statement WHERE centre_id = $1 AND ref_id = $2 ORDER BY statement_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(ref_id)
    .bind(SHOWN)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(|row| row.open(office)).collect()
}

/// Whether something said to an entry waits for its answer.
pub(super) async fn waits(office: &Office, tx: &mut PgConnection, entry_id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM fraud_statement WHERE centre_id = $1 AND ref_id = $2 AND stage > 0 AND outcome IS NULL)",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_one(tx)
    .await?)
}

fn words(said: &str) -> Result<&str> {
    let said = said.trim();
    let length = said.chars().count();
    if !(2..=LONGEST).contains(&length) {
        let detail = format!("请写清情况，2 到 {LONGEST} 个字。");
        return Err(Refusal::rule("E-BLK-05", detail).into());
    }
    Ok(said)
}

async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
    (ref_id, stage): (i64, i16),
    said: &str,
    due_on: Option<NaiveDate>,
) -> Result<bool> {
    let kept = sqlx::query(
        "INSERT INTO fraud_statement (centre_id, statement_id, person_id, ref_id, stage, text_sealed, made_at, due_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (centre_id, ref_id, stage) WHERE stage > 0 DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(person_id)
    .bind(ref_id)
    .bind(stage)
    .bind(office.vault.seal(STATEMENT, said.as_bytes()))
    .bind(office.now())
    .bind(due_on)
    .execute(tx)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// The applicant says what it is about, while his case is held.
///
/// # Errors
/// 409 `E-CHECK-02` where it is not held any more, `E-BLK-05` for nothing or too much said, `E-BLK-06` for more than is read.
pub async fn to_case(office: &Office, person_id: i64, case_id: i64, said: &str) -> Result<()> {
    let said = words(said)?;
    let mut tx = office.pool.begin().await?;
    let held: Option<i64> = sqlx::query_scalar(
        "SELECT case_id FROM business_case
          WHERE centre_id = $1 AND case_id = $2 AND applicant_id = $3 AND held_since IS NOT NULL FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    if held.is_none() {
        return Err(case::moved_on().into());
    }
    let before: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM fraud_statement WHERE centre_id = $1 AND ref_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_one(&mut *tx)
    .await?;
    if before >= SHOWN {
        let detail = "已经收到您的多次说明，请等工作人员联系您。";
        return Err(Refusal::rule("E-BLK-06", detail).into());
    }
    keep(office, &mut tx, person_id, (case_id, 0), said, None).await?;
    let actor = Actor::Person(person_id);
    case::add_event(office, &mut tx, case_id, actor, &["stated"], json!({})).await?;
    tx.commit().await?;
    office.changed(case_id);
    Ok(())
}

/// The last day on which its person may say something to an entry; none where nothing may be said now.
pub fn last_day(office: &Office, one: &Entry) -> Result<Option<NaiveDate>> {
    let rules = Rules::on(office, office.today());
    let last = match one.state {
        state::CONFIRMED => one.heard_until,
        state::RESTRICTED => {
            let days = u64::from(rules.days("blacklist_objection_days")?);
            one.from_date.map(|from| from + Days::new(days))
        }
        _ => None,
    };
    Ok(last.filter(|last| office.today() <= *last))
}

/// Its person says something to an entry, once while it is confirmed and once while it binds.
///
/// # Errors
/// `E-BLK-07` after the last day, `E-BLK-08` a second time, `E-BLK-05` as [`to_case`]; 404 for somebody else's.
pub async fn to_entry(office: &Office, person_id: i64, entry_id: i64, said: &str) -> Result<()> {
    let said = words(said)?;
    let mut tx = office.pool.begin().await?;
    let one = entry::lock(office, &mut tx, entry_id).await?;
    if one.person_id != person_id || one.confirmed_by.is_none() {
        return Err(Refusal::not_found("这条失信记录").into());
    }
    if last_day(office, &one)?.is_none() {
        let detail = "申辩、异议的期限已过，或这条记录已经解除。仍有疑问请到柜台提出。";
        return Err(Refusal::rule("E-BLK-07", detail).into());
    }
    let answer_days = Rules::on(office, office.today()).days("blacklist_answer_days")?;
    let due_on = office
        .holidays()
        .add_working_days(office.today(), answer_days);
    let about = (entry_id, one.state);
    if !keep(office, &mut tx, person_id, about, said, Some(due_on)).await? {
        let detail = "您已经提出过了，我们会在期限前答复，不用再提。";
        return Err(Refusal::rule("E-BLK-08", detail).into());
    }
    let actor = Actor::Person(person_id);
    let detail = json!({ "due_on": due_on });
    entry::add_step(office, &mut tx, entry_id, actor, "stated", detail).await?;
    tx.commit().await?;
    Ok(())
}

/// The answer to what was said to an entry: granted, the entry is revoked and its term ends; upheld, it goes on.
///
/// # Errors
/// 403 `E-CHECK-01` for who entered or confirmed it, 409 `E-CHECK-02` where it was answered before, 422 `E-CHECK-04` without a reason.
pub async fn answer(
    office: &Office,
    statement_id: i64,
    granted: bool,
    reason: &str,
    staff: &Staff,
) -> Result<()> {
    let reason = reasoned(reason)?;
    let entry_id: Option<i64> = sqlx::query_scalar(
        "SELECT ref_id FROM fraud_statement WHERE centre_id = $1 AND statement_id = $2 AND stage > 0",
    )
    .bind(office.centre.id)
    .bind(statement_id)
    .fetch_optional(&office.pool)
    .await?;
    let entry_id = entry_id.ok_or_else(|| Refusal::not_found("这份申辩"))?;
    let owes = recovery::debtor_of_entry(office, entry_id).await?;
    let mut tx = office.pool.begin().await?;
    let one = entry::lock(office, &mut tx, entry_id).await?;
    if one.entered_by == staff.staff_id || one.confirmed_by == Some(staff.staff_id) {
        return Err(case::own_work().into());
    }
    let answered = sqlx::query(
        "UPDATE fraud_statement SET outcome = $3, decided_by = $4, decided_at = $5, answer = $6
          WHERE centre_id = $1 AND statement_id = $2 AND outcome IS NULL",
    )
    .bind(office.centre.id)
    .bind(statement_id)
    .bind(if granted { 2_i16 } else { 1 })
    .bind(staff.staff_id)
    .bind(office.now())
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    if answered.rows_affected() != 1 || one.state == state::RELEASED {
        return Err(case::moved_on().into());
    }
    let actor = Actor::Staff(staff.staff_id);
    if granted {
        blacklist::release(office, &mut tx, &one, Release::Objection, actor, reason).await?;
        recovery::drop_of_entry(office, &mut tx, entry_id, owes, actor, reason).await?;
    } else {
        blacklist::uphold(office, &mut tx, &one, actor, reason).await?;
    }
    tx.commit().await?;
    office.changed_with_messages(entry_id);
    Ok(())
}

/// Entries whose person waits for an answer, the first due first: the statement, its entry and the last day.
pub async fn open(
    office: &Office,
    branch_id: Option<i16>,
    after: (NaiveDate, i64),
    limit: i64,
) -> Result<Vec<(i64, i64, i64, NaiveDate)>> {
    Ok(sqlx::query_as(
        "SELECT s.statement_id, s.ref_id, s.person_id, s.due_on
           FROM fraud_statement s
           JOIN blacklist_entry e ON e.centre_id = s.centre_id AND e.entry_id = s.ref_id
          WHERE s.centre_id = $1 AND s.stage > 0 AND s.outcome IS NULL AND ($2::smallint IS NULL OR e.branch_id = $2)
            AND (s.due_on, s.statement_id) > ($3, $4)
          ORDER BY s.due_on, s.statement_id LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .bind(after.0)
    .bind(after.1)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
