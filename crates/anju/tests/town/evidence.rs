//! The evidence log, over the doors: what a citizen carries away holds for anybody, and what was rolled back is found.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anju::cast::{look_up, text};
use anju_evidence::note::VerifierKey;
use anju_evidence::proof::Bundle;
use anju_evidence::record::leaf_hash;
use anju_evidence::tree;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::town::{Town, tenant_of};
use crate::withdrawal::submit;

/// The proof behind a door, once it is sealed and witnessed.
pub async fn proof(town: &Town, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = town.doors.get(path).await.expect("a door");
        if answer.status == StatusCode::OK {
            return answer.body;
        }
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        assert!(Instant::now() < deadline, "{path} is not sealed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub async fn keys(town: &Town) -> String {
    let (status, keys) = town.doors.plain("/tlog/keys").await.expect("keys");
    assert_eq!(status, StatusCode::OK);
    keys
}

fn read_keys(text: &str) -> Vec<VerifierKey> {
    text.lines()
        .map(|line| line.parse().expect("a key"))
        .collect()
}

/// A rent withdrawal of somebody; its number.
pub async fn withdrawn(town: &Town, seed: i64) -> String {
    let (who, _) = tenant_of(town, seed).await;
    let case = submit(town, &who).await;
    text(&case, "case_id").expect("a number")
}

fn verify(folder: &PathBuf, bundle: &str, keys: &str) -> (bool, String) {
    verify_with(folder, bundle, keys, None)
}

/// The same with what the centre says of its changes of keys.
pub fn verify_with(
    folder: &PathBuf,
    bundle: &str,
    keys: &str,
    transitions: Option<&str>,
) -> (bool, String) {
    verify_bytes(folder, bundle.as_bytes(), keys, transitions)
}

/// The same for a file that need not be text.
pub fn verify_bytes(
    folder: &PathBuf,
    bundle: &[u8],
    keys: &str,
    transitions: Option<&str>,
) -> (bool, String) {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("proof.json"), bundle).expect("written");
    std::fs::write(folder.join("keys.txt"), keys).expect("written");
    let mut arguments = vec!["verify", "proof.json", "--keys", "keys.txt"];
    if let Some(text) = transitions {
        std::fs::write(folder.join("transitions.txt"), text).expect("written");
        arguments.extend(["--transitions", "transitions.txt"]);
    }
    // No home, no database, no network: only the files.
    let ran = Command::new(env!("CARGO_BIN_EXE_anju"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("it runs");
    (
        ran.status.success(),
        String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr),
    )
}

#[tokio::test]
async fn a_citizen_carries_a_proof_away_and_anybody_verifies_it_offline() {
    let town = Town::open().await;
    let case = withdrawn(&town, 41_001).await;
    let bundle = proof(&town, &format!("/cases/{case}/proof")).await;
    assert_eq!(bundle["format"], "anju-proof/1");
    assert_eq!(bundle["record"]["case"], json!(case));
    let keys = keys(&town).await;
    let folder = std::env::temp_dir().join(format!("anju-verify-{}", std::process::id()));
    let (holds, said) = verify(&folder, &bundle.to_string(), &keys);
    assert!(holds, "{said}");
    assert!(
        said.contains("Ed25519 和 SM2") && said.contains("audit.example"),
        "{said}"
    );
    assert!(
        said.contains("年") && !said.contains("+08:00"),
        "times are civil ones: {said}"
    );
    // What it proves is said before the verdict: it may be of another case than the one that was asked for.
    let about = said
        .find(&format!("凭据说的是：办件 {case} 的第 "))
        .expect("it is named");
    assert!(
        about < said.find("这份凭据是真的").expect("a verdict"),
        "{said}"
    );

    let lost = Command::new(env!("CARGO_BIN_EXE_anju"))
        .args(["verify", "proof.json", "--keys", "nowhere.txt"])
        .current_dir(&folder)
        .env_clear()
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&lost.stderr);
    assert!(
        said.contains("读不到公钥文件 nowhere.txt：没有这个文件"),
        "{said}"
    );

    // The same case with another end: the leaf is named.
    let altered = bundle.to_string().replace("\"seq\":", "\"seq\":1");
    let (holds, said) = verify(&folder, &altered, &keys);
    assert!(
        !holds && said.contains(&format!("第 {} 片", bundle["index"])),
        "{said}"
    );
    // The centre alone does not prove anything.
    let own: String = keys
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let (holds, said) = verify(&folder, &bundle.to_string(), &own);
    assert!(!holds && said.contains("见证人"), "{said}");

    // Each earlier step has a proof of its own; a step that was not taken has none.
    let first = proof(&town, &format!("/cases/{case}/proof?event=1")).await;
    assert_eq!(first["record"]["seq"], 1);
    let none = town
        .doors
        .get(&format!("/cases/{case}/proof?event=99"))
        .await
        .expect("a door");
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn an_allocation_is_proved_whole_and_line_by_line() {
    let town = Town::open().await;
    let (who, _) = tenant_of(&town, 41_002).await;
    let remittance: i64 = town.sql("SELECT max(remittance_id) FROM remittance").await;
    let office = town.office().await;
    let no = office
        .numbers
        .encode(anju_vault::NumberKind::Remittance, remittance);
    let keys = read_keys(&keys(&town).await);

    let whole = proof(&town, &format!("/remittances/{no}/proof")).await;
    assert_eq!(whole["record"]["amount_fen"], 240_000);
    assert_eq!(whole["batch"]["size"], 2);
    let person = look_up(&town.doors, &who).await.expect("known");
    let accounts = town
        .doors
        .get(&format!("/people/{person}/accounts"))
        .await
        .expect("a door")
        .ok()
        .expect("accounts");
    let account = text(&accounts[0], "account_no").expect("a number");
    let line = proof(&town, &format!("/remittances/{no}/proof?account={account}")).await;
    assert_eq!(line["record"]["account"], json!(account));
    assert_eq!(line["record"]["employee_fen"], 120_000);
    for bundle in [&whole, &line] {
        let bundle = Bundle::parse(bundle.to_string().as_bytes()).expect("a bundle");
        bundle.verify(&keys).expect("it holds");
    }
}

#[tokio::test]
async fn the_log_is_served_as_tiles_that_anybody_can_add_up() {
    let town = Town::open().await;
    let case = withdrawn(&town, 41_003).await;
    proof(&town, &format!("/cases/{case}/proof")).await;
    let (_, note) = town.doors.plain("/tlog/checkpoint").await.expect("a note");
    let lines: Vec<&str> = note.lines().collect();
    let size: usize = lines[1].parse().expect("a size");
    assert!((10..256).contains(&size), "{note}");

    let bytes = town
        .doors
        .bytes(&format!("/tlog/tile/entries/000.p/{size}"))
        .await
        .expect("entries");
    let (mut rest, mut leaves) = (&bytes[..], Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (entry, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
        leaves.push(leaf_hash(entry));
        rest = tail;
    }
    assert_eq!(leaves.len(), size);
    let hashes = town
        .doors
        .bytes(&format!("/tlog/tile/0/000.p/{size}"))
        .await
        .expect("hashes");
    assert_eq!(hashes, leaves.concat());
    let signed = anju_evidence::note::open(&note, &read_keys(&keys(&town).await))
        .expect("signed")
        .checkpoint
        .root;
    assert_eq!(signed, tree::root(&leaves));

    for beyond in [
        format!("/tlog/tile/0/000.p/{}", size + 50),
        "/tlog/tile/0/001".to_owned(),
        "/tlog/tile/0/0".to_owned(),
        "/tlog/tile/64/000".to_owned(),
        "/tlog/tile/entries/000.p/256".to_owned(),
    ] {
        let (status, _) = town.doors.plain(&beyond).await.expect("an answer");
        assert_eq!(status, StatusCode::NOT_FOUND, "{beyond}");
    }
}

/// F11, second half: an old copy of the database goes on where the witnesses have seen more.
#[tokio::test]
async fn an_old_copy_of_the_log_is_found_by_its_witnesses() {
    let mut town = Town::open().await;
    let case = withdrawn(&town, 41_004).await;
    proof(&town, &format!("/cases/{case}/proof")).await;
    let mut owner = town.database.owner().await;
    // The copy.
    for table in ["evidence_leaf", "evidence_tile", "log_head", "checkpoint"] {
        let copy = sqlx::AssertSqlSafe(format!("CREATE TABLE old_{table} AS TABLE {table}"));
        sqlx::raw_sql(copy)
            .execute(&mut owner)
            .await
            .expect("copied");
    }
    let later = withdrawn(&town, 41_005).await;
    let witnessed = proof(&town, &format!("/cases/{later}/proof")).await;
    let keys = read_keys(&keys(&town).await);
    let carried_away = Bundle::parse(witnessed.to_string().as_bytes()).expect("a bundle");
    // Back to the copy, in one moment.
    let mut tx = owner.begin().await.expect("begun");
    for table in ["evidence_leaf", "evidence_tile", "log_head", "checkpoint"] {
        let back = format!("TRUNCATE {table}; INSERT INTO {table} TABLE old_{table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(back))
            .execute(&mut *tx)
            .await
            .expect("restored");
    }
    tx.commit().await.expect("back");

    // What is sealed now is published by nobody, however long one waits, and whoever asks hears why.
    withdrawn(&town, 41_006).await;
    let newest = withdrawn(&town, 41_008).await;
    let path = format!("/cases/{newest}/proof");
    let refused = refused(&town, &path).await;
    assert_eq!(refused["code"], "E-EVID-02", "{refused}");
    let detail = refused["detail"].as_str().expect("a text");
    assert!(
        detail.contains("见证人") && detail.contains("等待也不会好"),
        "{detail}"
    );
    let before = size_of(&carried_away.checkpoint);
    let (_, metrics) = town.doors.plain("/metrics").await.expect("the metrics");
    assert!(metrics.contains("evidence_fork 2"), "{metrics}");
    let (well, said) = town.says(&["audit"]).await;
    assert!(
        !well && said.contains("已签到") && said.contains("见证人 "),
        "{said}"
    );

    // Nor is it forgotten when the log has become as long again, or the server was started again.
    while usize::try_from(town.sql("SELECT size FROM log_head").await).expect("a size") <= before {
        withdrawn(&town, 41_010 + town.sql("SELECT size FROM log_head").await).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
    }
    town.stop_server();
    town.doors = anju::doors::Doors::of(&town.config).expect("the demo key");
    town.start_server().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let refused = self::refused(&town, &path).await;
    assert_eq!(refused["code"], "E-EVID-02", "{refused}");
    let (_, note) = town.doors.plain("/tlog/checkpoint").await.expect("a note");
    assert!(size_of(&note) < before, "a fork is published: {note}");
    // The citizen's proof holds for ever.
    carried_away.verify(&keys).expect("it holds");
}

/// What a proof's door says when it refuses, once it does.
async fn refused(town: &Town, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = town.doors.get(path).await.expect("a door");
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            return answer.body;
        }
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        assert!(Instant::now() < deadline, "{path} waits for ever");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn size_of(note: &str) -> usize {
    let size = note.lines().nth(1).and_then(|size| size.parse().ok());
    size.expect("a size")
}

/// Goal: nobody is asked to wait for ever. Method: a server whose witnesses do not answer; the clock moves past policy's minutes.
#[tokio::test]
async fn who_waits_too_long_for_a_witness_is_told() {
    let mut town = Town::open().await;
    let earlier = withdrawn(&town, 41_009).await;
    let earlier = format!("/cases/{earlier}/proof");
    proof(&town, &earlier).await;
    town.stop_server();
    let file = town.config.home.join("keys/witnesses");
    let witnesses = std::fs::read_to_string(&file).expect("the witnesses");
    std::fs::write(&file, witnesses.replace(" /", " http://127.0.0.1:9/")).expect("written");
    town.doors = anju::doors::Doors::of(&town.config).expect("the demo key");
    town.start_server().await;

    let case = withdrawn(&town, 41_010).await;
    let path = format!("/cases/{case}/proof");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waits = town.doors.get(&path).await.expect("a door");
    assert_eq!(waits.status, StatusCode::ACCEPTED, "{}", waits.body);
    town.later(11);
    let refused = refused(&town, &path).await;
    assert_eq!(refused["code"], "E-EVID-03", "{refused}");
    let detail = refused["detail"].as_str().expect("a text");
    assert!(detail.contains("10 分钟"), "{detail}");
    // What was witnessed before is handed out as ever.
    proof(&town, &earlier).await;
}
