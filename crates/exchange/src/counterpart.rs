//! One source as we treat it: a pool and a short queue, a quota, a breaker, a few repetitions, a tally.
//!
//! Invariant: a source takes at most its pool of calls and nobody waits for it past the deadline, so that a
//! hanging source costs the others nothing (舱壁).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anju_domain::clock::{Clock, shanghai_date};
use tokio::sync::{Semaphore, SemaphorePermit, broadcast};
use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerRule, BreakerState, Pass};
use crate::catalogue::{Limits, Source};
use crate::health::{SourceHealth, Tally};
use crate::line::CallFault;
use crate::quota::{Quota, QuotaRule};
use crate::schema::ValueFault;

/// Why a question stays unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The type or its source is not in the catalogue, or the question lacks purpose or basis.
    #[error("the question cannot be put")]
    NotAskable,
    /// The breaker is open.
    #[error("the source is left alone for a while")]
    LeftAlone,
    /// The source lets us ask no more in this second or on this day.
    #[error("the source's quota is used up")]
    OverQuota,
    /// Too many wait already.
    #[error("too many questions wait for the source")]
    QueueFull,
    /// The time for the whole is over.
    #[error("the time for asking is over")]
    OutOfTime,
    /// The call brought nothing.
    #[error("calling the source")]
    Call(#[from] CallFault),
    /// The answer is about somebody else.
    #[error("the answer is about somebody else")]
    WrongPerson,
    /// The answer vouches for a time that has not come.
    #[error("the answer is dated ahead")]
    FutureDated,
    /// The answer vouches for a time too long ago.
    #[error("the answer is stale")]
    Stale,
    /// The answer does not fit the type.
    #[error("reading the answer")]
    Value(#[from] ValueFault),
}

impl Failure {
    /// A word for logs, measures and traces.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAskable => "not_askable",
            Self::LeftAlone => "left_alone",
            Self::OverQuota => "over_quota",
            Self::QueueFull => "queue_full",
            Self::OutOfTime => "out_of_time",
            Self::Call(fault) => fault.word(),
            Self::WrongPerson => "wrong_person",
            Self::FutureDated => "future_dated",
            Self::Stale => "stale",
            Self::Value(ValueFault::Code(_)) => "unknown_code",
            Self::Value(_) => "malformed_value",
        }
    }

    /// Whether it says that the source as a whole is unwell; one odd record does not.
    fn blames_source(&self) -> bool {
        match self {
            Self::Call(fault) => !matches!(fault, CallFault::Refused(_) | CallFault::Quota),
            Self::WrongPerson | Self::FutureDated | Self::Stale => true,
            Self::NotAskable
            | Self::LeftAlone
            | Self::OverQuota
            | Self::QueueFull
            | Self::OutOfTime
            | Self::Value(_) => false,
        }
    }

    fn is_passing(&self) -> bool {
        matches!(self, Self::Call(fault) if fault.is_passing())
    }

    /// Whether a person has to look: the source lies, or speaks codes that we do not know.
    pub(crate) fn alarms(&self) -> bool {
        matches!(
            self,
            Self::WrongPerson
                | Self::FutureDated
                | Self::Value(_)
                | Self::Call(CallFault::Forged | CallFault::TooLarge | CallFault::Refused(_))
        )
    }
}

/// One source.
pub(crate) struct Counterpart {
    source: Source,
    pool: Semaphore,
    queue: usize,
    waiting: AtomicUsize,
    quota: Mutex<Quota>,
    breaker: Mutex<Breaker>,
    tally: Mutex<Tally>,
    started: Instant,
    clock: Arc<dyn Clock>,
    recovered: broadcast::Sender<String>,
}

impl Counterpart {
    pub(crate) fn new(
        source: Source,
        limits: &Limits,
        clock: Arc<dyn Clock>,
        recovered: broadcast::Sender<String>,
    ) -> Counterpart {
        let rule = BreakerRule {
            window: Duration::from_secs(limits.breaker_window_s),
            min_calls: limits.breaker_min_calls,
            failure_percent: limits.breaker_failure_percent,
            probe_after: Duration::from_secs(limits.breaker_probe_s),
        };
        let quota = QuotaRule {
            per_second: source.per_second,
            per_day: source.per_day,
        };
        Counterpart {
            source,
            quota: Mutex::new(Quota::new(quota)),
            pool: Semaphore::new(limits.pool),
            queue: limits.queue,
            waiting: AtomicUsize::new(0),
            breaker: Mutex::new(Breaker::new(rule)),
            tally: Mutex::default(),
            started: Instant::now(),
            clock,
            recovered,
        }
    }

    pub(crate) fn code(&self) -> &str {
        &self.source.code
    }

