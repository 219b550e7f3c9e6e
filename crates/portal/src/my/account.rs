//! 账户明细: one's own entries with the balance after each, the balances of the last months as a drawing, all of it as csv.

use anju_casework::membership::Membership;
use anju_casework::{Office, books};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::statement::AccountEntry;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Deserialize;

use crate::authorization::Me;
use crate::components::{
    Cell, Chart, ChartKind, Column, Facts, Line, Pager, Point, Series, State as Shown, Table, Text,
};
use crate::download::{self, plain};
use crate::frame::MyTab;
use crate::my::{account_of, frame, membership_of, subsidy_of};
use crate::pages::error::PageError;
use crate::pages::my::{AccountPage, Entry};
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// How many months the drawing shows.
const MONTHS: i32 = 12;

#[derive(Deserialize)]
pub(crate) struct Year {
    year: Option<i32>,
}

/// What an entry was for: 11月汇缴, 租房提取, 结息.
pub(crate) fn what(office: &Office, entry: &AccountEntry) -> String {
    let words = office.entries.passbook(entry.event);
    match entry.month {
        // Of another year than the line's, with its year.
        Some(month) if month.first_day().year() == entry.key.business_date.year() => {
            format!("{}月{words}", month.first_day().month())
        }
        Some(month) => format!("{}{words}", month.chinese()),
        None => words,
    }
}

async fn entries_of_year(
    office: &Office,
    account_id: i64,
    year: i32,
) -> Result<Vec<AccountEntry>, PageError> {
    let (first, last) = days_of(year)?;
    Ok(books::entries(office, account_id, first, last).await?)
}

/// The first and the last day of a year.
fn days_of(year: i32) -> Result<(NaiveDate, NaiveDate), PageError> {
    let day = |month, day| NaiveDate::from_ymd_opt(year, month, day).ok_or(PageError::NotFound);
    Ok((day(1, 1)?, day(12, 31)?))
}

/// `GET /my/account?year=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(query): Query<Year>,
) -> Result<AccountPage, PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let membership = membership_of(office, me.person_id)
        .await?
        .ok_or(PageError::NotFound)?;
    let year = query.year.unwrap_or(today.year());
    let opened = membership.opened_on.year();
    let (first, last) = days_of(year)?;
    let drawn_from = first_drawn(&membership, today);
    let latest = today + TimeDelta::days(7);
    // The list and the drawing look at the same entries, but for a year long past.
    let (from, to) = (first.min(drawn_from), last.max(latest));
    let (account, all, subsidy) = tokio::try_join!(
        account_of(office, &membership),
        async { Ok(books::entries(office, membership.account_id, from, to).await?) },
        subsidy_of(office, me.person_id),
    )?;
    let account = account.ok_or(PageError::NotFound)?;
    // An order that stands freezes something, and one in the queue stands behind such a one.
    let orders = match account.frozen {
        Fen::ZERO => Vec::new(),
        _ => crate::desk::court::words_for_person(office, me.person_id).await?,
    };
    let within = |from, to| {
        let days = from..=to;
        all.iter()
            .filter(move |entry| days.contains(&entry.key.business_date))
    };
    let drawn: Vec<&AccountEntry> = within(drawn_from, latest).collect();
    let chart = chart(&drawn, drawn_from, today);
    let mut entries: Vec<&AccountEntry> = within(first, last).collect();
    entries.reverse();
    let pager = Pager {
        note: format!("{year}年"),
        before: (year < today.year()).then(|| format!("/my/account?year={}", year + 1)),
        after: (year > opened).then(|| format!("/my/account?year={}", year - 1)),
    };
    let percent = |bp: i32| anju_domain::rate::Bp::new(bp).to_string();
    Ok(AccountPage {
        frame: frame(&visit, "账户明细", MyTab::Me, Some(("/my", "首页"))),
        account_no: office
            .numbers
            .encode(NumberKind::Account, membership.account_id),
        balance: account.balance,
        frozen: Facts(orders),
        facts: Facts(
            [
                ("单位".into(), membership.employer_name.as_str().into()),
                (
                    "基数和比例".into(),
                    Text::new()
                        .money(Fen::new(membership.base_fen))
                        .say(format!(
                            "，单位 {} + 个人 {}",
                            percent(membership.ratio_employer_bp),
                            percent(membership.ratio_employee_bp)
                        )),
                ),
                (
                    "状态".into(),
                    match membership.state {
                        anju_casework::membership::state::ACTIVE => Shown::pass("正常缴存").into(),
                        anju_casework::membership::state::SEALED => Text::new()
                            .state(&Shown::idle("封存"))
                            .hint("账户还在，暂时不缴"),
                        _ => Shown::idle("已结束").into(),
                    },
                ),
                ("可用".into(), Text::new().money(account.available())),
                // Courts may name more than there is; of a whole account every fen.
                (
                    "冻结".into(),
                    Text::new().money(account.frozen.min(account.balance)),
                ),
            ]
            .into_iter()
            .chain(subsidy.map(|fen| {
                let statement = Text::new().money(fen).say("　");
                (
                    "住房补贴账户余额".to_owned(),
                    statement.link("/my/years", "历年"),
                )
            }))
            .collect(),
        ),
        chart,
        entries: entries
            .iter()
            .map(|entry| Entry {
                what: what(office, entry).into(),
                note: when::day(entry.key.business_date, today).into(),
                amount: entry.amount,
                balance: entry.balance,
                href: entry
                    .case_id
                    .filter(|_| entry.amount.fen() < 0)
                    .map(|case_id| {
                        format!("/my/cases/{}", anju_casework::case::number(office, case_id))
                    }),
            })
            .collect(),
        pager: (pager.before.is_some() || pager.after.is_some()).then_some(pager),
        download: Some(format!("/my/account.csv?year={year}")),
    })
}

