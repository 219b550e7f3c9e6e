//! Restore (恢复) to an instant: the last base backup before it, and the log up to it, on a data folder of its own.
//!
//! Invariant: the old data folder is moved aside and never deleted. When anything fails, it stands in its place again.
//! An instant is the server's own time of a commit, never the demo clock's.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anju_domain::clock::{Clock, SystemClock, rfc3339};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};

use super::{
    Cluster, ClusterError, Result,
    backup::{Backup, Backups, quoted, write_synced},
    file, run,
};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To the last commit that is not later.
    Instant(DateTime<Utc>),
    /// To the end of the log.
    Latest,
}

/// What was done.
#[derive(Debug)]
pub struct Restored {
    /// The base backup that it began with.
    pub backup: Backup,
    /// Where the old data folder lies; none where there was none.
    pub aside: Option<PathBuf>,
}

/// A restore that was made: from `at` on the log goes on from `to`, under a new timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Turn {
    at: DateTime<Utc>,
    /// None: to the end of the log of then.
    to: Option<DateTime<Utc>>,
    timeline: u32,
}

/// Where the server's own words lie.
const LOG: &str = "server.log";

impl Cluster {
    /// Restores the cluster. The product must not be serving. Needs the home's memory of its cluster, not the cluster.
    pub async fn restore(&self, folder: &Path, target: Target) -> Result<Restored> {
        let lock = self.lock()?;
        let number = match self.remembered() {
            Some(number) => number,
            None => self.identifier()?.ok_or_else(|| self.no_backup(folder))?,
        };
        let backups = Backups::of(folder, number);
        let turns = turns(&backups)?;
        let all = backups.all()?;
        if all.is_empty() {
            return Err(self.no_backup(folder));
        }
        let backup = choose(&all, &turns, target)?;
        self.verify(&backups.data(&backup))?;
        self.end_log(&backups, target).await?;
        self.stop()?;

        let stamp = SystemClock.now().format("%Y%m%dT%H%M%SZ");
        let (data, fresh) = (self.data(), self.room.join("cluster.new"));
        let aside = data
            .exists()
            .then(|| self.room.join(format!("cluster.before-{stamp}")));
        self.make_folder(&self.room)?;
        self.lay_out(&backups, &backup, &fresh)?;
        let recovery = recovery_settings(&backups, &turns, aside.as_deref(), target);
        self.write_settings(&fresh, &recovery)?;
        if let Some(aside) = &aside {
            fs::rename(&data, aside).map_err(file(aside))?;
        }
        fs::rename(&fresh, &data).map_err(file(&data))?;
        if let Err(error) = self.start_recovered().await {
            self.put_back(aside.as_deref())?;
            return Err(error);
        }
        self.remember()?;
        self.link()?;
        self.go_on(&backups, target).await?;
        drop(lock);
        Ok(Restored { backup, aside })
    }

    /// Nothing that is known to be this home's: what others there are is said, since a home may have forgotten its number.
    fn no_backup(&self, folder: &Path) -> ClusterError {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut numbers: Vec<String> = entries
            .filter(|entry| entry.path().join("base").is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.parse::<u64>().is_ok())
            .collect();
        numbers.sort();
        match numbers.first() {
            None => ClusterError::NoBackup,
            Some(first) => ClusterError::Unnamed {
                folder: folder.to_owned(),
                first: first.clone(),
                numbers: numbers.join("、"),
                memory: self.memory(),
            },
        }
    }

