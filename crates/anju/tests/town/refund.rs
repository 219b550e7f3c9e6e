//! What was credited wrongly goes back: to the employer that paid it, to its suspense, or to the person whose it is.

use anju::cast::{self, Person, balance, bank_balance, contribute, number, open_employer, text};
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{approve, ask, case_of, not_met, reviewer};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

const SERVICE: &str = "employer-refund";

/// The account from which every employer of the stories pays.
const PAYER: &str = "6500999000001";

/// Two people of an employer that has paid two months: 2,400.00 and 1,920.00 each.
async fn paid(town: &Town, seed: i64) -> (String, Vec<Person>, Value) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    let last = contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    (employer, people, last)
}

fn asked(more: Value) -> Value {
    let mut form = json!({ "month": month(1).to_string(), "reason": "OVERPAID", "to": "SUSPENSE", "payroll": true });
    for (field, value) in more.as_object().expect("fields") {
        form[field] = value.clone();
    }
    form
}

async fn until(town: &Town, id: &str, state: &str) -> Value {
    for _ in 0..200 {
        let case = case_of(town, id).await;
        if case["state"] == state {
            return case;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("not {state}: {}", case_of(town, id).await)
}

async fn suspense(town: &Town) -> i64 {
    town.sql("SELECT balance_fen FROM ledger_account WHERE kind = 11")
        .await
}

#[tokio::test]
async fn a_whole_month_goes_back_to_the_account_that_paid_it_and_everybody_is_told() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people, last) = paid(&town, 81).await;
    let bank = text(&last, "payee_bank").expect("a bank");
    let case = ask(&town, SERVICE, &firm, asked(json!({ "to": "ACCOUNT" }))).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    assert_eq!(number(&case, "amount_fen").expect("fen"), 432_000);
    let before = bank_balance(&town.doors, &bank, PAYER).await.unwrap_or(0);
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    let id = text(&case, "case_id").expect("a number");
    until(&town, &id, "done").await;
    assert_eq!(
        bank_balance(&town.doors, &bank, PAYER).await.expect("fen"),
        before + 432_000
    );
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        240_000
    );
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("fen"),
        192_000
    );
    let left = "SELECT coalesce(sum(balance_fen), 0)::bigint FROM ledger_account WHERE kind = 12";
    assert_eq!(town.sql(left).await, 0, "nothing is left between");
    let told = "SELECT count(*) FROM (SELECT payload FROM outbox UNION ALL SELECT payload FROM outbox_done) m WHERE payload ->> 'text' LIKE '%随工资退给您'";
    assert_eq!(town.sql(told).await, 2, "each employee has a message");
    let person = Visitor::person(&town, &office, &people[0]).await;
    let page = person.get("/my/messages").await.page;
    assert!(
        page.contains("单位退缴了您"),
        "what was sent stands there: {page}"
    );
    let again = ask(&town, SERVICE, &firm, asked(json!({}))).await;
    assert_eq!(not_met(&again), ["E-FORM-01"], "it is not there twice");
    // The month may be paid afterwards: it counts as never paid.
    let back = json!({
        "service": "supplement-register", "applicant": firm, "channel": "HALL",
        "form": { "reason": "MISSED_MONTH", "roster": [{ "account_no": account_no(&town, &people[0]).await, "months": [month(1).to_string()] }] },
    });
    let back = town.doors.post("/cases", &back).await.expect("a door");
    assert_eq!(back.ok().expect("registered")["state"], "executing");
    town.audited().await;
}

#[tokio::test]
async fn a_part_of_a_persons_month_waits_in_suspense_and_a_refusing_bank_leaves_it_there() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people, last) = paid(&town, 82).await;
    let li = account_no(&town, &people[0]).await;
    let part = asked(json!({ "account_no": li, "amount_fen": 40_001, "reason": "WRONG_BASE" }));
    let case = ask(&town, SERVICE, &firm, part).await;
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    assert_eq!(case["state"], "done", "{case}");
    assert_eq!(suspense(&town).await, 40_001);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        480_000 - 40_001
    );

    let bank = text(&last, "payee_bank").expect("a bank");
    town.doors
        .control_put(&format!("/banks/{bank}"), &json!({ "mode": "reject" }))
        .await
        .expect("the bank");
    let wang = account_no(&town, &people[1]).await;
    let all = asked(json!({ "account_no": wang, "to": "ACCOUNT", "reason": "WRONG_PERSON" }));
    let case = ask(&town, SERVICE, &firm, all).await;
    let case = approve(&town, &reviewer, &case).await;
    until(&town, &text(&case, "case_id").expect("a number"), "failed").await;
    assert_eq!(
        suspense(&town).await,
        40_001 + 192_000,
        "what the bank refused is the employer's"
    );
    town.audited().await;
}

