//! 异地转移接续 on one's own phone: one form, and what is said of a letter while it is on its way.

use anju_business::remote::letter::{self, Letter, Side, State};
use anju_business::remote::list;
use anju_casework::Office;
use anju_casework::case::{Case, CaseEvent};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_policy::{Input, ServiceDefinition};
use axum::Form;
use axum::extract::State as Of;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::apply::{Sent, Typed};
use crate::authorization::Me;
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Promise, Summary, SummaryRow, Text,
    When,
};
use crate::frame::MyTab;
use crate::my::apply::asking;
use crate::my::{frame, membership_of};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{CheckPage, CheckSheet};
use crate::when;

/// The service of the form.
const SERVICE: &str = "transfer-in-apply";
/// Where the form is.
pub(crate) const PATH: &str = "/my/transfer";

fn definition(portal: &Portal) -> Result<ServiceDefinition, PageError> {
    portal
        .engine
        .office
        .policy()
        .set
        .service(SERVICE)
        .cloned()
        .ok_or(PageError::NotFound)
}

/// `GET /my/transfer`.
pub(crate) async fn page(
    Of(portal): Of<Portal>,
    visit: Visit,
    me: Me,
) -> Result<CheckPage, PageError> {
    draw(&portal, &visit, &me, &Typed::new(), Vec::new(), None).await
}

/// `POST /my/transfer`.
pub(crate) async fn submit(
    Of(portal): Of<Portal>,
    visit: Visit,
    me: Me,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let service = definition(&portal)?;
    let typed: Typed = fields.into_iter().collect();
    let sent = {
        let asking = asking(&portal, &visit, &me).await?;
        let (form, mistakes) = asking.form_of(&service, &typed);
        if mistakes.is_empty() {
            asking.send(&service, &typed, form).await?
        } else {
            Sent::Refused {
                mistakes,
                flash: None,
            }
        }
    };
    match sent {
        Sent::Taken(page) => Ok(Redirect::to(&page).into_response()),
        Sent::Refused { mistakes, flash } => {
            let page = draw(&portal, &visit, &me, &typed, mistakes, flash).await?;
            Ok(page.into_response())
        }
    }
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    typed: &Typed,
    mistakes: Vec<Mistake>,
    flash: Option<Flash>,
) -> Result<CheckPage, PageError> {
    let office = &portal.engine.office;
    let service = definition(portal)?;
    let asking = asking(portal, visit, me).await?;
    let membership = membership_of(office, me.person_id).await?;
    let mut page = frame(
        visit,
        "异地转移接续",
        MyTab::Services,
        Some(("/my", "首页")),
    );
    page.head.failed = !mistakes.is_empty();
    let mut rows = vec![
        SummaryRow::new("姓名", asking.person.name.expose().to_owned()).source("您登记的姓名"),
        SummaryRow::new("证件号码", Text::new().num(&asking.person.id_number))
            .source("两地登记要一致"),
    ];
    if let Some(membership) = &membership {
        rows.push(
            SummaryRow::new("转入单位", membership.employer_name.clone())
                .source("您现在的缴存单位"),
        );
    }
    for letter in list::of_person(office, me.person_id, 5).await? {
        if letter.side() == Side::In && letter.ended_at.is_none() {
            rows.push(
                SummaryRow::new(
                    "在办",
                    format!("{}，{}", letter.other_name, letter.state_word()),
                )
                .source("一个转出地同时只办一件"),
            );
        }
    }
    let fields = service
        .inputs
        .iter()
        .map(|input| field(input, typed, &mistakes))
        .collect();
    let key = typed
        .get("key")
        .cloned()
        .unwrap_or_else(|| Uuid::now_v7().to_string());
    Ok(CheckPage {
        frame: page,
        sheet: CheckSheet {
            step: format!("{} · 一张表", service.name_zh),
            question: "从哪里转来？".into(),
            errors: ErrorSummary::of(mistakes),
            flash,
            amount: None,
            summary: Summary::new(rows),
            fields,
            more: Vec::new(),
            groups: Vec::new(),
            consent: "提交即同意我们向公安核对一次身份，并把姓名、证件号码写进联系函发给转出地中心，只为这次转移。".into(),
            action: PATH.into(),
            hidden: vec![("csrf", visit.csrf.clone()), ("key", key)],
            button: Button::submit("提交异地转移接续").wide(),
            after: Text::new()
                .say(&service.promise.promised)
                .say("。转出地中心受理前可以撤回；钱全部转来，不能只转一部分。"),
        },
    })
}