    /// Runs an attempt, and repeats what may pass while the deadline allows it. The attempt is told how long it
    /// may take.
    pub(crate) async fn run<T, Attempt, Answer>(
        &self,
        limits: &Limits,
        deadline: Instant,
        attempt: Attempt,
    ) -> Result<T, Failure>
    where
        Attempt: Fn(Duration) -> Answer,
        Answer: Future<Output = Result<T, Failure>>,
    {
        if self.breaker_state() == BreakerState::Open {
            return Err(Failure::LeftAlone);
        }
        let _place = self.enter(deadline).await?;
        let mut pauses = limits.retry_after_ms.iter();
        loop {
            let pass = self.breaker().ask(self.started.elapsed());
            if pass == Pass::Refused {
                return Err(Failure::LeftAlone);
            }
            if !self.within_quota() {
                return Err(Failure::OverQuota);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome = self.measured(attempt(limits.reply().min(left))).await;
            let Err(failure) = outcome else {
                return outcome;
            };
            if !failure.is_passing() || pass == Pass::Probe {
                return Err(failure);
            }
            let Some(pause) = pauses.next() else {
                return Err(failure);
            };
            let pause = jittered(*pause);
            if Instant::now() + pause >= deadline {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs one attempt outside pool and breaker: the heartbeat by which a silent source is found well again.
    pub(crate) async fn probe<T>(&self, attempt: impl Future<Output = Result<T, Failure>>) {
        if !self.within_quota() {
            return;
        }
        if let Err(failure) = self.measured(attempt).await {
            tracing::debug!(
                source = self.code(),
                reason = failure.word(),
                "the source is still unwell"
            );
        }
    }

    /// Whether the last answers were unusable, so that a heartbeat is worth sending.
    pub(crate) fn is_unwell(&self) -> bool {
        self.breaker_state() != BreakerState::Closed || self.tally().is_failing()
    }

    pub(crate) fn health(&self) -> SourceHealth {
        let waiting = self.waiting.load(Ordering::Relaxed);
        self.tally().show(
            &self.source.code,
            &self.source.name_zh,
            self.breaker_state(),
            waiting,
        )
    }

    /// Counts how old an answer was when it came.
    pub(crate) fn aged(&self, seconds: u64) {
        self.tally().aged(seconds);
    }

    async fn measured<T>(
        &self,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let outcome = attempt.await;
        let took = began.elapsed();
        let failure = outcome
            .as_ref()
            .err()
            .filter(|failure| failure.blames_source());
        self.breaker()
            .report(self.started.elapsed(), failure.is_none());
        let word = failure.map(Failure::word);
        let recovered = self.tally().count(self.clock.now(), took, word);
        metrics::histogram!("fact_gateway_latency_seconds", "source" => self.source.code.clone())
            .record(took.as_secs_f64());
        let open = self.breaker_state() != BreakerState::Closed;
        metrics::gauge!("fact_gateway_breaker_open", "source" => self.source.code.clone())
            .set(if open { 1.0 } else { 0.0 });
        if recovered {
            tracing::info!(source = self.code(), "the source answers again");
            // Nobody listening is no fault: a poll stands behind the signal.
            drop(self.recovered.send(self.source.code.clone()));
        }
        outcome
    }

    async fn enter(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(permit) = self.pool.try_acquire() {
            return Ok(permit);
        }
        let place = Waiting::among(&self.waiting);
        if place.before >= self.queue {
            return Err(Failure::QueueFull);
        }
        tokio::time::timeout_at(deadline, self.pool.acquire())
            .await
            .map_err(|_| Failure::OutOfTime)?
            .map_err(|_| Failure::OutOfTime)
    }

    /// Counts the next call against the source's quota.
    fn within_quota(&self) -> bool {
        let today = shanghai_date(self.clock.now());
        let mut quota = self
            .quota
            .lock()
            .expect("nothing panics while it holds the quota");
        quota.take(self.started.elapsed(), today)
    }

    fn breaker_state(&self) -> BreakerState {
        self.breaker().state(self.started.elapsed())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker
            .lock()
            .expect("nothing panics while it holds the breaker")
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally
            .lock()
            .expect("nothing panics while it holds the tally")
    }
}

/// A place in the queue, given back when its holder goes, cancelled or not.
struct Waiting<'c> {
    count: &'c AtomicUsize,
    before: usize,
}

impl<'c> Waiting<'c> {
    fn among(count: &'c AtomicUsize) -> Waiting<'c> {
        Waiting {
            count,
            before: count.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The pause, spread by up to a quarter either way so that callers do not come back in step.
fn jittered(pause_ms: u64) -> Duration {
    let [chance] = anju_vault::random::<1>();
    let spread = pause_ms / 2 * u64::from(chance) / 255;
    Duration::from_millis(pause_ms - pause_ms / 4 + spread)
}
