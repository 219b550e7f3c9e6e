//! The private PostgreSQL cluster (私有集群): found, made, started and stopped with one command.
//!
//! Invariant: durable. Nothing here ever turns off `fsync`, `synchronous_commit` or checksums, also not for tests. (`./test` does, as an
//! administrator would, on a server of its own for the tests in which no PostgreSQL dies.)
//! A cluster is made beside its place and moved there when it is whole, so that a killed set-up leaves nothing half made.
//! Read [`Cluster::start`] first, then `backup.rs` and `restore.rs`; `install.rs` brings the server programs onto a machine that has none.

mod account;
pub mod backup;
mod content;
mod identity;
pub mod install;
pub mod restore;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};

use account::{Account, effective_uid};
use backup::NO_ARCHIVE;

/// Why the cluster cannot serve. The text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server programs, and they cannot be installed from here.
    #[error("本机没有 PostgreSQL。请先运行：\n  {0}")]
    Missing(&'static str),
    /// The server runs as another account, and there is none to run it.
    #[error("以 root 运行时需要账号 postgres 或 nobody 来运行数据库，本机都没有")]
    NoAccount,
    /// A file or folder could not be made or read.
    #[error("{0} 处理失败")]
    File(PathBuf, #[source] std::io::Error),
    /// A program failed; its own words follow.
    #[error("{program} 失败：{words}")]
    Program {
        /// Name of the program.
        program: String,
        /// What it said.
        words: String,
    },
    /// The server answers and refuses.
    #[error("无法建立数据库")]
    Database(#[from] sqlx::Error),
    /// A database stands where this home's would, and belongs to another home.
    #[error(
        "{data} 里有数据库，但它不属于安装目录 {home}（目录是新的，或换过）。两条出路：\n  \
         要这些数据：把原来的安装目录（其中有 keys 和 cluster-id）放回 {home}，再启动；\n  \
         不要这些数据：运行 anju cluster remove 删除它，再重新准备"
    )]
    Stranger {
        /// Its data folder.
        data: PathBuf,
        /// The home that was to be served.
        home: PathBuf,
    },
    /// The home remembers a database that is not there.
    #[error(
        "{0} 里没有数据库，而这个安装本来有。两条出路：\n  \
         要原来的数据：把数据库文件夹放回，或用 anju restore --to latest 从备份恢复；\n  \
         从空白开始：运行 anju cluster remove，再重新准备"
    )]
    Lost(PathBuf),
    /// A home that never had one, or whose cluster was removed.
    #[error(
        "这个安装没有数据库（{0}），没有可做的。新装的：先运行 anju setup；用 anju cluster remove 删掉过、要从备份找回的：\n  \
         把备份文件夹名下的编号写进安装目录的 cluster-id，再运行 anju restore --to latest（docs/operations.md §7）"
    )]
    Absent(PathBuf),
    /// Backups of a cluster whose number the home does not know.
    #[error(
        "{folder} 里有备份（集群 {numbers}），但不知道哪一个是本安装的。要用它：把编号写进 {memory}，再恢复，如\n  \
         echo {first} > {memory}\n（docs/operations.md §7；不是本安装的备份没有本安装的密钥，读不出个人信息）"
    )]
    Unnamed {
        /// Where they lie.
        folder: PathBuf,
        /// All of them.
        numbers: String,
        /// One of them.
        first: String,
        /// The home's memory.
        memory: PathBuf,
    },
    /// The server was started by an older version, which kept no log.
    #[error(
        "数据库还不能归档日志：先停止服务，运行 anju cluster stop 再 anju cluster start，然后重新备份"
    )]
    NoArchiveMode,
    /// Somebody else keeps the log.
    #[error(
        "数据库已由别的工具归档日志（archive_command = {0}），备份请用那个工具，见 docs/operations.md。\n\
         要改由 anju 备份：先运行 ALTER SYSTEM RESET archive_command 并重新加载"
    )]
    ForeignArchive(String),
    /// The archive does not take the log.
    #[error("日志 {0} 没有归档到 {1}：请看磁盘空间和数据库文件夹里的 server.log")]
    NotArchived(String, PathBuf),
    /// There is no backup.
    #[error("没有备份：请先运行 anju backup；备份在别处时用 ANJU_BACKUP 指明文件夹")]
    NoBackup,
    /// Nothing leads to the instant.
    #[error("不能恢复到这一时刻：最早的备份完成于 {0}，只能恢复到它之后")]
    TooEarly(String),
    /// The instant has not come.
    #[error("不能恢复到这一时刻：现在是 {0}（数据库服务器的时间，不是演示时钟）")]
    TooLate(String),
    /// The log does not reach the instant.
    #[error(
        "不能恢复到这一时刻：日志只到 {0}。原来的数据没有动。要恢复到日志的末尾，用 anju restore --to latest"
    )]
    LogEnds(String),
}

