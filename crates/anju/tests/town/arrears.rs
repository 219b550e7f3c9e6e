//! What an employer owes: due dates, months that are not covered, the list by branch, clues that the night opens once, and money in suspense.

use anju::cast::{self, Person, contribute, firm, number, register_month, text};
use anju::start::office;
use anju_business::contribution::arrears::night;
use anju_casework::staff::role;
use anju_domain::calendar::Month;
use anju_engine::Engine;
use anju_exchange::kept::GatewayInsurance;
use chrono::{DateTime, NaiveDate, Utc};
use reqwest::StatusCode;
use serde_json::json;

use crate::interest_year::days_later;
use crate::town::{Town, known};
use crate::visitor::Visitor;

/// Two in the afternoon of a day in Chongqing.
pub fn afternoon(day: &str) -> DateTime<Utc> {
    let day: NaiveDate = day.parse().expect("a date");
    day.and_hms_opt(6, 0, 0).expect("a time").and_utc()
}

pub fn month(text: &str) -> Month {
    Month::parse(text).expect("a month")
}

/// An employer with a payday, whose regulator knows when it was founded.
pub async fn employer_with(
    town: &Town,
    seed: i64,
    first: &str,
    payday: i64,
    founded: &str,
) -> String {
    let firm = firm(&format!("重庆欠缴试验有限公司{seed}"), seed).expect("a firm");
    let registration = json!({
        "name": firm.name, "kind": "company", "state": "open", "founded": founded, "region": "500103",
        "address": "重庆市渝中区", "legal_person": { "name": "陈立" },
    });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registration,
    )
    .await
    .expect("the register");
    let opening = json!({
        "name": firm.name, "uscc": firm.uscc, "kind": "私企", "ratio_employer_bp": 1200, "ratio_employee_bp": 1200,
        "legal_representative": "陈立", "first_month": first, "payday": payday,
        "clerk": { "name": "陈芳", "phone": firm.clerk_phone },
    });
    let opened = town
        .doors
        .post("/employers", &opening)
        .await
        .expect("a door")
        .ok()
        .expect("opened");
    text(&opened, "employer_no").expect("a number")
}

/// Does tonight's work, or waits for the server that is at it.
pub async fn tonight(engine: &Engine) {
    let insurance = GatewayInsurance(engine.gateway.clone());
    night::run(&engine.office, &insurance)
        .await
        .expect("a night");
    let last = night::last(&engine.office)
        .await
        .expect("read")
        .expect("a night");
    assert_eq!(last.day, engine.office.today());
    assert!(last.ended_at.is_some());
}

pub async fn engine(town: &Town) -> Engine {
    office::engine(&town.config, town.office().await).expect("an engine")
}

/// What a phone was told, as one text.
pub async fn told(town: &Town, phone: &str) -> String {
    let messages = town
        .doors
        .control(&format!("/phones/{phone}/messages"))
        .await
        .expect("the outside");
    messages.body.to_string()
}

