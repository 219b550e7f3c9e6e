//! What statements, notices and orders share: accounts and booked entries (账户与分录).

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use anju_domain::money::Fen;

use super::IsoError;
use super::status::Reason;
use super::writer::{ACCOUNT, ACCOUNT_NAME, ID, INFORMATION, Max, TEXT, Writer};
use super::xml::{self, Element};

/// 账户. An account with what is known of it; in messages that we read the parts may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 账号, at most 34 characters.
    pub number: Option<String>,
    /// 户名, at most 140 characters.
    pub name: Option<String>,
    /// 联行号: the bank's number in the clearing system.
    pub bank: Option<String>,
}

impl Account {
    pub(super) fn write_party(&self, w: &mut Writer, name: &'static str) {
        if let Some(holder) = &self.name {
            w.element(name, |w| w.text("Nm", holder, TEXT));
        } else {
            w.element(name, |_| {});
        }
    }

    pub(super) fn write_number(&self, w: &mut Writer, name: &'static str) {
        if let Some(number) = &self.number {
            w.element(name, |w| write_account_id(w, number));
        }
    }

    pub(super) fn write_agent(&self, w: &mut Writer, name: &'static str) {
        w.element(name, |w| {
            w.element("FinInstnId", |w| match &self.bank {
                Some(bank) => write_member(w, bank),
                // The schema's own words for an agent that nobody named.
                None => w.element("Othr", |w| w.text("Id", "NOTPROVIDED", ID)),
            });
        });
    }

    /// Reads party, account and agent that stand beside each other.
    pub(super) fn read(
        parent: &Element,
        party: &str,
        account: &str,
        agent: &str,
    ) -> Result<Account, IsoError> {
        let bank = match parent.optional(agent)? {
            Some(agent) => agent.text("FinInstnId/ClrSysMmbId/MmbId")?,
            None => None,
        };
        Ok(Account {
            number: read_number(parent, account)?,
            name: parent.text(&format!("{party}/Nm"))?,
            bank,
        })
    }
}

fn write_account_id(w: &mut Writer, number: &str) {
    w.element("Id", |w| {
        w.element("Othr", |w| w.text("Id", number, ACCOUNT))
    });
}

fn write_member(w: &mut Writer, bank: &str) {
    w.element("ClrSysMmbId", |w| {
        w.element("ClrSysId", |w| w.text("Cd", "CNAPS", ID));
        w.text("MmbId", bank, ID);
    });
}

fn read_number(parent: &Element, account: &str) -> Result<Option<String>, IsoError> {
    let Some(account) = parent.optional(account)? else {
        return Ok(None);
    };
    match account.text("Id/Othr/Id")? {
        Some(number) => Ok(Some(number)),
        None => account.text("Id/IBAN"),
    }
}

/// The unstructured remittance information, its lines joined.
pub(super) fn remittance(element: &Element) -> Result<Option<String>, IsoError> {
    let Some(information) = element.optional("RmtInf")? else {
        return Ok(None);
    };
    let lines: Vec<&str> = information
        .all("Ustrd")
        .map(Element::own_text)
        .filter(|line| !line.is_empty())
        .collect();
    Ok(if lines.is_empty() {
        None
    } else {
        Some(lines.join(" "))
    })
}

/// 借贷方向. Seen from the account's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Money came in.
    Credit,
    /// Money went out.
    Debit,
}

impl Direction {
    pub(super) fn code(self) -> &'static str {
        match self {
            Direction::Credit => "CRDT",
            Direction::Debit => "DBIT",
        }
    }

    pub(super) fn read(element: &Element) -> Result<Direction, IsoError> {
        match element.required_text("CdtDbtInd")?.as_str() {
            "CRDT" => Ok(Direction::Credit),
            "DBIT" => Ok(Direction::Debit),
            other => Err(xml::bad("CdtDbtInd", other)),
        }
    }

    /// The amount with its sign: in is positive.
    #[must_use]
    pub fn signed(self, amount: Fen) -> Fen {
        match self {
            Direction::Credit => amount,
            Direction::Debit => -amount,
        }
    }

    /// The direction of a signed amount and the amount without its sign.
    #[must_use]
    pub fn of(signed: Fen) -> (Direction, Fen) {
        if signed < Fen::ZERO {
            (Direction::Debit, -signed)
        } else {
            (Direction::Credit, signed)
        }
    }
}

