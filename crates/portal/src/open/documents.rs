//! `GET /open/v1/cases/{id}/document`: the paper of a case, as PDF or as data.

use anju_business::papers::verification::mask;
use anju_casework::document::{self, Document, kind};
use anju_casework::{Actor, Office, Refusal, Result as CaseResult, access_log, case};
use anju_domain::clock::rfc3339_millis;
use anju_vault::NumberKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Open, problem, refused};
use crate::download;
use crate::problem::Problem;

#[derive(Deserialize)]
pub struct Form {
    format: Option<String>,
    mask: Option<bool>,
}

/// The paper of a case: PDF, or with `format=json` what it says; `mask=true` hides whose it is.
pub async fn of_case(
    State(open): State<Open>,
    Path(id): Path<String>,
    Query(form): Query<Form>,
) -> Result<Response, Problem> {
    let office = &open.engine.office;
    let case_id = open.decode(NumberKind::Case, &id, "这个办件")?;
    let case = case::require(office, case_id).await.map_err(problem)?;
    let found = document::of_case(office, case_id)
        .await
        .map_err(problem)?
        .ok_or_else(|| refused(&Refusal::not_found("这个办件的证明")))?;
    // An employer's paper is about nobody.
    if found.kind != kind::EMPLOYER {
        let person_id = case.applicant_id;
        let looked = access_log::note(
            office,
            Actor::Interface,
            person_id,
            "证明",
            "接口下载",
            Some(case_id),
        );
        looked.await.map_err(problem)?;
    }
    match form.format.as_deref() {
        None | Some("pdf") => {
            let pdf = open
                .printer
                .document(office, &found)
                .await
                .map_err(problem)?;
            Ok(download::pdf(&found.code, pdf))
        }
        Some("json") => {
            let mut data = found.data(office).map_err(problem)?;
            if form.mask == Some(true) {
                mask(&mut data);
            }
            Ok(Json(json!({
                "document": data,
                "digest": hex::encode(&found.digest),
                "state": found.standing(office.today()).code(),
            }))
            .into_response())
        }
        Some(_) => Err(refused(&Refusal::new(
            400,
            "E-API-05",
            "format 应是 pdf 或 json。",
        ))),
    }
}

/// The paper of a case as `GET /cases/{id}` shows it.
pub(super) async fn link(office: &Office, case_id: i64) -> CaseResult<Option<Value>> {
    let number = case::number(office, case_id);
    Ok(document::of_case(office, case_id)
        .await?
        .map(|document| drawn(office, &document, &number)))
}

fn drawn(office: &Office, document: &Document, number: &str) -> Value {
    json!({
        "kind": document.kind,
        "code": document.code,
        "state": document.standing(office.today()).code(),
        "issued_at": rfc3339_millis(document.issued_at),
        "valid_until": document.valid_until,
        "digest": hex::encode(&document.digest),
        "href": format!("/open/v1/cases/{number}/document"),
    })
}
