//! What a person reads on his own pages before he asks for anything: promises that he gives himself, refusals that say only what is known,
//! and a way in for every service.

use std::collections::BTreeSet;

use anju::cast::{self, Person, contribute, person};
use anju_casework::staff::role;
use axum::http::StatusCode;
use chrono::Datelike;

use crate::town::{Town, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// Somebody with three months and no filed lease.
async fn employee(town: &Town, seed: i64) -> Person {
    let li = person("李梅", seed, 1, 1_000_000).expect("numbers");
    cast::register(&town.doors, &li)
        .await
        .expect("the departments");
    let employer = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        let people = std::slice::from_ref(&li);
        contribute(&town.doors, &employer, month(back), people)
            .await
            .expect("a month");
    }
    li
}

fn field(page: &str, name: &str) -> String {
    page.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no {name} on {page}"))
        .to_owned()
}

#[tokio::test]
async fn who_has_no_lease_filed_gives_the_promise_himself_and_is_told_of_a_wrong_place_at_its_field()
 {
    const RENT: &str = "/my/do/withdraw-rent";
    let town = Town::open().await;
    let office = town.office().await;
    let li = employee(&town, 1410).await;
    let me = Visitor::person(&town, &office, &li).await;
    let page = me.get(RENT).await.page;
    assert!(page.contains("虚假承诺将列入失信名单"), "{page}");
    let tick = page
        .split("<input type=\"checkbox\" id=\"promise\"")
        .nth(1)
        .and_then(|rest| rest.split('>').next())
        .unwrap_or_else(|| panic!("no promise to give on {page}"));
    assert!(!tick.contains("checked"), "nobody promises for her: {tick}");
    let before = page.split("<details").next().expect("a page");
    assert!(before.contains("id=\"promise\""), "it is not folded away");

    let key = field(&page, "key");
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields = vec![("key", key.clone()), ("card_no", li.card.clone())];
        fields.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        fields
    };
    let sent = async |more: &[(&'static str, &'static str)]| {
        let fields = with(more);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        me.post(RENT, &fields).await.page
    };
    let silent = sent(&[]).await;
    assert!(silent.contains("请看清承诺"), "{silent}");
    let promised = sent(&[("promise", "1")]).await;
    assert!(promised.contains("核对是我本人，提取到"), "{promised}");
    let nowhere = sent(&[("promise", "1"), ("district", "999999")]).await;
    assert!(nowhere.contains("没有租住的区县 999999"), "{nowhere}");
    assert!(nowhere.contains("渝北区"), "districts are chosen by name");
    let turned = [
        ("promise", "1"),
        ("first_month", "2026-09"),
        ("last_month", "2026-08"),
    ];
    let turned = sent(&turned).await;
    assert!(turned.contains("截止月份不能早于起始月份"), "{turned}");
    assert!(!turned.contains("均已办理过"), "{turned}");
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'withdraw-rent'")
            .await,
        0
    );

    // Whose lease is filed is asked for no promise.
    let (wang, _) = tenant_of(&town, 1411).await;
    let filed = Visitor::person(&town, &office, &wang).await.get(RENT).await;
    assert!(!filed.page.contains("id=\"promise\""), "{}", filed.page);
}

#[tokio::test]
async fn who_is_still_contributed_for_is_not_led_to_leave_and_no_refusal_says_what_nobody_knows() {
    let town = Town::open().await;
    let office = town.office().await;
    let li = employee(&town, 1412).await;
    let me = Visitor::person(&town, &office, &li).await;
    let home = me.get("/my").await.page;
    assert!(!home.contains("离职提取"), "{home}");
    let why = me.get("/my/do/withdraw-leave-job/why").await.page;
    assert!(
        why.contains("您的账户尚未封存，请先由单位办理封存"),
        "{why}"
    );
    let out = me.get("/my/do/withdraw-move-out/why").await.page;
    for page in [&why, &out] {
        for nonsense in ["于—", "在—", "现在是没有，", "已再就业"] {
            assert!(!page.contains(nonsense), "{nonsense}: {page}");
        }
    }
}

#[tokio::test]
async fn every_service_has_its_guide_and_a_way_in_that_is_there() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 1413).await;
    let me = Visitor::person(&town, &office, &li).await;
    let nobody = Visitor::nobody(&town).await;
    let guides = nobody.get("/guides").await.page;
    let links = |page: &str| -> BTreeSet<String> {
        page.split("href=\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split('"').next()?.to_owned()))
            .collect()
    };
    let listed: Vec<String> = links(&guides)
        .into_iter()
        .filter(|link| link.starts_with("/guides/"))
        .collect();
    let policy = office.policy();
    for service in policy.set.services().filter(|one| !one.channels.is_empty()) {
        let guide = format!("/guides/{}", service.id);
        assert!(listed.contains(&guide), "{guide} is not listed");
        let page = nobody.get(&guide).await;
        assert_eq!(page.status, StatusCode::OK, "{guide}");
        assert!(page.page.contains("在哪里办"), "{guide}: {}", page.page);
        for link in links(&page.page) {
            if link.starts_with("/my/") {
                let led = me.get(&link).await.status;
                assert_ne!(led, StatusCode::NOT_FOUND, "{guide} leads to {link}");
            }
        }
    }
    // What a browser does not offer is named, with where it is done.
    let page = me.get("/my/withdraw").await.page;
    for id in [
        "purchase-full",
        "down-payment",
        "build",
        "elevator",
        "hardship",
    ] {
        let link = format!("/guides/withdraw-{id}");
        assert!(links(&page).contains(&link), "{link}: {page}");
        let led = me.get(&format!("/my/do/withdraw-{id}")).await;
        assert_eq!(led.location, link);
    }
    assert!(
        page.contains("在别处办的") && page.contains("渝快办"),
        "{page}"
    );
}

