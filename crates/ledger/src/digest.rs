//! Digests of journals, for their evidence: whoever has the postings can draw them again.

use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

use crate::{Centre, JournalId, Result};

/// A journal of a day as its evidence names it.
#[derive(Debug, Clone, FromRow)]
pub struct JournalDigest {
    /// 凭证.
    pub journal_id: i64,
    /// 会计事件.
    pub event: i16,
    /// Postings.
    pub lines: i32,
    /// SHA-256 over its text ([`text_of`]).
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

/// The text of a journal over which its digest is drawn: a line for each posting, the lines parted by a newline, none after the last; each
/// line account, subject, part, fen (+ debit), value date and 1 for red, else 0, and the branch of a line that has one of its own, parted by
/// spaces. Nothing for a journal that is not of that day.
///
/// # Errors
/// The database.
pub async fn text_of(
    conn: &mut PgConnection,
    centre: Centre,
    date: NaiveDate,
    journal: JournalId,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(include_str!("sql/journal_text.sql"))
        .bind(centre.0)
        .bind(date)
        .bind(journal.0)
        .fetch_one(conn)
        .await?)
}
