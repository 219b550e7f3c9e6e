//! Papers that need no visit: a certificate at once, read by an outside program and compared with the books; what is expired, replaced,
//! revoked or made up is told by its code.

use std::io::Write;
use std::process::{Command, Stdio};

use anju::cast::{self, Person, balance, look_up, number, text};
use anju::doors::Answer;
use anju::start::demo;
use anju_business::books::day_close;
use anju_domain::money::Fen;
use anju_ledger::AccountId;
use anju_ledger::account::{self, State};
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

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
        "成都市",
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

/// What a stranger learns of a code.
async fn verified(town: &Town, code: &str) -> Value {
    get(town, &format!("/query/verify-document?code={code}")).await
}

#[tokio::test]
async fn anybody_asks_by_its_code_whether_a_paper_is_ours_and_still_holds() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 68).await;
    let person = person_of(&town, &li).await;
    let other = || json!({ "purpose": "other" });
    let (case, link) = issued(&town, PERSONAL, &person, other()).await;
    let code = text(&link, "code").expect("a code");

    let found = verified(&town, &code).await;
    assert_eq!(found["state"], "valid");
    assert_eq!(found["content"]["name"], "李*");
    assert_eq!(found["content"]["balance_fen"], 720_000);
    assert_eq!(found["case_id"], case.as_str());
    assert_eq!(found["digest"], link["digest"]);
    let shown = found.to_string();
    for hidden in [&li.id, &li.name, &account_no(&town, &li).await] {
        assert!(!shown.contains(hidden.as_str()), "{hidden} in {shown}");
    }
    assert!(found["content"].get("salt").is_none());

    // The same on the page, for anybody, as people type it; and what holds the paper in the evidence log.
    let stranger = Visitor::nobody(&town).await;
    let typed: String = code
        .to_lowercase()
        .chars()
        .collect::<Vec<_>>()
        .chunks(4)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join("-");
    let page = stranger
        .get(&format!("/verify-document?code={typed}"))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    for part in ["有效", "李*", "7,200.00 元", "住房公积金缴存证明"] {
        assert!(page.page.contains(part), "{part} is not on the page");
    }
    assert!(!page.page.contains(&li.id) && !page.page.contains(&li.name));
    let proof = sealed(
        &stranger,
        &format!("/verify-document/proof.json?code={code}"),
    )
    .await;
    assert_eq!(proof["record"]["detail"]["digest"], link["digest"]);
    assert!(
        !proof.to_string().contains(&li.name),
        "the proof names nobody"
    );

    // A second one for the same takes its place.
    let (_, second) = issued(&town, PERSONAL, &person, other()).await;
    assert_eq!(verified(&town, &code).await["state"], "replaced");
    let second = text(&second, "code").expect("a code");
    assert_eq!(verified(&town, &second).await["state"], "valid");
    assert!(
        stranger
            .get(&format!("/verify-document?code={code}"))
            .await
            .page
            .contains("已被新的一份代替")
    );

    // A month later it is no longer good.
    town.later(32 * 24 * 60);
    assert_eq!(verified(&town, &second).await["state"], "expired");
    assert!(
        stranger
            .get(&format!("/verify-document?code={second}"))
            .await
            .page
            .contains("已过有效期")
    );

    for wrong in ["ABCD2345EFGH6789", "O0O0", "", "%E8%AF%81"] {
        let answer = town
            .doors
            .get(&format!("/query/verify-document?code={wrong}"))
            .await
            .expect("a door");
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "E-CERT-03"),
            "{wrong}"
        );
    }
    let answer = town
        .doors
        .get("/query/verify-document")
        .await
        .expect("a door");
    assert_eq!(answer.code(), "E-API-05");
    let page = stranger.get("/verify-document?code=ABCD2345EFGH6789").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.page.contains("没有这个校验码的证明"));
}

