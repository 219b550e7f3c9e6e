//! Parameters as the files write them: rows by date and place, each with its mark and source, no two for the same.

use std::sync::Arc;

use crate::file::RawParameter;
use crate::load::{Errors, check_mark, day, typed};
use crate::parameter::{Argument, Parameter, Row, Test};
use crate::policy_set::PolicySet;
use crate::value::Type;

/// Reads one parameter into the set.
pub(crate) fn parameter(raw: &RawParameter, set: &mut PolicySet, errors: &mut Errors) {
    let place = format!("parameter {}", raw.name);
    let arguments: Vec<Argument> = raw
        .arguments
        .iter()
        .map(|argument| Argument {
            name: argument.name.clone(),
            ty: argument.ty,
        })
        .collect();
    if arguments.len() > 6 {
        errors.add(&place, "more than six arguments");
    }
    if raw.ty.element().is_some() || raw.ty == Type::Months {
        errors.add(&place, "a parameter holds one value");
    }
    let mut rows: Vec<Row> = Vec::new();
    for (index, table) in raw.values.iter().enumerate() {
        let place = format!("{place}, row {}", index + 1);
        let Some(mut row) = errors.keep(&place, row(table, raw, &arguments, set)) else {
            continue;
        };
        let text = |key: &str, default: &Option<String>| {
            let own = table
                .get(key)
                .and_then(toml::Value::as_str)
                .map(str::to_owned);
            own.or_else(|| default.clone()).unwrap_or_default()
        };
        (row.mark, row.source) = (text("mark", &raw.mark), text("source", &raw.source));
        check_mark(&row.mark, &row.source, &place, errors);
        if rows
            .iter()
            .any(|held| held.from == row.from && held.tests == row.tests)
        {
            errors.add(
                &place,
                "a row of the same date and the same where stands above",
            );
        }
        rows.push(row);
    }
    if rows.is_empty() {
        errors.add(&place, "no row");
    }
    let (name, label) = (raw.name.clone(), raw.label.clone());
    let mut parameter = Parameter {
        name,
        label,
        ty: raw.ty,
        arguments,
        rows,
    };
    parameter.sort();
    if set
        .parameters
        .insert(raw.name.clone(), Arc::new(parameter))
        .is_some()
    {
        errors.add(place, "declared twice");
    }
}

fn row(
    table: &toml::Table,
    raw: &RawParameter,
    arguments: &[Argument],
    set: &PolicySet,
) -> Result<Row, String> {
    let from = day(table.get("from").ok_or("no `from`")?)?;
    let value = typed(table.get("value").ok_or("no `value`")?, raw.ty)?;
    let mut tests = Vec::new();
    for (key, value) in table {
        if matches!(key.as_str(), "from" | "value" | "mark" | "source" | "note") {
            continue;
        }
        let argument = |name: &str, ty: Type| {
            arguments
                .iter()
                .position(|argument| argument.name == name && argument.ty == ty)
        };
        let least = key
            .strip_suffix("_min")
            .and_then(|name| argument(name, Type::Int));
        let test = match (argument(key, Type::Text), least, value) {
            (Some(index), _, toml::Value::String(code)) => match set.regions.get(code) {
                Some(region) => Test::Within(index, region.clone()),
                None if key == "region" && code.parse::<u32>().is_err() => {
                    return Err(format!("unknown region {code}"));
                }
                None => Test::Is(index, code.as_str().into()),
            },
            (_, Some(index), toml::Value::Integer(least)) => Test::AtLeast(index, *least),
            _ => return Err(format!("`{key}` is no argument of it, or of another type")),
        };
        tests.push(test);
    }
    Ok(Row::new(from, tests, value))
}
