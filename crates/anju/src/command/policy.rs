//! `anju policy`: check the policy files, explain a person's case, replay decisions, compare versions.

use std::{path::PathBuf, process::ExitCode};

use anju_casework::case::Replay;
use anju_policy::PolicySet;
use anyhow::bail;

use crate::{config::Config, database, start::office};

/// What to do with the policy files.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// 检查政策文件，逐条指出错误
    Check {
        /// 政策文件夹；默认为配置中的
        folder: Option<PathBuf>,
    },
    /// 用决定当时的政策和事实重放过去的决定，逐件指出不同
    Replay {
        /// 用这个文件夹里的政策，代替各决定写明的版本
        #[arg(long, value_name = "DIR")]
        policy: Option<PathBuf>,
    },
    /// 在全部人口上比较两个政策版本（后续版本提供）
    Simulate,
}

/// Does it.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Check { folder } => Ok(check(
            config,
            &folder.unwrap_or_else(|| config.policy.clone()),
        )),
        Action::Replay { policy } => replay(config, policy).await,
        Action::Simulate => {
            eprintln!("本版本尚不支持，随后续版本提供。");
            Ok(ExitCode::from(2))
        }
    }
}

/// 1 if a decision does not come out as it did: one line for each difference.
async fn replay(config: &Config, folder: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let instead = match folder {
        None => None,
        Some(folder) => match PolicySet::read(&folder, &config.centre) {
            Ok(set) => Some(set),
            Err(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                bail!("政策文件有误：\n{}", lines.join("\n"));
            }
        },
    };
    let url = database::url(config).await?;
    let office = office::open(config, database::pool(&url, 1).await?).await?;
    let mut replay = Replay::new(&office, instead);
    let mut differing = 0;
    while let Some(differences) = replay.next().await? {
        for difference in &differences {
            println!("{}  {}", difference.case_no, difference.what);
        }
        differing += differences.len();
    }
    println!("已重放 {} 个决定：{differing} 处不同", replay.decisions);
    Ok(if differing == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(config: &Config, folder: &std::path::Path) -> ExitCode {
    let errors = anju_policy::check(folder, &config.centre);
    for error in &errors {
        println!("{error}");
    }
    println!(
        "{}/{}：{} 处错误",
        folder.display(),
        config.centre,
        errors.len()
    );
    if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