/// verify-document by file: one byte makes the difference, and what is no original says what the paper said.
#[tokio::test]
async fn a_file_is_known_to_the_byte_and_an_altered_one_is_told_apart() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 69).await;
    let person = person_of(&town, &li).await;
    let (case, link) = issued(&town, PERSONAL, &person, json!({ "purpose": "other" })).await;
    let code = text(&link, "code").expect("a code");
    let path = format!("/cases/{case}/document");
    let file = town.doors.file(&path).await.expect("a paper");

    let stranger = Visitor::nobody(&town).await;
    let original = stranger.check_file(&file).await;
    assert_eq!(original.status, StatusCode::OK, "{}", original.page);
    for part in ["有效", "逐字节一致", "李*", "7,200.00 元"] {
        assert!(original.page.contains(part), "{part} is not on the page");
    }
    assert!(!original.page.contains(&li.id) && !original.page.contains(&li.name));

    let mut altered = file.clone();
    let last = altered.len() - 20;
    altered[last] ^= 1;
    let told = stranger.check_file(&altered).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.page);
    for part in ["不是原件", "7,200.00 元", &code] {
        assert!(told.page.contains(part), "{part} is not on the page");
    }
    assert!(!told.page.contains("逐字节一致"));

    let foreign = stranger.check_file(b"%PDF-1.7 another centre's").await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert!(foreign.page.contains("不是本中心出具的文件"));
    let empty = stranger.check_file(b"").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.page.contains("还没有选文件"));

    // What was revoked stays ours, and is said to hold no longer.
    let of_li = Visitor::person(&town, &town.office().await, &li).await;
    let revoked = of_li.post("/my/papers/revoke", &[("paper", &code)]).await;
    assert!(revoked.status.is_redirection(), "{}", revoked.page);
    let later = stranger.check_file(&file).await;
    assert!(later.page.contains("已作废") && later.page.contains("逐字节一致"));
}

#[tokio::test]
async fn who_tries_codes_has_to_wait() {
    let town = Town::open().await;
    let stranger = Visitor::nobody(&town).await;
    let mut last = StatusCode::OK;
    for _ in 0..32 {
        last = stranger
            .get("/verify-document?code=ABCD2345EFGH6789")
            .await
            .status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        stranger.get("/verify-document").await.status,
        StatusCode::OK,
        "looking costs nothing"
    );
}

/// A proof, once its leaf is sealed.
async fn sealed(visitor: &Visitor, path: &str) -> Value {
    for _ in 0..100 {
        let answer = visitor.get(path).await;
        if answer.status == StatusCode::OK {
            return serde_json::from_str(&answer.page).expect("a bundle");
        }
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.page);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not sealed");
}

/// What stands behind a name in a form of a page.
fn field(page: &str, name: &str) -> String {
    page.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no {name} on {page}"))
        .to_owned()
}

