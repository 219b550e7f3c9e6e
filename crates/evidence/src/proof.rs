//! A proof bundle (存证凭据, doors.md §5) and its check, offline. Invariant: trust comes from the keys that the reader brings; the
//! bundle itself is believed in nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::Hash;
use crate::about::about;
use crate::form::{self, Members};
use crate::note::{self, KeyKind, NoteError, VerifierKey};
use crate::record::{self, batch_entry, entry, leaf_hash};
use crate::tree::root_from_path;

/// The form of bundle that is written and read here.
pub const FORMAT: &str = "anju-proof/1";

/// The largest bundle that is read, bytes: a record is a page of text, a path 64 hashes.
pub const MAX_BYTES: usize = 1 << 20;

/// A proof bundle (存证凭据). It is written by its members and read by [`Bundle::parse`] alone, which is stricter than any derived reader.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// What happened.
    pub record: Value,
    /// Opens the commitment.
    #[serde(serialize_with = "base64_hash")]
    pub salt: Hash,
    /// The way through the batch, where the leaf is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchPath>,
    /// The leaf's place in the log.
    pub index: u64,
    /// The way from the leaf to the root, lowest first.
    #[serde(serialize_with = "base64_hashes")]
    pub path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// The first step of a proof of a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchPath {
    /// The entry's place in the batch.
    pub index: u64,
    /// Entries of the batch.
    pub size: u64,
    /// The way from the entry to the batch's root, lowest first.
    #[serde(serialize_with = "base64_hashes")]
    pub path: Vec<Hash>,
}

/// Why a bundle does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Too large.
    #[error("凭据太大，最多 1 MB")]
    TooLarge,
    /// Not JSON of this form: what is missing or wrong, and where.
    #[error("不是凭据文件：{0}")]
    Form(String),
    /// Of another version.
    #[error("凭据的格式是「{0}」，本程序只认 anju-proof/1")]
    Format(String),
    /// The record has no canonical form.
    #[error("记录没有规范形式（RFC 8785）")]
    Record,
    /// The path through the batch leads nowhere.
    #[error("批内第 {0} 条（从 0 数起）的路径与批的大小不符")]
    BatchPath(u64),
    /// The checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The leaf lies outside the tree that was signed.
    #[error("第 {index} 片叶子（从 0 数起）不在有 {size} 片的树里")]
    Outside {
        /// The leaf.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The record, the salt or a path was changed.
    #[error("从第 {0} 片叶子（从 0 数起）算不到检查点的树根：记录、盐、位置或路径被改动过")]
    Root(u64),
    /// Signed by the log alone.
    #[error("没有一个见证人的签名成立：公钥文件里要有至少一个签过这个检查点的见证人")]
    NoWitness,
}

/// A bundle that holds.
#[derive(Debug)]
pub struct Verified {
    /// What the record is about, in Chinese ([`about`]).
    pub about: String,
    /// The record's commitment; its first bytes are the short code on papers.
    pub commitment: Hash,
    /// The leaf's place.
    pub index: u64,
    /// Leaves of the tree.
    pub size: u64,
    /// Steps from the leaf to the root.
    pub steps: usize,
    /// Its place in a batch and the batch's size.
    pub batch: Option<(u64, u64)>,
    /// The log.
    pub origin: String,
    /// Whether the log's SM2 signature was checked too.
    pub sm2: bool,
    /// Witnesses by name, and when they signed, in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
}

impl Verified {
    /// The first 8 bytes of the commitment in groups of four: what papers show, to be compared by eye.
    #[must_use]
    pub fn short_code(&self) -> String {
        short_code(&self.commitment)
    }
}

/// The short code of a commitment: `7C1E 90AB 44D2 F613`.
#[must_use]
pub fn short_code(commitment: &Hash) -> String {
    commitment[..8]
        .chunks(2)
        .map(|pair| format!("{:02X}{:02X}", pair[0], pair[1]))
        .collect::<Vec<_>>()
        .join(" ")
}

