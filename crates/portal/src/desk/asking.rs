//! What a department asked of us (对外提供), on its page: how often over a day, and the last questions. Nobody is named.

use anju_business::sharing::given::{self, Line as Asked};
use anju_casework::Office;
use anju_exchange::catalogue::Catalogue;
use chrono::{DateTime, TimeDelta, Utc};

use crate::components::{Cell, Column, Line, State as Shown, Table, Text};
use crate::pages::error::PageError;
use crate::when;

/// A figure of a source's page: name, figure, what it counts.
type Figure = (&'static str, String, Text);

/// The figure and the list; none for a source that may ask us nothing.
pub(super) async fn of(
    office: &Office,
    catalogue: &Catalogue,
    source: &str,
    limit: i64,
) -> Result<Option<(Figure, Table)>, PageError> {
    if !catalogue.asks_us(source) {
        return Ok(None);
    }
    let now = office.now();
    let day = given::counted(office, source, now - TimeDelta::hours(24)).await?;
    let asked = given::of_source(office, source, limit).await?;
    let figure = (
        "24 小时问过我们",
        day.asked.to_string(),
        Text::new().hint(format!("给出 {}", day.given)),
    );
    Ok(Some((figure, table(catalogue, &asked, now))))
}

fn table(catalogue: &Catalogue, asked: &[Asked], now: DateTime<Utc>) -> Table {
    let lines = asked
        .iter()
        .map(|one| {
            let title = catalogue
                .give(&one.r#type)
                .map_or(one.r#type.as_str(), |give| give.title.as_str());
            Line::new(vec![
                Cell::digits(when::second(one.at, now)),
                Cell::new(title),
                Cell::new(one.item.as_str()),
                Cell::new(given::basis_words(&one.basis)),
                Cell::state(&match one.code {
                    200 => Shown::pass("已给出"),
                    404 => Shown::idle("没有记录"),
                    _ => Shown::fail("没有依据，没有给").with_icon("alert"),
                }),
                Cell::digits(one.ms.to_string()),
            ])
        })
        .collect();
    Table::new(
        "given",
        "它问过我们什么；耗时单位：毫秒",
        vec![
            Column::words("时间"),
            Column::words("问什么"),
            Column::words("为什么事"),
            Column::words("依据"),
            Column::words("结果"),
            Column::figures("耗时"),
        ],
        lines,
    )
    .cards()
    .empty("它还没有问过我们。")
}
