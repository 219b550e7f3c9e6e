//! What a bank does with orders, outsiders' payments and returns. Pure decisions inside one change of the books.

use anju_domain::calendar::Holidays;
use anju_domain::money::Fen;
use anju_wire::iso20022::{Account as Party, CreditTransfer, DirectDebit, Reason};
use chrono::{DateTime, NaiveDate, Utc};

use super::register::{Banks, Event, Line, Mode, Order, OrderState, Tell};
use super::{BankCode, fit};
use crate::clock::civil;
use crate::store::Draft;

/// A late bank takes at least this long.
const LATE_AT_LEAST_MS: i64 = 3_000;
/// How long a bank that loses its answer holds the line; notices of what it did come after.
pub const LOST_AFTER_MS: i64 = 10_000;
/// The second copy of a doubled notice comes in a message of its own.
const SECOND_COPY_AFTER_MS: i64 = 300;

/// The instants of one change: the outside world's and the system's own.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The outside world's instant, by which lines are booked.
    pub at: DateTime<Utc>,
    /// The system's own milliseconds, by which delays are lived.
    pub lived_ms: i64,
}

impl Moment {
    fn today(self) -> NaiveDate {
        civil(self.at).date_naive()
    }
}

/// What the bank says about an order at once.
pub enum Taken {
    /// It is kept under its id; its state is the answer.
    Kept,
    /// The id is taken by an order with other content.
    OtherContent,
}

/// 指令. An order as it comes in: a payment out of the fund account, or a collection into it.
pub struct Placed {
    message_id: String,
    end_to_end_id: String,
    amount: Fen,
    debtor: Party,
    creditor: Party,
    remittance: Option<String>,
    collection: bool,
}

impl Placed {
    /// A payment of a message.
    pub fn payment(message_id: &str, debtor: &Party, transfer: &CreditTransfer) -> Placed {
        Placed {
            message_id: message_id.to_owned(),
            end_to_end_id: transfer.end_to_end_id.clone(),
            amount: transfer.amount,
            debtor: kept_party(debtor),
            creditor: kept_party(&transfer.creditor),
            remittance: transfer
                .remittance
                .as_deref()
                .and_then(|text| fit(text, 140)),
            collection: false,
        }
    }

    /// A debit of a message.
    pub fn collection(message_id: &str, creditor: &Party, debit: &DirectDebit) -> Placed {
        Placed {
            message_id: message_id.to_owned(),
            end_to_end_id: debit.end_to_end_id.clone(),
            amount: debit.amount,
            debtor: kept_party(&debit.debtor),
            creditor: kept_party(creditor),
            remittance: debit.remittance.as_deref().and_then(|text| fit(text, 140)),
            collection: true,
        }
    }

    /// The product's number of it.
    pub fn end_to_end_id(&self) -> &str {
        &self.end_to_end_id
    }

    fn is(&self, known: &Order) -> bool {
        known.amount == self.amount
            && known.creditor.number == self.creditor.number
            && known.collection == self.collection
            && (!self.collection || known.debtor.number == self.debtor.number)
    }

    fn with(&self, state: OrderState) -> Order {
        Order {
            message_id: self.message_id.clone(),
            end_to_end_id: self.end_to_end_id.clone(),
            amount: self.amount,
            debtor: self.debtor.clone(),
            creditor: self.creditor.clone(),
            remittance: self.remittance.clone(),
            collection: self.collection,
            state,
        }
    }
}

