//! 办一件事 on one's own phone: the sheet to check, the face step bound to exactly this form, submission.

use anju_casework::session::{self, Session};
use anju_casework::{Actor, person};
use anju_exchange::face::{FaceOutcome, verify_face};
use anju_policy::{Form as Inputs, ServiceDefinition};
use anju_wire::face::FaceEvidence;
use anju_wire::gateway::{Consent, Purpose};
use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;

use crate::apply::{Asking, RECHECK, Sent, Typed, action_of, faults_of};
use crate::authorization::Me;
use crate::components::{Button, Flash, Mistake, Text, last_four};
use crate::frame::MyTab;
use crate::my::{channel, frame};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{CheckPage, DecisionPage, FacePage};

/// The largest picture of a face.
const LARGEST_PICTURE: usize = 5 * 1024 * 1024;

pub(crate) async fn asking<'a>(
    portal: &'a Portal,
    visit: &'a Visit,
    me: &Me,
) -> Result<Asking<'a>, PageError> {
    let applicant = person::applicant(&portal.engine.office, me.person_id).await?;
    let applicant = applicant.ok_or(PageError::LogIn)?;
    Ok(Asking {
        portal,
        person: applicant.person,
        branch_id: applicant.branch_id,
        channel: channel(visit),
        path: "/my/do",
        cases: "/my/cases",
        csrf: &visit.csrf,
        actor: Actor::Person(me.person_id),
        served_by: None,
    })
}

async fn draw(
    asking: &Asking<'_>,
    visit: &Visit,
    service: &ServiceDefinition,
    typed: &Typed,
    mistakes: Vec<Mistake>,
    flash: Option<Flash>,
) -> Result<CheckPage, PageError> {
    let mut page = frame(
        visit,
        &format!("{}，核对", service.name_zh),
        MyTab::Services,
        Some(
            if crate::apply::pays(service) || service.effect == crate::shares::EFFECT {
                ("/my/withdraw", "提取")
            } else if service.group == "withdraw" {
                ("/my/agreements", "约定提取")
            } else if service.effect == "refer_employee" {
                ("/my/credit", "授信推荐")
            } else {
                ("/my/flexible", "自己缴存")
            },
        ),
    );
    page.head.failed = !mistakes.is_empty();
    let sheet = asking.sheet(service, typed, mistakes, flash).await?;
    Ok(CheckPage { frame: page, sheet })
}

/// `GET /my/do/{service}`: asks what is not known yet, and shows all of it.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    if asking.kept(&service).is_ok() {
        return Ok(Redirect::to(&format!("/my/me/change/{service}")).into_response());
    }
    // What is done elsewhere only is no dead end: its guide says where.
    let known = asking.portal.engine.office.policy();
    let known = known.set.service(&service);
    if known.is_some_and(|one| !one.channels.is_empty() && one.login_on(asking.channel).is_none()) {
        return Ok(Redirect::to(&format!("/guides/{service}")).into_response());
    }
    let service = asking.definition(&service)?;
    let page = draw(&asking, &visit, &service, &Typed::new(), Vec::new(), None).await?;
    Ok(page.into_response())
}

/// `POST /my/do/{service}`.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.definition(&service)?;
    let typed: Typed = fields.into_iter().collect();
    let (form, mistakes) = asking.form_of(&service, &typed);
    if !mistakes.is_empty() || typed.contains_key(RECHECK) {
        let mistakes = if mistakes.is_empty() {
            faults_of(&service, &form)
        } else {
            mistakes
        };
        let page = draw(&asking, &visit, &service, &typed, mistakes, None).await?;
        return Ok(page.into_response());
    }
    if let Some(mistake) = asking.unpromised(&service, &form).await? {
        let page = draw(&asking, &visit, &service, &typed, vec![mistake], None).await?;
        return Ok(page.into_response());
    }
    let by_face = service.login_on(asking.channel) == Some("L3f");
    let now = portal.engine.office.now();
    if by_face && !me.session.face_passed(&action_of(&service, &form), now) {
        // The mistakes of the form are told before anybody is asked for a picture.
        let mistakes = faults_of(&service, &form);
        if mistakes.is_empty() {
            return Ok(face_page(&visit, &service, &typed, &form, None).into_response());
        }
        let page = draw(&asking, &visit, &service, &typed, mistakes, None).await?;
        return Ok(page.into_response());
    }
    send(&asking, &visit, &service, &typed, form).await
}

async fn send(
    asking: &Asking<'_>,
    visit: &Visit,
    service: &ServiceDefinition,
    typed: &Typed,
    form: Inputs,
) -> Result<Response, PageError> {
    match asking.send(service, typed, form).await? {
        Sent::Taken(page) => Ok(Redirect::to(&page).into_response()),
        Sent::Refused { mistakes, flash } => {
            let page = draw(asking, visit, service, typed, mistakes, flash).await?;
            Ok(page.into_response())
        }
    }
}

