//! The agreement (缴存协议): its states, and what our own books know of it for the rules.

use anju_casework::catalogue::{OwnBooks, Request};
use anju_casework::{Actor, Office, Result, case};
use anju_domain::calendar::{Month, add_months};
use anju_domain::id_number::IdNumber;
use anju_policy::fact::Fact;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::withdrawal::own_books;

/// States of an agreement.
pub mod state {
    /// 已签约: no money has come yet.
    pub const AGREED: i16 = 1;
    /// 正常缴存.
    pub const ACTIVE: i16 = 2;
    /// 已封存.
    pub const SEALED: i16 = 3;
    /// 已终止.
    pub const ENDED: i16 = 9;
}

/// Plans.
pub mod plan {
    /// 按月缴存.
    pub const MONTHLY: i16 = 1;
    /// 自由缴存.
    pub const LUMP: i16 = 2;
}

/// 缴存协议.
#[derive(Debug, Clone, FromRow)]
pub struct Agreement {
    /// Identifier, also of the case that signed it.
    pub agreement_id: i64,
    /// Whose.
    pub person_id: i64,
    /// The virtual employer.
    pub employer_id: i64,
    /// The account.
    pub account_id: i64,
    /// The membership.
    pub membership_id: i64,
    /// See [`plan`].
    pub plan: i16,
    /// Fen of a month.
    pub amount_fen: i64,
    /// Day of the debit.
    pub day: i16,
    /// See [`state`].
    pub state: i16,
    /// Why it is sealed.
    pub reason: Option<String>,
    /// When the next list is made.
    pub next_on: Option<NaiveDate>,
    /// Month in which the amount was last changed, as an index.
    pub changed_month: Option<i32>,
    /// Signed.
    pub signed_at: DateTime<Utc>,
    /// The virtual employer's branch.
    pub branch_id: i16,
    /// Its bank.
    pub bank: String,
}

/// The agreement that lives; one whose account has gone to an employer lives no more.
pub(super) async fn live(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
) -> Result<Option<Agreement>> {
    Ok(sqlx::query_as(
        "SELECT a.agreement_id, a.person_id, a.employer_id, a.account_id, a.membership_id, a.plan, a.amount_fen, a.day, a.state, a.reason,
                a.next_on, a.changed_month, a.signed_at, e.branch_id, e.bank
           FROM flexible_agreement a
           JOIN membership m ON m.centre_id = a.centre_id AND m.membership_id = a.membership_id AND m.employer_id = a.employer_id AND m.state <> 9
           JOIN employer e ON e.centre_id = a.centre_id AND e.employer_id = a.employer_id
          WHERE a.centre_id = $1 AND a.person_id = $2 AND a.state <> 9",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(conn)
    .await?)
}

/// A person's living agreement.
pub async fn of_person(office: &Office, person_id: i64) -> Result<Option<Agreement>> {
    let mut conn = office.pool.acquire().await?;
    live(office, &mut conn, person_id).await
}

/// Our own books for the rules of both services: those of every person, and the agreement.
pub(super) async fn own(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
) -> Result<OwnBooks> {
    let mut own = own_books::read(office, conn, request).await?;
    let agreement = live(office, conn, request.applicant_id).await?;
    let branch_id = own
        .membership
        .as_ref()
        .map_or(office.centre.head_branch, |one| one.branch_id);
    let region: String =
        sqlx::query_scalar("SELECT district FROM branch WHERE centre_id = $1 AND branch_id = $2")
            .bind(office.centre.id)
            .bind(branch_id)
            .fetch_one(conn)
            .await?;
    let now = office.now();
    let person = own.person.as_ref();
    let value = json!({
        "state": agreement.as_ref().map_or("none", |one| match one.state {
            state::AGREED => "agreed",
            state::ACTIVE => "active",
            _ => "sealed",
        }),
        "amount_changed": agreement.as_ref().is_some_and(|one| one.changed_month == Some(Month::of(office.today()).index())),
        "born_on": person.map(|person| person.id_number.birth()),
        "retires_on": person.map(|person| retires_on(&person.id_number)),
        "region": region,
    });
    let agreement = Fact::own(now, "applicant", "本人", "own.flexible", Some(value));
    own.facts.push(agreement);
    Ok(own)
}

/// 法定退休日 of who works for himself: men at 60, women at 55, later by a month for each four months born after January 1965 or 1970, at
/// most 36 (全国人大常委会关于实施渐进式延迟法定退休年龄的决定, 2025).
pub(super) fn retires_on(id: &IdNumber) -> NaiveDate {
    let birth = id.birth();
    let (years, base) = if id.is_female() {
        (55, 1970)
    } else {
        (60, 1965)
    };
    let born = birth.year() * 12 + i32::try_from(birth.month0()).unwrap_or(0);
    let after = born - base * 12;
    let delay = if after < 0 {
        0
    } else {
        (after / 4 + 1).min(36)
    };
    add_months(birth, years * 12 + delay)
}

/// The first money makes an agreement active, in the transaction of its allocation.
pub(crate) async fn first_money(
    office: &Office,
    tx: &mut PgConnection,
    remittance_id: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE flexible_agreement a SET state = 2
           FROM remittance_line l
          WHERE l.centre_id = $1 AND l.remittance_id = $2
            AND a.centre_id = $1 AND a.person_id = l.person_id AND a.account_id = l.account_id AND a.state = 1",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Lists of people that could not be collected are given up: nobody owes them (no arrears, no back payment).
pub(crate) async fn given_up(office: &Office, tx: &mut PgConnection, lists: &[i64]) -> Result<()> {
    let cancelled: Vec<i64> = sqlx::query_scalar(
        "UPDATE remittance SET state = 4
          WHERE centre_id = $1 AND remittance_id = ANY ($2) AND kind = 3 AND state = 1 AND received_fen = 0 AND NOT collecting
            AND collect_on IS NULL
         RETURNING remittance_id",
    )
    .bind(office.centre.id)
    .bind(lists)
    .fetch_all(&mut *tx)
    .await?;
    let told: Vec<(i64, Value)> = cancelled.into_iter().map(|id| (id, json!({}))).collect();
    if told.is_empty() {
        return Ok(());
    }
    let steps = ["given_up", "withdrawn"];
    case::end_many(
        office,
        tx,
        case::CaseState::Withdrawn,
        Actor::System,
        &steps,
        &told,
    )
    .await
}

/// Whose contract was suspended contributes no more until he says so: agreement and account are sealed.
pub(crate) async fn seal_suspended(
    office: &Office,
    tx: &mut PgConnection,
    mandates: &[i64],
) -> Result<()> {
    sqlx::query(
        "WITH sealed AS (
             UPDATE flexible_agreement a SET state = 3, next_on = NULL, reason = '连续扣款失败'
               FROM debit_mandate m
              WHERE m.centre_id = $1 AND m.mandate_id = ANY ($2) AND m.payer_kind = 2
                AND a.centre_id = $1 AND a.person_id = m.payer_id AND a.state IN (1, 2)
             RETURNING a.membership_id, a.employer_id)
         UPDATE membership m SET state = 2, sealed_on = $3, seal_reason = '连续扣款失败'
           FROM sealed WHERE m.centre_id = $1 AND m.membership_id = sealed.membership_id
            AND m.employer_id = sealed.employer_id AND m.state = 1",
    )
    .bind(office.centre.id)
    .bind(mandates)
    .bind(office.today())
    .execute(tx)
    .await?;
    Ok(())
}
