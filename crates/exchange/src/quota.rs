//! The quota of one source (配额): how many questions a second and a day it lets us ask, as agreed with it.
//!
//! Invariant: what is over the quota is not sent. Counted in memory from the start of the process: after a restart it is the source
//! that refuses what is over, and that is unknown too.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;

/// What a source lets us ask; nothing where it has agreed no limit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QuotaRule {
    pub(crate) per_second: Option<NonZeroU32>,
    pub(crate) per_day: Option<NonZeroU32>,
}

/// What was asked of it in this second and on this day.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    rule: QuotaRule,
    second: (u64, u32),
    day: (NaiveDate, u32),
}

impl Quota {
    pub(crate) fn new(rule: QuotaRule) -> Quota {
        Quota {
            rule,
            ..Quota::default()
        }
    }

    /// Counts a question that may be sent now; false where it may not. `elapsed` is lived time, so that the demo clock's jumps give
    /// nobody a second more.
    pub(crate) fn take(&mut self, elapsed: Duration, today: NaiveDate) -> bool {
        if self.second.0 != elapsed.as_secs() {
            self.second = (elapsed.as_secs(), 0);
        }
        if self.day.0 != today {
            self.day = (today, 0);
        }
        let within =
            |limit: Option<NonZeroU32>, asked: u32| limit.is_none_or(|limit| asked < limit.get());
        let passes =
            within(self.rule.per_second, self.second.1) && within(self.rule.per_day, self.day.1);
        if passes {
            self.second.1 += 1;
            self.day.1 += 1;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(per_second: u32, per_day: u32) -> Quota {
        Quota::new(QuotaRule {
            per_second: NonZeroU32::new(per_second),
            per_day: NonZeroU32::new(per_day),
        })
    }

    fn day(of_month: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, of_month).expect("a day")
    }

    #[test]
    fn a_second_and_a_day_have_their_own_ends() {
        let mut quota = quota(2, 3);
        let mut ask = |ms: u64, of_month: u32| quota.take(Duration::from_millis(ms), day(of_month));
        assert!(ask(0, 24) && ask(900, 24));
        assert!(!ask(999, 24), "the third in one second");
        assert!(ask(1000, 24));
        assert!(!ask(2000, 24), "the fourth on one day");
        assert!(ask(2100, 25));
    }

    #[test]
    fn who_has_agreed_no_limit_is_asked_at_will() {
        let mut quota = quota(0, 0);
        assert!((0..10_000).all(|_| quota.take(Duration::ZERO, day(24))));
    }
}
