//! Bases, ratios and amounts of a roster against policy and books.

use anju_business::contribution::roster::{Change, DifferenceKind, Mode, RatioChange};
use anju_domain::contribution::Ratios;
use anju_domain::money::Fen;
use anju_domain::rate::Bp;

use crate::town::{LI, OUYANG, Town, id, li, ouyang, town};

#[test]
fn a_base_lies_between_the_limits_of_the_year() {
    for (base, code) in [
        ("2329.99", Some("E-BASE-01")),
        ("2330", None),
        ("31393", None),
        ("31393.01", Some("E-BASE-02")),
        ("0", Some("E-BASE-01")),
    ] {
        let faults = Town::new()
            .upload(&[li("", base)])
            .err()
            .map(|refused| refused.faults);
        assert_eq!(faults.map(|faults| faults[0].code), code, "{base}");
    }
    let refused = Town::new()
        .upload(&[li("", "2000")])
        .expect_err("below the limit");
    assert_eq!(
        refused.faults[0].message,
        "第 2 行“缴存基数”：缴存基数低于下限2,330.00元，请调整。填的是 2,000.00 元。"
    );
}

#[test]
fn limits_hold_for_who_stands_in_no_row_too() {
    let mut town = town();
    town.mode = Mode::Changes;
    town.policy.limits.lower = Fen::yuan(5_500);
    assert_eq!(
        town.faults(&[li("基数调整", "7000")]),
        [(None, Some("缴存基数"), "E-BASE-01")]
    );
}

#[test]
fn bases_are_adjusted_in_their_window_and_once_a_year() {
    let rows = [li("基数调整", "7000"), ouyang("", "5000")];
    let mut closed = town();
    closed.policy.base_window_is_open = false;
    assert_eq!(closed.faults(&rows), [(Some(2), Some("变更"), "E-BASE-03")]);
    let mut twice = town();
    twice
        .members
        .get_mut(&id(LI))
        .expect("a member")
        .base_adjusted_this_year = true;
    assert_eq!(twice.faults(&rows), [(Some(2), Some("变更"), "E-BASE-03")]);
    let fallen = town()
        .upload(&[li("基数调整", "4000"), ouyang("", "5000")])
        .expect("a sound roster");
    assert_eq!(fallen.notices[0].code, "W-BASE-07");
}

#[test]
fn a_line_has_the_employer_s_ratio() {
    let row = |employer, employee, change| ["李梅", LI, "6000", employer, employee, change, "", ""];
    assert_eq!(
        town().faults(&[row("10", "", ""), ouyang("", "5000")]),
        [(Some(2), Some("单位比例"), "E-RATIO-06")]
    );
    assert_eq!(
        town().faults(&[row("", "10%", ""), ouyang("", "5000")]),
        [(Some(2), Some("个人比例"), "E-RATIO-06")]
    );
    // Beyond the policy's range it is also that.
    assert_eq!(
        town().faults(&[row("13", "", ""), ouyang("", "5000")]),
        [
            (Some(2), Some("单位比例"), "E-RATIO-01"),
            (Some(2), Some("单位比例"), "E-RATIO-06")
        ]
    );
    // A change for one alone is no change for everybody.
    assert_eq!(
        town().faults(&[row("10", "10", "比例调整"), ouyang("", "5000")]),
        [(Some(2), Some("单位比例"), "E-RATIO-06")]
    );
}

#[test]
fn the_ratio_changes_for_everybody_at_once() {
    let rows = |li: &'static str, ouyang: &'static str| {
        [
            ["李梅", LI, "6000", li, li, "比例调整", "", ""],
            ["欧阳娜", OUYANG, "5000", ouyang, ouyang, "比例调整", "", ""],
        ]
    };
    let checked = town().upload(&rows("10", "10%")).expect("a sound roster");
    let ten = Ratios {
        employer: Bp::new(1_000),
        employee: Bp::new(1_000),
    };
    assert_eq!(
        (checked.new_ratios, checked.changes.changed, checked.total),
        (Some(ten), 2, Fen::yuan(1_200 + 1_000))
    );
    assert!(
        checked
            .list
            .iter()
            .all(|line| line.change == Some(Change::Ratio) && line.ratios == ten)
    );
    assert!(
        checked
            .differences
            .iter()
            .all(|one| one.kind == DifferenceKind::Ratio)
    );

    assert_eq!(
        town().faults(&rows("10", "8")),
        [(Some(3), Some("单位比例"), "E-RATIO-06")]
    );
    assert_eq!(
        town().faults(&rows("12", "")),
        [(Some(2), Some("变更"), "E-ROW-07")],
        "the ratio it already has"
    );
    let beyond = town().faults(&rows("4", "4"));
    assert_eq!(
        beyond.iter().map(|fault| fault.2).collect::<Vec<_>>(),
        ["E-RATIO-01"; 4]
    );
    let unequal = [
        ["李梅", LI, "6000", "10", "8", "比例调整", "", ""],
        ["欧阳娜", OUYANG, "5000", "10", "8", "比例调整", "", ""],
    ];
    assert_eq!(
        town().faults(&unequal)[0],
        (Some(2), Some("个人比例"), "E-RATIO-03")
    );

    for (ratio_change, code) in [
        (RatioChange::UsedThisYear, "E-RATIO-04"),
        (RatioChange::SetByFinance, "E-RATIO-05"),
    ] {
        let mut town = town();
        town.ratio_change = ratio_change;
        assert_eq!(
            town.faults(&rows("10", "10")),
            [(Some(2), Some("变更"), code)]
        );
    }
    let mut changes_only = town();
    changes_only.mode = Mode::Changes;
    assert_eq!(
        changes_only.faults(&rows("10", "10")[..1]),
        [(None, None, "E-RATIO-06")],
        "Ouyang would keep 12 %"
    );
}

#[test]
fn where_policy_allows_it_ratios_differ_from_person_to_person() {
    let mut town = town();
    town.policy.ratios_per_person = true;
    let row = |change| {
        [
            ["李梅", LI, "6000", "10", "10", change, "", ""],
            ouyang("", "5000"),
        ]
    };
    assert_eq!(town.faults(&row("")), [(Some(2), Some("变更"), "E-ROW-07")]);
    let checked = town.upload(&row("比例调整")).expect("a sound roster");
    assert_eq!(
        (checked.total, checked.new_ratios),
        (Fen::yuan(1_200 + 1_200), None)
    );
}

#[test]
fn the_clerk_s_amount_must_be_ours() {
    let row = |monthly, change| {
        [
            ["李梅", LI, "6000", "", "", change, monthly, ""],
            ouyang("", "5000"),
        ]
    };
    assert!(town().upload(&row("1,440.00", "")).is_ok());
    assert_eq!(
        town().faults(&row("1440.01", "")),
        [(Some(2), Some("月缴存额"), "E-ROW-04")]
    );
    assert!(
        town().upload(&row("1440", "封存")).is_ok(),
        "the amount until now may stay"
    );
    assert_eq!(
        town().faults(&row("1000", "封存")),
        [(Some(2), Some("月缴存额"), "E-ROW-04")]
    );
}
