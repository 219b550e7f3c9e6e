//! LEr (services.md §2): what a clerk asks for is confirmed by a code to his own phone, bound to exactly this act. Not asked of the legal
//! representative, who has shown his licence, nor at the counter, where a teller has seen who stands there.

use anju_casework::{Error, Office, employer, session};
use anju_domain::phone::Phone;
use anju_policy::ServiceDefinition;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::authorization::AtUnit;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Mistake, Text};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::ConfirmPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, typed};
use crate::unit::framed;

/// What is to be confirmed.
pub(super) struct Act<'a> {
    pub(super) service: &'a ServiceDefinition,
    /// As typed, for the page that asks for the code.
    pub(super) fields: &'a Typed,
    /// As read.
    pub(super) form: &'a Map<String, Value>,
}

/// The page that asks for the code; none where nothing (more) is to be confirmed.
pub(super) async fn ask(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    act: &Act<'_>,
) -> Result<Option<Response>, PageError> {
    let Some(clerk_id) = at.clerk_id().filter(|_| !at.session.is_of_representative()) else {
        return Ok(None);
    };
    let office = &portal.engine.office;
    let phone = employer::clerk_phone(office, clerk_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let whole = json!({ "service": act.service.id, "employer": at.employer_id, "clerk": clerk_id, "form": act.form });
    let action = anju_vault::sm3(whole.to_string().as_bytes());
    let code = typed(act.fields, "code");
    if code.is_empty() {
        session::send_step(office, &phone, &action, &act.service.short_zh).await?;
        return page(office, visit, at, act, &phone, None).await.map(Some);
    }
    match session::take_step(office, &phone, &action, code).await {
        Ok(()) => Ok(None),
        Err(Error::Refused(refusal)) => {
            let wrong = Some(refusal.detail.clone());
            page(office, visit, at, act, &phone, wrong).await.map(Some)
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    office: &Office,
    visit: &Visit,
    at: &AtUnit,
    act: &Act<'_>,
    phone: &Phone,
    wrong: Option<String>,
) -> Result<Response, PageError> {
    let title = format!("确认{}", act.service.short_zh);
    let (mut frame, _) = framed(office, visit, at, &title, UnitTab::Cases).await?;
    frame.head.failed = wrong.is_some();
    let (token, value) = frame.head.hidden();
    let mut hidden = vec![(token.to_owned(), value)];
    let kept = ["key".to_owned(), "step".to_owned()];
    let inputs = act.service.inputs.iter().map(|input| input.name.clone());
    let hidden_fields = kept.into_iter().chain(inputs).filter_map(|name| {
        let value = typed(act.fields, &name).to_owned();
        (!value.is_empty()).then_some((name, value))
    });
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    hidden.extend(hidden_fields);
    let page = ConfirmPage {
        frame,
        title,
        lead: Text::new()
            .say("验证码已经发到您登记的手机 ")
            .num(phone.to_string())
            .say("。法定代表人用电子营业执照登录时不用这一步。"),
        errors: ErrorSummary::of(
            wrong
                .iter()
                .map(|words| Mistake::at("code", words.clone()))
                .collect(),
        )
        .map(|errors| errors.note("什么都没有提交。")),
        action: format!("/unit/do/{}", act.service.id),
        hidden,
        field: Field::new("code", "短信验证码", FieldKind::Code)
            .hint("6 位数字，5 分钟内有效")
            .error(wrong),
        button: Button::submit("确认"),
        back: "/unit/cases",
    };
    Ok((status, page).into_response())
}
