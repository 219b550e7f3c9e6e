//! 服务找人: for each withdrawal how many our books leave in, who was found entitled, was told, and then claimed; by district; and the people,
//! masked. A branch sees its own people.

use anju_business::population::entitled::{self, Listed, Run, state};
use anju_casework::staff::role;
use anju_casework::{Office, case, person};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Line, Pager, State as Shown, Table, Text};
use crate::desk::{framed, may_open};
use crate::pages::desk::EntitledPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/entitled";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    service: Option<String>,
    before: Option<String>,
}

/// The branch whose people are seen: all for whoever sees the centre, works at its head office or keeps its services.
fn scope(office: &Office, at: &AtDesk) -> Option<i16> {
    let all = at.staff.sees_centre()
        || at.staff.branch_id == office.centre.head_branch
        || at.staff.is(role::SERVICE_MANAGER)
        || at.staff.is(role::POLICY_OFFICER);
    (!all).then_some(at.staff.branch_id)
}

fn name_of(office: &Office, service: &str) -> String {
    let policy = office.policy();
    let known = policy.set.service(service);
    known.map_or_else(|| service.to_owned(), |service| service.name_zh.clone())
}

/// `GET /desk/entitled?service=&before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<EntitledPage, PageError> {
    let office = &portal.engine.office;
    let branch = scope(office, &at);
    let runs = entitled::last(office).await?;
    let chosen = view
        .service
        .as_deref()
        .filter(|id| {
            office
                .policy()
                .set
                .service(id)
                .is_some_and(crate::apply::pays)
        })
        .map(str::to_owned)
        .or_else(|| {
            let services = anju_business::population::withdrawals(office);
            services.first().map(|service| service.id.clone())
        });
    let services = services(office, branch, &runs, chosen.as_deref()).await?;
    let (districts, people, title) = match &chosen {
        Some(service) => (
            Some(districts(office, service, branch).await?),
            Some(people(office, &at, service, branch, &view).await?),
            name_of(office, service),
        ),
        None => (None, None, String::new()),
    };
    Ok(EntitledPage {
        frame: framed(office, &visit, &at, "服务找人", HERE).await?,
        progress: progress(&runs),
        services,
        title,
        districts,
        people,
    })
}

/// How far the last run is.
fn progress(runs: &[Run]) -> Text {
    let Some(first) = runs.first() else {
        return "还没有找过，当天夜里第一次找。".into();
    };
    let services = runs.iter().filter(|run| !run.service.is_empty());
    let (done, all) = services.fold((0, 0), |(done, all), run| {
        (done + usize::from(run.ended_at.is_some()), all + 1)
    });
    let whole = runs.iter().find(|run| run.service.is_empty());
    let people = whole.map_or(0, |run| run.people);
    let text = Text::new().say(format!("{} 找的", chinese_date(first.day)));
    if done == all {
        text.say(format!("：{people} 人都看过，{all} 个事项都找完了。"))
    } else {
        text.say(format!(
            "：正在找，{all} 个事项找完 {done} 个；中断了会接着找。"
        ))
    }
}

async fn services(
    office: &Office,
    branch: Option<i16>,
    runs: &[Run],
    chosen: Option<&str>,
) -> Result<Table, PageError> {
    let known = entitled::take_up(office, branch).await?;
    let lines = anju_business::population::withdrawals(office)
        .iter()
        .map(|service| {
            let run = runs.iter().find(|run| run.service == service.id);
            let one = known.iter().find(|one| one.service == service.id);
            let count = |read: fn(&entitled::TakeUp) -> i64| Cell::count(one.map_or(0, read));
            Line::new(vec![
                Cell::new(service.name_zh.as_str()).link(format!("{HERE}?service={}", service.id)),
                match (branch, run) {
                    // The count of the whole centre is no figure of a branch.
                    (None, Some(run)) => Cell::count(run.possible),
                    _ => Cell::none(),
                },
                count(|one| one.open),
                Cell::amount(Fen::new(one.map_or(0, |one| one.open_fen))),
                count(|one| one.told),
                count(|one| one.claimed),
                Cell::digits(one.map_or_else(|| "—".to_owned(), rate)),
            ])
            .current(chosen == Some(service.id.as_str()))
        })
        .collect();
    Ok(Table::new(
        "services",
        "按事项，单位：人、元",
        vec![
            Column::words("事项"),
            Column::figures("账上都符合"),
            Column::figures("能办没办"),
            Column::figures("可提金额（元）"),
            Column::figures("告知过"),
            Column::figures("已办"),
            Column::figures("告知后办理率"),
        ],
        lines,
    )
    .cards()
    .empty("没有提取事项。"))
}

