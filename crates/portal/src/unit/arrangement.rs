//! What was approved, on its case's page: months, plan, what is owed; resuming before the end and making up the next instalment.

use anju_business::contribution::relief::{self, Arrangement, deferral, kind, state};
use anju_casework::case::{self, Submitted};
use anju_casework::{Error, Office};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, Facts, Line, Row, State as Shown, Table, Text,
};
use crate::pages::error::PageError;
use crate::pages::unit::UnitForm;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::cases::{own, refused};
use crate::unit::change::{SUPPLEMENT, Typed, submission};

/// What a case's page shows of an arrangement.
pub(super) struct Life {
    pub(super) facts: Facts,
    pub(super) tables: Vec<Table>,
    pub(super) forms: Vec<UnitForm>,
}

/// Its state in a word.
pub(crate) fn shown(of: i16) -> Shown {
    match of {
        state::APPROVED => Shown::wait("已批准，未开始"),
        state::RUNNING => Shown::wait("执行中"),
        state::REPAYING => Shown::wait("补缴中"),
        state::CLOSED => Shown::pass("已结束"),
        _ => Shown::fail("未按计划补缴"),
    }
}

/// The phase policy in words.
pub(crate) fn policy_name(policy: &str) -> String {
    match policy {
        "none" => "普通".to_owned(),
        year if year.chars().all(|c| c.is_ascii_digit()) => format!("{year} 年阶段性政策"),
        other => format!("阶段性政策（{other}）"),
    }
}

/// What `/unit` puts before everything else: a row for each plan that came with a merged employer.
pub(super) async fn todo(office: &Office, employer_id: i64) -> Result<Vec<Row>, PageError> {
    let mut rows = Vec::new();
    for one in relief::of_employer(office, employer_id).await? {
        if !matches!(one.state, state::REPAYING | state::BREACHED) {
            continue;
        }
        let case = case::require(office, one.arrangement_id).await?;
        if case.applicant_id != employer_id {
            let number = case::number(office, one.arrangement_id);
            let row = Row::to(format!("/unit/cases/{number}"), "合并转来的缓缴补缴")
                .note(format!(
                    "{}到{}缓缴的月份",
                    one.from().chinese(),
                    one.to().chinese()
                ))
                .sign(&shown(one.state));
            rows.push(row);
        }
    }
    Ok(rows)
}

pub(super) async fn life(
    office: &Office,
    one: &Arrangement,
    number: &str,
) -> Result<Life, PageError> {
    let months = relief::months(office, one.arrangement_id).await?;
    let owed: Fen = months.iter().map(|month| Fen::new(month.owed_fen)).sum();
    let is_deferral = one.kind == kind::DEFERRAL;
    let mut facts: Vec<(String, Text)> = vec![
        ("状态".into(), Text::new().state(&shown(one.state))),
        (
            "月份".into(),
            if one.to_month < one.from_month {
                "没有月份，开始前已恢复".into()
            } else {
                format!("{}到{}", one.from().chinese(), one.to().chinese()).into()
            },
        ),
        ("政策".into(), policy_name(&one.policy).into()),
        (
            "批准时".into(),
            Text::new()
                .say(format!("{} 人，每月 ", one.people))
                .money(Fen::new(one.monthly_fen)),
        ),
    ];
    if let (Some(during), Some(before)) = (one.ratio_bp, one.before_employer_bp) {
        let words = format!("{} 降到 {}", Bp::new(before), Bp::new(during));
        facts.push(("比例".into(), words.into()));
    }
    if is_deferral {
        facts.push(("还要补缴".into(), Text::new().money(owed)));
    }
    let mut tables = Vec::new();
    if !months.is_empty() {
        let lines = months
            .iter()
            .map(|month| {
                let mut cells = vec![
                    Cell::new(Month::from_index(month.month).chinese()),
                    Cell::new(month.people.to_string()),
                    Cell::amount(Fen::new(month.relief_fen)),
                ];
                if is_deferral {
                    cells.push(Cell::amount(Fen::new(month.owed_fen)));
                }
                Line::new(cells)
            })
            .collect();
        let mut columns = vec![
            Column::words("月份"),
            Column::figures("人数"),
            Column::figures(if is_deferral {
                "缓缴（元）"
            } else {
                "少缴（元）"
            }),
        ];
        if is_deferral {
            columns.push(Column::figures("还没补（元）"));
        }
        tables.push(Table::new("months", "各月，单位：元", columns, lines).cards());
    }
    if !one.plan().is_empty() {
        tables.push(plan(one, owed));
    }
    Ok(Life {
        facts: Facts(facts),
        tables,
        forms: forms(one, owed, number),
    })
}

