use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::rotation::Stage;
use crate::*;

/// A folder of keys that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("anju-vault-{}", hex::encode(random::<8>())));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sealed_data_opens_for_its_purpose_only() {
    let folder = Folder::new();
    let vault = Vault::create(&folder.0).expect("a vault");
    let sealed = vault.seal("person.id", b"11010519491231002X");
    assert_eq!(
        vault.open("person.id", &sealed).expect("opened"),
        b"11010519491231002X"
    );
    assert_ne!(
        sealed,
        vault.seal("person.id", b"11010519491231002X"),
        "the nonce is random"
    );
    assert!(matches!(
        vault.open("person.card", &sealed),
        Err(VaultError::Altered)
    ));
    assert!(matches!(
        vault.open("person.id", b"plain text that is long enough"),
        Err(VaultError::NotSealed)
    ));
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 1;
        assert!(vault.open("person.id", &altered).is_err(), "byte {place}");
    }
}

#[test]
fn a_rotated_key_still_opens_and_finds_what_the_former_sealed() {
    let folder = Folder::new();
    let vault = Vault::create(&folder.0).expect("a vault");
    let (sealed, index) = (vault.seal("p", b"x"), vault.blind_index("p", "x"));
    assert!(vault.is_current(&sealed).expect("sealed") && index.others.is_empty());
    assert_eq!(rotation::stage(&folder.0).expect("a stage"), Stage::Settled);

    // Prepared: held by whoever looks, used by nobody.
    for _ in 0..2 {
        rotation::prepare(&folder.0).expect("a new generation");
        assert_eq!(
            rotation::stage(&folder.0).expect("a stage"),
            Stage::Prepared
        );
    }
    let behind = Vault::open_dir(&folder.0).expect("another process");
    let held = vault.refresh().expect("the folder");
    assert_eq!((held.data, held.current_data), (2, 1));
    assert!(vault.is_current(&sealed).expect("sealed"));
    let next = vault.blind_index("p", "x");
    assert_eq!((next.current, next.others.len()), (index.current, 1));

    // Switched: sealed with the new key, found by both, opened by who has not looked again.
    assert!(
        rotation::switch(&folder.0).is_err(),
        "nobody has said where new numbers begin"
    );
    rotation::numbers_from(&folder.0, 1_000).expect("said");
    rotation::switch(&folder.0).expect("switched");
    assert_eq!(
        rotation::stage(&folder.0).expect("a stage"),
        Stage::Switched
    );
    vault.refresh().expect("the folder");
    assert!(!vault.is_current(&sealed).expect("sealed"));
    assert_eq!(vault.open("p", &sealed).expect("opened"), b"x");
    assert_eq!(
        behind.open("p", &vault.seal("p", b"y")).expect("opened"),
        b"y"
    );
    let after = vault.blind_index("p", "x");
    assert_eq!(
        (after.current, after.others),
        (next.others[0], vec![index.current])
    );
    assert_ne!(after.current, vault.blind_index("q", "x").current);

    // Retired: who runs still opens, who starts does not, and the file is kept.
    rotation::retire(&folder.0).expect("retired");
    assert_eq!(rotation::stage(&folder.0).expect("a stage"), Stage::Settled);
    vault.refresh().expect("the folder");
    assert_eq!(vault.open("p", &sealed).expect("opened"), b"x");
    let fresh = Vault::open_dir(&folder.0).expect("a process that starts");
    assert!(matches!(
        fresh.open("p", &sealed),
        Err(VaultError::UnknownKey(1))
    ));
    assert!(folder.0.join("retired/data-1.key").exists());
    assert!(folder.0.join("retired/index-1.key").exists());
}

#[test]
fn key_files_are_for_their_owner_and_are_made_once() {
    let folder = Folder::new();
    let first = Vault::create(&folder.0).expect("a vault");
    let again = Vault::create(&folder.0).expect("a vault");
    assert_eq!(first.mac("m", b"x"), again.mac("m", b"x"));
    assert!(again.verify_mac("m", b"x", &first.mac("m", b"x")));
    assert!(!again.verify_mac("n", b"x", &first.mac("m", b"x")));
    assert_eq!(
        fs::read_dir(&folder.0).expect("listed").count(),
        6,
        "no drafts are left"
    );
    for file in fs::read_dir(&folder.0).expect("listed") {
        let path = file.expect("an entry").path();
        assert_eq!(
            fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            0o600
        );
    }
    let exposed = folder.0.join("code.key");
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o640)).expect("changed");
    assert!(
        matches!(Vault::open_dir(&folder.0), Err(VaultError::Exposed(path)) if path == exposed)
    );
    assert!(matches!(
        Vault::open_dir(std::env::temp_dir().join("anju-no-keys")),
        Err(VaultError::File { .. })
    ));
}

