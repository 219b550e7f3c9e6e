//! 到期: an order ends with its last day, whether it is in force or waits; some days before, the court desk is told.

use anju_casework::{Actor, Office, Result, case, person};
use chrono::Days;
use serde_json::json;

use super::{lock, queue, state};
use crate::policy::Rules;

/// Orders that end in one look.
const AT_ONCE: i64 = 200;

/// Ends the orders whose last day is over, each in its own transaction; how many.
pub async fn expire(office: &Office) -> Result<usize> {
    let due: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT order_id, person_id FROM court_order
          WHERE centre_id = $1 AND state IN (2, 3) AND to_date < $2 ORDER BY to_date, order_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(office.today())
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    let mut ended = 0;
    for (order_id, person_id) in due {
        let mut tx = office.pool.begin().await?;
        person::lock(office, &mut tx, person_id).await?;
        let order = lock(office, &mut tx, order_id).await?;
        if !order.lives() || order.to_date >= office.today() {
            continue;
        }
        queue::end(
            office,
            &mut tx,
            &order,
            state::EXPIRED,
            "freeze_expired",
            Actor::System,
        )
        .await?;
        tx.commit().await?;
        ended += 1;
    }
    Ok(ended)
}

/// Tells the court desk once of each order whose term ends within the days of policy; how many.
pub async fn remind(office: &Office) -> Result<usize> {
    let today = office.today();
    let days = Rules::on(office, today).days("court_remind_days")?;
    let until = today + Days::new(u64::from(days));
    let due: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT order_id, person_id FROM court_order
          WHERE centre_id = $1 AND state IN (2, 3) AND to_date BETWEEN $2 AND $3 AND reminded_on IS NULL
          ORDER BY to_date, order_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(until)
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    let mut told = 0;
    for (order_id, _) in due {
        let mut tx = office.pool.begin().await?;
        let order = lock(office, &mut tx, order_id).await?;
        let marked = sqlx::query(
            "UPDATE court_order SET reminded_on = $3
              WHERE centre_id = $1 AND order_id = $2 AND state IN (2, 3) AND reminded_on IS NULL",
        )
        .bind(office.centre.id)
        .bind(order_id)
        .bind(today)
        .execute(&mut *tx)
        .await?;
        if marked.rows_affected() == 0 {
            continue;
        }
        let detail =
            json!({ "court": order.court, "court_case": order.case_no, "to": order.to_date });
        case::add_event(
            office,
            &mut tx,
            order_id,
            Actor::System,
            &["freeze_ends_soon"],
            detail,
        )
        .await?;
        tx.commit().await?;
        told += 1;
    }
    Ok(told)
}
