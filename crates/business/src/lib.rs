//! One folder a family, one file a service: definition, facts, effect, queries. A service is mostly its policy and its effect; the path
//! of a case is in `casework`. Read `contribution/remittance.rs` and `withdrawal/payout.rs` first.

pub mod books;
pub mod contribution;
pub mod policy;
pub mod withdrawal;

use std::sync::Arc;

use anju_casework::catalogue::Service;
use anju_policy::PolicySet;

/// The services that cases can be opened for: every definition whose effect is a withdrawal's, also one that is policy alone.
pub fn services(policy: &PolicySet) -> Vec<Arc<dyn Service>> {
    policy
        .services()
        .filter(|service| service.effect == "pay_out")
        .map(|service| {
            let kind = service.withdraw_kind.as_deref().unwrap_or(&service.id);
            Arc::new(withdrawal::payout::Withdrawal::new(&service.id, kind)) as Arc<dyn Service>
        })
        .collect()
}
