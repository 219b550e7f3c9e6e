//! Memberships (任职关系): a person's account at an employer, with base and ratio.

use std::cmp::Reverse;

use anju_domain::money::Fen;
use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use sqlx::{FromRow, PgExecutor};

use crate::{Office, Result};

/// Membership states.
pub mod state {
    /// 正常.
    pub const ACTIVE: i16 = 1;
    /// 封存.
    pub const SEALED: i16 = 2;
    /// No longer an account of this employer.
    pub const ENDED: i16 = 9;
}

/// A person's account at an employer.
#[derive(Debug, Clone, FromRow, Deserialize)]
pub struct Membership {
    /// Identifier.
    pub membership_id: i64,
    /// Whose.
    pub person_id: i64,
    /// Where.
    pub employer_id: i64,
    /// Name of the employer.
    pub employer_name: String,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// The employer's entrusted bank.
    pub bank: String,
    /// District of the employer.
    pub district: String,
    /// Ledger account.
    pub account_id: i64,
    /// See [`state`].
    pub state: i16,
    /// 缴存基数, fen.
    pub base_fen: i64,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// Employer's monthly part, fen.
    pub employer_fen: i64,
    /// Employee's monthly part, fen.
    pub employee_fen: i64,
    /// First month.
    pub from_month: i32,
    /// Date of the sealing.
    pub sealed_on: Option<NaiveDate>,
    /// Account opened.
    pub opened_on: NaiveDate,
}

/// The live memberships of a person: at most one fund account, and those that ended, newest first.
pub async fn of_person(office: &Office, person_id: i64) -> Result<Vec<Membership>> {
    office.trays.memberships.put(office, person_id).await
}

/// The same for those who ask at one moment.
pub(crate) fn of_people(
    office: Office,
    people: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Vec<Membership>>>> {
    async move { read(&office, &office.pool, &people).await }.boxed()
}

/// The same over a connection that the caller holds.
pub async fn of_person_on(
    office: &Office,
    db: impl PgExecutor<'_>,
    person_id: i64,
) -> Result<Vec<Membership>> {
    let found = read(office, db, &[person_id]).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

async fn read(
    office: &Office,
    db: impl PgExecutor<'_>,
    people: &[i64],
) -> Result<Vec<Vec<Membership>>> {
    let all: Vec<Membership> = sqlx::query_as(
        "SELECT m.*
           FROM (SELECT DISTINCT person_id FROM unnest($2::bigint[]) AS named (person_id)) AS asked
          CROSS JOIN LATERAL (
                SELECT m.membership_id, m.person_id, m.employer_id, e.name AS employer_name, e.branch_id, e.bank, e.district,
                       m.account_id, m.state, m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp, m.employer_fen,
                       m.employee_fen, m.from_month, m.sealed_on, m.opened_on
                  FROM membership m JOIN employer e USING (centre_id, employer_id)
                 WHERE m.centre_id = $1 AND m.person_id = asked.person_id
                 ORDER BY m.state, m.membership_id DESC LIMIT 20) AS m",
    )
    .bind(office.centre.id)
    .bind(people)
    .fetch_all(db)
    .await?;
    let of = |person_id: &i64| {
        let own = all.iter().filter(|one| one.person_id == *person_id);
        let mut own: Vec<Membership> = own.cloned().collect();
        own.sort_by_key(|one| (one.state, Reverse(one.membership_id)));
        own
    };
    Ok(people.iter().map(of).collect())
}

/// The balance of a person's housing subsidy account (住房补贴账户); none where there is no live one.
///
/// # Errors
/// The database.
pub async fn subsidy_balance(office: &Office, person_id: i64) -> Result<Option<Fen>> {
    office.trays.subsidies.put(office, person_id).await
}

/// The same for those who ask at one moment.
pub(crate) fn subsidy_balances(
    office: Office,
    people: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<Fen>>>> {
    async move {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT s.person_id, a.balance_fen
               FROM subsidy_member s
               JOIN ledger_account a ON a.centre_id = s.centre_id AND a.account_id = s.account_id AND a.state <> 3
              WHERE s.centre_id = $1 AND s.person_id = ANY ($2)",
        )
        .bind(office.centre.id)
        .bind(&people)
        .fetch_all(&office.pool)
        .await?;
        let of = |person_id: &i64| {
            let own = rows.iter().find(|(id, _)| id == person_id);
            own.map(|(_, fen)| Fen::new(*fen))
        };
        Ok(people.iter().map(of).collect())
    }
    .boxed()
}

/// Which person an account belongs to.
pub async fn person_of_account(office: &Office, account_id: i64) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT person_id FROM (
             SELECT person_id, state FROM membership WHERE centre_id = $1 AND account_id = $2
             UNION ALL
             SELECT person_id, 1 FROM subsidy_member WHERE centre_id = $1 AND account_id = $2) AS known
          ORDER BY state LIMIT 1",
    )
        .bind(office.centre.id)
        .bind(account_id)
        .fetch_optional(&office.pool)
        .await?)
}
