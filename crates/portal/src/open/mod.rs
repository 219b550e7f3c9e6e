//! The doors for machines (`/open`, `/inbox`, `/tlog`, health and metrics): JSON as doors.md draws it. A handler parses, calls one command or
//! query, and draws the answer; every write carries an `Idempotency-Key` and is answered the same for ever. Read `answer.rs` first.

mod accounts;
mod answer;
mod books;
mod cases;
mod documents;
mod employers;
mod health;
mod openapi;
mod people;
mod proofs;
mod pushes;
mod query;
mod rosters;
mod services;
mod sources;
mod tlog;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anju_casework::{Error, Refusal};
use anju_engine::Engine;
use anju_exchange::kept::GatewayPolice;
use anju_vault::NumberKind;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::papers::Printer;
use crate::problem::{Problem, RowProblem};
use crate::security::{Door, Limiter, client};

/// The largest body that a door takes (doors.md §2).
pub const MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// What the doors for machines work with.
#[derive(Clone)]
pub struct Open {
    engine: Engine,
    key: Option<Arc<str>>,
    police: Arc<GatewayPolice>,
    /// Who tries keys has to wait.
    limiter: Arc<Limiter>,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    printer: Printer,
}

impl Open {
    /// With the demo centre's key; a production centre has none, and its doors stay shut.
    pub fn new(
        engine: Engine,
        key: Option<&str>,
        metrics: metrics_exporter_prometheus::PrometheusHandle,
        printer: Printer,
    ) -> Self {
        let police = Arc::new(GatewayPolice(engine.gateway.clone()));
        Self {
            engine,
            key: key.map(Arc::from),
            police,
            limiter: Arc::new(Limiter::default()),
            metrics,
            printer,
        }
    }

    fn decode(&self, kind: NumberKind, number: &str, what: &str) -> Result<i64, Problem> {
        self.engine
            .office
            .numbers
            .decode(kind, number)
            .ok_or_else(|| refused(&Refusal::not_found(what)))
    }

    fn encode(&self, kind: NumberKind, id: i64) -> String {
        self.engine.office.numbers.encode(kind, id)
    }
}

/// The routes of the doors for machines.
pub fn routes(open: Open) -> Router {
    let v1 = Router::new()
        .route("/employers", post(employers::open))
        .route("/employers/{no}/rosters", post(rosters::upload))
        .route("/employers/{no}/remittances", post(rosters::register))
        .route("/remittances/{id}", get(rosters::remittance))
        .route("/people", post(people::register))
        .route("/people/lookup", post(people::look_up))
        .route("/people/{person_id}/accounts", get(accounts::of_person))
        .route("/accounts/{no}/entries", get(accounts::entries))
        .route("/services", get(services::catalogue))
        .route("/services/{id}/precheck", get(services::precheck))
        .route("/query/{id}", get(query::answer))
        .route("/cases", post(cases::submit))
        .route("/cases/{id}", get(cases::show))
        .route("/cases/{id}/withdraw", post(cases::withdraw))
        .route("/cases/{id}/payments/{place}", post(cases::pay_again))
        .route("/cases/{id}/proof", get(proofs::of_case))
        .route("/cases/{id}/document", get(documents::of_case))
        .route("/remittances/{id}/proof", get(proofs::of_remittance))
        .route("/books/days/{date}/proof", get(proofs::of_day))
        .route(
            "/books/days/{date}/journals/{journal}",
            get(proofs::journal),
        )
        .route("/books/trial-balance", get(books::trial_balance))
        .route("/sources", get(sources::list))
        .fallback(|| async { Problem::not_found() })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(open.clone(), guard));
    Router::new()
        .nest("/open/v1", v1)
        .merge(tlog::routes())
        .route("/open/openapi.json", get(openapi::document))
        .route("/inbox/bank/{bank}", post(health::inbox))
        .route("/inbox/bank/{bank}/credit", post(health::credit))
        .route("/inbox/platform", post(health::platform))
        .route("/inbox/gateway/{source}/{interface}", post(pushes::inbox))
        .route("/gateway/{interface}", post(pushes::asked))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(open)
}

