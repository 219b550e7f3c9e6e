//! What a decision orders: an amount for each person and month, and what of it is still missing. What is on the accounts counts, by whichever
//! list it came: a month's, or a back payment of kind ENFORCED.

use anju_casework::employer::Employer;
use anju_casework::person::{purpose, text};
use anju_casework::{Actor, Office, Refusal, Result, RowFault};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use sqlx::{FromRow, PgConnection};

use super::{Enforcement, Kind, Source, state, steps};
use crate::contribution::arrears;

/// A row that an officer types: months of a person and the parts of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The account's public number.
    pub account_no: String,
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// The employer's part of a month.
    pub employer: Fen,
    /// The employee's part of a month.
    pub employee: Fen,
}

/// Months that one row reaches over at most.
const MOST_MONTHS: i32 = 240;

/// Reads rows as an officer types them: account, first month, last month, employer's and employee's yuan of a month, a line each.
///
/// # Errors
/// 422 with every row that cannot be read.
pub fn read_rows(typed: &str) -> Result<Vec<Row>> {
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    for (line, at) in lines.zip(1_u32..) {
        let cells: Vec<&str> = line
            .split([',', '，', '\t', ' '])
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        let row = match cells[..] {
            [account, from, to, employer, employee] => (|| {
                Some(Row {
                    account_no: account.to_ascii_uppercase(),
                    from: Month::parse(from).ok()?,
                    to: Month::parse(to).ok()?,
                    employer: Fen::parse_yuan(employer).ok()?,
                    employee: Fen::parse_yuan(employee).ok()?,
                })
            })(),
            _ => None,
        };
        match row {
            Some(row)
                if row.from <= row.to
                    && row.to.index() - row.from.index() < MOST_MONTHS
                    && row.employer >= Fen::ZERO
                    && row.employee >= Fen::ZERO
                    && row.employer + row.employee > Fen::ZERO =>
            {
                rows.push(row);
            }
            _ => faults.push(fault(
                at,
                "应为“个人账号,起月,止月,单位每月元,个人每月元”，例如 G1234567890123,2026-03,2026-05,600,600",
            )),
        }
    }
    Refusal::of_mistakes(faults).map_or(Ok(rows), |refusal| Err(refusal.into()))
}

fn fault(row: u32, what: &str) -> RowFault {
    RowFault {
        row: Some(row),
        column: None,
        code: "E-ENF-08".to_owned(),
        message: format!("第 {row} 行{what}。"),
    }
}

/// Writes what will be ordered: the rows, or where none are typed every person of every month that is owed. Returns the sum.
///
/// # Errors
/// `E-ENF-08` a row about somebody who never was at this employer.
pub(super) async fn write(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
    rows: &[Row],
) -> Result<Fen> {
    sqlx::query("DELETE FROM enforcement_line WHERE centre_id = $1 AND enforcement_id = $2")
        .bind(office.centre.id)
        .bind(one.enforcement_id)
        .execute(&mut *tx)
        .await?;
    if rows.is_empty() {
        let months: Vec<i32> = arrears::months_of(office, tx, employer)
            .await?
            .iter()
            .map(|month| month.month)
            .collect();
        sqlx::query(
            "INSERT INTO enforcement_line (centre_id, enforcement_id, account_id, month, person_id, employer_fen, employee_fen, paid_before)
             SELECT m.centre_id, $3, m.account_id, d.month, m.person_id, greatest(m.employer_fen - coalesce(p.employer, 0), 0),
                    greatest(m.employee_fen - coalesce(p.employee, 0), 0), coalesce(p.employer + p.employee, 0)
               FROM unnest($4::integer[]) AS d (month)
               JOIN LATERAL (
                    SELECT centre_id, account_id, person_id, employer_fen, employee_fen
                      FROM membership
                     WHERE centre_id = $1 AND employer_id = $2 AND from_month <= d.month AND d.month > $5
                       AND (state = 1 OR state = 2 AND sealed_on >= make_date((d.month + 1) / 12, (d.month + 1) % 12 + 1, 1))
                     UNION ALL
                    SELECT centre_id, account_id, person_id, employer_fen, employee_fen
                      FROM arrears_assumed WHERE centre_id = $1 AND employer_id = $2 AND month = d.month) AS m ON true
               LEFT JOIN LATERAL (
                    SELECT sum(l.employer_fen)::bigint AS employer, sum(l.employee_fen)::bigint AS employee
                      FROM remittance_line l
                      JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                     WHERE l.centre_id = m.centre_id AND l.account_id = m.account_id AND l.month = d.month) AS p ON true
              WHERE m.employer_fen + m.employee_fen > coalesce(p.employer + p.employee, 0)",
        )
        .bind(office.centre.id)
        .bind(one.employer_id)
        .bind(one.enforcement_id)
        .bind(&months)
        .bind(employer.paid_to_month)
        .execute(&mut *tx)
        .await?;
    } else {
        write_typed(office, tx, one, rows).await?;
    }
    ordered(office, tx, one.enforcement_id).await
}

