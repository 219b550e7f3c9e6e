//! 欠缴: who owes since when, by branch; an employer's months and people. `enforcement.rs` is what is done about it.

use anju_business::contribution::arrears::{self, headcount, night};
use anju_business::contribution::enforcement::{self, state};
use anju_casework::employer::{self, Employer};
use anju_casework::staff::Staff;
use anju_casework::{Office, branch};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Path, Query, State};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{
    Cell, Column, Facts, Field, Line, Pager, State as Shown, Table, Tabs, Text,
};
use crate::desk::enforcement::{STATES, state_of};
use crate::desk::framed;
use crate::pages::desk::{ArrearsPage, EmployerArrearsPage};
use crate::pages::error::PageError;
use crate::parties;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const PEOPLE: i64 = 50;
const HERE: &str = "/desk/arrears";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    branch: Option<String>,
    after: Option<String>,
}

/// The branch that is listed: a collector's own, or at the head office and for the centre's readers the one that they choose.
pub(super) fn scope(office: &Office, staff: &Staff, chosen: Option<&str>) -> Option<i16> {
    if sees_all(office, staff) {
        chosen.and_then(|text| text.parse().ok())
    } else {
        Some(staff.branch_id)
    }
}

pub(super) fn sees_all(office: &Office, staff: &Staff) -> bool {
    staff.sees_centre() || staff.branch_id == office.centre.head_branch
}

/// Whether this member of staff may see an employer's arrears.
pub(super) fn may_see(office: &Office, staff: &Staff, branch_id: i16) -> bool {
    sees_all(office, staff) || staff.branch_id == branch_id
}

/// The choice of a branch, for whoever sees them all.
pub(super) async fn branches(
    office: &Office,
    staff: &Staff,
    chosen: Option<i16>,
) -> Result<Option<Field>, PageError> {
    if !sees_all(office, staff) {
        return Ok(None);
    }
    let mut options = vec![(String::new(), "全中心".to_owned())];
    options.extend(
        branch::all(office)
            .await?
            .into_iter()
            .map(|one| (one.branch_id.to_string(), one.name)),
    );
    let value = chosen.map_or_else(String::new, |branch| branch.to_string());
    Ok(Some(
        Field::select("branch", "管理部", options)
            .bare()
            .value(value),
    ))
}

/// 欠缴, and the states of enforcement.
pub(super) fn tabs(here: &str) -> Tabs {
    let mut tabs = vec![(HERE.to_owned(), Text::from("欠缴"), here == HERE)];
    tabs.extend(STATES.iter().map(|(code, _, name)| {
        let href = format!("/desk/enforcement?state={code}");
        let lit = here == href;
        (href, Text::from(*name), lit)
    }));
    Tabs {
        label: "看哪些".into(),
        tabs,
    }
}

pub(super) fn employer_no(office: &Office, employer_id: i64) -> String {
    office.numbers.encode(NumberKind::Employer, employer_id)
}

/// `2026-03-05_E123`: after which line a page begins.
fn after_of(office: &Office, text: Option<&str>) -> (NaiveDate, i64) {
    text.and_then(|text| {
        let (day, number) = text.split_once('_')?;
        let employer = office.numbers.decode(NumberKind::Employer, number)?;
        Some((day.parse().ok()?, employer))
    })
    .unwrap_or((NaiveDate::MIN, 0))
}

