//! 一网通办: what became of an employer, out to the parties of the catalogue. All of them at once; who has not taken it is told again, the others are not.

use anju_business::contribution::parties::{self, Word};
use anju_casework::Result;
use anju_casework::outbox::{self, Message};
use anju_exchange::catalogue::Tell;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;

use crate::Engine;
use crate::deliver::query_after;

/// Why a word has not been tried: an earlier one about the same employer goes first.
const BEHIND: &str = "behind";

pub(crate) async fn deliver(engine: &Engine, row: &Message) -> Result<()> {
    let office = &engine.office;
    let Some(word) = parties::word(office, &row.payload).await? else {
        return outbox::finish(office, row.outbox_id).await;
    };
    let tells = &engine.gateway.catalogue().tells;
    let told: Vec<(&str, &str)> = tells
        .iter()
        .filter(|tell| tell.concerns(&word.uscc))
        .flat_map(|tell| {
            tell.events
                .keys()
                .map(|event| (event.as_str(), tell.source.as_str()))
        })
        .collect();
    let again_at = office.now() + query_after(row.attempts);
    let open = parties::address(office, &word, &told).await?;
    let left = try_join_all(open.iter().map(|one| {
        let tell = tells.iter().find(|tell| tell.source == one.party);
        let word = &word;
        async move {
            match (tell, one.behind_until) {
                // The catalogue names it no more.
                (None, _) => Ok(None),
                (Some(tell), Some(until)) => {
                    let due = until.max(office.now()) + TimeDelta::seconds(1);
                    parties::not_taken(office, word.word_id, &tell.source, BEHIND, due).await?;
                    Ok(Some(due))
                }
                (Some(tell), None) => one_party(engine, tell, word, again_at).await,
            }
        }
    }))
    .await?;
    match left.into_iter().flatten().min() {
        None => outbox::finish(office, row.outbox_id).await,
        Some(due) => outbox::later(office, row.outbox_id, due).await,
    }
}

/// When the party is told again; none where it has taken the word.
async fn one_party(
    engine: &Engine,
    tell: &Tell,
    word: &Word,
    again_at: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let (office, party) = (&engine.office, tell.source.as_str());
    match engine.gateway.tell(tell, word).await {
        Ok(receipt) => {
            metrics::counter!("employer_words_total", "party" => party.to_owned(), "outcome" => "taken").increment(1);
            parties::taken(office, word.word_id, party, &receipt).await?;
            Ok(None)
        }
        Err(failure) => {
            let reason = failure.word();
            metrics::counter!("employer_words_total", "party" => party.to_owned(), "outcome" => reason).increment(1);
            tracing::warn!(
                employer = word.employer_id,
                party,
                reason,
                "a party has not taken what became of an employer; it is told again"
            );
            parties::not_taken(office, word.word_id, party, reason, again_at).await?;
            Ok(Some(again_at))
        }
    }
}