async fn write_typed(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    rows: &[Row],
) -> Result<()> {
    let accounts: Vec<Option<i64>> = rows
        .iter()
        .map(|row| office.numbers.decode(NumberKind::Account, &row.account_no))
        .collect();
    let known: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT DISTINCT account_id, person_id FROM membership WHERE centre_id = $1 AND employer_id = $2 AND account_id = ANY ($3)",
    )
    .bind(office.centre.id)
    .bind(one.employer_id)
    .bind(accounts.iter().flatten().copied().collect::<Vec<_>>())
    .fetch_all(&mut *tx)
    .await?;
    let (mut faults, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    let mut columns = Columns::default();
    for ((row, account), at) in rows.iter().zip(&accounts).zip(1_u32..) {
        let person = account.and_then(|account| known.iter().find(|one| one.0 == account));
        let Some((account, person)) = person else {
            faults.push(fault(
                at,
                "的个人账号不是这个单位职工的账户，请先为职工设立账户",
            ));
            continue;
        };
        for month in row.from.to(row.to) {
            if !seen.insert((*account, month)) {
                faults.push(fault(at, "和前面的行重复了月份"));
                break;
            }
            columns.account.push(*account);
            columns.month.push(month.index());
            columns.person.push(*person);
            columns.employer.push(row.employer.fen());
            columns.employee.push(row.employee.fen());
        }
    }
    if let Some(refusal) = Refusal::of_mistakes(faults) {
        return Err(refusal.into());
    }
    sqlx::query(
        "INSERT INTO enforcement_line (centre_id, enforcement_id, account_id, month, person_id, employer_fen, employee_fen, paid_before)
         SELECT $1, $2, n.account_id, n.month, n.person_id, n.employer_fen, n.employee_fen, coalesce(p.paid, 0)
           FROM unnest($3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
                AS n (account_id, month, person_id, employer_fen, employee_fen)
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = $1 AND l.account_id = n.account_id AND l.month = n.month) AS p ON true",
    )
    .bind(office.centre.id)
    .bind(one.enforcement_id)
    .bind(&columns.account)
    .bind(&columns.month)
    .bind(&columns.person)
    .bind(&columns.employer)
    .bind(&columns.employee)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The sum that is ordered.
pub(super) async fn ordered(
    office: &Office,
    conn: &mut PgConnection,
    enforcement_id: i64,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(employer_fen + employee_fen), 0)::bigint FROM enforcement_line WHERE centre_id = $1 AND enforcement_id = $2",
    )
    .bind(office.centre.id)
    .bind(enforcement_id)
    .fetch_one(conn)
    .await?;
    Ok(Fen::new(fen))
}

/// What is still missing: of what was ordered, else of the months that are due. None where nobody has said an amount yet.
///
/// # Errors
/// The database.
pub async fn missing(
    office: &Office,
    conn: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
) -> Result<Option<Fen>> {
    let (lines, fen): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(greatest(x.paid_before + x.employer_fen + x.employee_fen - coalesce(p.paid, 0), 0)), 0)::bigint
           FROM enforcement_line x
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = x.centre_id AND l.account_id = x.account_id AND l.month = x.month) AS p ON true
          WHERE x.centre_id = $1 AND x.enforcement_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.enforcement_id)
    .fetch_one(&mut *conn)
    .await?;
    if lines > 0 {
        return Ok(Some(Fen::new(fen)));
    }
    match one.source() {
        Source::Due => Ok(Some(arrears::owed(office, conn, employer).await?)),
        _ => Ok(None),
    }
}

/// A person of a decision.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The account, for the next page.
    pub account_id: i64,
    /// Surname and stars.
    pub name_masked: String,
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// How many months.
    pub months: i64,
    /// The employer's part of all of them.
    pub employer: Fen,
    /// The employee's part of all of them.
    pub employee: Fen,
}

#[derive(FromRow)]
struct OrderedRow {
    account_id: i64,
    name_sealed: Vec<u8>,
    from_month: i32,
    to_month: i32,
    months: i64,
    employer_fen: i64,
    employee_fen: i64,
}

