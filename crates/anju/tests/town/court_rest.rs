//! Orders of courts against everything that moves money: agreed runs, transfers within the centre and out of it, closing, merging, heirs; a freeze
//! that comes while the bank pays or a source is waited for; a deduction of more than there is; and what goes on when the order ends.

use anju::cast::{self, Person, balance, contribute, loan_request, open_employer, text};
use anju_casework::staff::role;
use anju_domain::calendar::add_months;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::is_told;
use crate::court::{
    ACCOUNT, COURT, HELD, at_the_court, done, not_done, on, one_yuan_needs_a_reviewer, order, told,
};
use crate::estate;
use crate::relief::approve;
use crate::repay::{self, PAID, SKIPPED, STATE, colleagues, months, on_card, to, tuesday, until};
use crate::town::{Town, account_no, known, month, tenant_of};
use crate::transfer_between_cities::{asked_for, letter_at_other, seal};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes, submit};

/// A freeze for six months of the town's own clock; of the whole account where no amount is named.
async fn freezes(town: &Town, number: &str, who: &Person, amount: Option<&str>) -> Value {
    let mut more = json!({ "jsrq": on(add_months(town.today(), 6)) });
    if let Some(amount) = amount {
        more["xzje"] = amount.into();
    }
    done(town, order(number, "01", who, more)).await
}

async fn releases(town: &Town, number: &str, who: &Person, of: &str) {
    let answer = done(town, order(number, "03", who, json!({ "ydh": of }))).await;
    assert_eq!(answer["bljg"], "14", "{answer}");
}

async fn next_month(town: &Town, employer: &str, who: &Person) {
    contribute(&town.doors, employer, month(0), std::slice::from_ref(who))
        .await
        .expect("a month");
}

fn not_met<'a>(case: &'a Value, code: &str) -> &'a Value {
    let conditions = case["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    let one = conditions
        .iter()
        .find(|one| one["code"] == code)
        .unwrap_or_else(|| panic!("no {code}: {case}"));
    assert_eq!(one["outcome"], "not_met", "{one}");
    one
}

async fn source(town: &Town, source: &str, mode: &str) {
    let put = town
        .doors
        .control_put(&format!("/sources/{source}"), &json!({ "mode": mode }))
        .await;
    put.expect("a door").ok().expect("a mode");
}

#[tokio::test]
async fn an_agreed_run_on_a_frozen_account_is_skipped_and_told_and_goes_on_with_the_release() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 1711, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 20), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    assert_eq!(repay::ask(&town, &sign).await["state"], "done");
    freezes(&town, "KZ1711-1", &li, None).await;
    to(&town, "2027-01-05").await;
    until(&town, SKIPPED, 1).await;
    is_told(&town, &li.phone, "2026年12月的约定提取没有办成").await;
    assert_eq!(on_card(&town, &li).await, 0);
    assert_eq!(balance(&town.doors, &li).await.expect("fen"), 720_000);
    to(&town, "2027-02-05").await;
    until(&town, SKIPPED, 2).await;
    to(&town, "2027-03-05").await;
    until(&town, SKIPPED, 3).await;
    assert_eq!(town.sql(STATE).await, 3, "three in a row suspend it");

    // Another court waits behind the first: the account is still frozen when that ends.
    freezes(&town, "KZ1711-2", &li, None).await;
    releases(&town, "KZ1711-3", &li, "KZ1711-1").await;
    assert_eq!(town.sql(STATE).await, 3);
    releases(&town, "KZ1711-4", &li, "KZ1711-2").await;
    assert_eq!(town.sql(STATE).await, 2, "nobody has to ask for it");
    is_told(&town, &li.phone, "约定提取恢复").await;
    to(&town, "2027-05-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 5 * 50_000, "December to April");
    town.audited().await;
}

#[tokio::test]
async fn a_run_pays_what_an_order_for_an_amount_leaves_free() {
    let town = Town::open_at(tuesday()).await;
    let li = colleagues(&town, 1712, &["李梅"]).await.remove(0);
    cast::repays(&town.doors, &li, "B4", &months("2025-11", 20), 50_000)
        .await
        .expect("a loan");
    let sign = loan_request(&town.doors, &li, "B4", Some("sign"))
        .await
        .expect("known");
    assert_eq!(repay::ask(&town, &sign).await["state"], "done");
    freezes(&town, "KZ1712-1", &li, Some("7000.00")).await;
    to(&town, "2027-01-05").await;
    until(&town, PAID, 1).await;
    assert_eq!(on_card(&town, &li).await, 20_000, "of 500.00 repaid");
    assert_eq!(balance(&town.doors, &li).await.expect("fen"), 700_000);
    town.audited().await;
}

