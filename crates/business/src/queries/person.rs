//! Projections about a person: basic data, the entries of the account, withdrawals and transfers under way, the housing subsidy.

use std::collections::HashMap;

use anju_casework::case::{self, Case};
use anju_casework::{Office, Refusal, Result, membership};
use anju_domain::calendar::Month;
use anju_domain::clock::rfc3339_millis;
use anju_ledger::AccountId;
use anju_ledger::account::{self, Kind, State};
use anju_ledger::statement::{self, AccountEntry, EntryKey};
use anju_vault::NumberKind;
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use super::{Finance, Question, wrong_after};
use crate::contribution::as_of;
use crate::papers::certificate::{continuous, paid_months};
use crate::policy::Rules;

/// A person as he stood at the end of a past day.
async fn as_of_day(office: &Office, person_id: i64, day: NaiveDate) -> Result<Value> {
    let day = as_of::checked(office, day)?;
    let one = as_of::person(office, person_id, day)
        .await?
        .ok_or_else(|| Refusal::not_found("这一天的缴存信息"))?;
    Ok(json!({
        "on": day,
        "employer": one.employer_name,
        "account_no": office.numbers.encode(NumberKind::Account, one.account_id),
        "state": match one.state {
            1 => "active",
            2 => "sealed",
            _ => "ended",
        },
        "base_fen": one.base_fen,
        "ratio_employer_bp": one.ratio_employer_bp,
        "ratio_employee_bp": one.ratio_employee_bp,
        "monthly_fen": one.monthly_fen,
        "balance_fen": one.balance_fen,
    }))
}

