//! Proofs of what is sealed: a record drawn again from its row, the way from its leaf to a tree that a witness has signed.

use anju_evidence::proof::{Bundle, FORMAT};
use anju_evidence::tile;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::{cosigned, hashes, keys, objections, patience};
use crate::leaf::InBatch;
use crate::{Error, Fault, Office, Refusal, Result};

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
    if !waits {
        return Err(Refusal::not_found("它的存证").into());
    }
    match fork(office).await? {
        Some(told) => Err(told.into()),
        None => Ok(Proof::Waiting),
    }
}

/// Why nobody should wait for a signature: witnesses say that this is not the log that they know.
async fn fork(office: &Office) -> Result<Option<Refusal>> {
    let objections = objections(office).await?;
    Ok(objections.first().map(|one| {
        late(
            "E-EVID-02",
            format!(
                "存证日志与见证人见过的不一致（{} 已签到 {} 片），这份凭据现在不能签发，等待也不会好。记录本身还在；请联系中心，由中心按运行手册第 6 章处理后再来取。",
                one.witness, one.size
            ),
        )
        .with("witness_size", one.size)
    }))
}

fn late(code: &str, detail: String) -> Refusal {
    metrics::counter!("evidence_proofs_refused_total", "code" => code.to_owned()).increment(1);
    Refusal::new(503, code, detail).with("state", "unsigned")
}

/// A leaf that no witness has signed yet: to be waited for, unless there is a fork, or it has taken longer than policy bears.
async fn wait_for_witnesses(office: &Office, leaf_index: i64, record: &Value) -> Result<Proof> {
    if let Some(told) = fork(office).await? {
        return Err(told.into());
    }
    let published: Option<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT at FROM checkpoint WHERE centre_id = $1 AND size > $2 ORDER BY size LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(leaf_index)
    .fetch_optional(&office.pool)
    .await?;
    // Where nothing was published over it, the deed itself says how old it is.
    let since = published.or_else(|| {
        ["at", "allocated_at"]
            .iter()
            .find_map(|name| record.get(*name)?.as_str()?.parse().ok())
    });
    let patience = patience(office)?;
    if since.is_some_and(|since| office.now() - since > patience) {
        return Err(late(
            "E-EVID-03",
            format!(
                "这份凭据等见证人签名已超过 {} 分钟，凭据要有见证人的签名才能签发。记录本身已在日志里；请过一会儿再取，还不行请联系中心。",
                patience.num_minutes()
            ),
        )
        .into());
    }
    Ok(Proof::Waiting)
}

/// What a citizen is told whose record no longer fits its evidence. It is ours to find out why, so it is logged and counted.
fn altered(index: i64) -> Error {
    tracing::error!(
        leaf = index,
        "a record no longer fits its evidence: run anju audit"
    );
    metrics::counter!("evidence_proofs_refused_total", "code" => "E-EVID-04").increment(1);
    let mut told = Refusal::new(
        500,
        "E-EVID-04",
        format!(
            "现在的记录与当初存证的内容不一致（日志第 {index} 片叶子），不能签发凭据。没有动过任何款项；请把这个编号告诉中心，由中心核查。您以前取走的凭据照旧有效。"
        ),
    );
    "记录与存证不一致".clone_into(&mut told.title);
    told.into()
}

/// The proof that this leaf commits to this record.
///
/// # Errors
/// The database; `E-EVID-02` while witnesses know another log, `E-EVID-03` where none has signed for too long, `E-EVID-04` for a record that is
/// no longer what the leaf commits to.
pub async fn prove(
    office: &Office,
    leaf: &SealedLeaf,
    record: Value,
    in_batch: Option<InBatch>,
) -> Result<Proof> {
    let checkpoint = match cosigned(office).await? {
        Some(checkpoint) if leaf.leaf_index < checkpoint.size => checkpoint,
        _ => return wait_for_witnesses(office, leaf.leaf_index, &record).await,
    };
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
        return Err(altered(leaf.leaf_index));
    }
    Ok(Proof::Sealed(Box::new(bundle)))
}
