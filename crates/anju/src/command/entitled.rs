//! `anju entitled`: the day's run of 服务找人 at once; what the server does by itself once a day, when the hour of policy has come.

use anju_engine::entitled;

use crate::{config::Config, database, start::office};

/// Connections of a run: it asks one thing after another.
const CONNECTIONS: u32 = 4;

/// Runs and tells its figures.
///
/// # Errors
/// No database; a policy without its numbers.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let url = database::existing(config).await?;
    let pool = database::pool(&url, CONNECTIONS).await?;
    let engine = office::engine(config, office::open(config, pool).await?)?;
    match entitled::again(&engine).await? {
        None => println!("政策没有打开服务找人"),
        Some(report) => println!(
            "看过 {} 人，判过 {} 人次，找到 {} 人次，告知 {} 人，已办 {} 件",
            report.people, report.judged, report.found, report.told, report.claimed
        ),
    }
    Ok(())
}
