//! An employer is opened without a visit: by the market regulator's message when it is founded, by its own licence, by a machine, or by a
//! teller for whoever has no licence. One set of rules, one account for a credit code.

use anju::cast::{self, open_employer, text};
use anju_casework::staff::role;
use anju_domain::uscc::Uscc;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

fn code(seed: i64) -> String {
    cast::firm("", seed).expect("a firm").uscc
}

/// Founds a company whose founder ticks "open an account"; what the centre answered.
async fn founded(town: &Town, seed: i64) -> Value {
    let company = json!({
        "uscc": code(seed), "name": format!("重庆新办{seed}有限公司"), "kind": "私企", "region": "500112",
        "address": "重庆市渝北区新牌坊 1 号",
        "legal_person": { "name": "陈立", "id_no": "", "phone": "13900000301" }, "open_hpf": true,
    });
    town.doors
        .control_post("/companies", &company)
        .await
        .expect("the regulator")
        .ok()
        .expect("founded")
}

/// The branch that keeps what waits for a reviewer.
async fn keeper(town: &Town) -> i16 {
    let branch = "SELECT branch_id::bigint FROM business_case WHERE state = 4";
    i16::try_from(town.sql(branch).await).expect("a branch")
}

/// How often a phone was told that an account with this number is open; waits for the first time.
async fn numbers_told(town: &Town, phone: &str, number: &str) -> usize {
    let path = format!("/phones/{phone}/messages");
    for _ in 0..200 {
        let told = town.doors.control(&path).await.expect("a phone").body;
        let told = told.to_string();
        if told.contains("账户已开好") {
            return told.matches(&format!("单位账号 {number}。")).count();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    0
}

fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[tokio::test]
async fn a_company_is_founded_and_has_its_account_number_before_anybody_visits() {
    let town = Town::open().await;
    let answer = founded(&town, 401).await;
    let reply = &answer["reply"];
    assert_eq!(reply["code"], 200, "{answer}");
    let number = text(&reply["data"], "dwzh").expect("a number");
    assert_eq!(reply["data"]["zhzt"], "0", "pre-opened");
    let pre_opened = "SELECT count(*) FROM employer WHERE state = 4 AND ratio_employer_bp = 500 AND ratio_employee_bp = 500";
    assert_eq!(town.sql(pre_opened).await, 1);

    // The same message again, as it stands and as a new call: one account, the same number.
    let push = answer["push"].as_i64().expect("a message");
    let again = town
        .doors
        .control_post(&format!("/pushes/{push}/again"), &json!({}))
        .await
        .expect("the regulator")
        .ok()
        .expect("sent");
    assert_eq!(again["reply"]["data"]["dwzh"], number);
    let another = founded(&town, 401).await;
    assert_ne!(another["request_id"], answer["request_id"]);
    assert_eq!(
        another["reply"]["data"]["dwzh"], number,
        "idempotent by credit code"
    );
    assert_eq!(town.sql("SELECT count(*) FROM employer").await, 1);
    let cases = "SELECT count(*) FROM business_case WHERE service = 'employer-open-account' AND channel = 'PUSH'";
    assert_eq!(town.sql(cases).await, 1);

    // Nobody contributes before it is completed.
    let people = known(&town, 401, &[("李梅", 1_000_000)]).await;
    let early = cast::send_roster(&town.doors, &number, month(0), &people)
        .await
        .expect("a door");
    assert_eq!(early.code(), "E-EMPR-05");

    let chen = Visitor::holder(&town, &code(401), "0").await;
    assert_eq!(chen.get("/unit").await.location, "/unit/open");
    let page = chen.get("/unit/open").await.page;
    assert!(
        page.contains(&number) && page.contains("新牌坊 1 号") && page.contains("陈立"),
        "{page}"
    );
    let (key, first) = (key(), month(0).to_string());
    let incomplete = [
        ("key", key.as_str()),
        ("kind", "私企"),
        ("employer", "8"),
        ("employee", "8"),
    ];
    let refused = chen.post("/unit/open", &incomplete).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.page.contains("请填写发薪日和首次汇缴年月"),
        "{}",
        refused.page
    );
    let form = [
        ("key", key.as_str()),
        ("kind", "私企"),
        ("employer", "8"),
        ("employee", "8"),
        ("payday", "10"),
        ("first_month", first.as_str()),
        ("clerk_name", "李梅"),
        ("clerk_phone", people[0].phone.as_str()),
        ("clerk_id_no", people[0].id.as_str()),
    ];
    let done = chen.post("/unit/open", &form).await;
    assert_eq!(done.location, "/unit/employer?done=opened", "{}", done.page);
    let chen = chen.go_on(&town, &done).await;
    let home = chen.get("/unit").await;
    assert_eq!(home.status, StatusCode::OK);
    assert!(home.page.contains(&number), "the same account");
    let active =
        "SELECT count(*) FROM employer WHERE state = 1 AND payday = 10 AND ratio_employer_bp = 800";
    assert_eq!(town.sql(active).await, 1);
    let list = cast::send_roster(&town.doors, &number, month(0), &people)
        .await
        .expect("a door");
    list.ok().expect("and the first list is taken");

    // Who founded it and who acts for it have its number on their phones, once.
    for phone in ["13900000301", people[0].phone.as_str()] {
        assert_eq!(numbers_told(&town, phone, &number).await, 1, "{phone}");
    }
}

#[tokio::test]
async fn what_is_not_signed_by_the_regulator_opens_nothing() {
    let town = Town::open().await;
    let uscc = code(402);
    let body = json!({
        "requestId": "D06-20260101-P000001", "purpose": { "item": "market.founded", "caseNo": "" },
        "operator": { "id": "system", "name": "", "org": "" }, "consent": { "id": "statutory:", "hash": "" },
        "params": {
            "tyshxydm": uscc, "qymc": "冒名公司", "qylx": "150", "zs": "某处", "djjgxzqh": "500103", "fddbr": "陈立",
            "clrq": "20260101", "gjjkh": "1",
        },
    });
    let client = reqwest::Client::new();
    let address = format!(
        "http://{}/inbox/gateway/D06/market.founded",
        town.config.listen
    );
    let forged = client
        .post(&address)
        .header("x-app-id", "D06")
        .header(
            "x-timestamp",
            chrono::Utc::now().timestamp_millis().to_string(),
        )
        .header("x-nonce", "n-1")
        .header("x-sign-type", "HMAC-SM3")
        .header("x-signature", "00".repeat(32))
        .body(body.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(forged.status(), StatusCode::UNAUTHORIZED);
    let unsigned = client.post(&address).body(body.to_string()).send().await;
    assert_eq!(
        unsigned.expect("an answer").status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(town.sql("SELECT count(*) FROM employer").await, 0);
}

#[tokio::test]
async fn a_change_at_the_registry_is_a_dated_case_and_a_cancellation_a_task() {
    let town = Town::open().await;
    open_employer(&town.doors, 403, month(1))
        .await
        .expect("an employer");
    let uscc = code(403);
    let holder = json!({ "holders": [{ "name": "陈立", "id_no": "", "phone": "13900000403", "role": "LEGAL_REP" }] });
    town.doors
        .control_put(&format!("/licences/{uscc}"), &holder)
        .await
        .expect("the regulator");
    let chen = Visitor::holder(&town, &uscc, "0").await;
    let change = json!({
        "name": "重庆更名有限公司", "address": "重庆市江北区 2 号",
        "legal_person": { "name": "周敏", "id_no": "", "phone": "13900000404" },
    });
    let answer = town
        .doors
        .control_post(&format!("/companies/{uscc}/change"), &change)
        .await
        .expect("the regulator");
    assert_eq!(
        answer.body["reply"]["data"]["dwkh"], true,
        "{}",
        answer.body
    );
    let renamed = "SELECT count(*) FROM employer WHERE name = '重庆更名有限公司' AND address = '重庆市江北区 2 号'";
    assert_eq!(town.sql(renamed).await, 1);
    let dated = "SELECT count(*) FROM case_event WHERE detail ->> 'on' IS NOT NULL AND detail -> 'before' ->> 'name' IS NOT NULL
                    AND 'changed' = ANY (steps)";
    assert_eq!(town.sql(dated).await, 1);
    assert_eq!(
        chen.get("/unit").await.status,
        StatusCode::SEE_OTHER,
        "the former legal representative acts no more"
    );
    let zhou = Visitor::holder(&town, &uscc, "0").await;
    assert!(
        zhou.get("/unit/employer")
            .await
            .page
            .contains("重庆更名有限公司")
    );

    for _ in 0..2 {
        town.doors
            .control_post(&format!("/companies/{uscc}/cancel"), &json!({}))
            .await
            .expect("the regulator")
            .ok()
            .expect("struck off");
    }
    let waiting = "SELECT count(*) FROM business_case WHERE state = 4";
    assert_eq!(
        town.sql(waiting).await,
        1,
        "one task however often it is said"
    );
    let office = town.office().await;
    let zheng = Visitor::staff(&town, &office, role::REVIEWER, keeper(&town).await).await;
    let tasks = zheng.get("/desk/tasks").await.page;
    assert!(tasks.contains("重庆更名有限公司"), "{tasks}");
    let next = zheng.get("/desk/tasks/next").await.location;
    assert!(zheng.get(&next).await.page.contains("注销") || next.starts_with("/desk/cases/"));
    let seen = [("verdict", "approve"), ("reason", "已通知经办办理销户")];
    let done = zheng.post(&format!("{next}/check"), &seen).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(town.sql(waiting).await, 0);
}

#[tokio::test]
async fn a_pre_opened_account_that_nobody_completes_lapses_and_can_be_opened_again() {
    let town = Town::open().await;
    let first = text(&founded(&town, 404).await["reply"]["data"], "dwzh").expect("a number");
    let office = town.office().await;
    assert_eq!(
        anju_business::contribution::one_stop::expire(&office)
            .await
            .expect("expired"),
        0
    );
    town.later(366 * 24 * 60);
    assert_eq!(
        anju_business::contribution::one_stop::expire(&office)
            .await
            .expect("expired"),
        1
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 9")
            .await,
        1
    );
    let second = text(&founded(&town, 404).await["reply"]["data"], "dwzh").expect("a number");
    assert_ne!(first, second);
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 4")
            .await,
        1
    );
}

#[tokio::test]
async fn every_rule_of_an_opening_refuses_and_being_late_is_a_notice() {
    let town = Town::open().await;
    let firm = cast::firm("重庆规则有限公司", 405).expect("a firm");
    let registered = |state: &str| json!({ "name": firm.name, "state": state, "founded": "2015-06-01", "legal_person": { "name": "陈立" } });
    let opening = json!({
        "name": firm.name, "uscc": firm.uscc, "kind": "私企", "ratio_employer_bp": 800, "ratio_employee_bp": 800,
        "legal_representative": "陈立", "payday": 10, "first_month": month(0).to_string(),
    });
    let with = |field: &str, value: Value| {
        let mut other = opening.clone();
        other[field] = value;
        other
    };
    let codes = async |body: Value| -> Vec<String> {
        let answer = town.doors.post("/employers", &body).await.expect("a door");
        let errors = answer.body["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        errors
            .iter()
            .filter_map(|error| text(error, "code").ok())
            .collect()
    };
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered("revoked"),
    )
    .await
    .expect("the registry");
    assert_eq!(codes(opening.clone()).await, ["E-EMPR-03"]);
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered("open"),
    )
    .await
    .expect("the registry");
    let mistyped = firm.uscc.replacen('9', "8", 1);
    assert!(Uscc::parse(&mistyped).is_err());
    assert_eq!(codes(with("uscc", mistyped.into())).await, ["E-EMPR-01"]);
    assert_eq!(
        codes(with("ratio_employer_bp", 1300.into())).await,
        ["E-RATIO-01"]
    );
    assert_eq!(
        codes(with("ratio_employer_bp", 900.into())).await,
        ["E-RATIO-03"]
    );
    assert_eq!(codes(with("payday", 32.into())).await, ["E-EMPR-05"]);
    assert_eq!(
        codes(with("first_month", month(14).to_string().into())).await,
        ["E-EMPR-05"]
    );

    let opened = town
        .doors
        .post("/employers", &opening)
        .await
        .expect("a door")
        .ok()
        .expect("opened");
    assert_eq!(
        opened["notices"][0]["code"], "W-EMPR-07",
        "late is told and not refused: {opened}"
    );
    assert_eq!(codes(with("payday", 11.into())).await, ["E-EMPR-02"]);
}

#[tokio::test]
async fn an_authorised_clerk_opens_by_licence_what_nobody_has_pre_opened() {
    let town = Town::open().await;
    let uscc = code(406);
    let registered = json!({ "name": "重庆自办有限公司", "state": "open", "founded": "2026-01-10", "region": "500103", "legal_person": { "name": "陈立" } });
    cast::fact(&town.doors, "D06", "market.registration", &uscc, registered)
        .await
        .expect("the registry");
    let holder = |powers: Value| json!({ "holders": [{ "name": "李梅", "id_no": "", "phone": "13900000406", "role": "AUTHORISED", "powers": powers }] });
    let licence = format!("/licences/{uscc}");
    town.doors
        .control_put(&licence, &holder(json!(["tax"])))
        .await
        .expect("the regulator");
    let scanned = crate::visitor::scan(&town, &uscc, "0").await;
    let Err(away) = Visitor::of_scan(&town, &scanned).await else {
        panic!("a licence for other matters opens nothing")
    };
    assert_eq!(away.status, StatusCode::FORBIDDEN);

    town.doors
        .control_put(&licence, &holder(json!(["hpf"])))
        .await
        .expect("the regulator");
    let li = Visitor::holder(&town, &uscc, "0").await;
    let (key, first) = (key(), month(0).to_string());
    let form = [
        ("key", key.as_str()),
        ("kind", "私企"),
        ("employer", "12"),
        ("employee", "12"),
        ("payday", "5"),
        ("first_month", first.as_str()),
        ("clerk_name", "张三"),
        ("clerk_phone", "13811112222"),
    ];
    let done = li.post("/unit/open", &form).await;
    assert_eq!(done.location, "/unit/employer?done=opened", "{}", done.page);
    let li = li.go_on(&town, &done).await;
    let page = li.get("/unit/employer").await.page;
    assert!(
        page.contains("139****0406") && !page.contains("138****2222"),
        "the clerk is who scanned: {page}"
    );
}

#[tokio::test]
async fn an_employer_without_a_licence_is_opened_at_the_counter_by_two() {
    let town = Town::open().await;
    let office = town.office().await;
    let firm = cast::firm("重庆柜面有限公司", 407).expect("a firm");
    let registered = json!({ "name": firm.name, "state": "open", "founded": "2026-01-10", "region": "500103", "legal_person": { "name": "陈立" } });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered,
    )
    .await
    .expect("the registry");
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    let (key, first) = (key(), month(0).to_string());
    let wrong = [
        ("key", key.as_str()),
        ("uscc", "91500103"),
        ("name", firm.name.as_str()),
    ];
    let refused = teller.post("/desk/employers/open", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.page.contains("统一社会信用代码有误"),
        "{}",
        refused.page
    );
    let form = [
        ("key", key.as_str()),
        ("uscc", firm.uscc.as_str()),
        ("name", firm.name.as_str()),
        ("legal_representative", "陈立"),
        ("kind", "私企"),
        ("employer", "7"),
        ("employee", "7"),
        ("payday", "10"),
        ("first_month", first.as_str()),
        ("clerk_name", "陈芳"),
        ("clerk_phone", firm.clerk_phone.as_str()),
    ];
    let sent = teller.post("/desk/employers/open", &form).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.page);
    assert!(sent.page.contains("已交复核"), "{}", sent.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM employer").await,
        0,
        "nothing before the second person"
    );
    let plain = "SELECT count(*) FROM business_case WHERE form::text LIKE '%陈芳%' OR form::text LIKE '%13800%'";
    assert_eq!(
        town.sql(plain).await,
        0,
        "names and phones are sealed while it waits"
    );

    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, keeper(&town).await).await;
    let case = reviewer.get("/desk/tasks/next").await.location;
    let page = reviewer.get(&case).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [firm.name.as_str(), &firm.uscc, "私企", "7%", "陈立"] {
        assert!(
            page.page.contains(part),
            "its reviewer sees {part}: {}",
            page.page
        );
    }
    let tasks = reviewer.get("/desk/tasks").await.page;
    assert!(tasks.contains(&firm.name), "{tasks}");
    // Whoever took it in follows it.
    assert_eq!(teller.get(&case).await.status, StatusCode::OK);
    let approved = [("verdict", "approve"), ("reason", "材料齐全")];
    let done = reviewer.post(&format!("{case}/check"), &approved).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    let active =
        "SELECT count(*) FROM employer WHERE state = 1 AND ratio_employer_bp = 700 AND payday = 10";
    assert_eq!(town.sql(active).await, 1);
    assert_eq!(town.sql("SELECT count(*) FROM clerk").await, 1);
    let id = town.sql("SELECT employer_id FROM employer").await;
    let number = office.numbers.encode(anju_vault::NumberKind::Employer, id);
    assert_eq!(
        numbers_told(&town, &firm.clerk_phone, &number).await,
        1,
        "whoever waited for the reviewer has its number"
    );
}

