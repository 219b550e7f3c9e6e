//! What people read of letters: the desk its open ones with their clocks, a person his own.

use anju_casework::{Office, Result};
use anju_domain::clock::shanghai_date;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::letter::{Letter, columns};

/// Open letters, oldest first, of a branch or of the whole centre, a page of them after one.
pub async fn open(
    office: &Office,
    branch: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Letter>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM transfer_letter WHERE centre_id = $1 AND ended_at IS NULL AND letter_id > $2 AND ($4::smallint IS NULL OR branch_id = $4)
          ORDER BY letter_id LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(after)
    .bind(limit)
    .bind(branch)
    .fetch_all(&office.pool)
    .await?)
}

/// A person's letters, newest first.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Letter>> {
    let mut conn = office.pool.acquire().await?;
    of_person_on(office, &mut conn, person_id, limit).await
}

async fn of_person_on(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    limit: i64,
) -> Result<Vec<Letter>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM transfer_letter WHERE centre_id = $1 AND person_id = $2 ORDER BY letter_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// 异地转入查询 (`query-transfer-in`): the letters of a person that bring money here, with what is known of each; one of them where its case
/// is named. Money in fen, times RFC 3339.
pub async fn query_transfer_in(
    office: &Office,
    person_id: i64,
    case_id: Option<i64>,
) -> Result<Vec<Value>> {
    let holidays = office.holidays();
    let today = office.today();
    Ok(of_person(office, person_id, 50)
        .await?
        .into_iter()
        .filter(|letter| letter.side() == super::Side::In)
        .filter(|letter| case_id.is_none_or(|case_id| case_id == letter.letter_id))
        .map(|letter| {
            json!({
                "case_id": anju_casework::case::number(office, letter.letter_id),
                "letter_no": letter.letter_no,
                "from_centre": letter.other_centre,
                "from_name": letter.other_name,
                "state": letter.state_code(),
                "state_zh": letter.state_word(),
                "applied_at": letter.applied_at,
                "moved_at": letter.moved_at,
                "amount_fen": letter.amount_fen,
                "principal_fen": letter.sheet.as_ref().map(|sheet| sheet.principal_fen),
                "interest_fen": letter.sheet.as_ref().map(|sheet| sheet.interest_fen),
                "months": letter.sheet.as_ref().map(|sheet| sheet.months.len()),
                "received_fen": letter.received_fen,
                "working_days": letter.days(&holidays, today),
                "reason": letter.reason,
            })
        })
        .collect())
}

/// What the clock of a letter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Working days since it began.
    pub days: i32,
    /// From this day on it is late.
    pub alarm_on: NaiveDate,
    /// Whether it is.
    pub late: bool,
}

/// The clock of a letter at an instant.
pub fn clock(office: &Office, letter: &Letter, now: DateTime<Utc>) -> Clock {
    let today = shanghai_date(now);
    Clock {
        days: letter.days(&office.holidays(), today),
        alarm_on: letter.alarm_on,
        late: letter.ended_at.is_none() && today >= letter.alarm_on,
    }
}
