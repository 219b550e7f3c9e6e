//! Arrears (欠缴, contribution.md §15): months that are due, not covered and not deferred, and what each person of such a month is short of.
//! Invariant: one statement says what is owed, for one employer and for all; there is no late fee. Read `reckon`, then `night.rs`.

pub mod headcount;
pub mod night;

use anju_casework::employer::Employer;
use anju_casework::person::{purpose, text};
use anju_casework::{Office, Result};
use anju_domain::calendar::Month;
use anju_domain::contribution::due_date;
use anju_domain::money::Fen;
use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

use crate::policy::Rules;

/// What is owed of each month by employers from `$2` to `$3`. `$4` to `$7` are months, paydays (0 where it is not known), due dates and the
/// first days after the months; `$8` is today. Who was sealed after a month had ended was employed in it. What came with a merged employer
/// (`arrears_assumed`) is owed beside the employer's own months.
macro_rules! months {
    () => {
        "SELECT employer_id, branch_id, month, due_on, sum(people)::integer AS people, sum(owed_fen)::bigint AS owed_fen FROM (
         SELECT e.employer_id, e.branch_id, d.month, d.due_on, count(*)::integer AS people,
                sum(greatest(m.employer_fen + m.employee_fen - coalesce(p.paid, 0), 0))::bigint AS owed_fen
           FROM employer e
           JOIN unnest($4::integer[], $5::smallint[], $6::date[], $7::date[]) AS d (month, payday, due_on, ended)
             ON d.payday = coalesce(e.payday, 0) AND d.month > e.paid_to_month AND d.due_on < $8
           JOIN membership m
             ON m.centre_id = e.centre_id AND m.employer_id = e.employer_id AND m.from_month <= d.month
            AND (m.state = 1 OR m.state = 2 AND m.sealed_on >= d.ended)
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = m.centre_id AND l.account_id = m.account_id AND l.month = d.month) AS p ON true
          WHERE e.centre_id = $1 AND e.employer_id BETWEEN $2 AND $3 AND e.state IN (1, 2)
            AND e.uscc NOT LIKE 'FLEX-%'
            AND NOT month_deferred(e.centre_id, e.employer_id, d.month)
          GROUP BY e.employer_id, e.branch_id, d.month, d.due_on
          UNION ALL
         SELECT e.employer_id, e.branch_id, d.month, d.due_on, count(*)::integer,
                sum(a.employer_fen + a.employee_fen - coalesce(p.paid, 0))::bigint
           FROM arrears_assumed a
           JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id AND e.state IN (1, 2)
           JOIN unnest($4::integer[], $5::smallint[], $6::date[]) AS d (month, payday, due_on)
             ON d.payday = coalesce(e.payday, 0) AND d.month = a.month AND d.due_on < $8
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = a.centre_id AND l.account_id = a.account_id AND l.month = a.month) AS p ON true
          WHERE a.centre_id = $1 AND a.employer_id BETWEEN $2 AND $3 AND a.employer_fen + a.employee_fen > coalesce(p.paid, 0)
          GROUP BY e.employer_id, e.branch_id, d.month, d.due_on) AS every
          GROUP BY employer_id, branch_id, month, due_on
         HAVING sum(owed_fen) > 0"
    };
}

/// Months and paydays with their due dates, as the statements take them.
struct Calendar {
    months: Vec<i32>,
    paydays: Vec<i16>,
    due: Vec<NaiveDate>,
    ended: Vec<NaiveDate>,
}

impl Calendar {
    /// From a month to the last that can be due today.
    fn of(office: &Office, from: Month) -> Result<Self> {
        let (today, holidays) = (office.today(), office.holidays());
        let mut calendar = Self {
            months: Vec::new(),
            paydays: Vec::new(),
            due: Vec::new(),
            ended: Vec::new(),
        };
        for month in from.to(Month::of(today)) {
            let grace = Rules::on(office, month.first_day()).days("remit_due_days")?;
            for payday in 0_i16..=31 {
                let known = u32::try_from(payday).ok().filter(|day| *day > 0);
                let due = due_date(month, known, grace, &holidays);
                if due < today {
                    calendar.months.push(month.index());
                    calendar.paydays.push(payday);
                    calendar.due.push(due);
                    calendar.ended.push(month.plus(1).first_day());
                }
            }
        }
        Ok(calendar)
    }
}

