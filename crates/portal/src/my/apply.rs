//! 办一件事: check page, face step, submission. The form is filled with what is known; what was typed comes back with its
//! mistakes; the hidden key makes a double tap one case.

use anju_casework::case::{Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Error, Office, Refusal, person, session};
use anju_domain::money::Fen;
use anju_exchange::face::{FaceOutcome, verify_face};
use anju_policy::{Decision, Form as Inputs, InputType, Outcome, ServiceDefinition};
use anju_wire::face::FaceEvidence;
use anju_wire::gateway::{Consent, Purpose};
use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

use crate::authorization::Me;
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Summary, SummaryRow, Text, Tone,
};
use crate::frame::MyTab;
use crate::my::{account_of, channel, frame, membership_of};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{AmountHead, CheckPage, DecisionPage, FacePage, explain};

/// How long the submission waits for an end before the progress page takes over.
const PATIENCE: Duration = Duration::from_secs(3);

/// The largest picture of a face.
const LARGEST_PICTURE: usize = 5 * 1024 * 1024;

/// What was typed, by field.
type Typed = BTreeMap<String, String>;

fn definition(
    office: &Office,
    visit: &Visit,
    service: &str,
) -> Result<ServiceDefinition, PageError> {
    office
        .policy()
        .set
        .service(service)
        .filter(|one| one.effect == "pay_out" && one.login_on(channel(visit)).is_some())
        .cloned()
        .ok_or(PageError::NotFound)
}

/// `GET /my/do/{service}`: asks what is not known yet, and shows all of it.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
) -> Result<CheckPage, PageError> {
    let service = definition(&portal.engine.office, &visit, &service)?;
    draw(
        &portal,
        &visit,
        &me,
        &service,
        &Typed::new(),
        Vec::new(),
        None,
    )
    .await
}

/// `POST /my/do/{service}`.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let service = definition(&portal.engine.office, &visit, &service)?;
    send(&portal, &visit, &me, &service, fields.into_iter().collect()).await
}

/// `POST /my/do/{service}/face`: the picture, and again what was typed.
pub(crate) async fn face(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
    mut parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let service = definition(office, &visit, &service)?;
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
    let form = form_of(office, &me, &service, &typed).await?.0;
    let action = action_of(&service, &form);
    if picture.is_empty() {
        let page = face_page(
            &visit,
            &service,
            &typed,
            &form,
            Some("还没有照片，请拍一张。"),
        );
        return Ok(page.into_response());
    }
    let person = person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let outcome = verify_face(
        &portal.engine.gateway,
        person.id_number.expose(),
        &FaceEvidence::Image(base64::engine::general_purpose::STANDARD.encode(&picture)),
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
    let words = match outcome {
        FaceOutcome::Match { .. } => {
            session::face(office, me.session.session_id, &action).await?;
            return submit_now(&portal, &visit, &me, &service, typed, form).await;
        }
        FaceOutcome::NoMatch => "照片和公安登记的不像，请在亮处正对镜头再拍一张。",
        FaceOutcome::NotAlive => "请对着镜头现拍，不要拍照片或屏幕。",
        FaceOutcome::NoRecord => "公安没有登记您的照片，请到任一网点当面办。",
        FaceOutcome::Unknown => "公安部门没有回应，请过几分钟再试，或到网点当面办。",
    };
    Ok(face_page(&visit, &service, &typed, &form, Some(words)).into_response())
}

/// `GET /my/do/{service}/why`.
pub(crate) async fn why(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(service): Path<String>,
) -> Result<DecisionPage, PageError> {
    let office = &portal.engine.office;
    let service = definition(office, &visit, &service)?;
    let (form, _) = form_of(office, &me, &service, &Typed::new()).await?;
    let (_, decision) = portal
        .engine
        .precheck(&request(&me, &visit, &service, form))
        .await?;
    Ok(DecisionPage {
        frame: frame(
            &visit,
            "为什么",
            MyTab::Services,
            Some(("/my/withdraw", "提取")),
        ),
        verdict: explain::verdict(&decision, "可提取"),
        remedy: explain::remedy(&decision),
        conditions: explain::conditions(&decision),
        formula_title: formula_title(&decision).into(),
        formula: explain::formula(&decision),
        policy_version: decision.policy.version.clone(),
        policy_digest: explain::short_digest(&decision.policy.digest),
        case_no: None,
        proof: None,
        policy_text: format!("/policy/{}", service.id),
    })
}

pub(crate) fn formula_title(decision: &Decision) -> &'static str {
    if decision.outcome == Outcome::Approved {
        "金额怎么算的"
    } else {
        "如果符合，能提多少"
    }
}