/// 分录. One line of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 银行流水号: the bank's number of this line, unique at the bank; by it a repeat is known.
    pub bank_reference: Option<String>,
    /// In or out.
    pub direction: Direction,
    /// Without sign.
    pub amount: Fen,
    /// False while the bank has only announced it.
    pub booked: bool,
    /// The bank's booking day.
    pub booking_date: Option<NaiveDate>,
    /// The bank's instant of booking, where it says more than the day.
    pub booked_at: Option<DateTime<Utc>>,
    /// 起息日.
    pub value_date: Option<NaiveDate>,
    /// One where the line is one payment; several where the bank booked a batch; may be empty.
    pub details: Vec<EntryDetail>,
}

/// 分录明细. One payment behind a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryDetail {
    /// The payer's own number of the payment; for our debits and their returns it is ours.
    pub end_to_end_id: Option<String>,
    /// The part of the line, where the bank says it.
    pub amount: Option<Fen>,
    /// Who paid.
    pub debtor: Account,
    /// Who was paid.
    pub creditor: Account,
    /// 附言.
    pub remittance: Option<String>,
    /// Set when a payment came back (退票).
    pub returned: Option<Return>,
}

/// 退票. Why a payment came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The bank's code.
    pub reason: Option<Reason>,
    /// The bank's own words.
    pub detail: Option<String>,
}

impl Entry {
    /// The amount with its sign: in is positive.
    #[must_use]
    pub fn signed(&self) -> Fen {
        self.direction.signed(self.amount)
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let returned = self.details.iter().any(|detail| detail.returned.is_some());
        w.element("Ntry", |w| {
            w.optional_text("NtryRef", self.bank_reference.as_deref(), ID);
            w.amount("Amt", self.amount);
            w.text("CdtDbtInd", self.direction.code(), ID);
            w.element("Sts", |w| {
                w.text("Cd", if self.booked { "BOOK" } else { "PDNG" }, ID)
            });
            match (self.booked_at, self.booking_date) {
                (Some(at), _) => w.element("BookgDt", |w| w.instant("DtTm", at)),
                (None, Some(day)) => w.day("BookgDt", day),
                (None, None) => {}
            }
            if let Some(day) = self.value_date {
                w.day("ValDt", day);
            }
            w.optional_text("AcctSvcrRef", self.bank_reference.as_deref(), ID);
            write_transaction_code(w, self.direction, returned);
            if !self.details.is_empty() {
                w.element("NtryDtls", |w| {
                    self.details
                        .iter()
                        .for_each(|detail| detail.write(w, self.bank_reference.as_deref()));
                });
            }
        });
    }

    pub(super) fn read(element: &Element) -> Result<Entry, IsoError> {
        let status = match element.text("Sts/Cd")? {
            Some(status) => status,
            // Versions up to .07 have the code itself.
            None => element.required_text("Sts")?,
        };
        let mut details = Vec::new();
        for group in element.all("NtryDtls") {
            for detail in group.all("TxDtls") {
                details.push(EntryDetail::read(detail)?);
            }
        }
        let reference = match element.text("AcctSvcrRef")? {
            Some(reference) => Some(reference),
            None => match element.optional("NtryDtls")? {
                Some(group) => only(group.all("TxDtls"))
                    .map_or(Ok(None), |detail| detail.text("Refs/AcctSvcrRef"))?,
                None => None,
            },
        };
        let booked_at = match element.optional("BookgDt")? {
            Some(choice) => choice.instant("DtTm")?,
            None => None,
        };
        Ok(Entry {
            bank_reference: reference,
            direction: Direction::read(element)?,
            amount: element.required_amount("Amt")?,
            booked: status == "BOOK",
            booking_date: element.day("BookgDt")?,
            booked_at,
            value_date: element.day("ValDt")?,
            details,
        })
    }
}

fn only<'a>(mut elements: impl Iterator<Item = &'a Element>) -> Option<&'a Element> {
    let first = elements.next()?;
    if elements.next().is_some() {
        None
    } else {
        Some(first)
    }
}

