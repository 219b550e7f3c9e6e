//! A case that is held: who shares what with its applicant, and what a reviewer finds.

use anju_casework::case::hold::{self, Finding};
use anju_casework::case::{self, Case};
use anju_casework::staff::Staff;
use anju_casework::{Office, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;

use super::blacklist::{self, Suspicion};
use super::reasoned;
use crate::policy::Rules;

/// Somebody who shares a device, an address, a card or a phone with the applicant.
#[derive(Debug, Clone, FromRow)]
pub struct Sharer {
    /// Who.
    pub person_id: i64,
    /// `device`, `address`, `card` or `phone`.
    pub by: String,
    /// The last time.
    pub at: Option<DateTime<Utc>>,
    /// A case of his with the same card.
    pub case_id: Option<i64>,
}

/// Those who share with the applicant of a case, in the days of policy before it, each way once.
pub async fn sharers(office: &Office, one: &Case, limit: i64) -> Result<Vec<Sharer>> {
    let days = Rules::on(office, office.today()).int("fraud_shared_days")?;
    let indexes: Vec<String> = match one
        .open_form(office)?
        .get("card_no")
        .and_then(|card| card.as_str())
    {
        Some(card) => {
            let index = office.vault.blind_index(case::CARD_OF_CASE, card);
            index.any().iter().map(hex::encode).collect()
        }
        None => Vec::new(),
    };
    Ok(sqlx::query_as(
        "SELECT o.subject_id AS person_id, 'device' AS by, max(o.created_at) AS at, NULL::bigint AS case_id
           FROM (SELECT DISTINCT s.device_index FROM session s
                  WHERE s.centre_id = $1 AND s.audience = 1 AND s.subject_id = $2 AND s.created_at > $3) AS mine
           JOIN session o ON o.centre_id = $1 AND o.device_index = mine.device_index AND o.created_at > $3
            AND o.audience = 1 AND o.subject_id <> $2
          GROUP BY o.subject_id
         UNION ALL
         SELECT o.subject_id, 'address', max(o.created_at), NULL::bigint
           FROM (SELECT DISTINCT s.address_index FROM session s
                  WHERE s.centre_id = $1 AND s.audience = 1 AND s.subject_id = $2 AND s.created_at > $3 AND s.address_index IS NOT NULL) AS mine
           JOIN session o ON o.centre_id = $1 AND o.address_index = mine.address_index AND o.created_at > $3
            AND o.audience = 1 AND o.subject_id <> $2
          GROUP BY o.subject_id
         UNION ALL
         SELECT c.applicant_id, 'card', max(c.submitted_at), max(c.case_id)
           FROM unnest($4::text[]) AS card (index)
           JOIN business_case c ON c.centre_id = $1 AND c.form #>> '{card_no,index}' = card.index
            AND c.submitted_at > $3 AND c.applicant_id <> $2
          GROUP BY c.applicant_id
         UNION ALL
         SELECT p.person_id, 'phone', NULL, NULL
           FROM person who
           JOIN person p ON p.centre_id = $1 AND p.phone_index = who.phone_index AND p.person_id <> $2 AND p.merged_into IS NULL
          WHERE who.centre_id = $1 AND who.person_id = $2
          LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(one.applicant_id)
    .bind(one.submitted_at - TimeDelta::days(days))
    .bind(indexes)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// A reviewer's word about a case that is held: cleared it goes on in review; as fraud it is refused and its applicant becomes a suspect of the
/// black list, which another person confirms.
///
/// # Errors
/// 403 `E-CHECK-01` for who served it, 409 `E-CHECK-02` where it is not held any more, 422 `E-CHECK-04` without a reason.
pub async fn conclude(
    office: &Office,
    one: &Case,
    finding: Finding,
    reason: &str,
    staff: &Staff,
) -> Result<()> {
    let reason = reasoned(reason)?;
    let events = case::events(office, one.case_id).await?;
    let patterns = hold::patterns_of(&events);
    let mut tx = office.pool.begin().await?;
    hold::conclude(office, &mut tx, one, finding, staff.staff_id, reason).await?;
    if finding == Finding::Fraud {
        let suspicion = Suspicion {
            person_id: one.applicant_id,
            branch_id: one.branch_id,
            ground: patterns.first().map_or("FR-06", String::as_str),
            finding: reason,
            case_id: Some(one.case_id),
            staff_id: staff.staff_id,
        };
        blacklist::enter(office, &mut tx, &suspicion).await?;
    }
    tx.commit().await?;
    office.changed_with_messages(one.case_id);
    Ok(())
}

/// FR-05: what was handed in for a case is forged, as its issuer says. A case that is still decided is refused; either way its applicant
/// becomes a suspect, and what was paid is asked back once another person has confirmed it.
///
/// # Errors
/// As [`blacklist::enter`].
pub async fn forged(office: &Office, one: &Case, reason: &str, staff: &Staff) -> Result<()> {
    let reason = reasoned(reason)?;
    let mut tx = office.pool.begin().await?;
    hold::refuse_as_forged(office, &mut tx, one.case_id, staff.staff_id, reason).await?;
    let suspicion = Suspicion {
        person_id: one.applicant_id,
        branch_id: one.branch_id,
        ground: "FR-05",
        finding: reason,
        case_id: Some(one.case_id),
        staff_id: staff.staff_id,
    };
    blacklist::enter(office, &mut tx, &suspicion).await?;
    tx.commit().await?;
    office.changed_with_messages(one.case_id);
    Ok(())
}
