//! Withdrawals for homes (购房、首付、建造大修、加装电梯): every condition met, not met and unknown, the amounts of withdrawal.md §6 and §4.4, and its
//! edge cases 2, 4, 5, 22 and 23.

mod support;

use anju_policy::ConditionOutcome::{self, Met, NotMet, Unknown};
use anju_policy::{Decision, FactState, Outcome};
use serde_json::{Value, json};
use support::{Case, chongqing, not_met, outcome, tenant, unknown};

const PURCHASE: &str = "withdraw-purchase-full";
const DOWNPAY: &str = "withdraw-down-payment";
const BUILD: &str = "withdraw-build";
const LIFT: &str = "withdraw-elevator";

/// Everything that these registers may say, as nothing yet.
fn nobody() -> Case {
    let mut case = tenant();
    for fact_type in [
        "own.event",
        "estate.title",
        "estate.mortgage",
        "housing.build_permit",
        "housing.elevator_project",
        "tax.invoice",
        "tax.deed_tax",
        "bank.commercial_loan",
        "police.hukou",
        "police.kinship",
        "hrss.social_insurance",
    ] {
        case.put("applicant", fact_type, FactState::Absent, Value::Null);
        case.put("spouse", fact_type, FactState::Absent, Value::Null);
    }
    case
}

fn contract() -> Value {
    json!({
        "filed": true, "contract_no": "HT1", "date": "2025-06-30", "kind": "presale", "buyers": ["李梅"], "is_buyer": true,
        "use": "residential", "district": "500112", "unit_no": "500112001001GB00001F00010001", "price_fen": 50_000_000,
        "paid_fen": 50_000_000, "cancelled": false,
    })
}

fn title() -> Value {
    json!({
        "valid": true, "is_owner": true, "use": "residential", "district": "500112", "registered": "2025-08-01",
        "unit_no": "500112001001GB00001F00010001", "title_no": "QZ1", "title_hash": "ab12", "acquired_by": "purchase",
        "price_fen": 50_000_000, "mortgaged": false, "transfers_12m": 1,
    })
}

fn invoice(fen: i64, day: &str) -> Value {
    json!({"valid": true, "amount_fen": fen, "date": day, "red": false})
}

fn rich(case: Case) -> Case {
    case.changed("own.account", json!({"balance_fen": 100_000_000}))
}

/// Bought for 500,000.00, paid with own money, contract filed, invoice of 15 July 2025.
fn buyer() -> Case {
    nobody()
        .with("housing.contract_filing", contract())
        .with("tax.invoice", invoice(50_000_000, "2025-07-15"))
        .with_form("contract_no", json!("HT1"))
}

/// Bought for 1,200,000.00 with a loan of 800,000.00; 400,000.00 paid down.
fn borrower() -> Case {
    let mut filed = contract();
    filed["price_fen"] = json!(120_000_000);
    filed["paid_fen"] = json!(40_000_000);
    nobody()
        .with("housing.contract_filing", filed)
        .with("tax.invoice", invoice(40_000_000, "2025-07-15"))
        .with("bank.commercial_loan", json!({"valid": true, "purpose": "house", "principal_fen": 80_000_000, "balance_fen": 79_000_000}))
        .with_form("contract_no", json!("HT1"))
        .with_form("loan_bank", json!("B4"))
}

/// Rebuilds the own home with a permit of March 2026 for 100,000.00 at most.
fn builder() -> Case {
    nobody()
        .with("estate.title", title())
        .with("housing.build_permit", json!({"valid": true, "kind": "rebuild", "is_owner": true, "date": "2026-03-10", "budget_fen": 10_000_000}))
        .with("tax.invoice", invoice(9_000_000, "2026-09-01"))
        .with_form("kind", json!("rebuild"))
        .with_form("permit_no", json!("GH1"))
        .with_form("cost_fen", json!(9_500_000))
}

/// Shares the cost of an elevator with 30,000.00; it was accepted in February 2026.
fn neighbour() -> Case {
    nobody()
        .with("estate.title", title())
        .with("housing.elevator_project", json!({
            "approved": true, "date": "2025-03-01", "accepted_on": "2026-02-28", "units": 16, "listed": true, "share_fen": 3_000_000, "paid": true,
        }))
        .with_form("project_no", json!("DT1"))
}

fn decide(case: &Case, service: &str) -> Decision {
    case.decided(chongqing(), service)
}

