//! 缓缴: months that are neither paid nor a gap. Approved, their lines are drawn month by month from the members as they are then; at the end
//! what is owed is split into a plan, and back payments of kind DEFERRED make it up.

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer, state as employer_state};
use anju_casework::{Actor, Fault, Office, Result, case};
use anju_domain::calendar::Month;
use anju_domain::deferral::{self, DeferralPlan};
use anju_domain::money::Fen;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::{Arrangement, count, first_month, kind, own_books, state, unmoved};
use crate::contribution::remittance::Remittance;
use crate::policy::Rules;

/// The service of deferrals.
pub struct Deferral {
    id: String,
}

impl Deferral {
    /// The service of a definition with effect `defer_contributions`.
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
        let asked = Asked::of(office, request, &employer)?;
        let this_month = Month::of(office.today());
        let running = asked.from <= this_month;
        let (people, monthly): (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(employer_fen + employee_fen), 0)::bigint
               FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state = 1",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .fetch_one(&mut *tx)
        .await?;
        let policy = Rules::on(office, office.today()).text("phase_policy")?;
        sqlx::query(
            "INSERT INTO arrangement (centre_id, arrangement_id, employer_id, branch_id, kind, policy, state, from_month, to_month, drawn_to,
                                      people, monthly_fen, plan_months, approved_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8 - 1, $10, $11, $12, $13)",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(employer.employer_id)
        .bind(employer.branch_id)
        .bind(kind::DEFERRAL)
        .bind(if request.text("ground") == Some("PHASE") { policy.as_str() } else { "none" })
        .bind(if running { state::RUNNING } else { state::APPROVED })
        .bind(asked.from.index())
        .bind(asked.to.index())
        .bind(i32::try_from(people).unwrap_or(i32::MAX))
        .bind(monthly)
        .bind(asked.plan_months)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        leave_out(office, tx, &employer, asked.from, asked.to, running).await?;
        draw(office, tx, approved.case_id, asked.to.min(this_month)).await?;
        super::reduction::follow(office, tx, employer.employer_id).await?;
        Ok(Carried {
            step: "deferred",
            detail: json!({
                "from": asked.from.to_string(), "to": asked.to.to_string(), "people": people, "monthly_fen": monthly,
                "plan_months": asked.plan_months,
            }),
            done: true,
        })
    }
}

/// What a form asks for.
struct Asked {
    from: Month,
    to: Month,
    plan_months: i32,
}

impl Asked {
    fn of(office: &Office, request: &Request, employer: &Employer) -> Result<Self> {
        let missing = || Fault::Stored("an approved deferral without its months".to_owned());
        let months = count(request, "months").ok_or_else(missing)?;
        let start = first_month(office, request, employer.next_month());
        let with_arrears =
            request.form.get("include_arrears") == Some(&serde_json::Value::Bool(true));
        Ok(Self {
            from: if with_arrears {
                start.min(employer.next_month())
            } else {
                start
            },
            to: start.plus(months - 1),
            plan_months: count(request, "plan_months").unwrap_or(months),
        })
    }
}

/// What a deferral would come to, by the members as they are now: months and money, before anything is asked for.
pub struct Preview {
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// People who contribute now.
    pub people: i64,
    /// What a month costs now.
    pub monthly: Fen,
    /// The deferred sum and its instalments.
    pub plan: DeferralPlan,
}

/// See [`Preview`]; none where the form has no months.
pub async fn preview(office: &Office, request: &Request) -> Result<Option<Preview>> {
    let employer = employer::require(office, request.applicant_id).await?;
    let Ok(asked) = Asked::of(office, request, &employer) else {
        return Ok(None);
    };
    let (people, monthly): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(employer_fen + employee_fen), 0)::bigint
           FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .fetch_one(&office.pool)
    .await?;
    let instalments = u32::try_from(asked.plan_months).unwrap_or(0);
    Ok(
        deferral::plan(Fen::new(monthly), asked.from, asked.to, instalments).map(|plan| Preview {
            from: asked.from,
            to: asked.to,
            people,
            monthly: Fen::new(monthly),
            plan,
        }),
    )
}

