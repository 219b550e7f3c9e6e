//! 跨站请求伪造: a write is taken only from our own pages. The browser must say that the request is of our origin (or say
//! nothing, as old ones do), the cookie is SameSite=Lax, and the form must carry the token that belongs to its session.
//! Forms are read whole here, within their limits, so that no handler can forget the check.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Visit;
use crate::pages::error::PageError;

/// The name of the hidden field.
pub const FIELD: &str = "csrf";

/// A form of fields: 64 KiB.
pub const LONGEST_FORM: usize = 64 * 1024;

/// A form with a roster: 20 MB and its wrapping.
pub const LONGEST_UPLOAD: usize = 20 * 1024 * 1024 + 64 * 1024;

/// The token of a session or visitor.
pub(super) fn token(key: &[u8; 32], binding: &str) -> String {
    hex::encode(&anju_vault::hmac_sm3(key, &[binding.as_bytes()])[..16])
}

pub(super) async fn guard(visit: Visit, request: Request, next: Next) -> Response {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return next.run(request).await;
    }
    if !of_our_origin(request.headers()) {
        return PageError::Stale.into_response();
    }
    let (parts, body) = request.into_parts();
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let is_upload = kind.starts_with("multipart/form-data");
    let limit = if is_upload {
        LONGEST_UPLOAD
    } else {
        LONGEST_FORM
    };
    let Ok(body) = to_bytes(body, limit).await else {
        return PageError::TooLarge.into_response();
    };
    let sent = if is_upload {
        first_part(&body)
    } else {
        field(&body)
    };
    let holds = sent.is_some_and(|sent| anju_vault::same(sent.as_bytes(), visit.csrf.as_bytes()));
    if !holds {
        return PageError::Stale.into_response();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// Does the browser say that this request comes from a page of ours? Silence of an old browser is no refusal: its token
/// still has to be right.
fn of_our_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text("origin") else {
        return true;
    };
    let host = text("host").unwrap_or("");
    origin
        .split_once("://")
        .is_some_and(|(_, origin)| origin == host)
}

/// The token among the fields of a form. It is hexadecimal, so that nothing has to be decoded.
fn field(body: &Bytes) -> Option<&str> {
    std::str::from_utf8(body)
        .ok()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == FIELD).then_some(value))
}

/// The token as the first part of an upload, where our forms put it.
fn first_part(body: &Bytes) -> Option<&str> {
    let head = std::str::from_utf8(&body[..body.len().min(1024)])
        .or_else(|error| std::str::from_utf8(&body[..error.valid_up_to()]))
        .ok()?;
    let (disposition, value) = head.split_once("\r\n\r\n")?;
    if !disposition.contains(&format!("name=\"{FIELD}\"")) {
        return None;
    }
    value.split("\r\n").next()
}
