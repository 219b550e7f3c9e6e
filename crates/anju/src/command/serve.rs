//! `anju serve`: the server, with everything that runs by itself.

use std::os::fd::OwnedFd;

use anyhow::Context;
use listenfd::ListenFd;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    config::Config,
    database,
    handover::{self, Taken},
    home, start,
};

/// Serves until it is told to stop or is replaced. With `replace` it takes over from the server that runs, if one does.
pub async fn run(config: &Config, replace: bool) -> anyhow::Result<()> {
    let taken = if replace {
        handover::take(&config.home)
            .await
            .context("接不过正在运行的服务")?
    } else {
        None
    };
    let (listener, lock, predecessor) = match taken {
        Some(Taken {
            listener,
            lock,
            line,
        }) => (listener, lock, Some(line)),
        None => {
            let lock = home::lock(&config.home, "serve")?
                .with_context(|| format!("服务已在运行（{}）", config.home.display()))?;
            (listener(config).await?, lock, None)
        }
    };
    let mut stop = Stop::heard()?;
    let url = database::url(config).await?;
    database::migrate(&url).await?;
    let pool = database::pool(&url, config.database_connections).await?;
    let listener = listener.into_std()?;
    let copy = OwnedFd::from(listener.try_clone()?);
    let listener = TcpListener::from_std(listener)?;
    let mut running = start::server_beside_another(config, listener, pool).await?;
    tracing::info!(listen = %running.address, centre = config.centre, demo = config.demo, "serving");

    let mut successor = Box::pin(handover::offer(&config.home, copy, &lock));
    if let Some(predecessor) = predecessor {
        handover::sign(&lock)?;
        predecessor
            .relieve()
            .await
            .context("被接替的服务没有在时限内结束")?;
        tracing::info!("the other server has ended");
    }
    running.be_alone();
    // Held until this process has ended: its end tells the successor that it is alone.
    let _line = tokio::select! {
        ended = running.ended() => return ended,
        () = stop.asked() => None,
        line = &mut successor => Some(line?),
    };
    drop(successor);
    tracing::info!("leaving");
    running.drain().await
}

/// The socket that the service manager has opened (systemd's `LISTEN_FDS`), or one of our own.
async fn listener(config: &Config) -> anyhow::Result<TcpListener> {
    if let Some(listener) = ListenFd::from_env().take_tcp_listener(0)? {
        listener.set_nonblocking(true)?;
        return Ok(TcpListener::from_std(listener)?);
    }
    TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("不能监听 {}", config.listen))
}

/// A person's Ctrl-C or the service manager's signal, heard from the moment that this is made: who is asked to stop while it starts
/// leaves as soon as it stands.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn heard() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
