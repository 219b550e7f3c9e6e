//! 模拟: the ended cases of the last months decided again by both versions, batch by batch in the background; an interrupted run goes on
//! from its mark. Reads of the business alone: it writes nothing but its own tables.
//!
//! Both versions are taken as they will stand on one day (`anju_policy::compare::as_on`), so that a cap of next year is tried on the
//! cases of this one. Each case is judged by the facts, the form and the instant of its own decision.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anju_casework::case::{self, PastCase, Wanted};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Fault, Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::clock::{at_hour, shanghai_date};
use anju_policy::compare::{self, as_on};
use anju_policy::service::Verb;
use anju_policy::{Outcome, PolicyError, PolicyFiles, PolicySet};
use chrono::{DateTime, Months, NaiveDate, Utc};
use serde_json::json;
use sqlx::{Connection, FromRow, PgConnection};

use super::draft::{refusal_of, refusal_of_mistakes};
use super::{
    Change, add_step, base_files, fault, files, levy, officer, reach, require, state, wrong_state,
};

/// Cases that are decided in one transaction.
const BATCH: i64 = 500;

/// It runs, here or on another node.
pub const RUNNING: i16 = 1;
/// Every case is decided.
pub const DONE: i16 = 2;
/// It came to an end that is none; `error` says why.
pub const FAILED: i16 = 3;

/// What a version says of a case.
pub mod answer {
    /// 准予.
    pub const APPROVED: i16 = 1;
    /// 不准.
    pub const REFUSED: i16 = 2;
    /// Something that nobody asked for then would have to be known.
    pub const UNKNOWN: i16 = 3;
}

