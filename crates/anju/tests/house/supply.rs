//! What comes from others, and what docs/security.md says: licences, digests, tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::sources;

/// Licences that a public body may build on without asking: permissive ones, and MPL-2.0, which binds its own files alone.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The words of a row that says how far a requirement is met.
const STATES: &[&str] = &["held", "part", "open", "design", "operator"];

#[test]
fn every_library_has_a_licence_of_the_list() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        // What is built here: libraries for other systems need not have been fetched.
        .arg("--filter-platform")
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(sources::root())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "the libraries were not found");
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}", package["name"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether an SPDX expression can be met: all of what AND joins, one of what OR joins.
fn allowed(expression: &str) -> bool {
    let expression = expression.trim();
    let parts = |word: &str| split(expression, word);
    if let [_, _, ..] = parts(" AND ").as_slice() {
        return parts(" AND ").into_iter().all(allowed);
    }
    for word in [" OR ", "/"] {
        if let [_, _, ..] = parts(word).as_slice() {
            return parts(word).into_iter().any(allowed);
        }
    }
    match expression
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(inner) => allowed(inner),
        None => LICENCES.contains(&expression),
    }
}

/// Splits where no parenthesis is open.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && at >= from && text[at..].starts_with(word) {
            parts.push(&text[from..at]);
            from = at + word.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

#[test]
fn licences_are_read_as_spdx_writes_them() {
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
    ] {
        assert!(allowed(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR AGPL-3.0) AND MIT",
    ] {
        assert!(!allowed(bad), "{bad}");
    }
}

#[test]
fn every_library_comes_from_the_registry_with_its_digest() {
    let text = fs::read_to_string(sources::root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = text.parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        match package.get("source").and_then(|source| source.as_str()) {
            // Ours.
            None => {
                if !name.starts_with("anju") {
                    wrong.push(format!("{name} has no source"));
                }
            }
            Some(source) => {
                let digest = package.get("checksum").and_then(|digest| digest.as_str());
                if !source.starts_with("registry+") || digest.is_none_or(|text| text.len() != 64) {
                    wrong.push(format!("{name} from {source}, digest {digest:?}"));
                }
            }
        }
    }
    assert!(
        packages.len() > 100 && wrong.is_empty(),
        "{}",
        wrong.join("\n")
    );
}

#[test]
fn every_line_of_the_security_table_names_tests_that_exist() {
    let text = fs::read_to_string(sources::root().join("docs/security.md")).expect("the table");
    let tests = sources::tests();
    let (mut wrong, mut seen, mut in_table) = (Vec::new(), BTreeSet::new(), false);
    for line in text.lines() {
        if line.starts_with("| requirement |") {
            in_table = true;
            continue;
        }
        if !line.starts_with('|') {
            in_table = false;
        }
        if !in_table || line.starts_with("|---") {
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [requirements, _, named, state] = cells.as_slice() else {
            wrong.push(format!("not four cells: {line}"));
            continue;
        };
        for requirement in requirements.split(", ") {
            let right = requirement.split('.').count() == 3
                && requirement
                    .split('.')
                    .all(|part| part.parse::<u8>().is_ok());
            if !right || !seen.insert(requirement.to_owned()) {
                wrong.push(format!("{requirement}: no requirement, or twice"));
            }
        }
        // Code spans: every second piece between backticks.
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        for test in &named {
            if !tests.contains(*test) {
                wrong.push(format!("{requirements}: there is no test {test}"));
            }
        }
        if !STATES.contains(state) || (*state == "held" && named.is_empty()) {
            wrong.push(format!(
                "{requirements}: {state} with {} tests",
                named.len()
            ));
        }
    }
    assert!(seen.len() > 200, "{} requirements", seen.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
