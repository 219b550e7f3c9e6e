//! The books for others: hledger and Beancount read them and come to our trial balance, to the fen.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anju::cast::contribute;
use anju::start::{demo, office};
use chrono::{Days, NaiveDate};
use serde_json::Value;

use crate::town::{Town, month, tenant_of};
use crate::withdrawal::{becomes, submit};

/// What `anju export` prints of this town.
pub fn exported(town: &Town, format: &str, from: NaiveDate, to: NaiveDate) -> String {
    let output = town
        .command(&["export", "--format", format])
        .args(["--from", &from.to_string(), "--to", &to.to_string()])
        .output()
        .expect("the binary");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Code and closing balance of every subject that has one, + debit, as `1234.50`.
pub async fn trial_balance(town: &Town, date: NaiveDate) -> Vec<(String, String)> {
    let answer = town
        .doors
        .get(&format!("/books/trial-balance?date={date}"))
        .await
        .expect("a door")
        .ok()
        .expect("a trial balance");
    let credit = ["2", "3", "40"]; // liabilities, net worth, income
    let mut balances: Vec<(String, String)> = answer["subjects"]
        .as_array()
        .expect("subjects")
        .iter()
        .map(|line| {
            let code = line["code"].as_str().expect("a code").to_owned();
            let own = line["closing_fen"].as_i64().expect("fen");
            let sign = if credit.iter().any(|begin| code.starts_with(begin)) {
                -1
            } else {
                1
            };
            (code, own * sign)
        })
        .filter(|(_, fen)| *fen != 0)
        .map(|(code, fen)| {
            let sign = if fen < 0 { "-" } else { "" };
            let (yuan, rest) = (fen.abs() / 100, fen.abs() % 100);
            (code, format!("{sign}{yuan}.{rest:02}"))
        })
        .collect();
    balances.sort();
    balances
}

/// A program reads a journal from its standard input or from a file; its output, or what it objects to.
fn judge(program: &Path, arguments: &[&str], journal: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    stdin
        .write_all(journal.as_bytes())
        .expect("the journal is taken");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("UTF-8"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// hledger and bean-check as `./test` installs them; nothing where it did not run.
fn judges() -> Option<(PathBuf, PathBuf)> {
    let Some(tools) = std::env::var_os("ANJU_TOOLS") else {
        println!("ANJU_TOOLS is not set: hledger and Beancount did not judge our books");
        return None;
    };
    Some((
        PathBuf::from("hledger"),
        Path::new(&tools).join("venv/bin/bean-check"),
    ))
}

/// Goal: whoever keeps his books with hledger or Beancount gets ours, whole and from any day on. Method: two business days of
/// contributions, a withdrawal and its payment; the whole and the second day alone are read by both programs and compared with the
/// trial balance of the last day.
#[tokio::test]
async fn hledger_and_beancount_come_to_our_trial_balance() {
    let town = Town::open().await;
    let (li, employer) = tenant_of(&town, 71).await;
    becomes(&town, &submit(&town, &li).await, "done").await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("two accountants");
    let first = demo::close_day(&engine).await.expect("the day is closed");
    // After the close everything is booked into the next day.
    let next_day: Value = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("the open day");
    let second: NaiveDate = next_day["date"]
        .as_str()
        .expect("a date")
        .parse()
        .expect("a date");
    contribute(&town.doors, &employer, month(0), std::slice::from_ref(&li))
        .await
        .expect("a month");
    let expected = trial_balance(&town, second).await;
    assert!(expected.len() >= 2, "the books are not empty: {expected:?}");

    for from in [first, second] {
        let table = exported(&town, "csv", from, second);
        let mut sums = BTreeMap::<String, i64>::new();
        for row in csv::Reader::from_reader(table.as_bytes()).records() {
            let row = row.expect("a row");
            let code = row[3].split('-').next().expect("a code").to_owned();
            let fen: i64 = row[9].replace('.', "").parse().expect("yuan");
            *sums.entry(code).or_default() += fen;
        }
        sums.retain(|_, fen| *fen != 0);
        let expected_fen: BTreeMap<String, i64> = expected
            .iter()
            .map(|(code, yuan)| (code.clone(), yuan.replace('.', "").parse().expect("yuan")))
            .collect();
        assert_eq!(sums, expected_fen, "the table from {from}");

        let Some((hledger, bean_check)) = judges() else {
            continue;
        };
        let journal = exported(&town, "hledger", from, second);
        judge(
            &hledger,
            &["-f", "-", "check", "--strict", "ordereddates", "payees"],
            &journal,
        )
        .expect("hledger's strict check");
        let balances = judge(
            &hledger,
            &["-f", "-", "balance", "--flat", "--no-total", "-O", "csv"],
            &journal,
        )
        .expect("balances");
        let mut found: Vec<(String, String)> = csv::Reader::from_reader(balances.as_bytes())
            .records()
            .map(|row| {
                let row = row.expect("a row");
                let code = row[0].split('-').next().expect("a code").to_owned();
                (code, row[1].trim_end_matches(" CNY").to_owned())
            })
            .collect();
        found.sort();
        assert_eq!(found, expected, "hledger from {from}");

        let ledger = exported(&town, "beancount", from, second);
        judge(&bean_check, &["/dev/stdin"], &ledger).expect("bean-check");
        let morning = second.checked_add_days(Days::new(1)).expect("a day");
        let mut asserted: Vec<(String, String)> = ledger
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{morning} balance ")))
            .filter_map(|rest| {
                let (account, amount) = rest.trim_end_matches(" ~ 0 CNY").split_once("  ")?;
                let code = account.split([':', '-']).nth(1)?;
                (amount != "0.00").then(|| (code.to_owned(), amount.to_owned()))
            })
            .collect();
        asserted.sort();
        assert_eq!(asserted, expected, "Beancount from {from}");
        // The assertions bite: a fen more on both sides of a transaction balances, and is found.
        let altered = altered(&ledger, second);
        assert!(judge(&bean_check, &["/dev/stdin"], &altered).is_err());
    }
}

/// A balanced transaction more.
fn altered(ledger: &str, day: NaiveDate) -> String {
    let accounts: Vec<&str> = ledger
        .lines()
        .filter_map(|line| line.split_once(" open ")?.1.strip_suffix(" CNY"))
        .take(2)
        .collect();
    format!(
        "{ledger}\n{day} * \"x\" \"\"\n  {}  0.01 CNY\n  {}  -0.01 CNY\n",
        accounts[0], accounts[1]
    )
}

/// The table, hledger and bean-check come to the trial balance of the open day, from a day on.
pub async fn others_agree(town: &Town, from: NaiveDate) {
    let today = town
        .doors
        .get("/books/trial-balance")
        .await
        .expect("a door")
        .ok()
        .expect("the open day");
    let today: NaiveDate = today["date"]
        .as_str()
        .expect("a date")
        .parse()
        .expect("a date");
    let fen = |yuan: &str| -> i64 { yuan.replace('.', "").parse().expect("yuan") };
    let expected: BTreeMap<String, i64> = trial_balance(town, today)
        .await
        .into_iter()
        .map(|(code, yuan)| (code, fen(&yuan)))
        .collect();
    let sum = |rows: &str, code: usize, amount: usize| {
        let mut sums = BTreeMap::<String, i64>::new();
        for row in csv::Reader::from_reader(rows.as_bytes()).records() {
            let row = row.expect("a row");
            let code = row[code].split('-').next().expect("a code").to_owned();
            *sums.entry(code).or_default() += fen(row[amount].trim_end_matches(" CNY"));
        }
        sums.retain(|_, fen| *fen != 0);
        sums
    };
    assert_eq!(
        sum(&exported(town, "csv", from, today), 3, 9),
        expected,
        "the table"
    );
    let Some((hledger, bean_check)) = judges() else {
        return;
    };
    let journal = exported(town, "hledger", from, today);
    judge(
        &hledger,
        &["-f", "-", "check", "--strict", "ordereddates", "payees"],
        &journal,
    )
    .expect("hledger's strict check");
    let balances = judge(
        &hledger,
        &["-f", "-", "balance", "--flat", "--no-total", "-O", "csv"],
        &journal,
    )
    .expect("balances");
    assert_eq!(sum(&balances, 0, 1), expected, "hledger");
    judge(
        &bean_check,
        &["/dev/stdin"],
        &exported(town, "beancount", from, today),
    )
    .expect("bean-check");
}
