//! 数据共享 as a centre lives it: files that count once and whole, a death that locks the money, consents that are taken back, doubts that go to
//! their source, keys that turn while people are served.

use anju::cast::{self, Person, balance, text};
use anju_casework::Office;
use anju_casework::staff::role;
use anju_domain::clock::shanghai_date;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// A rent withdrawal; one that waits for a source is told after a moment, not after its end.
async fn submit(town: &Town, who: &Person) -> Value {
    let body = cast::rent_request(&town.doors, who).await.expect("known");
    let answer = town.doors.post("/cases?wait=2s", &body).await;
    let submitted = answer.expect("a door").ok().expect("a case");
    if !submitted["decision"].is_null() {
        return submitted;
    }
    let id = text(&submitted, "case_id").expect("an id");
    for _ in 0..100 {
        let now = town.doors.get(&format!("/cases/{id}")).await;
        let now = now.expect("a door").ok().expect("a case");
        if !now["decision"].is_null() {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("never decided: {submitted}");
}

async fn send(town: &Town, source: &str, flow: &str, body: Value) -> Value {
    let sent = town
        .doors
        .control_post(&format!("/sources/{source}/files/{flow}"), &body)
        .await;
    let sent = sent.expect("a door").ok().expect("sent");
    assert!(!sent["reply"].is_null(), "no answer: {sent}");
    sent
}

async fn mode(town: &Town, source: &str, mode: &str) {
    let body = json!({ "mode": mode });
    let put = town
        .doors
        .control_put(&format!("/sources/{source}"), &body)
        .await;
    put.expect("a door").ok().expect("a mood");
}

fn died(who: &Person) -> Value {
    json!([{ "subject": who.id, "value": { "dead": true, "date": "2026-11-01" } }])
}

async fn staff(town: &Town, office: &Office, role: &'static str) -> Visitor {
    Visitor::staff(town, office, role, office.centre.head_branch).await
}

const FROZEN: &str =
    "SELECT count(*) FROM account_hold WHERE released_at IS NULL AND reason LIKE '死亡信号%'";

#[tokio::test]
async fn a_death_in_the_nights_file_locks_the_account_and_a_correction_frees_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 811).await;
    let sent = send(
        &town,
        "D02",
        "deaths",
        json!({ "name": "d1", "items": died(&li) }),
    )
    .await;
    assert_eq!(sent["reply"]["code"], 200, "{sent}");
    assert_eq!(sent["reply"]["data"]["wmkh"], "1");
    assert_eq!(town.sql(FROZEN).await, 1);

    // Nothing leaves the account any more; the register that we ask in the case still knows nothing.
    let refused = submit(&town, &li).await;
    assert_eq!(refused["state"], "refused", "{refused}");
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);

    // Sent again it is answered, and nothing is laid on twice.
    let again = send(
        &town,
        "D02",
        "deaths",
        json!({ "name": "d1", "items": died(&li) }),
    )
    .await;
    assert_eq!(
        (&again["reply"]["code"], &again["reply"]["data"]["cf"]),
        (&json!(200), &json!("1"))
    );
    let another = send(
        &town,
        "D02",
        "deaths",
        json!({ "name": "d2", "items": died(&li) }),
    )
    .await;
    assert_eq!(another["reply"]["code"], 200);
    assert_eq!(
        town.sql(FROZEN).await,
        1,
        "the same death twice is one freeze"
    );

    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, town.branch().await).await;
    let page = reviewer.get("/desk/deaths").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.page.contains("2026-11-01") && page.page.contains("属实，保持冻结"),
        "{}",
        page.page
    );
    let signal = page
        .page
        .split("name=\"signal\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a signal")
        .to_owned();
    let without = reviewer
        .post(
            "/desk/deaths",
            &[("signal", &signal), ("so", "false"), ("note", "")],
        )
        .await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without.page.contains("写明依据"));
    let freed = reviewer
        .post(
            "/desk/deaths",
            &[
                ("signal", &signal),
                ("so", "false"),
                ("note", "民政更正回执 2026-7"),
            ],
        )
        .await;
    assert_eq!(freed.status, StatusCode::SEE_OTHER, "{}", freed.page);
    assert_eq!(town.sql(FROZEN).await, 0);
    let twice = reviewer
        .post(
            "/desk/deaths",
            &[("signal", &signal), ("so", "true"), ("note", "")],
        )
        .await;
    assert!(twice.page.contains("已经处理过"), "{}", twice.page);

    let submitted = submit(&town, &li).await;
    becomes(&town, &submitted, "done").await;
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 360_000);
}

