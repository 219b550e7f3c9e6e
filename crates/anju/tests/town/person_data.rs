//! A person keeps his own data, phone and card: what he must prove, who is told, what it holds up, and what stays readable of it.

use anju::cast::{self, Person, bank_balance, contribute, look_up, open_employer, person, text};
use anju_casework::Office;
use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::town::{Town, account_no, known, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// The texts that a phone has received, oldest first, once it has at least one that says this.
pub async fn told(town: &Town, phone: &str, word: &str) -> String {
    for _ in 0..200 {
        let answer = town
            .doors
            .control(&format!("/phones/{phone}/messages"))
            .await;
        let body = answer.expect("the phone").ok().expect("its messages");
        let messages = body.as_array().or(body["items"].as_array());
        let last = messages
            .into_iter()
            .flatten()
            .rev()
            .find_map(|message| message["text"].as_str().filter(|text| text.contains(word)));
        if let Some(last) = last {
            return last.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{phone} was never told: {word}");
}

async fn ask(town: &Town, service: &str, who: &Person, channel: &str, form: Value) -> Value {
    let body = json!({
        "service": service, "applicant": look_up(&town.doors, who).await.expect("known"), "form": form, "channel": channel,
    });
    let answer = town.doors.post("/cases?wait=20s", &body).await;
    answer.expect("a door").body
}

async fn done(town: &Town, service: &str, who: &Person, form: Value) -> Value {
    let answer = ask(town, service, who, "APP", form).await;
    assert_eq!(answer["state"], "done", "{answer}");
    answer
}

async fn code_of(town: &Town, service: &str, who: &Person, form: Value) -> String {
    let answer = ask(town, service, who, "APP", form).await;
    answer["code"]
        .as_str()
        .unwrap_or_else(|| panic!("not refused: {answer}"))
        .to_owned()
}

async fn rents(town: &Town, who: &Person, channel: &str) -> Value {
    ask(
        town,
        "withdraw-rent",
        who,
        channel,
        json!({ "card_no": who.card }),
    )
    .await
}

/// The conditions that a decision found not met.
fn not_met(answer: &Value) -> Vec<&str> {
    answer["decision"]["conditions"]
        .as_array()
        .unwrap_or_else(|| panic!("no decision: {answer}"))
        .iter()
        .filter(|condition| condition["outcome"] == "not_met")
        .filter_map(|condition| condition["code"].as_str())
        .collect()
}

#[tokio::test]
async fn a_new_phone_holds_money_for_a_day_and_not_at_the_counter() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 61).await;
    let (wang, _) = tenant_of(&town, 62).await;
    for (who, phone) in [(&li, "13711110001"), (&wang, "13711110002")] {
        done(&town, "mobile-change", who, json!({ "phone": phone })).await;
    }
    // The old phone learns of it, the new one where it belongs; neither is told a whole number.
    let old = told(&town, &li.phone, "换成").await;
    assert!(
        old.contains("137****0001") && !old.contains("13711110001"),
        "{old}"
    );
    told(&town, "13711110001", "已登记为您的手机号").await;

    let held = rents(&town, &li, "APP").await;
    assert_eq!(held["state"], "refused", "{held}");
    assert_eq!(not_met(&held), ["CMN-14"]);
    let at_counter = rents(&town, &wang, "CTR").await;
    assert_eq!(not_met(&at_counter), Vec::<&str>::new());
    assert_eq!(at_counter["state"], "done", "{at_counter}");

    town.later(23 * 60);
    assert_eq!(not_met(&rents(&town, &li, "APP").await), ["CMN-14"]);
    town.later(62);
    let paid = rents(&town, &li, "APP").await;
    assert_eq!(paid["state"], "done", "{paid}");
    assert_eq!(paid["decision"]["outcome"], "approved");
}

#[tokio::test]
async fn one_phone_is_one_persons_whoever_asks_first_and_once() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 63).await;
    let (wang, _) = tenant_of(&town, 64).await;
    let change = async |who: &Person, phone: &str| {
        code_of(&town, "mobile-change", who, json!({ "phone": phone })).await
    };
    assert_eq!(change(&li, &wang.phone).await, "E-PHONE-02", "it is Wang's");
    assert_eq!(
        change(&li, &li.phone).await,
        "E-PHONE-01",
        "it is his already"
    );
    assert_eq!(change(&li, "12345").await, "E-FORM-01");

    // Both want the same new one at once: one has it.
    let free = json!({ "phone": "13711110003" });
    let both = tokio::join!(
        ask(&town, "mobile-change", &li, "APP", free.clone()),
        ask(&town, "mobile-change", &wang, "APP", free.clone()),
    );
    let states = [&both.0, &both.1];
    assert_eq!(
        states.iter().filter(|one| one["state"] == "done").count(),
        1,
        "{states:?}"
    );
    assert_eq!(
        states
            .iter()
            .filter(|one| one["code"] == "E-PHONE-02")
            .count(),
        1,
        "{states:?}"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM person_change WHERE what = 'phone'")
            .await,
        1
    );

    // The same request again is the same case, and changes nothing again.
    let who = person("李梅", 63, 1, 0).expect("numbers");
    let body = json!({
        "service": "mobile-change", "applicant": look_up(&town.doors, &who).await.expect("known"),
        "form": { "phone": "13711110004" }, "channel": "APP",
    });
    let key = Uuid::now_v7().to_string();
    let mut cases = Vec::new();
    for _ in 0..2 {
        let answer = town
            .doors
            .post_with_key("/cases?wait=5s", &key, &body)
            .await
            .expect("a door");
        cases.push(text(&answer.body, "case_id").expect("a case"));
    }
    assert_eq!(cases[0], cases[1]);
    let other = json!({
        "service": "mobile-change", "applicant": look_up(&town.doors, &who).await.expect("known"),
        "form": { "phone": "13711110005" }, "channel": "APP",
    });
    let answer = town
        .doors
        .post_with_key("/cases", &key, &other)
        .await
        .expect("a door");
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::CONFLICT, "E-API-02")
    );
}

