//! What is kept of each case, and when: the events since the last look name the cases that are measured anew. Set by set, a day of events at most in
//! one transaction with its mark, so that a centre of many years is caught up with after an interruption where it stood.

use anju_casework::{Office, Result};
use anju_policy::service::Mode;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::contribution::{one_stop, opening};

/// How far before the mark a look begins again: an event is stamped before its transaction commits.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// How much time a transaction covers.
const STRIDE: TimeDelta = TimeDelta::days(1);

/// Measures every case of which something has happened since the last look; says how many changed what they say.
///
/// # Errors
/// The database.
pub async fn follow(office: &Office) -> Result<u64> {
    let now = office.now();
    let mut changed = 0;
    loop {
        let mut tx = office.pool.begin().await?;
        let from = mark(office, &mut tx).await?;
        let to = (from + STRIDE).min(now);
        changed += measure(office, &mut tx, from - LATE, to).await?;
        sqlx::query("UPDATE case_measured_to SET at = greatest(at, $2) WHERE centre_id = $1")
            .bind(office.centre.id)
            .bind(to)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        if to == now {
            return Ok(changed);
        }
    }
}

/// Up to where events were measured; its row is held until the transaction ends. At first: before the first case.
async fn mark(office: &Office, conn: &mut PgConnection) -> Result<DateTime<Utc>> {
    let held = "SELECT at FROM case_measured_to WHERE centre_id = $1 FOR UPDATE";
    let found: Option<DateTime<Utc>> = sqlx::query_scalar(held)
        .bind(office.centre.id)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(at) = found {
        return Ok(at);
    }
    sqlx::query(
        "INSERT INTO case_measured_to (centre_id, at)
         SELECT $1, coalesce(min(at), $2) FROM case_event WHERE centre_id = $1
             ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_scalar(held)
        .bind(office.centre.id)
        .fetch_one(&mut *conn)
        .await?)
}

/// Measures the cases of which something happened after `from` and up to `to`.
///
/// A case is decided by the first event that leads out of gathering and review. Where a person always decides (`outcome = "review"`) that is never
/// the first event of all: a complaint is at work from its beginning and decided at its end. A person had a part where the case was reviewed or
/// where a teller read a paper for it. What is decided as it is submitted is in time: the date of a list is its employer's, who pays until then. What the centre has begun by itself (bases that are brought to the limits of a year) nobody has begun.
/// An account that a founding message pre-opens is an opening when its employer completes it, and counted once.
async fn measure(
    office: &Office,
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<u64> {
    let policy = office.policy();
    let reviewed: Vec<&str> = policy
        .set
        .services()
        .filter(|service| service.outcome == Mode::Review)
        .map(|service| service.id.as_str())
        .collect();
    let measured = sqlx::query(
        "WITH touched AS MATERIALIZED (
             SELECT DISTINCT case_id FROM case_event WHERE centre_id = $1 AND at > $2 AND at <= $3),
         told AS MATERIALIZED (
             SELECT c.case_id, c.service, c.branch_id, c.channel, c.submitted_at, c.promised_at, c.state,
                    c.service = ANY ($4) AS by_person,
                    min(e.at) FILTER (WHERE (e.seq > 1 OR c.service <> ALL ($4))
                                        AND (e.steps && ARRAY['approved', 'executing', 'refused', 'done']
                                             OR e.seq = 1 AND NOT e.steps && ARRAY['gathering', 'reviewing'])) AS decided_at,
                    bool_or(e.seq = 1 AND c.service <> ALL ($4) AND NOT e.steps && ARRAY['gathering', 'reviewing']) AS at_once,
                    min(e.at) FILTER (WHERE e.steps && ARRAY['paid', 'payment_rejected', 'share_paid', 'share_rejected']) AS bank_at,
                    bool_or(e.steps && ARRAY['reviewing', 'paper_accepted']) AS had_person,
                    bool_or(e.steps && ARRAY['needs_paper']) AS paper,
                    bool_or(e.seq = 1 AND e.actor_id = 0) AS by_itself
               FROM touched t
               JOIN business_case c ON c.centre_id = $1 AND c.case_id = t.case_id
               JOIN case_event e ON e.centre_id = $1 AND e.case_id = t.case_id
              GROUP BY c.centre_id, c.case_id)
         INSERT INTO case_measured AS kept (centre_id, case_id, bank_ms, begun_on, branch_id, visits, online, paper, decided, by_rules, in_time,
                                            done, service)
         SELECT $1, case_id, (1000 * extract(epoch FROM bank_at - decided_at))::bigint, (submitted_at AT TIME ZONE 'Asia/Shanghai')::date,
                branch_id,
                (SELECT count(DISTINCT (p.handed_in_at AT TIME ZONE 'Asia/Shanghai')::date)
                   FROM case_paper p
                   JOIN staff s ON s.centre_id = $1 AND s.staff_id = p.handed_in_by
                  WHERE p.centre_id = $1 AND p.case_id = told.case_id)::smallint,
                channel <> ALL ($5), paper, decided_at IS NOT NULL, decided_at IS NOT NULL AND NOT by_person AND NOT had_person,
                at_once OR coalesce(decided_at <= promised_at, false), state = 6, service
           FROM told
          WHERE NOT (by_itself AND channel = ANY ($5)) AND NOT (service = $6 AND channel = $7)
             ON CONFLICT (centre_id, case_id) DO UPDATE
            SET bank_ms = excluded.bank_ms, visits = excluded.visits, paper = excluded.paper, decided = excluded.decided,
                by_rules = excluded.by_rules, in_time = excluded.in_time, done = excluded.done, branch_id = excluded.branch_id
          WHERE (kept.bank_ms, kept.visits, kept.paper, kept.decided, kept.by_rules, kept.in_time, kept.done, kept.branch_id)
                IS DISTINCT FROM
                (excluded.bank_ms, excluded.visits, excluded.paper, excluded.decided, excluded.by_rules, excluded.in_time, excluded.done,
                 excluded.branch_id)",
    )
    .bind(office.centre.id)
    .bind(from)
    .bind(to)
    .bind(reviewed)
    .bind(OFFLINE)
    .bind(opening::SERVICE)
    .bind(one_stop::CHANNEL)
    .execute(conn)
    .await?;
    Ok(measured.rows_affected())
}

/// What is no online channel (services.md §3): the counter and the robot of an outlet.
const OFFLINE: [&str; 2] = ["CTR", "BOT"];
