//! 补正材料: a record that a source does not have is stood in for by a paper; a teller reads it, a second one where much hangs on it, a reviewer
//! decides; what the source says later is held against it.

use anju::cast::{balance, bank_balance, text};
use anju_casework::staff::role;
use anju_casework::{case_paper, employer};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::engine;
use crate::hardship::{ask, poor};
use crate::relief::{approve, case_of};
use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// The smallest picture that is one.
const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

struct Desk {
    town: Town,
    office: anju_casework::Office,
    li: anju::cast::Person,
    branch: i16,
    teller: Visitor,
    person: Visitor,
}

async fn desk(seed: i64) -> Desk {
    let town = Town::open().await;
    let (li, employer_no) = tenant_of(&town, seed).await;
    let office = town.office().await;
    let id = office.numbers.decode(NumberKind::Employer, &employer_no);
    let branch = employer::require(&office, id.expect("a number"))
        .await
        .expect("an employer")
        .branch_id;
    let teller = Visitor::staff(&town, &office, role::TELLER, branch).await;
    let person = Visitor::person(&town, &office, &li).await;
    Desk {
        town,
        office,
        li,
        branch,
        teller,
        person,
    }
}

fn number(case: &Value) -> String {
    text(case, "case_id").expect("a number")
}

async fn only_paper(desk: &Desk, case: &Value) -> case_paper::CasePaper {
    let id = desk.office.numbers.decode(NumberKind::Case, &number(case));
    let all = case_paper::of_case(&desk.office, id.expect("a number"))
        .await
        .expect("read");
    all.into_iter().last().expect("a paper")
}

const READ: [(&str, &str); 3] = [("verdict", "read"), ("0.covered", "1"), ("0.kind", "urban")];

#[tokio::test]
async fn a_paper_becomes_a_fact_and_a_reviewer_decides_by_both() {
    let desk = desk(2_411).await;
    let form = json!({ "kind": "min-living", "relation": "self", "amount_fen": 300_000 });
    let case = ask(&desk.town, &desk.li, form).await;
    let no = number(&case);
    assert_eq!(case["state"], "gathering", "{case}");
    assert_eq!(case["decision"]["papers"][0]["name"], "低保证");
    let here = format!("/my/cases/{no}");
    let page = desk.person.get(&here).await.page;
    assert!(
        page.contains("待补充材料") && page.contains("补材料"),
        "{page}"
    );

    // What is no picture is not taken; a picture is, sealed.
    let to = format!("/my/cases/{no}/papers");
    let send = |bytes: &'static [u8]| desk.person.hand_in(&to, "LOW-01", bytes);
    let refused = send(b"MZ is no picture").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("只收 JPEG"), "{}", refused.page);
    assert_eq!(send(PICTURE).await.status, StatusCode::SEE_OTHER);
    let paper = only_paper(&desk, &case).await;
    let kept = desk
        .town
        .sql("SELECT count(*) FROM case_paper WHERE position('\\x89504e47'::bytea in sealed) > 0")
        .await;
    assert_eq!(kept, 0, "the picture is sealed");

    // The teller sees the picture and reads it into the fact's own form.
    let queue = desk.teller.get("/desk/papers").await.page;
    assert!(queue.contains("低保证"), "{queue}");
    let path = format!("/desk/papers/{}", paper.paper_id);
    let page = desk.teller.get(&path).await.page;
    assert!(
        page.contains("享受最低生活保障") && page.contains("保障类别"),
        "{page}"
    );
    assert_eq!(desk.teller.bytes(&format!("{path}/picture")).await, PICTURE);
    let missing = desk.teller.post(&path, &[("verdict", "read")]).await;
    assert_eq!(missing.status, StatusCode::CONFLICT);
    assert_eq!(
        desk.teller.post(&path, &READ).await.status,
        StatusCode::SEE_OTHER
    );

    // 3,000.00 is little: one teller is enough, and the table sends the case to a reviewer.
    let reviewing = becomes(&desk.town, &case, "reviewing").await;
    assert_eq!(
        reviewing["decision"]["review_reasons"],
        json!(["部分信息来自您提交的材料，需人工核对"])
    );
    let reviewer = Visitor::staff(&desk.town, &desk.office, role::REVIEWER, desk.branch).await;
    let page = reviewer.get(&format!("/desk/cases/{no}")).await.page;
    assert!(
        page.contains(&format!("{path}/picture")) && page.contains("享受最低生活保障"),
        "{page}"
    );
    approve(&desk.town, &reviewer, &case).await;
    let done = becomes(&desk.town, &case, "done").await;
    let bank = text(&done["payment"], "bank").expect("a bank");
    assert_eq!(
        bank_balance(&desk.town.doors, &bank, &desk.li.card)
            .await
            .expect("the bank"),
        300_000
    );
    assert_eq!(
        balance(&desk.town.doors, &desk.li)
            .await
            .expect("an account"),
        420_000
    );
    desk.town.audited().await;

    // The register has it otherwise the next day: somebody has to look into it.
    poor(
        &desk.town,
        &desk.li.id,
        json!({ "covered": false, "kind": "urban" }),
    )
    .await;
    desk.town.later(25 * 60);
    let engine = engine(&desk.town).await;
    assert_eq!(engine.verify_papers().await.expect("asked"), 1);
    // A day later everybody has logged in again.
    let reviewer = reviewer.again(&desk.town, &desk.office).await;
    let teller = desk.teller.again(&desk.town, &desk.office).await;
    let person = Visitor::person(&desk.town, &desk.office, &desk.li).await;
    let differing = reviewer.get("/desk/papers?view=differing").await.page;
    assert!(differing.contains("登记和材料不一致"), "{differing}");
    let close = [("verdict", "close"), ("reason", "已核查，转追回")];
    let own = teller.post(&path, &close).await;
    assert_eq!(
        own.status,
        StatusCode::CONFLICT,
        "who accepted it does not look into it"
    );
    let other = reviewer.post(&path, &close).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER, "{}", other.page);
    let differing = reviewer.get("/desk/papers?view=differing").await.page;
    assert!(differing.contains("没有要核查的不一致"), "{differing}");
    // Every look at the paper is known to the person.
    let looks = person.get("/my/me/access").await.page;
    assert!(looks.contains("材料：低保证"), "{looks}");
}

