//! The whole population at once (服务找人): our books by person as one wide row, conditions as SQL over it, and who is entitled to what.
//! Invariant: what SQL leaves out is refused by the evaluator, too; what it leaves in the evaluator decides. Read `entitled.rs` next.

pub mod entitled;

use std::collections::BTreeMap;

use anju_casework::{Fault, Office, Result};
use anju_policy::{At, ServiceDefinition, ServiceFilter, SqlValue};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres};

use crate::policy::Rules;

/// A freeze without an amount of its own takes every fen, also later ones.
const WHOLE_FREEZE_FEN: i64 = 9_000_000_000_000_000;

/// People of one range of the taking: a transaction of some seconds.
const RANGE: i64 = 50_000;

/// Whoever applies proves himself then; he does it himself and not at the counter. Our accounts wait for no batch of interest, and nothing
/// is pledged.
const OF_EVERYBODY: [(&str, &str); 4] = [
    ("person_face_passed", "TRUE"),
    ("person_at_counter", "FALSE"),
    ("account_settling", "FALSE"),
    ("account_pledged", "0::bigint"),
];

/// Where the books know the names of policy: the name's column and the expression over `population p`. Any other name is not known here
/// and leaves its people to the evaluator.
const BOOKS: [(&str, &str); 20] = [
    ("account_state", "p.state"),
    ("account_balance", "p.balance_fen"),
    ("account_frozen", "p.frozen_fen"),
    ("account_reserved", "p.reserved_fen"),
    ("account_subsidy", "p.subsidy_fen"),
    ("account_whole_freeze", "p.whole_freeze"),
    ("account_transferring_out", "p.transferring_out"),
    ("account_remote_mark", "p.remote_mark"),
    ("account_opened_on", "p.opened_on"),
    ("account_sealed_on", "p.sealed_on"),
    ("account_region", "p.district"),
    ("contribution_continuous_months", "p.continuous_months"),
    ("contribution_first_month", "p.first_month"),
    ("contribution_last_month", "p.last_month"),
    ("case_paying_cases", "p.paying_cases"),
    ("case_last_rent_claim_on", "p.last_rent_claim"),
    ("case_last_rent_month", "p.last_rent_month"),
    ("blacklist_listed", "(p.listed_until IS NOT NULL)"),
    ("blacklist_until", "p.listed_until"),
    ("person_mobile_changed_at", "p.phone_changed"),
];

/// The names that our books know of everybody, each with its SQL.
#[must_use]
pub fn given() -> BTreeMap<String, String> {
    let first = ("person_first_registration", "(p.phone_changed IS NULL)");
    OF_EVERYBODY
        .iter()
        .chain(&BOOKS)
        .chain([&first])
        .map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()))
        .collect()
}

/// Every withdrawal in force: what services are looked for.
#[must_use]
pub fn withdrawals(office: &Office) -> Vec<ServiceDefinition> {
    let policy = office.policy();
    // What no channel offers is nobody's to ask for (the run of an agreement).
    let paying =
        |service: &&ServiceDefinition| service.effect == "pay_out" && !service.channels.is_empty();
    policy.set.services().filter(paying).cloned().collect()
}

/// Takes the population anew, range by range, each a transaction; an interrupted taking is gone on with. Returns how many there are.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn take(office: &Office) -> Result<i64> {
    let rules = Rules::on(office, office.today());
    let mut after = i64::MIN;
    loop {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT max(person_id)
               FROM (SELECT person_id FROM membership
                      WHERE centre_id = $1 AND person_id > $2 AND state <> 9 ORDER BY person_id LIMIT $3) AS range",
        )
        .bind(office.centre.id)
        .bind(after)
        .bind(RANGE)
        .fetch_one(&office.pool)
        .await?;
        let Some(last) = last else { break };
        // In one transaction, so that nobody ever looks at a range without its people.
        let mut tx = office.pool.begin().await?;
        sqlx::query(
            "DELETE FROM population WHERE centre_id = $1 AND person_id > $2 AND person_id <= $3",
        )
        .bind(office.centre.id)
        .bind(after)
        .bind(last)
        .execute(&mut *tx)
        .await?;
        sqlx::query(include_str!("sql/take.sql"))
            .bind(office.centre.id)
            .bind(after)
            .bind(last)
            .bind(office.today())
            .bind(WHOLE_FREEZE_FEN)
            .bind(rules.flag("backpay_counts_for_continuity")?)
            .bind(rules.flag("defer_keeps_continuity")?)
            .bind(rules.flag("rt_months_count_for_continuity")?)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        after = last;
    }
    sqlx::query("DELETE FROM population WHERE centre_id = $1 AND person_id > $2")
        .bind(office.centre.id)
        .bind(after)
        .execute(&office.pool)
        .await?;
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM population WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_one(&office.pool)
            .await?,
    )
}

