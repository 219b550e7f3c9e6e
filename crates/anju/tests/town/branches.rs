//! 分中心、管理部: books and figures by branch, whose sums are the centre's to the fen; employers that go to another branch and their balances
//! after them; and what the staff of one branch sees of another.

use anju::cast::{self, contribute, look_up, open_employer, seal};
use anju::start::{demo, office};
use anju_casework::employer;
use anju_casework::staff::role;
use anju_engine::Engine;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::relief::ask;
use crate::town::{Town, account_no, known, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// 渝中办事处, which keeps who is registered in the district of the stories.
const YUZHONG: i16 = 4;
/// 渝北办事处.
const YUBEI: i16 = 13;

async fn accountants(town: &Town) -> Engine {
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    engine
}

/// Closing balance of a subject in the books of a branch, or of the centre.
async fn stands(town: &Town, date: NaiveDate, code: &str, branch: Option<i16>) -> i64 {
    let branch = branch.map_or_else(String::new, |id| format!("&branch={id}"));
    let answer = town
        .doors
        .get(&format!("/books/trial-balance?date={date}{branch}"))
        .await
        .expect("a door")
        .ok()
        .expect("a trial balance");
    let subjects = answer["subjects"].as_array().expect("subjects");
    subjects
        .iter()
        .find(|line| line["code"] == code)
        .expect("a subject")["closing_fen"]
        .as_i64()
        .expect("fen")
}

/// Every subject: what the branches come to together, and what the centre has.
async fn sums_agree(town: &Town, date: NaiveDate) {
    for code in ["10101", "201", "21901", "21902", "21904", "41101"] {
        let mut all = 0;
        for branch in 1..=42 {
            all += stands(town, date, code, Some(branch)).await;
        }
        assert_eq!(
            all,
            stands(town, date, code, None).await,
            "{code} on {date}"
        );
    }
}

async fn branch_of(town: &Town, employer_no: &str) -> i16 {
    let office = town.office().await;
    let id = office.numbers.decode(NumberKind::Employer, employer_no);
    employer::require(&office, id.expect("a number"))
        .await
        .expect("an employer")
        .branch_id
}

/// The number of the move that waits, as its form on the page has it.
fn waiting(page: &str) -> String {
    let begin = page.find("/desk/branches/").expect("a move that waits") + "/desk/branches/".len();
    page[begin..]
        .split('/')
        .next()
        .expect("a number")
        .to_owned()
}

/// Proposed by one accountant, agreed to by another, with effect from the open day.
async fn moves(town: &Town, engine: &Engine, employer_no: &str, to: i16) {
    let open = anju_business::books::day_close::open_date(&engine.office)
        .await
        .expect("a day");
    moves_from(town, engine, employer_no, to, open).await;
}

/// The same from a day on.
async fn moves_from(town: &Town, engine: &Engine, employer_no: &str, to: i16, from: NaiveDate) {
    let office = &engine.office;
    let maker = Visitor::staff(town, office, role::ACCOUNTANT, 1).await;
    let checker = Visitor::second(town, office, role::ACCOUNTANT, 1).await;
    let (to, from) = (to.to_string(), from.to_string());
    let form = [
        ("employer", employer_no),
        ("branch", to.as_str()),
        ("from", from.as_str()),
        ("reason", "单位迁到渝北区"),
    ];
    let asked = maker.post("/desk/branches", &form).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.page);
    let page = maker.get("/desk/branches").await.page;
    assert!(page.contains("您是经办人，不能自己复核"), "{page}");
    let move_no = waiting(&checker.get("/desk/branches").await.page);
    let path = format!("/desk/branches/{move_no}/check");
    let own = maker.post(&path, &[("verdict", "agree")]).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.page.contains("<title>出错："), "{}", own.page);
    assert!(own.page.contains("E-CHECK-01"), "{}", own.page);
    let agreed = checker
        .post(&path, &[("verdict", "agree"), ("answer", "同意")])
        .await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    let again = checker.post(&path, &[("verdict", "agree")]).await;
    assert!(again.page.contains("E-CHECK-02"), "{}", again.page);
}

