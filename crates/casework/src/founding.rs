//! Founding (设立): what a centre has before its first person comes: itself, branches, accounts at its banks, open books,
//! rates, the policy in force. Invariant: harmless to repeat; what is booked or decided is never touched by it.

use std::collections::BTreeSet;

use anju_ledger::account::{self, Kind};
use anju_ledger::product::Rate;
use anju_ledger::{AccountId, EntryTable, Ids, day, product};
use anju_policy::{PolicyFiles, PolicySet};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use crate::office::{Centre, PolicyInForce};
use crate::outbox::kind;
use crate::{Fault, Result};

/// The table of national entries among the policy files.
const ENTRIES: &str = "national/entries.toml";

/// A centre as its file of branches (`policy/branches/<centre>.toml`) tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Folder of its policy.
    pub code: String,
    /// Its name on pages and papers.
    pub name: String,
    /// The branch that keeps what belongs to no other.
    pub head_branch: i16,
    /// Opening hours of a branch that has none of its own.
    pub hours: String,
    /// Branches.
    #[serde(rename = "branch")]
    pub branches: Vec<BranchRow>,
}

/// One branch of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchRow {
    /// Identifier.
    pub id: i16,
    /// Branch above it; the centre's own by default.
    pub parent: Option<i16>,
    /// `centre`, `sub_centre` or `office`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// GB/T 2260 code.
    pub district: String,
    /// Address.
    pub address: String,
    /// Opening hours.
    pub hours: Option<String>,
    /// Entrusted bank of its employers.
    pub bank: String,
}

/// The centre's account at a bank, before it has accounts in the ledger.
#[derive(Debug, Clone)]
pub struct BankAccount {
    /// `B1`–`B8`.
    pub bank: String,
    /// Name of the bank.
    pub bank_name: String,
    /// Account number.
    pub account_no: String,
    /// Holder.
    pub holder: String,
}

/// Founds a centre with its branches, opens its books on `first_day` and an account for each of its banks. Again: branches
/// follow the file, new banks get their accounts, the rest stays. Runs as the schema's owner.
pub async fn found(
    conn: &mut PgConnection,
    ids: &Ids,
    centre: &Centre,
    charter: &Charter,
    banks: &[BankAccount],
    first_day: NaiveDate,
    by_segment: bool,
) -> Result<()> {
    let is_new: bool = sqlx::query_scalar(
        "INSERT INTO centre (centre_id, code, name, demo) VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id) DO UPDATE SET name = excluded.name
         RETURNING xmax = 0",
    )
    .bind(centre.id)
    .bind(&centre.code)
    .bind(&centre.name)
    .bind(centre.demo)
    .fetch_one(&mut *conn)
    .await?;
    if is_new {
        scatter_ids(conn).await?;
    }
    put_branches(conn, centre, charter).await?;
    let ledger = anju_ledger::Centre(centre.id);
    account::open_centre(conn, ledger, first_day, by_segment).await?;
    open_bank_accounts(conn, ids, ledger, banks).await
}

/// Numbers of payments come from ids, and banks keep them longer than any database: a database that is made anew begins at another
/// place, in steps of a million, so that it does not name again what a bank has seen.
async fn scatter_ids(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT setval('anju_id', last_value + 1000000 * floor(random() * 400000)::bigint) FROM anju_id WHERE NOT is_called")
        .execute(conn)
        .await?;
    Ok(())
}

/// What must be done to a database that was restored to an earlier instant, before anything runs on it. What the outside
/// was told since then is not in it: its numbers are not given again, and a payment that waits to be sent may have been sent, so that it
/// is asked about first. Returns the number of such payments.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(conn: &mut PgConnection) -> Result<u64> {
    // Far beyond what was given between the instant and the restore; at random, since one instant may be restored twice.
    sqlx::query("SELECT setval('anju_id', last_value + 1000000000 + 1000000 * floor(random() * 50000)::bigint) FROM anju_id")
        .execute(&mut *conn)
        .await?;
    Ok(
        sqlx::query(
            "UPDATE outbox SET attempts = GREATEST(attempts, 1) WHERE kind IN ($1, $2, $3)",
        )
        .bind(kind::PAYMENT)
        .bind(kind::REFUND)
        .bind(kind::COLLECTION)
        .execute(conn)
        .await?
        .rows_affected(),
    )
}

