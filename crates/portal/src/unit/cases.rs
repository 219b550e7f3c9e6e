//! 办件 of an employer: what was asked for, where it stands, and what goes on with what was approved.

use anju_business::contribution::relief::supplement;
use anju_business::contribution::remittance::{self, Remittance};
use anju_business::contribution::transfer_request::{self, Waiting};
use anju_business::contribution::{credit as credits, people, relief};
use anju_casework::case::{self, Case, CaseState};
use anju_casework::{Error, Office};
use anju_domain::money::Fen;
use anju_policy::service::InputType;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Event, Facts, Field, FieldKind, Flash, Pager, Promise, Row, Rows, Text,
    Timeline, Tone, When,
};
use crate::frame::UnitTab;
use crate::my::{Read, amount_of, channel_name, service_name, stage_in_list};
use crate::pages::error::PageError;
use crate::pages::unit::{CasePage, CasesPage, UnitForm};
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;
use crate::service::words::{Stage, work_step};
use crate::unit::apply::{SERVICES, said};
use crate::unit::home::state_of;
use crate::unit::{arrangement, changed, credit, framed, number, waiting as lists};
use crate::when;

const PAGE: i64 = 20;

/// People of a list that a case names; of more it says how many.
const NAMED: i64 = 5;

/// A page of the cases.
#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

/// `GET /unit/cases`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(query): Query<Before>,
) -> Result<CasesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let (frame, _) = framed(office, &visit, &at, "办事", UnitTab::Cases).await?;
    let before = query
        .before
        .as_deref()
        .and_then(|number| office.numbers.decode(NumberKind::Case, number));
    let cases = case::list_of_applicant(office, at.employer_id, before, PAGE).await?;
    let more = (cases.len() as i64 == PAGE)
        .then(|| cases.last())
        .flatten()
        .map(|last| format!("/unit/cases?before={}", case::number(office, last.case_id)));
    let policy = office.policy();
    let services = SERVICES
        .iter()
        .filter_map(|id| policy.set.service(id))
        .map(|service| {
            Row::to(format!("/unit/do/{}", service.id), service.name_zh.as_str())
                .note(service.summary.as_str())
                .icon("task")
        })
        .chain([Row::to("/unit/subsidy", "住房补贴")
            .note("按月或一次性给职工补，和公积金分开记账")
            .icon("task")])
        .collect();
    Ok(CasesPage {
        frame,
        services: Rows::new(services),
        cases: Rows::new(cases.iter().map(|one| row(office, one, now)).collect()),
        pager: (more.is_some() || before.is_some()).then(|| Pager {
            note: String::new(),
            before: before.map(|_| "/unit/cases".to_owned()),
            after: more,
        }),
    })
}

fn row(office: &Office, one: &Case, now: DateTime<Utc>) -> Row {
    let stage = stage_in_list(office, one);
    let name = service_name(office, one);
    let title = match amount_of(one) {
        Some(amount) => Text::new().say(name).say(" ").money(amount),
        None => Text::from(name),
    };
    let note = if stage.is_moving() {
        format!("最迟{}", when::promise(one.promised_at, now))
    } else {
        when::minute(one.submitted_at, now)
    };
    Row::to(
        format!("/unit/cases/{}", case::number(office, one.case_id)),
        title,
    )
    .note(note)
    .sign(&stage.state())
    .value(stage.state())
}

/// A case of this employer by its public number; another's answers like one that does not exist.
pub(super) async fn own(office: &Office, at: &AtUnit, number: &str) -> Result<Case, PageError> {
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let one = case::require(office, case_id).await?;
    // What runs on after its employer was merged is the one's that took it over.
    let taken_over = async || -> Result<bool, PageError> {
        let life = relief::get(office, case_id).await?;
        Ok(life.is_some_and(|life| life.employer_id == at.employer_id))
    };
    if one.applicant_id == at.employer_id || taken_over().await? {
        Ok(one)
    } else {
        Err(PageError::NotFound)
    }
}

/// `GET /unit/cases/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
    Query(place): Query<Place>,
) -> Result<CasePage, PageError> {
    draw(&portal, &visit, &at, &number, (place.line, None)).await
}

