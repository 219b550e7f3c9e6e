//! The references: the scripts of `bench/` at the root of the repository, run by `sh` and `psql` just as anybody would.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::cluster::install;

const TPCB: &str = include_str!("../../../../bench/tpcb.sh");
const TPCB_WAL: &str = include_str!("../../../../bench/tpcb_wal.sh");
const SELECT_ONLY: &str = include_str!("../../../../bench/select_only.sh");

/// Copies of the money tables for the two references below.
pub const TABLES: &str = include_str!("../../../../bench/tables.sql");
/// A roster in plain SQL.
pub const ROSTER: &str = include_str!("../../../../bench/roster.sql");
/// Who may withdraw for rent, by hand.
pub const ENTITLED: &str = include_str!("../../../../bench/entitled.sql");
/// A year's interest in plain SQL.
pub const INTEREST: &str = include_str!("../../../../bench/interest.sql");

/// Scale of the TPC-B tables: five million accounts, 750 MB.
const SCALE: u32 = 50;

/// PostgreSQL's own programs, on the bench's database.
pub struct Reference {
    programs: PathBuf,
    url: String,
}

impl Reference {
    /// Finds `pgbench` and `psql` beside the server's other programs.
    pub fn make(url: &str) -> anyhow::Result<Self> {
        let programs = install::programs().context("本机没有 pgbench 和 psql")?;
        ensure!(
            programs.join("pgbench").exists() && programs.join("psql").exists(),
            "{} 里没有 pgbench 和 psql",
            programs.display()
        );
        Ok(Self {
            programs,
            url: url.to_owned(),
        })
    }

    /// Makes pgbench's tables in a schema of their own, at a scale.
    pub fn tables(&self, schema: &str, scale: u32) -> anyhow::Result<()> {
        self.psql(&format!("CREATE SCHEMA IF NOT EXISTS {schema};"), &[])?;
        let scale = scale.to_string();
        let mut command = Command::new(self.programs.join("pgbench"));
        command
            .args(["-i", "-q", "-s", &scale, &self.url])
            .env("PGOPTIONS", format!("-c search_path={schema}"));
        run(command, "").map(drop)
    }

    /// The TPC-B tables of the rate.
    pub fn tpcb_tables(&self) -> anyhow::Result<()> {
        self.tables("tpcb", SCALE)
    }

    /// TPC-B transactions per second with 16 clients.
    pub fn tpcb(&self, seconds: u32) -> anyhow::Result<f64> {
        rate(&self.script(TPCB, &[("SECONDS_LONG", seconds.to_string())])?)
    }

    /// Runs so many TPC-B transactions with one client on the small tables.
    pub fn tpcb_wal(&self, transactions: usize) -> anyhow::Result<()> {
        self.script(TPCB_WAL, &[("TRANSACTIONS", transactions.to_string())])
            .map(drop)
    }

    /// `pgbench -S` per second with 16 clients.
    pub fn select_only(&self, seconds: u32) -> anyhow::Result<f64> {
        rate(&self.script(SELECT_ONLY, &[("SECONDS_LONG", seconds.to_string())])?)
    }

    /// Runs a SQL script and says how long it took, psql's own start included.
    pub fn psql(&self, sql: &str, variables: &[(&str, String)]) -> anyhow::Result<Duration> {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url]);
        for (name, value) in variables {
            command.arg("-v").arg(format!("{name}={value}"));
        }
        let began = Instant::now();
        run(command, sql)?;
        Ok(began.elapsed())
    }

    fn script(&self, script: &str, variables: &[(&str, String)]) -> anyhow::Result<String> {
        let mut command = Command::new("sh");
        command
            .arg("-s")
            .env("PGBENCH", self.programs.join("pgbench"))
            .env("DATABASE_URL", &self.url)
            .envs(variables.iter().map(|(name, value)| (*name, value)));
        run(command, script)
    }
}

/// Runs a program with a text as its input; its words are the error where it fails.
fn run(mut command: Command, input: &str) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| program.clone())?;
    child
        .stdin
        .take()
        .context("a pipe")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", words.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `tps = 3850.4 (…)` of a pgbench report.
fn rate(report: &str) -> anyhow::Result<f64> {
    report
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench 没有给出 tps：{report}"))
}
