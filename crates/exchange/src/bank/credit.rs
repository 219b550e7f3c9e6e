//! 定向授信 on the bank's line: what is said to a bank about a referral, and what it says. Nothing of a subject reaches a log.

use anju_vault::SharedKey;
use anju_wire::credit::{Referral, Report};

use super::{BankFault, BankLine, BankTable};

impl BankLine {
    /// Says something about a referral. The bank has it once its signed answer names it; sent again, it does nothing there.
    ///
    /// # Errors
    /// A bank that is not ours, no answer, or one that is not about this referral.
    pub async fn refer(&self, bank: &str, referral: &Referral) -> Result<(), BankFault> {
        self.table.bank(bank)?;
        let body = String::from_utf8(referral.to_json()).map_err(|_| BankFault::Content {
            bank: bank.to_owned(),
            what: "a referral is not text".to_owned(),
        })?;
        let answer = self.post(bank, "credit", body).await?;
        let named = serde_json::from_slice::<serde_json::Value>(&answer)
            .ok()
            .is_some_and(|answer| answer["taken"] == referral.referral_no.as_str());
        if named {
            Ok(())
        } else {
            Err(BankFault::Content {
                bank: bank.to_owned(),
                what: "the answer is not about our referral".to_owned(),
            })
        }
    }
}

/// Reads what a bank says of a referral.
///
/// # Errors
/// A bank that is not ours, a wrong signature, a message that cannot be read.
pub fn read_report(
    table: &BankTable,
    key: &SharedKey,
    bank: &str,
    body: &[u8],
    signature: &str,
) -> Result<Report, BankFault> {
    table.bank(bank)?;
    if !key.verify_hex(body, signature) {
        return Err(BankFault::Signature(bank.to_owned()));
    }
    Report::parse(body).map_err(|fault| BankFault::Content {
        bank: bank.to_owned(),
        what: fault.to_string(),
    })
}
