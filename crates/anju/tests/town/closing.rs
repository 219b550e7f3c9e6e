//! An employer ends: nothing is left behind, and its people go to the centre's holding account.

use anju::cast::{self, Person, contribute, open_employer, send_roster, text};
use anju_business::contribution::closing;
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{approve, ask, not_met, reviewer};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

const SERVICE: &str = "employer-close-account";

async fn settled(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    (employer, people)
}

async fn seal(town: &Town, firm: &str, people: &[Person]) {
    let mut rows = Vec::new();
    for one in people {
        rows.push(json!({ "account_no": account_no(town, one).await, "reason": "离职" }));
    }
    let body = json!({ "service": "employee-account-seal", "applicant": firm, "channel": "HALL", "form": { "roster": rows } });
    let done = town
        .doors
        .post("/cases", &body)
        .await
        .expect("a door")
        .ok()
        .expect("sealed");
    assert_eq!(done["state"], "done");
}

fn asked(how: &str) -> Value {
    json!({ "how": how, "reason": "DISSOLVED" })
}

#[tokio::test]
async fn an_employer_closes_when_nothing_is_left_and_its_people_are_held_by_the_centre() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 91).await;
    let case = ask(&town, SERVICE, &firm, asked("CANCEL")).await;
    assert_eq!(not_met(&case), ["E-EMPR-06"], "two people contribute");
    seal(&town, &firm, &people).await;
    let case = ask(&town, SERVICE, &firm, asked("CANCEL")).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    assert_eq!(case["state"], "done", "{case}");
    assert_eq!(
        town.sql("SELECT state::bigint FROM employer WHERE NOT holding")
            .await,
        9,
        "销户"
    );
    let uscc = cast::firm("", 91).expect("a firm").uscc;
    crate::parties::all_told(&town, &uscc, "cancelled", 2).await;
    let held = "SELECT count(*) FROM membership m JOIN employer e USING (centre_id, employer_id) WHERE e.holding AND m.state = 2";
    assert_eq!(town.sql(held).await, 2);
    let li = cast::account(&town.doors, &people[0])
        .await
        .expect("an account");
    assert_eq!(
        (&li["state"], cast::number(&li, "balance_fen").expect("fen")),
        (&json!("sealed"), 240_000)
    );
    let again = ask(&town, SERVICE, &firm, asked("CANCEL")).await;
    assert_eq!(not_met(&again), ["E-EMPR-03"]);

    // Another employer takes 李梅 in from there, and the same account goes on.
    let next = open_employer(&town.doors, 92, month(1))
        .await
        .expect("another");
    let roster = send_roster(&town.doors, &next, month(1), &people[..1])
        .await
        .expect("a door");
    roster.ok().expect("a list");
    contribute(&town.doors, &next, month(1), &people[..1])
        .await
        .expect("a month");
    let moved = cast::account(&town.doors, &people[0])
        .await
        .expect("an account");
    assert_eq!(moved["account_no"], li["account_no"]);
    assert_eq!(town.sql(held).await, 1);
    town.audited().await;
}

#[tokio::test]
async fn money_in_suspense_or_an_open_list_keeps_an_employer_from_closing() {
    let town = Town::open().await;
    let (firm, people) = settled(&town, 93).await;
    let order = cast::register_month(&town.doors, &firm, month(0), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &order, 1).await.expect("paid");
    let list = text(&order, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &list, |state| state == "part_received")
        .await
        .expect("received");
    let case = ask(&town, SERVICE, &firm, asked("SEAL")).await;
    assert_eq!(not_met(&case), ["E-EMPR-06"], "an open list");
    cast::pay(&town.doors, &order, 432_000).await.expect("paid");
    cast::state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    seal(&town, &firm, &people).await;
    let case = ask(&town, SERVICE, &firm, asked("CANCEL")).await;
    assert_eq!(not_met(&case), ["E-EMPR-06"], "1 fen in suspense");
    let case = ask(&town, SERVICE, &firm, asked("SEAL")).await;
    assert_eq!(case["state"], "reviewing", "sealing may wait for it");
    let office = town.office().await;
    let reviewer = reviewer(&town, &office, &firm).await;
    approve(&town, &reviewer, &case).await;
    assert_eq!(
        town.sql("SELECT state::bigint FROM employer WHERE NOT holding")
            .await,
        3,
        "封存"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM membership WHERE state = 2 AND seal_reason = '集中封存'")
            .await,
        2
    );
    town.audited().await;
}

