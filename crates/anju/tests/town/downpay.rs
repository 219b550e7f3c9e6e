//! 首付直付: the down payment goes to the supervised account of the presale project, which the housing commission names and nobody types; and FR-08:
//! the contract is cancelled, and the money comes back.

use std::time::Duration;

use anju::cast::home::{borrows, contract_of, request, signs, unit_of};
use anju::cast::{self, Person, balance, bank_balance, text};
use anju_casework::staff::role;
use anju_domain::calendar::add_months;
use anju_domain::clock::shanghai_date;
use anju_vault::NumberKind;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::arrears::told;
use crate::interest_year::days_later;
use crate::town::{Town, known, month};
use crate::visitor::Visitor;
use crate::withdrawal::{bank_mode, becomes};

const DOWNPAY: &str = "withdraw-down-payment";
const PROJECT: &str = "江岸";
const SUPERVISED: &str = "311002100012345678";
const HOLDER: &str = "重庆江岸置业有限公司预售资金监管专户";

/// The policy with direct payment on.
pub(crate) async fn direct() -> Town {
    let on = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/downpay.toml"
    ))
    .expect("the policy")
    .replacen("value = false", "value = true", 1);
    Town::with_policy(&[("chongqing/downpay.toml", &on)]).await
}

/// Somebody with 7,200.00 who signed for a presale home of 10,000.00, of which a bank lends 6,999.99: no invoice yet.
async fn buyer(town: &Town, seed: i64) -> Person {
    let li = known(town, seed, &[("李梅", 1_000_000)]).await.remove(0);
    let employer = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        cast::contribute(
            &town.doors,
            &employer,
            month(back),
            std::slice::from_ref(&li),
        )
        .await
        .expect("a month");
    }
    let day = add_months(shanghai_date(chrono::Utc::now()), -1).to_string();
    signs(&town.doors, &li, &day, 1_000_000, 0)
        .await
        .expect("a contract");
    borrows(&town.doors, &li, "B5", 699_999)
        .await
        .expect("a loan");
    li
}

pub(crate) async fn permits(town: &Town, value: Value) {
    cast::fact(&town.doors, "D04", "housing.presale", PROJECT, value)
        .await
        .expect("the commission");
}

pub(crate) fn permit() -> Value {
    json!({ "permit_no": "渝住建预字（2026）12号", "supervised_account": SUPERVISED, "supervised_holder": HOLDER,
            "progress": "structure", "developer_uscc": "91500000MA5U00001X" })
}

pub(crate) async fn ask(town: &Town, who: &Person) -> Value {
    let form = json!({ "contract_no": contract_of(who), "loan_bank": "B5" });
    let body = request(&town.doors, who, DOWNPAY, &form)
        .await
        .expect("known");
    let answer = town.doors.post("/cases?wait=10s", &body).await;
    answer.expect("a door").ok().expect("a case")
}

/// What the developer sends to the centre's account of the bank that paid, with this code.
pub(crate) async fn give_back(town: &Town, paid: &Value, fen: i64, code: &str) {
    let bank = text(&paid["payment"], "bank").expect("a bank");
    let office = town.office().await;
    let ours = office.bank(&bank).expect("a bank").account_no.clone();
    let body = json!({ "from": SUPERVISED, "to": ours, "amount_fen": fen, "reference": format!("退房退款 {code}"), "payer": HOLDER });
    let answer = town
        .doors
        .control_post(&format!("/banks/{bank}/payments"), &body)
        .await;
    answer.expect("a door").ok().expect("paid");
}

