//! Who is entitled to what, was told and claimed it. One open row for a person and a service: found again it stays the same entitlement and
//! is told once. Invariant: the mark that a message was caused and the message itself are one transaction.

use anju_casework::{Office, Result, outbox};
use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::{FromRow, PgConnection};

use super::Possible;

/// States of an entitlement.
pub mod state {
    /// Open.
    pub const OPEN: i16 = 1;
    /// Claimed.
    pub const CLAIMED: i16 = 2;
    /// No longer.
    pub const LAPSED: i16 = 3;
}

/// Somebody found entitled.
#[derive(Debug, Clone)]
pub struct Found {
    /// Who.
    pub person_id: i64,
    /// The branch that keeps him.
    pub branch_id: i16,
    /// District of the employer.
    pub district: String,
    /// How much.
    pub amount_fen: i64,
}

/// A run of a service on a day.
#[derive(Debug, Clone, FromRow)]
pub struct Run {
    /// Its day.
    pub day: NaiveDate,
    /// The service; empty for the taking of the population.
    pub service: String,
    /// Looked through.
    pub people: i64,
    /// Nothing in our books speaks against it.
    pub possible: i64,
    /// Decided with kept facts and live consents.
    pub judged: i64,
    /// Entitled.
    pub found: i64,
    /// The last person that was judged.
    pub mark: i64,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The run of a service on a day; begun where there is none.
///
/// # Errors
/// The database.
pub async fn begin(office: &Office, day: NaiveDate, service: &str) -> Result<Run> {
    sqlx::query(
        "INSERT INTO entitlement_run (centre_id, day, service, began_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id, day, service) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(day)
    .bind(service)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(sqlx::query_as(
        "SELECT day, service, people, possible, judged, found, mark, ended_at
           FROM entitlement_run WHERE centre_id = $1 AND day = $2 AND service = $3",
    )
    .bind(office.centre.id)
    .bind(day)
    .bind(service)
    .fetch_one(&office.pool)
    .await?)
}

/// Begins the runs of a day anew.
///
/// # Errors
/// The database.
pub async fn begin_again(office: &Office, day: NaiveDate) -> Result<()> {
    sqlx::query(
        "UPDATE entitlement_run SET judged = 0, found = 0, mark = 0, began_at = $3, ended_at = NULL WHERE centre_id = $1 AND day = $2",
    )
    .bind(office.centre.id)
    .bind(day)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The runs of the last day that had any: the population first, then its services.
///
/// # Errors
/// The database.
pub async fn last(office: &Office) -> Result<Vec<Run>> {
    Ok(sqlx::query_as(
        "SELECT day, service, people, possible, judged, found, mark, ended_at FROM entitlement_run
          WHERE centre_id = $1 AND day = (SELECT max(day) FROM entitlement_run WHERE centre_id = $1) ORDER BY service LIMIT 200",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?)
}

/// Ends a run.
///
/// # Errors
/// The database.
pub async fn end(office: &Office, run: &Run, people: i64) -> Result<()> {
    sqlx::query(
        "UPDATE entitlement_run SET people = $4, ended_at = $5 WHERE centre_id = $1 AND day = $2 AND service = $3",
    )
    .bind(office.centre.id)
    .bind(run.day)
    .bind(&run.service)
    .bind(people)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Keeps the counts of a service by district, in place of those before.
///
/// # Errors
/// The database.
pub async fn keep_counts(office: &Office, run: &Run, possible: &[Possible]) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    sqlx::query("DELETE FROM entitlement_count WHERE centre_id = $1 AND service = $2")
        .bind(office.centre.id)
        .bind(&run.service)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO entitlement_count (centre_id, service, branch_id, district, possible)
         SELECT $1, $2, c.branch_id, c.district, c.possible
           FROM unnest($3::smallint[], $4::text[], $5::bigint[]) AS c (branch_id, district, possible)",
    )
    .bind(office.centre.id)
    .bind(&run.service)
    .bind(possible.iter().map(|one| one.branch_id).collect::<Vec<_>>())
    .bind(
        possible
            .iter()
            .map(|one| one.district.clone())
            .collect::<Vec<_>>(),
    )
    .bind(possible.iter().map(|one| one.people).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE entitlement_run SET possible = $4 WHERE centre_id = $1 AND day = $2 AND service = $3")
        .bind(office.centre.id)
        .bind(run.day)
        .bind(&run.service)
        .bind(possible.iter().map(|one| one.people).sum::<i64>())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Keeps what a batch of people came to, and how far the run is, in one transaction. `refused` are those who are entitled no longer.
///
/// # Errors
/// The database.
pub async fn keep(
    office: &Office,
    run: &Run,
    found: &[Found],
    refused: &[i64],
    judged: usize,
    mark: i64,
) -> Result<()> {
    let policy_id = office.policy().id;
    let now = office.now();
    let ids = office.ids.take(found.len()).await?;
    let mut tx = office.pool.begin().await?;
    sqlx::query(
        "INSERT INTO entitlement AS e (centre_id, entitlement_id, person_id, service, branch_id, district, amount_fen, policy_id,
                                       found_at, seen_on)
         SELECT $1, f.entitlement_id, f.person_id, $2, f.branch_id, f.district, f.amount_fen, $3, $4, $5
           FROM unnest($6::bigint[], $7::bigint[], $8::smallint[], $9::text[], $10::bigint[])
                AS f (entitlement_id, person_id, branch_id, district, amount_fen)
             ON CONFLICT (centre_id, person_id, service) WHERE state = 1
             DO UPDATE SET amount_fen = excluded.amount_fen, policy_id = excluded.policy_id, seen_on = excluded.seen_on,
                           branch_id = excluded.branch_id, district = excluded.district",
    )
    .bind(office.centre.id)
    .bind(&run.service)
    .bind(policy_id)
    .bind(now)
    .bind(run.day)
    .bind(ids)
    .bind(found.iter().map(|one| one.person_id).collect::<Vec<_>>())
    .bind(found.iter().map(|one| one.branch_id).collect::<Vec<_>>())
    .bind(found.iter().map(|one| one.district.clone()).collect::<Vec<_>>())
    .bind(found.iter().map(|one| one.amount_fen).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE entitlement SET state = 3, ended_at = $4
          WHERE centre_id = $1 AND service = $2 AND person_id = ANY ($3) AND state = 1",
    )
    .bind(office.centre.id)
    .bind(&run.service)
    .bind(refused)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE entitlement_run SET judged = judged + $4, found = found + $5, mark = $6
          WHERE centre_id = $1 AND day = $2 AND service = $3",
    )
    .bind(office.centre.id)
    .bind(run.day)
    .bind(&run.service)
    .bind(i64::try_from(judged).unwrap_or(i64::MAX))
    .bind(i64::try_from(found.len()).unwrap_or(i64::MAX))
    .bind(mark)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Notes who has claimed since he was found, whichever way he came to it. Returns how many.
///
/// # Errors
/// The database.
pub async fn claimed(office: &Office) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE entitlement e
            SET state = 2, claimed_case = (
                    SELECT min(b.case_id) FROM business_case b
                     WHERE b.centre_id = e.centre_id AND b.applicant_id = e.person_id AND b.service = e.service
                       AND b.state IN (5, 6) AND b.submitted_at >= e.found_at),
                ended_at = $2
          WHERE e.centre_id = $1 AND e.state = 1
            AND EXISTS (SELECT FROM business_case b
                         WHERE b.centre_id = e.centre_id AND b.applicant_id = e.person_id AND b.service = e.service
                           AND b.state IN (5, 6) AND b.submitted_at >= e.found_at)",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(done.rows_affected())
}

/// Ends what has not been found any more for so many days. Returns how many.
///
/// # Errors
/// The database.
pub async fn lapse(office: &Office, days: i64) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE entitlement SET state = 3, ended_at = $3 WHERE centre_id = $1 AND state = 1 AND seen_on < $2",
    )
    .bind(office.centre.id)
    .bind(office.today() - TimeDelta::days(days))
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(done.rows_affected())
}

#[derive(FromRow)]
struct Untold {
    entitlement_id: i64,
    person_id: i64,
    service: String,
    amount_fen: i64,
}

/// Tells who was found and not told yet, the largest amounts first: one message a person and `gap_days`, `most` messages a run, sent from
/// `due_at` on. Who wants no messages is told nothing. Returns how many were told.
///
/// # Errors
/// The database.
pub async fn tell(
    office: &Office,
    most: i64,
    gap_days: i64,
    due_at: DateTime<Utc>,
) -> Result<usize> {
    let now = office.now();
    let mut tx = office.pool.begin().await?;
    let untold: Vec<Untold> = sqlx::query_as(
        "WITH next AS (
             SELECT DISTINCT ON (e.person_id) e.entitlement_id, e.person_id, e.service, e.amount_fen
               FROM entitlement e
              WHERE e.centre_id = $1 AND e.state = 1 AND e.told_at IS NULL
                AND NOT EXISTS (SELECT FROM entitlement_quiet q WHERE q.centre_id = e.centre_id AND q.person_id = e.person_id)
                AND NOT EXISTS (SELECT FROM entitlement t
                                 WHERE t.centre_id = e.centre_id AND t.person_id = e.person_id AND t.told_at > $2)
              ORDER BY e.person_id, e.amount_fen DESC)
         SELECT e.entitlement_id, e.person_id, e.service, e.amount_fen
           FROM entitlement e
           JOIN next USING (entitlement_id)
          WHERE e.centre_id = $1 AND e.told_at IS NULL
          ORDER BY e.amount_fen DESC, e.entitlement_id
          LIMIT $3
            FOR UPDATE OF e SKIP LOCKED",
    )
    .bind(office.centre.id)
    .bind(now - TimeDelta::days(gap_days))
    .bind(most)
    .fetch_all(&mut *tx)
    .await?;
    if untold.is_empty() {
        return Ok(0);
    }
    let policy = office.policy();
    let texts: Vec<String> = untold
        .iter()
        .map(|one| {
            let service = policy.set.service(&one.service);
            let name = service.map_or("提取", |service| service.short_zh.as_str());
            message(name, Fen::new(one.amount_fen))
        })
        .collect();
    let people: Vec<i64> = untold.iter().map(|one| one.person_id).collect();
    outbox::tell_each(office, &mut tx, &people, &texts, due_at).await?;
    sqlx::query(
        "UPDATE entitlement SET told_at = $3 WHERE centre_id = $1 AND entitlement_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(
        untold
            .iter()
            .map(|one| one.entitlement_id)
            .collect::<Vec<_>>(),
    )
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(untold.len())
}

/// What a phone is told: at most 60 characters, no link, and where to have it stopped.
fn message(name: &str, amount: Fen) -> String {
    format!("【公积金】您可以办{name}，约 {amount} 元，请在“提取”里看。不想再收，也在那里关。")
}

/// Whether somebody wants no messages.
///
/// # Errors
/// The database.
pub async fn is_quiet(office: &Office, person_id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM entitlement_quiet WHERE centre_id = $1 AND person_id = $2)",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_one(&office.pool)
    .await?)
}

