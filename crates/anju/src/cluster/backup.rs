//! Backups (备份): base backups by `pg_basebackup`, and the write-ahead log that the server copies beside them.
//!
//! Invariant: what stands under its name is whole and verified, and a file of the log is never replaced by another one.
//! Everything lies in a folder of the cluster's own number, so that a new cluster never mixes its log with an older one's.
//! Keys are not in it: whoever steals a backup cannot read what is sealed, and whoever keeps backups keeps the home apart.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};

use super::{Cluster, ClusterError, Result, file, run};

/// What the server runs for a file of its log while no backup has been taken: nothing.
pub(super) const NO_ARCHIVE: &str = "/bin/true";

/// Ends our own archive command, so that we know it again.
const OURS: &str = "# anju backup";

/// A segment of the log that is not full is archived after so long: what the loss of the machine's disk costs at most.
const ARCHIVE_TIMEOUT: &str = "60s";

/// Longest wait until the last segment of the log lies in the archive.
const ARCHIVE_PATIENCE: Duration = Duration::from_secs(120);

/// The folder of one cluster's backups: `base/<when>/{data, backup.json}`, `wal/`, `restores/`.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
}

/// One base backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its folder's name: when it was begun.
    pub name: String,
    /// When it was begun, by the server's clock.
    pub began_at: DateTime<Utc>,
    /// When it was whole: the earliest instant to which it can be restored.
    pub ended_at: DateTime<Utc>,
    /// The cluster's own number.
    pub system_identifier: u64,
    /// Version of the server.
    pub postgres: String,
    /// The first file of the log that it needs.
    pub first_wal: String,
    /// SHA-256 of PostgreSQL's manifest, which holds that of every file.
    pub manifest_sha256: String,
}

impl Backups {
    /// The backups of a cluster below a folder.
    pub fn of(folder: &Path, system_identifier: u64) -> Self {
        Self {
            folder: folder.join(system_identifier.to_string()),
        }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log.
    pub(super) fn wal(&self) -> PathBuf {
        self.folder.join("wal")
    }

    /// The base backups.
    pub(super) fn base(&self) -> PathBuf {
        self.folder.join("base")
    }

    /// The data folder of a backup.
    pub(super) fn data(&self, backup: &Backup) -> PathBuf {
        self.base().join(&backup.name).join("data")
    }

    /// All that are whole, the oldest first.
    pub fn all(&self) -> Result<Vec<Backup>> {
        let base = self.base();
        let entries = match fs::read_dir(&base) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(file(&base))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let note = entry.map_err(file(&base))?.path().join("backup.json");
            if note.exists() {
                let text = fs::read_to_string(&note).map_err(file(&note))?;
                found.push(serde_json::from_str(&text).map_err(|error| file(&note)(error.into()))?);
            }
        }
        found.sort_by_key(|backup: &Backup| backup.began_at);
        Ok(found)
    }

    /// What the server runs for each file of its log (`archive_command`): copied beside, synced, moved to its name, and
    /// the folder synced. A file that is there already must be the same to the byte.
    fn archive_command(&self) -> String {
        let wal = quoted(&self.wal()).replace('%', "%%");
        format!(
            "test ! -e {wal}/%f && cp %p {wal}/%f.part && sync {wal}/%f.part && mv {wal}/%f.part {wal}/%f && sync {wal} \
             || cmp -s %p {wal}/%f {OURS}"
        )
    }

    /// Removes all but the newest base backups, and the log that none of them needs.
    fn prune(&self, cluster: &Cluster, keep: usize) -> Result<Vec<String>> {
        let all = self.all()?;
        let (old, kept) = all.split_at(all.len().saturating_sub(keep.max(1)));
        for backup in old {
            let folder = self.base().join(&backup.name);
            // The note first: what is half removed is no backup any more.
            let note = folder.join("backup.json");
            fs::remove_file(&note).map_err(file(&note))?;
            fs::remove_dir_all(&folder).map_err(file(&folder))?;
        }
        if let (false, Some(oldest)) = (old.is_empty(), kept.first()) {
            run(cluster
                .program("pg_archivecleanup")
                .arg(self.wal())
                .arg(&oldest.first_wal))?;
        }
        Ok(old.iter().map(|backup| backup.name.clone()).collect())
    }
}

/// What a call of [`Cluster::back_up`] did.
#[derive(Debug)]
pub struct Taken {
    /// The new backup.
    pub backup: Backup,
    /// Names of those that were removed for it.
    pub removed: Vec<String>,
    /// Whether the log is kept since this call.
    pub is_first: bool,
    /// Where it lies.
    pub folder: PathBuf,
}

