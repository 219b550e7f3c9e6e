//! Money that the centre collects from employers: signed by the bank's word, debited once whatever the bank does, allocated when it is here.

use std::time::{Duration, Instant};

use anju::cast::{self, Person, balance, firm, number, open_firm, state_of, text};
use anju::doors::Answer;
use anju_domain::calendar::Month;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::town::{Town, known};
use crate::visitor::Visitor;

/// A Tuesday, after the tenth.
fn tuesday() -> DateTime<Utc> {
    "2026-11-17T02:00:00Z".parse().expect("an instant")
}

fn month() -> Month {
    Month::parse("2026-11").expect("a month")
}

const DAY: i64 = 24 * 60;

/// An employer whose account at a bank the bank knows.
struct Payer {
    employer: String,
    account: String,
    bank: &'static str,
    people: Vec<Person>,
}

async fn payer(town: &Town, seed: i64, bank: &'static str) -> Payer {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = firm(&format!("重庆托收{seed}有限公司"), seed).expect("a firm");
    let employer = open_firm(&town.doors, &firm, month()).await.expect("open");
    let account = format!("650012{seed:08}");
    let value = json!({ "match": true, "account_no": account, "name": firm.name });
    cast::fact(&town.doors, bank, "bank.account_match", &firm.uscc, value)
        .await
        .expect("the bank knows it");
    Payer {
        employer,
        account,
        bank,
        people,
    }
}

impl Payer {
    async fn contract(&self, town: &Town, form: Value) -> Answer {
        let body = json!({
            "service": "employer-debit-sign", "applicant": self.employer, "channel": "HALL", "form": form,
        });
        town.doors
            .post("/cases?wait=10s", &body)
            .await
            .expect("a door")
    }

    fn terms(&self, day: i64) -> Value {
        json!({ "bank": self.bank, "account_no": self.account, "limit_fen": 10_000_000, "day": day })
    }

    async fn signs(&self, town: &Town, day: i64) {
        let case = self
            .contract(town, self.terms(day))
            .await
            .ok()
            .expect("signed");
        assert_eq!(case["state"], "done", "{case}");
    }

    /// Registers a month that is to be collected.
    async fn registers(&self, town: &Town, month: Month) -> Answer {
        let checked = cast::send_roster(&town.doors, &self.employer, month, &self.people)
            .await
            .expect("a door")
            .ok()
            .expect("a right list");
        let body = json!({
            "roster_id": checked["roster_id"], "month": month.to_string(), "pay_method": "debit",
        });
        let path = format!("/employers/{}/remittances", self.employer);
        town.doors.post(&path, &body).await.expect("a door")
    }

    async fn registered(&self, town: &Town, month: Month) -> Value {
        self.registers(town, month).await.ok().expect("registered")
    }

    /// What the bank has debited, fen.
    async fn debited(&self, town: &Town) -> i64 {
        let path = format!("/banks/{}/accounts/{}", self.bank, self.account);
        let answer = town.doors.control(&path).await.expect("a door");
        if answer.status == StatusCode::NOT_FOUND {
            return 0;
        }
        -number(&answer.body, "balance_fen").expect("fen")
    }

    async fn stands(&self, town: &Town, standing: Value) {
        let path = format!("/banks/{}/accounts/{}", self.bank, self.account);
        town.doors
            .control_put(&path, &standing)
            .await
            .expect("a door")
            .ok()
            .expect("set");
    }
}

const DUE: i64 = 240_000 + 192_000;

