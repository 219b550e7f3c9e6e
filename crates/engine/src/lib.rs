//! Everything that runs by itself: gathering facts and advancing cases, sending what the outbox holds, taking what banks push, the
//! day's end. Invariant: a task that dies at any moment is done again without doing anything twice. Read `gather.rs`, then `advance.rs`.

pub mod advance;
pub mod day_end;
pub mod deliver;
pub mod gather;
mod payer;
pub mod receive;
pub mod schedule;

use std::sync::Arc;

use anju_casework::{Fault, Office, Result};
use anju_exchange::bank::BankLine;
use anju_exchange::gateway::Gateway;
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
}

/// The running tasks; dropped, they stop.
pub struct Running(Vec<JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Engine {
    /// The latest time of a decision that is promised to somebody who submits now: the term of the law in working days.
    ///
    /// # Errors
    /// The policy has no such term.
    pub fn promise(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let days = self
            .office
            .policy()
            .set
            .int("decision_working_days", self.office.today(), &[])
            .map_err(|error| Fault::Policy(error.to_string()))?;
        let day = self.office.holidays().add_working_days(
            anju_domain::clock::shanghai_date(now),
            u32::try_from(days).map_err(|error| Fault::Policy(error.to_string()))?,
        );
        Ok(anju_domain::clock::end_of_day(day))
    }

    /// Starts what runs by itself.
    pub fn start(&self) -> Running {
        Running(vec![
            tokio::spawn(deliver::run(self.clone())),
            tokio::spawn(advance::run(self.clone())),
            tokio::spawn(schedule::run(self.clone())),
            tokio::spawn(self.gateway.clone().watch()),
        ])
    }
}
