//! From files to a policy set that can decide. Everything is checked here, and every mistake is returned with its file and place: what
//! loads cannot meet an unknown name or a wrong type later.

use std::collections::BTreeMap;
use std::sync::Arc;

use anju_domain::calendar::{Holidays, Month};
use chrono::NaiveDate;
use serde_json::Value as Json;

use crate::agreement::Precedence;
use crate::decision::PolicyRef;
use crate::each::Groups;
use crate::fact::Assurance;
use crate::file::{self, LoadError, PolicyFiles, RawFile, RawFilter, RawName};
use crate::parameter_load;
use crate::plan_build;
use crate::policy_set::PolicySet;
use crate::region::RegionSet;
use crate::value::{Type, Value, parse_date};
use crate::vocabulary::{FactType, Filter, FilterTest, How, Name, Places, Reader};

/// Errors while files are read, with the file that is being read.
pub(crate) struct Errors {
    pub file: String,
    pub found: Vec<LoadError>,
}

impl Errors {
    pub fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        let (file, place, message) = (self.file.clone(), place.into(), message.into());
        self.found.push(LoadError {
            file,
            place,
            message,
        });
    }

    /// The value, or nothing and the error noted.
    pub fn keep<T>(&mut self, place: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(place, message)).ok()
    }
}

/// Reads and checks the files.
///
/// # Errors
/// Every mistake in them. Where a file is not even TOML of the known shape only such mistakes are told, since all others follow.
pub(crate) fn load(files: &PolicyFiles) -> Result<PolicySet, Vec<LoadError>> {
    let mut raw = BTreeMap::new();
    let mut errors = Errors {
        file: String::new(),
        found: Vec::new(),
    };
    let groups = Groups::of(files);
    for (file, text) in &files.files {
        match file::parse(file, text, &groups) {
            Ok(parsed) => drop(raw.insert(file.clone(), parsed)),
            Err(error) => errors.found.push(error),
        }
    }
    if !errors.found.is_empty() {
        return Err(errors.found);
    }
    let mut set = PolicySet::empty(reference(files, &raw, &mut errors));
    regions(&raw, &mut set, &mut errors);
    let named = set.regions.values().flat_map(|region| region.names());
    let places: Places = Arc::new(
        named
            .map(|(code, name)| (code.to_owned(), name.to_owned()))
            .collect(),
    );
    facts(&raw, &mut set, &mut errors);
    for (file, raw) in &raw {
        errors.file.clone_from(file);
        raw.parameter
            .iter()
            .for_each(|raw| parameter_load::parameter(raw, &mut set, &mut errors));
        raw.name
            .iter()
            .for_each(|raw| names(raw, &places, &mut set, &mut errors));
        for define in &raw.define {
            let place = format!("define {}", define.name);
            let formula = (define.formula.clone(), define.ty, define.label.clone());
            if set.defines.insert(define.name.clone(), formula).is_some() {
                errors.add(place, "defined twice");
            }
        }
    }
    // What a service or a shared part says counts for who includes it; what the State's vocabulary says, for all.
    for (file, raw) in raw.iter().filter(|(file, _)| file.starts_with("national/")) {
        let agreements = raw.agree.iter().map(|agree| (file.clone(), agree.clone()));
        set.agreements.extend(agreements);
    }
    precedence(&raw, &mut set, &mut errors);
    calendars(&raw, &mut set, &mut errors);
    clashes(&set, &mut errors);
    plan_build::services(files, &raw, &mut set, &mut errors);
    if errors.found.is_empty() {
        Ok(set)
    } else {
        Err(errors.found)
    }
}

fn reference(
    files: &PolicyFiles,
    raw: &BTreeMap<String, RawFile>,
    errors: &mut Errors,
) -> PolicyRef {
    let mut headers = raw
        .iter()
        .filter_map(|(file, raw)| Some((file, raw.policy.as_ref()?)));
    let (first, second) = (headers.next(), headers.next());
    errors.file.clone_from(&files.centre);
    let version = match first {
        None => {
            errors.add("policy", "no file says [policy] version and centre");
            String::new()
        }
        Some((file, policy)) => {
            errors.file.clone_from(file);
            if policy.centre != files.centre {
                errors.add(
                    "policy",
                    format!("centre is {}, not {}", policy.centre, files.centre),
                );
            }
            policy.version.clone()
        }
    };
    if let Some((file, _)) = second {
        errors.file.clone_from(file);
        errors.add("policy", "[policy] stands in two files");
    }
    PolicyRef {
        version,
        digest: files.digest(),
    }
}

