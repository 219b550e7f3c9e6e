//! `anju bench`: measured rows beside their references.

use std::{net::SocketAddr, process::ExitCode};

use crate::{
    bench::{self, HEAD},
    config::Config,
};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// 要测的行，如 R1 R12；不写则全部
    pub rows: Vec<String>,
    /// 账户数
    #[arg(long, default_value_t = 100_000)]
    pub accounts: usize,
    /// 以 JSON 输出
    #[arg(long)]
    pub json: bool,
    /// The server that rows measure, in a process of its own.
    #[arg(long, hide = true, value_name = "ADDRESS")]
    server: Option<SocketAddr>,
}

/// Prints the table or JSON; 1 if the audit found the book wrong or a row could not be measured. A row that misses its bar is a figure, not a failure.
pub async fn run(config: &Config, what: &What) -> anyhow::Result<ExitCode> {
    if let Some(address) = what.server {
        bench::serve(config, address).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = bench::run(config, &what.rows, what.accounts, |line| {
        eprintln!("{line}")
    })
    .await?;
    if what.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        let machine = &report.machine;
        println!(
            "{}，{} 核，{} MB；PostgreSQL {}（{}）；{} 户，{:.0} 秒建成\n\n{HEAD}",
            machine.cpu,
            machine.cores,
            machine.memory_mb,
            machine.postgresql,
            machine.settings,
            report.accounts,
            report.built_seconds
        );
        for row in &report.rows {
            println!("{}", row.line());
        }
        for row in &report.rows {
            if let Some(note) = &row.note {
                println!("\n{}：{note}", row.row);
            }
        }
        println!("\n账簿审计：{} 处不符", report.audit_breaches.len());
    }
    for breach in &report.audit_breaches {
        eprintln!("{breach}");
    }
    Ok(
        if report.audit_breaches.is_empty() && report.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}
