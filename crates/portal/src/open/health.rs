//! `/healthz`, `/readyz`, `/metrics`, and the inboxes that banks and the national platform push to.

use std::time::Duration;

use anju_casework::case::CaseState;
use anju_casework::operations::{self, CaseQueue, Operations, Queue};
use anju_casework::outbox::{self, kind};
use anju_exchange::health::Condition;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use chrono::{DateTime, NaiveDate, Utc};

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
    match tokio::time::timeout(Duration::from_secs(2), check).await {
        Ok(Ok(true)) => "ready\n".into_response(),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
            "not ready\n",
        )
            .into_response(),
    }
}

/// Prometheus text. What stands in the database is looked at now; without it the rest is told all the same.
pub async fn metrics(State(open): State<Open>) -> String {
    let office = &open.engine.office;
    let looked = tokio::time::timeout(Duration::from_secs(2), operations::look(office)).await;
    let seen = looked.ok().and_then(Result::ok);
    gauge("database_up", if seen.is_some() { 1 } else { 0 });
    if let Some(seen) = seen {
        measure_queues(&seen, office.now());
        measure_books(&seen, office.today());
    }
    let (idle, all) = (office.pool.num_idle(), office.pool.size() as usize);
    let connections = |state: &'static str, count: usize| {
        gauge_of("database_connections", "state", state, figure(count));
    };
    connections("idle", idle);
    connections("used", all.saturating_sub(idle));
    connections("most", office.pool.options().get_max_connections() as usize);
    for source in open.engine.gateway.health() {
        let condition = match source.condition {
            Condition::Ok => 0,
            Condition::Failing => 1,
            Condition::HalfOpen => 2,
            Condition::Open => 3,
        };
        gauge_of("source_condition", "source", &source.code, condition);
        gauge_of(
            "source_waiting",
            "source",
            &source.code,
            figure(source.waiting),
        );
    }
    open.metrics.render()
}

fn measure_queues(seen: &Operations, now: DateTime<Utc>) {
    let age = |at: Option<DateTime<Utc>>| at.map_or(0, |at| (now - at).num_seconds().max(0));
    // A queue that is empty says so: a figure that stays what it was would be a lie.
    for kind in [kind::PAYMENT, kind::SMS, kind::REFUND] {
        let queue = seen.outbox.iter().find(|queue| queue.kind == kind);
        let word = outbox::word(kind);
        let counted = |count: fn(&Queue) -> i64| queue.map_or(0, count);
        gauge_of(
            "outbox_waiting",
            "kind",
            word,
            counted(|queue| queue.waiting),
        );
        gauge_of(
            "outbox_retried",
            "kind",
            word,
            counted(|queue| queue.retried),
        );
        gauge_of(
            "outbox_oldest_seconds",
            "kind",
            word,
            age(queue.and_then(|queue| queue.oldest_at)),
        );
    }
    for state in [
        CaseState::Submitted,
        CaseState::Gathering,
        CaseState::Reviewing,
        CaseState::Executing,
    ] {
        let queue = seen.cases.iter().find(|queue| queue.state == state as i16);
        let counted = |count: fn(&CaseQueue) -> i64| queue.map_or(0, count);
        gauge_of(
            "cases_waiting",
            "state",
            state.code(),
            counted(|queue| queue.waiting),
        );
        gauge_of(
            "cases_past_promise",
            "state",
            state.code(),
            counted(|queue| queue.past_promise),
        );
        gauge_of(
            "cases_oldest_seconds",
            "state",
            state.code(),
            age(queue.and_then(|queue| queue.oldest_at)),
        );
    }
    for bank in &seen.banks {
        gauge_of("bank_payments_sending", "bank", &bank.bank, bank.sending);
        gauge_of("bank_payments_unknown", "bank", &bank.bank, bank.unknown);
        if bank.heard_at.is_some() {
            gauge_of("bank_heard_seconds", "bank", &bank.bank, age(bank.heard_at));
        }
    }
}

fn measure_books(seen: &Operations, today: NaiveDate) {
    gauge("evidence_pending_leaves", seen.evidence.pending);
    gauge("evidence_log_leaves", seen.evidence.sealed);
    gauge(
        "evidence_unsigned_leaves",
        seen.evidence.sealed - seen.evidence.signed,
    );
    gauge("evidence_witnesses", i64::from(seen.evidence.witnesses));
    gauge("evidence_fork", seen.evidence.objections);
    gauge(
        "books_days_behind",
        (today - seen.days.open_date).num_days(),
    );
    gauge("books_days_marked", seen.days.marked);
    gauge("database_bytes", seen.database_bytes);
}

fn gauge(name: &'static str, value: i64) {
    // A count that is above 2⁵³ is told roundly.
    metrics::gauge!(name).set(value as f64);
}

fn gauge_of(name: &'static str, label: &'static str, of: &str, value: i64) {
    metrics::gauge!(name, label => of.to_owned()).set(value as f64);
}

fn figure(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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

/// What a bank says of a credit referral; anything but a 2xx makes it come again.
pub async fn credit(
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
        .receive_credit(&bank, &body, signature)
        .await
        .map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A message of another centre over the national platform; anything but a 2xx makes it come again.
pub async fn platform(
    State(open): State<Open>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    open.engine
        .receive_from_platform(&body, header)
        .await
        .map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
