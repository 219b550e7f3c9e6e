//! The fields of a paper's facts: drawn from the facts' schemas, and what a teller typed into them.

use std::collections::HashMap;

use anju_casework::Refusal;
use anju_domain::money::Fen;
use anju_exchange::catalogue::FactType;
use anju_exchange::schema::Holds;
use anju_policy::decision::{Decision, PaperFact};
use serde_json::{Map, Value};

use crate::components::{Field, FieldKind, Text};
use crate::serve::Portal;

/// What a field is called, and the words of its codes.
pub(super) fn label_of(
    portal: &Portal,
    role: &str,
    fact_type: &str,
    field: &str,
) -> (String, Vec<(String, String)>) {
    let policy = portal.engine.office.policy();
    policy.set.field_label(role, fact_type, field).map_or_else(
        || (field.to_owned(), Vec::new()),
        |(label, words)| {
            let words = words
                .iter()
                .map(|(code, word)| (code.clone(), word.clone()))
                .collect();
            (label.to_owned(), words)
        },
    )
}

pub(super) fn said(field: &str, value: &Value, words: &[(String, String)]) -> Text {
    match value {
        Value::Bool(yes) => if *yes { "是" } else { "否" }.into(),
        Value::Number(number) if field.contains("fen") => {
            Text::new().money(Fen::new(number.as_i64().unwrap_or_default()))
        }
        Value::Array(rows) => rows
            .iter()
            .map(|row| {
                let cells = row.as_object().into_iter().flatten();
                let cells = cells.map(|(field, cell)| said(field, cell, &[]).to_string());
                cells.collect::<Vec<String>>().join(" ")
            })
            .collect::<Vec<String>>()
            .join("；")
            .into(),
        Value::String(code) => words
            .iter()
            .find(|(known, _)| known == code)
            .map_or(code.as_str(), |(_, word)| word.as_str())
            .into(),
        other => other.to_string().into(),
    }
}

pub(super) fn fields_of(
    portal: &Portal,
    place: usize,
    wanted: &PaperFact,
    typed: &HashMap<String, String>,
) -> Vec<Field> {
    let Some(fact) = portal.engine.gateway.catalogue().fact(&wanted.fact_type) else {
        return Vec::new();
    };
    let policy = portal.engine.office.policy();
    fact.scalars()
        .filter_map(|(field, holds, required)| {
            let named = policy
                .set
                .field_label(&wanted.role, &wanted.fact_type, field);
            if named.is_none() && !required {
                return None;
            }
            let (label, words) = label_of(portal, &wanted.role, &wanted.fact_type, field);
            let name = format!("{place}.{field}");
            let choices = |codes: &[String]| -> Vec<(String, String)> {
                let word = |code: &String| {
                    words
                        .iter()
                        .find(|(known, _)| known == code)
                        .map_or(code.clone(), |(_, word)| word.clone())
                };
                let first = ("".to_owned(), "—".to_owned());
                let codes = codes.iter().map(|code| (code.clone(), word(code)));
                std::iter::once(first).chain(codes).collect()
            };
            let yes_no = || {
                [("", "—"), ("1", "是"), ("0", "否")]
                    .map(|(code, word)| (code.to_owned(), word.to_owned()))
                    .to_vec()
            };
            let value = typed.get(&name).cloned().unwrap_or_default();
            let drawn = match holds {
                Holds::Bool => Field::select(&name, label, yes_no()),
                Holds::OneOf(codes) => Field::select(&name, label, choices(codes)),
                Holds::Date => Field::new(&name, label, FieldKind::Date),
                Holds::Month => Field::new(&name, label, FieldKind::Month),
                Holds::Int if field.contains("fen") => Field::new(&name, label, FieldKind::Money),
                Holds::Int => Field::new(&name, label, FieldKind::Digits),
                Holds::Text => Field::new(&name, label, FieldKind::Text),
            }
            .value(value);
            Some(if required { drawn } else { drawn.optional() })
        })
        .chain(rows_of(portal, fact, place, wanted, typed))
        .collect()
}

