//! The banks' books in memory, rebuilt from their journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anju_domain::money::Fen;
use anju_wire::iso20022::{Account as Party, Reason};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{BANKS, BankCode};
use crate::clock::civil;
use crate::store::Room;

/// 银行的表现. How a bank treats payment orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Executed, answered.
    Ok,
    /// Accepted at once, executed later.
    Late,
    /// Executed, the answer is lost.
    Timeout,
    /// Executed once, told twice.
    Duplicate,
    /// Refused.
    Reject,
    /// Held until the mode changes, no answer.
    Unknown,
    /// Executed; the money comes back the next business day.
    ReturnLater,
}

impl Mode {
    /// All modes with their words, in the order in which pages show them.
    pub const ALL: [(Mode, &'static str, &'static str); 7] = [
        (Mode::Ok, "ok", "正常"),
        (Mode::Late, "late", "迟到"),
        (Mode::Timeout, "timeout", "超时"),
        (Mode::Duplicate, "duplicate", "重复"),
        (Mode::Reject, "reject", "拒付"),
        (Mode::Unknown, "unknown", "不知道结果"),
        (Mode::ReturnLater, "return_later", "以后退票"),
    ];

    /// Reads a mode by its name on the wire.
    pub fn parse(name: &str) -> Option<Mode> {
        Mode::ALL
            .iter()
            .find(|(_, code, _)| *code == name)
            .map(|(mode, ..)| *mode)
    }
}

/// 银行设置. A bank's mode with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// How orders are treated.
    pub mode: Mode,
    /// Delay of an answer.
    pub latency_ms: u32,
    /// The code with which `reject` refuses and `return_later` returns.
    pub reason: Reason,
}

impl Default for Behaviour {
    fn default() -> Behaviour {
        Behaviour {
            mode: Mode::Ok,
            latency_ms: 0,
            reason: Reason::code(Reason::CLOSED_ACCOUNT),
        }
    }
}

/// 分录. One booked line of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// 银行流水号, unique.
    pub reference: String,
    /// The outside world's instant.
    pub at: DateTime<Utc>,
    /// With sign: in is positive.
    pub amount: Fen,
    /// The other side.
    pub counterparty: Party,
    /// 附言.
    pub remittance: Option<String>,
    /// The order's id, also on its return.
    pub end_to_end_id: Option<String>,
    /// Set on both lines of a return.
    pub returned: Option<Reason>,
}

/// 账户. A fund account or a card.
#[derive(Debug)]
pub struct Account {
    /// The bank that keeps it.
    pub home: BankCode,
    /// The banks through which it was paid.
    pub through: BTreeSet<BankCode>,
    /// 余额.
    pub balance: Fen,
    /// Lines with the balance after each, oldest first.
    pub lines: Vec<(Line, Fen)>,
}

/// 付款指令. An order as the bank keeps it for ever.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The product's number of the message that brought it.
    pub message_id: String,
    /// The product's number of the payment.
    pub end_to_end_id: String,
    /// More than zero.
    pub amount: Fen,
    /// The account that pays.
    pub debtor: Party,
    /// The account that is paid.
    pub creditor: Party,
    /// 附言.
    pub remittance: Option<String>,
    /// 委托收款: the money comes to the fund account.
    #[serde(default)]
    pub collection: bool,
    /// Where it stands.
    pub state: OrderState,
}

/// 扣款账户的情况. What keeps an account from being debited; an account that nobody set has enough and has signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What is left for debits; none is plenty. What comes in adds to it.
    pub available: Option<Fen>,
    /// Closed.
    pub closed: bool,
    /// Its holder has ended the debit contract.
    pub contract_ended: bool,
}

/// 指令状态.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Until the bank's mode changes.
    Held,
    /// Until that instant of the system's own clock.
    Waiting {
        /// Milliseconds since 1970.
        due_ms: i64,
    },
    /// Executed.
    Settled {
        /// The outside world's instant.
        at: DateTime<Utc>,
        /// The debit's number.
        reference: String,
        /// The day on which the money comes back, if it will.
        return_on: Option<NaiveDate>,
    },
    /// Refused for ever.
    Rejected {
        /// Why.
        reason: Reason,
        /// The outside world's instant.
        at: DateTime<Utc>,
    },
    /// Executed, and the money has come back.
    Returned {
        /// When it had been executed.
        at: DateTime<Utc>,
        /// The debit's number.
        reference: String,
    },
}

