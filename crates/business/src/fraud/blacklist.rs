//! The life of an entry: 疑似 → 认定 (told, heard for some working days) → 限制 (a term) → 解除. One enters, another confirms; who enters or
//! confirms does not decide what its person says to it.

use anju_casework::staff::Staff;
use anju_casework::{Actor, Fault, Office, PgConnection, Refusal, Result, case, outbox};
use anju_domain::calendar::{add_months, chinese_date, chinese_day};
use chrono::{Days, NaiveDate};
use serde_json::json;

use super::entry::{self, Entry, Release, add_step, state};
use super::{reasoned, statement};
use crate::policy::Rules;
use crate::withdrawal::recovery;

/// A suspicion that somebody enters.
pub struct Suspicion<'a> {
    /// Whom it is about.
    pub person_id: i64,
    /// Who keeps it.
    pub branch_id: i16,
    /// A pattern of §9.
    pub ground: &'a str,
    /// What it stands on.
    pub finding: &'a str,
    /// The withdrawal that it came of.
    pub case_id: Option<i64>,
    /// Who enters it.
    pub staff_id: i64,
}

/// Enters a suspicion, in the caller's transaction.
///
/// # Errors
/// `E-BLK-01` where the same withdrawal has a living entry.
pub async fn enter(
    office: &Office,
    tx: &mut PgConnection,
    suspicion: &Suspicion<'_>,
) -> Result<i64> {
    let finding = reasoned(suspicion.finding)?;
    let entry_id = office.ids.next().await?;
    let owed_fen = match suspicion.case_id {
        Some(case_id) => wrongly_paid(office, tx, case_id).await?,
        None => 0,
    };
    let entered = sqlx::query(
        "INSERT INTO blacklist_entry (centre_id, entry_id, person_id, branch_id, state, ground, finding, case_id, owed_fen,
                                      entered_by, entered_at)
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (centre_id, person_id, coalesce(case_id, 0)) WHERE state < 4 DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .bind(suspicion.person_id)
    .bind(suspicion.branch_id)
    .bind(suspicion.ground)
    .bind(finding)
    .bind(suspicion.case_id)
    .bind(owed_fen)
    .bind(suspicion.staff_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if entered.rows_affected() != 1 {
        let detail = "这位职工就同一件事已有一条没有解除的失信记录，请在失信名单里接着办。";
        return Err(Refusal::rule("E-BLK-01", detail).into());
    }
    let detail = json!({
        "ground": suspicion.ground,
        "finding": finding,
        "case": suspicion.case_id.map(|case_id| case::number(office, case_id)),
        "owed_fen": owed_fen,
    });
    let actor = Actor::Staff(suspicion.staff_id);
    add_step(office, tx, entry_id, actor, "suspected", detail).await?;
    metrics::counter!("blacklist_total", "step" => "suspected").increment(1);
    Ok(entry_id)
}

/// Enters a suspicion that is found after the case: by its person or by the withdrawal.
///
/// # Errors
/// As [`enter`]; `E-BLK-02` for a ground that is none, `E-BLK-03` for a withdrawal of somebody else.
pub async fn enter_by_hand(office: &Office, suspicion: &Suspicion<'_>) -> Result<i64> {
    if !super::GROUNDS
        .iter()
        .any(|(code, _)| *code == suspicion.ground)
    {
        return Err(Refusal::rule("E-BLK-02", "请选失信的情形。").into());
    }
    if let Some(case_id) = suspicion.case_id {
        let one = case::require(office, case_id).await?;
        if one.applicant_id != suspicion.person_id {
            let detail = "这个办件不是这位职工的，请核对办件号和客户号。";
            return Err(Refusal::rule("E-BLK-03", detail).into());
        }
    }
    let mut tx = office.pool.begin().await?;
    let entry_id = enter(office, &mut tx, suspicion).await?;
    tx.commit().await?;
    Ok(entry_id)
}

/// What a withdrawal has put on a card and is still there.
async fn wrongly_paid(office: &Office, tx: &mut PgConnection, case_id: i64) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(max(c.amount_fen), 0) FROM business_case c
           JOIN withdrawal_use u USING (centre_id, case_id)
          WHERE c.centre_id = $1 AND c.case_id = $2 AND c.pay_state IN (1, 2, 3) AND u.state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_one(tx)
    .await?)
}

/// What the second person says to a suspicion.
pub enum Second {
    /// It is so, and binds for these years.
    Confirm(i64),
    /// It is not.
    Drop,
}

