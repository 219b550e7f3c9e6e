//! 死亡提取: heirs ask for the account of somebody who has died; each is paid his share to his own card, with the bank's own word for each; nobody
//! learns of an estate before he has shown that he is an heir; what nobody takes goes to the centre's income by two persons.

use anju::cast::{self, Person, bank_balance, contribute, text};
use anju::start::{demo, office};
use anju_casework::{Office, staff::role};
use anju_domain::calendar::Month;
use anju_domain::clock::{Clock, shanghai_date};
use anju_engine::Engine;
use anju_ledger::AccountId;
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::interest_year::close_days;
use crate::relief::{approve, case_of};
use crate::town::{Town, known};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// Three months of 2,400.00.
pub const HELD: i64 = 720_000;

pub struct Family {
    pub dead: Person,
    pub heirs: Vec<Person>,
}

fn this_month(town: &Town) -> Month {
    Month::of(shanghai_date(office::clock(&town.config.home).now()))
}

/// Somebody with 7,200.00 who has died, a colleague whose money the bank holds beside it, and heirs who are no customers.
pub async fn family(town: &Town, seed: i64, relations: &[&str]) -> Family {
    let dead = known(town, seed, &[("李梅", 1_000_000)]).await.remove(0);
    let other = known(town, seed + 300, &[("吴磊", 1_000_000)])
        .await
        .remove(0);
    let employer = cast::open_employer(&town.doors, seed, this_month(town).plus(-3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        let both = [dead.clone(), other.clone()];
        contribute(&town.doors, &employer, this_month(town).plus(-back), &both)
            .await
            .expect("a month");
    }
    let names = [("王强", 0), ("王小梅", 0), ("李建国", 0)];
    let heirs = known(town, seed + 600, &names[..relations.len()]).await;
    for (heir, relation) in heirs.iter().zip(relations) {
        let body = json!({ "name": heir.name, "id_no": heir.id, "phone": heir.phone });
        let answer = town.doors.post("/people", &body).await.expect("a door");
        answer.ok().expect("known to the centre");
        if !relation.is_empty() {
            related(town, heir, &dead, relation).await;
        }
    }
    Family { dead, heirs }
}

/// What the one who has died is to this heir, in the police's register.
pub async fn related(town: &Town, heir: &Person, dead: &Person, relation: &str) {
    let record = json!({ "relation": relation, "other_id_no": dead.id });
    set(town, "D01", "police.kinship", heir, record).await;
}

pub async fn set(town: &Town, source: &str, fact: &str, who: &Person, value: Value) {
    cast::fact(&town.doors, source, fact, &who.id, value)
        .await
        .expect("the department");
}

pub async fn certified(town: &Town, who: &Person) {
    let record = json!({ "cert_no": "渝卫死字2026-0001", "date": "2026-01-05" });
    set(town, "D10", "health.death_cert", who, record).await;
}

pub fn promise(of: &Family) -> Value {
    json!({
        "deceased_id_no": of.dead.id, "deceased_name": of.dead.name, "basis": "promise", "promise": true,
        "share_bp": 10_000, "card_no": of.heirs[0].card,
    })
}

/// The first heir asks, the others stand in the list with their shares.
pub fn agreement(of: &Family, shares: &[i64]) -> Value {
    let mut form = json!({
        "deceased_id_no": of.dead.id, "deceased_name": of.dead.name, "basis": "agreement", "all_signed": true,
        "share_bp": shares[0], "card_no": of.heirs[0].card,
    });
    for (place, (heir, share)) in (2..).zip(of.heirs.iter().zip(shares).skip(1)) {
        form[format!("heir_{place}_name")] = heir.name.clone().into();
        form[format!("heir_{place}_id_no")] = heir.id.clone().into();
        form[format!("heir_{place}_share_bp")] = (*share).into();
        form[format!("heir_{place}_card_no")] = heir.card.clone().into();
    }
    form
}

pub async fn ask(town: &Town, heir: &Person, form: Value, channel: &str) -> Value {
    let applicant = cast::look_up(&town.doors, heir).await.expect("known");
    let body = json!({ "service": "withdraw-death", "applicant": applicant, "form": form, "channel": channel });
    let answer = town.doors.post("/cases?wait=10s", &body).await;
    let asked = answer.expect("a door").ok().expect("a case");
    let id = text(&asked, "case_id").expect("a number");
    for _ in 0..100 {
        let now = case_of(town, &id).await;
        if !now["decision"].is_null() {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("never decided: {asked}");
}

pub fn condition<'a>(case: &'a Value, code: &str) -> Option<&'a Value> {
    let all = case["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    all.iter().find(|one| one["code"] == code)
}

pub fn outcome(case: &Value, code: &str) -> String {
    let one = condition(case, code).unwrap_or_else(|| panic!("no {code}: {}", case["decision"]));
    text(one, "outcome").expect("an outcome")
}

/// Refused by this condition with this message and nothing else, with law and remedy.
pub fn refused(case: &Value, code: &str, message: &str) {
    assert_eq!(case["state"], "refused", "{case}");
    let one = condition(case, code).expect("the condition");
    assert_eq!(one["outcome"], "not_met", "{one}");
    assert_eq!(one["message"], message, "{one}");
    let said = |field: &str| !one[field].as_str().unwrap_or_default().is_empty();
    assert!(said("law") && said("remedy"), "{one}");
}

pub async fn two_reviewers(town: &Town, office: &Office) -> (Visitor, Visitor) {
    let branch = office.centre.head_branch;
    (
        Visitor::another(town, office, role::REVIEWER, branch, "a").await,
        Visitor::another(town, office, role::REVIEWER, branch, "b").await,
    )
}

/// Both yeses that a case of the counter needs.
pub async fn approved(town: &Town, by: &(Visitor, Visitor), case: &Value) -> Value {
    approve(town, &by.0, case).await;
    approve(town, &by.1, case).await
}

async fn subject(town: &Town, code: &str) -> i64 {
    let sheet = town.doors.get("/books/trial-balance").await;
    let sheet = sheet.expect("a door").ok().expect("a sheet");
    let subjects = sheet["subjects"].as_array().expect("subjects").clone();
    let found = subjects.iter().find(|one| one["code"] == code);
    found.map_or(0, |one| one["closing_fen"].as_i64().expect("fen"))
}

pub async fn on_card(town: &Town, who: &Person) -> i64 {
    for bank in 1..=8 {
        if let Ok(fen) = bank_balance(&town.doors, &format!("B{bank}"), &who.card).await
            && fen != 0
        {
            return fen;
        }
    }
    0
}

pub async fn payments(town: &Town, case: &Value) -> Vec<(String, i64)> {
    let id = text(case, "case_id").expect("a number");
    let now = case_of(town, &id).await;
    let all = now["payments"].as_array().expect("payments").clone();
    all.iter()
        .map(|one| {
            (
                text(one, "state").expect("a state"),
                one["amount_fen"].as_i64().expect("fen"),
            )
        })
        .collect()
}

/// Until the payments stand so.
pub async fn stand(town: &Town, case: &Value, states: &[&str]) -> Vec<(String, i64)> {
    for _ in 0..300 {
        let now = payments(town, case).await;
        if now
            .iter()
            .map(|one| one.0.as_str())
            .eq(states.iter().copied())
        {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not {states:?}: {:?}", payments(town, case).await);
}

pub async fn card(town: &Town, number: &str, closed: bool) {
    for bank in 1..=8 {
        let path = format!("/banks/B{bank}/accounts/{number}");
        let put = town
            .doors
            .control_put(&path, &json!({ "closed": closed }))
            .await;
        put.expect("a door").ok().expect("the bank");
    }
}

async fn banks(town: &Town, mode: &str) {
    for bank in 1..=8 {
        let body = json!({ "mode": mode, "latency_ms": 0 });
        let put = town
            .doors
            .control_put(&format!("/banks/B{bank}"), &body)
            .await;
        put.expect("a door").ok().expect("a mode");
    }
}

async fn source(town: &Town, source: &str, mode: &str) {
    let put = town
        .doors
        .control_put(&format!("/sources/{source}"), &json!({ "mode": mode }))
        .await;
    put.expect("a door").ok().expect("a mode");
}

/// A new card of the same person, as UnionPay knows it from now on.
pub async fn new_card(town: &Town, who: &Person, seed: i64) -> String {
    let other = cast::person(&who.name, seed, 9, 0).expect("numbers").card;
    let record = json!({ "name": who.name, "card": other, "match": true, "card_type": "debit-1", "bank": "B4" });
    set(town, "D18", "unionpay.card_auth", who, record).await;
    other
}

pub async fn again(town: &Town, case: &Value, place: i64, card: &str) -> (u16, Value) {
    let id = text(case, "case_id").expect("a number");
    let path = format!("/cases/{id}/payments/{place}");
    let answer = town
        .doors
        .post(&path, &json!({ "card_no": card }))
        .await
        .expect("a door");
    (answer.status.as_u16(), answer.body)
}

pub async fn accountants(town: &Town) -> Engine {
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("accountants");
    engine
}

#[tokio::test]
async fn a_sole_heir_signs_for_a_small_estate_and_the_hold_of_the_death_signal_is_no_courts() {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = accountants(&town).await;
    let family = family(&town, 2101, &["parent"]).await;
    let died = json!({ "name": "d1", "items": [{ "subject": family.dead.id, "value": { "dead": true, "date": "2026-01-05" } }] });
    let sent = town
        .doors
        .control_post("/sources/D02/files/deaths", &died)
        .await;
    sent.expect("a door").ok().expect("sent");
    set(
        &town,
        "D02",
        "civil.death",
        &family.dead,
        json!({ "dead": true, "date": "2026-01-05" }),
    )
    .await;
    close_days(&town, &engine, 3).await;
    let asked = ask(&town, &family.heirs[0], promise(&family), "YKB").await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    for code in [
        "CMN-04", "DTH-01", "DTH-02", "DTH-03", "DTH-04", "DTH-05", "DTH-06",
    ] {
        assert_eq!(outcome(&asked, code), "met", "{code}");
    }
    let (fund, cash) = (subject(&town, "201").await, subject(&town, "10101").await);
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, office.centre.head_branch).await;
    approve(&town, &reviewer, &asked).await;
    let done = becomes(&town, &asked, "done").await;
    // 7,200.00 for three days at 1.5 %: 0.90.
    assert_eq!(done["amount_fen"], HELD + 90);
    assert_eq!(
        payments(&town, &done).await,
        [("paid".to_owned(), HELD + 90)]
    );
    assert_eq!(on_card(&town, &family.heirs[0]).await, HELD + 90);
    assert_eq!(subject(&town, "201").await, fund - HELD);
    assert_eq!(subject(&town, "10101").await, cash - HELD - 90);
    assert_eq!(subject(&town, "21904").await, 0);
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state = 9")
            .await,
        1
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM account_hold WHERE released_at IS NULL")
            .await,
        0
    );
    let twice = ask(&town, &family.heirs[0], promise(&family), "YKB").await;
    refused(&twice, "CMN-02", "E-W-02");
    town.audited().await;
}

#[tokio::test]
async fn three_heirs_are_paid_to_the_fen_and_who_has_a_closed_card_waits_for_another_while_the_others_have_theirs()
 {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = accountants(&town).await;
    let family = family(&town, 2111, &["spouse", "parent", "child"]).await;
    certified(&town, &family.dead).await;
    close_days(&town, &engine, 1).await;
    let asked = ask(
        &town,
        &family.heirs[0],
        agreement(&family, &[3334, 3333, 3333]),
        "CTR",
    )
    .await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    card(&town, &family.heirs[1].card, true).await;
    let both = two_reviewers(&town, &office).await;
    approved(&town, &both, &asked).await;
    // 7,200.30: the floors are 2,400.58, 2,399.85 and 2,399.85, the leftover fen go to the largest remainders.
    let now = stand(&town, &asked, &["paid", "rejected", "paid"]).await;
    assert_eq!(now.iter().map(|one| one.1).sum::<i64>(), HELD + 30);
    assert_eq!((now[0].1, now[1].1 + now[2].1), (240_058, 479_972));
    assert_eq!(on_card(&town, &family.heirs[0]).await, now[0].1);
    assert_eq!(on_card(&town, &family.heirs[2]).await, now[2].1);
    assert_eq!(
        subject(&town, "21904").await,
        0,
        "what was refused is back on the account"
    );
    let id = text(&asked, "case_id").expect("a number");
    let waiting = case_of(&town, &id).await;
    assert_eq!(waiting["state"], "executing");
    assert!(
        waiting["payments"][1]["reason"]
            .as_str()
            .expect("the bank's word")
            .contains("AC04")
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state = 2")
            .await,
        1,
        "open for what waits"
    );
    town.audited().await;

    let page = both.0.get(&format!("/desk/cases/{id}")).await.page;
    assert!(
        page.contains("各份付款") && page.contains("等换卡"),
        "{page}"
    );

    // It earns interest while it waits: ten days on 2,399.86 at 1.5 %.
    close_days(&town, &engine, 10).await;
    let (status, answer) = again(&town, &asked, 2, &family.heirs[0].card).await;
    assert_eq!(
        (status, &answer["code"]),
        (422, &json!("E-W-08")),
        "{answer}"
    );
    let other = new_card(&town, &family.heirs[1], 2119).await;
    let (status, answer) = again(&town, &asked, 2, &other).await;
    assert_eq!(status, 200, "{answer}");
    let done = becomes(&town, &asked, "done").await;
    let last = payments(&town, &done).await;
    assert_eq!(last[1].1, now[1].1 + 100, "{last:?}");
    let (status, answer) = again(&town, &asked, 2, &other).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("E-CASE-02")),
        "{answer}"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state = 9")
            .await,
        1
    );
    let booked = "SELECT count(*) FROM journal WHERE event = 21 AND case_id = (SELECT case_id FROM case_share LIMIT 1)";
    assert_eq!(town.sql(booked).await, 4, "three shares, one of them twice");
    town.audited().await;
}