#[tokio::test]
async fn a_file_that_does_not_fit_its_manifest_is_refused_whole_and_the_sender_is_told() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 812).await;
    let stranger = cast::person("陌生人", 812, 40, 500_000).expect("numbers");
    let items = json!([
        { "subject": li.id, "value": { "retired": true, "date": "2026-10-31", "kind": "normal" } },
        { "subject": stranger.id, "value": { "retired": true, "date": "2026-10-31", "kind": "early" } },
    ]);
    let nothing = "SELECT count(*) FROM batch_signal";
    for (spoilt, word) in [
        ("content", "SM3"),
        ("rows", "3 行"),
        ("control", "控制总数"),
        ("signature", "签名"),
        ("half", "1 行"),
        ("code", "第 1 行"),
    ] {
        let sent = send(
            &town,
            "D05",
            "retirees",
            json!({ "items": items, "spoilt": spoilt }),
        )
        .await;
        assert_eq!(sent["reply"]["code"], 422, "{spoilt}: {sent}");
        assert_eq!(sent["reply"]["data"]["code"], "E-BATCH-01", "{spoilt}");
        let told = sent["reply"]["message"].as_str().expect("words");
        assert!(
            told.contains(word) && told.contains("保持不变"),
            "{spoilt}: {told}"
        );
        assert_eq!(town.sql(nothing).await, 0, "{spoilt}");
    }
    let sent = send(&town, "D05", "retirees", json!({ "items": items })).await;
    assert_eq!(
        (&sent["reply"]["code"], &sent["reply"]["data"]["wmkh"]),
        (&json!(200), &json!("1"))
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM fact WHERE type = 'hrss.retirement' AND value ->> 'retired' = 'true'")
            .await,
        1,
        "only our customer's"
    );
    let retired = anju_business::sharing::batch::signals(&office, "retirees", None, 10).await;
    assert_eq!(retired.expect("read").len(), 1, "who retired can be found");
    let other = json!([{ "subject": li.id, "value": { "retired": false } }]);
    let same_name = send(&town, "D05", "retirees", json!({ "items": other })).await;
    assert_eq!(
        same_name["reply"]["data"]["code"], "E-BATCH-02",
        "{same_name}"
    );

    let subsidy = json!({ "items": [{ "subject": li.id, "value": { "year": 2026, "amount_fen": 123_456, "paid": true } }] });
    let sent = send(&town, "D19", "subsidy", subsidy).await;
    assert_eq!(sent["reply"]["code"], 200, "{sent}");
    let admin = staff(&town, &office, role::SYSTEM_ADMIN).await;
    let page = admin.get("/desk/sources/D05").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in ["整件退回", "已接收", "就业登记", "每天 02:00"] {
        assert!(page.page.contains(words), "{words}: {}", page.page);
    }
}

