//! `anju bench`: what the product does in a second, beside what PostgreSQL does with the same disk and cores.
//!
//! Invariants: nothing here touches the centre's own database; a figure is never shown without the reference that ran beside it, or the
//! word that it has none; the references are the files of `bench/`. Read `ground.rs`, then `withdrawal.rs`.

mod bank;
mod base;
mod book;
mod death;
mod entitled;
mod ground;
mod interest;
mod load;
mod log;
mod measure;
mod reference;
mod roster;
mod row;
mod rule;
mod server;
mod withdrawal;

use std::time::Instant;

use anju_ledger::audit;
use anyhow::ensure;
use serde::Serialize;

pub use row::{HEAD, Row};
pub use server::serve;

use ground::Ground;
use row::Bar;

use crate::{config::Config, machine};

/// The rows, in the order in which they run: what changes the open day comes last.
pub const ROWS: &[&str] = &[
    "R5", "R1", "R1b", "R2", "R6", "R10", "R12", "R9", "R11", "R17", "R7", "R8", "R13", "R14",
    "R16", "R3", "R4", "BASE",
];

/// What the bench found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Cores, memory, PostgreSQL.
    pub machine: Machine,
    /// Accounts of the book.
    pub accounts: usize,
    /// Seconds that the book took to build.
    pub built_seconds: f64,
    /// Breaches that the audit found in the book afterwards.
    pub audit_breaches: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
    /// Rows that could not be measured, and why.
    pub failed: Vec<String>,
}

/// What it ran on.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Name of the processor.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory, MB.
    pub memory_mb: u64,
    /// Version of PostgreSQL.
    pub postgresql: String,
    /// Settings of PostgreSQL that figures depend on.
    pub settings: String,
}

/// Measures these rows on a book of so many accounts, and audits the book. Each row is told as soon as it is known.
///
/// # Errors
/// No PostgreSQL, an unknown row, or whatever a row meets: a bench that could not do its work has no figures.
pub async fn run(
    config: &Config,
    wanted: &[String],
    accounts: usize,
    tell: impl Fn(&str),
) -> anyhow::Result<Report> {
    let rows: Vec<&str> = ROWS
        .iter()
        .copied()
        .filter(|row| wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(row)))
        .collect();
    let unknown = wanted
        .iter()
        .find(|name| !ROWS.iter().any(|row| name.eq_ignore_ascii_case(row)));
    ensure!(
        unknown.is_none(),
        "没有 {} 这一行；可选：{}",
        unknown.map_or("", String::as_str),
        ROWS.join(" ")
    );
    ensure!(accounts >= 100, "--accounts 至少为 100");
    let ground = Ground::make(config, accounts).await?;
    tell(&format!(
        "账簿 {accounts} 户，{:.0} 秒建成",
        ground.built_seconds
    ));
    let measured = measure(&ground, &rows, &tell).await;
    let audited = audited(&ground).await;
    let machine = machine(&ground).await;
    let built_seconds = ground.built_seconds;
    ground.remove().await?;
    let (rows, failed) = measured?;
    Ok(Report {
        machine: machine?,
        accounts,
        built_seconds,
        audit_breaches: audited?,
        rows,
        failed,
    })
}

/// Rows and failures. One row that fails does not take the others with it: at full size they are worth an hour.
async fn measure(
    ground: &Ground,
    rows: &[&str],
    tell: &impl Fn(&str),
) -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    if rows.iter().any(|row| NEEDS_TPCB.contains(row)) {
        ground.reference.tpcb_tables()?;
    }
    if rows.iter().any(|row| WITHDRAWS.contains(row)) {
        withdrawal::warm(ground).await?;
    }
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for row in rows {
        let began = Instant::now();
        match one(ground, row).await {
            Ok(figures) => {
                for figure in &figures {
                    tell(&format!(
                        "{}  {:.0} 秒",
                        figure.line(),
                        began.elapsed().as_secs_f64()
                    ));
                }
                found.extend(figures);
            }
            Err(error) => {
                tell(&format!("{row}：{error:#}"));
                failed.push(format!("{row}: {error:#}"));
            }
        }
    }
    Ok((found, failed))
}

