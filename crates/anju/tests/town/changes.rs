//! An employer's members change between two lists: opened, sealed, unsealed, moved, with another base or ratio.

use anju::cast::{
    self, Person, balance, contribute, number, open_employer, person, register_month, send_roster,
    text,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

/// Two people of an employer that has paid the month before last; the month that comes next is the last one.
pub async fn two(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    (employer, people)
}

async fn account(town: &Town, who: &Person) -> Value {
    cast::account(&town.doors, who).await.expect("an account")
}

/// The answer to a case of an employer.
pub async fn ask(town: &Town, service: &str, employer: &str, form: Value) -> Value {
    let body =
        json!({ "service": service, "applicant": employer, "form": form, "channel": "HALL" });
    town.doors.post("/cases", &body).await.expect("a door").body
}

async fn done(town: &Town, service: &str, employer: &str, form: Value) {
    let answer = ask(town, service, employer, form).await;
    assert_eq!(answer["state"], "done", "{answer}");
}

async fn refused(town: &Town, service: &str, employer: &str, form: Value) -> String {
    let answer = ask(town, service, employer, form).await;
    answer["code"]
        .as_str()
        .unwrap_or_else(|| panic!("not refused: {answer}"))
        .to_owned()
}

/// People and fen of the list that the next month would have.
pub async fn next_list(town: &Town, employer: &str, people: &[Person]) -> (i64, i64) {
    let roster = send_roster(&town.doors, employer, month(1), people)
        .await
        .expect("a door")
        .ok()
        .expect("a list without fault");
    (
        number(&roster, "lines").expect("lines"),
        number(&roster, "total_fen").expect("fen"),
    )
}

#[tokio::test]
async fn who_left_is_sealed_and_who_comes_back_contributes_again() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 41).await;
    let wang = account_no(&town, &people[1]).await;

    let row = json!({ "roster": [{ "account_no": wang, "reason": "离职" }] });
    done(&town, "employee-account-seal", &employer, row.clone()).await;
    assert_eq!(account(&town, &people[1]).await["state"], "sealed");
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("a balance"),
        192_000,
        "the money stays and no entry is made"
    );
    assert_eq!(
        next_list(&town, &employer, &people[..1]).await,
        (1, 240_000)
    );
    assert_eq!(
        refused(&town, "employee-account-seal", &employer, row).await,
        "E-ROW-07",
        "nobody is sealed twice"
    );

    let back = json!({ "roster": [{ "account_no": wang }] });
    done(&town, "employee-account-unseal", &employer, back).await;
    assert_eq!(next_list(&town, &employer, &people).await, (2, 432_000));
}

#[tokio::test]
async fn a_new_employee_is_checked_by_the_police_and_every_mistake_is_told_at_once() {
    let town = Town::open().await;
    let (employer, mut people) = two(&town, 42).await;
    let zhang = person("张伟", 42, 3, 600_000).expect("numbers");
    cast::register(&town.doors, &zhang)
        .await
        .expect("the departments");
    let elsewhere = two(&town, 43).await.1.remove(0);
    let row = |who: &Person, name: &str, base: i64| json!({ "name": name, "id_no": who.id, "base_fen": base });

    let wrong = json!({ "roster": [row(&zhang, "张三", 600_000), row(&elsewhere, "李梅", 600_000), row(&people[0], "李梅", 100)] });
    let answer = ask(&town, "employee-account-open", &employer, wrong).await;
    let told: Vec<(i64, &str)> = answer["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors: {answer}"))
        .iter()
        .map(|error| {
            (
                error["row"].as_i64().expect("a row"),
                error["code"].as_str().expect("a code"),
            )
        })
        .collect();
    assert!(told.contains(&(1, "E-PERS-02")), "{told:?}");
    assert!(told.contains(&(2, "E-PERS-04")), "{told:?}");
    assert!(told.iter().any(|(row, _)| *row == 3), "{told:?}");
    assert_eq!(
        next_list(&town, &employer, &people).await.0,
        2,
        "nothing is half done"
    );

    let right = json!({ "roster": [row(&zhang, "张伟", 600_000)] });
    done(&town, "employee-account-open", &employer, right).await;
    assert_eq!(account(&town, &zhang).await["balance_fen"], 0);
    people.push(zhang);
    assert_eq!(next_list(&town, &employer, &people).await, (3, 576_000));
}

