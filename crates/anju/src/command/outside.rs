//! `anju outside`: the simulated outside world, a process of its own.

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{config::Config, home, start};

/// Serves it until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let _lock = home::lock(&config.home, "outside")?
        .with_context(|| format!("外部世界已在运行（{}）", config.home.display()))?;
    let listener = TcpListener::bind(config.outside_listen)
        .await
        .with_context(|| format!("不能监听 {}", config.outside_listen))?;
    let mut running = start::outside(config, listener)?;
    tracing::info!(listen = %running.address, "outside world");
    running.ended().await
}
