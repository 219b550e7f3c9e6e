//! SM4-GCM, SM3, HMAC-SM3. Invariant: a nonce is random and never chosen; a comparison of secrets takes the
//! same time whatever they hold.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use hmac::{Hmac, Mac};
use sm3::{Digest, Sm3};
use sm4::Sm4;
use subtle::ConstantTimeEq;

use crate::key::Key;
use crate::{VaultError, random};

pub(crate) type Sm4Gcm = AesGcm<Sm4, U12>;

/// Layout: format (1), key id (2, big-endian), nonce (12), ciphertext and tag (16).
const FORMAT: u8 = 1;
const HEADER: usize = 3;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The SM3 digest.
#[must_use]
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

/// HMAC-SM3 over the parts one after the other.
#[must_use]
pub fn hmac_sm3(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac_of(keyed(key), parts)
}

/// HMAC-SM3 before its first byte.
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sm3> {
    <Hmac<Sm3> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length")
}

pub(crate) fn mac_of(mut mac: Hmac<Sm3>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two secrets are equal, in a time that depends on their length alone.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

pub(crate) fn key_id(sealed: &[u8]) -> Result<u16, VaultError> {
    match sealed {
        [FORMAT, high, low, rest @ ..] if rest.len() >= NONCE + TAG => {
            Ok(u16::from_be_bytes([*high, *low]))
        }
        _ => Err(VaultError::NotSealed),
    }
}

pub(crate) fn seal(id: u16, key: &Key, purpose: &str, plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random();
    let mut sealed = Vec::with_capacity(HEADER + NONCE + plain.len() + TAG);
    sealed.push(FORMAT);
    sealed.extend(id.to_be_bytes());
    sealed.extend(nonce);
    let payload = Payload {
        msg: plain,
        aad: &bound(&sealed[..HEADER], purpose),
    };
    let body = key
        .cipher(purpose)
        .encrypt(&nonce.into(), payload)
        .expect("a field is far below GCM's 64 GiB");
    sealed.extend(body);
    sealed
}

pub(crate) fn open(key: &Key, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (header, rest) = sealed.split_at(HEADER);
    let (nonce, body) = rest
        .split_first_chunk::<NONCE>()
        .ok_or(VaultError::NotSealed)?;
    let payload = Payload {
        msg: body,
        aad: &bound(header, purpose),
    };
    key.cipher(purpose)
        .decrypt(&(*nonce).into(), payload)
        .map_err(|_| VaultError::Altered)
}

/// What is authenticated beside the text: the header and the purpose.
fn bound(header: &[u8], purpose: &str) -> Vec<u8> {
    [header, purpose.as_bytes()].concat()
}

/// One SM4 key a purpose, so that random nonces of different columns never meet under one key.
pub(crate) fn cipher_for(key: &Key, purpose: &str) -> Sm4Gcm {
    let derived = key.mac("seal", purpose.as_bytes());
    let sm4_key = derived
        .first_chunk::<16>()
        .expect("a code of 32 bytes begins with 16");
    Sm4Gcm::new(&(*sm4_key).into())
}
