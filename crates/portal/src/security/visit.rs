//! A visit: what is known of a request before any handler: its look, its token, where it came from. Error pages are
//! drawn here too, since here is known how they must look.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::{Shield, csrf};
use crate::frame::{Centre, Head};
use crate::inside::Inside;
use crate::look::{Look, cookie};
use crate::pages::error::{ErrorPage, PageError, log_in_of};

/// The cookie of a session (login).
pub const SESSION: &str = "anju_session";

/// The cookie that binds the token of a form before anybody has logged in.
const VISITOR: &str = "anju_visitor";
/// A browser is the same one for a year: by it people who log in from one device are counted (withdrawal.md §9, FR-06).
const VISITOR_SECONDS: u32 = 365 * 24 * 3600;

/// What is known of a request before any handler. Handlers take it as an argument.
#[derive(Debug, Clone)]
pub struct Visit {
    /// How the person wants pages to look.
    pub look: Look,
    /// The token for the forms of the answer.
    pub csrf: String,
    /// Path of the page, for going back; the query is left out, it may hold what a person searched.
    pub path: String,
    /// The session token of the cookie, unchecked.
    pub session: Option<String>,
    /// The cookie that this browser bears, logged in or not, unchecked.
    pub browser: Option<String>,
    /// Whence the request came.
    pub client: IpAddr,
    /// The address on the network from which people who share it are counted (FR-06); none where it is not known.
    pub origin: Option<String>,
    /// The centre.
    pub centre: Arc<Centre>,
    /// Who is logged in, where a page that anyone may read is opened.
    pub inside: Option<Inside>,
}

impl Visit {
    /// The head of a page with this title.
    pub fn head(&self, title: impl Into<String>) -> Head {
        Head {
            title: title.into(),
            failed: false,
            look: self.look,
            csrf: self.csrf.clone(),
            path: self.path.clone(),
            centre: self.centre.clone(),
            inside: self.inside.clone(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visit, Response> {
        parts.extensions.get::<Visit>().cloned().ok_or_else(|| {
            tracing::error!(path = %parts.uri.path(), "a page route stands outside of the page layers");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }
}

/// Begins the visit, and draws the page of an error that a handler or a layer answered with.
pub(super) async fn begin(
    State(shield): State<Shield>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let session = cookie(headers, SESSION)
        .filter(|value| !value.is_empty())
        .map(str::to_owned);
    let visitor = cookie(headers, VISITOR)
        .filter(|value| !value.is_empty())
        .map(str::to_owned);
    let fresh =
        (session.is_none() && visitor.is_none()).then(|| hex::encode(anju_vault::random::<16>()));
    let binding = session
        .as_deref()
        .or(visitor.as_deref())
        .or(fresh.as_deref())
        .expect("a fresh one is made where there is none");
    let visit = Visit {
        look: Look::of(headers),
        csrf: csrf::token(&shield.forms, binding),
        path: request.uri().path().to_owned(),
        session,
        browser: visitor.or_else(|| fresh.clone()),
        client: client(&request),
        origin: origin(client(&request), headers),
        centre: shield.centre.clone(),
        inside: None,
    };
    let reads = request.method() == Method::GET;
    request.extensions_mut().insert(visit.clone());
    let mut answer = next.run(request).await;
    if let Some(error) = answer.extensions().get::<PageError>() {
        // A page that only has to be opened comes back by itself after the log-in; a form says that it was not taken.
        let cookies: Vec<HeaderValue> = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .cloned()
            .collect();
        answer = if *error == PageError::LogIn && reads {
            Redirect::to(&log_in_of(&visit.path)).into_response()
        } else if *error == PageError::OpenFirst && reads {
            Redirect::to("/unit/open").into_response()
        } else {
            ErrorPage::of(error, &visit).into_response()
        };
        for cookie in cookies {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    if let Some(fresh) = fresh {
        let value = shield.cookie(VISITOR, &fresh, Some(VISITOR_SECONDS));
        answer.headers_mut().append(
            header::SET_COOKIE,
            HeaderValue::from_str(&value).expect("hexadecimal is a valid header"),
        );
    }
    answer
}

/// Where a visitor is on the open network: his own address, or behind a proxy of our own network what that has written last. An address of our own
/// network says nothing of who came. Of IPv6 the network of one home or office, whose devices change the rest as they like.
fn origin(peer: IpAddr, headers: &HeaderMap) -> Option<String> {
    let is_ours = |address: &IpAddr| match address {
        IpAddr::V4(four) => four.is_loopback() || four.is_private() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local(),
    };
    let address = if is_ours(&peer) {
        let written = headers.get_all("x-forwarded-for").iter().next_back()?;
        let last = written.to_str().ok()?.rsplit(',').next()?.trim();
        last.parse().ok().filter(|address| !is_ours(address))?
    } else {
        peer
    };
    Some(match address.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    })
}

pub(crate) fn client(request: &Request) -> IpAddr {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip())
}
