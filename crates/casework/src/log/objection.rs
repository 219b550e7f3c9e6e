//! What witnesses say against the log (分叉): that they have signed a tree which ours does not extend. Invariant: kept from the moment that the
//! sealer hears it until that witness signs again, in whatever process; while it lasts nothing is published and nobody is told to wait.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;

use crate::{Fault, Office, Result};

/// A witness whose word does not fit.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Objection {
    /// Its name.
    pub witness: String,
    /// Leaves of the tree that it has signed.
    pub size: i64,
    /// When it was heard first.
    pub found_at: DateTime<Utc>,
}

/// Those who object, by name.
///
/// # Errors
/// The database.
pub async fn objections(office: &Office) -> Result<Vec<Objection>> {
    Ok(sqlx::query_as(
        "SELECT witness, size, found_at FROM log_objection WHERE centre_id = $1 ORDER BY witness",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?)
}

/// A witness objects: it has signed a tree of so many leaves.
///
/// # Errors
/// The database.
pub async fn object(office: &Office, witness: &str, size: u64) -> Result<()> {
    sqlx::query(
        "INSERT INTO log_objection (centre_id, witness, size, found_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id, witness) DO UPDATE SET size = excluded.size",
    )
    .bind(office.centre.id)
    .bind(witness)
    .bind(size.cast_signed())
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Who has signed, and who is none of ours any more, objects no longer: only those named here may.
///
/// # Errors
/// The database.
pub async fn withdraw(office: &Office, still: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM log_objection WHERE centre_id = $1 AND witness <> ALL ($2)")
        .bind(office.centre.id)
        .bind(still)
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// How long a leaf may be without a witness's signature before it is said to be late.
///
/// # Errors
/// A policy without it.
pub fn patience(office: &Office) -> Result<TimeDelta> {
    let minutes = office
        .policy()
        .set
        .int("evidence_witness_minutes", office.today(), &[])
        .map_err(|error| Fault::Policy(error.to_string()))?;
    Ok(TimeDelta::minutes(minutes))
}

/// The first tree that no witness has signed and whose leaves no later tree with a signature holds, and when it was published.
///
/// # Errors
/// The database.
pub async fn unwitnessed_since(office: &Office) -> Result<Option<(i64, DateTime<Utc>)>> {
    Ok(sqlx::query_as(
        "SELECT size, at FROM checkpoint
          WHERE centre_id = $1
            AND size > coalesce((SELECT max(size) FROM checkpoint WHERE centre_id = $1 AND witnesses > 0), 0)
          ORDER BY size LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?)
}
