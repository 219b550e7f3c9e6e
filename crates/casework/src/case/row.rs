//! A case as the database keeps it, its states, and how cases are listed.

use std::collections::HashMap;

use anju_domain::text::last_four;
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgExecutor};

use super::order::by_case;
use crate::employer;
use crate::person::{purpose, text};
use crate::{Fault, Office, Refusal, Result};

/// States of a case, the `state` of the doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum CaseState {
    /// 已提交.
    Submitted = 1,
    /// 正在核对: facts are being gathered, or a paper is waited for.
    Gathering = 2,
    /// 已有结果: passed through inside the transaction that decides.
    Decided = 3,
    /// 人工复核中.
    Reviewing = 4,
    /// 正在付款.
    Executing = 5,
    /// 办好了.
    Done = 6,
    /// 没有通过.
    Refused = 7,
    /// 您已撤回.
    Withdrawn = 8,
    /// 没有办成.
    Failed = 9,
}

impl CaseState {
    /// From the database.
    pub const fn from_number(number: i16) -> Self {
        match number {
            1 => Self::Submitted,
            2 => Self::Gathering,
            3 => Self::Decided,
            4 => Self::Reviewing,
            5 => Self::Executing,
            6 => Self::Done,
            7 => Self::Refused,
            8 => Self::Withdrawn,
            _ => Self::Failed,
        }
    }

    /// The word of the doors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Gathering => "gathering",
            Self::Decided => "decided",
            Self::Reviewing => "reviewing",
            Self::Executing => "executing",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more is expected to happen by itself.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Refused | Self::Withdrawn | Self::Failed
        )
    }
}

/// States of a case's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum PayState {
    /// No payment.
    None = 0,
    /// Ordered, or about to be.
    Sending = 1,
    /// The bank's answer is not known: it is queried, never paid again.
    Unknown = 2,
    /// On the card.
    Paid = 3,
    /// Refused by the bank; the money is back on the account.
    Rejected = 4,
    /// Came back after it was paid (退票).
    Returned = 5,
}

impl PayState {
    /// From the database.
    pub const fn from_number(number: i16) -> Self {
        match number {
            1 => Self::Sending,
            2 => Self::Unknown,
            3 => Self::Paid,
            4 => Self::Rejected,
            5 => Self::Returned,
            _ => Self::None,
        }
    }

    /// The word of the doors.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Sending => Some("sending"),
            Self::Unknown => Some("unknown"),
            Self::Paid => Some("paid"),
            Self::Rejected => Some("rejected"),
            Self::Returned => Some("returned"),
        }
    }
}

/// A case.
#[derive(Debug, Clone, FromRow)]
pub struct Case {
    /// Identifier.
    pub case_id: i64,
    /// Person or employer.
    pub applicant_id: i64,
    /// Account that it is about.
    pub account_id: Option<i64>,
    /// Amount, fen.
    pub amount_fen: Option<i64>,
    /// Begun.
    pub submitted_at: DateTime<Utc>,
    /// The latest time that was promised.
    pub promised_at: DateTime<Utc>,
    /// When silent sources are asked again.
    pub next_try_at: Option<DateTime<Utc>>,
    /// The journal of its money.
    pub journal_id: Option<i64>,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Teller who served it.
    pub served_by: Option<i64>,
    /// Policy version.
    pub policy_id: i32,
    /// Guard of a write.
    pub version: i32,
    /// See [`CaseState`].
    pub state: i16,
    /// See [`PayState`].
    pub pay_state: i16,
    /// Payment attempt.
    pub pay_attempt: i16,
    /// Bank that pays.
    pub pay_bank: Option<String>,
    /// The bank's reference, of a case that was paid before its last step said it.
    pub pay_ref: Option<String>,
    /// Why a payment did not work.
    pub pay_reason: Option<String>,
    /// Service id.
    pub service: String,
    /// Channel.
    pub channel: String,
    /// Form; personal values are sealed.
    pub form: Value,
    /// Kept decision.
    pub decision: Option<Value>,
    /// While a paper is waited for: since when.
    pub paper_since: Option<DateTime<Utc>>,
    /// Seconds that it stood still for papers before.
    pub paper_waited_s: i64,
    /// The last day for it.
    pub paper_until: Option<NaiveDate>,
    /// While it is held (核查): since when.
    pub held_since: Option<DateTime<Utc>>,
    /// The last day on which it may be held.
    pub held_until: Option<NaiveDate>,
    /// What was paid came back (退票): it stands in 21905, and what is paid of it now is E26.
    pub came_back: bool,
}

