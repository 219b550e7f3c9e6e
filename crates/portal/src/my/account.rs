//! 账户明细: one's own entries with the balance after each, the balances of the last months as a drawing, all of it as csv.

use anju_casework::own_account::{self, Held, OwnAccount, OwnEntry};
use anju_casework::session::{Session, audience};
use anju_casework::staff::Staff;
use anju_casework::{Office, books, membership};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::Event;
use anju_ledger::statement::AccountEntry;
use anju_vault::NumberKind;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use crate::authorization::Me;
use crate::components::{
    Cell, Chart, ChartKind, Column, Facts, Line, Pager, Point, Series, State as Shown, Table, Text,
};
use crate::download::{self, plain};
use crate::frame::MyTab;
use crate::my::{frame, membership_of};
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
    words_of(office, entry.event, entry.month, entry.key.business_date)
}

fn words_of(office: &Office, event: Event, month: Option<Month>, on: NaiveDate) -> String {
    let words = office.entries.passbook(event);
    match month {
        // Of another year than the line's, with its year.
        Some(month) if month.first_day().year() == on.year() => {
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

/// The first and the last day of a year; there were no accounts before the first of these.
pub(crate) fn days_of(year: i32) -> Result<(NaiveDate, NaiveDate), PageError> {
    let day = |month, day| {
        let known = (1990..=2999).contains(&year);
        let date = NaiveDate::from_ymd_opt(year, month, day).filter(|_| known);
        date.ok_or(PageError::NotFound)
    };
    Ok((day(1, 1)?, day(12, 31)?))
}

/// The page's place in the table of who may open it.
pub(crate) const ROUTE: &str = "/my/account";

/// What was read of the account together with the session.
#[derive(Clone)]
pub(crate) struct Read {
    account: Option<Held>,
    subsidy: Option<Fen>,
}

impl<S: Send + Sync> FromRequestParts<S> for Read {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Read, PageError> {
        // Only [`admit`] lets anybody to the page.
        parts.extensions.remove().ok_or(PageError::LogIn)
    }
}

/// Lets a person to the page: one statement reads his session and all that the page says, for everybody who asks at this moment.
pub(crate) async fn admit(
    portal: &Portal,
    visit: &Visit,
    request: &mut Request,
) -> Result<(Session, Option<Staff>), PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let token = visit.session.as_deref().ok_or(PageError::LogIn)?;
    // An address that names no such year is refused by the handler.
    let year = Query::<Year>::try_from_uri(request.uri()).map_or(None, |year| year.0.year);
    let first = year
        .and_then(|year| days_of(year).ok())
        .map_or(today, |days| days.0);
    let first = first.min(days_of(today.year())?.0);
    // The list and the drawing look at the same entries.
    let found = own_account::of_token(office, token, first.min(drawn_from(today))).await?;
    let OwnAccount {
        session,
        account,
        subsidy,
    } = found
        .filter(|found| found.session.audience == audience::PERSON)
        .ok_or(PageError::LogIn)?;
    request.extensions_mut().insert(Read { account, subsidy });
    Ok((session, None))
}

/// `GET /my/account?year=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    read: Read,
    Query(query): Query<Year>,
) -> Result<AccountPage, PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let account = read.account.ok_or(PageError::NotFound)?;
    let year = query.year.unwrap_or(today.year());
    let opened = account.opened_on.year();
    let (first, last) = days_of(year)?;
    // An order that stands freezes something, and one in the queue stands behind such a one.
    let orders = match account.frozen {
        Fen::ZERO => Vec::new(),
        _ => crate::desk::court::words_for_person(office, me.person_id).await?,
    };
    let drawn_from = drawn_from(today).max(account.opened_on);
    let begin = account
        .entries
        .partition_point(|entry| entry.business_date < drawn_from);
    let chart = chart(&account.entries[begin..], drawn_from, today);
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
            .encode(NumberKind::Account, account.account_id),
        balance: account.balance,
        frozen: Facts(orders),
        facts: Facts(
            [
                ("单位".into(), account.employer_name.as_str().into()),
                (
                    "基数和比例".into(),
                    Text::new().money(account.base).say(format!(
                        "，单位 {} + 个人 {}",
                        percent(account.ratio_employer_bp),
                        percent(account.ratio_employee_bp)
                    )),
                ),
                (
                    "状态".into(),
                    match account.state {
                        membership::state::ACTIVE => Shown::pass("正常缴存").into(),
                        membership::state::SEALED => Text::new()
                            .state(&Shown::idle("封存"))
                            .hint("账户还在，暂时不缴"),
                        _ => Shown::idle("已结束").into(),
                    },
                ),
                ("可用".into(), Text::new().money(account.available)),
                // Courts may name more than there is; of a whole account every fen.
                (
                    "冻结".into(),
                    Text::new().money(account.frozen.min(account.balance)),
                ),
            ]
            .into_iter()
            .chain(read.subsidy.map(|fen| {
                let statement = Text::new().money(fen).say("　");
                (
                    "住房补贴账户余额".to_owned(),
                    statement.link("/my/years", "历年"),
                )
            }))
            .collect(),
        ),
        chart,
        entries: account
            .entries
            .iter()
            .rev()
            .filter(|entry| (first..=last).contains(&entry.business_date))
            .map(|entry| Entry {
                what: words_of(office, entry.event, entry.month, entry.business_date).into(),
                note: when::day(entry.business_date, today).into(),
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

/// The first day of the drawing, of an account that was open by then.
fn drawn_from(today: NaiveDate) -> NaiveDate {
    Month::of(today).plus(1 - MONTHS).first_day()
}

/// The balance at each month's end.
fn chart(entries: &[OwnEntry], first: NaiveDate, today: NaiveDate) -> Option<Chart> {
    let this = Month::of(today);
    let mut ends: Vec<(Month, Fen)> = Vec::new();
    let mut balance = entries.first().map(|entry| entry.balance - entry.amount);
    for month in Month::of(first).to(this) {
        let last = entries
            .iter()
            .rfind(|entry| Month::of(entry.business_date) == month);
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
