//! 家庭困难提取: every condition of the two ways met, not met and unknown; the list of diseases by day; the amounts of withdrawal.md §6.7 and §6.8.

mod support;

use anju_policy::ConditionOutcome::{self, Met, NotMet, Unknown};
use anju_policy::{Assurance, Decision, FactState, Outcome};
use serde_json::{Value, json};
use support::{Case, chongqing, not_met, outcome, tenant, unknown};

const SERVICE: &str = "withdraw-hardship";
const MOTHER: &str = "510102196003070029";

fn decided(case: &Case) -> Decision {
    case.decided(chongqing(), SERVICE)
}

/// A recipient of the urban minimum living allowance asks for himself.
fn poor() -> Case {
    tenant()
        .with(
            "own.event",
            json!({"uses": [], "used_in_year_fen": 0, "last_mine_on": null}),
        )
        .of(
            "beneficiary",
            "civil.min_living",
            json!({"covered": true, "kind": "urban", "from": "2026-01-01", "to": "2026-12-31"}),
        )
        .of(
            "beneficiary",
            "police.hukou",
            json!({"local": true, "household_no_hash": "h1"}),
        )
        .with_form("kind", json!("min-living"))
        .with_form("relation", json!("self"))
        .with_form("sensitive_consent", json!(true))
}

/// Treated for cancer, 80,000.00 paid by himself, asks for himself.
fn ill() -> Case {
    tenant()
        .with("own.event", json!({"uses": [], "used_in_year_fen": 0, "last_mine_on": null}))
        .of("patient", "health.diagnosis", json!({"icd10": "C34.1", "listed": true, "date": "2026-03-02", "hospital_grade": "3"}))
        .of("patient", "medins.settlement", json!({"total_fen": 20_000_000, "reimbursed_fen": 12_000_000, "self_paid_fen": 8_000_000}))
        .with_form("kind", json!("illness"))
        .with_form("relation", json!("self"))
        .with_form("sensitive_consent", json!(true))
}

fn for_mother(case: Case) -> Case {
    case.with("police.kinship", json!({"relation": "parent"}))
        .with_form("relation", json!("parent"))
        .with_form("beneficiary_id_no", json!(MOTHER))
        .with_form("patient_id_no", json!(MOTHER))
}

fn diagnosed(fields: Value) -> Case {
    let mut value =
        json!({"icd10": "C34.1", "listed": true, "date": "2026-03-02", "hospital_grade": "3"});
    for (field, new) in fields.as_object().expect("fields") {
        value[field] = new.clone();
    }
    ill().of("patient", "health.diagnosis", value)
}

fn without(case: Case, role: &str, fact_type: &str, state: FactState) -> Case {
    let mut case = case;
    case.put(role, fact_type, state, Value::Null);
    case
}

#[test]
fn each_way_shows_its_own_conditions_and_no_other() {
    let codes = |case: &Case| -> Vec<String> {
        decided(case)
            .conditions
            .iter()
            .map(|condition| condition.code.to_owned())
            .filter(|code| !code.starts_with("CMN"))
            .collect()
    };
    assert_eq!(
        codes(&poor()),
        ["FR-06", "HSP-01", "LOW-01", "LOW-02", "LOW-03"]
    );
    assert_eq!(
        codes(&ill()),
        [
            "FR-06", "HSP-01", "ILL-01", "ILL-02", "ILL-03", "ILL-04", "ILL-05"
        ]
    );
    for case in [poor(), ill()] {
        let decision = decided(&case);
        assert_eq!(not_met(&decision), Vec::<&str>::new());
        assert_eq!(unknown(&decision), Vec::<&str>::new());
        assert_eq!(decision.outcome, Outcome::Approved);
        // CMN-12 is not asked of who is in hardship (withdrawal.md §4.2).
        assert!(
            decision
                .conditions
                .iter()
                .all(|condition| condition.code != "CMN-12")
        );
    }
}

