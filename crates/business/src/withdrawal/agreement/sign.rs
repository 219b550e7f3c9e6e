//! Signing, changing and cancelling (签约、变更、解除). Conditions are policy; cancelling has none, so that nobody is kept in an agreement because
//! a department is silent.

use anju_casework::case::{self, AtOnce, Submission};
use anju_casework::catalogue::{Approved, Carried, Known, OwnBooks, Request, Service};
use anju_casework::person::purpose;
use anju_casework::{Fault, Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::text::last_four;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

use super::run::next_run;
use super::state;
use crate::policy::Rules;
use crate::withdrawal::own_books;

/// The service of signing.
pub struct RepaySigning {
    id: String,
}

impl RepaySigning {
    /// The service of a definition with effect `sign_repay`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Service for RepaySigning {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::read(office, conn, request).boxed()
    }

    fn own_books_beside<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        books: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::for_another(office, conn, request, books).boxed()
    }

    fn related_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        known: &'a Known,
        own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        own_books::read_related(office, conn, request, known, own).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        write(office, tx, approved).boxed()
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        (submission.request.text("action") == Some("cancel"))
            .then(|| cancel(office, submission).boxed())
    }

    /// A wish is about one loan: two loans are signed for side by side.
    fn wish(&self, _office: &Office, request: &Request) -> String {
        format!(
            "{}:{}:{}",
            self.id,
            request.text("loan_bank").unwrap_or("HPF"),
            request.text("loan_no").unwrap_or_default()
        )
    }
}

/// The loan that a request names: bank and number, as its event is keyed.
fn loan(request: &Request) -> Result<(&str, &str, String)> {
    let bank = request.text("loan_bank").unwrap_or("HPF");
    let number = request
        .text("loan_no")
        .ok_or_else(|| Fault::Stored("an agreement names no loan".to_owned()))?;
    Ok((bank, number, event_key(bank, number)))
}

/// The key of a loan in the ledger of events, as `[claim]` of policy makes it.
pub fn event_key(bank: &str, number: &str) -> String {
    format!("LOAN:{bank}:{number}")
}

/// Months of a period by the word of the form, or of policy where the form says nothing.
fn months(rules: &Rules, request: &Request) -> Result<i16> {
    let by_policy = rules.text("auto_com_period")?;
    let wanted = request.text("frequency").or(request.text("mode"));
    Ok(match wanted.unwrap_or(&by_policy) {
        "quarterly" | "QUARTERLY" => 3,
        "yearly" | "annual" | "YEARLY" => 12,
        _ => 1,
    })
}

