//! The log's tree as tiles (C2SP tlog-tiles): 256 hashes each, appended at the right edge, read for proofs. Invariant: a hash in a
//! tile of level L+1 is the root of a full tile of level L, so that a tile, once full, never changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::Hash;
use crate::tree::{node_hash, root};

/// Hashes of a full tile.
pub const WIDTH: usize = 256;

/// Levels of the tree that one tile spans.
const HEIGHT: u32 = 8;

/// The place of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 holds leaf hashes.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

impl TileId {
    /// The place as a path: level, and the index in groups of three digits, all but the last with an `x`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.level, index_path(self.index))
    }
}

/// An index as tlog-tiles writes it: `x001/x234/067`.
#[must_use]
pub fn index_path(index: u64) -> String {
    let mut groups = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    groups.join("/")
}

/// Reads what [`index_path`] writes; nothing for any other text.
#[must_use]
pub fn parse_index(path: &str) -> Option<u64> {
    let mut groups = path.split('/').rev();
    let mut index = digits(groups.next()?)?;
    let mut unit = 1000_u64;
    for group in groups {
        index = index.checked_add(digits(group.strip_prefix('x')?)?.checked_mul(unit)?)?;
        unit = unit.checked_mul(1000)?;
    }
    (index_path(index) == path).then_some(index)
}

fn digits(group: &str) -> Option<u64> {
    (group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| group.parse().ok())?
}

/// Tiles by their place; each holds 1 to 256 hashes.
pub type Tiles = BTreeMap<TileId, Vec<Hash>>;

/// The partial tiles at the right edge of a tree of this size: what must be read before leaves are appended.
#[must_use]
pub fn edge(size: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    let (mut level, mut count) = (0, size);
    while count > 0 {
        if count % WIDTH as u64 > 0 {
            tiles.push(TileId {
                level,
                index: count / WIDTH as u64,
            });
        }
        level += 1;
        count /= WIDTH as u64;
    }
    tiles
}

/// Appends leaf hashes to a tree of `size` leaves whose edge tiles are `tiles`. Afterwards `tiles` holds every tile that is new or
/// has grown.
///
/// # Panics
/// When `tiles` is not the edge of a tree of that size.
pub fn append(tiles: &mut Tiles, size: u64, leaves: &[Hash]) {
    assert!(
        edge(size).iter().all(|id| tiles.contains_key(id)),
        "the edge of the tree is there"
    );
    for (place, leaf) in (size..).zip(leaves) {
        let mut hash = *leaf;
        let (mut level, mut index) = (0, place);
        loop {
            let id = TileId {
                level,
                index: index / WIDTH as u64,
            };
            let tile = tiles.entry(id).or_default();
            assert_eq!(
                tile.len() as u64,
                index % WIDTH as u64,
                "a tile is filled from the left"
            );
            tile.push(hash);
            if tile.len() < WIDTH {
                break;
            }
            hash = root(tile);
            level += 1;
            index /= WIDTH as u64;
        }
    }
}

/// Leaves `from..to` of the tree, as one subtree of its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First leaf.
    pub from: u64,
    /// After the last leaf.
    pub to: u64,
}

/// The subtrees whose hashes are the inclusion path of a leaf, lowest first (RFC 6962 §2.1.1).
///
/// # Panics
/// When there is no such leaf.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Vec<Range> {
    assert!(index < size, "a path leads to a leaf of the tree");
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(Range { from: middle, to });
            to = middle;
        } else {
            path.push(Range { from, to: middle });
            from = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that a tree of `size` leaves extends one of `old` leaves (RFC 6962 §2.1.2).
///
/// # Panics
/// When the older tree is the larger one.
#[must_use]
pub fn consistency(old: u64, size: u64) -> Vec<Range> {
    assert!(old <= size, "a log only grows");
    if old == 0 || old == size {
        return Vec::new();
    }
    let mut path = Vec::new();
    let (mut from, mut to, mut whole) = (0, size, true);
    loop {
        if old == to {
            if !whole {
                path.push(Range { from, to });
            }
            break;
        }
        let middle = from + split(to - from);
        if old <= middle {
            path.push(Range { from: middle, to });
            to = middle;
        } else {
            path.push(Range { from, to: middle });
            from = middle;
            whole = false;
        }
    }
    path.reverse();
    path
}

/// The tiles that hold the hashes of these subtrees.
#[must_use]
pub fn tiles_of(ranges: &[Range]) -> BTreeSet<TileId> {
    ranges
        .iter()
        .flat_map(complete)
        .map(|node| node.tile())
        .collect()
}

/// The hash of a subtree; nothing when a tile of [`tiles_of`] is missing or too short.
#[must_use]
pub fn hash_of(range: Range, tiles: &Tiles) -> Option<Hash> {
    let hashes = complete(&range)
        .iter()
        .map(|node| node.read(tiles))
        .collect::<Option<Vec<Hash>>>()?;
    hashes
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(&left, &right))
}

