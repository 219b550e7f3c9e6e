//! A session that has ended while somebody was typing: after the log-in what he typed stands in its form again, for him alone, and nothing of
//! it has been sent.

use anju::cast::{Person, contribute, open_employer};
use anju_casework::staff::role;
use axum::http::StatusCode;

use crate::town::{Town, known, month};
use crate::visitor::{Answer, Visitor};

/// Longer than a session rests.
const TOO_LONG: i64 = 31;
const REPORT: &str = "/my/report";
const STORY: &str = "三月入职，至今没有缴存 <工资条>";

/// The same story as it stands in a page.
const STORY_DRAWN: &str = "三月入职，至今没有缴存 &#60;工资条&#62;";

/// Two who contribute.
async fn two(town: &Town, seed: i64) -> Vec<Person> {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = open_employer(&town.doors, seed, month(1)).await;
    contribute(&town.doors, &firm.expect("an employer"), month(1), &people)
        .await
        .expect("a month");
    people
}

/// What the browser carries on.
fn carried(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.page);
    answer.cookie("anju_unsent=").expect("a name of what waits")
}

/// A person logs in with the code on his phone, as the page leads him; where he comes out.
async fn logs_in(town: &Town, browser: &Visitor, who: &Person, back: &str) -> Answer {
    let fields = [("id_no", who.id.as_str()), ("back", back)];
    let page = browser.post("/login", &fields).await.page;
    let hidden = |name: &str| {
        let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let value = rest.and_then(|rest| rest.split('"').next());
        value
            .unwrap_or_else(|| panic!("no {name} on {page}"))
            .to_owned()
    };
    let messages = format!("/phones/{}/messages", who.phone);
    for _ in 0..400 {
        let told = town.doors.control(&messages).await.expect("the phone");
        let told = told.ok().expect("its messages").to_string();
        if let Some(code) = told.rsplit("验证码 ").next().and_then(|rest| rest.get(..6))
            && code.bytes().all(|digit| digit.is_ascii_digit())
        {
            let challenge = hidden("challenge");
            let form = [
                ("code", code),
                ("challenge", challenge.as_str()),
                ("back", back),
            ];
            return browser.post("/login/code", &form).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no code on the phone")
}

#[tokio::test]
async fn what_a_person_typed_is_there_again_after_the_log_in_and_was_not_sent() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = two(&town, 1810).await;
    let (li, wang) = (&people[0], &people[1]);
    let me = Visitor::person(&town, &office, li).await;
    let typed = [("key", "old"), ("from", "2026-03"), ("text", STORY)];

    town.later(TOO_LONG);
    let answer = me.post(REPORT, &typed).await;
    let kept = carried(&answer).to_owned();
    for words in [
        "为了安全已退出",
        "登录后会回到这一步，填的内容还在",
        "/login?back=/my/report",
    ] {
        assert!(answer.page.contains(words), "{words}: {}", answer.page);
    }
    assert!(
        !answer.page.contains("工资条"),
        "it is on no page before the log-in"
    );

    // Somebody else at the same browser gets nothing of it.
    let other = Visitor::person(&town, &office, wang).await.carrying(&kept);
    assert!(!other.get(REPORT).await.page.contains("工资条"));

    let inside = logs_in(&town, &me, li, REPORT).await;
    assert_eq!(inside.location, REPORT, "the way goes on: {}", inside.page);
    let me = me.go_on(&town, &inside).await.carrying(&kept);
    let drawn = me.get(REPORT).await;
    assert_eq!(drawn.status, StatusCode::OK);
    for part in [STORY_DRAWN, "value=\"2026-03\"", "填的内容还在，还没有提交"] {
        assert!(drawn.page.contains(part), "{part}: {}", drawn.page);
    }
    assert!(
        !drawn.page.contains("value=\"old\""),
        "the form has a key of its own"
    );
    assert_eq!(drawn.cookie("anju_unsent="), Some("anju_unsent="));
    let reported = "SELECT count(*) FROM business_case WHERE service = 'ask-complaint'";
    assert_eq!(town.sql(reported).await, 0, "nothing was sent for him");
    // Once: the next visit finds an empty form.
    assert!(!me.get(REPORT).await.page.contains("工资条"));
}

#[tokio::test]
async fn what_a_teller_typed_for_a_customer_waits_for_that_customer() {
    const CARD: &str = "/desk/do/personal-card-change";
    let town = Town::open().await;
    let office = town.office().await;
    let people = two(&town, 1811).await;
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let identifies = async |teller: &Visitor, who: &Person| {
        let stands = [
            ("id_no", who.id.as_str()),
            ("name", who.name.as_str()),
            ("reason", "business"),
        ];
        teller.post("/desk/identify", &stands).await;
    };
    identifies(&teller, &people[0]).await;
    let page = teller.get(CARD).await.page;
    assert!(page.contains("name=\"card_no\""), "{page}");

    town.later(TOO_LONG);
    let answer = teller.post(CARD, &[("card_no", "6217000000001234")]).await;
    let kept = carried(&answer).to_owned();
    for words in ["请再核对一次来办的人", "/login/staff?back=/desk/identify"] {
        assert!(answer.page.contains(words), "{words}: {}", answer.page);
    }
    let again = teller.again(&town, &office).await.carrying(&kept);
    identifies(&again, &people[1]).await;
    let of_another = again.get(CARD).await.page;
    assert!(!of_another.contains("6217000000001234"), "{of_another}");
    identifies(&again, &people[0]).await;
    let page = again.get(CARD).await.page;
    assert!(page.contains("value=\"6217000000001234\""), "{page}");
}

#[tokio::test]
async fn a_clerk_is_told_to_choose_the_file_again() {
    let town = Town::open().await;
    let office = town.office().await;
    let firm = open_employer(&town.doors, 1812, month(1)).await;
    let clerk = Visitor::clerk(&town, &office, &firm.expect("an employer"), 1812).await;
    town.later(TOO_LONG);
    let fields = [("month", "2026-11"), ("key", "old"), ("mode", "changes")];
    let answer = clerk.upload("/unit/roster", &fields, b"a list").await;
    carried(&answer);
    assert!(
        answer.page.contains("选的文件不会留下，请重新选一次"),
        "{}",
        answer.page
    );
    // Who never was logged in is asked to log in, and nothing is kept for nobody.
    let nobody = Visitor::nobody(&town).await;
    let answer = nobody.post(REPORT, &[("text", STORY)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.cookie("anju_unsent=").is_none());
}
