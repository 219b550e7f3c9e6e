//! Orders of courts as a centre lives them: over the court's signed line and by two officers at the counter; frozen, in the queue, extended,
//! released, expired, deducted and paid to the court's account; with what a withdrawal meets on its way.

use std::time::Duration;

use anju::cast::{self, Person, balance, bank_balance, text};
use anju_business::court::term;
use anju_casework::Office;
use anju_casework::staff::role;
use anju_domain::calendar::add_months;
use anju_domain::clock::shanghai_date;
use chrono::NaiveDate;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::interest_year::days_later;
use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes, submit};

pub const COURT: &str = "重庆市渝中区人民法院";
pub const OTHER: &str = "重庆市江北区人民法院";

/// The court's own account.
pub const ACCOUNT: &str = "622848000100200301";

pub const HELD: &str = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM account_hold WHERE released_at IS NULL AND kind = 1 AND reason LIKE '司法冻结%'";

fn today() -> NaiveDate {
    shanghai_date(chrono::Utc::now())
}

pub fn on(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

/// An instruction about somebody, as the court's line has it.
pub fn order(number: &str, kind: &str, who: &Person, more: Value) -> Value {
    let mut params = json!({
        "kzdh": number, "xzlx": kind, "bzxrxm": who.name, "bzxrzjhm": who.id, "fymc": COURT, "ah": "（2026）渝0103执1234号",
        "wsh": "（2026）渝0103执1234号之一", "wszy": "ab".repeat(32),
        "zxry": [
            { "xm": "周正", "zjhm": "110101199003070134", "gzzh": "渝法执0012" },
            { "xm": "吴明", "zjhm": "110101199003070097", "gzzh": "渝法执0034" },
        ],
    });
    if matches!(kind, "01" | "02") {
        params["jsrq"] = on(add_months(today(), 6)).into();
    }
    if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
        for (name, value) in more {
            params.insert(name.clone(), value.clone());
        }
    }
    params
}

async fn send(town: &Town, params: Value) -> Value {
    let sent = town.doors.control_post("/court/orders", &params).await;
    let sent = sent.expect("a door").ok().expect("sent");
    assert!(!sent["reply"].is_null(), "no answer: {sent}");
    sent["reply"].clone()
}

/// Followed, and what was answered.
pub async fn done(town: &Town, params: Value) -> Value {
    let reply = send(town, params).await;
    assert_eq!(reply["code"], 200, "{reply}");
    reply["data"].clone()
}

/// Not followed, by this code.
pub async fn not_done(town: &Town, params: Value, code: &str) {
    let answer = done(town, params).await;
    assert_eq!(
        (&answer["bljg"], &answer["wbdm"]),
        (&json!("90"), &json!(code)),
        "{answer}"
    );
}