/// A page of whom a case changes.
#[derive(Deserialize)]
pub(crate) struct Place {
    line: Option<i32>,
}

/// The page again, with what kept something from being done.
pub(super) async fn refused(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    number: &str,
    words: &str,
) -> Result<Response, PageError> {
    let flash = Flash::new(Tone::Fail, words);
    let page = draw(portal, visit, at, number, (None, Some(flash))).await?;
    Ok((StatusCode::CONFLICT, page).into_response())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    number: &str,
    (line, flash): (Option<i32>, Option<Flash>),
) -> Result<CasePage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let read = Read::of(office, own(office, at, number).await?).await?;
    let (frame, _) = framed(office, visit, at, &read.name, UnitTab::Cases).await?;
    let case_id = read.case.case_id;
    let approved = match relief::get(office, case_id).await? {
        Some(one) => Some(arrangement::life(office, &one, number).await?),
        None => None,
    };
    let mut forms = Vec::new();
    let (facts, mut tables) = match approved {
        Some(life) => {
            forms.extend(life.forms);
            (Some(life.facts), life.tables)
        }
        None => match credits::get(office, case_id).await? {
            Some(one) => {
                forms.extend(credit::forms(office, &one, number));
                (
                    Some(credit::facts(office, &one)),
                    credit::tables(office, &one).await?,
                )
            }
            None => (None, Vec::new()),
        },
    };
    let here = format!("/unit/cases/{number}");
    tables.extend(changed::table(office, &read.case, &here, line).await?);
    if supplement::waits(&read.case) {
        forms.push(UnitForm {
            id: "supplement",
            name: "补交决议",
            lead: "职工代表大会或工会讨论通过后，填写决议的文号，我们接着办。5 个工作日内不补的，申请作撤回。".into(),
            action: format!("/unit/cases/{number}/supplement"),
            key: uuid::Uuid::now_v7().to_string(),
            fields: vec![Field::new(
                supplement::FIELD,
                "职工代表大会或工会决议文号",
                FieldKind::Text,
            )],
            button: Button::submit("补交"),
        });
    }
    if matches!(
        read.case.state(),
        CaseState::Submitted | CaseState::Gathering | CaseState::Reviewing
    ) {
        forms.push(UnitForm {
            id: "withdraw",
            name: "撤回",
            lead: "还没有批准，撤回后随时可以再来。".into(),
            action: format!("/unit/cases/{number}/withdraw"),
            key: uuid::Uuid::now_v7().to_string(),
            fields: Vec::new(),
            button: Button::send("撤回这次申请", ButtonLook::Plain),
        });
    }
    let waiting = transfer_request::of_case(office, case_id).await?;
    if waiting.is_some() {
        forms.push(UnitForm {
            id: "withdraw",
            name: "撤回",
            lead: "不再等原单位。以后要转入，可以再申请。".into(),
            action: format!("/unit/cases/{number}/withdraw"),
            key: uuid::Uuid::now_v7().to_string(),
            fields: Vec::new(),
            button: Button::send("撤回这次申请", ButtonLook::Plain),
        });
    }
    // The case of a list is the list: how much, for which months, and how it is paid.
    let list = remittance::of_ids(office, &[case_id]).await?.pop();
    let mut asked = asked(office, &read.case).await?;
    asked
        .0
        .extend(to_pay(office, case_id, list.as_ref()).await?);
    let decided = read.stage != Stage::Submitted && read.stage != Stage::Gathering;
    Ok(CasePage {
        frame,
        flash,
        title: read.name.clone(),
        case_no: number.to_owned(),
        promise: match (&waiting, list.filter(Remittance::is_open)) {
            (Some(waiting), _) => waits(&read, waiting),
            (None, Some(list)) => unpaid(office, &list),
            (None, None) => promise(&read, now),
        },
        asked,
        conditions: read
            .decision
            .as_ref()
            .filter(|_| decided)
            .map_or_else(Vec::new, explain::conditions),
        approved: facts,
        tables,
        forms,
        timeline: timeline(office, &read, now).await?,
        proof: format!("/unit/cases/{number}/proof.json"),
    })
}

