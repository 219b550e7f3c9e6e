//! 对外报送: files that others get from us, what became of each, and one that was refused made again.
//!
//! Invariant: of a flow and a period there is one file, and a further version only after the former was refused; the content that is sent is the one
//! that was made, however often it is sent, and is kept no longer than until it is answered.

use anju_casework::{Office, Refusal, Result, outbox};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;

/// State of a file.
pub mod state {
    /// On its way.
    pub const TO_SEND: i16 = 1;
    /// The receiver has it.
    pub const TAKEN: i16 = 2;
    /// The receiver has refused it whole.
    pub const REFUSED: i16 = 3;
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// A JSON object in the fields of the flow, on one line: a day may have hundreds of thousands, and a tree of each would be ten times as large.
    pub line: String,
    /// What it adds to the control sum, in fen.
    pub control_fen: i64,
}

/// A file to be sent.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Who gets it.
    pub source: &'a str,
    /// Which flow.
    pub flow: &'a str,
    /// The last day of which it speaks.
    pub day: NaiveDate,
    /// 1; one more than the refused one that it mends.
    pub version: i16,
    /// Its name.
    pub name: &'a str,
    /// Lines.
    pub rows: i32,
    /// Control sum in fen.
    pub control_fen: i64,
    /// Hex SM3 of the packed file.
    pub sm3: &'a str,
    /// The packed file.
    pub content: &'a [u8],
    /// Who has it sent again; 0 the schedule.
    pub made_by: i64,
}

/// Whether the file of a period was made.
///
/// # Errors
/// The database.
pub async fn is_made(office: &Office, source: &str, flow: &str, day: NaiveDate) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM sent_file WHERE centre_id = $1 AND source = $2 AND flow = $3 AND day = $4)",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(flow)
    .bind(day)
    .fetch_one(&office.pool)
    .await?)
}

/// Keeps a file and puts its message into the outbox; false where another has made it meanwhile.
///
/// # Errors
/// The database.
pub async fn make(office: &Office, new: New<'_>) -> Result<bool> {
    let file_id = office.ids.next().await?;
    let now = office.now();
    let mut tx = office.pool.begin().await?;
    let made = sqlx::query(
        "INSERT INTO sent_file (centre_id, file_id, source, flow, day, version, name, rows, control_fen, sm3, content_sealed, made_at, made_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (centre_id, source, flow, day, version) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(new.source)
    .bind(new.flow)
    .bind(new.day)
    .bind(new.version)
    .bind(new.name)
    .bind(new.rows)
    .bind(new.control_fen)
    .bind(new.sm3)
    .bind(office.vault.seal(outbox::FILE, new.content))
    .bind(now)
    .bind(new.made_by)
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() != 1 {
        return Ok(false);
    }
    let payload = json!({ "file": file_id });
    outbox::enqueue(office, &mut tx, outbox::kind::FILE, None, payload, now).await?;
    tx.commit().await?;
    office.wake.notify_one();
    Ok(true)
}

/// A file that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number.
    pub file_id: i64,
    /// Who gets it.
    pub source: String,
    /// Which flow.
    pub flow: String,
    /// The last day of which it speaks.
    pub day: NaiveDate,
    /// Its name.
    pub name: String,
    /// Lines.
    pub rows: i32,
    /// Control sum in fen.
    pub control_fen: i64,
    /// Hex SM3 of the content.
    pub sm3: String,
    /// The packed file.
    pub content: Vec<u8>,
}

#[derive(FromRow)]
struct WaitingRow {
    file_id: i64,
    source: String,
    flow: String,
    day: NaiveDate,
    name: String,
    rows: i32,
    control_fen: i64,
    sm3: String,
    content_sealed: Vec<u8>,
}

/// The file of a message; none where it was answered.
///
/// # Errors
/// The database, or what is kept was changed.
pub async fn of_message(office: &Office, payload: &Value) -> Result<Option<Waiting>> {
    let file_id = payload.get("file").and_then(Value::as_i64);
    let row: Option<WaitingRow> = sqlx::query_as(
        "SELECT file_id, source, flow, day, name, rows, control_fen, sm3, content_sealed FROM sent_file
          WHERE centre_id = $1 AND file_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Waiting {
        file_id: row.file_id,
        source: row.source,
        flow: row.flow,
        day: row.day,
        name: row.name,
        rows: row.rows,
        control_fen: row.control_fen,
        sm3: row.sm3,
        content: office.vault.open(outbox::FILE, &row.content_sealed)?,
    }))
}