#[tokio::test]
async fn an_employer_goes_to_another_branch_and_its_balances_follow_at_the_days_end() {
    let town = Town::open().await;
    let (li, firm) = tenant_of(&town, 1560).await;
    let others = known(&town, 1561, &[("王强", 800_000)]).await;
    let stays = open_employer(&town.doors, 1561, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &stays, month(1), &others)
        .await
        .expect("a month");
    let engine = accountants(&town).await;
    let first = demo::close_day(&engine).await.expect("the day is closed");
    let all = 3 * 240_000 + 192_000;
    town.later(24 * 60);
    assert_eq!(stands(&town, first, "201", Some(YUZHONG)).await, all);
    assert_eq!(stands(&town, first, "201", Some(YUBEI)).await, 0);
    sums_agree(&town, first).await;

    // Before the move something is paid out, after it something comes in: both by whoever keeps the employer then.
    becomes(&town, &submit(&town, &li).await, "done").await;
    moves(&town, &engine, &firm, YUBEI).await;
    assert_eq!(branch_of(&town, &firm).await, YUBEI);
    contribute(&town.doors, &firm, month(0), std::slice::from_ref(&li))
        .await
        .expect("a month");
    let case = "SELECT count(*) FROM business_case c JOIN case_event e USING (centre_id, case_id)
                 WHERE c.service = 'employer-info-maintain' AND e.steps @> ARRAY['branch_changed'] AND c.branch_id = 13";
    assert_eq!(town.sql(case).await, 1, "a case of the employer says so");
    let second = demo::close_day(&engine).await.expect("the day is closed");
    let of_li: i64 = town
        .sql("SELECT a.balance_fen FROM ledger_account a JOIN membership m USING (centre_id, account_id)
               JOIN employer e USING (centre_id, employer_id) WHERE e.branch_id = 13")
        .await;
    assert!(of_li > 0 && of_li < 4 * 240_000, "{of_li}");
    assert_eq!(stands(&town, second, "201", Some(YUBEI)).await, of_li);
    assert_eq!(stands(&town, second, "201", Some(YUZHONG)).await, 192_000);
    sums_agree(&town, second).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM posting WHERE branch_id <> 0 AND branch_id <> 4")
            .await,
        0,
        "only what stood in the old branch's books was moved"
    );

    // Nothing happened to the person: no line of his account tells of it.
    let account = account_no(&town, &li).await;
    let entries = town
        .doors
        .get(&format!("/accounts/{account}/entries"))
        .await
        .expect("a door")
        .ok()
        .expect("entries");
    assert!(!entries.to_string().contains("E13"), "{entries}");
    assert!(!entries.to_string().contains("内部转移"), "{entries}");

    // What the branches collected and paid is what the centre did.
    let accountant = Visitor::another(&town, &engine.office, role::AUDITOR, 1, "b").await;
    let page = accountant.get("/desk/branches").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    assert!(page.page.contains("渝北办事处"), "{}", page.page);
    let figures = anju_business::books::branch::figures(&engine.office, first, second, None)
        .await
        .expect("figures");
    let whole = anju_business::books::branch::total(&figures);
    assert_eq!(whole.collected_fen, all + 240_000);
    assert_eq!(whole.balance_fen, stands(&town, second, "201", None).await);
    assert_eq!(whole.moved_fen, 0, "what one gives another takes");
    assert_eq!(whole.withdrawn_fen, whole.collected_fen - whole.balance_fen);
    town.audited().await;
}

/// Whether the desk's search of this person finds the employer in his own branch.
async fn finds(visitor: &Visitor, name: &str, employer_no: &str) -> bool {
    let found = visitor.post("/desk/employers", &[("q", name)]).await;
    found.page.contains(employer_no)
}

