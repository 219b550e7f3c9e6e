//! `/my`: handlers of an employee's pages. A person sees his own cases and accounts alone; another's number answers like one
//! that does not exist.

pub(crate) mod account;
pub(crate) mod agreements;
pub(crate) mod apply;
pub(crate) mod case_papers;
mod cases;
mod consents;
mod credit;
mod estates;
mod flexible;
mod home;
mod keep;
mod me;
pub(crate) mod papers;
mod proofs;
mod reading;
mod receipt;
mod report;
mod standing;
mod transfer;
mod withdraw;
mod years;

use anju_casework::case::{self, Case};
use anju_casework::membership::{self, Membership};
use anju_casework::{Office, books};
use anju_domain::money::Fen;
use anju_ledger::account::Account;
use anju_vault::NumberKind;
use axum::Router;
use axum::routing::{get, post};

use crate::frame::{MyFrame, MyTab};
use crate::look::Shell;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::sessions;
use crate::shares;

pub(crate) use account::what;
pub(crate) use reading::{Read, amount_of, channel_name, named, service_name, stage_in_list};

/// Routes of `/my`.
pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/my", get(home::home))
        .route("/my/withdraw", get(withdraw::page))
        .route("/my/withdraw/watch", post(withdraw::watch))
        .route("/my/transfer", get(transfer::page).post(transfer::submit))
        .route("/my/do/{service}", get(apply::check).post(apply::submit))
        .route("/my/do/{service}/why", get(apply::why))
        .route("/my/do/{service}/face", post(apply::face))
        .route("/my/cases", get(cases::list))
        .route("/my/cases/{case}", get(cases::progress))
        .route("/my/cases/{case}/live", get(cases::live))
        .route("/my/cases/{case}/why", get(cases::why))
        .route("/my/cases/{case}/receipt", get(receipt::page))
        .route("/my/cases/{case}/receipt.pdf", get(receipt::pdf))
        .route("/my/cases/{case}/proof.json", get(proofs::of_case))
        .route(
            "/my/cases/{case}/withdraw",
            get(cases::ask_to_withdraw).post(cases::withdraw),
        )
        .route("/my/agreements", get(agreements::page))
        .route(
            "/my/cases/{case}/papers",
            get(case_papers::page).post(case_papers::hand_in),
        )
        .route(
            "/my/cases/{case}/papers/{paper}/picture",
            get(case_papers::picture),
        )
        .route(
            "/my/cases/{case}/shares/{place}",
            get(shares::ask).post(shares::give),
        )
        .route("/my/cases/{case}/shares/{place}/face", post(shares::face))
        .route("/my/flexible", get(flexible::page))
        .route("/my/credit", get(credit::page))
        .route("/my/account", get(account::page))
        .route("/my/account.csv", get(account::csv))
        .route("/my/years", get(years::page))
        .route("/my/statement/{year}", get(years::show))
        .route("/my/statement/{year}/paper.pdf", get(years::pdf))
        .route("/my/subsidy-statement/{year}", get(years::show_subsidy))
        .route(
            "/my/subsidy-statement/{year}/paper.pdf",
            get(years::pdf_subsidy),
        )
        .route("/my/papers", get(papers::page).post(papers::order))
        .route("/my/papers/code", post(papers::confirm))
        .route("/my/papers/revoke", post(papers::revoke))
        .route("/my/papers/{paper}/paper.pdf", get(papers::pdf))
        .route("/my/report", get(report::page).post(report::send))
        .route("/my/standing", get(standing::page).post(standing::say))
        .route("/my/estates", get(estates::list))
        .route("/my/estates/{case}", get(estates::page).post(estates::say))
        .route("/my/estates/{case}/face", post(estates::face))
        .route("/my/standing/{entry}/proof.json", get(standing::proof))
        .route("/my/messages", get(me::messages))
        .route("/my/me", get(me::page))
        .route("/my/me/access", get(me::access))
        .route(
            "/my/me/change/{service}",
            get(keep::form).post(keep::submit),
        )
        .route("/my/me/change/{service}/face", post(keep::face))
        .route("/my/me/changes", get(keep::changes))
        .route("/my/me/proofs", get(proofs::page))
        .route(
            "/my/me/proofs/{remittance}/proof.json",
            get(proofs::of_month),
        )
        .route("/my/consents", get(consents::page).post(consents::change))
        .route("/my/consents/dispute", post(consents::dispute))
        .route("/my/me/consents", get(consents::page))
        .route("/my/me/sessions", get(sessions::of_person))
        .route("/my/me/sessions/end", post(sessions::end_of_person))
}

pub(crate) fn frame(visit: &Visit, title: &str, tab: MyTab, back: Option<(&str, &str)>) -> MyFrame {
    MyFrame {
        head: visit.head(title),
        tab,
        back: back.map(|(href, words)| (href.to_owned(), words.to_owned())),
    }
}

/// The channel code of services.md §3.
pub(crate) fn channel(visit: &Visit) -> &'static str {
    match visit.look.shell {
        Shell::Browser => "HALL",
        Shell::App => "APP",
        Shell::Wechat => "WX",
        Shell::Alipay => "ALI",
        Shell::Government => "YKB",
    }
}

/// The membership of a person whose account his pages show: the one that is paid into, else the sealed one, else the one that ended last.
pub(crate) async fn membership_of(
    office: &Office,
    person_id: i64,
) -> Result<Option<Membership>, PageError> {
    let all = membership::of_person(office, person_id).await?;
    // They come in this order.
    Ok(all.into_iter().next())
}

pub(crate) async fn account_of(
    office: &Office,
    one: &Membership,
) -> Result<Option<Account>, PageError> {
    Ok(books::account(office, one.account_id).await?)
}

/// The balance of a person's account.
pub(crate) async fn balance_of(
    office: &Office,
    one: Option<&Membership>,
) -> Result<Option<Fen>, PageError> {
    match one {
        Some(one) => Ok(account_of(office, one)
            .await?
            .map(|account| account.balance)),
        None => Ok(None),
    }
}

/// The balance of a person's housing subsidy account; none where there is no such account.
pub(crate) async fn subsidy_of(office: &Office, person_id: i64) -> Result<Option<Fen>, PageError> {
    Ok(membership::subsidy_balance(office, person_id).await?)
}

/// A case of this person by its public number.
pub(crate) async fn own_case(
    office: &Office,
    person_id: i64,
    number: &str,
) -> Result<Case, PageError> {
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let case = case::require(office, case_id).await?;
    if case.applicant_id == person_id {
        Ok(case)
    } else {
        Err(PageError::NotFound)
    }
}
