//! The circuit breaker of one source (熔断): who fails too often is left alone for a while.
//!
//! Invariant: while open nothing is sent but one probe at a time. Time is given by the caller as a duration
//! since its own start, so that the demo clock's jumps neither open nor close a breaker.

use std::collections::VecDeque;
use std::time::Duration;

/// When a breaker opens and how often it probes.
#[derive(Debug, Clone, Copy)]
pub struct BreakerRule {
    /// Calls older than this are forgotten.
    pub window: Duration,
    /// Fewer calls than this never open it.
    pub min_calls: u32,
    /// The share of failures that opens it, in percent.
    pub failure_percent: u32,
    /// Pause before each probe.
    pub probe_after: Duration,
}

/// What a breaker shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Nothing passes until the pause is over.
    Open,
    /// One probe is on its way, or may be sent.
    HalfOpen,
}

/// The breaker of one source.
#[derive(Debug)]
pub struct Breaker {
    rule: BreakerRule,
    calls: VecDeque<(Duration, bool)>,
    opened_at: Option<Duration>,
    probing_since: Option<Duration>,
}

/// Leave to send one call, or a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Send it.
    Call,
    /// Send it: it decides whether the breaker closes.
    Probe,
    /// Do not send it.
    Refused,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(rule: BreakerRule) -> Breaker {
        Breaker {
            rule,
            calls: VecDeque::new(),
            opened_at: None,
            probing_since: None,
        }
    }

    /// Asks whether a call may be sent now.
    pub fn ask(&mut self, now: Duration) -> Pass {
        match self.state(now) {
            BreakerState::Closed => Pass::Call,
            BreakerState::Open => Pass::Refused,
            BreakerState::HalfOpen => {
                // A probe whose caller was cancelled never reports; after another pause the next one may go.
                let under_way = self
                    .probing_since
                    .is_some_and(|since| now.saturating_sub(since) < self.rule.probe_after);
                if under_way {
                    Pass::Refused
                } else {
                    self.probing_since = Some(now);
                    Pass::Probe
                }
            }
        }
    }

    /// Tells how a call went.
    pub fn report(&mut self, now: Duration, ok: bool) {
        if self.opened_at.is_some() {
            if ok {
                *self = Breaker::new(self.rule);
            } else {
                self.opened_at = Some(now);
                self.probing_since = None;
            }
            return;
        }
        self.calls.push_back((now, ok));
        while self
            .calls
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) > self.rule.window)
        {
            self.calls.pop_front();
        }
        let calls = self.calls.len() as u64;
        let failures = self.calls.iter().filter(|(_, ok)| !ok).count() as u64;
        if calls >= u64::from(self.rule.min_calls)
            && failures * 100 >= calls * u64::from(self.rule.failure_percent)
        {
            self.opened_at = Some(now);
            self.probing_since = None;
        }
    }

    /// What the breaker shows now.
    #[must_use]
    pub fn state(&self, now: Duration) -> BreakerState {
        match self.opened_at {
            None => BreakerState::Closed,
            Some(at) if now.saturating_sub(at) < self.rule.probe_after => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerRule {
            window: Duration::from_secs(60),
            min_calls: 20,
            failure_percent: 50,
            probe_after: Duration::from_secs(30),
        })
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = breaker();
        for second in 0..20 {
            breaker.report(at(second), second % 2 == 0);
        }
        breaker
    }

    #[test]
    fn half_of_twenty_calls_failing_opens_it_and_nineteen_calls_do_not() {
        let mut breaker = breaker();
        for second in 0..19 {
            breaker.report(at(second), false);
        }
        assert_eq!(breaker.state(at(19)), BreakerState::Closed);
        breaker.report(at(19), false);
        assert_eq!(breaker.state(at(19)), BreakerState::Open);
        assert_eq!(opened().state(at(20)), BreakerState::Open);
    }

    #[test]
    fn failures_older_than_the_window_are_forgotten() {
        let mut breaker = breaker();
        for _ in 0..19 {
            breaker.report(at(0), false);
        }
        for _ in 0..20 {
            breaker.report(at(61), true);
        }
        breaker.report(at(61), false);
        assert_eq!(breaker.state(at(61)), BreakerState::Closed);
    }

    #[test]
    fn after_the_pause_one_probe_goes_and_its_answer_decides() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(48)), Pass::Refused);
        assert_eq!(breaker.ask(at(49)), Pass::Probe);
        assert_eq!(breaker.ask(at(50)), Pass::Refused, "one probe at a time");
        breaker.report(at(51), false);
        assert_eq!(
            breaker.state(at(80)),
            BreakerState::Open,
            "a failed probe opens it anew"
        );
        assert_eq!(breaker.ask(at(81)), Pass::Probe);
        breaker.report(at(82), true);
        assert_eq!(breaker.ask(at(82)), Pass::Call);
        breaker.report(at(83), false);
        assert_eq!(
            breaker.state(at(83)),
            BreakerState::Closed,
            "what was before it opened is forgotten"
        );
    }

    #[test]
    fn a_probe_that_never_reports_does_not_block_for_ever() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(49)), Pass::Probe);
        assert_eq!(breaker.ask(at(79)), Pass::Probe);
    }
}
