//! The town: database, server and outside world of one test, on ports and in a home of their own.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anju::{
    cast::{self, Person, contribute, person},
    config::Config,
    doors::Doors,
    home,
    start::{self, office},
};
use anju_domain::{calendar::Month, clock::shanghai_date};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::database::{TestDatabase, server};

/// A town of one test. Everything in it ends with it.
pub struct Town {
    /// The doors of its server and of its outside world.
    pub doors: Doors,
    server: Server,
    /// How its server was started.
    pub config: Config,
    /// Its outside world; none where it lives in that of another town.
    _outside: Option<start::Running>,
    /// Its database, for tests that act as its owner.
    pub database: TestDatabase,
    /// The checker's own connection, from its first question on: tests ask again and again until something has come.
    looking: tokio::sync::Mutex<Option<sqlx::PgConnection>>,
    _home: Home,
}

/// What a server has counted up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct Writes {
    calls: i64,
    /// How often it had made room by forgetting what was rare, before the calls were read and after: where it did so between the first reading of
    /// one moment and the last of another, their difference says nothing.
    forgotten: (i64, i64),
}

impl Writes {
    /// What was written since; nothing where the server forgot in between.
    pub fn since(self, before: Writes) -> Option<i64> {
        (self.forgotten.1 == before.forgotten.0).then_some(self.calls - before.calls)
    }
}

/// The server of a town: in this process, one that can be killed, or none between the two.
enum Server {
    Here { _running: Box<start::Running> },
    Process(std::process::Child),
    Stopped,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Process(child) = self {
            // It may be dead already: then there is nobody to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Town {
    /// A town on its first day: nobody lives in it yet.
    pub async fn open() -> Self {
        Self::with_policy(&[]).await
    }

    /// A town whose centre has further policy files (path below `policy/`, text).
    pub async fn with_policy(files: &[(&str, &str)]) -> Self {
        Self::founded(Home::fresh(), files).await
    }

    /// A town whose first day is the day of this instant, at which its clock stands when it opens.
    pub async fn open_at(instant: chrono::DateTime<chrono::Utc>) -> Self {
        Self::open_at_with(instant, &[]).await
    }

    /// The same with further policy files.
    pub async fn open_at_with(
        instant: chrono::DateTime<chrono::Utc>,
        files: &[(&str, &str)],
    ) -> Self {
        let home = Home::fresh();
        std::fs::create_dir_all(&home.0).expect("a home");
        office::clock(&home.0)
            .set_offset(instant - chrono::Utc::now())
            .expect("a clock");
        Self::founded(home, files).await
    }

    async fn founded(home: Home, files: &[(&str, &str)]) -> Self {
        let database = TestDatabase::fresh().await;
        // Both addresses are needed before either starts: each calls the other.
        let (server, outside) = (free_port().await, free_port().await);
        let config = Config {
            listen: server.local_addr().expect("bound"),
            outside_listen: outside.local_addr().expect("bound"),
            outside_url: format!("http://{}", outside.local_addr().expect("bound")),
            database_url: database.url.clone(),
            demo: true,
            policy: policy_folder(&home.0, files),
            home: home.0.clone(),
            ..Config::default()
        };
        home::make_keys(&config.home, config.demo).expect("keys");
        let pool = anju::database::pool(&database.url, 8)
            .await
            .expect("a pool");
        office::found(&config, &database.url, &pool)
            .await
            .expect("a centre");
        Self {
            doors: Doors::of(&config).expect("the demo key"),
            _outside: Some(
                start::outside_with_witnesses(&config, outside).expect("the outside world"),
            ),
            server: Server::Here {
                _running: Box::new(
                    start::server(&config, server, pool)
                        .await
                        .expect("the server"),
                ),
            },
            config,
            database,
            looking: tokio::sync::Mutex::default(),
            _home: home,
        }
    }

    /// A second centre, with books, keys and policy of its own, in the outside world of this one.
    pub async fn beside(&self, centre: &str) -> Self {
        let home = Home::fresh();
        let database = TestDatabase::fresh().await;
        let server = free_port().await;
        let config = Config {
            listen: server.local_addr().expect("bound"),
            outside_listen: self.config.outside_listen,
            outside_url: self.config.outside_url.clone(),
            database_url: database.url.clone(),
            demo: true,
            centre: centre.to_owned(),
            policy: policy_folder(&home.0, &[]),
            home: home.0.clone(),
            ..Config::default()
        };
        home::make_keys(&config.home, config.demo).expect("keys");
        let pool = anju::database::pool(&database.url, 8)
            .await
            .expect("a pool");
        office::found(&config, &database.url, &pool)
            .await
            .expect("a centre");
        let doors = Doors::of(&config).expect("the demo key");
        start::demo::join(&config, &doors)
            .await
            .expect("registered at the outside world");
        Self {
            doors,
            _outside: None,
            server: Server::Here {
                _running: Box::new(
                    start::server(&config, server, pool)
                        .await
                        .expect("the server"),
                ),
            },
            config,
            database,
            looking: tokio::sync::Mutex::default(),
            _home: home,
        }
    }

    /// Stops the server; the outside world goes on.
    pub fn stop_server(&mut self) {
        self.server = Server::Stopped;
    }

    /// Puts the server into a process of its own, which can be killed like any other.
    pub async fn into_process(mut self) -> Self {
        // The server in this process lets its port go first.
        self.server = Server::Stopped;
        self.start_server().await;
        self
    }

    /// The binary on this town.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_anju"));
        command
            .args(arguments)
            .env("ANJU_HOME", &self.config.home)
            .env("ANJU_LISTEN", self.config.listen.to_string())
            .env("ANJU_OUTSIDE_URL", &self.config.outside_url)
            .env("ANJU_POLICY", &self.config.policy)
            .env("ANJU_CENTRE", &self.config.centre)
            .env("ANJU_DEMO", "1")
            .env("DATABASE_URL", &self.database.url);
        command
    }

