//! 单位开户: whoever holds the licence of an employer without an account opens it, or completes the one that the regulator has pre-opened.
//! What the licence and the registry say is shown, not asked.

use std::collections::HashMap;

use anju_business::contribution::opening;
use anju_business::contribution::opening_rules::KINDS;
use anju_business::contribution::registry::{self, Registration, Registry};
use anju_casework::case::{self, Case, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::employer::{self, Employer};
use anju_casework::licence::{self, Holder, Role};
use anju_casework::{Actor, Error, Refusal};
use anju_domain::calendar::{Month, chinese_date};
use anju_exchange::kept::GatewayRegistry;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtOpening;
use crate::components::{
    Button, ErrorSummary, Facts, Field, FieldKind, Flash, Mistake, Text, Tone,
};
use crate::frame::PlainFrame;
use crate::login::{COOKIE_SECONDS, device};
use crate::pages::error::PageError;
use crate::pages::unit::OpenPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

type Typed = HashMap<String, String>;

fn typed<'a>(fields: &'a Typed, name: &str) -> &'a str {
    fields.get(name).map_or("", |text| text.trim())
}

/// What is known before anything is typed.
struct Known {
    holder: Holder,
    registered: Registration,
    /// The registry does not answer: what it would say is asked, and the case waits for it.
    silent: bool,

    pre_opened: Option<Employer>,
}

async fn known(portal: &Portal, at: &AtOpening) -> Result<Known, PageError> {
    let office = &portal.engine.office;
    let holder = licence::holder_of(office, &at.session)?.ok_or(PageError::LogIn)?;
    let fact = GatewayRegistry(portal.engine.gateway.clone())
        .registration(holder.uscc.as_str(), "")
        .await?;
    let answer = Registration::answer(&fact);
    let silent = answer.is_none();
    let registered = answer
        .unwrap_or_else(|| Ok(Registration::default()))
        .map_err(|state| PageError::from(Refusal::rule("E-EMPR-03", registry::not_open(&state))))?;
    let pre_opened = employer::by_uscc(office, &holder.uscc)
        .await?
        .filter(|one| one.state == employer::state::PRE_OPENED);
    Ok(Known {
        holder,
        registered,
        silent,
        pre_opened,
    })
}

/// `GET /unit/open`: the form; where a case waits for the registry, that case; and once the account is open, the employer's own pages.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtOpening,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let holder = licence::holder_of(office, &at.session)?.ok_or(PageError::LogIn)?;
    let open = employer::by_uscc(office, &holder.uscc).await?;
    if open.is_some_and(|one| one.state != employer::state::PRE_OPENED) {
        return enter(&portal, &at, &headers).await;
    }
    let known = known(&portal, &at).await?;
    let waiting = match opening::waiting(office, &holder.uscc).await? {
        Some(case_id) => Some(case::require(office, case_id).await?),
        None => None,
    };
    let page = draw(
        &portal,
        &visit,
        &known,
        &Typed::new(),
        Vec::new(),
        waiting.as_ref(),
    );
    Ok(page.into_response())
}

/// On to the pages of the employer whose account is open.
async fn enter(
    portal: &Portal,
    at: &AtOpening,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let token = licence::go_on(office, &at.session, &device(headers)).await?;
    let cookie = portal.shield.session_cookie(&token, COOKIE_SECONDS);
    let next = Redirect::to("/unit/employer?done=opened");
    Ok(([(header::SET_COOKIE, cookie)], next).into_response())
}

