//! What time and the clerk do to an arrangement: it begins, its months are drawn, it ends, its plan is kept or missed; or the employer resumes
//! before its end. Each is one transaction that takes the employer's row first.

use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Office, Refusal, Result, case, outbox};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use serde_json::json;
use sqlx::PgConnection;

use super::{Arrangement, deferral, kind, reduction, state};
use crate::contribution::changes;

/// Moves what the day moves. Returns how many arrangements were looked at.
pub async fn turn(office: &Office) -> Result<usize> {
    super::supplement::lapse(office).await?;
    let (mut after, mut moved) = (0, 0);
    loop {
        let due: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT arrangement_id, employer_id FROM arrangement
              WHERE centre_id = $1 AND state IN (0, 1, 2) AND kind = 1 AND arrangement_id > $4
                AND (state = 0 AND from_month <= $2
                     OR state = 1 AND (drawn_to < least(to_month, $2) OR to_month < $2)
                     OR state = 2 AND next_due < $3)
              ORDER BY arrangement_id LIMIT 200",
        )
        .bind(office.centre.id)
        .bind(Month::of(office.today()).index())
        .bind(office.today())
        .bind(after)
        .fetch_all(&office.pool)
        .await?;
        let Some((last, _)) = due.last() else {
            return Ok(moved);
        };
        after = *last;
        moved += due.len();
        for (arrangement_id, employer_id) in due {
            let mut tx = office.pool.begin().await?;
            let employer = employer::lock(office, &mut tx, employer_id).await?;
            let one = super::lock(office, &mut tx, arrangement_id).await?;
            on_its_day(office, &mut tx, &employer, &one).await?;
            tx.commit().await?;
            office.wake.notify_one();
        }
    }
}

async fn on_its_day(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    one: &Arrangement,
) -> Result<()> {
    let this_month = Month::of(office.today());
    if one.state == state::REPAYING {
        return keep_plan(office, tx, one).await;
    }
    if one.from() > this_month {
        return Ok(());
    }
    if one.state == state::APPROVED {
        sqlx::query("UPDATE arrangement SET state = 1 WHERE centre_id = $1 AND arrangement_id = $2 AND state = 0")
            .bind(office.centre.id)
            .bind(one.arrangement_id)
            .execute(&mut *tx)
            .await?;
        if deferral::lives(employer) {
            sqlx::query("UPDATE employer SET state = 2 WHERE centre_id = $1 AND employer_id = $2")
                .bind(office.centre.id)
                .bind(one.employer_id)
                .execute(&mut *tx)
                .await?;
        }
        let detail = json!({ "from": one.from().to_string() });
        case::add_event(
            office,
            tx,
            one.arrangement_id,
            Actor::System,
            &["deferral_began"],
            detail,
        )
        .await?;
    }
    deferral::draw(office, tx, one.arrangement_id, one.to().min(this_month)).await?;
    if one.to() < this_month {
        deferral::end(office, tx, one, one.to()).await?;
    }
    Ok(())
}

/// The plan on a day when an instalment was due: kept, then the next day is set; missed, then it is breached.
async fn keep_plan(office: &Office, tx: &mut PgConnection, one: &Arrangement) -> Result<()> {
    let yesterday = office.today().pred_opt().unwrap_or_else(|| office.today());
    let owed = super::owed_on(office, tx, one.arrangement_id).await?;
    let paid = Fen::new(one.total_fen) - owed;
    let kept = paid >= one.wanted_by(yesterday);
    let next = one
        .plan()
        .into_iter()
        .map(|part| part.due_on)
        .find(|due| *due > yesterday)
        .filter(|_| kept);
    sqlx::query("UPDATE arrangement SET state = $3, next_due = $4 WHERE centre_id = $1 AND arrangement_id = $2 AND state = 2")
        .bind(office.centre.id)
        .bind(one.arrangement_id)
        .bind(if kept { state::REPAYING } else { state::BREACHED })
        .bind(next)
        .execute(&mut *tx)
        .await?;
    if !kept {
        let detail = json!({ "owed_fen": owed.fen(), "paid_fen": paid.fen(), "wanted_fen": one.wanted_by(yesterday).fen() });
        case::add_event(
            office,
            tx,
            one.arrangement_id,
            Actor::System,
            &["breached"],
            detail,
        )
        .await?;
        outbox::sms(office, tx, one.arrangement_id, "deferral_breached").await?;
    }
    Ok(())
}

