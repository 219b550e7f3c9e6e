//! Employers (缴存单位), their account and clerks (经办人).

use anju_domain::calendar::Month;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::person::{purpose, text};
use crate::{Office, Refusal, Result};

/// States of an employer's account (contribution.md §2.3).
pub mod state {
    /// 正常.
    pub const ACTIVE: i16 = 1;
    /// 缓缴.
    pub const DEFERRED: i16 = 2;
    /// 封存.
    pub const SEALED: i16 = 3;
    /// 销户.
    pub const CANCELLED: i16 = 9;
}

/// An employer and its account.
#[derive(Debug, Clone, FromRow)]
pub struct Employer {
    /// Identifier.
    pub employer_id: i64,
    /// Unified social credit code (统一社会信用代码).
    pub uscc: String,
    /// Registered name.
    pub name: String,
    /// 机关, 事业, 国企, 私企, 外企, 社会组织 or 其他.
    pub kind: String,
    /// GB/T 2260 code of the district.
    pub district: String,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Entrusted bank, `B1`–`B8`.
    pub bank: String,
    /// Employer's ratio, basis points.
    pub ratio_employer_bp: i32,
    /// Employee's ratio, basis points.
    pub ratio_employee_bp: i32,
    /// Payday (发薪日), 1–31.
    pub payday: Option<i16>,
    /// First month of contribution, as an index.
    pub first_month: i32,
    /// Paid to this month (已汇缴至), as an index; the month before the first until the first allocation.
    pub paid_to_month: i32,
    /// Ledger account of its suspense (暂存款).
    pub suspense_account_id: i64,
    /// Counts changes of its list of members.
    pub list_version: i32,
    /// Registered more than 30 days after founding (W-EMPR-07).
    pub late_registration: bool,
    /// See [`state`].
    pub state: i16,
    /// First of the months that an approved deferral (缓缴) leaves out.
    pub deferred_from: Option<i32>,
    /// Last of them.
    pub deferred_through: Option<i32>,
    /// Opened.
    pub opened_at: DateTime<Utc>,
}

impl Employer {
    /// The month that comes next: months go in order, and those that are deferred need no list (REMIT-01).
    pub fn next_month(&self) -> Month {
        self.month_after(Month::from_index(self.paid_to_month))
    }

    /// The month whose list follows this month's.
    pub fn month_after(&self, month: Month) -> Month {
        match self.deferred() {
            Some((from, through)) if (from..=through).contains(&(month.index() + 1)) => {
                Month::from_index(through + 1)
            }
            _ => month.plus(1),
        }
    }

    /// The month whose list goes before this month's.
    pub fn month_before(&self, month: Month) -> Month {
        match self.deferred() {
            Some((from, through)) if (from..=through).contains(&(month.index() - 1)) => {
                Month::from_index(from - 1)
            }
            _ => month.plus(-1),
        }
    }

    /// Whether this month is deferred.
    pub fn defers(&self, month: Month) -> bool {
        self.deferred()
            .is_some_and(|(from, through)| (from..=through).contains(&month.index()))
    }

    fn deferred(&self) -> Option<(i32, i32)> {
        self.deferred_from.zip(self.deferred_through)
    }

    /// Whether people hang under it who contribute by themselves (`FLEX-<office>`).
    pub fn is_virtual(&self) -> bool {
        self.uscc.starts_with("FLEX-")
    }

    /// Whether it still has no allocated month.
    pub fn is_new(&self) -> bool {
        self.paid_to_month < self.first_month
    }
}

/// Columns of [`Employer`], in one place.
macro_rules! columns {
    () => {
        "employer_id, uscc, name, kind, district, branch_id, bank, ratio_employer_bp, ratio_employee_bp, payday, \
         first_month, paid_to_month, suspense_account_id, list_version, late_registration, state, deferred_from, \
         deferred_through, opened_at"
    };
}

/// An employer by identifier.
pub async fn get(
    office: &Office,
    db: impl PgExecutor<'_>,
    employer_id: i64,
) -> Result<Option<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND employer_id = $2"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(db)
    .await?)
}

/// An employer that must exist.
pub async fn require(office: &Office, employer_id: i64) -> Result<Employer> {
    get(office, &office.pool, employer_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这个单位").into())
}

/// Takes the employer's row, so that one list, receipt or registration at a time moves its months and suspense.
pub async fn lock(office: &Office, conn: &mut PgConnection, employer_id: i64) -> Result<Employer> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND employer_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::not_found("这个单位").into())
}

/// A live employer by its credit code.
pub async fn by_uscc(office: &Office, uscc: &Uscc) -> Result<Option<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND uscc = $2 AND state <> 9"
    ))
    .bind(office.centre.id)
    .bind(uscc.as_str())
    .fetch_optional(&office.pool)
    .await?)
}

/// Live employers of this exact name (full and half width made equal).
pub async fn by_name(
    office: &Office,
    db: impl PgExecutor<'_>,
    name: &str,
) -> Result<Vec<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND name = $2 AND state <> 9 ORDER BY employer_id LIMIT 3"
    ))
    .bind(office.centre.id)
    .bind(name)
    .fetch_all(db)
    .await?)
}

