//! `GET /open/v1/cases/{id}/proof`, `/open/v1/remittances/{id}/proof`, `/open/v1/books/days/{date}/proof`, and the text of a journal that
//! a day's proofs name.

use anju_business::books::day_proof;
use anju_business::contribution::proof;
use anju_casework::log::Proof;
use anju_casework::{Refusal, case};
use anju_vault::NumberKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
pub struct CaseQuery {
    event: Option<String>,
}

#[derive(Deserialize)]
pub struct RemittanceQuery {
    account: Option<String>,
}

#[derive(Deserialize)]
pub struct DayQuery {
    journal: Option<String>,
}

/// The proof of a case's last step, or of the one that `event` counts from 1.
pub async fn of_case(
    State(open): State<Open>,
    Path(id): Path<String>,
    Query(query): Query<CaseQuery>,
) -> Result<Response, Problem> {
    let case_id = open.decode(NumberKind::Case, &id, "这个办件")?;
    let seq = query
        .event
        .map(|text| {
            text.parse().map_err(|_| {
                refused(&Refusal::new(
                    400,
                    "E-API-05",
                    "event 是办件的第几步，从 1 数起，请改编号。",
                ))
            })
        })
        .transpose()?;
    case::proof(&open.engine.office, case_id, seq)
        .await
        .map(answer)
        .map_err(problem)
}

/// The proof of an allocated list, or of the line of one `account` in it.
pub async fn of_remittance(
    State(open): State<Open>,
    Path(id): Path<String>,
    Query(query): Query<RemittanceQuery>,
) -> Result<Response, Problem> {
    let remittance_id = open.decode(NumberKind::Remittance, &id, "这笔汇缴")?;
    let account = query
        .account
        .map(|no| open.decode(NumberKind::Account, &no, "这个账户"))
        .transpose()?;
    proof::proof(&open.engine.office, remittance_id, account)
        .await
        .map(answer)
        .map_err(problem)
}

/// The proof of a closed day, or of one `journal` of it.
pub async fn of_day(
    State(open): State<Open>,
    Path(date): Path<String>,
    Query(query): Query<DayQuery>,
) -> Result<Response, Problem> {
    let date = day_of(&date)?;
    let journal = query.journal.map(|no| open.journal(&no)).transpose()?;
    day_proof::proof(&open.engine.office, date, journal)
        .await
        .map(answer)
        .map_err(problem)
}

/// The postings of a journal, as the text of which its record has the SHA-256.
pub async fn journal(
    State(open): State<Open>,
    Path((date, no)): Path<(String, String)>,
) -> Result<String, Problem> {
    let (date, journal) = (day_of(&date)?, open.journal(&no)?);
    day_proof::journal_text(&open.engine.office, date, journal)
        .await
        .map_err(problem)
}

fn day_of(date: &str) -> Result<NaiveDate, Problem> {
    date.parse()
        .map_err(|_| refused(&Refusal::not_found("这一天的日结")))
}

impl Open {
    /// A journal bears a number like a case's, as in the exported books.
    fn journal(&self, no: &str) -> Result<i64, Problem> {
        self.decode(NumberKind::Case, no, "这一天的这张凭证")
    }
}

/// The bundle, or 202 until its leaf is sealed and witnessed.
pub(super) fn answer(proof: Proof) -> Response {
    match proof {
        Proof::Sealed(bundle) => Json(bundle).into_response(),
        Proof::Waiting => (
            StatusCode::ACCEPTED,
            [(header::RETRY_AFTER, "1")],
            Json(json!({ "state": "sealing" })),
        )
            .into_response(),
    }
}
