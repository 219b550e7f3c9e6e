//! The schema: migrations on an empty database, and what the application's role may do.

use anju::database;

use crate::database::TestDatabase;

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = TestDatabase::fresh().await;
    database::migrate(&database.url)
        .await
        .expect("a second time");
}

#[tokio::test]
async fn the_application_reads_money_and_cannot_write_it() {
    let database = TestDatabase::fresh().await;
    let pool = database::pool(&database.url, 1).await.expect("a pool");
    sqlx::query("SELECT account_id FROM ledger_account LIMIT 1")
        .fetch_optional(&pool)
        .await
        .expect("reading is allowed");
    for statement in [
        "DELETE FROM posting",
        "UPDATE ledger_account SET balance_fen = 1",
        "INSERT INTO business_day (centre_id, open_date) VALUES (1, '2026-01-01')",
        "UPDATE journal SET lines = 0",
        "DELETE FROM command",
    ] {
        let refused = sqlx::query(statement)
            .execute(&pool)
            .await
            .expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

/// Found before their centre is known, or numbered for the whole database; none is a place where two centres could meet.
const KEYS_OF_THE_DATABASE: &[&str] = &[
    "centre_code_key",
    "policy_version_pkey",
    "session_pkey",
    "session_session_id_key",
];

#[tokio::test]
async fn every_table_and_every_unique_key_names_the_centre() {
    let database = TestDatabase::fresh().await;
    let mut owner = database.owner().await;
    let wrong: Vec<String> = sqlx::query_scalar(
        "SELECT relation.relname || ': ' || coalesce(key.relname, 'no centre_id')
           FROM pg_class relation
           LEFT JOIN pg_index unique_key ON unique_key.indrelid = relation.oid AND unique_key.indisunique
           LEFT JOIN pg_class key ON key.oid = unique_key.indexrelid
           LEFT JOIN pg_attribute centre ON centre.attrelid = relation.oid AND centre.attname = 'centre_id'
          WHERE relation.relnamespace = 'public'::regnamespace
            AND relation.relkind IN ('r', 'p')
            AND relation.relname <> '_sqlx_migrations'
            AND (key.relname IS NULL OR key.relname <> ALL ($1))
            AND (centre.attnum IS NULL
                 OR unique_key.indexrelid IS NOT NULL AND centre.attnum <> ALL (unique_key.indkey))",
    )
    .bind(KEYS_OF_THE_DATABASE)
    .fetch_all(&mut owner)
    .await
    .expect("the catalogue");
    assert!(wrong.is_empty(), "{wrong:?}");
}
