//! What tables say beyond the log, against the books (对照): the amount and state of a case, what of an event was used, what came in, what a list
//! has credited, what each share of an estate has got. Invariant: each is one statement over whole tables, run on its own snapshot; nothing here
//! trusts what it checks.

use anju_casework::findings::Findings;
use anju_casework::{Office, Result};
use anju_vault::NumberKind;
use sqlx::Connection;

/// 办件与账簿.
const CASES: &str = "办件与账簿";
/// 提取事项台账.
const USES: &str = "提取台账";
/// 到账流水.
const RECEIPTS: &str = "到账流水";
/// 汇缴.
const LISTS: &str = "汇缴与账簿";
/// 一案多付.
const SHARES: &str = "继承各份付款";

/// What is checked here.
pub const LAWS: [&str; 5] = [CASES, USES, RECEIPTS, LISTS, SHARES];

/// Law, statement, and of what its id is the number where it has a public one; `$1` is the centre. A row says the id, and what stands there
/// and what should.
const CHECKS: [(&str, &str, Option<NumberKind>); 5] = [
    (
        CASES,
        include_str!("sql/cross_cases.sql"),
        Some(NumberKind::Case),
    ),
    (
        USES,
        include_str!("sql/cross_uses.sql"),
        Some(NumberKind::Case),
    ),
    (RECEIPTS, include_str!("sql/cross_receipts.sql"), None),
    (
        LISTS,
        include_str!("sql/cross_lists.sql"),
        Some(NumberKind::Remittance),
    ),
    (
        SHARES,
        include_str!("sql/cross_shares.sql"),
        Some(NumberKind::Case),
    ),
];

/// Every difference.
///
/// # Errors
/// The database.
pub async fn audit(office: &Office, findings: &mut Findings) -> Result<()> {
    let mut conn = office.pool.acquire().await?;
    for (law, statement, kind) in CHECKS {
        let mut snapshot = conn
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        // Whole tables are joined; a nested loop chosen on old statistics would take hours.
        sqlx::query("SET LOCAL enable_nestloop = off")
            .execute(&mut *snapshot)
            .await?;
        let found: Vec<(i64, String)> = sqlx::query_as(statement)
            .bind(office.centre.id)
            .fetch_all(&mut *snapshot)
            .await?;
        snapshot.rollback().await?;
        for (id, detail) in found {
            let place = kind.map_or_else(|| id.to_string(), |kind| office.numbers.encode(kind, id));
            findings.tell(law, place, detail);
        }
    }
    Ok(())
}
