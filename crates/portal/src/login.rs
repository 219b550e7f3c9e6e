//! 登录: handlers of the log-in pages. Invariant: nothing on these pages tells whether an ID number, an employer or a phone is
//! known here; an unknown one is answered exactly like a known one, and no code is sent.

use anju_casework::person;
use anju_casework::session::{self, audience};
use anju_casework::{Error, Office, employer, staff};
use anju_domain::id_number::IdNumber;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::components::Mistake;
use crate::look::local;
use crate::pages::error::PageError;
use crate::pages::login::{LogInPage, Returned};
use crate::security::Visit;
use crate::serve::Portal;

/// Codes of this purpose open a session.
const CODE: &str = "login";

/// How long a browser keeps the cookie. The server ends a session long before; whoever then sends a form is known again by it, so that what he typed
/// can wait for his log-in.
pub(crate) const COOKIE_SECONDS: u32 = 24 * 3600;

/// Where to go after the log-in.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    back: Option<String>,
}

impl Back {
    fn or(&self, home: &str) -> String {
        self.back
            .as_deref()
            .map_or_else(|| home.to_owned(), |back| local(back).to_owned())
    }
}

/// `GET /login`.
pub(crate) async fn employee_page(visit: Visit, Query(back): Query<Back>) -> LogInPage {
    LogInPage::employee(&visit, &back.or("/my"), &Returned::default())
}

/// `GET /login/unit`.
pub(crate) async fn clerk_page(visit: Visit, Query(back): Query<Back>) -> LogInPage {
    LogInPage::clerk(&visit, &back.or("/unit"), &Returned::default())
}

/// `GET /login/staff`.
pub(crate) async fn staff_page(visit: Visit, Query(back): Query<Back>) -> LogInPage {
    LogInPage::staff(&visit, &back.or("/desk"), &Returned::default())
}

/// Who a code was sent for; sealed into the second form, so that it can neither be read nor made up.
#[derive(Serialize, Deserialize)]
struct Challenge {
    audience: i16,
    /// 0 where nobody is meant.
    subject_id: i64,
    employer_id: Option<i64>,
    /// The phone that the code went to; empty where it went nowhere.
    phone: String,
    until: i64,
}

impl Challenge {
    const SEAL: &str = "login-challenge";

    fn new(
        office: &Office,
        audience: i16,
        found: Option<(i64, &Phone)>,
        employer_id: Option<i64>,
    ) -> Challenge {
        Challenge {
            audience,
            subject_id: found.map_or(0, |(subject_id, _)| subject_id),
            employer_id,
            phone: found.map_or_else(String::new, |(_, phone)| phone.expose().to_owned()),
            until: (office.now() + TimeDelta::minutes(10)).timestamp(),
        }
    }

    fn seal(&self, office: &Office) -> String {
        let plain = serde_json::to_vec(self).expect("numbers become JSON");
        hex::encode(office.vault.seal(Challenge::SEAL, &plain))
    }

    fn open(office: &Office, sealed: &str, audience: i16) -> Option<Challenge> {
        let plain = office
            .vault
            .open(Challenge::SEAL, &hex::decode(sealed).ok()?)
            .ok()?;
        let challenge: Challenge = serde_json::from_slice(&plain).ok()?;
        (challenge.audience == audience && challenge.until > office.now().timestamp())
            .then_some(challenge)
    }
}

/// The first form of a person.
#[derive(Deserialize)]
pub(crate) struct EmployeeForm {
    id_no: String,
    back: String,
}

