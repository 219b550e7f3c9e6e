//! Facts of our own books as a kept decision holds them. They have no row of their own, since the books of that day can be asked only on
//! that day, and every case keeps a dozen. For most people most of them say the same: such a fact is its name here, and where one says
//! something else, its name and what differs.
//!
//! Invariant: what was written reads back as the fact that it was, for ever. A line of [`USUAL`] is therefore never changed and never
//! removed; where the books come to say something else, a line with a new name is added above the old one.

use std::collections::HashMap;
use std::sync::LazyLock;

use anju_policy::fact::{Assurance, Fact, FactState};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Name, role, type, whom it is about, and what it usually says.
const USUAL: [(&str, &str, &str, &str, &str); 11] = [
    (
        "account",
        "account",
        "own.account",
        "本人账户",
        r#"{"state":"active","settling":false,"sealed_on":null,"frozen_fen":0,"remote_mark":false,"reserved_fen":0,"whole_freeze":false,"transferring_out":false}"#,
    ),
    (
        "contribution",
        "account",
        "own.contribution",
        "本人账户",
        "{}",
    ),
    (
        "case",
        "applicant",
        "own.case",
        "本人",
        r#"{"lease_used":[],"live_case_no":null,"paying_cases":0,"claimed_months":[],"claims_in_year":[],"live_same_kind":0,"last_rent_month":null,"last_rent_claim_on":null,"purchase_or_repay_months":[]}"#,
    ),
    ("loan", "applicant", "own.loan", "本人", "{}"),
    ("blacklist", "applicant", "own.blacklist", "本人", "{}"),
    (
        "person",
        "applicant",
        "own.person",
        "本人",
        r#"{"counter":false,"face_passed":true,"mobile_changed_at":null,"first_registration":true}"#,
    ),
    (
        "sharing",
        "applicant",
        "own.sharing",
        "本人",
        r#"{"card_people":1,"phone_people":1,"device_people":1}"#,
    ),
    ("rent", "applicant", "own.rent", "本人", "{}"),
    (
        "event",
        "applicant",
        "own.event",
        "本事项",
        r#"{"uses":[],"by_month":[],"agreement":false,"last_mine_on":null,"used_in_year_fen":0}"#,
    ),
    (
        "spouse_case",
        "spouse",
        "own.case",
        "配偶",
        r#"{"paying_cases":0,"claimed_months":[],"live_same_kind":0,"purchase_or_repay_months":[]}"#,
    ),
    ("spouse_loan", "spouse", "own.loan", "配偶", "{}"),
];

struct Usual {
    name: &'static str,
    role: &'static str,
    fact_type: &'static str,
    subject: &'static str,
    value: Map<String, Value>,
}

static BY_NAME: LazyLock<HashMap<&str, Usual>> = LazyLock::new(|| {
    USUAL
        .iter()
        .map(|&(name, role, fact_type, subject, value)| {
            let value = serde_json::from_str(value).expect("a usual value is an object of JSON");
            let usual = Usual {
                name,
                role,
                fact_type,
                subject,
                value,
            };
            (name, usual)
        })
        .collect()
});

/// The line that a fact is written by.
static BY_FACT: LazyLock<HashMap<(&str, &str, &str), &Usual>> = LazyLock::new(|| {
    let lines = USUAL.iter().rev().filter_map(|line| BY_NAME.get(line.0));
    lines
        .map(|usual| ((usual.role, usual.fact_type, usual.subject), usual))
        .collect()
});

/// Facts of our own books as they are written down. The longer forms are those of facts that have no line, and of earlier decisions.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Kept {
    /// Names, one after the other; `-` before one that the books do not have.
    Names(String),
    /// A name and what is not as usual.
    Differs(String, Map<String, Value>),
    /// Role, type, whom it is about, value.
    Known(String, String, String, Value),
    /// The same of what the books do not have.
    Absent(String, String, String),
    /// Anything else.
    Whole(Fact),
}

/// Facts in short.
pub(super) fn keep(facts: &[Fact], at: DateTime<Utc>) -> Vec<Kept> {
    let mut all: Vec<Kept> = Vec::new();
    for fact in facts {
        let one = short(fact, at);
        match (all.last_mut(), one) {
            (Some(Kept::Names(names)), Kept::Names(name)) => {
                names.push(' ');
                names.push_str(&name);
            }
            (_, one) => all.push(one),
        }
    }
    all
}

