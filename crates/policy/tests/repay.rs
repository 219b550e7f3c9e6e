//! 还贷提取 and 约定提取: every condition met, not met and unknown, and the amounts of withdrawal.md §11.

mod support;

use anju_policy::ConditionOutcome::{self, Met, NotMet, Unknown};
use anju_policy::{Decision, FactState, Outcome};
use serde_json::{Value, json};
use support::{Case, chongqing, not_met, outcome, tenant, unknown};

const LOAN: &str = "bank.loan_repayment";

/// Twelve instalments of 3,210.55, the last in this month.
fn instalments() -> Vec<Value> {
    let months = [
        "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06", "2026-07",
        "2026-08", "2026-09", "2026-10", "2026-11",
    ];
    months
        .iter()
        .map(|month| json!({ "date": format!("{month}-20"), "amount_fen": 321_055 }))
        .collect()
}

fn loan() -> Value {
    json!({
        "role": "borrower", "purpose": "house", "district": "500112", "paid_fen": 3_852_660, "instalments": instalments(), "early": [],
        "overdue": false, "overdue_days": 0,
    })
}

/// Single, repays a loan of 建设银行, 52,318.06 on the account, 24 November 2026.
fn borrower() -> Case {
    tenant()
        .with_form("loan_bank", json!("B4"))
        .with_form("loan_no", json!("3100123456"))
        .with(LOAN, loan())
        .with(
            "own.event",
            json!({ "uses": [], "by_month": [], "agreement": false }),
        )
}

fn repay(case: &Case) -> Decision {
    case.decided(chongqing(), "withdraw-repay")
}

/// The loan with some fields changed.
fn with_loan(fields: Value) -> Case {
    borrower().changed(LOAN, fields)
}

/// What has been used of the loan by month.
fn used(case: Case, mine: bool, months: &[(&str, i64)]) -> Case {
    let total: i64 = months.iter().map(|(_, fen)| fen).sum();
    let by_month: Vec<Value> = months
        .iter()
        .map(|(month, fen)| json!({ "month": month, "amount_fen": fen }))
        .collect();
    let mut value = json!({
        "uses": [{ "kind": "REPAY", "amount_fen": total, "on": "2026-08-25", "mine": mine }], "by_month": by_month, "agreement": false,
    });
    if mine {
        value["last_mine_on"] = json!("2026-08-25");
    }
    case.with("own.event", value)
}

#[test]
fn twelve_instalments_are_withdrawn_to_the_fen() {
    let decision = repay(&borrower());
    assert_eq!(not_met(&decision), Vec::<&str>::new());
    assert_eq!(unknown(&decision), Vec::<&str>::new());
    assert_eq!(decision.outcome, Outcome::Approved);
    assert_eq!(decision.amount_fen, Some(3_852_660));
    let codes: Vec<&str> = decision.conditions.iter().map(|c| c.code).collect();
    let wanted = [
        "CMN-01", "CMN-02", "CMN-03", "CMN-04", "CMN-05", "CMN-06", "CMN-08", "CMN-09", "CMN-10",
        "CMN-11", "CMN-12", "CMN-13", "CMN-14", "FR-06", "FR-07", "REP-01", "REP-02", "REP-03",
        "REP-04", "REP-05", "REP-06", "REP-07", "REP-08", "REP-09",
    ];
    assert_eq!(codes, wanted);
    assert_eq!(decision.months.len(), 12);
    assert_eq!(decision.months[0].fen, 321_055);
}

