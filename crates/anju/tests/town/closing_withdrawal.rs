//! Withdrawals that close an account: interest and balance to the fen, the membership ended, and everything as it was where the bank says no.

use anju::cast::{self, Person, balance, bank_balance, contribute, text};
use anju::start::{demo, office};
use anju_casework::{Actor, Office, case, staff::role};
use anju_domain::clock::{Clock, shanghai_date};
use anju_domain::interest::{self, ChangeMode, End, RateTable};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_engine::Engine;
use anju_ledger::AccountId;
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::interest_year::{close_days, days_later};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// Three months of 2,400.00.
const HELD: i64 = 720_000;

/// Somebody with 7,200.00 at an employer; three contributions, the last one for last month.
async fn employee(town: &Town, seed: i64) -> (Person, String) {
    let li = known(town, seed, &[("李梅", 1_000_000)]).await.remove(0);
    let employer = works(town, seed, &li).await;
    (li, employer)
}

/// The same beside a colleague who stays, so that the bank holds more than is paid.
async fn employee_and_colleague(town: &Town, seed: i64) -> (Person, String) {
    let (li, employer) = employee(town, seed).await;
    employee(town, seed + 200).await;
    (li, employer)
}

async fn works(town: &Town, seed: i64, who: &Person) -> String {
    let first = this_month(town).plus(-3);
    let employer = cast::open_employer(&town.doors, seed, first)
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(
            &town.doors,
            &employer,
            this_month(town).plus(-back),
            std::slice::from_ref(who),
        )
        .await
        .expect("a month");
    }
    employer
}

fn today(town: &Town) -> NaiveDate {
    shanghai_date(office::clock(&town.config.home).now())
}

fn this_month(town: &Town) -> anju_domain::calendar::Month {
    anju_domain::calendar::Month::of(today(town))
}

/// The employer seals who left.
async fn seal(town: &Town, employer: &str, who: &Person) {
    member(town, employer, who, "employee-account-seal").await;
}

async fn member(town: &Town, employer: &str, who: &Person, service: &str) {
    let account = account_no(town, who).await;
    let row = json!({ "account_no": account, "reason": "离职" });
    let body = json!({ "service": service, "applicant": employer, "channel": "HALL", "form": { "roster": [row] } });
    let answer = town
        .doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert_eq!(answer["state"], "done", "{answer}");
}

async fn known_to(town: &Town, source: &str, fact: &str, who: &Person, value: Value) {
    cast::fact(&town.doors, source, fact, &who.id, value)
        .await
        .expect("the department");
}

pub async fn retired(town: &Town, who: &Person) {
    let date = (today(town) - chrono::Days::new(1)).to_string();
    let pension = json!({ "retired": true, "date": date, "kind": "normal" });
    known_to(town, "D05", "hrss.retirement", who, pension).await;
}

/// The employment ended so many months ago.
async fn left(town: &Town, who: &Person, months: i32) {
    let on = anju_domain::calendar::add_months(today(town), -months).to_string();
    let record = json!({ "state": "ended", "ended_on": on, "reemployed": false });
    known_to(town, "D05", "hrss.employment", who, record).await;
}

async fn ask(town: &Town, service: &str, who: &Person) -> Value {
    let applicant = cast::look_up(&town.doors, who).await.expect("known");
    let form = json!({ "card_no": who.card });
    let body =
        json!({ "service": service, "applicant": applicant, "form": form, "channel": "APP" });
    town.doors
        .post("/cases?wait=15s", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case")
}

async fn source(town: &Town, source: &str, mode: &str) {
    let body = json!({ "mode": mode });
    let path = format!("/sources/{source}");
    town.doors
        .control_put(&path, &body)
        .await
        .expect("a door")
        .ok()
        .expect("a mode");
}

async fn banks(town: &Town, mode: &str) {
    for bank in 1..=8 {
        let body = json!({ "mode": mode, "latency_ms": 0 });
        let path = format!("/banks/B{bank}");
        town.doors
            .control_put(&path, &body)
            .await
            .expect("a door")
            .ok()
            .expect("a mode");
    }
}

fn condition<'a>(case: &'a Value, code: &str) -> &'a Value {
    case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .find(|one| one["code"] == code)
        .unwrap_or_else(|| panic!("no {code}: {}", case["decision"]))
}

/// Refused, by this condition with this message, and nothing has moved.
async fn refused(town: &Town, service: &str, who: &Person, code: &str, message: &str) -> Value {
    let answer = ask(town, service, who).await;
    assert_eq!(answer["state"], "refused", "{answer}");
    let one = condition(&answer, code);
    assert_eq!(
        (&one["outcome"], &one["message"]),
        (&json!("not_met"), &json!(message)),
        "{one}"
    );
    assert!(
        !one["law"].as_str().expect("law").is_empty()
            && !one["remedy"].as_str().expect("a remedy").is_empty()
    );
    answer
}

