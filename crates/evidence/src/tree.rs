//! RFC 6962 Merkle trees over leaf hashes: root, inclusion path, and its check. Used whole for batches (a roster, a day's
//! journals); the log itself is read by tiles.

use sha2::{Digest, Sha256};

use crate::Hash;

/// `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The tree hash of leaf hashes; that of no leaves is the hash of nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The inclusion path of a leaf, lowest first.
///
/// # Panics
/// When there is no such leaf.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    assert!(index < leaves.len(), "a path leads to a leaf of the tree");
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut lower, sibling) = if index < middle {
        (path(left, index), root(right))
    } else {
        (path(right, index - middle), root(left))
    };
    lower.push(sibling);
    lower
}

/// The root to which a path leads from a leaf; nothing when the path does not fit the place (RFC 9162 §2.1.3.2).
#[must_use]
pub fn root_from_path(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place % 2 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// The largest power of two below the number of leaves.
fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::leaf_hash;

    /// The eight entries of the Certificate Transparency reference tests.
    fn leaves() -> Vec<Hash> {
        [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .map(|hex| {
            (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
                .collect::<Vec<u8>>()
        })
        .iter()
        .map(|entry| leaf_hash(entry))
        .collect()
    }

    #[test]
    fn the_roots_are_those_of_the_reference_tests() {
        let leaves = leaves();
        for (size, expected) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            let hex: String = root(&leaves[..size])
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hex, expected, "{size} leaves");
        }
    }

    #[test]
    fn every_path_leads_to_the_root_and_no_other_place_fits_it() {
        for size in 1..40_usize {
            let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            let root = root(&leaves);
            for index in 0..size {
                let path = path(&leaves, index);
                let place = |index: usize, size: usize, path: &[Hash]| {
                    root_from_path(&leaves[index], index as u64, size as u64, path)
                };
                assert_eq!(place(index, size, &path), Some(root), "{index} of {size}");
                assert_ne!(
                    place((index + 1) % size, size, &path),
                    Some(root).filter(|_| size > 1),
                    "{index} of {size}"
                );
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(place(index, size, shorter), None);
                }
                assert_eq!(place(index, size, &[&path[..], &[root]].concat()), None);
            }
            assert_eq!(
                root_from_path(&leaves[0], size as u64, size as u64, &[]),
                None
            );
        }
    }
}