/// The key that the page's form carries.
fn key_of(page: &str) -> String {
    let after = page.split("name=\"key\" value=\"").nth(1);
    let key = after.and_then(|rest| rest.split('"').next());
    key.unwrap_or_else(|| panic!("a form without a key: {page}"))
        .to_owned()
}

/// The code in the last message to a phone that is for this.
async fn code_on(town: &Town, phone: &str, what: &str) -> String {
    let text = told(town, phone, &format!("{what}验证码")).await;
    let code = text.split("验证码 ").nth(1).and_then(|rest| rest.get(..6));
    code.expect("six digits").to_owned()
}

#[tokio::test]
async fn the_new_phone_and_the_face_prove_the_change_and_other_sessions_end() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 65).await;
    let (wang, _) = tenant_of(&town, 66).await;
    let here = Visitor::person(&town, &office, &li).await;
    let there = Visitor::person(&town, &office, &li).await;
    let of_wang = Visitor::person(&town, &office, &wang).await;
    let path = "/my/me/change/mobile-change";
    let face = "/my/me/change/mobile-change/face";

    let form = here.get(path).await;
    assert_eq!(form.status, StatusCode::OK);
    let key = key_of(&form.page);
    let same = here
        .post(path, &[("key", &key), ("phone", &li.phone)])
        .await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(same.page.contains("和现在登记的一样"));

    let new = "13711110010";
    let sent = here.post(path, &[("key", &key), ("phone", new)]).await;
    assert!(
        sent.page.contains("验证码已发到 137****0010"),
        "{}",
        sent.page
    );
    let code = code_on(&town, new, "变更手机号").await;

    // A code that the same phone got for somebody else's change is not this one's.
    of_wang
        .post(
            path,
            &[
                ("key", &key_of(&of_wang.get(path).await.page)),
                ("phone", new),
            ],
        )
        .await;
    let fields = [
        ("key", key.as_str()),
        ("phone", new),
        ("code", code.as_str()),
    ];
    let other = of_wang.show_face(face, &fields).await;
    assert_eq!(
        other.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        other.page
    );
    assert!(other.page.contains("验证码不对或已过期"), "{}", other.page);

    // Without the face nothing happens, whatever the code.
    let asked = here.post(path, &fields).await;
    assert!(asked.page.contains("请正对镜头拍一张"), "{}", asked.page);
    assert_eq!(town.sql("SELECT count(*) FROM person_change").await, 0);
    let set = json!({ "subject": li.id, "value": { "match": false } });
    let control = |value: Value| {
        let doors = &town.doors;
        async move {
            doors
                .control_post("/facts/D01/police.face_match/set", &value)
                .await
                .expect("D01")
                .ok()
                .expect("set")
        }
    };
    control(set).await;
    let stranger = here.show_face(face, &fields).await;
    assert!(
        stranger.page.contains("照片和公安登记的不像"),
        "{}",
        stranger.page
    );
    control(json!({ "subject": li.id, "value": { "match": true } })).await;

    // The face stands for this phone; a mistyped code needs no second picture.
    let wrong = here
        .show_face(
            face,
            &[("key", key.as_str()), ("phone", new), ("code", "000000x")],
        )
        .await;
    assert_eq!(
        wrong.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        wrong.page
    );
    let done = here.post(path, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    assert!(done.location.starts_with("/my/cases/"), "{}", done.location);

    assert!(here.get("/my/me").await.page.contains("137****0010"));
    let elsewhere = there.get("/my/me").await;
    assert!(
        elsewhere.location.starts_with("/login"),
        "the other session ended: {}",
        elsewhere.status
    );
    let history = here.get("/my/me/changes").await.page;
    assert!(
        history.contains("137****0010") && history.contains("本人"),
        "{history}"
    );
    assert!(
        !history.contains(&li.phone) && !history.contains(new),
        "{history}"
    );
    told(&town, &li.phone, "换成").await;
    // A form that is sent again is the case that it was.
    let again = here.post(path, &fields).await;
    assert!(
        again.page.contains("和现在登记的一样") || again.location == done.location,
        "{}",
        again.page
    );
    assert_eq!(town.sql("SELECT count(*) FROM person_change").await, 1);
}

