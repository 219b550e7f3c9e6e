//! A guardian who is no parent asks for a minor heir (withdrawal.md §11, 28): by the civil register, or by a paper that two reviewers look at.

use anju::cast::{Person, text};
use anju_casework::staff::role;
use axum::http::StatusCode;
use chrono::Days;
use serde_json::{Value, json};

use crate::estate::{
    Family, HELD, ask, certified, family, on_card, outcome, payments, refused, related, set,
    two_reviewers,
};
use crate::estate_online::{child, for_the_child};
use crate::relief::{approve, case_of};
use crate::town::Town;
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// An uncle whom the police know as no parent of the child, and the child, whose parent has died.
async fn uncle_and_ward(town: &Town, seed: i64) -> (Family, Person) {
    let family = family(town, seed, &["", ""]).await;
    certified(town, &family.dead).await;
    let ward = child(town, seed).await;
    related(town, &ward, &family.dead, "parent").await;
    (family, ward)
}

/// What the civil register has of who cares for the child.
async fn registered(town: &Town, ward: &Person, guardian: &Person, more: Value) {
    let mut record = json!({ "guardian_id": guardian.id, "kind": "appointed" });
    for (field, value) in more.as_object().expect("fields") {
        record[field] = value.clone();
    }
    set(town, "D02", "civil.guardianship", ward, record).await;
}

async fn asks(town: &Town, of: &Family, ward: &Person) -> Value {
    ask(
        town,
        &of.heirs[0],
        for_the_child(of, &of.heirs[0], ward),
        "YKB",
    )
    .await
}

#[tokio::test]
async fn a_guardian_of_the_civil_register_who_is_no_parent_asks_for_the_child() {
    let town = Town::open().await;
    let office = town.office().await;
    let (family, ward) = uncle_and_ward(&town, 2401).await;
    let uncle = &family.heirs[0];
    registered(&town, &ward, uncle, json!({ "since": "2025-03-01" })).await;
    let asked = asks(&town, &family, &ward).await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    assert_eq!(outcome(&asked, "DTH-02"), "met");
    let told = asked["decision"].to_string();
    assert!(told.contains("登记的监护人是申请人"), "{told}");
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, office.centre.head_branch).await;
    approve(&town, &reviewer, &asked).await;
    let done = becomes(&town, &asked, "done").await;
    let paid: Vec<i64> = payments(&town, &done)
        .await
        .iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(paid, [0, HELD], "nothing to the guardian, all to the child");
    assert_eq!(on_card(&town, uncle).await, HELD);
    town.audited().await;
}

#[tokio::test]
async fn whom_the_civil_register_does_not_have_as_guardian_today_is_refused() {
    let town = Town::open().await;
    let (family, ward) = uncle_and_ward(&town, 2402).await;
    let (uncle, other) = (&family.heirs[0], &family.heirs[1]);
    let day = |days: i64| {
        let today = town.today();
        let day = if days < 0 {
            today - Days::new(days.unsigned_abs())
        } else {
            today + Days::new(days.unsigned_abs())
        };
        day.to_string()
    };
    registered(&town, &ward, other, json!({})).await;
    let asked = asks(&town, &family, &ward).await;
    refused(&asked, "DTH-02", "E-DTH-02");
    let told = asked.to_string();
    assert!(
        !told.contains(&other.id) && !told.contains(&other.name),
        "{told}"
    );
    for (since, until) in [(day(-400), day(-1)), (day(1), day(400))] {
        let dates = json!({ "since": since, "until": until });
        registered(&town, &ward, uncle, dates).await;
        refused(&asks(&town, &family, &ward).await, "DTH-02", "E-DTH-02");
    }
    // Its last day counts.
    let dates = json!({ "since": day(-400), "until": day(0) });
    registered(&town, &ward, uncle, dates).await;
    let asked = asks(&town, &family, &ward).await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
}

/// Goal: a deed stands in for a register that knows nothing, and never with one pair of eyes. Method: the deed is handed in and read by a teller;
/// the first yes leaves the case where it is, the same reviewer's second counts for nothing.
#[tokio::test]
async fn where_the_register_is_silent_a_paper_shows_the_guardian_and_two_reviewers_decide() {
    let town = Town::open().await;
    let office = town.office().await;
    let (family, ward) = uncle_and_ward(&town, 2403).await;
    let uncle = &family.heirs[0];
    let asked = asks(&town, &family, &ward).await;
    assert_eq!(asked["state"], "gathering", "{}", asked["decision"]);
    let paper = &asked["decision"]["papers"][0];
    assert_eq!(paper["condition"], "DTH-02");
    let place = paper["facts"]
        .as_array()
        .expect("facts")
        .iter()
        .position(|fact| fact["type"] == "civil.guardianship")
        .unwrap_or_else(|| panic!("no guardianship: {paper}"));
    let no = text(&asked, "case_id").expect("a number");
    let me = Visitor::person(&town, &office, uncle).await;
    let to = format!("/my/cases/{no}/papers");
    let sent = me.hand_in(&to, "DTH-02", b"\x89PNG\r\n\x1a\npicture").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let paper = town.sql("SELECT max(paper_id) FROM case_paper").await;
    let at = format!("/desk/papers/{paper}");
    let page = teller.get(&at).await.page;
    assert!(page.contains("监护"), "{page}");
    let fields: Vec<(String, &str)> = [
        ("guardian_match", "1"),
        ("since", "2025-03-01"),
        ("kind", "appointed"),
    ]
    .into_iter()
    .map(|(field, value)| (format!("{place}.{field}"), value))
    .collect();
    let mut form = vec![("verdict", "read")];
    form.extend(fields.iter().map(|(field, value)| (field.as_str(), *value)));
    let read = teller.post(&at, &form).await;
    assert_eq!(read.status, StatusCode::SEE_OTHER, "{}", read.page);
    let reviewing = becomes(&town, &asked, "reviewing").await;
    assert_eq!(outcome(&reviewing, "DTH-02"), "met");

    let both = two_reviewers(&town, &office).await;
    let after = approve(&town, &both.0, &asked).await;
    assert_eq!(after["state"], "reviewing", "one yes is not enough");
    let form = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let again = both.0.post(&format!("/desk/cases/{no}/check"), &form).await;
    assert_ne!(again.status, StatusCode::SEE_OTHER, "{}", again.page);
    assert_eq!(case_of(&town, &no).await["state"], "reviewing");
    approve(&town, &both.1, &asked).await;
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, uncle).await, HELD);
    town.audited().await;
}