fn used(rows: &[(i64, bool, bool)]) -> Value {
    let uses: Vec<Value> = rows
        .iter()
        .map(|(fen, mine, family)| json!({"kind": "PURCHASE", "amount_fen": fen, "on": "2026-10-01", "mine": mine, "family": family}))
        .collect();
    json!({ "uses": uses })
}

/// A registered couple since 2020; what the spouse's registers hold is added to it.
fn couple(case: Case) -> Case {
    case.with("civil.marriage", json!({"state": "married", "since": "2020-05-20", "spouse": {"name": "王强", "id_sealed": "x"}}))
        .none_of_spouse("housing.contract_filing")
        .none_of_spouse("estate.ownership")
        .none_of_spouse("own.loan")
        .none_of_spouse("own.case")
}

trait Spouse {
    fn none_of_spouse(self, fact_type: &str) -> Self;
    fn silent_spouse(self, fact_type: &str) -> Self;
}

impl Spouse for Case {
    fn none_of_spouse(mut self, fact_type: &str) -> Self {
        self.put("spouse", fact_type, FactState::Absent, Value::Null);
        self
    }

    fn silent_spouse(mut self, fact_type: &str) -> Self {
        self.put("spouse", fact_type, FactState::Unknown, Value::Null);
        self
    }
}

#[test]
fn each_kind_is_approved_for_who_has_what_it_takes() {
    let wanted = [
        (PURCHASE, buyer(), Outcome::Approved, 5_231_806),
        (DOWNPAY, borrower(), Outcome::Approved, 5_231_806),
        // A person always decides about building.
        (BUILD, builder(), Outcome::Review, 5_231_806),
        (LIFT, neighbour(), Outcome::Approved, 3_000_000),
    ];
    for (service, case, outcome, fen) in wanted {
        let decision = decide(&case, service);
        assert_eq!(not_met(&decision), Vec::<&str>::new(), "{service}");
        assert_eq!(unknown(&decision), Vec::<&str>::new(), "{service}");
        assert_eq!(
            decision.outcome, outcome,
            "{service}: {:?}",
            decision.review_reasons
        );
        assert_eq!(decision.amount_fen, Some(fen), "{service}");
    }
}

#[test]
fn every_condition_of_the_reference_is_there_by_its_code() {
    let wanted: [(&str, Case, &[&str]); 4] = [
        (
            PURCHASE,
            buyer(),
            &[
                "PUR-01", "PUR-02", "PUR-03", "PUR-04", "PUR-05", "PUR-06", "PUR-07", "PUR-08",
            ],
        ),
        (
            DOWNPAY,
            borrower(),
            &[
                "DWN-01", "DWN-02", "DWN-03", "DWN-04", "DWN-05", "PUR-01", "PUR-03", "PUR-06",
                "PUR-07", "PUR-08",
            ],
        ),
        (BUILD, builder(), &["BLD-01", "BLD-02", "BLD-03", "BLD-04"]),
        (LIFT, neighbour(), &["LFT-01", "LFT-02", "LFT-03", "LFT-04"]),
    ];
    for (service, case, codes) in wanted {
        let decision = decide(&case, service);
        for code in codes.iter().chain(&["CMN-01", "CMN-08", "CMN-10"]) {
            assert_eq!(outcome(&decision, code), Met, "{service} {code}");
        }
    }
}

/// A condition, a case that changes it, and what it then is.
type Row = (&'static str, &'static str, Case, ConditionOutcome);

fn check(service: &str, rows: Vec<Row>) {
    for (code, what, case, wanted) in rows {
        let decision = decide(&case, service);
        assert_eq!(outcome(&decision, code), wanted, "{service} {code}: {what}");
    }
}

fn unless(case: Case, fact_type: &str, state: FactState) -> Case {
    case.but(fact_type, state)
}

