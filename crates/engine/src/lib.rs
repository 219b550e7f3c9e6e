//! Everything that runs by itself: gathering facts and advancing cases, sending what the outbox holds, taking what banks push,
//! sealing the evidence, the day's end. Invariant: a task that dies at any moment is done again without doing anything twice. Read
//! `gather.rs`, then `advance.rs`.

pub mod advance;
mod agreements;
mod asked;
mod batch;
mod certificates;
mod collect;
mod contracts;
mod court;
mod credit;
pub mod day_end;
pub mod deliver;
pub mod entitled;
mod files_out;
pub mod gather;
pub mod keys;
mod papers;
mod parties;
mod payer;
pub mod platform;
pub mod policy;
mod pushed;
pub mod receive;
mod resume;
pub mod schedule;
pub mod seal;
mod shares;

use std::sync::Arc;
use std::time::Duration;

use anju_casework::{Error, Fault, Office, Result};
use anju_domain::clock::{at_hour, shanghai_date};
use anju_exchange::bank::BankLine;
use anju_exchange::gateway::Gateway;
use anju_exchange::platform::Platform;
use anju_exchange::push::Receiver;
use anju_exchange::witness::Witness;
use anju_vault::SharedKey;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// The engine's parts. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// The office.
    pub office: Office,
    /// Departments, messages, face.
    pub gateway: Arc<Gateway>,
    /// Banks.
    pub banks: BankLine,
    /// Checks what banks push.
    pub bank_key: SharedKey,
    /// The national transfer platform.
    pub platform: Arc<Platform>,
    /// Woken when a letter may go on.
    pub letters: Arc<Notify>,
    /// Who cosigns the evidence log.
    pub witnesses: Arc<[Witness]>,
    /// Checks what departments push.
    pub pushes: Arc<Receiver>,
    /// Submissions that may be decided from what is at hand.
    pub at_hand: advance::AtHand,
}

/// The running tasks; dropped, they stop where they are, which is safe and slow: what was being said to a bank is asked about.
pub struct Running {
    engine: Engine,
    stop: watch::Sender<bool>,
    /// Finish what they have in hand when they are told to stop.
    workers: JoinSet<()>,
    /// Stopped wherever they are; what they were doing is finished at the next start.
    watchers: JoinSet<()>,
}

/// Longest time to finish what is in hand: longer than a call to a bank takes.
const PATIENCE: Duration = Duration::from_secs(30);

impl Running {
    /// Starts what only one process may do at a time: work of the day's end that an earlier process left unfinished. A server that
    /// replaces another one waits for its end before.
    pub fn be_alone(&mut self) {
        self.watchers.spawn(schedule::run(self.engine.clone()));
        self.watchers.spawn(collect::run(self.engine.clone()));
        self.watchers.spawn(agreements::run(self.engine.clone()));
    }

    /// Takes nothing more and finishes what is in hand.
    pub async fn end(mut self) {
        self.watchers.abort_all();
        self.stop.send_replace(true);
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("some work of the engine was left to the next start");
        }
    }
}

impl Engine {
    /// The latest time of a decision that this service promises to somebody who submits now: an hour of the day that ends its
    /// working days; of the next working day where that is past.
    ///
    /// # Errors
    /// 404 `E-API-04` for a service that is not there; the policy has no such hour.
    pub fn promise(&self, service: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let policy = self.office.policy();
        let days = advance::definition(&policy, service)?.promise.working_days;
        let hour = policy
            .set
            .int("promise_hour", shanghai_date(now), &[])
            .map_err(|error| Fault::Policy(error.to_string()))?;
        let at = |day| {
            u32::try_from(hour)
                .ok()
                .and_then(|hour| at_hour(day, hour))
                .ok_or_else(|| Error::from(Fault::Policy(format!("promise_hour {hour}"))))
        };
        let holidays = self.office.holidays();
        let day = holidays.add_working_days(shanghai_date(now), days);
        let promised = at(day)?;
        if promised > now {
            Ok(promised)
        } else {
            at(holidays.add_working_days(day, 1))
        }
    }

    /// Starts what runs by itself, but for what only one process may do ([`Running::be_alone`]).
    pub fn start(&self) -> Running {
        let stop = watch::Sender::new(false);
        let mut workers = JoinSet::new();
        workers.spawn(deliver::run(self.clone(), stop.subscribe()));
        workers.spawn(advance::run(self.clone(), stop.subscribe()));
        workers.spawn(platform::run(self.clone(), stop.subscribe()));
        let mut watchers = JoinSet::new();
        // Sealing is the database's work: whoever dies in it leaves nothing half done.
        watchers.spawn(seal::run(self.clone()));
        watchers.spawn(keys::run(self.clone()));
        watchers.spawn(policy::follow(self.clone()));
        // Who holds its lock runs it: a node that dies leaves it to another.
        watchers.spawn(policy::simulate(self.clone()));
        watchers.spawn(self.gateway.clone().watch());
        Running {
            engine: self.clone(),
            stop,
            workers,
            watchers,
        }
    }
}