fn request(me: &Me, visit: &Visit, service: &ServiceDefinition, form: Inputs) -> Request {
    Request {
        service: service.id.clone(),
        case_id: None,
        applicant_id: me.person_id,
        form,
        channel: channel(visit).to_owned(),
        face_passed: true,
    }
}

/// The form as the service reads it, out of what is known and what was typed; and what cannot be read.
async fn form_of(
    office: &Office,
    me: &Me,
    service: &ServiceDefinition,
    typed: &Typed,
) -> Result<(Inputs, Vec<Mistake>), PageError> {
    let mut form = Inputs::new();
    let mut mistakes = Vec::new();
    for input in &service.inputs {
        let words = typed.get(&input.name).map_or("", |words| words.trim());
        if words.is_empty() {
            continue;
        }
        let value = match input.input_type {
            InputType::Fen => match Fen::parse_yuan(words) {
                Ok(amount) => amount.fen().into(),
                Err(error) => {
                    mistakes.push(Mistake::at(&input.name, error.to_string()));
                    continue;
                }
            },
            InputType::Bool => (words == "1").into(),
            InputType::Int | InputType::Bp => match words.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => {
                    mistakes.push(Mistake::at(
                        &input.name,
                        format!("“{words}”不是整数，请改成数字。"),
                    ));
                    continue;
                }
            },
            _ => words.into(),
        };
        form.insert(input.name.clone(), value);
    }
    let wants_card = service
        .inputs
        .iter()
        .any(|input| input.input_type == InputType::Card && !form.contains_key(&input.name));
    if wants_card
        && let Some(card) = person::get(office, me.person_id)
            .await?
            .and_then(|person| person.card)
    {
        for input in &service.inputs {
            if input.input_type == InputType::Card && !form.contains_key(&input.name) {
                form.insert(input.name.clone(), card.expose().into());
            }
        }
    }
    Ok((form, mistakes))
}

/// What the face step is bound to: this service with exactly this form.
fn action_of(service: &ServiceDefinition, form: &Inputs) -> [u8; 32] {
    let mut bytes = service.id.clone().into_bytes();
    for (field, value) in form.iter().collect::<BTreeMap<_, _>>() {
        bytes.extend_from_slice(format!("\n{field}={value}").as_bytes());
    }
    anju_vault::sm3(&bytes)
}

async fn send(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    service: &ServiceDefinition,
    typed: Typed,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (form, mistakes) = form_of(office, me, service, &typed).await?;
    if !mistakes.is_empty() {
        let page = draw(portal, visit, me, service, &typed, mistakes, None).await?;
        return Ok(page.into_response());
    }
    let by_face = service.login_on(channel(visit)) == Some("L3f");
    if by_face
        && !me
            .session
            .face_passed(&action_of(service, &form), office.now())
    {
        // The mistakes of the form are told before anybody is asked for a picture.
        let faults = service.check_form(&anju_business::withdrawal::payout::clean_form(&form));
        if !faults.is_empty() {
            let mistakes = faults
                .into_iter()
                .map(|fault| Mistake::at(fault.field, fault.message))
                .collect();
            let page = draw(portal, visit, me, service, &typed, mistakes, None).await?;
            return Ok(page.into_response());
        }
        return Ok(face_page(visit, service, &typed, &form, None).into_response());
    }
    submit_now(portal, visit, me, service, typed, form).await
}