/// Takes an order: executes, holds or refuses it by the bank's mode, or finds it again.
pub fn take(
    books: &mut Draft<'_, Banks>,
    bank: BankCode,
    placed: &Placed,
    card_bank: Option<BankCode>,
    moment: Moment,
) -> Taken {
    if let Some(known) = books.order(bank, &placed.end_to_end_id) {
        let same = placed.is(known);
        if same && books.behaviour(bank).mode == Mode::Duplicate && is_final(&known.state) {
            tell_result(books, bank, &placed.end_to_end_id, moment.lived_ms);
        }
        return if same {
            Taken::Kept
        } else {
            Taken::OtherContent
        };
    }
    let behaviour = books.behaviour(bank).clone();
    let latency_ms = i64::from(behaviour.latency_ms);
    match behaviour.mode {
        Mode::Reject => {
            let rejected = OrderState::Rejected {
                reason: behaviour.reason,
                at: moment.at,
            };
            books.record(Event::Order(bank, placed.with(rejected)));
        }
        Mode::Unknown => books.record(Event::Order(bank, placed.with(OrderState::Held))),
        Mode::Late => {
            let due_ms = moment.lived_ms + latency_ms.max(LATE_AT_LEAST_MS);
            books.record(Event::Order(
                bank,
                placed.with(OrderState::Waiting { due_ms }),
            ));
        }
        Mode::Ok | Mode::Timeout | Mode::Duplicate | Mode::ReturnLater => {
            let notice_after_ms = if behaviour.mode == Mode::Timeout {
                LOST_AFTER_MS
            } else {
                latency_ms
            };
            // What was collected is not returned: the bank debits an account only for money that is there.
            let return_on = (behaviour.mode == Mode::ReturnLater && !placed.collection)
                .then(|| Holidays::default().add_working_days(moment.today(), 1));
            let execution = Execution {
                bank,
                card_bank,
                notice_after_ms,
                return_on,
                moment,
            };
            execution.run(books, placed.with(OrderState::Held));
            if behaviour.mode == Mode::Duplicate {
                let twice_ms = moment.lived_ms + latency_ms + SECOND_COPY_AFTER_MS;
                tell_result(books, bank, &placed.end_to_end_id, twice_ms);
            }
        }
    }
    Taken::Kept
}

/// Executes what was waiting or held, and tells the result: nobody else waits for it.
pub fn execute_later(
    books: &mut Draft<'_, Banks>,
    bank: BankCode,
    end_to_end_id: &str,
    card_bank: Option<BankCode>,
    moment: Moment,
) {
    let Some(order) = books.order(bank, end_to_end_id).cloned() else {
        return;
    };
    if !matches!(order.state, OrderState::Held | OrderState::Waiting { .. }) {
        return;
    }
    let execution = Execution {
        bank,
        card_bank,
        notice_after_ms: 0,
        return_on: None,
        moment,
    };
    execution.run(books, order);
    tell_result(books, bank, end_to_end_id, moment.lived_ms);
}

/// Books the return of a payment whose day has come.
pub fn give_back(
    books: &mut Draft<'_, Banks>,
    bank: BankCode,
    end_to_end_id: &str,
    moment: Moment,
) {
    let Some(order) = books.order(bank, end_to_end_id).cloned() else {
        return;
    };
    let OrderState::Settled {
        at,
        reference,
        return_on: Some(_),
    } = order.state.clone()
    else {
        return;
    };
    let reason = books.behaviour(bank).reason.clone();
    let (from, to) = (order.creditor.clone(), fund_party(bank));
    let movement = Movement {
        bank,
        moment,
        remittance: Some(format!("退票：{}", reason.words())),
        end_to_end_id: Some(order.end_to_end_id.clone()),
        returned: Some(reason),
    };
    movement.book(books, &from, &to, -order.amount, None);
    let place = movement.book(books, &to, &from, order.amount, None);
    tell_line(books, bank, &to, place, moment.lived_ms);
    books.record(Event::Order(
        bank,
        Order {
            state: OrderState::Returned { at, reference },
            ..order
        },
    ));
}

/// An outsider's payment into an account of the bank.
pub struct Outsider {
    /// The account that is paid.
    pub to: String,
    /// Who pays.
    pub payer: Party,
    /// More than zero.
    pub amount: Fen,
    /// 附言.
    pub remittance: Option<String>,
}

