//! Lists of one line: a month's by card debit, made for everybody whose day has come at once, and single payments.

use anju_casework::{Actor, Office, Result, case};
use anju_domain::calendar::Month;
use anju_ledger::command;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use crate::contribution::remittance::{PayMethod, kind, reference};
use crate::policy::Rules;

/// The service under which a list stands in the books of cases; its applicant is the virtual employer.
const SERVICE: &str = "flexible-contributor-open";

/// A list before it has a number.
#[derive(Debug, FromRow)]
pub(super) struct Wanted {
    pub(super) person_id: i64,
    pub(super) employer_id: i64,
    pub(super) branch_id: i16,
    pub(super) account_id: i64,
    pub(super) amount_fen: i64,
    /// Where its money comes to.
    pub(super) bank: String,
    pub(super) mandate_id: Option<i64>,
}

#[derive(FromRow)]
struct Due {
    agreement_id: i64,
    day: i16,
    #[sqlx(flatten)]
    wanted: Wanted,
}

/// A contribution as its owner sees it.
#[derive(Debug, FromRow)]
pub struct List {
    /// 缴款码.
    pub reference: String,
    /// Where its money comes to.
    pub bank: String,
    /// Fen.
    pub amount_fen: i64,
    /// See [`crate::contribution::remittance::state`].
    pub state: i16,
    /// Paid by a debit of the card.
    pub by_debit: bool,
    /// An order lives.
    pub collecting: bool,
    /// When the next order is made.
    pub collect_on: Option<NaiveDate>,
    /// Why the last order failed.
    pub failed: Option<String>,
    /// When it was made.
    pub registered_at: DateTime<Utc>,
}