/// What the balance sheet holds on a subject.
async fn subject(town: &Town, code: &str) -> i64 {
    let sheet = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("a sheet");
    let subjects = sheet["subjects"].as_array().expect("subjects");
    let found = subjects
        .iter()
        .find(|one| one["code"] == code)
        .expect("the subject");
    found["closing_fen"].as_i64().expect("fen")
}

/// Every account of the person: number, state and balance.
async fn accounts(town: &Town, who: &Person) -> Vec<(String, String, i64)> {
    let person = cast::look_up(&town.doors, who).await.expect("known");
    let path = format!("/people/{person}/accounts");
    let all = town
        .doors
        .get(&path)
        .await
        .expect("a door")
        .ok()
        .expect("accounts");
    all.as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            let word = |field| text(one, field).expect("a word");
            (
                word("account_no"),
                word("state"),
                one["balance_fen"].as_i64().expect("fen"),
            )
        })
        .collect()
}

/// State and balance of the account that is alive.
async fn account(town: &Town, who: &Person) -> (String, i64) {
    let all = accounts(town, who).await;
    let alive = all.into_iter().find(|one| one.1 != "closed");
    alive.map(|one| (one.1, one.2)).expect("a living account")
}

async fn on_card(town: &Town, who: &Person, done: &Value) -> i64 {
    let bank = text(&done["payment"], "bank").expect("a bank");
    bank_balance(&town.doors, &bank, &who.card)
        .await
        .expect("the bank")
}

/// The engine with two accountants, who close days.
pub async fn accountants(town: &Town) -> Engine {
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("accountants");
    engine
}

async fn paid(town: &Town, service: &str, who: &Person) -> Value {
    let done = becomes(town, &ask(town, service, who).await, "done").await;
    assert_eq!(done["payment"]["state"], "paid");
    done
}

/// The worked amount of withdrawal.md §11 (c).
#[test]
fn the_worked_retirement_has_its_interest() {
    let day = |month, day| NaiveDate::from_ymd_opt(2025, month, day).expect("a date");
    let since = NaiveDate::from_ymd_opt(2016, 2, 21).expect("a date");
    let rates = RateTable::new([(since, Bp::new(150))]).expect("rates");
    let end: End =
        serde_json::from_value(json!({ "kind": "closing", "date": "2025-09-10" })).expect("an end");
    let opening = (day(7, 1), Fen::new(8_600_000));
    let (_, balance) =
        interest::settle(opening, &[], end, &rates, ChangeMode::Segment, 360).expect("interest");
    assert_eq!(balance, Fen::new(8_625_442));
}

#[tokio::test]
async fn who_retires_gets_every_fen_with_interest_and_the_account_is_closed() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let (li, employer) = employee_and_colleague(&town, 1501).await;
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    close_days(&town, &engine, 3).await;
    let (fund, cash, expense) = (
        subject(&town, "201").await,
        subject(&town, "10101").await,
        subject(&town, "41101").await,
    );
    let done = paid(&town, "withdraw-retire", &li).await;

    // 7,200.00 for three days at 1.5 %: 0.90.
    assert_eq!(done["amount_fen"], HELD + 90);
    assert_eq!(on_card(&town, &li, &done).await, HELD + 90);
    assert_eq!(subject(&town, "201").await, fund - HELD);
    assert_eq!(subject(&town, "41101").await, expense + 90);
    assert_eq!(subject(&town, "10101").await, cash - HELD - 90);
    assert_eq!(subject(&town, "21904").await, 0);
    for (lines, fen) in [
        (
            "SELECT sum(amount_fen)::bigint FROM posting p JOIN journal j USING (centre_id, journal_id, business_date) WHERE j.event = 28 AND p.subject = 201",
            -90,
        ),
        (
            "SELECT sum(amount_fen)::bigint FROM posting p JOIN journal j USING (centre_id, journal_id, business_date) WHERE j.event = 21 AND p.subject = 201",
            HELD + 90,
        ),
        (
            "SELECT count(*) FROM ledger_account WHERE subject = 201 AND state = 3 AND balance_fen = 0",
            1,
        ),
        ("SELECT count(*) FROM membership WHERE state = 9", 1),
    ] {
        assert_eq!(town.sql(lines).await, fen, "{lines}");
    }
    let codes: Vec<&str> = done["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert!(codes.contains(&"RET-01") && codes.contains(&"RET-03"));
    assert!(
        !codes.contains(&"RET-02"),
        "the age is not asked where the record is there: {codes:?}"
    );
    // Once.
    refused(&town, "withdraw-retire", &li, "CMN-02", "E-W-02").await;
    // That there is no account any more is said once, not with each kind of withdrawal.
    let me = Visitor::person(&town, &engine.office, &li).await;
    let page = me.get("/my/withdraw").await.page;
    assert!(page.contains("您在本中心没有公积金账户"), "{page}");
    for none in ["现在不符合的", "在别处办的", "可能可以的"] {
        assert!(!page.contains(none), "{none}: {page}");
    }
    town.audited().await;
}

