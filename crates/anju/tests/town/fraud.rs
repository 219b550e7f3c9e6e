//! Fraud and the black list (withdrawal.md §9): patterns that hold a case, what a reviewer finds, an entry from suspicion to release, and money
//! that is asked back.

use std::time::{Duration, Instant};

use anju::cast::home::{contract_of, signs, unit_of};
use anju::cast::{self, Person, balance, number, text};
use anju_business::fraud;
use anju_casework::staff::role;
use anju_casework::{Office, employer, leaf};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::arrears::{engine, is_told, told};
use crate::interest_year::days_later;
use crate::relief::approve;
use crate::town::{Town, month};
use crate::visitor::{Answer, Visitor};
use crate::withdrawal::{becomes, submit};

/// Three months of 2,400.00.
const HELD: i64 = 720_000;

struct Desk {
    town: Town,
    office: Office,
    people: Vec<Person>,
}

/// People of one employer who rent, and three reviewers where they are kept.
async fn desk(seed: i64, names: &[&str], mend: impl Fn(&mut Person)) -> Desk {
    desk_in(Town::open().await, seed, names, mend).await
}

async fn desk_in(town: Town, seed: i64, names: &[&str], mend: impl Fn(&mut Person)) -> Desk {
    let named: Vec<(&str, i64)> = names.iter().map(|name| (*name, 1_000_000)).collect();
    let mut people: Vec<Person> = named
        .iter()
        .zip(1..)
        .map(|((name, base), place)| cast::person(name, seed, place, *base).expect("numbers"))
        .collect();
    people.iter_mut().for_each(mend);
    for one in &people {
        cast::register(&town.doors, one)
            .await
            .expect("the departments");
        cast::rents(&town.doors, one).await.expect("a lease");
    }
    let employer_no = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        cast::contribute(&town.doors, &employer_no, month(back), &people)
            .await
            .expect("a month");
    }
    let office = town.office().await;
    let id = office.numbers.decode(NumberKind::Employer, &employer_no);
    let branch = employer::require(&office, id.expect("a number"))
        .await
        .expect("an employer")
        .branch_id;
    Visitor::staff(&town, &office, role::REVIEWER, branch).await;
    Visitor::second(&town, &office, role::REVIEWER, branch).await;
    Visitor::another(&town, &office, role::REVIEWER, branch, "3").await;
    Desk {
        town,
        office,
        people,
    }
}

impl Desk {
    async fn reviewer(&self, number: &str) -> Visitor {
        Visitor::of_number(&self.town, &self.office, role::REVIEWER, number).await
    }

    async fn first(&self) -> Visitor {
        self.reviewer("9reviewer").await
    }

    async fn second(&self) -> Visitor {
        self.reviewer("8reviewer").await
    }

    async fn third(&self) -> Visitor {
        self.reviewer("9reviewer3").await
    }

    async fn person(&self, place: usize) -> Visitor {
        Visitor::person(&self.town, &self.office, &self.people[place]).await
    }

    /// The number of the only link of this kind on a page.
    async fn link(&self, visitor: &Visitor, list: &str, prefix: &str) -> String {
        let page = visitor.get(list).await.page;
        page.split(&format!("href=\"{prefix}/"))
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_else(|| panic!("nothing in {list}: {page}"))
            .to_owned()
    }

    /// The first reviewer finds fraud in a case that is held; the number of the suspicion.
    async fn finds_fraud(&self, case: &Value) -> String {
        let no = text(case, "case_id").expect("a number");
        let form = [
            ("finding", "fraud"),
            ("reason", "三人同机办理，租房合同系同一中介"),
        ];
        let answer = self
            .first()
            .await
            .post(&format!("/desk/holds/{no}"), &form)
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
        self.link(&self.second().await, "/desk/blacklist", "/desk/blacklist")
            .await
    }

    /// The second reviewer confirms.
    async fn confirms(&self, entry: &str) {
        let form = [
            ("verdict", "confirm"),
            ("years", "3"),
            ("reason", "核对属实"),
        ];
        let answer = self
            .second()
            .await
            .post(&format!("/desk/blacklist/{entry}"), &form)
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    }

