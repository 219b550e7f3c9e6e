//! R16: the proof of a case's step in a log of 100 million leaves, as a citizen downloads it: leaf, record, path, checkpoint, check.
//!
//! All leaves but the proved ones are alike, so that the tree above them is right without 100 million rows; tiles of the lowest level
//! that no proof reads are not kept.

use std::time::{Duration, Instant};

use anju_casework::{case, log};
use anju_evidence::{
    record,
    tile::{TileId, Tiles, WIDTH},
    tree,
};
use anyhow::{Context, ensure};
use sqlx::{Connection, PgConnection};

use super::{
    ground::Ground,
    row::{Bar, Row},
    withdrawal,
};

/// Leaves: whole tiles, so that the lowest level has no partial one.
const SIZE: usize = 100_000_000;

/// Steps that are proved.
const PROOFS: usize = 500;

/// R16.
pub async fn proved(ground: &Ground) -> anyhow::Result<Row> {
    let count = PROOFS.min(ground.book.run_size);
    withdrawal::whole(ground, ground.book.take(count)?).await?;
    let cases = lay(ground, count).await?;
    let office = &ground.engine.office;
    let mut times: Vec<Duration> = Vec::with_capacity(cases.len());
    for case_id in cases {
        let began = Instant::now();
        let proof = case::proof(office, case_id, None).await?;
        times.push(began.elapsed());
        ensure!(
            matches!(proof, log::Proof::Sealed(_)),
            "the last step of a settled case is in the log"
        );
    }
    times.sort_unstable();
    let of = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    let mut row = Row::value(
        "R16",
        "一亿片叶子的日志里一份凭证，p50",
        "毫秒",
        of(50),
        Bar::at_most(5.0, 1.0),
    );
    row.p50_ms = Some(of(50));
    row.p99_ms = Some(of(99));
    Ok(row)
}

/// A step that waits for the sealer: case, number, entry, salt.
type Waiting = (i64, i16, Vec<u8>, Vec<u8>);

/// Puts the last steps of so many cases into a log of the full size, evenly, and publishes its checkpoint. Returns the cases.
async fn lay(ground: &Ground, count: usize) -> anyhow::Result<Vec<i64>> {
    let office = &ground.engine.office;
    let mut owner = ground.owner().await?;
    let steps: Vec<Waiting> = sqlx::query_as(
        "SELECT ref_id, seq, entry, salt FROM evidence_pending
          WHERE centre_id = $1 AND kind = 1 AND seq = 2 ORDER BY ref_id DESC LIMIT $2",
    )
    .bind(office.centre.id)
    .bind(i64::try_from(count)?)
    .fetch_all(&mut owner)
    .await?;
    let apart = SIZE / steps.len().max(1);
    let places: Vec<usize> = (0..steps.len())
        .map(|step| step * apart + step % WIDTH)
        .collect();
    let mut tx = owner.begin().await?;
    keep_tiles(&mut tx, office.centre.id, &tree_over(&steps, &places)).await?;
    sqlx::query(
        "INSERT INTO evidence_leaf (leaf_index, ref_id, size, centre_id, kind, seq, entry, salt)
         SELECT leaf_index, ref_id, 0, $1, 1, seq, entry, salt
           FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bytea[]) AS s (leaf_index, ref_id, seq, entry, salt)",
    )
    .bind(office.centre.id)
    .bind(places.iter().map(|place| i64::try_from(*place)).collect::<Result<Vec<_>, _>>()?)
    .bind(steps.iter().map(|step| step.0).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.1).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.2.as_slice()).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.3.as_slice()).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO log_head (centre_id, size) VALUES ($1, $2) ON CONFLICT (centre_id) DO UPDATE SET size = excluded.size",
    )
    .bind(office.centre.id)
    .bind(i64::try_from(SIZE)?)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    let checkpoint = log::present(office).await?.context("a log with leaves")?;
    let note = log::sign(office, &checkpoint).await?;
    log::publish(office, &checkpoint, &note, 1).await?;
    Ok(steps.into_iter().map(|step| step.0).collect())
}

/// The tiles of the whole tree, of the lowest level only those with a step.
fn tree_over(steps: &[Waiting], places: &[usize]) -> Tiles {
    let alike = vec![record::leaf_hash(b"alike"); WIDTH];
    let mut hashes = vec![tree::root(&alike); SIZE / WIDTH];
    let mut tiles = Tiles::new();
    for ((_, _, entry, _), place) in steps.iter().zip(places) {
        let mut tile = alike.clone();
        tile[place % WIDTH] = record::leaf_hash(entry);
        hashes[place / WIDTH] = tree::root(&tile);
        tiles.insert(at(0, place / WIDTH), tile);
    }
    let mut level = 1;
    while !hashes.is_empty() {
        for (place, tile) in hashes.chunks(WIDTH).enumerate() {
            tiles.insert(at(level, place), tile.to_vec());
        }
        hashes = hashes.chunks_exact(WIDTH).map(tree::root).collect();
        level += 1;
    }
    tiles
}

const fn at(level: u8, index: usize) -> TileId {
    TileId {
        level,
        index: index as u64,
    }
}

async fn keep_tiles(
    conn: &mut PgConnection,
    centre_id: i16,
    tiles: &Tiles,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO evidence_tile (centre_id, level, idx, data) SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])",
    )
    .bind(centre_id)
    .bind(tiles.keys().map(|id| i16::from(id.level)).collect::<Vec<_>>())
    .bind(tiles.keys().map(|id| id.index.cast_signed()).collect::<Vec<_>>())
    .bind(tiles.values().map(|hashes| hashes.concat()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
