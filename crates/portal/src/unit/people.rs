//! 职工: who is a member, and the changes that a clerk makes between two lists. The services decide; these pages only ask them.

use anju_business::contribution::{changes, people};
use anju_casework::case::{Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::employer::Employer;
use anju_casework::membership::state;
use anju_casework::{Actor, Error, Office, Refusal};
use anju_domain::calendar::{Month, chinese_day};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, ErrorSummary, Facts, Field, FieldKind, Flash, Line, Mistake,
    Pager, State as Shown, Table, Text, Tone,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ChangePage, ChangePart, PeoplePage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::framed;

/// People on a page.
const PAGE: i64 = 50;

/// The service of back payments.
const SUPPLEMENT: &str = "supplement-register";

/// Months that one form pays back.
const MONTHS_AT_ONCE: i32 = 60;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
    done: Option<String>,
}

/// `GET /unit/people?after=&done=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<PeoplePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, &visit, &at, "职工", UnitTab::People).await?;
    // Membership ids stand in no page: a page goes on behind an account.
    let after = match wanted
        .after
        .as_deref()
        .and_then(|no| account_id(office, no))
    {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .map_or(0, |member| member.membership_id),
        None => 0,
    };
    let members = people::of_employer(office, employer.employer_id, after, PAGE).await?;
    let (active, sealed) = people::counts(office, employer.employer_id).await?;
    let more = members.len() as i64 == PAGE;
    let last = members
        .last()
        .map(|member| number(office, member.account_id));
    let pager = Pager {
        note: format!("{active} 人在缴，{sealed} 人封存"),
        before: (after > 0).then(|| "/unit/people".to_owned()),
        after: last
            .filter(|_| more)
            .map(|last| format!("/unit/people?after={last}")),
    };
    let paged = pager.before.is_some() || pager.after.is_some();
    let mut table = Table::new(
        "people",
        "职工，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("个人账号"),
            Column::words("状态"),
            Column::figures("缴存基数（元）"),
            Column::figures("月缴存额（元）"),
        ],
        members.iter().map(|member| line(office, member)).collect(),
    )
    .empty("还没有职工。交第一份名册，或在这里新增。")
    .cards();
    if paged {
        table = table.pager(pager);
    }
    Ok(PeoplePage {
        frame,
        flash: done(wanted.done.as_deref()).map(|words| Flash::new(Tone::Pass, words)),
        lead: format!("{active} 人在缴，{sealed} 人封存。点账号办理封存、启封、基数调整、补缴。")
            .into(),
        table,
    })
}

fn done(what: Option<&str>) -> Option<&'static str> {
    match what? {
        "employee-account-open" => Some("办好了：已新增。下一份名册里有这名职工。"),
        "employee-account-seal" => Some("办好了：已封存。下一份名册里不再有这名职工。"),
        "employee-account-unseal" => Some("办好了：已启封。下一份名册里有这名职工。"),
        "base-adjust" => Some("办好了：基数已调整。下一份名册按新基数。"),
        "ratio-adjust" => Some("办好了：比例已调整。下一份名册按新比例。"),
        _ => None,
    }
}

fn number(office: &Office, account_id: i64) -> String {
    office.numbers.encode(NumberKind::Account, account_id)
}

fn account_id(office: &Office, number: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Account, number)
}

fn shown(member: &people::Member) -> Shown {
    if member.state == state::ACTIVE {
        Shown::pass("正常")
    } else {
        Shown::idle("封存")
    }
}

fn line(office: &Office, member: &people::Member) -> Line {
    let account = number(office, member.account_id);
    Line::new(vec![
        Cell::new(member.name_masked.as_str()),
        Cell::digits(account.as_str()).link(format!("/unit/people/{account}")),
        Cell::state(&shown(member)),
        Cell::amount(member.base),
        if member.state == state::ACTIVE {
            Cell::amount(member.monthly)
        } else {
            Cell::none()
        },
    ])
}

type Typed = HashMap<String, String>;

