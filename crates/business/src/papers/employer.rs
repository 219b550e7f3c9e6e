//! 单位缴存证明（守法证明）(contribution.md §17.1): month by month what was paid, and what is owed. Invariant: it is issued also with arrears,
//! and then states them; it never says more than the books do.

use anju_casework::catalogue::{Request, Service};
use anju_casework::document::{self, kind};
use anju_casework::employer::{self, Employer};
use anju_casework::{Office, Refusal, Result, case};
use anju_domain::calendar::Month;
use anju_domain::contribution::due_date;
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::certificate::contact;
use super::event_of;
use crate::contribution::remittance::state;
use crate::policy::Rules;

/// Version of the template.
const TEMPLATE: i16 = 1;

/// An employer that is cancelled has no account to certify; a deferred one says so.
const DEFERRED: i16 = 2;
const CANCELLED: i16 = 9;

/// What the certificate says beside what every document says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmployerCertificate {
    /// 办件编号.
    pub case_id: String,
    /// What it is for, as the clerk wrote it.
    pub purpose: Option<String>,
    /// Name.
    pub employer: String,
    /// 统一社会信用代码.
    pub uscc: String,
    /// 单位账号.
    pub employer_no: String,
    /// 首次汇缴年月.
    pub first_month: String,
    /// 缓缴中.
    pub deferred: bool,
    /// First month of the period.
    pub from_month: String,
    /// Last month of the period.
    pub to_month: String,
    /// People who contribute now.
    pub people: i64,
    /// People whose accounts are sealed.
    pub sealed_people: i64,
    /// Every month of the period, oldest first.
    pub months: Vec<MonthSaid>,
    /// Months paid.
    pub paid_months: usize,
    /// Fen paid for the period, back payments included.
    pub paid_fen: i64,
    /// Months owed: due and not paid.
    pub owed_months: usize,
    /// Fen owed on lists that were registered; a month without a list has no amount yet.
    pub owed_fen: i64,
    /// The branch that keeps the account.
    pub contact: String,
}

/// One month of the period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MonthSaid {
    /// `2026-10`.
    pub month: String,
    /// `paid`, `owed` (due and not paid) or `open` (not due yet).
    pub state: String,
    /// People of its list.
    pub people: Option<i32>,
    /// Fen of its list.
    pub amount_fen: Option<i64>,
    /// When it was allocated to the people.
    pub paid_on: Option<NaiveDate>,
    /// The day by which it was to be paid.
    pub due_on: NaiveDate,
    /// Fen of back payments for it.
    pub back_payment_fen: i64,
}

/// The service of certifying an employer's contributions.
pub struct EmployerCertificates {
    id: String,
}

