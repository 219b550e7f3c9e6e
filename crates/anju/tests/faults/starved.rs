//! F10: a full disk, no connection left, statements that take too long, transactions that the database undoes. Who asks meanwhile is
//! told 503 and when to come again; nothing is half done; it goes on by itself.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anju_domain::{calendar::Month, clock::shanghai_date};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use crate::{
    centre::{Centre, Plan},
    chance::seed,
    checker::must_agree,
    clients::{Clients, Met, Running},
    story::{count, requests, tenants},
};

const CLIENTS: u64 = 8;

async fn wishes(centre: &Centre, place: i64) -> Vec<Value> {
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    let people = tenants(&centre.doors, this, count(60, 600), place).await;
    requests(&centre.doors, &people).await
}

async fn run(connection: &mut PgConnection, statement: String) {
    connection
        .execute(AssertSqlSafe(statement.clone()))
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
}

async fn owner(centre: &Centre) -> PgConnection {
    PgConnection::connect(&centre.config.database_url)
        .await
        .expect("the database")
}

/// Waits until so many answers more were 503.
async fn turned_away(clients: &Clients, more: u64) {
    let enough = clients.met().unavailable + more;
    let deadline = Instant::now() + Duration::from_secs(60);
    while clients.met().unavailable < enough {
        assert!(Instant::now() < deadline, "nobody is turned away");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ended(centre: &Centre, clients: Running) -> Met {
    clients.progress(10).await;
    let met = clients.stop().await;
    println!(
        "{} keys answered, {} answers 503",
        met.acknowledged.len(),
        met.unavailable
    );
    must_agree(&centre.places(), &met.acknowledged).await;
    met
}

/// Every fifth statement that writes one of these tables is undone by the database, as a serialization failure is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transaction_in_five_that_is_undone_is_done_again() {
    let seed = seed();
    let centre = Centre::open(Plan::default()).await;
    let wishes = wishes(&centre, 86).await;
    let mut database = owner(&centre).await;
    // A sequence is not undone with its transaction, so that the failures follow from the seed and the order of the writes.
    run(
        &mut database,
        format!(
            "CREATE SEQUENCE undone;
             GRANT USAGE ON SEQUENCE undone TO PUBLIC;
             CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF abs(hashint8(nextval('undone') + {})) % 5 = 0 THEN
                     RAISE EXCEPTION 'could not serialize access' USING errcode = '40001';
                 END IF;
                 RETURN NULL;
             END $$",
            seed % 1_000_000
        ),
    )
    .await;
    let tables = [
        "case_event",
        "inbox",
        "api_answer",
        "outbox_done",
        "journal",
    ];
    for table in tables {
        run(
            &mut database,
            format!("CREATE TRIGGER undo AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION undo()"),
        )
        .await;
    }
    let clients = Clients::of(&centre.config).start(CLIENTS, seed, wishes);
    clients.progress(count(100, 1_000)).await;
    for table in tables {
        run(&mut database, format!("DROP TRIGGER undo ON {table}")).await;
    }
    let met = ended(&centre, clients).await;
    assert!(met.unavailable > 0, "nothing was undone, seed {seed}");
}

/// All connections of the server stand behind one lock: whoever comes next is turned away, and is served when the lock is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_people_are_asked_to_come_again() {
    let seed = seed();
    let centre = Centre::open(Plan {
        variables: vec![("ANJU_DATABASE_CONNECTIONS".to_owned(), "3".to_owned())],
        ..Plan::default()
    })
    .await;
    let wishes = wishes(&centre, 87).await;
    let clients = Clients::of(&centre.config);
    let running = clients.start(CLIENTS, seed, wishes);
    running.progress(5).await;
    let mut database = owner(&centre).await;
    let mut lock = database.begin().await.expect("a transaction");
    lock.execute("LOCK TABLE case_event IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("the lock");
    turned_away(&clients, 5).await;
    let (status, _) = centre.doors.plain("/readyz").await.expect("an answer");
    assert_eq!(status.as_u16(), 503, "who would not take a write says so");
    lock.commit().await.expect("the lock is gone");
    ended(&centre, running).await;
}

/// Statements that wait too long are cancelled by the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_leaves_nothing_behind() {
    let seed = seed();
    let mut centre = Centre::open(Plan::default()).await;
    let wishes = wishes(&centre, 88).await;
    let options: PgConnectOptions = centre.config.database_url.parse().expect("a URL");
    let name = options.get_database().expect("a name").to_owned();
    let mut database = owner(&centre).await;
    run(
        &mut database,
        format!("ALTER DATABASE {name} SET statement_timeout = '100ms'"),
    )
    .await;
    centre.kill_server();
    centre.start_server().await;
    let clients = Clients::of(&centre.config);
    let running = clients.start(CLIENTS, seed, wishes);
    for _ in 0..count(3, 30) {
        running.progress(2).await;
        let mut lock = database.begin().await.expect("a transaction");
        lock.execute("LOCK TABLE case_event IN ACCESS EXCLUSIVE MODE")
            .await
            .expect("the lock");
        turned_away(&clients, 3).await;
        lock.commit().await.expect("the lock is gone");
    }
    ended(&centre, running).await;
}

