//! A form of a service, drawn from its definition; what it would come to is shown before it is sent. The service decides. What gives an
//! employer's data away is confirmed once more (`step_up`).

use std::collections::HashMap;

use anju_business::contribution::credit;
use anju_business::contribution::relief::{deferral, reduction};
use anju_casework::case::Submitted;
use anju_casework::catalogue::Request;
use anju_casework::{Error, Office, Refusal};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::phone::Phone;
use anju_policy::service::{Input, InputType};
use anju_policy::{ConditionOutcome, ServiceDefinition};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, Condition, ErrorSummary, Facts, Field, FieldKind, Line,
    Mistake, Table, Text,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::ApplyPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;
use crate::unit::change::{Typed, bp, fen, submission, typed, without_row};
use crate::unit::credit::figures as credit_figures;
use crate::unit::framed;
use crate::unit::step_up::{self, Act};

/// What a clerk asks for and a person decides.
pub(super) const SERVICES: [&str; 6] = [
    "employer-deferral",
    "employer-ratio-reduction",
    "employer-refund",
    "employer-suspense-refund",
    "employer-close-account",
    "employer-credit-referral",
];

fn definition(office: &Office, service: &str) -> Result<ServiceDefinition, PageError> {
    SERVICES
        .contains(&service)
        .then(|| office.policy().set.service(service).cloned())
        .flatten()
        .ok_or(PageError::NotFound)
}

/// `GET /unit/do/{service}`.
pub(crate) async fn fresh(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(service): Path<String>,
) -> Result<ApplyPage, PageError> {
    let definition = definition(&portal.engine.office, &service)?;
    let nothing = Typed::new();
    draw(
        &portal,
        &visit,
        &at,
        &definition,
        &nothing,
        Vec::new(),
        None,
    )
    .await
}

