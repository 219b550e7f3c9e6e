//! What sources say differently and who is believed; a lender that is not connected; what a person is entitled to from books that are read once.

use std::time::Instant;

use anju::cast::home::{self, borrows, contract_of, has_title, request, signs, unit_of};
use anju::cast::{self, Farewell, Person, balance, bank_balance, text};
use anju_business::population;
use anju_casework::catalogue::Request;
use anju_casework::employer;
use anju_casework::staff::role;
use anju_domain::calendar::{Month, add_months};
use anju_domain::clock::shanghai_date;
use anju_policy::Form;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::engine;
use crate::hardship;
use crate::relief::{approve, reviewer};
use crate::replay::replayed;
use crate::town::{Town, known, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes};

const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

/// People of one employer with 7,200.00 each, and the employer's number.
async fn staff(town: &Town, seed: i64, names: &[&str]) -> (Vec<Person>, String) {
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

fn ago(months: i32) -> String {
    add_months(shanghai_date(chrono::Utc::now()), -months).to_string()
}

async fn ask(town: &Town, body: &Value) -> Value {
    let answer = town.doors.post("/cases?wait=10s", body).await;
    answer.expect("a door").ok().expect("a case")
}

async fn down_payment(town: &Town, who: &Person) -> Value {
    let form = json!({ "contract_no": contract_of(who), "loan_bank": "B5" });
    let body = request(&town.doors, who, "withdraw-down-payment", &form)
        .await
        .expect("known");
    ask(town, &body).await
}

#[tokio::test]
async fn a_bank_that_says_otherwise_than_the_filed_contract_is_not_believed_and_all_are_told() {
    let town = Town::open().await;
    let office = town.office().await;
    let (people, employer) = staff(&town, 9_101, &["李梅", "王强"]).await;
    let [li, wang] = people.as_slice() else {
        panic!("two people")
    };
    for who in [li, wang] {
        signs(&town.doors, who, &ago(3), 1_000_000, 300_001)
            .await
            .expect("a contract");
        borrows(&town.doors, who, "B5", 699_999)
            .await
            .expect("a loan");
    }
    // The bank has another down payment on its file.
    let loan = json!({
        "valid": true, "loan_no": format!("DK{}", &li.id[6..17]), "contract_no": contract_of(li), "purpose": "house",
        "principal_fen": 699_999, "balance_fen": 699_999, "term": 240, "rate": "3.30", "down_payment_fen": 290_000,
    });
    cast::fact(&town.doors, "B5", "bank.commercial_loan", &li.id, loan)
        .await
        .expect("the bank");
    let asked = down_payment(&town, li).await;
    let done = becomes(&town, &asked, "done").await;
    assert_eq!(done["amount_fen"], 300_001);
    let settled = &done["decision"]["settled"][0];
    assert_eq!(settled["name"], "首付款", "{done}");
    assert_eq!(settled["believed"][0]["source"], "D04");
    assert_eq!(settled["aside"][0]["source"], "B5");
    assert_eq!(settled["why"], "登记机关的信息先于银行或其他中心的");

    // The person and the staff read it, too.
    let no = text(&done, "case_id").expect("a number");
    let words = ["3,000.01", "2,900.00", "登记机关的信息先于银行或其他中心的"];
    let mine = Visitor::person(&town, &office, li).await;
    let page = mine.get(&format!("/my/cases/{no}/why")).await.page;
    assert!(page.contains("来源不一致怎么定的"), "{page}");
    let reviewer = reviewer(&town, &office, &employer).await;
    let desk = reviewer.get(&format!("/desk/cases/{no}")).await.page;
    assert!(desk.contains("来源不一致"), "{desk}");
    for word in words {
        assert!(page.contains(word) && desk.contains(word), "{word}");
    }

    // Two registers that name different districts: nobody but a person decides between them.
    has_title(&town.doors, wang, &ago(1), 1_000_000)
        .await
        .expect("a title");
    let title = json!({
        "valid": true, "title_no": "渝(2025)9", "unit_no": unit_of(wang), "title_hash": unit_of(wang), "owners": [wang.name],
        "share_bp": 10_000, "district": "500103", "use": "residential", "registered": ago(1), "acquired_by": "purchase",
        "price_fen": 1_000_000, "area": "89.50", "built_year": 2020, "mortgaged": false, "sealed": false, "transfers_12m": 0,
    });
    cast::fact(&town.doors, "D03", "estate.title", &wang.id, title)
        .await
        .expect("the registry");
    let asked = down_payment(&town, wang).await;
    let reviewing = becomes(&town, &asked, "reviewing").await;
    let reasons = reviewing["decision"]["review_reasons"].to_string();
    assert!(reasons.contains("不同来源的信息不一致"), "{reasons}");
    assert_eq!(reviewing["decision"]["settled"], Value::Null);
    town.audited().await;
}

#[tokio::test]
async fn a_lender_that_is_not_connected_is_stood_in_for_by_its_stamped_sheet() {
    let town = Town::open().await;
    let office = town.office().await;
    let (people, employer_no) = staff(&town, 9_102, &["李梅"]).await;
    let li = &people[0];
    let body = cast::loan_request(&town.doors, li, "OTHER", None)
        .await
        .expect("known");
    let case = ask(&town, &body).await;
    assert_eq!(case["state"], "gathering", "{case}");
    let papers = &case["decision"]["papers"];
    assert_eq!(papers.as_array().map(Vec::len), Some(1), "{papers}");
    assert_eq!(papers[0]["name"], "加盖银行印章的还款明细");
    let no = text(&case, "case_id").expect("a number");
    let mine = Visitor::person(&town, &office, li).await;
    let sent = mine
        .hand_in(&format!("/my/cases/{no}/papers"), "REP-07", PICTURE)
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);

    // The teller reads the sheet: the loan, and each instalment on a line.
    let id = office.numbers.decode(NumberKind::Employer, &employer_no);
    let branch = employer::require(&office, id.expect("a number"))
        .await
        .expect("an employer")
        .branch_id;
    let teller = Visitor::staff(&town, &office, role::TELLER, branch).await;
    let case_id = office.numbers.decode(NumberKind::Case, &no);
    let paper = anju_casework::case_paper::of_case(&office, case_id.expect("a case"))
        .await
        .expect("read")
        .remove(0);
    let path = format!("/desk/papers/{}", paper.paper_id);
    let page = teller.get(&path).await.page;
    assert!(page.contains("本人各月归还的本息"), "{page}");
    let first = Month::of(shanghai_date(chrono::Utc::now()));
    let instalments: Vec<String> = (1..=12)
        .map(|back| format!("{}-10 321.05", first.plus(-back)))
        .collect();
    let instalments = instalments.join("\n");
    let read = |instalments: &str| {
        let fields = [
            ("verdict".to_owned(), "read".to_owned()),
            ("0.role".to_owned(), "borrower".to_owned()),
            ("0.purpose".to_owned(), "house".to_owned()),
            ("0.district".to_owned(), "500112".to_owned()),
            ("0.paid_fen".to_owned(), "3852.60".to_owned()),
            ("0.overdue".to_owned(), "0".to_owned()),
            ("0.overdue_days".to_owned(), "0".to_owned()),
            ("0.instalments".to_owned(), instalments.to_owned()),
        ];
        let (teller, path) = (&teller, &path);
        async move {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            teller.post(path, &fields).await
        }
    };
    let wrong = read("2026-10-10 twelve").await;
    assert_eq!(wrong.status, StatusCode::CONFLICT);
    assert!(wrong.page.contains("没有填对"), "{}", wrong.page);
    let right = read(&instalments).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{}", right.page);

    let reviewing = becomes(&town, &case, "reviewing").await;
    assert_eq!(reviewing["decision"]["amount_fen"], 385_260, "{reviewing}");
    let reviewer = reviewer(&town, &office, &employer_no).await;
    approve(&town, &reviewer, &case).await;
    let done = becomes(&town, &case, "done").await;
    let bank = text(&done["payment"], "bank").expect("a bank");
    assert_eq!(
        bank_balance(&town.doors, &bank, &li.card)
            .await
            .expect("the card"),
        385_260
    );
    assert_eq!(
        balance(&town.doors, li).await.expect("an account"),
        720_000 - 385_260
    );
    town.audited().await;
}

