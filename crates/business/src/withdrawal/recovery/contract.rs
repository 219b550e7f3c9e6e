//! FR-08 (withdrawal.md §9): the contract of a home was cancelled after money had been paid for it. The housing commission says so by itself,
//! which demands the money at once; or it is found when the contract is asked for again, which is a lead.

use anju_casework::{Actor, Office, Result, case};
use chrono::{Days, NaiveDate};
use serde_json::json;

use super::claim::{Claim, demand_claim, lead};
use super::{debtor, reason};
use crate::policy::Rules;

/// The pattern of fraud: a contract withdrawn after the money was paid.
const PATTERN: &str = "FR-08";

/// What a claim stands on that the housing commission's word has made.
pub(super) const FINDING: &str = "住房城乡建设部门告知购房合同已撤销";

/// What the housing commission says of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Number of the filed contract.
    pub contract_no: String,
    /// 不动产单元号, where the contract has one.
    pub unit_no: Option<String>,
    /// Its day.
    pub on: NaiveDate,
}

/// Withdrawals for one home that are claimed back by one signal: its buyers and their spouses are few.
const BUYERS: i64 = 100;

/// A contract was cancelled: every withdrawal that was paid for its home is claimed back; how many claims stand. The same signal again opens
/// nothing.
pub async fn cancelled(office: &Office, signal: &Cancelled) -> Result<usize> {
    let keys: Vec<String> = signal
        .unit_no
        .iter()
        .chain([&signal.contract_no])
        .map(|key| format!("HOME:{key}"))
        .collect();
    let paid: Vec<i64> = sqlx::query_scalar(
        "SELECT u.case_id
           FROM withdrawal_use u
           JOIN business_case c ON c.centre_id = u.centre_id AND c.case_id = u.case_id AND c.state = 6
          WHERE u.centre_id = $1 AND u.event_key = ANY ($2) AND u.state = 2 AND u.kind IN ('DOWNPAY', 'PURCHASE')
          ORDER BY u.case_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(&keys)
    .bind(BUYERS)
    .fetch_all(&office.pool)
    .await?;
    for of_case in &paid {
        let claim = Claim {
            of_case: *of_case,
            reason: reason::CONTRACT,
            ground: PATTERN,
            finding: FINDING,
            debtor: who_owes(office, *of_case).await?,
            contract_no: Some(&signal.contract_no),
            cancelled_on: Some(signal.on),
        };
        let mut tx = office.pool.begin().await?;
        let new = demand_claim(office, &mut tx, &claim, Actor::System).await?;
        tx.commit().await?;
        if new {
            office.changed_with_messages(*of_case);
        }
    }
    Ok(paid.len())
}

/// Who has the money.
pub(super) async fn who_owes(office: &Office, of_case: i64) -> Result<i16> {
    let withdrawal = case::require(office, of_case).await?;
    let supervised = case::supervised(office, &withdrawal).await?;
    Ok(supervised.map_or(debtor::PERSON, |_| debtor::SUPERVISED))
}

/// Paid purchases whose contract is to be asked for again now; the day is noted at once, so that a process that dies loses one look.
pub async fn contracts_to_ask(office: &Office, limit: i64) -> Result<Vec<i64>> {
    let today = office.today();
    let rules = Rules::on(office, today);
    let every = u64::from(rules.days("fraud_contract_watch_days")?);
    let since =
        anju_domain::calendar::add_months(today, -rules.months("fraud_contract_watch_months")?);
    Ok(sqlx::query_scalar(
        "WITH due AS MATERIALIZED (
             SELECT case_id FROM withdrawal_use
              WHERE centre_id = $1 AND state = 2 AND kind IN ('PURCHASE', 'DOWNPAY')
                AND coalesce(contract_asked_on, used_on) <= $2 AND used_on >= $3
              ORDER BY coalesce(contract_asked_on, used_on), case_id LIMIT $4
                FOR NO KEY UPDATE SKIP LOCKED)
         UPDATE withdrawal_use u SET contract_asked_on = $5 FROM due
          WHERE u.centre_id = $1 AND u.case_id = due.case_id
         RETURNING u.case_id",
    )
    .bind(office.centre.id)
    .bind(today - Days::new(every))
    .bind(since)
    .bind(limit)
    .bind(today)
    .fetch_all(&office.pool)
    .await?)
}

/// The contract of a paid withdrawal turned out to be cancelled when it was asked for again. Once for each; a person looks at it.
///
/// # Errors
/// The database.
pub async fn contract_cancelled(office: &Office, of_case: i64, contract_no: &str) -> Result<bool> {
    let claim = Claim {
        of_case,
        reason: reason::CONTRACT,
        ground: PATTERN,
        finding: "提取到账后，购房合同在市住房城乡建委登记为已撤销",
        debtor: who_owes(office, of_case).await?,
        contract_no: Some(contract_no),
        cancelled_on: None,
    };
    let mut tx = office.pool.begin().await?;
    let kept = lead(office, &mut tx, &claim).await?;
    if kept {
        let (steps, detail) = (["contract_cancelled"], json!({ "patterns": [PATTERN] }));
        case::add_event(office, &mut tx, of_case, Actor::System, &steps, detail).await?;
    }
    tx.commit().await?;
    if kept {
        office.changed(of_case);
        metrics::counter!("recovery_leads_total").increment(1);
    }
    Ok(kept)
}