#[tokio::test]
async fn who_is_not_sealed_yet_is_sealed_by_retiring_once_the_last_month_is_paid() {
    let town = Town::open().await;
    let (li, employer) = employee(&town, 1502).await;
    retired(&town, &li).await;
    // A list that waits for money would come to a closed account.
    let order = cast::register_month(
        &town.doors,
        &employer,
        this_month(&town),
        std::slice::from_ref(&li),
    )
    .await;
    let order = order.expect("a list");
    refused(&town, "withdraw-retire", &li, "RET-03", "E-RET-02").await;
    cast::pay(&town.doors, &order, 240_000).await.expect("paid");
    let id = text(&order, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    let done = paid(&town, "withdraw-retire", &li).await;
    assert_eq!(done["amount_fen"], HELD + 240_000);
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state = 9 AND sealed_on IS NOT NULL")
            .await,
        1
    );
    town.audited().await;
}

#[tokio::test]
async fn who_still_owes_months_or_has_no_pension_is_told_so() {
    let town = Town::open().await;
    let li = known(&town, 1503, &[("李梅", 1_000_000)]).await.remove(0);
    let employer = cast::open_employer(&town.doors, 1503, month(3))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(3), std::slice::from_ref(&li))
        .await
        .expect("a month");
    retired(&town, &li).await;
    refused(&town, "withdraw-retire", &li, "RET-03", "E-RET-02").await;

    let (wang, employer) = employee(&town, 1504).await;
    seal(&town, &employer, &wang).await;
    // Nobody knows of a pension: a paper may stand in for the record.
    let waiting = becomes(
        &town,
        &ask(&town, "withdraw-retire", &wang).await,
        "gathering",
    )
    .await;
    assert_eq!(waiting["decision"]["outcome"], "waiting");
    assert_eq!(
        waiting["decision"]["papers"][0]["condition"], "RET-01",
        "{}",
        waiting["decision"]
    );
    let id = text(&waiting, "case_id").expect("a number");
    town.doors
        .post(&format!("/cases/{id}/withdraw"), &json!({}))
        .await
        .expect("a door")
        .ok()
        .expect("taken back");
    // The source says that he has none.
    known_to(
        &town,
        "D05",
        "hrss.retirement",
        &wang,
        json!({ "retired": false }),
    )
    .await;
    refused(&town, "withdraw-retire", &wang, "RET-01", "E-RET-01").await;
    assert_eq!(account(&town, &wang).await, ("sealed".to_owned(), HELD));
}

#[tokio::test]
async fn while_the_pension_office_is_silent_the_statutory_age_decides_or_the_case_waits() {
    let town = Town::open().await;
    // Born in January 1970: a woman reaches 55 and a month in February 2025, a man 61 and four months in May 2031.
    let people = known(&town, 7, &[("何川", 1_000_000), ("李梅", 1_000_000)]).await;
    let employer = cast::open_employer(&town.doors, 7, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    for one in &people {
        seal(&town, &employer, one).await;
    }
    source(&town, "D05", "down").await;
    let done = paid(&town, "withdraw-retire", &people[1]).await;
    assert_eq!(condition(&done, "RET-02")["outcome"], "met");
    assert_eq!(
        condition(&done, "RET-02")["detail"],
        "法定退休日 2025年2月1日，账户已封存"
    );

    let waiting = becomes(
        &town,
        &ask(&town, "withdraw-retire", &people[0]).await,
        "gathering",
    )
    .await;
    assert_eq!(
        waiting["decision"]["waiting_for"][0]["source"], "D05",
        "silence is never a no"
    );
    retired(&town, &people[0]).await;
    source(&town, "D05", "ok").await;
    let done = becomes(&town, &waiting, "done").await;
    assert_eq!(on_card(&town, &people[0], &done).await, HELD);
    town.audited().await;
}

#[tokio::test]
async fn a_bank_that_refuses_leaves_the_account_sealed_with_its_interest_as_before() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let (li, employer) = employee_and_colleague(&town, 1506).await;
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    close_days(&town, &engine, 2).await;
    banks(&town, "reject").await;
    let failed = becomes(&town, &ask(&town, "withdraw-retire", &li).await, "failed").await;
    assert_eq!(failed["payment"]["state"], "rejected");
    assert_eq!(account(&town, &li).await, ("sealed".to_owned(), HELD));
    assert_eq!(
        subject(&town, "41101").await,
        0,
        "the interest is taken back"
    );
    assert_eq!(subject(&town, "21904").await, 0);
    // The two days are not lost: the next try pays them, and the third.
    banks(&town, "ok").await;
    close_days(&town, &engine, 1).await;
    let done = paid(&town, "withdraw-retire", &li).await;
    assert_eq!(done["amount_fen"], HELD + 90);
    town.audited().await;
}

