//! 困难帮扶报表 (organisation.md §4): one report of all relief, by policy, branch, industry and month.

use anju_business::contribution::relief::kind;
use anju_business::contribution::relief::report::{self, By, Entry, Figure, Scope};
use anju_casework::{Office, branch, case};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Keys, Line, Table, Text};
use crate::desk::{branch_of, framed};
use crate::pages::desk::{ReliefListPage, ReliefPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::{arrangement_state, policy_name};

const PAGE: i64 = 50;

/// What a list is of; nothing for all.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    kind: Option<i16>,
    policy: Option<String>,
    branch: Option<i16>,
    month: Option<String>,
    industry: Option<String>,
    after: Option<String>,
}

fn kind_name(of: i16) -> &'static str {
    if of == kind::DEFERRAL {
        "缓缴"
    } else {
        "降低缴存比例"
    }
}

/// The names of the branches by their numbers.
pub(super) async fn branches(office: &Office) -> Result<Vec<(i16, String)>, PageError> {
    Ok(branch::all(office)
        .await?
        .into_iter()
        .map(|one| (one.branch_id, one.name))
        .collect())
}

pub(super) fn branch_name(all: &[(i16, String)], wanted: i16) -> String {
    all.iter()
        .find(|(id, _)| *id == wanted)
        .map_or_else(|| wanted.to_string(), |(_, name)| name.clone())
}

/// A reviewer sees his branch, whatever he asks for.
fn scope(at: &AtDesk, wanted: &Wanted) -> Scope {
    Scope {
        kind: wanted.kind,
        policy: wanted.policy.clone(),
        branch_id: branch_of(&at.staff).or(wanted.branch),
        month: wanted
            .month
            .as_deref()
            .and_then(|text| Month::parse(text).ok()),
        industry: wanted.industry.as_deref().map(escaped_letter),
    }
}

/// A letter of GB/T 4754, or `-`: what is asked for comes from outside.
fn escaped_letter(text: &str) -> String {
    let letter = text.chars().next().filter(char::is_ascii_uppercase);
    letter.unwrap_or('-').to_string()
}

/// The name of an industry by its letter, as the definition of the employer's data has it.
fn industry_name(office: &Office, letter: &str) -> String {
    let policy = office.policy();
    let service = policy.set.service("employer-info-maintain");
    let options = service
        .into_iter()
        .flat_map(|service| &service.inputs)
        .filter(|input| input.name == "industry")
        .flat_map(|input| &input.options);
    options
        .into_iter()
        .find(|one| one.value == letter)
        .map_or_else(|| "没有填".to_owned(), |one| one.label.clone())
}