#[tokio::test]
async fn a_person_orders_a_paper_with_a_code_on_the_phone_keeps_it_and_revokes_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 69).await;
    let (wang, _) = tenant_of(&town, 70).await;
    let of_li = Visitor::person(&town, &office, &li).await;
    let of_wang = Visitor::person(&town, &office, &wang).await;

    let page = of_li.get("/my/papers").await;
    assert_eq!(page.status, StatusCode::OK);
    let key = field(&page.page, "key");
    let wrong = of_li
        .post("/my/papers", &[("key", &key), ("purpose", "loan")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.page.contains("要写明是哪个城市"), "for which city");

    let asked = of_li
        .post("/my/papers", &[("key", &key), ("purpose", "other")])
        .await;
    assert!(asked.page.contains("填验证码"), "{}", asked.page);
    let mut code = None;
    for _ in 0..400 {
        code = code_on(&town, &li.phone).await;
        if code.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let code = code.expect("a code on the phone");
    let wrong_code = if code == "000000" { "000001" } else { "000000" };
    let order = |code: &str, purpose: &str| {
        [
            ("key", key.clone()),
            ("purpose", purpose.to_owned()),
            ("code", code.to_owned()),
        ]
    };
    let send = async |visitor: &Visitor, fields: [(&str, String); 3]| {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        visitor.post("/my/papers/code", &fields).await
    };
    let refused = send(&of_li, order(wrong_code, "other")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let other_paper = [
        ("key", key.clone()),
        ("purpose", "loan".to_owned()),
        ("code", code.clone()),
    ];
    assert_eq!(
        send(&of_li, other_paper).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the code is bound to this paper"
    );
    assert_eq!(
        send(&of_wang, order(&code, "other")).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "and to this person"
    );
    let done = send(&of_li, order(&code, "other")).await;
    assert_eq!(done.location, "/my/papers?done=issued");

    let page = of_li.get("/my/papers").await.page;
    let paper_code = field(&page, "paper");
    let case = text(&verified(&town, &paper_code).await, "case_id").expect("a case");
    let progress = of_li.get(&format!("/my/cases/{case}")).await.page;
    assert!(progress.contains("证明出好了") && progress.contains("下载证明"));
    assert!(
        !progress.contains("付款") && !progress.contains("回单"),
        "no money is meant"
    );
    assert!(page.contains("住房公积金缴存证明") && page.contains("有效"));
    let path = format!("/my/papers/{paper_code}/paper.pdf");
    assert_eq!(of_li.get(&path).await.status, StatusCode::OK);
    assert_eq!(of_wang.get(&path).await.status, StatusCode::NOT_FOUND);
    let steal = of_wang
        .post("/my/papers/revoke", &[("paper", &paper_code)])
        .await;
    assert_eq!(steal.status, StatusCode::NOT_FOUND);
    assert_eq!(verified(&town, &paper_code).await["state"], "valid");

    let revoked = of_li
        .post("/my/papers/revoke", &[("paper", &paper_code)])
        .await;
    assert_eq!(revoked.location, "/my/papers?done=revoked");
    assert_eq!(verified(&town, &paper_code).await["state"], "revoked");
    let again = of_li
        .post("/my/papers/revoke", &[("paper", &paper_code)])
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let proof = sealed(
        &of_li,
        &format!("/verify-document/proof.json?code={paper_code}"),
    )
    .await;
    assert_eq!(
        proof["record"]["steps"][0], "revoked",
        "the evidence says it, too"
    );
}

/// The last code that a phone received.
async fn code_on(town: &Town, phone: &str) -> Option<String> {
    let messages = get_control(town, &format!("/phones/{phone}/messages")).await;
    let messages = messages
        .as_array()
        .or(messages["items"].as_array())?
        .clone();
    let text = messages
        .iter()
        .filter_map(|message| message["text"].as_str())
        .next_back()?
        .to_owned();
    Some(text.split("验证码 ").nth(1)?.get(..6)?.to_owned())
}

async fn get_control(town: &Town, path: &str) -> Value {
    town.doors
        .control(path)
        .await
        .expect("the outside")
        .ok()
        .expect(path)
}

#[tokio::test]
async fn an_open_certificate_for_a_loan_elsewhere_holds_the_money_until_it_is_revoked() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 71).await;
    let person = person_of(&town, &li).await;
    let (_, link) = issued(
        &town,
        PERSONAL,
        &person,
        json!({ "purpose": "loan", "destination": "510100" }),
    )
    .await;
    let outcome = async || {
        let answer = cast::rent_request(&town.doors, &li)
            .await
            .expect("a request");
        let answer = town
            .doors
            .post("/cases?wait=10s", &answer)
            .await
            .expect("a door")
            .body;
        let met = answer["decision"]["conditions"]
            .as_array()
            .expect("conditions")
            .iter()
            .find(|one| one["code"] == "CMN-09")
            .expect("CMN-09")["outcome"]
            .clone();
        (answer["state"].clone(), met)
    };
    let (state, mark) = outcome().await;
    assert_eq!((state, mark), (json!("refused"), json!("not_met")));
    let of_li = Visitor::person(&town, &office, &li).await;
    let why = of_li.get("/my/do/withdraw-rent/why").await.page;
    assert!(why.contains("在“我的 · 证明”里作废，就可以提取"), "{why}");
    let papers = of_li.get("/my/papers").await.page;
    assert!(
        papers.contains("异地贷款缴存使用证明（成都市）") && papers.contains("您在本中心不能提取"),
        "{papers}"
    );
    of_li
        .post(
            "/my/papers/revoke",
            &[("paper", &text(&link, "code").expect("a code"))],
        )
        .await;
    let (_, mark) = outcome().await;
    assert_eq!(mark, json!("met"));

    // The city is said by its name; what is neither a name nor a code is told at the field.
    let key = field(&papers, "key");
    let city = |city: &'static str| {
        [
            ("key", key.as_str()),
            ("purpose", "loan"),
            ("destination", city),
        ]
    };
    let unknown = of_li.post("/my/papers", &city("某某城")).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let named = of_li.post("/my/papers", &city("成都")).await;
    assert!(named.page.contains("填验证码"), "{}", named.page);
}

