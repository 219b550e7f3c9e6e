//! The evidence log (存证日志): waiting leaves are numbered into the tree, checkpoints are kept, proofs are drawn. Invariant: one
//! transaction takes leaves out of waiting, numbers them and extends the tree, so that a crash loses and repeats none. `objection` is what
//! witnesses say against it.

pub mod audit;
mod keys;
mod objection;
mod proof;

pub use keys::{
    Made, ends, first_key, introduce, keys, keys_of, look_for_transitions, origin, origin_of,
    prove as prove_transition, sign, transitions,
};
pub use objection::{Objection, object, objections, patience, unwitnessed_since, withdraw};
pub use proof::{Proof, SealedLeaf, leaf_of, prove, waiting_or_none};

use anju_evidence::note::Checkpoint;
use anju_evidence::tile::{self, Range, TileId, Tiles};
use anju_evidence::{Hash, record};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use crate::{Fault, Office, Result};

/// Leaves that are sealed by one transaction at most.
const AT_ONCE: i64 = 50_000;

/// Checkpoints that are kept: whoever needs an older tree has it as a prefix of the log.
const KEPT_CHECKPOINTS: i64 = 256;

/// Seals what waits. Returns the leaves that were sealed; fewer than [`AT_ONCE`] means that all are.
///
/// # Errors
/// The database; a tree that is not as its head says.
pub async fn seal(office: &Office) -> Result<usize> {
    let centre = office.centre.id;
    let waits: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM evidence_pending WHERE centre_id = $1)")
            .bind(centre)
            .fetch_one(&office.pool)
            .await?;
    if !waits {
        return Ok(0);
    }
    let mut tx = office.pool.begin().await?;
    sqlx::query("INSERT INTO log_head (centre_id, size) VALUES ($1, 0) ON CONFLICT DO NOTHING")
        .bind(centre)
        .execute(&mut *tx)
        .await?;
    let size: i64 = sqlx::query_scalar("SELECT size FROM log_head WHERE centre_id = $1 FOR UPDATE")
        .bind(centre)
        .fetch_one(&mut *tx)
        .await?;
    // The steps of a case stand in their order. An entry that a program before this one left is a bare hash: it is wrapped.
    let mut sealed: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        r"WITH taken AS (
              DELETE FROM evidence_pending
               WHERE ctid = ANY (ARRAY(SELECT ctid FROM evidence_pending WHERE centre_id = $1 LIMIT $3))
              RETURNING ref_id, kind, seq, size, coalesce(entry, leaf) AS entry, salt)
          INSERT INTO evidence_leaf (centre_id, leaf_index, ref_id, kind, seq, size, entry, salt)
          SELECT $1, $2 - 1 + row_number() OVER (ORDER BY ref_id, seq), ref_id, kind, seq, size,
                 CASE WHEN octet_length(entry) = 32 THEN '\x01'::bytea || entry ELSE entry END, salt
            FROM taken
          RETURNING leaf_index, entry",
    )
    .bind(centre)
    .bind(size)
    .bind(AT_ONCE)
    .fetch_all(&mut *tx)
    .await?;
    if sealed.is_empty() {
        return Ok(0); // another sealer was faster
    }
    sealed.sort_unstable_by_key(|(index, _)| *index);
    let leaves: Vec<Hash> = sealed
        .iter()
        .map(|(_, entry)| record::leaf_hash(entry))
        .collect();
    let before = size.cast_unsigned();
    let mut tiles = read_tiles(&mut tx, centre, tile::edge(before)).await?;
    tile::append(&mut tiles, before, &leaves);
    write_tiles(&mut tx, centre, &tiles).await?;
    sqlx::query("UPDATE log_head SET size = size + $2 WHERE centre_id = $1")
        .bind(centre)
        .bind(sealed.len() as i64)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(leaves.len())
}

async fn read_tiles(
    conn: &mut PgConnection,
    centre: i16,
    ids: impl IntoIterator<Item = TileId>,
) -> Result<Tiles> {
    let (levels, indexes): (Vec<i16>, Vec<i64>) = ids
        .into_iter()
        .map(|id| (i16::from(id.level), id.index.cast_signed()))
        .unzip();
    let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT level, idx, data FROM evidence_tile
           JOIN unnest($2::smallint[], $3::bigint[]) AS wanted (level, idx) USING (level, idx)
          WHERE centre_id = $1",
    )
    .bind(centre)
    .bind(levels)
    .bind(indexes)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(level, index, data)| {
            let id = TileId {
                level: u8::try_from(level)
                    .map_err(|_| Fault::Stored(format!("a tile of level {level}")))?,
                index: index.cast_unsigned(),
            };
            let (hashes, rest) = data.as_chunks::<32>();
            if rest.is_empty() {
                Ok((id, hashes.to_vec()))
            } else {
                Err(Fault::Stored(format!("tile {} is torn", id.path())).into())
            }
        })
        .collect()
}

async fn write_tiles(conn: &mut PgConnection, centre: i16, tiles: &Tiles) -> Result<()> {
    let levels: Vec<i16> = tiles.keys().map(|id| i16::from(id.level)).collect();
    let indexes: Vec<i64> = tiles.keys().map(|id| id.index.cast_signed()).collect();
    let data: Vec<Vec<u8>> = tiles.values().map(|hashes| hashes.concat()).collect();
    sqlx::query(
        "INSERT INTO evidence_tile (centre_id, level, idx, data)
         SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])
             ON CONFLICT (centre_id, level, idx) DO UPDATE SET data = excluded.data",
    )
    .bind(centre)
    .bind(levels)
    .bind(indexes)
    .bind(data)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaves of the log.
