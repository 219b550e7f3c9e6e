//! The banks' books as messages: notices, status reports, statements.

use anju_domain::money::Fen;
use anju_wire::iso20022::{
    Account as Party, AccountNotice, AccountStatement, Direction, Entry, EntryDetail, Notice,
    Original, Return, Statement, Status, StatusReport, TransferStatus,
};
use chrono::{DateTime, NaiveDate, Utc};

use super::BankCode;
use super::register::{Banks, Line, Order, OrderState, Tell, TellKey};
use crate::clock::civil;

/// Lines that one notice carries at most.
const MOST_LINES: usize = 100;

/// A message for the product and what it settles when the product has taken it.
pub struct Message {
    /// The message itself.
    pub xml: String,
    /// What need not be told again.
    pub settles: Vec<TellKey>,
}

/// The bank's next message that is due, if any. The same things give the same message number, also after a restart.
pub fn next_message(
    books: &Banks,
    bank: BankCode,
    lived_ms: i64,
    at: DateTime<Utc>,
) -> Option<Message> {
    let mut due = books
        .to_tell(bank)
        .iter()
        .take_while(|((due_ms, _), _)| *due_ms <= lived_ms)
        .peekable();
    let (first_key, first) = due.next()?;
    match first {
        Tell::Result { end_to_end_id } => {
            let order = books.order(bank, end_to_end_id)?;
            let report = StatusReport {
                message_id: format!("{bank}R{:010}", first_key.1),
                created: at,
                original_message_id: order.message_id.clone(),
                original: original_of(order),
                group: None,
                group_reason: None,
                transfers: vec![status_of(order)],
            };
            Some(Message {
                xml: written(report.to_xml()),
                settles: vec![*first_key],
            })
        }
        Tell::Line { account, place } => {
            let mut keys = vec![*first_key];
            let mut places = vec![*place];
            while keys.len() < MOST_LINES {
                // A second copy of a line travels in a message of its own.
                let Some((
                    key,
                    Tell::Line {
                        account: next,
                        place,
                    },
                )) = due.next_if(
                    |(_, tell)| matches!(tell, Tell::Line { place, .. } if !places.contains(place)),
                )
                else {
                    break;
                };
                debug_assert_eq!(next, account, "a bank keeps one fund account");
                keys.push(*key);
                places.push(*place);
            }
            let lines = &books.account(account)?.lines;
            let (first, last) = (first_key.1, keys.last().map_or(first_key.1, |key| key.1));
            let id = format!("{bank}N{first:010}-{last}-{}", keys.len());
            let notice = Notice {
                message_id: id.clone(),
                created: at,
                accounts: vec![AccountNotice {
                    id,
                    account: fund_account(bank),
                    entries: places
                        .iter()
                        .filter_map(|place| lines.get(*place))
                        .map(|(line, _)| entry(line))
                        .collect(),
                }],
            };
            Some(Message {
                xml: written(notice.to_xml()),
                settles: keys,
            })
        }
    }
}

/// The statement of the bank's fund account for that day, as it stands now.
pub fn statement(books: &Banks, bank: BankCode, date: NaiveDate, at: DateTime<Utc>) -> String {
    let lines = books
        .account(bank.data().fund_account)
        .map_or(&[][..], |account| &account.lines);
    let day_of = |line: &Line| civil(line.at).date_naive();
    let opening: Fen = lines
        .iter()
        .filter(|(line, _)| day_of(line) < date)
        .map(|(line, _)| line.amount)
        .sum();
    let entries: Vec<Entry> = lines
        .iter()
        .filter(|(line, _)| day_of(line) == date)
        .map(|(line, _)| entry(line))
        .collect();
    let id = format!("{bank}S{}", date.format("%Y%m%d"));
    let statement = Statement {
        message_id: id.clone(),
        created: at,
        accounts: vec![AccountStatement {
            id,
            account: fund_account(bank),
            date,
            opening,
            closing: entries
                .iter()
                .map(Entry::signed)
                .fold(opening, |balance, amount| balance + amount),
            entries,
        }],
    };
    written(statement.to_xml())
}

/// Which kind of message brought an order.
pub fn original_of(order: &Order) -> Original {
    if order.collection {
        Original::Collection
    } else {
        Original::Payment
    }
}

/// Where an order stands, in the words of the wire.
pub fn status_of(order: &Order) -> TransferStatus {
    let (status, reason, accepted_at, bank_reference) = match &order.state {
        OrderState::Held => (Status::Pending, None, None, None),
        OrderState::Waiting { .. } => (Status::InSettlement, None, None, None),
        OrderState::Settled { at, reference, .. } | OrderState::Returned { at, reference } => {
            (Status::Settled, None, Some(*at), Some(reference.clone()))
        }
        OrderState::Rejected { reason, at } => {
            (Status::Rejected, Some(reason.clone()), Some(*at), None)
        }
    };
    TransferStatus {
        end_to_end_id: order.end_to_end_id.clone(),
        status,
        detail: reason.as_ref().map(|reason| reason.words().to_owned()),
        reason,
        accepted_at,
        bank_reference,
        amount: Some(order.amount),
    }
}

fn fund_account(bank: BankCode) -> Party {
    Party {
        number: Some(bank.data().fund_account.to_owned()),
        name: Some(bank.data().holder.to_owned()),
        bank: Some(bank.data().cnaps.to_owned()),
    }
}

fn entry(line: &Line) -> Entry {
    let (direction, amount) = Direction::of(line.amount);
    let other = line.counterparty.clone();
    let (debtor, creditor) = match direction {
        Direction::Credit => (other, Party::default()),
        Direction::Debit => (Party::default(), other),
    };
    Entry {
        bank_reference: Some(line.reference.clone()),
        direction,
        amount,
        booked: true,
        booking_date: Some(civil(line.at).date_naive()),
        booked_at: Some(line.at),
        value_date: Some(civil(line.at).date_naive()),
        details: vec![EntryDetail {
            end_to_end_id: line.end_to_end_id.clone(),
            amount: Some(amount),
            debtor,
            creditor,
            remittance: line.remittance.clone(),
            returned: line.returned.as_ref().map(|reason| Return {
                reason: Some(reason.clone()),
                detail: Some(reason.words().to_owned()),
            }),
        }],
    }
}

/// Everything that a bank keeps was cut to what its messages can carry when it came in.
pub fn written(xml: Result<String, anju_wire::iso20022::IsoError>) -> String {
    xml.expect("a bank's own books always fit its messages")
}
