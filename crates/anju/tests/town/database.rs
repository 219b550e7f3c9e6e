//! A database of its own for each test, on the server that `ANJU_TEST_DATABASE_URL` names (`./test` makes it). Without it, as when a
//! developer runs `cargo test`, a private cluster in the temporary folder is made and kept.
//!
//! `ANJU_TEST_HASTY_URL` may name a second server, one that waits for no disk, for all tests but those of faults: what these kill and cut
//! must survive as it ships.

#[path = "../../../ledger/tests/ledger/database.rs"]
mod template;

use anju::cluster::{Cluster, DATABASE};
use sqlx::{Connection, PgConnection};

pub use template::TestDatabase;

impl TestDatabase {
    /// A fresh, migrated database.
    pub async fn fresh() -> Self {
        Self::on(&server().await).await
    }

    /// A connection as the owner, past the application's role: for looking and for planting faults.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.url)
            .await
            .expect("the test database")
    }
}

/// Where the server is, with its own database.
pub async fn server() -> String {
    let faults = module_path!().starts_with("faults::");
    if let (false, Ok(url)) = (faults, std::env::var("ANJU_TEST_HASTY_URL")) {
        return url;
    }
    if let Ok(url) = std::env::var("ANJU_TEST_DATABASE_URL") {
        return url;
    }
    let cluster = Cluster::of(&std::env::temp_dir().join("anju-test")).expect("PostgreSQL");
    cluster.start().await.expect("the test cluster");
    cluster.url(DATABASE)
}