/// withdrawal.md §11, worked amount (b).
#[test]
fn spouses_share_what_was_repaid() {
    let with_early = with_loan(json!({
        "early": [{ "date": "2026-06-10", "amount_fen": 2_000_000 }], "paid_fen": 5_852_660,
    }))
    .changed("own.account", json!({ "balance_fen": 9_000_000 }));
    assert_eq!(repay(&with_early).amount_fen, Some(5_852_660));
    // The spouse has had 30,000.00 of it: nine months and a part of the tenth.
    let mut months: Vec<(&str, i64)> = [
        "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05",
    ]
    .iter()
    .map(|month| (*month, 321_055))
    .collect();
    months.push(("2026-06", 3_000_000 - 6 * 321_055));
    let shared = used(with_early, false, &months);
    assert_eq!(repay(&shared).amount_fen, Some(2_852_660));
}

#[test]
fn an_amount_is_bounded_by_the_window_the_balance_the_wish_and_what_was_repaid() {
    // Thirteen instalments: the oldest is out of the window; an early repayment of that time is not.
    let mut long = instalments();
    long.insert(0, json!({ "date": "2025-11-20", "amount_fen": 321_055 }));
    let thirteen = with_loan(json!({ "instalments": long, "paid_fen": 4_173_715 }));
    assert_eq!(repay(&thirteen).amount_fen, Some(3_852_660));
    let early = thirteen.changed(
        LOAN,
        json!({ "early": [{ "date": "2024-02-29", "amount_fen": 100_000 }], "paid_fen": 4_273_715 }),
    );
    assert_eq!(repay(&early).amount_fen, Some(3_952_660));
    // This month's instalment is still to come: the twelve before it.
    let mut before = instalments();
    before.pop();
    before.insert(0, json!({ "date": "2025-11-20", "amount_fen": 321_055 }));
    let due = with_loan(json!({ "instalments": before }));
    assert_eq!(repay(&due).amount_fen, Some(3_852_660));
    // Edge case 13: the instalment of 29 February counts for its month. Two in one month are added, a penalty is none of it.
    let leap = borrower().on("2024-06-24").with(
        LOAN,
        json!({
            "role": "borrower", "purpose": "house", "district": "500112", "paid_fen": 3_000_000, "overdue_days": 0, "overdue": false,
            "early": [],
            "instalments": (0..10).map(|_| json!({ "date": "2024-02-29", "amount_fen": 100, "penalty_fen": 7 })).chain(
                [json!({ "date": "2024-03-31", "amount_fen": 5 }), json!({ "date": "2024-04-30", "amount_fen": 6 })]).collect::<Vec<_>>(),
        }),
    );
    assert_eq!(repay(&leap).amount_fen, Some(1_011));
    let poor = borrower().changed("own.account", json!({ "balance_fen": 100_000 }));
    assert_eq!(repay(&poor).amount_fen, Some(100_000));
    // The fund's account first, the rest from the housing subsidy's; what runs by itself takes the fund's alone.
    let both = borrower().changed(
        "own.account",
        json!({ "balance_fen": 100_000, "subsidy_fen": 50_000 }),
    );
    let decision = repay(&both);
    assert_eq!(
        (decision.amount_fen, decision.subsidy_fen),
        (Some(150_000), Some(50_000))
    );
    let enough = both.clone().with_form("amount_fen", json!(99_999));
    assert_eq!(repay(&enough).subsidy_fen, None);
    let run = both
        .with_form("first_month", json!("2025-12"))
        .with_form("last_month", json!("2026-11"))
        .decided(chongqing(), "withdraw-run-commercial");
    assert_eq!((run.amount_fen, run.subsidy_fen), (Some(100_000), None));
    let modest = borrower().with_form("amount_fen", json!(50_000));
    assert_eq!(repay(&modest).amount_fen, Some(50_000));
    // Never more than the bank says was repaid in all.
    let less = with_loan(json!({ "paid_fen": 2_000_000 }));
    assert_eq!(repay(&less).amount_fen, Some(2_000_000));
}

/// Edge case 12: married since May 2026 to somebody who has the loan.
fn married_to_borrower() -> Case {
    let mut case = borrower().but(LOAN, FactState::Absent).married().with(
        "civil.marriage",
        json!({ "state": "married", "since": "2026-05-03" }),
    );
    case.put("spouse", LOAN, FactState::Known, loan());
    case
}

