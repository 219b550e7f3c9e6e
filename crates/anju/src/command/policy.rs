//! `anju policy`: check the policy files, explain a person's case, replay decisions, compare versions, and the life of a change.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anju_business::policy_change::{
    self as changes, Change, approval, draft, levy, simulation, state,
};
use anju_casework::{Error, Office, case, case::Replay, policy_force, staff};
use anju_domain::money::Fen;
use anju_policy::{ConditionOutcome, Outcome, PolicyFiles, PolicySet, in_chinese};
use anju_vault::NumberKind;
use anyhow::{Context, anyhow, bail};
use chrono::NaiveDate;

use crate::{config::Config, database, start::office};

/// What to do with the policy files.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// 检查政策文件，逐条指出错误
    Check {
        /// 政策文件夹；默认为配置中的
        folder: Option<PathBuf>,
    },
    /// 逐条说明一个办件的决定，按它写明的版本
    Explain {
        /// 办件号
        case: String,
    },
    /// 用决定当时的政策和事实重放过去的决定，逐件指出不同
    Replay {
        /// 用这个文件夹里的政策，代替各决定写明的版本
        #[arg(long, value_name = "DIR")]
        policy: Option<PathBuf>,
    },
    /// 把近一年办结的办件，按现行政策和另一个版本各决定一次
    Simulate {
        /// 另一个版本的政策文件夹；不写就要写 --change
        folder: Option<PathBuf>,
        /// 一项变更的号
        #[arg(long, conflicts_with = "folder")]
        change: Option<String>,
        /// 两个版本都按这一天的规定；默认为改动都已施行的那一天
        #[arg(long)]
        on: Option<NaiveDate>,
    },
    /// 列出政策变更和现行版本
    List,
    /// 起草：从现行政策，或用一个文件夹里本中心的文件（演示中心）
    Draft {
        /// 关于什么
        title: String,
        /// 改好的政策文件夹
        #[arg(long, value_name = "DIR")]
        policy: Option<PathBuf>,
        /// 起草人的工号
        #[arg(long)]
        by: String,
    },
    /// 提出复核，写明施行日（演示中心）
    Propose {
        /// 变更的号
        change: String,
        /// 施行日
        #[arg(long)]
        effective: NaiveDate,
        /// 提出人的工号
        #[arg(long)]
        by: String,
    },
    /// 第二人批准（演示中心）
    Approve {
        /// 变更的号
        change: String,
        /// 复核人的工号
        #[arg(long)]
        by: String,
    },
    /// 施行以前撤回（演示中心）
    Withdraw {
        /// 变更的号
        change: String,
        /// 原因
        #[arg(long)]
        reason: String,
        /// 撤回人的工号
        #[arg(long)]
        by: String,
    },
    /// 把现行政策写进一个文件夹
    Export {
        /// 文件夹
        folder: PathBuf,
    },
}

/// Does it.
pub async fn run(config: &Config, action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Check { folder } => Ok(check(
            config,
            &folder.unwrap_or_else(|| config.policy.clone()),
        )),
        Action::Explain { case } => explain(&opened(config).await?, &case).await,
        Action::Replay { policy } => replay(config, policy).await,
        Action::Simulate { folder, change, on } => {
            let office = opened(config).await?;
            match (folder, change) {
                (Some(folder), _) => simulate_folder(config, &office, &folder, on).await,
                (None, Some(change)) => simulate_change(&office, &change, on).await,
                (None, None) => bail!("写一个政策文件夹，或 --change 变更号"),
            }
        }
        Action::List => list(&opened(config).await?).await,
        Action::Draft { title, policy, by } => {
            let (office, hand) = hand(config, &by).await?;
            begin(config, &office, &title, policy.as_deref(), &hand).await
        }
        Action::Propose {
            change,
            effective,
            by,
        } => {
            let (office, hand) = hand(config, &by).await?;
            let change = find(&office, &change).await?;
            ended(
                &office,
                approval::propose(&office, &change, effective, &hand).await,
            )
        }
        Action::Approve { change, by } => {
            let (office, hand) = hand(config, &by).await?;
            let change = find(&office, &change).await?;
            ended(&office, approval::approve(&office, &change, &hand).await)
        }
        Action::Withdraw { change, reason, by } => {
            let (office, hand) = hand(config, &by).await?;
            let change = find(&office, &change).await?;
            ended(
                &office,
                approval::withdraw(&office, &change, &reason, &hand).await,
            )
        }
        Action::Export { folder } => export(&opened(config).await?, &folder).await,
    }
}

async fn opened(config: &Config) -> anyhow::Result<Office> {
    let url = database::existing(config).await?;
    office::open(config, database::pool(&url, 2).await?).await
}

