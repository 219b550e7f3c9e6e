//! 司法协助: what two officers of a court bring is entered by a teller; `court.rs` has the second person's part.

use std::collections::HashMap;

use anju_business::court::{self, Instruction, Kind, Officer, Order, Payee, number, take};
use anju_casework::{Error, Office, person};
use anju_domain::money::Fen;
use axum::Form;
use axum::extract::{self, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::authorization::AtDesk;
use crate::components::{Button, Field, FieldKind, Flash, Tone};
use crate::desk::court::{HERE, find};
use crate::desk::framed;
use crate::pages::desk::CourtNewPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

type Typed = HashMap<String, String>;

/// `GET /desk/court/new?kind=&of=`.
pub(crate) async fn new(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(typed): Query<Typed>,
) -> Result<CourtNewPage, PageError> {
    // Only what kind and which order: what identifies a person never stands in an address.
    let typed = typed
        .into_iter()
        .filter(|(name, _)| name == "kind" || name == "of")
        .collect();
    form_page(&portal, &visit, &at, &typed, None).await
}

fn typed<'t>(form: &'t Typed, name: &str) -> &'t str {
    form.get(name).map_or("", |text| text.trim())
}

/// The order that a form is about.
async fn about(office: &Office, form: &Typed) -> Result<Option<Order>, PageError> {
    match typed(form, "of") {
        "" => Ok(None),
        text => Ok(find(office, text).await?.1),
    }
}

async fn form_page(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    form: &Typed,
    flash: Option<Flash>,
) -> Result<CourtNewPage, PageError> {
    let office = &portal.engine.office;
    let kind = Kind::parse(typed(form, "kind")).unwrap_or(Kind::Freeze);
    let order = about(office, form).await?;
    let title = match (&order, kind) {
        (Some(order), kind) => format!("{}：{} {}", kind.name(), order.court, order.case_no),
        (None, _) => "录入冻结或查询".to_owned(),
    };
    let mut frame = framed(office, visit, at, &title, HERE).await?;
    frame.head.failed = flash.is_some();
    let field = |name: &str, label: &str, kind: FieldKind| {
        Field::new(name, label, kind).value(typed(form, name))
    };
    let months = court::longest_months(office)?;
    let mut fields = Vec::new();
    let mut hidden = vec![frame.head.hidden()];
    if order.is_some() {
        hidden.push(("kind", kind.code().to_owned()));
        hidden.push(("of", typed(form, "of").to_owned()));
    } else {
        let kinds = [Kind::Freeze, Kind::Query];
        fields.push(
            Field::select(
                "kind",
                "事项",
                kinds
                    .iter()
                    .map(|kind| (kind.code().to_owned(), kind.name().to_owned()))
                    .collect(),
            )
            .value(kind.code()),
        );
        fields.push(field("name", "被执行人姓名", FieldKind::Text));
        fields.push(field("id_no", "被执行人证件号码", FieldKind::IdNumber));
        fields.push(field("court", "法院名称", FieldKind::Text));
        fields.push(field("case_no", "执行案号", FieldKind::Text));
    }
    fields.push(
        field("document", "法律文书号", FieldKind::Text).hint("裁定书或协助执行通知书的文号"),
    );
    fields.push(
        field("act_no", "协助执行事项编号", FieldKind::Text)
            .hint("协助执行通知书上的编号；同一编号只办一次"),
    );
    let amount = field("amount", "金额（元）", FieldKind::Money);
    match kind {
        Kind::Freeze => fields.push(amount.hint("不填就是全额冻结，只收不付").optional()),
        Kind::Release => fields.push(amount.hint("不填就是全部解除").optional()),
        Kind::Deduct => fields.push(amount.hint("不超过本件冻结的金额")),
        Kind::Extend | Kind::Query => {}
    }
    if matches!(kind, Kind::Freeze | Kind::Extend) {
        let to = field("to", "期限至", FieldKind::Date).hint(format!("一次不超过 {months} 个月"));
        fields.push(if order.is_none() { to.optional() } else { to });
    }
    let mut marks = Vec::new();
    if kind == Kind::Deduct {
        fields.push(field("payee_account", "法院收款账号", FieldKind::Digits));
        fields.push(field("payee_holder", "法院收款户名", FieldKind::Text));
        let set = |name: &str| typed(form, name) == "yes";
        marks.push((
            "expressly",
            "法律文书写明可以扣划（被执行人还不符合提取条件的，必须写明）",
            set("expressly"),
        ));
        marks.push(("part", "余额不够时，有多少扣多少", set("part")));
    }
    let officers = ["1", "2"]
        .iter()
        .zip(["第一名", "第二名"])
        .flat_map(|(place, word)| {
            [
                field(
                    &format!("officer{place}_name"),
                    &format!("{word}姓名"),
                    FieldKind::Text,
                ),
                field(
                    &format!("officer{place}_id"),
                    &format!("{word}证件号码"),
                    FieldKind::IdNumber,
                ),
                field(
                    &format!("officer{place}_permit"),
                    &format!("{word}工作证号"),
                    FieldKind::Text,
                ),
            ]
        })
        .collect();
    Ok(CourtNewPage {
        lead: match kind {
            Kind::Deduct => {
                "复核后从账户扣划，由受托银行付到法院账户；付不成的，钱回到账户，仍在这件冻结之下。"
            }
            Kind::Release => "复核后解除；后面有法院轮候的，马上由下一件生效。",
            Kind::Extend => "到期之前才能续冻，从现在的止期起算。",
            _ => "复核后生效。已有法院冻结在先的，这件轮候。查询不影响账户。",
        }
        .to_owned(),
        title,
        flash,
        hidden,
        fields,
        officers,
        marks,
        button: Button::submit("交复核"),
        frame,
    })
}