#[tokio::test]
async fn a_result_that_is_late_told_twice_or_returned_counts_once_for_its_heir() {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = accountants(&town).await;
    let family = family(&town, 2121, &["spouse", "parent"]).await;
    certified(&town, &family.dead).await;
    banks(&town, "duplicate").await;
    let asked = ask(
        &town,
        &family.heirs[0],
        agreement(&family, &[6000, 4000]),
        "CTR",
    )
    .await;
    let both = two_reviewers(&town, &office).await;
    approved(&town, &both, &asked).await;
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, &family.heirs[0]).await, 432_000);
    assert_eq!(on_card(&town, &family.heirs[1]).await, 288_000);
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 22")
            .await,
        2
    );

    let second = family_of(&town, 2131).await;
    banks(&town, "return_later").await;
    let asked = ask(
        &town,
        &second.heirs[0],
        agreement(&second, &[5000, 5000]),
        "CTR",
    )
    .await;
    approved(&town, &both, &asked).await;
    becomes(&town, &asked, "done").await;
    close_days(&town, &engine, 4).await;
    stand(&town, &asked, &["returned", "returned"]).await;
    let back = becomes(&town, &asked, "executing").await;
    assert_eq!(subject(&town, "21905").await, HELD);
    banks(&town, "late").await;
    let other = new_card(&town, &second.heirs[1], 2139).await;
    assert_eq!(again(&town, &back, 2, &other).await.0, 200);
    stand(&town, &asked, &["returned", "paid"]).await;
    assert_eq!(
        subject(&town, "21905").await,
        HELD / 2,
        "one of the two is paid out of it"
    );
    banks(&town, "ok").await;
    assert_eq!(again(&town, &back, 1, &second.heirs[0].card).await.0, 200);
    becomes(&town, &asked, "done").await;
    assert_eq!(
        (subject(&town, "21905").await, subject(&town, "21904").await),
        (0, 0)
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 26")
            .await,
        2
    );
    town.audited().await;
}