async fn put_branches(conn: &mut PgConnection, centre: &Centre, charter: &Charter) -> Result<()> {
    for branch in &charter.branches {
        let parent = branch
            .parent
            .or((branch.id != charter.head_branch).then_some(charter.head_branch));
        sqlx::query(
            "INSERT INTO branch (centre_id, branch_id, parent_id, kind, name, district, address, hours, bank)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (centre_id, branch_id) DO UPDATE
                SET parent_id = excluded.parent_id, kind = excluded.kind, name = excluded.name, district = excluded.district,
                    address = excluded.address, hours = excluded.hours, bank = excluded.bank",
        )
        .bind(centre.id)
        .bind(branch.id)
        .bind(parent)
        .bind(&branch.kind)
        .bind(&branch.name)
        .bind(&branch.district)
        .bind(&branch.address)
        .bind(branch.hours.as_ref().unwrap_or(&charter.hours))
        .bind(&branch.bank)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

async fn open_bank_accounts(
    conn: &mut PgConnection,
    ids: &Ids,
    centre: anju_ledger::Centre,
    banks: &[BankAccount],
) -> Result<()> {
    let known: Vec<String> =
        sqlx::query_scalar("SELECT bank FROM fund_account WHERE centre_id = $1")
            .bind(centre.0)
            .fetch_all(&mut *conn)
            .await?;
    let today = day::open_day(conn, centre).await?;
    for (at, bank) in banks
        .iter()
        .enumerate()
        .filter(|(_, bank)| !known.contains(&bank.bank))
    {
        // The owner of a bank's accounts is its place in the table.
        let owner = i64::try_from(at).expect("a handful of banks") + 1;
        let (deposit, unidentified) = (ids.next().await?, ids.next().await?);
        for (kind, account) in [
            (Kind::BankDemand, deposit),
            (Kind::Unidentified, unidentified),
        ] {
            account::open_accounts(conn, centre, kind, today, &[(AccountId(account), owner)])
                .await?;
        }
        sqlx::query(
            "INSERT INTO fund_account (centre_id, bank, bank_name, account_no, holder, deposit_id, unidentified_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(centre.0)
        .bind(&bank.bank)
        .bind(&bank.bank_name)
        .bind(&bank.account_no)
        .bind(&bank.holder)
        .bind(deposit)
        .bind(unidentified)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Makes the policy's interest rates known to the ledger. A housing subsidy earns what the fund earns for as long as the policy says nothing
/// of it.
///
/// # Errors
/// A rate that would change days that are already counted.
pub async fn put_rates(
    conn: &mut PgConnection,
    centre: anju_ledger::Centre,
    policy: &PolicySet,
) -> Result<()> {
    let history = |name: &str| {
        policy
            .history(name)
            .map_err(|error| Fault::Policy(error.to_string()))
    };
    let (fund, subsidy) = (
        history("interest_rate_bp")?,
        history("interest_subsidy_bp")?,
    );
    let on = |rates: &[(NaiveDate, i64)], day: NaiveDate| {
        let bp = rates.iter().rev().find(|(from, _)| *from <= day)?.1;
        i32::try_from(bp).ok()
    };
    let days: BTreeSet<NaiveDate> = fund.iter().chain(&subsidy).map(|(from, _)| *from).collect();
    let mut rates = Vec::new();
    for from in days {
        let fund_bp = on(&fund, from)
            .ok_or_else(|| Fault::Policy(format!("no interest rate of the fund on {from}")))?;
        rates.push(Rate {
            from,
            fund_bp,
            subsidy_bp: on(&subsidy, from).unwrap_or(fund_bp),
        });
    }
    Ok(product::set_rates(conn, centre, &rates).await?)
}

/// Keeps a version of the policy, so that every decision can name it, and gives its number. The same content has the same number.
pub async fn put_policy(
    pool: &PgPool,
    centre_id: i16,
    files: &PolicyFiles,
    policy: PolicySet,
    now: DateTime<Utc>,
) -> Result<PolicyInForce> {
    let reference = policy.reference();
    // The number is the next one; two processes that load at once meet at the unique digest and both read the winner's.
    sqlx::query(
        "INSERT INTO policy_version (policy_id, centre_id, version, digest, files, loaded_at)
         SELECT coalesce(max(policy_id), 0) + 1, $1, $2, $3, $4, $5 FROM policy_version
             ON CONFLICT DO NOTHING",
    )
    .bind(centre_id)
    .bind(&reference.version)
    .bind(&reference.digest)
    .bind(Json(files))
    .bind(now)
    .execute(pool)
    .await?;
    let id = sqlx::query_scalar(
        "SELECT policy_id FROM policy_version WHERE centre_id = $1 AND digest = $2",
    )
    .bind(centre_id)
    .bind(&reference.digest)
    .fetch_one(pool)
    .await?;
    Ok(PolicyInForce {
        id,
        set: policy.into(),
    })
}

/// The accounting events of the policy's files.
pub fn entries(files: &PolicyFiles) -> Result<EntryTable> {
    let text = files
        .files
        .get(ENTRIES)
        .ok_or_else(|| Fault::Policy(format!("{ENTRIES} is missing")))?;
    Ok(EntryTable::parse(text)?)
}

/// A centre that was founded.
pub async fn centre(pool: &PgPool, charter: &Charter) -> Result<Option<Centre>> {
    let row: Option<(i16, bool)> =
        sqlx::query_as("SELECT centre_id, demo FROM centre WHERE code = $1")
            .bind(&charter.code)
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(id, demo)| Centre {
        id,
        code: charter.code.clone(),
        name: charter.name.clone(),
        head_branch: charter.head_branch,
        demo,
    }))
}
