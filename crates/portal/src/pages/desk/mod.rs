//! `/desk`: teller, reviewer, accountant. Dense, keyboard first; nothing of a person is whole before a reason is given.

mod apply;
mod arrears;
mod case;
mod chase;
mod customer;
mod day_close;
mod identify;
mod interest;
mod ops;
mod search;
mod sessions;
mod suspense;
mod tasks;
mod trial_balance;

pub use apply::{ApplyPage, WhyPage};
pub use arrears::{ArrearsPage, EmployerArrearsPage, EnforcementPage, StepPart};
pub use case::{CasePage, Paper};
pub use chase::{ChasePage, Follow};
pub use customer::{CustomerPage, Reveal};
pub use day_close::DayClosePage;
pub use identify::IdentifyPage;
pub use interest::InterestPage;
pub use ops::OpsPage;
pub use search::{AskWhy, KeysPage, SearchPage};
pub use sessions::SessionsPage;
pub use suspense::{Candidate, SuspensePage, SuspenseSide};
pub use tasks::{TaskSide, TasksPage};
pub use trial_balance::TrialBalancePage;