impl EntryDetail {
    fn write(&self, w: &mut Writer, bank_reference: Option<&str>) {
        w.element("TxDtls", |w| {
            w.element("Refs", |w| {
                w.optional_text("AcctSvcrRef", bank_reference, ID);
                w.optional_text("EndToEndId", self.end_to_end_id.as_deref(), ID);
            });
            if let Some(amount) = self.amount {
                w.amount("Amt", amount);
            }
            w.element("RltdPties", |w| {
                write_related(w, "Dbtr", "DbtrAcct", &self.debtor);
                write_related(w, "Cdtr", "CdtrAcct", &self.creditor);
            });
            if self.debtor.bank.is_some() || self.creditor.bank.is_some() {
                w.element("RltdAgts", |w| {
                    for (name, account) in [("DbtrAgt", &self.debtor), ("CdtrAgt", &self.creditor)]
                    {
                        if account.bank.is_some() {
                            account.write_agent(w, name);
                        }
                    }
                });
            }
            if let Some(remittance) = &self.remittance {
                w.element("RmtInf", |w| w.text("Ustrd", remittance, TEXT));
            }
            if let Some(returned) = &self.returned {
                w.element("RtrInf", |w| {
                    if let Some(Reason(code)) = &returned.reason {
                        w.element("Rsn", |w| w.text("Cd", code, Max(4)));
                    }
                    w.optional_text("AddtlInf", returned.detail.as_deref(), INFORMATION);
                });
            }
        });
    }

    fn read(element: &Element) -> Result<EntryDetail, IsoError> {
        let parties = element.optional("RltdPties")?;
        let agents = element.optional("RltdAgts")?;
        let side = |party: &str, account: &str, agent: &str| -> Result<Account, IsoError> {
            let Some(parties) = parties else {
                return Ok(Account::default());
            };
            let name = match parties.text(&format!("{party}/Pty/Nm"))? {
                Some(name) => Some(name),
                // Versions up to .07 have no choice between a party and an agent.
                None => parties.text(&format!("{party}/Nm"))?,
            };
            let bank = match agents {
                Some(agents) => agents.text(&format!("{agent}/FinInstnId/ClrSysMmbId/MmbId"))?,
                None => None,
            };
            Ok(Account {
                number: read_number(parties, account)?,
                name,
                bank,
            })
        };
        let returned = match element.optional("RtrInf")? {
            None => None,
            Some(information) => Some(Return {
                reason: information.text("Rsn/Cd")?.map(Reason),
                detail: information
                    .all("AddtlInf")
                    .next()
                    .map(|text| text.own_text().to_owned()),
            }),
        };
        Ok(EntryDetail {
            // "NOTPROVIDED" is what banks write where the payer gave none.
            end_to_end_id: element
                .text("Refs/EndToEndId")?
                .filter(|id| id != "NOTPROVIDED"),
            amount: element.amount("Amt")?,
            debtor: side("Dbtr", "DbtrAcct", "DbtrAgt")?,
            creditor: side("Cdtr", "CdtrAcct", "CdtrAgt")?,
            remittance: remittance(element)?,
            returned,
        })
    }
}

fn write_related(
    w: &mut Writer,
    party: &'static str,
    account_name: &'static str,
    account: &Account,
) {
    if let Some(holder) = &account.name {
        w.element(party, |w| w.element("Pty", |w| w.text("Nm", holder, TEXT)));
    }
    account.write_number(w, account_name);
}

fn write_transaction_code(w: &mut Writer, direction: Direction, returned: bool) {
    let (family, kind) = match (direction, returned) {
        (Direction::Debit, _) => ("ICDT", "DMCT"),
        (Direction::Credit, false) => ("RCDT", "DMCT"),
        (Direction::Credit, true) => ("ICDT", "RRTN"),
    };
    w.element("BkTxCd", |w| {
        w.element("Domn", |w| {
            w.text("Cd", "PMNT", ID);
            w.element("Fmly", |w| {
                w.text("Cd", family, ID);
                w.text("SubFmlyCd", kind, ID);
            });
        });
    });
}

/// The account that a statement or a notice is about.
pub(super) fn write_own_account(w: &mut Writer, account: &Account) {
    w.element("Acct", |w| {
        if let Some(number) = &account.number {
            write_account_id(w, number);
        }
        w.text("Ccy", "CNY", ID);
        w.optional_text("Nm", account.name.as_deref(), ACCOUNT_NAME);
        if let Some(bank) = &account.bank {
            w.element("Svcr", |w| {
                w.element("FinInstnId", |w| write_member(w, bank))
            });
        }
    });
}

pub(super) fn read_own_account(parent: &Element) -> Result<Account, IsoError> {
    let account = parent.required("Acct")?;
    let name = match account.text("Nm")? {
        Some(name) => Some(name),
        None => account.text("Ownr/Nm")?,
    };
    if let Some(currency) = account.text("Ccy")?
        && currency != "CNY"
    {
        return Err(IsoError::Currency(currency));
    }
    Ok(Account {
        number: read_number(parent, "Acct")?,
        name,
        bank: account.text("Svcr/FinInstnId/ClrSysMmbId/MmbId")?,
    })
}
