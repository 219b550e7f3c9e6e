//! People, identity, facts kept, and the one path of a case (办件): what every service stands on.
//!
//! Invariant: a case, its money, its messages and its evidence are written in one transaction or not at all, and every
//! command carries a key that makes it happen once, for ever. Nothing outside the database is called from here.
//! Read `case.rs` first, then `office.rs`.

pub mod access_log;
pub mod books;
pub mod branch;
pub mod case;
pub mod case_paper;
pub mod catalogue;
pub mod certificate;
pub mod consent;
pub mod document;
pub mod effort;
pub mod employer;
pub mod error;
pub mod fact;
pub mod findings;
pub mod founding;
pub mod inbox;
pub mod leaf;
pub mod licence;
pub mod log;
pub mod membership;
pub mod notice;
pub mod office;
pub mod operations;
pub mod outbox;
pub mod own_account;
pub mod person;
pub mod person_data;
pub mod policy_force;
pub mod rotation;
pub mod session;
pub mod staff;
pub mod tray;

pub use error::{Error, Fault, Refusal, Result, RowFault};
pub use office::{Actor, Centre, Office};
/// What the crates above hold when several things are to be read over one connection of the office's pool.
pub use sqlx::PgConnection;
