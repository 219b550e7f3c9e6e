//! 总账和明细. What stands behind a figure of the trial balance: the days of a subject, and the journals of one of its days.

use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_domain::subject::{Side, Subject};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};

use crate::trial_balance::trial_balance;
use crate::{Centre, Event, JournalId, Result};

/// A day on which a subject moved; red lines lower their side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectDay {
    /// 会计日期.
    pub date: NaiveDate,
    /// 借方发生额.
    pub debit: Fen,
    /// 贷方发生额.
    pub credit: Fen,
    /// 期末, on the subject's own side.
    pub closing: Fen,
}

/// A subject from one day to another: opening balance, the days on which it moved, closing balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPeriod {
    /// 期初, on the subject's own side.
    pub opening: Fen,
    /// The days in their order.
    pub days: Vec<SubjectDay>,
    /// Σ debit of the days.
    pub debit: Fen,
    /// Σ credit of the days.
    pub credit: Fen,
    /// 期末.
    pub closing: Fen,
}

/// What one journal did to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectJournal {
    /// Its number inside the house.
    pub journal_id: JournalId,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Why.
    pub event: Event,
    /// The month of a contribution.
    pub month: Option<Month>,
    /// The case or remittance.
    pub case_id: Option<i64>,
    /// The journal that it reverses.
    pub reverses: Option<JournalId>,
    /// How many of its lines are of this subject.
    pub lines: i64,
    /// 借方发生额.
    pub debit: Fen,
    /// 贷方发生额.
    pub credit: Fen,
}

/// Which journals of a day: of a leaf subject, of the centre or one branch, of both sides or one.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The subject.
    pub subject: Subject,
    /// The day.
    pub date: NaiveDate,
    /// The branch; the whole centre where there is none.
    pub branch_id: Option<i16>,
    /// The side; both where there is none.
    pub side: Option<Side>,
}

/// A leaf subject from one day to another, both included, of the whole centre or of one branch.
///
/// # Errors
/// When the database fails.
pub async fn period(
    conn: &mut PgConnection,
    centre: Centre,
    subject: Subject,
    (from, to): (NaiveDate, NaiveDate),
    branch_id: Option<i16>,
) -> Result<SubjectPeriod> {
    let before = trial_balance(conn, centre, from, branch_id).await?;
    let opening = before
        .of(subject)
        .map_or(Fen::ZERO, |balance| balance.opening);
    let rows: Vec<(NaiveDate, i64, i64)> = sqlx::query_as(include_str!("sql/subject_days.sql"))
        .bind(centre.0)
        .bind(subject.code())
        .bind(from)
        .bind(to)
        .bind(branch_id)
        .fetch_all(conn)
        .await?;
    let mut period = SubjectPeriod {
        opening,
        days: Vec::with_capacity(rows.len()),
        debit: Fen::ZERO,
        credit: Fen::ZERO,
        closing: opening,
    };
    for (date, debit, credit) in rows {
        let (debit, credit) = (Fen::new(debit), Fen::new(credit));
        let grown = match subject.info().side {
            Side::Debit => debit - credit,
            Side::Credit => credit - debit,
        };
        period.debit += debit;
        period.credit += credit;
        period.closing += grown;
        period.days.push(SubjectDay {
            date,
            debit,
            credit,
            closing: period.closing,
        });
    }
    Ok(period)
}

/// The journals that moved a subject on a day, in the order of the books, after the one where a page ends. Together they come to the day's turnover.
///
/// # Errors
/// When the database fails.
pub async fn journals(
    conn: &mut PgConnection,
    centre: Centre,
    wanted: Wanted,
    after: Option<JournalId>,
    limit: i64,
) -> Result<Vec<SubjectJournal>> {
    #[derive(FromRow)]
    struct Row {
        journal_id: i64,
        made_at: DateTime<Utc>,
        event: i16,
        month: Option<i16>,
        case_id: Option<i64>,
        reverses: Option<i64>,
        lines: i64,
        debit_fen: i64,
        credit_fen: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/subject_journals.sql"))
        .bind(centre.0)
        .bind(wanted.subject.code())
        .bind(wanted.date)
        .bind(wanted.branch_id)
        .bind(wanted.side.map(|side| side == Side::Debit))
        .bind(after.map(|one| one.0))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let journals = rows.into_iter().map(|row| SubjectJournal {
        journal_id: JournalId(row.journal_id),
        made_at: row.made_at,
        event: Event(row.event),
        month: row.month.map(i32::from).map(Month::from_index),
        case_id: row.case_id,
        reverses: row.reverses.map(JournalId),
        lines: row.lines,
        debit: Fen::new(row.debit_fen),
        credit: Fen::new(row.credit_fen),
    });
    Ok(journals.collect())
}
