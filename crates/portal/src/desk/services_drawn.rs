//! 服务效能, as it is drawn: the table by service, the figures above it, the charts by month. What is counted is in `business::measures`.

use anju_business::measures::{BankTime, Figures, Measured, Which};
use anju_domain::calendar::Month;
use anju_domain::rate::Bp;
use chrono::NaiveDate;

use super::services::{Sight, span};
use crate::components::{Cell, Chart, ChartKind, Column, Line, Point, Series, Table};
use crate::when;

/// What is counted.
pub(super) const NOTE: &str = "按开始办理的日期统计，现在的状态随办理变化。网办率：不经柜台开始的 ÷ 全部；秒批率：没有人参与就决定的 ÷ 已决定的；纸质率：核对时要过材料的 ÷ 全部；按时率：在承诺时间内决定的 ÷ 已决定的；少跑腿：网上办好的，纸面要跑的次数减去实际到柜台交材料的次数。一分钟内更新。";

/// 单位业务, 个人业务, 提取: the groups of the catalogue.
pub(crate) fn group_name(group: &str) -> &'static str {
    match group {
        "employer" => "单位业务",
        "personal" => "个人业务",
        "withdraw" => "提取",
        "loan" => "贷款",
        "query" => "查询",
        "ask" => "咨询投诉",
        _ => "其他",
    }
}

/// `78.4%`, or `—` of nothing.
pub(crate) fn rate(bp: Option<i64>) -> String {
    bp.map_or_else(
        || "—".to_owned(),
        |bp| Bp::new(i32::try_from(bp).unwrap_or(0)).to_string(),
    )
}

/// A count with the sign of what is below zero.
pub(crate) fn signed(many: i64) -> String {
    if many < 0 {
        format!("−{}", many.abs())
    } else {
        many.to_string()
    }
}

/// A figure that opens its list, where it stands for any case.
fn figure(words: String, cases: i64, list: String) -> Cell {
    if cases == 0 {
        return if words == "—" {
            Cell::none()
        } else {
            Cell::new(words).faint()
        };
    }
    Cell::new(words).link(list)
}

/// The measures of a row, each with its list.
fn cells(
    sight: &Sight,
    period: (NaiveDate, NaiveDate),
    service: Option<&str>,
    one: &Figures,
    bank: &BankTime,
) -> Vec<Cell> {
    let list = |which| sight.list(period, service, which);
    let took = |ms: Option<i64>| ms.map_or_else(|| "—".to_owned(), when::took);
    vec![
        figure(format!("{} 件", one.begun), one.begun, list(Which::Begun)),
        figure(rate(one.online_bp()), one.online, list(Which::Online)),
        figure(rate(one.instant_bp()), one.by_rules, list(Which::ByRules)),
        figure(rate(one.paper_bp()), one.paper, list(Which::Paper)),
        figure(rate(one.in_time_bp()), one.in_time, list(Which::InTime)),
        figure(took(bank.half_ms), one.banked, list(Which::Banked)),
        figure(took(bank.slow_ms), one.banked, list(Which::Banked)),
        figure(
            format!("{} 次", signed(one.trips)),
            one.trips,
            list(Which::Spared),
        ),
    ]
}

/// Columns of a table.
const COLUMNS: usize = 9;

/// A row a service that somebody used, by group and then by how often; all together under them.
pub(super) fn table(
    id: &'static str,
    sight: &Sight,
    period: (NaiveDate, NaiveDate),
    (figures, banks): &(Vec<Figures>, Vec<BankTime>),
) -> Table {
    let bank = |id: Option<&str>| {
        let known = banks.iter().find(|one| one.of.as_deref() == id);
        known.cloned().unwrap_or_default()
    };
    let mut services: Vec<(&Measured, &Figures)> = sight
        .services
        .iter()
        .filter_map(|service| {
            let known = figures
                .iter()
                .find(|one| one.of.as_deref() == Some(&service.id));
            Some((service, known?))
        })
        .collect();
    services.sort_by_key(|(service, one)| (&service.group, -one.begun, &service.id));
    let mut lines = Vec::new();
    let mut last = "";
    for (service, one) in services {
        if service.group != last {
            last = &service.group;
            lines.push(Line::level(
                "group",
                vec![Cell::new(group_name(last)).span(COLUMNS)],
            ));
        }
        let mut row = vec![Cell::digits(service.name.as_str())];
        row.extend(cells(
            sight,
            period,
            Some(&service.id),
            one,
            &bank(Some(&service.id)),
        ));
        lines.push(Line::new(row));
    }
    let mut total = vec![Cell::new("合计")];
    total.extend(cells(sight, period, None, &whole(figures), &bank(None)));
    Table::new(
        id,
        format!("各事项，{}", span(period)),
        vec![
            Column::words("事项"),
            Column::figures("办件"),
            Column::figures("网办率"),
            Column::figures("秒批率"),
            Column::figures("纸质率"),
            Column::figures("按时率"),
            Column::figures("决定到银行（中位）"),
            Column::figures("九成五在"),
            Column::figures("少跑腿"),
        ],
        lines,
    )
    .totals(vec![Line::new(total)])
    .cards()
    .empty("这段时间没有办件。")
}

