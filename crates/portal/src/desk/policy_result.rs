//! 模拟结果: figures, charts, and the people one by one.

use anju_business::policy_change::result::{self, Affected, By, Group, Side, Totals};
use anju_business::policy_change::simulation::{self, Simulation};
use anju_business::policy_change::workbook::{self, Row};
use anju_business::policy_change::{Change, notice};
use anju_casework::{Office, branch, person};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{
    Cell, Chart, ChartKind, Column, Line, Point, Series, State as Shown, Table, Tabs, Text,
};
use crate::desk::policy::{HERE, address, fits, of};
use crate::desk::{framed, person_number, policy_levy};
use crate::download::{self, plain};
use crate::pages::desk::{PolicyPeoplePage, PolicySimulationPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 50;

/// People that one file names at most.
const FILE: usize = 200_000;

/// The change and its newest run, which must have come to its end.
pub(super) async fn ended(
    office: &Office,
    number: &str,
) -> Result<(Change, Simulation), PageError> {
    let change = of(office, number).await?;
    let run = simulation::latest(office, change.change_id)
        .await?
        .filter(|run| run.state == simulation::DONE)
        .ok_or(PageError::NotFound)?;
    Ok((change, run))
}

/// Names of the districts, by the branches that keep them; the head office stands in the district of another one.
pub(super) async fn districts(office: &Office) -> Result<Vec<(String, String)>, PageError> {
    let mut all = branch::all(office).await?;
    all.sort_by_key(|one| one.branch_id == office.centre.head_branch);
    Ok(all
        .into_iter()
        .map(|one| (one.district, one.name))
        .collect())
}

pub(super) fn district(all: &[(String, String)], code: &str) -> String {
    let found = all.iter().find(|(district, _)| district == code);
    match found {
        Some((_, name)) => name.clone(),
        None if code.is_empty() => "没有单位".to_owned(),
        None => code.to_owned(),
    }
}

/// 5,000.00 – 8,000.00.
pub(super) fn band(bands: &[i64], key: i16) -> String {
    let yuan = |fen: i64| {
        let text = Fen::new(fen).to_string();
        text.strip_suffix(".00").unwrap_or(&text).to_owned()
    };
    let place = usize::try_from(key).unwrap_or_default();
    match (
        place.checked_sub(1).and_then(|at| bands.get(at)),
        bands.get(place),
    ) {
        (Some(0), Some(next)) => format!("{} 以下", yuan(*next)),
        (Some(from), Some(next)) => format!("{}–{}", yuan(*from), yuan(*next)),
        (Some(from), None) => format!("{} 以上", yuan(*from)),
        (None, _) => "没有基数".to_owned(),
    }
}

/// Which page of the employers of a simulation.
#[derive(Debug, Deserialize)]
pub(crate) struct WantedEmployers {
    employers: Option<String>,
}

/// `GET /desk/policy/{change}/simulation?employers=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(wanted): Query<WantedEmployers>,
) -> Result<PolicySimulationPage, PageError> {
    let office = &portal.engine.office;
    let (change, run) = ended(office, &number).await?;
    let id = run.simulation_id;
    let totals = result::totals(office, id).await?;
    let names = districts(office).await?;
    let bands = simulation::bands(office)?;
    let by_district = result::grouped(office, id, By::District).await?;
    let by_band = result::grouped(office, id, By::Band).await?;
    let budget = result::budget(office, &run).await?;
    let named = |groups: &[Group], name: &dyn Fn(&str) -> String| -> Vec<(String, Group)> {
        groups
            .iter()
            .map(|group| (name(&group.key), group.clone()))
            .collect()
    };
    let districts = named(&by_district, &|key| district(&names, key));
    let bands_named = named(&by_band, &|key| band(&bands, key.parse().unwrap_or(0)));
    let months = named(&budget.each_month, &|key| month(key).to_string());
    let tag = if fits(&change, Some(&run)) {
        Shown::pass("就是这一稿")
    } else {
        Shown::wait("草案后来又改过").with_icon("alert")
    };
    Ok(PolicySimulationPage {
        frame: framed(office, &visit, &at, "模拟结果", HERE).await?,
        title: change.title.clone(),
        here: address(office, &change),
        tags: vec![tag.tag()],
        figures: figures(&totals),
        budget: notice::budget_sentence(Fen::new(budget.extra_fen), budget.months),
        charts: vec![
            both_ways(
                "by-district",
                "by-district-figures",
                "单位所在区县",
                &districts,
            ),
            both_ways("by-band", "by-band-figures", "缴存基数（元）", &bands_named),
            by_month(&months),
        ],
        levy: policy_levy::section(
            office,
            id,
            &format!("{}/simulation", address(office, &change)),
            wanted.employers.as_deref(),
            &names,
            &bands,
        )
        .await?,
        asked: asked(office, id).await?,
        note: format!(
            "把{}到{}办结的 {} 件，按各件当时的事实、填写和时刻，用两个版本{}的规定各决定一次；复核员作过的决定，凡要人看的地方照旧。每件单独重算；同一个人没有通过的申请只算最近一次。金额增减是支付的增减，人数每人只算一次。",
            when::minute(run.since, office.now()),
            when::minute(run.until, office.now()),
            run.done,
            chinese_date(run.stand_on),
        ),
    })
}

