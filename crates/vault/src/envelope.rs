//! An envelope for one reader (数字信封): the content under a fresh SM4 key in CBC mode (GB/T 32907, GB/T 17964), the key wrapped for the
//! reader's SM2 key (GB/T 32918.4, ASN.1 form of GM/T 0009).
//!
//! Invariant: CBC alone proves nothing about who wrote; an envelope is opened only after the signature over it held.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use sm2::elliptic_curve::common::getrandom::SysRng;

use crate::random;
use crate::signature::Sm2Key;

/// What travels: three texts in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The SM4 key, wrapped by SM2.
    pub key: String,
    /// The vector that the first block is mixed with.
    pub iv: String,
    /// The content.
    pub content: String,
}

/// Closes an envelope for the holder of an SM2 key; none where the public key is no point of the curve.
#[must_use]
pub fn close(reader: &[u8], content: &[u8]) -> Option<Envelope> {
    let (key, iv) = (random::<16>(), random::<16>());
    let wrapped = sm2::pke::EncryptingKey::from_sec1_bytes(reader)
        .ok()?
        .encrypt_der(&mut SysRng, &key)
        .ok()?;
    let sealed = cbc::Encryptor::<sm4::Sm4>::new(&key.into(), &iv.into())
        .encrypt_padded_vec::<Pkcs7>(content);
    Some(Envelope {
        key: BASE64.encode(wrapped),
        iv: BASE64.encode(iv),
        content: BASE64.encode(sealed),
    })
}

/// Opens an envelope that was closed for this key.
#[must_use]
pub fn open(reader: &Sm2Key, envelope: &Envelope) -> Option<Vec<u8>> {
    let wrapped = BASE64.decode(&envelope.key).ok()?;
    let key: [u8; 16] = reader.unwrap_key(&wrapped)?.try_into().ok()?;
    let iv: [u8; 16] = BASE64.decode(&envelope.iv).ok()?.try_into().ok()?;
    let sealed = BASE64.decode(&envelope.content).ok()?;
    cbc::Decryptor::<sm4::Sm4>::new(&key.into(), &iv.into())
        .decrypt_padded_vec::<Pkcs7>(&sealed)
        .ok()
}
