//! 政策变更: the list, one change with its draft, its simulation and its two hands.

use anju_business::policy_change::simulation::{self, Simulation};
use anju_business::policy_change::{self as changes, Change, approval, draft, state};
use anju_casework::{Error, Office, Refusal, policy_force};
use anju_domain::calendar::chinese_date;
use anju_policy::compare::Difference;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, ErrorSummary, Event, Facts, Field, FieldKind, Flash, Hand,
    Hands, Line, Mistake, Pager, State as Shown, Table, Text, Timeline, Tone, When,
};
use crate::desk::policy_edit::{Typed, editing};
use crate::desk::{framed, staff_name, staff_named};
use crate::pages::desk::{PoliciesPage, PolicyPage};
use crate::pages::error::PageError;
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

pub(super) const HERE: &str = "/desk/policy";
const PAGE: i64 = 30;

/// Where a change stands, in words.
pub(super) fn shown(change: &Change) -> Shown {
    match change.state {
        state::DRAFT if !change.faults.0.is_empty() => Shown::fail("草案有错误"),
        state::DRAFT => Shown::wait("起草"),
        state::PROPOSED => Shown::wait("待复核"),
        state::APPROVED => Shown::wait("已批准，待施行"),
        state::IN_FORCE => Shown::pass("施行中"),
        state::WITHDRAWN => Shown::idle("已撤回"),
        _ => Shown::idle("已被取代"),
    }
}

pub(super) fn address(office: &Office, change: &Change) -> String {
    format!("{HERE}/{}", changes::number(office, change.change_id))
}

/// The change of a public number.
pub(super) async fn of(office: &Office, number: &str) -> Result<Change, PageError> {
    let id = changes::of_number(office, number).ok_or(PageError::NotFound)?;
    changes::find(office, id).await?.ok_or(PageError::NotFound)
}

/// May this member of staff work on changes, or only read them?
pub(super) fn works(at: &AtDesk) -> bool {
    may(&at.staff, &Method::POST, HERE)
}

pub(super) fn mistakes_of(refusal: &Refusal) -> Vec<Mistake> {
    if refusal.code == "E-POL-06" {
        return refusal
            .errors
            .iter()
            .map(|one| Mistake::at("", format!("{}（{}）", one.message, refusal.code)))
            .collect();
    }
    let field = refusal
        .errors
        .first()
        .and_then(|one| one.column.clone())
        .unwrap_or_default();
    vec![Mistake::at(
        field,
        format!("{}（{}）", refusal.detail, refusal.code),
    )]
}

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

/// `GET /desk/policy?before=`.
pub(crate) async fn list(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(query): Query<Before>,
) -> Result<PoliciesPage, PageError> {
    draw_list(&portal, &visit, &at, query.before.as_deref(), Vec::new()).await
}

async fn draw_list(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    before: Option<&str>,
    mistakes: Vec<Mistake>,
) -> Result<PoliciesPage, PageError> {
    let office = &portal.engine.office;
    let before = before.and_then(|number| changes::of_number(office, number));
    let all = changes::page(office, before, PAGE).await?;
    let mut lines = Vec::new();
    for change in &all {
        let maker = staff_named(office, change.maker_id(), "政策岗").await?;
        lines.push(Line::new(vec![
            Cell::new(change.title.as_str()).link(address(office, change)),
            Cell::state(&shown(change)),
            Cell::new(
                change
                    .effective_on
                    .map_or_else(|| "—".to_owned(), chinese_date),
            ),
            Cell::count(change.differences.0.len() as i64),
            Cell::new(maker),
        ]));
    }
    let more = (all.len() as i64 == PAGE)
        .then(|| all.last())
        .flatten()
        .map(|last| format!("{HERE}?before={}", changes::number(office, last.change_id)));
    let mut table = Table::new(
        "changes",
        "政策变更，新的在前",
        vec![
            Column::words("变更"),
            Column::words("状态"),
            Column::words("施行日"),
            Column::figures("改动（处）"),
            Column::words("最后改的人"),
        ],
        lines,
    )
    .cards()
    .empty("还没有变更过。");
    if more.is_some() || before.is_some() {
        table = table.pager(Pager {
            note: String::new(),
            before: before.map(|_| HERE.to_owned()),
            after: more,
        });
    }
    let wrong = mistakes.first().map(|mistake| mistake.words.clone());
    let field = works(at).then(|| {
        Field::new("title", "这次变更是关于什么的", FieldKind::Text)
            .hint("例如：提高多子女家庭租房提取限额")
            .error(wrong)
    });
    Ok(PoliciesPage {
        frame: framed(office, visit, at, "政策变更", HERE).await?,
        errors: ErrorSummary::of(mistakes),
        facts: in_force(office).await?,
        folder: folder(office).await?,
        table,
        field,
        button: Button::submit("从现行政策起草"),
    })
}

