//! FR-07 (withdrawal.md §9): how many people of one's employers contributed for a short time and then withdrew.

use anju_casework::catalogue::{OwnBooks, Request};
use anju_casework::{Office, PgConnection, Result};
use anju_domain::calendar::add_months;
use anju_policy::fact::Fact;
use chrono::NaiveDate;
use serde_json::json;

use crate::policy::Rules;

/// The fact that the pattern reads.
pub(super) const FACT: &str = "own.short_stay";

/// What is counted.
pub(super) struct Question {
    person_id: i64,
    since: NaiveDate,
    months: i64,
    short: i64,
}

/// Asked only where the service wants to know and the applicant himself contributed for so short a time: a clean case costs nothing.
pub(super) fn question(
    office: &Office,
    request: &Request,
    own: &OwnBooks,
) -> Result<Option<Question>> {
    let policy = office.policy();
    let asks = policy
        .set
        .service(&request.service)
        .is_some_and(|service| service.facts.iter().any(|need| need.fact_type == FACT));
    let rules = Rules::on(office, office.today());
    let short = rules.int("fraud_short_months")?;
    let months = i64::try_from(own.months).unwrap_or(i64::MAX);
    if own.membership.is_none() || !asks || months >= short {
        return Ok(None);
    }
    Ok(Some(Question {
        person_id: request.applicant_id,
        since: add_months(office.today(), -rules.months("fraud_short_window_months")?),
        months,
        short,
    }))
}

impl Question {
    pub(super) async fn answer(self, office: &Office, conn: &mut PgConnection) -> Result<Fact> {
        let others: i64 = sqlx::query_scalar(include_str!("sql/short_stay.sql"))
            .bind(office.centre.id)
            .bind(self.person_id)
            .bind(self.since)
            .bind(self.short)
            .fetch_one(conn)
            .await?;
        let value = json!({ "months": self.months, "people": others + 1 });
        Ok(Fact::own(
            office.now(),
            "applicant",
            "本人",
            FACT,
            Some(value),
        ))
    }
}
