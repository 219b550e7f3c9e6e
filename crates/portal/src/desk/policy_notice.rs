//! 公告: drafted from what differs and what the simulation found, then the officer's text; with the table, the list and the budget.

use anju_business::policy_change::result::{self, Group};
use anju_business::policy_change::{Change, approval, draft, notice, simulation, state};
use anju_casework::Error;
use anju_domain::money::Fen;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::ErrorSummary;
use crate::desk::framed;
use crate::desk::policy::{HERE, address, differences, fits, mistakes_of, of, shown, works};
use crate::desk::policy_result::{month, month_table};
use crate::pages::desk::PolicyNoticePage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

/// `GET /desk/policy/{change}/notice`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<PolicyNoticePage, PageError> {
    let change = of(&portal.engine.office, &number).await?;
    draw(&portal, &visit, &at, &change, None, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    change: &Change,
    typed: Option<String>,
    errors: Option<ErrorSummary>,
) -> Result<PolicyNoticePage, PageError> {
    let office = &portal.engine.office;
    let run = simulation::latest(office, change.change_id)
        .await?
        .filter(|run| fits(change, Some(run)));
    let totals = match &run {
        Some(run) => Some(result::totals(office, run.simulation_id).await?),
        None => None,
    };
    let kept = if change.notice.is_empty() {
        // Until it is proposed: the first day on which it may be in force.
        let usual = simulation::usual_day(office, change).max(approval::earliest(office)?);
        let day = change.effective_on.unwrap_or(usual);
        notice::draft(office, change, day, totals.as_ref())
    } else {
        change.notice.clone()
    };
    let budget = match &run {
        Some(run) => Some(result::budget(office, run).await?),
        None => None,
    };
    let months = budget.as_ref().map(|budget| {
        let months: Vec<(String, Group)> = budget
            .each_month
            .iter()
            .map(|group| (month(&group.key).to_string(), group.clone()))
            .collect();
        month_table("budget", &months)
    });
    let may_edit = change.state == state::DRAFT && works(at);
    let mut frame = framed(office, visit, at, "公告", HERE).await?;
    frame.head.failed = errors.is_some();
    Ok(PolicyNoticePage {
        frame,
        errors,
        title: format!("{} · {}", change.title, shown(change).word),
        here: address(office, change),
        paragraphs: kept
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        differences: differences("notice-differences", &change.differences.0),
        budget: budget
            .map(|budget| notice::budget_sentence(Fen::new(budget.extra_fen), budget.months)),
        months,
        has_people: run.is_some(),
        text: may_edit.then(|| typed.unwrap_or(kept)),
    })
}

#[derive(Deserialize)]
pub(crate) struct NoticeForm {
    text: String,
}

/// `POST /desk/policy/{change}/notice`.
pub(crate) async fn keep(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<NoticeForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    match draft::put_notice(office, &change, &form.text, &at.staff).await {
        Ok(()) => Ok(Redirect::to(&format!("{}/notice", address(office, &change))).into_response()),
        Err(Error::Refused(refusal)) => {
            let errors = ErrorSummary::of(mistakes_of(&refusal));
            let page = draw(&portal, &visit, &at, &change, Some(form.text), errors).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
