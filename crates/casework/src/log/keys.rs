//! The keys of the log and their change (签名密钥交接). Invariant: the log keeps the name of its first key, and no key signs alone before
//! the former one has said so in a transition that is itself a leaf of the log.

use std::sync::Arc;

use anju_evidence::note::{Checkpoint, KeyKind, VerifierKey};
use anju_evidence::record;
use anju_evidence::transition::Transition;
use anju_vault::log::{LogKeys, LogPair};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::leaf::{self, kind};
use crate::{Fault, Office, Refusal, Result};

/// The log's name: drawn from its first key, so that two logs never share one.
#[must_use]
pub fn origin(office: &Office) -> String {
    origin_of(&office.vault.log_keys().first)
}

/// The name of the log whose first Ed25519 key is this.
#[must_use]
pub fn origin_of(public: &[u8; 32]) -> String {
    let id = record::sha256(public);
    format!("anju/{}", hex::encode(&id[..4]))
}

/// The Ed25519 key after which a log is named.
#[must_use]
pub fn first_key(keys: &LogKeys) -> VerifierKey {
    VerifierKey::new(&origin_of(&keys.first), KeyKind::Ed25519, &keys.first)
}

/// The public keys by which a log signs now: Ed25519, SM2.
#[must_use]
pub fn keys_of(keys: &LogKeys) -> [VerifierKey; 2] {
    public(&origin_of(&keys.first), keys.current())
}

pub(super) fn public(name: &str, pair: &LogPair) -> [VerifierKey; 2] {
    [
        VerifierKey::new(name, KeyKind::Ed25519, &pair.ed25519.public()),
        VerifierKey::new(name, KeyKind::Sm2, &pair.sm2.public()),
    ]
}

/// The lines of a pair under a text.
fn lines(name: &str, pair: &LogPair, text: &str) -> String {
    let [ed25519, sm2] = public(name, pair);
    format!(
        "{}{}",
        ed25519.line(&pair.ed25519.sign(text.as_bytes())),
        sm2.line(&pair.sm2.sign(text.as_bytes())),
    )
}

/// A transition that the log has made.
#[derive(Debug)]
pub struct Made {
    /// The generation that begins with it.
    pub generation: u16,
    /// The signed note.
    pub note: String,
    /// What it says.
    pub told: Transition,
}

/// Every transition of the log to a key that is held or was, oldest first.
///
/// # Errors
/// The database; a transition that is not what was kept.
pub async fn transitions(office: &Office) -> Result<Arc<Vec<Made>>> {
    let newest = office.vault.log_keys().newest();
    let known = office.log_transitions().clone();
    // They only ever become more: at least one for each generation after the first; the sealer looks for further ones.
    if known
        .last()
        .map_or(newest == 1, |made| made.generation == newest)
    {
        return Ok(known);
    }
    look_for_transitions(office).await
}

/// The same as they stand in the database now: a change that is under way may have been said again, with an earlier end.
///
/// # Errors
/// As [`transitions`].
pub async fn look_for_transitions(office: &Office) -> Result<Arc<Vec<Made>>> {
    let newest = office.vault.log_keys().newest();
    let rows: Vec<(i16, String)> = sqlx::query_as(
        "SELECT generation, note FROM log_transition WHERE centre_id = $1 AND generation <= $2 ORDER BY generation, nth",
    )
    .bind(office.centre.id)
    .bind(i16::try_from(newest).unwrap_or(i16::MAX))
    .fetch_all(&office.pool)
    .await?;
    let made = rows
        .into_iter()
        .map(|(generation, note)| {
            let told = Transition::open(&note).map_err(|error| Fault::Stored(error.to_string()))?;
            Ok(Made {
                generation: u16::try_from(generation).unwrap_or(u16::MAX),
                note,
                told,
            })
        })
        .collect::<Result<Vec<Made>>>()?;
    let made = Arc::new(made);
    *office.log_transitions() = made.clone();
    Ok(made)
}

/// All public keys of the log, those that have ended with their ends: its present keys first, then the others.
///
/// # Errors
/// As [`transitions`].
pub async fn keys(office: &Office) -> Result<Vec<VerifierKey>> {
    let mut keys = keys_of(&office.vault.log_keys()).to_vec();
    for made in transitions(office).await?.iter().rev() {
        made.told
            .follow(&mut keys)
            .map_err(|error| Fault::Stored(error.to_string()))?;
    }
    Ok(keys)
}

