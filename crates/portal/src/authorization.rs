//! 授权: one table of routes × who may. Every page route stands in it, or it answers nobody: a forgotten line is found by
//! the first request and by the test that walks over all of it. What one may *see* behind a route is asked by the handler
//! (a person sees his own cases, a clerk his employer's, a reviewer his branch's).

mod admitted;

use anju_casework::session::{self, Session, audience};
use anju_casework::staff::{self, Staff, role};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::inside;
use crate::my::account;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unsent;

pub use admitted::{AtDesk, AtOpening, AtUnit, Me};

/// Who may open a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// A person who is logged in (个人).
    Person,
    /// An employer's clerk who is logged in (单位经办人), or a teller while he serves an employer at the counter (柜面代办).
    Clerk,
    /// A clerk for himself: no teller acts here in his place.
    ClerkAlone,
    /// The holder of a licence whose employer has no account yet.
    Holder,
    /// Staff with one of these roles; with none named, any staff.
    Staff(&'static [&'static str]),
}

use Who::{Anyone, Clerk, ClerkAlone, Holder, Person};

/// Does one of these roles belong to this member of staff? With none named, any staff will do.
fn holds(staff: &Staff, roles: &[&str]) -> bool {
    roles.is_empty() || roles.iter().any(|role| staff.is(role))
}

const TELLERS: Who = Who::Staff(&[role::TELLER, role::REVIEWER]);
const TASKS: Who = Who::Staff(&[role::TELLER, role::REVIEWER, role::AUDITOR]);
const READERS: Who = Who::Staff(&[
    role::TELLER,
    role::REVIEWER,
    role::ACCOUNTANT,
    role::CHIEF_ACCOUNTANT,
    role::AUDITOR,
]);
const REPORTS: Who = Who::Staff(&[
    role::REVIEWER,
    role::ACCOUNTANT,
    role::CHIEF_ACCOUNTANT,
    role::AUDITOR,
]);
const REVIEWERS: Who = Who::Staff(&[role::REVIEWER]);
const BOOKS: Who = Who::Staff(&[role::ACCOUNTANT, role::CHIEF_ACCOUNTANT, role::AUDITOR]);
const ACCOUNTANTS: Who = Who::Staff(&[role::ACCOUNTANT, role::CHIEF_ACCOUNTANT]);
const OPERATORS: Who = Who::Staff(&[role::SYSTEM_ADMIN, role::SERVICE_MANAGER, role::AUDITOR]);
const ADMINS: Who = Who::Staff(&[role::SYSTEM_ADMIN]);
const SOURCES: Who = Who::Staff(&[
    role::SYSTEM_ADMIN,
    role::SERVICE_MANAGER,
    role::REVIEWER,
    role::AUDITOR,
]);
const LEADERS: Who = Who::Staff(&[role::SERVICE_MANAGER, role::POLICY_OFFICER, role::AUDITOR]);
const SERVICES: Who = Who::Staff(&[
    role::REVIEWER,
    role::SERVICE_MANAGER,
    role::POLICY_OFFICER,
    role::AUDITOR,
]);
const ENTITLED: Who = Who::Staff(&[
    role::TELLER,
    role::REVIEWER,
    role::SERVICE_MANAGER,
    role::POLICY_OFFICER,
    role::AUDITOR,
]);
const ARREARS: Who = Who::Staff(&[role::COLLECTOR, role::AUDITOR]);
const COLLECTORS: Who = Who::Staff(&[role::COLLECTOR]);
const POLICY_READERS: Who = Who::Staff(&[role::POLICY_OFFICER, role::AUDITOR]);
const POLICY_OFFICERS: Who = Who::Staff(&[role::POLICY_OFFICER]);
const STAFF: Who = Who::Staff(&[]);

