//! 出错：the title of every page that says no begins with it, whoever has drawn the page: what a screen reader says first, and what a tab shows.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::pages::error::PageError;
use crate::unsent::LONGEST_PAGE;

const FAILED: &str = "<title>出错：";

/// A page with a status of 400 or more is drawn with that title, also where its handler has not said so.
pub(super) async fn of_a_no(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let says_no = answer.status().is_client_error() || answer.status().is_server_error();
    if !is_page || !says_no {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let page = match to_bytes(body, LONGEST_PAGE).await {
        Ok(page) => String::from_utf8_lossy(&page).into_owned(),
        Err(error) => return PageError::failed(&error).into_response(),
    };
    let page = if page.contains(FAILED) {
        page
    } else {
        page.replacen("<title>", FAILED, 1)
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}
