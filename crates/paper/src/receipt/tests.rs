use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anju_vault::eseal::ESeal;

use super::*;
use crate::Press;

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn data() -> ReceiptData {
    let moment = |label: &str, at: &str| Moment {
        label: label.to_owned(),
        at: instant(at),
    };
    ReceiptData {
        centre: "重庆市住房公积金管理中心".into(),
        service: "租房提取".into(),
        person_masked: "李*".into(),
        amount: Fen::new(360_050),
        of_subsidy: None,
        payee: "建设银行 尾号 1234".into(),
        case_no: "A0482019375525".into(),
        policy_version: "2026-07".into(),
        state: "办好了，已到账".into(),
        times: vec![
            moment("提交", "2026-11-24T01:14:01Z"),
            moment("通过", "2026-11-24T01:14:03Z"),
            moment("到账", "2026-11-24T01:14:09Z"),
        ],
        short_code: Some("7C1E90AB44D2F613".into()),
        code: "ABCD2345EFGH6789".into(),
        verify_url: Some("http://127.0.0.1:8329/verify/7C1E90AB44D2F613".into()),
        issued_at: instant("2026-11-24T16:30:00Z"),
    }
}

pub(crate) fn press() -> Press {
    Press::open(&[PathBuf::from(Press::SYSTEM_FONTS)], eseal())
        .expect("a press; needs fonts-noto-cjk")
}

/// A seal of the test's own.
fn eseal() -> Arc<ESeal> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("anju-eseal-{}-{number}", std::process::id()));
    let since_1970 = Duration::from_secs(1_780_000_000);
    let seal = ESeal::create(&folder, "重庆市住房公积金管理中心", since_1970).expect("a seal");
    std::fs::remove_dir_all(folder).expect("removed");
    Arc::new(seal)
}

/// What an outside reader finds in the PDF; spaces and line breaks are layout. Needs poppler-utils.
fn read_with(tool: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("needs poppler-utils");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(pdf)
        .expect("written");
    String::from_utf8(child.wait_with_output().expect("ended").stdout).expect("text")
}

pub(crate) fn text_of(pdf: &[u8]) -> String {
    read_with("pdftotext", &["-", "-"], pdf)
}

#[test]
fn a_receipt_can_be_read_by_an_outside_program() {
    let pdf = press().receipt(&data()).expect("a receipt");
    let text: String = text_of(&pdf).split_whitespace().collect();
    for part in [
        "业务回单",
        "重庆市住房公积金管理中心",
        "租房提取",
        "李*",
        "¥3,600.50",
        "人民币叁仟陆佰元伍角整",
        "建设银行尾号1234",
        "A0482019375525",
        "2026-07",
        "办好了，已到账",
        "2026年11月24日09:14:09",
        "7C1E90AB44D2F613",
        "http://127.0.0.1:8329/verify/",
        "2026年11月25日00:30:00",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let info = read_with("pdfinfo", &["-"], &pdf);
    for line in ["Pages:           1", "595.276 x 419.528"] {
        assert!(info.contains(line), "{line} in {info}");
    }
    let metadata = read_with("pdfinfo", &["-meta", "-"], &pdf);
    for mark in [
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>U</pdfaid:conformance>",
    ] {
        assert!(metadata.contains(mark), "{mark} in {metadata}");
    }
}

#[test]
fn a_rare_character_of_a_name_is_printed() {
    let rare = ReceiptData {
        person_masked: "𬀩*".into(),
        payee: "䶮支行".into(),
        ..data()
    };
    let text = text_of(&press().receipt(&rare).expect("no glyph is missing"));
    assert!(text.contains('𬀩') && text.contains('䶮'), "{text}");
}

#[test]
fn a_character_without_a_glyph_refuses_the_paper() {
    let strange = ReceiptData {
        person_masked: "\u{3134A}*".into(),
        ..data()
    };
    let refused = press()
        .receipt(&strange)
        .expect_err("no font here has this character");
    assert_eq!(refused.to_string(), "the font has no glyph for U+3134A");
}

#[test]
fn what_a_person_wrote_is_text_and_never_a_command() {
    let sly = ReceiptData {
        service: "#panic(\"x\") *粗* $x$ <label>".into(),
        verify_url: None,
        ..data()
    };
    let text = text_of(&press().receipt(&sly).expect("a receipt"));
    assert!(text.contains("#panic(\"x\") *粗* $x$ <label>"), "{text}");
}

#[test]
fn a_text_that_does_not_fit_is_refused() {
    let long = ReceiptData {
        service: "很长的事项名称".repeat(200),
        ..data()
    };
    assert!(matches!(
        press().receipt(&long),
        Err(PaperError::TooLong(2..))
    ));
}

#[test]
fn fonts_that_are_not_there_are_named() {
    assert!(matches!(
        Press::open(&[PathBuf::from("/nonexistent")], eseal()),
        Err(PaperError::Font { .. })
    ));
    let empty = std::env::temp_dir();
    assert!(matches!(
        Press::open(&[empty], eseal()),
        Err(PaperError::NoFont { .. })
    ));
}
