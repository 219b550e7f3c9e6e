//! An account's money lies at the banks where its employers paid it in: where today's bank has too little, another pays, and nobody notices.

use anju::cast::{self, Person, bank_balance, contribute, text};
use anju_business::contribution::closing;
use anju_domain::calendar::Month;
use anju_vault::NumberKind;
use serde_json::{Value, json};

use crate::closing_withdrawal::{accountants, retired};
use crate::interest_year::close_days;
use crate::town::{Town, account_no, known};
use crate::visitor::Visitor;

/// Two at an employer with three months each; both leave it, and the centre's head office, at another bank, holds them.
async fn held(town: &Town, seed: i64) -> Vec<Person> {
    let people = known(town, seed, &[("李梅", 1_000_000), ("何川", 1_000_000)]).await;
    let this_month = Month::of(town.today());
    let employer = cast::open_employer(&town.doors, seed, this_month.plus(-3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(&town.doors, &employer, this_month.plus(-back), &people)
            .await
            .expect("a month");
    }
    let mut rows = Vec::new();
    for who in &people {
        rows.push(json!({ "account_no": account_no(town, who).await, "reason": "离职" }));
    }
    let body = json!({ "service": "employee-account-seal", "applicant": employer, "channel": "HALL", "form": { "roster": rows } });
    let answer = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(answer.ok().expect("a case")["state"], "done");
    let office = town.office().await;
    for who in &people {
        let number = cast::look_up(&town.doors, who).await.expect("known");
        let person_id = office.numbers.decode(NumberKind::Person, &number);
        let held = closing::hold_person(&office, person_id.expect("a person")).await;
        assert!(held.expect("held"));
        retired(town, who).await;
    }
    people
}

async fn retire(town: &Town, who: &Person) -> Value {
    let applicant = cast::look_up(&town.doors, who).await.expect("known");
    let body = json!({
        "service": "withdraw-retire", "applicant": applicant, "form": { "card_no": who.card }, "channel": "APP",
    });
    let answer = town.doors.post("/cases?wait=15s", &body).await;
    answer.expect("a door").ok().expect("a case")
}

#[tokio::test]
async fn money_that_lies_at_another_bank_than_the_account_is_paid_from_there() {
    let town = Town::open().await;
    let people = held(&town, 4810).await;
    let done = retire(&town, &people[0]).await;
    assert_eq!(done["state"], "done", "{done}");
    let path = format!("/cases/{}", text(&done, "case_id").expect("a number"));
    let done = town.doors.get(&path).await.expect("a door");
    let done = done.ok().expect("a case");
    let steps: Vec<&str> = done["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|one| one["event"].as_str())
        .collect();
    assert!(steps.contains(&"other_bank"), "{steps:?}");
    let bank = text(&done["payment"], "bank").expect("a bank");
    let on_card = bank_balance(&town.doors, &bank, &people[0].card).await;
    assert_eq!(on_card.expect("the bank"), 720_000);
    // Once on the card, once out of the account, once from the bank.
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 22")
            .await,
        1
    );
    town.audited().await;
}

#[tokio::test]
async fn where_no_bank_has_enough_it_is_no_matter_of_the_card() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = held(&town, 4820).await;
    assert_eq!(retire(&town, &people[0]).await["state"], "done");
    // Interest of these days is owed, and no bank has it yet.
    close_days(&town, &accountants(&town).await, 3).await;
    let failed = retire(&town, &people[1]).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    let visitor = Visitor::person(&town, &office, &people[1])
        .await
        .inside("AnjuApp");
    let number = text(&failed, "case_id").expect("a number");
    let page = visitor.get(&format!("/my/cases/{number}")).await.page;
    assert!(
        page.contains("不是您的问题") && !page.contains("换一张卡"),
        "{page}"
    );
    town.audited().await;
}
