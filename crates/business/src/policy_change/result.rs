//! What a simulation found: money and people by district, income band and month; the people one by one; both decisions of a case.

use anju_casework::case::{self, PastCase};
use anju_casework::{Office, Refusal, Result};
use anju_policy::Decision;
use sqlx::FromRow;

use super::simulation::{Simulation, versions};
use super::{Change, fault};

/// A run as a whole.
#[derive(Debug, Clone, Default, FromRow)]
pub struct Totals {
    /// Cases decided.
    pub cases: i64,
    /// Paid by the version in force, fen.
    pub was_fen: i64,
    /// Paid by the draft, fen.
    pub now_fen: i64,
    /// People who get more, each once.
    pub gain: i64,
    /// By how much, fen.
    pub gain_fen: i64,
    /// People who get less, each once.
    pub lose: i64,
    /// By how much, fen; negative.
    pub lose_fen: i64,
    /// People with a case that only the draft approves.
    pub newly_approved: i64,
    /// People with a case that the draft alone refuses.
    pub newly_refused: i64,
    /// People with a case for which the draft would ask something first.
    pub unknown: i64,
}

/// What a figure is about.
#[derive(Debug, Clone, FromRow)]
pub struct Group {
    /// District code, band, or month index.
    pub key: String,
    /// Cases decided.
    pub cases: i64,
    /// Paid by the version in force, fen.
    pub was_fen: i64,
    /// Paid by the draft, fen.
    pub now_fen: i64,
    /// People who get more.
    pub gain: i64,
    /// By how much.
    pub gain_fen: i64,
    /// People who get less.
    pub lose: i64,
    /// By how much; negative.
    pub lose_fen: i64,
}

/// A person whom a change touches.
#[derive(Debug, Clone, FromRow)]
pub struct Affected {
    /// Who.
    pub person_id: i64,
    /// District code of the employer.
    pub district: String,
    /// Income band.
    pub band: i16,
    /// Cases that come out otherwise.
    pub cases: i64,
    /// Paid by the version in force, fen.
    pub was_fen: i64,
    /// Paid by the draft, fen.
    pub now_fen: i64,
    /// One of them is approved by the draft alone.
    pub newly_approved: bool,
    /// One of them is refused by the draft alone.
    pub newly_refused: bool,
}

/// A condition asked of all accounts.
#[derive(Debug, Clone, FromRow)]
pub struct Asked {
    /// Service id.
    pub service: String,
    /// `RENT-01`.
    pub code: String,
    /// People with an account.
    pub people: i64,
    /// Who meets it.
    pub was: i64,
    /// Who will.
    pub now: i64,
    /// Who did not and will.
    pub newly: i64,
    /// Who did and will not.
    pub no_longer: i64,
}

/// Which of the people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Side {
    /// All whom it touches.
    All = 0,
    /// Who gets more.
    Gain = 1,
    /// Who gets less.
    Lose = 2,
    /// Who is approved only now.
    Newly = 3,
    /// Who is refused only now.
    NoLonger = 4,
}

/// The whole.
pub async fn totals(office: &Office, simulation_id: i64) -> Result<Totals> {
    Ok(sqlx::query_as(
        "SELECT s.cases, s.was_fen, s.now_fen, p.gain, p.gain_fen, p.lose, p.lose_fen, p.newly_approved, p.newly_refused, p.unknown
           FROM (SELECT coalesce(sum(cases), 0)::bigint AS cases, coalesce(sum(was_fen), 0)::bigint AS was_fen,
                        coalesce(sum(now_fen), 0)::bigint AS now_fen
                   FROM policy_simulation_sum WHERE centre_id = $1 AND simulation_id = $2) AS s,
                (SELECT count(*) FILTER (WHERE fen > 0) AS gain, coalesce(sum(fen) FILTER (WHERE fen > 0), 0)::bigint AS gain_fen,
                        count(*) FILTER (WHERE fen < 0) AS lose, coalesce(sum(fen) FILTER (WHERE fen < 0), 0)::bigint AS lose_fen,
                        count(*) FILTER (WHERE newly) AS newly_approved, count(*) FILTER (WHERE no_longer) AS newly_refused,
                        count(*) FILTER (WHERE unknown) AS unknown
                   FROM (SELECT sum(now_fen - was_fen) AS fen, bool_or(now = 1 AND was <> 1) AS newly,
                                bool_or(now = 2 AND was = 1) AS no_longer, bool_or(now = 3 AND was <> 3) AS unknown
                           FROM policy_simulation_line WHERE centre_id = $1 AND simulation_id = $2
                          GROUP BY person_id) AS person) AS p",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .fetch_one(&office.pool)
    .await?)
}

/// What figures are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum By {
    /// District, those with the most money first: some forty.
    District = 1,
    /// Income band, the lowest first.
    Band = 2,
    /// Month of the case, the earliest first; people are counted in each month.
    Month = 3,
}

