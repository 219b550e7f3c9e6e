//! `/unit`: handlers of an employer's clerk. A clerk sees his own employer's rosters and remittances alone.

mod apply;
mod arrangement;
mod base;
mod cards;
mod cases;
mod change;
mod change_parts;
pub(crate) mod changed;
pub(crate) mod credit;
mod debit;
mod employer;
mod faults;
pub(crate) mod home;
mod kept;
mod mend;
mod notices;
pub(crate) mod open;
mod papers;
mod pay;
mod people;
mod roster;
mod step_up;
mod subsidy;
mod transfer;
mod waiting;

use anju_business::contribution::remittance::{self, Remittance};
use anju_casework::Office;
use anju_casework::employer::{self as employers, Employer};
use anju_vault::NumberKind;
use axum::Router;
use axum::routing::{get, post};

use crate::authorization::AtUnit;
use crate::frame::{Counter, UnitFrame, UnitTab};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::sessions;

pub(crate) use apply::said;
pub(crate) use arrangement::{policy_name, shown as arrangement_state};
pub(crate) use kept::Uploads;

/// Routes of `/unit`.
pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/unit", get(home::page))
        .route("/unit/roster", get(roster::page).post(roster::upload))
        .route("/unit/roster/template.xlsx", get(mend::template))
        .route("/unit/roster/last.xlsx", get(mend::last))
        .route("/unit/roster/mend", post(mend::mend))
        .route("/unit/roster/marked.xlsx", post(mend::marked))
        .route("/unit/roster/register", post(roster::register))
        .route("/unit/roster/{roster}", get(roster::preview))
        .route("/unit/people", get(people::page).post(people::find))
        .route("/unit/people/new", get(change::fresh).post(change::add))
        .route(
            "/unit/people/{account}",
            get(change::one).post(change::change),
        )
        .route("/unit/transfer", get(transfer::page).post(transfer::send))
        .route("/unit/base", get(base::page).post(base::upload))
        .route("/unit/base/sheet.xlsx", get(base::sheet))
        .route("/unit/base/apply", post(base::apply))
        .route("/unit/base/{roster}", get(base::preview))
        .route("/unit/arrivals/{no}/cancel", post(pay::cancel))
        .route("/unit/subsidy", get(subsidy::page).post(subsidy::upload))
        .route("/unit/subsidy/sheet.xlsx", get(subsidy::sheet))
        .route("/unit/cards", get(cards::page).post(cards::link))
        .route("/unit/ratio", get(change::ratio).post(change::change_ratio))
        .route("/unit/notices", get(notices::page))
        .route("/unit/notices/assumed", post(notices::pay_assumed))
        .route(
            "/unit/notices/{notice}",
            get(notices::one).post(notices::answer),
        )
        .route("/unit/notices/{notice}/pay", post(notices::pay))
        .route("/unit/notices/{notice}/papers/{step}", get(notices::paper))
        .route("/unit/pay", get(pay::page))
        .route("/unit/debit", get(debit::page).post(debit::change))
        .route("/unit/arrivals", get(pay::arrivals))
        .route("/unit/arrivals/{remittance}", get(pay::arrival))
        .route("/unit/arrivals/{remittance}/live", get(pay::live))
        .route("/unit/arrivals/{remittance}/proof.json", get(pay::proof))
        .route("/unit/papers", get(papers::page).post(papers::order))
        .route("/unit/papers/revoke", post(papers::revoke))
        .route("/unit/papers/{paper}/paper.pdf", get(papers::pdf))
        .route("/unit/cases", get(cases::list))
        .route("/unit/do/{service}", get(apply::fresh).post(apply::send))
        .route("/unit/cases/{case}", get(cases::page))
        .route("/unit/cases/{case}/proof.json", get(cases::proof))
        .route("/unit/cases/{case}/withdraw", post(cases::withdraw))
        .route("/unit/cases/{case}/consent", post(credit::withdraw))
        .route("/unit/cases/{case}/supplement", post(cases::supplement))
        .route("/unit/cases/{case}/resume", post(arrangement::resume))
        .route("/unit/cases/{case}/make-up", post(arrangement::make_up))
        .route("/unit/open", get(open::page).post(open::open))
        .route("/unit/employer", get(employer::page).post(employer::change))
        .route("/unit/employer/clerks", post(employer::authorise))
        .route("/unit/sessions", get(sessions::of_clerk))
        .route("/unit/sessions/end", post(sessions::end_of_clerk))
}

/// The frame with the clerk's masked name, and his employer.
pub(crate) async fn framed(
    office: &Office,
    visit: &Visit,
    at: &AtUnit,
    title: &str,
    tab: UnitTab,
) -> Result<(UnitFrame, Employer), PageError> {
    let employer = employers::require(office, at.employer_id).await?;
    let clerk = match at.clerk_id() {
        Some(clerk_id) => employers::clerk(office, clerk_id)
            .await?
            .map(|clerk| anju_domain::name::mask(&clerk.name))
            .ok_or(PageError::LogIn)?,
        None => String::new(),
    };
    let frame = UnitFrame {
        head: visit.head(title),
        tab,
        clerk,
        counter: at.teller.as_ref().map(|teller| Counter {
            teller: teller.number.clone(),
            employer: employer.name.clone(),
            why: at.session.served_reason.clone().unwrap_or_default(),
        }),
    };
    Ok((frame, employer))
}

fn number(office: &Office, remittance: &Remittance) -> String {
    office
        .numbers
        .encode(NumberKind::Remittance, remittance.remittance_id)
}

/// A remittance of this employer by its public number.
async fn own_remittance(
    office: &Office,
    at: &AtUnit,
    number: &str,
) -> Result<Remittance, PageError> {
    let id = office
        .numbers
        .decode(NumberKind::Remittance, number)
        .ok_or(PageError::NotFound)?;
    let found = remittance::require(office, id).await?;
    if found.employer_id == at.employer_id {
        Ok(found)
    } else {
        Err(PageError::NotFound)
    }
}
