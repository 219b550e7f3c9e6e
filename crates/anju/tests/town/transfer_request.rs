//! TRF-02 by time: somebody is still contributing at his old employer, and his new one asks for him. The old one is told and has its days; then
//! social security's record of the new job moves him.

use anju::cast::{self, Person, balance, contribute, firm, open_employer, register_month, text};
use anju_engine::schedule::Schedule;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::{engine, is_told, told};
use crate::changes::{ask, next_list};
use crate::interest_year::days_later;
use crate::relief::case_of;
use crate::town::{Town, account_no, month};
use crate::visitor::Visitor;

const SERVICE: &str = "employee-account-transfer";
const WAITS: &str = "SELECT count(*) FROM transfer_request WHERE state = 1";
const BY_TIME: &str = "SELECT count(*) FROM transfer_request WHERE state = 3";

/// 王强 contributes at the first employer; the second wants him.
struct Wanted {
    old: String,
    new: String,
    people: Vec<Person>,
    colleagues: Vec<Person>,
    account: String,
    seed: i64,
}

async fn wanted(town: &Town, seed: i64) -> Wanted {
    let (old, people) = crate::changes::two(town, seed).await;
    let (new, colleagues) = crate::changes::two(town, seed + 1).await;
    let account = account_no(town, &people[1]).await;
    Wanted {
        old,
        new,
        people,
        colleagues,
        account,
        seed,
    }
}

impl Wanted {
    fn wang(&self) -> &Person {
        &self.people[1]
    }

    async fn ask(&self, town: &Town) -> Value {
        let form = json!({ "account_no": self.account, "to_employer_no": self.new });
        ask(town, SERVICE, &self.new, form).await
    }

    /// The request that waits from now on.
    async fn waits(&self, town: &Town) -> String {
        let answer = self.ask(town).await;
        assert_eq!(answer["state"], "executing", "{answer}");
        text(&answer, "case_id").expect("a case")
    }

    /// Social security knows the new job.
    async fn is_employed(&self, town: &Town) {
        let uscc = firm("", self.seed + 1).expect("a firm").uscc;
        let record = json!({ "state": "employed", "employer_uscc": uscc, "reemployed": true });
        cast::fact(
            &town.doors,
            "D05",
            "hrss.employment",
            &self.wang().id,
            record,
        )
        .await
        .expect("social security");
    }

    fn phone_of(&self, new: i64) -> String {
        firm("", self.seed + new).expect("a firm").clerk_phone
    }
}

/// What the schedule does, twice.
async fn pass(town: &Town) {
    let engine = engine(town).await;
    for _ in 0..2 {
        assert!(Schedule::default().pass(&engine).await);
    }
}

async fn state_of(town: &Town, case: &str) -> Value {
    case_of(town, case).await["state"].clone()
}

async fn security(town: &Town, mode: &str) {
    let set = json!({ "mode": mode });
    let set = town.doors.control_put("/sources/D05", &set).await;
    set.expect("social security").ok().expect("set");
}

