//! Suspense by age (暂收款催办, contribution.md §7): a list with an owner for each, and reminders to the employer's clerks. `suspense.rs` is what
//! is done about a receipt; a refund is the employer's own request.

use anju_casework::staff::Staff;
use anju_casework::{Office, Refusal, Result, outbox};
use anju_domain::money::Fen;
use chrono::{NaiveDate, TimeDelta};
use sqlx::FromRow;

use crate::policy::Rules;

/// What is chased.
pub mod kind {
    /// 不明来款.
    pub const RECEIPT: i16 = 1;
    /// 单位暂存款, without what is held of it.
    pub const EMPLOYER: i16 = 2;
    /// 销户后到账: held in an employer's suspense until two persons have said whose it is.
    pub const LATE_CREDIT: i16 = 3;
}

/// Money that nobody has used yet.
#[derive(Debug, Clone, FromRow)]
pub struct Chase {
    /// See [`kind`].
    pub kind: i16,
    /// Receipt, employer or late credit.
    pub ref_id: i64,
    /// Payer or employer.
    pub name: String,
    /// Since when.
    pub since: NaiveDate,
    /// Fen.
    pub amount_fen: i64,
    /// Who follows it.
    pub owner_id: Option<i64>,
    /// When the clerks were reminded last.
    pub reminded_on: Option<NaiveDate>,
    /// How often.
    pub reminders: i32,
}

