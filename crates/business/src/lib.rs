//! One folder a family, one file a service: definition, facts, effect, queries. A service is mostly its policy and its effect; the path
//! of a case is in `casework`. Read `contribution/registration.rs` and `withdrawal/payout.rs` first.

pub mod books;
pub mod contribution;
pub mod court;
pub mod evidence;
pub mod fraud;
pub mod measures;
pub mod papers;
pub mod personal;
pub mod policy;
pub mod policy_change;
pub mod population;
pub mod queries;
pub mod remote;
pub mod sharing;
pub mod withdrawal;
mod workbook;

use std::sync::Arc;

use anju_casework::catalogue::Service;
use anju_policy::PolicySet;

use contribution::collection::{BankDesk, DebitContract};
use contribution::employer_data::EmployerData;
use contribution::enforcement::complaint::Complaints;
use contribution::flexible::{FlexibleChange, FlexibleOpening};
use contribution::mandate::Mandates;
use contribution::opening::OpenAccount;
use contribution::registry::Registry;
use contribution::upload::Police;
use papers::certificate::{Certificates, LoansElsewhere};
use papers::employer::EmployerCertificates;
use personal::card::CardChange;
use personal::card_batch::Cards;

/// Who is asked while a service executes.
pub struct Authorities {
    /// The population register.
    pub police: Arc<dyn Police>,
    /// The market regulator.
    pub registry: Arc<dyn Registry>,
    /// The national platform, about loans elsewhere.
    pub loans_elsewhere: Arc<dyn LoansElsewhere>,
    /// The banks, about accounts.
    pub banks: Arc<dyn BankDesk>,
    /// UnionPay and the banks, about whose a card is.
    pub cards: Arc<dyn Cards>,
}

/// The services that cases can be opened for, by the effect that their definition names; a withdrawal may be policy alone.
pub fn services(policy: &PolicySet, authorities: &Authorities) -> Vec<Arc<dyn Service>> {
    let trays = Arc::new(withdrawal::own_books::Trays::default());
    policy
        .services()
        .filter_map(|service| -> Option<Arc<dyn Service>> {
            match service.effect.as_str() {
                "pay_out" => {
                    let kind = service.withdraw_kind.as_deref().unwrap_or(&service.id);
                    if service.closing {
                        let closing =
                            withdrawal::closing::ClosingWithdrawal::new(&service.id, kind);
                        return Some(Arc::new(closing));
                    }
                    Some(Arc::new(withdrawal::payout::Withdrawal::new(
                        &service.id,
                        kind,
                        trays.clone(),
                    )))
                }
                "pay_heirs" => {
                    let kind = service.withdraw_kind.as_deref().unwrap_or(&service.id);
                    Some(Arc::new(withdrawal::estate::EstateWithdrawal::new(
                        &service.id,
                        kind,
                    )))
                }
                "register_remittance" => Some(Arc::new(
                    contribution::registration::Registration::new(&service.id),
                )),
                "register_subsidy" => {
                    Some(Arc::new(contribution::subsidy::Subsidy::new(&service.id)))
                }
                "register_supplement" => Some(Arc::new(contribution::supplement::Supplement::new(
                    &service.id,
                ))),
                "transfer_in" => Some(Arc::new(remote::incoming::TransferIn::new(&service.id))),
                "transfer_out" => Some(Arc::new(remote::outgoing::TransferOut::new(&service.id))),
                "take_complaint" => Some(Arc::new(Complaints::new(
                    &service.id,
                    &authorities.registry,
                ))),
                "transfer_account" => {
                    Some(Arc::new(contribution::transfer::Transfer::new(&service.id)))
                }
                "defer_contributions" => Some(Arc::new(
                    contribution::relief::deferral::Deferral::new(&service.id),
                )),
                "reduce_ratio" => Some(Arc::new(contribution::relief::reduction::Reduction::new(
                    &service.id,
                ))),
                "refer_employer" => Some(Arc::new(
                    contribution::credit::CreditReferral::of_employers(&service.id),
                )),
                "refer_employee" => Some(Arc::new(
                    contribution::credit::CreditReferral::of_employees(&service.id),
                )),
                "close_employer" => Some(Arc::new(contribution::closing::EmployerClose::new(
                    &service.id,
                ))),
                "refund_employer" => Some(Arc::new(contribution::refund::EmployerRefund::new(
                    &service.id,
                ))),
                "refund_suspense" => Some(Arc::new(
                    contribution::suspense_refund::SuspenseRefund::new(&service.id),
                )),
                "open_employer" => {
                    Some(Arc::new(OpenAccount::new(&service.id, &authorities.police)))
                }
                "maintain_employer" => Some(Arc::new(EmployerData::new(
                    &service.id,
                    &authorities.registry,
                ))),
                "sign_debit" => Some(Arc::new(DebitContract::new(
                    &service.id,
                    &authorities.banks,
                ))),
                "sign_repay" => Some(Arc::new(withdrawal::agreement::sign::RepaySigning::new(
                    &service.id,
                ))),
                "flexible_open" => Some(Arc::new(FlexibleOpening::new(&service.id))),
                "flexible_change" => Some(Arc::new(FlexibleChange::new(&service.id))),
                "authorise_clerk" => {
                    Some(Arc::new(Mandates::new(&service.id, &authorities.police)))
                }
                "certify_contribution" => Some(Arc::new(Certificates::new(
                    &service.id,
                    &authorities.loans_elsewhere,
                ))),
                "certify_employer" => Some(Arc::new(EmployerCertificates::new(&service.id))),
                "change_card" => Some(Arc::new(CardChange::new(&service.id))),
                "link_card" => Some(Arc::new(CardChange::with_lists(
                    &service.id,
                    &authorities.cards,
                ))),
                "maintain_person" => Some(Arc::new(personal::data::PersonalData::new(&service.id))),
                "change_phone" => Some(Arc::new(personal::phone::PhoneChange::new(&service.id))),
                effect => contribution::changes::MemberChanges::of_effect(
                    &service.id,
                    effect,
                    &authorities.police,
                )
                .map(|service| Arc::new(service) as Arc<dyn Service>),
            }
        })
        .collect()
}
