//! 柜面开户: an employer without a licence comes with papers; a teller types them, a reviewer looks at them (contribution.md §2.1).

use std::collections::HashMap;

use anju_business::contribution::opening;
use anju_casework::case::{self, CaseState, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Error};
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use uuid::Uuid;

use crate::authorization::AtDesk;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Tone};
use crate::desk::framed;
use crate::pages::desk::OpeningPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::open as open_form;

const PATH: &str = "/desk/employers/open";

type Typed = HashMap<String, String>;

/// `GET /desk/employers/open`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<OpeningPage, PageError> {
    draw(&portal, &visit, &at, &Typed::new(), Vec::new(), None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    fields: &Typed,
    mistakes: Vec<Mistake>,
    flash: Option<Flash>,
) -> Result<OpeningPage, PageError> {
    let mut frame = framed(&portal.engine.office, visit, at, "单位开户", PATH).await?;
    frame.head.failed = !mistakes.is_empty();
    let filled = |name: &str, label: &str, kind: FieldKind| {
        let error = mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone());
        let value = fields.get(name).map_or("", String::as_str);
        Field::new(name, label, kind).value(value).error(error)
    };
    let mut all = vec![
        filled("uscc", "统一社会信用代码", FieldKind::IdNumber),
        filled("name", "单位名称", FieldKind::Text),
        filled("legal_representative", "法定代表人", FieldKind::Text),
    ];
    all.extend(open_form::open_fields(fields, &mistakes, &[], true));
    Ok(OpeningPage {
        hidden: vec![frame.head.hidden(), ("key", Uuid::now_v7().to_string())],
        frame,
        flash,
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("还没有提交。")),
        fields: all,
        button: Button::submit("提交复核"),
    })
}

/// `POST /desk/employers/open`.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let mut form = open_form::common(&fields);
    for name in ["uscc", "name", "legal_representative"] {
        if let Some(text) = fields.get(name).map(|text| text.trim()) {
            form.insert(name.to_owned(), text.into());
        }
    }
    let ids = office.ids.take(2).await?;
    let call = format!("{PATH}\n{}", Value::Object(form.clone()));
    let key = fields.get("key").map_or("", String::as_str);
    let submission = Submission {
        case_id: ids[0],
        request: Request {
            service: opening::SERVICE.to_owned(),
            case_id: None,
            applicant_id: ids[1],
            form,
            channel: "CTR".to_owned(),
            face_passed: true,
        },
        actor: Actor::Staff(at.staff.staff_id),
        served_by: Some(at.staff.staff_id),
        key: Uuid::parse_str(key).map_err(|_| PageError::Stale)?,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: at.staff.branch_id,
        tapped_at: now,
        promised_at: portal.engine.promise(opening::SERVICE, now)?,
    };
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let one = case::require(office, case_id).await?;
            let words = match one.state() {
                CaseState::Reviewing => "已交复核，复核员通过后账户就开好了。",
                CaseState::Done => "已开户。",
                _ => "已收到。市场监管部门暂时没有回复，它答复后自动转复核，承诺的时间不变。",
            };
            let number = case::number(office, case_id);
            let flash = Flash::new(Tone::Pass, words)
                .next(format!("办件 {number}"), format!("/desk/cases/{number}"));
            let page = draw(&portal, &visit, &at, &Typed::new(), Vec::new(), Some(flash)).await?;
            Ok(page.into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mistakes = open_form::mistakes(&refusal);
            let page = draw(&portal, &visit, &at, &fields, mistakes, None).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
