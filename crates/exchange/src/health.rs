//! How each source is doing (来源健康), for pages, measures and the quality ledger.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::breaker::BreakerState;

/// Latencies remembered for the percentiles.
const REMEMBERED: usize = 256;

/// What a source shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its last answer was good, or it was not asked yet.
    Ok,
    /// Its last answer was not.
    Failing,
    /// It is left alone for a while.
    Open,
    /// It is being tried again.
    HalfOpen,
}

/// One source at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceHealth {
    /// `D03`.
    pub code: String,
    /// 名称.
    pub name_zh: String,
    /// What it shows.
    pub condition: Condition,
    /// Its last good answer.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// Its last failure.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// Why.
    pub last_failure: Option<&'static str>,
    /// Calls since the start.
    pub calls: u64,
    /// Calls without a usable answer.
    pub failures: u64,
    /// Half of the answers came within.
    pub latency_ms_p50: u64,
    /// Ninety-nine of a hundred answers came within.
    pub latency_ms_p99: u64,
    /// Half of the answers vouched for an instant at most so many seconds before they came; none where nothing came yet.
    pub age_s_p50: Option<u64>,
    /// Questions that wait for the pool.
    pub waiting: usize,
}

/// What is counted of one source.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    last_ok_at: Option<DateTime<Utc>>,
    last_failed: Option<(DateTime<Utc>, &'static str)>,
    failing: bool,
    calls: u64,
    failures: u64,
    latencies_ms: VecDeque<u64>,
    ages_s: VecDeque<u64>,
}

impl Tally {
    /// Counts a call; tells whether the source has just recovered.
    pub(crate) fn count(
        &mut self,
        now: DateTime<Utc>,
        took: Duration,
        failure: Option<&'static str>,
    ) -> bool {
        self.calls += 1;
        if self.latencies_ms.len() == REMEMBERED {
            self.latencies_ms.pop_front();
        }
        self.latencies_ms
            .push_back(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let was_failing = self.failing;
        self.failing = failure.is_some();
        match failure {
            Some(reason) => {
                self.failures += 1;
                self.last_failed = Some((now, reason));
            }
            None => self.last_ok_at = Some(now),
        }
        was_failing && !self.failing
    }

    /// Counts how old an answer was when it came.
    pub(crate) fn aged(&mut self, seconds: u64) {
        if self.ages_s.len() == REMEMBERED {
            self.ages_s.pop_front();
        }
        self.ages_s.push_back(seconds);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing
    }

    pub(crate) fn show(
        &self,
        code: &str,
        name_zh: &str,
        breaker: BreakerState,
        waiting: usize,
    ) -> SourceHealth {
        let mut sorted: Vec<u64> = self.latencies_ms.iter().copied().collect();
        sorted.sort_unstable();
        let within = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(rank).copied().unwrap_or(0)
        };
        SourceHealth {
            code: code.to_owned(),
            name_zh: name_zh.to_owned(),
            condition: match breaker {
                BreakerState::Open => Condition::Open,
                BreakerState::HalfOpen => Condition::HalfOpen,
                BreakerState::Closed if self.failing => Condition::Failing,
                BreakerState::Closed => Condition::Ok,
            },
            last_ok_at: self.last_ok_at,
            last_failed_at: self.last_failed.map(|(at, _)| at),
            last_failure: self.last_failed.map(|(_, reason)| reason),
            calls: self.calls,
            failures: self.failures,
            latency_ms_p50: within(50),
            latency_ms_p99: within(99),
            age_s_p50: {
                let mut ages: Vec<u64> = self.ages_s.iter().copied().collect();
                ages.sort_unstable();
                ages.get(ages.len() / 2).copied()
            },
            waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_is_told_once_and_percentiles_are_of_the_last_answers() {
        let now = DateTime::UNIX_EPOCH;
        let mut tally = Tally::default();
        assert!(!tally.count(now, Duration::from_millis(5), None));
        assert!(!tally.count(now, Duration::from_millis(5), Some("timeout")));
        assert!(tally.count(now, Duration::from_millis(5), None));
        assert!(!tally.count(now, Duration::from_millis(5), None));
        for ms in 1..=300 {
            tally.count(now, Duration::from_millis(ms), None);
        }
        let shown = tally.show("D03", "市规划和自然资源局", BreakerState::Closed, 0);
        assert_eq!((shown.calls, shown.failures), (304, 1));
        assert_eq!((shown.latency_ms_p50, shown.latency_ms_p99), (172, 298));
    }
}
