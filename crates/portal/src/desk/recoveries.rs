//! 追回: withdrawals that should not have been paid: leads to be looked at, demands and what has come of them.

use anju_business::fraud::recovery::{self, Recovery, state};
use anju_business::fraud::{entry, ground_word};
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
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, Keys, Line, Pager,
    State as Shown, Table, Tabs, Text, Timeline, Tone, When,
};
use crate::desk::case::step_name;
use crate::desk::{branch_of, framed, looked, person_number, sees_branch, staff_named};
use crate::pages::desk::{FraudListPage, FraudPage, Part};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/recoveries";

const VIEWS: [(&str, &str, i16); 4] = [
    ("lead", "线索", state::LEAD),
    ("demanded", "待退回", state::DEMANDED),
    ("returned", "已退回", state::RETURNED),
    ("dropped", "不追回", state::DROPPED),
];

#[derive(Deserialize)]
pub(crate) struct View {
    view: Option<String>,
    after: Option<i64>,
}

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
    let chosen = view.view.as_deref().unwrap_or("lead");
    let &(code, _, in_state) = VIEWS
        .iter()
        .find(|(code, ..)| *code == chosen)
        .ok_or(PageError::NotFound)?;
    let branch = branch_of(&at.staff);
    let all = recovery::list(office, in_state, branch, view.after.unwrap_or(0), PAGE).await?;
    let people: Vec<i64> = all.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &people).await?;
    let lines = all
        .iter()
        .map(|one| {
            let number = case::number(office, one.recovery_id);
            Line::new(vec![
                Cell::state(&shown(office, one)),
                Cell::digits(number.as_str()).link(format!("{HERE}/{number}")),
                Cell::new(names.get(&one.person_id).map_or("—", String::as_str)),
                Cell::new(format!("{} {}", one.ground, ground_word(&one.ground))),
                Cell::amount(Fen::new(one.owed_fen)),
                Cell::amount(Fen::new(one.returned_fen)),
                Cell::digits(one.due_on.map_or_else(|| "—".to_owned(), when::iso)),
                Cell::new(when::minute(one.found_at, now)),
            ])
        })
        .collect();
    let more = (all.len() as i64 == PAGE)
        .then(|| all.last())
        .flatten()
        .map(|last| format!("{HERE}?view={code}&after={}", last.recovery_id));
    Ok(FraudListPage {
        frame: framed(office, &visit, &at, "追回", HERE).await?,
        flash: None,
        title: "追回",
        lead: "不该付的提取，要求退回；钱带着追回码到账，自动记入本人账户。",
        tabs: Some(Tabs {
            label: "追回的范围".into(),
            tabs: VIEWS
                .iter()
                .map(|(one, words, _)| {
                    (format!("{HERE}?view={one}"), (*words).into(), *one == code)
                })
                .collect(),
        }),
        table: Table::new(
            "recoveries",
            "追回，先发现的在前，单位：元",
            vec![
                Column::words("状态"),
                Column::words("编号"),
                Column::words("谁"),
                Column::words("情形"),
                Column::figures("应退回"),
                Column::figures("已退回"),
                Column::words("期限"),
                Column::words("发现"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty("没有。")
        .pager(Pager {
            note: "先发现的在前".into(),
            before: view.after.map(|_| format!("{HERE}?view={code}")),
            after: more,
        }),
        form: None,
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开")]),
    })
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
            Text::new().link(
                format!("/desk/people/{}", person_number(office, one.person_id)),
                names.get(&one.person_id).map_or("—", String::as_str),
            ),
        ),
        (
            "那次提取".into(),
            Text::new().link(format!("/desk/cases/{of_case}"), &of_case),
        ),
        (
            "情形".into(),
            format!("{} {}", one.ground, ground_word(&one.ground)).into(),
        ),
        ("依据".into(), one.finding.as_str().into()),
        ("应退回".into(), money(one.owed_fen)),
        ("已退回".into(), money(one.returned_fen)),
    ];
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
                lead: "属实就要求本人退回，期限和怎么退短信告诉他；不属实写明理由，不追回。".into(),
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
