//! 补正材料 at the desk: what people handed in, in the order in which it came; a teller reads a paper into a form drawn from the fact's schema
//! and, where much money hangs on it, a second teller confirms; what the source said otherwise afterwards is looked into here.

use std::collections::HashMap;

use anju_business::fraud::finding;
use anju_business::withdrawal::estate;
use anju_casework::case::{self, Case, CaseState};
use anju_casework::case_paper::{self, CasePaper, ReadFact, state, verified};
use anju_casework::{Actor, Error, Office, employer};
use anju_domain::money::Fen;
use anju_policy::decision::{Paper, PaperFact};
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Facts, Field, FieldKind, Flash, Keys, Line, Pager,
    State as Shown, Table, Tabs, Text, Tone,
};
use crate::desk::paper_fields::{fields_of, label_of, said, value_of};
use crate::desk::{branch_of, framed, looked, sees_branch, staff_named};
use crate::my::case_papers::{shown, standing, take};
use crate::my::{Read, service_name};
use crate::pages::desk::{CasePaperPage, CasePapersPage, HandedIn};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/desk/papers";
const PAGE: i64 = 30;

/// The amount above which one teller alone does not turn a paper into facts.
const SECOND_TELLER: &str = "paper_second_teller_fen";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    view: Option<String>,
    after: Option<i64>,
}