#[test]
fn every_condition_is_met_not_met_and_unknown() {
    let living = |fields: Value| {
        let mut value =
            json!({"covered": true, "kind": "urban", "from": "2026-01-01", "to": "2026-12-31"});
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        poor().of("beneficiary", "civil.min_living", value)
    };
    let year = |kind: &str| poor().changed("own.case", json!({"claims_in_year": [{"kind": kind}]}));
    let last = |day: &str| {
        ill().with(
            "own.event",
            json!({"uses": [], "used_in_year_fen": 0, "last_mine_on": day}),
        )
    };
    let paid = |fen: i64| {
        ill().of(
            "patient",
            "medins.settlement",
            json!({"total_fen": fen, "reimbursed_fen": 0, "self_paid_fen": fen}),
        )
    };
    let silent = FactState::Unknown;
    let rows: Vec<(&str, &str, Case, ConditionOutcome)> = vec![
        (
            "HSP-01",
            "no separate consent",
            poor().with_form("sensitive_consent", json!(false)),
            NotMet,
        ),
        ("LOW-01", "urban, today", poor(), Met),
        (
            "LOW-01",
            "on its last day",
            living(json!({"to": "2026-11-24"})),
            Met,
        ),
        (
            "LOW-01",
            "over",
            living(json!({"to": "2026-11-23"})),
            NotMet,
        ),
        (
            "LOW-01",
            "not begun",
            living(json!({"from": "2026-11-25"})),
            NotMet,
        ),
        ("LOW-01", "rural", living(json!({"kind": "rural"})), NotMet),
        (
            "LOW-01",
            "struck off",
            living(json!({"covered": false})),
            NotMet,
        ),
        (
            "LOW-01",
            "no record",
            without(poor(), "beneficiary", "civil.min_living", FactState::Absent),
            Unknown,
        ),
        (
            "LOW-01",
            "silent",
            without(poor(), "beneficiary", "civil.min_living", silent),
            Unknown,
        ),
        ("LOW-02", "himself", poor(), Met),
        (
            "LOW-02",
            "himself, but names another",
            poor().with_form("beneficiary_id_no", json!(MOTHER)),
            NotMet,
        ),
        ("LOW-02", "his mother", for_mother(poor()), Met),
        (
            "LOW-02",
            "an aunt",
            for_mother(poor()).with("police.kinship", json!({"relation": "other"})),
            NotMet,
        ),
        (
            "LOW-02",
            "nobody of his",
            for_mother(poor()).with("police.kinship", json!({"relation": "none-found"})),
            NotMet,
        ),
        (
            "LOW-02",
            "no record",
            for_mother(poor()).but("police.kinship", FactState::Absent),
            Unknown,
        ),
        (
            "LOW-02",
            "silent",
            for_mother(poor()).but("police.kinship", silent),
            Unknown,
        ),
        (
            "LOW-03",
            "rent this year is another thing",
            year("RENT"),
            Met,
        ),
        ("LOW-03", "once this year", year("LOW_INCOME"), NotMet),
        (
            "LOW-03",
            "not read",
            poor().but("own.case", silent),
            Unknown,
        ),
        ("ILL-01", "cancer", ill(), Met),
        (
            "ILL-01",
            "a cold",
            diagnosed(json!({"icd10": "J00"})),
            NotMet,
        ),
        (
            "ILL-01",
            "kidney failure",
            diagnosed(json!({"icd10": "N18.5"})),
            Met,
        ),
        (
            "ILL-01",
            "kidney disease of an early stage",
            diagnosed(json!({"icd10": "N18.2"})),
            NotMet,
        ),
        (
            "ILL-01",
            "no record",
            without(ill(), "patient", "health.diagnosis", FactState::Absent),
            Unknown,
        ),
        (
            "ILL-01",
            "silent",
            without(ill(), "patient", "health.diagnosis", silent),
            Unknown,
        ),
        (
            "ILL-02",
            "second grade",
            diagnosed(json!({"hospital_grade": "2"})),
            Met,
        ),
        (
            "ILL-02",
            "first grade",
            diagnosed(json!({"hospital_grade": "1"})),
            NotMet,
        ),
        (
            "ILL-02",
            "24 months to the day",
            diagnosed(json!({"date": "2024-11-24"})),
            Met,
        ),
        (
            "ILL-02",
            "a day more",
            diagnosed(json!({"date": "2024-11-23"})),
            NotMet,
        ),
        (
            "ILL-02",
            "silent",
            without(ill(), "patient", "health.diagnosis", silent),
            Unknown,
        ),
        ("ILL-03", "his mother", for_mother(ill()), Met),
        (
            "ILL-03",
            "his wife",
            for_mother(ill()).with("police.kinship", json!({"relation": "spouse"})),
            Met,
        ),
        (
            "ILL-03",
            "a friend",
            for_mother(ill()).with("police.kinship", json!({"relation": "other"})),
            NotMet,
        ),
        (
            "ILL-03",
            "silent",
            for_mother(ill()).but("police.kinship", silent),
            Unknown,
        ),
        ("ILL-04", "10,000.00", paid(1_000_000), Met),
        ("ILL-04", "a fen less", paid(999_999), NotMet),
        (
            "ILL-04",
            "no record",
            without(ill(), "patient", "medins.settlement", FactState::Absent),
            Unknown,
        ),
        (
            "ILL-04",
            "silent",
            without(ill(), "patient", "medins.settlement", silent),
            Unknown,
        ),
        ("ILL-05", "12 months ago", last("2025-11-24"), Met),
        (
            "ILL-05",
            "a day less, in the year before",
            last("2025-11-25"),
            NotMet,
        ),
        (
            "ILL-05",
            "not read",
            ill().but("own.event", silent),
            Unknown,
        ),
    ];
    for (code, what, case, wanted) in &rows {
        assert_eq!(outcome(&decided(case), code), *wanted, "{code}, {what}");
    }
}

