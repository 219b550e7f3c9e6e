//! 已登录: who reads a public page while he is logged in, so that it shows the way to his own pages and offers no log-in.

use anju_casework::session::{self, Session, audience};
use anju_casework::{Office, Result, employer, person, staff};
use anju_domain::name::mask;
use axum::extract::Request;
use axum::http::Method;

use crate::security::Visit;
use crate::serve::Portal;

/// Who is logged in, as a page that anyone may read says it.
#[derive(Debug, Clone)]
pub struct Inside {
    /// 李*; 工号 3021.
    pub name: String,
    /// 我的, 单位, 柜面: the pages that are his.
    pub pages: &'static str,
    /// Their front page.
    pub href: &'static str,
}

/// Tells a public page who is logged in. A page that anyone may read does not fail because that cannot be told.
pub(crate) async fn note(portal: &Portal, visit: &Visit, request: &mut Request) {
    let Some(token) = visit
        .session
        .as_deref()
        .filter(|_| request.method() == Method::GET)
    else {
        return;
    };
    let office = &portal.engine.office;
    let found = match session::find(office, token).await {
        Ok(Some(session)) => of(office, &session).await,
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match found {
        Ok(inside) => {
            let visit = Visit {
                inside,
                ..visit.clone()
            };
            request.extensions_mut().insert(visit);
        }
        Err(error) => tracing::warn!(%error, "who is logged in could not be told"),
    }
}

async fn of(office: &Office, session: &Session) -> Result<Option<Inside>> {
    let told = |name: String, pages, href| Inside { name, pages, href };
    Ok(match session.audience {
        audience::PERSON => person::get(office, session.subject_id)
            .await?
            .map(|person| told(person.name.masked(), "我的", "/my")),
        audience::CLERK => employer::clerk(office, session.subject_id)
            .await?
            .map(|clerk| told(mask(&clerk.name), "单位", "/unit")),
        audience::STAFF => staff::get(office, session.subject_id)
            .await?
            .map(|staff| told(format!("工号 {}", staff.number), "柜面", "/desk")),
        _ => Some(told("已登录".to_owned(), "单位开户", "/unit/open")),
    })
}
