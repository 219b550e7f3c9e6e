//! Opens the office and the engine of a centre from its files, keys and database; founds the centre in set-up.
//!
//! Invariant: only set-up founds. Whoever serves finds the centre there, with the policy that was approved last in force; before any
//! was, with that of the files.

use std::{fs, path::Path, sync::Arc};

use anju_casework::{
    Centre, Office,
    catalogue::Catalogue,
    founding::{self, BankAccount, Charter},
    office::fund_accounts,
    policy_force,
};
use anju_domain::clock::{Clock, FileClock, SystemClock, shanghai_date};
use anju_engine::{Engine, advance::AtHand};
use anju_exchange::{
    bank::{BankLine, BankTable},
    gateway::{Gateway, GatewaySettings},
    kept::OfficeStore,
    platform::Platform,
    witness::Witness,
};
use anju_ledger::Ids;
use anju_policy::{PolicyFiles, PolicySet};
use anju_vault::{SharedKey, Vault};
use anyhow::{Context, anyhow};
use sqlx::{Connection, PgConnection, PgPool};

use crate::{config::Config, home};

/// The one centre of this database; a province has a database or a shard for each.
const CENTRE_ID: i16 = 1;

/// The same as the ledger names it.
pub const LEDGER: anju_ledger::Centre = anju_ledger::Centre(CENTRE_ID);

/// What a centre's files say.
struct Papers {
    charter: Charter,
    policy_files: PolicyFiles,
    policy: PolicySet,
}

impl Papers {
    fn read(config: &Config) -> anyhow::Result<Self> {
        let policy_files = PolicyFiles::read(&config.policy, &config.centre)
            .map_err(|errors| wrong_policy(config, &errors))?;
        let policy =
            PolicySet::load(&policy_files).map_err(|errors| wrong_policy(config, &errors))?;
        Ok(Self {
            charter: charter(config)?,
            policy_files,
            policy,
        })
    }
}

/// The centre's own words and its branches: `policy/branches/<centre>.toml`.
fn charter(config: &Config) -> anyhow::Result<Charter> {
    toml::from_str(&table(config, "branches")?).context("机构表有误")
}

fn bank_table(config: &Config) -> anyhow::Result<BankTable> {
    BankTable::parse(&table(config, "banks")?).context("银行表有误")
}

fn table(config: &Config, folder: &str) -> anyhow::Result<String> {
    let path = config
        .policy
        .join(folder)
        .join(format!("{}.toml", config.centre));
    fs::read_to_string(&path).with_context(|| format!("读不到 {}", path.display()))
}

fn wrong_policy(config: &Config, errors: &[anju_policy::LoadError]) -> anyhow::Error {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| {
            let told = anju_policy::in_chinese(error);
            format!("{}：{}：{}", told.file, told.place, told.message)
        })
        .collect();
    anyhow!(
        "政策文件有误（政策文件夹 {}，由设置 policy 或 ANJU_POLICY 指定，相对路径从当前目录算起）：\n{}",
        std::path::absolute(&config.policy)
            .unwrap_or_else(|_| config.policy.clone())
            .display(),
        lines.join("\n")
    )
}

/// The clock of an installation.
pub fn clock(home: &Path) -> FileClock {
    FileClock::new(home.join("clock.json"))
}

