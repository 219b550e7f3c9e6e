//! The log recomputed, for `anju audit`: the tree from its leaves, each stored checkpoint over that tree and by its signatures, each change of
//! keys. Invariant: nothing is held in memory but a page of leaves and the tiles at the tree's edge, however long the log is.

use std::collections::HashMap;
use std::time::Duration;

use anju_evidence::Hash;
use anju_evidence::note::{self, VerifierKey};
use anju_evidence::record;
use anju_evidence::tile::{self, Range, Tiles};
use anju_evidence::transition::Transition;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::keys::record_of;
use super::{Published, hashes, keys, origin, read_tiles, size};
use crate::findings::Findings;
use crate::leaf::{self, kind};
use crate::{Office, Result};

/// Each step of a case, list and day has its leaf, each leaf its place in the tree and its row (accounting.md §5).
pub const LEAVES: &str = "I20";
/// The signed trees are those of the leaves.
pub const CHECKPOINTS: &str = "检查点";
/// The changes of the log's keys.
pub const KEYS: &str = "密钥交接";

/// Leaves that are read at once.
pub const PAGE: i64 = 5_000;

/// Checkpoints that are looked at, the newest first; the newest one that witnesses have signed is always among them.
const NEWEST: i64 = 256;

/// A leaf, and what it stands for.
#[derive(Debug, Clone, FromRow)]
pub struct Leaf {
    /// Its place.
    pub leaf_index: i64,
    /// The case, list, day or generation.
    pub ref_id: i64,
    /// See [`kind`].
    pub kind: i16,
    /// The step, of what has steps.
    pub seq: i16,
    /// Entries of a batch, else 0.
    pub size: i32,
    /// What it says.
    pub entry: Vec<u8>,
    /// What opens it.
    pub salt: Vec<u8>,
}

