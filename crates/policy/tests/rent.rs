//! 租房提取: every condition met, not met and unknown, and the amounts of withdrawal.md §11.

mod support;

use anju_policy::ConditionOutcome::{self, Met, NotMet, Unknown};
use anju_policy::{FactState, Outcome};
use serde_json::{Value, json};
use support::{Case, not_met, outcome, tenant, unknown};

#[test]
fn a_single_tenant_gets_twelve_months() {
    let decision = tenant().rent();
    assert_eq!(not_met(&decision), Vec::<&str>::new());
    assert_eq!(unknown(&decision), Vec::<&str>::new());
    assert_eq!(decision.outcome, Outcome::Approved);
    assert_eq!(decision.amount_fen, Some(1_800_000));
    let codes: Vec<&str> = decision.conditions.iter().map(|c| c.code).collect();
    let wanted = [
        "CMN-01", "CMN-02", "CMN-03", "CMN-04", "CMN-05", "CMN-06", "CMN-08", "CMN-09", "CMN-10",
        "CMN-11", "CMN-12", "CMN-13", "CMN-14", "FR-06", "RENT-01", "RENT-02", "RENT-03",
        "RENT-04", "RENT-05", "RENT-06", "RENT-07", "RENT-08",
    ];
    assert_eq!(codes, wanted);
    let binding: Vec<_> = decision
        .amount_parts
        .iter()
        .filter(|part| part.binding)
        .collect();
    assert_eq!(binding.len(), 1);
    assert_eq!(binding[0].fen, Some(1_800_000));
    assert_eq!(
        binding[0].label,
        "12 个月租房额度合计（2025年11月至2026年10月）"
    );
}

/// Alive to the police, dead to civil affairs.
fn disagreeing() -> Case {
    tenant()
        .with("police.identity", json!({"match": true, "alive": true}))
        .with("civil.death", json!({"dead": true, "date": "2026-11-01"}))
}

/// data_sharing.md §1: two authoritative facts disagree, a reviewer decides, both are shown.
#[test]
fn two_registers_that_disagree_send_the_case_to_a_person_who_sees_what_both_say() {
    let decision = disagreeing().rent();
    assert_eq!(decision.outcome, Outcome::Review);
    let words = "市公安局、市民政局：不同来源的信息不一致，转人工核对";
    assert_eq!(decision.review_reasons, [words]);
    let identity = decision.conditions.iter().next().expect("a condition");
    assert_eq!(identity.detail, words);
    assert_eq!(
        identity.remedy,
        Some("请等工作人员核对；其中一处登记有误的，可向该部门申请更正")
    );
    let said = |fact_type: &str| {
        let fact = identity
            .facts
            .iter()
            .find(|fact| fact.fact_type == fact_type);
        let fact = fact.expect("a fact that was read");
        (fact.source, fact.state, fact.value.to_json())
    };
    assert_eq!(
        said("police.identity"),
        (
            "D01",
            FactState::Conflict,
            json!({"identity_matches": true, "alive": true})
        )
    );
    assert_eq!(
        said("civil.death"),
        ("D02", FactState::Conflict, json!({"registered_dead": true}))
    );

    // Who does not answer contradicts nobody, and a paper gives way to a registry, which is told.
    let silent = disagreeing().but("civil.death", FactState::Unknown).rent();
    assert_eq!(silent.outcome, Outcome::Waiting);
    let mut paper = disagreeing();
    let mut fact = paper
        .facts
        .get("applicant", "civil.death")
        .expect("the record")
        .clone();
    fact.assurance = anju_policy::Assurance::Paper;
    paper.facts.put(fact);
    let told = paper.rent();
    assert_eq!(outcome(&told, "CMN-01"), Met);
    assert_eq!(told.outcome, Outcome::Review, "a person looks at the paper");
    assert_eq!(told.settled.len(), 1);
    assert_eq!(told.settled[0].aside[0].source, "D02");
}

/// A condition, a case that changes it, and what it then is.
type Row = (&'static str, &'static str, Case, ConditionOutcome);