/// The checkpoint as a note with the log's own signatures: of every key that has been introduced and has not ended. A key signs from its
/// introduction on, before it is the current one, so that none that ends leaves a gap behind, however long a rotation takes.
///
/// # Errors
/// As [`transitions`].
pub async fn sign(office: &Office, checkpoint: &Checkpoint) -> Result<String> {
    let (text, keys) = (checkpoint.to_string(), office.vault.log_keys());
    let (name, made) = (origin_of(&keys.first), transitions(office).await?);
    let now = u64::try_from(office.now().timestamp()).unwrap_or_default();
    let to = |generation| {
        made.iter()
            .filter(move |made| made.generation == generation)
            .map(|made| made.told.until)
            .min()
    };
    let mut note = format!("{text}\n");
    for pair in keys.held() {
        let is_prepared = pair.generation > keys.current().generation;
        let introduced = !is_prepared || to(pair.generation).is_some();
        let ended = to(pair.generation + 1).is_some_and(|until| now > until);
        if introduced && !ended {
            note.push_str(&lines(&name, pair, &text));
        }
    }
    Ok(note)
}

/// The record of a transition.
pub(super) fn record_of(generation: u16, note: &str) -> Value {
    json!({ "kind": "key-transition", "generation": generation, "transition": note })
}

/// Has the present key introduce the prepared one: the statement, signed by both, and its leaf, in one transaction. Made once for each
/// generation; again: nothing, but where a restored database has lost it, or where `sooner` asks for an earlier end than was said. Returns
/// until when both sign.
///
/// # Errors
/// The database.
pub async fn introduce(
    office: &Office,
    conn: &mut PgConnection,
    overlap: TimeDelta,
    sooner: bool,
) -> Result<Option<DateTime<Utc>>> {
    let keys = office.vault.log_keys();
    let (former, next) = match (&keys.prepared, keys.former()) {
        (Some(next), _) => (keys.current(), next),
        (None, Some(former)) => (former, keys.current()),
        (None, None) => return Ok(None),
    };
    /// What is signed when the statement is made is witnessed by then.
    const LEAST: TimeDelta = TimeDelta::seconds(20);
    let (name, now) = (origin_of(&keys.first), office.now());
    let until = now + overlap.max(LEAST);
    let said = ends(&mut *conn, office, next.generation).await?;
    if said.is_some_and(|said| !sooner || said <= until) {
        return Ok(said);
    }
    let second = |at: DateTime<Utc>| u64::try_from(at.timestamp()).unwrap_or_default();
    let told = Transition {
        origin: name.clone(),
        former: public(&name, former),
        next: public(&name, next),
        from: second(now),
        until: second(until),
    };
    let text = told.to_string();
    let note = format!(
        "{text}\n{}{}",
        lines(&name, former, &text),
        lines(&name, next, &text)
    );
    let generation = i16::try_from(next.generation).unwrap_or(i16::MAX);
    let made = leaf::commit(&record_of(next.generation, &note))?;
    // Two at once: the second finds the number taken, and what the first has said stands.
    sqlx::query(
        "WITH made AS (
             INSERT INTO log_transition (centre_id, generation, nth, note, at, until_at)
             SELECT $1, $2, coalesce(max(nth) + 1, 0), $3, $4, $5 FROM log_transition WHERE centre_id = $1 AND generation = $2
                 ON CONFLICT DO NOTHING RETURNING generation, nth)
         INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, size, entry, salt)
         SELECT generation, $1, $6, nth, 0, $7, $8 FROM made",
    )
    .bind(office.centre.id)
    .bind(generation)
    .bind(&note)
    .bind(now)
    .bind(until)
    .bind(kind::LOG_KEY)
    .bind(&made.entry)
    .bind(&made.salt)
    .execute(&mut *conn)
    .await?;
    ends(conn, office, next.generation).await
}

/// Until when the key before this generation signs beside it, the earliest that was said; none where there is no such transition.
///
/// # Errors
/// The database.
pub async fn ends(
    conn: &mut PgConnection,
    office: &Office,
    generation: u16,
) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar(
        "SELECT min(until_at) FROM log_transition WHERE centre_id = $1 AND generation = $2",
    )
    .bind(office.centre.id)
    .bind(i16::try_from(generation).unwrap_or(i16::MAX))
    .fetch_one(conn)
    .await?)
}

/// The proof that a transition stands in the log; the last, where one was said again with an earlier end.
///
/// # Errors
/// 404 where there is no such transition.
pub async fn prove(office: &Office, generation: u16) -> Result<super::Proof> {
    let number = i16::try_from(generation).unwrap_or(i16::MAX);
    let kept: Option<(i16, String)> = sqlx::query_as(
        "SELECT nth, note FROM log_transition WHERE centre_id = $1 AND generation = $2 ORDER BY nth DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(number)
    .fetch_optional(&office.pool)
    .await?;
    let (nth, note) = kept.ok_or_else(|| Refusal::not_found("这次密钥交接"))?;
    match super::leaf_of(office, kind::LOG_KEY, i64::from(number), nth).await? {
        Some(leaf) => super::prove(office, &leaf, record_of(generation, &note), None).await,
        None => super::waiting_or_none(office, i64::from(number)).await,
    }
}
