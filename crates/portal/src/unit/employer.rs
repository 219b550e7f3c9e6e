//! 单位资料: what is registered, and who acts for the employer. The legal representative's licence is enough for a mandate; any other clerk
//! confirms it with a code on his own phone, bound to this very act (LEr, services.md §2).

use std::collections::HashMap;

use anju_business::contribution::employer_data;
use anju_casework::case::Submission;
use anju_casework::catalogue::Request;
use anju_casework::employer::{self, Clerk, Employer};
use anju_casework::person::purpose;
use anju_casework::{Error, Office, outbox, session};
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, ErrorSummary, Facts, Field, FieldKind, Flash, Mistake, Row, Rows, Text,
    Tone,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ChangePart, ConfirmPage, EmployerPage};
use crate::parties;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::framed;

const MAINTAIN: &str = "employer-info-maintain";
const AUTHORISE: &str = "employer-clerk-authorise";

type Typed = HashMap<String, String>;

fn typed<'a>(fields: &'a Typed, name: &str) -> &'a str {
    fields.get(name).map_or("", |text| text.trim())
}

#[derive(Deserialize)]
pub(crate) struct Done {
    done: Option<String>,
}

/// `GET /unit/employer`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(done): Query<Done>,
) -> Result<EmployerPage, PageError> {
    let mut page = draw(&portal, &visit, &at, &Typed::new(), Vec::new()).await?;
    let words = match done.done.as_deref() {
        Some("opened") => "开户成功，现在就可以交第一个月的名册。",
        Some("changed") => "已更新。",
        Some("authorised") => "已授权，他现在就可以登录办理。",
        Some("ended") => "已结束授权，他的登录也一起结束了。",
        _ => "",
    };
    page.flash = (!words.is_empty()).then(|| Flash::new(Tone::Pass, words));
    Ok(page)
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<EmployerPage, PageError> {
    let office = &portal.engine.office;
    let (mut frame, employer) = framed(office, visit, at, "单位资料", UnitTab::Other).await?;
    frame.head.failed = !mistakes.is_empty();
    let representative = employer::representative(office, employer.employer_id).await?;
    let clerks = employer::clerks(office, employer.employer_id).await?;
    let filled = |field: Field, name: &str, now: &str| {
        let error = mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone());
        let value = if fields.is_empty() {
            now
        } else {
            typed(fields, name)
        };
        field.value(value).error(error)
    };
    let parts = vec![
        data_part(office, &employer, &filled),
        authorise_part(&filled),
        end_part(&clerks),
    ];
    Ok(EmployerPage {
        frame,
        flash: None,
        late: employer
            .late_registration
            .then(|| anju_business::contribution::opening::LATE.to_owned()),
        facts: facts(
            office,
            &employer,
            &representative,
            employer_data::industry(office, employer.employer_id).await?,
        ),
        clerks: Rows::new(
            clerks
                .iter()
                .map(|clerk| {
                    let role = if clerk.is_representative {
                        "法定代表人，用电子营业执照登录"
                    } else {
                        "经办人"
                    };
                    Row::of(anju_domain::name::mask(&clerk.name))
                        .note(role)
                        .value(Text::new().num(&clerk.phone_masked))
                        .icon("user")
                })
                .collect(),
        )
        .boxed(),
        parties: parties::of_employer(
            office,
            portal.engine.gateway.catalogue(),
            employer.employer_id,
        )
        .await?,
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        parts,
    })
}

fn facts(
    office: &Office,
    employer: &Employer,
    representative: &str,
    industry: Option<String>,
) -> Facts {
    let percent = |bp: i32| Bp::new(bp).to_string();
    Facts(vec![
        ("单位名称".into(), employer.name.as_str().into()),
        ("统一社会信用代码".into(), Text::new().num(&employer.uscc)),
        (
            "单位号".into(),
            Text::new().num(
                office
                    .numbers
                    .encode(NumberKind::Employer, employer.employer_id),
            ),
        ),
        ("单位性质".into(), employer.kind.as_str().into()),
        (
            "法定代表人".into(),
            anju_domain::name::mask(representative).into(),
        ),
        (
            "地址".into(),
            employer.address.as_deref().unwrap_or("—").into(),
        ),
        (
            "所属行业".into(),
            industries(office)
                .into_iter()
                .find(|(value, _)| Some(value) == industry.as_ref())
                .map_or_else(|| "—".to_owned(), |(_, label)| label)
                .into(),
        ),
        (
            "缴存比例".into(),
            Text::new()
                .say(format!(
                    "单位 {}，个人 {}　",
                    percent(employer.ratio_employer_bp),
                    percent(employer.ratio_employee_bp)
                ))
                .link("/unit/ratio", "调整"),
        ),
        (
            "发薪日".into(),
            employer
                .payday
                .map_or_else(|| "没有填".into(), |day| format!("每月 {day} 日").into()),
        ),
    ])
}

