//! 单位划转 (organisation.md §1, 归属): the centre gives an employer to another branch with effect from a day. One accountant proposes, another
//! checks. On the day whatever is open of the employer and its people goes with it, in one transaction with a case of the employer; their
//! balances follow when that day is closed (`books::branch`). Invariant: what is over stays with the branch that did it.

use anju_casework::case::{self, AtOnce, Submission};
use anju_casework::catalogue::Request;
use anju_casework::employer::{self, Employer};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Error, Office, Refusal, Result, branch};
use anju_domain::calendar::chinese_date;
use anju_ledger::day;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// States of a move.
pub mod state {
    /// Waits for the checker.
    pub const WAITING: i16 = 1;
    /// Waits for its day.
    pub const APPROVED: i16 = 2;
    /// Done.
    pub const DONE: i16 = 3;
    /// Sent back.
    pub const SENT_BACK: i16 = 4;
}

/// A move.
#[derive(Debug, Clone, FromRow)]
pub struct Move {
    /// Identifier, and the case's once it is done.
    pub move_id: i64,
    /// Who is moved.
    pub employer_id: i64,
    /// Its name.
    pub employer_name: String,
    /// From.
    pub from_branch: i16,
    /// To.
    pub to_branch: i16,
    /// With effect from the beginning of this business day.
    pub from_day: NaiveDate,
    /// Why.
    pub reason: String,
    /// See [`state`].
    pub state: i16,
    /// Who proposed.
    pub maker_id: i64,
    /// When.
    pub made_at: DateTime<Utc>,
}

/// Columns and tables of [`Move`], in one place.
macro_rules! select {
    () => {
        "SELECT m.move_id, m.employer_id, e.name AS employer_name, m.from_branch, m.to_branch, m.from_day, m.reason, m.state, m.maker_id,
                m.made_at
           FROM employer_move m JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
          WHERE m.centre_id = $1 AND "
    };
}