/// What the court was told later.
pub async fn told(town: &Town, number: &str, result: &str) -> Value {
    for _ in 0..300 {
        let results = town.doors.control("/court/results").await.expect("a door");
        let found = results
            .body
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["kzdh"] == number && one["bljg"] == result);
        if let Some(found) = found {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the court was not told {result} of {number}");
}

pub async fn at_the_court(town: &Town, account: &str) -> i64 {
    let mut sum = 0;
    for bank in 1..=8 {
        sum += bank_balance(&town.doors, &format!("B{bank}"), account)
            .await
            .expect("the bank");
    }
    sum
}

async fn of_code(town: &Town, code: &str) -> i64 {
    let balance = town.doors.get("/books/trial-balance").await;
    let balance = balance.expect("a door").ok().expect("a balance");
    let lines = balance["subjects"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["code"] == code);
    line.expect("a subject")["closing_fen"]
        .as_i64()
        .expect("a figure")
}

#[tokio::test]
async fn a_court_freezes_an_amount_over_its_line_and_the_rest_can_be_withdrawn() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 941).await;
    let freeze = order("KZ941-1", "01", &li, json!({ "xzje": "5000.00" }));
    let answer = done(&town, freeze.clone()).await;
    assert_eq!(answer["bljg"], "11", "{answer}");
    assert_eq!(
        (&answer["djje"], &answer["zhye"]),
        (&json!("5000.00"), &json!("7200.00"))
    );
    assert_eq!(town.sql(HELD).await, 500_000);

    // Sent again it is answered again; with other words its number is taken.
    assert_eq!(done(&town, freeze).await, answer);
    assert_eq!(town.sql(HELD).await, 500_000);
    let other = order("KZ941-1", "01", &li, json!({ "xzje": "6000.00" }));
    let reply = send(&town, other).await;
    assert_eq!(
        (&reply["code"], &reply["data"]["code"]),
        (&json!(422), &json!("E-COURT-02"))
    );

    // Its owner reads by whom and until when; what is free is paid.
    let me = Visitor::person(&town, &office, &li).await;
    let page = me.get("/my/account").await.page;
    assert!(page.contains(COURT) && page.contains("5,000.00"), "{page}");
    let paid = becomes(&town, &submit(&town, &li).await, "done").await;
    assert_eq!(paid["amount_fen"], 220_000, "{paid}");
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 500_000);

    // Released, nothing lies on the account.
    let released = done(
        &town,
        order("KZ941-2", "03", &li, json!({ "ydh": "KZ941-1" })),
    )
    .await;
    assert_eq!(released["bljg"], "14", "{released}");
    assert_eq!(town.sql(HELD).await, 0);
    assert!(!me.get("/my/account").await.page.contains(COURT));
    town.audited().await;
}

#[tokio::test]
async fn a_whole_account_is_frozen_and_nothing_leaves_it() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 942).await;
    let answer = done(&town, order("KZ942-1", "01", &li, json!({}))).await;
    assert_eq!(
        (&answer["bljg"], &answer["djje"]),
        (&json!("11"), &json!("7200.00"))
    );
    let refused = becomes(&town, &submit(&town, &li).await, "refused").await;
    let conditions = refused["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    let frozen = conditions
        .iter()
        .find(|one| one["code"] == "CMN-04")
        .expect("a condition");
    assert_eq!(frozen["outcome"], "not_met", "{frozen}");
    // Contributions go on, and are frozen too.
    cast::contribute(
        &town.doors,
        &employer,
        crate::town::month(0),
        std::slice::from_ref(&li),
    )
    .await
    .expect("a month");
    let asked = done(&town, order("KZ942-2", "05", &li, json!({}))).await;
    assert_eq!(
        (&asked["bljg"], &asked["zhye"]),
        (&json!("17"), &json!("9600.00")),
        "{asked}"
    );
    assert_eq!(asked["djqd"][0]["fymc"], COURT);
    let cases = "SELECT count(*) FROM business_case WHERE service = 'court-order'";
    assert_eq!(town.sql(cases).await, 1, "what is only asked opens no case");
    not_done(
        &town,
        order(
            "KZ942-3",
            "03",
            &li,
            json!({ "ydh": "KZ942-1", "xzje": "1.00" }),
        ),
        "E-COURT-07",
    )
    .await;
    town.audited().await;
}

