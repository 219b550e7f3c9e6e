//! `anju ready`: waits until the outside world and the server answer.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::config::Config;

/// Longest wait: after a crash PostgreSQL recovers first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns when both answer, or says which does not.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let began = Instant::now();
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .build()?;
    for (name, url) in [
        ("外部世界", format!("{}/control/clock", config.outside_url)),
        ("服务", format!("http://{}/readyz", config.listen)),
    ] {
        loop {
            let said = match http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => answer.status().to_string(),
                Err(error) => error.to_string(),
            };
            if began.elapsed() > PATIENCE {
                bail!("{name}没有就绪（{url}）：{said}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
