//! Beginning a case, and taking it back while no money has moved.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::row::{CaseState, seal_form};
use super::{add_event, event_record, number};
use crate::catalogue::Request;
use crate::office::PolicyInForce;
use crate::{Actor, Office, Refusal, Result, books, consent, leaf};

/// A request with what makes it happen once.
#[derive(Clone)]
pub struct Submission {
    /// Identifier that the case will have.
    pub case_id: i64,
    /// What is asked for.
    pub request: Request,
    /// Who submits.
    pub actor: Actor,
    /// Teller at the counter.
    pub served_by: Option<i64>,
    /// The client's key.
    pub key: Uuid,
    /// Digest of call and body.
    pub digest: Uuid,
    /// Branch that keeps the applicant.
    pub branch_id: i16,
    /// When the person pressed the button.
    pub tapped_at: DateTime<Utc>,
    /// Latest time that is promised.
    pub promised_at: DateTime<Utc>,
}

/// What came of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// A new case.
    New(i64),
    /// The same key came before: its case.
    Before(i64),
}

/// Opens a case that still needs facts: key, case, event, consent and evidence in one transaction.
///
/// # Errors
/// 409 `E-API-02` for a key used with another body, 409 `E-W-05` for a second live case for the same wish.
pub async fn submit(
    office: &Office,
    submission: &Submission,
    wish: &str,
    policy: &PolicyInForce,
    fact_types: &[String],
    separate: &[String],
) -> Result<Submitted> {
    let mut conn = office.pool.acquire().await?;
    if let Some(before) = known(office, &mut conn, submission).await? {
        return Ok(Submitted::Before(before));
    }
    let request = &submission.request;
    let for_employer = policy
        .set
        .service(&request.service)
        .is_some_and(|service| service.audience.iter().any(|who| who == "employer-clerk"));
    let at = office.now();
    let steps = ["submitted", "gathering"];
    let detail = json!({ "channel": request.channel });
    let leaf = leaf::commit(&event_record(
        office,
        submission.case_id,
        submission.actor.id(),
        1,
        at,
        &steps,
        &detail,
    ))?;
    let mut tx = conn.begin().await?;
    let opened = async {
        books::remember(office, &mut tx, submission.key, submission.digest, submission.case_id).await?;
        sqlx::query(
            "WITH opened AS (
                 INSERT INTO business_case (case_id, applicant_id, submitted_at, promised_at, next_try_at, branch_id, served_by,
                                            policy_id, centre_id, state, service, wish, channel, form)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 2, $10, $11, $12, $13)),
             event AS (
                 INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
                 VALUES ($1, $20, $14, $9, 1, $15, $16))
             INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt) VALUES ($1, $9, $17, 1, $18, $19)",
        )
        .bind(submission.case_id)
        .bind(request.applicant_id)
        .bind(submission.tapped_at)
        .bind(submission.promised_at)
        // The task that was spawned with the submission is first; if its process dies, the poll takes over.
        .bind(at + chrono::Duration::seconds(15))
        .bind(submission.branch_id)
        .bind(submission.served_by)
        .bind(policy.id)
        .bind(office.centre.id)
        .bind(&request.service)
        .bind(wish)
        .bind(&request.channel)
        .bind(seal_form(office, &request.form))
        .bind(submission.actor.id())
        .bind(&steps[..])
        .bind(&detail)
        .bind(leaf::kind::CASE)
        .bind(&leaf.entry)
        .bind(&leaf.salt)
        .bind(at)
        .execute(&mut *tx)
        .await?;
        let purpose = if for_employer {
            "为办理本事项向有关部门核对本单位的信息"
        } else {
            "为办理本事项向有关部门核对本人及配偶的信息"
        };
        let consents = [
            (fact_types, purpose),
            (separate, "单独同意：为办理本事项查询敏感个人信息"),
        ];
        for (fact_types, purpose) in consents {
            if fact_types.is_empty() {
                continue;
            }
            let given = consent::Given {
                by: request.applicant_id,
                service: &request.service,
                case_id: Some(submission.case_id),
                fact_types,
                purpose,
                channel: &request.channel,
                until: None,
            };
            consent::give(office, &mut tx, given).await?;
        }
        Result::Ok(())
    }
    .await;
    match opened {
        Ok(()) => {
            tx.commit().await?;
            Ok(Submitted::New(submission.case_id))
        }
        Err(error) => {
            tx.rollback().await?;
            repeated(office, &mut conn, submission, wish, error).await
        }
    }
}

