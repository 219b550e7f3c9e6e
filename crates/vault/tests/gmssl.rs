//! SM2 and SM4 against gmssl of PyPI, which `./test` installs and names by `ANJU_TOOLS`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anju_vault::envelope::{self, Envelope};
use anju_vault::signature::{Sm2Key, verify_sm2_der};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The interpreter that has gmssl; none where nobody has installed it.
fn python() -> Option<PathBuf> {
    let tools = std::env::var_os("ANJU_TOOLS")?;
    let python = PathBuf::from(tools).join("venv/bin/python");
    let known = Command::new(&python).args(["-c", "import gmssl"]).status();
    known.is_ok_and(|status| status.success()).then_some(python)
}

fn gmssl(python: &PathBuf, arguments: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/other_side.py");
    let done = Command::new(python).arg(script).args(arguments).output();
    let done = done.expect("python runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

#[test]
fn gmssl_and_we_sign_and_close_for_each_other() {
    let Some(python) = python() else {
        println!("gmssl is not installed: it did not judge our signatures");
        return;
    };
    let room = std::env::temp_dir().join(format!(
        "anju-gmssl-{}",
        hex::encode(anju_vault::random::<6>())
    ));
    let path = room.join("ours.key");
    let ours = Sm2Key::create(&path).expect("a key");
    let secret = fs::read_to_string(&path).expect("the seed");
    let (secret, public) = (secret.trim(), hex::encode(ours.public()));
    let text = "POST\n/gateway/police.identity\n\n8e6b\n1795000000000\nn-1".as_bytes();
    let message = hex::encode(text);

    let signature = hex::encode(ours.sign_der(text));
    let verify = |message: &str| gmssl(&python, &["verify", &public, message, &signature]);
    assert_eq!(verify(&message), "01");
    assert_eq!(verify(&hex::encode("altered")), "00");
    let theirs = gmssl(&python, &["sign", secret, &public, &message]);
    let theirs = hex::decode(theirs).expect("hex");
    assert!(verify_sm2_der(&ours.public(), text, &theirs));
    assert!(!verify_sm2_der(&ours.public(), b"altered", &theirs));

    let content = r#"{"gmsfhm":"500103199001011234","xm":"李梅"}"#.as_bytes();
    let closed = envelope::close(&ours.public(), content).expect("closed");
    let bytes = |text: &str| hex::encode(BASE64.decode(text).expect("base64"));
    let (key, iv, sealed) = (
        bytes(&closed.key),
        bytes(&closed.iv),
        bytes(&closed.content),
    );
    let opened = gmssl(
        &python,
        &["open_envelope", secret, &public, &key, &iv, &sealed],
    );
    assert_eq!(hex::decode(opened).expect("hex"), content);

    let (key, iv) = (hex::encode([7u8; 16]), [9u8; 16]);
    let closed = gmssl(
        &python,
        &[
            "close_envelope",
            &public,
            &key,
            &hex::encode(iv),
            &hex::encode(content),
        ],
    );
    let (wrapped, sealed) = closed.split_once(' ').expect("two parts");
    let encode = |text: &str| BASE64.encode(hex::decode(text).expect("hex"));
    let closed = Envelope {
        key: encode(wrapped),
        iv: BASE64.encode(iv),
        content: encode(sealed),
    };
    assert_eq!(envelope::open(&ours, &closed).expect("opened"), content);
    fs::remove_dir_all(&room).expect("removed");
}
