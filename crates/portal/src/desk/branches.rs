//! 网点: what each branch keeps, collects and pays, which together is the centre; and employers that go from one to another, proposed by one
//! and checked by another.

use std::collections::HashMap;

use anju_business::books::branch::{self as books, Figures};
use anju_business::books::day_close;
use anju_business::contribution::branch_move::{self, Move, state};
use anju_casework::{Error, Office, Refusal, employer};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, ErrorSummary, Facts, Field, FieldKind, Keys, Line, Mistake,
    Pager, State as Shown, Table, Text,
};
use crate::desk::relief::{branch_name, branches};
use crate::desk::{branch_of, framed, staff_named};
use crate::pages::desk::{BranchesPage, Waiting};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/desk/branches";
const PAGE: i64 = 30;

type Typed = HashMap<String, String>;
type Names = Vec<(i16, String)>;

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    month: Option<String>,
    before: Option<String>,
}

/// `GET /desk/branches?month=&before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<BranchesPage, PageError> {
    draw(&portal, &visit, &at, &wanted, &Typed::new(), Vec::new()).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    wanted: &Wanted,
    typed: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<BranchesPage, PageError> {
    let office = &portal.engine.office;
    let names = branches(office).await?;
    let open = day_close::open_date(office).await?;
    let month = wanted
        .month
        .as_deref()
        .and_then(|text| Month::parse(text).ok())
        .unwrap_or_else(|| Month::of(open));
    let only = branch_of(&at.staff);
    let figures = books::figures(office, month.first_day(), month.last_day(), only).await?;
    // The list of moves and its form are the centre's.
    let (waiting, moves) = if only.is_none() {
        moves(office, at, &names, wanted.before.as_deref()).await?
    } else {
        (Vec::new(), None)
    };
    let makes = may(&at.staff, &Method::POST, HERE);
    Ok(BranchesPage {
        frame: framed(office, visit, at, "网点", HERE).await?,
        scope: only.map_or_else(|| "全中心".to_owned(), |id| branch_name(&names, id)),
        filter: Field::new("month", "月份", FieldKind::Text)
            .value(month.to_string())
            .bare(),
        figures: table(&figures, &names, month, only.is_none()),
        waiting,
        moves,
        fields: if makes {
            form(typed, &mistakes, &names, &when::iso(open))
        } else {
            Vec::new()
        },
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        button: Button::submit("提出，等人复核"),
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
        note: "按已经日结的日子算。缴存额含利息，扣退缴；提取额扣付款失败和退回。人和单位归哪个网点，日结时余额就在哪个网点的账上；各网点之和就是全中心。",
    })
}

fn table(figures: &[Figures], names: &Names, month: Month, whole: bool) -> Table {
    let cells = |name: Text, one: &Figures| {
        vec![
            Cell::new(name),
            Cell::count(one.employers),
            Cell::amount(Fen::new(one.collected_fen)),
            Cell::amount(Fen::new(one.withdrawn_fen)),
            Cell::amount(Fen::new(one.moved_fen)),
            Cell::amount(Fen::new(one.balance_fen)),
        ]
    };
    let lines = figures
        .iter()
        .filter(|one| !whole || one.employers > 0 || one.balance_fen != 0 || one.collected_fen != 0)
        .map(|one| {
            let name = branch_name(names, one.branch_id);
            Line::new(cells(Text::from(name), one))
        })
        .collect();
    let mut table = Table::new(
        "figures",
        format!("{}各网点", month.chinese()),
        vec![
            Column::words("网点"),
            Column::figures("单位（家）"),
            Column::figures("缴存额（元）"),
            Column::figures("提取额（元）"),
            Column::figures("划入划出（元）"),
            Column::figures("缴存余额（元）"),
        ],
        lines,
    )
    .empty("还没有日结过。")
    .cards();
    if whole {
        table = table.totals(vec![Line::new(cells(
            Text::from("全中心"),
            &books::total(figures),
        ))]);
    }
    table
}

fn shown(of: i16) -> Shown {
    match of {
        state::WAITING => Shown::wait("待复核"),
        state::APPROVED => Shown::wait("待生效"),
        state::DONE => Shown::pass("已划转"),
        _ => Shown::idle("退回"),
    }
}

fn number(office: &Office, id: i64) -> String {
    office.numbers.encode(NumberKind::Case, id)
}

/// Those that wait for this reader's word, and the others.
async fn moves(
    office: &Office,
    at: &AtDesk,
    names: &Names,
    before: Option<&str>,
) -> Result<(Vec<Waiting>, Option<Table>), PageError> {
    let before = before.and_then(|text| office.numbers.decode(NumberKind::Case, text));
    let all = branch_move::page(office, before, PAGE).await?;
    let mut waiting = Vec::new();
    let mut lines = Vec::new();
    for one in &all {
        if one.state == state::WAITING {
            waiting.push(to_check(office, at, names, one).await?);
        } else {
            lines.push(Line::new(vec![
                Cell::new(one.employer_name.as_str()),
                Cell::new(way(names, one)),
                Cell::new(chinese_date(one.from_day)),
                Cell::new(staff_named(office, one.maker_id, "经办人").await?),
                Cell::state(&shown(one.state)),
            ]));
        }
    }
    let more = (all.len() as i64 == PAGE)
        .then(|| all.last())
        .flatten()
        .map(|last| format!("{HERE}?before={}", number(office, last.move_id)));
    let mut table = Table::new(
        "moves",
        "单位划转",
        vec![
            Column::words("单位"),
            Column::words("从哪里到哪里"),
            Column::words("生效日"),
            Column::words("经办"),
            Column::words("状态"),
        ],
        lines,
    )
    .empty("还没有办过。")
    .cards();
    if more.is_some() || before.is_some() {
        table = table.pager(Pager {
            note: String::new(),
            before: before.map(|_| HERE.to_owned()),
            after: more,
        });
    }
    Ok((waiting, Some(table)))
}