#[tokio::test]
async fn a_clerk_orders_and_keeps_the_papers_of_his_own_employer() {
    let town = Town::open().await;
    let office = town.office().await;
    let (_, mine) = tenant_of(&town, 72).await;
    let (_, other) = tenant_of(&town, 73).await;
    let clerk = Visitor::clerk(&town, &office, &mine, 72).await;
    let stranger = Visitor::clerk(&town, &office, &other, 73).await;
    let page = clerk.get("/unit/papers").await;
    let key = field(&page.page, "key");
    let (from, to) = (month(3).to_string(), month(1).to_string());
    let wrong = clerk
        .post(
            "/unit/papers",
            &[("key", &key), ("from_month", &to), ("to_month", &from)],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.page.contains("截止月份要在起始月份之后"));
    let done = clerk
        .post(
            "/unit/papers",
            &[
                ("key", &key),
                ("from_month", &from),
                ("to_month", &to),
                ("purpose", "招投标"),
            ],
        )
        .await;
    assert_eq!(done.location, "/unit/papers?done=issued");
    let page = clerk.get("/unit/papers").await.page;
    let code = field(&page, "paper");
    let path = format!("/unit/papers/{code}/paper.pdf");
    assert_eq!(clerk.get(&path).await.status, StatusCode::OK);
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
    let answer = verified(&town, &code).await;
    assert_eq!(
        (
            answer["state"].as_str(),
            answer["content"]["purpose"].as_str()
        ),
        (Some("valid"), Some("招投标"))
    );
    clerk.post("/unit/papers/revoke", &[("paper", &code)]).await;
    assert_eq!(verified(&town, &code).await["state"], "revoked");
}

