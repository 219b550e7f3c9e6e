//! The page at `/people`: who is who in a demo centre that was filled, what to try with whose login, and what will be said.
//!
//! Invariant: it shows what `anju demo` has noted, and nothing of any register.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

use super::headers;
use crate::World;

/// The file in which `anju demo` notes who is who.
const NOTED: &str = "demo-people.json";

/// As it is noted.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Noted {
    clerks: Vec<(String, String, String)>,
    employees: Vec<Employee>,
    withdrawals: Vec<Withdrawer>,
}

#[derive(Deserialize)]
struct Employee {
    name: String,
    id_no: String,
    phone: String,
    card_no: String,
    note: String,
}

#[derive(Deserialize)]
struct Withdrawer {
    kind: String,
    page: String,
    name: String,
    id_no: String,
    phone: String,
    condition: String,
    note: String,
    fill: Vec<(String, String)>,
    says: String,
    first: String,
}

/// A kind of withdrawal with its people.
struct Kind {
    name: String,
    page: String,
    people: Vec<Withdrawer>,
}

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    product: String,
    clerks: Vec<(String, String, String)>,
    employees: Vec<Employee>,
    kinds: Vec<Kind>,
}

/// `GET /people`.
pub(super) async fn show(State(world): State<Arc<World>>) -> Response {
    // Who was never filled in has nobody: the page says how to.
    let noted: Noted = tokio::fs::read(world.home.join(NOTED))
        .await
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let mut kinds: Vec<Kind> = Vec::new();
    for one in noted.withdrawals {
        match kinds.last_mut() {
            Some(kind) if kind.name == one.kind => kind.people.push(one),
            _ => kinds.push(Kind {
                name: one.kind.clone(),
                page: one.page.clone(),
                people: vec![one],
            }),
        }
    }
    let page = Page {
        product: world.public.trim_end_matches('/').to_owned(),
        clerks: noted.clerks,
        employees: noted.employees,
        kinds,
    };
    match page.render() {
        Ok(html) => (headers(), html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of people");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
