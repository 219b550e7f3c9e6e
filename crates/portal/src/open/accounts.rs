//! `GET /open/v1/people/{person_id}/accounts`, `GET /open/v1/accounts/{no}/entries`.

use anju_casework::{Actor, Refusal, access_log, membership, person};
use anju_domain::clock::rfc3339_millis;
use anju_ledger::AccountId;
use anju_ledger::account::{self, State as AccountState};
use anju_ledger::statement::{self, EntryKey};
use anju_vault::NumberKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::state_word;
use super::{Open, problem, refused};
use crate::problem::Problem;

/// The accounts of a person.
pub async fn of_person(
    State(open): State<Open>,
    Path(person_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let office = &open.engine.office;
    let person_id = open.decode(NumberKind::Person, &person_id, "这位职工")?;
    if person::get(office, person_id)
        .await
        .map_err(problem)?
        .is_none()
    {
        return Err(refused(&Refusal::not_found("这位职工")));
    }
    access_log::note(
        office,
        Actor::Interface,
        person_id,
        "账户与余额",
        "接口查询",
        None,
    )
    .await
    .map_err(problem)?;
    let memberships = membership::of_person(office, person_id)
        .await
        .map_err(problem)?;
    let mut conn = office
        .pool
        .acquire()
        .await
        .map_err(|error| problem(error.into()))?;
    let accounts = account::of_owner(&mut conn, office.ledger(), person_id)
        .await
        .map_err(|error| problem(error.into()))?;
    let drawn: Vec<Value> = accounts
        .iter()
        .map(|account| {
            let membership = memberships.iter().find(|membership| membership.account_id == account.account_id.0);
            json!({
                "account_no": open.encode(NumberKind::Account, account.account_id.0),
                "kind": match account.kind {
                    account::Kind::Subsidy => "SUBSIDY",
                    _ => "HPF",
                },
                "state": match account.state {
                    AccountState::Closed => "closed",
                    _ => membership.map_or("active", |membership| state_word(membership.state)),
                },
                "balance_fen": account.balance.fen(),
                "frozen_fen": account.frozen.fen(),
                "reserved_fen": account.reserved.fen(),
                "available_fen": account.available().fen(),
                "employer_no": membership.map(|membership| open.encode(NumberKind::Employer, membership.employer_id)),
                "base_fen": membership.map(|membership| membership.base_fen),
                "monthly_fen": membership.map(|membership| membership.employer_fen + membership.employee_fen),
                "opened_on": membership.map(|membership| membership.opened_on),
            })
        })
        .collect();
    Ok(Json(Value::Array(drawn)))
}

#[derive(Deserialize)]
pub struct EntriesQuery {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    limit: Option<i64>,
    after: Option<String>,
}

/// Rows of a page unless asked otherwise, and at most.
const PAGE: i64 = 100;
const MAX_PAGE: i64 = 500;

/// The entries of an account with the balance after each, newest last.
pub async fn entries(
    State(open): State<Open>,
    Path(no): Path<String>,
    Query(query): Query<EntriesQuery>,
) -> Result<Json<Value>, Problem> {
    let office = &open.engine.office;
    let account_id = open.decode(NumberKind::Account, &no, "这个账户")?;
    let person_id = membership::person_of_account(office, account_id)
        .await
        .map_err(problem)?
        .ok_or_else(|| refused(&Refusal::not_found("这个账户")))?;
    access_log::note(
        office,
        Actor::Interface,
        person_id,
        "账户明细",
        "接口查询",
        None,
    )
    .await
    .map_err(problem)?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let after = query
        .after
        .as_deref()
        .map(|text| {
            EntryKey::parse(text).ok_or_else(|| {
                refused(&Refusal::new(
                    400,
                    "E-API-05",
                    "after 不是上一页给出的 next，请从第一页重新取。",
                ))
            })
        })
        .transpose()?;
    let first = NaiveDate::from_ymd_opt(1999, 1, 1).ok_or_else(Problem::failed)?;
    let last = NaiveDate::from_ymd_opt(2999, 12, 31).ok_or_else(Problem::failed)?;
    let mut conn = office
        .pool
        .acquire()
        .await
        .map_err(|error| problem(error.into()))?;
    let found = statement::entries(
        &mut conn,
        office.ledger(),
        AccountId(account_id),
        query.from.unwrap_or(first),
        query.to.unwrap_or(last),
        after,
        limit,
    )
    .await
    .map_err(|error| problem(error.into()))?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= limit);
    let next = found
        .last()
        .filter(|_| full)
        .map(|entry| entry.key.to_string());
    let items: Vec<Value> = found
        .iter()
        .map(|entry| {
            let mut row = json!({
                "at": rfc3339_millis(entry.key.at),
                "business_date": entry.key.business_date,
                "value_date": entry.value_date,
                "event": entry.event.to_string(),
                "event_name": office.entries.name(entry.event),
                "amount_fen": entry.amount.fen(),
                "balance_fen": entry.balance.fen(),
            });
            if let Some(month) = entry.month {
                row["month"] = month.to_string().into();
            }
            if let Some(case_id) = entry.case_id {
                row["case_id"] = open.encode(NumberKind::Case, case_id).into();
            }
            row
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": next })))
}
