//! 时间机器: an employer and its people as they stood at the end of a past business day: members, bases and ratios from the rows of their days,
//! balances from the postings up to it, lists by what had become of them.

use anju_casework::person::{purpose, text};
use anju_casework::{Office, Refusal, Result};
use anju_domain::name::mask;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

/// A day that may be asked for: not before the record begins, not after today.
///
/// # Errors
/// `E-ASOF-01` for a day to come.
pub fn checked(office: &Office, day: NaiveDate) -> Result<NaiveDate> {
    if day > office.today() {
        let detail = "只能查今天和以前的日子，请改日期。";
        return Err(Refusal::rule("E-ASOF-01", detail).at("on").into());
    }
    Ok(day)
}

/// An employer as it stood.
#[derive(Debug, Clone, FromRow)]
pub struct Employer {
    /// Name.
    pub name: String,
    /// See [`anju_casework::employer::state`].
    pub state: i16,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// Month index.
    pub paid_to_month: i32,
    /// Who contributed.
    pub active: i64,
    /// Who was sealed.
    pub sealed: i64,
    /// A month of everybody who contributed, fen.
    pub monthly_fen: i64,
    /// In suspense, fen.
    pub suspense_fen: i64,
}

/// The members of an employer on a day: of each membership its last row up to it.
macro_rules! members {
    () => {
        "SELECT DISTINCT ON (d.membership_id) d.membership_id, d.person_id, d.account_id, d.state, d.base_fen, d.ratio_employer_bp,
                d.ratio_employee_bp, d.employer_fen + d.employee_fen AS monthly_fen
           FROM membership_day d
          WHERE d.centre_id = $1 AND d.employer_id = $2 AND d.from_day <= $3
          ORDER BY d.membership_id, d.from_day DESC"
    };
}

/// An employer at the end of a day; none where nothing is kept of it for that day.
pub async fn employer(
    office: &Office,
    employer_id: i64,
    day: NaiveDate,
) -> Result<Option<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT e.name, e.state, e.ratio_employer_bp, e.ratio_employee_bp, e.paid_to_month, m.active, m.sealed, m.monthly_fen,
                (SELECT coalesce(-sum(p.amount_fen), 0)::bigint
                   FROM posting p JOIN employer now ON now.centre_id = $1 AND now.employer_id = $2
                  WHERE p.centre_id = $1 AND p.account_id = now.suspense_account_id AND p.business_date <= $3
                    AND p.subject IN (201, 12101, 122, 11102, 21901, 21902)) AS suspense_fen
           FROM (SELECT * FROM employer_day WHERE centre_id = $1 AND employer_id = $2 AND from_day <= $3
                  ORDER BY from_day DESC LIMIT 1) AS e,
                (SELECT count(*) FILTER (WHERE state = 1) AS active, count(*) FILTER (WHERE state = 2) AS sealed,
                        coalesce(sum(monthly_fen) FILTER (WHERE state = 1), 0)::bigint AS monthly_fen
                   FROM (",
        members!(),
        ") AS one) AS m"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(day)
    .fetch_optional(&office.pool)
    .await?)
}

/// A member as he stood.
#[derive(Debug, Clone)]
pub struct Member {
    /// Orders the list.
    pub membership_id: i64,
    /// Account.
    pub account_id: i64,
    /// Masked.
    pub name_masked: String,
    /// 1 active, 2 sealed.
    pub state: i16,
    /// Fen.
    pub base_fen: i64,
    /// Both sides, fen.
    pub monthly_fen: i64,
    /// The account's balance at the end of the day, fen.
    pub balance_fen: i64,
}

/// A member's row.
type Row = (i64, i64, Vec<u8>, i16, i64, i64, i64);