async fn family_of(town: &Town, seed: i64) -> Family {
    let one = family(town, seed, &["spouse", "parent"]).await;
    certified(town, &one.dead).await;
    one
}

#[tokio::test]
async fn where_every_bank_refuses_the_account_is_as_before_and_a_new_card_pays_all_of_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = accountants(&town).await;
    let family = family(&town, 2141, &["parent"]).await;
    certified(&town, &family.dead).await;
    close_days(&town, &engine, 2).await;
    banks(&town, "reject").await;
    let asked = ask(&town, &family.heirs[0], promise(&family), "YKB").await;
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, office.centre.head_branch).await;
    approve(&town, &reviewer, &asked).await;
    stand(&town, &asked, &["rejected"]).await;
    assert_eq!(
        subject(&town, "41101").await,
        0,
        "the interest is taken back"
    );
    assert_eq!(
        town.sql("SELECT sum(balance_fen)::bigint FROM ledger_account WHERE subject = 201")
            .await,
        2 * HELD
    );
    banks(&town, "ok").await;
    close_days(&town, &engine, 1).await;
    // Over his own page: the card, then his face.
    let heir = Visitor::person(&town, &office, &family.heirs[0]).await;
    let id = text(&asked, "case_id").expect("a number");
    let page = heir.get(&format!("/my/cases/{id}")).await.page;
    assert!(
        page.contains("等换卡") && page.contains(&format!("/my/cases/{id}/shares/1")),
        "{page}"
    );
    let path = format!("/my/cases/{id}/shares/1");
    let card = family.heirs[0].card.as_str();
    let wrong = heir.post(&path, &[("card_no", "123")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let face = heir.post(&path, &[("card_no", card)]).await;
    assert_eq!(face.status, StatusCode::OK, "{}", face.page);
    let sent = heir
        .show_face(&format!("{path}/face"), &[("card_no", card)])
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, &family.heirs[0]).await, HELD + 90);
    town.audited().await;
}

