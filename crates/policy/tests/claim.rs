//! Conditions that apply to one way only, keys of questions, and what a withdrawal claims.

mod support;

use anju_policy::{ConditionOutcome, Form};
use serde_json::json;
use support::small::{self, SERVICE, sample};
use support::{day, instant};

const WAYS: &str = r#"
[[service.inputs]]
name = "way"
type = "text"
label = "途径"

[[service.inputs]]
name = "home_no"
type = "text"
label = "房屋"

[[needs]]
type = "t.sample"
role = "applicant"
keys = { home = "form.home_no" }

[claim]
kind = "form.way == 'short' ? 'SHORT' : 'LONG'"
prefix = "HOME"
key = "form.home_no"

[amount]
formula = "t.f"

[[condition]]
code = "W-01"
name = "短途"
applies = "form.way == 'short'"
when = "t.b"
refusal = "不符合"
remedy = "更正"
law = "test"
from = "2020-01-01"
"#;

fn form(fields: serde_json::Value) -> Form {
    serde_json::from_value(fields).unwrap()
}

fn at() -> anju_policy::fact::At {
    anju_policy::fact::At {
        now: instant("2026-11-24", 1),
        today: day("2026-11-24"),
    }
}

#[test]
fn a_condition_that_does_not_apply_is_no_part_of_the_decision() {
    let set =
        small::load(&format!("{SERVICE}{WAYS}")).unwrap_or_else(|errors| panic!("{errors:?}"));
    let facts = sample(json!({"b": false, "f": 100}));
    let decided = |way: &str| {
        set.decide("sample", &facts, &form(json!({"way": way})), at())
            .unwrap()
    };
    let short = decided("short");
    assert_eq!(short.conditions.len(), 1);
    let asked = short.conditions.iter().next().expect("a condition");
    assert_eq!(asked.outcome, ConditionOutcome::NotMet);
    assert!(decided("long").conditions.is_empty());
    // Whether it applies is not known: neither is the condition.
    let open = set.decide("sample", &facts, &Form::new(), at()).unwrap();
    assert_eq!(open.conditions.len(), 1);
    let asked = open.conditions.iter().next().expect("a condition");
    assert_ne!(asked.outcome, ConditionOutcome::Met);
}

#[test]
fn a_withdrawal_says_what_it_claims_and_a_question_its_keys() {
    let set =
        small::load(&format!("{SERVICE}{WAYS}")).unwrap_or_else(|errors| panic!("{errors:?}"));
    let facts = sample(json!({"b": true, "f": 100}));
    let given = form(json!({"way": "short", "home_no": "500103001"}));
    let claim = set.claim("sample", &facts, &given, at()).unwrap();
    assert_eq!(
        claim,
        (Some("SHORT".to_owned()), Some("HOME:500103001".to_owned()))
    );
    let asks = set.needed("sample", &facts, &given, at()).unwrap();
    assert_eq!(asks[0].keys["home"], "500103001");
    let bare = set
        .needed("sample", &facts, &form(json!({"way": "long"})), at())
        .unwrap();
    assert!(bare[0].keys.is_empty());
    let claim = set
        .claim("sample", &facts, &form(json!({"way": "long"})), at())
        .unwrap();
    assert_eq!(claim, (Some("LONG".to_owned()), None));
}