#[tokio::test]
async fn money_that_comes_back_opens_the_account_again_and_its_owner_loses_no_interest() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let (li, employer) = employee_and_colleague(&town, 1507).await;
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    close_days(&town, &engine, 1).await;
    banks(&town, "return_later").await;
    let submitted = ask(&town, "withdraw-retire", &li).await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(done["amount_fen"], HELD + 30);
    close_days(&town, &engine, 4).await;
    let returned = becomes(&town, &submitted, "executing").await;
    assert_eq!(returned["payment"]["state"], "returned");
    assert_eq!(subject(&town, "21905").await, HELD + 30);
    let case_no = text(&submitted, "case_id").expect("a number");
    let case_id = engine
        .office
        .numbers
        .decode(NumberKind::Case, &case_no)
        .expect("a case");
    case::credit_back(&engine.office, case_id, Actor::System)
        .await
        .expect("credited back");
    assert_eq!(account(&town, &li).await, ("sealed".to_owned(), HELD + 30));
    banks(&town, "ok").await;
    let again = paid(&town, "withdraw-retire", &li).await;
    // Four more days on 7,200.30: 1.20.
    assert_eq!(again["amount_fen"], HELD + 30 + 120);
    town.audited().await;
}

/// One person, one account: what the bank returns when there is a new account by then arrives there, with the interest of its days away.
#[tokio::test]
async fn money_that_comes_back_to_somebody_with_a_new_account_arrives_there() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let (li, employer) = employee_and_colleague(&town, 1511).await;
    seal(&town, &employer, &li).await;
    // Who has retired is set up nowhere again (PERS-06); who has settled abroad may come back.
    left(&town, &li, 0).await;
    let abroad = json!({ "settled_abroad": true, "country": "加拿大", "date": "2026-10-01" });
    known_to(&town, "D13", "immigration.settlement", &li, abroad).await;
    banks(&town, "return_later").await;
    let submitted = ask(&town, "withdraw-emigrate", &li).await;
    becomes(&town, &submitted, "done").await;
    banks(&town, "ok").await;
    let this = this_month(&town);
    let new = cast::open_employer(&town.doors, 1512, this)
        .await
        .expect("an employer");
    contribute(&town.doors, &new, this, std::slice::from_ref(&li))
        .await
        .expect("a month");
    close_days(&town, &engine, 4).await;
    becomes(&town, &submitted, "executing").await;
    let case_no = text(&submitted, "case_id").expect("a number");
    let case_id = engine
        .office
        .numbers
        .decode(NumberKind::Case, &case_no)
        .expect("a case");
    case::credit_back(&engine.office, case_id, Actor::System)
        .await
        .expect("credited back");
    assert_eq!(
        account(&town, &li).await,
        ("active".to_owned(), 240_000 + HELD + 120)
    );
    assert_eq!(subject(&town, "21905").await, 0);
    town.audited().await;
}

/// A freeze of the ledger account, as the court's order makes it.
async fn freeze(office: &Office, town: &Town, who: &Person, fen: i64) {
    let no = account_no(town, who).await;
    let account = AccountId(
        office
            .numbers
            .decode(NumberKind::Account, &no)
            .expect("a number"),
    );
    let mut conn = office.pool.acquire().await.expect("a connection");
    let order = Hold {
        hold_id: office.ids.next().await.expect("an id"),
        account,
        kind: HoldKind::Freeze,
        amount: Fen::new(fen),
        case_id: None,
        reason: "渝中法院 2026 第 78 号",
        until: None,
    };
    assert!(
        hold(&mut conn, office.ledger(), &order, office.now())
            .await
            .expect("a freeze")
    );
}

