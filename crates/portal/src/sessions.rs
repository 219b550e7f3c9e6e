//! 登录的设备: the living sessions of a person, a clerk or staff, and their end. A page of each place; what they do stands here once.

use anju_casework::Office;
use anju_casework::session::{self, Session};
use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use serde::Deserialize;

use crate::authorization::{AtDesk, AtUnit, Me};
use crate::components::{Button, ButtonLook, Device, Devices};
use crate::desk;
use crate::frame::{Head, MyTab, UnitTab};
use crate::my;
use crate::pages::error::PageError;
use crate::pages::{desk as desk_pages, my as my_pages, unit as unit_pages};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit;
use crate::when;

const MY: &str = "/my/me/sessions";
const UNIT: &str = "/unit/sessions";
const DESK: &str = "/desk/sessions";

async fn devices(
    office: &Office,
    this: &Session,
    head: &Head,
    page: &str,
) -> Result<Devices, PageError> {
    let now = office.now();
    let mut devices = Vec::new();
    for one in session::of_subject(office, this.audience, this.subject_id).await? {
        let is_this = one.session_id == this.session_id;
        devices.push(Device {
            name: if is_this {
                format!("这台设备：{}", one.device)
            } else {
                one.device.clone()
            },
            note: format!(
                "{}登录，{}用过",
                when::minute(one.created_at, now),
                when::minute(one.seen_at, now)
            )
            .into(),
            end: (!is_this).then(|| {
                Button::send("结束", ButtonLook::Plain).value("session", one.session_id.to_string())
            }),
        });
    }
    devices.sort_by_key(|device| device.end.is_some());
    Ok(Devices {
        action: format!("{page}/end"),
        hidden: head.hidden(),
        devices,
    })
}

/// `GET /my/me/sessions`.
pub(crate) async fn of_person(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<my_pages::SessionsPage, PageError> {
    let frame = my::frame(&visit, "登录的设备", MyTab::Me, Some(("/my/me", "我的")));
    Ok(my_pages::SessionsPage {
        devices: devices(&portal.engine.office, &me.session, &frame.head, MY).await?,
        frame,
    })
}

/// `GET /unit/sessions`.
pub(crate) async fn of_clerk(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<unit_pages::SessionsPage, PageError> {
    let office = &portal.engine.office;
    let (frame, _) = unit::framed(office, &visit, &at, "登录的设备", UnitTab::Other).await?;
    Ok(unit_pages::SessionsPage {
        devices: devices(office, &at.session, &frame.head, UNIT).await?,
        frame,
    })
}

/// `GET /desk/sessions`.
pub(crate) async fn of_staff(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<desk_pages::SessionsPage, PageError> {
    let office = &portal.engine.office;
    let frame = desk::framed(office, &visit, &at, "登录的设备", "").await?;
    Ok(desk_pages::SessionsPage {
        devices: devices(office, &at.session, &frame.head, DESK).await?,
        frame,
    })
}

#[derive(Deserialize)]
pub(crate) struct SessionForm {
    session: i64,
}

async fn end(portal: &Portal, this: &Session, form: &SessionForm) -> Result<(), PageError> {
    let office = &portal.engine.office;
    session::end(office, this.audience, this.subject_id, form.session).await?;
    Ok(())
}

/// `POST /my/me/sessions/end`.
pub(crate) async fn end_of_person(
    State(portal): State<Portal>,
    me: Me,
    Form(form): Form<SessionForm>,
) -> Result<Redirect, PageError> {
    end(&portal, &me.session, &form).await?;
    Ok(Redirect::to(MY))
}

/// `POST /unit/sessions/end`.
pub(crate) async fn end_of_clerk(
    State(portal): State<Portal>,
    at: AtUnit,
    Form(form): Form<SessionForm>,
) -> Result<Redirect, PageError> {
    end(&portal, &at.session, &form).await?;
    Ok(Redirect::to(UNIT))
}

/// `POST /desk/sessions/end`.
pub(crate) async fn end_of_staff(
    State(portal): State<Portal>,
    at: AtDesk,
    Form(form): Form<SessionForm>,
) -> Result<Redirect, PageError> {
    end(&portal, &at.session, &form).await?;
    Ok(Redirect::to(DESK))
}
