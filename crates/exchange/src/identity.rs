//! Identity of many people at once (批量身份核验): a roster of thousands is one question, not thousands.

use std::sync::Arc;

use anju_wire::gateway::{Consent, MAX_BATCH_ITEMS, Purpose};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::ask::Question;
use crate::catalogue::Freshness;
use crate::counterpart::Failure;
use crate::fact_store::{CallOutcome, FactStoreError, SourceCall, SubjectKeys};
use crate::gateway::Gateway;

const FACT_TYPE: &str = "police.identity";
const POLICE: &str = "D01";

/// Bytes that one answer of a batch may take.
const BYTES_AN_ITEM: usize = 200;

/// What the police say of one name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityAnswer {
    /// The number belongs to that name.
    Match,
    /// It belongs to another name.
    Mismatch,
    /// There is no such number.
    NoRecord,
    /// The police did not answer.
    Unknown,
}

impl Gateway {
    /// Asks about pairs of ID number and name; answers in order. What is not answered is unknown.
    ///
    /// # Errors
    /// Only the store's: an enquiry without a trace must not count.
    pub async fn identity_batch(
        self: &Arc<Self>,
        pairs: &[(String, String)],
        purpose: &Purpose,
        consent: &Consent,
    ) -> Result<Vec<IdentityAnswer>, FactStoreError> {
        let mut answers = Vec::with_capacity(pairs.len());
        for part in pairs.chunks(MAX_BATCH_ITEMS) {
            let began = Instant::now();
            let at = self.now();
            let asked = self.ask_batch(part, purpose, consent).await;
            let outcome = match &asked {
                Ok(_) => CallOutcome::Known,
                Err(failure) => CallOutcome::Unknown(failure.word()),
            };
            let call = SourceCall {
                at,
                source: POLICE.to_owned(),
                fact_type: FACT_TYPE.to_owned(),
                subject: SubjectKeys::default(),
                role: String::new(),
                count: part.len(),
                purpose: purpose.clone(),
                consent: consent.clone(),
                outcome,
                latency_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
                request_hash: asked
                    .as_ref()
                    .map(|batch| batch.request_hash.clone())
                    .unwrap_or_default(),
                evidence_hash: asked
                    .as_ref()
                    .map(|batch| batch.evidence_hash.clone())
                    .unwrap_or_default(),
                trace: asked
                    .as_ref()
                    .map(|batch| batch.trace.clone())
                    .unwrap_or_default(),
            };
            self.store().audit(std::slice::from_ref(&call)).await?;
            match asked {
                Ok(batch) => answers.extend(batch.answers),
                Err(_) => answers.extend(std::iter::repeat_n(IdentityAnswer::Unknown, part.len())),
            }
        }
        Ok(answers)
    }

    async fn ask_batch(
        &self,
        pairs: &[(String, String)],
        purpose: &Purpose,
        consent: &Consent,
    ) -> Result<Batch, Failure> {
        let items: Vec<Value> = pairs
            .iter()
            .map(|(id, name)| json!({"gmsfhm": id, "xm": name}))
            .collect();
        let mut params = Map::new();
        params.insert("items".to_owned(), Value::Array(items));
        let question = Question {
            source: POLICE.to_owned(),
            fact_type: FACT_TYPE.to_owned(),
            interface: FACT_TYPE.to_owned(),
            subject: String::new(),
            params,
            purpose: purpose.clone(),
            consent: consent.clone(),
            freshness: Freshness::Month,
        };
        let limits = &self.catalogue().gateway;
        let police = self.counterpart(POLICE).ok_or(Failure::NotAskable)?;
        let most_bytes = 1024 + pairs.len() * BYTES_AN_ITEM;
        police
            .run(limits, Instant::now() + limits.whole(), |within| {
                let question = &question;
                async move {
                    let (answer, data) = self.exchange(question, within, most_bytes).await?;
                    Ok(Batch {
                        answers: read_answers(pairs, &data)?,
                        request_hash: answer.request_hash,
                        evidence_hash: answer.evidence_hash,
                        trace: answer.trace,
                    })
                }
            })
            .await
    }
}

struct Batch {
    answers: Vec<IdentityAnswer>,
    request_hash: String,
    evidence_hash: String,
    trace: String,
}

fn read_answers(pairs: &[(String, String)], data: &Value) -> Result<Vec<IdentityAnswer>, Failure> {
    let items = data.get("items").and_then(Value::as_array);
    let items = items.ok_or(crate::line::CallFault::Malformed)?;
    if items.len() != pairs.len() {
        return Err(crate::line::CallFault::Malformed.into());
    }
    let read = |((id, _), item): (&(String, String), &Value)| {
        if item.get("gmsfhm").and_then(Value::as_str) != Some(id.as_str()) {
            return Err(Failure::WrongPerson);
        }
        match item.get("hcjg").and_then(Value::as_str) {
            Some("1") => Ok(IdentityAnswer::Match),
            Some("0") => Ok(IdentityAnswer::Mismatch),
            Some("2") => Ok(IdentityAnswer::NoRecord),
            _ => Err(crate::schema::ValueFault::Code("hcjg".to_owned()).into()),
        }
    };
    pairs.iter().zip(items).map(read).collect()
}
