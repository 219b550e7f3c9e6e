//! The account that the database server runs as: ourselves, or another one when we are root, since `initdb` refuses root.

use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use super::{ClusterError, Result, file};

/// An account of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Account {
    /// Debian's `postgres` if there is one, else `nobody`.
    pub fn for_database() -> Result<Self> {
        let passwd = Path::new("/etc/passwd");
        let text = fs::read_to_string(passwd).map_err(file(passwd))?;
        let find = |name: &str| {
            text.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields.first() == Some(&name)).then_some(())?;
                Some(Self {
                    uid: fields.get(2)?.parse().ok()?,
                    gid: fields.get(3)?.parse().ok()?,
                })
            })
        };
        find("postgres")
            .or_else(|| find("nobody"))
            .ok_or(ClusterError::NoAccount)
    }

    /// The owner of a file or folder.
    pub fn owner_of(path: &Path) -> Result<Self> {
        let found = fs::metadata(path).map_err(file(path))?;
        Ok(Self {
            uid: found.uid(),
            gid: found.gid(),
        })
    }

    /// A command that runs a program as this account, with none of our environment.
    pub fn command(self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.uid))
            .arg(format!("--regid={}", self.gid))
            .args(["--init-groups", "--reset-env"])
            .arg(program);
        command
    }
}

/// Effective user id of this process. 0 is root.
pub fn effective_uid() -> Result<u32> {
    Ok(Account::owner_of(Path::new("/proc/self"))?.uid)
}