impl Bundle {
    /// Reads a bundle. A member that is missing, unknown or stands twice, also inside the record, makes it none.
    ///
    /// # Errors
    /// Too large, not of this form.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_BYTES {
            return Err(ProofError::TooLarge);
        }
        let mut members = form::parse(bytes)
            .and_then(|value| Members::of(value, "凭据", ""))
            .map_err(ProofError::Form)?;
        let format = members.text("format").map_err(ProofError::Form)?;
        if format == FORMAT {
            Self::of(format, members).map_err(ProofError::Form)
        } else {
            Err(ProofError::Format(format))
        }
    }

    fn of(format: String, mut members: Members) -> Result<Self, String> {
        let bundle = Self {
            format,
            record: members.take("record")?,
            salt: members.hash("salt")?,
            batch: members.optional("batch").map(BatchPath::of).transpose()?,
            index: members.whole("index")?,
            path: members.hashes("path")?,
            checkpoint: members.text("checkpoint")?,
        };
        members.end()?;
        if bundle.record.is_object() {
            Ok(bundle)
        } else {
            Err("「record」应是一个 JSON 对象".to_owned())
        }
    }

    /// The commitment to the record.
    ///
    /// # Errors
    /// A record without a canonical form.
    pub fn commitment(&self) -> Result<Hash, ProofError> {
        record::commitment(&self.salt, &self.record).map_err(|_| ProofError::Record)
    }

    /// The log's entry for the record, or for the batch that holds it.
    ///
    /// # Errors
    /// A record without a canonical form; a path that does not fit the batch.
    pub fn entry(&self) -> Result<Vec<u8>, ProofError> {
        let own = entry(&self.commitment()?);
        match &self.batch {
            None => Ok(own.to_vec()),
            Some(batch) => root_from_path(&leaf_hash(&own), batch.index, batch.size, &batch.path)
                .map(|root| batch_entry(batch.size, &root).to_vec())
                .ok_or(ProofError::BatchPath(batch.index)),
        }
    }

    /// Whether the path leads from the entry to the root that the log has signed; witnesses are not asked for.
    #[must_use]
    pub fn leads_to_root(&self, keys: &[VerifierKey]) -> bool {
        self.signed(keys).is_ok()
    }

    fn signed<'k>(&self, keys: &'k [VerifierKey]) -> Result<note::Signed<'k>, ProofError> {
        let leaf = leaf_hash(&self.entry()?);
        let signed = note::open(&self.checkpoint, keys)?;
        let (index, size) = (self.index, signed.checkpoint.size);
        if index >= size {
            return Err(ProofError::Outside { index, size });
        }
        if root_from_path(&leaf, index, size, &self.path) == Some(signed.checkpoint.root) {
            Ok(signed)
        } else {
            Err(ProofError::Root(index))
        }
    }

    /// Checks the bundle with keys that the reader trusts.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Verified, ProofError> {
        let commitment = self.commitment()?;
        let signed = self.signed(keys)?;
        let size = signed.checkpoint.size;
        if signed.witnesses.is_empty() {
            return Err(ProofError::NoWitness);
        }
        Ok(Verified {
            about: about(&self.record),
            commitment,
            index: self.index,
            size,
            steps: self.path.len(),
            batch: self.batch.as_ref().map(|batch| (batch.index, batch.size)),
            origin: signed.checkpoint.origin,
            sm2: signed.log.iter().any(|key| key.kind == KeyKind::Sm2),
            witnesses: signed
                .witnesses
                .iter()
                .map(|(key, time)| (key.name.clone(), *time))
                .collect(),
        })
    }
}

impl BatchPath {
    fn of(value: Value) -> Result<Self, String> {
        let mut members = Members::of(value, "「batch」", "batch.")?;
        let path = Self {
            index: members.whole("index")?,
            size: members.whole("size")?,
            path: members.hashes("path")?,
        };
        members.end()?;
        Ok(path)
    }
}

fn base64_hash<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(hash))
}

fn base64_hashes<S: Serializer>(path: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(path.iter().map(|hash| BASE64.encode(hash)))
}