impl Case {
    /// Its state.
    pub const fn state(&self) -> CaseState {
        CaseState::from_number(self.state)
    }

    /// Its payment's state.
    pub const fn pay_state(&self) -> PayState {
        PayState::from_number(self.pay_state)
    }

    /// Whether the bank's word about this attempt is still open.
    pub(crate) fn awaits_bank(&self, attempt: i16) -> bool {
        self.pay_attempt == attempt
            && matches!(self.pay_state(), PayState::Sending | PayState::Unknown)
    }

    /// The form with its sealed values opened.
    pub fn open_form(&self, office: &Office) -> Result<anju_policy::Form> {
        open_form(office, &self.form)
    }

    /// The last four digits of the payee's card.
    pub fn card_tail(&self) -> Option<&str> {
        self.form.get("card_no")?.get("tail")?.as_str()
    }
}

/// A kept form with its sealed values opened.
pub(super) fn open_form(office: &Office, kept: &Value) -> Result<anju_policy::Form> {
    let mut form = anju_policy::Form::new();
    for (field, value) in kept.as_object().into_iter().flatten() {
        let opened = match value.get("sealed").and_then(Value::as_str) {
            Some(sealed) => {
                let sealed = hex::decode(sealed)
                    .map_err(|_| crate::Fault::Stored("a sealed field is not hex".to_owned()))?;
                Value::String(text(&office.vault, purpose::FORM, &sealed)?)
            }
            None => value.clone(),
        };
        form.insert(field.clone(), opened);
    }
    Ok(form)
}

/// The fields of forms that are personal, beside the card, which keeps four digits that may be shown.
const PERSONAL: [&str; 16] = [
    "address",
    "beneficiary_id_no",
    "clerk_name",
    "clerk_phone",
    "contact_name",
    "contact_phone",
    "education",
    "email",
    "founder_phone",
    "id_no",
    "legal_representative",
    "marital",
    "name",
    "patient_id_no",
    "phone",
    "spouse_id_no",
];

/// Whoever a form names beside the applicant (`deceased_name`, `heir_2_id_no`) is named in such fields, too.
fn is_personal(field: &str) -> bool {
    let other = field.starts_with("deceased_") || field.starts_with("heir_");
    PERSONAL.contains(&field) || field.ends_with("_id_no") || (other && field.ends_with("_name"))
}

/// Seals the personal values of a form.
pub(crate) fn seal_form(office: &Office, form: &anju_policy::Form) -> Value {
    Value::Object(
        form.iter()
            .map(|(field, value)| {
                let sealed = match value.as_str() {
                    Some(plain) if field == "card_no" || field.ends_with("_card_no") => {
                        seal_card(office, plain)
                    }
                    Some(plain) if is_personal(field) => {
                        let sealed = office.vault.seal(purpose::FORM, plain.as_bytes());
                        serde_json::json!({ "sealed": hex::encode(sealed) })
                    }
                    _ => value.clone(),
                };
                (field.clone(), sealed)
            })
            .collect(),
    )
}

/// A text as a form keeps it that names a person: sealed.
#[must_use]
pub fn sealed_text(office: &Office, text: &str) -> Value {
    serde_json::json!({ "sealed": hex::encode(office.vault.seal(purpose::FORM, text.as_bytes())) })
}

/// What [`sealed_text`] has sealed.
///
/// # Errors
/// A key that is missing, or a text that was changed.
pub fn opened_text(office: &Office, kept: &Value) -> Result<String> {
    let sealed = kept["sealed"].as_str().unwrap_or_default();
    let sealed = hex::decode(sealed)
        .map_err(|_| Fault::Stored("a form's sealed text is not hexadecimal".to_owned()))?;
    text(&office.vault, purpose::FORM, &sealed)
}