/// A run.
#[derive(Debug, Clone, FromRow)]
pub struct Simulation {
    /// Identifier.
    pub simulation_id: i64,
    /// Of this change.
    pub change_id: i64,
    /// Of the text that was tried.
    pub digest: String,
    /// Against this version.
    pub base_id: i32,
    /// Both as they stand on this day.
    pub stand_on: NaiveDate,
    /// Cases begun from here on.
    pub since: DateTime<Utc>,
    /// And before here.
    pub until: DateTime<Utc>,
    /// What decides otherwise.
    pub services: Vec<String>,
    /// [`RUNNING`], [`DONE`], [`FAILED`].
    pub state: i16,
    /// The mark.
    pub after_case: i64,
    /// Cases to decide; 0 until they are counted.
    pub total: i64,
    /// Cases decided.
    pub done: i64,
    /// Why it failed.
    pub error: String,
    /// Begun by.
    pub maker_id: i64,
    /// Begun at.
    pub made_at: DateTime<Utc>,
    /// Ended at.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The newest run of a change.
pub async fn latest(office: &Office, change_id: i64) -> Result<Option<Simulation>> {
    Ok(sqlx::query_as(
        "SELECT simulation_id, change_id, digest, base_id, stand_on, since, until, services, state, after_case, total, done, error,
                maker_id, made_at, ended_at
           FROM policy_simulation WHERE centre_id = $1 AND change_id = $2 ORDER BY simulation_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(change_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The day on which both versions are looked at where nobody names one: when everything that changes holds.
pub fn usual_day(office: &Office, change: &Change) -> NaiveDate {
    let today = office.today();
    compare::last_from(&change.differences.0).map_or(today, |from| from.max(today))
}

/// The two versions of a change as they stand on a day.
///
/// # Errors
/// `E-POL-06` where one does not load.
pub async fn versions(
    office: &Office,
    change: &Change,
    stand_on: NaiveDate,
) -> Result<(PolicySet, PolicySet)> {
    let (before, after) = (
        base_files(office, change).await?,
        files(office, change).await?,
    );
    both(before, after, stand_on).await
}

/// Loading is some hundred milliseconds of work: not on a thread that answers others.
async fn both(
    before: PolicyFiles,
    after: PolicyFiles,
    stand_on: NaiveDate,
) -> Result<(PolicySet, PolicySet)> {
    tokio::task::spawn_blocking(move || as_on(&before, &after, stand_on))
        .await
        .map_err(|_| Fault::Stored("loading two versions did not finish".to_owned()))?
        .map_err(|errors| refusal_of(&errors).into())
}

/// The services of people that decide otherwise.
fn services(before: &PolicySet, after: &PolicySet) -> Vec<String> {
    let of_people = |set: &PolicySet, id: &str| {
        let service = set.service(id);
        service.is_some_and(|service| {
            service.verb == Verb::Do && service.audience.iter().any(|who| who == "employee")
        })
    };
    let mut differing = before.services_that_differ(after);
    differing.retain(|id| of_people(before, id) || of_people(after, id));
    differing
}

/// Which cases a run decides: those of the months of policy before now.
fn window(office: &Office) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let (now, today) = (office.now(), office.today());
    let months = office
        .policy()
        .set
        .int("simulation_window_months", today, &[])
        .map_err(fault)?;
    let months = u32::try_from(months).unwrap_or(12);
    let first = today
        .checked_sub_months(Months::new(months))
        .and_then(|day| at_hour(day, 0))
        .ok_or_else(|| Fault::Policy("simulation_window_months".to_owned()))?;
    Ok((first, now))
}

/// Begins a run; one of the same text and day that runs already is that one.
///
/// # Errors
/// `E-POL-01`, `E-POL-03`, `E-POL-06` for a draft with mistakes, `E-POL-07` where nothing differs.
pub async fn begin(
    office: &Office,
    change: &Change,
    stand_on: Option<NaiveDate>,
    maker: &Staff,
) -> Result<Simulation> {
    officer(maker)?;
    if !matches!(change.state, state::DRAFT | state::PROPOSED) {
        return Err(wrong_state(change, "再模拟").into());
    }
    if !change.faults.0.is_empty() {
        return Err(refusal_of_mistakes(&change.faults.0).into());
    }
    if change.differences.0.is_empty() {
        let detail = "草案与现行政策没有不同，没有什么可以模拟。";
        return Err(Refusal::rule("E-POL-07", detail).into());
    }
    let stand_on = stand_on.unwrap_or_else(|| usual_day(office, change));
    if let Some(running) = latest(office, change.change_id).await?
        && running.state == RUNNING
        && (&running.digest, running.stand_on) == (&change.digest, stand_on)
    {
        return Ok(running);
    }
    let (before, after) = versions(office, change, stand_on).await?;
    let services = services(&before, &after);
    let (since, until) = window(office)?;
    let simulation_id = office.ids.next().await?;
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    // One after another: steps are numbered.
    sqlx::query("SELECT 1 FROM policy_change WHERE centre_id = $1 AND change_id = $2 FOR UPDATE")
        .bind(office.centre.id)
        .bind(change.change_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO policy_simulation (centre_id, simulation_id, change_id, digest, base_id, stand_on, since, until, services, state,
                                        after_case, total, maker_id, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, 0, $11, $12)",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .bind(change.change_id)
    .bind(&change.digest)
    .bind(change.base_id)
    .bind(stand_on)
    .bind(since)
    .bind(until)
    .bind(&services)
    .bind(i64::MIN)
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "digest": change.digest, "stand_on": stand_on, "services": services });
    let actor = Actor::Staff(maker.staff_id);
    add_step(
        office,
        &mut tx,
        change.change_id,
        actor,
        "simulating",
        detail,
    )
    .await?;
    tx.commit().await?;
    drop(conn);
    latest(office, change.change_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这次模拟").into())
}

/// Any number that nobody else takes as a lock: who runs simulations holds it.
const LOCK: i32 = 0x706f_6c00;

/// Goes on with what runs, until nothing does. A run that is going on, here or on another node, is left alone.
///
/// # Errors
/// The database.
pub async fn run_waiting(office: &Office) -> Result<()> {
    if next(office).await?.is_none() {
        return Ok(());
    }
    // A connection that goes with the run, and with it the lock.
    let mut conn = office.pool.acquire().await?.detach();
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(LOCK)
        .bind(i32::from(office.centre.id))
        .fetch_one(&mut conn)
        .await?;
    if free {
        while let Some(simulation) = next(office).await? {
            if let Err(error) = run(office, &mut conn, &simulation).await {
                match error {
                    anju_casework::Error::Refused(refusal) => {
                        fail(office, &mut conn, &simulation, &refusal.detail).await?;
                    }
                    other => return Err(other),
                }
            }
        }
    }
    Ok(conn.close().await?)
}

async fn next(office: &Office) -> Result<Option<Simulation>> {
    Ok(sqlx::query_as(
        "SELECT simulation_id, change_id, digest, base_id, stand_on, since, until, services, state, after_case, total, done, error,
                maker_id, made_at, ended_at
           FROM policy_simulation WHERE centre_id = $1 AND state = 1 ORDER BY simulation_id LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?)
}

async fn fail(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    why: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE policy_simulation SET state = 3, error = $3, ended_at = $4 WHERE centre_id = $1 AND simulation_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(why)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(())
}

async fn run(office: &Office, conn: &mut PgConnection, simulation: &Simulation) -> Result<()> {
    let change = require(office, simulation.change_id).await?;
    if (&change.digest, change.base_id) != (&simulation.digest, simulation.base_id) {
        let detail = "模拟途中草案又改了，请重新模拟。";
        return Err(Refusal::rule("E-POL-08", detail).into());
    }
    let (before, after) = versions(office, &change, simulation.stand_on).await?;
    let (before, after) = (Arc::new(before), Arc::new(after));
    let wanted = Wanted {
        services: &simulation.services,
        since: simulation.since,
        until: simulation.until,
    };
    if simulation.after_case == i64::MIN {
        let total = case::count_past(office, &wanted).await?;
        sqlx::query("UPDATE policy_simulation SET total = $3 WHERE centre_id = $1 AND simulation_id = $2 AND state = 1")
            .bind(office.centre.id)
            .bind(simulation.simulation_id)
            .bind(total)
            .execute(&mut *conn)
            .await?;
    }
    let mut after_case = simulation.after_case;
    loop {
        let cases = case::past(office, &wanted, after_case, BATCH).await?;
        let Some(last) = cases.last().map(|case| case.case_id) else {
            break;
        };
        let decided = judge(cases, before.clone(), after.clone()).await?;
        let lines = place(office, decided).await?;
        if !keep(office, conn, simulation, after_case, last, &lines).await? {
            // Somebody else went on with it.
            return Ok(());
        }
        after_case = last;
    }
    let reached = reach::ask(office, &before, &after, simulation).await?;
    let levied = levy::ask(office, &before, &after, simulation.stand_on).await?;
    end(office, conn, simulation, &reached, levied.as_ref()).await
}

/// A case as both versions see it.
#[derive(Debug, Clone)]
struct Judged {
    case: PastCase,
    was: (i16, i64),
    now: (i16, i64),
}

async fn judge(
    cases: Vec<PastCase>,
    before: Arc<PolicySet>,
    after: Arc<PolicySet>,
) -> Result<Vec<Judged>> {
    tokio::task::spawn_blocking(move || {
        cases
            .into_iter()
            .map(|case| {
                let (was, now) = (said(&before, &case)?, said(&after, &case)?);
                Ok(Judged { case, was, now })
            })
            .collect()
    })
    .await
    .map_err(|_| Fault::Stored("a simulation did not finish a batch".to_owned()))?
}

/// What a version says of a case, and what it pays: what a reviewer decided stays as he decided it wherever a person must look.
pub fn said(set: &PolicySet, case: &PastCase) -> Result<(i16, i64)> {
    let reading = match set.reading(&case.service, &case.facts, &case.form, case.at) {
        Ok(reading) => reading,
        // A version without the service pays nothing.
        Err(PolicyError::UnknownService(_)) => return Ok((answer::REFUSED, 0)),
        Err(error) => return Err(fault(error)),
    };
    let verdict = reading.judge();
    let outcome = match verdict.outcome {
        Outcome::Approved => answer::APPROVED,
        Outcome::Review if case.was_approved => answer::APPROVED,
        Outcome::Refused | Outcome::Review => answer::REFUSED,
        Outcome::Waiting => answer::UNKNOWN,
    };
    let fen = match (outcome, verdict.amount) {
        (answer::APPROVED, Some(Ok(fen))) => fen.max(0),
        _ => 0,
    };
    Ok((outcome, fen))
}

/// A judged case with where its person belongs.
struct Line {
    judged: Judged,
    district: String,
    band: i16,
    month: i32,
}

#[derive(FromRow)]
struct Place {
    person_id: i64,
    district: String,
    base_fen: i64,
}

/// Income bands of a policy: the lowest base of each, the first of them zero.
pub fn bands(office: &Office) -> Result<Vec<i64>> {
    let (policy, today) = (office.policy(), office.today());
    let set = &policy.set;
    let count = set.int("simulation_bands", today, &[]).map_err(fault)?;
    (1..=count)
        .map(|band| {
            let band = band.to_string();
            let from = set.fen("simulation_band_from_fen", today, &[("band", &band)]);
            from.map(|fen| fen.fen()).map_err(fault)
        })
        .collect()
}

pub(super) fn band_of(bands: &[i64], base_fen: i64) -> i16 {
    let band = bands.iter().filter(|from| **from <= base_fen).count();
    i16::try_from(band).unwrap_or(i16::MAX)
}

async fn place(office: &Office, judged: Vec<Judged>) -> Result<Vec<Line>> {
    let people: Vec<i64> = judged.iter().map(|one| one.case.person_id).collect();
    let places: Vec<Place> = sqlx::query_as(
        "SELECT DISTINCT ON (m.person_id) m.person_id, e.district, m.base_fen
           FROM membership m
           JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
          WHERE m.centre_id = $1 AND m.person_id = ANY ($2)
          ORDER BY m.person_id, m.state, m.membership_id DESC",
    )
    .bind(office.centre.id)
    .bind(&people)
    .fetch_all(&office.pool)
    .await?;
    let places: HashMap<i64, Place> = places
        .into_iter()
        .map(|place| (place.person_id, place))
        .collect();
    let bands = bands(office)?;
    Ok(judged
        .into_iter()
        .map(|judged| {
            let place = places.get(&judged.case.person_id);
            Line {
                district: place
                    .map(|place| place.district.clone())
                    .unwrap_or_default(),
                band: place.map_or(0, |place| band_of(&bands, place.base_fen)),
                month: Month::of(shanghai_date(judged.case.submitted_at)).index(),
                judged,
            }
        })
        .collect())
}

/// Keeps a batch with its mark: both or neither. False where the mark stands elsewhere.
async fn keep(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    after: i64,
    last: i64,
    lines: &[Line],
) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let moved = sqlx::query(
        "UPDATE policy_simulation SET after_case = $4, done = done + $5
          WHERE centre_id = $1 AND simulation_id = $2 AND state = 1 AND after_case = $3",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(after)
    .bind(last)
    .bind(lines.len() as i64)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() != 1 {
        return Ok(false);
    }
    let other: Vec<&Line> = lines
        .iter()
        .filter(|line| line.judged.was != line.judged.now)
        .collect();
    let column =
        |value: fn(&Line) -> i64| other.iter().map(|line| value(line)).collect::<Vec<i64>>();
    let small =
        |value: fn(&Line) -> i16| other.iter().map(|line| value(line)).collect::<Vec<i16>>();
    let text = |value: fn(&Line) -> &str| {
        other
            .iter()
            .map(|line| value(line).to_owned())
            .collect::<Vec<String>>()
    };
    sqlx::query(
        "INSERT INTO policy_simulation_line (centre_id, simulation_id, person_id, case_id, service, district, band, month, was, now,
                                             was_fen, now_fen)
         SELECT $1, $2, line.*
           FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::smallint[], $8::integer[], $9::smallint[],
                       $10::smallint[], $11::bigint[], $12::bigint[]) AS line",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(column(|line| line.judged.case.person_id))
    .bind(column(|line| line.judged.case.case_id))
    .bind(text(|line| &line.judged.case.service))
    .bind(text(|line| &line.district))
    .bind(small(|line| line.band))
    .bind(other.iter().map(|line| line.month).collect::<Vec<i32>>())
    .bind(small(|line| line.judged.was.0))
    .bind(small(|line| line.judged.now.0))
    .bind(column(|line| line.judged.was.1))
    .bind(column(|line| line.judged.now.1))
    .execute(&mut *tx)
    .await?;
    add_up(office, &mut tx, simulation, lines).await?;
    tx.commit().await?;
    Ok(true)
}

async fn add_up(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    lines: &[Line],
) -> Result<()> {
    let mut sums: BTreeMap<(i32, &str, i16), (i64, i64, i64)> = BTreeMap::new();
    for line in lines {
        let sum = sums
            .entry((line.month, &line.district, line.band))
            .or_default();
        sum.0 += 1;
        sum.1 += line.judged.was.1;
        sum.2 += line.judged.now.1;
    }
    sqlx::query(
        "INSERT INTO policy_simulation_sum (centre_id, simulation_id, month, district, band, cases, was_fen, now_fen)
         SELECT $1, $2, part.*
           FROM unnest($3::integer[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[], $8::bigint[]) AS part
             ON CONFLICT (centre_id, simulation_id, month, district, band) DO UPDATE
            SET cases = policy_simulation_sum.cases + excluded.cases, was_fen = policy_simulation_sum.was_fen + excluded.was_fen,
                now_fen = policy_simulation_sum.now_fen + excluded.now_fen",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(sums.keys().map(|key| key.0).collect::<Vec<i32>>())
    .bind(sums.keys().map(|key| key.1.to_owned()).collect::<Vec<String>>())
    .bind(sums.keys().map(|key| key.2).collect::<Vec<i16>>())
    .bind(sums.values().map(|sum| sum.0).collect::<Vec<i64>>())
    .bind(sums.values().map(|sum| sum.1).collect::<Vec<i64>>())
    .bind(sums.values().map(|sum| sum.2).collect::<Vec<i64>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn end(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    reached: &[reach::Reached],
    levied: Option<&levy::Levied>,
) -> Result<()> {
    let mut tx = conn.begin().await?;
    sqlx::query("SELECT 1 FROM policy_change WHERE centre_id = $1 AND change_id = $2 FOR UPDATE")
        .bind(office.centre.id)
        .bind(simulation.change_id)
        .execute(&mut *tx)
        .await?;
    let ended = sqlx::query(
        "UPDATE policy_simulation SET state = 2, ended_at = $3 WHERE centre_id = $1 AND simulation_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() != 1 {
        return Ok(());
    }
    reach::keep(office, &mut tx, simulation, reached).await?;
    if let Some(levied) = levied {
        levy::keep(office, &mut tx, simulation, levied).await?;
    }
    let (cases, was_fen, now_fen): (i64, i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(cases), 0)::bigint, coalesce(sum(was_fen), 0)::bigint, coalesce(sum(now_fen), 0)::bigint
           FROM policy_simulation_sum WHERE centre_id = $1 AND simulation_id = $2",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .fetch_one(&mut *tx)
    .await?;
    let detail = json!({
        "digest": simulation.digest, "stand_on": simulation.stand_on, "cases": cases, "was_fen": was_fen, "now_fen": now_fen,
    });
    let actor = Actor::Staff(simulation.maker_id);
    add_step(
        office,
        &mut tx,
        simulation.change_id,
        actor,
        "simulated",
        detail,
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Two folders over the population at once, with nothing kept: for the command line.
///
/// # Errors
/// A version that does not load, the database.
pub async fn compare_files(
    office: &Office,
    before: PolicyFiles,
    after: PolicyFiles,
    stand_on: Option<NaiveDate>,
) -> Result<Compared> {
    let mut differences = compare::differences(&before, &after);
    // The version's own name is not a rule.
    differences.retain(|one| one.name != "policy");
    let today = office.today();
    let stand_on = stand_on
        .or_else(|| compare::last_from(&differences))
        .map_or(today, |day| day.max(today));
    let (before, after) = both(before, after, stand_on).await?;
    let services = services(&before, &after);
    let (before, after) = (Arc::new(before), Arc::new(after));
    let (since, until) = window(office)?;
    let wanted = Wanted {
        services: &services,
        since,
        until,
    };
    let mut compared = Compared {
        stand_on,
        services: services.clone(),
        ..Compared::default()
    };
    let mut people: HashMap<i64, i64> = HashMap::new();
    let mut after_case = i64::MIN;
    loop {
        let cases = case::past(office, &wanted, after_case, BATCH).await?;
        let Some(last) = cases.last().map(|case| case.case_id) else {
            break;
        };
        after_case = last;
        for judged in judge(cases, before.clone(), after.clone()).await? {
            compared.cases += 1;
            compared.was_fen += judged.was.1;
            compared.now_fen += judged.now.1;
            match (judged.was.0, judged.now.0) {
                (was, now) if was == now => {}
                (_, answer::APPROVED) => compared.newly_approved += 1,
                (_, answer::REFUSED) => compared.newly_refused += 1,
                _ => compared.unknown += 1,
            }
            *people.entry(judged.case.person_id).or_default() += judged.now.1 - judged.was.1;
        }
    }
    compared.gain = people.values().filter(|fen| **fen > 0).count();
    compared.lose = people.values().filter(|fen| **fen < 0).count();
    compared.levied = levy::ask(office, &before, &after, stand_on).await?;
    compared.differences = differences;
    Ok(compared)
}

/// What two versions come to.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Both as they stand on this day.
    pub stand_on: NaiveDate,
    /// What decides otherwise.
    pub services: Vec<String>,
    /// Cases decided.
    pub cases: i64,
    /// Paid by the first, fen.
    pub was_fen: i64,
    /// Paid by the second, fen.
    pub now_fen: i64,
    /// People who get more.
    pub gain: usize,
    /// People who get less.
    pub lose: usize,
    /// Cases that only the second approves.
    pub newly_approved: i64,
    /// Cases that only the first approves.
    pub newly_refused: i64,
    /// Cases for which the second would ask something else first.
    pub unknown: i64,
    /// Who contributes otherwise, where the limits differ.
    pub levied: Option<levy::Levied>,
    /// What the two say differently.
    pub differences: Vec<compare::Difference>,
}
