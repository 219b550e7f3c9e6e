//! Canonical records, commitments and the Merkle tree of the evidence log: pure.
//!
//! Invariant: what is hashed here is byte for byte what doors.md §5 says, so that anyone can recompute it
//! without this crate. Read `record` first.

pub mod record;
pub mod tree;

/// A SHA-256 digest.
pub type Hash = [u8; 32];
