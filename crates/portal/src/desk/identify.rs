//! 当面核身: a person at the window, by his card or by what stands on it: our record, the check digit, the police. From then on
//! this session serves him, and every look at him carries that reason.

use anju_business::contribution::roster::PoliceAnswer;
use anju_business::contribution::upload::Police;
use anju_casework::{Office, person, session};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_exchange::kept::GatewayPolice;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Mistake, State as Shown, Text};
use crate::desk::{framed, looked, person_number};
use crate::frame::DeskFrame;
use crate::pages::desk::IdentifyPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

const REASONS: [(&str, &str); 5] = [
    ("business", "来办业务"),
    ("estate", "来办继承提取"),
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
            reason_field().value(&form.reason),
        ],
        errors: ErrorSummary::of(mistakes),
        flash: None,
        button,
        checks,
        done,
    }
}

/// `POST /desk/identify`. Whoever stood at this window before does not any more, whatever comes out.
pub(crate) async fn identify(
    State(portal): State<Portal>,
    visit: Visit,
    mut at: AtDesk,
    Form(form): Form<IdentifyForm>,
) -> Result<IdentifyPage, PageError> {
    let office = &portal.engine.office;
    put_at_window(office, &mut at, None, None).await?;
    let (mistakes, checks, known) = check(&portal, &form).await?;
    let done = match known {
        Some(person_id) => {
            let reason = format!(
                "当面核身，{}",
                words_of(&form.reason).unwrap_or(REASONS[0].1)
            );
            put_at_window(office, &mut at, Some(person_id), Some(&reason)).await?;
            looked(office, &at, person_id, "身份核对", &reason, None).await?;
            let page = format!("/desk/people/{}", person_number(office, person_id));
            Some(Button::go("打开这位客户", page).key("1"))
        }
        None => None,
    };
    let frame = framed(office, &visit, &at, "当面核身", "/desk/identify").await?;
    Ok(draw(frame, &form, mistakes, checks, done))
}

/// The form's mistakes, or what was checked, line by line, and the person if every check holds.
async fn check(
    portal: &Portal,
    form: &IdentifyForm,
) -> Result<(Vec<Mistake>, Vec<(Shown, Text)>, Option<i64>), PageError> {
    let mut mistakes = Vec::new();
    let number = IdNumber::parse(&form.id_no)
        .map_err(|error| mistakes.push(Mistake::at("id_no", error.to_string())))
        .ok();
    let name = PersonName::parse(&form.name)
        .map_err(|error| mistakes.push(Mistake::at("name", error.to_string())))
        .ok();
    let (Some(number), Some(name)) = (number, name) else {
        return Ok((mistakes, Vec::new(), None));
    };
    let asked = [(number.expose().to_owned(), name.expose().to_owned())];
    let police = GatewayPolice(portal.engine.gateway.clone())
        .verify(&asked)
        .await
        .pop()
        .unwrap_or(PoliceAnswer::Unknown);
    let mut known = person::by_id_number(&portal.engine.office, &number).await?;
    // An heir need be no customer: he becomes known by his card and the police's word.
    if known.is_none() && form.reason == "estate" && matches!(police, PoliceAnswer::Matched) {
        let office = &portal.engine.office;
        let person_id = person::add(office, &number, &name, None).await?;
        known = person::get(office, person_id).await?;
    }
    let checks = vec![
        (Shown::pass("符合"), "证件号的校验位".into()),
        match police {
            PoliceAnswer::Matched => (Shown::pass("一致"), "公安登记的姓名".into()),
            PoliceAnswer::Mismatched => (Shown::fail("不一致"), "公安登记的姓名".into()),
            PoliceAnswer::Absent => (Shown::fail("查无"), "公安没有这个证件号".into()),
            PoliceAnswer::Dead => (Shown::fail("已注销"), "公安登记已因死亡注销".into()),
            PoliceAnswer::Unknown => (
                Shown::unknown("没有回应"),
                "公安部门，请对照证件原件".into(),
            ),
        },
        match &known {
            Some(person) if person.name == name => (Shown::pass("一致"), "本中心登记的姓名".into()),
            Some(_) => (
                Shown::fail("不一致"),
                "本中心登记的姓名不同，请先改登记".into(),
            ),
            None => (Shown::idle("没有"), "本中心没有这个人的账户".into()),
        },
    ];
    let passes = matches!(police, PoliceAnswer::Matched | PoliceAnswer::Unknown);
    let person_id = known
        .filter(|person| passes && person.name == name)
        .map(|person| person.person_id);
    Ok((mistakes, checks, person_id))
}

#[derive(Deserialize)]
pub(crate) struct WhyForm {
    reason: String,
}

/// `POST /desk/people/{person}/serve`: why the person who was found by his whole number is looked at.
pub(crate) async fn serve(
    State(portal): State<Portal>,
    mut at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<WhyForm>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    let found = office
        .numbers
        .decode(NumberKind::Person, &number)
        .filter(|person_id| at.session.served_person == Some(*person_id))
        .ok_or_else(|| {
            PageError::Forbidden("先在命令栏输入这个人的完整证件号，再写为什么看。".to_owned())
        })?;
    let words =
        words_of(&form.reason).ok_or_else(|| PageError::Forbidden("请选一个原因。".to_owned()))?;
    let reason = format!("输入证件号，{words}");
    put_at_window(office, &mut at, Some(found), Some(&reason)).await?;
    Ok(Redirect::to(&format!("/desk/people/{number}")))
}

/// `POST /desk/leave`: the visit ends, and with it every look at the person.
pub(crate) async fn leave(
    State(portal): State<Portal>,
    mut at: AtDesk,
) -> Result<Redirect, PageError> {
    put_at_window(&portal.engine.office, &mut at, None, None).await?;
    Ok(Redirect::to("/desk/identify"))
}

fn words_of(reason: &str) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|(value, _)| *value == reason)
        .map(|(_, words)| *words)
}

/// The field that asks why a person is looked at.
pub(super) fn reason_field() -> Field {
    Field::select(
        "reason",
        "为什么来办",
        REASONS
            .iter()
            .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
            .collect(),
    )
}

/// Who stands at this window from now on, for the session and for the page that is drawn.
pub(super) async fn put_at_window(
    office: &Office,
    at: &mut AtDesk,
    person_id: Option<i64>,
    reason: Option<&str>,
) -> Result<(), PageError> {
    session::serve(office, at.session.session_id, person_id, reason).await?;
    at.session.served_person = person_id;
    at.session.served_reason = reason.map(str::to_owned);
    Ok(())
}
