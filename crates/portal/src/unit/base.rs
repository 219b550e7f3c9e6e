//! 年度基数: who still has no base of the year, the file of all bases, what it changes and what it costs, and the case that applies it.

use std::collections::HashMap;

use anju_business::contribution::base_year::{self, Declared, Progress, Totals};
use anju_business::contribution::roster::writer;
use anju_business::contribution::upload;
use anju_casework::case::Submitted;
use anju_casework::{Error, employer, person};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, Cell, Column, Facts, Flash, Formula, FormulaLine, Line, Pager, Table, Text, Tone,
};
use crate::download::workbook;
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{BasePage, BasePreviewPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, done, submission};
use crate::unit::home::short;
use crate::unit::people::number;
use crate::unit::roster::{DROP, file_of, own_roster, take};
use crate::unit::{framed, waiting};

/// People on a page of a preview.
const PAGE: i64 = 100;

/// The service that applies the bases.
const SERVICE: &str = "base-adjust";

/// `07-01` as people say it.
fn day(text: &str) -> String {
    let (month, day) = text.split_once('-').unwrap_or((text, ""));
    format!(
        "{} 月 {} 日",
        month.trim_start_matches('0'),
        day.trim_start_matches('0')
    )
}

/// `GET /unit/base`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<BasePage, PageError> {
    draw(&portal, &visit, &at, None).await
}

pub(super) async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    flash: Option<Flash>,
) -> Result<BasePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "年度基数", UnitTab::People).await?;
    let progress = base_year::progress(office, &employer).await?;
    let left = progress.active - progress.declared;
    let year = contribution_year_of(progress.month);
    Ok(BasePage {
        frame,
        title: format!("{year} 年度缴存基数"),
        lead: lead(&progress, left),
        flash,
        facts: Facts(vec![
            (
                "生效月份".into(),
                format!("从{}的名册起", progress.month.chinese()).into(),
            ),
            (
                "基数的范围".into(),
                Text::new()
                    .money(progress.limits.0)
                    .say(" 到 ")
                    .money(progress.limits.1),
            ),
            (
                "受理期".into(),
                format!(
                    "每年 {} 到 {}",
                    day(&progress.window.0),
                    day(&progress.window.1)
                )
                .into(),
            ),
            (
                "怎样算".into(),
                "职工上一年 1 月到 12 月的月平均工资，取到元；低于下限按下限，高于上限按上限"
                    .into(),
            ),
        ]),
        is_open: progress.is_open,
        month: progress.month.to_string(),
        key: Uuid::now_v7().to_string(),
        drop: DROP,
    })
}

fn lead(progress: &Progress, left: i64) -> Text {
    let (active, declared) = (progress.active, progress.declared);
    if left == 0 && active > 0 {
        return format!("{active} 名在缴职工都有了本年度的基数，不用再报。").into();
    }
    let words = if declared == 0 {
        format!("{active} 名在缴职工，还没有报。")
    } else {
        format!("{active} 名在缴职工，{declared} 名已报，还差 {left} 名。")
    };
    let next = if progress.is_open {
        "下载职工表，把“缴存基数”改成新的，传上来。基数不变的照写，就是确认。"
    } else {
        "现在不在受理期。要更正某一名职工的基数，请到“职工”里点他的账号，写明原因。"
    };
    format!("{words}{next}").into()
}

/// `GET /unit/base/sheet.xlsx`: everybody who contributes, with the base of today.
pub(crate) async fn sheet(State(portal): State<Portal>, at: AtUnit) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer = employer::require(office, at.employer_id).await?;
    let month = base_year::progress(office, &employer).await?.month;
    let lines = upload::list_of_today(office, &employer, month).await?;
    let bytes = tokio::task::spawn_blocking(move || writer::last_roster(month, &lines))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(workbook(
        &format!("bases-{}", contribution_year_of(month)),
        bytes,
    ))
}

