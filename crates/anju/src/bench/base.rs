//! BASE: the bases of a year for an employer of ten thousand people: from the file to what the clerk is shown, and from his yes to the books, with
//! the difference that July owes at the old bases.

use std::time::{Duration, Instant};

use anju_business::contribution::{
    base_year,
    roster::Mode,
    upload::{self, Upload, Uploaded},
};
use anju_casework::{Actor, case::Submission, catalogue::Request, employer, person};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_engine::Engine;
use anju_vault::NumberKind;
use anyhow::{Context, bail, ensure};
use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::{
    book::{self, Agreeing},
    ground::Ground,
    load::median,
    measure::ROUNDS,
    row::{Bar, Row},
};
use crate::{
    cast::{self, Person},
    start::office::{clock, engine, open},
};

/// As many as the row is about; fewer on a tiny book.
const PEOPLE: usize = 10_000;

/// People of a page of the preview.
const PAGE: i64 = 50;

/// Employers of the book have smaller numbers.
const FIRST_EMPLOYER: usize = 900_000;

const OLD_FEN: i64 = 2_000_000;
const NEW_FEN: i64 = 2_100_000;

/// Three employers, each adjusted once, since a year takes one adjustment. The bench's clock stands in July meanwhile.
pub async fn adjusted(ground: &Ground) -> anyhow::Result<Vec<Row>> {
    let count = PEOPLE.min(ground.book.accounts);
    let clock = clock(&ground.config.home);
    let present = clock.offset();
    // From now on there is a clock to be moved, and an office that looks at it.
    clock.set_offset(present)?;
    let pool = ground.engine.office.pool.clone();
    let engine = engine(&ground.config, open(&ground.config, pool).await?)?;
    let office = &engine.office;
    let year = contribution_year_of(Month::of(office.today()));
    let in_july = NaiveDate::from_ymd_opt(year, 7, 15).context("a day in July")?;
    let july = Month::of(in_july);
    let (mut shown, mut applied) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Numbers that nobody of the book has.
        let start = ground.book.accounts + round * count;
        let people: Vec<Person> = (start..start + count)
            .map(|number| {
                let number = i64::try_from(number)?;
                cast::person("王强", number / 10, number % 10, OLD_FEN)
            })
            .collect::<anyhow::Result<_>>()?;
        // Set up in the year before; July is listed at the old bases.
        let june = july.plus(-1);
        let employer_id = book::open_employer(office, FIRST_EMPLOYER + round, june).await?;
        for month in [june, july] {
            book::contribute(office, employer_id, month, &people).await?;
        }
        let raised: Vec<Person> = people
            .into_iter()
            .map(|person| Person {
                base_fen: NEW_FEN,
                ..person
            })
            .collect();
        let bytes = cast::roster(&raised)?;
        clock.set_offset(present + (in_july - office.today()))?;
        let measured = one(&engine, employer_id, july.plus(1), bytes, count).await;
        clock.set_offset(present)?;
        let (preview, apply) = measured?;
        shown.push(preview.as_secs_f64());
        applied.push(apply.as_secs_f64());
    }
    Ok(vec![
        Row::value(
            "BASE",
            format!("年度基数 {count} 人：读表、核对、预览（含 7 月差额）"),
            "秒",
            median(&shown),
            Bar::at_most(2.0, 1.0),
        ),
        Row::value(
            "BASE",
            format!("年度基数 {count} 人：确认到入账，差额补缴清册一并登记"),
            "秒",
            median(&applied),
            Bar::at_most(3.0, 1.5),
        ),
    ])
}

/// How long the preview and the adjustment take.
async fn one(
    engine: &Engine,
    employer_id: i64,
    month: Month,
    bytes: Vec<u8>,
    count: usize,
) -> anyhow::Result<(Duration, Duration)> {
    let office = &engine.office;
    let began = Instant::now();
    let key = Uuid::now_v7();
    let uploaded = upload::upload(
        office,
        Uploaded {
            employer_id,
            month,
            mode: Mode::Bases,
            bytes,
            actor: Actor::System,
            key,
            digest: key,
            police: &Agreeing,
        },
    )
    .await?;
    let roster_id = match uploaded {
        Upload::Kept(roster_id) => roster_id,
        Upload::Refused(mistakes) => bail!("{:?}", mistakes.faults.first()),
    };
    // What the page of the preview reads.
    let employer = employer::require(office, employer_id).await?;
    let totals = base_year::totals(office, roster_id).await?;
    let owed = base_year::difference(office, &employer, month, roster_id).await?;
    let owed = owed.map_or(anju_domain::money::Fen::ZERO, |owed| owed.amount);
    let page = base_year::declared(office, roster_id, 0, PAGE).await?;
    let people: Vec<i64> = page.iter().map(|one| one.person_id).collect();
    person::masked_names(office, &people).await?;
    let preview = began.elapsed();
    ensure!(
        usize::try_from(totals.raised)? == count,
        "{} of {count} bases rise",
        totals.raised
    );

    let began = Instant::now();
    let form = json!({ "roster": office.numbers.encode(NumberKind::Roster, roster_id) });
    let key = Uuid::now_v7();
    let submission = Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: "base-adjust".to_owned(),
            case_id: None,
            applicant_id: employer_id,
            form: form.as_object().cloned().context("a form")?,
            channel: "HALL".to_owned(),
            face_passed: true,
        },
        actor: Actor::System,
        served_by: None,
        key,
        digest: key,
        branch_id: employer.branch_id,
        tapped_at: office.now(),
        promised_at: office.now(),
    };
    engine.submit(submission).await?;
    let apply = began.elapsed();
    let (new, lines): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM membership WHERE centre_id = $1 AND employer_id = $2 AND base_fen = $3),
                (SELECT coalesce(sum(amount_fen), 0)::bigint FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND state = 1)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(NEW_FEN)
    .fetch_one(&office.pool)
    .await?;
    ensure!(
        usize::try_from(new)? == count && lines == owed.fen(),
        "{new} of {count} have the new base, {lines} fen of {owed} are listed"
    );
    Ok((preview, apply))
}
