//! 追回: withdrawals that should not have been paid, or whose home was not bought in the end: leads to be looked at, demands and what has come of them.

use anju_business::fraud::{entry, ground_word};
use anju_business::withdrawal::recovery::{self, Recovery, state};
use anju_casework::{Error, Office, case, person};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, State as Shown, Text,
    Timeline, Tone, When,
};
use crate::desk::by_state::{ByState, PAGE, Row, Standing, View};
use crate::desk::case::step_name;
use crate::desk::{branch_of, framed, looked, person_number, sees_branch, staff_named};
use crate::pages::desk::{FraudListPage, FraudPage, Part};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/desk/recoveries";

const VIEWS: [Standing; 4] = [
    ("lead", "线索", state::LEAD),
    ("demanded", "待退回", state::DEMANDED),
    ("returned", "已退回", state::RETURNED),
    ("dropped", "不追回", state::DROPPED),
];

fn shown(office: &Office, one: &Recovery) -> Shown {
    let late = one.due_on.is_some_and(|due| due < office.today());
    match one.state {
        state::LEAD => Shown::wait("线索"),
        state::DEMANDED if late => Shown::fail("逾期未退").with_icon("alert"),
        state::DEMANDED => Shown::wait("待退回"),
        state::RETURNED => Shown::pass("已退回"),
        _ => Shown::idle("不追回"),
    }
}

/// `GET /desk/recoveries`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<FraudListPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let (.., in_state) = view.of(&VIEWS)?;
    let branch = branch_of(&at.staff);
    let rows = recovery::list(office, in_state, branch, view.after(), PAGE)
        .await?
        .into_iter()
        .map(|one| {
            let number = case::number(office, one.recovery_id);
            Row {
                id: one.recovery_id,
                person_id: one.person_id,
                first: [
                    Cell::state(&shown(office, &one)),
                    Cell::digits(number.as_str()).link(format!("{HERE}/{number}")),
                ],
                rest: vec![
                    Cell::new(one.debtor_word()),
                    Cell::amount(Fen::new(one.owed_fen)),
                    Cell::amount(Fen::new(one.returned_fen)),
                    Cell::digits(one.due_on.map_or_else(|| "—".to_owned(), when::iso)),
                    Cell::new(when::minute(one.found_at, now)),
                ],
                ground: one.ground,
            }
        })
        .collect();
    let list = ByState {
        here: HERE,
        title: "追回",
        lead: "违规提取的、购房合同撤销的，要求退回；钱带着追回码到账，自动记入本人账户。",
        tabs: "追回的范围",
        views: &VIEWS,
        table: ("recoveries", "追回，先发现的在前，单位：元"),
        note: "先发现的在前",
        columns: vec![
            Column::words("谁来退"),
            Column::figures("应退回"),
            Column::figures("已退回"),
            Column::words("期限"),
            Column::words("发现"),
        ],
        form: None,
    };
    let frame = framed(office, &visit, &at, "追回", HERE).await?;
    list.page(office, frame, None, &view, rows).await
}

async fn found(office: &Office, at: &AtDesk, number: &str) -> Result<Recovery, PageError> {
    let id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let one = recovery::require(office, id).await?;
    if sees_branch(&at.staff, one.branch_id) || branch_of(&at.staff).is_none() {
        Ok(one)
    } else {
        Err(PageError::Forbidden("这笔追回归别的网点管。".to_owned()))
    }
}

/// `GET /desk/recoveries/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<FraudPage, PageError> {
    draw(&portal, &visit, &at, &number, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    number: &str,
    flash: Option<Flash>,
) -> Result<FraudPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let one = found(office, at, number).await?;
    looked(
        office,
        at,
        one.person_id,
        "追回",
        &format!("追回 {number}"),
        None,
    )
    .await?;
    let names = person::masked_names(office, &[one.person_id]).await?;
    let of_case = case::number(office, one.of_case);
    let money = |fen: i64| Text::new().money(Fen::new(fen));
    let mut facts: Vec<(String, Text)> = vec![
        (
            "谁".into(),
            Text::new()
                .say(names.get(&one.person_id).map_or("—", String::as_str))
                .say("　")
                .link(
                    format!("/desk/people/{}", person_number(office, one.person_id)),
                    "客户资料",
                ),
        ),
        (
            "那次提取".into(),
            Text::new().link(format!("/desk/cases/{of_case}"), &of_case),
        ),
        ("原因".into(), one.reason_word().into()),
        (
            "情形".into(),
            format!("{} {}", one.ground, ground_word(&one.ground)).into(),
        ),
        ("依据".into(), one.finding.as_str().into()),
        ("谁来退".into(), one.debtor_word().into()),
        ("应退回".into(), money(one.owed_fen)),
        ("已退回".into(), money(one.returned_fen)),
    ];
    if let Some(contract_no) = &one.contract_no {
        facts.push(("合同".into(), Text::new().num(contract_no.as_str())));
    }
    if let Some(day) = one.cancelled_on {
        facts.push(("合同撤销".into(), when::iso(day).into()));
    }
    if let Some(due) = one.due_on {
        facts.push(("期限".into(), when::iso(due).into()));
        facts.push((
            "追回码".into(),
            Text::new().code(recovery::code(office, one.recovery_id)),
        ));
    }
    if let Some(entry_id) = one.entry_id {
        let entry = entry::number(office, entry_id);
        facts.push((
            "失信记录".into(),
            Text::new().link(format!("/desk/blacklist/{entry}"), entry),
        ));
    }
    let mut events = Vec::new();
    for event in case::events(office, one.recovery_id).await? {
        let who = match event.actor_id {
            0 => "系统".to_owned(),
            id => staff_named(office, id, "经办人").await?,
        };
        let words: Vec<&str> = event.steps.iter().map(|step| step_name(step)).collect();
        let note = format!("{} · {who}", when::second(event.at, now));
        events.push(Event::new(When::Done, words.join("、"), note));
    }
    let acts = may(&at.staff, &Method::POST, "/desk/recoveries/{case}");
    let is_lead = one.state == state::LEAD;
    Ok(FraudPage {
        frame: framed(office, visit, at, "追回", HERE).await?,
        flash,
        title: format!("追回 {number}"),
        state: shown(office, &one),
        facts: Facts(facts),
        conditions: Vec::new(),
        sharers: None,
        said: Vec::new(),
        timeline: Timeline(events),
        parts: if is_lead && acts {
            vec![Part {
                id: "rd",
                name: "核实线索".to_owned(),
                lead: "属实就要求退回，期限和怎么退短信告诉本人；不属实写明理由，不追回。".into(),
                action: format!("{HERE}/{number}"),
                hidden: Vec::new(),
                fields: vec![Field::new("reason", "理由", FieldKind::Long).hint("写您核对了什么")],
                buttons: vec![
                    Button::submit("属实，要求退回").value("so", "true"),
                    Button::send("不追回", ButtonLook::Plain).value("so", "false"),
                ],
            }]
        } else {
            Vec::new()
        },
        idle: (is_lead && !acts).then(|| "线索由复核员核实。".into()),
        proof: (one.due_on.is_some()).then(|| format!("/desk/cases/{number}/proof.json")),
    })
}

#[derive(Deserialize)]
pub(crate) struct LeadForm {
    so: bool,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/recoveries/{case}`.
pub(crate) async fn decide(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<LeadForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let staff = at.staff.staff_id;
    match recovery::decide_lead(office, one.recovery_id, form.so, &form.reason, staff).await {
        Ok(()) => Ok(Redirect::to(&format!("{HERE}/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::CONFLICT);
            let page = draw(&portal, &visit, &at, &number, Some(flash)).await?;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