async fn write(office: &Office, tx: &mut PgConnection, approved: Approved<'_>) -> Result<Carried> {
    let request = approved.request;
    let (bank, number, event_key) = loan(request)?;
    let card = request.text("card_no").ok_or_else(|| {
        let detail = "请填写收款银行卡号。";
        Refusal::rule("E-FORM-01", detail)
    })?;
    let rules = Rules::on(office, office.today());
    let period = months(&rules, request)?;
    // From the next period on; a resumed agreement claims what it has missed.
    let from = Month::of(office.today()).plus(1).index();
    let last4 = last_four(card);
    let sealed = office.vault.seal(purpose::CARD, card.as_bytes());
    let place: Option<i16> = match request.text("place") {
        Some("first") => Some(1),
        Some("second") => Some(2),
        _ => None,
    };
    let next_on = next_run(&rules, from - 1, period)?;
    let changes = request.text("action") == Some("change");
    let changed = if changes {
        sqlx::query(
            "UPDATE repay_agreement
                SET card_sealed = $4, card_last4 = $5, period = $6, place = coalesce($7, place), reason = NULL, skips = 0, ask_on = NULL,
                    state = CASE state WHEN 3 THEN 2 ELSE state END,
                    next_on = CASE WHEN state <> 3 AND next_on IS NOT NULL AND period = $6 THEN next_on ELSE $8 END
              WHERE centre_id = $1 AND person_id = $2 AND event_key = $3 AND state <> 9",
        )
        .bind(office.centre.id)
        .bind(request.applicant_id)
        .bind(&event_key)
        .bind(sealed)
        .bind(&last4)
        .bind(period)
        .bind(place)
        .bind(next_on)
        .execute(&mut *tx)
        .await?
        .rows_affected()
    } else {
        // The second of two spouses comes second, unless he says otherwise.
        sqlx::query(
            "INSERT INTO repay_agreement (centre_id, agreement_id, person_id, branch_id, kind, loan_bank, loan_no, event_key, period, place,
                                          card_sealed, card_last4, state, from_month, next_on, signed_at)
             SELECT $1, $2, $3, $4, CASE $5 WHEN 'HPF' THEN 2 ELSE 1 END, $5, $6, $7, $8,
                    coalesce($9, CASE WHEN EXISTS (SELECT FROM repay_agreement o
                                                    WHERE o.centre_id = $1 AND o.event_key = $7 AND o.state <> 9) THEN 2 ELSE 1 END),
                    $10, $11, $12, $13, $14, $15
                 ON CONFLICT DO NOTHING",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(request.applicant_id)
        .bind(approved.branch_id)
        .bind(bank)
        .bind(number)
        .bind(&event_key)
        .bind(period)
        .bind(place)
        .bind(sealed)
        .bind(&last4)
        .bind(state::SIGNED)
        .bind(from)
        .bind(next_on)
        .bind(office.now())
        .execute(&mut *tx)
        .await?
        .rows_affected()
    };
    if changed != 1 {
        // Another request of the same person came in between.
        let detail = "您已就该贷款签订约定提取协议，请勿重复签约。";
        return Err(Refusal::new(409, "E-AUT-03", detail).into());
    }
    if let Some(place) = place {
        // The other spouse's account takes the other place.
        sqlx::query(
            "UPDATE repay_agreement SET place = 3 - $4
              WHERE centre_id = $1 AND event_key = $2 AND person_id <> $3 AND state <> 9",
        )
        .bind(office.centre.id)
        .bind(&event_key)
        .bind(request.applicant_id)
        .bind(place)
        .execute(tx)
        .await?;
    }
    Ok(Carried {
        step: if changes { "changed" } else { "agreed" },
        detail: json!({
            "loan_bank": bank, "period_months": period, "next_on": next_on, "card_last4": last4,
        }),
        done: true,
    })
}

/// Ends an agreement from the next run on; a run that is being paid goes its way.
async fn cancel(office: &Office, submission: &Submission) -> Result<i64> {
    let request = &submission.request;
    let (bank, _, event_key) = loan(request)?;
    let mut tx = office.pool.begin().await?;
    let ended = sqlx::query(
        "WITH ended AS (
             UPDATE repay_agreement SET state = 9, next_on = NULL, ask_on = NULL, reason = '本人解除', ended_at = $4
              WHERE centre_id = $1 AND person_id = $2 AND event_key = $3 AND state <> 9 RETURNING agreement_id),
         given_up AS (
             UPDATE repay_run r SET state = 5, reason = '本人解除', ended_at = $4
               FROM ended WHERE r.centre_id = $1 AND r.agreement_id = ended.agreement_id AND r.state = 1)
         SELECT FROM ended",
    )
    .bind(office.centre.id)
    .bind(request.applicant_id)
    .bind(&event_key)
    .bind(office.now())
    .fetch_all(&mut *tx)
    .await?;
    if ended.is_empty() {
        let detail = "您没有就该贷款签订约定提取协议，不用解除。请核对贷款银行和贷款账号。";
        return Err(Refusal::rule("E-AUT-03", detail).into());
    }
    let wish = format!("{}:cancel:{}", request.service, submission.case_id);
    let at_once = AtOnce {
        wish: &wish,
        branch_id: submission.branch_id,
        form: json!({ "action": "cancel", "loan_bank": bank }),
        begun: json!({ "channel": request.channel }),
        step: "ended",
        done: json!({ "loan_bank": bank }),
    };
    case::at_once(office, &mut tx, submission, at_once).await?;
    tx.commit().await?;
    Ok(submission.case_id)
}