/// Books an outsider's payment and returns its number and the balance after it.
pub fn pay_in(
    books: &mut Draft<'_, Banks>,
    bank: BankCode,
    paid: &Outsider,
    moment: Moment,
) -> (String, Fen) {
    let movement = Movement {
        bank,
        moment,
        remittance: paid.remittance.clone(),
        end_to_end_id: None,
        returned: None,
    };
    let to = Party {
        number: Some(paid.to.clone()),
        ..Party::default()
    };
    let place = movement.book(books, &to, &paid.payer, paid.amount, None);
    tell_line(books, bank, &to, place, moment.lived_ms);
    books
        .account(&paid.to)
        .and_then(|account| account.lines.get(place))
        .map(|(line, balance)| (line.reference.clone(), *balance))
        .expect("the line was booked a moment ago")
}

fn is_final(state: &OrderState) -> bool {
    !matches!(state, OrderState::Held | OrderState::Waiting { .. })
}

/// How an order is carried out.
struct Execution {
    bank: BankCode,
    /// Where a card that nobody knows yet is kept.
    card_bank: Option<BankCode>,
    notice_after_ms: i64,
    return_on: Option<NaiveDate>,
    moment: Moment,
}

impl Execution {
    /// Pays, or refuses for ever.
    fn run(self, books: &mut Draft<'_, Banks>, order: Order) {
        let Execution { bank, moment, .. } = self;
        if let Some(code) = refusal(books, bank, &order) {
            let rejected = OrderState::Rejected {
                reason: Reason::code(code),
                at: moment.at,
            };
            books.record(Event::Order(
                bank,
                Order {
                    state: rejected,
                    ..order
                },
            ));
            return;
        }
        let movement = Movement {
            bank,
            moment,
            remittance: order.remittance.clone(),
            end_to_end_id: Some(order.end_to_end_id.clone()),
            returned: None,
        };
        let own = fund_party(bank);
        let reference = books.next_reference(bank, moment.at);
        if order.collection {
            let place = movement.book(books, &own, &order.debtor, order.amount, None);
            movement.book(books, &order.debtor, &own, -order.amount, self.card_bank);
            let due_ms = moment.lived_ms + self.notice_after_ms;
            tell_line(books, bank, &own, place, due_ms);
            let settled = OrderState::Settled {
                at: moment.at,
                reference,
                return_on: None,
            };
            books.record(Event::Order(
                bank,
                Order {
                    state: settled,
                    ..order
                },
            ));
            return;
        }
        let place = movement.book(books, &own, &order.creditor, -order.amount, None);
        let credited = movement.book(books, &order.creditor, &own, order.amount, self.card_bank);
        let due_ms = moment.lived_ms + self.notice_after_ms;
        tell_line(books, bank, &own, place, due_ms);
        // A fund account at another bank is told by the bank that keeps it.
        tell_line(books, bank, &order.creditor, credited, due_ms);
        let settled = OrderState::Settled {
            at: moment.at,
            reference,
            return_on: self.return_on,
        };
        books.record(Event::Order(
            bank,
            Order {
                state: settled,
                ..order
            },
        ));
    }
}

/// Why an order cannot be executed.
fn refusal(books: &Banks, bank: BankCode, order: &Order) -> Option<&'static str> {
    let fund = bank.data().fund_account;
    if order.collection {
        return collection_refusal(books, fund, order);
    }
    if order.debtor.number.as_deref() != Some(fund) {
        return Some("AC02");
    }
    match order.creditor.number.as_deref() {
        None => return Some(Reason::INCORRECT_ACCOUNT),
        Some(number) if number == fund => return Some(Reason::INCORRECT_ACCOUNT),
        Some(number) if books.standing(number).closed => return Some(Reason::CLOSED_ACCOUNT),
        Some(_) => {}
    }
    let balance = books
        .account(fund)
        .map_or(Fen::ZERO, |account| account.balance);
    (balance < order.amount).then_some(Reason::INSUFFICIENT_FUNDS)
}

