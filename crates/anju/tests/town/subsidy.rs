//! Housing subsidy: a fund kind of its own, from the employer's list to the person's second account, never mixed with the provident fund.

use anju::cast::{self, Person, contribute, number, open_employer, state_of, text};
use anju::doors::Answer;
use anju_business::contribution::roster::writer;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

async fn ask(town: &Town, employer: &str, sort: &str, back: i32, rows: Value) -> Answer {
    let form = json!({ "roster": rows, "month": month(back).to_string(), "sort": sort });
    let body = json!({ "service": "subsidy-register", "applicant": employer, "form": form, "channel": "HALL" });
    town.doors.post("/cases", &body).await.expect("a door")
}

/// The order to pay of a list, as its case's first event tells it.
pub(crate) async fn order_of(town: &Town, answer: Answer) -> Value {
    let case = answer.ok().expect("registered");
    let id = text(&case, "case_id").expect("a case");
    let case = town
        .doors
        .get(&format!("/cases/{id}"))
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    case["events"]
        .as_array()
        .expect("events")
        .iter()
        .find_map(|event| {
            event["detail"]
                .get("reference")
                .map(|_| event["detail"].clone())
        })
        .expect("a pay code")
}

/// A person's accounts by kind: number and balance.
pub(crate) async fn accounts(town: &Town, who: &Person) -> Vec<(String, String, i64)> {
    let person = cast::look_up(&town.doors, who).await.expect("known");
    let all = town
        .doors
        .get(&format!("/people/{person}/accounts"))
        .await
        .expect("a door")
        .ok()
        .expect("accounts");
    all.as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                text(one, "kind").expect("a kind"),
                text(one, "account_no").expect("a number"),
                number(one, "balance_fen").expect("fen"),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_subsidy_has_accounts_of_its_own_and_never_pays_a_list_of_the_fund() {
    let town = Town::open().await;
    let people = known(&town, 871, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, 871, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    let li = account_no(&town, &people[0]).await;
    let wang = account_no(&town, &people[1]).await;
    let rows = json!([{ "account_no": li, "amount_fen": 30_001 }, { "account_no": wang, "amount_fen": 9_000_000 }]);
    let order = order_of(
        &town,
        ask(&town, &employer, "MONTHLY", 1, rows.clone()).await,
    )
    .await;
    assert_eq!(
        number(&order, "amount_fen").expect("fen"),
        9_030_001,
        "no ratio, no limit, no rounding"
    );
    assert_eq!(
        ask(&town, &employer, "MONTHLY", 1, rows.clone())
            .await
            .code(),
        "E-REMIT-02"
    );

    // One fen over stays in the subsidy's own suspense.
    cast::pay(&town.doors, &order, 9_030_002)
        .await
        .expect("paid");
    let list = text(&order, "remittance").expect("a number");
    state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    let of_li = accounts(&town, &people[0]).await;
    assert_eq!(of_li.len(), 2, "{of_li:?}");
    let subsidy = of_li
        .iter()
        .find(|one| one.0 == "SUBSIDY")
        .expect("a subsidy account");
    let fund = of_li
        .iter()
        .find(|one| one.0 == "HPF")
        .expect("the fund's account");
    assert_eq!((subsidy.2, fund.2), (30_001, 240_000));
    assert_ne!(subsidy.1, fund.1);
    let entries = town
        .doors
        .get(&format!("/accounts/{}/entries", subsidy.1))
        .await
        .expect("a door")
        .ok()
        .expect("entries");
    assert_eq!(entries["items"][0]["event"], "E12");
    assert_eq!(entries["items"][0]["amount_fen"], 30_001);
    assert_eq!(
        town.sql("SELECT count(*) FROM posting WHERE part = 5 AND subject = 201")
            .await,
        2
    );

    // The fund's next month is as it was, and takes none of the subsidy's money.
    let order = cast::register_month(&town.doors, &employer, month(1), &people)
        .await
        .expect("a list");
    assert_eq!(number(&order, "amount_fen").expect("fen"), 432_000);
    cast::pay(&town.doors, &order, 431_999).await.expect("paid");
    let id = text(&order, "remittance_id").expect("a number");
    state_of(&town.doors, &id, |state| state == "part_received")
        .await
        .expect("one fen is missing");
    cast::pay(&town.doors, &order, 1).await.expect("paid");
    state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");

    // A second list of the same month of another sort: the accounts go on.
    let one_off = json!([{ "account_no": li, "amount_fen": 500_000 }]);
    let order = order_of(&town, ask(&town, &employer, "ONE_OFF", 1, one_off).await).await;
    cast::pay(&town.doors, &order, 499_999).await.expect("paid");
    let list = text(&order, "remittance").expect("a number");
    state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("with the fen that was over");
    assert_eq!(
        accounts(&town, &people[0])
            .await
            .iter()
            .find(|one| one.0 == "SUBSIDY")
            .expect("one")
            .2,
        530_001
    );
    town.audited().await;
}

#[tokio::test]
async fn a_subsidy_list_with_a_mistake_is_refused_with_every_row() {
    let town = Town::open().await;
    let people = known(&town, 872, &[("李梅", 1_000_000)]).await;
    let employer = open_employer(&town.doors, 872, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    let li = account_no(&town, &people[0]).await;
    let rows = json!([
        { "account_no": li, "amount_fen": 0 },
        { "account_no": "G0000000000000", "amount_fen": 100 },
        { "account_no": li, "amount_fen": 100, "base_fen": 1_000_000 },
        { "account_no": li, "amount_fen": 100 },
        { "id_no": people[0].id, "amount_fen": 100 },
    ]);
    let refused = ask(&town, &employer, "MONTHLY", 1, rows).await;
    let told: Vec<(i64, String)> = refused.body["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| {
            (
                error["row"].as_i64().expect("a row"),
                text(error, "code").expect("a code"),
            )
        })
        .collect();
    for (row, code) in [
        (1, "E-ROW-05"),
        (2, "E-FORM-01"),
        (3, "E-FORM-01"),
        (5, "E-ROW-01"),
    ] {
        assert!(
            told.contains(&(row, code.to_owned())),
            "{row} {code} in {told:?}"
        );
    }
    let ahead = json!([{ "account_no": li, "amount_fen": 100 }]);
    assert_eq!(
        ask(&town, &employer, "MONTHLY", -1, ahead).await.code(),
        "E-PREPAY-01"
    );
    assert_eq!(
        ask(&town, &employer, "MONTHLY", 1, json!([])).await.code(),
        "E-FORM-01"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM ledger_account WHERE kind = 2")
            .await,
        0
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE kind = 4")
            .await,
        0
    );
}

#[tokio::test]
async fn a_clerk_sends_a_subsidy_as_an_excel_file_whole_or_not_at_all() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 873, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, 873, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people)
        .await
        .expect("a month");
    let clerk = Visitor::clerk(&town, &office, &employer, 873).await;
    let file = |amounts: [i64; 2], name: &str| {
        let names = [people[0].name.as_str(), name];
        let rows: Vec<_> = people
            .iter()
            .zip(names)
            .zip(amounts)
            .map(|((who, name), fen)| {
                (
                    PersonName::parse(name).expect("a name"),
                    IdNumber::parse(&who.id).expect("a number"),
                    Some(Fen::new(fen)),
                )
            })
            .collect();
        writer::amounts(month(1), &rows).expect("a file")
    };
    let of = month(1).to_string();
    let send = async |file: &[u8]| {
        let key = uuid::Uuid::now_v7().to_string();
        let fields = [
            ("month", of.as_str()),
            ("sort", "MONTHLY"),
            ("key", key.as_str()),
        ];
        clerk.upload("/unit/subsidy", &fields, file).await
    };

    // The file to fill in has everybody; every mistake is told with its row, and nothing is registered.
    let sheet = clerk.bytes("/unit/subsidy/sheet.xlsx?sort=MONTHLY").await;
    assert!(sheet.starts_with(b"PK"));
    let empty = send(&sheet).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        empty.page.contains("补贴金额") && !empty.page.contains("缴存基数"),
        "{}",
        empty.page
    );
    let wrong = send(&file([30_000, 20_000], "王刚")).await;
    assert!(
        wrong.page.contains("姓名与证件号码不一致"),
        "{}",
        wrong.page
    );
    let roster = cast::roster(&people).expect("a file");
    assert_eq!(
        send(&roster).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a roster is no list of amounts"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE kind = 4")
            .await,
        0
    );

    let right = send(&file([30_000, 20_050], &people[1].name)).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{}", right.page);
    let pay = clerk.get(&right.location).await;
    assert!(
        pay.page.contains("500.50") && pay.page.contains("住房补贴"),
        "{}",
        pay.page
    );
    let page = clerk.get("/unit/subsidy").await;
    assert!(
        page.page.contains("按月") && page.page.contains("500.50"),
        "{}",
        page.page
    );
    assert_eq!(
        town.sql("SELECT sum(amount_fen)::bigint FROM remittance WHERE kind = 4")
            .await,
        50_050
    );

    // What the finance bureau has granted stands beside it, with its date.
    let li = cast::look_up(&town.doors, &people[0]).await.expect("known");
    let value = json!({ "year": 2026, "amount_fen": 360_000, "paid": true });
    cast::fact(&town.doors, "D19", "finance.subsidy", &people[0].id, value)
        .await
        .expect("a fact");
    let path = format!("/query/query-housing-subsidy?subject={li}");
    let told = town
        .doors
        .get(&path)
        .await
        .expect("a door")
        .ok()
        .expect("an answer");
    assert_eq!(
        (&told["granted"]["year"], &told["granted"]["amount_fen"]),
        (&json!(2026), &json!(360_000)),
        "{told}"
    );
}