type Result<T> = std::result::Result<T, ClusterError>;

/// A private cluster, made or not, running or not.
#[derive(Debug, Clone)]
pub struct Cluster {
    home: PathBuf,
    /// Holds data, socket and log.
    room: PathBuf,
    socket: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
}

/// What [`Cluster::remove`] has done.
#[derive(Debug, Default)]
pub struct Removed {
    /// Folders that are gone.
    pub gone: Vec<PathBuf>,
    /// Folders that stay: backups, and what restores have moved aside.
    pub left: Vec<PathBuf>,
}

/// Name of the database and of the role that owns it.
pub const DATABASE: &str = "anju";

/// Where the clusters of homes live whose owner is root.
const ROOM_OF_ROOT: &str = "/var/lib/anju";

/// How often a start is tried, each a fifth of a second after the last.
const START_ATTEMPTS: u32 = 25;

/// Longest path of a socket folder: the kernel takes 107 bytes with the socket's own name.
const SOCKET_FOLDER_MAX: usize = 85;

impl Cluster {
    /// The cluster of a home (`ANJU_HOME`), absolute. Looks for the server programs; makes nothing.
    pub fn of(home: &Path) -> Result<Self> {
        let programs = install::programs().ok_or(ClusterError::Missing(install::COMMAND))?;
        let hash = hex::encode(&Sha256::digest(home.as_os_str().as_encoded_bytes())[..8]);
        let (room, account) = if effective_uid()? == 0 {
            // Another account cannot enter /root; the link in the home leads to where it can.
            match fs::canonicalize(home.join("cluster")) {
                Ok(data) => {
                    let account = Account::owner_of(&data)?;
                    (data.parent().unwrap_or(home).to_owned(), Some(account))
                }
                Err(_) => (
                    Path::new(ROOM_OF_ROOT).join(&hash),
                    Some(Account::for_database()?),
                ),
            }
        } else {
            (home.to_owned(), None)
        };
        let beside = room.join("socket");
        let socket = if beside.as_os_str().len() <= SOCKET_FOLDER_MAX {
            beside
        } else {
            std::env::temp_dir().join(format!("anju-{hash}"))
        };
        Ok(Self {
            home: home.to_owned(),
            room,
            socket,
            programs,
            account,
        })
    }

    /// The data folder, where the server keeps everything.
    pub fn data(&self) -> PathBuf {
        self.room.join("cluster")
    }

    /// Connection URL of one of its databases over the Unix socket, as its owner.
    pub fn url(&self, database: &str) -> String {
        self.url_as(DATABASE, database)
    }

    fn url_as(&self, role: &str, database: &str) -> String {
        let host = percent_encoded(&self.socket);
        format!("postgres:///{database}?host={host}&user={role}")
    }

    /// Whether the server runs. Asked of the process and not of the number in its file, which may by now be another's,
    /// or the dead server's own where nobody has buried it: a postmaster lives in its data folder.
    pub fn is_running(&self) -> bool {
        let lives_in = |pid: &str| fs::read_link(Path::new("/proc").join(pid).join("cwd")).ok();
        fs::read_to_string(self.data().join("postmaster.pid"))
            .ok()
            .and_then(|text| lives_in(text.lines().next()?))
            .is_some_and(|folder| fs::canonicalize(self.data()).is_ok_and(|data| data == folder))
    }

    /// Makes the cluster if there is none, starts it if it does not run, makes the database if it is missing.
    /// True if the server was started by this call.
    pub async fn start(&self) -> Result<bool> {
        let _lock = self.lock()?; // two set-ups at once: the second finds it done
        self.recognise()?;
        if self.identifier()?.is_none() {
            self.make()?;
            self.remember()?;
        }
        self.link()?;
        let started = !self.is_running();
        if started {
            self.start_server()?;
        }
        content::make(self).await?;
        Ok(started)
    }

