//! The schema of a fact's value (事实值的格式): which fields, of which kind, and which words.
//!
//! Invariant: what a schema does not name is dropped; a word outside an enumeration is a fault, never a default.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Schema(BTreeMap<String, Field>);

impl Schema {
    /// Keeps of a value what the schema names, and refuses what is missing, of another kind or an unknown code.
    pub fn admit(&self, value: &Value) -> Result<Value, ValueFault> {
        admit_group(&self.0, value, "")
    }
}

/// What a scalar field of a value holds, for whoever draws a form out of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds<'s> {
    /// Yes or no.
    Bool,
    /// A whole number; fen where its name ends in `_fen`.
    Int,
    /// Text.
    Text,
    /// A day.
    Date,
    /// A month.
    Month,
    /// One of these words.
    OneOf(&'s [String]),
}

impl Schema {
    /// The fields that a person can fill in: name, what it holds, whether it must be there. Lists, groups and sealed numbers are left out.
    pub fn scalars(&self) -> impl Iterator<Item = (&str, Holds<'_>, bool)> {
        self.0.iter().filter_map(|(name, field)| {
            let (holds, required) = field.scalar()?;
            Some((name.as_str(), holds, required))
        })
    }

    /// The lists of rows that a person can fill in, each with the fields of a row: days first, then what must be there.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Vec<(&str, Holds<'_>, bool)>)> {
        self.0.iter().filter_map(|(name, field)| {
            let Field::List(item) = field else {
                return None;
            };
            let Field::Group(fields) = item[0].as_ref() else {
                return None;
            };
            let mut row = Vec::with_capacity(fields.len());
            for (name, field) in fields {
                let (holds, required) = field.scalar()?;
                row.push((name.as_str(), holds, required));
            }
            row.sort_by_key(|(_, holds, required)| (*holds != Holds::Date, !required));
            Some((name.as_str(), row))
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Field {
    Scalar(Scalar),
    List([Box<Field>; 1]),
    Group(BTreeMap<String, Field>),
}

impl Field {
    /// What a person can fill in here, and whether it must be there.
    fn scalar(&self) -> Option<(Holds<'_>, bool)> {
        let Field::Scalar(scalar) = self else {
            return None;
        };
        let holds = match &scalar.kind {
            Kind::Bool => Holds::Bool,
            Kind::Int => Holds::Int,
            Kind::Text => Holds::Text,
            Kind::Date => Holds::Date,
            Kind::Month => Holds::Month,
            Kind::OneOf(words) => Holds::OneOf(words),
            Kind::Area | Kind::Sealed => return None,
        };
        Some((holds, scalar.required))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Scalar {
    kind: Kind,
    required: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Bool,
    Int,
    Text,
    Date,
    Month,
    Area,
    Sealed,
    OneOf(Vec<String>),
}

impl TryFrom<String> for Scalar {
    type Error = String;
    fn try_from(text: String) -> Result<Scalar, String> {
        let (name, required) = match text.strip_suffix('!') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let kind = match name {
            "bool" => Kind::Bool,
            "int" => Kind::Int,
            "text" => Kind::Text,
            "date" => Kind::Date,
            "month" => Kind::Month,
            "area" => Kind::Area,
            "sealed" => Kind::Sealed,
            _ => match name
                .strip_prefix("enum(")
                .and_then(|rest| rest.strip_suffix(')'))
            {
                Some(words) => Kind::OneOf(words.split('|').map(str::to_owned).collect()),
                None => return Err(format!("`{name}` is no kind of field")),
            },
        };
        Ok(Scalar { kind, required })
    }
}

/// Why a source's answer cannot become a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// A field that must be there is missing.
    #[error("the field {0} is missing")]
    Missing(String),
    /// A field is not of its kind.
    #[error("the field {0} cannot be read")]
    Kind(String),
    /// A code that the table does not hold: the source has moved on and so must the table.
    #[error("the field {0} holds a code that is not in our table")]
    Code(String),
}

fn admit_group(
    fields: &BTreeMap<String, Field>,
    value: &Value,
    path: &str,
) -> Result<Value, ValueFault> {
    let given = value
        .as_object()
        .ok_or_else(|| ValueFault::Kind(path.to_owned()))?;
    let mut kept = Map::new();
    for (name, field) in fields {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match given.get(name).filter(|value| !value.is_null()) {
            Some(value) => {
                kept.insert(name.clone(), admit_field(field, value, &path)?);
            }
            None if matches!(field, Field::Scalar(Scalar { required: true, .. })) => {
                return Err(ValueFault::Missing(path));
            }
            None => {}
        }
    }
    Ok(Value::Object(kept))
}

fn admit_field(field: &Field, value: &Value, path: &str) -> Result<Value, ValueFault> {
    match field {
        Field::Group(fields) => admit_group(fields, value, path),
        Field::List(item) => value
            .as_array()
            .ok_or_else(|| ValueFault::Kind(path.to_owned()))?
            .iter()
            .map(|entry| admit_field(&item[0], entry, path))
            .collect(),
        Field::Scalar(scalar) => {
            let of_kind = match &scalar.kind {
                Kind::Bool => value.is_boolean(),
                Kind::Int => value.is_i64(),
                Kind::Text | Kind::Sealed => value.is_string(),
                Kind::Date => value
                    .as_str()
                    .is_some_and(|text| text.parse::<NaiveDate>().is_ok()),
                Kind::Month => value
                    .as_str()
                    .is_some_and(|text| format!("{text}-01").parse::<NaiveDate>().is_ok()),
                Kind::Area => value.as_str().is_some_and(is_area),
                Kind::OneOf(words) => {
                    let word = value
                        .as_str()
                        .ok_or_else(|| ValueFault::Kind(path.to_owned()))?;
                    if !words.iter().any(|known| known == word) {
                        return Err(ValueFault::Code(path.to_owned()));
                    }
                    true
                }
            };
            if of_kind {
                Ok(value.clone())
            } else {
                Err(ValueFault::Kind(path.to_owned()))
            }
        }
    }
}

/// Square metres with two decimals, as text: `89.50`.
fn is_area(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, hundredths)| {
        !whole.is_empty()
            && hundredths.len() == 2
            && (whole.bytes().chain(hundredths.bytes())).all(|byte| byte.is_ascii_digit())
    })
}
