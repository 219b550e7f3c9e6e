//! 授权 (`consent-manage`, data_sharing.md §7): what one agreed to and may take back or give again, who was asked what about oneself and why, and
//! what one holds to be wrong in it.

use anju_business::contribution::credit;
use anju_business::sharing::dispute::{self, state};
use anju_casework::Actor;
use anju_casework::{Error, consent, fact, person};
use anju_domain::clock::shanghai_date;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{frame, named};
use crate::authorization::Me;
use crate::components::{Button, ButtonLook, Flash, Row, Rows, State as Shown, Text, Tone};
use crate::frame::MyTab;
use crate::pages::error::PageError;
use crate::pages::my::ConsentPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// Enquiries of the list, and facts that may be doubted.
const ENQUIRIES: i64 = 50;
const DOUBTABLE: i64 = 30;
const DISPUTES: i64 = 20;

const HERE: &str = "/my/consents";

/// `GET /my/consents`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<ConsentPage, PageError> {
    draw(&portal, &visit, &me, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    flash: Option<Flash>,
) -> Result<ConsentPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let consents = consent::of_person(office, me.person_id)
        .await?
        .into_iter()
        .map(|one| line(portal, &one, now))
        .collect();
    let asked = match person::get(office, me.person_id).await? {
        Some(person) => fact::asked_about(office, person.id_number.expose(), ENQUIRIES).await?,
        None => Vec::new(),
    };
    let enquiries = asked
        .iter()
        .map(|one| {
            let result = match one.result.as_str() {
                "known" => Shown::pass("有记录"),
                "absent" => Shown::idle("没有记录"),
                "cached" => Shown::idle("用了先前的答复"),
                _ => Shown::wait("没有得到答复"),
            };
            Row::of(Text::from(format!(
                "{} · {}",
                source_name(portal, &one.source),
                type_name(portal, &one.r#type)
            )))
            .note(Text::from(format!(
                "{}，为{}",
                when::minute(one.at, now),
                named(&portal.engine.office, &one.service, "核对信息")
            )))
            .value(Text::new().state(&result))
        })
        .collect();
    let doubted = dispute::of_person(office, me.person_id, DISPUTES).await?;
    let disputes = doubted
        .iter()
        .map(|one| {
            let shown = match one.state {
                state::TO_SEND => Shown::wait("正在转给来源"),
                state::WITH_SOURCE => Shown::wait("来源正在核实"),
                state::CORRECTED => Shown::pass("已更正"),
                _ => Shown::idle("维持原记录"),
            };
            let note = if one.answer.is_empty() {
                format!(
                    "{}提出，{}前答复{}",
                    when::minute(one.opened_at, now),
                    when::iso(one.due_on),
                    if one.order_no.is_empty() {
                        String::new()
                    } else {
                        format!("，工单 {}", one.order_no)
                    }
                )
            } else {
                format!("答复：{}", one.answer)
            };
            Row::of(Text::from(format!(
                "{} · {}",
                source_name(portal, &one.source),
                type_name(portal, &one.fact_type)
            )))
            .note(Text::from(note))
            .value(Text::new().state(&shown))
        })
        .collect();
    let living: Vec<i64> = doubted
        .iter()
        .filter(|one| one.state < state::CORRECTED)
        .map(|one| one.fact_id)
        .collect();
    let doubtable = dispute::doubtable(office, me.person_id, DOUBTABLE)
        .await?
        .into_iter()
        .filter(|one| !living.contains(&one.fact_id))
        .map(|one| {
            let words = format!(
                "{}（{}）",
                type_name(portal, &one.r#type),
                when::day(shanghai_date(one.fetched_at), shanghai_date(now))
            );
            (one.fact_id, words)
        })
        .collect();
    let allowed = consent_lines(portal, me.person_id).await?;
    Ok(ConsentPage {
        askers: allowed,
        frame: frame(visit, "授权", MyTab::Me, Some(("/my/me", "我的"))),
        flash,
        consents,
        enquiries: Rows::folded(enquiries, 8),
        disputes: Rows::new(disputes),
        doubtable,
    })
}

fn line(
    portal: &Portal,
    one: &consent::Consent,
    now: DateTime<Utc>,
) -> (Text, Text, Option<Button>) {
    let mut names: Vec<String> = Vec::new();
    for fact_type in &one.fact_types {
        let policy = portal.engine.office.policy();
        if let Some(known) = policy.set.fact_type(fact_type)
            && !names.contains(&known.source_name)
        {
            names.push(known.source_name.clone());
        }
    }
    let what = if names.is_empty() || one.given_to.is_some() {
        Text::from(one.purpose.as_str())
    } else {
        Text::from(format!("向{}核对", names.join("、")))
    };
    let note = Text::from(format!(
        "为{}，{}给的",
        named(&portal.engine.office, &one.service, "核对信息"),
        when::minute(one.given_at, now)
    ));
    match one.withdrawn_at {
        Some(at) => (
            what,
            note.say("，")
                .state(&Shown::idle(format!("{}收回了", when::minute(at, now)))),
            one.open_case_id.map(|_| {
                Button::send("重新授权", ButtonLook::Plain)
                    .value("again", one.consent_id.to_string())
            }),
        ),
        None if one.until.is_some_and(|until| until <= now) => {
            (what, note.say("，").state(&Shown::idle("已到期")), None)
        }
        None => (
            what,
            match one.until {
                Some(until) => note.say(format!("，到 {} 止", when::iso(shanghai_date(until)))),
                None => note,
            },
            Some(
                Button::send("收回", ButtonLook::Plain)
                    .value("consent", one.consent_id.to_string()),
            ),
        ),
    }
}

/// Who may ask us what: by the person's consent, with the button that gives it where none lives, and by duty.
async fn consent_lines(
    portal: &Portal,
    person_id: i64,
) -> Result<Vec<(Text, Text, Option<Button>)>, PageError> {
    let office = &portal.engine.office;
    let mut lines = Vec::new();
    for give in &portal.engine.gateway.catalogue().gives {
        for asker in &give.to {
            let what = Text::from(format!(
                "{}可以查我的{}",
                source_name(portal, &asker.source),
                give.title
            ));
            let says = Text::from(format!("只有{}", give.says));
            if !asker.needs_consent() {
                let by = format!("，法定职责（{}），不用您同意", asker.law);
                lines.push((what, says.say(by), None));
                continue;
            }
            let living = consent::allowing(office, person_id, &asker.source, &give.name).await?;
            let button = living.is_none().then(|| {
                Button::send("同意", ButtonLook::Plain)
                    .value("allow", format!("{}/{}", asker.source, give.name))
            });
            let says = match living {
                Some(_) => says.say("，").state(&Shown::pass("您已同意")),
                None => says.say(format!("；同意后 {} 天内有效", give.consent_days)),
            };
            lines.push((what, says, button));
        }
    }
    Ok(lines)
}

/// Lets a department ask about this person: what and whom the catalogue names.
async fn allow(portal: &Portal, person_id: i64, wish: &str) -> Result<(), PageError> {
    let office = &portal.engine.office;
    let catalogue = portal.engine.gateway.catalogue();
    let named = wish.split_once('/').and_then(|(source, fact_type)| {
        let give = catalogue.give(fact_type)?;
        Some((give, give.asker(source)?))
    });
    let (give, asker) = named.ok_or(PageError::NotFound)?;
    if !asker.needs_consent() {
        return Err(PageError::NotFound);
    }
    let words = format!(
        "同意{}为办理本人的事项查询本人的住房公积金{}（{}）",
        source_name(portal, &asker.source),
        give.title,
        give.says
    );
    let allowed = consent::Allowed {
        to: &asker.source,
        fact_type: &give.name,
        words: &words,
        channel: "WEB",
        until: office.now() + TimeDelta::days(give.consent_days),
    };
    Ok(consent::allow(office, person_id, allowed).await?)
}

fn source_name(portal: &Portal, source: &str) -> String {
    let catalogue = portal.engine.gateway.catalogue();
    catalogue
        .source(source)
        .map_or_else(|| source.to_owned(), |known| known.name_zh.clone())
}

fn type_name(portal: &Portal, fact_type: &str) -> String {
    let catalogue = portal.engine.gateway.catalogue();
    catalogue
        .fact(fact_type)
        .map_or_else(|| "信息".to_owned(), |known| known.title.clone())
}

#[derive(Deserialize)]
pub(crate) struct ConsentForm {
    consent: Option<i64>,
    again: Option<i64>,
    /// `D14/hpf.contribution`.
    allow: Option<String>,
}

/// `POST /my/consents`: takes one back, gives one again that a case still waits for, or lets a department ask us.
pub(crate) async fn change(
    State(portal): State<Portal>,
    me: Me,
    Form(form): Form<ConsentForm>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    if let Some(consent) = form.consent {
        let actor = Actor::Person(me.person_id);
        credit::withdraw_consent(office, me.person_id, consent, actor).await?;
    }
    if let Some(again) = form.again {
        consent::give_again(office, me.person_id, again).await?;
    }
    if let Some(wish) = form.allow {
        allow(&portal, me.person_id, &wish).await?;
    }
    Ok(Redirect::to(HERE))
}

#[derive(Deserialize)]
pub(crate) struct DisputeForm {
    fact: i64,
    #[serde(default)]
    reason: String,
}

/// `POST /my/consents/dispute`: 数据异议.
pub(crate) async fn dispute(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(form): Form<DisputeForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    match dispute::open(office, me.person_id, form.fact, &form.reason).await {
        Ok(_) => {
            // The source is told at once; where it is silent, each minute again.
            let engine = portal.engine.clone();
            tokio::spawn(async move {
                if let Err(error) = engine.send_disputes().await {
                    tracing::error!(%error, "passing on doubts of facts");
                }
            });
            Ok(Redirect::to("/my/consents#disputes").into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail);
            let page = draw(&portal, &visit, &me, Some(flash)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
