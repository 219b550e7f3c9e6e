//! 对外报送: files that others get from us: made once when their day has come, sent until they are answered, mended by a person.

use std::time::Duration;

use anju::cast::{self, Person, contribute};
use anju::start::{demo, office};
use anju_casework::Office;
use anju_casework::staff::role;
use anju_domain::calendar::Month;
use anju_engine::Engine;
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::interest_year::{close_days, days_later};
use crate::town::{Town, known};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

const LAST_BUT_ONE: NaiveDate = NaiveDate::from_ymd_opt(2028, 12, 30).expect("a date");

/// Two people who contributed October and November by the end of 2028, and their employer.
async fn year_end() -> (Town, Engine, Vec<Person>, String) {
    let morning = LAST_BUT_ONE.and_hms_opt(2, 0, 0).expect("a time").and_utc();
    let town = Town::open_at(morning).await;
    let people = known(&town, 2310, &[("李梅", 1_000_000), ("何川", 800_000)]).await;
    let employer = cast::open_employer(&town.doors, 2310, Month::of(LAST_BUT_ONE).plus(-2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        let month = Month::of(LAST_BUT_ONE).plus(-back);
        contribute(&town.doors, &employer, month, &people)
            .await
            .expect("a month");
    }
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    (town, engine, people, employer)
}

/// The files that a department has taken.
async fn received(town: &Town, source: &str, flow: &str) -> Vec<Value> {
    let path = format!("/sources/{source}/received/{flow}");
    let files = town.doors.control(&path).await.expect("the outside");
    let files = files.ok().expect("files");
    files.as_array().expect("a list").clone()
}

async fn refuses(town: &Town, source: &str, flow: &str, reason: Value) {
    let path = format!("/sources/{source}/received/{flow}");
    let put = town
        .doors
        .control_put(&path, &json!({ "reason": reason }))
        .await;
    put.expect("the outside").ok().expect("told");
}

async fn mode(town: &Town, source: &str, mode: &str) {
    let path = format!("/sources/{source}");
    let put = town
        .doors
        .control_put(&path, &json!({ "mode": mode }))
        .await;
    put.expect("the outside").ok().expect("a mood");
}

async fn until(town: &Town, what: &'static str, count: i64) {
    for _ in 0..600 {
        if town.sql(what).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} is not {count}");
}

async fn admin(town: &Town, office: &Office) -> Visitor {
    Visitor::staff(town, office, role::SYSTEM_ADMIN, office.centre.head_branch).await
}

const TAKEN: &str = "SELECT count(*) FROM sent_file WHERE flow = 'pretax' AND state = 2";
const PRETAX: &str = "SELECT count(*) FROM sent_file WHERE flow = 'pretax'";
const REFUSED: &str = "SELECT count(*) FROM sent_file WHERE flow = 'pretax' AND state = 3";
const FAILED: &str = "SELECT count(*) FROM sent_file WHERE flow = 'pretax' AND failure IS NOT NULL";

/// Goal: the tax bureau has once a year what each person contributed himself, to the fen of the books; an answer that is lost costs nothing.
#[tokio::test]
async fn the_tax_bureau_gets_what_each_contributed_himself_in_the_year_once() {
    let (town, engine, people, employer) = year_end().await;
    close_days(&town, &engine, 2).await;
    engine.make_files().await.expect("a look");
    assert_eq!(town.sql(PRETAX).await, 0, "the day of policy has not come");
    days_later(&town, 9).await;
    // Of another year.
    contribute(&town.doors, &employer, Month::of(LAST_BUT_ONE), &people)
        .await
        .expect("a month");

    mode(&town, "D07", "wrong_person").await;
    for _ in 0..2 {
        engine.make_files().await.expect("a look");
    }
    assert_eq!(town.sql(PRETAX).await, 1, "once");
    until(&town, FAILED, 1).await;
    let first = received(&town, "D07", "pretax").await;
    assert_eq!(first.len(), 1, "it has it, and its answer is not believed");
    let office = town.office().await;
    let admin = admin(&town, &office).await;
    let page = admin.get("/desk/sources/D07").await.page;
    assert!(page.contains("没有送到：答的是别人"), "{page}");
    mode(&town, "D07", "ok").await;
    until(&town, TAKEN, 1).await;

    let files = received(&town, "D07", "pretax").await;
    assert_eq!(files, first, "the same file again changes nothing there");
    let mut rows: Vec<Value> = people
        .iter()
        .zip([240_000, 192_000])
        .map(|(who, fen)| json!({ "zjhm": who.id, "nd": "2028", "grjce_fen": fen }))
        .collect();
    rows.sort_by_key(|row| row["zjhm"].as_str().map(str::to_owned));
    assert_eq!(
        files[0]["rows"],
        json!(rows),
        "the number, the year, the amount: no more"
    );
    assert_eq!(
        (&files[0]["day"], &files[0]["control"]),
        (&json!("20281231"), &json!("432000"))
    );
    let own_parts = "SELECT -sum(amount_fen)::bigint FROM posting WHERE subject = 201 AND part = 2 AND business_date <= '2028-12-31'";
    assert_eq!(town.sql(own_parts).await, 432_000);
    let page = admin.get("/desk/sources/D07").await.page;
    for words in [
        "个人缴存税前扣除年度金额",
        "4,320.00",
        "已接收",
        "2028-12-31",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains(&people[0].id), "nobody is named");
}

/// Goal: a file that the receiver refuses whole is seen with its reason, and a person has it made again from the books; nobody else can.
#[tokio::test]
async fn a_file_that_is_refused_is_seen_at_the_desk_and_made_again_by_a_person() {
    let (town, engine, people, _) = year_end().await;
    close_days(&town, &engine, 2).await;
    days_later(&town, 9).await;
    refuses(&town, "D07", "pretax", json!("有 1 个证件号码不存在")).await;
    engine.make_files().await.expect("a look");
    until(&town, REFUSED, 1).await;
    engine.make_files().await.expect("a look");
    assert_eq!(town.sql(PRETAX).await, 1, "nothing is made again by itself");
    let office = town.office().await;
    let admin = admin(&town, &office).await;
    let page = admin.get("/desk/sources/D07").await.page;
    assert!(
        page.contains("整件退回：有 1 个证件号码不存在") && page.contains("重新生成并重送"),
        "{page}"
    );
    let auditor = Visitor::staff(&town, &office, role::AUDITOR, office.centre.head_branch).await;
    let page = auditor.get("/desk/sources/D07").await.page;
    assert!(
        page.contains("整件退回") && !page.contains("重新生成并重送"),
        "{page}"
    );

    refuses(&town, "D07", "pretax", Value::Null).await;
    let file = town
        .sql("SELECT file_id FROM sent_file WHERE flow = 'pretax'")
        .await;
    let again = format!("/desk/sources/D07/files/{file}");
    let sent = admin.post(&again, &[]).await;
    assert_eq!(sent.location, "/desk/sources/D07#sent", "{}", sent.page);
    until(&town, TAKEN, 1).await;
    let files = received(&town, "D07", "pretax").await;
    assert_eq!(files.len(), 1);
    assert_eq!(
        files[0]["rows"].as_array().map(Vec::len),
        Some(people.len())
    );
    assert_eq!(files[0]["name"], "500000_pretax_20281231_2.jsonl.gz");
    let twice = admin.post(&again, &[]).await;
    assert_eq!(
        twice.status,
        reqwest::StatusCode::CONFLICT,
        "{}",
        twice.page
    );
    assert!(twice.page.contains("已经重送过"), "{}", twice.page);
    assert_eq!(
        town.sql(
            "SELECT count(*) FROM sent_file WHERE flow = 'pretax' AND content_sealed IS NOT NULL"
        )
        .await,
        0,
        "what was answered is not kept"
    );
}

/// The five tables of the ministry, and the figure of the trial balance that each has to add up to: subject and column.
const TABLES: [(&str, &str, &str); 4] = [
    ("unit", "21901", "closing_fen"),
    ("account", "201", "closing_fen"),
    ("contribution", "201", "credit_fen"),
    ("withdrawal", "201", "debit_fen"),
];

/// A file of the ministry about a day.
async fn supervised(town: &Town, table: &str, day: NaiveDate) -> Value {
    let day = day.format("%Y%m%d").to_string();
    let files = received(town, "D15", &format!("supervision_{table}")).await;
    let of_day: Vec<&Value> = files.iter().filter(|file| file["day"] == *day).collect();
    assert_eq!(of_day.len(), 1, "{table} {day}: {files:?}");
    of_day[0].clone()
}

/// The control sums of a day's files are figures of its trial balance, to the fen; and the rows add up to them.
async fn adds_up(town: &Town, day: NaiveDate) {
    let balance = town
        .doors
        .get(&format!("/books/trial-balance?date={day}"))
        .await;
    let balance = balance.expect("a door").ok().expect("a trial balance");
    assert_eq!(balance["sealed"], true);
    let subjects = balance["subjects"].as_array().expect("subjects");
    for (table, code, column) in TABLES {
        let file = supervised(town, table, day).await;
        let subject = subjects.iter().find(|one| one["code"] == code);
        let figure = subject.expect(code)[column].as_i64().expect("fen");
        assert_eq!(
            file["control"],
            figure.to_string(),
            "{table} of {day}: {file}"
        );
    }
    let ledger = supervised(town, "ledger", day).await;
    let debit: i64 = subjects
        .iter()
        .filter_map(|one| one["debit_fen"].as_i64())
        .sum();
    assert_eq!(ledger["control"], debit.to_string());
    for row in ledger["rows"].as_array().expect("rows") {
        let subject = subjects.iter().find(|one| one["code"] == row["kmbm"]);
        let subject = subject.unwrap_or_else(|| panic!("{row}"));
        for (ours, theirs) in [
            ("opening_fen", "qcye_fen"),
            ("debit_fen", "jffse_fen"),
            ("credit_fen", "dffse_fen"),
            ("closing_fen", "qmye_fen"),
        ] {
            assert_eq!(subject[ours], row[theirs], "{row}");
        }
    }
}

const MADE: &str = "SELECT count(*) FROM sent_file WHERE flow LIKE 'supervision%'";
const SUPERVISED: &str =
    "SELECT count(*) FROM sent_file WHERE flow LIKE 'supervision%' AND state = 2";

/// Goal: the ministry has each closed day once, the next day, as the books closed it whatever was booked since, and nobody's name or number.
#[tokio::test]
async fn the_ministry_gets_the_tables_of_each_closed_day_and_they_add_up_to_its_trial_balance() {
    let morning = LAST_BUT_ONE.and_hms_opt(2, 0, 0).expect("a time").and_utc();
    let town = Town::open_at(morning).await;
    let people = known(&town, 2311, &[("李梅", 1_000_000), ("何川", 800_000)]).await;
    cast::rents(&town.doors, &people[0]).await.expect("a lease");
    let this = Month::of(LAST_BUT_ONE);
    let employer = cast::open_employer(&town.doors, 2311, this.plus(-3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(&town.doors, &employer, this.plus(-back), &people)
            .await
            .expect("a month");
    }
    let case = submit(&town, &people[0]).await;
    becomes(&town, &case, "done").await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    engine.make_files().await.expect("a look");
    assert_eq!(town.sql(MADE).await, 0, "no day is closed");
    close_days(&town, &engine, 1).await;
    // Booked on the next day, before the day's tables are made.
    contribute(&town.doors, &employer, this, &people)
        .await
        .expect("a month");
    for _ in 0..2 {
        engine.make_files().await.expect("a look");
    }
    until(&town, SUPERVISED, 5).await;
    assert_eq!(town.sql(MADE).await, 5, "each once");
    adds_up(&town, LAST_BUT_ONE).await;

    let accounts = supervised(&town, "account", LAST_BUT_ONE).await;
    let rows = accounts["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2, "{accounts}");
    let ours = cast::account(&town.doors, &people[1])
        .await
        .expect("an account");
    let row = rows.iter().find(|row| row["grzh"] == ours["account_no"]);
    let row = row.expect("何川").clone();
    assert_eq!(
        row,
        json!({
            "grzh": ours["account_no"], "dwzh": employer, "zjlx": "01", "grzhzt": "01", "grjcjs_fen": 800_000,
            "dwyjce_fen": 96_000, "gryjce_fen": 96_000, "grzhye_fen": 576_000,
        }),
        "as the day closed"
    );
    let units = supervised(&town, "unit", LAST_BUT_ONE).await;
    assert_eq!(units["rows"][0]["jcrs"], 2, "{units}");
    assert_eq!(units["rows"][0]["dwzhzt"], "01", "{units}");
    let contributions = supervised(&town, "contribution", LAST_BUT_ONE).await;
    let rows = contributions["rows"].as_array().expect("rows");
    assert!(
        rows.len() == 12 && rows.iter().all(|row| row["ywlx"] == "01"),
        "two people, three months, two parts: {contributions}"
    );
    let withdrawals = supervised(&town, "withdrawal", LAST_BUT_ONE).await;
    let rows = withdrawals["rows"].as_array().expect("rows");
    assert!(rows.len() == 1 && rows[0]["ywlx"] == "11", "{withdrawals}");
    for table in ["unit", "account", "contribution", "withdrawal", "ledger"] {
        let text = supervised(&town, table, LAST_BUT_ONE).await.to_string();
        for one in &people {
            assert!(
                !text.contains(&one.id) && !text.contains(&one.name),
                "{text}"
            );
        }
    }

    // The next day comes by itself; a day that nothing moved on comes, too.
    close_days(&town, &engine, 2).await;
    engine.make_files().await.expect("a look");
    until(&town, SUPERVISED, 15).await;
    for later in [1, 2] {
        let day = LAST_BUT_ONE + chrono::Days::new(later);
        adds_up(&town, day).await;
    }
    let office = town.office().await;
    let page = admin(&town, &office)
        .await
        .get("/desk/sources/D15")
        .await
        .page;
    for words in [
        "监管数据：个人账户",
        "日结的次日",
        "已接收",
        "2028-12-30",
        "2029-01-01",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}
