//! A new generation of the keys that rotate, step by step: prepared (everybody can open and find with it), current (everybody seals and
//! writes with it), and the former retired. Invariant: each step is harmless to repeat, and no key is ever deleted: a backup from before
//! needs it.

use std::fs;
use std::path::Path;

use crate::key::{self, Generation};
use crate::{VaultError, random};

/// The ring that seals.
pub(crate) const DATA: &str = "data";
/// The ring of the blind indexes.
pub(crate) const INDEX: &str = "index";

/// Where a rotation stands, as the folder shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// One generation each: no rotation is under way.
    Settled,
    /// The next generation is there, not yet current.
    Prepared,
    /// The next generation is current and the former is still needed.
    Switched,
}

/// Where the keys of a folder stand.
///
/// # Errors
/// The folder cannot be read.
pub fn stage(folder: &Path) -> Result<Stage, VaultError> {
    let mut stage = Stage::Settled;
    for kind in [DATA, INDEX] {
        let found = key::generations(folder, kind)?;
        if found.iter().any(|generation| generation.prepared) {
            return Ok(Stage::Prepared);
        }
        if found.len() > 1 {
            stage = Stage::Switched;
        }
    }
    Ok(stage)
}

/// Makes the next generation of both rings, unless it is there.
///
/// # Errors
/// The folder cannot be read or written.
pub fn prepare(folder: &Path) -> Result<(), VaultError> {
    for kind in [DATA, INDEX] {
        // Two generations: this ring is there already, be it prepared or, after a death in between, switched.
        if let [only] = key::generations(folder, kind)?.as_slice() {
            key::create(
                &folder.join(format!("{kind}-{}.next", only.id + 1)),
                crate::random,
            )?;
        }
    }
    Ok(())
}

/// Makes the prepared generation the current one.
///
/// # Errors
/// The folder cannot be read or written.
pub fn switch(folder: &Path) -> Result<(), VaultError> {
    for kind in [DATA, INDEX] {
        for Generation { prepared, path, .. } in key::generations(folder, kind)? {
            if prepared {
                fs::rename(&path, path.with_extension("key")).map_err(key::file(&path))?;
            }
        }
    }
    sync(folder)
}

/// Moves every generation but the current into `retired/`, to be kept apart from the server.
///
/// # Errors
/// The folder cannot be read or written.
pub fn retire(folder: &Path) -> Result<(), VaultError> {
    let retired = folder.join("retired");
    key::make_folder(&retired)?;
    for kind in [DATA, INDEX] {
        let mut found = key::generations(folder, kind)?;
        found.pop();
        for Generation { path, .. } in found {
            // A number never comes back, yet a name that is taken would be lost: it gets another.
            let mut to = retired.join(path.file_name().unwrap_or_default());
            if to.exists() {
                to.set_extension(format!("key-{}", hex::encode(random::<4>())));
            }
            fs::rename(&path, &to).map_err(key::file(&path))?;
        }
    }
    sync(&retired)?;
    sync(folder)
}

/// What was renamed stays renamed through a power cut.
fn sync(folder: &Path) -> Result<(), VaultError> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(key::file(folder))
}
