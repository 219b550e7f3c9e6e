//! 改错: a clerk's file with some cells typed anew, the same file with its mistakes marked, and the files to begin with.

use std::time::Instant;

use anju_business::contribution::roster::{Absent, Change, Column as RosterColumn, writer};
use anju_business::contribution::upload::{self, Mistakes, Upload as Outcome, Uploaded};
use anju_exchange::kept::GatewayPolice;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{Flash, Tone};
use crate::download::workbook;
use crate::pages::error::PageError;
use crate::pages::unit::UploadPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::kept::Upload;
use crate::unit::roster::{draw, take};

/// The tick that empties the cell it names, and what stands for an empty cell in the list of 变更.
pub(super) const EMPTY: &str = "empty";

/// The tick that leaves a row out.
pub(super) const DROP_ROW: &str = "drop";
/// The list by which no row changes the ratio.
pub(super) const KEEP_RATIOS: &str = "ratios";
/// Who stands in no row is sealed by this list.
pub(super) const SEAL: &str = "seal";
/// Who stands in no row was forgotten and goes on.
pub(super) const STAY: &str = "stay";

/// `POST /unit/roster/mend`: the file with some cells typed anew.
pub(crate) async fn mend(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted);
        found.map(|(_, typed)| typed.as_str())
    };
    let kept = field("upload")
        .and_then(|number| portal.uploads.find(number, at.employer_id, Instant::now()));
    let key = field("key").and_then(|key| Uuid::parse_str(key).ok());
    let (Some(file), Some(key)) = (kept, key) else {
        return Ok(lost(&portal, &visit, &at).await?.into_response());
    };
    let mut mends = mends_of(&fields, &file.absent);
    let keep_ratios = field(KEEP_RATIOS) == Some(EMPTY);
    let (month, bytes) = (file.month, file.bytes.clone());
    let mended = tokio::task::spawn_blocking(move || {
        let sheet = anju_business::contribution::roster::read(&bytes).ok()?;
        if keep_ratios {
            mends.keep_ratios(&sheet);
        }
        writer::mended(month, &sheet, &mends).ok()
    })
    .await
    .map_err(|error| PageError::failed(&error))?;
    let Some(bytes) = mended else {
        return Ok(lost(&portal, &visit, &at).await?.into_response());
    };
    take(&portal, &visit, &at, Upload { bytes, ..file }, key).await
}

/// A cell by the name of its box: `r17c2`.
fn cell_of(name: &str) -> Option<(u32, RosterColumn)> {
    let (row, place) = name.strip_prefix('r')?.split_once('c')?;
    let column = RosterColumn::ALL.get(place.parse::<usize>().ok()?)?;
    Some((row.parse().ok()?, *column))
}

/// Whom a list of choices means: `m0` is the first who stands in no row.
fn absent_of<'a>(name: &str, absent: &'a [Absent]) -> Option<&'a Absent> {
    absent.get(name.strip_prefix('m')?.parse::<usize>().ok()?)
}

/// What the boxes, lists and ticks of the page say.
fn mends_of(fields: &[(String, String)], absent: &[Absent]) -> writer::Mends {
    let mut mends = writer::Mends::default();
    for (name, typed) in fields {
        if name == EMPTY {
            mends.emptied.extend(cell_of(typed));
        } else if name == DROP_ROW {
            mends.dropped.extend(typed.parse::<u32>());
        } else if let Some(cell) = cell_of(name) {
            if cell.1 == RosterColumn::Change && typed == EMPTY {
                mends.emptied.insert(cell);
            } else {
                mends.typed.insert(cell, typed.clone());
            }
        } else if let Some(absent) = absent_of(name, absent) {
            match typed.as_str() {
                SEAL => mends.added.push((absent.clone(), Some(Change::Seal))),
                STAY => mends.added.push((absent.clone(), None)),
                _ => {}
            }
        }
    }
    mends
}

async fn lost(portal: &Portal, visit: &Visit, at: &AtUnit) -> Result<UploadPage, PageError> {
    let flash = Flash::new(
        Tone::Wait,
        "这份文件放得太久，我们已经删了。请把 Excel 再传一次，什么都没有改变。",
    );
    draw(portal, visit, at, Some(flash)).await
}

#[derive(serde::Deserialize)]
pub(crate) struct Marked {
    upload: String,
}

/// `POST /unit/roster/marked.xlsx`: the clerk's own rows, each wrong cell red and noted.
pub(crate) async fn marked(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(form): Form<Marked>,
) -> Result<Response, PageError> {
    let Some(file) = portal
        .uploads
        .find(&form.upload, at.employer_id, Instant::now())
    else {
        return Ok(lost(&portal, &visit, &at).await?.into_response());
    };
    let office = &portal.engine.office;
    let month = file.month;
    let outcome = upload::upload(
        office,
        Uploaded {
            employer_id: at.employer_id,
            month,
            mode: file.mode,
            bytes: file.bytes,
            actor: at.actor(),
            key: Uuid::now_v7(),
            digest: Uuid::now_v7(),
            police: &GatewayPolice(portal.engine.gateway.clone()),
        },
    )
    .await?;
    let Outcome::Refused(mistakes) = outcome else {
        return Ok(Redirect::to("/unit/roster").into_response());
    };
    let Mistakes { sheet, faults, .. } = *mistakes;
    let sheet = sheet.ok_or(PageError::NotFound)?;
    let bytes = tokio::task::spawn_blocking(move || writer::annotated(month, &sheet, &faults))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(workbook(&format!("roster-{month}-marked"), bytes))
}

/// `GET /unit/roster/template.xlsx`.
pub(crate) async fn template(
    State(portal): State<Portal>,
    at: AtUnit,
) -> Result<Response, PageError> {
    let employer = anju_casework::employer::require(&portal.engine.office, at.employer_id).await?;
    let month = employer.next_month();
    let bytes = writer::template(month).map_err(|error| PageError::failed(&error))?;
    Ok(workbook(&format!("roster-{month}"), bytes))
}

/// `GET /unit/roster/last.xlsx`.
pub(crate) async fn last(State(portal): State<Portal>, at: AtUnit) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer = anju_casework::employer::require(office, at.employer_id).await?;
    let month = employer.next_month();
    let lines = upload::list_of_today(office, &employer, month).await?;
    let bytes = tokio::task::spawn_blocking(move || writer::last_roster(month, &lines))
        .await
        .map_err(|error| PageError::failed(&error))?
        .map_err(|error| PageError::failed(&error))?;
    Ok(workbook(&format!("roster-{month}"), bytes))
}