fn rows() -> Vec<Row> {
    let t = tenant;
    let unknown_of = |fact_type| tenant().but(fact_type, FactState::Unknown);
    let order = |value: Value| tenant().with("court.freeze_order", value);
    vec![
        ("CMN-01", "identity and face", t(), Met),
        ("CMN-01", "another name", t().with("police.identity", json!({"match": false})), NotMet),
        ("CMN-01", "not known to the police", t().but("police.identity", FactState::Absent), NotMet),
        ("CMN-01", "no face", t().changed("own.person", json!({"face_passed": false})), NotMet),
        ("CMN-01", "dead by both registers", t().with("police.identity", json!({"match": true, "alive": false})).with("civil.death", json!({"dead": true})), NotMet),
        ("CMN-01", "dead, the police do not say", t().with("civil.death", json!({"dead": true})), NotMet),
        ("CMN-01", "alive here, dead there", disagreeing(), Unknown),
        ("CMN-01", "death registers silent", unknown_of("civil.death"), Unknown),
        ("CMN-01", "police silent", unknown_of("police.identity"), Unknown),
        ("CMN-02", "sealed", t().changed("own.account", json!({"state": "sealed"})), Met),
        ("CMN-02", "closed", t().changed("own.account", json!({"state": "closed"})), NotMet),
        ("CMN-02", "no account", t().but("own.account", FactState::Absent), NotMet),
        ("CMN-02", "not read", unknown_of("own.account"), Unknown),
        ("CMN-03", "listed once", t().with("own.blacklist", json!({"listed": true, "until": "2026-11-23"})), Met),
        ("CMN-03", "listed", t().with("own.blacklist", json!({"listed": true, "until": "2026-11-24"})), NotMet),
        ("CMN-03", "listed without end", t().with("own.blacklist", json!({"listed": true})), NotMet),
        ("CMN-03", "listed elsewhere", t().with("nhpf.blacklist", json!({"listed": true, "from": "2025-01-01", "to": "2028-01-01"})), NotMet),
        ("CMN-03", "platform silent", unknown_of("nhpf.blacklist"), Unknown),
        ("CMN-04", "part frozen", t().changed("own.account", json!({"frozen_fen": 100_000})), Met),
        ("CMN-04", "whole freeze", t().changed("own.account", json!({"whole_freeze": true})), NotMet),
        ("CMN-04", "order for all", order(json!({"kind": "freeze", "from": "2026-01-01", "to": "2026-12-31"})), NotMet),
        ("CMN-04", "order on its last day", order(json!({"kind": "freeze", "from": "2026-01-01", "to": "2026-11-24"})), NotMet),
        ("CMN-04", "order over", order(json!({"kind": "freeze", "from": "2026-01-01", "to": "2026-11-23"})), Met),
        ("CMN-04", "order for a sum", order(json!({"kind": "freeze", "amount_fen": 5, "from": "2026-01-01", "to": "2026-12-31"})), Met),
        ("CMN-04", "released", order(json!({"kind": "release", "from": "2026-01-01", "to": "2026-12-31"})), Met),
        ("CMN-04", "court silent", unknown_of("court.freeze_order"), Unknown),
        ("CMN-05", "one alive", t().changed("own.case", json!({"live_same_kind": 1, "live_case_no": "2611-0479"})), NotMet),
        ("CMN-05", "one paying", t().changed("own.case", json!({"paying_cases": 1})), NotMet),
        ("CMN-05", "not read", unknown_of("own.case"), Unknown),
        ("CMN-06", "overdue", t().with("own.loan", json!({"outstanding": 1, "overdue": 1})), NotMet),
        ("CMN-06", "spouse overdue", t().married().of("spouse", "own.loan", json!({"outstanding": 1, "overdue": 1})), NotMet),
        ("CMN-06", "an earlier spouse's debt", t().of("spouse", "own.loan", json!({"outstanding": 1, "overdue": 1})), Met),
        ("CMN-06", "not read", unknown_of("own.loan"), Unknown),
        ("CMN-08", "another's card", t().with("unionpay.card_auth", json!({"match": false, "card_type": "debit-1"})), NotMet),
        ("CMN-08", "second class", t().with("unionpay.card_auth", json!({"match": true, "card_type": "debit-2"})), NotMet),
        ("CMN-08", "credit card", t().with("unionpay.card_auth", json!({"match": true, "card_type": "credit"})), NotMet),
        ("CMN-08", "not known", t().but("unionpay.card_auth", FactState::Absent), NotMet),
        ("CMN-08", "UnionPay silent", unknown_of("unionpay.card_auth"), Unknown),
        ("CMN-09", "on its way out", t().changed("own.account", json!({"transferring_out": true})), NotMet),
        ("CMN-09", "remote loan", t().changed("own.account", json!({"remote_mark": true})), NotMet),
        ("CMN-09", "not read", unknown_of("own.account"), Unknown),
        ("CMN-10", "one fen", t().changed("own.account", json!({"balance_fen": 1})), Met),
        ("CMN-10", "nothing", t().changed("own.account", json!({"balance_fen": 0})), NotMet),
        ("CMN-10", "all frozen", t().changed("own.account", json!({"frozen_fen": 5_231_806})), NotMet),
        ("CMN-10", "all reserved", t().changed("own.account", json!({"reserved_fen": 6_000_000})), NotMet),
        ("CMN-10", "court holds it all", order(json!({"kind": "freeze", "amount_fen": 9_000_000, "from": "2026-01-01", "to": "2026-12-31"})), NotMet),
        ("CMN-10", "not read", unknown_of("own.account"), Unknown),
        ("CMN-11", "rent elsewhere counts by month", t().with("nhpf.withdrawal_elsewhere", rents(&["2026-01"])), Met),
        ("CMN-12", "opened today", t().changed("own.account", json!({"opened_on": "2026-11-24"})), Met),
        ("CMN-12", "opens tomorrow", t().changed("own.account", json!({"opened_on": "2026-11-25"})), NotMet),
        ("CMN-12", "no account", t().but("own.account", FactState::Absent), NotMet),
        ("CMN-12", "not read", unknown_of("own.account"), Unknown),
        ("CMN-13", "interest is running", t().changed("own.account", json!({"settling": true})), NotMet),
        ("CMN-13", "not read", unknown_of("own.account"), Unknown),
        ("CMN-14", "changed an hour ago", t().changed("own.person", json!({"first_registration": false, "mobile_changed_at": "2026-11-24T08:00:00+08:00"})), NotMet),
        ("CMN-14", "changed a day ago", t().changed("own.person", json!({"first_registration": false, "mobile_changed_at": "2026-11-23T09:00:00+08:00"})), Met),
        ("CMN-14", "at the counter", t().changed("own.person", json!({"counter": true, "first_registration": false, "mobile_changed_at": "2026-11-24T08:00:00+08:00"})), Met),
        ("CMN-14", "never changed", t().changed("own.person", json!({"first_registration": false, "mobile_changed_at": null})), Met),
        ("CMN-14", "not read", unknown_of("own.person"), Unknown),
        ("RENT-01", "three months", t().changed("own.contribution", json!({"continuous_months": 3})), Met),
        ("RENT-01", "two months", t().changed("own.contribution", json!({"continuous_months": 2})), NotMet),
        ("RENT-01", "two months behind", t().changed("own.contribution", json!({"last_month": "2026-09"})), Met),
        ("RENT-01", "three months behind", t().changed("own.contribution", json!({"last_month": "2026-08"})), NotMet),
        ("RENT-01", "never", t().but("own.contribution", FactState::Absent), NotMet),
        ("RENT-01", "not read", unknown_of("own.contribution"), Unknown),
        ("RENT-02", "a home in the city", t().with("estate.ownership", homes(&["500112"])), NotMet),
        ("RENT-02", "a home in a county", t().with("estate.ownership", homes(&["500230"])), NotMet),
        ("RENT-02", "a home in Chengdu", t().with("estate.ownership", homes(&["510104"])), Met),
        ("RENT-02", "a shop", t().with("estate.ownership", json!({"houses": [{"district": "500112", "use": "shop"}], "count": 1})), Met),
        ("RENT-02", "only a count", t().with("estate.ownership", json!({"count": 1})), NotMet),
        ("RENT-02", "a filed purchase", t().with("housing.contract_filing", json!({"filed": true, "cancelled": false})), NotMet),
        ("RENT-02", "a cancelled purchase", t().with("housing.contract_filing", json!({"filed": true, "cancelled": true})), Met),
        ("RENT-02", "spouse's home", t().married().of("spouse", "estate.ownership", homes(&["500108"])), NotMet),
        ("RENT-02", "married, both without", t().married(), Met),
        ("RENT-02", "divorced, the other's home", t().with("civil.marriage", json!({"state": "divorced"})).of("spouse", "estate.ownership", homes(&["500108"])), Met),
        ("RENT-02", "registry silent", unknown_of("estate.ownership"), Unknown),
        ("RENT-02", "own home, marriage silent", unknown_of("civil.marriage").with("estate.ownership", homes(&["500112"])), NotMet),
        ("RENT-02", "malformed answer", t().with("estate.ownership", json!({"houses": "none"})), Unknown),
        ("RENT-02", "two registries disagree", t().but("estate.ownership", FactState::Conflict), Unknown),
        ("RENT-03", "promise", t(), Met),
        ("RENT-03", "no promise, no lease", t().with_form("promise", json!(false)), Unknown),
        ("RENT-03", "no promise, lease", t().with_form("promise", json!(false)).with("housing.rental_filing", lease("500112", 120_000)), Met),
        ("RENT-03", "no promise, a filing that is none", t().with_form("promise", json!(false)).with("housing.rental_filing", json!({"filed": false})), NotMet),
        ("RENT-03", "promise, commission silent", unknown_of("housing.rental_filing"), Met),
        ("RENT-03", "no promise, commission silent", unknown_of("housing.rental_filing").with_form("promise", json!(false)), Unknown),
        ("RENT-04", "declared single, no record", t().with_form("marital", json!("single")), Met),
        ("RENT-04", "declared single, married", t().married().with_form("marital", json!("single")), NotMet),
        ("RENT-04", "declared married, married", t().married().with_form("marital", json!("married")), Met),
        ("RENT-04", "declared married, divorced", t().with("civil.marriage", json!({"state": "divorced"})).with_form("marital", json!("married")), NotMet),
        ("RENT-04", "declared married, no record", t().with_form("marital", json!("married")), Unknown),
        ("RENT-04", "another spouse", t().married().with("civil.marriage", json!({"state": "married", "spouse_match": false})), NotMet),
        ("RENT-04", "civil affairs silent", unknown_of("civil.marriage"), Unknown),
        ("RENT-04", "an unheard-of state", t().with("civil.marriage", json!({"state": "engaged"})).with_form("marital", json!("single")), Unknown),
        ("RENT-05", "a year ago", claimed("2025-11-24", "2025-10", &[]), Met),
        ("RENT-05", "a year less a day ago", claimed("2025-11-25", "2025-10", &[]), NotMet),
        ("RENT-05", "not read", unknown_of("own.case"), Unknown),
        ("RENT-06", "repayment in the same months", t().changed("own.case", json!({"purchase_or_repay_months": ["2026-03"]})), NotMet),
        ("RENT-06", "repayment before", t().changed("own.case", json!({"purchase_or_repay_months": ["2025-10"]})), Met),
        ("RENT-06", "spouse's purchase", t().married().of("spouse", "own.case", json!({"live_same_kind": 0, "paying_cases": 0, "claimed_months": [], "purchase_or_repay_months": ["2026-10"]})), NotMet),
        ("RENT-06", "not read", unknown_of("own.case"), Unknown),
        ("RENT-07", "a loan", t().with("own.loan", json!({"outstanding": 1, "overdue": 0})), NotMet),
        ("RENT-07", "spouse's loan", t().married().of("spouse", "own.loan", json!({"outstanding": 1, "overdue": 0})), NotMet),
        ("RENT-07", "not read", unknown_of("own.loan"), Unknown),
        ("RENT-08", "one month left", t().changed("own.case", json!({"claimed_months": months("2025-11", 11)})), Met),
        ("RENT-08", "none left", t().changed("own.case", json!({"claimed_months": months("2025-11", 12)})), NotMet),
        ("RENT-08", "all elsewhere", t().with("nhpf.withdrawal_elsewhere", rents(&months("2025-11", 12).iter().map(String::as_str).collect::<Vec<_>>())), NotMet),
        ("RENT-08", "platform silent", unknown_of("nhpf.withdrawal_elsewhere"), Unknown),
        ("RENT-08", "first paid this month", t().changed("own.contribution", json!({"first_month": "2026-11", "continuous_months": 1})), NotMet),
    ]
}

