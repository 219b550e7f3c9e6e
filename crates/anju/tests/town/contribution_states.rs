//! Transitions of contribution.md's machines that no story of another file walks; docs/contribution_states.csv says which test walks which.

use anju::cast::{self, Person, contribute, open_employer, register_month, state_of, text};
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{approve, ask, not_met, reviewer};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

async fn two(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    (employer, people)
}

const SUSPENSE: &str =
    "SELECT coalesce(sum(balance_fen), 0)::bigint FROM ledger_account WHERE kind = 11";

/// Remittance: CONFIRMED → cancel, PART_FUNDED → revise, ALLOCATED → neither (E-REMIT-04).
#[tokio::test]
async fn a_list_is_cancelled_before_its_money_and_one_that_fell_short_leaves_it_to_the_next() {
    let town = Town::open().await;
    let office = town.office().await;
    let (employer, people) = two(&town, 961).await;
    let clerk = Visitor::clerk(&town, &office, &employer, 961).await;
    let back = async |list: &Value| {
        let no = text(list, "remittance_id").expect("a number");
        clerk
            .post(&format!("/unit/arrivals/{no}/cancel"), &[])
            .await
    };
    let first = register_month(&town.doors, &employer, month(1), &people)
        .await
        .expect("a list");
    let page = format!(
        "/unit/arrivals/{}",
        text(&first, "remittance_id").expect("a number")
    );
    assert!(clerk.get(&page).await.page.contains("撤销这份清册"));
    let done = back(&first).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE state = 4")
            .await,
        1
    );

    // The month is registered again, and 王强 should not have stood in it.
    let second = register_month(&town.doors, &employer, month(1), &people)
        .await
        .expect("the month again");
    let id = text(&second, "remittance_id").expect("a number");
    cast::pay(&town.doors, &second, 240_000)
        .await
        .expect("his is missing");
    state_of(&town.doors, &id, |state| state == "part_received")
        .await
        .expect("short");
    let done = back(&second).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    let page = clerk.get(&done.location).await.page;
    assert!(page.contains("留在单位暂存款"), "{page}");
    assert_eq!(town.sql(SUSPENSE).await, 240_000, "nobody was credited");
    cast::seal(&town.doors, &employer, &people[1])
        .await
        .expect("sealed");
    // What stayed covers the shorter list at once.
    let third = register_month(&town.doors, &employer, month(1), &people[..1])
        .await
        .expect("a shorter list");
    let id = text(&third, "remittance_id").expect("a number");
    state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    assert_eq!(town.sql(SUSPENSE).await, 0);
    let late = back(&third).await;
    assert!(
        late.page.contains("已分配的要改，请申请退缴或补缴"),
        "{}",
        late.page
    );
    town.audited().await;
}

/// Employer: SEALED → unseal_employer → ACTIVE, only while the registry has it as existing.
#[tokio::test]
async fn a_sealed_employer_comes_back_when_the_registry_has_it_and_begins_with_this_month() {
    const SERVICE: &str = "employer-close-account";
    let town = Town::open().await;
    let office = town.office().await;
    let (employer, people) = two(&town, 962).await;
    let asked = |how: &str, reason: &str| json!({ "how": how, "reason": reason });
    let early = ask(&town, SERVICE, &employer, asked("UNSEAL", "RESUMED")).await;
    assert_eq!(not_met(&early), ["E-EMPR-03"], "it is not sealed");
    for one in &people {
        cast::seal(&town.doors, &employer, one)
            .await
            .expect("sealed");
    }
    let case = ask(&town, SERVICE, &employer, asked("SEAL", "STOPPED")).await;
    let reviewer = reviewer(&town, &office, &employer).await;
    approve(&town, &reviewer, &case).await;
    const STATE: &str = "SELECT state::bigint FROM employer WHERE NOT holding";
    assert_eq!(town.sql(STATE).await, 3);

    let firm = cast::firm("重庆复业有限公司", 962).expect("a firm");
    crate::parties::all_told(&town, &firm.uscc, "sealed", 2).await;
    let registry = async |state: &str| {
        let said = json!({ "name": firm.name, "state": state, "founded": "2015-06-01", "legal_person": { "name": "陈立" } });
        let set = cast::fact(&town.doors, "D06", "market.registration", &firm.uscc, said);
        set.await.expect("the registry");
    };
    registry("revoked").await;
    let refused = ask(&town, SERVICE, &employer, asked("UNSEAL", "RESUMED")).await;
    assert_eq!(not_met(&refused), ["E-EMPR-03"], "{refused}");
    assert!(refused.to_string().contains("企业先到市场监管部门"));
    registry("open").await;
    let case = ask(&town, SERVICE, &employer, asked("UNSEAL", "RESUMED")).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let case = approve(&town, &reviewer, &case).await;
    assert_eq!(case["state"], "done", "{case}");
    assert_eq!(town.sql(STATE).await, 1);
    crate::parties::all_told(&town, &firm.uscc, "unsealed", 3).await;
    // Its people come back from the holding account, and the next list is this month's.
    for one in &people {
        let back = set_up(&town, &employer, one, None).await;
        assert_eq!(back["state"], "done", "{back}");
    }
    contribute(&town.doors, &employer, month(0), &people)
        .await
        .expect("the first month after it");
    town.audited().await;
}

