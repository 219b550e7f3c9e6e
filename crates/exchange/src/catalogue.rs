//! The catalogue of sources and fact types (数据目录), read from `catalogue.toml`.
//!
//! Invariant: only what a type's schema names leaves the gateway, and only with the kind that it names; a code
//! outside an enumeration is a fault, never a default. Start with [`FactType::admit`].

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use anju_business::contribution::parties::Event;
use anju_casework::document::kind::is_certificate;
use anju_domain::uscc::Uscc;
use anju_wire::gateway::SignType;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::given::Give;
use crate::index::CertIndex;
use crate::schema::{Holds, Schema, ValueFault};
use crate::sent::SendFlow;

const CATALOGUE: &str = include_str!("../catalogue.toml");

/// Everything that the gateway knows of its counterparts.
#[derive(Debug, Clone, Deserialize)]
pub struct Catalogue {
    /// Limits that hold for every source.
    pub gateway: Limits,
    /// The departments, institutions and banks.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
    /// What can be asked of them.
    #[serde(rename = "fact")]
    pub facts: Vec<FactType>,
    /// What they send in files.
    #[serde(rename = "batch")]
    pub batches: Vec<BatchFlow>,
    /// What they are told by us.
    #[serde(rename = "tell")]
    pub tells: Vec<Tell>,
    /// What others may ask of us.
    #[serde(rename = "give")]
    pub gives: Vec<Give>,
    /// What others get from us in files.
    #[serde(rename = "send")]
    pub sends: Vec<SendFlow>,
    /// Who keeps an index of our certificates.
    pub index: Option<CertIndex>,
}

/// What a party is told of an employer's account (告知).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// Who.
    pub source: String,
    /// Its interface.
    pub interface: String,
    /// Name in Chinese.
    pub title: String,
    /// On what basis it may be told.
    pub basis: String,
    /// Its field of the credit code.
    pub subject: String,
    /// Its field of the message's number.
    pub number: String,
    /// Its field of its own receipt.
    pub receipt: String,
    /// Whether it keeps companies alone, and no government offices and public institutions.
    #[serde(default)]
    pub companies_only: bool,
    /// Which of our events, in its codes.
    pub events: BTreeMap<String, String>,
    /// Which of our fields, in its fields.
    pub fields: BTreeMap<String, String>,
}

/// A flow of files (批量文件).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchFlow {
    /// `retirees`.
    pub flow: String,
    /// Name in Chinese.
    pub title: String,
    /// Who sends it.
    pub source: String,
    /// The type of its rows.
    pub fact: String,
    /// How often.
    pub every: Every,
    /// Minutes after midnight at which it is due; of a flow of each hour, after the hour.
    pub due_minute: i64,
    /// Minutes after which a file that has not come is late.
    pub late_minutes: i64,
    /// What the control sum adds up.
    pub control: Control,
}

/// How often a file comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// Each hour.
    Hour,
    /// Each day.
    Day,
    /// On the first of each month.
    Month,
}

/// What a control sum adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// `amount_fen` of the rows.
    Amount,
    /// The district codes in the subjects' numbers: a hash total.
    District,
}

impl Tell {
    /// Whether the party keeps the employer of this credit code.
    #[must_use]
    pub fn concerns(&self, uscc: &str) -> bool {
        !self.companies_only || !Uscc::parse(uscc).is_ok_and(|uscc| uscc.is_institution())
    }
}

/// Why the catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not TOML of this form.
    #[error("reading the catalogue of sources")]
    Form(#[from] toml::de::Error),
    /// A type names a source that is not listed.
    #[error("{fact_type} names the source {source_code}, which the catalogue does not list")]
    UnknownSource {
        /// The type.
        fact_type: String,
        /// The code.
        source_code: String,
    },
    /// A type stands twice.
    #[error("{0} stands twice")]
    Twice(String),
    /// Our books tell nothing of this name.
    #[error("nothing of ours is called {0}")]
    UnknownGift(String),
    /// Somebody may ask by duty, and no article says so.
    #[error("{source_code} may ask {fact_type} by duty, and no article is named")]
    NoArticle {
        /// The type.
        fact_type: String,
        /// Who may ask.
        source_code: String,
    },
    /// What a party is to be told does not exist.
    #[error("{interface} tells {word}, which there is not")]
    UnknownWord {
        /// The party's interface.
        interface: String,
        /// An event or a field.
        word: String,
    },
}

impl Catalogue {
    /// The catalogue that ships with the product.
    pub fn shipped() -> Result<Catalogue, CatalogueError> {
        Catalogue::parse(CATALOGUE)
    }