#[test]
fn a_purchase_by_condition() {
    let b = buyer;
    let filed = |fields: Value| buyer().changed("housing.contract_filing", fields);
    let by_title = || {
        let mut case = nobody()
            .with("estate.title", title())
            .with("tax.deed_tax", json!({"paid": true, "price_fen": 50_000_000, "amount_fen": 500_000, "date": "2025-07-20"}))
            .with_form("title_no", json!("QZ1"));
        case.put(
            "applicant",
            "housing.contract_filing",
            FactState::Absent,
            Value::Null,
        );
        case
    };
    let titled = |fields: Value| by_title().changed("estate.title", fields);
    let remote = || filed(json!({"district": "510104"}));
    check(
        PURCHASE,
        vec![
            ("PUR-01", "a home", b(), Met),
            ("PUR-01", "a shop", filed(json!({"use": "commercial"})), NotMet),
            ("PUR-01", "a parking place", filed(json!({"use": "parking"})), NotMet),
            // §11 case 23: a gift is not a purchase.
            ("PUR-01", "a gift", titled(json!({"acquired_by": "gift", "price_fen": 100})), NotMet),
            ("PUR-01", "no record", unless(b(), "housing.contract_filing", FactState::Absent), Unknown),
            ("PUR-01", "housing silent", unless(b(), "housing.contract_filing", FactState::Unknown), Unknown),
            ("PUR-02", "free", b(), Met),
            ("PUR-02", "mortgaged by the title", titled(json!({"mortgaged": true})), NotMet),
            ("PUR-02", "a mortgage registered", b().with("estate.mortgage", json!({"state": "registered"})), NotMet),
            ("PUR-02", "a mortgage released", b().with("estate.mortgage", json!({"state": "released"})), Met),
            ("PUR-02", "paid in part", filed(json!({"paid_fen": 49_999_999})), NotMet),
            ("PUR-02", "register silent", unless(b(), "estate.mortgage", FactState::Unknown), Unknown),
            ("PUR-03", "the buyer", b(), Met),
            ("PUR-03", "the owner", by_title(), Met),
            ("PUR-03", "another is the buyer", filed(json!({"is_buyer": false})), Unknown),
            ("PUR-03", "another is the owner", titled(json!({"is_owner": false})), NotMet),
            ("PUR-03", "contract of another number", b().with("housing.contract_filing", json!({"filed": false})).with("estate.title", json!({"valid": false})), NotMet),
            ("PUR-03", "contract cancelled, no title", filed(json!({"cancelled": true})), Unknown),
            // §11 case 22: sold before the claim.
            ("PUR-03", "sold since", b().with("estate.title", json!({"valid": false, "is_owner": false})), NotMet),
            ("PUR-03", "the spouse is the buyer", couple(unless(b(), "housing.contract_filing", FactState::Absent)).of("spouse", "housing.contract_filing", contract()), Met),
            ("PUR-03", "no record of either", unless(b(), "housing.contract_filing", FactState::Absent), Unknown),
            ("PUR-03", "both silent", unless(unless(b(), "housing.contract_filing", FactState::Unknown), "estate.title", FactState::Unknown), Unknown),
            ("PUR-04", "invoiced in full", b(), Met),
            ("PUR-04", "a fen short", b().with("tax.invoice", invoice(49_999_999, "2025-07-15")), NotMet),
            ("PUR-04", "reversed", b().with("tax.invoice", json!({"valid": true, "red": true, "amount_fen": 50_000_000, "date": "2025-07-15"})), NotMet),
            ("PUR-04", "deed tax paid", by_title(), Met),
            ("PUR-04", "deed tax on less", by_title().with("tax.deed_tax", json!({"paid": true, "price_fen": 100})), NotMet),
            ("PUR-04", "neither", unless(b(), "tax.invoice", FactState::Absent), Unknown),
            ("PUR-04", "tax silent", unless(b(), "tax.invoice", FactState::Unknown), Unknown),
            ("PUR-05", "in time", b(), Met),
            ("PUR-05", "the last day", b().with("tax.invoice", invoice(50_000_000, "2024-11-24")), Met),
            ("PUR-05", "a day late", b().with("tax.invoice", invoice(50_000_000, "2024-11-23")), NotMet),
            ("PUR-05", "title of long ago", titled(json!({"registered": "2024-01-01"})), NotMet),
            ("PUR-05", "no date at all", unless(unless(b(), "tax.invoice", FactState::Absent), "housing.contract_filing", FactState::Absent), Unknown),
            ("PUR-05", "tax silent", unless(b(), "tax.invoice", FactState::Unknown), Unknown),
            ("PUR-06", "in the city", b(), Met),
            ("PUR-06", "elsewhere, hukou there", remote().with("police.hukou", json!({"local": false, "region_code": "510107", "state": "active"})), Met),
            ("PUR-06", "elsewhere, insured there", remote().with("police.hukou", json!({"local": true, "region_code": "500103"})).with("hrss.social_insurance", json!({"months_paid": 3, "region": "510100"})), Met),
            ("PUR-06", "elsewhere, the spouse is from there", couple(remote()).with("police.hukou", json!({"local": true, "region_code": "500103"})).of("spouse", "police.hukou", json!({"local": false, "region_code": "510105"})), Met),
            ("PUR-06", "elsewhere, from here", remote().with("police.hukou", json!({"local": true, "region_code": "500103"})), NotMet),
            ("PUR-06", "elsewhere, hukou not found", remote(), Unknown),
            ("PUR-06", "elsewhere, police silent", unless(remote(), "police.hukou", FactState::Unknown), Unknown),
            ("PUR-07", "not claimed yet", b().with("own.event", used(&[])), Met),
            ("PUR-07", "claimed by oneself", b().with("own.event", used(&[(1, true, true)])), NotMet),
            ("PUR-07", "claimed by the spouse in part", couple(b()).with("own.event", used(&[(40_000_000, false, true)])), Met),
            ("PUR-07", "used up", couple(b()).with("own.event", used(&[(50_000_000, false, true)])), NotMet),
            ("PUR-07", "not read", unless(b(), "own.event", FactState::Unknown), Unknown),
            ("PUR-08", "nothing odd", b(), Met),
            ("PUR-08", "FR-01: sold twice in a year", titled(json!({"transfers_12m": 2})), NotMet),
            ("PUR-08", "FR-02: two marriages in two years", b().with("civil.marriage", json!({"state": "divorced", "since": "2026-05-01", "changes_24m": 2})), NotMet),
            ("PUR-08", "FR-03: bought with a stranger", filed(json!({"share_bp": 5000})).with_form("co_buyer_id_no", json!("500103199001011234")), NotMet),
            ("PUR-08", "FR-03: bought with somebody not named", filed(json!({"buyers": ["李梅", "赵四"]})), NotMet),
            ("PUR-08", "bought with a parent", filed(json!({"share_bp": 5000})).with_form("co_buyer_id_no", json!("500103199001011234")).with("police.kinship", json!({"relation": "parent"})), Met),
            ("PUR-08", "register silent", unless(b(), "estate.title", FactState::Unknown), Unknown),
            ("WHO-01", "the buyer", b(), Met),
            ("WHO-01", "married to the buyer when he bought", couple(unless(b(), "housing.contract_filing", FactState::Absent)).of("spouse", "housing.contract_filing", contract()), Met),
            ("WHO-01", "married since", couple(filed(json!({"is_buyer": false}))).with("civil.marriage", json!({"state": "married", "since": "2025-07-01"})).of("spouse", "housing.contract_filing", contract()).of("spouse", "estate.title", title()).with("estate.title", json!({"valid": true, "is_owner": false, "registered": "2025-06-30"})), NotMet),
        ],
    );
}

