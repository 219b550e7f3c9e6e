//! The SM2 keys of one party on a line, by generations: `NAME-1.key`, `NAME-2.key` … (the highest is current), `NAME-3.next` (made and told
//! to the other side, not yet signed with). Invariant: the former stays until the other side has forgotten it, so that what is under way
//! when the key changes can still be read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use crate::signature::Sm2Key;
use crate::{VaultError, key};

/// One party's keys.
pub struct Sm2Ring {
    folder: PathBuf,
    name: String,
    held: RwLock<Held>,
}

/// What a ring holds at one moment.
#[derive(Clone)]
struct Held {
    /// The one that signs.
    current: Arc<Sm2Key>,
    /// All that open, newest first.
    all: Vec<Arc<Sm2Key>>,
}

impl Sm2Ring {
    /// Reads the ring; makes its first key where there is none.
    ///
    /// # Errors
    /// The folder cannot be read or written, a key is damaged or readable by others.
    pub fn create(folder: impl AsRef<Path>, name: &str) -> Result<Self, VaultError> {
        let folder = folder.as_ref().to_owned();
        key::make_folder(&folder)?;
        if key::generations(&folder, name)?.is_empty() {
            Sm2Key::create(folder.join(format!("{name}-1.key")))?;
        }
        let held = RwLock::new(read(&folder, name)?);
        Ok(Self {
            folder,
            name: name.to_owned(),
            held,
        })
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> Arc<Sm2Key> {
        Arc::clone(&self.held().current)
    }

    /// Every key that may open what was closed for this party, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Sm2Key>> {
        self.held().all
    }

    /// Reads the files again: another process of this party may have turned the key.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn refresh(&self) -> Result<(), VaultError> {
        let now = read(&self.folder, &self.name)?;
        *self
            .held
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = now;
        Ok(())
    }

    /// Makes the next key, unless it is there, and returns its public half: to be told before it is used.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn prepare(&self) -> Result<Vec<u8>, VaultError> {
        let found = key::generations(&self.folder, &self.name)?;
        let path = match found.iter().find(|generation| generation.prepared) {
            Some(prepared) => prepared.path.clone(),
            None => {
                let next = found.last().map_or(1, |last| last.id + 1);
                self.folder.join(format!("{}-{next}.next", self.name))
            }
        };
        let next = Sm2Key::create(path)?;
        self.refresh()?;
        Ok(next.public())
    }

    /// Signs with the prepared key from now on.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn switch(&self) -> Result<(), VaultError> {
        for generation in key::generations(&self.folder, &self.name)? {
            if generation.prepared {
                let path = &generation.path;
                fs::rename(path, path.with_extension("key")).map_err(key::file(path))?;
            }
        }
        self.refresh()
    }

    fn held(&self) -> Held {
        self.held
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

fn read(folder: &Path, name: &str) -> Result<Held, VaultError> {
    let mut all = Vec::new();
    let mut current = None;
    for generation in key::generations(folder, name)? {
        let read = match Sm2Key::open(&generation.path) {
            // Turned by another process between the listing and now.
            Err(VaultError::File { .. }) if generation.prepared => {
                Sm2Key::open(generation.path.with_extension("key"))
            }
            read => read,
        };
        let key = Arc::new(read?);
        if !generation.prepared {
            current = Some(Arc::clone(&key));
        }
        all.push(key);
    }
    all.reverse();
    match current {
        Some(current) => Ok(Held { current, all }),
        None => Err(VaultError::Missing {
            kind: "sm2",
            folder: folder.to_owned(),
        }),
    }
}
