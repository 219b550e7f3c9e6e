//! 稽核. Recomputes the books from their postings and names every difference by its invariant (accounting.md §5).
//!
//! Read-only, of one instant, and without the functions that wrote the figures: sums over postings alone.

use chrono::NaiveDate;
use sqlx::{Connection, PgConnection};

use crate::{Centre, Result};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Breach {
    /// Its number in accounting.md §5, `I22`.
    pub invariant: String,
    /// The account, journal, day, subject or case.
    pub place: String,
    /// What stands there and what should.
    pub detail: String,
}

/// The recomputations, each with the invariants that it checks; none looks beyond the ledger's own tables.
const CHECKS: [(&str, &str); 7] = [
    ("I1, I24", include_str!("sql/audit_journals.sql")),
    ("I2, I3, I10", include_str!("sql/audit_days.sql")),
    ("I3", include_str!("sql/audit_dimensions.sql")),
    ("I5, I12, I22", include_str!("sql/audit_balances.sql")),
    ("I23", include_str!("sql/audit_products.sql")),
    ("I4, I9, I18", include_str!("sql/audit_subjects.sql")),
    ("I20", include_str!("sql/audit_vouchers.sql")),
];

/// Every difference that is found, at most a hundred of a sort; empty when the books prove themselves.
///
/// # Errors
/// When the database fails.
pub async fn audit(conn: &mut PgConnection, centre: Centre) -> Result<Vec<Breach>> {
    // One instant for all figures, whatever is booked meanwhile.
    let mut snapshot = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    // Whole tables are joined; a nested loop chosen on old statistics would take hours.
    sqlx::query("SET LOCAL enable_nestloop = off")
        .execute(&mut *snapshot)
        .await?;
    let mut breaches = Vec::new();
    for (invariants, sql) in CHECKS {
        let found: Vec<Breach> = sqlx::query_as(sql)
            .bind(centre.0)
            .fetch_all(&mut *snapshot)
            .await?;
        tracing::debug!(invariants, breaches = found.len(), "checked");
        breaches.extend(found);
    }
    snapshot.rollback().await?;
    Ok(breaches)
}

/// The invariants of an open day alone: its journals (I1, I24), the accounts that they touched with their holds and products (I12, I22,
/// I23), and the subjects after it (I4, I9). What was sealed before is taken as it was sealed; [`audit`] reads that too.
///
/// # Errors
/// When the database fails.
pub async fn audit_day(
    conn: &mut PgConnection,
    centre: Centre,
    day: NaiveDate,
) -> Result<Vec<Breach>> {
    let mut snapshot = conn
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    // How much a day touched no statistics know; a nested loop over it would take minutes.
    sqlx::query("SET LOCAL enable_nestloop = off")
        .execute(&mut *snapshot)
        .await?;
    let breaches = sqlx::query_as(include_str!("sql/audit_day.sql"))
        .bind(centre.0)
        .bind(day)
        .fetch_all(&mut *snapshot)
        .await?;
    snapshot.rollback().await?;
    Ok(breaches)
}

/// The invariants that [`audit`] checks, each once, for the report of a run.
#[must_use]
pub fn checked() -> Vec<&'static str> {
    let mut named = Vec::new();
    for one in CHECKS
        .iter()
        .flat_map(|(invariants, _)| invariants.split(", "))
    {
        if !named.contains(&one) {
            named.push(one);
        }
    }
    named
}

/// What an invariant of accounting.md §5 says, in a few words; empty for another name, which speaks for itself.
#[must_use]
pub fn meaning(invariant: &str) -> &'static str {
    match invariant {
        "I1" => "凭证借贷相等",
        "I2" => "每日借贷平衡",
        "I3" => "余额逐日承接",
        "I4" => "资产负债平衡",
        "I5" => "个人余额合计",
        "I9" => "暂收科目不为负",
        "I10" => "日终清算为零",
        "I12" => "余额、预留与冻结",
        "I18" => "缴存减提取等于余额",
        "I20" => "凭单编号与存证",
        "I22" => "余额由分录重算",
        "I23" => "积数与利息重算",
        "I24" => "冲销相抵",
        _ => "",
    }
}