#[tokio::test]
async fn who_has_not_shown_that_he_is_an_heir_learns_nothing_of_the_estate() {
    let town = Town::open().await;
    let family = family(&town, 2151, &["other"]).await;
    certified(&town, &family.dead).await;
    let stranger = &family.heirs[0];
    // The register knows no kinship of the first order.
    let asked = ask(&town, stranger, promise(&family), "YKB").await;
    refused(&asked, "DTH-02", "E-DTH-02");
    let told = asked.to_string();
    for word in [
        "7,200",
        "720000",
        "DTH-01",
        "CMN-02",
        "CMN-04",
        "health.death_cert",
        "own.account",
        "账户余额",
    ] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    assert_eq!(town.sql("SELECT count(*) FROM fact WHERE type IN ('health.death_cert', 'civil.marriage') AND subject LIKE '逝者%'").await, 0);
}

#[tokio::test]
async fn each_condition_of_an_estate_refuses_with_its_code_or_waits_for_its_source() {
    let town = Town::open().await;
    let office = town.office().await;
    // Nobody knows of a death: a paper is asked for. Who is registered alive everywhere is refused.
    let unknown = family(&town, 2191, &["spouse"]).await;
    let dead = &unknown.dead;
    set(
        &town,
        "D01",
        "police.identity",
        dead,
        json!({ "name": dead.name, "match": true }),
    )
    .await;
    let waiting = ask(&town, &unknown.heirs[0], promise(&unknown), "YKB").await;
    assert_eq!(waiting["state"], "gathering", "{}", waiting["decision"]);
    assert_eq!(waiting["decision"]["papers"][0]["condition"], "DTH-01");
    let alive = family(&town, 2201, &["spouse"]).await;
    let dead = &alive.dead;
    set(&town, "D02", "civil.death", dead, json!({ "dead": false })).await;
    set(
        &town,
        "D08",
        "court.death_declaration",
        dead,
        json!({ "declared": false }),
    )
    .await;
    set(
        &town,
        "D10",
        "health.death_cert",
        dead,
        json!({ "cert_no": "X", "date": "2099-01-05" }),
    )
    .await;
    refused(
        &ask(&town, &alive.heirs[0], promise(&alive), "YKB").await,
        "DTH-01",
        "E-DTH-01",
    );
    let widow = family(&town, 2211, &["spouse", "parent"]).await;
    certified(&town, &widow.dead).await;
    cast::home::marry(&town.doors, &widow.dead, &widow.heirs[0])
        .await
        .expect("married");

    let family = family(&town, 2161, &["spouse", "parent"]).await;
    let wife = &family.heirs[0];
    certified(&town, &family.dead).await;

    // While the police are silent nobody is refused: the case waits, and what is said of the estate waits with it.
    let third = stranger(&town, 2167).await;
    source(&town, "D01", "down").await;
    let silent = ask(&town, &third, promise_of(&family, &third), "CTR").await;
    assert_eq!(silent["state"], "gathering", "{silent}");
    assert_eq!(outcome(&silent, "DTH-02"), "unknown");
    assert!(condition(&silent, "CMN-02").is_none() && silent["amount_fen"].is_null());
    source(&town, "D01", "ok").await;
    related(&town, &third, &family.dead, "parent").await;
    let reviewing = becomes(&town, &silent, "reviewing").await;
    // Another heir's case about the same estate is in the way of a second one.
    let second = ask(&town, wife, promise(&family), "YKB").await;
    refused(&second, "CMN-05", "E-W-05");
    withdraw(&town, &reviewing).await;

    // Shares that are not the whole, somebody named twice, nobody's signature, a widow who is left out.
    let short = ask(&town, wife, agreement(&family, &[5000, 4999]), "CTR").await;
    refused(&short, "DTH-03", "E-DTH-03");
    let mut twice = agreement(&family, &[5000, 5000]);
    twice["heir_2_id_no"] = wife.id.clone().into();
    refused(&ask(&town, wife, twice, "CTR").await, "DTH-03", "E-DTH-03");
    let mut unsigned = agreement(&family, &[5000, 5000]);
    unsigned["all_signed"] = false.into();
    refused(
        &ask(&town, wife, unsigned, "CTR").await,
        "DTH-03",
        "E-DTH-03",
    );
    let child = &widow.heirs[1];
    let alone = json!({
        "deceased_id_no": widow.dead.id, "deceased_name": widow.dead.name, "basis": "agreement", "all_signed": true,
        "share_bp": 10_000, "card_no": child.card,
    });
    refused(&ask(&town, child, alone, "CTR").await, "DTH-03", "E-DTH-03");
    // Online only who is alone by the registers.
    let online = ask(&town, child, promise_of(&widow, child), "YKB").await;
    refused(&online, "DTH-06", "E-DTH-03");

    // A court's freeze stands in the way, beside what a death signal laid.
    let number = crate::town::account_no(&town, &family.dead).await;
    let account = office
        .numbers
        .decode(NumberKind::Account, &number)
        .expect("a number");
    let mut conn = office.pool.acquire().await.expect("a connection");
    let court = Hold {
        hold_id: office.ids.next().await.expect("an id"),
        account: AccountId(account),
        kind: HoldKind::Freeze,
        amount: anju_domain::money::Fen::new(100_000),
        case_id: None,
        reason: "法院冻结",
        until: None,
    };
    let laid = hold(
        &mut conn,
        anju_ledger::Centre(office.centre.id),
        &court,
        office.now(),
    )
    .await;
    assert!(laid.expect("the ledger"));
    let frozen = ask(&town, wife, promise(&family), "YKB").await;
    refused(&frozen, "CMN-04", "E-W-04");
    assert!(
        condition(&frozen, "CMN-04").expect("it")["detail"]
            .as_str()
            .expect("words")
            .contains("1,000.00")
    );
}

