//! The types of the rule language and the values that it computes with. Money, ratios, counts, dates and months are all one
//! checked 64-bit number inside; the type, fixed when a file is loaded, says which.

use std::sync::Arc;

use anju_domain::calendar::{self, Month};
use anju_domain::digits;
use anju_domain::money::Fen;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::evaluate::Val;

/// The type of a name, a parameter or an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// True or false.
    Bool,
    /// A count.
    Int,
    /// Money in fen.
    Fen,
    /// A ratio or account interest rate in basis points.
    Bp,
    /// A civil date.
    Date,
    /// A month.
    Month,
    /// An instant.
    Instant,
    /// A code, a district, a text.
    Text,
    /// A list of months.
    Months,
    /// Money by month; read with the month: `rent.monthly(month)`.
    FenByMonth,
    /// A code by month.
    TextByMonth,
}

impl Type {
    /// What a series holds for one month.
    pub(crate) fn element(self) -> Option<Type> {
        match self {
            Type::FenByMonth => Some(Type::Fen),
            Type::TextByMonth => Some(Type::Text),
            _ => None,
        }
    }

    /// Whether `<` means something.
    pub(crate) fn is_ordered(self) -> bool {
        matches!(
            self,
            Type::Int | Type::Fen | Type::Bp | Type::Date | Type::Month | Type::Instant
        )
    }

    /// Reads a value of this type from JSON as the fact schemas write it; `None` where it does not fit.
    pub(crate) fn parse(self, json: &Json) -> Option<Value> {
        match self {
            Type::Bool => json.as_bool().map(Value::Bool),
            Type::Int | Type::Fen | Type::Bp => json.as_i64().map(Value::Number),
            Type::Date => Some(Value::Number(date_number(parse_date(json.as_str()?)?))),
            Type::Month => Some(Value::Number(month_number(
                Month::parse(json.as_str()?).ok()?,
            ))),
            Type::Instant => {
                let instant = DateTime::parse_from_rfc3339(json.as_str()?).ok()?;
                Some(Value::Number(instant.timestamp()))
            }
            Type::Text => json.as_str().map(|text| Value::Text(text.into())),
            Type::Months => {
                let months = json.as_array()?.iter();
                let months: Option<Vec<i64>> = months
                    .map(|month| Some(month_number(Month::parse(month.as_str()?).ok()?)))
                    .collect();
                Some(Value::Months(months?.into()))
            }
            Type::FenByMonth | Type::TextByMonth => None,
        }
    }

    /// The value as the facts write it.
    pub(crate) fn json(self, value: &Value) -> Json {
        match (self, value) {
            (Type::Date, Value::Number(days)) => {
                date_of(*days).map_or(Json::Null, |date| json!(date))
            }
            (Type::Month, Value::Number(index)) => {
                month_of(*index).map_or(Json::Null, |month| json!(month))
            }
            (Type::Instant, Value::Number(seconds)) => DateTime::<Utc>::from_timestamp(*seconds, 0)
                .map_or(Json::Null, |instant| json!(instant)),
            (_, Value::Bool(flag)) => json!(flag),
            (_, Value::Number(number)) => json!(number),
            (_, Value::Text(text)) => Json::from(text.as_ref()),
            (_, Value::Months(months)) => months
                .iter()
                .filter_map(|month| month_of(*month))
                .map(|month| json!(month))
                .collect(),
            (_, Value::Series(rows)) => {
                let element = self.element().unwrap_or(Type::Int);
                rows.iter()
                    .filter_map(|(month, value)| {
                        Some(json!([month_of(*month)?, element.json(value)]))
                    })
                    .collect()
            }
        }
    }

    /// The value as people read it: money in yuan, dates in Chinese.
    pub(crate) fn text(self, value: &Value) -> String {
        let mut text = String::new();
        self.write(&mut text, value.into());
        text
    }

