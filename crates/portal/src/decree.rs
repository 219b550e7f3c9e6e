//! A paper of enforcement as PDF: drawn again from what was kept when its step was taken.

use std::path::PathBuf;

use anju_business::contribution::enforcement::papers::Paper;
use anju_business::contribution::enforcement::{Step, step_state};
use anju_casework::Fault;
use anju_paper::{DecreeData, Press};
use axum::response::Response;

use crate::download;
use crate::pages::error::PageError;
use crate::serve::Portal;

/// The paper of a step; none before its step is done.
pub(crate) async fn pdf(portal: &Portal, step: &Step) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    if step.state != step_state::DONE || step.document_no.is_empty() {
        return Err(PageError::NotFound);
    }
    let issued_on = step.issued_on.ok_or(PageError::NotFound)?;
    let paper: Paper =
        serde_json::from_value(step.paper.clone()).map_err(anju_casework::Error::from)?;
    let data = DecreeData {
        centre: office.centre.name.clone(),
        title: paper.title,
        number: step.document_no.clone(),
        to: paper.to,
        body: paper.body,
        columns: paper.columns,
        rows: paper.rows,
        foot: paper.foot,
        issued_on,
    };
    let press = portal.press.clone();
    let set = move || {
        let press = match press.get() {
            Some(press) => press,
            None => {
                let opened = Press::open(&[PathBuf::from(Press::SYSTEM_FONTS)])?;
                press.get_or_init(|| opened)
            }
        };
        press.decree(&data)
    };
    let bytes = tokio::task::spawn_blocking(set)
        .await
        .map_err(|error| error.to_string())
        .and_then(|paper| paper.map_err(|error| error.to_string()))
        .map_err(|error| anju_casework::Error::from(Fault::Outside(error)))?;
    let number = office
        .numbers
        .encode(anju_vault::NumberKind::Case, step.step_id);
    Ok(download::pdf(&number, bytes))
}
