//! Employers in difficulty: contributions deferred and made up by plan, ratios lowered for a time and returned; and what it all came to.

use anju::cast::{
    self, Person, account, contribute, number, open_employer, register_month, send_roster, text,
};
use anju_business::contribution::relief;
use anju_casework::staff::role;
use anju_casework::{Office, employer};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month, policy_folder};
use crate::visitor::Visitor;

const DEFERRAL: &str = "employer-deferral";
const REDUCTION: &str = "employer-ratio-reduction";

/// Moves the clock to the sixth day of a month to come.
fn to_month(town: &Town, office: &Office, month: anju_domain::calendar::Month) {
    let days = (month.first_day() - office.today()).num_days() + 5;
    town.later(days * 24 * 60);
}

/// Two people of an employer that has paid to last month: 2,400.00 and 1,920.00 a month.
async fn settled(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    (employer, people)
}

/// What an employer with a loss and a resolution asks for.
fn asked(more: Value) -> Value {
    let mut form = json!({
        "ground": "LOSS", "audit_report_no": "渝会审〔2026〕8号", "reason": "订单减少", "resolution_no": "职代会〔2026〕3号", "months": 2,
    });
    for (field, value) in more.as_object().expect("fields") {
        form[field] = value.clone();
    }
    form
}

/// Asks, and waits until it is decided or with a person.
pub async fn ask(town: &Town, service: &str, employer: &str, form: Value) -> Value {
    let body =
        json!({ "service": service, "applicant": employer, "form": form, "channel": "HALL" });
    let answer = town
        .doors
        .post("/cases?wait=2s", &body)
        .await
        .expect("a door");
    let case = answer.ok().expect("a case");
    let id = text(&case, "case_id").expect("a number");
    case_of(town, &id).await
}

pub async fn case_of(town: &Town, id: &str) -> Value {
    let path = format!("/cases/{id}");
    let case = town.doors.get(&path).await.expect("a door");
    case.ok().expect("a case")
}

/// The codes of the conditions that are not met.
pub fn not_met(case: &Value) -> Vec<String> {
    assert_eq!(case["state"], "refused", "{case}");
    case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter(|condition| condition["outcome"] == "not_met")
        .map(|condition| {
            let code = condition.get("message").unwrap_or(&condition["code"]);
            code.as_str().expect("a code").to_owned()
        })
        .collect()
}

/// A reviewer where the employer is kept.
pub async fn reviewer(town: &Town, office: &Office, employer_no: &str) -> Visitor {
    let id = office.numbers.decode(NumberKind::Employer, employer_no);
    let employer = employer::require(office, id.expect("a number"))
        .await
        .expect("an employer");
    Visitor::staff(town, office, role::REVIEWER, employer.branch_id).await
}

