//! 对外提供: what our books tell others of a person, and who was told what on which basis.
//!
//! Invariant: nothing is told before the trace of it and the entry in the person's own log stand, both in one transaction.

use anju_casework::membership::{self, state};
use anju_casework::{Office, Result, access_log};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::papers::certificate::{continuous, paid_months};
use crate::policy::Rules;

/// 缴存情况: months in full without a gap up to the last one paid (as on the certificate), base of a month in fen, state of the account. None for
/// whoever never had an account here.
///
/// # Errors
/// The database.
pub async fn contribution(office: &Office, person_id: i64) -> Result<Option<Value>> {
    let Some(membership) = membership::of_person(office, person_id)
        .await?
        .into_iter()
        .next()
    else {
        return Ok(None);
    };
    let rules = Rules::on(office, office.today());
    let counts_back_pay = rules.flag("backpay_counts_for_continuity")?;
    let mut conn = office.pool.acquire().await?;
    let months = paid_months(office, &mut conn, membership.account_id, counts_back_pay).await?;
    let state = match membership.state {
        state::ACTIVE => "active",
        state::SEALED => "sealed",
        _ => "closed",
    };
    Ok(Some(json!({
        "months": continuous(&months),
        "base_fen": membership.base_fen,
        "state": state,
    })))
}

/// A question of another and what became of it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Who asked: `D14`.
    pub source: &'a str,
    /// What: `hpf.contribution`, and its name in Chinese.
    pub fact_type: (&'a str, &'a str),
    /// About whom, where we know him.
    pub person_id: Option<i64>,
    /// The asker's number of the question.
    pub request_id: &'a str,
    /// Purpose, and case at the asker.
    pub item: &'a str,
    /// Case at the asker; may be empty.
    pub case_no: &'a str,
    /// Who there.
    pub operator: &'a str,
    /// `statutory:{article}`, or our number of the consent; empty where there was none.
    pub basis: &'a str,
    /// 200, 403 or 404.
    pub code: u16,
    /// Since when we had it.
    pub since: DateTime<Utc>,
    /// Hex SM3 of the question.
    pub request_hash: &'a str,
    /// Hex SM3 of what is told; empty where nothing is.
    pub answer_hash: &'a str,
}

/// Notes a question before it is answered; what is told stands in the person's log, too.
///
/// # Errors
/// The database.
pub async fn note(office: &Office, answered: Answered<'_>) -> Result<()> {
    let now = office.now();
    let ms = (now - answered.since).num_milliseconds();
    let mut tx = office.pool.begin().await?;
    sqlx::query(
        "INSERT INTO given_answer (centre_id, answer_id, at, source, type, person_id, request_id, item, case_no, operator, basis, code, ms,
                                   request_hash, answer_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(now)
    .bind(answered.source)
    .bind(answered.fact_type.0)
    .bind(answered.person_id)
    .bind(answered.request_id)
    .bind(answered.item)
    .bind(answered.case_no)
    .bind(answered.operator)
    .bind(answered.basis)
    .bind(i16::try_from(answered.code).unwrap_or(i16::MAX))
    .bind(i32::try_from(ms).unwrap_or(i32::MAX))
    .bind(answered.request_hash)
    .bind(answered.answer_hash)
    .execute(&mut *tx)
    .await?;
    if let (Some(person_id), false) = (answered.person_id, answered.answer_hash.is_empty()) {
        let basis = basis_words(answered.basis);
        let reason = format!("为{}，依据：{basis}", answered.item);
        let what = answered.fact_type.1;
        access_log::note_told(office, &mut tx, answered.source, person_id, what, &reason).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A basis for people.
#[must_use]
pub fn basis_words(basis: &str) -> String {
    match basis.strip_prefix("statutory:") {
        Some(law) => format!("法定职责（{law}）"),
        None if basis.is_empty() => "没有依据".to_owned(),
        None => "本人授权".to_owned(),
    }
}

/// What a source asked of us since an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Counted {
    /// Questions that we heard.
    pub asked: i64,
    /// Those that were told something.
    pub given: i64,
}

/// How often a source asked us since an instant.
///
/// # Errors
/// The database.
pub async fn counted(office: &Office, source: &str, since: DateTime<Utc>) -> Result<Counted> {
    Ok(sqlx::query_as(
        "SELECT count(*) AS asked, count(*) FILTER (WHERE code = 200) AS given FROM given_answer
          WHERE centre_id = $1 AND source = $2 AND at >= $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(since)
    .fetch_one(&office.pool)
    .await?)
}

/// A question of a source as its page shows it: nobody is named.
#[derive(Debug, Clone, FromRow)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub r#type: String,
    /// What for.
    pub item: String,
    /// The asker's number of the question.
    pub request_id: String,
    /// See [`Answered::basis`].
    pub basis: String,
    /// 200, 403 or 404.
    pub code: i16,
    /// How long it took, in milliseconds.
    pub ms: i32,
}

/// The last questions of a source, newest first.
///
/// # Errors
/// The database.
pub async fn of_source(office: &Office, source: &str, limit: i64) -> Result<Vec<Line>> {
    Ok(sqlx::query_as(
        "SELECT at, type, item, request_id, basis, code, ms FROM given_answer
          WHERE centre_id = $1 AND source = $2 ORDER BY at DESC, answer_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(source)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