/// The month after which everybody has paid: where a reckoning begins.
async fn first_open(
    office: &Office,
    conn: &mut PgConnection,
    employers: (i64, i64),
) -> Result<Month> {
    let paid_to: Option<i32> = sqlx::query_scalar(
        "SELECT least((SELECT min(paid_to_month) FROM employer WHERE centre_id = $1 AND employer_id BETWEEN $2 AND $3 AND state IN (1, 2)),
                      (SELECT min(month) - 1 FROM arrears_assumed WHERE centre_id = $1 AND employer_id BETWEEN $2 AND $3))",
    )
    .bind(office.centre.id)
    .bind(employers.0)
    .bind(employers.1)
    .fetch_one(conn)
    .await?;
    Ok(paid_to.map_or_else(
        || Month::of(office.today()),
        |month| Month::from_index(month + 1),
    ))
}

/// All employers.
pub(super) const EVERYBODY: (i64, i64) = (0, i64::MAX);

/// Reckons the arrears of these employers again and keeps them. Returns how many owe, and how much.
///
/// # Errors
/// The database; a policy without a grace period.
pub(super) async fn reckon(
    office: &Office,
    conn: &mut PgConnection,
    employers: (i64, i64),
) -> Result<(i64, Fen)> {
    let calendar = Calendar::of(office, first_open(office, conn, employers).await?)?;
    let (owing, fen): (i64, i64) = sqlx::query_as(concat!(
        "WITH month AS (",
        months!(),
        "),
         total AS (
             SELECT employer_id, branch_id, min(month) AS first_month, max(month) AS last_month, count(*)::integer AS months,
                    max(people) AS people, sum(owed_fen)::bigint AS owed_fen, min(due_on) AS oldest_due
               FROM month GROUP BY employer_id, branch_id),
         kept AS (
             INSERT INTO arrears (centre_id, employer_id, branch_id, first_month, last_month, months, people, owed_fen, oldest_due, as_of)
             SELECT $1, employer_id, branch_id, first_month, last_month, months, people, owed_fen, oldest_due, $8 FROM total
                 ON CONFLICT (centre_id, employer_id) DO UPDATE
                SET branch_id = excluded.branch_id, first_month = excluded.first_month, last_month = excluded.last_month,
                    months = excluded.months, people = excluded.people, owed_fen = excluded.owed_fen,
                    oldest_due = excluded.oldest_due, as_of = excluded.as_of),
         gone AS (
             DELETE FROM arrears a
              WHERE a.centre_id = $1 AND a.employer_id BETWEEN $2 AND $3
                AND NOT EXISTS (SELECT FROM total t WHERE t.employer_id = a.employer_id))
         SELECT count(*), coalesce(sum(owed_fen), 0)::bigint FROM total"
    ))
    .bind(office.centre.id)
    .bind(employers.0)
    .bind(employers.1)
    .bind(&calendar.months)
    .bind(&calendar.paydays)
    .bind(&calendar.due)
    .bind(&calendar.ended)
    .bind(office.today())
    .fetch_one(conn)
    .await?;
    Ok((owing, Fen::new(fen)))
}

/// `arrears_fen` of an employer, now.
///
/// # Errors
/// As [`months_of`].
pub async fn owed(office: &Office, conn: &mut PgConnection, employer: &Employer) -> Result<Fen> {
    Ok(months_of(office, conn, employer)
        .await?
        .iter()
        .map(|month| Fen::new(month.owed_fen))
        .sum())
}