impl Cluster {
    /// Takes a base backup of the running server, verifies it, and removes what is more than `keep`. The first one makes
    /// the server keep its log from then on.
    pub async fn back_up(&self, folder: &Path, keep: usize) -> Result<Taken> {
        let _lock = self.lock()?;
        let mut connection = PgConnection::connect(&self.url_as("postgres", "postgres")).await?;
        let (system_identifier, postgres, began_at): (i64, String, DateTime<Utc>) = sqlx::query_as(
            "SELECT system_identifier, current_setting('server_version'), clock_timestamp() FROM pg_control_system()",
        )
        .fetch_one(&mut connection)
        .await?;
        let backups = Backups::of(folder, system_identifier.cast_unsigned());
        for place in [&backups.folder, &backups.wal(), &backups.base()] {
            self.make_folder(place)?;
        }
        let is_first = keep_log(&mut connection, &backups).await?;

        let name = began_at.format("%Y%m%dT%H%M%S%.3fZ").to_string();
        let part = backups.base().join(format!("{name}.part"));
        self.make_folder(&part)?;
        let data = part.join("data");
        run(self
            .program("pg_basebackup")
            .arg("-h")
            .arg(&self.socket)
            .args(["-U", "postgres", "--no-password", "--checkpoint=fast"])
            .args([
                "--wal-method=stream",
                "--manifest-checksums=SHA256",
                "--label=anju",
                "-D",
            ])
            .arg(&data))?;
        self.verify(&data)?;
        let ended_at = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut connection)
            .await?;
        let manifest = data.join("backup_manifest");
        let backup = Backup {
            name: name.clone(),
            began_at,
            ended_at,
            system_identifier: system_identifier.cast_unsigned(),
            postgres,
            first_wal: first_wal(&data)?,
            manifest_sha256: hex::encode(Sha256::digest(
                fs::read(&manifest).map_err(file(&manifest))?,
            )),
        };
        self.close_segment(&mut connection, &backups).await?;
        connection.close().await?;

        let note = part.join("backup.json");
        let text = serde_json::to_string_pretty(&backup).expect("plain values are always JSON");
        write_synced(&note, &text)?;
        let place = backups.base().join(&name);
        fs::rename(&part, &place).map_err(file(&place))?;
        Ok(Taken {
            removed: backups.prune(self, keep)?,
            backup,
            is_first,
            folder: place,
        })
    }

    /// Compares every file of a backup with its manifest, and reads its log.
    pub(super) fn verify(&self, data: &Path) -> Result<()> {
        run(self.program("pg_verifybackup").arg("--quiet").arg(data)).map(drop)
    }

    /// Ends the segment of the log that is being written, behind a commit that is later than everything, and waits until
    /// it lies in the archive: a restore to any instant up to now finds its end.
    pub(super) async fn close_segment(
        &self,
        connection: &mut PgConnection,
        backups: &Backups,
    ) -> Result<()> {
        sqlx::query("SELECT pg_current_xact_id()")
            .execute(&mut *connection)
            .await?;
        let segment: String = sqlx::query_scalar("SELECT pg_walfile_name(pg_switch_wal())")
            .fetch_one(&mut *connection)
            .await?;
        let began = Instant::now();
        while !backups.wal().join(&segment).exists() {
            if began.elapsed() > ARCHIVE_PATIENCE {
                return Err(ClusterError::NotArchived(segment, backups.wal()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Makes the server keep its log, if it does not yet. True if this call did.
async fn keep_log(connection: &mut PgConnection, backups: &Backups) -> Result<bool> {
    let (mode, command): (String, String) = sqlx::query_as(
        "SELECT current_setting('archive_mode'), current_setting('archive_command')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if mode == "off" {
        return Err(ClusterError::NoArchiveMode);
    }
    let wanted = backups.archive_command();
    if command == wanted {
        return Ok(false);
    }
    if command != NO_ARCHIVE && !command.ends_with(OURS) {
        return Err(ClusterError::ForeignArchive(command));
    }
    // ALTER SYSTEM takes no parameters; the words are quoted by the server itself.
    for (setting, value) in [
        ("archive_timeout", ARCHIVE_TIMEOUT),
        ("archive_command", &wanted),
    ] {
        let order: String =
            sqlx::query_scalar("SELECT format('ALTER SYSTEM SET %I = %L', $1::text, $2::text)")
                .bind(setting)
                .bind(value)
                .fetch_one(&mut *connection)
                .await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(order))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("SELECT pg_reload_conf()")
        .execute(&mut *connection)
        .await?;
    Ok(command == NO_ARCHIVE)
}

/// `START WAL LOCATION: 0/2000028 (file 000000010000000000000002)` of a backup's label.
fn first_wal(data: &Path) -> Result<String> {
    let label = data.join("backup_label");
    let text = fs::read_to_string(&label).map_err(file(&label))?;
    text.lines()
        .find_map(|line| {
            let (_, name) = line
                .strip_prefix("START WAL LOCATION: ")?
                .split_once("(file ")?;
            Some(name.trim_end_matches(')').to_owned())
        })
        .ok_or_else(|| file(&label)(std::io::ErrorKind::InvalidData.into()))
}

pub(super) fn write_synced(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    fs::File::create(path)
        .and_then(|mut open| {
            open.write_all(text.as_bytes())?;
            open.sync_all()
        })
        .map_err(file(path))
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