/// The leaves from a place on, a page of them, none from `to` on.
///
/// # Errors
/// The database.
pub async fn leaves(office: &Office, from: i64, to: i64) -> Result<Vec<Leaf>> {
    Ok(sqlx::query_as(
        "SELECT leaf_index, ref_id, kind, seq, size, entry, salt FROM evidence_leaf
          WHERE centre_id = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(from)
    .bind(to)
    .bind(PAGE)
    .fetch_all(&office.pool)
    .await?)
}

/// The tree, rebuilt from its leaves page by page.
#[derive(Debug, Default)]
pub struct Rebuilt {
    tiles: Tiles,
    size: u64,
    is_torn: bool,
}

impl Rebuilt {
    /// The next page. Tiles that are full are compared with those that are kept, and forgotten.
    ///
    /// # Errors
    /// The database.
    pub async fn grow(
        &mut self,
        office: &Office,
        page: &[Leaf],
        findings: &mut Findings,
    ) -> Result<()> {
        if self.is_torn {
            return Ok(());
        }
        let expected = self.size.cast_signed()..;
        let gap = expected
            .zip(page)
            .find(|(place, leaf)| *place != leaf.leaf_index);
        if let Some((place, _)) = gap {
            findings.tell(
                LEAVES,
                format!("第 {place} 片叶子"),
                "日志里没有这一片：它之后的树无法重算",
            );
            self.is_torn = true;
            return Ok(());
        }
        let leaves: Vec<Hash> = page
            .iter()
            .map(|leaf| record::leaf_hash(&leaf.entry))
            .collect();
        tile::append(&mut self.tiles, self.size, &leaves);
        self.size += leaves.len() as u64;
        let edge = tile::edge(self.size);
        let (rest, full): (Tiles, Tiles) = std::mem::take(&mut self.tiles)
            .into_iter()
            .partition(|(id, _)| edge.contains(id));
        self.tiles = rest;
        compare(office, &full, findings).await
    }

    /// The tiles at the edge, and the length of the whole. Returns how many leaves the tree has.
    ///
    /// # Errors
    /// The database.
    pub async fn finish(self, office: &Office, size: u64, findings: &mut Findings) -> Result<u64> {
        if !self.is_torn {
            if self.size != size {
                findings.tell(
                    LEAVES,
                    "日志",
                    format!("应有 {size} 片叶子，实有 {} 片", self.size),
                );
            }
            compare(office, &self.tiles, findings).await?;
        }
        Ok(self.size)
    }
}

/// A tile at the edge may have grown since.
async fn compare(office: &Office, tiles: &Tiles, findings: &mut Findings) -> Result<()> {
    let mut conn = office.pool.acquire().await?;
    let kept = read_tiles(&mut conn, office.centre.id, tiles.keys().copied()).await?;
    for (id, hashes) in tiles {
        if !kept.get(id).is_some_and(|kept| kept.starts_with(hashes)) {
            findings.tell(
                LEAVES,
                format!("瓦片 {}", id.path()),
                "存着的散列与由叶子重算的不同，或者少了",
            );
        }
    }
    Ok(())
}

/// How long the first checkpoint of a log may take: it is asked for each second.
const FIRST: Duration = Duration::from_secs(3);

/// Every stored checkpoint over the tree of the first `size` leaves; by the log's keys and by those of the witnesses that the operator has put
/// down. Returns how many there are.
///
/// # Errors
/// The database; keys that cannot be read.
pub async fn checkpoints(
    office: &Office,
    witnesses: &[VerifierKey],
    findings: &mut Findings,
) -> Result<u64> {
    let mut kept: Vec<(Vec<u8>, Published)> = stored(office).await?;
    // Read after them: the log has only grown.
    let mut now = size(office).await?;
    if kept.is_empty() && now > 0 {
        // The first leaves of a log are signed a moment after they are numbered, not with it.
        tokio::time::sleep(FIRST).await;
        kept = stored(office).await?;
        now = size(office).await?;
    }
    if kept.is_empty() && now > 0 {
        findings.tell(
            CHECKPOINTS,
            "日志",
            format!("{now} 片叶子没有一个签过名的检查点，应有一个"),
        );
    }
    let mut all = match keys(office).await {
        Ok(keys) => keys,
        Err(crate::Error::Failed(crate::Fault::Stored(_))) => {
            super::keys_of(&office.vault.log_keys()).to_vec() // told under the transitions
        }
        Err(error) => return Err(error),
    };
    all.extend(witnesses.iter().cloned());
    let named = origin(office);
    let newest_witnessed = kept
        .iter()
        .map(|(_, one)| one)
        .find(|one| one.witnesses > 0)
        .map(|one| one.size);
    let mut opened = Vec::new();
    for (root, one) in &kept {
        let place = format!("{} 片的检查点", one.size);
        let signed = match note::open(&one.note, &all) {
            Ok(signed) => signed,
            Err(error) => {
                findings.tell(CHECKPOINTS, place, error.to_string());
                continue;
            }
        };
        let told = &signed.checkpoint;
        if told.size.cast_signed() != one.size || told.root[..] != root[..] || told.origin != named
        {
            let detail = format!(
                "签过名的是日志 {} 的 {} 片，树根 {}；存的是 {} 片，树根 {}",
                told.origin,
                told.size,
                hex::encode(told.root),
                one.size,
                hex::encode(root)
            );
            findings.tell(CHECKPOINTS, &place, detail);
        }
        let signers = foreign_lines(&one.note, &named);
        // Signatures of witnesses that were ours once cannot be checked any more, only counted.
        let are_ours = signers
            .iter()
            .all(|name| witnesses.iter().any(|ours| ours.name == *name));
        let found = if newest_witnessed == Some(one.size) && are_ours {
            signed.witnesses.len()
        } else {
            signers.len()
        };
        if i16::try_from(found).is_ok_and(|found| found < one.witnesses) {
            let detail = format!("应有 {} 位见证人的签名，找到 {found} 位", one.witnesses);
            findings.tell(CHECKPOINTS, &place, detail);
        }
        if told.size > now {
            findings.tell(CHECKPOINTS, &place, format!("日志只有 {now} 片叶子"));
        } else if told.size > 0 {
            opened.push((place, signed.checkpoint));
        }
    }
    over_the_tree(office, &opened, findings).await?;
    objected(office, findings).await?;
    Ok(kept.len() as u64)
}

/// The newest checkpoints and the newest that witnesses have signed, newest first.
async fn stored(office: &Office) -> Result<Vec<(Vec<u8>, Published)>> {
    #[derive(FromRow)]
    struct Row {
        root: Vec<u8>,
        #[sqlx(flatten)]
        published: Published,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "(SELECT size, root, note, witnesses, at FROM checkpoint WHERE centre_id = $1 ORDER BY size DESC LIMIT $2)
          UNION
         (SELECT size, root, note, witnesses, at FROM checkpoint WHERE centre_id = $1 AND witnesses > 0 ORDER BY size DESC LIMIT 1)
          ORDER BY size DESC",
    )
    .bind(office.centre.id)
    .bind(NEWEST)
    .fetch_all(&office.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.root, row.published))
        .collect())
}