/// What the market regulator does with questions.
async fn registry(town: &Town, mode: &str) {
    let set = json!({ "mode": mode });
    let set = town.doors.control_put("/sources/D06", &set).await;
    set.expect("the regulator").ok().expect("set");
}

/// Waits until a count is there.
async fn comes(town: &Town, sql: &'static str, count: i64) {
    for _ in 0..600 {
        if town.sql(sql).await == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{sql}: {} and not {count}", town.sql(sql).await);
}

const WAITING: &str =
    "SELECT count(*) FROM business_case WHERE service = 'employer-open-account' AND state = 2";

#[tokio::test]
async fn a_silent_registry_makes_an_opening_wait_with_its_promise_and_its_answer_opens() {
    let town = Town::open().await;
    let firm = cast::firm("重庆等待有限公司", 408).expect("a firm");
    let struck_off = cast::firm("重庆吊销有限公司", 409).expect("a firm");
    let opening = |firm: &cast::Firm| {
        json!({
            "name": firm.name, "uscc": firm.uscc, "kind": "私企", "ratio_employer_bp": 800, "ratio_employee_bp": 800,
            "legal_representative": "陈立", "payday": 10, "first_month": month(0).to_string(),
            "clerk": { "name": "陈芳", "phone": firm.clerk_phone },
        })
    };
    for (firm, state, name) in [
        (&firm, "open", "重庆等待科技有限公司"),
        (&struck_off, "revoked", "重庆吊销有限公司"),
    ] {
        let registered = json!({ "name": name, "state": state, "founded": "2015-06-01", "region": "500103", "legal_person": { "name": "陈立" } });
        cast::fact(
            &town.doors,
            "D06",
            "market.registration",
            &firm.uscc,
            registered,
        )
        .await
        .expect("the registry");
    }
    registry(&town, "down").await;
    let mut waits = Vec::new();
    for firm in [&firm, &struck_off] {
        let answer = town.doors.post("/employers", &opening(firm)).await;
        let answer = answer.expect("a door");
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        assert!(answer.body["promised_at"].is_string() && answer.body["employer_no"].is_null());
        waits.push(text(&answer.body, "case_id").expect("a case"));
    }
    // Mistakes need no registry; and one credit code is asked for once.
    let mut wrong = opening(&firm);
    wrong["payday"] = 32.into();
    let wrong = town.doors.post("/employers", &wrong).await.expect("a door");
    assert_eq!(wrong.code(), "E-EMPR-05");
    let again = town.doors.post("/employers", &opening(&firm)).await;
    assert_eq!(again.expect("a door").code(), "E-W-05");
    assert_eq!(town.sql("SELECT count(*) FROM employer").await, 0);
    assert_eq!(town.sql(WAITING).await, 2);

    registry(&town, "ok").await;
    town.later(60);
    comes(&town, WAITING, 0).await;
    let opened = "SELECT count(*) FROM employer WHERE state = 1 AND name = '重庆等待科技有限公司' AND payday = 10 AND late_registration";
    assert_eq!(town.sql(opened).await, 1, "by the registry's name");
    assert_eq!(town.sql("SELECT count(*) FROM employer").await, 1);
    let case = town.doors.get(&format!("/cases/{}", waits[0])).await;
    let case = case.expect("a door").ok().expect("a case");
    assert_eq!(case["state"], "done", "{case}");
    let refused = town.doors.get(&format!("/cases/{}", waits[1])).await;
    let refused = refused.expect("a door").ok().expect("a case");
    assert_eq!(refused["state"], "refused", "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("登记状态为“吊销”") && said.contains("先到市场监管部门"),
        "{said}"
    );
}

/// Government offices and public institutions stand in no market register: the office for institutions keeps theirs, and the first
/// character of the credit code says so (GB 32100-2015).
#[tokio::test]
async fn an_institution_is_opened_by_the_register_of_institutions_and_waits_while_that_is_silent() {
    let town = Town::open().await;
    let code = |seed: i64| {
        let seventeen = format!("12{}", &cast::firm("", seed).expect("a firm").uscc[2..17]);
        let code = Uscc::complete(&seventeen).expect("a code");
        code.as_str().to_owned()
    };
    let opening = |uscc: &str| {
        json!({
            "name": "重庆市实验小学", "uscc": uscc, "kind": "事业", "ratio_employer_bp": 1200, "ratio_employee_bp": 1200,
            "legal_representative": "陈立", "payday": 10, "first_month": month(0).to_string(),
        })
    };
    let institution = async |uscc: &str, state: &str| {
        let registered = json!({ "name": "重庆市第一实验小学", "state": state, "founded": "1998-09-01", "region": "500103", "legal_person": { "name": "陈立" } });
        let fact = cast::fact(&town.doors, "D19", "org.institution", uscc, registered);
        fact.await.expect("the register");
    };
    let (school, closed, nowhere) = (code(420), code(421), code(422));
    institution(&school, "open").await;
    institution(&closed, "cancelled").await;

    let opened = town.doors.post("/employers", &opening(&school)).await;
    let opened = opened.expect("a door").ok().expect("opened");
    assert!(opened["employer_no"].is_string(), "{opened}");
    let mut wrong = opening(&school);
    wrong["kind"] = "私企".into();
    let wrong = town.doors.post("/employers", &wrong).await.expect("a door");
    assert!(
        wrong.body.to_string().contains("单位性质请选机关或事业"),
        "{}",
        wrong.body
    );
    let named = "SELECT count(*) FROM employer WHERE name = '重庆市第一实验小学' AND founded_on = '1998-09-01' AND kind = '事业'";
    assert_eq!(town.sql(named).await, 1, "by its register's name");
    crate::parties::all_but_the_market_told(&town, &school, "opened").await;
    for uscc in [&closed, &nowhere] {
        let refused = town.doors.post("/employers", &opening(uscc)).await;
        let refused = refused.expect("a door");
        assert_eq!(refused.code(), "E-EMPR-03", "{}", refused.body);
        assert!(
            refused.body.to_string().contains("机构编制部门"),
            "{}",
            refused.body
        );
    }

    // The market regulator has never heard of it; that is no answer while the other register says nothing.
    let down = async |mode: &str| {
        let mode = json!({ "mode": mode });
        let set = town.doors.control_put("/sources/D19", &mode);
        set.await.expect("the source").ok().expect("set");
    };
    let late = code(423);
    institution(&late, "open").await;
    down("down").await;
    let waits = town.doors.post("/employers", &opening(&late)).await;
    let waits = waits.expect("a door");
    assert_eq!(waits.status, StatusCode::ACCEPTED, "{}", waits.body);
    down("ok").await;
    town.later(60);
    comes(&town, WAITING, 0).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 1")
            .await,
        2
    );
}

