//! A withdrawal that leaves the account open takes the fund's account first and the rest from the housing subsidy's (contribution.md §13): one case,
//! one payment to one card, each account's part in its own journal, and everything that comes back where it came from.

use anju::cast::home::{borrows, contract_of, has_title, marry, shares_elevator, signs};
use anju::cast::{self, Person, balance, bank_balance, contribute, text};
use anju_casework::{Actor, Office, case};
use anju_domain::calendar::add_months;
use anju_domain::clock::shanghai_date;
use anju_domain::money::Fen;
use anju_ledger::AccountId;
use anju_ledger::freeze::{Hold, HoldKind, hold};
use anju_vault::NumberKind;
use serde_json::{Value, json};

use crate::closing_withdrawal::accountants;
use crate::downpay;
use crate::home_withdrawal::{ago, ask, payable, staff};
use crate::interest_year::close_days;
use crate::subsidy_rate::{grant, subsidy_of};
use crate::town::{Town, account_no, known, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes, submit};

const PURCHASE: &str = "withdraw-purchase-full";
const LIFT: &str = "withdraw-elevator";

/// What the fund's and the subsidy's account hold.
async fn holds(town: &Town, who: &Person) -> (i64, i64) {
    let fund = balance(&town.doors, who).await.expect("an account");
    (fund, subsidy_of(town, who).await.1)
}

async fn holds_again(town: &Town, who: &Person, wanted: (i64, i64)) {
    for _ in 0..200 {
        if holds(town, who).await == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(holds(town, who).await, wanted);
}

async fn on_card(town: &Town, who: &Person, done: &Value) -> i64 {
    let bank = text(&done["payment"], "bank").expect("a bank");
    let card = bank_balance(&town.doors, &bank, &who.card).await;
    card.expect("the card")
}

/// A freeze of an account by its number, as a court's order makes it.
async fn freeze(office: &Office, account_no: &str, fen: i64) {
    let account = office.numbers.decode(NumberKind::Account, account_no);
    let order = Hold {
        hold_id: office.ids.next().await.expect("an id"),
        account: AccountId(account.expect("a number")),
        kind: HoldKind::Freeze,
        amount: Fen::new(fen),
        case_id: None,
        reason: "渝中法院 2026 第 79 号",
        until: None,
    };
    let mut conn = office.pool.acquire().await.expect("a connection");
    let held = hold(&mut conn, office.ledger(), &order, office.now()).await;
    assert!(held.expect("a freeze"));
}

/// Somebody with 7,200.00 on the fund's account and so much on the subsidy's, who bought a home for 10,000.00 and paid it in full.
async fn buyer(town: &Town, seed: i64, subsidy_fen: i64) -> Person {
    let (mut people, employer) = staff(town, seed, &["李梅"]).await;
    let li = people.remove(0);
    grant(town, &employer, &li, 1, subsidy_fen).await;
    signs(&town.doors, &li, &ago(3), 1_000_000, 1_000_000)
        .await
        .expect("a contract");
    li
}

async fn buys(town: &Town, who: &Person) -> Value {
    let contract = json!({ "contract_no": contract_of(who) });
    ask(town, who, PURCHASE, contract).await
}

/// Goal: fund first, the rest from the subsidy, told wherever the amount is told; then, with nothing left on the fund's account, all of it from
/// the subsidy's. Method: a home of 10,000.00 with 7,200.00 and 5,000.01, and a lift afterwards.
#[tokio::test]
async fn a_home_is_paid_from_both_accounts_and_each_page_tells_the_part() {
    let town = Town::open().await;
    let li = buyer(&town, 881, 500_001).await;
    let asked = buys(&town, &li).await;
    let done = becomes(&town, &asked, "done").await;
    assert_eq!(done["amount_fen"], 1_000_000, "{done}");
    assert_eq!(done["decision"]["subsidy_fen"], 280_000);
    assert_eq!(on_card(&town, &li, &done).await, 1_000_000, "one payment");
    assert_eq!(holds(&town, &li).await, (0, 220_001));
    assert_eq!(payable(&town).await, 0);
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 21")
            .await,
        2
    );
    assert_eq!(
        town.sql("SELECT sum(amount_fen)::bigint FROM withdrawal_use WHERE state = 2")
            .await,
        1_000_000,
        "the home's limit counts the whole"
    );

    let office = town.office().await;
    let me = Visitor::person(&town, &office, &li).await;
    for page in ["/my", "/my/account"] {
        let page = me.get(page).await.page;
        assert!(
            page.contains("住房补贴账户") && page.contains("2,200.01"),
            "{page}"
        );
    }
    let no = text(&done, "case_id").expect("a number");
    for page in ["", "/receipt"] {
        let page = me.get(&format!("/my/cases/{no}{page}")).await.page;
        assert!(
            page.contains("其中住房补贴账户") && page.contains("2,800.00"),
            "{page}"
        );
    }
    let why = me.get(&format!("/my/cases/{no}/why")).await.page;
    assert!(
        why.contains("其中住房补贴账户可用余额") && why.contains("5,000.01"),
        "{why}"
    );
    let paper = me.bytes(&format!("/my/cases/{no}/receipt.pdf")).await;
    assert!(paper.starts_with(b"%PDF"));
    let number = cast::look_up(&town.doors, &li).await.expect("known");
    let path = format!("/query/query-housing-subsidy?subject={number}");
    let told = town.doors.get(&path).await.expect("a door");
    let told = told.ok().expect("an answer");
    let year = &told["accounts"][0]["years"][0];
    assert_eq!(
        (&year["granted_fen"], &year["withdrawn_fen"]),
        (&json!(500_001), &json!(280_000)),
        "{told}"
    );
    town.audited().await;

    has_title(&town.doors, &li, "2005-03-01", 15_000_000)
        .await
        .expect("a title");
    shares_elevator(&town.doors, &li, "DT1", &ago(2), 100_000)
        .await
        .expect("a project");
    let asked = ask(&town, &li, LIFT, json!({ "project_no": "DT1" })).await;
    let done = becomes(&town, &asked, "done").await;
    assert_eq!(
        (&done["amount_fen"], &done["decision"]["subsidy_fen"]),
        (&json!(100_000), &json!(100_000))
    );
    assert_eq!(holds(&town, &li).await, (0, 120_001));
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 21")
            .await,
        3
    );
    town.audited().await;
}

