//! 服务效能: how each service is used, in a period and in the one before; each figure opens the list of its cases. A branch sees what it keeps.

use std::collections::HashMap;

use anju_business::measures::{
    self, BankTime, By, Figures, Listed, Measured, Scope, Which, workbook,
};
use anju_casework::case::{self as cases, CaseState};
use anju_casework::staff::Staff;
use anju_casework::{Office, employer};
use anju_domain::calendar::{Month, add_months, chinese_date};
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{Datelike, Days, NaiveDate};
use serde::Deserialize;

use super::services_drawn::{self as drawn, charts, figures_above, group_name, table};
use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Flash, Line, Table, Tabs, Tone};
use crate::desk::relief::{branch_name, branches};
use crate::desk::{branch_of, framed, may_open};
use crate::download;
use crate::my::{channel_name, named};
use crate::pages::desk::{ServiceCasesPage, ServicesPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::words::{Circumstances, Stage};
use crate::when;

pub(super) const HERE: &str = "/desk/services";
const PAGE: i64 = 50;

/// The longest period that is counted at once, days: three years.
const LONGEST: i64 = 3 * 366;

/// 期间: word in an address and name.
const PERIODS: [(&str, &str); 5] = [
    ("month", "本月"),
    ("last", "上月"),
    ("year", "今年"),
    ("twelve", "近 12 个月"),
    ("range", "自选日期"),
];

/// What is asked for; nothing for all.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    period: Option<String>,
    from: Option<String>,
    to: Option<String>,
    group: Option<String>,
    branch: Option<String>,
    service: Option<String>,
    which: Option<String>,
    after: Option<String>,
}

/// First and last day.
type Days2 = (NaiveDate, NaiveDate);

/// What is looked at: this period, the one before, and of which cases.
pub(super) struct Sight {
    pub(super) period: &'static str,
    pub(super) now: Days2,
    pub(super) before: Days2,
    pub(super) group: Option<String>,
    pub(super) branch: Option<i16>,
    pub(super) services: Vec<Measured>,
    mistake: Option<&'static str>,
}

impl Sight {
    fn of(office: &Office, staff: &Staff, wanted: &Wanted) -> Result<Self, PageError> {
        let all = measures::services(office)?;
        let group = wanted
            .group
            .clone()
            .filter(|group| all.iter().any(|one| one.group == *group));
        let services = all
            .into_iter()
            .filter(|one| group.as_ref().is_none_or(|group| one.group == *group))
            .filter(|one| wanted.service.as_ref().is_none_or(|id| one.id == *id))
            .collect();
        let (period, now, before, mistake) = days(office.today(), wanted);
        Ok(Self {
            period,
            now,
            before,
            group,
            // Whoever works in a branch sees his branch, whatever he asks for.
            branch: branch_of(staff)
                .or(wanted.branch.as_deref().and_then(|text| text.parse().ok())),
            services,
            mistake,
        })
    }

    pub(super) fn scope(&self, (from, to): Days2) -> Scope {
        Scope {
            services: self.services.clone(),
            branch: self.branch,
            from,
            to,
        }
    }

    /// Group and branch as they stand in an address.
    fn filters(&self) -> String {
        let mut query = String::new();
        if let Some(group) = &self.group {
            query.push_str(&format!("&group={group}"));
        }
        if let Some(branch) = self.branch {
            query.push_str(&format!("&branch={branch}"));
        }
        query
    }

    /// The list behind a figure of a service, or of all in sight.
    pub(super) fn list(&self, (from, to): Days2, service: Option<&str>, which: Which) -> String {
        let service = service.map_or_else(String::new, |id| format!("&service={id}"));
        format!(
            "{HERE}/list?which={}&from={from}&to={to}{}{service}",
            which.code(),
            self.filters()
        )
    }

    /// The file of what is in sight.
    fn file(&self, kind: &str) -> String {
        let period = self.period;
        let days = match self.now {
            (from, to) if period == "range" => format!("&from={from}&to={to}"),
            _ => String::new(),
        };
        format!("{HERE}.{kind}?period={period}{days}{}", self.filters())
    }
}