#[tokio::test]
async fn a_file_that_is_late_is_alarmed_and_one_that_never_came_is_not_expected() {
    let town = Town::open().await;
    let today = shanghai_date(chrono::Utc::now());
    let long_ago = today - chrono::TimeDelta::days(3);
    let late = async || {
        let sources = town
            .doors
            .get("/sources")
            .await
            .expect("a door")
            .ok()
            .expect("sources");
        let items = sources["items"].as_array().expect("a list").clone();
        assert_eq!(items.len(), 28);
        let late = items.iter().filter(|one| one["late_files"] != json!([]));
        late.map(|one| text(one, "source").expect("a code"))
            .collect::<Vec<_>>()
    };
    assert_eq!(late().await, Vec::<String>::new());
    send(
        &town,
        "D02",
        "deaths",
        json!({ "items": [], "day": long_ago }),
    )
    .await;
    assert_eq!(late().await, ["D02"]);
    send(&town, "D02", "deaths", json!({ "items": [], "day": today })).await;
    assert_eq!(late().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_struck_off_company_is_learnt_of_from_the_file_where_its_push_was_lost() {
    let town = Town::open().await;
    let (_, employer) = tenant_of(&town, 813).await;
    let firm = cast::firm("", 813).expect("a firm");
    let items =
        json!([{ "subject": firm.uscc, "value": { "event": "cancelled", "date": "2026-11-20" } }]);
    let sent = send(&town, "D06", "status", json!({ "items": items })).await;
    assert_eq!(
        (&sent["reply"]["code"], &sent["reply"]["data"]["wmkh"]),
        (&json!(200), &json!("1")),
        "{sent}"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM batch_signal WHERE flow = 'status'")
            .await,
        1
    );
    assert!(!employer.is_empty());
}

const ASKED: &str =
    "SELECT count(*) FROM source_call WHERE type = 'estate.ownership' AND result <> 'not_askable'";

#[tokio::test]
async fn a_consent_that_is_taken_back_stops_the_questions_and_refuses_nobody() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 814).await;
    mode(&town, "D03", "down").await;
    let submitted = submit(&town, &li).await;
    assert_eq!(submitted["decision"]["outcome"], "waiting");
    let person = Visitor::person(&town, &office, &li).await;
    let page = person.get("/my/consents").await;
    assert!(
        page.page.contains("收回") && page.page.contains("没有得到答复"),
        "{}",
        page.page
    );
    let consent = page
        .page
        .split("name=\"consent\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a consent")
        .to_owned();
    person.post("/my/consents", &[("consent", &consent)]).await;
    let asked = town.sql(ASKED).await;
    mode(&town, "D03", "ok").await;
    town.later(10);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(town.sql(ASKED).await, asked, "nobody was asked any more");
    let id = text(&submitted, "case_id").expect("an id");
    let now = town
        .doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert_eq!(
        now["state"], "gathering",
        "it waits; it is not refused: {now}"
    );

    let page = person.get("/my/consents").await;
    assert!(page.page.contains("重新授权"), "{}", page.page);
    person.post("/my/consents", &[("again", &consent)]).await;
    town.later(10);
    becomes(&town, &submitted, "done").await;
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 360_000);
}

#[tokio::test]
async fn a_doubt_goes_to_its_source_and_its_answer_comes_back() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 815).await;
    cast::owns_home(&town.doors, &li).await.expect("a home");
    let refused = submit(&town, &li).await;
    assert_eq!(refused["state"], "refused");
    let person = Visitor::person(&town, &office, &li).await;
    let page = person.get("/my/consents").await;
    let fact = page
        .page
        .split("<option value=\"")
        .skip(1)
        .find(|rest| {
            rest.contains("不动产登记") && rest.find("不动产登记") < rest.find("</option>")
        })
        .and_then(|rest| rest.split('"').next())
        .expect("the fact")
        .to_owned();
    let empty = person
        .post("/my/consents/dispute", &[("fact", &fact), ("reason", " ")])
        .await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.page.contains("写明哪里不对"));
    let foreign = person
        .post("/my/consents/dispute", &[("fact", "1"), ("reason", "错")])
        .await;
    assert!(
        foreign.page.contains("只能对查询到的本人信息"),
        "{}",
        foreign.page
    );
    let words = [
        ("fact", fact.as_str()),
        ("reason", "这套房 2025 年已经卖了"),
    ];
    let opened = person.post("/my/consents/dispute", &words).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.page);
    let twice = person.post("/my/consents/dispute", &words).await;
    assert!(twice.page.contains("已经在处理"), "{}", twice.page);

    let mut order = Value::Null;
    for _ in 0..600 {
        let list = town
            .doors
            .control("/disputes")
            .await
            .expect("a door")
            .ok()
            .expect("a list");
        if let Some(first) = list.as_array().and_then(|list| list.first()) {
            order = first.clone();
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(
        (&order["fact_type"], &order["subject"]),
        (&json!("estate.ownership"), &json!(li.id))
    );
    assert_eq!(order["reason"], "这套房 2025 年已经卖了");
    let number = text(&order, "order_no").expect("a number");
    let answer = json!({ "corrected": true, "answer": "已按转移登记更正" });
    let told = town
        .doors
        .control_post(&format!("/disputes/{number}/answer"), &answer)
        .await;
    let told = told.expect("a door").ok().expect("told");
    assert_eq!(told["reply"]["code"], 200, "{told}");
    let page = person.get("/my/consents").await;
    assert!(
        page.page.contains("已更正") && page.page.contains("已按转移登记更正"),
        "{}",
        page.page
    );
}

#[tokio::test]
async fn registers_at_odds_are_counted_for_both_and_shown() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 816).await;
    crate::withdrawal::death(&town, &li, true).await;
    let submitted = submit(&town, &li).await;
    assert_eq!(submitted["state"], "reviewing", "{submitted}");
    let reviewer = staff(&town, &office, role::REVIEWER).await;
    let mut counted = Vec::new();
    for _ in 0..50 {
        let sources = town
            .doors
            .get("/sources")
            .await
            .expect("a door")
            .ok()
            .expect("sources");
        counted = sources["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["disagreements_24h"] == 1)
            .map(|one| text(one, "source").expect("a code"))
            .collect();
        if counted.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(counted, ["D01", "D02"]);
    let page = reviewer.get("/desk/sources").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.page.contains("市民政局") && page.page.contains("不一致"));
    let one = reviewer.get("/desk/sources/D02").await;
    for words in ["婚姻登记", "7 天内有效", "本人授权", "租房", "24 小时问过"] {
        assert!(one.page.contains(words), "{words}: {}", one.page);
    }
    assert_eq!(
        reviewer.get("/desk/sources/D99").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_source_turns_its_key_while_people_are_served() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 817).await;
    for turn in 0..2 {
        let turned = town
            .doors
            .control_post("/sources/D01/turn-key", &json!({}))
            .await;
        let turned = turned.expect("a door").ok().expect("turned");
        assert_eq!(turned["turned"], true, "turn {turn}: {turned}");
    }
    let submitted = submit(&town, &li).await;
    becomes(&town, &submitted, "done").await;
    let failed = "SELECT count(*) FROM source_call WHERE source = 'D01' AND result NOT IN ('known', 'absent', 'cached')";
    assert_eq!(town.sql(failed).await, 0);
}