/// withdrawal.md §11, 7 and 8: who closes an account closes all of it or nothing; a freeze that comes while the bank pays binds nothing more.
#[tokio::test]
async fn a_freeze_of_a_part_stops_the_closing_of_the_whole() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, employer) = employee(&town, 1508).await;
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    freeze(&office, &town, &li, 300_000).await;
    refused(&town, "withdraw-retire", &li, "CMN-04", "E-W-04").await;
    assert_eq!(account(&town, &li).await, ("sealed".to_owned(), HELD));
}

/// The housing subsidy's account is closed in the same case, with the same payment.
#[tokio::test]
async fn the_subsidy_is_paid_with_the_fund_and_both_accounts_are_closed() {
    let town = Town::open().await;
    let (li, employer) = employee(&town, 1509).await;
    let no = account_no(&town, &li).await;
    let rows = json!([{ "account_no": no, "amount_fen": 30_001 }]);
    let form = json!({ "roster": rows, "month": this_month(&town).plus(-1).to_string(), "sort": "MONTHLY" });
    let body = json!({ "service": "subsidy-register", "applicant": employer, "form": form, "channel": "HALL" });
    let listed = town
        .doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a list");
    let listed = text(&listed, "case_id").expect("a number");
    let listed = town
        .doors
        .get(&format!("/cases/{listed}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let order = listed["events"]
        .as_array()
        .expect("events")
        .iter()
        .find_map(|event| {
            event["detail"]
                .get("reference")
                .map(|_| event["detail"].clone())
        })
        .expect("a pay code");
    cast::pay(&town.doors, &order, 30_001).await.expect("paid");
    let list = text(&order, "remittance").expect("a number");
    cast::state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    banks(&town, "reject").await;
    becomes(&town, &ask(&town, "withdraw-retire", &li).await, "failed").await;
    assert_eq!(
        subject(&town, "201").await,
        HELD + 30_001,
        "both are as before"
    );
    banks(&town, "ok").await;
    let done = paid(&town, "withdraw-retire", &li).await;
    assert_eq!(done["amount_fen"], HELD + 30_001);
    assert_eq!(on_card(&town, &li, &done).await, HELD + 30_001);
    assert_eq!(
        town.sql("SELECT count(*) FROM ledger_account WHERE subject = 201 AND state = 3")
            .await,
        2
    );
    assert_eq!(subject(&town, "201").await, 0);
    town.audited().await;
}

/// At the counter, what goes to people needs two of them beside the teller.
#[tokio::test]
async fn a_large_closing_goes_to_a_reviewer_and_is_booked_by_his_yes() {
    let centre = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/centre.toml"
    ))
    .expect("the numbers");
    let lower = centre.replacen("value = 20000000", "value = 500000", 1);
    assert_ne!(lower, centre, "the limit of automatic decisions");
    let town = Town::with_policy(&[("chongqing/centre.toml", &lower)]).await;
    let engine = accountants(&town).await;
    let (li, employer) = employee(&town, 1510).await;
    seal(&town, &employer, &li).await;
    retired(&town, &li).await;
    let reviewing = becomes(
        &town,
        &ask(&town, "withdraw-retire", &li).await,
        "reviewing",
    )
    .await;
    let branch = town
        .sql("SELECT branch_id::bigint FROM business_case WHERE state = 4")
        .await;
    let branch = i16::try_from(branch).expect("a branch");
    let reviewer = Visitor::staff(&town, &engine.office, role::REVIEWER, branch).await;
    let id = text(&reviewing, "case_id").expect("a number");
    let answer = reviewer
        .post(
            &format!("/desk/cases/{id}/check"),
            &[("verdict", "approve"), ("reason", "金额核对无误")],
        )
        .await;
    assert!(answer.status.is_redirection(), "{}", answer.page);
    let done = becomes(&town, &reviewing, "done").await;
    assert_eq!(on_card(&town, &li, &done).await, HELD);
    assert_eq!(balance(&town.doors, &li).await.ok().unwrap_or(0), 0);
    town.audited().await;
}

#[tokio::test]
async fn who_settles_abroad_is_paid_by_the_borders_record_or_a_cancelled_register() {
    let town = Town::open().await;
    let (li, employer) = employee(&town, 1521).await;
    left(&town, &li, 0).await;
    refused(&town, "withdraw-emigrate", &li, "EMI-02", "E-LV-01").await;
    seal(&town, &employer, &li).await;
    let known = json!({ "settled_abroad": true, "country": "加拿大", "date": "2026-10-01" });
    known_to(&town, "D13", "immigration.settlement", &li, known).await;
    let done = paid(&town, "withdraw-emigrate", &li).await;
    assert_eq!(done["amount_fen"], HELD);
    assert!(
        condition(&done, "EMI-01")["detail"]
            .as_str()
            .expect("words")
            .contains("加拿大")
    );

    let (wang, employer) = employee(&town, 1522).await;
    seal(&town, &employer, &wang).await;
    left(&town, &wang, 1).await;
    known_to(
        &town,
        "D13",
        "immigration.settlement",
        &wang,
        json!({ "settled_abroad": false }),
    )
    .await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &wang,
        json!({ "local": true, "state": "active" }),
    )
    .await;
    refused(&town, "withdraw-emigrate", &wang, "EMI-01", "E-EMI-01").await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &wang,
        json!({ "local": true, "state": "cancelled" }),
    )
    .await;
    let done = paid(&town, "withdraw-emigrate", &wang).await;
    assert_eq!(on_card(&town, &wang, &done).await, HELD);
    town.audited().await;
}

