//! Proofs of what is sealed: a record drawn again from its row, the way from its leaf to a tree that a witness has signed.

use anju_evidence::proof::{Bundle, FORMAT};
use anju_evidence::tile;
use serde_json::Value;
use sqlx::FromRow;

use super::{cosigned, hashes, keys};
use crate::leaf::InBatch;
use crate::{Fault, Office, Refusal, Result};

/// A leaf that is in the log.
#[derive(Debug, Clone, FromRow)]
pub struct SealedLeaf {
    /// Its place.
    pub leaf_index: i64,
    /// The entry.
    pub entry: Vec<u8>,
    /// Opens it.
    pub salt: Vec<u8>,
}

impl SealedLeaf {
    /// The salt, as what it is.
    ///
    /// # Errors
    /// A torn row.
    pub fn salt(&self) -> Result<[u8; 32]> {
        self.salt
            .as_slice()
            .try_into()
            .map_err(|_| Fault::Stored(format!("the salt of leaf {}", self.leaf_index)).into())
    }
}

/// The leaf of a case's event, or of a remittance or day, which are batches and have no events (`seq` 0).
///
/// # Errors
/// The database.
pub async fn leaf_of(
    office: &Office,
    kind: i16,
    ref_id: i64,
    seq: i16,
) -> Result<Option<SealedLeaf>> {
    Ok(sqlx::query_as(
        "SELECT leaf_index, entry, salt FROM evidence_leaf
          WHERE centre_id = $1 AND ref_id = $2 AND kind = $3 AND seq = $4 ORDER BY leaf_index LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(ref_id)
    .bind(kind)
    .bind(seq)
    .fetch_optional(&office.pool)
    .await?)
}

/// A proof, or the word that the leaf is not sealed and witnessed yet.
#[derive(Debug)]
pub enum Proof {
    /// To carry away.
    Sealed(Box<Bundle>),
    /// About a second.
    Waiting,
}

/// Waiting while something of this case, remittance or day is not sealed yet.
///
/// # Errors
/// 404 where there is no evidence: what happened before there was a log has none.
pub async fn waiting_or_none(office: &Office, ref_id: i64) -> Result<Proof> {
    let waits: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM evidence_pending WHERE centre_id = $1 AND ref_id = $2)",
    )
    .bind(office.centre.id)
    .bind(ref_id)
    .fetch_one(&office.pool)
    .await?;
    if waits {
        Ok(Proof::Waiting)
    } else {
        Err(Refusal::not_found("它的存证").into())
    }
}

/// The proof that this leaf commits to this record.
///
/// # Errors
/// The database; a record that is no longer what the leaf commits to.
pub async fn prove(
    office: &Office,
    leaf: &SealedLeaf,
    record: Value,
    in_batch: Option<InBatch>,
) -> Result<Proof> {
    let Some(checkpoint) = cosigned(office).await? else {
        return Ok(Proof::Waiting);
    };
    if leaf.leaf_index >= checkpoint.size {
        return Ok(Proof::Waiting);
    }
    let (salt, batch) = match in_batch {
        Some(in_batch) => (in_batch.salt, Some(in_batch.path)),
        None => (leaf.salt()?, None),
    };
    let index = leaf.leaf_index.cast_unsigned();
    let path = hashes(
        office,
        &tile::inclusion(index, checkpoint.size.cast_unsigned()),
    )
    .await?;
    let bundle = Bundle {
        format: FORMAT.to_owned(),
        record,
        salt,
        batch,
        index,
        path,
        checkpoint: checkpoint.note,
    };
    // What is handed out holds: a row that was changed behind the program's back is found here, not by the citizen.
    let keys = keys(office).await?;
    let holds = bundle.entry().is_ok_and(|entry| entry == leaf.entry);
    if !holds || !bundle.leads_to_root(&keys) {
        return Err(Fault::Stored(format!(
            "leaf {index} commits to something else than the row from which its record is drawn"
        ))
        .into());
    }
    Ok(Proof::Sealed(Box::new(bundle)))
}
