//! 失信名单: entries by where they stand; one enters a suspicion, another confirms it, and who did neither answers what the person says.

use anju_business::fraud::blacklist::{self, Second, Suspicion};
use anju_business::fraud::entry::{self, Entry, state};
use anju_business::fraud::statement::{self, Statement};
use anju_business::fraud::{GROUNDS, ground_word};
use anju_business::policy::Rules;
use anju_business::withdrawal::recovery;
use anju_casework::{Error, Office, Refusal, case, membership, person};
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
use crate::desk::{branch_of, framed, looked, person_number, sees_branch, staff_named};
use crate::pages::desk::{FraudListPage, FraudPage, Part, Said};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::{download, proofs, when};

const HERE: &str = "/desk/blacklist";

/// The most rows of the file.
const FILE: i64 = 10_000;

const VIEWS: [Standing; 4] = [
    ("suspect", "疑似", state::SUSPECT),
    ("confirmed", "已认定", state::CONFIRMED),
    ("restricted", "限制中", state::RESTRICTED),
    ("released", "已解除", state::RELEASED),
];

fn shown(one: &Entry) -> Shown {
    match one.state {
        state::RESTRICTED => Shown::fail(one.state_word()).with_icon("alert"),
        state::RELEASED => Shown::idle(one.state_word()),
        _ => Shown::wait(one.state_word()),
    }
}

/// `GET /desk/blacklist`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<FraudListPage, PageError> {
    draw_list(&portal, &visit, &at, &view, &EnterForm::default(), None).await
}

async fn draw_list(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    typed: &EnterForm,
    flash: Option<Flash>,
) -> Result<FraudListPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let (code, _, in_state) = view.of(&VIEWS)?;
    let branch = branch_of(&at.staff);
    let rows = entry::list(office, in_state, branch, view.after(), PAGE)
        .await?
        .into_iter()
        .map(|one| {
            let number = entry::number(office, one.entry_id);
            let until = match one.state {
                state::CONFIRMED => one.heard_until,
                _ => one.to_date,
            };
            Row {
                id: one.entry_id,
                person_id: one.person_id,
                first: [
                    Cell::state(&shown(&one)),
                    Cell::digits(number.as_str()).link(format!("{HERE}/{number}")),
                ],
                rest: vec![
                    Cell::amount(Fen::new(one.owed_fen)),
                    Cell::digits(until.map_or_else(|| "—".to_owned(), when::iso)),
                    Cell::new(when::minute(one.entered_at, now)),
                ],
                ground: one.ground,
            }
        })
        .collect();
    let list = ByState {
        here: HERE,
        title: "失信名单",
        lead: "一人列为疑似，另一人认定；认定后告知本人，申辩期满才限制，期满、退回资金满一年或异议成立即解除。",
        tabs: "名单的范围",
        views: &VIEWS,
        table: ("blacklist", "失信记录，先列入的在前，单位：元"),
        note: "先列入的在前",
        columns: vec![
            Column::figures("违规提取"),
            Column::words(if code == "confirmed" {
                "申辩到"
            } else {
                "限制到"
            }),
            Column::words("列入"),
        ],
        form: may(&at.staff, &Method::POST, HERE).then(|| enter_part(typed)),
    };
    let frame = framed(office, visit, at, "失信名单", HERE).await?;
    list.page(office, frame, flash, view, rows).await
}

fn enter_part(typed: &EnterForm) -> Part {
    let grounds = std::iter::once((String::new(), "请选".to_owned()))
        .chain(GROUNDS.map(|(code, words)| (code.to_owned(), words.to_owned())))
        .collect();
    Part {
        id: "be",
        name: "列为疑似".to_owned(),
        lead: "付款后才发现的，从这里列入；由另一人认定。".into(),
        action: HERE.to_owned(),
        hidden: Vec::new(),
        fields: vec![
            Field::new("person", "客户号", FieldKind::Text).value(&*typed.person),
            Field::new("case", "那次提取的办件号", FieldKind::Text)
                .value(&*typed.case)
                .optional(),
            Field::select("ground", "情形", grounds).value(&*typed.ground),
            Field::new("finding", "依据", FieldKind::Long)
                .hint("写查到了什么、凭证号；本人会看到")
                .value(&*typed.finding),
        ],
        buttons: vec![Button::submit("列为疑似")],
    }
}

