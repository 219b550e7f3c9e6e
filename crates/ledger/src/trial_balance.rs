//! 试算平衡. The figures of every leaf subject on any day: of a sealed one as it was sealed, of an open one with its
//! postings so far.

use anju_domain::money::Fen;
use anju_domain::subject::{Side, Subject};
use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::day::{self, DayState};
use crate::{Centre, Result};

/// One subject's day; balances on the subject's own side, red lines lower their side's turnover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectBalance {
    /// The subject.
    pub subject: Subject,
    /// 期初.
    pub opening: Fen,
    /// 借方发生额.
    pub debit: Fen,
    /// 贷方发生额.
    pub credit: Fen,
    /// 期末.
    pub closing: Fen,
}

/// All leaf subjects in the order of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// The day.
    pub date: NaiveDate,
    /// Whether it is sealed, so that nothing can change it.
    pub sealed: bool,
    /// One line a leaf subject.
    pub subjects: Vec<SubjectBalance>,
}

impl TrialBalance {
    /// Of one subject.
    #[must_use]
    pub fn of(&self, subject: Subject) -> Option<&SubjectBalance> {
        self.subjects.iter().find(|line| line.subject == subject)
    }

    /// Σ debit and Σ credit turnover, equal in books that balance (I2).
    #[must_use]
    pub fn turnover(&self) -> (Fen, Fen) {
        (
            self.subjects.iter().map(|line| line.debit).sum(),
            self.subjects.iter().map(|line| line.credit).sum(),
        )
    }

    /// Σ debit and Σ credit closing balances, equal in books that balance (I2).
    #[must_use]
    pub fn closing(&self) -> (Fen, Fen) {
        let side = |wanted| -> Fen {
            self.subjects
                .iter()
                .filter(|line| line.subject.info().side == wanted)
                .map(|line| line.closing)
                .sum()
        };
        (side(Side::Debit), side(Side::Credit))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    subject: i32,
    opening_fen: i64,
    debit_fen: i64,
    credit_fen: i64,
}

/// The trial balance of a day, of the whole centre or of one branch.
///
/// # Errors
/// When the database fails.
pub async fn trial_balance(
    conn: &mut PgConnection,
    centre: Centre,
    date: NaiveDate,
    branch_id: Option<i16>,
) -> Result<TrialBalance> {
    let sealed = day::state(conn, centre, date).await? == DayState::Sealed;
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/trial_balance.sql"))
        .bind(centre.0)
        .bind(date)
        .bind(branch_id)
        .bind(sealed)
        .fetch_all(conn)
        .await?;
    let subjects = Subject::leaves()
        .map(|info| {
            let row = rows.iter().find(|row| row.subject == info.subject.code());
            let (opening, debit, credit) = row.map_or((0, 0, 0), |row| {
                (row.opening_fen, row.debit_fen, row.credit_fen)
            });
            let own = |fen: i64| Fen::new(if info.side == Side::Debit { fen } else { -fen });
            SubjectBalance {
                subject: info.subject,
                opening: own(opening),
                debit: Fen::new(debit),
                credit: Fen::new(credit),
                closing: own(opening) + own(debit) - own(credit),
            }
        })
        .collect();
    Ok(TrialBalance {
        date,
        sealed,
        subjects,
    })
}
