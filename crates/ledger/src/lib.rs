//! Accounts, journals, postings, days: the only writer of money.
//!
//! The invariant: every fen stands in append-only postings that sum to zero in each journal, and every balance and
//! product is a cache of them that [`audit`] recomputes. Money tables are written by the functions of
//! `migrations/0002_ledger.sql` alone; this crate calls them. Read `journal` first, then `day`.
//!
//! Every session that writes is named `anju` (`application_name`): closing a day waits for those.

pub mod account;
pub mod audit;
pub mod bank;
pub mod command;
pub mod day;
pub mod day_book;
pub mod digest;
pub mod entry_table;
mod error;
pub mod freeze;
mod ids;
pub mod journal;
pub mod product;
pub mod statement;
pub mod subject_ledger;
pub mod trial_balance;

pub use day::BusinessDate;
pub use entry_table::{EntryTable, Event, Part, Role};
pub use error::{Error, Result};
pub use ids::Ids;

/// 中心. A fund centre: one legal person, one set of books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Centre(pub i16);

/// A ledger account's number inside the house; outside it is shown as an opaque one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

impl AccountId {
    /// The account of a subject that has no owner: its number is the subject's code.
    #[must_use]
    pub fn of_subject(subject: anju_domain::subject::Subject) -> Self {
        Self(i64::from(subject.code()))
    }
}

/// 凭证. A journal's number inside the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JournalId(pub i64);
