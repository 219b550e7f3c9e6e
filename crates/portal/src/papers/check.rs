//! 证明真伪核验: the public page to which the QR code of every paper leads. Invariant: whoever tries codes has to wait; a code that is not ours
//! tells nothing.

use std::time::Instant;

use anju_business::papers::verification::{self, Verified};
use anju_casework::document::Standing;
use anju_casework::{Error, case};
use anju_domain::calendar::chinese_date;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::drawn;
use crate::components::{Button, Facts, Field, FieldKind, Row, Rows, State as Shown, Text};
use crate::frame::{SiteFrame, SiteTab};
use crate::pages::error::PageError;
use crate::pages::site::{DocumentPage, Found};
use crate::proofs;
use crate::security::{Door, Visit};
use crate::serve::Portal;
use crate::when;

#[derive(Deserialize)]
pub(crate) struct Asked {
    code: Option<String>,
}

/// Each code that is tried takes a token of the visitor's address.
fn take(portal: &Portal, visit: &Visit) -> Result<(), PageError> {
    let (limiter, door) = portal.shield.limit(Door::Document);
    limiter
        .take(visit.client, door, Instant::now())
        .map_err(|wait| PageError::TooMany {
            seconds: wait.as_secs() + 1,
        })
}

/// `GET /verify-document?code=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let typed = asked
        .code
        .map(|code| code.trim().to_owned())
        .filter(|code| !code.is_empty());
    let Some(typed) = typed else {
        return Ok(draw(&visit, "", None, None).into_response());
    };
    take(&portal, &visit)?;
    match verification::verify(&portal.engine.office, &typed).await {
        Ok(verified) => {
            let found = found(&portal, &verified)?;
            Ok(draw(&visit, &verified.document.code, Some(found), None).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let page = draw(&visit, &typed, None, Some(refusal.detail));
            Ok((StatusCode::NOT_FOUND, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /verify-document/proof.json?code=`: the proof of the case that made the paper; it names no person.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    take(&portal, &visit)?;
    let verified = verification::verify(office, asked.code.as_deref().unwrap_or_default()).await?;
    let case_id = verified.document.case_id.ok_or(PageError::NotFound)?;
    let number = case::number(office, case_id);
    proofs::file(&number, case::proof(office, case_id, None).await?)
}

/// A document's standing as a sign.
pub(crate) fn sign(standing: Standing) -> Shown {
    match standing {
        Standing::Valid => Shown::pass("有效"),
        Standing::Replaced => Shown::wait("已被新的一份代替").with_icon("alert"),
        Standing::Expired => Shown::wait("已过有效期").with_icon("alert"),
        Standing::Revoked => Shown::fail("已作废"),
    }
}

fn found(portal: &Portal, verified: &Verified) -> Result<Found, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let document = &verified.document;
    let drawn = drawn(&document.kind, &verified.content)?;
    let words = match verified.standing {
        Standing::Valid => "是本中心出具的，现在有效。请核对下面的内容和纸上是否一致。",
        Standing::Replaced => "是本中心出具的，但后来又出具了新的一份，请以新的为准。",
        Standing::Expired => "是本中心出具的，但已经过了有效期，请重新出具。",
        Standing::Revoked => "是本中心出具的，但已经作废，不能再用。",
    };
    let mut facts = vec![
        ("证明".to_owned(), Text::from(drawn.title)),
        (
            "出具时间".to_owned(),
            when::second(document.issued_at, now).into(),
        ),
    ];
    if let Some(day) = document.valid_until {
        facts.push(("有效期至".to_owned(), chinese_date(day).into()));
    }
    if let Some(at) = document.revoked_at {
        facts.push(("作废时间".to_owned(), when::second(at, now).into()));
    }
    facts.extend(
        drawn
            .facts
            .into_iter()
            .map(|fact| (fact.label, Text::from(fact.value))),
    );
    let mut proofs = Vec::new();
    if document.case_id.is_some() {
        proofs.push(
            Row::to(
                format!("/verify-document/proof.json?code={}", document.code),
                "存证",
            )
            .note("出具这份证明的那件事的证明，存下来可以离线验证")
            .icon("download"),
        );
        proofs.push(
            Row::to("/verify", "验证一份存证")
                .note("在您自己的设备上验证，不用相信我们")
                .icon("seal"),
        );
    }
    Ok(Found {
        state: sign(verified.standing),
        words: words.to_owned(),
        facts: Facts(facts),
        digest: hex::encode(&document.digest),
        proofs: Rows::new(proofs).boxed(),
    })
}

fn draw(visit: &Visit, typed: &str, found: Option<Found>, mistake: Option<String>) -> DocumentPage {
    DocumentPage {
        frame: SiteFrame {
            head: visit.head("证明真伪核验").failed(mistake.is_some()),
            tab: SiteTab::Other,
        },
        field: Field::new("code", "校验码", FieldKind::IdNumber)
            .hint("证明最后一页的 16 位字母和数字，空格和横线不用管")
            .value(typed)
            .error(mistake),
        button: Button::submit("核验"),
        found,
    }
}
