//! 事项: guide, check, progress, decision and receipt, drawn once for all services. A service brings its definition and its
//! facts; words for the states of a case stand here and nowhere else ([`words`]). A service gets a page of its own only
//! where these are not good enough, and says why there.

mod check;
mod decision;
pub mod explain;
mod guide;
pub mod live;
mod progress;
mod receipt;
pub mod words;

pub use check::{AmountHead, CheckPage, CheckSheet, ConfirmPage, FacePage};
pub use decision::DecisionPage;
pub use guide::GuidePage;
pub use progress::ProgressPage;
pub use receipt::ReceiptPage;
