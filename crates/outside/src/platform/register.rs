//! What the platform remembers: centres, messages on their way, and the people and letters of the centres that it simulates.

use std::collections::{BTreeMap, HashSet};

use anju_vault::SharedKey;
use anju_wire::platform::{CentreOfPlatform, Letter, Message, Sheet};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CHENGDU, HOME, RunCentre};
use crate::store::Room;

/// How a simulated centre treats a letter (表现).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// It does what it should.
    #[default]
    Ok,
    /// It refuses every letter.
    Refuse,
    /// It pays a fen less than its sheet says; told of it, it corrects the sheet.
    OtherAmount,
    /// The same, but told of it, it says nothing.
    Stubborn,
    /// It takes letters and never answers.
    Silent,
    /// It says everything twice, the second time under another number.
    Twice,
    /// Its bank refuses to pay, three times.
    PayFail,
    /// As the in-centre it disputes what it receives, and sends the money back.
    Dispute,
}

/// A centre of the platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Centre {
    /// Name.
    pub name: String,
    /// Its account for transferred money.
    pub account: String,
    /// Where it listens; empty: simulated (or the centre of this home, which needs no registration).
    #[serde(default)]
    pub address: String,
    /// Hexadecimal secret of its line to departments and platform.
    #[serde(default)]
    pub key: String,
    /// The same of its line to its bank.
    #[serde(default)]
    pub bank_key: String,
    /// How it behaves while it is simulated.
    #[serde(default)]
    pub mood: Mood,
}

impl Centre {
    /// Where and how it is reached, if it has registered.
    pub(super) fn run(&self) -> Option<RunCentre> {
        Some(RunCentre {
            address: Some(self.address.clone()).filter(|address| !address.is_empty())?,
            key: key(&self.key)?,
            bank_key: key(&self.bank_key)?,
        })
    }
}

/// A secret of 64 hexadecimal digits.
pub(super) fn key(text: &str) -> Option<SharedKey> {
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    Some(SharedKey::from_bytes(bytes))
}

/// A person's account at a simulated centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Whether it is sealed: only then it may leave.
    #[serde(default = "yes")]
    pub sealed: bool,
    /// Frozen by a court.
    #[serde(default)]
    pub frozen: bool,
    /// Housing loans that are not paid back.
    #[serde(default)]
    pub open_loans: i32,
    /// Principal, fen.
    pub balance_fen: i64,
    /// Interest of a closing, fen.
    #[serde(default)]
    pub interest_fen: i64,
    /// When it was opened.
    pub opened_on: NaiveDate,
    /// Months contributed, `YYYY-MM`, oldest first.
    #[serde(default)]
    pub months: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// On which side of a letter a simulated centre stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The person comes to it.
    In,
    /// The person leaves it.
    Out,
}

/// A letter as a simulated centre keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The simulated centre.
    pub centre: String,
    /// The other one.
    pub other: String,
    /// Which side it is on.
    pub side: Side,
    /// Where it stands, in the words of contribution.md §12.
    pub state: String,
    /// The letter itself.
    pub letter: Letter,
    /// The sheet that was sent or received.
    pub sheet: Option<Sheet>,
    /// Fen that have come.
    pub received_fen: i64,
    /// What the other side said last, where it was no good news.
    pub reason: String,
}

/// What happens at the platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A centre registered, or changed.
    Centre {
        /// Its code.
        code: String,
        /// What it is now.
        centre: Centre,
    },
    /// A message was taken.
    Taken {
        /// The message.
        message: Message,
    },
    /// A message was handed over.
    Handed {
        /// To whom.
        to: String,
        /// Its place in the queue.
        number: u64,
    },
    /// A simulated centre's account was opened, changed or closed.
    Account {
        /// The centre.
        centre: String,
        /// 证件号码.
        id_no: String,
        /// The account; none: closed.
        account: Option<Account>,
    },
    /// A simulated centre's letter moved.
    Letter {
        /// 联系函号.
        letter_no: String,
        /// What it is now.
        kept: Kept,
    },
}

/// Everything that the platform remembers.
#[derive(Debug)]
pub struct Register {
    centres: BTreeMap<String, Centre>,
    seen: HashSet<(String, String)>,
    to_hand: BTreeMap<String, BTreeMap<u64, Message>>,
    next: u64,
    accounts: BTreeMap<(String, String), Account>,
    letters: BTreeMap<String, Kept>,
}

