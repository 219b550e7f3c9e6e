//! Queries: what the books say of a person or an employer, by one door; masked, paged, logged, and changing nothing.

use anju::cast::{self, Person, look_up, text};
use anju::doors::Answer;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

async fn ask(town: &Town, query: &str) -> Answer {
    town.doors
        .get(&format!("/query/{query}"))
        .await
        .expect("a door")
}

async fn answer(town: &Town, query: &str) -> Value {
    ask(town, query).await.ok().expect(query)
}

async fn person_of(town: &Town, who: &Person) -> String {
    look_up(&town.doors, who).await.expect("known")
}

#[tokio::test]
async fn the_catalogue_lists_the_queries_that_can_be_answered() {
    let town = Town::open().await;
    let services = town
        .doors
        .get("/services")
        .await
        .expect("a door")
        .ok()
        .expect("the catalogue");
    let queries: Vec<&str> = services
        .as_array()
        .expect("services")
        .iter()
        .filter(|one| one["verb"] == "query")
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert_eq!(
        queries,
        [
            "query-account-detail",
            "query-basic-info",
            "query-employer-info",
            "query-entitlements",
            "query-housing-subsidy",
            "query-transfer-in",
            "query-withdrawal-progress",
            "verify-document"
        ]
    );
    let guides = Visitor::nobody(&town).await.get("/guides").await.page;
    for name in ["基本信息查询", "证明真伪核验", "个人异地缴存证明打印"] {
        assert!(guides.contains(name), "{name} is not in the guides");
    }
    let case =
        json!({ "service": "query-basic-info", "applicant": "P1", "form": {}, "channel": "APP" });
    let refused = town.doors.post("/cases", &case).await.expect("a door");
    assert_eq!(
        refused.status,
        StatusCode::NOT_FOUND,
        "a query is never a case"
    );
    assert_eq!(
        ask(&town, "withdraw-rent?subject=P1").await.status,
        StatusCode::NOT_FOUND,
        "and a case is no query"
    );
    assert_eq!(
        ask(&town, "query-nothing?subject=P1").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn basic_data_come_by_person_account_or_case_masked_unless_asked_for_whole() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 81).await;
    let person = person_of(&town, &li).await;
    let account = account_no(&town, &li).await;
    let case = text(&submit(&town, &li).await, "case_id").expect("a case");
    let basic = answer(&town, &format!("query-basic-info?subject={person}")).await;
    assert_eq!(basic["name"], "李*");
    assert_eq!(basic["account"]["employer_no"], employer.as_str());
    assert_eq!(basic["account"]["state"], "active");
    assert_eq!(basic["account"]["monthly_fen"], 240_000);
    assert_eq!(basic["account"]["base_fen"], 1_000_000);
    assert_eq!(basic["account"]["last_month"], month(1).to_string());
    assert_eq!(basic["account"]["continuous_months"], 3);
    let shown = basic.to_string();
    for hidden in [&li.id, &li.phone, &li.card] {
        assert!(!shown.contains(hidden.as_str()), "{hidden} in {shown}");
    }
    for subject in [&account, &case] {
        let same = answer(&town, &format!("query-basic-info?subject={subject}")).await;
        assert_eq!(same["person_id"], person.as_str());
    }
    let whole = answer(
        &town,
        &format!("query-basic-info?subject={person}&mask=false"),
    )
    .await;
    assert_eq!(whole["name"], li.name.as_str());
    assert_eq!(whole["mobile"], li.phone.as_str());
    assert!(
        !whole.to_string().contains(&li.id),
        "an ID number is never told"
    );

    // Never by an ID number; and every look is kept.
    assert_eq!(
        ask(&town, &format!("query-basic-info?subject={}", li.id))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let nobody = ask(&town, "query-basic-info").await;
    assert_eq!(
        (nobody.status, nobody.code()),
        (StatusCode::BAD_REQUEST, "E-API-05")
    );
    let looks = town
        .sql("SELECT count(*) FROM access_log WHERE what = '基本信息查询' AND audience = 4")
        .await;
    assert_eq!(looks, 4, "every look is kept");
}

#[tokio::test]
async fn entries_come_by_period_and_page_and_agree_with_the_books() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 82).await;
    let account = account_no(&town, &li).await;
    let all = answer(&town, &format!("query-account-detail?subject={account}")).await;
    let books = town
        .doors
        .get(&format!("/accounts/{account}/entries"))
        .await
        .expect("a door")
        .ok()
        .expect("entries");
    let amounts = |rows: &Value| -> Vec<(i64, i64)> {
        rows["items"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                (
                    row["amount_fen"].as_i64().expect("fen"),
                    row["balance_fen"].as_i64().expect("fen"),
                )
            })
            .collect()
    };
    assert_eq!(amounts(&all), amounts(&books));
    assert_eq!(amounts(&all).len(), 3);
    assert_eq!(all["items"][0]["kind"], "汇缴");
    assert!(
        all["items"][0]["counterpart"]
            .as_str()
            .is_some_and(|name| name.starts_with("重庆")),
        "{all}"
    );
    assert_eq!(all["next"], Value::Null);

    let first = answer(
        &town,
        &format!("query-account-detail?subject={account}&limit=2"),
    )
    .await;
    assert_eq!(amounts(&first).len(), 2);
    let next = text(&first, "next").expect("a next page");
    let second = answer(
        &town,
        &format!("query-account-detail?subject={account}&limit=2&after={next}"),
    )
    .await;
    assert_eq!([amounts(&first), amounts(&second)].concat(), amounts(&all));

    let day = text(&all["items"][0], "date").expect("a date");
    let of_month = answer(
        &town,
        &format!(
            "query-account-detail?subject={account}&period={}",
            &day[..7]
        ),
    )
    .await;
    assert_eq!(amounts(&of_month).len(), 3);
    let before = answer(
        &town,
        &format!("query-account-detail?subject={account}&period=2001-01-01..2001-12-31"),
    )
    .await;
    assert_eq!(amounts(&before).len(), 0);
    for wrong in ["period=2026-13", "after=x", "period=2026-02-01..2026-01-01"] {
        let refused = ask(
            &town,
            &format!("query-account-detail?subject={account}&{wrong}"),
        )
        .await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "E-API-05"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_withdrawal_tells_its_steps_its_amount_and_its_payment() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 83).await;
    let person = person_of(&town, &li).await;
    let submitted = submit(&town, &li).await;
    becomes(&town, &submitted, "done").await;
    let case = text(&submitted, "case_id").expect("a case");
    for subject in [&person, &case] {
        let shown = answer(
            &town,
            &format!("query-withdrawal-progress?subject={subject}"),
        )
        .await;
        let one = &shown["items"][0];
        assert_eq!(one["case_id"], case.as_str());
        assert_eq!(one["state"], "done");
        assert_eq!(one["payment"]["state"], "paid");
        assert!(one["amount_fen"].as_i64().is_some_and(|fen| fen > 0));
        let steps: Vec<&str> = one["timeline"]
            .as_array()
            .expect("steps")
            .iter()
            .filter_map(|step| step["event"].as_str())
            .collect();
        assert!(
            steps.contains(&"submitted") && steps.contains(&"paid"),
            "{steps:?}"
        );
        assert!(
            !shown.to_string().contains(&li.card),
            "the card stays masked"
        );
    }
    let transfers = answer(&town, &format!("query-transfer-in?subject={person}")).await;
    assert_eq!(transfers, json!({ "items": [], "next": null }));
    assert_eq!(
        ask(&town, &format!("query-transfer-in?subject={case}"))
            .await
            .status,
        StatusCode::NOT_FOUND,
        "it is no transfer"
    );
    let subsidy = answer(&town, &format!("query-housing-subsidy?subject={person}")).await;
    assert_eq!(subsidy["accounts"], json!([]));
    assert!(
        subsidy["note"]
            .as_str()
            .is_some_and(|note| note.contains("没有住房补贴账户"))
    );
}

