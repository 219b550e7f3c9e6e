//! An employer logs in by its electronic business licence: who scanned acts for that employer alone, as long as the licence's word holds.

use anju::cast::{self, Person, open_employer};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, known, month};
use crate::visitor::{Answer, Scan, Visitor, scan};

/// The words of `E-AUTH-01` and `E-AUTH-02`.
const NOT_GOOD: &str = "电子营业执照验证未通过或已失效";
const NOT_AUTHORISED: &str = "单位还没有在公积金中心授权您经办";

/// An employer with an account, whose licence is held by its legal representative 陈立 and by 李梅, whom he has authorised in the app.
async fn licensed(town: &Town, seed: i64) -> (String, String, Vec<Person>) {
    let people = known(town, seed, &[("陈立", 1_000_000), ("李梅", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(1))
        .await
        .expect("an employer");
    let uscc = cast::firm("", seed).expect("a firm").uscc;
    issue(town, &uscc, json!({ "holders": holders(&people) })).await;
    (employer, uscc, people)
}

fn holders(people: &[Person]) -> Value {
    json!([
        { "name": people[0].name, "id_no": people[0].id, "phone": people[0].phone, "role": "LEGAL_REP" },
        { "name": people[1].name, "id_no": people[1].id, "phone": people[1].phone, "role": "AUTHORISED", "powers": ["hpf"] },
    ])
}

async fn issue(town: &Town, uscc: &str, licence: Value) {
    town.doors
        .control_put(&format!("/licences/{uscc}"), &licence)
        .await
        .expect("the regulator")
        .ok()
        .expect("a licence");
}

async fn turned_away(town: &Town, scan: &Scan) -> Answer {
    match Visitor::of_scan(town, scan).await {
        Ok(_) => panic!("let in"),
        Err(answer) => answer,
    }
}

fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The last code that a phone received.
async fn code_on(town: &Town, phone: &str) -> String {
    for _ in 0..100 {
        let answer = town
            .doors
            .control(&format!("/phones/{phone}/messages"))
            .await;
        let messages = answer.expect("a phone").body.to_string();
        if let Some((_, rest)) = messages.rsplit_once("验证码 ") {
            return rest.chars().take(6).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no code came to {phone}");
}

#[tokio::test]
async fn the_legal_representative_logs_in_by_scanning_and_authorises_a_clerk_who_then_scans_too() {
    let town = Town::open().await;
    let (employer, uscc, people) = licensed(&town, 301).await;
    let before = turned_away(&town, &scan(&town, &uscc, "1").await).await;
    assert_eq!(before.status, StatusCode::FORBIDDEN);
    assert!(before.page.contains(NOT_AUTHORISED), "{}", before.page);

    let chen = Visitor::holder(&town, &uscc, "0").await;
    let page = chen.get("/unit/employer").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.page.contains(&employer), "its own number");
    let key = key();
    let form = [
        ("do", "authorise"),
        ("key", key.as_str()),
        ("clerk_name", people[1].name.as_str()),
        ("id_no", people[1].id.as_str()),
        ("phone", people[1].phone.as_str()),
    ];
    let answer = chen.post("/unit/employer/clerks", &form).await;
    assert_eq!(
        answer.location, "/unit/employer?done=authorised",
        "{}",
        answer.page
    );

    let li = Visitor::holder(&town, &uscc, "1").await;
    assert_eq!(li.get("/unit").await.status, StatusCode::OK);
    let office = town.office().await;
    let uscc = anju_domain::uscc::Uscc::parse(&uscc).expect("a code");
    let firm = anju_casework::employer::by_uscc(&office, &uscc)
        .await
        .expect("read")
        .expect("an employer");
    let clerks = anju_casework::employer::clerks(&office, firm.employer_id)
        .await
        .expect("clerks");
    let li_row = clerks
        .iter()
        .find(|clerk| clerk.name == "李梅")
        .expect("a clerk");
    let chosen = li_row.clerk_id.to_string();
    let end = [("do", "end"), ("key", &key[..]), ("clerk", chosen.as_str())];
    let again = chen.post("/unit/employer/clerks", &end).await;
    assert_ne!(
        again.location, "/unit/employer?done=ended",
        "a key is used once"
    );
    let key = self::key();
    let end = [
        ("do", "end"),
        ("key", key.as_str()),
        ("clerk", chosen.as_str()),
    ];
    let ended = chen.post("/unit/employer/clerks", &end).await;
    assert_eq!(
        ended.location, "/unit/employer?done=ended",
        "{}",
        ended.page
    );
    assert_eq!(
        li.get("/unit").await.status,
        StatusCode::SEE_OTHER,
        "his session ended with the mandate"
    );
    turned_away(&town, &scan(&town, uscc.as_str(), "1").await).await;
}

#[tokio::test]
async fn a_code_is_good_once_for_the_browser_that_asked_for_it() {
    let town = Town::open().await;
    let (_, uscc, _) = licensed(&town, 302).await;
    let first = scan(&town, &uscc, "0").await;
    Visitor::of_scan(&town, &first)
        .await
        .unwrap_or_else(|_| panic!("let in"));
    let twice = turned_away(&town, &first).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twice.page.contains(NOT_GOOD), "{}", twice.page);

    // Somebody else's way back in this browser: the state is not its own, and the verifier neither.
    let (mine, theirs) = (scan(&town, &uscc, "0").await, scan(&town, &uscc, "0").await);
    let crossed = Scan {
        cookie: mine.cookie.clone(),
        way_back: theirs.way_back.clone(),
    };
    assert!(turned_away(&town, &crossed).await.page.contains(NOT_GOOD));
    // Nor does the code of another with the own state: the challenge is another.
    let code = |scan: &Scan| {
        let query = scan.way_back.split('?').nth(1).expect("a query").to_owned();
        query
            .split('&')
            .find(|pair| pair.starts_with("code="))
            .expect("a code")
            .to_owned()
    };
    let stolen = Scan {
        cookie: mine.cookie.clone(),
        way_back: mine.way_back.replace(&code(&mine), &code(&theirs)),
    };
    assert!(turned_away(&town, &stolen).await.page.contains(NOT_GOOD));

    let refused = scan(&town, &uscc, "refuse").await;
    assert!(turned_away(&town, &refused).await.page.contains(NOT_GOOD));
    let late = scan(&town, &uscc, "0").await;
    let clock = async || {
        let answer = town.doors.control("/clock").await.expect("a clock");
        let now = answer.body["now"].as_str().expect("an instant").to_owned();
        chrono::DateTime::parse_from_rfc3339(&now).expect("an instant")
    };
    let before = clock().await;
    town.later(2);
    // The regulator's clock follows a moment later.
    while clock().await < before + chrono::TimeDelta::seconds(90) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(turned_away(&town, &late).await.page.contains(NOT_GOOD));
}

#[tokio::test]
async fn a_revoked_licence_lets_nobody_in_and_ends_who_is_in() {
    let town = Town::open().await;
    let (_, uscc, _) = licensed(&town, 303).await;
    let chen = Visitor::holder(&town, &uscc, "0").await;
    let scanned = scan(&town, &uscc, "0").await;
    assert_eq!(chen.get("/unit").await.status, StatusCode::OK);
    issue(&town, &uscc, json!({ "revoked": true })).await;
    assert!(turned_away(&town, &scanned).await.page.contains(NOT_GOOD));
    for _ in 0..100 {
        if chen.get("/unit").await.status != StatusCode::OK {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let out = chen.get("/unit").await;
    assert!(out.location.starts_with("/login/unit"), "{}", out.location);
    let again = scan(&town, &uscc, "0").await;
    assert!(turned_away(&town, &again).await.page.contains(NOT_GOOD));
}

#[tokio::test]
async fn a_session_ends_with_the_licences_word_and_opens_no_other_employer() {
    let town = Town::open().await;
    let (_, uscc, people) = licensed(&town, 304).await;
    let (other, other_uscc, _) = licensed(&town, 305).await;
    let mut short = holders(&people);
    short[0]["minutes"] = 5.into();
    issue(&town, &uscc, json!({ "holders": short })).await;
    let chen = Visitor::holder(&town, &uscc, "0").await;
    let own = chen.get("/unit/employer").await.page;
    assert!(own.contains(&uscc) && !own.contains(&other) && !own.contains(&other_uscc));

    // A clerk of the other employer cannot be ended from here, whatever the form says.
    let office = town.office().await;
    let code = anju_domain::uscc::Uscc::parse(&other_uscc).expect("a code");
    let firm = anju_casework::employer::by_uscc(&office, &code)
        .await
        .expect("read")
        .expect("an employer");
    let clerks = anju_casework::employer::clerks(&office, firm.employer_id)
        .await
        .expect("clerks");
    let (key, chosen) = (key(), clerks[0].clerk_id.to_string());
    let end = [
        ("do", "end"),
        ("key", key.as_str()),
        ("clerk", chosen.as_str()),
    ];
    let answer = chen.post("/unit/employer/clerks", &end).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        town.sql("SELECT count(*) FROM clerk WHERE ended_at IS NOT NULL")
            .await,
        0
    );
    town.later(6);
    assert_eq!(chen.get("/unit").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_clerk_without_a_licence_confirms_a_mandate_with_a_code_for_that_very_act() {
    let town = Town::open().await;
    let (employer, _, people) = licensed(&town, 306).await;
    let office = town.office().await;
    let fang = Visitor::clerk(&town, &office, &employer, 306).await;
    let phone = cast::firm("", 306).expect("a firm").clerk_phone;
    let key = key();
    let mut form = vec![
        ("do", "authorise"),
        ("key", key.as_str()),
        ("clerk_name", people[1].name.as_str()),
        ("id_no", people[1].id.as_str()),
        ("phone", people[1].phone.as_str()),
    ];
    let step = fang.post("/unit/employer/clerks", &form).await;
    assert_eq!(step.status, StatusCode::OK, "{}", step.location);
    assert!(step.page.contains("短信验证码"), "{}", step.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM clerk").await,
        1,
        "nothing yet"
    );
    let code = code_on(&town, &phone).await;

    // The same code for another phone is a code for another act.
    let other = [
        form[0],
        form[1],
        form[2],
        form[3],
        ("phone", "13811112222"),
        ("code", code.as_str()),
    ];
    let wrong = fang.post("/unit/employer/clerks", &other).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(town.sql("SELECT count(*) FROM clerk").await, 1);

    form.push(("code", code.as_str()));
    let done = fang.post("/unit/employer/clerks", &form).await;
    assert_eq!(
        done.location, "/unit/employer?done=authorised",
        "{}",
        done.page
    );
    assert_eq!(town.sql("SELECT count(*) FROM clerk").await, 2);
}

#[tokio::test]
async fn a_silent_regulator_is_said_and_the_code_by_phone_still_opens() {
    let town = Town::open().await;
    let (employer, uscc, _) = licensed(&town, 307).await;
    let scanned = scan(&town, &uscc, "0").await;
    town.doors
        .control_put("/sources/D06", &json!({ "mode": "down" }))
        .await
        .expect("the regulator");
    let answer = turned_away(&town, &scanned).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.page.contains("短信验证码"), "{}", answer.page);
    let browser = Visitor::nobody(&town).await;
    let phone = cast::firm("", 307).expect("a firm").clerk_phone;
    let form = [
        ("employer", employer.as_str()),
        ("phone", phone.as_str()),
        ("back", "/unit"),
    ];
    let page = browser.post("/login/unit", &form).await.page;
    let challenge = page
        .split("name=\"challenge\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a challenge")
        .to_owned();
    let code = code_on(&town, &phone).await;
    let form = [
        ("code", code.as_str()),
        ("challenge", challenge.as_str()),
        ("back", "/unit"),
    ];
    let inside = browser.post("/login/unit/code", &form).await;
    assert_eq!(inside.location, "/unit", "{}", inside.page);
}

#[tokio::test]
async fn the_data_of_an_employer_change_on_its_page_when_the_registry_confirms() {
    let town = Town::open().await;
    let (_, uscc, _) = licensed(&town, 308).await;
    let chen = Visitor::holder(&town, &uscc, "0").await;
    let key = key();
    let name = "重庆新名实业有限公司";
    let form = [("key", key.as_str()), ("name", name), ("payday", "15")];
    let refused = chen.post("/unit/employer", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("与填写的不一致"), "{}", refused.page);
    let registered = json!({ "name": name, "state": "open", "legal_person": { "name": "陈立" } });
    cast::fact(&town.doors, "D06", "market.registration", &uscc, registered)
        .await
        .expect("the registry");
    let changed = chen.post("/unit/employer", &form).await;
    assert_eq!(
        changed.location, "/unit/employer?done=changed",
        "{}",
        changed.page
    );
    let page = chen.get("/unit/employer").await.page;
    assert!(page.contains(name) && page.contains("每月 15 日"), "{page}");
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'employer-info-maintain' AND state = 6").await,
        1
    );
}
