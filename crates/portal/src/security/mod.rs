//! 安全: what stands around every page. Headers (no script or style but ours, nothing of a person in a cache), CSRF, body
//! limits, rates, error pages. Invariant: a page route goes through [`pages`] and a machine's route through [`machines`];
//! a write through a page needs a same-origin request *and* a token bound to the session. Start with `visit.rs`.

mod csrf;
mod headers;
mod rate;
mod title;
mod visit;

use std::sync::Arc;

use anju_vault::Vault;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

pub use csrf::{FIELD, LONGEST_FORM, LONGEST_UPLOAD};
pub use rate::{Door, Limiter, throttle};
pub(crate) use visit::client;
pub use visit::{SESSION, Visit};

use crate::frame::Centre;
use crate::pages::error::PageError;

/// What the layers need to know.
#[derive(Clone)]
pub struct Shield {
    /// Makes the tokens of forms.
    forms: [u8; 32],
    centre: Arc<Centre>,
    limiter: Arc<Limiter>,
    secure: bool,
}

impl Shield {
    /// `secure` where the public address is https: cookies are then sent over https alone.
    #[must_use]
    pub fn new(vault: &Vault, centre: Arc<Centre>, secure: bool) -> Shield {
        Shield {
            forms: vault.token_of("csrf", b"forms"),
            centre,
            limiter: Arc::new(Limiter::default()),
            secure,
        }
    }

    /// The state of [`throttle`] for a door: `route_layer(from_fn_with_state(shield.limit(Door::LogIn), throttle))`.
    #[must_use]
    pub fn limit(&self, door: Door) -> (Arc<Limiter>, Door) {
        (self.limiter.clone(), door)
    }

    /// The `Set-Cookie` of a session: HttpOnly, SameSite=Lax, ends with the browser or after `seconds`.
    #[must_use]
    pub fn session_cookie(&self, token: &str, seconds: u32) -> String {
        self.cookie(SESSION, token, Some(seconds))
    }

    /// The `Set-Cookie` that ends a session in the browser.
    #[must_use]
    pub fn ended_session(&self) -> String {
        self.cookie(SESSION, "", Some(0))
    }

    /// The `Set-Cookie` of what a browser carries to another site and back; an empty one ends it.
    #[must_use]
    pub fn short_cookie(&self, name: &str, value: &str, seconds: u32) -> String {
        self.cookie(name, value, Some(seconds))
    }

    fn cookie(&self, name: &str, value: &str, seconds: Option<u32>) -> String {
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")
    }
}

/// Puts the layers of a page around its routes. `routes` may hold handlers that return [`PageError`].
pub fn pages<S: Clone + Send + Sync + 'static>(routes: Router<S>, shield: &Shield) -> Router<S> {
    routes
        .fallback(async || PageError::NotFound)
        .layer(DefaultBodyLimit::max(LONGEST_UPLOAD))
        .layer(from_fn(csrf::guard))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| PageError::panicked().into_answer(),
        ))
        .layer(from_fn_with_state(shield.clone(), visit::begin))
        .layer(from_fn(title::of_a_no))
        .layer(from_fn(headers::of_pages))
}

/// Puts the layers of a machine's door around its routes: no cookies, no pages, problem documents only.
pub fn machines<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .layer(DefaultBodyLimit::max(LONGEST_UPLOAD))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| crate::problem::Problem::failed().into_answer(),
        ))
        .layer(from_fn(headers::of_machines))
}

#[cfg(test)]
mod tests;
