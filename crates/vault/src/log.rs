//! The keys of the evidence log (存证日志签名密钥): a pair for each generation, Ed25519 for public tools and SM2 for the domestic assessment
//! of cryptography (商用密码). Invariant: the log is named after its first key for ever, also when that one has left the folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::key::{self, Generation};
use crate::signature::{Ed25519Key, Sm2Key};
use crate::{VaultError, rotation};

/// The two keys of one generation.
pub struct LogPair {
    /// From 1.
    pub generation: u16,
    /// For public tools.
    pub ed25519: Ed25519Key,
    /// For the domestic assessment of cryptography.
    pub sm2: Sm2Key,
}

/// The keys of the log.
pub struct LogKeys {
    /// The first Ed25519 public key, after which the log is named.
    pub first: [u8; 32],
    /// Ascending; the last is current.
    pairs: Vec<LogPair>,
    /// Held, but not yet current.
    pub prepared: Option<LogPair>,
}

impl LogKeys {
    pub(crate) fn open(folder: &Path) -> Result<Self, VaultError> {
        let (mut pairs, mut prepared) = (Vec::new(), None);
        let sm2 = key::generations(folder, rotation::LOG_SM2)?;
        for Generation { id, path, .. } in key::generations(folder, rotation::LOG_ED25519)? {
            // Between two renamings one of the pair may still be called prepared: then both are.
            let Some(other) = sm2.iter().find(|other| other.id == id) else {
                continue;
            };
            let pair = LogPair {
                generation: id,
                ed25519: Ed25519Key::open(&path)?,
                sm2: Sm2Key::open(&other.path)?,
            };
            if other.prepared || path.extension().is_some_and(|ending| ending == "next") {
                prepared = Some(pair);
            } else {
                pairs.push(pair);
            }
        }
        let missing = || VaultError::Missing {
            kind: rotation::LOG_ED25519,
            folder: folder.to_owned(),
        };
        let oldest = pairs.first().ok_or_else(missing)?;
        let first = match oldest.generation {
            1 => oldest.ed25519.public(),
            _ => read_first(folder)?,
        };
        Ok(Self {
            first,
            pairs,
            prepared,
        })
    }

    /// What signs.
    ///
    /// # Panics
    /// Never: keys without a pair are not opened.
    #[must_use]
    pub fn current(&self) -> &LogPair {
        self.pairs
            .last()
            .expect("keys without a pair are not opened")
    }

    /// What signed before, while it is in the folder.
    #[must_use]
    pub fn former(&self) -> Option<&LogPair> {
        self.pairs.iter().rev().nth(1)
    }

    /// Every pair that is held, the oldest first, the prepared one last.
    pub fn held(&self) -> impl Iterator<Item = &LogPair> {
        self.pairs.iter().chain(&self.prepared)
    }

    /// The newest generation that is held.
    #[must_use]
    pub fn newest(&self) -> u16 {
        self.prepared
            .as_ref()
            .unwrap_or_else(|| self.current())
            .generation
    }
}

/// Makes the first pair, unless there is one.
pub(crate) fn create(folder: &Path) -> Result<(), VaultError> {
    if key::generations(folder, rotation::LOG_ED25519)?.is_empty() {
        Ed25519Key::create(folder.join("log-ed25519.key"))?;
    }
    if key::generations(folder, rotation::LOG_SM2)?.is_empty() {
        Sm2Key::create(folder.join("log-sm2.key"))?;
    }
    Ok(())
}

/// Where the public key stands after which the log is named; it is no secret.
fn first_of(folder: &Path) -> PathBuf {
    folder.join("log-first.pub")
}

fn read_first(folder: &Path) -> Result<[u8; 32], VaultError> {
    let path = first_of(folder);
    let text = fs::read_to_string(&path).map_err(key::file(&path))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| VaultError::Format(path))?;
    Ok(bytes)
}

/// Keeps the log's name before its first key leaves the folder.
pub(crate) fn keep_first(folder: &Path) -> Result<(), VaultError> {
    let path = first_of(folder);
    if path.exists() {
        return Ok(());
    }
    let first = LogKeys::open(folder)?.first;
    let draft = path.with_extension("new");
    fs::write(&draft, format!("{}\n", hex::encode(first))).map_err(key::file(&draft))?;
    fs::rename(&draft, &path).map_err(key::file(&path))
}
