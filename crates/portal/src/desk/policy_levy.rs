//! 缴存的变化 of a simulation: who is outside the new limits of base and ratio, money a month by district and income band, employers.

use anju_business::policy_change::levy::{self, Levy};
use anju_casework::{Office, employer};
use anju_domain::money::Fen;
use anju_vault::NumberKind;

use crate::components::{Cell, Chart, ChartKind, Column, Line, Point, Series, Table, Text};
use crate::desk::policy_result::{band, district, people, short};
use crate::pages::desk::LevySection;
use crate::pages::error::PageError;

/// Bars that can still be told apart.
const MOST: usize = 15;

/// Employers on a page.
const PAGE: i64 = 20;

/// `33400-2024…`: by how much the last employer of a page changes, and its number.
fn place_of(office: &Office, word: &str) -> Option<(i64, i64)> {
    let (change, number) = word.split_once('-')?;
    let employer_id = office.numbers.decode(NumberKind::Employer, number)?;
    Some((change.parse().ok()?, employer_id))
}

/// What a run found; none where no limit changes. `here` is its page, `after` the last employer of the page before.
pub(super) async fn section(
    office: &Office,
    simulation_id: i64,
    here: &str,
    after: Option<&str>,
    names: &[(String, String)],
    bands: &[i64],
) -> Result<Option<LevySection>, PageError> {
    let Some(found) = levy::found(office, simulation_id).await? else {
        return Ok(None);
    };
    let after = after.and_then(|word| place_of(office, word));
    let shown = levy::employers(office, simulation_id, after, PAGE).await?;
    let more = (shown.len() as i64 == PAGE)
        .then(|| shown.last())
        .flatten()
        .map(|last| {
            let number = office
                .numbers
                .encode(NumberKind::Employer, last.employer_id);
            format!("{here}?employers={}-{number}#le", last.change_fen())
        });
    let ids: Vec<i64> = shown.iter().map(|one| one.employer_id).collect();
    let called = employer::names(office, &ids).await?;
    let lines = shown.iter().map(|one| {
        let name = called.get(&one.employer_id).map_or("—", String::as_str);
        Line::new(vec![
            // The district below the name: a column of its own has no room on a tablet.
            Cell::new(
                Text::new()
                    .say(name)
                    .br()
                    .hint(district(names, &one.district)),
            ),
            Cell::count(one.people),
            Cell::amount(Fen::new(one.was_fen)),
            Cell::amount(Fen::new(one.now_fen)),
            Cell::amount(Fen::new(one.now_fen - one.was_fen)),
        ])
    });
    let employers = Table::new(
        "levy-employers",
        "每个单位每月的缴存",
        vec![
            Column::words("单位"),
            Column::figures("职工（人）"),
            Column::figures("现行（元/月）"),
            Column::figures("草案（元/月）"),
            Column::figures("增减（元/月）"),
        ],
        lines.collect(),
    )
    .cards()
    .empty("没有单位的缴存会变。")
    .paged(after.map(|_| format!("{here}#le")), more);
    let by_district: Vec<(String, Levy, Option<i64>)> = found
        .by_district
        .iter()
        .map(|(key, levy, employers)| (district(names, key), levy.clone(), Some(*employers)))
        .collect();
    let by_band: Vec<(String, Levy, Option<i64>)> = found
        .by_band
        .iter()
        .map(|(key, levy)| (band(bands, *key), levy.clone(), None))
        .collect();
    Ok(Some(LevySection {
        figures: figures(&found.whole, found.employers),
        told: format!(
            "{}。",
            levy::sentences(&found.whole, found.employers).join("；")
        ),
        charts: vec![
            chart(
                "levy-district",
                "levy-district-figures",
                "单位所在区县",
                &by_district,
            ),
            chart("levy-band", "levy-band-figures", "缴存基数（元）", &by_band),
        ],
        employers,
    }))
}

