//! What banks have said, on its way into the database: the words of one moment with one statement.

use anju_domain::money::Fen;
use anju_ledger::journal::{Drawn, Entry};
use anju_ledger::{AccountId, Event, Role};
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

use super::settle::{Paying, PaymentReport, amount_of, bank_of, paid_detail};
use super::{event_record, legs};
use crate::{Actor, Office, Result, leaf};

/// A payment that its bank has made, on its way into the database: everything that a paid case leaves behind, guarded by the case's version.
#[derive(Clone)]
pub(crate) struct Settled {
    case_id: i64,
    version: i32,
    day: NaiveDate,
    policy_id: i32,
    branch_id: i16,
    event: Event,
    journal_id: i64,
    journal: Drawn,
    at: DateTime<Utc>,
    seq: i16,
    detail: String,
    entry: Vec<u8>,
    salt: Vec<u8>,
    notice_id: i64,
    order_id: Option<i64>,
    bank: String,
    serial: String,
    booked_on: NaiveDate,
    paid_fen: i64,
    end_to_end_id: String,
}

/// The steps of a case that is paid.
const PAID: [&str; 2] = ["paid", "done"];

impl Settled {
    pub(super) async fn draw(
        office: &Office,
        paying: &Paying,
        attempt: i16,
        end_to_end_id: &str,
        report: &PaymentReport,
    ) -> Result<Self> {
        let case = &paying.case;
        let case_id = case.case_id;
        let at = office.now();
        let amount_fen = amount_of(case)?;
        let bank = bank_of(case)?;
        let event = Event(if case.came_back { 26 } else { 22 });
        let journal = Drawn::by_table(
            &office.entries,
            event,
            &Entry {
                business_key: &format!("{case_id}:{attempt}"),
                value_date: paying.open_date,
                accounts: &[(Role::Bank, AccountId(office.bank(bank)?.deposit_id))],
                amounts: &[("amount", Fen::new(amount_fen))],
            },
        )?;
        // A notice may come before the answer: then the bank's leg began when the order was given.
        let detail = paid_detail(office, case, report, report.sent_at.or(paying.ordered_at));
        let seq = paying.next_seq;
        let leaf = leaf::commit(&event_record(
            office,
            case_id,
            Actor::System.id(),
            seq,
            at,
            &PAID,
            &detail,
        ))?;
        Ok(Self {
            case_id,
            version: case.version,
            day: paying.open_date,
            policy_id: case.policy_id,
            branch_id: case.branch_id,
            event,
            journal_id: office.ids.next().await?,
            journal,
            at,
            seq,
            detail: legs::thin(&detail).to_string(),
            entry: leaf.entry,
            salt: leaf.salt,
            notice_id: office.ids.next().await?,
            order_id: report.message,
            bank: bank.to_owned(),
            serial: report.bank_ref.clone(),
            booked_on: anju_domain::clock::shanghai_date(report.settled_at.unwrap_or(at)),
            paid_fen: -amount_fen,
            end_to_end_id: end_to_end_id.to_owned(),
        })
    }

    /// Writes it by itself.
    async fn write(&self, office: &Office, conn: &mut PgConnection) -> Result<()> {
        let journal = &self.journal;
        sqlx::query(
            "SELECT case_paid($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20::text::jsonb,
                              $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)",
        )
        .bind(office.centre.id)
        .bind(self.day)
        .bind(self.case_id)
        .bind(self.version)
        .bind(self.journal_id)
        .bind(self.event.0)
        .bind(journal.key)
        .bind(journal.digest)
        .bind(Actor::System.id())
        .bind(self.policy_id)
        .bind(self.branch_id)
        .bind(self.at)
        .bind(&journal.accounts)
        .bind(&journal.parts)
        .bind(&journal.amounts)
        .bind(&journal.value_dates)
        .bind(&journal.red)
        .bind(self.seq)
        .bind(&PAID[..])
        .bind(&self.detail)
        .bind(&self.entry)
        .bind(&self.salt)
        .bind(self.notice_id)
        .bind(json!({ "template": "paid", "case": self.case_id }))
        .bind(self.order_id)
        .bind(&self.bank)
        .bind(&self.serial)
        .bind(self.booked_on)
        .bind(self.paid_fen)
        .bind(&self.end_to_end_id)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Writes what banks have said at this moment: all of one day and event with one statement, or each alone where one of them has moved.
pub(crate) fn write_all(
    office: Office,
    settled: Vec<Settled>,
) -> BoxFuture<'static, Result<Vec<Result<()>>>> {
    async move {
        let together = write_together(&office, &settled).await;
        let mut told = Vec::with_capacity(settled.len());
        for one in &settled {
            told.push(if together.contains(&one.case_id) {
                Ok(())
            } else {
                one.write(&office, &mut *office.pool.acquire().await?).await
            });
        }
        Ok(told)
    }
    .boxed()
}

/// The cases that were written by one statement. What fails has undone itself.
async fn write_together(office: &Office, all: &[Settled]) -> Vec<i64> {
    let Some(first) = all.first() else {
        return Vec::new();
    };
    let some: Vec<&Settled> = all
        .iter()
        .filter(|one| (one.day, one.event) == (first.day, first.event))
        .collect();
    if some.len() < 2 {
        return Vec::new();
    }
    macro_rules! column {
        ($one:ident => $value:expr) => {
            some.iter().map(|$one| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! lines {
        ($field:ident) => {
            some.iter()
                .flat_map(|one| one.journal.$field.iter().copied())
                .collect::<Vec<_>>()
        };
    }
    let journals_of_lines: Vec<i64> = some
        .iter()
        .flat_map(|one| one.journal.accounts.iter().map(|_| one.journal_id))
        .collect();
    let written = sqlx::query(
        "SELECT cases_paid_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                                    $22, $23, $24, $25, $26, $27, $28, $29, $30)",
    )
    .bind(office.centre.id)
    .bind(first.day)
    .bind(first.event.0)
    .bind(Actor::System.id())
    .bind(&PAID[..])
    .bind(column!(one => one.case_id))
    .bind(column!(one => one.version))
    .bind(column!(one => one.journal_id))
    .bind(column!(one => one.journal.key))
    .bind(column!(one => one.journal.digest))
    .bind(column!(one => one.policy_id))
    .bind(column!(one => one.branch_id))
    .bind(column!(one => one.at))
    .bind(journals_of_lines)
    .bind(lines!(accounts))
    .bind(lines!(parts))
    .bind(lines!(amounts))
    .bind(lines!(value_dates))
    .bind(lines!(red))
    .bind(column!(one => one.seq))
    .bind(column!(one => one.detail.as_str()))
    .bind(column!(one => one.entry.as_slice()))
    .bind(column!(one => one.salt.as_slice()))
    .bind(column!(one => one.notice_id))
    .bind(some.iter().filter_map(|one| one.order_id).collect::<Vec<_>>())
    .bind(column!(one => one.bank.as_str()))
    .bind(column!(one => one.serial.as_str()))
    .bind(column!(one => one.booked_on))
    .bind(column!(one => one.paid_fen))
    .bind(column!(one => one.end_to_end_id.as_str()))
    .execute(&office.pool)
    .await;
    match written {
        Ok(_) => column!(one => one.case_id),
        Err(error) => {
            tracing::debug!(%error, "payments are settled each alone");
            Vec::new()
        }
    }
}