/// §9: a pattern is looked at by a person, who sees the facts; nobody is refused by it.
#[test]
fn a_pattern_holds_the_case_and_shows_its_facts() {
    let case = buyer().with("estate.title", {
        let mut sold = title();
        sold["transfers_12m"] = json!(3);
        sold
    });
    let decision = decide(&case, PURCHASE);
    assert_eq!(decision.outcome, Outcome::Review);
    let held = decision
        .conditions
        .iter()
        .find(|condition| condition.code == "PUR-08")
        .expect("PUR-08");
    assert_eq!(held.message, Some("E-PUR-08"));
    assert!(
        held.facts
            .iter()
            .any(|fact| fact.fact_type == "estate.title"
                && fact.value.to_json()["title_transfers"] == 3),
        "{:?}",
        held.facts
    );
}

/// §11 case 2: filed on 28 February 2022, 24 months end on 28 February 2024, whatever the leap year says; and §4.6's clamping.
#[test]
fn windows_end_on_the_day_and_never_drift() {
    for (filed, last, after) in [
        ("2022-02-28", "2024-02-28", "2024-02-29"),
        ("2022-08-31", "2024-08-31", "2024-09-01"),
        ("2024-02-29", "2026-02-28", "2026-03-01"),
    ] {
        let case = |day: &str| {
            borrower()
                .changed("housing.contract_filing", json!({"date": filed}))
                .on(day)
        };
        assert_eq!(
            outcome(&decide(&case(last), DOWNPAY), "DWN-03"),
            Met,
            "{filed} {last}"
        );
        let late = decide(&case(after), DOWNPAY);
        assert_eq!(outcome(&late, "DWN-03"), NotMet, "{filed} {after}");
        let told = late
            .conditions
            .iter()
            .find(|condition| condition.code == "DWN-03")
            .expect("DWN-03");
        assert_eq!(told.message, Some("E-PUR-05"));
    }
}

