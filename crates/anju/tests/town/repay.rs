//! Who repays a home loan withdraws for it: by a claim, or by an agreement that pays after each period. Spouses share what was repaid, and
//! nobody is paid twice whatever dies in between.

use std::time::{Duration, Instant};

use anju::cast::{
    self, Person, balance, bank_balance, contribute, loan_request, open_employer, text,
};
use anju_domain::calendar::Month;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::town::{Town, account_no, known};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

const DAY: i64 = 24 * 60;

/// A Tuesday.
pub fn tuesday() -> DateTime<Utc> {
    "2026-11-17T02:00:00Z".parse().expect("an instant")
}

pub fn months(from: &str, many: i32) -> Vec<Month> {
    let first = Month::parse(from).expect("a month");
    (0..many).map(|later| first.plus(later)).collect()
}

/// People of one employer with three months of 2,400.00 each, so 7,200.00, on 17 November 2026.
pub async fn colleagues(town: &Town, seed: i64, names: &[&str]) -> Vec<Person> {
    let people: Vec<(&str, i64)> = names.iter().map(|name| (*name, 1_000_000)).collect();
    let people = known(town, seed, &people).await;
    let first = Month::parse("2026-08").expect("a month");
    let employer = open_employer(&town.doors, seed, first)
        .await
        .expect("an employer");
    for later in 0..3 {
        contribute(&town.doors, &employer, first.plus(later), &people)
            .await
            .expect("a month");
    }
    people
}

async fn marry(town: &Town, one: &Person, other: &Person) {
    for (who, spouse) in [(one, other), (other, one)] {
        let record = json!({ "state": "married", "spouse": { "id_no": spouse.id, "name": spouse.name }, "since": "2015-05-01" });
        cast::fact(&town.doors, "D02", "civil.marriage", &who.id, record)
            .await
            .expect("the registry");
    }
}

/// The same loan as the other's, asked for by this person to the own card.
async fn about_loan_of(
    town: &Town,
    who: &Person,
    borrower: &Person,
    action: Option<&str>,
) -> Value {
    let mut request = loan_request(&town.doors, who, "B4", action)
        .await
        .expect("known");
    request["form"]["loan_no"] = json!(cast::loan_no(borrower));
    request
}

pub async fn ask(town: &Town, request: &Value) -> Value {
    let answer = town
        .doors
        .post("/cases?wait=15s", request)
        .await
        .expect("a door");
    answer.ok().expect("a case")
}

/// The codes of the conditions that are not met.
fn not_met(case: &Value) -> Vec<String> {
    let conditions = case["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    conditions
        .iter()
        .filter(|one| one["outcome"] == "not_met")
        .map(|one| text(one, "code").expect("a code"))
        .collect()
}

async fn source_mode(town: &Town, source: &str, mode: &Value) {
    let answer = town
        .doors
        .control_put(&format!("/sources/{source}"), mode)
        .await
        .expect("the outside world");
    answer.ok().expect("a mode");
}

/// So long that the engine, which looks for what is due each second, has looked twice and would have been heard.
const LOOKED_TWICE: Duration = Duration::from_secs(3);

pub async fn until(town: &Town, query: &'static str, wanted: i64) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let now = town.sql(query).await;
        if now == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{query}: {now}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Moves the clock to a day.
pub async fn to(town: &Town, day: &str) {
    let day: NaiveDate = day.parse().expect("a day");
    let days = (day - town.today()).num_days();
    town.later(days * DAY);
}

/// What has come to a card, at the bank that issued it.
pub async fn on_card(town: &Town, who: &Person) -> i64 {
    bank_balance(&town.doors, "B4", &who.card)
        .await
        .expect("the bank")
}

pub const PAID: &str = "SELECT count(*) FROM repay_run WHERE state = 3";
pub const SKIPPED: &str = "SELECT count(*) FROM repay_run WHERE state = 5 AND code = 'CMN-04' AND reason LIKE '您的账户已被司法冻结%'";
pub const STATE: &str = "SELECT state::bigint FROM repay_agreement ORDER BY agreement_id LIMIT 1";

#[tokio::test]
async fn what_was_repaid_is_withdrawn_to_the_fen() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 701, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 12), 50_055)
        .await
        .expect("a loan");
    let request = loan_request(&town.doors, &li, "B4", None)
        .await
        .expect("known");
    let submitted = ask(&town, &request).await;
    let done = becomes(&town, &submitted, "done").await;
    assert_eq!(done["amount_fen"], 600_660, "{done}");
    assert_eq!(on_card(&town, &li).await, 600_660);
    assert_eq!(
        balance(&town.doors, &li).await.expect("fen"),
        720_000 - 600_660
    );
    let account = account_no(&town, &li).await;
    let entries = town
        .doors
        .get(&format!("/accounts/{account}/entries"))
        .await
        .expect("a door")
        .ok()
        .expect("entries");
    let last = entries["items"]
        .as_array()
        .expect("items")
        .last()
        .expect("an entry")
        .clone();
    assert_eq!(
        (last["event"].as_str(), last["amount_fen"].as_i64()),
        (Some("E21"), Some(-600_660))
    );
    let posted = "SELECT coalesce(sum(p.amount_fen), 0)::bigint FROM posting p JOIN journal j USING (centre_id, journal_id)
                   WHERE j.event = 22 AND p.subject = 21904";
    assert_eq!(
        town.sql(posted).await.abs(),
        600_660,
        "paid out of what was payable"
    );

    // Again: nothing new was repaid, and a year has not passed.
    let again = ask(&town, &request).await;
    assert_eq!(again["state"], "refused");
    assert_eq!(not_met(&again), ["REP-02", "REP-05"]);
    let told = again["decision"]["conditions"].to_string();
    assert!(told.contains("自上次提取后没有新的还款记录。"), "{told}");
    assert!(told.contains("最早可于2027年11月17日办理"), "{told}");
}

