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
    /// 月结：本版本没有，账簿逐日封存
    Month,
    /// 年结：本版本没有，账簿逐日封存
    Year,
}

/// 1 if it was refused, with the reason.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<ExitCode> {
    if !matches!(action, Action::Day) {
        eprintln!(
            "本版本没有月结和年结，没有动账。账簿逐日封存：演示中心用 anju close day，生产中心由两位会计在工作台日结；\n\
             月末那天的日结重算全部账簿，7 月 1 日的日结先把上一年度的利息结清。损益结转（E97）要等月结、年结做好之后。"
        );
        return Ok(ExitCode::FAILURE);
    }
    anyhow::ensure!(config.demo, "生产中心的日结由两位会计在工作台完成");
    let url = database::existing(config).await?;
    let office = office::open(config, database::pool(&url, 4).await?).await?;
    let engine = office::engine(config, office)?;
    println!("{} 已日结", demo::close_day(&engine).await?);
    Ok(ExitCode::SUCCESS)
}