/// What is read once for all withdrawals says the same as what is read for each.
#[tokio::test]
async fn books_that_are_read_once_entitle_to_the_same_as_books_read_for_each_withdrawal() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 9_103).await;
    let office = town.office().await;
    let engine = engine(&town).await;
    let number = cast::look_up(&town.doors, &li).await.expect("known");
    let person_id = office
        .numbers
        .decode(NumberKind::Person, &number)
        .expect("a number");
    // A live case of one of them, which the others do not have.
    let body = cast::rent_request(&town.doors, &li).await.expect("known");
    let down = json!({ "mode": "down" });
    town.doors
        .control_put("/sources/D03", &down)
        .await
        .expect("a door")
        .ok()
        .expect("down");
    assert_eq!(ask(&town, &body).await["state"], "gathering");
    let person = anju_casework::person::get(&office, person_id)
        .await
        .expect("read")
        .expect("a person");
    let together = engine.entitlements(&person, "APP").await.expect("decided");
    assert_eq!(
        together.len(),
        population::withdrawals(&office)
            .iter()
            .filter(|service| service.login_on("APP").is_some())
            .count()
    );
    for one in &together {
        let request = Request {
            service: one.service.id.clone(),
            case_id: None,
            applicant_id: person_id,
            form: Form::new(),
            channel: "APP".to_owned(),
            face_passed: true,
        };
        let (_, alone) = engine.at_hand(&request).await.expect("decided");
        // Each says when our books were read: that alone may differ.
        let said = |decision: &anju_policy::Decision| {
            (
                decision.outcome,
                decision.amount_fen,
                decision.possible_from,
                outcomes(decision),
                decision.in_words(),
            )
        };
        assert_eq!(said(&alone), said(&one.decision), "{}", one.service.id);
    }
    let clock = Instant::now();
    for _ in 0..20 {
        engine.entitlements(&person, "APP").await.expect("decided");
    }
    let once = clock.elapsed() / 20;
    let clock = Instant::now();
    for _ in 0..20 {
        for one in &together {
            let request = Request {
                service: one.service.id.clone(),
                case_id: None,
                applicant_id: person_id,
                form: Form::new(),
                channel: "APP".to_owned(),
                face_passed: true,
            };
            engine.at_hand(&request).await.expect("decided");
        }
    }
    println!("once {once:?}, each {:?}", clock.elapsed() / 20);
}