#[tokio::test]
async fn courts_wait_for_their_turn_and_an_order_ends_with_its_last_day() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 943).await;
    let soon = on(today() + chrono::Days::new(5));
    let first = order(
        "KZ943-1",
        "01",
        &li,
        json!({ "xzje": "3000.00", "jsrq": soon }),
    );
    assert_eq!(done(&town, first).await["bljg"], "11");
    let second = order(
        "KZ943-2",
        "01",
        &li,
        json!({ "xzje": "4000.00", "fymc": OTHER }),
    );
    let second = done(&town, second).await;
    assert_eq!(
        (&second["bljg"], &second["lhsw"], &second["djje"]),
        (&json!("12"), &json!(1), &json!("0.00")),
        "{second}"
    );
    let third = order("KZ943-3", "01", &li, json!({ "fymc": OTHER }));
    assert_eq!(done(&town, third).await["lhsw"], 2);
    assert_eq!(town.sql(HELD).await, 300_000, "the first alone");
    let waits = order(
        "KZ943-4",
        "04",
        &li,
        json!({ "fymc": OTHER, "ydh": "KZ943-2", "xzje": "1.00", "skzh": ACCOUNT, "skhm": OTHER, "kczm": "1" }),
    );
    not_done(&town, waits, "E-COURT-06").await;
    let foreign = order(
        "KZ943-5",
        "03",
        &li,
        json!({ "fymc": OTHER, "ydh": "KZ943-1" }),
    );
    not_done(&town, foreign, "E-COURT-05").await;

    // Extended before it ends; the desk is told before the new end, once.
    let later = on(today() + chrono::Days::new(10));
    let extended = done(
        &town,
        order(
            "KZ943-6",
            "02",
            &li,
            json!({ "ydh": "KZ943-1", "jsrq": later }),
        ),
    )
    .await;
    assert_eq!(extended["bljg"], "13", "{extended}");
    let earlier = on(today() + chrono::Days::new(7));
    not_done(
        &town,
        order(
            "KZ943-7",
            "02",
            &li,
            json!({ "ydh": "KZ943-1", "jsrq": earlier }),
        ),
        "E-COURT-04",
    )
    .await;
    days_later(&town, 5).await;
    term::remind(&office).await.expect("the night");
    term::remind(&office).await.expect("the night");
    let reminded = "SELECT count(*) FROM case_event WHERE 'freeze_ends_soon' = ANY (steps)";
    assert_eq!(town.sql(reminded).await, 1);

    // The last day counts; after it the next takes its place.
    days_later(&town, 5).await;
    term::expire(&office).await.expect("the night");
    assert_eq!(town.sql(HELD).await, 300_000, "on its last day");
    days_later(&town, 1).await;
    term::expire(&office).await.expect("the night");
    assert_eq!(town.sql(HELD).await, 400_000, "the second took its place");
    let over = order("KZ943-8", "02", &li, json!({ "ydh": "KZ943-1" }));
    not_done(&town, over, "E-COURT-06").await;
    let asked = done(&town, order("KZ943-9", "05", &li, json!({}))).await;
    assert_eq!(asked["djqd"].as_array().map(Vec::len), Some(2));
    town.audited().await;
}

#[tokio::test]
async fn a_deduction_is_booked_paid_to_the_court_and_answered() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 944).await;
    done(
        &town,
        order("KZ944-1", "01", &li, json!({ "xzje": "5000.00" })),
    )
    .await;
    done(
        &town,
        order(
            "KZ944-2",
            "01",
            &li,
            json!({ "xzje": "100.00", "fymc": OTHER }),
        ),
    )
    .await;
    let deduct = |number: &str, more: Value| {
        let mut all = json!({ "ydh": "KZ944-1", "skzh": ACCOUNT, "skhm": COURT, "kczm": "1" });
        for (name, value) in more.as_object().expect("fields") {
            all[name] = value.clone();
        }
        order(number, "04", &li, all)
    };
    not_done(
        &town,
        deduct("KZ944-3", json!({ "xzje": "5000.01" })),
        "E-COURT-07",
    )
    .await;
    not_done(
        &town,
        deduct("KZ944-4", json!({ "xzje": "10.00", "skzh": "" })),
        "E-COURT-01",
    )
    .await;

    let first = done(&town, deduct("KZ944-5", json!({ "xzje": "2000.00" }))).await;
    assert_eq!(
        (&first["bljg"], &first["kcje"], &first["djje"]),
        (&json!("15"), &json!("2000.00"), &json!("3000.00")),
        "{first}"
    );
    told(&town, "KZ944-5", "16").await;
    assert_eq!(at_the_court(&town, ACCOUNT).await, 200_000);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 520_000);
    assert_eq!(
        town.sql(HELD).await,
        300_000,
        "the freeze fell by the amount"
    );
    let booked = "SELECT count(*) FROM journal WHERE event IN (31, 22)";
    assert_eq!(town.sql(booked).await, 2);
    assert_eq!(of_code(&town, "21904").await, 0);
    // The same number again says what has become of it.
    let again = done(&town, deduct("KZ944-5", json!({ "xzje": "2000.00" }))).await;
    assert_eq!(again["bljg"], "16");
    assert_eq!(at_the_court(&town, ACCOUNT).await, 200_000);

    // The rest uses the order up, and the next in the queue takes effect.
    done(
        &town,
        deduct("KZ944-6", json!({ "xzje": "9999.00", "bfkc": "1" })),
    )
    .await;
    let part = told(&town, "KZ944-6", "16").await;
    assert_eq!(
        (&part["kcje"], &part["bfkc"]),
        (&json!("3000.00"), &json!("1")),
        "{part}"
    );
    assert_eq!(
        town.sql("SELECT state::bigint FROM court_order WHERE order_no = 'KZ944-1'")
            .await,
        6
    );
    assert_eq!(town.sql(HELD).await, 10_000, "the other court's");
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 220_000);
    town.audited().await;
}