/// Employers whose name or code begins with this, a page of them, for the desk.
pub async fn search(office: &Office, term: &str, after: i64, limit: i64) -> Result<Vec<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND employer_id > $2 AND (uscc = $3 OR name ^@ $3) ORDER BY employer_id LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(after)
    .bind(term)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// A clerk (经办人) of an employer.
#[derive(Debug, Clone)]
pub struct Clerk {
    /// Identifier.
    pub clerk_id: i64,
    /// Whose.
    pub employer_id: i64,
    /// Name.
    pub name: String,
    /// Phone, masked.
    pub phone_masked: String,
}

/// The clerk of an employer with this phone.
pub async fn clerk_by_phone(
    office: &Office,
    employer_id: i64,
    phone: &Phone,
) -> Result<Option<Clerk>> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT clerk_id, name_sealed FROM clerk
          WHERE centre_id = $1 AND employer_id = $2 AND phone_index = ANY ($3) AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(
        office
            .vault
            .blind_index(purpose::PHONE, phone.expose())
            .any(),
    )
    .fetch_optional(&office.pool)
    .await?;
    row.map(|(clerk_id, name)| {
        Ok(Clerk {
            clerk_id,
            employer_id,
            name: text(&office.vault, purpose::NAME, &name)?,
            phone_masked: phone.to_string(),
        })
    })
    .transpose()
}

/// A clerk by identifier.
pub async fn clerk(office: &Office, clerk_id: i64) -> Result<Option<Clerk>> {
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT employer_id, name_sealed, phone_sealed FROM clerk WHERE centre_id = $1 AND clerk_id = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .fetch_optional(&office.pool)
    .await?;
    row.map(|(employer_id, name, phone)| {
        let phone = text(&office.vault, purpose::PHONE, &phone)?;
        Ok(Clerk {
            clerk_id,
            employer_id,
            name: text(&office.vault, purpose::NAME, &name)?,
            phone_masked: Phone::parse(&phone)
                .map_or_else(|_| "***".to_owned(), |phone| phone.to_string()),
        })
    })
    .transpose()
}

/// Adds a clerk.
pub async fn add_clerk(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    name: &str,
    phone: &Phone,
) -> Result<i64> {
    let clerk_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO clerk (centre_id, clerk_id, employer_id, name_sealed, phone_index, phone_sealed)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .bind(employer_id)
    .bind(office.vault.seal(purpose::NAME, name.as_bytes()))
    .bind(office.vault.blind_index(purpose::PHONE, phone.expose()).current.as_slice())
    .bind(office.vault.seal(purpose::PHONE, phone.expose().as_bytes()))
    .execute(conn)
    .await?;
    Ok(clerk_id)
}

/// Ends a clerk's mandate and his sessions; the last one of an employer stays.
///
/// # Errors
/// 409 `E-AUTH-03` for the last clerk.
pub async fn end_clerk(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    clerk_id: i64,
) -> Result<()> {
    lock(office, conn, employer_id).await?;
    let now = office.now();
    let ended = sqlx::query(
        "UPDATE clerk SET ended_at = $4
          WHERE centre_id = $1 AND clerk_id = $3 AND employer_id = $2 AND ended_at IS NULL
            AND EXISTS (SELECT FROM clerk WHERE centre_id = $1 AND employer_id = $2 AND clerk_id <> $3 AND ended_at IS NULL)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(clerk_id)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() == 0 {
        let detail = "单位至少要有一名经办人。请先授权另一名，再结束这一名的授权。";
        return Err(Refusal::new(409, "E-AUTH-03", detail).into());
    }
    sqlx::query(
        "UPDATE session SET ended_at = $4
          WHERE centre_id = $1 AND audience = $2 AND subject_id = $3 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(crate::session::audience::CLERK)
    .bind(clerk_id)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Names for a list: of people masked, of employers as they are registered.
pub async fn names_of_applicants(
    office: &Office,
    applicants: &[i64],
) -> Result<std::collections::HashMap<i64, String>> {
    let mut names = crate::person::masked_names(office, applicants).await?;
    let missing: Vec<i64> = applicants
        .iter()
        .filter(|id| !names.contains_key(id))
        .copied()
        .collect();
    if !missing.is_empty() {
        let employers: Vec<(i64, String)> = sqlx::query_as(
            "SELECT employer_id, name FROM employer WHERE centre_id = $1 AND employer_id = ANY ($2)",
        )
        .bind(office.centre.id)
        .bind(missing)
        .fetch_all(&office.pool)
        .await?;
        names.extend(employers);
    }
    Ok(names)
}

/// The phone of whoever acts for an employer: the clerk who did this, while his mandate lasts, else another.
pub async fn clerk_phone(
    office: &Office,
    employer_id: i64,
    clerk_id: i64,
) -> Result<Option<String>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT phone_sealed FROM clerk
          WHERE centre_id = $1 AND employer_id = $2 AND ended_at IS NULL
          ORDER BY (clerk_id = $3) DESC, clerk_id LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(clerk_id)
    .fetch_optional(&office.pool)
    .await?;
    sealed
        .map(|sealed| text(&office.vault, purpose::PHONE, &sealed))
        .transpose()
}
