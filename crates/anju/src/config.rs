//! Configuration (配置): one TOML file, environment variables over it, defaults under it.
//!
//! Invariant: secrets never stand here; they are files in `home/keys` made by set-up.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How a log line is written (日志格式).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of words, for a person at a terminal.
    Text,
    /// One JSON object a line, for a log store.
    Json,
}

/// Everything that an installation may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the server.
    pub listen: SocketAddr,
    /// Address of the simulated outside world (`anju outside`).
    pub outside_listen: SocketAddr,
    /// Where the server finds banks and departments; empty means the simulated outside world.
    pub outside_url: String,
    /// The market regulator's licence log-in as browsers reach it; empty means the simulated outside world.
    pub licence_url: String,
    /// PostgreSQL; empty means a private cluster in `home/cluster`.
    pub database_url: String,
    /// Connections that the server keeps at most.
    pub database_connections: u32,
    /// Folder of the backups of the private cluster; empty means beside it.
    pub backup: PathBuf,
    /// Base backups that are kept; an older one goes when a new one is whole.
    pub backup_keep: usize,
    /// The centre: the folder of its rules under `policy`.
    pub centre: String,
    /// Folder of the policy files.
    pub policy: PathBuf,
    /// Folder of the knowledge base's articles.
    pub knowledge: PathBuf,
    /// A demo centre: has a demo key and demo logins, and its clock can be moved. Never in production.
    pub demo: bool,
    /// The public address is https (a proxy in front): cookies are sent over https alone.
    pub https: bool,
    /// The centre's address as everybody reaches it, printed on papers and in their QR codes; empty means the address of the server.
    pub public_url: String,
    /// Which log lines are kept, as `tracing` filters them.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Keys, files and the private cluster. Always from the environment or the default.
    #[serde(skip)]
    pub home: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8329)),
            outside_listen: SocketAddr::from(([127, 0, 0, 1], 8330)),
            outside_url: String::new(),
            licence_url: String::new(),
            database_url: String::new(),
            database_connections: 16,
            backup: PathBuf::new(),
            backup_keep: 7,
            centre: "chongqing".to_owned(),
            policy: PathBuf::from("policy"),
            knowledge: PathBuf::from("knowledge"),
            demo: false,
            https: false,
            public_url: String::new(),
            log: "info,sqlx=warn".to_owned(),
            log_format: LogFormat::Text,
            home: PathBuf::from(".anju"),
        }
    }
}

/// Why a configuration cannot be used. The text is for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("读不到配置文件 {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// The file is not the TOML that `anju config` prints.
    #[error("配置文件 {0} 有误")]
    File(PathBuf, #[source] Box<toml::de::Error>),
    /// A variable holds something else than its setting takes.
    #[error("环境变量 {name} 的值「{value}」有误，应为{expected}")]
    Variable {
        /// Name of the variable.
        name: &'static str,
        /// What it held.
        value: String,
        /// What it may hold, in Chinese.
        expected: &'static str,
    },
}

impl Config {
    /// Environment over `ANJU_HOME/anju.toml` (or the file that `ANJU_CONFIG` names) over defaults.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// [`Config::load`] with the environment handed in.
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let home = PathBuf::from(variable("ANJU_HOME").unwrap_or_else(|| ".anju".to_owned()));
        let home = std::path::absolute(&home).map_err(|error| ConfigError::Read(home, error))?;
        let file = variable("ANJU_CONFIG").map_or_else(|| home.join("anju.toml"), PathBuf::from);
        let mut config = Self::from_file(&file)?;
        config.home = home;

        const ADDRESS: &str = "地址和端口，如 127.0.0.1:8329";
        set(&variable, "ANJU_LISTEN", ADDRESS, &mut config.listen)?;
        set(
            &variable,
            "ANJU_OUTSIDE_LISTEN",
            ADDRESS,
            &mut config.outside_listen,
        )?;
        set(
            &variable,
            "ANJU_OUTSIDE_URL",
            "网址",
            &mut config.outside_url,
        )?;
        set(
            &variable,
            "ANJU_LICENCE_URL",
            "网址",
            &mut config.licence_url,
        )?;
        set(
            &variable,
            "DATABASE_URL",
            "PostgreSQL 连接串",
            &mut config.database_url,
        )?;
        set(
            &variable,
            "ANJU_DATABASE_CONNECTIONS",
            "正整数",
            &mut config.database_connections,
        )?;
        set(&variable, "ANJU_BACKUP", "文件夹", &mut config.backup)?;
        set(
            &variable,
            "ANJU_BACKUP_KEEP",
            "正整数",
            &mut config.backup_keep,
        )?;
        set(&variable, "ANJU_CENTRE", "中心代号", &mut config.centre)?;
        set(&variable, "ANJU_POLICY", "文件夹", &mut config.policy)?;
        set(&variable, "ANJU_KNOWLEDGE", "文件夹", &mut config.knowledge)?;
        set(&variable, "ANJU_LOG", "日志级别", &mut config.log)?;
        set_flag(&variable, "ANJU_DEMO", &mut config.demo)?;
        set_flag(&variable, "ANJU_HTTPS", &mut config.https)?;
        set(&variable, "ANJU_PUBLIC_URL", "网址", &mut config.public_url)?;
        if let Some(value) = variable("ANJU_LOG_FORMAT") {
            config.log_format = match value.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(wrong("ANJU_LOG_FORMAT", value, "text 或 json")),
            };
        }
        if config.outside_url.is_empty() {
            config.outside_url = format!("http://{}", config.outside_listen);
        }
        Ok(config)
    }

    /// The market regulator's licence log-in as browsers reach it.
    pub fn licence_address(&self) -> String {
        if self.licence_url.is_empty() {
            self.outside_url.clone()
        } else {
            self.licence_url.clone()
        }
    }

    fn from_file(file: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| ConfigError::File(file.to_owned(), Box::new(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError::Read(file.to_owned(), error)),
        }
    }

    /// The centre's address as everybody reaches it, without a slash at its end.
    pub fn public_address(&self) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.listen),
            address => address.to_owned(),
        }
    }

    /// The settings in force as a file, each with what it is for: what `anju config` prints.
    pub fn to_file(&self) -> String {
        let toml = toml::to_string(self).expect("a flat struct of plain values is always TOML");
        let mut file = String::from("# 安居的配置。环境变量优先于本文件；下列即当前生效的值。\n");
        for line in toml.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if let Some((_, variable, what)) = LABELS.iter().find(|(key, ..)| *key == name) {
                let _ = writeln!(file, "\n# {what}（{variable}）");
            }
            let _ = writeln!(file, "{line}");
        }
        file
    }
}