/// §11 case 4: 500,000.00 together; the husband has 400,000.00, the wife asks 200,000.00 and gets 100,000.00.
#[test]
fn a_couple_shares_the_price() {
    let wife = couple(rich(buyer()))
        .with("own.event", used(&[(40_000_000, false, true)]))
        .with_form("amount_fen", json!(20_000_000));
    let decision = decide(&wife, PURCHASE);
    assert_eq!(decision.outcome, Outcome::Approved);
    assert_eq!(decision.amount_fen, Some(10_000_000));
    let binding: Vec<_> = decision
        .amount_parts
        .iter()
        .filter(|part| part.binding)
        .collect();
    assert_eq!((binding.len(), binding[0].fen), (1, Some(10_000_000)));
    // Before him nobody had any.
    let husband = couple(rich(buyer())).with_form("amount_fen", json!(40_000_000));
    let decision = decide(&husband, PURCHASE);
    assert_eq!(
        (decision.outcome, decision.amount_fen),
        (Outcome::Review, Some(40_000_000)),
        "over the limit of 200,000.00 a person looks"
    );
}

/// Co-owners of another family have their own share; what they withdrew does not lessen ours.
#[test]
fn families_that_buy_together_withdraw_by_their_shares() {
    let shared = |uses: Value| {
        rich(buyer())
            .changed(
                "housing.contract_filing",
                json!({"share_bp": 4000, "buyers": ["李梅", "李父"]}),
            )
            .with("police.kinship", json!({"relation": "parent"}))
            .with_form("co_buyer_id_no", json!("500103196001011234"))
            .with("own.event", uses)
    };
    assert_eq!(
        decide(&shared(used(&[])), PURCHASE).amount_fen,
        Some(20_000_000)
    );
    assert_eq!(
        decide(&shared(used(&[(30_000_000, false, false)])), PURCHASE).amount_fen,
        Some(20_000_000)
    );
    assert_eq!(
        decide(&shared(used(&[(35_000_000, false, false)])), PURCHASE).amount_fen,
        Some(15_000_000)
    );
    // Both spouses own a share.
    let both = couple(rich(buyer()))
        .changed("housing.contract_filing", json!({"share_bp": 3333}))
        .of("spouse", "housing.contract_filing", {
            let mut c = contract();
            c["share_bp"] = json!(3333);
            c
        });
    assert_eq!(decide(&both, PURCHASE).amount_fen, Some(33_330_000));
}

/// §11 case 5: divorced since; who is on the title keeps the own share, who is not is refused with E-W-14.
#[test]
fn after_a_divorce_owners_keep_their_own_share_and_others_nothing() {
    let divorced = json!({"state": "divorced", "since": "2026-02-01"});
    let owner = rich(buyer())
        .with("civil.marriage", divorced.clone())
        .with("estate.title", {
            let mut half = title();
            half["share_bp"] = json!(5000);
            half
        })
        .with("police.kinship", json!({"relation": "none-found"}));
    let decision = decide(&owner, PURCHASE);
    assert_eq!(
        not_met(&decision),
        ["PUR-08"],
        "shared with somebody who is no family any more: a person looks"
    );
    assert_eq!(
        (decision.outcome, decision.amount_fen),
        (Outcome::Review, Some(25_000_000))
    );
    let other = unless(buyer(), "housing.contract_filing", FactState::Absent)
        .with("civil.marriage", divorced)
        .with(
            "estate.title",
            json!({"valid": true, "is_owner": false, "use": "residential"}),
        );
    let decision = decide(&other, PURCHASE);
    assert_eq!(decision.outcome, Outcome::Refused);
    let who = decision
        .conditions
        .iter()
        .find(|condition| condition.code == "WHO-01")
        .expect("WHO-01");
    assert_eq!((who.outcome, who.message), (NotMet, Some("E-W-14")));
}

/// §11 case 23: a price of one yuan is a claim to one yuan.
#[test]
fn a_price_of_one_yuan_pays_one_yuan() {
    let case = buyer()
        .changed(
            "housing.contract_filing",
            json!({"price_fen": 100, "paid_fen": 100}),
        )
        .with("tax.invoice", invoice(100, "2025-07-15"));
    assert_eq!(decide(&case, PURCHASE).amount_fen, Some(100));
}

