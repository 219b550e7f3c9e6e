//! camt.053, the day's statement of an account (对账单). We write and read `.08`.
//!
//! Invariant: a statement whose opening balance and entries do not give its closing balance is refused both ways.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use anju_domain::money::Fen;

use super::IsoError;
use super::account::{Account, Direction, Entry, read_own_account, write_own_account};
use super::writer::{self, ID, Writer};
use super::xml::{self, Element};

const MESSAGE: &str = "camt.053.001.08";

/// 对账单报文. One message with the statements of one or more accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The bank's number of this message.
    pub message_id: String,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// Account by account; never empty.
    pub accounts: Vec<AccountStatement>,
}

/// 对账单. One account's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatement {
    /// The bank's number of this statement.
    pub id: String,
    /// The account.
    pub account: Account,
    /// The day of the closing balance.
    pub date: NaiveDate,
    /// Balance before the day, with sign.
    pub opening: Fen,
    /// Balance after the day, with sign.
    pub closing: Fen,
    /// In the order in which the bank booked them.
    pub entries: Vec<Entry>,
}

impl Statement {
    /// Writes the message.
    ///
    /// # Errors
    /// Balances that do not add up; a text that is empty, too long or holds control characters; no account.
    pub fn to_xml(&self) -> Result<String, IsoError> {
        if self.accounts.is_empty() {
            return Err(IsoError::Missing {
                parent: "BkToCstmrStmt".into(),
                element: "Stmt".into(),
            });
        }
        self.accounts
            .iter()
            .try_for_each(AccountStatement::adds_up)?;
        let mut w = Writer::document(MESSAGE);
        w.element("BkToCstmrStmt", |w| {
            w.element("GrpHdr", |w| {
                w.text("MsgId", &self.message_id, ID);
                w.instant("CreDtTm", self.created);
            });
            self.accounts
                .iter()
                .for_each(|account| account.write(w, self.created));
        });
        w.finish()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Bytes that are not such a message; balances missing or not adding up; another currency.
    pub fn parse(bytes: &[u8]) -> Result<Statement, IsoError> {
        let (message, content) = xml::read(bytes, MESSAGE)?;
        if message != MESSAGE {
            return Err(IsoError::OtherMessage {
                expected: MESSAGE,
                found: message,
            });
        }
        let header = content.required("GrpHdr")?;
        let accounts = content
            .all("Stmt")
            .map(AccountStatement::read)
            .collect::<Result<Vec<_>, _>>()?;
        if accounts.is_empty() {
            return Err(IsoError::Missing {
                parent: content.name().into(),
                element: "Stmt".into(),
            });
        }
        Ok(Statement {
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

impl AccountStatement {
    fn adds_up(&self) -> Result<(), IsoError> {
        let booked = self.entries.iter().filter(|entry| entry.booked);
        let closing = booked
            .map(Entry::signed)
            .try_fold(self.opening, |balance, amount| balance.checked_add(amount));
        if closing == Some(self.closing) {
            return Ok(());
        }
        Err(IsoError::Total {
            element: "CLBD",
            stated: self.closing.to_string(),
            counted: closing
                .map(|balance| balance.to_string())
                .unwrap_or_default(),
        })
    }

    fn write(&self, w: &mut Writer, created: DateTime<Utc>) {
        let midnight =
            |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(8);
        w.element("Stmt", |w| {
            w.text("Id", &self.id, ID);
            w.instant("CreDtTm", created);
            w.element("FrToDt", |w| {
                w.instant("FrDtTm", midnight(self.date));
                w.instant(
                    "ToDtTm",
                    midnight(self.date) + TimeDelta::days(1) - TimeDelta::milliseconds(1),
                );
            });
            write_own_account(w, &self.account);
            write_balance(w, "OPBD", self.opening, self.date);
            write_balance(w, "CLBD", self.closing, self.date);
            self.write_summary(w);
            self.entries.iter().for_each(|entry| entry.write(w));
        });
    }

    fn write_summary(&self, w: &mut Writer) {
        w.element("TxsSummry", |w| {
            for (name, direction) in [
                ("TtlCdtNtries", Direction::Credit),
                ("TtlDbtNtries", Direction::Debit),
            ] {
                let (count, sum) = self
                    .entries
                    .iter()
                    .filter(|entry| entry.direction == direction)
                    .fold((0_u32, Fen::ZERO), |(count, sum), entry| {
                        (count + 1, sum + entry.amount)
                    });
                w.element(name, |w| {
                    w.text("NbOfNtries", &count.to_string(), ID);
                    w.text("Sum", &writer::decimal(sum), ID);
                });
            }
        });
    }

    fn read(element: &Element) -> Result<AccountStatement, IsoError> {
        let balance = |codes: &[&str]| -> Result<Option<(Fen, Option<NaiveDate>)>, IsoError> {
            for balance in element.all("Bal") {
                let code = balance.text("Tp/CdOrPrtry/Cd")?.unwrap_or_default();
                if codes.contains(&code.as_str()) {
                    let amount = Direction::read(balance)?.signed(balance.required_amount("Amt")?);
                    return Ok(Some((amount, balance.day("Dt")?)));
                }
            }
            Ok(None)
        };
        let missing = |code: &str| IsoError::Missing {
            parent: "Stmt".into(),
            element: format!("Bal {code}"),
        };
        // PRCD, the previous day's closing balance, serves where a bank sends no opening balance.
        let (opening, _) = balance(&["OPBD"])?
            .or(balance(&["PRCD"])?)
            .ok_or_else(|| missing("OPBD"))?;
        let (closing, date) = balance(&["CLBD"])?.ok_or_else(|| missing("CLBD"))?;
        let statement = AccountStatement {
            id: element.required_id("Id")?,
            account: read_own_account(element)?,
            date: date.ok_or_else(|| missing("CLBD/Dt"))?,
            opening,
            closing,
            entries: element
                .all("Ntry")
                .map(Entry::read)
                .collect::<Result<_, _>>()?,
        };
        statement.adds_up()?;
        Ok(statement)
    }
}

fn write_balance(w: &mut Writer, code: &'static str, signed: Fen, day: NaiveDate) {
    let (direction, amount) = Direction::of(signed);
    w.element("Bal", |w| {
        w.element("Tp", |w| w.element("CdOrPrtry", |w| w.text("Cd", code, ID)));
        w.amount("Amt", amount);
        w.text("CdtDbtInd", direction.code(), ID);
        w.day("Dt", day);
    });
}
