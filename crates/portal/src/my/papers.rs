//! 证明: certificates that a person orders, with a code sent to the registered phone (L3s), and keeps, downloads or revokes.

use std::collections::HashMap;

use anju_casework::document::{self, Document, Standing, kind};
use anju_casework::person::{self, Person};
use anju_casework::{Actor, Error, Office, Refusal, session};
use anju_policy::{Form as Inputs, ServiceDefinition};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use crate::apply::action_of;
use crate::authorization::Me;
use crate::components::{
    Button, ButtonLook, ErrorSummary, Field, FieldKind, Flash, Mistake, Pager, Text, Tone,
};
use crate::download;
use crate::frame::MyTab;
use crate::my::apply::asking;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::{CodePage, Paper, PapersPage};
use crate::papers::check::sign;
use crate::papers::title;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// The service that is ordered here.
const SERVICE: &str = "certificate-contribution-elsewhere";

/// Papers of a page.
const PAGE: i64 = 20;

pub(crate) type Typed = HashMap<String, String>;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    before: Option<i64>,
    done: Option<String>,
}

/// `GET /my/papers`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(wanted): Query<Wanted>,
) -> Result<PapersPage, PageError> {
    let mut page = draw(
        &portal,
        &visit,
        &me,
        wanted.before,
        &Typed::new(),
        Vec::new(),
    )
    .await?;
    page.flash = match wanted.done.as_deref() {
        Some("issued") => Some(Flash::new(
            Tone::Pass,
            "证明出好了，在下面下载；扫码可以核验。",
        )),
        Some("revoked") => Some(Flash::new(
            Tone::Idle,
            "已作废。再有人核验，会看到这份证明不能用了。",
        )),
        _ => None,
    };
    Ok(page)
}

/// A kept document as a line of the list.
pub(crate) fn paper(office: &Office, one: &Document, place: &str) -> Paper {
    let now = office.now();
    let standing = one.standing(office.today());
    let valid = one.valid_until.map_or_else(Text::new, |day| {
        Text::from(format!(
            "，有效期至{}",
            anju_domain::calendar::chinese_date(day)
        ))
    });
    Paper {
        title: match office.policy().set.place(&one.scope) {
            Some(city) if one.kind == kind::REMOTE_LOAN => title(&one.kind, city),
            _ => title(&one.kind, &one.scope),
        },
        note: Text::new()
            .say(when::minute(one.issued_at, now))
            .say("出具")
            .join(valid),
        state: sign(standing),
        code: document_code(&one.code),
        // A receipt has a form of its own, which its case sets.
        pdf: if one.kind == kind::RECEIPT {
            format!("/my/cases/{}/receipt.pdf", one.scope)
        } else {
            format!("{place}/{}/paper.pdf", one.code)
        },
        revoke: (standing == Standing::Valid
            && !matches!(one.kind.as_str(), kind::STATEMENT | kind::RECEIPT))
        .then(|| Button::send("确定作废", ButtonLook::Plain).value("paper", &one.code)),
    }
}

/// In groups of four, as on the paper.
fn document_code(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters
        .chunks(4)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join(" ")
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    before: Option<i64>,
    typed: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<PapersPage, PageError> {
    let office = &portal.engine.office;
    let asking = asking(portal, visit, me).await?;
    let offered = office
        .policy()
        .set
        .service(SERVICE)
        .filter(|service| service.login_on(asking.channel).is_some())
        .cloned();
    let kept = document::of_subject(office, me.person_id, before, PAGE).await?;
    let more = (kept.len() as i64 == PAGE)
        .then(|| kept.last())
        .flatten()
        .map(|last| format!("/my/papers?before={}", last.document_id));
    let error_of = |name: &str| {
        mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone())
    };
    let filled = |field: Field, name: &str| {
        field
            .value(typed.get(name).map_or("", String::as_str))
            .error(error_of(name))
    };
    let fields = offered
        .iter()
        .flat_map(|service| &service.inputs)
        .map(|input| {
            let field = if let Some(places) = &input.places {
                let names = places.names().map(|(_, name)| name.to_owned());
                Field::new(&input.name, &input.label, FieldKind::Text).suggest(names.collect())
            } else if input.options.is_empty() {
                Field::new(&input.name, &input.label, FieldKind::Digits)
            } else {
                let options = input
                    .options
                    .iter()
                    .map(|one| (one.value.clone(), one.label.clone()))
                    .collect();
                Field::select(&input.name, &input.label, options)
            };
            let field = if input.required {
                field
            } else {
                field.optional()
            };
            let field = if input.hint.is_empty() {
                field
            } else {
                field.hint(input.hint.as_str())
            };
            filled(field, &input.name)
        });
    let mut page = frame(visit, "证明", MyTab::Me, Some(("/my/me", "我的")));
    page.head.failed = !mistakes.is_empty();
    Ok(PapersPage {
        fields: fields.collect(),
        papers: kept
            .iter()
            .map(|one| paper(office, one, "/my/papers"))
            .collect(),
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("还没有出证明。")),
        flash: None,
        key: Uuid::now_v7().to_string(),
        button: Button::submit("发验证码，出证明").wide(),
        pager: (more.is_some() || before.is_some()).then(|| Pager {
            note: String::new(),
            before: before.map(|_| "/my/papers".to_owned()),
            after: more,
        }),
        frame: page,
    })
}