/// The disk under the tables is full. Where the test may mount one it is a small disk that is filled and emptied again; elsewhere the
/// database says what it says on a full disk (53100), from a trigger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_nothing_is_half_done() {
    let seed = seed();
    // Declared before the centre, so that it goes after the database that lies on it.
    let disk = SmallDisk::mount();
    let mut centre = Centre::open(Plan {
        own_cluster: true,
        ..Plan::default()
    })
    .await;
    let wishes = wishes(&centre, 89).await;
    if let Some(disk) = &disk {
        centre.kill_server();
        move_tables(&centre, disk).await;
        centre.start_server().await;
    } else {
        println!("no right to mount a small disk: a trigger says what a full one would");
    }
    let clients = Clients::of(&centre.config);
    let running = clients.start(CLIENTS, seed, wishes);
    for _ in 0..count(2, 20) {
        running.progress(2).await;
        match &disk {
            Some(disk) => disk.fill(),
            None => refuse_rows(&centre).await,
        }
        turned_away(&clients, 5).await;
        match &disk {
            Some(disk) => disk.empty(),
            None => {
                run(
                    &mut owner(&centre).await,
                    "DROP TRIGGER full_disk ON case_event".to_owned(),
                )
                .await
            }
        }
    }
    ended(&centre, running).await;
}

async fn refuse_rows(centre: &Centre) {
    run(
        &mut owner(centre).await,
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'could not extend file: No space left on device' USING errcode = '53100';
         END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON case_event FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
            .to_owned(),
    )
    .await;
}

/// Moves the centre's tables to the small disk. The log of the database stays where it is: without room for that PostgreSQL stops.
async fn move_tables(centre: &Centre, disk: &SmallDisk) {
    let cluster = centre.cluster.as_ref().expect("its own");
    let options: PgConnectOptions = centre.config.database_url.parse().expect("a URL");
    let name = options.get_database().expect("a name");
    let url = cluster
        .url("postgres")
        .replace("user=anju", "user=postgres");
    let mut administrator = PgConnection::connect(&url).await.expect("the cluster");
    for statement in [
        format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            disk.folder().display()
        ),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        format!("ALTER DATABASE {name} SET TABLESPACE small"),
        "CHECKPOINT".to_owned(),
    ] {
        run(&mut administrator, statement).await;
    }
}

/// A disk of memory that only root may mount.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let place =
            std::env::temp_dir().join(format!("anju-disk-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir_all(&place).ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=96m,mode=0755", "tmpfs"])
            .arg(&place)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            std::fs::remove_dir_all(&place).ok()?;
            return None;
        }
        let disk = Self(place);
        std::fs::create_dir(disk.folder()).expect("a folder");
        // The database server runs as another account.
        std::fs::set_permissions(
            disk.folder(),
            std::os::unix::fs::PermissionsExt::from_mode(0o777),
        )
        .expect("its mode");
        let owned = Command::new("chown")
            .arg("postgres")
            .arg(disk.folder())
            .output()
            .is_ok_and(|output| output.status.success());
        owned.then_some(disk)
    }

    fn folder(&self) -> PathBuf {
        self.0.join("tables")
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.ballast()).expect("a file");
        let block = [1_u8; 4096];
        while file.write_all(&block).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let place: &Path = &self.0;
        // Lazily: a dying database may still stand on it.
        let gone = Command::new("umount").arg("-l").arg(place).status();
        if gone.is_ok_and(|status| status.success()) {
            let _ = std::fs::remove_dir_all(place);
        }
    }
}