fn field(input: &Input, typed: &Typed, mistakes: &[Mistake]) -> Field {
    let field = if input.options.is_empty() {
        Field::new(input.name.clone(), input.label.clone(), FieldKind::Text).optional()
    } else {
        let options = input
            .options
            .iter()
            .map(|option| (option.value.clone(), option.label.clone()))
            .collect();
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
}

/// The letter of a case, where it is a transfer's.
pub(crate) async fn letter_of(office: &Office, case: &Case) -> Result<Option<Letter>, PageError> {
    if !matches!(case.service.as_str(), SERVICE | "transfer-out") {
        return Ok(None);
    }
    Ok(letter::get(office, case.case_id).await?)
}

/// What is promised, and where the letter stands.
pub(crate) fn promise(
    office: &Office,
    case: &Case,
    letter: &Letter,
    now: DateTime<Utc>,
) -> (Text, Text) {
    let clock = list::clock(office, letter, now);
    let days = Text::new()
        .say("已过 ")
        .num(clock.days.to_string())
        .say(" 个工作日。联系函 ")
        .num(&letter.letter_no);
    let amount = |fen: Option<i64>| Fen::new(fen.unwrap_or_default());
    match letter.state() {
        State::Completed => (
            Text::new()
                .say("办好了：")
                .money(amount(letter.amount_fen))
                .say(" 已记入您的账户"),
            Text::new()
                .say("用了 ")
                .num(clock.days.to_string())
                .say(" 个工作日。联系函 ")
                .num(&letter.letter_no),
        ),
        State::Paid | State::Closed => (
            Text::new()
                .say(amount(letter.amount_fen).to_string())
                .say(" 元已转往")
                .say(&letter.other_name),
            days,
        ),
        State::Returned | State::Refused => (
            "这次没有转成".into(),
            Text::new()
                .say(letter.reason.as_deref().unwrap_or("对方没有说原因"))
                .say("。改正以后可以再申请。"),
        ),
        State::Cancelled => ("已撤销，什么都没有转".into(), days),
        State::Negotiating => (
            "款项正在与对方中心核对".into(),
            Text::new()
                .say(letter.reason.as_deref().unwrap_or_default())
                .say("。不用您再办什么。")
                .join(days),
        ),
        _ => (
            Text::new()
                .say(letter.state_word())
                .say("，最迟")
                .say(when::promise(case.promised_at, now)),
            days.say("，")
                .say(chinese_date(clock.alarm_on))
                .say("起我们催办。"),
        ),
    }
}

/// The lines of a transfer's timeline; none for what is not told.
pub(crate) fn step(step: &str, event: &CaseEvent) -> Option<(When, Text)> {
    let detail = event.detail.as_ref();
    let text = |field: &str| {
        detail
            .and_then(|detail| detail.get(field))
            .and_then(Value::as_str)
    };
    let fen = |field: &str| {
        detail
            .and_then(|detail| detail.get(field))
            .and_then(Value::as_i64)
            .map(Fen::new)
    };
    let with = |words: &str, amount: Option<Fen>| match amount {
        Some(amount) => Text::new().say(words).say(" ").money(amount),
        None => Text::from(words),
    };
    let why = |words: &str| match text("reason") {
        Some(reason) => Text::new().say(words).say("：").say(reason),
        None => Text::from(words),
    };
    Some(match step {
        "letter_sent" => (
            When::Done,
            Text::new()
                .say("已发联系函 ")
                .num(text("letter").unwrap_or_default()),
        ),
        "out_accepted" => (When::Done, "转出地中心已受理".into()),
        "cancel_asked" => (When::Done, "您申请撤销，等转出地中心答复".into()),
        "cancel_refused" => (When::Failed, "转出地中心已受理，不能撤销转移申请".into()),
        "funds_sent" => (When::Done, with("转出地中心已划款", fen("amount_fen"))),
        "funds_arrived" => (When::Done, with("款项到账", fen("received_fen"))),
        "negotiating" => (When::Unknown, why("正在与对方中心协商")),
        "credited" => (When::Done, with("已记入您的账户", fen("amount_fen"))),
        "returned" => (When::Failed, why("已退回")),
        "escalated" => (When::Unknown, "转出地中心超期没有答复，我们已催办".into()),
        "out_pay_failed" => (When::Failed, why("转出地中心付款没有成功，会再付一次")),
        "give_back" => (When::Done, with("款项退回转出地", fen("amount_fen"))),
        "letter_confirmed" => (When::Done, "已确认转入地中心的联系函".into()),
        "info_approved" => (When::Done, "账户信息审核通过".into()),
        "account_closed" => (When::Done, with("账户已结息销户", fen("amount_fen"))),
        "paid" => (When::Done, with("已划往转入地", fen("amount_fen"))),
        "closed" => (When::Done, "转入地中心已入账".into()),
        "account_sealed_again" => (When::Done, "账户恢复为封存，余额和利息不变".into()),
        "money_back" => (When::Done, with("款项已退回", fen("received_fen"))),
        "payment_rejected" => (When::Failed, why("银行没有付")),
        "refused" => (When::Failed, why("没有通过")),
        "withdrawn" => (When::Done, "已撤销".into()),
        _ => return None,
    })
}

/// The headline of a case's page, as [`Promise`] shows it.
pub(crate) fn headline(
    office: &Office,
    case: &Case,
    letter: &Letter,
    now: DateTime<Utc>,
    shown: Promise,
) -> Promise {
    let (headline, note) = promise(office, case, letter, now);
    Promise {
        headline,
        note,
        ..shown
    }
}