async fn in_force(office: &Office) -> Result<Facts, PageError> {
    let policy = office.policy();
    let reference = policy.set.reference();
    let today = office.today();
    let enacted = policy_force::on(&office.pool, office.centre.id, today).await?;
    let next = policy_force::next(&office.pool, office.centre.id, today).await?;
    let mut facts: Vec<(String, Text)> = vec![
        ("版本".into(), Text::new().num(&reference.version)),
        (
            "摘要".into(),
            Text::new().num(reference.digest.get(..16).unwrap_or_default()),
        ),
        (
            "来自".into(),
            match &enacted {
                Some(one) => format!("{}施行的变更", chinese_date(one.effective_on)).into(),
                None => "程序的政策文件夹".into(),
            },
        ),
    ];
    if let Some(next) = next {
        facts.push((
            "下一版本".into(),
            format!("{}起施行", chinese_date(next.effective_on)).into(),
        ));
    }
    Ok(Facts(facts))
}

/// Whoever has changed the folder by hand is told that this does not count once changes are approved.
async fn folder(office: &Office) -> Result<Option<Flash>, PageError> {
    let enacted = policy_force::on(&office.pool, office.centre.id, office.today()).await?;
    if enacted.is_none() {
        return Ok(None);
    }
    let in_force = policy_force::files_in_force(office).await?;
    let own = format!("{}/", office.centre.code);
    let other = office
        .policy_folder
        .files
        .iter()
        .filter(|(file, text)| file.starts_with(&own) && in_force.files.get(*file) != Some(*text))
        .count();
    Ok((other > 0).then(|| {
        Flash::new(
            Tone::Idle,
            format!("政策文件夹里有 {other} 个文件与现行版本不同；本中心的文件以批准施行的为准。"),
        )
    }))
}

#[derive(Deserialize)]
pub(crate) struct NewForm {
    title: String,
}