///
/// # Errors
/// The database.
pub async fn size(office: &Office) -> Result<u64> {
    let size: Option<i64> = sqlx::query_scalar("SELECT size FROM log_head WHERE centre_id = $1")
        .bind(office.centre.id)
        .fetch_optional(&office.pool)
        .await?;
    Ok(size.unwrap_or(0).cast_unsigned())
}

/// The hashes of subtrees of the log.
async fn hashes(office: &Office, ranges: &[Range]) -> Result<Vec<Hash>> {
    let mut conn = office.pool.acquire().await?;
    let tiles = read_tiles(&mut conn, office.centre.id, tile::tiles_of(ranges)).await?;
    ranges
        .iter()
        .map(|range| {
            tile::hash_of(*range, &tiles)
                .ok_or_else(|| Fault::Stored(format!("the log has no tiles for {range:?}")).into())
        })
        .collect()
}

/// The log's present tree as a checkpoint; none while it is empty.
///
/// # Errors
/// The database; a tree that is not as its head says.
pub async fn present(office: &Office) -> Result<Option<Checkpoint>> {
    let size = size(office).await?;
    if size == 0 {
        return Ok(None);
    }
    let root = hashes(office, &[Range { from: 0, to: size }]).await?;
    Ok(root.first().map(|root| Checkpoint {
        origin: origin(office),
        size,
        root: *root,
    }))
}

/// The tree of no leaves, which every tree extends: to ask a witness where it stands.
#[must_use]
pub fn empty(office: &Office) -> Checkpoint {
    Checkpoint {
        origin: origin(office),
        size: 0,
        root: record::sha256(&[]),
    }
}

/// The path that proves to a witness that the tree extends the one that it saw last.
///
/// # Errors
/// The database.
pub async fn extension(office: &Office, old: u64, size: u64) -> Result<Vec<Hash>> {
    hashes(office, &tile::consistency(old, size)).await
}

/// A checkpoint that was published.
#[derive(Debug, Clone, FromRow)]
pub struct Published {
    /// Leaves.
    pub size: i64,
    /// With all signature lines.
    pub note: String,
    /// Witnesses that have signed it.
    pub witnesses: i16,
    /// When.
    pub at: DateTime<Utc>,
}

/// Publishes a checkpoint, or the same one with more witnesses; forgets the oldest.
///
/// # Errors
/// The database.
pub async fn publish(
    office: &Office,
    checkpoint: &Checkpoint,
    note: &str,
    witnesses: i16,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO checkpoint AS kept (centre_id, size, root, note, witnesses, at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (centre_id, size) DO UPDATE SET note = excluded.note, witnesses = excluded.witnesses,
                -- Since when a tree waits for its witnesses is what those ask who wait for a proof.
                at = CASE WHEN kept.witnesses = excluded.witnesses THEN kept.at ELSE excluded.at END
          WHERE kept.witnesses <= excluded.witnesses",
    )
    .bind(office.centre.id)
    .bind(checkpoint.size.cast_signed())
    .bind(&checkpoint.root[..])
    .bind(note)
    .bind(witnesses)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    // The newest that a witness has signed stays, however long they are away.
    sqlx::query(
        "DELETE FROM checkpoint WHERE centre_id = $1
            AND size < (SELECT min(size) FROM (SELECT size FROM checkpoint WHERE centre_id = $1 ORDER BY size DESC LIMIT $2) newest)
            AND size < (SELECT max(size) FROM checkpoint WHERE centre_id = $1 AND witnesses > 0)",
    )
    .bind(office.centre.id)
    .bind(KEPT_CHECKPOINTS)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The newest checkpoint.
///
/// # Errors
/// The database.
pub async fn latest(office: &Office) -> Result<Option<Published>> {
    Ok(sqlx::query_as(
        "SELECT size, note, witnesses, at FROM checkpoint WHERE centre_id = $1 ORDER BY size DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The newest checkpoint that a witness has signed.
async fn cosigned(office: &Office) -> Result<Option<Published>> {
    Ok(sqlx::query_as(
        "SELECT size, note, witnesses, at FROM checkpoint WHERE centre_id = $1 AND witnesses > 0 ORDER BY size DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The first `width` hashes of a tile; nothing where the log has not come so far.
///
/// # Errors
/// The database.
pub async fn tile(office: &Office, id: TileId, width: usize) -> Result<Option<Vec<u8>>> {
    let mut conn = office.pool.acquire().await?;
    let tiles = read_tiles(&mut conn, office.centre.id, [id]).await?;
    Ok(tiles
        .get(&id)
        .and_then(|hashes| hashes.get(..width))
        .map(|hashes| hashes.concat()))
}

/// The entries `from..from + width` of the log; nothing where it has not come so far.
///
/// # Errors
/// The database.
pub async fn entries(office: &Office, from: u64, width: usize) -> Result<Option<Vec<Vec<u8>>>> {
    let to = from.saturating_add(width as u64);
    let Ok(to) = i64::try_from(to) else {
        return Ok(None);
    };
    let entries: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT entry FROM evidence_leaf WHERE centre_id = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index",
    )
    .bind(office.centre.id)
    .bind(from.cast_signed())
    .bind(to)
    .fetch_all(&office.pool)
    .await?;
    Ok((entries.len() == width).then_some(entries))
}
