//! Starts the parts in this process: `anju serve` and `anju outside` each one of them, a test all of them on free ports.
//!
//! Invariant: what was started ends with its handle; nothing here outlives it.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::config::Config;

/// A part that serves. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until the part ends by itself: when it was told to stop, or because it failed.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        Ok((&mut self.task).await??)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The outside world on a listener that is already bound.
pub fn outside(config: &Config, listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let world = anju_outside::World::open(&anju_outside::Config {
        listen: address,
        home: config.home.clone(),
        product: config.listen.to_string(),
    })?;
    let task = tokio::spawn(anju_outside::serve_on(listener, Arc::new(world)));
    Ok(Running { address, task })
}