    /// Everything that was committed until now goes into the archive, where the server can still do it.
    async fn end_log(&self, backups: &Backups, target: Target) -> Result<()> {
        if !self.data().exists() {
            return Ok(());
        }
        self.recognise()?;
        if !self.is_running() && self.start_server().is_err() {
            return Ok(()); // a broken cluster: the log in its folder is read where it lies
        }
        let Some(mut connection) = self.ready().await else {
            return Ok(());
        };
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut connection)
            .await?;
        if let Target::Instant(instant) = target
            && instant > now
        {
            return Err(ClusterError::TooLate(rfc3339(now)));
        }
        self.close_segment(&mut connection, backups).await?;
        connection.close().await?;
        Ok(())
    }

    /// A copy of the backup, as the server's account.
    fn lay_out(&self, backups: &Backups, backup: &Backup, fresh: &Path) -> Result<()> {
        if fresh.exists() {
            fs::remove_dir_all(fresh).map_err(file(fresh))?; // a restore that was killed
        }
        run(self
            .tool(Path::new("/bin/cp"))
            .args(["--archive", "--reflink=auto"])
            .arg(backups.data(backup))
            .arg(fresh))?;
        let log = fresh.join(LOG);
        if log.exists() {
            fs::remove_file(&log).map_err(file(&log))?; // of the server that was backed up
        }
        run(self
            .tool(Path::new("/bin/touch"))
            .arg(fresh.join("recovery.signal")))
        .map(drop)
    }

    /// Starts the server on the copy and waits until it has read the log and takes writes.
    async fn start_recovered(&self) -> Result<()> {
        self.make_folder(&self.socket)?;
        let started = run(self
            .program("pg_ctl")
            .args(["start", "-w", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(self.data().join(LOG)));
        if started.is_ok()
            && let Some(connection) = self.ready().await
        {
            return Ok(connection.close().await?);
        }
        let said = fs::read_to_string(self.data().join(LOG)).unwrap_or_default();
        if said.contains("recovery ended before configured recovery target was reached") {
            let last = said.lines().rev().find_map(|line| {
                let (_, at) = line.split_once("last completed transaction was at log time ")?;
                Some(at.to_owned())
            });
            return Err(ClusterError::LogEnds(
                last.unwrap_or_else(|| "备份完成时".to_owned()),
            ));
        }
        let last_words: Vec<&str> = said.lines().rev().take(5).collect();
        Err(ClusterError::Program {
            program: "postgres".to_owned(),
            words: last_words.into_iter().rev().collect::<Vec<_>>().join("\n"),
        })
    }

    /// A connection, once the server takes them; none if it ends before. It counts as started while it still reads its log, which
    /// takes as long as it takes: seconds for a day, hours for a month.
    async fn ready(&self) -> Option<PgConnection> {
        let url = self.url_as("postgres", "postgres");
        while self.is_running() {
            if let Ok(connection) = PgConnection::connect(&url).await {
                return Some(connection);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// The failed copy goes, the old folder stands where it stood.
    fn put_back(&self, aside: Option<&Path>) -> Result<()> {
        let data = self.data();
        self.stop()?;
        fs::remove_dir_all(&data).map_err(file(&data))?;
        if let Some(aside) = aside {
            fs::rename(aside, &data).map_err(file(&data))?;
        }
        Ok(())
    }

    /// The usual settings again, and a note for later restores of where the log has turned.
    async fn go_on(&self, backups: &Backups, target: Target) -> Result<()> {
        self.write_settings(&self.data(), "")?;
        let mut connection = PgConnection::connect(&self.url_as("postgres", "postgres")).await?;
        let (at, segment): (DateTime<Utc>, String) = sqlx::query_as(
            "SELECT clock_timestamp(), pg_walfile_name(pg_current_wal_lsn()) FROM pg_reload_conf()",
        )
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        let timeline = segment
            .get(..8)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let turn = Turn {
            at,
            to: match target {
                Target::Instant(instant) => Some(instant),
                Target::Latest => None,
            },
            timeline: timeline.ok_or(ClusterError::NoBackup)?,
        };
        let folder = backups.folder().join("restores");
        fs::create_dir_all(&folder).map_err(file(&folder))?;
        let text = serde_json::to_string_pretty(&turn).expect("plain values are always JSON");
        write_synced(
            &folder.join(format!("{}.json", at.format("%Y%m%dT%H%M%S%.3fZ"))),
            &text,
        )
    }
}

/// The settings under which the server reads the log. No connection is taken before it has, so that a start that returns is a
/// restore that is done.
fn recovery_settings(
    backups: &Backups,
    turns: &[Turn],
    aside: Option<&Path>,
    target: Target,
) -> String {
    let copy = |folder: &Path| {
        let folder = quoted(folder).replace('%', "%%");
        format!("cp {folder}/%f %p")
    };
    let mut command = copy(&backups.wal());
    if let Some(aside) = aside {
        // What a broken server had not archived yet.
        command = format!("{command} || {}", copy(&aside.join("pg_wal")));
    }
    let until = match target {
        Target::Instant(instant) => {
            format!("recovery_target_time = '{}'\n", instant.to_rfc3339())
        }
        Target::Latest => String::new(),
    };
    format!(
        "hot_standby = off\n\
         restore_command = '{command}'\n\
         recovery_target_timeline = '{timeline}'\n\
         recovery_target_action = 'promote'\n\
         {until}",
        command = command.replace('\'', "''"),
        timeline = timeline_of(turns, target),
    )
}

/// The restores that were made, in order.
fn turns(backups: &Backups) -> Result<Vec<Turn>> {
    let folder = backups.folder().join("restores");
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(file(&folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(file(&folder))?.path();
        let text = fs::read_to_string(&path).map_err(file(&path))?;
        found.push(serde_json::from_str(&text).map_err(|error| file(&path)(error.into()))?);
    }
    found.sort_by_key(|turn: &Turn| turn.at);
    Ok(found)
}

/// Those that had been made at the target: what was done later is not its past.
fn before(turns: &[Turn], target: Target) -> impl Iterator<Item = &Turn> {
    turns.iter().filter(move |turn| match target {
        Target::Instant(instant) => turn.at <= instant,
        Target::Latest => true,
    })
}

/// The timeline that was being written at the target. A cluster begins with 1.
fn timeline_of(turns: &[Turn], target: Target) -> u32 {
    before(turns, target).last().map_or(1, |turn| turn.timeline)
}

/// The newest backup that was whole at the target and whose books led there: one that was taken after the instant to which
/// a later restore went back is of a past that was given up.
fn choose(all: &[Backup], turns: &[Turn], target: Target) -> Result<Backup> {
    let leads_there = |backup: &&Backup| {
        let whole = match target {
            Target::Instant(instant) => backup.ended_at <= instant,
            Target::Latest => true,
        };
        whole
            && before(turns, target)
                .filter(|turn| backup.ended_at < turn.at)
                .all(|turn| turn.to.is_none_or(|to| backup.ended_at <= to))
    };
    let first = all.first().ok_or(ClusterError::NoBackup)?;
    all.iter()
        .rfind(leads_there)
        .cloned()
        .ok_or_else(|| ClusterError::TooEarly(rfc3339(first.ended_at)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn backup(minute: i64) -> Backup {
        Backup {
            name: minute.to_string(),
            began_at: at(minute),
            ended_at: at(minute),
            system_identifier: 1,
            postgres: "15".to_owned(),
            first_wal: String::new(),
            manifest_sha256: String::new(),
        }
    }

    fn chosen(all: &[Backup], turns: &[Turn], target: Target) -> (String, u32) {
        let backup = choose(all, turns, target).expect("a backup");
        (backup.name, timeline_of(turns, target))
    }

    #[test]
    fn the_newest_backup_before_the_instant_is_taken() {
        let all = [backup(10), backup(20), backup(30)];
        let to = |minute| chosen(&all, &[], Target::Instant(at(minute)));
        assert_eq!(to(25), ("20".to_owned(), 1));
        assert_eq!(to(30), ("30".to_owned(), 1));
        assert_eq!(chosen(&all, &[], Target::Latest), ("30".to_owned(), 1));
        assert!(matches!(
            choose(&all, &[], Target::Instant(at(9))),
            Err(ClusterError::TooEarly(_))
        ));
        assert!(matches!(
            choose(&[], &[], Target::Latest),
            Err(ClusterError::NoBackup)
        ));
    }

    /// At minute 40 somebody went back to 15; at 60 he goes on.
    #[test]
    fn a_past_that_was_given_up_can_be_had_again_and_is_never_mixed_with_the_present() {
        let all = [backup(10), backup(20), backup(30), backup(50)];
        let turns = [Turn {
            at: at(40),
            to: Some(at(15)),
            timeline: 2,
        }];
        let to = |minute| chosen(&all, &turns, Target::Instant(at(minute)));
        assert_eq!(
            to(35),
            ("30".to_owned(), 1),
            "the wrong instant was chosen first"
        );
        assert_eq!(
            to(45),
            ("10".to_owned(), 2),
            "20 and 30 are of the other past"
        );
        assert_eq!(to(55), ("50".to_owned(), 2));
        assert_eq!(chosen(&all, &turns, Target::Latest), ("50".to_owned(), 2));
    }
}
