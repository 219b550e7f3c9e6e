//! `anju policy`: check the policy files, explain a person's case, replay decisions, compare versions.

use std::process::ExitCode;

/// What to do with the policy files.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// 用决定当时的政策和事实重放过去的决定（后续版本提供）
    Replay,
    /// 在全部人口上比较两个政策版本（后续版本提供）
    Simulate,
}

/// Does it.
pub fn run(action: &Action) -> ExitCode {
    match action {
        Action::Replay | Action::Simulate => {
            eprintln!("本版本尚不支持，随后续版本提供。");
            ExitCode::from(2)
        }
    }
}
