//! The departments and institutions (部门): each keeps its own register in its own codes and answers in them.
//!
//! Invariant: what the product learns it learns through `POST /gateway/…` ([`door`]); the control door ([`control`]) changes
//! registers and moods, and nothing else does. Read [`Registers`] first, then one source such as `civil.rs`.

mod civil;
mod column;
pub mod control;
mod court;
pub mod door;
mod estate;
mod housing;
mod hrss;
mod market;
mod national;
mod payment_card;
mod police;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anju_vault::SharedKey;
use anju_wire::gateway::{GatewayMac, NonceWindow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::store::{Room, Store, StoreError};
use column::Column;

/// A record in its source's own fields.
pub type Row = Map<String, Value>;

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
    prepare: Option<fn(&mut Row) -> Result<(), String>>,
}

/// A question "is it so?": the caller's keys against the record's fields of the same names.
struct Comparison {
    verdict: &'static str,
    yes: Option<&'static str>,
    no: &'static str,
    keys: &'static [&'static str],
    only_if_asked: bool,
}

impl Comparison {
    /// Every answer carries the verdict.
    const fn always(
        verdict: &'static str,
        yes: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            verdict,
            yes: Some(yes),
            no,
            keys,
            only_if_asked: false,
        }
    }

    /// Only an answer to a caller who gave a key carries the verdict.
    const fn if_asked(
        verdict: &'static str,
        yes: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            only_if_asked: true,
            ..Comparison::always(verdict, yes, no, keys)
        }
    }

    /// The field stays as it is unless a key differs.
    const fn unless(
        verdict: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            verdict,
            yes: None,
            no,
            keys,
            only_if_asked: false,
        }
    }

    fn judge(&self, row: &Row, asked: &Row, said: &mut Row) {
        let text = |fields: &Row, key: &str| {
            let value = fields.get(key).and_then(Value::as_str).map(compact);
            value.filter(|text| !text.is_empty())
        };
        let given: Vec<_> = (self.keys.iter())
            .filter_map(|key| Some((key, text(asked, key)?)))
            .collect();
        if self.only_if_asked && given.is_empty() {
            return;
        }
        // Nobody is compared with a field that the register does not hold, but a caller who asks whether this
        // is the spouse of somebody who has none is told no.
        let differs = given.iter().any(|(key, asked)| match text(row, key) {
            Some(held) => held != *asked,
            None => self.only_if_asked && self.keys.first() == Some(*key),
        });
        let held = row.get(self.verdict).and_then(Value::as_str);
        if differs || held == Some(self.no) {
            said.insert(self.verdict.to_owned(), Value::from(self.no));
        } else if let Some(yes) = self.yes {
            said.insert(self.verdict.to_owned(), Value::from(yes));
        }
    }
}

/// Names and numbers are compared without their spaces, letters in upper case.
fn compact(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_uppercase()
}

/// A list and its number must agree; a bare number is filled up where the register can.
fn count_the_list(
    given: &mut Row,
    list: &str,
    filler: fn() -> Option<Value>,
) -> Result<(), String> {
    let count = given.get("count").and_then(Value::as_u64);
    let listed = given.get(list).and_then(Value::as_array).map(Vec::len);
    let (Some(number), None) = (count, listed) else {
        let number = listed.unwrap_or(0);
        if count.is_some_and(|count| count != number as u64) {
            return Err(format!("count 应等于 {list} 的条数 {number}"));
        }
        given
            .entry(list)
            .or_insert_with(|| Value::Array(Vec::new()));
        given.insert("count".to_owned(), Value::from(number));
        return Ok(());
    };
    if number > 1_000 {
        return Err("count 最多 1000".to_owned());
    }
    let filled: Option<Vec<Value>> = (0..number).map(|_| filler()).collect();
    let filled = filled.ok_or_else(|| format!("请列出 {list}，不能只给 count"))?;
    given.insert(list.to_owned(), Value::Array(filled));
    Ok(())
}

static FORMS: &[&[Form]] = &[
    police::FORMS,
    civil::FORMS,
    estate::FORMS,
    housing::FORMS,
    hrss::FORMS,
    market::FORMS,
    court::FORMS,
    national::FORMS,
    payment_card::FORMS,
];

fn form(fact_type: &str) -> Option<&'static Form> {
    (FORMS.iter().flat_map(|forms| forms.iter())).find(|form| form.fact_type == fact_type)
}