/// Goal: the page of an account lets in whom every page lets in, and shows this moment. Method: it is opened before and after a withdrawal, with the
/// years that there are and were not, by a clerk, half an hour unused, and after the session was ended elsewhere.
#[tokio::test]
async fn the_page_of_an_account_shows_this_moment_to_its_owner_alone() {
    const PAGE: &str = "/my/account";
    let town = Town::open().await;
    let office = town.office().await;
    let (li, employer_no) = tenant_of(&town, 1440).await;
    let me = Visitor::person(&town, &office, &li).await;
    let before = me.get(PAGE).await;
    assert_eq!(before.status, StatusCode::OK);
    let withdrawn = "class=\"t\">提取<";
    assert!(before.page.contains("汇缴") && !before.page.contains(withdrawn));
    becomes(&town, &submit(&town, &li).await, "done").await;
    let after = me.get(PAGE).await.page;
    assert!(after.contains(withdrawn), "{after}");
    let balance = |page: &str| {
        let hero = page.split("aria-label=\"余额\"").nth(1).expect("a balance");
        hero.split("value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .and_then(|fen| fen.parse::<i64>().ok())
            .expect("fen")
    };
    let paid: i64 = town
        .sql("SELECT balance_fen FROM ledger_account WHERE kind = 1")
        .await;
    assert_eq!(balance(&after), paid);
    assert!(balance(&before.page) > paid);

    // The years that there are, those before, and what is no year.
    let year = town.today().year();
    let earlier = me.get(&format!("{PAGE}?year={}", year - 5)).await;
    assert_eq!(earlier.status, StatusCode::OK);
    assert!(earlier.page.contains("还没有进出") && balance(&earlier.page) == paid);
    for (query, status) in [
        ("year=1", StatusCode::NOT_FOUND),
        ("year=9999999", StatusCode::NOT_FOUND),
        ("year=x", StatusCode::BAD_REQUEST),
    ] {
        let answer = me.get(&format!("{PAGE}?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }

    // Nobody else, and not for longer than any page.
    let to_log_in = async |visitor: &Visitor| {
        let answer = visitor.get(PAGE).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
        assert!(answer.location.starts_with("/login"), "{}", answer.location);
    };
    to_log_in(&Visitor::nobody(&town).await).await;
    to_log_in(&Visitor::clerk(&town, &office, &employer_no, 1440).await).await;
    let elsewhere = Visitor::person(&town, &office, &li).await;
    me.post("/logout", &[]).await;
    to_log_in(&me).await;
    assert_eq!(elsewhere.get(PAGE).await.status, StatusCode::OK);
    town.later(31);
    to_log_in(&elsewhere).await;
}

#[tokio::test]
async fn a_message_says_when_its_money_came_however_late_it_is_read() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 1418).await;
    let case = submit(&town, &li).await;
    assert_eq!(case["state"], "done", "{case}");
    let me = Visitor::person(&town, &office, &li).await;
    let told = async || {
        let page = me.get("/my/messages").await.page;
        page.split("【公积金】您的")
            .nth(1)
            .and_then(|rest| rest.split("办件").next())
            .unwrap_or_else(|| panic!("no message on {page}"))
            .to_owned()
    };
    let first = told().await;
    assert!(first.contains("元已到尾号"), "{first}");
    town.later(7);
    assert_eq!(told().await, first);
}

#[tokio::test]
async fn nobody_is_offered_an_end_of_his_account_because_nothing_speaks_against_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let li = employee(&town, 1419).await;
    let me = Visitor::person(&town, &office, &li).await;
    let home = me.get("/my").await.page;
    for closing in ["完全丧失劳动能力提取", "退休提取"] {
        assert!(!home.contains(closing), "{closing}: {home}");
    }
    let page = me.get("/my/withdraw").await.page;
    let at = |words: &str| {
        page.find(words)
            .unwrap_or_else(|| panic!("no {words} on {page}"))
    };
    let closing = at("遇到这些事才办的");
    assert!(at("可能可以的") < closing && closing < at("完全丧失劳动能力提取"));
}

#[tokio::test]
async fn of_several_questions_one_wants_an_answer_and_the_page_says_so() {
    const FULL: &str = "/desk/do/withdraw-purchase-full";
    let town = Town::open().await;
    let office = town.office().await;
    let li = employee(&town, 1420).await;
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let stands = [
        ("id_no", li.id.as_str()),
        ("name", li.name.as_str()),
        ("reason", "business"),
    ];
    teller.post("/desk/identify", &stands).await;
    let key = field(&teller.get(FULL).await.page, "key");
    let sent = [
        ("key", key.as_str()),
        ("recheck", "1"),
        ("card_no", "6217003760012345678"),
    ];
    let answer = teller.post(FULL, &sent).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer
            .page
            .contains("请填写购房合同备案号或不动产权证号，至少一项。"),
        "{}",
        answer.page
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'withdraw-purchase-full'")
            .await,
        0
    );
}
