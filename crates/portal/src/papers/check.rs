//! 证明真伪核验: the public page to which the QR code of every paper leads, and where a file is held against what was handed out. Invariant: whoever tries codes has to wait; a code that is not ours
//! tells nothing.

use std::time::Instant;

use anju_business::papers::verification::{self, Verified};
use anju_casework::document::Standing;
use anju_casework::{Error, case};
use anju_domain::calendar::chinese_date;
use axum::body::Bytes;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::drawn;
use crate::components::{Button, Facts, Field, FieldKind, Row, Rows, State as Shown, Text};
use crate::download;
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
        return Ok(draw(&visit, "", None, Mistaken::default()).into_response());
    };
    take(&portal, &visit)?;
    match verification::verify(&portal.engine.office, &typed).await {
        Ok(verified) => {
            let found = found(&portal, &verified, None)?;
            Ok(draw(
                &visit,
                &verified.document.code,
                Some(found),
                Mistaken::default(),
            )
            .into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mistaken = Mistaken {
                code: Some(refusal.detail),
                ..Mistaken::default()
            };
            let page = draw(&visit, &typed, None, mistaken);
            Ok((StatusCode::NOT_FOUND, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /verify-document`: a file instead of a code.
pub(crate) async fn file(
    State(portal): State<Portal>,
    visit: Visit,
    mut parts: Multipart,
) -> Result<Response, PageError> {
    let mut file = Bytes::new();
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        if part.name() == Some("file") {
            file = part.bytes().await.map_err(|_| PageError::TooLarge)?;
        }
    }
    let refuse = |status: StatusCode, words: String| {
        let mistaken = Mistaken {
            file: Some(words),
            ..Mistaken::default()
        };
        Ok((status, draw(&visit, "", None, mistaken)).into_response())
    };
    if file.is_empty() {
        let words = "还没有选文件，请选下载的 PDF 原件。".to_owned();
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    take(&portal, &visit)?;
    match verification::verify_file(&portal.engine.office, &file).await {
        Ok((verified, original)) => {
            let found = found(&portal, &verified, Some(original))?;
            Ok(draw(
                &visit,
                &verified.document.code,
                Some(found),
                Mistaken::default(),
            )
            .into_response())
        }
        Err(Error::Refused(refusal)) => refuse(StatusCode::NOT_FOUND, refusal.detail),
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

/// `GET /verify-document/seal.pem`: whose seal our papers bear, for readers that are to trust it.
pub(crate) async fn seal(State(portal): State<Portal>) -> Response {
    download::pem("seal", portal.printer.certificates())
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

/// What was found of a paper; of a file also whether it is as we handed it out.
fn found(portal: &Portal, verified: &Verified, original: Option<bool>) -> Result<Found, PageError> {
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
    let (state, words) = match original {
        Some(false) => (
            Shown::fail("不是原件"),
            "文件上的校验码是本中心的，但文件和本中心出具的不一样：被改过，或另存、扫描过。以下面登记的内容为准，有出入的不要采用。",
        ),
        Some(true) | None => (sign(verified.standing), words),
    };
    let mut facts = Vec::new();
    match original {
        Some(true) => facts.push((
            "文件".to_owned(),
            Text::from("和本中心出具的逐字节一致，没有改过"),
        )),
        Some(false) => facts.push((
            "这个校验码的证明".to_owned(),
            Text::from(sign(verified.standing).word),
        )),
        None => {}
    }
    facts.extend([
        ("证明".to_owned(), Text::from(drawn.title)),
        (
            "出具时间".to_owned(),
            when::second(document.issued_at, now).into(),
        ),
    ]);
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
        state,
        words: words.to_owned(),
        facts: Facts(facts),
        digest: hex::encode(&document.digest),
        proofs: Rows::new(proofs).boxed(),
    })
}

/// What is wrong with what was typed or chosen.
#[derive(Default)]
struct Mistaken {
    code: Option<String>,
    file: Option<String>,
}

fn draw(visit: &Visit, typed: &str, found: Option<Found>, mistaken: Mistaken) -> DocumentPage {
    let failed = mistaken.code.is_some() || mistaken.file.is_some();
    DocumentPage {
        frame: SiteFrame {
            head: visit.head("证明真伪核验").failed(failed),
            tab: SiteTab::Other,
        },
        field: Field::new("code", "校验码", FieldKind::IdNumber)
            .hint("证明最后一页的 16 位字母和数字，空格和横线不用管")
            .value(typed)
            .error(mistaken.code),
        button: Button::submit("核验"),
        file_error: mistaken.file,
        found,
    }
}
