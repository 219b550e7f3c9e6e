//! `GET /open/v1/query/{id}`: one projection of our books for each query of the catalogue.

use anju_business::queries::Question;
use anju_casework::Actor;
use anju_exchange::kept::GatewayFinance;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::Value;

use super::{Open, problem};
use crate::problem::Problem;

#[derive(Deserialize)]
pub struct Parameters {
    subject: Option<String>,
    period: Option<String>,
    limit: Option<i64>,
    after: Option<String>,
    mask: Option<bool>,
    view: Option<String>,
    code: Option<String>,
    on: Option<chrono::NaiveDate>,
}

/// The answer, masked unless `mask=false`.
pub async fn answer(
    State(open): State<Open>,
    Path(id): Path<String>,
    Query(asked): Query<Parameters>,
) -> Result<Json<Value>, Problem> {
    let finance = GatewayFinance(open.engine.gateway.clone());
    let question = Question {
        finance: Some(&finance),
        on: asked.on,
        subject: asked.subject.as_deref(),
        period: asked.period.as_deref(),
        limit: asked.limit,
        after: asked.after.as_deref(),
        mask: asked.mask != Some(false),
        view: asked.view.as_deref(),
        code: asked.code.as_deref(),
        actor: Actor::Interface,
        reason: "接口查询",
    };
    open.engine
        .query(&id, &question)
        .await
        .map(Json)
        .map_err(problem)
}
