//! Enforcement walked through the pages: every row of §15's table, every guard, papers, two officers, the employer's words, and who complained.

use anju::cast::{self, Person, contribute, firm};
use anju_casework::Office;
use anju_casework::staff::role;
use anju_engine::Engine;
use reqwest::StatusCode;

use crate::arrears::{
    afternoon, employer_with, engine, is_told, month, sqlx_forget_nights, told, tonight,
};
use crate::interest_year::days_later;
use crate::town::{Town, account_no, known};
use crate::visitor::{Answer, Visitor};

/// The two officers and the clerk of an employer; overnight their sessions end.
struct Desk {
    first: Visitor,
    second: Visitor,
    clerk: Visitor,
}

impl Desk {
    async fn open(town: &Town, office: &Office, employer: &str, seed: i64) -> Self {
        let head = office.centre.head_branch;
        Self {
            first: Visitor::staff(town, office, role::COLLECTOR, head).await,
            second: Visitor::second(town, office, role::COLLECTOR, head).await,
            clerk: Visitor::clerk(town, office, employer, seed).await,
        }
    }

    /// Days later, the night done and everybody logged in again.
    async fn later(
        self,
        town: &Town,
        engine: &Engine,
        employer: &str,
        seed: i64,
        days: i64,
    ) -> Self {
        days_later(town, days).await;
        tonight(engine).await;
        let office = &engine.office;
        Self {
            first: self.first.again(town, office).await,
            second: Visitor::second(town, office, role::COLLECTOR, office.centre.head_branch).await,
            clerk: Visitor::clerk(town, office, employer, seed).await,
        }
    }

    /// The first officer's step.
    async fn step(&self, at: &str, kind: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("kind", kind), ("evidence", "现场核查笔录一份")];
        form.extend(more);
        self.first.post(at, &form).await
    }

    /// A step that both take.
    async fn both(&self, at: &str, kind: &str, more: &[(&str, &str)]) {
        let one = self.step(at, kind, more).await;
        assert_eq!(one.status, StatusCode::SEE_OTHER, "{kind}: {}", one.page);
        let two = self
            .second
            .post(&format!("{at}/check"), &[("agree", "yes")])
            .await;
        assert_eq!(two.status, StatusCode::SEE_OTHER, "{kind}: {}", two.page);
    }
}

fn refused(answer: &Answer, words: &str) {
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.page);
    assert!(answer.page.contains(words), "{words}: {}", answer.page);
}

