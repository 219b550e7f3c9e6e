//! A condition asked of every account of the centre in one statement, by its second form (`PolicySet::condition_sql`), where our own
//! books hold everything that it reads: how many meet it now, and how many will.

use std::collections::BTreeSet;

use anju_casework::{Office, Result};
use anju_domain::clock::at_hour;
use anju_policy::{At, PolicySet, SqlError, SqlText, SqlValue};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres};

use super::simulation::{Simulation, bands};

/// What of the snapshot our books hold, as `sql/accounts.sql` fills it.
const COLUMNS: [&str; 17] = [
    "account_state",
    "account_state_has",
    "account_balance",
    "account_balance_has",
    "account_frozen",
    "account_reserved",
    "account_pledged",
    "account_subsidy",
    "account_whole_freeze",
    "account_opened_on",
    "account_opened_on_has",
    "account_region",
    "account_region_has",
    "contribution_continuous_months",
    "contribution_continuous_months_has",
    "contribution_last_month",
    "contribution_last_month_has",
];

/// One condition in one district and band.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    service: String,
    code: String,
    counted: Counted,
}

#[derive(Debug, Clone, FromRow)]
struct Counted {
    district: String,
    band: i16,
    people: i64,
    was: i64,
    now: i64,
    newly: i64,
    no_longer: i64,
}

/// Asks every condition that differs and can be asked.
pub(super) async fn ask(
    office: &Office,
    before: &PolicySet,
    after: &PolicySet,
    simulation: &Simulation,
) -> Result<Vec<Reached>> {
    let at = At {
        now: at_hour(simulation.stand_on, 12).unwrap_or_else(|| office.now()),
        today: simulation.stand_on,
    };
    let bands = bands(office)?;
    let mut reached = Vec::new();
    for service in &simulation.services {
        let codes: BTreeSet<String> = [before, after]
            .iter()
            .filter_map(|set| set.rules(service, at).ok())
            .flatten()
            .map(|rule| rule.code.to_owned())
            .collect();
        for code in codes {
            let (Some(was), Some(now)) = (
                form(before, service, &code, at),
                form(after, service, &code, at),
            ) else {
                continue;
            };
            let held = |sql: &SqlText| {
                let mut columns = sql.columns.iter();
                columns.all(|(column, _)| COLUMNS.contains(&column.as_str()))
            };
            if was == now || !held(&was) || !held(&now) {
                continue;
            }
            for counted in count(office, &was, &now, &bands).await? {
                reached.push(Reached {
                    service: service.clone(),
                    code: code.clone(),
                    counted,
                });
            }
        }
    }
    Ok(reached)
}

/// The condition as SQL; one that is not in force asks nothing of anybody.
fn form(set: &PolicySet, service: &str, code: &str, at: At) -> Option<SqlText> {
    match set.condition_sql(service, code, at) {
        Ok(sql) => Some(sql),
        Err(SqlError::UnknownCondition(_)) => Some(SqlText {
            text: "TRUE".into(),
            ..SqlText::default()
        }),
        Err(_) => None,
    }
}

/// The places of a text moved behind so many values of another: `$1::bigint` → `$4::bigint`. A text holds values in no other form, so
/// that a dollar is always a place.
fn moved(text: &str, by: usize) -> String {
    let mut parts = text.split('$');
    let mut moved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let place: usize = part[..digits].parse().unwrap_or_default();
        moved.push_str(&format!("${}{}", place + by, &part[digits..]));
    }
    moved
}

async fn count(
    office: &Office,
    was: &SqlText,
    now: &SqlText,
    bands: &[i64],
) -> Result<Vec<Counted>> {
    // Two values of ours come first; both texts are the compiler's own, with every value bound.
    let (was_text, now_text) = (moved(&was.text, 2), moved(&now.text, 2 + was.values.len()));
    let text = include_str!("sql/accounts.sql")
        .replacen("TRUE AS was", &format!("{was_text} AS was"), 1)
        .replacen("TRUE AS now", &format!("{now_text} AS now"), 1);
    let mut query = sqlx::query_as(AssertSqlSafe(text))
        .bind(office.centre.id)
        .bind(bands.to_vec());
    for value in was.values.iter().chain(&now.values) {
        query = bind(query, value);
    }
    Ok(query.fetch_all(&office.pool).await?)
}

type Asked<'q> = QueryAs<'q, Postgres, Counted, PgArguments>;

fn bind<'q>(query: Asked<'q>, value: &SqlValue) -> Asked<'q> {
    match value {
        SqlValue::Bool(flag) => query.bind(*flag),
        SqlValue::Number(number) => query.bind(*number),
        SqlValue::Date(date) => query.bind(*date),
        SqlValue::Text(text) => query.bind(text.clone()),
        SqlValue::Numbers(numbers) => query.bind(numbers.clone()),
    }
}

/// Keeps what was counted.
pub(super) async fn keep(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    reached: &[Reached],
) -> Result<()> {
    let number = |value: fn(&Counted) -> i64| {
        reached
            .iter()
            .map(|one| value(&one.counted))
            .collect::<Vec<i64>>()
    };
    let text =
        |value: fn(&Reached) -> &String| reached.iter().map(value).cloned().collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO policy_simulation_reach (centre_id, simulation_id, service, code, district, band, people, was, now, newly, no_longer)
         SELECT $1, $2, part.*
           FROM unnest($3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                       $11::bigint[]) AS part",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(text(|one| &one.service))
    .bind(text(|one| &one.code))
    .bind(text(|one| &one.counted.district))
    .bind(reached.iter().map(|one| one.counted.band).collect::<Vec<i16>>())
    .bind(number(|one| one.people))
    .bind(number(|one| one.was))
    .bind(number(|one| one.now))
    .bind(number(|one| one.newly))
    .bind(number(|one| one.no_longer))
    .execute(conn)
    .await?;
    Ok(())
}
