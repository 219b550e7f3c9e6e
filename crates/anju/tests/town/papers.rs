//! Papers that need no visit: a certificate at once, read by an outside program and compared with the books; what is expired, replaced,
//! revoked or made up is told by its code.

use std::io::Write;
use std::process::{Command, Stdio};

use anju::cast::{self, Person, balance, look_up, number, text};
use anju::doors::Answer;
use anju_domain::money::Fen;
use anju_ledger::AccountId;
use anju_ledger::account::{self, State};
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, month, tenant_of};

const PERSONAL: &str = "certificate-contribution-elsewhere";
const EMPLOYER: &str = "employer-certificate";

async fn ask(town: &Town, service: &str, applicant: &str, form: Value) -> Answer {
    let body =
        json!({ "service": service, "applicant": applicant, "form": form, "channel": "HALL" });
    town.doors.post("/cases", &body).await.expect("a door")
}

/// The number of a case that gave a paper, and the link to it.
async fn issued(town: &Town, service: &str, applicant: &str, form: Value) -> (String, Value) {
    let answer = ask(town, service, applicant, form).await;
    assert_eq!(answer.body["state"], "done", "{answer:?}");
    let case = text(&answer.body, "case_id").expect("a case");
    let shown = get(town, &format!("/cases/{case}")).await;
    (case, shown["document"].clone())
}

