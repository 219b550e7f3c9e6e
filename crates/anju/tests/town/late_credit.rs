//! Money that comes for an account that is closed (contribution.md §7 and §3.2, withdrawal.md §11, 19): the other lines are allocated, this one's
//! money waits for two persons, and a closed account is never credited.

use anju::cast::{self, Person, balance, contribute, open_employer, state_of, text};
use anju_casework::staff::role;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::town::{Town, account_no, known, month};
use crate::transfer_between_cities::{asked_for, letter_at_other, seal};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// A month of 王强 and of 赵敏, whose bases are 8,000.00.
const MONTHLY: i64 = 192_000;
const PAGE: &str = "/desk/suspense/closed";

/// An employer that has paid two months for 李梅; 王强 and 赵敏 have come with the second.
async fn latecomers(town: &Town, seed: i64) -> (String, Vec<Person>) {
    let names = [("李梅", 1_000_000), ("王强", 800_000), ("赵敏", 800_000)];
    let people = known(town, seed, &names).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    contribute(&town.doors, &employer, month(2), &people[..1])
        .await
        .expect("a month");
    let rows: Vec<Value> = people[1..]
        .iter()
        .map(|who| json!({ "name": who.name, "id_no": who.id, "base_fen": who.base_fen }))
        .collect();
    let body = json!({
        "service": "employee-account-open", "applicant": employer, "channel": "HALL", "form": { "roster": rows },
    });
    let opened = town.doors.post("/cases", &body).await.expect("a door");
    opened.ok().expect("opened");
    contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    (employer, people)
}

