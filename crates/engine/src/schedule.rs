//! Work that its time brings: lists that lapse without money; closes and annual settlements that were interrupted, at start and when the
//! database was away.

use std::time::Duration;

use anju_business::books::{day_close, interest_year};
use anju_business::contribution::remittance;

use crate::Engine;

/// Looks once a minute until its task is dropped.
pub async fn run(engine: Engine) {
    loop {
        if let Err(error) = day_close::finish_interrupted(&engine.office).await {
            tracing::error!(%error, "finishing an interrupted close");
            tokio::time::sleep(Duration::from_secs(10)).await;
            continue;
        }
        if let Err(error) = interest_year::run_approved(&engine.office).await {
            tracing::error!(%error, "going on with an annual settlement");
        }
        match remittance::expire(&engine.office).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "lists lapsed without money"),
            Err(error) => tracing::error!(%error, "expiring lists"),
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}
