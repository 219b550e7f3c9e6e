//! 认领: one hand says whose a receipt is or sends it back, another checks. `suspense.rs` draws the page.

use anju_business::contribution::receipt::Receipt;
use anju_business::contribution::remittance::{self, Remittance, kind};
use anju_business::contribution::suspense::{self, Claim, Match};
use anju_casework::employer::{self, Employer};
use anju_casework::{Error, Office};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Field, FieldKind, Flash, Hand, Hands, State as Shown, Text, Tone,
};
use crate::desk::staff_named;
use crate::desk::suspense::{View, draw};
use crate::pages::desk::Candidate;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::home::what;
use crate::when;

/// Lists of the same amount that are offered at most.
const LIKELY: i64 = 3;

/// The choice that sends the money back.
pub(super) const BACK: &str = "return";

/// Employers whose money it may be: of the payer's name, and those whose open list asks for just this much.
pub(super) async fn candidates_for(
    office: &Office,
    one: &Receipt,
) -> Result<Vec<Candidate>, PageError> {
    let amount = Fen::new(one.amount_fen);
    let mut likely: Vec<(Employer, Option<Remittance>, bool)> = Vec::new();
    let mut conn = office.pool.acquire().await?;
    for found in employer::by_name(office, &mut *conn, &one.payer_name).await? {
        let list =
            remittance::for_money(office, &mut conn, found.employer_id, one.amount_fen).await?;
        likely.push((found, list, true));
    }
    drop(conn);
    for list in remittance::due(office, one.amount_fen, LIKELY).await? {
        if likely
            .iter()
            .all(|(known, _, _)| known.employer_id != list.employer_id)
        {
            let found = employer::require(office, list.employer_id).await?;
            likely.push((found, Some(list), false));
        }
    }
    let mut candidates = Vec::new();
    for (found, list, same_name) in likely {
        let number = office
            .numbers
            .encode(NumberKind::Employer, found.employer_id);
        let due = list
            .as_ref()
            .map(|list| Fen::new(list.amount_fen - list.received_fen));
        let note = match (&list, due) {
            (Some(list), Some(due)) => format!(
                "{}应缴 {due}，{} 人",
                if list.kind == kind::MONTHLY {
                    format!("{}汇缴", list.month().chinese())
                } else {
                    what(list)
                },
                list.people
            ),
            _ => "没有待付的名册，先记在单位名下".to_owned(),
        };
        let sign = |holds: bool, yes: &'static str, no: &'static str| {
            if holds {
                Shown::pass(yes)
            } else {
                Shown::fail(no)
            }
        };
        candidates.push(Candidate {
            title: format!("{} {number}", found.name),
            value: number,
            note: note.into(),
            signs: vec![
                sign(due == Some(amount), "金额相同", "金额不同"),
                sign(same_name, "户名相同", "户名不同"),
            ],
            chosen: candidates.is_empty(),
        });
    }
    Ok(candidates)
}

pub(super) async fn hands(
    office: &Office,
    at: &AtDesk,
    made: &Match,
    amount: Fen,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let maker = staff_named(office, made.maker_id, "经办人").await?;
    let whose = match made.employer_id {
        Some(employer_id) => {
            let one = employer::require(office, employer_id).await?;
            format!("认领给 {}", one.name)
        }
        None => "退回付款人".to_owned(),
    };
    let first = Hand::signed(Text::new().say(maker).br().say(format!(
        "{} · {whose}：{}",
        when::minute(made.made_at, office.now()),
        made.reason
    )));
    let barred = if made.maker_id == at.staff.staff_id {
        Some("您是经办人，不能自己复核。已放进复核池。")
    } else if !may(&at.staff, &Method::POST, "/desk/suspense/{id}/check") {
        Some("复核由会计办理。")
    } else {
        None
    };
    Ok(if let Some(why) = barred {
        Hands::barred(
            vec![first, Hand::awaited("第二人：还没有", "另一位会计会看")],
            why,
        )
    } else {
        Hands::asked(
            vec![first, Hand::mine("第二人：您", "")],
            format!("/desk/suspense/{}/check", made.match_id),
            token,
            vec![
                Field::new("answer", "复核意见", FieldKind::Long)
                    .hint("退回时写清为什么，经办人会看到")
                    .optional(),
            ],
            vec![
                Button::submit(Text::new().say("复核通过 ").money(amount)).value("agree", "yes"),
                Button::send("退回经办人", ButtonLook::Danger).value("agree", "no"),
            ],
        )
    })
}

#[derive(Deserialize)]
pub(crate) struct ClaimForm {
    to: Option<String>,
    employer: String,
    reason: String,
}

/// `POST /desk/suspense/{receipt}/claim`.
pub(crate) async fn claim(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(receipt_id): Path<i64>,
    Form(form): Form<ClaimForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let chosen = form.to.as_deref().unwrap_or_default();
    let wish = if chosen == BACK {
        Ok(Claim::Return)
    } else {
        let typed = if chosen.is_empty() {
            form.employer.trim()
        } else {
            chosen
        };
        office
            .numbers
            .decode(NumberKind::Employer, &typed.to_ascii_uppercase())
            .map(Claim::Identify)
            .ok_or_else(|| {
                anju_casework::Refusal::rule("E-SUSP-04", "单位号不对，请核对后再写一遍。")
            })
    };
    let made = match wish {
        Ok(wish) => suspense::claim(office, receipt_id, &wish, &form.reason, &at.staff).await,
        Err(refusal) => Err(refusal.into()),
    };
    answer(&portal, &visit, &at, receipt_id, made.map(|_| ())).await
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    agree: String,
    answer: String,
}

/// `POST /desk/suspense/{match}/check`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(match_id): Path<i64>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let made = suspense::require(office, match_id).await?;
    let done = suspense::check(
        office,
        match_id,
        form.agree == "yes",
        form.answer.trim(),
        &at.staff,
    )
    .await;
    office.wake.notify_one();
    answer(&portal, &visit, &at, made.receipt_id, done).await
}

async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    receipt_id: i64,
    done: Result<(), Error>,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/desk/suspense?receipt={receipt_id}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let view = View::of(receipt_id);
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(portal, visit, at, &view, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
