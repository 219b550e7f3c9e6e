//! 催缴执法: clues, notices, orders, courts by state; one of them with its papers, its two officers and what may be done now.

use anju_business::contribution::enforcement::complaint;
use anju_business::contribution::enforcement::order::{self, read_rows};
use anju_business::contribution::enforcement::steps::{self, Proposal};
use anju_business::contribution::enforcement::{
    self, Enforcement, Kind, Source, Step, state, step_state,
};
use anju_casework::employer;
use anju_casework::staff::role;
use anju_casework::{Actor, Error, Office};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, Hand, Hands, Line,
    Pager, State as Shown, Table, Text, Timeline, Tone, When,
};
use crate::decree;
use crate::desk::arrears::{branches, employer_no, may_see, scope, tabs};
use crate::desk::{framed, staff_named};
use crate::pages::desk::{ArrearsPage, EnforcementPage, StepPart};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const PEOPLE: i64 = 100;
const RAIL: &str = "/desk/arrears";

/// Word for an address, number, name.
pub(super) const STATES: [(&str, i16, &str); 8] = [
    ("clue", state::CLUE, "线索"),
    ("notice", state::NOTICE, "催缴通知"),
    ("filed", state::FILED, "立案"),
    ("ordered", state::ORDERED, "责令限期缴存"),
    ("court", state::COURT, "申请强制执行"),
    ("fine", state::FINE, "罚款"),
    ("suspended", state::SUSPENDED, "终结执行"),
    ("closed", state::CLOSED, "结案"),
];

/// The state in words, with what its term means today.
pub(crate) fn state_of(one: &Enforcement, today: NaiveDate) -> Shown {
    let name = STATES
        .iter()
        .find(|(_, number, _)| *number == one.state)
        .map_or("", |(.., name)| *name);
    match one.state {
        state::CLOSED => Shown::pass(name),
        state::SUSPENDED => Shown::idle(name),
        _ if one.is_expired(today) => Shown::fail(format!("{name}，期满")).with_icon("alert"),
        _ => Shown::wait(name),
    }
}

#[derive(Deserialize, Default)]
pub(crate) struct View {
    state: Option<String>,
    branch: Option<String>,
    after: Option<String>,
}

/// `GET /desk/enforcement?state=&branch=&after=`.
pub(crate) async fn list(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<ArrearsPage, PageError> {
    let office = &portal.engine.office;
    let (code, wanted, name) = STATES
        .into_iter()
        .find(|(code, ..)| view.state.as_deref() == Some(*code))
        .unwrap_or(STATES[0]);
    let branch = scope(office, &at.staff, view.branch.as_deref());
    let after = view
        .after
        .as_deref()
        .and_then(|no| office.numbers.decode(NumberKind::Case, no))
        .unwrap_or(0);
    let found = enforcement::list(office, branch, wanted, after, PAGE).await?;
    let here = format!("/desk/enforcement?state={code}");
    let filter = branch.map_or_else(String::new, |branch| format!("&branch={branch}"));
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| {
            format!(
                "{here}{filter}&after={}",
                number(office, last.enforcement_id)
            )
        });
    let today = office.today();
    Ok(ArrearsPage {
        frame: framed(office, &visit, &at, name, RAIL).await?,
        title: "欠缴催缴".to_owned(),
        flash: None,
        tabs: tabs(&here),
        branch: branches(office, &at.staff, branch).await?,
        here: "/desk/enforcement".to_owned(),
        figures: Vec::new(),
        table: Table::new(
            "enforcement",
            "催缴，先来的在前",
            vec![
                Column::words("单位"),
                Column::words("来源"),
                Column::words("月份"),
                Column::words("状态"),
                Column::words("自"),
                Column::words("期限"),
            ],
            found
                .iter()
                .map(|one| {
                    Line::new(vec![
                        Cell::new(one.employer_name.as_str()).link(format!(
                            "/desk/enforcement/{}",
                            number(office, one.enforcement_id)
                        )),
                        Cell::new(one.source().name()),
                        Cell::new(one.months()),
                        Cell::state(&state_of(one, today)),
                        Cell::digits(when::iso(one.since)),
                        one.term_on
                            .map_or_else(Cell::none, |term| Cell::digits(when::iso(term))),
                    ])
                })
                .collect(),
        )
        .empty(format!("没有“{name}”的。"))
        .keys()
        .pager(Pager {
            note: "先来的在前".to_owned(),
            before: (after > 0).then(|| format!("{here}{filter}")),
            after: more,
        }),
        note: Text::new(),
    })
}

pub(crate) fn number(office: &Office, id: i64) -> String {
    office.numbers.encode(NumberKind::Case, id)
}

