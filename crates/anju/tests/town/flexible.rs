//! Who has no employer contributes by himself: by an agreement, from the own card or with a pay code, and stops when he likes.

use std::time::{Duration, Instant};

use anju::cast::{self, Person, balance, contribute, number, open_employer, person, text};
use anju::doors::Answer;
use anju_casework::staff::role;
use anju_domain::calendar::Month;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::town::{Town, account_no, known};
use crate::visitor::Visitor;

const DAY: i64 = 24 * 60;

/// A Tuesday.
pub fn tuesday() -> DateTime<Utc> {
    "2026-11-17T02:00:00Z".parse().expect("an instant")
}

fn month() -> Month {
    Month::parse("2026-11").expect("a month")
}

/// Somebody whom the departments know and the centre does not, until he has come to its door.
pub async fn free_lancer(town: &Town, seed: i64) -> (Person, String) {
    let people = known(town, seed, &[("周敏", 1_000_000)]).await;
    let who = people.into_iter().next().expect("one");
    let body = json!({ "name": who.name, "id_no": who.id, "phone": who.phone });
    let made = town.doors.post("/people", &body).await.expect("a door");
    let id = text(&made.ok().expect("registered"), "person_id").expect("a number");
    (who, id)
}

fn terms(who: &Person, amount_fen: i64) -> Value {
    json!({ "plan": "monthly", "amount_fen": amount_fen, "card_no": who.card, "day": 10, "agree": true })
}

pub async fn ask(town: &Town, service: &str, person: &str, form: Value) -> Answer {
    let body = json!({ "service": service, "applicant": person, "channel": "APP", "form": form });
    town.doors
        .post("/cases?wait=15s", &body)
        .await
        .expect("a door")
}

async fn signs(town: &Town, person: &str, form: Value) {
    let case = ask(town, "flexible-contributor-open", person, form).await;
    let case = case.ok().expect("a case");
    assert_eq!(case["state"], "done", "{case}");
}

async fn changes(town: &Town, person: &str, form: Value) -> Value {
    let case = ask(town, "flexible-contributor-change", person, form).await;
    case.ok().expect("a case")
}

/// The codes of the conditions that are not met.
fn not_met(case: &Value) -> Vec<String> {
    case["decision"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .filter(|one| one["outcome"] == "not_met")
        .map(|one| text(one, "code").expect("a code"))
        .collect()
}

/// So long that the engine, which looks for what is due each second, has looked twice and would have been heard.
const LOOKED_TWICE: Duration = Duration::from_secs(3);

async fn until(town: &Town, query: &'static str, wanted: i64) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let now = town.sql(query).await;
        if now == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{query}: {now}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Moves the clock to a day.
async fn to(town: &Town, day: &str) {
    let day: NaiveDate = day.parse().expect("a day");
    let days = (day - town.today()).num_days();
    town.later(days * DAY);
}

const ALLOCATED: &str = "SELECT count(*) FROM remittance WHERE kind = 3 AND state = 3";
const STATE: &str =
    "SELECT state::bigint FROM flexible_agreement ORDER BY agreement_id DESC LIMIT 1";

#[tokio::test]
async fn a_free_lancer_contributes_each_month_from_his_card() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 301).await;
    signs(&town, &id, terms(&who, 100_000)).await;
    // The day has passed in this month: the first debit is made at once.
    until(&town, ALLOCATED, 1).await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 100_000);
    assert_eq!(town.sql(STATE).await, 2, "active with the first money");
    to(&town, "2026-12-10").await;
    until(&town, ALLOCATED, 2).await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 200_000);

    let account = account_no(&town, &who).await;
    let entries = town
        .doors
        .get(&format!("/accounts/{account}/entries"))
        .await
        .expect("a door")
        .ok()
        .expect("entries");
    let items = entries["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(items[1]["event"], "E05");
    let months = "SELECT count(*) FROM remittance_line l JOIN remittance r USING (centre_id, remittance_id)
                   WHERE r.kind = 3 AND l.employer_fen = 0 AND l.month IN (2026 * 12 + 10, 2026 * 12 + 11)";
    assert_eq!(
        town.sql(months).await,
        2,
        "months of his own, apart from an employer's"
    );
    // The card was debited by its own bank, twice.
    let card = town
        .doors
        .control(&format!("/banks/B4/accounts/{}", who.card))
        .await
        .expect("a door");
    assert_eq!(number(&card.body, "balance_fen").expect("fen"), -200_000);
}

