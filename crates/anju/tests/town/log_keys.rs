//! The keys that once could not rotate: the log's, those of public numbers, and those of codes. Who has a proof, a paper or an old file of
//! keys loses nothing; who has an old secret gains nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anju::cast::{look_up, text};
use anju::doors::Doors;
use anju_evidence::note::Checkpoint;
use anju_evidence::transition;
use anju_vault::signature::Ed25519Key;
use anju_vault::{NumberKind, Vault};
use reqwest::StatusCode;
use serde_json::Value;

use crate::evidence::{keys, proof, verify_with, withdrawn};
use crate::replay::replayed;
use crate::town::{Town, tenant_of};
use crate::withdrawal::{becomes, submit};

/// Runs a rotation to its end; what it has said.
async fn rotate(town: &Town, more: &[&str]) -> String {
    let arguments = [&["admin", "rotate-keys", "--grace", "1"], more].concat();
    let (well, said) = town.says(&arguments).await;
    assert!(well, "{said}");
    said
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("anju-{name}-{}", std::process::id()))
}

/// A proof whose checkpoint has more leaves than this: it was signed later.
async fn newer(town: &Town, path: &str, than: u64) -> Value {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let bundle = proof(town, path).await;
        if size_of(&bundle) > than {
            return bundle;
        }
        assert!(Instant::now() < deadline, "{path} stays under an old tree");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn size_of(bundle: &Value) -> u64 {
    let note = bundle["checkpoint"].as_str().expect("a note");
    let size = note.lines().nth(1).and_then(|size| size.parse().ok());
    size.expect("a size")
}

fn lines_of<'t>(file: &'t str, keep: impl Fn(&str) -> bool + 't) -> String {
    file.lines()
        .filter(|line| keep(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Goal: the log gets new keys, and nobody who has a proof or a file of keys has to do anything while both sign. Method: a proof from before
/// and one from after a rotation are checked by the program, with the old file of keys, the new keys alone, and what the centre publishes.
#[tokio::test]
async fn the_log_changes_its_keys_and_old_proofs_and_old_files_of_keys_hold() {
    let town = Town::open().await;
    let case = withdrawn(&town, 43_001).await;
    let path = format!("/cases/{case}/proof");
    let before = proof(&town, &path).await;
    let old_file = keys(&town).await;
    let said = rotate(&town, &[]).await;
    assert!(
        said.contains("存证日志第 2 代") && said.contains("并签到"),
        "{said}"
    );

    let later = withdrawn(&town, 43_002).await;
    let after = newer(&town, &format!("/cases/{later}/proof"), size_of(&before)).await;
    let published = keys(&town).await;
    assert!(
        published
            .lines()
            .filter(|line| transition::is_line(line))
            .count()
            == 1
    );
    let origin = |file: &str| file.split('+').next().map(str::to_owned);
    assert_eq!(
        origin(&old_file),
        origin(&published),
        "the log keeps its name"
    );
    let new_alone = lines_of(&published, |line| {
        !transition::is_line(line) && (!old_file.contains(line) || line.contains("witness"))
    });
    let folder = folder("log-keys");
    let holds = |bundle: &Value, file: &str| verify_with(&folder, &bundle.to_string(), file, None);
    for (bundle, file) in [
        (&before, &old_file),
        (&after, &old_file),
        (&after, &new_alone),
        (&before, &published),
        (&after, &published),
    ] {
        let (good, said) = holds(bundle, file);
        assert!(good && said.contains("Ed25519 和 SM2"), "{said}\n{file}");
    }
    let (good, said) = holds(&before, &new_alone);
    assert!(!good && said.contains("transition"), "{said}");

    // The change itself is a leaf of the log, which the old file of keys proves.
    let deadline = Instant::now() + Duration::from_secs(30);
    let change = loop {
        let (status, body) = town
            .doors
            .plain("/tlog/keys/2/proof")
            .await
            .expect("a door");
        if status == StatusCode::OK {
            break body;
        }
        assert!(Instant::now() < deadline, "{status} {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let (good, said) = verify_with(&folder, &change, &old_file, None);
    assert!(good && change.contains("key-transition"), "{said}");
    let (status, _) = town
        .doors
        .plain("/tlog/keys/3/proof")
        .await
        .expect("a door");
    assert_eq!(status, StatusCode::NOT_FOUND);

    // Again within the overlap: the other keys rotate, the log's wait for the day.
    let said = rotate(&town, &[]).await;
    assert!(
        said.contains("存证日志第 2 代") && said.contains("并签到"),
        "{said}"
    );
    assert!(town.config.home.join("keys/log-ed25519.key").exists());
    let (well, said) = town.says(&["audit"]).await;
    assert!(well && said.contains("密钥交接 1 份"), "{said}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Goal: a key that has ended is worth nothing. Method: a rotation without overlap; the witnesses have the new key from the statement of the
/// old one alone, and refuse what the old key signs; old files of keys need that statement and no trust in whoever brings it.
#[tokio::test]
async fn a_log_key_that_has_ended_signs_for_nobody() {
    let town = Town::open().await;
    let case = withdrawn(&town, 43_011).await;
    let before = proof(&town, &format!("/cases/{case}/proof")).await;
    let old_file = keys(&town).await;
    let said = rotate(&town, &["--overlap-days", "0"]).await;
    assert!(said.contains("旧签名密钥已到期退役"), "{said}");
    let keys_folder = town.config.home.join("keys");
    for name in ["log-ed25519.key", "log-sm2.key"] {
        assert!(
            !keys_folder.join(name).exists() && keys_folder.join("retired").join(name).exists()
        );
    }

    let later = withdrawn(&town, 43_012).await;
    let after = newer(&town, &format!("/cases/{later}/proof"), size_of(&before)).await;
    let published = keys(&town).await;
    let folder = folder("ended-key");
    let holds = |bundle: &Value, transitions| {
        verify_with(&folder, &bundle.to_string(), &old_file, transitions)
    };
    let (good, said) = holds(&after, None);
    assert!(!good && said.contains("transition"), "{said}");
    for bundle in [&before, &after] {
        let (good, said) = holds(bundle, Some(&published));
        assert!(good, "{said}");
    }

    // Whoever has stolen the old key signs a tree that goes on from ours, and no witness signs it.
    let stolen =
        Ed25519Key::open(keys_folder.join("retired/log-ed25519.key")).expect("the old key");
    let own = old_file.lines().next().and_then(|line| line.parse().ok());
    let own: anju_evidence::note::VerifierKey = own.expect("its public half");
    let tree = Checkpoint {
        origin: own.name.clone(),
        size: size_of(&after) + 1,
        root: [7; 32],
    };
    let text = tree.to_string();
    let note = format!("{text}\n{}", own.line(&stolen.sign(text.as_bytes())));
    let answer = reqwest::Client::new()
        .post(format!(
            "{}/witness/bank/add-checkpoint",
            town.config.outside_url
        ))
        .body(format!("old {}\n\n{note}", size_of(&after)))
        .send()
        .await
        .expect("the witness");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    // Nor does a change of keys count that nobody has signed whom they know.
    let line = published.lines().find(|line| transition::is_line(line));
    let answer = reqwest::Client::new()
        .post(format!(
            "{}/witness/bank/add-key-transition",
            town.config.outside_url
        ))
        .body(line.expect("a transition").to_owned())
        .send()
        .await
        .expect("the witness");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Goal: an end that was said too late is said again, and the former key leaves when it has come, without another rotation. Method: a change with
/// three days of overlap; `--retire` says when; `--overlap-days 1` makes it earlier; after that day `--retire` moves the key and nothing else.
#[tokio::test]
async fn the_end_of_a_log_key_is_brought_forward_and_the_key_retires_by_itself() {
    let town = Town::open().await;
    let case = withdrawn(&town, 43_031).await;
    let before = proof(&town, &format!("/cases/{case}/proof")).await;
    let old_file = keys(&town).await;
    let none = town.says(&["admin", "rotate-keys", "--retire"]).await;
    assert!(none.0 && none.1.contains("没有待退役"), "{}", none.1);
    let said = rotate(&town, &["--overlap-days", "3"]).await;
    assert!(
        said.contains("并签到") && said.contains("--retire"),
        "{said}"
    );
    let (done, said) = town.says(&["admin", "rotate-keys", "--retire"]).await;
    assert!(
        !done && said.contains("还不能退役") && said.contains("--overlap-days 0"),
        "{said}"
    );

    let said = rotate(&town, &["--overlap-days", "1"]).await;
    assert!(said.contains("改为并签到"), "{said}");
    let later = withdrawn(&town, 43_032).await;
    newer(&town, &format!("/cases/{later}/proof"), size_of(&before)).await;
    let published = keys(&town).await;
    let transitions = published.lines().filter(|line| transition::is_line(line));
    assert_eq!(transitions.count(), 2, "{published}");
    let ends: Vec<u64> = transition::read_keys(&published)
        .expect("a file of keys")
        .iter()
        .filter_map(|key| key.until)
        .collect();
    let until = *ends.first().expect("an end");
    let now = chrono::Utc::now().timestamp().unsigned_abs();
    assert!(
        ends.iter().all(|end| *end == until) && until < now + 90_000,
        "{ends:?}"
    );
    // The second saying is a leaf of its own; the first is not lost.
    let (status, body) = town
        .doors
        .plain("/tlog/keys/2/proof")
        .await
        .expect("a door");
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains(&format!("until {until}")), "{body}");

    town.later(24 * 60 + 1);
    let keys_folder = town.config.home.join("keys");
    let newest = |kind: &str| {
        std::fs::read_dir(&keys_folder)
            .expect("keys")
            .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
            .filter(|name| name.starts_with(kind))
            .count()
    };
    let data = newest("code");
    let (done, said) = town.says(&["admin", "rotate-keys", "--retire"]).await;
    assert!(done && said.contains("旧签名密钥已到期退役"), "{said}");
    assert!(keys_folder.join("retired/log-ed25519.key").exists());
    assert_eq!(newest("code"), data, "no other key has changed");
    let folder = folder("brought-forward");
    let (good, said) = verify_with(&folder, &before.to_string(), &old_file, Some(&published));
    assert!(good, "{said}");
    let (well, said) = town.says(&["audit"]).await;
    assert!(well && said.contains("密钥交接 2 份"), "{said}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// The same where even that would be too late: a key that may have been stolen ends now, and a new one begins.
#[tokio::test]
async fn a_change_under_way_is_ended_now_and_another_begins() {
    let town = Town::open().await;
    let case = withdrawn(&town, 43_041).await;
    proof(&town, &format!("/cases/{case}/proof")).await;
    rotate(&town, &[]).await;
    let said = rotate(&town, &["--overlap-days", "0"]).await;
    assert!(
        said.contains("改为并签到") && said.contains("存证日志第 3 代"),
        "{said}"
    );
    let retired = town.config.home.join("keys/retired");
    for name in ["log-ed25519.key", "log-ed25519-2.key"] {
        assert!(retired.join(name).exists(), "{name} is still held");
    }
    let later = withdrawn(&town, 43_042).await;
    proof(&town, &format!("/cases/{later}/proof")).await;
    let (well, said) = town.says(&["audit"]).await;
    assert!(well && said.contains("密钥交接 3 份"), "{said}");
}

/// Goal: numbers on paper are valid for ever, and new ones are no longer readable to who has the old key. Method: two rotations; a case of each
/// time is found by its number; who has only the first key reads the old number and not the new ones.
#[tokio::test]
async fn numbers_of_every_key_are_found_and_an_old_key_does_not_read_new_ones() {
    let mut town = Town::open().await;
    let (who, _) = tenant_of(&town, 43_021).await;
    let mut numbers = Vec::new();
    let case = submit(&town, &who).await;
    becomes(&town, &case, "done").await;
    numbers.push(text(&case, "case_id").expect("a number"));
    let old = folder("old-numbers");
    std::fs::create_dir_all(&old).expect("a folder");
    for entry in std::fs::read_dir(town.config.home.join("keys")).expect("keys") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, old.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    for seed in [43_022, 43_023] {
        let said = rotate(&town, &[]).await;
        assert!(said.contains("新编号从此由"), "{said}");
        // What the server still had in stock belongs to the key before; one that starts draws beyond the border.
        numbers.push(withdrawn(&town, seed).await);
        town.stop_server();
        // A connection that is kept open would still lead to the server before, which would be taken for the one that starts.
        town.doors = Doors::of(&town.config).expect("the demo key");
        town.start_server().await;
        numbers.push(withdrawn(&town, seed + 10).await);
    }
    let office = town.office().await;
    let thief = Vault::open_dir(&old).expect("the old keys").numbers();
    let mut ids = Vec::new();
    for number in &numbers {
        let answer = town
            .doors
            .get(&format!("/cases/{number}"))
            .await
            .expect("a door");
        assert_eq!(answer.status, StatusCode::OK, "{number}: {}", answer.body);
        let id = office
            .numbers
            .decode(NumberKind::Case, number)
            .expect("an id");
        assert_eq!(office.numbers.encode(NumberKind::Case, id), *number);
        ids.push(id);
    }
    let (first, last) = (numbers.first().expect("one"), numbers.last().expect("one"));
    assert_eq!(thief.decode(NumberKind::Case, first), ids.first().copied());
    assert_ne!(thief.decode(NumberKind::Case, last), ids.last().copied());
    // The person's own number and account are found as before.
    look_up(&town.doors, &who).await.expect("known");
    replayed(&town);
    std::fs::remove_dir_all(&old).expect("removed");
}