async fn submit_now(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    service: &ServiceDefinition,
    typed: Typed,
    form: Inputs,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let key = typed
        .get("key")
        .and_then(|key| Uuid::parse_str(key).ok())
        .ok_or(PageError::Stale)?;
    let membership = membership_of(office, me.person_id).await?;
    let submission = Submission {
        case_id: office.ids.next().await?,
        digest: anju_ledger::command::digest(&action_of(service, &form)),
        request: request(me, visit, service, form),
        actor: Actor::Person(me.person_id),
        served_by: None,
        key,
        branch_id: membership.map_or(office.centre.head_branch, |one| one.branch_id),
        tapped_at: now,
        promised_at: promised(office, service, now),
    };
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            portal.engine.wait(case_id, PATIENCE).await?;
            let number = anju_casework::case::number(office, case_id);
            Ok(Redirect::to(&format!("/my/cases/{number}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let refusal = *refusal;
            let mistakes = mistakes_of(&refusal);
            let flash = flash_of(&refusal);
            let page = draw(portal, visit, me, service, &typed, mistakes, flash).await?;
            Ok(page.into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The end of the day on which the promise ends.
pub(crate) fn promised(
    office: &Office,
    service: &ServiceDefinition,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let day = office
        .holidays()
        .add_working_days(office.today(), service.promise.working_days);
    let evening = day.and_hms_opt(18, 0, 0).expect("18:00 is a time");
    FixedOffset::east_opt(8 * 3600)
        .expect("eight hours are a valid offset")
        .from_local_datetime(&evening)
        .single()
        .map_or(now, |at| at.with_timezone(&Utc))
}

fn mistakes_of(refusal: &Refusal) -> Vec<Mistake> {
    refusal
        .errors
        .iter()
        .map(|fault| {
            Mistake::at(
                fault.column.clone().unwrap_or_default(),
                fault.message.clone(),
            )
        })
        .collect()
}

fn flash_of(refusal: &Refusal) -> Option<Flash> {
    if !refusal.errors.is_empty() {
        return None;
    }
    let flash = Flash::new(Tone::Wait, refusal.detail.as_str());
    Some(
        match refusal.extra.get("case_id").and_then(|no| no.as_str()) {
            Some(number) => flash.next("看这个办件", format!("/my/cases/{number}")),
            None => flash,
        },
    )
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
    let tail = form
        .get("card_no")
        .and_then(|card| card.as_str())
        .map(|card| {
            card.chars()
                .skip(card.chars().count().saturating_sub(4))
                .collect::<String>()
        });
    let mut frame = frame(
        visit,
        "本人核对",
        MyTab::Services,
        Some(("/my/withdraw", "提取")),
    );
    frame.head.failed = error.is_some();
    FacePage {
        frame,
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

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    service: &ServiceDefinition,
    typed: &Typed,
    mistakes: Vec<Mistake>,
    flash: Option<Flash>,
) -> Result<CheckPage, PageError> {
    let office = &portal.engine.office;
    let (form, _) = form_of(office, me, service, typed).await?;
    let card_known = form
        .get("card_no")
        .and_then(|card| card.as_str())
        .map(str::to_owned);
    let (_, decision) = portal
        .engine
        .precheck(&request(me, visit, service, form))
        .await?;
    let person = person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let membership = membership_of(office, me.person_id).await?;
    let balance = match &membership {
        Some(one) => account_of(office, one)
            .await?
            .map(|account| account.balance),
        None => None,
    };
    let amount = decision
        .amount_fen
        .filter(|fen| *fen > 0 && decision.outcome != Outcome::Refused)
        .map(Fen::new);

    let mut rows = Vec::new();
    if let (Some(card), true) = (
        &person.card,
        typed
            .get("card_no")
            .is_none_or(|card| card.trim().is_empty()),
    ) {
        rows.push(
            SummaryRow::new(
                "收款卡",
                Text::new()
                    .say(person.card_bank.as_deref().unwrap_or("登记的卡"))
                    .say(" ")
                    .tail(card.tail4()),
            )
            .source("您登记的卡，在下面可以换一张"),
        );
    }
    let policy = office.policy();
    rows.extend(explain::summary(&decision, office.now(), |fact_type| {
        policy
            .set
            .fact_type(fact_type)
            .map(|known| known.label.clone())
    }));

    let field = |input: &anju_policy::Input| {
        let kind = match input.input_type {
            InputType::Card | InputType::Int | InputType::Bp => FieldKind::Digits,
            InputType::Fen => FieldKind::Money,
            InputType::Month => FieldKind::Month,
            InputType::Phone => FieldKind::Phone,
            InputType::Id18 | InputType::Uscc18 => FieldKind::IdNumber,
            _ => FieldKind::Text,
        };
        let mut options: Vec<(String, String)> = input
            .options
            .iter()
            .map(|choice| (choice.value.clone(), choice.label.clone()))
            .collect();
        if input.input_type == InputType::Bool {
            options = vec![(String::new(), "否".into()), ("1".into(), "是".into())];
        } else if !options.is_empty() && !input.required {
            options.insert(0, (String::new(), "不填".into()));
        }
        let field = if options.is_empty() {
            Field::new(input.name.clone(), input.label.clone(), kind)
        } else {
            Field::select(input.name.clone(), input.label.clone(), options)
        };
        let error = mistakes
            .iter()
            .find(|mistake| mistake.field == input.name)
            .map(|mistake| mistake.words.clone());
        let field = field
            .value(typed.get(&input.name).map_or("", String::as_str))
            .error(error);
        if input.hint.is_empty() {
            field
        } else {
            field.hint(input.hint.as_str())
        }
    };
    let known =
        |input: &anju_policy::Input| input.input_type == InputType::Card && person.card.is_some();
    let (asked, more): (Vec<&anju_policy::Input>, Vec<&anju_policy::Input>) = service
        .inputs
        .iter()
        .partition(|input| input.required && !known(input));

    let refused = decision.outcome == Outcome::Refused;
    let flash = flash.or_else(|| match decision.outcome {
        Outcome::Refused => Some(
            Flash::new(Tone::Fail, explain::verdict(&decision, "可提取").why)
                .next("怎样就会通过", format!("/my/do/{}/why", service.id)),
        ),
        Outcome::Waiting => Some(Flash::new(
            Tone::Unknown,
            explain::verdict(&decision, "可提取")
                .why
                .say("可以先提交，有结果马上告诉您。"),
        )),
        _ => None,
    });
    let verb = |amount: Option<Fen>| match amount {
        Some(amount) => Text::new().say("提取 ").money(amount),
        None => Text::new().say("提交").say(&service.name_zh),
    };
    let label = match (&card_known, amount) {
        (Some(card), amount) => {
            let tail: String = card
                .chars()
                .skip(card.chars().count().saturating_sub(4))
                .collect();
            verb(amount).say(" 到").tail(tail)
        }
        (None, amount) => verb(amount),
    };
    let mut page_frame = frame(
        visit,
        &format!("{}，核对", service.name_zh),
        MyTab::Services,
        Some(("/my/withdraw", "提取")),
    );
    page_frame.head.failed = !mistakes.is_empty();
    let key = typed
        .get("key")
        .cloned()
        .unwrap_or_else(|| Uuid::now_v7().to_string());
    let sources = explain::sources(&decision);
    Ok(CheckPage {
        frame: page_frame,
        step: format!("{} · 第 1 步，共 1 步", service.name_zh),
        question: if refused {
            "现在还不能提取".into()
        } else {
            "请核对，无误就提取".into()
        },
        errors: ErrorSummary::of(mistakes.clone()),
        flash,
        amount: amount.map(|amount| AmountHead {
            label: "提取金额".into(),
            amount,
            note: match balance {
                Some(balance) => Text::new().say("到账后余额 ").money(balance - amount),
                None => Text::new(),
            },
        }),
        summary: Summary::new(rows),
        fields: asked.into_iter().map(field).collect(),
        more: more.into_iter().map(field).collect(),
        consent: if sources.is_empty() {
            Text::new()
        } else {
            Text::new().say(format!(
                "提取即同意我们再向 {} 个部门核对一次：{}。只为这笔{}，结果保存在您的办件里。",
                sources.len(),
                sources.join("、"),
                service.name_zh
            ))
        },
        action: format!("/my/do/{}", service.id),
        hidden: vec![("csrf", visit.csrf.clone()), ("key", key)],
        button: (!refused).then(|| Button::submit(label).wide()),
        after: if refused {
            "改正以后随时可以再来。".into()
        } else {
            Text::new()
                .say(&service.promise.promised)
                .say("。付款前可以随时撤回；付款后不能撤回。")
        },
    })
}