/// 没有办件的事项: what nobody used in a period; nothing where all were.
pub(super) fn unused(sight: &Sight, figures: &[Figures]) -> Option<String> {
    let names: Vec<&str> = sight
        .services
        .iter()
        .filter(|service| {
            !figures
                .iter()
                .any(|one| one.of.as_deref() == Some(&service.id))
        })
        .map(|service| service.name.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "这段时间没有办件的 {} 项：{}。",
            names.len(),
            names.join("、")
        )
    })
}

/// All together.
pub(crate) fn whole(figures: &[Figures]) -> Figures {
    figures
        .iter()
        .find(|one| one.of.is_none())
        .cloned()
        .unwrap_or_default()
}

/// The figures of all together, each with what it was before.
pub(super) fn figures_above(
    now: &[Figures],
    before: &[Figures],
) -> Vec<(&'static str, String, String)> {
    let (now, before) = (whole(now), whole(before));
    let was = |words: String| format!("上期 {words}");
    let rates = [
        ("网办率", now.online_bp(), before.online_bp()),
        ("秒批率", now.instant_bp(), before.instant_bp()),
        ("纸质率", now.paper_bp(), before.paper_bp()),
        ("按时率", now.in_time_bp(), before.in_time_bp()),
    ];
    let mut above = vec![("办件", now.begun.to_string(), was(before.begun.to_string()))];
    above.extend(
        rates
            .into_iter()
            .map(|(name, now, before)| (name, rate(now), was(rate(before)))),
    );
    above.push((
        "少跑腿",
        format!("{} 次", signed(now.trips)),
        was(format!("{} 次", signed(before.trips))),
    ));
    above
}

/// Online rate and trips by month, twelve months that end with one.
pub(super) fn charts(last: Month, months: &[Figures]) -> Vec<Chart> {
    let of = |month: Month| {
        months
            .iter()
            .find(|one| one.of.as_deref() == Some(month.to_string().as_str()))
    };
    let year: Vec<(Month, Option<&Figures>)> = (0..12)
        .map(|back| last.plus(back - 11))
        .map(|month| (month, of(month)))
        .collect();
    let points = |value: &dyn Fn(&Figures) -> Option<i64>| -> Vec<Point> {
        year.iter()
            .map(|(month, one)| Point {
                label: month.to_string().get(2..).unwrap_or_default().to_owned(),
                value: one.and_then(value),
            })
            .collect()
    };
    let lines = |value: &dyn Fn(&Figures) -> String| -> Vec<Line> {
        year.iter()
            .map(|(month, one)| {
                Line::new(vec![
                    Cell::digits(month.to_string()),
                    one.map_or_else(Cell::none, |one| Cell::digits(value(one))),
                ])
            })
            .collect()
    };
    let all = whole(months);
    let columns =
        |name: &str| -> Vec<Column> { vec![Column::words("月份"), Column::figures(name)] };
    let (online, spared) = (
        "每月开始的办件里不经柜台的占多少，%",
        "每月网上办好的办件少跑的次数，次",
    );
    vec![
        Chart {
            id: "online",
            finding: match all.online_bp() {
                Some(bp) => format!("12 个月里 {} 的办件在网上办", rate(Some(bp))),
                None => "12 个月里还没有办件".to_owned(),
            },
            source: online.to_owned(),
            kind: ChartKind::Lines,
            series: vec![Series {
                name: "网办率".to_owned(),
                points: points(&Figures::online_bp),
            }],
            printed_unit: 100,
            table: Table::new(
                "online-table",
                online,
                columns("网办率"),
                lines(&|one| rate(one.online_bp())),
            ),
        },
        Chart {
            id: "spared",
            finding: format!("12 个月里少跑了 {} 次", signed(all.trips)),
            source: spared.to_owned(),
            kind: ChartKind::Columns,
            series: vec![Series {
                name: "少跑腿".to_owned(),
                // A month in which people were sent to the counter more often than by paper has no column; the table says how often.
                points: points(&|one: &Figures| Some(one.trips.max(0))),
            }],
            printed_unit: 1,
            table: Table::new(
                "spared-table",
                spared,
                columns("少跑腿（次）"),
                lines(&|one| signed(one.trips)),
            ),
        },
    ]
}
