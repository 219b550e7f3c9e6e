//! 当面核身: a person at the window, by his card or by what stands on it: our record, the check digit, the police. From then on
//! this session serves him, and every look at him carries that reason.

use anju_business::contribution::roster::PoliceAnswer;
use anju_business::contribution::upload::Police;
use anju_casework::{person, session};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_exchange::kept::GatewayPolice;
use axum::Form;
use axum::extract::State;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Mistake, State as Shown, Text};
use crate::desk::{framed, looked, person_number};
use crate::frame::DeskFrame;
use crate::pages::desk::IdentifyPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

const REASONS: [(&str, &str); 4] = [
    ("business", "来办业务"),
    ("no_phone", "没有手机"),
    ("new_phone", "换了手机"),
    ("ask", "来问情况"),
];

#[derive(Deserialize, Default)]
pub(crate) struct IdentifyForm {
    id_no: String,
    name: String,
    reason: String,
}

/// `GET /desk/identify`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<IdentifyPage, PageError> {
    let frame = framed(
        &portal.engine.office,
        &visit,
        &at,
        "当面核身",
        "/desk/identify",
    )
    .await?;
    Ok(draw(
        frame,
        &IdentifyForm::default(),
        Vec::new(),
        Vec::new(),
        None,
    ))
}

fn draw(
    mut frame: DeskFrame,
    form: &IdentifyForm,
    mistakes: Vec<Mistake>,
    checks: Vec<(Shown, Text)>,
    done: Option<Button>,
) -> IdentifyPage {
    frame.head.failed = !mistakes.is_empty();
    let error = |name: &str| {
        mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone())
    };
    let button = if done.is_some() {
        Button::send("核对另一位", crate::components::ButtonLook::Plain)
    } else {
        Button::submit("核对身份")
    };
    IdentifyPage {
        hidden: vec![frame.head.hidden()],
        frame,
        fields: vec![
            Field::new("id_no", "证件号码", FieldKind::IdNumber)
                .value(&form.id_no)
                .error(error("id_no")),
            Field::new("name", "证件上的姓名", FieldKind::Text)
                .value(&form.name)
                .error(error("name")),
            Field::select(
                "reason",
                "为什么来办",
                REASONS
                    .iter()
                    .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
                    .collect(),
            )
            .value(&form.reason),
        ],
        errors: ErrorSummary::of(mistakes),
        flash: None,
        button,
        checks,
        done,
    }
}

/// `POST /desk/identify`.
pub(crate) async fn identify(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<IdentifyForm>,
) -> Result<IdentifyPage, PageError> {
    let office = &portal.engine.office;
    let frame = framed(office, &visit, &at, "当面核身", "/desk/identify").await?;
    let mut mistakes = Vec::new();
    let number = IdNumber::parse(&form.id_no)
        .map_err(|error| mistakes.push(Mistake::at("id_no", error.to_string())))
        .ok();
    let name = PersonName::parse(&form.name)
        .map_err(|error| mistakes.push(Mistake::at("name", error.to_string())))
        .ok();
    let (Some(number), Some(name)) = (number, name) else {
        return Ok(draw(frame, &form, mistakes, Vec::new(), None));
    };
    let mut checks = vec![(Shown::pass("符合"), "证件号的校验位".into())];
    let asked = [(number.expose().to_owned(), name.expose().to_owned())];
    let police = GatewayPolice(portal.engine.gateway.clone())
        .verify(&asked)
        .await
        .pop()
        .unwrap_or(PoliceAnswer::Unknown);
    checks.push(match police {
        PoliceAnswer::Matched => (Shown::pass("一致"), "公安登记的姓名".into()),
        PoliceAnswer::Mismatched => (Shown::fail("不一致"), "公安登记的姓名".into()),
        PoliceAnswer::Absent => (Shown::fail("查无"), "公安没有这个证件号".into()),
        PoliceAnswer::Dead => (Shown::fail("已注销"), "公安登记已因死亡注销".into()),
        PoliceAnswer::Unknown => (
            Shown::unknown("没有回应"),
            "公安部门，请对照证件原件".into(),
        ),
    });
    let known = person::by_id_number(office, &number).await?;
    let ours = match &known {
        Some(person) if person.name == name => (Shown::pass("一致"), "本中心登记的姓名".into()),
        Some(_) => (
            Shown::fail("不一致"),
            "本中心登记的姓名不同，请先改登记".into(),
        ),
        None => (Shown::idle("没有"), "本中心没有这个人的账户".into()),
    };
    checks.push(ours);
    let passes = !matches!(
        police,
        PoliceAnswer::Mismatched | PoliceAnswer::Absent | PoliceAnswer::Dead
    );
    let done = match known.filter(|person| person.name == name && passes) {
        Some(person) => {
            let reason = REASONS
                .iter()
                .find(|(value, _)| *value == form.reason)
                .map_or("来办业务", |(_, words)| *words);
            let reason = format!("当面核身，{reason}");
            session::serve(
                office,
                at.session.session_id,
                Some(person.person_id),
                Some(&reason),
            )
            .await?;
            looked(office, &at, person.person_id, "身份核对", &reason, None).await?;
            Some(
                Button::go(
                    "打开这位客户",
                    format!("/desk/people/{}", person_number(office, person.person_id)),
                )
                .key("1"),
            )
        }
        None => None,
    };
    Ok(draw(frame, &form, Vec::new(), checks, done))
}