/// `GET /desk/arrears?branch=&after=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<ArrearsPage, PageError> {
    let office = &portal.engine.office;
    let branch = scope(office, &at.staff, view.branch.as_deref());
    let after = after_of(office, view.after.as_deref());
    // PostgreSQL's calendar begins later than ours.
    let first = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap_or_default();
    let owing = arrears::list(office, branch, (after.0.max(first), after.1), PAGE).await?;
    let (employers, owed) = arrears::total(office, branch).await?;
    let last_night = night::last(office).await?;
    let today = office.today();
    let filter = branch.map_or_else(String::new, |branch| format!("branch={branch}&"));
    let more = (owing.len() as i64 == PAGE)
        .then(|| owing.last())
        .flatten()
        .map(|last| {
            format!(
                "{HERE}?{filter}after={}_{}",
                last.oldest_due,
                employer_no(office, last.employer_id)
            )
        });
    let lines = owing
        .iter()
        .map(|one| {
            let days = (today - one.oldest_due).num_days();
            Line::new(vec![
                Cell::new(one.name.as_str())
                    .link(format!("{HERE}/{}", employer_no(office, one.employer_id))),
                Cell::new(span(one.first_month, one.last_month)),
                Cell::count(one.months.into()),
                Cell::count(one.people.into()),
                Cell::amount(Fen::new(one.owed_fen)),
                Cell::digits(when::iso(one.oldest_due)),
                Cell::new(one.tax_state.as_deref().unwrap_or("—")),
                Cell::state(&if days > 30 {
                    Shown::fail(format!("过期 {days} 天")).with_icon("alert")
                } else {
                    Shown::wait(format!("过期 {days} 天"))
                }),
            ])
        })
        .collect();
    Ok(ArrearsPage {
        frame: framed(office, &visit, &at, "欠缴催缴", HERE).await?,
        title: "欠缴催缴".to_owned(),
        flash: None,
        tabs: tabs(HERE),
        branch: branches(office, &at.staff, branch).await?,
        here: HERE.to_owned(),
        figures: vec![
            ("欠缴单位（家）".to_owned(), Text::new().say(employers)),
            ("欠缴金额（元）".to_owned(), Text::new().say(owed)),
        ],
        table: Table::new(
            "arrears",
            "欠缴单位，过期最久的在前，单位：元",
            vec![
                Column::words("单位"),
                Column::words("月份"),
                Column::figures("月数"),
                Column::figures("人数"),
                Column::figures("欠缴（元）"),
                Column::words("最早应缴日").sorted(),
                Column::words("税务"),
                Column::words("过期"),
            ],
            lines,
        )
        .empty("没有欠缴的单位。")
        .keys()
        .pager(Pager {
            note: "过期最久的在前".to_owned(),
            before: view.after.is_some().then(|| format!("{HERE}?{filter}")),
            after: more,
        }),
        note: last_night.map_or_else(
            || "还没有算过，当天夜里第一次算。".into(),
            |night| {
                Text::new().say(format!(
                    "{} 夜里算的；到账分配后单位的数当时就改。不收滞纳金。",
                    chinese_date(night.day)
                ))
            },
        ),
    })
}

/// 2026年3月至2026年5月.
fn span(from: i32, to: i32) -> String {
    let name = |month: i32| Month::from_index(month).chinese();
    if from == to {
        name(from)
    } else {
        format!("{}至{}", name(from), name(to))
    }
}

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    month: Option<String>,
    after: Option<String>,
}

/// `GET /desk/arrears/{employer}?month=&after=`.
pub(crate) async fn of_employer(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<EmployerArrearsPage, PageError> {
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Employer, &number)
        .ok_or(PageError::NotFound)?;
    let employer = employer::require(office, id).await?;
    if !may_see(office, &at.staff, employer.branch_id) {
        return Err(PageError::NotFound);
    }
    let mut conn = office.pool.acquire().await?;
    let months = arrears::months_of(office, &mut conn, &employer).await?;
    drop(conn);
    let chosen = wanted
        .month
        .as_deref()
        .and_then(|text| Month::parse(text).ok())
        .or_else(|| months.first().map(|month| Month::from_index(month.month)));
    let here = format!("{HERE}/{number}");
    let people = match chosen {
        Some(month) => Some(people_of(office, &here, &employer, month, &wanted).await?),
        None => None,
    };
    let known = enforcement::of_employer(office, id, None, 20).await?;
    let total: Fen = months.iter().map(|month| Fen::new(month.owed_fen)).sum();
    Ok(EmployerArrearsPage {
        frame: framed(office, &visit, &at, &employer.name, HERE).await?,
        title: employer.name.clone(),
        facts: facts(office, &employer, total).await?,
        months: Table::new(
            "months",
            "欠缴的月份，单位：元",
            vec![
                Column::words("月份"),
                Column::words("应缴日"),
                Column::figures("人数"),
                Column::figures("欠缴（元）"),
            ],
            months
                .iter()
                .map(|one| {
                    let month = Month::from_index(one.month);
                    Line::new(vec![
                        Cell::new(month.chinese()).link(format!("{here}?month={month}")),
                        Cell::digits(when::iso(one.due_on)),
                        Cell::count(one.people.into()),
                        Cell::amount(Fen::new(one.owed_fen)),
                    ])
                    .current(chosen == Some(month))
                })
                .collect(),
        )
        .totals(vec![Line::new(vec![
            Cell::new("合计").span(3),
            Cell::amount(total),
        ])])
        .empty("没有到期未缴的月份。"),
        parties: parties::of_employer(office, portal.engine.gateway.catalogue(), id).await?,
        people_title: chosen.map_or_else(String::new, |month| format!("{}的职工", month.chinese())),
        people,
        enforcement: Table::new(
            "enforcement",
            "催缴",
            vec![
                Column::words("来源"),
                Column::words("状态"),
                Column::words("自"),
            ],
            known
                .iter()
                .map(|one| {
                    let number = office.numbers.encode(NumberKind::Case, one.enforcement_id);
                    Line::new(vec![
                        Cell::new(one.source().name()).link(format!("/desk/enforcement/{number}")),
                        Cell::state(&state_of(one, office.today())),
                        Cell::digits(when::iso(one.since)),
                    ])
                })
                .collect(),
        )
        .empty("没有催缴。"),
    })
}

