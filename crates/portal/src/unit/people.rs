//! 职工: who is a member of the employer. `change.rs` changes them.

use anju_business::contribution::remittance::kind;
use anju_business::contribution::{as_of, people};
use anju_casework::Office;
use anju_casework::employer::Employer;
use anju_casework::membership::state;
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Query, State};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::AtUnit;
use crate::components::{
    Cell, Column, Field, FieldKind, Flash, Line, Pager, State as Shown, Table, Text, Tone,
};
use crate::frame::{UnitFrame, UnitTab};
use crate::pages::error::PageError;
use crate::pages::unit::PeoplePage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::{framed, own_remittance, waiting};
use crate::when;

/// People on a page.
const PAGE: i64 = 50;

/// People that a search shows.
const FOUND: usize = 50;

/// Lists that a past day shows.
const LISTS: i64 = 24;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
    done: Option<String>,
    owed: Option<String>,
    on: Option<String>,
}

/// `GET /unit/people?after=&done=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<PeoplePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, &visit, &at, "职工", UnitTab::People).await?;
    if let Some(asked) = wanted.on.as_deref().filter(|on| !on.is_empty()) {
        return past(office, frame, &employer, asked, wanted.after.as_deref()).await;
    }
    // Membership ids stand in no page: a page goes on behind an account.
    let after = match wanted
        .after
        .as_deref()
        .and_then(|no| account_id(office, no))
    {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .map_or(0, |member| member.membership_id),
        None => 0,
    };
    let members = people::of_employer(office, employer.employer_id, after, PAGE).await?;
    let (active, sealed) = people::counts(office, employer.employer_id).await?;
    let more = members.len() as i64 == PAGE;
    let last = members
        .last()
        .map(|member| number(office, member.account_id));
    let pager = Pager {
        note: format!("{active} 人在缴，{sealed} 人封存"),
        before: (after > 0).then(|| "/unit/people".to_owned()),
        after: last
            .filter(|_| more)
            .map(|last| format!("/unit/people?after={last}")),
    };
    let flash = match (done(wanted.done.as_deref()), &wanted.owed) {
        (Some(words), Some(list)) => Some(owed(office, &at, words, list).await?),
        (Some(words), None) => Some(Flash::new(Tone::Pass, words)),
        (None, _) => None,
    };
    let paged = pager.before.is_some() || pager.after.is_some();
    let mut table =
        table(office, "职工，单位：元", &members).empty("还没有职工。交第一份名册，或在这里新增。");
    if paged {
        table = table.pager(pager);
    }
    Ok(PeoplePage {
        frame,
        flash,
        lead: format!("{active} 人在缴，{sealed} 人封存。点账号办理封存、启封、基数调整、补缴。")
            .into(),
        find: Some(find_field("")),
        on: on_field(""),
        past: false,
        lists: None,
        table,
    })
}

fn on_field(value: &str) -> Field {
    Field::new("on", "看以前哪一天", FieldKind::Date)
        .optional()
        .value(value)
}

/// As they stood at the end of a past business day.
async fn past(
    office: &Office,
    mut frame: UnitFrame,
    employer: &Employer,
    asked: &str,
    after: Option<&str>,
) -> Result<PeoplePage, PageError> {
    let day = asked
        .parse::<NaiveDate>()
        .ok()
        .filter(|day| as_of::checked(office, *day).is_ok());
    let Some(day) = day else {
        frame.head.failed = true;
        return Ok(PeoplePage {
            frame,
            flash: None,
            lead: "请写一个今天或以前的日子，例如 2026-05-01。".into(),
            find: None,
            on: on_field(asked).error(Some("写成 2026-05-01 这样，不晚于今天。".to_owned())),
            past: true,
            lists: None,
            table: Table::new("people", "职工", Vec::new(), Vec::new()),
        });
    };
    let from = after.and_then(|no| account_id(office, no));
    let from = match from {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .map_or(0, |member| member.membership_id),
        None => 0,
    };
    let stood = as_of::employer(office, employer.employer_id, day).await?;
    let members = as_of::members(office, employer.employer_id, day, from, PAGE).await?;
    let more = (members.len() as i64 == PAGE)
        .then(|| members.last())
        .flatten()
        .map(|last| {
            let account = number(office, last.account_id);
            format!("/unit/people?on={day}&after={account}")
        });
    let lines = members
        .iter()
        .map(|one| {
            Line::new(vec![
                Cell::new(one.name_masked.as_str()),
                Cell::digits(number(office, one.account_id)),
                Cell::state(&if one.state == state::ACTIVE {
                    Shown::pass("正常")
                } else {
                    Shown::idle("封存")
                }),
                Cell::amount(Fen::new(one.base_fen)),
                // Nothing is paid for who is sealed.
                if one.state == state::ACTIVE {
                    Cell::amount(Fen::new(one.monthly_fen))
                } else {
                    Cell::none()
                },
            ])
        })
        .collect();
    let columns = vec![
        Column::words("姓名"),
        Column::words("个人账号"),
        Column::words("状态"),
        Column::figures("缴存基数（元）"),
        Column::figures("月缴存额（元）"),
    ];
    let mut table = Table::new("people", "那一天的职工，单位：元", columns, lines)
        .empty("这一天没有留存的职工记录。")
        .cards();
    if more.is_some() || from > 0 {
        table = table.pager(Pager {
            note: String::new(),
            before: (from > 0).then(|| format!("/unit/people?on={day}")),
            after: more,
        });
    }
    let lead = match stood {
        Some(one) => format!(
            "{}营业终了：{} 人在缴，{} 人封存，单位比例 {}，个人比例 {}，已汇缴至{}。",
            chinese_date(day),
            one.active,
            one.sealed,
            Bp::new(one.ratio_employer_bp),
            Bp::new(one.ratio_employee_bp),
            Month::from_index(one.paid_to_month).chinese()
        ),
        None => format!("{}没有留存的记录。", chinese_date(day)),
    };
    Ok(PeoplePage {
        frame,
        flash: None,
        lead: lead.into(),
        find: None,
        on: on_field(&day.to_string()),
        past: true,
        lists: Some(lists(office, employer, day).await?),
        table,
    })
}

