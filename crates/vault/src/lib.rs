//! Keys, encryption at rest, blind indexes, message codes, passwords, tokens, public numbers: the one
//! crypto module.
//!
//! Invariant: key bytes stay inside this crate. What leaves is sealed data, an index, a code or a number;
//! every sealed value names the key that sealed it and the purpose it was sealed for, so that keys can
//! rotate and one column's value cannot be passed off as another's. Read `key` first.

mod cipher;
pub mod envelope;
pub mod eseal;
mod key;
pub mod log;
mod number;
pub mod pair;
pub mod password;
pub mod rotation;
pub mod signature;
pub mod token;
pub mod totp;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, RwLockReadGuard};

pub use cipher::{hmac_sm3, same, sm3};
pub use key::SharedKey;
pub use number::{NUMBERS, NumberKind, PublicNumbers};
pub use pair::Sm2Ring;

use key::{Key, KeyRing};
use log::LogKeys;

/// What went wrong with a key or with sealed data.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file system refused.
    #[error("reading or writing the key file {path}")]
    File {
        /// The key file or its folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A key file that is not 64 hexadecimal characters.
    #[error("the key file {0} does not hold 64 hexadecimal characters")]
    Format(PathBuf),
    /// A key file that others than its owner can read.
    #[error("the key file {0} must be readable by its owner only (mode 0600)")]
    Exposed(PathBuf),
    /// No key of a kind that is needed.
    #[error("there is no {kind} key in {folder}")]
    Missing {
        /// The name of the key.
        kind: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Sealed data that this vault did not make.
    #[error("this is not sealed data")]
    NotSealed,
    /// Sealed by a key that is no longer here.
    #[error("sealed with key {0}, which is not in this vault")]
    UnknownKey(u16),
    /// Changed since it was sealed, or sealed for another purpose.
    #[error("sealed data was altered or belongs to another purpose")]
    Altered,
    /// A certificate that is none, or is not of the key beside it.
    #[error("{path} does not hold the certificate of the key beside it: {why}")]
    Certificate {
        /// The file of certificates.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The password library refused.
    #[error("hashing a password")]
    Password(#[source] argon2::password_hash::Error),
}

/// A blind index (盲索引): what a sealed value is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlindIndex {
    /// By the current key: what is written.
    pub current: [u8; 16],
    /// By the other keys that are held while they rotate.
    pub others: Vec<[u8; 16]>,
}

impl BlindIndex {
    /// By every key that is held: what is looked up by.
    #[must_use]
    pub fn any(&self) -> Vec<Vec<u8>> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .map(|index| index.to_vec())
            .collect()
    }
}

/// Which keys a vault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The newest data key that it can open with.
    pub data: u16,
    /// The newest index key that it can look up by.
    pub index: u16,
    /// The data key that it seals with.
    pub current_data: u16,
    /// The index key that it writes.
    pub current_index: u16,
    /// The newest keys of codes, public numbers and the log that are held.
    pub others: [u16; 3],
    /// Those of them that it uses.
    pub current_others: [u16; 3],
}

/// The keys of a centre, opened from its folder. Cheap to clone; all clones see a rotation at once.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    rings: RwLock<Rings>,
    numbers: PublicNumbers,
}

struct Rings {
    data: KeyRing,
    index: KeyRing,
    code: KeyRing,
    log: Arc<LogKeys>,
}

impl Rings {
    fn open(folder: &Path) -> Result<Self, VaultError> {
        let code = KeyRing::open(folder, rotation::CODE)?;
        if code.first().is_none() {
            return Err(VaultError::Missing {
                kind: rotation::CODE,
                folder: folder.to_owned(),
            });
        }
        Ok(Self {
            data: KeyRing::open(folder, rotation::DATA)?,
            index: KeyRing::open(folder, rotation::INDEX)?,
            code,
            log: Arc::new(LogKeys::open(folder)?),
        })
    }
}

impl Vault {
    /// Opens the keys of a folder.
    ///
    /// # Errors
    /// A key is missing, damaged or readable by others.
    pub fn open_dir(folder: impl AsRef<Path>) -> Result<Self, VaultError> {
        let folder = folder.as_ref();
        Ok(Self(Arc::new(Inner {
            folder: folder.to_owned(),
            rings: RwLock::new(Rings::open(folder)?),
            numbers: PublicNumbers::open(folder)?,
        })))
    }

    /// Reads the folder again: a key that was added while this process runs is held from now on. Data keys that have left the folder
    /// stay for as long as the process lives.
    ///
    /// # Errors
    /// As [`open_dir`](Self::open_dir); then nothing has changed.
    pub fn refresh(&self) -> Result<Generations, VaultError> {
        let now = Rings::open(&self.0.folder)?;
        let mut rings = self
            .0
            .rings
            .write()
            .expect("nothing panics while it holds the keys");
        rings.data.take_over(now.data);
        rings.index = now.index;
        rings.code = now.code;
        rings.log = now.log;
        drop(rings);
        self.0.numbers.refresh(&self.0.folder)?;
        Ok(self.generations())
    }

