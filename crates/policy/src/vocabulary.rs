//! The names that a condition may read. Each is declared once, as data: its type, the fact behind it, how to read the value and what
//! *absent* means. A value that does not fit its declaration is unknown, never false.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::fact::{Fact, FactState};
use crate::region::RegionSet;
use crate::value::{Gap, Slot, Type, Value, month_number};

/// A fact type as the policy knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactType {
    /// `estate.ownership`.
    pub fact_type: String,
    /// 不动产登记.
    pub label: String,
    /// `D03`, `own`.
    pub source: String,
    /// 市规划和自然资源局（不动产登记）.
    pub source_name: String,
    /// Our own books may leave it out altogether; it is then read as absent.
    pub may_be_left_out: bool,
}

/// The names of districts and cities, by code.
pub(crate) type Places = Arc<BTreeMap<String, String>>;

/// A declared name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub name: String,
    pub label: String,
    pub unit: String,
    pub ty: Type,
    pub role: String,
    pub fact: Arc<FactType>,
    pub read: Reader,
    /// What *absent* means; `None` where a record must be there.
    pub absent: Option<Value>,
    /// Words for codes.
    pub words: BTreeMap<String, String>,
    /// Where it is the code of a district: what districts are called.
    pub places: Places,
    /// Shown without its value.
    pub hidden: bool,
    /// Grows by one with each month while this expression holds.
    pub advances: Option<String>,
}

/// How a value is read from a fact.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub how: How,
    /// The field read; for `How::Path` the whole path.
    pub field: Vec<String>,
    /// Only the entries that pass.
    pub filters: Vec<Filter>,
    /// Codes to values.
    pub map: BTreeMap<String, Value>,
    /// A field that holds the answer where the list itself is not given.
    pub fallback: Option<String>,
    /// The field may be null: the name then says what it says of an absent fact, instead of being malformed.
    pub optional: bool,
}

/// What is done with a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum How {
    /// The value at a path.
    Path,
    /// How many entries.
    Count(String),
    /// The sum of a field.
    Sum(String),
    /// Whether there is an entry.
    Any(String),
    /// The first entry's field.
    First(String),
    /// The months of the entries, or a plain list of months.
    Months(String),
    /// A field by month.
    Series(String),
}

/// A test of one entry of a list.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub field: String,
    pub test: FilterTest,
}

#[derive(Clone, Debug)]
pub(crate) enum FilterTest {
    Within(Arc<RegionSet>),
    OneOf(Vec<Json>),
    NoneOf(Vec<Json>),
    /// The entry is about the object that the withdrawal at hand shares with other claims.
    Claimed,
}

impl Filter {
    /// Whether an entry passes; `None` where it does not say.
    fn passes(&self, entry: &Json, claim: Option<&str>) -> Option<bool> {
        let value = entry.get(&self.field).filter(|value| !value.is_null());
        match (&self.test, value) {
            (FilterTest::NoneOf(codes), Some(value)) => Some(!codes.contains(value)),
            (FilterTest::OneOf(codes), Some(value)) => Some(codes.contains(value)),
            (FilterTest::Within(set), Some(value)) => value.as_str().map(|code| set.contains(code)),
            (FilterTest::Claimed, value) => {
                // What names no object, or nothing shared, is not the same object. Others name the object without our prefix.
                let object = claim
                    .and_then(|claim| claim.split_once(':'))
                    .map(|(_, key)| key);
                let named = value.and_then(Json::as_str);
                Some(claim.is_some() && (named == claim || named == object))
            }
            (_, None) => None,
        }
    }
}

impl Name {
    /// The value of this name in a fact, as of `now`.
    pub fn value(&self, fact: Option<&Fact>, now: DateTime<Utc>) -> Slot {
        self.value_for(fact, now, None)
    }

    /// Whether it reads only what was claimed of the object that the withdrawal shares.
    pub fn asks_for_claim(&self) -> bool {
        let mut filters = self.read.filters.iter();
        filters.any(|filter| matches!(filter.test, FilterTest::Claimed))
    }

    /// As [`Name::value`], for a withdrawal that claims this object.
    pub fn value_for(&self, fact: Option<&Fact>, now: DateTime<Utc>, claim: Option<&str>) -> Slot {
        let Some(fact) = fact else {
            return if self.fact.may_be_left_out {
                self.when_absent()
            } else {
                Err(Gap::Unknown)
            };
        };
        if fact.valid_until.is_some_and(|until| until < now) {
            return Err(Gap::Unknown);
        }
        match fact.state {
            FactState::Known => match self.read.value(&fact.value, self.ty, claim) {
                // A field that may be left out reads like a record that is not there.
                Err(Gap::Missing) => self.when_absent(),
                read => read,
            },
            FactState::Absent => self.when_absent(),
            FactState::Unknown => Err(Gap::Unknown),
            FactState::Conflict => Err(Gap::Conflict),
        }
    }

