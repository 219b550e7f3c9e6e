//! 一案多付: the payments of a case that pays several, as its pages and the JSON door show them, and another card for one whose bank refused.
//! A payee is masked and his card shows four digits, whoever looks.

use anju_casework::Office;
use anju_casework::case::{self, Case, PayState, share};
use anju_domain::money::Fen;
use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authorization::{AtDesk, Me};
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Mistake, Row, State as Shown, Summary, SummaryRow, Text,
};
use crate::frame::MyTab;
use crate::my::apply::{asking, compare, picture};
use crate::my::{frame, own_case};
use crate::pages::desk::ApplyPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{CheckPage, CheckSheet, FacePage};

/// The service whose cases pay several.
pub(crate) const EFFECT: &str = "pay_heirs";

/// Whether a case's service pays several.
pub(crate) fn pays_several(office: &Office, case: &Case) -> bool {
    let policy = office.policy();
    let service = policy.set.service(&case.service);
    service.is_some_and(|service| service.effect == EFFECT)
}

/// Where a payment stands.
pub(crate) fn standing(one: &share::Share) -> Shown {
    match one.state() {
        PayState::Paid if one.amount_fen == 0 => Shown::idle("不付款"),
        PayState::Paid => Shown::pass("已到账"),
        PayState::Unknown => Shown::unknown("查询中"),
        PayState::Rejected | PayState::Returned => Shown::wait("等换卡"),
        PayState::None | PayState::Sending => Shown::wait("付款中"),
    }
}

/// The payments as rows; one that waits for a card leads to where it is given.
pub(crate) fn rows(all: &[share::Share], here: &str, may_change: bool) -> Vec<Row> {
    all.iter()
        .map(|one| {
            let title = Text::new()
                .say(&one.name_shown)
                .say(" ")
                .money(Fen::new(one.amount_fen));
            let row = if one.wants_card() && may_change {
                Row::to(format!("{here}/shares/{}", one.place), title)
            } else {
                Row::of(title)
            };
            let share = format!("份额 {}", percent(one.share_bp));
            let card = if one.card_last4.is_empty() {
                Text::new().say(share)
            } else {
                Text::new().say(format!("{share} · ")).tail(&one.card_last4)
            };
            let note = match (&one.reason, one.wants_card()) {
                (Some(reason), true) => card
                    .say(format!(" · 银行说：{reason}"))
                    .say("。其他各份不受影响"),
                _ => card,
            };
            row.note(note).value(Text::new().state(&standing(one)))
        })
        .collect()
}

/// 33.33%.
pub(crate) fn percent(bp: i32) -> String {
    if bp % 100 == 0 {
        format!("{}%", bp / 100)
    } else {
        format!("{}.{:02}%", bp / 100, bp % 100)
    }
}

/// The payments of a case for the JSON door.
pub(crate) fn drawn(office: &Office, all: &[share::Share]) -> Value {
    all.iter()
        .map(|one| {
            json!({
                "place": one.place,
                "payee": one.name_shown,
                "share_bp": one.share_bp,
                "amount_fen": one.amount_fen,
                "state": one.state().code(),
                "bank": one.bank,
                "payee_account_tail": one.card_last4,
                "end_to_end_id": one.end_to_end_id(office),
                "bank_ref": one.bank_ref,
                "reason": one.reason.as_ref().filter(|_| one.wants_card()),
            })
        })
        .collect()
}

/// One payment of a case by its place.
pub(crate) async fn of_case(
    office: &Office,
    case: &Case,
    place: i16,
) -> anju_casework::Result<share::Share> {
    share::list(office, case.case_id)
        .await?
        .into_iter()
        .find(|one| one.place == place)
        .ok_or_else(|| anju_casework::Refusal::not_found("这笔付款").into())
}

#[derive(Deserialize)]
pub(crate) struct CardForm {
    card_no: String,
}

fn sheet(
    one: &share::Share,
    action: String,
    csrf: &str,
    card: &str,
    error: Option<&str>,
) -> CheckSheet {
    let rows = vec![
        SummaryRow::new("收款人", one.name_shown.as_str()),
        SummaryRow::new("金额", Text::new().money(Fen::new(one.amount_fen))),
        SummaryRow::new("没有付成的卡", Text::new().tail(&one.card_last4)),
        SummaryRow::new("银行说", one.reason.as_deref().unwrap_or("—")),
    ];
    let mistakes: Vec<Mistake> = error
        .map(|words| Mistake::at("card_no", words))
        .into_iter()
        .collect();
    CheckSheet {
        step: "死亡提取 · 换卡".to_owned(),
        question: "这一份付到哪张卡？".into(),
        errors: ErrorSummary::of(mistakes),
        flash: None,
        amount: None,
        summary: Summary::new(rows),
        fields: vec![
            Field::new("card_no", "新的收款卡号", FieldKind::Digits)
                .hint("收款人本人名下的一类借记卡；未成年人由监护人代收的，监护人的卡")
                .value(card)
                .error(error.map(str::to_owned)),
        ],
        more: Vec::new(),
        groups: Vec::new(),
        consent: "换卡即同意我们向银联核对这张卡是不是收款人本人的。".into(),
        action,
        hidden: vec![("csrf", csrf.to_owned())],
        button: Button::submit("换这张卡重新付款").wide(),
        after: "款项一直在账上计息，换卡后按现在的本息重新付。".into(),
    }
}

fn page(visit: &Visit, number: &str, sheet: CheckSheet) -> CheckPage {
    let back = format!("/my/cases/{number}");
    let mut frame = frame(visit, "换卡", MyTab::Cases, Some((&back, "办件")));
    frame.head.failed = sheet.errors.is_some();
    CheckPage { frame, sheet }
}