/// The sources that a rent withdrawal asks, each silent or lying in each way that there is.
#[tokio::test]
async fn whatever_a_source_does_a_withdrawal_is_never_refused_lost_or_paid_twice() {
    let town = Town::open().await;
    let moods = [
        "down",
        "malformed",
        "wrong_person",
        "stale",
        "future",
        "oversized",
        "forged",
    ];
    let services = town
        .doors
        .get("/services")
        .await
        .expect("a door")
        .ok()
        .expect("services");
    let rent = services
        .as_array()
        .or(services["items"].as_array())
        .expect("a list")
        .iter()
        .find(|one| one["id"] == "withdraw-rent")
        .expect("rent")
        .clone();
    let catalogue = anju_exchange::catalogue::Catalogue::shipped().expect("the catalogue");
    let sources: std::collections::BTreeSet<&str> = rent["facts"]
        .as_array()
        .expect("facts")
        .iter()
        .filter_map(|fact| catalogue.fact(fact.as_str()?))
        .filter(|fact| fact.sources.len() == 1)
        .map(|fact| fact.sources[0].as_str())
        .collect();
    assert!(sources.len() >= 6, "{sources:?}");
    // A person each: what a source has said once is at hand, and it is not asked again.
    let mut people = Vec::new();
    for seed in (8_180..).take(sources.len()) {
        people.push(tenant_of(&town, seed).await.0);
    }
    for ((source, li), turn) in sources.iter().zip(&people).zip(0..) {
        for mood in [moods[turn % moods.len()], moods[(turn + 3) % moods.len()]] {
            mode(&town, source, mood).await;
            let submitted = submit(&town, li).await;
            let outcome = &submitted["decision"]["outcome"];
            assert!(
                outcome == "waiting" || outcome == "review",
                "{source} {mood}: {submitted}"
            );
            // Taken back before the source answers again: else it is paid, and the next months are another wish.
            let id = text(&submitted, "case_id").expect("an id");
            let taken_back = town
                .doors
                .post(&format!("/cases/{id}/withdraw"), &json!({}))
                .await;
            let taken_back = taken_back.expect("a door");
            mode(&town, source, "ok").await;
            if taken_back.status == StatusCode::OK {
                continue;
            }
            panic!("{source} {mood}: {}", taken_back.body);
        }
    }
    for li in &people {
        assert_eq!(
            balance(&town.doors, li).await.expect("books"),
            720_000,
            "nothing left meanwhile"
        );
    }
    let submitted = submit(&town, &people[0]).await;
    becomes(&town, &submitted, "done").await;
    let left = balance(&town.doors, &people[0]).await;
    assert_eq!(left.expect("books"), 360_000);
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE pay_state = 3")
            .await,
        1
    );
}
