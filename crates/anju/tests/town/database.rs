//! A database of its own for each test, copied from a template that was migrated once.
//!
//! The server is the one that `ANJU_TEST_DATABASE_URL` names (`./test` makes it). Without it, as when a developer runs
//! `cargo test`, a private cluster in the temporary folder is made and kept.

use std::{str::FromStr, thread};

use anju::{
    cluster::{Cluster, DATABASE},
    database::{self, MIGRATIONS},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Any number that nobody else takes as a lock.
const TEMPLATE_LOCK: i64 = 0x616e_6a75;

/// A database that goes when the test ends.
pub struct TestDatabase {
    /// Where it is.
    pub url: String,
    name: String,
    server: String,
}

impl TestDatabase {
    /// A fresh, migrated database.
    pub async fn fresh() -> Self {
        let server = server().await;
        let template = template(&server).await;
        let name = format!("anju_test_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("the test server");
        connection
            .execute(AssertSqlSafe(format!(
                "CREATE DATABASE {name} TEMPLATE {template}"
            )))
            .await
            .expect("a copy of the template");
        Self {
            url: with_database(&server, &name),
            name,
            server,
        }
    }

    /// A connection as the owner, past the application's role: for looking and for planting faults.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.url)
            .await
            .expect("the test database")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Dropping is synchronous and may happen inside a runtime: a thread has its own.
        let dropped = thread::spawn(move || {
            Runtime::new().expect("a runtime").block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                connection
                    .execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
                    .await
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(_))) && !thread::panicking() {
            panic!("could not drop {}", self.name);
        }
    }
}

async fn server() -> String {
    if let Ok(url) = std::env::var("ANJU_TEST_DATABASE_URL") {
        return url;
    }
    let cluster = Cluster::of(&std::env::temp_dir().join("anju-test")).expect("PostgreSQL");
    cluster.start().await.expect("the test cluster");
    cluster.url(DATABASE)
}

/// The template of this schema, made by whoever comes first.
async fn template(server: &str) -> String {
    let schema: u64 = MIGRATIONS.iter().fold(0, |hash, migration| {
        migration.checksum.iter().fold(hash, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    });
    let name = format!("anju_template_{schema:016x}");
    let mut connection = PgConnection::connect(server)
        .await
        .expect("the test server");
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
        database::migrate(&with_database(server, &draft))
            .await
            .expect("the migrations");
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

fn with_database(server: &str, name: &str) -> String {
    use sqlx::ConnectOptions;
    PgConnectOptions::from_str(server)
        .expect("a connection URL")
        .database(name)
        .to_url_lossy()
        .to_string()
}
