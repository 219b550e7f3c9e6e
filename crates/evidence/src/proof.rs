//! A proof bundle (存证凭据, doors.md §5) and its check, offline. Invariant: trust comes from the keys that the reader brings; the
//! bundle itself is believed in nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::Hash;
use crate::note::{self, KeyKind, NoteError, VerifierKey};
use crate::record::{self, batch_entry, entry, leaf_hash};
use crate::tree::root_from_path;

/// The form of bundle that is written and read here.
pub const FORMAT: &str = "anju-proof/1";

/// The largest bundle that is read, bytes: a record is a page of text, a path 64 hashes.
pub const MAX_BYTES: usize = 1 << 20;

/// A proof bundle (存证凭据).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// What happened.
    #[serde(deserialize_with = "strict_object")]
    pub record: Value,
    /// Opens the commitment.
    #[serde(with = "base64_hash")]
    pub salt: Hash,
    /// The way through the batch, where the leaf is one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "present"
    )]
    pub batch: Option<BatchPath>,
    /// The leaf's place in the log.
    pub index: u64,
    /// The way from the leaf to the root, lowest first.
    #[serde(with = "base64_hashes")]
    pub path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// The first step of a proof of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchPath {
    /// The entry's place in the batch.
    pub index: u64,
    /// Entries of the batch.
    pub size: u64,
    /// The way from the entry to the batch's root, lowest first.
    #[serde(with = "base64_hashes")]
    pub path: Vec<Hash>,
}

/// Why a bundle does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Too large.
    #[error("凭据太大，最多 1 MB")]
    TooLarge,
    /// Not JSON of this form.
    #[error("不是凭据文件：{0}")]
    Form(#[from] serde_json::Error),
    /// Of another version.
    #[error("凭据的格式是「{0}」，本程序只认 anju-proof/1")]
    Format(String),
    /// The record has no canonical form.
    #[error("记录没有规范形式（RFC 8785）")]
    Record,
    /// The path through the batch leads nowhere.
    #[error("批内第 {0} 条的路径与批的大小不符")]
    BatchPath(u64),
    /// The checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The leaf lies outside the tree that was signed.
    #[error("第 {index} 片叶子不在有 {size} 片的树里")]
    Outside {
        /// The leaf.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The record, the salt or a path was changed.
    #[error("从第 {0} 片叶子算不到检查点的树根：记录、盐、位置或路径被改动过")]
    Root(u64),
    /// Signed by the log alone.
    #[error("没有一个见证人的签名成立：公钥文件里要有至少一个签过这个检查点的见证人")]
    NoWitness,
}

/// A bundle that holds.
#[derive(Debug)]
pub struct Verified {
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
    /// Reads a bundle. A field that is unknown or stands twice, also inside the record, makes it none.
    ///
    /// # Errors
    /// Too large, not of this form.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_BYTES {
            return Err(ProofError::TooLarge);
        }
        let bundle: Self = serde_json::from_slice(bytes)?;
        if bundle.format == FORMAT {
            Ok(bundle)
        } else {
            Err(ProofError::Format(bundle.format))
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

/// A field that may be left out, but is not null when it is there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BatchPath>, D::Error> {
    BatchPath::deserialize(deserializer).map(Some)
}

/// A JSON object in which no name stands twice, and every whole number is one that all readers read alike (RFC 7493 §2.2).
fn strict_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let Strict(value) = Strict::deserialize(deserializer)?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(D::Error::custom("记录应是一个 JSON 对象"))
    }
}

/// The largest whole number that a double holds exactly with its neighbours.
const MAX_SAFE: u64 = (1 << 53) - 1;

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value <= MAX_SAFE {
            Ok(value.into())
        } else {
            Err(E::custom("整数超过 2^53−1"))
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() <= MAX_SAFE {
            Ok(value.into())
        } else {
            Err(E::custom("整数超过 2^53−1"))
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // 1e16 is whole, too, however it is written.
        if value.fract() == 0.0 && value.abs() > MAX_SAFE as f64 {
            return Err(E::custom("整数超过 2^53−1"));
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("不是有限的数"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let Strict(value) = map.next_value()?;
            if values.contains_key(&name) {
                return Err(A::Error::custom(format!("「{name}」出现两次")));
            }
            values.insert(name, value);
        }
        Ok(Value::Object(values))
    }
}

/// 32 bytes as strict base64.
mod base64_hash {
    use super::*;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        note::hash(&text).ok_or_else(|| D::Error::custom("应为 32 字节的 Base64"))
    }
}

/// A list of them; no path is longer than the height of a tree of 2^64 leaves.
mod base64_hashes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        path: &[Hash],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(path.iter().map(|hash| BASE64.encode(hash)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Hash>, D::Error> {
        let path = Vec::<String>::deserialize(deserializer)?;
        if path.len() > 64 {
            return Err(D::Error::custom("路径最多 64 步"));
        }
        path.iter()
            .map(|text| note::hash(text).ok_or_else(|| D::Error::custom("应为 32 字节的 Base64")))
            .collect()
    }
}