    /// Reads and checks a catalogue.
    pub fn parse(text: &str) -> Result<Catalogue, CatalogueError> {
        let catalogue: Catalogue = toml::from_str(text)?;
        for (index, fact) in catalogue.facts.iter().enumerate() {
            if let Some(unknown) = fact
                .sources
                .iter()
                .find(|code| catalogue.source(code).is_none())
            {
                return Err(CatalogueError::UnknownSource {
                    fact_type: fact.name.clone(),
                    source_code: unknown.clone(),
                });
            }
            if catalogue.facts[..index]
                .iter()
                .any(|earlier| earlier.name == fact.name)
            {
                return Err(CatalogueError::Twice(fact.name.clone()));
            }
        }
        for batch in &catalogue.batches {
            if catalogue.source(&batch.source).is_none() || catalogue.fact(&batch.fact).is_none() {
                return Err(CatalogueError::UnknownSource {
                    fact_type: batch.flow.clone(),
                    source_code: batch.source.clone(),
                });
            }
        }
        for tell in &catalogue.tells {
            if catalogue.source(&tell.source).is_none() {
                return Err(CatalogueError::UnknownSource {
                    fact_type: tell.interface.clone(),
                    source_code: tell.source.clone(),
                });
            }
            let event = tell.events.keys().find(|code| Event::parse(code).is_none());
            let field = tell
                .fields
                .keys()
                .find(|field| !crate::told::FIELDS.contains(&field.as_str()));
            if let Some(word) = event.or(field) {
                return Err(CatalogueError::UnknownWord {
                    interface: tell.interface.clone(),
                    word: word.clone(),
                });
            }
        }
        if let Some(index) = &catalogue.index {
            if catalogue.source(&index.source).is_none() {
                return Err(CatalogueError::UnknownSource {
                    fact_type: index.interface.clone(),
                    source_code: index.source.clone(),
                });
            }
            let kind = index.kinds.keys().find(|kind| !is_certificate(kind));
            let field = index
                .fields
                .keys()
                .find(|field| !crate::index::FIELDS.contains(&field.as_str()));
            if let Some(word) = kind.or(field) {
                return Err(CatalogueError::UnknownWord {
                    interface: index.interface.clone(),
                    word: word.clone(),
                });
            }
        }
        for send in &catalogue.sends {
            if catalogue.source(&send.source).is_none() {
                return Err(CatalogueError::UnknownSource {
                    fact_type: send.flow.clone(),
                    source_code: send.source.clone(),
                });
            }
        }
        for give in &catalogue.gives {
            if !crate::given::TYPES.contains(&give.name.as_str()) {
                return Err(CatalogueError::UnknownGift(give.name.clone()));
            }
            for asker in &give.to {
                if catalogue.source(&asker.source).is_none() {
                    return Err(CatalogueError::UnknownSource {
                        fact_type: give.name.clone(),
                        source_code: asker.source.clone(),
                    });
                }
                if !asker.needs_consent() && asker.law.is_empty() {
                    return Err(CatalogueError::NoArticle {
                        fact_type: give.name.clone(),
                        source_code: asker.source.clone(),
                    });
                }
            }
        }
        Ok(catalogue)
    }

    /// What others may ask of us under that name.
    #[must_use]
    pub fn give(&self, fact_type: &str) -> Option<&Give> {
        self.gives.iter().find(|give| give.name == fact_type)
    }

    /// Whether this source may ask us anything.
    #[must_use]
    pub fn asks_us(&self, source: &str) -> bool {
        self.gives.iter().any(|give| give.asker(source).is_some())
    }

    /// The flow of files to a source.
    #[must_use]
    pub fn send(&self, source: &str, flow: &str) -> Option<&SendFlow> {
        let named = |send: &&SendFlow| send.source == source && send.flow == flow;
        self.sends.iter().find(named)
    }

    /// Whether this source has to know our SM2 key.
    #[must_use]
    pub fn knows_our_key(&self, source: &Source) -> bool {
        source.wants_sm2()
            || self.asks_us(&source.code)
            || self.sends.iter().any(|send| send.source == source.code)
    }

    /// The flow of files of that name, if it is that source's.
    #[must_use]
    pub fn flow(&self, source: &str, flow: &str) -> Option<&BatchFlow> {
        let named = |batch: &&BatchFlow| batch.source == source && batch.flow == flow;
        self.batches.iter().find(named)
    }

    /// The type of that name.
    #[must_use]
    pub fn fact(&self, fact_type: &str) -> Option<&FactType> {
        self.facts.iter().find(|fact| fact.name == fact_type)
    }

    /// The source of that code.
    #[must_use]
    pub fn source(&self, code: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.code == code)
    }
}

