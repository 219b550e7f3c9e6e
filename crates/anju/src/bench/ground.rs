//! The bench's own ground: a database and a home that it makes, founds and removes; never those of the centre.

use std::{fs, path::PathBuf, time::Instant};

use anju_engine::Engine;
use anyhow::Context;
use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{book::Book, reference::Reference};
use crate::{config::Config, database, home, start::office};

/// Name of the database that the bench makes and drops.
pub const DATABASE: &str = "anju_bench";

/// Clients of every row that has clients.
pub const CLIENTS: usize = 16;

/// Connections of the product's pool: one a client, and some for what runs beside them.
const CONNECTIONS: u32 = 24;

/// A founded centre of the bench, with its book.
pub struct Ground {
    /// How a server on it is started.
    pub config: Config,
    /// The product.
    pub engine: Engine,
    /// Its employers and people.
    pub book: Book,
    /// What it is measured against.
    pub reference: Reference,
    /// How long the book took to build.
    pub built_seconds: f64,
    server: String,
    home: PathBuf,
}

impl Ground {
    /// Makes the database, founds the centre, fills the book with so many accounts, and the references' tables.
    pub async fn make(config: &Config, accounts: usize) -> anyhow::Result<Self> {
        let server = database::url(config).await?;
        let url = beside(&server, DATABASE)?;
        make_database(&server).await?;
        database::migrate(&url).await?;
        let folder = std::env::temp_dir().join(format!("anju-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let own = Config {
            home: folder.clone(),
            database_url: url.clone(),
            database_connections: CONNECTIONS,
            demo: false,
            ..config.clone()
        };
        home::make_keys(&own.home, false)?;
        let pool = database::pool(&url, CONNECTIONS).await?;
        office::found(&own, &url, &pool).await?;
        let engine = office::engine(&own, office::open(&own, pool).await?)?;

        let began = Instant::now();
        let book = Book::build(&engine.office, accounts).await?;
        let built_seconds = began.elapsed().as_secs_f64();
        let reference = Reference::make(&url)?;
        let ground = Self {
            config: own,
            engine,
            book,
            reference,
            built_seconds,
            server,
            home: folder,
        };
        ground.settle_disk().await?;
        Ok(ground)
    }

    /// Statistics for the planner, and a checkpoint, so that no row pays for the building.
    async fn settle_disk(&self) -> anyhow::Result<()> {
        let mut owner = self.owner().await?;
        owner.execute("VACUUM ANALYZE").await?;
        self.checkpoint().await?;
        owner.close().await?;
        Ok(())
    }

    /// A checkpoint. Only a superuser may ask for one by its name; dropping a database makes one for anybody who may do that.
    pub async fn checkpoint(&self) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.server).await?;
        connection
            .execute(AssertSqlSafe(format!(
                "DROP DATABASE IF EXISTS {DATABASE}_empty"
            )))
            .await?;
        for verb in ["CREATE", "DROP"] {
            connection
                .execute(AssertSqlSafe(format!("{verb} DATABASE {DATABASE}_empty")))
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// A connection as the owner, past the application's role: for what the bench does to its own database.
    pub async fn owner(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.config.database_url).await?)
    }

    /// Removes the database and the home.
    pub async fn remove(self) -> anyhow::Result<()> {
        self.engine.office.pool.close().await;
        drop_database(&self.server).await?;
        fs::remove_dir_all(&self.home).context("removing the bench's home")
    }
}

/// The URL of another database of the same server, as libpq and sqlx both read it.
fn beside(server: &str, name: &str) -> anyhow::Result<String> {
    let mut url: Url = server.parse().context("DATABASE_URL")?;
    url.set_path(name);
    Ok(url.to_string())
}

async fn make_database(server: &str) -> anyhow::Result<()> {
    drop_database(server).await?;
    let mut connection = PgConnection::connect(server).await?;
    connection
        .execute(AssertSqlSafe(format!("CREATE DATABASE {DATABASE}")))
        .await?;
    connection.close().await?;
    Ok(())
}

/// PostgreSQL refuses as long as an autovacuum worker is in the database; the worker goes soon.
async fn drop_database(server: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    for left in (0..50).rev() {
        let dropped = connection
            .execute(AssertSqlSafe(format!(
                "DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"
            )))
            .await;
        match dropped {
            Err(_) if left > 0 => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            outcome => {
                outcome.context("dropping the bench's database")?;
                break;
            }
        }
    }
    connection.close().await?;
    Ok(())
}
