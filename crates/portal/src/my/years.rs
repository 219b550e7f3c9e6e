//! 历年: what people compare, as drawings with their tables: the balance, what came in against what went out, the interest; and the
//! statement of each year as page and paper.

use anju_business::papers::statement::{self, Which};
use anju_casework::Office;
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_ledger::statement::Year;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::authorization::Me;
use crate::components::{
    Button, ButtonLook, Cell, Chart, ChartKind, Column, Formula, FormulaLine, Line, Point, Series,
    Table, Text,
};
use crate::download;
use crate::frame::MyTab;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::{Entry, StatementPage, YearsPage};
use crate::papers::entry_words;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// `2025—2026`.
fn name_of(year: i32) -> String {
    format!("{year}—{}", year + 1)
}

fn read_year(text: &str) -> Result<i32, PageError> {
    text.parse()
        .ok()
        .filter(|year| (1991..=2999).contains(year))
        .ok_or(PageError::NotFound)
}

/// `GET /my/years`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<YearsPage, PageError> {
    let office = &portal.engine.office;
    let years = years_of(office, me.person_id, Which::Fund).await?;
    let subsidy = years_of(office, me.person_id, Which::Subsidy).await?;
    let as_of = when::day(office.today(), office.today());
    Ok(YearsPage {
        frame: frame(&visit, "历年", MyTab::Me, Some(("/my", "首页"))),
        charts: charts(&years, &as_of),
        table: years_table(&years, Which::Fund),
        subsidy: (!subsidy.is_empty()).then(|| years_table(&subsidy, Which::Subsidy)),
    })
}

async fn years_of(office: &Office, person_id: i64, which: Which) -> Result<Vec<Year>, PageError> {
    Ok(
        match statement::account_of(office, person_id, which).await? {
            Some(account) => statement::years(office, account.account_id).await?,
            None => Vec::new(),
        },
    )
}

/// Where the statements of an account are.
const fn path(which: Which) -> &'static str {
    match which {
        Which::Fund => "/my/statement",
        Which::Subsidy => "/my/subsidy-statement",
    }
}

fn years_table(years: &[Year], which: Which) -> Table {
    let (id, caption, paid_in) = match which {
        Which::Fund => ("years", "各缴存年度，单位：元", "缴存"),
        Which::Subsidy => ("subsidy", "住房补贴，各缴存年度，单位：元", "补贴"),
    };
    Table::new(
        id,
        caption,
        vec![
            Column::words("缴存年度"),
            Column::figures("上年结转"),
            Column::figures(paid_in),
            Column::figures("结息"),
            Column::figures("提取"),
            Column::figures("年末余额"),
        ],
        years
            .iter()
            .rev()
            .map(|year| {
                Line::new(vec![
                    Cell::new(name_of(year.year)).link(format!("{}/{}", path(which), year.year)),
                    Cell::amount(year.opening),
                    Cell::amount(year.contributed),
                    Cell::amount(year.interest),
                    Cell::amount(year.withdrawn),
                    Cell::amount(year.closing),
                ])
            })
            .collect(),
    )
    .cards()
    .empty("单位为您缴存之后，这里会有第一个年度。")
}

fn series(name: &str, years: &[Year], value: impl Fn(&Year) -> Fen) -> Series {
    Series {
        name: name.to_owned(),
        points: years
            .iter()
            .map(|year| Point {
                label: year.year.to_string(),
                value: Some(value(year).fen()),
            })
            .collect(),
    }
}

/// The same figures, exactly.
fn table(id: &'static str, caption: &str, years: &[Year], columns: &[(&str, Value)]) -> Table {
    let mut heads = vec![Column::words("缴存年度")];
    heads.extend(columns.iter().map(|(name, _)| Column::figures(*name)));
    let lines = years.iter().map(|year| {
        let mut cells = vec![Cell::new(name_of(year.year))];
        cells.extend(columns.iter().map(|(_, value)| Cell::amount(value(year))));
        Line::new(cells)
    });
    Table::new(id, caption, heads, lines.collect())
}

type Value = fn(&Year) -> Fen;

