//! 授权: one table of routes × who may. Every page route stands in it, or it answers nobody: a forgotten line is found by
//! the first request and by the test that walks over all of it. What one may *see* behind a route is asked by the handler
//! (a person sees his own cases, a clerk his employer's, a reviewer his branch's).

use anju_casework::session::{self, Session, audience};
use anju_casework::staff::{self, Staff, role};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

/// Who may open a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// A person who is logged in (个人).
    Person,
    /// An employer's clerk who is logged in (单位经办人).
    Clerk,
    /// Staff with one of these roles; with none named, any staff.
    Staff(&'static [&'static str]),
}

use Who::{Anyone, Clerk, Person};

const TELLERS: Who = Who::Staff(&[role::TELLER, role::REVIEWER]);
const CASES: Who = Who::Staff(&[role::TELLER, role::REVIEWER, role::AUDITOR]);
const REVIEWERS: Who = Who::Staff(&[role::REVIEWER]);
const BOOKS: Who = Who::Staff(&[role::ACCOUNTANT, role::CHIEF_ACCOUNTANT, role::AUDITOR]);
const ACCOUNTANTS: Who = Who::Staff(&[role::ACCOUNTANT, role::CHIEF_ACCOUNTANT]);
const STAFF: Who = Who::Staff(&[]);

/// The table. Methods are those that the route answers; HEAD goes with GET.
pub const TABLE: &[(&str, &str, Who)] = &[
    // Public.
    ("GET", "/", Anyone),
    ("GET", "/guides", Anyone),
    ("GET", "/guides/{service}", Anyone),
    ("GET", "/outlets", Anyone),
    ("GET", "/accessibility", Anyone),
    ("GET", "/privacy", Anyone),
    ("GET", "/policy/{service}", Anyone),
    ("GET", "/settings", Anyone),
    ("POST", "/look", Anyone),
    ("GET", "/login", Anyone),
    ("POST", "/login", Anyone),
    ("POST", "/login/code", Anyone),
    ("GET", "/login/unit", Anyone),
    ("POST", "/login/unit", Anyone),
    ("POST", "/login/unit/code", Anyone),
    ("GET", "/login/staff", Anyone),
    ("POST", "/login/staff", Anyone),
    ("POST", "/logout", Anyone),
    // 个人.
    ("GET", "/my", Person),
    ("GET", "/my/withdraw", Person),
    ("GET", "/my/do/{service}", Person),
    ("POST", "/my/do/{service}", Person),
    ("GET", "/my/do/{service}/why", Person),
    ("POST", "/my/do/{service}/face", Person),
    ("GET", "/my/cases", Person),
    ("GET", "/my/cases/{case}", Person),
    ("GET", "/my/cases/{case}/live", Person),
    ("GET", "/my/cases/{case}/why", Person),
    ("GET", "/my/cases/{case}/receipt", Person),
    ("GET", "/my/cases/{case}/withdraw", Person),
    ("POST", "/my/cases/{case}/withdraw", Person),
    ("GET", "/my/account", Person),
    ("GET", "/my/account.csv", Person),
    ("GET", "/my/messages", Person),
    ("GET", "/my/me", Person),
    ("GET", "/my/me/access", Person),
    ("GET", "/my/me/consents", Person),
    ("POST", "/my/me/consents/withdraw", Person),
    ("GET", "/my/me/sessions", Person),
    ("POST", "/my/me/sessions/end", Person),
    // 单位.
    ("GET", "/unit", Clerk),
    ("GET", "/unit/roster", Clerk),
    ("POST", "/unit/roster", Clerk),
    ("GET", "/unit/roster/template.xlsx", Clerk),
    ("GET", "/unit/roster/last.xlsx", Clerk),
    ("POST", "/unit/roster/mend", Clerk),
    ("POST", "/unit/roster/marked.xlsx", Clerk),
    ("GET", "/unit/roster/{roster}", Clerk),
    ("POST", "/unit/roster/register", Clerk),
    ("GET", "/unit/pay", Clerk),
    ("GET", "/unit/arrivals", Clerk),
    ("GET", "/unit/arrivals/{remittance}", Clerk),
    ("GET", "/unit/arrivals/{remittance}/live", Clerk),
    // 柜面.
    ("GET", "/desk", STAFF),
    ("GET", "/desk/tasks", CASES),
    ("GET", "/desk/tasks/next", CASES),
    ("GET", "/desk/cases/{case}", CASES),
    ("POST", "/desk/cases/{case}/check", REVIEWERS),
    ("GET", "/desk/identify", TELLERS),
    ("POST", "/desk/identify", TELLERS),
    ("GET", "/desk/people/{person}", CASES),
    ("POST", "/desk/people/{person}/reveal", TELLERS),
    ("POST", "/desk/search", STAFF),
    ("GET", "/desk/keys", STAFF),
    ("GET", "/desk/styleguide", STAFF),
    ("GET", "/desk/suspense", BOOKS),
    ("POST", "/desk/suspense/{id}/claim", ACCOUNTANTS),
    ("POST", "/desk/suspense/{id}/check", ACCOUNTANTS),
    ("GET", "/desk/books/trial-balance", BOOKS),
    ("GET", "/desk/books/trial-balance.csv", BOOKS),
    ("GET", "/desk/books/close", BOOKS),
    ("POST", "/desk/books/close/propose", ACCOUNTANTS),
    ("POST", "/desk/books/close/confirm", ACCOUNTANTS),
];