/// Who has signed a note beside the log itself.
fn foreign_lines<'a>(note: &'a str, origin: &str) -> Vec<&'a str> {
    note.rsplit_once("\n\n")
        .map_or_else(Vec::new, |(_, lines)| {
            let names = lines.lines().filter_map(|line| {
                line.strip_prefix("\u{2014} ")?
                    .rsplit_once(' ')
                    .map(|(name, _)| name)
            });
            names.filter(|name| *name != origin).collect()
        })
}

async fn over_the_tree(
    office: &Office,
    opened: &[(String, note::Checkpoint)],
    findings: &mut Findings,
) -> Result<()> {
    let ranges: Vec<Range> = opened
        .iter()
        .map(|(_, checkpoint)| Range {
            from: 0,
            to: checkpoint.size,
        })
        .collect();
    let roots = match hashes(office, &ranges).await {
        Ok(roots) => roots,
        Err(crate::Error::Failed(crate::Fault::Stored(_))) => {
            findings.tell(CHECKPOINTS, "日志", "瓦片不全，检查点的树根无法重算");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for ((place, checkpoint), root) in opened.iter().zip(roots) {
        if checkpoint.root != root {
            let detail = format!(
                "签过名的树根是 {}，由叶子重算的是 {}：不是现在这棵树的前缀",
                hex::encode(checkpoint.root),
                hex::encode(root)
            );
            findings.tell(CHECKPOINTS, place, detail);
        }
    }
    Ok(())
}

/// Witnesses who have said that the log is not the one that they know.
async fn objected(office: &Office, findings: &mut Findings) -> Result<()> {
    for one in super::objections(office).await? {
        let detail = format!(
            "见证人已签到 {} 片的树，现在这棵树不接它：日志被退回过，或分叉了（operations.md §6）",
            one.size
        );
        findings.tell(CHECKPOINTS, format!("见证人 {}", one.witness), detail);
    }
    Ok(())
}

/// Every change of keys: of its form, signed by both, one for each generation after the first that is current, by the keys of the folder.
/// Returns how many there are.
///
/// # Errors
/// The database.
pub async fn key_changes(office: &Office, findings: &mut Findings) -> Result<u64> {
    let held = office.vault.log_keys();
    let kept: Vec<(i16, i16, String)> = sqlx::query_as(
        "SELECT generation, nth, note FROM log_transition WHERE centre_id = $1 ORDER BY generation, nth",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?;
    for generation in 2..=held.current().generation {
        if !kept
            .iter()
            .any(|(known, ..)| u16::try_from(*known) == Ok(generation))
        {
            findings.tell(
                KEYS,
                format!("第 {generation} 代"),
                "密钥文件夹里有这一代签名密钥，数据库里没有它的交接书",
            );
        }
    }
    let named = origin(office);
    for (generation, nth, text) in &kept {
        let place = format!("第 {generation} 代第 {} 份交接书", nth + 1);
        let told = match Transition::open(text) {
            Ok(told) => told,
            Err(error) => {
                findings.tell(KEYS, place, error.to_string());
                continue;
            }
        };
        let own = held.held().all(|pair| {
            let public = super::keys::public(&named, pair);
            let number = i32::from(pair.generation);
            let fits = |keys: &[VerifierKey; 2]| {
                keys.iter().zip(&public).all(|(told, held)| told.is(held))
            };
            (number != i32::from(*generation) || fits(&told.next))
                && (number != i32::from(*generation) - 1 || fits(&told.former))
        });
        if told.origin != named || !own {
            findings.tell(KEYS, place, "所写的公钥不是密钥文件夹里这两代的");
        }
    }
    Ok(kept.len() as u64)
}

/// The leaves of changes of keys among these, against their rows.
///
/// # Errors
/// The database.
pub async fn key_leaves(office: &Office, leaves: &[&Leaf], findings: &mut Findings) -> Result<()> {
    if leaves.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i16, i16, String)> =
        sqlx::query_as("SELECT generation, nth, note FROM log_transition WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_all(&office.pool)
            .await?;
    for one in leaves {
        let row = rows
            .iter()
            .find(|(generation, nth, _)| i64::from(*generation) == one.ref_id && *nth == one.seq);
        let place = format!("第 {} 代的交接书", one.ref_id);
        let record = row.map(|(generation, _, note)| {
            record_of(u16::try_from(*generation).unwrap_or(u16::MAX), note)
        });
        holds(one, place, record.as_ref(), findings);
    }
    Ok(())
}

/// A step of what keeps steps of its own beside the cases: a change of policy, an entry of the black list.
#[derive(Debug, Clone, FromRow)]
pub struct Step {
    /// Its number.
    pub seq: i16,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; 0 is the system.
    pub actor_id: i64,
    /// What.
    pub step: String,
    /// Digests, numbers and reasons of it.
    pub detail: Value,
}

impl Step {
    /// Its record as the leaf commits to it: steps from before programs knew people by public numbers alone have the ledger's own number as
    /// `actor`. The record of today where neither fits.
    #[must_use]
    pub fn committed(&self, entry: &[u8], salt: &[u8], record: Value) -> Value {
        let numbered = |record: &mut Value| {
            if let Some(actor) = record.get_mut("actor") {
                *actor = self.actor_id.into();
            }
        };
        leaf::as_sealed(record, numbered, |record| {
            leaf::commits_to(entry, salt, record)
        })
        .0
    }
}

/// The leaves of such steps, each against its row. The statement gives the steps of whatever `$2` names at the centre `$1`, and of what each one is
/// as `ref_id`.
///
/// # Errors
/// The database.
pub async fn step_leaves(
    office: &Office,
    leaves: &[&Leaf],
    statement: &'static str,
    place: impl Fn(i64) -> String,
    record: impl Fn(i64, &Step) -> Value,
    findings: &mut Findings,
) -> Result<()> {
    #[derive(FromRow)]
    struct Row {
        ref_id: i64,
        #[sqlx(flatten)]
        step: Step,
    }
    if leaves.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = leaves.iter().map(|leaf| leaf.ref_id).collect();
    let rows: Vec<Row> = sqlx::query_as(statement)
        .bind(office.centre.id)
        .bind(&ids)
        .fetch_all(&office.pool)
        .await?;
    let rows: HashMap<(i64, i16), Step> = rows
        .into_iter()
        .map(|row| ((row.ref_id, row.step.seq), row.step))
        .collect();
    for leaf in leaves {
        let step = rows.get(&(leaf.ref_id, leaf.seq));
        let record =
            step.map(|step| step.committed(&leaf.entry, &leaf.salt, record(leaf.ref_id, step)));
        let place = format!("{} 的第 {} 步", place(leaf.ref_id), leaf.seq);
        holds(leaf, place, record.as_ref(), findings);
    }
    Ok(())
}

/// Says so where a leaf commits to something else than the record that was drawn from its row, or has no row.
pub fn holds(
    leaf: &Leaf,
    place: impl Into<String>,
    record: Option<&Value>,
    findings: &mut Findings,
) {
    let found = record.map(|record| leaf::commits_to(&leaf.entry, &leaf.salt, record));
    differs(leaf, place, found, findings);
}

/// The same of what was already compared: none, no row.
pub fn differs(
    leaf: &Leaf,
    place: impl Into<String>,
    holds: Option<bool>,
    findings: &mut Findings,
) {
    let detail = match holds {
        Some(true) => return,
        Some(false) => format!(
            "第 {} 片叶子承诺的是另一份内容：记录被改动过，或叶子被换过",
            leaf.leaf_index
        ),
        None => format!("第 {} 片叶子还在，它的记录没有了", leaf.leaf_index),
    };
    findings.tell(LEAVES, place, detail);
}

/// Rows without a leaf, and leaves of no kind that is known.
///
/// # Errors
/// The database.
pub async fn bare_steps(office: &Office, findings: &mut Findings) -> Result<()> {
    let bare: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT e.case_id, count(*) FROM case_event e
          WHERE e.centre_id = $1
            AND NOT EXISTS (SELECT FROM evidence_leaf l
                             WHERE l.centre_id = $1 AND l.ref_id = e.case_id AND l.kind = $2 AND l.seq IN (e.seq, 0))
            AND NOT EXISTS (SELECT FROM evidence_pending p WHERE p.centre_id = $1 AND p.ref_id = e.case_id AND p.kind = $2)
          GROUP BY e.case_id ORDER BY e.case_id LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(kind::CASE)
    .fetch_all(&office.pool)
    .await?;
    for (case_id, steps) in bare {
        let place = format!("办件 {}", crate::case::number(office, case_id));
        findings.tell(
            LEAVES,
            place,
            format!("{steps} 步没有存证，每步应有一片叶子"),
        );
    }
    Ok(())
}