/// The second person's word. Confirmed, its person is told and may be heard, his employer is told, and what was wrongly paid is asked back.
///
/// # Errors
/// 403 `E-CHECK-01` for who entered it, 409 `E-CHECK-02` where it is no suspicion any more, `E-BLK-04` for years beyond those of policy.
pub async fn decide(
    office: &Office,
    entry_id: i64,
    second: Second,
    reason: &str,
    staff: &Staff,
) -> Result<()> {
    let reason = reasoned(reason)?;
    let mut tx = office.pool.begin().await?;
    let one = entry::lock(office, &mut tx, entry_id).await?;
    if one.entered_by == staff.staff_id {
        return Err(case::own_work().into());
    }
    if one.state != state::SUSPECT {
        return Err(case::moved_on().into());
    }
    match second {
        Second::Drop => {
            let actor = Actor::Staff(staff.staff_id);
            release(office, &mut tx, &one, Release::NotConfirmed, actor, reason).await?;
        }
        Second::Confirm(years) => confirm(office, &mut tx, &one, years, reason, staff).await?,
    }
    tx.commit().await?;
    office.changed_with_messages(entry_id);
    Ok(())
}

async fn confirm(
    office: &Office,
    tx: &mut PgConnection,
    one: &Entry,
    years: i64,
    reason: &str,
    staff: &Staff,
) -> Result<()> {
    let rules = Rules::on(office, office.today());
    let most = rules.int("blacklist_years_max")?;
    if !(1..=most).contains(&years) {
        let detail = format!("限制年数应在 1 到 {most} 年之间。");
        return Err(Refusal::rule("E-BLK-04", detail).into());
    }
    let years =
        i16::try_from(years).map_err(|_| Fault::Policy("blacklist_years_max".to_owned()))?;
    let heard_until = office
        .holidays()
        .add_working_days(office.today(), rules.days("blacklist_heard_days")?);
    // What a bank had not confirmed when it was entered may be on the card by now.
    let owed_fen = match one.case_id {
        Some(case_id) => wrongly_paid(office, tx, case_id).await?,
        None => 0,
    };
    sqlx::query(
        "UPDATE blacklist_entry SET state = 2, years = $3, confirmed_by = $4, heard_until = $5, owed_fen = $6
          WHERE centre_id = $1 AND entry_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.entry_id)
    .bind(years)
    .bind(staff.staff_id)
    .bind(heard_until)
    .bind(owed_fen)
    .execute(&mut *tx)
    .await?;
    let actor = Actor::Staff(staff.staff_id);
    let detail = json!({ "reason": reason, "years": years, "heard_until": heard_until, "owed_fen": owed_fen });
    add_step(office, tx, one.entry_id, actor, "confirmed", detail).await?;
    let text = format!(
        "【公积金】您因违规提取拟被限制提取和贷款，{}前可在网上“失信与追回”里陈述申辩。",
        chinese_day(heard_until)
    );
    tell(office, tx, one.person_id, text).await?;
    tell_employer(office, tx, one.person_id).await?;
    if owed_fen > 0
        && let Some(of_case) = one.case_id
    {
        let entry = (one.entry_id, one.ground.as_str(), one.finding.as_str());
        recovery::demand_of_entry(office, tx, entry, of_case, staff.staff_id).await?;
    }
    metrics::counter!("blacklist_total", "step" => "confirmed").increment(1);
    Ok(())
}

/// The clerks of his employer hear that it is so; a phone is told no name.
async fn tell_employer(office: &Office, tx: &mut PgConnection, person_id: i64) -> Result<()> {
    let employer_id: Option<i64> = sqlx::query_scalar(
        "SELECT employer_id FROM membership WHERE centre_id = $1 AND person_id = $2 ORDER BY state, membership_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(employer_id) = employer_id else {
        return Ok(());
    };
    let text = "【公积金】贵单位有职工因违规提取被认定失信，请加强宣传，如有疑问请联系中心。";
    outbox::tell_clerks(office, tx, employer_id, None, text).await
}

pub(super) async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
    text: String,
) -> Result<()> {
    debug_assert!(text.chars().count() <= 60, "{text}");
    outbox::tell_each(office, tx, &[person_id], &[text], office.now()).await
}

/// What its person said was wrong: nothing changes but the days.
pub(super) async fn uphold(
    office: &Office,
    tx: &mut PgConnection,
    one: &Entry,
    actor: Actor,
    reason: &str,
) -> Result<()> {
    let detail = json!({ "reason": reason });
    add_step(office, tx, one.entry_id, actor, "upheld", detail).await?;
    let text = "【公积金】您对失信记录的申辩没有采纳，理由请在网上“失信与追回”里看。";
    tell(office, tx, one.person_id, text.to_owned()).await
}

