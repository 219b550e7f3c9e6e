//! Cases that the centre itself begins, each decided by policy, and pays together: one statement for the runs of a period.

use anju_ledger::command::key_uuid;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::decide::{Decided, detail, kept};
use super::payment::WITHDRAWAL_PAYABLE;
use super::row::seal_form;
use super::{event_record, number};
use crate::catalogue::Effect;
use crate::{Actor, Fault, Office, Result, leaf};

/// One of many cases that are paid in the transaction that begins them.
pub struct ToPay<'a> {
    /// Identifier.
    pub case_id: i64,
    /// What happens once for ever, e.g. `run:…`: the key of its E21.
    pub key: String,
    /// One live case for one wish.
    pub wish: String,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Latest time.
    pub promised_at: DateTime<Utc>,
    /// What was read and decided.
    pub decided: Decided<'a>,
    /// What the approval does.
    pub effect: Effect,
}

/// Begins and pays these cases in the caller's transaction, which holds what guards them against a second time. Returns those whose account,
/// day or event has moved since they were read: nothing has happened to them.
///
/// # Errors
/// When the database fails; one of them has no account.
pub async fn pay_many(
    office: &Office,
    conn: &mut PgConnection,
    cases: &[ToPay<'_>],
) -> Result<Vec<i64>> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let at = office.now();
    let mut ids = office.ids.take(cases.len() * 2).await?.into_iter();
    let mut fresh = || ids.next().expect("as many identifiers as were taken");
    let rows: Vec<Value> = cases
        .iter()
        .map(|case| row(office, case, at, fresh(), fresh()))
        .collect::<Result<_>>()?;
    let policy_id = cases[0].decided.policy.id;
    let moved = sqlx::query_scalar("SELECT cases_execute($1, $2, $3, $4, $5)")
        .bind(office.centre.id)
        .bind(policy_id)
        .bind(at)
        .bind(WITHDRAWAL_PAYABLE)
        .bind(Value::Array(rows))
        .fetch_one(conn)
        .await?;
    Ok(moved)
}

fn row(
    office: &Office,
    case: &ToPay<'_>,
    at: DateTime<Utc>,
    journal_id: i64,
    outbox_id: i64,
) -> Result<Value> {
    const STEPS: [&str; 4] = ["submitted", "decided", "approved", "executing"];
    let decided = &case.decided;
    let Effect::PayOut {
        amount_fen,
        subsidy_fen: 0,
        bank,
        event,
    } = &case.effect
    else {
        let fault = "what runs by itself takes the fund's account alone";
        return Err(Fault::Policy(fault.to_owned()).into());
    };
    let account = decided
        .own
        .account
        .as_ref()
        .ok_or_else(|| Fault::Stored("an approved payment has no account".to_owned()))?;
    let mut detail = detail(decided);
    detail["journal"] = number(office, journal_id).into();
    // `cases_execute` writes the system as the actor.
    let record = event_record(
        office,
        case.case_id,
        Actor::System.id(),
        1,
        at,
        &STEPS,
        &detail,
    );
    let leaf = leaf::commit(&record)?;
    Ok(json!({
        "case_id": case.case_id,
        "day": account.open_date,
        "key": key_uuid(&format!("E21:{}:{}", office.centre.id, case.key)),
        "journal_id": journal_id,
        "branch_id": case.branch_id,
        "account_id": account.account_id,
        "account_version": account.version,
        "amount_fen": amount_fen,
        "bank": bank,
        "applicant_id": decided.request.applicant_id,
        "opened": {
            "submitted_at": at,
            "promised_at": case.promised_at,
            "service": decided.request.service,
            "wish": case.wish,
            "channel": decided.request.channel,
            "form": seal_form(office, &decided.request.form),
        },
        "decision": kept(decided, None)?,
        "detail": detail,
        "steps": STEPS,
        "kind": event.kind,
        "event_key": event.event_key,
        "event_version": event.event_version,
        "months": event.months,
        "amounts": event.amounts,
        "outbox_id": outbox_id,
        "payload": { "case": case.case_id, "attempt": 1 },
        "entry": hex::encode(&leaf.entry),
        "salt": hex::encode(&leaf.salt),
    }))
}