/// The address of the one enforcement that a list shows.
async fn the_one(visitor: &Visitor, state: &str) -> String {
    let list = visitor
        .get(&format!("/desk/enforcement?state={state}"))
        .await
        .page;
    let at = list
        .split("href=\"/desk/enforcement/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("one that is {state}: {list}"));
    format!("/desk/enforcement/{at}")
}

async fn state_of(town: &Town) -> i64 {
    town.sql("SELECT state::bigint FROM enforcement ORDER BY enforcement_id LIMIT 1")
        .await
}

/// An employer that has paid January, on 20 January; 59 days later February is a clue and March is due.
pub async fn owing(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let employer = employer_with(town, seed, "2027-01", 10, "2027-01-02").await;
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    contribute(&town.doors, &employer, month("2027-01"), &people)
        .await
        .expect("a month");
    (employer, people)
}

#[tokio::test]
async fn arrears_go_from_clue_to_order_by_two_officers_and_close_by_themselves_when_paid() {
    let town = Town::open_at(afternoon("2027-01-20")).await;
    let (employer, people) = owing(&town, 831).await;
    days_later(&town, 59).await;
    let phone = firm("", 831).expect("a firm").clerk_phone;
    let engine = engine(&town).await;
    let office = &engine.office;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    let desk = Desk::open(&town, office, &employer, 831).await;
    let at = the_one(&desk.first, "clue").await;
    let hidden = desk.clerk.get("/unit/notices").await.page;
    assert!(
        hidden.contains("没有通知") && hidden.contains("2027年2月"),
        "a clue is not told: {hidden}"
    );
    let number = at.rsplit('/').next().expect("a number").to_owned();
    let theirs = format!("/unit/notices/{number}");
    assert_eq!(desk.clerk.get(&theirs).await.status, StatusCode::NOT_FOUND);

    // CLUE → NOTICE.
    refused(&desk.step(&at, "file", &[]).await, "现在的状态不能办");
    let short = desk
        .first
        .post(&at, &[("kind", "notice"), ("evidence", "无")])
        .await;
    refused(&short, "请写明依据");
    assert_eq!(
        desk.step(&at, "notice", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(state_of(&town).await, 2);
    is_told(&town, &phone, "催缴通知书").await;
    let notice = desk.clerk.get(&theirs).await.page;
    assert!(notice.contains("渝公积金催〔2027〕"), "{notice}");
    let home = desk.clerk.get("/unit").await.page;
    assert!(
        home.contains("中心发来催缴") && home.contains(&theirs),
        "{home}"
    );
    let paper = notice
        .split(&format!("{theirs}/papers/"))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("its paper");
    let pdf = desk.clerk.get(&format!("{theirs}/papers/{paper}")).await;
    assert!(pdf.page.starts_with("%PDF-"), "{}", pdf.page);
    let other = employer_with(&town, 832, "2027-03", 10, "2027-03-01").await;
    let stranger = Visitor::clerk(&town, office, &other, 832).await;
    assert_eq!(
        stranger.get(&theirs).await.status,
        StatusCode::NOT_FOUND,
        "another employer's"
    );
    assert_eq!(
        stranger
            .get(&format!("{theirs}/papers/{paper}"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );

    // NOTICE → FILED: after its term, by two.
    refused(&desk.step(&at, "file", &[]).await, "期满才能办这一步");
    refused(
        &desk.step(&at, "paid", &[]).await,
        "还有 8,640.00 元没有记入",
    );
    let desk = desk.later(&town, &engine, &employer, 831, 16).await;
    assert_eq!(
        desk.step(&at, "file", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(state_of(&town).await, 2, "one officer is not enough");
    refused(&desk.step(&at, "file", &[]).await, "有一步在等第二人");
    let own = desk
        .first
        .post(&format!("{at}/check"), &[("agree", "yes")])
        .await;
    assert_eq!(
        own.status,
        StatusCode::CONFLICT,
        "nobody checks his own work"
    );
    let back = desk
        .second
        .post(
            &format!("{at}/check"),
            &[("agree", "no"), ("answer", "缺送达回证")],
        )
        .await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert_eq!(state_of(&town).await, 2);
    desk.both(&at, "file", &[]).await;
    assert_eq!(state_of(&town).await, 3);

    // The statement's right comes before an order; a fine is for something else.
    refused(&desk.step(&at, "order", &[]).await, "还没有发告知书");
    let inform = desk.step(&at, "inform", &[("rows", "")]).await;
    assert_eq!(inform.status, StatusCode::SEE_OTHER, "{}", inform.page);
    assert_eq!(
        town.sql("SELECT sum(employer_fen + employee_fen)::bigint FROM enforcement_line")
            .await,
        864_000
    );
    refused(&desk.step(&at, "order", &[]).await, "陈述申辩期限");
    refused(
        &desk.step(&at, "fine", &[("amount", "20000")]).await,
        "罚款只适用于",
    );
    let said = desk
        .clerk
        .post(&theirs, &[("words", "二月工资还没有发，请宽限")])
        .await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.page);
    assert!(desk.first.get(&at).await.page.contains("二月工资还没有发"));

    // FILED → ORDERED.
    let desk = desk.later(&town, &engine, &employer, 831, 4).await;
    desk.both(&at, "order", &[]).await;
    assert_eq!(state_of(&town).await, 4);
    assert_eq!(
        town.sql("SELECT amount_fen FROM enforcement_step WHERE kind = 5")
            .await,
        864_000
    );
    let ordered = desk.clerk.get(&theirs).await.page;
    assert!(
        ordered.contains("责令限期缴存决定书") && ordered.contains("李*"),
        "{ordered}"
    );
    refused(
        &desk.step(&at, "court", &[("no_suit", "yes")]).await,
        "复议和诉讼期限届满后",
    );

    // ORDERED → CLOSED: an ordinary list pays what was ordered.
    contribute(&town.doors, &employer, month("2027-02"), &people)
        .await
        .expect("a month");
    assert_eq!(state_of(&town).await, 4, "a part of it");
    contribute(&town.doors, &employer, month("2027-03"), &people)
        .await
        .expect("a month");
    assert_eq!(state_of(&town).await, 8);
    is_told(&town, &phone, "催缴已结案").await;
    let case = town
        .doors
        .get(&format!("/cases/{number}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert_eq!(case["state"], "done");
    refused(
        &desk.step(&at, "court", &[("no_suit", "yes")]).await,
        "现在的状态不能办",
    );
    let fee = town
        .sql("SELECT count(*) FROM posting WHERE part NOT IN (0, 1, 2, 3)")
        .await;
    assert_eq!(fee, 0, "no late fee");
    town.audited().await;
}

/// Goal: the court is asked in its window alone, with nobody having gone to court against the decision; what it ends is suspended, and money that
/// comes after all closes it. Method: two employers ordered on one day; one is taken to court in time, the other tried too late.
#[tokio::test]
async fn the_court_has_its_window_and_what_it_ends_is_closed_by_late_money() {
    let town = Town::open_at(afternoon("2027-01-20")).await;
    let (employer, people) = owing(&town, 841).await;
    let (other, _) = owing(&town, 842).await;
    days_later(&town, 59).await;
    let engine = engine(&town).await;
    let office = &engine.office;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    let mut desk = Desk::open(&town, office, &employer, 841).await;
    let list = desk.first.get("/desk/enforcement?state=clue").await.page;
    let both: Vec<String> = list
        .split("href=\"/desk/enforcement/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|number| format!("/desk/enforcement/{number}"))
        .collect();
    assert_eq!(both.len(), 2, "{list}");
    for at in &both {
        assert_eq!(
            desk.step(at, "notice", &[]).await.status,
            StatusCode::SEE_OTHER
        );
    }
    desk = desk.later(&town, &engine, &employer, 841, 16).await;
    for at in &both {
        desk.both(at, "file", &[]).await;
        assert_eq!(
            desk.step(at, "inform", &[]).await.status,
            StatusCode::SEE_OTHER
        );
    }
    desk = desk.later(&town, &engine, &employer, 841, 4).await;
    for at in &both {
        desk.both(at, "order", &[]).await;
    }
    // 9 April + 6 months: 9 October is the last day to sue.
    desk = desk.later(&town, &engine, &employer, 841, 183).await;
    let early = desk.step(&both[0], "court", &[("no_suit", "yes")]).await;
    refused(&early, "复议和诉讼期限届满后才能申请");
    assert!(early.page.contains("2027年10月10日"), "{}", early.page);
    desk = desk.later(&town, &engine, &employer, 841, 1).await;
    refused(&desk.step(&both[0], "court", &[]).await, "请勾选确认");
    desk.both(&both[0], "court", &[("no_suit", "yes")]).await;
    assert_eq!(state_of(&town).await, 5);
    refused(
        &desk.step(&both[0], "executed", &[]).await,
        "没有记入职工账户",
    );
    desk.both(&both[0], "terminated", &[]).await;
    assert_eq!(state_of(&town).await, 7);

    contribute(&town.doors, &employer, month("2027-02"), &people)
        .await
        .expect("a month");
    contribute(&town.doors, &employer, month("2027-03"), &people)
        .await
        .expect("a month");
    assert_eq!(
        state_of(&town).await,
        8,
        "what was ordered is on the accounts"
    );

    desk = desk.later(&town, &engine, &other, 842, 92).await;
    refused(
        &desk.step(&both[1], "court", &[("no_suit", "yes")]).await,
        "申请强制执行的期限",
    );
}

/// Goal: whoever did not register in time may be fined between the limits, after the right to be heard, by two; and a clue that comes to
/// nothing is closed with its reason and stays closed.
#[tokio::test]
async fn a_late_registration_may_be_fined_and_an_unfounded_clue_is_closed() {
    let town = Town::open_at(afternoon("2027-03-20")).await;
    let employer = employer_with(&town, 851, "2027-03", 10, "2026-03-01").await;
    let engine = engine(&town).await;
    let office = &engine.office;
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    let mut desk = Desk::open(&town, office, &employer, 851).await;
    let at = the_one(&desk.first, "clue").await;
    assert_eq!(
        desk.step(&at, "notice", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    desk = desk.later(&town, &engine, &employer, 851, 16).await;
    desk.both(&at, "file", &[]).await;
    assert_eq!(
        desk.step(&at, "inform", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    refused(
        &desk.step(&at, "fine", &[("amount", "20000")]).await,
        "陈述申辩期限",
    );
    desk = desk.later(&town, &engine, &employer, 851, 4).await;
    refused(
        &desk.step(&at, "order", &[]).await,
        "没有要补缴的职工和月份",
    );
    refused(
        &desk.step(&at, "fine", &[("amount", "9999.99")]).await,
        "罚款应在",
    );
    refused(
        &desk.step(&at, "fine", &[("amount", "50000.01")]).await,
        "罚款应在",
    );
    desk.both(&at, "fine", &[("amount", "20000")]).await;
    assert_eq!(state_of(&town).await, 6);
    assert_eq!(
        desk.step(&at, "paid", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(state_of(&town).await, 8);

    let later = employer_with(&town, 852, "2027-04", 10, "2026-03-01").await;
    desk = desk.later(&town, &engine, &later, 852, 1).await;
    let at = the_one(&desk.first, "clue").await;
    assert_eq!(
        desk.step(&at, "unfounded", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    sqlx_forget_nights(&town).await;
    tonight(&engine).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM enforcement WHERE state <> 8")
            .await,
        0,
        "and stays closed"
    );
}

/// Goal: an employee's word opens a clue; the employer reads a notice that names nobody; what is ordered by person and month is paid by a back
/// payment of kind ENFORCED under the decision's number, and closes it; the employee hears of it.
#[tokio::test]
async fn a_complaint_is_followed_without_naming_who_complained() {
    let town = Town::open_at(afternoon("2027-01-20")).await;
    let (employer, people) = owing(&town, 861).await;
    days_later(&town, 59).await;
    for paid in ["2027-02", "2027-03"] {
        contribute(&town.doors, &employer, month(paid), &people)
            .await
            .expect("a month");
    }
    let engine = engine(&town).await;
    let office = &engine.office;
    let li = Visitor::person(&town, office, &people[0]).await;
    let key = uuid::Uuid::now_v7().to_string();
    let form = |text: &str| {
        vec![
            ("key".to_owned(), key.clone()),
            ("employer".to_owned(), String::new()),
            ("from".to_owned(), "2027-01".to_owned()),
            ("to".to_owned(), "2027-02".to_owned()),
            ("text".to_owned(), text.to_owned()),
        ]
    };
    let as_fields = |form: &[(String, String)]| form.to_vec();
    let empty = as_fields(&form(""));
    let fields: Vec<(&str, &str)> = empty
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let wrong = li.post("/my/report", &fields).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let full = as_fields(&form("工资一万五，只按一万缴，我是李梅"));
    let fields: Vec<(&str, &str)> = full
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let sent = li.post("/my/report", &fields).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    assert!(li.get("/my/report").await.page.contains("核查中"));
    let kept = town.sql("SELECT count(*) FROM business_case WHERE service = 'ask-complaint' AND form::text LIKE '%李梅%'").await;
    assert_eq!(kept, 0, "his words are sealed");

    let mut desk = Desk::open(&town, office, &employer, 861).await;
    let at = the_one(&desk.first, "clue").await;
    let number = at.rsplit('/').next().expect("a number").to_owned();
    let clue = desk.first.get(&at).await.page;
    assert!(
        clue.contains("工资一万五，只按一万缴"),
        "who follows it up reads it: {clue}"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM access_log WHERE what = '反映的情况'")
            .await,
        1,
        "and he can see who read it"
    );
    assert_eq!(
        desk.step(&at, "notice", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    is_told(&town, &people[0].phone, "已向单位发出催缴通知").await;
    assert!(li.get("/my/report").await.page.contains("已核查"));
    let theirs = format!("/unit/notices/{number}");
    let notice = desk.clerk.get(&theirs).await.page;
    assert!(
        !notice.contains("反映") && !notice.contains("李"),
        "nobody is named: {notice}"
    );
    let kept = town
        .sql("SELECT count(*) FROM enforcement_step WHERE paper::text LIKE '%李%' OR paper::text LIKE '%反映%'")
        .await;
    assert_eq!(kept, 0);
    let told_to_clerk = told(&town, &firm("", 861).expect("a firm").clerk_phone).await;
    assert!(!told_to_clerk.contains("李") && !told_to_clerk.contains("反映"));
    let case = town
        .doors
        .get(&format!("/cases/{number}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert!(!case.to_string().contains("李梅"));

    desk = desk.later(&town, &engine, &employer, 861, 16).await;
    desk.both(&at, "file", &[]).await;
    refused(
        &desk.step(&at, "inform", &[]).await,
        "没有要补缴的职工和月份",
    );
    refused(
        &desk.step(&at, "inform", &[("rows", "一行写错")]).await,
        "第 1 行应为",
    );
    refused(
        &desk
            .step(
                &at,
                "inform",
                &[("rows", "G0000000000000,2027-01,2027-02,600,600")],
            )
            .await,
        "不是这个单位职工的账户",
    );
    let account = account_no(&town, &people[0]).await;
    let rows = format!("{account},2027-01,2027-02,600,600");
    let inform = desk.step(&at, "inform", &[("rows", &rows)]).await;
    assert_eq!(inform.status, StatusCode::SEE_OTHER, "{}", inform.page);
    desk = desk.later(&town, &engine, &employer, 861, 4).await;
    refused(
        &desk.step(&at, "fine", &[("amount", "20000")]).await,
        "罚款只适用于",
    );
    desk.both(&at, "order", &[]).await;
    assert_eq!(
        town.sql("SELECT amount_fen FROM enforcement_step WHERE kind = 5")
            .await,
        240_000
    );

    let before = cast::balance(&town.doors, &people[0]).await.expect("fen");
    let paid = desk.clerk.post(&format!("{theirs}/pay"), &[]).await;
    assert_eq!(paid.status, StatusCode::SEE_OTHER, "{}", paid.page);
    let order = desk.clerk.get(&paid.location).await.page;
    assert!(order.contains("2,400.00"), "{order}");
    let twice = desk.clerk.post(&format!("{theirs}/pay"), &[]).await;
    assert_ne!(twice.status, StatusCode::SEE_OTHER, "registered once");
    let list = paid.location.rsplit('=').next().expect("a list").to_owned();
    let detail = town
        .doors
        .get(&format!("/remittances/{list}"))
        .await
        .expect("a door")
        .ok()
        .expect("a list");
    assert_eq!(detail["amount_fen"], 240_000);
    let case = town
        .sql("SELECT count(*) FROM remittance r JOIN enforcement_step s ON s.document_no = r.document_no AND s.kind = 5 WHERE r.reason = 'ENFORCED'")
        .await;
    assert_eq!(case, 1, "under the decision's number");
    pay_list(&town, &list).await;
    assert_eq!(
        cast::balance(&town.doors, &people[0]).await.expect("fen"),
        before + 240_000
    );
    assert_eq!(state_of(&town).await, 8, "it closes by itself");
    is_told(&town, &people[0].phone, "您反映的欠缴已办结").await;
}

/// Pays a list by its number, from what the books say of it.
async fn pay_list(town: &Town, list: &str) {
    let order = {
        use sqlx::Connection;
        let mut owner = sqlx::PgConnection::connect(&town.database.url)
            .await
            .expect("the owner");
        let row: (String, String, i64, String) = sqlx::query_as(
            "SELECT r.reference, r.bank, r.amount_fen, f.account_no FROM remittance r
               JOIN fund_account f ON f.centre_id = r.centre_id AND f.bank = r.bank WHERE r.kind = 2 AND r.state = 1",
        )
        .fetch_one(&mut owner)
        .await
        .expect("one that waits");
        row
    };
    let (reference, bank, fen, account) = order;
    let told =
        serde_json::json!({ "reference": reference, "payee_bank": bank, "payee_account": account });
    cast::pay(&town.doors, &told, fen).await.expect("paid");
    cast::state_of(&town.doors, list, |state| state == "allocated")
        .await
        .expect("allocated");
}
