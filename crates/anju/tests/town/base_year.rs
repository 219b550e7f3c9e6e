//! 年度基数调整: an employer declares the bases of a year in one file, sees what they cost, pays what July lacks; who declares nothing is
//! brought to the limits after the window.

use anju::cast::{
    self, Person, balance, contribute, number, pay, register_month, send_roster, state_of, text,
};
use anju::start::office;
use anju_business::contribution::base_year;
use anju_domain::calendar::Month;
use anju_domain::clock::{Clock, shanghai_date};
use chrono::NaiveDate;
use reqwest::StatusCode;
use uuid::Uuid;

use crate::town::{Town, account_no, known};
use crate::visitor::{Answer, Visitor};

/// In June 2025 the lower limit is still that of 2024 (2,100.00); from July it is 2,330.00.
const JUNE: NaiveDate = NaiveDate::from_ymd_opt(2025, 6, 20).expect("a date");

async fn june() -> Town {
    Town::open_at(JUNE.and_hms_opt(2, 0, 0).expect("a time").and_utc()).await
}

/// Moves the clock to the morning of a day, and waits until the outside has seen it.
async fn on(town: &Town, year: i32, month: u32, day: u32) {
    let date = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let days = (date - shanghai_date(office::clock(&town.config.home).now())).num_days();
    town.later(days * 24 * 60);
    while town
        .doors
        .control("/clock")
        .await
        .expect("the outside")
        .body["today"]
        != date.to_string()
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn july() -> Month {
    Month::of(JUNE).plus(1)
}

/// An employer whose people have paid May and June.
async fn paid_to_june(town: &Town, seed: i64, people: &[(&str, i64)]) -> (String, Vec<Person>) {
    let people = known(town, seed, people).await;
    let employer = cast::open_employer(&town.doors, seed, Month::of(JUNE).plus(-1))
        .await
        .expect("an employer");
    for back in [1, 0] {
        contribute(&town.doors, &employer, Month::of(JUNE).plus(-back), &people)
            .await
            .expect("a month");
    }
    (employer, people)
}

async fn declare(clerk: &Visitor, month: Month, people: &[Person]) -> Answer {
    let (month, key) = (month.to_string(), Uuid::now_v7().to_string());
    let file = cast::roster(people).expect("a file");
    clerk
        .upload("/unit/base", &[("month", &month), ("key", &key)], &file)
        .await
}

fn with_base(who: &Person, base_fen: i64) -> Person {
    Person {
        base_fen,
        ..who.clone()
    }
}

/// Declares, looks at the preview and applies it; the page of the preview.
async fn declared(clerk: &Visitor, month: Month, people: &[Person]) -> String {
    let sent = declare(clerk, month, people).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let preview = clerk.get(&sent.location).await.page;
    let roster = sent
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();
    let key = Uuid::now_v7().to_string();
    let applied = clerk
        .post("/unit/base/apply", &[("roster", &roster), ("key", &key)])
        .await;
    assert!(
        applied
            .location
            .starts_with("/unit/people?done=base-adjust"),
        "{}",
        applied.page
    );
    preview
}

#[tokio::test]
async fn the_bases_of_a_year_come_in_one_file_with_everybody_and_are_seen_before_they_count() {
    let town = june().await;
    let (employer, people) = paid_to_june(
        &town,
        401,
        &[("李梅", 1_000_000), ("王强", 800_000), ("周宁", 210_000)],
    )
    .await;
    on(&town, 2025, 7, 20).await;
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &employer, 401).await;

    let page = clerk.get("/unit/base").await.page;
    assert!(
        page.contains("3 名在缴职工，还没有报") && page.contains("2,330.00"),
        "{page}"
    );
    let sheet = clerk.get("/unit/base/sheet.xlsx").await;
    assert_eq!(sheet.status, StatusCode::OK);
    let stuck = send_roster(&town.doors, &employer, july(), &people)
        .await
        .expect("a door");
    assert_eq!(
        stuck.code(),
        "E-BASE-01",
        "July's list waits for the base that is too low"
    );

    let short = declare(&clerk, july(), &people[..2]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        short.page.contains("仍有1名正常缴存职工未确认基数"),
        "{}",
        short.page
    );
    let low = declare(&clerk, july(), &people).await;
    assert!(low.page.contains("缴存基数低于下限2,330.00元"), "E-BASE-01");

    let new: Vec<Person> = people
        .iter()
        .zip([1_100_000, 800_000, 233_000])
        .map(|(who, base)| with_base(who, base))
        .collect();
    let preview = declared(&clerk, july(), &new).await;
    // 12 % each side, to the yuan: 1,320, 960 and 280 (279.60).
    assert!(
        preview.contains("2 人调高，0 人调低，1 人不变"),
        "{preview}"
    );
    assert!(
        preview.contains("5,120.00") && preview.contains("+240.00") && preview.contains("+56.00"),
        "{preview}"
    );
    assert!(!preview.contains("要补差额"), "July is not listed yet");
    assert!(
        clerk
            .get("/unit/base")
            .await
            .page
            .contains("都有了本年度的基数")
    );
    let list = send_roster(&town.doors, &employer, july(), &new)
        .await
        .expect("a door")
        .ok()
        .expect("no fault");
    assert_eq!(number(&list, "total_fen").expect("fen"), 512_000);

    let again = declare(&clerk, july(), &[with_base(&new[0], 1_200_000)]).await;
    assert!(
        again.page.contains("本年度已调整"),
        "E-BASE-03: once a year"
    );
    assert_eq!(
        declare(&clerk, july(), &new[..1]).await.status,
        StatusCode::SEE_OTHER,
        "what is confirmed may be confirmed again"
    );
}

