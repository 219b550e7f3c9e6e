//! 退回暂存款 (contribution.md §7.1, W-REMIT-06): what an employer has paid over and asks back (E08, then E09). Invariant: it goes to the account
//! that it came from, never what a waiting list has already received; what the bank refuses is in suspense again (`refund_payment.rs`).

use anju_casework::books::{self, Booking};
use anju_casework::case;
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Office, Refusal, Result, outbox};
use anju_domain::money::Fen;
use anju_domain::text::last_four;
use anju_ledger::Role;
use anju_policy::Fact;
use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::allocation;
use super::refund::{payable_of, state};
use super::relief;

/// A receipt whose payer is paid back.
#[derive(sqlx::FromRow)]
struct PaidBy {
    receipt_id: i64,
    book_date: NaiveDate,
    amount_fen: i64,
    payer_account: String,
}

/// The newest receipt that can have left this much: its payer's account is where the money goes.
async fn paid_by(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
    amount: Fen,
) -> Result<Option<PaidBy>> {
    Ok(sqlx::query_as(
        "SELECT receipt_id, book_date, amount_fen, payer_account FROM receipt
          WHERE centre_id = $1 AND employer_id = $2 AND amount_fen >= $3 AND payer_account <> '' ORDER BY receipt_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(amount.fen())
    .fetch_optional(conn)
    .await?)
}

/// What is asked back: all that is free unless a part is named.
fn wanted(request: &Request, free: Fen) -> Fen {
    let named = request.form.get("amount_fen").and_then(Value::as_i64);
    named.map_or(free, Fen::new)
}

/// The fact `own.suspense`.
async fn read(office: &Office, conn: &mut PgConnection, request: &Request) -> Result<OwnBooks> {
    let employer = employer::get(office, &mut *conn, request.applicant_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这个单位"))?;
    let stands = allocation::suspense(office, conn, &employer).await?;
    let asked = wanted(request, stands.free());
    let payer = paid_by(office, conn, &employer, asked).await?;
    let mut value = json!({
        "free_fen": stands.free().fen(), "asked_fen": asked.fen(), "payer_known": payer.is_some(),
    });
    // Which receipt it is: the reviewer sees it, and the money goes to no other.
    if let Some(paid) = &payer {
        value["paid_on"] = json!(paid.book_date);
        value["paid_fen"] = paid.amount_fen.into();
        value["payer_tail"] = last_four(&paid.payer_account).into();
    }
    let fact = Fact::own(
        office.now(),
        "employer",
        "本单位",
        "own.suspense",
        Some(value),
    );
    Ok(OwnBooks {
        facts: vec![fact],
        employer: Some(employer),
        ..OwnBooks::default()
    })
}

/// What no waiting list has received: it pays the next list, or is asked back.
///
/// # Errors
/// The database.
pub async fn free(office: &Office, employer: &Employer) -> Result<Fen> {
    let mut conn = office.pool.acquire().await?;
    Ok(allocation::suspense(office, &mut conn, employer)
        .await?
        .free())
}

/// Whether an employer has asked for it and is not answered yet.
///
/// # Errors
/// The database.
pub async fn is_asked_back(office: &Office, employer_id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM business_case
                         WHERE centre_id = $1 AND applicant_id = $2 AND service = 'employer-suspense-refund' AND state < 5)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_one(&office.pool)
    .await?)
}

/// The service that gives suspense back.
pub struct SuspenseRefund {
    id: String,
}

impl SuspenseRefund {
    /// The service of a definition with effect `refund_suspense`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn give_back(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let employer = employer::lock(office, tx, approved.request.applicant_id).await?;
        relief::still(&read(office, tx, approved.request).await?, &approved)?;
        let amount = wanted(
            approved.request,
            allocation::suspense(office, tx, &employer).await?.free(),
        );
        let Some(PaidBy { receipt_id, .. }) = paid_by(office, tx, &employer, amount).await? else {
            return Err(case::moved_on().into());
        };
        let payable = payable_of(office, tx, &employer).await?;
        // Not the key of the bank's refusal, which books the same event in red.
        let key = format!("{}:asked", approved.case_id);
        books::post(
            office,
            tx,
            &Booking {
                event: "E08",
                key: &key,
                case_id: Some(approved.case_id),
                branch_id: employer.branch_id,
                maker: Actor::System,
                checker: approved.reviewer,
                policy_id: 0,
                month: None,
                value_date: None,
                accounts: &[
                    (Role::Unit, employer.suspense_account_id),
                    (Role::OverContribution, payable),
                ],
                amount_fen: amount.fen(),
            },
        )
        .await?;
        sqlx::query(
            "INSERT INTO employer_refund (centre_id, refund_id, employer_id, people, amount_fen, receipt_id, state, made_at)
             VALUES ($1, $2, $3, 0, $4, $5, $6, $7)",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(employer.employer_id)
        .bind(amount.fen())
        .bind(receipt_id)
        .bind(state::PAYING)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        outbox::enqueue(
            office,
            tx,
            outbox::kind::REFUND,
            Some(approved.case_id),
            json!({ "refund": approved.case_id }),
            office.now(),
        )
        .await?;
        Ok(Carried {
            step: "from_suspense",
            detail: json!({ "amount_fen": amount.fen() }),
            done: false,
        })
    }
}

impl Service for SuspenseRefund {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        read(office, conn, request).boxed()
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
        self.give_back(office, tx, approved).boxed()
    }

    /// One living request of an employer.
    fn wish(&self, _office: &Office, _request: &Request) -> String {
        self.id.clone()
    }
}