#[tokio::test]
async fn a_frozen_account_moves_within_the_centre_with_its_freeze_and_leaves_it_by_no_way() {
    let town = Town::open().await;
    let (li, old) = tenant_of(&town, 1713).await;
    let new = open_employer(&town.doors, 1714, month(1))
        .await
        .expect("an employer");
    let other = known(&town, 1715, &[("王强", 1_000_000)]).await.remove(0);
    contribute(&town.doors, &new, month(1), std::slice::from_ref(&other))
        .await
        .expect("a month");
    freezes(&town, "KZ1713-1", &li, Some("3000.00")).await;
    seal(&town, &old, &li).await;
    let account = account_no(&town, &li).await;
    let form = json!({ "account_no": account, "to_employer_no": new });
    let body = json!({ "service": "employee-account-transfer", "applicant": new, "channel": "HALL", "form": form });
    let moved = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(moved.ok().expect("a case")["state"], "done");
    assert_eq!(account_no(&town, &li).await, account);
    assert_eq!(town.sql(HELD).await, 300_000, "it follows the person");

    // Out of the centre and out of the books nothing goes, however little is frozen.
    seal(&town, &new, &li).await;
    let no = asked_for(&town, &li, "李梅").await;
    let letter = letter_at_other(&town, &no, "RETURNED").await;
    let reason = text(&letter, "reason").expect("a reason");
    assert!(reason.starts_with("E-RT-03"), "{reason}");
    let yesterday = (town.today() - chrono::Days::new(1)).to_string();
    let pension = json!({ "retired": true, "date": yesterday, "kind": "normal" });
    cast::fact(&town.doors, "D05", "hrss.retirement", &li.id, pension)
        .await
        .expect("the department");
    let applicant = cast::look_up(&town.doors, &li).await.expect("known");
    let retire = json!({ "service": "withdraw-retire", "applicant": applicant, "form": { "card_no": li.card }, "channel": "APP" });
    let asked = town.doors.post("/cases?wait=15s", &retire).await;
    let asked = asked.expect("a door").ok().expect("a case");
    let refused = becomes(&town, &asked, "refused").await;
    let frozen = not_met(&refused, "CMN-04");
    assert_eq!(frozen["message"], "E-W-04", "{frozen}");
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);

    // Released, the same request closes the account.
    releases(&town, "KZ1713-2", &li, "KZ1713-1").await;
    town.later(11);
    let asked = town.doors.post("/cases?wait=15s", &retire).await;
    becomes(&town, &asked.expect("a door").ok().expect("a case"), "done").await;
    town.audited().await;
}

#[tokio::test]
async fn a_frozen_account_is_not_merged_into_another() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1716, &[("李梅", 1_000_000), ("李梅", 800_000)]).await;
    let before = open_employer(&town.doors, 1716, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &before, month(2), &people[1..])
        .await
        .expect("a month");
    seal(&town, &before, &people[1]).await;
    let now = open_employer(&town.doors, 1717, month(1))
        .await
        .expect("another");
    contribute(&town.doors, &now, month(1), &people[..1])
        .await
        .expect("a month");
    freezes(&town, "KZ1716-1", &people[1], Some("100.00")).await;
    let (kept, gone) = (
        account_no(&town, &people[0]).await,
        account_no(&town, &people[1]).await,
    );
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let form = [
        ("kind", "4"),
        ("from", gone.as_str()),
        ("to", kept.as_str()),
        ("reason", "公安证明：两个证件号码是同一人"),
    ];
    let refused = maker.post("/desk/corrections", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("冻结或预留"), "{}", refused.page);
    releases(&town, "KZ1716-2", &people[1], "KZ1716-1").await;
    let made = maker.post("/desk/corrections", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    // An order that comes between the first person and the second is met by the second.
    freezes(&town, "KZ1716-3", &people[1], Some("100.00")).await;
    let branch = office.centre.head_branch;
    let checker = Visitor::another(&town, &office, role::ACCOUNTANT, branch, "2").await;
    let page = checker.get("/desk/corrections").await.page;
    let id = page
        .split("/desk/corrections/")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .expect("it waits")
        .to_owned();
    let yes = [("verdict", "agree"), ("answer", "证明无误")];
    let answer = checker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_ne!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.page.contains("E-FREEZE-01"), "{}", answer.page);
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("books"),
        192_000
    );
    town.audited().await;
}