#[tokio::test]
async fn who_moves_away_is_paid_and_who_contributes_there_takes_the_account_along() {
    let town = Town::open().await;
    let (li, employer) = employee(&town, 1523).await;
    known_to(
        &town,
        "D05",
        "hrss.social_insurance",
        &li,
        json!({ "months_paid": 40, "last_month": month(1).to_string(), "region": "440305" }),
    )
    .await;
    left(&town, &li, 1).await;
    refused(&town, "withdraw-move-out", &li, "MOV-02", "E-LV-01").await;
    seal(&town, &employer, &li).await;
    let elsewhere = |months: i64| json!({ "exists": true, "centre": "深圳市住房公积金管理中心", "state": "active", "months_continuous": months });
    known_to(&town, "D15", "nhpf.account_elsewhere", &li, elsewhere(6)).await;
    let told = refused(&town, "withdraw-move-out", &li, "MOV-03", "E-MOV-03").await;
    assert!(
        condition(&told, "MOV-03")["detail"]
            .as_str()
            .expect("words")
            .contains("深圳")
    );
    town.audited().await;

    let (wang, employer) = employee(&town, 1524).await;
    seal(&town, &employer, &wang).await;
    left(&town, &wang, 1).await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &wang,
        json!({ "local": true, "region_code": "500103" }),
    )
    .await;
    let moved = |on: &str| json!({ "moved_out": true, "date": on, "to_region": "510100" });
    known_to(
        &town,
        "D01",
        "police.hukou_move",
        &wang,
        json!({ "moved_out": false }),
    )
    .await;
    refused(&town, "withdraw-move-out", &wang, "MOV-01", "E-MOV-01").await;

    // Out and in again within a year, and insured elsewhere: a person looks.
    let (zhao, employer) = employee(&town, 1525).await;
    seal(&town, &employer, &zhao).await;
    left(&town, &zhao, 1).await;
    known_to(
        &town,
        "D05",
        "hrss.social_insurance",
        &zhao,
        json!({ "months_paid": 40, "region": "510104" }),
    )
    .await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &zhao,
        json!({ "local": true, "region_code": "500103" }),
    )
    .await;
    let recently = (today(&town) - chrono::Days::new(100)).to_string();
    known_to(&town, "D01", "police.hukou_move", &zhao, moved(&recently)).await;
    let held = becomes(
        &town,
        &ask(&town, "withdraw-move-out", &zhao).await,
        "reviewing",
    )
    .await;
    assert_eq!(condition(&held, "FR-10")["message"], "E-W-15");

    let (qian, employer) = employee(&town, 1526).await;
    seal(&town, &employer, &qian).await;
    left(&town, &qian, 1).await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &qian,
        json!({ "local": false, "region_code": "510104" }),
    )
    .await;
    known_to(&town, "D01", "police.hukou_move", &qian, moved(&recently)).await;
    known_to(&town, "D15", "nhpf.account_elsewhere", &qian, elsewhere(5)).await;
    let done = paid(&town, "withdraw-move-out", &qian).await;
    assert_eq!(on_card(&town, &qian, &done).await, HELD);
    town.audited().await;
}

