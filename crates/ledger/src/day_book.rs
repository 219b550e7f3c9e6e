//! 日记账. Every posting in the order of the books, for programs that keep books of their own.
//!
//! Read-only and of one instant. The reading session is not a writer (it is not named `anju`): however long somebody
//! reads, no close waits for it.

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use chrono::NaiveDate;
use futures::TryStreamExt;
use sqlx::{Connection, PgConnection};

use crate::account::Kind;
use crate::trial_balance::{TrialBalance, trial_balance};
use crate::{AccountId, Centre, Error, Event, JournalId, Result};

/// One posting with what its journal says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBookLine {
    /// 会计日期.
    pub business_date: NaiveDate,
    /// Its journal; the lines of one follow one another.
    pub journal_id: JournalId,
    /// Why.
    pub event: Event,
    /// The case or remittance.
    pub case_id: Option<i64>,
    /// The account.
    pub account: AccountId,
    /// What the account is for.
    pub kind: Kind,
    /// Whose it is.
    pub owner_id: i64,
    /// The leaf subject.
    pub subject: Subject,
    /// Code of the part; 0 for none.
    pub part: i16,
    /// + debit, − credit.
    pub amount: Fen,
    /// 红字: lowers the turnover of its own side.
    pub red: bool,
    /// 起息日.
    pub value_date: NaiveDate,
}

/// What a reader of the day book is told, in this order: the balances before the first day, the lines, the balances after the last day.
pub trait Reader {
    /// What the reader fails with.
    type Error: From<Error>;

    /// The balances at the end of the day before the first.
    ///
    /// # Errors
    /// The reader's own.
    fn opening(&mut self, balances: &TrialBalance) -> std::result::Result<(), Self::Error>;

    /// One posting.
    ///
    /// # Errors
    /// The reader's own.
    fn line(&mut self, line: &DayBookLine) -> std::result::Result<(), Self::Error>;

    /// The balances at the end of the last day.
    ///
    /// # Errors
    /// The reader's own.
    fn closing(&mut self, balances: &TrialBalance) -> std::result::Result<(), Self::Error>;
}

#[derive(sqlx::FromRow)]
struct Row {
    journal_id: i64,
    event: i16,
    case_id: Option<i64>,
    account_id: i64,
    kind: i16,
    owner_id: i64,
    subject: i32,
    part: i16,
    amount_fen: i64,
    red: bool,
    value_date: NaiveDate,
}

impl Row {
    fn line(self, business_date: NaiveDate) -> Result<DayBookLine> {
        let unknown =
            |what: &str, code: i64| Error::Malformed(format!("a posting names {what} {code}"));
        Ok(DayBookLine {
            business_date,
            journal_id: JournalId(self.journal_id),
            event: Event(self.event),
            case_id: self.case_id,
            account: AccountId(self.account_id),
            kind: Kind::from_code(self.kind)
                .ok_or_else(|| unknown("the kind", i64::from(self.kind)))?,
            owner_id: self.owner_id,
            subject: Subject::get(self.subject)
                .ok_or_else(|| unknown("the subject", i64::from(self.subject)))?,
            part: self.part,
            amount: Fen::new(self.amount_fen),
            red: self.red,
            value_date: self.value_date,
        })
    }
}

/// Reads the postings of both days and those between. One row is held at a time, whatever the size of the books: a day is sorted by
/// the database.
///
/// # Errors
/// The reader's own, or when the database fails.
pub async fn read<R: Reader>(
    conn: &mut PgConnection,
    centre: Centre,
    from: NaiveDate,
    to: NaiveDate,
    reader: &mut R,
) -> std::result::Result<(), R::Error> {
    let mut snapshot = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(Error::from)?;
    let before = from
        .pred_opt()
        .ok_or_else(|| Error::Malformed(format!("there is no day before {from}")))?;
    reader.opening(&trial_balance(&mut snapshot, centre, before, None).await?)?;
    let days: Vec<NaiveDate> = sqlx::query_scalar(
        "SELECT DISTINCT business_date
           FROM journal
          WHERE centre_id = $1
            AND business_date BETWEEN $2 AND $3
          ORDER BY business_date",
    )
    .bind(centre.0)
    .bind(from)
    .bind(to)
    .fetch_all(&mut *snapshot)
    .await
    .map_err(Error::from)?;
    for day in days {
        let mut rows = sqlx::query_as::<_, Row>(include_str!("sql/day_book.sql"))
            .bind(centre.0)
            .bind(day)
            .fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await.map_err(Error::from)? {
            reader.line(&row.line(day)?)?;
        }
    }
    reader.closing(&trial_balance(&mut snapshot, centre, to, None).await?)?;
    snapshot.rollback().await.map_err(Error::from)?;
    Ok(())
}