#[test]
fn every_condition_is_met_not_met_and_unknown() {
    for (code, what, case, wanted) in rows() {
        let decision = case.rent();
        assert_eq!(outcome(&decision, code), wanted, "{code}: {what}");
        let expected = match wanted {
            NotMet => Outcome::Refused,
            _ => continue,
        };
        assert_eq!(decision.outcome, expected, "{code}: {what}");
    }
}

#[test]
fn a_refusal_says_why_on_what_law_and_what_to_do() {
    for (code, what, case, wanted) in rows() {
        let decision = case.rent();
        let condition = decision
            .conditions
            .iter()
            .find(|c| c.code == code)
            .expect("the condition");
        assert!(
            !condition.detail.is_empty() && !condition.law.is_empty(),
            "{code}: {what}"
        );
        assert!(
            !condition.detail.contains('{'),
            "{code}: {what}: {}",
            condition.detail
        );
        assert_eq!(condition.remedy.is_some(), wanted != Met, "{code}: {what}");
        if wanted == NotMet {
            assert!(
                condition.message.is_some_and(|m| m.starts_with("E-")),
                "{code}"
            );
            assert_eq!(decision.amount_fen, Some(0), "{code}: {what}");
        }
    }
}

/// Known, absent, unknown or contradicted: what becomes of the case when one source behaves so.
#[test]
fn outcomes_follow_the_combination_table() {
    let silent = tenant().but("estate.ownership", FactState::Unknown).rent();
    assert_eq!(silent.outcome, Outcome::Waiting);
    let waits: Vec<_> = silent
        .waiting_for
        .iter()
        .map(|w| (w.source.as_str(), w.fact_type.as_str()))
        .collect();
    assert_eq!(waits, [("D03", "estate.ownership")]);

    let refused = tenant()
        .but("estate.ownership", FactState::Unknown)
        .with("own.loan", json!({"outstanding": 1, "overdue": 1}));
    assert_eq!(
        refused.rent().outcome,
        Outcome::Refused,
        "one no is enough, whoever else is silent"
    );

    let conflict = tenant()
        .but("estate.ownership", FactState::Conflict)
        .but("nhpf.blacklist", FactState::Unknown)
        .rent();
    assert_eq!(conflict.outcome, Outcome::Review);
    assert_eq!(conflict.review_reasons.len(), 1);

    let paper = tenant().with_form("promise", json!(false)).rent();
    assert_eq!(paper.outcome, Outcome::Waiting);
    assert_eq!(paper.papers.len(), 1);
    assert_eq!(paper.papers[0].name, "租赁合同");
    assert_eq!(paper.papers[0].facts[0].fact_type, "housing.rental_filing");
    assert!(paper.waiting_for.is_empty());

    let rich = tenant()
        .changed("own.account", json!({"balance_fen": 90_000_000}))
        .with("housing.rental_filing", json!({"filed": true, "lease_no": "Z", "district": "500112", "from": "2020-01-01", "to": "2027-01-01", "rent_fen_month": 2_500_000, "kind": "public"}));
    let rich = rich.rent();
    assert_eq!(rich.amount_fen, Some(30_000_000));
    assert_eq!(rich.outcome, Outcome::Review, "over the automatic limit");
    assert_eq!(
        rich.review_reasons,
        ["提取金额 300,000.00 元超过智能审批限额 200,000.00 元"]
    );

    let nothing_asked = support::Case {
        facts: anju_policy::Facts::new(),
        ..tenant()
    }
    .rent();
    assert_eq!(nothing_asked.outcome, Outcome::Waiting);
    assert_eq!(nothing_asked.amount_fen, None);
}