#[tokio::test]
async fn at_the_counter_the_new_phone_proves_itself_and_the_teller_stands_in_the_history() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 67).await;
    let at_home = Visitor::person(&town, &office, &li).await;
    let teller = Visitor::staff(&town, &office, "teller", office.centre.head_branch).await;
    let path = "/desk/do/mobile-change";
    assert_eq!(
        teller.get(path).await.status,
        StatusCode::FORBIDDEN,
        "nobody at the window"
    );
    teller
        .post(
            "/desk/identify",
            &[
                ("id_no", &li.id),
                ("name", &li.name),
                ("reason", "transact"),
            ],
        )
        .await;
    let form = teller.get(path).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.page);
    let key = key_of(&form.page);
    let new = "13711110011";
    teller.post(path, &[("key", &key), ("phone", new)]).await;
    let code = code_on(&town, new, "变更手机号").await;
    let done = teller
        .post(path, &[("key", &key), ("phone", new), ("code", &code)])
        .await;
    assert!(
        done.location.starts_with("/desk/cases/"),
        "{} {}",
        done.status,
        done.page
    );
    let back = at_home.get("/my/me").await;
    assert!(
        back.location.starts_with("/login"),
        "who was logged in with the old phone is out"
    );
    let history = Visitor::person(&town, &office, &li)
        .await
        .get("/my/me/changes")
        .await
        .page;
    assert!(
        history.contains("工作人员") && history.contains("柜台"),
        "{history}"
    );
}

