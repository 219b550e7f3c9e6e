//! The departments and institutions (部门): each keeps its own register in its own codes and answers in them.
//!
//! Invariant: what the product learns it learns through `POST /gateway/…` ([`door`]); the control door ([`control`]) changes
//! registers and moods, and nothing else does. Read [`Registers`] first, then one source such as `civil.rs`.

pub(crate) mod ask;
mod bank_loan;
mod batch;
mod bigdata;
mod cert_index;
mod civil;
mod column;
pub(crate) mod company;
mod comparison;
pub mod control;
mod court;
mod court_desk;
mod credit;
mod disabled;
mod dispute;
pub mod door;
mod estate;
mod files_in;
mod finance;
mod health;
mod home_loan;
mod housing;
mod hrss;
mod immigration;
mod judgment;
pub(crate) mod keys;
mod list;
mod market;
mod medins;
mod national;
mod payment_card;
mod police;
mod presale;
pub mod push;
mod settle;
mod sichuan;
mod status;
mod talent;
mod tax;
mod tax_register;
mod told;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anju_vault::SharedKey;
use anju_wire::gateway::{GatewaySigner, NonceWindow, SignType, equal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::store::{Room, Store, StoreError};
use column::Column;
use comparison::Comparison;
pub use list::{SOURCES, Source, source_of};

/// A record in its source's own fields.
pub type Row = Map<String, Value>;

/// Looks at a record with the eyes of the question; false where the record is not the one that was asked for.
type Answer = fn(&Asked<'_>, &Row, &mut Row) -> bool;

/// A question at a register.
pub(crate) struct Asked<'q> {
    /// ID number or credit code.
    pub(crate) subject: &'q str,
    /// The name that the police have registered under it, where they have one.
    pub(crate) name: Option<&'q str>,
    /// All keys.
    pub(crate) keys: &'q Row,
}

impl Asked<'_> {
    /// Whether a list of people names the one who is asked about, by number or by name. Nobody is missed in an empty list.
    fn is_among(&self, people: &[&str]) -> bool {
        people.is_empty()
            || people
                .iter()
                .any(|one| *one == self.subject || Some(*one) == self.name)
    }

    /// Whether a number of the question is that of the record; a number that the record does not hold, or that nobody asked by, is no
    /// difference.
    fn same(&self, row: &Row, field: &str) -> bool {
        let text = |row: &Row| {
            let text = row.get(field)?.as_str()?;
            (!text.is_empty()).then(|| text.to_uppercase())
        };
        match (text(self.keys), text(row)) {
            (Some(asked), Some(held)) => asked == held,
            _ => true,
        }
    }
}

/// The texts of a list in a record.
fn texts<'r>(row: &'r Row, field: &str) -> Vec<&'r str> {
    let list = row.get(field).and_then(Value::as_array);
    list.map_or_else(Vec::new, |list| {
        list.iter().filter_map(Value::as_str).collect()
    })
}

/// Of a record with another number than the one asked by nothing is told but that it does not hold.
fn hush_unless(holds: bool, verdict: &str, said: &mut Row) {
    if !holds {
        said.clear();
        said.insert(verdict.to_owned(), Value::from("0"));
    }
}

/// Says yes or no where the record does not say it itself.
fn say_whether(row: &Row, field: &str, holds: bool, said: &mut Row) {
    if !row.contains_key(field) {
        let code = if holds { "1" } else { "0" };
        said.insert(field.to_owned(), Value::from(code));
    }
}

/// Completes a record before it is entered; the message says what is wrong with it.
type Prepare = fn(&mut Row) -> Result<(), String>;

/// How one type stands in its source's register.
pub struct Form {
    /// The type.
    pub fact_type: &'static str,
    /// The source's field for the subject.
    pub subject: &'static str,
    /// Its fields.
    columns: &'static [Column],
    /// What is compared with the caller's keys.
    comparison: Option<Comparison>,
    /// Completes what the door was given; the message says what is wrong.
    prepare: Option<Prepare>,
}

/// A list and its number must agree; what is not given is an empty list.
fn count_the_list(given: &mut Row, list: &str) -> Result<(), String> {
    let listed = given
        .entry(list)
        .or_insert_with(|| Value::Array(Vec::new()));
    let number = listed.as_array().map_or(0, Vec::len);
    match given.get("count").and_then(Value::as_u64) {
        Some(count) if count != number as u64 => {
            Err(format!("count 应等于 {list} 的条数 {number}"))
        }
        _ => {
            given.insert("count".to_owned(), Value::from(number));
            Ok(())
        }
    }
}

