//! 死亡信号: accounts that a register of deaths has locked, to be confirmed, or freed where the register was wrong.

use anju_business::sharing::batch::signal_state;
use anju_business::sharing::death;
use anju_casework::{Error, person};
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{Cell, Column, Flash, Line, Pager, State as Shown, Table, Text, Tone};
use crate::desk::{branch_of, framed, staff_named};
use crate::pages::desk::{DeathLine, DeathsPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/deaths";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    before: Option<i64>,
}

/// `GET /desk/deaths?before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<DeathsPage, PageError> {
    draw(&portal, &visit, &at, &view, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    flash: Option<Flash>,
) -> Result<DeathsPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let mine = may(&at.staff, &Method::POST, HERE);
    let found = death::list(office, branch_of(&at.staff), view.before, PAGE).await?;
    let (mut waiting, mut decided) = (Vec::new(), Vec::new());
    for one in &found {
        let name = person::get(office, one.person_id)
            .await?
            .map_or_else(String::new, |person| {
                anju_domain::name::mask(person.name.expose())
            });
        let number = office.numbers.encode(NumberKind::Person, one.person_id);
        let date = one
            .value
            .as_ref()
            .and_then(|value| value["date"].as_str())
            .unwrap_or("未写明")
            .to_owned();
        if one.state == signal_state::OPEN {
            waiting.push(DeathLine {
                signal: one.signal_id,
                who: Text::new().link(format!("/desk/people/{number}"), name),
                says: Text::new().say(format!(
                    "死亡日期 {date}，{}收到，冻结账户 {} 个",
                    when::minute(one.at, now),
                    one.holds.len()
                )),
                mine,
            });
            continue;
        }
        let by = match one.done_by {
            Some(staff) => staff_named(office, staff, "").await?,
            None => String::new(),
        };
        decided.push(Line::new(vec![
            Cell::new(name).link(format!("/desk/people/{number}")),
            Cell::digits(date),
            Cell::digits(when::minute(one.at, now)),
            Cell::state(&if one.state == signal_state::CONFIRMED {
                Shown::pass("属实")
            } else {
                Shown::idle("有误，已解除")
            }),
            Cell::new(by),
            Cell::new(one.note.clone()),
        ]));
    }
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| format!("{HERE}?before={}", last.signal_id));
    Ok(DeathsPage {
        frame: framed(office, visit, at, "死亡信号", HERE).await?,
        flash,
        waiting,
        decided: Table::new(
            "deaths",
            "处理过的死亡信号",
            vec![
                Column::words("客户"),
                Column::words("死亡日期"),
                Column::words("收到"),
                Column::words("结果"),
                Column::words("经办"),
                Column::words("依据"),
            ],
            decided,
        )
        .cards()
        .empty("还没有处理过。"),
        pager: more.map(|after| Pager {
            note: String::new(),
            before: None,
            after: Some(after),
        }),
    })
}

#[derive(Deserialize)]
pub(crate) struct DecideForm {
    signal: i64,
    so: bool,
    #[serde(default)]
    note: String,
}

/// `POST /desk/deaths`.
pub(crate) async fn decide(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<DecideForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let done = death::decide(
        office,
        &at.staff,
        branch_of(&at.staff),
        form.signal,
        form.so,
        &form.note,
    )
    .await;
    match done {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail);
            let page = draw(&portal, &visit, &at, &View::default(), Some(flash)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