async fn list(town: &Town, registered: &Value) -> Value {
    let id = text(registered, "remittance_id").expect("a number");
    town.doors
        .get(&format!("/remittances/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a list")
}

/// The list once its collection is as it is waited for.
async fn collection(town: &Town, registered: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let now = list(town, registered).await;
        if wanted(&now["collection"]) {
            return now;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn allocated(town: &Town, registered: &Value) {
    let id = text(registered, "remittance_id").expect("a number");
    let state = state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("a door");
    assert_eq!(state, "allocated");
}

async fn mode(town: &Town, bank: &str, mode: &str) {
    town.doors
        .control_put(&format!("/banks/{bank}"), &json!({ "mode": mode }))
        .await
        .expect("a door")
        .ok()
        .expect("a mode");
}

#[tokio::test]
async fn nothing_is_collected_before_the_bank_has_said_whose_the_account_is() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 201, "B4").await;
    let none = payer.registers(&town, month()).await;
    assert_eq!(none.code(), "E-DEBIT-02", "{}", none.body);

    let mut wrong = payer.terms(10);
    wrong["account_no"] = json!("6500999999999999");
    let refused = payer.contract(&town, wrong).await.ok().expect("a case");
    assert_eq!(refused["state"], "refused", "the bank does not know it");
    for (field, value) in [
        ("day", json!(29)),
        ("bank", json!("B9")),
        ("limit_fen", json!(0)),
    ] {
        let mut terms = payer.terms(10);
        terms[field] = value;
        assert_eq!(
            payer.contract(&town, terms).await.code(),
            "E-FORM-01",
            "{field}"
        );
    }
    let none = payer.registers(&town, month()).await;
    assert_eq!(none.code(), "E-DEBIT-02");

    // A bank that does not answer is asked again.
    let silent = json!({ "mode": "down" });
    town.doors
        .control_put("/sources/B4", &silent)
        .await
        .expect("a door")
        .ok()
        .expect("silent");
    let body = json!({
        "service": "employer-debit-sign", "applicant": payer.employer, "channel": "HALL", "form": payer.terms(10),
    });
    let waiting = town.doors.post("/cases", &body).await.expect("a door");
    let waiting = waiting.ok().expect("a case");
    assert_eq!(waiting["state"], "executing");
    let second = payer.contract(&town, payer.terms(10)).await;
    assert_eq!(second.code(), "E-DEBIT-01", "{}", second.body);
    town.doors
        .control_put("/sources/B4", &json!({ "mode": "ok" }))
        .await
        .expect("a door")
        .ok()
        .expect("well again");
    let id = text(&waiting, "case_id").expect("a case");
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let case = town
            .doors
            .get(&format!("/cases/{id}"))
            .await
            .expect("a door");
        if case.body["state"] == "done" {
            break;
        }
        assert!(Instant::now() < deadline, "{}", case.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let ended = payer.contract(&town, json!({ "action": "end" })).await;
    assert_eq!(ended.ok().expect("ended")["state"], "done");
    let none = payer.registers(&town, month()).await;
    assert_eq!(none.code(), "E-DEBIT-02");
    let nothing = payer.contract(&town, json!({ "action": "end" })).await;
    assert_eq!(nothing.code(), "E-DEBIT-02");
}

#[tokio::test]
async fn a_list_is_collected_on_its_day_or_at_once_and_allocated_when_the_money_is_here() {
    let town = Town::open_at(tuesday()).await;
    let early = payer(&town, 211, "B4").await;
    early.signs(&town, 10).await;
    let registered = early.registered(&town, month()).await;
    allocated(&town, &registered).await;
    assert_eq!(early.debited(&town).await, DUE, "the day has passed");
    assert_eq!(
        balance(&town.doors, &early.people[0]).await.expect("fen"),
        240_000
    );
    let order = "SELECT count(*) FROM debit_order WHERE state = 3";
    assert_eq!(town.sql(order).await, 1);
    let receipt = "SELECT count(*) FROM receipt WHERE matched_by = 'debit' AND state = 3";
    assert_eq!(town.sql(receipt).await, 1);

    let late = payer(&town, 212, "B5").await;
    late.signs(&town, 20).await;
    let registered = late.registered(&town, month()).await;
    let waiting = list(&town, &registered).await;
    assert_eq!(waiting["collection"]["next_on"], "2026-11-20");
    assert_eq!(late.debited(&town).await, 0);
    town.later(3 * DAY);
    allocated(&town, &registered).await;
    assert_eq!(late.debited(&town).await, DUE);

    let above = payer(&town, 213, "B4").await;
    let mut small = above.terms(10);
    small["limit_fen"] = json!(DUE - 1);
    let signed = above.contract(&town, small).await.ok().expect("signed");
    assert_eq!(signed["state"], "done");
    let refused = above.registers(&town, month()).await;
    assert_eq!(refused.code(), "E-DEBIT-05", "{}", refused.body);
}

/// Late, lost, doubled, held: the account is debited once, the list is allocated once.
#[tokio::test]
async fn whatever_the_bank_does_a_list_is_debited_once() {
    let town = Town::open_at(tuesday()).await;
    let modes = [
        ("B1", "late"),
        ("B2", "timeout"),
        ("B3", "duplicate"),
        ("B4", "unknown"),
        ("B5", "return_later"),
    ];
    let mut lists = Vec::new();
    for ((bank, word), seed) in modes.into_iter().zip(221..) {
        let payer = payer(&town, seed, bank).await;
        payer.signs(&town, 10).await;
        mode(&town, bank, word).await;
        let registered = payer.registered(&town, month()).await;
        lists.push((payer, registered));
    }
    // The bank that answers nothing: the order is unknown, and no other is made.
    let to = cast::open_employer(&town.doors, 229, month())
        .await
        .expect("an employer");
    let held = collection(&town, &lists[3].1, |now| now["order"] == "unknown").await;
    assert_eq!(held["collection"]["collecting"], true);
    assert_eq!(held["state"], "awaiting");
    assert_eq!(lists[3].0.debited(&town).await, 0);
    // While the bank has it, its employer is not merged into another one.
    let form = json!({ "everybody": true, "to_employer_no": to });
    let body = json!({ "service": "employee-account-transfer", "applicant": lists[3].0.employer, "channel": "HALL", "form": form });
    let merged = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(merged.code(), "E-EMPR-06", "{}", merged.body);
    assert!(
        merged.body.to_string().contains("正在托收"),
        "{}",
        merged.body
    );
    town.later(2 * DAY);
    let orders = "SELECT count(*) FROM debit_order";
    assert_eq!(
        town.sql(orders).await,
        5,
        "none is replaced while it is unknown"
    );
    for (bank, _) in modes {
        mode(&town, bank, "ok").await;
    }
    for (payer, registered) in &lists {
        allocated(&town, registered).await;
        assert_eq!(payer.debited(&town).await, DUE, "{}", payer.bank);
    }
    assert_eq!(town.sql(orders).await, 5);
    assert_eq!(town.sql("SELECT count(*) FROM receipt").await, 5);
}

#[tokio::test]
async fn a_debit_that_fails_is_tried_on_the_next_two_working_days_and_then_left_to_the_clerk() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 231, "B4").await;
    payer.signs(&town, 10).await;
    payer
        .stands(&town, json!({ "available_fen": DUE - 1 }))
        .await;
    let registered = payer.registered(&town, month()).await;
    let failed = collection(&town, &registered, |now| now["order"] == "failed").await;
    assert_eq!(failed["collection"]["code"], "AM04");
    assert_eq!(failed["collection"]["next_on"], "2026-11-18");
    assert_eq!(failed["state"], "awaiting");
    for (tried, next) in [(2, json!("2026-11-19")), (3, Value::Null)] {
        town.later(DAY);
        let again = collection(&town, &registered, |now| {
            now["try"] == tried && now["order"] == "failed"
        })
        .await;
        assert_eq!(again["collection"]["next_on"], next);
    }
    town.later(3 * DAY);
    assert_eq!(town.sql("SELECT count(*) FROM debit_order").await, 3);
    assert_eq!(
        town.sql("SELECT failed_months::bigint FROM debit_mandate")
            .await,
        1
    );

    // The clerk is told each time, and pays by hand.
    let told = "SELECT count(*) FROM (SELECT payload FROM outbox UNION ALL SELECT payload FROM outbox_done) m WHERE payload ->> 'text' LIKE '%委托收款没有扣到%'";
    assert_eq!(town.sql(told).await, 3);
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &payer.employer, 231).await;
    let page = clerk.get("/unit/pay").await.page;
    assert!(
        page.contains("付款账户余额不足") && page.contains("请转账缴款"),
        "{page}"
    );
    cast::pay(&town.doors, &registered, DUE)
        .await
        .expect("paid");
    allocated(&town, &registered).await;
    assert_eq!(payer.debited(&town).await, 0);
}

