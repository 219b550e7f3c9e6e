//! F13: a migration while the program serves.
//!
//! There is one version of the program as yet, so that what is shown is the half that the database owes: the program of today goes on
//! without an error while the schema is expanded under it (a column more in every table, a table, an index built concurrently) and
//! while `anju migrate` runs again. That a program of yesterday serves on a schema of today will be shown when there is one.

use std::process::Command;
use std::time::Duration;

use anju_domain::{calendar::Month, clock::shanghai_date};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::{
    centre::{Centre, Plan},
    chance::seed,
    checker::must_agree,
    clients::Clients,
    story::{count, requests, tenants},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_grows_under_a_serving_program_without_an_error() {
    let seed = seed();
    let centre = Centre::open(Plan::default()).await;
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    let people = tenants(&centre.doors, this, count(60, 600), 91).await;
    let wishes = requests(&centre.doors, &people).await;
    let clients = Clients::of(&centre.config).start(8, seed, wishes);
    clients.progress(10).await;
    let mut owner = PgConnection::connect(&centre.config.database_url)
        .await
        .expect("the database");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND relname NOT IN ('outbox', 'outbox_done', '_sqlx_migrations')
          ORDER BY relname",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the tables");
    assert!(tables.len() > 20, "{tables:?}");
    for table in &tables {
        expand(
            &mut owner,
            &format!("ALTER TABLE {table} ADD COLUMN grown bigint"),
        )
        .await;
        migrate(&centre);
    }
    // Rows move from one to the other as they are, so that the two grow together.
    expand(
        &mut owner,
        "ALTER TABLE outbox ADD COLUMN grown bigint; ALTER TABLE outbox_done ADD COLUMN grown bigint",
    )
    .await;
    expand(&mut owner, "CREATE TABLE grown (id bigint PRIMARY KEY)").await;
    owner
        .execute("CREATE INDEX CONCURRENTLY grown_case ON business_case (grown)")
        .await
        .expect("an index");
    clients.progress(20).await;
    let met = clients.stop().await;
    assert_eq!(met.unavailable, 0, "nobody was turned away, seed {seed}");
    must_agree(&centre.places(), &met.acknowledged).await;
}

/// One step of a migration, which never stands in the way for long: who cannot have the lock at once lets the others pass and tries again.
async fn expand(owner: &mut PgConnection, statement: &str) {
    for _ in 0..200 {
        let statement = format!("BEGIN; SET LOCAL lock_timeout = '100ms'; {statement}; COMMIT");
        match owner.execute(AssertSqlSafe(statement.clone())).await {
            Ok(_) => return,
            Err(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                assert_eq!(code.as_deref(), Some("55P03"), "{error}: {statement}");
                owner.execute("ROLLBACK").await.expect("undone");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    panic!("the lock is never free for {statement}");
}

/// `anju migrate` of this version, once in a while: there is nothing to do, and it must not disturb.
fn migrate(centre: &Centre) {
    let done = Command::new(env!("CARGO_BIN_EXE_anju"))
        .arg("migrate")
        .env("ANJU_HOME", &centre.config.home)
        .env("DATABASE_URL", &centre.config.database_url)
        .output()
        .expect("the binary");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
