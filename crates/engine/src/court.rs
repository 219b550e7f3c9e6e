//! Orders of courts: what comes over the signed line is done and answered at once; what the bank says of a deduction later is told to the court.

use anju_business::court::{self, Instruction, Kind, take};
use anju_casework::outbox::{self, Message};
use anju_casework::{Fault, Result, person};
use anju_domain::id_number::IdNumber;
use anju_exchange::court as wire;
use anju_policy::ConditionOutcome;
use serde_json::Value;

use crate::Engine;
use crate::deliver::query_after;

/// Conditions of every withdrawal, which a freeze fails by itself: only those of the withdrawal's own cause are looked at.
const COMMON: &str = "CMN-";

impl Engine {
    /// Follows a court's instruction. What cannot be done is answered with its reason.
    pub(crate) async fn court_order(&self, said: &Instruction) -> Result<Value> {
        let has_cause = self.has_withdrawal_cause(said).await?;
        let act = take::receive(&self.office, said, has_cause).await?;
        metrics::counter!("court_orders_total", "kind" => said.kind.code()).increment(1);
        Ok(wire::answer(&act.act_no, &act.document_no, &act.answer))
    }

    /// Whether the person could withdraw by some cause of his own if nothing were frozen, from what is at hand.
    ///
    /// # Errors
    /// The database; the policy.
    pub async fn has_withdrawal_cause(&self, said: &Instruction) -> Result<bool> {
        if said.kind != Kind::Deduct || said.ordered_expressly {
            return Ok(false);
        }
        let Ok(id) = IdNumber::parse(&said.id_no) else {
            return Ok(false);
        };
        let Some(person) = person::by_id_number(&self.office, &id).await? else {
            return Ok(false);
        };
        let found = self.entitlements(&person, "CTR").await?;
        Ok(found.iter().any(|one| {
            one.decision
                .conditions
                .iter()
                .filter(|condition| !condition.code.starts_with(COMMON))
                .all(|condition| condition.outcome == ConditionOutcome::Met)
        }))
    }

    /// Tells the court what became of a deduction.
    pub(crate) async fn tell_court(&self, message: &Message) -> Result<()> {
        let office = &self.office;
        let act_id = message
            .payload
            .get("court_word")
            .and_then(Value::as_i64)
            .ok_or_else(|| Fault::Stored("a word to a court about nothing".to_owned()))?;
        let act = court::require_act(office, act_id).await?;
        // What was asked for at the counter is answered by the receipt that the two officers take with them.
        if act.channel == court::COUNTER {
            return outbox::finish(office, message.outbox_id).await;
        }
        let told = wire::answer(&act.act_no, &act.document_no, &act.answer);
        match self.gateway.tell_court(&act.act_no, told).await {
            Ok(()) => outbox::finish(office, message.outbox_id).await,
            Err(failure) => {
                tracing::warn!(
                    case = act_id,
                    reason = failure.word(),
                    "the court has not taken a result yet"
                );
                let due = office.now() + query_after(message.attempts);
                outbox::later(office, message.outbox_id, due).await
            }
        }
    }
}