async fn find(portal: &Portal, at: &AtDesk, number: &str) -> Result<Enforcement, PageError> {
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let mut conn = office.pool.acquire().await?;
    let one = enforcement::require(office, &mut conn, id).await?;
    if may_see(office, &at.staff, one.branch_id) {
        Ok(one)
    } else {
        Err(PageError::NotFound)
    }
}

/// `GET /desk/enforcement/{number}`.
pub(crate) async fn page(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<EnforcementPage, PageError> {
    draw(&portal, &visit, &at, &number, None).await
}

/// `GET /desk/enforcement/{number}/papers/{step}`.
pub(crate) async fn paper(
    extract::State(portal): extract::State<Portal>,
    at: AtDesk,
    Path((number, step)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let one = find(&portal, &at, &number).await?;
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Case, &step)
        .ok_or(PageError::NotFound)?;
    let step = enforcement::require_step(office, id).await?;
    if step.enforcement_id != one.enforcement_id {
        return Err(PageError::NotFound);
    }
    decree::pdf(&portal, &step).await
}

#[derive(Deserialize)]
pub(crate) struct StepForm {
    kind: String,
    /// Each part of the page has a field of its own name, so that labels and fields belong together.
    #[serde(alias = "grounds", alias = "basis")]
    evidence: String,
    #[serde(default)]
    rows: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    no_suit: String,
}

/// `POST /desk/enforcement/{number}`: a step.
pub(crate) async fn step(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<StepForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = find(&portal, &at, &number).await?;
    let kind = Kind::parse(&form.kind)
        .filter(|kind| *kind != Kind::Statement)
        .ok_or(PageError::Stale)?;
    let done = match read_rows(&form.rows) {
        Ok(rows) => {
            let proposal = Proposal {
                kind,
                evidence: form.evidence,
                rows,
                amount: Fen::parse_yuan(form.amount.trim()).ok(),
                no_suit: form.no_suit == "yes",
            };
            steps::propose(office, one.enforcement_id, &proposal, &at.staff)
                .await
                .map(|_| ())
        }
        Err(error) => Err(error),
    };
    answer(&portal, &visit, &at, &number, done).await
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    agree: String,
    #[serde(default)]
    answer: String,
}

/// `POST /desk/enforcement/{number}/check`: the second officer.
pub(crate) async fn check(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = find(&portal, &at, &number).await?;
    let mut conn = office.pool.acquire().await?;
    let steps = enforcement::steps_of(office, &mut conn, one.enforcement_id).await?;
    drop(conn);
    let done = match steps.iter().find(|step| step.state == step_state::WAITS) {
        Some(step) => {
            steps::check(
                office,
                step.step_id,
                form.agree == "yes",
                &form.answer,
                &at.staff,
            )
            .await
        }
        None => Err(anju_casework::case::moved_on().into()),
    };
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
        Ok(()) => Ok(Redirect::to(&format!("/desk/enforcement/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let words: Vec<&str> = if refusal.errors.is_empty() {
                vec![&refusal.detail]
            } else {
                refusal
                    .errors
                    .iter()
                    .map(|error| error.message.as_str())
                    .take(5)
                    .collect()
            };
            let flash = Flash::new(Tone::Fail, words.join(""));
            let page = draw(portal, visit, at, number, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    number: &str,
    flash: Option<Flash>,
) -> Result<EnforcementPage, PageError> {
    let office = &portal.engine.office;
    let one = find(portal, at, number).await?;
    let employer = employer::require(office, one.employer_id).await?;
    let today = office.today();
    let mut conn = office.pool.acquire().await?;
    let missing = order::missing(office, &mut conn, &one, &employer).await?;
    let steps = enforcement::steps_of(office, &mut conn, one.enforcement_id).await?;
    let people = order::people(office, &mut conn, one.enforcement_id, 0, PEOPLE).await?;
    drop(conn);
    let waits = steps.iter().find(|step| step.state == step_state::WAITS);
    let frame = framed(office, visit, at, &one.employer_name, RAIL).await?;
    let action = format!("/desk/enforcement/{number}");
    let acts = at.staff.is(role::COLLECTOR);
    let hands = match waits {
        Some(step) => Some(hands_of(office, at, step, &action, frame.head.hidden(), acts).await?),
        None => None,
    };
    let mut facts = vec![
        (
            "单位".to_owned(),
            Text::new().link(
                format!("{RAIL}/{}", employer_no(office, one.employer_id)),
                &one.employer_name,
            ),
        ),
        ("来源".to_owned(), one.source().name().into()),
    ];
    if !one.months().is_empty() {
        facts.push(("月份".to_owned(), one.months().into()));
    }
    if let Some(gap) = one.gap {
        facts.push(("参保比缴存多".to_owned(), format!("{gap} 人").into()));
    }
    facts.push((
        "还差".to_owned(),
        missing.map_or_else(|| "还没有核定".into(), |missing| Text::new().money(missing)),
    ));
    if let Some(term) = one.term_on {
        facts.push(("期限".to_owned(), chinese_date(term).into()));
    }
    if let Some(complaint_id) = one.complaint_id {
        let reader = Actor::Staff(at.staff.staff_id);
        if acts && let Some(words) = complaint::words(office, complaint_id, reader).await? {
            facts.push(("反映的情况".to_owned(), words.into()));
        }
        facts.push(("保密".to_owned(), "职工反映的来源不告诉单位".into()));
    }
    Ok(EnforcementPage {
        title: one.employer_name.clone(),
        tags: vec![state_of(&one, today).tag()],
        flash,
        facts: Facts(facts),
        people: (!people.is_empty()).then(|| people_table(office, &people)),
        timeline: timeline(office, &steps).await?,
        papers: papers_table(office, &steps, &format!("{action}/papers"), |_| true),
        hands,
        parts: if acts && waits.is_none() {
            parts(&one, &steps)
        } else {
            Vec::new()
        },
        action,
        frame,
    })
}

/// Whom a decision is about.
pub(crate) fn people_table(office: &Office, people: &[order::Ordered]) -> Table {
    Table::new(
        "ordered",
        "补缴明细，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("个人账号"),
            Column::words("月份"),
            Column::figures("单位（元）"),
            Column::figures("个人（元）"),
        ],
        people
            .iter()
            .map(|one| {
                let months = if one.from == one.to {
                    one.from.chinese()
                } else {
                    format!(
                        "{}至{}，{} 个月",
                        one.from.chinese(),
                        one.to.chinese(),
                        one.months
                    )
                };
                Line::new(vec![
                    Cell::new(one.name_masked.as_str()),
                    Cell::digits(office.numbers.encode(NumberKind::Account, one.account_id)),
                    Cell::new(months),
                    Cell::amount(one.employer),
                    Cell::amount(one.employee),
                ])
            })
            .collect(),
    )
    .cards()
}

/// The papers of those steps that `shown` lets through, each to its PDF.
pub(crate) fn papers_table(
    office: &Office,
    steps: &[Step],
    under: &str,
    shown: fn(Kind) -> bool,
) -> Table {
    Table::new(
        "papers",
        "文书",
        vec![
            Column::words("文书"),
            Column::words("文号"),
            Column::words("日期"),
            Column::words("期限"),
            Column::figures("金额（元）"),
        ],
        steps
            .iter()
            .filter(|step| step.state == step_state::DONE && !step.document_no.is_empty())
            .filter_map(|step| Some((step, step.kind().filter(|kind| shown(*kind))?)))
            .map(|(step, kind)| {
                Line::new(vec![
                    Cell::new(kind.title())
                        .link(format!("{under}/{}", number(office, step.step_id))),
                    Cell::digits(step.document_no.as_str()),
                    step.issued_on
                        .map_or_else(Cell::none, |day| Cell::digits(when::iso(day))),
                    step.term_on
                        .map_or_else(Cell::none, |day| Cell::digits(when::iso(day))),
                    Cell::maybe(step.amount()),
                ])
            })
            .collect(),
    )
    .empty("还没有文书。")
    .cards()
}

async fn timeline(office: &Office, steps: &[Step]) -> Result<Timeline, PageError> {
    let now = office.now();
    let mut events = Vec::new();
    for step in steps {
        let Some(kind) = step.kind() else { continue };
        let maker = if kind == Kind::Statement {
            "单位".to_owned()
        } else if step.maker_id == 0 {
            "系统".to_owned()
        } else {
            staff_named(office, step.maker_id, "执法人员").await?
        };
        let mut note = Text::new().say(format!("{maker} · {}", when::minute(step.made_at, now)));
        if let Some(checker) = step.checker_id {
            let checker = staff_named(office, checker, "执法人员").await?;
            note = note.say(format!(" · 第二人 {checker}"));
        }
        note = note.br().say(&step.evidence);
        if let Some(words) = step.answer.as_deref().filter(|words| !words.is_empty()) {
            note = note.br().say(words);
        }
        let (at, what) = match step.state {
            step_state::WAITS => (When::Now, format!("{}：等第二人", kind.title())),
            step_state::SENT_BACK => (When::Failed, format!("{}：退回", kind.title())),
            _ => (When::Done, kind.title().to_owned()),
        };
        events.push(Event::new(at, what, note));
    }
    Ok(Timeline(events))
}

async fn hands_of(
    office: &Office,
    at: &AtDesk,
    step: &Step,
    action: &str,
    token: (&'static str, String),
    acts: bool,
) -> Result<Hands, PageError> {
    let maker = staff_named(office, step.maker_id, "执法人员").await?;
    let title = step.kind().map_or("", Kind::title);
    let mut words = Text::new().say(maker).br().say(format!(
        "{} · {title}：{}",
        when::minute(step.made_at, office.now()),
        step.evidence
    ));
    if let Some(amount) = step.amount() {
        words = words.br().money(amount);
    }
    let first = Hand::signed(words);
    let barred = if step.maker_id == at.staff.staff_id {
        Some("您是第一人，要另一名执法人员同意。")
    } else if acts {
        None
    } else {
        Some("由执法人员办理。")
    };
    Ok(match barred {
        Some(why) => Hands::barred(vec![first, Hand::awaited("第二人：还没有", "")], why),
        None => Hands::asked(
            vec![first, Hand::mine("第二人：您", "看过事实和依据再同意")],
            format!("{action}/check"),
            token,
            vec![
                Field::new("answer", "意见", FieldKind::Long)
                    .hint("退回时写清为什么")
                    .optional(),
            ],
            vec![
                Button::submit(format!("同意：{title}")).value("agree", "yes"),
                Button::send("退回", ButtonLook::Danger).value("agree", "no"),
            ],
        ),
    })
}

/// What the table of §15 allows from this state; guards that need time or money are told when they are tried.
fn parts(one: &Enforcement, steps: &[Step]) -> Vec<StepPart> {
    let informed = steps
        .iter()
        .any(|step| step.kind == Kind::Inform as i16 && step.state == step_state::DONE);
    let kinds: &[Kind] = match one.state {
        state::CLUE => &[Kind::Notice, Kind::Unfounded],
        state::NOTICE => &[Kind::Filing, Kind::Paid],
        state::FILED if informed => &[Kind::Order, Kind::Fine, Kind::Inform],
        state::FILED => &[Kind::Inform],
        state::ORDERED => &[Kind::Court, Kind::Paid],
        state::COURT => &[Kind::Executed, Kind::Terminated],
        state::FINE => &[Kind::Paid],
        _ => &[],
    };
    kinds
        .iter()
        .filter(|kind| **kind != Kind::Fine || one.source() != Source::Due)
        .enumerate()
        .map(|(at, kind)| part(*kind, at))
        .collect()
}

/// Names of the field for what a step stands on, one for each part of the page.
const EVIDENCE: [&str; 3] = ["evidence", "grounds", "basis"];

fn part(kind: Kind, place: usize) -> StepPart {
    let (name, lead) = match kind {
        Kind::Notice => (
            "发催缴通知",
            "单位的经办人会收到短信，在单位网厅看到通知书。",
        ),
        Kind::Unfounded => (
            "线索不成立",
            "写清怎么核实的；线索结案，一段时间内不再列出。",
        ),
        Kind::Filing => ("立案", "催缴期满仍未缴的，两名执法人员立案。"),
        Kind::Paid => (
            "结案",
            "款项已经入账或者情况已经改正。到账分配后会自动结案。",
        ),
        Kind::Inform => ("发告知书", "写明每个人每个月的金额；单位有权陈述申辩。"),
        Kind::Order => (
            "作出决定",
            "陈述申辩期满后，按告知书的明细责令限期缴存。两名执法人员。",
        ),
        Kind::Fine => (
            "罚款",
            "只对不办理登记或者不为职工设立账户的单位。两名执法人员。",
        ),
        Kind::Court => (
            "申请强制执行",
            "复议和诉讼期限届满之后三个月内。两名执法人员。",
        ),
        Kind::Executed => ("执行完毕", "法院执行到位、款项已经入账。"),
        Kind::Terminated => ("终结执行", "法院终结执行，债权已经申报。两名执法人员。"),
        Kind::Statement => ("", ""),
    };
    let evidence = Field::new(EVIDENCE[place.min(2)], "依据", FieldKind::Long)
        .hint("证据名称、文号、核实经过");
    let mut fields = vec![evidence];
    match kind {
        Kind::Inform => fields.push(
            Field::new("rows", "补缴明细", FieldKind::Long)
                .hint("每行：个人账号,起月,止月,单位每月元,个人每月元；留空就按到期未缴的全部")
                .optional(),
        ),
        Kind::Fine => fields.push(Field::new("amount", "罚款（元）", FieldKind::Money)),
        _ => {}
    }
    StepPart {
        id: kind.code(),
        name,
        lead: lead.into(),
        kind: kind.code(),
        fields,
        confirm: (kind == Kind::Court)
            .then_some(("no_suit", "单位没有申请行政复议，也没有提起行政诉讼")),
        button: if place == 0 {
            Button::submit(name)
        } else {
            Button::send(name, ButtonLook::Plain)
        },
    }
}
