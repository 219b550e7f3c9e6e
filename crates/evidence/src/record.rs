//! A record of something that happened, its commitment and its entry in the log. Invariant: the log sees the
//! commitment alone; with the salt kept apart, it tells nothing about the record.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Hash;

/// Why a record has no canonical form.
#[derive(Debug, thiserror::Error)]
#[error("writing a record in canonical form (RFC 8785)")]
pub struct RecordError(#[from] serde_json::Error);

/// The record in the canonical JSON of RFC 8785.
///
/// # Errors
/// A value that JSON cannot hold, such as a map with keys that are no text.
pub fn canonical<T: Serialize>(record: &T) -> Result<Vec<u8>, RecordError> {
    Ok(serde_json_canonicalizer::to_vec(record)?)
}

/// `SHA-256(salt ‖ canonical record)`.
///
/// # Errors
/// As [`canonical`].
pub fn commitment<T: Serialize>(salt: &[u8; 32], record: &T) -> Result<Hash, RecordError> {
    Ok(Sha256::new()
        .chain_update(salt)
        .chain_update(canonical(record)?)
        .finalize()
        .into())
}

/// The plain SHA-256 of bytes, for digests that need no secrecy: a file, a list, a text of consent.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// The log's entry for one record: `0x01 ‖ commitment`.
#[must_use]
pub fn entry(commitment: &Hash) -> [u8; 33] {
    let mut entry = [0x01; 33];
    entry[1..].copy_from_slice(commitment);
    entry
}

/// The log's entry for a batch: `0x02 ‖ size ‖ root`, the size in 8 bytes, big-endian.
#[must_use]
pub fn batch_entry(size: u64, root: &Hash) -> [u8; 41] {
    let mut entry = [0x02; 41];
    entry[1..9].copy_from_slice(&size.to_be_bytes());
    entry[9..].copy_from_slice(root);
    entry
}

/// The leaf hash of an entry (RFC 6962): `SHA-256(0x00 ‖ entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(entry)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_and_the_spaces_do_not_matter() {
        let one: serde_json::Value =
            serde_json::from_str(r#"{"b": 1, "a": "李梅", "n": 150000}"#).expect("JSON");
        let other: serde_json::Value =
            serde_json::from_str(r#"{"n":150000,"a":"\u674e\u6885","b":1.0}"#).expect("JSON");
        assert_eq!(
            canonical(&one).expect("canonical"),
            r#"{"a":"李梅","b":1,"n":150000}"#.as_bytes()
        );
        assert_eq!(
            commitment(&[7; 32], &one).expect("hashed"),
            commitment(&[7; 32], &other).expect("hashed")
        );
        assert_ne!(
            commitment(&[8; 32], &one).expect("hashed"),
            commitment(&[7; 32], &one).expect("hashed")
        );
    }

    #[test]
    fn entries_begin_with_their_kind() {
        let root = [0xab; 32];
        assert_eq!(entry(&root)[..2], [0x01, 0xab]);
        let batch = batch_entry(258, &root);
        assert_eq!(batch[..10], [0x02, 0, 0, 0, 0, 0, 0, 1, 2, 0xab]);
    }
}