/// Waits until a phone was told something.
pub async fn is_told(town: &Town, phone: &str, words: &str) {
    for _ in 0..200 {
        if told(town, phone).await.contains(words) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{words} did not come: {}", told(town, phone).await);
}

async fn two(town: &Town, seed: i64) -> Vec<Person> {
    known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await
}

/// Goal: payday 31 in February is the 28th, five days later is 5 March; the month is owed from the 6th on, by every person of it, until its
/// list is paid, and the list shows it by branch with its months and people.
#[tokio::test]
async fn a_month_is_owed_from_the_day_after_it_was_due_until_it_is_paid() {
    let town = Town::open_at(afternoon("2027-03-05")).await;
    let employer = employer_with(&town, 801, "2027-01", 31, "2027-01-02").await;
    let people = two(&town, 801).await;
    contribute(&town.doors, &employer, month("2027-01"), &people)
        .await
        .expect("a month");
    let engine = engine(&town).await;
    let office = &engine.office;
    // The night of the opening was reckoned before anybody was here; the due day itself is no arrears.
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears").await,
        0,
        "5 March is the last day"
    );

    days_later(&town, 1).await;
    tonight(&engine).await;
    assert_eq!(town.sql("SELECT owed_fen FROM arrears").await, 432_000);
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears WHERE oldest_due = '2027-03-05'")
            .await,
        1
    );
    let head = office.centre.head_branch;
    let collector = Visitor::staff(&town, office, role::COLLECTOR, head).await;
    let list = collector.get("/desk/arrears").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(
        list.page.contains("欠缴试验")
            && list.page.contains("4,320.00")
            && list.page.contains("过期 1 天"),
        "{}",
        list.page
    );
    let elsewhere = Visitor::second(&town, office, role::COLLECTOR, head + 1).await;
    let other = elsewhere.get("/desk/arrears").await.page;
    assert!(!other.contains("欠缴试验"), "another branch's");
    let one = collector
        .get(&format!("/desk/arrears/{employer}"))
        .await
        .page;
    assert!(
        one.contains("2027年2月") && one.contains("李*") && one.contains("2,400.00"),
        "{one}"
    );
    assert!(!one.contains("李梅"), "names are masked");
    assert_eq!(
        elsewhere
            .get(&format!("/desk/arrears/{employer}"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    // Registered and not paid is owed still; paid is not, at once.
    let list = register_month(&town.doors, &employer, month("2027-02"), &people)
        .await
        .expect("a list");
    assert_eq!(town.sql("SELECT count(*) FROM arrears").await, 1);
    cast::pay(&town.doors, &list, 432_000).await.expect("paid");
    let id = text(&list, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears").await,
        0,
        "who has paid owes nothing"
    );
    town.audited().await;
}

/// A night that was reckoned before anything had happened is reckoned again.
pub async fn sqlx_forget_nights(town: &Town) {
    use sqlx::Connection;
    let mut owner = sqlx::PgConnection::connect(&town.database.url)
        .await
        .expect("the owner");
    sqlx::query("DELETE FROM arrears_run")
        .execute(&mut owner)
        .await
        .expect("forgotten");
}

/// Goal: due on a Saturday counts to Monday; thirty days later without a list it is a clue, and with a living list it is none; more people
/// insured than contribute, and a late registration, are clues too; whoever runs the night again opens none twice.
#[tokio::test]
async fn the_night_opens_a_clue_once_for_each_thing() {
    let town = Town::open_at(afternoon("2027-01-20")).await;
    // 10 March + 5 days is a Monday; 1 March + 5 is Saturday 6 March, so Monday the 8th.
    let late = employer_with(&town, 811, "2027-01", 1, "2026-03-01").await;
    let fine = employer_with(&town, 812, "2027-01", 10, "2027-01-02").await;
    days_later(&town, 59).await;
    let people = two(&town, 811).await;
    let others = known(&town, 812, &[("赵敏", 600_000), ("孙立", 500_000)]).await;
    contribute(&town.doors, &late, month("2027-01"), &people)
        .await
        .expect("a month");
    contribute(&town.doors, &late, month("2027-02"), &people)
        .await
        .expect("a month");
    contribute(&town.doors, &fine, month("2027-01"), &others)
        .await
        .expect("a month");
    let insured = json!({ "months_paid": 24, "last_month": "2027-02", "people": 9 });
    let firm = firm("", 812).expect("a firm");
    cast::fact(
        &town.doors,
        "D05",
        "hrss.social_insurance",
        &firm.uscc,
        insured,
    )
    .await
    .expect("D05");
    let taxed = json!({ "state": "abnormal", "authority": "渝中区税务局" });
    cast::fact(&town.doors, "D07", "tax.registration", &firm.uscc, taxed)
        .await
        .expect("D07");
    let engine = engine(&town).await;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    let collector = Visitor::staff(
        &town,
        &engine.office,
        role::COLLECTOR,
        engine.office.centre.head_branch,
    )
    .await;
    let list = collector.get("/desk/arrears").await.page;
    assert!(
        list.contains("非正常户"),
        "P05, the tax bureau's word beside what is owed: {list}"
    );
    let of = async |source: i64, employer: i64| {
        let rows = engine_clues(&town).await;
        rows.iter()
            .filter(|row| **row == (source, employer))
            .count()
    };
    let (first, second) = (id_of(&engine, &late), id_of(&engine, &fine));
    assert_eq!(of(4, first).await, 1, "registered a year after founding");
    assert_eq!(of(4, second).await, 0, "registered in time");
    assert_eq!(of(3, second).await, 1, "nine insured, two contribute");
    assert_eq!(
        town.sql("SELECT gap::bigint FROM enforcement WHERE source = 3")
            .await,
        7
    );
    // February of the second was due on 15 February: 33 days ago and no list.
    assert_eq!(of(1, second).await, 1);
    assert_eq!(
        of(1, first).await,
        0,
        "March of the first is not due for thirty days"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears WHERE employer_id > 0")
            .await,
        1 + 1
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears WHERE oldest_due = '2027-03-08'")
            .await,
        1,
        "a Saturday counts to Monday"
    );
    let before = town.sql("SELECT count(*) FROM enforcement").await;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM enforcement").await,
        before,
        "nothing twice"
    );

    // A list that lives: no clue of arrears a month later, though it is owed.
    register_month(&town.doors, &late, month("2027-03"), &people)
        .await
        .expect("a list");
    days_later(&town, 30).await;
    tonight(&engine).await;
    assert_eq!(of(1, first).await, 0, "its list waits for its money");
}

fn id_of(engine: &Engine, employer: &str) -> i64 {
    engine
        .office
        .numbers
        .decode(anju_vault::NumberKind::Employer, employer)
        .expect("a number")
}

async fn engine_clues(town: &Town) -> Vec<(i64, i64)> {
    use sqlx::Connection;
    let mut owner = sqlx::PgConnection::connect(&town.database.url)
        .await
        .expect("the owner");
    sqlx::query_as("SELECT source::bigint, employer_id FROM enforcement ORDER BY 1, 2")
        .fetch_all(&mut owner)
        .await
        .expect("clues")
}

/// Goal: the clerk hears at once what is missing or over, is reminded of what lies unused for a month, once in as many days, and each sum has
/// somebody who follows it.
#[tokio::test]
async fn money_that_is_short_or_over_is_told_and_what_lies_unused_is_chased() {
    let town = Town::open_at(afternoon("2027-03-05")).await;
    let employer = employer_with(&town, 821, "2027-01", 10, "2027-01-02").await;
    let people = two(&town, 821).await;
    let phone = firm("", 821).expect("a firm").clerk_phone;
    let list = register_month(&town.doors, &employer, month("2027-01"), &people)
        .await
        .expect("a list");
    let id = text(&list, "remittance_id").expect("a number");
    assert_eq!(number(&list, "amount_fen").expect("fen"), 432_000);
    cast::pay(&town.doors, &list, 400_000).await.expect("paid");
    is_told(&town, &phone, "尚差320.00元").await;
    cast::pay(&town.doors, &list, 50_000).await.expect("paid");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    is_told(&town, &phone, "多缴180.00元").await;

    let engine = engine(&town).await;
    let office = &engine.office;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    assert_eq!(
        town.sql("SELECT amount_fen FROM suspense_chase WHERE kind = 2")
            .await,
        18_000
    );
    assert!(!told(&town, &phone).await.contains("挂账"));
    days_later(&town, 30).await;
    tonight(&engine).await;
    is_told(&town, &phone, "暂存款 180.00 元已挂账 30 天").await;
    days_later(&town, 1).await;
    tonight(&engine).await;
    assert_eq!(
        town.sql("SELECT reminders::bigint FROM suspense_chase WHERE kind = 2")
            .await,
        1,
        "once a month"
    );

    let accountant = Visitor::staff(&town, office, role::ACCOUNTANT, 1).await;
    let page = accountant.get("/desk/suspense/old").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.page.contains("欠缴试验")
            && page.page.contains("180.00")
            && page.page.contains("没有人跟"),
        "{}",
        page.page
    );
    let form = [("kind", "2"), ("number", employer.as_str())];
    let owned = accountant.post("/desk/suspense/old", &form).await;
    assert_eq!(owned.status, StatusCode::SEE_OTHER, "{}", owned.page);
    let page = accountant.get("/desk/suspense/old").await.page;
    assert!(page.contains("岗*") && !page.contains("没有人跟"), "{page}");
    // Used by the next list: nothing is chased any more.
    let next = register_month(&town.doors, &employer, month("2027-02"), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &next, 432_000 - 18_000)
        .await
        .expect("paid");
    let id = text(&next, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    assert_eq!(town.sql("SELECT count(*) FROM suspense_chase").await, 0);
}
