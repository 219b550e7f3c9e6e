//! 职工变动: the changes that a clerk makes between two lists, of one person or of all. The services decide; these pages only ask them.

use std::collections::HashMap;
use std::sync::Arc;

use anju_business::contribution::upload::Police;
use anju_business::contribution::{changes, people};
use anju_casework::case::{self, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Error, Office, Refusal, books};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_exchange::kept::GatewayPolice;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{ErrorSummary, Field, Mistake};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::ChangePage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::people::account_id;
use crate::unit::transfer::SERVICE as TRANSFER;
use crate::unit::{change_parts as parts, framed};

/// The service of back payments.
pub(super) const SUPPLEMENT: &str = "supplement-register";

/// The service that adjusts bases.
const BASES: &str = "base-adjust";

/// Months that one form pays back.
const MONTHS_AT_ONCE: i32 = 60;

pub(super) type Typed = HashMap<String, String>;

pub(super) fn typed<'a>(fields: &'a Typed, name: &str) -> &'a str {
    fields.get(name).map_or("", |text| text.trim())
}

/// Yuan as they are typed, in fen; what cannot be read comes back with its field.
pub(super) fn fen(fields: &Typed, name: &str) -> Result<Option<Value>, Mistake> {
    let text = typed(fields, name).replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    Fen::parse_yuan(&text)
        .map(|fen| Some(fen.fen().into()))
        .map_err(|_| Mistake::at(name, "金额写成 8000 或 8000.00 这样。"))
}

/// Percent as they are typed, in basis points.
pub(super) fn bp(fields: &Typed, name: &str) -> Result<Value, Mistake> {
    typed(fields, name)
        .trim_end_matches(['%', '％'])
        .parse::<i64>()
        .map(|percent| (percent * 100).into())
        .map_err(|_| Mistake::at(name, "比例写成 12 这样，单位是百分之几。"))
}

/// What a page is about.
#[derive(Clone)]
enum About {
    New,
    One(Box<people::Member>),
    Ratio,
}

