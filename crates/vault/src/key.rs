//! Key files: `data-1.key`, `data-2.key` … (the highest number is current), `data-3.next` (held, but not yet current). `code.key`,
//! `number.key`, `log-ed25519.key` and `log-sm2.key` are the first of their rings and bear no number; `eseal-p256.key` is alone. Invariant: 32 random bytes in hexadecimal, mode 0600, never overwritten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use hmac::Hmac;
use sm3::Sm3;

use crate::cipher::{Sm4Gcm, cipher_for, hmac_sm3, keyed, mac_of};
use crate::{VaultError, random, same};

/// A key of 32 secret bytes, as its uses need it: what is reckoned from the bytes alone is reckoned once.
#[derive(Clone)]
pub(crate) struct Key {
    mac: Hmac<Sm3>,
    ciphers: Arc<RwLock<BTreeMap<String, Sm4Gcm>>>,
}

/// Purposes whose ciphers are kept; the program has fewer.
const PURPOSES: usize = 64;

impl Key {
    pub(crate) fn of(bytes: [u8; 32]) -> Self {
        Self {
            mac: keyed(&bytes),
            ciphers: Arc::default(),
        }
    }

    /// What a purpose is sealed with.
    pub(crate) fn cipher(&self, purpose: &str) -> Sm4Gcm {
        let kept = self.ciphers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cipher) = kept.get(purpose) {
            return cipher.clone();
        }
        drop(kept);
        let cipher = cipher_for(self, purpose);
        let mut kept = self.ciphers.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < PURPOSES {
            kept.insert(purpose.to_owned(), cipher.clone());
        }
        cipher
    }

    /// HMAC-SM3 over `name ‖ 0x00 ‖ bytes`: one key, separate uses.
    pub(crate) fn mac(&self, name: &str, bytes: &[u8]) -> [u8; 32] {
        debug_assert!(
            !name.contains('\0'),
            "the separator does not occur in names"
        );
        mac_of(self.mac.clone(), &[name.as_bytes(), &[0], bytes])
    }
}

/// The generations of one key: what was sealed by another one can still be opened.
#[derive(Clone)]
pub(crate) struct KeyRing {
    keys: BTreeMap<u16, Key>,
    current: u16,
}

impl KeyRing {
    pub(crate) fn open(folder: &Path, kind: &'static str) -> Result<Self, VaultError> {
        let mut keys = BTreeMap::new();
        let mut current = None;
        for generation in generations(folder, kind)? {
            keys.insert(generation.id, Key::of(read(&generation.path)?));
            if !generation.prepared {
                current = current.max(Some(generation.id));
            }
        }
        match current {
            Some(current) => Ok(Self { keys, current }),
            None => Err(VaultError::Missing {
                kind,
                folder: folder.to_owned(),
            }),
        }
    }

    /// Makes the first key of a ring in a file of this name, unless the ring has one.
    pub(crate) fn create(folder: &Path, kind: &str, name: &str) -> Result<(), VaultError> {
        if generations(folder, kind)?.is_empty() {
            create(&folder.join(name), random)
        } else {
            Ok(())
        }
    }

    /// The key that was the first of all.
    pub(crate) fn first(&self) -> Option<&Key> {
        self.keys.get(&1)
    }

    pub(crate) fn current(&self) -> (u16, &Key) {
        let key = self
            .keys
            .get(&self.current)
            .expect("the current key is one of the ring");
        (self.current, key)
    }

    /// The highest generation that is held, be it current or prepared.
    pub(crate) fn newest(&self) -> u16 {
        self.keys
            .last_key_value()
            .map_or(self.current, |(id, _)| *id)
    }

    /// Every generation but the current one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Key> {
        self.keys
            .iter()
            .filter(|(id, _)| **id != self.current)
            .map(|(_, key)| key)
    }

    pub(crate) fn get(&self, id: u16) -> Option<&Key> {
        self.keys.get(&id)
    }

    /// What the folder says now, and still what was held before: a key that has retired in between may be needed by what is under way.
    pub(crate) fn take_over(&mut self, now: Self) {
        self.current = now.current;
        self.keys.extend(now.keys);
    }
}

/// A secret shared with another party: the gateway, the banks. Signs by HMAC-SM3.
#[derive(Clone)]
pub struct SharedKey([u8; 32]);

impl SharedKey {
    /// Reads a key file.
    ///
    /// # Errors
    /// Missing, damaged, readable by others.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        read(path.as_ref()).map(Self)
    }

    /// Makes the key file unless it exists, and reads it.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the folder cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        create(path, random)?;
        Self::open(path)
    }

    /// Writes the same key for the other party (mode 0600). A file that holds another key is replaced.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn copy_to(&self, path: impl AsRef<Path>) -> Result<(), VaultError> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        if read(path).is_ok_and(|there| there == self.0) {
            return Ok(());
        }
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(file(path)(cause)),
            _ => {}
        }
        write(path, &self.0)
    }

    /// From bytes that both sides already hold.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The signature of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        hmac_sm3(&self.0, &[message])
    }

    /// The signature in lower-case hexadecimal, as headers carry it.
    #[must_use]
    pub fn sign_hex(&self, message: &[u8]) -> String {
        hex::encode(self.sign(message))
    }

    /// Checks a hexadecimal signature in constant time.
    #[must_use]
    pub fn verify_hex(&self, message: &[u8], signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|signature| same(&self.sign(message), &signature))
    }
}

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedKey")
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), VaultError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(file(folder))
}

/// One file of a ring.
pub(crate) struct Generation {
    pub(crate) id: u16,
    /// Held, but not yet what is sealed with.
    pub(crate) prepared: bool,
    pub(crate) path: PathBuf,
}

/// The files of a ring, ascending.
pub(crate) fn generations(folder: &Path, kind: &str) -> Result<Vec<Generation>, VaultError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(file(folder))? {
        let path = entry.map_err(file(folder))?.path();
        let numbered = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| match name.strip_prefix(kind)? {
                // The first of a ring that could not rotate once.
                ".key" => Some(("1", "key")),
                rest => rest.strip_prefix('-')?.split_once('.'),
            });
        let Some((number, ending)) = numbered else {
            continue;
        };
        if let (Ok(id), "key" | "next") = (number.parse(), ending) {
            let prepared = ending == "next";
            found.push(Generation { id, prepared, path });
        }
    }
    found.sort_by_key(|generation| generation.id);
    Ok(found)
}

pub(crate) fn read(path: &Path) -> Result<[u8; 32], VaultError> {
    let mode = fs::metadata(path).map_err(file(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(VaultError::Exposed(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(file(path))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .map_err(|_| VaultError::Format(path.to_owned()))?;
    Ok(bytes)
}

/// Makes a key unless there is one. Two processes that start at once agree: the key appears whole, by a link
/// that fails for the second.
pub(crate) fn create(path: &Path, bytes: impl FnOnce() -> [u8; 32]) -> Result<(), VaultError> {
    if path.exists() {
        return Ok(());
    }
    let draft = path.with_extension(format!("new-{}", hex::encode(random::<8>())));
    write(&draft, &bytes())?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(file(&draft))?;
    match linked {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(file(path)(cause)),
        _ => Ok(()),
    }
}

fn write(path: &Path, bytes: &[u8; 32]) -> Result<(), VaultError> {
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file(path))?;
    target
        .write_all(format!("{}\n", hex::encode(bytes)).as_bytes())
        .map_err(file(path))?;
    target.sync_all().map_err(file(path))
}

pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> VaultError + use<> {
    let path = path.to_owned();
    move |source| VaultError::File { path, source }
}