/// FLEX-01 to FLEX-04, each with its code.
#[tokio::test]
async fn each_condition_of_the_agreement_is_told_with_its_code() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 311).await;
    let open = "flexible-contributor-open";
    // The basis of 2026: 2,330 to 31,393 yuan in the first district tier.
    for (amount, met) in [
        (23_200, false),
        (23_400, true),
        (753_400, true),
        (753_500, false),
        (100_050, false),
    ] {
        let case = town
            .doors
            .post(
                "/cases?wait=15s",
                &json!({ "service": open, "applicant": id, "channel": "APP", "form": {
                    "plan": "monthly", "amount_fen": amount, "card_no": who.card, "day": 10 } }),
            )
            .await
            .expect("a door");
        assert_eq!(
            case.code(),
            "E-FORM-01",
            "the agreement is not signed: {}",
            case.body
        );
        let mut form = terms(&who, amount);
        form["agree"] = json!(false);
        let case = ask(&town, open, &id, form).await.ok().expect("a case");
        assert_eq!(case["state"], "refused");
        let codes = not_met(&case);
        assert!(codes.contains(&"FLEX-03".to_owned()), "{codes:?}");
        assert_eq!(
            codes.contains(&"FLEX-04".to_owned()),
            !met,
            "{amount}: {codes:?}"
        );
    }
    let message = ask(&town, open, &id, terms(&who, 23_200))
        .await
        .ok()
        .expect("a case");
    let told = message["decision"]["conditions"].to_string();
    assert!(
        told.contains("月缴存额应在233.00元至7,534.32元之间且为整数元"),
        "{told}"
    );

    // A card of somebody else.
    let mut other = terms(&who, 100_000);
    other["card_no"] = json!(person("吴军", 399, 2, 0).expect("numbers").card);
    let case = ask(&town, open, &id, other).await.ok().expect("a case");
    assert_eq!(not_met(&case), ["FLEX-03"]);

    // An account elsewhere that an employer pays into.
    let elsewhere =
        json!({ "exists": true, "centre": "成都", "state": "active", "months_continuous": 12 });
    cast::fact(
        &town.doors,
        "D15",
        "nhpf.account_elsewhere",
        &who.id,
        elsewhere,
    )
    .await
    .expect("known");
    let case = ask(&town, open, &id, terms(&who, 100_000))
        .await
        .ok()
        .expect("a case");
    assert_eq!(not_met(&case), ["FLEX-02"]);
    assert!(
        case["decision"]
            .to_string()
            .contains("您在成都有单位缴存的账户")
    );

    // Somebody past his working age, and an employee of an employer here.
    let old = aged(&town, 312, "19560301").await;
    let case = ask(&town, open, &old.1, terms(&old.0, 100_000))
        .await
        .ok()
        .expect("a case");
    assert_eq!(not_met(&case), ["FLEX-01"]);
    let young = aged(&town, 313, "20090301").await;
    let case = ask(&town, open, &young.1, terms(&young.0, 100_000))
        .await
        .ok()
        .expect("a case");
    assert_eq!(not_met(&case), ["FLEX-01"]);
    let staff = known(&town, 314, &[("李梅", 1_000_000)]).await;
    let employer = open_employer(&town.doors, 314, month())
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(), &staff)
        .await
        .expect("a month");
    let li = cast::look_up(&town.doors, &staff[0]).await.expect("known");
    let case = ask(&town, open, &li, terms(&staff[0], 100_000))
        .await
        .ok()
        .expect("a case");
    assert_eq!(not_met(&case), ["FLEX-02"]);
    assert_eq!(town.sql("SELECT count(*) FROM flexible_agreement").await, 0);
}

