//! 降低缴存比例: a ratio of some months. It begins with its first month's list and returns with the list after its last, whenever those are
//! registered: months are paid in order, not by the calendar.

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Fault, Office, Result, case};
use anju_domain::calendar::Month;
use anju_domain::contribution::{Ratios, Sides, monthly};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_policy::Facts;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Arrangement, count, first_month, kind, own_books, state, unmoved};
use crate::contribution::changes;
use crate::contribution::remittance::Remittance;
use crate::contribution::upload::roster_policy;
use crate::policy::Rules;

/// The service of lower ratios.
pub struct Reduction {
    id: String,
}

impl Reduction {
    /// The service of a definition with effect `reduce_ratio`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn start(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let request = approved.request;
        let employer = employer::lock(office, tx, request.applicant_id).await?;
        unmoved(office, tx, &approved).await?;
        let missing = || Fault::Stored("an approved reduction without ratio or months".to_owned());
        let ratio = ratio(request).ok_or_else(missing)?;
        let months = count(request, "months").ok_or_else(missing)?;
        let from = first_month(office, request, employer.next_month());
        let to = from.plus(months - 1);
        let members = members(office, tx, &employer).await?;
        let relief = relief(office, &employer, from, &bases(&members), ratio)?;
        let policy = Rules::on(office, office.today()).text("phase_policy")?;
        sqlx::query(
            "INSERT INTO arrangement (centre_id, arrangement_id, employer_id, branch_id, kind, policy, state, from_month, to_month, drawn_to,
                                      people, monthly_fen, ratio_bp, before_employer_bp, before_employee_bp, approved_at)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $7 - 1, $9, $10, $11, $12, $13, $14)",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(employer.employer_id)
        .bind(employer.branch_id)
        .bind(kind::REDUCTION)
        .bind(if request.text("ground") == Some("PHASE") { policy.as_str() } else { "none" })
        .bind(from.index())
        .bind(to.index())
        .bind(i32::try_from(members.len()).unwrap_or(i32::MAX))
        .bind(relief.fen())
        .bind(ratio)
        .bind(employer.ratio_employer_bp)
        .bind(employer.ratio_employee_bp)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        follow(office, tx, employer.employer_id).await?;
        Ok(Carried {
            step: "reduced",
            detail: json!({
                "from": from.to_string(), "to": to.to_string(), "ratio_bp": ratio, "before_bp": employer.ratio_employer_bp,
                "people": members.len(), "monthly_fen": relief.fen(),
            }),
            done: true,
        })
    }
}

fn ratio(request: &Request) -> Option<i32> {
    request
        .form
        .get("ratio_bp")
        .and_then(Value::as_i64)
        .and_then(|bp| i32::try_from(bp).ok())
}

/// What a lower ratio would come to, before anything is asked for.
pub struct Preview {
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// People who contribute now.
    pub people: usize,
    /// What a month costs less.
    pub monthly: Fen,
    /// The ratio that returns.
    pub before: Bp,
    /// During it.
    pub during: Bp,
}

/// See [`Preview`]; none where the form has no ratio or months.
pub async fn preview(office: &Office, request: &Request) -> Result<Option<Preview>> {
    let employer = employer::require(office, request.applicant_id).await?;
    let (Some(ratio), Some(months)) = (ratio(request), count(request, "months")) else {
        return Ok(None);
    };
    let mut conn = office.pool.acquire().await?;
    let members = members(office, &mut conn, &employer).await?;
    let from = first_month(office, request, employer.next_month());
    Ok(Some(Preview {
        from,
        to: from.plus(months - 1),
        people: members.len(),
        monthly: relief(office, &employer, from, &bases(&members), ratio)?,
        before: Bp::new(employer.ratio_employer_bp),
        during: Bp::new(ratio),
    }))
}

type Member = (i64, i64);

fn bases(members: &[Member]) -> Vec<Fen> {
    members.iter().map(|(_, base)| Fen::new(*base)).collect()
}

/// Memberships that contribute, with their bases.
async fn members(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
) -> Result<Vec<Member>> {
    Ok(sqlx::query_as(
        "SELECT membership_id, base_fen FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state = 1 ORDER BY membership_id",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .fetch_all(conn)
    .await?)
}

/// What a month of these bases costs less.
fn relief(
    office: &Office,
    employer: &Employer,
    month: Month,
    bases: &[Fen],
    ratio_bp: i32,
) -> Result<Fen> {
    let rounding = roster_policy(office, employer, month)?.rounding;
    let before = Ratios {
        employer: Bp::new(employer.ratio_employer_bp),
        employee: Bp::new(employer.ratio_employee_bp),
    };
    Ok(bases
        .iter()
        .map(|base| {
            monthly(*base, before, rounding).total()
                - monthly(*base, both(ratio_bp), rounding).total()
        })
        .sum())
}

const fn both(ratio_bp: i32) -> Ratios {
    Ratios {
        employer: Bp::new(ratio_bp),
        employee: Bp::new(ratio_bp),
    }
}

/// The reduction of an employer that has not ended.
async fn live(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
) -> Result<Option<Arrangement>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        super::columns!(),
        " FROM arrangement
          WHERE centre_id = $1 AND employer_id = $2 AND kind = 2 AND state IN (0, 1) ORDER BY arrangement_id LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(conn)
    .await?)
}

/// Whether an employer's ratio is lowered, or about to be.
pub(crate) async fn is_live(office: &Office, employer_id: i64) -> Result<bool> {
    let mut conn = office.pool.acquire().await?;
    Ok(live(office, &mut conn, employer_id).await?.is_some())
}