/// A purchase and a down payment of one home are claims on one object; with spouses and co-buyers, too.
#[test]
fn a_home_is_one_object_whatever_is_claimed_of_it() {
    let claim = |case: &Case, service| {
        chongqing()
            .claim(service, &case.facts, &case.form, case.at)
            .expect("the service")
    };
    let home = Some("HOME:500112001001GB00001F00010001".to_owned());
    assert_eq!(
        claim(&buyer(), PURCHASE),
        (Some("PURCHASE".into()), home.clone())
    );
    assert_eq!(
        claim(&borrower(), DOWNPAY),
        (Some("DOWNPAY".into()), home.clone())
    );
    let by_title = nobody()
        .with("estate.title", title())
        .with_form("title_no", json!("QZ1"));
    assert_eq!(claim(&by_title, PURCHASE).1, home);
    let unnumbered = buyer().changed("housing.contract_filing", json!({"unit_no": null}));
    assert_eq!(claim(&unnumbered, PURCHASE).1, Some("HOME:HT1".into()));
    assert_eq!(claim(&builder(), BUILD).1, Some("BUILD:GH1".into()));
    assert_eq!(
        claim(&neighbour(), LIFT).1,
        Some("LIFT:DT1:500112001001GB00001F00010001".into())
    );
    // Claimed elsewhere: CMN-11.
    let elsewhere = buyer().with(
        "nhpf.withdrawal_elsewhere",
        json!({"items": [{"centre": "成都", "kind": "PURCHASE",
        "event_key": "500112001001GB00001F00010001", "amount_fen": 1, "date": "2026-01-01"}]}),
    );
    assert_eq!(outcome(&decide(&elsewhere, PURCHASE), "CMN-11"), NotMet);
}

#[test]
fn a_down_payment_by_condition() {
    let b = borrower;
    let loan = |fields: Value| borrower().changed("bank.commercial_loan", fields);
    check(
        DOWNPAY,
        vec![
            ("DWN-01", "a loan for the home", b(), Met),
            (
                "DWN-01",
                "a loan for another home",
                b().with("bank.commercial_loan", json!({"valid": false})),
                NotMet,
            ),
            (
                "DWN-01",
                "a consumer loan",
                loan(json!({"purpose": "other"})),
                NotMet,
            ),
            (
                "DWN-01",
                "the spouse's loan",
                couple(unless(b(), "bank.commercial_loan", FactState::Absent)).of(
                    "spouse",
                    "bank.commercial_loan",
                    json!({"valid": true, "purpose": "house", "principal_fen": 80_000_000}),
                ),
                Met,
            ),
            (
                "DWN-01",
                "no record",
                unless(b(), "bank.commercial_loan", FactState::Absent),
                Unknown,
            ),
            (
                "DWN-01",
                "bank silent",
                unless(b(), "bank.commercial_loan", FactState::Unknown),
                Unknown,
            ),
            ("DWN-02", "price less loan is paid", b(), Met),
            (
                "DWN-02",
                "a fen too little",
                b().with("tax.invoice", invoice(39_999_999, "2025-07-15")),
                NotMet,
            ),
            (
                "DWN-02",
                "reversed",
                b().changed("tax.invoice", json!({"red": true})),
                NotMet,
            ),
            (
                "DWN-02",
                "told by the contract",
                unless(b(), "tax.invoice", FactState::Absent),
                Met,
            ),
            (
                "DWN-02",
                "told by the bank",
                unless(
                    b().changed("housing.contract_filing", json!({"paid_fen": null})),
                    "tax.invoice",
                    FactState::Absent,
                )
                .changed(
                    "bank.commercial_loan",
                    json!({"down_payment_fen": 40_000_000}),
                ),
                Met,
            ),
            (
                "DWN-02",
                "told by nobody",
                unless(
                    b().changed("housing.contract_filing", json!({"paid_fen": null})),
                    "tax.invoice",
                    FactState::Absent,
                ),
                Unknown,
            ),
            (
                "DWN-02",
                "tax silent",
                unless(b(), "tax.invoice", FactState::Unknown),
                Unknown,
            ),
            ("DWN-03", "in time", b(), Met),
            (
                "DWN-03",
                "too late",
                b().changed("housing.contract_filing", json!({"date": "2024-11-23"})),
                NotMet,
            ),
            (
                "DWN-03",
                "housing silent",
                unless(b(), "housing.contract_filing", FactState::Unknown),
                Unknown,
            ),
            ("DWN-04", "all hold", b(), Met),
            (
                "DWN-04",
                "a shop",
                b().changed("housing.contract_filing", json!({"use": "commercial"})),
                NotMet,
            ),
            (
                "DWN-04",
                "claimed before",
                b().with("own.event", used(&[(1, true, true)])),
                NotMet,
            ),
            (
                "DWN-04",
                "no record",
                unless(b(), "housing.contract_filing", FactState::Absent),
                Unknown,
            ),
            (
                "PUR-07",
                "a full purchase withdrawn before",
                b().with("own.event", used(&[(120_000_000, true, true)])),
                NotMet,
            ),
        ],
    );
}