/// Spouses share one price, whichever accounts it came from; who needs nothing of the subsidy keeps all of it.
#[tokio::test]
async fn what_a_subsidy_gave_counts_for_the_home_that_spouses_share() {
    let town = Town::open().await;
    let (people, employer) = staff(&town, 882, &["李梅", "王强"]).await;
    let [li, wang] = people.as_slice() else {
        panic!("two people")
    };
    marry(&town.doors, li, wang).await.expect("married");
    for who in [li, wang] {
        grant(
            &town,
            &employer,
            who,
            if who.id == li.id { 1 } else { 2 },
            200_000,
        )
        .await;
    }
    signs(&town.doors, li, &ago(3), 1_000_000, 1_000_000)
        .await
        .expect("a contract");
    let done = becomes(&town, &buys(&town, li).await, "done").await;
    assert_eq!(done["amount_fen"], 920_000);
    assert_eq!(holds(&town, li).await, (0, 0));
    let contract = json!({ "contract_no": contract_of(li) });
    let his = ask(&town, wang, PURCHASE, contract).await;
    let his = becomes(&town, &his, "done").await;
    assert_eq!(his["amount_fen"], 80_000);
    assert_eq!(his["decision"]["subsidy_fen"], Value::Null);
    assert_eq!(holds(&town, wang).await, (640_000, 200_000));
    town.audited().await;
}

#[tokio::test]
async fn what_a_bank_refuses_or_returns_is_back_on_both_accounts() {
    let town = Town::open().await;
    let engine = accountants(&town).await;
    let li = buyer(&town, 883, 300_000).await;
    bank_mode(&town, "reject").await;
    becomes(&town, &buys(&town, &li).await, "failed").await;
    assert_eq!(holds(&town, &li).await, (720_000, 300_000));
    assert_eq!(payable(&town).await, 0);
    town.audited().await;

    bank_mode(&town, "return_later").await;
    let asked = buys(&town, &li).await;
    let done = becomes(&town, &asked, "done").await;
    assert_eq!(done["amount_fen"], 1_000_000);
    assert_eq!(holds(&town, &li).await, (0, 20_000));
    close_days(&town, &engine, 4).await;
    let returned = becomes(&town, &asked, "executing").await;
    assert_eq!(returned["payment"]["state"], "returned");
    let no = text(&asked, "case_id").expect("a number");
    let case_id = engine.office.numbers.decode(NumberKind::Case, &no);
    case::credit_back(&engine.office, case_id.expect("a case"), Actor::System)
        .await
        .expect("credited back");
    assert_eq!(holds(&town, &li).await, (720_000, 300_000));
    // Nobody loses a day: each account's part counts from the day on which it left.
    assert_eq!(
        town.sql(
            "SELECT count(*) FROM posting back
               JOIN journal j ON j.journal_id = back.journal_id AND j.event = 27
              WHERE back.subject = 201 AND back.value_date < back.business_date"
        )
        .await,
        2
    );
    town.audited().await;

    // The same where only the subsidy's account gave.
    let office = town.office().await;
    freeze(&office, &account_no(&town, &li).await, 720_000).await;
    bank_mode(&town, "reject").await;
    becomes(&town, &buys(&town, &li).await, "failed").await;
    assert_eq!(holds(&town, &li).await, (720_000, 300_000));
}