#[tokio::test]
async fn where_much_hangs_on_a_paper_a_second_teller_confirms_it() {
    let desk = desk(2_412).await;
    let form = json!({ "kind": "min-living", "relation": "self", "amount_fen": 6_000_000 });
    let case = ask(&desk.town, &desk.li, form).await;
    let no = number(&case);
    // Handed over at the counter.
    let at_counter = desk
        .teller
        .hand_in(&format!("/desk/cases/{no}/papers"), "LOW-01", PICTURE)
        .await;
    assert_eq!(
        at_counter.status,
        StatusCode::SEE_OTHER,
        "{}",
        at_counter.page
    );
    let paper = only_paper(&desk, &case).await;
    let path = format!("/desk/papers/{}", paper.paper_id);
    assert_eq!(
        desk.teller.post(&path, &READ).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        case_of(&desk.town, &no).await["state"],
        "gathering",
        "one teller is not enough"
    );
    let own = desk.teller.post(&path, &[("verdict", "confirm")]).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    let second = Visitor::second(&desk.town, &desk.office, role::TELLER, desk.branch).await;
    assert_eq!(
        second.post(&path, &[("verdict", "confirm")]).await.status,
        StatusCode::SEE_OTHER
    );
    becomes(&desk.town, &case, "reviewing").await;
}

#[tokio::test]
async fn the_promise_stands_still_while_a_paper_is_waited_for() {
    let desk = desk(2_413).await;
    let form = json!({ "kind": "min-living", "relation": "self" });
    let case = ask(&desk.town, &desk.li, form.clone()).await;
    let id = desk
        .office
        .numbers
        .decode(NumberKind::Case, &number(&case))
        .expect("a number");
    let before = anju_casework::case::require(&desk.office, id)
        .await
        .expect("a case");
    assert!(before.paper_since.is_some() && before.paper_until.is_some());
    // Turned down: the person is told why and may hand in another; the case goes on waiting.
    let sent = desk
        .person
        .hand_in(
            &format!("/my/cases/{}/papers", number(&case)),
            "LOW-01",
            PICTURE,
        )
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let path = format!("/desk/papers/{}", only_paper(&desk, &case).await.paper_id);
    let down = desk
        .teller
        .post(&path, &[("verdict", "turn_down"), ("reason", "看不清印章")])
        .await;
    assert_eq!(down.status, StatusCode::SEE_OTHER, "{}", down.page);
    let page = desk
        .person
        .get(&format!("/my/cases/{}/papers", number(&case)))
        .await
        .page;
    assert!(
        page.contains("看不清印章") && page.contains("没有采用"),
        "{page}"
    );

    // The register has the record after two days, but now UnionPay is silent: the clock runs again, and the promise is two days later.
    let mode = |mode: &'static str| {
        let body = json!({ "mode": mode });
        let doors = &desk.town.doors;
        async move {
            doors
                .control_put("/sources/D18", &body)
                .await
                .expect("a door")
                .ok()
                .expect("taken")
        }
    };
    mode("down").await;
    desk.town.later(2 * 24 * 60);
    poor(
        &desk.town,
        &desk.li.id,
        json!({ "covered": true, "kind": "urban" }),
    )
    .await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(40);
    let after = loop {
        let now = anju_casework::case::require(&desk.office, id)
            .await
            .expect("a case");
        if now.paper_since.is_none() {
            break now;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "it waits for its paper still"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let later = (after.promised_at - before.promised_at).num_minutes();
    assert!((2 * 24 * 60..2 * 24 * 60 + 5).contains(&later), "{later}");

    // The day that a source is waited for begins now: the two days for the paper are no part of it.
    assert_eq!(after.state(), anju_casework::case::CaseState::Gathering);
    assert!((2 * 24 * 3600..2 * 24 * 3600 + 300).contains(&after.paper_waited_s));
    desk.town.later(23 * 60);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let still = anju_casework::case::require(&desk.office, id)
        .await
        .expect("a case");
    assert_eq!(still.state(), anju_casework::case::CaseState::Gathering);
    desk.town.later(2 * 60);
    becomes(&desk.town, &case, "reviewing").await;
}

#[tokio::test]
async fn who_hands_nothing_in_finds_his_case_ended_after_the_last_day() {
    let desk = desk(2_414).await;
    let case = ask(
        &desk.town,
        &desk.li,
        json!({ "kind": "min-living", "relation": "self" }),
    )
    .await;
    assert_eq!(case["state"], "gathering", "{case}");
    desk.town.later(10 * 24 * 60);
    case_paper::lapse(&desk.office, desk.office.today())
        .await
        .expect("looked");
    assert_eq!(
        case_of(&desk.town, &number(&case)).await["state"],
        "gathering",
        "ten working days are more than ten days"
    );
    desk.town.later(15 * 24 * 60);
    case_paper::lapse(&desk.office, desk.office.today())
        .await
        .expect("looked");
    assert_eq!(
        case_of(&desk.town, &number(&case)).await["state"],
        "withdrawn"
    );
    let person = Visitor::person(&desk.town, &desk.office, &desk.li).await;
    let late = person
        .hand_in(
            &format!("/my/cases/{}/papers", number(&case)),
            "LOW-01",
            PICTURE,
        )
        .await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
}
