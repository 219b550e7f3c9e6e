//! 职工: who is a member of the employer. `change.rs` changes them.

use anju_business::contribution::people;
use anju_casework::Office;
use anju_casework::membership::state;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::AtUnit;
use crate::components::{Cell, Column, Flash, Line, Pager, State as Shown, Table, Tone};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::PeoplePage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::framed;

/// People on a page.
const PAGE: i64 = 50;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
    done: Option<String>,
}

/// `GET /unit/people?after=&done=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<PeoplePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, &visit, &at, "职工", UnitTab::People).await?;
    // Membership ids stand in no page: a page goes on behind an account.
    let after = match wanted
        .after
        .as_deref()
        .and_then(|no| account_id(office, no))
    {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .map_or(0, |member| member.membership_id),
        None => 0,
    };
    let members = people::of_employer(office, employer.employer_id, after, PAGE).await?;
    let (active, sealed) = people::counts(office, employer.employer_id).await?;
    let more = members.len() as i64 == PAGE;
    let last = members
        .last()
        .map(|member| number(office, member.account_id));
    let pager = Pager {
        note: format!("{active} 人在缴，{sealed} 人封存"),
        before: (after > 0).then(|| "/unit/people".to_owned()),
        after: last
            .filter(|_| more)
            .map(|last| format!("/unit/people?after={last}")),
    };
    let paged = pager.before.is_some() || pager.after.is_some();
    let mut table = Table::new(
        "people",
        "职工，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("个人账号"),
            Column::words("状态"),
            Column::figures("缴存基数（元）"),
            Column::figures("月缴存额（元）"),
        ],
        members.iter().map(|member| line(office, member)).collect(),
    )
    .empty("还没有职工。交第一份名册，或在这里新增。")
    .cards();
    if paged {
        table = table.pager(pager);
    }
    Ok(PeoplePage {
        frame,
        flash: done(wanted.done.as_deref()).map(|words| Flash::new(Tone::Pass, words)),
        lead: format!("{active} 人在缴，{sealed} 人封存。点账号办理封存、启封、基数调整、补缴。")
            .into(),
        table,
    })
}

fn done(what: Option<&str>) -> Option<&'static str> {
    match what? {
        "employee-account-open" => Some("办好了：已新增。下一份名册里有这名职工。"),
        "employee-account-seal" => Some("办好了：已封存。下一份名册里不再有这名职工。"),
        "employee-account-unseal" => Some("办好了：已启封。下一份名册里有这名职工。"),
        "base-adjust" => Some("办好了：基数已调整。下一份名册按新基数。"),
        "ratio-adjust" => Some("办好了：比例已调整。下一份名册按新比例。"),
        _ => None,
    }
}

pub(super) fn number(office: &Office, account_id: i64) -> String {
    office.numbers.encode(NumberKind::Account, account_id)
}

pub(super) fn account_id(office: &Office, number: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Account, number)
}

pub(super) fn shown(member: &people::Member) -> Shown {
    if member.state == state::ACTIVE {
        Shown::pass("正常")
    } else {
        Shown::idle("封存")
    }
}

fn line(office: &Office, member: &people::Member) -> Line {
    let account = number(office, member.account_id);
    Line::new(vec![
        Cell::new(member.name_masked.as_str()),
        Cell::digits(account.as_str()).link(format!("/unit/people/{account}")),
        Cell::state(&shown(member)),
        Cell::amount(member.base),
        if member.state == state::ACTIVE {
            Cell::amount(member.monthly)
        } else {
            Cell::none()
        },
    ])
}
