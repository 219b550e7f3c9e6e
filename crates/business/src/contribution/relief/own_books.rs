//! What our own books know of an employer that asks for something, as one fact of source `own`.

use anju_casework::catalogue::{OwnBooks, Request};
use anju_casework::employer::{self, Employer};
use anju_casework::{Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::contribution::due_date;
use anju_domain::uscc::Uscc;
use anju_policy::fact::{Fact, FactState};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::policy::Rules;

/// What one query brings beside the employer's row.
#[derive(FromRow)]
struct Read {
    active: i64,
    members: i64,
    base_fen: i64,
    monthly_fen: i64,
    open_lists: i64,
    contributed: i64,
    suspense_fen: i64,
    deferred_to: Option<i32>,
    deferred_unpaid_fen: i64,
    reduced: bool,
}

/// Reads our own books for a request of an employer.
pub async fn read(office: &Office, conn: &mut PgConnection, request: &Request) -> Result<OwnBooks> {
    let employer = employer::get(office, &mut *conn, request.applicant_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这个单位"))?;
    let read: Read = sqlx::query_as(
        "SELECT m.active, m.members, m.base_fen, m.monthly_fen, r.open_lists, r.contributed,
                (SELECT a.balance_fen FROM ledger_account a WHERE a.centre_id = $1 AND a.account_id = $3) AS suspense_fen,
                g.deferred_to, g.reduced, g.deferred_unpaid_fen
           FROM (SELECT count(*) FILTER (WHERE state = 1) AS active, count(*) AS members,
                        coalesce(avg(base_fen) FILTER (WHERE state = 1), 0)::bigint AS base_fen,
                        coalesce(sum(employer_fen + employee_fen) FILTER (WHERE state = 1), 0)::bigint AS monthly_fen
                   FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2)) AS m,
                (SELECT count(*) FILTER (WHERE state IN (1, 2)) AS open_lists,
                        count(*) FILTER (WHERE state = 3 AND kind = 1) AS contributed
                   FROM remittance WHERE centre_id = $1 AND employer_id = $2) AS r,
                (SELECT max(to_month) FILTER (WHERE kind = 1 AND state IN (0, 1)) AS deferred_to,
                        coalesce(bool_or(kind = 2 AND state IN (0, 1)), FALSE) AS reduced,
                        coalesce(sum((SELECT sum(d.employer_fen + d.employee_fen) FROM deferred_month d
                                       WHERE d.centre_id = $1 AND d.arrangement_id = a.arrangement_id AND d.paid_by IS NULL)
                                    ) FILTER (WHERE kind = 1), 0)::bigint AS deferred_unpaid_fen
                   FROM arrangement a WHERE centre_id = $1 AND employer_id = $2) AS g",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(employer.suspense_account_id)
    .fetch_one(conn)
    .await?;
    let value = value(office, &employer, &read)?;
    let fact = Fact::own(
        office.now(),
        "employer",
        "本单位",
        "own.employer",
        Some(value),
    );
    Ok(OwnBooks {
        facts: vec![fact],
        employer: Some(employer),
        ..OwnBooks::default()
    })
}

/// The same with the resolution: nobody knows of one until its number is handed in (待补正).
pub(super) async fn with_resolution(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
) -> Result<OwnBooks> {
    let mut own = read(office, conn, request).await?;
    let given = request.text("resolution_no").is_some();
    let value = given.then(|| json!({ "given": true }));
    let mut fact = Fact::own(office.now(), "employer", "本单位", "own.resolution", value);
    if !given {
        fact.state = FactState::Unknown;
    }
    own.facts.push(fact);
    Ok(own)
}

fn value(office: &Office, employer: &Employer, read: &Read) -> Result<Value> {
    let deferred_to = read.deferred_to.map(Month::from_index);
    Ok(json!({
        "state": match employer.state {
            employer::state::ACTIVE => "active",
            employer::state::DEFERRED => "deferred",
            employer::state::SEALED => "sealed",
            _ => "cancelled",
        },
        "kind": employer.kind,
        "institution": Uscc::parse(&employer.uscc).is_ok_and(|uscc| uscc.is_institution()),
        "paid_to_month": Month::from_index(employer.paid_to_month).to_string(),
        "next_month": employer.next_month().to_string(),
        "people": read.active,
        "average_base_fen": read.base_fen,
        "monthly_fen": read.monthly_fen,
        "ratio_bp": employer.ratio_employer_bp,
        "open_lists": read.open_lists,
        "deferred_to_month": deferred_to.map(|month| month.to_string()),
        "deferred_until": deferred_to.map(Month::last_day),
        "deferred_unpaid_fen": read.deferred_unpaid_fen,
        "reduced": read.reduced,
        "active_members": read.active,
        "members": read.members,
        "suspense_fen": read.suspense_fen,
        "arrears_months": if read.active == 0 { 0 } else { arrears(office, employer)? },
        "contributed_months": read.contributed,
    }))
}

/// Months that are due, not paid and not deferred (contribution.md §15).
fn arrears(office: &Office, employer: &Employer) -> Result<i32> {
    let today = office.today();
    let payday = employer.payday.and_then(|day| u32::try_from(day).ok());
    let (mut month, mut count) = (employer.next_month(), 0);
    while month.first_day() <= today {
        let days = Rules::on(office, month.first_day()).days("remit_due_days")?;
        if due_date(month, payday, days, &office.holidays()) >= today {
            break;
        }
        count += 1;
        month = employer.month_after(month);
    }
    Ok(count)
}
