//! A housing subsidy's interest (contribution.md §13, §16): a rate of its own, at the year's end, at a closing, in what is previewed and audited.

use anju::cast::{self, Person, balance, contribute, text};
use anju::start::{demo, office};
use anju_business::books::interest_year;
use anju_casework::staff::role;
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_engine::Engine;
use chrono::NaiveDate;
use reqwest::StatusCode;
use serde_json::json;

use crate::interest_year::days_later;
use crate::policy_life::{drafted, says, simulated};
use crate::subsidy::{accounts, order_of};
use crate::town::{Town, account_no, known};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2028, 6, 29).expect("a date");

/// A subsidy earns 2.10 % and from 30 June 2028 on 3.60 %; the fund 1.50 %.
const RATES: &str = r#"
[[parameter]]
name = "interest_subsidy_bp"
label = "住房补贴账户存款利率"
type = "bp"
mark = "source"
source = "中心 2028 年第 3 号通知"
values = [{ from = "2016-02-21", value = 210 }, { from = "2028-06-30", value = 360 }]
"#;

const GRANTED: i64 = 12_345_678;

/// Half up, 10,000 bp × 360 days: reckoned here from what the law says, without the ledger.
fn interest(fen: i64, bp_days: i64) -> i64 {
    (fen * bp_days + 1_800_000) / 3_600_000
}

/// Pays a month's subsidy of one person.
pub(crate) async fn grant(town: &Town, employer: &str, who: &Person, back: i32, fen: i64) {
    let rows = json!([{ "account_no": account_no(town, who).await, "amount_fen": fen }]);
    let month = Month::of(town.today()).plus(-back).to_string();
    let form = json!({ "roster": rows, "month": month, "sort": "MONTHLY" });
    let body = json!({ "service": "subsidy-register", "applicant": employer, "form": form, "channel": "HALL" });
    let answer = town.doors.post("/cases", &body).await.expect("a door");
    let order = order_of(town, answer).await;
    cast::pay(&town.doors, &order, fen).await.expect("paid");
    let list = text(&order, "remittance").expect("a number");
    cast::state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
}

pub(crate) async fn subsidy_of(town: &Town, who: &Person) -> (String, i64) {
    let all = accounts(town, who).await;
    let one = all
        .iter()
        .find(|one| one.0 == "SUBSIDY")
        .expect("a subsidy");
    (one.1.clone(), one.2)
}

async fn close(town: &Town, engine: &Engine) {
    let hand = async |number| {
        anju_casework::staff::by_number(&engine.office, number)
            .await
            .expect("read")
            .expect("an accountant")
    };
    let (maker, checker) = (hand("1004").await, hand("1005").await);
    engine
        .close_day(&maker, &checker)
        .await
        .expect("a day is closed");
    days_later(town, 1).await;
}

