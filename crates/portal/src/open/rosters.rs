//! `POST /open/v1/employers/{no}/rosters`, `…/remittances`, `GET /open/v1/remittances/{id}`.

use anju_business::contribution::collection::{self, Order, OrderState};
use anju_business::contribution::remittance::{PayMethod, Remittance};
use anju_business::contribution::roster::Mode;
use anju_business::contribution::upload::{self, Upload, Uploaded};
use anju_business::contribution::{registration, remittance};
use anju_casework::{Actor, Refusal};
use anju_domain::calendar::Month;
use anju_domain::clock::rfc3339_millis;
use anju_vault::NumberKind;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{json as read_json, key, once};
use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
pub struct UploadQuery {
    month: Option<String>,
    mode: Option<String>,
}

fn month(text: Option<&str>) -> Result<Month, Problem> {
    text.and_then(|text| Month::parse(text).ok())
        .ok_or_else(|| {
            refused(&Refusal::new(
                400,
                "E-API-05",
                "请给出月份 month，形式是 2026-11。",
            ))
        })
}

/// Checks a roster; nothing changes.
pub async fn upload(
    State(open): State<Open>,
    Path(no): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, &format!("POST {uri}"), &body)?;
    let act = async {
        let employer_id = open.decode(NumberKind::Employer, &no, "这个单位")?;
        let mode = match query.mode.as_deref() {
            None | Some("" | "complete") => Mode::Complete,
            Some("changes") => Mode::Changes,
            Some(_) => {
                return Err(refused(&Refusal::new(
                    400,
                    "E-API-05",
                    "mode 只能是 complete 或 changes。",
                )));
            }
        };
        let uploaded = Uploaded {
            employer_id,
            month: month(query.month.as_deref())?,
            mode,
            bytes: body.to_vec(),
            actor: Actor::Interface,
            key: key.key,
            digest: key.digest,
            police: &*open.police,
        };
        match upload::upload(&open.engine.office, uploaded)
            .await
            .map_err(problem)?
        {
            Upload::Kept(roster_id) => {
                let roster = upload::require(&open.engine.office, roster_id)
                    .await
                    .map_err(problem)?;
                Ok((StatusCode::CREATED, draw_roster(&open, &roster)))
            }
            Upload::Refused(mistakes) => Err(refused(&mistakes.refusal())),
        }
    };
    Ok(once(&open, key, act).await)
}

fn draw_roster(open: &Open, roster: &upload::Roster) -> Value {
    json!({
        "roster_id": open.encode(NumberKind::Roster, roster.roster_id),
        "month": Month::from_index(roster.month).to_string(),
        "digest": hex::encode(&roster.digest),
        "lines": roster.lines,
        "total_fen": roster.total_fen,
        "changes": roster.changes,
        "differences": roster.differences,
        "equation": roster.equation,
        "notices": roster.notices,
    })
}

#[derive(Deserialize)]
struct Register {
    roster_id: String,
    month: String,
    /// `transfer`, `debit` or `cash-desk`.
    pay_method: Option<String>,
}

/// Registers a month's remittance.
pub async fn register(
    State(open): State<Open>,
    Path(no): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, &format!("POST {uri}"), &body)?;
    let act = async {
        let employer_id = open.decode(NumberKind::Employer, &no, "这个单位")?;
        let body: Register = read_json(&body)?;
        let roster_id = open.decode(NumberKind::Roster, &body.roster_id, "这份名册")?;
        let month = month(Some(&body.month))?;
        let pay = match body.pay_method.as_deref() {
            None => PayMethod::default(),
            Some(word) => PayMethod::parse(word).ok_or_else(|| {
                let detail = "缴款方式 pay_method 请从 transfer、debit、cash-desk 里选。";
                problem(Refusal::rule("E-API-03", detail).into())
            })?,
        };
        let office = &open.engine.office;
        let registered = registration::register(
            office,
            employer_id,
            roster_id,
            month,
            pay,
            Actor::Interface,
            "HALL",
            key.key,
            key.digest,
        )
        .await
        .map_err(problem)?;
        let remittance = remittance::require(office, registered)
            .await
            .map_err(problem)?;
        let account = office.bank(&remittance.bank).map_err(problem)?;
        Ok((
            StatusCode::CREATED,
            json!({
                "remittance_id": open.encode(NumberKind::Remittance, remittance.remittance_id),
                "reference": remittance.reference,
                "amount_fen": remittance.amount_fen,
                "payee_bank": remittance.bank,
                "payee_account": account.account_no,
                "payee_name": account.holder,
                "due_on": remittance.due_on,
                // As it was registered: the first answer is the answer for ever.
                "state": "awaiting",
            }),
        ))
    };
    Ok(once(&open, key, act).await)
}

/// How far a remittance has come.
pub async fn remittance(
    State(open): State<Open>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let remittance_id = open.decode(NumberKind::Remittance, &id, "这笔汇缴")?;
    let remittance = remittance::require(&open.engine.office, remittance_id)
        .await
        .map_err(problem)?;
    let account = open.engine.office.bank(&remittance.bank).map_err(problem)?;
    let collection = if remittance.by_debit() {
        let orders = collection::of_remittance(&open.engine.office, remittance_id)
            .await
            .map_err(problem)?;
        Some(collected(&remittance, orders.last()))
    } else {
        None
    };
    Ok(Json(json!({
        "remittance_id": id,
        "collection": collection,
        "employer_no": open.encode(NumberKind::Employer, remittance.employer_id),
        "kind": match remittance.kind {
            remittance::kind::MONTHLY => "monthly",
            remittance::kind::SUPPLEMENT => "supplement",
            _ => "flexible",
        },
        "month": remittance.month().to_string(),
        "reference": remittance.reference,
        "payee_bank": remittance.bank,
        "payee_account": account.account_no,
        "payee_name": account.holder,
        "state": remittance.state_code(),
        "people": remittance.people,
        "amount_fen": remittance.amount_fen,
        "received_fen": remittance.received_fen,
        "allocated_fen": remittance.allocated_fen,
        "allocated_at": remittance.allocated_at.map(rfc3339_millis),
    })))
}

/// How far the collection of a list has come: its last order, and the day of the next.
fn collected(one: &Remittance, last: Option<&Order>) -> Value {
    json!({
        "collecting": one.collecting,
        "next_on": one.collect_on,
        "try": last.map(|order| order.r#try),
        "order": last.map(|order| OrderState::word(order.state)),
        "code": last.and_then(|order| order.code.as_deref()),
        "reason": last.and_then(|order| order.reason.as_deref()),
    })
}