/// Registers the month that these people missed; the order to pay, as the case's first event tells it.
async fn missed(town: &Town, employer: &str, accounts: &[&str]) -> Value {
    let rows: Vec<Value> = accounts
        .iter()
        .map(|no| json!({ "account_no": no, "months": [month(2).to_string()] }))
        .collect();
    let form = json!({ "reason": "MISSED_MONTH", "roster": rows });
    let body = json!({ "service": "supplement-register", "applicant": employer, "form": form, "channel": "HALL" });
    let case = town.doors.post("/cases", &body).await.expect("a door");
    let case = case.ok().expect("registered");
    let id = text(&case, "case_id").expect("a case");
    let case = town.doors.get(&format!("/cases/{id}")).await;
    case.expect("a door").ok().expect("a case")["events"]
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

async fn allocated(town: &Town, order: &Value) -> Value {
    let id = text(order, "remittance").expect("a number");
    state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    let list = town.doors.get(&format!("/remittances/{id}")).await;
    list.expect("a door").ok().expect("a list")
}

async fn accountants(town: &Town) -> [Visitor; 2] {
    let office = town.office().await;
    [
        Visitor::staff(town, &office, role::ACCOUNTANT, 1).await,
        Visitor::staff(town, &office, role::CHIEF_ACCOUNTANT, 1).await,
    ]
}

/// The same two a month later, when their sessions have ended.
async fn accountants_anew(town: &Town) -> [Visitor; 2] {
    let office = town.office().await;
    [
        Visitor::another(town, &office, role::ACCOUNTANT, 1, "later").await,
        Visitor::another(town, &office, role::CHIEF_ACCOUNTANT, 1, "later").await,
    ]
}

/// The address of the one thing that waits.
async fn waits(visitor: &Visitor) -> String {
    let page = visitor.get(PAGE).await.page;
    let from = page
        .find("action=\"/desk/suspense/closed/")
        .unwrap_or_else(|| panic!("nothing waits: {page}"));
    let address = &page[from + 8..];
    address[..address.find('"').expect("an end")].to_owned()
}

const HELD: &str =
    "SELECT coalesce(sum(reserved_fen), 0)::bigint FROM ledger_account WHERE kind = 11";

#[tokio::test]
async fn a_line_of_a_closed_account_holds_its_money_and_never_the_others() {
    let town = Town::open().await;
    let (employer, people) = latecomers(&town, 891).await;
    let (wang, zhao) = (&people[1], &people[2]);
    let nos = [account_no(&town, wang).await, account_no(&town, zhao).await];
    let order = missed(&town, &employer, &[&nos[0], &nos[1]]).await;
    assert_eq!(order["amount_fen"], 2 * MONTHLY);
    // He leaves for another city before the money comes.
    seal(&town, &employer, wang).await;
    let letter = asked_for(&town, wang, "王强").await;
    let there = letter_at_other(&town, &letter, "COMPLETED").await;
    assert_eq!(there["received_fen"], MONTHLY);

    cast::pay(&town.doors, &order, 2 * MONTHLY)
        .await
        .expect("paid");
    let list = allocated(&town, &order).await;
    assert_eq!(list["allocated_fen"], MONTHLY);
    assert_eq!(balance(&town.doors, zhao).await.expect("hers"), 2 * MONTHLY);
    assert_eq!(
        town.sql(
            "SELECT sum(balance_fen)::bigint FROM ledger_account WHERE kind = 1 AND state = 3"
        )
        .await,
        0
    );
    assert_eq!(town.sql(HELD).await, MONTHLY);

    // What is held pays no other list.
    let stays: Vec<Person> = vec![people[0].clone(), people[2].clone()];
    let next = cast::register_month(&town.doors, &employer, month(0), &stays)
        .await
        .expect("a list");
    let id = text(&next, "remittance_id").expect("a number");
    let due = next["amount_fen"].as_i64().expect("fen");
    cast::pay(&town.doors, &next, due - 1).await.expect("paid");
    state_of(&town.doors, &id, |state| state == "part_received")
        .await
        .expect("one fen is missing");

    // Two persons: his account has gone with him, so that it is the employer's.
    let [maker, checker] = accountants(&town).await;
    let address = waits(&maker).await;
    assert!(
        maker
            .get("/desk/suspense")
            .await
            .page
            .contains("销户后到账")
    );
    let nothing = maker.post(&address, &[("step", "employer")]).await;
    assert!(nothing.page.contains("E-SUSP-02"), "{}", nothing.page);
    let reason = "离职当月工资已发";
    let said = maker
        .post(&address, &[("step", "person"), ("reason", reason)])
        .await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.page);
    let own = maker.post(&address, &[("step", "agree")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    assert!(own.page.contains("E-CHECK-01"), "{}", own.page);
    let gone = checker.post(&address, &[("step", "agree")]).await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
    assert!(gone.page.contains("E-SUSP-05"), "{}", gone.page);
    assert_eq!(town.sql(HELD).await, MONTHLY, "nothing has moved");
    let back = checker.post(&address, &[("step", "back")]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.page);
    let said = maker
        .post(&address, &[("step", "employer"), ("reason", reason)])
        .await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.page);
    let page = checker.get(PAGE).await.page;
    assert!(
        page.contains(reason) && page.contains("王*") && !page.contains("王强"),
        "{page}"
    );
    let agreed = checker.post(&address, &[("step", "agree")]).await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    let again = checker.post(&address, &[("step", "agree")]).await;
    assert!(again.page.contains("E-CHECK-02"), "{}", again.page);
    assert_eq!(town.sql(HELD).await, 0);

    // Now the employer's next list may use it.
    cast::pay(&town.doors, &next, 1).await.expect("paid");
    state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("allocated");
    assert_eq!(
        town.sql("SELECT sum(balance_fen)::bigint FROM ledger_account WHERE kind = 11")
            .await,
        MONTHLY
    );
    town.audited().await;
}

#[tokio::test]
async fn a_back_payment_for_who_has_retired_opens_the_account_again_by_two_persons() {
    let town = Town::open().await;
    let (employer, people) = latecomers(&town, 892).await;
    let wang = &people[1];
    let no = account_no(&town, wang).await;
    seal(&town, &employer, wang).await;
    let pension = json!({ "retired": true, "date": town.today().to_string(), "kind": "normal" });
    cast::fact(&town.doors, "D05", "hrss.retirement", &wang.id, pension)
        .await
        .expect("the department");
    let person = cast::look_up(&town.doors, wang).await.expect("known");
    let ask = json!({
        "service": "withdraw-retire", "applicant": person, "channel": "APP", "form": { "card_no": wang.card },
    });
    let first = town.doors.post("/cases?wait=15s", &ask).await;
    let first = first.expect("a door").ok().expect("a case");
    let paid = becomes(&town, &first, "done").await;
    assert_eq!(paid["amount_fen"], MONTHLY);

    // The employer finds the month that it never paid, and names the account that is closed.
    let order = missed(&town, &employer, &[&no]).await;
    cast::pay(&town.doors, &order, MONTHLY).await.expect("paid");
    let list = allocated(&town, &order).await;
    assert_eq!(list["allocated_fen"], 0);
    assert_eq!(town.sql(HELD).await, MONTHLY);
    town.audited().await;

    let [maker, checker] = accountants(&town).await;
    let address = waits(&maker).await;
    let reason = "补缴在职期间漏缴月份";
    let said = maker
        .post(&address, &[("step", "person"), ("reason", reason)])
        .await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.page);
    let agreed = checker.post(&address, &[("step", "agree")]).await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    assert_eq!(town.sql(HELD).await, 0);
    assert_eq!(account_no(&town, wang).await, no, "the same number");
    assert_eq!(balance(&town.doors, wang).await.expect("his"), MONTHLY);
    let account = cast::account(&town.doors, wang).await.expect("an account");
    assert_eq!(account["state"], "sealed", "{account}");
    let entries = town.doors.get(&format!("/accounts/{no}/entries")).await;
    let entries = entries.expect("a door").ok().expect("entries");
    let items = entries["items"].as_array().expect("entries");
    assert_eq!(items.last().expect("the last")["event"], "E06", "{entries}");
    town.audited().await;

    // He is paid the rest in the same way.
    let second = town.doors.post("/cases?wait=15s", &ask).await;
    let second = second.expect("a door").ok().expect("a case");
    let paid = becomes(&town, &second, "done").await;
    assert_eq!(paid["amount_fen"], MONTHLY);
    town.audited().await;
}

