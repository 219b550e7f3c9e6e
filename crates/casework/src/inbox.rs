//! The inbox: what came in from outside, once each. A repeat is dropped in silence; a repeat with another amount is not.

use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::{Fault, Office, Result};

/// Whether an entry is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// First time: act on it.
    New,
    /// Seen before with the same amount: nothing to do.
    Repeat,
}

/// Notes an entry of a bank by its serial.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub async fn take(
    office: &Office,
    conn: &mut PgConnection,
    origin: &str,
    serial: &str,
    kind: &str,
    book_date: NaiveDate,
    amount_fen: i64,
    end_to_end_id: Option<&str>,
    case_id: Option<i64>,
) -> Result<Arrival> {
    let added = sqlx::query(
        "INSERT INTO inbox (centre_id, origin, serial, received_at, kind, book_date, amount_fen, end_to_end_id, case_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(origin)
    .bind(serial)
    .bind(office.now())
    .bind(kind)
    .bind(book_date)
    .bind(amount_fen)
    .bind(end_to_end_id)
    .bind(case_id)
    .execute(&mut *conn)
    .await?;
    if added.rows_affected() == 1 {
        return Ok(Arrival::New);
    }
    let known: i64 = sqlx::query_scalar(
        "SELECT amount_fen FROM inbox WHERE centre_id = $1 AND origin = $2 AND serial = $3",
    )
    .bind(office.centre.id)
    .bind(origin)
    .bind(serial)
    .fetch_one(conn)
    .await?;
    if known == amount_fen {
        Ok(Arrival::Repeat)
    } else {
        tracing::error!(
            bank = origin,
            serial,
            known,
            amount_fen,
            "a bank serial came again with another amount"
        );
        metrics::counter!("bank_serial_conflict_total", "bank" => origin.to_owned()).increment(1);
        Err(Fault::Stored(format!(
            "bank {origin} repeated serial {serial} with another amount"
        ))
        .into())
    }
}
