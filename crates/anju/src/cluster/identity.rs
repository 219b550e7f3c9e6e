//! Whose database a cluster's folder holds: the number that `initdb` gave it, kept in the home that it belongs to.
//!
//! Invariant: a home is never served by a database that is not its own. The folder of a cluster may lie outside its home
//! (`/var/lib/anju`), so that either can be lost without the other; whoever starts then hears it, and nothing is made anew
//! in silence.

use std::{fs, io::Read, path::Path};

use super::{Cluster, ClusterError, Result, file};

/// The file in the home.
const FILE: &str = "cluster-id";

impl Cluster {
    /// The number that `initdb` gave this cluster (system identifier); none where there is no cluster.
    pub fn identifier(&self) -> Result<Option<u64>> {
        // It is the first field of the control file, in the machine's own order of bytes, since PostgreSQL 7.
        let control = self.data().join("global/pg_control");
        if !control.exists() {
            return Ok(None);
        }
        let mut number = [0; 8];
        fs::File::open(&control)
            .and_then(|mut open| open.read_exact(&mut number))
            .map_err(file(&control))?;
        Ok(Some(u64::from_ne_bytes(number)))
    }

    /// The number of the cluster that this home belongs to, as the home remembers it.
    pub fn remembered(&self) -> Option<u64> {
        fs::read_to_string(self.home.join(FILE))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Where the home remembers it.
    pub(super) fn memory(&self) -> std::path::PathBuf {
        self.home.join(FILE)
    }

    /// Remembers the cluster that was just made or restored.
    pub(super) fn remember(&self) -> Result<()> {
        let path = self.home.join(FILE);
        match self.identifier()? {
            Some(number) => fs::write(&path, format!("{number}\n")).map_err(file(&path)),
            None => Ok(()),
        }
    }

    /// Forgets it: the cluster has been removed.
    pub(super) fn forget(&self) -> Result<()> {
        let path = self.home.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Refuses a database of another home, and a home whose database is gone.
    pub(super) fn recognise(&self) -> Result<()> {
        match (self.identifier()?, self.remembered()) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(ClusterError::Lost(self.data())),
            (Some(found), Some(known)) if found == known => Ok(()),
            // A home of an older version remembers nothing yet; its link shows that it knows this folder.
            (Some(_), None) if self.is_linked() => self.remember(),
            (Some(_), _) => Err(ClusterError::Stranger {
                data: self.data(),
                home: self.home.clone(),
            }),
        }
    }

    fn is_linked(&self) -> bool {
        let same = |one: &Path, other: &Path| matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other);
        same(&self.home.join("cluster"), &self.data())
    }
}