/// A further card of somebody, which UnionPay and its bank know from now on instead of the one before.
async fn new_card(town: &Town, who: &Person, digits: &str, class: &str) -> String {
    let card = CardNumber::complete(digits)
        .expect("a card")
        .expose()
        .to_owned();
    let value =
        json!({ "name": who.name, "card": card, "match": true, "card_type": class, "bank": "B4" });
    cast::fact(&town.doors, "D18", "unionpay.card_auth", &who.id, value)
        .await
        .expect("D18");
    card
}

/// What the police hold of a number.
async fn police(town: &Town, id: &str, name: &str) {
    let value = json!({ "name": name, "match": true, "alive": true });
    cast::fact(&town.doors, "D01", "police.identity", id, value)
        .await
        .expect("D01");
}

/// A citizen's number with this order in the file of its day and district.
fn id_of(body: &str) -> String {
    let mut ids = "0123456789X".chars().map(|check| format!("{body}{check}"));
    ids.find(|id| IdNumber::parse(id).is_ok())
        .expect("a check digit")
}

async fn lookup(town: &Town, id: &str) -> Value {
    let answer = town
        .doors
        .post("/people/lookup", &json!({ "id_no": id }))
        .await;
    answer.expect("a door").body
}

async fn mode(town: &Town, source: &str, mode: &str) {
    let body = json!({ "mode": mode });
    let answer = town
        .doors
        .control_put(&format!("/sources/{source}"), &body)
        .await;
    answer.expect("the outside").ok().expect("a mode");
}

#[tokio::test]
async fn a_new_card_takes_the_next_money_and_a_case_that_pays_keeps_its_own() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 71).await;
    for bank in 1..=8 {
        let body = json!({ "mode": "unknown", "latency_ms": 0 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &body)
            .await
            .expect("banks")
            .ok()
            .expect("a mode");
    }
    let paying = submit(&town, &li).await;
    assert_eq!(paying["state"], "executing", "{paying}");

    let card = new_card(&town, &li, "622848990000000071", "debit-1").await;
    done(
        &town,
        "personal-card-change",
        &li,
        json!({ "card_no": card }),
    )
    .await;
    told(
        &town,
        &li.phone,
        &format!("尾号 {}", &card[card.len() - 4..]),
    )
    .await;
    for bank in 1..=8 {
        let body = json!({ "mode": "ok", "latency_ms": 0 });
        town.doors
            .control_put(&format!("/banks/B{bank}"), &body)
            .await
            .expect("banks")
            .ok()
            .expect("a mode");
    }
    let paid = becomes(&town, &paying, "done").await;
    let bank = text(&paid["payment"], "bank").expect("a bank");
    assert_eq!(
        bank_balance(&town.doors, &bank, &li.card)
            .await
            .expect("the bank"),
        360_000
    );

    // What is asked next is filled in with the new card; the old one is in the history, covered.
    let me = Visitor::person(&town, &office, &li).await;
    let sheet = me.get("/my/me").await.page;
    assert!(sheet.contains(&card[card.len() - 4..]), "{sheet}");
    assert!(!sheet.contains(&card), "never whole");
    let history = me.get("/my/me/changes").await.page;
    assert!(history.contains("联名卡：没有登记"), "{history}");
    let sealed = town
        .sql("SELECT count(*) FROM business_case c WHERE c::text LIKE '%622848990000000071%'")
        .await;
    assert_eq!(sealed, 0);
}

