//! One field of a register: what the control door calls it, what the source calls it, in what form it stands there.
//!
//! Invariant: what is set can be read back, and a word that the source has no code for is refused at the door, so that
//! a register never holds what it could not say.

use chrono::NaiveDate;
use serde_json::{Map, Value};

/// One field.
pub struct Column {
    /// The door's name; other names that are understood follow after `|`.
    pub ours: &'static str,
    /// The source's name.
    pub theirs: &'static str,
    /// How it stands at the source.
    pub form: Form,
    /// What an answer says where the record is silent.
    pub default: Option<&'static str>,
    /// Whether an answer says it; what is not said is only compared.
    pub said: bool,
}

/// How a field stands at a source.
pub enum Form {
    /// Text as it is.
    Text,
    /// Yes and no.
    Flag(&'static str, &'static str),
    /// `yyyymmdd`.
    Date,
    /// `yyyymm`.
    Month,
    /// A whole number.
    Count,
    /// Yuan with two decimals.
    Yuan,
    /// The same, below zero where it is a loss.
    SignedYuan,
    /// A share as a fraction.
    Fraction,
    /// Square metres.
    Area,
    /// A code: theirs, ours (other words after `|`).
    Code(&'static [(&'static str, &'static str)]),
    /// A list of texts.
    Texts,
    /// A list of records.
    Rows(&'static [Column]),
    /// A record of the door's whose fields stand flat here.
    Group(&'static [Column]),
}

/// A field that answers say.
pub const fn column(ours: &'static str, theirs: &'static str, form: Form) -> Column {
    Column {
        ours,
        theirs,
        form,
        default: None,
        said: true,
    }
}

impl Column {
    /// With what an answer says where the record is silent.
    pub const fn or(self, theirs: &'static str) -> Column {
        Column {
            default: Some(theirs),
            ..self
        }
    }

    /// Only compared with what the caller gives, never said.
    pub const fn compared(self) -> Column {
        Column {
            said: false,
            ..self
        }
    }

    fn shown(&self) -> &'static str {
        self.ours.split('|').next().unwrap_or(self.ours)
    }
}

/// From the door's fields to the register's; the message says in Chinese what cannot be kept.
pub fn keep(columns: &[Column], given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut row = Map::new();
    for column in columns {
        let value = (column.ours.split('|')).find_map(|name| given.get(name));
        match (&column.form, value.filter(|value| !value.is_null())) {
            (Form::Group(inner), Some(Value::Object(group))) => row.extend(keep(inner, group)?),
            // A group given as one text means its first field.
            (Form::Group([first, ..]), Some(text @ Value::String(_))) => {
                row.insert(first.theirs.to_owned(), code_of(first, text)?);
            }
            (_, Some(value)) => {
                row.insert(column.theirs.to_owned(), code_of(column, value)?);
            }
            (_, None) => {}
        }
    }
    Ok(row)
}

fn code_of(column: &Column, value: &Value) -> Result<Value, String> {
    let name = column.shown();
    let bad = |wanted: &str| format!("{name} 应为{wanted}");
    let text = || match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let kept = match &column.form {
        Form::Text => text().ok_or_else(|| bad("文字"))?,
        Form::Flag(yes, no) => match value {
            Value::Bool(true) => (*yes).to_owned(),
            Value::Bool(false) => (*no).to_owned(),
            _ => return Err(bad(" true 或 false")),
        },
        Form::Date => {
            let day = text().and_then(|text| text.parse::<NaiveDate>().ok());
            day.ok_or_else(|| bad("日期 YYYY-MM-DD"))?
                .format("%Y%m%d")
                .to_string()
        }
        Form::Month => {
            let day = text().and_then(|text| format!("{text}-01").parse::<NaiveDate>().ok());
            day.ok_or_else(|| bad("月份 YYYY-MM"))?
                .format("%Y%m")
                .to_string()
        }
        Form::Count => whole(value).ok_or_else(|| bad("非负整数"))?.to_string(),
        Form::SignedYuan => {
            let fen = value.as_i64().ok_or_else(|| bad("整数（分）"))?;
            let sign = if fen < 0 { "-" } else { "" };
            format!(
                "{sign}{}.{:02}",
                fen.unsigned_abs() / 100,
                fen.unsigned_abs() % 100
            )
        }
        Form::Yuan => {
            let fen = whole(value).ok_or_else(|| bad("非负整数（分）"))?;
            format!("{}.{:02}", fen / 100, fen % 100)
        }
        Form::Fraction => {
            let share = whole(value).filter(|share| *share <= 10_000);
            format!(
                "{}/10000",
                share.ok_or_else(|| bad("0 到 10000 的整数（基点）"))?
            )
        }
        Form::Area => text()
            .filter(|text| is_decimal(text))
            .ok_or_else(|| bad("平方米，如 89.50"))?,
        Form::Code(table) => {
            let word = text().ok_or_else(|| bad("文字"))?;
            let known = |(_, words): &&(&str, &str)| words.split('|').any(|known| known == word);
            let first = |(_, words): &(&str, &'static str)| words.split('|').next();
            let wanted = || {
                table
                    .iter()
                    .filter_map(first)
                    .collect::<Vec<_>>()
                    .join("、")
            };
            let (code, _) = table
                .iter()
                .find(known)
                .ok_or_else(|| bad(&format!("：{}", wanted())))?;
            (*code).to_owned()
        }
        Form::Texts => {
            let items = value.as_array().ok_or_else(|| bad("文字的列表"))?;
            let text = |item: &Value| match item {
                Value::String(text) => Some(text.clone()),
                // A person given with name and number is listed by name.
                Value::Object(person) => person.get("name")?.as_str().map(str::to_owned),
                _ => None,
            };
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            return Ok(Value::from(texts.ok_or_else(|| bad("文字的列表"))?));
        }
        Form::Rows(columns) => {
            let items = value.as_array().ok_or_else(|| bad("列表"))?;
            let record = |item: &Value| {
                let fields = item.as_object().ok_or_else(|| bad("记录的列表"))?;
                keep(columns, fields).map(Value::Object)
            };
            return items.iter().map(record).collect();
        }
        Form::Group(_) => return Err(bad("记录")),
    };
    Ok(Value::String(kept))
}

/// From the register's fields to the door's.
pub fn show(columns: &[Column], row: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = Map::new();
    for column in columns {
        let value = match &column.form {
            Form::Group(inner) => {
                let group = show(inner, row);
                (!group.is_empty()).then_some(Value::Object(group))
            }
            form => row
                .get(column.theirs)
                .and_then(|value| word_of(form, value)),
        };
        if let Some(value) = value {
            shown.insert(column.shown().to_owned(), value);
        }
    }
    shown
}

fn word_of(form: &Form, value: &Value) -> Option<Value> {
    match form {
        Form::Texts => return Some(value.clone()),
        Form::Rows(columns) => {
            let rows = value.as_array()?.iter().filter_map(Value::as_object);
            return Some(rows.map(|row| Value::Object(show(columns, row))).collect());
        }
        _ => {}
    }
    let text = value.as_str()?;
    let word = match form {
        Form::Flag(yes, _) => Value::from(text == *yes),
        Form::Date => Value::from(format!(
            "{}-{}-{}",
            text.get(..4)?,
            text.get(4..6)?,
            text.get(6..)?
        )),
        Form::Month => Value::from(format!("{}-{}", text.get(..4)?, text.get(4..)?)),
        Form::Count => Value::from(text.parse::<i64>().ok()?),
        Form::Yuan | Form::SignedYuan => Value::from(text.replace('.', "").parse::<i64>().ok()?),
        Form::Fraction => Value::from(text.split_once('/')?.0.parse::<i64>().ok()?),
        Form::Code(table) => {
            let (_, words) = table.iter().find(|(code, _)| *code == text)?;
            Value::from(words.split('|').next()?)
        }
        _ => Value::from(text),
    };
    Some(word)
}

/// Of a row, what an answer says; where the record is silent, the register's ordinary case.
pub fn say(columns: &[Column], row: &Map<String, Value>) -> Map<String, Value> {
    let mut said = Map::new();
    for column in columns.iter().filter(|column| column.said) {
        let value = row.get(column.theirs);
        let value = match (&column.form, value) {
            (Form::Group(inner), _) => {
                said.extend(say(inner, row));
                continue;
            }
            (Form::Rows(inner), Some(Value::Array(rows))) => {
                let rows = rows.iter().filter_map(Value::as_object);
                Some(rows.map(|row| Value::Object(say(inner, row))).collect())
            }
            (_, Some(value)) => Some(value.clone()),
            (_, None) => column.default.map(Value::from),
        };
        if let Some(value) = value {
            said.insert(column.theirs.to_owned(), value);
        }
    }
    said
}

/// Whether a name of the door belongs to one of the columns.
pub fn has(columns: &[Column], name: &str) -> bool {
    columns
        .iter()
        .any(|column| column.ours.split('|').any(|known| known == name))
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().filter(|number| *number >= 0)
}

fn is_decimal(text: &str) -> bool {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(rest) && rest.len() <= 2
}
