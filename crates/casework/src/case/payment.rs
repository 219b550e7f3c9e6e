//! From a decision to the money: what a payment writes is drawn in memory and booked by one statement, new cases together with whatever else
//! arrives at this moment.

use anju_ledger::command::key_uuid;
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::decide::{Decided, Target, detail, kept_text};
use super::row::seal_form;
use super::subsidy::Taken;
use super::{event_record, legs, number};
use crate::catalogue::{Effect, EventUse};
use crate::{Actor, Fault, Office, Result, leaf};

/// Subject and account of the withdrawals that are paid out (提取待付 21904).
pub(super) const WITHDRAWAL_PAYABLE: i64 = 21904;

/// A payment on its way into the database.
#[derive(Clone)]
pub(crate) struct Payment {
    pub(super) case_id: i64,
    /// Of a case that is not in the database yet.
    opened: Option<Opened>,
    /// The case's version as it was read; 0 for a new one.
    version: i32,
    key: Uuid,
    digest: Uuid,
    journal_id: i64,
    order_id: i64,
    actor_id: i64,
    checker: Option<i64>,
    policy_id: i32,
    branch_id: i16,
    at: DateTime<Utc>,
    /// The business day as it was read.
    day: NaiveDate,
    account_id: i64,
    account_version: i32,
    amount_fen: i64,
    bank: String,
    applicant_id: i64,
    decision: String,
    seq: i16,
    steps: &'static [&'static str],
    detail: String,
    event: EventUse,
    entry: Vec<u8>,
    salt: Vec<u8>,
    /// What comes from the housing subsidy's account; then account and amount above are what the first journal takes.
    subsidy: Option<Taken>,
}

/// What a new case says of itself.
#[derive(Clone)]
struct Opened {
    submitted_at: DateTime<Utc>,
    promised_at: DateTime<Utc>,
    served_by: Option<i64>,
    service: String,
    wish: String,
    channel: String,
    form: String,
}

impl Payment {
    pub(super) async fn draw(
        office: &Office,
        target: &Target<'_>,
        decided: &Decided<'_>,
        actor: Actor,
        reviewed: Option<(i64, &str)>,
    ) -> Result<Self> {
        let request = decided.request;
        let Effect::PayOut {
            amount_fen,
            subsidy_fen,
            bank,
            event,
        } = office
            .catalogue
            .find(&request.service)?
            .effect(
                office,
                request,
                decided.facts,
                decided.decision,
                decided.own,
            )
            .await?;
        let account = decided
            .own
            .account
            .as_ref()
            .ok_or_else(|| Fault::Stored("an approved payment has no account".to_owned()))?;
        let case_id = target.case_id();
        let (opened, version, seq, key, digest, branch_id) = match target {
            Target::New(submission, wish) => {
                let opened = Opened {
                    submitted_at: submission.tapped_at,
                    promised_at: submission.promised_at,
                    served_by: submission.served_by,
                    service: request.service.clone(),
                    wish: (*wish).to_owned(),
                    channel: request.channel.clone(),
                    form: seal_form(office, &request.form).to_string(),
                };
                let (key, digest) = (submission.key, submission.digest);
                (Some(opened), 0, 1, key, digest, submission.branch_id)
            }
            Target::Open(case, seq) => {
                let key = key_uuid(&format!("E21:{}:{case_id}", office.centre.id));
                (None, case.version, *seq, key, key, case.branch_id)
            }
        };
        let steps: &[&str] = match target {
            Target::New(..) => &["submitted", "decided", "approved", "executing"],
            Target::Open(..) => &["decided", "approved", "executing"],
        };
        let at = office.now();
        let journal_id = office.ids.next().await?;
        let mut detail = detail(decided);
        detail["journal"] = number(office, journal_id).into();
        let subsidy = match (subsidy_fen, &decided.own.subsidy) {
            (0, _) => None,
            (part, Some(subsidy)) => {
                Some(Taken::draw(office, case_id, account, subsidy, part, amount_fen).await?)
            }
            (_, None) => {
                let fault = "a payment takes a subsidy's account that is not there";
                return Err(Fault::Stored(fault.to_owned()).into());
            }
        };
        // Where the fund's account gives nothing the only journal is the subsidy's.
        let (account, amount_fen) = match (&subsidy, &decided.own.subsidy) {
            (Some(taken), Some(subsidy)) if taken.journal_id.is_none() => (subsidy, amount_fen),
            (Some(taken), _) => (account, taken.of_fund_fen()),
            (None, _) => (account, amount_fen),
        };
        if let Some(journal_id) = subsidy.as_ref().and_then(|taken| taken.journal_id) {
            detail["subsidy_journal"] = number(office, journal_id).into();
        }
        let leaf = leaf::commit(&event_record(
            office,
            case_id,
            actor.id(),
            seq,
            at,
            steps,
            &detail,
        ))?;
        Ok(Self {
            case_id,
            opened,
            version,
            key,
            digest,
            journal_id,
            order_id: office.ids.next().await?,
            actor_id: actor.id(),
            checker: reviewed.map(|(checker, _)| checker),
            policy_id: decided.policy.id,
            branch_id,
            at,
            day: account.open_date,
            account_id: account.account_id,
            account_version: account.version,
            amount_fen,
            bank,
            applicant_id: request.applicant_id,
            decision: kept_text(decided, reviewed.map(|(_, reason)| reason))?,
            seq,
            steps,
            detail: legs::thin(&detail).to_string(),
            event,
            entry: leaf.entry,
            salt: leaf.salt,
            subsidy,
        })
    }

