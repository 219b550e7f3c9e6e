//! What a clerk reads and does on the employer's pages: suspense, months at once, what stands in the way, what changed.

use anju::cast::{
    self, Person, balance, bank_balance, contribute, look_up, open_employer, register_month,
    roster, state_of, text,
};
use anju_domain::calendar::Month;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{approve, case_of, reviewer};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

/// The account from which every employer of the stories pays.
const PAYER: &str = "6500999000001";

async fn two(town: &Town, seed: i64) -> Vec<Person> {
    known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await
}

fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A clerk's own answer of a service; it must be done at once.
async fn done(town: &Town, service: &str, employer: &str, form: Value) -> Value {
    let body =
        json!({ "service": service, "applicant": employer, "form": form, "channel": "HALL" });
    let case = town.doors.post("/cases", &body).await.expect("a door");
    let case = case.ok().expect("done");
    assert_eq!(case["state"], "done", "{case}");
    case
}

async fn case_until(town: &Town, id: &str, state: &str) -> Value {
    for _ in 0..200 {
        let case = case_of(town, id).await;
        if case["state"] == state {
            return case;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("not {state}: {}", case_of(town, id).await)
}

/// Uploads a list on the page; the answer.
async fn upload(
    clerk: &Visitor,
    month: Month,
    mode: &str,
    people: &[Person],
) -> crate::visitor::Answer {
    let (month, key) = (month.to_string(), key());
    let fields = [
        ("month", month.as_str()),
        ("key", key.as_str()),
        ("mode", mode),
    ];
    let file = roster(people).expect("a file");
    clerk.upload("/unit/roster", &fields, &file).await
}

#[tokio::test]
async fn what_was_paid_over_is_shown_pays_the_next_month_and_goes_back_on_request() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = two(&town, 871).await;
    let firm = open_employer(&town.doors, 871, month(1))
        .await
        .expect("an employer");
    let last = register_month(&town.doors, &firm, month(1), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &last, 432_000 + 5_000)
        .await
        .expect("paid");
    let list = text(&last, "remittance_id").expect("a number");
    state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    let clerk = Visitor::clerk(&town, &office, &firm, 871).await;
    for page in ["/unit", "/unit/arrivals"] {
        let page = clerk.get(page).await.page;
        assert!(
            page.contains("单位暂存款") && page.contains("50.00"),
            "{page}"
        );
        assert!(
            page.contains("/unit/do/employer-suspense-refund"),
            "it can be asked back: {page}"
        );
    }

    // More than there is stands in the way; 20.00 of it go back to the account that paid.
    let ask = async |step: &str, yuan: &str| {
        let key = key();
        let form = [("step", step), ("key", key.as_str()), ("amount_fen", yuan)];
        clerk.post("/unit/do/employer-suspense-refund", &form).await
    };
    let seen = ask("preview", "60").await;
    assert!(seen.page.contains("可退 50.00 元"), "{}", seen.page);
    let too_much = json!({ "amount_fen": 6_000 });
    let refused = crate::relief::ask(&town, "employer-suspense-refund", &firm, too_much).await;
    assert_eq!(crate::relief::not_met(&refused), ["E-FORM-01"]);
    let sent = ask("send", "20").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let id = sent.location.trim_start_matches("/unit/cases/").to_owned();
    let case = case_until(&town, &id, "reviewing").await;
    let tail = &PAYER[PAYER.len() - 4..];
    let conditions = case["decision"]["conditions"].to_string();
    assert!(
        conditions.contains(&format!("尾号 {tail}")),
        "its reviewer sees where it goes: {conditions}"
    );
    let bank = text(&last, "payee_bank").expect("a bank");
    let before = bank_balance(&town.doors, &bank, PAYER).await.unwrap_or(0);
    let reviewer = reviewer(&town, &office, &firm).await;
    approve(&town, &reviewer, &case).await;
    case_until(&town, &id, "done").await;
    assert_eq!(
        bank_balance(&town.doors, &bank, PAYER).await.expect("fen"),
        before + 2_000
    );
    let page = clerk.get(&sent.location).await.page;
    assert!(page.contains("款项已退到原付款账户"), "{page}");

    // The rest pays a part of the next month.
    let next = register_month(&town.doors, &firm, month(0), &people)
        .await
        .expect("a list");
    let page = clerk.get("/unit/pay").await.page;
    assert!(
        page.contains("4,290.00") && page.contains("单位暂存款抵扣"),
        "{page}"
    );
    cast::pay(&town.doors, &next, 429_000).await.expect("paid");
    let list = text(&next, "remittance_id").expect("a number");
    state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    let left =
        "SELECT coalesce(sum(balance_fen), 0)::bigint FROM ledger_account WHERE kind IN (11, 12)";
    assert_eq!(town.sql(left).await, 0);
    let home = clerk.get("/unit").await.page;
    assert!(!home.contains("单位暂存款"), "{home}");
    town.audited().await;
}

#[tokio::test]
async fn several_months_are_registered_by_one_list_and_paid_by_one_payment_in_order() {
    let instant = "2027-01-19T02:00:00Z".parse().expect("an instant");
    let town = Town::open_at(instant).await;
    let office = town.office().await;
    let of = |text: &str| Month::parse(text).expect("a month");
    let people = two(&town, 872).await;
    let firm = open_employer(&town.doors, 872, of("2026-12"))
        .await
        .expect("an employer");
    let before = contribute(&town.doors, &firm, of("2026-12"), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 872).await;
    let register = async |month: &str, months: &str| {
        let sent = upload(&clerk, of(month), "complete", &people).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
        let page = clerk.get(&sent.location).await.page;
        let roster = sent.location.trim_start_matches("/unit/roster/").to_owned();
        let key = key();
        let form = [
            ("roster", roster.as_str()),
            ("key", key.as_str()),
            ("pay", "transfer"),
            ("months", months),
        ];
        (page, clerk.post("/unit/roster/register", &form).await)
    };
    let (page, sent) = register("2027-01", "3").await;
    assert!(page.contains("1月至3月，3 个月，共 12,960.00 元"), "{page}");
    assert!(
        page.contains("1月至6月") && !page.contains("1月至7月"),
        "bases change in July: {page}"
    );
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let pay = clerk.get("/unit/pay").await.page;
    assert!(
        pay.contains("12,960.00") && pay.contains("1月至3月"),
        "{pay}"
    );
    let code: String = pay[pay.find("HJ2701").expect("a pay code")..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let order = json!({
        "payee_account": before["payee_account"], "payee_bank": before["payee_bank"], "reference": code,
    });

    // Two months' money and a little: the first two are allocated, the third waits for the rest.
    cast::pay(&town.doors, &order, 2 * 432_000 + 100)
        .await
        .expect("paid");
    let allocated = "SELECT count(*) FROM remittance WHERE state = 3";
    for _ in 0..200 {
        if town.sql(allocated).await == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(town.sql(allocated).await, 3);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        3 * 240_000
    );
    let pay = clerk.get("/unit/pay").await.page;
    assert!(pay.contains("4,319.00"), "{pay}");
    let paid_to = "SELECT paid_to_month::bigint FROM employer WHERE NOT holding AND paid_to_month > 0 ORDER BY employer_id DESC LIMIT 1";
    assert_eq!(
        town.sql(paid_to).await,
        i64::from(of("2027-02").index()),
        "in order"
    );
    let code: String = pay[pay.find("HJ2703").expect("a pay code")..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let order = json!({
        "payee_account": before["payee_account"], "payee_bank": before["payee_bank"], "reference": code,
    });
    cast::pay(&town.doors, &order, 431_900).await.expect("paid");
    for _ in 0..200 {
        if town.sql(allocated).await == 4 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("fen"),
        4 * 192_000
    );

    // Giving up the first gives up those after it.
    let (_, sent) = register("2027-04", "2").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let pay = clerk.get("/unit/pay").await.page;
    let at = pay.find("/unit/arrivals/").expect("a link");
    let watch: String = pay[at..].chars().take_while(|c| *c != '"').collect();
    let sent = clerk.post(&format!("{watch}/cancel"), &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let cancelled = "SELECT count(*) FROM remittance WHERE state = 4";
    assert_eq!(town.sql(cancelled).await, 2);
    town.audited().await;
}

#[tokio::test]
async fn a_preview_says_what_stands_in_the_way_and_an_overdue_month_says_since_when() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = two(&town, 873).await;
    let firm = open_employer(&town.doors, 873, month(4))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(4), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 873).await;
    let home = clerk.get("/unit").await.page;
    assert!(
        home.contains("已逾期") && home.contains("href=\"/unit/notices\""),
        "{home}"
    );
    let close = [
        ("step", "preview"),
        ("key", &key()),
        ("how", "CANCEL"),
        ("reason", "DISSOLVED"),
    ];
    let page = clerk
        .post("/unit/do/employer-close-account", &close)
        .await
        .page;
    assert!(
        page.contains("现在办不了") && page.contains("未封存职工 2 人"),
        "{page}"
    );
    let in_month = month(4).to_string();
    let refund = [
        ("step", "preview"),
        ("key", &key()),
        ("month", in_month.as_str()),
        ("reason", "OVERPAID"),
        ("to", "SUSPENSE"),
        ("payroll", "yes"),
    ];
    let page = clerk.post("/unit/do/employer-refund", &refund).await.page;
    assert!(
        page.contains("4,320.00") && page.contains("由工作人员审核"),
        "{page}"
    );

    // A form without rows speaks of no row.
    let li = account_no(&town, &people[0]).await;
    let form = [
        ("do", "supplement-register"),
        ("key", &key()),
        ("cause", "MISSED_MONTH"),
        ("from", in_month.as_str()),
        ("to", in_month.as_str()),
    ];
    let page = clerk.post(&format!("/unit/people/{li}"), &form).await.page;
    assert!(
        page.contains("已缴存，请勿重复补缴") && !page.contains("第 1 行"),
        "{page}"
    );
}

#[tokio::test]
async fn a_preview_of_a_list_names_the_adjustment_and_a_list_of_changes_may_leave_people_out() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = two(&town, 874).await;
    let firm = open_employer(&town.doors, 874, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people[..1])
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 874).await;
    let row =
        json!([{ "name": people[1].name, "id_no": people[1].id, "base_fen": people[1].base_fen }]);
    let case = done(
        &town,
        "employee-account-open",
        &firm,
        json!({ "roster": row }),
    )
    .await;
    let id = text(&case, "case_id").expect("a number");
    let page = clerk.get(&format!("/unit/cases/{id}")).await.page;
    assert!(page.contains("王*"), "whom it opened, by name: {page}");

    let lower = json!({ "ratio_employer_bp": 800, "ratio_employee_bp": 800 });
    done(&town, "ratio-adjust", &firm, lower).await;
    let short = upload(&clerk, month(0), "complete", &people[..1]).await;
    assert!(
        short.page.contains("只含变更") && short.page.contains("name=\"mode\""),
        "{}",
        short.page
    );
    let sent = upload(&clerk, month(0), "changes", &people[..1]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = clerk.get(&sent.location).await.page;
    assert!(
        page.contains("比例调整") && page.contains("由单位 12%、个人 12%改为单位 8%、个人 8%"),
        "{page}"
    );
    assert!(!page.contains("按政策重算"), "{page}");
}

#[tokio::test]
async fn whose_account_is_sealed_is_told_so_when_he_asks_for_his_money_elsewhere() {
    let town = Town::open().await;
    let people = two(&town, 875).await;
    let firm = open_employer(&town.doors, 875, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let wang = account_no(&town, &people[1]).await;
    let seal = json!({ "roster": [{ "account_no": wang }], "reason": "离职" });
    done(&town, "employee-account-seal", &firm, seal).await;
    let applicant = look_up(&town.doors, &people[1]).await.expect("known");
    let body = json!({
        "service": "transfer-in-apply", "applicant": applicant, "channel": "APP", "form": { "from_centre": "110000" },
    });
    let case = town.doors.post("/cases?wait=5s", &body).await;
    let case = case.expect("a door").ok().expect("a case");
    let id = text(&case, "case_id").expect("a number");
    let told = case_until(&town, &id, "refused").await.to_string();
    assert!(told.contains("现在是封存状态"), "{told}");
    assert!(!told.contains("连续缴存未满"), "{told}");
}

#[tokio::test]
async fn people_of_one_surname_are_told_apart_and_found_and_a_registered_list_leads_to_its_payment()
{
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(
        &town,
        876,
        &[("王强", 1_000_000), ("王小明", 800_000), ("李梅", 700_000)],
    )
    .await;
    let firm = open_employer(&town.doors, 876, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 876).await;
    let tail = |who: &Person| who.id[14..].to_owned();
    let all = clerk.get("/unit/people").await.page;
    for one in &people {
        assert!(all.contains(&tail(one)) && !all.contains(&one.id), "{all}");
    }
    let account = account_no(&town, &people[1]).await;
    for who in [
        "小明",
        tail(&people[1]).as_str(),
        account.to_lowercase().as_str(),
    ] {
        let found = clerk.post("/unit/people", &[("who", who)]).await;
        assert_eq!(found.status, StatusCode::OK, "{}", found.page);
        assert!(
            found.page.contains("找到 1 人") && found.page.contains(&account),
            "{who}: {}",
            found.page
        );
    }

    let sent = upload(&clerk, month(0), "complete", &people).await;
    let roster = sent.location.trim_start_matches("/unit/roster/").to_owned();
    let register = async || {
        let key = key();
        let form = [("roster", roster.as_str()), ("key", key.as_str())];
        clerk.post("/unit/roster/register", &form).await
    };
    assert_eq!(register().await.status, StatusCode::SEE_OTHER);
    let again = register().await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.page.contains("href=\"/unit/pay\""), "{}", again.page);
}