fn typed<'a>(fields: &'a Typed, name: &str) -> &'a str {
    fields.get(name).map_or("", |text| text.trim())
}

/// Yuan as they are typed, in fen; what cannot be read comes back with its field.
fn fen(fields: &Typed, name: &str) -> Result<Option<Value>, Mistake> {
    let text = typed(fields, name).replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    Fen::parse_yuan(&text)
        .map(|fen| Some(fen.fen().into()))
        .map_err(|_| Mistake::at(name, "金额写成 8000 或 8000.00 这样。"))
}

/// Percent as they are typed, in basis points.
fn bp(fields: &Typed, name: &str) -> Result<Value, Mistake> {
    typed(fields, name)
        .trim_end_matches(['%', '％'])
        .parse::<i64>()
        .map(|percent| (percent * 100).into())
        .map_err(|_| Mistake::at(name, "比例写成 12 这样，单位是百分之几。"))
}

/// What a page is about.
#[derive(Clone)]
enum About {
    New,
    One(Box<people::Member>),
    Ratio,
}

/// `GET /unit/people/new`.
pub(crate) async fn fresh(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<ChangePage, PageError> {
    draw(&portal, &visit, &at, &About::New, &Typed::new(), Vec::new()).await
}

/// `GET /unit/ratio`.
pub(crate) async fn ratio(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<ChangePage, PageError> {
    draw(
        &portal,
        &visit,
        &at,
        &About::Ratio,
        &Typed::new(),
        Vec::new(),
    )
    .await
}

/// `GET /unit/people/{account}`.
pub(crate) async fn one(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(account): Path<String>,
) -> Result<ChangePage, PageError> {
    let about = About::One(Box::new(member(&portal, &at, &account).await?));
    draw(&portal, &visit, &at, &about, &Typed::new(), Vec::new()).await
}

async fn member(portal: &Portal, at: &AtUnit, account: &str) -> Result<people::Member, PageError> {
    let office = &portal.engine.office;
    let account_id = account_id(office, account).ok_or(PageError::NotFound)?;
    people::member(office, at.employer_id, account_id)
        .await?
        .ok_or(PageError::NotFound)
}

/// `POST /unit/people/new`.
pub(crate) async fn add(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let mut row = Map::new();
    for name in ["name", "id_no", "phone"] {
        if !typed(&fields, name).is_empty() {
            row.insert(name.to_owned(), typed(&fields, name).into());
        }
    }
    let form = fen(&fields, "base").map(|base| {
        if let Some(base) = base {
            row.insert("base_fen".to_owned(), base);
        }
        Map::from_iter([("roster".to_owned(), json!([row]))])
    });
    send(
        &portal,
        &visit,
        &at,
        &About::New,
        "employee-account-open",
        &fields,
        form,
    )
    .await
}

/// `POST /unit/people/{account}`: one of its changes.
pub(crate) async fn change(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(account): Path<String>,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let about = About::One(Box::new(member(&portal, &at, &account).await?));
    let service = [
        "employee-account-seal",
        "employee-account-unseal",
        "base-adjust",
    ]
    .into_iter()
    .find(|service| *service == typed(&fields, "do"));
    let Some(service) = service else {
        return supplement(&portal, &visit, &at, &about, account, &fields).await;
    };
    let mut row = Map::from_iter([("account_no".to_owned(), Value::String(account))]);
    let form = fen(&fields, "base").map(|base| {
        if let Some(base) = base.filter(|_| service != "employee-account-seal") {
            row.insert("base_fen".to_owned(), base);
        }
        let mut form = Map::from_iter([("roster".to_owned(), json!([row]))]);
        let reason = match service {
            "employee-account-seal" => typed(&fields, "reason"),
            "base-adjust" => typed(&fields, "why"),
            _ => "",
        };
        if !reason.is_empty() {
            form.insert("reason".to_owned(), reason.into());
        }
        form
    });
    send(&portal, &visit, &at, &about, service, &fields, form).await
}

/// A back payment of one person: months from and to, a reason, and where the base was too low the right one.
async fn supplement(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    account: String,
    fields: &Typed,
) -> Result<Response, PageError> {
    if typed(fields, "do") != SUPPLEMENT {
        return Err(PageError::Stale);
    }
    let month = |name: &str| {
        Month::parse(typed(fields, name)).map_err(|_| Mistake::at(name, "月份写成 2026-03 这样。"))
    };
    let form = (|| {
        let (from, to) = (month("from")?, month("to")?);
        if to < from || to.index() - from.index() >= MONTHS_AT_ONCE {
            let words = format!("截止月份要在起始月份之后，一次最多 {MONTHS_AT_ONCE} 个月。");
            return Err(Mistake::at("to", words));
        }
        let months: Vec<String> = (from.index()..=to.index())
            .map(|index| Month::from_index(index).to_string())
            .collect();
        let mut row = json!({ "account_no": account, "months": months });
        if let Some(base) = fen(fields, "owed")? {
            row["base_fen"] = base;
        }
        Ok(Map::from_iter([
            ("roster".to_owned(), json!([row])),
            ("reason".to_owned(), typed(fields, "cause").into()),
        ]))
    })();
    send(portal, visit, at, about, SUPPLEMENT, fields, form).await
}

/// `POST /unit/ratio`.
pub(crate) async fn change_ratio(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let form = bp(&fields, "employer").and_then(|employer| {
        Ok(Map::from_iter([
            ("ratio_employer_bp".to_owned(), employer),
            ("ratio_employee_bp".to_owned(), bp(&fields, "employee")?),
        ]))
    });
    send(
        &portal,
        &visit,
        &at,
        &About::Ratio,
        "ratio-adjust",
        &fields,
        form,
    )
    .await
}

/// Submits, and goes back to the list; or shows every mistake beside what was typed.
async fn send(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    service: &str,
    fields: &Typed,
    form: Result<Map<String, Value>, Mistake>,
) -> Result<Response, PageError> {
    let form = match form {
        Ok(form) => form,
        Err(mistake) => return refuse(portal, visit, at, about, fields, vec![mistake]).await,
    };
    let submission = submission(portal, at, service, fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) if service == SUPPLEMENT => {
            let office = &portal.engine.office;
            let list = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={list}")).into_response())
        }
        Ok(Submitted::New(_) | Submitted::Before(_)) => {
            Ok(Redirect::to(&format!("/unit/people?done={service}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            refuse(portal, visit, at, about, fields, mistakes(&refusal)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The mistakes of a refusal, each at the field that it means.
fn mistakes(refusal: &Refusal) -> Vec<Mistake> {
    let field = |column: Option<&str>| match column {
        Some("姓名") => "name",
        Some("证件号码") => "id_no",
        Some("缴存基数") => "base",
        Some("手机号") => "phone",
        Some("单位比例") => "employer",
        Some("个人比例") => "employee",
        Some("月份") => "from",
        _ => "",
    };
    if refusal.errors.is_empty() {
        return vec![Mistake::at("", refusal.detail.clone())];
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for error in &refusal.errors {
        // A mistake of everybody is one mistake of the form.
        if !seen.contains(&error.code.as_str()) || error.column.is_none() {
            seen.push(&error.code);
            found.push(Mistake::at(
                field(error.column.as_deref()),
                error.message.clone(),
            ));
        }
    }
    found
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, about, fields, mistakes).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn submission(
    portal: &Portal,
    at: &AtUnit,
    service: &str,
    fields: &Typed,
    form: Map<String, Value>,
) -> Result<Submission, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let key = Uuid::parse_str(typed(fields, "key")).map_err(|_| PageError::Stale)?;
    let employer = anju_casework::employer::require(office, at.employer_id).await?;
    let call = format!(
        "{service}\n{}\n{}",
        at.employer_id,
        Value::Object(form.clone())
    );
    Ok(Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: service.to_owned(),
            case_id: None,
            applicant_id: at.employer_id,
            form,
            channel: "HALL".to_owned(),
            face_passed: false,
        },
        actor: Actor::Clerk(at.clerk_id),
        served_by: None,
        key,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: employer.branch_id,
        tapped_at: now,
        promised_at: portal.engine.promise(service, now)?,
    })
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    about: &About,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<ChangePage, PageError> {
    let office = &portal.engine.office;
    let title = match about {
        About::New => "新增职工".to_owned(),
        About::One(member) => member.name_masked.clone(),
        About::Ratio => "调整比例".to_owned(),
    };
    let (frame, employer) = framed(office, visit, at, &title, UnitTab::People).await?;
    let month = {
        let mut conn = office.pool.acquire().await?;
        changes::first_month(office, &mut conn, &employer).await?
    };
    let errors_of: HashMap<&str, &str> = mistakes
        .iter()
        .map(|mistake| (mistake.field.as_str(), mistake.words.as_str()))
        .collect();
    let filled = |field: Field, name: &str| {
        field
            .value(typed(fields, name))
            .error(errors_of.get(name).copied())
    };
    let parts = match about {
        About::New => vec![new_part(&filled)],
        About::One(member) => member_parts(office, member, fields, &filled),
        About::Ratio => vec![ratio_part(&employer, fields, &filled)],
    };
    Ok(ChangePage {
        frame,
        flash: None,
        title,
        lead: format!("从{}的名册起生效。", month.chinese()).into(),
        facts: match about {
            About::One(member) => Some(facts(office, member)),
            About::Ratio => Some(ratios(&employer)),
            About::New => None,
        },
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        parts,
    })
}

fn ratios(employer: &Employer) -> Facts {
    let percent = |bp: i32| Text::from(anju_domain::rate::Bp::new(bp).to_string());
    Facts(vec![
        ("现在单位比例".into(), percent(employer.ratio_employer_bp)),
        ("现在个人比例".into(), percent(employer.ratio_employee_bp)),
    ])
}

fn facts(office: &Office, member: &people::Member) -> Facts {
    let mut facts = vec![
        (
            "个人账号".into(),
            Text::new().num(number(office, member.account_id)),
        ),
        ("状态".into(), shown(member).into()),
        ("缴存基数".into(), Text::new().money(member.base)),
        ("月缴存额".into(), Text::new().money(member.monthly)),
    ];
    if let Some((day, reason)) = &member.sealed {
        let why = reason.as_deref().unwrap_or("封存");
        facts.push((
            "封存".into(),
            format!("{}，{why}", chinese_day(*day)).into(),
        ));
    }
    Facts(facts)
}

type Filled<'a> = dyn Fn(Field, &str) -> Field + 'a;

fn key() -> String {
    Uuid::now_v7().to_string()
}

fn new_part(filled: &Filled<'_>) -> ChangePart {
    ChangePart {
        id: "add",
        name: "这名职工",
        lead: "姓名和证件号码会和公安人口库核对。已在别的单位封存的，账户会转过来。".into(),
        action: "/unit/people/new".to_owned(),
        key: key(),
        service: "employee-account-open",
        fields: vec![
            filled(Field::new("name", "姓名", FieldKind::Text), "name"),
            filled(
                Field::new("id_no", "证件号码", FieldKind::IdNumber),
                "id_no",
            ),
            filled(
                Field::new("base", "缴存基数（元）", FieldKind::Money)
                    .hint("第一次工作的，是进单位那个月的工资"),
                "base",
            ),
            filled(
                Field::new("phone", "手机号", FieldKind::Phone).optional(),
                "phone",
            ),
        ],
        button: Button::submit("新增"),
    }
}

fn ratio_part(employer: &Employer, fields: &Typed, filled: &Filled<'_>) -> ChangePart {
    let now = |name: &str, label: &str, bp: i32| {
        let field = filled(Field::new(name, label, FieldKind::Digits), name);
        if fields.is_empty() {
            field.value((bp / 100).to_string())
        } else {
            field
        }
    };
    ChangePart {
        id: "ratio",
        name: "新的比例",
        lead: "对全部在缴职工一并生效，一个缴存年度一次。请留好职工代表大会或工会讨论通过的决议。"
            .into(),
        action: "/unit/ratio".to_owned(),
        key: key(),
        service: "ratio-adjust",
        fields: vec![
            now("employer", "单位比例（%）", employer.ratio_employer_bp),
            now("employee", "个人比例（%）", employer.ratio_employee_bp),
        ],
        button: Button::submit("调整"),
    }
}

fn member_parts(
    office: &Office,
    member: &people::Member,
    fields: &Typed,
    filled: &Filled<'_>,
) -> Vec<ChangePart> {
    let action = format!("/unit/people/{}", number(office, member.account_id));
    let here = typed(fields, "do");
    let base = |service: &str| {
        let field = Field::new("base", "缴存基数（元）", FieldKind::Money);
        if here == service {
            filled(field, "base")
        } else {
            field.value(member.base.to_string().replace(',', ""))
        }
    };
    if member.state != state::ACTIVE {
        return vec![
            ChangePart {
                id: "unseal",
                name: "启封",
                lead: "回来了，恢复缴存。".into(),
                action,
                key: key(),
                service: "employee-account-unseal",
                fields: vec![base("employee-account-unseal")],
                button: Button::submit("启封"),
            },
            supplement_part(office, member, filled),
        ];
    }
    let options = [
        "离职",
        "停薪留职",
        "长期病假",
        "脱产学习",
        "服兵役",
        "出国",
        "其他",
    ];
    let reason = Field::select(
        "reason",
        "原因",
        options
            .iter()
            .map(|reason| ((*reason).to_owned(), (*reason).to_owned()))
            .collect(),
    );
    let why = Field::new("why", "更正原因", FieldKind::Text)
        .hint("每年 7 月、8 月调整；别的时候要写原因")
        .optional();
    vec![
        ChangePart {
            id: "seal",
            name: "封存",
            lead: "离职或停缴。账户和余额都还在，照常计息。".into(),
            action: action.clone(),
            key: key(),
            service: "employee-account-seal",
            fields: vec![reason],
            button: Button::send("封存", ButtonLook::Plain),
        },
        ChangePart {
            id: "base-change",
            name: "调整基数",
            lead: Text::new(),
            action,
            key: key(),
            service: "base-adjust",
            fields: vec![base("base-adjust"), filled(why, "why")],
            button: Button::submit("调整基数"),
        },
        supplement_part(office, member, filled),
    ]
}

fn supplement_part(office: &Office, member: &people::Member, filled: &Filled<'_>) -> ChangePart {
    let causes = [
        ("MISSED_MONTH", "漏缴"),
        ("NEW_HIRE", "新增职工，从入职月份补"),
        ("SHORT_BASE", "基数少了，补差额"),
        ("SHORT_RATIO", "比例少了，补差额"),
        ("DEFERRED", "缓缴的月份"),
    ];
    let cause = Field::select(
        "cause",
        "原因",
        causes
            .iter()
            .map(|(code, words)| ((*code).to_owned(), (*words).to_owned()))
            .collect(),
    );
    ChangePart {
        id: "supplement",
        name: "补缴",
        lead: "补以前没有缴或少缴的月份。登记后去付款，到账马上分配。".into(),
        action: format!("/unit/people/{}", number(office, member.account_id)),
        key: key(),
        service: SUPPLEMENT,
        fields: vec![
            filled(cause, "cause"),
            filled(Field::new("from", "从哪个月", FieldKind::Month), "from"),
            filled(Field::new("to", "到哪个月", FieldKind::Month), "to"),
            filled(
                Field::new("owed", "应有的基数（元）", FieldKind::Money)
                    .hint("补差额时填；不填按现在的基数")
                    .optional(),
                "owed",
            ),
        ],
        button: Button::send("登记补缴", ButtonLook::Plain),
    }
}