/// Who shows the key may enter; nothing of an answer is stored on the way.
async fn guard(State(open): State<Open>, request: Request, next: Next) -> Response {
    if !shows_key(&open, request.headers()) {
        let address = client(&request);
        if let Err(wait) = open.limiter.take(address, Door::WrongKey, Instant::now()) {
            return too_many(wait);
        }
        return Problem::new(
            StatusCode::UNAUTHORIZED,
            "E-API-03",
            "需要密钥",
            "请在 Authorization 里带上接口密钥：Bearer …",
        )
        .into_response();
    }
    let too_large = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .is_some_and(|length| length > MAX_BODY_BYTES);
    let mut response = if too_large {
        too_large_body().into_response()
    } else {
        always_a_problem(next.run(request).await)
    };
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}

/// What the framework refuses before a handler sees it (a parameter that is no date, a method that is not there) is a problem document
/// like every other refusal.
fn always_a_problem(response: Response) -> Response {
    let content = response.headers().get(header::CONTENT_TYPE);
    if !response.status().is_client_error()
        || content.is_some_and(|content| content == "application/problem+json")
    {
        return response;
    }
    let mut problem = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "E-API-08",
            "没有这个方法",
            "这个地址不接受此方法，可用的方法见 Allow",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => too_large_body(),
        status => Problem::new(
            status,
            "E-API-05",
            "请求的格式不对",
            "路径或参数不符合接口文档，请核对 /open/openapi.json",
        ),
    }
    .into_response();
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    problem
}

/// Only who shows a wrong key waits: the right one opens at any time, also from the same address.
fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let mut answer = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "E-API-07",
        "试错太多",
        format!("密钥错了太多次，请 {seconds} 秒后再试"),
    )
    .into_response();
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    answer
}

fn too_large_body() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "E-API-06",
        "内容太大",
        "请求内容最多 20 MB，请拆分后再提交",
    )
}

fn shows_key(open: &Open, headers: &HeaderMap) -> bool {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    // Compared as digests, so that neither length nor content shows in the time that it takes.
    open.key.as_deref().is_some_and(|key| {
        anju_vault::same(
            &anju_vault::sm3(shown.trim().as_bytes()),
            &anju_vault::sm3(key.as_bytes()),
        )
    })
}

/// A refusal as a problem document.
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let mut problem = Problem::new(status, &*refusal.code, &*refusal.title, &*refusal.detail);
    problem.errors = refusal
        .errors
        .iter()
        .map(|fault| RowProblem {
            row: fault.row,
            column: fault.column.clone(),
            code: fault.code.clone(),
            message: fault.message.clone(),
        })
        .collect();
    problem.more = refusal.extra.clone();
    problem
}

/// An error of a command as a problem document: what went wrong with us is logged here, once.
pub(crate) fn problem(error: Error) -> Problem {
    match error {
        Error::Refused(refusal) => refused(&refusal),
        Error::Failed(fault) => {
            tracing::error!(error = %anyhow_chain(&fault), "a command failed");
            if is_database_away(&fault) {
                return Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "E-API-53",
                    "暂时不能办理",
                    "系统正在恢复，没有办成，请用同一个幂等键再试",
                );
            }
            Problem::failed()
        }
    }
}

fn anyhow_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The database cannot be reached, is full, or has undone this for another that came first: nothing was done and it comes back by
/// itself, so that the caller is asked to try again.
pub(crate) fn is_database_away(fault: &anju_casework::Fault) -> bool {
    let error = match fault {
        anju_casework::Fault::Database(error)
        | anju_casework::Fault::Ledger(anju_ledger::Error::Database(error)) => error,
        _ => return false,
    };
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Tls(_) => true,
        // 53: no resources, 57: an operator's intervention, 58: the system, 08: the connection, 40: serialization and deadlock.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["53", "57", "58", "08", "40"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