#[test]
fn a_fact_from_paper_and_a_stale_fact_are_not_decided_by_the_rules_alone() {
    let mut case = tenant()
        .with_form("promise", json!(false))
        .with("housing.rental_filing", lease("500112", 120_000));
    let mut fact = case
        .facts
        .get("applicant", "housing.rental_filing")
        .expect("the lease")
        .clone();
    assert_eq!(case.rent().outcome, Outcome::Approved);
    fact.assurance = anju_policy::Assurance::Paper;
    case.facts.put(fact.clone());
    assert_eq!(case.rent().outcome, Outcome::Review);
    fact.assurance = anju_policy::Assurance::Authoritative;
    fact.valid_until = Some(support::instant("2026-11-23", 0));
    case.facts.put(fact);
    assert_eq!(case.rent().outcome, Outcome::Waiting);
}

#[test]
fn a_spouse_is_asked_about_only_after_a_marriage_is_known() {
    let policy = support::chongqing();
    let asks = |case: &Case| -> Vec<(String, String)> {
        let asks = policy
            .needed("withdraw-rent", &case.facts, &case.form, case.at)
            .expect("a known service");
        asks.iter()
            .map(|ask| (ask.need.role.clone(), ask.need.fact_type.clone()))
            .collect()
    };
    let of_spouse = |case: &Case| {
        asks(case)
            .into_iter()
            .filter(|(role, _)| role == "spouse")
            .count()
    };
    assert_eq!(of_spouse(&tenant()), 0);
    assert_eq!(
        of_spouse(&tenant().but("civil.marriage", FactState::Unknown)),
        0
    );
    assert_eq!(of_spouse(&tenant().married()), 4);
    let marriage_known = tenant()
        .with("civil.marriage", json!({"state": "married"}))
        .rent();
    assert_eq!(marriage_known.outcome, Outcome::Waiting);
    let waits: Vec<_> = marriage_known
        .waiting_for
        .iter()
        .map(|w| (w.role.as_str(), w.fact_type.as_str()))
        .collect();
    assert!(waits.contains(&("spouse", "estate.ownership")), "{waits:?}");
    assert!(
        !waits.iter().any(|(role, _)| *role == "applicant"),
        "{waits:?}"
    );
}

