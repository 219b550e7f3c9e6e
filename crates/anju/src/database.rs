//! The database as the program meets it: where it is, its pool, its migrations.
//!
//! Invariant: every pooled connection works as the application's role, which may read money tables and never write
//! them except through the ledger's own functions; only migrations and founding run as the owner. On a server where the
//! owner may not make roles it serves as itself (migration 0001).

use std::time::Duration;

use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    cluster::{Cluster, ClusterError, DATABASE},
    config::Config,
};

/// The schema, numbered, forward only, inside the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Where the database is: `DATABASE_URL`, or the private cluster, started if it does not run.
pub async fn url(config: &Config) -> Result<String, ClusterError> {
    if !config.database_url.is_empty() {
        return Ok(config.database_url.clone());
    }
    let cluster = Cluster::of(&config.home)?;
    cluster.start().await?;
    Ok(cluster.url(DATABASE))
}

/// Why there is nothing to work on. The text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum NothingThere {
    /// No cluster, or none that is ours.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It cannot be asked.
    #[error("连不上数据库")]
    Away(#[source] sqlx::Error),
    /// A database that is empty.
    #[error(
        "数据库里没有本系统的表：请先运行 anju setup（只补表结构用 anju migrate）；连的不是这个数据库时请改 DATABASE_URL"
    )]
    Empty,
}

/// The same for whoever only looks or works on: where nothing was set up nothing is made, and it is said what to run.
pub async fn existing(config: &Config) -> Result<String, NothingThere> {
    let url = if config.database_url.is_empty() {
        let cluster = Cluster::of(&config.home)?;
        cluster.start_existing().await?;
        cluster.url(DATABASE)
    } else {
        config.database_url.clone()
    };
    let mut connection = PgConnection::connect(&url)
        .await
        .map_err(NothingThere::Away)?;
    let is_set_up: bool = sqlx::query_scalar("SELECT to_regclass('centre') IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .map_err(NothingThere::Away)?;
    connection.close().await.map_err(NothingThere::Away)?;
    if is_set_up {
        Ok(url)
    } else {
        Err(NothingThere::Empty)
    }
}

/// Brings the schema to this version. Harmless to repeat.
pub async fn migrate(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    MIGRATIONS.run(&mut connection).await?;
    connection.close().await
}

/// How long a request waits for a connection. Longer than PostgreSQL needs to come back after its own death; who waits longer is told
/// to come again, instead of standing in a queue that nobody sees.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// After so long a connection is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// The application's connections. The close of a day waits for those named `anju`, so all writers carry that name.
pub async fn pool(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection that was used a moment ago is not asked whether it lives: that would be a round trip more for every
        // statement. One that has rested may have met a restart of the server.
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for >= RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(work_as_application(connection)))
        .connect_with(
            options
                .application_name("anju")
                // Each statement is planned once a session. Left to itself PostgreSQL plans the large ones anew every time, which took
                // longer than running them.
                .options([("plan_cache_mode", "force_generic_plan")]),
        )
        .await
}

/// A session that only reads, for as long as it likes: it is not named `anju`, so that no close waits for it.
pub async fn reader(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let mut connection =
        PgConnection::connect_with(&options.application_name("anju-reader")).await?;
    work_as_application(&mut connection).await?;
    Ok(connection)
}

async fn work_as_application(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let role: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app')")
            .fetch_one(&mut *connection)
            .await?;
    if role {
        connection.execute("SET ROLE anju_app").await?;
    }
    Ok(())
}