/// The case of a key that came before.
async fn known(
    office: &Office,
    conn: &mut PgConnection,
    submission: &Submission,
) -> Result<Option<i64>> {
    books::remembered_on(office, conn, submission.key, submission.digest).await
}

/// 409: the key was used with another call or body.
pub fn other_body() -> Refusal {
    Refusal::new(
        409,
        "E-API-02",
        "同一个幂等键已经用于另一个请求，请换一个新的键。",
    )
}

/// A unique key said no: the same request came before, or the same wish is alive.
pub(crate) async fn repeated(
    office: &Office,
    conn: &mut PgConnection,
    submission: &Submission,
    wish: &str,
    error: crate::Error,
) -> Result<Submitted> {
    let constraint = unique_violation(&error);
    if constraint.as_deref() == Some("case_live") {
        // Whoever was alive when the key said no may have ended since: it is still the one that was in the way.
        let living: Option<i64> = sqlx::query_scalar(
            "SELECT case_id FROM business_case WHERE centre_id = $1 AND applicant_id = $2 AND wish = $3
              ORDER BY (state < 6) DESC, case_id DESC LIMIT 1",
        )
        .bind(office.centre.id)
        .bind(submission.request.applicant_id)
        .bind(wish)
        .fetch_optional(&mut *conn)
        .await?;
        // The same key may have won the race a moment ago.
        if let Some(before) = known(office, conn, submission).await? {
            return Ok(Submitted::Before(before));
        }
        if let Some(case_id) = living {
            let service = office.catalogue.find(&submission.request.service)?;
            return Err(service.already(office, case_id).into());
        }
    } else if constraint.is_some()
        && let Some(before) = known(office, conn, submission).await?
    {
        return Ok(Submitted::Before(before));
    }
    Err(error)
}

/// 409: a second live case for the same wish.
pub fn live_case(office: &Office, service: &str, case_id: i64) -> Refusal {
    let no = number(office, case_id);
    let what = if service.starts_with("withdraw") {
        "提取"
    } else {
        ""
    };
    Refusal::new(
        409,
        "E-W-05",
        format!("您已有同类{what}业务正在办理（编号：{no}），请勿重复提交。"),
    )
    .with("case_id", no)
}

/// Whether a unique key said no: the same request, or another for the same thing, came first.
pub fn is_repeat(error: &crate::Error) -> bool {
    unique_violation(error).is_some()
}

/// The constraint of a unique violation.
pub(crate) fn unique_violation(error: &crate::Error) -> Option<String> {
    let database = match error {
        crate::Error::Failed(
            crate::Fault::Database(error)
            | crate::Fault::Ledger(anju_ledger::Error::Database(error)),
        ) => error.as_database_error()?,
        crate::Error::Failed(crate::Fault::Ledger(anju_ledger::Error::RepeatedKey)) => {
            return Some("command_pkey".to_owned());
        }
        _ => return None,
    };
    database
        .is_unique_violation()
        .then(|| database.constraint().unwrap_or_default().to_owned())
}

/// Takes a case back before any money moved (until `executing`).
///
/// # Errors
/// 409 `E-CASE-01` once it is paying or ended, 409 `E-HOLD-01` while it is held.
pub async fn withdraw(office: &Office, case_id: i64, actor: Actor) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let taken = sqlx::query(
        "UPDATE business_case SET state = 8, next_try_at = NULL, version = version + 1
          WHERE centre_id = $1 AND case_id = $2 AND state IN (1, 2, 4) AND held_since IS NULL",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .execute(&mut *tx)
    .await?;
    if taken.rows_affected() == 0 {
        drop(tx);
        let case = super::require(office, case_id).await?;
        if case.state() == CaseState::Withdrawn {
            return Ok(());
        }
        if case.held_since.is_some() {
            return Err(super::hold::is_held().into());
        }
        if case.state() == CaseState::Executing {
            let service = office.catalogue.find(&case.service)?;
            if let Some(taken_back) = service.take_back(office, case_id, actor) {
                return taken_back.await;
            }
        }
        return Err(Refusal::new(
            409,
            "E-CASE-01",
            "这个办件已经在付款或已经办结，不能撤回。款项有误的，请到网点说明。",
        )
        .into());
    }
    add_event(office, &mut tx, case_id, actor, &["withdrawn"], json!({})).await?;
    tx.commit().await?;
    office.changed(case_id);
    Ok(())
}