fn plan(one: &Arrangement, owed: Fen) -> Table {
    let mut left = Fen::new(one.total_fen) - owed;
    let lines = one
        .plan()
        .iter()
        .map(|part| {
            let paid = left.min(part.amount);
            left -= paid;
            let state = if paid == part.amount {
                Shown::pass("已补")
            } else {
                Shown::wait("待补")
            };
            Line::new(vec![
                Cell::new(chinese_date(part.due_on)),
                Cell::amount(part.amount),
                Cell::state(&state),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("最迟"),
        Column::figures("补缴（元）"),
        Column::words("状态"),
    ];
    Table::new("plan", "补缴计划，单位：元", columns, lines).cards()
}

fn forms(one: &Arrangement, owed: Fen, number: &str) -> Vec<UnitForm> {
    let key = || uuid::Uuid::now_v7().to_string();
    let mut forms = Vec::new();
    if one.kind == kind::DEFERRAL && owed > Fen::ZERO {
        forms.push(UnitForm {
            id: "make-up",
            name: "补缴缓缴的月份",
            lead: "从最早的月份起，整月补，补足下一期。登记后去付款，到账马上分配到个人。".into(),
            action: format!("/unit/cases/{number}/make-up"),
            key: key(),
            fields: Vec::new(),
            button: Button::submit("登记补缴"),
        });
    }
    if matches!(one.state, state::APPROVED | state::RUNNING) {
        let lead = if one.kind == kind::DEFERRAL {
            "从当月起恢复汇缴；以前缓缴的月份按计划补缴。"
        } else {
            "从下一份清册起恢复原来的比例。"
        };
        forms.push(UnitForm {
            id: "resume",
            name: "提前恢复",
            lead: lead.into(),
            action: format!("/unit/cases/{number}/resume"),
            key: key(),
            fields: Vec::new(),
            button: Button::send("提前恢复", ButtonLook::Plain),
        });
    }
    forms
}

/// `POST /unit/cases/{case}/resume`.
pub(crate) async fn resume(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own(office, &at, &number).await?;
    let actor = at.actor();
    match relief::resume(office, one.case_id, at.employer_id, actor).await {
        Ok(()) => Ok(Redirect::to(&format!("/unit/cases/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            refused(&portal, &visit, &at, &number, &refusal.detail).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /unit/cases/{case}/make-up`: a back payment of kind DEFERRED over the oldest months that the next instalment needs.
pub(crate) async fn make_up(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let owned = own(office, &at, &number).await?;
    let one = relief::get(office, owned.case_id)
        .await?
        .ok_or(PageError::NotFound)?;
    let paid = Fen::new(one.total_fen) - relief::owed(office, one.arrangement_id).await?;
    let mut wanted = Fen::ZERO;
    for part in one.plan() {
        wanted += part.amount;
        if wanted > paid {
            break;
        }
    }
    let lines = deferral::next_lines(office, one.arrangement_id, wanted - paid).await?;
    if lines.is_empty() {
        return refused(&portal, &visit, &at, &number, "没有要补缴的月份。").await;
    }
    let mut by_account: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for line in lines {
        let month = Month::from_index(line.month).to_string();
        by_account.entry(line.account_id).or_default().push(month);
    }
    let rows: Vec<Value> = by_account
        .into_iter()
        .map(|(account, months)| {
            json!({ "account_no": office.numbers.encode(NumberKind::Account, account), "months": months })
        })
        .collect();
    let form = Map::from_iter([
        ("roster".to_owned(), Value::Array(rows)),
        ("reason".to_owned(), "DEFERRED".into()),
    ]);
    let submission = submission(&portal, &at, SUPPLEMENT, &fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let list = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={list}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let first = refusal.errors.first();
            let words = first.map_or(refusal.detail.as_str(), |error| error.message.as_str());
            refused(&portal, &visit, &at, &number, words).await
        }
        Err(error) => Err(error.into()),
    }
}
