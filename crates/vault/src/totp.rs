//! The second factor of staff: RFC 6238, SHA-1, six digits, thirty seconds, as every authenticator app has it.
//! Invariant: the caller keeps the step last used and refuses it again, as RFC 6238 §5.2 asks.

use totp_rs::{Builder, Secret, Totp};

use crate::random;

/// A new secret of 160 bits.
#[must_use]
pub fn secret() -> [u8; 20] {
    random()
}

/// The secret in base32, as it is typed into an app.
#[must_use]
pub fn base32(secret: &[u8]) -> String {
    Secret::new(secret.into()).to_base32()
}

/// The code at an instant in seconds of the Unix epoch; nothing for a secret below 128 bits.
#[must_use]
pub fn code(secret: &[u8], seconds: i64) -> Option<String> {
    Some(
        totp(secret)?
            .generate(u64::try_from(seconds).ok()?)
            .to_string(),
    )
}

/// The step at which the code holds, within one step of the instant.
#[must_use]
pub fn verify(secret: &[u8], code: &str, seconds: i64) -> Option<i64> {
    let step = totp(secret)?.check(code.trim(), u64::try_from(seconds).ok()?)?;
    i64::try_from(step).ok()
}

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_secret(Secret::new(secret.into()))
        .with_skew(1)
        .build()
        .ok()
}
