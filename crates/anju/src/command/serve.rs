//! `anju serve`: the server, with everything that runs by itself.

use anyhow::Context;
use tokio::net::TcpListener;

use crate::{config::Config, database, home, start};

/// Serves until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let _lock = home::lock(&config.home, "serve")?
        .with_context(|| format!("服务已在运行（{}）", config.home.display()))?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("不能监听 {}", config.listen))?;
    let url = database::url(config).await?;
    database::migrate(&url).await?;
    let pool = database::pool(&url, config.database_connections).await?;
    let running = start::server(config, listener, pool).await?;
    tracing::info!(listen = %running.address, centre = config.centre, demo = config.demo, "serving");
    running.ended().await
}