#[tokio::test]
async fn three_failed_months_in_a_row_suspend_the_contract_and_a_success_forgets_them() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 241, "B4").await;
    payer.signs(&town, 10).await;
    payer.stands(&town, json!({ "available_fen": 0 })).await;
    for (failed, next) in (1..=3).zip([month(), month().plus(1), month().plus(2)]) {
        let registered = payer.registered(&town, next).await;
        for tried in 1..=3 {
            until_due(&town, &registered).await;
            collection(&town, &registered, |now| {
                now["try"] == tried && now["order"] == "failed"
            })
            .await;
        }
        let count = town
            .sql("SELECT failed_months::bigint FROM debit_mandate")
            .await;
        assert_eq!(count, failed);
        cast::pay(&town.doors, &registered, DUE)
            .await
            .expect("paid");
        allocated(&town, &registered).await;
    }
    assert_eq!(
        town.sql("SELECT state::bigint FROM debit_mandate").await,
        4,
        "suspended"
    );
    let refused = payer.registers(&town, month().plus(3)).await;
    assert_eq!(refused.code(), "E-DEBIT-02");

    let resumed = payer.contract(&town, json!({ "action": "resume" })).await;
    assert_eq!(resumed.ok().expect("resumed")["state"], "done");
    payer.stands(&town, json!({ "plenty": true })).await;
    let registered = payer.registered(&town, month().plus(3)).await;
    until_due(&town, &registered).await;
    allocated(&town, &registered).await;
    assert_eq!(
        town.sql("SELECT failed_months::bigint FROM debit_mandate")
            .await,
        0
    );
}