#[tokio::test]
async fn a_deduction_that_the_bank_does_not_pay_is_under_the_freeze_again() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 945).await;
    done(
        &town,
        order("KZ945-1", "01", &li, json!({ "xzje": "5000.00" })),
    )
    .await;
    let deduct = |number: &str| {
        order(
            number,
            "04",
            &li,
            json!({ "ydh": "KZ945-1", "skzh": ACCOUNT, "skhm": COURT, "kczm": "1", "xzje": "5000.00" }),
        )
    };
    bank_mode(&town, "reject").await;
    done(&town, deduct("KZ945-2")).await;
    told(&town, "KZ945-2", "91").await;
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);
    assert_eq!(town.sql(HELD).await, 500_000);
    assert_eq!(at_the_court(&town, ACCOUNT).await, 0);

    // Unknown: asked about, paid once.
    bank_mode(&town, "timeout").await;
    done(&town, deduct("KZ945-3")).await;
    told(&town, "KZ945-3", "16").await;
    assert_eq!(at_the_court(&town, ACCOUNT).await, 500_000);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 220_000);
    town.audited().await;
}

#[tokio::test]
async fn what_the_courts_bank_returns_is_credited_back_and_frozen_again() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 946).await;
    done(
        &town,
        order("KZ946-1", "01", &li, json!({ "xzje": "5000.00" })),
    )
    .await;
    bank_mode(&town, "return_later").await;
    let deduct = order(
        "KZ946-2",
        "04",
        &li,
        json!({ "ydh": "KZ946-1", "skzh": ACCOUNT, "skhm": COURT, "kczm": "1", "xzje": "5000.00" }),
    );
    done(&town, deduct).await;
    told(&town, "KZ946-2", "16").await;
    assert_eq!(town.sql(HELD).await, 0);
    bank_mode(&town, "ok").await;
    days_later(&town, 4).await;
    told(&town, "KZ946-2", "92").await;
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);
    assert_eq!(town.sql(HELD).await, 500_000);
    assert_eq!(
        (of_code(&town, "21904").await, of_code(&town, "21905").await),
        (0, 0)
    );
    town.audited().await;
}

#[tokio::test]
async fn a_deduction_needs_a_cause_or_the_courts_express_word() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 947).await;
    done(&town, order("KZ947-1", "01", &li, json!({}))).await;
    let deduct = |number: &str, expressly: &str| {
        order(
            number,
            "04",
            &li,
            json!({ "ydh": "KZ947-1", "skzh": ACCOUNT, "skhm": COURT, "kczm": expressly, "xzje": "100.00" }),
        )
    };
    not_done(&town, deduct("KZ947-2", "0"), "E-COURT-08").await;
    done(&town, deduct("KZ947-3", "1")).await;
    told(&town, "KZ947-3", "16").await;
    assert_eq!(at_the_court(&town, ACCOUNT).await, 10_000);
    assert_eq!(
        town.sql("SELECT count(*) FROM court_order WHERE state = 2")
            .await,
        1,
        "a whole account stays frozen"
    );
    town.audited().await;
}

