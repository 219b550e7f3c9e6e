//! The SM2 keys of this line (国密密钥): ours by generations, and those that each source has made known to us.
//!
//! A source that wants SM2 is met once (`{source}.gateway.key`): the secret that both ends hold vouches for the first keys, and from then on only a key
//! that is held vouches for the next. Invariant: whoever turns a key tells the new one first and keeps the former, so that no question
//! under way fails by it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anju_vault::signature::verify_sm2_der;
use anju_vault::{Sm2Ring, VaultError, envelope};
use anju_wire::gateway::{Envelope, GatewaySigner, SignType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// The name of our ring in the folder of keys.
const OURS: &str = "gateway-sm2";

/// The folder of what sources made known: `D01.pub`, a public key a line, newest first.
const THEIRS: &str = "sources";

/// Keys of a source that are believed: the one announced, the one in use and the one before.
const BELIEVED: usize = 3;

/// The keys of the line.
pub struct LineKeys {
    ours: Sm2Ring,
    folder: PathBuf,
    theirs: RwLock<HashMap<String, Vec<Vec<u8>>>>,
    /// Sources are met one after the other, so that no source is met twice at once.
    pub(crate) meeting: tokio::sync::Mutex<()>,
}

impl LineKeys {
    /// The keys of a folder; ours are made where there are none.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        Ok(Self {
            ours: Sm2Ring::create(folder, OURS)?,
            folder: folder.join(THEIRS),
            theirs: RwLock::default(),
            meeting: tokio::sync::Mutex::default(),
        })
    }

    /// Our own.
    #[must_use]
    pub fn ours(&self) -> &Sm2Ring {
        &self.ours
    }

    /// The public keys of a source, newest first; none where it was never met.
    #[must_use]
    pub fn of(&self, source: &str) -> Vec<Vec<u8>> {
        let known = self.theirs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(source) {
            return keys.clone();
        }
        drop(known);
        self.reload(source)
    }

    /// Reads what another process of this centre may have learnt.
    fn reload(&self, source: &str) -> Vec<Vec<u8>> {
        let text = fs::read_to_string(self.file(source)).unwrap_or_default();
        let keys: Vec<Vec<u8>> = text
            .lines()
            .filter_map(|line| hex::decode(line.trim()).ok())
            .collect();
        if !keys.is_empty() {
            self.theirs
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(source.to_owned(), keys.clone());
        }
        keys
    }

    /// Believes a key of a source from now on, first of all others.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn learn(&self, source: &str, public: &[u8]) -> std::io::Result<()> {
        let mut keys = self.reload(source);
        keys.retain(|known| known != public);
        keys.insert(0, public.to_vec());
        keys.truncate(BELIEVED);
        fs::create_dir_all(&self.folder)?;
        let path = self.file(source);
        let draft = path.with_extension(format!("new-{}", hex::encode(anju_vault::random::<4>())));
        let lines: Vec<String> = keys.iter().map(|key| hex::encode(key) + "\n").collect();
        fs::write(&draft, lines.concat())?;
        fs::rename(&draft, &path)?;
        self.theirs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(source.to_owned(), keys);
        Ok(())
    }

    /// Whether a signature is of one of the source's keys. What does not fit what is remembered is held against the file.
    #[must_use]
    pub fn signed_by(&self, source: &str, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = BASE64.decode(signature) else {
            return false;
        };
        let by = |keys: &[Vec<u8>]| keys.iter().any(|key| verify_sm2_der(key, text, &signature));
        let known = self.of(source);
        if by(&known) {
            return true;
        }
        let now = self.reload(source);
        now != known && by(&now)
    }

    /// Closes a value for a source.
    #[must_use]
    pub fn close(&self, source: &str, value: &Value) -> Option<Envelope> {
        let keys = self.of(source);
        let text = anju_wire::gateway::canonical(value);
        let closed = envelope::close(keys.first()?, text.as_bytes())?;
        Some(Envelope {
            key: closed.key,
            iv: closed.iv,
            content: closed.content,
        })
    }

    /// Opens what was closed for us with any key that we hold.
    #[must_use]
    pub fn open_closed(&self, closed: &Envelope) -> Option<Value> {
        let closed = envelope::Envelope {
            key: closed.key.clone(),
            iv: closed.iv.clone(),
            content: closed.content.clone(),
        };
        let by_any = || {
            let keys = self.ours.all();
            keys.iter().find_map(|key| envelope::open(key, &closed))
        };
        let text = by_any().or_else(|| {
            // Another process of this centre may have turned our key.
            self.ours.refresh().ok()?;
            by_any()
        })?;
        serde_json::from_slice(&text).ok()
    }

    fn file(&self, source: &str) -> PathBuf {
        self.folder.join(format!("{source}.pub"))
    }
}

/// Our end of the line to one source that wants SM2.
pub(crate) struct Sm2Signer {
    pub(crate) keys: Arc<LineKeys>,
    pub(crate) source: String,
}

impl GatewaySigner for Sm2Signer {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> SignType {
        SignType::Sm2
    }
    fn sign(&self, text: &[u8]) -> String {
        BASE64.encode(self.keys.ours.current().sign_der(text))
    }
    fn holds(&self, text: &[u8], signature: &str) -> bool {
        self.keys.signed_by(&self.source, text, signature)
    }
}
