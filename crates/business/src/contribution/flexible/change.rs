//! What a person changes about his agreement: amount, pause, resume, a single payment. The rules say when.

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::{Fault, Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::agreement::{self, Agreement, plan};
use super::list::{self, Wanted};
use crate::contribution::collection::{self, contract};
use crate::contribution::remittance::{PayMethod, reference};
use crate::policy::Rules;

/// The service of changing.
pub struct FlexibleChange {
    id: String,
}

impl FlexibleChange {
    /// The service of a definition with effect `flexible_change`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Service for FlexibleChange {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        agreement::own(office, conn, request).boxed()
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
        change(office, tx, approved).boxed()
    }
}

async fn change(office: &Office, tx: &mut PgConnection, approved: Approved<'_>) -> Result<Carried> {
    let request = approved.request;
    let Some(agreed) = agreement::live(office, tx, request.applicant_id).await? else {
        let detail = "您没有灵活就业缴存协议，请先签约。";
        return Err(Refusal::rule("E-FLEX-05", detail).into());
    };
    let amount = request.form.get("amount_fen").and_then(Value::as_i64);
    let missing = || Fault::Stored("an approved change has no amount".to_owned());
    match request.text("action").unwrap_or_default() {
        "amount" => new_amount(office, tx, &agreed, amount.ok_or_else(missing)?).await,
        "pause" => pause(office, tx, &agreed).await,
        "resume" => resume(office, tx, &agreed).await,
        _ => {
            let by_card = request.text("pay") == Some("debit");
            deposit(office, tx, &agreed, amount.ok_or_else(missing)?, by_card).await
        }
    }
}

/// From the next debit; what is being collected goes its way.
async fn new_amount(
    office: &Office,
    tx: &mut PgConnection,
    agreed: &Agreement,
    amount_fen: i64,
) -> Result<Carried> {
    sqlx::query(
        "WITH agreed AS (
             UPDATE flexible_agreement SET amount_fen = $3, changed_month = $4
              WHERE centre_id = $1 AND agreement_id = $2 RETURNING membership_id)
         UPDATE membership m SET base_fen = $3, employee_fen = $3
           FROM agreed WHERE m.centre_id = $1 AND m.membership_id = agreed.membership_id",
    )
    .bind(office.centre.id)
    .bind(agreed.agreement_id)
    .bind(amount_fen)
    .bind(Month::of(office.today()).index())
    .execute(tx)
    .await?;
    done(
        "changed",
        json!({ "amount_fen": amount_fen, "from": agreed.next_on }),
    )
}

async fn pause(office: &Office, tx: &mut PgConnection, agreed: &Agreement) -> Result<Carried> {
    sqlx::query(
        "WITH paused AS (
             UPDATE flexible_agreement SET state = 3, next_on = NULL, reason = '本人暂停'
              WHERE centre_id = $1 AND agreement_id = $2 RETURNING membership_id, person_id),
         held AS (
             UPDATE debit_mandate d SET state = 4, reason = '本人暂停'
               FROM paused WHERE d.centre_id = $1 AND d.payer_id = paused.person_id AND d.state = 2
             RETURNING d.mandate_id),
         waiting AS (
             UPDATE remittance r SET collect_on = NULL
               FROM held WHERE r.centre_id = $1 AND r.employer_id = $4 AND r.mandate_id = held.mandate_id AND r.collect_on IS NOT NULL)
         UPDATE membership m SET state = 2, sealed_on = $3, seal_reason = '本人暂停'
           FROM paused WHERE m.centre_id = $1 AND m.membership_id = paused.membership_id AND m.state = 1",
    )
    .bind(office.centre.id)
    .bind(agreed.agreement_id)
    .bind(office.today())
    .bind(agreed.employer_id)
    .execute(tx)
    .await?;
    done("paused", json!({}))
}

async fn resume(office: &Office, tx: &mut PgConnection, agreed: &Agreement) -> Result<Carried> {
    let rules = Rules::on(office, office.today());
    let next_on = match agreed.plan {
        plan::MONTHLY => Some(collection::first_day(&rules, office.today(), agreed.day)?),
        _ => None,
    };
    sqlx::query(
        "WITH resumed AS (
             UPDATE flexible_agreement a
                SET reason = NULL, next_on = $3,
                    state = CASE WHEN EXISTS (SELECT FROM remittance_line l JOIN remittance r USING (centre_id, remittance_id)
                                               WHERE l.centre_id = $1 AND l.account_id = a.account_id AND r.kind = 3 AND r.state = 3)
                                 THEN 2 ELSE 1 END
              WHERE a.centre_id = $1 AND a.agreement_id = $2
             RETURNING a.membership_id, a.person_id),
         held AS (
             UPDATE debit_mandate d SET state = 2, reason = NULL, failed_months = 0
               FROM resumed WHERE d.centre_id = $1 AND d.payer_id = resumed.person_id AND d.state = 4)
         UPDATE membership m SET state = 1, sealed_on = NULL, seal_reason = NULL
           FROM resumed WHERE m.centre_id = $1 AND m.membership_id = resumed.membership_id AND m.state = 2",
    )
    .bind(office.centre.id)
    .bind(agreed.agreement_id)
    .bind(next_on)
    .execute(tx)
    .await?;
    done("resumed", json!({ "next_on": next_on }))
}

/// A single payment: a pay code to transfer with, or a debit of the card at once.
async fn deposit(
    office: &Office,
    tx: &mut PgConnection,
    agreed: &Agreement,
    amount_fen: i64,
    by_card: bool,
) -> Result<Carried> {
    let mandate = if by_card {
        Some(contract::for_amount(office, tx, agreed.person_id, amount_fen).await?)
    } else {
        None
    };
    let bank = mandate
        .as_ref()
        .map_or(&agreed.bank, |one| &one.bank)
        .clone();
    let wanted = Wanted {
        person_id: agreed.person_id,
        employer_id: agreed.employer_id,
        branch_id: agreed.branch_id,
        account_id: agreed.account_id,
        amount_fen,
        bank: bank.clone(),
        mandate_id: mandate.as_ref().map(|one| one.mandate_id),
    };
    let pay = if by_card {
        PayMethod::Debit
    } else {
        PayMethod::Transfer
    };
    let lists = list::write(office, tx, &[wanted], pay, None).await?;
    let remittance_id = lists[0];
    if let Some(mandate) = mandate {
        collection::enqueue(
            office,
            tx,
            remittance_id,
            mandate.mandate_id,
            &bank,
            amount_fen,
        )
        .await?;
    }
    let account = office.bank(&bank)?;
    done(
        "ordered",
        json!({
            "remittance": office.numbers.encode(NumberKind::Remittance, remittance_id),
            "reference": reference(office, Month::of(office.today()), remittance_id),
            "amount_fen": amount_fen,
            "pay": if by_card { "debit" } else { "transfer" },
            "payee_bank": bank,
            "payee_account": account.account_no,
        }),
    )
}

fn done(step: &'static str, detail: Value) -> Result<Carried> {
    Ok(Carried {
        step,
        detail,
        done: true,
    })
}
