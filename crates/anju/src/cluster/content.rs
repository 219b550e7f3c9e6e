//! What stands in the cluster before any migration: the owner's role, its database, the statement statistics.

use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};

use super::{Cluster, DATABASE, Result};

/// Longest wait for a server that runs and recovers from a crash.
const RECOVERY: Duration = Duration::from_secs(300);

/// Makes what is missing.
pub async fn make(cluster: &Cluster) -> Result<()> {
    let mut connection = connect(cluster, "postgres").await?;
    let role: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju')")
            .fetch_one(&mut connection)
            .await?;
    if !role {
        connection
            .execute("CREATE ROLE anju LOGIN CREATEROLE CREATEDB IN ROLE pg_monitor")
            .await?;
    }
    let database: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'anju')")
            .fetch_one(&mut connection)
            .await?;
    if !database {
        // Into the template first, so that every database made from it has them too.
        make_statistics(cluster, "template1").await?;
        connection
            .execute("CREATE DATABASE anju OWNER anju")
            .await?;
    }
    connection.close().await?;
    make_statistics(cluster, DATABASE).await
}

/// How often each statement runs, for whoever runs the centre and for the tests that count statements.
async fn make_statistics(cluster: &Cluster, database: &str) -> Result<()> {
    let mut connection = connect(cluster, database).await?;
    let wanted: bool = sqlx::query_scalar(
        "SELECT current_setting('shared_preload_libraries') <> ''
            AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')",
    )
    .fetch_one(&mut connection)
    .await?;
    if wanted {
        connection
            .execute(
                "CREATE EXTENSION pg_stat_statements;
                 GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO anju",
            )
            .await?;
    }
    Ok(connection.close().await?)
}

/// As the cluster's superuser. Waits for a server that has just been started or is recovering.
async fn connect(cluster: &Cluster, database: &str) -> Result<PgConnection> {
    let began = Instant::now();
    loop {
        match PgConnection::connect(&cluster.url_as("postgres", database)).await {
            Err(error) if comes_soon(&error) && began.elapsed() < RECOVERY => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

fn comes_soon(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // cannot_connect_now: starting up, shutting down or in recovery.
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}
