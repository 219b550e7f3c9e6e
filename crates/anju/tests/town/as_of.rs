//! 时间机器: an employer and a person as they stood on a past day, for a clerk, a teller and the doors.

use anju::cast::{contribute, look_up, open_employer};
use anju::start::{demo, office as engine_of};
use anju_casework::employer;
use anju_casework::staff::role;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

async fn ask(town: &Town, path: &str) -> Value {
    let answer = town
        .doors
        .get(&format!("/query/{path}"))
        .await
        .expect("a door");
    answer
        .ok()
        .unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

#[tokio::test]
async fn members_bases_ratio_balance_and_lists_are_read_as_they_stood_on_a_past_day() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1370, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = open_employer(&town.doors, 1370, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(2), &people)
        .await
        .expect("a month");
    let first = office.today();
    let engine = engine_of::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    demo::close_day(&engine).await.expect("the day is closed");
    town.later(24 * 60);
    let second = office.today();
    assert!(second > first);

    // The next day 王强 is sealed, the ratio falls, and another month is paid.
    let wang = account_no(&town, &people[1]).await;
    let seal = json!({ "service": "employee-account-seal", "applicant": firm, "channel": "HALL",
                       "form": { "roster": [{ "account_no": wang }], "reason": "离职" } });
    town.doors
        .post("/cases", &seal)
        .await
        .expect("a door")
        .ok()
        .expect("sealed");
    let ratio = json!({ "service": "ratio-adjust", "applicant": firm, "channel": "HALL",
                        "form": { "ratio_employer_bp": 800, "ratio_employee_bp": 800 } });
    town.doors
        .post("/cases", &ratio)
        .await
        .expect("a door")
        .ok()
        .expect("changed");
    contribute(&town.doors, &firm, month(1), &people[..1])
        .await
        .expect("a month");

    let then = ask(
        &town,
        &format!("query-employer-info?subject={firm}&on={first}"),
    )
    .await;
    assert_eq!(
        (&then["people"], &then["sealed_people"]),
        (&json!(2), &json!(0)),
        "{then}"
    );
    assert_eq!(
        (&then["ratio_employer_bp"], &then["monthly_fen"]),
        (&json!(1200), &json!(432_000))
    );
    assert_eq!(then["paid_to_month"], month(2).to_string());
    let now = ask(
        &town,
        &format!("query-employer-info?subject={firm}&on={second}"),
    )
    .await;
    assert_eq!(
        (&now["people"], &now["sealed_people"]),
        (&json!(1), &json!(1)),
        "{now}"
    );
    assert_eq!(
        (&now["ratio_employer_bp"], &now["monthly_fen"]),
        (&json!(800), &json!(160_000))
    );

    let members = ask(
        &town,
        &format!("query-employer-info?subject={firm}&view=members&on={first}"),
    )
    .await;
    let of_wang = members["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|one| one["account_no"] == wang)
        .expect("王强")
        .clone();
    assert_eq!(
        (
            &of_wang["state"],
            &of_wang["base_fen"],
            &of_wang["balance_fen"]
        ),
        (&json!("active"), &json!(800_000), &json!(192_000))
    );
    let lists = ask(
        &town,
        &format!("query-employer-info?subject={firm}&view=remittances&on={first}"),
    )
    .await;
    assert_eq!(
        lists["items"].as_array().expect("items").len(),
        1,
        "{lists}"
    );
    let lists = ask(
        &town,
        &format!("query-employer-info?subject={firm}&view=remittances&on={second}"),
    )
    .await;
    assert_eq!(
        lists["items"].as_array().expect("items").len(),
        2,
        "{lists}"
    );

    let li = look_up(&town.doors, &people[0]).await.expect("known");
    let then = ask(&town, &format!("query-basic-info?subject={li}&on={first}")).await;
    assert_eq!(
        (&then["balance_fen"], &then["monthly_fen"]),
        (&json!(240_000), &json!(240_000))
    );
    let now = ask(&town, &format!("query-basic-info?subject={li}&on={second}")).await;
    assert_eq!(
        (&now["balance_fen"], &now["ratio_employee_bp"]),
        (&json!(400_000), &json!(800))
    );
    let tomorrow = second + chrono::TimeDelta::days(1);
    let refused = town
        .doors
        .get(&format!(
            "/query/query-basic-info?subject={li}&on={tomorrow}"
        ))
        .await
        .expect("a door");
    assert_eq!(refused.code(), "E-ASOF-01");

    // The clerk's and the teller's pages.
    let clerk = Visitor::clerk(&town, &office, &firm, 1370).await;
    let page = clerk.get(&format!("/unit/people?on={first}")).await;
    assert!(
        page.page.contains("2 人在缴")
            && page.page.contains("12%")
            && page.page.contains("8,000.00")
            && page.page.contains("已分配"),
        "{}",
        page.page
    );
    let page = clerk.get("/unit/people?on=2999-01-01").await;
    assert!(page.page.contains("不晚于今天"), "{}", page.page);
    let id = office
        .numbers
        .decode(NumberKind::Employer, &firm)
        .expect("a number");
    let branch = employer::require(&office, id)
        .await
        .expect("an employer")
        .branch_id;
    let accountant = Visitor::staff(&town, &office, role::ACCOUNTANT, branch).await;
    let page = accountant
        .get(&format!("/desk/people/{li}?on={first}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    assert!(
        page.page.contains("以前的样子") && page.page.contains("2,400.00"),
        "{}",
        page.page
    );
}