    async fn night(&self) {
        fraud::turn(&self.office).await.expect("the night's work");
    }
}

/// Logs in with a code, as everybody does, at the one browser that all of them use.
async fn log_in(town: &Town, who: &Person) {
    log_in_at(town, who, Visitor::at_browser(town, "shared").await).await;
}

async fn log_in_at(town: &Town, who: &Person, browser: Visitor) {
    let asked = browser
        .post("/login", &[("id_no", &who.id), ("back", "/my")])
        .await;
    let challenge = asked
        .page
        .split("name=\"challenge\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no code is asked for: {}", asked.page))
        .to_owned();
    is_told(town, &who.phone, "验证码 ").await;
    let messages = told(town, &who.phone).await;
    let code = messages.rsplit("验证码 ").next().expect("a code")[..6].to_owned();
    let form = [
        ("code", code.as_str()),
        ("challenge", challenge.as_str()),
        ("back", "/my"),
    ];
    let answer = browser.post("/login/code", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
}

fn condition<'a>(case: &'a Value, code: &str) -> &'a Value {
    case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .find(|one| one["code"] == code)
        .unwrap_or_else(|| panic!("no {code}: {case}"))
}

fn agents_phone(person: &mut Person) {
    person.phone = "13900777001".to_owned();
}

#[tokio::test]
async fn three_people_at_one_browser_are_looked_at_and_who_is_cleared_is_paid() {
    let desk = desk(7_101, &["李梅", "王强", "赵敏"], |_| {}).await;
    let town = &desk.town;
    for one in &desk.people {
        log_in(town, one).await;
    }
    let asked = submit(town, &desk.people[2]).await;
    let held = becomes(town, &asked, "reviewing").await;
    let no = text(&held, "case_id").expect("a number");
    assert_eq!(condition(&held, "FR-06")["message"], "E-W-15");
    assert_eq!(condition(&held, "FR-06")["outcome"], "not_met");
    is_told(
        town,
        &desk.people[2].phone,
        "正在核查，处理时间将延长，请留意通知",
    )
    .await;

    // What the person sees and may say; he cannot make it disappear.
    let me = desk.person(2).await;
    let page = me.get(&format!("/my/cases/{no}")).await.page;
    assert!(
        page.contains("该业务正在核查，处理时间将延长") && !page.contains("撤回这次申请"),
        "{page}"
    );
    let answer = me.post(&format!("/my/cases/{no}/withdraw"), &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.page);
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("核查中") && page.contains("说明情况"),
        "{page}"
    );
    let field = format!("text-{no}");
    let nothing = [
        ("about", "case"),
        ("number", no.as_str()),
        (field.as_str(), ""),
    ];
    assert_eq!(
        me.post("/my/standing", &nothing).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let words = [
        ("about", "case"),
        ("number", no.as_str()),
        (field.as_str(), "在单位的公用电脑上办的"),
    ];
    assert_eq!(
        me.post("/my/standing", &words).await.status,
        StatusCode::SEE_OTHER
    );
    let other = desk.person(0).await;
    assert_ne!(
        other.post("/my/standing", &words).await.status,
        StatusCode::SEE_OTHER
    );

    // Not in the queue of reviews, and no review before the finding.
    assert!(
        !desk
            .first()
            .await
            .get("/desk/tasks")
            .await
            .page
            .contains(&no)
    );
    let check = [("verdict", "approve"), ("reason", "同意")];
    let answer = desk
        .first()
        .await
        .post(&format!("/desk/cases/{no}/check"), &check)
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.page);
    assert!(answer.page.contains("正在核查"), "{}", answer.page);

    let list = desk.first().await.get("/desk/holds").await.page;
    assert!(list.contains(&no) && list.contains("FR-06"), "{list}");
    let page = desk
        .first()
        .await
        .get(&format!("/desk/holds/{no}"))
        .await
        .page;
    assert!(
        page.contains("同一设备登录")
            && page.contains("王*")
            && page.contains("在单位的公用电脑上办的"),
        "{page}"
    );
    let empty = [("finding", "clear"), ("reason", "")];
    let answer = desk
        .first()
        .await
        .post(&format!("/desk/holds/{no}"), &empty)
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let clear = [("finding", "clear"), ("reason", "单位公用电脑，已电话核实")];
    let answer = desk
        .first()
        .await
        .post(&format!("/desk/holds/{no}"), &clear)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    is_told(town, &desk.people[2].phone, "核查完了").await;
    approve(town, &desk.second().await, &asked).await;
    becomes(town, &asked, "done").await;
    town.audited().await;
}