#[derive(Deserialize, Default)]
pub(crate) struct EnterForm {
    #[serde(default)]
    person: String,
    #[serde(default)]
    case: String,
    #[serde(default)]
    ground: String,
    #[serde(default)]
    finding: String,
}

/// `POST /desk/blacklist`.
pub(crate) async fn enter(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<EnterForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match enter_one(office, &at, &form).await {
        Ok(entry_id) => {
            let page = format!("{HERE}/{}", entry::number(office, entry_id));
            Ok(Redirect::to(&page).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let view = View::default();
            let page = draw_list(&portal, &visit, &at, &view, &form, Some(flash)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn enter_one(office: &Office, at: &AtDesk, form: &EnterForm) -> anju_casework::Result<i64> {
    let person_id = office
        .numbers
        .decode(NumberKind::Person, form.person.trim())
        .ok_or_else(|| Refusal::rule("E-BLK-09", "没有这个客户号，请从客户页上抄。"))?;
    let wanted = form.case.trim();
    let case_id = office.numbers.decode(NumberKind::Case, wanted);
    if case_id.is_none() && !wanted.is_empty() {
        return Err(Refusal::rule("E-BLK-10", "没有这个办件号，请从办件页上抄。").into());
    }
    let branch_id = membership::of_person(office, person_id)
        .await?
        .first()
        .map_or(office.centre.head_branch, |live| live.branch_id);
    let suspicion = Suspicion {
        person_id,
        branch_id,
        ground: &form.ground,
        finding: &form.finding,
        case_id,
        staff_id: at.staff.staff_id,
    };
    blacklist::enter_by_hand(office, &suspicion).await
}

/// `GET /desk/blacklist.csv`: whom it binds now, for the national platform and the departments that share it; names covered.
pub(crate) async fn sheet(State(portal): State<Portal>, at: AtDesk) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let branch = branch_of(&at.staff);
    let all = entry::list(office, state::RESTRICTED, branch, 0, FILE).await?;
    let people: Vec<i64> = all.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &people).await?;
    let mut text = String::from("编号,姓名,情形,违规提取（元）,限制自,限制至\n");
    for one in &all {
        let day = |date: Option<chrono::NaiveDate>| date.map_or_else(String::new, when::iso);
        text.push_str(&format!(
            "{},{},{} {},{},{},{}\n",
            entry::number(office, one.entry_id),
            names.get(&one.person_id).map_or("", String::as_str),
            one.ground,
            ground_word(&one.ground),
            download::plain(Fen::new(one.owed_fen)),
            day(one.from_date),
            day(one.to_date),
        ));
    }
    Ok(download::csv("blacklist", &text))
}

async fn found(office: &Office, at: &AtDesk, number: &str) -> Result<Entry, PageError> {
    let entry_id = entry::of_number(office, number).ok_or(PageError::NotFound)?;
    let one = entry::require(office, entry_id).await?;
    if sees_branch(&at.staff, one.branch_id) || branch_of(&at.staff).is_none() {
        Ok(one)
    } else {
        Err(PageError::Forbidden("这条记录归别的网点管。".to_owned()))
    }
}

/// `GET /desk/blacklist/{entry}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<FraudPage, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let why = format!("失信记录 {number}");
    looked(office, &at, one.person_id, "失信记录", &why, None).await?;
    draw(&portal, &visit, &at, &one, None).await
}

async fn facts(office: &Office, one: &Entry) -> Result<Vec<(String, Text)>, PageError> {
    let names = person::masked_names(office, &[one.person_id]).await?;
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
            "情形".into(),
            format!("{} {}", one.ground, ground_word(&one.ground)).into(),
        ),
        ("依据".into(), one.finding.as_str().into()),
        ("条文".into(), "建金〔2018〕46号".into()),
    ];
    if let Some(case_id) = one.case_id {
        let number = case::number(office, case_id);
        facts.push((
            "那次提取".into(),
            Text::new().link(format!("/desk/cases/{number}"), number),
        ));
        facts.push(("已付".into(), Text::new().money(Fen::new(one.owed_fen))));
    }
    if let Some(back) = recovery::of_entry(office, one.entry_id).await? {
        let number = case::number(office, back.recovery_id);
        facts.push((
            "追回".into(),
            Text::new()
                .link(format!("/desk/recoveries/{number}"), number)
                .say(" 已退回 ")
                .money(Fen::new(back.returned_fen)),
        ));
    }
    if let Some(heard) = one.heard_until {
        facts.push(("申辩到".into(), when::iso(heard).into()));
    }
    if let (Some(from), Some(to)) = (one.from_date, one.to_date) {
        let term = format!("{} 至 {}", when::iso(from), when::iso(to));
        facts.push(("限制期".into(), term.into()));
    }
    Ok(facts)
}

