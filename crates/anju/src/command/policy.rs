//! `anju policy`: check the policy files, explain a person's case, replay decisions, compare versions.

use std::{path::PathBuf, process::ExitCode};

use crate::config::Config;

/// What to do with the policy files.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// 检查政策文件，逐条指出错误
    Check {
        /// 政策文件夹；默认为配置中的
        folder: Option<PathBuf>,
    },
    /// 用决定当时的政策和事实重放过去的决定（后续版本提供）
    Replay,
    /// 在全部人口上比较两个政策版本（后续版本提供）
    Simulate,
}

/// Does it.
pub fn run(config: &Config, action: Action) -> ExitCode {
    match action {
        Action::Check { folder } => check(config, &folder.unwrap_or_else(|| config.policy.clone())),
        Action::Replay | Action::Simulate => {
            eprintln!("本版本尚不支持，随后续版本提供。");
            ExitCode::from(2)
        }
    }
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