/// The form as the service reads it: a place that is named stands there by its code.
fn inputs(service: &ServiceDefinition, typed: &Typed) -> Inputs {
    service
        .inputs
        .iter()
        .filter_map(|input| {
            let words = typed.get(&input.name)?.trim();
            let places = input.places.as_ref();
            let value = places.and_then(|places| places.code_of(words));
            (!words.is_empty()).then(|| (input.name.clone(), value.unwrap_or(words).into()))
        })
        .collect()
}

async fn person_with_phone(
    office: &Office,
    me: &Me,
) -> Result<(Person, anju_domain::phone::Phone), PageError> {
    let person = person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let phone = person.phone.clone().ok_or_else(|| {
        PageError::from(Error::from(Refusal::rule(
            "E-LOGIN-06",
            "您没有登记手机号，验证码发不出去。请带身份证到任一网点登记，或在网点打印证明。",
        )))
    })?;
    Ok((person, phone))
}

/// `POST /my/papers`: the form is right, so that a code goes to the registered phone, good for exactly this paper.
pub(crate) async fn order(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let policy = office.policy();
    let service = policy.set.service(SERVICE).ok_or(PageError::NotFound)?;
    let form = inputs(service, &typed);
    let mut mistakes: Vec<Mistake> = service
        .check_form(&form)
        .into_iter()
        .map(|fault| Mistake::at(fault.field, fault.message))
        .collect();
    if mistakes.is_empty()
        && form.get("purpose").is_some_and(|purpose| purpose == "loan")
        && !form.contains_key("destination")
    {
        mistakes.push(Mistake::at(
            "destination",
            "在外地贷款要写明是哪个城市，请选城市，或填六位行政区划代码。",
        ));
    }
    if !mistakes.is_empty() {
        let page = draw(&portal, &visit, &me, None, &typed, mistakes).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let (_, phone) = person_with_phone(office, &me).await?;
    let action = bound_to(&me, &action_of(service, &form));
    session::send_step(office, &phone, &action, "出具缴存证明").await?;
    Ok(code_page(&visit, &phone.to_string(), &typed, None).into_response())
}

/// What a code is bound to: this person and exactly this paper.
fn bound_to(me: &Me, action: &[u8; 32]) -> Vec<u8> {
    [&me.person_id.to_be_bytes()[..], &action[..]].concat()
}

fn code_page(visit: &Visit, phone: &str, typed: &Typed, error: Option<String>) -> CodePage {
    let mut page = frame(visit, "填验证码", MyTab::Me, Some(("/my/papers", "证明")));
    page.head.failed = error.is_some();
    let hidden = ["key", "purpose", "destination"]
        .into_iter()
        .filter_map(|name| Some((name, typed.get(name)?.clone())))
        .chain([page.head.hidden()])
        .collect();
    CodePage {
        frame: page,
        lead: format!("验证码发到了 {phone}，5 分钟内有效。"),
        action: "/my/papers/code",
        hidden,
        errors: ErrorSummary::of(
            error
                .iter()
                .map(|words| Mistake::at("code", words.clone()))
                .collect(),
        ),
        field: Field::new("code", "验证码", FieldKind::Code)
            .hint("短信里的 6 位数字")
            .error(error),
        button: Button::submit("出证明").wide(),
    }
}

/// `POST /my/papers/code`: the right code issues the paper.
pub(crate) async fn confirm(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let policy = office.policy();
    let service = policy.set.service(SERVICE).ok_or(PageError::NotFound)?;
    let form = inputs(service, &typed);
    let (_, phone) = person_with_phone(office, &me).await?;
    let action = bound_to(&me, &action_of(service, &form));
    let code = typed.get("code").map_or("", String::as_str);
    match session::take_step(office, &phone, &action, code).await {
        Ok(()) => {}
        Err(Error::Refused(refusal)) => {
            let page = code_page(&visit, &phone.to_string(), &typed, Some(refusal.detail));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
        Err(error) => return Err(error.into()),
    }
    let asking = asking(&portal, &visit, &me).await?;
    let fields = typed.clone().into_iter().collect();
    match asking.issue(service, &fields, form).await? {
        None => Ok(Redirect::to("/my/papers?done=issued").into_response()),
        Some(refusal) => {
            let mistakes = vec![Mistake::at("", refusal.detail)];
            let page = draw(&portal, &visit, &me, None, &typed, mistakes).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `GET /my/papers/{paper}/paper.pdf`.
pub(crate) async fn pdf(
    State(portal): State<Portal>,
    me: Me,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    file(&portal, me.person_id, &code).await
}

/// A paper of this person or employer; another's looks like none.
pub(crate) async fn file(
    portal: &Portal,
    subject_id: i64,
    code: &str,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let found = document::by_code(office, code)
        .await?
        .filter(|one| one.subject_id == subject_id)
        .ok_or(PageError::NotFound)?;
    let pdf = portal.printer.document(office, &found).await?;
    Ok(download::pdf(&found.code, pdf))
}

#[derive(Deserialize)]
pub(crate) struct Revoked {
    pub(crate) paper: String,
}

/// `POST /my/papers/revoke`.
pub(crate) async fn revoke(
    State(portal): State<Portal>,
    me: Me,
    Form(form): Form<Revoked>,
) -> Result<Redirect, PageError> {
    let actor = Actor::Person(me.person_id);
    document::revoke(&portal.engine.office, me.person_id, &form.paper, actor).await?;
    Ok(Redirect::to("/my/papers?done=revoked"))
}