/// The people of a decision by account, a page of them after `after`.
///
/// # Errors
/// The database; a name that does not open.
pub async fn people(
    office: &Office,
    conn: &mut PgConnection,
    enforcement_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Ordered>> {
    let rows: Vec<OrderedRow> = sqlx::query_as(
        "SELECT x.account_id, n.name_sealed, min(x.month) AS from_month, max(x.month) AS to_month, count(*) AS months,
                sum(x.employer_fen)::bigint AS employer_fen, sum(x.employee_fen)::bigint AS employee_fen
           FROM enforcement_line x JOIN person n ON n.centre_id = x.centre_id AND n.person_id = x.person_id
          WHERE x.centre_id = $1 AND x.enforcement_id = $2 AND x.account_id > $3
          GROUP BY x.account_id, n.name_sealed ORDER BY x.account_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(enforcement_id)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let name = text(&office.vault, purpose::NAME, &row.name_sealed)?;
            Ok(Ordered {
                account_id: row.account_id,
                name_masked: anju_domain::name::mask(&name),
                from: Month::from_index(row.from_month),
                to: Month::from_index(row.to_month),
                months: row.months,
                employer: Fen::new(row.employer_fen),
                employee: Fen::new(row.employee_fen),
            })
        })
        .collect()
}

/// The lines of a decision that a back payment may still be registered for: months that the employer's own lists are past.
#[derive(Debug, Clone, FromRow)]
pub struct BackPay {
    /// The account.
    pub account_id: i64,
    /// The month.
    pub month: i32,
    /// The employer's part.
    pub employer_fen: i64,
    /// The employee's part.
    pub employee_fen: i64,
}

/// Most lines of one back payment.
const MOST_LINES: i64 = 2_000;

/// See [`BackPay`]; by account and month.
///
/// # Errors
/// The database.
pub async fn back_pay(
    office: &Office,
    one: &Enforcement,
    employer: &Employer,
) -> Result<Vec<BackPay>> {
    Ok(sqlx::query_as(
        "SELECT x.account_id, x.month, x.employer_fen, x.employee_fen
           FROM enforcement_line x
          WHERE x.centre_id = $1 AND x.enforcement_id = $2 AND x.month BETWEEN $3 AND $4
            AND NOT EXISTS (SELECT FROM remittance_line l JOIN remittance r USING (centre_id, remittance_id)
                             WHERE l.centre_id = $1 AND l.account_id = x.account_id AND l.month = x.month
                               AND r.kind = 2 AND r.reason = 'ENFORCED' AND r.state IN (1, 2, 3))
          ORDER BY x.account_id, x.month LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(one.enforcement_id)
    .bind(employer.first_month)
    .bind(employer.paid_to_month)
    .bind(MOST_LINES)
    .fetch_all(&office.pool)
    .await?)
}

/// After a list of this employer was allocated: its arrears are reckoned again, and what is paid is closed. The employer's row is locked by
/// the caller, whose transaction this is. Costs two look-ups where nothing is owed.
pub(crate) async fn paid(office: &Office, tx: &mut PgConnection, employer_id: i64) -> Result<()> {
    let (owes, live): (bool, Vec<i64>) = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM arrears WHERE centre_id = $1 AND employer_id = $2),
                ARRAY(SELECT enforcement_id FROM enforcement
                       WHERE centre_id = $1 AND employer_id = $2 AND state <> $3 ORDER BY enforcement_id)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(state::CLOSED)
    .fetch_one(&mut *tx)
    .await?;
    if owes {
        arrears::reckon(office, tx, (employer_id, employer_id)).await?;
    }
    for enforcement_id in live {
        // As the allocation leaves it.
        let employer = anju_casework::employer::lock(office, tx, employer_id).await?;
        let one = steps::lock(office, tx, enforcement_id).await?;
        if one.state == state::FINE || one.state == state::CLOSED {
            continue;
        }
        if missing(office, tx, &one, &employer).await? == Some(Fen::ZERO) {
            let kind = if one.state == state::COURT {
                Kind::Executed
            } else {
                Kind::Paid
            };
            steps::by_itself(office, tx, &one, &employer, kind, Actor::System).await?;
        }
    }
    Ok(())
}

/// The lines of a decision, column by column.
#[derive(Default)]
struct Columns {
    account: Vec<i64>,
    month: Vec<i32>,
    person: Vec<i64>,
    employer: Vec<i64>,
    employee: Vec<i64>,
}
