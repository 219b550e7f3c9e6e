//! Papers of cases: whom they are about, and asking afterwards whether the source says the same (事后核验, data_sharing.md §6).

use anju_casework::case::{self, Case, CaseState};
use anju_casework::case_paper::{self, CasePaper, ReadFact};
use anju_casework::{Fault, Result};
use anju_exchange::fact_store::FactRequest;
use anju_policy::fact::{At, FactState};
use anju_policy::{Fact, Facts};
use anju_wire::gateway::Purpose;
use chrono::TimeDelta;

use crate::Engine;
use crate::advance::request_of;
use crate::gather::statutory;

/// Papers that are verified in one look.
const AT_ONCE: i64 = 50;

impl Engine {
    /// Whom the roles of a case are: as it may be shown, and the whole ID number.
    ///
    /// # Errors
    /// A role that nobody plays in this case.
    pub async fn subjects(&self, case: &Case, roles: &[&str]) -> Result<Vec<(String, String)>> {
        let request = request_of(&self.office, case)?;
        let service = self.office.catalogue.find(&case.service)?;
        let mut conn = self.office.pool.acquire().await?;
        let own = service.own_books(&self.office, &mut conn, &request).await?;
        drop(conn);
        let facts = case::kept_facts(&self.office, case).await?;
        roles
            .iter()
            .map(|role| {
                let (shown, keys) = self
                    .keys(role, &request, &facts, &own)?
                    .ok_or_else(|| Fault::Stored(format!("nobody is {role} in this case")))?;
                Ok((shown, keys.id))
            })
            .collect()
    }

    /// Asks the sources of accepted papers whether they say the same by now; returns how many differ.
    pub async fn verify_papers(&self) -> Result<u64> {
        let mut differing = 0;
        for paper in case_paper::to_verify(&self.office, AT_ONCE).await? {
            let case = case::require(&self.office, paper.case_id).await?;
            match case.state() {
                CaseState::Executing | CaseState::Done => {
                    differing += u64::from(self.verify(&case, &paper).await?);
                }
                CaseState::Refused | CaseState::Withdrawn | CaseState::Failed => {
                    case_paper::forget_verifying(&self.office, paper.paper_id).await?;
                }
                // What is still decided asks its sources itself.
                _ => {}
            }
        }
        Ok(differing)
    }

    async fn verify(&self, case: &Case, paper: &CasePaper) -> Result<bool> {
        let office = &self.office;
        let read = paper.read()?;
        let request = request_of(office, case)?;
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
        for one in &read {
            let Some((shown, mut keys)) = self.keys(&one.role, &request, &facts, &own)? else {
                continue;
            };
            let ask = asks
                .iter()
                .find(|ask| ask.need.role == one.role && ask.need.fact_type == one.fact_type);
            if let Some(ask) = ask {
                keys.more.extend(ask.keys.clone());
            }
            // Each bank knows its own loans only.
            let source = keys.more.remove("bank");
            requests.push(FactRequest {
                fact_type: one.fact_type.clone(),
                role: one.role.clone(),
                shown,
                keys,
                purpose: Purpose {
                    item: request.service.clone(),
                    case_no: case::number(office, case.case_id),
                },
                consent: statutory(),
                source,
            });
        }
        let said = self
            .gateway
            .fetch(requests)
            .await
            .map_err(|error| Fault::Outside(error.to_string()))?;
        // Only a source that knows can be compared; it is asked again tomorrow, and not for ever.
        if !said.iter().all(|fact| fact.state == FactState::Known) || said.len() != read.len() {
            let days = policy
                .set
                .int("paper_verify_days", at.today, &[])
                .map_err(|error| Fault::Policy(error.to_string()))?;
            if at.now - paper.handed_in_at > TimeDelta::days(days) {
                case_paper::forget_verifying(office, paper.paper_id).await?;
            }
            return Ok(false);
        }
        let differs = differences(&read, &said);
        case_paper::note_verified(office, paper, &differs).await?;
        Ok(!differs.is_empty())
    }
}

/// The fields that the source says otherwise than the paper; what it does not say contradicts nothing.
fn differences(read: &[ReadFact], said: &[Fact]) -> Vec<String> {
    let mut differs = Vec::new();
    for (paper, source) in read.iter().zip(said) {
        for (field, value) in paper.value.as_object().into_iter().flatten() {
            let other = source.value.get(field).filter(|other| !other.is_null());
            if other.is_some_and(|other| other != value) {
                differs.push(format!("{}.{field}", paper.fact_type));
            }
        }
    }
    differs
}

/// Puts what papers say where a source has no record or does not answer; where it knows, it counts (data_sharing.md §1, precedence).
pub(crate) fn stand_in(facts: &mut Facts, papers: &[Fact]) {
    for paper in papers {
        let stands = facts
            .get(&paper.role, &paper.fact_type)
            .is_some_and(|fact| matches!(fact.state, FactState::Absent | FactState::Unknown));
        if stands {
            facts.put(paper.clone());
        }
    }
}
