//! 待补正 (contribution.md §10): an application that lacks its resolution waits for the number of one, and is taken as withdrawn after the days of
//! policy.

use anju_casework::case::{self, Case, CaseState};
use anju_casework::{Actor, Office, Refusal, Result, outbox};
use serde_json::json;

use crate::policy::Rules;

/// The field that is handed in later.
pub const FIELD: &str = "resolution_no";

/// The services that wait for it.
const SERVICES: [&str; 2] = ["employer-deferral", "employer-ratio-reduction"];

/// The longest number of a resolution.
const LONGEST: usize = 60;

/// Whether a case waits for a resolution.
#[must_use]
pub fn waits(case: &Case) -> bool {
    SERVICES.contains(&case.service.as_str())
        && case.state() == CaseState::Gathering
        && case.form.get(FIELD).is_none_or(serde_json::Value::is_null)
}

/// Hands in the number of a resolution; the case is decided again.
///
/// # Errors
/// `E-HARD-02` without a number; 409 where the case does not wait for one.
pub async fn hand_in(office: &Office, case_id: i64, number: &str, actor: Actor) -> Result<()> {
    let number = number.trim();
    if number.is_empty() || number.chars().count() > LONGEST {
        let detail = "请填写职工代表大会或工会决议的文号，最多 60 个字。";
        return Err(Refusal::rule("E-HARD-02", detail).at(FIELD).into());
    }
    let mut tx = office.pool.begin().await?;
    let taken = sqlx::query(
        "UPDATE business_case SET form = form || jsonb_build_object('resolution_no', $3::text), next_try_at = $4, version = version + 1
          WHERE centre_id = $1 AND case_id = $2 AND state = 2 AND service = ANY ($5) AND NOT form ? 'resolution_no'",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(number)
    .bind(office.now())
    .bind(&SERVICES[..])
    .execute(&mut *tx)
    .await?;
    if taken.rows_affected() != 1 {
        return Err(case::moved_on().into());
    }
    let detail = json!({ "resolution_no": number });
    case::add_event(office, &mut tx, case_id, actor, &["supplemented"], detail).await?;
    tx.commit().await?;
    office.changed(case_id);
    Ok(())
}

/// Takes back what nobody has mended in time. Returns how many.
pub(super) async fn lapse(office: &Office) -> Result<usize> {
    let days = Rules::on(office, office.today()).days("hard_supplement_days")?;
    let mut lapsed = 0;
    for service in SERVICES {
        let waiting: Vec<(i64, i64, chrono::DateTime<chrono::Utc>)> = sqlx::query_as(
            "SELECT case_id, applicant_id, submitted_at FROM business_case
              WHERE centre_id = $1 AND state = 2 AND service = $2 AND NOT form ? 'resolution_no' ORDER BY case_id LIMIT 200",
        )
        .bind(office.centre.id)
        .bind(service)
        .fetch_all(&office.pool)
        .await?;
        for (case_id, employer_id, submitted_at) in waiting {
            let from = anju_domain::clock::shanghai_date(submitted_at);
            if office.holidays().add_working_days(from, days) >= office.today() {
                continue;
            }
            case::withdraw(office, case_id, Actor::System).await?;
            let mut conn = office.pool.acquire().await?;
            let words = "【公积金】没有在期限内补交决议，这次申请已作撤回，可以重新申请";
            outbox::tell_clerks(office, &mut conn, employer_id, Some(case_id), words).await?;
            lapsed += 1;
        }
    }
    Ok(lapsed)
}