/// A page of it, oldest first, after a day, a kind and a number.
///
/// # Errors
/// The database.
pub async fn list(office: &Office, after: (NaiveDate, i16, i64), limit: i64) -> Result<Vec<Chase>> {
    Ok(sqlx::query_as(
        "SELECT c.kind, c.ref_id, coalesce(r.payer_name, e.name, '') AS name, c.since, c.amount_fen, c.owner_id, c.reminded_on, c.reminders
           FROM suspense_chase c
           LEFT JOIN receipt r ON c.kind = 1 AND r.centre_id = c.centre_id AND r.receipt_id = c.ref_id
           LEFT JOIN late_credit l ON c.kind = 3 AND l.centre_id = c.centre_id AND l.late_id = c.ref_id
           LEFT JOIN employer e ON e.centre_id = c.centre_id AND e.employer_id = CASE c.kind WHEN 2 THEN c.ref_id WHEN 3 THEN l.employer_id END
          WHERE c.centre_id = $1 AND (c.since, c.kind, c.ref_id) > ($2, $3, $4)
          ORDER BY c.since, c.kind, c.ref_id LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(after.0)
    .bind(after.1)
    .bind(after.2)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How many and how much is older than these days.
///
/// # Errors
/// The database.
pub async fn older_than(office: &Office, days: i64) -> Result<(i64, Fen)> {
    let (count, fen): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(amount_fen), 0)::bigint FROM suspense_chase WHERE centre_id = $1 AND since < $2",
    )
    .bind(office.centre.id)
    .bind(office.today() - TimeDelta::days(days))
    .fetch_one(&office.pool)
    .await?;
    Ok((count, Fen::new(fen)))
}

/// A member of staff takes it over.
///
/// # Errors
/// 404 where it is used by now.
pub async fn own(office: &Office, kind: i16, ref_id: i64, staff: &Staff) -> Result<()> {
    let taken = sqlx::query(
        "UPDATE suspense_chase SET owner_id = $4, owned_at = $5 WHERE centre_id = $1 AND kind = $2 AND ref_id = $3",
    )
    .bind(office.centre.id)
    .bind(kind)
    .bind(ref_id)
    .bind(staff.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if taken.rows_affected() == 0 {
        return Err(Refusal::not_found("这笔暂收款").into());
    }
    Ok(())
}

/// Finds what is unused now, and forgets what was used.
async fn find(office: &Office) -> Result<()> {
    sqlx::query(
        "WITH unused AS (
             SELECT 1::smallint AS kind, receipt_id AS ref_id, book_date AS since, amount_fen FROM receipt WHERE centre_id = $1 AND state = 1
             UNION ALL
             SELECT 2::smallint, e.employer_id, $2, a.balance_fen - coalesce(held.fen, 0)
               FROM ledger_account a JOIN employer e ON e.centre_id = a.centre_id AND e.suspense_account_id = a.account_id
               LEFT JOIN (SELECT suspense_account_id, sum(employer_fen + employee_fen)::bigint AS fen FROM late_credit
                           WHERE centre_id = $1 AND state IN (1, 2) GROUP BY suspense_account_id) AS held
                      ON held.suspense_account_id = a.account_id
              WHERE a.centre_id = $1 AND a.kind = 11 AND a.balance_fen > coalesce(held.fen, 0)
             UNION ALL
             SELECT 3::smallint, late_id, arrived_on, employer_fen + employee_fen FROM late_credit WHERE centre_id = $1 AND state IN (1, 2)),
         gone AS (
             DELETE FROM suspense_chase c
              WHERE c.centre_id = $1 AND NOT EXISTS (SELECT FROM unused u WHERE u.kind = c.kind AND u.ref_id = c.ref_id))
         INSERT INTO suspense_chase (centre_id, kind, ref_id, since, amount_fen)
         SELECT $1, kind, ref_id, since, amount_fen FROM unused
             ON CONFLICT (centre_id, kind, ref_id) DO UPDATE SET amount_fen = excluded.amount_fen",
    )
    .bind(office.centre.id)
    .bind(office.today())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Reminders of one reading.
const PAGE: i64 = 200;

/// The night's part: what is unused is found, and clerks whose money waits for long are reminded, each once in as many days. Of money for a
/// closed account they are asked whose it is: they cannot use it.
///
/// # Errors
/// The database; a policy without its numbers.
pub(super) async fn remind(office: &Office) -> Result<()> {
    find(office).await?;
    let today = office.today();
    let days = Rules::on(office, today).int("suspense_chase_days")?;
    loop {
        let due: Vec<(i16, i64, i64, NaiveDate, i64)> = sqlx::query_as(
            "SELECT c.kind, c.ref_id, coalesce(l.employer_id, c.ref_id), c.since, c.amount_fen
               FROM suspense_chase c
               LEFT JOIN late_credit l ON c.kind = 3 AND l.centre_id = c.centre_id AND l.late_id = c.ref_id
              WHERE c.centre_id = $1 AND c.kind IN (2, 3) AND c.since <= $2 AND (c.reminded_on IS NULL OR c.reminded_on <= $2)
              ORDER BY c.since, c.kind, c.ref_id LIMIT $3",
        )
        .bind(office.centre.id)
        .bind(today - TimeDelta::days(days))
        .bind(PAGE)
        .fetch_all(&office.pool)
        .await?;
        for (of, ref_id, employer_id, since, fen) in &due {
            let mut tx = office.pool.begin().await?;
            sqlx::query(
                "UPDATE suspense_chase SET reminded_on = $3, reminders = reminders + 1 WHERE centre_id = $1 AND kind = $4 AND ref_id = $2",
            )
            .bind(office.centre.id)
            .bind(ref_id)
            .bind(today)
            .bind(of)
            .execute(&mut *tx)
            .await?;
            let (fen, days) = (Fen::new(*fen), (today - *since).num_days());
            let words = if *of == kind::LATE_CREDIT {
                format!(
                    "【公积金】{fen}元到账时职工已销户，暂存{days}天，请告知中心是否应付给本人。"
                )
            } else {
                format!(
                    "【公积金】您单位暂存款 {fen} 元已挂账 {days} 天，可用于下月汇缴或申请退回。"
                )
            };
            outbox::tell_clerks(office, &mut tx, *employer_id, None, &words).await?;
            tx.commit().await?;
        }
        if due.is_empty() {
            return Ok(());
        }
    }
}

/// W-REMIT-05: money has come, but not enough for its list.
pub(super) fn short_words(missing: Fen) -> String {
    format!("【公积金】您的汇缴款已到账但金额不足，尚差{missing}元，请补足或调整清册。")
}

/// W-REMIT-06: more has come than the list needs.
pub(super) fn over_words(left: Fen) -> String {
    format!("【公积金】您的汇缴款多缴{left}元，已转入单位暂存款，可用于下月或申请退回。")
}