/// `query-basic-info`.
pub(super) async fn basic(
    office: &Office,
    person_id: i64,
    question: &Question<'_>,
) -> Result<Value> {
    if let Some(day) = question.on {
        return as_of_day(office, person_id, day).await;
    }
    let person = anju_casework::person::get(office, person_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这位职工"))?;
    let member = membership::of_person(office, person_id)
        .await?
        .into_iter()
        .next();
    let whole = !question.mask;
    let mut drawn = json!({
        "person_id": office.numbers.encode(NumberKind::Person, person_id),
        "name": if whole { person.name.expose().to_owned() } else { person.name.masked() },
        // Never whole: whoever asks by a number of ours needs no number of the State's.
        "id_no": person.id_number.to_string(),
        "mobile": person.phone.as_ref().map(|phone| if whole { phone.expose().to_owned() } else { phone.to_string() }),
        "card": person.card.as_ref().map(|card| if whole { card.expose().to_owned() } else { format!("****{}", card.tail4()) }),
        "card_bank": person.card_bank,
        "account": null,
    });
    let Some(member) = member else {
        return Ok(drawn);
    };
    let counts_back_pay =
        Rules::on(office, office.today()).flag("backpay_counts_for_continuity")?;
    let mut conn = office.pool.acquire().await?;
    let account = account::read(&mut conn, office.ledger(), AccountId(member.account_id)).await?;
    let months = paid_months(office, &mut conn, member.account_id, counts_back_pay).await?;
    drawn["account"] = json!({
        "account_no": office.numbers.encode(NumberKind::Account, member.account_id),
        "state": match (account.as_ref().map(|one| one.state), member.state) {
            (Some(State::Closed), _) => "closed",
            (_, membership::state::SEALED) => "sealed",
            (_, membership::state::ENDED) => "ended",
            _ => "active",
        },
        "employer": member.employer_name,
        "employer_no": office.numbers.encode(NumberKind::Employer, member.employer_id),
        "base_fen": member.base_fen,
        "ratio_employer_bp": member.ratio_employer_bp,
        "ratio_employee_bp": member.ratio_employee_bp,
        "monthly_fen": member.employer_fen + member.employee_fen,
        "balance_fen": account.as_ref().map(|one| one.balance.fen()),
        "available_fen": account.as_ref().map(|one| one.available().fen()),
        "frozen": account.as_ref().is_some_and(|one| one.frozen.fen() > 0),
        "opened_on": member.opened_on,
        "last_month": months.first().map(|one| one.month().to_string()),
        "continuous_months": continuous(&months),
    });
    Ok(drawn)
}

/// `query-account-detail`: newest last, each with the balance after it.
pub(super) async fn entries(
    office: &Office,
    person_id: i64,
    question: &Question<'_>,
) -> Result<Value> {
    let subject = question.subject()?;
    let account_id = match office.numbers.decode(NumberKind::Account, subject) {
        Some(account_id) => account_id,
        None => {
            membership::of_person(office, person_id)
                .await?
                .first()
                .ok_or_else(|| Refusal::not_found("这位职工的账户"))?
                .account_id
        }
    };
    let (from, to) = question.days()?;
    let after = question
        .after
        .map(|text| EntryKey::parse(text).ok_or_else(wrong_after))
        .transpose()?;
    let limit = question.limit();
    let found = {
        let mut conn = office.pool.acquire().await?;
        statement::entries(
            &mut conn,
            office.ledger(),
            AccountId(account_id),
            from,
            to,
            after,
            limit,
        )
        .await?
    };
    let others = counterparts(office, &found).await?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
    let items: Vec<Value> = found
        .iter()
        .map(|entry| {
            json!({
                "date": entry.key.business_date,
                "value_date": entry.value_date,
                "kind": office.entries.passbook(entry.event),
                "event": entry.event.to_string(),
                "month": entry.month.map(|month| month.to_string()),
                "amount_fen": entry.amount.fen(),
                "balance_fen": entry.balance.fen(),
                "counterpart": entry.case_id.and_then(|case_id| others.get(&case_id)),
                "case_id": entry.case_id.map(|case_id| case::number(office, case_id)),
            })
        })
        .collect();
    Ok(json!({
        "account_no": office.numbers.encode(NumberKind::Account, account_id),
        "items": items,
        "next": found.last().filter(|_| full).map(|entry| entry.key.to_string()),
    }))
}

/// Who stood at the other end: the employer of a contribution, the card of a withdrawal.
async fn counterparts(office: &Office, entries: &[AccountEntry]) -> Result<HashMap<i64, String>> {
    let cases: Vec<i64> = entries.iter().filter_map(|entry| entry.case_id).collect();
    let employers: Vec<(i64, String)> = sqlx::query_as(
        "SELECT r.remittance_id, e.name FROM remittance r JOIN employer e USING (centre_id, employer_id)
          WHERE r.centre_id = $1 AND r.remittance_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .fetch_all(&office.pool)
    .await?;
    let cards: Vec<(i64, Option<String>)> = sqlx::query_as(
        "SELECT case_id, form -> 'card_no' ->> 'tail' FROM business_case
          WHERE centre_id = $1 AND case_id = ANY ($2) AND pay_state > 0",
    )
    .bind(office.centre.id)
    .bind(&cases)
    .fetch_all(&office.pool)
    .await?;
    let cards = cards
        .into_iter()
        .filter_map(|(case_id, tail)| Some((case_id, format!("尾号 {}", tail?))));
    Ok(employers.into_iter().chain(cards).collect())
}

/// The ids of the services that pay out.
pub(super) fn withdrawals(office: &Office) -> Vec<String> {
    office
        .policy()
        .set
        .services()
        .filter(|service| service.effect == "pay_out")
        .map(|service| service.id.clone())
        .collect()
}

/// `query-withdrawal-progress`, `query-transfer-in`: one case where its number is the subject, else those of the person, newest first.
pub(super) async fn cases(
    office: &Office,
    person_id: i64,
    question: &Question<'_>,
    services: &[String],
) -> Result<Value> {
    let subject = question.subject()?;
    if let Some(case_id) = office.numbers.decode(NumberKind::Case, subject) {
        let case = case::require(office, case_id).await?;
        if !services.contains(&case.service) {
            return Err(Refusal::not_found("这个办件").into());
        }
        let items = [progress(office, &case).await?];
        return Ok(json!({ "items": items, "next": null }));
    }
    let before = match question.after {
        None => None,
        Some(number) => Some(
            office
                .numbers
                .decode(NumberKind::Case, number)
                .ok_or_else(wrong_after)?,
        ),
    };
    let limit = question.limit();
    let found = case::list_of_services(office, person_id, services, before, limit).await?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
    let mut items = Vec::with_capacity(found.len());
    for case in &found {
        items.push(progress(office, case).await?);
    }
    Ok(json!({
        "items": items,
        "next": found.last().filter(|_| full).map(|case| case::number(office, case.case_id)),
    }))
}

/// Where a case stands, what happened, whom it waits for.
async fn progress(office: &Office, case: &Case) -> Result<Value> {
    let happened = case::events(office, case.case_id).await?;
    let waiting_for = happened
        .last()
        .filter(|_| !case.state().is_final())
        .and_then(|event| event.detail.as_ref()?.get("waiting_for").cloned());
    let timeline: Vec<Value> = happened
        .iter()
        .flat_map(|event| {
            let at = rfc3339_millis(event.at);
            event
                .steps
                .iter()
                .map(move |step| json!({ "at": at, "event": step }))
        })
        .collect();
    let service = office
        .policy()
        .set
        .service(&case.service)
        .map(|service| service.name_zh.clone());
    Ok(json!({
        "case_id": case::number(office, case.case_id),
        "service": case.service,
        "service_name": service,
        "state": case.state().code(),
        "amount_fen": case.amount_fen,
        "submitted_at": rfc3339_millis(case.submitted_at),
        "promised_at": rfc3339_millis(case.promised_at),
        "waiting_for": waiting_for,
        "payment": case.pay_state().code().map(|state| json!({
            "state": state,
            "bank": case.pay_bank,
            "card": case.card_tail().map(|tail| format!("****{tail}")),
            "reason": case.pay_reason,
        })),
        "timeline": timeline,
    }))
}

/// `query-housing-subsidy`: an account of its own, year by year; nobody's before the employer opens one.
pub(super) async fn subsidy(
    office: &Office,
    person_id: i64,
    question: &Question<'_>,
) -> Result<Value> {
    let (from, to) = question.days()?;
    let granted = match question.finance {
        Some(finance) => granted(office, finance, person_id).await?,
        None => Value::Null,
    };
    let mut conn = office.pool.acquire().await?;
    let accounts = account::of_owner(&mut conn, office.ledger(), person_id).await?;
    let mut drawn = Vec::new();
    for one in accounts.iter().filter(|one| one.kind == Kind::Subsidy) {
        let this = crate::papers::certificate::contribution_year(office.today());
        let years = statement::years(&mut conn, office.ledger(), one.account_id, this).await?;
        drawn.push(json!({
            "account_no": office.numbers.encode(NumberKind::Account, one.account_id.0),
            "balance_fen": one.balance.fen(),
            "years": years
                .iter()
                .filter(|year| (from.year()..=to.year()).contains(&year.year))
                .map(|year| json!({
                    "year": year.year,
                    "granted_fen": year.contributed.fen(),
                    "interest_fen": year.interest.fen(),
                    "withdrawn_fen": year.withdrawn.fen(),
                    "closing_fen": year.closing.fen(),
                }))
                .collect::<Vec<_>>(),
        }));
    }
    let note = drawn
        .is_empty()
        .then_some("没有住房补贴账户。住房补贴由单位申报，单位开立后这里会有每年的明细。");
    Ok(json!({
        "accounts": drawn,
        "granted": granted,
        "note": note,
        "as_of": Month::of(office.today()).to_string(),
    }))
}

/// What the finance bureau has granted (finance.subsidy), last known with its date; null where it says nothing of him or does not answer.
async fn granted(office: &Office, finance: &dyn Finance, person_id: i64) -> Result<Value> {
    let person = anju_casework::person::get(office, person_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这位职工"))?;
    let fact = finance.subsidy(person.id_number.expose()).await?;
    if fact.state != anju_policy::FactState::Known {
        return Ok(Value::Null);
    }
    Ok(json!({
        "year": fact.value["year"],
        "amount_fen": fact.value["amount_fen"],
        "paid": fact.value["paid"],
        "as_of": fact.as_of,
    }))
}
