//! A log, its change of keys and its witness, whose keys are always the same ones: what they sign is, too.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;

use anju_evidence::note::{Checkpoint, KeyKind, VerifierKey, cosigned};
use anju_evidence::proof::{BatchPath, Bundle, FORMAT};
use anju_evidence::record::{batch_entry, commitment, entry, leaf_hash, sha256};
use anju_evidence::transition::{self, Transition};
use anju_evidence::{Hash, tree};
use anju_vault::signature::{Ed25519Key, Sm2Key};
use serde_json::Value;

pub const LOG: &str = "anju/0badcafe";
const WITNESS: &str = "w.example/w";
pub const TIME: u64 = 1_795_000_000;

/// The keys of a log, before and after a change, and of a witness.
pub struct Kit {
    pub former: (Ed25519Key, Sm2Key),
    pub next: (Ed25519Key, Sm2Key),
    pub witness: Ed25519Key,
}

impl Kit {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("anju-forms-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let seed = |of: u8| {
            let file = folder.join(of.to_string());
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).create(true).truncate(true).mode(0o600);
            let mut open = opened.open(&file).expect("a file");
            std::io::Write::write_all(&mut open, format!("{of:02x}").repeat(32).as_bytes())
                .expect("written");
            file
        };
        let ed25519 = |of| Ed25519Key::open(seed(of)).expect("a key");
        let sm2 = |of| Sm2Key::open(seed(of)).expect("a key");
        let kit = Self {
            former: (ed25519(1), sm2(2)),
            next: (ed25519(3), sm2(4)),
            witness: ed25519(5),
        };
        fs::remove_dir_all(&folder).expect("removed");
        kit
    }

    pub fn pair((ed25519, sm2): &(Ed25519Key, Sm2Key)) -> [VerifierKey; 2] {
        [
            VerifierKey::new(LOG, KeyKind::Ed25519, &ed25519.public()),
            VerifierKey::new(LOG, KeyKind::Sm2, &sm2.public()),
        ]
    }

    pub fn witness_key(&self) -> VerifierKey {
        VerifierKey::new(WITNESS, KeyKind::Witness, &self.witness.public())
    }

    pub fn keys(&self) -> String {
        let [ed25519, sm2] = Self::pair(&self.former);
        format!("{ed25519}\n{sm2}\n{}\n", self.witness_key())
    }

    pub fn by(pair: &(Ed25519Key, Sm2Key), text: &str) -> [String; 2] {
        let [ed25519, sm2] = Self::pair(pair);
        [
            ed25519.line(&pair.0.sign(text.as_bytes())),
            sm2.line(&pair.1.sign(text.as_bytes())),
        ]
    }

    pub fn seen(&self, text: &str, time: u64) -> String {
        let signature = self.witness.sign(cosigned(text, time).as_bytes());
        let blob = [&time.to_be_bytes()[..], &signature].concat();
        self.witness_key().line(&blob)
    }

    pub fn transition(&self, from: u64, until: u64) -> String {
        let text = Transition {
            origin: LOG.to_owned(),
            former: Self::pair(&self.former),
            next: Self::pair(&self.next),
            from,
            until,
        }
        .to_string();
        let signatures = [Self::by(&self.former, &text), Self::by(&self.next, &text)];
        transition::line(&format!("{text}\n{}", signatures.concat().concat()))
    }

    /// A bundle at this place of a tree of this size, whose other leaves nobody knows.
    pub fn at(&self, record: Value, index: u64, size: u64, batch: Option<(u64, u64)>) -> Bundle {
        let salt = [7; 32];
        let own = entry(&commitment(&salt, &record).expect("a record")).to_vec();
        let batch = batch.map(|(index, size)| BatchPath {
            index,
            size,
            path: way(index, size),
        });
        let own = match &batch {
            None => own,
            Some(batch) => {
                let leaf = leaf_hash(&own);
                let root = tree::root_from_path(&leaf, batch.index, batch.size, &batch.path);
                batch_entry(batch.size, &root.expect("it fits")).to_vec()
            }
        };
        let path = way(index, size);
        let root = tree::root_from_path(&leaf_hash(&own), index, size, &path).expect("it fits");
        let text = Checkpoint {
            origin: LOG.to_owned(),
            size,
            root,
        }
        .to_string();
        let bundle = Bundle {
            format: FORMAT.to_owned(),
            record,
            salt,
            batch,
            index,
            path,
            checkpoint: String::new(),
        };
        self.under(&bundle, &text)
    }

    /// The bundle under this text of a checkpoint, signed by the former pair and the witness.
    pub fn under(&self, bundle: &Bundle, text: &str) -> Bundle {
        let signed = Self::by(&self.former, text).concat() + &self.seen(text, TIME);
        Bundle {
            checkpoint: format!("{text}\n{signed}"),
            ..bundle.clone()
        }
    }
}

/// A path of the right length: what a leaf at this place needs.
fn way(index: u64, size: u64) -> Vec<Hash> {
    (0..=64)
        .map(|steps: u8| (0..steps).map(|step| sha256(&[step])).collect::<Vec<_>>())
        .find(|path| tree::root_from_path(&[0; 32], index, size, path).is_some())
        .expect("at most 64 steps")
}