/// The limits of the gateway (网关承诺); each is policy of the centre.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect_ms: u64,
    /// Longest wait for one reply.
    pub reply_ms: u64,
    /// Longest wait for all that a service asks.
    pub whole_ms: u64,
    /// Longest wait for the answer to a file; shorter than a message of the outbox is leased.
    pub file_reply_ms: u64,
    /// Pauses before the repetitions of a look-up; as many repetitions as pauses.
    pub retry_after_ms: Vec<u64>,
    /// Calls to one source at once.
    pub pool: usize,
    /// Calls that may wait for the pool; more are unknown at once.
    pub queue: usize,
    /// How long "no record" is believed.
    pub negative_cache_s: i64,
    /// How long a fact of freshness N serves the case that asked.
    pub per_use_s: i64,
    /// How far ahead of our clock a reply may be dated.
    pub clock_skew_s: i64,
    /// The breaker's window.
    pub breaker_window_s: u64,
    /// Fewer calls in the window never open the breaker.
    pub breaker_min_calls: u32,
    /// The share of failures that opens it, in percent.
    pub breaker_failure_percent: u32,
    /// Pause between probes of a failing source.
    pub breaker_probe_s: u64,
}

impl Limits {
    /// Longest wait for one reply.
    #[must_use]
    pub fn reply(&self) -> Duration {
        Duration::from_millis(self.reply_ms)
    }

    /// Longest wait for all that a service asks.
    #[must_use]
    pub fn whole(&self) -> Duration {
        Duration::from_millis(self.whole_ms)
    }
}

/// A department, institution or bank (数据来源).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `D03`, `B1`.
    pub code: String,
    /// 名称.
    pub name_zh: String,
    /// Name in English.
    pub name: String,
    /// Questions that it lets us ask in a second; nothing where it has agreed no limit.
    pub per_second: Option<NonZeroU32>,
    /// The same of a day.
    pub per_day: Option<NonZeroU32>,
    /// How its line is signed.
    #[serde(default)]
    pub sign: SignType,
    /// Whether parameters and data travel closed (数字信封): SM4 under a key wrapped by SM2.
    #[serde(default)]
    pub envelope: bool,
}

impl Source {
    /// Whether its line is signed with the two ends' own SM2 keys.
    #[must_use]
    pub fn wants_sm2(&self) -> bool {
        self.envelope || self.sign == SignType::Sm2
    }
}

/// How long a fact stays usable (时效).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Freshness {
    /// Asked for each use, never cached.
    #[serde(rename = "N")]
    PerUse,
    /// One day.
    #[serde(rename = "1d")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days.
    #[serde(rename = "30d")]
    Month,
    /// Until something happens.
    #[serde(rename = "event")]
    UntilEvent,
}

impl Freshness {
    /// Until when a fact asked now may be used again; nothing where only an event ends it.
    #[must_use]
    pub fn valid_until(self, now: DateTime<Utc>, limits: &Limits) -> Option<DateTime<Utc>> {
        let lasting = match self {
            Freshness::PerUse => TimeDelta::seconds(limits.per_use_s),
            Freshness::UntilEvent => return None,
            _ => self.oldest(),
        };
        Some(now + lasting)
    }

    /// How old an answer may be when it arrives. What only an event ends is still vouched for monthly:
    /// "not retired" of last year says nothing today.
    #[must_use]
    pub fn oldest(self) -> TimeDelta {
        match self {
            Freshness::PerUse | Freshness::Day => TimeDelta::days(1),
            Freshness::Week => TimeDelta::days(7),
            Freshness::Month | Freshness::UntilEvent => TimeDelta::days(30),
        }
    }
}

/// On what legal basis a type may be asked (依据).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Basis {
    /// Statutory duty.
    #[serde(rename = "s")]
    Statutory,
    /// The person's consent.
    #[serde(rename = "c")]
    Consent,
    /// Written or separate consent.
    #[serde(rename = "w")]
    Written,
    /// The holder's own act, such as a login.
    #[serde(rename = "act")]
    HoldersAct,
}

/// How a type reaches us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Asked by us.
    #[default]
    Sync,
    /// Told to us; asked only to catch up.
    Push,
    /// In files.
    Batch,
}

/// What a case does while the source is silent (降级).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Down {
    /// It waits and asks again.
    Wait,
    /// The person may bring a paper.
    Paper,
    /// A reviewer decides.
    Review,
    /// It goes on without.
    Skip,
    /// Only the last known value is shown.
    LastKnown,
}

/// Whom a type is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// 个人, by ID number.
    #[default]
    Person,
    /// 单位, by credit code.
    Employer,
    /// 账户.
    Account,
    /// 办件.
    Case,
}

