//! 综合柜员: one teller does for an employer at the counter what its clerk does for it, on the same pages; what needs a second person waits for
//! another one.

use anju::cast::{self, open_employer, text};
use anju_casework::employer;
use anju_casework::staff::role;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use uuid::Uuid;

use crate::relief::case_of;
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

fn key() -> String {
    Uuid::now_v7().to_string()
}

#[tokio::test]
async fn a_teller_does_what_a_clerk_does_while_the_employer_stands_at_the_window() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1350, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = open_employer(&town.doors, 1350, month(2))
        .await
        .expect("an employer");
    cast::contribute(&town.doors, &firm, month(2), &people)
        .await
        .expect("a month");
    let id = office
        .numbers
        .decode(NumberKind::Employer, &firm)
        .expect("a number");
    let one = employer::require(&office, id).await.expect("an employer");
    let teller = Visitor::staff(&town, &office, role::TELLER, one.branch_id).await;

    // Nobody stands there: the employer's pages are closed.
    assert!(teller.get("/unit").await.location.starts_with("/login"));
    let found = teller.post("/desk/employers", &[("q", &firm)]).await;
    assert!(found.page.contains(&one.name), "{}", found.page);
    let clerk = employer::clerks(&office, id)
        .await
        .expect("read")
        .remove(0)
        .clerk_id
        .to_string();
    let unseen = teller
        .post(
            "/desk/employers/serve",
            &[("employer", &firm), ("who", &clerk)],
        )
        .await;
    assert_eq!(
        unseen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "papers were not looked at"
    );
    let served = [
        ("employer", firm.as_str()),
        ("who", clerk.as_str()),
        ("seen", "yes"),
    ];
    let begun = teller.post("/desk/employers/serve", &served).await;
    assert_eq!(begun.location, "/unit", "{}", begun.page);
    let home = teller.get("/unit").await;
    assert!(
        home.page.contains("柜面代办") && home.page.contains(&one.name),
        "{}",
        home.page
    );

    // Seal, unseal with another base, ratio, the month's list: all by the teller, at the counter.
    let wang = account_no(&town, &people[1]).await;
    let path = format!("/unit/people/{wang}");
    let (first, second) = (key(), key());
    let seal = [
        ("do", "employee-account-seal"),
        ("key", first.as_str()),
        ("reason", "离职"),
    ];
    let sealed = teller.post(&path, &seal).await;
    assert_eq!(sealed.status, StatusCode::SEE_OTHER, "{}", sealed.page);
    let unseal = [
        ("do", "employee-account-unseal"),
        ("key", second.as_str()),
        ("base", "9000"),
    ];
    let unsealed = teller.post(&path, &unseal).await;
    assert_eq!(unsealed.status, StatusCode::SEE_OTHER, "{}", unsealed.page);
    let third = key();
    let ratio = [
        ("key", third.as_str()),
        ("employer", "8"),
        ("employee", "8"),
    ];
    let changed = teller.post("/unit/ratio", &ratio).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.page);

    let mut again = people.clone();
    again[1].base_fen = 900_000;
    let file = cast::roster(&again).expect("a file");
    let (month_of, fourth, fifth) = (month(1).to_string(), key(), key());
    let fields = [
        ("month", month_of.as_str()),
        ("mode", "full"),
        ("key", fourth.as_str()),
    ];
    let sent = teller.upload("/unit/roster", &fields, &file).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let roster = sent
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();
    let registered = teller
        .post(
            "/unit/roster/register",
            &[("roster", roster.as_str()), ("key", fifth.as_str())],
        )
        .await;
    assert_eq!(registered.location, "/unit/pay", "{}", registered.page);
    assert_eq!(
        town.sql(
            "SELECT count(*) FROM business_case c JOIN case_event e USING (centre_id, case_id)
                   WHERE c.channel = 'CTR' AND e.seq = 1 AND c.served_by = e.actor_id"
        )
        .await,
        4,
        "seal, unseal, ratio and list are the teller's"
    );
    // (10,000 + 9,000) × 16 %
    assert_eq!(
        town.sql("SELECT amount_fen FROM remittance ORDER BY remittance_id DESC LIMIT 1")
            .await,
        304_000
    );
}

#[tokio::test]
async fn what_policy_sends_to_a_second_person_is_not_reviewed_by_the_teller_who_served() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1360, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, 1360, month(2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        cast::contribute(&town.doors, &firm, month(back), &people)
            .await
            .expect("a month");
    }
    let id = office
        .numbers
        .decode(NumberKind::Employer, &firm)
        .expect("a number");
    let one = employer::require(&office, id).await.expect("an employer");
    // A reviewer may serve, too; then another one checks.
    let server = Visitor::staff(&town, &office, role::REVIEWER, one.branch_id).await;
    let served = [
        ("employer", firm.as_str()),
        ("who", "letter"),
        ("seen", "yes"),
    ];
    assert_eq!(
        server.post("/desk/employers/serve", &served).await.location,
        "/unit"
    );
    let first = key();
    let refund_of = month(1).to_string();
    let form = [
        ("key", first.as_str()),
        ("step", "send"),
        ("month", refund_of.as_str()),
        ("reason", "OVERPAID"),
        ("to", "SUSPENSE"),
        ("payroll", "yes"),
    ];
    let sent = server.post("/unit/do/employer-refund", &form).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let number = sent
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();
    let mut case = case_of(&town, &number).await;
    for _ in 0..100 {
        if case["state"] == "reviewing" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        case = case_of(&town, &number).await;
    }
    assert_eq!(case["state"], "reviewing", "{case}");
    let yes = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let own = server
        .post(&format!("/desk/cases/{number}/check"), &yes)
        .await;
    assert_ne!(
        own.status,
        StatusCode::SEE_OTHER,
        "nobody checks what he served"
    );
    assert_eq!(case_of(&town, &number).await["state"], "reviewing");
    let other = Visitor::second(&town, &office, role::REVIEWER, one.branch_id).await;
    let done = other
        .post(&format!("/desk/cases/{number}/check"), &yes)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        text(&case_of(&town, &number).await, "state").expect("a state"),
        "done"
    );

    // The visit ends, and with it the employer's pages.
    server.post("/desk/leave", &[]).await;
    assert!(server.get("/unit").await.location.starts_with("/login"));
}
