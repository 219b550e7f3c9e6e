//! Money, dates, identifiers, formulas: what every other crate speaks in.
//!
//! Pure: no database, no network, no global clock. The invariant: a value of a type of this crate is
//! valid, since only a checking constructor makes one; money is integer fen and is rounded by
//! [`rounding`] alone. Read `money` first.

pub mod calendar;
pub mod card;
pub mod clock;
pub mod contribution;
pub mod deferral;
pub mod deposit;
pub mod digits;
pub mod due_date;
pub mod id_number;
pub mod interest;
pub mod money;
pub mod name;
pub mod phone;
pub mod rate;
pub mod rounding;
pub mod subject;
pub mod text;
pub mod uscc;
pub mod withdrawal;