/// `POST /unit/base`: the file.
pub(crate) async fn upload(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    parts: Multipart,
) -> Result<Response, PageError> {
    match file_of(&at, parts, base_year::MODE).await? {
        Ok((file, key)) => take(&portal, &visit, &at, file, key).await,
        Err(flash) => Ok(draw(&portal, &visit, &at, Some(flash))
            .await?
            .into_response()),
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<i32>,
}

/// `GET /unit/base/{roster}?after=`: every base that changes, and what that costs, before anything does.
pub(crate) async fn preview(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(roster_no): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<BasePreviewPage, PageError> {
    draw_preview(
        &portal,
        &visit,
        &at,
        &roster_no,
        wanted.after.unwrap_or(0),
        None,
    )
    .await
}

async fn draw_preview(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    roster_no: &str,
    after: i32,
    flash: Option<Flash>,
) -> Result<BasePreviewPage, PageError> {
    let office = &portal.engine.office;
    let roster = own_roster(office, at, roster_no).await?;
    let month = Month::from_index(roster.month);
    let title = format!("{} 年度缴存基数", contribution_year_of(month));
    let (frame, employer) = framed(office, visit, at, &title, UnitTab::People).await?;
    let totals = base_year::totals(office, roster.roster_id).await?;
    let owed = base_year::difference(office, &employer, month, roster.roster_id).await?;
    let people = base_year::declared(office, roster.roster_id, after, PAGE).await?;
    let ids: Vec<i64> = people.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &ids).await?;
    let last = people.last().map(|one| one.line);
    let more = people.len() as i64 == PAGE;
    let mut table = Table::new(
        "bases",
        "每名职工的基数，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("个人账号"),
            Column::figures("现基数（元）"),
            Column::figures("新基数（元）"),
            Column::figures("每月多缴（元）"),
        ],
        people
            .iter()
            .map(|one| {
                let name = names.get(&one.person_id).map_or("—", String::as_str);
                line(one, name, number(office, one.account_id))
            })
            .collect(),
    )
    .cards()
    .empty("这份表没有基数。");
    if after > 0 || more {
        table = table.pager(Pager {
            note: format!(
                "共 {} 人",
                totals.raised + totals.lowered + totals.confirmed
            ),
            before: (after > 0).then(|| format!("/unit/base/{roster_no}")),
            after: last
                .filter(|_| more)
                .map(|last| format!("/unit/base/{roster_no}?after={last}")),
        });
    }
    let text = |one: &Value| {
        one.get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let notices: Vec<Text> = roster
        .notices
        .as_array()
        .into_iter()
        .flatten()
        .take(20)
        .map(|one| Text::from(text(one)))
        .collect();
    let hidden = vec![
        frame.head.hidden(),
        ("roster", roster_no.to_owned()),
        ("key", Uuid::now_v7().to_string()),
    ];
    Ok(BasePreviewPage {
        frame,
        title,
        flash,
        total: Fen::new(totals.new_fen),
        note: note(&totals),
        owed: owed.map(|owed| waiting::owes(office, &owed)),
        notices,
        formula: formula(&totals, month),
        table,
        hidden,
        button: Button::submit(format!("从{}起按新基数", short(month))),
    })
}

fn note(totals: &Totals) -> Text {
    format!(
        "{} 人调高，{} 人调低，{} 人不变",
        totals.raised, totals.lowered, totals.confirmed
    )
    .into()
}

fn formula(totals: &Totals, month: Month) -> Formula {
    let (old, new) = (Fen::new(totals.old_fen), Fen::new(totals.new_fen));
    Formula {
        caption: "每月应缴怎么变".to_owned(),
        lines: vec![
            FormulaLine::new("现在每月", old),
            FormulaLine::change("基数调整", new - old),
            FormulaLine::used(format!("{}起每月", short(month)), new),
        ],
    }
}

fn line(one: &Declared, name: &str, account: String) -> Line {
    let change = Fen::new(one.new_fen - one.old_fen);
    let sign = if change > Fen::ZERO { "+" } else { "" };
    Line::new(vec![
        Cell::new(name),
        Cell::digits(account),
        Cell::amount(Fen::new(one.old_base_fen)),
        Cell::amount(Fen::new(one.new_base_fen)),
        Cell::new(Text::new().say(sign).say(change)),
    ])
}

/// `POST /unit/base/apply`.
pub(crate) async fn apply(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<HashMap<String, String>>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let roster_no = fields.get("roster").cloned().unwrap_or_default();
    let roster = own_roster(office, &at, &roster_no).await?;
    let number = office.numbers.encode(NumberKind::Roster, roster.roster_id);
    let form = Map::from_iter([("roster".to_owned(), Value::from(number))]);
    let typed: Typed = fields;
    let submission = submission(&portal, &at, SERVICE, &typed, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            Ok(Redirect::to(&done(office, SERVICE, case_id).await?).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw_preview(&portal, &visit, &at, &roster_no, 0, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
