//! 缴存补贴 (contribution.md §11): what finance adds, for a contribution year that is over, to the money that a person who contributes by himself
//! has left in his account. Invariant: it is no interest of the ledger: it is a list of amounts of its own, paid by finance (E01) and credited
//! by E12, one for each office and year.

use anju_casework::employer;
use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::contribution::list_beside::{self, Line, List};
use crate::contribution::remittance::kind;
use crate::contribution::subsidy;
use crate::policy::Rules;

/// The sort of these lists.
pub const SORT: &str = "FLEXIBLE";

/// The service under which the list of an office stands.
const SERVICE: &str = "subsidy-register";

/// A contribution year that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Year {
    /// By its starting year.
    pub year: i32,
    /// 1 July.
    pub first: NaiveDate,
    /// 30 June.
    pub last: NaiveDate,
}

impl Year {
    /// The last one that is over today.
    ///
    /// # Errors
    /// A calendar that has no such day.
    pub fn last_of(office: &Office) -> Result<Self> {
        let year = anju_domain::calendar::contribution_year_of(Month::of(office.today())) - 1;
        Self::of(year)
    }

    fn of(year: i32) -> Result<Self> {
        let day = |year, month, day| {
            NaiveDate::from_ymd_opt(year, month, day).ok_or_else(|| {
                Refusal::rule("E-FORM-01", "没有这个缴存年度，请填 2026 这样的年份。")
            })
        };
        Ok(Self {
            year,
            first: day(year, 7, 1)?,
            last: day(year + 1, 6, 30)?,
        })
    }

    fn month(self) -> Month {
        Month::of(self.last)
    }
}

/// An office's share of a year.
#[derive(Debug, Clone, FromRow)]
pub struct OfficeShare {
    /// Its virtual employer.
    pub employer_id: i64,
    /// Its name.
    pub name: String,
    /// Who gets something.
    pub people: i64,
    /// Fen.
    pub total_fen: i64,
    /// The list, where it is registered.
    pub remittance_id: Option<i64>,
    /// See [`crate::contribution::remittance::state`].
    pub state: Option<i16>,
    /// The list's pay code.
    pub reference: Option<String>,
}

/// What everybody gets of a year: the sum over its days of the least that stood in the account since so many months before, at the rate of
/// the policy, rounded once. `$1` centre, `$2` first day, `$3` last day, `$4` months, `$5` basis points.
macro_rules! shares {
    () => {
        "WITH agreed AS MATERIALIZED (
             SELECT DISTINCT employer_id, account_id, person_id FROM flexible_agreement WHERE centre_id = $1 AND state <> 9),
         moved AS MATERIALIZED (
             SELECT p.account_id, p.business_date AS day, -sum(p.amount_fen)::bigint AS fen
               FROM agreed JOIN posting p USING (account_id)
              WHERE p.centre_id = $1 AND p.subject IN (201, 12101, 122, 11102, 21901, 21902) AND p.business_date <= $3
              GROUP BY 1, 2),
         stood AS (
             SELECT a.employer_id, a.account_id, a.person_id, d.day::date AS day,
                    coalesce((SELECT sum(m.fen) FROM moved m WHERE m.account_id = a.account_id AND m.day <= d.day), 0) AS fen
               FROM agreed a
              CROSS JOIN generate_series($2::date - make_interval(months => $4), $3::date, interval '1 day') AS d (day)),
         kept AS (
             SELECT employer_id, account_id, person_id, day,
                    min(fen) OVER (PARTITION BY account_id ORDER BY day
                                   RANGE BETWEEN make_interval(months => $4) PRECEDING AND CURRENT ROW) AS fen
               FROM stood),
         share AS (
             SELECT employer_id, account_id, person_id,
                    floor((sum(greatest(fen, 0)) * $5 * 2 + 3600000) / 7200000)::bigint AS fen
               FROM kept WHERE day >= $2 GROUP BY 1, 2, 3)"
    };
}

struct Terms {
    months: i32,
    bp: i32,
}

