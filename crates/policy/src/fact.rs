//! Facts: what one source said of one subject at one time. Policy reads facts and nothing else, so that a decision can be
//! repeated years later from what was kept. A fact that nobody gave is unknown, never false.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is known about a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    /// The source answered with a value.
    Known,
    /// The source answered: there is none.
    Absent,
    /// The source did not answer.
    Unknown,
    /// Two sources disagree.
    Conflict,
}

/// How much a fact is worth; the stronger wins over the weaker.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// The person says so.
    SelfDeclared,
    /// A paper that a teller has read; sends an otherwise good case to review.
    Paper,
    /// A bank or another centre says so.
    Attested,
    /// The registry itself.
    #[default]
    Authoritative,
}

impl Assurance {
    /// Every level, the weakest first.
    pub const ALL: [Assurance; 4] = [
        Assurance::SelfDeclared,
        Assurance::Paper,
        Assurance::Attested,
        Assurance::Authoritative,
    ];

    /// Who speaks so, in words.
    #[must_use]
    pub const fn speaker(self) -> &'static str {
        match self {
            Assurance::SelfDeclared => "本人填写",
            Assurance::Paper => "材料",
            Assurance::Attested => "银行或其他中心",
            Assurance::Authoritative => "登记机关",
        }
    }
}

/// 事实. One answer of one source about one subject at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The row that keeps it; `None` while it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact_id: Option<i64>,
    /// `estate.ownership`; the schema of `value` belongs to it.
    pub fact_type: String,
    /// Whom it is about, as policy sees it: `applicant`, `spouse`, `account`.
    pub role: String,
    /// The subject as it may be shown: `本人`, `配偶 陈*`.
    pub subject: String,
    /// Known, absent, unknown or in conflict.
    pub state: FactState,
    /// The value by the type's schema; null unless known.
    #[serde(default)]
    pub value: serde_json::Value,
    /// Who said so: `D03`, `own`.
    pub source: String,
    /// How much it is worth.
    #[serde(default)]
    pub assurance: Assurance,
    /// The instant for which the source vouches.
    pub as_of: DateTime<Utc>,
    /// After it the source must be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
    /// Digest of the source's reply, in hex; empty for our own books.
    #[serde(default)]
    pub digest: String,
}

impl Fact {
    /// What our own books say at an instant; absent without a value.
    pub fn own(
        at: DateTime<Utc>,
        role: &str,
        subject: &str,
        fact_type: &str,
        value: Option<serde_json::Value>,
    ) -> Fact {
        Fact {
            fact_id: None,
            fact_type: fact_type.to_owned(),
            role: role.to_owned(),
            subject: subject.to_owned(),
            state: if value.is_some() {
                FactState::Known
            } else {
                FactState::Absent
            },
            value: value.unwrap_or_default(),
            source: "own".to_owned(),
            assurance: Assurance::Authoritative,
            as_of: at,
            valid_until: None,
            digest: String::new(),
        }
    }
}

/// The facts of one case, one for each role and type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Fact>", into = "Vec<Fact>")]
pub struct Facts(BTreeMap<String, Vec<Fact>>);

impl Facts {
    /// No facts.
    pub fn new() -> Facts {
        Facts::default()
    }

    /// Adds a fact; one of the same role and type gives way to it.
    pub fn put(&mut self, fact: Fact) {
        let of_role = self.0.entry(fact.role.clone()).or_default();
        match of_role
            .iter_mut()
            .find(|held| held.fact_type == fact.fact_type)
        {
            Some(held) => *held = fact,
            None => of_role.push(fact),
        }
    }

    /// The fact of this role and type, if anybody gave one.
    pub fn get(&self, role: &str, fact_type: &str) -> Option<&Fact> {
        self.0
            .get(role)?
            .iter()
            .find(|fact| fact.fact_type == fact_type)
    }

    /// Every fact, by role.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.values().flatten()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Fact>> for Facts {
    fn from(facts: Vec<Fact>) -> Facts {
        let mut collected = Facts::new();
        facts.into_iter().for_each(|fact| collected.put(fact));
        collected
    }
}

impl From<Facts> for Vec<Fact> {
    fn from(facts: Facts) -> Vec<Fact> {
        facts.0.into_values().flatten().collect()
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Facts {
        facts.into_iter().collect::<Vec<_>>().into()
    }
}

/// What the person entered, by the names of the service's inputs.
pub type Form = serde_json::Map<String, serde_json::Value>;

/// When a decision is taken: the instant, and the civil or business day that it counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The instant, for what is counted in hours.
    pub now: DateTime<Utc>,
    /// The day, for everything else.
    pub today: chrono::NaiveDate,
}
