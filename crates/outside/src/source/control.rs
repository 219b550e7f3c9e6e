//! The control door of the departments: what a register holds, how a source behaves.
//!
//! Invariant: the door speaks the product's field names and the register its own; what was set is read back the same.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Conduct, Event, Form, Mode, Registers, Row, SOURCES, Source, column, form};
use crate::World;
use crate::control::{Body, Problem};

/// Where a record keeps the keys that its register has no field for.
const FURTHER: &str = "_further";

/// Several records in one request are for filling a town.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The departments' control routes.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/control/facts/{source}/{type}/set", post(set))
        .route("/control/facts/{source}/{type}/read", post(read))
        .route("/control/facts/{source}/{type}/silent", post(hush))
        .route("/control/sources", get(list))
        .route("/control/sources/{source}", put(behave))
        .route(
            "/control/sources/{source}/turn-key",
            post(super::keys::turn),
        )
        .route(
            "/control/certificates/{number}",
            get(super::cert_index::show),
        )
        .route(
            "/control/sources/{source}/received/{flow}",
            get(super::files_in::received).put(super::files_in::refuse),
        )
        .route("/control/sources/{source}/ask", post(super::ask::ask))
        .route(
            "/control/sources/{source}/files/{flow}",
            post(super::batch::send),
        )
        .route("/control/court/orders", post(super::court_desk::order))
        .route(
            "/control/contracts/cancel",
            post(super::court_desk::cancel_contract),
        )
        .route("/control/court/results", get(super::court_desk::results))
        .route("/control/disputes", get(super::dispute::list))
        .route(
            "/control/disputes/{order_no}/answer",
            post(super::dispute::answer),
        )
        .layer(DefaultBodyLimit::max(MOST_BYTES))
}

#[derive(Deserialize)]
pub(crate) struct Setting {
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) value: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Settings {
    Many { items: Vec<Setting> },
    One(Setting),
}

#[derive(Deserialize)]
pub(crate) struct Reading {
    pub(crate) subject: String,
}

pub(crate) async fn set(
    State(world): State<Arc<World>>,
    Path((source, fact_type)): Path<(String, String)>,
    Body(settings): Body<Settings>,
) -> Result<Json<Value>, Problem> {
    enter(&world, &source, &fact_type, settings).await
}

/// Enters records, or strikes them out.
pub(super) async fn enter(
    world: &World,
    source: &str,
    fact_type: &str,
    settings: Settings,
) -> Result<Json<Value>, Problem> {
    let (source, fact_type) = known(source, fact_type)?;
    let (settings, many) = match settings {
        Settings::Many { items } => (items, true),
        Settings::One(setting) => (vec![setting], false),
    };
    let mut events = Vec::with_capacity(settings.len());
    let mut values = Vec::new();
    for setting in settings {
        let subject = subject(&setting.subject)?;
        let (source, fact_type) = (source.code.to_owned(), fact_type.to_owned());
        if setting.value.is_null() {
            events.push(Event::Struck {
                source,
                fact_type,
                subject,
            });
            values.push(Value::Null);
            continue;
        }
        let row = kept(form(&fact_type), setting.value).map_err(|wrong| {
            Problem::unprocessable(format!("{fact_type} 的值不能登记：{wrong}"))
        })?;
        values.push(shown(form(&fact_type), &row));
        events.push(Event::Entered {
            source,
            fact_type,
            subject,
            row,
        });
    }
    let count = events.len();
    world
        .departments
        .store
        .change(|draft| events.into_iter().for_each(|event| draft.record(event)))
        .await?;
    Ok(Json(if many {
        json!({ "source": source.code, "type": fact_type, "set": count })
    } else {
        json!({ "source": source.code, "type": fact_type, "value": values.pop() })
    }))
}

pub(crate) async fn read(
    State(world): State<Arc<World>>,
    Path((source, fact_type)): Path<(String, String)>,
    Body(reading): Body<Reading>,
) -> Result<Json<Value>, Problem> {
    let (source, fact_type) = known(&source, &fact_type)?;
    let subject = subject(&reading.subject)?;
    let value = world
        .departments
        .store
        .read(|registers| shown_of(registers, source.code, fact_type, &subject))
        .await?;
    Ok(Json(
        json!({ "source": source.code, "type": fact_type, "subject": subject, "value": value }),
    ))
}

/// Whether a source says nothing of a subject.
#[derive(Deserialize)]
pub(crate) struct Hush {
    subject: String,
    silent: bool,
}

/// One record is put in order: its source answers everybody's questions but those about it.
async fn hush(
    State(world): State<Arc<World>>,
    Path((source, fact_type)): Path<(String, String)>,
    Body(hush): Body<Hush>,
) -> Result<Json<Value>, Problem> {
    let (source, fact_type) = known(&source, &fact_type)?;
    let subject = subject(&hush.subject)?;
    let event = Event::Hushed {
        source: source.code.to_owned(),
        fact_type: fact_type.to_owned(),
        subject: subject.clone(),
        silent: hush.silent,
    };
    world
        .departments
        .store
        .change(|draft| draft.record(event))
        .await?;
    Ok(Json(
        json!({ "source": source.code, "type": fact_type, "subject": subject, "silent": hush.silent }),
    ))
}

