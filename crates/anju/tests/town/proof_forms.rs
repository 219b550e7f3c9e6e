//! Proofs as files: what `anju verify` reads and refuses, in the cases that the page `/verify` walks too, and the proof of a journal.

use std::fs;
use std::path::Path;

use anju::start::{demo, office};
use anju_evidence::record::sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::books::exported;
use crate::evidence::{keys, proof, verify_bytes};
use crate::town::{Town, tenant_of};
use crate::withdrawal::{becomes, submit};

/// Goal: the command and the page never disagree on what a proof is. Method: the table of crates/evidence/tests/forms/main.rs, which holds the
/// forms that docs/evidence.md allows and refuses; browser/verify.test.mjs walks the same.
#[test]
fn the_command_reads_the_forms_of_proofs_that_the_document_allows_and_no_other() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../evidence/tests/forms.json");
    let table: Value =
        serde_json::from_str(&fs::read_to_string(file).expect("the table")).expect("JSON");
    let folder = std::env::temp_dir().join(format!("anju-proof-forms-{}", std::process::id()));
    let mut wrong = Vec::new();
    for case in table["cases"].as_array().expect("cases") {
        let text = |name: &str| case[name].as_str();
        let mut bundle = match text("bundle_base64") {
            Some(bytes) => BASE64.decode(bytes).expect("Base64"),
            None => text("bundle").expect("a bundle").as_bytes().to_vec(),
        };
        if let Some(size) = case["filled_to"].as_u64() {
            bundle.resize(usize::try_from(size).expect("small"), b' ');
        }
        let keys = text("keys").or(table["keys"].as_str()).expect("keys");
        let (holds, said) = verify_bytes(&folder, &bundle, keys, text("transitions"));
        let says = |name: &str| said.contains(text(name).unwrap_or_default());
        // Whoever is refused is told why in his language, and is shown no more of a file than the beginning of a line.
        let serde = ["missing field", "expected", "line 1 column", "invalid"];
        let told = !serde.iter().any(|word| said.contains(word)) && said.chars().count() < 600;
        if Value::Bool(holds) != case["holds"] || !says("says") || !says("says_too") || !told {
            wrong.push(format!("{}: {said}", case["name"]));
        }
    }
    fs::remove_dir_all(&folder).expect("removed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An auditor has a journal of the exported books before him, and its day is closed: the log has it, and the postings are those.
#[tokio::test]
async fn a_journal_of_a_closed_day_is_proved_and_its_postings_are_read_again() {
    let town = Town::open().await;
    let (who, _) = tenant_of(&town, 41_020).await;
    becomes(&town, &submit(&town, &who).await, "done").await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    let day = demo::close_day(&engine).await.expect("the day is closed");
    let table = exported(&town, "csv", day, day);
    let line = table
        .lines()
        .find(|line| line.contains(",A"))
        .expect("a journal");
    let journal = line.split(',').nth(1).expect("its number");

    let bundle = proof(&town, &format!("/books/days/{day}/proof?journal={journal}")).await;
    assert_eq!(bundle["record"]["kind"], "journal");
    assert_eq!(bundle["record"]["journal"], journal);
    let keys = keys(&town).await;
    let folder = std::env::temp_dir().join(format!("anju-journal-{}", std::process::id()));
    let (holds, said) = verify_bytes(&folder, bundle.to_string().as_bytes(), &keys, None);
    assert!(
        holds && said.contains(&format!("{day} 的凭证 {journal}")),
        "{said}"
    );
    let text = town
        .doors
        .file(&format!("/books/days/{day}/journals/{journal}"))
        .await
        .expect("the postings");
    let digest: String = sha256(&text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(bundle["record"]["sha256"], digest.as_str());
    let lines = String::from_utf8(text).expect("text").lines().count();
    assert_eq!(bundle["record"]["lines"], lines);

    // The whole day is another record under the same leaf; a journal of another day is not in it.
    let whole = proof(&town, &format!("/books/days/{day}/proof")).await;
    assert_eq!(
        (&whole["index"], &whole["record"]["kind"]),
        (&bundle["index"], &Value::from("day"))
    );
    let before = day.pred_opt().expect("a day");
    for none in [
        format!("/books/days/{before}/proof?journal={journal}"),
        format!("/books/days/{before}/journals/{journal}"),
        format!("/books/days/{day}/proof?journal=A0000000000000"),
        format!("/books/days/{day}/journals/A0000000000000"),
    ] {
        let answer = town.doors.get(&none).await.expect("a door");
        assert_eq!(answer.status.as_u16(), 404, "{none}");
    }
    fs::remove_dir_all(&folder).expect("removed");
}
