//! 补正材料: papers handed in for a case whose record a source does not have. A teller reads a paper into facts; where much money hangs on it
//! a second teller confirms; the picture stays sealed beside what was read from it.
//!
//! Invariant: a paper becomes facts of assurance `paper` in the transaction that accepts it, and no picture is ever changed. A source that
//! answers later is asked whether it says the same; a difference stays open until somebody has looked into it.

use anju_policy::fact::{Assurance, Fact, FactState};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::case::{self, Case, CaseState, add_event};
use crate::fact::{self, Kept};
use crate::{Actor, Fault, Office, Refusal, Result, outbox};

/// Purpose of sealing a picture.
pub const SEAL: &str = "case-paper";

/// The largest picture (services.md §4), bytes.
pub const LARGEST: usize = 10 * 1024 * 1024;

/// The most papers that one case takes.
const MOST: i64 = 20;

/// Where a paper stands.
pub mod state {
    /// 已交.
    pub const HANDED_IN: i16 = 1;
    /// 一人已认定，等第二人.
    pub const READ: i16 = 2;
    /// 已转为信息.
    pub const ACCEPTED: i16 = 3;
    /// 没有采用.
    pub const TURNED_DOWN: i16 = 9;
}

/// What the source said afterwards.
pub mod verified {
    /// The same.
    pub const SAME: i16 = 1;
    /// Something else.
    pub const DIFFERS: i16 = 2;
}

/// A paper of a case, without its picture.
#[derive(Debug, Clone, FromRow)]
pub struct CasePaper {
    /// Identifier.
    pub paper_id: i64,
    /// The case.
    pub case_id: i64,
    /// The condition that it is for.
    pub condition: String,
    /// 低保证.
    pub name: String,
    /// Media type.
    pub kind: String,
    /// Size.
    pub bytes: i32,
    /// See [`state`].
    pub state: i16,
    /// When it came.
    pub handed_in_at: DateTime<Utc>,
    /// Who handed it in.
    pub handed_in_by: i64,
    /// What a teller read.
    pub facts: Option<Value>,
    /// The teller.
    pub maker_id: Option<i64>,
    /// The second teller.
    pub checker_id: Option<i64>,
    /// Why it was turned down.
    pub reason: Option<String>,
    /// The facts that it became.
    pub fact_ids: Vec<i64>,
    /// See [`verified`].
    pub verified: Option<i16>,
    /// When the source answered.
    pub verified_at: Option<DateTime<Utc>>,
    /// The fields that differ.
    pub differences: Option<Vec<String>>,
    /// When somebody had looked into a difference.
    pub closed_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub closed_reason: Option<String>,
}

macro_rules! columns {
    () => {
        "paper_id, case_id, condition, name, kind, bytes, state, handed_in_at, handed_in_by, facts, maker_id, checker_id, reason, fact_ids, \
         verified, verified_at, differences, closed_at, closed_reason"
    };
}

/// The same with what a list says of its case.
macro_rules! with_case {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", applicant_id, service, promised_at, branch_id
               FROM case_paper
               JOIN (SELECT centre_id, case_id, applicant_id, service, promised_at, branch_id, state AS case_state FROM business_case) AS c
                    USING (centre_id, case_id)"
        )
    };
}

/// A fact as a teller read it from a paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadFact {
    /// `applicant`, `patient`.
    pub role: String,
    /// `civil.min_living`.
    #[serde(rename = "type")]
    pub fact_type: String,
    /// By the type's schema.
    pub value: Value,
    /// Whom it is about, as it may be shown.
    pub subject: String,
    /// Version of the schema.
    pub version: i16,
    /// The register that would know.
    pub source: String,
}

impl CasePaper {
    /// What a teller read.
    pub fn read(&self) -> Result<Vec<ReadFact>> {
        Ok(match &self.facts {
            Some(facts) => serde_json::from_value(facts.clone())?,
            None => Vec::new(),
        })
    }
}

/// The media type of a picture by its first bytes; what it is called is not asked.
pub fn kind_of(picture: &[u8]) -> Option<&'static str> {
    if picture.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some("image/jpeg")
    } else if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if picture.starts_with(b"%PDF-") {
        Some("application/pdf")
    } else {
        None
    }
}

