//! The people of a remittance (汇缴明细): who was paid for, how much. Names are masked here; whole ones never leave.

use anju_casework::person::{purpose, text};
use anju_casework::{Office, Result};
use anju_domain::money::Fen;
use sqlx::FromRow;

/// One person of a list.
#[derive(Debug, Clone)]
pub struct PersonLine {
    /// The account, for the next page.
    pub account_id: i64,
    /// The surname and stars.
    pub name_masked: String,
    /// 缴存基数.
    pub base: Fen,
    /// The employer's part.
    pub employer: Fen,
    /// The employee's part.
    pub employee: Fen,
}

#[derive(FromRow)]
struct Row {
    account_id: i64,
    name_sealed: Vec<u8>,
    base_fen: i64,
    employer_fen: i64,
    employee_fen: i64,
}

/// The people of a remittance by account, a page of them after `after`.
pub async fn of_remittance(
    office: &Office,
    remittance_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<PersonLine>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT l.account_id, p.name_sealed, l.base_fen, l.employer_fen, l.employee_fen
           FROM remittance_line l JOIN person p USING (centre_id, person_id)
          WHERE l.centre_id = $1 AND l.remittance_id = $2 AND l.account_id > $3
          ORDER BY l.account_id LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PersonLine {
                account_id: row.account_id,
                name_masked: anju_domain::name::mask(&text(
                    &office.vault,
                    purpose::NAME,
                    &row.name_sealed,
                )?),
                base: Fen::new(row.base_fen),
                employer: Fen::new(row.employer_fen),
                employee: Fen::new(row.employee_fen),
            })
        })
        .collect()
}