async fn balance_becomes(town: &Town, who: &Person, fen: i64) {
    for _ in 0..200 {
        if balance(&town.doors, who).await.expect("books") == fen {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(balance(&town.doors, who).await.expect("books"), fen);
}

pub(crate) async fn contract_is_cancelled(town: &Town, who: &Person) {
    let day = shanghai_date(chrono::Utc::now())
        .format("%Y%m%d")
        .to_string();
    let signal = json!({ "htbh": contract_of(who), "bdcdyh": unit_of(who), "zxrq": day });
    let sent = town.doors.control_post("/contracts/cancel", &signal).await;
    let sent = sent.expect("a door").ok().expect("sent");
    assert_eq!(
        (&sent["reply"]["code"], &sent["reply"]["data"]["zhs"]),
        (&json!(200), &json!(1)),
        "{sent}"
    );
}

async fn at_banks(town: &Town, account: &str) -> i64 {
    let mut sum = 0;
    for bank in 1..=8 {
        sum += bank_balance(&town.doors, &format!("B{bank}"), account)
            .await
            .expect("the bank");
    }
    sum
}

#[tokio::test]
async fn a_down_payment_goes_to_the_supervised_account_before_the_invoice() {
    let town = direct().await;
    let li = buyer(&town, 971).await;
    // The project has no permit on record: nothing can be paid directly.
    let refused = becomes(&town, &ask(&town, &li).await, "refused").await;
    let conditions = refused["decision"]["conditions"]
        .as_array()
        .expect("conditions");
    let missing = conditions
        .iter()
        .find(|one| one["code"] == "DWN-05")
        .expect("a condition");
    assert_eq!(missing["outcome"], "not_met", "{missing}");
    let invoice = conditions.iter().find(|one| one["code"] == "DWN-02");
    let invoice = invoice.expect("a condition");
    assert_eq!(
        invoice["outcome"], "met",
        "no invoice is asked for: {invoice}"
    );

    permits(&town, permit()).await;
    town.later(11);
    let done = becomes(&town, &ask(&town, &li).await, "done").await;
    assert_eq!(done["amount_fen"], 300_001, "price less loan: {done}");
    assert_eq!(at_banks(&town, SUPERVISED).await, 300_001);
    assert_eq!(at_banks(&town, &li.card).await, 0);
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 419_999);
    crate::arrears::is_told(&town, &li.phone, "已付到预售资金监管账户").await;
    town.audited().await;
}

#[tokio::test]
async fn what_the_supervised_accounts_bank_refuses_or_returns_is_back_on_the_account() {
    let town = direct().await;
    let li = buyer(&town, 972).await;
    permits(&town, permit()).await;
    bank_mode(&town, "reject").await;
    let failed = becomes(&town, &ask(&town, &li).await, "failed").await;
    assert_eq!(failed["payment"]["state"], "rejected", "{failed}");
    assert_eq!(balance(&town.doors, &li).await.expect("books"), 720_000);
    crate::arrears::is_told(&town, &li.phone, "请核对监管账户").await;

    bank_mode(&town, "return_later").await;
    let asked = ask(&town, &li).await;
    becomes(&town, &asked, "done").await;
    bank_mode(&town, "ok").await;
    days_later(&town, 4).await;
    let back = becomes(&town, &asked, "executing").await;
    assert_eq!(back["payment"]["state"], "returned", "{back}");
    crate::arrears::is_told(&town, &li.phone, "被监管账户退回").await;
    town.audited().await;
}

#[tokio::test]
async fn a_cancelled_contract_claims_the_money_back_and_what_comes_is_credited() {
    let town = direct().await;
    let li = buyer(&town, 973).await;
    permits(&town, permit()).await;
    let paid = becomes(&town, &ask(&town, &li).await, "done").await;
    for _ in 0..2 {
        contract_is_cancelled(&town, &li).await;
    }
    let claims = "SELECT count(*) FROM recovery WHERE ground = 'FR-08' AND reason = 2 AND debtor = 2 AND owed_fen = 300001 AND state = 2";
    assert_eq!(
        town.sql(claims).await,
        1,
        "one claim however often it is said"
    );
    let id = text(&paid, "case_id").expect("a number");
    let case = town.doors.get(&format!("/cases/{id}")).await;
    let case = case.expect("a door").ok().expect("a case");
    let events = case["events"].to_string();
    assert!(events.contains("recovering"), "{events}");
    crate::arrears::is_told(&town, &li.phone, "购房合同已撤销").await;
    let messages = told(&town, &li.phone).await;
    let claim = messages.split("附言 ").nth(1).expect("a number");
    let claim: String = claim
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();

    // It stands where every claim stands: at the desk, and with the person, who reads who gives it back and by which code.
    let office = town.office().await;
    let desk = Visitor::staff(&town, &office, role::REVIEWER, town.branch().await).await;
    let list = desk.get("/desk/recoveries?view=demanded").await.page;
    assert!(
        list.contains("FR-08") && list.contains("开发企业") && list.contains("3,000.01"),
        "{list}"
    );
    let me = Visitor::person(&town, &office, &li).await;
    let page = me.get("/my/standing").await.page;
    for words in ["退回提取的资金", "购房合同撤销", "监管账户", claim.as_str()] {
        assert!(page.contains(words), "{words}: {page}");
    }

    // The developer's bank sends it back in two parts, the first under the code of an older letter; too much is nobody's.
    let older = claim.replacen("ZH", "TF", 1);
    assert_ne!(older, claim);
    give_back(&town, &paid, 100_000, &older).await;
    give_back(&town, &paid, 900_000, &claim).await;
    give_back(&town, &paid, 200_001, &claim).await;
    balance_becomes(&town, &li, 720_000).await;
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("已退回") && !page.contains("待退回"),
        "{page}"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM journal WHERE event = 30")
            .await,
        2
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM recovery WHERE state = 3")
            .await,
        1
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM withdrawal_use WHERE state = 3")
            .await,
        1,
        "the home is free again"
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM receipt WHERE state = 1 AND amount_fen = 900000")
            .await,
        1
    );
    town.audited().await;
}

