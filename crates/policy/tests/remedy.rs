//! What would change a no: the day is the first one, the facts are enough, and the words say so.

mod support;

use anju_policy::{At, ConditionOutcome, Decision, Form, Outcome};
use serde_json::json;
use support::{Case, chongqing, day, tenant};

/// The last second of a civil day.
fn by_the_end_of(date: chrono::NaiveDate) -> At {
    At {
        now: anju_domain::clock::end_of_day(date),
        today: date,
    }
}

fn outcome_on(case: &Case, code: &str, date: chrono::NaiveDate) -> Option<ConditionOutcome> {
    let later = Case {
        at: by_the_end_of(date),
        ..case.clone()
    };
    let decision = later.rent();
    let found = decision.conditions.iter().find(|one| one.code == code);
    found.map(|one| one.outcome)
}

/// People who are refused for one thing or another that time heals, or does not.
fn refused() -> Vec<Case> {
    let claimed = |on: &str, month: &str| {
        tenant().changed(
            "own.case",
            json!({"last_rent_claim_on": on, "last_rent_month": month, "claimed_months": [month]}),
        )
    };
    let phone = |at: &str| {
        tenant().changed(
            "own.person",
            json!({"first_registration": false, "mobile_changed_at": at}),
        )
    };
    let listed =
        |until: &str| tenant().with("own.blacklist", json!({"listed": true, "until": until}));
    vec![
        claimed("2026-08-31", "2026-07"),
        claimed("2024-02-29", "2026-10"),
        claimed("2026-11-23", "2026-10"),
        phone("2026-11-24T08:00:00+08:00"),
        phone("2026-11-23T09:30:00+08:00"),
        listed("2027-01-31"),
        listed("2031-06-30"),
        tenant().changed("own.account", json!({"opened_on": "2027-03-01"})),
        tenant().changed(
            "own.case",
            json!({"claimed_months": (0..12).map(|back| format!("{}-{:02}", if back < 2 { 2025 } else { 2026 }, (10 + back) % 12 + 1)).collect::<Vec<_>>()}),
        ),
        tenant().with("court.freeze_order", json!({"kind": "freeze", "from": "2026-11-01", "to": "2029-12-31"})),
    ]
}

#[test]
fn the_day_that_is_named_is_the_first_on_which_the_condition_is_met() {
    let mut named = 0;
    for case in refused() {
        let decision = case.rent();
        for condition in &decision.conditions {
            let Some(first) = condition.met_from else {
                continue;
            };
            named += 1;
            let code = condition.code;
            assert_eq!(condition.outcome, ConditionOutcome::NotMet, "{code}");
            assert_eq!(
                outcome_on(&case, code, first),
                Some(ConditionOutcome::Met),
                "{code} on {first}"
            );
            let before = first.pred_opt().expect("a day before");
            if before >= case.at.today {
                assert_eq!(
                    outcome_on(&case, code, before),
                    Some(ConditionOutcome::NotMet),
                    "{code} on {before}"
                );
            }
        }
    }
    assert!(named >= 9, "{named} days were named");
}

#[test]
fn the_whole_service_is_possible_from_the_last_of_its_days() {
    let case = tenant()
        .with("own.blacklist", json!({"listed": true, "until": "2027-01-31"}))
        .changed(
            "own.case",
            json!({"last_rent_claim_on": "2026-03-10", "last_rent_month": "2026-02", "claimed_months": ["2026-02"]}),
        );
    let decision = case.rent();
    assert_eq!(decision.outcome, Outcome::Refused);
    let first = decision.possible_from.expect("time alone heals it");
    assert_eq!(first, day("2027-03-10"));
    // Who contributes has gone on contributing until then.
    let on = |date: chrono::NaiveDate| {
        let later = Case {
            at: by_the_end_of(date),
            ..case.clone()
        };
        let months =
            json!({"continuous_months": 44, "last_month": date.format("%Y-%m").to_string()});
        later.changed("own.contribution", months).rent().outcome
    };
    assert_ne!(on(first), Outcome::Refused);
    assert_eq!(
        on(first.pred_opt().expect("a day before")),
        Outcome::Refused
    );
    assert!(
        decision
            .in_words()
            .iter()
            .any(|words| words.contains("最早可于 2027年3月10日 办理")),
        "{:?}",
        decision.in_words()
    );
    let owner = tenant().with(
        "estate.ownership",
        json!({"houses": [{"district": "500112", "use": "residential"}], "count": 1}),
    );
    assert_eq!(owner.rent().possible_from, None, "no day takes a home away");
}

fn words(decision: &Decision, code: &str) -> String {
    let found = decision.conditions.iter().find(|one| one.code == code);
    found.expect("a condition").in_words()
}

#[test]
fn where_time_does_not_help_the_fact_that_would_have_to_change_is_named() {
    // Who goes on contributing has three months one day; who is sealed has not.
    let short = tenant().changed("own.contribution", json!({"continuous_months": 1}));
    let decision = short.rent();
    let mut conditions = decision.conditions.iter();
    let first = conditions.find(|one| one.code == "RENT-01");
    assert_eq!(first.and_then(|one| one.met_from), Some(day("2027-01-01")));
    let short = short.changed("own.account", json!({"state": "sealed"}));
    let decision = short.rent();
    let condition = decision
        .conditions
        .iter()
        .find(|one| one.code == "RENT-01")
        .expect("a condition");
    let change = &condition.ways[0][0];
    assert_eq!(
        (change.field.as_str(), change.value.clone()),
        ("continuous_months", json!(3)),
        "three months, not more"
    );
    assert!(
        words(&decision, "RENT-01").contains("要至少 3 个月"),
        "{}",
        words(&decision, "RENT-01")
    );
    // What is named is enough, and one less is not.
    for (months, outcome) in [(3, ConditionOutcome::Met), (2, ConditionOutcome::NotMet)] {
        let again = tenant().changed("own.contribution", json!({"continuous_months": months}));
        assert_eq!(
            support::outcome(&again.rent(), "RENT-01"),
            outcome,
            "{months} months"
        );
    }
    let owner = tenant()
        .with(
            "estate.ownership",
            json!({"houses": [{"district": "500112", "use": "residential"}, {"district": "500103", "use": "residential"}], "count": 2}),
        )
        .with("housing.contract_filing", json!({"filed": true}));
    let decision = owner.rent();
    let condition = decision
        .conditions
        .iter()
        .find(|one| one.code == "RENT-02")
        .expect("a condition");
    let fields: Vec<&str> = condition.ways[0]
        .iter()
        .map(|change| change.field.as_str())
        .collect();
    assert_eq!(
        fields.len(),
        2,
        "both the homes and the purchase: {fields:?}"
    );
    assert!(fields.contains(&"homes_in_city"), "{fields:?}");
    let met = tenant().rent();
    assert!(met.conditions.iter().all(|one| one.ways.is_empty()));
}

#[test]
fn a_form_that_is_not_filled_in_yet_refuses_nobody() {
    let case = tenant();
    let empty = Form::new();
    for service in chongqing().services().filter(|one| one.effect == "pay_out") {
        let ahead = chongqing()
            .reading_ahead(&service.id, &case.facts, &empty, case.at)
            .expect("the service");
        let whole = ahead.explain(&ahead.judge());
        for condition in &whole.conditions {
            let of_form = condition.ways.iter().flatten().any(|change| {
                change.fact_type == "form"
                    && service
                        .inputs
                        .iter()
                        .any(|input| input.required && input.name == change.field)
            });
            assert!(
                !of_form,
                "{} {}: {}",
                service.id, condition.code, condition.detail
            );
        }
    }
}