/// Purpose of the index that finds the cases with the same card.
pub const CARD_OF_CASE: &str = "card-of-case";

/// A card number as a form keeps it: sealed, with the four digits that may be shown and the keyed index that finds the same card again.
#[must_use]
pub fn seal_card(office: &Office, card_no: &str) -> Value {
    serde_json::json!({
        "sealed": hex::encode(office.vault.seal(purpose::FORM, card_no.as_bytes())),
        "tail": last_four(card_no),
        "index": hex::encode(office.vault.blind_index(CARD_OF_CASE, card_no).current),
    })
}

/// Columns of [`Case`], in one place.
macro_rules! columns {
    () => {
        "case_id, applicant_id, account_id, amount_fen, submitted_at, promised_at, next_try_at, journal_id, branch_id, \
         served_by, policy_id, version, state, pay_state, pay_attempt, pay_bank, pay_ref, pay_reason, service, channel, \
         form, decision, paper_since, paper_waited_s, paper_until, held_since, held_until, wish LIKE '%#returned' AS came_back"
    };
}
pub(super) use columns;

/// A case by identifier.
pub async fn get(office: &Office, db: impl PgExecutor<'_>, case_id: i64) -> Result<Option<Case>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case WHERE centre_id = $1 AND case_id = $2"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_optional(db)
    .await?)
}

/// The same, taken for a change of its own.
pub(super) async fn get_locked(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
) -> Result<Option<Case>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case WHERE centre_id = $1 AND case_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_optional(conn)
    .await?)
}

