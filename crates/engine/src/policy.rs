//! The rules follow the clock: each node puts in force what was approved, from the first instant of its day, and goes on with simulations.

use std::sync::Arc;
use std::time::Duration;

use anju_business::Authorities;
use anju_business::policy_change::follow::Follower;
use anju_business::policy_change::simulation;
use anju_exchange::gateway::Gateway;
use anju_exchange::kept::{
    GatewayBanks, GatewayCards, GatewayLoans, GatewayPolice, GatewayRegistry,
};

use crate::Engine;

/// How long a node may not know of an approval; it is at least a day before the version counts.
const LOOK: Duration = Duration::from_secs(1);

/// Who is asked while services execute: the departments and banks behind the gateway.
#[must_use]
pub fn authorities(gateway: &Arc<Gateway>) -> Authorities {
    Authorities {
        police: Arc::new(GatewayPolice(gateway.clone())),
        registry: Arc::new(GatewayRegistry(gateway.clone())),
        loans_elsewhere: Arc::new(GatewayLoans(gateway.clone())),
        banks: Arc::new(GatewayBanks(gateway.clone())),
        cards: Arc::new(GatewayCards(gateway.clone())),
    }
}

/// Follows what is in force, until its task is dropped.
pub async fn follow(engine: Engine) {
    let authorities = authorities(&engine.gateway);
    let mut follower = Follower::default();
    loop {
        if let Err(error) = follower.turn(&engine.office, &authorities).await {
            tracing::error!(%error, "following the policy in force");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Goes on with simulations, until its task is dropped.
pub async fn simulate(engine: Engine) {
    loop {
        if let Err(error) = simulation::run_waiting(&engine.office).await {
            tracing::error!(%error, "a simulation; it goes on from its mark");
        }
        tokio::time::sleep(LOOK).await;
    }
}
