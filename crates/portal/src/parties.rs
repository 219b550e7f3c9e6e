//! 一网通办 on pages: what each party was told of an employer, and whether it has confirmed (办件进度).

use anju_business::contribution::parties::{self, Told};
use anju_casework::staff::{Staff, role};
use anju_casework::{Office, case};
use anju_exchange::catalogue::Catalogue;
use anju_vault::NumberKind;
use axum::http::Method;

use crate::authorization::may;
use crate::components::{Cell, Column, Line, State, Table, Text};
use crate::desk::{branch_of, failure_words};
use crate::pages::error::PageError;
use crate::when;

/// Words about an employer that its page shows.
const WORDS: i64 = 3;

/// Whom something is told, in Chinese.
fn name_of<'c>(catalogue: &'c Catalogue, party: &str) -> &'c str {
    catalogue
        .source(party)
        .map_or("", |source| source.name_zh.as_str())
}

fn progress(told: &Told, now: chrono::DateTime<chrono::Utc>) -> State {
    match (told.taken_at, &told.failure) {
        (Some(_), _) => State::pass("已确认"),
        (None, Some(_)) => State::wait(told.again_at.map_or_else(
            || "没有送到，会再送".to_owned(),
            |at| format!("没有送到，{} 再送", when::minute(at, now)),
        )),
        (None, None) => State::wait("正在送"),
    }
}

/// What the parties were told of an employer, newest first; none where nothing was.
pub(crate) async fn of_employer(
    office: &Office,
    catalogue: &Catalogue,
    employer_id: i64,
) -> Result<Option<Table>, PageError> {
    let told = parties::of_employer(office, employer_id, WORDS).await?;
    if told.is_empty() {
        return Ok(None);
    }
    let now = office.now();
    let lines = told
        .iter()
        .map(|one| {
            let party = one.party.as_deref();
            Line::new(vec![
                Cell::new(
                    Text::new().whole(party.map_or("各部门", |party| name_of(catalogue, party))),
                ),
                Cell::new(format!("{}：{}", one.event_name(), one.name)),
                Cell::digits(when::minute(one.taken_at.unwrap_or(one.made_at), now)),
                Cell::state(&progress(one, now)),
            ])
        })
        .collect();
    Ok(Some(
        Table::new(
            "parties",
            "告知各部门的内容和它们的确认",
            vec![
                Column::words("部门"),
                Column::words("告知什么"),
                Column::words("时间"),
                Column::words("进度"),
            ],
            lines,
        )
        .cards(),
    ))
}

/// What parties have not taken yet of the employers that this member of staff may see, of one party or of all; none where all have.
pub(crate) async fn waiting(
    office: &Office,
    catalogue: &Catalogue,
    staff: &Staff,
    party: Option<&str>,
    limit: i64,
) -> Result<Option<Table>, PageError> {
    // Who keeps the lines keeps those of every branch; names of employers are no personal data.
    let branch = branch_of(staff).filter(|_| !staff.is(role::SYSTEM_ADMIN));
    let may_open = may(staff, &Method::GET, "/desk/arrears/{employer}");
    let waiting = parties::waiting(office, branch, party, limit).await?;
    if waiting.is_empty() {
        return Ok(None);
    }
    let now = office.now();
    let lines = waiting
        .iter()
        .map(|one| {
            let number = office.numbers.encode(NumberKind::Employer, one.employer_id);
            let failure = one.failure.as_deref().unwrap_or_default();
            let what = Cell::new(format!("{}：{}", one.event_name(), one.name));
            Line::new(vec![
                Cell::new(
                    Text::new().whole(name_of(catalogue, one.party.as_deref().unwrap_or_default())),
                ),
                if may_open {
                    what.link(format!("/desk/arrears/{number}"))
                } else {
                    what
                },
                Cell::new(Text::new().code(case::number(office, one.case_id))),
                Cell::digits(when::minute(one.made_at, now)),
                Cell::new(failure_words(failure)),
                one.again_at
                    .map_or_else(Cell::none, |at| Cell::digits(when::second(at, now))),
            ])
        })
        .collect();
    Ok(Some(
        Table::new(
            "untold",
            "还没有送到的告知",
            vec![
                Column::words("部门"),
                Column::words("告知什么"),
                Column::words("办件"),
                Column::words("自"),
                Column::words("为什么"),
                Column::words("下次送"),
            ],
            lines,
        )
        .cards(),
    ))
}
