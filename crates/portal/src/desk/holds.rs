//! 核查: cases that a pattern of fraud has stopped, in the order of their promises; what was found side by side, and a reviewer's word about it.

use anju_business::fraud::{finding, ground_word, statement};
use anju_casework::case::hold::{self, Finding};
use anju_casework::case::{self, Case};
use anju_casework::{Error, Office, person};
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, Keys, Line, Pager,
    State as Shown, Table, Text, Timeline, Tone, When,
};
use crate::desk::case::step_name;
use crate::desk::{branch_of, framed, looked, person_number, sees_branch, staff_named};
use crate::my::{amount_of, channel_name, service_name};
use crate::pages::desk::{FraudListPage, FraudPage, Part, Said};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/holds";

/// Those who share something with the applicant that the page shows.
const SHARERS: i64 = 50;

#[derive(Deserialize)]
pub(crate) struct View {
    after_at: Option<DateTime<Utc>>,
    after: Option<String>,
}

/// `GET /desk/holds`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<FraudListPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let after = view.after_at.zip(
        view.after
            .as_deref()
            .and_then(|number| office.numbers.decode(NumberKind::Case, number)),
    );
    let held = hold::held(office, branch_of(&at.staff), after, PAGE).await?;
    let people: Vec<i64> = held.iter().map(|one| one.applicant_id).collect();
    let names = person::masked_names(office, &people).await?;
    let mut lines = Vec::new();
    for one in &held {
        let number = case::number(office, one.case_id);
        let events = case::events(office, one.case_id).await?;
        let patterns = hold::patterns_of(&events);
        let words: Vec<String> = patterns
            .iter()
            .map(|code| format!("{code} {}", ground_word(code)))
            .collect();
        lines.push(Line::new(vec![
            Cell::state(&days_left(office, one)),
            Cell::digits(number.as_str()).link(format!("{HERE}/{number}")),
            Cell::new(service_name(office, one)),
            Cell::new(names.get(&one.applicant_id).map_or("—", String::as_str)),
            Cell::maybe(amount_of(one)),
            Cell::new(words.join("；")),
            Cell::new(
                one.held_since
                    .map_or_else(String::new, |at| when::minute(at, now)),
            ),
        ]));
    }
    let more = (held.len() as i64 == PAGE)
        .then(|| held.last())
        .flatten()
        .map(|last| {
            format!(
                "{HERE}?after_at={}&after={}",
                last.promised_at.format("%Y-%m-%dT%H:%M:%S%.fZ"),
                case::number(office, last.case_id)
            )
        });
    Ok(FraudListPage {
        frame: framed(office, &visit, &at, "核查", HERE).await?,
        flash: None,
        title: "核查",
        lead: "规则发现了骗提的迹象，停下来等人看。没有问题的解除核查，接着复核；属实的不予通过，列为疑似失信，由另一人认定。到期没有结论的，自动恢复办理。",
        tabs: None,
        table: Table::new(
            "holds",
            "正在核查的办件，按承诺时间排序",
            vec![
                Column::words("核查还剩"),
                Column::words("办件"),
                Column::words("事项"),
                Column::words("谁"),
                Column::figures("金额（元）"),
                Column::words("发现的情况"),
                Column::words("开始核查"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty("没有要核查的办件。")
        .pager(Pager {
            note: "按承诺时间排序".into(),
            before: after.map(|_| HERE.to_owned()),
            after: more,
        }),
        form: None,
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开")]),
    })
}

fn days_left(office: &Office, one: &Case) -> Shown {
    let left = one
        .held_until
        .map_or(0, |until| (until - office.today()).num_days());
    match left {
        ..=3 => Shown::fail(format!("{left} 天")).with_icon("alert"),
        4..=10 => Shown::wait(format!("{left} 天")).with_icon("clock"),
        _ => Shown::idle(format!("{left} 天")).with_icon("clock"),
    }
}

async fn found(office: &Office, at: &AtDesk, number: &str) -> Result<Case, PageError> {
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let one = case::require(office, case_id).await?;
    if sees_branch(&at.staff, one.branch_id) || branch_of(&at.staff).is_none() {
        Ok(one)
    } else {
        let words = "这个办件归别的网点管，由那里的复核员核查。";
        Err(PageError::Forbidden(words.to_owned()))
    }
}

/// `GET /desk/holds/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<FraudPage, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let why = format!("核查办件 {number}");
    looked(
        office,
        &at,
        one.applicant_id,
        "核查",
        &why,
        Some(one.case_id),
    )
    .await?;
    draw(&portal, &visit, &at, &one, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    one: &Case,
    flash: Option<Flash>,
) -> Result<FraudPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let number = case::number(office, one.case_id);
    let happened = case::events(office, one.case_id).await?;
    let patterns = hold::patterns_of(&happened);
    let policy = office.policy_version(one.policy_id).await?;
    let decision = case::decision_of(office, one, &policy).await?;
    let conditions = decision.map_or_else(Vec::new, |decision| {
        explain::conditions_where(&decision, |found| {
            patterns.iter().any(|pattern| pattern == found.code)
        })
    });
    let sharers = finding::sharers(office, one, SHARERS).await?;
    let mut people: Vec<i64> = sharers.iter().map(|sharer| sharer.person_id).collect();
    people.push(one.applicant_id);
    let names = person::masked_names(office, &people).await?;
    let name = |person: i64| names.get(&person).map_or("—", String::as_str);
    let lines: Vec<Line> = sharers
        .iter()
        .map(|sharer| {
            let with_case = sharer.case_id.map(|case_id| case::number(office, case_id));
            Line::new(vec![
                Cell::new(name(sharer.person_id)).link(format!(
                    "/desk/people/{}",
                    person_number(office, sharer.person_id)
                )),
                Cell::new(match sharer.by.as_str() {
                    "device" => "同一设备登录",
                    "address" => "同一网络地址登录",
                    "card" => "同一收款卡",
                    _ => "同一登记手机",
                }),
                Cell::digits(
                    sharer
                        .at
                        .map_or_else(String::new, |at| when::minute(at, now)),
                ),
                with_case.map_or_else(Cell::none, Cell::digits),
            ])
        })
        .collect();
    let mut events = Vec::new();
    for event in &happened {
        let who = match event.actor_id {
            0 => "系统".to_owned(),
            id if id == one.applicant_id => "本人".to_owned(),
            id => staff_named(office, id, "经办人").await?,
        };
        let words: Vec<&str> = event.steps.iter().map(|step| step_name(step)).collect();
        let note = format!("{} · {who}", when::second(event.at, now));
        events.push(Event::new(When::Done, words.join("、"), note));
    }
    let said = statement::of(office, one.case_id)
        .await?
        .into_iter()
        .map(|said| Said {
            head: format!("说明情况，{}", when::minute(said.made_at, now)).into(),
            text: said.text,
            answer: Text::new(),
        })
        .collect();
    let mut facts: Vec<(String, Text)> = vec![
        (
            "申请人".into(),
            Text::new().link(
                format!("/desk/people/{}", person_number(office, one.applicant_id)),
                name(one.applicant_id),
            ),
        ),
        (
            "办件".into(),
            Text::new().link(format!("/desk/cases/{number}"), &number),
        ),
        ("提交".into(), when::second(one.submitted_at, now).into()),
        ("渠道".into(), channel_name(&one.channel).into()),
    ];
    if let Some(amount) = amount_of(one) {
        facts.push(("金额".into(), Text::new().money(amount)));
    }
    if let Some(tail) = one.card_tail() {
        facts.push(("收款卡".into(), Text::new().tail(tail)));
    }
    if let Some(until) = one.held_until {
        facts.push(("最迟".into(), when::iso(until).into()));
    }
    let acts = may(&at.staff, &Method::POST, "/desk/holds/{case}");
    let is_maker = one.served_by == Some(at.staff.staff_id);
    let held = one.held_since.is_some();
    let frame = framed(office, visit, at, "核查", HERE).await?;
    Ok(FraudPage {
        frame,
        flash,
        title: format!("核查 · {}", service_name(office, one)),
        state: if held {
            days_left(office, one)
        } else {
            Shown::idle("核查已结束")
        },
        facts: Facts(facts),
        conditions,
        sharers: (!lines.is_empty()).then(|| {
            Table::new(
                "sharers",
                "与申请人共用设备、银行卡或手机的人",
                vec![
                    Column::words("谁"),
                    Column::words("共用"),
                    Column::words("最近一次"),
                    Column::words("办件"),
                ],
                lines,
            )
            .cards()
        }),
        said,
        timeline: Timeline(events),
        parts: if held && acts && !is_maker {
            vec![Part {
                id: "hc",
                name: "核查结论".to_owned(),
                lead: "没有问题就解除核查，办件转人工复核，承诺时间接着算。属实就不予通过，申请人列为疑似失信，由另一人认定。".into(),
                action: format!("{HERE}/{number}"),
                hidden: Vec::new(),
                fields: vec![
                    Field::new("reason", "理由", FieldKind::Long)
                        .hint("写您核对了什么；不予通过的理由本人会看到"),
                ],
                buttons: vec![
                    Button::submit("没有问题，解除核查").value("finding", "clear"),
                    Button::send("属实，不予通过", ButtonLook::Danger).value("finding", "fraud"),
                ],
            }]
        } else {
            Vec::new()
        },
        idle: if !held {
            Some(
                Text::new()
                    .say("核查已经结束，看")
                    .link(format!("/desk/cases/{number}"), "办件"),
            )
        } else if is_maker {
            Some("您是这笔业务的经办人，不能自己核查。".into())
        } else if !acts {
            Some("核查由复核员办理。".into())
        } else {
            None
        },
        proof: Some(format!("/desk/cases/{number}/proof.json")),
    })
}

#[derive(Deserialize)]
pub(crate) struct FindingForm {
    finding: String,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/holds/{case}`.
pub(crate) async fn conclude(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<FindingForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let what = match form.finding.as_str() {
        "clear" => Finding::Clear,
        "fraud" => Finding::Fraud,
        _ => return Err(PageError::NotFound),
    };
    match finding::conclude(office, &one, what, &form.reason, &at.staff).await {
        Ok(()) => Ok(Redirect::to(&format!("{HERE}/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::CONFLICT);
            let page = draw(&portal, &visit, &at, &one, Some(flash)).await?;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
