//! 秒级到账: how fast withdrawals reach the card, by service and closed day, from the cases and journals of that day. Invariant: every paid
//! withdrawal of the day counts, those that a person decided or a source delayed too.

use std::collections::BTreeMap;

use anju_casework::{Fault, Office, Result};
use chrono::{Days, NaiveDate};
use sqlx::{FromRow, PgConnection};

use crate::policy::Rules;

/// What was paid of a service on a day, or all of several such rows together.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct Pace {
    /// The day.
    pub day: NaiveDate,
    /// Service id.
    pub service: String,
    /// Withdrawals that reached the card.
    pub paid: i64,
    /// Of these within the seconds of policy.
    pub in_seconds: i64,
    /// Of these decided by rules alone.
    pub by_rules: i64,
    /// Milliseconds of asking sources; medians of days, weighted by what was paid on them.
    pub source_ms: i64,
    /// From submission to the decision.
    pub decided_ms: i64,
    /// From the decision to the bank's word.
    pub bank_ms: i64,
    /// From submission to the bank's word.
    pub total_ms: i64,
    /// The 95th in a hundred.
    pub slow_ms: i64,
}

impl Pace {
    /// Basis points of the paid that were there within the seconds of policy, rounded down: nothing is made better than it is.
    #[must_use]
    pub fn share_bp(&self) -> Option<i64> {
        (self.paid > 0).then(|| self.in_seconds * 10_000 / self.paid)
    }
}

/// The seconds within which money counts as there at once.
///
/// # Errors
/// Policy that does not say.
pub fn seconds(office: &Office) -> Result<i64> {
    Rules::on(office, office.today()).int("withdraw_instant_seconds")
}

/// Counts a day that is being sealed; counted before, it stays.
///
/// # Errors
/// The database, or policy without the seconds.
pub async fn keep(office: &Office, tx: &mut PgConnection, day: NaiveDate) -> Result<()> {
    sqlx::query(
        "INSERT INTO withdrawal_pace (centre_id, day, service, paid, in_seconds, by_rules, source_ms, decided_ms, bank_ms, total_ms, slow_ms)
         WITH paid AS MATERIALIZED (
             SELECT case_id, made_at FROM journal
              WHERE centre_id = $1 AND business_date = $2 AND event = 22 AND case_id IS NOT NULL),
         timed AS MATERIALIZED (
             SELECT c.service, o.checker_id IS NULL AS by_rules,
                    coalesce((SELECT sum(coalesce(leg ->> 'ms', split_part(leg #>> '{}', ' ', 3))::bigint)
                                FROM case_event e, jsonb_array_elements(e.detail -> 'legs') AS leg
                               WHERE e.centre_id = $1 AND e.case_id = c.case_id
                                 AND coalesce(leg ->> 'leg', split_part(leg #>> '{}', ' ', 1)) = 'sources'), 0) AS source_ms,
                    1000 * extract(epoch FROM o.made_at - c.submitted_at) AS decided_ms,
                    1000 * extract(epoch FROM p.made_at - o.made_at) AS bank_ms,
                    1000 * extract(epoch FROM p.made_at - c.submitted_at) AS total_ms
               FROM paid p
               JOIN business_case c ON c.centre_id = $1 AND c.case_id = p.case_id AND c.service LIKE 'withdraw-%'
               JOIN journal o ON o.centre_id = $1 AND o.journal_id = c.journal_id)
         SELECT $1, $2, service, count(*), count(*) FILTER (WHERE total_ms <= 1000 * $3), count(*) FILTER (WHERE by_rules),
                percentile_disc(0.5) WITHIN GROUP (ORDER BY source_ms), percentile_disc(0.5) WITHIN GROUP (ORDER BY decided_ms),
                percentile_disc(0.5) WITHIN GROUP (ORDER BY bank_ms), percentile_disc(0.5) WITHIN GROUP (ORDER BY total_ms),
                percentile_disc(0.95) WITHIN GROUP (ORDER BY total_ms)
           FROM timed GROUP BY service
         ON CONFLICT (centre_id, day, service) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(day)
    .bind(seconds(office)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// What the public figure looks back on.
pub const DAYS: u64 = 30;

/// The last thirty days, the oldest first, by service; a service of which nothing was paid on a day is not there.
///
/// # Errors
/// The database.
pub async fn rows(office: &Office) -> Result<Vec<Pace>> {
    let since = office
        .today()
        .checked_sub_days(Days::new(DAYS))
        .ok_or_else(|| Fault::Stored("today is before the calendar".to_owned()))?;
    Ok(sqlx::query_as(
        "SELECT day, service, paid::bigint AS paid, in_seconds::bigint AS in_seconds, by_rules::bigint AS by_rules, source_ms, decided_ms,
                bank_ms, total_ms, slow_ms
           FROM withdrawal_pace WHERE centre_id = $1 AND day >= $2 ORDER BY day, service",
    )
    .bind(office.centre.id)
    .bind(since)
    .fetch_all(&office.pool)
    .await?)
}

/// The rows together by what they have in common (the day, the service), in its order.
pub fn grouped<K: Ord>(rows: &[Pace], key: impl Fn(&Pace) -> K) -> Vec<Pace> {
    let mut groups: BTreeMap<K, Vec<&Pace>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
        .into_values()
        .filter_map(|rows| whole(rows.into_iter()))
        .collect()
}

/// Everything together; none where nothing was paid yet.
#[must_use]
pub fn whole<'a>(rows: impl Iterator<Item = &'a Pace>) -> Option<Pace> {
    let mut whole = Pace::default();
    for row in rows {
        (whole.day, whole.service) = (row.day, row.service.clone());
        whole.paid += row.paid;
        whole.in_seconds += row.in_seconds;
        whole.by_rules += row.by_rules;
        whole.source_ms += row.source_ms * row.paid;
        whole.decided_ms += row.decided_ms * row.paid;
        whole.bank_ms += row.bank_ms * row.paid;
        whole.total_ms += row.total_ms * row.paid;
        whole.slow_ms = whole.slow_ms.max(row.slow_ms);
    }
    let paid = whole.paid;
    (paid > 0).then(|| {
        for ms in [
            &mut whole.source_ms,
            &mut whole.decided_ms,
            &mut whole.bank_ms,
            &mut whole.total_ms,
        ] {
            *ms = (*ms + paid / 2) / paid;
        }
        whole
    })
}
