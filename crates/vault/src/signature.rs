//! Signatures that strangers check: Ed25519 (RFC 8032) and SM2 with SM3 (GB/T 32918.2), each with a key file of its own.
//! Invariant: the seed stays here; what leaves is a signature or a public key.

use std::path::Path;

use ed25519_dalek::Signer as _;
use sm2::dsa::signature::Verifier as _;
use sm2::elliptic_curve::pkcs8::der::asn1::{AnyRef, UintRef};
use sm2::elliptic_curve::pkcs8::der::{self, Decode, Encode, Reader, SliceReader, Tag, Tagged};

use crate::{VaultError, key, random};

/// The distinguishing id of GM/T 0009 for signers that have agreed on no other.
const DISTINGUISHING_ID: &str = "1234567812345678";

/// An Ed25519 key that signs.
pub struct Ed25519Key(ed25519_dalek::SigningKey);

impl Ed25519Key {
    /// Reads a key file: the seed of 32 bytes in hexadecimal.
    ///
    /// # Errors
    /// Missing, damaged, readable by others.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&key::read(
            path.as_ref(),
        )?)))
    }

    /// Makes the key file unless it exists, and reads it.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the folder cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            key::make_folder(folder)?;
        }
        key::create(path, random)?;
        Self::open(path)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The signature of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// Whether an Ed25519 signature holds.
#[must_use]
pub fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (
        <&[u8; 32]>::try_from(public),
        ed25519_dalek::Signature::from_slice(signature),
    ) else {
        return false;
    };
    ed25519_dalek::VerifyingKey::from_bytes(public)
        .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// An SM2 key that signs.
pub struct Sm2Key(sm2::dsa::SigningKey);

impl Sm2Key {
    /// Reads a key file: the secret scalar of 32 bytes in hexadecimal.
    ///
    /// # Errors
    /// Missing, damaged, readable by others.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        let path = path.as_ref();
        sm2::dsa::SigningKey::from_slice(DISTINGUISHING_ID, &key::read(path)?)
            .map(Self)
            .map_err(|_| VaultError::Format(path.to_owned()))
    }

    /// Makes the key file unless it exists, and reads it.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the folder cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, VaultError> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            key::make_folder(folder)?;
        }
        key::create(path, scalar)?;
        Self::open(path)
    }

    /// The public key: 65 bytes, `04 ‖ x ‖ y`.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_bytes().into_vec()
    }

    /// The signature of a message: 64 bytes, `r ‖ s`, with SM3 and the default distinguishing id.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: sm2::dsa::Signature = sm2::dsa::signature::Signer::sign(&self.0, message);
        signature.to_bytes().into()
    }

    /// The same signature in the form of the wire: DER of `SEQUENCE { r INTEGER, s INTEGER }` (GM/T 0009-2012 §7.3).
    #[must_use]
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        to_der(&self.sign(message)).expect("two integers of 32 bytes always have a DER form")
    }

    /// Opens what was wrapped for this key by [`crate::envelope::close`].
    pub(crate) fn unwrap_key(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        sm2::pke::DecryptingKey::from_nonzero_scalar(*self.0.as_nonzero_scalar())
            .ok()?
            .decrypt_der(wrapped)
            .ok()
    }
}

/// Whether an SM2 signature in DER holds.
#[must_use]
pub fn verify_sm2_der(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    from_der(signature).is_ok_and(|signature| verify_sm2(public, message, &signature))
}

fn to_der(signature: &[u8; 64]) -> der::Result<Vec<u8>> {
    let (r, s) = signature.split_at(32);
    let body = [UintRef::new(r)?.to_der()?, UintRef::new(s)?.to_der()?].concat();
    AnyRef::new(Tag::Sequence, &body)?.to_der()
}

fn from_der(text: &[u8]) -> der::Result<[u8; 64]> {
    let whole = AnyRef::from_der(text)?;
    whole.tag().assert_eq(Tag::Sequence)?;
    let mut reader = SliceReader::new(whole.value())?;
    let mut signature = [0; 64];
    for half in signature.chunks_exact_mut(32) {
        let number = UintRef::decode(&mut reader)?;
        let bytes = number.as_bytes();
        let start = half
            .len()
            .checked_sub(bytes.len())
            .ok_or_else(|| Tag::Integer.length_error())?;
        half[start..].copy_from_slice(bytes);
    }
    reader.finish()?;
    Ok(signature)
}

/// Whether these bytes are a public key of SM2: `04 ‖ x ‖ y`, a point of the curve.
#[must_use]
pub fn is_sm2_point(public: &[u8]) -> bool {
    public.len() == 65
        && public[0] == 4
        && sm2::dsa::VerifyingKey::from_sec1_bytes(DISTINGUISHING_ID, public).is_ok()
}

/// Whether an SM2 signature (`r ‖ s`) holds.
#[must_use]
pub fn verify_sm2(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (
        sm2::dsa::VerifyingKey::from_sec1_bytes(DISTINGUISHING_ID, public),
        sm2::dsa::Signature::from_slice(signature),
    ) else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}

/// 32 random bytes that are a scalar of the curve: nearly all are.
pub(crate) fn scalar() -> [u8; 32] {
    loop {
        let bytes = random();
        if sm2::dsa::SigningKey::from_slice(DISTINGUISHING_ID, &bytes).is_ok() {
            return bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_signs_holds_and_nothing_else_does() {
        let folder = std::env::temp_dir().join(format!("anju-signature-{}", std::process::id()));
        let ed25519 = Ed25519Key::create(folder.join("log-ed25519.key")).expect("made");
        let sm2 = Sm2Key::create(folder.join("log-sm2.key")).expect("made");
        let message = "安居\n1\n".as_bytes();
        for (holds, other) in [
            (
                verify_ed25519(&ed25519.public(), message, &ed25519.sign(message)),
                verify_ed25519(&ed25519.public(), b"other", &ed25519.sign(message)),
            ),
            (
                verify_sm2(&sm2.public(), message, &sm2.sign(message)),
                verify_sm2(&sm2.public(), b"other", &sm2.sign(message)),
            ),
        ] {
            assert!(holds);
            assert!(!other);
        }
        let again = Sm2Key::create(folder.join("log-sm2.key")).expect("found");
        assert_eq!(again.public(), sm2.public());
        assert_eq!(sm2.public().len(), 65);
        assert!(!verify_sm2(&sm2.public(), message, &[0; 64]));
        assert!(!verify_ed25519(b"short", message, &[0; 64]));
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    /// RFC 8032 §7.1, test 2.
    #[test]
    fn the_signature_of_the_standard_holds() {
        let hex = |text: &str| hex::decode(text).expect("hex");
        assert!(verify_ed25519(
            &hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
            &hex("72"),
            &hex(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ));
    }
}
