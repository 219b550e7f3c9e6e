//! Clues (线索): opened by the night, from what our books and social insurance say, or by an employee. Each stands once, however often the night
//! runs.

use anju_casework::{Actor, Office, Result, case};
use anju_domain::clock::end_of_day;
use chrono::Days;
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::{SERVICE, Source};
use crate::policy::Rules;

/// What may be a clue, as the night finds it.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Found {
    pub(super) employer_id: i64,
    pub(super) branch_id: i16,
    pub(super) source: i16,
    pub(super) from_month: Option<i32>,
    pub(super) to_month: Option<i32>,
    pub(super) gap: Option<i32>,
}

/// Clues of one reading.
const PAGE: i64 = 200;

/// Opens every clue that the last reckoning shows and that is not open. Returns how many.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn open_all(office: &Office) -> Result<usize> {
    // Those that a night has no room for come with the next one.
    let most = usize::try_from(Rules::on(office, office.today()).int("clues_a_night")?)
        .unwrap_or(usize::MAX);
    let mut opened = 0;
    loop {
        let found = find(office).await?;
        for one in &found {
            let mut tx = office.pool.begin().await?;
            if open(office, &mut tx, one, None, false).await?.is_some() {
                opened += 1;
            }
            tx.commit().await?;
        }
        if found.is_empty() || opened >= most {
            return Ok(opened);
        }
    }
}

/// Clues to be opened: a month that is due for long and has no living list; more insured than contributing; registered too late. What was
/// closed is left alone for a while, a late registration for ever.
async fn find(office: &Office) -> Result<Vec<Found>> {
    let today = office.today();
    let rules = Rules::on(office, today);
    let back = |days: i64| today - chrono::TimeDelta::days(days);
    let due_before = back(rules.int("arrears_clue_days")?);
    let closed_after = back(rules.int("clue_again_days")?);
    Ok(sqlx::query_as(
        "WITH found AS (
             SELECT a.employer_id, a.branch_id, 1::smallint AS source, a.first_month AS from_month, a.last_month AS to_month, NULL::integer AS gap
               FROM arrears a
              WHERE a.centre_id = $1 AND a.oldest_due < $2
                AND NOT EXISTS (SELECT FROM remittance r
                                 WHERE r.centre_id = $1 AND r.employer_id = a.employer_id AND r.month = a.first_month AND r.kind = 1
                                   AND r.state IN (1, 2))
             UNION ALL
             SELECT h.employer_id, e.branch_id, 3::smallint, NULL, NULL, h.insured - h.members
               FROM headcount h JOIN employer e ON e.centre_id = h.centre_id AND e.employer_id = h.employer_id AND e.state IN (1, 2)
              WHERE h.centre_id = $1 AND h.insured - h.members >= $4 AND (h.insured - h.members) * 10000::bigint >= h.insured * $5::bigint
             UNION ALL
             SELECT e.employer_id, e.branch_id, 4::smallint, NULL, NULL, NULL
               FROM employer e WHERE e.centre_id = $1 AND e.late_registration AND e.state IN (1, 2))
         SELECT employer_id, branch_id, source, from_month, to_month, gap
           FROM found f
          WHERE NOT EXISTS (SELECT FROM enforcement x
                             WHERE x.centre_id = $1 AND x.employer_id = f.employer_id AND x.source = f.source AND x.from_employer_id IS NULL
                               AND (x.state <> 8 OR f.source = 4 OR x.since > $3 AND x.from_month IS NOT DISTINCT FROM f.from_month))
          ORDER BY source, employer_id LIMIT $6",
    )
    .bind(office.centre.id)
    .bind(due_before)
    .bind(closed_after)
    .bind(i32::try_from(rules.int("headcount_gap_people")?).unwrap_or(i32::MAX))
    .bind(rules.bp("headcount_gap_bp")?)
    .bind(PAGE)
    .fetch_all(&office.pool)
    .await?)
}

/// Opens a clue with its case, in the caller's transaction; none where it stands already.
pub(super) async fn open(
    office: &Office,
    tx: &mut PgConnection,
    found: &Found,
    complaint_id: Option<i64>,
    no_account: bool,
) -> Result<Option<i64>> {
    let enforcement_id = office.ids.next().await?;
    let today = office.today();
    let opened = sqlx::query(
        "INSERT INTO enforcement (centre_id, enforcement_id, employer_id, branch_id, source, state, from_month, to_month, gap, complaint_id,
                                  no_account, opened_on, since)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $11) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(enforcement_id)
    .bind(found.employer_id)
    .bind(found.branch_id)
    .bind(found.source)
    .bind(found.from_month)
    .bind(found.to_month)
    .bind(found.gap)
    .bind(complaint_id)
    .bind(no_account)
    .bind(today)
    .execute(&mut *tx)
    .await?;
    if opened.rows_affected() == 0 {
        return Ok(None);
    }
    let source = Source::from_code(found.source);
    case::begin_executing(
        office,
        tx,
        case::Begun {
            case_id: enforcement_id,
            service: SERVICE,
            wish: &format!("{SERVICE}:{enforcement_id}"),
            // The centre's own: it is in no list of the employer's cases before a notice has told it.
            applicant_id: 0,
            branch_id: found.branch_id,
            channel: "CTR",
            amount_fen: None,
            promised_at: end_of_day(today.checked_add_days(Days::new(730)).unwrap_or(today)),
            form: json!({}),
            detail: json!({ "clue": source as i16, "gap": found.gap }),
        },
        Actor::System,
    )
    .await?;
    Ok(Some(enforcement_id))
}
