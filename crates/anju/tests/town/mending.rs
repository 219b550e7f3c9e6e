//! A clerk mends a refused list on the page that names its faults, without another file.

use anju::cast::{Person, contribute, open_employer};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use axum::http::StatusCode;
use rust_xlsxwriter::Workbook;

use crate::town::{Town, known, month};
use crate::visitor::{Answer, Visitor};

/// A list whose cells are written as a clerk types them, under these headers.
fn sheet(headers: &[&str], rows: &[Vec<&str>]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(headers) {
        sheet.write_string(0, column, *header).expect("a header");
    }
    for (row, cells) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, *cell).expect("a cell");
        }
    }
    book.save_to_buffer().expect("a file")
}

const HEADERS: [&str; 5] = ["姓名", "证件号码", "缴存基数", "变更", "手机号"];

fn base(person: &Person) -> String {
    Fen::new(person.base_fen).to_string()
}

async fn send(clerk: &Visitor, month: Month, file: &[u8]) -> Answer {
    let (month, key) = (month.to_string(), uuid::Uuid::now_v7().to_string());
    let fields = [
        ("month", month.as_str()),
        ("key", key.as_str()),
        ("mode", "complete"),
    ];
    clerk.upload("/unit/roster", &fields, file).await
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

/// What a browser sends of the form that mends, if nobody touches a box: the token is the visitor's own.
fn untouched(page: &str) -> Vec<(String, String)> {
    let form = page
        .split_once("action=\"/unit/roster/mend\"")
        .and_then(|(_, rest)| rest.split_once("</form>"))
        .map_or("", |(form, _)| form);
    let mut fields = Vec::new();
    for (at, _) in form.match_indices('<') {
        let rest = &form[at..];
        let tag = &rest[..rest.find('>').map_or(rest.len(), |end| end + 1)];
        let name = attribute(tag, "name").unwrap_or_default().to_owned();
        if tag.starts_with("<input") && !tag.contains("type=\"checkbox\"") && name != "csrf" {
            fields.push((name, attribute(tag, "value").unwrap_or_default().to_owned()));
        } else if tag.starts_with("<select") {
            let options = rest.split("</select>").next().unwrap_or_default();
            let chosen = options
                .split("<option")
                .skip(1)
                .find(|option| option.contains(" selected"))
                .or_else(|| options.split("<option").nth(1));
            let value = chosen.and_then(|option| attribute(option, "value"));
            fields.push((name, value.unwrap_or_default().to_owned()));
        }
    }
    fields
}

/// Presses 重新核对 with these boxes filled, chosen or ticked, and the others left as they are.
async fn mend(clerk: &Visitor, page: &str, touched: &[(&str, &str)]) -> Answer {
    let mut fields = untouched(page);
    fields.retain(|(name, _)| touched.iter().all(|(touched, _)| name != touched));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(touched.iter().copied())
        .collect();
    clerk.post("/unit/roster/mend", &fields).await
}

#[tokio::test]
async fn a_box_that_nobody_touches_leaves_its_cell_and_its_fault_as_they_are() {
    let town = Town::open().await;
    let office = town.office().await;
    let names = [("李梅", 1_000_000), ("王强", 800_000), ("赵敏", 700_000)];
    let people = known(&town, 881, &names).await;
    let firm = open_employer(&town.doors, 881, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 881).await;
    let [li, wang, zhao] = &people[..] else {
        panic!("three people")
    };
    let bases: Vec<String> = people.iter().map(base).collect();
    let wrong_id = format!("{}9", &zhao.id[..17]);
    let wrong_id = if wrong_id == zhao.id {
        format!("{}8", &zhao.id[..17])
    } else {
        wrong_id
    };
    let file = sheet(
        &HEADERS,
        &[
            vec![&li.name, &li.id, &bases[0], "离职", ""],
            vec![&wang.name, &wang.id, &bases[1], "", "12345"],
            vec![&zhao.name, &wrong_id, &bases[2], "", ""],
        ],
    );
    let seen = send(&clerk, month(0), &file).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!seen.page.contains(&wrong_id), "an ID number is masked");
    assert!(seen.page.contains("清空这一格"), "{}", seen.page);

    // Pressed without a word, twice: every fault is there again, with what stood in its cell.
    let mut page = seen.page;
    for _ in 0..2 {
        let again = mend(&clerk, &page, &[]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        for words in ["“离职”", "“12345”", "最后一位对不上", "重新核对 3 处"]
        {
            assert!(again.page.contains(words), "{words}: {}", again.page);
        }
        page = again.page;
    }
    // A box that was cleared empties nothing either.
    let cleared = [("r3c7", ""), ("r2c5", "")];
    let again = mend(&clerk, &page, &cleared).await;
    assert!(again.page.contains("重新核对 3 处"), "{}", again.page);

    let mended = [("r2c5", "封存"), ("empty", "r3c7"), ("r4c1", &zhao.id)];
    let sent = mend(&clerk, &again.page, &mended).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = clerk.get(&sent.location).await.page;
    assert!(page.contains("封存") && page.contains("2 人"), "{page}");
}

#[tokio::test]
async fn a_missing_person_is_sealed_on_the_page_and_no_cell_loses_its_box_for_him() {
    let town = Town::open().await;
    let office = town.office().await;
    let names = [("李梅", 1_000_000), ("王强", 800_000), ("赵敏", 700_000)];
    let people = known(&town, 882, &names).await;
    let firm = open_employer(&town.doors, 882, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 882).await;
    // Two stand in no row; the third's base has letters in it. This list has no column 变更.
    let headers = &HEADERS[..3];
    let file = sheet(headers, &[vec![&people[0].name, &people[0].id, "10,0OO"]]);
    let seen = send(&clerk, month(0), &file).await;
    for words in [
        "在这里改，不用重新传文件",
        "name=\"r2c2\" value=\"10,000\"",
        "在这份名册里封存",
        "重新核对 3 处",
    ] {
        assert!(seen.page.contains(words), "{words}: {}", seen.page);
    }
    for absent in &people[1..] {
        assert!(!seen.page.contains(&absent.id), "nobody's number is told");
    }
    // The guess of the base is confirmed; of the two who are missing nothing was said yet.
    let again = mend(&clerk, &seen.page, &[]).await;
    assert!(again.page.contains("重新核对 2 处"), "{}", again.page);
    let first = again.page.find("王*").expect("a name");
    let (wang, zhao) = match again.page.find("赵*") {
        Some(zhao) if zhao < first => ("m1", "m0"),
        _ => ("m0", "m1"),
    };
    let sent = mend(&clerk, &again.page, &[(wang, "seal"), (zhao, "stay")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = clerk.get(&sent.location).await.page;
    assert!(page.contains("王*") && page.contains("2 人"), "{page}");
    assert!(
        page.contains("4,080.00"),
        "10,000 and 7,000 at 24 %: {page}"
    );

    // What is no list has nothing to mend, and says so.
    let seen = send(&clerk, month(0), b"no list at all").await;
    assert!(seen.page.contains("这不是 xlsx 文件"), "{}", seen.page);
    assert!(!seen.page.contains("不用重新传文件"), "{}", seen.page);
    assert!(!seen.page.contains("重新核对"), "{}", seen.page);
}

#[tokio::test]
async fn every_cell_that_a_message_names_is_mended_and_a_row_can_be_left_out() {
    // In November no base is adjusted in a list.
    let instant = "2026-11-19T02:00:00Z".parse().expect("an instant");
    let town = Town::open_at(instant).await;
    let office = town.office().await;
    let of = |text: &str| Month::parse(text).expect("a month");
    let names = [("李梅", 1_000_000), ("王强", 800_000), ("赵敏", 700_000)];
    let people = known(&town, 883, &names).await;
    let firm = open_employer(&town.doors, 883, of("2026-10"))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, of("2026-10"), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 883).await;
    let [li, wang, zhao] = &people[..] else {
        panic!("three people")
    };
    let account = crate::town::account_no(&town, wang).await;
    let form = [
        ("do", "employee-account-seal"),
        ("key", &uuid::Uuid::now_v7().to_string()),
        ("reason", "离职"),
    ];
    let sealed = clerk.post(&format!("/unit/people/{account}"), &form).await;
    assert_eq!(sealed.status, StatusCode::SEE_OTHER, "{}", sealed.page);

    let bases: Vec<String> = people.iter().map(base).collect();
    let file = sheet(
        &HEADERS,
        &[
            vec![&li.name, &li.id, "25000", "基数调整", ""],
            vec![&wang.name, &wang.id, &bases[1], "", ""],
            vec![&zhao.name, &zhao.id, &bases[2], "", ""],
        ],
    );
    let seen = send(&clerk, of("2026-11"), &file).await;
    for words in [
        "改回现基数 10,000.00 元",
        "name=\"r2c2\" value=\"25000\"",
        "name=\"r2c5\"",
        "请删去这一行",
        "删去第 3 行",
    ] {
        assert!(seen.page.contains(words), "{words}: {}", seen.page);
    }
    // With the word gone alone the base still differs: its box is there again.
    let again = mend(&clerk, &seen.page, &[("r2c5", "empty"), ("drop", "3")]).await;
    assert!(again.page.contains("重新核对 1 处"), "{}", again.page);
    assert!(
        again.page.contains("现基数是 10,000.00 元") && again.page.contains("name=\"r2c2\""),
        "{}",
        again.page
    );
    let sent = mend(&clerk, &again.page, &[("r2c2", "10000")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = clerk.get(&sent.location).await.page;
    assert!(page.contains("2 人") && page.contains("4,080.00"), "{page}");
}

#[tokio::test]
async fn the_list_to_begin_with_has_whoever_is_to_be_in_the_next_one() {
    let town = Town::open().await;
    let office = town.office().await;
    let names = [("李梅", 1_000_000), ("王强", 800_000), ("赵敏", 700_000)];
    let people = known(&town, 884, &names).await;
    let firm = open_employer(&town.doors, 884, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(2), &people[..2])
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &firm, 884).await;
    let change = async |person: &Person, service: &str| {
        let account = crate::town::account_no(&town, person).await;
        let key = uuid::Uuid::now_v7().to_string();
        let base = base(person).replace(',', "");
        let form = [
            ("do", service),
            ("key", key.as_str()),
            ("reason", "离职"),
            ("base", base.as_str()),
        ];
        let done = clerk.post(&format!("/unit/people/{account}"), &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    };
    change(&people[1], "employee-account-seal").await;
    let without = std::slice::from_ref(&people[0]);
    contribute(&town.doors, &firm, month(1), without)
        .await
        .expect("a month");

    // Between two lists one leaves, one comes back, and one begins.
    change(&people[0], "employee-account-seal").await;
    change(&people[1], "employee-account-unseal").await;
    let key = uuid::Uuid::now_v7().to_string();
    let form = [
        ("key", key.as_str()),
        ("name", "赵敏"),
        ("id_no", people[2].id.as_str()),
        ("base", "7000"),
    ];
    let added = clerk.post("/unit/people/new", &form).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.page);

    let file = clerk.bytes("/unit/roster/last.xlsx").await;
    let sent = send(&clerk, month(0), &file).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = clerk.get(&sent.location).await.page;
    assert!(
        page.contains("2 人") && page.contains("3,600.00"),
        "8,000 and 7,000 at 24 %: {page}"
    );
}

/// The ratio was changed this year: a list that changes it again is refused as a whole, and one choice takes all of it back.
#[tokio::test]
async fn a_change_of_ratio_that_may_not_be_is_taken_back_for_the_whole_list_by_one_choice() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 889, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = open_employer(&town.doors, 889, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let eight = serde_json::json!({
        "service": "ratio-adjust", "applicant": firm, "channel": "HALL",
        "form": { "ratio_employer_bp": 800, "ratio_employee_bp": 800 },
    });
    let changed = town.doors.post("/cases", &eight).await.expect("a door");
    changed.ok().expect("the first change of the year");
    let clerk = Visitor::clerk(&town, &office, &firm, 889).await;
    let bases: Vec<String> = people.iter().map(base).collect();
    // The clerk has reckoned the amounts as well, with the ratio that he wants.
    let rows: Vec<Vec<&str>> = people
        .iter()
        .zip(&bases)
        .zip(["1400", "1120"])
        .map(|((one, base), monthly)| {
            vec![
                one.name.as_str(),
                one.id.as_str(),
                base.as_str(),
                "7%",
                "7%",
                "比例调整",
                monthly,
            ]
        })
        .collect();
    let headers = [
        "姓名",
        "证件号码",
        "缴存基数",
        "单位比例",
        "个人比例",
        "变更",
        "月缴存额",
    ];
    let refused = send(&clerk, month(0), &sheet(&headers, &rows)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.page;
    assert_eq!(page.matches("name=\"ratios\"").count(), 1, "{page}");
    assert!(
        page.contains("整份") && page.contains("全部 2 行都不调整比例"),
        "{page}"
    );
    assert!(
        !page.contains("name=\"r2c"),
        "no box of the first row alone: {page}"
    );

    let untouched = mend(&clerk, &page, &[]).await;
    assert_eq!(untouched.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mended = mend(&clerk, &untouched.page, &[("ratios", "empty")]).await;
    assert_eq!(mended.status, StatusCode::SEE_OTHER, "{}", mended.page);
    let preview = clerk.get(&mended.location).await.page;
    // 16 % of 10,000 and of 8,000.
    assert!(preview.contains("2,880.00"), "{preview}");
}