/// A reviewer's yes at the desk.
pub async fn approve(town: &Town, reviewer: &Visitor, case: &Value) -> Value {
    let id = text(case, "case_id").expect("a number");
    let page = reviewer.get(&format!("/desk/cases/{id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    let form = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let answer = reviewer
        .post(&format!("/desk/cases/{id}/check"), &form)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    case_of(town, &id).await
}

async fn turn(office: &Office) {
    relief::turn(office).await.expect("the day's work");
}

async fn continuous(town: &Town, who: &Person) -> i64 {
    let body = cast::rent_request(&town.doors, who)
        .await
        .expect("a request");
    let applicant = text(&body, "applicant").expect("a number");
    let path = format!("/services/withdraw-rent/precheck?applicant={applicant}");
    let decision = town
        .doors
        .get(&path)
        .await
        .expect("a door")
        .ok()
        .expect("a decision");
    decision["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter_map(|condition| condition["facts"].as_array())
        .flatten()
        .find_map(|fact| fact["value"]["continuous_months"].as_i64())
        .expect("a condition about continuous months")
}

#[tokio::test]
async fn a_deferral_is_decided_by_a_person_leaves_no_gap_and_is_made_up_by_plan() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 71).await;
    let case = ask(&town, DEFERRAL, &firm, asked(json!({ "plan_months": 2 }))).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    assert_eq!(case["state"], "done", "{case}");
    let id = text(&case, "case_id").expect("a number");
    assert_eq!(
        town.sql("SELECT state::bigint FROM employer").await,
        2,
        "缓缴"
    );
    assert_eq!(
        town.sql("SELECT sum(employer_fen + employee_fen)::bigint FROM deferred_month")
            .await,
        432_000,
        "this month's lines are drawn, the next month's when it comes"
    );

    // No list for a deferred month, and nobody leaves with one.
    let roster = send_roster(&town.doors, &firm, month(0), &people)
        .await
        .expect("a door");
    let roster = text(&roster.ok().expect("a list"), "roster_id").expect("a number");
    let body = json!({ "roster_id": roster, "month": month(0).to_string() });
    let refused = town
        .doors
        .post(&format!("/employers/{firm}/remittances"), &body)
        .await
        .expect("a door");
    assert_eq!(refused.code(), "E-REMIT-01");
    let wang = account_no(&town, &people[1]).await;
    let leave = json!({
        "service": "employee-account-seal", "applicant": firm, "channel": "HALL",
        "form": { "roster": [{ "account_no": wang, "reason": "离职" }] },
    });
    let refused = town.doors.post("/cases", &leave).await.expect("a door");
    assert_eq!(refused.code(), "E-HARD-05");
    assert_eq!(
        continuous(&town, &people[0]).await,
        3,
        "two paid months and a deferred one"
    );
    let again = json!({ "service": DEFERRAL, "applicant": firm, "channel": "HALL", "form": asked(json!({ "from": month(-1).to_string() })) });
    let again = town
        .doors
        .post("/cases?wait=2s", &again)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let again = case_of(&town, &text(&again, "case_id").expect("a number")).await;
    assert!(
        not_met(&again).contains(&"E-HARD-03".to_owned()),
        "an overlap: {again}"
    );

    // Two months later it ends by itself; the month after is paid first, the deferred ones by plan (§18 row 11).
    to_month(&town, &office, month(-2));
    turn(&office).await;
    assert_eq!(
        town.sql("SELECT state::bigint FROM employer").await,
        1,
        "正常"
    );
    assert_eq!(town.sql("SELECT total_fen FROM arrangement").await, 864_000);
    contribute(&town.doors, &firm, month(-2), &people)
        .await
        .expect("the month after");
    let clerk = Visitor::clerk(&town, &office, &firm, 71).await;
    let here = format!("/unit/cases/{id}");
    let page = clerk.get(&here).await.page;
    assert!(
        page.contains("补缴中") && page.contains("8,640.00") && page.contains("4,320.00"),
        "{page}"
    );
    for (round, left) in [(1, 432_000), (2, 0)] {
        let key = uuid::Uuid::now_v7().to_string();
        let sent = clerk
            .post(&format!("{here}/make-up"), &[("key", key.as_str())])
            .await;
        assert!(
            sent.location.starts_with("/unit/pay?list="),
            "{round}: {}",
            sent.page
        );
        let list = sent
            .location
            .trim_start_matches("/unit/pay?list=")
            .to_owned();
        let order = town
            .doors
            .get(&format!("/remittances/{list}"))
            .await
            .expect("a door")
            .ok()
            .expect("a list");
        assert_eq!(number(&order, "amount_fen").expect("fen"), 432_000);
        pay_list(&town, &list).await;
        let owed = "SELECT coalesce(sum(employer_fen + employee_fen), 0)::bigint FROM deferred_month WHERE paid_by IS NULL";
        assert_eq!(town.sql(owed).await, left);
    }
    assert_eq!(
        town.sql("SELECT state::bigint FROM arrangement").await,
        3,
        "已结束"
    );
    let li = account(&town.doors, &people[0]).await.expect("an account");
    assert_eq!(number(&li, "balance_fen").expect("fen"), 5 * 240_000);
    assert_eq!(continuous(&town, &people[0]).await, 5);
    town.audited().await;
}

/// Pays a list as the employer's page says, and waits until it is on the accounts.
pub async fn pay_list(town: &Town, list: &str) {
    let office = town.office().await;
    let id = office
        .numbers
        .decode(NumberKind::Remittance, list)
        .expect("a number");
    let one = anju_business::contribution::remittance::require(&office, id)
        .await
        .expect("a list");
    let bank = office.bank(&one.bank).expect("a bank");
    let order = json!({ "payee_bank": one.bank, "payee_account": bank.account_no, "reference": one.reference });
    cast::pay(&town.doors, &order, one.amount_fen)
        .await
        .expect("paid");
    cast::state_of(&town.doors, list, |state| state == "allocated")
        .await
        .expect("allocated");
}

#[tokio::test]
async fn a_plan_that_is_missed_is_breached_and_the_clerk_is_told() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 72).await;
    let case = ask(
        &town,
        DEFERRAL,
        &firm,
        asked(json!({ "months": 1, "plan_months": 1 })),
    )
    .await;
    let reviewer = reviewer(&town, &office, &firm).await;
    approve(&town, &reviewer, &case).await;
    to_month(&town, &office, month(-1));
    turn(&office).await;
    assert_eq!(
        town.sql("SELECT state::bigint FROM arrangement").await,
        2,
        "补缴中"
    );
    to_month(&town, &office, month(-2));
    turn(&office).await;
    assert_eq!(
        town.sql("SELECT state::bigint FROM arrangement").await,
        4,
        "未按计划补缴"
    );
    assert_eq!(
        continuous(&town, &people[0]).await,
        2,
        "a breach keeps nothing"
    );
    let phone = cast::firm("", 72).expect("a firm").clerk_phone;
    let path = format!("/phones/{phone}/messages");
    for _ in 0..100 {
        let told = town
            .doors
            .control(&path)
            .await
            .expect("the phone")
            .body
            .to_string();
        if told.contains("没有按时缴足") && told.contains("已通过") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the clerk was not told");
}