/// Founds the centre of these files in the database, or brings a founded one up to them.
pub async fn found(config: &Config, url: &str, pool: &PgPool) -> anyhow::Result<()> {
    let papers = Papers::read(config)?;
    let BankTable { holder, banks } = bank_table(config)?;
    let today = shanghai_date(clock(&config.home).now());
    let centre = Centre {
        id: CENTRE_ID,
        code: papers.charter.code.clone(),
        name: papers.charter.name.clone(),
        head_branch: papers.charter.head_branch,
        demo: config.demo,
    };
    let banks: Vec<BankAccount> = banks
        .into_iter()
        .map(|bank| BankAccount {
            bank: bank.code,
            bank_name: bank.name,
            account_no: bank.fund_account,
            holder: holder.clone(),
        })
        .collect();
    let by_segment = papers.policy.text("interest_change_mode", today, &[])? == "SEGMENT";
    let ids = Ids::new(pool);

    let mut connection = PgConnection::connect(url).await?;
    let mut transaction = connection.begin().await?;
    founding::found(
        &mut transaction,
        &ids,
        &centre,
        &papers.charter,
        &banks,
        today,
        by_segment,
    )
    .await?;
    // Once a change was approved, rates come with the version in force, not with the folder.
    if policy_force::on(pool, CENTRE_ID, today).await?.is_none() {
        founding::put_rates(
            &mut transaction,
            anju_ledger::Centre(CENTRE_ID),
            &papers.policy,
        )
        .await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

/// The office of a founded centre, with the policy that was approved last in force, or that of the files where none ever was.
pub async fn open(config: &Config, pool: PgPool) -> anyhow::Result<Office> {
    let papers = Papers::read(config)?;
    let centre = founding::centre(&pool, &papers.charter)
        .await?
        .context("中心还没有设立：先运行 anju setup")?;
    // Nobody moves the clock of a centre that is no demo: where that was never done, no file is looked at each time.
    let moved = clock(&config.home);
    let clock: Arc<dyn Clock> = if config.demo || moved.is_there() {
        Arc::new(moved)
    } else {
        Arc::new(SystemClock)
    };
    let vault = Vault::open_dir(home::keys(&config.home))?;
    let entries = founding::entries(&papers.policy_files)?;
    let now = clock.now();
    let policy = policy_force::at_start(
        &pool,
        centre.id,
        &papers.policy_files,
        papers.policy,
        shanghai_date(now),
        now,
    )
    .await?;
    let catalogue = Catalogue::default();
    let banks = fund_accounts(&pool, centre.id).await?;
    let (numbers, ids) = (vault.numbers(), Ids::new(&pool));
    Ok(Office::new(
        centre,
        pool,
        clock,
        vault,
        numbers,
        ids,
        entries,
        catalogue,
        banks,
        papers.policy_files,
        policy,
    ))
}

/// The code of a centre at the national platform, as its policy says today.
pub fn platform_code(config: &Config) -> anyhow::Result<String> {
    let today = shanghai_date(clock(&config.home).now());
    let papers = Papers::read(config)?;
    Ok(papers.policy.text("rt_centre_code", today, &[])?.to_owned())
}

/// The witnesses that the operator has put down; none where there is no such file.
pub fn witnesses(config: &Config) -> anyhow::Result<Vec<Witness>> {
    let file = fs::read_to_string(home::witnesses(&config.home)).unwrap_or_default();
    Ok(Witness::parse(&file, &config.outside_url)?)
}

/// The office's engine: its lines to departments and banks.
pub fn engine(config: &Config, office: Office) -> anyhow::Result<Engine> {
    let keys = home::keys(&config.home);
    let bank_key = SharedKey::open(keys.join("bank.key"))?;
    let gateway_key = SharedKey::open(keys.join("gateway.key"))?;
    let gateway = Gateway::new(
        GatewaySettings {
            base_url: config.outside_url.clone(),
            // Our name at the departments is the one at the national platform.
            app_id: anju_business::remote::own_centre(&office)?,
            key: gateway_key.clone(),
            keys: keys.clone(),
        },
        office.clock.clone(),
        Arc::new(OfficeStore(office.clone())),
        Arc::new(office.vault.clone()),
    )?;
    let authorities = anju_engine::policy::authorities(&gateway);
    office
        .catalogue
        .replace(anju_business::services(&office.policy().set, &authorities));
    let banks = Arc::new(bank_table(config)?);
    let address = config
        .outside_url
        .strip_prefix("http://")
        .unwrap_or(&config.outside_url);
    let banks = BankLine::new(address, bank_key.clone(), banks)?;
    let platform = Platform::new(gateway.line_shared(), gateway_key, office.clock.clone());
    let witnesses = witnesses(config)?.into();
    Ok(Engine {
        at_hand: AtHand::default(),
        office,
        gateway,
        banks,
        bank_key,
        platform: Arc::new(platform),
        letters: Arc::default(),
        witnesses,
        pushes: Arc::default(),
    })
}
