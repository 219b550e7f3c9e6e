//! A centre of real processes: server, outside world and, where PostgreSQL itself is to die, a cluster of its own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anju::{
    cluster::{Cluster, DATABASE},
    config::Config,
    doors::Doors,
    home,
    start::office,
};
use uuid::Uuid;

use crate::{
    checker::Places,
    database::{TestDatabase, server},
    proxy::Proxy,
};

/// How long a part may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A centre of processes. Everything ends with it.
pub struct Centre {
    /// How it was set up.
    pub config: Config,
    /// The doors of the server and of the outside world.
    pub doors: Doors,
    /// Its own database server, where it has one.
    pub cluster: Option<Cluster>,
    server: Process,
    _outside: Process,
    database: Option<TestDatabase>,
    proxy: Option<Proxy>,
    /// Further variables of the server.
    variables: Vec<(String, String)>,
}

/// How a centre differs from the usual one.
#[derive(Default)]
pub struct Plan {
    /// With a database server of its own, which can be killed.
    pub own_cluster: bool,
    /// The server reaches the database through a proxy.
    pub proxy: bool,
    /// Further variables of the server.
    pub variables: Vec<(String, String)>,
}

impl Centre {
    /// A centre on its first day.
    pub async fn open(plan: Plan) -> Self {
        let home = std::env::temp_dir().join(format!("anju-faults-{}", Uuid::now_v7().simple()));
        let cluster = if plan.own_cluster {
            let cluster = Cluster::of(&home).expect("PostgreSQL");
            cluster.start().await.expect("a cluster");
            Some(cluster)
        } else {
            None
        };
        let place = match &cluster {
            Some(cluster) => cluster.url(DATABASE),
            None => server().await,
        };
        let database = TestDatabase::on(&place).await;
        let outside_listen = free_address();
        let config = Config {
            listen: free_address(),
            outside_listen,
            outside_url: format!("http://{outside_listen}"),
            database_url: database.url.clone(),
            demo: true,
            policy: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy")),
            home,
            ..Config::default()
        };
        home::make_keys(&config.home, true).expect("keys");
        let pool = anju::database::pool(&database.url, 2)
            .await
            .expect("a pool");
        office::found(&config, &database.url, &pool)
            .await
            .expect("a centre");
        pool.close().await;
        let proxy = plan.proxy.then(|| Proxy::before(&database.url));
        let mut centre = Self {
            doors: Doors::of(&config).expect("the demo key"),
            _outside: Process::start(&config, "outside", &[]),
            server: Process::none(),
            config,
            cluster,
            database: Some(database),
            proxy,
            variables: plan.variables,
        };
        centre.start_server().await;
        centre
    }

    /// The proxy before its database.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a plan with a proxy")
    }

    /// Where the checker looks.
    pub fn places(&self) -> Places {
        Places {
            database: self.config.database_url.clone(),
            outside: self.config.outside_url.clone(),
        }
    }

    /// Starts the server and waits until it would take a write. Returns how long that took.
    pub async fn start_server(&mut self) -> Duration {
        let began = Instant::now();
        let mut variables = self.variables.clone();
        if let Some(proxy) = &self.proxy {
            variables.push(("DATABASE_URL".to_owned(), proxy.url().to_owned()));
        }
        self.server = Process::start(&self.config, "serve", &variables);
        self.ready().await;
        began.elapsed()
    }

    /// Waits until the server would take a write.
    pub async fn ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(self.doors.plain("/readyz").await, Ok((status, _)) if status.is_success()) {
            assert!(Instant::now() < deadline, "the server does not come up");
            assert!(self.server.lives(), "the server ended by itself");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9` of the server.
    pub fn kill_server(&mut self) {
        self.server.kill();
    }

    /// Resident memory of the server, kB.
    pub fn server_memory_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id()))
            .expect("a living process");
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
            .expect("its memory")
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.server.kill();
        self._outside.kill();
        if std::thread::panicking() {
            eprintln!("logs are kept in {}", self.config.home.display());
        }
        match &self.cluster {
            Some(cluster) => {
                // The whole server goes: dropping one of its databases first would be in vain, and slow where it was killed.
                std::mem::forget(self.database.take());
                if let Err(error) = cluster.remove() {
                    eprintln!("the cluster stays: {error}");
                }
            }
            None => drop(self.database.take()),
        }
        if !std::thread::panicking() {
            // What is left behind in a temporary folder harms nobody.
            let _ = fs::remove_dir_all(&self.config.home);
        }
    }
}

/// A process of ours, which ends with its handle.
pub struct Process(Option<Child>);

impl Process {
    const fn none() -> Self {
        Self(None)
    }

    /// Starts `anju {command}`; what it says goes to a file in its home.
    pub fn start(config: &Config, command: &str, variables: &[(String, String)]) -> Self {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(config.home.join(format!("{command}.log")))
            .expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_anju"))
            .arg(command)
            .env("ANJU_HOME", &config.home)
            .env("ANJU_LISTEN", config.listen.to_string())
            .env("ANJU_OUTSIDE_LISTEN", config.outside_listen.to_string())
            .env("ANJU_OUTSIDE_URL", &config.outside_url)
            .env("ANJU_POLICY", &config.policy)
            .env("ANJU_DEMO", "1")
            .env("DATABASE_URL", &config.database_url)
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the binary");
        Self(Some(child))
    }

    fn lives(&mut self) -> bool {
        self.0
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn id(&self) -> u32 {
        self.0.as_ref().expect("a process").id()
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may be dead already: then there is nobody to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `kill -9` of a process that is not our child, and waits for its end: a dead one has no folder that it works in.
pub fn kill_process(pid: i64) {
    let killed = Command::new("kill")
        .args(["-9", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .expect("the program kill");
    assert!(killed.success(), "process {pid} was there to be killed");
    while fs::read_link(format!("/proc/{pid}/cwd")).is_ok() {
        std::thread::yield_now();
    }
}

/// An address that nobody uses at this moment.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}