#[tokio::test]
async fn who_opens_by_licence_or_at_the_counter_is_told_what_is_waited_for() {
    let town = Town::open().await;
    let office = town.office().await;
    let uscc = code(410);
    let registered = json!({ "name": "重庆静默有限公司", "state": "open", "founded": "2026-01-10", "region": "500103", "legal_person": { "name": "陈立" } });
    let fact = cast::fact(&town.doors, "D06", "market.registration", &uscc, registered);
    fact.await.expect("the registry");
    let holder = json!({ "holders": [{ "name": "陈立", "id_no": "", "phone": "13900000410", "role": "LEGAL_REP" }] });
    let licence = format!("/licences/{uscc}");
    let set = town.doors.control_put(&licence, &holder).await;
    set.expect("the regulator").ok().expect("a licence");
    let chen = Visitor::holder(&town, &uscc, "0").await;
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    registry(&town, "down").await;
    let page = chen.get("/unit/open").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    assert!(page.page.contains("照样可以交"), "{}", page.page);
    let (key, other, first) = (key(), key(), month(0).to_string());
    let form = [
        ("key", key.as_str()),
        ("name", "重庆静默有限公司"),
        ("kind", "私企"),
        ("employer", "8"),
        ("employee", "8"),
        ("payday", "10"),
        ("first_month", first.as_str()),
        ("clerk_name", "李梅"),
        ("clerk_phone", "13900000411"),
    ];
    let waits = chen.post("/unit/open", &form).await;
    assert_eq!(waits.status, StatusCode::ACCEPTED, "{}", waits.page);
    assert!(waits.page.contains("它答复后账户自动开好") && waits.page.contains("最迟"));
    // Whoever comes back sees what is waited for, and no form to fill in again.
    let back = chen.get("/unit/open").await.page;
    for page in [&waits.page, &back] {
        assert!(
            page.contains("在等市场监管部门答复") && page.contains("最迟"),
            "{page}"
        );
        assert!(!page.contains("name=\"payday\""), "{page}");
    }

    let firm = cast::firm("重庆柜台有限公司", 411).expect("a firm");
    let registered = json!({ "name": firm.name, "state": "open", "founded": "2026-01-10", "region": "500103", "legal_person": { "name": "陈立" } });
    let fact = cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered,
    );
    fact.await.expect("the registry");
    let mut papers = form.to_vec();
    papers[0].1 = other.as_str();
    papers[1].1 = firm.name.as_str();
    papers.extend([
        ("uscc", firm.uscc.as_str()),
        ("legal_representative", "陈立"),
    ]);
    let sent = teller.post("/desk/employers/open", &papers).await;
    assert!(sent.page.contains("它答复后自动转复核"), "{}", sent.page);
    assert_eq!(town.sql("SELECT count(*) FROM employer").await, 0);

    registry(&town, "ok").await;
    town.later(60);
    comes(&town, WAITING, 0).await;
    let open = "SELECT count(*) FROM employer WHERE state = 1 AND name = '重庆静默有限公司'";
    assert_eq!(town.sql(open).await, 1);
    let reviewing = "SELECT count(*) FROM business_case WHERE state = 4";
    assert_eq!(
        town.sql(reviewing).await,
        1,
        "the counter's still has a second person"
    );
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, keeper(&town).await).await;
    let case = reviewer.get("/desk/tasks/next").await.location;
    let approved = [("verdict", "approve"), ("reason", "材料齐全")];
    let done = reviewer.post(&format!("{case}/check"), &approved).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 1")
            .await,
        2
    );
}