/// The office of a demo centre and one of its staff; in production hands are at `/desk`, where each proves who he is.
async fn hand(config: &Config, number: &str) -> anyhow::Result<(Office, staff::Staff)> {
    anyhow::ensure!(config.demo, "生产中心的政策变更由政策岗在工作台办理");
    let office = opened(config).await?;
    let hand = staff::by_number(&office, number)
        .await?
        .with_context(|| format!("没有工号 {number}"))?;
    Ok((office, hand))
}

async fn find(office: &Office, number: &str) -> anyhow::Result<Change> {
    let id = changes::of_number(office, number).with_context(|| format!("没有变更 {number}"))?;
    changes::find(office, id)
        .await?
        .with_context(|| format!("没有变更 {number}"))
}

/// One line of where a change stands; 1 with the reason where it was refused.
fn ended(office: &Office, done: anju_casework::Result<Change>) -> anyhow::Result<ExitCode> {
    match done {
        Ok(change) => {
            println!("{}", line(office, &change));
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Refused(refusal)) => {
            println!("{} {}", refusal.code, refusal.detail);
            for fault in refusal.errors.iter().skip(1) {
                println!("{}", fault.message);
            }
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.into()),
    }
}

fn line(office: &Office, change: &Change) -> String {
    let stands = match change.state {
        state::DRAFT => "起草",
        state::PROPOSED => "待复核",
        state::APPROVED => "已批准",
        state::IN_FORCE => "施行中",
        state::WITHDRAWN => "已撤回",
        _ => "已被取代",
    };
    let day = change
        .effective_on
        .map_or_else(|| "—".to_owned(), |day| day.to_string());
    format!(
        "{}  {stands}  {day}  {} 处改动  {}",
        changes::number(office, change.change_id),
        change.differences.0.len(),
        change.title
    )
}