/// Each level stands once in the order; a word of a level that stands nowhere could not be weighed.
fn precedence(raw: &BTreeMap<String, RawFile>, set: &mut PolicySet, errors: &mut Errors) {
    let mut said = raw
        .iter()
        .filter_map(|(file, raw)| Some((file, raw.precedence.as_ref()?)));
    let Some((file, first)) = said.next() else {
        return;
    };
    errors.file.clone_from(file);
    let mut order = first.order.clone();
    order.sort_unstable();
    if order != Assurance::ALL {
        errors.add("precedence", "order does not name every level once");
    }
    set.precedence = Precedence::new(first);
    if let Some((file, _)) = said.next() {
        errors.file.clone_from(file);
        errors.add("precedence", "[precedence] stands in two files");
    }
}

fn regions(raw: &BTreeMap<String, RawFile>, set: &mut PolicySet, errors: &mut Errors) {
    for (file, raw) in raw {
        errors.file.clone_from(file);
        let regions = raw.region.iter().map(|raw| (raw, true));
        for (region, is_place) in regions.chain(raw.codes.iter().map(|raw| (raw, false))) {
            let (place, set_of, wrong) = if is_place {
                let read = RegionSet::new(&region.name, &region.label, &region.codes)
                    .and_then(|read| read.named(&region.names));
                (
                    format!("region {}", region.name),
                    read,
                    "is not a district code",
                )
            } else {
                let read = RegionSet::of_codes(&region.name, &region.label, &region.codes);
                (format!("codes {}", region.name), read, "is not a code")
            };
            match set_of {
                Err(code) => errors.add(place, format!("{code} {wrong}")),
                Ok(region) => {
                    if set
                        .regions
                        .insert(region.name.clone(), Arc::new(region))
                        .is_some()
                    {
                        errors.add(place, "declared twice");
                    }
                }
            }
        }
    }
}

fn facts(raw: &BTreeMap<String, RawFile>, set: &mut PolicySet, errors: &mut Errors) {
    for (file, raw) in raw {
        errors.file.clone_from(file);
        for fact in &raw.fact {
            let place = format!("fact {}", fact.fact_type);
            if fact.may_be_left_out && fact.source != "own" {
                errors.add(&place, "only our own books may leave a fact out");
            }
            let fact = FactType {
                fact_type: fact.fact_type.clone(),
                label: fact.label.clone(),
                source: fact.source.clone(),
                source_name: fact.source_name.clone(),
                may_be_left_out: fact.may_be_left_out,
            };
            if set
                .facts
                .insert(fact.fact_type.clone(), Arc::new(fact))
                .is_some()
            {
                errors.add(place, "declared twice");
            }
        }
    }
}

fn calendars(raw: &BTreeMap<String, RawFile>, set: &mut PolicySet, errors: &mut Errors) {
    let (mut off, mut worked) = (Vec::new(), Vec::new());
    for (file, raw) in raw {
        errors.file.clone_from(file);
        for calendar in &raw.calendar {
            let place = format!("calendar {}", calendar.year);
            check_mark(&calendar.mark, &calendar.source, &place, errors);
            for (days, into) in [(&calendar.off, &mut off), (&calendar.worked, &mut worked)] {
                for value in days {
                    if let Some(day) = errors.keep(&place, day(value)) {
                        into.push(day);
                    }
                }
            }
        }
    }
    set.holidays = Holidays::new(off, worked);
}

/// A name means one thing.
fn clashes(set: &PolicySet, errors: &mut Errors) {
    errors.file = "all files".into();
    for name in set.defines.keys().chain(set.parameters.keys()) {
        let known = [
            set.names.contains_key(name),
            set.defines.contains_key(name),
            set.parameters.contains_key(name),
            set.regions.contains_key(name),
        ];
        if known.into_iter().filter(|known| *known).count() > 1 {
            errors.add(format!("name {name}"), "declared in two ways");
        }
    }
}

fn names(raw: &RawName, places: &Places, set: &mut PolicySet, errors: &mut Errors) {
    let place = format!("name {}", raw.name);
    let Some(fact) = set.facts.get(&raw.fact).cloned() else {
        return errors.add(place, format!("unknown fact type {}", raw.fact));
    };
    let Some(read) = errors.keep(&place, reader(raw, set)) else {
        return;
    };
    let absent = match &raw.absent {
        None => None,
        Some(value) => match typed(value, raw.ty) {
            Ok(value) => Some(value),
            Err(error) => return errors.add(place, format!("absent: {error}")),
        },
    };
    if raw.roles.is_empty() {
        errors.add(&place, "no role");
    }
    if raw.advances.is_some() && !matches!(raw.ty, Type::Int | Type::Month) {
        errors.add(&place, "advances: only a count or a month grows with time");
    }
    for role in &raw.roles {
        let who = crate::explain::who(role);
        let name = Name {
            name: raw.name.replace("{role}", role),
            label: raw.label.replace("{who}", who),
            unit: raw.unit.clone(),
            ty: raw.ty,
            role: role.clone(),
            fact: fact.clone(),
            read: read.clone(),
            absent: absent.clone(),
            words: raw.words.clone(),
            places: if raw.name.ends_with("district") || raw.name.ends_with("region") {
                places.clone()
            } else {
                Arc::default()
            },
            hidden: raw.hidden,
            advances: raw.advances.clone(),
        };
        if set
            .names
            .insert(name.name.clone(), Arc::new(name))
            .is_some()
        {
            errors.add(&place, "declared twice");
        }
    }
}

