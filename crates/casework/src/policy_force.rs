//! Which version of the policy is in force (施行). What was approved with an effective date stands in the database and counts from that
//! day on; a centre that has approved none works by its folder. Every node asks, so that nobody has to be started again.
//!
//! What the State sets (`national/`) always comes with the program's folder: an approved change is about the centre's own files. A file
//! that the approved version does not know, of a new release, counts as the folder has it.

use anju_policy::{PolicyFiles, PolicySet};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};

use crate::founding::put_policy;
use crate::office::PolicyInForce;
use crate::{Fault, Office, Result};

/// An approved version and its day.
#[derive(Debug, Clone, FromRow)]
pub struct Enacted {
    /// The change that brought it.
    pub change_id: i64,
    /// From when.
    pub effective_on: NaiveDate,
    /// Its row among the versions.
    pub policy_id: i32,
}

/// The version of the latest change whose day has come; none where nothing was ever approved.
pub async fn on(pool: &PgPool, centre_id: i16, day: NaiveDate) -> Result<Option<Enacted>> {
    Ok(sqlx::query_as(
        "SELECT change_id, effective_on, policy_id FROM policy_change
          WHERE centre_id = $1 AND state IN (3, 4, 6) AND effective_on <= $2
          ORDER BY effective_on DESC, checked_at DESC LIMIT 1",
    )
    .bind(centre_id)
    .bind(day)
    .fetch_optional(pool)
    .await?)
}

/// The approved version that waits for its day.
pub async fn next(pool: &PgPool, centre_id: i16, day: NaiveDate) -> Result<Option<Enacted>> {
    Ok(sqlx::query_as(
        "SELECT change_id, effective_on, policy_id FROM policy_change
          WHERE centre_id = $1 AND state = 3 AND effective_on > $2
          ORDER BY effective_on LIMIT 1",
    )
    .bind(centre_id)
    .bind(day)
    .fetch_optional(pool)
    .await?)
}

/// The files of an approved version with what comes from the program's folder.
#[must_use]
pub fn with_folder(mut approved: PolicyFiles, folder: &PolicyFiles) -> PolicyFiles {
    let own = format!("{}/", folder.centre);
    approved.files.retain(|file, _| file.starts_with(&own));
    for (file, text) in &folder.files {
        approved
            .files
            .entry(file.clone())
            .or_insert_with(|| text.clone());
    }
    approved
}

/// Loads an approved version, with a row of its own where the folder has brought something new.
pub async fn load(
    pool: &PgPool,
    centre_id: i16,
    enacted: &Enacted,
    folder: &PolicyFiles,
    now: DateTime<Utc>,
) -> Result<PolicyInForce> {
    let approved = files(pool, centre_id, enacted.policy_id).await?;
    let files = with_folder(approved, folder);
    let set = PolicySet::load(&files).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        Fault::Policy(format!("the approved version does not load: {first}"))
    })?;
    put_policy(pool, centre_id, &files, set, now).await
}

/// The files of a version.
pub async fn files(pool: &PgPool, centre_id: i16, policy_id: i32) -> Result<PolicyFiles> {
    let files: Option<Json<PolicyFiles>> = sqlx::query_scalar(
        "SELECT files FROM policy_version WHERE centre_id = $1 AND policy_id = $2",
    )
    .bind(centre_id)
    .bind(policy_id)
    .fetch_optional(pool)
    .await?;
    let Json(files) =
        files.ok_or_else(|| Fault::Policy(format!("version {policy_id} was not kept")))?;
    Ok(files)
}

/// The version that counts today: what was approved, else what the folder says.
pub async fn at_start(
    pool: &PgPool,
    centre_id: i16,
    folder: &PolicyFiles,
    set: PolicySet,
    today: NaiveDate,
    now: DateTime<Utc>,
) -> Result<PolicyInForce> {
    let of_folder = put_policy(pool, centre_id, folder, set, now).await?;
    match on(pool, centre_id, today).await? {
        None => Ok(of_folder),
        Some(enacted) => load(pool, centre_id, &enacted, folder, now).await,
    }
}

/// The files that are in force now.
pub async fn files_in_force(office: &Office) -> Result<PolicyFiles> {
    files(&office.pool, office.centre.id, office.policy().id).await
}