type Filled<'a> = dyn Fn(Field, &str, &str) -> Field + 'a;

fn part(id: &'static str, name: &'static str, service: &'static str) -> ChangePart {
    ChangePart {
        id,
        name,
        lead: Text::new(),
        action: String::new(),
        key: Uuid::now_v7().to_string(),
        service,
        fields: Vec::new(),
        button: Button::send("", ButtonLook::Plain),
    }
}

fn data_part(office: &Office, employer: &Employer, filled: &Filled<'_>) -> ChangePart {
    let payday = employer
        .payday
        .map_or_else(String::new, |day| day.to_string());
    let address = employer.address.clone().unwrap_or_default();
    ChangePart {
        lead: "名称、法定代表人以市场监管部门登记的为准：先办变更登记，登记一变我们也会自动更新。"
            .into(),
        action: "/unit/employer".to_owned(),
        fields: vec![
            filled(
                Field::new("name", "单位名称", FieldKind::Long),
                "name",
                &employer.name,
            ),
            filled(
                Field::new("address", "地址", FieldKind::Text).optional(),
                "address",
                &address,
            ),
            filled(
                Field::new("legal_representative", "新的法定代表人", FieldKind::Text)
                    .hint("没有换就空着")
                    .optional(),
                "legal_representative",
                "",
            ),
            filled(
                Field::new("payday", "发薪日", FieldKind::Digits).hint("每月几日，1 到 31"),
                "payday",
                &payday,
            ),
            filled(
                Field::select("industry", "所属行业", industries(office)).optional(),
                "industry",
                "",
            ),
        ],
        button: Button::submit("更新"),
        ..part("data", "变更信息", MAINTAIN)
    }
}

/// The industries of the definition, after none.
fn industries(office: &Office) -> Vec<(String, String)> {
    let policy = office.policy();
    let inputs = policy.set.service(MAINTAIN).map(|service| &service.inputs);
    let options = inputs
        .into_iter()
        .flatten()
        .filter(|input| input.name == "industry")
        .flat_map(|input| &input.options)
        .map(|one| (one.value.clone(), one.label.clone()));
    std::iter::once((String::new(), "不变".to_owned()))
        .chain(options)
        .collect()
}

fn authorise_part(filled: &Filled<'_>) -> ChangePart {
    ChangePart {
        lead: "姓名和证件号码会和公安人口库核对。授权后他用手机验证码或电子营业执照登录。".into(),
        action: "/unit/employer/clerks".to_owned(),
        fields: vec![
            filled(
                Field::new("clerk_name", "姓名", FieldKind::Text),
                "clerk_name",
                "",
            ),
            filled(
                Field::new("id_no", "证件号码", FieldKind::IdNumber),
                "id_no",
                "",
            ),
            filled(Field::new("phone", "手机号", FieldKind::Phone), "phone", ""),
        ],
        button: Button::send("授权", ButtonLook::Plain),
        ..part("authorise", "授权经办人", "authorise")
    }
}

fn end_part(clerks: &[Clerk]) -> ChangePart {
    let choices = clerks
        .iter()
        .filter(|clerk| !clerk.is_representative)
        .map(|clerk| {
            let who = anju_domain::name::mask(&clerk.name);
            (
                clerk.clerk_id.to_string(),
                format!("{who} {}", clerk.phone_masked),
            )
        })
        .collect();
    ChangePart {
        lead: "他的登录马上结束。单位至少留一名经办人。".into(),
        action: "/unit/employer/clerks".to_owned(),
        fields: vec![Field::select("clerk", "哪一位", choices)],
        button: Button::send("结束授权", ButtonLook::Danger),
        ..part("end", "结束授权", "end")
    }
}

