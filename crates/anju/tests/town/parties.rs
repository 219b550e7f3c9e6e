//! 一网通办: one message founds, changes or strikes off a company at all parties, and what the centre makes of it comes back to each of them, once,
//! whatever happens on the way; what social insurance and tax know of an employer is told to its clerk with a list.

use std::time::Duration;

use anju::cast::{self, firm, open_employer, text};
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

/// Market, tax, social insurance, e-government.
const PARTIES: [&str; 4] = ["D05", "D06", "D07", "D14"];

fn code(seed: i64) -> String {
    firm("", seed).expect("a firm").uscc
}

/// A company in the registers of all parties.
async fn everywhere(town: &Town, uscc: &str) -> Value {
    let held = town.doors.control(&format!("/companies/{uscc}")).await;
    held.expect("the outside").ok().expect("a company")
}

/// What a party was told of a company, once what it was told is as it is waited for.
async fn until_told(
    town: &Town,
    uscc: &str,
    party: &str,
    is_right: impl Fn(&Value) -> bool,
) -> Value {
    let mut held = Value::Null;
    for _ in 0..400 {
        held = everywhere(town, uscc).await;
        let told = &held["told"][party];
        if is_right(told) {
            return told.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{party} was not told: {held}");
}

/// Waits until every party was told of this event; it is the last of so many messages.
pub async fn all_told(town: &Town, uscc: &str, event: &str, messages: i64) {
    for party in PARTIES {
        let told = until_told(town, uscc, party, |told| told["event"] == event).await;
        assert_eq!(told["messages"], messages, "{party}: {told}");
    }
}

/// The same of an institution, which is no matter of the market regulator.
pub async fn all_but_the_market_told(town: &Town, uscc: &str, event: &str) {
    for party in ["D05", "D07", "D14"] {
        until_told(town, uscc, party, |told| told["event"] == event).await;
    }
    let told = everywhere(town, uscc).await["told"]["D06"].clone();
    assert!(told.is_null(), "{told}");
}

async fn mode(town: &Town, party: &str, mode: &str) {
    town.doors
        .control_put(&format!("/sources/{party}"), &json!({ "mode": mode }))
        .await
        .expect("the outside")
        .ok()
        .expect("a mode");
}

async fn founded(town: &Town, seed: i64, name: &str) -> Value {
    let company = json!({
        "uscc": code(seed), "name": name, "kind": "私企", "region": "500112", "address": "重庆市渝北区新牌坊 1 号",
        "legal_person": { "name": "陈立", "id_no": "", "phone": "13900000301" }, "open_hpf": true,
    });
    let answer = town.doors.control_post("/companies", &company).await;
    answer.expect("the regulator").ok().expect("founded")
}

async fn renamed(town: &Town, uscc: &str, name: &str) {
    let path = format!("/companies/{uscc}/change");
    let answer = town
        .doors
        .control_post(&path, &json!({ "name": name }))
        .await;
    let answer = answer.expect("the regulator").ok().expect("changed");
    assert_eq!(answer["reply"]["data"]["dwkh"], true, "{answer}");
}

/// The collector of an employer's branch.
async fn collector(town: &Town) -> Visitor {
    let office = town.office().await;
    let branch = town.branch().await;
    Visitor::staff(town, &office, role::COLLECTOR, branch).await
}

#[tokio::test]
async fn one_founding_message_and_all_parties_hold_the_company_and_its_account() {
    let town = Town::open().await;
    let uscc = code(2101);
    let answer = founded(&town, 2101, "重庆一网有限公司").await;
    let number = text(&answer["reply"]["data"], "dwzh").expect("a number");
    all_told(&town, &uscc, "pre_opened", 1).await;
    let held = everywhere(&town, &uscc).await;
    for party in ["D05", "D06", "D07"] {
        assert_eq!(
            held["registers"][party]["name"], "重庆一网有限公司",
            "{held}"
        );
    }
    for party in PARTIES {
        assert_eq!(held["told"][party]["account_no"], number, "{held}");
    }
    assert_eq!(held["told"]["D07"]["representative"], "陈立");
    assert_eq!(held["told"]["D14"]["item_name"], "单位缴存登记");

    // Said again, as it stands and as a new message: one account, and nobody is told twice.
    let push = answer["push"].as_i64().expect("a message");
    let again = format!("/pushes/{push}/again");
    let again = town.doors.control_post(&again, &json!({})).await;
    again.expect("the regulator").ok().expect("sent");
    founded(&town, 2101, "重庆一网有限公司").await;

    let chen = Visitor::holder(&town, &uscc, "0").await;
    let (key, first) = (uuid::Uuid::now_v7().to_string(), month(0).to_string());
    let form = [
        ("key", key.as_str()),
        ("kind", "私企"),
        ("employer", "8"),
        ("employee", "8"),
        ("payday", "10"),
        ("first_month", first.as_str()),
        ("clerk_name", "陈立"),
        ("clerk_phone", "13900000301"),
    ];
    let done = chen.post("/unit/open", &form).await;
    assert_eq!(done.location, "/unit/employer?done=opened", "{}", done.page);
    all_told(&town, &uscc, "opened", 2).await;
    let chen = chen.go_on(&town, &done).await;
    let mut page = String::new();
    for _ in 0..200 {
        page = chen.get("/unit/employer").await.page;
        if page.matches("已确认").count() == 8 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for words in [
        "一件事一次办",
        "市税务局",
        "市人力社保局",
        "预开户",
        "开户：重庆一网有限公司",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(page.matches("已确认").count(), 8, "{page}");
}

#[tokio::test]
async fn one_change_at_the_registry_is_a_dated_case_and_the_others_hold_the_new_name() {
    let town = Town::open().await;
    let uscc = code(2102);
    founded(&town, 2102, "重庆旧名有限公司").await;
    all_told(&town, &uscc, "pre_opened", 1).await;
    renamed(&town, &uscc, "重庆新名有限公司").await;
    all_told(&town, &uscc, "changed", 2).await;
    let held = everywhere(&town, &uscc).await;
    for party in PARTIES {
        assert_eq!(held["told"][party]["name"], "重庆新名有限公司", "{held}");
    }
    for party in ["D05", "D06", "D07"] {
        assert_eq!(
            held["registers"][party]["name"], "重庆新名有限公司",
            "{held}"
        );
    }
    let dated = "SELECT count(*) FROM case_event WHERE detail ->> 'on' IS NOT NULL AND detail -> 'before' ->> 'name' = '重庆旧名有限公司'
                    AND 'changed' = ANY (steps)";
    assert_eq!(town.sql(dated).await, 1);
}

/// Goal: what only the centre keeps is nobody's matter; what others register, too, is told also where the clerk changed it here.
#[tokio::test]
async fn a_clerk_who_changes_the_address_here_tells_all_and_a_payday_nobody() {
    let town = Town::open().await;
    let uscc = code(2103);
    let number = open_employer(&town.doors, 2103, month(1))
        .await
        .expect("an employer");
    all_told(&town, &uscc, "opened", 1).await;
    let ask = async |form: Value| {
        let body = json!({ "service": "employer-info-maintain", "applicant": number, "channel": "HALL", "form": form });
        let done = town.doors.post("/cases", &body).await.expect("a door");
        assert_eq!(done.ok().expect("changed")["state"], "done");
    };
    ask(json!({ "payday": 12 })).await;
    assert_eq!(town.sql("SELECT count(*) FROM employer_word").await, 1);
    // Its register has another address: nothing changes before that does.
    let moved = json!({ "address": "重庆市南岸区 9 号" });
    let body = json!({ "service": "employer-info-maintain", "applicant": number, "channel": "HALL", "form": moved });
    let refused = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(refused.code(), "E-EMPR-03", "{}", refused.body);
    assert!(
        refused.body.to_string().contains("登记部门登记的地址是"),
        "{}",
        refused.body
    );
    let registered = json!({ "name": "重庆搬家有限公司", "state": "open", "address": "重庆市南岸区 9 号", "legal_person": { "name": "陈立" } });
    cast::fact(&town.doors, "D06", "market.registration", &uscc, registered)
        .await
        .expect("the registry");
    ask(moved).await;
    all_told(&town, &uscc, "changed", 2).await;
    let told = everywhere(&town, &uscc).await["told"]["D05"]["address"].clone();
    assert_eq!(told, "重庆市南岸区 9 号");
}

/// Goal: the tax bureau is down while an employer is opened and renamed twice. The others have it at once; the desk and the clerk see who waits
/// and until when; when it is back it takes all in order, each once.
#[tokio::test]
async fn a_party_that_is_down_waits_is_seen_and_is_told_once_when_it_is_back() {
    let town = Town::open().await;
    let uscc = code(2104);
    mode(&town, "D07", "down").await;
    let answer = founded(&town, 2104, "重庆等税有限公司").await;
    let number = text(&answer["reply"]["data"], "dwzh").expect("a number");
    renamed(&town, &uscc, "重庆等税二有限公司").await;
    renamed(&town, &uscc, "重庆等税三有限公司").await;
    for party in ["D05", "D06", "D14"] {
        let told = until_told(&town, &uscc, party, |told| {
            told["name"] == "重庆等税三有限公司"
        })
        .await;
        assert_eq!(told["messages"], 3, "{told}");
    }
    let desk = collector(&town).await;
    let mut seen = String::new();
    for _ in 0..600 {
        seen = desk.get(&format!("/desk/arrears/{number}")).await.page;
        if seen.contains("没有送到") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        seen.contains("没有送到") && seen.contains("市税务局"),
        "{seen}"
    );
    let office = town.office().await;
    let operator = Visitor::second(
        &town,
        &office,
        role::SYSTEM_ADMIN,
        office.centre.head_branch,
    )
    .await;
    let mut sources = String::new();
    for _ in 0..600 {
        sources = operator.get("/desk/sources").await.page;
        if sources.contains("来源自己报错") && sources.contains("等它前一份先送到") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for words in [
        "还没有送到的告知",
        "重庆等税有限公司",
        "来源自己报错",
        "等它前一份先送到",
    ] {
        assert!(sources.contains(words), "{words}: {sources}");
    }
    let tax = operator.get("/desk/sources/D07").await.page;
    assert!(
        tax.contains("还没有送到它的告知") && tax.contains("单位公积金账户信息"),
        "{tax}"
    );
    assert!(everywhere(&town, &uscc).await["told"]["D07"].is_null());

    mode(&town, "D07", "ok").await;
    let told = until_told(&town, &uscc, "D07", |told| {
        told["name"] == "重庆等税三有限公司"
    })
    .await;
    assert_eq!(
        (&told["messages"], &told["account_no"]),
        (&json!(3), &json!(number))
    );
    let open = "SELECT count(*) FROM employer_word_party WHERE taken_at IS NULL";
    for _ in 0..200 {
        if town.sql(open).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(town.sql(open).await, 0);
    let sources = operator.get("/desk/sources").await.page;
    assert!(!sources.contains("还没有送到的告知"), "{sources}");
}

/// Goal: a party that has taken a word and answers nonsense, with another's name, too late or with a wrong signature is not believed and told
/// again; it counts the word once. One that refuses is seen as such.
#[tokio::test]
async fn a_party_that_answers_wrongly_is_told_again_and_counts_it_once() {
    let town = Town::open().await;
    for (seed, mood, words) in [
        (2111, "malformed", "答复读不懂"),
        (2112, "wrong_person", "答的是别人"),
        (2113, "stale", "数据太旧"),
        (2114, "forged", "签名不是这次查询的"),
        (2115, "refuse", "不受理"),
    ] {
        let uscc = code(seed);
        mode(&town, "D05", mood).await;
        founded(&town, seed, "重庆乱答有限公司").await;
        let office = town.office().await;
        let failed = "SELECT count(*) FROM employer_word_party WHERE taken_at IS NULL AND failure IS NOT NULL";
        for _ in 0..200 {
            if town.sql(failed).await == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let operator = Visitor::another(
            &town,
            &office,
            role::SYSTEM_ADMIN,
            office.centre.head_branch,
            &seed.to_string(),
        )
        .await;
        let sources = operator.get("/desk/sources/D05").await.page;
        assert!(sources.contains(words), "{mood}: {sources}");
        mode(&town, "D05", "ok").await;
        town.later(11);
        let told = until_told(&town, &uscc, "D05", |told| told["event"] == "pre_opened").await;
        assert_eq!(told["messages"], 1, "{mood}: {told}");
        let open = "SELECT count(*) FROM employer_word_party WHERE taken_at IS NULL";
        for _ in 0..200 {
            if town.sql(open).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(town.sql(open).await, 0, "{mood}");
    }
}

#[tokio::test]
async fn a_server_killed_while_it_tells_tells_every_party_once() {
    let mut town = Town::open().await.into_process().await;
    let uscc = code(2105);
    mode(&town, "D14", "hang").await;
    founded(&town, 2105, "重庆断电有限公司").await;
    until_told(&town, &uscc, "D07", |told| told["event"] == "pre_opened").await;
    town.kill_server();
    mode(&town, "D14", "ok").await;
    town.start_server().await;
    town.later(1);
    all_told(&town, &uscc, "pre_opened", 1).await;
}

#[tokio::test]
async fn a_company_that_is_struck_off_ends_at_all_parties() {
    let town = Town::open().await;
    let uscc = code(2106);
    founded(&town, 2106, "重庆注销有限公司").await;
    all_told(&town, &uscc, "pre_opened", 1).await;
    let path = format!("/companies/{uscc}/cancel");
    let cancelled = town.doors.control_post(&path, &json!({})).await;
    cancelled.expect("the regulator").ok().expect("struck off");
    all_told(&town, &uscc, "cancelled", 2).await;
    let held = everywhere(&town, &uscc).await;
    for party in ["D05", "D06", "D07"] {
        assert_eq!(held["registers"][party]["state"], "cancelled", "{held}");
    }
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 9")
            .await,
        1
    );
    let page = reqwest::get(format!("{}/?company={uscc}", town.config.outside_url)).await;
    let page = page.expect("the outside").text().await.expect("a page");
    assert!(
        page.contains("重庆注销有限公司（已注销）") && page.contains("已销户，收到 2 份"),
        "{page}"
    );
}

/// Goal: nine insured, two on the list, their mean base a third lower, and the tax bureau has the firm as not to be found: the clerk is told with the
/// list, by the machine's door and on the page, and the list is taken.
#[tokio::test]
async fn what_social_insurance_and_tax_know_is_told_with_a_list_and_refuses_nothing() {
    let town = Town::open().await;
    let uscc = code(2107);
    let insured = json!({ "months_paid": 24, "people": 9, "base_fen": 9 * 1_350_000 });
    cast::fact(&town.doors, "D05", "hrss.social_insurance", &uscc, insured)
        .await
        .expect("D05");
    let taxed = json!({ "state": "abnormal", "authority": "渝中区税务局" });
    cast::fact(&town.doors, "D07", "tax.registration", &uscc, taxed)
        .await
        .expect("D07");
    let number = open_employer(&town.doors, 2107, month(1))
        .await
        .expect("an employer");
    let people = known(&town, 2107, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let engine = crate::arrears::engine(&town).await;
    crate::arrears::sqlx_forget_nights(&town).await;
    crate::arrears::tonight(&engine).await;
    let list = cast::send_roster(&town.doors, &number, month(1), &people).await;
    let list = list.expect("a door").ok().expect("taken all the same");
    let notices = list["notices"].as_array().expect("notices");
    let of = |code: &str| {
        let notice = notices.iter().find(|notice| notice["code"] == code);
        notice.map_or_else(String::new, |notice| notice["message"].to_string())
    };
    assert!(
        of("W-REMIT-07").contains("9 人参保，本清册 2 人，少 7 人"),
        "{list}"
    );
    assert!(
        of("W-BASE-09").contains("13,500.00") && of("W-BASE-09").contains("9,000.00"),
        "{list}"
    );
    assert!(of("W-REMIT-08").contains("非正常户"), "{list}");
    let clerk = Visitor::clerk(&town, &engine.office, &number, 2107).await;
    let file = cast::roster(&people).expect("a file");
    let key = uuid::Uuid::now_v7().to_string();
    let month = month(1).to_string();
    let fields = [
        ("key", key.as_str()),
        ("month", month.as_str()),
        ("mode", "complete"),
    ];
    let page = clerk.upload("/unit/roster", &fields, &file).await;
    let page = if page.status == StatusCode::SEE_OTHER {
        clerk.get(&page.location).await.page
    } else {
        page.page
    };
    assert!(page.contains("本清册 2 人，少 7 人"), "{page}");
    cast::contribute(&town.doors, &number, crate::town::month(1), &people)
        .await
        .expect("registered, paid and allocated");
}
