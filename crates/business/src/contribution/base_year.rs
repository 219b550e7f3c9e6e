//! The yearly adjustment of bases (年度基数调整, contribution.md §4.1): who still has no base of the year, what a declared list changes, what
//! months that were listed at the old base owe (BASE-04), and the limits that nobody declared for (BASE-08).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Office, Result, case, outbox};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{Ratios, back_payment, monthly};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use chrono::{Datelike, NaiveDate};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::changes::first_month;
use super::list_beside::{self, Line};
use super::roster::Mode;
use super::upload::roster_policy;
use crate::policy::Rules;

/// How far an employer's year has come.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The month from which a new base counts.
    pub month: Month,
    /// People who contribute.
    pub active: i64,
    /// Of them those with a new or confirmed base of the year of that month.
    pub declared: i64,
    /// Whether bases are taken today (BASE-03).
    pub is_open: bool,
    /// The first and the last day of the window, `07-01`.
    pub window: (String, String),
    /// Lower and upper limit.
    pub limits: (Fen, Fen),
}

/// How far the employer's year has come.
pub async fn progress(office: &Office, employer: &Employer) -> Result<Progress> {
    let mut conn = office.pool.acquire().await?;
    let month = first_month(office, &mut conn, employer).await?;
    let (active, declared): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE base_year = $3)
           FROM membership WHERE centre_id = $1 AND employer_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(contribution_year_of(month))
    .fetch_one(&mut *conn)
    .await?;
    let policy = roster_policy(office, employer, month)?;
    let rules = Rules::on(office, office.today());
    Ok(Progress {
        month,
        active,
        declared,
        is_open: policy.base_window_is_open
            && contribution_year_of(month) >= contribution_year_of(Month::of(office.today())),
        window: (
            rules.text("base_window_from")?,
            rules.text("base_window_to")?,
        ),
        limits: (policy.limits.lower, policy.limits.upper),
    })
}

/// The refusal of a declaration that comes at the wrong time, told once and not for every row.
pub(super) fn out_of_time(
    office: &Office,
    employer: &Employer,
    month: Month,
) -> Result<Option<super::roster::Fault>> {
    use super::roster::Fault;
    if contribution_year_of(month) < contribution_year_of(Month::of(office.today())) {
        let waits = month.chinese();
        let detail = format!(
            "应先缴存{waits}，不能跳月汇缴。新年度的基数从 7 月起生效，请先交完 6 月及以前的清册。"
        );
        return Ok(Some(Fault::whole("E-REMIT-01", detail)));
    }
    if roster_policy(office, employer, month)?.base_window_is_open {
        return Ok(None);
    }
    let detail = "不在基数调整受理期内，或本年度已调整，需说明更正原因。要更正某一名职工的基数，请到“职工”里办理并写明原因。";
    Ok(Some(Fault::whole("E-BASE-03", detail)))
}

/// One person of a declared list.
#[derive(Debug, Clone, FromRow)]
pub struct Declared {
    /// Place in the list, for the next page.
    pub line: i32,
    /// Person.
    pub person_id: i64,
    /// Account.
    pub account_id: i64,
    /// Base until now, fen.
    pub old_base_fen: i64,
    /// New base, fen.
    pub new_base_fen: i64,
    /// Both sides of a month until now, fen.
    pub old_fen: i64,
    /// Both sides of a month from now on, fen.
    pub new_fen: i64,
}