/// A month that an employer owes.
#[derive(Debug, Clone, FromRow)]
pub struct OwedMonth {
    /// Its index.
    pub month: i32,
    /// REMIT-06.
    pub due_on: NaiveDate,
    /// Who was employed in it.
    pub people: i32,
    /// What they are short of.
    pub owed_fen: i64,
}

/// The months that an employer owes now, oldest first.
///
/// # Errors
/// The database; a policy without a grace period.
pub async fn months_of(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
) -> Result<Vec<OwedMonth>> {
    let one = (employer.employer_id, employer.employer_id);
    let first = first_open(office, conn, one).await?;
    let calendar = Calendar::of(office, first.min(employer.next_month()))?;
    Ok(sqlx::query_as(concat!(
        "SELECT month, due_on, people, owed_fen FROM (",
        months!(),
        ") AS owed ORDER BY month"
    ))
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(employer.employer_id)
    .bind(&calendar.months)
    .bind(&calendar.paydays)
    .bind(&calendar.due)
    .bind(&calendar.ended)
    .bind(office.today())
    .fetch_all(conn)
    .await?)
}

/// Most lines of one back payment.
const MOST_LINES: i64 = 2_000;

/// Months that came with a merged employer, are not paid and stand in no list that waits for money, by account and month: what a back payment
/// may be registered for now.
///
/// # Errors
/// The database.
pub async fn assumed(office: &Office, employer: &Employer) -> Result<Vec<(i64, Month)>> {
    let rows: Vec<(i64, i32)> = sqlx::query_as(
        "SELECT a.account_id, a.month
           FROM arrears_assumed a
           JOIN membership m ON m.centre_id = a.centre_id AND m.account_id = a.account_id AND m.employer_id = a.employer_id AND m.state IN (1, 2)
          WHERE a.centre_id = $1 AND a.employer_id = $2 AND a.month <= $3
            AND NOT EXISTS (SELECT FROM remittance_line l
                              JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state IN (1, 2, 3)
                             WHERE l.centre_id = a.centre_id AND l.account_id = a.account_id AND l.month = a.month)
          ORDER BY a.account_id, a.month LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(employer.paid_to_month)
    .bind(MOST_LINES)
    .fetch_all(&office.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(account, month)| (account, Month::from_index(month)))
        .collect())
}

/// What a person of an owing month is short of.
#[derive(Debug, Clone)]
pub struct OwedPerson {
    /// The account, for the next page.
    pub account_id: i64,
    /// Surname and stars.
    pub name_masked: String,
    /// A month of his now.
    pub monthly: Fen,
    /// Paid for the month.
    pub paid: Fen,
}

#[derive(FromRow)]
struct PersonRow {
    account_id: i64,
    name_sealed: Vec<u8>,
    monthly_fen: i64,
    paid_fen: i64,
}

/// The people of a month that an employer owes, by account, a page of them after `after`.
///
/// # Errors
/// The database; a name that does not open.
pub async fn people_of(
    office: &Office,
    employer_id: i64,
    month: Month,
    after: i64,
    limit: i64,
) -> Result<Vec<OwedPerson>> {
    let rows: Vec<PersonRow> = sqlx::query_as(
        "SELECT m.account_id, n.name_sealed, m.monthly_fen, coalesce(p.paid, 0) AS paid_fen
           FROM (SELECT centre_id, account_id, person_id, employer_fen + employee_fen AS monthly_fen
                   FROM membership
                  WHERE centre_id = $1 AND employer_id = $2 AND from_month <= $3 AND (state = 1 OR state = 2 AND sealed_on >= $4)
                    AND $3 > (SELECT paid_to_month FROM employer WHERE centre_id = $1 AND employer_id = $2)
                  UNION ALL
                 SELECT centre_id, account_id, person_id, employer_fen + employee_fen
                   FROM arrears_assumed WHERE centre_id = $1 AND employer_id = $2 AND month = $3) AS m
           JOIN person n ON n.centre_id = m.centre_id AND n.person_id = m.person_id
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = m.centre_id AND l.account_id = m.account_id AND l.month = $3) AS p ON true
          WHERE m.account_id > $5
          ORDER BY m.account_id LIMIT $6",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(month.index())
    .bind(month.plus(1).first_day())
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let name = text(&office.vault, purpose::NAME, &row.name_sealed)?;
            Ok(OwedPerson {
                account_id: row.account_id,
                name_masked: anju_domain::name::mask(&name),
                monthly: Fen::new(row.monthly_fen),
                paid: Fen::new(row.paid_fen),
            })
        })
        .collect()
}

