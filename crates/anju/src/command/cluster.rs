//! `anju cluster`: starts, stops and shows the private PostgreSQL cluster.

use std::process::ExitCode;

use crate::{
    cluster::{Cluster, DATABASE, install},
    config::Config,
};

/// What to do with the cluster.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Action {
    /// 启动（没有则新建；缺 PostgreSQL 且为 root 时先安装）
    Start,
    /// 停止
    Stop,
    /// 是否在运行：退出码 0 为在运行，3 为未运行
    Status,
    /// 打印连接串
    Url,
    /// 停止并删除全部数据；备份和恢复时移到旁边的旧数据留着
    Remove,
}

/// Does it.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<ExitCode> {
    if matches!(action, Action::Start) {
        for line in install::missing()? {
            println!("{line}");
        }
    }
    if matches!(action, Action::Status | Action::Remove) && install::programs().is_none() {
        return Ok(ExitCode::from(if matches!(action, Action::Status) {
            3
        } else {
            0
        }));
    }
    let cluster = Cluster::of(&config.home)?;
    match action {
        Action::Start => {
            let started = cluster.start().await?;
            println!(
                "数据库{}：{}",
                if started { "已启动" } else { "在运行" },
                cluster.data().display()
            );
        }
        Action::Stop => cluster.stop()?,
        Action::Status if cluster.is_running() => println!("在运行"),
        Action::Status => {
            println!("未运行");
            return Ok(ExitCode::from(3));
        }
        Action::Url => println!("{}", cluster.url(DATABASE)),
        Action::Remove => {
            let removed = cluster.remove()?;
            if removed.gone.is_empty() {
                println!("这个安装没有数据库，没有删除什么");
            }
            for folder in &removed.gone {
                println!("已删除 {}", folder.display());
            }
            for folder in &removed.left {
                println!(
                    "没有动 {}（备份，或恢复时移到旁边的旧数据；不要了请自行删除）",
                    folder.display()
                );
            }
            println!("密钥和设置还在 {}", config.home.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