/// `GET /unit/people/new`.
pub(crate) async fn fresh(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<ChangePage, PageError> {
    draw(&portal, &visit, &at, &About::New, &Typed::new(), Vec::new()).await
}

/// `GET /unit/ratio`.
pub(crate) async fn ratio(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<ChangePage, PageError> {
    draw(
        &portal,
        &visit,
        &at,
        &About::Ratio,
        &Typed::new(),
        Vec::new(),
    )
    .await
}

/// `GET /unit/people/{account}`.
pub(crate) async fn one(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(account): Path<String>,
) -> Result<ChangePage, PageError> {
    let about = About::One(Box::new(member(&portal, &at, &account).await?));
    draw(&portal, &visit, &at, &about, &Typed::new(), Vec::new()).await
}

async fn member(portal: &Portal, at: &AtUnit, account: &str) -> Result<people::Member, PageError> {
    let office = &portal.engine.office;
    let account_id = account_id(office, account).ok_or(PageError::NotFound)?;
    people::member(office, at.employer_id, account_id)
        .await?
        .ok_or(PageError::NotFound)
}

/// `POST /unit/people/new`.
pub(crate) async fn add(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let mut row = Map::new();
    for name in ["name", "id_no", "phone"] {
        if !typed(&fields, name).is_empty() {
            row.insert(name.to_owned(), typed(&fields, name).into());
        }
    }
    let form = fen(&fields, "base").map(|base| {
        if let Some(base) = base {
            row.insert("base_fen".to_owned(), base);
        }
        Map::from_iter([("roster".to_owned(), json!([row]))])
    });
    send(
        &portal,
        &visit,
        &at,
        &About::New,
        "employee-account-open",
        &fields,
        form,
    )
    .await
}

/// `POST /unit/people/{account}`: one of its changes.
pub(crate) async fn change(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(account): Path<String>,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let about = About::One(Box::new(member(&portal, &at, &account).await?));
    let service = ["employee-account-seal", "employee-account-unseal", BASES]
        .into_iter()
        .find(|service| *service == typed(&fields, "do"));
    let Some(service) = service else {
        if typed(&fields, "do") == TRANSFER {
            let to = anju_domain::text::normalise(typed(&fields, "to_employer_no"));
            let form = Map::from_iter([
                ("account_no".to_owned(), account.into()),
                ("to_employer_no".to_owned(), to.to_ascii_uppercase().into()),
            ]);
            return send(&portal, &visit, &at, &about, TRANSFER, &fields, Ok(form)).await;
        }
        return supplement(&portal, &visit, &at, &about, account, &fields).await;
    };
    let mut row = Map::from_iter([("account_no".to_owned(), Value::String(account))]);
    let form = fen(&fields, "base").map(|base| {
        if let Some(base) = base.filter(|_| service != "employee-account-seal") {
            row.insert("base_fen".to_owned(), base);
        }
        let mut form = Map::from_iter([("roster".to_owned(), json!([row]))]);
        let reason = match service {
            "employee-account-seal" => typed(&fields, "reason"),
            BASES => typed(&fields, "why"),
            _ => "",
        };
        if !reason.is_empty() {
            form.insert("reason".to_owned(), reason.into());
        }
        form
    });
    send(&portal, &visit, &at, &about, service, &fields, form).await
}

/// A back payment of one person: months from and to, a reason, and where the base was too low the right one.
async fn supplement(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    account: String,
    fields: &Typed,
) -> Result<Response, PageError> {
    if typed(fields, "do") != SUPPLEMENT {
        return Err(PageError::Stale);
    }
    let month = |name: &str| {
        Month::parse(typed(fields, name)).map_err(|_| Mistake::at(name, "月份写成 2026-03 这样。"))
    };
    let form = (|| {
        let (from, to) = (month("from")?, month("to")?);
        if to < from || to.index() - from.index() >= MONTHS_AT_ONCE {
            let words = format!("截止月份要在起始月份之后，一次最多 {MONTHS_AT_ONCE} 个月。");
            return Err(Mistake::at("to", words));
        }
        let months: Vec<String> = (from.index()..=to.index())
            .map(|index| Month::from_index(index).to_string())
            .collect();
        let mut row = json!({ "account_no": account, "months": months });
        if let Some(base) = fen(fields, "owed")? {
            row["base_fen"] = base;
        }
        Ok(Map::from_iter([
            ("roster".to_owned(), json!([row])),
            ("reason".to_owned(), typed(fields, "cause").into()),
        ]))
    })();
    send(portal, visit, at, about, SUPPLEMENT, fields, form).await
}

/// `POST /unit/ratio`.
pub(crate) async fn change_ratio(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let form = bp(&fields, "employer").and_then(|employer| {
        Ok(Map::from_iter([
            ("ratio_employer_bp".to_owned(), employer),
            ("ratio_employee_bp".to_owned(), bp(&fields, "employee")?),
        ]))
    });
    send(
        &portal,
        &visit,
        &at,
        &About::Ratio,
        "ratio-adjust",
        &fields,
        form,
    )
    .await
}

/// Submits, and goes back to the list; or shows every mistake beside what was typed.
async fn send(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    service: &str,
    fields: &Typed,
    form: Result<Map<String, Value>, Mistake>,
) -> Result<Response, PageError> {
    let form = match form {
        Ok(form) => form,
        Err(mistake) => return refuse(portal, visit, at, about, fields, vec![mistake]).await,
    };
    let submission = submission(portal, at, service, fields, form).await?;
    if service == BASES && !was_sent(portal, &submission).await? {
        // Nobody owes anything that he has not seen before.
        let police: Arc<dyn Police> = Arc::new(GatewayPolice(portal.engine.gateway.clone()));
        let asked = changes::would_owe(&portal.engine.office, &police, &submission.request).await;
        match asked {
            Ok(Some(owes)) if typed(fields, "seen") != owes.amount.fen().to_string() => {
                let mut page = draw(portal, visit, at, about, fields, Vec::new()).await?;
                page.lead = "还没有办。先看要补缴多少，再按一次。".into();
                page.parts
                    .retain_mut(|part| parts::asks_again(&portal.engine.office, part, &owes));
                return Ok(page.into_response());
            }
            Ok(_) => {}
            Err(Error::Refused(refusal)) => {
                return refuse(portal, visit, at, about, fields, mistakes(&refusal)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) if service == SUPPLEMENT => {
            let office = &portal.engine.office;
            let list = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={list}")).into_response())
        }
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let next = done(&portal.engine.office, service, case_id).await?;
            Ok(Redirect::to(&next).into_response())
        }
        Err(Error::Refused(refusal)) => {
            refuse(portal, visit, at, about, fields, mistakes(&refusal)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether just this was sent before: its answer stands, and nothing is asked again.
async fn was_sent(portal: &Portal, submission: &Submission) -> Result<bool, PageError> {
    let office = &portal.engine.office;
    Ok(books::remembered(office, submission.key, submission.digest)
        .await?
        .is_some())
}

/// Where a change leads that is done: to the list, which names what it has registered to be paid; to its case, where there is something to be
/// seen to.
pub(super) async fn done(
    office: &Office,
    service: &str,
    case_id: i64,
) -> Result<String, PageError> {
    let events = case::events(office, case_id).await?;
    let detail = |name: &str| {
        let mut details = events.iter().filter_map(|event| event.detail.as_ref());
        details.find_map(|detail| detail.get(name).cloned())
    };
    if detail("notices").is_some() {
        return Ok(format!("/unit/cases/{}", case::number(office, case_id)));
    }
    let owed = detail("difference");
    Ok(
        match owed.as_ref().and_then(|owed| owed["remittance"].as_str()) {
            Some(list) => format!("/unit/people?done={service}&owed={list}"),
            None => format!("/unit/people?done={service}"),
        },
    )
}

/// The mistakes of a refusal, each at the field that it means.
pub(super) fn mistakes(refusal: &Refusal) -> Vec<Mistake> {
    let field = |column: Option<&str>| match column {
        Some("姓名") => "name",
        Some("证件号码") => "id_no",
        Some("缴存基数") => "base",
        Some("手机号") => "phone",
        Some("单位比例") => "employer",
        Some("个人比例") => "employee",
        Some("月份") => "from",
        _ => "",
    };
    if refusal.errors.is_empty() {
        return vec![Mistake::at("", refusal.detail.clone())];
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for error in &refusal.errors {
        // A mistake of everybody is one mistake of the form.
        if !seen.contains(&error.code.as_str()) || error.column.is_none() {
            seen.push(&error.code);
            found.push(Mistake::at(
                field(error.column.as_deref()),
                without_row(&error.message),
            ));
        }
    }
    found
}

/// The words of a mistake for a form that has no rows: its one row is the form itself.
pub(super) fn without_row(message: &str) -> String {
    let Some(rest) = message.strip_prefix("第 1 行") else {
        return message.to_owned();
    };
    let rest = rest.strip_prefix('的').unwrap_or(rest);
    rest.trim_start_matches('：').to_owned()
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, about, fields, mistakes).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

pub(super) async fn submission(
    portal: &Portal,
    at: &AtUnit,
    service: &str,
    fields: &Typed,
    form: Map<String, Value>,
) -> Result<Submission, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let key = Uuid::parse_str(typed(fields, "key")).map_err(|_| PageError::Stale)?;
    let employer = anju_casework::employer::require(office, at.employer_id).await?;
    let call = format!(
        "{service}\n{}\n{}",
        at.employer_id,
        Value::Object(form.clone())
    );
    Ok(Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: service.to_owned(),
            case_id: None,
            applicant_id: at.employer_id,
            form,
            channel: at.channel().to_owned(),
            face_passed: false,
        },
        actor: at.actor(),
        served_by: at.served_by(),
        key,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: employer.branch_id,
        tapped_at: now,
        promised_at: portal.engine.promise(service, now)?,
    })
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<ChangePage, PageError> {
    let office = &portal.engine.office;
    let title = match about {
        About::New => "新增职工".to_owned(),
        About::One(member) => member.name_masked.clone(),
        About::Ratio => "调整比例".to_owned(),
    };
    let (frame, employer) = framed(office, visit, at, &title, UnitTab::People).await?;
    let month = {
        let mut conn = office.pool.acquire().await?;
        changes::first_month(office, &mut conn, &employer).await?
    };
    let errors_of: HashMap<&str, &str> = mistakes
        .iter()
        .map(|mistake| (mistake.field.as_str(), mistake.words.as_str()))
        .collect();
    let filled = |field: Field, name: &str| {
        field
            .value(typed(fields, name))
            .error(errors_of.get(name).copied())
    };
    let parts = match about {
        About::New => vec![parts::new_part(&filled)],
        About::One(member) => parts::member_parts(office, member, fields, &filled),
        About::Ratio => vec![parts::ratio_part(&employer, fields, &filled)],
    };
    Ok(ChangePage {
        frame,
        title,
        lead: format!("从{}的名册起生效。", month.chinese()).into(),
        facts: match about {
            About::One(member) => Some(parts::facts(office, member)),
            About::Ratio => Some(parts::ratios(&employer)),
            About::New => None,
        },
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        parts,
    })
}
