//! 提取: what a person is entitled to now and how much, what may become possible and when, what is under way with its timed legs; over every
//! withdrawal in force, by its definition. Decided from what is at hand; nothing outside is asked here. And 替我留意: whether the centre may
//! look by itself, and whether it may tell.

use anju_business::population::entitled;
use anju_casework::case::{self, Case, CaseState};
use anju_casework::{Office, consent};
use anju_domain::calendar::chinese_date;
use anju_engine::gather::STANDING;
use anju_ledger::account::State as AccountState;
use anju_policy::{ConditionOutcome, ServiceDefinition};
use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use serde::Deserialize;

use crate::apply::Seen;
use crate::authorization::Me;
use crate::components::{Button, ButtonLook, Flight, Row, Rows, State as Shown, Text};
use crate::frame::MyTab;
use crate::my::apply::asking;
use crate::my::reading::{Read, row};
use crate::my::{account_of, channel, frame, membership_of};
use crate::pages::error::PageError;
use crate::pages::my::{Offered, WithdrawPage};
use crate::security::Visit;
use crate::serve::Portal;

/// Cases of the person that are looked through.
const CASES: i64 = 50;

/// `GET /my/withdraw`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<WithdrawPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let seen = asking(&portal, &visit, &me).await?.at_hand().await?;
    let cases = withdrawals(office, me.person_id).await?;
    let (living, ended): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| !case.state().is_final());
    let busy: Vec<&str> = living.iter().map(|case| case.service.as_str()).collect();
    let flight = match living.first() {
        Some(case) => flight(office, case).await?,
        None => None,
    };
    // Who has no account is told so once; that every kind needs one is no news.
    let none = match membership_of(office, me.person_id).await? {
        Some(one) => account_of(office, &one).await?,
        None => None,
    }
    .is_none_or(|account| account.state == AccountState::Closed);
    let seen = if none { Vec::new() } else { seen };
    let mut unknown = Vec::new();
    let mut closing = Vec::new();
    let mut later = Vec::new();
    let mut unmet = Vec::new();
    for one in seen.iter().filter(|one| one.amount().is_none()) {
        if busy.contains(&one.service.id.as_str()) {
            continue;
        }
        match one.decision.possible_from {
            _ if one.is_likely() => unknown.push(to_ask(one)),
            _ if one.is_open() => closing.push(to_ask(one)),
            Some(day) => later.push(lacking(one).value(format!("最早 {}", chinese_date(day)))),
            None => unmet
                .push(lacking(one).value(format!("差 {} 条", one.count(ConditionOutcome::NotMet)))),
        }
    }
    let quiet = entitled::is_quiet(office, me.person_id).await?;
    let consents = consent::standing(office, me.person_id, STANDING)
        .await?
        .consent_id()
        .is_some();
    Ok(WithdrawPage {
        frame: frame(&visit, "提取", MyTab::Services, Some(("/my", "首页"))),
        offered: offered(&seen),
        none: none.then(|| {
            "您在本中心没有公积金账户（没有开过，或者已经销户），没有可以提取的。".to_owned()
        }),
        elsewhere: if none {
            Vec::new()
        } else {
            elsewhere(office, channel(&visit))
        },
        doing: Rows::new(living.iter().map(|case| row(office, case, now)).collect()),
        flight,
        unknown,
        closing,
        later,
        unmet,
        taken: Rows::new(
            ended
                .into_iter()
                .filter(|case| case.state() == CaseState::Done)
                .map(|case| row(office, case, now))
                .collect(),
        ),
        more: Rows::new(vec![
            Row::to("/my/agreements", "约定提取").note("签一次约，每期还了住房贷款自动提取到卡"),
            if channel(&visit) == "YKB" {
                Row::to("/my/do/withdraw-death", "替去世的亲人提取")
                    .note("唯一的继承人在这里办；有几位继承人的，一起到柜台办")
            } else {
                Row::to("/guides/withdraw-death", "替去世的亲人提取")
                    .note("唯一的继承人在渝快办里办；有几位继承人的，一起到柜台办")
            },
        ]),
        watch: vec![
            if consents {
                (
                    "替我查".into(),
                    "您同意我们隔一段时间替您向部门核对一次，符合了就告诉您。在“授权”里也能收回。"
                        .into(),
                    Button::send("不用再查", ButtonLook::Plain).value("look", "off"),
                )
            } else {
                (
                    "替我查".into(),
                    "同意后，我们隔一段时间替您向部门核对一次，符合了就告诉您。只查办提取要查的，随时可以收回。"
                        .into(),
                    Button::send("同意替我查", ButtonLook::Plain).value("look", "on"),
                )
            },
            if quiet {
                (
                    "短信告诉我".into(),
                    "已经关掉，符合条件也不发短信，这一页照样能看。".into(),
                    Button::send("打开短信", ButtonLook::Plain).value("tell", "on"),
                )
            } else {
                (
                    "短信告诉我".into(),
                    "找到您能办的，发一条短信，同一件事不发第二次。".into(),
                    Button::send("不要短信", ButtonLook::Plain).value("tell", "off"),
                )
            },
        ],
    })
}