/// The table. Methods are those that the route answers; HEAD goes with GET.
pub const TABLE: &[(&str, &str, Who)] = &[
    // Public.
    ("GET", "/", Anyone),
    ("GET", "/guides", Anyone),
    ("GET", "/guides/{service}", Anyone),
    ("GET", "/outlets", Anyone),
    ("GET", "/speed", Anyone),
    ("GET", "/accessibility", Anyone),
    ("GET", "/privacy", Anyone),
    ("GET", "/policy/{service}", Anyone),
    ("GET", "/verify", Anyone),
    ("GET", "/verify-document", Anyone),
    ("POST", "/verify-document", Anyone),
    ("GET", "/verify-document/proof.json", Anyone),
    ("GET", "/verify-document/seal.pem", Anyone),
    ("GET", "/settings", Anyone),
    ("POST", "/look", Anyone),
    ("GET", "/login", Anyone),
    ("POST", "/login", Anyone),
    ("POST", "/login/code", Anyone),
    ("GET", "/login/unit", Anyone),
    ("POST", "/login/unit", Anyone),
    ("POST", "/login/unit/code", Anyone),
    ("GET", "/login/licence", Anyone),
    ("GET", "/login/licence/return", Anyone),
    ("GET", "/login/staff", Anyone),
    ("POST", "/login/staff", Anyone),
    ("POST", "/logout", Anyone),
    // 个人.
    ("GET", "/my", Person),
    ("GET", "/my/withdraw", Person),
    ("POST", "/my/withdraw/watch", Person),
    ("GET", "/my/transfer", Person),
    ("POST", "/my/transfer", Person),
    ("GET", "/my/do/{service}", Person),
    ("POST", "/my/do/{service}", Person),
    ("GET", "/my/do/{service}/why", Person),
    ("POST", "/my/do/{service}/face", Person),
    ("GET", "/my/cases", Person),
    ("GET", "/my/cases/{case}", Person),
    ("GET", "/my/cases/{case}/live", Person),
    ("GET", "/my/cases/{case}/why", Person),
    ("GET", "/my/cases/{case}/receipt", Person),
    ("GET", "/my/cases/{case}/receipt.pdf", Person),
    ("GET", "/my/cases/{case}/proof.json", Person),
    ("GET", "/my/cases/{case}/withdraw", Person),
    ("POST", "/my/cases/{case}/withdraw", Person),
    ("GET", "/my/agreements", Person),
    ("GET", "/my/cases/{case}/shares/{place}", Person),
    ("POST", "/my/cases/{case}/shares/{place}", Person),
    ("POST", "/my/cases/{case}/shares/{place}/face", Person),
    ("GET", "/my/cases/{case}/papers", Person),
    ("POST", "/my/cases/{case}/papers", Person),
    ("GET", "/my/cases/{case}/papers/{paper}/picture", Person),
    ("GET", "/my/flexible", Person),
    ("GET", "/my/credit", Person),
    ("GET", "/my/account", Person),
    ("GET", "/my/account.csv", Person),
    ("GET", "/my/years", Person),
    ("GET", "/my/statement/{year}", Person),
    ("GET", "/my/statement/{year}/paper.pdf", Person),
    ("GET", "/my/subsidy-statement/{year}", Person),
    ("GET", "/my/subsidy-statement/{year}/paper.pdf", Person),
    ("GET", "/my/papers", Person),
    ("POST", "/my/papers", Person),
    ("POST", "/my/papers/code", Person),
    ("POST", "/my/papers/revoke", Person),
    ("GET", "/my/papers/{paper}/paper.pdf", Person),
    ("GET", "/my/report", Person),
    ("POST", "/my/report", Person),
    ("GET", "/my/estates", Person),
    ("GET", "/my/estates/{case}", Person),
    ("POST", "/my/estates/{case}", Person),
    ("POST", "/my/estates/{case}/face", Person),
    ("GET", "/my/standing", Person),
    ("POST", "/my/standing", Person),
    ("GET", "/my/standing/{entry}/proof.json", Person),
    ("GET", "/my/messages", Person),
    ("GET", "/my/me", Person),
    ("GET", "/my/me/access", Person),
    ("GET", "/my/me/change/{service}", Person),
    ("POST", "/my/me/change/{service}", Person),
    ("POST", "/my/me/change/{service}/face", Person),
    ("GET", "/my/me/changes", Person),
    ("GET", "/my/me/proofs", Person),
    ("GET", "/my/me/proofs/{remittance}/proof.json", Person),
    ("GET", "/my/consents", Person),
    ("POST", "/my/consents", Person),
    ("POST", "/my/consents/dispute", Person),
    ("GET", "/my/me/consents", Person),
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
    ("GET", "/unit/people", Clerk),
    ("POST", "/unit/people", Clerk),
    ("GET", "/unit/people/new", Clerk),
    ("POST", "/unit/people/new", Clerk),
    ("GET", "/unit/people/{account}", Clerk),
    ("POST", "/unit/people/{account}", Clerk),
    ("GET", "/unit/transfer", Clerk),
    ("POST", "/unit/transfer", Clerk),
    ("GET", "/unit/base", Clerk),
    ("POST", "/unit/base", Clerk),
    ("GET", "/unit/base/sheet.xlsx", Clerk),
    ("POST", "/unit/base/apply", Clerk),
    ("GET", "/unit/base/{roster}", Clerk),
    ("POST", "/unit/arrivals/{no}/cancel", Clerk),
    ("GET", "/unit/subsidy", Clerk),
    ("POST", "/unit/subsidy", Clerk),
    ("GET", "/unit/subsidy/sheet.xlsx", Clerk),
    ("GET", "/unit/cards", Clerk),
    ("POST", "/unit/cards", Clerk),
    ("GET", "/unit/ratio", Clerk),
    ("POST", "/unit/ratio", Clerk),
    ("GET", "/unit/notices", Clerk),
    ("POST", "/unit/notices/assumed", Clerk),
    ("GET", "/unit/notices/{notice}", Clerk),
    ("POST", "/unit/notices/{notice}", Clerk),
    ("POST", "/unit/notices/{notice}/pay", Clerk),
    ("GET", "/unit/notices/{notice}/papers/{step}", Clerk),
    ("GET", "/unit/pay", Clerk),
    ("GET", "/unit/debit", Clerk),
    ("POST", "/unit/debit", Clerk),
    ("GET", "/unit/arrivals", Clerk),
    ("GET", "/unit/arrivals/{remittance}", Clerk),
    ("GET", "/unit/arrivals/{remittance}/live", Clerk),
    ("GET", "/unit/arrivals/{remittance}/proof.json", Clerk),
    ("GET", "/unit/papers", Clerk),
    ("POST", "/unit/papers", Clerk),
    ("POST", "/unit/papers/revoke", Clerk),
    ("GET", "/unit/papers/{paper}/paper.pdf", Clerk),
    ("GET", "/unit/cases", Clerk),
    ("GET", "/unit/do/{service}", Clerk),
    ("POST", "/unit/do/{service}", Clerk),
    ("GET", "/unit/cases/{case}", Clerk),
    ("GET", "/unit/cases/{case}/proof.json", Clerk),
    ("POST", "/unit/cases/{case}/withdraw", Clerk),
    ("POST", "/unit/cases/{case}/consent", Clerk),
    ("POST", "/unit/cases/{case}/supplement", Clerk),
    ("POST", "/unit/cases/{case}/resume", Clerk),
    ("POST", "/unit/cases/{case}/make-up", Clerk),
    ("GET", "/unit/open", Holder),
    ("POST", "/unit/open", Holder),
    ("GET", "/unit/employer", Clerk),
    ("POST", "/unit/employer", Clerk),
    ("POST", "/unit/employer/clerks", Clerk),
    ("GET", "/unit/sessions", ClerkAlone),
    ("POST", "/unit/sessions/end", ClerkAlone),
    // 柜面.
    ("GET", "/desk", STAFF),
    ("GET", "/desk/tasks", TASKS),
    ("GET", "/desk/tasks/next", TASKS),
    ("GET", "/desk/cases/{case}", READERS),
    ("GET", "/desk/cases/{case}/proof.json", READERS),
    ("POST", "/desk/cases/{case}/check", REVIEWERS),
    ("POST", "/desk/cases/{case}/papers", TELLERS),
    ("GET", "/desk/papers", TASKS),
    ("GET", "/desk/papers/{paper}", TASKS),
    ("POST", "/desk/papers/{paper}", TELLERS),
    ("GET", "/desk/papers/{paper}/picture", TASKS),
    ("GET", "/desk/corrections", BOOKS),
    ("POST", "/desk/corrections", ACCOUNTANTS),
    ("POST", "/desk/corrections/{id}/check", ACCOUNTANTS),
    ("GET", "/desk/agreements", READERS),
    ("GET", "/desk/relief", REPORTS),
    ("GET", "/desk/relief/list", REPORTS),
    ("GET", "/desk/credit", REPORTS),
    ("GET", "/desk/credit/list", REPORTS),
    ("GET", "/desk/identify", TELLERS),
    ("POST", "/desk/identify", TELLERS),
    ("GET", "/desk/do/{service}", TELLERS),
    ("POST", "/desk/do/{service}", TELLERS),
    ("GET", "/desk/do/{service}/why", TELLERS),
    ("GET", "/desk/employers/open", TELLERS),
    ("POST", "/desk/employers/open", TELLERS),
    ("GET", "/desk/employers", TELLERS),
    ("POST", "/desk/employers", TELLERS),
    ("POST", "/desk/employers/serve", TELLERS),
    ("POST", "/desk/leave", TELLERS),
    ("GET", "/desk/people/{person}", READERS),
    ("POST", "/desk/people/{person}/serve", TELLERS),
    ("POST", "/desk/people/{person}/hold", TELLERS),
    ("POST", "/desk/people/{person}/reveal", TELLERS),
    ("POST", "/desk/search", STAFF),
    ("GET", "/desk/sessions", STAFF),
    ("POST", "/desk/sessions/end", STAFF),
    ("GET", "/desk/keys", STAFF),
    ("GET", "/desk/styleguide", STAFF),
    ("GET", "/desk/ops", OPERATORS),
    ("GET", "/desk/sources", SOURCES),
    ("GET", "/desk/sources/{source}", SOURCES),
    ("POST", "/desk/sources/{source}/files/{file}", ADMINS),
    ("GET", "/desk/deaths", TASKS),
    ("POST", "/desk/deaths", REVIEWERS),
    ("GET", "/desk/holds", TASKS),
    ("GET", "/desk/holds/{case}", TASKS),
    ("POST", "/desk/holds/{case}", REVIEWERS),
    ("GET", "/desk/blacklist", TASKS),
    ("POST", "/desk/blacklist", REVIEWERS),
    ("GET", "/desk/blacklist.csv", TASKS),
    ("GET", "/desk/blacklist/{entry}", TASKS),
    ("POST", "/desk/blacklist/{entry}", REVIEWERS),
    ("POST", "/desk/blacklist/{entry}/answer", REVIEWERS),
    ("GET", "/desk/blacklist/{entry}/proof.json", TASKS),
    ("GET", "/desk/recoveries", TASKS),
    ("GET", "/desk/recoveries/{case}", TASKS),
    ("POST", "/desk/recoveries/{case}", REVIEWERS),
    ("GET", "/desk/estates", TASKS),
    ("POST", "/desk/estates", TELLERS),
    ("POST", "/desk/estates/{notice}", TELLERS),
    ("GET", "/desk/cases/{case}/shares/{place}", TELLERS),
    ("POST", "/desk/cases/{case}/shares/{place}", TELLERS),
    ("GET", "/desk/transfers", TASKS),
    ("GET", "/desk/transfers/{case}", TASKS),
    ("POST", "/desk/transfers/{case}/propose", TELLERS),
    ("POST", "/desk/transfers/{case}/confirm", TELLERS),
    ("GET", "/desk/environment", LEADERS),
    ("GET", "/desk/entitled", ENTITLED),
    ("GET", "/desk/services", SERVICES),
    ("GET", "/desk/services.csv", SERVICES),
    ("GET", "/desk/services.xlsx", SERVICES),
    ("GET", "/desk/services/list", SERVICES),
    ("GET", "/desk/policy", POLICY_READERS),
    ("POST", "/desk/policy", POLICY_OFFICERS),
    ("GET", "/desk/policy/{change}", POLICY_READERS),
    ("POST", "/desk/policy/{change}/row", POLICY_OFFICERS),
    ("POST", "/desk/policy/{change}/file", POLICY_OFFICERS),
    ("POST", "/desk/policy/{change}/step", POLICY_OFFICERS),
    (
        "GET",
        "/desk/policy/{change}/steps/{seq}/proof.json",
        POLICY_READERS,
    ),
    ("GET", "/desk/policy/{change}/simulation", POLICY_READERS),
    ("GET", "/desk/policy/{change}/people", POLICY_READERS),
    ("GET", "/desk/policy/{change}/people.csv", POLICY_READERS),
    ("GET", "/desk/policy/{change}/people.xlsx", POLICY_READERS),
    ("GET", "/desk/policy/{change}/notice.pdf", POLICY_READERS),
    (
        "GET",
        "/desk/policy/{change}/people/{person}",
        POLICY_READERS,
    ),
    ("GET", "/desk/policy/{change}/notice", POLICY_READERS),
    ("POST", "/desk/policy/{change}/notice", POLICY_OFFICERS),
    ("GET", "/desk/arrears", ARREARS),
    ("GET", "/desk/arrears/{employer}", ARREARS),
    ("GET", "/desk/court", TASKS),
    ("GET", "/desk/court/new", TELLERS),
    ("POST", "/desk/court/new", TELLERS),
    ("GET", "/desk/court/{number}", TASKS),
    ("POST", "/desk/court/{number}/check", REVIEWERS),
    ("GET", "/desk/court/{number}/receipt.pdf", TASKS),
    ("GET", "/desk/court/{number}/proof.json", TASKS),
    ("GET", "/desk/enforcement", ARREARS),
    ("GET", "/desk/enforcement/{number}", ARREARS),
    ("POST", "/desk/enforcement/{number}", COLLECTORS),
    ("POST", "/desk/enforcement/{number}/check", COLLECTORS),
    ("GET", "/desk/enforcement/{number}/papers/{step}", ARREARS),
    ("GET", "/desk/suspense", BOOKS),
    ("GET", "/desk/suspense/old", BOOKS),
    ("POST", "/desk/suspense/old", ACCOUNTANTS),
    ("GET", "/desk/suspense/closed", BOOKS),
    ("POST", "/desk/suspense/closed/{id}", ACCOUNTANTS),
    ("POST", "/desk/suspense/{id}/claim", ACCOUNTANTS),
    ("POST", "/desk/suspense/{id}/check", ACCOUNTANTS),
    ("GET", "/desk/branches", REPORTS),
    ("POST", "/desk/branches", ACCOUNTANTS),
    ("POST", "/desk/branches/{id}/check", ACCOUNTANTS),
    ("GET", "/desk/books/trial-balance", BOOKS),
    ("GET", "/desk/books/trial-balance.csv", BOOKS),
    ("GET", "/desk/books/subject", BOOKS),
    ("GET", "/desk/books/journals", BOOKS),
    ("GET", "/desk/books/close", BOOKS),
    ("GET", "/desk/books/close/{date}/proof.json", BOOKS),
    ("POST", "/desk/books/close/propose", ACCOUNTANTS),
    ("POST", "/desk/books/close/confirm", ACCOUNTANTS),
    ("GET", "/desk/flexible", BOOKS),
    ("POST", "/desk/flexible", ACCOUNTANTS),
    ("GET", "/desk/books/interest", BOOKS),
    ("POST", "/desk/books/interest", ACCOUNTANTS),
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

/// May this member of staff open this route? What a page offers is asked of the same table that lets him in.
#[must_use]
pub(crate) fn may(staff: &Staff, method: &Method, route: &str) -> bool {
    matches!(who(method, route), Some(Who::Staff(roles)) if holds(staff, roles))
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
        inside::note(&portal, &visit, &mut request).await;
        return next.run(request).await;
    }
    let admitted = match (who, route) {
        // The page that is asked for most is read together with its session.
        (Person, account::ROUTE) => account::admit(&portal, &visit, &mut request).await,
        _ => admit(&portal, &visit, who).await,
    };
    match admitted {
        Ok((session, staff)) => {
            let waiting = unsent::of(&portal, &request, &session);
            request.extensions_mut().insert(session);
            if let Some(staff) = staff {
                request.extensions_mut().insert(staff);
            }
            unsent::refill(&portal, waiting, next.run(request).await).await
        }
        Err(PageError::LogIn) if request.method() == Method::POST => {
            unsent::keep(&portal, &visit, request).await
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
        Clerk | ClerkAlone if session.audience == audience::CLERK => Ok((session, None)),
        Clerk if session.audience == audience::STAFF && session.served_employer.is_some() => {
            let staff = staff::get(office, session.subject_id)
                .await?
                .filter(|staff| matches!(TELLERS, Who::Staff(roles) if holds(staff, roles)))
                .ok_or(PageError::LogIn)?;
            Ok((session, Some(staff)))
        }
        Holder if session.audience == audience::HOLDER => Ok((session, None)),
        // There is one thing that he can do here.
        Clerk | ClerkAlone if session.audience == audience::HOLDER => Err(PageError::OpenFirst),
        Who::Staff(roles) if session.audience == audience::STAFF => {
            let staff = staff::get(office, session.subject_id)
                .await?
                .ok_or(PageError::LogIn)?;
            if holds(&staff, roles) {
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
        role::COLLECTOR => "执法人员",
        role::AUDITOR => "审计",
        role::POLICY_OFFICER => "政策岗",
        role::SERVICE_MANAGER => "服务管理岗",
        _ => "系统管理员",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `.route("path", get(…).post(…))` that stands in the sources of the page handlers.
    fn mounted() -> BTreeSet<(String, String)> {
        let sources = [
            include_str!("serve.rs"),
            include_str!("site.rs"),
            include_str!("my/mod.rs"),
            include_str!("unit/mod.rs"),
            include_str!("desk/mod.rs"),
        ];
        let mut found = BTreeSet::new();
        for source in sources {
            for call in source.split(".route(").skip(1) {
                let path = call.split('"').nth(1).expect("a path").to_owned();
                let mut depth = 1;
                let arguments: String = call
                    .chars()
                    .take_while(|c| {
                        depth += match c {
                            '(' => 1,
                            ')' => -1,
                            _ => 0,
                        };
                        depth > 0
                    })
                    .collect();
                for (word, method) in [("get(", "GET"), ("post(", "POST")] {
                    if arguments.contains(word) {
                        found.insert((method.to_owned(), path.clone()));
                    }
                }
            }
        }
        found
    }

    #[test]
    fn every_route_stands_in_the_table_and_every_line_of_the_table_is_a_route() {
        let table: BTreeSet<(String, String)> = TABLE
            .iter()
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        assert_eq!(
            table.len(),
            TABLE.len(),
            "a route stands twice in the table"
        );
        let mounted = mounted();
        let missing: Vec<_> = mounted.difference(&table).collect();
        let stale: Vec<_> = table.difference(&mounted).collect();
        assert!(missing.is_empty(), "not in the table: {missing:?}");
        assert!(stale.is_empty(), "not mounted: {stale:?}");
    }

    #[test]
    fn a_place_is_open_to_its_own_kind_alone() {
        for (_, path, who) in TABLE {
            match path.split('/').nth(1) {
                Some("my") => assert_eq!(*who, Person, "{path}"),
                Some("unit") => assert!(matches!(who, Clerk | ClerkAlone | Holder), "{path}"),
                Some("desk") => assert!(matches!(who, Who::Staff(_)), "{path}"),
                _ => assert_eq!(*who, Anyone, "{path}"),
            }
        }
    }

    #[test]
    fn only_accountants_close_a_day_and_only_reviewers_decide_a_case() {
        let roles = |method: &Method, path| match who(method, path) {
            Some(Who::Staff(roles)) => roles,
            other => panic!("{path} is open to {other:?}"),
        };
        for path in [
            "/desk/books/close/propose",
            "/desk/books/close/confirm",
            "/desk/suspense/{id}/claim",
            "/desk/suspense/{id}/check",
        ] {
            assert_eq!(
                roles(&Method::POST, path),
                [role::ACCOUNTANT, role::CHIEF_ACCOUNTANT]
            );
        }
        assert_eq!(
            roles(&Method::POST, "/desk/cases/{case}/check"),
            [role::REVIEWER]
        );
        assert_eq!(who(&Method::GET, "/desk/books/close/propose"), None);
        assert_eq!(who(&Method::HEAD, "/my"), Some(Person));
    }
}