#[test]
fn the_amount_is_the_sum_of_the_months_each_with_its_own_cap() {
    // withdrawal.md §11 worked amount (a), in the order of the text: no children, central, last claim through 2023-02.
    let a = claimed("2023-03-10", "2023-02", &["2023-02"])
        .on("2024-03-15")
        .changed(
            "own.account",
            json!({"balance_fen": 1_532_045, "opened_on": "2020-01-01"}),
        )
        .changed(
            "own.contribution",
            json!({"first_month": "2020-01", "last_month": "2024-02"}),
        );
    assert_eq!(parts(&a), [1_532_045, 1_800_000]);
    assert_eq!(a.rent().amount_fen, Some(1_532_045));
    assert_eq!(a.rent().outcome, Outcome::Approved);

    // 14: the cap changes in mid-period, 6 × 1,200 + 6 × 1,500.
    let fourteen = old_tenant("2022-12-15");
    assert_eq!(parts(&fourteen)[1], 6 * 120_000 + 6 * 150_000);

    // 15: four months in a central district, eight in a county.
    let rows: Vec<Value> = months("2025-11", 12)
        .iter()
        .enumerate()
        .map(|(index, month)| json!({"month": month, "region": if index < 4 { "500103" } else { "500230" }}))
        .collect();
    let fifteen = tenant().with("own.rent", json!({ "rows": rows }));
    assert_eq!(parts(&fifteen)[1], 4 * 150_000 + 8 * 120_000);

    // 30: months of the first case are used; those of the second are what is left.
    let thirty = tenant().changed("own.case", json!({"claimed_months": months("2025-11", 7)}));
    assert_eq!(parts(&thirty)[1], 5 * 150_000);
    let none_left = tenant().changed("own.case", json!({"claimed_months": months("2025-11", 12)}));
    assert!(not_met(&none_left.rent()).contains(&"RENT-08"));

    // Two minor children raise the cap by a fifth from 2023 on, one does not.
    let children = |n: usize| {
        tenant().with(
            "police.children",
            json!({"minors": vec![json!({"birth": "2020-01-01"}); n], "count": n}),
        )
    };
    assert_eq!(parts(&children(1))[1], 12 * 150_000);
    assert_eq!(parts(&children(2))[1], 12 * 180_000);

    // A county employer, nothing said about the home: the employer's district counts.
    let county = tenant().changed("own.account", json!({"region": "500240"}));
    assert_eq!(parts(&county)[1], 12 * 120_000);
    let said = county.with_form("district", json!("500106"));
    assert_eq!(parts(&said)[1], 12 * 150_000);
}