/// Goal: whichever comes first, the list or the closing, no fen is lost, none is on a closed account, and neither stops the other. Method: five
/// people whose accounts leave the city at the moment at which a bank brings the money for them.
#[tokio::test]
async fn money_that_comes_the_second_an_account_closes_is_credited_or_held() {
    let town = Town::open().await;
    let mut all = Vec::new();
    for seed in 893..898 {
        let (employer, people) = latecomers(&town, seed).await;
        let wang = people[1].clone();
        let no = account_no(&town, &wang).await;
        let order = missed(&town, &employer, &[&no]).await;
        seal(&town, &employer, &wang).await;
        all.push((wang, order));
    }
    let letters =
        futures::future::join_all(all.iter().zip(0_u64..).map(|((wang, order), place)| {
            let town = &town;
            async move {
                let comes = async {
                    tokio::time::sleep(std::time::Duration::from_millis(place * 40)).await;
                    cast::pay(&town.doors, order, MONTHLY).await.expect("paid");
                };
                tokio::join!(asked_for(town, wang, "王强"), comes).0
            }
        }))
        .await;
    let mut left = 0;
    for letter in &letters {
        let there = letter_at_other(&town, letter, "COMPLETED").await;
        left += there["received_fen"].as_i64().expect("fen");
    }
    for (_, order) in &all {
        allocated(&town, order).await;
    }
    assert_eq!(left + town.sql(HELD).await, 5 * 2 * MONTHLY);
    assert_eq!(
        town.sql("SELECT coalesce(sum(balance_fen), 0)::bigint FROM ledger_account WHERE kind = 1 AND state = 3")
            .await,
        0
    );
    town.audited().await;
}

/// Goal: money for a closed account ages as a line of its own, with somebody who follows it; the employer is asked whose it is and never told
/// to use it, and its own suspense is chased without it.
#[tokio::test]
async fn what_came_for_a_closed_account_is_chased_as_a_line_of_its_own() {
    let town = Town::open().await;
    let (employer, people) = latecomers(&town, 899).await;
    let wang = &people[1];
    let no = account_no(&town, wang).await;
    let order = missed(&town, &employer, &[&no]).await;
    seal(&town, &employer, wang).await;
    let letter = asked_for(&town, wang, "王强").await;
    letter_at_other(&town, &letter, "COMPLETED").await;
    // A thousand fen more than it needs are the employer's own.
    cast::pay(&town.doors, &order, MONTHLY + 1_000)
        .await
        .expect("paid");
    allocated(&town, &order).await;
    let engine = crate::arrears::engine(&town).await;
    crate::arrears::sqlx_forget_nights(&town).await;
    crate::arrears::tonight(&engine).await;
    let of = async |kind: i16| {
        let sql = match kind {
            2 => "SELECT coalesce(sum(amount_fen), 0)::bigint FROM suspense_chase WHERE kind = 2",
            _ => "SELECT coalesce(sum(amount_fen), 0)::bigint FROM suspense_chase WHERE kind = 3",
        };
        town.sql(sql).await
    };
    assert_eq!((of(2).await, of(3).await), (1_000, MONTHLY));
    let [maker, _] = accountants(&town).await;
    let page = maker.get("/desk/suspense/old").await.page;
    assert!(
        page.contains("销户后到账") && page.contains("1,920.00") && page.contains("没有人跟"),
        "{page}"
    );
    let address = waits(&maker).await;
    let number = address.rsplit('/').next().expect("a number");
    let owned = maker
        .post("/desk/suspense/old", &[("kind", "3"), ("number", number)])
        .await;
    assert_eq!(owned.status, StatusCode::SEE_OTHER, "{}", owned.page);
    let followed = "SELECT count(*) FROM suspense_chase WHERE kind = 3 AND owner_id IS NOT NULL";
    assert_eq!(town.sql(followed).await, 1);

    crate::interest_year::days_later(&town, 31).await;
    crate::arrears::tonight(&engine).await;
    let phone = cast::firm("", 899).expect("a firm").clerk_phone;
    crate::arrears::is_told(&town, &phone, "1,920.00元到账时职工已销户").await;
    crate::arrears::is_told(&town, &phone, "暂存款 10.00 元已挂账").await;

    // Said to be the employer's by two, it is the employer's suspense like any other.
    let [maker, checker] = accountants_anew(&town).await;
    let said = [("step", "employer"), ("reason", "多报了一个月")];
    let said = maker.post(&address, &said).await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.page);
    let agreed = checker.post(&address, &[("step", "agree")]).await;
    assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    crate::arrears::sqlx_forget_nights(&town).await;
    crate::arrears::tonight(&engine).await;
    assert_eq!((of(2).await, of(3).await), (MONTHLY + 1_000, 0));
}
