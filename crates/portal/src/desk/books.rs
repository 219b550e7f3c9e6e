//! 账簿: trial balance and the day's close by two hands.

use anju_business::books::day_close;
use anju_casework::{Office, branch};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use anju_domain::subject::{Side, Subject};
use anju_ledger::trial_balance::{TrialBalance, trial_balance as balance_of_day};
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Field, FieldKind, Keys, Line, State as Shown, Table, Text};
use crate::desk::{framed_on, subject};
use crate::download::{self, plain};
use crate::pages::desk::TrialBalancePage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    date: Option<String>,
    nonzero: Option<String>,
    branch: Option<String>,
    asked: Option<String>,
}

impl Wanted {
    /// The day; none where the field was emptied or holds no day.
    fn day(&self) -> Option<NaiveDate> {
        self.date.as_deref()?.parse().ok()
    }
}

async fn read(
    office: &Office,
    date: NaiveDate,
    branch: Option<i16>,
) -> Result<TrialBalance, PageError> {
    let mut conn = office.pool.acquire().await?;
    Ok(balance_of_day(&mut conn, office.ledger(), date, branch).await?)
}

/// The branch that was asked for, and its name; the centre where there is no such one.
pub(super) async fn chosen(
    office: &Office,
    wanted: Option<&str>,
) -> Result<(Option<i16>, Vec<(String, String)>), PageError> {
    let all = branch::all(office).await?;
    let wanted: Option<i16> = wanted.and_then(|text| text.parse().ok());
    let found = all
        .iter()
        .map(|one| one.branch_id)
        .find(|id| Some(*id) == wanted);
    let mut options = vec![(String::new(), "全中心".to_owned())];
    options.extend(
        all.into_iter()
            .map(|one| (one.branch_id.to_string(), one.name)),
    );
    Ok((found, options))
}