#[tokio::test]
async fn what_a_refund_lacks_is_told_with_its_code() {
    let town = Town::open().await;
    let people = known(&town, 83, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, 83, month(12))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(12), &people)
        .await
        .expect("a month");
    let of = |more: Value| {
        let mut form = json!({ "month": month(12).to_string() });
        for (field, value) in more.as_object().expect("fields") {
            form[field] = value.clone();
        }
        asked(form)
    };
    for (more, code) in [
        (json!({ "month": month(3).to_string() }), "E-FORM-01"),
        (json!({ "amount_fen": 100 }), "E-FORM-01"),
        (json!({ "payroll": false }), "E-FORM-01"),
        (
            json!({ "to": "ACCOUNT", "payee_account": "6222000011112222" }),
            "E-REFUND-03",
        ),
    ] {
        let case = ask(&town, SERVICE, &firm, of(more.clone())).await;
        assert_eq!(not_met(&case), [code], "{more}");
    }
    let frozen = "WITH frozen AS (UPDATE ledger_account SET frozen_fen = 1 WHERE kind = 1 RETURNING 1) SELECT count(*) FROM frozen";
    assert_eq!(town.sql(frozen).await, 1);
    let case = ask(&town, SERVICE, &firm, of(json!({}))).await;
    assert_eq!(not_met(&case), ["E-REFUND-01"]);
    let thawed = "WITH thawed AS (UPDATE ledger_account SET frozen_fen = 0 WHERE kind = 1 RETURNING 1) SELECT count(*) FROM thawed";
    assert_eq!(town.sql(thawed).await, 1);
    town.later(35 * 24 * 60);
    let case = ask(&town, SERVICE, &firm, of(json!({}))).await;
    assert_eq!(not_met(&case), ["E-REFUND-02"]);
    let body =
        json!({ "service": SERVICE, "applicant": firm, "form": of(json!({})), "channel": "CTR" });
    let counter = town
        .doors
        .post("/cases?wait=2s", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let id = text(&counter, "case_id").expect("a number");
    assert_eq!(
        case_of(&town, &id).await["state"],
        "reviewing",
        "older ones at the counter"
    );
}

/// The only waiting correction's number, as its page tells it.
fn waiting_id(page: &str) -> String {
    let rest = page
        .split("/desk/corrections/")
        .nth(1)
        .unwrap_or_else(|| panic!("nothing waits: {page}"));
    rest.split('/').next().expect("a number").to_owned()
}

#[tokio::test]
async fn a_month_goes_to_the_person_whose_it_is_by_two_accountants_from_its_own_value_date() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people, last) = paid(&town, 84).await;
    let (li, wang) = (
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
    let reference = text(&last, "reference").expect("a code");
    let form = [
        ("kind", "1"),
        ("reference", reference.as_str()),
        ("from", li.as_str()),
        ("to", wang.as_str()),
        ("reason", "单位来函：名册写错人"),
    ];
    let made = maker.post("/desk/corrections", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        480_000,
        "nothing moves yet"
    );
    let id = waiting_id(&checker.get("/desk/corrections").await.page);
    let yes = [("verdict", "agree"), ("answer", "核对无误")];
    let own = maker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_eq!(own.status, StatusCode::CONFLICT, "nobody checks his own");
    let done = checker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        240_000
    );
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("fen"),
        2 * 192_000 + 240_000
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 10")
            .await,
        1
    );
    let again = maker.post("/desk/corrections", &form).await;
    assert_eq!(
        again.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a month is corrected once"
    );

    // 王强's month to suspense.
    let form = [
        ("kind", "2"),
        ("reference", reference.as_str()),
        ("from", wang.as_str()),
        ("reason", "当月未在岗"),
    ];
    maker.post("/desk/corrections", &form).await;
    let id = waiting_id(&checker.get("/desk/corrections").await.page);
    let done = checker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        suspense(&town).await,
        432_000,
        "all that stands to his credit for that month"
    );
    town.audited().await;
    drop(firm);
}