/// E-TRF-02 where it stands: who is waited for, until when, and what else keeps it.
fn waits(read: &Read, waiting: &Waiting) -> Promise {
    Promise {
        state: read.stage.state(),
        headline: transfer_request::words(waiting.until).into(),
        note: waiting.held_by.as_deref().map_or_else(
            || {
                format!(
                    "{}，原单位是“{}”。原单位一封存就转入，结果发短信给经办人；不用再申请。",
                    waiting.name_masked, waiting.from_name
                )
                .into()
            },
            Text::from,
        ),
    }
}

/// Where a list is paid.
fn pay_link(office: &Office, list: &Remittance) -> Text {
    let no = number(office, list);
    let href = if list.kind == remittance::kind::MONTHLY {
        "/unit/pay".to_owned()
    } else {
        format!("/unit/pay?list={no}")
    };
    Text::new().link(href, "去付款")
}

/// A list that waits for its money.
fn unpaid(office: &Office, list: &Remittance) -> Promise {
    Promise {
        state: state_of(list),
        headline: Text::new()
            .say("等 ")
            .money(Fen::new(list.amount_fen - list.received_fen))
            .say(" 到账，最迟")
            .time(when::until(list.due_on, office.now())),
        note: Text::new()
            .say("到账后马上分配。")
            .join(pay_link(office, list)),
    }
}

/// What a case made its employer owe: itself, where it is a list, or the list that was registered with it.
async fn to_pay(
    office: &Office,
    case_id: i64,
    list: Option<&Remittance>,
) -> Result<Vec<(String, Text)>, PageError> {
    let amount = |list: &Remittance| {
        let amount = Text::new().money(Fen::new(list.amount_fen));
        match list.is_open() {
            true => amount.say("　").join(pay_link(office, list)),
            false => amount,
        }
    };
    if let Some(list) = list {
        let name = lists::name(office, list).await?;
        return Ok(vec![
            ("清册".to_owned(), name.into()),
            ("金额".to_owned(), amount(list)),
        ]);
    }
    let registered = case::events(office, case_id)
        .await?
        .into_iter()
        .filter_map(|event| event.detail)
        .find_map(|detail| {
            let number = detail.get("difference")?["remittance"].as_str()?;
            office.numbers.decode(NumberKind::Remittance, number)
        });
    let Some(id) = registered else {
        return Ok(Vec::new());
    };
    let Some(list) = remittance::of_ids(office, &[id]).await?.pop() else {
        return Ok(Vec::new());
    };
    let name = lists::name(office, &list).await?;
    Ok(vec![(format!("同时登记的{name}"), amount(&list))])
}

/// Where it stands, in the words of an employer.
fn promise(read: &Read, now: DateTime<Utc>) -> Promise {
    let latest = when::promise(read.case.promised_at, now);
    let (headline, note): (Text, Text) = match read.stage {
        Stage::Submitted | Stage::Gathering | Stage::Silent => (
            format!("正在核对，最迟{latest}给您结果").into(),
            "结果发短信给经办人。可以关闭本页，不用再提交。".into(),
        ),
        Stage::NeedsPaper => (
            "还缺材料".into(),
            "下面写着缺什么。补齐后请重新提交，或送到任一网点。".into(),
        ),
        Stage::Decided | Stage::Reviewing | Stage::Held => (
            format!("工作人员在看，最迟{latest}给您结果").into(),
            "结果发短信给经办人。".into(),
        ),
        Stage::Paying | Stage::Doing | Stage::Querying => ("已通过，正在办理".into(), Text::new()),
        Stage::Done => ("已通过".into(), Text::new()),
        Stage::Refused => (
            "这次没有通过".into(),
            read.decision.as_ref().map_or_else(
                || "原因写在下面的进度里。".into(),
                |decision| explain::verdict(decision, "").why,
            ),
        ),
        Stage::Withdrawn => ("您已撤回".into(), "条件不变，随时可以再来。".into()),
        Stage::Failed => ("没有办成".into(), Text::new()),
    };
    Promise {
        state: read.stage.state(),
        headline,
        note,
    }
}

