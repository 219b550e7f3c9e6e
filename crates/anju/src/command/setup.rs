//! `anju setup`: brings an installation to where it can serve. Idempotent; `./run` calls it each time.

use std::{fs, time::Instant};

use crate::{
    cluster::install,
    config::Config,
    database, home,
    start::{demo, office},
};

/// Database, schema, keys, policy and, for a demo centre, its people.
pub async fn run(config: &mut Config, demo: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    config.demo |= demo;
    fs::create_dir_all(&config.home)?;
    keep_settings(config)?;

    if config.database_url.is_empty() {
        for line in install::missing()? {
            println!("{line}");
        }
    }
    let url = database::url(config).await?;
    database::migrate(&url).await?;
    home::make_keys(&config.home, config.demo)?;
    let pool = database::pool(&url, 2).await?;
    office::found(config, &url, &pool).await?;
    let office = office::open(config, pool).await?;
    home::eseal(&config.home, &office)?;
    if config.demo {
        demo::put_staff(config, &office).await?;
    }
    println!(
        "已就绪（{} 毫秒）：{}",
        began.elapsed().as_millis(),
        config.home.display()
    );
    Ok(())
}

/// A demo centre stays one when it is started by hand: the choice is kept in the home's file.
fn keep_settings(config: &Config) -> anyhow::Result<()> {
    let file = config.home.join("anju.toml");
    if config.demo && !file.exists() {
        fs::write(
            file,
            "# 本安装的设置；全部可设项见 anju config\ndemo = true\n",
        )?;
    }
    Ok(())
}
