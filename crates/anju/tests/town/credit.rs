//! 定向授信: an employer and an employee let one bank see their contributions; the bank decides, what it says is counted, and a consent that is
//! taken back gives nothing more.

use std::time::Duration;

use anju::cast::{self, Person, contribute, look_up, open_employer, text};
use anju_casework::Office;
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::relief::{case_of, not_met};
use crate::town::{Town, known, month};
use crate::visitor::Visitor;

const EMPLOYER: &str = "employer-credit-referral";
const EMPLOYEE: &str = "employee-credit-referral";

/// A town in which two months are enough.
async fn town() -> Town {
    let text = include_str!("../../../../policy/chongqing/credit.toml");
    let text = text.replace(
        "value = 12 }]\n\n[[parameter]]\nname = \"credit_employer",
        "value = 2 }]\n\n[[parameter]]\nname = \"credit_employer",
    );
    assert!(
        text.contains("value = 2 }]"),
        "the months are where they were"
    );
    Town::with_policy(&[("chongqing/credit.toml", &text)]).await
}

/// Two people of an employer that has paid two months: 4,320.00 a month.
async fn settled(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    (employer, people)
}

async fn ask(town: &Town, service: &str, applicant: &str, form: Value) -> Value {
    let channel = if service == EMPLOYER { "HALL" } else { "APP" };
    let body =
        json!({ "service": service, "applicant": applicant, "form": form, "channel": channel });
    let answer = town
        .doors
        .post("/cases?wait=2s", &body)
        .await
        .expect("a door");
    let case = answer.ok().expect("a case");
    case_of(town, &text(&case, "case_id").expect("a number")).await
}

