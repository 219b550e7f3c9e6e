//! 个人缴存税前扣除年度金额: what each person contributed himself in a calendar year, for the tax bureau.
//!
//! It is what our books credited to the person's account as his own part by the business days of the year, less what was corrected or given back of
//! it. Nothing else of anybody is read.

use std::collections::BTreeMap;

use anju_casework::person::{self, purpose};
use anju_casework::{Error, Office, Result};
use chrono::{Datelike, NaiveDate};
use futures::TryStreamExt;
use serde_json::json;

use super::sent::Row;
use crate::policy::Rules;

/// The year whose file is due by now: last year's from the day of policy in January on, once every day of it is closed.
///
/// # Errors
/// The policy or the database.
pub async fn due(office: &Office) -> Result<Option<i32>> {
    let today = office.today();
    let day = Rules::on(office, today).days("pretax_file_january_day")?;
    let from = NaiveDate::from_ymd_opt(today.year(), 1, day.clamp(1, 31));
    if from.is_none_or(|from| today < from) {
        return Ok(None);
    }
    let year = today.year() - 1;
    let open: NaiveDate =
        sqlx::query_scalar("SELECT open_date FROM business_day WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_one(&office.pool)
            .await?;
    Ok((open.year() > year).then_some(year))
}

/// The year's last day.
#[must_use]
pub fn last_day(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 12, 31)
}

/// The rows of a year: `{zjhm, nd, grjce_fen}`, one a person, by ID number; nobody whose amount is nothing.
///
/// # Errors
/// The database, or a number that cannot be opened.
pub async fn rows(office: &Office, year: i32) -> Result<Vec<Row>> {
    let mut conn = office.pool.acquire().await?;
    let mut found = sqlx::query_as::<_, (Vec<u8>, i64)>(include_str!("sql/pretax.sql"))
        .bind(office.centre.id)
        .bind(NaiveDate::from_ymd_opt(year, 1, 1))
        .bind(last_day(year))
        .fetch(&mut *conn);
    let mut by_number: BTreeMap<String, i64> = BTreeMap::new();
    while let Some((sealed, fen)) = found.try_next().await.map_err(Error::from)? {
        let number = person::text(&office.vault, purpose::ID, &sealed)?;
        *by_number.entry(number).or_default() += fen;
    }
    Ok(by_number
        .into_iter()
        .map(|(number, fen)| Row {
            line: json!({ "zjhm": number, "nd": year.to_string(), "grjce_fen": fen }).to_string(),
            control_fen: fen,
        })
        .collect())
}