/// These months need no list any more; a deferral that follows another without a gap makes the gap longer.
async fn leave_out(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    from: Month,
    to: Month,
    running: bool,
) -> Result<()> {
    let first = match (employer.deferred_from, employer.deferred_through) {
        (Some(before), Some(through)) if through + 1 == from.index() => before,
        _ => from.index(),
    };
    sqlx::query(
        "UPDATE employer SET deferred_from = $3, deferred_through = $4, state = CASE WHEN $5 THEN 2 ELSE state END,
                             list_version = list_version + 1
          WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(first)
    .bind(to.index())
    .bind(running)
    .execute(tx)
    .await?;
    Ok(())
}

/// Draws the lines of a deferral's months up to this one, from who contributes now.
pub(super) async fn draw(
    office: &Office,
    tx: &mut PgConnection,
    arrangement_id: i64,
    through: Month,
) -> Result<()> {
    sqlx::query(
        "WITH drawn AS (
             INSERT INTO deferred_month (centre_id, account_id, month, arrangement_id, employer_id, person_id, base_fen, employer_fen,
                                         employee_fen)
             SELECT m.centre_id, m.account_id, month, a.arrangement_id, m.employer_id, m.person_id, m.base_fen, m.employer_fen, m.employee_fen
               FROM arrangement a
               JOIN membership m ON m.centre_id = a.centre_id AND m.employer_id = a.employer_id AND m.state = 1
              CROSS JOIN generate_series(a.drawn_to + 1, least($3, a.to_month)) AS month
              WHERE a.centre_id = $1 AND a.arrangement_id = $2 AND m.from_month <= month
             ON CONFLICT DO NOTHING
             RETURNING month, employer_fen + employee_fen AS fen),
         counted AS (
             INSERT INTO arrangement_month (centre_id, arrangement_id, month, people, relief_fen)
             SELECT $1, $2, month, count(*), sum(fen) FROM drawn GROUP BY month)
         UPDATE arrangement SET drawn_to = greatest(drawn_to, least($3, to_month)) WHERE centre_id = $1 AND arrangement_id = $2",
    )
    .bind(office.centre.id)
    .bind(arrangement_id)
    .bind(through.index())
    .execute(tx)
    .await?;
    Ok(())
}

/// The deferral is over: what is owed is known, and its plan begins; for a phase policy after the policy's last day.
pub(super) async fn end(
    office: &Office,
    tx: &mut PgConnection,
    one: &Arrangement,
    last: Month,
) -> Result<()> {
    let total = super::owed_on(office, tx, one.arrangement_id).await?;
    let after = last.plus(1);
    let plan_from = if one.policy == "none" {
        after
    } else {
        after.max(phase_end(office, one)?.plus(1))
    };
    let owes = total > Fen::ZERO;
    sqlx::query(
        "UPDATE arrangement
            SET state = $3::smallint, to_month = $4, total_fen = $5, plan_from = $6, next_due = $7,
                ended_at = CASE WHEN $3::smallint = 3 THEN $8::timestamptz END
          WHERE centre_id = $1 AND arrangement_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.arrangement_id)
    .bind(if owes { state::REPAYING } else { state::CLOSED })
    .bind(last.index())
    .bind(total.fen())
    .bind(plan_from.index())
    .bind(owes.then(|| plan_from.last_day()))
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    // Another deferral that follows at once keeps the employer deferred.
    sqlx::query(
        "UPDATE employer e SET state = 1
          WHERE e.centre_id = $1 AND e.employer_id = $2 AND e.state = 2
            AND NOT EXISTS (SELECT FROM arrangement a
                             WHERE a.centre_id = e.centre_id AND a.employer_id = e.employer_id AND a.kind = 1 AND a.state IN (0, 1)
                               AND a.from_month <= $3)",
    )
    .bind(office.centre.id)
    .bind(one.employer_id)
    .bind(Month::of(office.today()).index())
    .execute(&mut *tx)
    .await?;
    let detail = json!({
        "to": last.to_string(), "total_fen": total.fen(), "plan_from": plan_from.to_string(), "plan_months": one.plan_months,
    });
    let step = if owes { "deferral_ended" } else { "closed" };
    case::add_event(
        office,
        tx,
        one.arrangement_id,
        Actor::System,
        &[step],
        detail,
    )
    .await?;
    if owes {
        anju_casework::outbox::sms(office, tx, one.arrangement_id, "deferral_ended").await?;
    }
    Ok(())
}

