//! 柜面办理: a teller submits for the person at the window (login level LC): the same sheet, the same rules, no face step.

use anju_casework::Actor;
use anju_casework::person::{self, Applicant};
use anju_policy::ServiceDefinition;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::apply::{Asking, At, Next, RECHECK, Sent, Typed, faults_of};
use crate::authorization::AtDesk;
use crate::components::{Flash, Mistake};
use crate::desk::{framed, looked, person_number};
use crate::pages::desk::{ApplyPage, WhyPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;

/// The counter's asking for this person, who stands at its window.
pub(super) fn asking_for<'a>(
    portal: &'a Portal,
    visit: &'a Visit,
    at: &AtDesk,
    applicant: Applicant,
) -> Asking<'a> {
    Asking {
        portal,
        person: applicant.person,
        branch_id: applicant.branch_id,
        channel: "CTR",
        path: "/desk/do",
        cases: "/desk/cases",
        csrf: &visit.csrf,
        actor: Actor::Staff(at.staff.staff_id),
        served_by: Some(at.staff.staff_id),
    }
}

async fn asking<'a>(
    portal: &'a Portal,
    visit: &'a Visit,
    at: &AtDesk,
) -> Result<Asking<'a>, PageError> {
    let (person_id, _) = at.session.serving().ok_or_else(|| {
        PageError::Forbidden("窗口前还没有客户。先当面核身，或在命令栏输入证件号。".to_owned())
    })?;
    let applicant = person::applicant(&portal.engine.office, person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    Ok(asking_for(portal, visit, at, applicant))
}

async fn draw(
    asking: &Asking<'_>,
    visit: &Visit,
    at: &AtDesk,
    service: &ServiceDefinition,
    typed: &Typed,
    mistakes: Vec<Mistake>,
    flash: Option<Flash>,
) -> Result<ApplyPage, PageError> {
    let office = &asking.portal.engine.office;
    let mut frame = framed(office, visit, at, &service.name_zh, "/desk/identify").await?;
    frame.head.failed = !mistakes.is_empty();
    Ok(ApplyPage {
        frame,
        who: asking.person.name.masked(),
        customer: format!(
            "/desk/people/{}",
            person_number(office, asking.person.person_id)
        ),
        sheet: asking.sheet(service, typed, mistakes, flash).await?,
    })
}

/// A service by which the person at the window keeps his own data.
async fn draw_kept(
    asking: &Asking<'_>,
    visit: &Visit,
    at: &AtDesk,
    service: &ServiceDefinition,
    typed: &Typed,
    (step, mistakes, flash): (At, Vec<Mistake>, Option<Flash>),
) -> Result<ApplyPage, PageError> {
    let office = &asking.portal.engine.office;
    let mut frame = framed(office, visit, at, &service.name_zh, "/desk/identify").await?;
    frame.head.failed = !mistakes.is_empty();
    let action = format!("{}/{}", asking.path, service.id);
    Ok(ApplyPage {
        frame,
        who: asking.person.name.masked(),
        customer: format!(
            "/desk/people/{}",
            person_number(office, asking.person.person_id)
        ),
        sheet: asking
            .keep_sheet(service, action, step, typed, mistakes, flash)
            .await?,
    })
}

/// `GET /desk/do/{service}`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(service): Path<String>,
) -> Result<ApplyPage, PageError> {
    let asking = asking(&portal, &visit, &at).await?;
    let kept = asking.kept(&service).ok();
    let service = match &kept {
        Some(service) => service.clone(),
        None => asking.definition(&service)?,
    };
    looked(
        &portal.engine.office,
        &at,
        asking.person.person_id,
        "办理前核对的信息",
        &format!("柜面办理{}", service.name_zh),
        None,
    )
    .await?;
    if kept.is_some() {
        let empty = (At::Form, Vec::new(), None);
        return draw_kept(&asking, &visit, &at, &service, &Typed::new(), empty).await;
    }
    draw(
        &asking,
        &visit,
        &at,
        &service,
        &Typed::new(),
        Vec::new(),
        None,
    )
    .await
}

/// `POST /desk/do/{service}`.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(service): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &at).await?;
    let typed: Typed = fields.into_iter().collect();
    if let Ok(service) = asking.kept(&service) {
        return match asking.next(&service, &typed, None).await? {
            Next::Draw {
                at: step,
                mistakes,
                flash,
            } => {
                let failed = !mistakes.is_empty();
                let drawn = (step, mistakes, flash);
                let page = draw_kept(&asking, &visit, &at, &service, &typed, drawn).await?;
                Ok(if failed {
                    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
                } else {
                    page.into_response()
                })
            }
            Next::Face => Err(PageError::Stale),
            Next::Sent(page) => Ok(Redirect::to(&page).into_response()),
        };
    }
    let service = asking.definition(&service)?;
    let (form, mistakes) = asking.form_of(&service, &typed);
    if !mistakes.is_empty() {
        let page = draw(&asking, &visit, &at, &service, &typed, mistakes, None).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    if typed.contains_key(RECHECK) {
        let mistakes = faults_of(&service, &form);
        let status = if mistakes.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let page = draw(&asking, &visit, &at, &service, &typed, mistakes, None).await?;
        return Ok((status, page).into_response());
    }
    if let Some(mistake) = asking.unpromised(&service, &form).await? {
        let page = draw(&asking, &visit, &at, &service, &typed, vec![mistake], None).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    match asking.send(&service, &typed, form).await? {
        Sent::Taken(page) => Ok(Redirect::to(&page).into_response()),
        Sent::Refused { mistakes, flash } => {
            let page = draw(&asking, &visit, &at, &service, &typed, mistakes, flash).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `GET /desk/do/{service}/why`.
pub(crate) async fn why(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(service): Path<String>,
) -> Result<WhyPage, PageError> {
    let asking = asking(&portal, &visit, &at).await?;
    let service = asking.definition(&service)?;
    let (form, _) = asking.form_of(&service, &Typed::new());
    let decision = asking.precheck(&service, form).await?;
    Ok(WhyPage {
        frame: framed(
            &portal.engine.office,
            &visit,
            &at,
            &service.name_zh,
            "/desk/identify",
        )
        .await?,
        verdict: explain::verdict(&decision, "可提取"),
        remedy: explain::remedy(&decision),
        conditions: explain::conditions(&decision),
        formula_title: explain::formula_title(&decision).into(),
        formula: explain::formula(&decision),
    })
}
