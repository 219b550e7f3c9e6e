//! 委托收款: what the employer has signed, and signing, resuming, ending it. On a list: what is being collected.

use anju_business::contribution::collection::{self, Mandate, Order, contract};
use anju_business::contribution::remittance::{Remittance, state};
use anju_casework::{Error, Office};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, ErrorSummary, Event, Facts, Field, FieldKind, Flash, Mistake, Text, Tone,
    When,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ChangePart, DebitPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, fen, mistakes, submission, typed};
use crate::unit::framed;
use crate::when;

const SERVICE: &str = "employer-debit-sign";
const PAGE: &str = "/unit/debit";

/// Contracts that the page looks at: the one in force, and the last ones before it.
const SHOWN: i64 = 5;

/// The offer to sign, where nothing is signed yet.
pub(super) async fn offer(office: &Office, employer_id: i64) -> Result<Text, PageError> {
    if is_signed(office, employer_id).await? {
        return Ok(Text::new());
    }
    Ok(Text::new()
        .say("不想每月转账，可以签")
        .link(PAGE, "委托收款")
        .say("。"))
}

/// Whether a contract is in force.
pub(super) async fn is_signed(office: &Office, employer_id: i64) -> Result<bool, PageError> {
    let contracts = collection::of_payer(office, employer_id, SHOWN).await?;
    Ok(contracts
        .iter()
        .any(|one| one.state == contract::state::SIGNED))
}

/// What was done a moment ago.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    done: Option<String>,
}

/// `GET /unit/debit`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<DebitPage, PageError> {
    let mut page = draw(&portal, &visit, &at, &Typed::new(), Vec::new()).await?;
    let told = match wanted.done.as_deref() {
        Some("end") => Some("协议已终止，以后请转账缴款。"),
        Some("resume") => Some("协议已恢复。"),
        _ => None,
    };
    page.flash = told.map(|told| Flash::new(Tone::Pass, told)).or(page.flash);
    Ok(page)
}

