//! 没有交上来的表单: what was typed into a form whose session had ended meanwhile. It is given back once, on the page of that form, after the same
//! person has logged in again at the same browser; it is never sent for him. Invariant: kept in memory for half an hour and never written down;
//! bounded in number and bytes; no code, password or file is kept, and nothing of it stands in an address: the browser carries a random name.

mod refill;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anju_casework::session::{self, Session, audience};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::authorization::{TABLE, Who};
use crate::look::cookie;
use crate::pages::error::{PageError, log_in_of};
use crate::security::{FIELD, LONGEST_FORM, Visit};
use crate::serve::Portal;

/// The cookie with the name of what is kept for this browser.
const COOKIE: &str = "anju_unsent";
const LIFE: Duration = Duration::from_secs(30 * 60);
const MOST_FORMS: usize = 2_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// A page of ours is far smaller.
pub(crate) const LONGEST_PAGE: usize = 8 * 1024 * 1024;

/// Whose form it was, and who stood at his window: what a teller typed for one customer never turns up before another.
#[derive(PartialEq, Eq)]
struct Owner {
    audience: i16,
    subject_id: i64,
    /// Of the holder of a licence, who is a new subject at each log-in: whose licence.
    uscc: Option<String>,
    served_person: Option<i64>,
    served_employer: Option<i64>,
}

impl Owner {
    fn of(session: &Session) -> Owner {
        let is_holder = session.audience == audience::HOLDER;
        Owner {
            audience: session.audience,
            subject_id: if is_holder { 0 } else { session.subject_id },
            uscc: session.uscc.clone().filter(|_| is_holder),
            served_person: session.served_person,
            served_employer: session.served_employer,
        }
    }
}

/// A form that was not taken.
struct Unsent {
    owner: Owner,
    /// Path of the page on which the form stands.
    page: String,
    /// Where the form is sent.
    action: String,
    /// What stood in its fields, in their order.
    fields: Vec<(String, String)>,
    /// Its page cannot be opened: the way begins again at the first page of the matter.
    is_first: bool,
    /// A file was chosen, which no browser lets us give back.
    had_file: bool,
}