fn figures(whole: &Levy, employers: i64) -> Vec<(&'static str, Text, Text)> {
    let both = |was: i64, now: i64| {
        Text::new()
            .say("现行 ")
            .say(was)
            .say(" 人，草案 ")
            .say(now)
            .say(" 人")
    };
    vec![
        (
            "每月缴存增减",
            Text::new().movement(Fen::new(whole.now_fen - whole.was_fen)),
            Text::new()
                .say("现行 ")
                .money(Fen::new(whole.was_fen))
                .say("，草案 ")
                .money(Fen::new(whole.now_fen)),
        ),
        (
            "缴得更多",
            people(whole.up),
            Text::new().movement(Fen::new(whole.up_fen)),
        ),
        (
            "缴得更少",
            people(whole.down),
            Text::new().movement(Fen::new(whole.down_fen)),
        ),
        (
            "低于基数下限",
            people(whole.below_now),
            both(whole.below_was, whole.below_now),
        ),
        (
            "高于基数上限",
            people(whole.above_now),
            both(whole.above_was, whole.above_now),
        ),
        (
            "涉及的单位",
            Text::new().say(employers).say(" 家"),
            "至少一名职工的缴存额会变".into(),
        ),
    ]
}

fn chart(
    id: &'static str,
    table: &'static str,
    by: &str,
    groups: &[(String, Levy, Option<i64>)],
) -> Chart {
    let shown: Vec<&(String, Levy, Option<i64>)> = groups
        .iter()
        .filter(|(_, levy, _)| levy.up_fen != 0 || levy.down_fen != 0)
        .take(MOST)
        .collect();
    let change = |levy: &Levy| levy.now_fen - levy.was_fen;
    let finding = match shown.iter().max_by_key(|(_, levy, _)| change(levy).abs()) {
        None => "没有人的缴存不同".to_owned(),
        Some((name, levy, _)) => {
            let word = if change(levy) < 0 { "少" } else { "多" };
            format!(
                "{name}变化最大，每月{word}缴 {} 元",
                Fen::new(change(levy).abs())
            )
        }
    };
    let series = |name: &str, value: fn(&Levy) -> i64| Series {
        name: name.to_owned(),
        points: shown
            .iter()
            .map(|(label, levy, _)| Point {
                label: short(label),
                value: Some(value(levy)),
            })
            .collect(),
    };
    let with_employers = groups.iter().any(|(_, _, employers)| employers.is_some());
    let mut columns = vec![
        Column::words("分组"),
        Column::figures("缴存职工"),
        Column::figures("低于新下限"),
        Column::figures("高于新上限"),
        Column::figures("多缴（人）"),
        Column::figures("多缴（元/月）"),
        Column::figures("少缴（人）"),
        Column::figures("少缴（元/月）"),
        Column::figures("增减（元/月）"),
    ];
    if with_employers {
        columns.push(Column::figures("单位（家）"));
    }
    let lines = groups.iter().map(|(name, levy, employers)| {
        let mut cells = vec![
            Cell::new(name.as_str()),
            Cell::count(levy.people),
            Cell::count(levy.below_now),
            Cell::count(levy.above_now),
            Cell::count(levy.up),
            Cell::amount(Fen::new(levy.up_fen)),
            Cell::count(levy.down),
            Cell::amount(Fen::new(levy.down_fen)),
            Cell::amount(Fen::new(change(levy))),
        ];
        cells.extend(employers.map(Cell::count));
        Line::new(cells)
    });
    Chart {
        id,
        finding,
        source: format!("按{by}，元/月，单位和个人合计；右边是缴得更多的，左边是缴得更少的"),
        kind: ChartKind::Diverging,
        series: vec![
            series("缴得更多", |levy| levy.up_fen),
            series("缴得更少", |levy| levy.down_fen),
        ],
        printed_unit: 100,
        table: Table::new(table, format!("按{by}"), columns, lines.collect()).cards(),
    }
}
