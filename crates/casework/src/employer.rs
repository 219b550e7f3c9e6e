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
    /// 预开户: opened by the market regulator's message, and nobody has completed it yet.
    pub const PRE_OPENED: i16 = 4;
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
    /// Address.
    pub address: Option<String>,
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
    /// 1 active, 2 deferred, 3 sealed, 4 pre-opened, 9 cancelled; see [`state`].
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
        "employer_id, uscc, name, kind, district, address, branch_id, bank, ratio_employer_bp, ratio_employee_bp, payday, \
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

/// An employer that contributes: one that the regulator pre-opened has to be completed first.
///
/// # Errors
/// 404; 409 `E-EMPR-05` before its payday, ratio, clerk and first month are there.
pub async fn require_open(office: &Office, employer_id: i64) -> Result<Employer> {
    let employer = require(office, employer_id).await?;
    if employer.state == state::PRE_OPENED {
        let detail =
            "单位还在预开户。请先用电子营业执照登录，补齐发薪日、缴存比例、经办人和首次汇缴年月。";
        return Err(Refusal::new(409, "E-EMPR-05", detail).into());
    }
    Ok(employer)
}

/// Names of employers, by identifier.
pub async fn names(office: &Office, ids: &[i64]) -> Result<std::collections::HashMap<i64, String>> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT employer_id, name FROM employer WHERE centre_id = $1 AND employer_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(ids)
    .fetch_all(&office.pool)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The legal representative's name, for the employer's own page and its changes.
pub async fn representative(office: &Office, employer_id: i64) -> Result<String> {
    let sealed: Vec<u8> = sqlx::query_scalar(
        "SELECT legal_representative_sealed FROM employer WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_one(&office.pool)
    .await?;
    text(&office.vault, purpose::NAME, &sealed)
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
    by_uscc_on(office, &office.pool, uscc).await
}

/// The same over a connection.
pub async fn by_uscc_on(
    office: &Office,
    db: impl PgExecutor<'_>,
    uscc: &Uscc,
) -> Result<Option<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND uscc = $2 AND state <> 9"
    ))
    .bind(office.centre.id)
    .bind(uscc.as_str())
    .fetch_optional(db)
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

/// Employers of this code, or whose name begins with this, a page of them, for the desk. The whole code finds any employer (全市通办);
/// by a name that is begun, whoever works for one branch finds those that it keeps.
pub async fn search(
    office: &Office,
    term: &str,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Employer>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM employer WHERE centre_id = $1 AND employer_id > $2
           AND (uscc = $3 OR name ^@ $3 AND ($5::smallint IS NULL OR branch_id = $5)) ORDER BY employer_id LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(after)
    .bind(term)
    .bind(limit)
    .bind(branch_id)
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
    /// The legal representative (法定代表人), who acts by his licence alone.
    pub is_representative: bool,
}

/// The clerk of an employer with this phone, who may log in by a code on it.
pub async fn clerk_by_phone(
    office: &Office,
    employer_id: i64,
    phone: &Phone,
) -> Result<Option<Clerk>> {
    let found = any_clerk_by_phone(office, employer_id, phone).await?;
    Ok(found.filter(|clerk| !clerk.is_representative))
}