/// Setting, the variable over it, what it is.
const LABELS: &[(&str, &str, &str)] = &[
    ("listen", "ANJU_LISTEN", "服务地址"),
    (
        "outside_listen",
        "ANJU_OUTSIDE_LISTEN",
        "模拟外部世界的地址",
    ),
    ("outside_url", "ANJU_OUTSIDE_URL", "银行与部门的网关地址"),
    (
        "licence_url",
        "ANJU_LICENCE_URL",
        "电子营业执照登录页的网址；空则使用模拟外部世界",
    ),
    (
        "database_url",
        "DATABASE_URL",
        "数据库；空则使用自带的私有集群",
    ),
    (
        "database_connections",
        "ANJU_DATABASE_CONNECTIONS",
        "数据库连接上限",
    ),
    (
        "backup",
        "ANJU_BACKUP",
        "备份文件夹；空则在私有集群旁边。应放在另一块磁盘上",
    ),
    ("backup_keep", "ANJU_BACKUP_KEEP", "保留几份基础备份"),
    ("centre", "ANJU_CENTRE", "中心：policy 下的文件夹名"),
    ("policy", "ANJU_POLICY", "政策文件夹"),
    ("knowledge", "ANJU_KNOWLEDGE", "知识库文件夹"),
    (
        "demo",
        "ANJU_DEMO",
        "演示中心：有演示密钥和演示账号，时钟可以拨动；生产中必须为 false",
    ),
    ("https", "ANJU_HTTPS", "对外地址是 https（前面有代理）"),
    (
        "public_url",
        "ANJU_PUBLIC_URL",
        "对外网址，印在证明和二维码上，如 https://gjj.example.cn；空则为服务地址",
    ),
    ("log", "ANJU_LOG", "日志级别"),
    ("log_format", "ANJU_LOG_FORMAT", "日志格式：text 或 json"),
];

fn set<T: std::str::FromStr>(
    variable: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    expected: &'static str,
    setting: &mut T,
) -> Result<(), ConfigError> {
    if let Some(value) = variable(name) {
        *setting = value.parse().map_err(|_| wrong(name, value, expected))?;
    }
    Ok(())
}

fn set_flag(
    variable: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    setting: &mut bool,
) -> Result<(), ConfigError> {
    match variable(name).as_deref() {
        None => {}
        Some("1" | "true") => *setting = true,
        Some("0" | "false") => *setting = false,
        Some(other) => return Err(wrong(name, other.to_owned(), "1 或 0")),
    }
    Ok(())
}

fn wrong(name: &'static str, value: String, expected: &'static str) -> ConfigError {
    ConfigError::Variable {
        name,
        value,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_stands_over_the_defaults() {
        let config = Config::from_variables(|name| match name {
            "ANJU_HOME" => Some("/nowhere/anju".to_owned()),
            "ANJU_OUTSIDE_LISTEN" => Some("127.0.0.1:9000".to_owned()),
            "ANJU_DEMO" => Some("1".to_owned()),
            _ => None,
        })
        .expect("a good environment");
        assert_eq!(config.outside_url, "http://127.0.0.1:9000");
        assert!(config.demo);
        assert_eq!(config.listen, Config::default().listen);
    }

    #[test]
    fn papers_name_the_public_address_and_else_the_servers() {
        let mut config = Config::default();
        assert_eq!(config.public_address(), "http://127.0.0.1:8329");
        config.public_url = "https://gjj.example.cn/".to_owned();
        assert_eq!(config.public_address(), "https://gjj.example.cn");
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let error =
            Config::from_variables(|name| (name == "ANJU_LISTEN").then(|| "八千".to_owned()))
                .expect_err("not an address");
        assert!(error.to_string().contains("ANJU_LISTEN"), "{error}");
    }

    #[test]
    fn the_printed_file_holds_every_setting_and_reads_back() {
        let config = Config::default();
        let file = config.to_file();
        for (name, ..) in LABELS {
            assert!(
                file.contains(&format!("\n{name} = ")),
                "{name} is missing in\n{file}"
            );
        }
        assert_eq!(
            toml::from_str::<Config>(&file).expect("its own file"),
            config
        );
    }
}