/// `GET /desk/papers`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<CasePapersPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let differing = view.view.as_deref() == Some("differing");
    let (branch, after) = (branch_of(&at.staff), view.after.unwrap_or(0));
    let papers = if differing {
        case_paper::differing(office, branch, after, PAGE).await?
    } else {
        case_paper::waiting(office, branch, after, PAGE).await?
    };
    let people: Vec<i64> = papers.iter().map(|one| one.applicant_id).collect();
    let names = employer::names_of_applicants(office, &people).await?;
    let policy = office.policy();
    let lines = papers
        .iter()
        .map(|one| {
            let service = policy
                .set
                .service(&one.service)
                .map_or("办件", |service| service.short_zh.as_str());
            Line::new(vec![
                Cell::digits(when::minute(one.paper.handed_in_at, now))
                    .link(format!("{HERE}/{}", one.paper.paper_id)),
                Cell::new(one.paper.name.as_str()),
                Cell::new(service),
                Cell::new(names.get(&one.applicant_id).map_or("—", String::as_str)),
                Cell::new(when::promise(one.promised_at, now)),
                Cell::state(&standing_at_desk(&one.paper)),
            ])
        })
        .collect();
    let address = |differing: bool| {
        if differing {
            format!("{HERE}?view=differing")
        } else {
            HERE.to_owned()
        }
    };
    let more = (papers.len() as i64 == PAGE)
        .then(|| papers.last())
        .flatten()
        .map(|last| {
            let mark = if differing { "&" } else { "?" };
            format!("{}{mark}after={}", address(differing), last.paper.paper_id)
        });
    Ok(CasePapersPage {
        frame: framed(office, &visit, &at, "补正材料", HERE).await?,
        tabs: Tabs {
            label: "材料".into(),
            tabs: vec![
                (address(false), "待认定".into(), !differing),
                (address(true), "事后核验不一致".into(), differing),
            ],
        },
        table: Table::new(
            "papers",
            "交来的材料，先到的在前",
            vec![
                Column::words("交来"),
                Column::words("材料"),
                Column::words("事项"),
                Column::words("谁"),
                Column::words("承诺"),
                Column::words("状态"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty(if differing {
            "没有要核查的不一致。"
        } else {
            "没有等认定的材料。"
        })
        .pager(Pager {
            note: "先到先看".into(),
            before: view.after.map(|_| address(differing)),
            after: more,
        }),
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开")]),
    })
}

fn standing_at_desk(paper: &CasePaper) -> Shown {
    match (paper.verified, paper.state) {
        (Some(verified::DIFFERS), _) if paper.closed_at.is_none() => {
            Shown::fail("登记和材料不一致").with_icon("alert")
        }
        (_, state::READ) => Shown::wait("等第二人"),
        (_, state::HANDED_IN) => Shown::wait("等认定"),
        _ => standing(paper),
    }
}

async fn found(
    office: &Office,
    at: &AtDesk,
    paper_id: i64,
) -> Result<(CasePaper, Case), PageError> {
    let paper = case_paper::require(office, paper_id).await?;
    let one = case::require(office, paper.case_id).await?;
    let at_window = at
        .session
        .serving()
        .is_some_and(|(person, _)| person == one.applicant_id);
    if at_window || sees_branch(&at.staff, one.branch_id) || branch_of(&at.staff).is_none() {
        Ok((paper, one))
    } else {
        Err(PageError::Forbidden(
            "这份材料归别的网点管，您看不到。".to_owned(),
        ))
    }
}

/// `GET /desk/papers/{paper}/picture`.
pub(crate) async fn picture(
    State(portal): State<Portal>,
    at: AtDesk,
    Path(paper_id): Path<i64>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (paper, one) = found(office, &at, paper_id).await?;
    looked(
        office,
        &at,
        one.applicant_id,
        &format!("材料：{}", paper.name),
        &format!("办件 {}", case::number(office, one.case_id)),
        Some(one.case_id),
    )
    .await?;
    shown(office, &paper).await
}

/// `GET /desk/papers/{paper}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(paper_id): Path<i64>,
) -> Result<CasePaperPage, PageError> {
    let office = &portal.engine.office;
    let (paper, one) = found(office, &at, paper_id).await?;
    draw(&portal, &visit, &at, &paper, one, &HashMap::new(), None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    paper: &CasePaper,
    one: Case,
    typed: &HashMap<String, String>,
    flash: Option<Flash>,
) -> Result<CasePaperPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let number = case::number(office, one.case_id);
    let read = Read::of(office, one).await?;
    let one = &read.case;
    let works = may(&at.staff, &Method::POST, "/desk/papers/{paper}")
        && sees_branch(&at.staff, one.branch_id);
    let open = matches!(one.state(), CaseState::Gathering | CaseState::Reviewing);
    let mut facts: Vec<(String, Text)> = vec![
        (
            "办件".into(),
            Text::new().link(format!("/desk/cases/{number}"), number.as_str()),
        ),
        ("事项".into(), service_name(office, one).into()),
        ("条件".into(), paper.condition.as_str().into()),
        ("交来".into(), when::minute(paper.handed_in_at, now).into()),
    ];
    if let Some(maker) = paper.maker_id {
        facts.push((
            "第一人".into(),
            staff_named(office, maker, "柜员").await?.into(),
        ));
    }
    if let Some(checker) = paper.checker_id {
        facts.push((
            "第二人".into(),
            staff_named(office, checker, "柜员").await?.into(),
        ));
    }
    if let Some(differences) = paper.differences.as_ref().filter(|all| !all.is_empty()) {
        facts.push(("不一致的项".into(), differences.join("、").into()));
    }
    if let Some(reason) = paper.closed_reason.as_ref().or(paper.reason.as_ref()) {
        facts.push(("说明".into(), reason.as_str().into()));
    }
    let mut fields = Vec::new();
    let mut buttons = Vec::new();
    if works && open && paper.state == state::HANDED_IN {
        for (place, wanted) in wanted(&read, paper).iter().enumerate() {
            fields.extend(fields_of(portal, place, wanted, typed));
        }
        if !fields.is_empty() {
            buttons.push(Button::submit("按材料认定").value("verdict", "read"));
        }
    }
    if works && open && paper.state == state::READ && paper.maker_id != Some(at.staff.staff_id) {
        buttons.push(Button::submit("核对无误").value("verdict", "confirm"));
    }
    if works && open && matches!(paper.state, state::HANDED_IN | state::READ) {
        fields.push(
            Field::new("reason", "不采用的理由", FieldKind::Long)
                .hint("不采用时写，本人会看到")
                .optional(),
        );
        buttons.push(Button::send("不采用", ButtonLook::Danger).value("verdict", "turn_down"));
        buttons.push(forged_button());
    }
    if works && paper.verified == Some(verified::DIFFERS) && paper.closed_at.is_none() {
        fields.push(
            Field::new("reason", "核查结果", FieldKind::Long)
                .hint("写怎么核查的、要不要追回、下一步由谁办"),
        );
        buttons.push(Button::submit("核查完毕").value("verdict", "close"));
        buttons.push(forged_button());
    }
    let frame = framed(office, visit, at, &paper.name, HERE).await?;
    Ok(CasePaperPage {
        flash,
        title: paper.name.clone(),
        tag: standing_at_desk(paper).tag(),
        facts: Facts(facts),
        handed_in: of_paper(portal, paper)?,
        action: format!("{HERE}/{}", paper.paper_id),
        csrf: frame.head.csrf.clone(),
        fields,
        buttons,
        keys: Keys::new(&[("g p", "补正材料")]).note("本次查看已记录，本人能看到"),
        frame,
    })
}

/// A paper as pages show it: picture and what was read from it, side by side.
pub(super) fn of_paper(portal: &Portal, paper: &CasePaper) -> Result<HandedIn, PageError> {
    let mut lines: Vec<(String, Text)> = Vec::new();
    for one in paper.read()? {
        let values = one.value.as_object().into_iter().flatten();
        for (field, value) in values {
            let (label, words) = label_of(portal, &one.role, &one.fact_type, field);
            lines.push((label, said(field, value, &words)));
        }
    }
    Ok(HandedIn {
        name: paper.name.clone(),
        href: format!("{HERE}/{}", paper.paper_id),
        picture: format!("{HERE}/{}/picture", paper.paper_id),
        drawn: paper.kind.starts_with("image/"),
        tag: standing_at_desk(paper).tag(),
        read: Facts(lines),
    })
}

/// The facts that this paper may stand in for, as the decision of its case names them.
fn wanted(read: &Read, paper: &CasePaper) -> Vec<PaperFact> {
    let Some(decision) = &read.decision else {
        return Vec::new();
    };
    let all: Vec<&Paper> = decision.papers.iter().chain(&decision.instead).collect();
    all.into_iter()
        .find(|one| one.condition == paper.condition)
        .map(|one| one.facts.clone())
        .unwrap_or_default()
}

/// `POST /desk/papers/{paper}`.
pub(crate) async fn step(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(paper_id): Path<i64>,
    Form(typed): Form<HashMap<String, String>>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (paper, one) = found(office, &at, paper_id).await?;
    if !sees_branch(&at.staff, one.branch_id) {
        return Err(PageError::Forbidden(
            "这份材料归别的网点管，由那里的柜员认定。".to_owned(),
        ));
    }
    let case_id = one.case_id;
    match take_step(&portal, &at, &paper, &one, &typed).await {
        Ok(()) => {
            portal.engine.advance(case_id).await?;
            Ok(Redirect::to(&format!("{HERE}/{paper_id}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let paper = case_paper::require(office, paper_id).await?;
            let page = draw(&portal, &visit, &at, &paper, one, &typed, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn take_step(
    portal: &Portal,
    at: &AtDesk,
    paper: &CasePaper,
    one: &Case,
    typed: &HashMap<String, String>,
) -> anju_casework::Result<()> {
    let office = &portal.engine.office;
    let staff = at.staff.staff_id;
    let reason = typed.get("reason").map_or("", |words| words.trim());
    match typed.get("verdict").map_or("", String::as_str) {
        "read" => {
            let policy = office.policy_version(one.policy_id).await?;
            let decision = case::decision_of(office, one, &policy).await?;
            let wanted = decision
                .iter()
                .flat_map(|decision| decision.papers.iter().chain(&decision.instead))
                .find(|asked| asked.condition == paper.condition)
                .map(|asked| asked.facts.clone())
                .filter(|facts| !facts.is_empty())
                .ok_or_else(case::moved_on)?;
            let roles: Vec<&str> = wanted.iter().map(|fact| fact.role.as_str()).collect();
            let subjects = portal.engine.subjects(one, &roles).await?;
            let mut facts = Vec::with_capacity(wanted.len());
            let mut keys = Vec::with_capacity(wanted.len());
            // A paper that may say one thing or another says what is filled in: the rest was left empty.
            let said = |place: usize| {
                let prefix = format!("{place}.");
                typed
                    .iter()
                    .any(|(field, words)| field.starts_with(&prefix) && !words.trim().is_empty())
            };
            let some = (0..wanted.len()).any(said);
            let guards = wanted.iter().any(|one| one.fact_type == GUARDIANSHIP);
            for (place, (wanted, (shown, key))) in wanted.iter().zip(subjects).enumerate() {
                if some && one_of_several(&wanted.fact_type, guards) && !said(place) {
                    continue;
                }
                let (value, version, source) =
                    value_of(portal, place, wanted, typed, decision.as_ref())?;
                facts.push(ReadFact {
                    role: wanted.role.clone(),
                    fact_type: wanted.fact_type.clone(),
                    value,
                    subject: shown,
                    version,
                    source,
                });
                keys.push(key);
            }
            let alone = at_stake(portal, one).await? <= threshold(office)?;
            case_paper::read(office, one, paper, &facts, &keys, staff, alone).await
        }
        "confirm" => {
            let facts = paper.read()?;
            let roles: Vec<&str> = facts.iter().map(|fact| fact.role.as_str()).collect();
            let subjects = portal.engine.subjects(one, &roles).await?;
            let keys: Vec<String> = subjects.into_iter().map(|(_, key)| key).collect();
            case_paper::confirm(office, one, paper, &keys, staff).await
        }
        "turn_down" => case_paper::turn_down(office, paper, staff, reason).await,
        "close" => case_paper::close_difference(office, paper, staff, reason).await,
        // FR-05: the issuer says that it is forged.
        "forged" => {
            if matches!(paper.state, state::HANDED_IN | state::READ) {
                case_paper::turn_down(office, paper, staff, reason).await?;
            } else {
                case_paper::close_difference(office, paper, staff, reason).await?;
            }
            finding::forged(office, one, reason, &at.staff).await
        }
        _ => Err(case::moved_on().into()),
    }
}

fn forged_button() -> Button {
    Button::send("出具单位说是伪造的", ButtonLook::Danger).value("verdict", "forged")
}

const GUARDIANSHIP: &str = "civil.guardianship";

/// Kinds of records of which one alone tells a death; and where a paper shows who has the care of a child, it is a parent's or a guardian's.
fn one_of_several(fact_type: &str, guards: bool) -> bool {
    match fact_type {
        "police.identity" | "civil.death" | "health.death_cert" | "court.death_declaration" => true,
        "police.kinship" | GUARDIANSHIP => guards,
        _ => false,
    }
}

fn threshold(office: &Office) -> anju_casework::Result<i64> {
    office
        .policy()
        .set
        .fen(SECOND_TELLER, office.today(), &[])
        .map(Fen::fen)
        .map_err(|error| anju_casework::Fault::Policy(error.to_string()).into())
}

/// The most money that may leave by this case: what is asked for, else all there is.
async fn at_stake(portal: &Portal, one: &Case) -> anju_casework::Result<i64> {
    let office = &portal.engine.office;
    let form = one.open_form(office)?;
    let asked = form.get("amount_fen").and_then(Value::as_i64);
    if let Some(fen) = asked {
        return Ok(fen);
    }
    // Heirs draw on the account of who has died.
    let owner = match form.get("deceased_id_no").and_then(Value::as_str) {
        Some(number) => estate::person_of(office, number).await?.unwrap_or(0),
        None => one.applicant_id,
    };
    let all = anju_casework::membership::of_person(office, owner).await?;
    let mut conn = office.pool.acquire().await?;
    let mut most = 0;
    for account in all {
        let id = anju_ledger::AccountId(account.account_id);
        if let Some(account) = anju_ledger::account::read(&mut conn, office.ledger(), id).await? {
            most = most.max(account.balance.fen());
        }
    }
    // The housing subsidy's account gives the rest, or is closed in the same case.
    let owned = anju_ledger::account::of_owner(&mut conn, office.ledger(), owner).await?;
    let subsidies = owned
        .iter()
        .filter(|one| one.kind == anju_ledger::account::Kind::Subsidy);
    Ok(most + subsidies.map(|one| one.balance.fen()).sum::<i64>())
}

/// `POST /desk/cases/{case}/papers`: what the person at the window hands over.
pub(crate) async fn hand_in(
    State(portal): State<Portal>,
    at: AtDesk,
    Path(number): Path<String>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case_id = office
        .numbers
        .decode(NumberKind::Case, &number)
        .ok_or(PageError::NotFound)?;
    let one = case::require(office, case_id).await?;
    let at_window = at
        .session
        .serving()
        .is_some_and(|(person, _)| person == one.applicant_id);
    if !at_window && !sees_branch(&at.staff, one.branch_id) {
        return Err(PageError::Forbidden(
            "这个办件归别的网点管，请先当面核身。".to_owned(),
        ));
    }
    match take(office, one, Actor::Staff(at.staff.staff_id), parts).await? {
        None => Ok(Redirect::to(&format!("/desk/cases/{number}")).into_response()),
        Some(words) => Err(PageError::Refused {
            title: "材料没有收下".to_owned(),
            detail: words,
            status: 422,
        }),
    }
}