#[tokio::test]
async fn who_left_is_held_after_the_days_of_policy_or_when_he_asks() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 94).await;
    seal(&town, &firm, &people).await;
    closing::hold_who_left(&office)
        .await
        .expect("the day's work");
    let held = "SELECT count(*) FROM membership m JOIN employer e USING (centre_id, employer_id) WHERE e.holding AND m.state = 2";
    assert_eq!(town.sql(held).await, 0, "not before its days");

    // 李梅 asks for it at a window.
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let number = cast::look_up(&town.doors, &people[0]).await.expect("known");
    let away = teller
        .post(&format!("/desk/people/{number}/hold"), &[])
        .await;
    assert_eq!(away.status, StatusCode::FORBIDDEN, "only who stands there");
    let stands = [
        ("id_no", people[0].id.as_str()),
        ("name", people[0].name.as_str()),
        ("reason", "business"),
    ];
    teller.post("/desk/identify", &stands).await;
    let page = teller.get(&format!("/desk/people/{number}")).await.page;
    assert!(page.contains("转入集中封存户"), "{page}");
    let done = teller
        .post(&format!("/desk/people/{number}/hold"), &[])
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(town.sql(held).await, 1);
    town.later(32 * 24 * 60);
    closing::hold_who_left(&office)
        .await
        .expect("the day's work");
    assert_eq!(town.sql(held).await, 2);
    assert_eq!(
        closing::hold_who_left(&office).await.expect("again"),
        0,
        "nobody is moved twice"
    );
    town.audited().await;
}

#[tokio::test]
async fn two_accounts_of_one_person_become_one_by_two_accountants_and_nothing_is_lost() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 95, &[("李梅", 1_000_000), ("李梅", 800_000)]).await;
    let before = open_employer(&town.doors, 95, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &before, month(2), &people[1..])
        .await
        .expect("a month");
    seal(&town, &before, &people[1..]).await;
    let now = open_employer(&town.doors, 96, month(1))
        .await
        .expect("another");
    contribute(&town.doors, &now, month(1), &people[..1])
        .await
        .expect("a month");
    let (kept, gone) = (
        account_no(&town, &people[0]).await,
        account_no(&town, &people[1]).await,
    );
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let checker = Visitor::another(
        &town,
        &office,
        role::ACCOUNTANT,
        office.centre.head_branch,
        "2",
    )
    .await;
    let reason = ("reason", "公安证明：两个证件号码是同一人");
    let wrong = maker
        .post(
            "/desk/corrections",
            &[
                ("kind", "4"),
                ("from", kept.as_str()),
                ("to", gone.as_str()),
                reason,
            ],
        )
        .await;
    assert_eq!(
        wrong.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the active one is kept"
    );
    let made = maker
        .post(
            "/desk/corrections",
            &[
                ("kind", "4"),
                ("from", gone.as_str()),
                ("to", kept.as_str()),
                reason,
            ],
        )
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let page = checker.get("/desk/corrections").await.page;
    let id = page
        .split("/desk/corrections/")
        .nth(1)
        .expect("it waits")
        .split('/')
        .next()
        .expect("a number")
        .to_owned();
    let yes = [("verdict", "agree"), ("answer", "证明无误")];
    let done = checker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        cast::balance(&town.doors, &people[0]).await.expect("fen"),
        240_000 + 192_000
    );
    assert_eq!(
        cast::look_up(&town.doors, &people[1]).await.expect("known"),
        cast::look_up(&town.doors, &people[0]).await.expect("known"),
        "the other number finds the person who was kept"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM ledger_account WHERE kind = 1 AND state = 3")
            .await,
        1,
        "closed, not deleted"
    );
    let months = "SELECT count(DISTINCT month) FROM contribution_change WHERE employer_fen > 0";
    assert_eq!(
        town.sql(months).await,
        1,
        "its month counts for the account that is kept"
    );
    town.audited().await;
}