    /// Whether a command of the product went well, and what it said. The outside world of this process goes on meanwhile.
    pub async fn says(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.command(arguments);
        let ran = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("a thread")
            .expect("the binary");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned()
            + &String::from_utf8_lossy(&ran.stderr);
        (ran.status.success(), said)
    }

    /// Books, log and rows hold, as the product's own auditor finds them.
    pub async fn audited(&self) {
        let (well, said) = self.says(&["audit"]).await;
        assert!(well, "{said}");
    }

    /// Starts the server's process and waits until it would take a write.
    pub async fn start_server(&mut self) {
        let child = self
            .command(&["serve"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary");
        self.server = Server::Process(child);
        for _ in 0..400 {
            if matches!(self.doors.plain("/readyz").await, Ok((status, _)) if status.is_success()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("the server does not come up");
    }

    /// `kill -9`.
    pub fn kill_server(&mut self) {
        if let Server::Process(child) = &mut self.server {
            child.kill().expect("a living process");
            child.wait().expect("a dead process");
        }
    }

    /// The database, for a checker that shares no code with the product.
    pub async fn sql(&self, query: &'static str) -> i64 {
        use sqlx::Connection;
        let mut looking = self.looking.lock().await;
        if let Some(mut kept) = looking.take()
            && let Ok(figure) = sqlx::query_scalar(query).fetch_one(&mut kept).await
        {
            *looking = Some(kept);
            return figure;
        }
        let mut connection = sqlx::PgConnection::connect(&self.database.url)
            .await
            .expect("the database");
        let figure = sqlx::query_scalar(query)
            .fetch_one(&mut connection)
            .await
            .expect("a figure");
        *looking = Some(connection);
        figure
    }

    /// The civil day of its centre.
    pub fn today(&self) -> chrono::NaiveDate {
        use anju_domain::clock::Clock;
        shanghai_date(office::clock(&self.config.home).now())
    }

    /// Waits until the server has done once what it does by itself each minute, which it begins with its start.
    async fn settled(&self) {
        let passed = |text: &str| {
            text.lines()
                .any(|line| line.starts_with("schedule_passes_total "))
        };
        for _ in 0..400 {
            if matches!(self.doors.plain("/metrics").await, Ok((_, text)) if passed(&text)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the work of the first minute does not end");
    }

    /// The branch that keeps the town's first employer: its staff see its people in lists.
    pub async fn branch(&self) -> i16 {
        let first = self
            .sql("SELECT branch_id::bigint FROM employer WHERE uscc LIKE '9%' ORDER BY employer_id LIMIT 1")
            .await;
        i16::try_from(first).expect("a branch")
    }

    /// How often this town's database was told to write money, people or rosters, as the server itself counted; what other tests
    /// write at the same time stands under the numbers of their databases. The first is asked for when the work of the first minute is over;
    /// that of a later minute may fall between two.
    pub async fn writes(&self) -> Writes {
        use sqlx::{Connection, Executor};
        self.settled().await;
        let database: i64 = self
            .sql("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
            .await;
        let mut statistics = sqlx::PgConnection::connect(&server().await)
            .await
            .expect("the server's own database");
        // The role that the product's statements run under: the texts of others are hidden.
        statistics
            .execute("SET ROLE anju_app")
            .await
            .expect("the role of the product");
        let forgotten = "SELECT dealloc FROM pg_stat_statements_info";
        let first = sqlx::query_scalar(forgotten)
            .fetch_one(&mut statistics)
            .await
            .expect("the server counts what it forgets");
        let calls = sqlx::query_scalar(
            "SELECT coalesce(sum(calls), 0)::bigint
               FROM pg_stat_statements
              WHERE dbid::bigint = $1
                AND query ~ '(INSERT INTO|UPDATE) (journal|posting|account|fund_account|person|membership|employer|roster|roster_change|roster_part|remittance|remittance_line)\\M|SELECT ledger_'",
        )
        .bind(database)
        .fetch_one(&mut statistics)
        .await
        .expect("the server counts statements");
        let last = sqlx::query_scalar(forgotten)
            .fetch_one(&mut statistics)
            .await
            .expect("the server counts what it forgets");
        statistics.close().await.expect("a closed connection");
        Writes {
            calls,
            forgotten: (first, last),
        }
    }

    /// Moves the clock of its centre.
    pub fn later(&self, minutes: i64) {
        let clock = office::clock(&self.config.home);
        clock
            .set_offset(clock.offset() + chrono::TimeDelta::minutes(minutes))
            .expect("the clock");
        // A clock knows a new file by its time, which a file system counts in a few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    /// The office of its centre, beside the one of the server.
    pub async fn office(&self) -> anju_casework::Office {
        self.office_for(4).await
    }

    /// The same with so many connections, for a test that does much at once.
    pub async fn office_for(&self, connections: u32) -> anju_casework::Office {
        let pool = anju::database::pool(&self.config.database_url, connections)
            .await
            .expect("a pool");
        office::open(&self.config, pool).await.expect("the office")
    }
}

/// People whom the departments know, by name and base.
pub async fn known(town: &Town, seed: i64, people: &[(&str, i64)]) -> Vec<Person> {
    let people: Vec<Person> = people
        .iter()
        .zip(1..)
        .map(|((name, base), place)| person(name, seed, place, *base).expect("numbers"))
        .collect();
    for one in &people {
        cast::register(&town.doors, one)
            .await
            .expect("the departments");
    }
    people
}

/// The public number of a person's account.
pub async fn account_no(town: &Town, who: &Person) -> String {
    let account = cast::account(&town.doors, who).await.expect("an account");
    cast::text(&account, "account_no").expect("a number")
}

/// A person with three months of 2,400.00 each, so 7,200.00, and a filed lease of 1,200.00; and his employer's number.
pub async fn tenant_of(town: &Town, seed: i64) -> (Person, String) {
    let li = person("李梅", seed, 1, 1_000_000).expect("numbers");
    cast::register(&town.doors, &li)
        .await
        .expect("the departments");
    cast::rents(&town.doors, &li).await.expect("a lease");
    let employer = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(
            &town.doors,
            &employer,
            month(back),
            std::slice::from_ref(&li),
        )
        .await
        .expect("a month");
    }
    (li, employer)
}

/// A month of the towns, whose clocks stand at the real time: so many before this one.
pub fn month(back: i32) -> Month {
    Month::of(shanghai_date(chrono::Utc::now())).plus(-back)
}

/// The repository's policy, or a copy of it with further files.
pub fn policy_folder(home: &Path, files: &[(&str, &str)]) -> PathBuf {
    let original = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy"));
    if files.is_empty() {
        return original;
    }
    let copy = home.join("policy");
    copy_folder(&original, &copy);
    for (path, text) in files {
        std::fs::write(copy.join(path), text).expect("a policy file");
    }
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let copy = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy_folder(&entry, &copy);
        } else {
            std::fs::copy(&entry, &copy).expect("a copy");
        }
    }
}

/// A port that nobody has.
pub async fn free_port() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port")
}

/// `ANJU_HOME` of one test.
struct Home(PathBuf);

impl Home {
    fn fresh() -> Self {
        Self(std::env::temp_dir().join(format!("anju-town-{}", Uuid::now_v7().simple())))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left behind in a temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
