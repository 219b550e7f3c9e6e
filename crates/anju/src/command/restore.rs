//! `anju restore --to`: the private cluster as it was at an instant, audited.

use std::process::ExitCode;

use anju_casework::founding;
use anju_ledger::{audit, trial_balance::trial_balance};
use anyhow::Context;
use chrono::DateTime;
use sqlx::{Connection, PgConnection};

use super::backup::{folder, private_cluster};
use crate::{
    cluster::{DATABASE, restore::Target},
    config::Config,
    database, home,
    start::office,
};

/// Restores, then recomputes the books and prints what they say. 1 if the audit finds a breach.
pub async fn run(config: &Config, to: &str) -> anyhow::Result<ExitCode> {
    let target = match to {
        "latest" => Target::Latest,
        instant => Target::Instant(
            DateTime::parse_from_rfc3339(instant)
                .with_context(|| {
                    format!("看不懂时刻「{instant}」：应如 2026-07-01T00:00:00+08:00，或 latest")
                })?
                .to_utc(),
        ),
    };
    let cluster = private_cluster(config)?;
    let _serving = home::lock(&config.home, "serve")?.with_context(|| {
        format!(
            "服务还在运行（{}）：请先停止服务，再恢复",
            config.home.display()
        )
    })?;
    let restored = cluster.restore(&folder(config, &cluster), target).await?;
    println!("已恢复，用的是备份 {}", restored.backup.name);
    if let Some(aside) = &restored.aside {
        println!("原来的数据没有删除：{}", aside.display());
    }

    let url = cluster.url(DATABASE);
    database::migrate(&url).await?; // the books of then, the program of today
    let mut owner = PgConnection::connect(&url).await?;
    let waiting = founding::after_restore(&mut owner).await?;
    owner.close().await?;
    println!("待付款 {waiting} 笔：启动后先向银行查询，不会重复付款");

    let office = office::open(config, database::pool(&url, 1).await?).await?;
    let mut connection = office.pool.acquire().await?;
    let (centre, day) = (
        office.ledger(),
        anju_ledger::day::open_day(&mut connection, office.ledger()).await?,
    );
    let books = trial_balance(&mut connection, centre, day.date(), None).await?;
    let ((debit, credit), (closing_debit, closing_credit)) = (books.turnover(), books.closing());
    println!("会计日期 {}（未日结）", books.date);
    println!("本日发生额　借 {debit}　贷 {credit}");
    println!("期末余额　　借 {closing_debit}　贷 {closing_credit}");
    let breaches = audit::audit(&mut connection, centre).await?;
    for breach in &breaches {
        println!("{}  {}  {}", breach.invariant, breach.place, breach.detail);
    }
    println!("审计：{} 处不符", breaches.len());
    println!("请随即运行 anju backup：新的备份从恢复后的账开始");
    Ok(if breaches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
