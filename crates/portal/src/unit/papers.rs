//! 单位缴存证明: ordered for a period, downloaded, revoked.

use anju_casework::Error;
use anju_casework::case::Submitted;
use anju_casework::document;
use anju_domain::calendar::Month;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Pager, Tone};
use crate::frame::UnitTab;
use crate::my::papers::{Revoked, file, paper};
use crate::pages::error::PageError;
use crate::pages::unit::PapersPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, submission, typed};
use crate::unit::framed;

/// The service that is ordered here.
const SERVICE: &str = "employer-certificate";

/// Papers of a page.
const PAGE: i64 = 20;

/// Its fields, in their order.
const FIELDS: [&str; 3] = ["from_month", "to_month", "purpose"];

#[derive(Deserialize)]
pub(crate) struct Wanted {
    before: Option<i64>,
    done: Option<String>,
}

/// `GET /unit/papers`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<PapersPage, PageError> {
    let today = portal.engine.office.today();
    let last = Month::of(today).plus(-1);
    let usual = Typed::from([
        ("from_month".to_owned(), last.plus(-11).to_string()),
        ("to_month".to_owned(), last.to_string()),
    ]);
    let mut page = draw(&portal, &visit, &at, wanted.before, &usual, Vec::new()).await?;
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

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    before: Option<i64>,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<PapersPage, PageError> {
    let office = &portal.engine.office;
    let (mut frame, _) = framed(office, visit, at, "证明", UnitTab::Papers).await?;
    frame.head.failed = !mistakes.is_empty();
    let policy = office.policy();
    let service = policy.set.service(SERVICE).ok_or(PageError::NotFound)?;
    let kept = document::of_subject(office, at.employer_id, before, PAGE).await?;
    let more = (kept.len() as i64 == PAGE)
        .then(|| kept.last())
        .flatten()
        .map(|last| format!("/unit/papers?before={}", last.document_id));
    let inputs = service.inputs.iter().map(|input| {
        let kind = if input.name == "purpose" {
            FieldKind::Text
        } else {
            FieldKind::Month
        };
        let error = mistakes
            .iter()
            .find(|mistake| mistake.field == input.name)
            .map(|mistake| mistake.words.clone());
        Field::new(&input.name, &input.label, kind)
            .hint(input.hint.as_str())
            .optional()
            .value(typed(fields, &input.name))
            .error(error)
    });
    Ok(PapersPage {
        frame,
        fields: inputs.collect(),
        papers: kept
            .iter()
            .map(|one| paper(office, one, "/unit/papers"))
            .collect(),
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("还没有出证明。")),
        flash: None,
        key: Uuid::now_v7().to_string(),
        button: Button::submit("出证明"),
        pager: (more.is_some() || before.is_some()).then(|| Pager {
            note: String::new(),
            before: before.map(|_| "/unit/papers".to_owned()),
            after: more,
        }),
    })
}

/// `POST /unit/papers`.
pub(crate) async fn order(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let form: Map<String, Value> = FIELDS
        .into_iter()
        .filter(|name| !typed(&fields, name).is_empty())
        .map(|name| (name.to_owned(), typed(&fields, name).into()))
        .collect();
    let submission = submission(&portal, &at, SERVICE, &fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(_) | Submitted::Before(_)) => {
            Ok(Redirect::to("/unit/papers?done=issued").into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mut mistakes: Vec<Mistake> = refusal
                .errors
                .iter()
                .map(|error| {
                    let field = error.column.clone().unwrap_or_default();
                    Mistake::at(field, error.message.clone())
                })
                .collect();
            if mistakes.is_empty() {
                mistakes.push(Mistake::at("from_month", refusal.detail));
            }
            let page = draw(&portal, &visit, &at, None, &fields, mistakes).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /unit/papers/{paper}/paper.pdf`.
pub(crate) async fn pdf(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    file(&portal, at.employer_id, &code).await
}

/// `POST /unit/papers/revoke`.
pub(crate) async fn revoke(
    State(portal): State<Portal>,
    at: AtUnit,
    Form(form): Form<Revoked>,
) -> Result<Redirect, PageError> {
    let actor = at.actor();
    document::revoke(&portal.engine.office, at.employer_id, &form.paper, actor).await?;
    Ok(Redirect::to("/unit/papers?done=revoked"))
}