/// withdrawal.md §11, 8: the payment stands, and the freeze binds the rest.
#[tokio::test]
async fn a_freeze_that_comes_while_the_bank_pays_binds_the_rest_and_what_comes_back() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 1718).await;
    bank_mode(&town, "unknown").await;
    let asked = submit(&town, &li).await;
    becomes(&town, &asked, "executing").await;
    let rest = balance(&town.doors, &li).await.expect("books");
    let frozen = freezes(&town, "KZ1718-1", &li, None).await;
    assert_eq!(frozen["bljg"], "11", "{frozen}");
    bank_mode(&town, "ok").await;
    let paid = becomes(&town, &asked, "done").await;
    let took = paid["amount_fen"].as_i64().expect("fen");
    assert_eq!(rest + took, 720_000);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), rest);
    next_month(&town, &employer, &li).await;
    town.later(11);
    let again = becomes(&town, &submit(&town, &li).await, "refused").await;
    not_met(&again, "CMN-04");

    // What a bank refuses is back on the account, and under the freeze that came meanwhile.
    let (wang, _) = tenant_of(&town, 1719).await;
    for bank in 1..=8 {
        let slow = json!({ "mode": "reject", "latency_ms": 4_000 });
        let put = town
            .doors
            .control_put(&format!("/banks/B{bank}"), &slow)
            .await;
        put.expect("a door").ok().expect("a mode");
    }
    let body = cast::rent_request(&town.doors, &wang).await.expect("known");
    let asked = town.doors.post("/cases", &body).await;
    let asked = asked.expect("a door").ok().expect("a case");
    becomes(&town, &asked, "executing").await;
    freezes(&town, "KZ1719-1", &wang, None).await;
    becomes(&town, &asked, "failed").await;
    bank_mode(&town, "ok").await;
    assert_eq!(balance(&town.doors, &wang).await.expect("books"), 720_000);
    town.later(11);
    let again = becomes(&town, &submit(&town, &wang).await, "refused").await;
    not_met(&again, "CMN-04");
    let asked = done(&town, order("KZ1719-2", "05", &wang, json!({}))).await;
    assert_eq!(asked["zhye"], "7200.00", "{asked}");
    town.audited().await;
}

#[tokio::test]
async fn a_case_that_waits_for_a_source_meets_the_freeze_and_goes_on_when_it_is_released() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 1720).await;
    let (wang, _) = tenant_of(&town, 1721).await;
    source(&town, "D03", "down").await;
    let (of_li, of_wang) = (submit(&town, &li).await, submit(&town, &wang).await);
    assert_eq!(of_li["state"], "gathering", "{of_li}");
    freezes(&town, "KZ1720-1", &li, None).await;
    freezes(&town, "KZ1721-1", &wang, None).await;
    releases(&town, "KZ1720-2", &li, "KZ1720-1").await;
    source(&town, "D03", "ok").await;
    becomes(&town, &of_li, "done").await;
    let refused = becomes(&town, &of_wang, "refused").await;
    assert_eq!(not_met(&refused, "CMN-04")["message"], "E-W-04");
    assert_eq!(balance(&town.doors, &wang).await.expect("books"), 720_000);

    // Released, he asks again and is paid.
    releases(&town, "KZ1721-2", &wang, "KZ1721-1").await;
    town.later(11);
    becomes(&town, &submit(&town, &wang).await, "done").await;
    town.audited().await;
}

