//! 提出、复核、撤回: a change goes to a second person only with a simulation of exactly its text, and is in force from a day on.

use anju_casework::founding::put_policy;
use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, Refusal, Result, policy_force};
use anju_domain::calendar::chinese_date;
use anju_policy::PolicySet;
use chrono::{Days, NaiveDate};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::draft::{refusal_of, refusal_of_mistakes};
use super::{
    Change, add_step, fault, files, moved_on, officer, require, simulation, state, wrong_state,
};

/// The first day on which a change that is approved today may count.
pub fn earliest(office: &Office) -> Result<NaiveDate> {
    let today = office.today();
    let days = office
        .policy()
        .set
        .int("policy_change_lead_days", today, &[])
        .map_err(fault)?;
    let days = u64::try_from(days).unwrap_or(1);
    Ok(today.checked_add_days(Days::new(days)).unwrap_or(today))
}

/// What keeps a change from going on; nothing where it may.
///
/// # Errors
/// `E-POL-06` with mistakes, `E-POL-07` without any difference, `E-POL-08` without a simulation of exactly this text, `E-POL-09` where it
/// was drafted from a version that is no longer the one in force or another change waits for its day.
async fn is_ready(office: &Office, change: &Change) -> Result<()> {
    if !change.faults.0.is_empty() {
        return Err(refusal_of_mistakes(&change.faults.0).into());
    }
    if change.differences.0.is_empty() {
        let detail = "草案与现行政策没有不同，请先改一处。";
        return Err(Refusal::rule("E-POL-07", detail).into());
    }
    let simulated = simulation::latest(office, change.change_id).await?;
    let fits = simulated.is_some_and(|one| {
        one.state == simulation::DONE
            && one.digest == change.digest
            && one.base_id == change.base_id
    });
    if !fits {
        let detail = "这一稿还没有模拟过，或模拟以后又改过；请先模拟这一稿。";
        return Err(Refusal::rule("E-POL-08", detail).into());
    }
    let waiting = policy_force::next(&office.pool, office.centre.id, office.today()).await?;
    if office.policy().id != change.base_id || waiting.is_some() {
        let detail =
            "起草所依据的版本已不是现行版本，或另一项变更正等着施行；请按现行版本重新起草。";
        return Err(Refusal::new(409, "E-POL-09", detail).into());
    }
    Ok(())
}

/// Interest is counted day by day as it is known: a change cannot say of days before its own what accounts have earned.
async fn rates_fit(office: &Office, change: &Change, effective_on: NaiveDate) -> Result<()> {
    let files = files(office, change).await?;
    let set = PolicySet::load(&files).map_err(|errors| refusal_of(&errors))?;
    for name in ["interest_rate_bp", "interest_subsidy_bp"] {
        let (now, then) = (
            office.policy().set.history(name).map_err(fault)?,
            set.history(name).map_err(fault)?,
        );
        let counted = |rates: &[(NaiveDate, i64)]| -> Vec<(NaiveDate, i64)> {
            let before = |(from, _): &&(NaiveDate, i64)| *from < effective_on;
            rates.iter().filter(before).copied().collect()
        };
        if counted(&now) != counted(&then) {
            let detail = format!(
                "存款利率只能从施行日{}或以后起改，之前的日子已按原利率计息；请把利率的起始日改到施行日或以后。",
                chinese_date(effective_on)
            );
            return Err(Refusal::rule("E-POL-11", detail).into());
        }
    }
    Ok(())
}

fn day_fits(office: &Office, effective_on: NaiveDate) -> Result<()> {
    let earliest = earliest(office)?;
    if effective_on < earliest {
        let detail = format!("施行日最早是{}，请改施行日。", chinese_date(earliest));
        return Err(Refusal::rule("E-POL-10", detail).at("effective_on").into());
    }
    Ok(())
}