#[tokio::test]
async fn who_has_lost_all_capacity_is_paid_and_a_certificate_alone_goes_to_a_person() {
    let town = Town::open().await;
    let (li, _) = employee(&town, 1527).await;
    let grade = |grade: &str, lost: bool| json!({ "grade": grade, "total_loss": lost, "date": "2026-09-01" });
    known_to(&town, "D05", "hrss.work_capacity", &li, grade("4", false)).await;
    known_to(
        &town,
        "D05",
        "hrss.employment",
        &li,
        json!({ "state": "employed" }),
    )
    .await;
    let told = refused(&town, "withdraw-disability", &li, "DIS-02", "E-DIS-02").await;
    assert_eq!(condition(&told, "DIS-03")["message"], "E-LV-01");
    let (wang, other) = employee(&town, 1528).await;
    seal(&town, &other, &wang).await;
    left(&town, &wang, 1).await;
    known_to(&town, "D05", "hrss.work_capacity", &wang, grade("5", false)).await;
    refused(&town, "withdraw-disability", &wang, "DIS-01", "E-DIS-01").await;

    let (zhao, third) = employee(&town, 1529).await;
    seal(&town, &third, &zhao).await;
    left(&town, &zhao, 1).await;
    known_to(
        &town,
        "D12",
        "disabled.certificate",
        &zhao,
        json!({ "kind": "mental", "grade": "1" }),
    )
    .await;
    let held = becomes(
        &town,
        &ask(&town, "withdraw-disability", &zhao).await,
        "reviewing",
    )
    .await;
    assert_eq!(
        held["decision"]["review_reasons"],
        json!(["没有劳动能力鉴定结论，以残疾人证为依据，由人核对"])
    );

    let (qian, fourth) = employee(&town, 1530).await;
    seal(&town, &fourth, &qian).await;
    left(&town, &qian, 1).await;
    known_to(&town, "D05", "hrss.work_capacity", &qian, grade("4", false)).await;
    source(&town, "D05", "down").await;
    let waiting = becomes(
        &town,
        &ask(&town, "withdraw-disability", &qian).await,
        "gathering",
    )
    .await;
    source(&town, "D05", "ok").await;
    let done = becomes(&town, &waiting, "done").await;
    assert_eq!(on_card(&town, &qian, &done).await, HELD);
    town.audited().await;
}

/// A town whose first day is this one.
async fn on(year: i32, month: u32, day: u32) -> Town {
    let morning = NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|day| day.and_hms_opt(2, 0, 0))
        .expect("a morning");
    Town::open_at(morning.and_utc()).await
}

/// Somebody of another city whose account is sealed today, on which he also left.
async fn stranger(town: &Town, seed: i64) -> (Person, String) {
    let (li, employer) = employee(town, seed).await;
    seal(town, &employer, &li).await;
    left(town, &li, 0).await;
    known_to(
        town,
        "D01",
        "police.hukou",
        &li,
        json!({ "local": false, "region_code": "510104" }),
    )
    .await;
    (li, employer)
}

/// withdrawal.md §11, 1: half a year after the last day of August is the last day of February, with 29 days or without.
#[tokio::test]
async fn half_a_year_after_the_end_of_august_is_the_end_of_february() {
    for (year, due) in [(2024, "2025年2月28日"), (2023, "2024年2月29日")] {
        let town = on(year, 8, 31).await;
        let (li, _) = stranger(&town, 1531).await;
        let last = NaiveDate::from_ymd_opt(year + 1, 3, 1)
            .and_then(|day| day.pred_opt())
            .expect("the last of February");
        days_later(&town, (last - today(&town)).num_days() - 1).await;
        let told = refused(&town, "withdraw-leave-job", &li, "LVN-03", "E-LV-02").await;
        let detail = condition(&told, "LVN-03")["detail"]
            .as_str()
            .expect("words")
            .to_owned();
        assert_eq!(
            detail,
            format!("离职或封存未满规定时间，最早可于{due}办理。")
        );
        days_later(&town, 1).await;
        let done = paid(&town, "withdraw-leave-job", &li).await;
        assert_eq!(done["amount_fen"], HELD);
        let kept = "SELECT count(*) FROM withdrawal_use WHERE kind = 'LEAVE_NONLOCAL'";
        assert_eq!(town.sql(kept).await, 1);
    }
}