/// The lists of a fact that policy reads, one field each: a row a line.
fn rows_of(
    portal: &Portal,
    fact: &FactType,
    place: usize,
    wanted: &PaperFact,
    typed: &HashMap<String, String>,
) -> Vec<Field> {
    let policy = portal.engine.office.policy();
    fact.rows()
        .filter_map(|(list, row)| {
            let label = policy
                .set
                .list_label(&wanted.role, &wanted.fact_type, list)?;
            let columns: Vec<String> = row
                .iter()
                .map(|(field, holds, required)| {
                    let word = match holds {
                        Holds::Date => "日期",
                        Holds::Int if field.contains("penalty") => "其中罚息（元）",
                        Holds::Int if field.contains("fen") => "金额（元）",
                        _ => *field,
                    };
                    let optional = if *required {
                        ""
                    } else {
                        "（没有就不写）"
                    };
                    format!("{word}{optional}")
                })
                .collect();
            let name = format!("{place}.{list}");
            let value = typed.get(&name).cloned().unwrap_or_default();
            let drawn = Field::new(&name, label.to_owned(), FieldKind::Long)
                .hint(format!("每行一笔，用空格隔开：{}", columns.join(" ")))
                .value(value)
                .optional();
            Some(drawn)
        })
        .collect()
}

/// The rows as they were typed, a row a line.
fn typed_rows(words: &str, row: &[(&str, Holds<'_>, bool)]) -> Option<Value> {
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut cells = line.split_whitespace();
            let mut read = Map::new();
            for (field, holds, required) in row {
                let Some(cell) = cells.next() else {
                    if *required {
                        return None;
                    }
                    continue;
                };
                read.insert((*field).to_owned(), typed_value(field, *holds, cell)?);
            }
            cells.next().is_none().then_some(Value::Object(read))
        })
        .collect::<Option<Vec<Value>>>()
        .map(Value::Array)
}

fn typed_value(field: &str, holds: Holds<'_>, words: &str) -> Option<Value> {
    Some(match holds {
        Holds::Bool => Value::from(words == "1"),
        Holds::Int if field.contains("fen") => Value::from(Fen::parse_yuan(words).ok()?.fen()),
        Holds::Int => Value::from(words.parse::<i64>().ok()?),
        _ => Value::from(words),
    })
}

/// What was typed of one fact, by its schema.
pub(super) fn value_of(
    portal: &Portal,
    place: usize,
    wanted: &PaperFact,
    typed: &HashMap<String, String>,
    decision: Option<&Decision>,
) -> Result<(Value, i16, String), Refusal> {
    let wrong =
        |label: &str| Refusal::rule("E-PAPER-04", format!("“{label}”没有填对，请按材料改。"));
    let fact = portal
        .engine
        .gateway
        .catalogue()
        .fact(&wanted.fact_type)
        .ok_or_else(|| wrong(&wanted.fact_type))?;
    let mut value = Map::new();
    for (field, holds, required) in fact.scalars() {
        let (label, _) = label_of(portal, &wanted.role, &wanted.fact_type, field);
        let words = typed
            .get(&format!("{place}.{field}"))
            .map_or("", |words| words.trim());
        if words.is_empty() {
            if required {
                return Err(wrong(&label));
            }
            continue;
        }
        let read = typed_value(field, holds, words).ok_or_else(|| wrong(&label))?;
        value.insert(field.to_owned(), read);
    }
    for (list, row) in fact.rows() {
        let words = typed
            .get(&format!("{place}.{list}"))
            .map_or("", |words| words.trim());
        if !words.is_empty() {
            let policy = portal.engine.office.policy();
            let label = policy
                .set
                .list_label(&wanted.role, &wanted.fact_type, list)
                .unwrap_or(list);
            let read = typed_rows(words, &row).ok_or_else(|| wrong(label))?;
            value.insert(list.to_owned(), read);
        }
    }
    let value = fact
        .admit(&Value::Object(value))
        .map_err(|fault| Refusal::rule("E-PAPER-04", format!("没有填对，请按材料改：{fault}。")))?;
    let version = i16::try_from(fact.version).unwrap_or(1);
    // Of several sources it is the one that was asked and has no record.
    let source = match fact.sources.as_slice() {
        [one] => one.clone(),
        _ => asked_of(decision, wanted),
    };
    Ok((value, version, source))
}

fn asked_of(decision: Option<&Decision>, wanted: &PaperFact) -> String {
    let mut read = decision
        .into_iter()
        .flat_map(|decision| &decision.conditions)
        .flat_map(|condition| condition.facts.iter());
    read.find(|fact| fact.role == wanted.role && fact.fact_type == wanted.fact_type)
        .map(|fact| fact.source.to_owned())
        .unwrap_or_default()
}