/// Suspense: UNIDENTIFIED → IDENTIFIED or RETURNED, each by two persons.
#[tokio::test]
async fn money_of_nobody_is_given_to_an_employer_or_sent_back_by_two_accountants() {
    let town = Town::open().await;
    let office = town.office().await;
    let (employer, _) = two(&town, 963).await;
    for (amount_fen, payer) in [(12_345, "某公司"), (5_000, "另一公司")] {
        let payment = json!({ "from": "6500999000001", "to": "6500004001", "amount_fen": amount_fen, "reference": "货款", "payer": payer });
        let paid = town
            .doors
            .control_post("/banks/B4/payments", &payment)
            .await;
        paid.expect("the bank").ok().expect("paid");
    }
    const OPEN: &str = "SELECT count(*) FROM receipt WHERE state = 1";
    comes(&town, OPEN, 2).await;
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, 1).await;
    let checker = Visitor::staff(&town, &office, role::CHIEF_ACCOUNTANT, 1).await;
    let of = async |amount: i64| {
        let sql = match amount {
            12_345 => "SELECT receipt_id FROM receipt WHERE amount_fen = 12345",
            _ => "SELECT receipt_id FROM receipt WHERE amount_fen = 5000",
        };
        town.sql(sql).await
    };
    let nobodys = of(12_345).await;
    let path = format!("/desk/suspense/{nobodys}/claim");
    let bare = [("to", employer.as_str()), ("employer", ""), ("reason", "")];
    let refused = maker.post(&path, &bare).await;
    assert!(
        refused.page.contains("请写明依据"),
        "E-SUSP-02: {}",
        refused.page
    );
    for (receipt, to, reason) in [
        (nobodys, employer.as_str(), "单位来电确认"),
        (of(5_000).await, "return", "打错了账户"),
    ] {
        let path = format!("/desk/suspense/{receipt}/claim");
        let claim = [("to", to), ("employer", ""), ("reason", reason)];
        let made = maker.post(&path, &claim).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    }
    assert_eq!(town.sql(OPEN).await, 2, "nothing moves by one hand");
    const FIRST: &str = "SELECT min(match_id) FROM suspense_match WHERE state = 1";
    for _ in 0..2 {
        let path = format!("/desk/suspense/{}/check", town.sql(FIRST).await);
        let agree = [("agree", "yes"), ("answer", "同意")];
        let own = maker.post(&path, &agree).await;
        assert_eq!(own.status, StatusCode::CONFLICT, "E-CHECK-01: {}", own.page);
        let done = checker.post(&path, &agree).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    }
    assert_eq!(town.sql(SUSPENSE).await, 12_345, "the employer's own now");
    comes(&town, "SELECT count(*) FROM receipt WHERE state = 4", 1).await;
    town.audited().await;
}

