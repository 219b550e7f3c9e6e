//! What banks tell us: lines of our accounts and results of our orders, in our own words.

use anju_domain::money::Fen;
use anju_vault::SharedKey;
use anju_wire::iso20022::{
    AccountStatement, Entry, IsoError, Notice, Reason, Statement, Status, StatusReport,
    TransferStatus,
};
use chrono::{DateTime, NaiveDate, Utc};

use super::{Bank, BankFault, BankTable, SendOutcome};

/// 银行流水. One line of the centre's account at a bank; `bank`, `account`, `booked_on` and `bank_ref` know a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankEntry {
    /// `B1` to `B8`.
    pub bank: String,
    /// The centre's account there.
    pub account: String,
    /// 银行流水号.
    pub bank_ref: String,
    /// With sign: in is positive.
    pub amount: Fen,
    /// The bank's booking day.
    pub booked_on: NaiveDate,
    /// The bank's instant of booking, if it says it.
    pub at: Option<DateTime<Utc>>,
    /// The number of our order, on its debit and on its return; on a payment in, the payer's own.
    pub end_to_end_id: Option<String>,
    /// Account of the other side.
    pub other_account: Option<String>,
    /// Name of the other side.
    pub other_name: Option<String>,
    /// 附言.
    pub remittance: Option<String>,
    /// 退票: set when our payment came back.
    pub returned: Option<Returned>,
}

/// 退票. Which payment came back, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The number of our order; empty if the bank does not say it.
    pub original: String,
    /// The reason's code and words: `AC04 账户已销户`.
    pub reason: String,
}

/// 银行对账单. One day of the centre's account at a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankStatement {
    /// `B1` to `B8`.
    pub bank: String,
    /// The centre's account there.
    pub account: String,
    /// The day.
    pub date: NaiveDate,
    /// Balance before it.
    pub opening: Fen,
    /// Balance after it: opening plus all entries, checked when it was read.
    pub closing: Fen,
    /// In the bank's order.
    pub entries: Vec<BankEntry>,
}

/// A result that a bank tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderResult {
    /// Our order.
    pub end_to_end_id: String,
    /// What became of it.
    pub outcome: SendOutcome,
    /// The amount as the bank knows it; another than the order's is an alarm.
    pub amount: Option<Fen>,
}

/// What a bank pushes into our inbox. `message_id` is the same when the message is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// camt.054.
    Entries {
        /// The bank's number of the message.
        message_id: String,
        /// Lines of our account.
        entries: Vec<BankEntry>,
    },
    /// pain.002.
    Results {
        /// The bank's number of the message.
        message_id: String,
        /// Results of our orders.
        results: Vec<OrderResult>,
    },
}

/// Checks the signature of a push and reads it.
///
/// # Errors
/// A bank that is not ours, a wrong signature, bytes that are no such message, lines of another account or without the
/// bank's number, by which alone a repeat is known.
pub fn read_push(
    table: &BankTable,
    key: &SharedKey,
    bank: &str,
    body: &[u8],
    signature: &str,
) -> Result<Push, BankFault> {
    let ours = table.bank(bank)?;
    if !key.verify_hex(body, signature) {
        return Err(BankFault::Signature(bank.to_owned()));
    }
    let unreadable = |fault| BankFault::Message(bank.to_owned(), fault);
    let notice = match Notice::parse(body) {
        Ok(notice) => notice,
        Err(IsoError::OtherMessage { .. }) => {
            let report = StatusReport::parse(body).map_err(unreadable)?;
            let results = report.transfers.iter().map(|status| OrderResult {
                end_to_end_id: status.end_to_end_id.clone(),
                outcome: outcome(status),
                amount: status.amount,
            });
            return Ok(Push::Results {
                message_id: report.message_id,
                results: results.collect(),
            });
        }
        Err(fault) => return Err(unreadable(fault)),
    };
    let mut entries = Vec::new();
    for part in notice.accounts {
        own_account(ours, part.account.number.as_deref())?;
        entries.extend(own_entries(ours, part.entries)?);
    }
    Ok(Push::Entries {
        message_id: notice.message_id,
        entries,
    })
}