/// The first person gives it to the second, with the day from which it shall count.
///
/// # Errors
/// `E-POL-01`, `E-POL-03`, what [`is_ready`] finds, `E-POL-10` for a day that is too early, `E-POL-11` for interest
/// of days before it.
pub async fn propose(
    office: &Office,
    change: &Change,
    effective_on: NaiveDate,
    maker: &Staff,
) -> Result<Change> {
    officer(maker)?;
    if change.state != state::DRAFT {
        return Err(wrong_state(change, "再提出").into());
    }
    is_ready(office, change).await?;
    day_fits(office, effective_on)?;
    rates_fit(office, change, effective_on).await?;
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let proposed = sqlx::query(
        "UPDATE policy_change
            SET state = 2, effective_on = $4, revision = revision + 1,
                makers = array_append(array_remove(makers, $5::bigint), $5::bigint)
          WHERE centre_id = $1 AND change_id = $2 AND revision = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .bind(change.revision)
    .bind(effective_on)
    .bind(maker.staff_id)
    .execute(&mut *tx)
    .await?;
    if proposed.rows_affected() != 1 {
        return Err(moved_on().into());
    }
    let detail = json!({ "digest": change.digest, "effective_on": effective_on });
    step(office, &mut tx, change, maker, "proposed", detail).await?;
    tx.commit().await?;
    drop(conn);
    require(office, change.change_id).await
}

/// The second person approves. The version is kept at once and counts from its day on.
///
/// # Errors
/// `E-POL-01`, `E-POL-03`, `E-CHECK-01` for whoever worked on it, what [`is_ready`] finds, `E-POL-10` where its day has come too near,
/// `E-POL-11` for interest of days before it.
pub async fn approve(office: &Office, change: &Change, checker: &Staff) -> Result<Change> {
    second(change, checker)?;
    is_ready(office, change).await?;
    let effective_on = change.effective_on.unwrap_or(office.today());
    day_fits(office, effective_on)?;
    rates_fit(office, change, effective_on).await?;
    let files = files(office, change).await?;
    let set = PolicySet::load(&files).map_err(|errors| refusal_of(&errors))?;
    if set.reference().digest != change.digest {
        return Err(moved_on().into());
    }
    // A version that nobody comes to name harms nobody, should the rest be refused.
    let version = put_policy(&office.pool, office.centre.id, &files, set, office.now()).await?;
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let approved = sqlx::query(
        "UPDATE policy_change
            SET state = 3, checker_id = $4, checked_at = $5, policy_id = $6, revision = revision + 1
          WHERE centre_id = $1 AND change_id = $2 AND revision = $3 AND state = 2
            AND NOT EXISTS (SELECT FROM policy_change other WHERE other.centre_id = $1 AND other.state = 3)",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .bind(change.revision)
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(version.id)
    .execute(&mut *tx)
    .await?;
    if approved.rows_affected() != 1 {
        return Err(moved_on().into());
    }
    let detail =
        json!({ "digest": change.digest, "effective_on": effective_on, "version": version.id });
    step(office, &mut tx, change, checker, "approved", detail).await?;
    tx.commit().await?;
    drop(conn);
    require(office, change.change_id).await
}

/// The second person sends it back: it is a draft again.
///
/// # Errors
/// As [`approve`]; `E-POL-04` without a reason.
pub async fn send_back(
    office: &Office,
    change: &Change,
    reason: &str,
    checker: &Staff,
) -> Result<Change> {
    second(change, checker)?;
    end(office, change, state::DRAFT, "sent_back", reason, checker).await
}

/// Takes a change back before its day; a later one undoes what is in force already.
///
/// # Errors
/// `E-POL-01`, `E-POL-03` once it is in force, `E-POL-04` without a reason.
pub async fn withdraw(
    office: &Office,
    change: &Change,
    reason: &str,
    hand: &Staff,
) -> Result<Change> {
    officer(hand)?;
    let too_late = change.state == state::APPROVED
        && change.effective_on.is_some_and(|day| day <= office.today());
    if too_late
        || !matches!(
            change.state,
            state::DRAFT | state::PROPOSED | state::APPROVED
        )
    {
        return Err(wrong_state(change, "撤回；要改回去，请另行起草一项变更").into());
    }
    end(office, change, state::WITHDRAWN, "withdrawn", reason, hand).await
}

fn second(change: &Change, checker: &Staff) -> Result<()> {
    officer(checker)?;
    if change.state != state::PROPOSED {
        return Err(wrong_state(change, "复核").into());
    }
    if change.makers.contains(&checker.staff_id) {
        let detail = "您参与了这项变更的起草，不能自己复核，请另一位政策岗复核。";
        return Err(Refusal::new(403, "E-CHECK-01", detail).into());
    }
    Ok(())
}

async fn end(
    office: &Office,
    change: &Change,
    to: i16,
    name: &str,
    reason: &str,
    hand: &Staff,
) -> Result<Change> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Refusal::rule("E-POL-04", "请写明原因。")
            .at("reason")
            .into());
    }
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let ended = sqlx::query(
        "UPDATE policy_change SET state = $5, revision = revision + 1
          WHERE centre_id = $1 AND change_id = $2 AND revision = $3 AND state = $4",
    )
    .bind(office.centre.id)
    .bind(change.change_id)
    .bind(change.revision)
    .bind(change.state)
    .bind(to)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() != 1 {
        return Err(moved_on().into());
    }
    let detail = json!({ "digest": change.digest, "reason": reason });
    step(office, &mut tx, change, hand, name, detail).await?;
    tx.commit().await?;
    drop(conn);
    require(office, change.change_id).await
}

async fn step(
    office: &Office,
    conn: &mut PgConnection,
    change: &Change,
    hand: &Staff,
    name: &str,
    detail: serde_json::Value,
) -> Result<()> {
    let actor = Actor::Staff(hand.staff_id);
    add_step(office, conn, change.change_id, actor, name, detail).await
}