    /// What it says where its source is not believed: as much as one without a record.
    pub fn unsaid(&self) -> Slot {
        self.when_absent()
    }

    fn when_absent(&self) -> Slot {
        self.absent.clone().ok_or(Gap::Missing)
    }
}

impl Reader {
    /// Reads a known fact's value. What does not fit the declaration is unknown.
    fn value(&self, json: &Json, ty: Type, claim: Option<&str>) -> Slot {
        let list = match &self.how {
            How::Path => {
                let found = self.field.iter().try_fold(json, |at, field| at.get(field));
                return self.scalar(found, ty);
            }
            How::Count(list) | How::Sum(list) | How::Any(list) => list,
            How::First(list) | How::Months(list) | How::Series(list) => list,
        };
        let Some(entries) = json.get(list).and_then(Json::as_array) else {
            if let Some(fallback) = self.fallback.as_ref().and_then(|field| json.get(field)) {
                return ty.parse(fallback).ok_or(Gap::Unknown);
            }
            return match json.get(list) {
                None | Some(Json::Null) if self.optional => Err(Gap::Missing),
                _ => Err(Gap::Unknown),
            };
        };
        let mut passed = Vec::with_capacity(entries.len());
        for entry in entries {
            let verdicts = self
                .filters
                .iter()
                .map(|filter| filter.passes(entry, claim));
            match verdicts.fold(Some(true), and) {
                Some(true) => passed.push(entry),
                Some(false) => {}
                None => return Err(Gap::Unknown),
            }
        }
        let field = self.field.first().map_or("", String::as_str);
        match self.how {
            How::Path | How::First(_) => match passed.first() {
                Some(entry) => self.scalar(entry.get(field), ty),
                None => Err(Gap::Missing),
            },
            How::Count(_) => Ok(Value::Number(
                i64::try_from(passed.len()).unwrap_or(i64::MAX),
            )),
            How::Any(_) => Ok(Value::Bool(!passed.is_empty())),
            How::Sum(_) => {
                let mut sum = 0i64;
                for entry in passed {
                    let part = entry
                        .get(field)
                        .and_then(Json::as_i64)
                        .ok_or(Gap::Unknown)?;
                    sum = sum.checked_add(part).ok_or(Gap::Unknown)?;
                }
                Ok(Value::Number(sum))
            }
            How::Months(_) => {
                let month = |entry: &&Json| {
                    parse_month(if field.is_empty() {
                        Some(entry)
                    } else {
                        entry.get(field)
                    })
                };
                let months: Option<Vec<i64>> = passed.iter().map(month).collect();
                Ok(Value::Months(months.ok_or(Gap::Unknown)?.into()))
            }
            How::Series(_) => self.series(&passed, field, ty),
        }
    }

    fn series(&self, entries: &[&Json], field: &str, ty: Type) -> Slot {
        let element = ty.element().ok_or(Gap::Unknown)?;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let month = entry.get("month").or_else(|| entry.get("date"));
            let month = parse_month(month).ok_or(Gap::Unknown)?;
            match entry.get(field) {
                None | Some(Json::Null) if self.optional => {}
                None => return Err(Gap::Unknown),
                Some(value) => rows.push((month, element.parse(value).ok_or(Gap::Unknown)?)),
            }
        }
        rows.sort_by_key(|(month, _)| *month);
        if element == Type::Fen {
            return added_up(&rows);
        }
        Ok(Value::Series(rows.into()))
    }

    fn scalar(&self, json: Option<&Json>, ty: Type) -> Slot {
        let json = match json {
            Some(json) if !json.is_null() => json,
            _ if self.optional => return Err(Gap::Missing),
            _ => return Err(Gap::Unknown),
        };
        if self.map.is_empty() {
            return ty.parse(json).ok_or(Gap::Unknown);
        }
        // A code that nobody has mapped is unknown, never a default (data_sharing.md §2).
        let code = json.as_str().ok_or(Gap::Unknown)?;
        self.map.get(code).cloned().ok_or(Gap::Unknown)
    }
}

/// Money of one month stands once: two repayments in it, or two claims on it, are added.
fn added_up(rows: &[(i64, Value)]) -> Slot {
    let mut sums: Vec<(i64, Value)> = Vec::with_capacity(rows.len());
    for (month, value) in rows {
        match (sums.last_mut(), value) {
            (Some((last, Value::Number(sum))), Value::Number(fen)) if last == month => {
                *sum = sum.checked_add(*fen).ok_or(Gap::Unknown)?;
            }
            _ => sums.push((*month, value.clone())),
        }
    }
    Ok(Value::Series(sums.into()))
}

fn parse_month(json: Option<&Json>) -> Option<i64> {
    let text = json?.as_str()?;
    // A date counts for its month.
    let text = text.get(..7).filter(|_| text.len() == 10).unwrap_or(text);
    anju_domain::calendar::Month::parse(text)
        .ok()
        .map(month_number)
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}