fn step_word(step: &str) -> &str {
    match step {
        "suspected" => "列为疑似",
        "confirmed" => "认定，告知本人",
        "restricted" => "限制生效",
        "stated" => "本人申辩",
        "upheld" => "申辩没有采纳",
        "revoked" => "申辩成立，撤销",
        "expired" => "期满解除",
        "released_after_return" => "资金退回满期，解除",
        "not_confirmed" => "没有认定",
        other => other,
    }
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    one: &Entry,
    flash: Option<Flash>,
) -> Result<FraudPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let number = entry::number(office, one.entry_id);
    let mut events = Vec::new();
    for step in entry::steps(office, one.entry_id).await? {
        let who = match step.actor_id {
            0 => "系统".to_owned(),
            id if id == one.person_id => "本人".to_owned(),
            id => staff_named(office, id, "经办人").await?,
        };
        let reason = step.detail.get("reason").and_then(|words| words.as_str());
        let mut note = format!("{} · {who}", when::second(step.at, now));
        if let Some(reason) = reason.filter(|words| !words.is_empty()) {
            note.push('：');
            note.push_str(reason);
        }
        events.push(Event::new(When::Done, step_word(&step.step), note));
    }
    let all = statement::of(office, one.entry_id).await?;
    let said = all
        .iter()
        .map(|said| Said {
            head: format!(
                "{}，{}",
                if said.stage == state::CONFIRMED {
                    "陈述申辩"
                } else {
                    "异议"
                },
                when::minute(said.made_at, now)
            )
            .into(),
            text: said.text.clone(),
            answer: match (said.outcome, said.due_on) {
                (Some(2), _) => format!("采纳：{}", said.answer),
                (Some(_), _) => format!("没有采纳：{}", said.answer),
                (None, Some(due)) => format!("{}前答复", when::iso(due)),
                (None, None) => String::new(),
            }
            .into(),
        })
        .collect();
    let (parts, idle) = parts(office, at, one, &number, &all)?;
    Ok(FraudPage {
        frame: framed(office, visit, at, "失信名单", HERE).await?,
        flash,
        title: format!("失信记录 {number}"),
        state: shown(one),
        facts: Facts(facts(office, one).await?),
        conditions: Vec::new(),
        sharers: None,
        said,
        timeline: Timeline(events),
        parts,
        idle,
        proof: Some(format!("{HERE}/{number}/proof.json")),
    })
}

