use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::receipt::tests::press;
use crate::sheet::tests::data;

/// What poppler's `pdfsig` says of a paper's signature; it trusts nobody here, so that the signer stays unknown.
fn judged(pdf: &[u8]) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path =
        std::env::temp_dir().join(format!("anju-sealed-{}-{number}.pdf", std::process::id()));
    fs::write(&path, pdf).expect("written");
    let said = Command::new("pdfsig")
        .args(["-nocert".as_ref(), path.as_os_str()])
        .env("TZ", "Asia/Shanghai")
        .output()
        .expect("needs poppler-utils");
    fs::remove_file(&path).expect("removed");
    String::from_utf8(said.stdout).expect("text")
}

#[test]
fn an_outside_reader_finds_the_seal_valid_and_the_whole_paper_under_it() {
    let pdf = press().sheet(&data()).expect("a sheet");
    let said = judged(&pdf);
    for part in [
        "Signature is Valid",
        "重庆市住房公积金管理中心电子签章",
        "SHA-256",
        "ETSI.CAdES.detached",
        "Total document signed",
        "Nov 25 2026 00:30:00",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn one_changed_byte_breaks_the_seal() {
    let pdf = press().sheet(&data()).expect("a sheet");
    let mut altered = pdf.clone();
    altered[pdf.len() / 3] ^= 1;
    assert!(!judged(&altered).contains("Signature is Valid"));
    let mut altered = pdf;
    let last = altered.len() - 10; // behind the signature
    altered[last] ^= 1;
    assert!(!judged(&altered).contains("Signature is Valid"));
}

#[test]
fn the_same_paper_is_the_same_file() {
    let press = press();
    assert_eq!(
        press.sheet(&data()).expect("a sheet"),
        press.sheet(&data()).expect("a sheet")
    );
}
