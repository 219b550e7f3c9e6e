//! The patterns of withdrawal.md §9 that are counts of our own: held from the number of policy on, never refused, and nothing where nobody
//! has counted.

mod support;

use anju_policy::Outcome;
use serde_json::json;
use support::{not_met, tenant};

#[test]
fn from_three_people_on_a_device_card_or_phone_a_person_looks() {
    let shares = |device: i64, card: i64, phone: i64| {
        let counts = json!({ "device_people": device, "card_people": card, "phone_people": phone });
        tenant().with("own.sharing", counts).rent()
    };
    assert_eq!(shares(2, 2, 2).outcome, Outcome::Approved);
    for held in [shares(3, 1, 1), shares(1, 3, 1), shares(1, 1, 3)] {
        assert_eq!(held.outcome, Outcome::Review);
        assert_eq!(not_met(&held), ["FR-06"]);
        let pattern = held.conditions.iter().find(|one| one.code == "FR-06");
        let pattern = pattern.expect("the pattern");
        assert_eq!(pattern.message, Some("E-W-15"));
        assert_eq!(
            pattern.detail,
            "该业务正在核查，处理时间将延长，请留意通知。"
        );
        // Whom the person shares with is nobody's business but the reviewer's; that he may be heard is his.
        assert!(
            pattern
                .remedy
                .is_some_and(|words| words.contains("说明情况"))
        );
    }
    // An address is shared by more: a firm, a carrier. A decision of before nobody counted them stands.
    let from_one_address = |people: i64| {
        let counts = json!({ "device_people": 1, "address_people": people, "card_people": 1, "phone_people": 1 });
        tenant().with("own.sharing", counts).rent()
    };
    assert_eq!(from_one_address(49).outcome, Outcome::Approved);
    assert_eq!(not_met(&from_one_address(50)), ["FR-06"]);
    assert_eq!(
        tenant().rent().outcome,
        Outcome::Approved,
        "nobody has counted"
    );
}

#[test]
fn what_is_not_met_refuses_before_a_pattern_holds() {
    let refused = tenant()
        .with(
            "own.sharing",
            json!({ "device_people": 9, "card_people": 1, "phone_people": 1 }),
        )
        .with(
            "own.blacklist",
            json!({ "listed": true, "until": "2028-11-23" }),
        )
        .rent();
    assert_eq!(refused.outcome, Outcome::Refused);
    assert_eq!(not_met(&refused), ["CMN-03", "FR-06"]);
}
