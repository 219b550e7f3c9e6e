//! `GET /open/v1/services`, `GET /open/v1/services/{id}/precheck`: the catalogue and a decision without a case.

use anju_casework::catalogue::Request;
use anju_casework::{Refusal, person};
use anju_vault::NumberKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Open, problem, refused};
use crate::problem::Problem;

/// The catalogue, drawn from the definitions.
pub async fn catalogue(State(open): State<Open>) -> Json<Value> {
    let policy = open.engine.office.policy();
    let services: Vec<Value> = policy
        .set
        .services()
        .map(|service| {
            json!({
                "id": service.id,
                "name_zh": service.name_zh,
                "short_zh": service.short_zh,
                "summary": service.summary,
                "verb": service.verb,
                "group": service.group,
                "audience": service.audience,
                "login": service.login,
                "channels": service.channels,
                "inputs": service.inputs.iter().map(|input| json!({
                    "name": input.name,
                    "type": input.input_type,
                    "required": input.required,
                    "label": input.label,
                    "hint": input.hint,
                    "options": input.options,
                })).collect::<Vec<_>>(),
                "facts": service.facts.iter().map(|need| need.fact_type.as_str()).collect::<std::collections::BTreeSet<_>>(),
                "promise": service.promise,
                "law": service.law,
                "documents": service.documents,
            })
        })
        .collect();
    Json(Value::Array(services))
}

#[derive(Deserialize)]
pub struct Applicant {
    applicant: Option<String>,
}

/// The same rules, no effect.
pub async fn precheck(
    State(open): State<Open>,
    Path(id): Path<String>,
    Query(query): Query<Applicant>,
) -> Result<Json<Value>, Problem> {
    let office = &open.engine.office;
    let applicant = query
        .applicant
        .ok_or_else(|| refused(&Refusal::new(400, "E-API-05", "请给出申请人 applicant。")))?;
    let person_id = open.decode(NumberKind::Person, &applicant, "这位申请人")?;
    let person = person::get(office, person_id)
        .await
        .map_err(problem)?
        .ok_or_else(|| refused(&Refusal::not_found("这位申请人")))?;
    let mut form = Map::new();
    if let Some(card) = &person.card {
        form.insert("card_no".to_owned(), card.expose().into());
    }
    let request = Request {
        service: id,
        case_id: None,
        applicant_id: person_id,
        form,
        channel: "APP".to_owned(),
        face_passed: true,
    };
    let (_, decision) = open.engine.precheck(&request).await.map_err(problem)?;
    Ok(Json(
        serde_json::to_value(decision).map_err(|error| problem(error.into()))?,
    ))
}
