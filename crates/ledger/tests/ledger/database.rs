//! A database of its own for each test, copied from a template that was migrated once.
//!
//! It needs no crate of the workspace, so that the tests of the town take this file too (`crates/anju/tests/town/database.rs`).

use std::{str::FromStr, thread, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Any number that nobody else takes as a lock.
const TEMPLATE_LOCK: i64 = 0x616e_6a75;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A database that goes when the test ends.
pub struct TestDatabase {
    /// Where it is.
    pub url: String,
    name: String,
    server: String,
}

impl TestDatabase {
    /// A fresh, migrated database on a server.
    pub async fn on(server: &str) -> Self {
        let template = template(server).await;
        let name = format!("anju_test_{}", Uuid::now_v7().simple());
        let mut connection = connect(server).await;
        connection
            .execute(AssertSqlSafe(format!(
                "CREATE DATABASE {name} TEMPLATE {template}"
            )))
            .await
            .expect("a copy of the template");
        Self {
            url: with_database(server, &name),
            name,
            server: server.to_owned(),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Dropping is synchronous and may happen inside a runtime: a thread has its own.
        let dropped = thread::spawn(move || {
            Runtime::new()
                .expect("a runtime")
                .block_on(drop_database(&server, &name))
        })
        .join();
        // What stays goes with the cluster, and says nothing of what was tested.
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("{} stays: {dropped:?}", self.name);
        }
    }
}

/// PostgreSQL 15 refuses `FORCE` to anybody but a superuser as long as an autovacuum worker is in the database; the worker goes soon.
async fn drop_database(server: &str, name: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    let mut tries = 0;
    loop {
        let dropped = connection
            .execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
            .await;
        tries += 1;
        match dropped {
            Err(_) if tries < 20 => tokio::time::sleep(Duration::from_millis(100)).await,
            outcome => return outcome.map(drop),
        }
    }
}

/// The template of this schema, made by whoever comes first.
async fn template(server: &str) -> String {
    let schema = MIGRATIONS
        .iter()
        .flat_map(|migration| migration.checksum.iter())
        .fold(0_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let name = format!("anju_template_{schema:016x}");
    let mut connection = connect(server).await;
    lock(&mut connection, true).await;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut connection)
            .await
            .expect("the list of databases");
    if !exists {
        // Under another name until it is whole: a run that was killed leaves no half template.
        let draft = format!("{name}_draft");
        for statement in [
            format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"),
            format!("CREATE DATABASE {draft}"),
        ] {
            connection
                .execute(AssertSqlSafe(statement))
                .await
                .expect("an empty database");
        }
        let mut owner = connect(&with_database(server, &draft)).await;
        MIGRATIONS.run(&mut owner).await.expect("the migrations");
        owner.close().await.expect("a closed connection");
        connection
            .execute(AssertSqlSafe(format!(
                "ALTER DATABASE {draft} RENAME TO {name}"
            )))
            .await
            .expect("the template");
    }
    lock(&mut connection, false).await;
    name
}

async fn lock(connection: &mut PgConnection, take: bool) {
    sqlx::query(if take {
        "SELECT pg_advisory_lock($1)"
    } else {
        "SELECT pg_advisory_unlock($1)"
    })
    .bind(TEMPLATE_LOCK)
    .execute(connection)
    .await
    .expect("the lock of the template");
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the test server")
}

fn with_database(server: &str, name: &str) -> String {
    PgConnectOptions::from_str(server)
        .expect("a connection URL")
        .database(name)
        .to_url_lossy()
        .to_string()
}