/// `POST /login`.
pub(crate) async fn employee(
    State(portal): State<Portal>,
    visit: Visit,
    Form(form): Form<EmployeeForm>,
) -> Result<LogInPage, PageError> {
    let office = &portal.engine.office;
    let back = local(&form.back).to_owned();
    let number = match IdNumber::parse(&form.id_no) {
        Ok(number) => number,
        Err(error) => {
            let returned = Returned {
                typed: vec![("id_no".into(), form.id_no)],
                mistakes: vec![Mistake::at("id_no", error.to_string())],
            };
            return Ok(LogInPage::employee(&visit, &back, &returned));
        }
    };
    let known = person::by_id_number(office, &number)
        .await?
        .and_then(|person| Some((person.person_id, person.phone?)));
    if let Some((_, phone)) = &known {
        send_code(office, phone).await?;
    }
    let found = known.as_ref().map(|(person_id, phone)| (*person_id, phone));
    let challenge = Challenge::new(office, audience::PERSON, found, None).seal(office);
    Ok(LogInPage::employee_code(
        &visit,
        &back,
        &challenge,
        &Returned::default(),
    ))
}

/// The first form of a clerk.
#[derive(Deserialize)]
pub(crate) struct ClerkForm {
    employer: String,
    phone: String,
    back: String,
}

/// `POST /login/unit`.
pub(crate) async fn clerk(
    State(portal): State<Portal>,
    visit: Visit,
    Form(form): Form<ClerkForm>,
) -> Result<LogInPage, PageError> {
    let office = &portal.engine.office;
    let back = local(&form.back).to_owned();
    let phone = match Phone::parse(&form.phone) {
        Ok(phone) => phone,
        Err(error) => {
            let returned = Returned {
                typed: vec![
                    ("employer".into(), form.employer),
                    ("phone".into(), form.phone),
                ],
                mistakes: vec![Mistake::at("phone", error.to_string())],
            };
            return Ok(LogInPage::clerk(&visit, &back, &returned));
        }
    };
    let employer_id = employer_of(office, form.employer.trim()).await?;
    let found = match employer_id {
        Some(employer_id) => employer::clerk_by_phone(office, employer_id, &phone).await?,
        None => None,
    };
    if found.is_some() {
        send_code(office, &phone).await?;
    }
    let challenge = Challenge::new(
        office,
        audience::CLERK,
        found.as_ref().map(|clerk| (clerk.clerk_id, &phone)),
        found.as_ref().map(|clerk| clerk.employer_id),
    );
    Ok(LogInPage::clerk_code(
        &visit,
        &back,
        &challenge.seal(office),
        &Returned::default(),
    ))
}

async fn employer_of(office: &Office, typed: &str) -> Result<Option<i64>, Error> {
    if let Some(employer_id) = office
        .numbers
        .decode(NumberKind::Employer, &typed.to_ascii_uppercase())
    {
        return Ok(Some(employer_id));
    }
    let Ok(uscc) = Uscc::parse(typed) else {
        return Ok(None);
    };
    Ok(employer::by_uscc(office, &uscc)
        .await?
        .map(|employer| employer.employer_id))
}

async fn send_code(office: &Office, phone: &Phone) -> Result<(), PageError> {
    Ok(session::send_code(office, phone, CODE, "登录").await?)
}

/// The second form.
#[derive(Deserialize)]
pub(crate) struct CodeForm {
    code: String,
    challenge: String,
    back: String,
}