fn reader(raw: &RawName, set: &PolicySet) -> Result<Reader, String> {
    let read = &raw.read;
    let ways = [
        read.path.clone().map(|path| (How::Path, Some(path))),
        read.count.clone().map(|list| (How::Count(list), None)),
        read.sum
            .clone()
            .map(|list| (How::Sum(list), read.of.clone())),
        read.any.clone().map(|list| (How::Any(list), None)),
        read.first
            .clone()
            .map(|list| (How::First(list), read.of.clone())),
        read.months
            .clone()
            .map(|list| (How::Months(list), read.of.clone())),
        read.series
            .clone()
            .map(|list| (How::Series(list), read.of.clone())),
    ];
    let mut ways = ways.into_iter().flatten();
    let (how, field) = ways
        .next()
        .ok_or("read says neither path nor count, sum, any, …")?;
    if ways.next().is_some() {
        return Err("read says two ways".into());
    }
    let fits = match how {
        How::Path | How::First(_) => raw.ty.element().is_none(),
        How::Count(_) => raw.ty == Type::Int,
        How::Sum(_) => matches!(raw.ty, Type::Int | Type::Fen),
        How::Any(_) => raw.ty == Type::Bool,
        How::Months(_) => raw.ty == Type::Months,
        How::Series(_) => raw.ty.element().is_some(),
    };
    if !fits {
        return Err(format!(
            "this way of reading does not give {}",
            crate::expression::word(raw.ty)
        ));
    }
    if matches!(how, How::Sum(_) | How::First(_) | How::Series(_)) && field.is_none() {
        return Err("read needs `of`, the field".into());
    }
    let filters: Result<Vec<Filter>, String> =
        read.filters.iter().map(|raw| filter(raw, set)).collect();
    let mut map = BTreeMap::new();
    for (code, value) in &read.map {
        map.insert(code.clone(), typed(value, raw.ty)?);
    }
    let field = match (&how, field) {
        (How::Path, Some(path)) => path.split('.').map(str::to_owned).collect(),
        (_, field) => field.into_iter().collect(),
    };
    let (fallback, optional) = (read.or.clone(), read.optional);
    Ok(Reader {
        how,
        field,
        filters: filters?,
        map,
        fallback,
        optional,
    })
}

fn filter(raw: &RawFilter, set: &PolicySet) -> Result<Filter, String> {
    let codes = |values: &[toml::Value]| -> Result<Vec<Json>, String> {
        values
            .iter()
            .map(|value| serde_json::to_value(value).map_err(|error| error.to_string()))
            .collect()
    };
    let test = match (&raw.within, &raw.one_of, &raw.none_of, raw.claimed) {
        (Some(name), None, None, None) => {
            let region = set
                .regions
                .get(name)
                .ok_or(format!("unknown region {name}"))?;
            FilterTest::Within(region.clone())
        }
        (None, Some(values), None, None) => FilterTest::OneOf(codes(values)?),
        (None, None, Some(values), None) => FilterTest::NoneOf(codes(values)?),
        (None, None, None, Some(true)) => FilterTest::Claimed,
        _ => return Err("where needs one of within, one_of, none_of, claimed".into()),
    };
    Ok(Filter {
        field: raw.field.clone(),
        test,
    })
}

/// Every number says how sure it is and where it comes from.
pub(crate) fn check_mark(mark: &str, source: &str, place: &str, errors: &mut Errors) {
    if !matches!(mark, "law" | "source" | "assumed" | "recalled") {
        errors.add(place, "no mark: law, source, assumed or recalled");
    }
    if source.is_empty() {
        errors.add(place, "no source");
    }
}

/// A TOML value of a declared type.
pub(crate) fn typed(value: &toml::Value, ty: Type) -> Result<Value, String> {
    let wrong = || format!("{value} is not {}", crate::expression::word(ty));
    match ty {
        Type::Date => Ok(Value::Number(crate::value::date_number(day(value)?))),
        Type::FenByMonth | Type::TextByMonth => match value {
            toml::Value::Array(rows) if rows.is_empty() => Ok(Value::Series(Arc::from([]))),
            _ => Err(wrong()),
        },
        _ => {
            let json = serde_json::to_value(value).map_err(|_| wrong())?;
            ty.parse(&json).ok_or_else(wrong)
        }
    }
}

/// A day as files write it: `2015-01-29`, `"2015-01-29"`, or `"2019-01"` for the first of the month.
pub(crate) fn day(value: &toml::Value) -> Result<NaiveDate, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(date) => date.to_string(),
        other => other.to_string(),
    };
    parse_date(&text)
        .or_else(|| Month::parse(&text).ok().map(Month::first_day))
        .ok_or_else(|| format!("{text} is not a date"))
}
