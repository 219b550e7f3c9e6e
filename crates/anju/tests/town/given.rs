//! 对外提供: what the centre gives to others, on what basis, and who sees it.

use std::time::Duration;

use anju::cast::{self, Person, text};
use anju_casework::staff::role;
use serde_json::{Value, json};

use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;

/// A department asks the centre: `{status, reply, believed}`.
async fn ask(town: &Town, source: &str, question: Value) -> Value {
    let asked = town
        .doors
        .control_post(&format!("/sources/{source}/ask"), &question)
        .await;
    asked.expect("the outside").ok().expect("asked")
}

async fn ask_about(town: &Town, source: &str, who: &Person) -> Value {
    let question = json!({ "subject": who.id, "item": "异地贷款核验", "case_no": "YD-1" });
    ask(town, source, question).await
}

const GIVEN: &str = "SELECT count(*) FROM access_log WHERE source IS NOT NULL";

/// Goal: without the person's word nothing leaves; with it the fields of the schema and no more; he sees each time who was told what and
/// why; and his taking it back ends it.
#[tokio::test]
async fn a_department_is_told_what_the_person_allows_and_nothing_else_and_he_sees_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 2301).await;
    let person = Visitor::person(&town, &office, &li).await;

    let refused = ask_about(&town, "D14", &li).await;
    assert_eq!(refused["status"], 403, "{refused}");
    assert_eq!(refused["reply"]["data"], Value::Null, "{refused}");
    assert_eq!(refused["believed"], true, "{refused}");
    // Of somebody whom we do not know not even that is told.
    let stranger = cast::person("王强", 2399, 1, 500_000).expect("numbers");
    assert_eq!(ask_about(&town, "D14", &stranger).await["status"], 403);
    assert_eq!(town.sql(GIVEN).await, 0);

    let page = person.get("/my/consents").await.page;
    assert!(
        page.contains("市大数据发展局") && page.contains("连续缴存月数、缴存基数、账户状态"),
        "{page}"
    );
    let allow = [("allow", "D14/hpf.contribution")];
    for _ in 0..2 {
        person.post("/my/consents", &allow).await;
    }
    let consents = "SELECT count(*) FROM consent WHERE given_to = 'D14'";
    assert_eq!(town.sql(consents).await, 1, "said twice it is one consent");

    let told = ask_about(&town, "D14", &li).await;
    assert_eq!(
        (&told["status"], &told["believed"]),
        (&json!(200), &json!(true)),
        "{told}"
    );
    assert_eq!(
        told["reply"]["data"],
        json!({ "zjhm": li.id, "months": 3, "base_fen": 1_000_000, "state": "active" }),
    );
    assert_eq!(
        ask_about(&town, "D17", &li).await["status"],
        403,
        "the word was for another"
    );

    let seen = person.get("/my/me/access").await.page;
    for words in ["市大数据发展局", "异地贷款核验", "本人授权", "缴存情况"] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    let admin = Visitor::staff(
        &town,
        &office,
        role::SYSTEM_ADMIN,
        office.centre.head_branch,
    )
    .await;
    let desk = admin.get("/desk/sources/D14").await.page;
    for words in [
        "24 小时问过我们",
        "已给出",
        "没有依据，没有给",
        "异地贷款核验",
    ] {
        assert!(desk.contains(words), "{words}: {desk}");
    }
    assert!(!desk.contains(&li.id), "nobody is named");

    let page = person.get("/my/consents").await.page;
    let consent = page
        .split("name=\"consent\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a consent");
    person.post("/my/consents", &[("consent", consent)]).await;
    assert_eq!(ask_about(&town, "D14", &li).await["status"], 403);
    assert_eq!(town.sql(GIVEN).await, 1);

    // Given again, it ends by itself.
    person.post("/my/consents", &allow).await;
    assert_eq!(ask_about(&town, "D14", &li).await["status"], 200);
    town.later(366 * 24 * 60);
    town.doors
        .outside_reaches(town.today())
        .await
        .expect("a year later");
    assert_eq!(ask_about(&town, "D14", &li).await["status"], 403);
}

