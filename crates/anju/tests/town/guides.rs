//! 办事指南: whoever does not know what a thing is called finds it by the words he has, without scripts and without logging in.

use crate::town::Town;
use crate::visitor::Visitor;

/// The services that a page lists before the groups, in their order.
fn found(page: &str) -> Vec<String> {
    let list = page
        .split("aria-label=\"按分类找\"")
        .next()
        .unwrap_or_default();
    list.split("href=\"/guides/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn who_has_only_his_own_words_finds_what_he_wants_to_do() {
    let town = Town::open().await;
    let nobody = Visitor::nobody(&town).await;
    let home = nobody.get("/").await.page;
    assert!(
        home.contains("<form method=\"get\" action=\"/guides\" role=\"search\""),
        "{home}"
    );
    for (words, first) in [
        ("租房", "withdraw-rent"),
        ("我要交房租", "withdraw-rent"),
        ("换手机号", "mobile-change"),
        ("离职", "withdraw-leave-job"),
        ("得了大病", "withdraw-hardship"),
        ("老小区装电梯", "withdraw-elevator"),
        ("没有单位 自己缴", "flexible-contributor-open"),
        ("还房贷", "withdraw-repay"),
    ] {
        let page = nobody.get(&format!("/guides?q={words}")).await.page;
        let found = found(&page);
        assert!(
            found.iter().take(2).any(|id| id == first),
            "{words}: {found:?}"
        );
        assert!(found.len() < 30, "{words} means everything: {found:?}");
        assert!(
            page.contains(&format!("value=\"{words}\"")),
            "what was typed stays"
        );
    }
    let bought = found(&nobody.get("/guides?q=买房").await.page);
    assert!(
        bought.iter().any(|id| id == "withdraw-purchase-full"),
        "{bought:?}"
    );
}

#[tokio::test]
async fn a_question_that_finds_nothing_says_what_to_do_and_all_services_stand_in_their_groups() {
    let town = Town::open().await;
    let nobody = Visitor::nobody(&town).await;
    let page = nobody.get("/guides?q=养猫").await.page;
    assert!(
        page.contains("没有找到“养猫”") && page.contains("12329"),
        "{page}"
    );
    assert!(found(&page).is_empty());
    let mut from = 0;
    for group in ["提取", "个人业务", "单位业务", "查询", "咨询投诉"] {
        let at = page[from..].find(&format!("\">{group}</h2>"));
        from += at.unwrap_or_else(|| panic!("no {group} after {from} on {page}"));
    }
    let home = nobody.get("/").await.page;
    let of = |page: &str| page.matches("href=\"/guides/").count();
    assert_eq!(of(&home), of(&page), "the front page lists the same");
}
