//! R14: from `kill -9` to the first good answer, of the server and of PostgreSQL, on a cluster that is made for it and thrown away.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sqlx::{Connection, PgConnection};

use super::{
    load::median,
    row::{Bar, Row},
    server::free_address,
};
use crate::{
    cluster::{Cluster, DATABASE},
    config::Config,
};

/// Deaths of each kind.
const DEATHS: usize = 3;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both rows.
pub async fn answers_again(config: &Config) -> anyhow::Result<Vec<Row>> {
    let victim = Victim::make(config).await?;
    let rows = killed(&victim).await;
    victim.remove()?;
    rows
}

async fn killed(victim: &Victim) -> anyhow::Result<Vec<Row>> {
    let mut server = victim.serve()?;
    victim.ready().await?;
    let mut starts = Vec::new();
    for _ in 0..DEATHS {
        server.0.kill()?;
        server.0.wait()?;
        let began = Instant::now();
        server = victim.serve()?;
        victim.ready().await?;
        starts.push(began.elapsed().as_secs_f64());
    }

    let (mut totals, mut recoveries, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..DEATHS {
        victim.kill_postgresql()?;
        let began = Instant::now();
        victim.is_gone().await?;
        victim.cluster.start().await?;
        let recovery = victim.connects(began).await?.as_secs_f64();
        victim.ready().await?;
        let total = began.elapsed().as_secs_f64();
        totals.push(total);
        recoveries.push(recovery);
        after.push(total - recovery);
    }
    let mut second = Row::value(
        "R14",
        "PostgreSQL 被 kill -9 到恢复应答，扣去它自身的恢复",
        "秒",
        median(&after),
        Bar::at_most(3.0, 1.0),
    );
    second.ours = median(&totals);
    second.reference = Some(median(&recoveries));
    Ok(vec![
        Row::value(
            "R14",
            "服务被 kill -9 后重启到首个正确应答",
            "秒",
            median(&starts),
            Bar::at_most(3.0, 1.0),
        ),
        second,
    ])
}

/// A centre whose parts may be killed.
struct Victim {
    config: Config,
    cluster: Cluster,
    client: reqwest::Client,
}

/// A process that ends with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already: then there is nobody to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Victim {
    async fn make(config: &Config) -> anyhow::Result<Self> {
        let home: PathBuf = std::env::temp_dir().join(format!("anju-death-{}", std::process::id()));
        fs::create_dir_all(&home)?;
        let config = Config {
            listen: free_address()?,
            home,
            database_url: String::new(),
            ..config.clone()
        };
        let cluster = Cluster::of(&config.home)?;
        let victim = Self {
            config,
            cluster,
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(5))
                .build()?,
        };
        let output = victim.anju(&["setup"])?.output()?;
        ensure!(
            output.status.success(),
            "anju setup: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(victim)
    }

    fn remove(self) -> anyhow::Result<()> {
        self.cluster.remove()?;
        Ok(fs::remove_dir_all(&self.config.home)?)
    }

    fn anju(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(arguments)
            .env("ANJU_HOME", &self.config.home)
            .env("ANJU_LISTEN", self.config.listen.to_string())
            .env("ANJU_POLICY", &self.config.policy)
            .env("ANJU_CENTRE", &self.config.centre)
            .env("ANJU_DEMO", "0")
            .env("ANJU_LOG", "off")
            .env_remove("DATABASE_URL");
        Ok(command)
    }

    fn serve(&self) -> anyhow::Result<Process> {
        let child = self
            .anju(&["serve"])?
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Process(child))
    }

    /// Until a write would work.
    async fn ready(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let path = format!("http://{}/readyz", self.config.listen);
        loop {
            let answer = self.client.get(&path).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "服务没有恢复应答");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Until the system has buried PostgreSQL: as long as it seems to run, nobody starts it again.
    async fn is_gone(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.cluster.is_running() {
            ensure!(began.elapsed() < PATIENCE, "PostgreSQL 没有停下");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Until PostgreSQL takes a connection.
    async fn connects(&self, began: Instant) -> anyhow::Result<Duration> {
        loop {
            match PgConnection::connect(&self.cluster.url(DATABASE)).await {
                Ok(connection) => {
                    connection.close().await?;
                    return Ok(began.elapsed());
                }
                Err(error) => ensure!(began.elapsed() < PATIENCE, "PostgreSQL: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn kill_postgresql(&self) -> anyhow::Result<()> {
        let file = fs::read_to_string(self.cluster.data().join("postmaster.pid"))?;
        let pid = file.lines().next().context("a process number")?;
        let killed = Command::new("kill").args(["-9", pid.trim()]).status()?;
        ensure!(killed.success(), "kill -9 {pid}");
        Ok(())
    }
}
