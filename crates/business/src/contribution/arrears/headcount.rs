//! 参保人数 and 税务登记: how many people social insurance counts at an employer, against how many contribute, and what the tax bureau says of it.
//! Asked of everybody in turn, a few each night.

use anju_casework::{Office, Result};
use chrono::TimeDelta;
use futures::future::BoxFuture;
use sqlx::FromRow;

use crate::policy::Rules;

/// Social insurance, asked about employers.
pub trait Insurance: Send + Sync {
    /// Whom each of these employers (by credit code) insures, in order; none where it is not known.
    fn insured<'a>(
        &'a self,
        employers: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Insured>>>>;

    /// What the tax bureau says of each of them: state and authority; none where it is not known.
    fn taxed<'a>(&'a self, employers: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<Taxed>>>>;
}

/// 参保 of an employer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insured {
    /// 参保人数.
    pub people: i64,
    /// The sum of their bases of a month in fen, where it is said.
    pub base_fen: Option<i64>,
}

/// 税务登记 of an employer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxed {
    /// 正常, 非正常户, 注销.
    pub state: String,
    /// 主管税务机关.
    pub authority: Option<String>,
}

/// Questions that are sent at once: the source has no batches for employers.
const AT_ONCE: usize = 20;

#[derive(FromRow)]
struct Turn {
    employer_id: i64,
    uscc: String,
}

/// Asks about those whose turn it is tonight. Returns how many were asked.
///
/// # Errors
/// The database; a policy without its numbers. A source that does not answer is no error: its employers' turn comes again.
pub async fn ask(office: &Office, insurance: &dyn Insurance) -> Result<usize> {
    let today = office.today();
    let rules = Rules::on(office, today);
    let turn: Vec<Turn> = sqlx::query_as(
        "SELECT e.employer_id, e.uscc
           FROM employer e LEFT JOIN headcount h ON h.centre_id = e.centre_id AND h.employer_id = e.employer_id
          WHERE e.centre_id = $1 AND e.state IN (1, 2) AND e.uscc NOT LIKE 'FLEX-%' AND (h.asked_on IS NULL OR h.asked_on <= $2)
          ORDER BY h.asked_on NULLS FIRST, e.employer_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(today - TimeDelta::days(rules.int("headcount_ask_days")?))
    .bind(rules.int("headcount_ask_a_night")?)
    .fetch_all(&office.pool)
    .await?;
    for part in turn.chunks(AT_ONCE) {
        let codes: Vec<String> = part.iter().map(|one| one.uscc.clone()).collect();
        let (answers, taxed) =
            futures::try_join!(insurance.insured(&codes), insurance.taxed(&codes))?;
        let ids: Vec<i64> = part.iter().map(|one| one.employer_id).collect();
        let insured: Vec<Option<i32>> = answers
            .iter()
            .map(|one| i32::try_from(one.as_ref()?.people).ok())
            .collect();
        let bases: Vec<Option<i64>> = answers.iter().map(|one| one.as_ref()?.base_fen).collect();
        sqlx::query(
            "INSERT INTO headcount (centre_id, employer_id, asked_on, insured, members, tax_state, tax_authority, insured_base_fen)
             SELECT $1, a.employer_id, $4, a.insured,
                    (SELECT count(*) FROM membership m
                      WHERE m.centre_id = $1 AND m.employer_id = a.employer_id AND m.state = 1), a.tax_state, a.tax_authority,
                    a.base_fen
               FROM unnest($2::bigint[], $3::integer[], $5::text[], $6::text[], $7::bigint[])
                    AS a (employer_id, insured, tax_state, tax_authority, base_fen)
                 ON CONFLICT (centre_id, employer_id) DO UPDATE
                SET asked_on = excluded.asked_on, insured = excluded.insured, members = excluded.members, tax_state = excluded.tax_state,
                    tax_authority = excluded.tax_authority, insured_base_fen = excluded.insured_base_fen",
        )
        .bind(office.centre.id)
        .bind(&ids)
        .bind(&insured)
        .bind(today)
        .bind(taxed.iter().map(|one| one.as_ref().map(|one| one.state.as_str())).collect::<Vec<_>>())
        .bind(
            taxed
                .iter()
                .map(|one| one.as_ref().and_then(|one| one.authority.as_deref()))
                .collect::<Vec<_>>(),
        )
        .bind(&bases)
        .execute(&office.pool)
        .await?;
    }
    Ok(turn.len())
}

/// What was heard of an employer.
#[derive(Debug, Clone, FromRow)]
pub struct Heard {
    /// Asked on.
    pub asked_on: chrono::NaiveDate,
    /// 参保人数, where the source knew it.
    pub insured: Option<i32>,
    /// 缴存人数 on that day.
    pub members: i32,
    /// The sum of the insured's bases of a month in fen, where the source said it.
    pub insured_base_fen: Option<i64>,
    /// 税务登记状态, where the source knew it.
    pub tax_state: Option<String>,
    /// 主管税务机关.
    pub tax_authority: Option<String>,
}

/// The last answer about an employer.
///
/// # Errors
/// The database.
pub async fn of_employer(
    office: &Office,
    db: impl sqlx::PgExecutor<'_>,
    employer_id: i64,
) -> Result<Option<Heard>> {
    Ok(sqlx::query_as(
        "SELECT asked_on, insured, members, insured_base_fen, tax_state, tax_authority FROM headcount
          WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(db)
    .await?)
}