#[tokio::test]
async fn what_a_court_sends_wrongly_is_answered_and_kept() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 948).await;
    let mut stranger = li.clone();
    stranger.name = "王强".to_owned();
    not_done(
        &town,
        order("KZ948-1", "01", &stranger, json!({})),
        "E-COURT-03",
    )
    .await;
    let one = json!([{ "xm": "周正", "zjhm": "110101199003070134", "gzzh": "渝法执0012" }]);
    not_done(
        &town,
        order("KZ948-2", "01", &li, json!({ "zxry": one })),
        "E-COURT-01",
    )
    .await;
    let long = on(add_months(today(), 13));
    not_done(
        &town,
        order("KZ948-3", "01", &li, json!({ "jsrq": long })),
        "E-COURT-04",
    )
    .await;
    not_done(
        &town,
        order("KZ948-4", "03", &li, json!({ "ydh": "KZ-none" })),
        "E-COURT-05",
    )
    .await;
    let unknown = send(&town, order("KZ948-5", "77", &li, json!({}))).await;
    assert_eq!(
        (&unknown["code"], &unknown["data"]["code"]),
        (&json!(422), &json!("E-PUSH-02"))
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM court_act WHERE state = 4")
            .await,
        5
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM court_act WHERE state = 4 AND kind = 0")
            .await,
        1
    );
    assert_eq!(town.sql("SELECT count(*) FROM case_event WHERE 'refused' = ANY (steps) AND 'court_order' = ANY (steps)").await, 5);
    assert_eq!(town.sql(HELD).await, 0);

    // Nobody but the court's own line is listened to.
    let unsigned = reqwest::Client::new()
        .post(format!(
            "http://{}/inbox/gateway/D08/court.order",
            town.config.listen
        ))
        .body(order("KZ948-6", "01", &li, json!({})).to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(town.sql("SELECT count(*) FROM court_act").await, 5);
    town.audited().await;
}