#[test]
fn a_known_lease_limits_months_and_rent() {
    let lease_of = |from: &str, to: &str, rent: i64, kind: &str| json!({"filed": true, "lease_no": "ZL2026-118730", "district": "500112", "from": from, "to": to, "rent_fen_month": rent, "kind": kind});
    // ui: from 1 August at 1,200.00, three months.
    let three = tenant().with(
        "housing.rental_filing",
        lease_of("2026-08-01", "2027-07-31", 120_000, "market"),
    );
    assert_eq!(three.rent().amount_fen, Some(360_000));
    // Fifteen days of a month count, fourteen do not.
    let fifteen = tenant().with(
        "housing.rental_filing",
        lease_of("2026-08-17", "2027-07-31", 120_000, "market"),
    );
    assert_eq!(fifteen.rent().amount_fen, Some(360_000));
    let fourteen = tenant().with(
        "housing.rental_filing",
        lease_of("2026-08-18", "2027-07-31", 120_000, "market"),
    );
    assert_eq!(fourteen.rent().amount_fen, Some(240_000));
    // The rent above the cap is not paid; of public rental housing it is.
    let dear = tenant().with(
        "housing.rental_filing",
        lease_of("2025-01-01", "2027-07-31", 200_000, "market"),
    );
    assert_eq!(dear.rent().amount_fen, Some(1_800_000));
    let public = tenant().with(
        "housing.rental_filing",
        lease_of("2025-01-01", "2027-07-31", 200_000, "public"),
    );
    assert_eq!(public.rent().amount_fen, Some(2_400_000));
    // A flatmate has claimed a part of the same lease.
    let shared = tenant()
        .with("housing.rental_filing", lease_of("2026-08-01", "2027-07-31", 120_000, "market"))
        .changed("own.case", json!({"lease_used": [{"month": "2026-09", "amount_fen": 100_000}, {"month": "2026-10", "amount_fen": 120_000}]}));
    assert_eq!(shared.rent().amount_fen, Some(120_000 + 20_000));
    // A lease that ended long ago says nothing: the promise counts.
    let old = tenant().with(
        "housing.rental_filing",
        lease_of("2020-01-01", "2021-12-31", 120_000, "market"),
    );
    assert_eq!(old.rent().amount_fen, Some(1_800_000));
}

