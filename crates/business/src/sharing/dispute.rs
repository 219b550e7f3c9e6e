//! 数据异议 (data_sharing.md §6): a person says that a fact of him is wrong. It goes to the source as a work order; the case waits or goes on by
//! paper; when the register is corrected the case is asked again.

use anju_casework::person::purpose;
use anju_casework::{Fault, Office, Refusal, Result, person};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use crate::policy::Rules;

/// State of a doubt.
pub mod state {
    /// It waits to be sent.
    pub const TO_SEND: i16 = 1;
    /// The source has it.
    pub const WITH_SOURCE: i16 = 2;
    /// The register was wrong and is corrected.
    pub const CORRECTED: i16 = 3;
    /// The register stands.
    pub const STANDS: i16 = 4;
}

/// Longest text of a doubt.
const MOST_CHARS: usize = 300;

/// A doubt.
#[derive(Debug, Clone, FromRow)]
pub struct Dispute {
    /// Number.
    pub dispute_id: i64,
    /// Whose.
    pub person_id: i64,
    /// The fact that is doubted.
    pub fact_id: i64,
    /// Who says it.
    pub source: String,
    /// What.
    pub fact_type: String,
    /// For which case it was fetched.
    pub case_id: Option<i64>,
    /// What is wrong, sealed.
    pub reason_sealed: Vec<u8>,
    /// See [`state`].
    pub state: i16,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// Until when the source should answer.
    pub due_on: NaiveDate,
    /// The source's number of the work order.
    pub order_no: String,
    /// What the source says.
    pub answer: String,
}

/// A fact of a person's own cases that may be doubted.
#[derive(Debug, Clone, FromRow)]
pub struct Doubtable {
    /// The fact.
    pub fact_id: i64,
    /// What.
    pub r#type: String,
    /// Who says it.
    pub source: String,
    /// When it was fetched.
    pub fetched_at: DateTime<Utc>,
    /// For which case.
    pub case_id: i64,
}

