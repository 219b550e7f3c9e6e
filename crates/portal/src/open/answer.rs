//! The idempotency of the doors: a key is used once, with one call and one body, and its first answer is its only answer.

use std::future::Future;

use anju_casework::{Error, Refusal, books, case};
use anju_ledger::command;
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::{Open, problem, refused};
use crate::problem::Problem;

/// A write: its key and the digest of call and body.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The client's key; a UUID as it came, else the hash of the text.
    pub key: Uuid,
    /// Digest of call and body.
    pub digest: Uuid,
}

/// Reads the `Idempotency-Key` of a write.
pub fn key(headers: &HeaderMap, call: &str, body: &[u8]) -> Result<Key, Problem> {
    let text = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
        .unwrap_or_default();
    if text.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "E-API-01",
            "缺少幂等键",
            "写操作请带 Idempotency-Key 请求头：每次新的操作用一个新的键，重试用同一个键",
        ));
    }
    if text.len() > 200 {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "E-API-01",
            "幂等键太长",
            "Idempotency-Key 最多 200 个字符",
        ));
    }
    let content = [call.as_bytes(), b"\n", body].concat();
    Ok(Key {
        key: command::key_uuid(text),
        digest: command::digest(&content),
    })
}

/// Reads a JSON body.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        refused(&Refusal::new(
            400,
            "E-API-05",
            format!("请求内容不是要求的 JSON：{}", chinese(&error)),
        ))
    })
}

fn chinese(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!("第 {} 行第 {} 列", error.line(), error.column());
    if let Some(field) = text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("缺少 {field}");
    }
    if let Some(field) = text
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("没有 {field} 这一项");
    }
    match error.classify() {
        serde_json::error::Category::Data => format!("{place}的值类型不对"),
        _ => format!("{place}的格式不对"),
    }
}

/// Answers a write: the first answer if the key came before, else that of `act`, which is kept. What is refused is not kept: nothing
/// happened, and the same request may be right tomorrow.
pub async fn once<F>(open: &Open, key: Key, act: F) -> Response
where
    F: Future<Output = Result<(StatusCode, Value), Problem>>,
{
    match kept(open, key).await {
        Ok(Some(answer)) => return answer,
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    match act.await {
        Ok((status, body)) => match keep(open, key, status, &body).await {
            Ok(answer) => answer,
            Err(error) => problem(error).into_response(),
        },
        Err(refusal) => refusal.into_response(),
    }
}

async fn kept(open: &Open, key: Key) -> Result<Option<Response>, Problem> {
    let office = &open.engine.office;
    let row: Option<(Uuid, i16, Value)> = sqlx::query_as(
        "SELECT digest, status, body FROM api_answer WHERE centre_id = $1 AND key = $2",
    )
    .bind(office.centre.id)
    .bind(key.key)
    .fetch_optional(&office.pool)
    .await
    .map_err(|error| problem(error.into()))?;
    match row {
        Some((digest, ..)) if digest != key.digest => {
            metrics::counter!("repeated_keys_total", "body" => "other").increment(1);
            Err(refused(&case::other_body()))
        }
        Some((_, status, body)) => {
            metrics::counter!("repeated_keys_total", "body" => "same").increment(1);
            Ok(Some(drawn(status, body)))
        }
        // The effect may stand although its answer was not written: the command is asked, too.
        None => books::remembered(office, key.key, key.digest)
            .await
            .map(|_| None)
            .map_err(problem),
    }
}

/// The first writer's answer stands; whoever came at the same moment gets it, too.
async fn keep(open: &Open, key: Key, status: StatusCode, body: &Value) -> Result<Response, Error> {
    let office = &open.engine.office;
    sqlx::query(
        "INSERT INTO api_answer (centre_id, key, digest, status, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(key.key)
    .bind(key.digest)
    .bind(i16::try_from(status.as_u16()).unwrap_or(200))
    .bind(body)
    .execute(&office.pool)
    .await?;
    let (digest, status, body): (Uuid, i16, Value) = sqlx::query_as(
        "SELECT digest, status, body FROM api_answer WHERE centre_id = $1 AND key = $2",
    )
    .bind(office.centre.id)
    .bind(key.key)
    .fetch_one(&office.pool)
    .await?;
    if digest != key.digest {
        return Err(case::other_body().into());
    }
    Ok(drawn(status, body))
}

fn drawn(status: i16, body: Value) -> Response {
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    (status, Json(body)).into_response()
}
