//! 电子签章: papers bear the centre's seal, which programs of others check: poppler's `pdfsig` the paper, `openssl` the certificate.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anju::cast::{look_up, text};
use anju_vault::eseal::ESeal;
use serde_json::json;

use crate::town::{Town, tenant_of};
use crate::visitor::Visitor;

#[tokio::test]
async fn an_outside_reader_finds_whose_seal_a_certificate_bears_and_that_nothing_was_changed() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 74).await;
    let person = look_up(&town.doors, &li).await.expect("known");
    let order = json!({
        "service": "certificate-contribution-elsewhere",
        "applicant": person, "form": { "purpose": "other" }, "channel": "HALL",
    });
    let answer = town.doors.post("/cases", &order).await.expect("a door");
    let case = text(&answer.body, "case_id").expect("a case");
    let path = format!("/cases/{case}/document");
    let paper = town.doors.file(&path).await.expect("a paper");

    let judged = |paper: &[u8]| {
        let path = town.config.home.join("judged.pdf");
        fs::write(&path, paper).expect("written");
        let said = Command::new("pdfsig")
            .args(["-nocert".as_ref(), path.as_os_str()])
            .output()
            .expect("needs poppler-utils");
        String::from_utf8(said.stdout).expect("text")
    };
    let said = judged(&paper);
    for part in [
        "Signature is Valid",
        "Total document signed",
        "电子签章",
        "ETSI.CAdES.detached",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mut altered = paper.clone();
    altered[paper.len() / 2] ^= 1;
    assert!(!judged(&altered).contains("Signature is Valid"));
    let again = town.doors.file(&path).await.expect("a paper");
    assert!(
        again == paper,
        "a paper that is fetched again is the same file"
    );

    let stranger = Visitor::nobody(&town).await;
    let page = stranger.get("/verify-document").await.page;
    assert!(page.contains("href=\"/verify-document/seal.pem\""));
    let certificate = stranger.bytes("/verify-document/seal.pem").await;
    let path = town.config.home.join("judged.pem");
    fs::write(&path, certificate).expect("written");
    let said = Command::new("openssl")
        .args([
            "x509", "-noout", "-subject", "-ext", "keyUsage", "-nameopt", "utf8", "-in",
        ])
        .arg(&path)
        .output()
        .expect("needs openssl");
    let said = String::from_utf8(said.stdout).expect("text");
    let centre = &town.office().await.centre.name;
    for part in [
        &format!("{centre}电子签章"),
        "Digital Signature, Non Repudiation",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[tokio::test]
async fn an_authority_certifies_the_seal_and_another_keys_certificate_is_refused() {
    let town = Town::open().await;
    let folder = town.config.home.join("keys");
    let openssl = |arguments: &[&str]| {
        let ran = Command::new("openssl")
            .args(arguments)
            .current_dir(&folder)
            .output()
            .expect("needs openssl");
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    };
    let request = town
        .command(&["admin", "eseal-request"])
        .output()
        .expect("the binary");
    assert!(request.status.success(), "{request:?}");
    fs::write(folder.join("seal.csr"), request.stdout).expect("written");
    let subject = "/CN=An authority";
    openssl(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-subj", subject,
    ]);
    openssl(&[
        "x509", "-req", "-in", "seal.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "365",
        "-out", "seal.pem",
    ]);
    let read = |name: &str| fs::read(folder.join(name)).expect(name);
    let chain = [read("seal.pem"), read("ca.pem")].concat();

    let seal = |certificates: &[u8]| {
        fs::write(folder.join("eseal.pem"), certificates).expect("written");
        ESeal::create(&folder, "某中心", Duration::ZERO)
    };
    let certified = seal(&chain).expect("of this key");
    fs::write(folder.join("paper"), b"a paper").expect("written");
    let signature = certified.sign(&[b"a ", b"paper"]).expect("signed");
    fs::write(folder.join("paper.p7s"), signature).expect("written");
    openssl(&[
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "paper.p7s",
        "-content",
        "paper",
        "-binary",
        "-CAfile",
        "ca.pem",
        "-purpose",
        "any",
        "-out",
        "/dev/null",
    ]);
    let refused = seal(&read("ca.pem")).err().expect("another key's");
    assert!(refused.to_string().contains("another key's"), "{refused}");
}
