//! Everything that runs by itself: gathering facts and advancing cases, sending what the outbox holds, taking what banks push,
//! sealing the evidence, the day's end. Invariant: a task that dies at any moment is done again without doing anything twice. Read `gather.rs`, then `advance.rs`.

pub mod advance;
pub mod day_end;
pub mod deliver;
pub mod gather;
pub mod keys;
mod payer;
pub mod receive;
pub mod schedule;
pub mod seal;

use std::sync::Arc;

use anju_casework::{Error, Fault, Office, Result};
use anju_domain::clock::{at_hour, shanghai_date};
use anju_exchange::bank::BankLine;
use anju_exchange::gateway::Gateway;
use anju_exchange::witness::Witness;
use anju_vault::SharedKey;
use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

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
    /// Who cosigns the evidence log.
    pub witnesses: Arc<[Witness]>,
}

/// The running tasks; dropped, they stop.
pub struct Running(Vec<JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
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

    /// Starts what runs by itself.
    pub fn start(&self) -> Running {
        Running(vec![
            tokio::spawn(deliver::run(self.clone())),
            tokio::spawn(advance::run(self.clone())),
            tokio::spawn(schedule::run(self.clone())),
            tokio::spawn(seal::run(self.clone())),
            tokio::spawn(keys::run(self.clone())),
            tokio::spawn(self.gateway.clone().watch()),
        ])
    }
}
