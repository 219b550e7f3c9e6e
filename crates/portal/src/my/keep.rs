//! 我的信息: a person changes his phone, card or data, and reads what was changed.

use anju_casework::session::audience;
use anju_casework::{case, person_data};
use anju_policy::ServiceDefinition;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::apply::{Asking, At, Next, Typed};
use crate::authorization::Me;
use crate::components::{Button, Flash, Mistake, Pager, Row, Rows, Text};
use crate::frame::MyTab;
use crate::my::apply::{asking, compare, picture};
use crate::my::{channel_name, frame};
use crate::pages::error::PageError;
use crate::pages::my::ChangesPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{CheckPage, FacePage};
use crate::when;

const PAGE: i64 = 20;

fn path(service: &ServiceDefinition) -> String {
    format!("/my/me/change/{}", service.id)
}

async fn draw(
    asking: &Asking<'_>,
    visit: &Visit,
    service: &ServiceDefinition,
    typed: &Typed,
    (at, mistakes, flash): (At, Vec<Mistake>, Option<Flash>),
) -> Result<Response, PageError> {
    let mut page = frame(visit, &service.name_zh, MyTab::Me, Some(("/my/me", "我的")));
    let failed = !mistakes.is_empty();
    page.head.failed = failed;
    let sheet = asking
        .keep_sheet(service, path(service), at, typed, mistakes, flash)
        .await?;
    let page = CheckPage { frame: page, sheet };
    Ok(if failed {
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    } else {
        page.into_response()
    })
}

/// `GET /my/me/change/{service}`.
pub(crate) async fn form(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.kept(&service)?;
    let empty = (At::Form, Vec::new(), None);
    draw(&asking, &visit, &service, &Typed::new(), empty).await
}

/// `POST /my/me/change/{service}`.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.kept(&service)?;
    go_on(
        &asking,
        &visit,
        &me,
        &service,
        &fields.into_iter().collect(),
    )
    .await
}

async fn go_on(
    asking: &Asking<'_>,
    visit: &Visit,
    me: &Me,
    service: &ServiceDefinition,
    typed: &Typed,
) -> Result<Response, PageError> {
    match asking.next(service, typed, Some(&me.session)).await? {
        Next::Draw {
            at,
            mistakes,
            flash,
        } => draw(asking, visit, service, typed, (at, mistakes, flash)).await,
        Next::Face => Ok(face_page(visit, service, typed, None).into_response()),
        Next::Sent(page) => Ok(Redirect::to(&page).into_response()),
    }
}

fn face_page(
    visit: &Visit,
    service: &ServiceDefinition,
    typed: &Typed,
    error: Option<&str>,
) -> FacePage {
    let mut hidden = vec![("csrf".to_owned(), visit.csrf.clone())];
    hidden.extend(
        typed
            .iter()
            .filter(|(name, _)| *name != "csrf")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let mut page = frame(visit, "本人核对", MyTab::Me, Some(("/my/me", "我的")));
    page.head.failed = error.is_some();
    FacePage {
        frame: page,
        step: format!("{} · 最后一步", service.name_zh),
        error: error.map(str::to_owned),
        action: format!("{}/face", path(service)),
        hidden,
        button: Button::submit("核对是我本人，提交").wide(),
    }
}

/// `POST /my/me/change/{service}/face`: the picture, and again what was typed.
pub(crate) async fn face(
    State(portal): State<Portal>,
    visit: Visit,
    mut me: Me,
    Path(service): Path<String>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.kept(&service)?;
    let (typed, picture) = picture(parts).await?;
    let action = asking.action(&service, &typed).await?;
    if let Some(words) = compare(&asking, &service, &mut me.session, &action, &picture).await? {
        return Ok(face_page(&visit, &service, &typed, Some(words)).into_response());
    }
    go_on(&asking, &visit, &me, &service, &typed).await
}

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<i64>,
}

/// `GET /my/me/changes`: what was changed, from what to what, when, by whom and where.
pub(crate) async fn changes(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(query): Query<Before>,
) -> Result<ChangesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let changes = person_data::changes(office, me.person_id, query.before, PAGE).await?;
    let more = (changes.len() as i64 == PAGE)
        .then(|| changes.last())
        .flatten()
        .map(|last| format!("/my/me/changes?before={}", last.change_id));
    let rows = changes
        .iter()
        .map(|one| {
            let who = match one.audience {
                audience::PERSON => "本人",
                audience::CLERK => "单位经办人",
                audience::STAFF => "工作人员",
                _ => "接口",
            };
            Row::to(
                format!("/my/cases/{}", case::number(office, one.case_id)),
                Text::new()
                    .say(name_of(one.what))
                    .say("：")
                    .say(one.before.as_deref().unwrap_or("没有登记"))
                    .say(" → ")
                    .say(&one.after),
            )
            .note(format!(
                "{}，{who}，{}",
                when::minute(one.at, now),
                channel_name(&one.channel)
            ))
        })
        .collect();
    Ok(ChangesPage {
        frame: frame(&visit, "信息变更记录", MyTab::Me, Some(("/my/me", "我的"))),
        changes: Rows::new(rows),
        pager: more.map(|after| Pager {
            note: String::new(),
            before: None,
            after: Some(after),
        }),
    })
}

fn name_of(what: person_data::What) -> &'static str {
    use person_data::What;
    match what {
        What::Phone => "手机号",
        What::Card => "联名卡",
        What::Name => "姓名",
        What::Id => "证件号码",
        What::Address => "通讯地址",
        What::Education => "学历",
        What::Marital => "婚姻状况",
        What::Email => "电子邮箱",
        What::ContactName => "紧急联系人",
        What::ContactPhone => "紧急联系人电话",
    }
}