/// `POST /unit/do/{service}`: shows what it would come to, or sends it.
pub(crate) async fn send(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(service): Path<String>,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let definition = definition(office, &service)?;
    let (form, mistakes) = read(&definition, &fields);
    if !mistakes.is_empty() {
        return refuse(&portal, &visit, &at, &definition, &fields, mistakes).await;
    }
    if typed(&fields, "step") == "preview" {
        let preview = preview(&portal, &at, &definition, form).await?;
        let page = draw(
            &portal,
            &visit,
            &at,
            &definition,
            &fields,
            Vec::new(),
            preview,
        )
        .await?;
        return Ok(page.into_response());
    }
    let mut submission = submission(&portal, &at, &service, &fields, form).await?;
    if definition.effect == "refer_employer" {
        let act = Act {
            service: &definition,
            fields: &fields,
            form: &submission.request.form,
        };
        if let Some(page) = step_up::ask(&portal, &visit, &at, &act).await? {
            return Ok(page);
        }
        submission.request.face_passed = true;
    }
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let number = anju_casework::case::number(office, case_id);
            Ok(Redirect::to(&format!("/unit/cases/{number}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mistakes = of_refusal(&refusal);
            refuse(&portal, &visit, &at, &definition, &fields, mistakes).await
        }
        Err(error) => Err(error.into()),
    }
}

fn of_refusal(refusal: &Refusal) -> Vec<Mistake> {
    if refusal.errors.is_empty() {
        return vec![Mistake::at("", refusal.detail.clone())];
    }
    refusal
        .errors
        .iter()
        .map(|error| {
            Mistake::at(
                error.column.as_deref().unwrap_or(""),
                without_row(&error.message),
            )
        })
        .collect()
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    definition: &ServiceDefinition,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, definition, fields, mistakes, None).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What was typed, as the types of the definition; what cannot be read comes back with its field.
fn read(definition: &ServiceDefinition, fields: &Typed) -> (Map<String, Value>, Vec<Mistake>) {
    let mut form = Map::new();
    let mut mistakes = Vec::new();
    for input in &definition.inputs {
        let name = input.name.as_str();
        let text = typed(fields, name);
        if text.is_empty() {
            if input.required && matches!(input.input_type, InputType::Bool) {
                // Not agreed (yet): the rules say what that means, and it may be looked at before.
                form.insert(name.to_owned(), Value::Bool(false));
            } else if input.required {
                mistakes.push(Mistake::at(name, format!("请填写{}。", input.label)));
            }
            continue;
        }
        let value = match input.input_type {
            InputType::Bp => bp(fields, name),
            InputType::Fen => fen(fields, name).map(Option::unwrap_or_default),
            InputType::Int => text
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| Mistake::at(name, "请填写整数。")),
            InputType::Bool => Ok(Value::Bool(text == "yes")),
            InputType::Month => Month::parse(text)
                .map(|month| month.to_string().into())
                .map_err(|_| Mistake::at(name, "月份写成 2026-03 这样。")),
            _ => Ok(text.into()),
        };
        match value {
            Ok(value) => drop(form.insert(name.to_owned(), value)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    (form, mistakes)
}

/// What a value of a form says; numbers of people are masked.
pub(crate) fn said(input: &Input, value: &Value) -> String {
    let text = || value.as_str().unwrap_or_default();
    match input.input_type {
        _ if value.is_null() => "没有填".to_owned(),
        InputType::Phone => {
            Phone::parse(text()).map_or_else(|_| "****".to_owned(), |one| one.to_string())
        }
        InputType::Id18 => {
            IdNumber::parse(text()).map_or_else(|_| "****".to_owned(), |one| one.to_string())
        }
        InputType::Date => text()
            .parse()
            .map_or_else(|_| text().to_owned(), chinese_date),
        InputType::Bp => value
            .as_i64()
            .and_then(|bp| i32::try_from(bp).ok())
            .map_or_else(String::new, |bp| anju_domain::rate::Bp::new(bp).to_string()),
        InputType::Fen => value.as_i64().map_or_else(String::new, |fen| {
            format!("{} 元", anju_domain::money::Fen::new(fen))
        }),
        InputType::Bool => if value == &Value::Bool(true) {
            "是"
        } else {
            "否"
        }
        .to_owned(),
        InputType::Month => value
            .as_str()
            .and_then(|text| Month::parse(text).ok())
            .map_or_else(String::new, Month::chinese),
        InputType::Enum => {
            let text = value.as_str().unwrap_or_default();
            input
                .options
                .iter()
                .find(|choice| choice.value == text)
                .map_or_else(|| text.to_owned(), |choice| choice.label.clone())
        }
        _ => value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    }
}

fn field(input: &Input, fields: &Typed, errors: &HashMap<&str, &str>) -> Field {
    let label = match input.input_type {
        InputType::Bp => format!("{}（%）", input.label),
        InputType::Fen => format!("{}（元）", input.label),
        _ => input.label.clone(),
    };
    let kind = match input.input_type {
        InputType::Bp | InputType::Int => FieldKind::Digits,
        InputType::Fen => FieldKind::Money,
        InputType::Month => FieldKind::Month,
        InputType::Date => FieldKind::Date,
        InputType::Text if input.max_characters.is_some_and(|most| most > 100) => FieldKind::Long,
        _ => FieldKind::Text,
    };
    let mut drawn = match input.input_type {
        InputType::Enum => Field::select(
            input.name.as_str(),
            label,
            input
                .options
                .iter()
                .map(|choice| (choice.value.clone(), choice.label.clone()))
                .collect(),
        ),
        InputType::Bool => Field::select(
            input.name.as_str(),
            label,
            vec![
                (String::new(), "否".to_owned()),
                ("yes".to_owned(), "是".to_owned()),
            ],
        ),
        _ => Field::new(input.name.as_str(), label, kind),
    };
    let hint = match input.input_type {
        // The hint of the doors counts in ten thousandths; people write percent.
        InputType::Bp => "写成 3 这样；单位和个人相同".to_owned(),
        _ => input.hint.clone(),
    };
    if !hint.is_empty() {
        drawn = drawn.hint(hint);
    }
    if !input.required && !matches!(input.input_type, InputType::Bool) {
        drawn = drawn.optional();
    }
    drawn
        .value(typed(fields, &input.name))
        .error(errors.get(input.name.as_str()).copied())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    definition: &ServiceDefinition,
    fields: &Typed,
    mistakes: Vec<Mistake>,
    preview: Option<Shown>,
) -> Result<ApplyPage, PageError> {
    let office = &portal.engine.office;
    let (frame, _) = framed(office, visit, at, &definition.name_zh, UnitTab::Cases).await?;
    let errors: HashMap<&str, &str> = mistakes
        .iter()
        .map(|mistake| (mistake.field.as_str(), mistake.words.as_str()))
        .collect();
    let drawn = definition
        .inputs
        .iter()
        .map(|input| field(input, fields, &errors))
        .collect();
    Ok(ApplyPage {
        frame,
        errors: ErrorSummary::of(mistakes.clone()).map(|errors| errors.note("什么都没有提交。")),
        title: definition.name_zh.clone(),
        lead: format!(
            "{}。{}{}。",
            definition.summary,
            if definition.outcome == anju_policy::service::Mode::Instant {
                ""
            } else {
                "由工作人员审核，承诺"
            },
            definition.promise.promised
        )
        .into(),
        action: format!("/unit/do/{}", definition.id),
        key: Uuid::now_v7().to_string(),
        fields: drawn,
        buttons: vec![
            Button::send("先算一算", ButtonLook::Plain).value("step", "preview"),
            Button::submit("提交申请").value("step", "send"),
        ],
        conditions: preview
            .as_ref()
            .map_or_else(Vec::new, |shown| shown.conditions.clone()),
        preview: preview.map(|shown| (shown.facts, shown.table)),
    })
}

/// What it would come to, by the books as they are now.
async fn preview(
    portal: &Portal,
    at: &AtUnit,
    definition: &ServiceDefinition,
    form: Map<String, Value>,
) -> Result<Option<Shown>, PageError> {
    let office = &portal.engine.office;
    let request = Request {
        service: definition.id.clone(),
        case_id: None,
        applicant_id: at.employer_id,
        form,
        channel: at.channel().to_owned(),
        face_passed: false,
    };
    Ok(match definition.effect.as_str() {
        "defer_contributions" => deferral::preview(office, &request)
            .await?
            .map(deferred)
            .map(Shown::of),
        "reduce_ratio" => reduction::preview(office, &request)
            .await?
            .map(reduced)
            .map(Shown::of),
        "refer_employer" => {
            let figures = credit::preview(office, at.employer_id).await?;
            Some(Shown::of((credit_figures(&figures), None)))
        }
        _ => Some(decided(portal, &request).await?),
    })
}

/// What it would come to: the figures, or what the rules say of it.
pub(super) struct Shown {
    facts: Facts,
    table: Option<Table>,
    conditions: Vec<Condition>,
}

impl Shown {
    fn of((facts, table): (Facts, Option<Table>)) -> Self {
        Self {
            facts,
            table,
            conditions: Vec::new(),
        }
    }
}

/// The rules' answer without a case: the amount, and each condition with what stands in the way.
async fn decided(portal: &Portal, request: &Request) -> Result<Shown, PageError> {
    let (_, decision) = portal.engine.precheck(request).await?;
    let hindered = decision
        .conditions
        .iter()
        .filter(|one| one.outcome == ConditionOutcome::NotMet)
        .count();
    let said = match hindered {
        0 => "可以提交，由工作人员审核".to_owned(),
        _ => format!("现在办不了：有 {hindered} 项条件不符合，写在下面"),
    };
    let mut facts = vec![("结果".to_owned(), said.into())];
    if let Some(amount) = decision.amount_fen.filter(|_| hindered == 0) {
        facts.push(("金额".to_owned(), Text::new().money(Fen::new(amount))));
    }
    Ok(Shown {
        facts: Facts(facts),
        table: None,
        conditions: explain::conditions(&decision),
    })
}

fn deferred(preview: deferral::Preview) -> (Facts, Option<Table>) {
    let facts = Facts(vec![
        (
            "缓缴月份".into(),
            format!(
                "{}到{}，{} 个月",
                preview.from.chinese(),
                preview.to.chinese(),
                preview.plan.months
            )
            .into(),
        ),
        (
            "每月".into(),
            Text::new()
                .money(preview.monthly)
                .say(format!("，{} 人", preview.people)),
        ),
        ("期满共补".into(), Text::new().money(preview.plan.total)),
    ]);
    let first = preview.to.plus(1);
    let lines = preview
        .plan
        .instalments
        .iter()
        .zip(first.index()..)
        .map(|(amount, month)| {
            Line::new(vec![
                Cell::new(chinese_date(Month::from_index(month).last_day())),
                Cell::amount(*amount),
            ])
        })
        .collect();
    let columns = vec![Column::words("最迟"), Column::figures("补缴（元）")];
    let table = Table::new("plan", "补缴计划，单位：元", columns, lines);
    (facts, Some(table))
}

fn reduced(preview: reduction::Preview) -> (Facts, Option<Table>) {
    let facts = Facts(vec![
        (
            "降低比例的月份".into(),
            format!(
                "{}到{}，之后自动恢复",
                preview.from.chinese(),
                preview.to.chinese()
            )
            .into(),
        ),
        (
            "比例".into(),
            format!("{} 降到 {}", preview.before, preview.during).into(),
        ),
        (
            "每月少缴".into(),
            Text::new()
                .money(preview.monthly)
                .say(format!("，{} 人", preview.people)),
        ),
    ]);
    (facts, None)
}
