//! 定向授信: extracts out to banks, their words in. What a bank has not certainly taken is said again, and it takes it once.

use anju_business::contribution::credit;
use anju_casework::outbox::{self, Message};
use anju_casework::{Refusal, Result};
use anju_exchange::bank::{BankFault, read_report};

use crate::Engine;
use crate::deliver::query_after;

/// Hands a bank what a row of the outbox says.
pub(crate) async fn deliver(engine: &Engine, row: &Message) -> Result<()> {
    let office = &engine.office;
    let Some((bank, message)) = credit::message(office, &row.payload).await? else {
        return outbox::finish(office, row.outbox_id).await;
    };
    match engine.banks.refer(&bank, &message).await {
        Ok(()) => {
            credit::taken(office, &row.payload).await?;
            outbox::finish(office, row.outbox_id).await
        }
        Err(fault) => {
            tracing::warn!(outbox = row.outbox_id, bank, %fault, "a bank did not take a credit referral; it is said again");
            let again = office.now() + query_after(row.attempts);
            outbox::later(office, row.outbox_id, again).await
        }
    }
}

impl Engine {
    /// Takes what a bank says of a credit referral.
    ///
    /// # Errors
    /// 401 for a wrong signature, 422 for what cannot be read.
    pub async fn receive_credit(&self, bank: &str, body: &[u8], signature: &str) -> Result<()> {
        let report = read_report(self.banks.table(), &self.bank_key, bank, body, signature)
            .map_err(|fault| {
                tracing::error!(bank, %fault, "a bank's word about credit is not taken");
                match fault {
                    BankFault::Signature(_) | BankFault::UnknownBank(_) => Refusal::new(
                        401,
                        "E-BANK-01",
                        "签名不对，报文没有接收，请核对密钥后重发。",
                    ),
                    _ => Refusal::rule(
                        "E-BANK-02",
                        "报文读不懂，没有接收，请按接口规范改正后重发。",
                    ),
                }
            })?;
        credit::receive(&self.office, bank, &report).await
    }
}
