//! 异地转移 at the desk: open letters with their clocks, and what two persons decide about one.

use anju_business::remote::letter::{Letter, Side};
use anju_business::remote::two_persons::{self, Proposal};
use anju_business::remote::{letter, list};
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
    State as Shown, Table, Text, Timeline, Tone, When,
};
use crate::desk::case::step_name;
use crate::desk::{branch_of, framed, looked, person_number, sees_branch, staff_named};
use crate::pages::desk::{TransferPage, TransfersPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/transfers";

#[derive(Deserialize, Default)]
pub(crate) struct After {
    after: Option<i64>,
}

fn direction(side: Side) -> &'static str {
    match side {
        Side::In => "转入",
        Side::Out => "转出",
    }
}

fn shown(letter: &Letter, late: bool) -> Shown {
    let word = letter.state_word();
    if late || letter.is_escalated() {
        Shown::fail(word).with_icon("alert")
    } else if letter.ended_at.is_some() {
        Shown::idle(word)
    } else {
        Shown::wait(word)
    }
}

/// `GET /desk/transfers`.
pub(crate) async fn list_page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(query): Query<After>,
) -> Result<TransfersPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let letters = list::open(office, branch_of(&at.staff), query.after.unwrap_or(0), PAGE).await?;
    let people: Vec<i64> = letters.iter().filter_map(|one| one.person_id).collect();
    let names = person::masked_names(office, &people).await?;
    let lines = letters
        .iter()
        .map(|one| {
            let clock = list::clock(office, one, now);
            let name = one
                .person_id
                .and_then(|person| names.get(&person))
                .map_or("—", String::as_str);
            Line::new(vec![
                Cell::digits(when::minute(one.applied_at, now))
                    .link(format!("{HERE}/{}", case::number(office, one.letter_id))),
                Cell::new(direction(one.side())),
                Cell::new(name),
                Cell::new(one.other_name.as_str()),
                Cell::amount(Fen::new(match one.received_fen {
                    0 => one.amount_fen.unwrap_or(0),
                    received => received,
                })),
                Cell::new(format!("{} 天", clock.days)),
                Cell::new(when::iso(clock.alarm_on)),
                Cell::state(&shown(one, clock.late)),
            ])
        })
        .collect();
    let more = (letters.len() as i64 == PAGE)
        .then(|| letters.last())
        .flatten()
        .map(|last| format!("{HERE}?after={}", last.letter_id));
    Ok(TransfersPage {
        frame: framed(office, &visit, &at, "异地转移", HERE).await?,
        table: Table::new(
            "transfers",
            "在办的异地转移，先申请的在前，单位：元",
            vec![
                Column::words("申请"),
                Column::words("方向"),
                Column::words("姓名"),
                Column::words("对方中心"),
                Column::figures("金额（元）"),
                Column::figures("工作日"),
                Column::words("预警"),
                Column::words("状态"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty("没有在办的异地转移。")
        .pager(Pager {
            note: "先办先到的".into(),
            before: query.after.map(|_| HERE.to_owned()),
            after: more,
        }),
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开")]),
    })
}

async fn found(office: &Office, at: &AtDesk, number: &str) -> Result<Letter, PageError> {
    let letter_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let one = letter::get(office, letter_id)
        .await?
        .ok_or(PageError::NotFound)?;
    if sees_branch(&at.staff, one.branch_id) || branch_of(&at.staff).is_none() {
        Ok(one)
    } else {
        let words = "这笔转移归别的网点管，您看不到。";
        Err(PageError::Forbidden(words.to_owned()))
    }
}

/// `GET /desk/transfers/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<TransferPage, PageError> {
    draw(&portal, &visit, &at, &number, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    number: &str,
    flash: Option<Flash>,
) -> Result<TransferPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let one = found(office, at, number).await?;
    let mut name = "—".to_owned();
    if let Some(person_id) = one.person_id {
        let why = format!("办件 {number}");
        looked(office, at, person_id, "异地转移", &why, Some(one.letter_id)).await?;
        let names = person::masked_names(office, &[person_id]).await?;
        name = names.get(&person_id).cloned().unwrap_or(name);
    }
    let clock = list::clock(office, &one, now);
    let money = |fen: i64| Text::new().money(Fen::new(fen));
    let mut facts: Vec<(String, Text)> = vec![
        ("方向".into(), direction(one.side()).into()),
        (
            "职工".into(),
            match one.person_id {
                Some(person_id) => Text::new().link(
                    format!("/desk/people/{}", person_number(office, person_id)),
                    name,
                ),
                None => name.into(),
            },
        ),
        (
            "对方中心".into(),
            Text::new()
                .say(&one.other_name)
                .say(" ")
                .num(&one.other_centre),
        ),
        ("联系函".into(), Text::new().num(&one.letter_no)),
        ("申请".into(), when::second(one.applied_at, now).into()),
        (
            "工作日".into(),
            Text::new()
                .num(clock.days.to_string())
                .say("，预警日 ")
                .num(when::iso(clock.alarm_on)),
        ),
    ];
    if let Some(sheet) = &one.sheet {
        facts.push(("信息表总额".into(), money(sheet.total_fen)));
        facts.push((
            "其中".into(),
            Text::new()
                .say("本金 ")
                .money(Fen::new(sheet.principal_fen))
                .say("，利息 ")
                .money(Fen::new(sheet.interest_fen)),
        ));
        facts.push((
            "缴存月数".into(),
            Text::new().num(sheet.months.len().to_string()),
        ));
    }
    if one.received_fen > 0 {
        facts.push(("已到账".into(), money(one.received_fen)));
    }
    if let Some(reason) = &one.reason {
        facts.push(("说明".into(), reason.as_str().into()));
    }
    let mut lines = Vec::new();
    for event in case::events(office, one.letter_id).await? {
        let who = match event.actor_id {
            0 => "系统".to_owned(),
            -1 => "对方中心".to_owned(),
            id if Some(id) == one.person_id => "本人".to_owned(),
            id => staff_named(office, id, "经办人").await?,
        };
        // Nothing is paid by a transfer's approval alone.
        let told = event.steps.iter().filter(|step| *step != "executing");
        let words: Vec<&str> = told.map(|step| step_name(step)).collect();
        let what = words.join("、");
        let note = format!("{} · {who}", when::second(event.at, now));
        lines.push(Event::new(When::Done, what, note));
    }
    let acts = may(&at.staff, &Method::POST, "/desk/transfers/{case}/propose");
    let proposal = one.proposal.as_deref().and_then(Proposal::parse);
    let possible = two_persons::possible(&one);
    let frame = framed(office, visit, at, "异地转移", HERE).await?;
    let hidden = frame.head.hidden();
    let proposed = match (proposal, one.proposed_by) {
        (Some(proposal), Some(by)) => Some(
            Text::new()
                .say(staff_named(office, by, "经办人").await?)
                .say(" 提出：")
                .strong(proposal.word())
                .say("。要另一人复核。"),
        ),
        _ => None,
    };
    Ok(TransferPage {
        frame,
        flash,
        case_no: number.to_owned(),
        title: format!("{} · {}", direction(one.side()), one.other_name),
        state: shown(&one, clock.late),
        facts: Facts(facts),
        timeline: Timeline(lines),
        fields: if acts && proposal.is_none() && !possible.is_empty() {
            let options = possible
                .iter()
                .map(|one| (one.code().to_owned(), one.word().to_owned()))
                .collect();
            vec![
                Field::select("proposal", "怎么办", options),
                Field::new("reason", "依据", FieldKind::Long).hint("例如：已与对方中心电话核对"),
            ]
        } else {
            Vec::new()
        },
        propose: Button::submit("提出，交另一人复核").wide(),
        proposed,
        agree: (acts && proposal.is_some())
            .then(|| Button::send("复核通过", ButtonLook::Primary).value("agree", "yes")),
        idle: if possible.is_empty() {
            "现在没有要人办的：系统和对方中心在办。"
        } else {
            "等柜员或复核员提出，再由另一人复核。"
        },
        send_back: Button::send("退回", ButtonLook::Plain).value("agree", "no"),
        hidden,
    })
}

#[derive(Deserialize)]
pub(crate) struct ProposeForm {
    proposal: String,
    reason: String,
}

/// `POST /desk/transfers/{case}/propose`.
pub(crate) async fn propose(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<ProposeForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let done = match Proposal::parse(&form.proposal) {
        Some(proposal) => {
            two_persons::propose(office, one.letter_id, proposal, &form.reason, &at.staff).await
        }
        None => Err(case::moved_on().into()),
    };
    answer(&portal, &visit, &at, &number, done).await
}

#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    agree: String,
}

/// `POST /desk/transfers/{case}/confirm`.
pub(crate) async fn confirm(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let done = two_persons::confirm(office, one.letter_id, form.agree == "yes", &at.staff).await;
    portal.engine.letters.notify_one();
    answer(&portal, &visit, &at, &number, done).await
}

async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    number: &str,
    done: Result<(), Error>,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("{HERE}/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(portal, visit, at, number, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