/// What can be had now, the largest first; what a person has to look at stands behind.
fn offered(seen: &[Seen]) -> Vec<Offered> {
    let mut look = ButtonLook::Primary;
    let mut offered = Vec::new();
    for one in seen {
        let Some(amount) = one.amount() else { continue };
        offered.push(Offered {
            name: one.service.name_zh.clone(),
            amount,
            reason: one.reason(),
            why: format!("/my/do/{}/why", one.service.id),
            button: Button::link(
                Text::new().say("核对并提取 ").money(amount),
                look,
                format!("/my/do/{}", one.service.id),
            )
            .wide(),
        });
        look = ButtonLook::Plain;
    }
    offered
}

/// Nothing speaks against it, but not all is known.
fn to_ask(one: &Seen) -> Row {
    Row::to(
        format!("/my/do/{}", one.service.id),
        one.service.name_zh.as_str(),
    )
    .note(one.decision.in_words().join(""))
    .value(Shown::unknown("点一下核验"))
}

/// What this channel does not offer, with where it is done.
fn elsewhere(office: &Office, channel: &str) -> Vec<Row> {
    anju_business::population::withdrawals(office)
        .into_iter()
        .filter(|service| service.login_on(channel).is_none())
        .map(|service| {
            Row::to(format!("/guides/{}", service.id), service.name_zh.as_str())
                .note(format!("在{}办", crate::site::places(&service)))
        })
        .collect()
}

/// What is lacking and what heals it, the first of it.
fn lacking(one: &Seen) -> Row {
    let first = one
        .decision
        .conditions
        .iter()
        .find(|condition| condition.outcome == ConditionOutcome::NotMet);
    Row::to(
        format!("/my/do/{}/why", one.service.id),
        one.service.name_zh.as_str(),
    )
    .note(first.map_or_else(String::new, |condition| condition.in_words()))
}

/// A person's cases that pay, newest first.
async fn withdrawals(office: &Office, person_id: i64) -> Result<Vec<Case>, PageError> {
    let policy = office.policy();
    let cases = case::list_of_applicant(office, person_id, None, CASES).await?;
    Ok(cases
        .into_iter()
        .filter(|case| {
            let service = policy.set.service(&case.service);
            service.is_some_and(crate::apply::pays)
        })
        .collect())
}

async fn flight(office: &Office, case: &Case) -> Result<Option<Flight>, PageError> {
    let read = Read::of(office, case.clone()).await?;
    let happened = case::events(office, case.case_id).await?;
    Ok(read.flight(&happened))
}

/// What is switched.
#[derive(Deserialize)]
pub(crate) struct Watch {
    look: Option<String>,
    tell: Option<String>,
}

/// `POST /my/withdraw/watch`: whether the centre may look by itself, and whether it may tell.
pub(crate) async fn watch(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(form): Form<Watch>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    if let Some(tell) = &form.tell {
        let mut conn = office.pool.acquire().await?;
        entitled::put_quiet(office, &mut conn, me.person_id, tell != "on").await?;
    }
    if let Some(look) = &form.look {
        let standing = consent::standing(office, me.person_id, STANDING)
            .await?
            .consent_id();
        match (look == "on", standing) {
            (true, None) => allow(office, &visit, me.person_id).await?,
            (false, Some(consent_id)) => {
                let mut conn = office.pool.acquire().await?;
                consent::withdraw(office, &mut conn, me.person_id, consent_id).await?;
            }
            _ => {}
        }
    }
    Ok(Redirect::to("/my/withdraw"))
}

/// Keeps the consent: for what all withdrawals in force may have to ask, and nothing else.
async fn allow(office: &Office, visit: &Visit, person_id: i64) -> Result<(), PageError> {
    let services = anju_business::population::withdrawals(office);
    let mut fact_types: Vec<String> = services
        .iter()
        .flat_map(ServiceDefinition::needs_outside)
        .map(|need| need.fact_type.clone())
        .collect();
    fact_types.sort();
    fact_types.dedup();
    let mut conn = office.pool.acquire().await?;
    let given = consent::Given {
        by: person_id,
        service: STANDING,
        case_id: None,
        fact_types: &fact_types,
        purpose: "替我留意能办的提取",
        channel: channel(visit),
        until: None,
    };
    consent::give(office, &mut conn, given).await?;
    Ok(())
}