#[tokio::test]
async fn after_two_years_everybody_who_left_is_paid_and_before_that_he_is_told_when() {
    let town = on(2024, 11, 20).await;
    let (li, employer) = employee(&town, 1532).await;
    known_to(
        &town,
        "D01",
        "police.hukou",
        &li,
        json!({ "local": true, "region_code": "500103" }),
    )
    .await;
    known_to(
        &town,
        "D05",
        "hrss.employment",
        &li,
        json!({ "state": "employed" }),
    )
    .await;
    let told = refused(&town, "withdraw-leave-job", &li, "LV2-01", "E-LV-01").await;
    assert_eq!(condition(&told, "LV2-03")["message"], "E-LV-03");
    seal(&town, &employer, &li).await;
    left(&town, &li, 0).await;
    let told = refused(&town, "withdraw-leave-job", &li, "LV2-02", "E-LV-02").await;
    assert_eq!(condition(&told, "LVN-01")["message"], "E-LVN-01");
    assert_eq!(condition(&told, "LV2-02")["met_from"], "2026-11-20");
    days_later(&town, 365).await;
    // A new employment sets the clock back to nothing.
    known_to(
        &town,
        "D05",
        "hrss.employment",
        &li,
        json!({ "state": "employed", "employer_uscc": "91500103MA5U00001X", "reemployed": true }),
    )
    .await;
    let told = refused(&town, "withdraw-leave-job", &li, "LV2-03", "E-LV-03").await;
    assert!(
        condition(&told, "LV2-03")["detail"]
            .as_str()
            .expect("words")
            .contains("91500103MA5U00001X")
    );
    left(&town, &li, 12).await;
    days_later(&town, 365).await;
    source(&town, "D05", "down").await;
    let waiting = becomes(
        &town,
        &ask(&town, "withdraw-leave-job", &li).await,
        "gathering",
    )
    .await;
    source(&town, "D05", "ok").await;
    let done = becomes(&town, &waiting, "done").await;
    assert_eq!(on_card(&town, &li, &done).await, HELD);
    let kept = "SELECT count(*) FROM withdrawal_use WHERE kind = 'LEAVE_2Y'";
    assert_eq!(town.sql(kept).await, 1);
    let codes: Vec<&str> = done["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert!(
        codes.contains(&"LV2-02") && !codes.contains(&"LVN-01"),
        "{codes:?}"
    );
}

/// withdrawal.md §11, 17: sealed, unsealed, sealed again: the half year begins with the last.
#[tokio::test]
async fn the_clock_begins_with_the_last_sealing() {
    let town = on(2026, 3, 10).await;
    let (li, employer) = stranger(&town, 1533).await;
    days_later(&town, 60).await;
    member(&town, &employer, &li, "employee-account-unseal").await;
    seal(&town, &employer, &li).await;
    days_later(&town, 130).await;
    let told = refused(&town, "withdraw-leave-job", &li, "LVN-03", "E-LV-02").await;
    assert_eq!(condition(&told, "LVN-03")["met_from"], "2026-11-09");
}

/// withdrawal.md §11, 18: a new employer who is first keeps the account going; one who comes second opens a new one.
#[tokio::test]
async fn a_new_employer_on_the_same_day_is_first_or_second_and_never_both() {
    let town = on(2026, 3, 10).await;
    let (li, _) = stranger(&town, 1534).await;
    let (wang, _) = stranger(&town, 1535).await;
    days_later(&town, 200).await;
    let next = this_month(&town);
    let new = cast::open_employer(&town.doors, 1536, next)
        .await
        .expect("an employer");
    let joined = cast::register_month(&town.doors, &new, next, std::slice::from_ref(&li))
        .await
        .expect("a list");
    refused(&town, "withdraw-leave-job", &li, "LVN-04", "E-LV-03").await;
    let before = account_no(&town, &wang).await;
    let done = paid(&town, "withdraw-leave-job", &wang).await;
    assert_eq!(done["amount_fen"], HELD);
    let _ = joined;
    let other = cast::open_employer(&town.doors, 1537, next)
        .await
        .expect("an employer");
    contribute(&town.doors, &other, next, std::slice::from_ref(&wang))
        .await
        .expect("a month");
    let all = accounts(&town, &wang).await;
    let numbers: Vec<(&str, &str)> = all.iter().map(|one| (&*one.0, &*one.1)).collect();
    assert_eq!(numbers.len(), 2, "another number: {numbers:?}");
    assert!(numbers.contains(&(&*before, "closed")), "{numbers:?}");
    assert_eq!(account(&town, &wang).await, ("active".to_owned(), 240_000));
}

#[tokio::test]
async fn who_contributes_elsewhere_or_moved_out_lately_is_told_or_looked_at() {
    let town = on(2026, 3, 10).await;
    let (li, _) = stranger(&town, 1538).await;
    let (wang, _) = stranger(&town, 1539).await;
    days_later(&town, 200).await;
    known_to(&town, "D15", "nhpf.account_elsewhere", &li, json!({ "exists": true, "centre": "成都住房公积金管理中心", "state": "sealed", "months_continuous": 6 })).await;
    refused(&town, "withdraw-leave-job", &li, "LVN-05", "E-MOV-03").await;
    let lately = (today(&town) - chrono::Days::new(200)).to_string();
    known_to(
        &town,
        "D01",
        "police.hukou_move",
        &wang,
        json!({ "moved_out": true, "date": lately, "to_region": "510104" }),
    )
    .await;
    let held = becomes(
        &town,
        &ask(&town, "withdraw-leave-job", &wang).await,
        "reviewing",
    )
    .await;
    assert_eq!(condition(&held, "LVN-06")["message"], "E-W-15");
    assert_eq!(account(&town, &wang).await, ("sealed".to_owned(), HELD));
}