/// The last lists that were registered by then, as they stood.
async fn lists(office: &Office, employer: &Employer, day: NaiveDate) -> Result<Table, PageError> {
    let lists = as_of::lists(office, employer.employer_id, day, None, LISTS).await?;
    let lines = lists
        .iter()
        .map(|one| {
            let month = Month::from_index(one.month).chinese();
            Line::new(vec![
                Cell::new(match one.kind {
                    kind::MONTHLY => month,
                    kind::SUBSIDY => format!("住房补贴 {month}"),
                    _ => format!("补缴（至{month}）"),
                }),
                Cell::new(one.people.to_string()),
                Cell::amount(Fen::new(one.amount_fen)),
                Cell::state(&match one.state.as_str() {
                    "allocated" => Shown::pass("已分配"),
                    "cancelled" => Shown::idle("已撤销"),
                    _ => Shown::wait("等付款"),
                }),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("清册"),
        Column::figures("人数"),
        Column::figures("金额（元）"),
        Column::words("那一天的状态"),
    ];
    Ok(Table::new("lists", "那一天的清册，新的在前", columns, lines).empty("还没有清册。"))
}

fn done(what: Option<&str>) -> Option<&'static str> {
    match what? {
        "employee-account-open" => Some("办好了：已新增。下一份名册里有这名职工。"),
        "employee-account-seal" => Some("办好了：已封存。下一份名册里不再有这名职工。"),
        "employee-account-unseal" => Some("办好了：已启封。下一份名册里有这名职工。"),
        "employee-account-transfer" => Some("办好了：账户已转出。"),
        "base-adjust" => Some("办好了：基数已调整。下一份名册按新基数。"),
        "ratio-adjust" => Some("办好了：比例已调整。下一份名册按新比例。"),
        _ => None,
    }
}

/// Members with the way to change them.
fn table(office: &Office, caption: &str, members: &[people::Member]) -> Table {
    Table::new(
        "people",
        caption,
        vec![
            Column::words("姓名"),
            Column::words("证件尾号"),
            Column::words("个人账号"),
            Column::words("状态"),
            Column::figures("缴存基数（元）"),
            Column::figures("月缴存额（元）"),
        ],
        members.iter().map(|member| line(office, member)).collect(),
    )
    .cards()
}

fn find_field(value: &str) -> Field {
    Field::new("who", "找职工", FieldKind::Text)
        .hint("姓名、证件号码后四位或个人账号")
        .value(value)
}

#[derive(Deserialize)]
pub(crate) struct Sought {
    who: String,
}

/// `POST /unit/people`: members by name, end of ID number or account. What is sought stands in no address, since addresses are logged.
pub(crate) async fn find(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(sought): Form<Sought>,
) -> Result<PeoplePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, &visit, &at, "职工", UnitTab::People).await?;
    let who: String = anju_domain::text::normalise(&sought.who)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let members = match account_id(office, &who.to_uppercase()) {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .into_iter()
            .collect(),
        None if who.is_empty() => Vec::new(),
        None => people::find(office, employer.employer_id, &who, FOUND).await?,
    };
    let lead = match members.len() {
        FOUND.. => format!("找到的前 {FOUND} 人。写得全一点，找得准一点。"),
        count => format!("找到 {count} 人。"),
    };
    Ok(PeoplePage {
        frame,
        flash: None,
        lead: lead.into(),
        find: Some(find_field(&sought.who)),
        on: on_field(""),
        past: false,
        lists: None,
        table: table(office, "找到的职工，单位：元", &members)
            .empty("没有这样的职工。请核对姓名、证件号码后四位或个人账号。"),
    })
}

/// What was done, and what it has registered to be paid.
async fn owed(office: &Office, at: &AtUnit, words: &str, list: &str) -> Result<Flash, PageError> {
    let one = own_remittance(office, at, list).await?;
    if !one.is_open() {
        return Ok(Flash::new(Tone::Pass, words));
    }
    let words = Text::new()
        .say(words)
        .say("同时登记了")
        .say(waiting::name(office, &one).await?)
        .say(" ")
        .money(Fen::new(one.amount_fen))
        .say("，最迟")
        .time(when::until(one.due_on, office.now()))
        .say("前付款。");
    Ok(Flash::new(Tone::Wait, words).next("去付款", format!("/unit/pay?list={list}")))
}

pub(super) fn number(office: &Office, account_id: i64) -> String {
    office.numbers.encode(NumberKind::Account, account_id)
}

pub(super) fn account_id(office: &Office, number: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Account, number)
}

pub(super) fn shown(member: &people::Member) -> Shown {
    if member.state == state::ACTIVE {
        Shown::pass("正常")
    } else {
        Shown::idle("封存")
    }
}

fn line(office: &Office, member: &people::Member) -> Line {
    let account = number(office, member.account_id);
    Line::new(vec![
        Cell::new(member.name_masked.as_str()),
        Cell::digits(member.id_tail.as_str()),
        Cell::digits(account.as_str()).link(format!("/unit/people/{account}")),
        Cell::state(&shown(member)),
        Cell::amount(member.base),
        if member.state == state::ACTIVE {
            Cell::amount(member.monthly)
        } else {
            Cell::none()
        },
    ])
}