#[tokio::test]
async fn a_clerk_applies_with_a_preview_and_resumes_before_the_end() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 73).await;
    let clerk = Visitor::clerk(&town, &office, &firm, 73).await;
    let key = uuid::Uuid::now_v7().to_string();
    let mut form = vec![
        ("key", key.as_str()),
        ("months", "3"),
        ("ground", "LOSS"),
        ("audit_report_no", "渝会审〔2026〕8号"),
        ("reason", "订单减少"),
        ("resolution_no", "职代会〔2026〕3号"),
        ("step", "preview"),
    ];
    let page = clerk.post("/unit/do/employer-deferral", &form).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.page.contains("12,960.00") && page.page.contains("3 个月"),
        "{}",
        page.page
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'employer-deferral'")
            .await,
        0
    );
    form.pop();
    let sent = clerk.post("/unit/do/employer-deferral", &form).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let id = sent.location.trim_start_matches("/unit/cases/").to_owned();
    let reviewer = reviewer(&town, &office, &firm).await;
    let mut case = case_of(&town, &id).await;
    for _ in 0..50 {
        if case["state"] == "reviewing" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        case = case_of(&town, &id).await;
    }
    approve(&town, &reviewer, &case).await;
    let page = clerk.get(&sent.location).await.page;
    assert!(
        page.contains("执行中") && page.contains("提前恢复"),
        "{page}"
    );
    let mine = clerk.get("/unit/cases").await.page;
    assert!(mine.contains("缓缴申请"), "{mine}");

    to_month(&town, &office, month(-1));
    turn(&office).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM deferred_month").await,
        4,
        "two months are drawn"
    );
    let clerk = Visitor::clerk(&town, &office, &firm, 73).await;
    let done = clerk.post(&format!("{}/resume", sent.location), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        town.sql("SELECT total_fen FROM arrangement").await,
        432_000,
        "this month is paid, not deferred"
    );
    contribute(&town.doors, &firm, month(-1), &people)
        .await
        .expect("the month");
    let again = clerk.post(&format!("{}/resume", sent.location), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    town.audited().await;
}

#[tokio::test]
async fn what_is_lacking_is_told_with_its_code() {
    let town = Town::open().await;
    let (firm, _) = settled(&town, 74).await;
    let wrong = |more: Value, code: &'static str| (more, code);
    let table = [
        wrong(json!({ "audit_report_no": null }), "E-HARD-01"),
        wrong(json!({ "ground": "PHASE" }), "E-HARD-01"),
        wrong(json!({ "ground": "LOW_WAGES" }), "E-HARD-01"),
        wrong(json!({ "months": 13 }), "E-HARD-03"),
        wrong(json!({ "plan_months": 13 }), "E-HARD-03"),
        wrong(json!({ "from": month(1).to_string() }), "E-HARD-05"),
        wrong(json!({ "from": month(-1).to_string() }), "E-HARD-05"),
    ];
    for (more, code) in table {
        let case = ask(&town, DEFERRAL, &firm, asked(more.clone())).await;
        assert_eq!(not_met(&case), [code], "{more}");
    }
    let reduction = [
        (json!({ "ratio_bp": 350 }), "E-RATIO-01"),
        (json!({ "ratio_bp": 1200 }), "E-RATIO-01"),
        (json!({ "ratio_bp": 0 }), "E-RATIO-01"),
        (json!({ "ratio_bp": 500, "months": 13 }), "E-HARD-03"),
        (
            json!({ "ratio_bp": 500, "from": month(1).to_string() }),
            "E-HARD-05",
        ),
    ];
    for (more, code) in reduction {
        let case = ask(&town, REDUCTION, &firm, asked(more.clone())).await;
        assert_eq!(not_met(&case), [code], "{more}");
    }
    // The tax office says the same as an auditor.
    let uscc = cast::firm("", 74).expect("a firm").uscc;
    let year = (chrono::Datelike::year(&chrono::Utc::now()) - 1).to_string();
    let loss = json!({ "year": year, "revenue_fen": 900, "profit_fen": -100, "loss": true });
    cast::fact(&town.doors, "D07", "tax.income_statement", &uscc, loss)
        .await
        .expect("the tax office");
    let case = ask(
        &town,
        DEFERRAL,
        &firm,
        asked(json!({ "audit_report_no": null })),
    )
    .await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let second = json!({ "service": DEFERRAL, "applicant": firm, "channel": "HALL", "form": asked(json!({})) });
    let second = town.doors.post("/cases", &second).await.expect("a door");
    assert_eq!(
        second.status,
        StatusCode::CONFLICT,
        "one living case for one wish"
    );
}

