//! `ANJU_HOME`: the keys and files of an installation, made by set-up and found by everybody else.
//!
//! Invariant: a secret is written once, with mode 0600, and never replaced: what was encrypted or signed with it
//! stays readable. Two processes of one kind never share a home; each holds its lock for as long as it lives.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

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

/// Makes the keys that are missing, the demo key too if the centre is a demo centre.
pub fn make_keys(home: &Path, demo: bool) -> io::Result<()> {
    let outside = home.join("outside/keys");
    for folder in [keys(home), outside.clone()] {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    for name in SHARED_KEYS {
        let key = secret(&keys(home).join(name))?;
        write_once(&outside.join(name), &key)?;
    }
    if demo {
        secret(&demo_key(home))?;
    }
    Ok(())
}

/// The secret in that file, 64 hexadecimal digits, made if there is none.
fn secret(path: &Path) -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    write_once(path, &hex::encode(bytes))?;
    fs::read_to_string(path)
}

/// Written beside its place and linked there whole: a set-up that was killed leaves no half key.
fn write_once(path: &Path, text: &str) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let draft = path.with_extension(format!("new.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let placed = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    }
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
        assert_eq!(key.len(), 64);
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