/// Three phones at one address on the network: by the centre's number (3 here) a person looks. From where the proxy is nothing is concluded, nor
/// from what a visitor writes of himself before it.
#[tokio::test]
async fn from_so_many_people_on_at_one_address_a_person_looks() {
    let three = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/address.toml"
    ))
    .expect("the policy")
    .replacen("value = 50 }", "value = 3 }", 1);
    let town = Town::with_policy(&[("chongqing/address.toml", &three)]).await;
    let desk = desk_in(town, 7_111, &["李梅", "王强", "赵敏", "吴磊"], |_| {}).await;
    let town = &desk.town;
    let [li, wang, zhao, wu] = &desk.people[..] else {
        panic!("four people");
    };
    for (who, address) in [
        (li, "203.0.113.7"),
        (wang, "198.51.100.1, 203.0.113.7"),
        (wu, "127.0.0.1"),
    ] {
        let browser = Visitor::at_browser(town, &who.phone).await.from(address);
        log_in_at(town, who, browser).await;
    }
    let asked = submit(town, li).await;
    let done = becomes(town, &asked, "done").await;
    assert_eq!(
        condition(&done, "FR-06")["outcome"],
        "met",
        "two are no three"
    );
    let browser = Visitor::at_browser(town, &zhao.phone).await;
    log_in_at(town, zhao, browser.from("203.0.113.7")).await;
    let asked = submit(town, zhao).await;
    let held = becomes(town, &asked, "reviewing").await;
    assert_eq!(condition(&held, "FR-06")["message"], "E-W-15");
    let no = text(&held, "case_id").expect("a number");
    let page = desk
        .first()
        .await
        .get(&format!("/desk/holds/{no}"))
        .await
        .page;
    assert!(
        page.contains("同一网络地址登录") && !page.contains("203.0.113"),
        "{page}"
    );
    let asked = submit(town, wu).await;
    becomes(town, &asked, "done").await;
    let kept = "SELECT count(*) FROM session WHERE address_index IS NOT NULL AND audience = 1";
    assert_eq!(town.sql(kept).await, 3);
    town.audited().await;
}

