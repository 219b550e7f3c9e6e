//! 明细账. An account's entries with the balance after each, paged by key.

use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::{AccountId, Centre, Event, JournalId, Result};

/// The place of an entry in its account: entries are ordered by it and a page begins after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryKey {
    /// 会计日期.
    pub business_date: NaiveDate,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The journal.
    pub journal_id: JournalId,
}

/// What one journal did to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    /// Its place.
    pub key: EntryKey,
    /// 起息日.
    pub value_date: NaiveDate,
    /// Why.
    pub event: Event,
    /// The month of a contribution.
    pub month: Option<Month>,
    /// + in, − out, on the account's own side.
    pub amount: Fen,
    /// The account's balance after it.
    pub balance: Fen,
    /// The case or remittance.
    pub case_id: Option<i64>,
    /// The journal that it reverses.
    pub reverses: Option<JournalId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    business_date: NaiveDate,
    made_at: DateTime<Utc>,
    journal_id: i64,
    value_date: NaiveDate,
    event: i16,
    month: Option<i16>,
    amount_fen: i64,
    balance_fen: i64,
    case_id: Option<i64>,
    reverses: Option<i64>,
}

/// The entries of a person's, an employer's or a loan's account from one day to another, both included, newest last.
///
/// # Errors
/// When the database fails.
pub async fn entries(
    conn: &mut PgConnection,
    centre: Centre,
    account: AccountId,
    from: NaiveDate,
    to: NaiveDate,
    after: Option<EntryKey>,
    limit: i64,
) -> Result<Vec<AccountEntry>> {
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/statement.sql"))
        .bind(centre.0)
        .bind(account.0)
        .bind(from)
        .bind(to)
        .bind(after.map(|key| key.business_date))
        .bind(after.map(|key| key.at))
        .bind(after.map(|key| key.journal_id.0))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| AccountEntry {
            key: EntryKey {
                business_date: row.business_date,
                at: row.made_at,
                journal_id: JournalId(row.journal_id),
            },
            value_date: row.value_date,
            event: Event(row.event),
            month: row.month.map(|index| Month::from_index(i32::from(index))),
            amount: Fen::new(row.amount_fen),
            balance: Fen::new(row.balance_fen),
            case_id: row.case_id,
            reverses: row.reverses.map(JournalId),
        })
        .collect())
}
