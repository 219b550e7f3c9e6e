//! Withdrawals for homes over the doors: bought with own money, paid down, rebuilt, an elevator added; from form to payment by policy alone.

use anju::cast::home::{
    borrows, contract_of, has_title, invoiced, marry, may_rebuild, request, shares_elevator, signs,
    unit_of,
};
use anju::cast::{self, Person, balance, bank_balance, number, text};
use anju_domain::calendar::add_months;
use anju_domain::clock::shanghai_date;
use serde_json::{Value, json};

use crate::relief::{approve, reviewer};
use crate::town::{Town, known, month};
use crate::withdrawal::becomes;

const PURCHASE: &str = "withdraw-purchase-full";
const DOWNPAY: &str = "withdraw-down-payment";
const BUILD: &str = "withdraw-build";
const LIFT: &str = "withdraw-elevator";

/// People of one employer with 7,200.00 each, and the employer's number.
pub(crate) async fn staff(town: &Town, seed: i64, names: &[&str]) -> (Vec<Person>, String) {
    let named: Vec<(&str, i64)> = names.iter().map(|name| (*name, 1_000_000)).collect();
    let people = known(town, seed, &named).await;
    let employer = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        cast::contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    (people, employer)
}

/// A day so many months ago.
pub(crate) fn ago(months: i32) -> String {
    add_months(shanghai_date(chrono::Utc::now()), -months).to_string()
}

pub(crate) async fn ask(town: &Town, who: &Person, service: &str, form: Value) -> Value {
    let body = request(&town.doors, who, service, &form)
        .await
        .expect("known");
    let answer = town
        .doors
        .post("/cases?wait=10s", &body)
        .await
        .expect("a door");
    answer.ok().expect("a case")
}

/// Paid to the card to the fen, and gone from the account; the case as it is then.
async fn paid(town: &Town, who: &Person, asked: &Value, fen: i64) -> Value {
    let done = becomes(town, asked, "done").await;
    assert_eq!(done["amount_fen"], fen, "{done}");
    assert_eq!(done["payment"]["state"], "paid");
    let bank = text(&done["payment"], "bank").expect("a bank");
    let card = bank_balance(&town.doors, &bank, &who.card).await;
    assert_eq!(card.expect("the card"), fen);
    assert_eq!(
        balance(&town.doors, who).await.expect("an account"),
        720_000 - fen
    );
    done
}

fn condition<'a>(case: &'a Value, code: &str) -> &'a Value {
    let conditions = case["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    let found = conditions
        .iter()
        .find(|condition| condition["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}: {case}"))
}

/// 提取待付 21904: nothing is left open once everything is paid.
pub(crate) async fn payable(town: &Town) -> i64 {
    let balance = town.doors.get("/books/trial-balance").await;
    let balance = balance.expect("a door").ok().expect("a balance");
    let line = balance["subjects"]
        .as_array()
        .expect("lines")
        .iter()
        .find(|line| line["code"] == "21904")
        .expect("a subject")
        .clone();
    number(&line, "closing_fen").expect("a figure")
}