/// An employer that owes, as the last reckoning left it.
#[derive(Debug, Clone, FromRow)]
pub struct Owing {
    /// Who.
    pub employer_id: i64,
    /// Its name.
    pub name: String,
    /// Who keeps it.
    pub branch_id: i16,
    /// The oldest month.
    pub first_month: i32,
    /// The newest month.
    pub last_month: i32,
    /// How many months.
    pub months: i32,
    /// People of the month with the most.
    pub people: i32,
    /// Fen.
    pub owed_fen: i64,
    /// When the oldest month was due.
    pub oldest_due: NaiveDate,
    /// Reckoned on.
    pub as_of: NaiveDate,
    /// What the tax bureau says of it, where it has answered.
    pub tax_state: Option<String>,
}

macro_rules! owing {
    ($rest:literal) => {
        concat!(
            "SELECT a.employer_id, e.name, a.branch_id, a.first_month, a.last_month, a.months, a.people, a.owed_fen, a.oldest_due, a.as_of,
                    h.tax_state
               FROM arrears a JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id
               LEFT JOIN headcount h ON h.centre_id = a.centre_id AND h.employer_id = a.employer_id
              WHERE a.centre_id = $1 AND ",
            $rest
        )
    };
}

/// Who owes, oldest first, of a branch or of the centre, a page of them after a due date and an employer.
///
/// # Errors
/// The database.
pub async fn list(
    office: &Office,
    branch_id: Option<i16>,
    after: (NaiveDate, i64),
    limit: i64,
) -> Result<Vec<Owing>> {
    let statement = match branch_id {
        Some(_) => owing!(
            "a.branch_id = $2 AND (a.oldest_due, a.employer_id) > ($3, $4) ORDER BY a.oldest_due, a.employer_id LIMIT $5"
        ),
        None => owing!(
            "$2::smallint IS NULL AND (a.oldest_due, a.employer_id) > ($3, $4) ORDER BY a.oldest_due, a.employer_id LIMIT $5"
        ),
    };
    Ok(sqlx::query_as(statement)
        .bind(office.centre.id)
        .bind(branch_id)
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(&office.pool)
        .await?)
}

/// What an employer owed at the last reckoning.
///
/// # Errors
/// The database.
pub async fn find(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
) -> Result<Option<Owing>> {
    Ok(sqlx::query_as(owing!("a.employer_id = $2"))
        .bind(office.centre.id)
        .bind(employer_id)
        .fetch_optional(conn)
        .await?)
}

/// Employers that owe and how much, of a branch or of the centre.
///
/// # Errors
/// The database.
pub async fn total(office: &Office, branch_id: Option<i16>) -> Result<(i64, Fen)> {
    let statement = match branch_id {
        Some(_) => {
            "SELECT count(*), coalesce(sum(owed_fen), 0)::bigint FROM arrears WHERE centre_id = $1 AND branch_id = $2"
        }
        None => {
            "SELECT count(*), coalesce(sum(owed_fen), 0)::bigint FROM arrears WHERE centre_id = $1 AND $2::smallint IS NULL"
        }
    };
    let (employers, fen): (i64, i64) = sqlx::query_as(statement)
        .bind(office.centre.id)
        .bind(branch_id)
        .fetch_one(&office.pool)
        .await?;
    Ok((employers, Fen::new(fen)))
}
