//! 年度结息: what the year's interest comes to, and the two hands.

use anju_business::books::interest_year::{self, Preview, Settlement, state};
use anju_casework::{Error, Office, branch};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Chart, ChartKind, Column, Flash, Hand, Hands, Line, Point, Series,
    State as Shown, Table, Text, Tone,
};
use crate::desk::{framed, staff_name, staff_named};
use crate::pages::desk::InterestPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/desk/books/interest";

/// `GET /desk/books/interest`.
pub(crate) async fn page(
    axum::extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<InterestPage, PageError> {
    draw(&portal, &visit, &at, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    flash: Option<Flash>,
) -> Result<InterestPage, PageError> {
    let office = &portal.engine.office;
    let due = interest_year::due(office).await?;
    let until = match due {
        Some(until) => until,
        None => next_settlement(office.today()),
    };
    let current = match due {
        Some(until) => interest_year::find(office, until).await?,
        None => None,
    };
    let running = current.as_ref().filter(|one| one.state == state::APPROVED);
    let preview = interest_year::preview(office, until).await?;
    let frame = framed(office, visit, at, "年度结息", HERE).await?;
    let names = branch_names(office, &preview).await?;
    let progress = match running {
        Some(one) => Some((
            interest_year::settled_so_far(office, until).await?,
            one.accounts,
        )),
        None => None,
    };
    let interest = preview.interest();
    let tag = match (due, &current) {
        (None, _) => Shown::unknown("还没有到"),
        (_, Some(one)) if one.state == state::APPROVED => Shown::wait("正在入账"),
        (_, Some(one)) if one.state == state::PROPOSED => Shown::wait("待批准"),
        _ => Shown::wait("待提出").with_icon("alert"),
    };
    Ok(InterestPage {
        hands: hands(office, at, due, current.as_ref(), frame.head.hidden()).await?,
        frame,
        year: year_words(until),
        tags: vec![tag.tag()],
        flash,
        title: format!("{} 个账户，利息 {interest} 元", preview.accounts()),
        note: note(due.is_some(), &preview),
        progress,
        chart: (preview.branches.len() > 1).then(|| chart(&preview, &names)),
        branches: by_branch("branches", &preview, &names),
        samples: samples(office, &preview),
        rates: rates(&preview),
        before: before(office, interest_year::all(office).await?).await?,
    })
}

/// The first 30 June from a day on, as the 1 July after it.
fn next_settlement(today: NaiveDate) -> NaiveDate {
    let year = today.year() + i32::from(today.month() >= 7);
    NaiveDate::from_ymd_opt(year, 7, 1).unwrap_or(today)
}

fn year_words(until: NaiveDate) -> String {
    let last = until.pred_opt().unwrap_or(until);
    format!("{}年7月1日至{}年6月30日", last.year() - 1, last.year())
}

fn note(is_due: bool, preview: &Preview) -> Text {
    let blocked: i64 = preview.branches.iter().map(|branch| branch.blocked).sum();
    let mut note = Text::new();
    note = if is_due {
        note.say("应付利息已计提 ")
            .money(preview.accrued)
            .say("，批准后差额列入支出")
    } else {
        note.say("按现在的余额试算到 6 月 30 日，余额再变动，利息也会变")
    };
    if blocked > 0 {
        note = note.say(format!("；{blocked} 户利息为负且余额不足，留给人处理"));
    }
    note
}

fn rates(preview: &Preview) -> Text {
    let words: Vec<String> = preview
        .rates
        .iter()
        .map(|rate| {
            let percent = |bp: i32| format!("{}.{:02}%", bp / 100, bp % 100);
            let mut words = format!(
                "{}起年利率 {}",
                chinese_date(rate.from_date),
                percent(rate.bp)
            );
            if rate.subsidy_bp != rate.bp {
                words += &format!("（住房补贴 {}）", percent(rate.subsidy_bp));
            }
            words
        })
        .collect();
    format!(
        "利息 = 积数 × 利率 ÷ 360，每户四舍五入一次。{}",
        words.join("，")
    )
    .into()
}

/// Names of the branches of a preview, in its order.
async fn branch_names(office: &Office, preview: &Preview) -> Result<Vec<String>, PageError> {
    let branches = branch::all(office).await?;
    let name_of = |id: Option<i16>| match id {
        Some(id) => branches
            .iter()
            .find(|branch| branch.branch_id == id)
            .map_or("", |branch| branch.name.as_str()),
        None => "没有在管单位",
    };
    Ok(preview
        .branches
        .iter()
        .map(|one| name_of(one.branch_id).to_owned())
        .collect())
}

fn by_branch(id: &'static str, preview: &Preview, names: &[String]) -> Table {
    let lines = preview
        .branches
        .iter()
        .zip(names)
        .map(|(one, name)| {
            Line::new(vec![
                Cell::new(name.as_str()),
                Cell::count(one.accounts),
                Cell::amount(Fen::new(one.balance_fen)),
                Cell::amount(Fen::new(one.interest_fen)),
                Cell::count(one.nothing),
            ])
        })
        .collect();
    Table::new(
        id,
        "各管理部的利息，单位：元",
        vec![
            Column::words("管理部"),
            Column::figures("账户数"),
            Column::figures("余额（元）"),
            Column::figures("利息（元）"),
            Column::figures("不足一分的户数"),
        ],
        lines,
    )
    .totals(vec![Line::new(vec![
        Cell::new("合计"),
        Cell::count(preview.accounts()),
        Cell::amount(Fen::new(
            preview.branches.iter().map(|one| one.balance_fen).sum(),
        )),
        Cell::amount(preview.interest()),
        Cell::count(preview.branches.iter().map(|one| one.nothing).sum()),
    ])])
    .cards()
    .empty("没有要结息的账户。")
}

fn chart(preview: &Preview, names: &[String]) -> Chart {
    let most = preview
        .branches
        .iter()
        .zip(names)
        .max_by_key(|(one, _)| one.interest_fen)
        .map_or("", |(_, name)| name.as_str());
    Chart {
        id: "by-branch",
        finding: format!("{most}的利息最多"),
        source: "单位：万元 · 来源：本中心账簿".to_owned(),
        kind: ChartKind::Columns,
        series: vec![Series {
            name: "利息".to_owned(),
            points: preview
                .branches
                .iter()
                .zip(names)
                .map(|(one, name)| Point {
                    label: name.chars().take(4).collect(),
                    value: Some(one.interest_fen),
                })
                .collect(),
        }],
        printed_unit: 1_000_000,
        table: by_branch("by-branch-figures", preview, names),
    }
}

fn samples(office: &Office, preview: &Preview) -> Table {
    let lines = preview
        .samples
        .iter()
        .map(|one| {
            Line::new(vec![
                Cell::digits(office.numbers.encode(NumberKind::Account, one.account_id)),
                Cell::count(one.days),
                Cell::amount(Fen::new(one.interest_fen)),
            ])
        })
        .collect();
    Table::new(
        "samples",
        "积数与利息",
        vec![
            Column::words("个人账号"),
            Column::figures("积数（分·天）"),
            Column::figures("利息（元）"),
        ],
        lines,
    )
    .cards()
    .empty("没有要结息的账户。")
}

async fn before(office: &Office, years: Vec<Settlement>) -> Result<Table, PageError> {
    let mut lines = Vec::new();
    for year in years.iter().filter(|year| year.state == state::DONE) {
        let by = match (year.maker_id, year.checker_id) {
            (0, _) => "随日结入账".to_owned(),
            (maker, checker) => format!(
                "{}，{}",
                staff_named(office, maker, "会计").await?,
                staff_named(office, checker.unwrap_or_default(), "会计").await?
            ),
        };
        lines.push(Line::new(vec![
            Cell::new(year_words(year.until)),
            Cell::count(year.accounts),
            Cell::amount(Fen::new(year.interest_fen)),
            Cell::new(by),
            Cell::new(
                year.done_at
                    .map_or_else(String::new, |at| when::second(at, office.now())),
            ),
        ]));
    }
    Ok(Table::new(
        "years",
        "已入账的年度",
        vec![
            Column::words("结息年度"),
            Column::figures("账户数"),
            Column::figures("利息（元）"),
            Column::words("提出和批准"),
            Column::words("入账完"),
        ],
        lines,
    )
    .cards()
    .empty("还没有结过息。"))
}

async fn hands(
    office: &Office,
    at: &AtDesk,
    due: Option<NaiveDate>,
    current: Option<&Settlement>,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let awaited = |title: &str| Hand::awaited(title.to_owned(), "");
    let nobody = || vec![awaited("第一人：还没有"), awaited("第二人：还没有")];
    let Some(until) = due else {
        return Ok(Hands::barred(
            nobody(),
            "6 月 30 日日结以后才能提出，每年一次。",
        ));
    };
    let mine = may(&at.staff, &Method::POST, "/desk/books/interest");
    let me = staff_name(&at.staff);
    let year = year_words(until);
    let open = current.filter(|one| matches!(one.state, state::PROPOSED | state::APPROVED));
    Ok(match open {
        None if mine => Hands::asked(
            vec![
                Hand::mine(format!("第一人：您，{me}"), "看过左边的数再提出"),
                awaited("第二人：还没有"),
            ],
            HERE,
            token,
            Vec::new(),
            vec![
                Button::submit(format!("提出结息 {year}"))
                    .wide()
                    .value("step", "propose"),
            ],
        ),
        None => Hands::barred(nobody(), "年度结息由两位会计办理。"),
        Some(one) => {
            let maker = staff_named(office, one.maker_id, "会计").await?;
            let first = Hand::signed(
                Text::new()
                    .say(maker)
                    .br()
                    .say(when::second(one.made_at, office.now()))
                    .say(" · 提出 ")
                    .money(Fen::new(one.interest_fen)),
            );
            if one.state == state::APPROVED {
                let checker =
                    staff_named(office, one.checker_id.unwrap_or_default(), "会计").await?;
                Hands::barred(
                    vec![first, Hand::signed(checker)],
                    "已经批准，正在入账；中断了会自己接着做，不会重复。",
                )
            } else if one.maker_id == at.staff.staff_id {
                Hands::barred(
                    vec![first, awaited("第二人：还没有")],
                    "您是第一人，要另一位会计批准。",
                )
            } else if mine {
                Hands::asked(
                    vec![
                        first,
                        Hand::mine(
                            format!("第二人：您，{me}"),
                            "提出以后有过业务的账户，利息以入账时为准",
                        ),
                    ],
                    HERE,
                    token,
                    Vec::new(),
                    vec![
                        Button::submit("批准并入账").value("step", "approve"),
                        Button::send("退回", ButtonLook::Danger).value("step", "return"),
                    ],
                )
            } else {
                Hands::barred(
                    vec![first, awaited("第二人：还没有")],
                    "年度结息由两位会计办理。",
                )
            }
        }
    })
}

#[derive(Deserialize)]
pub(crate) struct StepForm {
    step: String,
}

/// `POST /desk/books/interest`: a hand.
pub(crate) async fn step(
    axum::extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<StepForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let done = match form.step.as_str() {
        "propose" => interest_year::propose(office, &at.staff).await,
        "approve" => interest_year::approve(office, &at.staff).await,
        "return" => interest_year::send_back(office, &at.staff).await,
        _ => return Err(PageError::NotFound),
    };
    match done {
        Ok(settlement) => {
            if settlement.state == state::APPROVED {
                let engine = portal.engine.clone();
                tokio::spawn(async move {
                    if let Err(error) = interest_year::run_approved(&engine.office).await {
                        tracing::error!(%error, "booking the year's interest; it is tried again within a minute");
                    }
                });
            }
            Ok(Redirect::to(HERE).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(&portal, &visit, &at, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
