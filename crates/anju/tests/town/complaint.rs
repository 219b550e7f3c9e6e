//! An employee speaks of an employer that never came to the centre: the market regulator says who it is, and the clue has somebody to be about.

use anju::cast::{self, balance, look_up};
use axum::http::StatusCode;
use serde_json::json;

use crate::town::{Town, tenant_of};
use crate::withdrawal::{becomes, submit};

#[tokio::test]
async fn a_complaint_about_an_employer_that_never_registered_opens_a_clue() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 1400).await;
    let person = look_up(&town.doors, &li).await.expect("known");
    let strange = cast::firm("重庆无名餐饮有限公司", 1_401).expect("a firm");
    let body = json!({ "service": "ask-complaint", "applicant": person, "channel": "APP", "form": {
        "kind": "report-unpaid", "employer": strange.uscc, "text": "三月入职，公司没有开公积金户" } });
    // The regulator knows no such company: a wrong code.
    let unknown = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(
        (unknown.status, unknown.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "E-FORM-01")
    );
    let registration = json!({
        "name": strange.name, "kind": "company", "state": "open", "founded": "2024-03-01", "region": "500103",
        "address": "重庆市渝中区", "legal_person": { "name": "陈立" },
    });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &strange.uscc,
        registration,
    )
    .await
    .expect("a fact");
    let taken = town
        .doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("taken");
    assert_eq!(taken["state"], "executing", "{taken}");
    assert_eq!(
        town.sql("SELECT count(*) FROM enforcement x JOIN employer e USING (centre_id, employer_id) WHERE e.state = 4 AND e.name = '重庆无名餐饮有限公司'").await,
        1
    );

    // While the clue is looked into, her rent is paid as if she had said nothing (CMN-05 counts withdrawals alone).
    let rent = submit(&town, &li).await;
    becomes(&town, &rent, "done").await;
    assert_eq!(
        balance(&town.doors, &li).await.expect("an account"),
        360_000
    );
}