#[tokio::test]
async fn spouses_share_what_was_repaid_of_one_loan() {
    let town = Town::open_at(tuesday()).await;
    let people = colleagues(&town, 711, &["陈强", "李梅"]).await;
    let (chen, li) = (&people[0], &people[1]);
    marry(&town, chen, li).await;
    // 12,000.00 were repaid; he has 7,200.00 on his account.
    cast::repays(&town.doors, chen, "B4", &months("2025-11", 12), 100_000)
        .await
        .expect("a loan");
    let his = ask(
        &town,
        &loan_request(&town.doors, chen, "B4", None)
            .await
            .expect("known"),
    )
    .await;
    assert_eq!(becomes(&town, &his, "done").await["amount_fen"], 720_000);
    let hers = ask(&town, &about_loan_of(&town, li, chen, None).await).await;
    assert_eq!(becomes(&town, &hers, "done").await["amount_fen"], 480_000);
    assert_eq!(on_card(&town, li).await, 480_000);
    let used = "SELECT sum(amount_fen)::bigint FROM withdrawal_use WHERE event_key LIKE 'LOAN:B4:%' AND state = 2";
    assert_eq!(town.sql(used).await, 1_200_000);
}

#[tokio::test]
async fn a_silent_bank_makes_a_claim_wait_and_its_recovery_makes_it_go_on() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 721, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 12), 10_000)
        .await
        .expect("a loan");
    source_mode(&town, "B4", &json!({ "mode": "down" })).await;
    let submitted = ask(
        &town,
        &loan_request(&town.doors, &li, "B4", None)
            .await
            .expect("known"),
    )
    .await;
    assert_eq!(
        submitted["state"], "gathering",
        "unknown is never a refusal: {submitted}"
    );
    assert_eq!(submitted["decision"]["waiting_for"][0]["source"], "B");
    source_mode(&town, "B4", &json!({ "mode": "ok" })).await;
    assert_eq!(
        becomes(&town, &submitted, "done").await["amount_fen"],
        120_000
    );
}

