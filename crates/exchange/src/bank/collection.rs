//! Files of collections (委托收款批量文件): many debits in one message, answered together, asked about together.

use std::collections::HashMap;

use anju_domain::money::Fen;
use anju_wire::iso20022::{
    Account, CollectionInitiation, DirectDebit, Reason, Status, StatusReport,
};
use chrono::{DateTime, NaiveDate, Utc};

use super::{BankFault, BankLine, OrderResult, entry, unknown_why};

/// 收款文件. Debits into the centre's account at a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionFile {
    /// The bank that debits, `B1` to `B8`.
    pub bank: String,
    /// Our number of the file, at most 35 characters; the same when it is sent again.
    pub message_id: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The day on which the accounts are to be debited.
    pub collect_on: NaiveDate,
    /// At least one.
    pub debits: Vec<CollectionOrder>,
}

/// 收款指令. One debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionOrder {
    /// 端到端标识: our order's number; one debit for ever.
    pub end_to_end_id: String,
    /// More than zero.
    pub amount: Fen,
    /// Number of the contract.
    pub mandate: String,
    /// When it was signed.
    pub signed_on: NaiveDate,
    /// The account that is debited.
    pub payer_account: String,
    /// Its holder.
    pub payer_name: String,
    /// 附言.
    pub remittance: Option<String>,
}

/// What is known of a file after it was sent or asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// The bank has it, and says of each order where it stands.
    Answered(Vec<OrderResult>),
    /// The bank has never received a file with this number.
    NoSuchFile,
    /// Nobody knows: query.
    Unknown {
        /// Why, for the log.
        why: String,
    },
}

impl BankLine {
    /// Sends a file once.
    ///
    /// # Errors
    /// Only before anything is sent: a bank that is not ours, an order that cannot be written. Everything after is an outcome.
    pub async fn collect(&self, file: &CollectionFile) -> Result<FileOutcome, BankFault> {
        let xml = self.collection(file)?;
        let answer = self.post(&file.bank, "pain008", xml).await;
        Ok(outcome(file, answer))
    }

    /// Asks the bank what became of a file.
    ///
    /// # Errors
    /// A bank that is not ours.
    pub async fn query_file(&self, file: &CollectionFile) -> Result<FileOutcome, BankFault> {
        self.table.bank(&file.bank)?;
        let body = serde_json::json!({ "message_id": file.message_id }).to_string();
        let answer = self.post(&file.bank, "query", body).await;
        Ok(outcome(file, answer))
    }

    fn collection(&self, file: &CollectionFile) -> Result<String, BankFault> {
        let own = self.table.bank(&file.bank)?;
        let debits = file.debits.iter().map(|order| DirectDebit {
            end_to_end_id: order.end_to_end_id.clone(),
            amount: order.amount,
            mandate: order.mandate.clone(),
            signed_on: order.signed_on,
            debtor: Account {
                number: Some(order.payer_account.clone()),
                name: Some(order.payer_name.clone()),
                bank: Some(own.cnaps.clone()),
            },
            remittance: order.remittance.clone(),
        });
        let initiation = CollectionInitiation {
            message_id: file.message_id.clone(),
            created: file.created,
            initiator: self.table.holder.clone(),
            collection_date: file.collect_on,
            creditor: Account {
                number: Some(own.fund_account.clone()),
                name: Some(self.table.holder.clone()),
                bank: Some(own.cnaps.clone()),
            },
            debits: debits.collect(),
        };
        initiation
            .to_xml()
            .map_err(|fault| BankFault::Order(file.message_id.clone(), fault))
    }
}

fn outcome(file: &CollectionFile, answer: Result<Vec<u8>, BankFault>) -> FileOutcome {
    let report = answer.and_then(|body| {
        StatusReport::parse(&body).map_err(|fault| BankFault::Message(file.bank.clone(), fault))
    });
    let report = match report {
        Ok(report) => report,
        Err(fault) => {
            return FileOutcome::Unknown {
                why: unknown_why(&fault),
            };
        }
    };
    if report.original_message_id != file.message_id {
        return FileOutcome::Unknown {
            why: "the answer is not about our file".into(),
        };
    }
    if report.group == Some(Status::Rejected) && report.transfers.is_empty() {
        let never = report
            .group_reason
            .as_ref()
            .is_some_and(|reason| reason.0 == Reason::NO_SUCH_ORDER);
        return if never {
            FileOutcome::NoSuchFile
        } else {
            FileOutcome::Unknown {
                why: "the bank refused the file as a whole".into(),
            }
        };
    }
    let ours: HashMap<&str, Fen> = file
        .debits
        .iter()
        .map(|order| (order.end_to_end_id.as_str(), order.amount))
        .collect();
    let results = report.transfers.iter().filter_map(|status| {
        let asked = *ours.get(status.end_to_end_id.as_str())?;
        // Our ids never change their content: what the bank did under this id must be asked.
        let other = status.amount.is_some_and(|amount| amount != asked)
            || status
                .reason
                .as_ref()
                .is_some_and(|reason| reason.0 == Reason::DUPLICATE);
        (!other).then(|| OrderResult {
            end_to_end_id: status.end_to_end_id.clone(),
            outcome: entry::outcome(status),
            amount: status.amount,
        })
    });
    FileOutcome::Answered(results.collect())
}
