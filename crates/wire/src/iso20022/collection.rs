//! pain.008, collection orders (收款指令, 委托收款): money out of accounts whose holders have signed for it. We write and read `.08`.

use chrono::{DateTime, NaiveDate, Utc};

use anju_domain::money::Fen;

use super::IsoError;
use super::account::{self, Account};
use super::total::{self, Totals};
use super::writer::{ID, TEXT, Writer};
use super::xml;

const MESSAGE: &str = "pain.008.001.08";

/// 收款指令报文. One message with one or more debits into one account on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionInitiation {
    /// The sender's number of this message, at most 35 characters.
    pub message_id: String,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// Name of the collecting institution.
    pub initiator: String,
    /// The day on which the bank is to debit.
    pub collection_date: NaiveDate,
    /// The account that receives.
    pub creditor: Account,
    /// Never empty.
    pub debits: Vec<DirectDebit>,
}

/// 单笔收款. One debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectDebit {
    /// 端到端标识: ours, at most 35 characters; one debit for ever.
    pub end_to_end_id: String,
    /// More than zero.
    pub amount: Fen,
    /// 协议号: the number of what the holder has signed, at most 35 characters.
    pub mandate: String,
    /// The day on which it was signed.
    pub signed_on: NaiveDate,
    /// The account that is debited.
    pub debtor: Account,
    /// 附言, at most 140 characters.
    pub remittance: Option<String>,
}

impl CollectionInitiation {
    /// Writes the message.
    ///
    /// # Errors
    /// A text that is empty, too long or holds control characters; an amount that is not positive; no debits.
    pub fn to_xml(&self) -> Result<String, IsoError> {
        if self.debits.is_empty() {
            return Err(xml::missing("PmtInf", "DrctDbtTxInf"));
        }
        if let Some(debit) = self.debits.iter().find(|debit| debit.amount <= Fen::ZERO) {
            return Err(xml::bad("InstdAmt", &debit.amount.to_string()));
        }
        let mut w = Writer::document(MESSAGE);
        w.element("CstmrDrctDbtInitn", |w| {
            w.element("GrpHdr", |w| {
                w.text("MsgId", &self.message_id, ID);
                w.instant("CreDtTm", self.created);
                total::write(w, self.totals());
                w.element("InitgPty", |w| w.text("Nm", &self.initiator, TEXT));
            });
            w.element("PmtInf", |w| {
                w.text("PmtInfId", &self.message_id, ID);
                w.text("PmtMtd", "DD", ID);
                total::write(w, self.totals());
                w.text("ReqdColltnDt", &self.collection_date.to_string(), ID);
                self.creditor.write_party(w, "Cdtr");
                self.creditor.write_number(w, "CdtrAcct");
                self.creditor.write_agent(w, "CdtrAgt");
                self.debits.iter().for_each(|debit| debit.write(w));
            });
        });
        w.finish()
    }

    fn totals(&self) -> Totals {
        Totals::of(self.debits.iter().map(|debit| debit.amount))
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Bytes that are not such a message; a count or sum in it that differs from its debits; an amount that is not positive
    /// renminbi; several groups, or another means than a direct debit.
    pub fn parse(bytes: &[u8]) -> Result<CollectionInitiation, IsoError> {
        let (message, content) = xml::read(bytes, MESSAGE)?;
        if message != MESSAGE {
            return Err(IsoError::OtherMessage {
                expected: MESSAGE,
                found: message,
            });
        }
        let header = content.required("GrpHdr")?;
        let group = content.required("PmtInf")?;
        let means = group.required_text("PmtMtd")?;
        if means != "DD" {
            return Err(xml::bad("PmtMtd", &means));
        }
        let debits = group
            .all("DrctDbtTxInf")
            .map(DirectDebit::read)
            .collect::<Result<Vec<_>, _>>()?;
        if debits.is_empty() {
            return Err(xml::missing("PmtInf", "DrctDbtTxInf"));
        }
        let counted = Totals::of(debits.iter().map(|debit| debit.amount));
        total::check(header, true, counted)?;
        total::check(group, false, counted)?;
        Ok(CollectionInitiation {
            message_id: header.required_id("MsgId")?,
            created: header
                .instant("CreDtTm")?
                .ok_or_else(|| xml::missing("GrpHdr", "CreDtTm"))?,
            initiator: header.text("InitgPty/Nm")?.unwrap_or_default(),
            collection_date: day(group, "ReqdColltnDt")?,
            creditor: Account::read(group, "Cdtr", "CdtrAcct", "CdtrAgt")?,
            debits,
        })
    }
}

fn day(element: &xml::Element, name: &str) -> Result<NaiveDate, IsoError> {
    let text = element.required_text(name)?;
    text.parse().map_err(|_| xml::bad(name, &text))
}

impl DirectDebit {
    fn write(&self, w: &mut Writer) {
        w.element("DrctDbtTxInf", |w| {
            w.element("PmtId", |w| w.text("EndToEndId", &self.end_to_end_id, ID));
            w.amount("InstdAmt", self.amount);
            w.element("DrctDbtTx", |w| {
                w.element("MndtRltdInf", |w| {
                    w.text("MndtId", &self.mandate, ID);
                    w.text("DtOfSgntr", &self.signed_on.to_string(), ID);
                });
            });
            self.debtor.write_agent(w, "DbtrAgt");
            self.debtor.write_party(w, "Dbtr");
            self.debtor.write_number(w, "DbtrAcct");
            if let Some(remittance) = &self.remittance {
                w.element("RmtInf", |w| w.text("Ustrd", remittance, TEXT));
            }
        });
    }

    fn read(element: &xml::Element) -> Result<DirectDebit, IsoError> {
        let amount = element.required_amount("InstdAmt")?;
        if amount <= Fen::ZERO {
            return Err(xml::bad("InstdAmt", &amount.to_string()));
        }
        let mandate = element.required("DrctDbtTx")?.required("MndtRltdInf")?;
        Ok(DirectDebit {
            end_to_end_id: element.required_id("PmtId/EndToEndId")?,
            amount,
            mandate: mandate.required_id("MndtId")?,
            signed_on: day(mandate, "DtOfSgntr")?,
            debtor: Account::read(element, "Dbtr", "DbtrAcct", "DbtrAgt")?,
            remittance: account::remittance(element)?,
        })
    }
}