/// Somebody born on that day.
async fn aged(town: &Town, seed: i64, born: &str) -> (Person, String) {
    let mut who = person("周敏", seed, 1, 1_000_000).expect("numbers");
    let stem = format!("500103{born}{:03}", seed % 1000);
    let id = "0123456789X"
        .chars()
        .map(|check| format!("{stem}{check}"))
        .find(|id| anju_domain::id_number::IdNumber::parse(id).is_ok());
    who.id = id.expect("a check digit");
    cast::register(&town.doors, &who)
        .await
        .expect("the departments");
    let body = json!({ "name": who.name, "id_no": who.id, "phone": who.phone });
    let made = town.doors.post("/people", &body).await.expect("a door");
    let id = text(&made.ok().expect("registered"), "person_id").expect("a number");
    (who, id)
}

#[tokio::test]
async fn a_debit_that_fails_costs_nothing_and_three_failed_months_seal_the_account() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 321).await;
    let path = format!("/banks/B4/accounts/{}", who.card);
    let poor = json!({ "available_fen": 100 });
    town.doors
        .control_put(&path, &poor)
        .await
        .expect("a door")
        .ok()
        .expect("set");
    signs(&town, &id, terms(&who, 100_000)).await;
    let tries = "SELECT count(*) FROM debit_order WHERE state = 4";
    let days = [
        ["2026-11-17", "2026-11-18", "2026-11-19"],
        ["2026-12-10", "2026-12-11", "2026-12-14"],
        ["2027-01-10", "2027-01-11", "2027-01-12"],
    ];
    let mut failed = 0;
    for (place, month) in days.iter().enumerate() {
        for day in month {
            to(&town, day).await;
            failed += 1;
            until(&town, tries, failed).await;
        }
        let given_up = "SELECT count(*) FROM remittance WHERE kind = 3 AND state = 4";
        until(&town, given_up, i64::try_from(place).expect("small") + 1).await;
    }
    until(&town, STATE, 3).await;
    let sealed = "SELECT count(*) FROM membership WHERE state = 2 AND seal_reason = '连续扣款失败'";
    assert_eq!(town.sql(sealed).await, 1);
    to(&town, "2027-03-20").await;
    tokio::time::sleep(LOOKED_TWICE).await;
    assert_eq!(town.sql(tries).await, failed, "nothing more is tried");
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE state = 5")
            .await,
        0,
        "and nothing is owed"
    );

    // He has money again, and goes on.
    town.doors
        .control_put(&path, &json!({ "plenty": true }))
        .await
        .expect("a door")
        .ok()
        .expect("set");
    let resumed = changes(&town, &id, json!({ "action": "resume" })).await;
    assert_eq!(resumed["state"], "done", "{resumed}");
    until(&town, ALLOCATED, 1).await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 100_000);
}

#[tokio::test]
async fn he_pauses_resumes_and_changes_the_amount_once_a_month() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 331).await;
    signs(&town, &id, terms(&who, 100_000)).await;
    until(&town, ALLOCATED, 1).await;
    let again = ask(
        &town,
        "flexible-contributor-open",
        &id,
        terms(&who, 100_000),
    )
    .await;
    let codes = not_met(&again.ok().expect("a case"));
    assert!(codes.contains(&"FLEX-05".to_owned()), "{codes:?}");

    let more = changes(
        &town,
        &id,
        json!({ "action": "amount", "amount_fen": 150_000 }),
    )
    .await;
    assert_eq!(more["state"], "done", "{more}");
    let twice = changes(
        &town,
        &id,
        json!({ "action": "amount", "amount_fen": 160_000 }),
    )
    .await;
    assert_eq!(not_met(&twice), ["FLEX-07"]);
    let wrong = changes(&town, &id, json!({ "action": "resume" })).await;
    assert_eq!(
        not_met(&wrong),
        ["FLEX-02", "FLEX-05"],
        "he contributes already"
    );
    to(&town, "2026-12-10").await;
    until(&town, ALLOCATED, 2).await;
    assert_eq!(
        balance(&town.doors, &who).await.expect("fen"),
        250_000,
        "from the next debit"
    );

    let paused = changes(&town, &id, json!({ "action": "pause" })).await;
    assert_eq!(paused["state"], "done");
    to(&town, "2027-01-12").await;
    tokio::time::sleep(LOOKED_TWICE).await;
    assert_eq!(
        town.sql(ALLOCATED).await,
        2,
        "nothing is debited while he pauses"
    );
    let paid = changes(
        &town,
        &id,
        json!({ "action": "deposit", "amount_fen": 100_000 }),
    )
    .await;
    assert_eq!(not_met(&paid), ["FLEX-05"]);
    let resumed = changes(&town, &id, json!({ "action": "resume" })).await;
    assert_eq!(resumed["state"], "done", "{resumed}");
    until(&town, ALLOCATED, 3).await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 400_000);
}

