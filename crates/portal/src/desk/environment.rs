//! 营商环境: ratio, hours and payments of employers by month and branch, against the lines of other cities.

use anju_business::contribution::environment::{self, Benchmark, Measured};
use anju_casework::branch;
use anju_domain::calendar::Month;
use anju_domain::rate::Bp;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Chart, ChartKind, Column, Line, Point, Series, Table, Text};
use crate::desk::framed;
use crate::pages::desk::EnvironmentPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

const PATH: &str = "/desk/environment";

#[derive(Deserialize)]
pub(crate) struct Wanted {
    branch: Option<String>,
}

/// `GET /desk/environment?branch=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<EnvironmentPage, PageError> {
    let office = &portal.engine.office;
    let last = Month::of(office.today());
    let branches = branch::all(office).await?;
    let wanted: Option<i16> = wanted.branch.and_then(|text| text.parse().ok());
    let chosen = branches
        .iter()
        .find(|branch| Some(branch.branch_id) == wanted)
        .map(|branch| branch.branch_id);
    let months = environment::by_month(office, last, chosen).await?;
    let kept = environment::by_branch(office, last).await?;
    let (cities, source) = environment::benchmarks(office)?;
    let name = |id: i32| {
        branches
            .iter()
            .find(|branch| i32::from(branch.branch_id) == id)
            .map_or("—", |branch| branch.name.as_str())
    };
    let year = whole(&months, &kept, chosen);
    let here = chosen.map_or("全中心", |id| name(i32::from(id)));
    let figure = |value: Option<String>| value.unwrap_or_else(|| "—".to_owned());
    Ok(EnvironmentPage {
        frame: framed(office, &visit, &at, "营商环境", PATH).await?,
        here: here.to_owned(),
        choices: branches
            .iter()
            .map(|one| {
                let id = one.branch_id.to_string();
                (id, one.name.clone(), Some(one.branch_id) == chosen)
            })
            .collect(),
        figures: vec![
            (
                "费率",
                figure(year.ratio_bp().map(percent)),
                "单位缴存额 ÷ 缴存基数，近 12 个月".into(),
            ),
            (
                "时间",
                figure(
                    year.hours_tenths()
                        .map(|tenths| format!("{} 小时", tenth(tenths))),
                ),
                "每家单位一年，网上办理的实际用时".into(),
            ),
            (
                "次数",
                figure(
                    year.payments_tenths()
                        .map(|tenths| format!("{} 次", tenth(tenths))),
                ),
                Text::new().say("每家单位一年，逐笔计；按世界银行口径（全部电子缴付）计 1 次"),
            ),
        ],
        charts: vec![
            ratio_chart(last, &months, &cities),
            yearly_chart(
                "hours",
                "小时",
                last,
                &months,
                Measured::hours_tenths,
                &lines(&cities, |city| city.hours),
            ),
            yearly_chart(
                "payments",
                "次",
                last,
                &months,
                Measured::payments_tenths,
                &lines(&cities, |city| city.payments),
            ),
        ],
        branches: branch_table(&kept, name),
        note: format!(
            "用时从经办人登录后的第一屏（或上一次提交）算到提交，停顿超过 10 分钟的不计。京沪的小时数和次数是全部税费合计，本中心只有公积金一项。对照来源：{source}。"
        ),
    })
}

/// The year as a whole: an employer of several months is one employer, so that the branches' counts are taken.
fn whole(months: &[Measured], kept: &[Measured], chosen: Option<i16>) -> Measured {
    let mut whole = Measured::default();
    for branch in kept
        .iter()
        .filter(|branch| chosen.is_none_or(|id| i32::from(id) == branch.of))
    {
        whole.employers += branch.employers;
    }
    for month in months {
        whole.base_fen += month.base_fen;
        whole.employer_fen += month.employer_fen;
        whole.payments += month.payments;
        whole.seconds += month.seconds;
    }
    whole
}

fn percent(bp: i64) -> String {
    Bp::new(i32::try_from(bp).unwrap_or(0)).to_string()
}

fn tenth(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The lines of cities that say the same are one line.
fn lines(cities: &[Benchmark], value: fn(&Benchmark) -> i64) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = Vec::new();
    for city in cities {
        match found.iter_mut().find(|(_, known)| *known == value(city)) {
            Some((name, _)) => "京沪".clone_into(name),
            None => found.push((city.city.to_owned(), value(city))),
        }
    }
    found
}

