//! 我的凭证: every decision and every month's contribution as a proof that a person can keep.

use anju_business::contribution::proof as allocation;
use anju_casework::case;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::authorization::Me;
use crate::components::{Pager, Row, Rows, Text};
use crate::frame::MyTab;
use crate::my::{frame, membership_of, own_case, service_name, stage_in_list};
use crate::pages::error::PageError;
use crate::pages::my::ProofsPage;
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const CASES: i64 = 20;
const MONTHS: i64 = 24;

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<i32>,
}

/// `GET /my/me/proofs`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(query): Query<Before>,
) -> Result<ProofsPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let cases = match query.before {
        Some(_) => Vec::new(),
        None => case::list_of_applicant(office, me.person_id, None, CASES).await?,
    };
    let cases = cases
        .iter()
        .map(|one| {
            let number = case::number(office, one.case_id);
            Row::to(
                format!("/my/cases/{number}/proof.json"),
                service_name(office, one),
            )
            .note(
                Text::new()
                    .say(when::minute(one.submitted_at, now))
                    .say("，")
                    .say(stage_in_list(office, one).state().word),
            )
            .icon("download")
        })
        .collect();
    let mut months = Vec::new();
    if let Some(one) = membership_of(office, me.person_id).await? {
        months = allocation::of_account(office, one.account_id, query.before, MONTHS).await?;
    }
    let more = (months.len() as i64 == MONTHS)
        .then(|| months.last())
        .flatten()
        .map(|last| format!("/my/me/proofs?before={}", last.month));
    let months = months
        .iter()
        .map(|line| {
            let number = office
                .numbers
                .encode(NumberKind::Remittance, line.remittance_id);
            Row::to(
                format!("/my/me/proofs/{number}/proof.json"),
                format!("{}缴存", line.month().chinese()),
            )
            .note(
                Text::new()
                    .say(&line.employer)
                    .say(" ")
                    .money(Fen::new(line.amount_fen))
                    .say("，")
                    .say(when::minute(line.allocated_at, now))
                    .say("入账"),
            )
            .icon("download")
        })
        .collect();
    Ok(ProofsPage {
        frame: frame(&visit, "我的凭证", MyTab::Me, Some(("/my/me", "我的"))),
        cases: Rows::new(cases),
        months: Rows::new(months),
        pager: (more.is_some() || query.before.is_some()).then(|| Pager {
            note: String::new(),
            before: query.before.map(|_| "/my/me/proofs".to_owned()),
            after: more,
        }),
    })
}

/// `GET /my/cases/{case}/proof.json`.
pub(crate) async fn of_case(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own_case(office, me.person_id, &number).await?;
    proofs::file(&number, case::proof(office, one.case_id, None).await?)
}

/// `GET /my/me/proofs/{remittance}/proof.json`: the person's own line, which shows nobody else's.
pub(crate) async fn of_month(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let remittance_id = office
        .numbers
        .decode(NumberKind::Remittance, &number)
        .ok_or(PageError::NotFound)?;
    let one = membership_of(office, me.person_id)
        .await?
        .ok_or(PageError::NotFound)?;
    let proof = allocation::proof(office, remittance_id, Some(one.account_id)).await?;
    proofs::file(&number, proof)
}