#[test]
fn a_spouses_old_loan_counts_from_the_month_of_the_marriage() {
    let decision = repay(&married_to_borrower());
    assert_eq!(
        decision.outcome,
        Outcome::Approved,
        "{:?}",
        not_met(&decision)
    );
    assert_eq!(decision.amount_fen, Some(7 * 321_055));
}

/// Edge case 11: the bank's file is late.
#[test]
fn a_repayment_that_the_bank_is_booking_brings_a_person_to_look() {
    let late = with_loan(json!({ "overdue": true, "overdue_days": 1, "pending": true }));
    let decision = repay(&late);
    assert_eq!(decision.outcome, Outcome::Review);
    assert!(decision.review_reasons[0].contains("逾期 1 天"));
}

type Row = (&'static str, &'static str, Case, ConditionOutcome);

fn rows() -> Vec<Row> {
    let all: Vec<(&str, i64)> = [
        "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06", "2026-07",
        "2026-08", "2026-09", "2026-10", "2026-11",
    ]
    .iter()
    .map(|month| (*month, 321_055))
    .collect();
    let silent = || borrower().but(LOAN, FactState::Unknown);
    let no_record = || borrower().but(LOAN, FactState::Absent);
    // Not connected: as good as no record, until a teller has read its sheet.
    let other = || no_record().with_form("loan_bank", json!("OTHER"));
    let mut sheet = borrower().with_form("loan_bank", json!("OTHER"));
    let mut read = sheet.facts.get("applicant", LOAN).expect("a loan").clone();
    read.assurance = anju_policy::Assurance::Paper;
    sheet.facts.put(read);
    let mut not_spouse = married_to_borrower().with(
        "civil.marriage",
        json!({ "state": "married", "since": "2026-11-23" }),
    );
    not_spouse.put("spouse", LOAN, FactState::Known, json!({
        "role": "borrower", "purpose": "house", "district": "500112", "paid_fen": 321_055, "overdue_days": 0, "overdue": false, "early": [],
        "instalments": [{ "date": "2026-10-20", "amount_fen": 321_055 }],
    }));
    let elsewhere = || {
        with_loan(json!({ "district": "510107" })).but("hrss.social_insurance", FactState::Absent)
    };
    let mut works_there = elsewhere().married().with(
        "police.hukou",
        json!({ "local": true, "region_code": "500103" }),
    );
    works_there.put(
        "spouse",
        "police.hukou",
        FactState::Known,
        json!({ "local": true, "region_code": "500103" }),
    );
    works_there.put(
        "spouse",
        "hrss.social_insurance",
        FactState::Known,
        json!({ "region": "510104" }),
    );
    vec![
        ("REP-01", "a business loan", with_loan(json!({ "purpose": "business" })), NotMet),
        ("REP-01", "a loan on a home for spending", with_loan(json!({ "purpose": "mortgage_equity" })), NotMet),
        ("REP-01", "the bank is silent", silent(), Unknown),
        ("REP-01", "no such loan: the contract may be shown", no_record(), Unknown),
        ("REP-02", "all of it is used", used(borrower(), true, &all), NotMet),
        ("REP-02", "the last month is left", used(borrower(), true, &all[..11]), Met),
        ("REP-02", "the bank is silent", silent(), Unknown),
        ("REP-03", "closed a year ago", with_loan(json!({ "closed_on": "2025-11-24" })), Met),
        ("REP-03", "closed a year and a day ago", with_loan(json!({ "closed_on": "2025-11-23" })), NotMet),
        ("REP-03", "the bank is silent", silent(), Unknown),
        ("REP-04", "overdue", with_loan(json!({ "overdue": true, "overdue_days": 1 })), NotMet),
        ("REP-04", "due today, not overdue", with_loan(json!({ "overdue_days": 0 })), Met),
        ("REP-04", "the bank is silent", silent(), Unknown),
        ("REP-05", "claimed three months ago", used(borrower(), true, &all[..9]), NotMet),
        ("REP-05", "the spouse claimed", used(borrower(), false, &all[..9]), Met),
        ("REP-05", "claimed three months ago, closed since", used(with_loan(json!({ "closed_on": "2026-11-20" })), true, &all[..9]), Met),
        ("REP-05", "claimed three months ago, repaid early since", used(with_loan(json!({ "early": [{ "date": "2026-10-10", "amount_fen": 10 }] })), true, &all[..9]), Met),
        ("REP-05", "eleven instalments", with_loan(json!({ "instalments": instalments()[1..] })), NotMet),
        ("REP-05", "the bank is silent", silent(), Unknown),
        ("REP-06", "at home elsewhere", elsewhere().with("police.hukou", json!({ "local": false, "region_code": "510107" })), Met),
        ("REP-06", "elsewhere", elsewhere().with("police.hukou", json!({ "local": true, "region_code": "500103" })), NotMet),
        ("REP-06", "the spouse works there", works_there, Met),
        ("REP-06", "the police are silent", elsewhere().but("police.hukou", FactState::Unknown), Unknown),
        ("REP-07", "connected", borrower(), Met),
        ("REP-07", "a bank that is not connected: its sheet is asked for", other(), Unknown),
        ("REP-07", "its sheet, as a teller read it", sheet.clone(), Met),
        ("REP-02", "the sheet tells what was repaid", sheet, Met),
        ("REP-07", "no record: a stamped sheet", no_record(), Unknown),
        ("REP-08", "an agreement", borrower().changed("own.event", json!({ "agreement": true })), NotMet),
        ("REP-08", "not read", borrower().but("own.event", FactState::Unknown), Unknown),
        ("REP-09", "owns a share", with_loan(json!({ "role": "co_owner" })), Met),
        ("REP-09", "owns no share", with_loan(json!({ "role": "co_borrower" })), NotMet),
        ("REP-09", "guarantor", with_loan(json!({ "role": "guarantor" })), NotMet),
        ("REP-09", "the spouse of a borrower", married_to_borrower(), Met),
        ("REP-09", "married after the last repayment", not_spouse, NotMet),
        ("REP-09", "the bank is silent", silent(), Unknown),
        ("CMN-11", "claimed for this loan elsewhere", borrower().with("nhpf.withdrawal_elsewhere", json!({ "items": [{ "centre": "成都", "kind": "REPAY", "event_key": "B4:3100123456", "amount_fen": 1, "date": "2026-01-01" }] })), NotMet),
    ]
}