/// Goal: each account earns what its kind earns, by the days of each rate, to the fen of the preview; a closing pays both. Method: one person
/// with both accounts from 29 June, a change of the subsidy's rate on 30 June, the year's end, and a retirement in July.
#[tokio::test]
async fn a_subsidy_earns_its_own_rate_at_the_years_end_and_at_a_closing() {
    let morning = FIRST_DAY.and_hms_opt(1, 0, 0).expect("a time").and_utc();
    let town = Town::open_at_with(morning, &[("chongqing/subsidy.toml", RATES)]).await;
    // A colleague stays, so that the bank holds more than is paid.
    let people = known(&town, 881, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let li = &people[0];
    let this = Month::of(FIRST_DAY);
    let employer = cast::open_employer(&town.doors, 881, this.plus(-1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, this.plus(-1), &people)
        .await
        .expect("a month");
    grant(&town, &employer, li, 1, GRANTED).await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    let office = &engine.office;
    demo::put_staff(&town.config, office)
        .await
        .expect("accountants");
    close(&town, &engine).await;
    close(&town, &engine).await;

    let until = NaiveDate::from_ymd_opt(2028, 7, 1).expect("a date");
    let fund = balance(&town.doors, li).await.expect("a balance");
    let stays = balance(&town.doors, &people[1]).await.expect("a balance");
    let of_stays = interest(stays, 2 * 150);
    let (of_fund, of_subsidy) = (interest(fund, 2 * 150), interest(GRANTED, 210 + 360));
    assert_ne!(of_subsidy, interest(GRANTED, 2 * 150));
    let preview = interest_year::preview(office, until)
        .await
        .expect("a preview");
    assert_eq!(
        (preview.accounts(), preview.interest().fen()),
        (3, of_fund + of_subsidy + of_stays)
    );
    assert_eq!(preview.samples[0].interest_fen, of_subsidy);
    assert!(
        preview.branches.iter().all(|one| one.branch_id.is_some()),
        "a subsidy is its employer's branch's"
    );
    let maker = Visitor::staff(&town, office, role::ACCOUNTANT, 1).await;
    let checker = Visitor::staff(&town, office, role::CHIEF_ACCOUNTANT, 1).await;
    let page = "/desk/books/interest";
    let shown = maker.get(page).await.page;
    assert!(
        shown.contains("1.50%（住房补贴 2.10%）") && shown.contains("1.50%（住房补贴 3.60%）"),
        "{shown}"
    );
    let proposed = maker.post(page, &[("step", "propose")]).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.page);
    let approved = checker.post(page, &[("step", "approve")]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.page);
    for _ in 0..400 {
        if interest_year::due(office).await.expect("read").is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (no, held) = subsidy_of(&town, li).await;
    assert_eq!(held, GRANTED + of_subsidy, "booked as previewed");
    assert_eq!(
        balance(&town.doors, li).await.expect("a balance"),
        fund + of_fund
    );
    let entries = town.doors.get(&format!("/accounts/{no}/entries")).await;
    let entries = entries.expect("a door").ok().expect("entries");
    assert!(
        entries["items"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|entry| entry["event"] == "E72" && entry["amount_fen"] == of_subsidy),
        "{entries}"
    );
    // Each account has a statement of its own, on a page and as a paper.
    let own = Visitor::person(&town, office, li).await;
    let years = own.get("/my/years").await.page;
    assert!(years.contains("/my/subsidy-statement/2027"), "{years}");
    let page = own.get("/my/subsidy-statement/2027").await.page;
    for said in [
        "2027—2028 住房补贴年度对账单".to_owned(),
        Fen::new(GRANTED).to_string(),
        Fen::new(of_subsidy).to_string(),
        Fen::new(held).to_string(),
    ] {
        assert!(page.contains(&said), "{said}: {page}");
    }
    assert!(!page.contains("基数"), "its lines are amounts");
    let nobodys = Visitor::person(&town, office, &people[1]).await;
    let none = nobodys.get("/my/subsidy-statement/2027").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    for (path, papers) in [
        ("subsidy-statement", 1),
        ("statement", 2),
        ("subsidy-statement", 2),
    ] {
        let paper = own.get(&format!("/my/{path}/2027/paper.pdf")).await;
        assert_eq!(paper.status, StatusCode::OK, "{}", paper.page);
        let living =
            "SELECT count(*) FROM document WHERE kind = 'doc-statement' AND replaced_by IS NULL";
        assert_eq!(town.sql(living).await, papers, "one of each account");
    }
    let papers = own.get("/my/papers").await.page;
    assert!(papers.contains("住房补贴年度对账单"), "{papers}");
    let person = cast::look_up(&town.doors, li).await.expect("known");
    let asked = format!("/query/query-housing-subsidy?subject={person}");
    let asked = town.doors.get(&asked).await.expect("a door");
    let told = asked.ok().expect("an answer").to_string();
    assert!(
        told.contains(&format!("\"interest_fen\":{of_subsidy}")),
        "{told}"
    );
    town.audited().await;

    // Two days later she retires: each account to the day before, at its own rate.
    close(&town, &engine).await;
    close(&town, &engine).await;
    let row = json!({ "account_no": account_no(&town, li).await, "reason": "退休" });
    let form = json!({ "roster": [row] });
    let body = json!({ "service": "employee-account-seal", "applicant": employer, "form": form, "channel": "HALL" });
    let sealed = town.doors.post("/cases", &body).await.expect("a door");
    assert_eq!(sealed.ok().expect("sealed")["state"], "done");
    let pension = json!({ "retired": true, "date": town.today().to_string(), "kind": "normal" });
    cast::fact(&town.doors, "D05", "hrss.retirement", &li.id, pension)
        .await
        .expect("the department");
    let form = json!({ "card_no": li.card });
    let body = json!({ "service": "withdraw-retire", "applicant": person, "form": form, "channel": "APP" });
    let asked = town.doors.post("/cases?wait=15s", &body).await;
    let asked = asked.expect("a door").ok().expect("a case");
    let done = becomes(&town, &asked, "done").await;
    let days = town
        .sql("SELECT (open_date - DATE '2028-07-01')::bigint FROM business_day")
        .await;
    assert!(days >= 2, "{days}");
    let paid =
        fund + of_fund + interest(fund + of_fund, days * 150) + held + interest(held, days * 360);
    assert_eq!(done["amount_fen"], paid);
    assert_eq!(
        town.sql("SELECT -sum(amount_fen)::bigint FROM posting WHERE subject = 201")
            .await,
        stays + of_stays
    );
    town.audited().await;
}

/// Puts 2.10 % from a day on into a draft.
async fn rate_from(officer: &Visitor, draft: &str, from: &str) {
    let row = [
        ("parameter", "interest_subsidy_bp"),
        ("value", "2.10"),
        ("from", from),
        ("mark", "source"),
        ("source", "中心通知"),
    ];
    let answer = officer.post(&format!("{draft}/row"), &row).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
}

/// Goal: the centre changes the rate by two persons from a day to come on, never for days that are counted.
#[tokio::test]
async fn a_subsidys_rate_changes_from_its_day_on_and_never_before() {
    const FUND_AND_SUBSIDY: &str =
        "SELECT max(bp) * 1000::bigint + max(subsidy_bp) FROM interest_rate
        WHERE from_date = (SELECT max(from_date) FROM interest_rate)";
    let town = Town::open().await;
    let office = town.office().await;
    let maker = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let checker = Visitor::second(&town, &office, role::POLICY_OFFICER, 1).await;
    let draft = drafted(&maker, "调整住房补贴账户存款利率").await;
    let today = office.today();
    let tomorrow = today.succ_opt().expect("a day").to_string();
    let step = format!("{draft}/step");
    let propose = [("step", "propose"), ("effective_on", tomorrow.as_str())];
    rate_from(&maker, &draft, &today.to_string()).await;
    simulated(&maker, &draft).await;
    let refused = maker.post(&step, &propose).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("E-POL-11"), "{}", refused.page);

    let draft = drafted(&maker, "明天起调整住房补贴账户存款利率").await;
    rate_from(&maker, &draft, &tomorrow).await;
    simulated(&maker, &draft).await;
    let step = format!("{draft}/step");
    let proposed = maker.post(&step, &propose).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.page);
    let approved = checker.post(&step, &[("step", "approve")]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.page);
    assert_eq!(
        town.sql(FUND_AND_SUBSIDY).await,
        150_150,
        "not before its day"
    );
    days_later(&town, 1).await;
    let maker = maker.again(&town, &office).await;
    says(&maker, &draft, "施行中").await;
    assert_eq!(town.sql(FUND_AND_SUBSIDY).await, 150_210);
    // A server that starts again counts on.
    let town = town.into_process().await;
    assert_eq!(town.sql(FUND_AND_SUBSIDY).await, 150_210);
    town.audited().await;
}
