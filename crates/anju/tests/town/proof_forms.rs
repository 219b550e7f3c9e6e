//! Proofs as files: what `anju verify` reads and refuses, in the cases that the page `/verify` walks too.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::evidence::verify_bytes;

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