#[tokio::test]
async fn months_that_were_not_paid_are_deferred_with_the_rest_where_that_is_asked_for() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 75, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, 75, month(3))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(3), &people)
        .await
        .expect("a month");
    let alone = ask(
        &town,
        DEFERRAL,
        &firm,
        asked(json!({ "from": month(0).to_string() })),
    )
    .await;
    assert_eq!(not_met(&alone), ["E-HARD-05"]);
    let both = asked(json!({ "from": month(0).to_string(), "include_arrears": true, "months": 1 }));
    let case = ask(&town, DEFERRAL, &firm, both).await;
    let reviewer = reviewer(&town, &office, &firm).await;
    approve(&town, &reviewer, &case).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM deferred_month").await,
        3,
        "two arrears and this month"
    );
}

#[tokio::test]
async fn a_ratio_below_the_limit_needs_two_reviewers_and_returns_after_its_months() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 76).await;
    let case = ask(
        &town,
        REDUCTION,
        &firm,
        asked(json!({ "ratio_bp": 300, "months": 2 })),
    )
    .await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let first = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &first, &case).await;
    assert_eq!(
        case["state"], "reviewing",
        "the committee has delegated it to two"
    );
    let id = text(&case, "case_id").expect("a number");
    let form = [("verdict", "approve"), ("reason", "再次同意")];
    let same = first.post(&format!("/desk/cases/{id}/check"), &form).await;
    assert_eq!(
        same.status,
        StatusCode::CONFLICT,
        "the same person twice is one person"
    );
    let second = second_reviewer(&town, &office, &firm).await;
    let case = approve(&town, &second, &case).await;
    assert_eq!(case["state"], "done", "{case}");

    // 3 % + 3 % of 10,000 and 8,000 in two lists, then 12 % + 12 % again.
    for (back, fen) in [(0, 108_000), (-1, 108_000), (-2, 432_000)] {
        if back < 0 {
            to_month(&town, &office, month(back));
        }
        let order = register_month(&town.doors, &firm, month(back), &people)
            .await
            .expect("a list");
        assert_eq!(number(&order, "amount_fen").expect("fen"), fen, "{back}");
        let list = text(&order, "remittance_id").expect("a number");
        cast::pay(&town.doors, &order, fen).await.expect("paid");
        cast::state_of(&town.doors, &list, |state| state == "allocated")
            .await
            .expect("allocated");
    }
    assert_eq!(
        town.sql("SELECT state::bigint FROM arrangement").await,
        3,
        "已结束"
    );
    assert_eq!(
        town.sql("SELECT ratio_employer_bp::bigint FROM employer")
            .await,
        1200
    );
    assert_eq!(
        town.sql("SELECT sum(relief_fen)::bigint FROM arrangement_month")
            .await,
        2 * (432_000 - 108_000)
    );
    town.audited().await;
}

/// Another reviewer of the same branch.
async fn second_reviewer(town: &Town, office: &Office, firm: &str) -> Visitor {
    let id = office
        .numbers
        .decode(NumberKind::Employer, firm)
        .expect("a number");
    let branch = employer::require(office, id)
        .await
        .expect("an employer")
        .branch_id;
    Visitor::another(town, office, role::REVIEWER, branch, "2").await
}

