//! 会计日期. The open business date, and how a day is closed without a lock in anybody's way.
//!
//! The invariant: nothing is booked in a sealed day. A booking looks at the open date in its own transaction; the close
//! marks the day, which opens the next one, waits until every transaction that may have seen the old date has ended,
//! and only then totals, numbers and seals.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::{AccountId, Centre, Error, JournalId, Result};

/// A day on which bookings are or were made; not any date of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BusinessDate(NaiveDate);

impl BusinessDate {
    /// The date that somebody says is a business date; [`open_day`] knows it.
    #[must_use]
    pub const fn of(date: NaiveDate) -> Self {
        Self(date)
    }

    /// As a date of the calendar.
    #[must_use]
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// The day after. Every day of the calendar is a business day: the doors never close, so that neither do the books.
    #[must_use]
    pub fn next(self) -> Self {
        Self(
            self.0
                .succ_opt()
                .expect("the calendar does not end in our time"),
        )
    }
}

/// How far a day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayState {
    /// Not yet begun, or never one of this centre's days.
    Unknown,
    /// Takes bookings.
    Open,
    /// Takes no bookings any more, is not yet totalled.
    Marked,
    /// Totalled and numbered for good.
    Sealed,
}

/// The closing of a day, by two persons.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// The books.
    pub centre: Centre,
    /// The day to be closed.
    pub day: BusinessDate,
    /// The day to be opened.
    pub next: BusinessDate,
    /// Who asked for it.
    pub maker_id: i64,
    /// Who confirmed it; never the maker.
    pub checker_id: i64,
    /// The instant, from the clock.
    pub at: DateTime<Utc>,
}

/// What a sealed day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Vouchers numbered.
    pub vouchers: i32,
    /// How long the writers of the mark took to end.
    pub waited: Duration,
}

/// The longest that a close waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// The open business date.
///
/// # Errors
/// [`Error::DayNotOpen`] when the centre has no books yet.
pub async fn open_day(conn: &mut PgConnection, centre: Centre) -> Result<BusinessDate> {
    let date: Option<NaiveDate> =
        sqlx::query_scalar("SELECT open_date FROM business_day WHERE centre_id = $1")
            .bind(centre.0)
            .fetch_optional(conn)
            .await?;
    date.map(BusinessDate)
        .ok_or_else(|| Error::DayNotOpen(format!("centre {} has no books", centre.0)))
}

/// How far a day has come.
///
/// # Errors
/// When the database fails.
pub async fn state(conn: &mut PgConnection, centre: Centre, date: NaiveDate) -> Result<DayState> {
    let state: Option<i16> = sqlx::query_scalar(
        "SELECT 0::smallint
           FROM business_day
          WHERE centre_id = $1
            AND open_date = $2
          UNION ALL
         SELECT state
           FROM day_close
          WHERE centre_id = $1
            AND business_date = $2",
    )
    .bind(centre.0)
    .bind(date)
    .fetch_optional(conn)
    .await?;
    Ok(match state {
        Some(0) => DayState::Open,
        Some(1) => DayState::Marked,
        Some(_) => DayState::Sealed,
        None => DayState::Unknown,
    })
}

/// Days that are marked and not sealed, the oldest first: a close was interrupted and [`seal`] finishes it.
///
/// # Errors
/// When the database fails.
pub async fn unsealed(conn: &mut PgConnection, centre: Centre) -> Result<Vec<BusinessDate>> {
    let days: Vec<NaiveDate> = sqlx::query_scalar(
        "SELECT business_date FROM day_close WHERE centre_id = $1 AND state = 1 ORDER BY business_date",
    )
    .bind(centre.0)
    .fetch_all(conn)
    .await?;
    Ok(days.into_iter().map(BusinessDate).collect())
}

/// Closes a day: mark, wait, total, check, seal. Outside of any transaction: the mark is committed by itself. Interest and
/// other work of the day's end comes between [`mark`] and [`seal`] where it must; then call the steps singly.
///
/// # Errors
/// [`Error::Close`] when it is not the open day, an earlier one is unsealed, a journal is not whole, or a transaction does
/// not end.
pub async fn close(conn: &mut PgConnection, closing: &Closing) -> Result<Sealed> {
    mark(conn, closing).await?;
    let waited = wait_for_writers(conn).await?;
    let vouchers = seal(conn, closing.centre, closing.day, closing.at).await?;
    Ok(Sealed { vouchers, waited })
}