#[test]
fn the_down_payment_is_the_price_less_the_loan() {
    let decision = decide(
        &rich(borrower()).with("own.event", used(&[(10_000_000, false, false)])),
        DOWNPAY,
    );
    assert_eq!(decision.amount_fen, Some(30_000_000), "V026");
}

#[test]
fn building_by_condition() {
    let b = builder;
    let permit = |fields: Value| builder().changed("housing.build_permit", fields);
    let overhaul = |grade: Value| {
        permit(json!({"kind": "overhaul", "danger_grade": grade}))
            .with_form("kind", json!("overhaul"))
    };
    check(
        BUILD,
        vec![
            ("BLD-01", "the owner", b(), Met),
            (
                "BLD-01",
                "another owns it",
                b().changed("estate.title", json!({"is_owner": false})),
                NotMet,
            ),
            (
                "BLD-01",
                "the spouse owns it",
                couple(unless(b(), "estate.title", FactState::Absent)).of(
                    "spouse",
                    "estate.title",
                    title(),
                ),
                Met,
            ),
            (
                "BLD-01",
                "no record",
                unless(b(), "estate.title", FactState::Absent),
                Unknown,
            ),
            (
                "BLD-01",
                "register silent",
                unless(b(), "estate.title", FactState::Unknown),
                Unknown,
            ),
            ("BLD-02", "permitted", b(), Met),
            (
                "BLD-02",
                "for another work",
                permit(json!({"kind": "build"})),
                NotMet,
            ),
            (
                "BLD-02",
                "decoration",
                permit(json!({"kind": "decoration"})),
                NotMet,
            ),
            (
                "BLD-02",
                "no longer valid",
                permit(json!({"valid": false})),
                NotMet,
            ),
            (
                "BLD-02",
                "another's permit",
                permit(json!({"is_owner": false})),
                NotMet,
            ),
            ("BLD-02", "overhaul of grade C", overhaul(json!("C")), Met),
            ("BLD-02", "overhaul of grade D", overhaul(json!("D")), Met),
            (
                "BLD-02",
                "overhaul of grade B",
                overhaul(json!("B")),
                NotMet,
            ),
            (
                "BLD-02",
                "overhaul not appraised",
                overhaul(Value::Null),
                NotMet,
            ),
            (
                "BLD-02",
                "no record",
                unless(b(), "housing.build_permit", FactState::Absent),
                Unknown,
            ),
            (
                "BLD-02",
                "housing silent",
                unless(b(), "housing.build_permit", FactState::Unknown),
                Unknown,
            ),
            ("BLD-03", "in time", b(), Met),
            (
                "BLD-03",
                "too late",
                permit(json!({"date": "2024-11-23"})),
                NotMet,
            ),
            ("BLD-03", "no date", permit(json!({"date": null})), Unknown),
            ("BLD-04", "invoiced", b(), Met),
            (
                "BLD-04",
                "reversed",
                b().changed("tax.invoice", json!({"red": true})),
                NotMet,
            ),
            (
                "BLD-04",
                "none",
                unless(b(), "tax.invoice", FactState::Absent),
                Unknown,
            ),
            (
                "BLD-04",
                "tax silent",
                unless(b(), "tax.invoice", FactState::Unknown),
                Unknown,
            ),
            (
                "EVT-01",
                "once for a permit",
                b().with("own.event", used(&[(1, true, true)])),
                NotMet,
            ),
        ],
    );
    // The least of what was said, proved and permitted, less what the family has.
    let paid = |case: Case| decide(&rich(case), BUILD).amount_fen;
    assert_eq!(paid(b()), Some(9_000_000));
    assert_eq!(
        paid(
            b().changed("tax.invoice", json!({"amount_fen": 20_000_000}))
                .with_form("cost_fen", json!(20_000_000))
        ),
        Some(10_000_000)
    );
    assert_eq!(
        paid(couple(b()).with("own.event", used(&[(4_000_000, false, true)]))),
        Some(5_000_000)
    );
}