/// The drawings; none before there is a year.
fn charts(years: &[Year], as_of: &str) -> Vec<Chart> {
    let (Some(first), Some(last)) = (years.first(), years.last()) else {
        return Vec::new();
    };
    let source = |what: &str| format!("元，{what}。来源：本中心账簿，截至{as_of}");
    let all = |value: Value| {
        years
            .iter()
            .map(value)
            .fold(Fen::ZERO, |sum, one| sum + one)
    };
    let closing: Value = |year| year.closing;
    let contributed: Value = |year| year.contributed;
    let withdrawn: Value = |year| year.withdrawn;
    let interest: Value = |year| year.interest;
    let best = years.iter().max_by_key(|year| year.interest);
    let mut charts = Vec::new();
    charts.push(Chart {
        id: "closing",
        finding: if years.len() > 1 {
            format!(
                "余额从 {} 年度末的 {} 元到现在的 {} 元",
                name_of(first.year),
                first.closing,
                last.closing
            )
        } else {
            format!("现在余额 {} 元", last.closing)
        },
        source: source("每年 6 月 30 日，最后一个是今天"),
        kind: if years.len() > 1 {
            ChartKind::Lines
        } else {
            ChartKind::Columns
        },
        series: vec![series("", years, closing)],
        printed_unit: 100,
        table: table(
            "closings",
            "年末余额，单位：元",
            years,
            &[("年末余额", closing)],
        ),
    });
    charts.push(Chart {
        id: "flows",
        finding: format!(
            "一共缴存 {} 元，提取 {} 元",
            all(contributed),
            all(withdrawn)
        ),
        source: source("按缴存年度；实心是缴存，空心是提取"),
        kind: ChartKind::Columns,
        series: vec![
            series("缴存", years, contributed),
            series("提取", years, withdrawn),
        ],
        printed_unit: 100,
        table: table(
            "flow",
            "缴存和提取，单位：元",
            years,
            &[("缴存", contributed), ("提取", withdrawn)],
        ),
    });
    if let Some(best) = best.filter(|year| year.interest > Fen::ZERO) {
        charts.push(Chart {
            id: "interest",
            finding: format!(
                "一共得了 {} 元利息，最多的是 {} 年度",
                all(interest),
                name_of(best.year)
            ),
            source: source("每年 6 月 30 日结息"),
            kind: ChartKind::Columns,
            series: vec![series("", years, interest)],
            printed_unit: 100,
            table: table("interests", "结息，单位：元", years, &[("结息", interest)]),
        });
    }
    charts
}

/// `GET /my/statement/{year}`.
pub(crate) async fn show(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(year): Path<String>,
) -> Result<StatementPage, PageError> {
    draw(&portal, &visit, &me, &year, Which::Fund).await
}

/// `GET /my/subsidy-statement/{year}`.
pub(crate) async fn show_subsidy(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(year): Path<String>,
) -> Result<StatementPage, PageError> {
    draw(&portal, &visit, &me, &year, Which::Subsidy).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    year: &str,
    which: Which,
) -> Result<StatementPage, PageError> {
    let office = &portal.engine.office;
    let year = read_year(year)?;
    let said = statement::of_year(office, me.person_id, year, which)
        .await?
        .ok_or(PageError::NotFound)?;
    let (fund, paid_in) = match which {
        Which::Fund => ("", "缴存"),
        Which::Subsidy => ("住房补贴", "补贴"),
    };
    let base = match which {
        Which::Fund => format!("，基数 {} 元", Fen::new(said.base_fen)),
        Which::Subsidy => String::new(),
    };
    let line = |words: &str, fen: i64| FormulaLine::new(words, Fen::new(fen));
    Ok(StatementPage {
        frame: frame(visit, "年度对账单", MyTab::Me, Some(("/my/years", "历年"))),
        title: format!("{} {fund}年度对账单", name_of(year)),
        lead: Text::from(format!(
            "{}至{}。{}{base}。",
            chinese_date(said.from),
            chinese_date(said.to),
            said.employer,
        )),
        sums: Formula {
            caption: format!("上年结转 + {paid_in} + 结息 − 提取 = 年末余额"),
            lines: vec![
                line("上年结转", said.opening_fen),
                FormulaLine::change(paid_in, Fen::new(said.contributed_fen)),
                FormulaLine::change("结息", Fen::new(said.interest_fen)),
                FormulaLine::change("提取", Fen::new(-said.withdrawn_fen)),
                FormulaLine::used(
                    if said.closed {
                        "年末余额"
                    } else {
                        "现在余额"
                    },
                    Fen::new(said.closing_fen),
                ),
            ],
        },
        entries: said
            .entries
            .iter()
            .rev()
            .map(|entry| Entry {
                what: entry_words(entry).into(),
                note: when::iso(entry.date).into(),
                amount: Fen::new(entry.amount_fen),
                balance: Fen::new(entry.balance_fen),
                href: None,
            })
            .collect(),
        note: if said.closed {
            Text::new()
        } else {
            Text::from(format!(
                "这个年度到{}结束，6 月 30 日结息之后出带校验码的对账单。",
                chinese_date(said.to)
            ))
        },
        pdf: said.closed.then(|| {
            Button::link(
                "下载 PDF 对账单",
                ButtonLook::Plain,
                format!("{}/{year}/paper.pdf", path(which)),
            )
            .icon("download")
        }),
    })
}

/// `GET /my/statement/{year}/paper.pdf`.
pub(crate) async fn pdf(
    State(portal): State<Portal>,
    me: Me,
    Path(year): Path<String>,
) -> Result<Response, PageError> {
    paper(&portal, &me, &year, Which::Fund).await
}

/// `GET /my/subsidy-statement/{year}/paper.pdf`.
pub(crate) async fn pdf_subsidy(
    State(portal): State<Portal>,
    me: Me,
    Path(year): Path<String>,
) -> Result<Response, PageError> {
    paper(&portal, &me, &year, Which::Subsidy).await
}

async fn paper(portal: &Portal, me: &Me, year: &str, which: Which) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let year = read_year(year)?;
    let issued = statement::issue(office, me.person_id, year, which).await?;
    let paper = portal.printer.document(office, &issued).await?;
    let name = match which {
        Which::Fund => format!("statement-{year}"),
        Which::Subsidy => format!("subsidy-statement-{year}"),
    };
    Ok(download::pdf(&name, paper))
}
