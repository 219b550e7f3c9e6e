//! The log recomputed from its leaves, for `anju audit`.

use anju_evidence::tile::{self, Range, Tiles};
use anju_evidence::{Hash, record};

use super::{AT_ONCE, hashes, keys, latest, present, read_tiles, size};
use crate::{Fault, Office, Result};

/// Length of an entry that commits to one record.
const ENTRY_LEN: usize = 33;

/// Length of an entry that stands for a batch.
const BATCH_ENTRY_LEN: usize = 41;

/// What is wrong with the log, one line each; for `anju audit`.
///
/// # Errors
/// The database.
pub async fn audit(office: &Office) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    let centre = office.centre.id;
    let size = size(office).await?.cast_signed();
    let (leaves, last, odd): (i64, Option<i64>, i64) = sqlx::query_as(
        "SELECT count(*), max(leaf_index), count(*) FILTER (WHERE octet_length(entry) NOT IN ($2, $3))
           FROM evidence_leaf WHERE centre_id = $1",
    )
    .bind(centre)
    .bind(ENTRY_LEN as i32)
    .bind(BATCH_ENTRY_LEN as i32)
    .fetch_one(&office.pool)
    .await?;
    if leaves != size || last.map_or(0, |last| last + 1) != size || odd > 0 {
        breaches.push(format!(
            "日志长 {size}，叶子 {leaves} 片，最后一片 {last:?}，形式不对的 {odd} 片"
        ));
        return Ok(breaches);
    }
    let mut tiles = Tiles::new();
    let mut from = 0_i64;
    while from < size {
        let entries: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT entry FROM evidence_leaf WHERE centre_id = $1 AND leaf_index >= $2 AND leaf_index < $2 + $3 ORDER BY leaf_index",
        )
        .bind(centre)
        .bind(from)
        .bind(AT_ONCE)
        .fetch_all(&office.pool)
        .await?;
        let leaves: Vec<Hash> = entries
            .iter()
            .map(|entry| record::leaf_hash(entry))
            .collect();
        tile::append(&mut tiles, from.cast_unsigned(), &leaves);
        from += leaves.len() as i64;
    }
    let mut conn = office.pool.acquire().await?;
    let kept = read_tiles(&mut conn, centre, tiles.keys().copied()).await?;
    let wrong = tiles
        .iter()
        .find(|(id, hashes)| kept.get(id) != Some(*hashes));
    if let Some((id, _)) = wrong {
        breaches.push(format!("瓦片 {} 与它的叶子不符", id.path()));
    }
    drop(conn);
    if let (Some(present), Some(published)) = (present(office).await?, latest(office).await?) {
        let keys = keys(office).await?;
        let signed = anju_evidence::note::open(&published.note, &keys)
            .map_err(|error| Fault::Stored(error.to_string()))?;
        let then = hashes(
            office,
            &[Range {
                from: 0,
                to: signed.checkpoint.size,
            }],
        )
        .await?;
        if signed.checkpoint.size > present.size || then.first() != Some(&signed.checkpoint.root) {
            breaches.push(format!(
                "已公布的检查点（{} 片）不是现在这棵树的前缀",
                signed.checkpoint.size
            ));
        }
    }
    let bare: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_event e
          WHERE e.centre_id = $1
            AND NOT EXISTS (SELECT FROM evidence_leaf l
                             WHERE l.centre_id = $1 AND l.ref_id = e.case_id AND l.kind = 1 AND l.seq IN (e.seq, 0))
            AND NOT EXISTS (SELECT FROM evidence_pending p WHERE p.centre_id = $1 AND p.ref_id = e.case_id AND p.kind = 1)",
    )
    .bind(centre)
    .fetch_one(&office.pool)
    .await?;
    if bare > 0 {
        breaches.push(format!("{bare} 个办件步骤没有存证"));
    }
    Ok(breaches)
}