/// The banks look at the clock now and then.
async fn banks_see_the_clock(town: &Town, office: &anju_casework::Office) {
    let today = office.today().to_string();
    for _ in 0..500 {
        if get_control(town, "/clock").await["today"] == today {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the banks do not see {today}");
}

/// A centre whose clock stands before the yearly settlement, with one person who has paid two months; and 1 July after it.
#[tokio::test]
async fn a_years_statement_adds_up_with_its_interest_on_page_and_paper() {
    let town = Town::open_at("2026-06-25T02:00:00Z".parse().expect("an instant")).await;
    let office = town.office().await;
    demo::put_staff(&town.config, &office).await.expect("staff");
    let li = cast::person("李梅", 74, 1, 1_000_000).expect("numbers");
    cast::register(&town.doors, &li)
        .await
        .expect("the departments");
    let first = anju_domain::calendar::Month::parse("2026-04").expect("a month");
    let employer = cast::open_employer(&town.doors, 74, first)
        .await
        .expect("an employer");
    for back in 0..2 {
        cast::contribute(
            &town.doors,
            &employer,
            first.plus(back),
            std::slice::from_ref(&li),
        )
        .await
        .expect("a month");
    }
    let of_li = Visitor::person(&town, &office, &li).await;
    let page = of_li.get("/my/statement/2025").await;
    assert!(
        page.page.contains("4,800.00") && !page.page.contains("下载 PDF"),
        "{}",
        page.page
    );
    let early = of_li.get("/my/statement/2025/paper.pdf").await;
    assert_eq!(
        early.status,
        StatusCode::CONFLICT,
        "before 30 June there is no paper"
    );

    let engine = anju::start::office::engine(&town.config, office.clone()).expect("an engine");
    for _ in 0..7 {
        let open = day_close::open_date(&office).await.expect("a date");
        let midnight = open
            .succ_opt()
            .expect("a day")
            .and_time(chrono::NaiveTime::MIN)
            .and_utc();
        // Eight hours before the midnight of Greenwich, less a minute.
        town.later((midnight - office.now()).num_minutes() - 8 * 60);
        banks_see_the_clock(&town, &office).await;
        demo::close_day(&engine).await.expect("a closed day");
        town.later(12 * 60);
        banks_see_the_clock(&town, &office).await;
    }
    let open = day_close::open_date(&office).await.expect("a date");
    assert_eq!(open.to_string(), "2026-07-02");
    let of_li = Visitor::person(&town, &office, &li).await;
    let third = cast::contribute(
        &town.doors,
        &employer,
        first.plus(2),
        std::slice::from_ref(&li),
    )
    .await;
    third.expect("a month of the new year");

    // Five days of 4,800.00 at 1.5 %: 480,000 × 6 days × 150 / 3,600,000 = 120 fen.
    let entries = get(
        &town,
        &format!("/accounts/{}/entries", account_no(&town, &li).await),
    )
    .await;
    let interest: i64 = entries["items"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["event"] == "E72")
        .filter_map(|entry| entry["amount_fen"].as_i64())
        .sum();
    assert_eq!(interest, 120);
    let page = of_li.get("/my/statement/2025").await.page;
    for part in [
        "2025—2026 年度对账单",
        "4,800.00",
        "1.20",
        "4,801.20",
        "年度结息",
        "下载 PDF",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    assert!(!page.contains("7,201.20"), "July belongs to the next year");
    let paper = of_li.bytes("/my/statement/2025/paper.pdf").await;
    let said = read_pdf(&paper);
    for part in [
        "住房公积金年度对账单（2025—2026）",
        "上年结转0.00元",
        "本年缴存4,800.00元",
        "本年结息1.20元",
        "本年提取0.00元",
        "年末余额4,801.20元",
        "2026-06-30",
        "年度结息",
    ] {
        assert!(said.contains(part), "{part} is not on {said}");
    }
    let code_of = |said: &str| {
        said.split("校验码")
            .nth(1)
            .and_then(|rest| rest.get(..16))
            .expect("a code")
            .to_owned()
    };
    let code = code_of(&said);
    let found = verified(&town, &code).await;
    assert_eq!(found["state"], "valid");
    let sum = |field: &str| found["content"][field].as_i64().expect("fen");
    assert_eq!(
        sum("opening_fen") + sum("contributed_fen") + sum("interest_fen") - sum("withdrawn_fen"),
        sum("closing_fen")
    );
    let again = read_pdf(&of_li.bytes("/my/statement/2025/paper.pdf").await);
    assert_eq!(code_of(&again), code, "the same books give the same paper");
    assert_eq!(
        of_li.get("/my/statement/2019").await.status,
        StatusCode::NOT_FOUND
    );

    let years = of_li.get("/my/years").await.page;
    for part in [
        "2025—2026",
        "2026—2027",
        "一共缴存 7,200.00 元，提取 0.00 元",
        "一共得了 1.20 元利息",
    ] {
        assert!(
            years.contains(part),
            "{part} is not on the page of the years"
        );
    }
    let balance = balance(&town.doors, &li).await.expect("a balance");
    assert_eq!(balance, 720_120);
}

#[tokio::test]
async fn a_receipt_carries_a_code_that_tells_whether_its_money_stayed_paid() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 75).await;
    let submitted = submit(&town, &li).await;
    becomes(&town, &submitted, "done").await;
    let case = text(&submitted, "case_id").expect("a case");
    let of_li = Visitor::person(&town, &office, &li).await;
    let path = format!("/my/cases/{case}/receipt.pdf");
    // Two taps at once are one paper.
    let (receipt, second) = tokio::join!(of_li.bytes(&path), of_li.bytes(&path));
    let (receipt, second) = (read_pdf(&receipt), read_pdf(&second));
    let address = format!("http://{}/verify-document?code=", town.config.listen);
    let code = receipt
        .split(&address)
        .nth(1)
        .and_then(|rest| rest.get(..16))
        .unwrap_or_else(|| panic!("no address on {receipt}"))
        .to_owned();
    let found = verified(&town, &code).await;
    assert_eq!(
        (found["state"].as_str(), found["kind"].as_str()),
        (Some("valid"), Some("doc-receipt"))
    );
    assert!(second.contains(&code));
    assert_eq!(found["content"]["case_id"], case.as_str());
    assert_eq!(found["content"]["name"], "李*");
    assert!(
        read_pdf(&of_li.bytes(&path).await).contains(&code),
        "the same paper"
    );
    let page = Visitor::nobody(&town)
        .await
        .get(&format!("/verify-document?code={code}"))
        .await
        .page;
    assert!(page.contains("租房提取") && page.contains("业务回单"));
    assert!(!page.contains(&li.id) && !page.contains(&li.name));
}
