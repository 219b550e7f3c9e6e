//! A new generation of the keys that rotate, step by step: prepared (everybody can open and find with it), current (everybody seals and
//! writes with it), and the former retired. Invariant: each step is harmless to repeat, and no key is ever deleted: a backup from before
//! needs it. Keys of codes and of public numbers never retire: what was made with them is checked and read for ever.

use std::fs;
use std::path::{Path, PathBuf};

use crate::key::{self, Generation};
use crate::{VaultError, log, random, signature};

/// The ring that seals.
pub(crate) const DATA: &str = "data";
/// The ring of the blind indexes.
pub(crate) const INDEX: &str = "index";
/// The ring of keyed codes.
pub(crate) const CODE: &str = "code";
/// The ring of public numbers.
pub(crate) const NUMBER: &str = "number";
/// The ring of the log's signatures for public tools.
pub(crate) const LOG_ED25519: &str = "log-ed25519";
/// The ring of the log's signatures by SM2.
pub(crate) const LOG_SM2: &str = "log-sm2";

/// All rings, those whose stage says where a rotation stands last.
const ALL: [&str; 6] = [CODE, NUMBER, LOG_ED25519, LOG_SM2, DATA, INDEX];

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
    for kind in ALL {
        let found = key::generations(folder, kind)?;
        if found.iter().any(|generation| generation.prepared) {
            return Ok(Stage::Prepared);
        }
        if found.len() > 1 && [DATA, INDEX].contains(&kind) {
            stage = Stage::Switched;
        }
    }
    Ok(stage)
}

/// Makes the next generation of every ring, unless it is there. The log's follows only once its former one has retired.
///
/// # Errors
/// The folder cannot be read or written.
pub fn prepare(folder: &Path) -> Result<(), VaultError> {
    let alone = |kind| key::generations(folder, kind).map(|found| found.len() == 1);
    // These two come last: where one of them has begun, the others have.
    if alone(DATA)? && alone(INDEX)? {
        for kind in [CODE, NUMBER] {
            let found = key::generations(folder, kind)?;
            if let Some(newest) = found.last().filter(|newest| !newest.prepared) {
                make_next(folder, kind, newest.id, random)?;
            }
        }
        log::keep_first(folder)?;
        prepare_alone(folder, LOG_ED25519, random)?;
        prepare_alone(folder, LOG_SM2, signature::scalar)?;
    }
    prepare_alone(folder, DATA, random)?;
    prepare_alone(folder, INDEX, random)
}

/// Two generations: this ring is there already, be it prepared or, after a death in between, switched.
fn prepare_alone(
    folder: &Path,
    kind: &str,
    bytes: impl FnOnce() -> [u8; 32],
) -> Result<(), VaultError> {
    match key::generations(folder, kind)?.as_slice() {
        [only] => make_next(folder, kind, only.id, bytes),
        _ => Ok(()),
    }
}

fn make_next(
    folder: &Path,
    kind: &str,
    newest: u16,
    bytes: impl FnOnce() -> [u8; 32],
) -> Result<(), VaultError> {
    key::create(&folder.join(format!("{kind}-{}.next", newest + 1)), bytes)
}

/// The file that says from which id on a generation of the key of public numbers is used.
pub(crate) fn from_of(folder: &Path, generation: u16) -> PathBuf {
    folder.join(format!("{NUMBER}-{generation}.from"))
}

/// Says from which id on the prepared key of public numbers will be used: not before an id that nobody has been given. Said once, it stands;
/// returns what stands, or nothing where no key is prepared.
///
/// # Errors
/// The folder cannot be read or written.
pub fn numbers_from(folder: &Path, free: u64) -> Result<Option<u64>, VaultError> {
    let found = key::generations(folder, NUMBER)?;
    let Some(next) = found.iter().find(|generation| generation.prepared) else {
        return Ok(None);
    };
    let path = from_of(folder, next.id);
    if !path.exists() {
        let numbers = crate::PublicNumbers::open(folder)?;
        let draft = path.with_extension("new");
        fs::write(&draft, format!("{}\n", numbers.next_border(free))).map_err(key::file(&draft))?;
        fs::rename(&draft, &path).map_err(key::file(&path))?;
        sync(folder)?;
    }
    crate::number::read_from(folder, next.id).map(Some)
}

/// From which id on a generation of the key of public numbers is used; none for the first.
///
/// # Errors
/// Nobody has said so.
pub fn numbers_begin(folder: &Path, generation: u16) -> Result<Option<u64>, VaultError> {
    match generation {
        1 => Ok(None),
        _ => crate::number::read_from(folder, generation).map(Some),
    }
}

/// Makes the prepared generation the current one.
///
/// # Errors
/// The folder cannot be read or written; nobody has said from which id on new numbers are made.
pub fn switch(folder: &Path) -> Result<(), VaultError> {
    for kind in ALL {
        for Generation { id, prepared, path } in key::generations(folder, kind)? {
            if prepared {
                if kind == NUMBER {
                    crate::number::read_from(folder, id)?;
                }
                fs::rename(&path, path.with_extension("key")).map_err(key::file(&path))?;
            }
        }
    }
    sync(folder)
}

/// Moves every generation of the keys that seal and index but the current into `retired/`, to be kept apart from the server.
///
/// # Errors
/// The folder cannot be read or written.
pub fn retire(folder: &Path) -> Result<(), VaultError> {
    retire_kinds(folder, &[DATA, INDEX])
}

/// The same for the log's keys, after the day until which both signed.
///
/// # Errors
/// The folder cannot be read or written.
pub fn retire_log(folder: &Path) -> Result<(), VaultError> {
    retire_kinds(folder, &[LOG_ED25519, LOG_SM2])
}

fn retire_kinds(folder: &Path, kinds: &[&str]) -> Result<(), VaultError> {
    let retired = folder.join("retired");
    key::make_folder(&retired)?;
    for kind in kinds {
        let mut found = key::generations(folder, kind)?;
        found.retain(|generation| !generation.prepared);
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
