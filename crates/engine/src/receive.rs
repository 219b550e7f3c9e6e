//! What banks push (camt.054, late pain.002): each entry once by the bank's serial, each in its own transaction. An answer other than
//! 2xx makes the bank send it again.

use anju_business::contribution::receipt::{self, Credit};
use anju_business::contribution::{collection, refund};
use anju_business::court;
use anju_business::remote::money;
use anju_casework::case::{self, PaymentReport, share};
use anju_casework::inbox::{self, Arrival};
use anju_casework::{Refusal, Result};
use anju_domain::money::Fen;
use anju_exchange::bank::{BankEntry, BankFault, OrderResult, Push, SendOutcome, read_push};

use crate::payer::Payer;
use crate::{Engine, collect};

impl Engine {
    /// Takes a push of a bank.
    ///
    /// # Errors
    /// 401 for a wrong signature, 422 for what cannot be read.
    pub async fn receive(&self, bank: &str, body: &[u8], signature: &str) -> Result<()> {
        let push = read_push(self.banks.table(), &self.bank_key, bank, body, signature).map_err(
            |fault| {
                tracing::error!(bank, %fault, "a bank's push is not taken");
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
            },
        )?;
        match push {
            Push::Entries { entries, .. } => {
                for entry in &entries {
                    self.entry(entry).await?;
                }
            }
            Push::Results { results, .. } => {
                let answers = collect::answers(&self.office, &results);
                if !answers.is_empty() {
                    collection::take(&self.office, &answers).await?;
                }
                for result in &results {
                    self.result(result).await?;
                }
            }
        }
        Ok(())
    }

    async fn entry(&self, entry: &BankEntry) -> Result<()> {
        if let Some(returned) = &entry.returned {
            return self
                .returned(entry, &returned.original, &returned.reason)
                .await;
        }
        if entry.amount.fen() > 0 {
            let remark = entry.remittance.clone().unwrap_or_default();
            receipt::receive(&self.office, &credit(entry, remark)).await?;
            return Ok(());
        }
        self.debited(entry).await
    }

    /// A debit of our account: the result of one of our orders, or something that nobody ordered.
    async fn debited(&self, entry: &BankEntry) -> Result<()> {
        let payer = entry
            .end_to_end_id
            .as_deref()
            .and_then(|id| Payer::of_end_to_end_id(&self.office, id));
        let Some(payer) = payer else {
            tracing::error!(
                bank = entry.bank,
                serial = entry.bank_ref,
                "the bank debited what nobody ordered"
            );
            metrics::counter!("bank_unordered_debit_total", "bank" => entry.bank.clone())
                .increment(1);
            return Ok(());
        };
        let report = PaymentReport {
            bank_ref: entry.bank_ref.clone(),
            amount_fen: Some(-entry.amount.fen()),
            settled_at: entry.at,
            answered_at: Some(self.office.now()),
            ..PaymentReport::default()
        };
        payer.settled(&self.office, &report).await.map(drop)
    }

    /// 退票: money that comes back after it was paid.
    async fn returned(&self, entry: &BankEntry, original: &str, reason: &str) -> Result<()> {
        if let Some((letter_id, _)) = money::of_end_to_end_id(&self.office, original) {
            let remark = format!("退回 {original} {reason}");
            money::returned(&self.office, letter_id, &credit(entry, remark), reason).await?;
            return Ok(());
        }
        if let Some(act_id) = court::pay::of_payment_id(&self.office, original) {
            let remark = format!("退回 {original} {reason}");
            let credit = credit(entry, remark);
            return court::pay::returned(&self.office, act_id, &credit, reason).await;
        }
        if let Some(refund_id) = refund::of_payment_id(&self.office, original) {
            let remark = format!("退回 {original} {reason}");
            let credit = credit(entry, remark);
            return refund::returned(&self.office, refund_id, &credit, reason).await;
        }
        if let Some((share_id, _)) = share::of_end_to_end_id(&self.office, original) {
            return self.share_returned(entry, share_id, original, reason).await;
        }
        let Some((case_id, _)) = case::of_end_to_end_id(&self.office, original) else {
            // Not one of ours after all: it is money of an unknown payer.
            let remark = format!("退回 {original} {reason}");
            receipt::receive(&self.office, &credit(entry, remark)).await?;
            return Ok(());
        };
        let mut tx = self.office.pool.begin().await?;
        let arrival = inbox::take(
            &self.office,
            &mut tx,
            &entry.bank,
            &entry.bank_ref,
            "return",
            entry.booked_on,
            entry.amount.fen(),
            Some(original),
            Some(case_id),
        )
        .await?;
        if arrival == Arrival::New {
            case::payment_returned(
                &self.office,
                &mut tx,
                case_id,
                &entry.bank,
                &entry.bank_ref,
                Some(reason),
            )
            .await?;
            tx.commit().await?;
            self.office.changed_with_messages(case_id);
        }
        Ok(())
    }

    /// What one of several payees of a case was paid has come back.
    async fn share_returned(
        &self,
        entry: &BankEntry,
        share_id: i64,
        original: &str,
        reason: &str,
    ) -> Result<()> {
        let mut tx = self.office.pool.begin().await?;
        let arrival = inbox::take(
            &self.office,
            &mut tx,
            &entry.bank,
            &entry.bank_ref,
            "return",
            entry.booked_on,
            entry.amount.fen(),
            Some(original),
            None,
        )
        .await?;
        if arrival == Arrival::New {
            let (bank, serial) = (&entry.bank, &entry.bank_ref);
            let case_id =
                share::payment_returned(&self.office, &mut tx, share_id, bank, serial, reason)
                    .await?;
            tx.commit().await?;
            self.office.changed_with_messages(case_id);
        }
        Ok(())
    }

    async fn result(&self, result: &OrderResult) -> Result<()> {
        let Some(payer) = Payer::of_end_to_end_id(&self.office, &result.end_to_end_id) else {
            return Ok(());
        };
        match &result.outcome {
            SendOutcome::Settled { bank_ref, at } => {
                let report = PaymentReport {
                    bank_ref: bank_ref.clone(),
                    amount_fen: result.amount.map(Fen::fen),
                    settled_at: Some(*at),
                    answered_at: Some(self.office.now()),
                    ..PaymentReport::default()
                };
                payer.settled(&self.office, &report).await.map(drop)
            }
            SendOutcome::Rejected { code, reason } => {
                let report = PaymentReport {
                    reason: Some(format!("{code} {reason}")),
                    ..PaymentReport::default()
                };
                payer.rejected(&self.office, &report).await
            }
            SendOutcome::Accepted | SendOutcome::Unknown { .. } => Ok(()),
        }
    }
}

/// An entry as a receipt of our account.
fn credit(entry: &BankEntry, remark: String) -> Credit {
    Credit {
        bank: entry.bank.clone(),
        serial: entry.bank_ref.clone(),
        book_date: entry.booked_on,
        amount_fen: entry.amount.fen(),
        payer_account: entry.other_account.clone().unwrap_or_default(),
        payer_name: entry.other_name.clone().unwrap_or_default(),
        remark,
        end_to_end_id: entry.end_to_end_id.clone(),
    }
}
