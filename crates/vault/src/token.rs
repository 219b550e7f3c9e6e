//! Session tokens: 256 random bits, of which the database keeps the digest only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{random, sm3};

/// A new token in base64url, 43 characters.
#[must_use]
pub fn new() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// What is stored of a token. A random token needs no salt and no slow hash.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    sm3(token.as_bytes())
}