/// The field of the subject; sources without a form of their own speak the control door's fields.
fn subject_field(fact_type: &str) -> &'static str {
    form(fact_type).map_or("subject", |form| form.subject)
}

/// A source: code, name, what it can be asked.
pub struct Source {
    /// `D03`.
    pub code: &'static str,
    /// 名称.
    pub name: &'static str,
    /// Fact types.
    pub types: &'static [&'static str],
}

const BANK_TYPES: &[&str] = &[
    "bank.card_match",
    "bank.account_match",
    "bank.commercial_loan",
    "bank.loan_repayment",
    "bank.statement",
];

const fn source(code: &'static str, name: &'static str, types: &'static [&'static str]) -> Source {
    Source { code, name, types }
}

/// All sources, in the order of the data-sharing agreement.
pub static SOURCES: &[Source] = &[
    source(
        "D01",
        "市公安局",
        &[
            "police.identity",
            "police.face_match",
            "police.hukou",
            "police.hukou_move",
            "police.kinship",
            "police.children",
        ],
    ),
    source(
        "D02",
        "市民政局",
        &["civil.marriage", "civil.min_living", "civil.death"],
    ),
    source(
        "D03",
        "市规划和自然资源局",
        &["estate.ownership", "estate.title", "estate.mortgage"],
    ),
    source(
        "D04",
        "市住房城乡建委",
        &[
            "housing.contract_filing",
            "housing.rental_filing",
            "housing.build_permit",
            "housing.elevator_project",
            "housing.presale",
        ],
    ),
    source(
        "D05",
        "市人力社保局",
        &[
            "hrss.employment",
            "hrss.retirement",
            "hrss.social_insurance",
            "hrss.work_capacity",
        ],
    ),
    source(
        "D06",
        "市市场监管局",
        &[
            "market.registration",
            "market.elicence",
            "market.status_change",
        ],
    ),
    source(
        "D07",
        "市税务局",
        &[
            "tax.registration",
            "tax.invoice",
            "tax.deed_tax",
            "tax.income",
            "tax.income_statement",
        ],
    ),
    source(
        "D08",
        "市高级人民法院",
        &[
            "court.freeze_order",
            "court.enforcement",
            "court.judgment",
            "court.death_declaration",
        ],
    ),
    source("D09", "人民银行征信中心", &["pboc.credit_report"]),
    source(
        "D10",
        "市卫生健康委",
        &["health.diagnosis", "health.death_cert"],
    ),
    source("D11", "市医保局", &["medins.settlement"]),
    source("D12", "市残联", &["disabled.certificate"]),
    source("D13", "出入境管理部门", &["immigration.settlement"]),
    source("D14", "市大数据发展局", &["bigdata.sso", "bigdata.ecert"]),
    source(
        "D15",
        "住建部全国平台",
        &[
            "nhpf.transfer_contact",
            "nhpf.contribution_elsewhere",
            "nhpf.loan_elsewhere",
            "nhpf.account_elsewhere",
            "nhpf.withdrawal_elsewhere",
            "nhpf.blacklist",
        ],
    ),
    source(
        "D16",
        "全国公积金银行结算系统",
        &["settle.payment_status", "settle.account_notice"],
    ),
    source(
        "D17",
        "四川各公积金中心",
        &["sichuan.account", "sichuan.loan_record"],
    ),
    source("D18", "中国银联", &["unionpay.card_auth"]),
    source(
        "D19",
        "市财政局、编办",
        &["org.institution", "finance.subsidy"],
    ),
    source("D20", "重庆英才计划主管部门", &["talent.card"]),
    source("B1", "工商银行", BANK_TYPES),
    source("B2", "农业银行", BANK_TYPES),
    source("B3", "中国银行", BANK_TYPES),
    source("B4", "建设银行", BANK_TYPES),
    source("B5", "交通银行", BANK_TYPES),
    source("B6", "邮储银行", BANK_TYPES),
    source("B7", "重庆银行", BANK_TYPES),
    source("B8", "重庆农商行", BANK_TYPES),
];

/// The source of a code.
pub fn source_of(code: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.code == code)
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
    serial: AtomicU64,
    chance: AtomicU64,
}

impl Departments {
    /// Opens the registers in the outside world's home.
    pub fn open(home: &Path) -> Result<Departments, StoreError> {
        Ok(Departments {
            store: Store::open(home)?,
            nonces: Mutex::default(),
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

impl GatewayMac for Mac<'_> {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn hmac_sm3(&self, bytes: &[u8]) -> [u8; 32] {
        self.0.sign(bytes)
    }
}