/// Moves the clock to the day of the next order.
async fn until_due(town: &Town, registered: &Value) {
    let now = list(town, registered).await;
    let Some(day) = now["collection"]["next_on"].as_str() else {
        return;
    };
    let day: chrono::NaiveDate = day.parse().expect("a day");
    let days = (day - town.today()).num_days();
    town.later(days.max(0) * DAY);
}

/// Closed account, contract ended, refused by the bank: each with its code; the first two end the trying at once.
#[tokio::test]
async fn an_account_or_contract_that_is_no_more_suspends_at_once_and_says_why() {
    let town = Town::open_at(tuesday()).await;
    let cases = [
        ("B1", json!({ "closed": true }), "AC04", 4),
        ("B2", json!({ "contract_ended": true }), "MD01", 4),
        ("B3", json!({}), "RR04", 2),
    ];
    for ((bank, standing, code, state), seed) in cases.into_iter().zip(251..) {
        let payer = payer(&town, seed, bank).await;
        payer.signs(&town, 10).await;
        payer.stands(&town, standing).await;
        if bank == "B3" {
            let reject = json!({ "mode": "reject", "reason": "RR04" });
            town.doors
                .control_put("/banks/B3", &reject)
                .await
                .expect("a door")
                .ok()
                .expect("a mode");
        }
        let registered = payer.registered(&town, month()).await;
        let failed = collection(&town, &registered, |now| now["order"] == "failed").await;
        assert_eq!(failed["collection"]["code"], code);
        assert_eq!(
            failed["collection"]["next_on"].is_null(),
            state == 4,
            "{code}"
        );
        let now = town
            .sql("SELECT state::bigint FROM debit_mandate ORDER BY mandate_id DESC LIMIT 1")
            .await;
        assert_eq!(now, state, "{code}");
        let told = town
            .sql("SELECT count(*) FROM case_event WHERE steps = '{collect_failed}'")
            .await;
        assert_eq!(told, seed - 250);
    }
}

/// contribution.md §18, row 20.
#[tokio::test]
async fn who_also_pays_by_hand_has_the_second_money_in_suspense() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 261, "B4").await;
    payer.signs(&town, 10).await;
    mode(&town, "B4", "unknown").await;
    let registered = payer.registered(&town, month()).await;
    collection(&town, &registered, |now| now["order"] == "unknown").await;
    let id = text(&registered, "remittance_id").expect("a number");

    cast::pay(&town.doors, &registered, DUE)
        .await
        .expect("paid");
    allocated(&town, &registered).await;
    mode(&town, "B4", "ok").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let second = "SELECT count(*) FROM receipt WHERE state = 2 AND matched_by = 'debit' AND remittance_id IS NULL";
    while town.sql(second).await != 1 {
        assert!(Instant::now() < deadline, "the collected money is not here");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(payer.debited(&town).await, DUE);
    let suspense = "SELECT balance_fen FROM ledger_account a JOIN employer e ON e.suspense_account_id = a.account_id";
    assert_eq!(town.sql(suspense).await, DUE);
    assert_eq!(
        balance(&town.doors, &payer.people[0]).await.expect("fen"),
        240_000,
        "allocated once"
    );

    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &payer.employer, 261).await;
    let page = clerk.get(&format!("/unit/arrivals/{id}")).await.page;
    assert!(page.contains("又收到一笔"), "{page}");
}

