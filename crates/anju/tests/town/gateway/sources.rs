//! Every source, from the control door's words through its own codes and the wire to our facts.

use anju_casework::fact::SEALED_ID;
use anju_exchange::fact_store::SubjectKeys;
use anju_policy::{Assurance, FactState};
use serde_json::{Value, json};

use super::{Departments, LI, USCC, WANG};

/// Source, type, what is set (and read back), the fact.
fn plain() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "D01",
            "police.identity",
            json!({"match": true, "alive": true, "valid_to": "2036-05-01"}),
        ),
        (
            "D01",
            "police.hukou",
            json!({"local": true, "region_code": "500103", "household_no_hash": "ab", "state": "active"}),
        ),
        (
            "D01",
            "police.hukou_move",
            json!({"moved_out": true, "date": "2026-01-31", "to_region": "510100"}),
        ),
        ("D01", "police.kinship", json!({"relation": "parent"})),
        (
            "D02",
            "civil.marriage",
            json!({"state": "divorced", "since": "2024-02-29", "changes_24m": 1}),
        ),
        (
            "D02",
            "civil.min_living",
            json!({"covered": true, "from": "2026-01-01", "kind": "urban", "members_hash": ["a", "b"]}),
        ),
        (
            "D02",
            "civil.death",
            json!({"dead": true, "date": "2026-11-01"}),
        ),
        (
            "D03",
            "estate.ownership",
            json!({"houses": [{"district": "500112", "area_m2": "89.50", "use": "residential",
            "share_bp": 5000, "acquired": "2015-06-01", "title_hash": "cd"}], "count": 1}),
        ),
        (
            "D03",
            "estate.title",
            json!({"valid": true, "title_no": "渝(2026)1", "unit_no": "U1", "contract_no": "HT1", "title_hash": "cd", "owners": ["李梅"],
            "is_owner": true, "share_bp": 5000, "district": "500112", "registered": "2026-01-31", "acquired_by": "purchase", "area": "89.50", "use": "residential",
            "built_year": 1998, "price_fen": 123_456_789, "mortgaged": false, "sealed": false, "transfers_12m": 0}),
        ),
        (
            "D03",
            "estate.mortgage",
            json!({"state": "registered", "rank": 1, "cert_no": "渝(2026)0001", "date": "2026-03-01"}),
        ),
        (
            "D04",
            "housing.contract_filing",
            json!({"filed": true, "contract_no": "HT1", "date": "2026-08-01", "kind": "presale",
            "buyers": ["李梅", "王强"], "is_buyer": true, "share_bp": 5000, "unit_no": "U1", "district": "500112", "use": "residential", "price_fen": 150_000_000, "paid_fen": 45_000_001, "area": "101.30", "project": "江岸", "cancelled": false}),
        ),
        (
            "D04",
            "housing.rental_filing",
            json!({"filed": true, "lease_no": "ZL1", "district": "500103", "from": "2026-01-01",
            "to": "2026-12-31", "rent_fen_month": 180_000, "kind": "market"}),
        ),
        (
            "D04",
            "housing.build_permit",
            json!({"valid": true, "permit_no": "GH1", "kind": "overhaul", "owner": "李梅", "is_owner": true, "date": "2026-03-01",
            "danger_grade": "C", "budget_fen": 8_000_001}),
        ),
        (
            "D04",
            "housing.elevator_project",
            json!({"approved": true, "project_no": "DT1", "date": "2025-03-01", "accepted_on": "2026-02-28", "units": 2,
            "cost_fen": 6_000_000, "share_rule": "按楼层", "shares": [{"title_hash": "cd", "share_fen": 3_000_001, "paid": true}],
            "listed": true, "share_fen": 3_000_001, "paid": true}),
        ),
        (
            "D07",
            "tax.invoice",
            json!({"valid": true, "invoice_no": "25500001", "buyer_hash": "gh", "amount_fen": 45_000_001, "date": "2026-08-02", "red": false}),
        ),
        (
            "D07",
            "tax.deed_tax",
            json!({"paid": true, "amount_fen": 1_500_000, "price_fen": 150_000_000, "date": "2026-08-03"}),
        ),
        (
            "D05",
            "hrss.employment",
            json!({"state": "ended", "ended_on": "2024-10-31", "reemployed": false}),
        ),
        (
            "D05",
            "hrss.retirement",
            json!({"retired": true, "date": "2026-05-31", "kind": "normal", "post": "worker"}),
        ),
        (
            "D05",
            "hrss.social_insurance",
            json!({"months_paid": 120, "last_month": "2026-10", "base_fen": 800_000, "region": "500000"}),
        ),
        (
            "D08",
            "court.freeze_order",
            json!({"kind": "freeze", "amount_fen": 1_000_000, "from": "2026-01-01", "to": "2026-12-31",
            "court": "渝中区人民法院", "judges": ["甲", "乙"], "doc_hash": "ef"}),
        ),
        (
            "D08",
            "court.enforcement",
            json!({"listed": true, "cases": 2}),
        ),
        (
            "D15",
            "nhpf.withdrawal_elsewhere",
            json!({"items": [{"centre": "成都", "kind": "RENT", "event_key": "k",
            "month": "2026-03", "amount_fen": 120_000, "date": "2026-04-01"}]}),
        ),
        (
            "D15",
            "nhpf.account_elsewhere",
            json!({"exists": true, "centre": "成都", "state": "sealed", "months_continuous": 14}),
        ),
        (
            "D15",
            "nhpf.loan_elsewhere",
            json!({"count": 1, "open": false, "settled_on": "2020-01-01"}),
        ),
        (
            "D15",
            "nhpf.contribution_elsewhere",
            json!({"centre": "成都", "opened": "2020-01-01", "state": "active",
            "months_continuous": 14, "balance_fen": 3_000_000, "base_fen": 900_000}),
        ),
        (
            "D15",
            "nhpf.blacklist",
            json!({"listed": true, "from": "2026-01-01", "to": "2027-12-31", "centre": "成都"}),
        ),
        (
            "D18",
            "unionpay.card_auth",
            json!({"match": true, "card_type": "debit-1", "bank": "B3"}),
        ),
        (
            "B3",
            "bank.card_match",
            json!({"match": true, "class": "1"}),
        ),
        (
            "D07",
            "tax.income",
            json!({"taxable_fen": 12_000_000, "months": 12}),
        ),
        (
            "D12",
            "disabled.certificate",
            json!({"kind": "physical", "grade": "2", "valid_to": "2030-01-01"}),
        ),
    ]
}