async fn refused(town: &Town, service: &str, applicant: &str, form: Value) -> (String, String) {
    let answer = ask(town, service, applicant, form).await;
    assert!(
        answer.status.is_client_error() || answer.status.is_server_error(),
        "{answer:?}"
    );
    (
        answer.code().to_owned(),
        answer.body["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

async fn get(town: &Town, path: &str) -> Value {
    town.doors
        .get(path)
        .await
        .expect("a door")
        .ok()
        .expect(path)
}

async fn person_of(town: &Town, who: &Person) -> String {
    look_up(&town.doors, who).await.expect("known")
}

/// What an outside reader finds on a paper; spaces and line breaks are layout.
fn read_pdf(pdf: &[u8]) -> String {
    let mut reader = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("needs poppler-utils");
    let mut input = reader.stdin.take().expect("piped");
    input.write_all(pdf).expect("written");
    drop(input);
    let read = reader.wait_with_output().expect("ended").stdout;
    String::from_utf8(read)
        .expect("text")
        .split_whitespace()
        .collect()
}

async fn paper(town: &Town, case: &str) -> String {
    let pdf = town
        .doors
        .file(&format!("/cases/{case}/document"))
        .await
        .expect("a paper");
    read_pdf(&pdf)
}

async fn said(town: &Town, case: &str) -> Value {
    get(town, &format!("/cases/{case}/document?format=json")).await["document"].clone()
}

fn yuan(fen: i64) -> String {
    format!("{}元", Fen::new(fen))
}

#[tokio::test]
async fn a_certificate_comes_at_once_and_says_what_the_books_say() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 61).await;
    let person = person_of(&town, &li).await;

    let (case, link) = issued(&town, PERSONAL, &person, json!({ "purpose": "other" })).await;
    assert_eq!(link["kind"], "doc-contribution-certificate");
    assert_eq!(link["state"], "valid");

    let balance = balance(&town.doors, &li).await.expect("a balance");
    let account = cast::account(&town.doors, &li).await.expect("an account");
    let base = number(&account, "base_fen").expect("a base");
    let monthly = number(&account, "monthly_fen").expect("fen");
    let paper = paper(&town, &case).await;
    let code = text(&link, "code").expect("a code");
    for part in [
        "住房公积金缴存证明",
        &li.name,
        &li.id,
        &account_no(&town, &li).await,
        &yuan(balance),
        &yuan(base),
        &yuan(monthly),
        "连续缴存3个月",
        &format!("{}至{}", month(3).chinese(), month(1).chinese()),
        "单位12%+个人12%",
        "账户状态正常",
        &code,
        &format!("http://{}/verify-document", town.config.listen),
        &case,
    ] {
        assert!(paper.contains(part), "{part} is not on {paper}");
    }

    let data = said(&town, &case).await;
    assert_eq!(data["balance_fen"], balance);
    assert_eq!(data["base_fen"], base);
    assert_eq!(data["continuous_months"], 3);
    assert_eq!(data["code"], code.as_str());
    let again = said(&town, &case).await;
    assert_eq!(
        data, again,
        "a paper that is fetched again is the paper that was issued"
    );
    let days = |field: &str| {
        data[field].as_str().expect("a date")[..10]
            .parse::<chrono::NaiveDate>()
            .expect("a date")
    };
    assert_eq!(
        (days("valid_until") - chrono::Utc::now().date_naive())
            .num_days()
            .clamp(30, 31),
        (days("valid_until") - chrono::Utc::now().date_naive()).num_days()
    );
    assert!(
        data.get("months").is_none(),
        "the months stand on the paper for a loan"
    );
}

#[tokio::test]
async fn the_paper_for_a_loan_elsewhere_lists_the_year_and_asks_the_national_platform() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 62).await;
    let person = person_of(&town, &li).await;
    let loan = || json!({ "purpose": "loan", "destination": "510100" });

    let (code, _) = refused(&town, PERSONAL, &person, json!({ "purpose": "loan" })).await;
    assert_eq!(code, "E-FORM-01", "for which city");
    let (code, _) = refused(&town, PERSONAL, &person, json!({ "purpose": "fun" })).await;
    assert_eq!(code, "E-FORM-01", "no such purpose");

    cast::fact(
        &town.doors,
        "D15",
        "nhpf.loan_elsewhere",
        &li.id,
        json!({ "count": 1, "open": true }),
    )
    .await
    .expect("a source");
    let (code, why) = refused(&town, PERSONAL, &person, loan()).await;
    assert_eq!(code, "E-CERT-01");
    assert!(why.contains("未结清"), "{why}");

    cast::fact(
        &town.doors,
        "D15",
        "nhpf.loan_elsewhere",
        &li.id,
        json!({ "count": 1, "open": false, "settled_on": "2020-05-01" }),
    )
    .await
    .expect("a source");
    let (case, link) = issued(&town, PERSONAL, &person, loan()).await;
    assert_eq!(link["kind"], "doc-remote-loan-certificate");
    let paper = paper(&town, &case).await;
    for part in [
        "异地贷款职工住房公积金缴存使用证明",
        "最近3个月缴存",
        &month(2).chinese(),
        "2,400.00",
        "本中心0笔，外地1笔",
        "510100",
    ] {
        assert!(paper.contains(part), "{part} is not on {paper}");
    }
    let data = said(&town, &case).await;
    assert_eq!(data["months"].as_array().expect("months").len(), 3);
    let until: chrono::NaiveDate = text(&data, "valid_until")
        .expect("a date")
        .parse()
        .expect("a date");
    assert!((59..=61).contains(&(until - chrono::Utc::now().date_naive()).num_days()));
}

#[tokio::test]
async fn a_silent_platform_gives_no_paper_for_a_loan_and_says_to_come_back() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 63).await;
    let person = person_of(&town, &li).await;
    town.doors
        .control_put("/sources/D15", &json!({ "mode": "down" }))
        .await
        .expect("a source");
    let answer = ask(
        &town,
        PERSONAL,
        &person,
        json!({ "purpose": "loan", "destination": "510100" }),
    )
    .await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "E-CERT-01")
    );
    let (_, link) = issued(&town, PERSONAL, &person, json!({ "purpose": "other" })).await;
    assert_eq!(link["state"], "valid", "what asks nobody is not held up");
}