/// Withdrawals of the free amount and a freeze of the whole arrive at the same time, again and again with other people: whoever comes first at
/// the account's row is followed, and what was paid and what is frozen never exceed the balance.
#[tokio::test]
async fn a_withdrawal_and_a_freeze_at_the_same_moment_follow_each_other() {
    let town = Town::open().await;
    let mut paid = 0;
    for seed in 0..4 {
        let (li, _) = tenant_of(&town, 950 + seed).await;
        let freeze = order(
            &format!("KZ95{seed}"),
            "01",
            &li,
            json!({ "xzje": "7200.00" }),
        );
        let wait = Duration::from_millis(30 * u64::try_from(seed).expect("small"));
        let (answer, submitted) = tokio::join!(done(&town, freeze), async {
            tokio::time::sleep(wait).await;
            submit(&town, &li).await
        });
        let end = loop {
            let id = text(&submitted, "case_id").expect("an id");
            let now = town.doors.get(&format!("/cases/{id}")).await;
            let now = now.expect("a door").ok().expect("a case");
            if ["done", "refused", "failed"]
                .iter()
                .any(|end| now["state"] == *end)
            {
                break now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let left = balance(&town.doors, &li).await.expect("books");
        let frozen = answer["djje"].as_str().expect("a figure").replace('.', "");
        let frozen: i64 = frozen.parse().expect("a figure");
        if end["state"] == "done" {
            paid += 1;
            let took = end["amount_fen"].as_i64().expect("a figure");
            assert_eq!(left, 720_000 - took);
            assert!(frozen == left || frozen == 720_000, "{answer}");
            assert_eq!(
                frozen, left,
                "the payment came first, so that the court was told of the rest"
            );
        } else {
            assert_eq!((left, frozen), (720_000, 720_000), "the court came first");
        }
    }
    tracing::info!(paid, "withdrawals that came before the court");
    town.audited().await;
}

/// A town whose policy lets a person look at every withdrawal above one yuan.
pub async fn one_yuan_needs_a_reviewer() -> Town {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/centre.toml"
    );
    let centre = std::fs::read_to_string(path).expect("the policy");
    let (before, after) = centre
        .split_once("name = \"auto_max_fen\"")
        .expect("a limit");
    let after = after.replacen("value = 20000000", "value = 100", 1);
    let centre = format!("{before}name = \"auto_max_fen\"{after}");
    Town::with_policy(&[("chongqing/centre.toml", &centre)]).await
}

/// Withdrawal.md §11, 8: a case that waits for a reviewer is judged on the account as it stands when he says yes.
#[tokio::test]
async fn a_freeze_that_comes_while_a_withdrawal_is_reviewed_is_met_at_the_yes() {
    let town = one_yuan_needs_a_reviewer().await;
    let office = town.office().await;
    let (li, employer) = tenant_of(&town, 962).await;
    let asked = becomes(&town, &submit(&town, &li).await, "reviewing").await;
    done(&town, order("KZ962-1", "01", &li, json!({}))).await;
    let reviewer = crate::relief::reviewer(&town, &office, &employer).await;
    let id = text(&asked, "case_id").expect("an id");
    let form = [("verdict", "approve"), ("reason", "材料齐全，同意")];
    let answer = reviewer
        .post(&format!("/desk/cases/{id}/check"), &form)
        .await;
    assert!(
        answer.status != StatusCode::INTERNAL_SERVER_ERROR,
        "{}",
        answer.page
    );
    assert_eq!(
        balance(&town.doors, &li).await.expect("books"),
        720_000,
        "nothing left the account"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 21")
            .await,
        0
    );
    town.audited().await;
}

async fn staff(town: &Town, office: &Office, role: &'static str) -> Visitor {
    Visitor::staff(town, office, role, office.centre.head_branch).await
}

/// What a teller types for a freeze.
fn typed<'t>(who: &'t Person, to: &'t str, number: &'t str) -> Vec<(&'t str, &'t str)> {
    vec![
        ("kind", "freeze"),
        ("name", who.name.as_str()),
        ("id_no", who.id.as_str()),
        ("court", COURT),
        ("case_no", "（2026）渝0103执88号"),
        ("document", "（2026）渝0103执88号通知书"),
        ("act_no", number),
        ("amount", "3000"),
        ("to", to),
        ("officer1_name", "周正"),
        ("officer1_id", "110101199003070134"),
        ("officer1_permit", "渝法执0012"),
        ("officer2_name", "吴明"),
        ("officer2_id", "110101199003070097"),
        ("officer2_permit", "渝法执0034"),
    ]
}