impl Default for Register {
    fn default() -> Register {
        let centre = |name: &str, account: &str| Centre {
            name: name.to_owned(),
            account: account.to_owned(),
            address: String::new(),
            key: String::new(),
            bank_key: String::new(),
            mood: Mood::Ok,
        };
        let centres = [
            (HOME, centre("重庆市住房公积金管理中心", "6500001001")),
            (CHENGDU, centre("成都住房公积金管理中心", "5101009001")),
            ("110000", centre("北京住房公积金管理中心", "1101009001")),
        ];
        Register {
            centres: centres
                .into_iter()
                .map(|(code, centre)| (code.to_owned(), centre))
                .collect(),
            seen: HashSet::new(),
            to_hand: BTreeMap::new(),
            next: 1,
            accounts: BTreeMap::new(),
            letters: BTreeMap::new(),
        }
    }
}

impl Register {
    /// All centres.
    pub fn centres(&self) -> impl Iterator<Item = (&str, &Centre)> {
        self.centres
            .iter()
            .map(|(code, centre)| (code.as_str(), centre))
    }

    /// A centre.
    pub fn centre(&self, code: &str) -> Option<&Centre> {
        self.centres.get(code)
    }

    /// What the platform says of a centre that is asked for by its code.
    pub fn told(&self, code: &str) -> Option<CentreOfPlatform> {
        self.centre(code).map(|centre| CentreOfPlatform {
            code: code.to_owned(),
            name: centre.name.clone(),
        })
    }

    /// Whether a message was taken before.
    pub fn knows(&self, from: &str, message_id: &str) -> bool {
        self.seen
            .contains(&(from.to_owned(), message_id.to_owned()))
    }

    /// The oldest messages that wait for a centre, with their places.
    pub fn waiting(&self, centre: &str, most: usize) -> Vec<(u64, Message)> {
        let queue = self.to_hand.get(centre).into_iter().flatten();
        queue
            .take(most)
            .map(|(number, message)| (*number, message.clone()))
            .collect()
    }

    /// How many messages wait for a centre.
    pub fn waits(&self, centre: &str) -> usize {
        self.to_hand.get(centre).map_or(0, BTreeMap::len)
    }

    /// The number of the next message.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// An account of a simulated centre.
    pub fn account(&self, centre: &str, id_no: &str) -> Option<&Account> {
        self.accounts.get(&(centre.to_owned(), id_no.to_owned()))
    }

    /// A letter of a simulated centre.
    pub fn letter(&self, letter_no: &str) -> Option<&Kept> {
        self.letters.get(letter_no)
    }

    /// Letters of simulated centres that wait for money.
    pub fn awaiting_money(&self) -> Vec<(String, Kept)> {
        let waits = |kept: &&Kept| match kept.side {
            Side::In => kept.state == "FUNDS_SENT",
            Side::Out => kept.state == "NEGOTIATING",
        };
        self.letters
            .iter()
            .filter(|(_, kept)| waits(kept))
            .map(|(no, kept)| (no.clone(), kept.clone()))
            .collect()
    }
}

impl Room for Register {
    type Event = Event;
    const JOURNAL: &'static str = "platform.jsonl";

    fn apply(&mut self, event: Event) {
        match event {
            Event::Centre { code, centre } => {
                self.centres.insert(code, centre);
            }
            Event::Taken { message } => {
                self.seen
                    .insert((message.from.clone(), message.message_id.clone()));
                self.to_hand
                    .entry(message.to.clone())
                    .or_default()
                    .insert(self.next, message);
                self.next += 1;
            }
            Event::Handed { to, number } => {
                if let Some(queue) = self.to_hand.get_mut(&to) {
                    queue.remove(&number);
                }
            }
            Event::Account {
                centre,
                id_no,
                account,
            } => {
                match account {
                    Some(account) => self.accounts.insert((centre, id_no), account),
                    None => self.accounts.remove(&(centre, id_no)),
                };
            }
            Event::Letter { letter_no, kept } => {
                self.letters.insert(letter_no, kept);
            }
        }
    }
}
