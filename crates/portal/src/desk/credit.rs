//! 定向授信报表: how much credit banks gave by whom, bank and month; each figure opens its list, each line its case.

use anju_business::contribution::credit::kind;
use anju_business::contribution::credit::report::{self, By, Entry, Figure, Scope};
use anju_casework::{Office, case};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Keys, Line, State as Shown, Table, Text};
use crate::desk::relief::{branch_name, branches};
use crate::desk::{branch_of, framed};
use crate::pages::desk::{ReliefListPage, ReliefPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::credit::{bank_name, shown};

const PAGE: i64 = 50;

/// What a list is of; nothing for all.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    kind: Option<i16>,
    bank: Option<String>,
    month: Option<String>,
    after: Option<String>,
}

fn kind_name(of: i16) -> &'static str {
    if of == kind::EMPLOYER {
        "单位"
    } else {
        "职工"
    }
}

/// A reviewer sees his branch.
fn scope(office: &Office, at: &AtDesk, wanted: &Wanted) -> Scope {
    let known = |bank: &&String| office.bank(bank).is_ok();
    Scope {
        kind: wanted.kind,
        bank: wanted.bank.as_ref().filter(known).cloned(),
        branch_id: branch_of(&at.staff),
        month: wanted
            .month
            .as_deref()
            .and_then(|text| Month::parse(text).ok()),
    }
}

/// `GET /desk/credit`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<ReliefPage, PageError> {
    let office = &portal.engine.office;
    let scope = scope(office, &at, &Wanted::default());
    let mut tables = Vec::new();
    for (by, id, caption, head) in [
        (By::Kind, "by-kind", "合计", "范围"),
        (By::Bank, "by-bank", "按银行", "银行"),
        (By::Month, "by-month", "按授信的月份", "月份"),
    ] {
        let figures = report::figures(office, &scope, by).await?;
        let lines = figures.iter().map(|one| line(office, by, one)).collect();
        let columns = vec![
            Column::words("对象"),
            Column::words(head),
            Column::figures("推荐（份）"),
            Column::figures("已授信（家、人）"),
            Column::figures("授信（元）"),
            Column::figures("已用（元）"),
        ];
        tables.push(Table::new(id, caption, columns, lines).empty("还没有推荐过。"));
    }
    let all = branches(office).await?;
    Ok(ReliefPage {
        frame: framed(office, &visit, &at, "定向授信", "/desk/credit").await?,
        title: "定向授信",
        note: "点数字看名单，点办件号看办件。金额由银行报来，报一次记一次。",
        scope: scope
            .branch_id
            .map_or_else(|| "全中心".to_owned(), |id| branch_name(&all, id))
            .into(),
        tables,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

/// A figure, with the list that it opens.
fn line(office: &Office, by: By, figure: &Figure) -> Line {
    let (name, query) = match by {
        By::Kind => ("全部".to_owned(), String::new()),
        By::Bank => (
            bank_name(office, &figure.by),
            format!("&bank={}", figure.by),
        ),
        By::Month => {
            let month = Month::from_index(figure.by.parse().unwrap_or_default());
            (month.chinese(), format!("&month={month}"))
        }
    };
    let list = format!("/desk/credit/list?kind={}{query}", figure.kind);
    Line::new(vec![
        Cell::new(kind_name(figure.kind)),
        Cell::new(name),
        Cell::new(figure.referred.to_string()).link(list.as_str()),
        Cell::new(figure.granted.to_string()).link(list.as_str()),
        Cell::amount(Fen::new(figure.granted_fen)).link(list.as_str()),
        Cell::amount(Fen::new(figure.used_fen)),
    ])
}

/// `GET /desk/credit/list`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<ReliefListPage, PageError> {
    let office = &portal.engine.office;
    let scope = scope(office, &at, &wanted);
    let after = wanted
        .after
        .as_deref()
        .and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number));
    let entries = report::entries(office, &scope, after.unwrap_or(0), PAGE).await?;
    let (mut words, mut query) = (Vec::new(), Vec::new());
    if let Some(of) = scope.kind {
        words.push(kind_name(of).to_owned());
        query.push(format!("kind={of}"));
    }
    if let Some(bank) = &scope.bank {
        words.push(bank_name(office, bank));
        query.push(format!("bank={bank}"));
    }
    if let Some(month) = scope.month {
        words.push(month.chinese());
        query.push(format!("month={month}"));
    }
    let here = format!("/desk/credit/list?{}", query.join("&"));
    let more = (entries.len() as i64 == PAGE)
        .then(|| entries.last())
        .flatten()
        .map(|last| format!("{here}&after={}", case::number(office, last.referral_id)));
    let all = branches(office).await?;
    let lines = entries
        .iter()
        .map(|entry| entry_line(office, &all, entry))
        .collect();
    let columns = vec![
        Column::words("办件"),
        Column::words("对象"),
        Column::words("网点"),
        Column::words("银行"),
        Column::words("结果"),
        Column::words("授权"),
        Column::figures("授信（元）"),
        Column::figures("已用（元）"),
    ];
    let table = Table::new("referrals", "推荐的单位和职工", columns, lines)
        .empty("没有这样的推荐。")
        .paged(after.map(|_| here), more);
    Ok(ReliefListPage {
        frame: framed(office, &visit, &at, "授信名单", "/desk/credit").await?,
        title: "授信名单",
        back: ("/desk/credit", "定向授信"),
        scope: Text::from(words.join(" · ")),
        table,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

fn entry_line(office: &Office, all: &[(i16, String)], entry: &Entry) -> Line {
    let number = case::number(office, entry.referral_id);
    let consent = if entry.withdrawn {
        Shown::idle("已收回")
    } else if office.today() > entry.until {
        Shown::idle("已到期")
    } else {
        Shown::pass(format!("到{}", chinese_date(entry.until)))
    };
    Line::new(vec![
        Cell::digits(number.as_str()).link(format!("/desk/cases/{number}")),
        Cell::new(entry.employer_name.as_deref().unwrap_or("职工")),
        Cell::new(branch_name(all, entry.branch_id)),
        Cell::new(bank_name(office, &entry.bank)),
        Cell::state(&shown(entry.state)),
        Cell::state(&consent),
        Cell::amount(Fen::new(entry.granted_fen)),
        Cell::amount(Fen::new(entry.used_fen)),
    ])
}
