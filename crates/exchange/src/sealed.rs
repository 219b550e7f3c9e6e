//! ID numbers inside facts (密封证件号): a fact may name another person only sealed.

use anju_vault::{Vault, VaultError};

const PURPOSE: &str = "fact.id_no";

/// Why a sealed number cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// Not what [`seal_id`] makes.
    #[error("this is no sealed ID number")]
    Form,
    /// The vault refuses.
    #[error("opening a sealed ID number")]
    Vault(#[from] VaultError),
}

/// Seals an ID number for a fact's `id_sealed` field.
#[must_use]
pub fn seal_id(vault: &Vault, id_no: &str) -> String {
    hex::encode(vault.seal(PURPOSE, id_no.as_bytes()))
}

/// Opens an `id_sealed` field, for asking a source about that person.
pub fn open_id(vault: &Vault, sealed: &str) -> Result<String, SealedError> {
    let bytes = hex::decode(sealed).map_err(|_| SealedError::Form)?;
    String::from_utf8(vault.open(PURPOSE, &bytes)?).map_err(|_| SealedError::Form)
}