    /// Books it by itself, with what comes from the housing subsidy's account.
    pub(super) async fn book(&self, office: &Office, conn: &mut PgConnection) -> Result<()> {
        let Some(subsidy) = &self.subsidy else {
            return self.execute(office, conn).await;
        };
        let mut tx = conn.begin().await?;
        self.execute(office, &mut tx).await?;
        subsidy
            .book(
                office,
                &mut tx,
                self.case_id,
                self.day,
                self.actor_id,
                self.checker,
                self.at,
                WITHDRAWAL_PAYABLE,
            )
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn execute(&self, office: &Office, conn: &mut PgConnection) -> Result<()> {
        let opened = self.opened.as_ref().map(|opened| {
            json!({
                "submitted_at": opened.submitted_at,
                "promised_at": opened.promised_at,
                "served_by": opened.served_by,
                "service": opened.service,
                "wish": opened.wish,
                "channel": opened.channel,
            })
        });
        sqlx::query(
            "SELECT case_execute($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                                 $18::jsonb || jsonb_build_object('form', $34::text::jsonb), $19::text::jsonb, $20, $21, $22,
                                 $23::text::jsonb, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)",
        )
        .bind(office.centre.id)
        .bind(self.day)
        .bind(self.case_id)
        .bind(self.version)
        .bind(self.key)
        .bind(self.digest)
        .bind(self.journal_id)
        .bind(self.actor_id)
        .bind(self.checker)
        .bind(self.policy_id)
        .bind(self.branch_id)
        .bind(self.at)
        .bind(self.account_id)
        .bind(self.account_version)
        .bind(self.amount_fen)
        .bind(WITHDRAWAL_PAYABLE)
        .bind(&self.bank)
        .bind(opened)
        .bind(&self.decision)
        .bind(self.seq)
        .bind(self.actor_id)
        .bind(self.steps)
        .bind(&self.detail)
        .bind(&self.event.kind)
        .bind(&self.event.event_key)
        .bind(self.event.event_version)
        .bind(&self.event.months)
        .bind(&self.event.amounts)
        .bind(self.applicant_id)
        .bind(self.order_id)
        .bind(json!({ "case": self.case_id, "attempt": 1 }))
        .bind(&self.entry)
        .bind(&self.salt)
        .bind(self.opened.as_ref().map(|opened| opened.form.as_str()))
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Books new cases that arrived together; each that does not go through with the others is booked alone.
pub(crate) fn book_all(
    office: Office,
    payments: Vec<Payment>,
) -> BoxFuture<'static, Result<Vec<Result<()>>>> {
    async move {
        let booked = book_together(&office, &payments).await;
        let mut told = Vec::with_capacity(payments.len());
        for payment in &payments {
            told.push(if booked.contains(&payment.journal_id) {
                Ok(())
            } else {
                payment
                    .book(&office, &mut *office.pool.acquire().await?)
                    .await
            });
        }
        Ok(told)
    }
    .boxed()
}

/// The journals that were booked by one statement. What fails has undone itself.
async fn book_together(office: &Office, all: &[Payment]) -> Vec<i64> {
    let Some(first) = all.first() else {
        return Vec::new();
    };
    // Those of another day or policy meet the others at midnight only.
    let some: Vec<(&Payment, &Opened)> = all
        .iter()
        .filter(|one| (one.day, one.policy_id) == (first.day, first.policy_id))
        .filter(|one| one.subsidy.is_none())
        .filter_map(|one| Some((one, one.opened.as_ref()?)))
        .collect();
    if some.len() < 2 {
        return Vec::new();
    }
    macro_rules! column {
        ($one:ident => $value:expr) => {
            some.iter().map(|($one, _)| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! opened {
        ($one:ident => $value:expr) => {
            some.iter().map(|(_, $one)| $value).collect::<Vec<_>>()
        };
    }
    let booked = sqlx::query_scalar(
        "SELECT cases_execute_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                                       $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)",
    )
    .bind(office.centre.id)
    .bind(first.day)
    .bind(first.policy_id)
    .bind(WITHDRAWAL_PAYABLE)
    .bind(first.steps)
    .bind(column!(one => one.case_id))
    .bind(column!(one => one.key))
    .bind(column!(one => one.digest))
    .bind(column!(one => one.journal_id))
    .bind(column!(one => one.actor_id))
    .bind(column!(one => one.branch_id))
    .bind(column!(one => one.at))
    .bind(column!(one => one.account_id))
    .bind(column!(one => one.account_version))
    .bind(column!(one => one.amount_fen))
    .bind(column!(one => one.bank.as_str()))
    .bind(column!(one => one.applicant_id))
    .bind(opened!(one => one.submitted_at))
    .bind(opened!(one => one.promised_at))
    .bind(opened!(one => one.served_by))
    .bind(opened!(one => one.service.as_str()))
    .bind(opened!(one => one.wish.as_str()))
    .bind(opened!(one => one.channel.as_str()))
    .bind(opened!(one => one.form.as_str()))
    .bind(column!(one => one.decision.as_str()))
    .bind(column!(one => one.detail.as_str()))
    .bind(column!(one => one.event.kind.as_str()))
    .bind(column!(one => one.event.event_key.as_deref()))
    .bind(column!(one => one.event.event_version))
    .bind(column!(one => array_text(&one.event.months)))
    .bind(column!(one => array_text(&one.event.amounts)))
    .bind(column!(one => one.order_id))
    .bind(column!(one => one.entry.as_slice()))
    .bind(column!(one => one.salt.as_slice()))
    .fetch_one(&office.pool)
    .await;
    booked.unwrap_or_else(|error| {
        tracing::debug!(%error, "new cases are booked each alone");
        Vec::new()
    })
}

/// An array as PostgreSQL reads it: lists of different lengths do not go into an array of arrays.
fn array_text(numbers: &[impl ToString]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}
