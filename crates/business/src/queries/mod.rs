//! 查 (services.md §6): one engine, and a projection for each definition of verb `query`. Invariant: a query changes nothing and opens no
//! case; every look at a person is kept in `access_log`; names, phones and cards are masked unless it is asked for them whole.

mod employer;
mod person;

use anju_casework::{Actor, Office, Refusal, Result, access_log, membership};
use anju_domain::calendar::Month;
use anju_policy::fact::Fact;
use anju_policy::service::{ServiceDefinition, Verb};
use anju_vault::NumberKind;
use chrono::{Datelike, NaiveDate};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::papers::verification;

/// What is asked.
pub struct Question<'a> {
    /// A person, account, employer or case number.
    pub subject: Option<&'a str>,
    /// `2026`, `2026-11` or `2026-01-01..2026-06-30`.
    pub period: Option<&'a str>,
    /// Rows of a page.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub after: Option<&'a str>,
    /// Names, phones and cards are hidden.
    pub mask: bool,
    /// Which part of an employer.
    pub view: Option<&'a str>,
    /// 校验码.
    pub code: Option<&'a str>,
    /// Who asks.
    pub actor: Actor,
    /// Why, as the person asked about reads it.
    pub reason: &'a str,
    /// As it stood at the end of this past day; as it is where it is left out.
    pub on: Option<NaiveDate>,
    /// Who tells what the finance bureau has granted; nobody where it is not asked.
    pub finance: Option<&'a dyn Finance>,
}

/// The finance bureau, asked about a person's housing subsidy.
pub trait Finance: Send + Sync {
    /// The fact `finance.subsidy` of an ID number.
    fn subsidy<'a>(&'a self, id_no: &'a str) -> BoxFuture<'a, Result<Fact>>;
}

/// Rows of a page unless asked otherwise, and at most.
const PAGE: i64 = 50;
const MOST: i64 = 200;

impl Question<'_> {
    fn limit(&self) -> i64 {
        self.limit.unwrap_or(PAGE).clamp(1, MOST)
    }

    fn subject(&self) -> Result<&str> {
        self.subject
            .map(str::trim)
            .filter(|subject| !subject.is_empty())
            .ok_or_else(|| {
                Refusal::new(
                    400,
                    "E-API-05",
                    "请给出 subject：个人、账户、单位或办件的编号，不能是证件号码。",
                )
                .into()
            })
    }

    /// The first and the last day of the period.
    fn days(&self) -> Result<(NaiveDate, NaiveDate)> {
        let all = (NaiveDate::MIN.with_year(1), NaiveDate::MAX.with_year(9999));
        let Some(text) = self.period.map(str::trim).filter(|text| !text.is_empty()) else {
            return match all {
                (Some(first), Some(last)) => Ok((first, last)),
                _ => Err(wrong_period()),
            };
        };
        period(text).ok_or_else(wrong_period)
    }

    fn after_number(&self) -> Result<Option<i64>> {
        self.after
            .map(|text| text.parse().map_err(|_| wrong_after()))
            .transpose()
    }
}

fn wrong_period() -> anju_casework::Error {
    let detail = "period 的形式应是 2026、2026-11 或 2026-01-01..2026-06-30，起始日不晚于截止日。";
    Refusal::new(400, "E-API-05", detail).into()
}

fn wrong_after() -> anju_casework::Error {
    Refusal::new(
        400,
        "E-API-05",
        "after 不是上一页给出的 next，请从第一页重新取。",
    )
    .into()
}

/// `2026`, `2026-11`, `2026-01-01..2026-06-30`.
fn period(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    if let Some((first, last)) = text.split_once("..") {
        let (first, last): (NaiveDate, NaiveDate) = (first.parse().ok()?, last.parse().ok()?);
        return (first <= last).then_some((first, last));
    }
    if let Ok(month) = Month::parse(text) {
        return Some((month.first_day(), month.last_day()));
    }
    let year: i32 = text.parse().ok().filter(|year| (1..=9999).contains(year))?;
    Some((
        NaiveDate::from_ymd_opt(year, 1, 1)?,
        NaiveDate::from_ymd_opt(year, 12, 31)?,
    ))
}

