//! 监管数据报送 (JGJ/T 320-2014): the tables of a closed day for the ministry's platform: units, personal accounts, contributions, withdrawals, ledger.
//!
//! Invariant: the control sum of each table is a figure of the day's trial balance: suspense (21901), balance, credit and debit turnover of people's
//! accounts (201), debit turnover of all. No name and no ID number of a person stands in any of them.

use anju_casework::{Office, Result};
use anju_domain::subject::Side;
use anju_ledger::trial_balance::trial_balance;
use anju_vault::NumberKind;
use chrono::{Days, NaiveDate};
use serde_json::json;
use sqlx::FromRow;

use super::sent::Row;

/// Days that are caught up in one look.
const DAYS: i64 = 31;

/// A table of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// 单位信息.
    Unit,
    /// 个人账户.
    Account,
    /// 归集业务明细.
    Contribution,
    /// 提取业务明细.
    Withdrawal,
    /// 科目账.
    Ledger,
}

impl Table {
    /// The table of a flow of files.
    #[must_use]
    pub fn of_flow(flow: &str) -> Option<Self> {
        Some(match flow {
            "supervision_unit" => Self::Unit,
            "supervision_account" => Self::Account,
            "supervision_contribution" => Self::Contribution,
            "supervision_withdrawal" => Self::Withdrawal,
            "supervision_ledger" => Self::Ledger,
            _ => return None,
        })
    }
}

/// The closed days whose file of a flow is due, the oldest first: those after the last one that was made, of a flow that never had one the newest
/// alone. A day is due on the next (T+1).
///
/// # Errors
/// The database.
pub async fn due(office: &Office, source: &str, flow: &str) -> Result<Vec<NaiveDate>> {
    let closed_before = office.today();
    let last: Option<NaiveDate> = sqlx::query_scalar(
        "SELECT max(day) FROM sent_file WHERE centre_id = $1 AND source = $2 AND flow = $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(flow)
    .fetch_one(&office.pool)
    .await?;
    let newest = async || -> Result<Option<NaiveDate>> {
        Ok(sqlx::query_scalar(
            "SELECT max(business_date) FROM day_close WHERE centre_id = $1 AND state = 2 AND business_date < $2",
        )
        .bind(office.centre.id)
        .bind(closed_before)
        .fetch_one(&office.pool)
        .await?)
    };
    let after = match last {
        Some(last) => Some(last),
        None => newest()
            .await?
            .and_then(|day| day.checked_sub_days(Days::new(1))),
    };
    let Some(after) = after else {
        return Ok(Vec::new());
    };
    Ok(sqlx::query_scalar(
        "SELECT business_date FROM day_close
          WHERE centre_id = $1 AND state = 2 AND business_date > $2 AND business_date < $3 ORDER BY business_date LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(after)
    .bind(closed_before)
    .bind(DAYS)
    .fetch_all(&office.pool)
    .await?)
}

#[derive(FromRow)]
struct Read {
    account_id: Option<i64>,
    employer_id: Option<i64>,
    journal_id: Option<i64>,
    /// A JSON object that lacks the public numbers.
    said: String,
    control_fen: i64,
}

/// The rows of a table at the end of a closed day.
///
/// # Errors
/// The database.
pub async fn rows(office: &Office, table: Table, day: NaiveDate) -> Result<Vec<Row>> {
    let mut conn = office.pool.acquire().await?;
    let read: Vec<Read> = match table {
        Table::Unit => {
            sqlx::query_as(include_str!("sql/supervision_unit.sql"))
                .bind(office.centre.id)
                .bind(day)
                .fetch_all(&mut *conn)
                .await?
        }
        Table::Account => {
            sqlx::query_as(include_str!("sql/supervision_account.sql"))
                .bind(office.centre.id)
                .bind(day)
                .fetch_all(&mut *conn)
                .await?
        }
        Table::Contribution | Table::Withdrawal => {
            sqlx::query_as(include_str!("sql/supervision_movement.sql"))
                .bind(office.centre.id)
                .bind(day)
                .bind(table == Table::Contribution)
                .fetch_all(&mut *conn)
                .await?
        }
        Table::Ledger => {
            let balance = trial_balance(&mut conn, office.ledger(), day, None).await?;
            return Ok(balance
                .subjects
                .iter()
                .map(|line| {
                    let info = line.subject.info();
                    Row {
                        line: json!({
                            "kmbm": info.subject.code().to_string(),
                            "kmmc": info.name_zh,
                            "yefx": if info.side == Side::Debit { "借" } else { "贷" },
                            "qcye_fen": line.opening.fen(),
                            "jffse_fen": line.debit.fen(),
                            "dffse_fen": line.credit.fen(),
                            "qmye_fen": line.closing.fen(),
                        })
                        .to_string(),
                        control_fen: line.debit.fen(),
                    }
                })
                .collect());
        }
    };
    let number = |kind, id: Option<i64>| id.map(|id| office.numbers.encode(kind, id));
    Ok(read
        .into_iter()
        .map(|one| {
            let mut line = "{".to_owned();
            for (field, number) in [
                ("grzh", number(NumberKind::Account, one.account_id)),
                ("dwzh", number(NumberKind::Employer, one.employer_id)),
                ("lsh", number(NumberKind::Case, one.journal_id)),
            ] {
                if let Some(number) = number {
                    line += &format!("\"{field}\":\"{number}\",");
                }
            }
            line += one.said.trim_start_matches('{');
            Row {
                line,
                control_fen: one.control_fen,
            }
        })
        .collect())
}