/// `POST /unit/debit`: signs, resumes or ends.
pub(crate) async fn change(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let action = typed(&fields, "do");
    if !["sign", "resume", "end"].contains(&action) {
        return Err(PageError::Stale);
    }
    let mut form = Map::from_iter([("action".to_owned(), Value::from(action))]);
    if action == "sign" {
        for name in ["bank", "account_no"] {
            form.insert(name.to_owned(), typed(&fields, name).into());
        }
        match (fen(&fields, "limit"), typed(&fields, "day").parse::<i64>()) {
            (Ok(limit), Ok(day)) => {
                form.insert("limit_fen".to_owned(), limit.unwrap_or(Value::Null));
                form.insert("day".to_owned(), day.into());
            }
            (Err(mistake), _) => return refuse(&portal, &visit, &at, &fields, mistake).await,
            (_, Err(_)) => {
                let mistake = Mistake::at("day", "扣款日写成 10 这样，是每月的第几天。");
                return refuse(&portal, &visit, &at, &fields, mistake).await;
            }
        }
    }
    let submitted = submission(&portal, &at, SERVICE, &fields, form).await?;
    match portal.engine.submit(submitted).await {
        Ok(_) => Ok(Redirect::to(&format!("{PAGE}?done={action}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let mut found = mistakes(&refusal);
            found.truncate(1);
            let mistake = found
                .pop()
                .unwrap_or_else(|| Mistake::at("", refusal.detail.clone()));
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
    let mut page = draw(portal, visit, at, fields, vec![mistake]).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<DebitPage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "委托收款", UnitTab::Pay).await?;
    let contracts = collection::of_payer(office, employer.employer_id, SHOWN).await?;
    let live = contracts.iter().find(|one| {
        matches!(
            one.state,
            contract::state::SIGNED | contract::state::SUSPENDED
        )
    });
    let newest = contracts.first();
    let signing = newest.is_some_and(|one| one.state == contract::state::SIGNING);
    let errors_of = |name: &str| {
        mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone())
    };
    let filled = |field: Field, name: &str| field.value(typed(fields, name)).error(errors_of(name));
    let mut parts = Vec::new();
    if !signing {
        parts.push(sign_part(office, live.is_some(), &filled));
    }
    if let Some(one) = live {
        if one.state == contract::state::SUSPENDED {
            parts.push(part(
                "resume",
                "恢复协议",
                "银行再核对一次账户，核对上了就恢复。",
                "恢复",
                ButtonLook::Plain,
            ));
        }
        parts.push(part(
            "end",
            "终止协议",
            "已经发给银行的扣款照常进行。",
            "终止",
            ButtonLook::Danger,
        ));
    }
    Ok(DebitPage {
        frame,
        flash: newest.and_then(told),
        lead: "单位、银行、中心三方签约。登记汇缴时选“委托收款”，到日子我们从这个账户扣款，扣到马上分配，不用写缴款码。".into(),
        facts: live.map(|one| facts(office, one)),
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        parts,
    })
}

fn sign_part(office: &Office, again: bool, filled: &dyn Fn(Field, &str) -> Field) -> ChangePart {
    let banks = office
        .banks
        .iter()
        .map(|bank| (bank.bank.clone(), bank.bank_name.clone()))
        .collect();
    ChangePart {
        id: "sign",
        name: if again { "换一个账户" } else { "签约" },
        lead: "户名必须是本单位，银行会核对。".into(),
        action: PAGE.to_owned(),
        key: Uuid::now_v7().to_string(),
        service: "sign",
        fields: vec![
            filled(Field::select("bank", "开户银行", banks), "bank"),
            filled(
                Field::new("account_no", "银行账号", FieldKind::Digits),
                "account_no",
            ),
            filled(
                Field::new("limit", "每次最多扣（元）", FieldKind::Money)
                    .hint("比每月应缴多留一些，超过这个数不扣"),
                "limit",
            ),
            filled(
                Field::new("day", "每月几号扣", FieldKind::Digits)
                    .hint("1 到 28。当月这天已过的，登记后马上扣"),
                "day",
            ),
        ],
        button: Button::submit("签约"),
    }
}

fn part(
    action: &'static str,
    name: &'static str,
    lead: &'static str,
    button: &'static str,
    look: ButtonLook,
) -> ChangePart {
    ChangePart {
        id: action,
        name,
        lead: lead.into(),
        action: PAGE.to_owned(),
        key: Uuid::now_v7().to_string(),
        service: action,
        fields: Vec::new(),
        button: Button::send(button, look),
    }
}

fn bank_name(office: &Office, bank: &str) -> String {
    office
        .bank(bank)
        .map_or_else(|_| bank.to_owned(), |known| known.bank_name.clone())
}

/// 建设银行，尾号 1234.
fn account(office: &Office, one: &Mandate) -> Text {
    Text::new()
        .say(bank_name(office, &one.bank))
        .say("，尾号 ")
        .num(&one.account_last4)
}

fn facts(office: &Office, one: &Mandate) -> Facts {
    let mut facts = vec![
        (
            "状态".into(),
            if one.state == contract::state::SIGNED {
                "已生效"
            } else {
                "已暂停"
            }
            .into(),
        ),
        ("扣款账户".into(), account(office, one)),
        (
            "每次最多扣".into(),
            Text::new().money(Fen::new(one.limit_fen)),
        ),
        ("扣款日".into(), format!("每月 {} 日", one.day).into()),
    ];
    if let Some(day) = one.signed_on {
        facts.push(("银行确认".into(), chinese_day(day).into()));
    }
    Facts(facts)
}

/// What there is to say of the newest contract.
fn told(one: &Mandate) -> Option<Flash> {
    let because = one.reason.as_deref().unwrap_or("银行没有说明原因");
    match one.state {
        contract::state::SIGNING => Some(Flash::new(
            Tone::Wait,
            "银行还没有回复这个账户是不是您单位的。我们会一直问，有结果就在这里告诉您。",
        )),
        contract::state::REFUSED => Some(Flash::new(
            Tone::Fail,
            "银行没有确认这个账户：户名、账号与单位不一致，或账户不能代扣。请核对后重新签约。",
        )),
        contract::state::SUSPENDED => Some(Flash::new(
            Tone::Fail,
            format!("协议已暂停：{because}。请转账缴款；账户处理好以后可以恢复，或换一个账户。"),
        )),
        _ => None,
    }
}

/// What is to be said of the collection of a list that waits for money; none where it is paid by hand from the beginning.
pub(super) async fn of_list(office: &Office, one: &Remittance) -> Result<Option<Flash>, PageError> {
    if !one.by_debit() || one.state != state::AWAITING {
        return Ok(None);
    }
    let last = collection::last_of(office, one.remittance_id).await?;
    let failed = last
        .as_ref()
        .and_then(|order| order.reason.as_deref())
        .map(|reason| format!("扣款没有成功：{reason}。"));
    let flash = match (one.collecting, one.collect_on, failed) {
        (true, ..) => Flash::new(
            Tone::Wait,
            "正在从您单位的账户扣款，扣到马上分配，不用转账。",
        ),
        (false, Some(day), None) => Flash::new(
            Tone::Wait,
            format!(
                "{}从您单位的账户扣款，不用转账。",
                when::day(day, office.today())
            ),
        ),
        (false, Some(day), Some(failed)) => Flash::new(
            Tone::Fail,
            format!(
                "{failed}{}再扣一次；等不及可以转账。",
                when::day(day, office.today())
            ),
        ),
        (false, None, Some(failed)) => {
            Flash::new(Tone::Fail, format!("{failed}不再扣款，请转账缴款。"))
        }
        (false, None, None) => Flash::new(Tone::Fail, "委托收款协议没有生效，请转账缴款。"),
    };
    Ok(Some(flash))
}

/// The orders of a list, for its timeline.
pub(super) fn events(office: &Office, orders: &[Order]) -> Vec<Event> {
    let now = office.now();
    let mut events = Vec::new();
    for order in orders {
        events.push(Event::new(
            When::Done,
            Text::new().say("扣款 ").money(Fen::new(order.amount_fen)),
            when::second(order.made_at, now),
        ));
        if let (Some(at), Some(reason)) = (order.ended_at, &order.reason) {
            events.push(Event::new(
                When::Done,
                format!("没有扣到：{reason}"),
                when::second(at, now),
            ));
        }
    }
    events
}
