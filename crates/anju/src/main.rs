//! The binary: reads the command line, starts the others, holds no logic.

use std::{path::PathBuf, process::ExitCode};

use anju::{command, config::Config, doors, log, start};
use clap::{Parser, Subcommand};

/// A withdrawal makes some thousand small values on several threads; with the system's allocator a tenth of all time went there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 安居：住房公积金中心的业务系统
#[derive(Debug, Parser)]
#[command(name = "anju", version, arg_required_else_help = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 准备好一切：数据库、结构、密钥、政策、演示中心（可重复运行）
    Setup {
        /// 作为演示中心
        #[arg(long)]
        demo: bool,
    },
    /// 服务：页面、接口和后台工作
    Serve {
        /// 接替正在运行的服务：接过它的监听口，就绪后让它退出，不中断任何请求
        #[arg(long)]
        replace: bool,
    },
    /// 模拟的外部世界：银行、部门、手机
    Outside,
    /// 把本演示中心登记到另一个中心的外部世界（ANJU_OUTSIDE_URL），两个中心由此互转
    Join,
    /// 外部世界的一个见证人（由 anju outside 启动）
    #[command(hide = true)]
    Witness {
        /// bank 或 audit
        place: String,
    },
    /// 离线验证一份存证凭据
    Verify {
        /// 凭据文件
        bundle: PathBuf,
        /// 公钥文件：信任只来自它
        #[arg(long)]
        keys: PathBuf,
        /// 日志换过密钥的：中心公布的公钥文件（/tlog/keys），只读其中由您信任的密钥签名的交接书
        #[arg(long)]
        transitions: Option<PathBuf>,
    },
    /// 等到服务与外部世界都就绪
    Ready,
    /// 走查主要业务，逐项核对数字
    Walk,
    /// 给演示中心填充单位、职工和汇缴（服务与外部世界须在运行）
    Demo(command::demo::Size),
    /// 打印访问地址与演示账号
    Logins {
        /// 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// 从分录重算全部账目，核对每条不变式
    Audit {
        /// 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// 把账簿导出给别的记账程序，写到标准输出
    Export(command::export::Period),
    /// 备份私有集群：基础备份，并从此保留日志（密钥不在备份里）
    Backup,
    /// 把私有集群恢复到某一时刻；原来的数据文件夹留在旁边
    Restore {
        /// 时刻（RFC 3339，数据库服务器的时间），或 latest
        #[arg(long)]
        to: String,
    },
    /// 测速：逐行与同一台机器上的参照对比
    Bench(command::bench::What),
    /// 结账
    #[command(subcommand)]
    Close(command::close::Action),
    /// 用产品自己的函数重算一个文件里的算例
    Vectors {
        /// CSV 文件
        file: PathBuf,
    },
    /// 服务找人：立刻找一次（服务每天到点自己找一次）；找到过的不重复告知
    Entitled,
    /// 政策文件
    #[command(subcommand)]
    Policy(command::policy::Action),
    /// 系统管理：轮换密钥
    #[command(subcommand)]
    Admin(command::admin::Action),
    /// 打印中心的时刻；演示中心可以拨动
    Clock {
        #[command(subcommand)]
        action: Option<command::clock::Action>,
    },
    /// 打印配置，含全部默认值
    Config,
    /// 把数据库结构升级到本版本
    Migrate,
    /// 私有 PostgreSQL 集群
    #[command(subcommand)]
    Cluster(command::cluster::Action),
}

/// The exit code of a line that cannot be read, as everywhere.
const MISTYPED: u8 = 2;

fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => match command::mistyped::told(&error) {
            Some(words) => {
                eprintln!("{words}");
                return ExitCode::from(MISTYPED);
            }
            None => error.exit(),
        },
    };
    match tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(line.command)))
    {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", command::told(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    // Needs nothing of an installation, not even a sound configuration.
    if let Command::Verify {
        bundle,
        keys,
        transitions,
    } = &command
    {
        return command::verify::run(bundle, keys, transitions.as_deref());
    }
    let mut config = Config::load()?;
    match command {
        Command::Setup { demo } => command::setup::run(&mut config, demo).await?,
        Command::Serve { replace } => {
            log::begin(&config);
            command::serve::run(&config, replace).await?;
        }
        Command::Outside => {
            log::begin(&config);
            command::outside::run(&config).await?;
        }
        Command::Witness { place } => {
            log::begin(&config);
            command::outside::witness(&config, &place).await?;
        }
        Command::Join => {
            let doors = doors::Doors::of(&config)?;
            start::demo::join(&config, &doors).await?;
        }
        Command::Ready => command::ready::run(&config).await?,
        Command::Demo(size) => command::demo::run(&config, &size).await?,
        Command::Walk => return command::walk::run(&config).await,
        Command::Logins { json } => command::logins::run(&config, json)?,
        Command::Vectors { file } => return command::vectors::run(&file),
        Command::Entitled => command::entitled::run(&config).await?,
        Command::Policy(action) => return command::policy::run(&config, action).await,
        Command::Audit { json } => return command::audit::run(&config, json).await,
        Command::Export(period) => command::export::run(&config, &period).await?,
        Command::Backup => command::backup::run(&config).await?,
        Command::Restore { to } => return command::restore::run(&config, &to).await,
        Command::Bench(what) => return command::bench::run(&config, &what).await,
        Command::Close(action) => return command::close::run(&config, action).await,
        Command::Admin(action) => command::admin::run(&config, action).await?,
        Command::Clock { action } => command::clock::run(&config, action).await?,
        Command::Config => command::config::run(&config),
        Command::Migrate => command::migrate::run(&config).await?,
        Command::Cluster(action) => return command::cluster::run(&config, action).await,
        Command::Verify { .. } => {} // above
    }
    Ok(ExitCode::SUCCESS)
}