async fn comes(town: &Town, sql: &'static str, count: i64) {
    for _ in 0..200 {
        if town.sql(sql).await == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{sql}: {} and not {count}", town.sql(sql).await);
}

async fn set_up(town: &Town, employer: &str, who: &Person, from: Option<i32>) -> Value {
    let row = json!([{ "name": who.name, "id_no": who.id, "base_fen": who.base_fen }]);
    let mut form = json!({ "roster": row });
    if let Some(back) = from {
        form["month"] = month(back).to_string().into();
    }
    let body = json!({ "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": form });
    let answer = town.doors.post("/cases", &body).await.expect("a door");
    match text(&answer.body, "case_id") {
        Ok(id) => {
            let case = town.doors.get(&format!("/cases/{id}")).await;
            case.expect("a door").ok().expect("a case")
        }
        Err(_) => answer.body,
    }
}

fn notices(case: &Value) -> Vec<(String, String)> {
    let events = case["events"].as_array().expect("events");
    events
        .iter()
        .filter_map(|event| event["detail"]["notices"].as_array())
        .flatten()
        .map(|one| {
            (
                text(one, "code").expect("a code"),
                text(one, "message").expect("words"),
            )
        })
        .collect()
}

/// PERS-05 and PERS-06 by what others say: a pensioner is not set up, an account in another city is told and stops nobody, nor does silence.
#[tokio::test]
async fn a_pensioner_is_not_set_up_and_an_account_in_another_city_is_told() {
    let town = Town::open().await;
    let (employer, _) = two(&town, 964).await;
    let names = [
        ("周敏", 900_000),
        ("吴刚", 900_000),
        ("郑洁", 900_000),
        ("孙丽", 900_000),
    ];
    let others = known(&town, 965, &names).await;
    let [zhou, wu, zheng, sun] = &others[..] else {
        panic!("four people")
    };
    let pension = json!({ "retired": true, "date": town.today().to_string(), "kind": "normal" });
    let set = cast::fact(&town.doors, "D05", "hrss.retirement", &zhou.id, pension);
    set.await.expect("the department");
    for (who, state) in [(wu, "active"), (zheng, "sealed")] {
        let there =
            json!({ "exists": true, "centre": "成都市", "state": state, "months_continuous": 12 });
        let set = cast::fact(&town.doors, "D15", "nhpf.account_elsewhere", &who.id, there);
        set.await.expect("the platform");
    }
    const MEMBERS: &str = "SELECT count(*) FROM membership WHERE state = 1";
    let refused = set_up(&town, &employer, zhou, None).await.to_string();
    assert!(
        refused.contains("E-PERS-06") && refused.contains("该职工已办理退休"),
        "{refused}"
    );
    assert_eq!(town.sql(MEMBERS).await, 2, "nothing was set up");
    // The same in the first file of another employer.
    let new = open_employer(&town.doors, 970, month(1))
        .await
        .expect("another");
    let file = cast::send_roster(&town.doors, &new, month(1), &others[..1]).await;
    assert!(file.expect("a door").body.to_string().contains("E-PERS-06"));

    for (who, words) in [
        (wu, "成都市已有住房公积金账户，请提醒职工办理异地转移接续"),
        (zheng, "成都市有已封存的住房公积金账户"),
    ] {
        let case = set_up(&town, &employer, who, None).await;
        let told = notices(&case);
        assert!(
            told.iter()
                .any(|(code, message)| code == "W-PERS-05" && message.contains(words)),
            "{case}"
        );
    }
    for source in ["D05", "D15"] {
        let path = format!("/sources/{source}");
        let set = town
            .doors
            .control_put(&path, &json!({ "mode": "down" }))
            .await;
        set.expect("the source").ok().expect("down");
    }
    let case = set_up(&town, &employer, sun, None).await;
    assert_eq!(case["state"], "done", "silence stops nobody: {case}");
    assert_eq!(town.sql(MEMBERS).await, 5);
}

/// PERS-08: who began while the employer had paid counts from the next list; what is missing is said, and a back payment brings it.
#[tokio::test]
async fn who_began_before_a_month_that_is_paid_is_set_up_and_told_of_what_is_missing() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 966).await;
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("another month");
    let others = known(&town, 967, &[("周敏", 900_000)]).await;
    let early = set_up(&town, &employer, &others[0], Some(3)).await;
    assert_eq!(
        early["code"], "E-REMIT-04",
        "before the employer contributed at all: {early}"
    );
    let case = set_up(&town, &employer, &others[0], Some(2)).await;
    assert_eq!(case["state"], "done", "{case}");
    let told = notices(&case);
    let (code, words) = told.first().expect("a notice");
    assert_eq!(code, "W-PERS-08");
    assert!(
        words.contains("起缴月份早于单位已汇缴月份，缺少的月份请办理补缴")
            && words.contains(&month(2).chinese())
            && words.contains(&month(1).chinese()),
        "{words}"
    );
    // What is said to be missing is what a back payment takes.
    let no = account_no(&town, &others[0]).await;
    let months = json!([month(2).to_string(), month(1).to_string()]);
    let form =
        json!({ "reason": "MISSED_MONTH", "roster": [{ "account_no": no, "months": months }] });
    let body = json!({ "service": "supplement-register", "applicant": employer, "form": form, "channel": "HALL" });
    let list = town.doors.post("/cases", &body).await.expect("a door");
    list.ok().expect("registered");
    assert_eq!(
        town.sql("SELECT amount_fen FROM remittance WHERE kind = 2 AND state = 1")
            .await,
        2 * 216_000
    );
    let first = "SELECT from_month::bigint FROM membership WHERE base_fen = 900000";
    assert_eq!(town.sql(first).await, i64::from(month(0).index()));
}