/// The last month of the phase policy that a deferral was declared under.
fn phase_end(office: &Office, one: &Arrangement) -> Result<Month> {
    let day = anju_domain::clock::shanghai_date(one.approved_at);
    Ok(Month::of(Rules::on(office, day).date("phase_policy_to")?))
}

/// Marks what a back payment made up; a deferral that owes nothing more is closed.
pub(crate) async fn made_up(
    office: &Office,
    tx: &mut PgConnection,
    list: &Remittance,
) -> Result<()> {
    let of: Vec<i64> = sqlx::query_scalar(
        "WITH paid AS (
             UPDATE deferred_month d SET paid_by = l.remittance_id
               FROM remittance_line l
               JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
              WHERE l.centre_id = $1 AND l.remittance_id = $2 AND r.reason IN ('DEFERRED', 'ENFORCED')
                AND d.centre_id = $1 AND d.account_id = l.account_id AND d.month = l.month AND d.paid_by IS NULL
             RETURNING d.arrangement_id)
         SELECT DISTINCT arrangement_id FROM paid ORDER BY arrangement_id",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_all(&mut *tx)
    .await?;
    for arrangement_id in of {
        let one = super::lock(office, tx, arrangement_id).await?;
        let owed = super::owed_on(office, tx, arrangement_id).await?;
        let over = matches!(one.state, state::REPAYING | state::BREACHED);
        let mut steps = vec!["made_up"];
        if over && owed == Fen::ZERO {
            sqlx::query("UPDATE arrangement SET state = 3, ended_at = $3, next_due = NULL WHERE centre_id = $1 AND arrangement_id = $2")
                .bind(office.centre.id)
                .bind(arrangement_id)
                .bind(office.now())
                .execute(&mut *tx)
                .await?;
            steps.push("closed");
        }
        let detail = json!({ "owed_fen": owed.fen() });
        case::add_event(office, tx, arrangement_id, Actor::System, &steps, detail).await?;
    }
    Ok(())
}

/// A deferred month of a person that is still owed.
#[derive(Debug, Clone, FromRow)]
pub struct OwedLine {
    /// Account.
    pub account_id: i64,
    /// As an index.
    pub month: i32,
    /// Fen.
    pub fen: i64,
}

/// The most lines that one form makes up.
const LINES: i64 = 50_000;

/// The oldest owed months of everybody, whole months, until they come to at least this much: what the next instalment is paid by.
pub async fn next_lines(
    office: &Office,
    arrangement_id: i64,
    at_least: Fen,
) -> Result<Vec<OwedLine>> {
    Ok(sqlx::query_as(
        "WITH by_month AS (
             SELECT month, sum(sum(employer_fen + employee_fen)) OVER (ORDER BY month) - sum(employer_fen + employee_fen) AS before
               FROM deferred_month WHERE centre_id = $1 AND arrangement_id = $2 AND paid_by IS NULL GROUP BY month)
         SELECT d.account_id, d.month, d.employer_fen + d.employee_fen AS fen
           FROM by_month b
           JOIN deferred_month d ON d.centre_id = $1 AND d.arrangement_id = $2 AND d.month = b.month AND d.paid_by IS NULL
          WHERE b.before < $3 OR b.before = 0
          ORDER BY d.account_id, d.month
          LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(arrangement_id)
    .bind(at_least.fen())
    .bind(LINES)
    .fetch_all(&office.pool)
    .await?)
}

impl Service for Deferral {
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

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        self.start(office, tx, approved).boxed()
    }
}

/// Whether an employer is one that may go on: not sealed, not cancelled.
pub(super) const fn lives(employer: &Employer) -> bool {
    matches!(
        employer.state,
        employer_state::ACTIVE | employer_state::DEFERRED
    )
}