/// `GET /desk/relief`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<ReliefPage, PageError> {
    let office = &portal.engine.office;
    let all = branches(office).await?;
    let scope = scope(&at, &Wanted::default());
    let mut tables = Vec::new();
    for (by, id, caption, head) in [
        (By::Policy, "by-policy", "按政策", "政策"),
        (By::Branch, "by-branch", "按网点", "网点"),
        (By::Industry, "by-industry", "按行业", "行业"),
        (By::Month, "by-month", "按月", "月份"),
    ] {
        let figures = report::figures(office, &scope, by).await?;
        let lines = figures
            .iter()
            .map(|figure| line(office, &all, by, figure))
            .collect();
        let columns = vec![
            Column::words("帮扶"),
            Column::words(head),
            Column::figures("单位（家）"),
            Column::figures("人数"),
            Column::figures("金额（元）"),
        ];
        tables.push(Table::new(id, caption, columns, lines).empty("还没有批准过。"));
    }
    Ok(ReliefPage {
        frame: framed(office, &visit, &at, "困难帮扶", "/desk/relief").await?,
        title: "困难帮扶",
        note: "点数字看名单，点办件号看办件。人数按月累计。",
        scope: scope
            .branch_id
            .map_or_else(|| "全中心".to_owned(), |id| branch_name(&all, id))
            .into(),
        tables,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

/// A figure, with the list that it opens.
fn line(office: &Office, all: &[(i16, String)], by: By, figure: &Figure) -> Line {
    let number = |text: &str| text.parse::<i32>().unwrap_or_default();
    let (name, query) = match by {
        By::Policy => (policy_name(&figure.by), format!("policy={}", figure.by)),
        By::Branch => {
            let id = i16::try_from(number(&figure.by)).unwrap_or_default();
            (branch_name(all, id), format!("branch={id}"))
        }
        By::Industry => (
            industry_name(office, &figure.by),
            format!("industry={}", figure.by),
        ),
        By::Month => {
            let month = Month::from_index(number(&figure.by));
            (month.chinese(), format!("month={month}"))
        }
    };
    let list = format!("/desk/relief/list?kind={}&{query}", figure.kind);
    Line::new(vec![
        Cell::new(kind_name(figure.kind)),
        Cell::new(name),
        Cell::new(figure.employers.to_string()).link(list.as_str()),
        Cell::new(figure.people.to_string()),
        Cell::amount(Fen::new(figure.relief_fen)).link(list.as_str()),
    ])
}

/// `GET /desk/relief/list`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<ReliefListPage, PageError> {
    let office = &portal.engine.office;
    let all = branches(office).await?;
    let scope = scope(&at, &wanted);
    let after = wanted
        .after
        .as_deref()
        .and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number));
    let entries = report::entries(office, &scope, after.unwrap_or(0), PAGE).await?;
    let mut words: Vec<String> = Vec::new();
    let mut query: Vec<String> = Vec::new();
    if let Some(of) = scope.kind {
        words.push(kind_name(of).to_owned());
        query.push(format!("kind={of}"));
    }
    if let Some(policy) = &wanted.policy {
        words.push(policy_name(policy));
        query.push(format!("policy={}", escaped(policy)));
    }
    if let Some(id) = scope.branch_id {
        words.push(branch_name(&all, id));
        query.push(format!("branch={id}"));
    }
    if let Some(month) = scope.month {
        words.push(month.chinese());
        query.push(format!("month={month}"));
    }
    if let Some(letter) = &scope.industry {
        words.push(industry_name(office, letter));
        query.push(format!("industry={letter}"));
    }
    let here = format!("/desk/relief/list?{}", query.join("&"));
    let more = (entries.len() as i64 == PAGE)
        .then(|| entries.last())
        .flatten()
        .map(|last| {
            let number = case::number(office, last.arrangement_id);
            format!("{here}&after={number}")
        });
    let lines = entries
        .iter()
        .map(|entry| entry_line(office, &all, entry))
        .collect();
    let table = Table::new(
        "arrangements",
        "帮扶的单位",
        vec![
            Column::words("办件"),
            Column::words("单位"),
            Column::words("网点"),
            Column::words("帮扶"),
            Column::words("政策"),
            Column::words("月份"),
            Column::words("状态"),
            Column::figures("人数"),
            Column::figures("金额（元）"),
        ],
        lines,
    )
    .empty("没有这样的单位。")
    .paged(after.map(|_| here), more);
    Ok(ReliefListPage {
        frame: framed(office, &visit, &at, "帮扶名单", "/desk/relief").await?,
        title: "帮扶名单",
        back: ("/desk/relief", "困难帮扶"),
        scope: Text::from(words.join(" · ")),
        table,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

/// A policy's code as it may stand in an address: what is asked for comes from outside.
fn escaped(policy: &str) -> String {
    policy
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect()
}

fn entry_line(office: &Office, all: &[(i16, String)], entry: &Entry) -> Line {
    let number = case::number(office, entry.arrangement_id);
    let months = if entry.to_month < entry.from_month {
        "—".to_owned()
    } else {
        let (from, to) = (
            Month::from_index(entry.from_month),
            Month::from_index(entry.to_month),
        );
        format!("{from} 至 {to}")
    };
    Line::new(vec![
        Cell::digits(number.as_str()).link(format!("/desk/cases/{number}")),
        Cell::new(entry.employer_name.as_str()),
        Cell::new(branch_name(all, entry.branch_id)),
        Cell::new(kind_name(entry.kind)),
        Cell::new(policy_name(&entry.policy)),
        Cell::new(months),
        Cell::state(&arrangement_state(entry.state)),
        Cell::new(entry.people.to_string()),
        Cell::amount(Fen::new(entry.relief_fen)),
    ])
}