impl EmployerCertificates {
    /// The service of a definition with effect `certify_employer`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let employer = employer::require(office, request.applicant_id).await?;
        if employer.state == CANCELLED {
            let detail = "账户当前状态不能出具证明：单位账户已注销。请到网点查询销户前的记录。";
            return Err(Refusal::rule("E-CERT-01", detail).into());
        }
        let rules = Rules::on(office, office.today());
        let period = Period::read(office, &rules, &employer, request)?;
        let (people, sealed) =
            crate::contribution::people::counts(office, employer.employer_id).await?;
        let contact = contact(office, employer.branch_id).await?;
        let mut tx = office.pool.begin().await?;
        let months = months(office, &mut tx, &rules, &employer, period.from, period.to).await?;
        let in_state = |wanted: &'static str| months.iter().filter(move |one| one.state == wanted);
        let said = EmployerCertificate {
            case_id: case::number(office, submission.case_id),
            purpose: request.text("purpose").map(str::to_owned),
            employer: employer.name.clone(),
            uscc: employer.uscc.clone(),
            employer_no: office
                .numbers
                .encode(NumberKind::Employer, employer.employer_id),
            first_month: Month::from_index(employer.first_month).to_string(),
            deferred: employer.state == DEFERRED,
            from_month: period.from.to_string(),
            to_month: period.to.to_string(),
            people,
            sealed_people: sealed,
            paid_months: in_state("paid").count(),
            paid_fen: in_state("paid")
                .filter_map(|one| one.amount_fen)
                .chain(months.iter().map(|one| one.back_payment_fen))
                .sum(),
            owed_months: in_state("owed").count(),
            owed_fen: in_state("owed").filter_map(|one| one.amount_fen).sum(),
            months,
            contact,
        };
        let days = rules.days("cert_valid_days")?;
        let issued = document::issue(
            office,
            &mut tx,
            document::New {
                kind: kind::EMPLOYER,
                template: TEMPLATE,
                case_id: Some(submission.case_id),
                subject_id: employer.employer_id,
                scope: &format!(
                    "{}/{}/{}",
                    period.from,
                    period.to,
                    said.purpose.as_deref().unwrap_or_default()
                ),
                data: serde_json::to_value(&said)?,
                valid_until: Some(office.today() + TimeDelta::days(i64::from(days))),
            },
        )
        .await?;
        case::at_once(
            office,
            &mut tx,
            submission,
            case::AtOnce {
                wish: &format!("{}:{}", self.id, submission.case_id),
                branch_id: employer.branch_id,
                form: json!({ "from_month": period.from.to_string(), "to_month": period.to.to_string(), "purpose": said.purpose }),
                begun: json!({}),
                step: "issued",
                done: event_of(&issued),
            },
        )
        .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// The months that are certified.
#[derive(Clone, Copy)]
struct Period {
    from: Month,
    to: Month,
}

impl Period {
    fn read(
        office: &Office,
        rules: &Rules,
        employer: &Employer,
        request: &Request,
    ) -> Result<Self> {
        let this = Month::of(office.today());
        let month = |field: &str| request.text(field).and_then(|text| Month::parse(text).ok());
        let most = rules.months("cert_employer_max_months")?;
        let first = Month::from_index(employer.first_month);
        let to = month("to_month").unwrap_or_else(|| this.plus(-1).max(first));
        let from = month("from_month")
            .unwrap_or_else(|| to.plus(-11))
            .max(first);
        if to > this || to < from {
            let detail = format!(
                "截止月份要在起始月份之后，不早于首次汇缴的{}，也不晚于本月，请改月份。",
                first.chinese()
            );
            return Err(Refusal::rule("E-FORM-01", detail).into());
        }
        if to.index() - from.index() >= most {
            let detail = format!("一份证明最多写 {most} 个月，请分几份出具。");
            return Err(Refusal::rule("E-FORM-01", detail).into());
        }
        Ok(Self { from, to })
    }
}

/// The list of a month.
#[derive(sqlx::FromRow)]
struct List {
    month: i32,
    state: i16,
    people: i32,
    amount_fen: i64,
    received_fen: i64,
    allocated_at: Option<DateTime<Utc>>,
}

/// Every month of the period as the books have it.
pub(crate) async fn months(
    office: &Office,
    conn: &mut PgConnection,
    rules: &Rules,
    employer: &Employer,
    from: Month,
    to: Month,
) -> Result<Vec<MonthSaid>> {
    let lists: Vec<List> =
        sqlx::query_as(
            "SELECT month, state, people, amount_fen, received_fen, allocated_at FROM remittance
              WHERE centre_id = $1 AND employer_id = $2 AND month BETWEEN $3 AND $4 AND state IN (1, 2, 3) AND kind = 1",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .bind(from.index())
        .bind(to.index())
        .fetch_all(&mut *conn)
        .await?;
    let back: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT l.month, sum(l.employer_fen + l.employee_fen)::bigint
           FROM remittance r JOIN remittance_line l USING (centre_id, remittance_id)
          WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.state = 3 AND r.kind = 2 AND l.month BETWEEN $3 AND $4
          GROUP BY l.month",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(from.index())
    .bind(to.index())
    .fetch_all(conn)
    .await?;
    let payday = employer.payday.and_then(|day| u32::try_from(day).ok());
    let grace = rules.days("remit_due_days")?;
    let holidays = office.holidays();
    let today = office.today();
    Ok(from
        .to(to)
        .map(|month| {
            let list = lists.iter().find(|list| list.month == month.index());
            let due_on = due_date(month, payday, grace, &holidays);
            let paid = list.is_some_and(|list| list.state == state::ALLOCATED);
            MonthSaid {
                month: month.to_string(),
                state: match paid {
                    true => "paid",
                    false if due_on < today => "owed",
                    false => "open",
                }
                .to_owned(),
                people: list.map(|list| list.people),
                amount_fen: list.map(|list| {
                    if paid {
                        list.amount_fen
                    } else {
                        list.amount_fen - list.received_fen
                    }
                }),
                paid_on: list
                    .and_then(|list| list.allocated_at)
                    .map(anju_domain::clock::shanghai_date),
                due_on,
                back_payment_fen: back
                    .iter()
                    .find(|(index, _)| *index == month.index())
                    .map_or(0, |(_, fen)| *fen),
            }
        })
        .collect())
}

impl Service for EmployerCertificates {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}

/// What a certificate says, out of a document's data.
///
/// # Errors
/// It is no certificate of an employer.
pub fn read(data: &Value) -> Result<EmployerCertificate> {
    Ok(serde_json::from_value(data.clone())?)
}
