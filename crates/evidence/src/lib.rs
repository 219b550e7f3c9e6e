//! Canonical records, commitments and the Merkle tree of the evidence log: pure.
//!
//! Invariant: what is hashed here is byte for byte what doors.md §5 says, so that anyone can recompute it
//! without this crate (docs/evidence.md is the whole of it). Read `record` first, then `proof`.

pub mod about;
mod form;
pub mod note;
pub mod proof;
pub mod record;
pub mod tile;
pub mod transition;
pub mod tree;

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The largest whole number that every reader of JSON holds exactly, 2^53 − 1 (RFC 7493 §2.2): the bound of all that is counted here, leaves
/// and seconds too.
pub const MAX_WHOLE: u64 = (1 << 53) - 1;