#[tokio::test]
async fn a_card_that_unionpay_or_its_bank_does_not_know_as_his_is_refused() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 72).await;
    let (wang, _) = tenant_of(&town, 73).await;
    let service = "personal-card-change";
    let others = ask(&town, service, &li, "APP", json!({ "card_no": wang.card })).await;
    assert_eq!(
        (others["state"].as_str(), not_met(&others)),
        (Some("refused"), vec!["CARD-02"])
    );
    let second = new_card(&town, &li, "622848990000000072", "debit-2").await;
    let second_class = ask(&town, service, &li, "APP", json!({ "card_no": second })).await;
    assert_eq!(not_met(&second_class), ["CARD-02"]);
    let right = new_card(&town, &li, "622848990000000072", "debit-1").await;
    let of_bank = json!({ "name": "李海", "card": right });
    cast::fact(&town.doors, "B4", "bank.card_match", &li.id, of_bank)
        .await
        .expect("B4");
    let disagrees = ask(&town, service, &li, "APP", json!({ "card_no": right })).await;
    assert_eq!(not_met(&disagrees), ["CARD-03"]);
    assert_eq!(
        code_of(
            &town,
            service,
            &li,
            json!({ "card_no": "6228480000000000001" })
        )
        .await,
        "E-FORM-01"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM person WHERE card_sealed IS NOT NULL")
            .await,
        0
    );

    // Silence is no refusal: the case waits and goes on by itself.
    let right = new_card(&town, &li, "622848990000000072", "debit-1").await;
    mode(&town, "D18", "down").await;
    let form = json!({ "card_no": right });
    let waits = ask(&town, service, &li, "APP", form).await;
    assert_eq!(waits["state"], "gathering", "{waits}");
    mode(&town, "D18", "ok").await;
    becomes(&town, &waits, "done").await;
    assert_eq!(
        town.sql("SELECT count(*) FROM person WHERE card_sealed IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn the_phone_that_was_replaced_learns_of_a_new_card_too() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 74).await;
    done(
        &town,
        "mobile-change",
        &li,
        json!({ "phone": "13711110074" }),
    )
    .await;
    done(
        &town,
        "cobrand-card-link",
        &li,
        json!({ "card_no": li.card }),
    )
    .await;
    let tail = format!("尾号 {}", &li.card[li.card.len() - 4..]);
    told(&town, &li.phone, &tail).await;
    told(&town, "13711110074", &tail).await;
    let again = ask(
        &town,
        "cobrand-card-link",
        &li,
        "APP",
        json!({ "card_no": li.card }),
    )
    .await;
    assert_eq!(
        not_met(&again),
        ["CARD-04"],
        "another card is a change, not a link"
    );
    assert_eq!(
        code_of(&town, "cobrand-card-link", &li, json!({})).await,
        "E-FORM-01"
    );
}

#[tokio::test]
async fn a_clerk_links_the_cards_of_many_all_or_nothing() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(
        &town,
        75,
        &[("李梅", 1_000_000), ("王强", 800_000), ("陈杰", 700_000)],
    )
    .await;
    let employer = open_employer(&town.doors, 75, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    let (stranger, _) = tenant_of(&town, 76).await;
    let mut accounts = Vec::new();
    for who in &people {
        accounts.push(account_no(&town, who).await);
    }
    let link = async |rows: Value| {
        let body = json!({ "service": "cobrand-card-link", "applicant": employer, "form": { "roster": rows }, "channel": "HALL" });
        town.doors.post("/cases", &body).await.expect("a door").body
    };
    let row = |account: &str, card: &str| json!({ "account_no": account, "card_no": card });
    let told_of = |answer: &Value| -> Vec<(u64, String)> {
        let errors = answer["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no errors: {answer}"));
        errors
            .iter()
            .map(|e| {
                (
                    e["row"].as_u64().expect("a row"),
                    e["code"].as_str().expect("a code").to_owned(),
                )
            })
            .collect()
    };

    let elsewhere = account_no(&town, &stranger).await;
    let wrong = link(json!([
        row(&accounts[0], &people[0].card),
        row(&elsewhere, &stranger.card),
        row(&accounts[1], "6228480000000000001"),
        row(&accounts[0], &people[2].card),
    ]))
    .await;
    let code = |code: &str| code.to_owned();
    assert_eq!(
        told_of(&wrong),
        [
            (2, code("E-FORM-01")),
            (3, code("E-FORM-01")),
            (4, code("E-ROW-01"))
        ]
    );
    let not_his = link(json!([
        row(&accounts[0], &people[0].card),
        row(&accounts[1], &people[2].card)
    ]))
    .await;
    assert_eq!(told_of(&not_his), [(2, code("E-W-08"))]);
    mode(&town, "D18", "down").await;
    assert_eq!(
        link(json!([row(&accounts[0], &people[0].card)])).await["code"],
        "E-CARD-03"
    );
    mode(&town, "D18", "ok").await;
    assert_eq!(
        town.sql("SELECT count(*) FROM person WHERE card_sealed IS NOT NULL")
            .await,
        0,
        "nothing is half done"
    );

    // UnionPay is asked again by itself a little after it came back.
    let two = || {
        link(json!([
            row(&accounts[0], &people[0].card),
            row(&accounts[1], &people[1].card)
        ]))
    };
    let mut linked = two().await;
    for _ in 0..100 {
        if linked["state"] == "done" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        linked = two().await;
    }
    assert_eq!(linked["state"], "done", "{linked}");
    for who in &people[..2] {
        told(
            &town,
            &who.phone,
            &format!("尾号 {}", &who.card[who.card.len() - 4..]),
        )
        .await;
    }
    let again = link(json!([
        row(&accounts[0], &people[0].card),
        row(&accounts[2], &people[2].card)
    ]))
    .await;
    assert_eq!(
        told_of(&again),
        [(1, code("E-CARD-02"))],
        "another card is the person's own act"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM person WHERE card_sealed IS NOT NULL")
            .await,
        2
    );

    // The same at the clerk's page, with what is wrong beside each.
    let clerk = Visitor::clerk(&town, &office, &employer, 75).await;
    let page = clerk.get("/unit/cards").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.page.contains("陈*") && !page.page.contains("李*"),
        "who has a card is not asked: {}",
        page.page
    );
    let key = key_of(&page.page);
    let field = format!("card-{}", accounts[2]);
    let refused = clerk
        .post("/unit/cards", &[("key", &key), (&field, &people[0].card)])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.page.contains("核验未通过"), "{}", refused.page);
    let done = clerk
        .post("/unit/cards", &[("key", &key), (&field, &people[2].card)])
        .await;
    assert_eq!(done.location, "/unit/cards?done=1", "{}", done.page);
    assert_eq!(
        town.sql("SELECT count(*) FROM person WHERE card_sealed IS NOT NULL")
            .await,
        3
    );
    let history = Visitor::person(&town, &office, &people[2])
        .await
        .get("/my/me/changes")
        .await
        .page;
    assert!(history.contains("单位经办人"), "{history}");
}