/// `GET /my/cases/{case}/shares/{place}`.
pub(crate) async fn ask(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path((number, place)): Path<(String, i16)>,
) -> Result<CheckPage, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let one = of_case(office, &case, place).await?;
    let action = format!("/my/cases/{number}/shares/{place}");
    Ok(page(
        &visit,
        &number,
        sheet(&one, action, &visit.csrf, "", None),
    ))
}

/// What the face step is bound to: this share with this card.
fn action_of(one: &share::Share, card_no: &str) -> [u8; 32] {
    let words = format!("share\n{}\n{}\n{card_no}", one.share_id, one.attempt);
    anju_vault::sm3(words.as_bytes())
}

/// `POST /my/cases/{case}/shares/{place}`: the card; money leaves, so that the face comes next.
pub(crate) async fn give(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path((number, place)): Path<(String, i16)>,
    Form(form): Form<CardForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let one = of_case(office, &case, place).await?;
    let action = format!("/my/cases/{number}/shares/{place}");
    if let Err(error) = anju_domain::card::CardNumber::parse(&form.card_no) {
        let words = error.to_string();
        let sheet = sheet(&one, action, &visit.csrf, &form.card_no, Some(&words));
        return Ok((
            StatusCode::UNPROCESSABLE_ENTITY,
            page(&visit, &number, sheet),
        )
            .into_response());
    }
    Ok(face_page(&visit, &number, &action, &form.card_no, None).into_response())
}

fn face_page(
    visit: &Visit,
    number: &str,
    action: &str,
    card: &str,
    error: Option<&str>,
) -> FacePage {
    let back = format!("/my/cases/{number}");
    let mut frame = frame(visit, "本人核对", MyTab::Cases, Some((&back, "办件")));
    frame.head.failed = error.is_some();
    FacePage {
        frame,
        step: "死亡提取 · 换卡，最后一步".to_owned(),
        error: error.map(str::to_owned),
        action: format!("{action}/face"),
        hidden: vec![
            ("csrf".to_owned(), visit.csrf.clone()),
            ("card_no".to_owned(), card.to_owned()),
        ],
        button: Button::submit("核对是我本人，换卡").wide(),
    }
}

/// `POST /my/cases/{case}/shares/{place}/face`.
pub(crate) async fn face(
    State(portal): State<Portal>,
    visit: Visit,
    mut me: Me,
    Path((number, place)): Path<(String, i16)>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let one = of_case(office, &case, place).await?;
    let here = format!("/my/cases/{number}/shares/{place}");
    let (typed, taken) = picture(parts).await?;
    let card = typed.get("card_no").cloned().unwrap_or_default();
    let asking = asking(&portal, &visit, &me).await?;
    let policy = office.policy();
    let service = policy
        .set
        .service(&case.service)
        .ok_or(PageError::NotFound)?;
    let action = action_of(&one, &card);
    if let Some(words) = compare(&asking, service, &mut me.session, &action, &taken).await? {
        return Ok(face_page(&visit, &number, &here, &card, Some(words)).into_response());
    }
    let actor = anju_casework::Actor::Person(me.person_id);
    match portal.engine.pay_share_again(&one, &card, actor).await {
        Ok(()) => Ok(Redirect::to(&format!("/my/cases/{number}")).into_response()),
        Err(anju_casework::Error::Refused(refusal)) => {
            let sheet = sheet(&one, here, &visit.csrf, &card, Some(&refusal.detail));
            Ok((
                StatusCode::UNPROCESSABLE_ENTITY,
                page(&visit, &number, sheet),
            )
                .into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn desk_page(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    case: &Case,
    one: &share::Share,
    (card, error): (&str, Option<&str>),
) -> Result<ApplyPage, PageError> {
    let office = &portal.engine.office;
    let number = case::number(office, case.case_id);
    let mut frame = crate::desk::framed(office, visit, at, "换卡", "/desk/tasks").await?;
    frame.head.failed = error.is_some();
    let action = format!("/desk/cases/{number}/shares/{}", one.place);
    Ok(ApplyPage {
        frame,
        who: one.name_shown.clone(),
        customer: format!("/desk/cases/{number}"),
        sheet: sheet(one, action, &visit.csrf, card, error),
    })
}

/// `GET /desk/cases/{case}/shares/{place}`.
pub(crate) async fn ask_at_desk(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path((number, place)): Path<(String, i16)>,
) -> Result<ApplyPage, PageError> {
    let office = &portal.engine.office;
    let case = crate::desk::case_found(office, &at, &number).await?;
    let one = of_case(office, &case, place).await?;
    desk_page(&portal, &visit, &at, &case, &one, ("", None)).await
}

/// `POST /desk/cases/{case}/shares/{place}`: the heir at the window shows another card.
pub(crate) async fn give_at_desk(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path((number, place)): Path<(String, i16)>,
    Form(form): Form<CardForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case = crate::desk::case_found(office, &at, &number).await?;
    let one = of_case(office, &case, place).await?;
    let actor = anju_casework::Actor::Staff(at.staff.staff_id);
    match portal
        .engine
        .pay_share_again(&one, &form.card_no, actor)
        .await
    {
        Ok(()) => Ok(Redirect::to(&format!("/desk/cases/{number}")).into_response()),
        Err(anju_casework::Error::Refused(refusal)) => {
            let typed = (form.card_no.as_str(), Some(refusal.detail.as_str()));
            let page = desk_page(&portal, &visit, &at, &case, &one, typed).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