#[tokio::test]
async fn two_officers_at_the_counter_are_served_by_two_members_of_staff() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 961).await;
    let (teller, reviewer) = (
        staff(&town, &office, role::TELLER).await,
        staff(&town, &office, role::REVIEWER).await,
    );
    assert_eq!(
        teller.get("/desk/court/new?kind=freeze").await.status,
        StatusCode::OK
    );
    let to = add_months(today(), 6).to_string();
    let mut one_officer = typed(&li, &to, "纸961-0");
    one_officer.retain(|(name, _)| !name.starts_with("officer2"));
    let wrong = teller.post("/desk/court/new", &one_officer).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.page.contains("执行人员") && wrong.page.contains(COURT),
        "{}",
        wrong.page
    );

    let entered = teller
        .post("/desk/court/new", &typed(&li, &to, "纸961-1"))
        .await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.page);
    let at = entered.location;
    assert_eq!(
        town.sql(HELD).await,
        0,
        "nothing lies on the account before the second person"
    );
    assert_eq!(
        teller
            .post(&format!("{at}/check"), &[("agree", "yes")])
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    let waits = reviewer.get("/desk/court?state=waits").await.page;
    assert!(waits.contains(COURT), "{waits}");

    // A reviewer who entered it himself is not the second person either.
    let own = reviewer
        .post("/desk/court/new", &typed(&li, &to, "纸961-2"))
        .await
        .location;
    let barred = reviewer
        .post(&format!("{own}/check"), &[("agree", "yes")])
        .await;
    assert_eq!(barred.status, StatusCode::FORBIDDEN, "{}", barred.page);

    let checked = reviewer
        .post(
            &format!("{at}/check"),
            &[("agree", "yes"), ("words", "证件相符")],
        )
        .await;
    assert_eq!(checked.status, StatusCode::SEE_OTHER, "{}", checked.page);
    assert_eq!(town.sql(HELD).await, 300_000);
    let twice = reviewer
        .post(&format!("{at}/check"), &[("agree", "yes")])
        .await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let page = teller.get(&at).await.page;
    assert!(page.contains("冻结中") && page.contains("扣划"), "{page}");
    let receipt = teller.bytes(&format!("{at}/receipt.pdf")).await;
    assert!(receipt.starts_with(b"%PDF"));
    let mut proof = teller.get(&format!("{at}/proof.json")).await;
    for _ in 0..100 {
        if proof.status == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        proof = teller.get(&format!("{at}/proof.json")).await;
    }
    assert!(proof.page.contains("anju-proof/1"), "{}", proof.page);

    // Deducted at the counter, by two again.
    let of = at.rsplit('/').next().expect("a number").to_owned();
    assert_eq!(
        teller
            .get(&format!("/desk/court/new?kind=deduct&of={of}"))
            .await
            .status,
        StatusCode::OK
    );
    let mut deduct: Vec<(&str, &str)> = typed(&li, "", "纸961-3");
    deduct.retain(|(name, _)| !["kind", "amount"].contains(name));
    deduct.extend([
        ("kind", "deduct"),
        ("of", of.as_str()),
        ("amount", "1000.50"),
        ("payee_account", ACCOUNT),
        ("payee_holder", COURT),
        ("expressly", "yes"),
    ]);
    let entered = teller.post("/desk/court/new", &deduct).await;
    assert_eq!(entered.location, at, "{}", entered.page);
    let act = town
        .sql("SELECT act_id FROM court_act WHERE act_no = '纸961-3'")
        .await;
    let act = format!("/desk/court/{}", anju_business::court::number(&office, act));
    let checked = reviewer
        .post(&format!("{act}/check"), &[("agree", "yes")])
        .await;
    assert_eq!(checked.status, StatusCode::SEE_OTHER, "{}", checked.page);
    for _ in 0..200 {
        if at_the_court(&town, ACCOUNT).await == 100_050
            && town
                .sql("SELECT count(*) FROM court_act WHERE state = 3")
                .await
                == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(at_the_court(&town, ACCOUNT).await, 100_050);
    assert_eq!(town.sql(HELD).await, 199_950);
    // What was entered by mistake is sent back, and may be entered again under the same number.
    let own_id = own.rsplit('/').next().expect("a number");
    let second = Visitor::second(&town, &office, role::REVIEWER, office.centre.head_branch).await;
    let bare = second
        .post(&format!("/desk/court/{own_id}/check"), &[("agree", "no")])
        .await;
    assert_eq!(bare.status, StatusCode::UNPROCESSABLE_ENTITY);
    let back = second
        .post(
            &format!("/desk/court/{own_id}/check"),
            &[("agree", "no"), ("words", "重复录入")],
        )
        .await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.page);
    let again = teller
        .post("/desk/court/new", &typed(&li, &to, "纸961-2"))
        .await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.page);
    town.audited().await;
}