#[tokio::test]
async fn the_face_stands_for_this_card_and_no_other() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 77).await;
    let me = Visitor::person(&town, &office, &li).await;
    let path = "/my/me/change/personal-card-change";
    let key = key_of(&me.get(path).await.page);
    let nothing = me.post(path, &[("key", &key), ("card_no", "")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let asked = me.post(path, &[("key", &key), ("card_no", &li.card)]).await;
    assert!(asked.page.contains("请正对镜头拍一张"), "{}", asked.page);
    let done = me
        .show_face(
            &format!("{path}/face"),
            &[("key", &key), ("card_no", &li.card)],
        )
        .await;
    assert!(done.location.starts_with("/my/cases/"), "{}", done.page);
    let other = new_card(&town, &li, "622848990000000077", "debit-1").await;
    let key = key_of(&me.get(path).await.page);
    let again = me.post(path, &[("key", &key), ("card_no", &other)]).await;
    assert!(
        again.page.contains("请正对镜头拍一张"),
        "another card wants another picture"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM person_change WHERE what = 'card'")
            .await,
        1
    );
}

const INFO: &str = "personal-info-maintain";

/// The reviewer of the branch that keeps the town's people.
async fn reviewer(town: &Town, office: &Office) -> Visitor {
    let branch = town
        .sql("SELECT min(branch_id)::bigint FROM employer")
        .await;
    let branch = i16::try_from(branch).expect("a branch");
    Visitor::staff(town, office, "reviewer", branch).await
}

#[tokio::test]
async fn a_person_keeps_address_and_contact_and_only_he_reads_what_they_were() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 81).await;
    let first = json!({ "address": "渝中区人民路 1 号", "email": "li.mei@example.com", "education": "本科",
                        "contact_name": "王大强", "contact_phone": "13711110081", "marital": "single" });
    done(&town, INFO, &li, first).await;
    done(&town, INFO, &li, json!({ "address": "江北区建新路 9 号" })).await;
    // Nothing of it stands anywhere in clear.
    for word in ["人民路", "建新路", "li.mei", "王大强", "13711110081"] {
        let found = town.sql(sqlx_like(word)).await;
        assert_eq!(found, 0, "{word} stands in clear");
    }
    let me = Visitor::person(&town, &office, &li).await;
    let form = me.get("/my/me/change/personal-info-maintain").await.page;
    assert!(
        form.contains("江北区建新路 9 号") && form.contains("li.mei@example.com"),
        "{form}"
    );
    let history = me.get("/my/me/changes").await.page;
    assert!(
        history.contains("渝中区人民路****") || history.contains("渝中区人民****"),
        "{history}"
    );
    assert!(
        !history.contains("人民路 1 号"),
        "old values are covered: {history}"
    );

    for (form, code) in [
        (json!({}), "E-FORM-01"),
        (json!({ "email": "nobody" }), "E-FORM-01"),
        (json!({ "contact_phone": "12" }), "E-FORM-01"),
        (json!({ "id_no": "500103199001011234" }), "E-FORM-01"),
        (json!({ "id_no": id_of("50010319900101123") }), "E-FORM-01"),
    ] {
        assert_eq!(
            code_of(&town, INFO, &li, form.clone()).await,
            code,
            "{form}"
        );
    }
    let married = ask(&town, INFO, &li, "APP", json!({ "marital": "married" })).await;
    assert_eq!(not_met(&married), ["INFO-03"], "the register says single");
    assert_eq!(town.sql("SELECT count(*) FROM person_change").await, 7);
}

