//! `anju close`: closings by two persons, for a demo centre and for tests; in production both hands are at `/desk`.

use std::process::ExitCode;

use crate::{
    config::Config,
    database,
    start::{demo, office},
};

/// What is closed.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Action {
    /// 日结
    Day,
    /// 月结（后续版本提供）
    Month,
    /// 年结（后续版本提供）
    Year,
}

/// 1 if it was refused, with the reason.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<ExitCode> {
    if !matches!(action, Action::Day) {
        eprintln!("本版本尚不支持，随后续版本提供。");
        return Ok(ExitCode::from(2));
    }
    anyhow::ensure!(config.demo, "生产中心的日结由两位会计在工作台完成");
    let url = database::url(config).await?;
    let office = office::open(config, database::pool(&url, 4).await?).await?;
    let engine = office::engine(config, office)?;
    println!("{} 已日结", demo::close_day(&engine).await?);
    Ok(ExitCode::SUCCESS)
}