async fn list(office: &Office) -> anyhow::Result<ExitCode> {
    let reference = office.policy().set.reference().clone();
    println!("现行 {}  {}", reference.version, reference.digest);
    let mut before = None;
    loop {
        let page = changes::page(office, before, 100).await?;
        for change in &page {
            println!("{}", line(office, change));
        }
        match page.last() {
            Some(last) if page.len() == 100 => before = Some(last.change_id),
            _ => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// A draft; with a folder, of every file of the centre's that differs in it.
async fn begin(
    config: &Config,
    office: &Office,
    title: &str,
    folder: Option<&Path>,
    hand: &staff::Staff,
) -> anyhow::Result<ExitCode> {
    let fresh: BTreeMap<String, String> = match folder {
        None => BTreeMap::new(),
        Some(folder) => {
            let own = format!("{}/", config.centre);
            let in_force = policy_force::files_in_force(office).await?;
            let mut files = read(config, folder)?.files;
            files.retain(|file, text| {
                file.starts_with(&own) && in_force.files.get(file) != Some(&*text)
            });
            files
        }
    };
    let begun = draft::begin(office, title, hand).await;
    let mut change = match begun {
        Ok(change) => change,
        refused => return ended(office, refused),
    };
    for (file, text) in fresh {
        change = match draft::put_file(office, &change, &file, text, hand).await {
            Ok(change) => change,
            refused => return ended(office, refused),
        };
    }
    for one in &change.faults.0 {
        println!("{}，{}：{}", one.file, one.place, one.message);
    }
    for one in &change.differences.0 {
        println!("{}", one.sentence());
    }
    println!("{}", line(office, &change));
    Ok(if change.faults.0.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(config: &Config, folder: &Path) -> anyhow::Result<PolicyFiles> {
    PolicyFiles::read(folder, &config.centre).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("政策文件有误：\n{}", lines.join("\n"))
    })
}

/// Compares a folder with what is in force; nothing is kept.
async fn simulate_folder(
    config: &Config,
    office: &Office,
    folder: &Path,
    on: Option<NaiveDate>,
) -> anyhow::Result<ExitCode> {
    let after = read(config, folder)?;
    let before = policy_force::files_in_force(office).await?;
    compare(office, before, after, on).await
}

/// Compares a change with its base; nothing is kept: what is approved is simulated at the desk or by the change's own run.
async fn simulate_change(
    office: &Office,
    number: &str,
    on: Option<NaiveDate>,
) -> anyhow::Result<ExitCode> {
    let change = find(office, number).await?;
    let before = changes::base_files(office, &change).await?;
    let after = changes::files(office, &change).await?;
    compare(office, before, after, on).await
}

async fn compare(
    office: &Office,
    before: PolicyFiles,
    after: PolicyFiles,
    on: Option<NaiveDate>,
) -> anyhow::Result<ExitCode> {
    let found = match simulation::compare_files(office, before, after, on).await {
        Ok(found) => found,
        Err(Error::Refused(refusal)) => {
            for fault in &refusal.errors {
                println!("{}", fault.message);
            }
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    for one in &found.differences {
        println!("{}", one.sentence());
    }
    println!(
        "按 {} 的规定，受影响的事项：{}",
        found.stand_on,
        found.services.join("、")
    );
    println!(
        "重算 {} 件：现行支付 {} 元，另一版本 {} 元，相差 {} 元",
        found.cases,
        Fen::new(found.was_fen),
        Fen::new(found.now_fen),
        Fen::new(found.now_fen - found.was_fen)
    );
    println!(
        "得到更多 {} 人，得到更少 {} 人；新符合 {} 件，不再符合 {} 件，还不能判断 {} 件",
        found.gain, found.lose, found.newly_approved, found.newly_refused, found.unknown
    );
    if let Some(levied) = &found.levied {
        let whole = levied.whole();
        let employers = i64::try_from(levied.employers.len())?;
        println!(
            "缴存职工 {} 人，每月应缴：现行 {} 元，另一版本 {} 元，相差 {} 元",
            whole.people,
            Fen::new(whole.was_fen),
            Fen::new(whole.now_fen),
            Fen::new(whole.now_fen - whole.was_fen)
        );
        for sentence in levy::sentences(&whole, employers) {
            println!("{sentence}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A case's decision, condition by condition, in the words of the version that it names.
async fn explain(office: &Office, number: &str) -> anyhow::Result<ExitCode> {
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .with_context(|| format!("没有办件 {number}"))?;
    let found = case::require(office, case_id).await?;
    let past = case::past_case(office, case_id)
        .await?
        .with_context(|| format!("办件 {number} 还没有决定"))?;
    let policy = office.policy_version(found.policy_id).await?;
    let decision = policy
        .set
        .decide(&past.service, &past.facts, &past.form, past.at)?;
    let outcome = match decision.outcome {
        Outcome::Approved => "通过",
        Outcome::Refused => "没有通过",
        Outcome::Waiting => "等部门回复",
        Outcome::Review => "要人复核",
    };
    println!(
        "{number}  {}  {outcome}  {}  政策 {}（{}）",
        past.service,
        decision
            .amount_fen
            .map_or_else(|| "—".to_owned(), |fen| format!("{} 元", Fen::new(fen))),
        decision.policy.version,
        decision.policy.digest.get(..16).unwrap_or_default()
    );
    for one in &decision.conditions {
        let outcome = match one.outcome {
            ConditionOutcome::Met => "符合　",
            ConditionOutcome::NotMet => "不符合",
            ConditionOutcome::Unknown => "不知道",
        };
        println!(
            "{outcome}  {}  {}：{}（{}）",
            one.code, one.name, one.detail, one.law
        );
    }
    for one in &decision.amount_parts {
        let fen = one
            .fen
            .map_or_else(|| "待核实".to_owned(), |fen| Fen::new(fen).to_string());
        let binding = if one.binding {
            "（以此为准）"
        } else {
            ""
        };
        println!("金额　  {}：{fen}{binding}", one.label);
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what is in force as files, so that the folder of the program can be brought up to it.
async fn export(office: &Office, folder: &Path) -> anyhow::Result<ExitCode> {
    let files = policy_force::files_in_force(office).await?;
    for (file, text) in &files.files {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("不能建立 {}", parent.display()))?;
        }
        // A link leads to another centre's file.
        if path.is_symlink() {
            fs::remove_file(&path).with_context(|| format!("写不了 {}", path.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("写不了 {}", path.display()))?;
    }
    println!("{} 个文件已写到 {}", files.files.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}

/// 1 if a decision does not come out as it did: one line for each difference.
async fn replay(config: &Config, folder: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let instead = match folder {
        None => None,
        Some(folder) => match PolicySet::read(&folder, &config.centre) {
            Ok(set) => Some(set),
            Err(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                bail!("政策文件有误：\n{}", lines.join("\n"));
            }
        },
    };
    let url = database::existing(config).await?;
    let office = office::open(config, database::pool(&url, 1).await?).await?;
    let mut replay = Replay::new(&office, instead);
    let mut differing = 0;
    while let Some(differences) = replay.next().await? {
        for difference in &differences {
            println!("{}  {}", difference.case_no, difference.what);
        }
        differing += differences.len();
    }
    println!("已重放 {} 个决定：{differing} 处不同", replay.decisions);
    Ok(if differing == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(config: &Config, folder: &Path) -> ExitCode {
    let errors = anju_policy::check(folder, &config.centre);
    for error in &errors {
        let one = in_chinese(error);
        println!("{}: {}: {}", one.file, one.place, one.message);
    }
    println!(
        "{}/{}：{} 处错误",
        folder.display(),
        config.centre,
        errors.len()
    );
    if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