/// Marks the open day and opens the next one: from now on bookings go there. To be committed before anything else.
///
/// # Errors
/// [`Error::Close`] when it is not the open day, [`Error::Malformed`] when one person would do it alone.
pub async fn mark(conn: &mut PgConnection, closing: &Closing) -> Result<()> {
    let marked: bool = sqlx::query_scalar("SELECT ledger_mark_day($1, $2, $3, $4, $5, $6)")
        .bind(closing.centre.0)
        .bind(closing.day.date())
        .bind(closing.next.date())
        .bind(closing.maker_id)
        .bind(closing.checker_id)
        .bind(closing.at)
        .fetch_one(conn)
        .await?;
    if marked {
        Ok(())
    } else {
        Err(Error::Close(format!(
            "{} is not the open day",
            closing.day.date()
        )))
    }
}

/// Waits until every transaction of a writer that is running now has ended. After the mark is committed no later one can
/// see the old date.
///
/// # Errors
/// [`Error::Close`] when one does not end within a minute, or when transactions are prepared in two phases: those have no
/// virtual id to wait for.
pub async fn wait_for_writers(conn: &mut PgConnection) -> Result<Duration> {
    let begun = Instant::now();
    let prepared: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()",
    )
    .fetch_one(&mut *conn)
    .await?;
    if prepared > 0 {
        return Err(Error::Close(format!(
            "{prepared} transactions are prepared in two phases"
        )));
    }
    let running: Vec<String> = sqlx::query_scalar(
        "SELECT held.virtualtransaction
           FROM pg_locks held
           JOIN pg_stat_activity session USING (pid)
          WHERE held.locktype = 'virtualxid'
            AND held.granted
            AND held.pid <> pg_backend_pid()
            AND session.datname = current_database()
            AND session.application_name = 'anju'",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut pause = Duration::from_millis(1);
    loop {
        let left: i64 = sqlx::query_scalar(
            "SELECT count(*)
               FROM pg_locks
              WHERE locktype = 'virtualxid'
                AND granted
                AND virtualtransaction = ANY ($1)",
        )
        .bind(&running)
        .fetch_one(&mut *conn)
        .await?;
        if left == 0 {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE {
            return Err(Error::Close(format!(
                "{left} transactions of the day do not end"
            )));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Totals, checks, numbers and seals a marked day whose writers have ended. Returns the number of vouchers.
///
/// # Errors
/// [`Error::Close`] when it is not marked, an earlier day is unsealed, or a journal is not whole; it stays marked.
pub async fn seal(
    conn: &mut PgConnection,
    centre: Centre,
    day: BusinessDate,
    at: DateTime<Utc>,
) -> Result<i32> {
    Ok(sqlx::query_scalar("SELECT ledger_seal_day($1, $2, $3)")
        .bind(centre.0)
        .bind(day.date())
        .bind(at)
        .fetch_one(conn)
        .await?)
}

/// A balance that leaves the books of one branch for those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub account: AccountId,
    /// Its subject's code.
    pub subject: i32,
    /// Where it stands.
    pub from_branch: i16,
    /// Where it goes.
    pub to_branch: i16,
    /// As it stands there, + debit.
    pub fen: i64,
}

/// Books E13 between branches (内部转移 of organisation.md §1) on a marked day, in the name of the two who close it: one journal for each
/// branch that something goes to, each with its number. The totals of the centre, balances and products stay what they are.
///
/// # Errors
/// [`Error::Close`] when the day is not marked or is sealed.
pub async fn move_branches(
    conn: &mut PgConnection,
    centre: Centre,
    day: BusinessDate,
    at: DateTime<Utc>,
    journals: &[(JournalId, i16)],
    moved: &[Moved],
) -> Result<i32> {
    Ok(
        sqlx::query_scalar("SELECT ledger_move_branches($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(centre.0)
            .bind(day.date())
            .bind(at)
            .bind(journals.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
            .bind(
                journals
                    .iter()
                    .map(|(_, branch)| *branch)
                    .collect::<Vec<_>>(),
            )
            .bind(moved.iter().map(|one| one.account.0).collect::<Vec<_>>())
            .bind(moved.iter().map(|one| one.subject).collect::<Vec<_>>())
            .bind(moved.iter().map(|one| one.from_branch).collect::<Vec<_>>())
            .bind(moved.iter().map(|one| one.to_branch).collect::<Vec<_>>())
            .bind(moved.iter().map(|one| one.fen).collect::<Vec<_>>())
            .fetch_one(conn)
            .await?,
    )
}
