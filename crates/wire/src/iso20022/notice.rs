//! camt.054, notices of money that moved (账户变动通知). We write and read `.08`.

use chrono::{DateTime, Utc};

use super::IsoError;
use super::account::{Account, Entry, read_own_account, write_own_account};
use super::writer::{ID, Writer};
use super::xml;

const MESSAGE: &str = "camt.054.001.08";

/// 账户变动通知. One message about one or more accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The bank's number of this message; the same message has the same number when it is sent again.
    pub message_id: String,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// Account by account; never empty.
    pub accounts: Vec<AccountNotice>,
}

/// What moved on one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNotice {
    /// The bank's number of this part.
    pub id: String,
    /// The account.
    pub account: Account,
    /// In the order in which the bank booked them.
    pub entries: Vec<Entry>,
}

impl Notice {
    /// Writes the message.
    ///
    /// # Errors
    /// A text that is empty, too long or holds control characters; a negative amount; no account.
    pub fn to_xml(&self) -> Result<String, IsoError> {
        if self.accounts.is_empty() {
            return Err(IsoError::Missing {
                parent: "BkToCstmrDbtCdtNtfctn".into(),
                element: "Ntfctn".into(),
            });
        }
        let mut w = Writer::document(MESSAGE);
        w.element("BkToCstmrDbtCdtNtfctn", |w| {
            w.element("GrpHdr", |w| {
                w.text("MsgId", &self.message_id, ID);
                w.instant("CreDtTm", self.created);
            });
            for part in &self.accounts {
                w.element("Ntfctn", |w| {
                    w.text("Id", &part.id, ID);
                    write_own_account(w, &part.account);
                    part.entries.iter().for_each(|entry| entry.write(w));
                });
            }
        });
        w.finish()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Bytes that are not such a message; an entry without amount or direction; another currency.
    pub fn parse(bytes: &[u8]) -> Result<Notice, IsoError> {
        let (message, content) = xml::read(bytes, MESSAGE)?;
        if message != MESSAGE {
            return Err(IsoError::OtherMessage {
                expected: MESSAGE,
                found: message,
            });
        }
        let header = content.required("GrpHdr")?;
        let accounts = content
            .all("Ntfctn")
            .map(|part| {
                Ok(AccountNotice {
                    id: part.required_id("Id")?,
                    account: read_own_account(part)?,
                    entries: part
                        .all("Ntry")
                        .map(Entry::read)
                        .collect::<Result<_, IsoError>>()?,
                })
            })
            .collect::<Result<Vec<_>, IsoError>>()?;
        if accounts.is_empty() {
            return Err(IsoError::Missing {
                parent: content.name().into(),
                element: "Ntfctn".into(),
            });
        }
        Ok(Notice {
            message_id: header.required_id("MsgId")?,
            created: header
                .instant("CreDtTm")?
                .ok_or_else(|| IsoError::Missing {
                    parent: "GrpHdr".into(),
                    element: "CreDtTm".into(),
                })?,
            accounts,
        })
    }
}
