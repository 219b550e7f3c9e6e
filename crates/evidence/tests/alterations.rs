//! F12: a bundle is altered in any one way, and every alteration is found offline, with no help but the reader's keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anju_evidence::Hash;
use anju_evidence::note::{Checkpoint, KeyKind, NoteError, VerifierKey, cosigned};
use anju_evidence::proof::{BatchPath, Bundle, FORMAT, ProofError};
use anju_evidence::record::{batch_entry, commitment, entry, leaf_hash, sha256};
use anju_evidence::transition::{self, Transition};
use anju_evidence::tree;
use anju_vault::signature::{Ed25519Key, Sm2Key};
use serde_json::{Value, json};

/// A small generator whose seed is printed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = std::env::var("ANJU_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| u64::from_le_bytes(anju_vault::random()));
        println!("ANJU_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// A log with two witnesses, as an auditor meets it.
struct Log {
    name: &'static str,
    ed25519: Ed25519Key,
    sm2: Sm2Key,
    witnesses: [(&'static str, Ed25519Key); 2],
    leaves: Vec<Hash>,
}

impl Log {
    fn new(folder: &Path, name: &'static str) -> Self {
        let file = |role: &str| folder.join(format!("{name}-{role}"));
        Self {
            name,
            ed25519: Ed25519Key::create(file("ed25519")).expect("a key"),
            sm2: Sm2Key::create(file("sm2")).expect("a key"),
            witnesses: ["bank.example", "audit.example"]
                .map(|witness| (witness, Ed25519Key::create(file(witness)).expect("a key"))),
            leaves: Vec::new(),
        }
    }

    fn keys(&self) -> Vec<VerifierKey> {
        let mut keys = vec![
            VerifierKey::new(self.name, KeyKind::Ed25519, &self.ed25519.public()),
            VerifierKey::new(self.name, KeyKind::Sm2, &self.sm2.public()),
        ];
        keys.extend(
            self.witnesses
                .iter()
                .map(|(name, key)| VerifierKey::new(name, KeyKind::Witness, &key.public())),
        );
        keys
    }

    fn checkpoint(&self, witnessed: bool) -> String {
        let checkpoint = Checkpoint {
            origin: self.name.to_owned(),
            size: self.leaves.len() as u64,
            root: tree::root(&self.leaves),
        };
        let (text, keys) = (checkpoint.to_string(), self.keys());
        let mut note = format!("{text}\n");
        note += &keys[0].line(&self.ed25519.sign(text.as_bytes()));
        note += &keys[1].line(&self.sm2.sign(text.as_bytes()));
        for ((_, secret), key) in self.witnesses.iter().zip(&keys[2..]).filter(|_| witnessed) {
            let time = 1_795_000_000;
            let signature = secret.sign(cosigned(&text, time).as_bytes());
            note += &key.line(&[&u64::to_be_bytes(time)[..], &signature].concat());
        }
        note
    }

    /// Grows by some leaves of strangers.
    fn grow(&mut self, by: usize) {
        for _ in 0..by {
            let stranger = sha256(&self.leaves.len().to_be_bytes());
            self.leaves.push(leaf_hash(&entry(&stranger)));
        }
    }
}

fn record(chance: &mut Chance) -> Value {
    json!({
        "kind": "case",
        "case": format!("C{:013}", chance.below(1 << 30)),
        "seq": 1 + chance.below(5),
        "at": "2026-11-24T02:02:07.123Z",
        "steps": ["decided", "approved", "executing"],
        "detail": { "amount_fen": 1 + chance.below(10_000_000), "outcome": "approved", "why": "租房\"提取\"\n" },
    })
}

/// A bundle somewhere in a log: of a record alone, or of one of a batch.
fn bundle(log: &mut Log, chance: &mut Chance) -> Bundle {
    log.leaves.clear();
    log.grow(chance.below(40));
    let (salt, record) = (sha256(&log.leaves.len().to_be_bytes()), record(chance));
    let own = entry(&commitment(&salt, &record).expect("a record"));
    let batch = (chance.below(2) == 0).then(|| {
        let mut hashes: Vec<Hash> = (0..=chance.below(20))
            .map(|i| sha256(&i.to_be_bytes()))
            .collect();
        let index = chance.below(hashes.len());
        hashes[index] = leaf_hash(&own);
        (hashes, index)
    });
    let index = log.leaves.len();
    log.leaves.push(leaf_hash(&match &batch {
        None => own.to_vec(),
        Some((hashes, _)) => batch_entry(hashes.len() as u64, &tree::root(hashes)).to_vec(),
    }));
    log.grow(chance.below(40));
    Bundle {
        format: FORMAT.to_owned(),
        record,
        salt,
        batch: batch.map(|(hashes, index)| BatchPath {
            index: index as u64,
            size: hashes.len() as u64,
            path: tree::path(&hashes, index),
        }),
        index: index as u64,
        path: tree::path(&log.leaves, index),
        checkpoint: log.checkpoint(true),
    }
}

fn holds(bytes: &[u8], keys: &[VerifierKey]) -> bool {
    Bundle::parse(bytes).is_ok_and(|bundle| bundle.verify(keys).is_ok())
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("anju-f12-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn rounds() -> usize {
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        10_000
    } else {
        500
    }
}

#[test]
fn a_bundle_with_any_byte_changed_does_not_hold() {
    let (folder, mut chance) = (folder("bytes"), Chance::new());
    let mut log = Log::new(&folder, "anju-f12");
    let keys = log.keys();
    for round in 0..rounds() {
        let bundle = bundle(&mut log, &mut chance);
        let bytes = serde_json::to_vec(&bundle).expect("JSON");
        assert!(holds(&bytes, &keys), "round {round}");
        let mut altered = bytes.clone();
        let place = chance.below(altered.len());
        altered[place] ^= 1 << chance.below(8);
        // A signature line that is changed beyond recognition is one that is not there: fewer have signed, and it shows.
        if let Ok(weaker) = Bundle::parse(&altered).and_then(|bundle| bundle.verify(&keys)) {
            assert!(
                weaker.witnesses.len() + usize::from(weaker.sm2) < 3,
                "round {round}: byte {place} of {}",
                String::from_utf8_lossy(&bytes)
            );
        }
        let cut = &bytes[..chance.below(bytes.len())];
        assert!(!holds(cut, &keys), "round {round}: cut to {}", cut.len());
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_tree_with_a_leaf_dropped_moved_or_forged_does_not_hold() {
    let (folder, mut chance) = (folder("trees"), Chance::new());
    let mut log = Log::new(&folder, "anju-f12");
    let (keys, other) = (log.keys(), Log::new(&folder, "anju-other").keys());
    for round in 0..rounds() / 5 {
        let good = bundle(&mut log, &mut chance);
        let (index, size) = (
            usize::try_from(good.index).expect("small"),
            log.leaves.len(),
        );

        // The path of another tree under the same checkpoint: the leaf is named.
        let mut leaves = log.leaves.clone();
        match chance.below(3) {
            0 if index + 1 < size => drop(leaves.remove(index + 1)),
            1 if index + 2 < size => leaves.swap(index + 1, index + 2),
            _ if size > 1 => leaves[(index + 1) % size] = sha256(b"forged"),
            _ => {}
        }
        if leaves != log.leaves {
            let other_tree = Bundle {
                path: tree::path(&leaves, index),
                ..good.clone()
            };
            let error = other_tree.verify(&keys).expect_err("another tree");
            assert!(
                error.to_string().contains(&format!("第 {index} 片")),
                "round {round}: {error}"
            );
        }
        let moved = Bundle {
            index: good.index + 1,
            ..good.clone()
        };
        assert!(moved.verify(&keys).is_err(), "round {round}: moved");

        // A fork: the log has signed another tree, and no witness has.
        let forked = Bundle {
            checkpoint: log.checkpoint(false),
            ..good.clone()
        };
        let error = forked.verify(&keys).expect_err("no witness");
        assert!(
            matches!(error, ProofError::NoWitness),
            "round {round}: {error}"
        );

        assert!(good.verify(&other).is_err(), "round {round}: another log");
        assert!(
            good.verify(&keys[..2]).is_err(),
            "round {round}: no witness"
        );
        assert!(good.verify(&keys[2..]).is_err(), "round {round}: no log");
        assert!(
            good.verify(&keys[..3]).is_ok(),
            "round {round}: one witness will do"
        );
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_bundle_has_no_room_for_anything_else() {
    let (folder, mut chance) = (folder("room"), Chance::new());
    let mut log = Log::new(&folder, "anju-f12");
    let bundle = bundle(&mut log, &mut chance);
    let keys = log.keys();
    let text = serde_json::to_string(&bundle).expect("JSON");
    assert!(holds(text.as_bytes(), &keys));

    // The same in another order and with other white space is the same bundle.
    let value: BTreeMap<String, Value> = serde_json::from_str(&text).expect("an object");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    assert!(holds(pretty.as_bytes(), &keys));

    let with = |name: &str, more: Value| {
        let mut value = value.clone();
        value.insert(name.to_owned(), more);
        serde_json::to_string(&value).expect("JSON")
    };
    for wrong in [
        with("note", json!("unknown")),
        with("batch", Value::Null),
        with("format", json!("anju-proof/2")),
        with("index", json!(-1)),
        with("index", json!(1.5)),
        with("record", json!([])),
        text.replacen("\"seq\":", "\"seq\":1,\"seq\":", 1),
        text.replacen("{\"format\"", "{\"index\":0,\"format\"", 1),
        text.replacen("\"seq\":", "\"large\":9007199254740993,\"seq\":", 1),
        format!("{text}x"),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(!holds(wrong.as_bytes(), &keys), "{wrong}");
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// When the log's keys changed, in seconds since 1970: from then on both signed, and until then.
const CHANGE: (u64, u64) = (1_795_000_000, 1_797_592_000);

/// The same log after a change of keys: the pair that follows, and the statement of both.
struct Changed {
    log: Log,
    ed25519: Ed25519Key,
    sm2: Sm2Key,
}

impl Changed {
    fn new(folder: &Path, log: Log) -> Self {
        Self {
            ed25519: Ed25519Key::create(folder.join("next-ed25519")).expect("a key"),
            sm2: Sm2Key::create(folder.join("next-sm2")).expect("a key"),
            log,
        }
    }

    fn next(&self) -> [VerifierKey; 2] {
        [
            VerifierKey::new(self.log.name, KeyKind::Ed25519, &self.ed25519.public()),
            VerifierKey::new(self.log.name, KeyKind::Sm2, &self.sm2.public()),
        ]
    }

    fn former(&self) -> [VerifierKey; 2] {
        let keys: [VerifierKey; 4] = self.log.keys().try_into().expect("two and two");
        let [ed25519, sm2, ..] = keys;
        [ed25519, sm2]
    }

    fn transition(&self) -> String {
        let text = Transition {
            origin: self.log.name.to_owned(),
            former: self.former(),
            next: self.next(),
            from: CHANGE.0,
            until: CHANGE.1,
        }
        .to_string();
        format!("{text}\n{}{}", self.by_former(&text), self.by_next(&text))
    }

    fn by_former(&self, text: &str) -> String {
        let [ed25519, sm2] = self.former();
        ed25519.line(&self.log.ed25519.sign(text.as_bytes()))
            + &sm2.line(&self.log.sm2.sign(text.as_bytes()))
    }

    fn by_next(&self, text: &str) -> String {
        let [ed25519, sm2] = self.next();
        ed25519.line(&self.ed25519.sign(text.as_bytes()))
            + &sm2.line(&self.sm2.sign(text.as_bytes()))
    }

    /// The bundle under a checkpoint that these have signed and the witnesses saw at this time.
    fn signed(&self, bundle: &Bundle, former: bool, next: bool, time: u64) -> Bundle {
        let (text, _) = bundle.checkpoint.rsplit_once("\n\n").expect("a note");
        let text = format!("{text}\n");
        let mut note = format!("{text}\n");
        if former {
            note += &self.by_former(&text);
        }
        if next {
            note += &self.by_next(&text);
        }
        for ((_, secret), key) in self.log.witnesses.iter().zip(&self.log.keys()[2..]) {
            let signature = secret.sign(cosigned(&text, time).as_bytes());
            note += &key.line(&[&time.to_be_bytes()[..], &signature].concat());
        }
        Bundle {
            checkpoint: note,
            ..bundle.clone()
        }
    }
}

/// Goal: a change of the log's keys takes nothing from anybody who has a proof or a key, and gives nothing to a key that has ended. Method:
/// proofs from before, during and after the overlap, read with the former key alone, the next alone, both, and the transition.
#[test]
fn a_key_that_has_ended_vouches_for_nothing_new_and_all_that_is_old_still_holds() {
    let folder = std::env::temp_dir().join(format!("anju-old-key-{}", std::process::id()));
    let mut chance = Chance::new();
    let mut log = Log::new(&folder, "anju/old-key");
    let bundle = bundle(&mut log, &mut chance);
    let log = Changed::new(&folder, log);
    let (from, until) = CHANGE;
    let before = log.signed(&bundle, true, false, from - 1);
    let between = log.signed(&bundle, true, true, until);
    let after = log.signed(&bundle, false, true, until + 1);
    let stolen = log.signed(&bundle, true, false, until + 1);

    let lines =
        |keys: &[VerifierKey]| -> String { keys.iter().map(|key| format!("{key}\n")).collect() };
    let witnesses = lines(&log.log.keys()[2..]);
    let old_file = lines(&log.former()) + &witnesses;
    let new_file = lines(&log.next()) + &witnesses;
    let line = transition::line(&log.transition());
    let read = |file: &str| transition::read_keys(file).expect("keys");
    let holds = |bundle: &Bundle, file: &str| bundle.verify(&read(file));
    let unsigned = |outcome| matches!(outcome, Err(ProofError::Note(NoteError::Unsigned(_))));

    // The former key alone: nothing is lost, and what it has not signed is not believed.
    for bundle in [&before, &between] {
        assert!(holds(bundle, &old_file).is_ok());
    }
    assert!(unsigned(holds(&after, &old_file)));
    // The next key alone.
    for bundle in [&between, &after] {
        assert!(holds(bundle, &new_file).is_ok_and(|seen| seen.sm2));
    }
    assert!(unsigned(holds(&before, &new_file)));
    // The transition joins either to the other, wherever it stands in the file.
    for file in [
        format!("{old_file}{line}"),
        format!("{line}\n  {new_file}"),
        format!("{old_file}{line}{new_file}"),
    ] {
        for bundle in [&before, &between, &after] {
            assert!(holds(bundle, &file).is_ok_and(|seen| seen.sm2), "{file}");
        }
        let outcome = holds(&stolen, &file);
        assert!(
            matches!(outcome, Err(ProofError::Note(NoteError::Ended(_)))),
            "{outcome:?}"
        );
    }
    // Who was never told that it ended cannot know; who has only the next key never believed it.
    assert!(holds(&stolen, &old_file).is_ok());
    assert!(unsigned(holds(&stolen, &new_file)));

    // A key that nobody of the file has introduced makes the file none, and so does any byte of a transition that was changed.
    assert!(transition::read_keys(&format!("{witnesses}{line}")).is_err());
    let note = log.transition();
    for _ in 0..200 {
        let mut bytes = note.clone().into_bytes();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(7);
        let Ok(altered) = String::from_utf8(bytes) else {
            continue;
        };
        let file = format!("{old_file}{}", transition::line(&altered));
        assert!(
            transition::read_keys(&file).is_err(),
            "byte {at}: {altered}"
        );
    }
    // Signed by one of the two alone.
    let (text, _) = note.rsplit_once("\n\n").expect("a note");
    let text = format!("{text}\n");
    for half in [log.by_former(&text), log.by_next(&text)] {
        let file = format!("{old_file}{}", transition::line(&format!("{text}\n{half}")));
        assert!(transition::read_keys(&file).is_err());
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}