/// What a bank's desk has, once it has something of this referral that fits.
async fn at_bank(town: &Town, bank: &str, number: &str, fits: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let desk = town
            .doors
            .control(&format!("/banks/{bank}/credit"))
            .await
            .expect("a desk")
            .ok()
            .expect("a list");
        let found = desk["applications"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["referral_no"] == number);
        if let Some(one) = found.filter(|one| fits(&one["application"])) {
            return one["application"].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{bank} has nothing of {number} that fits");
}

/// The case, once a step stands in it.
async fn with_step(town: &Town, number: &str, step: &str) -> Value {
    for _ in 0..200 {
        let case = case_of(town, number).await;
        let steps = case["events"].as_array().expect("events").iter();
        if steps
            .clone()
            .any(|event| event["event"].to_string().contains(step))
        {
            return case;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {step} in {}", case_of(town, number).await);
}

async fn say(town: &Town, bank: &str, number: &str, word: Value) {
    let path = format!("/banks/{bank}/credit/{number}");
    let answer = town.doors.control_post(&path, &word).await.expect("a desk");
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
}

async fn phone_of(town: &Town, phone: &str) -> String {
    let path = format!("/phones/{phone}/messages");
    town.doors
        .control(&path)
        .await
        .expect("a phone")
        .body
        .to_string()
}

/// The newest code on a phone.
async fn code_on(town: &Town, phone: &str) -> String {
    for _ in 0..200 {
        let told = phone_of(town, phone).await;
        if let Some(rest) = told
            .rsplit("验证码 ")
            .next()
            .filter(|_| told.contains("验证码 "))
        {
            return rest.chars().take(6).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no code came");
}

fn desk_of(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word} is not on the page: {page}");
    }
}

async fn accountant(town: &Town, office: &Office) -> Visitor {
    Visitor::staff(town, office, role::ACCOUNTANT, office.centre.head_branch).await
}

#[tokio::test]
async fn an_employer_gives_its_history_to_a_bank_by_its_own_code_and_takes_the_consent_back() {
    let town = town().await;
    let office = town.office().await;
    let seed = 1310;
    let (firm, _) = settled(&town, seed).await;
    let clerk = Visitor::clerk(&town, &office, &firm, seed).await;
    let key = uuid::Uuid::now_v7().to_string();
    let form = |more: &[(&'static str, &str)]| {
        let mut fields: Vec<(&str, String)> = [
            ("key", key.as_str()),
            ("bank", "B1"),
            ("months", "6"),
            ("consent", "yes"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
        fields.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        fields
    };
    async fn post(clerk: &Visitor, fields: Vec<(&str, String)>) -> crate::visitor::Answer {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        clerk.post(&format!("/unit/do/{EMPLOYER}"), &fields).await
    }

    // What would be given is shown before anybody says yes.
    let shown = post(&clerk, form(&[("step", "preview")])).await;
    desk_of(&shown.page, &["2 个月", "2 人", "4,320.00"]);

    // LEr: nothing is given before the code.
    let asked = post(&clerk, form(&[("step", "send")])).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.page);
    assert!(asked.page.contains("短信验证码"));
    let wrong = post(&clerk, form(&[("step", "send"), ("code", "000000")])).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let phone = cast::firm("", seed).expect("a firm").clerk_phone;
    let code = code_on(&town, &phone).await;
    let sent = post(&clerk, form(&[("step", "send"), ("code", code.as_str())])).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let number = sent
        .location
        .rsplit('/')
        .next()
        .expect("a number")
        .to_owned();

    // The bank has figures and nobody's name but the employer's.
    let one = at_bank(&town, "B1", &number, |_| true).await;
    assert_eq!(one["extracts"]["1"]["months"]["contributed"], 2);
    assert_eq!(one["extracts"]["1"]["people"], 2);
    assert_eq!(one["extracts"]["1"]["amounts"]["monthly_fen"], 432_000);
    assert!(one["extracts"]["1"]["arrears"]["months"].is_i64(), "{one}");
    assert!(!one.to_string().contains("李梅"), "no person's data");

    // It lends ten months' contributions, and says later what was drawn.
    let case = with_step(&town, &number, "credit_granted").await;
    assert_eq!(case["state"], "done");
    say(&town, "B1", &number, json!({ "used": 1_000_000 })).await;
    with_step(&town, &number, "credit_used").await;
    let page = clerk.get(&format!("/unit/cases/{number}")).await;
    desk_of(
        &page.page,
        &["已授信", "43,200.00", "10,000.00", "银行收到", "收回授权"],
    );
    assert!(phone_of(&town, &phone).await.contains("43,200.00"));

    // The report counts it, and each figure opens its list.
    let accountant = accountant(&town, &office).await;
    let report = accountant.get("/desk/credit").await;
    desk_of(
        &report.page,
        &[
            "工商银行",
            "43,200.00",
            "10,000.00",
            "/desk/credit/list?kind=1",
        ],
    );
    let list = accountant.get("/desk/credit/list?kind=1&bank=B1").await;
    desk_of(&list.page, &[&number, "已授信", "43,200.00"]);
    let other = accountant.get("/desk/credit/list?kind=1&bank=B2").await;
    assert!(!other.page.contains(&number));

    // While the consent counts the bank may ask again; a message that comes twice is taken once.
    say(&town, "B1", &number, json!({ "again": {} })).await;
    at_bank(&town, "B1", &number, |one| one["extracts"]["2"].is_object()).await;

    // Taken back: the bank is told, and gets nothing more.
    let back = clerk
        .post(&format!("/unit/cases/{number}/consent"), &[])
        .await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.page);
    at_bank(&town, "B1", &number, |one| one["withdrawn"] == true).await;
    say(&town, "B1", &number, json!({ "again": {} })).await;
    with_step(&town, &number, "extract_denied").await;
    let one = at_bank(&town, "B1", &number, |_| true).await;
    assert_eq!(one["extracts"].as_object().expect("extracts").len(), 2);
    assert_eq!(town.sql("SELECT count(*) FROM credit_extract").await, 2);
    let page = clerk.get(&format!("/unit/cases/{number}")).await;
    desk_of(&page.page, &["已收回"]);
}

#[tokio::test]
async fn a_referral_wants_months_a_consent_and_a_bank_that_takes_part() {
    let town = town().await;
    let (firm, _) = settled(&town, 1320).await;
    let form = |bank: &str, months: i64, consent: bool| json!({ "bank": bank, "months": months, "consent": consent });
    for (asked, code) in [
        (form("B1", 6, false), "E-CRED-02"),
        (form("B1", 13, true), "E-CRED-02"),
        (form("B6", 6, true), "E-CRED-03"),
    ] {
        let case = ask(&town, EMPLOYER, &firm, asked.clone()).await;
        assert_eq!(not_met(&case), [code], "{asked}");
    }
    let young = open_employer(&town.doors, 1321, month(1))
        .await
        .expect("an employer");
    let case = ask(&town, EMPLOYER, &young, form("B1", 6, true)).await;
    assert_eq!(not_met(&case), ["E-CRED-01"]);
    assert_eq!(
        town.sql("SELECT count(*) FROM credit_extract").await,
        0,
        "nothing was given"
    );

    // One living consent for each bank; another bank is another wish. A bank that refuses is not counted.
    let case = ask(&town, EMPLOYER, &firm, form("B2", 6, true)).await;
    assert_eq!(case["state"], "done", "{case}");
    let again = ask(&town, EMPLOYER, &firm, form("B2", 6, true)).await;
    assert_eq!(not_met(&again), ["E-FORM-01"]);
    let judge = json!({ "refuses": "行业限制" });
    town.doors
        .control_put("/banks/B3/credit", &judge)
        .await
        .expect("a desk")
        .ok()
        .expect("set");
    let case = ask(&town, EMPLOYER, &firm, form("B3", 6, true)).await;
    let number = text(&case, "case_id").expect("a number");
    with_step(&town, &number, "credit_refused").await;
    assert_eq!(
        town.sql("SELECT sum(granted_fen)::bigint FROM credit_referral WHERE bank = 'B3'")
            .await,
        0
    );

    // What a bank says beyond its own limit is refused.
    say(&town, "B3", &number, json!({ "used": 1 })).await;
    say(&town, "B3", &number, json!({ "granted": 5_000_000 })).await;
    with_step(&town, &number, "credit_granted").await;
    say(&town, "B3", &number, json!({ "used": 5_000_001 })).await;
    say(&town, "B3", &number, json!({ "used": 5_000_000 })).await;
    with_step(&town, &number, "credit_used").await;
    assert_eq!(
        town.sql("SELECT used_fen FROM credit_referral WHERE bank = 'B3'")
            .await,
        5_000_000
    );
}

#[tokio::test]
async fn an_employee_gives_the_band_of_his_base_and_no_balance_unless_he_ticks_it() {
    let town = town().await;
    let office = town.office().await;
    let (_, people) = settled(&town, 1330).await;
    let li = look_up(&town.doors, &people[0]).await.expect("known");
    // The bank's answer is lost at first: it is said again and taken once.
    town.doors
        .control_put("/banks/B7", &json!({ "mode": "timeout" }))
        .await
        .expect("a bank")
        .ok()
        .expect("set");
    let form = json!({ "bank": "B7", "days": 30, "consent": true });
    let case = ask(&town, EMPLOYEE, &li, form.clone()).await;
    assert_eq!(case["state"], "done", "{case}");
    let number = text(&case, "case_id").expect("a number");
    let one = at_bank(&town, "B7", &number, |_| true).await;
    town.doors
        .control_put("/banks/B7", &json!({ "mode": "ok" }))
        .await
        .expect("a bank")
        .ok()
        .expect("set");
    let figures = &one["extracts"]["1"];
    assert_eq!(
        figures["base_band"],
        json!({ "from_fen": 1_000_000, "below_fen": 1_200_000 })
    );
    assert_eq!(figures["months"]["continuous"], 2);
    assert_eq!(figures["state"], "active");
    assert!(figures.get("balance").is_none(), "{figures}");
    with_step(&town, &number, "credit_granted").await;
    assert_eq!(town.sql("SELECT count(*) FROM credit_report").await, 1);
    assert_eq!(
        town.sql("SELECT granted_fen FROM credit_referral").await,
        6_000_000
    );

    let with_balance = json!({ "bank": "B8", "days": 10, "consent": true, "with_balance": true });
    let case = ask(&town, EMPLOYEE, &li, with_balance).await;
    let second = text(&case, "case_id").expect("a number");
    let one = at_bank(&town, "B8", &second, |_| true).await;
    assert_eq!(one["extracts"]["1"]["balance"], 480_000);
    let long = ask(
        &town,
        EMPLOYEE,
        &li,
        json!({ "bank": "B1", "days": 31, "consent": true }),
    )
    .await;
    assert_eq!(not_met(&long), ["E-CRED-02"]);

    // He sees both, and takes one back where all his consents stand.
    let me = Visitor::person(&town, &office, &people[0]).await;
    let page = me.get("/my/credit").await;
    desk_of(&page.page, &["重庆银行", "重庆农商行", "60,000.00"]);
    let consents = me.get("/my/consents").await;
    desk_of(&consents.page, &["提供给重庆农商行", "余额"]);
    let consent = consents
        .page
        .split("name=\"consent\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a consent")
        .to_owned();
    let back = me.post("/my/consents", &[("consent", &consent)]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.page);
    at_bank(&town, "B8", &second, |one| one["withdrawn"] == true).await;
    let page = me.get("/my/do/employee-credit-referral").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    desk_of(&page.page, &["推荐给哪家银行", "授权几天"]);
    let staff = accountant(&town, &office).await;
    let list = staff.get("/desk/credit/list?kind=2").await;
    desk_of(&list.page, &[&number, &second, "已收回"]);
    assert!(!list.page.contains("李"), "no name of a person");
}
