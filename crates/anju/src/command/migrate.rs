//! `anju migrate`: brings the schema to this version.

use crate::{config::Config, database};

/// Migrates the database that the configuration names.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let url = database::url(config).await?;
    database::migrate(&url).await?;
    println!("数据库结构已是最新。");
    Ok(())
}
