//! A tenant and the policy of the demo centre, in the domain's words.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod small;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anju_policy::{
    Assurance, At, ConditionOutcome, Decision, Fact, FactState, Facts, Form, PolicyFiles, PolicySet,
};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use serde_json::{Value, json};

/// The policy folder of the repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy")
}

/// The texts of the demo centre's files.
pub fn files() -> PolicyFiles {
    PolicyFiles::read(&folder(), "chongqing").expect("the policy files can be read")
}

/// The demo centre's policy.
pub fn chongqing() -> &'static PolicySet {
    static POLICY: OnceLock<PolicySet> = OnceLock::new();
    POLICY.get_or_init(|| match PolicySet::load(&files()) {
        Ok(policy) => policy,
        Err(errors) => panic!(
            "{}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        ),
    })
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Nine in the morning in Shanghai.
pub fn morning(text: &str) -> At {
    let today = day(text);
    At {
        now: instant(text, 1),
        today,
    }
}

/// An hour of a day, UTC.
pub fn instant(text: &str, hour: u32) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day(text).and_hms_opt(hour, 0, 0).expect("an hour"))
}

/// A case as it stands: facts, form, day.
#[derive(Clone)]
pub struct Case {
    pub facts: Facts,
    pub form: Form,
    pub at: At,
}

/// Someone single who rents in a central district, has paid in without a gap and may withdraw, on 24 November 2026.
pub fn tenant() -> Case {
    let mut case = Case {
        facts: Facts::new(),
        form: Form::new(),
        at: morning("2026-11-24"),
    }
    .with_form("card_no", json!("6217000010001234567"));
    let known = [
        (
            "own.account",
            "account",
            json!({
                "state": "active", "balance_fen": 5_231_806, "frozen_fen": 0, "reserved_fen": 0, "whole_freeze": false,
                "opened_on": "2023-06-01", "settling": false, "region": "500112",
            }),
        ),
        (
            "own.contribution",
            "account",
            json!({
                "continuous_months": 41, "first_month": "2023-07", "last_month": "2026-11",
            }),
        ),
        (
            "own.case",
            "applicant",
            json!({
                "live_same_kind": 0, "paying_cases": 0, "claimed_months": [], "purchase_or_repay_months": [],
            }),
        ),
        (
            "own.person",
            "applicant",
            json!({
                "face_passed": true, "first_registration": true, "counter": false,
            }),
        ),
        ("police.identity", "applicant", json!({"match": true})),
        (
            "unionpay.card_auth",
            "applicant",
            json!({"match": true, "card_type": "debit-1", "bank": "CCB"}),
        ),
    ];
    for (fact_type, role, value) in known {
        case.put(role, fact_type, FactState::Known, value);
    }
    let none = [
        "own.loan",
        "own.blacklist",
        "own.rent",
        "civil.death",
        "civil.marriage",
        "estate.ownership",
        "housing.contract_filing",
        "housing.rental_filing",
        "police.children",
        "court.freeze_order",
        "nhpf.blacklist",
        "nhpf.withdrawal_elsewhere",
    ];
    for fact_type in none {
        case.put("applicant", fact_type, FactState::Absent, Value::Null);
    }
    case
}

impl Case {
    pub fn put(&mut self, role: &str, fact_type: &str, state: FactState, value: Value) {
        let source = chongqing_source(fact_type);
        self.facts.put(Fact {
            fact_id: Some(i64::try_from(self.facts.len()).expect("few facts") + 1),
            fact_type: fact_type.into(),
            role: role.into(),
            subject: if role == "spouse" {
                "配偶 陈*"
            } else {
                "本人"
            }
            .into(),
            state,
            value,
            source,
            assurance: Assurance::Authoritative,
            as_of: instant("2026-11-24", 1),
            valid_until: None,
            digest: String::new(),
        });
    }

    /// Day of the application.
    pub fn on(mut self, text: &str) -> Case {
        self.at = morning(text);
        self
    }

    /// A known fact of the applicant.
    pub fn with(self, fact_type: &str, value: Value) -> Case {
        let role = role_of(fact_type);
        self.of(role, fact_type, value)
    }

    /// A known fact of somebody.
    pub fn of(mut self, role: &str, fact_type: &str, value: Value) -> Case {
        self.put(role, fact_type, FactState::Known, value);
        self
    }

    /// A source that has nothing, has not answered, or is contradicted.
    pub fn but(mut self, fact_type: &str, state: FactState) -> Case {
        self.put(role_of(fact_type), fact_type, state, Value::Null);
        self
    }

    /// The same fact with some fields changed.
    pub fn changed(mut self, fact_type: &str, fields: Value) -> Case {
        let role = role_of(fact_type);
        let mut value = self
            .facts
            .get(role, fact_type)
            .expect("a fact to change")
            .value
            .clone();
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        self.put(role, fact_type, FactState::Known, value);
        self
    }

    pub fn with_form(mut self, field: &str, value: Value) -> Case {
        self.form.insert(field.into(), value);
        self
    }

    /// Married, with a spouse who has nothing that matters.
    pub fn married(self) -> Case {
        let mut case = self.with("civil.marriage", json!({"state": "married"}));
        for fact_type in [
            "own.loan",
            "own.case",
            "estate.ownership",
            "housing.contract_filing",
        ] {
            case.put("spouse", fact_type, FactState::Absent, Value::Null);
        }
        case
    }

    /// The decision of a service.
    pub fn decided(&self, policy: &PolicySet, service: &str) -> Decision {
        policy
            .decide(service, &self.facts, &self.form, self.at)
            .expect("a known service")
    }

    /// The decision on withdrawing rent in the demo centre.
    pub fn rent(&self) -> Decision {
        self.decided(chongqing(), "withdraw-rent")
    }
}

fn role_of(fact_type: &str) -> &'static str {
    match fact_type {
        "own.account" | "own.contribution" => "account",
        _ => "applicant",
    }
}

fn chongqing_source(fact_type: &str) -> String {
    // A new fact type of a test's own policy has no source here.
    if fact_type.starts_with("own.") {
        return "own".into();
    }
    chongqing()
        .fact_type(fact_type)
        .map_or_else(|| "D00".into(), |fact| fact.source.clone())
}

/// The outcome of one condition.
pub fn outcome(decision: &Decision, code: &str) -> ConditionOutcome {
    let condition = decision
        .conditions
        .iter()
        .find(|condition| condition.code == code);
    condition
        .unwrap_or_else(|| panic!("no condition {code}"))
        .outcome
}

/// The codes that are not met.
pub fn not_met(decision: &Decision) -> Vec<&str> {
    codes(decision, ConditionOutcome::NotMet)
}

/// The codes that are not known.
pub fn unknown(decision: &Decision) -> Vec<&str> {
    codes(decision, ConditionOutcome::Unknown)
}

fn codes(decision: &Decision, wanted: ConditionOutcome) -> Vec<&str> {
    let conditions = decision.conditions.iter();
    conditions
        .filter(|condition| condition.outcome == wanted)
        .map(|condition| condition.code)
        .collect()
}