#[test]
fn each_condition_is_met_not_met_or_unknown() {
    for (code, what, case, wanted) in rows() {
        assert_eq!(outcome(&repay(&case), code), wanted, "{code}: {what}");
    }
}

#[test]
fn each_refusal_is_told_in_the_words_of_the_reference() {
    let told = |case: Case, code: &str| {
        let decision = repay(&case);
        let found = decision.conditions.iter().find(|c| c.code == code);
        found.expect("a condition").detail.to_owned()
    };
    assert_eq!(
        told(
            with_loan(json!({ "overdue": true, "overdue_days": 3 })),
            "REP-04"
        ),
        "该贷款存在逾期，请还清后再申请。"
    );
    assert_eq!(
        told(used(borrower(), true, &[("2026-08", 321_055)]), "REP-05"),
        "两次还贷提取间隔不足12个月，最早可于2027年8月25日办理。"
    );
    assert_eq!(
        told(with_loan(json!({ "role": "guarantor" })), "REP-09"),
        "您与该事项权利人的关系不符合提取条件。"
    );
}

// ---- signing -------------------------------------------------------------------------------------------------------------------------

fn sign(case: &Case) -> Decision {
    case.decided(chongqing(), "withdraw-sign-commercial")
}

#[test]
fn each_condition_of_signing_is_met_or_not() {
    let signer = || borrower().with_form("action", json!("sign"));
    assert_eq!(
        sign(&signer()).outcome,
        Outcome::Approved,
        "{:?}",
        not_met(&sign(&signer()))
    );
    let with = |fields: Value| signer().changed(LOAN, fields);
    let rows: Vec<Row> = vec![
        (
            "AUT-01",
            "overdue by a day",
            with(json!({ "overdue": true, "overdue_days": 1 })),
            NotMet,
        ),
        (
            "AUT-01",
            "closed",
            with(json!({ "closed_on": "2026-11-20" })),
            NotMet,
        ),
        (
            "AUT-01",
            "no loan for a home",
            with(json!({ "purpose": "consumption" })),
            NotMet,
        ),
        (
            "AUT-01",
            "no such loan",
            signer().but(LOAN, FactState::Absent),
            NotMet,
        ),
        (
            "AUT-01",
            "the bank is silent",
            signer().but(LOAN, FactState::Unknown),
            Unknown,
        ),
        (
            "AUT-02",
            "another's card",
            signer().with(
                "unionpay.card_auth",
                json!({ "match": false, "card_type": "debit-1" }),
            ),
            NotMet,
        ),
        (
            "AUT-02",
            "UnionPay is silent",
            signer().but("unionpay.card_auth", FactState::Unknown),
            Unknown,
        ),
        (
            "AUT-03",
            "signed before",
            signer().changed("own.event", json!({ "agreement": true })),
            NotMet,
        ),
        (
            "AUT-03",
            "a change of what was signed",
            signer()
                .with_form("action", json!("change"))
                .changed("own.event", json!({ "agreement": true })),
            Met,
        ),
        (
            "AUT-03",
            "a change of nothing",
            signer().with_form("action", json!("change")),
            NotMet,
        ),
        (
            "AUT-04",
            "a bank that gives no data",
            signer().with_form("loan_bank", json!("OTHER")),
            NotMet,
        ),
        (
            "AUT-05",
            "a guarantor",
            with(json!({ "role": "guarantor" })),
            NotMet,
        ),
        (
            "AUT-05",
            "the bank is silent",
            signer().but(LOAN, FactState::Unknown),
            Unknown,
        ),
    ];
    for (code, what, case, wanted) in rows {
        assert_eq!(outcome(&sign(&case), code), wanted, "{code}: {what}");
    }
}

