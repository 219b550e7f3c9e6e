//! `anju admin`: what the keeper of an installation does now and then.

use std::path::Path;
use std::time::Duration;

use anju_casework::{Office, log, rotation as rows};
use anju_domain::clock::rfc3339;
use anju_vault::rotation::{self, Stage};
use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
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
        /// 存证日志的新旧签名密钥并签多少天；不给则按政策（log_key_overlap_days），旧密钥可能已泄露时给 0
        #[arg(long)]
        overlap_days: Option<i64>,
        /// 不换新密钥，只让已过并签日的存证日志旧签名密钥退役；还没到那一天则报错
        #[arg(long, conflicts_with_all = ["overlap_days", "grace"])]
        retire: bool,
    },
    /// 轮换与部门互签的 SM2 密钥：新公钥先告诉每个部门，都确认了才启用；有部门没确认则旧密钥照用，再次运行即继续
    TurnGatewayKey,
    /// 打印电子签章的证书申请（PKCS#10），交给签发机构；拿到的证书放进 eseal.pem
    EsealRequest,
}

/// How long a rotation waits between two looks at who holds the new keys; longer than a serving process takes to look for them.
const LOOK: Duration = Duration::from_millis(1500);

/// An end of the log's former keys that is waited for.
const SOON: Duration = Duration::from_secs(60);

/// Does it.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<()> {
    let url = database::existing(config).await?;
    let office = office::open(config, database::pool(&url, 2).await?).await?;
    let (grace, overlap, sooner, retire) = match action {
        Action::RotateKeys {
            grace,
            overlap_days,
            retire,
        } => (
            grace,
            overlap(&office, overlap_days)?,
            overlap_days.is_some(),
            retire,
        ),
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
    let keys = home::keys(&config.home);
    if retire {
        return retire_only(&mut owner, &office, &keys).await;
    }
    rotate(
        &mut owner,
        &office,
        &keys,
        grace,
        Overlap {
            time: overlap,
            sooner,
        },
    )
    .await
}

/// For how long former and next log keys sign side by side.
#[derive(Clone, Copy)]
struct Overlap {
    time: TimeDelta,
    /// The operator has named it: it counts for a change that is under way, too, where it ends earlier than was said.
    sooner: bool,
}

/// The log's former keys and nothing else: no new key is made.
async fn retire_only(owner: &mut PgConnection, office: &Office, keys: &Path) -> anyhow::Result<()> {
    let Some(until) = ends(owner, office).await? else {
        println!("存证日志没有待退役的旧签名密钥，什么也没有做");
        return Ok(());
    };
    ensure!(
        retire_log(owner, office, keys).await?,
        "存证日志的旧签名密钥并签到 {}，还不能退役。请在那之后再运行；密钥可能已泄露、等不到那天的，运行 anju admin rotate-keys --overlap-days 0",
        rfc3339(until)
    );
    Ok(())
}

/// For how long the log's former keys sign beside the new ones.
fn overlap(office: &Office, days: Option<i64>) -> anyhow::Result<TimeDelta> {
    let days = match days {
        Some(days) => days,
        None => office
            .policy()
            .set
            .int("log_key_overlap_days", office.today(), &[])?,
    };
    ensure!(
        (0..=3650).contains(&days),
        "并签天数应在 0 到 3650 之间，收到 {days}"
    );
    Ok(TimeDelta::days(days))
}

/// Each step can be repeated: whoever runs it again goes on where it stopped.
async fn rotate(
    owner: &mut PgConnection,
    office: &Office,
    keys: &Path,
    grace: u64,
    overlap: Overlap,
) -> anyhow::Result<()> {
    let said = ends(owner, office).await?;
    if said.is_some() && overlap.sooner {
        // A change is under way: its end is said again, earlier, and where it is near it is waited for, so that the next one can begin.
        let until = log::introduce(office, owner, overlap.time, true).await?;
        if let Some(until) = until
            && said.is_some_and(|said| until < said)
        {
            println!(
                "存证日志正在换签名密钥：旧密钥改为并签到 {}（新的交接书已写进日志）",
                rfc3339(until)
            );
        }
        wait_for_end(owner, office).await?;
    }
    // A log key whose end has come makes room for the next one.
    retire_log(owner, office, keys).await?;
    if rotation::stage(keys)? != Stage::Switched {
        rotation::prepare(keys)?;
        let held = office.vault.refresh()?;
        let [code, number, log] = held.others;
        println!(
            "新密钥 data-{}、index-{}、code-{code}、number-{number} 已备好，存证日志第 {log} 代",
            held.data, held.index
        );
        wait_for_all(owner, office).await?;
        // The former key introduces the next one before that signs anything; from here on what follows can only go forward.
        log::introduce(office, owner, overlap.time, overlap.sooner).await?;
        rotation::numbers_from(keys, rows::free_id(owner).await?)?;
        rotation::switch(keys)?;
    }
    let held = office.vault.refresh()?;
    log::introduce(office, owner, overlap.time, false).await?;
    wait_for_all(owner, office).await?;
    println!("全部服务进程已用新密钥");
    let [_, number, _] = held.current_others;
    if let Some(from) = rotation::numbers_begin(keys, number)? {
        rows::ids_from(owner, from).await?;
        println!("新编号从此由 number-{number} 生成；以前印出的编号照旧有效");
    }
    until_clean(owner, office).await?;
    // What was under way when the keys changed has been written by now.
    tokio::time::sleep(Duration::from_secs(grace)).await;
    until_clean(owner, office).await?;
    rotation::retire(keys)?;
    println!(
        "旧密钥已退役，移到 {}：请移出本机保存，旧备份还要用它",
        keys.join("retired").display()
    );
    wait_for_end(owner, office).await?;
    if !retire_log(owner, office, keys).await?
        && let Some(until) = ends(owner, office).await?
    {
        println!(
            "存证日志的旧签名密钥并签到 {}，之后运行 anju admin rotate-keys --retire 使它退役",
            rfc3339(until)
        );
    }
    Ok(())
}

/// Waits for the end of the log's former key where it is near.
async fn wait_for_end(owner: &mut PgConnection, office: &Office) -> anyhow::Result<()> {
    if let Some(until) = ends(owner, office).await?
        && let Ok(left) = (until - office.now()).to_std()
        && left < SOON
    {
        tokio::time::sleep(left + Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Until when the log's former key signs beside the present one; none where it has left the folder.
async fn ends(owner: &mut PgConnection, office: &Office) -> anyhow::Result<Option<DateTime<Utc>>> {
    let keys = office.vault.log_keys();
    match keys.former() {
        Some(_) => Ok(log::ends(owner, office, keys.current().generation).await?),
        None => Ok(None),
    }
}

/// Moves the log's former keys away once their end has come; whether it did.
async fn retire_log(
    owner: &mut PgConnection,
    office: &Office,
    keys: &Path,
) -> anyhow::Result<bool> {
    let over = ends(owner, office)
        .await?
        .is_some_and(|until| until < office.now());
    if over {
        rotation::retire_log(keys)?;
        office.vault.refresh()?;
        println!(
            "存证日志的旧签名密钥已到期退役，移到 {}",
            keys.join("retired").display()
        );
    }
    Ok(over)
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