/// The people of a declared list, a page of them after `after`.
pub async fn declared(
    office: &Office,
    roster_id: i64,
    after: i32,
    limit: i64,
) -> Result<Vec<Declared>> {
    Ok(sqlx::query_as(
        "SELECT r.line, r.person_id, r.account_id, m.base_fen AS old_base_fen, r.base_fen AS new_base_fen,
                m.employer_fen + m.employee_fen AS old_fen, r.employer_fen + r.employee_fen AS new_fen
           FROM roster_row r
           JOIN membership m ON m.centre_id = r.centre_id AND m.membership_id = r.membership_id
          WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change = 4 AND r.line > $3
          ORDER BY r.line LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What a declared list comes to.
#[derive(Debug, Clone, FromRow)]
pub struct Totals {
    /// Bases that rise.
    pub raised: i64,
    /// Bases that fall.
    pub lowered: i64,
    /// Bases that are confirmed as they are.
    pub confirmed: i64,
    /// A month of all who contribute until now, fen.
    pub old_fen: i64,
    /// A month of all who contribute from now on, fen.
    pub new_fen: i64,
}

/// What a declared list comes to.
pub async fn totals(office: &Office, roster_id: i64) -> Result<Totals> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE r.change = 4 AND r.base_fen > m.base_fen) AS raised,
                count(*) FILTER (WHERE r.change = 4 AND r.base_fen < m.base_fen) AS lowered,
                count(*) FILTER (WHERE r.change = 4 AND r.base_fen = m.base_fen) AS confirmed,
                coalesce(sum(m.employer_fen + m.employee_fen), 0)::bigint AS old_fen,
                coalesce(sum(r.employer_fen + r.employee_fen), 0)::bigint AS new_fen
           FROM roster_row r
           JOIN membership m ON m.centre_id = r.centre_id AND m.membership_id = r.membership_id
          WHERE r.centre_id = $1 AND r.roster_id = $2",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .fetch_one(&office.pool)
    .await?)
}

/// What an account was listed with for a month, and by which roster.
type Listed = (i64, i32, Option<i64>, i64, i64);

/// Both sides of a month as its lists have them, and the ratio of their roster.
type ListedMonth = (Fen, Fen, Option<Ratios>);

/// BASE-04: what the months of the year that were listed at the old base owe beyond it, each with the ratio of its list; nothing where the
/// centre lets the new base count from the next month alone (`base_retro_mode`), or where nobody's base rises.
pub(super) async fn differences(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
    month: Month,
    roster_id: i64,
) -> Result<Vec<Line>> {
    let declared: Vec<NewBase> = sqlx::query_as(
        "SELECT account_id, person_id, base_fen FROM roster_row WHERE centre_id = $1 AND roster_id = $2 AND change = 4 ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .fetch_all(&mut *conn)
    .await?;
    differences_of(office, conn, employer, month, declared).await
}

/// Account, person and new base in fen.
pub(super) type NewBase = (i64, i64, i64);

async fn differences_of(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
    month: Month,
    declared: Vec<NewBase>,
) -> Result<Vec<Line>> {
    if Rules::on(office, office.today()).text("base_retro_mode")? != "DIFF_BACKPAY" {
        return Ok(Vec::new());
    }
    let july = NaiveDate::from_ymd_opt(contribution_year_of(month), 7, 1).map_or(month, Month::of);
    if july >= month {
        return Ok(Vec::new());
    }
    // Readings by key, put together here: as one statement of five tables its plan was quadratic before statistics knew the lists.
    let listed: Vec<Listed> = sqlx::query_as(
        "SELECT l.account_id, l.month, m.roster_id, l.employer_fen, l.employee_fen
           FROM remittance m
           JOIN remittance_line l ON l.centre_id = m.centre_id AND l.remittance_id = m.remittance_id
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2, 3) AND m.month >= $3
            AND l.month >= $3 AND l.month < $4",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(july.index())
    .bind(month.index())
    .fetch_all(&mut *conn)
    .await?;
    let rosters: BTreeSet<i64> = listed.iter().filter_map(|of| of.2).collect();
    // By number: a join would lay down the parts of every list that was ever kept.
    let ratios: Vec<(i64, i64, i32, i32)> = sqlx::query_as(
        "SELECT roster_id, account_id, ratio_employer_bp, ratio_employee_bp FROM roster_row WHERE centre_id = $1 AND roster_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(rosters.into_iter().collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let ratios: HashMap<(i64, i64), Ratios> = ratios
        .into_iter()
        .map(|(roster, account, employer, employee)| {
            let ratios = Ratios {
                employer: Bp::new(employer),
                employee: Bp::new(employee),
            };
            ((roster, account), ratios)
        })
        .collect();
    let of_employer = Ratios {
        employer: Bp::new(employer.ratio_employer_bp),
        employee: Bp::new(employer.ratio_employee_bp),
    };
    // By account and month: both sides as listed, and the ratio of the roster among its lists.
    let mut paid: HashMap<i64, BTreeMap<i32, ListedMonth>> = HashMap::new();
    for (account, month, roster, employer_fen, employee_fen) in listed {
        let of =
            paid.entry(account)
                .or_default()
                .entry(month)
                .or_insert((Fen::ZERO, Fen::ZERO, None));
        of.0 += Fen::new(employer_fen);
        of.1 += Fen::new(employee_fen);
        let known = roster.and_then(|roster| ratios.get(&(roster, account)));
        of.2 = of.2.or(known.copied());
    }
    let rounding = roster_policy(office, employer, july)?.rounding;
    let mut lines = Vec::new();
    for (account_id, person_id, base_fen) in declared {
        let base = Fen::new(base_fen);
        for (month, (employer_paid, employee_paid, known)) in
            paid.get(&account_id).into_iter().flatten()
        {
            let due = monthly(base, known.unwrap_or(of_employer), rounding);
            let employer = back_payment(due.employer, *employer_paid);
            let employee = back_payment(due.employee, *employee_paid);
            if employer + employee > Fen::ZERO {
                lines.push(Line {
                    account_id,
                    person_id,
                    month: Month::from_index(*month),
                    base,
                    employer,
                    employee,
                });
            }
        }
    }
    Ok(lines)
}

/// A back payment before it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Owes {
    /// All of it.
    pub amount: Fen,
    /// Its first month.
    pub from: Month,
    /// Its last month.
    pub to: Month,
    /// By when it is to be paid if it is registered today.
    pub until: NaiveDate,
}

impl Owes {
    fn of(office: &Office, lines: &[Line]) -> Result<Option<Self>> {
        let months = || lines.iter().map(|line| line.month);
        let (Some(from), Some(to)) = (months().min(), months().max()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            amount: lines.iter().map(|line| line.employer + line.employee).sum(),
            from,
            to,
            until: list_beside::until(office)?,
        }))
    }
}

