//! Months that are over are paid afterwards: once for a person, by the limits of their own time, into books and accounts.

use anju::cast::{
    self, Person, balance, contribute, number, open_employer, send_roster, state_of, text,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

/// An employer that has paid two months for 李梅; 王强 has come with the second.
async fn latecomer(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people[..1])
        .await
        .expect("a month");
    let row =
        json!([{ "name": people[1].name, "id_no": people[1].id, "base_fen": people[1].base_fen }]);
    let body = json!({
        "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": { "roster": row },
    });
    town.doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("opened");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    (employer, people)
}

async fn ask(town: &Town, employer: &str, form: Value) -> anju::doors::Answer {
    let body = json!({ "service": "supplement-register", "applicant": employer, "form": form, "channel": "HALL" });
    town.doors.post("/cases", &body).await.expect("a door")
}

/// Registers, and the order to pay as the case's first event tells it.
async fn registered(town: &Town, employer: &str, form: Value) -> (String, Value) {
    let case = ask(town, employer, form).await.ok().expect("registered");
    assert_eq!(case["state"], "executing");
    let id = text(&case, "case_id").expect("a case");
    let case = town
        .doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let detail = case["events"]
        .as_array()
        .expect("events")
        .iter()
        .find_map(|event| {
            event["detail"]
                .get("reference")
                .map(|_| event["detail"].clone())
        })
        .expect("a pay code");
    (id, detail)
}

/// Pays the order, and waits until it is on the accounts.
async fn paid(town: &Town, order: &Value, fen: i64) {
    cast::pay(&town.doors, order, fen).await.expect("paid");
    let list = text(order, "remittance").expect("a number");
    state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
}

async fn state_of_case(town: &Town, id: &str) -> String {
    let case = town
        .doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    text(&case, "state").expect("a state")
}

#[tokio::test]
async fn a_missed_month_is_paid_back_once_and_the_months_in_order_go_on() {
    let town = Town::open().await;
    let (employer, people) = latecomer(&town, 61).await;
    let wang = account_no(&town, &people[1]).await;
    let missed = json!({
        "roster": [{ "account_no": wang, "months": [month(2).to_string()] }], "reason": "MISSED_MONTH",
    });
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("fen"),
        192_000
    );
    let (case, order) = registered(&town, &employer, missed.clone()).await;
    assert_eq!(number(&order, "amount_fen").expect("fen"), 192_000);
    let again = ask(&town, &employer, missed.clone()).await;
    assert_eq!(again.code(), "E-BACK-01", "while it waits for its money");

    paid(&town, &order, 192_000).await;
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("fen"),
        2 * 192_000
    );
    assert_eq!(state_of_case(&town, &case).await, "done");
    let again = ask(&town, &employer, missed).await;
    assert_eq!(again.code(), "E-BACK-01", "and after it was paid");

    let entry = "SELECT count(*) FROM journal WHERE event = 6";
    assert_eq!(town.sql(entry).await, 1, "E06, not E05");
    // The next month is still the next month, and its list is compared with the last month alone.
    let next = send_roster(&town.doors, &employer, month(0), &people)
        .await
        .expect("a door")
        .ok()
        .expect("a list");
    assert_eq!(number(&next, "total_fen").expect("fen"), 432_000);
}

#[tokio::test]
async fn the_difference_of_a_base_that_was_too_low_is_paid_and_no_more() {
    let town = Town::open().await;
    let (employer, people) = latecomer(&town, 62).await;
    let li = account_no(&town, &people[0]).await;
    let both = json!([month(2).to_string(), month(1).to_string()]);
    let form = |base: i64, reason: &str| json!({ "roster": [{ "account_no": li, "months": both, "base_fen": base }], "reason": reason });
    let same = ask(&town, &employer, form(1_000_000, "SHORT_BASE")).await;
    assert_eq!(same.code(), "E-BACK-01", "there is no difference");
    let whole = ask(&town, &employer, form(1_200_000, "MISSED_MONTH")).await;
    assert_eq!(whole.code(), "E-BACK-01", "the months were paid");

    let (_, order) = registered(&town, &employer, form(1_200_000, "SHORT_BASE")).await;
    assert_eq!(
        number(&order, "amount_fen").expect("fen"),
        2 * (288_000 - 240_000)
    );
    paid(&town, &order, 96_000).await;
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        2 * 288_000
    );
}