#[tokio::test]
async fn no_more_is_deducted_than_there_is_and_the_order_keeps_the_rest_of_its_amount() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 1722).await;
    let frozen = freezes(&town, "KZ1722-1", &li, Some("10000.00")).await;
    assert_eq!(
        (&frozen["djje"], &frozen["zhye"]),
        (&json!("7200.00"), &json!("7200.00")),
        "{frozen}"
    );
    let deduct = |number: &str, more: Value| {
        let mut all = json!({ "ydh": "KZ1722-1", "skzh": ACCOUNT, "skhm": COURT, "kczm": "1" });
        for (name, value) in more.as_object().expect("fields") {
            all[name] = value.clone();
        }
        order(number, "04", &li, all)
    };
    let more = deduct("KZ1722-2", json!({ "xzje": "8000.00" }));
    not_done(&town, more, "E-COURT-07").await;
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);
    let part = deduct("KZ1722-3", json!({ "xzje": "8000.00", "bfkc": "1" }));
    let answer = done(&town, part).await;
    assert_eq!(
        (&answer["kcje"], &answer["bfkc"]),
        (&json!("7200.00"), &json!("1")),
        "{answer}"
    );
    told(&town, "KZ1722-3", "16").await;
    assert_eq!(at_the_court(&town, ACCOUNT).await, 720_000);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 0);
    assert_eq!(town.sql(HELD).await, 280_000, "the freeze fell by it");
    let nothing = deduct("KZ1722-4", json!({ "xzje": "1.00", "bfkc": "1" }));
    not_done(&town, nothing, "E-COURT-07").await;

    // The next contribution is kept for the court, and what is over is its owner's.
    next_month(&town, &employer, &li).await;
    let rest = deduct("KZ1722-5", json!({ "xzje": "2800.00", "bfkc": "1" }));
    assert_eq!(done(&town, rest).await["kcje"], "2400.00");
    told(&town, "KZ1722-5", "16").await;
    assert_eq!(at_the_court(&town, ACCOUNT).await, 960_000);
    assert_eq!(town.sql(HELD).await, 40_000);
    town.audited().await;
}

#[tokio::test]
async fn heirs_wait_for_the_court_and_are_paid_after_the_release() {
    let town = Town::open().await;
    let office = town.office().await;
    let family = estate::family(&town, 1723, &["parent", "child"]).await;
    estate::certified(&town, &family.dead).await;
    let heir = &family.heirs[0];
    freezes(&town, "KZ1723-1", &family.dead, Some("10.00")).await;
    let frozen = estate::ask(&town, heir, estate::promise(&family), "CTR").await;
    estate::refused(&frozen, "CMN-04", "E-W-04");
    releases(&town, "KZ1723-2", &family.dead, "KZ1723-1").await;

    // A freeze between the two reviewers: the second's yes pays nobody, and nobody is lost.
    let shares = estate::agreement(&family, &[5_000, 5_000]);
    let asked = estate::ask(&town, heir, shares, "CTR").await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    let both = estate::two_reviewers(&town, &office).await;
    approve(&town, &both.0, &asked).await;
    freezes(&town, "KZ1723-3", &family.dead, None).await;
    let id = text(&asked, "case_id").expect("a number");
    let yes = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let path = format!("/desk/cases/{id}/check");
    let answer = both.1.post(&path, &yes).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event IN (21, 28)")
            .await,
        0
    );
    assert_eq!(
        balance(&town.doors, &family.dead).await.expect("books"),
        720_000
    );
    releases(&town, "KZ1723-4", &family.dead, "KZ1723-3").await;
    estate::card(&town, &family.heirs[1].card, true).await;
    let answer = both.1.post(&path, &yes).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    estate::stand(&town, &asked, &["paid", "rejected"]).await;

    // A share that waits for a card waits for the court too.
    freezes(&town, "KZ1723-5", &family.dead, None).await;
    let other = estate::new_card(&town, &family.heirs[1], 1729).await;
    let (status, answer) = estate::again(&town, &asked, 2, &other).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("E-W-04")),
        "{answer}"
    );
    releases(&town, "KZ1723-6", &family.dead, "KZ1723-5").await;
    let (status, answer) = estate::again(&town, &asked, 2, &other).await;
    assert_eq!(status, 200, "{answer}");
    becomes(&town, &asked, "done").await;
    town.audited().await;
}

#[tokio::test]
async fn a_reviewers_yes_meets_a_freeze_and_counts_again_after_the_release() {
    let town = one_yuan_needs_a_reviewer().await;
    let office = town.office().await;
    let (li, employer) = tenant_of(&town, 1725).await;
    let asked = becomes(&town, &submit(&town, &li).await, "reviewing").await;
    freezes(&town, "KZ1725-1", &li, None).await;
    let reviewer = crate::relief::reviewer(&town, &office, &employer).await;
    let id = text(&asked, "case_id").expect("an id");
    let path = format!("/desk/cases/{id}/check");
    let yes = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let answer = reviewer.post(&path, &yes).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.page);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);
    releases(&town, "KZ1725-2", &li, "KZ1725-1").await;
    let answer = reviewer.post(&path, &yes).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    becomes(&town, &asked, "done").await;
    town.audited().await;
}