/// Why an account cannot be debited.
fn collection_refusal(books: &Banks, fund: &str, order: &Order) -> Option<&'static str> {
    if order.creditor.number.as_deref() != Some(fund) {
        return Some("AC03");
    }
    let Some(number) = order
        .debtor
        .number
        .as_deref()
        .filter(|number| *number != fund)
    else {
        return Some("AC02");
    };
    let standing = books.standing(number);
    if standing.closed {
        return Some(Reason::CLOSED_ACCOUNT);
    }
    if standing.contract_ended {
        return Some(Reason::NO_MANDATE);
    }
    standing
        .available
        .is_some_and(|available| available < order.amount)
        .then_some(Reason::INSUFFICIENT_FUNDS)
}

/// Money that moves through a bank, booked one account at a time.
struct Movement {
    bank: BankCode,
    moment: Moment,
    remittance: Option<String>,
    end_to_end_id: Option<String>,
    returned: Option<Reason>,
}

impl Movement {
    /// Books one side and returns the line's place on the account.
    fn book(
        &self,
        books: &mut Draft<'_, Banks>,
        account: &Party,
        other: &Party,
        signed: Fen,
        card_bank: Option<BankCode>,
    ) -> usize {
        let number = account.number.clone().unwrap_or_default();
        let named = account.bank.as_deref().and_then(BankCode::by_cnaps);
        let line = Line {
            reference: books.next_reference(self.bank, self.moment.at),
            at: self.moment.at,
            amount: signed,
            counterparty: other.clone(),
            remittance: self.remittance.clone(),
            end_to_end_id: self.end_to_end_id.clone(),
            returned: self.returned.clone(),
        };
        books.record(Event::Booked {
            account: number.clone(),
            home: named.or(card_bank).unwrap_or(self.bank),
            through: self.bank,
            line,
        });
        books
            .account(&number)
            .map_or(0, |account| account.lines.len().saturating_sub(1))
    }
}

fn fund_party(bank: BankCode) -> Party {
    Party {
        number: Some(bank.data().fund_account.to_owned()),
        name: Some(bank.data().holder.to_owned()),
        bank: Some(bank.data().cnaps.to_owned()),
    }
}

/// A party as the bank keeps it: what its own messages can carry. An account number that is too long is none.
fn kept_party(party: &Party) -> Party {
    Party {
        number: party
            .number
            .as_deref()
            .filter(|number| number.chars().count() <= 34)
            .and_then(|n| fit(n, 34)),
        name: party.name.as_deref().and_then(|name| fit(name, 140)),
        bank: party.bank.as_deref().and_then(|bank| fit(bank, 35)),
    }
}

/// Tells the product of a line if the account is a fund account; twice where the bank doubles.
fn tell_line(
    books: &mut Draft<'_, Banks>,
    through: BankCode,
    account: &Party,
    place: usize,
    due_ms: i64,
) {
    let Some(number) = &account.number else {
        return;
    };
    let Some(keeper) = BankCode::of_fund_account(number) else {
        return;
    };
    let tell = Tell::Line {
        account: number.clone(),
        place,
    };
    let copies = if books.behaviour(through).mode == Mode::Duplicate {
        2
    } else {
        1
    };
    for copy in 0..copies {
        let key = (due_ms + copy * SECOND_COPY_AFTER_MS, books.next_tell());
        books.record(Event::Tell(keeper, key, tell.clone()));
    }
}

fn tell_result(books: &mut Draft<'_, Banks>, bank: BankCode, end_to_end_id: &str, due_ms: i64) {
    let key = (due_ms, books.next_tell());
    books.record(Event::Tell(
        bank,
        key,
        Tell::Result {
            end_to_end_id: end_to_end_id.to_owned(),
        },
    ));
}
