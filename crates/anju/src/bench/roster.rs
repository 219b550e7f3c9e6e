//! Rosters: R3 fifty thousand people checked and credited, R13 their file read.

use std::{
    collections::HashMap,
    io::Cursor,
    time::{Duration, Instant},
};

use anju_business::contribution::{
    roster::{self, Context, Mode, PoliceAnswer, RatioChange},
    upload::{self, roster_policy},
};
use anju_casework::employer;
use anju_domain::{contribution::Ratios, id_number::IdNumber, rate::Bp};
use anyhow::{Context as _, ensure};
use calamine::{Reader, Xlsx};

use super::{
    book,
    ground::Ground,
    load::median,
    measure::ROUNDS,
    reference::{ROSTER, TABLES},
    row::{Bar, Row},
};
use crate::cast;

/// R3: the largest employer's months, one after the other, beside the same accounts and postings in plain SQL. Reading the file is R13's.
pub async fn booked(ground: &Ground) -> anyhow::Result<Row> {
    let office = &ground.engine.office;
    let (employer_id, people) = &ground.book.largest;
    let reference = &ground.reference;
    reference.psql(TABLES, &[("employer", employer_id.to_string())])?;
    let count = people.len() as f64;
    let rate = |time: Duration| count / time.as_secs_f64();

    let mut references = vec![rate(reference.psql(ROSTER, &[])?)];
    let mut parts: Vec<[f64; 3]> = Vec::new();
    let mut reads = Vec::new();
    let mut month = ground.book.next_month;
    for _ in 0..ROUNDS {
        let bytes = cast::roster(people)?;
        let began = Instant::now();
        let read = upload::read(&bytes);
        reads.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let roster_id = book::check(office, *employer_id, month, read).await?;
        let checked = began.elapsed();
        let remittance_id = book::register(office, *employer_id, month, roster_id).await?;
        let registered = began.elapsed();
        book::pay(office, remittance_id).await?;
        let paid = began.elapsed();
        parts.push(
            [checked, registered - checked, paid - registered].map(|part| part.as_secs_f64()),
        );
        references.push(rate(reference.psql(ROSTER, &[])?));
        month = month.plus(1);
    }
    let of =
        |figure: &dyn Fn(&[f64; 3]) -> f64| median(&parts.iter().map(figure).collect::<Vec<_>>());
    let ours = of(&|part| count / (part[0] + part[2]));
    let ratios: Vec<f64> = parts
        .iter()
        .zip(references.windows(2))
        .map(|(part, beside)| count / (part[0] + part[2]) * 2.0 / (beside[0] + beside[1]))
        .collect();
    let work = format!("{} 行名册：核对、入账、留凭证", people.len());
    let figures = (ours, median(&references), median(&ratios));
    let note = format!(
        "核对并留存 {:.2} 秒，到账分配 {:.2} 秒（单独 {:.0} 行/秒）；读表 {:.2} 秒在 R13 里计，其间登记清册 {:.2} 秒，都不计入。",
        of(&|part| part[0]),
        of(&|part| part[2]),
        of(&|part| count / part[2]),
        median(&reads),
        of(&|part| part[1]),
    );
    Ok(Row::ratio("R3", work, "行/秒", figures, Bar::at_least(0.60, 0.85)).noted(note))
}

/// R13: the file read and checked, every person new, beside calamine's bare reading of all cells.
pub async fn read(ground: &Ground) -> anyhow::Result<Row> {
    let office = &ground.engine.office;
    let (employer_id, people) = &ground.book.largest;
    let employer = employer::require(office, *employer_id).await?;
    let month = ground.book.next_month;
    let policy = roster_policy(office, &employer, month)?;
    let bytes = cast::roster(people)?;
    let police: HashMap<IdNumber, PoliceAnswer> = people
        .iter()
        .map(|person| Ok((IdNumber::parse(&person.id)?, PoliceAnswer::Matched)))
        .collect::<anyhow::Result<_>>()?;
    let context = Context {
        month,
        mode: Mode::Complete,
        is_first: true,
        may_be_empty: false,
        ratios: Ratios {
            employer: Bp::new(employer.ratio_employer_bp),
            employee: Bp::new(employer.ratio_employee_bp),
        },
        ratio_change: RatioChange::Open,
        policy: &policy,
        members: &HashMap::new(),
        elsewhere: &HashMap::new(),
        police: &police,
        last_month: &[],
    };
    let (mut ours, mut references) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let cells = bare(&bytes)?;
        references.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(cells > people.len(), "calamine read {cells} cells");

        let began = Instant::now();
        let sheet = roster::read(&bytes).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let (lines, faults) = roster::lines(&sheet);
        let checked = roster::check(&lines, faults, sheet.notices.clone(), &context)
            .map_err(|refused| anyhow::anyhow!("{:?}", refused.faults.first()))?;
        ours.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(
            checked.list.len() == people.len(),
            "{} of {} people were read",
            checked.list.len(),
            people.len()
        );
    }
    let (ours, reference) = (median(&ours), median(&references));
    let work = format!("{} 行的 xlsx 读入并核对 / calamine 只读", people.len());
    let figures = (ours, reference, ours / reference);
    Ok(Row::ratio(
        "R13",
        work,
        "毫秒",
        figures,
        Bar::at_most(2.0, 1.3),
    ))
}

/// Every cell of the first sheet.
fn bare(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes))?;
    let sheet = book.worksheet_range_at(0).context("a sheet")??;
    Ok(sheet.used_cells().count())
}