fn promise_of(of: &Family, heir: &Person) -> Value {
    json!({
        "deceased_id_no": of.dead.id, "deceased_name": of.dead.name, "basis": "promise", "promise": true,
        "share_bp": 10_000, "card_no": heir.card,
    })
}

/// Somebody whom the centre knows and who has no account.
pub async fn stranger(town: &Town, seed: i64) -> Person {
    let one = known(town, seed, &[("赵宁", 0)]).await.remove(0);
    let body = json!({ "name": one.name, "id_no": one.id, "phone": one.phone });
    town.doors
        .post("/people", &body)
        .await
        .expect("a door")
        .ok()
        .expect("known");
    one
}

async fn withdraw(town: &Town, case: &Value) {
    let id = text(case, "case_id").expect("a number");
    let path = format!("/cases/{id}/withdraw");
    town.doors
        .post(&path, &json!({}))
        .await
        .expect("a door")
        .ok()
        .expect("taken back");
}

#[tokio::test]
async fn by_a_notarys_deed_the_shares_are_the_deeds_and_heirs_of_any_order_take() {
    let town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2171, &["other", "other"]).await;
    certified(&town, &family.dead).await;
    let mut form = agreement(&family, &[7000, 3000]);
    form["basis"] = "notary".into();
    form["deed_no"] = "渝证字第1号".into();
    form["all_signed"] = false.into();
    for (heir, share) in family.heirs.iter().zip([7000, 2000]) {
        let deed = json!({ "entitled": true, "share_bp": share, "deed_no": "渝证字第1号", "other_id_no": family.dead.id });
        set(&town, "D14", "notary.inheritance", heir, deed).await;
    }
    refused(
        &ask(&town, &family.heirs[0], form.clone(), "CTR").await,
        "DTH-03",
        "E-DTH-03",
    );
    for (heir, share) in family.heirs.iter().zip([7000, 3000]) {
        let deed = json!({ "entitled": true, "share_bp": share, "deed_no": "渝证字第2号", "other_id_no": family.dead.id });
        set(&town, "D14", "notary.inheritance", heir, deed).await;
    }
    form["deed_no"] = "渝证字第2号".into();
    let asked = ask(&town, &family.heirs[0], form, "CTR").await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    let both = two_reviewers(&town, &office).await;
    approved(&town, &both, &asked).await;
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, &family.heirs[0]).await, 504_000);
    assert_eq!(on_card(&town, &family.heirs[1]).await, 216_000);
    town.audited().await;
}