/// What a register holds of a subject, in the door's words; null for no record.
pub(super) fn shown_of(
    registers: &Registers,
    source: &str,
    fact_type: &str,
    subject: &str,
) -> Value {
    let row = registers.record(source, fact_type, subject);
    row.map_or(Value::Null, |row| shown(form(fact_type), row))
}

/// A source as the list shows it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// `D03`.
    pub source: &'static str,
    /// 名称.
    pub name: &'static str,
    /// What it can be asked.
    pub types: &'static [&'static str],
    /// How it behaves.
    #[serde(flatten)]
    pub conduct: Conduct,
    /// How many records it holds.
    pub records: usize,
}

/// All sources with their moods.
pub fn listed(registers: &Registers) -> Vec<Listed> {
    let records = |source: &Source| {
        let count = |fact_type: &&str| {
            registers
                .register(source.code, fact_type)
                .map_or(0, |r| r.len())
        };
        source.types.iter().map(count).sum()
    };
    SOURCES
        .iter()
        .map(|source| Listed {
            source: source.code,
            name: source.name,
            types: source.types,
            conduct: registers.conduct(source.code),
            records: records(source),
        })
        .collect()
}

async fn list(State(world): State<Arc<World>>) -> Result<Json<Vec<Listed>>, Problem> {
    Ok(Json(world.departments.store.read(listed).await?))
}

/// What of a mood changes; what is left out stays.
#[derive(Debug, Default, Deserialize)]
pub struct Change {
    pub(crate) mode: Option<Mode>,
    pub(crate) latency_ms: Option<u64>,
    pub(crate) fail_rate: Option<f64>,
}

pub(crate) async fn behave(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<Listed>, Problem> {
    let source = source_of(&code)?;
    if change
        .fail_rate
        .is_some_and(|rate| !(0.0..=1.0).contains(&rate))
    {
        return Err(Problem::unprocessable("fail_rate 应在 0 到 1 之间"));
    }
    if change.latency_ms.is_some_and(|latency| latency > 600_000) {
        return Err(Problem::unprocessable("latency_ms 最多 600000"));
    }
    let listed = world
        .departments
        .store
        .change(|draft| {
            let now = draft.conduct(source.code);
            let conduct = Conduct {
                mode: change.mode.unwrap_or(now.mode),
                latency_ms: change.latency_ms.unwrap_or(now.latency_ms),
                fail_rate: change.fail_rate.unwrap_or(now.fail_rate),
            };
            draft.record(Event::Behaves {
                source: source.code.to_owned(),
                conduct,
            });
            listed(draft)
        })
        .await?;
    let listed = listed
        .into_iter()
        .find(|listed| listed.source == source.code);
    listed
        .map(Json)
        .ok_or_else(|| Problem::not_found("没有这个部门"))
}

fn source_of(code: &str) -> Result<&'static Source, Problem> {
    super::source_of(code).ok_or_else(|| {
        Problem::not_found(format!("没有代码为 {code} 的部门，应为 D01–D20 或 B1–B8"))
    })
}

fn known(code: &str, fact_type: &str) -> Result<(&'static Source, &'static str), Problem> {
    let source = source_of(code)?;
    let named = source.types.iter().find(|named| **named == fact_type);
    let named = named.ok_or_else(|| {
        Problem::not_found(format!(
            "{} 没有 {fact_type}，它有：{}",
            source.name,
            source.types.join("、")
        ))
    })?;
    Ok((source, named))
}

fn subject(text: &str) -> Result<String, Problem> {
    let subject = text.trim().to_uppercase();
    if subject.is_empty() {
        return Err(Problem::bad_request(
            "subject 应为证件号码或统一社会信用代码",
        ));
    }
    Ok(subject)
}

pub(super) fn kept(form: Option<&Form>, value: Value) -> Result<Row, String> {
    let Value::Object(mut given) = value else {
        return Err("应为一个对象".to_owned());
    };
    let Some(form) = form else { return Ok(given) };
    if let Some(prepare) = form.prepare {
        prepare(&mut given)?;
    }
    let mut row = column::keep(form.columns, &given)?;
    given.retain(|name, _| !column::has(form.columns, name));
    if !given.is_empty() {
        row.insert(FURTHER.to_owned(), Value::Object(given));
    }
    Ok(row)
}

fn shown(form: Option<&Form>, row: &Row) -> Value {
    let Some(form) = form else {
        return Value::Object(row.clone());
    };
    let mut shown: Map<String, Value> = column::show(form.columns, row);
    if let Some(Value::Object(further)) = row.get(FURTHER) {
        shown.extend(further.clone());
    }
    Value::Object(shown)
}
