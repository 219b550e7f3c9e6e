//! `ANJU_HOME`: the keys and files of an installation, made by set-up and found by everybody else.
//!
//! Invariant: a secret is written once, with mode 0600, and never replaced: what was encrypted or signed with it
//! stays readable. Two processes of one kind never share a home; each holds its lock for as long as it lives.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anju_casework::Office;
use anju_vault::eseal::ESeal;
use anju_vault::{SharedKey, Vault};

/// Secrets that product and outside world share: each has a copy of its own, since they share no other file.
const SHARED_KEYS: [&str; 2] = ["gateway.key", "bank.key"];

/// The folder of the product's keys.
pub fn keys(home: &Path) -> PathBuf {
    home.join("keys")
}

/// The API key of a demo centre; production centres have none.
pub fn demo_key(home: &Path) -> PathBuf {
    home.join("demo-key")
}

/// Who cosigns the evidence log: a line for each, its public key and its address. Trust that the operator puts down by hand;
/// set-up writes the simulated witnesses into a file that is not there.
pub fn witnesses(home: &Path) -> PathBuf {
    keys(home).join("witnesses")
}

/// Makes the keys that are missing, the demo key too if the centre is a demo centre, and acquaints the log with its witnesses.
///
/// # Errors
/// A key cannot be written, or one that is there is damaged or readable by others.
pub fn make_keys(home: &Path, demo: bool) -> anyhow::Result<()> {
    let vault = Vault::create(keys(home))?;
    // Its first key for ever: of every later one a witness hears from the former.
    let log_key = anju_casework::log::first_key(&vault.log_keys());
    let known = anju_outside::witness::introduce(home, &log_key.to_string())?;
    let path = witnesses(home);
    if !path.exists() {
        let lines: Vec<String> = known
            .iter()
            .map(|(key, path)| format!("{key} {path}\n"))
            .collect();
        fs::write(path, lines.concat())?;
    }
    for name in SHARED_KEYS {
        SharedKey::create(keys(home).join(name))?.copy_to(home.join("outside/keys").join(name))?;
    }
    if demo {
        SharedKey::create(demo_key(home))?;
    }
    Ok(())
}

/// The electronic seal of the centre's papers; made if it is not there yet.
///
/// # Errors
/// A file cannot be written or is damaged; its certificate is another key's.
pub fn eseal(home: &Path, office: &Office) -> anyhow::Result<ESeal> {
    let since_1970 = Duration::from_secs(office.now().timestamp().try_into()?);
    Ok(ESeal::create(keys(home), &office.centre.name, since_1970)?)
}

/// Held by a running process; `None` if another process of this kind already serves this home.
pub fn lock(home: &Path, kind: &str) -> io::Result<Option<fs::File>> {
    fs::create_dir_all(home)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(home.join(format!("{kind}.lock")))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?; // for `./run --reset`, which stops it
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let home = std::env::temp_dir().join(format!("anju-home-{}", std::process::id()));
        make_keys(&home, true).expect("made");
        let key = fs::read_to_string(keys(&home).join("bank.key")).expect("there");
        assert_eq!(key.trim().len(), 64);
        make_keys(&home, true).expect("found");
        for copy in ["keys/bank.key", "outside/keys/bank.key"] {
            assert_eq!(fs::read_to_string(home.join(copy)).expect("there"), key);
        }
        let mode = fs::metadata(demo_key(&home))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&home).expect("removed");
    }

    #[test]
    fn a_home_is_served_once() {
        let home = std::env::temp_dir().join(format!("anju-lock-{}", std::process::id()));
        let held = lock(&home, "serve").expect("a folder");
        assert!(held.is_some());
        assert!(lock(&home, "serve").expect("a folder").is_none());
        fs::remove_dir_all(&home).expect("removed");
    }
}
