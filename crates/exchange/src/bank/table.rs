//! The centre's banks and its account at each, from `policy/banks/<centre>.toml`.

use serde::Deserialize;

use super::BankFault;

/// 受托银行. A bank with the centre's account there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// `B1` to `B8`.
    pub code: String,
    /// Short Chinese name.
    pub name: String,
    /// 联行号: number in the clearing system.
    pub cnaps: String,
    /// The centre's account (公积金存款专户).
    pub fund_account: String,
}

/// 受托银行表. All banks of the centre.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankTable {
    /// Holder of every fund account: the centre's name.
    pub holder: String,
    /// In the order of the file.
    #[serde(rename = "bank")]
    pub banks: Vec<Bank>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not TOML, or other fields than these.
    #[error("reading the table of banks")]
    Toml(#[from] toml::de::Error),
    /// A code, clearing number or account stands twice.
    #[error("{0} stands twice in the table of banks")]
    Twice(String),
}

impl BankTable {
    /// Reads the table.
    ///
    /// # Errors
    /// Other content than expected, or a code, clearing number or account that stands twice.
    pub fn parse(text: &str) -> Result<BankTable, TableError> {
        let table: BankTable = toml::from_str(text)?;
        let mut seen = std::collections::BTreeSet::new();
        for bank in &table.banks {
            for value in [&bank.code, &bank.cnaps, &bank.fund_account] {
                if !seen.insert(value) {
                    return Err(TableError::Twice(value.clone()));
                }
            }
        }
        Ok(table)
    }

    /// A bank by its code.
    ///
    /// # Errors
    /// It is not in the table.
    pub fn bank(&self, code: &str) -> Result<&Bank, BankFault> {
        self.banks
            .iter()
            .find(|bank| bank.code == code)
            .ok_or_else(|| BankFault::UnknownBank(code.chars().take(40).collect()))
    }
}