/// A complete subtree: 2^height leaves, the index-th such from the left.
struct Node {
    height: u32,
    index: u64,
}

impl Node {
    /// The hashes of its tile from which it is drawn: where they begin, and how many.
    fn span(&self) -> (u64, usize) {
        let inside = self.height % HEIGHT;
        (self.index << inside, 1 << inside)
    }

    fn tile(&self) -> TileId {
        TileId {
            level: u8::try_from(self.height / HEIGHT).expect("a tree of u64 has 64 levels"),
            index: self.span().0 / WIDTH as u64,
        }
    }

    fn read(&self, tiles: &Tiles) -> Option<Hash> {
        let (begin, count) = self.span();
        let begin = usize::try_from(begin % WIDTH as u64).ok()?;
        tiles.get(&self.tile())?.get(begin..begin + count).map(root)
    }
}

/// A range as complete subtrees from left to right, each smaller than the one before it.
fn complete(range: &Range) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut from = range.from;
    while from < range.to {
        let height = (range.to - from).ilog2();
        nodes.push(Node {
            height,
            index: from >> height,
        });
        from += 1 << height;
    }
    nodes
}

/// The largest power of two below the number of leaves.
fn split(leaves: u64) -> u64 {
    leaves.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::leaf_hash;
    use crate::tree;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// A log that grew by batches of these sizes; what it keeps is every tile.
    fn grown(batches: &[usize]) -> (Tiles, Vec<Hash>) {
        let all = leaves(batches.iter().sum());
        let (mut kept, mut size) = (Tiles::new(), 0);
        for batch in batches {
            let mut tiles: Tiles = edge(size as u64)
                .into_iter()
                .map(|id| (id, kept[&id].clone()))
                .collect();
            append(&mut tiles, size as u64, &all[size..size + batch]);
            kept.extend(tiles);
            size += batch;
        }
        (kept, all)
    }

    fn hashes(ranges: &[Range], kept: &Tiles) -> Vec<Hash> {
        let needed: Tiles = tiles_of(ranges)
            .into_iter()
            .map(|id| (id, kept[&id].clone()))
            .collect();
        ranges
            .iter()
            .map(|range| hash_of(*range, &needed).expect("every tile is there"))
            .collect()
    }

    #[test]
    fn paths_and_roots_from_tiles_are_those_of_the_whole_tree() {
        let (kept, all) = grown(&[1, 254, 1, 3, 253, 1000, 65_536, 77]);
        for size in [1, 2, 255, 256, 257, 1512, 65_536, all.len()] {
            let whole = Range {
                from: 0,
                to: size as u64,
            };
            assert_eq!(
                hashes(&[whole], &kept),
                [tree::root(&all[..size])],
                "{size}"
            );
            for index in [0, size / 3, size - 1] {
                let path = hashes(&inclusion(index as u64, size as u64), &kept);
                assert_eq!(path, tree::path(&all[..size], index), "{index} of {size}");
            }
        }
    }

    #[test]
    fn an_extension_is_proved_and_nothing_else() {
        let (kept, all) = grown(&[300]);
        for old in [1, 2, 3, 64, 128, 255, 256, 257, 299, 300] {
            for size in [old, 300] {
                let path = hashes(&consistency(old as u64, size as u64), &kept);
                let (before, after) = (tree::root(&all[..old]), tree::root(&all[..size]));
                // Judged by somebody else's code.
                let judged: Vec<tlog_tiles::Hash> =
                    path.iter().map(|hash| tlog_tiles::Hash(*hash)).collect();
                let holds = |old_root: &Hash, root: &Hash| {
                    let (root, old_root) = (tlog_tiles::Hash(*root), tlog_tiles::Hash(*old_root));
                    tlog_tiles::check_tree(&judged, size as u64, root, old as u64, old_root).is_ok()
                };
                assert!(holds(&before, &after), "{old} to {size}");
                if old < size {
                    assert!(!holds(&after, &after), "{old} to {size}");
                    assert!(!holds(&before, &before), "{old} to {size}");
                }
            }
        }
    }

    #[test]
    fn the_edge_of_the_standards_example() {
        // tlog-tiles: a tree of 70,000 ends in a tile of 112, one of 17, and one of 1.
        let ids = edge(70_000);
        assert_eq!(
            ids.iter()
                .map(|id| (id.level, id.index))
                .collect::<Vec<_>>(),
            [(0, 273), (1, 1), (2, 0)]
        );
        assert_eq!(index_path(1_234_067), "x001/x234/067");
        for index in [0, 7, 999, 1000, 1_234_067, 1_000_000_000] {
            assert_eq!(parse_index(&index_path(index)), Some(index));
        }
        for wrong in [
            "", "7", "0007", "x001", "001/002", "x000/001", "x001/2", "-01",
        ] {
            assert_eq!(parse_index(wrong), None, "{wrong}");
        }
    }
}