/// A case that must exist.
pub async fn require(office: &Office, case_id: i64) -> Result<Case> {
    get(office, &office.pool, case_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这个办件").into())
}

/// Who applies in these cases, by applicant: people masked; an employer that has no account yet by the name that its opening gives.
///
/// # Errors
/// The database; a form that cannot be opened.
pub async fn names_of(office: &Office, cases: &[&Case]) -> Result<HashMap<i64, String>> {
    let applicants: Vec<i64> = cases.iter().map(|case| case.applicant_id).collect();
    let mut names = employer::names_of_applicants(office, &applicants).await?;
    for case in cases {
        if !names.contains_key(&case.applicant_id)
            && let Some(name) = case.open_form(office)?.get("name").and_then(Value::as_str)
        {
            names.insert(case.applicant_id, name.to_owned());
        }
    }
    Ok(names)
}

/// How a case that must exist stands; lighter than the case.
///
/// # Errors
/// No such case; the database.
pub async fn state_of(office: &Office, case_id: i64) -> Result<CaseState> {
    let state = office.trays.states.put(office, case_id).await?;
    state.ok_or_else(|| Refusal::not_found("这个办件").into())
}

/// The same for those who ask at one moment.
pub(crate) fn states(
    office: Office,
    cases: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<CaseState>>>> {
    async move {
        let rows: Vec<(i64, i16)> = sqlx::query_as(
            "SELECT case_id, state FROM business_case WHERE centre_id = $1 AND case_id = ANY ($2)",
        )
        .bind(office.centre.id)
        .bind(&cases)
        .fetch_all(&office.pool)
        .await?;
        let found = by_case(&cases, rows, |row| row.0);
        let state = |(_, number)| CaseState::from_number(number);
        Ok(found.into_iter().map(|row| row.map(state)).collect())
    }
    .boxed()
}

/// The cases of an applicant, newest first, a page of them before `before`.
pub async fn list_of_applicant(
    office: &Office,
    applicant_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Case>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case WHERE centre_id = $1 AND applicant_id = $2 AND case_id < $3 ORDER BY case_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(applicant_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The cases of an applicant for some services, newest first, a page of them before `before`.
pub async fn list_of_services(
    office: &Office,
    applicant_id: i64,
    services: &[String],
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Case>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case
          WHERE centre_id = $1 AND applicant_id = $2 AND service = ANY ($3) AND case_id < $4 ORDER BY case_id DESC LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(applicant_id)
    .bind(services)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The open cases in a state in the order of their promises, but for those that are held ([`super::hold`]); of one branch or, with none, of the centre.
pub async fn list_open(
    office: &Office,
    state: CaseState,
    branch_id: Option<i16>,
    after: Option<(DateTime<Utc>, i64)>,
    limit: i64,
) -> Result<Vec<Case>> {
    let (after_at, after_id) = after.unwrap_or((DateTime::<Utc>::UNIX_EPOCH, 0));
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case
          WHERE centre_id = $1 AND state = $2 AND state < 6 AND held_since IS NULL AND ($3::smallint IS NULL OR branch_id = $3)
            AND (promised_at, case_id) > ($4, $5)
          ORDER BY promised_at, case_id LIMIT $6"
    ))
    .bind(office.centre.id)
    .bind(state as i16)
    .bind(branch_id)
    .bind(after_at)
    .bind(after_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What a teller took in from an instant on, newest first, whatever has become of it; a page of it before `before`.
pub async fn list_served(
    office: &Office,
    staff_id: i64,
    from: DateTime<Utc>,
    before: Option<(DateTime<Utc>, i64)>,
    limit: i64,
) -> Result<Vec<Case>> {
    let (before_at, before_id) = before.unwrap_or((DateTime::<Utc>::MAX_UTC, i64::MAX));
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM business_case
          WHERE centre_id = $1 AND served_by = $2 AND submitted_at >= $3 AND (submitted_at, case_id) < ($4, $5)
          ORDER BY submitted_at DESC, case_id DESC LIMIT $6"
    ))
    .bind(office.centre.id)
    .bind(staff_id)
    .bind(from)
    .bind(before_at)
    .bind(before_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How many cases are in an open state and not held, of one branch or of the centre, counted up to a thousand.
pub async fn count_open(office: &Office, state: CaseState, branch_id: Option<i16>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM business_case
          WHERE centre_id = $1 AND state = $2 AND state < 6 AND held_since IS NULL AND ($3::smallint IS NULL OR branch_id = $3) LIMIT 1000) AS open",
    )
    .bind(office.centre.id)
    .bind(state as i16)
    .bind(branch_id)
    .fetch_one(&office.pool)
    .await?)
}

/// One transaction's steps of a case.
#[derive(Debug, Clone, FromRow)]
pub struct CaseEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// Who; 0 the system, −1 an interface.
    pub actor_id: i64,
    /// Order.
    pub seq: i16,
    /// What happened.
    pub steps: Vec<String>,
    /// Numbers of it, among them its timed legs.
    pub detail: Option<Value>,
}

/// The events of a case, oldest first.
pub async fn events(office: &Office, case_id: i64) -> Result<Vec<CaseEvent>> {
    let mut events: Vec<CaseEvent> = sqlx::query_as(
        "SELECT at, actor_id, seq, steps, detail FROM case_event WHERE centre_id = $1 AND case_id = $2 ORDER BY seq",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(&office.pool)
    .await?;
    for event in &mut events {
        event.detail = event.detail.take().map(super::legs::thick);
    }
    Ok(events)
}

/// Open cases whose facts are to be asked for now, oldest promise first. Their next time is moved, so that two processes do not take
/// the same case and a process that dies leaves it to the next.
pub async fn due(office: &Office, limit: i64) -> Result<Vec<i64>> {
    let now = office.now();
    Ok(sqlx::query_scalar(
        "WITH due AS MATERIALIZED (
             SELECT case_id FROM business_case
              WHERE centre_id = $1 AND state = 2 AND next_try_at <= $2
              ORDER BY promised_at LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED)
         UPDATE business_case c SET next_try_at = $4 FROM due
          WHERE c.centre_id = $1 AND c.case_id = due.case_id
         RETURNING c.case_id",
    )
    .bind(office.centre.id)
    .bind(now)
    .bind(limit)
    .bind(now + chrono::Duration::seconds(30))
    .fetch_all(&office.pool)
    .await?)
}

/// Makes every waiting case due: a source answers again.
pub async fn wake_waiting(office: &Office) -> Result<()> {
    sqlx::query("UPDATE business_case SET next_try_at = $2 WHERE centre_id = $1 AND state = 2 AND next_try_at > $2")
        .bind(office.centre.id)
        .bind(office.now())
        .execute(&office.pool)
        .await?;
    Ok(())
}