/// Rows that submit withdrawals in this process.
const WITHDRAWS: &[&str] = &["R1", "R1b", "R5", "R6", "R10", "R12", "R16"];

/// Rows that pgbench's tables stand beside.
const NEEDS_TPCB: &[&str] = &["R1", "R1b", "R2", "R10"];

async fn one(ground: &Ground, row: &str) -> anyhow::Result<Vec<Row>> {
    Ok(match row {
        "R1" => vec![Row::rate(
            "R1",
            "提取，进程内 16 个客户，提交到付款中",
            "件/秒",
            withdrawal::to_executing(ground).await?,
            Bar::at_least(0.40, 0.70),
        )],
        "R1b" => vec![Row::rate(
            "R1b",
            "同上，提交到办结",
            "件/秒",
            withdrawal::to_settled(ground).await?,
            Bar::at_least(0.30, 0.45),
        )],
        "R5" => vec![Row::rate(
            "R5",
            "提取全部从一个专户付 / 分散在各专户",
            "件/秒",
            withdrawal::one_bank(ground).await?,
            Bar::at_least(0.90, 0.98),
        )],
        "R6" => vec![Row::rate(
            "R6",
            "提取并留凭证 / 不留",
            "件/秒",
            withdrawal::evidence(ground).await?,
            Bar::at_least(0.90, 0.95),
        )],
        "R10" => vec![Row::rate(
            "R10",
            "重复的请求号得到原来的回答",
            "次/秒",
            withdrawal::repeated(ground).await?,
            Bar::at_least(0.30, 0.60),
        )],
        "R12" => {
            let (ours, reference) = withdrawal::wal(ground).await?;
            vec![Row::ratio(
                "R12",
                "一笔提取从提交到办结的 WAL / 一笔 TPC-B",
                "字节",
                (ours, reference, ours / reference),
                Bar::at_most(8.0, 6.5),
            )]
        }
        "R2" => vec![Row::rate(
            "R2",
            "提取，经网页（会话、防伪令牌），提交到办结",
            "件/秒",
            server::through_http(ground).await?,
            Bar::at_least(0.20, 0.40),
        )],
        "R3" => vec![roster::booked(ground).await?],
        "R4" => vec![interest::of_the_year(ground).await?],
        "BASE" => base::adjusted(ground).await?,
        "R7" => rule::decided(ground)?,
        "R8" => vec![entitled::found(ground).await?],
        "R9" => vec![server::page(ground).await?],
        "R11" => vec![server::beside_hanging_sources(ground).await?],
        "R13" => vec![roster::read(ground).await?],
        "R14" => death::answers_again(&ground.config).await?,
        "R16" => vec![log::proved(ground).await?],
        "R17" => server::memory(ground).await?,
        other => anyhow::bail!("{other} is not built"),
    })
}

/// Every invariant of the ledger, on the book after all that was done to it.
async fn audited(ground: &Ground) -> anyhow::Result<Vec<String>> {
    let office = &ground.engine.office;
    let mut connection = office.pool.acquire().await?;
    let breaches = audit::audit(&mut connection, office.ledger()).await?;
    Ok(breaches
        .iter()
        .map(|breach| format!("{} {} {}", breach.invariant, breach.place, breach.detail))
        .collect())
}

async fn machine(ground: &Ground) -> anyhow::Result<Machine> {
    let (postgresql, settings): (String, String) = sqlx::query_as(
        "SELECT current_setting('server_version'),
                (SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name)
                   FROM pg_settings
                  WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums', 'shared_buffers', 'max_wal_size',
                                 'wal_compression'))",
    )
    .fetch_one(&ground.engine.office.pool)
    .await?;
    Ok(Machine {
        cpu: machine::cpu(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mb: machine::memory_mb(),
        postgresql,
        settings,
    })
}