/// Whoever acts for an employer with this phone, its legal representative too.
pub async fn any_clerk_by_phone(
    office: &Office,
    employer_id: i64,
    phone: &Phone,
) -> Result<Option<Clerk>> {
    let row: Option<(i64, Vec<u8>, i16)> = sqlx::query_as(
        "SELECT clerk_id, name_sealed, kind FROM clerk
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
    row.map(|(clerk_id, name, kind)| {
        Ok(Clerk {
            clerk_id,
            employer_id,
            name: text(&office.vault, purpose::NAME, &name)?,
            phone_masked: phone.to_string(),
            is_representative: kind == REPRESENTATIVE,
        })
    })
    .transpose()
}

/// `clerk.kind` of the legal representative.
const REPRESENTATIVE: i16 = 2;

/// A clerk's row: identifier, employer, sealed name and phone, kind.
type ClerkRow = (i64, i64, Vec<u8>, Vec<u8>, i16);

fn opened(office: &Office, (clerk_id, employer_id, name, phone, kind): ClerkRow) -> Result<Clerk> {
    let phone = text(&office.vault, purpose::PHONE, &phone)?;
    Ok(Clerk {
        clerk_id,
        employer_id,
        name: text(&office.vault, purpose::NAME, &name)?,
        phone_masked: Phone::parse(&phone)
            .map_or_else(|_| "***".to_owned(), |phone| phone.to_string()),
        is_representative: kind == REPRESENTATIVE,
    })
}

/// A clerk by identifier.
pub async fn clerk(office: &Office, clerk_id: i64) -> Result<Option<Clerk>> {
    let row: Option<ClerkRow> = sqlx::query_as(
        "SELECT clerk_id, employer_id, name_sealed, phone_sealed, kind FROM clerk
          WHERE centre_id = $1 AND clerk_id = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .fetch_optional(&office.pool)
    .await?;
    row.map(|row| opened(office, row)).transpose()
}

/// Clerks whom one employer's page shows.
const CLERKS_SHOWN: i64 = 50;

/// Who acts for an employer, the first ones first.
pub async fn clerks(office: &Office, employer_id: i64) -> Result<Vec<Clerk>> {
    let rows: Vec<ClerkRow> = sqlx::query_as(
        "SELECT clerk_id, employer_id, name_sealed, phone_sealed, kind FROM clerk
          WHERE centre_id = $1 AND employer_id = $2 AND ended_at IS NULL ORDER BY clerk_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(CLERKS_SHOWN)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter().map(|row| opened(office, row)).collect()
}

/// The phone of a clerk, for a code that is sent to it.
pub async fn clerk_phone(office: &Office, clerk_id: i64) -> Result<Option<Phone>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT phone_sealed FROM clerk WHERE centre_id = $1 AND clerk_id = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .fetch_optional(&office.pool)
    .await?;
    Ok(match sealed {
        Some(sealed) => Phone::parse(&text(&office.vault, purpose::PHONE, &sealed)?).ok(),
        None => None,
    })
}

/// Puts the legal representative down, who has shown his licence; whoever had his phone before is him from now on.
pub async fn add_representative(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    name: &str,
    phone: &Phone,
) -> Result<i64> {
    let clerk_id = office.ids.next().await?;
    Ok(sqlx::query_scalar(
        "INSERT INTO clerk (centre_id, clerk_id, employer_id, name_sealed, phone_index, phone_sealed, kind)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (centre_id, employer_id, phone_index) WHERE ended_at IS NULL
             DO UPDATE SET name_sealed = excluded.name_sealed
         RETURNING clerk_id",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .bind(employer_id)
    .bind(office.vault.seal(purpose::NAME, name.as_bytes()))
    .bind(office.vault.blind_index(purpose::PHONE, phone.expose()).current.as_slice())
    .bind(office.vault.seal(purpose::PHONE, phone.expose().as_bytes()))
    .bind(REPRESENTATIVE)
    .fetch_one(conn)
    .await?)
}

/// The legal representative has changed: who was put down as one before acts no more, and his sessions end.
pub async fn end_representatives(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE clerk SET ended_at = $3 WHERE centre_id = $1 AND employer_id = $2 AND kind = $4 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(office.now())
    .bind(REPRESENTATIVE)
    .execute(&mut *conn)
    .await?;
    // He is logged in by the licence alone, so that its credit code finds him.
    sqlx::query(
        "UPDATE session SET ended_at = $3
          WHERE centre_id = $1 AND uscc = (SELECT uscc FROM employer WHERE centre_id = $1 AND employer_id = $2)
            AND holder_role = $4 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(office.now())
    .bind(crate::licence::Role::LegalRepresentative as i16)
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a clerk. A legal representative whose phone it is becomes one too: he may then log in by a code on it.
///
/// # Errors
/// 409 `E-FORM-01` for a clerk who is there already.
pub async fn add_clerk(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    name: &str,
    phone: &Phone,
) -> Result<i64> {
    let clerk_id = office.ids.next().await?;
    let added: Option<i64> = sqlx::query_scalar(
        "INSERT INTO clerk (centre_id, clerk_id, employer_id, name_sealed, phone_index, phone_sealed)
         VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (centre_id, employer_id, phone_index) WHERE ended_at IS NULL
             DO UPDATE SET kind = 1 WHERE clerk.kind = $7
         RETURNING clerk_id",
    )
    .bind(office.centre.id)
    .bind(clerk_id)
    .bind(employer_id)
    .bind(office.vault.seal(purpose::NAME, name.as_bytes()))
    .bind(office.vault.blind_index(purpose::PHONE, phone.expose()).current.as_slice())
    .bind(office.vault.seal(purpose::PHONE, phone.expose().as_bytes()))
    .bind(REPRESENTATIVE)
    .fetch_optional(conn)
    .await?;
    added.ok_or_else(|| {
        let detail = "这个手机号的经办人已经在册，不用重复授权。";
        Refusal::new(409, "E-FORM-01", detail).into()
    })
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
pub async fn acting_phone(
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