impl Terms {
    fn of(office: &Office, year: Year) -> Result<Self> {
        let rules = Rules::on(office, year.last);
        Ok(Self {
            months: rules.months("flex_subsidy_months")?,
            bp: rules.bp("flex_subsidy_bp")?,
        })
    }
}

/// What a year comes to, by office, with the lists that are registered.
pub async fn preview(office: &Office, year: Year) -> Result<Vec<OfficeShare>> {
    let terms = Terms::of(office, year)?;
    Ok(sqlx::query_as(concat!(
        shares!(),
        " SELECT s.employer_id, e.name, count(*) FILTER (WHERE s.fen > 0) AS people, sum(s.fen)::bigint AS total_fen,
                 r.remittance_id, r.state, r.reference
            FROM share s
            JOIN employer e ON e.centre_id = $1 AND e.employer_id = s.employer_id
            LEFT JOIN remittance r ON r.centre_id = $1 AND r.employer_id = s.employer_id AND r.kind = 4 AND r.reason = 'FLEXIBLE'
                                  AND r.month = $6 AND r.state IN (1, 2, 3)
           GROUP BY s.employer_id, e.name, r.remittance_id, r.state, r.reference
           ORDER BY s.employer_id LIMIT 200"
    ))
    .bind(office.centre.id)
    .bind(year.first)
    .bind(year.last)
    .bind(terms.months)
    .bind(terms.bp)
    .bind(year.month().index())
    .fetch_all(&office.pool)
    .await?)
}

/// Registers the list of an office for a year: it waits for finance's money.
///
/// # Errors
/// 409 `E-REMIT-02` where it is registered already; 422 where nobody gets anything.
pub async fn register(
    office: &Office,
    year: Year,
    employer_id: i64,
    maker: &Staff,
) -> Result<Value> {
    let mut tx = office.pool.begin().await?;
    let employer = employer::lock(office, &mut tx, employer_id).await?;
    let is_virtual = employer.uscc.starts_with("FLEX-");
    if !is_virtual {
        return Err(Refusal::not_found("这个办事处的灵活就业缴存人").into());
    }
    let live: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM remittance
                         WHERE centre_id = $1 AND employer_id = $2 AND month = $3 AND reason = 'FLEXIBLE' AND kind = 4 AND state IN (1, 2, 3))",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(year.month().index())
    .fetch_one(&mut *tx)
    .await?;
    if live {
        let detail = format!("{} 缴存年度的缴存补贴清册已存在，请勿重复登记。", year.year);
        return Err(Refusal::new(409, "E-REMIT-02", detail).into());
    }
    let lines = lines(office, &mut tx, year, employer_id).await?;
    if lines.is_empty() {
        return Err(Refusal::rule("E-REMIT-03", "这一年没有可以补贴的缴存人。").into());
    }
    let actor = Actor::Staff(maker.staff_id);
    subsidy::open_purse(office, &mut tx, &employer, actor.id()).await?;
    let list = List {
        remittance_id: office.ids.next().await?,
        service: SERVICE,
        kind: kind::SUBSIDY,
        reason: SORT,
        document_no: None,
        channel: "CTR",
        actor,
        form: json!({ "month": year.month().to_string(), "sort": SORT, "year": year.year }),
    };
    let registered = list_beside::register(office, &mut tx, &employer, list, &lines).await?;
    tx.commit().await?;
    Ok(registered)
}

async fn lines(
    office: &Office,
    tx: &mut PgConnection,
    year: Year,
    employer_id: i64,
) -> Result<Vec<Line>> {
    let terms = Terms::of(office, year)?;
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(concat!(
        shares!(),
        " SELECT account_id, person_id, fen FROM share WHERE employer_id = $6 AND fen > 0 ORDER BY account_id LIMIT 50000"
    ))
    .bind(office.centre.id)
    .bind(year.first)
    .bind(year.last)
    .bind(terms.months)
    .bind(terms.bp)
    .bind(employer_id)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(account_id, person_id, fen)| Line {
            account_id,
            person_id,
            month: year.month(),
            base: Fen::ZERO,
            employer: Fen::new(fen),
            employee: Fen::ZERO,
        })
        .collect())
}