pub(super) fn month(key: &str) -> Month {
    Month::from_index(key.parse().unwrap_or_default())
}

pub(super) fn people(count: i64) -> Text {
    Text::new().say(count).say(" 人")
}

fn figures(totals: &Totals) -> Vec<(&'static str, Text, Text)> {
    let change = Fen::new(totals.now_fen - totals.was_fen);
    vec![
        (
            "支付增减",
            Text::new().movement(change),
            Text::new()
                .say("现行 ")
                .money(Fen::new(totals.was_fen))
                .say("，草案 ")
                .money(Fen::new(totals.now_fen)),
        ),
        (
            "得到更多",
            people(totals.gain),
            Text::new().movement(Fen::new(totals.gain_fen)),
        ),
        (
            "得到更少",
            people(totals.lose),
            Text::new().movement(Fen::new(totals.lose_fen)),
        ),
        (
            "新符合条件",
            people(totals.newly_approved),
            "以前没有通过，以后会通过".into(),
        ),
        (
            "不再符合",
            people(totals.newly_refused),
            "以前通过，以后不会".into(),
        ),
        (
            "还不能判断",
            people(totals.unknown),
            "草案要问的事实，当时没有问".into(),
        ),
    ]
}

/// A name as long as there is room for it beside a bar: a Han character is twice as wide as a digit.
pub(super) fn short(name: &str) -> String {
    const ROOM: usize = 15;
    let mut width = 0;
    name.chars()
        .take_while(|letter| {
            width += if letter.is_ascii() { 1 } else { 2 };
            width <= ROOM
        })
        .collect()
}

/// Who gains and who loses: bars both ways, people and money beside.
fn both_ways(id: &'static str, table: &'static str, by: &str, groups: &[(String, Group)]) -> Chart {
    /// Bars that can still be told apart.
    const MOST: usize = 15;
    let shown: Vec<&(String, Group)> = groups
        .iter()
        .filter(|(_, group)| group.gain_fen != 0 || group.lose_fen != 0)
        .take(MOST)
        .collect();
    let finding = match shown
        .iter()
        .max_by_key(|(_, group)| (group.now_fen - group.was_fen).abs())
    {
        None => format!("按{by}，没有人的结果不同"),
        Some((name, group)) => {
            let change = Fen::new(group.now_fen - group.was_fen);
            let word = if change < Fen::ZERO { "少" } else { "多" };
            format!(
                "{name}变化最大，{word}支付 {} 元",
                Fen::new(change.fen().abs())
            )
        }
    };
    let series = |name: &str, value: fn(&Group) -> i64| Series {
        name: name.to_owned(),
        points: shown
            .iter()
            .map(|(label, group)| Point {
                label: short(label),
                value: Some(value(group)),
            })
            .collect(),
    };
    let lines = groups
        .iter()
        .map(|(name, group)| {
            Line::new(vec![
                Cell::new(name.as_str()),
                Cell::count(group.cases),
                Cell::count(group.gain),
                Cell::amount(Fen::new(group.gain_fen)),
                Cell::count(group.lose),
                Cell::amount(Fen::new(group.lose_fen)),
                Cell::amount(Fen::new(group.now_fen - group.was_fen)),
            ])
        })
        .collect();
    let most = shown
        .iter()
        .map(|(_, group)| group.gain_fen.max(group.lose_fen.abs()));
    let (unit, fen) = printed(most.max());
    Chart {
        id,
        finding,
        source: format!("按{by}，{unit}；右边是得到更多的，左边是得到更少的"),
        kind: ChartKind::Diverging,
        series: vec![
            series("得到更多", |group| group.gain_fen),
            series("得到更少", |group| group.lose_fen),
        ],
        printed_unit: fen,
        table: Table::new(
            table,
            format!("按{by}"),
            vec![
                Column::words("分组"),
                Column::figures("件数"),
                Column::figures("得到更多（人）"),
                Column::figures("多（元）"),
                Column::figures("得到更少（人）"),
                Column::figures("少（元）"),
                Column::figures("支付增减（元）"),
            ],
            lines,
        ),
    }
}

