//! Who tries passwords, codes or keys gets nowhere: limits, lockouts, codes that are good once.

use anju::start::demo;
use anju_casework::{Error, session, staff};
use anju_domain::phone::Phone;
use anju_vault::totp;
use reqwest::{Client, StatusCode, header};
use serde_json::Value;

use crate::town::Town;

/// The code of a refusal.
fn refused<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(_) => "let in".to_owned(),
        Err(Error::Refused(refusal)) => refusal.code.to_string(),
        Err(Error::Failed(fault)) => panic!("{fault}"),
    }
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_desk_for_a_quarter_of_an_hour() {
    let town = Town::open().await;
    let office = town.office().await;
    let seed = [5; 20];
    staff::add(&office, "9100", "岗位员", 1, &["teller"], "对的口令", &seed)
        .await
        .expect("staff");
    let code = || totp::code(&seed, office.now().timestamp()).expect("a code");
    for _ in 0..5 {
        let wrong = staff::check(&office, "9100", "错的口令", &code()).await;
        assert_eq!(refused(wrong), "E-LOGIN-03");
    }
    let right = staff::check(&office, "9100", "对的口令", &code()).await;
    assert_eq!(
        refused(right),
        "E-LOGIN-04",
        "locked also for the right one"
    );
    town.later(16);
    let code = code();
    let right = staff::check(&office, "9100", "对的口令", &code).await;
    assert_eq!(refused(right), "let in");
    // A second factor is good once.
    let again = staff::check(&office, "9100", "对的口令", &code).await;
    assert_eq!(refused(again), "E-LOGIN-03");
}

#[tokio::test]
async fn a_login_code_is_good_once_for_five_minutes_and_five_tries() {
    let town = Town::open().await;
    let office = town.office().await;
    let phone = Phone::parse("13900000001").expect("a phone");
    let take = async |code: &str| refused(session::take_code(&office, &phone, "login", code).await);

    let code = session::make_code(&office, &phone, "login")
        .await
        .expect("a code");
    assert_eq!(take(&code).await, "let in");
    assert_eq!(take(&code).await, "E-LOGIN-02", "used");

    let code = session::make_code(&office, &phone, "login")
        .await
        .expect("a code");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(take(wrong).await, "E-LOGIN-02");
    }
    assert_eq!(take(&code).await, "E-LOGIN-02", "tried out");

    let code = session::make_code(&office, &phone, "login")
        .await
        .expect("a code");
    let later = |minutes| town.later(minutes);
    later(6);
    assert_eq!(take(&code).await, "E-LOGIN-02", "too old");

    // Five in ten minutes, then one has to wait.
    later(20);
    for _ in 0..5 {
        session::make_code(&office, &phone, "login")
            .await
            .expect("a code");
    }
    let sixth = session::make_code(&office, &phone, "login").await;
    assert_eq!(refused(sixth), "E-LOGIN-05");
}

#[tokio::test]
async fn who_tries_keys_at_the_doors_has_to_wait_and_the_right_key_has_not() {
    let town = Town::open().await;
    let client = Client::new();
    let address = format!("http://{}/open/v1/services", town.config.listen);
    let mut statuses = Vec::new();
    for place in 0..25 {
        let answer = client
            .get(&address)
            .bearer_auth(format!("wrong-{place}"))
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
            let problem: Value = answer.json().await.expect("a problem document");
            assert_eq!(problem["code"], "E-API-07");
        }
        statuses.push(status);
    }
    assert_eq!(statuses[0], StatusCode::UNAUTHORIZED);
    assert_eq!(statuses[24], StatusCode::TOO_MANY_REQUESTS);
    let right = town.doors.get("/services").await.expect("a door");
    assert!(right.status.is_success());
}

#[tokio::test]
async fn what_the_framework_refuses_is_a_problem_document_too() {
    let town = Town::open().await;
    let key = std::fs::read_to_string(town.config.home.join("demo-key")).expect("the demo key");
    let client = Client::new();
    let address = |path: &str| format!("http://{}/open/v1{path}", town.config.listen);
    for (request, status, code) in [
        (
            client.get(address("/books/trial-balance?date=")),
            400,
            "E-API-05",
        ),
        (
            client.get(address("/services/%FF/precheck")),
            400,
            "E-API-05",
        ),
        (client.delete(address("/services")), 405, "E-API-08"),
    ] {
        let answer = request
            .bearer_auth(key.trim())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(answer.headers().contains_key(header::ALLOW), status == 405);
        let problem: Value = answer.json().await.expect("a problem document");
        assert_eq!(problem["code"], code);
    }
}

/// A session ends by itself: half an hour unused, or ten hours in all for staff.
#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let town = Town::open().await;
    let office = town.office().await;
    demo::put_staff(&town.config, &office).await.expect("staff");
    let one = staff::by_number(&office, "1001")
        .await
        .expect("read")
        .expect("staff");
    let token = session::begin(
        &office,
        session::audience::STAFF,
        one.staff_id,
        None,
        "L3",
        "test",
    )
    .await
    .expect("a session");
    let later = |minutes| town.later(minutes);
    let lives = async || {
        session::find(&office, &token)
            .await
            .expect("read")
            .is_some()
    };
    assert!(lives().await);
    // Used every twenty minutes it lives on, but not longer than ten hours.
    for _ in 0..29 {
        later(20);
        assert!(lives().await);
    }
    later(20);
    assert!(!lives().await, "ten hours are over");

    let token = session::begin(
        &office,
        session::audience::STAFF,
        one.staff_id,
        None,
        "L3",
        "test",
    )
    .await
    .expect("a session");
    later(31);
    assert!(
        session::find(&office, &token)
            .await
            .expect("read")
            .is_none(),
        "half an hour unused"
    );
}
