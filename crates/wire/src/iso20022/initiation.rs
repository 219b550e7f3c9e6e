//! pain.001, payment orders (付款指令). We write `.09` and read `.03` and `.09`.

use chrono::{DateTime, NaiveDate, Utc};

use anju_domain::money::Fen;

use super::IsoError;
use super::account::Account;
use super::total::{self, Totals};
use super::writer::{ID, TEXT, Writer};
use super::xml;

const MESSAGE: &str = "pain.001.001.09";
const READABLE: &str = "pain.001.001.03/09";

/// 付款指令报文. One message with one or more payments out of one or more accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentInitiation {
    /// The sender's number of this message, at most 35 characters.
    pub message_id: String,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// Name of the paying institution.
    pub initiator: String,
    /// Groups by account and day; never empty.
    pub payments: Vec<PaymentInformation>,
}

/// 付款批次. Payments out of one account on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentInformation {
    /// The sender's number of this group, at most 35 characters.
    pub id: String,
    /// The day on which the bank is to execute.
    pub execution_date: NaiveDate,
    /// The account that pays.
    pub debtor: Account,
    /// Never empty.
    pub transfers: Vec<CreditTransfer>,
}

/// 单笔付款. One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransfer {
    /// 端到端标识: ours, at most 35 characters; one payment for ever.
    pub end_to_end_id: String,
    /// More than zero.
    pub amount: Fen,
    /// The account that is paid.
    pub creditor: Account,
    /// 附言, at most 140 characters.
    pub remittance: Option<String>,
}

impl PaymentInitiation {
    /// Writes the message.
    ///
    /// # Errors
    /// A text that is empty, too long or holds control characters; an amount that is not positive; no payments.
    pub fn to_xml(&self) -> Result<String, IsoError> {
        let transfers = || self.payments.iter().flat_map(|payment| &payment.transfers);
        if self
            .payments
            .iter()
            .any(|payment| payment.transfers.is_empty())
            || self.payments.is_empty()
        {
            return Err(IsoError::Missing {
                parent: "PmtInf".into(),
                element: "CdtTrfTxInf".into(),
            });
        }
        if let Some(transfer) = transfers().find(|transfer| transfer.amount <= Fen::ZERO) {
            return Err(xml::bad("InstdAmt", &transfer.amount.to_string()));
        }
        let mut w = Writer::document(MESSAGE);
        w.element("CstmrCdtTrfInitn", |w| {
            w.element("GrpHdr", |w| {
                w.text("MsgId", &self.message_id, ID);
                w.instant("CreDtTm", self.created);
                total::write(w, totals(transfers()));
                w.element("InitgPty", |w| w.text("Nm", &self.initiator, TEXT));
            });
            self.payments.iter().for_each(|payment| payment.write(w));
        });
        w.finish()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Bytes that are not such a message; a count or sum in it that differs from its payments; an amount that is not
    /// positive renminbi; a cheque or another means than a transfer.
    pub fn parse(bytes: &[u8]) -> Result<PaymentInitiation, IsoError> {
        let (message, content) = xml::read(bytes, READABLE)?;
        if !matches!(xml::version_of(&message, "pain.001.001"), Some("03" | "09")) {
            return Err(IsoError::OtherMessage {
                expected: READABLE,
                found: message,
            });
        }
        let header = content.required("GrpHdr")?;
        let payments = content
            .all("PmtInf")
            .map(PaymentInformation::read)
            .collect::<Result<Vec<_>, IsoError>>()?;
        let initiation = PaymentInitiation {
            message_id: header.required_id("MsgId")?,
            created: header
                .instant("CreDtTm")?
                .ok_or_else(|| IsoError::Missing {
                    parent: "GrpHdr".into(),
                    element: "CreDtTm".into(),
                })?,
            initiator: header.text("InitgPty/Nm")?.unwrap_or_default(),
            payments,
        };
        let transfers: Vec<_> = initiation
            .payments
            .iter()
            .flat_map(|payment| &payment.transfers)
            .collect();
        if transfers.is_empty() {
            return Err(IsoError::Missing {
                parent: content.name().into(),
                element: "CdtTrfTxInf".into(),
            });
        }
        total::check(header, true, totals(transfers.into_iter()))?;
        Ok(initiation)
    }
}

impl PaymentInformation {
    fn write(&self, w: &mut Writer) {
        w.element("PmtInf", |w| {
            w.text("PmtInfId", &self.id, ID);
            w.text("PmtMtd", "TRF", ID);
            total::write(w, totals(self.transfers.iter()));
            w.day("ReqdExctnDt", self.execution_date);
            self.debtor.write_party(w, "Dbtr");
            self.debtor.write_number(w, "DbtrAcct");
            self.debtor.write_agent(w, "DbtrAgt");
            for transfer in &self.transfers {
                w.element("CdtTrfTxInf", |w| {
                    w.element("PmtId", |w| {
                        w.text("EndToEndId", &transfer.end_to_end_id, ID)
                    });
                    w.element("Amt", |w| w.amount("InstdAmt", transfer.amount));
                    if transfer.creditor.bank.is_some() {
                        transfer.creditor.write_agent(w, "CdtrAgt");
                    }
                    transfer.creditor.write_party(w, "Cdtr");
                    transfer.creditor.write_number(w, "CdtrAcct");
                    if let Some(remittance) = &transfer.remittance {
                        w.element("RmtInf", |w| w.text("Ustrd", remittance, TEXT));
                    }
                });
            }
        });
    }

    fn read(element: &xml::Element) -> Result<PaymentInformation, IsoError> {
        let means = element.required_text("PmtMtd")?;
        if means != "TRF" {
            return Err(xml::bad("PmtMtd", &means));
        }
        let transfers = element
            .all("CdtTrfTxInf")
            .map(CreditTransfer::read)
            .collect::<Result<Vec<_>, _>>()?;
        total::check(element, false, totals(transfers.iter()))?;
        Ok(PaymentInformation {
            id: element.required_id("PmtInfId")?,
            execution_date: execution_date(element)?,
            debtor: Account::read(element, "Dbtr", "DbtrAcct", "DbtrAgt")?,
            transfers,
        })
    }
}

/// `.03` has the day itself where `.09` has a choice of day and instant.
fn execution_date(element: &xml::Element) -> Result<NaiveDate, IsoError> {
    if let Some(day) = element.day("ReqdExctnDt")? {
        return Ok(day);
    }
    let text = element.required_text("ReqdExctnDt")?;
    text.parse().map_err(|_| xml::bad("ReqdExctnDt", &text))
}

impl CreditTransfer {
    fn read(element: &xml::Element) -> Result<CreditTransfer, IsoError> {
        let amount = element.required_amount("Amt/InstdAmt")?;
        if amount <= Fen::ZERO {
            return Err(xml::bad("InstdAmt", &amount.to_string()));
        }
        Ok(CreditTransfer {
            end_to_end_id: element.required_id("PmtId/EndToEndId")?,
            amount,
            creditor: Account::read(element, "Cdtr", "CdtrAcct", "CdtrAgt")?,
            remittance: super::account::remittance(element)?,
        })
    }
}

fn totals<'a>(transfers: impl Iterator<Item = &'a CreditTransfer>) -> Totals {
    Totals::of(transfers.map(|transfer| transfer.amount))
}
