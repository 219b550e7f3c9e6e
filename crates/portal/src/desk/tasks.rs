//! 任务: cases that wait for a person, in the order of their promises; who works on them takes the next, not the easiest.

use anju_casework::Office;
use anju_casework::case::{self, Case, CaseState};
use anju_domain::clock;
use axum::extract::{Query, State};
use axum::response::Redirect;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{
    Button, Cell, Column, Keys, Line, Pager, State as Shown, Table, Tabs, Text,
};
use crate::desk::{branch_of, framed, may_open};
use crate::my::{amount_of, service_name, stage_in_list};
use crate::pages::desk::{TaskSide, TasksPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;
use crate::when;

const PAGE: i64 = 30;

/// The list of what one took in oneself.
const TAKEN_IN: &str = "mine";

#[derive(Deserialize)]
pub(crate) struct View {
    view: Option<String>,
    after_at: Option<DateTime<Utc>>,
    after: Option<String>,
}

impl View {
    /// The case after which the list goes on.
    fn place(&self, office: &Office) -> Option<(DateTime<Utc>, i64)> {
        let number = self.after.as_deref();
        let case_id =
            number.and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number));
        self.after_at.zip(case_id)
    }
}

/// `GET /desk`: the first page that the roles open.
pub(crate) async fn home(at: AtDesk) -> Redirect {
    let usual = ["/desk/tasks", "/desk/books/close", "/desk/ops"];
    let all = super::RAIL.iter().flat_map(|(_, links)| links.iter());
    let mut pages = usual.into_iter().chain(all.map(|(href, ..)| *href));
    let first = pages.find(|page| may_open(&at.staff, page));
    Redirect::to(first.unwrap_or("/desk/keys"))
}