/// Takes a paper for a condition of a case that waits for it.
///
/// # Errors
/// `E-PAPER-01` for a picture that is none or too large, `E-PAPER-02` where the case does not wait for papers, `E-PAPER-03` for too many.
pub async fn hand_in(
    office: &Office,
    case: &Case,
    (condition, name): (&str, &str),
    picture: &[u8],
    actor: Actor,
) -> Result<i64> {
    if picture.len() > LARGEST {
        return Err(Refusal::rule("E-PAPER-01", "这张图片超过 10 MB，请压缩后再交。").into());
    }
    let Some(kind) = kind_of(picture) else {
        return Err(Refusal::rule(
            "E-PAPER-01",
            "只收 JPEG、PNG 图片或 PDF，请换一种格式再交。",
        )
        .into());
    };
    let paper_id = office.ids.next().await?;
    let digest = anju_vault::sm3(picture);
    let sealed = office.vault.seal(SEAL, picture);
    let mut tx = office.pool.begin().await?;
    let before: i64 =
        sqlx::query_scalar("SELECT count(*) FROM case_paper WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(case.case_id)
            .fetch_one(&mut *tx)
            .await?;
    if before >= MOST {
        return Err(
            Refusal::rule("E-PAPER-03", "这个办件的材料已经够多了，请到网点当面交。").into(),
        );
    }
    let waits = sqlx::query(
        "UPDATE business_case SET version = version + 1 WHERE centre_id = $1 AND case_id = $2 AND state IN (2, 4)",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .execute(&mut *tx)
    .await?;
    if waits.rows_affected() == 0 {
        return Err(Refusal::new(409, "E-PAPER-02", "这个办件已经不用补材料了。").into());
    }
    sqlx::query(
        "INSERT INTO case_paper (centre_id, paper_id, case_id, condition, name, kind, bytes, digest, sealed, handed_in_at, handed_in_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(office.centre.id)
    .bind(paper_id)
    .bind(case.case_id)
    .bind(condition)
    .bind(name)
    .bind(kind)
    .bind(i32::try_from(picture.len()).map_err(|_| Fault::Stored("a picture without end".to_owned()))?)
    .bind(digest.as_slice())
    .bind(sealed)
    .bind(office.now())
    .bind(actor.id())
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "condition": condition, "sm3": hex::encode(digest) });
    add_event(office, &mut tx, case.case_id, actor, &["paper"], detail).await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(paper_id)
}

/// What a teller reads from a paper. With `alone` it becomes facts at once, else it waits for a second teller.
///
/// # Errors
/// 409 `E-CHECK-02` where somebody moved it in the meantime.
pub async fn read(
    office: &Office,
    case: &Case,
    paper: &CasePaper,
    facts: &[ReadFact],
    keys: &[String],
    teller: i64,
    alone: bool,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let made = sqlx::query(
        "UPDATE case_paper SET state = 2, facts = $4, maker_id = $5, made_at = $6
          WHERE centre_id = $1 AND paper_id = $2 AND case_id = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(paper.paper_id)
    .bind(case.case_id)
    .bind(serde_json::to_value(facts)?)
    .bind(teller)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() != 1 {
        return Err(case::moved_on().into());
    }
    if alone {
        keep(office, &mut tx, case, paper.paper_id, facts, keys, None).await?;
    }
    let step = if alone {
        "paper_accepted"
    } else {
        "paper_read"
    };
    let detail = json!({ "paper": paper.paper_id.to_string(), "condition": paper.condition });
    add_event(
        office,
        &mut tx,
        case.case_id,
        Actor::Staff(teller),
        &[step],
        detail,
    )
    .await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(())
}

/// A second teller confirms what the first one read.
///
/// # Errors
/// 403 `E-CHECK-01` for who read it, 409 `E-CHECK-02` where it does not wait any more.
pub async fn confirm(
    office: &Office,
    case: &Case,
    paper: &CasePaper,
    keys: &[String],
    teller: i64,
) -> Result<()> {
    if paper.maker_id == Some(teller) {
        return Err(case::own_work().into());
    }
    if paper.state != state::READ {
        return Err(case::moved_on().into());
    }
    let facts = paper.read()?;
    let mut tx = office.pool.begin().await?;
    keep(
        office,
        &mut tx,
        case,
        paper.paper_id,
        &facts,
        keys,
        Some(teller),
    )
    .await?;
    let detail = json!({ "paper": paper.paper_id.to_string(), "condition": paper.condition });
    add_event(
        office,
        &mut tx,
        case.case_id,
        Actor::Staff(teller),
        &["paper_accepted"],
        detail,
    )
    .await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(())
}

/// Keeps the facts of a paper and makes its case due, in the caller's transaction. `keys` are the whole ID numbers of the subjects.
async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    paper_id: i64,
    read: &[ReadFact],
    keys: &[String],
    checker: Option<i64>,
) -> Result<()> {
    let now = office.now();
    let facts = read
        .iter()
        .map(|one| {
            let said = json!({ "paper": paper_id, "role": one.role, "type": one.fact_type, "value": one.value });
            Ok(Fact {
                fact_id: None,
                fact_type: one.fact_type.clone(),
                role: one.role.clone(),
                subject: one.subject.clone(),
                state: FactState::Known,
                value: one.value.clone(),
                source: one.source.clone(),
                assurance: Assurance::Paper,
                as_of: now,
                valid_until: None,
                digest: hex::encode(anju_vault::sm3(&serde_json::to_vec(&said)?)),
            })
        })
        .collect::<Result<Vec<Fact>>>()?;
    let case_no = case::number(office, case.case_id);
    let serial = paper_id.to_string();
    let kept: Vec<Kept<'_>> = facts
        .iter()
        .zip(keys)
        .zip(read)
        .map(|((fact, key), one)| Kept {
            fact,
            subject_key: key,
            // Another question than that to the source: what a paper says never stands in for an answer in a later case.
            other_keys: &serial,
            version: one.version,
            source_ref: &serial,
            fetched_at: now,
            case_no: &case_no,
        })
        .collect();
    let ids = fact::keep_on(office, &mut *tx, &kept).await?;
    let accepted = sqlx::query(
        "UPDATE case_paper SET state = 3, fact_ids = $4, checker_id = $5, verify_at = $6
          WHERE centre_id = $1 AND paper_id = $2 AND case_id = $3 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(paper_id)
    .bind(case.case_id)
    .bind(&ids)
    .bind(checker)
    .bind(now + TimeDelta::days(1))
    .execute(&mut *tx)
    .await?;
    if accepted.rows_affected() != 1 {
        return Err(case::moved_on().into());
    }
    sqlx::query(
        "UPDATE business_case SET next_try_at = $3, version = version + 1 WHERE centre_id = $1 AND case_id = $2 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Turns a paper down; the person is told and may hand in another.
///
/// # Errors
/// 409 `E-CHECK-02` where it was dealt with in the meantime, 422 `E-CHECK-04` without a reason.
pub async fn turn_down(
    office: &Office,
    paper: &CasePaper,
    teller: i64,
    reason: &str,
) -> Result<()> {
    if reason.chars().count() < 2 {
        return Err(Refusal::rule("E-CHECK-04", "请写理由，至少两个字。").into());
    }
    let mut tx = office.pool.begin().await?;
    let done = sqlx::query(
        "UPDATE case_paper SET state = 9, reason = $3, checker_id = $4 WHERE centre_id = $1 AND paper_id = $2 AND state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(paper.paper_id)
    .bind(reason)
    .bind(teller)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Err(case::moved_on().into());
    }
    let detail = json!({ "paper": paper.paper_id.to_string(), "condition": paper.condition });
    add_event(
        office,
        &mut tx,
        paper.case_id,
        Actor::Staff(teller),
        &["paper_turned_down"],
        detail,
    )
    .await?;
    outbox::sms(office, &mut tx, paper.case_id, "paper_turned_down").await?;
    tx.commit().await?;
    office.changed_with_messages(paper.case_id);
    Ok(())
}

/// The papers of a case, oldest first.
pub async fn of_case(office: &Office, case_id: i64) -> Result<Vec<CasePaper>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_paper WHERE centre_id = $1 AND case_id = $2 ORDER BY paper_id LIMIT 20"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(&office.pool)
    .await?)
}

/// A paper that must exist.
pub async fn require(office: &Office, paper_id: i64) -> Result<CasePaper> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_paper WHERE centre_id = $1 AND paper_id = $2"
    ))
    .bind(office.centre.id)
    .bind(paper_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这份材料").into())
}

