//! 灵活就业缴存补贴: what a contribution year that is over comes to by office, and the list that waits for finance's money.

use anju_business::contribution::flexible::subsidy::{self, OfficeShare, Year};
use anju_business::contribution::remittance::state;
use anju_casework::Error;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::State;
use axum::http::Method;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Flash, Line, State as Shown, Table, Tone,
};
use crate::desk::framed;
use crate::pages::desk::FlexiblePage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

const HERE: &str = "/desk/flexible";

/// `GET /desk/flexible`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<FlexiblePage, PageError> {
    draw(&portal, &visit, &at, None).await
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    office: String,
}

/// `POST /desk/flexible`: registers an office's list.
pub(crate) async fn register(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(chosen): Form<Chosen>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer_id = office
        .numbers
        .decode(NumberKind::Employer, &chosen.office)
        .ok_or(PageError::NotFound)?;
    let year = Year::last_of(office)?;
    match subsidy::register(office, year, employer_id, &at.staff).await {
        Ok(_) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(&portal, &visit, &at, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    flash: Option<Flash>,
) -> Result<FlexiblePage, PageError> {
    let office = &portal.engine.office;
    let year = Year::last_of(office)?;
    let shares = subsidy::preview(office, year).await?;
    let makes = may(&at.staff, &Method::POST, HERE);
    let open = shares
        .iter()
        .filter(|one| makes && one.remittance_id.is_none() && one.total_fen > 0);
    let buttons = open
        .map(|one| {
            let number = office.numbers.encode(NumberKind::Employer, one.employer_id);
            Button::send(format!("登记{}", one.name), ButtonLook::Plain).value("office", number)
        })
        .collect();
    let columns = vec![
        Column::words("办事处"),
        Column::figures("人数"),
        Column::figures("补贴（元）"),
        Column::words("缴款码"),
        Column::words("状态"),
    ];
    let lines = shares.iter().map(line).collect();
    Ok(FlexiblePage {
        frame: framed(office, visit, at, "灵活就业补贴", HERE).await?,
        flash,
        lead: format!(
            "{} 年 7 月 1 日到 {} 年 6 月 30 日，存满规定月数的部分按年率补贴。登记后把缴款码交给财政，钱到了马上记到每个人的账户。",
            year.year,
            year.year + 1
        )
        .into(),
        table: Table::new("offices", "各办事处，单位：元", columns, lines)
            .empty("还没有灵活就业缴存人。"),
        buttons,
    })
}

fn line(one: &OfficeShare) -> Line {
    Line::new(vec![
        Cell::new(one.name.as_str()),
        Cell::new(one.people.to_string()),
        Cell::amount(Fen::new(one.total_fen)),
        Cell::digits(one.reference.as_deref().unwrap_or("—")),
        Cell::state(&match one.state {
            Some(state::ALLOCATED) => Shown::pass("已记入账户"),
            Some(_) => Shown::wait("等财政拨款"),
            None => Shown::idle("没有登记"),
        }),
    ])
}
