//! The outside world as the product's town sees it.

use crate::town::Town;

#[tokio::test]
async fn eight_banks_stand_in_the_town() {
    let town = Town::open().await;
    let banks = town
        .doors
        .control("/banks")
        .await
        .and_then(|answer| answer.ok())
        .expect("banks");
    assert_eq!(banks.as_array().map(Vec::len), Some(8), "{banks}");
}
