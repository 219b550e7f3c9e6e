//! 补缴 and other lists beside the months that are registered and not paid yet: named by their months, each with its way to pay.

use std::collections::HashMap;

use anju_business::contribution::base_year::Owes;
use anju_business::contribution::remittance::{self, Remittance, kind};
use anju_casework::Office;
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::Datelike;

use crate::components::{Row, Text};
use crate::pages::error::PageError;
use crate::unit::home::{short, state_of, what};
use crate::unit::number;
use crate::when;

/// 2026年11月, 2026年7月至11月, 2025年11月至2026年2月.
pub(super) fn span(from: Month, to: Month) -> String {
    if from == to {
        return from.chinese();
    }
    if from.first_day().year() == to.first_day().year() {
        return format!("{}至{}", from.chinese(), short(to));
    }
    format!("{}至{}", from.chinese(), to.chinese())
}

/// What each of these lists is for, with all months of a back payment; [`what`] knows only the last.
pub(super) async fn named(
    office: &Office,
    lists: &[&Remittance],
) -> Result<HashMap<i64, String>, PageError> {
    let ids: Vec<i64> = lists
        .iter()
        .filter(|one| one.kind == kind::SUPPLEMENT)
        .map(|one| one.remittance_id)
        .collect();
    let months = remittance::months_of(office, &ids).await?;
    Ok(lists
        .iter()
        .map(|one| {
            let name = match months.get(&one.remittance_id) {
                Some((from, to)) => format!("补缴（{}）", span(*from, *to)),
                None => what(one),
            };
            (one.remittance_id, name)
        })
        .collect())
}

/// The name of one list.
pub(super) async fn name(office: &Office, one: &Remittance) -> Result<String, PageError> {
    let mut names = named(office, &[one]).await?;
    Ok(names
        .remove(&one.remittance_id)
        .unwrap_or_else(|| what(one)))
}

/// The employer's lists beside the months that wait for money.
pub(super) async fn beside(
    office: &Office,
    employer_id: i64,
) -> Result<Vec<Remittance>, PageError> {
    let mut conn = office.pool.acquire().await?;
    let mut lists = remittance::waiting(office, &mut conn, employer_id).await?;
    lists.retain(|one| matches!(one.kind, kind::SUPPLEMENT | kind::SUBSIDY));
    Ok(lists)
}

/// A row for each of these lists: what, how much, by when, and the way to pay.
pub(super) async fn rows(office: &Office, lists: &[Remittance]) -> Result<Vec<Row>, PageError> {
    let names = named(office, &lists.iter().collect::<Vec<_>>()).await?;
    Ok(lists
        .iter()
        .map(|one| {
            let name = names.get(&one.remittance_id);
            Row::to(
                format!("/unit/pay?list={}", number(office, one)),
                name.cloned().unwrap_or_else(|| what(one)),
            )
            .sign(&state_of(one))
            .note(format!(
                "{} 人，最迟{}前付",
                one.people,
                when::until(one.due_on, office.now())
            ))
            .value(
                Text::new()
                    .say("付 ")
                    .money(Fen::new(one.amount_fen - one.received_fen)),
            )
        })
        .collect())
}

/// What a change of bases would register, in words.
pub(super) fn owes(office: &Office, one: &Owes) -> Text {
    Text::new()
        .say(format!(
            "{}已经按旧基数登记，要补差额 ",
            span(one.from, one.to)
        ))
        .money(one.amount)
        .say("。会同时登记一份补缴清册，最迟")
        .time(when::until(one.until, office.now()))
        .say("前付款，到账马上分配。")
}