fn sqlx_like(word: &str) -> &'static str {
    let query = format!(
        "SELECT (SELECT count(*) FROM business_case c WHERE c::text LIKE '%{word}%')
              + (SELECT count(*) FROM case_event WHERE detail::text LIKE '%{word}%')
              + (SELECT count(*) FROM outbox_done WHERE payload::text LIKE '%{word}%')"
    );
    Box::leak(query.into_boxed_str())
}

#[tokio::test]
async fn a_new_name_counts_when_the_police_know_it_and_a_new_number_when_a_reviewer_has_seen_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 82).await;
    let (wang, _) = tenant_of(&town, 83).await;
    let who = lookup(&town, &li.id).await;
    let mismatch = ask(&town, INFO, &li, "APP", json!({ "name": "李玫" })).await;
    assert_eq!(not_met(&mismatch), ["INFO-01"]);
    police(&town, &li.id, "李玫").await;
    done(&town, INFO, &li, json!({ "name": "李玫" })).await;
    assert_eq!(lookup(&town, &li.id).await["person_id"], who["person_id"]);

    // Another customer's number is nobody else's, whatever the police say of the name.
    police(&town, &wang.id, "李玫").await;
    let taken = ask(
        &town,
        INFO,
        &li,
        "APP",
        json!({ "id_no": wang.id, "id_reason": "replaced" }),
    )
    .await;
    assert_eq!(not_met(&taken), ["INFO-02"]);

    let new = id_of(&format!("{}777", &li.id[..14]));
    police(&town, &new, "李玫").await;
    let form = json!({ "id_no": new, "id_reason": "replaced" });
    let asked = ask(&town, INFO, &li, "APP", form).await;
    assert_eq!(asked["state"], "reviewing", "{asked}");
    assert_eq!(
        lookup(&town, &new).await["status"],
        404,
        "nothing before the reviewer"
    );
    let reviewer = reviewer(&town, &office).await;
    let case = text(&asked, "case_id").expect("a case");
    let page = reviewer.get(&format!("/desk/cases/{case}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let yes = [("verdict", "approve"), ("reason", "新旧证件核对一致")];
    let answer = reviewer
        .post(&format!("/desk/cases/{case}/check"), &yes)
        .await;
    assert!(
        answer.status.is_redirection() || answer.status.is_success(),
        "{}",
        answer.page
    );
    becomes(&town, &asked, "done").await;

    // Both numbers, and the form of fifteen digits of either, are the same person; nobody else can take them.
    for id in [&new, &li.id] {
        assert_eq!(
            lookup(&town, id).await["person_id"],
            who["person_id"],
            "{id}"
        );
        let short = format!("{}{}", &id[..6], &id[8..17]);
        assert_eq!(
            lookup(&town, &short).await["person_id"],
            who["person_id"],
            "{short}"
        );
    }
    police(&town, &li.id, &wang.name).await;
    let old = json!({ "id_no": li.id, "id_reason": "replaced" });
    assert_eq!(
        not_met(&ask(&town, INFO, &wang, "APP", old).await),
        ["INFO-02"]
    );
    let answer = reviewer.get(&format!("/desk/cases/{case}")).await.page;
    assert!(
        !answer.contains(&new),
        "a reviewer's page does not show a whole number"
    );
}

#[tokio::test]
async fn a_number_that_was_only_mistaken_is_free_again() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 84).await;
    let right = id_of(&format!("{}778", &li.id[..14]));
    police(&town, &right, &li.name).await;
    let asked = ask(
        &town,
        INFO,
        &li,
        "APP",
        json!({ "id_no": right, "id_reason": "mistake" }),
    )
    .await;
    let case = text(&asked, "case_id").expect("a case");
    let reviewer = reviewer(&town, &office).await;
    let yes = [("verdict", "approve"), ("reason", "登记表上的号码录错")];
    reviewer
        .post(&format!("/desk/cases/{case}/check"), &yes)
        .await;
    becomes(&town, &asked, "done").await;
    assert_eq!(lookup(&town, &li.id).await["status"], 404);
    assert!(lookup(&town, &right).await["person_id"].is_string());
}

