//! The shared conditions where withdrawing rent does not show them: services that close the account, and those that another centre may
//! have paid for already.

mod support;

use anju_policy::ConditionOutcome::{self, Met, NotMet, Unknown};
use anju_policy::{Decision, FactState, Outcome, PolicySet};
use serde_json::json;
use support::{Case, outcome, tenant, unknown};

/// A withdrawal of the whole balance for this cause.
fn closing(kind: &str) -> String {
    format!(
        r#"
[service]
id = "close-{kind}"
name_zh = "销户提取"
short_zh = "销户提取"
verb = "do"
group = "withdraw"
audience = ["employee"]
login = {{ default = "L3f" }}
channels = ["APP"]
outcome = "instant"
gov_code = "0"
law = ["住房公积金管理条例 第二十四条"]
include = ["common/person", "common/payout"]
effect = "pay_out"
withdraw_kind = "{kind}"
closing = true
promise = {{ legal = "3 日", promised = "当场", working_days = 3 }}

[[service.inputs]]
name = "card_no"
type = "card"
label = "收款银行卡号"
required = true

[[service.inputs]]
name = "home_no"
type = "text"
label = "房屋"
default = "h"

[claim]
prefix = "HOME"
key = "form.home_no"

[amount]
formula = "account.available"
"#
    )
}

/// The demo centre's policy with two closing services more.
fn policy() -> PolicySet {
    let mut files = support::files();
    for kind in ["LEAVE_2Y", "RETIRE"] {
        files
            .files
            .insert(format!("chongqing/close-{kind}.toml"), closing(kind));
    }
    PolicySet::load(&files).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn leaving(policy: &PolicySet, case: &Case) -> Decision {
    case.decided(policy, "close-LEAVE_2Y")
}

#[test]
fn what_only_closing_services_ask_is_met_not_met_and_unknown() {
    let policy = policy();
    let t = tenant;
    let elsewhere =
        |items: serde_json::Value| t().with("nhpf.withdrawal_elsewhere", json!({ "items": items }));
    let bought = json!([{"centre": "成都", "kind": "PURCHASE", "event_key": "h", "amount_fen": 100_000, "date": "2026-02-01"}]);
    let another = json!([{"centre": "成都", "kind": "PURCHASE", "event_key": "j", "amount_fen": 100_000, "date": "2026-02-01"}]);
    let rows: Vec<(&str, &str, Case, ConditionOutcome)> = vec![
        ("CMN-07", "no loan", t(), Met),
        (
            "CMN-07",
            "a loan paid off",
            t().with("own.loan", json!({"outstanding": 0, "overdue": 0})),
            Met,
        ),
        (
            "CMN-07",
            "a loan",
            t().with("own.loan", json!({"outstanding": 1, "overdue": 0})),
            NotMet,
        ),
        (
            "CMN-07",
            "guarantor",
            t().with(
                "own.loan",
                json!({"outstanding": 0, "overdue": 0, "guarantor": true}),
            ),
            NotMet,
        ),
        (
            "CMN-07",
            "a loan, guarantor or not",
            t().with(
                "own.loan",
                json!({"outstanding": 1, "overdue": 0, "guarantor": false}),
            ),
            NotMet,
        ),
        (
            "CMN-07",
            "not read",
            t().but("own.loan", FactState::Unknown),
            Unknown,
        ),
        ("CMN-11", "nothing elsewhere", t(), Met),
        (
            "CMN-11",
            "an empty list elsewhere",
            elsewhere(json!([])),
            Met,
        ),
        ("CMN-11", "paid elsewhere", elsewhere(bought), NotMet),
        (
            "CMN-11",
            "another home's paid elsewhere",
            elsewhere(another),
            Met,
        ),
        (
            "CMN-11",
            "platform silent",
            t().but("nhpf.withdrawal_elsewhere", FactState::Unknown),
            Unknown,
        ),
    ];
    for (code, what, case, wanted) in &rows {
        let decision = leaving(&policy, case);
        assert_eq!(outcome(&decision, code), *wanted, "{code}, {what}");
    }
    assert_eq!(leaving(&policy, &tenant()).outcome, Outcome::Approved);
}

#[test]
fn a_refusal_of_a_closing_service_says_why_and_what_to_do() {
    let policy = policy();
    let debtor = tenant().with("own.loan", json!({"outstanding": 1, "overdue": 0}));
    let refused = leaving(&policy, &debtor);
    assert_eq!(refused.outcome, Outcome::Refused);
    let said = |decision: &Decision, code: &str| {
        let condition = decision.conditions.iter().find(|found| found.code == code);
        let condition = condition.expect("a condition of the service");
        let message = condition.message.map(str::to_owned);
        (message, condition.detail.to_owned())
    };
    assert_eq!(
        said(&refused, "CMN-07"),
        (
            Some("E-W-07".into()),
            "您有未结清的住房公积金贷款或担保责任，暂不能办理销户提取。".into()
        )
    );

    let twice = tenant().with(
        "nhpf.withdrawal_elsewhere",
        json!({"items": [{"centre": "成都", "kind": "LEAVE_2Y", "event_key": "h", "amount_fen": 100_000, "date": "2026-02-01"}]}),
    );
    let refused = leaving(&policy, &twice);
    assert_eq!(refused.outcome, Outcome::Refused);
    assert_eq!(
        said(&refused, "CMN-11"),
        (
            Some("E-W-11".into()),
            "该事项已在成都办理过提取，不能重复提取。".into()
        )
    );
    let silent = tenant().but("nhpf.withdrawal_elsewhere", FactState::Unknown);
    let waiting = leaving(&policy, &silent);
    assert_eq!(waiting.outcome, Outcome::Waiting);
    assert_eq!(unknown(&waiting), ["CMN-11"]);
}

/// withdrawal.md §4.2: retirement and death go on with a loan under its contract.
#[test]
fn who_retires_with_a_loan_is_not_asked_about_it() {
    let debtor = tenant().with("own.loan", json!({"outstanding": 1, "overdue": 0}));
    let retired = debtor.decided(&policy(), "close-RETIRE");
    assert_eq!(retired.outcome, Outcome::Approved);
    assert!(
        retired
            .conditions
            .iter()
            .all(|found| found.code != "CMN-07")
    );
}