/// In what figures are printed, its name and its fen: ten thousands of yuan, or yuan where nothing reaches one of them.
fn printed(most_fen: Option<i64>) -> (&'static str, i64) {
    match most_fen {
        Some(most) if most < 1_000_000 => ("元", 100),
        _ => ("万元", 1_000_000),
    }
}

fn by_month(months: &[(String, Group)]) -> Chart {
    let series = |name: &str, value: fn(&Group) -> i64| Series {
        name: name.to_owned(),
        points: months
            .iter()
            .map(|(label, group)| Point {
                label: label.get(2..).unwrap_or(label).to_owned(),
                value: Some(value(group)),
            })
            .collect(),
    };
    let most = months
        .iter()
        .map(|(_, group)| group.was_fen.max(group.now_fen));
    let (unit, fen) = printed(most.max());
    Chart {
        id: "by-month",
        finding: "每个月支付多少：实心是现行规定，空心是草案".to_owned(),
        source: format!("按申请的月份，{unit}"),
        kind: ChartKind::Columns,
        series: vec![
            series("现行", |group| group.was_fen),
            series("草案", |group| group.now_fen),
        ],
        printed_unit: fen,
        table: month_table("by-month-figures", months),
    }
}

pub(super) fn month_table(id: &'static str, months: &[(String, Group)]) -> Table {
    let lines = months
        .iter()
        .map(|(name, group)| {
            Line::new(vec![
                Cell::digits(name.as_str()),
                Cell::count(group.cases),
                Cell::amount(Fen::new(group.was_fen)),
                Cell::amount(Fen::new(group.now_fen)),
                Cell::amount(Fen::new(group.now_fen - group.was_fen)),
            ])
        })
        .collect();
    let sum = |value: fn(&Group) -> i64| -> i64 { months.iter().map(|(_, one)| value(one)).sum() };
    Table::new(
        id,
        "每个月的支付",
        vec![
            Column::words("月份"),
            Column::figures("件数"),
            Column::figures("现行（元）"),
            Column::figures("草案（元）"),
            Column::figures("增减（元）"),
        ],
        lines,
    )
    .totals(vec![Line::new(vec![
        Cell::new("合计"),
        Cell::count(sum(|one| one.cases)),
        Cell::amount(Fen::new(sum(|one| one.was_fen))),
        Cell::amount(Fen::new(sum(|one| one.now_fen))),
        Cell::amount(Fen::new(sum(|one| one.now_fen - one.was_fen))),
    ])])
    .cards()
    .empty("这段时间没有办结的。")
}

async fn asked(office: &Office, simulation_id: i64) -> Result<Table, PageError> {
    let policy = office.policy();
    let lines = result::asked(office, simulation_id)
        .await?
        .iter()
        .map(|one| {
            let service = policy.set.service(&one.service);
            let name = service.map_or(one.service.as_str(), |service| service.name_zh.as_str());
            Line::new(vec![
                Cell::new(format!("{name} {}", one.code)),
                Cell::count(one.people),
                Cell::count(one.was),
                Cell::count(one.now),
                Cell::count(one.newly),
                Cell::count(one.no_longer),
            ])
        })
        .collect();
    Ok(Table::new(
        "asked",
        "全部账户里符合条件的人数",
        vec![
            Column::words("条件"),
            Column::figures("账户（人）"),
            Column::figures("现行符合"),
            Column::figures("草案符合"),
            Column::figures("新符合"),
            Column::figures("不再符合"),
        ],
        lines,
    )
    .cards()
    .empty("改动的条件都要问部门，不能只凭账簿回答。"))
}

/// Which of the people, and from where.
#[derive(Default, Deserialize)]
pub(crate) struct Wanted {
    side: Option<String>,
    after: Option<String>,
}

/// Word in the address, side, words.
const SIDES: [(&str, Side, &str); 5] = [
    ("all", Side::All, "全部"),
    ("gain", Side::Gain, "得到更多"),
    ("lose", Side::Lose, "得到更少"),
    ("newly", Side::Newly, "新符合"),
    ("no-longer", Side::NoLonger, "不再符合"),
];

fn side(wanted: &Wanted) -> (&'static str, Side) {
    let found = SIDES
        .iter()
        .find(|(word, ..)| wanted.side.as_deref() == Some(*word));
    let (word, side, _) = found.unwrap_or(&SIDES[0]);
    (word, *side)
}