#[tokio::test]
async fn whose_duty_it_is_asks_without_a_consent_and_the_person_sees_the_article() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 2302).await;
    let told = ask_about(&town, "D15", &li).await;
    assert_eq!(told["status"], 200, "{told}");
    assert_eq!(told["reply"]["data"]["months"], 3);
    let stranger = cast::person("王强", 2398, 1, 500_000).expect("numbers");
    let none = ask_about(&town, "D15", &stranger).await;
    assert_eq!(
        (&none["status"], &none["reply"]["data"], &none["believed"]),
        (&json!(404), &json!({ "zjhm": stranger.id }), &json!(true)),
    );
    let person = Visitor::person(&town, &office, &li).await;
    let seen = person.get("/my/me/access").await.page;
    assert!(
        seen.contains("住房公积金管理条例第七条") && seen.contains("异地贷款核验"),
        "{seen}"
    );
    // A duty is nobody's to allow.
    let allowed = person
        .post("/my/consents", &[("allow", "D15/hpf.contribution")])
        .await;
    assert_eq!(allowed.status, reqwest::StatusCode::NOT_FOUND);
}

/// Goal: whatever is wrong with a question, it is refused with its code and nothing leaves or is noted.
#[tokio::test]
async fn a_question_that_is_not_its_askers_is_not_answered() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 2303).await;
    for (spoilt, status) in [
        ("shared", 401),
        ("body", 401),
        ("time", 401),
        ("purpose", 400),
    ] {
        let answer = ask(&town, "D15", json!({ "subject": li.id, "spoilt": spoilt })).await;
        assert_eq!(answer["status"], status, "{spoilt}: {answer}");
        assert_eq!(answer["reply"]["code"], status, "{spoilt}: {answer}");
        assert_eq!(answer["reply"]["data"], Value::Null, "{spoilt}: {answer}");
        assert_eq!(answer["believed"], true, "{spoilt}: {answer}");
    }
    for (source, question, status) in [
        ("D15", json!({ "subject": "50010" }), 400),
        (
            "D15",
            json!({ "subject": li.id, "interface": "hpf.balance" }),
            403,
        ),
        // Whom the catalogue does not name is nobody.
        ("D01", json!({ "subject": li.id }), 401),
    ] {
        let answer = ask(&town, source, question).await;
        assert_eq!(answer["status"], status, "{answer}");
    }
    assert_eq!(town.sql("SELECT count(*) FROM given_answer").await, 0);
    let twice = ask(&town, "D15", json!({ "subject": li.id, "spoilt": "nonce" })).await;
    assert_eq!(twice["status"], 409, "{twice}");
    assert_eq!(
        town.sql(GIVEN).await,
        1,
        "the first was answered, its copy was not"
    );
}

/// Goal: a person can see in the outside world what a department is told.
#[tokio::test]
async fn the_page_of_the_outside_world_asks_and_shows_the_answer() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 2304).await;
    let answer = reqwest::Client::new()
        .post(format!("{}/ask", town.config.outside_url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("source=D15&subject={}&item=", li.id))
        .send()
        .await
        .expect("the outside");
    let page = answer.text().await.expect("a page");
    assert!(
        page.contains("连续缴存 3 个月，缴存基数 10,000.00 元") && page.contains("签名已核对"),
        "{page}"
    );
}