/// `GET /desk/books/trial-balance?date=&nonzero=1&branch=`.
pub(crate) async fn trial_balance(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<TrialBalancePage, PageError> {
    let office = &portal.engine.office;
    let open = day_close::open_date(office).await?;
    let date = wanted.day().unwrap_or(open);
    let (branch, options) = chosen(office, wanted.branch.as_deref()).await?;
    let branch_value = branch.map_or_else(String::new, |id| id.to_string());
    let books = read(office, date, branch).await?;
    // Without the form having been sent, rows without movement and balance are hidden.
    let hide_zero = wanted.asked.is_none() || wanted.nonzero.is_some();
    let (debit, credit) = books.turnover();
    let (closing_debit, closing_credit) = books.closing();
    // What moved between branches stands in the books of one of them on one side only: a branch's balances need not be equal.
    let equal = debit == credit && closing_debit == closing_credit;
    let mut lines = Vec::new();
    let mut parent = None;
    for line in &books.subjects {
        let is_zero = [line.opening, line.debit, line.credit, line.closing]
            .iter()
            .all(|amount| *amount == Fen::ZERO);
        if hide_zero && is_zero {
            continue;
        }
        let info = line.subject.info();
        let head = first_level(line.subject);
        if head.is_some() && head != parent {
            parent = head;
            if let Some(head) = head {
                lines.push(Line::level(
                    "group",
                    vec![Cell::new(Text::new().code(head.code()).say(head.info().name_zh)).span(6)],
                ));
            }
        }
        let moved = |amount: Fen, side: Side| match amount {
            Fen::ZERO => Cell::none(),
            amount => Cell::amount(amount).link(subject::of_turnover(
                line.subject,
                date,
                Some(side),
                &branch_value,
            )),
        };
        let stood = |amount: Fen, day: NaiveDate| {
            Cell::amount(amount).link(subject::of_balance(line.subject, day, &branch_value))
        };
        lines.push(Line::level(
            if head.is_some() { "sub" } else { "first" },
            vec![
                Cell::new(Text::new().code(info.subject.code()).say(info.name_zh)),
                stood(line.opening, date.pred_opt().unwrap_or(date)),
                moved(line.debit, Side::Debit),
                moved(line.credit, Side::Credit),
                stood(line.closing, date),
                Cell::new(side_name(info.side)),
            ],
        ));
    }
    let verdict = if equal {
        Shown::pass("借贷相等")
    } else if branch.is_some() {
        Shown::idle("有划转")
    } else {
        Shown::fail("借贷不等").with_icon("alert")
    };
    Ok(TrialBalancePage {
        frame: framed_on(
            office,
            &visit,
            &at,
            "试算平衡",
            "/desk/books/trial-balance",
            open,
        )
        .await?,
        day: if books.sealed {
            format!("{}，已日结", chinese_day(date))
        } else {
            format!("{}，还没有日结", chinese_day(date))
        },
        tags: vec![verdict.clone().tag()],
        filters: vec![
            Field::new("date", "日期", FieldKind::Date)
                .value(when::iso(date))
                .bare(),
            Field::select("branch", "网点", options)
                .value(branch_value.as_str())
                .bare(),
        ],
        hide_zero,
        table: Table::new(
            "tb",
            format!("{}试算平衡表，单位：元", chinese_day(date)),
            vec![
                Column::words("科目"),
                Column::figures("期初余额（元）"),
                Column::figures("本期借方（元）"),
                Column::figures("本期贷方（元）"),
                Column::figures("期末余额（元）"),
                Column::words("方向"),
            ],
            lines,
        )
        .totals(vec![
            Line::new(vec![
                Cell::new("合计　借方"),
                Cell::new(""),
                Cell::amount(debit),
                Cell::new(""),
                Cell::amount(closing_debit),
                Cell::state(&verdict),
            ]),
            Line::new(vec![
                Cell::new("合计　贷方"),
                Cell::new(""),
                Cell::new(""),
                Cell::amount(credit),
                Cell::amount(closing_credit),
                Cell::new(format!("差 {}", closing_debit - closing_credit)),
            ]),
        ])
        .dense(" tb")
        .fits()
        .keys()
        .empty("这一天没有余额，也没有发生额。"),
        flash: None,
        keys: Keys::new(&[("g b", "试算平衡"), ("g s", "暂收待查")]),
        downloads: vec![(
            "csv".into(),
            format!(
                "/desk/books/trial-balance.csv?date={}&branch={branch_value}",
                when::iso(date)
            ),
        )],
        taken: format!("取数 {}", when::second(office.now(), office.now())).into(),
    })
}

pub(super) fn side_name(side: Side) -> &'static str {
    if side == Side::Debit { "借" } else { "贷" }
}

/// The subject of three digits above a longer one.
fn first_level(subject: Subject) -> Option<Subject> {
    let code = subject.code();
    (code >= 1_000)
        .then(|| Subject::get(code / if code >= 10_000 { 100 } else { 10 }))
        .flatten()
}

/// `GET /desk/books/trial-balance.csv?date=&branch=`.
pub(crate) async fn trial_balance_csv(
    State(portal): State<Portal>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let date = match wanted.day() {
        Some(date) => date,
        None => day_close::open_date(office).await?,
    };
    let (branch, _) = chosen(office, wanted.branch.as_deref()).await?;
    let books = read(office, date, branch).await?;
    let mut text = String::from(
        "科目,名称,期初余额（元）,本期借方（元）,本期贷方（元）,期末余额（元）,方向\r\n",
    );
    for line in &books.subjects {
        let info = line.subject.info();
        text.push_str(&format!(
            "{},{},{},{},{},{},{}\r\n",
            info.subject.code(),
            info.name_zh,
            plain(line.opening),
            plain(line.debit),
            plain(line.credit),
            plain(line.closing),
            side_name(info.side)
        ));
    }
    let name = match branch {
        Some(id) => format!("trial-balance-{date}-{id}"),
        None => format!("trial-balance-{date}"),
    };
    Ok(download::csv(&name, &text))
}