/// Whoever contributes when he likes pays with a code from any account, or from his card at once; each receipt is his alone.
#[tokio::test]
async fn a_lump_is_paid_with_a_code_or_from_the_card_at_once() {
    let town = Town::open_at(tuesday()).await;
    let (zhou, id) = free_lancer(&town, 341).await;
    let (wu, other) = free_lancer(&town, 342).await;
    for (who, id) in [(&zhou, &id), (&wu, &other)] {
        let mut lump = terms(who, 100_000);
        lump["plan"] = json!("lump");
        signs(&town, id, lump).await;
    }
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance").await,
        0,
        "nothing is asked of him"
    );
    let mut orders = Vec::new();
    for id in [&id, &other] {
        let case = changes(
            &town,
            id,
            json!({ "action": "deposit", "amount_fen": 300_000 }),
        )
        .await;
        let case = text(&case, "case_id").expect("a case");
        let case = town
            .doors
            .get(&format!("/cases/{case}"))
            .await
            .expect("a door")
            .ok()
            .expect("a case");
        let order = case["events"]
            .as_array()
            .expect("events")
            .iter()
            .find_map(|event| {
                event["detail"]
                    .get("reference")
                    .map(|_| event["detail"].clone())
            })
            .expect("a pay code");
        orders.push(order);
    }
    // Half of one and all of the other: the money of one never pays for the other.
    cast::pay(&town.doors, &orders[0], 150_000)
        .await
        .expect("paid");
    cast::pay(&town.doors, &orders[1], 300_000)
        .await
        .expect("paid");
    until(&town, ALLOCATED, 1).await;
    assert_eq!(balance(&town.doors, &zhou).await.expect("fen"), 0);
    assert_eq!(balance(&town.doors, &wu).await.expect("fen"), 300_000);
    cast::pay(&town.doors, &orders[0], 150_000)
        .await
        .expect("paid");
    until(&town, ALLOCATED, 2).await;
    assert_eq!(balance(&town.doors, &zhou).await.expect("fen"), 300_000);

    let card = json!({ "action": "deposit", "amount_fen": 200_000, "pay": "debit" });
    assert_eq!(changes(&town, &id, card).await["state"], "done");
    until(&town, ALLOCATED, 3).await;
    assert_eq!(balance(&town.doors, &zhou).await.expect("fen"), 500_000);
}

/// The account goes with him: from an employer to himself, and from himself to an employer.
#[tokio::test]
async fn he_takes_his_account_along_and_an_employer_takes_it_over() {
    let town = Town::open_at(tuesday()).await;
    let people = known(&town, 351, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, 351, month().plus(-1))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month().plus(-1), &people)
        .await
        .expect("a month");
    let account = account_no(&town, &people[0]).await;
    let seal = json!({
        "service": "employee-account-seal", "applicant": employer, "channel": "HALL",
        "form": { "roster": [{ "account_no": account }], "reason": "离职" },
    });
    let sealed = town.doors.post("/cases", &seal).await.expect("a door");
    sealed.ok().expect("sealed");
    let li = cast::look_up(&town.doors, &people[0]).await.expect("known");
    signs(&town, &li, terms(&people[0], 100_000)).await;
    until(&town, ALLOCATED, 1).await;
    assert_eq!(
        account_no(&town, &people[0]).await,
        account,
        "the same account"
    );
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        340_000
    );

    // A new employer takes it in from the next month, whether he has paused or not.
    let next = open_employer(&town.doors, 352, month().plus(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &next, month().plus(1), &people[..1])
        .await
        .expect("a month");
    assert_eq!(account_no(&town, &people[0]).await, account);
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        580_000
    );
    to(&town, "2026-12-12").await;
    tokio::time::sleep(LOOKED_TWICE).await;
    assert_eq!(town.sql(ALLOCATED).await, 1, "his card is debited no more");
}

