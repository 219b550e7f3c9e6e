//! Refusals of contribution.md that no story of another file meets, each through the doors, and that nothing has changed by them.

use anju::cast::{self, contribute, open_employer, seal};
use anju_casework::staff::role;
use anju_domain::money::Fen;
use anju_ledger::AccountId;
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::json;

use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

const MEMBERS: &str = "SELECT count(*) FROM membership WHERE state <> 9";

/// E-TRF-06: the old employer has paid the month already that would be the new one's first.
#[tokio::test]
async fn a_month_is_not_paid_by_two_employers() {
    let town = Town::open().await;
    let people = known(&town, 951, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let old = open_employer(&town.doors, 951, month(1))
        .await
        .expect("an employer");
    for back in [1, 0] {
        contribute(&town.doors, &old, month(back), &people)
            .await
            .expect("a month");
    }
    let new = open_employer(&town.doors, 952, month(0))
        .await
        .expect("another");
    seal(&town.doors, &old, &people[0]).await.expect("sealed");
    let account = account_no(&town, &people[0]).await;
    let form = json!({ "account_no": account, "to_employer_no": new });
    let body = json!({ "service": "employee-account-transfer", "applicant": new, "form": form, "channel": "HALL" });
    let refused = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(refused.code(), "E-TRF-06", "{}", refused.body);
    assert!(refused.body.to_string().contains("已由其他单位缴存"));
    let there = "SELECT count(*) FROM membership m JOIN employer e USING (centre_id, employer_id)
                  WHERE m.state = 2 AND e.paid_to_month > 0";
    assert_eq!(
        town.sql(there).await,
        1,
        "he is sealed at the old one still"
    );
}

/// E-PERS-06: who was paid out as a pensioner is set up nowhere.
#[tokio::test]
async fn who_has_retired_is_not_set_up_again() {
    let town = Town::open().await;
    let people = known(&town, 953, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, 953, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    let li = &people[0];
    seal(&town.doors, &employer, li).await.expect("sealed");
    let pension = json!({ "retired": true, "date": town.today().to_string(), "kind": "normal" });
    cast::fact(&town.doors, "D05", "hrss.retirement", &li.id, pension)
        .await
        .expect("the department");
    let person = cast::look_up(&town.doors, li).await.expect("known");
    let form = json!({ "card_no": li.card });
    let body = json!({ "service": "withdraw-retire", "applicant": person, "form": form, "channel": "APP" });
    let asked = town
        .doors
        .post("/cases?wait=15s", &body)
        .await
        .expect("a door");
    becomes(&town, &asked.ok().expect("a case"), "done").await;

    let before = town.sql(MEMBERS).await;
    let row = json!([{ "name": li.name, "id_no": li.id, "base_fen": li.base_fen }]);
    let body = json!({
        "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": { "roster": row },
    });
    let refused = town.doors.post("/cases", &body).await.expect("a door");
    let told = refused.body.to_string();
    assert!(
        told.contains("E-PERS-06") && told.contains("已办理退休"),
        "{told}"
    );
    assert_eq!(town.sql(MEMBERS).await, before);
}

/// E-FREEZE-01: an account that somebody holds money of goes up in no other.
#[tokio::test]
async fn an_account_with_a_freeze_is_not_merged() {
    let town = Town::open().await;
    let office = town.office().await;
    // One person under two numbers.
    let people = known(&town, 954, &[("李梅", 1_000_000), ("李梅", 800_000)]).await;
    let first = open_employer(&town.doors, 954, month(1))
        .await
        .expect("an employer");
    let second = open_employer(&town.doors, 955, month(1))
        .await
        .expect("another");
    contribute(&town.doors, &first, month(1), &people[..1])
        .await
        .expect("a month");
    contribute(&town.doors, &second, month(1), &people[1..])
        .await
        .expect("a month");
    seal(&town.doors, &second, &people[1])
        .await
        .expect("sealed");
    let (kept, gone) = (
        account_no(&town, &people[0]).await,
        account_no(&town, &people[1]).await,
    );
    let account = office
        .numbers
        .decode(NumberKind::Account, &gone)
        .expect("an account");
    let frozen = Hold {
        hold_id: office.ids.next().await.expect("a number"),
        account: AccountId(account),
        kind: HoldKind::Freeze,
        amount: Fen::new(1),
        case_id: None,
        reason: "（2026）渝0103执1号",
        until: None,
    };
    let mut conn = office.pool.acquire().await.expect("a connection");
    assert!(
        hold(&mut conn, office.ledger(), &frozen, office.now())
            .await
            .expect("frozen")
    );
    drop(conn);
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let form = [
        ("kind", "4"),
        ("from", gone.as_str()),
        ("to", kept.as_str()),
        ("reason", "公安证明：两个证件号码是同一人"),
    ];
    let refused = maker.post("/desk/corrections", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("E-FREEZE-01"), "{}", refused.page);
    assert_eq!(town.sql("SELECT count(*) FROM correction").await, 0);
}
