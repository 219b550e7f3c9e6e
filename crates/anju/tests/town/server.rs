//! The server of a town that nobody lives in yet.

use anju::start::{demo, office};
use reqwest::StatusCode;

use crate::town::Town;

#[tokio::test]
async fn a_new_centre_is_ready_and_its_books_are_empty_and_balance() {
    let town = Town::open().await;
    let (status, text) = town.doors.plain("/readyz").await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{text}");

    let books = town
        .doors
        .get("/books/trial-balance")
        .await
        .and_then(|answer| answer.ok());
    let books = books.expect("the trial balance");
    let subjects = books["subjects"].as_array().expect("subjects");
    assert!(subjects.len() > 20, "{books}");
    for subject in subjects {
        assert_eq!(subject["closing_fen"], 0, "{subject}");
    }
}

#[tokio::test]
async fn a_door_without_its_key_stays_shut() {
    let town = Town::open().await;
    let (status, _) = town
        .doors
        .plain("/open/v1/services")
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_day_is_closed_when_it_has_come_and_not_before() {
    let town = Town::open().await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    let closed = demo::close_day(&engine).await.expect("today is closed");
    assert_eq!(closed, engine.office.today());
    let refused = demo::close_day(&engine).await.expect_err("tomorrow is not");
    assert!(refused.to_string().starts_with("E-CLOSE-04"), "{refused}");
}