/// Goal: a move that was agreed to for a day to come changes nothing before it: not who keeps the employer, not the lists, not the books of a day
/// that is closed meanwhile; and all of it on its day, by itself. Method: a move for the second day from now, with a case that waits at the desk.
#[tokio::test]
async fn a_move_of_a_day_to_come_waits_for_its_day_and_then_takes_books_and_lists() {
    let town = Town::open().await;
    let (li, firm) = tenant_of(&town, 1567).await;
    let engine = accountants(&town).await;
    let office = &engine.office;
    let form = json!({ "month": month(1).to_string(), "reason": "OVERPAID", "to": "SUSPENSE", "payroll": true });
    let case = ask(&town, "employer-refund", &firm, form).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let case_no = case["case_id"].as_str().expect("a case").to_owned();
    let begins = "重庆走查科技";
    let open = anju_business::books::day_close::open_date(office)
        .await
        .expect("a day");
    let its_day = open + chrono::TimeDelta::days(1);
    moves_from(&town, &engine, &firm, YUBEI, its_day).await;

    // Before its day nothing has moved, and the minute's work moves nothing.
    assert_eq!(
        anju_business::contribution::branch_move::turn(office)
            .await
            .expect("the minute's work"),
        0
    );
    assert_eq!(branch_of(&town, &firm).await, YUZHONG);
    let here = Visitor::staff(&town, office, role::REVIEWER, YUZHONG).await;
    let there = Visitor::second(&town, office, role::REVIEWER, YUBEI).await;
    assert!(finds(&here, begins, &firm).await && !finds(&there, begins, &firm).await);
    let path = format!("/desk/cases/{case_no}");
    assert_eq!(here.get(&path).await.status, StatusCode::OK);
    assert_ne!(there.get(&path).await.status, StatusCode::OK);
    assert!(here.get("/desk/tasks").await.page.contains(&case_no));
    let first = demo::close_day(&engine).await.expect("the day is closed");
    assert_eq!(
        stands(&town, first, "201", Some(YUZHONG)).await,
        3 * 240_000
    );
    assert_eq!(stands(&town, first, "201", Some(YUBEI)).await, 0);
    sums_agree(&town, first).await;

    // On its day the centre does it by itself.
    town.later(24 * 60);
    for _ in 0..400 {
        if branch_of(&town, &firm).await == YUBEI {
            break;
        }
        anju_business::contribution::branch_move::turn(office)
            .await
            .expect("the minute's work");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(branch_of(&town, &firm).await, YUBEI);
    // Overnight their sessions ended.
    let here = here.again(&town, office).await;
    let there = Visitor::second(&town, office, role::REVIEWER, YUBEI).await;
    assert!(finds(&there, begins, &firm).await && !finds(&here, begins, &firm).await);
    assert_eq!(there.get(&path).await.status, StatusCode::OK);
    assert_ne!(here.get(&path).await.status, StatusCode::OK);
    assert!(there.get("/desk/tasks").await.page.contains(&case_no));
    let its = "SELECT count(*) FROM employer_move WHERE state = 3";
    assert_eq!(town.sql(its).await, 1);
    assert_eq!(
        anju_business::contribution::branch_move::turn(office)
            .await
            .expect("the minute's work"),
        0,
        "once"
    );
    contribute(&town.doors, &firm, month(0), std::slice::from_ref(&li))
        .await
        .expect("a month");
    let second = demo::close_day(&engine).await.expect("the day is closed");
    assert_eq!(stands(&town, second, "201", Some(YUBEI)).await, 4 * 240_000);
    assert_eq!(stands(&town, second, "201", Some(YUZHONG)).await, 0);
    // The day before it stands as it stood.
    assert_eq!(
        stands(&town, first, "201", Some(YUZHONG)).await,
        3 * 240_000
    );
    sums_agree(&town, second).await;
    town.audited().await;
}

#[tokio::test]
async fn people_who_change_their_employer_take_their_balance_to_its_branch() {
    let town = Town::open().await;
    let people = known(&town, 1562, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let old = open_employer(&town.doors, 1562, month(1))
        .await
        .expect("an employer");
    let new = open_employer(&town.doors, 1563, month(0))
        .await
        .expect("an employer");
    contribute(&town.doors, &old, month(1), &people)
        .await
        .expect("a month");
    let engine = accountants(&town).await;
    moves(&town, &engine, &new, YUBEI).await;
    demo::close_day(&engine).await.expect("the day is closed");
    town.later(24 * 60);
    seal(&town.doors, &old, &people[0]).await.expect("sealed");
    let account = account_no(&town, &people[0]).await;
    let form = json!({ "account_no": account, "to_employer_no": new });
    let moved = ask(&town, "employee-account-transfer", &new, form).await;
    assert_eq!(moved["state"], "done", "{moved}");
    let day = demo::close_day(&engine).await.expect("the day is closed");
    assert_eq!(stands(&town, day, "201", Some(YUBEI)).await, 240_000);
    assert_eq!(stands(&town, day, "201", Some(YUZHONG)).await, 192_000);
    sums_agree(&town, day).await;
    town.audited().await;
}

/// Money in suspense stands with who has it at the day's end, whichever branch kept whom the day before.
#[tokio::test]
async fn a_merged_employer_takes_its_suspense_to_the_other_branch() {
    let town = Town::open().await;
    let people = known(&town, 1565, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let old = open_employer(&town.doors, 1565, month(1))
        .await
        .expect("an employer");
    let new = open_employer(&town.doors, 1566, month(0))
        .await
        .expect("an employer");
    contribute(&town.doors, &old, month(1), &people)
        .await
        .expect("a month");
    let list = cast::register_month(&town.doors, &old, month(0), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &list, 100_000).await.expect("paid");
    let id = cast::text(&list, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "part_received")
        .await
        .expect("received");
    let engine = accountants(&town).await;
    moves(&town, &engine, &new, YUBEI).await;
    let first = demo::close_day(&engine).await.expect("the day is closed");
    assert_eq!(stands(&town, first, "21901", Some(YUZHONG)).await, 100_000);
    town.later(24 * 60);
    let form =
        json!({ "everybody": true, "to_employer_no": new, "document_no": "渝合〔2026〕6号" });
    let body = json!({ "service": "employee-account-transfer", "applicant": old, "form": form, "channel": "CTR" });
    let merged = town.doors.post("/cases", &body).await.expect("a door").body;
    assert_eq!(merged["state"], "done", "{merged}");
    let day = demo::close_day(&engine).await.expect("the day is closed");
    for (code, fen) in [("21901", 100_000), ("201", 432_000)] {
        assert_eq!(stands(&town, day, code, Some(YUBEI)).await, fen, "{code}");
        assert_eq!(stands(&town, day, code, Some(YUZHONG)).await, 0, "{code}");
    }
    sums_agree(&town, day).await;
    town.audited().await;
}

#[tokio::test]
async fn a_move_that_cannot_be_is_told_with_its_field() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let firm = open_employer(&town.doors, 1564, month(1))
        .await
        .expect("an employer");
    let maker = Visitor::staff(&town, &engine.office, role::ACCOUNTANT, 1).await;
    let open = anju_business::books::day_close::open_date(&engine.office)
        .await
        .expect("a day");
    let (today, before) = (
        open.to_string(),
        (open - chrono::TimeDelta::days(1)).to_string(),
    );
    let asked = async |branch: &str, from: &str, reason: &str| {
        let form = [
            ("employer", firm.as_str()),
            ("branch", branch),
            ("from", from),
            ("reason", reason),
        ];
        maker.post("/desk/branches", &form).await
    };
    for (branch, from, reason, words) in [
        ("4", today.as_str(), "搬迁", "请选另一个网点"),
        ("13", before.as_str(), "搬迁", "不能更早"),
        ("13", today.as_str(), "", "请写明划转的原因"),
    ] {
        let answer = asked(branch, from, reason).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.page.contains(words), "{words}: {}", answer.page);
    }
    let first = asked("13", &today, "搬迁").await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.page);
    let second = asked("12", &today, "搬迁").await;
    assert!(second.page.contains("还没有办完"), "{}", second.page);
    assert_eq!(branch_of(&town, &firm).await, YUZHONG, "nothing moved yet");
}

