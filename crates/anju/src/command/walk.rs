//! `anju walk`: the main job over the doors, with its figures.

use std::process::ExitCode;

use crate::{config::Config, walk};

/// 0 if every figure is right.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    Ok(if walk::run(config).await? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
