//! `anju bench` as a person runs it: on a tiny book, untimed; what is looked at is the shape of its answer, not its figures.

use std::process::Command;

use serde_json::Value;

use crate::database::server;

#[tokio::test]
async fn the_bench_prints_each_row_beside_its_reference_and_leaves_a_sound_book() {
    let url = server().await;
    let rows = ["R3", "R4", "R5", "R6", "R7", "R8", "R12", "R13"];
    let output = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_anju"))
            .arg("bench")
            .args(rows)
            .args(["--accounts", "200", "--json"])
            .env("DATABASE_URL", url)
            .env(
                "ANJU_POLICY",
                concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy"),
            )
            .output()
            .expect("the binary")
    })
    .await
    .expect("the command");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(report["accounts"], 200);
    assert!(
        report["machine"]["cores"]
            .as_u64()
            .is_some_and(|cores| cores > 0)
    );
    assert_eq!(report["audit_breaches"], serde_json::json!([]));
    let shown = report["rows"].as_array().expect("rows");
    for name in rows {
        let row = shown
            .iter()
            .find(|row| row["row"] == name)
            .unwrap_or_else(|| panic!("{name} is missing in {report}"));
        for field in ["ours", "reference", "ratio", "reach", "aim"] {
            assert!(row[field].is_number(), "{name} has no {field}: {row}");
        }
        assert!(row["unit"].is_string(), "{row}");
    }
}

#[test]
fn an_unknown_row_is_named_and_nothing_is_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_anju"))
        .args(["bench", "R99"])
        .env("DATABASE_URL", "postgres:///nowhere?host=/nowhere")
        .output()
        .expect("the binary");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("R99"));
}
