//! 一网通办 on the wire: what became of an employer, in each party's own fields and codes (`[[tell]]` in the catalogue).
//!
//! Invariant: a word counts as taken only when the party's signed answer names its number and its employer.

use anju_business::contribution::parties::Word;
use anju_domain::clock::shanghai;
use anju_wire::gateway::{Consent, Purpose};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::Failure;
use crate::ask::Question;
use crate::catalogue::{Freshness, Tell};
use crate::gateway::Gateway;
use crate::line::ONE_ANSWER;

/// What of a word can be told.
pub(crate) const FIELDS: [&str; 12] = [
    "event",
    "account_no",
    "name",
    "address",
    "representative",
    "date",
    "successor_no",
    "item",
    "item_name",
    "case_no",
    "accepted_at",
    "ended_at",
];

fn instant(at: DateTime<Utc>) -> String {
    shanghai(at).format("%Y%m%d%H%M%S").to_string()
}

fn value(tell: &Tell, word: &Word, field: &str) -> Option<String> {
    Some(match field {
        "event" => tell.events.get(word.event.code())?.clone(),
        "account_no" => word.account_no.clone(),
        "name" => word.name.clone(),
        "address" => word.address.clone()?,
        "representative" => word.representative.clone(),
        "date" => word.on.format("%Y%m%d").to_string(),
        "successor_no" => word.successor_no.clone()?,
        "item" => word.item.clone(),
        "item_name" => word.item_name.clone(),
        "case_no" => word.case_no.clone(),
        "accepted_at" => instant(word.accepted_at),
        "ended_at" => instant(word.ended_at),
        _ => return None,
    })
}

impl Gateway {
    /// Tells a party what became of an employer; its receipt comes back. Sent again with the same number until it is taken.
    ///
    /// # Errors
    /// The party did not take it, or what it answers is not about this word.
    pub async fn tell(&self, tell: &Tell, word: &Word) -> Result<String, Failure> {
        let counterpart = self.counterpart(&tell.source).ok_or(Failure::NotAskable)?;
        let number = word.word_id.to_string();
        let mut params: Map<String, Value> = tell
            .fields
            .iter()
            .filter_map(|(ours, theirs)| Some((theirs.clone(), value(tell, word, ours)?.into())))
            .collect();
        params.insert(tell.subject.clone(), word.uscc.as_str().into());
        params.insert(tell.number.clone(), number.as_str().into());
        let question = Question {
            source: tell.source.clone(),
            fact_type: tell.interface.clone(),
            interface: tell.interface.clone(),
            subject: word.uscc.clone(),
            params,
            purpose: Purpose {
                item: word.item.clone(),
                case_no: word.case_no.clone(),
            },
            consent: Consent {
                id: tell.basis.clone(),
                hash: String::new(),
            },
            freshness: Freshness::PerUse,
        };
        let limits = &self.catalogue().gateway;
        counterpart
            .run(limits, Instant::now() + limits.whole(), |within| {
                let (question, number) = (&question, &number);
                async move {
                    let (_, data) = self.exchange(question, within, ONE_ANSWER).await?;
                    let said = |field: &str| data.get(field).and_then(Value::as_str);
                    let is_ours = said(&tell.number) == Some(number.as_str())
                        && said(&tell.subject) == Some(question.subject.as_str());
                    match said(&tell.receipt) {
                        Some(receipt) if is_ours => Ok(receipt.to_owned()),
                        _ => Err(Failure::WrongPerson),
                    }
                }
            })
            .await
    }
}