/// The centre's files with a phase policy of these days.
fn with_phase(from: &str, to: &str) -> String {
    let folder = policy_folder(std::path::Path::new(""), &[]);
    let text = std::fs::read_to_string(folder.join("chongqing/centre.toml")).expect("the file");
    text.replace(
        "  { from = \"2023-01-01\", value = \"none\" },\n",
        &format!("  {{ from = \"2023-01-01\", value = \"none\" }},\n  {{ from = \"{from}\", value = \"test\" }},\n"),
    )
    .replace(
        "  { from = \"2022-05-20\", value = \"2022-12-31\" },\n",
        &format!("  {{ from = \"2022-05-20\", value = \"2022-12-31\" }},\n  {{ from = \"{from}\", value = \"{to}\" }},\n"),
    )
}

#[tokio::test]
async fn a_phase_policy_is_declared_made_up_after_its_end_and_told_in_one_report() {
    let until = month(-2).last_day().to_string();
    let files = with_phase(&month(1).first_day().to_string(), &until);
    let town = Town::with_policy(&[("chongqing/centre.toml", files.as_str())]).await;
    let office = town.office().await;
    let (firm, _) = settled(&town, 77).await;
    let (other, _) = settled(&town, 78).await;
    let phase = json!({ "ground": "PHASE", "audit_report_no": null, "months": 1 });
    let case = ask(&town, DEFERRAL, &firm, asked(phase)).await;
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    let lower = ask(&town, REDUCTION, &other, asked(json!({ "ratio_bp": 500 }))).await;
    approve(&town, &reviewer, &lower).await;

    let report = reviewer.get("/desk/relief").await.page;
    assert!(
        report.contains("阶段性政策（test）") && report.contains("4,320.00"),
        "{report}"
    );
    let list = format!("/desk/relief/list?kind=1&policy=test&month={}", month(0));
    let list = reviewer.get(&list).await.page;
    let id = text(&case, "case_id").expect("a number");
    assert!(
        list.contains(&format!("/desk/cases/{id}")) && list.contains("4,320.00"),
        "{list}"
    );
    assert!(
        !list.contains(&text(&lower, "case_id").expect("a number")),
        "another policy's"
    );
    let stranger = Visitor::clerk(&town, &office, &other, 78).await;
    let theirs = stranger.get(&format!("/unit/cases/{id}")).await;
    assert_eq!(
        theirs.status,
        StatusCode::NOT_FOUND,
        "another employer's case"
    );
    let resumed = stranger
        .post(&format!("/unit/cases/{id}/resume"), &[])
        .await;
    assert_eq!(resumed.status, StatusCode::NOT_FOUND);
    let life = reviewer.get(&format!("/desk/cases/{id}")).await.page;
    assert!(life.contains("缓缴已批准"), "{life}");

    to_month(&town, &office, month(-1));
    turn(&office).await;
    let plan = town
        .sql("SELECT plan_from::bigint FROM arrangement WHERE kind = 1")
        .await;
    assert_eq!(
        plan,
        i64::from(month(-3).index()),
        "the month after the policy's last"
    );
}

#[tokio::test]
async fn a_lower_ratio_is_the_only_one_while_it_runs_and_is_resumed_by_the_clerk() {
    let town = Town::open().await;
    let office = town.office().await;
    let (firm, people) = settled(&town, 79).await;
    let case = ask(
        &town,
        REDUCTION,
        &firm,
        asked(json!({ "ratio_bp": 500, "months": 3 })),
    )
    .await;
    let reviewer = reviewer(&town, &office, &firm).await;
    let case = approve(&town, &reviewer, &case).await;
    assert_eq!(case["state"], "done", "{case}");
    let ratio = "SELECT ratio_employer_bp::bigint FROM employer";
    assert_eq!(town.sql(ratio).await, 500);
    let second = ask(&town, REDUCTION, &firm, asked(json!({ "ratio_bp": 300 }))).await;
    assert_eq!(not_met(&second), ["E-HARD-03"], "one at a time");
    let change = json!({
        "service": "ratio-adjust", "applicant": firm, "channel": "HALL",
        "form": { "ratio_employer_bp": 800, "ratio_employee_bp": 800 },
    });
    let change = town.doors.post("/cases", &change).await.expect("a door");
    assert_eq!(change.code(), "E-RATIO-04", "the ratio is the reduction's");

    let clerk = Visitor::clerk(&town, &office, &firm, 79).await;
    let id = text(&case, "case_id").expect("a number");
    let page = clerk.get(&format!("/unit/cases/{id}")).await.page;
    assert!(page.contains("12% 降到 5%"), "{page}");
    let done = clerk.post(&format!("/unit/cases/{id}/resume"), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(town.sql(ratio).await, 1200);
    let order = register_month(&town.doors, &firm, month(0), &people)
        .await
        .expect("a list");
    assert_eq!(number(&order, "amount_fen").expect("fen"), 432_000);
}