/// The newest moves, a page of them.
///
/// # Errors
/// The database.
pub async fn page(office: &Office, before: Option<i64>, limit: i64) -> Result<Vec<Move>> {
    Ok(sqlx::query_as(concat!(
        select!(),
        "m.move_id < $2 ORDER BY m.move_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

fn wrong(field: &str, detail: impl Into<String>) -> Error {
    Refusal::rule("E-FORM-01", detail.into()).at(field).into()
}

/// The first person's proposal. Nothing moves yet.
///
/// # Errors
/// `E-FORM-01` for a branch or a day that cannot be, or while another move of the employer is open.
pub async fn propose(
    office: &Office,
    employer_id: i64,
    to_branch: i16,
    from_day: NaiveDate,
    reason: &str,
    maker: &Staff,
) -> Result<i64> {
    if reason.trim().chars().count() < 2 {
        return Err(wrong("reason", "请写明划转的原因和依据。"));
    }
    let one = employer::require(office, employer_id).await?;
    if one.uscc == super::closing::NO_CODE || one.uscc.starts_with("FLEX-") {
        let detail = "集中封存户和灵活就业缴存户由各网点自己保管，不能划转。";
        return Err(wrong("employer", detail));
    }
    if one.state == employer::state::CANCELLED {
        return Err(wrong("employer", "这个单位已经销户，不能划转。"));
    }
    let known = branch::all(office).await?;
    let there = known.iter().any(|branch| branch.branch_id == to_branch);
    if !there || to_branch == one.branch_id {
        return Err(wrong("branch", "请选另一个网点：单位现在不归它管。"));
    }
    let mut conn = office.pool.acquire().await?;
    let open = day::open_day(&mut conn, office.ledger()).await?.date();
    if from_day < open {
        let first = chinese_date(open);
        return Err(wrong(
            "from",
            format!("划转从开账的营业日（{first}）起办，不能更早。"),
        ));
    }
    let move_id = office.ids.next().await?;
    let kept = sqlx::query(
        "INSERT INTO employer_move (centre_id, move_id, employer_id, from_branch, to_branch, from_day, reason, state, maker_id, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)
             ON CONFLICT (centre_id, employer_id) WHERE state IN (1, 2) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(move_id)
    .bind(employer_id)
    .bind(one.branch_id)
    .bind(to_branch)
    .bind(from_day)
    .bind(reason.trim())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&mut *conn)
    .await?;
    if kept.rows_affected() == 0 {
        return Err(wrong(
            "employer",
            "这个单位有一笔划转还没有办完，请先办完。",
        ));
    }
    Ok(move_id)
}

/// The second person's word: it waits for its day, or is carried out at once where that has come; or goes back.
///
/// # Errors
/// `E-CHECK-01` for the maker, `E-CHECK-02` if it is no longer waiting.
pub async fn check(
    office: &Office,
    move_id: i64,
    agree: bool,
    answer: &str,
    checker: &Staff,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let one = locked(office, &mut tx, move_id).await?;
    if one.maker_id == checker.staff_id {
        return Err(case::own_work().into());
    }
    if one.state != state::WAITING {
        return Err(case::moved_on().into());
    }
    sqlx::query(
        "UPDATE employer_move SET state = $3, checker_id = $4, checked_at = $5, answer = $6 WHERE centre_id = $1 AND move_id = $2",
    )
    .bind(office.centre.id)
    .bind(move_id)
    .bind(if agree { state::APPROVED } else { state::SENT_BACK })
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(answer.trim())
    .execute(&mut *tx)
    .await?;
    if agree && one.from_day <= day::open_day(&mut tx, office.ledger()).await?.date() {
        carry_out(office, &mut tx, &one).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn locked(office: &Office, tx: &mut PgConnection, move_id: i64) -> Result<Move> {
    sqlx::query_as(concat!(select!(), "m.move_id = $2 FOR NO KEY UPDATE OF m"))
        .bind(office.centre.id)
        .bind(move_id)
        .fetch_optional(tx)
        .await?
        .ok_or_else(|| Refusal::not_found("这笔划转").into())
}

/// Moves whose day has come; how many.
///
/// # Errors
/// The database.
pub async fn turn(office: &Office) -> Result<usize> {
    let due: Vec<i64> = sqlx::query_scalar(
        "SELECT m.move_id FROM employer_move m JOIN business_day d USING (centre_id)
          WHERE m.centre_id = $1 AND m.state = 2 AND m.from_day <= d.open_date ORDER BY m.move_id LIMIT 500",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?;
    for move_id in &due {
        let mut tx = office.pool.begin().await?;
        let one = locked(office, &mut tx, *move_id).await?;
        if one.state == state::APPROVED {
            carry_out(office, &mut tx, &one).await?;
        }
        tx.commit().await?;
    }
    Ok(due.len())
}

/// The employer is the other branch's from now on, with everything of it and of its people that is not over. Lists of the desk are read by
/// branch, so that each row that a list shows goes along.
async fn carry_out(office: &Office, tx: &mut PgConnection, one: &Move) -> Result<()> {
    let employer: Employer = employer::lock(office, tx, one.employer_id).await?;
    for statement in [
        "UPDATE employer SET branch_id = $3 WHERE centre_id = $1 AND employer_id = $2",
        "UPDATE arrears SET branch_id = $3 WHERE centre_id = $1 AND employer_id = $2",
        "UPDATE enforcement SET branch_id = $3 WHERE centre_id = $1 AND employer_id = $2",
        "UPDATE arrangement SET branch_id = $3 WHERE centre_id = $1 AND employer_id = $2",
        "UPDATE credit_referral SET branch_id = $3 WHERE centre_id = $1 AND applicant_id = $2",
        "UPDATE business_case SET branch_id = $3 WHERE centre_id = $1 AND applicant_id = $2 AND state < 6",
        "UPDATE business_case c SET branch_id = $3 FROM membership m
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9
            AND c.centre_id = $1 AND c.applicant_id = m.person_id AND c.state < 6",
        "UPDATE credit_referral c SET branch_id = $3 FROM membership m
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9 AND c.centre_id = $1 AND c.applicant_id = m.person_id",
        "UPDATE entitlement t SET branch_id = $3 FROM membership m
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9 AND t.centre_id = $1 AND t.person_id = m.person_id",
        "UPDATE repay_agreement a SET branch_id = $3 FROM membership m
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9 AND a.centre_id = $1 AND a.person_id = m.person_id AND a.state <> 9",
        "UPDATE transfer_letter l SET branch_id = $3 FROM membership m
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9 AND l.centre_id = $1 AND l.person_id = m.person_id AND l.ended_at IS NULL",
    ] {
        sqlx::query(statement)
            .bind(office.centre.id)
            .bind(one.employer_id)
            .bind(one.to_branch)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query(
        "UPDATE employer_move SET state = 3 WHERE centre_id = $1 AND move_id = $2 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(one.move_id)
    .execute(&mut *tx)
    .await?;
    let now = office.now();
    let submission = Submission {
        case_id: one.move_id,
        request: Request {
            service: super::employer_data::SERVICE.to_owned(),
            case_id: None,
            applicant_id: one.employer_id,
            form: anju_policy::Form::new(),
            channel: "CTR".to_owned(),
            face_passed: false,
        },
        actor: Actor::Staff(one.maker_id),
        served_by: Some(one.maker_id),
        key: Uuid::from_u64_pair(0x616e_6a75_6d6f_7665, one.move_id.cast_unsigned()),
        digest: Uuid::from_u64_pair(0, one.move_id.cast_unsigned()),
        branch_id: one.to_branch,
        tapped_at: one.made_at,
        promised_at: now,
    };
    let done = json!({ "from_branch": employer.branch_id, "to_branch": one.to_branch, "from": one.from_day });
    let at_once = AtOnce {
        wish: &format!("move:{}", one.move_id),
        branch_id: one.to_branch,
        form: json!({}),
        begun: json!({}),
        step: "branch_changed",
        done,
    };
    case::at_once(office, tx, &submission, at_once).await
}
