//! 销户后到账: what came for an account that was closed, whose it is said to be, and by whom.

use anju_business::contribution::late_credit::{self, Late, state};
use anju_business::contribution::remittance;
use anju_casework::{Error, Office, Refusal, person};
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{Button, ButtonLook, Facts, Field, FieldKind, Flash, Tabs, Text, Tone};
use crate::desk::{framed, staff_named};
use crate::pages::desk::{LateCard, LatePage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/suspense/closed";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    after: Option<String>,
}

fn number(office: &Office, late_id: i64) -> String {
    office.numbers.encode(NumberKind::Case, late_id)
}

/// `GET /desk/suspense/closed?after=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<LatePage, PageError> {
    draw(&portal, &visit, &at, &view, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    flash: Option<Flash>,
) -> Result<LatePage, PageError> {
    let office = &portal.engine.office;
    let after = view
        .after
        .as_deref()
        .and_then(|text| office.numbers.decode(NumberKind::Case, text))
        .unwrap_or(0);
    let found = late_credit::waiting(office, after, PAGE).await?;
    let people: Vec<i64> = found.iter().map(|one| one.person_id).collect();
    let names = person::masked_names(office, &people).await?;
    let mut cards = Vec::with_capacity(found.len());
    for one in &found {
        let name = names.get(&one.person_id).map_or("", String::as_str);
        cards.push(card(office, at, one, name).await?);
    }
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| format!("{HERE}?after={}", number(office, last.late_id)));
    Ok(LatePage {
        frame: framed(office, visit, at, "销户后到账", "/desk/suspense").await?,
        flash,
        tabs: Tabs {
            label: "科目".into(),
            tabs: vec![
                ("/desk/suspense".to_owned(), "待查".into(), false),
                (HERE.to_owned(), "销户后到账".into(), true),
                ("/desk/suspense/old".to_owned(), "催办".into(), false),
            ],
        },
        cards,
        before: view.after.is_some().then(|| HERE.to_owned()),
        more,
    })
}

async fn card(office: &Office, at: &AtDesk, one: &Late, name: &str) -> Result<LateCard, PageError> {
    let list = remittance::require(office, one.remittance_id).await?;
    let account = office.numbers.encode(NumberKind::Account, one.account_id);
    let mut facts: Vec<(String, Text)> = vec![
        ("单位".into(), one.employer_name.as_str().into()),
        ("清册".into(), Text::new().num(&list.reference)),
        ("月份".into(), list.month().chinese().into()),
        ("已销账户".into(), Text::new().num(account)),
        ("到账".into(), Text::new().num(when::iso(one.arrived_on))),
    ];
    let proposed = one.state == state::PROPOSED;
    let mut maker = None;
    if let (true, Some(maker_id), Some(at)) = (proposed, one.maker_id, one.made_at) {
        let what = if one.to_person == Some(true) {
            "启用账户，记到职工名下"
        } else {
            "退回单位暂存款"
        };
        facts.push(("提出".into(), what.into()));
        let reason = one.reason.as_deref().unwrap_or_default();
        facts.push(("依据".into(), reason.into()));
        let who = staff_named(office, maker_id, "经办人").await?;
        let words = format!("{who} · {}", when::minute(at, office.now()));
        facts.push(("经办".into(), words.into()));
        maker = Some(maker_id);
    }
    let barred = if maker == Some(at.staff.staff_id) {
        Some("您是提出人，等另一位会计复核。")
    } else if !may(&at.staff, &Method::POST, "/desk/suspense/closed/{id}") {
        Some("由会计办理。")
    } else {
        None
    };
    let id = number(office, one.late_id);
    Ok(LateCard {
        title: Text::new().say(name).say(" ").money(one.amount()),
        facts: Facts(facts),
        barred,
        action: format!("{HERE}/{id}"),
        field: (!proposed).then(|| {
            Field::new("reason", "依据", FieldKind::Text)
                .hint("例如：离职当月工资已发，单位来函确认")
        }),
        buttons: if proposed {
            vec![
                Button::send("同意", ButtonLook::Plain).value("step", "agree"),
                Button::send("退回", ButtonLook::Danger).value("step", "back"),
            ]
        } else {
            vec![
                Button::send("是职工的，启用账户入账", ButtonLook::Plain).value("step", "person"),
                Button::send("不该缴，退回单位暂存款", ButtonLook::Plain).value("step", "employer"),
            ]
        },
        id: format!("l-{id}"),
    })
}

#[derive(Deserialize)]
pub(crate) struct StepForm {
    step: String,
    #[serde(default)]
    reason: String,
}

/// `POST /desk/suspense/closed/{id}`: one accountant says whose it is, another agrees.
pub(crate) async fn step(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(id): Path<String>,
    Form(form): Form<StepForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let Some(late_id) = office.numbers.decode(NumberKind::Case, &id) else {
        return Err(Refusal::not_found("这笔销户后到账").into());
    };
    let done = match form.step.as_str() {
        "agree" => late_credit::check(office, late_id, true, &at.staff).await,
        "back" => late_credit::check(office, late_id, false, &at.staff).await,
        to => late_credit::propose(office, late_id, to == "person", &form.reason, &at.staff).await,
    };
    match done {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::CONFLICT);
            let words = format!("{}（{}）", refusal.detail, refusal.code);
            let flash = Flash::new(Tone::Fail, words.as_str());
            let page = draw(&portal, &visit, &at, &View::default(), Some(flash)).await?;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