/// The definition of a query, where there is one that can be answered.
fn definition(office: &Office, id: &str) -> Result<ServiceDefinition> {
    office
        .policy()
        .set
        .service(id)
        .filter(|service| service.verb == Verb::Query)
        .cloned()
        .ok_or_else(|| Refusal::not_found("这个查询事项").into())
}

/// What a question comes to.
pub enum Answer {
    /// The projection.
    Drawn(Value),
    /// What this person is entitled to: decisions without a case, which the engine takes.
    Entitlements(i64),
}

/// Answers.
///
/// # Errors
/// 404 for a query or a subject that is not there, 400 `E-API-05` for a question that cannot be read.
pub async fn answer(office: &Office, id: &str, question: &Question<'_>) -> Result<Answer> {
    let service = definition(office, id)?;
    match service.effect.as_str() {
        "verify_document" => {
            let code = question.code.ok_or_else(|| {
                Refusal::new(400, "E-API-05", "请给出 code：证明上的 16 位校验码。")
            })?;
            Ok(Answer::Drawn(
                verification::verify(office, code).await?.draw(),
            ))
        }
        "query_employer_info" => employer::info(office, question).await.map(Answer::Drawn),
        effect => {
            let person_id = person_of(office, question.subject()?).await?;
            access_log::note(
                office,
                question.actor,
                person_id,
                &service.name_zh,
                question.reason,
                None,
            )
            .await?;
            let drawn = match effect {
                "query_entitlements" => return Ok(Answer::Entitlements(person_id)),
                "query_basic_info" => person::basic(office, person_id, question).await,
                "query_account_detail" => person::entries(office, person_id, question).await,
                "query_housing_subsidy" => person::subsidy(office, person_id, question).await,
                "query_withdrawal_progress" => {
                    let withdrawals = person::withdrawals(office);
                    person::cases(office, person_id, question, &withdrawals).await
                }
                "query_transfer_in" => {
                    let transfers = ["transfer-in-apply".to_owned()];
                    person::cases(office, person_id, question, &transfers).await
                }
                _ => Err(Refusal::not_found("这个查询事项").into()),
            };
            drawn.map(Answer::Drawn)
        }
    }
}

/// The person behind a subject: a person, one of his accounts, or one of his cases.
async fn person_of(office: &Office, subject: &str) -> Result<i64> {
    let unknown = || Refusal::not_found("这位职工");
    let decode = |kind| office.numbers.decode(kind, subject);
    if let Some(person_id) = decode(NumberKind::Person) {
        return Ok(anju_casework::person::get(office, person_id)
            .await?
            .ok_or_else(unknown)?
            .person_id);
    }
    if let Some(account_id) = decode(NumberKind::Account) {
        return Ok(membership::person_of_account(office, account_id)
            .await?
            .ok_or_else(unknown)?);
    }
    if let Some(case_id) = decode(NumberKind::Case) {
        let case = anju_casework::case::require(office, case_id).await?;
        return Ok(anju_casework::person::get(office, case.applicant_id)
            .await?
            .ok_or_else(unknown)?
            .person_id);
    }
    Err(unknown().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_a_month_or_two_days() {
        let days = |text: &str| period(text).map(|(first, last)| format!("{first} {last}"));
        assert_eq!(days("2026").as_deref(), Some("2026-01-01 2026-12-31"));
        assert_eq!(days("2028-02").as_deref(), Some("2028-02-01 2028-02-29"));
        assert_eq!(
            days("2026-01-01..2026-06-30").as_deref(),
            Some("2026-01-01 2026-06-30")
        );
        for wrong in ["", "26-1", "2026-13", "2026-06-30..2026-01-01", "0", "x"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }
}
