//! Base and ratio of months that are over (contribution.md §7.2): what a month was paid at, else what held in it. Today's say nothing about them.

use std::collections::HashMap;

use anju_casework::employer::Employer;
use anju_casework::{Office, Result};
use anju_domain::calendar::Month;
use anju_domain::contribution::Ratios;
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};

use super::members::MemberRow;
use crate::policy::Rules;

/// A month of a person as it was; what is not known is absent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Then {
    paid_base_fen: Option<i64>,
    base_fen: Option<i64>,
    /// Of the line that was paid.
    paid: Option<Ratios>,
    /// Of the employer's list of that month.
    list: Option<Ratios>,
    /// The employer's then.
    held: Option<Ratios>,
}

impl Then {
    /// The base: of the line that was paid, else of the person's row of that month, else today's.
    pub(super) fn base(&self, person: &MemberRow) -> Fen {
        let known = self.paid_base_fen.or(self.base_fen);
        Fen::new(known.unwrap_or(person.base_fen))
    }

    /// The ratio: of the line that was paid, else of the employer's list of that month, else of the employer then, else today's.
    pub(super) fn ratios(&self, employer: &Employer) -> Ratios {
        self.paid
            .or(self.list)
            .or(self.held)
            .unwrap_or_else(|| today(employer))
    }

    /// The ratio a month that was paid too low should have had: the employer's of that time where it was higher, else today's.
    pub(super) fn ratios_due(&self, employer: &Employer) -> Ratios {
        let paid = self.ratios(employer);
        self.held
            .filter(|held| held.employer > paid.employer || held.employee > paid.employee)
            .unwrap_or_else(|| today(employer))
    }
}

fn today(employer: &Employer) -> Ratios {
    Ratios {
        employer: Bp::new(employer.ratio_employer_bp),
        employee: Bp::new(employer.ratio_employee_bp),
    }
}

/// Base and parts of a line, fen.
type LineParts = (Option<i64>, Option<i64>, Option<i64>);

/// The months asked for, by account and month. A line keeps amounts, not ratios: these are read off ([`Ratios::read_off`]). Days before the
/// record begins have what it begins with.
pub(super) async fn read(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    asked: &[(&MemberRow, Month)],
) -> Result<HashMap<(i64, i32), Then>> {
    #[derive(FromRow)]
    struct Row {
        account_id: i64,
        month: i32,
        paid_base_fen: Option<i64>,
        paid_employer_fen: Option<i64>,
        paid_employee_fen: Option<i64>,
        base_fen: Option<i64>,
        list_base_fen: Option<i64>,
        list_employer_fen: Option<i64>,
        list_employee_fen: Option<i64>,
        employer_bp: Option<i32>,
        employee_bp: Option<i32>,
    }
    let accounts: Vec<i64> = asked.iter().map(|(row, _)| row.account_id).collect();
    let memberships: Vec<i64> = asked.iter().map(|(row, _)| row.membership_id).collect();
    let months: Vec<i32> = asked.iter().map(|(_, month)| month.index()).collect();
    let ends: Vec<NaiveDate> = asked.iter().map(|(_, month)| month.last_day()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "WITH asked AS MATERIALIZED (
             SELECT DISTINCT * FROM unnest($3::bigint[], $4::bigint[], $5::int[], $6::date[]) AS n (account_id, membership_id, month, month_end)),
         month_of AS MATERIALIZED (
             SELECT n.month, l.base_fen AS list_base_fen, l.employer_fen AS list_employer_fen, l.employee_fen AS list_employee_fen,
                    e.employer_bp, e.employee_bp
               FROM (SELECT DISTINCT month, month_end FROM asked) AS n
               LEFT JOIN LATERAL (
                    SELECT l.base_fen, l.employer_fen, l.employee_fen
                      FROM remittance r
                      JOIN remittance_line l ON l.centre_id = r.centre_id AND l.remittance_id = r.remittance_id AND l.base_fen > 0
                     WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.month = n.month AND r.state = 3 AND r.kind = 1
                     LIMIT 1) AS l ON TRUE
               LEFT JOIN LATERAL (
                    SELECT d.ratio_employer_bp AS employer_bp, d.ratio_employee_bp AS employee_bp FROM employer_day d
                     WHERE d.centre_id = $1 AND d.employer_id = $2
                     ORDER BY d.from_day > n.month_end, CASE WHEN d.from_day > n.month_end THEN d.from_day END, d.from_day DESC
                     LIMIT 1) AS e ON TRUE)
         SELECT n.account_id, n.month, p.base_fen AS paid_base_fen, p.employer_fen AS paid_employer_fen,
                p.employee_fen AS paid_employee_fen, d.base_fen, m.list_base_fen, m.list_employer_fen, m.list_employee_fen, m.employer_bp,
                m.employee_bp
           FROM asked n
           JOIN month_of m ON m.month = n.month
           LEFT JOIN LATERAL (
                SELECT l.base_fen, l.employer_fen, l.employee_fen
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3 AND r.kind = 1
                 WHERE l.centre_id = $1 AND l.account_id = n.account_id AND l.month = n.month AND l.base_fen > 0
                 LIMIT 1) AS p ON TRUE
           LEFT JOIN LATERAL (
                SELECT d.base_fen FROM membership_day d
                 WHERE d.centre_id = $1 AND d.membership_id = n.membership_id
                 ORDER BY d.from_day > n.month_end, CASE WHEN d.from_day > n.month_end THEN d.from_day END, d.from_day DESC
                 LIMIT 1) AS d ON TRUE",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(&accounts)
    .bind(&memberships)
    .bind(&months)
    .bind(&ends)
    .fetch_all(tx)
    .await?;
    let rules = Rules::on(office, office.today());
    let step = Bp::new(rules.bp("ratio_step_bp")?);
    let of_line = |(base, employer, employee): LineParts| {
        let (base, employer, employee) =
            (Fen::new(base?), Fen::new(employer?), Fen::new(employee?));
        Ratios::read_off(base, employer, employee, step)
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let held = row.employer_bp.zip(row.employee_bp);
            let then = Then {
                paid_base_fen: row.paid_base_fen,
                base_fen: row.base_fen,
                paid: of_line((
                    row.paid_base_fen,
                    row.paid_employer_fen,
                    row.paid_employee_fen,
                )),
                list: of_line((
                    row.list_base_fen,
                    row.list_employer_fen,
                    row.list_employee_fen,
                )),
                held: held.map(|(employer, employee)| Ratios {
                    employer: Bp::new(employer),
                    employee: Bp::new(employee),
                }),
            };
            ((row.account_id, row.month), then)
        })
        .collect())
}
