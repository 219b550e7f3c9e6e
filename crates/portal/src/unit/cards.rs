//! 联名卡关联: a clerk gives cards to those of his people who have none, all that he filled in or nothing.

use std::collections::HashMap;

use anju_business::contribution::people;
use anju_casework::case::Submitted;
use anju_casework::{Error, Refusal};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{Button, ErrorSummary, Field, FieldKind, Mistake, Text};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ChangePage, ChangePart};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, submission, typed};
use crate::unit::framed;
use crate::unit::people::{account_id, number};

/// The service.
const SERVICE: &str = "cobrand-card-link";

/// People on a page.
const PAGE: i64 = 20;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
    done: Option<usize>,
}

/// `GET /unit/cards?after=&done=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<ChangePage, PageError> {
    draw(&portal, &visit, &at, &wanted, &Typed::new(), Vec::new()).await
}

/// `POST /unit/cards?after=`.
pub(crate) async fn link(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let mut accounts: Vec<&str> = fields
        .keys()
        .filter_map(|name| name.strip_prefix("card-"))
        .filter(|account| !typed(&fields, &format!("card-{account}")).is_empty())
        .collect();
    accounts.sort_unstable();
    let mistakes = if accounts.is_empty() {
        vec![Mistake::at("", "请至少填一名职工的卡号。")]
    } else {
        let rows: Vec<_> = accounts
            .iter()
            .map(|account| {
                let card = typed(&fields, &format!("card-{account}"));
                json!({ "account_no": account, "card_no": card })
            })
            .collect();
        let form = Map::from_iter([("roster".to_owned(), json!(rows))]);
        let submission = submission(&portal, &at, SERVICE, &fields, form).await?;
        match portal.engine.submit(submission).await {
            Ok(Submitted::New(_) | Submitted::Before(_)) => {
                let done = format!("/unit/cards?done={}", accounts.len());
                return Ok(Redirect::to(&done).into_response());
            }
            Err(Error::Refused(refusal)) => mistakes(&refusal, &accounts),
            Err(error) => return Err(error.into()),
        }
    };
    let mut page = draw(&portal, &visit, &at, &wanted, &fields, mistakes).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The mistakes of a refusal, each at the person's field.
fn mistakes(refusal: &Refusal, accounts: &[&str]) -> Vec<Mistake> {
    if refusal.errors.is_empty() {
        return vec![Mistake::at("", refusal.detail.clone())];
    }
    refusal
        .errors
        .iter()
        .map(|error| {
            let place = error
                .row
                .and_then(|row| usize::try_from(row).ok()?.checked_sub(1));
            let field = place
                .and_then(|place| accounts.get(place))
                .map_or_else(String::new, |account| format!("card-{account}"));
            Mistake::at(field, error.message.clone())
        })
        .collect()
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    wanted: &Wanted,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<ChangePage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "联名卡关联", UnitTab::People).await?;
    let after = match wanted
        .after
        .as_deref()
        .and_then(|account| account_id(office, account))
    {
        Some(account) => people::member(office, employer.employer_id, account)
            .await?
            .map_or(0, |member| member.membership_id),
        None => 0,
    };
    let members = people::without_card(office, employer.employer_id, after, PAGE).await?;
    let errors_of: HashMap<&str, &str> = mistakes
        .iter()
        .map(|mistake| (mistake.field.as_str(), mistake.words.as_str()))
        .collect();
    let asked: Vec<Field> = members
        .iter()
        .map(|member| {
            let account = number(office, member.account_id);
            let name = format!("card-{account}");
            Field::new(
                name.clone(),
                format!("{} 的银行卡号", member.name_masked),
                FieldKind::Digits,
            )
            .hint(Text::new().say("个人账号 ").num(&account))
            .value(typed(fields, &name))
            .error(errors_of.get(name.as_str()).copied())
            .optional()
        })
        .collect();
    let mut lead = match wanted.done {
        Some(people) => Text::new().say(format!("办好了：登记了 {people} 名职工的卡。")),
        None => Text::new(),
    };
    lead = lead.say(if members.is_empty() {
        "没有还要登记卡的职工。换卡由职工本人办理。"
    } else {
        "这里是还没有登记卡的职工。填本人名下的一类借记卡，一次填几名都行：有一名不对，就都不登记。"
    });
    let last = members
        .last()
        .filter(|_| members.len() as i64 == PAGE)
        .map(|member| number(office, member.account_id));
    if let Some(last) = last {
        lead = lead.link(format!("/unit/cards?after={last}"), "看后面的职工");
    }
    // Only a number that is one goes back into the address.
    let here = wanted
        .after
        .as_deref()
        .filter(|account| account_id(office, account).is_some());
    let action = match here {
        Some(after) => format!("/unit/cards?after={after}"),
        None => "/unit/cards".to_owned(),
    };
    let part = ChangePart {
        id: "cards",
        name: "卡号",
        lead: "卡号要经中国银联和开户银行核对姓名、证件号码和手机号。".into(),
        action,
        key: match typed(fields, "key") {
            "" => Uuid::now_v7().to_string(),
            key => key.to_owned(),
        },
        service: SERVICE,
        fields: asked,
        button: Button::submit("登记这些卡"),
    };
    Ok(ChangePage {
        frame,
        title: "联名卡关联".to_owned(),
        lead,
        facts: None,
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        parts: if members.is_empty() {
            Vec::new()
        } else {
            vec![part]
        },
    })
}
