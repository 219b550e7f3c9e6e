//! Any past decision again, from the facts, the form and the policy version that it names (design.md §10).

use crate::decision::{Decision, StoredDecision};
use crate::fact::{Facts, Form};
use crate::policy_set::{PolicyError, PolicySet};

impl PolicySet {
    /// Decides a stored case again with this policy at the instant of the first decision: to show it, or to see whether it still
    /// comes out the same.
    ///
    /// # Errors
    /// An unknown service.
    pub fn show(
        &self,
        stored: &StoredDecision,
        facts: &Facts,
        form: &Form,
    ) -> Result<Decision, PolicyError> {
        self.decide(&stored.service, facts, form, stored.at)
    }

    /// Compares a stored decision with what this policy says of the same case.
    ///
    /// # Errors
    /// An unknown service, or the first difference.
    pub fn replay(
        &self,
        stored: &StoredDecision,
        facts: &Facts,
        form: &Form,
    ) -> Result<(), PolicyError> {
        let reading = self.reading(&stored.service, facts, form, stored.at)?;
        let again = reading.stored(&reading.judge());
        let differs = |what: String| Err(PolicyError::Replay(what));
        for (then, now) in stored.conditions.iter().zip(&again.conditions) {
            if then != now {
                return differs(format!(
                    "{} was {:?}, is {} {:?}",
                    then.0, then.1, now.0, now.1
                ));
            }
        }
        if stored.conditions.len() != again.conditions.len() {
            let (then, now) = (stored.conditions.len(), again.conditions.len());
            return differs(format!("{then} conditions then, {now} now"));
        }
        if stored.outcome != again.outcome {
            return differs(format!(
                "outcome {:?} then, {:?} now",
                stored.outcome, again.outcome
            ));
        }
        if stored.amount_fen != again.amount_fen {
            let (then, now) = (stored.amount_fen, again.amount_fen);
            return differs(format!("amount {then:?} fen then, {now:?} now"));
        }
        Ok(())
    }
}
