//! 租房提取: every condition met, not met and unknown; the amounts of withdrawal.md §11.

mod support;

use anju_policy::ConditionOutcome::{Met, NotMet, Unknown};
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
    let codes: Vec<&str> = decision
        .conditions
        .iter()
        .map(|c| c.code.as_str())
        .collect();
    let wanted = [
        "CMN-01", "CMN-02", "CMN-03", "CMN-04", "CMN-05", "CMN-06", "CMN-08", "CMN-09", "CMN-10",
        "CMN-11", "CMN-12", "CMN-13", "CMN-14", "RENT-01", "RENT-02", "RENT-03", "RENT-04",
        "RENT-05", "RENT-06", "RENT-07", "RENT-08",
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
