//! SM2, SM3 and SM4 against OpenSSL 3: what we sign it verifies, what it signs we verify, and envelopes open on the other side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anju_vault::envelope::{self, Envelope};
use anju_vault::signature::{Sm2Key, verify_sm2_der};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// GM/T 0009: who has agreed on no other name signs under this one.
const SIGNER: &str = "distid:1234567812345678";

struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Room {
        let room = std::env::temp_dir().join(format!(
            "anju-openssl-{name}-{}",
            hex::encode(anju_vault::random::<6>())
        ));
        fs::create_dir_all(&room).expect("a folder");
        Room(room)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What is left behind in a temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn openssl(arguments: &[&str], input: &[&Path]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    for argument in arguments {
        match argument.strip_prefix('@') {
            Some(place) => {
                let place: usize = place.parse().expect("a place");
                command.arg(input[place])
            }
            None => command.arg(argument),
        };
    }
    let done = command.output().expect("openssl is installed");
    assert!(
        done.status.success(),
        "openssl {arguments:?}: {}{}",
        String::from_utf8_lossy(&done.stderr),
        String::from_utf8_lossy(&done.stdout)
    );
    done.stdout
}

/// SubjectPublicKeyInfo of a point of the SM2 curve, in PEM.
fn public_pem(public: &[u8]) -> String {
    let head = hex::decode("3059301306072a8648ce3d020106082a811ccf5501822d034200").expect("hex");
    pem("PUBLIC KEY", &[&head, public].concat())
}

/// ECPrivateKey (RFC 5915) of a scalar of the SM2 curve, in PEM.
fn secret_pem(secret: &[u8], public: &[u8]) -> String {
    let parts = [
        &hex::decode("30770201010420").expect("hex")[..],
        secret,
        &hex::decode("a00a06082a811ccf5501822da144034200").expect("hex"),
        public,
    ];
    pem("EC PRIVATE KEY", &parts.concat())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        BASE64.encode(der)
    )
}

/// A key of OpenSSL's making: its file in PEM, and the public point.
fn foreign_key(room: &Room) -> (PathBuf, Vec<u8>) {
    let key = openssl(&["genpkey", "-algorithm", "SM2"], &[]);
    let path = room.file("foreign.pem", &key);
    let der = openssl(
        &["pkey", "-in", "@0", "-pubout", "-outform", "DER"],
        &[&path],
    );
    (path, der[der.len() - 65..].to_vec())
}

#[test]
fn openssl_verifies_what_we_sign_and_refuses_it_altered() {
    let room = Room::new("ours");
    let key = Sm2Key::create(room.0.join("ours.key")).expect("a key");
    let text = "POST\n/gateway/police.identity\n\n8e6b\n1795000000000\nn-1".as_bytes();
    let public = room.file("ours.pub", public_pem(&key.public()).as_bytes());
    let message = room.file("text", text);
    for _ in 0..8 {
        let signature = room.file("sig", &key.sign_der(text));
        let verify = [
            "dgst",
            "-sm3",
            "-verify",
            "@0",
            "-sigopt",
            SIGNER,
            "-signature",
            "@1",
            "@2",
        ];
        let said = openssl(&verify, &[&public, &signature, &message]);
        assert_eq!(String::from_utf8_lossy(&said).trim(), "Verified OK");
    }
    let signature = key.sign_der(text);
    assert!(verify_sm2_der(&key.public(), text, &signature));
    assert!(!verify_sm2_der(&key.public(), b"altered", &signature));
    assert!(!verify_sm2_der(&key.public(), text, &signature[1..]));
    let longer = [&signature[..], b"\0"].concat();
    assert!(!verify_sm2_der(&key.public(), text, &longer));
}

#[test]
fn what_openssl_signs_holds() {
    let room = Room::new("theirs");
    let (key, public) = foreign_key(&room);
    let text = "r-1\n200\n2026-11-24T10:00:00+08:00\nab\ncd".as_bytes();
    let message = room.file("text", text);
    for _ in 0..8 {
        let sign = ["dgst", "-sm3", "-sign", "@0", "-sigopt", SIGNER, "@1"];
        let signature = openssl(&sign, &[&key, &message]);
        assert!(verify_sm2_der(&public, text, &signature));
        assert!(!verify_sm2_der(&public, b"another", &signature));
    }
}

#[test]
fn openssl_opens_our_envelope() {
    let room = Room::new("close");
    let (key, public) = foreign_key(&room);
    let content = r#"{"gmsfhm":"500103199001011234","xm":"李梅"}"#.as_bytes();
    let closed = envelope::close(&public, content).expect("a point of the curve");
    let bytes = |text: &str| BASE64.decode(text).expect("base64");
    let wrapped = room.file("wrapped", &bytes(&closed.key));
    let sm4 = openssl(
        &["pkeyutl", "-decrypt", "-inkey", "@0", "-in", "@1"],
        &[&key, &wrapped],
    );
    assert_eq!(sm4.len(), 16);
    let sealed = room.file("sealed", &bytes(&closed.content));
    let opened = openssl(
        &[
            "enc",
            "-d",
            "-sm4-cbc",
            "-K",
            &hex::encode(sm4),
            "-iv",
            &hex::encode(bytes(&closed.iv)),
            "-in",
            "@0",
        ],
        &[&sealed],
    );
    assert_eq!(opened, content);
    assert!(envelope::close(b"no point", content).is_none());
}

#[test]
fn we_open_the_envelope_that_openssl_closed() {
    let room = Room::new("open");
    let path = room.0.join("ours.key");
    let ours = Sm2Key::create(&path).expect("a key");
    let secret = fs::read_to_string(&path).expect("the seed");
    let secret = hex::decode(secret.trim()).expect("hex");
    let pem = room.file("ours.pem", secret_pem(&secret, &ours.public()).as_bytes());
    let public = room.file("ours.pub", public_pem(&ours.public()).as_bytes());
    assert!(!openssl(&["pkey", "-in", "@0", "-noout", "-text"], &[&pem]).is_empty());
    let (sm4, iv) = ([7u8; 16], [9u8; 16]);
    let plain = room.file("plain", "诊断：C34".as_bytes());
    let sealed = openssl(
        &[
            "enc",
            "-sm4-cbc",
            "-K",
            &hex::encode(sm4),
            "-iv",
            &hex::encode(iv),
            "-in",
            "@0",
        ],
        &[&plain],
    );
    let sm4 = room.file("sm4", &sm4);
    let wrapped = openssl(
        &["pkeyutl", "-encrypt", "-pubin", "-inkey", "@0", "-in", "@1"],
        &[&public, &sm4],
    );
    let closed = Envelope {
        key: BASE64.encode(&wrapped),
        iv: BASE64.encode(iv),
        content: BASE64.encode(&sealed),
    };
    assert_eq!(
        envelope::open(&ours, &closed).expect("opened"),
        "诊断：C34".as_bytes()
    );
    let another = Sm2Key::create(room.0.join("another.key")).expect("a key");
    assert!(envelope::open(&another, &closed).is_none());
    let spoilt = Envelope {
        content: BASE64.encode(&sealed[..sealed.len() - 1]),
        ..closed
    };
    assert!(envelope::open(&ours, &spoilt).is_none());
}
