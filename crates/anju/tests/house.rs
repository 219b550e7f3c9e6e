//! What holds for the whole house: SQL fits the schema, only the ledger writes money, arrows point down, folders say
//! what lives in them, and a promise that is called done names its test.

#[path = "town/database.rs"]
mod database;
#[path = "house/refusals.rs"]
mod refusals;
#[path = "house/sources.rs"]
mod sources;
#[path = "house/supply.rs"]
mod supply;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use sources::{Source, Statement};

/// A file longer than this has two reasons to change.
const LINES_MAX: usize = 720;

/// From the bottom up; an arrow points from a later to an earlier row, never inside one.
const FLOORS: &[&[&str]] = &[
    &["anju-domain", "anju-vault"],
    &["anju-policy", "anju-evidence", "anju-wire", "anju-paper"],
    &["anju-ledger"],
    &["anju-casework"],
    &["anju-business"],
    &["anju-exchange"],
    &["anju-engine", "anju-outside"],
    &["anju-portal"], // wakes the engine when a case was submitted
    &["anju"],
];

/// What the outside world may know: it shares no logic with the product.
const OUTSIDE_MAY_USE: &[&str] = &["anju-domain", "anju-vault", "anju-wire"];

#[tokio::test]
async fn every_statement_fits_the_migrated_schema() {
    let database = database::TestDatabase::fresh().await;
    let mut connection = database.owner().await;
    let statements: Vec<Statement> = sources::product()
        .iter()
        .flat_map(Source::statements)
        .collect();
    assert!(statements.len() > 20, "the statements were not found");

    // Temporary tables first, since other statements name them; the transaction keeps and then forgets them.
    connection.execute("BEGIN").await.expect("a transaction");
    let mut wrong = Vec::new();
    let (temporary, rest): (Vec<_>, Vec<_>) = statements
        .iter()
        .partition(|statement| statement.sql.starts_with("CREATE TEMP"));
    for (make, statement) in temporary
        .iter()
        .map(|found| (true, found))
        .chain(rest.iter().map(|found| (false, found)))
    {
        connection
            .execute("SAVEPOINT statement")
            .await
            .expect("a savepoint");
        let sql = AssertSqlSafe(statement.sql.clone()).into_sql_str();
        let outcome = if make {
            connection.execute(sql).await.map(drop)
        } else {
            connection.prepare(sql).await.map(drop)
        };
        if let Err(error) = outcome {
            wrong.push(format!("{}: {error}\n{}", statement.place, statement.sql));
            connection
                .execute("ROLLBACK TO statement")
                .await
                .expect("the savepoint");
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        statements.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn only_the_ledger_writes_money() {
    let migration = sources::root().join("migrations/0002_ledger.sql");
    let text = fs::read_to_string(migration).expect("the ledger's migration");
    let money: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "))
        .filter_map(|rest| rest.split([' ', '(']).next())
        .collect();
    assert!(
        money.contains(&"posting") && money.contains(&"ledger_account"),
        "{money:?}"
    );

    let mut wrong = Vec::new();
    for source in sources::product() {
        if source.path.starts_with("crates/ledger") {
            continue;
        }
        for statement in source.all_sql() {
            let words: Vec<&str> = statement
                .sql
                .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                .filter(|word| !word.is_empty())
                .collect();
            for (at, word) in words.iter().enumerate() {
                let table = match word.to_ascii_uppercase().as_str() {
                    "INTO" | "FROM" if at > 0 && writes(words[at - 1]) => words.get(at + 1),
                    "UPDATE" | "TRUNCATE" | "COPY" => words.get(at + 1),
                    _ => None,
                };
                // A partition carries its table's name in front.
                let table = table
                    .map(|table| table.to_ascii_lowercase())
                    .unwrap_or_default();
                if money
                    .iter()
                    .any(|name| table == *name || partition_of(name, &table))
                {
                    wrong.push(format!("{} writes {table}", statement.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn writes(verb: &str) -> bool {
    ["INSERT", "MERGE", "DELETE"]
        .iter()
        .any(|known| verb.eq_ignore_ascii_case(known))
}

fn partition_of(name: &str, table: &str) -> bool {
    table
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

#[test]
fn arrows_only_point_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(sources::root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let floor: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, names)| names.iter().map(move |name| (*name, floor)))
        .collect();

    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let Some(own) = floor.get(name) else {
            wrong.push(format!("{name} has no floor"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if dependency["kind"] == "dev" {
                continue; // a test may meet both ends
            }
            let other = dependency["name"].as_str().expect("a name");
            let Some(below) = floor.get(other) else {
                continue;
            };
            let outside = name == "anju-outside" && !OUTSIDE_MAY_USE.contains(&other);
            let linked = other == "anju-outside" && name != "anju";
            if below >= own || outside || linked {
                wrong.push(format!("{name} → {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_says_what_lives_in_it_and_no_file_is_long() {
    let mut wrong = Vec::new();
    for source in sources::all() {
        if !source.is_rust() {
            continue;
        }
        let lines = source.text.lines().count();
        if lines > LINES_MAX && source.path.contains("/src/") {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
        let head = ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .any(|name| source.path.ends_with(name));
        if head && !source.text.starts_with("//!") {
            wrong.push(format!("{}: no head", source.path));
        }
        let folder = Path::new(&source.path)
            .parent()
            .expect("a file lies in a folder");
        let in_src = folder.components().any(|part| part.as_os_str() == "src");
        let opened = ["mod.rs", "lib.rs", "main.rs"]
            .iter()
            .any(|name| sources::root().join(folder).join(name).exists())
            || sources::root().join(folder).with_extension("rs").exists();
        if in_src && !opened {
            wrong.push(format!("{}: nothing opens this folder", folder.display()));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_promise_that_is_done_names_a_test() {
    #[derive(serde::Deserialize)]
    struct Promise {
        id: String,
        state: String,
        test: String,
    }
    let path = sources::root().join("docs/promises.csv");
    let promises: Vec<Promise> = csv::Reader::from_path(path)
        .expect("docs/promises.csv")
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("its columns");
    assert_eq!(promises.len(), 56);

    let tests = sources::tests();
    let mut wrong = Vec::new();
    for promise in promises {
        match promise.state.as_str() {
            "open" => {}
            "part" | "done" if promise.test.is_empty() => {
                wrong.push(format!("{} names no test", promise.id));
            }
            "part" | "done" => wrong.extend(
                promise
                    .test
                    .split(' ')
                    .filter(|test| !tests.contains(*test))
                    .map(|test| format!("{}: there is no test {test}", promise.id)),
            ),
            other => wrong.push(format!("{}: no such state {other}", promise.id)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Machines of contribution.md and where their states stand in the program.
const MACHINES: [(&str, &str, &str); 19] = [
    ("employer", "casework/src/employer.rs", "mod state"),
    ("account", "casework/src/membership.rs", "mod state"),
    ("transfer", "casework/src/membership.rs", "mod state"),
    (
        "waiting_transfer",
        "business/src/contribution/transfer_request.rs",
        "mod state",
    ),
    ("freeze", "business/src/court/mod.rs", "mod state"),
    (
        "remittance",
        "business/src/contribution/remittance.rs",
        "mod state",
    ),
    (
        "collection_order",
        "business/src/contribution/collection/order.rs",
        "mod state",
    ),
    (
        "debit_contract",
        "business/src/contribution/collection/contract.rs",
        "mod state",
    ),
    (
        "receipt",
        "business/src/contribution/receipt.rs",
        "mod receipt_state",
    ),
    (
        "late_credit",
        "business/src/contribution/late_credit.rs",
        "mod state",
    ),
    ("refund", "business/src/contribution/refund.rs", "mod state"),
    (
        "correction",
        "business/src/contribution/correction.rs",
        "mod state",
    ),
    (
        "branch_move",
        "business/src/contribution/branch_move.rs",
        "mod state",
    ),
    (
        "relief",
        "business/src/contribution/relief/mod.rs",
        "mod state",
    ),
    (
        "flexible",
        "business/src/contribution/flexible/agreement.rs",
        "mod state",
    ),
    (
        "enforcement",
        "business/src/contribution/enforcement/mod.rs",
        "mod state",
    ),
    (
        "credit_referral",
        "business/src/contribution/credit/mod.rs",
        "mod state",
    ),
    ("transfer_in", "business/src/remote/letter.rs", "enum State"),
    (
        "transfer_out",
        "business/src/remote/letter.rs",
        "enum State",
    ),
];

/// The states that the program knows of a machine, as the table writes them.
fn states(path: &str, head: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(sources::root().join("crates").join(path)).expect(path);
    let begin = text.find(&format!("pub {head} {{")).expect(head);
    let body = &text[begin..begin + text[begin..].find("\n}").expect("an end")];
    let word = |line: &str| {
        let line = line.trim();
        if let Some(named) = line.strip_prefix("pub const ") {
            return named.split(':').next().map(str::to_lowercase);
        }
        let variant = line
            .strip_suffix(',')
            .filter(|line| line.chars().all(char::is_alphanumeric))?;
        let mut snake = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        Some(snake)
    };
    body.lines().skip(1).filter_map(word).collect()
}

#[test]
fn every_state_of_a_contribution_machine_is_walked_by_a_test() {
    #[derive(serde::Deserialize)]
    struct Row {
        machine: String,
        from: String,
        event: String,
        to: String,
        test: String,
    }
    let path = sources::root().join("docs/contribution_states.csv");
    let rows: Vec<Row> = csv::Reader::from_path(path)
        .expect("docs/contribution_states.csv")
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("its columns");
    let tests = sources::tests();
    let all = sources::all();
    // A test that walks into a refusal says its code, or the condition's.
    let says = |test: &str, code: &str| {
        all.iter().any(|source| {
            source.text.contains(&format!("fn {test}("))
                && source
                    .text
                    .contains(code.strip_prefix("E-").unwrap_or(code))
        })
    };
    let mut wrong = Vec::new();
    let mut walked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &rows {
        let named = format!("{} {} -{}-> {}", row.machine, row.from, row.event, row.to);
        if !tests.contains(&row.test) {
            wrong.push(format!("{named}: there is no test {}", row.test));
        }
        let Some((_, file, head)) = MACHINES.iter().find(|(name, _, _)| *name == row.machine)
        else {
            wrong.push(format!("{named}: no such machine"));
            continue;
        };
        let known = states(file, head);
        let is_refusal = row.to.starts_with("E-");
        for state in [&row.from, &row.to] {
            if state != "none" && !state.starts_with("E-") && !known.contains(state) {
                wrong.push(format!("{named}: no state {state}"));
            }
        }
        if is_refusal && !says(&row.test, &row.to) {
            wrong.push(format!("{named}: its test does not say the code"));
        }
        walked
            .entry(&row.machine)
            .or_default()
            .extend([row.from.as_str(), row.to.as_str()]);
    }
    for (machine, file, head) in MACHINES {
        let known = states(file, head);
        let none = BTreeSet::new();
        let mut here = walked.get(machine).unwrap_or(&none).clone();
        // One enum for both sides of a transfer between cities.
        if machine.starts_with("transfer_") {
            for side in ["transfer_in", "transfer_out"] {
                here.extend(walked.get(side).unwrap_or(&none));
            }
        }
        wrong.extend(
            known
                .iter()
                .filter(|state| !here.contains(state.as_str()))
                .map(|state| format!("{machine}: no row walks {state}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