#[tokio::test]
async fn the_code_of_the_registered_phone_stands_for_this_form_alone() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 85).await;
    let me = Visitor::person(&town, &office, &li).await;
    let path = "/my/me/change/personal-info-maintain";
    let key = key_of(&me.get(path).await.page);
    let nothing = me.post(path, &[("key", &key)]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = |address: &'static str| vec![("key", key.as_str()), ("address", address)];
    let asked = me.post(path, &form("渝中区人民路 1 号")).await;
    assert!(asked.page.contains("验证码已发到"), "{}", asked.page);
    let code = code_on(&town, &li.phone, "个人信息维护").await;

    let mut other = form("渝中区人民路 2 号");
    other.push(("step_code", code.as_str()));
    let refused = me.post(path, &other).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a code for another form"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'personal-info-maintain'")
            .await,
        0
    );
    let mut right = form("渝中区人民路 1 号");
    right.push(("step_code", code.as_str()));
    // Tapped twice: one case.
    let (one, two) = tokio::join!(me.post(path, &right), me.post(path, &right));
    assert!(
        one.location.starts_with("/my/cases/") || two.location.starts_with("/my/cases/"),
        "{}",
        one.page
    );
    let again = me.post(path, &right).await;
    assert!(
        again.location.starts_with("/my/cases/") || again.page.contains("没有要变更的内容"),
        "{}",
        again.page
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM business_case WHERE service = 'personal-info-maintain'")
            .await,
        1
    );
    town.later(6);
    let late = me
        .post(
            path,
            &[
                ("key", &key_of(&me.get(path).await.page)),
                ("address", "渝中区人民路 3 号"),
                ("step_code", &code),
            ],
        )
        .await;
    assert_eq!(
        late.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a code is good once and for five minutes"
    );
}