/// Goal: staff of one branch neither sees nor finds what another keeps, but for whoever stands at the window (全市通办). Method: a person and an
/// employer of 渝中; a teller and a reviewer of 渝北 open every list and try every way to find them.
#[tokio::test]
async fn staff_of_another_branch_neither_sees_nor_guesses() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, firm) = tenant_of(&town, 1566).await;
    let form = json!({ "month": month(1).to_string(), "reason": "OVERPAID", "to": "SUSPENSE", "payroll": true });
    let case: Value = ask(&town, "employer-refund", &firm, form).await;
    assert_eq!(case["state"], "reviewing", "{case}");
    let case_no = case["case_id"].as_str().expect("a case").to_owned();
    let name = town
        .doors
        .get(&format!("/query/query-employer-info?subject={firm}"))
        .await
        .expect("a door");
    let begins = "重庆走查科技";
    assert!(name.body.to_string().contains(begins));

    let here = Visitor::staff(&town, &office, role::TELLER, YUZHONG).await;
    let there = Visitor::second(&town, &office, role::TELLER, YUBEI).await;
    let reviewer_here = Visitor::staff(&town, &office, role::REVIEWER, YUZHONG).await;
    let reviewer_there = Visitor::second(&town, &office, role::REVIEWER, YUBEI).await;

    // By name, phone or account: one's own branch. The masked name stands for the person on a page.
    let account = account_no(&town, &li).await;
    for asked in [li.name.as_str(), li.phone.as_str(), account.as_str()] {
        let own = here.post("/desk/search", &[("q", asked)]).await;
        assert!(
            own.page.contains("要打开，请输入他的完整证件号"),
            "{asked}: {}",
            own.page
        );
        let other = there.post("/desk/search", &[("q", asked)]).await;
        assert!(other.page.contains("没有找到"), "{asked}: {}", other.page);
    }
    for path in ["/desk/search", "/desk/employers"] {
        let own = here.post(path, &[("q", begins)]).await;
        assert!(own.page.contains(&firm), "{}", own.page);
        let other = there.post(path, &[("q", begins)]).await;
        assert!(!other.page.contains(&firm), "{}", other.page);
        // Who stands at the window brings the whole number.
        let brought = there.post(path, &[("q", &firm)]).await;
        assert!(brought.page.contains(&firm), "{}", brought.page);
    }
    let by_id = there.post("/desk/search", &[("q", &li.id)]).await;
    assert!(by_id.page.contains("打开这位客户"), "{}", by_id.page);

    // The person's page and the case do not open, and no list shows them.
    let person = look_up(&town.doors, &li).await.expect("known");
    for (who, path) in [
        (&reviewer_there, format!("/desk/people/{person}")),
        (&reviewer_there, format!("/desk/cases/{case_no}")),
    ] {
        let closed = who.get(&path).await;
        assert_ne!(closed.status, StatusCode::OK, "{path}");
        assert!(!closed.page.contains(begins), "{path}");
    }
    let open = reviewer_here.get(&format!("/desk/cases/{case_no}")).await;
    assert_eq!(open.status, StatusCode::OK, "{}", open.page);
    for path in [
        "/desk/tasks",
        "/desk/papers",
        "/desk/deaths",
        "/desk/transfers",
        "/desk/agreements",
        "/desk/entitled",
        "/desk/services",
        "/desk/relief",
        "/desk/relief/list?kind=2&branch=4",
        "/desk/credit",
        "/desk/credit/list?kind=1",
        "/desk/branches",
    ] {
        let page = reviewer_there.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.page);
        assert!(!page.page.contains(&case_no), "{path}");
        assert!(!page.page.contains(begins), "{path}");
    }
    let tasks = reviewer_here.get("/desk/tasks?state=reviewing").await;
    assert!(tasks.page.contains(&case_no), "{}", tasks.page);
    let branches = reviewer_there.get("/desk/branches").await.page;
    assert!(
        branches.contains("渝北办事处") && !branches.contains("渝中办事处"),
        "{branches}"
    );
}
