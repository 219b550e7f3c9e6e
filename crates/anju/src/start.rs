//! Starts the parts in this process: `anju serve` and `anju outside` each one of them, a test all of them on free ports.
//!
//! Invariant: what was started ends with its handle; nothing here outlives it.

pub mod demo;
pub mod office;

use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use anju_casework::founding;
use anju_engine::Engine;
use anju_portal::licence::LicenceDoor;
use anju_portal::measure::measure;
use anju_portal::open::{self, Open};
use anju_portal::papers::Printer;
use anju_portal::security;
use anju_portal::serve::{self, Portal};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    config::Config,
    doorway::{self, Doorway, Leave, Peer},
    home,
};

/// Longest time that a server takes to answer what it was asked before it was told to leave.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often times are summed up.
const UPKEEP: Duration = Duration::from_secs(5);

/// A part that serves. It ends when this is dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Tells it to leave.
    pub leave: Leave,
    task: JoinHandle<io::Result<()>>,
    engine: Option<anju_engine::Running>,
    /// Held, not read.
    witnesses: Option<Witnesses>,
}

/// The witnesses of the outside world as tasks of this process, for tests; `anju outside` gives each a process of its own.
struct Witnesses(Vec<JoinHandle<()>>);

impl Witnesses {
    fn start(home: &Path) -> Self {
        let tasks = anju_outside::witness::WITNESSES.map(|(place, _)| {
            let home = home.to_owned();
            tokio::spawn(async move {
                if let Err(error) = anju_outside::witness::serve(&home, place).await {
                    tracing::error!(%error, "a witness");
                }
            })
        });
        Self(tasks.into())
    }
}

impl Drop for Witnesses {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Running {
    /// Waits until the part ends by itself: when it was told to stop, or because it failed.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        Ok((&mut self.task).await??)
    }

    /// Takes no more connections, answers what was asked, finishes what the engine has in hand, and ends.
    pub async fn drain(mut self) -> anyhow::Result<()> {
        self.leave.begin();
        match tokio::time::timeout(PATIENCE, &mut self.task).await {
            Ok(ended) => ended??,
            Err(_) => tracing::warn!("some requests were not answered in time"),
        }
        if let Some(engine) = self.engine.take() {
            engine.end().await;
        }
        Ok(())
    }

    /// Starts what only one server of a home may do. A server that replaces another one waits for its end.
    pub fn be_alone(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.be_alone();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The outside world with its witnesses, all in this process.
pub fn outside_with_witnesses(config: &Config, listener: TcpListener) -> anyhow::Result<Running> {
    let mut running = outside(config, listener)?;
    running.witnesses = Some(Witnesses::start(&config.home));
    Ok(running)
}

/// The outside world on a listener that is already bound, without its witnesses.
pub fn outside(config: &Config, listener: TcpListener) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let world = anju_outside::World::open(&anju_outside::Config {
        listen: address,
        home: config.home.clone(),
        product: config.listen.to_string(),
        public: config.public_address(),
    })?;
    let task = tokio::spawn(anju_outside::serve_on(listener, Arc::new(world)));
    Ok(Running {
        address,
        leave: Leave::new(),
        task,
        engine: None,
        witnesses: None,
    })
}

/// The server on a listener that is already bound: pages, doors, and the engine behind them.
pub async fn server(
    config: &Config,
    listener: TcpListener,
    pool: PgPool,
) -> anyhow::Result<Running> {
    let mut running = server_beside_another(config, listener, pool).await?;
    running.be_alone();
    Ok(running)
}

/// The same while the server that it replaces still runs.
pub async fn server_beside_another(
    config: &Config,
    listener: TcpListener,
    pool: PgPool,
) -> anyhow::Result<Running> {
    let address = listener.local_addr()?;
    let office = office::open(config, pool).await?;
    let rates = &office.policy().set;
    founding::put_rates(&mut *office.pool.acquire().await?, office.ledger(), rates).await?;
    let engine = office::engine(config, office)?;
    let leave = Leave::new();
    let router = router(config, &engine)?
        .layer(from_fn(measure))
        .layer(from_fn_with_state(leave.clone(), doorway::lead));
    let (doorway, emptied) = Doorway::new(listener, leave.clone())?;
    let serving = axum::serve(
        doorway,
        router.into_make_service_with_connect_info::<Peer>(),
    )
    .with_graceful_shutdown(emptied.wait(leave.clone()));
    let task = tokio::spawn(serving.into_future());
    Ok(Running {
        address,
        leave,
        task,
        engine: Some(engine.start()),
        witnesses: None,
    })
}

/// Pages and doors of an engine, which is started or not by whoever serves them.
pub fn router(config: &Config, engine: &Engine) -> anyhow::Result<Router> {
    let key = if config.demo {
        Some(fs::read_to_string(home::demo_key(&config.home))?)
    } else {
        None
    };
    let printer = Printer::new(
        &config.public_address(),
        home::eseal(&config.home, &engine.office)?,
    );
    let doors = open::routes(Open::new(
        engine.clone(),
        key.as_deref().map(str::trim),
        metrics(),
        printer.clone(),
    ));
    let licence = LicenceDoor {
        regulator: config.licence_address(),
        public: config.public_address(),
    };
    let pages = serve::router(Portal::new(engine.clone(), config.https, printer, licence));
    Ok(pages.merge(security::machines(doors)))
}

/// Where counters and times are gathered, for `/metrics`: one a process.
fn metrics() -> PrometheusHandle {
    static HANDLE: LazyLock<PrometheusHandle> = LazyLock::new(|| {
        let handle = PrometheusBuilder::new()
            .install_recorder()
            .expect("nobody else records in this process");
        // Times are kept one by one until somebody sums them up: without this they grow for as long as nobody asks.
        let upkeep = handle.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        });
        handle
    });
    HANDLE.clone()
}