#[tokio::test]
async fn an_agreement_pays_after_each_period_and_ends_when_its_holder_says_so() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 731, &["李梅"]).await.remove(0);
    let repaid = |many| months("2025-11", many);
    cast::repays(&town.doors, &li, "B4", &repaid(12), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    let signed = ask(&town, &sign).await;
    assert_eq!(signed["state"], "done", "{signed}");
    assert_eq!(town.sql(STATE).await, 1);

    // A second one, and a claim beside it.
    let twice = ask(&town, &sign).await;
    assert_eq!(not_met(&twice), ["AUT-03"]);
    let claim = ask(
        &town,
        &loan_request(&town.doors, &li, "B4", None)
            .await
            .expect("known"),
    )
    .await;
    assert_eq!(not_met(&claim), ["REP-08"]);

    // What was repaid in December, the next period, is paid on 5 January; what was repaid before is not part of it.
    cast::repays(&town.doors, &li, "B4", &repaid(14), 50_000)
        .await
        .expect("a loan");
    to(&town, "2027-01-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 50_000);
    assert_eq!(balance(&town.doors, &li).await.expect("fen"), 670_000);
    assert_eq!(town.sql(STATE).await, 2, "running");

    // Nothing was repaid in January: no skip, and the next run claims it too.
    to(&town, "2027-02-05").await;
    until(
        &town,
        "SELECT count(*) FROM repay_run WHERE state = 4 AND code = 'RUN-02'",
        1,
    )
    .await;
    cast::repays(&town.doors, &li, "B4", &repaid(16), 50_000)
        .await
        .expect("a loan");
    to(&town, "2027-03-05").await;
    until(&town, PAID, 2).await;
    assert_eq!(on_card(&town, &li).await, 150_000, "January and February");

    // Each period was told to the phone.
    let messages = town
        .doors
        .control(&format!("/phones/{}/messages", li.phone))
        .await
        .expect("a phone")
        .body
        .to_string();
    assert!(
        messages.contains("约定提取 500.00 元已到尾号"),
        "{messages}"
    );
    assert!(
        messages.contains("2027年1月的约定提取没有可提的金额"),
        "{messages}"
    );

    // The person and the desk see each period.
    let office = town.office().await;
    let page = Visitor::person(&town, &office, &li)
        .await
        .get("/my/agreements")
        .await;
    for words in [
        "约定提取",
        "建设银行贷款",
        "已到账",
        "没有可提的",
        "1,000.00",
    ] {
        assert!(page.page.contains(words), "{words}: {}", page.page);
    }
    let desk = Visitor::staff(&town, &office, "teller", town.branch().await)
        .await
        .get("/desk/agreements")
        .await;
    for words in ["2027年2月", "已到账", "1,000.00", "RUN-02"] {
        assert!(desk.page.contains(words), "{words}: {}", desk.page);
    }

    // Cancelled: no condition, and no run any more.
    let mut cancel = sign.clone();
    cancel["form"]["action"] = json!("cancel");
    let cancelled = ask(&town, &cancel).await;
    assert_eq!(cancelled["state"], "done", "{cancelled}");
    assert_eq!(town.sql(STATE).await, 9);
    let nobody = town
        .doors
        .post("/cases?wait=15s", &cancel)
        .await
        .expect("a door");
    assert_eq!(nobody.code(), "E-AUT-03", "{}", nobody.body);
    cast::repays(&town.doors, &li, "B4", &repaid(17), 50_000)
        .await
        .expect("a loan");
    to(&town, "2027-04-05").await;
    tokio::time::sleep(LOOKED_TWICE).await;
    assert_eq!(town.sql("SELECT count(*) FROM repay_run").await, 3);
    assert_eq!(on_card(&town, &li).await, 150_000);
}

#[tokio::test]
async fn the_first_account_of_two_is_used_up_and_the_rest_comes_from_the_second() {
    let town = Town::open_at(tuesday()).await;
    let people = colleagues(&town, 741, &["陈强", "李梅"]).await;
    let (chen, li) = (&people[0], &people[1]);
    marry(&town, chen, li).await;
    cast::repays(&town.doors, chen, "B4", &months("2025-11", 12), 100_000)
        .await
        .expect("a loan");
    // She signs first and says that his account comes first.
    let mut hers = about_loan_of(&town, li, chen, Some("sign")).await;
    hers["form"]["place"] = json!("second");
    assert_eq!(ask(&town, &hers).await["state"], "done");
    let mut his = loan_request(&town.doors, chen, "B4", Some("sign"))
        .await
        .expect("known");
    his["form"]["place"] = json!("first");
    assert_eq!(ask(&town, &his).await["state"], "done");
    let loan = json!({
        "loan_no": cast::loan_no(chen), "role": "borrower", "purpose": "house", "district": "500112",
        "instalments": [{ "date": "2026-12-20", "amount_fen": 1_000_000 }],
    });
    cast::fact(&town.doors, "B4", "bank.loan_repayment", &chen.id, loan)
        .await
        .expect("a loan");
    to(&town, "2027-01-05").await;
    until(&town, PAID, 2).await;
    assert_eq!(on_card(&town, chen).await, 720_000, "all that he had");
    assert_eq!(on_card(&town, li).await, 280_000, "the rest");
}

#[tokio::test]
async fn three_skips_suspend_an_agreement_and_what_was_missed_is_paid_when_it_goes_on() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 751, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 20), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    assert_eq!(ask(&town, &sign).await["state"], "done");
    let frozen = json!({ "kind": "freeze", "from": "2026-12-01", "to": "2027-03-20" });
    cast::fact(&town.doors, "D08", "court.freeze_order", &li.id, frozen)
        .await
        .expect("the court");
    for (skipped, day) in [(1, "2027-01-05"), (2, "2027-02-05"), (3, "2027-03-05")] {
        to(&town, day).await;
        until(&town, SKIPPED, skipped).await;
        assert_eq!(town.sql(STATE).await, if skipped < 3 { 1 } else { 3 });
    }
    assert_eq!(on_card(&town, &li).await, 0);
    // The freeze is over: changing the agreement brings it back, and the missed months come with the next run.
    to(&town, "2027-03-22").await;
    let mut change = sign.clone();
    change["form"]["action"] = json!("change");
    let changed = ask(&town, &change).await;
    assert_eq!(changed["state"], "done", "{changed}");
    assert_eq!(town.sql(STATE).await, 2);
    to(&town, "2027-05-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 5 * 50_000, "December to April");
}

