//! Evidence leaves: each transaction that changes a case or money adds one, in the same transaction.

use anju_evidence::record;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{Fault, Office, Result};

/// What a leaf stands for.
pub mod kind {
    /// A step of a case.
    pub const CASE: i16 = 1;
    /// An allocation: the root of a batch.
    pub const BATCH: i16 = 2;
    /// A closed day.
    pub const DAY: i16 = 3;
}

/// A leaf: the hash of the record's commitment, and the salt that opens it.
pub struct Leaf {
    /// 32 bytes.
    pub leaf: Vec<u8>,
    /// 32 bytes.
    pub salt: Vec<u8>,
}

/// Commits to a record with a fresh salt, so that the log holds no personal data.
pub fn commit(record_value: &Value) -> Result<Leaf> {
    let salt: [u8; 32] = anju_vault::random();
    let commitment = record::commitment(&salt, record_value)
        .map_err(|error| Fault::Stored(error.to_string()))?;
    Ok(Leaf {
        leaf: record::leaf_hash(&record::entry(&commitment)).to_vec(),
        salt: salt.to_vec(),
    })
}

/// Puts a leaf beside the change that it witnesses.
pub async fn add(
    office: &Office,
    conn: &mut PgConnection,
    kind: i16,
    ref_id: i64,
    size: i32,
    leaf: &Leaf,
) -> Result<()> {
    sqlx::query("INSERT INTO evidence_pending (ref_id, centre_id, kind, size, leaf, salt) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(ref_id)
        .bind(office.centre.id)
        .bind(kind)
        .bind(size)
        .bind(&leaf.leaf)
        .bind(&leaf.salt)
        .execute(conn)
        .await?;
    Ok(())
}