#[test]
fn the_wish_and_the_balance_bound_the_amount() {
    let wished = tenant().with_form("amount_fen", json!(500_000)).rent();
    assert_eq!(wished.amount_fen, Some(500_000));
    assert!(
        wished
            .amount_parts
            .iter()
            .any(|part| part.binding && part.label == "申请金额")
    );
    let some_months = tenant()
        .with_form("first_month", json!("2026-05"))
        .with_form("last_month", json!("2026-06"))
        .rent();
    assert_eq!(some_months.amount_fen, Some(300_000));
    let frozen = tenant().changed("own.account", json!({"frozen_fen": 5_000_000}));
    assert_eq!(frozen.rent().amount_fen, Some(231_806));
    let nothing_wished = tenant().with_form("amount_fen", json!(0)).rent();
    assert_eq!(
        nothing_wished.outcome,
        Outcome::Review,
        "nothing is approved that pays nothing"
    );
}

/// 6 and 16: who married after renting is asked about the spouse on the day of application only; a deferred month is a month.
#[test]
fn marriage_counts_on_the_day_and_deferral_counts_as_paid() {
    let married = tenant().married();
    assert_eq!(married.rent().outcome, Outcome::Approved);
    assert_eq!(married.rent().amount_fen, Some(1_800_000));
    let deferred = tenant().changed(
        "own.contribution",
        json!({"continuous_months": 3, "first_month": "2026-08", "last_month": "2026-10"}),
    );
    assert_eq!(outcome(&deferred.rent(), "RENT-01"), Met);
    assert_eq!(deferred.rent().amount_fen, Some(3 * 150_000));
}

#[test]
fn the_months_of_a_claim_carry_its_amount() {
    let whole = tenant().rent();
    assert_eq!(whole.months.len(), 12);
    assert_eq!(
        whole.months.iter().map(|month| month.fen).sum::<i64>(),
        1_800_000
    );
    let short = tenant()
        .changed("own.account", json!({"balance_fen": 400_000}))
        .rent();
    let fen: Vec<i64> = short.months.iter().map(|month| month.fen).collect();
    assert_eq!(fen[..4], [150_000, 150_000, 100_000, 0]);
    assert_eq!(fen.iter().sum::<i64>(), 400_000);
}

#[test]
fn a_refusal_that_only_time_heals_names_the_day() {
    let met_from = |case: &Case, code: &str| {
        let decision = case.rent();
        let condition = decision
            .conditions
            .into_iter()
            .find(|c| c.code == code)
            .expect(code);
        condition.met_from
    };
    let early = claimed("2026-08-31", "2026-07", &[]);
    assert_eq!(
        met_from(&early, "RENT-05"),
        Some(support::day("2027-08-31"))
    );
    let used = tenant().changed("own.case", json!({"claimed_months": months("2025-11", 12)}));
    assert_eq!(met_from(&used, "RENT-08"), Some(support::day("2026-12-01")));
    let mobile = tenant().changed(
        "own.person",
        json!({"first_registration": false, "mobile_changed_at": "2026-11-24T08:00:00+08:00"}),
    );
    assert_eq!(
        met_from(&mobile, "CMN-14"),
        Some(support::day("2026-11-25"))
    );
    let owner = tenant().with("estate.ownership", homes(&["500112"]));
    assert_eq!(met_from(&owner, "RENT-02"), None);
    let listed = tenant().with(
        "own.blacklist",
        json!({"listed": true, "until": "2027-01-31"}),
    );
    assert_eq!(
        met_from(&listed, "CMN-03"),
        Some(support::day("2027-02-01"))
    );
}