static FORMS: &[&[Form]] = &[
    police::FORMS,
    civil::FORMS,
    estate::FORMS,
    housing::FORMS,
    tax::FORMS,
    home_loan::FORMS,
    hrss::FORMS,
    disabled::FORMS,
    immigration::FORMS,
    market::FORMS,
    court::FORMS,
    health::FORMS,
    medins::FORMS,
    national::FORMS,
    payment_card::FORMS,
    credit::FORMS,
    finance::FORMS,
    talent::FORMS,
    tax_register::FORMS,
    judgment::FORMS,
    presale::FORMS,
    bigdata::FORMS,
    sichuan::FORMS,
    settle::FORMS,
    status::FORMS,
    bank_loan::FORMS,
];

fn form(fact_type: &str) -> Option<&'static Form> {
    (FORMS.iter().flat_map(|forms| forms.iter())).find(|form| form.fact_type == fact_type)
}

/// What an answer of a type says of who or what was asked about, beyond the record itself.
fn answer(fact_type: &str) -> Option<Answer> {
    [
        estate::ANSWERS,
        housing::ANSWERS,
        tax::ANSWERS,
        home_loan::ANSWERS,
    ]
    .iter()
    .flat_map(|answers| answers.iter())
    .find(|(named, _)| *named == fact_type)
    .map(|(_, answer)| *answer)
}

/// The field of the subject; sources without a form of their own speak the control door's fields.
fn subject_field(fact_type: &str) -> &'static str {
    form(fact_type).map_or("subject", |form| form.subject)
}

/// How a source behaves (表现).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It answers.
    #[default]
    Ok,
    /// It cannot be reached.
    Down,
    /// It takes the question and says nothing.
    Hang,
    /// It answers with half a document.
    Malformed,
    /// It vouches for a time long ago.
    Stale,
    /// It answers about somebody else.
    WrongPerson,
    /// It vouches for a time that has not come.
    Future,
    /// Its answer is larger than anything that was asked for.
    Oversized,
    /// Its answer is not signed for this question.
    Forged,
    /// It takes no question and no message of ours.
    Refuse,
}

/// A source's mood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// How it behaves.
    pub mode: Mode,
    /// How long it thinks, in milliseconds of lived time.
    pub latency_ms: u64,
    /// The share of questions that it fails, 0 to 1.
    pub fail_rate: f64,
}

/// What the departments remember.
#[derive(Default)]
pub struct Registers {
    /// By source and type, then by subject.
    records: HashMap<(String, String), BTreeMap<String, Row>>,
    /// Code or name of the bank that issued a card, as the card's record says.
    card_banks: HashMap<String, String>,
    conduct: HashMap<String, Conduct>,
    /// Records that their source is putting in order and says nothing about meanwhile: source, type, subject.
    silent: HashSet<(String, String, String)>,
    /// By source and centre, newest first, in hex.
    centre_keys: HashMap<(String, String), Vec<String>>,
}

/// What happens at the departments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A record was entered or replaced.
    Entered {
        /// Code of the source.
        source: String,
        /// Fact type.
        fact_type: String,
        /// ID number or credit code.
        subject: String,
        /// The record.
        row: Row,
    },
    /// A record was struck out.
    Struck {
        /// Code of the source.
        source: String,
        /// Fact type.
        fact_type: String,
        /// ID number or credit code.
        subject: String,
    },
    /// A record is put in order, or is in order again: meanwhile its source has no answer about this one alone.
    Hushed {
        /// Code of the source.
        source: String,
        /// Fact type.
        fact_type: String,
        /// ID number or credit code.
        subject: String,
        /// Whether it says nothing from now on.
        silent: bool,
    },
    /// A centre made an SM2 key known to a source.
    Introduced {
        /// Code of the source.
        source: String,
        /// The centre's name at the gateway.
        centre: String,
        /// The public key in hex.
        key: String,
    },
    /// A source changed its mood.
    Behaves {
        /// Code of the source.
        source: String,
        /// The mood.
        conduct: Conduct,
    },
}

impl Room for Registers {
    type Event = Event;
    const JOURNAL: &'static str = "departments.jsonl";