/// `POST /my/do/{service}/face`: the picture, and again what was typed.
pub(crate) async fn face(
    State(portal): State<Portal>,
    visit: Visit,
    mut me: Me,
    Path(service): Path<String>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.definition(&service)?;
    let (typed, picture) = picture(parts).await?;
    let (form, _) = asking.form_of(&service, &typed);
    let action = action_of(&service, &form);
    if let Some(words) = compare(&asking, &service, &mut me.session, &action, &picture).await? {
        return Ok(face_page(&visit, &service, &typed, &form, Some(words)).into_response());
    }
    send(&asking, &visit, &service, &typed, form).await
}

/// What was typed, and the picture; empty where none was taken.
pub(crate) async fn picture(mut parts: Multipart) -> Result<(Typed, Vec<u8>), PageError> {
    let mut typed = Typed::new();
    let mut picture = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "picture" {
            picture = part
                .bytes()
                .await
                .map_err(|_| PageError::TooLarge)?
                .to_vec();
        } else {
            typed.insert(name, part.text().await.map_err(|_| PageError::Stale)?);
        }
    }
    if picture.len() > LARGEST_PICTURE {
        return Err(PageError::TooLarge);
    }
    Ok((typed, picture))
}

/// Compares the picture for one action and notes in the session that the step is passed; else says what is wrong.
pub(crate) async fn compare(
    asking: &Asking<'_>,
    service: &ServiceDefinition,
    session: &mut Session,
    action: &[u8; 32],
    picture: &[u8],
) -> Result<Option<&'static str>, PageError> {
    let office = &asking.portal.engine.office;
    if picture.is_empty() {
        return Ok(Some("还没有照片，请拍一张。"));
    }
    let outcome = verify_face(
        &asking.portal.engine.gateway,
        asking.person.id_number.expose(),
        &FaceEvidence::Image(base64::engine::general_purpose::STANDARD.encode(picture)),
        &hex::encode(action),
        Purpose {
            item: service.id.clone(),
            case_no: String::new(),
        },
        Consent {
            id: "statutory:住房公积金管理条例第二十四条".to_owned(),
            hash: String::new(),
        },
    )
    .await
    .map_err(|error| PageError::failed(&error))?;
    Ok(match outcome {
        FaceOutcome::Match { .. } => {
            session::face(office, session.session_id, action).await?;
            session.face_digest = Some(action.to_vec());
            session.face_at = Some(office.now());
            None
        }
        FaceOutcome::NoMatch => Some("照片和公安登记的不像，请在亮处正对镜头再拍一张。"),
        FaceOutcome::NotAlive => Some("请对着镜头现拍，不要拍照片或屏幕。"),
        FaceOutcome::NoRecord => Some("公安没有登记您的照片，请到任一网点当面办。"),
        FaceOutcome::Unknown => Some("公安部门没有回应，请过几分钟再试，或到网点当面办。"),
    })
}

fn face_page(
    visit: &Visit,
    service: &ServiceDefinition,
    typed: &Typed,
    form: &Inputs,
    error: Option<&str>,
) -> FacePage {
    let mut hidden = vec![("csrf".to_owned(), visit.csrf.clone())];
    hidden.extend(
        typed
            .iter()
            .filter(|(name, _)| *name != "csrf")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    // Only who is paid is told where the money goes: another service debits that card, or names it for later.
    let tail = form
        .get("card_no")
        .and_then(|card| card.as_str())
        .filter(|_| crate::apply::pays(service) || service.effect == crate::shares::EFFECT)
        .map(last_four);
    let mut page = frame(
        visit,
        "本人核对",
        MyTab::Services,
        Some(("/my/withdraw", "提取")),
    );
    page.head.failed = error.is_some();
    FacePage {
        frame: page,
        step: format!("{} · 最后一步", service.name_zh),
        error: error.map(str::to_owned),
        action: format!("/my/do/{}/face", service.id),
        hidden,
        button: Button::submit(match tail {
            Some(tail) => Text::new().say("核对是我本人，提取到").tail(tail),
            None => "核对是我本人，提交".into(),
        })
        .wide(),
    }
}

/// `GET /my/do/{service}/why`.
pub(crate) async fn why(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
) -> Result<DecisionPage, PageError> {
    let asking = asking(&portal, &visit, &me).await?;
    let service = asking.definition(&service)?;
    let (form, _) = asking.form_of(&service, &Typed::new());
    let decision = asking.precheck(&service, form).await?;
    let frame = frame(
        &visit,
        "为什么",
        MyTab::Services,
        Some(("/my/withdraw", "提取")),
    );
    Ok(DecisionPage::of(frame, &decision, &service.id, None))
}