fn parts(
    office: &Office,
    at: &AtDesk,
    one: &Entry,
    number: &str,
    all: &[Statement],
) -> Result<(Vec<Part>, Option<Text>), PageError> {
    let me = at.staff.staff_id;
    let acts = may(&at.staff, &Method::POST, "/desk/blacklist/{entry}");
    let waiting = all
        .iter()
        .find(|said| said.stage > 0 && said.outcome.is_none());
    if one.state == state::SUSPECT {
        if one.entered_by == me {
            return Ok((Vec::new(), Some("是您列为疑似的，要另一人认定。".into())));
        }
        if !acts {
            return Ok((Vec::new(), Some("由复核员认定。".into())));
        }
        let years = Rules::on(office, office.today()).int("blacklist_years")?;
        let part = Part {
            id: "bc",
            name: "认定".to_owned(),
            lead: "认定后告知本人和单位，有已付的钱就要求退回；申辩期满没有申辩才生效。".into(),
            action: format!("{HERE}/{number}"),
            hidden: Vec::new(),
            fields: vec![
                Field::new("years", "限制几年", FieldKind::Digits).value(years.to_string()),
                Field::new("reason", "理由", FieldKind::Long).hint("本人会看到"),
            ],
            buttons: vec![
                Button::send("认定失信", ButtonLook::Danger).value("verdict", "confirm"),
                Button::send("不予认定", ButtonLook::Plain).value("verdict", "drop"),
            ],
        };
        return Ok((vec![part], None));
    }
    let Some(waiting) = waiting.filter(|_| one.state != state::RELEASED) else {
        return Ok((Vec::new(), None));
    };
    if one.entered_by == me || one.confirmed_by == Some(me) {
        return Ok((
            Vec::new(),
            Some("这条记录是您列入或认定的，申辩由别人答复。".into()),
        ));
    }
    if !acts {
        return Ok((Vec::new(), Some("申辩由复核员答复。".into())));
    }
    let part = Part {
        id: "ba",
        name: "答复申辩".to_owned(),
        lead: "成立就撤销这条记录，没有退回的不再追；不成立的照原定办。".into(),
        action: format!("{HERE}/{number}/answer"),
        hidden: vec![("statement", waiting.statement_id.to_string())],
        fields: vec![Field::new("reason", "理由", FieldKind::Long).hint("本人会看到")],
        buttons: vec![
            Button::send("不成立，维持", ButtonLook::Plain).value("granted", "false"),
            Button::submit("成立，撤销记录").value("granted", "true"),
        ],
    };
    Ok((vec![part], None))
}

#[derive(Deserialize)]
pub(crate) struct VerdictForm {
    verdict: String,
    #[serde(default)]
    years: String,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/blacklist/{entry}`.
pub(crate) async fn decide(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<VerdictForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let second = match form.verdict.as_str() {
        "confirm" => Second::Confirm(form.years.trim().parse().unwrap_or(0)),
        "drop" => Second::Drop,
        _ => return Err(PageError::NotFound),
    };
    let done = blacklist::decide(office, one.entry_id, second, &form.reason, &at.staff).await;
    after(&portal, &visit, &at, &one, done).await
}

#[derive(Deserialize)]
pub(crate) struct AnswerForm {
    statement: i64,
    granted: bool,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/blacklist/{entry}/answer`.
pub(crate) async fn answer(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<AnswerForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let is_of = statement::of(office, one.entry_id)
        .await?
        .iter()
        .any(|said| said.statement_id == form.statement);
    if !is_of {
        return Err(PageError::NotFound);
    }
    let done = statement::answer(
        office,
        form.statement,
        form.granted,
        &form.reason,
        &at.staff,
    )
    .await;
    after(&portal, &visit, &at, &one, done).await
}

async fn after(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    one: &Entry,
    done: Result<(), Error>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match done {
        Ok(()) => {
            let page = format!("{HERE}/{}", entry::number(office, one.entry_id));
            Ok(Redirect::to(&page).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::CONFLICT);
            let again = entry::require(office, one.entry_id).await?;
            let page = draw(portal, visit, at, &again, Some(flash)).await?;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /desk/blacklist/{entry}/proof.json`.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    proofs::file(&number, entry::proof(office, one.entry_id).await?)
}