fn short(fact: &Fact, at: DateTime<Utc>) -> Kept {
    let of_that_instant = fact.fact_id.is_none()
        && fact.source == "own"
        && fact.assurance == Assurance::Authoritative
        && fact.as_of == at
        && fact.valid_until.is_none()
        && fact.digest.is_empty();
    if !of_that_instant {
        return Kept::Whole(fact.clone());
    }
    let key = (
        fact.role.as_str(),
        fact.fact_type.as_str(),
        fact.subject.as_str(),
    );
    let usual = BY_FACT.get(&key);
    match (fact.state, usual, fact.value.as_object()) {
        (FactState::Known, Some(usual), Some(value)) if says_all_of(usual, value) => {
            let differs: Map<String, Value> = value
                .iter()
                .filter(|(field, says)| usual.value.get(*field) != Some(says))
                .map(|(field, says)| (field.clone(), says.clone()))
                .collect();
            if differs.is_empty() {
                Kept::Names(usual.name.to_owned())
            } else {
                Kept::Differs(usual.name.to_owned(), differs)
            }
        }
        (FactState::Known, ..) => Kept::Known(
            fact.role.clone(),
            fact.fact_type.clone(),
            fact.subject.clone(),
            fact.value.clone(),
        ),
        (FactState::Absent, Some(usual), _) if fact.value.is_null() => {
            Kept::Names(format!("-{}", usual.name))
        }
        (FactState::Absent, None, _) if fact.value.is_null() => Kept::Absent(
            fact.role.clone(),
            fact.fact_type.clone(),
            fact.subject.clone(),
        ),
        _ => Kept::Whole(fact.clone()),
    }
}

/// A field that is usual and not there would come back as the usual one.
fn says_all_of(usual: &Usual, value: &Map<String, Value>) -> bool {
    usual.value.keys().all(|field| value.contains_key(field))
}

/// The facts again.
///
/// # Errors
/// A name without a line.
pub(super) fn whole(kept: Vec<Kept>, at: DateTime<Utc>) -> Result<Vec<Fact>, String> {
    let named = |name: &str, differs: Option<Map<String, Value>>| {
        let usual = BY_NAME
            .get(name)
            .ok_or_else(|| format!("no usual fact is called {name}"))?;
        let value = differs.map(|differs| {
            let mut value = usual.value.clone();
            value.extend(differs);
            Value::Object(value)
        });
        Ok::<_, String>(Fact::own(
            at,
            usual.role,
            usual.subject,
            usual.fact_type,
            value,
        ))
    };
    let mut facts = Vec::with_capacity(12);
    for one in kept {
        match one {
            Kept::Names(names) => {
                for name in names.split(' ') {
                    facts.push(match name.strip_prefix('-') {
                        Some(absent) => named(absent, None)?,
                        None => named(name, Some(Map::new()))?,
                    });
                }
            }
            Kept::Differs(name, differs) => facts.push(named(&name, Some(differs))?),
            Kept::Known(role, fact_type, subject, value) => {
                facts.push(Fact::own(at, &role, &subject, &fact_type, Some(value)));
            }
            Kept::Absent(role, fact_type, subject) => {
                facts.push(Fact::own(at, &role, &subject, &fact_type, None));
            }
            Kept::Whole(fact) => facts.push(fact),
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 5).expect("an instant")
    }

    fn own(role: &str, subject: &str, fact_type: &str, value: Value) -> Fact {
        let value = Some(value).filter(|value| !value.is_null());
        Fact::own(at(), role, subject, fact_type, value)
    }

    #[test]
    fn what_is_usual_is_a_name_and_everything_reads_back() {
        let usual: Value = serde_json::from_str(USUAL[2].4).expect("JSON");
        let account = json!({ "state": "sealed", "settling": false, "sealed_on": "2026-01-05", "frozen_fen": 0, "remote_mark": false,
                              "reserved_fen": 0, "whole_freeze": false, "transferring_out": false, "region": "500109" });
        let mut later = own("applicant", "本人", "own.rent", Value::Null);
        later.as_of += chrono::TimeDelta::seconds(1);
        let facts = vec![
            own("account", "本人账户", "own.account", account),
            own("applicant", "本人", "own.case", usual),
            own("applicant", "本人", "own.loan", Value::Null),
            own("spouse", "配偶", "own.case", json!({ "paying_cases": 0 })),
            own("employer", "本单位", "own.resolution", json!({ "kind": 2 })),
            own("employer", "本单位", "own.employer", Value::Null),
            own("applicant", "逝者", "own.loan", json!({ "open": true })),
            own("applicant", "本人", "own.loan", json!("a text")),
            later,
        ];
        let kept = serde_json::to_value(keep(&facts, at())).expect("JSON");
        assert_eq!(
            kept.as_array().expect("a list")[..4],
            [
                json!(["account", { "state": "sealed", "sealed_on": "2026-01-05", "region": "500109" }]),
                json!("case -loan"),
                json!(["spouse", "own.case", "配偶", { "paying_cases": 0 }]),
                json!(["employer", "own.resolution", "本单位", { "kind": 2 }]),
            ]
        );
        let read: Vec<Kept> = serde_json::from_value(kept).expect("the forms");
        assert_eq!(whole(read, at()).expect("names"), facts);
    }

    #[test]
    fn a_name_that_nobody_knows_is_no_fact() {
        assert!(whole(vec![Kept::Names("case nothing".to_owned())], at()).is_err());
    }
}