/// A wish for each kind of withdrawal: the service, and what is filled in beside the card.
async fn wishes(town: &Town, people: &[Person], employer: &str) -> Vec<(&'static str, Value)> {
    let doors = &town.doors;
    let [
        tenant,
        buyer,
        borrower,
        builder,
        neighbour,
        payer,
        poor,
        leaving @ ..,
    ] = people
    else {
        panic!("a person for each kind")
    };
    cast::rents(doors, tenant).await.expect("a lease");
    signs(doors, buyer, &ago(3), 500_000, 500_000)
        .await
        .expect("a contract");
    signs(doors, borrower, &ago(3), 1_000_000, 300_001)
        .await
        .expect("a contract");
    borrows(doors, borrower, "B5", 699_999)
        .await
        .expect("a loan");
    has_title(doors, builder, "2010-06-01", 20_000_000)
        .await
        .expect("a title");
    home::may_rebuild(doors, builder, "GH1", &ago(6), 400_000)
        .await
        .expect("a permit");
    home::invoiced(doors, builder, &ago(1), 410_000)
        .await
        .expect("an invoice");
    has_title(doors, neighbour, "2005-03-01", 15_000_000)
        .await
        .expect("a title");
    home::shares_elevator(doors, neighbour, "DT1", &ago(2), 300_000)
        .await
        .expect("a project");
    let months: Vec<Month> = (1..=13).map(month).collect();
    cast::repays(doors, payer, "B4", &months, 20_000)
        .await
        .expect("a loan");
    hardship::poor(town, &poor.id, json!({ "covered": true, "kind": "urban" })).await;
    let farewells = [
        (Farewell::Retired, "withdraw-retire"),
        (Farewell::SettledAbroad, "withdraw-emigrate"),
        (Farewell::MovedAway, "withdraw-move-out"),
        (Farewell::Disabled, "withdraw-disability"),
        (Farewell::LeftJob, "withdraw-leave-job"),
    ];
    let since = shanghai_date(chrono::Utc::now()) - chrono::Days::new(1);
    let mut wishes = vec![
        ("withdraw-rent", json!({})),
        (
            "withdraw-purchase-full",
            json!({ "contract_no": contract_of(buyer) }),
        ),
        (
            "withdraw-down-payment",
            json!({ "contract_no": contract_of(borrower), "loan_bank": "B5" }),
        ),
        (
            "withdraw-build",
            json!({ "kind": "rebuild", "permit_no": "GH1", "cost_fen": 450_000 }),
        ),
        ("withdraw-elevator", json!({ "project_no": "DT1" })),
        (
            "withdraw-repay",
            json!({ "loan_bank": "B4", "loan_no": cast::loan_no(payer) }),
        ),
        (
            "withdraw-hardship",
            json!({ "kind": "min-living", "relation": "self", "sensitive_consent": true }),
        ),
    ];
    for (who, (why, service)) in leaving.iter().zip(farewells) {
        cast::says_farewell(doors, who, why, since)
            .await
            .expect("the departments");
        cast::seal(doors, employer, who).await.expect("sealed");
        wishes.push((service, json!({})));
    }
    wishes
}

