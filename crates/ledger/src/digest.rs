//! Digests of journals, for their evidence: whoever has the postings can draw them again.

use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

use crate::{Centre, Result};

/// A journal of a day as its evidence names it.
#[derive(Debug, Clone, FromRow)]
pub struct JournalDigest {
    /// 凭证.
    pub journal_id: i64,
    /// 会计事件.
    pub event: i16,
    /// Postings.
    pub lines: i32,
    /// SHA-256 over its postings, one line of text each.
    pub digest: Vec<u8>,
}

/// The journals of a business date in the order of their numbers.
///
/// # Errors
/// The database.
pub async fn of_day(
    conn: &mut PgConnection,
    centre: Centre,
    date: NaiveDate,
) -> Result<Vec<JournalDigest>> {
    Ok(sqlx::query_as(include_str!("sql/journal_digests.sql"))
        .bind(centre.0)
        .bind(date)
        .fetch_all(conn)
        .await?)
}