/// Two who signed one contract withdraw each from his own account, and both parts lie in the project's account.
async fn two_buyers(town: &Town, seed: i64) -> [Person; 2] {
    let li = buyer(town, seed).await;
    let wang = buyer(town, seed + 500).await;
    let day = add_months(shanghai_date(chrono::Utc::now()), -1).to_string();
    for who in [&li, &wang] {
        let contract = json!({
            "filed": true, "contract_no": contract_of(&li), "date": day, "kind": "presale", "buyers": [li.name, wang.name],
            "unit_no": unit_of(&li), "district": "500112", "use": "residential", "price_fen": 1_800_000, "paid_fen": 0,
            "area": "89.50", "project": PROJECT, "cancelled": false,
        });
        let loan = json!({
            "valid": true, "loan_no": format!("DK{}", &li.id[6..17]), "contract_no": contract_of(&li), "purpose": "house",
            "principal_fen": 800_000, "balance_fen": 800_000, "term": 240, "rate": "3.30",
        });
        cast::fact(
            &town.doors,
            "D04",
            "housing.contract_filing",
            &who.id,
            contract,
        )
        .await
        .expect("a contract");
        cast::fact(&town.doors, "B5", "bank.commercial_loan", &who.id, loan)
            .await
            .expect("a loan");
    }
    cast::home::marry(&town.doors, &li, &wang)
        .await
        .expect("married");
    [li, wang]
}

async fn withdraws(town: &Town, who: &Person, contract: &str, fen: i64) -> Value {
    let form = json!({ "contract_no": contract, "loan_bank": "B5", "amount_fen": fen });
    let body = request(&town.doors, who, DOWNPAY, &form)
        .await
        .expect("known");
    let answer = town.doors.post("/cases?wait=10s", &body).await;
    becomes(town, &answer.expect("a door").ok().expect("a case"), "done").await
}

pub(crate) async fn claim_code(town: &Town, who: &Person) -> String {
    crate::arrears::is_told(town, &who.phone, "购房合同已撤销").await;
    let messages = told(town, &who.phone).await;
    let code = messages.split("附言 ").nth(1).expect("a number");
    code.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}