/// `POST /desk/policy`.
pub(crate) async fn begin(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<NewForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match draft::begin(office, &form.title, &at.staff).await {
        Ok(change) => Ok(Redirect::to(&address(office, &change)).into_response()),
        Err(Error::Refused(refusal)) => {
            let mut page = draw_list(&portal, &visit, &at, None, mistakes_of(&refusal)).await?;
            page.frame.head.failed = true;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct Chosen {
    parameter: Option<String>,
}

/// `GET /desk/policy/{change}?parameter=`.
pub(crate) async fn page(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(chosen): Query<Chosen>,
) -> Result<PolicyPage, PageError> {
    let change = of(&portal.engine.office, &number).await?;
    let typed = Typed::from([("parameter".to_owned(), chosen.parameter.unwrap_or_default())]);
    draw(&portal, &visit, &at, &change, &typed, Vec::new()).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    change: &Change,
    typed: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<PolicyPage, PageError> {
    let office = &portal.engine.office;
    let here = address(office, change);
    let run = simulation::latest(office, change.change_id).await?;
    let fits = fits(change, run.as_ref());
    let editing = if change.state == state::DRAFT && works(at) {
        Some(editing(office, change, typed, &mistakes).await?)
    } else {
        None
    };
    let sound = change.faults.0.is_empty() && !change.differences.0.is_empty();
    let open = matches!(change.state, state::DRAFT | state::PROPOSED);
    let frame = framed(office, visit, at, &change.title, HERE).await?;
    let withdrawable = works(at)
        && (open
            || change.state == state::APPROVED
                && change.effective_on.is_some_and(|day| day > office.today()));
    let mut tags = vec![shown(change).tag()];
    if fits {
        tags.push(Shown::pass("已模拟").tag());
    }
    Ok(PolicyPage {
        hands: hands(office, at, change, fits, frame.head.hidden()).await?,
        frame,
        errors: ErrorSummary::of(mistakes),
        title: change.title.clone(),
        tags,
        faults: faults(change),
        differences: differences("differences", &change.differences.0),
        editing,
        simulation: simulation_words(office, change, run.as_ref()),
        progress: run
            .as_ref()
            .filter(|run| run.state == simulation::RUNNING && run.total > 0)
            .map(|run| (run.done, run.total)),
        simulate: (open && sound && works(at)).then(|| {
            Field::new("stand_on", "按哪一天的规定比较", FieldKind::Date)
                .hint("两个版本都按这一天的取值，重算近一年的办件")
                .value(when::iso(simulation::usual_day(office, change)))
        }),
        has_result: run.is_some_and(|run| run.state == simulation::DONE),
        withdraw: withdrawable.then(|| Field::new("reason", "撤回的原因", FieldKind::Text)),
        steps: steps(office, change, &here).await?,
        here,
    })
}

/// Is this very text simulated?
pub(super) fn fits(change: &Change, run: Option<&Simulation>) -> bool {
    run.is_some_and(|run| {
        run.state == simulation::DONE
            && (&run.digest, run.base_id) == (&change.digest, change.base_id)
    })
}

fn simulation_words(office: &Office, change: &Change, run: Option<&Simulation>) -> Text {
    let Some(run) = run else {
        return "还没有模拟。提出复核以前要模拟这一稿。".into();
    };
    match run.state {
        simulation::RUNNING => "正在后台重算，可以离开这一页。".into(),
        simulation::FAILED => format!("没有完成：{}", run.error).into(),
        _ if !fits(change, Some(run)) => "模拟以后草案又改过，请重新模拟这一稿。".into(),
        _ => format!(
            "{}模拟过这一稿，重算 {} 件。",
            run.ended_at
                .map_or_else(String::new, |at| when::minute(at, office.now())),
            run.done
        )
        .into(),
    }
}

fn faults(change: &Change) -> Option<Table> {
    if change.faults.0.is_empty() {
        return None;
    }
    let lines = change
        .faults
        .0
        .iter()
        .take(100)
        .map(|one| {
            Line::new(vec![
                Cell::new(one.file.as_str()),
                Cell::new(one.place.as_str()),
                Cell::new(one.message.as_str()),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("文件"),
        Column::words("位置"),
        Column::words("哪里不对"),
    ];
    Some(Table::new("faults", "草案里的错误", columns, lines).cards())
}

/// Before and after, in plain words.
pub(super) fn differences(id: &'static str, all: &[Difference]) -> Table {
    let side = |value: &Option<String>| match value {
        Some(words) => Cell::new(words.as_str()),
        None => Cell::none(),
    };
    let lines = all
        .iter()
        .take(200)
        .map(|one| {
            let what = if one.part == anju_policy::compare::Part::Condition {
                format!("{} {}", one.name, one.label)
            } else {
                one.label.clone()
            };
            Line::new(vec![
                Cell::new(what),
                Cell::new(one.place.as_str()),
                side(&one.before),
                side(&one.after),
                Cell::new(one.source.as_str()),
            ])
        })
        .collect();
    Table::new(
        id,
        "改动前后",
        vec![
            Column::words("规定"),
            Column::words("适用"),
            Column::words("改前"),
            Column::words("改后"),
            Column::words("依据"),
        ],
        lines,
    )
    .cards()
    .empty("还没有改动。")
}

async fn hands(
    office: &Office,
    at: &AtDesk,
    change: &Change,
    fits: bool,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let awaited = |title: &str| Hand::awaited(title.to_owned(), "");
    let here = address(office, change);
    let me = staff_name(&at.staff);
    let action = format!("{here}/step");
    if change.state == state::DRAFT {
        let both = vec![awaited("第一人：还没有提出"), awaited("第二人：还没有")];
        return Ok(if !works(at) {
            Hands::barred(both, "政策变更由两位政策岗办理。")
        } else if !fits {
            Hands::barred(both, "先模拟这一稿，再提出复核。")
        } else {
            let earliest = approval::earliest(office)?;
            let mine = vec![
                Hand::mine(format!("第一人：您，{me}"), "看过模拟结果再提出"),
                awaited("第二人：还没有"),
            ];
            let usual = simulation::usual_day(office, change).max(earliest);
            let field = Field::new("effective_on", "施行日", FieldKind::Date)
                .hint(format!("最早 {}", when::iso(earliest)))
                .value(when::iso(usual));
            let button = Button::submit("提出，请第二人复核")
                .wide()
                .value("step", "propose");
            Hands::asked(mine, action, token, vec![field], vec![button])
        });
    }
    let maker = staff_named(office, change.maker_id(), "政策岗").await?;
    let day = change.effective_on.map_or_else(String::new, chinese_date);
    let first = Hand::signed(format!("{maker} · {day}起施行"));
    Ok(match change.state {
        state::PROPOSED if change.makers.contains(&at.staff.staff_id) => Hands::barred(
            vec![first, awaited("第二人：还没有")],
            "您参与了起草，不能自己复核，要另一位政策岗复核。",
        ),
        state::PROPOSED if works(at) => Hands::asked(
            vec![
                first,
                Hand::mine(format!("第二人：您，{me}"), "批准的就是模拟过的这一稿"),
            ],
            action,
            token,
            vec![
                Field::new("reason", "退回的原因", FieldKind::Text)
                    .hint("批准时不用填")
                    .optional(),
            ],
            vec![
                Button::submit(format!("批准，{day}起施行")).value("step", "approve"),
                Button::send("退回", ButtonLook::Danger).value("step", "back"),
            ],
        ),
        state::PROPOSED => Hands::barred(
            vec![first, awaited("第二人：还没有")],
            "政策变更由两位政策岗办理。",
        ),
        state::APPROVED | state::IN_FORCE | state::SUPERSEDED => {
            let checker =
                staff_named(office, change.checker_id.unwrap_or_default(), "政策岗").await?;
            let words = match change.state {
                state::APPROVED => format!("已经批准，{day}零时起自动施行，不用重启。"),
                state::IN_FORCE => "正在施行。要改回去，请另行起草一项变更。".to_owned(),
                _ => "已被后来的变更取代；当时的决定仍按这一版本。".to_owned(),
            };
            let second = Hand {
                title: Shown::pass("第二人已签").into(),
                ..Hand::signed(checker)
            };
            Hands::barred(vec![first, second], words)
        }
        _ => Hands::barred(vec![first, awaited("第二人：没有")], "已经撤回。"),
    })
}

async fn steps(office: &Office, change: &Change, here: &str) -> Result<Timeline, PageError> {
    let mut events = Vec::new();
    for step in changes::steps(office, change.change_id).await? {
        let what = match step.step.as_str() {
            "drafted" => "起草",
            "edited" => "修改草案",
            "simulating" => "开始模拟",
            "simulated" => "模拟完成",
            "proposed" => "提出复核",
            "approved" => "批准",
            "sent_back" => "退回",
            "withdrawn" => "撤回",
            "in_force" => "施行",
            _ => "被后来的变更取代",
        };
        let who = if step.actor_id == 0 {
            "系统".to_owned()
        } else {
            staff_named(office, step.actor_id, "政策岗").await?
        };
        let mut note = Text::new()
            .say(when::minute(step.at, office.now()))
            .say(" · ")
            .say(who);
        if let Some(reason) = step.detail.get("reason").and_then(|reason| reason.as_str()) {
            note = note.say(" · ").say(reason);
        }
        note = note
            .say(" · ")
            .link(format!("{here}/steps/{}/proof.json", step.seq), "凭据");
        events.push(Event::new(When::Done, what, note));
    }
    Ok(Timeline(events))
}

#[derive(Deserialize)]
pub(crate) struct StepForm {
    step: String,
    stand_on: Option<String>,
    effective_on: Option<String>,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/policy/{change}/step`: simulate, propose, approve, send back, withdraw.
pub(crate) async fn step(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<StepForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    let date = |text: &Option<String>| text.as_deref().and_then(|text| text.trim().parse().ok());
    let done = match form.step.as_str() {
        "simulate" => {
            let begun = simulation::begin(office, &change, date(&form.stand_on), &at.staff).await;
            begun.map(|_| change.clone())
        }
        "propose" => match date(&form.effective_on) {
            None => Err(Refusal::rule("E-POL-10", "请写明施行日。")
                .at("effective_on")
                .into()),
            Some(day) => approval::propose(office, &change, day, &at.staff).await,
        },
        "approve" => approval::approve(office, &change, &at.staff).await,
        "back" => approval::send_back(office, &change, &form.reason, &at.staff).await,
        "withdraw" => approval::withdraw(office, &change, &form.reason, &at.staff).await,
        _ => return Err(PageError::NotFound),
    };
    answer(&portal, &visit, &at, &change, &Typed::new(), done).await
}

/// Back to the change, or the change with what was wrong.
pub(super) async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    change: &Change,
    typed: &Typed,
    done: anju_casework::Result<Change>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match done {
        Ok(change) => {
            let parameter = typed.get("parameter").filter(|name| !name.is_empty());
            let address = match parameter {
                Some(name) => format!("{}?parameter={name}", address(office, &change)),
                None => address(office, &change),
            };
            Ok(Redirect::to(&address).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let status =
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let change = changes::require(office, change.change_id).await?;
            let mut page = draw(portal, visit, at, &change, typed, mistakes_of(&refusal)).await?;
            page.frame.head.failed = true;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /desk/policy/{change}/steps/{seq}/proof.json`.
pub(crate) async fn proof(
    extract::State(portal): extract::State<Portal>,
    Path((number, seq)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    let seq: i16 = seq.parse().map_err(|_| PageError::NotFound)?;
    proofs::file(
        &format!("policy-{number}-{seq}"),
        changes::proof(office, change.change_id, seq).await?,
    )
}