#[tokio::test]
async fn each_kind_is_paid_to_the_fen_to_the_own_card() {
    let town = Town::open().await;
    let doors = &town.doors;
    let (people, employer) = staff(&town, 61, &["李梅", "王强", "赵敏", "刘洋"]).await;
    let [buyer, borrower, builder, neighbour] = people.as_slice() else {
        panic!("four people")
    };

    signs(doors, buyer, &ago(3), 500_000, 500_000)
        .await
        .expect("a contract");
    let asked = ask(
        &town,
        buyer,
        PURCHASE,
        json!({ "contract_no": contract_of(buyer) }),
    )
    .await;
    paid(&town, buyer, &asked, 500_000).await;

    signs(doors, borrower, &ago(3), 1_000_000, 300_001)
        .await
        .expect("a contract");
    borrows(doors, borrower, "B5", 699_999)
        .await
        .expect("a loan");
    let form = json!({ "contract_no": contract_of(borrower), "loan_bank": "B5" });
    let asked = ask(&town, borrower, DOWNPAY, form).await;
    paid(&town, borrower, &asked, 300_001).await;

    has_title(doors, builder, "2010-06-01", 20_000_000)
        .await
        .expect("a title");
    may_rebuild(doors, builder, "GH1", &ago(6), 400_000)
        .await
        .expect("a permit");
    invoiced(doors, builder, &ago(1), 410_000)
        .await
        .expect("an invoice");
    let form = json!({ "kind": "rebuild", "permit_no": "GH1", "cost_fen": 450_000 });
    let asked = ask(&town, builder, BUILD, form).await;
    let waiting = becomes(&town, &asked, "reviewing").await;
    assert_eq!(
        waiting["decision"]["amount_fen"], 400_000,
        "the budget is the least"
    );
    assert_eq!(
        balance(doors, builder).await.expect("an account"),
        720_000,
        "nothing before a person has decided"
    );
    let office = town.office().await;
    let reviewer = reviewer(&town, &office, &employer).await;
    approve(&town, &reviewer, &asked).await;
    paid(&town, builder, &asked, 400_000).await;

    has_title(doors, neighbour, "2005-03-01", 15_000_000)
        .await
        .expect("a title");
    shares_elevator(doors, neighbour, "DT1", &ago(2), 300_000)
        .await
        .expect("a project");
    let asked = ask(&town, neighbour, LIFT, json!({ "project_no": "DT1" })).await;
    paid(&town, neighbour, &asked, 300_000).await;

    assert_eq!(payable(&town).await, 0);
    town.audited().await;
}

#[tokio::test]
async fn spouses_who_ask_in_the_same_second_never_get_more_than_the_price() {
    let town = Town::open().await;
    let (people, _) = staff(&town, 62, &["李梅", "王强"]).await;
    let (wife, husband) = (&people[0], &people[1]);
    marry(&town.doors, wife, husband).await.expect("a marriage");
    signs(&town.doors, husband, &ago(2), 1_000_000, 1_000_000)
        .await
        .expect("a contract");
    let form = || json!({ "contract_no": contract_of(husband) });
    let (hers, his) = futures::join!(
        ask(&town, wife, PURCHASE, form()),
        ask(&town, husband, PURCHASE, form())
    );
    let (hers, his) = (
        becomes(&town, &hers, "done").await,
        becomes(&town, &his, "done").await,
    );
    let fen = |case: &Value| number(case, "amount_fen").expect("an amount");
    assert_eq!(
        fen(&hers) + fen(&his),
        1_000_000,
        "who came second has the rest"
    );
    assert_eq!(fen(&hers).max(fen(&his)), 720_000);
    let left = balance(&town.doors, wife).await.expect("an account")
        + balance(&town.doors, husband).await.expect("an account");
    assert_eq!(left, 440_000);
    // A home is claimed once by each, and not for a down payment either.
    let again = ask(&town, wife, PURCHASE, form()).await;
    assert_eq!(again["state"], "refused");
    assert_eq!(condition(&again, "PUR-07")["outcome"], "not_met");
    borrows(&town.doors, husband, "B4", 700_000)
        .await
        .expect("a loan");
    invoiced(&town.doors, husband, &ago(2), 300_000)
        .await
        .expect("an invoice");
    let down = json!({ "contract_no": contract_of(husband), "loan_bank": "B4" });
    let other_way = ask(&town, husband, DOWNPAY, down).await;
    assert_eq!(other_way["state"], "refused");
    assert_eq!(condition(&other_way, "PUR-07")["outcome"], "not_met");
    assert_eq!(condition(&other_way, "DWN-04")["outcome"], "not_met");
    town.audited().await;
}