    fn apply(&mut self, event: Event) {
        match event {
            Event::Entered {
                source,
                fact_type,
                subject,
                row,
            } => {
                if let Some((card, bank)) = payment_card::issued(&source, &fact_type, &row) {
                    if let Some(known) = payment_card::at_issuer(&fact_type, &row) {
                        self.records
                            .entry((bank.clone(), "bank.card_match".to_owned()))
                            .or_default()
                            .insert(subject.clone(), known);
                    }
                    self.card_banks.insert(card, bank);
                }
                self.records
                    .entry((source, fact_type))
                    .or_default()
                    .insert(subject, row);
            }
            Event::Struck {
                source,
                fact_type,
                subject,
            } => {
                if let Some(register) = self.records.get_mut(&(source, fact_type)) {
                    register.remove(&subject);
                }
            }
            Event::Hushed {
                source,
                fact_type,
                subject,
                silent,
            } => {
                let record = (source, fact_type, subject);
                if silent {
                    self.silent.insert(record);
                } else {
                    self.silent.remove(&record);
                }
            }
            Event::Introduced {
                source,
                centre,
                key,
            } => {
                let keys = self.centre_keys.entry((source, centre)).or_default();
                keys.retain(|known| *known != key);
                keys.insert(0, key);
                keys.truncate(keys::BELIEVED);
            }
            Event::Behaves { source, conduct } => {
                self.conduct.insert(source, conduct);
            }
        }
    }
}

impl Registers {
    /// The record of a subject.
    fn record(&self, source: &str, fact_type: &str, subject: &str) -> Option<&Row> {
        self.register(source, fact_type)?.get(subject)
    }

    fn register(&self, source: &str, fact_type: &str) -> Option<&BTreeMap<String, Row>> {
        self.records.get(&(source.to_owned(), fact_type.to_owned()))
    }

    /// Code or name of the bank that issued a card, where UnionPay or a bank has it on record.
    pub fn bank_of_card(&self, card: &str) -> Option<&str> {
        self.card_banks.get(card).map(String::as_str)
    }

    /// Whether a source says nothing of a subject just now, whatever it holds.
    fn is_silent(&self, source: &str, fact_type: &str, subject: &str) -> bool {
        let record = (source.to_owned(), fact_type.to_owned(), subject.to_owned());
        self.silent.contains(&record)
    }

    /// The registered name of a credit code.
    pub(crate) fn company_name(&self, uscc: &str) -> Option<&str> {
        self.record("D06", "market.registration", uscc)?
            .get("qymc")?
            .as_str()
    }

    /// The SM2 keys of a centre that a source believes, newest first.
    pub(crate) fn centre_keys(&self, source: &str, centre: &str) -> Vec<Vec<u8>> {
        let keys = self
            .centre_keys
            .get(&(source.to_owned(), centre.to_owned()));
        keys.into_iter()
            .flatten()
            .filter_map(|key| hex::decode(key).ok())
            .collect()
    }

    /// The name that the police have registered under an ID number.
    pub(crate) fn person_name(&self, id: &str) -> Option<&str> {
        self.record("D01", "police.identity", id)?
            .get("xm")?
            .as_str()
    }

    /// How a source behaves.
    pub fn conduct(&self, source: &str) -> Conduct {
        self.conduct.get(source).copied().unwrap_or_default()
    }
}

/// The departments: their registers and what their gateway needs.
pub struct Departments {
    /// Registers and moods.
    pub store: Store<Registers>,
    nonces: Mutex<NonceWindow>,
    rings: keys::Rings,
    work_orders: dispute::WorkOrders,
    court_results: court_desk::Results,
    serial: AtomicU64,
    chance: AtomicU64,
}

impl Departments {
    /// Opens the registers in the outside world's home.
    pub fn open(home: &Path) -> Result<Departments, StoreError> {
        Ok(Departments {
            store: Store::open(home)?,
            nonces: Mutex::default(),
            rings: keys::Rings::of(home.join("keys")),
            work_orders: dispute::WorkOrders::default(),
            court_results: court_desk::Results::default(),
            serial: AtomicU64::new(0),
            chance: AtomicU64::new(0),
        })
    }

    fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number in [0, 1): the same sequence in every run (SplitMix64 from a fixed seed).
    fn next_chance(&self) -> f64 {
        let step = self.chance.fetch_add(1, Ordering::Relaxed) + 1;
        let mut z = step.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let high = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

/// SM3 and HMAC-SM3 under the key that the product also holds.
pub(crate) struct Mac<'k>(pub &'k SharedKey);

impl GatewaySigner for Mac<'_> {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> SignType {
        SignType::Hmac
    }
    fn sign(&self, text: &[u8]) -> String {
        hex::encode(self.0.sign(text))
    }
    fn holds(&self, text: &[u8], signature: &str) -> bool {
        equal(&self.sign(text), signature)
    }
}
