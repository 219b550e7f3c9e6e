//! 凭据: what a person shows about a case that was paid: a page to print, and the same as a PDF (回单).

use anju_business::papers::receipt::{self, ReceiptSaid};
use anju_casework::Office;
use anju_casework::case;
use anju_casework::log::Proof;
use anju_casework::person::{self, Person};
use anju_domain::clock::shanghai_date;
use anju_evidence::proof::short_code;
use anju_paper::{Moment, ReceiptData};
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};

use crate::authorization::Me;
use crate::components::{Button, ButtonLook, Receipt, Text};
use crate::download;
use crate::frame::MyTab;
use crate::my::reading::Read;
use crate::my::{frame, own_case};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::words::Stage;
use crate::service::{ReceiptPage, explain};

/// A case that is done, with what a receipt says of it.
struct Proven {
    read: Read,
    person: Person,
    /// Of its evidence, once that is sealed.
    short_code: Option<String>,
    /// 提交, 通过, 到账: each once, when it last happened.
    times: Vec<(&'static str, DateTime<Utc>)>,
}

/// The steps of a case that a receipt names.
const STEPS: [(&str, &str); 2] = [("approved", "通过"), ("paid", "到账")];

async fn proven(office: &Office, me: &Me, number: &str) -> Result<Proven, PageError> {
    let read = Read::of(office, own_case(office, me.person_id, number).await?).await?;
    if read.stage != Stage::Done || !read.pays {
        return Err(PageError::NotFound);
    }
    let person = person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let happened = case::events(office, read.case.case_id).await?;
    let mut times = vec![("提交", read.case.submitted_at)];
    for (step, word) in STEPS {
        let last = happened
            .iter()
            .rev()
            .find(|event| event.steps.iter().any(|taken| taken == step));
        times.extend(last.map(|event| (word, event.at)));
    }
    let short_code = match case::proof(office, read.case.case_id, None).await {
        Ok(Proof::Sealed(bundle)) => bundle
            .commitment()
            .ok()
            .map(|commitment| short_code(&commitment)),
        // A receipt is good without it: what was done before there was a log has none.
        Ok(Proof::Waiting) | Err(_) => None,
    };
    Ok(Proven {
        short_code,
        read,
        person,
        times,
    })
}

/// `GET /my/cases/{case}/receipt`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<ReceiptPage, PageError> {
    let office = &portal.engine.office;
    let Proven {
        read,
        person,
        short_code,
        times,
    } = proven(office, &me, &number).await?;
    let mut rows = vec![("办件".to_owned(), Text::new().num(&number))];
    rows.extend(
        times
            .into_iter()
            .map(|(word, at)| (word.to_owned(), explain::moment(at).into())),
    );
    if let Some(part) = read.of_subsidy() {
        rows.push(("其中住房补贴账户".to_owned(), Text::new().money(part)));
    }
    rows.push(("收款卡".to_owned(), read.card()));
    if let Some(decision) = &read.decision {
        rows.push((
            "规则版本".to_owned(),
            decision.policy.version.as_str().into(),
        ));
    }
    if let Some(short_code) = short_code {
        rows.push(("凭据短码".to_owned(), Text::new().num(short_code)));
    }
    rows.push((
        "打印日期".to_owned(),
        anju_domain::calendar::chinese_date(shanghai_date(office.now())).into(),
    ));
    Ok(ReceiptPage {
        frame: frame(
            &visit,
            "凭据",
            MyTab::Cases,
            Some((&format!("/my/cases/{number}"), "办件")),
        ),
        receipt: Receipt {
            service: read.name.clone(),
            person: format!("{}　{}", person.name.masked(), person.id_number),
            amount: read.amount(),
            state: read.stage.state(),
            rows,
            proof: None,
        },
        pdf: Button::link(
            "下载 PDF 回单",
            ButtonLook::Plain,
            format!("/my/cases/{number}/receipt.pdf"),
        )
        .icon("download"),
    })
}

/// `GET /my/cases/{case}/receipt.pdf`.
pub(crate) async fn pdf(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let Proven {
        read,
        person,
        short_code,
        times,
    } = proven(office, &me, &number).await?;
    let amount = read.amount().ok_or(PageError::NotFound)?;
    let said = ReceiptSaid {
        case_id: number.clone(),
        service: read.name.clone(),
        name: person.name.expose().to_owned(),
        id_no: person.id_number.expose().to_owned(),
        amount_fen: amount.fen(),
        subsidy_fen: read.of_subsidy().map(anju_domain::money::Fen::fen),
        payee: read.payee(),
        policy_version: read
            .decision
            .as_ref()
            .map_or_else(String::new, |decision| decision.policy.version.clone()),
        state: read.stage.state().word,
        times: times
            .into_iter()
            .map(|(word, at)| (word.to_owned(), at))
            .collect(),
    };
    let issued = receipt::issue(office, &read.case, said.clone()).await?;
    let data = ReceiptData {
        centre: office.centre.name.clone(),
        service: said.service,
        person_masked: format!("{} {}", person.name.masked(), person.id_number),
        amount,
        of_subsidy: read.of_subsidy(),
        payee: said.payee,
        case_no: said.case_id,
        policy_version: said.policy_version,
        state: said.state,
        times: said
            .times
            .into_iter()
            .map(|(label, at)| Moment { label, at })
            .collect(),
        short_code: short_code.map(|code| code.replace(' ', "")),
        code: issued.code.clone(),
        verify_url: Some(portal.printer.verify_url(&issued)),
        issued_at: issued.issued_at,
    };
    let paper = portal.printer.receipt(office, &issued, data).await?;
    Ok(download::pdf(&number, paper))
}
