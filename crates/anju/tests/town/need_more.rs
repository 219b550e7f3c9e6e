//! 待补正: an employer in difficulty hands in its resolution after it has applied; who does not within the days of policy is taken as withdrawn.

use anju::cast::{contribute, open_employer, text};
use anju_business::contribution::relief;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{approve, ask, case_of, reviewer};
use crate::town::{Town, known, month};
use crate::visitor::Visitor;

const DEFERRAL: &str = "employer-deferral";

async fn lacking(town: &Town, seed: i64) -> (String, Value) {
    let people = known(town, seed, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        contribute(&town.doors, &firm, month(back), &people)
            .await
            .expect("a month");
    }
    let form = json!({ "ground": "LOSS", "audit_report_no": "渝会审〔2026〕8号", "reason": "订单减少", "months": 2, "plan_months": 2 });
    let case = ask(town, DEFERRAL, &firm, form).await;
    assert_eq!(
        case["state"], "gathering",
        "it waits, it is not refused: {case}"
    );
    let hard = case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .find(|one| one["code"] == "HARD-02")
        .cloned();
    assert_eq!(hard.expect("HARD-02")["outcome"], "unknown");
    (firm, case)
}

#[tokio::test]
async fn a_resolution_that_was_lacking_is_handed_in_and_the_case_goes_on() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, case) = lacking(&town, 1380).await;
    let number = text(&case, "case_id").expect("a number");
    let clerk = Visitor::clerk(&town, &office, &firm, 1380).await;
    let page = clerk.get(&format!("/unit/cases/{number}")).await;
    assert!(page.page.contains("补交决议"), "{}", page.page);
    let path = format!("/unit/cases/{number}/supplement");
    let empty = clerk.post(&path, &[("resolution_no", " ")]).await;
    assert_eq!(empty.status, StatusCode::CONFLICT);
    assert!(empty.page.contains("决议的文号"), "{}", empty.page);
    let given = clerk
        .post(&path, &[("resolution_no", "职代会〔2026〕3号")])
        .await;
    assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.page);
    let case = case_of(&town, &number).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let twice = clerk.post(&path, &[("resolution_no", "另一份")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);

    // Approved, it is counted by the industry that the employer has told.
    let key = uuid::Uuid::now_v7().to_string();
    let told = clerk
        .post(
            "/unit/employer",
            &[("key", key.as_str()), ("industry", "H")],
        )
        .await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.page);
    let reviewer = reviewer(&town, &office, &firm).await;
    approve(&town, &reviewer, &case).await;
    let report = reviewer.get("/desk/relief").await;
    assert!(
        report.page.contains("住宿和餐饮业") && report.page.contains("industry=H"),
        "{}",
        report.page
    );
    let list = reviewer.get("/desk/relief/list?kind=1&industry=H").await;
    assert!(list.page.contains(&number), "{}", list.page);
    let other = reviewer.get("/desk/relief/list?kind=1&industry=C").await;
    assert!(!other.page.contains(&number));
}

#[tokio::test]
async fn what_is_not_mended_in_time_is_taken_as_withdrawn() {
    let town = Town::open().await;
    let office = town.office().await;
    let (_, case) = lacking(&town, 1390).await;
    let number = text(&case, "case_id").expect("a number");
    relief::turn(&office).await.expect("the day's work");
    assert_eq!(case_of(&town, &number).await["state"], "gathering");
    town.later(14 * 24 * 60);
    relief::turn(&office).await.expect("the day's work");
    assert_eq!(case_of(&town, &number).await["state"], "withdrawn");
}