impl Unsent {
    fn bytes(&self) -> usize {
        let fields = self.fields.iter();
        fields.map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// All forms of this process that wait for their owners.
#[derive(Default)]
pub(crate) struct Forms(Mutex<HashMap<String, (Instant, Unsent)>>);

impl Forms {
    /// Keeps a form that came now or a moment ago, and names it; older ones make room.
    fn keep(&self, form: Unsent, came: Instant) -> String {
        let name = hex::encode(anju_vault::random::<16>());
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.retain(|_, (since, _)| came.saturating_duration_since(*since) < LIFE);
        let held = |forms: &HashMap<String, (Instant, Unsent)>| -> usize {
            forms.values().map(|(_, form)| form.bytes()).sum()
        };
        while forms.len() >= MOST_FORMS || held(&forms) + form.bytes() > MOST_BYTES {
            let oldest = forms.iter().min_by_key(|(_, (since, _))| *since);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            forms.remove(&oldest);
        }
        forms.insert(name.clone(), (came, form));
        name
    }

    /// The form of this name, once, where it is this owner's and stands on this page.
    fn take(
        &self,
        name: &str,
        owner: &Owner,
        page: &str,
        now: Instant,
    ) -> Option<(Instant, Unsent)> {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_his = |(since, form): &(Instant, Unsent)| {
            now.duration_since(*since) < LIFE && form.owner == *owner && form.page == page
        };
        if !forms.get(name).is_some_and(is_his) {
            return None;
        }
        forms.remove(name)
    }
}

/// Answers a form that came after its session had ended: it is kept, and the page says where the way goes on. Who never had a session is asked to
/// log in like anybody.
pub(crate) async fn keep(portal: &Portal, visit: &Visit, request: Request) -> Response {
    match kept(portal, visit, request).await {
        Ok(answer) => answer,
        Err(error) => error.into_response(),
    }
}

async fn kept(portal: &Portal, visit: &Visit, request: Request) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let token = visit.session.as_deref().ok_or(PageError::LogIn)?;
    let session = session::ended(office, token)
        .await?
        .ok_or(PageError::LogIn)?;
    let action = request.uri().path().to_owned();
    let (page, is_first) = page_of(request.headers(), &action).ok_or(PageError::LogIn)?;
    let (fields, had_file) = fields_of(request).await.ok_or(PageError::LogIn)?;
    let path = page.split('?').next().unwrap_or_default().to_owned();
    let owner = Owner::of(&session);
    let log_in = match (owner.audience, owner.served_employer, owner.served_person) {
        (audience::STAFF, Some(_), _) => log_in_of("/desk/employers"),
        (audience::STAFF, None, Some(_)) => log_in_of("/desk/identify"),
        _ => log_in_of(&page),
    };
    let at_window = owner.served_employer.is_some() || owner.served_person.is_some();
    let form = Unsent {
        owner,
        page: path,
        action,
        fields,
        is_first,
        had_file,
    };
    let name = portal.unsent.keep(form, Instant::now());
    let next = match (at_window, is_first) {
        (true, _) => "登录后请再核对一次来办的人，回到这一步，填的内容还在。",
        (false, false) => "登录后会回到这一步，填的内容还在。",
        (false, true) => "登录后从这件事的第一页开始，填过的内容还能用的会带上。",
    };
    let file = if had_file {
        "选的文件不会留下，请重新选一次。"
    } else {
        ""
    };
    let error = PageError::LogInAgain {
        next: format!("{next}{file}"),
        log_in,
    };
    Ok(with_cookie(portal, error.into_response(), &name, LIFE))
}

fn with_cookie(portal: &Portal, mut answer: Response, name: &str, life: Duration) -> Response {
    let seconds = u32::try_from(life.as_secs()).unwrap_or(u32::MAX);
    let value = portal.shield.short_cookie(COOKIE, name, seconds);
    let value = HeaderValue::from_str(&value).expect("hexadecimal is a valid header");
    answer.headers_mut().append(header::SET_COOKIE, value);
    answer
}

/// The page on which a form stands, with its query: the one that it came from, else the one at its own address; else, as a later step, the first
/// page of the matter above it, which is told.
fn page_of(headers: &HeaderMap, action: &str) -> Option<(String, bool)> {
    let place = |path: &str| path.split('/').nth(1).map(str::to_owned);
    let from = headers
        .get(header::REFERER)
        .and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
    if let Some(from) = from.filter(|from| place(from.path()) == place(action))
        && opens(from.path())
    {
        let page = from.path_and_query().map(ToString::to_string);
        return page.map(|page| (page, false));
    }
    if opens(action) {
        return Some((action.to_owned(), false));
    }
    let mut above = action;
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        if opens(above) {
            return Some((above.to_owned(), true));
        }
    }
    None
}

/// Whether a page of those who log in can be opened at this path.
fn opens(path: &str) -> bool {
    let is_at = |route: &str| {
        let mut parts = route.split('/').zip(path.split('/'));
        route.split('/').count() == path.split('/').count()
            && parts.all(|(part, own)| part == own || part.starts_with('{') && !own.is_empty())
    };
    TABLE
        .iter()
        .any(|(method, route, who)| *method == "GET" && *who != Who::Anyone && is_at(route))
}

/// What was typed; and whether a file was chosen.
async fn fields_of(request: Request) -> Option<(Vec<(String, String)>, bool)> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_upload = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut had_file = false;
    if is_upload {
        let mut parts = Multipart::from_request(request, &()).await.ok()?;
        let mut held = 0;
        while let Some(part) = parts.next_field().await.ok()? {
            let name = part.name().unwrap_or_default().to_owned();
            if let Some(file) = part.file_name() {
                had_file |= !file.is_empty();
                continue;
            }
            let value = part.text().await.ok()?;
            held += value.len();
            if held > LONGEST_FORM {
                break;
            }
            fields.push((name, value));
        }
    } else {
        let form = axum::Form::<Vec<(String, String)>>::from_request(request, &()).await;
        fields = form.ok()?.0;
    }
    fields.retain(|(name, _)| !matches!(name.as_str(), FIELD | "key" | "code" | "password"));
    Some((fields, had_file))
}

