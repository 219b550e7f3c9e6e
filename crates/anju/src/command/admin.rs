//! `anju admin`: what the keeper of an installation does now and then.

use std::path::Path;
use std::time::Duration;

use anju_casework::{Office, rotation as rows};
use anju_vault::rotation::{self, Stage};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::{config::Config, database, home, start::office};

/// What to do.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Action {
    /// 轮换密钥：重新加密全部个人信息、重建盲索引，服务不停；中断后再次运行即继续
    RotateKeys {
        /// 再无旧密钥之后，等多少秒再查一遍，才让旧密钥退役；默认长于一次登录
        #[arg(long, default_value_t = 600)]
        grace: u64,
    },
    /// 轮换与部门互签的 SM2 密钥：新公钥先告诉每个部门，都确认了才启用；有部门没确认则旧密钥照用，再次运行即继续
    TurnGatewayKey,
    /// 打印电子签章的证书申请（PKCS#10），交给签发机构；拿到的证书放进 eseal.pem
    EsealRequest,
}

/// How long a rotation waits between two looks at who holds the new keys; longer than a serving process takes to look for them.
const LOOK: Duration = Duration::from_millis(1500);

/// Does it.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<()> {
    let url = database::url(config).await?;
    let office = office::open(config, database::pool(&url, 2).await?).await?;
    let grace = match action {
        Action::RotateKeys { grace } => grace,
        Action::EsealRequest => {
            print!("{}", home::eseal(&config.home, &office)?.request()?);
            return Ok(());
        }
        Action::TurnGatewayKey => {
            let told = office::engine(config, office)?.gateway.turn_key().await?;
            println!("{told} 个部门都确认了新公钥，新密钥已启用；旧密钥留着，用来打开在途的答复");
            return Ok(());
        }
    };
    let options: PgConnectOptions = url.parse()?;
    // The owner's own session, not a writer of the books: no close waits for it.
    let mut owner = PgConnection::connect_with(&options.application_name("anju-keys")).await?;
    rotate(&mut owner, &office, &home::keys(&config.home), grace).await
}

/// Each step can be repeated: whoever runs it again goes on where it stopped.
async fn rotate(
    owner: &mut PgConnection,
    office: &Office,
    keys: &Path,
    grace: u64,
) -> anyhow::Result<()> {
    if rotation::stage(keys)? != Stage::Switched {
        rotation::prepare(keys)?;
        let held = office.vault.refresh()?;
        println!("新密钥 data-{}、index-{} 已备好", held.data, held.index);
        wait_for_all(owner, office).await?;
        rotation::switch(keys)?;
    }
    office.vault.refresh()?;
    wait_for_all(owner, office).await?;
    println!("全部服务进程已用新密钥");
    until_clean(owner, office).await?;
    // What was under way when the keys changed has been written by now.
    tokio::time::sleep(Duration::from_secs(grace)).await;
    until_clean(owner, office).await?;
    rotation::retire(keys)?;
    println!(
        "旧密钥已退役，移到 {}：请移出本机保存，旧备份还要用它",
        keys.join("retired").display()
    );
    Ok(())
}

async fn wait_for_all(owner: &mut PgConnection, office: &Office) -> anyhow::Result<()> {
    let held = office.vault.generations();
    loop {
        tokio::time::sleep(LOOK).await;
        if rows::behind(&mut *owner, office, held).await? == 0 {
            return Ok(());
        }
    }
}

/// Passes until one finds nothing to change.
async fn until_clean(owner: &mut PgConnection, office: &Office) -> anyhow::Result<()> {
    for pass in 1.. {
        match rows::pass(owner, office).await {
            Ok(0) => break,
            Ok(changed) => println!("第 {pass} 遍：更新 {changed} 处"),
            // Somebody's transaction and this one waited for each other: nothing is lost, the next pass looks again.
            Err(anju_casework::Error::Failed(fault)) if fault.is_deadlock() => {
                tracing::info!("a pass met another transaction and begins again");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