#[tokio::test]
async fn of_a_contract_of_two_buyers_each_is_asked_for_his_own_part_and_the_developer_may_return_it_at_once()
 {
    let town = direct().await;
    let [li, wang] = two_buyers(&town, 976).await;
    permits(&town, permit()).await;
    let contract = contract_of(&li);
    let paid = withdraws(&town, &li, &contract, 300_000).await;
    withdraws(&town, &wang, &contract, 200_000).await;
    let day = shanghai_date(chrono::Utc::now())
        .format("%Y%m%d")
        .to_string();
    let signal = json!({ "htbh": contract, "bdcdyh": unit_of(&li), "zxrq": day });
    let sent = town.doors.control_post("/contracts/cancel", &signal).await;
    let sent = sent.expect("a door").ok().expect("sent");
    assert_eq!(sent["reply"]["data"]["zhs"], json!(2), "{sent}");

    let (his, hers) = (claim_code(&town, &wang).await, claim_code(&town, &li).await);
    assert_ne!(his, hers);
    assert!(
        told(&town, &li.phone)
            .await
            .contains("3,000.00 元由开发企业")
    );
    assert!(
        told(&town, &wang.phone)
            .await
            .contains("2,000.00 元由开发企业")
    );
    let office = town.office().await;
    for (who, fen) in [(&li, "3,000.00"), (&wang, "2,000.00")] {
        let me = Visitor::person(&town, &office, who).await;
        let page = me.get("/my/standing").await.page;
        assert!(page.contains(fen) && page.contains("监管账户"), "{page}");
    }

    // A part of it under her code is hers; more than hers, and not all of it, is nobody's; all that is left is each one's own part.
    give_back(&town, &paid, 100_000, &hers).await;
    balance_becomes(&town, &li, 720_000 - 200_000).await;
    give_back(&town, &paid, 350_000, &hers).await;
    give_back(&town, &paid, 400_000, &hers).await;
    balance_becomes(&town, &li, 720_000).await;
    balance_becomes(&town, &wang, 720_000).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM recovery WHERE state = 3 AND returned_fen = owed_fen")
            .await,
        2
    );
    assert_eq!(
        town.sql("SELECT count(*) FROM receipt WHERE state = 1 AND amount_fen = 350000")
            .await,
        1
    );
    town.audited().await;
}

/// What the release before kept of a claim, turned into a claim of today by the migration, is paid back under the code of its letter.
#[tokio::test]
async fn a_claim_of_the_release_before_is_one_of_the_claims_and_its_code_still_counts() {
    let town = direct().await;
    let li = buyer(&town, 974).await;
    permits(&town, permit()).await;
    let paid = becomes(&town, &ask(&town, &li).await, "done").await;
    contract_is_cancelled(&town, &li).await;
    let mut owner = town.database.owner().await;
    owner
        .execute(
            "INSERT INTO withdrawal_recovery (centre_id, recovery_id, case_id, person_id, account_id, pattern, contract_no, cancelled_on,
                                              debtor, amount_fen, received_fen, due_on, opened_at)
             SELECT r.centre_id, r.recovery_id, r.of_case, r.person_id, c.account_id, 'FR-08', r.contract_no, r.cancelled_on, 2, r.owed_fen, 0,
                    r.due_on, r.found_at
               FROM recovery r JOIN business_case c ON c.centre_id = r.centre_id AND c.case_id = r.of_case;
             DELETE FROM business_case WHERE service = 'withdraw-recovery';
             DELETE FROM recovery;
             ALTER TABLE recovery DROP COLUMN reason, DROP COLUMN debtor, DROP COLUMN contract_no, DROP COLUMN cancelled_on",
        )
        .await
        .expect("as the release before kept it");
    let migration = include_str!("../../../../migrations/0169_recovery_one_life.sql");
    owner
        .execute(AssertSqlSafe(migration))
        .await
        .expect("migrated");
    let claims = "SELECT recovery_id FROM recovery WHERE reason = 2 AND debtor = 2 AND state = 2 AND owed_fen = 300001";
    let office = town.office().await;
    let number = office
        .numbers
        .encode(NumberKind::Case, town.sql(claims).await);
    let desk = Visitor::staff(&town, &office, role::REVIEWER, town.branch().await).await;
    let page = desk.get(&format!("/desk/recoveries/{number}")).await.page;
    assert!(page.contains(&contract_of(&li)), "{page}");
    give_back(&town, &paid, 300_001, &format!("TF{number}")).await;
    balance_becomes(&town, &li, 720_000).await;
    let done =
        "SELECT count(*) FROM business_case WHERE service = 'withdraw-recovery' AND state = 6";
    assert_eq!(town.sql(done).await, 1);
    town.audited().await;
}