/// The members of an employer at the end of a day, a page of them.
pub async fn members(
    office: &Office,
    employer_id: i64,
    day: NaiveDate,
    after: i64,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "WITH page AS MATERIALIZED (
             SELECT * FROM (",
        members!(),
        ") AS one WHERE state IN (1, 2) AND membership_id > $4 ORDER BY membership_id LIMIT $5)
         SELECT page.membership_id, page.account_id, person.name_sealed, page.state, page.base_fen, page.monthly_fen,
                (SELECT coalesce(-sum(p.amount_fen), 0)::bigint FROM posting p
                  WHERE p.centre_id = $1 AND p.account_id = page.account_id AND p.business_date <= $3
                    AND p.subject IN (201, 12101, 122, 11102, 21901, 21902)) AS balance_fen
           FROM page JOIN person ON person.centre_id = $1 AND person.person_id = page.person_id
          ORDER BY page.membership_id"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(day)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(
            |(membership_id, account_id, name, state, base_fen, monthly_fen, balance_fen)| {
                Ok(Member {
                    membership_id,
                    account_id,
                    name_masked: mask(&text(&office.vault, purpose::NAME, &name)?),
                    state,
                    base_fen,
                    monthly_fen,
                    balance_fen,
                })
            },
        )
        .collect()
}

/// A person's membership as it stood, with the balance.
#[derive(Debug, Clone, FromRow)]
pub struct Person {
    /// Employer of that day.
    pub employer_name: String,
    /// Account.
    pub account_id: i64,
    /// 1 active, 2 sealed, 9 ended.
    pub state: i16,
    /// Fen.
    pub base_fen: i64,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// Both sides, fen.
    pub monthly_fen: i64,
    /// Fen.
    pub balance_fen: i64,
}

/// A person at the end of a day; none where nothing is kept of him for that day.
pub async fn person(office: &Office, person_id: i64, day: NaiveDate) -> Result<Option<Person>> {
    Ok(sqlx::query_as(
        "SELECT coalesce((SELECT e.name FROM employer_day e
                           WHERE e.centre_id = $1 AND e.employer_id = d.employer_id AND e.from_day <= $3
                           ORDER BY e.from_day DESC LIMIT 1), '') AS employer_name,
                d.account_id, d.state, d.base_fen, d.ratio_employer_bp, d.ratio_employee_bp, d.employer_fen + d.employee_fen AS monthly_fen,
                (SELECT coalesce(-sum(p.amount_fen), 0)::bigint FROM posting p
                  WHERE p.centre_id = $1 AND p.account_id = d.account_id AND p.business_date <= $3
                    AND p.subject IN (201, 12101, 122, 11102, 21901, 21902)) AS balance_fen
           FROM (SELECT DISTINCT ON (membership_id) * FROM membership_day
                  WHERE centre_id = $1 AND person_id = $2 AND from_day <= $3
                  ORDER BY membership_id, from_day DESC) AS d
          ORDER BY d.state, d.from_day DESC, d.membership_id DESC
          LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(day)
    .fetch_optional(&office.pool)
    .await?)
}

/// A list as it stood.
#[derive(Debug, Clone, FromRow)]
pub struct List {
    /// Identifier.
    pub remittance_id: i64,
    /// See [`super::remittance::kind`].
    pub kind: i16,
    /// Month index.
    pub month: i32,
    /// People.
    pub people: i32,
    /// Fen.
    pub amount_fen: i64,
    /// `awaiting`, `allocated` or `cancelled` at the end of the day.
    pub state: String,
    /// Registered.
    pub registered_at: DateTime<Utc>,
}

/// The lists of an employer that were registered by the end of a day, the newest first, a page of them.
pub async fn lists(
    office: &Office,
    employer_id: i64,
    day: NaiveDate,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<List>> {
    Ok(sqlx::query_as(
        "SELECT r.remittance_id, r.kind, r.month, r.people, r.amount_fen, r.registered_at,
                CASE WHEN r.allocated_at <= $3 AND NOT coalesce(c.at <= $3, FALSE) THEN 'allocated'
                     WHEN c.at <= $3 THEN 'cancelled'
                     ELSE 'awaiting' END AS state
           FROM remittance r
           LEFT JOIN LATERAL (SELECT min(e.at) AS at FROM case_event e
                               WHERE e.centre_id = r.centre_id AND e.case_id = r.remittance_id
                                 AND e.steps && ARRAY['withdrawn', 'failed', 'reversed']) AS c ON TRUE
          WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.registered_at <= $3 AND r.remittance_id < $4
          ORDER BY r.remittance_id DESC
          LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(anju_domain::clock::end_of_day(day))
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
