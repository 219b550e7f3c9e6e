//! 个人缴存证明 and 异地贷款职工住房公积金缴存使用证明 (contribution.md §17.1). Invariant: a freeze shows as the fact alone; an account that is
//! closed, or a loan elsewhere that is not settled, gives no certificate (E-CERT-01).

use std::sync::Arc;

use anju_casework::catalogue::Service;
use anju_casework::document::{self, kind};
use anju_casework::membership::{self, Membership};
use anju_casework::person::{self, Person};
use anju_casework::{Fault, Office, Refusal, Result, branch, case, consent};
use anju_domain::calendar::Month;
use anju_ledger::AccountId;
use anju_ledger::account::{self, Account, State};
use anju_policy::fact::{Fact, FactState};
use anju_vault::NumberKind;
use chrono::{Datelike, NaiveDate, TimeDelta};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::event_of;
use crate::policy::Rules;

/// Version of both templates.
const TEMPLATE: i16 = 1;

/// Months that the certificate for a loan lists.
const MONTHS: usize = 12;

/// Months that are read to find how many are without a gap: fifty years.
const MONTHS_READ: i64 = 600;

/// The national platform, asked whether a person has a housing-fund loan elsewhere.
pub trait LoansElsewhere: Send + Sync {
    /// The fact `nhpf.loan_elsewhere` of an ID number, under a consent, for a case.
    fn loans<'a>(
        &'a self,
        id_no: &'a str,
        consent: i64,
        case_no: &'a str,
    ) -> BoxFuture<'a, Result<Fact>>;
}

/// What a certificate says beside what every document says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Certificate {
    /// 办件编号.
    pub case_id: String,
    /// `loan` or `other`.
    pub purpose: String,
    /// The city that it is for, six digits.
    pub destination: Option<String>,
    /// What that city is called, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_name: Option<String>,
    /// Name.
    pub name: String,
    /// Citizen identity number.
    pub id_no: String,
    /// 个人账号.
    pub account_no: String,
    /// `active` or `sealed`.
    pub account_state: String,
    /// A court or a dispute holds money on it; how much and whose is not said.
    pub frozen: bool,
    /// Employer, the last one of a sealed account.
    pub employer: String,
    /// 开户年月.
    pub opened_month: String,
    /// First and last month paid.
    pub first_month: Option<String>,
    /// See `first_month`.
    pub last_month: Option<String>,
    /// Months in full without a gap up to the last one.
    pub continuous_months: usize,
    /// 缴存基数, fen.
    pub base_fen: i64,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// 月缴存额, fen.
    pub monthly_fen: i64,
    /// Balance at the instant of issue, fen.
    pub balance_fen: i64,
    /// The last months, newest first; for a loan only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<PaidMonth>,
    /// Loans from the housing fund; for a loan only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loans: Option<Loans>,
    /// Where the loan centre asks: the branch that keeps the account.
    pub contact: String,
}

/// A month that was paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaidMonth {
    /// `2026-10`.
    pub month: String,
    /// Both parts, fen.
    pub amount_fen: i64,
    /// 缴存基数, fen.
    pub base_fen: i64,
}

/// 使用情况: loans from the housing fund.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loans {
    /// Loans of this centre.
    pub here: i64,
    /// What is still owed on these, fen.
    pub outstanding_fen: i64,
    /// Loans that the national platform knows elsewhere, all settled.
    pub elsewhere: i64,
}

/// The service of certifying a person's contributions.
pub struct Certificates {
    id: String,
    elsewhere: Arc<dyn LoansElsewhere>,
}

