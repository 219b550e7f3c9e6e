//! Evidence leaves (存证): each transaction that changes a case or money adds one, in the same transaction; `log` seals them.

use anju_evidence::proof::BatchPath;
use anju_evidence::{Hash, record, tree};
use rayon::prelude::*;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{Fault, Office, Result};

/// What a leaf stands for.
pub mod kind {
    /// A step of a case.
    pub const CASE: i16 = 1;
    /// An allocation: the root of a batch.
    pub const BATCH: i16 = 2;
    /// A closed day: the root of a batch of its journals.
    pub const DAY: i16 = 3;
    /// A step of a policy change.
    pub const POLICY: i16 = 4;
    /// A step of an entry of the black list.
    pub const BLACKLIST: i16 = 5;
    /// A change of the log's own keys.
    pub const LOG_KEY: i16 = 6;
}

/// A leaf that waits for the sealer: the log's entry, and the salt that opens it.
pub struct Leaf {
    /// `0x01 ‖ commitment`, or `0x02 ‖ size ‖ root`.
    pub entry: Vec<u8>,
    /// 32 bytes.
    pub salt: Vec<u8>,
    /// Entries of a batch, else 0.
    pub size: i32,
}

/// Commits to a record with a fresh salt, so that the log holds no personal data.
///
/// # Errors
/// A record without a canonical form.
pub fn commit(record_value: &Value) -> Result<Leaf> {
    let salt: [u8; 32] = anju_vault::random();
    Ok(Leaf {
        entry: record::entry(&commitment(&salt, record_value)?).to_vec(),
        salt: salt.to_vec(),
        size: 0,
    })
}

fn commitment(salt: &[u8; 32], record_value: &Value) -> Result<Hash> {
    record::commitment(salt, record_value).map_err(|error| Fault::Stored(error.to_string()).into())
}

/// Whether an entry commits to this record with this salt.
#[must_use]
pub fn commits_to(entry: &[u8], salt: &[u8], record_value: &Value) -> bool {
    <[u8; 32]>::try_from(salt)
        .ok()
        .and_then(|salt| record::commitment(&salt, record_value).ok())
        .is_some_and(|commitment| record::entry(&commitment)[..] == *entry)
}

/// A record in the form that its leaf has, and whether there is one: as it is drawn today, or else as a program of before drew it. As it is drawn
/// today where neither fits.
#[must_use]
pub fn as_sealed(
    record: Value,
    before: impl FnOnce(&mut Value),
    fits: impl Fn(&Value) -> bool,
) -> (Value, bool) {
    if fits(&record) {
        return (record, true);
    }
    let mut older = record.clone();
    before(&mut older);
    if fits(&older) {
        (older, true)
    } else {
        (record, false)
    }
}

/// Records below which another thread costs more than it saves.
const SHARE: usize = 512;

/// A batch (批): records under one leaf, each with a salt of its own that is derived from the batch's one. It can be drawn again
/// from the rows and that one salt.
pub struct Batch {
    salt: [u8; 32],
    hashes: Vec<Hash>,
}

impl Batch {
    /// A batch of so many records, each drawn by its place; on all cores, since a roster has 50,000.
    ///
    /// # Errors
    /// A record without a canonical form.
    pub fn draw(salt: [u8; 32], size: usize, draw: impl Fn(usize) -> Value + Sync) -> Result<Self> {
        let hash = |index: usize| -> Result<Hash> {
            let commitment = commitment(&entry_salt(&salt, index as u64), &draw(index))?;
            Ok(record::leaf_hash(&record::entry(&commitment)))
        };
        let hashes = (0..size)
            .into_par_iter()
            .with_min_len(SHARE)
            .map(hash)
            .collect::<Result<_>>()?;
        Ok(Self { salt, hashes })
    }

    /// The leaf that stands for it.
    ///
    /// # Errors
    /// More entries than a batch may have.
    pub fn leaf(&self) -> Result<Leaf> {
        let size = i32::try_from(self.hashes.len())
            .map_err(|_| Fault::Stored("a batch is too large".to_owned()))?;
        let root = tree::root(&self.hashes);
        Ok(Leaf {
            entry: record::batch_entry(self.hashes.len() as u64, &root).to_vec(),
            salt: self.salt.to_vec(),
            size,
        })
    }

    /// What a proof says of one entry: its salt, its place, and the way to the batch's root.
    #[must_use]
    pub fn at(&self, index: usize) -> InBatch {
        InBatch {
            salt: entry_salt(&self.salt, index as u64),
            path: BatchPath {
                index: index as u64,
                size: self.hashes.len() as u64,
                path: tree::path(&self.hashes, index),
            },
        }
    }
}

/// An entry of a batch, for its proof.
#[derive(Debug)]
pub struct InBatch {
    /// The salt of its entry.
    pub salt: [u8; 32],
    /// Its place.
    pub path: BatchPath,
}

/// The salt of one entry of a batch: `SHA-256(salt of the batch ‖ index)`, the index in 8 bytes, big-endian.
fn entry_salt(batch_salt: &[u8; 32], index: u64) -> [u8; 32] {
    record::sha256(&[&batch_salt[..], &index.to_be_bytes()].concat())
}

/// Puts a leaf beside the change that it witnesses.
///
/// # Errors
/// The database.
pub async fn add(
    office: &Office,
    conn: &mut PgConnection,
    kind: i16,
    ref_id: i64,
    leaf: &Leaf,
) -> Result<()> {
    sqlx::query("INSERT INTO evidence_pending (ref_id, centre_id, kind, size, entry, salt) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(ref_id)
        .bind(office.centre.id)
        .bind(kind)
        .bind(leaf.size)
        .bind(&leaf.entry)
        .bind(&leaf.salt)
        .execute(conn)
        .await?;
    Ok(())
}

/// The same for one step of several: its number finds the leaf again.
///
/// # Errors
/// The database.
pub async fn add_step(
    office: &Office,
    conn: &mut PgConnection,
    kind: i16,
    ref_id: i64,
    seq: i16,
    leaf: &Leaf,
) -> Result<()> {
    sqlx::query("INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, size, entry, salt) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(ref_id)
        .bind(office.centre.id)
        .bind(kind)
        .bind(seq)
        .bind(leaf.size)
        .bind(&leaf.entry)
        .bind(&leaf.salt)
        .execute(conn)
        .await?;
    Ok(())
}
