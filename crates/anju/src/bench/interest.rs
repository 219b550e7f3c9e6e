//! R4: the annual interest of every account, as on a 1 July, beside one `UPDATE` and one `INSERT` of the same rows.

use std::time::Instant;

use anju_casework::{
    Actor,
    books::{self, Booking},
};
use anju_ledger::{
    day::{self, BusinessDate, Closing},
    product,
};
use anyhow::{Context, ensure};
use chrono::{Datelike, NaiveDate};
use sqlx::Executor;

use super::{
    ground::Ground,
    load::median,
    measure::ROUNDS,
    reference::{INTEREST, TABLES},
    row::{Bar, Row},
};

/// Three years, each opened and settled. The business date of the bench's books lies in a later year afterwards.
pub async fn of_the_year(ground: &Ground) -> anyhow::Result<Row> {
    let office = &ground.engine.office;
    let reference = &ground.reference;
    let mut conn = office.pool.acquire().await?;
    let employer = ground.book.largest.0.to_string();
    reference.psql(TABLES, &[("employer", employer)])?;
    let (mut ours, mut references) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let open = day::open_day(&mut conn, office.ledger()).await?;
        let until = next_july(open.date()).context("a date")?;
        let closing = Closing {
            centre: office.ledger(),
            day: open,
            next: BusinessDate::of(until),
            maker_id: 1,
            checker_id: 2,
            at: office.now(),
        };
        day::close(&mut conn, &closing).await?;
        let booking = Booking {
            event: "E72",
            key: "",
            case_id: None,
            branch_id: office.centre.head_branch,
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[],
            amount_fen: 0,
        };
        let header = books::header(office, &mut conn, &booking).await?;

        let began = Instant::now();
        let settled = product::settle_year(&mut conn, &office.ids, &header, until).await?;
        ours.push(began.elapsed().as_secs_f64());
        ensure!(
            settled.accounts == i64::try_from(ground.book.accounts)?,
            "{} of {} accounts were settled",
            settled.accounts,
            ground.book.accounts
        );
        references.push(reference.psql(INTEREST, &[])?.as_secs_f64());
        // Both tables are as clean for the next round as for the first.
        let mut owner = ground.owner().await?;
        owner
            .execute("VACUUM ledger_account, reference.account")
            .await?;
    }
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&references)
        .map(|(ours, reference)| ours / reference)
        .collect();
    let work = format!("{} 户年度结息", ground.book.accounts);
    let figures = (median(&ours), median(&references), median(&ratios));
    Ok(Row::ratio(
        "R4",
        work,
        "秒",
        figures,
        Bar::at_most(1.5, 1.15),
    ))
}

fn next_july(day: NaiveDate) -> Option<NaiveDate> {
    let this_year = NaiveDate::from_ymd_opt(day.year(), 7, 1)?;
    if this_year > day {
        Some(this_year)
    } else {
        NaiveDate::from_ymd_opt(day.year() + 1, 7, 1)
    }
}
