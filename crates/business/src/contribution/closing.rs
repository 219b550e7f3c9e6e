//! 单位注销、封存 and the holding account (集中封存户; contribution.md §2.3, §3.3). Invariant: nobody is left with an employer that is gone: who
//! is sealed goes to the centre's own account with number, balance, products and freezes, and no entry is made.

use anju_casework::books;
use anju_casework::branch;
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer, state};
use anju_casework::person::purpose;
use anju_casework::{Fault, Office, Result};
use anju_domain::calendar::Month;
use anju_ledger::account::Kind;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

use super::parties::{self, Event};
use super::relief;
use crate::policy::Rules;

/// The name of the centre's holding account.
pub const HOLDING: &str = "集中封存户";

/// Stands where others have their credit code: the holding account is no legal person.
pub(super) const NO_CODE: &str = "000000000000000000";

/// The service that closes or seals an employer.
pub struct EmployerClose {
    id: String,
}

impl EmployerClose {
    /// The service of a definition with effect `close_employer`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn close(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let employer = employer::lock(office, tx, approved.request.applicant_id).await?;
        let own = relief::own_books::read(office, tx, approved.request).await?;
        relief::still(&own, &approved)?;
        if approved.request.text("how") == Some("UNSEAL") {
            let done = unseal(office, tx, &employer).await?;
            said(office, tx, &employer, &approved, Event::Unsealed).await?;
            return Ok(done);
        }
        let people = hold(office, tx, &employer, None).await?;
        let cancels = approved.request.text("how") == Some("CANCEL");
        sqlx::query("UPDATE employer SET state = $3, list_version = list_version + 1 WHERE centre_id = $1 AND employer_id = $2")
            .bind(office.centre.id)
            .bind(employer.employer_id)
            .bind(if cancels { state::CANCELLED } else { state::SEALED })
            .execute(&mut *tx)
            .await?;
        let event = if cancels {
            Event::Cancelled
        } else {
            Event::Sealed
        };
        said(office, tx, &employer, &approved, event).await?;
        Ok(Carried {
            step: if cancels { "cancelled" } else { "sealed" },
            detail: json!({ "people_held": people }),
            done: true,
        })
    }
}

async fn said(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    approved: &Approved<'_>,
    event: Event,
) -> Result<()> {
    let (employer_id, case_id) = (employer.employer_id, approved.case_id);
    parties::say(office, tx, employer_id, case_id, event, office.today()).await
}