/// `POST /unit/open`.
pub(crate) async fn open(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtOpening,
    headers: HeaderMap,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let known = known(&portal, &at).await?;
    let form = form_of(&known, &fields);
    let now = office.now();
    let ids = office.ids.take(2).await?;
    let call = format!(
        "{}\n{}\n{}",
        opening::SERVICE,
        known.holder.uscc.as_str(),
        Value::Object(form.clone())
    );
    let submission = Submission {
        case_id: ids[0],
        request: Request {
            service: opening::SERVICE.to_owned(),
            case_id: None,
            applicant_id: ids[1],
            form,
            channel: "HALL".to_owned(),
            face_passed: false,
        },
        actor: Actor::Clerk(at.session.subject_id),
        served_by: None,
        key: Uuid::parse_str(typed(&fields, "key")).map_err(|_| PageError::Stale)?,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: office.centre.head_branch,
        tapped_at: now,
        promised_at: portal.engine.promise(opening::SERVICE, now)?,
    };
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let one = case::require(office, case_id).await?;
            if !one.state().is_final() {
                let page = draw(&portal, &visit, &known, &fields, Vec::new(), Some(&one));
                return Ok((StatusCode::ACCEPTED, page).into_response());
            }
            enter(&portal, &at, &headers).await
        }
        Err(Error::Refused(refusal)) => {
            let mut page = draw(&portal, &visit, &known, &fields, mistakes(&refusal), None);
            page.frame.head.failed = true;
            let status =
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// What whoever asked is told while the registry is silent.
fn waits(portal: &Portal, one: &Case) -> Flash {
    let office = &portal.engine.office;
    let by = when::promise(one.promised_at, office.now());
    let number = case::number(office, one.case_id);
    Flash::new(
        Tone::Unknown,
        format!(
            "已收到，办件 {number}。市场监管部门暂时没有回复，它答复后账户自动开好，短信告诉经办人，最迟{by}。不用再交。"
        ),
    )
}

/// The mistakes of a refusal, each at the field that it means.
pub(crate) fn mistakes(refusal: &Refusal) -> Vec<Mistake> {
    if refusal.errors.is_empty() {
        return vec![Mistake::at("", refusal.detail.clone())];
    }
    let mut found: Vec<Mistake> = Vec::new();
    for error in &refusal.errors {
        let field = match error.column.as_deref() {
            Some("ratio_employer_bp") => "employer",
            Some("ratio_employee_bp") => "employee",
            Some(field) => field,
            None => "",
        };
        // Payday and first month share their words.
        if !found.iter().any(|mistake| mistake.words == error.message) {
            found.push(Mistake::at(field, error.message.clone()));
        }
    }
    found
}

/// Percent as they are typed, in basis points; what cannot be read is left to the rules.
pub(crate) fn bp(text: &str) -> Option<Value> {
    let percent: i64 = text.trim_end_matches(['%', '％']).parse().ok()?;
    percent.checked_mul(100).map(Value::from)
}

/// The fields that both the employer's page and the counter ask for.
pub(crate) fn common(fields: &HashMap<String, String>) -> Map<String, Value> {
    let mut form = Map::new();
    for name in [
        "kind",
        "first_month",
        "clerk_name",
        "clerk_id_no",
        "clerk_phone",
    ] {
        if !typed(fields, name).is_empty() {
            form.insert(name.to_owned(), typed(fields, name).into());
        }
    }
    for (field, name) in [
        ("ratio_employer_bp", "employer"),
        ("ratio_employee_bp", "employee"),
    ] {
        if let Some(bp) = bp(typed(fields, name)) {
            form.insert(field.to_owned(), bp);
        }
    }
    if let Ok(day) = typed(fields, "payday").parse::<i64>() {
        form.insert("payday".to_owned(), day.into());
    }
    form
}

fn form_of(known: &Known, fields: &Typed) -> Map<String, Value> {
    let mut form = common(fields);
    form.insert("uscc".to_owned(), known.holder.uscc.as_str().into());
    let name = if known.silent {
        typed(fields, "name").to_owned()
    } else {
        known.registered.name.clone().unwrap_or_default()
    };
    form.insert("name".to_owned(), name.into());
    if known.silent && known.holder.role == Role::Authorised {
        let named = typed(fields, "legal_representative");
        form.insert("legal_representative".to_owned(), named.into());
    }
    if known.registered.representative.is_none() && known.holder.role == Role::LegalRepresentative {
        let own = known.holder.name.expose().to_owned();
        form.insert("legal_representative".to_owned(), own.into());
    }
    // A legal representative need not be the clerk, and hears of his account all the same.
    if known.holder.role == Role::LegalRepresentative {
        let phone = known.holder.phone.expose().to_owned();
        form.insert("founder_phone".to_owned(), phone.into());
    }
    // Who was authorised in the licence's app opens for himself, and is the clerk.
    if known.holder.role == Role::Authorised {
        let own = known.holder.name.expose().to_owned();
        form.insert("clerk_name".to_owned(), own.into());
        let phone = known.holder.phone.expose().to_owned();
        form.insert("clerk_phone".to_owned(), phone.into());
        form.remove("clerk_id_no");
    }
    form
}

fn draw(
    portal: &Portal,
    visit: &Visit,
    known: &Known,
    fields: &Typed,
    mistakes: Vec<Mistake>,
    waiting: Option<&Case>,
) -> OpenPage {
    let today = portal.engine.office.today();
    let title = if waiting.is_some() {
        "在等市场监管部门答复"
    } else if known.pre_opened.is_some() {
        "补齐几项，账户就能用了"
    } else {
        "开立住房公积金账户"
    };
    let head = visit.head(title).failed(!mistakes.is_empty());
    let registered = &known.registered;
    // While the registry is silent, what was handed in.
    let typed_in = waiting.and_then(|one| one.open_form(&portal.engine.office).ok());
    let typed_in = |field: &str| {
        let text = typed_in.as_ref()?.get(field)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let said = |text: &Option<String>| Text::from(text.as_deref().unwrap_or("—"));
    let mut facts = vec![
        (
            "单位名称".to_owned(),
            said(&registered.name.clone().or_else(|| typed_in("name"))),
        ),
        (
            "统一社会信用代码".to_owned(),
            Text::new().num(known.holder.uscc.as_str()),
        ),
        (
            "法定代表人".to_owned(),
            said(
                &registered
                    .representative
                    .clone()
                    .or_else(|| typed_in("legal_representative")),
            ),
        ),
        ("住所".to_owned(), said(&registered.address)),
    ];
    if let Some(founded) = registered.founded {
        facts.push(("成立日期".to_owned(), chinese_date(founded).into()));
    }
    if let Some(waiting) = &known.pre_opened {
        let no = portal
            .engine
            .office
            .numbers
            .encode(anju_vault::NumberKind::Employer, waiting.employer_id);
        facts.push(("单位号".to_owned(), Text::new().num(no)));
    }
    OpenPage {
        facts: Facts(facts),
        source: if waiting.is_some() {
            "以市场监管部门登记的为准。"
        } else if known.silent {
            "市场监管部门暂时没有回复。您照样可以交，它答复后自动开户，以它登记的为准。"
        } else {
            "以上由市场监管部门登记，不用您填；有变化请先办理变更登记。"
        }
        .to_owned(),
        flash: waiting.map(|one| waits(portal, one)),
        fields: if waiting.is_some() {
            Vec::new()
        } else {
            asked(known, fields, &mistakes, today)
        },
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("还没有开户。")),
        hidden: vec![head.hidden(), ("key", Uuid::now_v7().to_string())],
        frame: PlainFrame {
            head,
            place: "unit",
            place_name: "单位开户",
            back: None,
        },
        title: title.to_owned(),
        lead: if waiting.is_some() {
            "开户申请已经收到，什么都不用再填。".into()
        } else if known.pre_opened.is_some() {
            "企业开办时已经为单位预开了账户。再填下面几项，不用来窗口。".into()
        } else {
            "再填下面几项，当场开户，不用来窗口。".into()
        },
        button: waiting.is_none().then(|| Button::submit("开户").wide()),
    }
}

fn asked(
    known: &Known,
    fields: &Typed,
    mistakes: &[Mistake],
    today: chrono::NaiveDate,
) -> Vec<Field> {
    let waiting = known.pre_opened.as_ref();
    let percent = |bp: Option<i32>| bp.map_or_else(String::new, |bp| (bp / 100).to_string());
    let mut first: Vec<(&str, String)> = vec![
        ("kind", waiting.map_or("私企", |one| &one.kind).to_owned()),
        (
            "employer",
            percent(waiting.map(|one| one.ratio_employer_bp)),
        ),
        (
            "employee",
            percent(waiting.map(|one| one.ratio_employee_bp)),
        ),
        ("first_month", Month::of(today).to_string()),
    ];
    let by_representative = known.holder.role == Role::LegalRepresentative;
    if by_representative {
        first.push(("clerk_name", known.holder.name.expose().to_owned()));
        first.push(("clerk_phone", known.holder.phone.expose().to_owned()));
    }
    let mut all = Vec::new();
    if known.silent {
        let asked = |name: &str, label: &str| {
            let error = mistakes.iter().find(|mistake| mistake.field == name);
            Field::new(name, label, FieldKind::Text)
                .value(typed(fields, name))
                .error(error.map(|mistake| mistake.words.clone()))
        };
        all.push(asked("name", "单位名称").hint("以市场监管部门登记的为准"));
        if !by_representative {
            all.push(asked("legal_representative", "法定代表人"));
        }
    }
    all.extend(open_fields(fields, mistakes, &first, by_representative));
    all
}

/// The fields with what was typed, or with what is proposed before anything was.
pub(crate) fn open_fields(
    fields: &HashMap<String, String>,
    mistakes: &[Mistake],
    proposed: &[(&str, String)],
    with_clerk: bool,
) -> Vec<Field> {
    let filled = |field: Field, name: &str| {
        let before = proposed
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value.as_str());
        let value = if fields.is_empty() {
            before
        } else {
            typed(fields, name)
        };
        let error = mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone());
        field.value(value).error(error)
    };
    let kinds = KINDS
        .iter()
        .map(|kind| ((*kind).to_owned(), (*kind).to_owned()))
        .collect();
    let mut all = vec![
        filled(Field::select("kind", "单位性质", kinds), "kind"),
        filled(
            Field::new("employer", "单位缴存比例（%）", FieldKind::Digits).hint("5 到 12 的整数"),
            "employer",
        ),
        filled(
            Field::new("employee", "个人缴存比例（%）", FieldKind::Digits).hint("和单位比例一样"),
            "employee",
        ),
        filled(
            Field::new("payday", "发薪日", FieldKind::Digits).hint("每月几日，1 到 31"),
            "payday",
        ),
        filled(
            Field::new("first_month", "首次汇缴年月", FieldKind::Month)
                .hint("从哪个月开始缴，不早于单位成立的月份"),
            "first_month",
        ),
    ];
    if with_clerk {
        all.push(filled(
            Field::new("clerk_name", "经办人姓名", FieldKind::Text).hint("以后交名册、付款的人"),
            "clerk_name",
        ));
        all.push(filled(
            Field::new("clerk_phone", "经办人手机号", FieldKind::Phone),
            "clerk_phone",
        ));
        all.push(filled(
            Field::new("clerk_id_no", "经办人证件号码", FieldKind::IdNumber)
                .hint("填了会和公安人口库核对")
                .optional(),
            "clerk_id_no",
        ));
    }
    all
}
