//! Canonical records, commitments and the Merkle log: pure.