/// SEALED → ACTIVE. Nobody was employed meanwhile, so that the months between are no gap: the next list is this month's.
async fn unseal(office: &Office, tx: &mut PgConnection, employer: &Employer) -> Result<Carried> {
    let from = Month::of(office.today());
    sqlx::query(
        "UPDATE employer SET state = 1, paid_to_month = greatest(paid_to_month, $3 - 1), list_version = list_version + 1
          WHERE centre_id = $1 AND employer_id = $2 AND state = 3",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(from.index())
    .execute(tx)
    .await?;
    Ok(Carried {
        step: "unsealed",
        detail: json!({ "from": from.to_string() }),
        done: true,
    })
}

/// The centre's holding account, taken; opened when it is first needed.
async fn holding(office: &Office, tx: &mut PgConnection) -> Result<Employer> {
    let find = async |tx: &mut PgConnection| -> Result<Option<i64>> {
        Ok(
            sqlx::query_scalar("SELECT employer_id FROM employer WHERE centre_id = $1 AND holding")
                .bind(office.centre.id)
                .fetch_optional(tx)
                .await?,
        )
    };
    if let Some(found) = find(&mut *tx).await? {
        return employer::lock(office, tx, found).await;
    }
    // Two that need it first wait for each other here.
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(ONE_HOLDING)
        .execute(&mut *tx)
        .await?;
    if let Some(found) = find(&mut *tx).await? {
        return employer::lock(office, tx, found).await;
    }
    let head = branch::by_id(office, tx, office.centre.head_branch)
        .await?
        .ok_or_else(|| Fault::Stored("the centre has no head branch".to_owned()))?;
    let (employer_id, suspense_id) = (office.ids.next().await?, office.ids.next().await?);
    books::open_accounts(
        office,
        tx,
        Kind::UnitSuspense,
        &[suspense_id],
        &[employer_id],
    )
    .await?;
    let (ratio, _) = Rules::on(office, office.today()).ratio_limits()?;
    let first = Month::of(office.today()).index();
    sqlx::query(
        "INSERT INTO employer (centre_id, employer_id, uscc, name, kind, district, legal_representative_sealed, branch_id, bank,
                               ratio_employer_bp, ratio_employee_bp, first_month, paid_to_month, suspense_account_id, state, holding, opened_at)
         VALUES ($1, $2, $3, $4, '其他', $5, $6, $7, $8, $9, $9, $10, $10 - 1, $11, 3, TRUE, $12)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(NO_CODE)
    .bind(HOLDING)
    .bind(&head.district)
    .bind(office.vault.seal(purpose::NAME, HOLDING.as_bytes()))
    .bind(head.branch_id)
    .bind(&head.bank)
    .bind(ratio)
    .bind(first)
    .bind(suspense_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    employer::lock(office, tx, employer_id).await
}

/// Any number that nobody else takes as a lock.
const ONE_HOLDING: i64 = 0x616e_6a75_0002;

/// Moves sealed people of an employer, or these of them, to the holding account; how many.
async fn hold(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    only: Option<&[i64]>,
) -> Result<usize> {
    let memberships: Vec<i64> = sqlx::query_scalar(
        "SELECT membership_id FROM membership
          WHERE centre_id = $1 AND employer_id = $2 AND state = 2 AND ($3::bigint[] IS NULL OR membership_id = ANY ($3))
          ORDER BY membership_id
            FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(only)
    .fetch_all(&mut *tx)
    .await?;
    if memberships.is_empty() {
        return Ok(0);
    }
    let to = holding(office, tx).await?;
    sqlx::query(
        "UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(&memberships)
    .execute(&mut *tx)
    .await?;
    // The day of sealing stays: withdrawals count from it (§3.2 note b). 集中封存 is no leaving: nobody is moved twice.
    sqlx::query(
        "INSERT INTO membership (centre_id, membership_id, person_id, employer_id, account_id, state, base_fen, ratio_employer_bp,
                                 ratio_employee_bp, employer_fen, employee_fen, from_month, base_year, sealed_on, seal_reason, opened_on)
         SELECT m.centre_id, n.membership_id, m.person_id, $4, m.account_id, 2, m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp,
                m.employer_fen, m.employee_fen, m.from_month, m.base_year, m.sealed_on, '集中封存', m.opened_on
           FROM unnest($2::bigint[], $3::bigint[]) AS n (old_id, membership_id)
           JOIN membership m ON m.centre_id = $1 AND m.membership_id = n.old_id",
    )
    .bind(office.centre.id)
    .bind(&memberships)
    .bind(office.ids.take(memberships.len()).await?)
    .bind(to.employer_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id IN ($2, $3)",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .execute(tx)
    .await?;
    Ok(memberships.len())
}

/// People held in one transaction by the day's look.
const AT_ONCE: i64 = 500;

/// Who left an employer more than the policy's days ago is held by the centre. Returns how many were moved.
pub async fn hold_who_left(office: &Office) -> Result<usize> {
    let days = Rules::on(office, office.today()).int("holding_after_days")?;
    let before = office.today() - TimeDelta::days(days);
    let left: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT employer_id, membership_id FROM membership
          WHERE centre_id = $1 AND state = 2 AND seal_reason = '离职' AND sealed_on < $2
          ORDER BY sealed_on, membership_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(before)
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    let mut by_employer: std::collections::BTreeMap<i64, Vec<i64>> =
        std::collections::BTreeMap::new();
    for (employer_id, membership_id) in left {
        by_employer
            .entry(employer_id)
            .or_default()
            .push(membership_id);
    }
    let mut moved = 0;
    for (employer_id, memberships) in by_employer {
        let mut tx = office.pool.begin().await?;
        let from = employer::lock(office, &mut tx, employer_id).await?;
        moved += hold(office, &mut tx, &from, Some(&memberships)).await?;
        tx.commit().await?;
    }
    Ok(moved)
}

/// A sealed person asks to be held by the centre now (contribution.md §3.2, `to_holding`). False where there is nothing to move.
pub async fn hold_person(office: &Office, person_id: i64) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let sealed: Option<(i64, i64)> = sqlx::query_as(
        "SELECT m.employer_id, m.membership_id
           FROM membership m
           JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id AND NOT e.holding
          WHERE m.centre_id = $1 AND m.person_id = $2 AND m.state = 2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((employer_id, membership_id)) = sealed else {
        return Ok(false);
    };
    let from = employer::lock(office, &mut tx, employer_id).await?;
    let moved = hold(office, &mut tx, &from, Some(&[membership_id])).await?;
    tx.commit().await?;
    Ok(moved > 0)
}

impl Service for EmployerClose {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        relief::own_books::read(office, conn, request).boxed()
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
        self.close(office, tx, approved).boxed()
    }
}