/// The employer resumes before the end (提前恢复): a deferral ends with the last month, a lower ratio with the last list.
///
/// # Errors
/// 404 for another employer's, 409 `E-CASE-01` where it has ended.
pub async fn resume(
    office: &Office,
    arrangement_id: i64,
    employer_id: i64,
    actor: Actor,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let employer = employer::lock(office, &mut tx, employer_id).await?;
    let one = super::lock(office, &mut tx, arrangement_id).await?;
    if one.employer_id != employer_id {
        return Err(Refusal::not_found("这项缓缴或降低比例").into());
    }
    if !matches!(one.state, state::APPROVED | state::RUNNING) {
        return Err(
            Refusal::new(409, "E-CASE-01", "这项缓缴或降低比例已经结束，不用再操作。").into(),
        );
    }
    let detail = json!({});
    case::add_event(office, &mut tx, arrangement_id, actor, &["resumed"], detail).await?;
    if one.kind == kind::REDUCTION {
        let next = changes::first_month(office, &mut tx, &employer).await?;
        let last = (next.index() - 1).clamp(one.from_month - 1, one.to_month);
        sqlx::query(
            "UPDATE arrangement SET to_month = $3 WHERE centre_id = $1 AND arrangement_id = $2",
        )
        .bind(office.centre.id)
        .bind(arrangement_id)
        .bind(last)
        .execute(&mut *tx)
        .await?;
        reduction::follow(office, &mut tx, employer_id).await?;
    } else {
        resume_deferral(office, &mut tx, &employer, &one).await?;
        reduction::follow(office, &mut tx, employer_id).await?;
    }
    tx.commit().await?;
    office.changed_with_messages(arrangement_id);
    Ok(())
}

/// The employer ends, merged into another one: what runs or is about to run ends with it. A deferral's months are owed by plan from then on; a
/// lower ratio was that employer's alone. The employer's row is taken.
pub(in crate::contribution) async fn end_with_employer(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
) -> Result<()> {
    let live: Vec<i64> = sqlx::query_scalar(
        "SELECT arrangement_id FROM arrangement
          WHERE centre_id = $1 AND employer_id = $2 AND state IN (0, 1) ORDER BY arrangement_id LIMIT 60",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .fetch_all(&mut *tx)
    .await?;
    for arrangement_id in live {
        let one = super::lock(office, tx, arrangement_id).await?;
        if one.kind == kind::DEFERRAL {
            resume_deferral(office, tx, employer, &one).await?;
            continue;
        }
        sqlx::query("UPDATE arrangement SET state = 3, ended_at = $3 WHERE centre_id = $1 AND arrangement_id = $2")
            .bind(office.centre.id)
            .bind(arrangement_id)
            .bind(office.now())
            .execute(&mut *tx)
            .await?;
        let detail = json!({ "merged": true });
        case::add_event(
            office,
            tx,
            arrangement_id,
            Actor::System,
            &["closed"],
            detail,
        )
        .await?;
    }
    Ok(())
}

/// From the current month on lists are asked for again; what was drawn for it is taken away unless it was paid already.
async fn resume_deferral(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    one: &Arrangement,
) -> Result<()> {
    let this_month = Month::of(office.today()).index();
    let paid_to: Option<i32> = sqlx::query_scalar(
        "SELECT max(month) FROM deferred_month WHERE centre_id = $1 AND arrangement_id = $2 AND month >= $3 AND paid_by IS NOT NULL",
    )
    .bind(office.centre.id)
    .bind(one.arrangement_id)
    .bind(this_month)
    .fetch_one(&mut *tx)
    .await?;
    let last = paid_to
        .unwrap_or(this_month - 1)
        .clamp(one.from_month - 1, one.to_month);
    sqlx::query(
        "DELETE FROM deferred_month WHERE centre_id = $1 AND arrangement_id = $2 AND month > $3",
    )
    .bind(office.centre.id)
    .bind(one.arrangement_id)
    .bind(last)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM arrangement_month WHERE centre_id = $1 AND arrangement_id = $2 AND month > $3",
    )
    .bind(office.centre.id)
    .bind(one.arrangement_id)
    .bind(last)
    .execute(&mut *tx)
    .await?;
    let first = employer.deferred_from.unwrap_or(one.from_month);
    sqlx::query(
        "UPDATE employer
            SET deferred_from = CASE WHEN $3::integer <= $4::integer THEN deferred_from END,
                deferred_through = CASE WHEN $3::integer <= $4::integer THEN $4::integer END,
                list_version = list_version + 1
          WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.employer_id)
    .bind(first)
    .bind(last)
    .execute(&mut *tx)
    .await?;
    deferral::end(office, tx, one, Month::from_index(last)).await
}