/// What was filled in, by the labels of the definition.
async fn asked(office: &Office, one: &Case) -> Result<Facts, PageError> {
    let policy = office.policy();
    let form = one.open_form(office)?;
    let inputs = policy
        .set
        .service(&one.service)
        .map(|service| &service.inputs);
    let mut facts: Vec<(String, Text)> = Vec::new();
    for input in inputs.into_iter().flatten() {
        let Some(value) = form.get(&input.name).filter(|value| !value.is_null()) else {
            continue;
        };
        // A kept list says nothing by its number: whom it changes does.
        let kept = value
            .as_str()
            .filter(|_| input.input_type == InputType::Roster)
            .and_then(|number| office.numbers.decode(NumberKind::Roster, number));
        let words = match kept {
            Some(roster_id) => {
                let (names, count) = people::changed_by(office, roster_id, NAMED).await?;
                let more = count - names.len() as i64;
                match more {
                    ..=0 => names.join("、"),
                    _ => format!("{} 等 {count} 人", names.join("、")),
                }
            }
            None => said(input, value),
        };
        facts.push((input.label.clone(), words.into()));
    }
    facts.push(("渠道".into(), channel_name(&one.channel).into()));
    Ok(Facts(facts))
}

async fn timeline(office: &Office, read: &Read, now: DateTime<Utc>) -> Result<Timeline, PageError> {
    let happened = case::events(office, read.case.case_id).await?;
    let mut lines = Vec::new();
    for event in &happened {
        for step in &event.steps {
            let words = match step.as_str() {
                "submitted" => "您提交了申请",
                "waiting" => "在等部门回复或材料",
                "reviewing" => "转给工作人员看",
                "approved" => "通过",
                "refused" => "没有通过",
                "withdrawn" => "您撤回了",
                "supplemented" => "补交了决议",
                "paid" => "款项已退到原付款账户",
                other => match work_step(other) {
                    Some(words) => words,
                    None => continue,
                },
            };
            // What was refused without a decision says why in its event.
            let why = event
                .detail
                .as_ref()
                .filter(|_| step == "refused")
                .and_then(|detail| detail["reason"].as_str());
            let words = why.map_or_else(|| words.to_owned(), |why| format!("{words}：{why}"));
            let when = if matches!(step.as_str(), "refused" | "breached") {
                When::Failed
            } else {
                When::Done
            };
            lines.push(Event::new(when, words, when::second(event.at, now)));
        }
        // What was done and is to be seen to: an account in another city, months that are missing.
        let notices = event
            .detail
            .as_ref()
            .and_then(|detail| detail["notices"].as_array());
        for notice in notices.into_iter().flatten() {
            // What is waited for stands above, and no longer once it has come.
            if notice["code"] == "E-TRF-02" {
                continue;
            }
            let words = notice["message"].as_str().unwrap_or_default();
            lines.push(Event::new(When::Now, words, ""));
        }
    }
    if read.stage.is_moving() {
        let latest = format!("最迟{}", when::promise(read.case.promised_at, now));
        lines.push(Event::new(When::Expected, "出结果，短信通知", latest));
    }
    Ok(Timeline(lines))
}

/// `GET /unit/cases/{case}/proof.json`.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own(office, &at, &number).await?;
    proofs::file(&number, case::proof(office, one.case_id, None).await?)
}

#[derive(Deserialize)]
pub(crate) struct Supplement {
    resolution_no: String,
}

/// `POST /unit/cases/{case}/supplement`: the resolution that was lacking.
pub(crate) async fn supplement(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
    Form(form): Form<Supplement>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own(office, &at, &number).await?;
    match supplement::hand_in(office, one.case_id, &form.resolution_no, at.actor()).await {
        Ok(()) => {
            portal.engine.advance(one.case_id).await?;
            Ok(Redirect::to(&format!("/unit/cases/{number}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            refused(&portal, &visit, &at, &number, &refusal.detail).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /unit/cases/{case}/withdraw`.
pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own(office, &at, &number).await?;
    match case::withdraw(office, one.case_id, at.actor()).await {
        Ok(()) => Ok(Redirect::to(&format!("/unit/cases/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            refused(&portal, &visit, &at, &number, &refusal.detail).await
        }
        Err(error) => Err(error.into()),
    }
}
