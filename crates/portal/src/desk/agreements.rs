//! `/desk/agreements`: the runs of agreements: how far each period is, and who was skipped and why.

use anju_business::withdrawal::agreement::{self, Run, run_state, state};
use anju_casework::{Office, case};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Keys, Line, Pager, Table, Tabs, Text};
use crate::desk::{branch_of, framed};
use crate::my::agreements::{loan_name, months_of, run_state_of, state_of};
use crate::pages::desk::AgreementsPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 50;

/// Periods whose progress is shown.
const PERIODS: i32 = 12;

/// Which runs, and after which one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    state: Option<i16>,
    after: Option<String>,
}

/// Views of the list.
const VIEWS: [(Option<i16>, &str); 5] = [
    (None, "全部"),
    (Some(run_state::DUE), "正在办"),
    (Some(run_state::PAID), "已到账"),
    (Some(run_state::SKIPPED), "跳过"),
    (Some(run_state::FAILED), "没有付成"),
];

/// `GET /desk/agreements`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(wanted): Query<Wanted>,
) -> Result<AgreementsPage, PageError> {
    let office = &portal.engine.office;
    let branch = branch_of(&at.staff);
    let counts = agreement::count_by_state(office, branch).await?;
    let count = |of: i16| {
        counts
            .iter()
            .find(|(state, _)| *state == of)
            .map_or(0, |(_, many)| *many)
    };
    let scope = [
        state::SIGNED,
        state::RUNNING,
        state::SUSPENDED,
        state::ENDED,
    ]
    .map(|of| format!("{} {}", state_of(of).word, count(of)))
    .join(" · ");
    let here = |view: Option<i16>| match view {
        Some(state) => format!("/desk/agreements?state={state}"),
        None => "/desk/agreements".to_owned(),
    };
    let tabs = Tabs {
        label: "看哪些".to_owned(),
        tabs: VIEWS
            .iter()
            .map(|(view, name)| (here(*view), Text::from(*name), *view == wanted.state))
            .collect(),
    };
    let before = wanted
        .after
        .as_deref()
        .and_then(|number| office.numbers.decode(NumberKind::Case, number));
    let runs = agreement::runs(office, branch, wanted.state, before, PAGE).await?;
    let more = (runs.len() as i64 == PAGE)
        .then(|| runs.last())
        .flatten()
        .map(|last| {
            let number = case::number(office, last.run_id);
            let base = here(wanted.state);
            let joint = if wanted.state.is_some() { '&' } else { '?' };
            format!("{base}{joint}after={number}")
        });
    let lines = runs.iter().map(|run| line(office, run)).collect();
    let mut table = Table::new(
        "runs",
        "各期",
        vec![
            Column::words("期号"),
            Column::words("还款月份"),
            Column::words("贷款"),
            Column::words("结果"),
            Column::figures("金额（元）"),
            Column::words("原因"),
            Column::words("时间"),
        ],
        lines,
    )
    .empty("没有这样的一期。");
    if more.is_some() || before.is_some() {
        table = table.pager(Pager {
            note: String::new(),
            before: before.map(|_| here(wanted.state)),
            after: more,
        });
    }
    Ok(AgreementsPage {
        frame: framed(office, &visit, &at, "约定提取", "/desk/agreements").await?,
        scope: scope.into(),
        progress: progress(office, branch).await?,
        tabs,
        runs: table,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

/// A line for each of the last periods.
async fn progress(office: &Office, branch: Option<i16>) -> Result<Table, PageError> {
    let since = Month::of(office.today()).index() - PERIODS;
    let all = agreement::progress(office, branch, since).await?;
    let mut periods: Vec<i32> = all.iter().map(|one| one.period).collect();
    periods.dedup();
    let lines = periods
        .into_iter()
        .map(|period| {
            let of = |states: &[i16]| {
                all.iter()
                    .filter(|one| one.period == period && states.contains(&one.state))
                    .map(|one| one.runs)
                    .sum::<i64>()
            };
            let paid: i64 = all
                .iter()
                .filter(|one| one.period == period && one.state == run_state::PAID)
                .map(|one| one.amount_fen)
                .sum();
            Line::new(vec![
                Cell::new(Month::from_index(period).chinese()),
                Cell::count(of(&[run_state::DUE])),
                Cell::count(of(&[run_state::PAYING])),
                Cell::count(of(&[run_state::PAID])),
                Cell::amount(Fen::new(paid)),
                Cell::count(of(&[run_state::NOTHING])),
                Cell::count(of(&[run_state::SKIPPED, run_state::FAILED])),
            ])
        })
        .collect();
    Ok(Table::new(
        "progress",
        "进度",
        vec![
            Column::words("期末月份"),
            Column::figures("正在办"),
            Column::figures("正在付款"),
            Column::figures("已到账"),
            Column::figures("到账金额（元）"),
            Column::figures("没有可提的"),
            Column::figures("没有办成"),
        ],
        lines,
    )
    .empty("最近 12 个月没有到期的约定。"))
}

fn line(office: &Office, run: &Run) -> Line {
    let number = case::number(office, run.run_id);
    let pays = matches!(
        run.state,
        run_state::PAYING | run_state::PAID | run_state::FAILED
    );
    let head = Cell::digits(number.as_str());
    let reason = match (&run.code, &run.reason) {
        (Some(code), Some(reason)) => format!("{code} {reason}"),
        (None, Some(reason)) => reason.clone(),
        _ => String::new(),
    };
    Line::new(vec![
        if pays {
            head.link(format!("/desk/cases/{number}"))
        } else {
            head
        },
        Cell::new(months_of(run)),
        Cell::new(loan_name(office, &run.loan_bank, &run.loan_no)),
        Cell::state(&run_state_of(run.state)),
        Cell::maybe(run.amount_fen.map(Fen::new)),
        Cell::new(reason),
        Cell::new(when::minute(run.made_at, office.now())),
    ])
}
