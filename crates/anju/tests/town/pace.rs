//! 秒级到账 as a public figure: from real withdrawals of closed days, the slow ones too.

use anju::start::{demo, office};
use axum::http::StatusCode;

use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes, submit};

#[tokio::test]
async fn the_share_credited_within_seconds_is_published_with_its_legs() {
    let town = Town::open().await;
    let (quick, _) = tenant_of(&town, 811).await;
    let (slow, _) = tenant_of(&town, 812).await;
    becomes(&town, &submit(&town, &quick).await, "done").await;
    // A bank that leaves its answer open for five minutes: the money comes, but not in seconds.
    bank_mode(&town, "unknown").await;
    let waiting = submit(&town, &slow).await;
    assert_eq!(waiting["state"], "executing");
    town.later(5);
    bank_mode(&town, "ok").await;
    becomes(&town, &waiting, "done").await;

    let reader = Visitor::nobody(&town).await;
    let before = reader.get("/speed").await;
    assert_eq!(before.status, StatusCode::OK);
    assert!(
        before.page.contains("这些天还没有提取到账"),
        "only closed days count"
    );

    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    demo::close_day(&engine).await.expect("the day is closed");
    let speed = reader.get("/speed").await.page;
    for words in [
        "租房提取",
        "50%",
        "2 笔里的 1 笔，10 秒内到卡",
        "决定到银行",
    ] {
        assert!(speed.contains(words), "{words} is missing: {speed}");
    }
    let home = reader.get("/").await.page;
    assert!(home.contains("提取到账 2 笔，50%在 10 秒内到账"), "{home}");
}