    /// Which keys are held.
    #[must_use]
    pub fn generations(&self) -> Generations {
        let rings = self.rings();
        let (number, current_number) = self.0.numbers.generations();
        Generations {
            data: rings.data.newest(),
            index: rings.index.newest(),
            current_data: rings.data.current().0,
            current_index: rings.index.current().0,
            others: [rings.code.newest(), number, rings.log.newest()],
            current_others: [
                rings.code.current().0,
                current_number,
                rings.log.current().generation,
            ],
        }
    }

    fn rings(&self) -> RwLockReadGuard<'_, Rings> {
        self.0
            .rings
            .read()
            .expect("nothing panics while it holds the keys")
    }

    /// Makes the keys that are missing in a folder (files 0600) and opens it.
    ///
    /// # Errors
    /// As [`open_dir`](Self::open_dir), or the folder cannot be written.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self, VaultError> {
        let folder = folder.as_ref();
        key::make_folder(folder)?;
        for (kind, name) in [
            (rotation::DATA, "data-1.key"),
            (rotation::INDEX, "index-1.key"),
            (rotation::CODE, "code.key"),
            (rotation::NUMBER, "number.key"),
        ] {
            KeyRing::create(folder, kind, name)?;
        }
        log::create(folder)?;
        Self::open_dir(folder)
    }

    /// Seals data at rest: SM4-GCM with a random nonce. The key's id stands in the header, the purpose is
    /// authenticated and also separates the keys.
    #[must_use]
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let rings = self.rings();
        let (id, key) = rings.data.current();
        cipher::seal(id, key, purpose, plain)
    }

    /// Opens sealed data. A key that is not held is looked for in the folder: another process may have begun to seal with it.
    ///
    /// # Errors
    /// Not sealed data, an unknown key, altered, another purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let id = cipher::key_id(sealed)?;
        if let Some(key) = self.rings().data.get(id) {
            return cipher::open(key, purpose, sealed);
        }
        self.refresh()?;
        let rings = self.rings();
        let key = rings.data.get(id).ok_or(VaultError::UnknownKey(id))?;
        cipher::open(key, purpose, sealed)
    }

    /// Whether a value was sealed by the current key; if not, a rotation seals it again.
    ///
    /// # Errors
    /// Not sealed data.
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool, VaultError> {
        Ok(cipher::key_id(sealed)? == self.rings().data.current().0)
    }

    /// The blind index of a value in normalised form, keyed by HMAC-SM3 and cut to 128 bits.
    #[must_use]
    pub fn blind_index(&self, purpose: &str, normalised: &str) -> BlindIndex {
        let of = |key: &Key| {
            let full = key.mac(purpose, normalised.as_bytes());
            *full
                .first_chunk::<16>()
                .expect("a code of 32 bytes begins with 16")
        };
        let rings = self.rings();
        BlindIndex {
            current: of(rings.index.current().1),
            others: rings.index.others().map(of).collect(),
        }
    }

    /// A message authentication code under a name of its own: HMAC-SM3 by the current key of codes.
    #[must_use]
    pub fn mac(&self, key_name: &str, bytes: &[u8]) -> [u8; 32] {
        self.rings().code.current().1.mac(key_name, bytes)
    }

    /// Checks a code in constant time: by the current key, and by every former one, since codes are kept for ever.
    #[must_use]
    pub fn verify_mac(&self, key_name: &str, bytes: &[u8], mac: &[u8]) -> bool {
        let rings = self.rings();
        let (_, current) = rings.code.current();
        std::iter::once(current)
            .chain(rings.code.others())
            .any(|key| same(&key.mac(key_name, bytes), mac))
    }

    /// A keyed digest that stands for a thing whose own name is not kept, and by which it is found again: by the first key of codes for
    /// ever, since nobody could reckon it anew.
    #[must_use]
    pub fn token_of(&self, key_name: &str, bytes: &[u8]) -> [u8; 32] {
        let rings = self.rings();
        let first = rings.code.first().unwrap_or(rings.code.current().1);
        first.mac(key_name, bytes)
    }

    /// The keys of the evidence log as they are held at this moment.
    #[must_use]
    pub fn log_keys(&self) -> Arc<LogKeys> {
        self.rings().log.clone()
    }

    /// The permutation between inner ids and public numbers. It follows a rotation by itself.
    #[must_use]
    pub fn numbers(&self) -> PublicNumbers {
        self.0.numbers.clone()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// Random bytes of the operating system.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests;