#[test]
fn an_elevator_by_condition() {
    let n = neighbour;
    let project = |fields: Value| neighbour().changed("housing.elevator_project", fields);
    check(
        LIFT,
        vec![
            ("LFT-01", "lives there", n(), Met),
            ("LFT-01", "owns a home elsewhere", project(json!({"listed": false})), NotMet),
            ("LFT-01", "another owns it", n().changed("estate.title", json!({"is_owner": false})), NotMet),
            ("LFT-01", "the spouse owns it", couple(unless(unless(n(), "estate.title", FactState::Absent), "housing.elevator_project", FactState::Absent)).of("spouse", "estate.title", title()).of("spouse", "housing.elevator_project", json!({"approved": true, "listed": true, "share_fen": 1, "paid": true})), Met),
            ("LFT-01", "by the list of homes", unless(n(), "estate.title", FactState::Absent).with("estate.ownership", json!({"houses": [{"district": "500103", "use": "residential", "title_hash": "ab12"}], "count": 1})), Met),
            ("LFT-01", "no record", unless(n(), "estate.title", FactState::Absent), Unknown),
            ("LFT-01", "register silent", unless(n(), "estate.title", FactState::Unknown), Unknown),
            ("LFT-02", "approved", n(), Met),
            ("LFT-02", "not approved", project(json!({"approved": false})), NotMet),
            ("LFT-02", "no record", unless(n(), "housing.elevator_project", FactState::Absent), Unknown),
            ("LFT-02", "housing silent", unless(n(), "housing.elevator_project", FactState::Unknown), Unknown),
            ("LFT-03", "accepted", n(), Met),
            ("LFT-03", "own share paid, not finished", project(json!({"accepted_on": null})), Met),
            ("LFT-03", "neither", project(json!({"accepted_on": null, "paid": false})), NotMet),
            ("LFT-03", "too late", project(json!({"accepted_on": "2024-11-23"})), NotMet),
            ("LFT-03", "not finished, payment not told", project(json!({"accepted_on": null, "paid": null})), Unknown),
            ("LFT-04", "share known", n(), Met),
            ("LFT-04", "no share", project(json!({"share_fen": 0})), NotMet),
            ("LFT-04", "not told", project(json!({"share_fen": null})), Unknown),
            ("EVT-01", "once for a home and project", n().with("own.event", used(&[(1, true, true)])), NotMet),
            ("EVT-01", "used up by the spouse", couple(n()).with("own.event", used(&[(3_000_000, false, true)])), NotMet),
        ],
    );
    let less = decide(&n().with_form("share_fen", json!(2_500_000)), LIFT);
    assert_eq!(less.amount_fen, Some(2_500_000));
    let more = decide(&n().with_form("share_fen", json!(9_900_000)), LIFT);
    assert_eq!(
        more.amount_fen,
        Some(3_000_000),
        "the list counts, not what is claimed"
    );
}

#[test]
fn a_record_that_is_not_there_asks_for_its_paper_and_a_silent_source_waits() {
    let absent = decide(&unless(buyer(), "tax.invoice", FactState::Absent), PURCHASE);
    assert_eq!(absent.outcome, Outcome::Waiting);
    assert!(
        absent
            .papers
            .iter()
            .any(|paper| format!("{paper:?}").contains("购房发票或契税完税证明")),
        "{:?}",
        absent.papers
    );
    let silent = decide(
        &couple(buyer())
            .silent_spouse("estate.title")
            .silent_spouse("housing.contract_filing"),
        PURCHASE,
    );
    assert_eq!(silent.outcome, Outcome::Waiting);
    assert!(!silent.waiting_for.is_empty());
}

#[test]
fn a_home_that_no_register_knows_is_asked_for_on_paper_and_not_refused() {
    let unheard_of = nobody().with_form("contract_no", json!("HT0"));
    let decision = decide(&unheard_of, PURCHASE);
    assert_eq!(not_met(&decision), Vec::<&str>::new());
    assert_eq!(decision.outcome, Outcome::Waiting);
    let decision = decide(&unheard_of.with_form("loan_bank", json!("B4")), DOWNPAY);
    assert_eq!(not_met(&decision), Vec::<&str>::new());
    assert_eq!(decision.outcome, Outcome::Waiting);
    let decision = decide(&nobody().with_form("project_no", json!("DT0")), LIFT);
    assert_eq!(not_met(&decision), Vec::<&str>::new());
    assert_eq!(decision.outcome, Outcome::Waiting);
}

#[test]
fn a_district_is_told_by_its_name() {
    let decision = decide(&buyer(), PURCHASE);
    let shown: Vec<&str> = decision
        .conditions
        .iter()
        .flat_map(|one| one.facts.iter())
        .flat_map(|fact| fact.shown.iter())
        .map(|shown| shown.text)
        .collect();
    assert!(shown.contains(&"渝北区"), "{shown:?}");
    assert!(!shown.contains(&"500112"), "{shown:?}");
}
