//! Staff (工作人员): roles, branches, password and second factor.

use anju_vault::{password, totp};
use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;

use crate::person::purpose;
use crate::{Fault, Office, Refusal, Result};

/// Roles of organisation.md §1 that exist so far.
pub mod role {
    /// 柜员.
    pub const TELLER: &str = "teller";
    /// 复核.
    pub const REVIEWER: &str = "reviewer";
    /// 会计.
    pub const ACCOUNTANT: &str = "accountant";
    /// 主管会计: closes with another.
    pub const CHIEF_ACCOUNTANT: &str = "chief_accountant";
    /// 催收、执法.
    pub const COLLECTOR: &str = "collector";
    /// 审计.
    pub const AUDITOR: &str = "auditor";
    /// 政策管理.
    pub const POLICY_OFFICER: &str = "policy_officer";
    /// 服务管理.
    pub const SERVICE_MANAGER: &str = "service_manager";
    /// 系统管理: no personal data.
    pub const SYSTEM_ADMIN: &str = "system_admin";
}

/// A member of staff.
#[derive(Debug, Clone, FromRow)]
pub struct Staff {
    /// Identifier.
    pub staff_id: i64,
    /// 工号.
    pub number: String,
    /// Name.
    pub name: String,
    /// Branch.
    pub branch_id: i16,
    /// Roles.
    pub roles: Vec<String>,
}

impl Staff {
    /// Whether it holds a role.
    pub fn is(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// Whether it may see people and employers of every branch (organisation.md §1, data scope).
    pub fn sees_centre(&self) -> bool {
        [
            role::ACCOUNTANT,
            role::CHIEF_ACCOUNTANT,
            role::AUDITOR,
            role::POLICY_OFFICER,
            role::SERVICE_MANAGER,
        ]
        .iter()
        .any(|role| self.is(role))
    }
}

/// A member of staff by identifier.
pub async fn get(office: &Office, staff_id: i64) -> Result<Option<Staff>> {
    Ok(sqlx::query_as(
        "SELECT staff_id, number, name, branch_id, roles FROM staff
          WHERE centre_id = $1 AND staff_id = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(staff_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// A member of staff by number, for the command line of a demo centre.
pub async fn by_number(office: &Office, number: &str) -> Result<Option<Staff>> {
    Ok(sqlx::query_as(
        "SELECT staff_id, number, name, branch_id, roles FROM staff
          WHERE centre_id = $1 AND number = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(number)
    .fetch_optional(&office.pool)
    .await?)
}

/// Failures before the lock, and how long it holds (channels.md §3).
const FAILURES: i32 = 5;
const LOCK: Duration = Duration::minutes(15);

#[derive(FromRow)]
struct Secret {
    staff_id: i64,
    password_hash: String,
    totp_sealed: Vec<u8>,
    totp_last: i64,
    failures: i32,
    locked_until: Option<DateTime<Utc>>,
}

/// Checks number, password and second factor. One answer for every mistake, so that numbers cannot be tried out.
pub async fn check(
    office: &Office,
    number: &str,
    password_given: &str,
    code: &str,
) -> Result<Staff> {
    let wrong = || {
        Refusal::new(
            401,
            "E-LOGIN-03",
            "工号、密码或动态码不对，请核对后再试。连续输错 5 次会锁定 15 分钟。",
        )
    };
    let secret: Option<Secret> = sqlx::query_as(
        "SELECT staff_id, password_hash, totp_sealed, totp_last, failures, locked_until
           FROM staff WHERE centre_id = $1 AND number = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(number)
    .fetch_optional(&office.pool)
    .await?;
    let now = office.now();
    if let Some(until) = secret
        .as_ref()
        .and_then(|secret| secret.locked_until)
        .filter(|until| *until > now)
    {
        let minutes = (until - now).num_minutes() + 1;
        return Err(Refusal::new(
            429,
            "E-LOGIN-04",
            format!("输错次数太多，已锁定。请 {minutes} 分钟后再试。"),
        )
        .into());
    }
    // An unknown number costs the same time as a wrong password.
    let hash = secret.as_ref().map_or_else(
        || password::DUMMY.to_owned(),
        |secret| secret.password_hash.clone(),
    );
    let given = password_given.to_owned();
    let matches = tokio::task::spawn_blocking(move || password::verify(&hash, &given))
        .await
        .map_err(|_| Fault::Stored("password check did not finish".to_owned()))?;
    let Some(secret) = secret else {
        return Err(wrong().into());
    };
    let seed = office.vault.open(purpose::TOTP, &secret.totp_sealed)?;
    let step = totp::verify(&seed, code, now.timestamp()).filter(|step| *step > secret.totp_last);
    if let (true, Some(step)) = (matches, step) {
        // The step in the condition: of two tries with one code in the same instant one wins.
        let accepted = sqlx::query(
            "UPDATE staff SET failures = 0, locked_until = NULL, totp_last = $3
              WHERE centre_id = $1 AND staff_id = $2 AND totp_last < $3",
        )
        .bind(office.centre.id)
        .bind(secret.staff_id)
        .bind(step)
        .execute(&office.pool)
        .await?;
        if accepted.rows_affected() == 1 {
            return get(office, secret.staff_id)
                .await?
                .ok_or_else(|| wrong().into());
        }
    }
    let locked = (secret.failures + 1 >= FAILURES).then_some(now + LOCK);
    sqlx::query(
        "UPDATE staff SET failures = CASE WHEN $3::timestamptz IS NULL THEN failures + 1 ELSE 0 END, locked_until = $3
          WHERE centre_id = $1 AND staff_id = $2",
    )
    .bind(office.centre.id)
    .bind(secret.staff_id)
    .bind(locked)
    .execute(&office.pool)
    .await?;
    Err(wrong().into())
}

/// Adds a member of staff. The second factor's seed is given, so that it can be shown to its holder once.
pub async fn add(
    office: &Office,
    number: &str,
    name: &str,
    branch_id: i16,
    roles: &[&str],
    password_given: &str,
    totp_seed: &[u8],
) -> Result<i64> {
    let staff_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO staff (centre_id, staff_id, number, name, branch_id, roles, password_hash, totp_sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(office.centre.id)
    .bind(staff_id)
    .bind(number)
    .bind(name)
    .bind(branch_id)
    .bind(roles)
    .bind(password::hash(password_given)?)
    .bind(office.vault.seal(purpose::TOTP, totp_seed))
    .execute(&office.pool)
    .await?;
    Ok(staff_id)
}