/// The picture of a paper.
///
/// # Errors
/// What is kept is not what was handed in.
pub async fn picture(office: &Office, paper_id: i64) -> Result<Vec<u8>> {
    let (sealed, digest): (Vec<u8>, Vec<u8>) = sqlx::query_as(
        "SELECT sealed, digest FROM case_paper WHERE centre_id = $1 AND paper_id = $2",
    )
    .bind(office.centre.id)
    .bind(paper_id)
    .fetch_one(&office.pool)
    .await?;
    let picture = office.vault.open(SEAL, &sealed)?;
    if anju_vault::sm3(&picture).as_slice() != digest {
        return Err(Fault::Stored("a paper is not what was handed in".to_owned()).into());
    }
    Ok(picture)
}

/// A paper in the tellers' queue, with the case that it is for.
#[derive(Debug, Clone, FromRow)]
pub struct Waiting {
    /// The paper.
    #[sqlx(flatten)]
    pub paper: CasePaper,
    /// Person.
    pub applicant_id: i64,
    /// Service.
    pub service: String,
    /// Latest time that was promised.
    pub promised_at: DateTime<Utc>,
    /// Branch that keeps the case.
    pub branch_id: i16,
}

/// What tellers have to look at, in the order in which it came; of one branch or of the centre.
pub async fn waiting(
    office: &Office,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(concat!(
        with_case!(),
        " WHERE centre_id = $1 AND state IN (1, 2) AND case_state IN (2, 4) AND paper_id > $3
            AND ($2::smallint IS NULL OR branch_id = $2)
          ORDER BY paper_id LIMIT $4",
    ))
    .bind(office.centre.id)
    .bind(branch_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Papers of which the source said something else afterwards and that nobody has closed (追回核查), oldest first.
pub async fn differing(
    office: &Office,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(concat!(
        with_case!(),
        " WHERE centre_id = $1 AND verified = 2 AND closed_at IS NULL AND paper_id > $3
            AND ($2::smallint IS NULL OR branch_id = $2)
          ORDER BY paper_id LIMIT $4",
    ))
    .bind(office.centre.id)
    .bind(branch_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Somebody has looked into a difference. Who accepted the paper is not the one.
///
/// # Errors
/// 403 `E-CHECK-01`, 409 `E-CHECK-02`, 422 `E-CHECK-04`.
pub async fn close_difference(
    office: &Office,
    paper: &CasePaper,
    staff: i64,
    reason: &str,
) -> Result<()> {
    if reason.chars().count() < 2 {
        return Err(Refusal::rule("E-CHECK-04", "请写理由，至少两个字。").into());
    }
    if paper.maker_id == Some(staff) || paper.checker_id == Some(staff) {
        return Err(case::own_work().into());
    }
    let mut tx = office.pool.begin().await?;
    let done = sqlx::query(
        "UPDATE case_paper SET closed_by = $3, closed_at = $4, closed_reason = $5
          WHERE centre_id = $1 AND paper_id = $2 AND verified = 2 AND closed_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(paper.paper_id)
    .bind(staff)
    .bind(office.now())
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Err(case::moved_on().into());
    }
    let detail = json!({ "paper": paper.paper_id.to_string(), "reason": reason });
    let actor = Actor::Staff(staff);
    add_event(
        office,
        &mut tx,
        paper.case_id,
        actor,
        &["difference_closed"],
        detail,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The facts that a case's papers have become.
pub async fn facts_of(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<Vec<Fact>> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT unnest(fact_ids) FROM case_paper WHERE centre_id = $1 AND case_id = $2 AND state = 3",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(&mut *conn)
    .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    fact::by_ids_on(office, conn, &ids).await
}

/// Accepted papers whose source is to be asked now; their next time is moved a day, so that a process that dies loses nothing.
pub async fn to_verify(office: &Office, limit: i64) -> Result<Vec<CasePaper>> {
    let now = office.now();
    Ok(sqlx::query_as(concat!(
        "WITH due AS MATERIALIZED (
             SELECT paper_id AS due_id FROM case_paper WHERE centre_id = $1 AND verify_at <= $2 ORDER BY verify_at LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED)
         UPDATE case_paper SET verify_at = $4 FROM due WHERE centre_id = $1 AND paper_id = due_id
         RETURNING ",
        columns!()
    ))
    .bind(office.centre.id)
    .bind(now)
    .bind(limit)
    .bind(now + TimeDelta::days(1))
    .fetch_all(&office.pool)
    .await?)
}

/// Notes what the source said afterwards. A difference opens an item of work and is told in the case.
pub async fn note_verified(office: &Office, paper: &CasePaper, differs: &[String]) -> Result<()> {
    let said = if differs.is_empty() {
        verified::SAME
    } else {
        verified::DIFFERS
    };
    let mut tx = office.pool.begin().await?;
    let noted = sqlx::query(
        "UPDATE case_paper SET verified = $3, verified_at = $4, verify_at = NULL, differences = $5
          WHERE centre_id = $1 AND paper_id = $2 AND verified IS NULL",
    )
    .bind(office.centre.id)
    .bind(paper.paper_id)
    .bind(said)
    .bind(office.now())
    .bind(differs)
    .execute(&mut *tx)
    .await?;
    if noted.rows_affected() == 1 {
        let step = if differs.is_empty() {
            "paper_verified"
        } else {
            "paper_differs"
        };
        let detail = json!({ "paper": paper.paper_id.to_string() });
        add_event(
            office,
            &mut tx,
            paper.case_id,
            Actor::System,
            &[step],
            detail,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Gives up asking about a paper: its case came to nothing.
pub async fn forget_verifying(office: &Office, paper_id: i64) -> Result<()> {
    sqlx::query("UPDATE case_paper SET verify_at = NULL WHERE centre_id = $1 AND paper_id = $2")
        .bind(office.centre.id)
        .bind(paper_id)
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// Ends cases whose paper did not come in time (withdrawal.md §7, LAPSED); what was handed in and not looked at yet keeps its case alive.
pub async fn lapse(office: &Office, today: NaiveDate) -> Result<u64> {
    let mut tx = office.pool.begin().await?;
    let lapsed: Vec<i64> = sqlx::query_scalar(
        "WITH late AS MATERIALIZED (
             SELECT case_id FROM business_case c
              WHERE c.centre_id = $1 AND c.paper_until < $2 AND c.state = 2
                AND NOT EXISTS (SELECT FROM case_paper p WHERE p.centre_id = $1 AND p.case_id = c.case_id AND p.state IN (1, 2))
              LIMIT 500
                FOR NO KEY UPDATE SKIP LOCKED)
         UPDATE business_case c
            SET state = $3, next_try_at = NULL, paper_since = NULL, paper_until = NULL, version = version + 1
           FROM late
          WHERE c.centre_id = $1 AND c.case_id = late.case_id
         RETURNING c.case_id",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(CaseState::Withdrawn as i16)
    .fetch_all(&mut *tx)
    .await?;
    let told: Vec<(i64, Value)> = lapsed
        .iter()
        .map(|case_id| (*case_id, json!({ "reason": "补正材料逾期" })))
        .collect();
    case::add_events(office, &mut tx, Actor::System, &["lapsed"], &told).await?;
    if !lapsed.is_empty() {
        outbox::sms_of_many(office, &mut tx, &lapsed, "paper_lapsed").await?;
    }
    tx.commit().await?;
    lapsed.iter().for_each(|case_id| office.changed(*case_id));
    Ok(lapsed.len() as u64)
}
