//! 单位合并: an employer is taken over whole. Its people, its money in suspense, its open list, its debts and its plan go over in one step; it is
//! cancelled, and what still comes for it is not lost.

use anju::cast::{
    self, Person, balance, contribute, firm, number, open_employer, register_month, text,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::is_told;
use crate::changes::next_list;
use crate::relief::{approve, reviewer};
use crate::town::{Town, account_no, known, month};
use crate::visitor::Visitor;

const SERVICE: &str = "employee-account-transfer";

/// Two people of an employer that has paid to the month so many before this one.
async fn paid_to(town: &Town, seed: i64, back: i32) -> (String, Vec<Person>) {
    let people = known(town, seed, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let employer = open_employer(&town.doors, seed, month(2))
        .await
        .expect("an employer");
    for back in (back..=2).rev() {
        contribute(&town.doors, &employer, month(back), &people)
            .await
            .expect("a month");
    }
    (employer, people)
}

/// The answer to a merge, online or at the counter.
async fn merge(town: &Town, from: &str, to: &str, channel: &str, document: Option<&str>) -> Value {
    let mut form = json!({ "everybody": true, "to_employer_no": to });
    if let Some(document) = document {
        form["document_no"] = document.into();
    }
    let body = json!({ "service": SERVICE, "applicant": from, "form": form, "channel": channel });
    town.doors.post("/cases", &body).await.expect("a door").body
}

async fn part_received(town: &Town, list: &Value) {
    let id = text(list, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "part_received")
        .await
        .expect("received");
}

const SUSPENSE: &str =
    "SELECT coalesce(sum(balance_fen), 0)::bigint FROM ledger_account WHERE kind = 11";
const OLD_SUSPENSE: &str = "SELECT a.balance_fen FROM ledger_account a JOIN employer e ON e.suspense_account_id = a.account_id
                             WHERE e.state = 9";
const NEW_SUSPENSE: &str = "SELECT a.balance_fen FROM ledger_account a JOIN employer e ON e.suspense_account_id = a.account_id
                             WHERE e.state = 1";

/// Who owes the month that came along, where nobody who is gone owes anything.
const OWING: &str = "SELECT count(*) FROM arrears a JOIN employer e USING (centre_id, employer_id)
                      WHERE a.first_month = (SELECT min(month) FROM arrears_assumed) AND e.state = 1
                        AND NOT EXISTS (SELECT FROM arrears b JOIN employer g USING (centre_id, employer_id) WHERE g.state = 9)";

/// Contribution.md §18, 21: a list of the old employer has part of its money, for a month that the new one has paid.
#[tokio::test]
async fn a_merged_employer_hands_over_its_suspense_its_open_list_and_its_arrears() {
    let town = Town::open().await;
    let (old, people) = paid_to(&town, 1301, 2).await;
    let (new, colleagues) = paid_to(&town, 1302, 1).await;
    let list = register_month(&town.doors, &old, month(1), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &list, 100_000).await.expect("paid");
    part_received(&town, &list).await;

    // Nobody is given another's debts by a click of the other.
    let online = merge(&town, &old, &new, "HALL", None).await;
    assert_eq!(online["code"], "E-EMPR-06", "{online}");
    let said = online.to_string();
    assert!(
        said.contains("欠缴") && said.contains("合并协议到柜台"),
        "{said}"
    );
    let unsigned = merge(&town, &old, &new, "CTR", None).await;
    assert_eq!(unsigned["code"], "E-FORM-01", "{unsigned}");
    let merged = merge(&town, &old, &new, "CTR", Some("渝合〔2026〕1号")).await;
    assert_eq!(merged["state"], "done", "{merged}");

    assert_eq!(
        town.sql("SELECT count(*) FROM employer WHERE state = 9 AND merged_into IS NOT NULL")
            .await,
        1
    );
    assert_eq!(town.sql(SUSPENSE).await, 100_000, "the total is unchanged");
    assert_eq!(town.sql(OLD_SUSPENSE).await, 0);
    assert_eq!(town.sql(NEW_SUSPENSE).await, 100_000);
    let assumed = "SELECT sum(employer_fen + employee_fen)::bigint FROM arrears_assumed";
    assert_eq!(town.sql(assumed).await, 432_000);
    assert_eq!(
        town.sql(OWING).await,
        1,
        "the new employer owes the month, and nobody else anything"
    );
    let revised = "SELECT count(*) FROM remittance r JOIN employer e USING (centre_id, employer_id)
                    WHERE e.state = 1 AND r.kind = 2 AND r.reason = 'MERGED' AND r.state = 2 AND r.amount_fen = 432000 AND r.received_fen = 100000";
    assert_eq!(town.sql(revised).await, 1);
    is_told(
        &town,
        &firm("", 1302).expect("a firm").clerk_phone,
        "一个单位已并入本单位",
    )
    .await;
    is_told(&town, &people[0].phone, "随单位合并").await;
    let uscc = firm("", 1301).expect("a firm").uscc;
    crate::parties::all_told(&town, &uscc, "merged", 2).await;
    town.audited().await;

    // The rest comes with the pay code that the old employer was given, and the month is on every account.
    cast::pay(&town.doors, &list, 332_000).await.expect("paid");
    for _ in 0..200 {
        if town.sql(SUSPENSE).await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for (who, fen) in people.iter().zip([240_000, 192_000]) {
        assert_eq!(balance(&town.doors, who).await.expect("fen"), 2 * fen);
    }
    assert_eq!(town.sql(OWING).await, 0);
    // Once more: nobody's list any more, the new employer's money.
    cast::pay(&town.doors, &list, 50_000).await.expect("paid");
    for _ in 0..200 {
        if town.sql(SUSPENSE).await == 50_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(town.sql(NEW_SUSPENSE).await, 50_000);
    let mut all = colleagues;
    all.extend(people);
    assert_eq!(next_list_of(&town, &new, &all).await, 4);
    town.audited().await;
}

/// People of the list of this month.
async fn next_list_of(town: &Town, employer: &str, people: &[Person]) -> i64 {
    let roster = cast::send_roster(&town.doors, employer, month(0), people)
        .await
        .expect("a door")
        .ok()
        .expect("a list without fault");
    number(&roster, "lines").expect("lines")
}

/// The new employer has not come as far: the month stands in its own next list, and the money that was there pays towards it.
#[tokio::test]
async fn a_month_that_the_new_employer_still_has_before_it_stands_in_its_own_list() {
    let town = Town::open().await;
    let (old, people) = paid_to(&town, 1311, 2).await;
    let (new, colleagues) = paid_to(&town, 1312, 2).await;
    let list = register_month(&town.doors, &old, month(1), &people)
        .await
        .expect("a list");
    cast::pay(&town.doors, &list, 100_000).await.expect("paid");
    part_received(&town, &list).await;
    let merged = merge(&town, &old, &new, "CTR", Some("渝合〔2026〕2号")).await;
    assert_eq!(merged["state"], "done", "{merged}");
    assert_eq!(
        town.sql("SELECT count(*) FROM remittance WHERE state IN (1, 2)")
            .await,
        0
    );
    let mut all = colleagues;
    all.extend(people);
    assert_eq!(next_list(&town, &new, &all).await, (4, 2 * 432_000));
    let order = register_month(&town.doors, &new, month(1), &all)
        .await
        .expect("a list");
    cast::pay(&town.doors, &order, 2 * 432_000 - 100_000)
        .await
        .expect("paid");
    let id = text(&order, "remittance_id").expect("a number");
    cast::state_of(&town.doors, &id, |state| state == "allocated")
        .await
        .expect("what came for the old list covers the rest");
    assert_eq!(town.sql(SUSPENSE).await, 0);
    town.audited().await;
}

#[tokio::test]
async fn what_is_on_its_way_keeps_an_employer_from_merging_and_says_what_to_do() {
    let town = Town::open().await;
    let office = town.office().await;
    let (old, people) = paid_to(&town, 1321, 0).await;
    let (behind, _) = paid_to(&town, 1322, 1).await;
    let (new, _) = paid_to(&town, 1323, 0).await;
    let ahead = merge(&town, &old, &behind, "HALL", None).await;
    assert_eq!(ahead["code"], "E-TRF-06", "{ahead}");

    let account = account_no(&town, &people[0]).await;
    let form = json!({ "month": month(1).to_string(), "account_no": account, "amount_fen": 5_000, "reason": "WRONG_BASE", "to": "SUSPENSE", "payroll": true });
    let refund = crate::relief::ask(&town, "employer-refund", &old, form).await;
    assert_eq!(refund["state"], "reviewing", "{refund}");
    let waits = merge(&town, &old, &new, "HALL", None).await;
    assert_eq!(waits["code"], "E-EMPR-06", "{waits}");
    assert!(waits.to_string().contains("请等办结或撤回"), "{waits}");
    let reviewer = reviewer(&town, &office, &old).await;
    approve(&town, &reviewer, &refund).await;

    // Nothing is owed: the clerk does it on the page, and says that he means it.
    let clerk = Visitor::clerk(&town, &office, &old, 1321).await;
    let key = uuid::Uuid::now_v7().to_string();
    let mut form = vec![
        ("do", "merge"),
        ("key", key.as_str()),
        ("to_employer_no", new.as_str()),
        ("sure", ""),
    ];
    let unsure = clerk.post("/unit/transfer", &form).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    form[3] = ("sure", "yes");
    let merged = clerk.post("/unit/transfer", &form).await;
    assert_eq!(merged.status, StatusCode::SEE_OTHER, "{}", merged.page);
    let page = clerk.get(&merged.location).await.page;
    assert!(page.contains("单位已合并"), "{page}");
    let home = clerk.get("/unit").await.page;
    assert!(
        home.contains("单位账户已销户") && home.contains("已并入“"),
        "{home}"
    );
    assert!(!home.contains("还差：名册"), "{home}");
    assert_eq!(town.sql(OLD_SUSPENSE).await, 0);
    assert_eq!(
        town.sql("SELECT sum(a.balance_fen)::bigint FROM ledger_account a JOIN employer e ON e.suspense_account_id = a.account_id WHERE e.state = 1")
            .await,
        5_000,
        "what was refunded to the suspense goes along"
    );
    town.audited().await;
}

#[tokio::test]
async fn an_unpaid_plan_of_a_deferral_is_made_up_by_who_took_the_employer_over() {
    let town = Town::open().await;
    let office = town.office().await;
    let (old, people) = paid_to(&town, 1331, 1).await;
    let (new, colleagues) = paid_to(&town, 1332, 1).await;
    let form = json!({
        "ground": "LOSS", "audit_report_no": "渝会审〔2026〕8号", "reason": "订单减少", "resolution_no": "职代会〔2026〕3号", "months": 2,
    });
    let case = crate::relief::ask(&town, "employer-deferral", &old, form).await;
    let reviewer = reviewer(&town, &office, &old).await;
    let approved = approve(&town, &reviewer, &case).await;
    let id = text(&approved, "case_id").expect("a number");
    let days = (month(-2).first_day() - office.today()).num_days() + 5;
    town.later(days * 24 * 60);
    anju_business::contribution::relief::turn(&office)
        .await
        .expect("the day's work");
    for back in [0, -1] {
        contribute(&town.doors, &new, month(back), &colleagues)
            .await
            .expect("a month");
    }
    let merged = merge(&town, &old, &new, "CTR", Some("渝合〔2027〕3号")).await;
    assert_eq!(merged["state"], "done", "{merged}");
    assert_eq!(
        town.sql("SELECT count(*) FROM arrears_assumed").await,
        0,
        "a deferred month is no arrears"
    );
    let clerk = Visitor::clerk(&town, &office, &new, 1332).await;
    let home = clerk.get("/unit").await.page;
    assert!(home.contains("合并转来的缓缴补缴"), "{home}");
    let here = format!("/unit/cases/{id}");
    for left in [432_000, 0] {
        let key = uuid::Uuid::now_v7().to_string();
        let sent = clerk
            .post(&format!("{here}/make-up"), &[("key", key.as_str())])
            .await;
        assert!(
            sent.location.starts_with("/unit/pay?list="),
            "{}",
            sent.page
        );
        let list = sent
            .location
            .trim_start_matches("/unit/pay?list=")
            .to_owned();
        crate::relief::pay_list(&town, &list).await;
        let owed = "SELECT coalesce(sum(employer_fen + employee_fen), 0)::bigint FROM deferred_month WHERE paid_by IS NULL";
        assert_eq!(town.sql(owed).await, left);
    }
    assert_eq!(
        balance(&town.doors, &people[0]).await.expect("fen"),
        4 * 240_000
    );
    town.audited().await;
}

/// The old employer owes months that the new one has paid: they are the new one's, by the amounts of their time, and one button pays them.
#[tokio::test]
async fn arrears_that_came_along_are_made_up_by_one_back_payment() {
    let town = Town::open().await;
    let office = town.office().await;
    let (old, people) = paid_to(&town, 1341, 2).await;
    let (new, _) = paid_to(&town, 1342, 0).await;
    let merged = merge(&town, &old, &new, "CTR", Some("渝合〔2026〕4号")).await;
    assert_eq!(merged["state"], "done", "{merged}");
    assert_eq!(town.sql(OWING).await, 1);
    let clerk = Visitor::clerk(&town, &office, &new, 1342).await;
    let page = clerk.get("/unit/notices").await.page;
    assert!(page.contains("4 人月是合并转来的欠缴"), "{page}");
    let key = uuid::Uuid::now_v7().to_string();
    let sent = clerk
        .post("/unit/notices/assumed", &[("key", key.as_str())])
        .await;
    assert!(
        sent.location.starts_with("/unit/pay?list="),
        "{}",
        sent.page
    );
    let list = sent.location.trim_start_matches("/unit/pay?list=");
    crate::relief::pay_list(&town, list).await;
    for (who, fen) in people.iter().zip([240_000, 192_000]) {
        assert_eq!(balance(&town.doors, who).await.expect("fen"), 3 * fen);
    }
    assert_eq!(town.sql(OWING).await, 0);
    let page = clerk.get("/unit/notices").await.page;
    assert!(page.contains("没有到期未缴的月份"), "{page}");
    town.audited().await;
}

/// What the centre has begun against the old employer goes on against the new one, beside what it has begun against that one itself.
#[tokio::test]
async fn an_enforcement_goes_on_against_who_took_the_employer_over_and_closes_when_all_is_paid() {
    let town = Town::open_at(crate::arrears::afternoon("2027-01-20")).await;
    let (old, mut people) = crate::enforcement::owing(&town, 1351).await;
    let (new, colleagues) = crate::enforcement::owing(&town, 1352).await;
    crate::interest_year::days_later(&town, 59).await;
    let engine = crate::arrears::engine(&town).await;
    crate::arrears::sqlx_forget_nights(&town).await;
    crate::arrears::tonight(&engine).await;
    let live = "SELECT count(*) FROM enforcement WHERE state <> 8";
    assert_eq!(town.sql(live).await, 2, "February of both");
    let merged = merge(&town, &old, &new, "CTR", Some("渝合〔2027〕5号")).await;
    assert_eq!(merged["state"], "done", "{merged}");
    assert_eq!(
        town.sql("SELECT count(*) FROM enforcement x JOIN employer e USING (centre_id, employer_id) WHERE x.state <> 8 AND e.state = 1")
            .await,
        2
    );
    crate::arrears::sqlx_forget_nights(&town).await;
    crate::arrears::tonight(&engine).await;
    assert_eq!(town.sql(live).await, 2, "the next night opens none again");
    people.extend(colleagues);
    for month in ["2027-02", "2027-03"] {
        let month = anju_domain::calendar::Month::parse(month).expect("a month");
        contribute(&town.doors, &new, month, &people)
            .await
            .expect("a month");
    }
    assert_eq!(town.sql(live).await, 0, "closed by themselves");
    town.audited().await;
}
