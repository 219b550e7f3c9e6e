//! 变更前后: whose base or ratio a case changes, what it was and is, and what that comes to a month.

use anju_business::contribution::people;
use anju_casework::Office;
use anju_casework::case::Case;
use anju_domain::money::Fen;
use anju_vault::NumberKind;

use crate::components::{Cell, Column, Line, Pager, Table};
use crate::pages::error::PageError;

const PAGE: i64 = 50;

/// The table of a case that changes bases or ratios, a page of it after a line; none for another case. `here` is the page on which it stands.
pub(crate) async fn table(
    office: &Office,
    one: &Case,
    here: &str,
    after: Option<i32>,
) -> Result<Option<Table>, PageError> {
    let form = one.open_form(office)?;
    let list = form.get("roster").and_then(|number| number.as_str());
    let Some(roster_id) = list.and_then(|no| office.numbers.decode(NumberKind::Roster, no)) else {
        return Ok(None);
    };
    let rows = people::changed_bases(office, roster_id, after.unwrap_or(0), PAGE).await?;
    if rows.is_empty() && after.is_none() {
        return Ok(None);
    }
    let more = (rows.len() as i64 == PAGE)
        .then(|| rows.last())
        .flatten()
        .map(|last| format!("{here}?line={}", last.line));
    let pager = (more.is_some() || after.is_some()).then(|| Pager {
        note: "按名册的次序".into(),
        before: after.map(|_| here.to_owned()),
        after: more,
    });
    let known = |amount: Option<Fen>| amount.map_or_else(Cell::none, Cell::amount);
    let lines = rows
        .iter()
        .map(|row| {
            Line::new(vec![
                Cell::new(row.name_masked.as_str()),
                known(row.base_before),
                Cell::amount(row.base),
                known(row.monthly_before),
                Cell::amount(row.monthly),
                match row.more() {
                    Some(more) if more > Fen::ZERO => Cell::new(format!("+{more}")),
                    more => known(more),
                },
            ])
        })
        .collect();
    let table = Table::new(
        "changed",
        "变更前后，月缴存额是单位和个人两部分合计",
        vec![
            Column::words("职工"),
            Column::figures("原基数（元）"),
            Column::figures("新基数（元）"),
            Column::figures("原月缴存额（元）"),
            Column::figures("新月缴存额（元）"),
            Column::figures("每月相差（元）"),
        ],
        lines,
    )
    .cards()
    .empty("没有更多了。");
    Ok(Some(match pager {
        Some(pager) => table.pager(pager),
        None => table,
    }))
}
