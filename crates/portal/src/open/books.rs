//! `GET /open/v1/books/trial-balance?date=&branch=`.

use anju_business::books::day_close;
use anju_ledger::day::DayState;
use anju_ledger::trial_balance;
use axum::Json;
use axum::extract::{Query, State};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
pub struct DateQuery {
    date: Option<NaiveDate>,
    branch: Option<i16>,
}

/// All leaf subjects on their own side, the open day's postings included; of the centre, or of one branch.
pub async fn trial_balance(
    State(open): State<Open>,
    Query(query): Query<DateQuery>,
) -> Result<Json<Value>, Problem> {
    let office = &open.engine.office;
    let date = match query.date {
        Some(date) => date,
        None => day_close::open_date(office).await.map_err(problem)?,
    };
    if day_close::state(office, date).await.map_err(problem)? == DayState::Unknown {
        return Err(refused(&anju_casework::Refusal::not_found("这一天的账")));
    }
    let mut conn = office
        .pool
        .acquire()
        .await
        .map_err(|error| problem(error.into()))?;
    let balance = trial_balance::trial_balance(&mut conn, office.ledger(), date, query.branch)
        .await
        .map_err(|error| problem(error.into()))?;
    Ok(Json(json!({
        "date": balance.date,
        "sealed": balance.sealed,
        "subjects": balance.subjects.iter().map(|line| json!({
            "code": line.subject.code().to_string(),
            "name": line.subject.info().name_zh,
            "opening_fen": line.opening.fen(),
            "debit_fen": line.debit.fen(),
            "credit_fen": line.credit.fen(),
            "closing_fen": line.closing.fen(),
        })).collect::<Vec<_>>(),
    })))
}