/// withdrawal.md §6.7: the whole of what is available, unless the centre sets a cap.
#[test]
fn who_is_poor_gets_what_is_available_and_no_more_than_asked() {
    assert_eq!(decided(&poor()).amount_fen, Some(5_231_806));
    assert_eq!(
        decided(&poor().with_form("amount_fen", json!(100_000))).amount_fen,
        Some(100_000)
    );
}

/// withdrawal.md §6.8: own-paid less what the relatives have had this year, and never more than there is.
#[test]
fn own_paid_costs_are_shared_by_the_relatives() {
    let used = |fen: i64| {
        ill().with(
            "own.event",
            json!({"uses": [], "used_in_year_fen": fen, "last_mine_on": null}),
        )
    };
    assert_eq!(decided(&ill()).amount_fen, Some(5_231_806));
    assert_eq!(decided(&used(6_000_000)).amount_fen, Some(2_000_000));
    assert_eq!(decided(&used(2_768_194)).amount_fen, Some(5_231_806));
    let all = decided(&used(8_000_000));
    assert_eq!(all.outcome, Outcome::Refused);
    assert_eq!(not_met(&all), ["ILL-05"]);
}

#[test]
fn each_of_the_23_diseases_is_found_by_its_codes_on_the_day_of_the_diagnosis() {
    let examples = [
        ("01", "C50.9"),
        ("02", "I21.0"),
        ("03", "N18.0"),
        ("04", "I69.3"),
        ("05", "Z94.0"),
        ("06", "Z95.1"),
        ("07", "K72.0"),
        ("08", "D33.2"),
        ("09", "K72.1"),
        ("10", "G09"),
        ("11", "R40.2"),
        ("12", "H90.3"),
        ("13", "H54.0"),
        ("14", "G82.5"),
        ("15", "Z95.2"),
        ("16", "G30.1"),
        ("17", "S06.2"),
        ("18", "G20"),
        ("19", "T21.3"),
        ("20", "I27.0"),
        ("21", "G12.2"),
        ("22", "D61.9"),
        ("23", "I71.0"),
    ];
    for (row, icd10) in examples {
        let listed = chongqing().text(
            "ill_disease",
            support::day("2026-03-02"),
            &[("icd10", icd10)],
        );
        assert_eq!(listed.expect("a row"), row, "{icd10}");
    }
    let before = chongqing().text(
        "ill_disease",
        support::day("2026-03-02"),
        &[("icd10", "J00")],
    );
    assert_eq!(before.expect("a row"), "");
}

/// What the claim uses up: relatives meet at one patient and disease, a family at its household; kinds are told apart.
#[test]
fn relatives_claim_one_event() {
    let claim = |case: &Case| {
        chongqing()
            .claim(SERVICE, &case.facts, &case.form, case.at)
            .expect("a service")
    };
    let (kind, key) = claim(&for_mother(ill()));
    assert_eq!(kind.as_deref(), Some("ILLNESS"));
    assert_eq!(key.as_deref(), Some("HARDSHIP:510102196003070029:01"));
    let (kind, key) = claim(&for_mother(poor()));
    assert_eq!(kind.as_deref(), Some("LOW_INCOME"));
    assert_eq!(key.as_deref(), Some("HARDSHIP:h1:LOW_INCOME"));
    assert!(chongqing().claims_person(SERVICE));
}

/// withdrawal.md §4.5 rows 3 and 5: a missing record asks for its paper; a paper that is accepted brings a person.
#[test]
fn a_missing_record_asks_for_its_paper_and_a_paper_brings_a_person() {
    let missing = decided(&without(
        poor(),
        "beneficiary",
        "civil.min_living",
        FactState::Absent,
    ));
    assert_eq!(missing.outcome, Outcome::Waiting);
    assert_eq!(missing.papers.len(), 1);
    assert_eq!(missing.papers[0].name, "低保证");
    assert_eq!(missing.papers[0].facts[0].fact_type, "civil.min_living");
    assert_eq!(missing.papers[0].facts[0].role, "beneficiary");
    let silent = decided(&without(
        poor(),
        "beneficiary",
        "civil.min_living",
        FactState::Unknown,
    ));
    assert!(silent.papers.is_empty());
    assert_eq!(silent.instead[0].name, "低保证");

    let mut paper = poor();
    let mut fact = paper
        .facts
        .get("beneficiary", "civil.min_living")
        .expect("a record")
        .clone();
    fact.assurance = Assurance::Paper;
    paper.facts.put(fact);
    assert_eq!(decided(&paper).outcome, Outcome::Review);
}

/// Privacy: no page and no answer names the illness.
#[test]
fn the_illness_is_named_nowhere_in_the_decision() {
    for case in [
        ill(),
        diagnosed(json!({"icd10": "J00.1"})),
        for_mother(ill()),
    ] {
        let told = serde_json::to_string(&decided(&case)).expect("JSON");
        for word in ["C34", "J00", "恶性肿瘤", MOTHER] {
            assert!(!told.contains(word), "{word}: {told}");
        }
    }
}