/// The contributions of an account by himself, newest first.
pub async fn lists(office: &Office, account_id: i64, limit: i64) -> Result<Vec<List>> {
    Ok(sqlx::query_as(
        "SELECT r.reference, r.bank, r.amount_fen, r.state, r.pay_method = 2 AS by_debit, r.collecting, r.collect_on, r.registered_at,
                (SELECT o.reason FROM debit_order o
                  WHERE o.centre_id = $1 AND o.remittance_id = r.remittance_id ORDER BY o.order_id DESC LIMIT 1) AS failed
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.kind = 3
          WHERE l.centre_id = $1 AND l.account_id = $2
          ORDER BY l.month DESC, r.remittance_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Agreements that one transaction turns into lists.
const ROUND: i64 = 1_000;

/// Makes the lists of every monthly agreement whose day has come; they are collected by their contracts. Returns how many.
pub async fn build(office: &Office) -> Result<usize> {
    let mut built = 0;
    loop {
        let today = office.today();
        let mut tx = office.pool.begin().await?;
        let due: Vec<Due> = sqlx::query_as(
            "SELECT a.agreement_id, a.day, a.person_id, a.employer_id, e.branch_id, a.account_id, a.amount_fen, d.bank, d.mandate_id
               FROM flexible_agreement a
               JOIN membership m ON m.centre_id = a.centre_id AND m.membership_id = a.membership_id
                AND m.employer_id = a.employer_id AND m.state = 1
               JOIN debit_mandate d ON d.centre_id = a.centre_id AND d.payer_id = a.person_id AND d.state = 2
               JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id
              WHERE a.centre_id = $1 AND a.next_on <= $2 AND a.state IN (1, 2)
              ORDER BY a.next_on, a.agreement_id
              LIMIT $3
                FOR NO KEY UPDATE OF a SKIP LOCKED",
        )
        .bind(office.centre.id)
        .bind(today)
        .bind(ROUND)
        .fetch_all(&mut *tx)
        .await?;
        if due.is_empty() {
            return Ok(built);
        }
        built += due.len();
        let next: Vec<NaiveDate> = due.iter().map(|one| next_month(today, one.day)).collect();
        let agreements: Vec<i64> = due.iter().map(|one| one.agreement_id).collect();
        let wanted: Vec<Wanted> = due.into_iter().map(|one| one.wanted).collect();
        write(office, &mut tx, &wanted, PayMethod::Debit, Some(today)).await?;
        sqlx::query(
            "UPDATE flexible_agreement a SET next_on = t.next_on
               FROM unnest($2::bigint[], $3::date[]) AS t (agreement_id, next_on)
              WHERE a.centre_id = $1 AND a.agreement_id = t.agreement_id",
        )
        .bind(office.centre.id)
        .bind(agreements)
        .bind(next)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
    }
}

/// The day of the debit in the next month.
fn next_month(today: NaiveDate, day: i16) -> NaiveDate {
    Month::of(today)
        .plus(1)
        .day_clamped(u32::from(day.unsigned_abs()))
}

/// Writes lists of one line each with their cases. Returns their numbers, in order.
pub(super) async fn write(
    office: &Office,
    tx: &mut PgConnection,
    wanted: &[Wanted],
    pay: PayMethod,
    collect_on: Option<NaiveDate>,
) -> Result<Vec<i64>> {
    let today = office.today();
    let month = Month::of(today);
    let expires = today + TimeDelta::days(Rules::on(office, today).int("list_expire_days")?);
    let ids = office.ids.take(wanted.len()).await?;
    let codes: Vec<String> = ids.iter().map(|id| reference(office, month, *id)).collect();
    let digests: Vec<Vec<u8>> = wanted
        .iter()
        .map(|one| {
            let line = format!("{}:{month}:{};", one.account_id, one.amount_fen);
            command::digest(line.as_bytes()).as_bytes().to_vec()
        })
        .collect();
    let column = |value: fn(&Wanted) -> i64| wanted.iter().map(value).collect::<Vec<_>>();
    sqlx::query(
        "WITH list AS MATERIALIZED (
             SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
                                  $9::bytea[], $10::bigint[])
                        AS t (remittance_id, employer_id, person_id, account_id, amount_fen, bank, reference, digest, mandate_id)),
         head AS (
             INSERT INTO remittance (centre_id, remittance_id, employer_id, month, state, reference, bank, people, amount_fen, due_on,
                                     expires_on, digest, registered_at, registered_by, kind, pay_method, mandate_id, collect_on)
             SELECT $1, remittance_id, employer_id, $11, 1, reference, bank, 1, amount_fen, $12, $12, digest, $13, $14, $15, $16,
                    mandate_id, $17
               FROM list)
         INSERT INTO remittance_line (centre_id, remittance_id, account_id, person_id, month, base_fen, employer_fen, employee_fen)
         SELECT $1, remittance_id, account_id, person_id, $11, amount_fen, 0, amount_fen FROM list",
    )
    .bind(office.centre.id)
    .bind(&ids)
    .bind(column(|one| one.employer_id))
    .bind(column(|one| one.person_id))
    .bind(column(|one| one.account_id))
    .bind(column(|one| one.amount_fen))
    .bind(wanted.iter().map(|one| one.bank.as_str()).collect::<Vec<_>>())
    .bind(&codes)
    .bind(&digests)
    .bind(wanted.iter().map(|one| one.mandate_id).collect::<Vec<_>>())
    .bind(month.index())
    .bind(expires)
    .bind(office.now())
    .bind(Actor::System.id())
    .bind(kind::FLEXIBLE)
    .bind(pay.code())
    .bind(collect_on)
    .execute(&mut *tx)
    .await?;
    let cases: Vec<case::BegunOfMany> = wanted
        .iter()
        .zip(&ids)
        .map(|(one, id)| case::BegunOfMany {
            case_id: *id,
            wish: format!("{SERVICE}:{id}"),
            applicant_id: one.employer_id,
            branch_id: one.branch_id,
            amount_fen: one.amount_fen,
            detail: json!({ "amount_fen": one.amount_fen, "month": month.to_string() }),
        })
        .collect();
    let promised = anju_domain::clock::end_of_day(expires);
    case::begin_many(office, tx, SERVICE, promised, &cases).await?;
    Ok(ids)
}