/// SUSPENDED → SIGNED on the clerk's page: the bank is asked again, and where it says no (E-DEBIT-03) nothing is resumed.
#[tokio::test]
async fn a_suspended_contract_is_resumed_by_the_clerk_once_the_bank_confirms_the_account_again() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 281, "B1").await;
    payer.signs(&town, 10).await;
    payer.stands(&town, json!({ "closed": true })).await;
    let registered = payer.registered(&town, month()).await;
    collection(&town, &registered, |now| now["order"] == "failed").await;
    let state = "SELECT state::bigint FROM debit_mandate";
    assert_eq!(town.sql(state).await, 4, "suspended");
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &payer.employer, 281).await;
    let page = clerk.get("/unit/debit").await.page;
    assert!(
        page.contains("已暂停") && page.contains("银行再核对一次账户"),
        "{page}"
    );
    let uscc = firm("", 281).expect("a firm").uscc;
    let says = async |yes: bool| {
        let value =
            json!({ "match": yes, "account_no": payer.account, "name": "重庆托收281有限公司" });
        cast::fact(&town.doors, "B1", "bank.account_match", &uscc, value)
            .await
            .expect("the bank");
    };
    let resume = async || {
        let key = uuid::Uuid::now_v7().to_string();
        let form = [("do", "resume"), ("key", key.as_str())];
        clerk.post("/unit/debit", &form).await
    };
    says(false).await;
    let refused = resume().await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.page
    );
    assert!(refused.page.contains("银行没有确认这个账户"));
    assert_eq!(town.sql(state).await, 4);

    says(true).await;
    payer
        .stands(&town, json!({ "closed": false, "plenty": true }))
        .await;
    let resumed = resume().await;
    assert_eq!(resumed.status, StatusCode::SEE_OTHER, "{}", resumed.page);
    let page = clerk.get(&resumed.location).await.page;
    assert!(
        page.contains("协议已恢复") && page.contains("已生效"),
        "{page}"
    );
    assert_eq!(town.sql(state).await, 2, "signed");
    until_due(&town, &registered).await;
    allocated(&town, &registered).await;
    assert_eq!(payer.debited(&town).await, DUE, "what waited is collected");
}

#[tokio::test]
async fn a_clerk_signs_registers_and_sees_it_collected_on_the_pages() {
    let town = Town::open_at(tuesday()).await;
    let payer = payer(&town, 271, "B4").await;
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &payer.employer, 271).await;
    let key = uuid::Uuid::now_v7().to_string();
    let mut form = vec![
        ("do", "sign"),
        ("key", key.as_str()),
        ("bank", "B4"),
        ("account_no", payer.account.as_str()),
        ("limit", "100000"),
        ("day", "31"),
    ];
    let wrong = clerk.post("/unit/debit", &form).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.page.contains("1 到 28"), "{}", wrong.page);
    form[5] = ("day", "10");
    let signed = clerk.post("/unit/debit", &form).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.page);
    let page = clerk.get(&signed.location).await.page;
    assert!(
        page.contains("已生效") && page.contains("每月 10 日"),
        "{page}"
    );

    let checked = cast::send_roster(&town.doors, &payer.employer, month(), &payer.people)
        .await
        .expect("a door")
        .ok()
        .expect("a right list");
    let roster = text(&checked, "roster_id").expect("a number");
    let preview = clerk.get(&format!("/unit/roster/{roster}")).await.page;
    assert!(preview.contains("委托收款扣款"), "{preview}");
    let key = uuid::Uuid::now_v7().to_string();
    let form = [
        ("roster", roster.as_str()),
        ("key", key.as_str()),
        ("pay", "debit"),
    ];
    let registered = clerk.post("/unit/roster/register", &form).await;
    assert_eq!(
        registered.status,
        StatusCode::SEE_OTHER,
        "{}",
        registered.page
    );
    let deadline = Instant::now() + Duration::from_secs(60);
    while town
        .sql("SELECT count(*) FROM remittance WHERE state = 3")
        .await
        != 1
    {
        assert!(Instant::now() < deadline, "it is not allocated");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(payer.debited(&town).await, DUE);
    let page = clerk.get("/unit").await.page;
    assert!(page.contains("已分配") || page.contains("办好了"), "{page}");
}