/// The figures of a run, summed.
pub async fn grouped(office: &Office, simulation_id: i64, by: By) -> Result<Vec<Group>> {
    Ok(sqlx::query_as(
        "SELECT s.key, s.cases, s.was_fen, s.now_fen, coalesce(p.gain, 0) AS gain, coalesce(p.gain_fen, 0) AS gain_fen,
                coalesce(p.lose, 0) AS lose, coalesce(p.lose_fen, 0) AS lose_fen
           FROM (SELECT CASE $3::smallint WHEN 1 THEN district WHEN 2 THEN band::text ELSE month::text END AS key,
                        sum(cases)::bigint AS cases, sum(was_fen)::bigint AS was_fen, sum(now_fen)::bigint AS now_fen
                   FROM policy_simulation_sum WHERE centre_id = $1 AND simulation_id = $2 GROUP BY 1) AS s
           LEFT JOIN (SELECT key, count(*) FILTER (WHERE fen > 0) AS gain, coalesce(sum(fen) FILTER (WHERE fen > 0), 0)::bigint AS gain_fen,
                             count(*) FILTER (WHERE fen < 0) AS lose, coalesce(sum(fen) FILTER (WHERE fen < 0), 0)::bigint AS lose_fen
                        FROM (SELECT CASE $3::smallint WHEN 1 THEN min(district) WHEN 2 THEN min(band)::text
                                                       ELSE min(month)::text END AS key,
                                     sum(now_fen - was_fen) AS fen
                                FROM policy_simulation_line WHERE centre_id = $1 AND simulation_id = $2
                               GROUP BY person_id, CASE WHEN $3::smallint = 3 THEN month END) AS person
                       GROUP BY key) AS p USING (key)
          ORDER BY CASE WHEN $3::smallint = 1 THEN -abs(s.now_fen - s.was_fen) END, length(s.key), s.key
          LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .bind(by as i16)
    .fetch_all(&office.pool)
    .await?)
}

/// Conditions that were asked of all accounts.
pub async fn asked(office: &Office, simulation_id: i64) -> Result<Vec<Asked>> {
    Ok(sqlx::query_as(
        "SELECT service, code, sum(people)::bigint AS people, sum(was)::bigint AS was, sum(now)::bigint AS now,
                sum(newly)::bigint AS newly, sum(no_longer)::bigint AS no_longer
           FROM policy_simulation_reach WHERE centre_id = $1 AND simulation_id = $2
          GROUP BY service, code ORDER BY service, code LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .fetch_all(&office.pool)
    .await?)
}

/// People whom it touches, in the order of their numbers, each once.
pub async fn people(
    office: &Office,
    simulation_id: i64,
    side: Side,
    after: i64,
    limit: i64,
) -> Result<Vec<Affected>> {
    Ok(sqlx::query_as(
        "SELECT person_id, min(district) AS district, min(band) AS band, count(*) AS cases, sum(was_fen)::bigint AS was_fen,
                sum(now_fen)::bigint AS now_fen, bool_or(now = 1 AND was <> 1) AS newly_approved,
                bool_or(now = 2 AND was = 1) AS newly_refused
           FROM policy_simulation_line
          WHERE centre_id = $1 AND simulation_id = $2 AND person_id > $3
          GROUP BY person_id
         HAVING CASE $4::smallint WHEN 0 THEN TRUE
                                  WHEN 1 THEN sum(now_fen) > sum(was_fen)
                                  WHEN 2 THEN sum(now_fen) < sum(was_fen)
                                  WHEN 3 THEN bool_or(now = 1 AND was <> 1)
                                  ELSE bool_or(now = 2 AND was = 1) END
          ORDER BY person_id
          LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .bind(after)
    .bind(side as i16)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// One case by both versions.
#[derive(Debug, Clone)]
pub struct BothWays {
    /// The case.
    pub case: PastCase,
    /// By the version in force.
    pub was: Decision,
    /// By the draft.
    pub now: Decision,
}

/// The cases of a person that come out otherwise, each with both decisions: a few.
///
/// # Errors
/// 404 for a person whom it does not touch.
pub async fn of_person(
    office: &Office,
    change: &Change,
    simulation: &Simulation,
    person_id: i64,
) -> Result<Vec<BothWays>> {
    let cases: Vec<i64> = sqlx::query_scalar(
        "SELECT case_id FROM policy_simulation_line
          WHERE centre_id = $1 AND simulation_id = $2 AND person_id = $3 ORDER BY case_id DESC LIMIT 6",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(person_id)
    .fetch_all(&office.pool)
    .await?;
    if cases.is_empty() {
        return Err(Refusal::not_found("受影响的这个人").into());
    }
    let (before, after) = versions(office, change, simulation.stand_on).await?;
    let mut found = Vec::new();
    for case_id in cases {
        let Some(past) = case::past_case(office, case_id).await? else {
            continue;
        };
        let was = before.decide(&past.service, &past.facts, &past.form, past.at);
        let now = after.decide(&past.service, &past.facts, &past.form, past.at);
        // A version that does not have the service has nothing to say of it.
        if let (Ok(was), Ok(now)) = (was, now) {
            found.push(BothWays {
                case: past,
                was,
                now,
            });
        }
    }
    Ok(found)
}

/// The figures that a budget is made of: a year more or less than now, by month.
pub async fn budget(office: &Office, simulation: &Simulation) -> Result<Budget> {
    let months = grouped(office, simulation.simulation_id, By::Month).await?;
    let extra: i64 = months
        .iter()
        .map(|month| month.now_fen - month.was_fen)
        .sum();
    let whole = office
        .policy()
        .set
        .int("simulation_window_months", office.today(), &[])
        .map_err(fault)?;
    Ok(Budget {
        extra_fen: extra,
        months: whole,
        each_month: months,
    })
}

/// What a change costs.
#[derive(Debug, Clone)]
pub struct Budget {
    /// More than now in the months looked at, fen; negative where it is less.
    pub extra_fen: i64,
    /// Months looked at.
    pub months: i64,
    /// By month.
    pub each_month: Vec<Group>,
}