/// Twelve points that end with a month.
fn points(
    last: Month,
    months: &[Measured],
    value: impl Fn(&Measured) -> Option<i64>,
) -> Vec<Point> {
    (0..12)
        .map(|back| {
            let month = last.plus(back - 11);
            let found = months.iter().find(|one| one.of == month.index());
            Point {
                label: month.to_string().get(2..).unwrap_or_default().to_owned(),
                value: found.and_then(&value),
            }
        })
        .collect()
}

fn flat(last: Month, name: &str, value: i64) -> Series {
    Series {
        name: name.to_owned(),
        points: points(last, &[], |_| None)
            .into_iter()
            .map(|point| Point {
                value: Some(value),
                ..point
            })
            .collect(),
    }
}

fn ratio_chart(last: Month, months: &[Measured], cities: &[Benchmark]) -> Chart {
    let own = points(last, months, Measured::ratio_bp);
    let finding = match own.iter().rev().find_map(|point| point.value) {
        Some(bp) => format!("最近一个月的费率是 {}", percent(bp)),
        None => "还没有已分配的名册".to_owned(),
    };
    let mut series = vec![Series {
        name: "本市".to_owned(),
        points: own,
    }];
    series.extend(
        lines(cities, |city| city.ratio_bp)
            .iter()
            .map(|(name, bp)| flat(last, name, *bp)),
    );
    chart("ratio", finding, "费率，%", series, 100, percent)
}

/// A month's measure of one employer as it would be in a year, in tenths.
fn yearly_chart(
    id: &'static str,
    unit: &str,
    last: Month,
    months: &[Measured],
    value: fn(&Measured) -> Option<i64>,
    cities: &[(String, i64)],
) -> Chart {
    let own = points(last, months, |month| value(month).map(|tenths| tenths * 12));
    let finding = match own.iter().rev().find_map(|point| point.value) {
        Some(tenths) => format!("按最近一个月折算，每家单位一年 {} {unit}", tenth(tenths)),
        None => "还没有已分配的名册".to_owned(),
    };
    let mut series = vec![Series {
        name: "本市".to_owned(),
        points: own,
    }];
    series.extend(
        cities
            .iter()
            .map(|(name, whole)| flat(last, name, whole * 10)),
    );
    let source = format!("每家单位一年，{unit}；各月折算成一年");
    chart(id, finding, &source, series, 10, tenth)
}

fn chart(
    id: &'static str,
    finding: String,
    source: &str,
    series: Vec<Series>,
    printed_unit: i64,
    words: fn(i64) -> String,
) -> Chart {
    let table = match id {
        "ratio" => "ratio-table",
        "hours" => "hours-table",
        _ => "payments-table",
    };
    let mut columns = vec![Column::words("月份")];
    columns.extend(series.iter().map(|one| Column::figures(one.name.clone())));
    let months = series.first().map_or(0, |one| one.points.len());
    let rows = (0..months)
        .map(|place| {
            let mut cells = vec![Cell::digits(series[0].points[place].label.clone())];
            cells.extend(series.iter().map(|one| match one.points[place].value {
                Some(value) => Cell::digits(words(value)),
                None => Cell::none(),
            }));
            Line::new(cells)
        })
        .collect();
    Chart {
        id,
        finding,
        source: source.to_owned(),
        kind: ChartKind::Lines,
        series,
        printed_unit,
        table: Table::new(table, source.to_owned(), columns, rows),
    }
}

fn branch_table<'n>(kept: &[Measured], name: impl Fn(i32) -> &'n str) -> Table {
    let rows = kept
        .iter()
        .map(|one| {
            let cell = |value: Option<String>| value.map_or_else(Cell::none, Cell::digits);
            Line::new(vec![
                Cell::new(name(one.of)).link(format!("{PATH}?branch={}", one.of)),
                Cell::digits(one.employers.to_string()),
                cell(one.ratio_bp().map(percent)),
                cell(one.hours_tenths().map(tenth)),
                cell(one.payments_tenths().map(tenth)),
            ])
        })
        .collect();
    Table::new(
        "branches",
        "近 12 个月，按管理的网点",
        vec![
            Column::words("网点"),
            Column::figures("缴存单位"),
            Column::figures("费率"),
            Column::figures("每家小时"),
            Column::figures("每家次数"),
        ],
        rows,
    )
    .cards()
    .empty("还没有已分配的名册。")
}
