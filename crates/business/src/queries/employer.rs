//! Projections about an employer: its data, members, months and arrears.

use anju_casework::employer::{self, Employer};
use anju_casework::{Office, Refusal, Result, branch};
use anju_domain::calendar::Month;
use anju_domain::clock::rfc3339_millis;
use anju_ledger::AccountId;
use anju_ledger::account;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::Question;
use crate::contribution::{as_of, people, remittance};
use crate::papers;
use crate::policy::Rules;

/// `query-employer-info`, by its view.
pub(super) async fn info(office: &Office, question: &Question<'_>) -> Result<Value> {
    let employer_id = office
        .numbers
        .decode(NumberKind::Employer, question.subject()?)
        .ok_or_else(|| Refusal::not_found("这个单位"))?;
    let employer = employer::require(office, employer_id).await?;
    if let Some(day) = question.on {
        return as_of_day(office, &employer, day, question).await;
    }
    match question.view.unwrap_or("profile") {
        "profile" => profile(office, &employer).await,
        "members" => members(office, &employer, question).await,
        "remittances" => remittances(office, &employer, question).await,
        "arrears" => arrears(office, &employer).await,
        _ => Err(Refusal::new(
            400,
            "E-API-05",
            "view 应是 profile、members、remittances 或 arrears。",
        )
        .into()),
    }
}

/// As it stood at the end of a past day: data and counts, members, or lists.
async fn as_of_day(
    office: &Office,
    employer: &Employer,
    day: NaiveDate,
    question: &Question<'_>,
) -> Result<Value> {
    let day = as_of::checked(office, day)?;
    let limit = question.limit();
    match question.view.unwrap_or("profile") {
        "members" => {
            let after = question.after_number()?.unwrap_or(0);
            let found = as_of::members(office, employer.employer_id, day, after, limit).await?;
            let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
            Ok(json!({
                "on": day,
                "items": found.iter().map(|one| json!({
                    "account_no": office.numbers.encode(NumberKind::Account, one.account_id),
                    "name": one.name_masked,
                    "state": if one.state == 1 { "active" } else { "sealed" },
                    "base_fen": one.base_fen,
                    "monthly_fen": one.monthly_fen,
                    "balance_fen": one.balance_fen,
                })).collect::<Vec<_>>(),
                "next": found.last().filter(|_| full).map(|one| one.membership_id.to_string()),
            }))
        }
        "remittances" => {
            let number = |id| office.numbers.encode(NumberKind::Remittance, id);
            let before = question.after.map(|text| {
                let decoded = office.numbers.decode(NumberKind::Remittance, text);
                decoded.ok_or_else(super::wrong_after)
            });
            let before = before.transpose()?;
            let found = as_of::lists(office, employer.employer_id, day, before, limit).await?;
            let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
            Ok(json!({
                "on": day,
                "items": found.iter().map(|one| json!({
                    "remittance_id": number(one.remittance_id),
                    "month": Month::from_index(one.month).to_string(),
                    "state": one.state,
                    "people": one.people,
                    "amount_fen": one.amount_fen,
                })).collect::<Vec<_>>(),
                "next": found.last().filter(|_| full).map(|one| number(one.remittance_id)),
            }))
        }
        "profile" => {
            let one = as_of::employer(office, employer.employer_id, day)
                .await?
                .ok_or_else(|| Refusal::not_found("这一天的单位信息"))?;
            Ok(json!({
                "on": day,
                "name": one.name,
                "state": match one.state {
                    1 => "active",
                    2 => "deferred",
                    3 => "sealed",
                    _ => "cancelled",
                },
                "ratio_employer_bp": one.ratio_employer_bp,
                "ratio_employee_bp": one.ratio_employee_bp,
                "paid_to_month": Month::from_index(one.paid_to_month).to_string(),
                "people": one.active,
                "sealed_people": one.sealed,
                "monthly_fen": one.monthly_fen,
                "unallocated_fen": one.suspense_fen,
            }))
        }
        _ => Err(Refusal::new(
            400,
            "E-API-05",
            "查以前的日子时，view 应是 profile、members 或 remittances。",
        )
        .into()),
    }
}

