//! Who contributes by himself leaves when he likes: he takes what is his, and what finance added in the last months goes back (E12, E11).

use anju::cast::{balance, number, text};
use serde_json::json;

use crate::flexible::{ask, free_lancer, subsidised, tuesday};
use crate::relief::case_of;
use crate::town::Town;

/// Of the office for who contributes by himself.
const SUSPENSE: &str =
    "SELECT a.balance_fen FROM ledger_account a JOIN employer e ON e.employer_id = a.owner_id
                         WHERE a.kind = 11 AND e.uscc LIKE 'FLEX-%'";

async fn ends(town: &Town, id: &str, state: &str) -> serde_json::Value {
    for _ in 0..300 {
        let case = case_of(town, id).await;
        if case["state"] == state {
            return case;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("not {state}: {}", case_of(town, id).await)
}

#[tokio::test]
async fn who_leaves_gives_back_the_subsidy_of_the_last_year_and_takes_the_rest() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 1590).await;
    subsidised(&town, &who, &id).await; // 1,000.00 of his own, 1.25 of finance
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 100_125);
    let form = json!({ "card_no": who.card });
    let case = ask(&town, "withdraw-leave-job", &id, form)
        .await
        .ok()
        .expect("a case");
    let parts = case["decision"].to_string();
    let case_id = text(&case, "case_id").expect("a case");
    let done = ends(&town, &case_id, "done").await;
    let paid = number(&done["payment"], "amount_fen").expect("fen");
    let interest = town.sql("SELECT interest_fen FROM account_closing").await;
    assert_eq!(paid, 100_000 + interest, "{parts}");
    assert_eq!(
        town.sql("SELECT reclaim_fen FROM account_closing").await,
        125
    );
    assert_eq!(
        town.sql(SUSPENSE).await,
        125,
        "finance's next list is paid out of it"
    );
    assert_eq!(
        town.sql("SELECT state::bigint FROM ledger_account WHERE kind IN (1, 3)")
            .await,
        3,
        "closed"
    );
    assert_eq!(
        town.sql("SELECT coalesce(-sum(amount_fen), 0)::bigint FROM posting WHERE part = 5 AND subject = 201").await,
        0
    );
    town.audited().await;
}

#[tokio::test]
async fn a_bank_that_refuses_gives_the_subsidy_back_with_the_rest() {
    let town = Town::open_at(tuesday()).await;
    let (who, id) = free_lancer(&town, 1591).await;
    subsidised(&town, &who, &id).await;
    for bank in ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"] {
        town.doors
            .control_put(&format!("/banks/{bank}"), &json!({ "mode": "reject" }))
            .await
            .expect("a bank");
    }
    let form = json!({ "card_no": who.card });
    let case = ask(&town, "withdraw-leave-job", &id, form)
        .await
        .ok()
        .expect("a case");
    let case_id = text(&case, "case_id").expect("a case");
    ends(&town, &case_id, "failed").await;
    assert_eq!(balance(&town.doors, &who).await.expect("fen"), 100_125);
    assert_eq!(town.sql(SUSPENSE).await, 0);
    town.audited().await;
}