/// What the product is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// A line of a fund account, by its place.
    Line {
        /// Account number.
        account: String,
        /// Place in its lines.
        place: usize,
    },
    /// What became of an order.
    Result {
        /// The order's id.
        end_to_end_id: String,
    },
}

/// 通知的次序: when it is due by the system's own clock, then its number.
pub type TellKey = (i64, u64);

/// What happens at the banks.
#[derive(Debug, Serialize, Deserialize)]
pub enum Event {
    /// Somebody set a bank's behaviour.
    Behaves(BankCode, Behaviour),
    /// An order came in, or moved on.
    Order(BankCode, Order),
    /// A line was booked on an account; the bank is the one through which it came.
    Booked {
        /// Account number.
        account: String,
        /// The bank that keeps it, where it is new.
        home: BankCode,
        /// The bank that booked it.
        through: BankCode,
        /// The line.
        line: Line,
    },
    /// Somebody set what keeps an account from being debited.
    Stands(String, Standing),
    /// Something is to be told.
    Tell(BankCode, TellKey, Tell),
    /// The product has taken these.
    Told(BankCode, Vec<TellKey>),
}

/// All banks' books.
#[derive(Debug)]
pub struct Banks {
    behaviours: [Behaviour; BANKS.len()],
    accounts: HashMap<String, Account>,
    standings: HashMap<String, Standing>,
    orders: HashMap<(BankCode, String), Order>,
    /// Orders of each message of collections, in its order.
    collections: HashMap<(BankCode, String), Vec<String>>,
    held: BTreeSet<(BankCode, String)>,
    waiting: BTreeSet<(i64, BankCode, String)>,
    returning: BTreeSet<(NaiveDate, BankCode, String)>,
    to_tell: [BTreeMap<TellKey, Tell>; BANKS.len()],
    next_line: u64,
    next_tell: u64,
}

impl Default for Banks {
    fn default() -> Banks {
        let fund = |bank: BankCode| {
            let account = Account {
                home: bank,
                through: BTreeSet::new(),
                balance: Fen::ZERO,
                lines: Vec::new(),
            };
            (bank.data().fund_account.to_owned(), account)
        };
        Banks {
            behaviours: Default::default(),
            accounts: BankCode::all().map(fund).collect(),
            standings: HashMap::new(),
            orders: HashMap::new(),
            collections: HashMap::new(),
            held: BTreeSet::new(),
            waiting: BTreeSet::new(),
            returning: BTreeSet::new(),
            to_tell: Default::default(),
            next_line: 1,
            next_tell: 1,
        }
    }
}

impl Banks {
    /// How the bank behaves now.
    pub fn behaviour(&self, bank: BankCode) -> &Behaviour {
        &self.behaviours[bank.index()]
    }

    /// An account by its number.
    pub fn account(&self, number: &str) -> Option<&Account> {
        self.accounts.get(number)
    }

    /// The account as that bank sees it: kept there, or paid through it.
    pub fn account_at(&self, bank: BankCode, number: &str) -> Option<&Account> {
        self.account(number)
            .filter(|account| account.home == bank || account.through.contains(&bank))
    }

    /// Cards that have lines, the latest paid first.
    pub fn cards(&self) -> Vec<(&str, &Account)> {
        let mut cards: Vec<_> = self
            .accounts
            .iter()
            .filter(|(number, account)| {
                BankCode::of_fund_account(number).is_none() && !account.lines.is_empty()
            })
            .map(|(number, account)| (number.as_str(), account))
            .collect();
        cards.sort_by_key(|(number, account)| {
            (
                std::cmp::Reverse(account.lines.last().map(|(line, _)| line.at)),
                (*number).to_owned(),
            )
        });
        cards
    }

    /// An order that the bank once received.
    pub fn order(&self, bank: BankCode, end_to_end_id: &str) -> Option<&Order> {
        self.orders.get(&(bank, end_to_end_id.to_owned()))
    }

    /// The orders of a message of collections; none where the bank never received it.
    pub fn collection(&self, bank: BankCode, message_id: &str) -> Option<Vec<&Order>> {
        let ids = self.collections.get(&(bank, message_id.to_owned()))?;
        Some(ids.iter().filter_map(|id| self.order(bank, id)).collect())
    }

    /// What keeps an account from being debited.
    pub fn standing(&self, number: &str) -> Standing {
        self.standings.get(number).cloned().unwrap_or_default()
    }