/// withdrawal.md §4.3: what is frozen on either account stays there.
#[tokio::test]
async fn what_is_frozen_on_either_account_is_not_taken() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, employer) = tenant_of(&town, 884).await;
    grant(&town, &employer, &li, 1, 200_000).await;
    freeze(&office, &account_no(&town, &li).await, 500_000).await;
    freeze(&office, &subsidy_of(&town, &li).await.0, 150_000).await;
    // The rent of two months is 3,600.00; 2,200.00 and 500.00 are free.
    let done = becomes(&town, &submit(&town, &li).await, "done").await;
    assert_eq!(done["amount_fen"], 270_000, "{done}");
    assert_eq!(done["decision"]["subsidy_fen"], 50_000);
    assert_eq!(holds(&town, &li).await, (500_000, 150_000));
    assert_eq!(on_card(&town, &li, &done).await, 270_000);
}

/// Two people ask in the same second with what they do not have twice: the subsidy gives once.
#[tokio::test]
async fn of_two_withdrawals_at_once_the_subsidy_gives_to_one() {
    let town = Town::open().await;
    let li = buyer(&town, 885, 100_000).await;
    has_title(&town.doors, &li, "2005-03-01", 15_000_000)
        .await
        .expect("a title");
    shares_elevator(&town.doors, &li, "DT1", &ago(2), 900_000)
        .await
        .expect("a project");
    let home = buys(&town, &li);
    let lift = ask(&town, &li, LIFT, json!({ "project_no": "DT1" }));
    let (home, lift) = tokio::join!(home, lift);
    for asked in [&home, &lift] {
        for _ in 0..200 {
            let no = text(asked, "case_id").expect("a number");
            let now = town.doors.get(&format!("/cases/{no}")).await;
            let now = now.expect("a door").ok().expect("a case");
            if !["submitted", "gathering", "executing"]
                .contains(&now["state"].as_str().unwrap_or(""))
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    let paid = town
        .sql("SELECT coalesce(sum(amount_fen), 0)::bigint FROM business_case WHERE service LIKE 'withdraw-%' AND state = 6")
        .await;
    let (fund, subsidy) = holds(&town, &li).await;
    assert_eq!(paid + fund + subsidy, 820_000);
    town.audited().await;
}

/// 追回: the developer gives back in two payments; the fund's account has its part first, the rest is the subsidy's again.
#[tokio::test]
async fn money_that_is_claimed_back_goes_to_the_accounts_that_gave_it() {
    let town = downpay::direct().await;
    let li = known(&town, 886, &[("李梅", 1_000_000)]).await.remove(0);
    let employer = cast::open_employer(&town.doors, 886, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(
            &town.doors,
            &employer,
            month(back),
            std::slice::from_ref(&li),
        )
        .await
        .expect("a month");
    }
    grant(&town, &employer, &li, 1, 300_000).await;
    let day = add_months(shanghai_date(chrono::Utc::now()), -1).to_string();
    signs(&town.doors, &li, &day, 1_000_000, 0)
        .await
        .expect("a contract");
    borrows(&town.doors, &li, "B5", 100_000)
        .await
        .expect("a loan");
    downpay::permits(&town, downpay::permit()).await;
    let paid = becomes(&town, &downpay::ask(&town, &li).await, "done").await;
    assert_eq!(paid["amount_fen"], 900_000, "{paid}");
    assert_eq!(holds(&town, &li).await, (0, 120_000));
    downpay::contract_is_cancelled(&town, &li).await;
    let code = downpay::claim_code(&town, &li).await;
    downpay::give_back(&town, &paid, 700_000, &code).await;
    holds_again(&town, &li, (700_000, 120_000)).await;
    downpay::give_back(&town, &paid, 200_000, &code).await;
    holds_again(&town, &li, (720_000, 300_000)).await;
    crate::arrears::is_told(&town, &li.phone, "其中 1,800.00 元记入住房补贴账户").await;
    town.audited().await;
}