#[test]
fn a_shared_key_signs_alike_on_both_sides() {
    let folder = Folder::new();
    let ours = SharedKey::create(folder.0.join("gateway.key")).expect("a key");
    ours.copy_to(folder.0.join("outside/gateway.key"))
        .expect("copied");
    ours.copy_to(folder.0.join("outside/gateway.key"))
        .expect("copied again");
    let theirs = SharedKey::open(folder.0.join("outside/gateway.key")).expect("a key");
    assert!(theirs.verify_hex(b"message", &ours.sign_hex(b"message")));
    assert!(!theirs.verify_hex(b"massage", &ours.sign_hex(b"message")));
    assert!(!theirs.verify_hex(b"message", "00"));
}

#[test]
fn digests_are_those_of_the_standards() {
    // GB/T 32905-2016, example 1.
    assert_eq!(
        hex::encode(sm3(b"abc")),
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    );
    // `openssl dgst -sm3 -hmac key` over the same text.
    assert_eq!(
        hex::encode(hmac_sm3(
            b"key",
            &[b"The quick brown fox ", b"jumps over the lazy dog"]
        )),
        "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398"
    );
}

#[test]
fn public_numbers_go_back_to_their_ids() {
    let folder = Folder::new();
    let numbers = Vault::create(&folder.0).expect("a vault").numbers();
    let mut seen = HashSet::new();
    for id in (0..2_000).chain([999_999_999_999]) {
        let number = numbers.encode(NumberKind::Case, id);
        assert_eq!((number.len(), &number[..1]), (14, "A"));
        assert_eq!(numbers.decode(NumberKind::Case, &number), Some(id));
        assert_eq!(numbers.decode(NumberKind::Employer, &number), None);
        assert!(seen.insert(number));
    }
    let number = numbers.encode(NumberKind::Person, 7);
    let grouped = format!(
        "{} {}-{}",
        number[..4].to_lowercase(),
        &number[4..8],
        &number[8..]
    );
    assert_eq!(numbers.decode(NumberKind::Person, &grouped), Some(7));
    assert_ne!(number[1..], numbers.encode(NumberKind::Account, 7)[1..]);
}

/// Rotates everything in a folder, numbers from the first id on that is free.
fn turn(folder: &Folder, free: u64) -> u64 {
    rotation::prepare(&folder.0).expect("a new generation");
    let from = rotation::numbers_from(&folder.0, free).expect("said");
    assert_eq!(
        rotation::numbers_from(&folder.0, free + 9).expect("said before"),
        from
    );
    rotation::switch(&folder.0).expect("switched");
    rotation::retire(&folder.0).expect("retired");
    from.expect("a key is prepared")
}

/// Goal: numbers on paper are valid for ever, and no two ids ever have one number. Method: ids around the borders of three keys, encoded by who
/// holds all, and decoded by who holds only the first.
#[test]
fn numbers_of_three_keys_never_meet_and_each_goes_back_to_its_id() {
    let folder = Folder::new();
    let vault = Vault::create(&folder.0).expect("a vault");
    let numbers = vault.numbers();
    let before: Vec<String> = (0..5_000)
        .map(|id| numbers.encode(NumberKind::Case, id))
        .collect();
    let thief = Folder::new();
    std::fs::create_dir_all(&thief.0).expect("a folder");
    for file in std::fs::read_dir(&folder.0).expect("keys") {
        let path = file.expect("a file").path();
        std::fs::copy(&path, thief.0.join(path.file_name().expect("a name"))).expect("copied");
    }
    let thief = Vault::open_dir(&thief.0).expect("the first keys").numbers();

    let second = turn(&folder, 5_000);
    assert_eq!(second, 5_000);
    let third = turn(&folder, second + 7);
    assert_eq!(third, second + (1 << 30), "no block has two keys");
    vault.refresh().expect("the folder");
    assert_eq!(vault.generations().current_others[1], 3);

    let borders = [
        second,
        second + 1,
        third - 1,
        third,
        third + 5,
        third + (1 << 30),
        999_999_999_999,
    ];
    let ids = (0..5_000).chain(borders.into_iter().flat_map(|border| {
        let border = i64::try_from(border).expect("an id");
        (border - 300).max(5_000)..(border + 300).min(1_000_000_000_000)
    }));
    let mut seen = std::collections::HashMap::new();
    let mut read_by_thief = 0;
    for id in ids {
        let number = numbers.encode(NumberKind::Case, id);
        assert_eq!(numbers.decode(NumberKind::Case, &number), Some(id));
        assert_eq!(*seen.entry(number.clone()).or_insert(id), id, "{number}");
        if let Ok(place) = usize::try_from(id)
            && let Some(old) = before.get(place)
        {
            assert_eq!(number, *old);
        } else if id < 998_000_000_000 && thief.decode(NumberKind::Case, &number) == Some(id) {
            // The last block of all is not whole and keeps to the first key.
            read_by_thief += 1;
        }
    }
    assert!(
        read_by_thief < 3,
        "{read_by_thief} new ids read with the old key"
    );
}