/// The ratio is that of the month whose list comes next. Called whenever that month may have changed; the employer's row is taken.
pub(crate) async fn follow(office: &Office, tx: &mut PgConnection, employer_id: i64) -> Result<()> {
    let Some(one) = live(office, tx, employer_id).await? else {
        return Ok(());
    };
    let employer = employer::lock(office, tx, employer_id).await?;
    let next = changes::first_month(office, tx, &employer).await?;
    let before = Ratios {
        employer: Bp::new(one.before_employer_bp.unwrap_or(employer.ratio_employer_bp)),
        employee: Bp::new(one.before_employee_bp.unwrap_or(employer.ratio_employee_bp)),
    };
    let (to, wanted) = if next.index() < one.from_month {
        (state::APPROVED, before)
    } else if next.index() <= one.to_month {
        let during = one
            .ratio_bp
            .ok_or_else(|| Fault::Stored("a reduction without its ratio".to_owned()))?;
        (state::RUNNING, both(during))
    } else if waits(office, tx, &one).await? {
        // Its last list may still be cancelled: then the month comes again, by the lower ratio.
        (state::RUNNING, before)
    } else {
        (state::CLOSED, before)
    };
    set_ratio(office, tx, &employer, next, wanted).await?;
    if to != one.state {
        sqlx::query(
            "UPDATE arrangement SET state = $3::smallint, ended_at = CASE WHEN $3::smallint = 3 THEN $4::timestamptz END
              WHERE centre_id = $1 AND arrangement_id = $2",
        )
        .bind(office.centre.id)
        .bind(one.arrangement_id)
        .bind(to)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
    }
    if to == state::CLOSED {
        let detail = json!({ "ratio_bp": wanted.employer.bp(), "from": next.to_string() });
        let steps = ["ratio_returned", "closed"];
        case::add_event(
            office,
            tx,
            one.arrangement_id,
            Actor::System,
            &steps,
            detail,
        )
        .await?;
    }
    Ok(())
}

/// Whether a list of one of its months still waits for money.
async fn waits(office: &Office, tx: &mut PgConnection, one: &Arrangement) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM remittance
                         WHERE centre_id = $1 AND employer_id = $2 AND kind = 1 AND state IN (1, 2) AND month BETWEEN $3 AND $4)",
    )
    .bind(office.centre.id)
    .bind(one.employer_id)
    .bind(one.from_month)
    .bind(one.to_month)
    .fetch_one(tx)
    .await?)
}

/// Puts the employer and everybody who contributes on a ratio; nothing where they have it.
async fn set_ratio(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    month: Month,
    ratios: Ratios,
) -> Result<()> {
    let (ours, theirs) = (ratios.employer.bp(), ratios.employee.bp());
    if (employer.ratio_employer_bp, employer.ratio_employee_bp) == (ours, theirs) {
        return Ok(());
    }
    let rounding = roster_policy(office, employer, month)?.rounding;
    let members = members(office, tx, employer).await?;
    let sides: Vec<Sides> = members
        .iter()
        .map(|(_, base)| monthly(Fen::new(*base), ratios, rounding))
        .collect();
    sqlx::query(
        "UPDATE membership m
            SET ratio_employer_bp = $3, ratio_employee_bp = $4, employer_fen = n.employer_fen, employee_fen = n.employee_fen
           FROM unnest($2::bigint[], $5::bigint[], $6::bigint[]) AS n (membership_id, employer_fen, employee_fen)
          WHERE m.centre_id = $1 AND m.membership_id = n.membership_id",
    )
    .bind(office.centre.id)
    .bind(members.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(ours)
    .bind(theirs)
    .bind(sides.iter().map(|sides| sides.employer.fen()).collect::<Vec<_>>())
    .bind(sides.iter().map(|sides| sides.employee.fen()).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE employer SET ratio_employer_bp = $3, ratio_employee_bp = $4, list_version = list_version + 1
          WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(ours)
    .bind(theirs)
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts what an allocated month's list was relieved of, for the report.
pub(crate) async fn counted(
    office: &Office,
    tx: &mut PgConnection,
    list: &Remittance,
) -> Result<()> {
    let Some(one) = live(office, tx, list.employer_id).await? else {
        return Ok(());
    };
    let month = list.month();
    let (Some(during), Some(employer_bp), Some(employee_bp)) =
        (one.ratio_bp, one.before_employer_bp, one.before_employee_bp)
    else {
        return Ok(());
    };
    if !(one.from_month..=one.to_month).contains(&month.index()) {
        return Ok(());
    }
    let bases: Vec<i64> = sqlx::query_scalar(
        "SELECT base_fen FROM remittance_line WHERE centre_id = $1 AND remittance_id = $2",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_all(&mut *tx)
    .await?;
    let mut employer = employer::lock(office, tx, list.employer_id).await?;
    (employer.ratio_employer_bp, employer.ratio_employee_bp) = (employer_bp, employee_bp);
    let bases: Vec<Fen> = bases.into_iter().map(Fen::new).collect();
    sqlx::query(
        "INSERT INTO arrangement_month (centre_id, arrangement_id, month, people, relief_fen) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(one.arrangement_id)
    .bind(month.index())
    .bind(i32::try_from(bases.len()).unwrap_or(i32::MAX))
    .bind(relief(office, &employer, month, &bases, during)?.fen())
    .execute(tx)
    .await?;
    Ok(())
}

impl Service for Reduction {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::with_resolution(office, conn, request).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    /// Below the limit of the law the committee decides; it has delegated that to two reviewers.
    fn needs_two(&self, office: &Office, request: &Request, _facts: &Facts) -> Result<bool> {
        let lowest = Rules::on(office, office.today()).bp("ratio_min_bp")?;
        Ok(ratio(request).is_some_and(|bp| bp < lowest))
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        self.start(office, tx, approved).boxed()
    }
}
