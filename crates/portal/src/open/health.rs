//! `/healthz`, `/readyz`, `/metrics`, and the inbox that banks push to.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Open, problem};
use crate::problem::Problem;

/// The process lives.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// A write would work: the database takes one, and the books have an open day.
pub async fn ready(State(open): State<Open>) -> Response {
    let office = &open.engine.office;
    let check = async {
        let mut tx = office.pool.begin().await?;
        let writable: bool = sqlx::query_scalar(
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
                    AND EXISTS (SELECT FROM business_day WHERE centre_id = $1)",
        )
        .bind(office.centre.id)
        .fetch_one(&mut *tx)
        .await?;
        tx.rollback().await?;
        Ok::<bool, sqlx::Error>(writable)
    };
    match tokio::time::timeout(std::time::Duration::from_secs(2), check).await {
        Ok(Ok(true)) => "ready\n".into_response(),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
            "not ready\n",
        )
            .into_response(),
    }
}

/// Prometheus text.
pub async fn metrics(State(open): State<Open>) -> String {
    open.metrics.render()
}

/// A bank's push; anything but a 2xx makes it come again.
pub async fn inbox(
    State(open): State<Open>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let signature = headers
        .get("x-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    open.engine
        .receive(&bank, &body, signature)
        .await
        .map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
