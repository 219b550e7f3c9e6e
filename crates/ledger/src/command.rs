//! The idempotency record: a key is used once, for ever, and its answer is drawn from what it refers to.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Centre, Event, Result};

/// The namespace of keys that are hashed from text.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1c_5d1e_51f0_4a4c_9d0e_616e_6a75_0001);

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Command {
    /// Digest of the request that came first.
    pub digest: Uuid,
    /// What it made: a case, a remittance, a journal.
    pub ref_id: i64,
    /// The caller's own code for the kind of answer.
    pub code: i16,
}

/// The key as it is stored: a UUID as it came, any other text by its hash.
#[must_use]
pub fn key_uuid(key: &str) -> Uuid {
    Uuid::try_parse(key).unwrap_or_else(|_| digest(key.as_bytes()))
}

/// The key of (event, business key), accounting.md §3.
#[must_use]
pub fn event_key(event: Event, business_key: &str) -> Uuid {
    digest(format!("{event}:{business_key}").as_bytes())
}

/// Sixteen bytes of a request's content, to tell a repeat from another request under the same key.
#[must_use]
pub fn digest(content: &[u8]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, content)
}

/// What the key did before, if anything.
///
/// # Errors
/// When the database fails.
pub async fn look_up(
    conn: &mut PgConnection,
    centre: Centre,
    key: Uuid,
) -> Result<Option<Command>> {
    Ok(
        sqlx::query_as(
            "SELECT digest, ref_id, code FROM command WHERE centre_id = $1 AND key = $2",
        )
        .bind(centre.0)
        .bind(key)
        .fetch_optional(conn)
        .await?,
    )
}

/// What each of these keys did before, in order: one statement for all.
///
/// # Errors
/// When the database fails.
pub async fn look_up_many(
    conn: &mut PgConnection,
    centre: Centre,
    keys: &[Uuid],
) -> Result<Vec<Option<Command>>> {
    let known: Vec<(i64, Uuid, i64, i16)> = sqlx::query_as(
        "SELECT asked.place, c.digest, c.ref_id, c.code
           FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (key, place)
           JOIN command c ON c.centre_id = $1 AND c.key = asked.key",
    )
    .bind(centre.0)
    .bind(keys)
    .fetch_all(conn)
    .await?;
    let mut found = vec![None; keys.len()];
    for (place, digest, ref_id, code) in known {
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let Some(one) = found.get_mut(place) {
            *one = Some(Command {
                digest,
                ref_id,
                code,
            });
        }
    }
    Ok(found)
}

/// Stores the key of something that books nothing, in the transaction of its effect.
///
/// # Errors
/// [`crate::Error::RepeatedKey`] when it was used before.
pub async fn record(
    conn: &mut PgConnection,
    centre: Centre,
    key: Uuid,
    command: &Command,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO command (centre_id, key, digest, ref_id, code) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(centre.0)
    .bind(key)
    .bind(command.digest)
    .bind(command.ref_id)
    .bind(command.code)
    .execute(conn)
    .await?;
    Ok(())
}