/// `GET /desk/policy/{change}/people?side=&after=`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<PolicyPeoplePage, PageError> {
    let office = &portal.engine.office;
    let (change, run) = ended(office, &number).await?;
    let here = address(office, &change);
    let (word, side) = side(&wanted);
    let after = wanted
        .after
        .as_deref()
        .and_then(|number| office.numbers.decode(NumberKind::Person, number));
    let found = result::people(
        office,
        run.simulation_id,
        side,
        after.unwrap_or(i64::MIN),
        PAGE,
    )
    .await?;
    let ids: Vec<i64> = found.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &ids).await?;
    let places = districts(office).await?;
    let bands = simulation::bands(office)?;
    let lines = found
        .iter()
        .map(|one| {
            let name = names.get(&one.person_id).map_or("—", String::as_str);
            let page = format!("{here}/people/{}", person_number(office, one.person_id));
            Line::new(vec![
                Cell::new(format!("{name} ›")).link(page),
                Cell::new(district(&places, &one.district)),
                Cell::new(band(&bands, one.band)),
                Cell::count(one.cases),
                Cell::amount(Fen::new(one.was_fen)),
                Cell::amount(Fen::new(one.now_fen)),
                Cell::amount(Fen::new(one.now_fen - one.was_fen)),
                Cell::state(&change_of(one)),
            ])
        })
        .collect();
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| {
            let number = person_number(office, last.person_id);
            format!("{here}/people?side={word}&after={number}")
        });
    let table = Table::new(
        "affected",
        "受影响的人",
        vec![
            Column::words("姓名"),
            Column::words("区县"),
            Column::words("缴存基数（元）"),
            Column::figures("件数"),
            Column::figures("现行（元）"),
            Column::figures("草案（元）"),
            Column::figures("增减（元）"),
            Column::words("结果"),
        ],
        lines,
    )
    .cards()
    .empty("没有这样的人。")
    .paged(after.map(|_| format!("{here}/people?side={word}")), more);
    Ok(PolicyPeoplePage {
        frame: framed(office, &visit, &at, "受影响的人", HERE).await?,
        title: change.title.clone(),
        tabs: Tabs {
            label: "看哪些人".to_owned(),
            tabs: SIDES
                .iter()
                .map(|(code, _, words)| {
                    let href = format!("{here}/people?side={code}");
                    (href, Text::from(*words), *code == word)
                })
                .collect(),
        },
        here,
        table,
    })
}

fn change_of(one: &Affected) -> Shown {
    if one.newly_refused {
        Shown::fail("不再符合")
    } else if one.newly_approved {
        Shown::pass("新符合")
    } else if one.now_fen > one.was_fen {
        Shown::pass("更多")
    } else if one.now_fen < one.was_fen {
        Shown::wait("更少").with_icon("alert")
    } else {
        Shown::unknown("还不能判断")
    }
}

/// `GET /desk/policy/{change}/people.csv`: names masked, as on the screen.
pub(crate) async fn csv(
    State(portal): State<Portal>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let mut text = String::from(
        "姓名,客户号,区县,缴存基数（元）,件数,现行（元）,草案（元）,增减（元）,结果\r\n",
    );
    for row in everybody(&portal.engine.office, &number).await? {
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{},{}\r\n",
            row.name,
            row.number,
            row.district,
            row.band.replace(',', ""),
            row.cases,
            plain(row.was),
            plain(row.now),
            plain(Fen::new(row.now.fen() - row.was.fen())),
            row.word,
        ));
    }
    Ok(download::csv(&format!("policy-{number}-people"), &text))
}

/// `GET /desk/policy/{change}/people.xlsx`: the same list for a spreadsheet.
pub(crate) async fn xlsx(
    State(portal): State<Portal>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let rows = everybody(&portal.engine.office, &number).await?;
    let bytes = tokio::task::spawn_blocking(move || workbook::of(&rows))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(download::workbook(
        &format!("policy-{number}-people"),
        bytes,
    ))
}

/// All whom the newest run touches, names masked.
async fn everybody(office: &Office, number: &str) -> Result<Vec<Row>, PageError> {
    let (_, run) = ended(office, number).await?;
    let places = districts(office).await?;
    let bands = simulation::bands(office)?;
    let (mut after, mut rows) = (i64::MIN, Vec::new());
    while rows.len() < FILE {
        let page = result::people(office, run.simulation_id, Side::All, after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.person_id;
        let ids: Vec<i64> = page.iter().map(|one| one.person_id).collect();
        let names = person::masked_names(office, &ids).await?;
        rows.extend(page.iter().map(|one| Row {
            name: names.get(&one.person_id).cloned().unwrap_or_default(),
            number: person_number(office, one.person_id),
            district: district(&places, &one.district),
            band: band(&bands, one.band),
            cases: one.cases,
            was: Fen::new(one.was_fen),
            now: Fen::new(one.now_fen),
            word: change_of(one).word.to_string(),
        }));
    }
    Ok(rows)
}