/// The filter of a service at this moment.
///
/// # Errors
/// A service that the policy does not know.
pub fn filter(office: &Office, service: &str) -> Result<ServiceFilter> {
    let at = At {
        now: office.now(),
        today: office.today(),
    };
    office
        .policy()
        .set
        .filter_sql(service, &given(), at)
        .map_err(|error| Fault::Policy(error.to_string()).into())
}

type Asked<T> = QueryAs<'static, Postgres, T, PgArguments>;

/// A statement whose places begin with the filter's own values.
fn over<T>(sql: String, filter: &ServiceFilter) -> Asked<T>
where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
{
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for value in &filter.sql.values {
        query = match value.clone() {
            SqlValue::Bool(flag) => query.bind(flag),
            SqlValue::Number(number) => query.bind(number),
            SqlValue::Date(date) => query.bind(date),
            SqlValue::Text(text) => query.bind(text),
            SqlValue::Numbers(numbers) => query.bind(numbers),
        };
    }
    query
}

/// People of a branch and district against whom nothing in our books speaks.
#[derive(Debug, Clone, FromRow)]
pub struct Possible {
    /// The branch that keeps them.
    pub branch_id: i16,
    /// District of the employer.
    pub district: String,
    /// How many.
    pub people: i64,
}

/// Counts whom a filter leaves, by branch and district: one pass over the population.
///
/// # Errors
/// The database.
pub async fn count(
    office: &Office,
    conn: &mut PgConnection,
    filter: &ServiceFilter,
) -> Result<Vec<Possible>> {
    let centre = filter.sql.values.len() + 1;
    let text = &filter.sql.text;
    let sql = format!(
        "SELECT p.branch_id, p.district, count(*) AS people FROM population p WHERE p.centre_id = ${centre}::smallint AND {text}
          GROUP BY p.branch_id, p.district ORDER BY p.branch_id, p.district"
    );
    Ok(over(sql, filter)
        .bind(office.centre.id)
        .fetch_all(conn)
        .await?)
}

/// Somebody whom the evaluator is to decide on.
#[derive(Debug, Clone, FromRow)]
pub struct Candidate {
    /// Who.
    pub person_id: i64,
    /// The branch that keeps him.
    pub branch_id: i16,
    /// District of the employer.
    pub district: String,
    /// Whether he lets us ask departments by ourselves.
    pub consents: bool,
}

/// The next people whom a filter leaves and of whom more is known than our books, or who let us ask: in the order of their numbers.
///
/// # Errors
/// The database.
pub async fn candidates(
    office: &Office,
    conn: &mut PgConnection,
    filter: &ServiceFilter,
    standing: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Candidate>> {
    let first = filter.sql.values.len();
    let [centre, past, now, service, most] = [1, 2, 3, 4, 5].map(|place| first + place);
    let text = &filter.sql.text;
    let sql = format!(
        "SELECT left_in.person_id, left_in.branch_id, left_in.district, left_in.consents
           FROM (SELECT p.person_id, p.branch_id, p.district,
                        EXISTS (SELECT FROM consent c
                                 WHERE c.centre_id = p.centre_id AND c.person_id = p.person_id AND c.service = ${service}::text
                                   AND c.case_id IS NULL AND c.withdrawn_at IS NULL) AS consents,
                        EXISTS (SELECT FROM person who
                                  JOIN fact f ON f.centre_id = who.centre_id AND f.subject_index IN (who.id_index, who.id_index_before)
                                 WHERE who.centre_id = p.centre_id AND who.person_id = p.person_id
                                   AND f.state IN (1, 2) AND f.valid_until > ${now}::timestamptz) AS known
                   FROM population p
                  WHERE p.centre_id = ${centre}::smallint AND p.person_id > ${past}::bigint AND {text}
                  ORDER BY p.person_id) AS left_in
          WHERE left_in.consents OR left_in.known
          LIMIT ${most}::bigint"
    );
    Ok(over(sql, filter)
        .bind(office.centre.id)
        .bind(after)
        .bind(office.now())
        .bind(standing)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}
