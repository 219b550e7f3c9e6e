//! FR-07 (withdrawal.md §9): how many people of an employer contributed for a short time and then withdrew.

use anju_casework::catalogue::Request;
use anju_casework::{Office, PgConnection, Result};
use anju_domain::calendar::add_months;
use serde_json::{Value, json};

use crate::policy::Rules;

/// The fact that the pattern reads.
const FACT: &str = "own.short_stay";

/// Counts only where the service asks for it and the applicant himself contributed for so short a time: a clean case costs nothing.
pub(super) async fn read(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
    rules: &Rules,
    months: usize,
    employer_id: Option<i64>,
) -> Result<Option<Value>> {
    let policy = office.policy();
    let asks = policy
        .set
        .service(&request.service)
        .is_some_and(|service| service.facts.iter().any(|need| need.fact_type == FACT));
    let short = rules.int("fraud_short_months")?;
    let months = i64::try_from(months).unwrap_or(i64::MAX);
    let Some(employer_id) = employer_id.filter(|_| asks && months < short) else {
        return Ok(None);
    };
    let since = add_months(office.today(), -rules.months("fraud_short_window_months")?);
    let others: i64 = sqlx::query_scalar(include_str!("sql/short_stay.sql"))
        .bind(office.centre.id)
        .bind(employer_id)
        .bind(request.applicant_id)
        .bind(since)
        .bind(short)
        .fetch_one(conn)
        .await?;
    Ok(Some(json!({ "months": months, "people": others + 1 })))
}