/// Who may open this route; nobody where it is not in the table.
#[must_use]
pub fn who(method: &Method, route: &str) -> Option<Who> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    TABLE
        .iter()
        .find(|(known, path, _)| *known == method && *path == route)
        .map(|(_, _, who)| *who)
}

/// The layer of all page routes: finds the session, asks the table, hands session and staff on.
pub(crate) async fn gate(
    State(portal): State<Portal>,
    visit: Visit,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    if route.is_empty() {
        return next.run(request).await;
    }
    let Some(who) = who(request.method(), route) else {
        tracing::error!(route, method = %request.method(), "a page route is not in the table of who may open it");
        return PageError::NotFound.into_response();
    };
    if who == Anyone {
        return next.run(request).await;
    }
    match admit(&portal, &visit, who).await {
        Ok((session, staff)) => {
            request.extensions_mut().insert(session);
            if let Some(staff) = staff {
                request.extensions_mut().insert(staff);
            }
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(
    portal: &Portal,
    visit: &Visit,
    who: Who,
) -> Result<(Session, Option<Staff>), PageError> {
    let office = &portal.engine.office;
    let token = visit.session.as_deref().ok_or(PageError::LogIn)?;
    let session = session::find(office, token)
        .await?
        .ok_or(PageError::LogIn)?;
    match who {
        Anyone => Ok((session, None)),
        Person if session.audience == audience::PERSON => Ok((session, None)),
        Clerk if session.audience == audience::CLERK => Ok((session, None)),
        Who::Staff(roles) if session.audience == audience::STAFF => {
            let staff = staff::get(office, session.subject_id)
                .await?
                .ok_or(PageError::LogIn)?;
            if roles.is_empty() || roles.iter().any(|role| staff.is(role)) {
                Ok((session, Some(staff)))
            } else {
                Err(PageError::Forbidden(format!(
                    "这一页由{}办理。",
                    roles
                        .iter()
                        .map(|role| role_name(role))
                        .collect::<Vec<_>>()
                        .join("、")
                )))
            }
        }
        // A session of another kind: that log-in page is not his.
        _ => Err(PageError::LogIn),
    }
}

/// A role in words.
#[must_use]
pub fn role_name(role: &str) -> &'static str {
    match role {
        role::TELLER => "柜员",
        role::REVIEWER => "复核员",
        role::ACCOUNTANT => "会计",
        role::CHIEF_ACCOUNTANT => "会计主管",
        role::AUDITOR => "审计",
        role::POLICY_OFFICER => "政策岗",
        role::SERVICE_MANAGER => "服务管理岗",
        _ => "系统管理员",
    }
}

/// The person of the session.
#[derive(Debug, Clone)]
pub struct Me {
    /// The session.
    pub session: Session,
    /// The person.
    pub person_id: i64,
}

/// The clerk of the session and his employer.
#[derive(Debug, Clone)]
pub struct AtUnit {
    /// The session.
    pub session: Session,
    /// The clerk.
    pub clerk_id: i64,
    /// The employer.
    pub employer_id: i64,
}

/// The member of staff of the session.
#[derive(Debug, Clone)]
pub struct AtDesk {
    /// The session.
    pub session: Session,
    /// Who.
    pub staff: Staff,
}

fn session_of(parts: &Parts) -> Result<Session, Response> {
    parts.extensions.get::<Session>().cloned().ok_or_else(|| {
        tracing::error!(path = %parts.uri.path(), "a handler wants a session on a route that admits anyone");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Me, Response> {
        let session = session_of(parts)?;
        Ok(Me {
            person_id: session.subject_id,
            session,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AtUnit {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AtUnit, Response> {
        let session = session_of(parts)?;
        Ok(AtUnit {
            clerk_id: session.subject_id,
            employer_id: session
                .employer_id
                .ok_or_else(|| PageError::LogIn.into_response())?,
            session,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AtDesk {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AtDesk, Response> {
        let session = session_of(parts)?;
        let staff = parts
            .extensions
            .get::<Staff>()
            .cloned()
            .ok_or_else(|| PageError::LogIn.into_response())?;
        Ok(AtDesk { session, staff })
    }
}
