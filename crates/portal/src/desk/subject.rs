//! 总账和明细: from a figure of the trial balance to the days of its subject, and from a day's turnover to its journals.

use anju_business::books::day_close;
use anju_casework::{Office, case};
use anju_domain::calendar::{Month, chinese_day};
use anju_domain::money::Fen;
use anju_domain::subject::{Side, Subject};
use anju_ledger::JournalId;
use anju_ledger::subject_ledger::{self, SubjectJournal, Wanted};
use anju_ledger::trial_balance::trial_balance;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Field, FieldKind, Line, Pager, Table, Text};
use crate::desk::books::{chosen, side_name};
use crate::desk::framed_on;
use crate::pages::desk::SubjectPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const SUBJECT: &str = "/desk/books/subject";
const JOURNALS: &str = "/desk/books/journals";
const PAGE: i64 = 50;

/// Where the days of a subject up to a day stand: the way from a balance.
pub(super) fn of_balance(subject: Subject, day: NaiveDate, branch: &str) -> String {
    let (code, month) = (subject.code(), Month::of(day));
    format!(
        "{SUBJECT}?code={code}&month={month}&to={}&branch={branch}",
        when::iso(day)
    )
}

/// Where the journals of a subject's day stand: the way from a turnover.
pub(super) fn of_turnover(
    subject: Subject,
    date: NaiveDate,
    side: Option<Side>,
    branch: &str,
) -> String {
    let side = side.map_or("", side_word);
    format!(
        "{JOURNALS}?code={}&date={}&side={side}&branch={branch}",
        subject.code(),
        when::iso(date)
    )
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Debit => "debit",
        Side::Credit => "credit",
    }
}

/// A leaf of the chart: no other subject has postings.
fn leaf(code: Option<i32>) -> Result<Subject, PageError> {
    Subject::leaves()
        .map(|info| info.subject)
        .find(|subject| code.is_none_or(|code| subject.code() == code))
        .ok_or(PageError::NotFound)
}

fn subjects(chosen: Subject) -> Field {
    let all = Subject::leaves()
        .map(|info| {
            let code = info.subject.code().to_string();
            let words = format!("{code} {}", info.name_zh);
            (code, words)
        })
        .collect();
    Field::select("code", "科目", all)
        .value(chosen.code().to_string())
        .bare()
}

fn branches(options: Vec<(String, String)>, value: &str) -> Field {
    Field::select("branch", "网点", options).value(value).bare()
}

fn named(subject: Subject) -> String {
    format!("{} {}", subject.code(), subject.info().name_zh)
}

#[derive(Deserialize)]
pub(crate) struct WantedMonth {
    code: Option<i32>,
    month: Option<String>,
    to: Option<String>,
    branch: Option<String>,
}

/// `GET /desk/books/subject?code=&month=&to=&branch=`: the days of a subject in a month, up to one.
pub(crate) async fn days(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<WantedMonth>,
) -> Result<SubjectPage, PageError> {
    let office = &portal.engine.office;
    let open = day_close::open_date(office).await?;
    let subject = leaf(wanted.code)?;
    let month = wanted
        .month
        .and_then(|month| Month::parse(&month).ok())
        .unwrap_or(Month::of(open));
    let until: Option<NaiveDate> = wanted.to.and_then(|day| day.parse().ok());
    let until = until.filter(|day| Month::of(*day) == month);
    let last = until.unwrap_or(month.last_day());
    let (branch, options) = chosen(office, wanted.branch.as_deref()).await?;
    let branch_value = branch.map_or_else(String::new, |id| id.to_string());
    let mut conn = office.pool.acquire().await?;
    let range = (month.first_day(), last);
    let period = subject_ledger::period(&mut conn, office.ledger(), subject, range, branch).await?;
    drop(conn);
    let mut lines = vec![Line::new(vec![
        Cell::new("月初余额"),
        Cell::none(),
        Cell::none(),
        Cell::amount(period.opening),
    ])];
    lines.extend(period.days.iter().map(|day| {
        let to = |side| of_turnover(subject, day.date, side, &branch_value);
        Line::new(vec![
            Cell::new(chinese_day(day.date)).link(to(None)),
            Cell::amount(day.debit).link(to(Some(Side::Debit))),
            Cell::amount(day.credit).link(to(Some(Side::Credit))),
            Cell::amount(day.closing),
        ])
    }));
    let ends = match until {
        Some(day) => format!("{}余额", chinese_day(day)),
        None => "月末余额".to_owned(),
    };
    let title = format!("{}，{}", named(subject), month.chinese());
    Ok(SubjectPage {
        frame: framed_on(
            office,
            &visit,
            &at,
            "总账",
            "/desk/books/trial-balance",
            open,
        )
        .await?,
        title: named(subject),
        day: format!(
            "{}，余额在{}方",
            month.chinese(),
            side_name(subject.info().side)
        ),
        action: SUBJECT,
        filters: vec![
            subjects(subject),
            Field::new("month", "月份", FieldKind::Month)
                .value(month.to_string())
                .bare(),
            branches(options, &branch_value),
        ],
        table: Table::new(
            "sl",
            format!("{title}，逐日，单位：元"),
            vec![
                Column::words("日期"),
                Column::figures("借方（元）"),
                Column::figures("贷方（元）"),
                Column::figures("余额（元）"),
            ],
            lines,
        )
        .totals(vec![Line::new(vec![
            Cell::new(ends),
            Cell::amount(period.debit),
            Cell::amount(period.credit),
            Cell::amount(period.closing),
        ])])
        .dense("")
        .fits()
        .keys()
        .empty(""),
        taken: taken(office),
    })
}

