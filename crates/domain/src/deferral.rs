//! 缓缴: the deferred sum and its plan (money_rules §6.3). Invariant: the plan repays the sum exactly.

use crate::calendar::{Month, months_between};
use crate::money::Fen;
use crate::rounding::split_even;

/// What was deferred and how it is paid back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeferralPlan {
    /// The deferred months, both ends inclusive.
    pub months: u32,
    /// The deferred sum.
    pub total: Fen,
    /// Equal instalments; the last takes the rest.
    pub instalments: Vec<Fen>,
}

/// The plan of a deferral; nothing when `to` is before `from` or no instalment is left.
#[must_use]
pub fn plan(monthly: Fen, from: Month, to: Month, instalments: u32) -> Option<DeferralPlan> {
    let months = u32::try_from(months_between(from, to)).ok()? + 1;
    if instalments == 0 {
        return None;
    }
    let total = monthly * i64::from(months);
    Some(DeferralPlan {
        months,
        total,
        instalments: split_even(total, instalments),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_count_both_ends_and_the_last_instalment_takes_the_rest() {
        let month = |text: &str| Month::parse(text).expect("a month");
        let plan_of = |from, to, parts| plan(Fen::new(10_000_001), month(from), month(to), parts);
        let plan = plan_of("2022-11", "2023-02", 7).expect("a plan"); // V012
        assert_eq!((plan.months, plan.total), (4, Fen::new(40_000_004)));
        assert_eq!(
            (plan.instalments[0], plan.instalments[6]),
            (Fen::new(5_714_286), Fen::new(5_714_288))
        );
        assert_eq!(plan_of("2022-11", "2022-10", 7), None);
        assert_eq!(plan_of("2022-11", "2022-11", 0), None);
    }
}