#[tokio::test]
async fn a_base_outside_the_window_needs_a_reason_and_stays_inside_the_limits() {
    let instant = "2026-11-20T02:00:00Z".parse().expect("an instant");
    let town = Town::open_at(instant).await;
    let (employer, mut people) = two(&town, 44).await;
    let li = account_no(&town, &people[0]).await;
    let row = |base: i64| json!([{ "account_no": li, "base_fen": base }]);

    let plain = json!({ "roster": row(1_200_000) });
    assert_eq!(
        refused(&town, "base-adjust", &employer, plain).await,
        "E-BASE-03"
    );
    let high = json!({ "roster": row(99_999_900), "reason": "上年工资漏报" });
    assert_eq!(
        refused(&town, "base-adjust", &employer, high).await,
        "E-BASE-02"
    );
    let low = json!({ "roster": row(100_000), "reason": "上年工资漏报" });
    assert_eq!(
        refused(&town, "base-adjust", &employer, low).await,
        "E-BASE-01"
    );
    let right = json!({ "roster": row(1_200_000), "reason": "上年工资漏报" });
    done(&town, "base-adjust", &employer, right).await;
    people[0].base_fen = 1_200_000;
    assert_eq!(
        next_list(&town, &employer, &people).await,
        (2, 288_000 + 192_000)
    );
}

#[tokio::test]
async fn another_ratio_is_for_everybody_within_the_limits_and_once_a_year() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 45).await;
    let both = |bp: i64| json!({ "ratio_employer_bp": bp, "ratio_employee_bp": bp });
    for (bp, code) in [
        (1_300, "E-RATIO-01"),
        (400, "E-RATIO-01"),
        (850, "E-RATIO-01"),
    ] {
        assert_eq!(
            refused(&town, "ratio-adjust", &employer, both(bp)).await,
            code
        );
    }
    let unequal = json!({ "ratio_employer_bp": 800, "ratio_employee_bp": 700 });
    assert_eq!(
        refused(&town, "ratio-adjust", &employer, unequal).await,
        "E-RATIO-03"
    );
    done(&town, "ratio-adjust", &employer, both(800)).await;
    assert_eq!(
        next_list(&town, &employer, &people).await,
        (2, 160_000 + 128_000)
    );
    assert_eq!(
        refused(&town, "ratio-adjust", &employer, both(700)).await,
        "E-RATIO-04"
    );
}

#[tokio::test]
async fn an_account_moves_with_its_money_when_the_old_employer_has_sealed_it() {
    let town = Town::open().await;
    let (old, people) = two(&town, 46).await;
    let (new, mut colleagues) = two(&town, 47).await;
    let wang = account_no(&town, &people[1]).await;
    let form = json!({ "account_no": wang, "to_employer_no": new });

    let third = open_employer(&town.doors, 48, month(1))
        .await
        .expect("an employer");
    assert_eq!(
        refused(&town, "employee-account-transfer", &third, form.clone()).await,
        "E-FORM-01",
        "a stranger moves nobody"
    );
    let seal = json!({ "roster": [{ "account_no": wang }] });
    done(&town, "employee-account-seal", &old, seal).await;
    done(&town, "employee-account-transfer", &new, form.clone()).await;

    let moved = account(&town, &people[1]).await;
    assert_eq!(moved["account_no"], wang.as_str(), "the number stays");
    assert_eq!(moved["state"], "active");
    assert_eq!(moved["balance_fen"], 192_000);
    colleagues.push(people[1].clone());
    assert_eq!(
        next_list(&town, &new, &colleagues).await,
        (3, 240_000 + 192_000 + 192_000)
    );
    assert_eq!(next_list(&town, &old, &people[..1]).await.0, 1);

    // Pushed out by his employer he arrives sealed: the new one says from when it pays.
    let back = json!({ "account_no": wang, "to_employer_no": old });
    done(&town, "employee-account-transfer", &new, back).await;
    assert_eq!(account(&town, &people[1]).await["state"], "sealed");
}