/// One thing that can be asked (事实类型).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactType {
    /// `estate.ownership`.
    #[serde(rename = "type")]
    pub name: String,
    /// Name in Chinese.
    pub title: String,
    /// Who can be asked; several only where the question names one.
    pub sources: Vec<String>,
    /// Version of the value's schema.
    #[serde(default = "first_version")]
    pub version: i32,
    /// Whom it is about.
    #[serde(default)]
    pub subject: SubjectKind,
    /// The keys of the question.
    #[serde(default = "id_alone")]
    pub keys: Vec<String>,
    /// How long it stays usable.
    pub freshness: Freshness,
    /// On what basis it may be asked.
    pub basis: Basis,
    /// How it reaches us.
    #[serde(default)]
    pub mode: Delivery,
    /// What a case does while its source is silent.
    pub down: Down,
    /// The schema of the value.
    fields: Schema,
}

fn first_version() -> i32 {
    1
}

fn id_alone() -> Vec<String> {
    vec!["id_no".to_owned()]
}

impl FactType {
    /// Keeps of a value what the schema names, and refuses what is missing, of another kind or an unknown code.
    pub fn admit(&self, value: &Value) -> Result<Value, ValueFault> {
        self.fields.admit(value)
    }

    /// The fields that a person can fill in from a paper.
    pub fn scalars(&self) -> impl Iterator<Item = (&str, Holds<'_>, bool)> {
        self.fields.scalars()
    }

    /// The lists of rows that a person can fill in: name, and the fields of a row in the order in which they are written.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Vec<(&str, Holds<'_>, bool)>)> {
        self.fields.rows()
    }

    /// Whether a later question may be answered from what was kept.
    #[must_use]
    pub fn cacheable(&self) -> bool {
        self.freshness != Freshness::PerUse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shipped() -> Catalogue {
        Catalogue::shipped().expect("the shipped catalogue reads")
    }

    #[test]
    fn twenty_departments_and_eight_banks_are_listed_and_each_answers_something() {
        let catalogue = shipped();
        assert_eq!(catalogue.sources.len(), 28);
        for source in &catalogue.sources {
            let answers = catalogue
                .facts
                .iter()
                .any(|fact| fact.sources.contains(&source.code));
            assert!(answers, "{} answers nothing", source.code);
        }
    }

    #[test]
    fn a_value_keeps_only_the_fields_of_its_schema() {
        let value = json!({"state": "married", "spouse": {"name": "王强", "id_sealed": "x", "phone": "1"}, "gossip": 1});
        let kept = shipped().fact("civil.marriage").unwrap().admit(&value);
        assert_eq!(
            kept,
            Ok(json!({"state": "married", "spouse": {"name": "王强", "id_sealed": "x"}}))
        );
    }

    #[test]
    fn a_missing_field_a_wrong_kind_and_an_unknown_code_are_told_apart() {
        let catalogue = shipped();
        let marriage = catalogue.fact("civil.marriage").unwrap();
        assert_eq!(
            marriage.admit(&json!({})),
            Err(ValueFault::Missing("state".into()))
        );
        assert_eq!(
            marriage.admit(&json!({"state": "engaged"})),
            Err(ValueFault::Code("state".into()))
        );
        let bad_day = json!({"state": "single", "since": "2026-02-30"});
        assert_eq!(
            marriage.admit(&bad_day),
            Err(ValueFault::Kind("since".into()))
        );
        let house = json!({"houses": [{"district": "500103", "use": "residential", "share_bp": 10000, "area_m2": "89.5"}], "count": 1});
        let area = catalogue.fact("estate.ownership").unwrap().admit(&house);
        assert_eq!(area, Err(ValueFault::Kind("houses.area_m2".into())));
    }

    #[test]
    fn an_event_or_a_field_that_there_is_not_is_told_to_nobody() {
        for (from, to) in [
            ("merged = \"H\"", "split = \"H\""),
            ("address = \"zcdz\"", "phone = \"zcdz\""),
        ] {
            let text = CATALOGUE.replace(from, to);
            let fault = Catalogue::parse(&text).expect_err(to);
            assert!(
                matches!(fault, CatalogueError::UnknownWord { .. }),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_duty_without_an_article_and_a_gift_that_there_is_not_do_not_load() {
        let law = "law = \"住房公积金管理条例第七条\"";
        let fault = Catalogue::parse(&CATALOGUE.replacen(law, "law = \"\"", 1));
        assert!(matches!(fault, Err(CatalogueError::NoArticle { .. })));
        let fault = Catalogue::parse(
            &CATALOGUE.replace("type = \"hpf.contribution\"", "type = \"hpf.gossip\""),
        );
        assert!(matches!(fault, Err(CatalogueError::UnknownGift(_))));
    }

    #[test]
    fn a_type_of_an_unlisted_source_does_not_load() {
        let text = CATALOGUE.replace("sources = [\"D20\"]", "sources = [\"D21\"]");
        let fault = Catalogue::parse(&text).expect_err("D21 does not exist");
        assert!(
            matches!(fault, CatalogueError::UnknownSource { .. }),
            "{fault}"
        );
    }
}