impl Certificates {
    /// The service of a definition with effect `certify_contribution`.
    pub fn new(id: &str, elsewhere: &Arc<dyn LoansElsewhere>) -> Self {
        Self {
            id: id.to_owned(),
            elsewhere: elsewhere.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let purpose = request.text("purpose").unwrap_or_default();
        let destination = request.text("destination");
        let for_loan = purpose == "loan";
        if for_loan && destination.is_none() {
            let detail = "用于在外地贷款的证明要写明是哪个城市，请填写六位行政区划代码。";
            return Err(Refusal::rule("E-FORM-01", detail).into());
        }
        let person = person::get(office, request.applicant_id)
            .await?
            .ok_or_else(|| Refusal::not_found("这位职工"))?;
        let (membership, account) = account_of(office, person.person_id).await?;
        let elsewhere = if for_loan {
            Some(self.loans_elsewhere(office, submission, &person).await?)
        } else {
            None
        };
        let rules = Rules::on(office, office.today());
        let (kind, days) = if for_loan {
            (kind::REMOTE_LOAN, rules.days("cert_remote_valid_days")?)
        } else {
            (kind::CONTRIBUTION, rules.days("cert_valid_days")?)
        };
        let contact = contact(office, membership.branch_id).await?;
        let counts_back_pay = rules.flag("backpay_counts_for_continuity")?;
        let mut tx = office.pool.begin().await?;
        let months = paid_months(office, &mut tx, membership.account_id, counts_back_pay).await?;
        let loans = match elsewhere {
            Some(elsewhere) => Some(loans_here(office, &mut tx, elsewhere).await?),
            None => None,
        };
        let said = Certificate {
            case_id: case::number(office, submission.case_id),
            purpose: purpose.to_owned(),
            destination_name: destination
                .and_then(|code| Some(office.policy().set.place(code)?.to_owned())),
            destination: destination.map(str::to_owned),
            name: person.name.expose().to_owned(),
            id_no: person.id_number.expose().to_owned(),
            account_no: office
                .numbers
                .encode(NumberKind::Account, membership.account_id),
            account_state: match membership.state {
                membership::state::SEALED => "sealed",
                _ => "active",
            }
            .to_owned(),
            frozen: account.frozen.fen() > 0,
            employer: membership.employer_name.clone(),
            opened_month: Month::of(membership.opened_on).to_string(),
            first_month: months.last().map(|one| one.month().to_string()),
            last_month: months.first().map(|one| one.month().to_string()),
            continuous_months: continuous(&months),
            base_fen: membership.base_fen,
            ratio_employer_bp: membership.ratio_employer_bp,
            ratio_employee_bp: membership.ratio_employee_bp,
            monthly_fen: membership.employer_fen + membership.employee_fen,
            balance_fen: account.balance.fen(),
            months: if for_loan {
                months.iter().take(MONTHS).map(PaidRow::said).collect()
            } else {
                Vec::new()
            },
            loans,
            contact,
        };
        let issued = document::issue(
            office,
            &mut tx,
            document::New {
                kind,
                template: TEMPLATE,
                case_id: Some(submission.case_id),
                subject_id: person.person_id,
                scope: destination.unwrap_or_default(),
                data: serde_json::to_value(said)?,
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
                branch_id: membership.branch_id,
                form: json!({ "purpose": purpose, "destination": destination }),
                begun: json!({}),
                step: "issued",
                done: event_of(&issued),
            },
        )
        .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }

    /// How many loans the national platform knows elsewhere; one that is not settled gives no certificate.
    async fn loans_elsewhere(
        &self,
        office: &Office,
        submission: &case::Submission,
        person: &Person,
    ) -> Result<i64> {
        let consent_id = {
            let mut conn = office.pool.acquire().await?;
            consent::give(
                office,
                &mut conn,
                consent::Given {
                    by: person.person_id,
                    service: &self.id,
                    case_id: Some(submission.case_id),
                    fact_types: &["nhpf.loan_elsewhere".to_owned()],
                    purpose: "为出具异地贷款缴存使用证明向全国住房公积金监管服务平台核对本人的贷款记录",
                    channel: &submission.request.channel,
                    until: None,
                },
            )
            .await?
        };
        let case_no = case::number(office, submission.case_id);
        let fact = self
            .elsewhere
            .loans(person.id_number.expose(), consent_id, &case_no)
            .await?;
        match fact.state {
            FactState::Absent => Ok(0),
            FactState::Known if fact.value["open"] == true => Err(cannot(
                "全国住房公积金监管服务平台上有您未结清的异地贷款；结清并更新记录后再来办理",
            )
            .into()),
            FactState::Known => Ok(fact.value["count"].as_i64().unwrap_or(0)),
            _ => Err(Refusal::new(
                503,
                "E-CERT-01",
                "全国住房公积金监管服务平台暂时没有回复，还不能出具证明。请过几分钟再试，已填的内容不用改。",
            )
            .into()),
        }
    }
}

/// E-CERT-01.
fn cannot(reason: &str) -> Refusal {
    Refusal::rule(
        "E-CERT-01",
        format!("账户当前状态不能出具证明：{reason}。如需说明情况，请到网点查询。"),
    )
}

/// The account that a certificate is about.
async fn account_of(office: &Office, person_id: i64) -> Result<(Membership, Account)> {
    let membership = membership::of_person(office, person_id)
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| cannot("您在本中心没有住房公积金账户"))?;
    let mut conn = office.pool.acquire().await?;
    let account =
        account::read(&mut conn, office.ledger(), AccountId(membership.account_id)).await?;
    match account {
        Some(account) if account.state != State::Closed => Ok((membership, account)),
        _ => Err(cannot("账户已销户；需要过去的缴存记录，请下载年度对账单").into()),
    }
}

