//! 公告: drafted from what differs and what the simulation found, then the officer's text; with the table, the list and the budget.

use anju_business::policy_change::levy::{self, Found};
use anju_business::policy_change::result::{self, Group, Totals};
use anju_business::policy_change::{Change, approval, draft, notice, simulation, state};
use anju_casework::{Error, Office};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_paper::DecreeData;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::ErrorSummary;
use crate::desk::framed;
use crate::desk::policy::{HERE, address, differences, fits, mistakes_of, of, shown, works};
use crate::desk::policy_result::{month, month_table};
use crate::download;
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
    let levied = match &run {
        Some(run) => levy::found(office, run.simulation_id).await?,
        None => None,
    };
    let (kept, _) = kept(office, change, totals.as_ref(), levied.as_ref())?;
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
        paragraphs: paragraphs(&kept),
        differences: differences("notice-differences", &change.differences.0),
        budget: budget
            .map(|budget| notice::budget_sentence(Fen::new(budget.extra_fen), budget.months)),
        months,
        has_people: run.is_some(),
        text: may_edit.then(|| typed.unwrap_or(kept)),
    })
}

/// The officer's text, or the one drafted from what differs, and the day from which it holds.
fn kept(
    office: &Office,
    change: &Change,
    totals: Option<&Totals>,
    levied: Option<&Found>,
) -> anju_casework::Result<(String, NaiveDate)> {
    // Until it is proposed: the first day on which it may be in force.
    let usual = simulation::usual_day(office, change).max(approval::earliest(office)?);
    let day = change.effective_on.unwrap_or(usual);
    let text = if change.notice.is_empty() {
        notice::draft(office, change, day, totals, levied)
    } else {
        change.notice.clone()
    };
    Ok((text, day))
}

fn paragraphs(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `GET /desk/policy/{change}/notice.pdf`: the notice with its table, as it is put up.
pub(crate) async fn pdf(
    State(portal): State<Portal>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    let run = simulation::latest(office, change.change_id)
        .await?
        .filter(|run| fits(&change, Some(run)));
    let totals = match &run {
        Some(run) => Some(result::totals(office, run.simulation_id).await?),
        None => None,
    };
    let levied = match &run {
        Some(run) => levy::found(office, run.simulation_id).await?,
        None => None,
    };
    let (text, day) = kept(office, &change, totals.as_ref(), levied.as_ref())?;
    let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "—".to_owned());
    let rows = change.differences.0.iter().take(ROWS).map(|one| {
        let what = if one.place.is_empty() {
            one.label.clone()
        } else {
            format!("{}（{}）", one.label, one.place)
        };
        vec![what, said(&one.before), said(&one.after)]
    });
    let left = change.differences.0.len().saturating_sub(ROWS);
    let data = DecreeData {
        centre: office.centre.name.clone(),
        title: "公告".to_owned(),
        number: change.title.clone(),
        to: String::new(),
        body: paragraphs(&text),
        columns: ["规定", "改前", "改后"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        foot: if left == 0 {
            format!("以上自{}起施行。", chinese_date(day))
        } else {
            format!(
                "以上自{}起施行。另有 {left} 处，见规则全文。",
                chinese_date(day)
            )
        },
        issued_on: office.today(),
        in_force: [state::APPROVED, state::IN_FORCE, state::SUPERSEDED].contains(&change.state),
    };
    let bytes = portal.printer.decree(data).await?;
    Ok(download::pdf(&format!("policy-{number}-notice"), bytes))
}

/// Rows of the table that fit on the pages of a notice.
const ROWS: usize = 100;

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