#[tokio::test]
async fn an_employer_is_told_its_data_members_months_and_arrears() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 84).await;
    let view = async |view: &str| {
        answer(
            &town,
            &format!("query-employer-info?subject={employer}&view={view}"),
        )
        .await
    };
    let profile = view("profile").await;
    assert_eq!(
        (
            profile["people"].as_i64(),
            profile["sealed_people"].as_i64()
        ),
        (Some(1), Some(0))
    );
    assert_eq!(profile["paid_to_month"], month(1).to_string());
    assert_eq!(profile["unallocated_fen"], 0);
    let members = view("members").await;
    assert_eq!(members["items"][0]["name"], "李*");
    assert_eq!(
        members["items"][0]["account_no"],
        account_no(&town, &li).await
    );
    let months = view("remittances").await;
    assert_eq!(months["items"].as_array().expect("months").len(), 3);
    assert!(
        months["items"]
            .as_array()
            .expect("months")
            .iter()
            .all(|one| one["state"] == "allocated")
    );
    let page = answer(
        &town,
        &format!("query-employer-info?subject={employer}&view=remittances&limit=2"),
    )
    .await;
    let next = text(&page, "next").expect("a next page");
    let rest = answer(
        &town,
        &format!("query-employer-info?subject={employer}&view=remittances&limit=2&after={next}"),
    )
    .await;
    assert_eq!(rest["items"].as_array().expect("months").len(), 1);
    // Of what is paid up to last month only this month may be owed, once its day has passed.
    let owed = view("arrears").await["months"].clone();
    let this = month(0).to_string();
    let owed = owed.as_array().expect("months");
    assert!(
        owed.iter().all(|one| one["month"] == this.as_str()),
        "{owed:?}"
    );

    let idle = cast::open_employer(&town.doors, 85, month(4))
        .await
        .expect("an employer");
    let arrears = answer(
        &town,
        &format!("query-employer-info?subject={idle}&view=arrears"),
    )
    .await;
    assert_eq!(arrears["months"][0]["month"], month(4).to_string());
    assert_eq!(
        ask(
            &town,
            &format!("query-employer-info?subject={employer}&view=secrets")
        )
        .await
        .code(),
        "E-API-05"
    );
    assert_eq!(
        ask(
            &town,
            &format!(
                "query-employer-info?subject={}",
                person_of(&town, &li).await
            )
        )
        .await
        .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_query_writes_nothing_but_who_looked() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 86).await;
    let person = person_of(&town, &li).await;
    let mut written = Vec::new();
    // What the engine does by itself each minute may fall into one of two rounds.
    for _ in 0..2 {
        let before = town.writes().await;
        for query in [
            "query-basic-info",
            "query-account-detail",
            "query-withdrawal-progress",
            "query-transfer-in",
            "query-housing-subsidy",
        ] {
            answer(&town, &format!("{query}?subject={person}")).await;
        }
        written.extend(town.writes().await.since(before));
    }
    let fewest = written.iter().min();
    assert!(fewest.is_none_or(|writes| *writes == 0), "{written:?}");
    let cases = town
        .sql("SELECT count(*) FROM business_case WHERE service LIKE 'query-%'")
        .await;
    assert_eq!(cases, 0);
}
