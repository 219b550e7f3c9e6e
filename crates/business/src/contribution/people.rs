//! The people of a remittance (汇缴明细) and of an employer: who is paid for, how much. Names are masked here; whole ones never leave.

use anju_casework::person::{purpose, text};
use anju_casework::{Fault, Office, Result};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_domain::text::last_four;
use rayon::prelude::*;
use sqlx::FromRow;

/// One person of a list.
#[derive(Debug, Clone)]
pub struct PersonLine {
    /// The account, for the next page.
    pub account_id: i64,
    /// The surname and stars.
    pub name_masked: String,
    /// For which month: a list beside the months may have several of one person.
    pub month: Month,
    /// 缴存基数.
    pub base: Fen,
    /// The employer's part.
    pub employer: Fen,
    /// The employee's part.
    pub employee: Fen,
}

#[derive(FromRow)]
struct Row {
    account_id: i64,
    name_sealed: Vec<u8>,
    month: i32,
    base_fen: i64,
    employer_fen: i64,
    employee_fen: i64,
}

/// Whom a kept list changes, masked, the first of them, and how many they are.
pub async fn changed_by(office: &Office, roster_id: i64, limit: i64) -> Result<(Vec<String>, i64)> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT coalesce(p.name_sealed, r.name_sealed), count(*) OVER ()
           FROM roster_row r LEFT JOIN person p ON p.centre_id = r.centre_id AND p.person_id = r.person_id
          WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change > 0
          ORDER BY r.line LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    let count = rows.first().map_or(0, |(_, count)| *count);
    let names = rows
        .into_iter()
        .map(|(name, _)| {
            Ok(anju_domain::name::mask(&text(
                &office.vault,
                purpose::NAME,
                &name,
            )?))
        })
        .collect::<Result<_>>()?;
    Ok((names, count))
}

/// Somebody whose base or ratio a kept list changes, before and after.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Place in the list, for the next page.
    pub line: i32,
    /// The surname and stars.
    pub name_masked: String,
    /// 原缴存基数; not known of a list that was kept before this was.
    pub base_before: Option<Fen>,
    /// 缴存基数.
    pub base: Fen,
    /// Both parts of a month before.
    pub monthly_before: Option<Fen>,
    /// Both parts of a month from now on.
    pub monthly: Fen,
}

impl Changed {
    /// How much more a month.
    #[must_use]
    pub fn more(&self) -> Option<Fen> {
        self.monthly_before.map(|before| self.monthly - before)
    }
}

/// Whose base or ratio a kept list changes, in the order of the list, a page of them after a line.
pub async fn changed_bases(
    office: &Office,
    roster_id: i64,
    after: i32,
    limit: i64,
) -> Result<Vec<Changed>> {
    #[derive(FromRow)]
    struct Row {
        line: i32,
        name_sealed: Vec<u8>,
        base_before_fen: Option<i64>,
        base_fen: i64,
        monthly_before_fen: Option<i64>,
        monthly_fen: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT r.line, p.name_sealed, r.base_before_fen, r.base_fen, r.monthly_before_fen, r.employer_fen + r.employee_fen AS monthly_fen
           FROM roster_row r JOIN person p ON p.centre_id = r.centre_id AND p.person_id = r.person_id
          WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change IN (4, 5) AND r.line > $3
          ORDER BY r.line LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    let changed = rows.into_iter().map(|row| {
        Ok(Changed {
            line: row.line,
            name_masked: anju_domain::name::mask(&text(
                &office.vault,
                purpose::NAME,
                &row.name_sealed,
            )?),
            base_before: row.base_before_fen.map(Fen::new),
            base: Fen::new(row.base_fen),
            monthly_before: row.monthly_before_fen.map(Fen::new),
            monthly: Fen::new(row.monthly_fen),
        })
    });
    changed.collect()
}

/// The people of a remittance by account, a page of them after `after`.
pub async fn of_remittance(
    office: &Office,
    remittance_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<PersonLine>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT l.account_id, p.name_sealed, l.month, l.base_fen, l.employer_fen, l.employee_fen
           FROM remittance_line l JOIN person p USING (centre_id, person_id)
          WHERE l.centre_id = $1 AND l.remittance_id = $2 AND l.account_id > $3
          ORDER BY l.account_id, l.month LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PersonLine {
                account_id: row.account_id,
                name_masked: anju_domain::name::mask(&text(
                    &office.vault,
                    purpose::NAME,
                    &row.name_sealed,
                )?),
                month: Month::from_index(row.month),
                base: Fen::new(row.base_fen),
                employer: Fen::new(row.employer_fen),
                employee: Fen::new(row.employee_fen),
            })
        })
        .collect()
}

