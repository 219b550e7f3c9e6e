//! 两种决定: one person whom a change touches, case by case and condition by condition, by the version in force and by the draft.

use anju_business::policy_change::result::{self, BothWays};
use anju_casework::{Office, person};
use anju_domain::money::Fen;
use anju_policy::decision::{ConditionOutcome, Decision, Outcome};
use anju_vault::NumberKind;
use axum::extract::{Path, State};
use axum::http::Method;

use crate::authorization::{AtDesk, may};
use crate::components::{Cell, Column, Facts, Line, State as Shown, Table, Text};
use crate::desk::policy::{HERE, address};
use crate::desk::policy_result::ended;
use crate::desk::{framed, looked};
use crate::pages::desk::{BothDecisions, PolicyPersonPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// Ids of the tables of a person's cases; nobody has more that differ.
const IDS: [(&str, &str); 6] = [
    ("conditions-1", "parts-1"),
    ("conditions-2", "parts-2"),
    ("conditions-3", "parts-3"),
    ("conditions-4", "parts-4"),
    ("conditions-5", "parts-5"),
    ("conditions-6", "parts-6"),
];

/// `GET /desk/policy/{change}/people/{person}`: both decisions; the look is written down with its purpose.
pub(crate) async fn one(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path((number, who)): Path<(String, String)>,
) -> Result<PolicyPersonPage, PageError> {
    let office = &portal.engine.office;
    let (change, run) = ended(office, &number).await?;
    let person_id = office
        .numbers
        .decode(NumberKind::Person, &who)
        .ok_or(PageError::NotFound)?;
    let both = result::of_person(office, &change, &run, person_id).await?;
    let reason = format!("政策模拟：{}", change.title);
    looked(office, &at, person_id, "过去的办件", &reason, None).await?;
    let name = person::masked_names(office, &[person_id])
        .await?
        .remove(&person_id)
        .unwrap_or_default();
    let here = address(office, &change);
    let may_open = may(&at.staff, &Method::GET, "/desk/people/{person}");
    Ok(PolicyPersonPage {
        frame: framed(office, &visit, &at, "两种决定", HERE).await?,
        name,
        back: format!("{here}/people"),
        person: may_open.then(|| format!("/desk/people/{who}")),
        cases: both
            .iter()
            .zip(IDS)
            .map(|(one, ids)| both_decisions(office, one, ids))
            .collect(),
        note: format!("本次查看已记录，用途是“{reason}”。两栏都按同一份事实。"),
    })
}

fn outcome(decision: &Decision) -> Shown {
    match decision.outcome {
        Outcome::Approved => Shown::pass("通过"),
        Outcome::Refused => Shown::fail("没有通过"),
        Outcome::Waiting => Shown::unknown("还要问部门"),
        Outcome::Review => Shown::wait("要人复核"),
    }
}

fn both_decisions(
    office: &Office,
    one: &BothWays,
    (conditions_id, parts_id): (&'static str, &'static str),
) -> BothDecisions {
    let number = office.numbers.encode(NumberKind::Case, one.case.case_id);
    let policy = office.policy();
    let service = policy.set.service(&one.case.service);
    let name = service.map_or(one.case.service.as_str(), |service| {
        service.name_zh.as_str()
    });
    let side = |decision: &Decision| {
        let text = Text::new().state(&outcome(decision));
        match decision.amount_fen {
            Some(fen) if decision.outcome != Outcome::Refused => text.say(" ").money(Fen::new(fen)),
            _ => text,
        }
    };
    BothDecisions {
        id: format!("c-{number}"),
        title: Text::new()
            .say(name)
            .say(" ")
            .num(&number)
            .say(" · ")
            .say(when::minute(one.case.submitted_at, office.now())),
        facts: Facts(vec![
            ("现行".into(), side(&one.was)),
            ("草案".into(), side(&one.now)),
        ]),
        conditions: conditions(conditions_id, one),
        parts: parts(parts_id, one),
    }
}

/// Condition by condition: what each version says of it; those that differ first.
fn conditions(id: &'static str, one: &BothWays) -> Table {
    let said = |decision: &Decision, code: &str| -> Option<(ConditionOutcome, String)> {
        let found = decision.conditions.iter().find(|one| one.code == code)?;
        Some((found.outcome, found.detail.to_owned()))
    };
    let cell = |said: Option<&(ConditionOutcome, String)>| match said {
        None => Cell::none(),
        Some((outcome, detail)) => {
            let state = match outcome {
                ConditionOutcome::Met => Shown::pass("符合"),
                ConditionOutcome::NotMet => Shown::fail("不符合"),
                ConditionOutcome::Unknown => Shown::unknown("不知道"),
            };
            Cell::new(Text::new().state(&state).br().say(detail))
        }
    };
    let mut codes: Vec<(&str, &str)> = Vec::new();
    for found in one.was.conditions.iter().chain(&one.now.conditions) {
        if !codes.iter().any(|(code, _)| *code == found.code) {
            codes.push((found.code, found.name));
        }
    }
    let mut rows: Vec<(bool, Line)> = codes
        .into_iter()
        .map(|(code, name)| {
            let (was, now) = (said(&one.was, code), said(&one.now, code));
            let same = was == now;
            let line = Line::new(vec![
                Cell::new(format!("{code} {name}")),
                cell(was.as_ref()),
                cell(now.as_ref()),
            ]);
            (same, line)
        })
        .collect();
    rows.sort_by_key(|(same, _)| *same);
    Table::new(
        id,
        "各项条件",
        vec![
            Column::words("条件"),
            Column::words("现行"),
            Column::words("草案"),
        ],
        rows.into_iter().map(|(_, line)| line).collect(),
    )
    .cards()
}

/// The parts of both amounts; the one that binds is said.
fn parts(id: &'static str, one: &BothWays) -> Table {
    let cell = |decision: &Decision, at: usize| match decision.amount_parts.get(at) {
        Some(part) => {
            let text = Text::new().say(&part.label).br();
            let text = match part.fen {
                Some(fen) => text.money(Fen::new(fen)),
                None => text.say("待核实"),
            };
            Cell::new(if part.binding {
                text.say("（以此为准）")
            } else {
                text
            })
        }
        None => Cell::none(),
    };
    let count = one.was.amount_parts.len().max(one.now.amount_parts.len());
    let lines = (0..count)
        .map(|at| {
            Line::new(vec![
                Cell::new(format!("金额第 {} 项", at + 1)),
                cell(&one.was, at),
                cell(&one.now, at),
            ])
        })
        .collect();
    Table::new(
        id,
        "金额怎么来的",
        vec![
            Column::words("金额"),
            Column::words("现行"),
            Column::words("草案"),
        ],
        lines,
    )
    .cards()
    .empty("这个事项不付款。")
}