/// The branch that keeps the account, with the hotline.
pub(super) async fn contact(office: &Office, branch_id: i16) -> Result<String> {
    let branches = branch::all(office).await?;
    Ok(
        match branches.iter().find(|one| one.branch_id == branch_id) {
            Some(branch) => format!("{}，{}，12329", branch.name, branch.address),
            None => "12329".to_owned(),
        },
    )
}

/// A month as it was paid, and whether it counts for continuity.
#[derive(sqlx::FromRow)]
pub(crate) struct PaidRow {
    month: i32,
    amount_fen: i64,
    base_fen: i64,
    counts: bool,
}

impl PaidRow {
    pub(crate) fn month(&self) -> Month {
        Month::from_index(self.month)
    }

    fn said(&self) -> PaidMonth {
        PaidMonth {
            month: self.month().to_string(),
            amount_fen: self.amount_fen,
            base_fen: self.base_fen,
        }
    }
}

/// The months that were paid to an account, newest first; a month paid in two parts once.
pub(crate) async fn paid_months(
    office: &Office,
    conn: &mut PgConnection,
    account_id: i64,
    counts_back_pay: bool,
) -> Result<Vec<PaidRow>> {
    Ok(sqlx::query_as(
        "SELECT l.month, sum(l.employer_fen + l.employee_fen)::bigint AS amount_fen, max(l.base_fen) AS base_fen,
                bool_or(r.kind = 1 OR $3 OR r.reason IN ('DEFERRED', 'ENFORCED', 'MERGED')) AS counts
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
          WHERE l.centre_id = $1 AND l.account_id = $2
          GROUP BY l.month
          ORDER BY l.month DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .bind(counts_back_pay)
    .bind(MONTHS_READ)
    .fetch_all(conn)
    .await?)
}

/// Months in full without a gap up to the last one.
pub(crate) fn continuous(months: &[PaidRow]) -> usize {
    let counting = || months.iter().filter(|one| one.counts);
    let Some(last) = counting().next() else {
        return 0;
    };
    counting()
        .zip(0..)
        .take_while(|(one, back)| one.month == last.month - back)
        .count()
}

/// 使用情况. The centre's books hold no loan of anybody's yet; once they hold one this must read it, so that it fails instead of saying 0.
async fn loans_here(office: &Office, conn: &mut PgConnection, elsewhere: i64) -> Result<Loans> {
    let any: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM ledger_account WHERE centre_id = $1 AND kind = 41)",
    )
    .bind(office.centre.id)
    .fetch_one(conn)
    .await?;
    if any {
        let what = "a certificate for a loan elsewhere does not read our own loans".to_owned();
        return Err(Fault::Stored(what).into());
    }
    Ok(Loans {
        here: 0,
        outstanding_fen: 0,
        elsewhere,
    })
}

/// The contribution year (缴存年度) of a day: the year of its 1 July.
pub fn contribution_year(day: NaiveDate) -> i32 {
    day.year() - i32::from(day.month() < 7)
}

impl Service for Certificates {
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
/// It is no certificate.
pub fn read(data: &Value) -> Result<Certificate> {
    Ok(serde_json::from_value(data.clone())?)
}