/// The receiver has answered: its receipt, or why it refuses the whole.
///
/// # Errors
/// The database.
pub async fn answered(
    office: &Office,
    file_id: i64,
    answer: std::result::Result<&str, &str>,
) -> Result<()> {
    let (state, receipt, reason) = match answer {
        Ok(receipt) => (state::TAKEN, Some(receipt), ""),
        Err(reason) => (state::REFUSED, None, reason),
    };
    sqlx::query(
        "UPDATE sent_file SET state = $3, receipt = $4, reason = $5, content_sealed = NULL, failure = NULL, tried_at = $6, answered_at = $6
          WHERE centre_id = $1 AND file_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(state)
    .bind(receipt)
    .bind(reason)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The receiver was not reached, or its answer cannot be believed.
///
/// # Errors
/// The database.
pub async fn not_answered(office: &Office, file_id: i64, failure: &str) -> Result<()> {
    sqlx::query(
        "UPDATE sent_file SET failure = $3, tried_at = $4 WHERE centre_id = $1 AND file_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(failure)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// A file as a page shows it.
#[derive(Debug, Clone, FromRow)]
pub struct Sent {
    /// Its number.
    pub file_id: i64,
    /// Which flow.
    pub flow: String,
    /// The last day of which it speaks.
    pub day: NaiveDate,
    /// See [`New::version`].
    pub version: i16,
    /// Its name.
    pub name: String,
    /// Lines.
    pub rows: i32,
    /// Control sum in fen.
    pub control_fen: i64,
    /// See [`state`].
    pub state: i16,
    /// Why it was refused.
    pub reason: String,
    /// The receiver's number of it.
    pub receipt: Option<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Why the last try was none.
    pub failure: Option<String>,
    /// Whether a later version stands.
    pub mended: bool,
}

/// The files to a source, newest first.
///
/// # Errors
/// The database.
pub async fn of_source(office: &Office, source: &str, limit: i64) -> Result<Vec<Sent>> {
    Ok(sqlx::query_as(
        "SELECT f.file_id, f.flow, f.day, f.version, f.name, f.rows, f.control_fen, f.state, f.reason, f.receipt, f.made_at, f.failure,
                EXISTS (SELECT FROM sent_file later
                         WHERE later.centre_id = f.centre_id AND later.source = f.source AND later.flow = f.flow AND later.day = f.day
                           AND later.version > f.version) AS mended
           FROM sent_file f
          WHERE f.centre_id = $1 AND f.source = $2 ORDER BY f.file_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The refused file that is to be made again.
///
/// # Errors
/// 404 for one that is not this source's, 409 `E-FILE-01` for one that was not refused or was mended.
pub async fn refused(office: &Office, source: &str, file_id: i64) -> Result<Sent> {
    let found: Option<Sent> = sqlx::query_as(
        "SELECT f.file_id, f.flow, f.day, f.version, f.name, f.rows, f.control_fen, f.state, f.reason, f.receipt, f.made_at, f.failure,
                EXISTS (SELECT FROM sent_file later
                         WHERE later.centre_id = f.centre_id AND later.source = f.source AND later.flow = f.flow AND later.day = f.day
                           AND later.version > f.version) AS mended
           FROM sent_file f
          WHERE f.centre_id = $1 AND f.file_id = $2 AND f.source = $3",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(source)
    .fetch_optional(&office.pool)
    .await?;
    let file = found.ok_or_else(|| Refusal::not_found("这份文件"))?;
    if file.state != state::REFUSED || file.mended {
        let detail = "这份文件没有被退回，或者已经重送过，不用再送。请刷新页面查看最新的一份。";
        return Err(Refusal::new(409, "E-FILE-01", detail).into());
    }
    Ok(file)
}