#[tokio::test]
async fn who_is_not_sealed_in_time_is_moved_by_the_record_of_his_new_job() {
    let town = Town::open().await;
    let office = town.office().await;
    let wanted = wanted(&town, 1201).await;
    let case = wanted.waits(&town).await;
    let shown = case_of(&town, &case).await;
    let said = shown.to_string();
    assert!(
        said.contains("E-TRF-02") && said.contains("该职工在原单位尚未封存，已通知原单位，最迟"),
        "{said}"
    );
    let until = town.today() + chrono::Days::new(30);
    assert!(
        shown["promised_at"].as_str().expect("a promise") > until.to_string().as_str(),
        "{shown}"
    );
    // The same wish answers with the one that waits; another employer's does not.
    assert_eq!(wanted.ask(&town).await["case_id"], case.as_str());
    let third = open_employer(&town.doors, 1203, month(1))
        .await
        .expect("an employer");
    let form = json!({ "account_no": wanted.account, "to_employer_no": third });
    assert_eq!(ask(&town, SERVICE, &third, form).await["code"], "E-TRF-02");
    assert_eq!(town.sql(WAITS).await, 1);

    // The old employer is told, by message and on its pages.
    is_told(&town, &wanted.phone_of(0), "王*已到新单位").await;
    let clerk = Visitor::clerk(&town, &office, &wanted.old, 1201).await;
    let home = clerk.get("/unit").await.page;
    assert!(home.contains("王*已到别的单位"), "{home}");
    let page = clerk.get("/unit/transfer").await.page;
    assert!(
        page.contains("请您封存") && page.contains(&wanted.account),
        "{page}"
    );

    // Before its day nothing happens, whatever social security says; on its day a silent source changes nothing either.
    wanted.is_employed(&town).await;
    days_later(&town, 29).await;
    pass(&town).await;
    assert_eq!(town.sql(WAITS).await, 1);
    security(&town, "down").await;
    days_later(&town, 1).await;
    pass(&town).await;
    assert_eq!(town.sql(WAITS).await, 1);
    let clerk = Visitor::clerk(&town, &office, &wanted.new, 1202).await;
    let page = clerk.get(&format!("/unit/cases/{case}")).await.page;
    assert!(page.contains("正在等社保部门回复"), "{page}");

    security(&town, "ok").await;
    days_later(&town, 1).await;
    pass(&town).await;
    assert_eq!(town.sql(BY_TIME).await, 1, "TIMEOUT_MOVED");
    let done = case_of(&town, &case).await;
    assert_eq!(done["state"], "done", "{done}");
    assert!(done.to_string().contains("moved_by_time"), "{done}");
    let account = cast::account(&town.doors, wanted.wang())
        .await
        .expect("an account");
    assert_eq!(account["account_no"], wanted.account.as_str());
    assert_eq!(account["state"], "active");
    assert_eq!(
        balance(&town.doors, wanted.wang()).await.expect("fen"),
        192_000,
        "no entry is made and no interest settled"
    );
    let sealed = "SELECT count(*) FROM membership WHERE state = 9 AND sealed_on IS NOT NULL AND seal_reason = '逾期未封存，自动转出'";
    assert_eq!(town.sql(sealed).await, 1, "sealed at the old employer");
    is_told(&town, &wanted.phone_of(0), "逾期未封存").await;
    is_told(&town, &wanted.phone_of(1), "王*的账户已转入").await;
    is_told(&town, &wanted.wang().phone, "您的账户已转到新单位").await;
    let mut there = wanted.colleagues.clone();
    there.push(wanted.wang().clone());
    assert_eq!(next_list(&town, &wanted.new, &there).await.0, 3);
    assert_eq!(
        next_list(&town, &wanted.old, &wanted.people[..1]).await.0,
        1
    );
    // Looked at again, nothing moves a second time.
    pass(&town).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state <> 9")
            .await,
        4
    );
    let told = told(&town, &wanted.wang().phone).await;
    assert_eq!(told.matches("您的账户已转到新单位").count(), 1, "{told}");
    town.audited().await;
}

#[tokio::test]
async fn without_a_record_of_the_new_job_the_transfer_is_refused_with_what_to_do() {
    let town = Town::open().await;
    let office = town.office().await;
    let wanted = wanted(&town, 1211).await;
    let case = wanted.waits(&town).await;
    let elsewhere = json!({ "state": "employed", "employer_uscc": firm("", 1219).expect("a firm").uscc, "reemployed": true });
    cast::fact(
        &town.doors,
        "D05",
        "hrss.employment",
        &wanted.wang().id,
        elsewhere,
    )
    .await
    .expect("social security");
    days_later(&town, 30).await;
    pass(&town).await;
    assert_eq!(state_of(&town, &case).await, "refused");
    let clerk = Visitor::clerk(&town, &office, &wanted.new, 1212).await;
    let page = clerk.get(&format!("/unit/cases/{case}")).await.page;
    assert!(
        page.contains("社保没有该职工在本单位参保的记录")
            && page.contains("请先为职工办理社保参保登记"),
        "{page}"
    );
    let there = cast::account(&town.doors, wanted.wang())
        .await
        .expect("an account");
    assert_eq!(there["state"], "active");
    assert_eq!(
        next_list(&town, &wanted.old, &wanted.people).await.0,
        2,
        "he goes on where he is"
    );
    // It may be asked for again.
    wanted.waits(&town).await;
}

