//! `POST /inbox/gateway/{source}/{interface}`: what departments say by themselves, and `POST /gateway/{interface}`: what they ask of us; both in the
//! form of data_sharing.md §2.1, answered signed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Open, problem};
use crate::problem::Problem;

/// Takes a message.
pub async fn inbox(
    State(open): State<Open>,
    Path((source, interface)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let reply = open
        .engine
        .pushed(&source, &interface, header, &body)
        .await
        .map_err(problem)?;
    let status = StatusCode::from_u16(reply.code).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Ok((status, Json(reply)).into_response())
}

/// Answers a question of another.
pub async fn asked(
    State(open): State<Open>,
    Path(interface): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let reply = open.engine.asked(&interface, header, &body).await;
    let status = StatusCode::from_u16(reply.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = (status, Json(reply)).into_response();
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
