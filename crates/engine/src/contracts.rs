//! FR-08 (withdrawal.md §9): whether the contract of a paid purchase still stands. It is asked for again on the days of policy.

use anju_business::withdrawal::recovery;
use anju_casework::case::{self, Case};
use anju_casework::{Fault, Result};
use anju_exchange::fact_store::FactRequest;
use anju_policy::fact::{At, FactState};
use anju_wire::gateway::Purpose;
use serde_json::Value;

use crate::Engine;
use crate::advance::request_of;
use crate::gather::statutory;

/// Contracts that are asked for in one look.
const AT_ONCE: i64 = 50;

/// What is asked for.
const CONTRACT: &str = "housing.contract_filing";

impl Engine {
    /// Asks for the contracts of paid purchases whose day has come; returns how many were cancelled since they were paid.
    pub async fn ask_contracts(&self) -> Result<u64> {
        let mut cancelled = 0;
        for case_id in recovery::contracts_to_ask(&self.office, AT_ONCE).await? {
            let case = case::require(&self.office, case_id).await?;
            if let Some(contract_no) = self.cancelled_contract(&case).await? {
                let new = recovery::contract_cancelled(&self.office, case_id, &contract_no).await?;
                cancelled += u64::from(new);
            }
        }
        Ok(cancelled)
    }

    /// The number of its contract, where that is cancelled. The same question that the decision asked; a source that does not answer is asked again another day.
    async fn cancelled_contract(&self, case: &Case) -> Result<Option<String>> {
        let office = &self.office;
        let request = request_of(office, case)?;
        // Without its number the source would tell of every contract that the person ever signed.
        let Some(contract_no) = request.text("contract_no") else {
            return Ok(None);
        };
        let service = office.catalogue.find(&case.service)?;
        let own = {
            let mut conn = office.pool.acquire().await?;
            service.own_books(office, &mut conn, &request).await?
        };
        let facts = case::kept_facts(office, case).await?;
        let at = At {
            now: office.now(),
            today: office.today(),
        };
        let policy = office.policy();
        let asks = policy
            .set
            .needed(&request.service, &facts, &request.form, at)
            .map_err(|error| Fault::Policy(error.to_string()))?;
        let mut requests = Vec::new();
        for ask in asks.iter().filter(|ask| ask.need.fact_type == CONTRACT) {
            let found = self.keys(&ask.need.role, &request, &facts, &own)?;
            let Some((shown, mut keys)) = found else {
                continue;
            };
            keys.more.extend(ask.keys.clone());
            requests.push(FactRequest {
                fact_type: CONTRACT.to_owned(),
                role: ask.need.role.clone(),
                shown,
                keys,
                purpose: Purpose {
                    item: request.service.clone(),
                    case_no: case::number(office, case.case_id),
                },
                consent: statutory(),
                source: None,
            });
        }
        let said = self
            .gateway
            .fetch(requests)
            .await
            .map_err(|error| Fault::Outside(error.to_string()))?;
        let is_cancelled = said.iter().any(|fact| {
            fact.state == FactState::Known
                && fact.value.get("cancelled").and_then(Value::as_bool) == Some(true)
        });
        Ok(is_cancelled.then(|| contract_no.to_owned()))
    }
}