#[tokio::test]
async fn a_loan_that_is_closed_or_long_overdue_ends_its_agreement() {
    let town = Town::open_at(tuesday()).await;
    let people = colleagues(&town, 761, &["李梅", "王芳"]).await;
    for who in &people {
        cast::repays(&town.doors, who, "B4", &months("2025-11", 12), 50_000)
            .await
            .expect("a loan");
        let sign = loan_request(&town.doors, who, "B4", Some("sign"))
            .await
            .expect("known");
        assert_eq!(ask(&town, &sign).await["state"], "done");
    }
    let becomes = |who: &Person, fields: Value| {
        let mut loan = json!({ "loan_no": cast::loan_no(who), "role": "borrower", "purpose": "house", "district": "500112", "instalments": [] });
        for (field, value) in fields.as_object().expect("fields") {
            loan[field] = value.clone();
        }
        (who.id.clone(), loan)
    };
    for (id, loan) in [
        becomes(&people[0], json!({ "closed_on": "2026-12-10" })),
        becomes(&people[1], json!({ "overdue_days": 91 })),
    ] {
        cast::fact(&town.doors, "B4", "bank.loan_repayment", &id, loan)
            .await
            .expect("a loan");
    }
    to(&town, "2027-01-05").await;
    until(
        &town,
        "SELECT count(*) FROM repay_agreement WHERE state = 9 AND ended_at IS NOT NULL",
        2,
    )
    .await;
    until(
        &town,
        "SELECT count(*) FROM repay_run WHERE state = 5 AND code IN ('RUN-03', 'RUN-05')",
        2,
    )
    .await;
}

#[tokio::test]
async fn a_card_that_takes_no_money_suspends_its_agreement_and_the_money_is_back() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 771, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 14), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    assert_eq!(ask(&town, &sign).await["state"], "done");
    for bank in 1..=8 {
        let refuses = json!({ "mode": "reject", "latency_ms": 0 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &refuses)
            .await
            .expect("a bank")
            .ok()
            .expect("a mode");
    }
    to(&town, "2027-01-05").await;
    until(&town, "SELECT count(*) FROM repay_run WHERE state = 6", 1).await;
    assert_eq!(town.sql(STATE).await, 3);
    assert_eq!(
        balance(&town.doors, &li).await.expect("fen"),
        720_000,
        "the money is back (E23)"
    );
    let claims_again = "SELECT from_month::bigint FROM repay_agreement";
    assert_eq!(
        town.sql(claims_again).await,
        2026 * 12 + 11,
        "December is claimed again"
    );
}

/// The server is killed while the banks are asked, and again when the payments are on their way.
#[tokio::test]
async fn a_server_that_dies_among_the_runs_pays_each_of_them_once() {
    let town = Town::open_at(tuesday()).await;
    let names = ["李梅", "王芳", "陈强", "赵敏", "周涛", "吴军"];
    let people = colleagues(&town, 781, &names).await;
    for who in &people {
        cast::repays(&town.doors, who, "B4", &months("2025-11", 14), 50_000)
            .await
            .expect("a loan");
        let sign = loan_request(&town.doors, who, "B4", Some("sign"))
            .await
            .expect("known");
        assert_eq!(ask(&town, &sign).await["state"], "done");
    }
    let mut town = town.into_process().await;
    source_mode(&town, "B4", &json!({ "mode": "ok", "latency_ms": 2500 })).await;
    to(&town, "2027-01-05").await;
    until(&town, "SELECT count(*) FROM repay_run WHERE state = 1", 6).await;
    town.kill_server();
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 21")
            .await,
        0,
        "nothing was booked yet"
    );
    source_mode(&town, "B4", &json!({ "mode": "ok", "latency_ms": 0 })).await;
    for bank in 1..=8 {
        let slow = json!({ "mode": "ok", "latency_ms": 1500 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &slow)
            .await
            .expect("a bank")
            .ok()
            .expect("a mode");
    }
    town.start_server().await;
    until(&town, "SELECT count(*) FROM journal WHERE event = 21", 6).await;
    town.kill_server();
    town.start_server().await;
    until(&town, PAID, 6).await;
    for who in &people {
        assert_eq!(on_card(&town, who).await, 50_000, "{} once", who.name);
    }
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 21")
            .await,
        6
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 22")
            .await,
        6
    );
    assert_eq!(town.sql("SELECT count(*) FROM repay_run").await, 6);
}