/// `GET /desk/tasks`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<TasksPage, PageError> {
    let office = &portal.engine.office;
    if view.view.as_deref() == Some(TAKEN_IN) {
        return taken_in(office, &visit, &at, &view).await;
    }
    let now = office.now();
    let gathering = view.view.as_deref() == Some("gathering");
    let state = if gathering {
        CaseState::Gathering
    } else {
        CaseState::Reviewing
    };
    let after = view.place(office);
    let branch = branch_of(&at.staff);
    let cases = case::list_open(office, state, branch, after, PAGE).await?;
    let names = case::names_of(office, &cases.iter().collect::<Vec<_>>()).await?;
    let more = (cases.len() as i64 == PAGE)
        .then(|| cases.last())
        .flatten()
        .map(|last| {
            let view = if gathering { "gathering" } else { "review" };
            place_of(office, view, last.promised_at, last.case_id)
        });
    let lines = cases
        .iter()
        .enumerate()
        .map(|(place, one)| {
            let number = case::number(office, one.case_id);
            let who = names.get(&one.applicant_id).map_or("—", String::as_str);
            Line::new(vec![
                Cell::state(&left(one, now)),
                Cell::digits(number.as_str()).link(format!("/desk/cases/{number}")),
                Cell::new(service_name(office, one)),
                Cell::new(who),
                Cell::maybe(amount_of(one)),
                Cell::new(if gathering {
                    Text::new().sign(&Shown::unknown("")).say(" 等部门回复")
                } else {
                    Text::new().sign(&Shown::wait("")).say(" 规则要人看")
                }),
                Cell::new(when::minute(one.submitted_at, now)),
            ])
            .current(place == 0)
        })
        .collect();
    let side = match cases.first() {
        Some(first) => Some(side(office, first, &names, now).await?),
        None => None,
    };
    Ok(TasksPage {
        frame: framed(office, &visit, &at, "任务", "/desk/tasks").await?,
        flash: None,
        tabs: tabs(if gathering { "gathering" } else { "" }),
        filters: Vec::new(),
        next: (!gathering && !cases.is_empty())
            .then(|| Button::go("取下一件", "/desk/tasks/next").key("n")),
        table: Table::new(
            "tasks",
            "任务，按承诺时间排序",
            vec![
                Column::words("还剩").sorted(),
                Column::words("办件"),
                Column::words("事项"),
                Column::words("谁"),
                Column::figures("金额（元）"),
                Column::words("为什么要人看"),
                Column::words("提交"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty(if gathering {
            "没有在等部门的办件。"
        } else {
            "没有要人看的办件，都办完了。"
        })
        .pager(Pager {
            note: "先到先办，按承诺时间排序，不能挑".into(),
            before: after.map(|_| "/desk/tasks".to_owned()),
            after: more,
        }),
        side,
        keys: Keys::new(&[
            ("j k", "移动"),
            ("Enter", "打开"),
            ("n", "取下一件"),
            ("/", "命令栏"),
            ("?", "全部快捷键"),
        ]),
    })
}

/// The lists of the page, one of them in sight.
fn tabs(view: &str) -> Tabs {
    let all = [
        ("", "待复核"),
        ("gathering", "等部门回复"),
        (TAKEN_IN, "我今天受理的"),
    ];
    let tabs = all.map(|(one, words)| {
        let href = match one {
            "" => "/desk/tasks".to_owned(),
            one => format!("/desk/tasks?view={one}"),
        };
        (href, words.into(), one == view)
    });
    Tabs {
        label: "任务范围".into(),
        tabs: tabs.into(),
    }
}

/// Where a list goes on.
fn place_of(office: &Office, view: &str, at: DateTime<Utc>, case_id: i64) -> String {
    format!(
        "/desk/tasks?view={view}&after_at={}&after={}",
        at.format("%Y-%m-%dT%H:%M:%S%.fZ"),
        case::number(office, case_id)
    )
}

/// 我今天受理的: what this member of staff took in at the counter today, newest first, whatever has become of it since.
async fn taken_in(
    office: &Office,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
) -> Result<TasksPage, PageError> {
    let now = office.now();
    let begin = clock::at_hour(office.today(), 0).unwrap_or(now);
    let place = view.place(office);
    let cases = case::list_served(office, at.staff.staff_id, begin, place, PAGE).await?;
    let names = case::names_of(office, &cases.iter().collect::<Vec<_>>()).await?;
    let more = (cases.len() as i64 == PAGE)
        .then(|| cases.last())
        .flatten()
        .map(|last| place_of(office, TAKEN_IN, last.submitted_at, last.case_id));
    let lines = cases
        .iter()
        .map(|one| {
            let number = case::number(office, one.case_id);
            Line::new(vec![
                Cell::digits(when::clock(one.submitted_at)),
                Cell::digits(number.as_str()).link(format!("/desk/cases/{number}")),
                Cell::new(service_name(office, one)),
                Cell::new(names.get(&one.applicant_id).map_or("—", String::as_str)),
                Cell::maybe(amount_of(one)),
                Cell::state(&stage_in_list(office, one).state()),
                Cell::new(when::promise(one.promised_at, now)),
            ])
        })
        .collect();
    Ok(TasksPage {
        frame: framed(office, visit, at, "我今天受理的", "/desk/tasks").await?,
        flash: None,
        tabs: tabs(TAKEN_IN),
        filters: Vec::new(),
        next: None,
        table: Table::new(
            "taken-in",
            "我今天受理的办件，新的在前",
            vec![
                Column::words("受理"),
                Column::words("办件"),
                Column::words("事项"),
                Column::words("谁"),
                Column::figures("金额（元）"),
                Column::words("状态"),
                Column::words("承诺"),
            ],
            lines,
        )
        .dense("")
        .keys()
        .empty("今天还没有在柜台受理办件。")
        .pager(Pager {
            note: "新的在前".into(),
            before: place.map(|_| format!("/desk/tasks?view={TAKEN_IN}")),
            after: more,
        }),
        side: None,
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开"), ("/", "命令栏")]),
    })
}

/// How long until the promise.
pub(crate) fn left(one: &Case, now: DateTime<Utc>) -> Shown {
    let left = one.promised_at - now;
    let words = |span: TimeDelta| {
        let minutes = span.num_minutes().abs();
        format!("{}:{:02}", minutes / 60, minutes % 60)
    };
    if left < TimeDelta::zero() {
        Shown::fail(format!("超时 {}", words(left))).with_icon("alert")
    } else if left < TimeDelta::minutes(60) {
        Shown::wait(words(left)).with_icon("clock")
    } else {
        Shown::idle(words(left)).with_icon("clock")
    }
}

async fn side(
    office: &Office,
    one: &Case,
    names: &std::collections::HashMap<i64, String>,
    now: DateTime<Utc>,
) -> Result<TaskSide, PageError> {
    let policy = office.policy_version(one.policy_id).await?;
    let decision = case::decision_of(office, one, &policy).await?;
    let mut reasons = Vec::new();
    if let Some(decision) = &decision {
        reasons.extend(
            decision
                .review_reasons
                .iter()
                .map(|reason| reason.as_str().into()),
        );
        let met = decision
            .conditions
            .iter()
            .filter(|found| found.outcome == anju_policy::ConditionOutcome::Met)
            .count();
        for condition in explain::conditions(decision) {
            if condition.weight() < 2 {
                reasons.push(
                    Text::new()
                        .state(&condition.state)
                        .say("　")
                        .say(&condition.name),
                );
            }
        }
        reasons.push(
            Text::new()
                .state(&Shown::pass("符合"))
                .say(format!("　{met} 项")),
        );
    }
    let left = left(one, now);
    Ok(TaskSide {
        case_no: case::number(office, one.case_id),
        tag: Some(left.tag()),
        title: format!(
            "{} · {}",
            service_name(office, one),
            names.get(&one.applicant_id).map_or("—", String::as_str)
        ),
        amount: amount_of(one),
        reasons,
        papers: Vec::new(),
        can: Vec::new(),
        note: format!("承诺{}", when::promise(one.promised_at, now)).into(),
    })
}

/// `GET /desk/tasks/next`: the first of the queue.
pub(crate) async fn next(State(portal): State<Portal>, at: AtDesk) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    let branch = branch_of(&at.staff);
    let first = case::list_open(office, CaseState::Reviewing, branch, None, 1).await?;
    Ok(match first.first() {
        Some(one) => Redirect::to(&format!(
            "/desk/cases/{}",
            case::number(office, one.case_id)
        )),
        None => Redirect::to("/desk/tasks"),
    })
}
