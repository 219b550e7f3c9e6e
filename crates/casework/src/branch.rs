//! Branches (分中心、办事处): who keeps whom.

use sqlx::FromRow;

use crate::{Office, Result};

/// A branch of the centre.
#[derive(Debug, Clone, FromRow)]
pub struct Branch {
    /// Identifier.
    pub branch_id: i16,
    /// Branch above it.
    pub parent_id: Option<i16>,
    /// `centre`, `sub_centre` or `office`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// GB/T 2260 code.
    pub district: String,
    /// Address.
    pub address: String,
    /// Opening hours.
    pub hours: String,
    /// Entrusted bank of its employers.
    pub bank: String,
}

/// All branches; a centre has a few dozen.
pub async fn all(office: &Office) -> Result<Vec<Branch>> {
    Ok(sqlx::query_as(
        "SELECT branch_id, parent_id, kind, name, district, address, hours, bank
           FROM branch WHERE centre_id = $1 ORDER BY branch_id",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?)
}

/// A branch by identifier, in the caller's transaction.
pub async fn by_id(
    office: &Office,
    conn: &mut sqlx::PgConnection,
    branch_id: i16,
) -> Result<Option<Branch>> {
    Ok(sqlx::query_as(
        "SELECT branch_id, parent_id, kind, name, district, address, hours, bank
           FROM branch WHERE centre_id = $1 AND branch_id = $2",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .fetch_optional(conn)
    .await?)
}

/// The branch that keeps an employer registered in this district: the district's own, else the centre's business department.
pub async fn of_district(
    office: &Office,
    db: impl sqlx::PgExecutor<'_>,
    district: &str,
) -> Result<Option<Branch>> {
    Ok(sqlx::query_as(
        "SELECT branch_id, parent_id, kind, name, district, address, hours, bank
           FROM branch WHERE centre_id = $1 AND (district = $2 OR kind = 'centre')
          ORDER BY (district = $2) DESC, kind <> 'centre' DESC, branch_id LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(district)
    .fetch_optional(db)
    .await?)
}