/// Our own loan books hold no loan: nothing can be agreed about, and that is what is said.
#[test]
fn nobody_agrees_about_a_loan_that_our_books_do_not_hold() {
    let case = tenant()
        .with_form("action", json!("sign"))
        .with_form("loan_no", json!("D2026"))
        .but("own.event", FactState::Absent);
    let decision = case.decided(chongqing(), "withdraw-sign-fund-loan");
    assert_eq!(decision.outcome, Outcome::Refused);
    assert_eq!(not_met(&decision), ["AUT-01"]);
}

/// A lender that is not connected refuses nobody and asks for one paper, its stamped sheet.
#[test]
fn a_lender_that_is_not_connected_is_stood_in_for_by_its_sheet() {
    let decision = repay(
        &borrower()
            .but(LOAN, FactState::Absent)
            .with_form("loan_bank", json!("OTHER")),
    );
    assert_eq!(decision.outcome, Outcome::Waiting);
    let papers: Vec<(&str, &str)> = decision
        .papers
        .iter()
        .map(|paper| (paper.condition.as_str(), paper.name.as_str()))
        .collect();
    assert_eq!(papers, [("REP-07", "加盖银行印章的还款明细")]);
    assert_eq!(decision.papers[0].facts.len(), 1);
    assert_eq!(decision.papers[0].facts[0].fact_type, LOAN);
}