#[tokio::test]
async fn nobody_moves_while_he_stands_in_a_list_that_waits_for_its_money() {
    let town = Town::open().await;
    let (old, people) = two(&town, 49).await;
    let (new, _) = two(&town, 50).await;
    let wang = account_no(&town, &people[1]).await;
    let registered = register_month(&town.doors, &old, month(1), &people)
        .await
        .expect("registered");
    let form = json!({ "account_no": wang, "to_employer_no": new });
    assert_eq!(
        refused(&town, "employee-account-transfer", &old, form).await,
        "E-TRF-03"
    );
    // A change counts after the list that stands, which itself does not change.
    let row = json!([{ "account_no": wang }]);
    let now = json!({ "roster": row, "month": month(1).to_string() });
    assert_eq!(
        refused(&town, "employee-account-seal", &old, now).await,
        "E-REMIT-04"
    );
    let next = json!({ "roster": row, "month": month(0).to_string() });
    done(&town, "employee-account-seal", &old, next).await;
    assert_eq!(number(&registered, "amount_fen").expect("fen"), 432_000);
    cast::pay(&town.doors, &registered, 432_000)
        .await
        .expect("paid");
    let id = text(&registered, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    assert_eq!(
        balance(&town.doors, &people[1]).await.expect("a balance"),
        2 * 192_000
    );
}

#[tokio::test]
async fn the_same_change_asked_for_ten_times_at_once_is_made_once() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 51).await;
    let wang = account_no(&town, &people[1]).await;
    let body = json!({
        "service": "employee-account-seal", "applicant": employer, "channel": "HALL",
        "form": { "roster": [{ "account_no": wang }] },
    });
    let key = uuid::Uuid::now_v7().to_string();
    let answers =
        futures::future::join_all((0..10).map(|_| town.doors.post_with_key("/cases", &key, &body)))
            .await;
    let mut cases: Vec<String> = answers
        .into_iter()
        .map(|answer| {
            let answer = answer.expect("a door").ok().expect("done");
            text(&answer, "case_id").expect("a case")
        })
        .collect();
    cases.dedup();
    assert_eq!(cases.len(), 1);
    let made = "SELECT count(*) FROM business_case WHERE service = 'employee-account-seal'";
    assert_eq!(town.sql(made).await, 1);
}

#[tokio::test]
async fn a_clerk_changes_his_own_people_on_a_page() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 52).await;
    let (other, strangers) = two(&town, 53).await;
    let office = town.office().await;
    let clerk = Visitor::clerk(&town, &office, &employer, 52).await;
    let wang = account_no(&town, &people[1]).await;

    let list = clerk.get("/unit/people").await.page;
    assert!(list.contains("王*") && list.contains(&wang), "{list}");
    assert!(!list.contains(&people[1].id), "no whole number on a page");
    let stranger = account_no(&town, &strangers[0]).await;
    let path = format!("/unit/people/{stranger}");
    assert_eq!(clerk.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        clerk
            .post(&path, &[("do", "employee-account-seal")])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(next_list(&town, &other, &strangers).await.0, 2);

    let path = format!("/unit/people/{wang}");
    let key = uuid::Uuid::now_v7().to_string();
    let seal = [
        ("do", "employee-account-seal"),
        ("key", key.as_str()),
        ("reason", "离职"),
    ];
    let answer = clerk.post(&path, &seal).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let list = clerk.get(&answer.location).await.page;
    assert!(
        list.contains("已封存") && list.contains("1 人封存"),
        "{list}"
    );
    assert_eq!(account(&town, &people[1]).await["state"], "sealed");

    let wrong = [
        ("key", key.as_str()),
        ("name", "张伟"),
        ("id_no", "500101199001011234"),
        ("base", "abc"),
    ];
    let answer = clerk.post("/unit/people/new", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.page.contains("8000.00"), "{}", answer.page);
    assert!(answer.page.contains("张伟"), "what was typed comes back");
}