/// A member of an employer.
#[derive(Debug, Clone)]
pub struct Member {
    /// Place in the list, for the next page.
    pub membership_id: i64,
    /// The account.
    pub account_id: i64,
    /// The surname and stars.
    pub name_masked: String,
    /// The last four of the ID number: people of one surname are told apart.
    pub id_tail: String,
    /// See [`anju_casework::membership::state`].
    pub state: i16,
    /// 缴存基数.
    pub base: Fen,
    /// Both parts of a month.
    pub monthly: Fen,
    /// Sealed on, and why.
    pub sealed: Option<(chrono::NaiveDate, Option<String>)>,
}

#[derive(FromRow)]
struct MemberRow {
    membership_id: i64,
    account_id: i64,
    name_sealed: Vec<u8>,
    id_sealed: Vec<u8>,
    state: i16,
    base_fen: i64,
    employer_fen: i64,
    employee_fen: i64,
    sealed_on: Option<chrono::NaiveDate>,
    seal_reason: Option<String>,
}

impl MemberRow {
    fn shown(self, office: &Office) -> Result<Member> {
        let name = text(&office.vault, purpose::NAME, &self.name_sealed)?;
        Ok(Member {
            membership_id: self.membership_id,
            account_id: self.account_id,
            name_masked: anju_domain::name::mask(&name),
            id_tail: last_four(&text(&office.vault, purpose::ID, &self.id_sealed)?),
            state: self.state,
            base: Fen::new(self.base_fen),
            monthly: Fen::new(self.employer_fen + self.employee_fen),
            sealed: self.sealed_on.map(|day| (day, self.seal_reason)),
        })
    }
}

/// The members of an employer, contributing or sealed, a page of them after `after`.
///
/// # Errors
/// The database; a name that does not open.
pub async fn of_employer(
    office: &Office,
    employer_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.membership_id, m.account_id, p.name_sealed, p.id_sealed, m.state, m.base_fen, m.employer_fen, m.employee_fen, m.sealed_on,
                m.seal_reason
           FROM membership m JOIN person p USING (centre_id, person_id)
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2) AND m.membership_id > $3
          ORDER BY m.membership_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(|row| row.shown(office)).collect()
}

/// The fewest signs of an ID number's end that find somebody.
const TAIL: usize = 4;

/// The members in whose name these words stand, or whose ID number ends with them; at most `limit`. Both are sealed in the database: they are
/// opened here, on all cores, and leave masked.
///
/// # Errors
/// As [`of_employer`].
pub async fn find(
    office: &Office,
    employer_id: i64,
    wanted: &str,
    limit: usize,
) -> Result<Vec<Member>> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.membership_id, m.account_id, p.name_sealed, p.id_sealed, m.state, m.base_fen, m.employer_fen, m.employee_fen, m.sealed_on,
                m.seal_reason
           FROM membership m JOIN person p USING (centre_id, person_id)
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2)
          ORDER BY m.membership_id",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_all(&office.pool)
    .await?;
    let (vault, wanted) = (office.vault.clone(), wanted.to_uppercase());
    let found = tokio::task::spawn_blocking(move || {
        rows.into_par_iter()
            .map(|row| {
                let is_meant = text(&vault, purpose::NAME, &row.name_sealed)?.contains(&wanted)
                    || (wanted.len() >= TAIL
                        && text(&vault, purpose::ID, &row.id_sealed)?.ends_with(&wanted));
                Ok(is_meant.then_some(row))
            })
            .filter_map(Result::transpose)
            .collect::<Result<Vec<MemberRow>>>()
    })
    .await
    .map_err(|_| Fault::Stored("opening the names of members did not finish".to_owned()))??;
    found
        .into_iter()
        .take(limit)
        .map(|row| row.shown(office))
        .collect()
}

/// The members of an employer who have no joint card yet, a page of them after `after`.
///
/// # Errors
/// As [`of_employer`].
pub async fn without_card(
    office: &Office,
    employer_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.membership_id, m.account_id, p.name_sealed, p.id_sealed, m.state, m.base_fen, m.employer_fen, m.employee_fen, m.sealed_on,
                m.seal_reason
           FROM membership m JOIN person p USING (centre_id, person_id)
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2) AND m.membership_id > $3 AND p.card_sealed IS NULL
          ORDER BY m.membership_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(|row| row.shown(office)).collect()
}

/// One member of an employer by the account.
///
/// # Errors
/// As [`of_employer`].
pub async fn member(office: &Office, employer_id: i64, account_id: i64) -> Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT m.membership_id, m.account_id, p.name_sealed, p.id_sealed, m.state, m.base_fen, m.employer_fen, m.employee_fen, m.sealed_on,
                m.seal_reason
           FROM membership m JOIN person p USING (centre_id, person_id)
          WHERE m.centre_id = $1 AND m.account_id = $3 AND m.employer_id = $2 AND m.state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(account_id)
    .fetch_optional(&office.pool)
    .await?;
    row.map(|row| row.shown(office)).transpose()
}

/// How many contribute and how many are sealed.
///
/// # Errors
/// The database.
pub async fn counts(office: &Office, employer_id: i64) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2)
           FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_one(&office.pool)
    .await?)
}