pub(super) fn own_statement(
    ours: &Bank,
    date: NaiveDate,
    statement: Statement,
) -> Result<BankStatement, BankFault> {
    let mut accounts = statement.accounts.into_iter();
    let (Some(statement), None) = (accounts.next(), accounts.next()) else {
        return Err(content(ours, "the statement is not of one account"));
    };
    let AccountStatement {
        account,
        date: of,
        opening,
        closing,
        entries,
        ..
    } = statement;
    own_account(ours, account.number.as_deref())?;
    if of != date {
        return Err(content(ours, "the statement is of another day"));
    }
    Ok(BankStatement {
        bank: ours.code.clone(),
        account: ours.fund_account.clone(),
        date,
        opening,
        closing,
        entries: own_entries(ours, entries)?,
    })
}

/// A final or open state in our words. What is settled carries the bank's number and instant, else it is not certain.
pub(super) fn outcome(status: &TransferStatus) -> SendOutcome {
    match status.status {
        Status::Settled => match (&status.bank_reference, status.accepted_at) {
            (Some(bank_ref), Some(at)) => SendOutcome::Settled {
                bank_ref: bank_ref.clone(),
                at,
            },
            _ => SendOutcome::Unknown {
                why: "settled, but without the bank's number or instant".into(),
            },
        },
        Status::Rejected => {
            let reason = status
                .reason
                .clone()
                .unwrap_or_else(|| Reason::code("MS03"));
            let words = match &status.detail {
                Some(detail) if detail != reason.words() => {
                    format!("{}（{detail}）", reason.words())
                }
                _ => reason.words().to_owned(),
            };
            SendOutcome::Rejected {
                code: reason.0,
                reason: words,
            }
        }
        Status::TechnicallyAccepted
        | Status::CustomerAccepted
        | Status::InSettlement
        | Status::Pending => SendOutcome::Accepted,
    }
}

fn own_account(ours: &Bank, number: Option<&str>) -> Result<(), BankFault> {
    if number == Some(ours.fund_account.as_str()) {
        Ok(())
    } else {
        Err(content(ours, "an account that is not the centre's"))
    }
}

/// Booked lines; what is only announced comes again when it is booked.
fn own_entries(ours: &Bank, entries: Vec<Entry>) -> Result<Vec<BankEntry>, BankFault> {
    entries
        .into_iter()
        .filter(|entry| entry.booked)
        .map(|entry| own_entry(ours, entry))
        .collect()
}

fn own_entry(ours: &Bank, entry: Entry) -> Result<BankEntry, BankFault> {
    let amount = entry.signed();
    let bank_ref = entry
        .bank_reference
        .ok_or_else(|| content(ours, "a line without the bank's number"))?;
    let booked_on = entry
        .booking_date
        .ok_or_else(|| content(ours, "a line without its day"))?;
    // A line that stands for a batch keeps its total; its parts are found by the batch's own numbers.
    let mut details = entry.details.into_iter();
    let detail = details
        .next()
        .filter(|_| details.next().is_none())
        .unwrap_or_default();
    let other = if amount < Fen::ZERO {
        detail.creditor
    } else {
        detail.debtor
    };
    Ok(BankEntry {
        bank: ours.code.clone(),
        account: ours.fund_account.clone(),
        bank_ref,
        amount,
        booked_on,
        at: entry.booked_at,
        other_account: other.number,
        other_name: other.name,
        remittance: detail.remittance,
        returned: detail.returned.map(|returned| {
            let reason = returned.reason.unwrap_or_else(|| Reason::code("MS03"));
            Returned {
                original: detail.end_to_end_id.clone().unwrap_or_default(),
                reason: reason.to_string(),
            }
        }),
        end_to_end_id: detail.end_to_end_id,
    })
}

fn content(ours: &Bank, what: &str) -> BankFault {
    BankFault::Content {
        bank: ours.code.clone(),
        what: what.to_owned(),
    }
}