/// Keeps whether somebody wants no messages.
///
/// # Errors
/// The database.
pub async fn put_quiet(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    quiet: bool,
) -> Result<()> {
    if quiet {
        sqlx::query(
            "INSERT INTO entitlement_quiet (centre_id, person_id, since) VALUES ($1, $2, $3) ON CONFLICT (centre_id, person_id) DO NOTHING",
        )
        .bind(office.centre.id)
        .bind(person_id)
        .bind(office.now())
        .execute(conn)
        .await?;
    } else {
        sqlx::query("DELETE FROM entitlement_quiet WHERE centre_id = $1 AND person_id = $2")
            .bind(office.centre.id)
            .bind(person_id)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// What became of a service's entitlements: take-up.
#[derive(Debug, Clone, FromRow)]
pub struct TakeUp {
    /// The service.
    pub service: String,
    /// Open now.
    pub open: i64,
    /// What the open ones come to, fen.
    pub open_fen: i64,
    /// Told.
    pub told: i64,
    /// Told, and then claimed.
    pub told_claimed: i64,
    /// Claimed in all.
    pub claimed: i64,
    /// No longer, without having been claimed.
    pub lapsed: i64,
}

/// Take-up by service, of one branch or of all.
///
/// # Errors
/// The database.
pub async fn take_up(office: &Office, branch: Option<i16>) -> Result<Vec<TakeUp>> {
    Ok(sqlx::query_as(
        "SELECT service, count(*) FILTER (WHERE state = 1) AS open,
                coalesce(sum(amount_fen) FILTER (WHERE state = 1), 0)::bigint AS open_fen,
                count(*) FILTER (WHERE told_at IS NOT NULL) AS told,
                count(*) FILTER (WHERE told_at IS NOT NULL AND state = 2) AS told_claimed,
                count(*) FILTER (WHERE state = 2) AS claimed,
                count(*) FILTER (WHERE state = 3) AS lapsed
           FROM entitlement
          WHERE centre_id = $1 AND ($2::smallint IS NULL OR branch_id = $2)
          GROUP BY service ORDER BY service LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(branch)
    .fetch_all(&office.pool)
    .await?)
}

/// A service's people of a district.
#[derive(Debug, Clone, FromRow)]
pub struct District {
    /// Six digits.
    pub district: String,
    /// Nothing in our books speaks against it.
    pub possible: i64,
    /// Open.
    pub open: i64,
    /// Told and open.
    pub told: i64,
    /// Claimed.
    pub claimed: i64,
}

/// A service by district, of one branch or of all.
///
/// # Errors
/// The database.
pub async fn by_district(
    office: &Office,
    service: &str,
    branch: Option<i16>,
) -> Result<Vec<District>> {
    Ok(sqlx::query_as(
        "WITH counted AS (
             SELECT district, sum(possible)::bigint AS possible FROM entitlement_count
              WHERE centre_id = $1 AND service = $2 AND ($3::smallint IS NULL OR branch_id = $3) GROUP BY district),
         found AS (
             SELECT district, count(*) FILTER (WHERE state = 1) AS open,
                    count(*) FILTER (WHERE state = 1 AND told_at IS NOT NULL) AS told, count(*) FILTER (WHERE state = 2) AS claimed
               FROM entitlement
              WHERE centre_id = $1 AND service = $2 AND ($3::smallint IS NULL OR branch_id = $3) GROUP BY district)
         SELECT district, coalesce(possible, 0) AS possible, coalesce(open, 0) AS open, coalesce(told, 0) AS told,
                coalesce(claimed, 0) AS claimed
           FROM counted FULL JOIN found USING (district) ORDER BY district LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(service)
    .bind(branch)
    .fetch_all(&office.pool)
    .await?)
}

/// One line of the list.
#[derive(Debug, Clone, FromRow)]
pub struct Listed {
    /// Identifier.
    pub entitlement_id: i64,
    /// Who.
    pub person_id: i64,
    /// District of the employer.
    pub district: String,
    /// See [`state`].
    pub state: i16,
    /// How much, fen.
    pub amount_fen: i64,
    /// When he was found.
    pub found_at: DateTime<Utc>,
    /// When he was told.
    pub told_at: Option<DateTime<Utc>>,
    /// The case that claimed it.
    pub claimed_case: Option<i64>,
}

/// Who was found for a service, newest first, of one branch or of all.
///
/// # Errors
/// The database.
pub async fn list(
    office: &Office,
    service: &str,
    branch: Option<i16>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as(
        "SELECT entitlement_id, person_id, district, state, amount_fen, found_at, told_at, claimed_case
           FROM entitlement
          WHERE centre_id = $1 AND service = $2 AND ($3::smallint IS NULL OR branch_id = $3) AND ($4::bigint IS NULL OR entitlement_id < $4)
          ORDER BY entitlement_id DESC LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(service)
    .bind(branch)
    .bind(before)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_at_most_sixty_characters() {
        let text = message("租房提取约定签约", Fen::new(999_999_999));
        assert!(
            text.chars().count() <= 60,
            "{} {text}",
            text.chars().count()
        );
    }
}
