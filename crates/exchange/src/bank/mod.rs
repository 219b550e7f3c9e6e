//! The line to the banks: orders out, their results back, statements and notices in. No database.
//!
//! Invariant: what is not certain is `Unknown`. Only a signed answer about our own id and amount says that a payment was
//! made or refused; a time-out, a broken line or an answer that does not fit says nothing, and the payment is queried.
//! An order may be sent again only with the same id. `table.rs` knows the banks, `entry.rs` reads what they tell us.

mod collection;
mod credit;
mod entry;
mod table;

pub use collection::{CollectionFile, CollectionOrder, FileOutcome};
pub use credit::read_report;
pub use entry::{BankEntry, BankStatement, OrderResult, Push, Returned, read_push};
pub use table::{Bank, BankTable, TableError};

use std::sync::Arc;
use std::time::Duration;

use anju_domain::money::Fen;
use anju_vault::SharedKey;
use anju_wire::iso20022::{
    Account, CreditTransfer, IsoError, PaymentInformation, PaymentInitiation, Reason, Statement,
    Status, StatusReport, TransferStatus,
};
use chrono::{DateTime, NaiveDate, Utc};

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long an answer may take before the payment is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Header with the hexadecimal HMAC-SM3 of the body; of path and query where there is no body.
pub const SIGNATURE: &str = "x-signature";

/// 付款指令. One payment out of the centre's account at a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The bank that pays, `B1` to `B8`.
    pub bank: String,
    /// 端到端标识: our payment's number, at most 35 characters; the same when it is sent again.
    pub end_to_end_id: String,
    /// More than zero.
    pub amount: Fen,
    /// The account or card that is paid.
    pub payee_account: String,
    /// Its holder.
    pub payee_name: String,
    /// The payee's bank, if it is known.
    pub payee_bank: Option<String>,
    /// 附言.
    pub remittance: Option<String>,
    /// When the order was made.
    pub created: DateTime<Utc>,
    /// The business day on which it is to be executed.
    pub execution_date: NaiveDate,
}

/// What is known after an order was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The bank has paid.
    Settled {
        /// 银行流水号 of the debit.
        bank_ref: String,
        /// When the bank executed it.
        at: DateTime<Utc>,
    },
    /// The bank has the order; the result comes as a notice or by query.
    Accepted,
    /// The bank has not paid and will not.
    Rejected {
        /// ISO reason code.
        code: String,
        /// What a person is told.
        reason: String,
    },
    /// Nobody knows: query.
    Unknown {
        /// Why, for the log.
        why: String,
    },
}

/// What a bank says of an order when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryOutcome {
    /// The bank has received it and says where it stands.
    Known(SendOutcome),
    /// The bank has never received an order with this id.
    NoSuchOrder,
}