#[tokio::test]
async fn what_no_register_knows_is_read_from_papers_and_what_the_dead_had_asked_for_ends() {
    let town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2221, &[""]).await;
    let heir = Visitor::person(&town, &office, &family.heirs[0]).await;
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let asked = ask(&town, &family.heirs[0], promise(&family), "CTR").await;
    assert_eq!(asked["state"], "gathering", "{}", asked["decision"]);
    let no = text(&asked, "case_id").expect("a number");
    let papers = [
        (
            "DTH-02",
            vec![("verdict", "read"), ("0.relation", "parent")],
        ),
        (
            "DTH-01",
            vec![
                ("verdict", "read"),
                ("0.dead", "1"),
                ("0.date", "2026-01-05"),
            ],
        ),
    ];
    for (place, (code, read)) in papers.iter().enumerate() {
        let now = case_of(&town, &no).await;
        assert_eq!(
            now["decision"]["papers"][0]["condition"], *code,
            "{}",
            now["decision"]
        );
        let known = now.to_string().contains("CMN-02");
        assert_eq!(known, place > 0, "the estate is told after kinship");
        let sent = heir
            .hand_in(
                &format!("/my/cases/{no}/papers"),
                code,
                b"\x89PNG\r\n\x1a\npicture",
            )
            .await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
        let paper = town.sql("SELECT max(paper_id) FROM case_paper").await;
        let done = teller.post(&format!("/desk/papers/{paper}"), read).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    }
    let reviewing = becomes(&town, &asked, "reviewing").await;
    assert_eq!(outcome(&reviewing, "DTH-01"), "met");
    let both = two_reviewers(&town, &office).await;
    approved(&town, &both, &asked).await;
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, &family.heirs[0]).await, HELD);
    town.audited().await;

    // 吴磊 waits for his rent when the register tells that he has died.
    let wu = cast::person("吴磊", 2521, 1, 0).expect("numbers");
    source(&town, "D03", "down").await;
    let request = cast::rent_request(&town.doors, &wu)
        .await
        .expect("a request");
    let waits = town
        .doors
        .post("/cases", &request)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    becomes(&town, &waits, "gathering").await;
    let died = json!({ "name": "d7", "items": [{ "subject": wu.id, "value": { "dead": true, "date": "2026-01-05" } }] });
    let sent = town
        .doors
        .control_post("/sources/D02/files/deaths", &died)
        .await;
    sent.expect("a door").ok().expect("sent");
    becomes(&town, &waits, "withdrawn").await;
}