#[tokio::test]
async fn a_suspicion_binds_only_after_two_and_being_heard_and_ends_by_objection() {
    let desk = desk(7_102, &["李梅", "王强", "赵敏"], agents_phone).await;
    let town = &desk.town;
    let asked = submit(town, &desk.people[0]).await;
    becomes(town, &asked, "reviewing").await;
    let entry = desk.finds_fraud(&asked).await;
    becomes(town, &asked, "refused").await;
    assert_eq!(
        balance(&town.doors, &desk.people[0])
            .await
            .expect("an account"),
        HELD
    );

    // A suspicion alone changes nothing; who entered it does not confirm it.
    let me = desk.person(0).await;
    assert!(!me.get("/my/standing").await.page.contains("失信记录</h2>"));
    let path = format!("/desk/blacklist/{entry}");
    let confirm = [("verdict", "confirm"), ("years", "3"), ("reason", "属实")];
    assert_eq!(
        desk.first().await.post(&path, &confirm).await.status,
        StatusCode::FORBIDDEN
    );
    let long = [("verdict", "confirm"), ("years", "9"), ("reason", "属实")];
    let answer = desk.second().await.post(&path, &long).await;
    assert!(answer.page.contains("1 到 5 年之间"), "{}", answer.page);
    desk.confirms(&entry).await;
    is_told(town, &desk.people[0].phone, "陈述申辩").await;
    let firm = cast::firm("", 7_102).expect("a firm");
    is_told(town, &firm.clerk_phone, "有职工因违规提取被认定失信").await;

    // Heard in time, it does not bind before the answer, and the answer is another's.
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("已认定，待生效") && page.contains("陈述申辩"),
        "{page}"
    );
    let field = format!("text-{entry}");
    let words = [
        ("about", "entry"),
        ("number", entry.as_str()),
        (field.as_str(), "我没有委托过中介"),
    ];
    assert_eq!(
        me.post("/my/standing", &words).await.status,
        StatusCode::SEE_OTHER
    );
    let twice = me.post("/my/standing", &words).await;
    assert!(twice.page.contains("已经提出过了"), "{}", twice.page);
    days_later(town, 12).await;
    desk.night().await;
    let page = desk.first().await.get(&path).await.page;
    assert!(
        page.contains("已认定，待生效") && page.contains("申辩由别人答复"),
        "{page}"
    );
    let third = desk.third().await;
    let page = third.get(&path).await.page;
    assert!(page.contains("我没有委托过中介"), "{page}");
    let statement = page
        .split("name=\"statement\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a statement")
        .to_owned();
    let answer_to = format!("{path}/answer");
    let uphold = [
        ("statement", statement.as_str()),
        ("granted", "false"),
        ("reason", "有同机办理记录"),
    ];
    assert_eq!(
        desk.first().await.post(&answer_to, &uphold).await.status,
        StatusCode::FORBIDDEN
    );
    let answer = third.post(&answer_to, &uphold).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    desk.night().await;
    is_told(town, &desk.people[0].phone, "列入失信名单").await;

    let me = desk.person(0).await;
    // It binds: rent is refused with its code; what the person may still say is heard once more.
    let refused = submit(town, &desk.people[0]).await;
    let refused = becomes(town, &refused, "refused").await;
    assert_eq!(condition(&refused, "CMN-03")["message"], "E-W-03");
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("限制中") && page.contains("提出异议"),
        "{page}"
    );
    let sheet = desk.first().await.get("/desk/blacklist.csv").await.page;
    assert!(sheet.contains(&entry) && sheet.contains("李*"), "{sheet}");
    assert_eq!(
        me.post("/my/standing", &words).await.status,
        StatusCode::SEE_OTHER
    );
    let page = third.get(&path).await.page;
    let statement = page
        .split("name=\"statement\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a statement")
        .to_owned();
    let grant = [
        ("statement", statement.as_str()),
        ("granted", "true"),
        ("reason", "号码是单位统一登记的"),
    ];
    let answer = third.post(&answer_to, &grant).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    is_told(town, &desk.people[0].phone, "失信记录已撤销").await;
    let again = submit(town, &desk.people[0]).await;
    let again = becomes(town, &again, "reviewing").await;
    assert_eq!(condition(&again, "CMN-03")["outcome"], "met");
    let mut proof = me.get(&format!("/my/standing/{entry}/proof.json")).await;
    for _ in 0..100 {
        if proof.status == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        proof = me.get(&format!("/my/standing/{entry}/proof.json")).await;
    }
    let record = record_of(&proof);
    assert_eq!(record["kind"], "blacklist", "{record}");
    let actor = record["actor"].as_str().expect("a public number");
    assert!(actor.starts_with('P'), "{record}");
    let before = step_of_before(town, &entry, &record).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while record_of(&me.get(&format!("/my/standing/{entry}/proof.json")).await) != before {
        assert!(
            Instant::now() < deadline,
            "a step of before is not proved as it was"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    town.audited().await;
}

/// A step after the last as a program left it that wrote the ledger's own number of who did it into the record, sealed and proved as it was.
async fn step_of_before(town: &Town, entry: &str, last: &Value) -> Value {
    let office = town.office().await;
    let id = office
        .numbers
        .decode(NumberKind::Case, entry)
        .expect("an id");
    let at = "2026-01-05T09:30:00.250+08:00";
    let mut record = last.clone();
    record["seq"] = json!(99);
    record["at"] = json!(at);
    record["actor"] = json!(0);
    let commitment = anju_evidence::record::commitment(&[7; 32], &record).expect("a record");
    let leaf = hex::encode(anju_evidence::record::entry(&commitment));
    let written = format!(
        "WITH step AS (
             INSERT INTO blacklist_step (centre_id, entry_id, seq, at, actor_id, step, detail)
             SELECT centre_id, entry_id, 99, '{at}', 0, step, detail FROM blacklist_step WHERE entry_id = {id} AND seq = {})
         INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt) VALUES ({id}, 1, {}, 99, decode('{leaf}', 'hex'), decode('{}', 'hex'))",
        last["seq"],
        leaf::kind::BLACKLIST,
        hex::encode([7; 32]),
    );
    sqlx::query(AssertSqlSafe(written))
        .execute(&mut town.database.owner().await)
        .await
        .expect("a step");
    record
}