#[tokio::test]
async fn a_silent_tax_office_makes_the_case_wait_and_its_recovery_makes_it_go_on() {
    let town = Town::open().await;
    let (people, _) = staff(&town, 63, &["李梅"]).await;
    signs(&town.doors, &people[0], &ago(1), 600_000, 600_000)
        .await
        .expect("a contract");
    let mode = async |mode: &str| {
        let set = town
            .doors
            .control_put("/sources/D07", &json!({ "mode": mode }))
            .await;
        set.expect("a door").ok().expect("a mood");
    };
    mode("down").await;
    let asked = ask(
        &town,
        &people[0],
        PURCHASE,
        json!({ "contract_no": contract_of(&people[0]) }),
    )
    .await;
    assert_eq!(asked["state"], "gathering", "{asked}");
    assert_eq!(
        condition(&asked, "PUR-04")["outcome"],
        "unknown",
        "silence is no refusal"
    );
    assert_eq!(asked["decision"]["waiting_for"][0]["source"], "D07");
    mode("ok").await;
    paid(&town, &people[0], &asked, 600_000).await;
}

#[tokio::test]
async fn the_loan_is_asked_of_the_bank_that_the_form_names() {
    let town = Town::open().await;
    let (people, _) = staff(&town, 64, &["李梅"]).await;
    let li = &people[0];
    signs(&town.doors, li, &ago(1), 1_000_000, 400_000)
        .await
        .expect("a contract");
    borrows(&town.doors, li, "B7", 600_000)
        .await
        .expect("a loan");
    let form = |bank: &str| json!({ "contract_no": contract_of(li), "loan_bank": bank });
    let elsewhere = ask(&town, li, DOWNPAY, form("B1")).await;
    assert_eq!(
        elsewhere["state"], "gathering",
        "B1 has no record: the contract is asked for"
    );
    assert_eq!(condition(&elsewhere, "DWN-01")["outcome"], "unknown");
    let id = text(&elsewhere, "case_id").expect("an id");
    let back = town
        .doors
        .post(&format!("/cases/{id}/withdraw"), &json!({}))
        .await;
    back.expect("a door").ok().expect("taken back");
    let asked = ask(&town, li, DOWNPAY, form("B7")).await;
    paid(&town, li, &asked, 400_000).await;
}

#[tokio::test]
async fn a_home_that_changed_hands_twice_in_a_year_is_looked_at_by_a_person() {
    let town = Town::open().await;
    let (people, _) = staff(&town, 65, &["李梅"]).await;
    let li = &people[0];
    signs(&town.doors, li, &ago(1), 600_000, 600_000)
        .await
        .expect("a contract");
    let title = json!({
        "valid": true, "unit_no": unit_of(li), "owners": [li.name], "use": "residential", "district": "500112",
        "registered": ago(1), "acquired_by": "purchase", "transfers_12m": 2,
    });
    cast::fact(&town.doors, "D03", "estate.title", &li.id, title)
        .await
        .expect("a title");
    let asked = ask(
        &town,
        li,
        PURCHASE,
        json!({ "contract_no": contract_of(li) }),
    )
    .await;
    let held = becomes(&town, &asked, "reviewing").await;
    let pattern = condition(&held, "PUR-08");
    assert_eq!(pattern["outcome"], "not_met");
    assert_eq!(pattern["message"], "E-PUR-08");
    assert_eq!(balance(&town.doors, li).await.expect("an account"), 720_000);
}

/// What is set at one source, for which service, and the refusal that it brings.
type Refused = (
    &'static str,
    &'static str,
    &'static str,
    Value,
    &'static str,
    &'static str,
    &'static str,
);