/// A lead that the watch has found is demanded at once when the commission says it by itself; and a finding of fraud that is taken back leaves
/// what the cancelled contract claims.
#[tokio::test]
async fn whoever_finds_it_a_withdrawal_is_claimed_back_once() {
    let town = direct().await;
    let li = buyer(&town, 975).await;
    permits(&town, permit()).await;
    becomes(&town, &ask(&town, &li).await, "done").await;
    let mut owner = town.database.owner().await;
    owner
        .execute(
            "INSERT INTO recovery (centre_id, recovery_id, person_id, branch_id, of_case, reason, ground, finding, debtor, state, owed_fen, found_at)
             SELECT centre_id, nextval('anju_id'), applicant_id, branch_id, case_id, 2, 'FR-08', '登记为已撤销', 2, 1, amount_fen, now()
               FROM business_case WHERE service = 'withdraw-down-payment'",
        )
        .await
        .expect("a lead");
    contract_is_cancelled(&town, &li).await;
    contract_is_cancelled(&town, &li).await;
    assert_eq!(
        town.sql("SELECT count(*) FROM recovery WHERE state = 2 AND cancelled_on IS NOT NULL")
            .await,
        1
    );
    assert_eq!(town.sql("SELECT count(*) FROM recovery").await, 1);
    crate::arrears::is_told(&town, &li.phone, "购房合同已撤销").await;
}

/// A finding of fraud asks the money back, the contract is cancelled meanwhile, and the finding is revoked: what the cancelled contract claims
/// stays, from whoever has the money, and nothing else of the finding.
#[tokio::test]
async fn an_entry_that_is_revoked_leaves_the_claim_of_the_contract_open() {
    let town = direct().await;
    let office = town.office().await;
    let li = buyer(&town, 977).await;
    permits(&town, permit()).await;
    let paid = becomes(&town, &ask(&town, &li).await, "done").await;
    let branch = town.branch().await;
    let first = Visitor::staff(&town, &office, role::REVIEWER, branch).await;
    let second = Visitor::second(&town, &office, role::REVIEWER, branch).await;
    let third = Visitor::another(&town, &office, role::REVIEWER, branch, "3").await;
    let number = cast::look_up(&town.doors, &li).await.expect("known");
    let case_no = text(&paid, "case_id").expect("a number");
    let enter = [
        ("person", number.as_str()),
        ("case", &case_no),
        ("ground", "FR-05"),
        ("finding", "合同系伪造"),
    ];
    let entered = first.post("/desk/blacklist", &enter).await;
    let entry = entered.location.rsplit('/').next().expect("a number");
    let confirm = [
        ("verdict", "confirm"),
        ("years", "3"),
        ("reason", "核对属实"),
    ];
    let path = format!("/desk/blacklist/{entry}");
    let answer = second.post(&path, &confirm).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.page);
    let of_entry = "SELECT count(*) FROM recovery WHERE entry_id IS NOT NULL AND reason = 1 AND debtor = 1 AND state = 2";
    assert_eq!(town.sql(of_entry).await, 1);
    contract_is_cancelled(&town, &li).await;
    assert_eq!(town.sql(of_entry).await, 1, "one claim, the entry's");

    let me = Visitor::person(&town, &office, &li).await;
    let field = format!("text-{entry}");
    let words = [
        ("about", "entry"),
        ("number", entry),
        (field.as_str(), "合同是真的，后来退房了"),
    ];
    let said = me.post("/my/standing", &words).await;
    assert_eq!(said.status.as_u16(), 303, "{}", said.page);
    let page = third.get(&path).await.page;
    let statement = page
        .split("name=\"statement\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("nothing to answer: {page}"))
        .to_owned();
    let grant = [
        ("statement", statement.as_str()),
        ("granted", "true"),
        ("reason", "合同经核实为真"),
    ];
    let answer = third.post(&format!("{path}/answer"), &grant).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.page);
    let of_contract = "SELECT count(*) FROM recovery WHERE entry_id IS NULL AND reason = 2 AND ground = 'FR-08' AND debtor = 2 AND state = 2
                          AND finding NOT LIKE '%伪造%'";
    assert_eq!(town.sql(of_contract).await, 1);
    crate::arrears::is_told(&town, &li.phone, "3,000.01 元仍由开发企业").await;
    let page = me.get("/my/standing").await.page;
    assert!(
        page.contains("购房合同撤销") && page.contains("监管账户"),
        "{page}"
    );
    let messages = told(&town, &li.phone).await;
    let code = messages.rsplit("附言 ").next().expect("a code");
    let code: String = code
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    give_back(&town, &paid, 300_001, &code).await;
    balance_becomes(&town, &li, 720_000).await;
    town.audited().await;
}
