//! What a demo centre has beside its data: people at its desks, with logins that anybody with its home can read.
//!
//! Invariant: their passwords and second factors come from the demo key, so that a production centre, which has none,
//! cannot have them either.

use std::{
    fs,
    time::{Duration, Instant},
};

use anju_casework::{
    Error, Office,
    staff::{self, Staff},
};
use anju_engine::Engine;
use anju_vault::{hmac_sm3, totp};
use anyhow::{Context, bail};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;

use crate::{config::Config, doors::Doors, home, start::office};

/// 工号 of the accountant who proposes a close.
const ACCOUNTANT: &str = "1004";
/// 工号 of the chief accountant who confirms it.
const CHIEF_ACCOUNTANT: &str = "1005";

/// How long a close waits for bank messages that are on their way: what the bank's statement has and our books have not yet refuses it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The office that keeps the demo's employers.
pub const EMPLOYERS_BRANCH: i16 = 4;

/// Number, name, branch, roles.
const STAFF: &[(&str, &str, i16, &[&str])] = &[
    ("1001", "周敏", 1, &[staff::role::TELLER]),
    ("1002", "吴桐", 13, &[staff::role::TELLER]),
    ("1003", "郑洁", 1, &[staff::role::REVIEWER]),
    (ACCOUNTANT, "何静", 1, &[staff::role::ACCOUNTANT]),
    (
        CHIEF_ACCOUNTANT,
        "罗毅",
        1,
        &[staff::role::CHIEF_ACCOUNTANT],
    ),
    ("1006", "沈悦", 1, &[staff::role::AUDITOR]),
    ("1007", "韩磊", 1, &[staff::role::SERVICE_MANAGER]),
    ("1008", "唐宁", 1, &[staff::role::POLICY_OFFICER]),
    ("1009", "冯涛", 1, &[staff::role::SYSTEM_ADMIN]),
    ("1010", "程岚", 1, &[staff::role::COLLECTOR]),
    ("1011", "蒋峰", 1, &[staff::role::COLLECTOR]),
    ("1012", "曹颖", 1, &[staff::role::POLICY_OFFICER]),
    ("1013", "潘宁", 1, &[staff::role::REVIEWER]),
    ("1014", "汪琳", 1, &[staff::role::REVIEWER]),
    ("1015", "邓敏", EMPLOYERS_BRANCH, &[staff::role::REVIEWER]),
    ("1016", "曾强", EMPLOYERS_BRANCH, &[staff::role::REVIEWER]),
];

/// A login at `/desk`.
#[derive(Debug, Serialize)]
pub struct StaffLogin {
    /// 工号.
    pub number: &'static str,
    /// Name.
    pub name: &'static str,
    /// Branch: whoever reviews sees the cases of his own.
    pub branch: i16,
    /// Roles.
    pub roles: &'static [&'static str],
    /// Password.
    pub password: String,
    /// Second factor at this moment; good once.
    pub code: String,
    /// The second factor's seed in base32, for an authenticator.
    pub seed: String,
}

/// Adds the staff that is missing.
pub async fn put_staff(config: &Config, office: &Office) -> anyhow::Result<()> {
    let key = key(config)?;
    for (number, name, branch, roles) in STAFF {
        if staff::by_number(office, number).await?.is_none() {
            let (password, seed) = secrets(&key, number);
            staff::add(office, number, name, *branch, roles, &password, &seed).await?;
        }
    }
    Ok(())
}

/// Closes the open business day with the two accountants as its hands, and settles the year's interest where it is due; the reason is the
/// error if it is still refused after a moment's patience.
pub async fn close_day(engine: &Engine) -> anyhow::Result<NaiveDate> {
    let (maker, checker) = hands(engine).await?;
    let patience = Instant::now() + PATIENCE;
    loop {
        let close = async {
            engine.settle_interest(&maker, &checker).await?; // of a close that was interrupted before
            let closed = engine.close_day(&maker, &checker).await?;
            engine.settle_interest(&maker, &checker).await?;
            Ok(closed)
        };
        match close.await {
            Err(Error::Refused(refusal))
                if refusal.code == "E-CLOSE-02" && Instant::now() < patience =>
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(Error::Refused(refusal)) => bail!("{} {}", refusal.code, refusal.detail),
            outcome => return Ok(outcome?),
        }
    }
}

/// Settles the year's interest with the two accountants as its hands, where it is due.
pub async fn settle_interest(engine: &Engine) -> anyhow::Result<()> {
    let (maker, checker) = hands(engine).await?;
    Ok(engine.settle_interest(&maker, &checker).await?)
}

async fn hands(engine: &Engine) -> anyhow::Result<(Staff, Staff)> {
    let hand = async |number: &str| -> anyhow::Result<Staff> {
        staff::by_number(&engine.office, number)
            .await?
            .with_context(|| format!("没有工号 {number}：先运行 anju setup --demo"))
    };
    Ok((hand(ACCOUNTANT).await?, hand(CHIEF_ACCOUNTANT).await?))
}

/// Registers this demo centre with an outside world that is another centre's: its code at the national platform, where it listens, and
/// the secrets of its lines. Again: nothing changes.
pub async fn join(config: &Config, doors: &Doors) -> anyhow::Result<()> {
    let code = office::platform_code(config)?;
    let secret = |name: &str| -> anyhow::Result<String> {
        let path = home::keys(&config.home).join(name);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("没有 {}：先运行 anju setup --demo", path.display()))?;
        Ok(text.trim().to_owned())
    };
    let body = json!({
        "address": config.listen.to_string(),
        "key": secret("gateway.key")?,
        "bank_key": secret("bank.key")?,
    });
    doors
        .control_put(&format!("/platform/centres/{code}"), &body)
        .await?
        .ok()?;
    Ok(())
}

/// The logins, with codes for this instant in seconds of Unix time.
pub fn staff_logins(config: &Config, seconds: i64) -> anyhow::Result<Vec<StaffLogin>> {
    let key = key(config)?;
    STAFF
        .iter()
        .map(|(number, name, branch, roles)| {
            let (password, seed) = secrets(&key, number);
            let code = totp::code(&seed, seconds).context("时刻早于 1970 年")?;
            Ok(StaffLogin {
                number,
                name,
                branch: *branch,
                roles,
                password,
                code,
                seed: totp::base32(&seed),
            })
        })
        .collect()
}

fn key(config: &Config) -> anyhow::Result<Vec<u8>> {
    let path = home::demo_key(&config.home);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("没有演示密钥 {}：先运行 anju setup --demo", path.display()))?;
    Ok(hex::decode(text.trim())?)
}

fn secrets(key: &[u8], number: &str) -> (String, [u8; 20]) {
    let secret = |what: &str| hmac_sm3(key, &[what.as_bytes(), &[0], number.as_bytes()]);
    let seed = *secret("totp")
        .first_chunk()
        .expect("a code of 32 bytes begins with 20");
    (hex::encode(&secret("password")[..6]), seed)
}
