//! The page at `/`: phones, banks, registers and departments for people, without scripts.
//!
//! Invariant: a form does what the control door does, through the same functions; another site's page cannot post here.

mod form;
mod people;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::World;
use crate::control::Problem;

/// Only our own styles, images and forms; no script and no inline style.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const STYLES: [&str; 4] = [
    include_str!("../../../../assets/tokens.css"),
    include_str!("../../../../assets/base.css"),
    include_str!("../../../../assets/components.css"),
    include_str!("../../../../assets/places/outside.css"),
];

/// Routes of the page and what it loads.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(show))
        .route("/people", get(people::show))
        .route("/banks", post(form::set_banks))
        .route("/sources", post(form::set_sources))
        .route("/pay", post(form::pay))
        .route("/facts", post(form::facts))
        .route("/companies", post(form::found))
        .route("/ask", post(form::ask))
        .route("/assets/{name}", get(asset))
}

/// What the page is asked to show beside what it always shows.
#[derive(Default, Deserialize)]
struct Wish {
    phone: Option<String>,
    bank: Option<String>,
    account: Option<String>,
    done: Option<String>,
    /// The message of a founding whose answer is shown.
    push: Option<u64>,
    /// The credit code of a company that is looked up at every department.
    company: Option<String>,
    /// What the centre answered to a department's question; never part of an address.
    #[serde(skip)]
    told: Option<String>,
}

async fn show(
    State(world): State<Arc<World>>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    draw(&world, wish, form::Facts::default(), None).await
}

/// What every page of ours says of itself.
const fn headers() -> [(header::HeaderName, &'static str); 5] {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}

/// Draws the page, with what went wrong if something did.
async fn draw(
    world: &World,
    wish: Wish,
    facts: form::Facts,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let status = fault
        .as_ref()
        .map_or(StatusCode::OK, |problem| problem.status);
    let html = view::page(world, wish, facts, fault.map(|problem| problem.detail)).await?;
    Ok((status, headers(), html).into_response())
}

async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let (kind, body) = match name.as_str() {
        "outside.css" => ("text/css; charset=utf-8", STYLES.concat()),
        "icons.svg" => (
            "image/svg+xml",
            include_str!("../../../../assets/icons.svg").to_owned(),
        ),
        "icon.svg" => (
            "image/svg+xml",
            include_str!("../../../../assets/icon.svg").to_owned(),
        ),
        "cursor.svg" => (
            "image/svg+xml",
            include_str!("../../../../assets/cursor.svg").to_owned(),
        ),
        _ => return Err(Problem::not_found("没有这个文件")),
    };
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        body,
    )
        .into_response())
}

/// Refuses writes that a browser sends for another site. Programs send no `Sec-Fetch-Site`.
pub async fn own_site_only(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let site = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|site| site.to_str().ok());
    if reads || site.is_none_or(|site| matches!(site, "same-origin" | "none")) {
        next.run(request).await
    } else {
        Problem::forbidden("别的网站不能改外部世界").into_response()
    }
}

#[cfg(test)]
mod tests;