async fn facts(office: &Office, employer: &Employer, total: Fen) -> Result<Facts, PageError> {
    let branches = branch::all(office).await?;
    let kept = branches
        .iter()
        .find(|one| one.branch_id == employer.branch_id)
        .map_or("", |one| one.name.as_str());
    let mut facts = vec![
        (
            "单位账号".to_owned(),
            Text::new().num(employer_no(office, employer.employer_id)),
        ),
        ("管理部".to_owned(), kept.into()),
        (
            "发薪日".to_owned(),
            employer.payday.map_or_else(
                || "没有登记，按月末算".into(),
                |day| format!("每月 {day} 日").into(),
            ),
        ),
        (
            "已汇缴至".to_owned(),
            Month::from_index(employer.paid_to_month).chinese().into(),
        ),
        ("欠缴".to_owned(), Text::new().money(total)),
    ];
    if let Some(heard) = headcount::of_employer(office, &office.pool, employer.employer_id).await? {
        let words = match heard.insured {
            Some(insured) => format!(
                "参保 {insured} 人，缴存 {} 人（{}）",
                heard.members,
                when::iso(heard.asked_on)
            ),
            None => format!("社保没有答复（{}）", when::iso(heard.asked_on)),
        };
        facts.push(("人数核对".to_owned(), words.into()));
        let words = match (&heard.tax_state, &heard.tax_authority) {
            (Some(state), Some(authority)) => format!("{state}，{authority}"),
            (Some(state), None) => state.clone(),
            (None, _) => "税务没有答复".to_owned(),
        };
        let words = format!("{words}（{}）", when::iso(heard.asked_on));
        facts.push(("税务登记".to_owned(), words.into()));
    }
    Ok(Facts(facts))
}

async fn people_of(
    office: &Office,
    here: &str,
    employer: &Employer,
    month: Month,
    wanted: &Wanted,
) -> Result<Table, PageError> {
    let after = wanted
        .after
        .as_deref()
        .and_then(|no| office.numbers.decode(NumberKind::Account, no))
        .unwrap_or(0);
    let people = arrears::people_of(office, employer.employer_id, month, after, PEOPLE).await?;
    let number = |account| office.numbers.encode(NumberKind::Account, account);
    let more = (people.len() as i64 == PEOPLE)
        .then(|| people.last())
        .flatten()
        .map(|last| format!("{here}?month={month}&after={}", number(last.account_id)));
    Ok(Table::new(
        "people",
        "这个月的职工，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("个人账号"),
            Column::figures("月缴存额（元）"),
            Column::figures("已缴（元）"),
            Column::figures("欠缴（元）"),
        ],
        people
            .iter()
            .map(|one| {
                Line::new(vec![
                    Cell::new(one.name_masked.as_str()),
                    Cell::digits(number(one.account_id)),
                    Cell::amount(one.monthly),
                    Cell::amount(one.paid),
                    Cell::amount((one.monthly - one.paid).max(Fen::ZERO)),
                ])
            })
            .collect(),
    )
    .empty("这个月没有在册的职工。")
    .pager(Pager {
        note: "按个人账号".to_owned(),
        before: (after > 0).then(|| format!("{here}?month={month}")),
        after: more,
    }))
}

/// How many clues wait, for the rail.
pub(super) async fn waiting(office: &Office, staff: &Staff) -> Result<i64, PageError> {
    let branch = scope(office, staff, None);
    Ok(enforcement::list(office, branch, state::CLUE, 0, 100)
        .await?
        .len() as i64)
}