#[tokio::test]
async fn an_old_employer_that_seals_in_time_ends_the_wait_at_once() {
    let town = Town::open().await;
    let office = town.office().await;
    let wanted = wanted(&town, 1221).await;
    let new = Visitor::clerk(&town, &office, &wanted.new, 1222).await;
    let key = uuid::Uuid::now_v7().to_string();
    let typed = wanted.account.to_lowercase();
    let form = [
        ("do", "take"),
        ("key", key.as_str()),
        ("account_no", typed.as_str()),
    ];
    let asked = new.post("/unit/transfer", &form).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.page);
    let page = new.get(&asked.location).await.page;
    assert!(
        page.contains("已通知原单位，最迟") && page.contains("撤回这次申请"),
        "{page}"
    );
    let waits = new.get("/unit/transfer").await.page;
    assert!(waits.contains("在等原单位"), "{waits}");
    // Pressed twice, or asked for again, it is one request.
    let again = new.post("/unit/transfer", &form).await;
    assert_eq!(again.location, asked.location);

    let old = Visitor::clerk(&town, &office, &wanted.old, 1221).await;
    let key = uuid::Uuid::now_v7().to_string();
    let seal = [
        ("do", "employee-account-seal"),
        ("key", key.as_str()),
        ("reason", "离职"),
    ];
    let path = format!("/unit/people/{}", wanted.account);
    let sealed = old.post(&path, &seal).await;
    assert_eq!(sealed.status, StatusCode::SEE_OTHER, "{}", sealed.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM transfer_request WHERE state = 2")
            .await,
        1,
        "done with the seal, not by the next look"
    );
    let page = new.get(&asked.location).await.page;
    assert!(
        page.contains("原单位已封存") && page.contains("账户已转移"),
        "{page}"
    );
    let account = cast::account(&town.doors, wanted.wang())
        .await
        .expect("an account");
    assert_eq!(account["state"], "active");
    assert!(!old.get("/unit").await.page.contains("已到别的单位"));
    let mut there = wanted.colleagues.clone();
    there.push(wanted.wang().clone());
    assert_eq!(next_list(&town, &wanted.new, &there).await.0, 3);
}

#[tokio::test]
async fn a_wait_is_taken_back_or_ended_by_the_old_employer_pushing_out() {
    let town = Town::open().await;
    let office = town.office().await;
    let wanted = wanted(&town, 1231).await;
    let case = wanted.waits(&town).await;
    let new = Visitor::clerk(&town, &office, &wanted.new, 1232).await;
    let path = format!("/unit/cases/{case}/withdraw");
    let back = new.post(&path, &[]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.page);
    assert_eq!(state_of(&town, &case).await, "withdrawn");
    assert_eq!(town.sql(WAITS).await, 0);

    // Asked for again, and pushed out by the old employer on its page: who was asked for contributes from the next list.
    let case = wanted.waits(&town).await;
    let old = Visitor::clerk(&town, &office, &wanted.old, 1231).await;
    let key = uuid::Uuid::now_v7().to_string();
    let out = [
        ("do", SERVICE),
        ("key", key.as_str()),
        ("to_employer_no", wanted.new.as_str()),
    ];
    let out = old
        .post(&format!("/unit/people/{}", wanted.account), &out)
        .await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.page);
    assert_eq!(state_of(&town, &case).await, "done");
    let account = cast::account(&town.doors, wanted.wang())
        .await
        .expect("an account");
    assert_eq!(account["state"], "active");
}

#[tokio::test]
async fn a_list_that_waits_for_its_money_keeps_him_even_when_the_days_are_over() {
    let town = Town::open().await;
    let office = town.office().await;
    let wanted = wanted(&town, 1241).await;
    let case = wanted.waits(&town).await;
    wanted.is_employed(&town).await;
    days_later(&town, 29).await;
    let list = register_month(&town.doors, &wanted.old, month(1), &wanted.people)
        .await
        .expect("a list");
    days_later(&town, 1).await;
    pass(&town).await;
    assert_eq!(state_of(&town, &case).await, "executing", "TRF-03");
    let new = Visitor::clerk(&town, &office, &wanted.new, 1242).await;
    let page = new.get(&format!("/unit/cases/{case}")).await.page;
    assert!(page.contains("未办结的清册中"), "{page}");

    // Paid, the month is the old employer's, and the new one's next list is that month still (TRF-06); once it has paid it too he moves.
    cast::pay(&town.doors, &list, 432_000).await.expect("paid");
    let id = text(&list, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    days_later(&town, 1).await;
    pass(&town).await;
    assert_eq!(state_of(&town, &case).await, "executing", "TRF-06");
    contribute(&town.doors, &wanted.new, month(1), &wanted.colleagues)
        .await
        .expect("a month");
    days_later(&town, 1).await;
    pass(&town).await;
    assert_eq!(state_of(&town, &case).await, "done");
    assert_eq!(town.sql(BY_TIME).await, 1);
    assert_eq!(
        balance(&town.doors, wanted.wang()).await.expect("fen"),
        2 * 192_000
    );
    town.audited().await;
}

#[tokio::test]
async fn a_server_that_is_killed_moves_him_once_when_it_is_back() {
    let town = Town::open().await;
    let wanted = wanted(&town, 1251).await;
    let case = wanted.waits(&town).await;
    wanted.is_employed(&town).await;
    let mut town = town.into_process().await;
    town.kill_server();
    days_later(&town, 31).await;
    for _ in 0..2 {
        town.start_server().await;
        for _ in 0..300 {
            if state_of(&town, &case).await == "done" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(state_of(&town, &case).await, "done");
        town.kill_server();
    }
    assert_eq!(town.sql(BY_TIME).await, 1);
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state <> 9")
            .await,
        4
    );
}
