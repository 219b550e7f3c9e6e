//! Who looked at whose data, and why (谁看过我的信息). What staff see is logged at once; a person's own looks in batches.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::{Actor, Office, Result};

/// One look.
#[derive(Debug, Clone, FromRow)]
pub struct Access {
    /// Identifier, also the key of the page.
    pub access_id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// 1 the person, 2 a clerk, 3 staff, 4 an interface.
    pub audience: i16,
    /// Who.
    pub actor_id: i64,
    /// What was seen.
    pub what: String,
    /// Why.
    pub reason: String,
    /// For which case.
    pub case_id: Option<i64>,
    /// The department that asked, where it was one.
    pub source: Option<String>,
}

/// Notes in the caller's transaction that a department was told something of a person.
pub async fn note_told(
    office: &Office,
    conn: &mut PgConnection,
    source: &str,
    person_id: i64,
    what: &str,
    reason: &str,
) -> Result<()> {
    let look = Look {
        actor: Actor::Interface,
        person_id,
        what,
        reason,
        case_id: None,
        source: Some(source),
    };
    look.write(office, conn).await
}

/// Notes a look before what was looked at is shown.
pub async fn note(
    office: &Office,
    actor: Actor,
    person_id: i64,
    what: &str,
    reason: &str,
    case_id: Option<i64>,
) -> Result<()> {
    let look = Look {
        actor,
        person_id,
        what,
        reason,
        case_id,
        source: None,
    };
    look.write(office, &office.pool).await
}

/// A look as it is written.
struct Look<'a> {
    actor: Actor,
    person_id: i64,
    what: &'a str,
    reason: &'a str,
    case_id: Option<i64>,
    source: Option<&'a str>,
}

impl Look<'_> {
    async fn write(self, office: &Office, db: impl PgExecutor<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO access_log (centre_id, access_id, at, audience, actor_id, person_id, what, reason, case_id, source)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(office.centre.id)
        .bind(office.ids.next().await?)
        .bind(office.now())
        .bind(self.actor.audience())
        .bind(self.actor.id())
        .bind(self.person_id)
        .bind(self.what)
        .bind(self.reason)
        .bind(self.case_id)
        .bind(self.source)
        .execute(db)
        .await?;
        Ok(())
    }
}

/// The looks at a person, newest first, a page of them before `before`.
pub async fn of_person(
    office: &Office,
    person_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Access>> {
    Ok(sqlx::query_as(
        "SELECT access_id, at, audience, actor_id, what, reason, case_id, source FROM access_log
          WHERE centre_id = $1 AND person_id = $2 AND access_id < $3
          ORDER BY access_id DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
