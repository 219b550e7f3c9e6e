//! What the gateway keeps (事实与查询留痕), as a door: the tables belong to casework.
//!
//! Invariant: a fact that counted is kept before it is used, and every question leaves a trace of who asked, for
//! whom, why and on what basis, whether it was answered or not.

use std::collections::BTreeMap;
use std::fmt;

use anju_policy::Fact;
use anju_wire::gateway::{Consent, Purpose};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// One question: a fact type about one subject, for one purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct FactRequest {
    /// `estate.ownership`.
    pub fact_type: String,
    /// The role that policy gives the subject; copied into the fact.
    pub role: String,
    /// The subject as it may be shown: `本人`, `配偶 陈*`.
    pub shown: String,
    /// What the source finds the subject by.
    pub keys: SubjectKeys,
    /// Why: service and case.
    pub purpose: Purpose,
    /// On what basis.
    pub consent: Consent,
    /// Whom to ask, where the type has several sources (`B3`).
    pub source: Option<String>,
}

/// What a source finds the subject by, and what it is asked to compare. `Debug` shows none of it.
#[derive(Clone, Default, PartialEq)]
pub struct SubjectKeys {
    /// ID number or credit code.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Bank card.
    pub card_no: Option<String>,
    /// Mobile number.
    pub phone: Option<String>,
    /// Other keys of the catalogue: `spouse_id`, `contract_no`, `title_no`, `lease_no`, `loan_no` …
    pub more: BTreeMap<String, String>,
}

impl SubjectKeys {
    /// Only the ID number or credit code.
    #[must_use]
    pub fn of(id: impl Into<String>) -> SubjectKeys {
        SubjectKeys {
            id: id.into(),
            ..SubjectKeys::default()
        }
    }

    /// Every key beside the subject, by its name in the catalogue.
    pub fn beside_id(&self) -> impl Iterator<Item = (&str, &str)> {
        let fixed = [
            ("name", self.name.as_deref()),
            ("card_no", self.card_no.as_deref()),
            ("phone", self.phone.as_deref()),
        ];
        let fixed = fixed
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        fixed.chain(
            self.more
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

impl fmt::Debug for SubjectKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SubjectKeys(…)")
    }
}

/// A fact with what is kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct GatheredFact {
    /// The question.
    pub request: FactRequest,
    /// The answer.
    pub fact: Fact,
    /// Version of the value's schema.
    pub version: i32,
    /// The source's own number of the answer; empty where it gives none.
    pub source_ref: String,
    /// When it came.
    pub fetched_at: DateTime<Utc>,
    /// Hex SM3 of the question in canonical form.
    pub request_hash: String,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// The source gave a value.
    Known,
    /// The source has no record.
    Absent,
    /// No usable answer; the word says why.
    Unknown(&'static str),
    /// Answered from what was kept.
    Cached,
}

impl CallOutcome {
    /// A word for the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Absent => "absent",
            Self::Unknown(reason) => reason,
            Self::Cached => "cached",
        }
    }
}

/// The trace of one question (查询留痕).
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCall {
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// Whom.
    pub source: String,
    /// What.
    pub fact_type: String,
    /// About whom; to be hashed before it is stored. A batch names nobody and counts its people in `count`.
    pub subject: SubjectKeys,
    /// In which role.
    pub role: String,
    /// How many subjects: 1, or the size of a batch.
    pub count: usize,
    /// Why.
    pub purpose: Purpose,
    /// On what basis.
    pub consent: Consent,
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long it took, repetitions included.
    pub latency_ms: i64,
    /// Hex SM3 of the question; empty where nothing was sent.
    pub request_hash: String,
    /// Hex SM3 of the answer with what was asked; empty where nothing usable came.
    pub evidence_hash: String,
    /// The trace id that went over the wire.
    pub trace: String,
}

/// Why the store could not serve.
#[derive(Debug, thiserror::Error)]
#[error("keeping facts")]
pub struct FactStoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where facts and traces are kept; casework's tables in the product, memory in tests.
pub trait FactStore: Send + Sync {
    /// Facts that are still valid, one place a question, in order.
    fn recent<'a>(
        &'a self,
        requests: &'a [FactRequest],
    ) -> BoxFuture<'a, Result<Vec<Option<Fact>>, FactStoreError>>;

    /// Keeps facts and returns their ids, in order.
    fn keep<'a>(
        &'a self,
        facts: &'a [GatheredFact],
    ) -> BoxFuture<'a, Result<Vec<i64>, FactStoreError>>;

    /// Keeps the traces.
    fn audit<'a>(&'a self, calls: &'a [SourceCall]) -> BoxFuture<'a, Result<(), FactStoreError>>;
}