/// The record that a proof is about; nothing while there is none.
fn record_of(proof: &Answer) -> Value {
    let mut bundle: Value = serde_json::from_str(&proof.page).unwrap_or_default();
    bundle["record"].take()
}

#[tokio::test]
async fn a_suspicion_that_is_not_confirmed_and_a_term_that_is_over_end() {
    let desk = desk(7_103, &["李梅", "王强", "赵敏"], agents_phone).await;
    let town = &desk.town;
    let asked = submit(town, &desk.people[0]).await;
    becomes(town, &asked, "reviewing").await;
    let entry = desk.finds_fraud(&asked).await;
    let path = format!("/desk/blacklist/{entry}");
    let drop = [("verdict", "drop"), ("reason", "证据不足")];
    assert_eq!(
        desk.first().await.post(&path, &drop).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        desk.second().await.post(&path, &drop).await.status,
        StatusCode::SEE_OTHER
    );
    let page = desk
        .first()
        .await
        .get("/desk/blacklist?view=released")
        .await
        .page;
    assert!(page.contains("没有认定"), "{page}");

    let asked = submit(town, &desk.people[1]).await;
    becomes(town, &asked, "reviewing").await;
    let entry = desk.finds_fraud(&asked).await;
    desk.confirms(&entry).await;
    days_later(town, 9).await;
    desk.night().await;
    assert_eq!(
        town.sql("SELECT count(*) FROM blacklist WHERE to_date > from_date")
            .await,
        1
    );
    // Nothing was paid, so nothing is to be returned: a year is enough.
    days_later(town, 367).await;
    desk.night().await;
    let page = desk
        .first()
        .await
        .get("/desk/blacklist?view=released")
        .await
        .page;
    assert!(page.contains("已解除：资金退回"), "{page}");
    is_told(town, &desk.people[1].phone, "失信限制已解除").await;
}