/// The period that is asked for and the same stretch before it: as many days of the month before, of the year before, or just before.
fn days(today: NaiveDate, wanted: &Wanted) -> (&'static str, Days2, Days2, Option<&'static str>) {
    let month = Month::of(today);
    let earlier =
        |(from, to): Days2, months: i32| (add_months(from, -months), add_months(to, -months));
    let this_month = (month.first_day(), today);
    let read = |text: &Option<String>| -> Option<NaiveDate> { text.as_deref()?.parse().ok() };
    // Whoever types a day has chosen his own; the fields stand empty until he does.
    let typed = [&wanted.from, &wanted.to]
        .into_iter()
        .flatten()
        .any(|day| !day.trim().is_empty());
    let asked = if typed {
        "range"
    } else {
        wanted.period.as_deref().unwrap_or("month")
    };
    match asked {
        "last" => {
            let (last, before) = (month.plus(-1), month.plus(-2));
            (
                "last",
                (last.first_day(), last.last_day()),
                (before.first_day(), before.last_day()),
                None,
            )
        }
        "year" => {
            let first = NaiveDate::from_ymd_opt(today.year(), 1, 1).unwrap_or(today);
            ("year", (first, today), earlier((first, today), 12), None)
        }
        "twelve" => {
            let now = (month.plus(-11).first_day(), today);
            ("twelve", now, earlier(now, 12), None)
        }
        "range" => match (read(&wanted.from), read(&wanted.to)) {
            (Some(from), Some(to)) if from <= to && (to - from).num_days() < LONGEST => {
                let many = Days::new((to - from).num_days().unsigned_abs() + 1);
                let back = |day: NaiveDate| day.checked_sub_days(many).unwrap_or(day);
                ("range", (from, to), (back(from), back(to)), None)
            }
            (from, to) => {
                let mistake = match (from, to) {
                    (Some(from), Some(to)) if to < from => {
                        "截止日期早于起始日期，下面是本月的数字。请把截止日期改到起始日期之后。"
                    }
                    (Some(_), Some(_)) => {
                        "一次最多看三年，下面是本月的数字。请把两个日期改近一些。"
                    }
                    _ => "自选日期要填起、止两天，例如 2026-11-01，下面是本月的数字。",
                };
                ("range", this_month, earlier(this_month, 1), Some(mistake))
            }
        },
        _ => ("month", this_month, earlier(this_month, 1), None),
    }
}

pub(super) fn span((from, to): Days2) -> String {
    format!("{} 至 {}", chinese_date(from), chinese_date(to))
}

/// `GET /desk/services?period=&from=&to=&group=&branch=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<ServicesPage, PageError> {
    let office = &portal.engine.office;
    let sight = Sight::of(office, &at.staff, &wanted)?;
    let now = by_service(office, &sight.scope(sight.now)).await?;
    let before = by_service(office, &sight.scope(sight.before)).await?;
    // Twelve months that end with the period's last.
    let last = Month::of(sight.now.1);
    let year = (last.plus(-11).first_day(), last.last_day());
    let months = measures::figures(office, &sight.scope(year), By::Month).await?;
    let names = branches(office).await?;
    let here = sight
        .branch
        .map_or_else(|| "全中心".to_owned(), |id| branch_name(&names, id));
    let choices = |all: Vec<(String, String)>, chosen: &str| {
        all.into_iter()
            .map(|(value, name)| {
                let is = value == chosen;
                (value, name, is)
            })
            .collect()
    };
    let group = sight.group.clone().unwrap_or_default();
    let mut groups: Vec<(String, String)> = vec![(String::new(), "全部分类".to_owned())];
    for one in measures::services(office)? {
        if !groups.iter().any(|(id, _)| *id == one.group) {
            groups.push((one.group.clone(), group_name(&one.group).to_owned()));
        }
    }
    let mut places = vec![(String::new(), "全中心".to_owned())];
    places.extend(
        names
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone())),
    );
    let branch = sight.branch.map_or_else(String::new, |id| id.to_string());
    Ok(ServicesPage {
        frame: framed(office, &visit, &at, "服务效能", HERE).await?,
        here: format!("{here}，{}", span(sight.now)),
        mistake: sight.mistake.map(|words| Flash::new(Tone::Fail, words)),
        periods: choices(
            PERIODS
                .iter()
                .map(|(value, name)| ((*value).to_owned(), (*name).to_owned()))
                .collect(),
            sight.period,
        ),
        from: own_day(&sight, sight.now.0),
        to: own_day(&sight, sight.now.1),
        groups: choices(groups, &group),
        // Who sees his branch alone chooses none.
        branches: if branch_of(&at.staff).is_none() {
            choices(places, &branch)
        } else {
            Vec::new()
        },
        figures: figures_above(&now.0, &before.0),
        unused: drawn::unused(&sight, &now.0),
        now: table("now", &sight, sight.now, &now),
        before: table("before", &sight, sight.before, &before),
        before_title: format!("上期：{}", span(sight.before)),
        charts: charts(last, &months),
        csv: sight.file("csv"),
        xlsx: sight.file("xlsx"),
        note: drawn::NOTE,
    })
}

/// A day of a period that was chosen by its days.
fn own_day(sight: &Sight, day: NaiveDate) -> String {
    if sight.period == "range" {
        day.to_string()
    } else {
        String::new()
    }
}

async fn by_service(
    office: &Office,
    scope: &Scope,
) -> Result<(Vec<Figures>, Vec<BankTime>), PageError> {
    Ok((
        measures::figures(office, scope, By::Service).await?,
        measures::bank_times(office, scope).await?,
    ))
}

