//! `/desk`: teller, reviewer, accountant. Dense, keyboard first; nothing of a person is whole before a reason is given.

mod agreements;
mod apply;
mod arrears;
mod branches;
mod case;
mod case_papers;
mod chase;
mod corrections;
mod court;
mod customer;
mod day_close;
mod employers;
mod entitled;
mod environment;
mod estates;
mod flexible;
mod fraud;
mod identify;
mod interest;
mod late;
mod opening;
mod ops;
mod policy;
mod relief;
mod search;
mod sessions;
mod sources;
mod suspense;
mod tasks;
mod transfers;
mod trial_balance;

pub use agreements::AgreementsPage;
pub use apply::{ApplyPage, WhyPage};
pub use arrears::{ArrearsPage, EmployerArrearsPage, EnforcementPage, StepPart};
pub use branches::BranchesPage;
pub use case::{CasePage, HandOver};
pub use case_papers::{CasePaperPage, CasePapersPage, HandedIn};
pub use chase::{ChasePage, Follow};
pub use corrections::{CorrectionsPage, Waiting};
pub use court::{CourtNewPage, CourtOrderPage};
pub use customer::{CustomerPage, Reveal};
pub use day_close::DayClosePage;
pub use employers::EmployersPage;
pub use entitled::EntitledPage;
pub use environment::EnvironmentPage;
pub use estates::{EstateLine, EstatesPage};
pub use flexible::FlexiblePage;
pub use fraud::{FraudListPage, FraudPage, Part, Said};
pub use identify::IdentifyPage;
pub use interest::InterestPage;
pub use late::{LateCard, LatePage};
pub use opening::OpeningPage;
pub use ops::OpsPage;
pub use policy::{
    BothDecisions, Editing, LevySection, OwnRow, PoliciesPage, PolicyNoticePage, PolicyPage,
    PolicyPeoplePage, PolicyPersonPage, PolicySimulationPage,
};
pub use relief::{ReliefListPage, ReliefPage};
pub use search::{AskWhy, KeysPage, SearchPage};
pub use sessions::SessionsPage;
pub use sources::{DeathLine, DeathsPage, SourcePage, SourcesPage};
pub use suspense::{Candidate, SuspensePage, SuspenseSide};
pub use tasks::{TaskSide, TasksPage};
pub use transfers::{TransferPage, TransfersPage};
pub use trial_balance::TrialBalancePage;
