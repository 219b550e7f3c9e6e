//! `anju backup`: a base backup of the private cluster, verified, with the log kept from then on.

use std::path::PathBuf;

use anju_domain::clock::rfc3339;
use anyhow::ensure;

use crate::{cluster::Cluster, config::Config};

/// Takes it and says where it lies and how far back a restore can go.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let cluster = private_cluster(config)?;
    cluster.start_existing().await?;
    let folder = folder(config, &cluster);
    let taken = cluster.back_up(&folder, config.backup_keep).await?;
    if taken.is_first {
        println!(
            "从现在起保留日志，最迟每分钟一次：{}",
            folder
                .join(taken.backup.system_identifier.to_string())
                .join("wal")
                .display()
        );
    }
    println!(
        "已备份并逐文件核对（PostgreSQL {}）：{}",
        taken.backup.postgres,
        taken.folder.display()
    );
    println!(
        "可以恢复到 {} 之后的任何时刻",
        rfc3339(taken.backup.ended_at)
    );
    for name in taken.removed {
        println!("已删除多出的旧备份 {name}");
    }
    println!(
        "密钥不在备份里：请另外保管 {}",
        crate::home::keys(&config.home).display()
    );
    Ok(())
}

/// The cluster, where it is ours.
pub(super) fn private_cluster(config: &Config) -> anyhow::Result<Cluster> {
    ensure!(
        config.database_url.is_empty(),
        "DATABASE_URL 指向中心自己的数据库服务器，备份和恢复由它的工具负责（如 pgBackRest），见 docs/operations.md"
    );
    Ok(Cluster::of(&config.home)?)
}

/// Where its backups lie.
pub(super) fn folder(config: &Config, cluster: &Cluster) -> PathBuf {
    if config.backup.as_os_str().is_empty() {
        cluster.backups()
    } else {
        config.home.join(&config.backup) // an absolute path stands for itself
    }
}