#[tokio::test]
async fn whoever_is_held_too_long_goes_on_in_review() {
    let desk = desk(7_104, &["李梅", "王强", "赵敏"], agents_phone).await;
    let town = &desk.town;
    let asked = submit(town, &desk.people[0]).await;
    let held = becomes(town, &asked, "reviewing").await;
    let no = text(&held, "case_id").expect("a number");
    days_later(town, 30).await;
    desk.night().await;
    assert!(
        desk.first()
            .await
            .get("/desk/holds")
            .await
            .page
            .contains(&no)
    );
    days_later(town, 1).await;
    desk.night().await;
    assert!(
        !desk
            .first()
            .await
            .get("/desk/holds")
            .await
            .page
            .contains(&no)
    );
    let tasks = desk.first().await.get("/desk/tasks").await.page;
    // The clock stood still for 31 days: the promise is not broken.
    assert!(tasks.contains(&no) && !tasks.contains("超时"), "{tasks}");
    let gone = [("finding", "clear"), ("reason", "没有问题")];
    let answer = desk
        .first()
        .await
        .post(&format!("/desk/holds/{no}"), &gone)
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

/// What the centre's account is paid, with this remark.
async fn pays_back(desk: &Desk, fen: i64, page: &str, code: &str) {
    let account = page
        .split("收款账号")
        .nth(1)
        .and_then(|rest| {
            let digits: String = rest
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            (digits.len() > 8).then_some(digits)
        })
        .unwrap_or_else(|| panic!("no account: {page}"));
    let bank = desk
        .office
        .banks
        .iter()
        .find(|one| one.account_no == account)
        .expect("one of ours");
    let payment = json!({
        "from": "6500999000077", "to": account, "amount_fen": fen, "reference": format!("退款 {code}"), "payer": "李梅",
    });
    desk.town
        .doors
        .control_post(&format!("/banks/{}/payments", bank.bank), &payment)
        .await
        .expect("a door")
        .ok()
        .expect("paid");
}

async fn balance_becomes(town: &Town, who: &Person, fen: i64) {
    for _ in 0..200 {
        if balance(&town.doors, who).await.expect("an account") == fen {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "the balance is {}",
        balance(&town.doors, who).await.expect("an account")
    );
}

async fn subject(town: &Town, code: &str, field: &str) -> i64 {
    let sheet = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("a sheet");
    let line = sheet["subjects"]
        .as_array()
        .expect("subjects")
        .iter()
        .find(|one| one["code"] == code)
        .expect("the subject")
        .clone();
    number(&line, field).expect("fen")
}

/// The code that stands on the person's page.
fn code_on(page: &str) -> String {
    let rest = page.split("附言写").last().expect("a code");
    let at = rest.find("ZH").expect("a code");
    rest[at..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}

#[tokio::test]
async fn what_was_wrongly_paid_is_asked_back_and_comes_into_the_books() {
    let desk = desk(7_105, &["李梅", "王强"], |_| {}).await;
    let town = &desk.town;
    let li = &desk.people[0];
    let asked = submit(town, li).await;
    let done = becomes(town, &asked, "done").await;
    let paid_fen = number(&done, "amount_fen").expect("fen");
    let case_no = text(&done, "case_id").expect("a number");
    let person_no = cast::look_up(&town.doors, li).await.expect("known");

    // Found after it was paid: entered by hand, confirmed by another.
    let wrong = [
        ("person", "none"),
        ("case", ""),
        ("ground", "FR-05"),
        ("finding", "合同系伪造"),
    ];
    let answer = desk.first().await.post("/desk/blacklist", &wrong).await;
    assert!(answer.page.contains("没有这个客户号"), "{}", answer.page);
    let other = cast::look_up(&town.doors, &desk.people[1])
        .await
        .expect("known");
    let wrong = [
        ("person", other.as_str()),
        ("case", &case_no),
        ("ground", "FR-05"),
        ("finding", "合同系伪造"),
    ];
    let answer = desk.first().await.post("/desk/blacklist", &wrong).await;
    assert!(answer.page.contains("不是这位职工的"), "{}", answer.page);
    let enter = [
        ("person", person_no.as_str()),
        ("case", &case_no),
        ("ground", "FR-05"),
        ("finding", "出租人证实合同系伪造"),
    ];
    let answer = desk.first().await.post("/desk/blacklist", &enter).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let again = desk.first().await.post("/desk/blacklist", &enter).await;
    assert!(again.page.contains("已有一条没有解除"), "{}", again.page);
    let entry = answer
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();
    desk.confirms(&entry).await;
    is_told(town, &li.phone, "前退回违规提取的").await;

    // Money with the code is credited in parts; too much of it waits for a person.
    let me = desk.person(0).await;
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("待退回") && page.contains("收款账号"),
        "{page}"
    );
    let code = code_on(&page);
    let mine = balance(&town.doors, li).await.expect("an account");
    let before = subject(town, "201", "closing_fen").await;
    pays_back(&desk, 100_000, &page, &code).await;
    balance_becomes(town, li, mine + 100_000).await;
    assert_eq!(subject(town, "201", "closing_fen").await, before + 100_000);
    let entries = {
        let account = crate::town::account_no(town, li).await;
        town.doors
            .get(&format!("/accounts/{account}/entries"))
            .await
            .expect("a door")
            .ok()
            .expect("entries")
    };
    assert!(entries.to_string().contains("E30"), "{entries}");
    pays_back(&desk, paid_fen, &page, &code).await;
    for _ in 0..100 {
        if town
            .sql("SELECT count(*) FROM receipt WHERE reason LIKE '附言是追回码%'")
            .await
            == 1
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        balance(&town.doors, li).await.expect("an account"),
        mine + 100_000
    );
    pays_back(&desk, paid_fen - 100_000, &page, &code).await;
    balance_becomes(town, li, mine + paid_fen).await;
    let page = me.get("/my/standing").await.page;
    assert!(page.contains("已退回"), "{page}");
    is_told(town, &li.phone, "还差 0.00 元").await;
    town.audited().await;

    // Returned, and a year later: released.
    days_later(town, 9).await;
    desk.night().await;
    let refused = submit(town, li).await;
    becomes(town, &refused, "refused").await;
    days_later(town, 366).await;
    desk.night().await;
    let page = desk.person(0).await.get("/my/standing").await.page;
    assert!(page.contains("已解除：资金退回"), "{page}");
}

#[tokio::test]
async fn a_demand_that_is_overdue_is_told_once() {
    let desk = desk(7_106, &["李梅"], |_| {}).await;
    let town = &desk.town;
    let li = &desk.people[0];
    let asked = submit(town, li).await;
    let done = becomes(town, &asked, "done").await;
    let case_no = text(&done, "case_id").expect("a number");
    let person_no = cast::look_up(&town.doors, li).await.expect("known");
    let enter = [
        ("person", person_no.as_str()),
        ("case", &case_no),
        ("ground", "FR-05"),
        ("finding", "出租人证实合同系伪造"),
    ];
    let answer = desk.first().await.post("/desk/blacklist", &enter).await;
    let entry = answer
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();
    desk.confirms(&entry).await;
    days_later(town, 31).await;
    desk.night().await;
    is_told(town, &li.phone, "逾期没有退回").await;
    let page = desk
        .first()
        .await
        .get("/desk/recoveries?view=demanded")
        .await
        .page;
    assert!(page.contains("逾期未退"), "{page}");
    // Not returned: no early release.
    days_later(town, 400).await;
    desk.night().await;
    let page = desk
        .first()
        .await
        .get("/desk/blacklist?view=restricted")
        .await
        .page;
    assert!(page.contains(&entry), "{page}");
}

#[tokio::test]
async fn a_contract_that_is_cancelled_after_the_money_left_is_a_lead() {
    let desk = desk(7_107, &["李梅", "王强"], |_| {}).await;
    let town = &desk.town;
    let li = &desk.people[0];
    let day =
        (anju_domain::clock::shanghai_date(chrono::Utc::now()) - chrono::Days::new(60)).to_string();
    signs(&town.doors, li, &day, 500_000, 500_000)
        .await
        .expect("a contract");
    let form = json!({ "contract_no": contract_of(li) });
    let body = cast::home::request(&town.doors, li, "withdraw-purchase-full", &form)
        .await
        .expect("known");
    let asked = town
        .doors
        .post("/cases?wait=10s", &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    becomes(town, &asked, "done").await;
    let engine = engine(town).await;
    assert_eq!(
        engine.ask_contracts().await.expect("asked"),
        0,
        "not before its day"
    );
    let cancelled = json!({
        "filed": true, "contract_no": contract_of(li), "date": day, "kind": "presale", "buyers": [li.name],
        "unit_no": unit_of(li), "district": "500112", "use": "residential", "price_fen": 500_000, "paid_fen": 500_000,
        "area": "89.50", "project": "江岸", "cancelled": true,
    });
    cast::fact(
        &town.doors,
        "D04",
        "housing.contract_filing",
        &li.id,
        cancelled,
    )
    .await
    .expect("cancelled");
    days_later(town, 31).await;
    // The server may be the one that asks.
    for _ in 0..100 {
        engine.ask_contracts().await.expect("asked");
        if town.sql("SELECT count(*) FROM recovery").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    engine.ask_contracts().await.expect("asked");
    assert_eq!(town.sql("SELECT count(*) FROM recovery").await, 1, "once");

    // The person is asked for nothing before somebody has looked.
    let me = desk.person(0).await;
    assert!(!me.get("/my/standing").await.page.contains("待退回"));
    let lead = desk
        .link(&desk.first().await, "/desk/recoveries", "/desk/recoveries")
        .await;
    let path = format!("/desk/recoveries/{lead}");
    let page = desk.first().await.get(&path).await.page;
    assert!(
        page.contains("FR-08") && page.contains("5,000.00"),
        "{page}"
    );
    let so = [("so", "true"), ("reason", "住建委核实，合同已撤销备案")];
    let answer = desk.first().await.post(&path, &so).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    is_told(town, &li.phone, "购房合同已撤销").await;
    let page = me.get("/my/standing").await.page;
    let mine = balance(&town.doors, li).await.expect("an account");
    pays_back(&desk, 500_000, &page, &code_on(&page)).await;
    balance_becomes(town, li, mine + 500_000).await;
    town.audited().await;
}

#[tokio::test]
async fn an_employer_whose_people_stay_shortly_and_withdraw_for_homes_elsewhere_is_looked_at() {
    let desk = desk(7_108, &["李梅", "王强", "赵敏"], |_| {}).await;
    let town = &desk.town;
    let day =
        (anju_domain::clock::shanghai_date(chrono::Utc::now()) - chrono::Days::new(60)).to_string();
    let mut cases = Vec::new();
    for one in &desk.people {
        let contract = json!({
            "filed": true, "contract_no": contract_of(one), "date": day, "kind": "presale", "buyers": [one.name],
            "unit_no": unit_of(one), "district": "510104", "use": "residential", "price_fen": 200_000, "paid_fen": 200_000,
        });
        cast::fact(
            &town.doors,
            "D04",
            "housing.contract_filing",
            &one.id,
            contract,
        )
        .await
        .expect("a contract");
        cast::home::invoiced(&town.doors, one, &day, 200_000)
            .await
            .expect("an invoice");
        let hukou = json!({ "local": false, "region_code": "510107", "state": "active" });
        cast::fact(&town.doors, "D01", "police.hukou", &one.id, hukou)
            .await
            .expect("a hukou");
        let form = json!({ "contract_no": contract_of(one) });
        let body = cast::home::request(&town.doors, one, "withdraw-purchase-full", &form)
            .await
            .expect("known");
        let asked = town
            .doors
            .post("/cases?wait=10s", &body)
            .await
            .expect("a door")
            .ok()
            .expect("a case");
        cases.push(asked);
        let state = if cases.len() < 3 { "done" } else { "reviewing" };
        let now = becomes(town, &cases[cases.len() - 1], state).await;
        let outcome = if cases.len() < 3 { "met" } else { "not_met" };
        assert_eq!(condition(&now, "FR-07")["outcome"], outcome, "{now}");
    }
}

#[tokio::test]
async fn a_paper_that_its_issuer_calls_forged_refuses_the_case_and_makes_a_suspect() {
    const PICTURE: &[u8] =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    let desk = desk(7_109, &["李梅"], |_| {}).await;
    let town = &desk.town;
    let form = json!({ "kind": "min-living", "relation": "self", "amount_fen": 300_000 });
    let case = crate::hardship::ask(town, &desk.people[0], form).await;
    let no = text(&case, "case_id").expect("a number");
    assert_eq!(case["state"], "gathering", "{case}");
    let me = desk.person(0).await;
    let sent = me
        .hand_in(&format!("/my/cases/{no}/papers"), "LOW-01", PICTURE)
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let paper = desk
        .link(&desk.first().await, "/desk/papers", "/desk/papers")
        .await;
    let verdict = [("verdict", "forged"), ("reason", "民政局答复没有这个证号")];
    let answer = desk
        .first()
        .await
        .post(&format!("/desk/papers/{paper}"), &verdict)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    becomes(town, &case, "refused").await;
    let page = desk.second().await.get("/desk/blacklist").await.page;
    assert!(page.contains("FR-05"), "{page}");
    assert_eq!(
        balance(&town.doors, &desk.people[0])
            .await
            .expect("an account"),
        HELD
    );
}