#[test]
fn a_refusal_says_nothing_of_a_spouse_whom_nobody_has() {
    let refused = |case: support::Case| {
        let decision = case.rent();
        let condition = decision.conditions.iter().find(|c| c.code == "RENT-02");
        condition.expect("RENT-02").detail.to_owned()
    };
    let own = || tenant().with("estate.ownership", homes(&["500112"]));
    assert!(refused(own()).contains("（本人 1 套，或有购房合同备案）"));
    let married = own()
        .married()
        .of("spouse", "estate.ownership", homes(&["500108"]));
    assert!(refused(married).contains("（本人 1 套，配偶 1 套，或有购房合同备案）"));
}

#[test]
fn a_condition_shows_only_what_it_read() {
    let decision = tenant()
        .married()
        .of("spouse", "estate.ownership", homes(&["500108"]))
        .rent();
    let condition = decision
        .conditions
        .iter()
        .find(|c| c.code == "RENT-02")
        .expect("RENT-02");
    let facts: Vec<_> = condition
        .facts
        .iter()
        .map(|f| (f.role, f.fact_type, f.value.to_json()))
        .collect();
    assert!(
        facts.contains(&("spouse", "estate.ownership", json!({"homes_in_city": 1}))),
        "{facts:?}"
    );
    assert!(
        facts.contains(&("applicant", "civil.marriage", json!({"married": true}))),
        "{facts:?}"
    );
    let spouse = condition
        .facts
        .iter()
        .find(|f| f.role == "spouse" && f.fact_type == "estate.ownership")
        .expect("the homes");
    assert_eq!(spouse.subject, "配偶 陈*");
    assert_eq!(spouse.source, "D03");
    let shown = spouse.shown.iter().next().expect("the number of homes");
    assert_eq!((shown.label, shown.text), ("配偶在本市的住房", "1 套"));
    let text = serde_json::to_string(&decision).expect("a decision is JSON");
    assert!(
        !text.contains("6217000010001234567"),
        "no card number in a decision"
    );
}

/// The cap of the years before 2023.
fn old_tenant(day: &str) -> Case {
    tenant()
        .on(day)
        .changed("own.account", json!({"opened_on": "2019-06-01"}))
        .changed(
            "own.contribution",
            json!({"first_month": "2019-07", "last_month": day[..7]}),
        )
}

fn claimed(on: &str, through: &str, months: &[&str]) -> Case {
    tenant().changed(
        "own.case",
        json!({"last_rent_claim_on": on, "last_rent_month": through, "claimed_months": months}),
    )
}

fn homes(districts: &[&str]) -> Value {
    let houses: Vec<Value> = districts
        .iter()
        .map(|district| json!({"district": district, "area_m2": "89.50", "use": "住宅", "share_bp": 10_000, "acquired": "2024-05-10"}))
        .collect();
    json!({"count": houses.len(), "houses": houses})
}

fn lease(district: &str, rent_fen: i64) -> Value {
    json!({
        "filed": true, "lease_no": "ZL2026-118730", "district": district, "from": "2025-08-01", "to": "2027-07-31",
        "rent_fen_month": rent_fen, "kind": "market",
    })
}

fn rents(months: &[&str]) -> Value {
    let items: Vec<Value> = months
        .iter()
        .map(|month| json!({"centre": "成都", "kind": "RENT", "event_key": "r", "month": month, "amount_fen": 100_000, "date": "2026-02-01"}))
        .collect();
    json!({ "items": items })
}

fn months(first: &str, count: i32) -> Vec<String> {
    let first: anju_domain::calendar::Month = first.parse().expect("a month");
    (0..count)
        .map(|index| first.plus(index).to_string())
        .collect()
}

/// Available balance and entitlement, in fen.
fn parts(case: &Case) -> Vec<i64> {
    let decision = case.rent();
    decision
        .amount_parts
        .iter()
        .map(|part| part.fen.expect("a known part"))
        .collect()
}