/// The first day of the drawing: none before the account was opened.
fn first_drawn(membership: &Membership, today: NaiveDate) -> NaiveDate {
    let first = Month::of(today).plus(1 - MONTHS).first_day();
    first.max(membership.opened_on)
}

/// The balance at each month's end.
fn chart(entries: &[&AccountEntry], first: NaiveDate, today: NaiveDate) -> Option<Chart> {
    let this = Month::of(today);
    let mut ends: Vec<(Month, Fen)> = Vec::new();
    let mut balance = entries.first().map(|entry| entry.balance - entry.amount);
    for month in Month::of(first).to(this) {
        let last = entries
            .iter()
            .rfind(|entry| Month::of(entry.key.business_date) == month);
        balance = last.map(|entry| entry.balance).or(balance);
        if let Some(balance) = balance {
            ends.push((month, balance));
        }
    }
    let (from, to) = (ends.first()?, ends.last()?);
    if ends.len() < 2 {
        return None;
    }
    let label = |month: &Month| format!("{}月", month.first_day().month());
    Some(Chart {
        id: "balance",
        finding: format!(
            "{}到{}，余额从 {} 元到 {} 元",
            label(&from.0),
            label(&to.0),
            from.1,
            to.1
        ),
        source: format!(
            "元，每月末。来源：本中心账簿，截至{}",
            when::day(today, today)
        ),
        kind: ChartKind::Lines,
        series: vec![Series {
            name: String::new(),
            points: ends
                .iter()
                .map(|(month, balance)| Point {
                    label: label(month),
                    value: Some(balance.fen()),
                })
                .collect(),
        }],
        printed_unit: 100,
        table: Table::new(
            "balances",
            "每月末余额，单位：元",
            vec![Column::words("月份"), Column::figures("余额（元）")],
            ends.iter()
                .map(|(month, balance)| {
                    Line::new(vec![Cell::new(month.chinese()), Cell::amount(*balance)])
                })
                .collect(),
        ),
    })
}

/// `GET /my/account.csv?year=`.
pub(crate) async fn csv(
    State(portal): State<Portal>,
    me: Me,
    Query(query): Query<Year>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let membership = membership_of(office, me.person_id)
        .await?
        .ok_or(PageError::NotFound)?;
    let year = query.year.unwrap_or(office.today().year());
    let entries = entries_of_year(office, membership.account_id, year).await?;
    let mut text = String::from("日期,摘要,金额（元）,余额（元）\r\n");
    for entry in &entries {
        text.push_str(&format!(
            "{},{},{},{}\r\n",
            when::iso(entry.key.business_date),
            what(office, entry),
            plain(entry.amount),
            plain(entry.balance)
        ));
    }
    Ok(download::csv(&format!("account-{year}"), &text))
}
