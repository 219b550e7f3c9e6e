//! Any past decision again, from the facts, the form and the policy version that it names (design.md §10).

use crate::decision::{ConditionOutcome, Decision, Outcome, StoredDecision};
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

    /// Compares a stored decision with what this policy says of the same case: bit for bit where it is the policy that was used.
    ///
    /// # Errors
    /// An unknown service, or the first difference, in words for a person.
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
            if then.0 != now.0 {
                return differs(format!("当时的条件 {} 处，现在是条件 {}", then.0, now.0));
            }
            if then.1 != now.1 {
                let (then, now, code) = (said(then.1), said(now.1), &then.0);
                return differs(format!("条件 {code} 当时{then}，现在{now}"));
            }
        }
        if stored.conditions.len() != again.conditions.len() {
            let (then, now) = (stored.conditions.len(), again.conditions.len());
            return differs(format!("当时 {then} 个条件，现在 {now} 个"));
        }
        if stored.outcome != again.outcome {
            let (then, now) = (ruled(stored.outcome), ruled(again.outcome));
            return differs(format!("当时{then}，现在{now}"));
        }
        if stored.amount_fen != again.amount_fen {
            let (then, now) = (amount(stored.amount_fen), amount(again.amount_fen));
            return differs(format!("当时的金额是 {then}，现在是 {now}"));
        }
        // Another policy may read other facts and say the same; this one may not.
        let (mut then, mut now) = (stored.fact_ids.clone(), again.fact_ids.clone());
        then.sort_unstable();
        now.sort_unstable();
        if stored.policy == again.policy && then != now {
            return differs(format!("当时读了事实 {then:?}，现在读 {now:?}"));
        }
        Ok(())
    }
}

const fn said(outcome: ConditionOutcome) -> &'static str {
    match outcome {
        ConditionOutcome::Met => "符合",
        ConditionOutcome::NotMet => "不符合",
        ConditionOutcome::Unknown => "不知道",
    }
}

const fn ruled(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Approved => "准予",
        Outcome::Refused => "不准",
        Outcome::Waiting => "等待",
        Outcome::Review => "转人工审核",
    }
}

fn amount(fen: Option<i64>) -> String {
    fen.map_or_else(
        || "算不出".to_owned(),
        |fen| format!("{} 元", anju_domain::money::Fen::new(fen)),
    )
}