/// The difference of a declared list before it is registered, for the preview.
pub async fn difference(
    office: &Office,
    employer: &Employer,
    month: Month,
    roster_id: i64,
) -> Result<Option<Owes>> {
    let mut conn = office.pool.acquire().await?;
    let lines = differences(office, &mut conn, employer, month, roster_id).await?;
    Owes::of(office, &lines)
}

/// The same of bases that no list has yet.
pub(super) async fn difference_of(
    office: &Office,
    employer: &Employer,
    month: Month,
    declared: Vec<NewBase>,
) -> Result<Option<Owes>> {
    let mut conn = office.pool.acquire().await?;
    let lines = differences_of(office, &mut conn, employer, month, declared).await?;
    Owes::of(office, &lines)
}

/// The mode of a declared list: every row is a base, everybody who contributes stands in it.
pub const MODE: Mode = Mode::Bases;

/// The service whose cases this makes.
const SERVICE: &str = "base-adjust";

#[derive(FromRow)]
struct OutOfLimits {
    membership_id: i64,
    base_fen: i64,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
}

/// BASE-08: once the window is over, whoever contributes below the new lower limit or above the new upper one, and has no base of the year,
/// is brought to the limit, employer by employer, each with its case and a word to its clerks. Repeated, it changes nothing. Returns how
/// many people were adjusted.
pub async fn adjust_to_limits(office: &Office) -> Result<u64> {
    let today = office.today();
    let rules = Rules::on(office, today);
    if !rules.flag("base_auto_adjust")? || !window_is_over(&rules, today)? {
        return Ok(0);
    }
    let year = contribution_year_of(Month::of(today));
    let districts: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT district FROM employer WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_all(&office.pool)
            .await?;
    let first = NaiveDate::from_ymd_opt(year, 7, 1).unwrap_or(today);
    let mut lowers = Vec::new();
    for district in &districts {
        let at = [("region", district.as_str())];
        let lower = |day| Rules::on(office, day).fen("base_lower_fen", &at);
        lowers.push(lower(first)?.max(lower(today)?).fen());
    }
    let upper = Rules::on(office, first).fen("base_upper_fen", &[])?.fen();
    let (mut after, mut people) = (0_i64, 0);
    loop {
        let page: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT m.employer_id
               FROM membership m
               JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
               JOIN unnest($4::text[], $5::bigint[]) AS d (district, lower_fen) ON d.district = e.district
              WHERE m.centre_id = $1 AND m.state = 1 AND m.base_year IS DISTINCT FROM $2 AND m.employer_id > $3
                AND e.uscc NOT LIKE 'FLEX-%'
                AND (m.base_fen < d.lower_fen OR m.base_fen > $6)
              ORDER BY m.employer_id LIMIT 500",
        )
        .bind(office.centre.id)
        .bind(year)
        .bind(after)
        .bind(&districts)
        .bind(&lowers)
        .bind(upper)
        .fetch_all(&office.pool)
        .await?;
        let Some(last) = page.last() else {
            return Ok(people);
        };
        after = *last;
        for employer_id in page {
            people += adjust_employer(office, employer_id, year).await?;
        }
    }
}

