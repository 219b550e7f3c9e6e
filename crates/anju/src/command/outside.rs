//! `anju outside`: the simulated outside world, a process of its own.

use anyhow::Context;

use crate::{config::Config, home};

/// Serves it until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let _lock = home::lock(&config.home, "outside")?
        .with_context(|| format!("外部世界已在运行（{}）", config.home.display()))?;
    tracing::info!(listen = %config.outside_listen, "outside world");
    anju_outside::serve(anju_outside::Config {
        listen: config.outside_listen,
        home: config.home.clone(),
        product: config.listen.to_string(),
    })
    .await?;
    Ok(())
}
