//! A paper of enforcement as PDF: drawn again from what was kept when its step was taken.

use anju_business::contribution::enforcement::papers::Paper;
use anju_business::contribution::enforcement::{Step, step_state};
use anju_paper::DecreeData;
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
        in_force: true,
    };
    let bytes = portal.printer.decree(data).await?;
    let number = office
        .numbers
        .encode(anju_vault::NumberKind::Case, step.step_id);
    Ok(download::pdf(&number, bytes))
}
