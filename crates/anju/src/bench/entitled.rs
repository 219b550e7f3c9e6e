//! R8: who of the whole population may withdraw, by the policy's own conditions as SQL, beside the same predicate written by hand.

use std::time::Instant;

use anju_business::population::{self, Possible};
use anyhow::ensure;
use sqlx::{AssertSqlSafe, Executor};

use super::{
    ground::Ground,
    load::median,
    measure::ROUNDS,
    reference::ENTITLED,
    row::{Bar, Row},
};

/// The service that the reference is written for.
const SERVICE: &str = "withdraw-rent";

/// Rounds in one figure: the scan of a small book takes milliseconds.
const TIMES: u32 = 5;

/// The population is taken from the book, and given histories of every kind, since the people of the book are alike.
pub async fn found(ground: &Ground) -> anyhow::Result<Row> {
    let office = &ground.engine.office;
    let began = Instant::now();
    let people = population::take(office).await?;
    let taken = began.elapsed().as_secs_f64();
    ensure!(people > 0, "nobody lives in the book");
    let mut owner = ground.owner().await?;
    owner.execute(HISTORIES).await?;
    owner.execute("VACUUM ANALYZE population").await?;
    let filter = population::filter(office, SERVICE)?;
    let mut conn = office.pool.acquire().await?;
    let (mut ours, mut references) = (Vec::new(), Vec::new());
    let (mut found, mut by_hand) = (0, 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..TIMES {
            let rows: Vec<Possible> = population::count(office, &mut conn, &filter).await?;
            found = rows.iter().map(|row| row.people).sum();
        }
        ours.push(began.elapsed().as_secs_f64() / f64::from(TIMES));
        let began = Instant::now();
        for _ in 0..TIMES {
            let rows: Vec<Possible> = sqlx::query_as(AssertSqlSafe(ENTITLED))
                .fetch_all(&mut *conn)
                .await?;
            by_hand = rows.iter().map(|row| row.people).sum();
        }
        references.push(began.elapsed().as_secs_f64() / f64::from(TIMES));
    }
    ensure!(
        found == by_hand && found > 0,
        "the policy finds {found}, the hand {by_hand}"
    );
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&references)
        .map(|(ours, reference)| ours / reference)
        .collect();
    Ok(Row::ratio(
        "R8",
        format!("{people} 人里按政策找能办的 / 同样的条件手写成 SQL 顺序扫描"),
        "秒",
        (median(&ours), median(&references), median(&ratios)),
        Bar::at_most(3.0, 1.2),
    )
    .noted(format!(
        "两边找到的人数一样（{found}）；从账簿取这张人口表用了 {taken:.1} 秒，不计入。"
    )))
}

/// Histories of every kind: whoever never contributed, has a gap, claimed lately, changed his phone yesterday, is frozen. Phones changed so many
/// hours and a half ago: nobody's day is over while the two sides count one after the other.
const HISTORIES: &str = "UPDATE population
    SET continuous_months = person_id % 40,
        first_month = 24000,
        last_month = extract(year FROM current_date)::int * 12 + extract(month FROM current_date)::int - 1 - person_id % 5,
        last_rent_claim = CASE WHEN person_id % 3 = 0 THEN current_date - (person_id % 700)::int END,
        phone_changed = CASE WHEN person_id % 11 = 0 THEN floor(extract(epoch FROM now()))::bigint - (person_id % 55 * 3600 + 1800) END,
        listed_until = CASE WHEN person_id % 97 = 0 THEN current_date + 30 END,
        whole_freeze = person_id % 101 = 0";
