//! The night: arrears of everybody reckoned, head counts asked, clues opened, money in suspense chased. Done once a day, by whichever process
//! comes first; what was interrupted is done again and opens nothing twice.

use anju_casework::{Office, Result};
use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::headcount::{self, Insurance};
use super::{EVERYBODY, reckon};
use crate::contribution::enforcement::clue;
use crate::contribution::suspense_chase;

/// A night.
#[derive(Debug, Clone, FromRow)]
pub struct Night {
    /// Its day.
    pub day: chrono::NaiveDate,
    /// Employers that owe.
    pub employers: i32,
    /// Fen that they owe.
    pub owed_fen: i64,
    /// Clues that were opened.
    pub clues: i32,
    /// When it was done; none while it runs, or where it was interrupted.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The last night.
///
/// # Errors
/// The database.
pub async fn last(office: &Office) -> Result<Option<Night>> {
    Ok(sqlx::query_as(
        "SELECT day, employers, owed_fen, clues, ended_at FROM arrears_run WHERE centre_id = $1 ORDER BY day DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?)
}

/// Does what the day has not had yet. Returns how many clues were opened; none where the night is done.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn run(office: &Office, insurance: &dyn Insurance) -> Result<Option<usize>> {
    let today = office.today();
    let done: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM arrears_run WHERE centre_id = $1 AND day = $2 AND ended_at IS NOT NULL)",
    )
    .bind(office.centre.id)
    .bind(today)
    .fetch_one(&office.pool)
    .await?;
    if done {
        return Ok(None);
    }
    let mut tx = office.pool.begin().await?;
    let (employers, owed) = reckon(office, &mut tx, EVERYBODY).await?;
    sqlx::query(
        "INSERT INTO arrears_run (centre_id, day, employers, owed_fen) VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id, day) DO UPDATE SET employers = excluded.employers, owed_fen = excluded.owed_fen",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(i32::try_from(employers).unwrap_or(i32::MAX))
    .bind(owed.fen())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    // A source that is away keeps nothing else from being done.
    if let Err(error) = headcount::ask(office, insurance).await {
        tracing::error!(%error, "asking for head counts");
    }
    let clues = clue::open_all(office).await?;
    suspense_chase::remind(office).await?;
    sqlx::query(
        "UPDATE arrears_run SET clues = clues + $3, ended_at = $4 WHERE centre_id = $1 AND day = $2",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(i32::try_from(clues).unwrap_or(i32::MAX))
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(Some(clues))
}