#[tokio::test]
async fn what_july_lacks_at_the_new_base_is_a_back_payment_of_its_own() {
    let town = june().await;
    let (employer, people) =
        paid_to_june(&town, 402, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    on(&town, 2025, 7, 20).await;
    contribute(&town.doors, &employer, july(), &people)
        .await
        .expect("July at the old bases");
    let before = [
        balance(&town.doors, &people[0]).await.unwrap(),
        balance(&town.doors, &people[1]).await.unwrap(),
    ];
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &employer, 402).await;
    let new = [
        with_base(&people[0], 1_100_000),
        with_base(&people[1], 700_000),
    ];
    let preview = declared(&clerk, july().plus(1), &new).await;
    assert!(
        preview.contains("要补差额") && preview.contains("240.00"),
        "{preview}"
    );

    let arrivals = clerk.get("/unit/arrivals").await.page;
    let list = arrivals
        .split("/unit/arrivals/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("the newest list");
    let owed = town
        .doors
        .get(&format!("/remittances/{list}"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(
        (owed["amount_fen"].as_i64(), owed["state"].as_str()),
        (Some(24_000), Some("awaiting")),
        "who falls gets nothing back by it"
    );
    pay(&town.doors, &owed, 24_000).await.expect("paid");
    assert_eq!(
        state_of(&town.doors, list, |state| state == "allocated")
            .await
            .unwrap(),
        "allocated"
    );
    assert_eq!(
        balance(&town.doors, &people[0]).await.unwrap(),
        before[0] + 24_000,
        "the difference, once"
    );
    assert_eq!(balance(&town.doors, &people[1]).await.unwrap(), before[1]);
    let august = register_month(&town.doors, &employer, july().plus(1), &new)
        .await
        .expect("August at the new bases");
    assert_eq!(
        number(&august, "amount_fen").unwrap(),
        2 * (132_000 + 84_000)
    );
}

#[tokio::test]
async fn who_declares_nothing_is_brought_to_the_limits_after_the_window_and_told() {
    let town = june().await;
    let (employer, people) =
        paid_to_june(&town, 403, &[("李梅", 1_000_000), ("周宁", 210_000)]).await;
    let (_, other) = paid_to_june(&town, 404, &[("何川", 900_000)]).await;
    on(&town, 2025, 8, 31).await;
    let office = town.office().await;
    assert_eq!(
        base_year::adjust_to_limits(&office).await.expect("a look"),
        0,
        "the window is still open"
    );
    on(&town, 2025, 9, 1).await;
    let clerk = Visitor::clerk(&town, &office, &employer, 403).await;
    let late = declare(&clerk, july(), &people).await;
    assert!(late.page.contains("不在基数调整受理期内"), "E-BASE-03");

    // The server looks once a day by itself; whoever is first does it.
    let phone = cast::firm("", 403).expect("a firm").clerk_phone;
    base_year::adjust_to_limits(&office).await.expect("a look");
    let told = async || {
        let messages = town
            .doors
            .control(&format!("/phones/{phone}/messages"))
            .await
            .expect("a phone");
        messages
            .body
            .to_string()
            .contains("已按新的上下限自动调整1人")
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !told().await {
        assert!(
            std::time::Instant::now() < deadline,
            "W-BASE-08 reaches the clerk"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        base_year::adjust_to_limits(&office).await.expect("again"),
        0,
        "once"
    );
    let new = [people[0].clone(), with_base(&people[1], 233_000)];
    let list = send_roster(&town.doors, &employer, july(), &new)
        .await
        .expect("a door")
        .ok()
        .expect("no fault");
    assert_eq!(
        number(&list, "total_fen").unwrap(),
        240_000 + 56_000,
        "only who was below the limit"
    );
    assert_eq!(
        text(
            &cast::account(&town.doors, &other[0]).await.unwrap(),
            "state"
        )
        .unwrap(),
        "active"
    );
    account_no(&town, &other[0]).await;
}

#[tokio::test]
async fn the_new_year_waits_for_june() {
    let town = june().await;
    let people = known(&town, 405, &[("李梅", 1_000_000)]).await;
    let employer = cast::open_employer(&town.doors, 405, Month::of(JUNE).plus(-1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, Month::of(JUNE).plus(-1), &people)
        .await
        .expect("May");
    on(&town, 2025, 7, 20).await;
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &employer, 405).await;
    let early = declare(&clerk, Month::of(JUNE), &[with_base(&people[0], 1_100_000)]).await;
    assert!(early.page.contains("应先缴存2025年6月"), "{}", early.page);
}

/// A page as it is read: without its marks.
fn said(page: &str) -> String {
    page.split('<')
        .filter_map(|piece| Some(piece.split_once('>')?.1))
        .collect()
}

#[tokio::test]
async fn what_a_corrected_base_makes_the_employer_owe_is_seen_before_and_open_until_it_is_paid() {
    let instant = "2026-12-10T02:00:00Z".parse().expect("an instant");
    let town = Town::open_at(instant).await;
    let office = town.office().await;
    let of = |text: &str| Month::parse(text).expect("a month");
    let people = crate::town::known(&town, 407, &[("李梅", 300_000)]).await;
    let firm = cast::open_employer(&town.doors, 407, of("2026-07"))
        .await
        .expect("an employer");
    for month in ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"] {
        cast::contribute(&town.doors, &firm, of(month), &people)
            .await
            .expect("a month");
    }
    let clerk = Visitor::clerk(&town, &office, &firm, 407).await;
    let account = crate::town::account_no(&town, &people[0]).await;
    let path = format!("/unit/people/{account}");
    let key = Uuid::now_v7().to_string();
    let form = [
        ("do", "base-adjust"),
        ("key", key.as_str()),
        ("base", "5000"),
        ("why", "录错"),
    ];
    const LISTS: &str = "SELECT count(*) FROM remittance WHERE kind = 2";
    let seen = clerk.post(&path, &form).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.page);
    for words in [
        "2026年7月至11月",
        "2,400.00",
        "2027年2月8日 24:00",
        "还没有办",
    ] {
        assert!(said(&seen.page).contains(words), "{words}: {}", seen.page);
    }
    assert_eq!(town.sql(LISTS).await, 0, "nothing is done unseen");

    let agreed: Vec<(&str, &str)> = form.into_iter().chain([("seen", "240000")]).collect();
    let sent = clerk.post(&path, &agreed).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let again = clerk.post(&path, &agreed).await;
    assert_eq!(again.location, sent.location, "a double tap is one");
    assert_eq!(town.sql(LISTS).await, 1);
    // The case of the change says what was, what is, and what that comes to a month; to the reviewer of the branch too.
    let changed = "SELECT case_id FROM business_case WHERE service = 'base-adjust'";
    let changed = anju_casework::case::number(&office, town.sql(changed).await);
    let reviewer = crate::relief::reviewer(&town, &office, &firm).await;
    for page in [
        clerk.get(&format!("/unit/cases/{changed}")).await.page,
        reviewer.get(&format!("/desk/cases/{changed}")).await.page,
    ] {
        let row = "李*3,000.005,000.00720.001,200.00+480.00";
        assert!(said(&page).contains(row), "{page}");
    }
    let (_, list) = sent.location.split_once("owed=").expect("a list");
    let to_pay = format!("/unit/pay?list={list}");
    for page in [sent.location.as_str(), "/unit", "/unit/notices"] {
        let page = clerk.get(page).await.page;
        assert!(
            page.contains(&to_pay)
                && said(&page).contains("补缴（2026年7月至11月）")
                && page.contains("2,400.00"),
            "{page}"
        );
    }
    let id = office
        .numbers
        .decode(anju_vault::NumberKind::Remittance, list)
        .expect("a number");
    let case = format!("/unit/cases/{}", anju_casework::case::number(&office, id));
    let case = clerk.get(&case).await.page;
    assert!(
        case.contains(&to_pay) && case.contains("2,400.00") && !case.contains("null"),
        "{case}"
    );
    let pay = clerk.get("/unit/pay").await.page;
    for page in [&pay, &case] {
        assert!(
            said(page).contains("2027年2月8日 24:00") && !page.contains("23:59"),
            "one instant, written one way: {page}"
        );
    }
    assert!(pay.contains("2,400.00"), "{pay}");
    let lines = clerk.get(&format!("/unit/arrivals/{list}")).await.page;
    assert!(
        lines.contains("2026年7月") && lines.contains("2026年11月"),
        "which month each line is for: {lines}"
    );

    // Money of a payer whom nobody knows is given to the employer, whose only open list it is for.
    let payment = serde_json::json!({ "from": "6500999000777", "to": "6500004001", "amount_fen": 240_000, "reference": "货款", "payer": "某公司" });
    let paid = town
        .doors
        .control_post("/banks/B4/payments", &payment)
        .await;
    paid.expect("the bank").ok().expect("paid");
    const NOBODYS: &str = "SELECT coalesce(max(receipt_id), 0) FROM receipt WHERE state = 1";
    for _ in 0..200 {
        if town.sql(NOBODYS).await > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let maker = Visitor::staff(&town, &office, "accountant", 1).await;
    let checker = Visitor::staff(&town, &office, "chief_accountant", 1).await;
    let claim = format!("/desk/suspense/{}/claim", town.sql(NOBODYS).await);
    let whose = [
        ("to", firm.as_str()),
        ("employer", ""),
        ("reason", "单位来电确认"),
    ];
    let made = maker.post(&claim, &whose).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    const CLAIM: &str = "SELECT min(match_id) FROM suspense_match WHERE state = 1";
    let check = format!("/desk/suspense/{}/check", town.sql(CLAIM).await);
    let agree = [("agree", "yes"), ("answer", "同意")];
    let done = checker.post(&check, &agree).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        cast::balance(&town.doors, &people[0]).await.expect("fen"),
        5 * 120_000,
        "five months at 5,000"
    );
    assert!(!clerk.get("/unit").await.page.contains(&to_pay));
    town.audited().await;
}