#[test]
fn codes_of_a_former_key_are_still_checked_and_what_is_found_by_a_code_stays_found() {
    let folder = Folder::new();
    let vault = Vault::create(&folder.0).expect("a vault");
    let (code, thing) = (vault.mac("fact", b"x"), vault.token_of("event-key", b"x"));
    turn(&folder, 1_000);
    vault.refresh().expect("the folder");
    assert_ne!(vault.mac("fact", b"x"), code);
    assert!(vault.verify_mac("fact", b"x", &code));
    assert!(vault.verify_mac("fact", b"x", &vault.mac("fact", b"x")));
    assert!(!vault.verify_mac("fact", b"y", &code));
    assert_eq!(vault.token_of("event-key", b"x"), thing);
}

#[test]
fn the_log_keeps_its_name_and_its_former_keys_until_they_retire() {
    let folder = Folder::new();
    let vault = Vault::create(&folder.0).expect("a vault");
    let first = vault.log_keys().current().ed25519.public();
    turn(&folder, 1_000);
    vault.refresh().expect("the folder");
    let keys = vault.log_keys();
    assert_eq!((keys.first, keys.current().generation), (first, 2));
    assert_eq!(
        keys.former().map(|former| former.ed25519.public()),
        Some(first)
    );
    // While the former signs, the next waits.
    turn(&folder, 2_000);
    vault.refresh().expect("the folder");
    assert_eq!(vault.log_keys().current().generation, 2);
    rotation::retire_log(&folder.0).expect("retired");
    assert!(folder.0.join("retired/log-ed25519.key").exists());
    let fresh = Vault::open_dir(&folder.0).expect("a process that starts");
    assert!(fresh.log_keys().former().is_none());
    assert_eq!(fresh.log_keys().first, first);
    turn(&folder, 3_000);
    let fresh = Vault::create(&folder.0).expect("a process that starts");
    assert_eq!(fresh.log_keys().current().generation, 3);
    assert_eq!(fresh.log_keys().first, first);
}

#[test]
fn a_mistyped_public_number_is_nobody() {
    let folder = Folder::new();
    let numbers = Vault::create(&folder.0).expect("a vault").numbers();
    for id in 0..200 {
        let number = numbers.encode(NumberKind::Account, id);
        for place in 1..number.len() {
            for digit in b'0'..=b'9' {
                let mut typed = number.clone().into_bytes();
                if typed[place] != digit {
                    typed[place] = digit;
                    let typed = String::from_utf8(typed).expect("digits");
                    assert_eq!(numbers.decode(NumberKind::Account, &typed), None);
                }
            }
        }
    }
    for text in [
        "",
        "G",
        "G12345678901234",
        "G十二345678901",
        "0123456789012",
    ] {
        assert_eq!(numbers.decode(NumberKind::Account, text), None);
    }
}

#[test]
fn passwords_verify_and_the_dummy_is_nobodys() {
    let hash = password::hash("安居 2026").expect("hashed");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(password::verify(&hash, "安居 2026"));
    assert!(!password::verify(&hash, "安居 2025"));
    assert!(!password::verify("not a hash", "x"));
    let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(
        cost(password::DUMMY),
        cost(&hash),
        "an unknown name costs the same"
    );
    assert_eq!(password::DUMMY.len(), hash.len());
    assert!(!password::verify(password::DUMMY, ""));
}

#[test]
fn totp_is_that_of_rfc_6238() {
    // RFC 6238, appendix B; the last six of its eight digits.
    let secret = b"12345678901234567890";
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_234_567_890, "005924"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(totp::code(secret, seconds).as_deref(), Some(code));
        assert_eq!(totp::verify(secret, code, seconds), Some(seconds / 30));
        assert_eq!(totp::verify(secret, code, seconds + 30), Some(seconds / 30));
        assert_eq!(totp::verify(secret, code, seconds + 61), None);
    }
    assert_eq!(totp::base32(secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(totp::verify(b"short", "000000", 59), None);
}

#[test]
fn tokens_are_long_and_stored_as_digests() {
    let (a, b) = (token::new(), token::new());
    assert_eq!((a.len(), a == b), (43, false));
    assert_ne!(token::hash(&a), token::hash(&b));
}