    /// Writes the value as people read it to the end of a text.
    pub(crate) fn write(self, text: &mut String, value: Val<'_>) {
        let months = |text: &mut String, count: usize| {
            digits::push(text, count as u64, 1);
            text.push_str(" 个月");
        };
        match (self, value) {
            (Type::Fen, Val::Number(fen)) => Fen::new(fen).write(text),
            (Type::Bp, Val::Number(bp)) => text.push_str(&percent(bp)),
            (Type::Date, Val::Number(days)) => match date_of(days) {
                Some(date) => calendar::write_chinese_date(text, date),
                None => text.push('—'),
            },
            (Type::Month, Val::Number(index)) => match month_of(index) {
                Some(month) => text.push_str(&month.chinese()),
                None => text.push('—'),
            },
            (Type::Instant, Val::Number(seconds)) => {
                match DateTime::<Utc>::from_timestamp(seconds, 0) {
                    Some(instant) => {
                        let local = anju_domain::clock::shanghai(instant);
                        calendar::write_chinese_date(text, local.date_naive());
                        text.push_str(&local.format(" %H:%M").to_string());
                    }
                    None => text.push('—'),
                }
            }
            (_, Val::Bool(flag)) => text.push_str(if flag { "是" } else { "否" }),
            (_, Val::Number(number)) => digits::push_signed(text, number),
            (_, Val::Text(said)) => text.push_str(said),
            (_, Val::List(list)) => months(text, list.len()),
            (_, Val::Series(rows)) => months(text, rows.len()),
        }
    }
}

/// Basis points as a percentage without trailing zeros.
fn percent(bp: i64) -> String {
    let text = format!("{}.{:02}", bp / 100, (bp % 100).abs());
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A value that the rules compute with; its [`Type`] stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// Fen, basis points, a count, days, months or seconds.
    Number(i64),
    /// A code or text.
    Text(Arc<str>),
    /// Months, as `12·year + month − 1`.
    Months(Arc<[i64]>),
    /// A value by month, ascending.
    Series(Arc<[(i64, Value)]>),
}

/// Why there is no value, the weaker first: of two gaps the stronger is what an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// The source says that there is none.
    Missing,
    /// No answer.
    Unknown,
    /// Two answers.
    Conflict,
    /// The rule itself cannot be computed.
    Fault(Fault),
}

/// Why a rule cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A number outside 64 bits.
    Overflow,
    /// Division by zero.
    DivisionByZero,
    /// A parameter has no row for that day and place.
    NoRow,
    /// A date outside the years 1900 to 2999.
    OutOfCalendar,
    /// More than 600 months in one sum.
    TooManyMonths,
    /// A value of another type than was declared.
    WrongType,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fault::Overflow => "数值超出范围",
            Fault::DivisionByZero => "除数为零",
            Fault::NoRow => "参数在该日期或地区没有值",
            Fault::OutOfCalendar => "日期超出范围",
            Fault::TooManyMonths => "月份超过 600 个月",
            Fault::WrongType => "类型不符",
        })
    }
}

/// One place in the array of values that a decision reads.
pub type Slot = Result<Value, Gap>;

/// Days of a date as the evaluator counts them.
pub(crate) fn date_number(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce())
}

/// The date of a day number, in the years 1900 to 2999.
pub(crate) fn date_of(days: i64) -> Option<NaiveDate> {
    let date = NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).ok()?)?;
    (1900..=2999).contains(&date.year()).then_some(date)
}

/// Number of a month as the evaluator counts them.
pub(crate) fn month_number(month: Month) -> i64 {
    i64::from(month.index())
}

/// The month of a month number, in the years 1900 to 2999.
pub(crate) fn month_of(index: i64) -> Option<Month> {
    let year = i32::try_from(index.div_euclid(12)).ok()?;
    let month = u32::try_from(index.rem_euclid(12)).ok()? + 1;
    Month::new(year, month)
}

/// A date as the facts write it, `2026-11-24`.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && (1900..=2999).contains(&date.year())).then_some(date)
}