async fn profile(office: &Office, employer: &Employer) -> Result<Value> {
    let (active, sealed) = people::counts(office, employer.employer_id).await?;
    let branches = branch::all(office).await?;
    let kept_by = branches
        .iter()
        .find(|one| one.branch_id == employer.branch_id);
    Ok(json!({
        "employer_no": office.numbers.encode(NumberKind::Employer, employer.employer_id),
        "name": employer.name,
        "uscc": employer.uscc,
        "kind": employer.kind,
        "district": employer.district,
        "branch": kept_by.map(|one| &one.name),
        "bank": office.bank(&employer.bank)?.bank_name,
        "state": match employer.state {
            1 => "active",
            2 => "deferred",
            3 => "sealed",
            _ => "cancelled",
        },
        "ratio_employer_bp": employer.ratio_employer_bp,
        "ratio_employee_bp": employer.ratio_employee_bp,
        "payday": employer.payday,
        "first_month": Month::from_index(employer.first_month).to_string(),
        "paid_to_month": (!employer.is_new()).then(|| Month::from_index(employer.paid_to_month).to_string()),
        "people": active,
        "sealed_people": sealed,
        "unallocated_fen": unallocated(office, employer).await?,
    }))
}

/// What the employer has paid and no list has taken.
async fn unallocated(office: &Office, employer: &Employer) -> Result<i64> {
    let mut conn = office.pool.acquire().await?;
    let suspense = AccountId(employer.suspense_account_id);
    let account = account::read(&mut conn, office.ledger(), suspense).await?;
    Ok(account.map_or(0, |account| account.available().fen()))
}

async fn members(office: &Office, employer: &Employer, question: &Question<'_>) -> Result<Value> {
    let limit = question.limit();
    let after = question.after_number()?.unwrap_or(0);
    let found = people::of_employer(office, employer.employer_id, after, limit).await?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
    Ok(json!({
        "items": found.iter().map(|one| json!({
            "account_no": office.numbers.encode(NumberKind::Account, one.account_id),
            "name": one.name_masked,
            "state": if one.sealed.is_some() { "sealed" } else { "active" },
            "base_fen": one.base.fen(),
            "monthly_fen": one.monthly.fen(),
            "sealed_on": one.sealed.as_ref().map(|(day, _)| day),
        })).collect::<Vec<_>>(),
        "next": found.last().filter(|_| full).map(|one| one.membership_id.to_string()),
    }))
}

async fn remittances(
    office: &Office,
    employer: &Employer,
    question: &Question<'_>,
) -> Result<Value> {
    let limit = question.limit();
    let before = match question.after {
        None => None,
        Some(number) => Some(
            office
                .numbers
                .decode(NumberKind::Remittance, number)
                .ok_or_else(super::wrong_after)?,
        ),
    };
    let found = remittance::of_employer(office, employer.employer_id, before, limit).await?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
    let number = |id| office.numbers.encode(NumberKind::Remittance, id);
    Ok(json!({
        "items": found.iter().map(|one| json!({
            "remittance_id": number(one.remittance_id),
            "kind": if one.kind == remittance::kind::MONTHLY { "monthly" } else { "back_payment" },
            "month": one.month().to_string(),
            "state": one.state_code(),
            "people": one.people,
            "amount_fen": one.amount_fen,
            "received_fen": one.received_fen,
            "due_on": one.due_on,
            "allocated_at": one.allocated_at.map(rfc3339_millis),
        })).collect::<Vec<_>>(),
        "next": found.last().filter(|_| full).map(|one| number(one.remittance_id)),
    }))
}

/// Months that are due and not paid. Months go in order, so that they are the last ones.
async fn arrears(office: &Office, employer: &Employer) -> Result<Value> {
    let rules = Rules::on(office, office.today());
    let this = Month::of(office.today());
    let first = employer
        .next_month()
        .max(Month::from_index(employer.first_month));
    let months = if first > this {
        Vec::new()
    } else {
        let mut conn = office.pool.acquire().await?;
        papers::employer::months(office, &mut conn, &rules, employer, first, this).await?
    };
    let owed: Vec<_> = months.iter().filter(|one| one.state == "owed").collect();
    Ok(json!({
        "months": owed.iter().map(|one| json!({
            "month": one.month,
            "due_on": one.due_on,
            "amount_fen": one.amount_fen,
        })).collect::<Vec<_>>(),
        "owed_fen": owed.iter().filter_map(|one| one.amount_fen).sum::<i64>(),
        "unallocated_fen": unallocated(office, employer).await?,
    }))
}