#[tokio::test]
async fn months_that_are_over_keep_the_ratio_of_their_time() {
    let town = Town::open().await;
    let (employer, people) = latecomer(&town, 65).await;
    let lower = json!({ "ratio_employer_bp": 800, "ratio_employee_bp": 800 });
    let body = json!({ "service": "ratio-adjust", "applicant": employer, "form": lower, "channel": "HALL" });
    let lowered = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(lowered.ok().expect("lowered")["state"], "done");

    // Paid at 12 %: a higher base owes 12 % of what was lacking, though 8 % of all of it would be less than was paid.
    let li = account_no(&town, &people[0]).await;
    let form = json!({
        "roster": [{ "account_no": li, "months": [month(2).to_string()], "base_fen": 1_200_000 }], "reason": "SHORT_BASE",
    });
    let (_, order) = registered(&town, &employer, form).await;
    assert_eq!(
        number(&order, "amount_fen").expect("fen"),
        288_000 - 240_000
    );
    paid(&town, &order, 48_000).await;
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        240_000 + 288_000
    );

    // Not paid at all: what his colleagues of that month were paid at.
    let wang = account_no(&town, &people[1]).await;
    let form = json!({
        "roster": [{ "account_no": wang, "months": [month(2).to_string()] }], "reason": "MISSED_MONTH",
    });
    let (_, order) = registered(&town, &employer, form).await;
    assert_eq!(number(&order, "amount_fen").expect("fen"), 192_000);

    // The ratio was not too low: today's is lower still.
    let form = json!({
        "roster": [{ "account_no": li, "months": [month(1).to_string()] }], "reason": "SHORT_RATIO",
    });
    assert_eq!(ask(&town, &employer, form).await.code(), "E-BACK-01");
}

#[tokio::test]
async fn what_is_not_over_or_too_long_ago_is_refused_with_every_row() {
    let town = Town::open().await;
    let (employer, people) = latecomer(&town, 63).await;
    let wang = account_no(&town, &people[1]).await;
    let row = |months: Value| json!({ "account_no": wang, "months": months });
    let form = json!({
        "roster": [
            row(json!([month(0).to_string()])),
            row(json!([month(14).to_string()])),
            { "account_no": "G0000000000000", "months": [month(2).to_string()] },
        ],
        "reason": "MISSED_MONTH",
    });
    let refused = ask(&town, &employer, form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let told: Vec<(i64, String)> = refused.body["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| {
            (
                error["row"].as_i64().expect("a row"),
                text(error, "code").expect("a code"),
            )
        })
        .collect();
    for expected in [(1, "E-REMIT-01"), (2, "E-BACK-02"), (3, "E-FORM-01")] {
        assert!(
            told.contains(&(expected.0, expected.1.to_owned())),
            "{expected:?} in {told:?}"
        );
    }
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE kind = 2")
            .await,
        0
    );
    let no_paper = json!({
        "roster": [{ "account_no": wang, "months": [month(2).to_string()], "employer_fen": 100, "employee_fen": 100 }],
        "reason": "ENFORCED",
    });
    assert_eq!(ask(&town, &employer, no_paper).await.code(), "E-FORM-01");
}

#[tokio::test]
async fn a_clerk_registers_a_back_payment_on_the_persons_page() {
    let town = Town::open().await;
    let (employer, people) = latecomer(&town, 64).await;
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &employer, 64).await;
    let wang = account_no(&town, &people[1]).await;
    let (key, from) = (uuid::Uuid::now_v7().to_string(), month(2).to_string());
    let form = [
        ("do", "supplement-register"),
        ("key", key.as_str()),
        ("cause", "MISSED_MONTH"),
        ("from", from.as_str()),
        ("to", from.as_str()),
    ];
    let answer = clerk.post(&format!("/unit/people/{wang}"), &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let page = clerk.get(&answer.location).await.page;
    assert!(page.contains("1,920.00") && page.contains("补缴"), "{page}");
    let home = clerk.get("/unit").await.page;
    assert!(home.contains("名册"), "the month goes on as before");
}