fn window_is_over(rules: &Rules, today: NaiveDate) -> Result<bool> {
    let day = format!("{:02}-{:02}", today.month(), today.day());
    let (from, to) = (
        rules.text("base_window_from")?,
        rules.text("base_window_to")?,
    );
    // The rest of the contribution year: behind the window, or in the spring before the next one.
    Ok(day > to || day < from)
}

async fn adjust_employer(office: &Office, employer_id: i64, year: i32) -> Result<u64> {
    let mut tx = office.pool.begin().await?;
    let employer = employer::lock(office, &mut tx, employer_id).await?;
    let month = first_month(office, &mut tx, &employer).await?;
    if contribution_year_of(month) != year {
        return Ok(0); // months of the year before are still to be paid, at their own bases
    }
    let policy = roster_policy(office, &employer, month)?;
    let (lower, upper) = (policy.limits.lower, policy.limits.upper);
    let outside: Vec<OutOfLimits> = sqlx::query_as(
        "SELECT membership_id, base_fen, ratio_employer_bp, ratio_employee_bp FROM membership
          WHERE centre_id = $1 AND employer_id = $2 AND state = 1 AND base_year IS DISTINCT FROM $3
            AND (base_fen < $4 OR base_fen > $5)
          ORDER BY membership_id FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(year)
    .bind(lower.fen())
    .bind(upper.fen())
    .fetch_all(&mut *tx)
    .await?;
    if outside.is_empty() {
        return Ok(0);
    }
    let (mut bases, mut sides) = (Vec::new(), Vec::new());
    for one in &outside {
        let base = Fen::new(one.base_fen).clamp(lower, upper);
        let ratios = Ratios {
            employer: Bp::new(one.ratio_employer_bp),
            employee: Bp::new(one.ratio_employee_bp),
        };
        bases.push(base.fen());
        sides.push(monthly(base, ratios, policy.rounding));
    }
    sqlx::query(
        "UPDATE membership m SET base_fen = n.base_fen, employer_fen = n.employer_fen, employee_fen = n.employee_fen, base_year = $6
           FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS n (membership_id, base_fen, employer_fen, employee_fen)
          WHERE m.centre_id = $1 AND m.membership_id = n.membership_id",
    )
    .bind(office.centre.id)
    .bind(outside.iter().map(|one| one.membership_id).collect::<Vec<_>>())
    .bind(&bases)
    .bind(sides.iter().map(|sides| sides.employer.fen()).collect::<Vec<_>>())
    .bind(sides.iter().map(|sides| sides.employee.fen()).collect::<Vec<_>>())
    .bind(year)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id = $2")
        .bind(office.centre.id)
        .bind(employer_id)
        .execute(&mut *tx)
        .await?;
    let people = outside.len();
    let case_id = office.ids.next().await?;
    let begun = case::Begun {
        case_id,
        service: SERVICE,
        wish: &format!("{SERVICE}:limits:{year}:{case_id}"),
        applicant_id: employer_id,
        branch_id: employer.branch_id,
        channel: "CTR",
        amount_fen: None,
        promised_at: office.now(),
        form: json!({ "month": month.to_string(), "reason": "W-BASE-08" }),
        detail: json!({ "month": month.to_string(), "lower_fen": lower.fen(), "upper_fen": upper.fen() }),
    };
    case::begin_executing(office, &mut tx, begun, Actor::System).await?;
    let detail = json!({ "people": people, "employer": office.numbers.encode(NumberKind::Employer, employer_id) });
    case::end_executing(
        office,
        &mut tx,
        case_id,
        case::CaseState::Done,
        &["changed", "done"],
        detail,
        Actor::System,
    )
    .await?;
    let words = format!(
        "【公积金】单位未在期限内调整基数，已按新的上下限自动调整{people}人，从{}起生效。",
        month.chinese()
    );
    outbox::tell_clerks(office, &mut tx, employer_id, Some(case_id), &words).await?;
    tx.commit().await?;
    Ok(u64::try_from(people).unwrap_or(u64::MAX))
}