/// Remittance: CONFIRMED → expire, and what comes later is nobody's list; one live list a month (E-REMIT-02).
#[tokio::test]
async fn a_list_without_money_lapses_after_its_days_and_late_money_waits_in_suspense() {
    let town = Town::open().await;
    let office = town.office().await;
    let (employer, people) = two(&town, 968).await;
    let list = register_month(&town.doors, &employer, month(1), &people)
        .await
        .expect("a list");
    let file = cast::send_roster(&town.doors, &employer, month(1), &people).await;
    let file = file.expect("a door");
    let twice = match file.ok() {
        Ok(checked) => {
            let twice = cast::register_roster(&town.doors, &employer, month(1), &checked).await;
            twice.expect("a door").body.to_string()
        }
        Err(error) => format!("{error:#}"),
    };
    assert!(twice.contains("E-REMIT-02"), "{twice}");
    let expire = || anju_business::contribution::remittance::expire(&office);
    assert_eq!(expire().await.expect("the night"), 0, "not before its days");
    town.later(61 * 24 * 60);
    assert_eq!(expire().await.expect("the night"), 1);
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE state = 5")
            .await,
        1
    );
    cast::pay(&town.doors, &list, 432_000).await.expect("late");
    comes(&town, SUSPENSE, 432_000).await;
    let clerk = Visitor::clerk(&town, &office, &employer, 968).await;
    let no = text(&list, "remittance_id").expect("a number");
    let page = clerk.get(&format!("/unit/arrivals/{no}")).await.page;
    assert!(
        page.contains("已经作废") && page.contains("请重新交名册"),
        "{page}"
    );
    town.audited().await;
}

/// Corrections and moves of branches: WAITING → SENT_BACK, with the checker's words, and nothing has moved.
#[tokio::test]
async fn what_a_second_accountant_sends_back_has_moved_nothing() {
    let town = Town::open().await;
    let office = town.office().await;
    let (employer, people) = two(&town, 969).await;
    let maker = Visitor::staff(&town, &office, role::ACCOUNTANT, 1).await;
    let checker = Visitor::second(&town, &office, role::ACCOUNTANT, 1).await;
    let waiting = |page: &str, path: &str| {
        let begin = page
            .find(path)
            .unwrap_or_else(|| panic!("nothing waits: {page}"))
            + path.len();
        let number = page[begin..].split('/').next().expect("a number");
        format!("{path}{number}/check")
    };
    let (li, wang) = (
        account_no(&town, &people[0]).await,
        account_no(&town, &people[1]).await,
    );
    let reference: String = {
        use sqlx::Connection;
        let mut owner = sqlx::PgConnection::connect(&town.database.url)
            .await
            .expect("the owner");
        sqlx::query_scalar("SELECT reference FROM remittance WHERE state = 3")
            .fetch_one(&mut owner)
            .await
            .expect("a code")
    };
    let correction = [
        ("kind", "1"),
        ("reference", reference.as_str()),
        ("from", li.as_str()),
        ("to", wang.as_str()),
        ("reason", "单位来函：名册写错人"),
    ];
    let made = maker.post("/desk/corrections", &correction).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let path = waiting(
        &checker.get("/desk/corrections").await.page,
        "/desk/corrections/",
    );
    let back = [("verdict", "back"), ("answer", "来函没有盖章")];
    let sent = checker.post(&path, &back).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM correction WHERE state = 3")
            .await,
        1
    );
    assert_eq!(
        cast::balance(&town.doors, &people[0]).await.expect("fen"),
        240_000
    );

    let open = anju_business::books::day_close::open_date(&office)
        .await
        .expect("a day")
        .to_string();
    let before = town
        .sql("SELECT branch_id::bigint FROM employer WHERE NOT holding")
        .await;
    let other = if before == 3 { "2" } else { "3" };
    let form = [
        ("employer", employer.as_str()),
        ("branch", other),
        ("from", open.as_str()),
        ("reason", "单位迁走"),
    ];
    let made = maker.post("/desk/branches", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let path = waiting(&checker.get("/desk/branches").await.page, "/desk/branches/");
    let sent = checker.post(&path, &back).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM employer_move WHERE state = 4")
            .await,
        1
    );
    let now = "SELECT branch_id::bigint FROM employer WHERE NOT holding";
    assert_eq!(town.sql(now).await, before);
}