#[tokio::test]
async fn a_dispute_stops_the_heirs_for_its_days_and_an_estate_without_heirs_goes_to_income_by_two_persons()
 {
    let town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2181, &["parent"]).await;
    certified(&town, &family.dead).await;
    let both = two_reviewers(&town, &office).await;
    let fields = [
        ("kind", "1"),
        ("id_no", family.dead.id.as_str()),
        ("document_no", "异议〔2026〕1号"),
        ("reason", "弟弟提出异议"),
    ];
    let made = both.0.post("/desk/estates", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    assert_eq!(
        ask(&town, &family.heirs[0], promise(&family), "YKB").await["state"],
        "reviewing",
        "not before the second person"
    );
    let id = town.sql("SELECT max(notice_id) FROM estate_notice").await;
    let path = format!("/desk/estates/{id}");
    let own = both.0.post(&path, &[("verdict", "agree")]).await;
    assert_eq!(
        own.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "nobody checks his own work"
    );
    let agreed = both.1.post(&path, &[("verdict", "agree")]).await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    let other = stranger(&town, 2187).await;
    related(&town, &other, &family.dead, "child").await;
    let stopped = ask(&town, &other, promise_of(&family, &other), "CTR").await;
    refused(&stopped, "DTH-04", "E-DTH-04");
    both.0.post(&path, &[("verdict", "lift")]).await;
    both.1.post(&path, &[("verdict", "agree")]).await;
    assert_eq!(town.sql("SELECT state::bigint FROM estate_notice").await, 9);

    // Nobody takes what 吴磊 left.
    let alone = cast::person("吴磊", 2481, 1, 0).expect("numbers");
    let fields = [
        ("kind", "2"),
        ("id_no", alone.id.as_str()),
        ("document_no", "（2026）渝民特1号"),
        ("reason", "公告期满无人继承"),
    ];
    let made = both.0.post("/desk/estates", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let (fund, income, cash, surplus) = (
        subject(&town, "201").await,
        subject(&town, "311").await,
        subject(&town, "10101").await,
        subject(&town, "10201").await,
    );
    for bank in 1..=8 {
        card(&town, &format!("500001020100000{bank}"), true).await;
    }
    let id = town.sql("SELECT max(notice_id) FROM estate_notice").await;
    let agreed = both
        .1
        .post(&format!("/desk/estates/{id}"), &[("verdict", "agree")])
        .await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    assert_eq!(subject(&town, "201").await, fund - HELD);
    assert_eq!(subject(&town, "311").await, income + HELD);
    assert_eq!(subject(&town, "10101").await, cash - HELD);
    assert_eq!(subject(&town, "10201").await, surplus + HELD);
    // The centre's account was closed meanwhile: it names another, and the same amount goes there.
    let number = office.numbers.encode(NumberKind::Case, id);
    let of_income = json!({ "case_id": number });
    stand(&town, &of_income, &["rejected"]).await;
    let other = cast::person("中心", 2482, 3, 0).expect("numbers").card;
    let (status, answer) = again(&town, &of_income, 1, &other).await;
    assert_eq!(status, 200, "{answer}");
    let moved = stand(&town, &of_income, &["paid"]).await;
    assert_eq!(moved[0].1, HELD, "the bank has moved the cash");
    assert_eq!(subject(&town, "10101").await, cash - HELD, "once");
    let heir = stranger(&town, 2188).await;
    related(&town, &heir, &alone, "parent").await;
    certified(&town, &alone).await;
    let late = Family {
        dead: alone,
        heirs: vec![heir],
    };
    refused(
        &ask(&town, &late.heirs[0], promise(&late), "CTR").await,
        "DTH-05",
        "E-DTH-05",
    );
    town.audited().await;
}
