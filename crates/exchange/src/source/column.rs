//! One field of a source's answer: what it is called there, in what form it stands, what we call it.
//!
//! Invariant: reading is exact. A fraction of a fen, a day that does not exist or an unknown code is a fault.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::schema::ValueFault;

/// Turns an ID number into the sealed text that a fact may carry.
pub type Seal<'a> = &'a (dyn Fn(&str) -> String + Send + Sync);

/// One field.
pub struct Column {
    /// Our name.
    pub ours: &'static str,
    /// The source's name.
    pub theirs: &'static str,
    /// How it stands there.
    pub form: Form,
}

/// How a field stands at a source.
pub enum Form {
    /// Text as it is.
    Text,
    /// Yes and no in the source's codes.
    Flag(&'static str, &'static str),
    /// `yyyymmdd`; `00000000`, `99991231` and `长期` mean none.
    Date,
    /// `yyyymm`.
    Month,
    /// A whole number as text.
    Count,
    /// Yuan with at most two decimals, as text.
    Yuan,
    /// The same, below zero where it is a loss.
    SignedYuan,
    /// `numerator/denominator`, read as basis points, rounded down.
    Fraction,
    /// Square metres with at most two decimals.
    Area,
    /// A code: theirs, ours.
    Code(&'static [(&'static str, &'static str)]),
    /// An ID number, to be sealed.
    Person,
    /// A list of texts.
    Texts,
    /// A list of records.
    Rows(&'static [Column]),
    /// A record of ours whose fields stand flat at the source.
    Group(&'static [Column]),
}

/// A column of the table.
pub const fn column(ours: &'static str, theirs: &'static str, form: Form) -> Column {
    Column { ours, theirs, form }
}

/// Reads the columns out of a record; what the record does not hold stays away.
pub fn read_columns(
    columns: &[Column],
    record: &Value,
    seal: Seal<'_>,
) -> Result<Map<String, Value>, ValueFault> {
    let mut read = Map::new();
    for column in columns {
        let value = match &column.form {
            Form::Group(inner) => {
                let group = read_columns(inner, record, seal)?;
                (!group.is_empty()).then_some(Value::Object(group))
            }
            form => match record.get(column.theirs) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) if text.is_empty() => None,
                Some(value) => read_value(form, column.ours, value, seal)?,
            },
        };
        if let Some(value) = value {
            read.insert(column.ours.to_owned(), value);
        }
    }
    Ok(read)
}

fn read_value(
    form: &Form,
    ours: &str,
    value: &Value,
    seal: Seal<'_>,
) -> Result<Option<Value>, ValueFault> {
    let kind = || ValueFault::Kind(ours.to_owned());
    match form {
        Form::Rows(columns) => {
            let rows = value.as_array().ok_or_else(kind)?;
            let read = rows
                .iter()
                .map(|row| read_columns(columns, row, seal).map(Value::Object));
            return read.collect::<Result<Value, _>>().map(Some);
        }
        Form::Texts => {
            let texts = value.as_array().ok_or_else(kind)?;
            return if texts.iter().all(Value::is_string) {
                Ok(Some(value.clone()))
            } else {
                Err(kind())
            };
        }
        _ => {}
    }
    let text = value.as_str().ok_or_else(kind)?;
    let read = match form {
        Form::Text => Value::from(text),
        Form::Person => Value::from(seal(text)),
        Form::Flag(yes, _) if text == *yes => Value::from(true),
        Form::Flag(_, no) if text == *no => Value::from(false),
        Form::Flag(..) => return Err(ValueFault::Code(ours.to_owned())),
        Form::Code(table) => {
            let word = table
                .iter()
                .find(|(theirs, _)| *theirs == text)
                .map(|(_, word)| *word);
            Value::from(word.ok_or_else(|| ValueFault::Code(ours.to_owned()))?)
        }
        Form::Date if matches!(text, "00000000" | "99991231" | "长期") => return Ok(None),
        Form::Date => Value::from(read_day(text).ok_or_else(kind)?.to_string()),
        Form::Month => {
            let day = read_day(&format!("{text}01")).ok_or_else(kind)?;
            Value::from(day.format("%Y-%m").to_string())
        }
        Form::Count => Value::from(digits(text).ok_or_else(kind)?),
        Form::Yuan => Value::from(hundredths(text).ok_or_else(kind)?),
        Form::SignedYuan => Value::from(match text.strip_prefix('-') {
            Some(loss) => -hundredths(loss).ok_or_else(kind)?,
            None => hundredths(text).ok_or_else(kind)?,
        }),
        Form::Area => {
            let hundredths = hundredths(text).ok_or_else(kind)?;
            Value::from(format!("{}.{:02}", hundredths / 100, hundredths % 100))
        }
        Form::Fraction => Value::from(basis_points(text).ok_or_else(kind)?),
        Form::Rows(_) | Form::Texts | Form::Group(_) => return Err(kind()),
    };
    Ok(Some(read))
}

fn read_day(text: &str) -> Option<NaiveDate> {
    (text.len() == 8)
        .then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok())
        .flatten()
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn hundredths(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    if rest.len() > 2 {
        return None;
    }
    let part = digits(rest)? * if rest.len() == 1 { 10 } else { 1 };
    digits(whole)?.checked_mul(100)?.checked_add(part)
}

fn basis_points(text: &str) -> Option<i64> {
    let (numerator, denominator) = text.split_once('/')?;
    let (numerator, denominator) = (digits(numerator)?, digits(denominator)?);
    let share = numerator.checked_mul(10_000)?.checked_div(denominator)?;
    (share <= 10_000).then_some(share)
}
