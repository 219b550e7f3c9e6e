//! `POST /open/v1/employers`.

use anju_business::contribution::opening::{self, Opening, Registry};
use anju_casework::Actor;
use anju_domain::calendar::Month;
use anju_exchange::kept::GatewayRegistry;
use anju_vault::NumberKind;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::answer::{json as read_json, key, once};
use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
struct Body {
    name: String,
    uscc: String,
    kind: String,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
    legal_representative: String,
    #[serde(default)]
    district: Option<String>,
    #[serde(default)]
    first_month: Option<String>,
    #[serde(default)]
    payday: Option<i16>,
    #[serde(default)]
    clerk: Option<Clerk>,
    #[serde(default)]
    address: Option<String>,
}

#[derive(Deserialize)]
struct Clerk {
    name: String,
    phone: String,
}

/// Where an employer is registered that names no district: the centre's own (doors.md §2).
const DEFAULT_DISTRICT: &str = "500103";

/// Opens an employer's account after asking the market regulator.
pub async fn open(
    State(open): State<Open>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, "POST /employers", &body)?;
    let act = async {
        let body: Body = read_json(&body)?;
        let first_month = body
            .first_month
            .as_deref()
            .map(|text| {
                Month::parse(text).map_err(|error| {
                    refused(&anju_casework::Refusal::rule(
                        "E-EMPR-05",
                        format!("首次汇缴年月应为 2026-11 的形式：{error}。"),
                    ))
                })
            })
            .transpose()?;
        let opening = Opening {
            name: body.name,
            uscc: body.uscc,
            kind: body.kind,
            ratio_employer_bp: body.ratio_employer_bp,
            ratio_employee_bp: body.ratio_employee_bp,
            legal_representative: body.legal_representative,
            district: body.district.unwrap_or_else(|| DEFAULT_DISTRICT.to_owned()),
            first_month,
            payday: body.payday,
            clerk: body.clerk.map(|clerk| (clerk.name, clerk.phone)),
            address: body.address,
        };
        let registration = GatewayRegistry(open.engine.gateway.clone())
            .registration(&opening.uscc, "")
            .await
            .map_err(problem)?;
        let employer_id = opening::open(
            &open.engine.office,
            &opening,
            &registration,
            Actor::Interface,
            key.key,
            key.digest,
        )
        .await
        .map_err(problem)?;
        Ok((
            StatusCode::CREATED,
            json!({ "employer_no": open.encode(NumberKind::Employer, employer_id) }),
        ))
    };
    Ok(once(&open, key, act).await)
}
