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
    place: i64,
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
    let asked = [(account, from, to)];
    let found = read(conn, centre, &asked, after, limit).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// The entries of several accounts, each from one day to another, newest last: one statement for all.
///
/// # Errors
/// When the database fails.
pub async fn entries_of_many(
    conn: &mut PgConnection,
    centre: Centre,
    asked: &[(AccountId, NaiveDate, NaiveDate)],
    limit: i64,
) -> Result<Vec<Vec<AccountEntry>>> {
    read(conn, centre, asked, None, limit).await
}

async fn read(
    conn: &mut PgConnection,
    centre: Centre,
    asked: &[(AccountId, NaiveDate, NaiveDate)],
    after: Option<EntryKey>,
    limit: i64,
) -> Result<Vec<Vec<AccountEntry>>> {
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/statement.sql"))
        .bind(centre.0)
        .bind(asked.iter().map(|one| one.0.0).collect::<Vec<_>>())
        .bind(asked.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind(asked.iter().map(|one| one.2).collect::<Vec<_>>())
        .bind(after.map(|key| key.business_date))
        .bind(after.map(|key| key.at))
        .bind(after.map(|key| key.journal_id.0))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let mut found = vec![Vec::new(); asked.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
        if let Some(entries) = found.get_mut(place) {
            entries.push(row.entry());
        }
    }
    Ok(found)
}

impl Row {
    fn entry(self) -> AccountEntry {
        AccountEntry {
            key: EntryKey {
                business_date: self.business_date,
                at: self.made_at,
                journal_id: JournalId(self.journal_id),
            },
            value_date: self.value_date,
            event: Event(self.event),
            month: self.month.map(|index| Month::from_index(i32::from(index))),
            amount: Fen::new(self.amount_fen),
            balance: Fen::new(self.balance_fen),
            case_id: self.case_id,
            reverses: self.reverses.map(JournalId),
        }
    }
}

impl std::fmt::Display for EntryKey {
    /// `20261124_1764000000000000_42`: what a page hands out as the place where the next one begins.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}_{}_{}",
            self.business_date.format("%Y%m%d"),
            self.at.timestamp_micros(),
            self.journal_id.0
        )
    }
}

impl EntryKey {
    /// A place as it was handed out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '_');
        let (date, at, journal) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            business_date: NaiveDate::parse_from_str(date, "%Y%m%d").ok()?,
            at: DateTime::from_timestamp_micros(at.parse().ok()?)?,
            journal_id: JournalId(journal.parse().ok()?),
        })
    }
}

/// What an account went through in one contribution year (缴存年度, 1 July to 30 June): `opening + contributed + interest − withdrawn =
/// closing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Year {
    /// The year of its 1 July.
    pub year: i32,
    /// Balance at its beginning.
    pub opening: Fen,
    /// 缴存 and what else came in, less what was refunded to the employer.
    pub contributed: Fen,
    /// 结息.
    pub interest: Fen,
    /// 提取 and what else went out, less what came back.
    pub withdrawn: Fen,
    /// Balance at its end, or now.
    pub closing: Fen,
}

/// Events that take money from a person's account, and those by which the same money comes back: 提取 and its failures, 冲还贷, 追回, 扣划,
/// 异地转出, 无人继承, 错户.
const OUT: [i16; 10] = [21, 23, 25, 27, 29, 30, 31, 35, 38, 39];

/// The contribution years of an account from its first entry to `last`, oldest first, none left out.
///
/// # Errors
/// When the database fails.
pub async fn years(
    conn: &mut PgConnection,
    centre: Centre,
    account: AccountId,
    last: i32,
) -> Result<Vec<Year>> {
    let rows: Vec<(i32, i64, i64, i64)> = sqlx::query_as(include_str!("sql/years.sql"))
        .bind(centre.0)
        .bind(account.0)
        .bind(OUT)
        .fetch_all(conn)
        .await?;
    let Some((first, ..)) = rows.first() else {
        return Ok(Vec::new());
    };
    let end = rows.last().map_or(last, |(year, ..)| last.max(*year));
    let mut opening = Fen::ZERO;
    Ok((*first..=end)
        .map(|year| {
            let moved = rows.iter().find(|row| row.0 == year);
            let (contributed, interest, withdrawn) =
                moved.map_or((0, 0, 0), |row| (row.1, row.2, row.3));
            let (contributed, interest, withdrawn) = (
                Fen::new(contributed),
                Fen::new(interest),
                Fen::new(withdrawn),
            );
            let closing = opening + contributed + interest - withdrawn;
            let said = Year {
                year,
                opening,
                contributed,
                interest,
                withdrawn,
                closing,
            };
            opening = closing;
            said
        })
        .collect())
}
