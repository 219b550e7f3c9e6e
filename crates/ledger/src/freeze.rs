//! 冻结 and 预留. What keeps money on an account from being withdrawn: a court or a dispute, which may name more than
//! there is, or a withdrawal that waits, which may not.

use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::{AccountId, Centre, Result};

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum HoldKind {
    /// 冻结: may exceed the balance.
    Freeze = 1,
    /// 预留 (E20): only of what is available.
    Reservation = 2,
}

/// A freeze or a reservation to be laid on an account.
#[derive(Debug, Clone)]
pub struct Hold<'a> {
    /// Its number, from [`crate::Ids`].
    pub hold_id: i64,
    /// The account.
    pub account: AccountId,
    /// Which of the two.
    pub kind: HoldKind,
    /// How much.
    pub amount: Fen,
    /// The case that wants it.
    pub case_id: Option<i64>,
    /// The court and its document, or what the withdrawal waits for.
    pub reason: &'a str,
    /// The day on which a freeze ends, if it is set.
    pub until: Option<NaiveDate>,
}

/// Lays it on. False: the account is closed, or a reservation finds too little available.
///
/// # Errors
/// When the database fails.
pub async fn hold(
    conn: &mut PgConnection,
    centre: Centre,
    hold: &Hold<'_>,
    at: DateTime<Utc>,
) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT ledger_freeze($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(centre.0)
            .bind(hold.hold_id)
            .bind(hold.account.0)
            .bind(hold.kind as i16)
            .bind(hold.amount.fen())
            .bind(hold.case_id)
            .bind(hold.reason)
            .bind(hold.until)
            .bind(at)
            .fetch_one(conn)
            .await?,
    )
}

/// Lays many on accounts of which each takes its own, in their order. False: one of them was not laid on; the caller then undoes the others.
///
/// # Errors
/// When the database fails.
pub async fn hold_each(
    conn: &mut PgConnection,
    centre: Centre,
    holds: &[Hold<'_>],
    at: DateTime<Utc>,
) -> Result<bool> {
    let ids: Vec<i64> = holds.iter().map(|hold| hold.hold_id).collect();
    let accounts: Vec<i64> = holds.iter().map(|hold| hold.account.0).collect();
    let kinds: Vec<i16> = holds.iter().map(|hold| hold.kind as i16).collect();
    let amounts: Vec<i64> = holds.iter().map(|hold| hold.amount.fen()).collect();
    let cases: Vec<Option<i64>> = holds.iter().map(|hold| hold.case_id).collect();
    let reasons: Vec<&str> = holds.iter().map(|hold| hold.reason).collect();
    let until: Vec<Option<NaiveDate>> = holds.iter().map(|hold| hold.until).collect();
    Ok(sqlx::query_scalar(
        "SELECT coalesce(bool_and(ledger_freeze($1, h.hold_id, h.account_id, h.kind, h.amount_fen, h.case_id, h.reason, h.until, $9)), true)
           FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::text[], $8::date[])
                AS h (hold_id, account_id, kind, amount_fen, case_id, reason, until)",
    )
    .bind(centre.0)
    .bind(ids)
    .bind(accounts)
    .bind(kinds)
    .bind(amounts)
    .bind(cases)
    .bind(reasons)
    .bind(until)
    .bind(at)
    .fetch_one(conn)
    .await?)
}

/// Takes it off. False: it was taken off before.
///
/// # Errors
/// When the database fails.
pub async fn release(
    conn: &mut PgConnection,
    centre: Centre,
    hold_id: i64,
    at: DateTime<Utc>,
) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT ledger_unfreeze($1, $2, $3)")
        .bind(centre.0)
        .bind(hold_id)
        .bind(at)
        .fetch_one(conn)
        .await?)
}