/// What the index of certificates holds, once it has taken so many changes.
async fn indexed(town: &Town, code: &str, changes: i64) -> Value {
    let mut held = Value::Null;
    for _ in 0..400 {
        let asked = town.doors.control(&format!("/certificates/{code}")).await;
        held = asked.expect("the outside").ok().expect("a certificate");
        if held["changes"] == changes {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the index has not taken {changes}: {held}");
}

/// A certificate of contribution: its code and its digest.
async fn certificate(town: &Town, who: &Person) -> (String, String) {
    let person = cast::look_up(&town.doors, who).await.expect("known");
    let body = json!({
        "service": "certificate-contribution-elsewhere", "applicant": person, "channel": "HALL", "form": { "purpose": "other" },
    });
    let done = town.doors.post("/cases", &body).await.expect("a door");
    let case = text(&done.ok().expect("issued"), "case_id").expect("a case");
    let shown = town.doors.get(&format!("/cases/{case}")).await;
    let shown = shown.expect("a door").ok().expect("a case");
    let of = |field: &str| text(&shown["document"], field).expect("a paper");
    (of("code"), of("digest"))
}

async fn mode(town: &Town, source: &str, mode: &str) {
    let path = format!("/sources/{source}");
    let put = town
        .doors
        .control_put(&path, &json!({ "mode": mode }))
        .await;
    put.expect("the outside").ok().expect("a mood");
}

const WAITING: &str = "SELECT count(*) FROM outbox WHERE kind = 71";

/// Goal: whoever is shown a certificate can ask the city's index, which knows each from its issue to its end and knows nobody's number.
#[tokio::test]
async fn the_index_of_certificates_is_told_of_each_once_when_it_is_issued_replaced_and_revoked() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 2305).await;
    let (first, digest) = certificate(&town, &li).await;
    let held = indexed(&town, &first, 1).await;
    assert_eq!(
        (&held["zzlx"], &held["zzzt"]),
        (&json!("GJJ01"), &json!("1")),
        "{held}"
    );
    assert!(
        digest.ends_with(held["nrzy"].as_str().expect("a digest")),
        "{digest} {held}"
    );
    let holder = held["czrzy"].as_str().expect("the holder");
    assert!(
        holder.len() == 64 && !held.to_string().contains(&li.id),
        "{held}"
    );
    assert!(held["yxqz"].is_string() && held["zxrq"].is_null(), "{held}");

    // A new one takes its place.
    let (second, _) = certificate(&town, &li).await;
    assert_eq!(indexed(&town, &first, 2).await["zzzt"], "3");
    assert_eq!(indexed(&town, &second, 1).await["czrzy"], holder);

    // The index is down while the paper is revoked: it is told when it is back, and the desk sees that it waits.
    mode(&town, "D14", "down").await;
    let person = Visitor::person(&town, &office, &li).await;
    person
        .post("/my/papers/revoke", &[("paper", &second)])
        .await;
    assert_eq!(town.sql(WAITING).await, 1);
    let admin = Visitor::staff(
        &town,
        &office,
        role::SYSTEM_ADMIN,
        office.centre.head_branch,
    )
    .await;
    let desk = admin.get("/desk/sources/D14").await.page;
    assert!(
        desk.contains("电子证照索引") && desk.contains("还有 1 件没有送到"),
        "{desk}"
    );
    mode(&town, "D14", "ok").await;
    let held = indexed(&town, &second, 2).await;
    assert_eq!(held["zzzt"], "2", "{held}");
    assert!(held["zxrq"].is_string(), "{held}");
    assert_eq!(
        indexed(&town, &first, 2).await["zzzt"],
        "3",
        "nothing is told twice"
    );
    for _ in 0..200 {
        if town.sql(WAITING).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        town.sql("SELECT count(*) FROM outbox_done WHERE kind = 71")
            .await,
        4
    );
}

/// Goal: an answer about another certificate is none.
#[tokio::test]
async fn an_index_that_answers_about_another_certificate_is_told_again() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 2306).await;
    mode(&town, "D14", "wrong_person").await;
    let (code, _) = certificate(&town, &li).await;
    indexed(&town, &code, 1).await;
    assert_eq!(town.sql(WAITING).await, 1, "its answer was about another");
    mode(&town, "D14", "ok").await;
    for _ in 0..400 {
        if town.sql(WAITING).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(town.sql(WAITING).await, 0);
    assert_eq!(
        indexed(&town, &code, 1).await["zzzt"],
        "1",
        "told twice, it counts once"
    );
}
