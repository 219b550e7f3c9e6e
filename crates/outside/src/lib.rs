//! The simulated outside world: banks, departments, phones, in a process of its own (`anju outside`).
//!
//! It speaks the real wire protocols, keeps its own books in `ANJU_HOME/outside` and is never linked into the product's
//! logic: what the product knows of it came over the wire. `/control` and the page at `/` are for people and tests.
//! Read `store.rs` first, then `bank.rs`.

pub mod clock;
pub mod control;
pub mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::store::StoreError;

/// Where the outside world listens, keeps its things and finds the product.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on, `127.0.0.1:8330` by default.
    pub listen: SocketAddr,
    /// `ANJU_HOME`: `clock.json` is read here; journals and keys are in its folder `outside`.
    pub home: PathBuf,
    /// The product's address, to which banks push notices: `127.0.0.1:8329` by default.
    pub product: String,
}

impl Config {
    /// The defaults, with `ANJU_OUTSIDE_LISTEN`, `ANJU_HOME` and `ANJU_LISTEN` over them.
    pub fn from_environment() -> Result<Config, OutsideError> {
        let value =
            |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let listen = value("ANJU_OUTSIDE_LISTEN", "127.0.0.1:8330");
        Ok(Config {
            listen: listen.parse().map_err(|_| OutsideError::Address(listen))?,
            home: PathBuf::from(value("ANJU_HOME", ".anju")),
            product: value("ANJU_LISTEN", "127.0.0.1:8329"),
        })
    }
}

/// Why the outside world cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// Not an address.
    #[error("{0} is not an address such as 127.0.0.1:8330")]
    Address(String),
    /// A key that set-up should have made is missing or unreadable.
    #[error("the key {0} must hold hexadecimal digits; set-up makes it")]
    Key(PathBuf),
    /// The journals.
    #[error("the outside world's own store")]
    Store(#[from] StoreError),
    /// The listener or the server.
    #[error("listening on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// Everything that the doors of the outside world share.
pub struct World {
    /// The time that all of it follows.
    pub clock: Clock,
    /// Secrets shared with the product.
    pub keys: Keys,
    /// The product's address for pushes.
    pub product: String,
}

/// Secrets shared with the product, copies of its own under `ANJU_HOME/outside/keys`.
pub struct Keys {
    /// HMAC-SM3 secret of the banks' line.
    pub bank: Vec<u8>,
    /// HMAC-SM3 secret of the departments' gateway.
    pub gateway: Vec<u8>,
}

impl Keys {
    /// Reads `bank.key` and `gateway.key` of the folder.
    fn read(folder: &Path) -> Result<Keys, OutsideError> {
        let key = |name: &str| {
            let path = folder.join(name);
            let text =
                std::fs::read_to_string(&path).map_err(|_| OutsideError::Key(path.clone()))?;
            match hex::decode(text.trim()) {
                Ok(key) if !key.is_empty() => Ok(key),
                _ => Err(OutsideError::Key(path)),
            }
        };
        Ok(Keys {
            bank: key("bank.key")?,
            gateway: key("gateway.key")?,
        })
    }
}

impl World {
    /// Opens the journals and reads the keys.
    pub fn open(config: &Config) -> Result<World, OutsideError> {
        let home = config.home.join("outside");
        Ok(World {
            clock: Clock::following(config.home.join("clock.json")),
            keys: Keys::read(&home.join("keys"))?,
            product: config.product.clone(),
        })
    }
}

/// All doors of the outside world.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/control/clock", get(read_clock))
        .with_state(world)
}

/// Serves until Ctrl-C or a termination signal.
pub async fn serve(config: Config) -> Result<(), OutsideError> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|e| OutsideError::Listen(config.listen, e))?;
    let world = Arc::new(World::open(&config)?);
    serve_on(listener, world)
        .await
        .map_err(|e| OutsideError::Listen(config.listen, e))
}

/// Serves a world that is already open on a listener that is already bound, for tests and for `serve`.
pub async fn serve_on(listener: TcpListener, world: Arc<World>) -> std::io::Result<()> {
    axum::serve(listener, router(world))
        .with_graceful_shutdown(asked_to_stop())
        .await
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[derive(Serialize)]
struct ClockAnswer {
    now: String,
    today: chrono::NaiveDate,
}

async fn read_clock(State(world): State<Arc<World>>) -> Json<ClockAnswer> {
    Json(ClockAnswer {
        now: clock::civil(world.clock.now()).to_rfc3339(),
        today: world.clock.today(),
    })
}