#[tokio::test]
async fn an_allocation_is_reversed_on_its_own_day_and_the_month_is_registered_again() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people, last) = paid(&town, 85).await;
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let checker = Visitor::another(
        &town,
        &office,
        role::ACCOUNTANT,
        office.centre.head_branch,
        "2",
    )
    .await;
    let reference = text(&last, "reference").expect("a code");
    let form = [
        ("kind", "3"),
        ("reference", reference.as_str()),
        ("reason", "整册基数写错"),
    ];
    let made = maker.post("/desk/corrections", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let id = waiting_id(&checker.get("/desk/corrections").await.page);
    let yes = [("verdict", "agree"), ("answer", "核对无误")];
    let done = checker
        .post(&format!("/desk/corrections/{id}/check"), &yes)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        240_000
    );
    assert_eq!(suspense(&town).await, 432_000);
    town.audited().await;
    let again = cast::register_month(&town.doors, &firm, month(1), &people)
        .await
        .expect("a list");
    assert_eq!(number(&again, "amount_fen").expect("fen"), 432_000);
    // The money is there already: the new list is paid by it at once.
    assert_eq!(suspense(&town).await, 0);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        480_000
    );
    town.audited().await;
}

#[tokio::test]
async fn what_was_withdrawn_already_is_not_taken_back() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 86, &[("李梅", 500_000), ("王强", 500_000)]).await;
    let firm = open_employer(&town.doors, 86, month(3))
        .await
        .expect("an employer");
    let mut last = Value::Null;
    for back in [3, 2, 1] {
        last = contribute(&town.doors, &firm, month(back), &people)
            .await
            .expect("a month");
    }
    let body = cast::rent_request(&town.doors, &people[0])
        .await
        .expect("a request");
    let case = town
        .doors
        .post("/cases?wait=10s", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert_eq!(case["state"], "done", "{case}");
    assert_eq!(balance(&town.doors, &people[0]).await.expect("fen"), 0);
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let (li, wang) = (
        account_no(&town, &people[0]).await,
        account_no(&town, &people[1]).await,
    );
    let reference = text(&last, "reference").expect("a code");
    let form = [
        ("kind", "1"),
        ("reference", reference.as_str()),
        ("from", li.as_str()),
        ("to", wang.as_str()),
        ("reason", "名册写错人"),
    ];
    let refused = maker.post("/desk/corrections", &form).await;
    assert!(refused.page.contains("E-CORR-01"), "{}", refused.page);
    let refund = ask(&town, SERVICE, &firm, asked(json!({ "account_no": li }))).await;
    assert_eq!(not_met(&refund), ["E-REFUND-01"]);
}

#[tokio::test]
async fn a_refund_that_the_bank_returns_later_waits_in_suspense_and_the_clerks_are_told() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, _, last) = paid(&town, 86).await;
    let bank = text(&last, "payee_bank").expect("a bank");
    town.doors
        .control_put(
            &format!("/banks/{bank}"),
            &json!({ "mode": "return_later" }),
        )
        .await
        .expect("the bank");
    let case = ask(&town, SERVICE, &firm, asked(json!({ "to": "ACCOUNT" }))).await;
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    let id = text(&case, "case_id").expect("a number");
    until(&town, &id, "done").await;
    town.later(4 * 24 * 60);
    town.doors
        .outside_reaches(office.today())
        .await
        .expect("days");
    for _ in 0..400 {
        if suspense(&town).await == 432_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        suspense(&town).await,
        432_000,
        "what came back is the employer's"
    );
    assert_eq!(
        town.sql("SELECT state::bigint FROM employer_refund").await,
        5
    );
    let told = "SELECT count(*) FROM (SELECT payload FROM outbox UNION ALL SELECT payload FROM outbox_done) m WHERE payload ->> 'text' LIKE '%被银行退回%'";
    assert_eq!(town.sql(told).await, 1);
    town.audited().await;
}
