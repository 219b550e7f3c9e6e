//! The simulated outside world: banks, departments, phones, in a process of its own (`anju outside`), and witnesses of the
//! evidence log in theirs.
//!
//! It speaks the real wire protocols, keeps its own books in `ANJU_HOME/outside` and is never linked into the product's
//! logic: what the product knows of it came over the wire. `/control` and the page at `/` are for people and tests.
//! Read `store.rs` first, then `bank/mod.rs`.

pub mod bank;
pub mod clock;
pub mod control;
mod face;
pub mod licence;
mod page;
pub mod phone;
pub mod platform;
pub mod source;
pub mod store;
pub mod witness;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use anju_vault::SharedKey;
use tokio::sync::Notify;

use crate::bank::credit::Credits;
use crate::bank::{Banks, Moment};
use crate::clock::Clock;
use crate::licence::{Grants, Licences};
use crate::phone::Phones;
use crate::platform::Platform;
use crate::source::push::Pushes;
use crate::source::{Departments, Registers};
use crate::store::{Store, StoreError};

/// Where the outside world listens, keeps its things and finds the product.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on, `127.0.0.1:8330` by default.
    pub listen: SocketAddr,
    /// `ANJU_HOME`: `clock.json` is read here; journals and keys are in its folder `outside`.
    pub home: PathBuf,
    /// The product's address, to which banks push notices: `127.0.0.1:8329` by default.
    pub product: String,
    /// The product as browsers reach it, without a path: where a log-in by licence is returned to.
    pub public: String,
}

impl Config {
    /// The defaults, with `ANJU_OUTSIDE_LISTEN`, `ANJU_HOME` and `ANJU_LISTEN` over them.
    pub fn from_environment() -> Result<Config, OutsideError> {
        let value =
            |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let listen = value("ANJU_OUTSIDE_LISTEN", "127.0.0.1:8330");
        let product = value("ANJU_LISTEN", "127.0.0.1:8329");
        Ok(Config {
            listen: listen.parse().map_err(|_| OutsideError::Address(listen))?,
            home: PathBuf::from(value("ANJU_HOME", ".anju")),
            public: value("ANJU_PUBLIC_URL", &format!("http://{product}")),
            product,
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
    #[error("the outside world's keys, which set-up makes")]
    Key(#[source] anju_vault::VaultError),
    /// The line to the product cannot be prepared.
    #[error("preparing the line to the product")]
    Line(#[source] reqwest::Error),
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
    /// `ANJU_HOME`.
    home: PathBuf,
    /// The product's address for pushes.
    pub product: String,
    /// The banks' books.
    pub banks: Store<Banks>,
    /// Wakes the banks' own work when their books have changed.
    banks_changed: Notify,
    /// The banks' credit desks.
    pub credits: Store<Credits>,
    /// Wakes the credit desks.
    credits_changed: Notify,
    /// The line on which banks push to the product.
    to_product: reqwest::Client,
    /// The departments.
    pub departments: Departments,
    /// The phones.
    pub phones: Store<Phones>,
    /// The national transfer platform and the centres that it simulates.
    pub platform: Platform,
    /// Electronic business licences.
    pub licences: Store<Licences>,
    /// What departments say by themselves.
    pub pushes: Store<Pushes>,
    /// Codes of scans that are not exchanged yet.
    grants: std::sync::Mutex<Grants>,
    /// The product as browsers reach it.
    pub public: String,
}

/// Secrets shared with the product, copies of its own under `ANJU_HOME/outside/keys`.
pub struct Keys {
    /// HMAC-SM3 secret of the banks' line.
    pub bank: SharedKey,
    /// HMAC-SM3 secret of the departments' gateway.
    pub gateway: SharedKey,
}

impl Keys {
    /// Reads `bank.key` and `gateway.key` of the folder.
    fn read(folder: &Path) -> Result<Keys, OutsideError> {
        let key = |name: &str| SharedKey::open(folder.join(name)).map_err(OutsideError::Key);
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
            home: config.home.clone(),
            product: config.product.clone(),
            banks: Store::open(&home)?,
            banks_changed: Notify::new(),
            credits: Store::open(&home)?,
            credits_changed: Notify::new(),
            to_product: reqwest::Client::builder()
                .no_proxy()
                .build()
                .map_err(OutsideError::Line)?,
            departments: Departments::open(&home)?,
            phones: Store::open(&home)?,
            platform: Platform::open(&home)?,
            licences: Store::open(&home)?,
            pushes: Store::open(&home)?,
            grants: std::sync::Mutex::default(),
            public: config.public.trim_end_matches('/').to_owned(),
        })
    }

    /// The bank that keeps a card, where the card's register knows it.
    async fn card_bank(&self, card: &str) -> Option<bank::BankCode> {
        let named = |registers: &Registers| registers.bank_of_card(card).map(str::to_owned);
        let bank = self.departments.store.read(named).await.ok()??;
        bank::BankCode::all()
            .find(|code| code.data().code == bank || bank.contains(code.data().name))
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.clock.now(),
            lived_ms: self.clock.lived_ms(),
        }
    }
}

/// All doors of the outside world.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/control/clock", get(read_clock))
        .merge(bank::line::routes())
        .merge(bank::door::routes())
        .merge(bank::credit::routes())
        .merge(source::door::router())
        .merge(source::control::router())
        .merge(source::company::routes())
        .merge(source::push::routes())
        .merge(licence::routes())
        .merge(phone::router())
        .merge(platform::door::router())
        .merge(witness::routes())
        .merge(page::routes())
        .layer(axum::middleware::from_fn(page::own_site_only))
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
    let doors =
        axum::serve(listener, router(Arc::clone(&world))).with_graceful_shutdown(asked_to_stop());
    tokio::select! {
        served = doors.into_future() => served,
        () = bank::run(Arc::clone(&world)) => Ok(()),
        () = bank::credit::run(Arc::clone(&world)) => Ok(()),
        () = platform::run(Arc::clone(&world)) => Ok(()),
        () = source::push::run(world) => Ok(()),
    }
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
