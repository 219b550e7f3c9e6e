//! 住房补贴 (contribution.md §13): a list of amounts as an Excel file, registered whole or not at all, and the lists of before.

use anju_business::contribution::remittance::Remittance;
use anju_business::contribution::roster::{Fault, writer};
use anju_business::contribution::subsidy;
use anju_casework::case::Submitted;
use anju_casework::{Error, Refusal, employer};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{Cell, Column, Field, FieldKind, Flash, Line, Pager, Table, Tone};
use crate::download::workbook;
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::SubsidyPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, submission, typed};
use crate::unit::home::state_of;
use crate::unit::roster::DROP;
use crate::unit::{framed, number};

const SERVICE: &str = "subsidy-register";

/// Lists on a page.
const PAGE: i64 = 20;

/// Mistakes that the page names; more are seldom mended one by one.
const MISTAKES: usize = 50;

const SORTS: [(&str, &str); 2] = [("MONTHLY", "按月"), ("ONE_OFF", "一次性")];

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    before: Option<String>,
    sort: Option<String>,
}

/// What a file or a form has wrong: row, column, words.
type Mistaken = (Option<u32>, String, String);

/// `GET /unit/subsidy?before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<SubsidyPage, PageError> {
    draw(
        &portal,
        &visit,
        &at,
        wanted.before.as_deref(),
        &Typed::new(),
        Vec::new(),
    )
    .await
}

/// `GET /unit/subsidy/sheet.xlsx?sort=`: everybody who contributes, with the amount of the last list.
pub(crate) async fn sheet(
    State(portal): State<Portal>,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let sort = wanted.sort.as_deref().unwrap_or(SORTS[0].0);
    let people = subsidy::people(office, at.employer_id, sort).await?;
    let month = Month::of(office.today());
    let bytes = tokio::task::spawn_blocking(move || writer::amounts(month, &people))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(workbook(&format!("subsidy-{month}"), bytes))
}

/// `POST /unit/subsidy`: the file with month and sort; right, it waits for its money.
pub(crate) async fn upload(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    mut parts: Multipart,
) -> Result<Response, PageError> {
    let (mut fields, mut file) = (Typed::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "month" | "sort" | "key" => {
                let text = part.text().await.map_err(|_| PageError::Stale)?;
                fields.insert(name, text);
            }
            "roster" => {
                let bytes = part.bytes().await.map_err(|_| PageError::TooLarge)?;
                file = bytes.to_vec();
            }
            _ => {}
        }
    }
    if file.is_empty() {
        let words = "还没有选文件。请把 Excel 拖进来，或点“选择文件”。".to_owned();
        return refuse(
            &portal,
            &visit,
            &at,
            &fields,
            vec![(None, String::new(), words)],
        )
        .await;
    }
    let read = tokio::task::spawn_blocking(move || subsidy::rows_of(&file))
        .await
        .map_err(|error| PageError::failed(&error))?;
    let rows = match read {
        Ok(rows) => rows,
        Err(faults) => return refuse(&portal, &visit, &at, &fields, of_file(faults)).await,
    };
    let form = Map::from_iter([
        ("roster".to_owned(), rows),
        ("month".to_owned(), Value::from(typed(&fields, "month"))),
        ("sort".to_owned(), Value::from(typed(&fields, "sort"))),
    ]);
    let submission = submission(&portal, &at, SERVICE, &fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let office = &portal.engine.office;
            let number = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={number}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            refuse(&portal, &visit, &at, &fields, of_refusal(&refusal)).await
        }
        Err(error) => Err(error.into()),
    }
}

fn of_file(faults: Vec<Fault>) -> Vec<Mistaken> {
    faults
        .into_iter()
        .map(|fault| {
            (
                fault.row,
                fault.column.unwrap_or_default().to_owned(),
                fault.message,
            )
        })
        .collect()
}

fn of_refusal(refusal: &Refusal) -> Vec<Mistaken> {
    if refusal.errors.is_empty() {
        return vec![(None, String::new(), refusal.detail.clone())];
    }
    // A row of the form is a line under the header of the file.
    refusal
        .errors
        .iter()
        .map(|fault| {
            (
                fault.row.map(|row| row + 1),
                fault.column.clone().unwrap_or_default(),
                fault.message.clone(),
            )
        })
        .collect()
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistakes: Vec<Mistaken>,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, None, fields, mistakes).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    before: Option<&str>,
    fields: &Typed,
    mistakes: Vec<Mistaken>,
) -> Result<SubsidyPage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "住房补贴", UnitTab::Cases).await?;
    employer::require(office, employer.employer_id).await?;
    let from = before.and_then(|no| office.numbers.decode(NumberKind::Remittance, no));
    let lists = subsidy::lists(office, employer.employer_id, from, PAGE).await?;
    let more = (lists.len() as i64 == PAGE)
        .then(|| lists.last())
        .flatten()
        .map(|last| format!("/unit/subsidy?before={}", number(office, last)));
    let columns = vec![
        Column::words("月份"),
        Column::words("方式"),
        Column::figures("人数"),
        Column::figures("金额（元）"),
        Column::words("状态"),
    ];
    let lines = lists.iter().map(|one| line(portal, one)).collect();
    let mut table = Table::new("lists", "报过的补贴", columns, lines).empty("还没有报过住房补贴。");
    if more.is_some() || from.is_some() {
        table = table.pager(Pager {
            note: String::new(),
            before: from.map(|_| "/unit/subsidy".to_owned()),
            after: more,
        });
    }
    let month = match typed(fields, "month") {
        "" => Month::of(office.today()).to_string(),
        text => text.to_owned(),
    };
    let sorts = SORTS
        .map(|(value, words)| (value.to_owned(), words.to_owned()))
        .to_vec();
    let wrong = mistakes.len();
    let rows = mistakes
        .into_iter()
        .take(MISTAKES)
        .map(|(row, column, words)| {
            Line::new(vec![
                Cell::new(row.map_or_else(|| "—".to_owned(), |row| row.to_string())),
                Cell::new(column),
                Cell::new(words),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("行"),
        Column::words("列"),
        Column::words("哪里不对"),
    ];
    Ok(SubsidyPage {
        frame,
        flash: (wrong > 0).then(|| {
            Flash::new(
                Tone::Fail,
                format!("有 {wrong} 处不对，什么都没有登记。请改好整份再传。"),
            )
        }),
        mistakes: (wrong > 0).then(|| Table::new("mistakes", "要改的地方", columns, rows)),
        fields: vec![
            Field::new("month", "补贴月份", FieldKind::Month).value(&month),
            Field::select("sort", "补贴方式", sorts).value(typed(fields, "sort")),
        ],
        key: Uuid::now_v7().to_string(),
        drop: DROP,
        table,
    })
}

fn line(portal: &Portal, one: &Remittance) -> Line {
    let office = &portal.engine.office;
    let sort = one.reason.as_deref().unwrap_or_default();
    let words = SORTS
        .iter()
        .find(|(value, _)| *value == sort)
        .map_or("", |(_, words)| words);
    Line::new(vec![
        Cell::new(one.month().chinese()).link(format!("/unit/arrivals/{}", number(office, one))),
        Cell::new(words),
        Cell::new(one.people.to_string()),
        Cell::amount(Fen::new(one.amount_fen)),
        Cell::state(&state_of(one)),
    ])
}
