//! `/my`: an employee on a phone. Each page asks one question and has at most one primary button.

mod account;
mod agreements;
mod case_papers;
mod cases;
mod estates;
mod flexible;
mod home;
mod me;
mod papers;
mod report;
mod standing;
mod withdraw;

pub use account::{AccountPage, Entry};
pub use agreements::{AgreementPart, AgreementsPage};
pub use case_papers::{AskedPaper, CasePapersPage};
pub use cases::{CasesPage, MessagesPage};
pub use estates::EstatesPage;
pub use flexible::FlexiblePage;
pub use home::{HomePage, Offer};
pub use me::{AccessPage, ChangesPage, ConsentPage, MePage, ProofsPage, SessionsPage};
pub use papers::{CodePage, Paper, PapersPage, StatementPage, YearsPage};
pub use report::ReportPage;
pub use standing::{Standing, StandingPage, ToSay};
pub use withdraw::{Offered, WithdrawPage};