/// Ends an entry and its term, in the caller's transaction, which holds the entry.
pub(super) async fn release(
    office: &Office,
    tx: &mut PgConnection,
    one: &Entry,
    why: Release,
    actor: Actor,
    reason: &str,
) -> Result<()> {
    let today = office.today();
    sqlx::query(
        "UPDATE blacklist_entry SET state = 4, released_on = $3, release = $4 WHERE centre_id = $1 AND entry_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.entry_id)
    .bind(today)
    .bind(why as i16)
    .execute(&mut *tx)
    .await?;
    if let Some(from_date) = one.from_date {
        // A term that ends before its day binds no more from today on; another entry's term from the same day stays.
        sqlx::query(
            "UPDATE blacklist b
                SET to_date = greatest(least(to_date, $4),
                                       (SELECT max(e.to_date) FROM blacklist_entry e
                                         WHERE e.centre_id = $1 AND e.person_id = $2 AND e.state = 3 AND e.from_date = $3))
              WHERE b.centre_id = $1 AND b.person_id = $2 AND b.from_date = $3",
        )
        .bind(office.centre.id)
        .bind(one.person_id)
        .bind(from_date)
        .bind(today - Days::new(1))
        .execute(&mut *tx)
        .await?;
    }
    let step = match why {
        Release::Expired => "expired",
        Release::Returned => "released_after_return",
        Release::Objection => "revoked",
        Release::NotConfirmed => "not_confirmed",
    };
    add_step(
        office,
        tx,
        one.entry_id,
        actor,
        step,
        json!({ "reason": reason }),
    )
    .await?;
    metrics::counter!("blacklist_total", "step" => step).increment(1);
    let text = match why {
        Release::NotConfirmed => return Ok(()),
        Release::Objection => "【公积金】您的申辩成立，失信记录已撤销，可以照常办理提取和贷款。",
        Release::Expired | Release::Returned => {
            "【公积金】您的失信限制已解除，可以照常办理提取和贷款。"
        }
    };
    tell(office, tx, one.person_id, text.to_owned()).await
}

/// Entries that are moved in one look.
const AT_ONCE: i64 = 200;

/// The night's work: what was confirmed and heard binds, what is over is released. How many moved.
pub(super) async fn turn(office: &Office, today: NaiveDate) -> Result<u64> {
    let mut moved = 0;
    let binds: Vec<i64> = sqlx::query_scalar(
        "SELECT entry_id FROM blacklist_entry e
          WHERE centre_id = $1 AND state = 2 AND heard_until < $2
            AND NOT EXISTS (SELECT FROM fraud_statement s
                             WHERE s.centre_id = $1 AND s.ref_id = e.entry_id AND s.stage > 0 AND s.outcome IS NULL)
          ORDER BY heard_until LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    for entry_id in binds {
        moved += u64::from(bind(office, entry_id, today).await?);
    }
    let early = Rules::on(office, today).months("blacklist_early_months")?;
    let ends: Vec<i64> = sqlx::query_scalar(
        "SELECT entry_id FROM blacklist_entry e
          WHERE centre_id = $1 AND state = 3
            AND (to_date < $2 OR (from_date <= $3
                 AND NOT EXISTS (SELECT FROM recovery r WHERE r.centre_id = $1 AND r.entry_id = e.entry_id AND r.state IN (1, 2))))
          ORDER BY from_date LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(add_months(today, -early))
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    for entry_id in ends {
        moved += u64::from(end(office, entry_id, today).await?);
    }
    Ok(moved)
}

async fn bind(office: &Office, entry_id: i64, today: NaiveDate) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let one = entry::lock(office, &mut tx, entry_id).await?;
    let Some(years) = one.years.filter(|_| one.state == state::CONFIRMED) else {
        return Ok(false);
    };
    if statement::waits(office, &mut tx, entry_id).await? {
        return Ok(false);
    }
    let to_date = add_months(today, i32::from(years) * 12) - Days::new(1);
    sqlx::query(
        "UPDATE blacklist_entry SET state = 3, from_date = $3, to_date = $4 WHERE centre_id = $1 AND entry_id = $2",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .bind(today)
    .bind(to_date)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO blacklist AS b (centre_id, person_id, from_date, to_date, reason) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (centre_id, person_id, from_date) DO UPDATE SET to_date = greatest(b.to_date, excluded.to_date)",
    )
    .bind(office.centre.id)
    .bind(one.person_id)
    .bind(today)
    .bind(to_date)
    .bind(super::ground_word(&one.ground))
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "from": today, "to": to_date });
    add_step(
        office,
        &mut tx,
        entry_id,
        Actor::System,
        "restricted",
        detail,
    )
    .await?;
    let text = format!(
        "【公积金】您因违规提取被列入失信名单，至{}不能提取和贷款，异议请在网上提出。",
        chinese_date(to_date)
    );
    tell(office, &mut tx, one.person_id, text).await?;
    tx.commit().await?;
    office.changed_with_messages(entry_id);
    metrics::counter!("blacklist_total", "step" => "restricted").increment(1);
    Ok(true)
}

async fn end(office: &Office, entry_id: i64, today: NaiveDate) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let one = entry::lock(office, &mut tx, entry_id).await?;
    let Some(to_date) = one.to_date.filter(|_| one.state == state::RESTRICTED) else {
        return Ok(false);
    };
    let why = if to_date < today {
        Release::Expired
    } else {
        Release::Returned
    };
    release(office, &mut tx, &one, why, Actor::System, "").await?;
    tx.commit().await?;
    office.changed_with_messages(entry_id);
    Ok(true)
}