#[tokio::test]
async fn a_freeze_shows_as_the_fact_alone_and_a_closed_account_gives_no_paper() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 64).await;
    let person = person_of(&town, &li).await;
    let no = account_no(&town, &li).await;
    let account_id = AccountId(
        office
            .numbers
            .decode(NumberKind::Account, &no)
            .expect("a number"),
    );
    let mut conn = office.pool.acquire().await.expect("a connection");
    let order = Hold {
        hold_id: office.ids.next().await.expect("an id"),
        account: account_id,
        kind: HoldKind::Freeze,
        amount: Fen::new(123_456),
        case_id: None,
        reason: "渝中法院 2026 第 77 号",
        until: None,
    };
    assert!(
        hold(&mut conn, office.ledger(), &order, office.now())
            .await
            .expect("a freeze")
    );
    let (case, _) = issued(&town, PERSONAL, &person, json!({ "purpose": "other" })).await;
    let frozen = paper(&town, &case).await;
    assert!(frozen.contains("正常，有冻结"), "{frozen}");
    assert!(
        !frozen.contains("1,234.56") && !frozen.contains("法院"),
        "{frozen}"
    );

    let employer = cast::open_employer(&town.doors, 65, month(1))
        .await
        .expect("an employer");
    let wang = cast::person("王强", 65, 2, 800_000).expect("numbers");
    cast::register(&town.doors, &wang)
        .await
        .expect("the departments");
    let opened = json!({ "roster": [{ "name": "王强", "id_no": wang.id, "base_fen": 800_000 }] });
    let answer = ask(&town, "employee-account-open", &employer, opened).await;
    assert_eq!(answer.body["state"], "done", "{answer:?}");
    let empty = AccountId(
        office
            .numbers
            .decode(NumberKind::Account, &account_no(&town, &wang).await)
            .expect("a number"),
    );
    let closed = account::set_state(
        &mut conn,
        office.ledger(),
        empty,
        State::Open,
        State::Closed,
    )
    .await
    .expect("the ledger");
    assert!(closed, "an empty account is closed");
    let (code, why) = refused(
        &town,
        PERSONAL,
        &person_of(&town, &wang).await,
        json!({ "purpose": "other" }),
    )
    .await;
    assert_eq!(code, "E-CERT-01");
    assert!(why.contains("已销户"), "{why}");
}

#[tokio::test]
async fn an_employers_paper_states_arrears_as_they_are() {
    let town = Town::open().await;
    let (_, employer) = tenant_of(&town, 66).await;
    let period = json!({ "from_month": month(3).to_string(), "to_month": month(1).to_string(), "purpose": "上市" });
    let (case, link) = issued(&town, EMPLOYER, &employer, period).await;
    assert_eq!(link["kind"], "doc-employer-certificate");
    let data = said(&town, &case).await;
    assert_eq!(
        (data["paid_months"].as_i64(), data["paid_fen"].as_i64()),
        (Some(3), Some(720_000))
    );
    assert_eq!(data["owed_months"], 0);
    let whole = paper(&town, &case).await;
    for part in [
        "单位住房公积金缴存证明",
        "3个月，7,200.00元",
        "没有欠缴",
        "用途上市",
        "正常1人，封存0人",
        &month(2).chinese(),
    ] {
        assert!(whole.contains(part), "{part} is not on {whole}");
    }

    // An employer that never paid: every month that was due is owed, and the paper comes all the same.
    let idle = cast::open_employer(&town.doors, 67, month(4))
        .await
        .expect("an employer");
    let (case, _) = issued(&town, EMPLOYER, &idle, json!({})).await;
    let data = said(&town, &case).await;
    assert_eq!(data["paid_months"], 0);
    assert!(
        data["owed_months"]
            .as_i64()
            .is_some_and(|months| months >= 2),
        "{data}"
    );
    let owing = paper(&town, &case).await;
    assert!(
        owing.contains("欠缴") && owing.contains("还没有登记清册"),
        "{owing}"
    );

    let wrong = json!({ "from_month": month(1).to_string(), "to_month": month(3).to_string() });
    assert_eq!(
        refused(&town, EMPLOYER, &employer, wrong).await.0,
        "E-FORM-01"
    );
    let ahead = json!({ "to_month": month(-2).to_string() });
    assert_eq!(
        refused(&town, EMPLOYER, &employer, ahead).await.0,
        "E-FORM-01"
    );
}