/// `POST /unit/employer`: what of the registered data changes.
pub(crate) async fn change(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer = employer::require(office, at.employer_id).await?;
    let now = |name: &str| match name {
        "name" => employer.name.clone(),
        "address" => employer.address.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let mut form = Map::new();
    for name in ["name", "address", "legal_representative", "industry"] {
        let text = typed(&fields, name);
        if !text.is_empty() && text != now(name) {
            form.insert(name.to_owned(), text.into());
        }
    }
    let payday: Option<i64> = typed(&fields, "payday").parse().ok();
    if payday.is_some() && payday != employer.payday.map(i64::from) {
        form.insert("payday".to_owned(), payday.into());
    }
    let submission = submission(&portal, &at, &employer, MAINTAIN, &fields, form, false).await?;
    match portal.engine.submit(submission).await {
        Ok(_) => Ok(Redirect::to("/unit/employer?done=changed").into_response()),
        Err(Error::Refused(refusal)) => {
            let field = match refusal.code.as_str() {
                "E-EMPR-05" => "payday",
                _ => "name",
            };
            let mistake = Mistake::at(field, refusal.detail.clone());
            refuse(&portal, &visit, &at, &fields, mistake).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistake: Mistake,
) -> Result<Response, PageError> {
    let page = draw(portal, visit, at, fields, vec![mistake]).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// `POST /unit/employer/clerks`: gives or ends a mandate; without the legal representative's licence in two steps.
pub(crate) async fn authorise(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer = employer::require(office, at.employer_id).await?;
    let ends = typed(&fields, "do") == "end";
    let form = match mandate_form(office, &at, &fields, ends).await? {
        Ok(form) => form,
        Err(mistake) => return refuse(&portal, &visit, &at, &fields, mistake).await,
    };
    // At the counter a teller has seen who stands there (LC).
    if at.teller.is_none() && !at.session.is_of_representative() {
        let code_purpose = act(&at, &form);
        let code = typed(&fields, "code");
        if code.is_empty() {
            return confirm(&portal, &visit, &at, &fields, &code_purpose, None).await;
        }
        let phone = own_phone(office, &at).await?;
        match session::take_code(office, &phone, &code_purpose, code).await {
            Ok(()) => {}
            Err(Error::Refused(refusal)) => {
                let wrong = Some(refusal.detail);
                return confirm(&portal, &visit, &at, &fields, &code_purpose, wrong).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let submission = submission(&portal, &at, &employer, AUTHORISE, &fields, form, true).await?;
    match portal.engine.submit(submission).await {
        Ok(_) => {
            let done = if ends { "ended" } else { "authorised" };
            Ok(Redirect::to(&format!("/unit/employer?done={done}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let field = match refusal.code.as_str() {
                "E-PERS-02" => "clerk_name",
                "E-AUTH-03" => "clerk",
                _ if ends => "clerk",
                _ => "phone",
            };
            let mistake = Mistake::at(field, refusal.detail.clone());
            refuse(&portal, &visit, &at, &fields, mistake).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The service's form. A clerk whose mandate ends is chosen from the page, where his phone is masked.
async fn mandate_form(
    office: &Office,
    at: &AtUnit,
    fields: &Typed,
    ends: bool,
) -> Result<Result<Map<String, Value>, Mistake>, PageError> {
    if !ends {
        let mut form = Map::new();
        for (field, name) in [
            ("name", "clerk_name"),
            ("id_no", "id_no"),
            ("phone", "phone"),
        ] {
            if typed(fields, name).is_empty() {
                let words = "请填写姓名、证件号码和手机号。";
                return Ok(Err(Mistake::at(name, words)));
            }
            form.insert(field.to_owned(), typed(fields, name).into());
        }
        return Ok(Ok(form));
    }
    let chosen: Option<i64> = typed(fields, "clerk").parse().ok();
    let clerk = match chosen {
        Some(clerk_id) => employer::clerk(office, clerk_id).await?,
        None => None,
    };
    let Some(clerk) = clerk.filter(|clerk| clerk.employer_id == at.employer_id) else {
        return Ok(Err(Mistake::at("clerk", "请选一位在册的经办人。")));
    };
    let phone = employer::clerk_phone(office, clerk.clerk_id)
        .await?
        .ok_or(PageError::NotFound)?;
    Ok(Ok(Map::from_iter([
        ("phone".to_owned(), Value::from(phone.expose())),
        ("end".to_owned(), true.into()),
    ])))
}

/// What a code is good for: this mandate of this employer by this clerk, and nothing else.
fn act(at: &AtUnit, form: &Map<String, Value>) -> String {
    let whole = json!({ "service": AUTHORISE, "employer": at.employer_id, "clerk": at.clerk_id(), "form": form });
    let digest = anju_vault::sm3(whole.to_string().as_bytes());
    format!("act:{}", hex::encode(&digest[..16]))
}

async fn own_phone(office: &Office, at: &AtUnit) -> Result<anju_domain::phone::Phone, PageError> {
    let clerk_id = at.clerk_id().ok_or(PageError::LogIn)?;
    employer::clerk_phone(office, clerk_id)
        .await?
        .ok_or(PageError::LogIn)
}

/// The second step: a code to the clerk's own phone; sent again after a wrong one only when he asks for it.
async fn confirm(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    code_purpose: &str,
    wrong: Option<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let phone = own_phone(office, at).await?;
    let ends = typed(fields, "do") == "end";
    if wrong.is_none() {
        let code = session::make_code(office, &phone, code_purpose).await?;
        let sealed = office.vault.seal(purpose::PHONE, phone.expose().as_bytes());
        let what = if ends { "结束" } else { "增加" };
        let payload = json!({
            "phone": hex::encode(sealed),
            "text": format!("【公积金】您正在为单位{what}经办人，验证码 {code}，5 分钟内有效。不是您本人操作请联系 12329。"),
        });
        let mut conn = office.pool.acquire().await?;
        outbox::enqueue(
            office,
            &mut conn,
            outbox::kind::SMS,
            None,
            payload,
            office.now(),
        )
        .await?;
        office.wake.notify_one();
    }
    let title = if ends {
        "确认结束授权"
    } else {
        "确认授权"
    };
    let (mut frame, _) = framed(office, visit, at, title, UnitTab::Other).await?;
    frame.head.failed = wrong.is_some();
    let (token, value) = frame.head.hidden();
    let mut hidden = vec![(token.to_owned(), value)];
    for name in ["key", "do", "clerk_name", "id_no", "phone", "clerk"] {
        if !typed(fields, name).is_empty() {
            hidden.push((name.to_owned(), typed(fields, name).to_owned()));
        }
    }
    let status = if wrong.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = ConfirmPage {
        frame,
        title: title.to_owned(),
        lead: Text::new()
            .say("验证码已经发到您登记的手机 ")
            .num(phone.to_string())
            .say("。法定代表人用电子营业执照登录时不用这一步。"),
        errors: ErrorSummary::of(
            wrong
                .iter()
                .map(|words| Mistake::at("code", words.clone()))
                .collect(),
        )
        .map(|errors| errors.note("什么都没有改变。")),
        action: "/unit/employer/clerks".to_owned(),
        hidden,
        field: Field::new("code", "短信验证码", FieldKind::Code)
            .hint("6 位数字，5 分钟内有效")
            .error(wrong),
        button: Button::submit(if ends { "结束授权" } else { "授权" }),
        back: "/unit/employer",
    };
    Ok((status, page).into_response())
}

async fn submission(
    portal: &Portal,
    at: &AtUnit,
    employer: &Employer,
    service: &str,
    fields: &Typed,
    form: Map<String, Value>,
    stepped_up: bool,
) -> Result<Submission, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let key = Uuid::parse_str(typed(fields, "key")).map_err(|_| PageError::Stale)?;
    let call = format!(
        "{service}\n{}\n{}",
        at.employer_id,
        Value::Object(form.clone())
    );
    Ok(Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: service.to_owned(),
            case_id: None,
            applicant_id: at.employer_id,
            form,
            channel: at.channel().to_owned(),
            face_passed: stepped_up,
        },
        actor: at.actor(),
        served_by: at.served_by(),
        key,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: employer.branch_id,
        tapped_at: now,
        promised_at: portal.engine.promise(service, now)?,
    })
}
