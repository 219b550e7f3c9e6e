//! 一网通办 on the wire: what became of an employer, in each party's own fields and codes (`[[tell]]` in the catalogue).
//!
//! Invariant: a word counts as taken only when the party's signed answer names its number and its employer.

use anju_business::contribution::parties::Word;
use anju_domain::clock::shanghai;
use anju_wire::gateway::Purpose;
use chrono::{DateTime, Utc};

use crate::Failure;
use crate::announce::Announcement;
use crate::catalogue::Tell;
use crate::gateway::Gateway;

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
        let number = word.word_id.to_string();
        let fields = tell
            .fields
            .iter()
            .filter_map(|(ours, theirs)| Some((theirs.clone(), value(tell, word, ours)?.into())))
            .collect();
        self.announce(Announcement {
            source: &tell.source,
            interface: &tell.interface,
            basis: &tell.basis,
            purpose: Purpose {
                item: word.item.clone(),
                case_no: word.case_no.clone(),
            },
            subject: &word.uscc,
            about: [(&tell.subject, &word.uscc), (&tell.number, &number)],
            fields,
            receipt: &tell.receipt,
        })
        .await
    }
}