async fn rows(
    portal: &Portal,
    at: &AtDesk,
    wanted: &Wanted,
) -> Result<Vec<workbook::Row>, PageError> {
    let office = &portal.engine.office;
    let sight = Sight::of(office, &at.staff, wanted)?;
    let mut rows = Vec::new();
    for period in [sight.now, sight.before] {
        let (figures, banks) = by_service(office, &sight.scope(period)).await?;
        for one in figures {
            let bank = banks.iter().find(|bank| bank.of == one.of);
            let of = one.of.clone().unwrap_or_default();
            let service = sight.services.iter().find(|service| service.id == of);
            rows.push(workbook::Row {
                words: [
                    span(period),
                    service.map_or("", |one| group_name(&one.group)).to_owned(),
                    service.map_or_else(|| "合计".to_owned(), |one| one.name.clone()),
                    of,
                ],
                paper_trips: service.map(|one| one.paper_trips),
                bank: bank.cloned().unwrap_or_default(),
                figures: one,
            });
        }
    }
    Ok(rows)
}

/// `GET /desk/services.csv`: this period and the one before.
pub(crate) async fn csv(
    State(portal): State<Portal>,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let rows = rows(&portal, &at, &wanted).await?;
    Ok(download::csv("services", &workbook::csv(&rows)))
}

/// `GET /desk/services.xlsx`: the same for a spreadsheet.
pub(crate) async fn xlsx(
    State(portal): State<Portal>,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let rows = rows(&portal, &at, &wanted).await?;
    let bytes = tokio::task::spawn_blocking(move || workbook::xlsx(&rows))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(download::workbook("services", bytes))
}

/// `GET /desk/services/list?which=&from=&to=&group=&branch=&service=&after=`: the cases behind a figure.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<ServiceCasesPage, PageError> {
    let office = &portal.engine.office;
    let wanted = Wanted {
        period: Some("range".to_owned()),
        ..wanted
    };
    let sight = Sight::of(office, &at.staff, &wanted)?;
    if sight.mistake.is_some() || sight.services.is_empty() {
        return Err(PageError::NotFound);
    }
    let asked = wanted.which.as_deref().unwrap_or("begun");
    let (which, _, words) = Which::ALL
        .into_iter()
        .find(|(_, code, _)| *code == asked)
        .ok_or(PageError::NotFound)?;
    let after = wanted.after.as_deref().and_then(|text| {
        let (day, number) = text.split_once('_')?;
        let case_id = office.numbers.decode(NumberKind::Case, number)?;
        Some((day.parse().ok()?, case_id))
    });
    let listed = measures::list(office, &sight.scope(sight.now), which, after, PAGE).await?;
    let applicants: Vec<i64> = listed.iter().map(|one| one.applicant_id).collect();
    let names = employer::names_of_applicants(office, &applicants).await?;
    let here = sight.list(sight.now, wanted.service.as_deref(), which);
    let more = (listed.len() as i64 == PAGE)
        .then(|| listed.last())
        .flatten()
        .map(|last| {
            let number = cases::number(office, last.case_id);
            format!("{here}&after={}_{number}", last.begun_on)
        });
    let reads = may_open(&at.staff, "/desk/cases/{case}");
    let lines = listed
        .iter()
        .map(|one| case_line(office, one, &names, reads))
        .collect();
    let what = match &wanted.service {
        Some(id) => named(office, id, id),
        None => sight
            .group
            .as_deref()
            .map_or("全部事项", group_name)
            .to_owned(),
    };
    let table = Table::new(
        "cases",
        "办件，新的在前",
        vec![
            Column::words("办件"),
            Column::words("事项"),
            Column::words("谁"),
            Column::words("渠道"),
            Column::words("哪天开始"),
            Column::words("状态"),
            Column::figures("决定到银行"),
            Column::figures("少跑腿（次）"),
        ],
        lines,
    )
    .cards()
    .empty("没有这样的办件。")
    .paged(after.map(|_| here), more);
    let tabs = Which::ALL
        .into_iter()
        .map(|(one, _, words)| {
            let list = sight.list(sight.now, wanted.service.as_deref(), one);
            (list, words.into(), one == which)
        })
        .collect();
    Ok(ServiceCasesPage {
        frame: framed(office, &visit, &at, "服务效能，办件", HERE).await?,
        scope: format!("{what} · {words} · {}", span(sight.now)),
        tabs: Tabs {
            label: "哪些办件".to_owned(),
            tabs,
        },
        table,
        back: HERE,
    })
}

fn case_line(office: &Office, one: &Listed, names: &HashMap<i64, String>, reads: bool) -> Line {
    let number = cases::number(office, one.case_id);
    let state = CaseState::from_number(one.state).code();
    let stage = Stage::of(state, Circumstances::default()).unwrap_or(Stage::Submitted);
    Line::new(vec![
        if reads {
            Cell::digits(number.as_str()).link(format!("/desk/cases/{number}"))
        } else {
            Cell::digits(number)
        },
        // On one line each: what does not fit beside each other is scrolled to.
        Cell::digits(named(office, &one.service, &one.service)),
        Cell::digits(names.get(&one.applicant_id).map_or("—", String::as_str)),
        Cell::digits(channel_name(&one.channel)),
        Cell::digits(when::iso(one.begun_on)),
        Cell::state(&stage.state()),
        one.bank_ms
            .map_or_else(Cell::none, |ms| Cell::new(when::took(ms))),
        one.trips
            .map_or_else(Cell::none, |trips| Cell::new(drawn::signed(trips))),
    ])
}
