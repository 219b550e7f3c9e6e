//! Work that its time brings: lists that lapse without money; bases that nobody declared in time; deferrals that begin, end and are made up by
//! plan; employers that go to another branch; holds, black list and recoveries whose day has come, and contracts of paid purchases; what
//! suspended agreements; files that others get from us; people who are entitled to something; transfers that waited for an old employer; people who left and are held by the centre; pre-opened accounts that nobody completed; the night's arrears, clues and reminders;
//! what cases say of their services; closes and annual settlements that were interrupted, at start and when the database was away.

use std::collections::HashSet;
use std::time::Duration;

use anju_business::books::{day_close, interest_year};
use anju_business::contribution::arrears::night;
use anju_business::contribution::{
    base_year, branch_move, closing, one_stop, relief, remittance, transfer_request,
};
use anju_business::court::term;
use anju_business::fraud;
use anju_business::measures;
use anju_casework::case_paper;
use anju_exchange::kept::GatewayInsurance;
use chrono::NaiveDate;

use crate::{Engine, entitled};

/// Looks once a minute until its task is dropped.
pub async fn run(engine: Engine) {
    let mut schedule = Schedule::default();
    loop {
        let pause = if schedule.pass(&engine).await { 60 } else { 10 };
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
}

/// What one look tells the next.
#[derive(Default)]
pub struct Schedule {
    looked_at_bases: Option<NaiveDate>,
    late_files: HashSet<(String, NaiveDate)>,
}

impl Schedule {
    /// One look at all that its time has brought. False where an interrupted close must be finished first and could not be.
    pub async fn pass(&mut self, engine: &Engine) -> bool {
        let office = &engine.office;
        if let Err(error) = day_close::finish_interrupted(office).await {
            tracing::error!(%error, "finishing an interrupted close");
            return false;
        }
        if let Err(error) = interest_year::run_approved(office).await {
            tracing::error!(%error, "going on with an annual settlement");
        }
        let today = office.today();
        if self.looked_at_bases != Some(today) {
            match base_year::adjust_to_limits(office).await {
                Ok(adjusted) => {
                    self.looked_at_bases = Some(today);
                    if adjusted > 0 {
                        tracing::info!(adjusted, "bases were brought to the limits of the year");
                    }
                }
                Err(error) => tracing::error!(%error, "bringing bases to the limits of the year"),
            }
        }
        match remittance::expire(office).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "lists lapsed without money"),
            Err(error) => tracing::error!(%error, "expiring lists"),
        }
        if let Err(error) = relief::turn(office).await {
            tracing::error!(%error, "moving deferrals on their day");
        }
        match branch_move::turn(office).await {
            Ok(0) => {}
            Ok(moved) => tracing::info!(moved, "employers went to other branches"),
            Err(error) => tracing::error!(%error, "moving employers on their day"),
        }
        match term::expire(office).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "orders of courts ended with their last day"),
            Err(error) => tracing::error!(%error, "ending orders of courts"),
        }
        match term::remind(office).await {
            Ok(0) => {}
            Ok(told) => tracing::info!(told, "orders of courts end soon"),
            Err(error) => tracing::error!(%error, "looking at terms of courts"),
        }
        let insurance = GatewayInsurance(engine.gateway.clone());
        // Before people who left are held by the centre: their new employer may be waiting for them.
        match transfer_request::turn(office, &insurance).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "transfers that waited for an old employer ended"),
            Err(error) => tracing::error!(%error, "looking at transfers that wait"),
        }
        match closing::hold_who_left(office).await {
            Ok(0) => {}
            Ok(held) => tracing::info!(held, "people who left are held by the centre"),
            Err(error) => tracing::error!(%error, "holding people who left"),
        }
        match one_stop::expire(office).await {
            Ok(0) => {}
            Ok(lapsed) => tracing::info!(lapsed, "pre-opened accounts lapsed"),
            Err(error) => tracing::error!(%error, "ending pre-opened accounts"),
        }
        match case_paper::lapse(office, today).await {
            Ok(0) => {}
            Ok(lapsed) => tracing::info!(lapsed, "cases ended without the paper they waited for"),
            Err(error) => tracing::error!(%error, "ending cases without their paper"),
        }
        match engine.verify_papers().await {
            Ok(0) => {}
            Ok(differing) => tracing::warn!(differing, "papers differ from what sources say now"),
            Err(error) => tracing::error!(%error, "verifying papers"),
        }
        match night::run(office, &insurance).await {
            Ok(None) => {}
            Ok(Some(clues)) => tracing::info!(clues, "the night was reckoned"),
            Err(error) => tracing::error!(%error, "the night"),
        }
        match fraud::turn(office).await {
            Ok(0) => {}
            Ok(moved) => tracing::info!(
                moved,
                "entries of the black list, holds and recoveries moved on"
            ),
            Err(error) => tracing::error!(%error, "moving the black list on"),
        }
        match engine.ask_contracts().await {
            Ok(0) => {}
            Ok(cancelled) => tracing::warn!(
                cancelled,
                "contracts were cancelled after their withdrawal was paid"
            ),
            Err(error) => tracing::error!(%error, "asking for contracts of paid withdrawals"),
        }
        match engine.ask_suspended().await {
            Ok(0) => {}
            Ok(on) => tracing::info!(on, "agreements go on: what suspended them is gone"),
            Err(error) => tracing::error!(%error, "asking for what suspends agreements"),
        }
        engine.alarm_late_files(&mut self.late_files).await;
        if let Err(error) = engine.send_disputes().await {
            tracing::error!(%error, "passing on doubts of facts");
        }
        match engine.make_files().await {
            Ok(0) => {}
            Ok(made) => tracing::info!(made, "files to others are made"),
            Err(error) => tracing::error!(%error, "making files to others"),
        }
        match entitled::turn(engine).await {
            Ok(None) => {}
            Ok(Some(report)) => tracing::info!(?report, "the entitled were looked for"),
            Err(error) => tracing::error!(%error, "looking for the entitled"),
        }
        // After all that moves cases: what this look has ended is measured by it.
        match measures::follow(office).await {
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "measuring services"),
        }
        metrics::counter!("schedule_passes_total").increment(1);
        true
    }
}