    /// Orders that wait for the bank's mode to change.
    pub fn held(&self, bank: BankCode) -> Vec<String> {
        self.held
            .iter()
            .filter(|(holder, _)| *holder == bank)
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// Orders whose execution is due.
    pub fn due(&self, lived_ms: i64) -> Vec<(BankCode, String)> {
        let due = self
            .waiting
            .iter()
            .take_while(|(due_ms, ..)| *due_ms <= lived_ms);
        due.map(|(_, bank, id)| (*bank, id.clone())).collect()
    }

    /// Orders whose money comes back on that day or earlier.
    pub fn returning(&self, today: NaiveDate) -> Vec<(BankCode, String)> {
        let due = self.returning.iter().take_while(|(day, ..)| *day <= today);
        due.map(|(_, bank, id)| (*bank, id.clone())).collect()
    }

    /// What the bank has still to tell, in order.
    pub fn to_tell(&self, bank: BankCode) -> &BTreeMap<TellKey, Tell> {
        &self.to_tell[bank.index()]
    }

    /// The number of the next line that the bank books on that day.
    pub fn next_reference(&self, bank: BankCode, at: DateTime<Utc>) -> String {
        format!("{bank}{}{:09}", civil(at).format("%Y%m%d"), self.next_line)
    }

    /// The number of the next thing to tell.
    pub fn next_tell(&self) -> u64 {
        self.next_tell
    }
}

impl Room for Banks {
    type Event = Event;
    const JOURNAL: &'static str = "bank.jsonl";

    fn apply(&mut self, event: Event) {
        match event {
            Event::Behaves(bank, behaviour) => self.behaviours[bank.index()] = behaviour,
            Event::Order(bank, order) => self.keep(bank, order),
            Event::Booked {
                account,
                home,
                through,
                line,
            } => {
                if let Some(available) = self
                    .standings
                    .get_mut(&account)
                    .and_then(|standing| standing.available.as_mut())
                {
                    *available += line.amount;
                }
                let account = self.accounts.entry(account).or_insert_with(|| Account {
                    home,
                    through: BTreeSet::new(),
                    balance: Fen::ZERO,
                    lines: Vec::new(),
                });
                account.through.insert(through);
                account.balance += line.amount;
                account.lines.push((line, account.balance));
                self.next_line += 1;
            }
            Event::Stands(account, standing) => {
                self.standings.insert(account, standing);
            }
            Event::Tell(bank, key, tell) => {
                self.to_tell[bank.index()].insert(key, tell);
                self.next_tell = self.next_tell.max(key.1 + 1);
            }
            Event::Told(bank, keys) => keys.iter().for_each(|key| {
                self.to_tell[bank.index()].remove(key);
            }),
        }
    }
}

impl Banks {
    /// Keeps an order and the lists that say what is still to be done with it.
    fn keep(&mut self, bank: BankCode, order: Order) {
        let id = order.end_to_end_id.clone();
        if let Some(before) = self.orders.get(&(bank, id.clone())) {
            let to_do = ToDo::of(&before.state);
            self.strike(to_do, bank, &id);
        } else if order.collection {
            self.collections
                .entry((bank, order.message_id.clone()))
                .or_default()
                .push(id.clone());
        }
        match ToDo::of(&order.state) {
            ToDo::Hold => {
                self.held.insert((bank, id.clone()));
            }
            ToDo::ExecuteAt(due_ms) => {
                self.waiting.insert((due_ms, bank, id.clone()));
            }
            ToDo::ReturnOn(day) => {
                self.returning.insert((day, bank, id.clone()));
            }
            ToDo::Nothing => {}
        }
        self.orders.insert((bank, id), order);
    }

    fn strike(&mut self, to_do: ToDo, bank: BankCode, id: &str) {
        match to_do {
            ToDo::Hold => self.held.remove(&(bank, id.to_owned())),
            ToDo::ExecuteAt(due_ms) => self.waiting.remove(&(due_ms, bank, id.to_owned())),
            ToDo::ReturnOn(day) => self.returning.remove(&(day, bank, id.to_owned())),
            ToDo::Nothing => false,
        };
    }
}

/// What is still to be done with an order.
enum ToDo {
    Hold,
    ExecuteAt(i64),
    ReturnOn(NaiveDate),
    Nothing,
}

impl ToDo {
    fn of(state: &OrderState) -> ToDo {
        match state {
            OrderState::Held => ToDo::Hold,
            OrderState::Waiting { due_ms } => ToDo::ExecuteAt(*due_ms),
            OrderState::Settled {
                return_on: Some(day),
                ..
            } => ToDo::ReturnOn(*day),
            OrderState::Settled { .. }
            | OrderState::Rejected { .. }
            | OrderState::Returned { .. } => ToDo::Nothing,
        }
    }
}
