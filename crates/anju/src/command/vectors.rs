//! `anju vectors FILE.csv`: recomputes worked numbers with the product's functions.

use std::{io::stdout, path::Path, process::ExitCode};

use crate::vectors;

/// 1 if a row came out otherwise.
pub fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let tally = vectors::run(file, &mut stdout().lock())?;
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