#[tokio::test]
async fn a_person_sees_and_signs_it_on_his_own_page() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 361).await;
    let office = town.office().await;
    let me = Visitor::person(&town, &office, &who).await;
    let page = me.get("/my/flexible").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    assert!(page.page.contains("签缴存协议"), "{}", page.page);
    let sheet = me.get("/my/do/flexible-contributor-open").await.page;
    assert!(
        sheet.contains("缴存方式") && sheet.contains("扣款银行卡号"),
        "{sheet}"
    );

    // That card is debited: nobody is told that money goes to it.
    let key = uuid::Uuid::now_v7().to_string();
    let form = [
        ("key", key.as_str()),
        ("plan", "monthly"),
        ("amount_fen", "1000.00"),
        ("card_no", who.card.as_str()),
        ("day", "10"),
        ("agree", "1"),
    ];
    let face = me
        .post("/my/do/flexible-contributor-open", &form)
        .await
        .page;
    assert!(
        face.contains("核对是我本人，提交") && !face.contains("提取到"),
        "{face}"
    );

    signs(&town, &id, terms(&who, 100_000)).await;
    until(&town, ALLOCATED, 1).await;
    let page = me.get("/my/flexible").await.page;
    assert!(
        page.contains("正常缴存") && page.contains("1,000.00") && page.contains("已到账"),
        "{page}"
    );
    let account = me.get("/my/account").await.page;
    assert!(account.contains("1,000.00"), "{account}");
    let key = uuid::Uuid::now_v7().to_string();
    let form = [("key", key.as_str()), ("action", "pause")];
    let sent = me.post("/my/do/flexible-contributor-change", &form).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let page = me.get("/my/flexible").await.page;
    assert!(
        page.contains("已暂停") && page.contains("恢复缴存"),
        "{page}"
    );
}

/// E12: what stayed for half a year earns 1 % a year of finance, by a list of its own.
#[tokio::test]
async fn finance_adds_to_what_stayed_for_half_a_year() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 391).await;
    subsidised(&town, &who, &id).await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 100_125);
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 12")
            .await,
        1
    );
}

/// Pays 1,000.00 in November 2026; in July 2027 finance adds 1.25.
pub async fn subsidised(town: &Town, who: &Person, id: &str) {
    let lump = json!({ "plan": "lump", "amount_fen": 100_000, "card_no": who.card, "day": 10, "agree": true });
    signs(town, id, lump).await;
    let deposit = json!({ "action": "deposit", "amount_fen": 100_000 });
    let case = changes(town, id, deposit).await;
    let path = format!("/cases/{}", text(&case, "case_id").expect("a case"));
    let case = town
        .doors
        .get(&path)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    let events = case["events"].as_array().expect("events").iter();
    let order = events
        .map(|event| event["detail"].clone())
        .find(|detail| detail.get("reference").is_some())
        .expect("a pay code");
    cast::pay(&town.doors, &order, 100_000).await.expect("paid");
    until(town, ALLOCATED, 1).await;
    to(town, "2027-07-05").await;
    let office = town.office().await;
    let accountant =
        Visitor::staff(town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let page = accountant.get("/desk/flexible").await;
    // 17 May to 30 June: 45 days × 1,000.00 × 1 % ÷ 360
    assert!(page.page.contains("1.25"), "{}", page.page);
    let employer = town.sql("SELECT employer_id FROM flexible_agreement").await;
    let number = office.numbers.encode(NumberKind::Employer, employer);
    let made = accountant
        .post("/desk/flexible", &[("office", &number)])
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
    let twice = accountant
        .post("/desk/flexible", &[("office", &number)])
        .await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let list = town
        .sql("SELECT remittance_id FROM remittance WHERE kind = 4")
        .await;
    let list = anju_business::contribution::remittance::require(&office, list)
        .await
        .expect("a list");
    let bank = office.bank(&list.bank).expect("a bank").account_no.clone();
    let order =
        json!({ "payee_bank": list.bank, "payee_account": bank, "reference": list.reference });
    cast::pay(&town.doors, &order, 125).await.expect("paid");
    until(
        town,
        "SELECT count(*) FROM remittance WHERE kind = 4 AND state = 3",
        1,
    )
    .await;
}