/// `POST /desk/court/new`: a teller enters what the officers bring.
pub(crate) async fn enter(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let order = about(office, &form).await?;
    let done = match said(office, &form, order.as_ref()).await {
        Ok(said) => {
            let has_cause = portal.engine.has_withdrawal_cause(&said).await?;
            take::propose(office, &said, has_cause, &at.staff).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(act_id) => {
            let page = order.map_or(act_id, |order| order.order_id);
            Ok(Redirect::to(&format!("{HERE}/{}", number(office, page))).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail);
            let page = form_page(&portal, &visit, &at, &form, Some(flash)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// What was typed, as an instruction; who and which case stand in the order where there is one.
async fn said(office: &Office, form: &Typed, order: Option<&Order>) -> Result<Instruction, Error> {
    // Names and numbers of documents keep their brackets as they are written; digits are read in any width.
    let said = |name: &str| typed(form, name).to_owned();
    let text = |name: &str| anju_domain::text::normalise(typed(form, name));
    let wrong = |detail: &str| Error::from(anju_casework::Refusal::rule("E-COURT-01", detail));
    let kind = Kind::parse(&text("kind")).ok_or_else(|| wrong("没有写明办什么事项。"))?;
    let amount_fen = match text("amount").as_str() {
        "" => None,
        yuan => Some(
            Fen::parse_yuan(yuan)
                .map_err(|_| wrong("金额写得不对，请填元，最多两位小数。"))?
                .fen(),
        ),
    };
    let to = match text("to").as_str() {
        "" => None,
        day => Some(
            day.parse()
                .map_err(|_| wrong("期限写得不对，请按 2027-11-30 这样填写。"))?,
        ),
    };
    let officer = |place: &str| Officer {
        name: text(&format!("officer{place}_name")),
        id_no: text(&format!("officer{place}_id")).to_ascii_uppercase(),
        permit_no: text(&format!("officer{place}_permit")),
    };
    let (id_no, name, court, case_no) = match order {
        Some(order) => {
            let person = person::get(office, order.person_id)
                .await?
                .ok_or_else(|| wrong("没有这个人。"))?;
            (
                person.id_number.expose().to_owned(),
                person.name.expose().to_owned(),
                order.court.clone(),
                order.case_no.clone(),
            )
        }
        None => (text("id_no"), text("name"), said("court"), said("case_no")),
    };
    let payee = (kind == Kind::Deduct).then(|| Payee {
        account: text("payee_account").replace(' ', ""),
        holder: said("payee_holder"),
    });
    Ok(Instruction {
        act_no: text("act_no"),
        kind,
        of: order.map(|order| order.order_no.clone()),
        id_no,
        name,
        amount_fen,
        from: None,
        to,
        court,
        case_no,
        document: said("document"),
        document_digest: String::new(),
        officers: vec![officer("1"), officer("2")],
        payee,
        ordered_expressly: typed(form, "expressly") == "yes",
        part_allowed: typed(form, "part") == "yes",
    })
}