fn outcomes(decision: &anju_policy::Decision) -> Vec<(String, anju_policy::ConditionOutcome)> {
    let all = decision.conditions.iter();
    all.map(|one| (one.code.to_owned(), one.outcome)).collect()
}

/// Pre-check, decide, explain, simulate (and find the entitled, where what it asks for may be kept) are one evaluation: for every kind of
/// withdrawal, for whom everything is known and for whom nothing is.
#[tokio::test]
async fn the_uses_of_the_rules_agree_on_every_kind_of_withdrawal() {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = engine(&town).await;
    let names = [
        "李梅", "王强", "赵敏", "刘洋", "陈晨", "杨帆", "黄蓉", "周涛", "吴桐", "马骏", "何川",
        "林岚",
    ];
    let (people, employer) = staff(&town, 9_104, &names).await;
    let (strangers, _) = staff(&town, 9_304, &names).await;
    let wishes = wishes(&town, &people, &employer).await;
    // Whom no channel lets in by himself has nothing to compare.
    let kinds: std::collections::BTreeSet<&str> = wishes.iter().map(|(id, _)| *id).collect();
    let all: Vec<String> = population::withdrawals(&office)
        .into_iter()
        .map(|service| service.id)
        .filter(|id| id != "withdraw-death")
        .collect();
    for id in &all {
        assert!(kinds.contains(id.as_str()), "no wish for {id}");
    }
    let (mut approved, mut refused) = (0, 0);
    for (place, (service, form)) in wishes.iter().enumerate() {
        for who in [&people[place], &strangers[place]] {
            let body = request(&town.doors, who, service, form)
                .await
                .expect("known");
            let number = text(&body, "applicant").expect("a number");
            let applicant_id = office
                .numbers
                .decode(NumberKind::Person, &number)
                .expect("a person");
            let typed: Form = body["form"].as_object().expect("a form").clone();
            let wish = Request {
                service: (*service).to_owned(),
                case_id: None,
                applicant_id,
                form: typed,
                channel: "APP".to_owned(),
                face_passed: true,
            };
            let (_, before) = engine.precheck(&wish).await.expect("a decision");
            let asked = ask(&town, &body).await;
            let no = text(&asked, "case_id").expect("a number");
            let case_id = office
                .numbers
                .decode(NumberKind::Case, &no)
                .expect("a case");
            let case = anju_casework::case::require(&office, case_id)
                .await
                .expect("a case");
            let policy = office
                .policy_version(case.policy_id)
                .await
                .expect("a policy");
            let what = format!("{service} of {}", who.name);
            // Explain: drawn again from what is kept.
            let explained = anju_casework::case::decision_of(&office, &case, &policy)
                .await
                .expect("read")
                .unwrap_or_else(|| panic!("{what} has no decision: {asked}"));
            assert_eq!(outcomes(&explained), outcomes(&before), "{what}");
            assert_eq!(explained.outcome, before.outcome, "{what}");
            assert_eq!(explained.amount_fen, before.amount_fen, "{what}");
            // Decide: what the door said.
            let told = serde_json::to_value(explained.outcome).expect("a word");
            assert_eq!(asked["decision"]["outcome"], told, "{what}: {asked}");
            // Simulate: the case as a simulation takes it.
            if let Some(past) = anju_casework::case::past_case(&office, case_id)
                .await
                .expect("read")
            {
                let again = office
                    .policy()
                    .set
                    .decide(&past.service, &past.facts, &past.form, past.at)
                    .expect("decided");
                assert_eq!(outcomes(&again), outcomes(&before), "{what}");
                assert_eq!(again.amount_fen, before.amount_fen, "{what}");
            }
            match before.outcome {
                anju_policy::Outcome::Approved | anju_policy::Outcome::Review => approved += 1,
                anju_policy::Outcome::Refused => refused += 1,
                anju_policy::Outcome::Waiting => {}
            }
            println!("{what}: {:?} {:?}", before.outcome, before.amount_fen);
        }
    }
    assert!(approved >= 9 && refused >= 5, "{approved} {refused}");
    replayed(&town);
}