/// Of those who were told, how many then claimed.
fn rate(one: &entitled::TakeUp) -> String {
    if one.told == 0 {
        return "—".to_owned();
    }
    let permille = one.told_claimed * 1000 / one.told;
    format!("{}.{}%", permille / 10, permille % 10)
}

async fn districts(
    office: &Office,
    service: &str,
    branch: Option<i16>,
) -> Result<Table, PageError> {
    let lines = entitled::by_district(office, service, branch)
        .await?
        .iter()
        .map(|one| {
            Line::new(vec![
                Cell::digits(one.district.as_str()),
                Cell::count(one.possible),
                Cell::count(one.open),
                Cell::count(one.told),
                Cell::count(one.claimed),
            ])
        })
        .collect();
    Ok(Table::new(
        "districts",
        "按单位所在区县，单位：人",
        vec![
            Column::words("区县代码"),
            Column::figures("账上都符合"),
            Column::figures("能办没办"),
            Column::figures("其中告知过"),
            Column::figures("已办"),
        ],
        lines,
    )
    .cards()
    .empty("还没有找过这个事项。"))
}

async fn people(
    office: &Office,
    at: &AtDesk,
    service: &str,
    branch: Option<i16>,
    view: &View,
) -> Result<Table, PageError> {
    let before = view.before.as_deref().and_then(|text| text.parse().ok());
    let listed = entitled::list(office, service, branch, before, PAGE).await?;
    let ids: Vec<i64> = listed.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &ids).await?;
    let now = office.now();
    // Who may not look at a person, or at a case, gets no link to it.
    let looks = may_open(&at.staff, "/desk/people/{person}");
    let reads = may_open(&at.staff, "/desk/cases/{case}");
    let lines = listed
        .iter()
        .map(|one| {
            let number = office.numbers.encode(NumberKind::Person, one.person_id);
            let name = names.get(&one.person_id).map_or("", String::as_str);
            Line::new(vec![
                if looks {
                    Cell::new(name).link(format!("/desk/people/{number}"))
                } else {
                    Cell::new(name)
                },
                Cell::digits(one.district.as_str()),
                Cell::amount(Fen::new(one.amount_fen)),
                Cell::new(when::minute(one.found_at, now)),
                Cell::new(
                    one.told_at
                        .map_or_else(|| "没有".to_owned(), |at| when::minute(at, now)),
                ),
                outcome(office, one, reads),
            ])
        })
        .collect();
    let more = (listed.len() as i64 == PAGE)
        .then(|| listed.last())
        .flatten()
        .map(|last| format!("{HERE}?service={service}&before={}", last.entitlement_id));
    Ok(Table::new(
        "people",
        "找到的人，新的在前，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("区县代码"),
            Column::figures("可提金额（元）"),
            Column::words("找到"),
            Column::words("告知"),
            Column::words("结果"),
        ],
        lines,
    )
    .empty("没有找到人：要有部门的答复或本人的授权才能确定。")
    .pager(Pager {
        note: "新的在前".to_owned(),
        before: view
            .before
            .is_some()
            .then(|| format!("{HERE}?service={service}")),
        after: more,
    }))
}

fn outcome(office: &Office, one: &Listed, reads: bool) -> Cell {
    match (one.state, one.claimed_case) {
        (state::CLAIMED, Some(case_id)) => {
            let number = case::number(office, case_id);
            let text = Text::new().say("已办 ");
            Cell::new(if reads {
                text.link(format!("/desk/cases/{number}"), number)
            } else {
                text.num(number)
            })
        }
        (state::LAPSED, _) => Cell::state(&Shown::idle("不再符合")),
        _ => Cell::state(&Shown::wait("还没办")),
    }
}
