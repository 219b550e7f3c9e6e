//! People who contribute by themselves (灵活就业人员自愿缴存, contribution.md §11). Invariant: an account under the virtual employer of an
//! office has one living agreement at most, and every contribution is a list of one line, allocated like an employer's. Read `agreement.rs`
//! (what is agreed, and what our books know for the rules), `list.rs` (months and single payments), `open.rs` and `change.rs` (the services).

pub mod agreement;
mod change;
mod list;
mod open;
pub mod subsidy;

pub use agreement::{Agreement, of_person};
pub use change::FlexibleChange;
pub use list::{List, build, lists};
pub use open::FlexibleOpening;

pub(crate) use agreement::{first_money, given_up, seal_suspended};