/// What sources said of a person for his newest cases, newest first; of others (a spouse) nothing is listed.
pub async fn doubtable(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Doubtable>> {
    Ok(sqlx::query_as(
        "SELECT f.fact_id, f.type, f.source, f.fetched_at, f.case_id
           FROM (SELECT case_id FROM business_case WHERE centre_id = $1 AND applicant_id = $2 ORDER BY case_id DESC LIMIT 5) AS c
           JOIN fact f ON f.centre_id = $1 AND f.case_id = c.case_id
          WHERE f.role = 'applicant' AND f.source <> 'own' AND f.state IN (1, 2)
          ORDER BY f.fact_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Opens a work order about one of the facts that [`doubtable`] lists.
///
/// # Errors
/// `E-DISPUTE-01` for a fact that is not the person's, `E-DISPUTE-02` without words, `E-DISPUTE-03` while one about this fact is open.
pub async fn open(office: &Office, person_id: i64, fact_id: i64, reason: &str) -> Result<i64> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MOST_CHARS {
        let detail = format!("请写明哪里不对，最多 {MOST_CHARS} 个字。");
        return Err(Refusal::rule("E-DISPUTE-02", detail).into());
    }
    let own: Option<(String, String, Option<i64>)> = sqlx::query_as(
        "SELECT f.source, f.type, f.case_id FROM fact f
           JOIN business_case c ON c.centre_id = f.centre_id AND c.case_id = f.case_id AND c.applicant_id = $2
          WHERE f.centre_id = $1 AND f.fact_id = $3 AND f.role = 'applicant' AND f.source <> 'own'",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(fact_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some((source, fact_type, case_id)) = own else {
        let detail = "只能对查询到的本人信息提出异议。请从列表里选一条。";
        return Err(Refusal::rule("E-DISPUTE-01", detail).into());
    };
    let today = office.today();
    let days = Rules::on(office, today).int("dispute_answer_days")?;
    let due_on = office
        .holidays()
        .add_working_days(today, u32::try_from(days).unwrap_or(5));
    let dispute_id = office.ids.next().await?;
    let opened = sqlx::query(
        "INSERT INTO fact_dispute (centre_id, dispute_id, person_id, fact_id, source, fact_type, case_id, reason_sealed, state,
                                   opened_at, due_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(dispute_id)
    .bind(person_id)
    .bind(fact_id)
    .bind(source)
    .bind(fact_type)
    .bind(case_id)
    .bind(office.vault.seal(purpose::DISPUTE, reason.as_bytes()))
    .bind(office.now())
    .bind(due_on)
    .execute(&office.pool)
    .await?;
    if opened.rows_affected() == 0 {
        let detail = "这条信息的异议已经在处理。答复前不用再提。";
        return Err(Refusal::rule("E-DISPUTE-03", detail).into());
    }
    Ok(dispute_id)
}

/// A person's own, newest first.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Dispute>> {
    Ok(sqlx::query_as(
        "SELECT dispute_id, person_id, fact_id, source, fact_type, case_id, reason_sealed, state, opened_at, due_on, order_no, answer
           FROM fact_dispute WHERE centre_id = $1 AND person_id = $2 ORDER BY dispute_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Those with a source or on the way to it, oldest first.
pub async fn open_of_source(office: &Office, source: &str, limit: i64) -> Result<Vec<Dispute>> {
    Ok(sqlx::query_as(
        "SELECT dispute_id, person_id, fact_id, source, fact_type, case_id, reason_sealed, state, opened_at, due_on, order_no, answer
           FROM fact_dispute WHERE centre_id = $1 AND source = $2 AND state < 3 ORDER BY dispute_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What the work order says: whole number of the person, the source's serial, the words.
pub struct Told {
    /// ID number.
    pub subject: String,
    /// The source's serial of its answer.
    pub source_ref: String,
    /// The person's words.
    pub reason: String,
    /// Public number of the case.
    pub case_no: String,
}

/// Reads what a work order says.
pub async fn told(office: &Office, dispute: &Dispute) -> Result<Told> {
    let who = person::get(office, dispute.person_id)
        .await?
        .ok_or_else(|| Fault::Stored("a doubt without its person".to_owned()))?;
    let source_ref: String =
        sqlx::query_scalar("SELECT source_ref FROM fact WHERE centre_id = $1 AND fact_id = $2")
            .bind(office.centre.id)
            .bind(dispute.fact_id)
            .fetch_one(&office.pool)
            .await?;
    Ok(Told {
        subject: who.id_number.expose().to_owned(),
        source_ref,
        reason: person::text(&office.vault, purpose::DISPUTE, &dispute.reason_sealed)?,
        case_no: dispute.case_id.map_or_else(String::new, |case_id| {
            office.numbers.encode(NumberKind::Case, case_id)
        }),
    })
}

/// The source has it under its own number.
pub async fn sent(office: &Office, dispute_id: i64, order_no: &str) -> Result<()> {
    sqlx::query(
        "UPDATE fact_dispute SET state = 2, order_no = $3 WHERE centre_id = $1 AND dispute_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(dispute_id)
    .bind(order_no)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The source's answer. A repeat changes nothing; where the register is corrected, a case that waits is asked again at once.
///
/// # Errors
/// `E-DISPUTE-04` for a number that is not the source's.
pub async fn answered(
    office: &Office,
    source: &str,
    number: &str,
    corrected: bool,
    answer: &str,
) -> Result<()> {
    let unknown = || Refusal::rule("E-DISPUTE-04", "没有这个编号的异议工单，请核对编号。");
    let dispute_id: i64 = number.parse().map_err(|_| unknown())?;
    let to = if corrected {
        state::CORRECTED
    } else {
        state::STANDS
    };
    let mut tx = office.pool.begin().await?;
    let found: Option<(i16, Option<i64>)> = sqlx::query_as(
        "SELECT state, case_id FROM fact_dispute WHERE centre_id = $1 AND dispute_id = $2 AND source = $3 FOR UPDATE",
    )
    .bind(office.centre.id)
    .bind(dispute_id)
    .bind(source)
    .fetch_optional(&mut *tx)
    .await?;
    let (now_state, case_id) = found.ok_or_else(unknown)?;
    if now_state >= state::CORRECTED {
        return Ok(());
    }
    sqlx::query(
        "UPDATE fact_dispute SET state = $3, answer = $4, answered_at = $5 WHERE centre_id = $1 AND dispute_id = $2",
    )
    .bind(office.centre.id)
    .bind(dispute_id)
    .bind(to)
    .bind(answer)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if corrected {
        sqlx::query(
            "UPDATE business_case SET next_try_at = $3 WHERE centre_id = $1 AND case_id = $2 AND state = 2",
        )
        .bind(office.centre.id)
        .bind(case_id)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
