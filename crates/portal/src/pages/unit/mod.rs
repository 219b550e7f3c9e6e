//! `/unit`: an employer's clerk. Drop a roster, see every mistake, pay, done.

mod base;
mod cases;
mod employer;
mod home;
mod notices;
mod papers;
mod pay;
mod people;
mod roster;
mod sessions;
mod subsidy;

pub use base::{BasePage, BasePreviewPage};
pub use cases::{ApplyPage, CasePage, CasesPage, UnitForm};
pub use employer::{ConfirmPage, EmployerPage, OpenPage};
pub use home::{HomePage, Next};
pub use notices::{NoticePage, NoticesPage};
pub use papers::PapersPage;
pub use pay::{ArrivalPage, ArrivalsPage, Cancel, DebitPage, PayPage};
pub use people::{ChangePage, ChangePart, PeoplePage, TransferPage};
pub use roster::{ErrorsPage, PreviewPage, UploadPage};
pub use sessions::SessionsPage;
pub use subsidy::SubsidyPage;
