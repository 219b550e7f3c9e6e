//! A line that is typed wrong is answered in Chinese: what is wrong with it and what to do. It needs nothing of an installation.

use std::process::Command;

/// What the command says of these words, and its exit code.
fn says(words: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_anju"))
        .args(words)
        .env_clear()
        .output()
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.stdout.is_empty(), "{words:?}");
    (said, output.status.code())
}

#[test]
fn a_line_that_is_typed_wrong_says_what_is_wrong_and_what_to_do() {
    for (words, parts) in [
        (
            &["audti"][..],
            &["没有“audti”这个命令", "“admin”或“audit”？"][..],
        ),
        (&["zzz"], &["没有“zzz”这个命令，请检查拼写", "anju --help"]),
        (
            &["audit", "--jsno"],
            &["不认识“--jsno”", "“--json”", "用法：anju audit"],
        ),
        (
            &["verify"],
            &["少写了", "--keys <KEYS>", "<BUNDLE>", "anju verify --help"],
        ),
        (
            &["verify", "a.json", "--keys"],
            &["“--keys <KEYS>”后面没有写值"],
        ),
        (
            &["export", "--format", "excel"],
            &["不能是“excel”", "可以写：", "beancount"],
        ),
        (&["close", "day", "extra"], &["不认识“extra”"]),
        (&["audit", "--json", "--json"], &["“--json”写了两次"]),
    ] {
        let (said, code) = says(words);
        assert_eq!(code, Some(2), "{words:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words:?}: {part} not in {said}");
        }
        for english in ["error:", "unrecognized", "required", "Usage", "For more"] {
            assert!(!said.contains(english), "{words:?}: {said}");
        }
    }
}