/// The case once it has come to an end of its own, whichever.
async fn ended(town: &Town, asked: &Value) -> Value {
    let id = text(asked, "case_id").expect("a number");
    let deadline = Instant::now() + std::time::Duration::from_secs(40);
    loop {
        let now = town.doors.get(&format!("/cases/{id}")).await;
        let now = now.expect("a door").ok().expect("a case");
        let state = now["state"].as_str().unwrap_or_default();
        if matches!(state, "done" | "refused" | "failed" | "reviewing") {
            return now;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// F5: a withdrawal and the closing of the same account in the same instant are some serial order, whichever of them is first.
#[tokio::test]
async fn a_withdrawal_and_a_closing_that_race_for_one_account_are_one_after_the_other() {
    let town = Town::open().await;
    let names = ["李梅", "王强", "赵敏", "刘洋", "陈晨", "杨帆"];
    let (people, employer) = staff(&town, 9_106, &names).await;
    let since = shanghai_date(chrono::Utc::now()) - chrono::Days::new(1);
    let mut winners = [0, 0];
    for (place, who) in people.iter().enumerate() {
        signs(&town.doors, who, &ago(3), 300_000, 300_000)
            .await
            .expect("a contract");
        cast::says_farewell(&town.doors, who, Farewell::Retired, since)
            .await
            .expect("the departments");
        cast::seal(&town.doors, &employer, who)
            .await
            .expect("sealed");
        let buys = request(
            &town.doors,
            who,
            "withdraw-purchase-full",
            &json!({ "contract_no": contract_of(who) }),
        )
        .await
        .expect("known");
        let retires = request(&town.doors, who, "withdraw-retire", &json!({}))
            .await
            .expect("known");
        // Now the one is first by a hair, now the other.
        let answers = if place % 2 == 0 {
            futures::future::join(
                town.doors.post("/cases?wait=10s", &buys),
                town.doors.post("/cases?wait=10s", &retires),
            )
            .await
        } else {
            let (retired, bought) = futures::future::join(
                town.doors.post("/cases?wait=10s", &retires),
                town.doors.post("/cases?wait=10s", &buys),
            )
            .await;
            (bought, retired)
        };
        let mut paid = 0;
        for (winner, answer) in winners.iter_mut().zip([answers.0, answers.1]) {
            let answer = answer.expect("a door");
            assert!(answer.status.as_u16() < 500, "{answer:?}");
            let Ok(asked) = answer.ok() else { continue };
            let end = ended(&town, &asked).await;
            if end["state"] == "done" {
                *winner += 1;
                let fen = end["amount_fen"].as_i64().expect("an amount");
                let bank = text(&end["payment"], "bank").expect("a bank");
                paid += fen;
                let on_card = bank_balance(&town.doors, &bank, &who.card).await;
                assert!(on_card.expect("the card") >= fen);
            }
        }
        let left = balance(&town.doors, who).await.expect("an account");
        assert!(left >= 0, "{left}");
        assert!(paid + left >= 720_000, "{paid} and {left}");
        assert!(
            paid + left < 730_000,
            "{paid} and {left}: more than there was"
        );
    }
    assert!(winners[0] + winners[1] >= people.len(), "{winners:?}");
    town.audited().await;
}

/// A business day that closes while a payment is in the air takes its postings with it; the answer is booked on the day that is open then.
#[tokio::test]
async fn a_day_that_closes_while_a_payment_is_in_the_air_keeps_books_that_hold() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 9_107).await;
    bank_mode(&town, "unknown").await;
    let body = cast::rent_request(&town.doors, &li).await.expect("known");
    let asked = ask(&town, &body).await;
    assert_eq!(asked["state"], "executing", "{asked}");
    let engine = engine(&town).await;
    anju::start::demo::put_staff(&town.config, &engine.office)
        .await
        .expect("accountants");
    let (maker, checker) = (hand(&engine, "1004").await, hand(&engine, "1005").await);
    // What the bank has not told yet is a difference that the day explains, or the reason for which it does not close.
    let closed = engine.close_day(&maker, &checker).await;
    println!(
        "closing with a payment in the air: {:?}",
        closed.as_ref().err()
    );
    bank_mode(&town, "ok").await;
    let done = becomes(&town, &asked, "done").await;
    let fen = done["amount_fen"].as_i64().expect("an amount");
    assert_eq!(
        balance(&town.doors, &li).await.expect("an account"),
        720_000 - fen
    );
    town.audited().await;
}

async fn hand(engine: &anju_engine::Engine, number: &str) -> anju_casework::staff::Staff {
    anju_casework::staff::by_number(&engine.office, number)
        .await
        .expect("read")
        .expect("an accountant")
}
