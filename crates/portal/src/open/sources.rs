//! `GET /open/v1/sources`: how each of the 28 does now and did over the last day.

use std::collections::HashMap;

use anju_business::sharing::quality;
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Open, problem};
use crate::problem::Problem;

/// All of them, in the catalogue's order.
pub async fn list(State(open): State<Open>) -> Result<Json<Value>, Problem> {
    let office = &open.engine.office;
    let gateway = &open.engine.gateway;
    let health = gateway.health();
    let codes: Vec<String> = health.iter().map(|one| one.code.clone()).collect();
    let since = office.now() - TimeDelta::hours(24);
    let counted: HashMap<String, quality::Counted> = quality::counted(office, &codes, since)
        .await
        .map_err(problem)?
        .into_iter()
        .map(|one| (one.source.clone(), one))
        .collect();
    let at_odds: HashMap<String, i64> = quality::disagreements(office, &codes, since)
        .await
        .map_err(problem)?
        .into_iter()
        .collect();
    let late = open.engine.late_files().await.map_err(problem)?;
    let items: Vec<Value> = health
        .iter()
        .map(|one| {
            let day = counted.get(&one.code);
            json!({
                "source": one.code,
                "name_zh": one.name_zh,
                "condition": one.condition,
                "last_ok_at": one.last_ok_at,
                "last_failed_at": one.last_failed_at,
                "last_failure": one.last_failure,
                "waiting": one.waiting,
                "data_age_s_p50": one.age_s_p50,
                "asked_24h": day.map_or(0, |day| day.asked),
                "unknown_24h": day.map_or(0, |day| day.unknown),
                "p50_ms": day.map(|day| day.p50_ms),
                "p95_ms": day.map(|day| day.p95_ms),
                "p99_ms": day.map(|day| day.p99_ms),
                "disagreements_24h": at_odds.get(&one.code).copied().unwrap_or(0),
                "late_files": late
                    .iter()
                    .filter(|(flow, _)| flow.source == one.code)
                    .map(|(flow, day)| json!({ "flow": flow.flow, "day": day }))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}