/// What went wrong before anything was sent, or in reading what has no outcome of its own.
#[derive(Debug, thiserror::Error)]
pub enum BankFault {
    /// The bank is not in the centre's table.
    #[error("bank {0} is not in the centre's table")]
    UnknownBank(String),
    /// The order cannot be written as a message.
    #[error("writing the order {0}")]
    Order(String, #[source] IsoError),
    /// A message of the bank cannot be read.
    #[error("reading a message of bank {0}")]
    Message(String, #[source] IsoError),
    /// A message of the bank is about something that is not ours, or lacks what is needed to book it once.
    #[error("a message of bank {bank}: {what}")]
    Content {
        /// The bank.
        bank: String,
        /// What is wrong.
        what: String,
    },
    /// The signature is missing or wrong.
    #[error("the signature of bank {0} does not hold")]
    Signature(String),
    /// The bank did not answer.
    #[error("bank {0} did not answer")]
    NoAnswer(String, #[source] reqwest::Error),
    /// The bank answered with a refusal of the request itself.
    #[error("bank {0} answered {1}")]
    Status(String, u16),
}

/// 银行专线. Speaks with all banks.
#[derive(Clone)]
pub struct BankLine {
    http: reqwest::Client,
    address: String,
    key: SharedKey,
    table: Arc<BankTable>,
}

impl BankLine {
    /// A line to the banks at that address (`127.0.0.1:8330`).
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(
        address: &str,
        key: SharedKey,
        table: Arc<BankTable>,
    ) -> Result<BankLine, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(BankLine {
            http,
            address: address.to_owned(),
            key,
            table,
        })
    }

    /// The banks of this line.
    pub fn table(&self) -> &BankTable {
        &self.table
    }

    /// Sends an order once.
    ///
    /// # Errors
    /// Only before anything is sent: a bank that is not ours, an order that cannot be written. Everything after is an
    /// outcome.
    pub async fn send(&self, order: &PaymentOrder) -> Result<SendOutcome, BankFault> {
        let xml = self.message(order)?;
        let answer = self.post(&order.bank, "pain001", xml).await;
        let status =
            match answer.and_then(|body| one_status(&order.bank, &body, &order.end_to_end_id)) {
                Ok(status) => status,
                Err(fault) => return Ok(unknown(&fault)),
            };
        if status.amount.is_some_and(|amount| amount != order.amount) {
            return Ok(SendOutcome::Unknown {
                why: "the bank's answer states another amount".into(),
            });
        }
        // Our ids never change their content. If the bank says so, what it did under this id must be asked.
        if status
            .reason
            .as_ref()
            .is_some_and(|reason| reason.0 == Reason::DUPLICATE)
        {
            return Ok(SendOutcome::Unknown {
                why: "the bank knows this id with other content".into(),
            });
        }
        Ok(entry::outcome(&status))
    }

    /// Asks the bank what became of an order.
    ///
    /// # Errors
    /// A bank that is not ours.
    pub async fn query(
        &self,
        bank: &str,
        end_to_end_id: &str,
        amount: Fen,
    ) -> Result<QueryOutcome, BankFault> {
        self.table.bank(bank)?;
        let body = serde_json::json!({ "end_to_end_id": end_to_end_id }).to_string();
        let answer = self.post(bank, "query", body).await;
        let status = match answer.and_then(|body| one_status(bank, &body, end_to_end_id)) {
            Ok(status) => status,
            Err(fault) => return Ok(QueryOutcome::Known(unknown(&fault))),
        };
        if status.status == Status::Rejected
            && status
                .reason
                .as_ref()
                .is_some_and(|reason| reason.0 == Reason::NO_SUCH_ORDER)
        {
            return Ok(QueryOutcome::NoSuchOrder);
        }
        if status.amount.is_some_and(|known| known != amount) {
            let why = "the bank knows this id with another amount".into();
            return Ok(QueryOutcome::Known(SendOutcome::Unknown { why }));
        }
        Ok(QueryOutcome::Known(entry::outcome(&status)))
    }

    /// The bank's statement of the centre's account for a day.
    ///
    /// # Errors
    /// No answer, a wrong signature, balances that do not add up, another account or day than was asked for.
    pub async fn statement(&self, bank: &str, date: NaiveDate) -> Result<BankStatement, BankFault> {
        let ours = self.table.bank(bank)?;
        let path = format!("/bank/{bank}/statement?date={date}");
        let request = self
            .http
            .get(format!("http://{}{path}", self.address))
            .header(SIGNATURE, self.key.sign_hex(path.as_bytes()));
        let body = self.answer(bank, request).await?;
        let statement =
            Statement::parse(&body).map_err(|fault| BankFault::Message(bank.to_owned(), fault))?;
        entry::own_statement(ours, date, statement)
    }

    async fn post(&self, bank: &str, call: &str, body: String) -> Result<Vec<u8>, BankFault> {
        let request = self
            .http
            .post(format!("http://{}/bank/{bank}/{call}", self.address))
            .header(SIGNATURE, self.key.sign_hex(body.as_bytes()))
            .body(body);
        self.answer(bank, request).await
    }

    /// The body of a good, signed answer.
    async fn answer(
        &self,
        bank: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Vec<u8>, BankFault> {
        let no_answer = |fault| BankFault::NoAnswer(bank.to_owned(), fault);
        let answer = request.send().await.map_err(no_answer)?;
        if !answer.status().is_success() {
            return Err(BankFault::Status(bank.to_owned(), answer.status().as_u16()));
        }
        let signature = answer
            .headers()
            .get(SIGNATURE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = answer.bytes().await.map_err(no_answer)?;
        match signature {
            Some(signature) if self.key.verify_hex(&body, &signature) => Ok(body.to_vec()),
            _ => Err(BankFault::Signature(bank.to_owned())),
        }
    }

    fn message(&self, order: &PaymentOrder) -> Result<String, BankFault> {
        let own = self.table.bank(&order.bank)?;
        let initiation = PaymentInitiation {
            // One order a message: sent again, it is the same message.
            message_id: order.end_to_end_id.clone(),
            created: order.created,
            initiator: self.table.holder.clone(),
            payments: vec![PaymentInformation {
                id: order.end_to_end_id.clone(),
                execution_date: order.execution_date,
                debtor: Account {
                    number: Some(own.fund_account.clone()),
                    name: Some(self.table.holder.clone()),
                    bank: Some(own.cnaps.clone()),
                },
                transfers: vec![CreditTransfer {
                    end_to_end_id: order.end_to_end_id.clone(),
                    amount: order.amount,
                    creditor: Account {
                        number: Some(order.payee_account.clone()),
                        name: Some(order.payee_name.clone()),
                        bank: order
                            .payee_bank
                            .as_deref()
                            .map(|bank| self.table.bank(bank).map(|bank| bank.cnaps.clone()))
                            .transpose()?,
                    },
                    remittance: order.remittance.clone(),
                }],
            }],
        };
        initiation
            .to_xml()
            .map_err(|fault| BankFault::Order(order.end_to_end_id.clone(), fault))
    }
}

/// The status of our one order; an answer about anything else is none.
fn one_status(bank: &str, body: &[u8], end_to_end_id: &str) -> Result<TransferStatus, BankFault> {
    let report =
        StatusReport::parse(body).map_err(|fault| BankFault::Message(bank.to_owned(), fault))?;
    let mut ours = report
        .transfers
        .into_iter()
        .filter(|transfer| transfer.end_to_end_id == end_to_end_id);
    match (ours.next(), ours.next()) {
        (Some(status), None) => Ok(status),
        _ => Err(BankFault::Content {
            bank: bank.to_owned(),
            what: "the answer is not about our order".into(),
        }),
    }
}

fn unknown(fault: &BankFault) -> SendOutcome {
    SendOutcome::Unknown {
        why: unknown_why(fault),
    }
}

/// A fault with all its causes, for the log.
fn unknown_why(fault: &BankFault) -> String {
    let mut why = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(fault) = cause {
        why = format!("{why}: {fault}");
        cause = fault.source();
    }
    why
}
