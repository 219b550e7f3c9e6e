//! An agreement that was suspended goes on by itself once its cause is gone (withdrawal.md §6.4): a court's order of our own books tells us so
//! ([`released`]); what a source said is asked for again on the days of policy ([`to_ask`]), whose answer [`answered`] takes. What was
//! missed is claimed by the next run; the holder is told.

use anju_casework::catalogue::Request;
use anju_casework::person::{purpose, text};
use anju_casework::{Office, Result, outbox};
use anju_domain::calendar::Month;
use anju_policy::{ConditionOutcome, Decision};
use chrono::{Days, NaiveDate};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::{RUN_SERVICE, run};
use crate::policy::Rules;

/// A suspended agreement whose cause may be gone.
#[derive(Debug, Clone, FromRow)]
pub struct Suspended {
    /// The agreement.
    pub agreement_id: i64,
    /// Whose.
    pub person_id: i64,
    /// Months in a period.
    pub period: i16,
    /// The condition that its last run did not meet.
    pub code: String,
    from_month: i32,
    loan_bank: String,
    loan_no: String,
    card_sealed: Vec<u8>,
}

impl Suspended {
    /// What its next run would ask for.
    ///
    /// # Errors
    /// A card that does not open.
    pub fn request(&self, office: &Office) -> Result<Request> {
        let last = Month::of(office.today()).plus(-1);
        let first = Month::from_index(self.from_month.min(last.index()));
        let form = json!({
            "loan_bank": self.loan_bank, "loan_no": self.loan_no,
            "card_no": text(&office.vault, purpose::CARD, &self.card_sealed)?,
            "first_month": first.to_string(), "last_month": last.to_string(),
        });
        Ok(Request {
            service: RUN_SERVICE.to_owned(),
            case_id: None,
            applicant_id: self.person_id,
            form: serde_json::from_value(form)?,
            channel: "SYS".to_owned(),
            face_passed: true,
        })
    }
}

/// The conditions whose end lets an agreement go on.
fn causes(rules: &Rules) -> Result<Vec<String>> {
    let codes = rules.text("auto_resumes_on")?;
    Ok(codes.split_whitespace().map(str::to_owned).collect())
}

/// The day after which a cause is asked for again; none where no answer could lift it.
pub(super) fn asked_on(rules: &Rules, today: NaiveDate, code: &str) -> Result<Option<NaiveDate>> {
    if !causes(rules)?.iter().any(|cause| cause == code) {
        return Ok(None);
    }
    let days = u64::try_from(rules.int("auto_resume_ask_days")?).unwrap_or(1);
    Ok(today.checked_add_days(Days::new(days.max(1))))
}

/// Agreements whose cause is asked for today, the longest waiting first.
///
/// # Errors
/// The database.
pub async fn to_ask(office: &Office, limit: i64) -> Result<Vec<Suspended>> {
    Ok(sqlx::query_as(
        "SELECT a.agreement_id, a.person_id, a.period, coalesce(last.code, '') AS code, a.from_month, a.loan_bank, a.loan_no, a.card_sealed
           FROM repay_agreement a
           JOIN LATERAL (SELECT r.code FROM repay_run r
                          WHERE r.centre_id = a.centre_id AND r.agreement_id = a.agreement_id ORDER BY r.period DESC LIMIT 1) last ON true
          WHERE a.centre_id = $1 AND a.state = 3 AND a.ask_on <= $2
          ORDER BY a.ask_on, a.agreement_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(office.today())
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Takes what was found by asking again: it goes on where its cause is gone and no other of the kind has come, else its next day is set. A
/// source that is silent is asked the next day. Returns whether it goes on.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn answered(office: &Office, one: &Suspended, found: &Decision) -> Result<bool> {
    let rules = Rules::on(office, office.today());
    let causes = causes(&rules)?;
    let of = |outcome: ConditionOutcome| {
        let mut all = found.conditions.iter();
        all.any(|said| said.outcome == outcome && causes.iter().any(|cause| cause == said.code))
    };
    let is_gone = found
        .conditions
        .iter()
        .any(|said| said.code == one.code && said.outcome == ConditionOutcome::Met);
    let mut tx = office.pool.begin().await?;
    let goes_on = is_gone && !of(ConditionOutcome::NotMet) && !of(ConditionOutcome::Unknown);
    if goes_on {
        let text = "【公积金】约定提取暂停的原因已经消除，约定提取恢复，错过的下一期一并办理。";
        let waiting = (one.agreement_id, one.person_id, one.period);
        go_on(office, &mut tx, &rules, waiting, text).await?;
    } else {
        let again = if of(ConditionOutcome::NotMet) {
            asked_on(&rules, office.today(), &one.code)?
        } else {
            office.today().succ_opt()
        };
        sqlx::query("UPDATE repay_agreement SET ask_on = $3 WHERE centre_id = $1 AND agreement_id = $2 AND state = 3")
            .bind(office.centre.id)
            .bind(one.agreement_id)
            .bind(again)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(goes_on)
}

/// A freeze is over: what was suspended because of it goes on with the next period, which claims what was missed too; its holder is told.
pub(crate) async fn released(office: &Office, tx: &mut PgConnection, person_id: i64) -> Result<()> {
    let rules = Rules::on(office, office.today());
    let causes: Vec<String> = rules
        .text("court_release_resumes_on")?
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    // One for each loan, so that they are few.
    let waiting: Vec<(i64, i64, i16)> = sqlx::query_as(
        "SELECT a.agreement_id, a.person_id, a.period
           FROM repay_agreement a
           JOIN LATERAL (SELECT r.code FROM repay_run r
                          WHERE r.centre_id = a.centre_id AND r.agreement_id = a.agreement_id ORDER BY r.period DESC LIMIT 1) last ON true
          WHERE a.centre_id = $1 AND a.person_id = $2 AND a.state = 3 AND last.code = ANY ($3)
          ORDER BY a.agreement_id FOR NO KEY UPDATE OF a",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(&causes)
    .fetch_all(&mut *tx)
    .await?;
    for one in waiting {
        let text = "【公积金】账户已解除冻结，约定提取恢复，错过的下一期一并办理。";
        go_on(office, tx, &rules, one, text).await?;
    }
    Ok(())
}

/// From the next period on, as after signing. Whoever changed or ended it meanwhile has done so.
async fn go_on(
    office: &Office,
    tx: &mut PgConnection,
    rules: &Rules,
    (agreement_id, person_id, period): (i64, i64, i16),
    text: &str,
) -> Result<()> {
    let settled = Month::of(office.today()).index();
    let moved = sqlx::query(
        "UPDATE repay_agreement SET state = 2, skips = 0, reason = NULL, ask_on = NULL, next_on = $3
          WHERE centre_id = $1 AND agreement_id = $2 AND state = 3",
    )
    .bind(office.centre.id)
    .bind(agreement_id)
    .bind(run::next_run(rules, settled, period)?)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 1 {
        let texts = [text.to_owned()];
        outbox::tell_about(office, tx, &[agreement_id], &[person_id], &texts).await?;
    }
    Ok(())
}
