//! `anju outside`: the simulated outside world, a process of its own, and its witnesses, each a process of its own below it.

use std::process::Stdio;
use std::time::Duration;

use anju_outside::witness::{self, WITNESSES};
use anyhow::Context;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::{config::Config, home, start};

/// Serves it until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let _lock = home::lock(&config.home, "outside")?
        .with_context(|| format!("外部世界已在运行（{}）", config.home.display()))?;
    let listener = TcpListener::bind(config.outside_listen)
        .await
        .with_context(|| format!("不能监听 {}", config.outside_listen))?;
    let mut running = start::outside(config, listener)?;
    let keepers: Vec<_> = WITNESSES
        .iter()
        .map(|(place, _)| tokio::spawn(keep(config.clone(), place)))
        .collect();
    tracing::info!(listen = %running.address, "outside world");
    let ended = running.ended().await;
    keepers.iter().for_each(tokio::task::JoinHandle::abort);
    ended
}

/// Keeps a witness's process alive; it ends with this one.
async fn keep(config: Config, place: &'static str) {
    loop {
        if let Err(error) = live(&config, place).await {
            tracing::error!(witness = place, %error, "a witness's process");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn live(config: &Config, place: &str) -> anyhow::Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["witness", place])
        .env("ANJU_HOME", &config.home)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    // Closed when this process ends in whatever way, which ends the child. `wait` would close it at once.
    let held = child.stdin.take();
    let status = child.wait().await?;
    drop(held);
    anyhow::bail!("it ended: {status}")
}

/// `anju witness`: one witness, until whoever started it lets go of its standard input.
pub async fn witness(config: &Config, place: &str) -> anyhow::Result<()> {
    let mut rest = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        served = witness::serve(&config.home, place) => Ok(served?),
        _ = stdin.read_to_end(&mut rest) => Ok(()),
    }
}