/// What waits for whoever opens a page, and since when.
pub(crate) struct Waiting(Instant, Unsent);

/// What this browser has kept for the page that is opened in this session.
pub(crate) fn of(portal: &Portal, request: &Request, session: &Session) -> Option<Waiting> {
    if request.method() != Method::GET {
        return None;
    }
    let name = cookie(request.headers(), COOKIE)?;
    let page = request.uri().path();
    let form = portal
        .unsent
        .take(name, &Owner::of(session), page, Instant::now());
    form.map(|(since, form)| Waiting(since, form))
}

/// The page with what was typed in its form. One that cannot be drawn keeps the form for the next try.
pub(crate) async fn refill(
    portal: &Portal,
    waiting: Option<Waiting>,
    answer: Response,
) -> Response {
    let Some(Waiting(since, form)) = waiting else {
        return answer;
    };
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !answer.status().is_success() || !is_page {
        let name = portal.unsent.keep(form, since);
        return with_cookie(portal, answer, &name, LIFE);
    }
    let (mut parts, body) = answer.into_parts();
    let page = match to_bytes(body, LONGEST_PAGE).await {
        Ok(page) => page,
        Err(error) => return PageError::failed(&error).into_response(),
    };
    let page = refill::filled(&String::from_utf8_lossy(&page), &form);
    parts.headers.remove(header::CONTENT_LENGTH);
    let answer = Response::from_parts(parts, Body::from(page));
    with_cookie(portal, answer, "", Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(subject_id: i64, bytes: usize) -> Unsent {
        Unsent {
            owner: owner(subject_id),
            page: "/my/report".into(),
            action: "/my/report".into(),
            fields: vec![("note".into(), "x".repeat(bytes))],
            is_first: false,
            had_file: false,
        }
    }

    fn owner(subject_id: i64) -> Owner {
        Owner {
            audience: audience::PERSON,
            subject_id,
            uscc: None,
            served_person: None,
            served_employer: None,
        }
    }

    #[test]
    fn a_form_is_given_back_once_to_its_owner_on_its_page_within_half_an_hour() {
        let forms = Forms::default();
        let start = Instant::now();
        let name = forms.keep(form(7, 10), start);
        let take = |who, page, now| forms.take(&name, &owner(who), page, now).is_some();
        assert!(!take(8, "/my/report", start));
        assert!(!take(7, "/my/me", start));
        assert!(!take(7, "/my/report", start + LIFE));
        assert!(take(7, "/my/report", start));
        assert!(!take(7, "/my/report", start));
    }

    #[test]
    fn the_oldest_forms_make_room() {
        let forms = Forms::default();
        let start = Instant::now();
        let names: Vec<String> = (0..300)
            .map(|at| forms.keep(form(7, LONGEST_FORM), start + Duration::from_millis(at)))
            .collect();
        let has = |name: &str| forms.take(name, &owner(7), "/my/report", start).is_some();
        assert!(!has(&names[0]));
        assert!(has(&names[299]));
    }

    #[test]
    fn a_form_leads_back_to_the_page_it_stands_on() {
        let from = |page: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::REFERER, page.parse().expect("a header"));
            headers
        };
        let own = |headers: &HeaderMap, action: &str| page_of(headers, action);
        assert_eq!(
            own(
                &from("https://anju.test/unit/people?on=2026-11-30"),
                "/unit/people"
            ),
            Some(("/unit/people?on=2026-11-30".into(), false))
        );
        assert_eq!(
            own(&from("https://anju.test/desk"), "/my/report"),
            Some(("/my/report".into(), false))
        );
        let (none, face) = (HeaderMap::new(), "/my/me/change/phone-change/face");
        assert_eq!(
            own(&none, face),
            Some(("/my/me/change/phone-change".into(), true))
        );
    }
}