#[tokio::test]
async fn the_registry_has_the_last_word_on_an_employers_name() {
    let town = Town::open().await;
    let (employer, _) = two(&town, 54).await;
    let typed = json!({ "name": "重庆新名科技有限公司" });
    assert_eq!(
        refused(&town, "employer-info-maintain", &employer, typed.clone()).await,
        "E-EMPR-03",
        "a name is never only typed"
    );
    let firm = cast::firm("", 54).expect("a firm");
    let registered = json!({ "name": "重庆新名科技有限公司", "state": "open", "address": "重庆市渝北区金开大道 1 号" });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered,
    )
    .await
    .expect("the registry");
    done(&town, "employer-info-maintain", &employer, typed).await;
    let named = "SELECT count(*) FROM employer WHERE name = '重庆新名科技有限公司'";
    assert_eq!(town.sql(named).await, 1);

    let nothing = json!({});
    assert_eq!(
        refused(&town, "employer-info-maintain", &employer, nothing).await,
        "E-FORM-01"
    );
    let day = json!({ "payday": 32 });
    assert_eq!(
        refused(&town, "employer-info-maintain", &employer, day).await,
        "E-EMPR-05"
    );
    done(
        &town,
        "employer-info-maintain",
        &employer,
        json!({ "payday": 25 }),
    )
    .await;
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE payday = 25")
            .await,
        1
    );
}

#[tokio::test]
async fn a_clerk_whose_mandate_ends_is_logged_out_and_the_last_one_stays() {
    let town = Town::open().await;
    let (employer, people) = two(&town, 55).await;
    let office = town.office().await;
    let first = Visitor::clerk(&town, &office, &employer, 55).await;
    let old = cast::firm("", 55).expect("a firm").clerk_phone;
    let end = json!({ "phone": old, "end": true });
    assert_eq!(
        refused(&town, "employer-clerk-authorise", &employer, end.clone()).await,
        "E-AUTH-03"
    );
    let stranger = json!({ "phone": "13811112222", "name": "张三", "id_no": people[0].id });
    assert_eq!(
        refused(&town, "employer-clerk-authorise", &employer, stranger).await,
        "E-PERS-02"
    );
    let li = json!({ "phone": "13811112222", "name": people[0].name, "id_no": people[0].id });
    done(&town, "employer-clerk-authorise", &employer, li.clone()).await;
    assert_eq!(first.get("/unit").await.status, StatusCode::OK);
    done(&town, "employer-clerk-authorise", &employer, end).await;
    assert_eq!(
        first.get("/unit").await.status,
        StatusCode::SEE_OTHER,
        "the session ended with the mandate"
    );
    assert_eq!(
        refused(&town, "employer-clerk-authorise", &employer, li).await,
        "E-FORM-01",
        "a living mandate is not given twice"
    );
}

#[tokio::test]
async fn a_merged_employers_whole_roster_moves_at_once_and_goes_on_as_it_was() {
    let town = Town::open().await;
    let (merged, people) = two(&town, 56).await;
    let (other, mut colleagues) = two(&town, 57).await;
    let wang = account_no(&town, &people[1]).await;
    let seal = json!({ "roster": [{ "account_no": wang }] });
    done(&town, "employee-account-seal", &merged, seal).await;
    let form = json!({ "everybody": true, "to_employer_no": other });
    assert_eq!(
        refused(&town, "employee-account-transfer", &other, form.clone()).await,
        "E-PERS-04",
        "nobody takes everybody from somebody else"
    );
    // A month is due that nobody has paid: the other employer has agreed to owe it, as a teller has seen.
    assert_eq!(
        refused(&town, "employee-account-transfer", &merged, form.clone()).await,
        "E-EMPR-06"
    );
    let mut form = form;
    form["document_no"] = "渝合〔2026〕9号".into();
    let body = json!({
        "service": "employee-account-transfer", "applicant": merged, "form": form, "channel": "CTR",
    });
    let answer = town.doors.post("/cases", &body).await.expect("a door").body;
    assert_eq!(answer["state"], "done", "{answer}");
    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 9 AND merged_into IS NOT NULL")
            .await,
        1,
        "销户"
    );
    assert_eq!(account(&town, &people[0]).await["state"], "active");
    assert_eq!(account(&town, &people[1]).await["state"], "sealed");
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("a balance"),
        240_000
    );
    colleagues.push(people[0].clone());
    assert_eq!(
        next_list(&town, &other, &colleagues).await,
        (3, 240_000 + 192_000 + 240_000)
    );
}
