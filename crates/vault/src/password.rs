//! Passwords (口令): Argon2id with 19 MiB and two passes, the floor of OWASP's advice. Some 30 ms of a core:
//! callers run it apart from the async workers.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::VaultError;

/// A hash that no password has. Whoever gives an unknown name waits as long as for a wrong password.
pub const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$RDzwpqwkJP7RpV/8Qcq5Tg$JZFY1bFBAK6j10mfmZK9wxCpbSy2yxDNH/YQepnWD4Y";

/// Hashes a password with a random salt, as a PHC string.
///
/// # Errors
/// The library's, for a password of gigabytes.
pub fn hash(password: &str) -> Result<String, VaultError> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(VaultError::Password)?;
    Ok(hash.to_string())
}

/// Whether the password is that of the hash. A hash that cannot be read is nobody's.
#[must_use]
pub fn verify(hash: &str, password: &str) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), hash)
        .is_ok()
}