    /// The same for a cluster that is there: none is made.
    ///
    /// # Errors
    /// [`ClusterError::Absent`] where there is none.
    pub async fn start_existing(&self) -> Result<bool> {
        if self.identifier()?.is_none() && self.remembered().is_none() {
            return Err(ClusterError::Absent(self.data()));
        }
        self.start().await
    }

    /// Stops the server; open connections are closed, what was committed stays.
    pub fn stop(&self) -> Result<()> {
        if self.is_running() {
            run(self
                .program("pg_ctl")
                .args(["stop", "-w", "-m", "fast", "-D"])
                .arg(self.data()))?;
        }
        Ok(())
    }

    /// Stops the server and removes everything it keeps, but for its backups and the data folders that restores have moved aside. For
    /// `--reset`.
    pub fn remove(&self) -> Result<Removed> {
        self.stop()?;
        self.forget()?;
        let link = self.home.join("cluster");
        if link.is_symlink() {
            fs::remove_file(&link).map_err(file(&link))?;
        }
        let mut removed = Removed::default();
        for folder in [
            self.data(),
            self.room.join("cluster.new"),
            self.room.join("socket"),
        ] {
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(file(&folder))?;
                removed.gone.push(folder);
            }
        }
        removed.left = self.left_beside()?;
        if self.room != self.home && removed.left.is_empty() && self.room.exists() {
            fs::remove_dir_all(&self.room).map_err(file(&self.room))?;
        }
        Ok(removed)
    }

    /// What lies beside the data folder and is not touched: backups, and data folders that restores have moved aside.
    fn left_beside(&self) -> Result<Vec<PathBuf>> {
        if !self.room.exists() {
            return Ok(Vec::new());
        }
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.room).map_err(file(&self.room))? {
            let path = entry.map_err(file(&self.room))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("cluster.before-") || path == self.backups() {
                left.push(path);
            }
        }
        left.sort();
        Ok(left)
    }

    /// Where its backups lie unless the installation says otherwise.
    pub fn backups(&self) -> PathBuf {
        self.room.join("backup")
    }

    /// Held while the cluster is made, backed up or restored: one at a time.
    fn lock(&self) -> Result<fs::File> {
        fs::create_dir_all(&self.home).map_err(file(&self.home))?;
        let path = self.home.join("cluster.lock");
        let lock = fs::File::create(&path).map_err(file(&path))?;
        lock.lock().map_err(file(&path))?;
        Ok(lock)
    }

    fn make(&self) -> Result<()> {
        if self.account.is_some() {
            let rooms = Path::new(ROOM_OF_ROOT);
            fs::create_dir_all(rooms).map_err(file(rooms))?;
            fs::set_permissions(rooms, fs::Permissions::from_mode(0o755)).map_err(file(rooms))?;
        }
        self.make_folder(&self.room)?;
        let fresh = self.room.join("cluster.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(file(&fresh))?; // a set-up that was killed
        }
        let mut initdb = self.program("initdb");
        initdb
            .args([
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=reject",
            ])
            .args(["--encoding=UTF8", "--data-checksums", "-D"])
            .arg(&fresh)
            .arg(if has_c_utf8() {
                "--locale=C.UTF-8"
            } else {
                "--no-locale"
            });
        run(&mut initdb)?;

        let settings = fresh.join("postgresql.conf");
        let mut text = fs::read_to_string(&settings).map_err(file(&settings))?;
        text.push_str("\ninclude 'anju.conf'\n");
        fs::write(&settings, text).map_err(file(&settings))?;

        fs::rename(&fresh, self.data()).map_err(file(&self.data()))?;
        Ok(())
    }

    /// `ANJU_HOME/cluster` leads to the data folder, wherever that lies.
    fn link(&self) -> Result<()> {
        let link = self.home.join("cluster");
        if self.data() != link && !link.exists() {
            if link.is_symlink() {
                fs::remove_file(&link).map_err(file(&link))?;
            }
            symlink(self.data(), &link).map_err(file(&link))?;
        }
        Ok(())
    }

    fn start_server(&self) -> Result<()> {
        self.make_folder(&self.socket)?;
        self.write_settings(&self.data(), "")?;
        let stale = self.data().join("postmaster.pid");
        if stale.exists() {
            fs::remove_file(&stale).map_err(file(&stale))?; // PostgreSQL believes the number in it
        }
        for attempt in 1.. {
            let mut start = self.program("pg_ctl");
            start
                .args(["start", "-w", "-t", "300", "-D"])
                .arg(self.data())
                .arg("-l")
                .arg(self.data().join("server.log"));
            match run(&mut start) {
                // Sessions of a killed server still hold its memory for a moment.
                Err(_) if attempt < START_ATTEMPTS => thread::sleep(Duration::from_millis(200)),
                done => return done.map(drop),
            }
        }
        Ok(())
    }

    fn write_settings(&self, data: &Path, more: &str) -> Result<()> {
        let path = data.join("anju.conf");
        fs::write(&path, self.settings() + more).map_err(file(&path))
    }

    /// Written at each start, so that a new version's settings reach an old cluster. What an administrator sets with
    /// `ALTER SYSTEM` stands over them.
    fn settings(&self) -> String {
        let statistics = self
            .programs
            .with_file_name("lib")
            .join("pg_stat_statements.so")
            .exists();
        format!(
            "# Written by anju at each start; use ALTER SYSTEM for your own settings.\n\
             listen_addresses = ''\n\
             unix_socket_directories = '{socket}'\n\
             unix_socket_permissions = 0700\n\
             shared_buffers = {buffers}MB\n\
             max_connections = 200\n\
             max_prepared_transactions = 0\n\
             min_wal_size = 2GB\n\
             max_wal_size = 2GB\n\
             wal_compression = lz4\n\
             archive_mode = on\n\
             archive_command = '{NO_ARCHIVE}'\n\
             checkpoint_timeout = 30min\n\
             random_page_cost = 1.1\n\
             jit = off\n\
             autovacuum_naptime = 5s\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             shared_preload_libraries = '{libraries}'\n",
            libraries = if statistics { "pg_stat_statements" } else { "" },
            buffers = shared_buffers_mb(crate::machine::memory_mb()),
            socket = self.socket.display().to_string().replace('\'', "''"),
        )
    }

    /// A server program, run as the account that owns the cluster and in a folder that it can enter.
    fn program(&self, name: &str) -> Command {
        self.tool(&self.programs.join(name))
    }

    /// Any program, run in the same way.
    fn tool(&self, path: &Path) -> Command {
        let mut command = match &self.account {
            None => Command::new(path),
            Some(account) => account.command(path),
        };
        command.current_dir("/");
        command
    }

    /// Only the server's account may enter: the socket behind it trusts whoever reaches it.
    fn make_folder(&self, folder: &Path) -> Result<()> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(file(parent))?;
        }
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.map_err(file(folder))?,
        }
        let owner = match &self.account {
            Some(account) => {
                chown(folder, Some(account.uid), Some(account.gid)).map_err(file(folder))?;
                account.uid
            }
            None => effective_uid()?,
        };
        // In a shared temporary folder somebody else may have made it first.
        let found = fs::symlink_metadata(folder).map_err(file(folder))?;
        if !found.is_dir() || found.uid() != owner {
            let stranger = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
            return Err(ClusterError::File(folder.to_owned(), stranger));
        }
        if folder == self.socket {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(file(folder))?;
        }
        Ok(())
    }
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> ClusterError {
    let path = path.to_owned();
    move |error| ClusterError::File(path, error)
}

pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let program = command
        .get_args()
        .map(Path::new)
        .chain([Path::new(command.get_program())])
        .find_map(|path| path.is_absolute().then(|| path.file_name()).flatten())
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    let failed = |words: String| ClusterError::Program {
        program: program.clone(),
        words,
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    Err(failed(String::from_utf8_lossy(&words).trim().to_owned()))
}

/// An eighth of the machine: the programs beside it and the file system's own cache want the rest.
fn shared_buffers_mb(memory_mb: u64) -> u64 {
    (memory_mb / 8).clamp(128, 4096)
}

fn has_c_utf8() -> bool {
    Command::new("locale")
        .arg("-a")
        .output()
        .is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .any(|locale| {
                    locale.eq_ignore_ascii_case("C.UTF-8") || locale.eq_ignore_ascii_case("C.utf8")
                })
        })
}

fn percent_encoded(path: &Path) -> String {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(*byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
