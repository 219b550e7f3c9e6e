//! Figures of accounts without a running balance: the last sealed day's sum and the postings since.

use anju_domain::money::Fen;
use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::{AccountId, Centre, Error, Result};

/// The balance at the end of the day, on its subject's own side, of a bank account or any other dimension; postings of
/// an open day included.
///
/// # Errors
/// [`Error::NoAccount`] when there is no such dimension account.
pub async fn balance(
    conn: &mut PgConnection,
    centre: Centre,
    account: AccountId,
    date: NaiveDate,
) -> Result<Fen> {
    let fen: Option<i64> = sqlx::query_scalar(include_str!("sql/dimension_balance.sql"))
        .bind(centre.0)
        .bind(account.0)
        .bind(date)
        .fetch_optional(conn)
        .await?;
    fen.map(Fen::new)
        .ok_or_else(|| Error::NoAccount(format!("dimension {}", account.0)))
}