#[tokio::test]
async fn each_refusal_tells_its_code_its_reason_and_what_to_do() {
    let town = Town::open().await;
    let doors = &town.doors;
    let (people, _) = staff(&town, 66, &["李梅"]).await;
    let li = &people[0];
    let ready = async || {
        signs(doors, li, &ago(2), 1_000_000, 400_000)
            .await
            .expect("a contract");
        borrows(doors, li, "B4", 600_000).await.expect("a loan");
        has_title(doors, li, &ago(2), 1_000_000)
            .await
            .expect("a title");
        may_rebuild(doors, li, "GH1", &ago(2), 400_000)
            .await
            .expect("a permit");
        shares_elevator(doors, li, "DT1", &ago(2), 300_000)
            .await
            .expect("a project");
    };
    let contract = |fields: Value| {
        let mut value = json!({
            "filed": true, "contract_no": contract_of(li), "date": ago(2), "kind": "presale", "buyers": [li.name],
            "unit_no": unit_of(li), "district": "500112", "use": "residential", "price_fen": 1_000_000, "paid_fen": 1_000_000,
        });
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        value
    };
    let title = |fields: Value| {
        let mut value = json!({
            "valid": true, "unit_no": unit_of(li), "title_hash": unit_of(li), "owners": [li.name], "use": "residential",
            "district": "500112", "registered": ago(2), "acquired_by": "purchase",
        });
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        value
    };
    let old = ago(25);
    let permit = |fields: Value| {
        let mut value =
            json!({ "permit_no": "GH1", "kind": "rebuild", "owner": li.name, "date": ago(2) });
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        value
    };
    let project = |fields: Value| {
        let mut value = json!({
            "approved": true, "project_no": "DT1", "accepted_on": ago(2),
            "shares": [{ "title_hash": unit_of(li), "share_fen": 300_000, "paid": true }],
        });
        for (field, new) in fields.as_object().expect("fields") {
            value[field] = new.clone();
        }
        value
    };
    let filing = "housing.contract_filing";
    let elevator = "housing.elevator_project";
    let cases: Vec<Refused> = vec![
        (
            "D04",
            filing,
            PURCHASE,
            contract(json!({"use": "parking"})),
            "",
            "PUR-01",
            "E-PUR-01",
        ),
        (
            "D03",
            "estate.mortgage",
            PURCHASE,
            json!({"state": "registered", "date": ago(1)}),
            "",
            "PUR-02",
            "E-PUR-02",
        ),
        (
            "D03",
            "estate.title",
            PURCHASE,
            title(json!({"owners": ["赵四"]})),
            "",
            "PUR-03",
            "E-PUR-03",
        ),
        (
            "D07",
            "tax.invoice",
            PURCHASE,
            json!({"amount_fen": 999_999, "date": ago(2)}),
            "",
            "PUR-04",
            "E-PUR-04",
        ),
        (
            "D07",
            "tax.invoice",
            PURCHASE,
            json!({"amount_fen": 1_000_000, "date": old}),
            "",
            "PUR-05",
            "E-PUR-05",
        ),
        (
            "D03",
            "estate.title",
            PURCHASE,
            title(json!({"is_owner": false})),
            "",
            "WHO-01",
            "E-W-14",
        ),
        (
            "B4",
            "bank.commercial_loan",
            DOWNPAY,
            json!({"contract_no": "HT0", "principal_fen": 600_000}),
            "",
            "DWN-01",
            "E-DWN-01",
        ),
        (
            "D07",
            "tax.invoice",
            DOWNPAY,
            json!({"amount_fen": 399_999, "date": ago(2)}),
            "",
            "DWN-02",
            "E-DWN-02",
        ),
        (
            "D04",
            filing,
            DOWNPAY,
            contract(json!({"date": old})),
            "",
            "DWN-03",
            "E-PUR-05",
        ),
        (
            "D04",
            filing,
            DOWNPAY,
            contract(json!({"use": "commercial"})),
            "",
            "DWN-04",
            "E-PUR-03",
        ),
        (
            "D03",
            "estate.title",
            BUILD,
            title(json!({"is_owner": false})),
            "",
            "BLD-01",
            "E-BLD-01",
        ),
        (
            "D04",
            "housing.build_permit",
            BUILD,
            permit(json!({"kind": "decoration"})),
            "",
            "BLD-02",
            "E-BLD-02",
        ),
        (
            "D04",
            "housing.build_permit",
            BUILD,
            permit(json!({"date": old})),
            "",
            "BLD-03",
            "E-BLD-03",
        ),
        (
            "D07",
            "tax.invoice",
            BUILD,
            json!({"amount_fen": 1_000, "date": ago(1), "red": true}),
            "",
            "BLD-04",
            "E-BLD-04",
        ),
        (
            "D03",
            "estate.title",
            LIFT,
            title(json!({"unit_no": "U0", "title_hash": "T0"})),
            "",
            "LFT-01",
            "E-LFT-01",
        ),
        (
            "D04",
            elevator,
            LIFT,
            project(json!({"approved": false})),
            "",
            "LFT-02",
            "E-LFT-02",
        ),
        (
            "D04",
            elevator,
            LIFT,
            project(json!({"accepted_on": old})),
            "",
            "LFT-03",
            "E-LFT-03",
        ),
        (
            "D04",
            elevator,
            LIFT,
            project(json!({"share_fen": 0})),
            "",
            "LFT-04",
            "E-LFT-04",
        ),
        (
            "D01",
            "police.hukou",
            PURCHASE,
            json!({"local": true, "region_code": "500103"}),
            "510104",
            "PUR-06",
            "E-PUR-06",
        ),
    ];
    for (source, fact_type, service, value, district, code, message) in cases {
        ready().await;
        for (source, fact_type) in [("D03", "estate.mortgage"), ("D01", "police.hukou")] {
            cast::fact(doors, source, fact_type, &li.id, Value::Null)
                .await
                .expect("struck");
        }
        if service == PURCHASE {
            cast::fact(doors, "D04", filing, &li.id, contract(json!({})))
                .await
                .expect("a contract");
            invoiced(doors, li, &ago(2), 1_000_000)
                .await
                .expect("an invoice");
        }
        if !district.is_empty() {
            // Both registers say so: were they at odds, a person would decide.
            let there = json!({ "district": district });
            cast::fact(doors, "D04", filing, &li.id, contract(there.clone()))
                .await
                .expect("a contract");
            cast::fact(doors, "D03", "estate.title", &li.id, title(there))
                .await
                .expect("a title");
        }
        cast::fact(doors, source, fact_type, &li.id, value)
            .await
            .expect("set");
        let form = match service {
            PURCHASE => json!({ "contract_no": contract_of(li) }),
            DOWNPAY => json!({ "contract_no": contract_of(li), "loan_bank": "B4" }),
            BUILD => json!({ "kind": "rebuild", "permit_no": "GH1", "cost_fen": 400_000 }),
            _ => json!({ "project_no": "DT1" }),
        };
        let refused = ask(&town, li, service, form).await;
        assert_eq!(refused["state"], "refused", "{code}: {refused}");
        let told = condition(&refused, code);
        assert_eq!(told["outcome"], "not_met", "{code}");
        assert_eq!(told["message"], message, "{code}");
        for field in ["detail", "remedy", "law"] {
            assert!(
                told[field].as_str().is_some_and(|text| !text.is_empty()),
                "{code} {field}"
            );
        }
    }
    assert_eq!(balance(doors, li).await.expect("an account"), 720_000);
}

#[tokio::test]
async fn a_home_elsewhere_is_for_who_comes_from_there_or_works_there() {
    let town = Town::open().await;
    let (people, _) = staff(&town, 67, &["李梅"]).await;
    let li = &people[0];
    let contract = json!({
        "filed": true, "contract_no": contract_of(li), "date": ago(2), "kind": "presale", "buyers": [li.name],
        "district": "510104", "use": "residential", "price_fen": 700_000, "paid_fen": 700_000,
    });
    cast::fact(
        &town.doors,
        "D04",
        "housing.contract_filing",
        &li.id,
        contract,
    )
    .await
    .expect("a contract");
    invoiced(&town.doors, li, &ago(2), 700_000)
        .await
        .expect("an invoice");
    let hukou = json!({ "local": false, "region_code": "510107", "state": "active" });
    cast::fact(&town.doors, "D01", "police.hukou", &li.id, hukou)
        .await
        .expect("a hukou");
    let form = json!({ "contract_no": contract_of(li) });
    let asked = ask(&town, li, PURCHASE, form).await;
    paid(&town, li, &asked, 700_000).await;
}
