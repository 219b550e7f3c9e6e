//! The one path of a case (办件): `submitted → gathering → decided → (reviewing) → executing → done`, or `refused`,
//! `withdrawn`, `failed`. Services bring their definition, facts, policy and effect; the path is written here once.
//!
//! Invariant: each step is one transaction that moves the case from a state that it names, and carries its event, its
//! messages and its evidence leaf. The decision is a pure function of facts that are kept, so that it can be replayed.

mod begin;
mod closing;
mod decide;
mod elsewhere;
pub mod hold;
mod legs;
mod many;
pub(crate) mod order;
mod own_fact;
mod past;
mod pay_many;
pub(crate) mod payment;
mod proof;
mod replay;
mod returned;
mod review;
mod row;
pub(crate) mod settle;
pub(crate) mod settled;
pub mod share;
mod submit;
mod subsidy;

pub use begin::{
    AtOnce, Begun, ToReview, at_once, begin_at, begin_executing, begin_reviewing, end_executing,
    step,
};
pub use closing::{Closing, account_for_late_credit, account_to_credit, close_out};
pub use decide::{
    Decided, Leg, Verdict, decide, decision_of, kept_facts, pay_at_once, record_verdict,
};
pub use elsewhere::bank_instead;
pub use many::{BegunOfMany, add_events, begin_many, end_many};
pub use order::{Order, Supervised, order, supervised};
pub use past::{PastCase, Wanted, count_past, past, past_case};
pub use pay_many::{ToPay, pay_many};
pub use proof::{audit_leaves, proof};
pub use replay::{Difference, Replay};
pub use returned::{credit_back, pay_again, payment_returned};
pub use review::{approve_by_hand, first_yes, may_review, moved_on, own_work, refuse_by_hand};
pub(crate) use row::states;
pub use row::{
    CARD_OF_CASE, Case, CaseEvent, CaseState, PayState, count_open, due, events, get,
    list_of_applicant, list_of_services, list_open, list_served, names_of, opened_text, require,
    seal_card, sealed_text, state_of, wake_waiting,
};
pub use settle::{PaymentReport, debit_taken, payment_paid, payment_rejected, payment_unknown};
pub use submit::{Submission, Submitted, is_repeat, live_case, other_body, submit, withdraw};
pub use subsidy::{SubsidyPart, subsidy_part, subsidy_to_credit};

use anju_policy::Facts;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{Actor, Office, Result, leaf};

/// Public number of a case.
pub fn number(office: &Office, case_id: i64) -> String {
    office.numbers.encode(anju_vault::NumberKind::Case, case_id)
}

/// The bank's identifier of a case's payment; a second attempt to another card has another one.
pub fn end_to_end_id(office: &Office, case_id: i64, attempt: i16) -> String {
    format!("{}-{attempt}", number(office, case_id))
}

/// The case and attempt behind a bank's identifier.
pub fn of_end_to_end_id(office: &Office, text: &str) -> Option<(i64, i16)> {
    let (number, attempt) = text.rsplit_once('-')?;
    Some((
        office
            .numbers
            .decode(anju_vault::NumberKind::Case, number)?,
        attempt.parse().ok()?,
    ))
}

/// The record that a case event's evidence commits to; it can be drawn again from the event's row.
pub(crate) fn event_record(
    office: &Office,
    case_id: i64,
    actor_id: i64,
    seq: i16,
    at: chrono::DateTime<chrono::Utc>,
    steps: &[&str],
    detail: &Value,
) -> Value {
    json!({
        "kind": "case",
        "case": number(office, case_id),
        "actor": actor_told(office, actor_id),
        "seq": seq,
        "at": anju_domain::clock::rfc3339_millis(at),
        "steps": steps,
        "detail": detail,
    })
}

/// Who did a step, as its record says it: a word for the centre's own program and for `/open`, else the number under which programs know the
/// person, clerk or member of staff. It comes from the row's `actor_id` alone: the record of any time can be drawn from it, and costs no query.
#[must_use]
pub fn actor_told(office: &Office, actor_id: i64) -> String {
    if actor_id == Actor::System.id() {
        "system".to_owned()
    } else if actor_id == Actor::Interface.id() {
        "interface".to_owned()
    } else if (1..anju_vault::NUMBERS).contains(&actor_id) {
        office
            .numbers
            .encode(anju_vault::NumberKind::Person, actor_id)
    } else {
        // No sequence gives it: the row was changed, and no leaf fits what is said here.
        actor_id.to_string()
    }
}

/// Adds an event and its leaf to the change that makes it.
pub async fn add_event(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    actor: Actor,
    steps: &[&str],
    detail: Value,
) -> Result<()> {
    let at = office.now();
    let seq = next_seq(office, conn, case_id).await?;
    let leaf = leaf::commit(&event_record(
        office,
        case_id,
        actor.id(),
        seq,
        at,
        steps,
        &detail,
    ))?;
    sqlx::query(
        "WITH event AS (
             INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7))
         INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt) VALUES ($1, $4, $8, $5, $9, $10)",
    )
    .bind(case_id)
    .bind(at)
    .bind(actor.id())
    .bind(office.centre.id)
    .bind(seq)
    .bind(steps)
    .bind(&detail)
    .bind(leaf::kind::CASE)
    .bind(&leaf.entry)
    .bind(&leaf.salt)
    .execute(conn)
    .await?;
    Ok(())
}

/// The number of the next event of a case.
async fn next_seq(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<i16> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(max(seq), 0)::smallint + 1::smallint FROM case_event WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_one(conn)
    .await?)
}

/// Facts by role and type out of what was gathered and what our own books say.
pub fn facts_of(own: &crate::catalogue::OwnBooks, gathered: Vec<anju_policy::Fact>) -> Facts {
    own.facts.iter().cloned().chain(gathered).collect()
}