/// 渝中管理部 → 渝北办事处.
fn way(names: &Names, one: &Move) -> String {
    format!(
        "{} → {}",
        branch_name(names, one.from_branch),
        branch_name(names, one.to_branch)
    )
}

async fn to_check(
    office: &Office,
    at: &AtDesk,
    names: &Names,
    one: &Move,
) -> Result<Waiting, PageError> {
    let id = number(office, one.move_id);
    let barred = if one.maker_id == at.staff.staff_id {
        Some("您是经办人，不能自己复核。")
    } else if !may(&at.staff, &Method::POST, "/desk/branches/{id}/check") {
        Some("复核由会计办理。")
    } else {
        None
    };
    let maker = staff_named(office, one.maker_id, "经办人").await?;
    let made = when::minute(one.made_at, office.now());
    Ok(Waiting {
        title: Text::from("单位划转"),
        facts: Facts(vec![
            ("单位".into(), one.employer_name.as_str().into()),
            ("划转".into(), way(names, one).into()),
            ("生效日".into(), chinese_date(one.from_day).into()),
            ("原因".into(), one.reason.as_str().into()),
            ("经办".into(), format!("{maker} · {made}").into()),
        ]),
        barred,
        action: format!("{HERE}/{id}/check"),
        field: Field::new("answer", "复核意见", FieldKind::Text),
        buttons: vec![
            Button::send("同意划转", ButtonLook::Plain).value("verdict", "agree"),
            Button::send("退回", ButtonLook::Danger).value("verdict", "back"),
        ],
        id: format!("m-{id}"),
    })
}

fn form(typed: &Typed, mistakes: &[Mistake], names: &Names, open: &str) -> Vec<Field> {
    let filled = |field: Field, name: &str, otherwise: &str| {
        let wrong = mistakes.iter().find(|mistake| mistake.field == name);
        field
            .value(typed.get(name).map_or(otherwise, String::as_str))
            .error(wrong.map(|mistake| mistake.words.clone()))
    };
    let options = names
        .iter()
        .map(|(id, name)| (id.to_string(), name.clone()))
        .collect();
    vec![
        filled(
            Field::new("employer", "单位号", FieldKind::Text),
            "employer",
            "",
        ),
        filled(
            Field::select("branch", "划到哪个网点", options),
            "branch",
            "",
        ),
        filled(
            Field::new("from", "生效日", FieldKind::Date)
                .hint("从这个营业日起；余额在这一天日结时划转"),
            "from",
            open,
        ),
        filled(
            Field::new("reason", "原因和依据", FieldKind::Long),
            "reason",
            "",
        ),
    ]
}

/// `POST /desk/branches`.
pub(crate) async fn propose(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let text = |name: &str| typed.get(name).map_or("", |text| text.trim());
    let employer_id = office
        .numbers
        .decode(NumberKind::Employer, &text("employer").to_ascii_uppercase());
    let (Some(employer_id), Ok(to), Ok(from)) =
        (employer_id, text("branch").parse(), text("from").parse())
    else {
        let mistake = match employer_id {
            None => Mistake::at("employer", "单位号有误，请核对。"),
            Some(_) => Mistake::at("from", "请选网点，日期写成 2026-05-01 这样。"),
        };
        return refuse(
            &portal,
            &visit,
            &at,
            &typed,
            mistake,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    };
    if employer::get(office, &office.pool, employer_id)
        .await?
        .is_none()
    {
        let mistake = Mistake::at("employer", "没有这个单位，请核对。");
        return refuse(
            &portal,
            &visit,
            &at,
            &typed,
            mistake,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    }
    let done = branch_move::propose(office, employer_id, to, from, text("reason"), &at.staff).await;
    match done {
        Ok(_) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let mistake = of_refusal(&refusal);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            refuse(&portal, &visit, &at, &typed, mistake, status).await
        }
        Err(error) => Err(error.into()),
    }
}

fn of_refusal(refusal: &Refusal) -> Mistake {
    let fault = refusal.errors.first();
    let field = fault
        .and_then(|fault| fault.column.as_deref())
        .unwrap_or_default();
    Mistake::at(field, format!("{}（{}）", refusal.detail, refusal.code))
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    typed: &Typed,
    mistake: Mistake,
    status: StatusCode,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, &Wanted::default(), typed, vec![mistake]).await?;
    page.frame.head.failed = true;
    Ok((status, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    verdict: String,
    #[serde(default)]
    answer: String,
}

/// `POST /desk/branches/{id}/check`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(id): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let move_id = office
        .numbers
        .decode(NumberKind::Case, &id)
        .ok_or(PageError::NotFound)?;
    let agree = form.verdict == "agree";
    match branch_move::check(office, move_id, agree, &form.answer, &at.staff).await {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let mistake = of_refusal(&refusal);
            refuse(
                &portal,
                &visit,
                &at,
                &Typed::new(),
                mistake,
                StatusCode::CONFLICT,
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}