fn taken(office: &Office) -> Text {
    format!("取数 {}", when::second(office.now(), office.now())).into()
}

#[derive(Deserialize)]
pub(crate) struct WantedDay {
    code: Option<i32>,
    date: Option<String>,
    side: Option<String>,
    branch: Option<String>,
    after: Option<String>,
}

/// `GET /desk/books/journals?code=&date=&side=&branch=&after=`: the journals of a subject's day.
pub(crate) async fn journals(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<WantedDay>,
) -> Result<SubjectPage, PageError> {
    let office = &portal.engine.office;
    let open = day_close::open_date(office).await?;
    let subject = leaf(wanted.code)?;
    let date = wanted.date.and_then(|day| day.parse().ok()).unwrap_or(open);
    let side = [Side::Debit, Side::Credit]
        .into_iter()
        .find(|side| wanted.side.as_deref() == Some(side_word(*side)));
    let (branch, options) = chosen(office, wanted.branch.as_deref()).await?;
    let branch_value = branch.map_or_else(String::new, |id| id.to_string());
    let after = wanted
        .after
        .as_deref()
        .and_then(|number| office.numbers.decode(NumberKind::Case, number))
        .map(JournalId);
    let mut conn = office.pool.acquire().await?;
    let asked = Wanted {
        subject,
        date,
        branch_id: branch,
        side,
    };
    let found =
        subject_ledger::journals(&mut conn, office.ledger(), asked, after, PAGE + 1).await?;
    let books = trial_balance(&mut conn, office.ledger(), date, branch).await?;
    drop(conn);
    let here = of_turnover(subject, date, side, &branch_value);
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let shown = &found[..found.len().min(page)];
    let more = (found.len() > page)
        .then(|| shown.last())
        .flatten()
        .map(|last| format!("{here}&after={}", case::number(office, last.journal_id.0)));
    let totals = books
        .of(subject)
        .map(|figure| {
            Line::new(vec![
                Cell::new("本日合计"),
                Cell::new("").span(3),
                shown_side(side, Side::Debit, figure.debit),
                shown_side(side, Side::Credit, figure.credit),
            ])
        })
        .into_iter()
        .collect();
    let table = Table::new(
        "sj",
        format!("{}，{}的凭证，单位：元", named(subject), chinese_day(date)),
        vec![
            Column::words("凭证号"),
            Column::words("时间"),
            Column::words("摘要"),
            Column::figures("分录数"),
            Column::figures("借方（元）"),
            Column::figures("贷方（元）"),
        ],
        shown.iter().map(|one| line(office, one)).collect(),
    )
    .totals(totals)
    .dense("")
    .fits()
    .empty("这一天这个科目没有发生额。")
    .pager(Pager {
        note: "按记账先后".into(),
        before: after.map(|_| here.clone()),
        after: more,
    });
    Ok(SubjectPage {
        frame: framed_on(
            office,
            &visit,
            &at,
            "明细",
            "/desk/books/trial-balance",
            open,
        )
        .await?,
        title: named(subject),
        day: format!(
            "{}，{}",
            chinese_day(date),
            side.map_or_else(
                || "借贷两方的凭证".to_owned(),
                |side| format!("{}方的凭证", side_name(side))
            )
        ),
        action: JOURNALS,
        filters: vec![
            subjects(subject),
            Field::new("date", "日期", FieldKind::Date)
                .value(when::iso(date))
                .bare(),
            Field::select(
                "side",
                "方向",
                [("", "借贷两方"), ("debit", "借方"), ("credit", "贷方")]
                    .map(|(value, words)| (value.to_owned(), words.to_owned()))
                    .into(),
            )
            .value(side.map_or("", side_word))
            .bare(),
            branches(options, &branch_value),
        ],
        table,
        taken: taken(office),
    })
}

fn shown_side(wanted: Option<Side>, own: Side, amount: Fen) -> Cell {
    match wanted {
        Some(side) if side != own => Cell::none(),
        _ => Cell::amount(amount),
    }
}

fn line(office: &Office, one: &SubjectJournal) -> Line {
    let moved = |amount: Fen| Cell::maybe((amount != Fen::ZERO).then_some(amount));
    let mut what = Text::new().say(office.entries.name(one.event));
    if let Some(month) = one.month {
        what = what.say(format!("，{}", month.chinese()));
    }
    if let Some(first) = one.reverses {
        what = what.say(format!("，红字冲销 {}", case::number(office, first.0)));
    }
    Line::new(vec![
        Cell::digits(case::number(office, one.journal_id.0)),
        Cell::digits(when::clock(one.made_at)),
        Cell::new(what),
        Cell::count(one.lines),
        moved(one.debit),
        moved(one.credit),
    ])
}
