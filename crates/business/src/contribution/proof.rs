//! The evidence of an allocation: one batch whose first entry is the list and whose others are its lines in the order of their
//! accounts, so that an employer proves the whole and an employee his own line, each without showing the others.

use std::collections::HashMap;

use anju_casework::findings::Findings;
use anju_casework::leaf::{Batch, kind};
use anju_casework::log::audit::{Leaf, differs};
use anju_casework::log::{self, Proof};
use anju_casework::{Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::clock::rfc3339_millis;
use anju_vault::NumberKind;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::remittance::{Remittance, of_ids, require};

/// A line: account, employer's fen, employee's fen.
pub(super) type Line = (i64, i64, i64);

/// The lines of a list in the order of their accounts, the months of a back payment together; not those that came for an account that
/// was closed.
pub(super) async fn lines(
    office: &Office,
    conn: &mut PgConnection,
    remittance_id: i64,
) -> Result<Vec<Line>> {
    Ok(sqlx::query_as(
        "SELECT account_id, sum(employer_fen)::bigint, sum(employee_fen)::bigint FROM remittance_line l
          WHERE centre_id = $1 AND remittance_id = $2
            AND NOT EXISTS (SELECT FROM late_credit late
                             WHERE late.centre_id = $1 AND late.remittance_id = $2 AND late.account_id = l.account_id)
          GROUP BY account_id ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_all(conn)
    .await?)
}

/// The records of an allocation, and how they hang together.
pub(super) fn batch(
    office: &Office,
    list: &Remittance,
    lines: &[Line],
    allocated_at: DateTime<Utc>,
    salt: [u8; 32],
) -> Result<Batch> {
    let line = LineRecord::of(office, list, allocated_at);
    Batch::draw(salt, lines.len() + 1, |index| match index.checked_sub(1) {
        None => list_record(office, list, allocated_at),
        Some(place) => line.draw(office, &lines[place]),
    })
}

fn list_record(office: &Office, list: &Remittance, allocated_at: DateTime<Utc>) -> Value {
    json!({
        "kind": "remittance",
        "remittance": office.numbers.encode(NumberKind::Remittance, list.remittance_id),
        "employer": office.numbers.encode(NumberKind::Employer, list.employer_id),
        "month": list.month().to_string(),
        "people": list.people,
        "amount_fen": list.amount_fen,
        "reference": list.reference,
        "allocated_at": rfc3339_millis(allocated_at),
    })
}

/// What the records of all lines of a list have in common.
struct LineRecord {
    remittance: String,
    month: String,
    allocated_at: String,
}

impl LineRecord {
    fn of(office: &Office, list: &Remittance, at: DateTime<Utc>) -> Self {
        Self {
            remittance: office
                .numbers
                .encode(NumberKind::Remittance, list.remittance_id),
            month: list.month().to_string(),
            allocated_at: rfc3339_millis(at),
        }
    }

    fn draw(&self, office: &Office, line: &Line) -> Value {
        let (account, employer_fen, employee_fen) = line;
        json!({
            "kind": "allocation",
            "remittance": self.remittance,
            "month": self.month,
            "account": office.numbers.encode(NumberKind::Account, *account),
            "employer_fen": employer_fen,
            "employee_fen": employee_fen,
            "allocated_at": self.allocated_at,
        })
    }
}

/// A month that was credited to an account.
#[derive(Debug, Clone, FromRow)]
pub struct Credited {
    /// Its list.
    pub remittance_id: i64,
    /// Month index.
    pub month: i32,
    /// Fen, both parts.
    pub amount_fen: i64,
    /// When.
    pub allocated_at: DateTime<Utc>,
    /// By whom.
    pub employer: String,
}

impl Credited {
    /// Its month.
    #[must_use]
    pub fn month(&self) -> Month {
        Month::from_index(self.month)
    }
}

/// The months of an account, newest first, a page of them before `before`.
///
/// # Errors
/// The database.
pub async fn of_account(
    office: &Office,
    account_id: i64,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Credited>> {
    Ok(sqlx::query_as(
        "SELECT r.remittance_id, l.month, l.employer_fen + l.employee_fen AS amount_fen, r.allocated_at, e.name AS employer
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
           JOIN employer e ON e.centre_id = r.centre_id AND e.employer_id = r.employer_id
          WHERE l.centre_id = $1 AND l.account_id = $2 AND l.month < $3 AND r.allocated_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM late_credit late
                             WHERE late.centre_id = $1 AND late.remittance_id = r.remittance_id AND late.account_id = $2)
          ORDER BY l.month DESC, r.remittance_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .bind(before.unwrap_or(i32::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The proof of an allocated list, or of one account's line in it.
///
/// # Errors
/// 409 `E-EVID-01` before the list is allocated; 404 for an account that is not in it.
pub async fn proof(office: &Office, remittance_id: i64, account_id: Option<i64>) -> Result<Proof> {
    let list = require(office, remittance_id).await?;
    let Some(allocated_at) = list.allocated_at else {
        return Err(Refusal::new(
            409,
            "E-EVID-01",
            "这笔汇缴还没有分配，请在分配之后再来取凭据。",
        )
        .into());
    };
    let mut conn = office.pool.acquire().await?;
    let lines = lines(office, &mut conn, remittance_id).await?;
    drop(conn);
    let index = match account_id {
        None => 0,
        Some(account) => {
            1 + lines
                .iter()
                .position(|(line, ..)| *line == account)
                .ok_or_else(|| Refusal::not_found("这个账户在这笔汇缴里的一行"))?
        }
    };
    let Some(leaf) = log::leaf_of(office, kind::BATCH, remittance_id, 0).await? else {
        return log::waiting_or_none(office, remittance_id).await;
    };
    let batch = batch(office, &list, &lines, allocated_at, leaf.salt()?)?;
    let record = match index.checked_sub(1).map(|line| &lines[line]) {
        None => list_record(office, &list, allocated_at),
        Some(line) => LineRecord::of(office, &list, allocated_at).draw(office, line),
    };
    log::prove(office, &leaf, record, Some(batch.at(index))).await
}

/// Lines that are drawn at once, unless one list has more.
const AT_ONCE: i32 = 100_000;

/// These leaves of lists, each against its list and lines, read set by set; for `anju audit`. Returns the lines.
///
/// # Errors
/// The database.
pub async fn audit_leaves(
    office: &Office,
    leaves: &[&Leaf],
    findings: &mut Findings,
) -> Result<u64> {
    let mut drawn = 0;
    let mut rest = leaves;
    while !rest.is_empty() {
        let mut entries = 0_i32;
        let fits = rest.iter().take_while(|leaf| {
            entries = entries.saturating_add(leaf.size);
            entries <= AT_ONCE
        });
        let (now, later) = rest.split_at(fits.count().max(1));
        rest = later;
        drawn += audit_some(office, now, findings).await?;
    }
    Ok(drawn)
}

async fn audit_some(office: &Office, leaves: &[&Leaf], findings: &mut Findings) -> Result<u64> {
    let ids: Vec<i64> = leaves.iter().map(|leaf| leaf.ref_id).collect();
    let lists: HashMap<i64, Remittance> = of_ids(office, &ids)
        .await?
        .into_iter()
        .map(|list| (list.remittance_id, list))
        .collect();
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT remittance_id, account_id, sum(employer_fen)::bigint, sum(employee_fen)::bigint FROM remittance_line l
          WHERE centre_id = $1 AND remittance_id = ANY ($2)
            AND NOT EXISTS (SELECT FROM late_credit late
                             WHERE late.centre_id = $1 AND late.remittance_id = l.remittance_id AND late.account_id = l.account_id)
          GROUP BY remittance_id, account_id ORDER BY remittance_id, account_id",
    )
    .bind(office.centre.id)
    .bind(&ids)
    .fetch_all(&office.pool)
    .await?;
    let drawn = rows.len() as u64;
    let mut lines: HashMap<i64, Vec<Line>> = HashMap::new();
    for (list, account, employer_fen, employee_fen) in rows {
        lines
            .entry(list)
            .or_default()
            .push((account, employer_fen, employee_fen));
    }
    for leaf in leaves {
        let own = lines.remove(&leaf.ref_id).unwrap_or_default();
        let holds = match lists.get(&leaf.ref_id) {
            None => None,
            Some(list) => Some(match (list.allocated_at, leaf.salt[..].try_into()) {
                (Some(at), Ok(salt)) => {
                    batch(office, list, &own, at, salt)?.leaf()?.entry == leaf.entry
                }
                _ => false,
            }),
        };
        let no = office.numbers.encode(NumberKind::Remittance, leaf.ref_id);
        differs(leaf, format!("汇缴 {no} 及其明细"), holds, findings);
    }
    Ok(drawn)
}

/// Lists that were allocated and have no leaf.
///
/// # Errors
/// The database.
pub async fn audit_bare(office: &Office, findings: &mut Findings) -> Result<()> {
    let bare: Vec<i64> = sqlx::query_scalar(
        "SELECT remittance_id FROM remittance r
          WHERE centre_id = $1 AND allocated_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM evidence_leaf l WHERE l.centre_id = $1 AND l.ref_id = r.remittance_id AND l.kind = $2)
            AND NOT EXISTS (SELECT FROM evidence_pending p WHERE p.centre_id = $1 AND p.ref_id = r.remittance_id AND p.kind = $2)
          ORDER BY remittance_id LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(kind::BATCH)
    .fetch_all(&office.pool)
    .await?;
    for list in bare {
        let no = office.numbers.encode(NumberKind::Remittance, list);
        findings.tell(
            log::audit::LEAVES,
            format!("汇缴 {no}"),
            "已分配而没有存证，应有一片叶子",
        );
    }
    Ok(())
}