/// `POST /login/code`.
pub(crate) async fn employee_code(
    State(portal): State<Portal>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Response, PageError> {
    match take(&portal.engine.office, &form, audience::PERSON).await? {
        Ok(taken) => begin(&portal, &visit, &taken, "L2", &headers, &form.back).await,
        Err(wrong) => {
            let page = LogInPage::employee_code(&visit, local(&form.back), &form.challenge, &wrong);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST /login/unit/code`.
pub(crate) async fn clerk_code(
    State(portal): State<Portal>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Response, PageError> {
    match take(&portal.engine.office, &form, audience::CLERK).await? {
        Ok(taken) => begin(&portal, &visit, &taken, "LE", &headers, &form.back).await,
        Err(wrong) => {
            let page = LogInPage::clerk_code(&visit, local(&form.back), &form.challenge, &wrong);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Whose session begins.
struct Subject {
    audience: i16,
    subject_id: i64,
    employer_id: Option<i64>,
}

/// Takes the code; the words of a wrong one are the same as for a phone that nobody has.
async fn take(
    office: &Office,
    form: &CodeForm,
    audience: i16,
) -> Result<Result<Subject, Returned>, PageError> {
    let meant = Challenge::open(office, &form.challenge, audience)
        .and_then(|one| Some((Phone::parse(&one.phone).ok()?, one)));
    let Some((phone, challenge)) = meant else {
        let words = "验证码不对或已过期，请核对短信，或重新获取。";
        return Ok(Err(wrong_code(words.to_owned())));
    };
    match session::take_code(office, &phone, CODE, &form.code).await {
        Ok(()) => Ok(Ok(Subject {
            audience,
            subject_id: challenge.subject_id,
            employer_id: challenge.employer_id,
        })),
        Err(Error::Refused(refusal)) => Ok(Err(wrong_code(refusal.detail))),
        Err(error) => Err(error.into()),
    }
}

fn wrong_code(words: String) -> Returned {
    Returned {
        typed: Vec::new(),
        mistakes: vec![Mistake::at("code", words)],
    }
}

/// The form of staff.
#[derive(Deserialize)]
pub(crate) struct StaffForm {
    staff_no: String,
    password: String,
    code: String,
    back: String,
}

/// `POST /login/staff`.
pub(crate) async fn staff(
    State(portal): State<Portal>,
    visit: Visit,
    headers: HeaderMap,
    Form(form): Form<StaffForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match staff::check(
        office,
        form.staff_no.trim(),
        &form.password,
        form.code.trim(),
    )
    .await
    {
        Ok(staff) => {
            let subject = Subject {
                audience: audience::STAFF,
                subject_id: staff.staff_id,
                employer_id: None,
            };
            begin(&portal, &visit, &subject, "LS", &headers, &form.back).await
        }
        Err(Error::Refused(refusal)) => {
            let returned = Returned {
                typed: vec![("staff_no".into(), form.staff_no)],
                mistakes: vec![Mistake::at("staff_no", refusal.detail)],
            };
            let page = LogInPage::staff(&visit, local(&form.back), &returned);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn begin(
    portal: &Portal,
    visit: &Visit,
    subject: &Subject,
    level: &str,
    headers: &HeaderMap,
    back: &str,
) -> Result<Response, PageError> {
    let token = session::begin(
        &portal.engine.office,
        subject.audience,
        subject.subject_id,
        subject.employer_id,
        level,
        &device(headers),
    )
    .await?;
    if subject.audience == audience::PERSON {
        let (office, browser) = (&portal.engine.office, visit.browser.as_deref());
        session::note_origin(office, &token, browser, visit.origin.as_deref()).await?;
    }
    let cookie = portal.shield.session_cookie(&token, COOKIE_SECONDS);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local(back))).into_response())
}

/// `POST /logout`.
pub(crate) async fn out(State(portal): State<Portal>, visit: Visit) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    if let Some(token) = visit.session.as_deref()
        && let Some(live) = session::find(office, token).await?
    {
        session::end(office, live.audience, live.subject_id, live.session_id).await?;
    }
    Ok((
        [(header::SET_COOKIE, portal.shield.ended_session())],
        Redirect::to("/"),
    )
        .into_response())
}

/// What a browser says of itself, in the words of a person: Windows 上的 Edge.
pub(crate) fn device(headers: &HeaderMap) -> String {
    let program = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let of = |names: &[(&str, &'static str)], other: &'static str| {
        names
            .iter()
            .find(|(mark, _)| program.contains(mark))
            .map_or(other, |(_, name)| *name)
    };
    let machine = of(
        &[
            ("HarmonyOS", "鸿蒙手机"),
            ("Android", "安卓手机"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Macintosh", "Mac"),
            ("Linux", "Linux"),
        ],
        "其他设备",
    );
    let browser = of(
        &[
            ("MicroMessenger", "微信"),
            ("AlipayClient", "支付宝"),
            ("Edg/", "Edge"),
            ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ],
        "浏览器",
    );
    format!("{machine} 上的{browser}")
}