/// What a register says of who asks and of what is asked about.
#[tokio::test(flavor = "multi_thread")]
async fn a_register_says_whether_it_is_ones_own_and_tells_nothing_of_what_was_not_asked_for() {
    let town = Departments::open().await;
    let ask = async |fact_type: &str, keys: &[(&str, &str)]| {
        let mut subject = SubjectKeys::of(LI);
        subject.more = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        town.ask(fact_type, subject).await
    };
    town.set("D01", "police.identity", LI, json!({"name": "李梅"}))
        .await;
    let contract = json!({"contract_no": "HT1", "buyers": ["王强"], "price_fen": 100});
    town.set("D04", "housing.contract_filing", LI, contract)
        .await;
    let said = ask("housing.contract_filing", &[("contract_no", "HT1")]).await;
    assert_eq!(
        (&said.value["is_buyer"], &said.value["price_fen"]),
        (&json!(false), &json!(100))
    );
    let other = ask("housing.contract_filing", &[("contract_no", "HT2")]).await;
    assert_eq!(
        other.value,
        json!({"filed": false}),
        "nothing of another contract"
    );

    let title = json!({"title_no": "QZ1", "unit_no": "U1", "owners": ["李梅", "王强"]});
    town.set("D03", "estate.title", LI, title).await;
    let said = ask("estate.title", &[("unit_no", "U1")]).await;
    assert_eq!(
        (&said.value["valid"], &said.value["is_owner"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        ask("estate.title", &[("unit_no", "U2")]).await.state,
        FactState::Absent
    );
    let other = ask("estate.title", &[("title_no", "QZ2")]).await;
    assert_eq!(other.value, json!({"valid": false}));

    let shares = json!([
        {"title_hash": "ab", "share_fen": 100, "paid": true}, {"title_hash": "U1", "share_fen": 200, "paid": false}]);
    town.set(
        "D04",
        "housing.elevator_project",
        LI,
        json!({"project_no": "DT1", "shares": shares}),
    )
    .await;
    let said = ask(
        "housing.elevator_project",
        &[("project_no", "DT1"), ("unit_no", "U1")],
    )
    .await;
    assert_eq!(
        (
            &said.value["listed"],
            &said.value["share_fen"],
            &said.value["paid"]
        ),
        (&json!(true), &json!(200), &json!(false))
    );
    let none = ask(
        "housing.elevator_project",
        &[("project_no", "DT1"), ("unit_no", "U9")],
    )
    .await;
    assert_eq!(
        (&none.value["listed"], none.value.get("share_fen")),
        (&json!(false), None)
    );
    assert_eq!(
        ask("housing.elevator_project", &[("project_no", "DT2")])
            .await
            .state,
        FactState::Absent
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_says_over_the_wire_what_its_register_holds() {
    let town = Departments::open().await;
    for (source, fact_type, value) in plain() {
        assert_eq!(
            town.set(source, fact_type, LI, value.clone()).await,
            value,
            "{fact_type} set"
        );
        assert_eq!(
            town.read(source, fact_type, LI).await,
            value,
            "{fact_type} read"
        );
        let fact = town.ask(fact_type, SubjectKeys::of(LI)).await;
        assert_eq!(
            (fact.state, &fact.value),
            (FactState::Known, &value),
            "{fact_type}"
        );
        assert_eq!(
            (fact.source.as_str(), fact.subject.as_str()),
            (source, "本人")
        );
        assert!(
            fact.fact_id.is_some() && fact.digest.len() == 64,
            "{fact_type} is kept with its digest"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_is_known_by_its_credit_code() {
    let town = Departments::open().await;
    let value = json!({"name": "重庆两江科技有限公司", "kind": "有限责任公司", "legal_person": {"name": "陈军"},
        "address": "渝中区", "region": "500103", "founded": "2015-03-02", "state": "open"});
    town.set("D06", "market.registration", USCC, value.clone())
        .await;
    let fact = town.ask("market.registration", SubjectKeys::of(USCC)).await;
    assert_eq!((fact.state, fact.value), (FactState::Known, value));
    assert_eq!(fact.assurance, Assurance::Authoritative);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_never_set_or_was_struck_out_is_absent() {
    let town = Departments::open().await;
    let absent = town.ask("estate.ownership", SubjectKeys::of(LI)).await;
    assert_eq!(
        (absent.state, absent.value),
        (FactState::Absent, Value::Null)
    );
    assert_eq!(town.read("D03", "estate.ownership", LI).await, Value::Null);

    town.set("D03", "estate.ownership", WANG, json!({"count": 2}))
        .await;
    let owner = town.ask("estate.ownership", SubjectKeys::of(WANG)).await;
    assert_eq!(owner.value["houses"].as_array().map(Vec::len), Some(2));
    town.set("D03", "estate.ownership", WANG, Value::Null).await;
    assert_eq!(
        town.read("D03", "estate.ownership", WANG).await,
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cards_and_phones_are_compared_and_never_said() {
    let town = Departments::open().await;
    town.set("D01", "police.identity", LI, json!({"name": "李梅"}))
        .await;
    let record = json!({"name": "李梅", "card_no": "6217000000000000001", "phone": "13800005678", "bank": "建设银行"});
    let read = town.set("D18", "unionpay.card_auth", LI, record).await;
    assert_eq!(read["card"], "6217000000000000001");

    let keys = |name: &str, card: &str| SubjectKeys {
        name: Some(name.to_owned()),
        card_no: Some(card.to_owned()),
        phone: Some("13800005678".to_owned()),
        ..SubjectKeys::of(LI)
    };
    for (name, card, same_name, same_card) in [
        ("李梅", "6217000000000000001", true, true),
        ("李 梅", "6217 0000 0000 0000 001", true, true),
        ("李海", "6217000000000000001", false, false),
        ("李梅", "6217000000000000002", true, false),
    ] {
        let identity = town.ask("police.identity", keys(name, card)).await;
        assert_eq!(identity.value["match"], same_name, "{name}");
        let auth = town.ask("unionpay.card_auth", keys(name, card)).await;
        assert_eq!(auth.value["match"], same_card, "{name} {card}");
        assert!(auth.value.get("phone").is_none() && auth.value.get("name").is_none());
        assert_eq!(auth.assurance, Assurance::Attested);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spouse_comes_sealed_and_is_matched_on_request() {
    let town = Departments::open().await;
    let record = json!({"state": "married", "spouse": {"name": "王强", "id_no": WANG}, "since": "2018-05-20"});
    town.set("D02", "civil.marriage", LI, record).await;
    let fact = town.ask("civil.marriage", SubjectKeys::of(LI)).await;
    assert_eq!(fact.value["state"], "married");
    assert!(fact.value.get("spouse_match").is_none(), "nobody asked");
    let sealed = fact.value["spouse"]["id_sealed"].as_str().expect("sealed");
    assert!(!fact.value.to_string().contains(WANG));
    let opened = town
        .vault
        .open(SEALED_ID, &hex::decode(sealed).expect("hex"));
    assert_eq!(opened.expect("ours"), WANG.as_bytes());

    for (spouse, matches) in [(WANG, true), (USCC, false)] {
        let mut keys = SubjectKeys::of(LI);
        keys.more.insert("spouse_id".to_owned(), spouse.to_owned());
        assert_eq!(
            town.ask("civil.marriage", keys).await.value["spouse_match"],
            matches
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_are_listed_with_their_numbers_sealed() {
    let town = Departments::open().await;
    let record =
        json!({"minors": [{"id_no": WANG, "birth": "2019-02-28"}, {"birth": "2021-02-28"}]});
    assert_eq!(
        town.set("D01", "police.children", LI, record).await["count"],
        2
    );
    let fact = town.ask("police.children", SubjectKeys::of(LI)).await;
    assert_eq!(
        (&fact.value["count"], &fact.value["minors"][1]),
        (&json!(2), &json!({"birth": "2021-02-28"}))
    );
    assert!(!fact.value.to_string().contains(WANG));
    town.set("D01", "police.children", WANG, json!({"count": 3}))
        .await;
    assert_eq!(
        town.ask("police.children", SubjectKeys::of(WANG))
            .await
            .value,
        json!({"count": 3})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_door_names_what_it_cannot_keep() {
    let town = Departments::open().await;
    let set = async |source: &str, fact_type: &str, value: Value| {
        let path = format!("/control/facts/{source}/{fact_type}/set");
        let (status, problem) = town
            .post(&path, json!({"subject": LI, "value": value}))
            .await;
        (
            status,
            problem["detail"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let (status, detail) = set("D02", "civil.marriage", json!({"state": "engaged"})).await;
    assert_eq!(status, 422);
    assert!(
        detail.contains("state") && detail.contains("married"),
        "{detail}"
    );
    let (status, detail) = set(
        "D03",
        "estate.ownership",
        json!({"houses": [{"use": "castle"}]}),
    )
    .await;
    assert!(status == 422 && detail.contains("use"), "{detail}");
    assert_eq!(
        set("D03", "estate.ownership", json!({"houses": [], "count": 3}))
            .await
            .0,
        422
    );
    assert_eq!(set("D99", "estate.ownership", json!({})).await.0, 404);
    assert_eq!(set("D03", "civil.marriage", json!({})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_are_set_in_one_request_and_kept_in_the_registers_own_fields() {
    let town = Departments::open().await;
    let items = json!({"items": [{"subject": LI, "value": {"name": "李梅"}}, {"subject": WANG, "value": {"name": "王强"}}]});
    let (status, answer) = town
        .post("/control/facts/D01/police.identity/set", items)
        .await;
    assert_eq!((status, &answer["set"]), (200, &json!(2)));
    let journal =
        std::fs::read_to_string(town.home.join("outside/departments.jsonl")).expect("a journal");
    assert!(journal.contains(r#""row":{"xm":"王强"}"#), "{journal}");
    assert_eq!(
        town.read("D01", "police.identity", WANG).await,
        json!({"name": "王强"})
    );
}
