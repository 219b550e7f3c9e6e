//! 分中心、管理部的账 (organisation.md §1): a dimension of the one set of books. Invariant: at the end of each day the balances of people and
//! employers stand in the books of the branch that keeps them, whoever booked them; sums over branches are the centre's to the fen.

use anju_casework::{Office, Result};
use anju_ledger::day::{self, BusinessDate, Moved};
use anju_ledger::{AccountId, JournalId};
use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

#[derive(FromRow)]
struct Standing {
    account_id: i64,
    subject: i32,
    from_branch: i16,
    to_branch: i16,
    fen: i64,
}

/// Books E13 for everything that stands with another branch than its keeper's. Between the mark of a day and its seal, when nobody writes
/// on it any more. Returns how many balances moved.
pub(super) async fn follow(
    office: &Office,
    conn: &mut PgConnection,
    day: BusinessDate,
) -> Result<usize> {
    let standing: Vec<Standing> = sqlx::query_as(include_str!("sql/branch_follow.sql"))
        .bind(office.centre.id)
        .bind(day.date())
        .bind(office.centre.head_branch)
        .fetch_all(&mut *conn)
        .await?;
    if standing.is_empty() {
        return Ok(0);
    }
    let mut branches: Vec<i16> = standing.iter().map(|one| one.to_branch).collect();
    branches.sort_unstable();
    branches.dedup();
    let ids = office.ids.take(branches.len()).await?;
    let journals: Vec<(JournalId, i16)> = ids.into_iter().map(JournalId).zip(branches).collect();
    let moved: Vec<Moved> = standing
        .iter()
        .map(|one| Moved {
            account: AccountId(one.account_id),
            subject: one.subject,
            from_branch: one.from_branch,
            to_branch: one.to_branch,
            fen: one.fen,
        })
        .collect();
    day::move_branches(conn, office.ledger(), day, office.now(), &journals, &moved).await?;
    Ok(moved.len())
}

/// Where the books of a branch and what it keeps differ, on the last sealed day.
#[derive(Debug, Clone, FromRow)]
pub struct Difference {
    /// Branch.
    pub branch_id: i16,
    /// 201, 21901 or 21902.
    pub subject: i32,
    /// Of its people or employers, fen.
    pub owned_fen: i64,
    /// In its books, fen.
    pub booked_fen: i64,
}

/// I5 by branch; for `anju audit`, since it reads all accounts.
///
/// # Errors
/// The database.
pub async fn differences(office: &Office) -> Result<Vec<Difference>> {
    Ok(sqlx::query_as(include_str!("sql/branch_differs.sql"))
        .bind(office.centre.id)
        .bind(office.centre.head_branch)
        .fetch_all(&office.pool)
        .await?)
}

/// A branch in a span of days that are sealed.
#[derive(Debug, Clone, FromRow)]
pub struct Figures {
    /// Branch.
    pub branch_id: i16,
    /// Employers that it keeps now.
    pub employers: i64,
    /// 缴存额 (accounting.md §9): contributions, subsidies, money of people who moved here, interest; less refunds. Fen.
    pub collected_fen: i64,
    /// 提取额: withdrawals, closings, transfers out; less what failed or came back. Fen.
    pub withdrawn_fen: i64,
    /// What came with people and employers from other branches, less what left with them. Fen.
    pub moved_fen: i64,
    /// 缴存余额: 201 at the end of the last sealed day. Fen.
    pub balance_fen: i64,
}

/// The sum of some figures, for the line below them.
#[must_use]
pub fn total(figures: &[Figures]) -> Figures {
    let sum = |of: fn(&Figures) -> i64| figures.iter().map(of).sum();
    Figures {
        branch_id: 0,
        employers: sum(|one| one.employers),
        collected_fen: sum(|one| one.collected_fen),
        withdrawn_fen: sum(|one| one.withdrawn_fen),
        moved_fen: sum(|one| one.moved_fen),
        balance_fen: sum(|one| one.balance_fen),
    }
}

/// Every branch, in the sealed days of a span, from the vouchers, of which there are a few dozen a day; `only` for one branch.
///
/// # Errors
/// The database.
pub async fn figures(
    office: &Office,
    from: NaiveDate,
    to: NaiveDate,
    only: Option<i16>,
) -> Result<Vec<Figures>> {
    Ok(sqlx::query_as(
        "WITH moved AS (
             SELECT branch_id,
                    sum(CASE WHEN event IN (5, 6, 12, 28, 33, 72, 89) THEN debit_fen WHEN event = 11 THEN -debit_fen ELSE 0 END)::bigint
                        AS collected_fen,
                    sum(CASE WHEN event IN (21, 23, 29, 31, 35, 38) THEN debit_fen WHEN event IN (27, 30, 39) THEN -debit_fen ELSE 0 END)::bigint
                        AS withdrawn_fen
               FROM voucher
              WHERE centre_id = $1 AND business_date BETWEEN $2 AND $3
              GROUP BY branch_id),
         kept AS (
             SELECT branch_id, count(*) AS employers FROM employer
              WHERE centre_id = $1 AND state NOT IN (4, 9) AND NOT holding AND uscc NOT LIKE 'FLEX-%' GROUP BY branch_id),
         held AS (
             SELECT branch_id, coalesce(sum(-closing_fen) FILTER (WHERE business_date = ended.day), 0)::bigint AS balance_fen,
                    coalesce(sum(-closing_fen) FILTER (WHERE business_date = begun.day), 0)::bigint AS before_fen
               FROM day_sum,
                    (SELECT max(business_date) AS day FROM day_close WHERE centre_id = $1 AND state = 2 AND business_date <= $3) AS ended,
                    (SELECT max(business_date) AS day FROM day_close WHERE centre_id = $1 AND state = 2 AND business_date < $2) AS begun
              WHERE centre_id = $1 AND subject = 201 AND business_date IN (ended.day, begun.day)
              GROUP BY branch_id)
         SELECT b.branch_id, coalesce(employers, 0) AS employers, coalesce(collected_fen, 0) AS collected_fen,
                coalesce(withdrawn_fen, 0) AS withdrawn_fen, coalesce(balance_fen, 0) AS balance_fen,
                (coalesce(balance_fen, 0) - coalesce(before_fen, 0) - coalesce(collected_fen, 0) + coalesce(withdrawn_fen, 0))::bigint
                    AS moved_fen
           FROM branch b LEFT JOIN moved USING (branch_id) LEFT JOIN kept USING (branch_id) LEFT JOIN held USING (branch_id)
          WHERE b.centre_id = $1 AND ($4::smallint IS NULL OR b.branch_id = $4)
          ORDER BY b.branch_id",
    )
    .bind(office.centre.id)
    .bind(from)
    .bind(to)
    .bind(only)
    .fetch_all(&office.pool)
    .await?)
}
