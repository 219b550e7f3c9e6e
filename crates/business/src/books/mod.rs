//! The day's end (日结): books, bank and cases agree for each bank, one person proposes, another confirms, the day is sealed; and the
//! books for the programs of others.

pub mod branch;
pub mod cross_check;
pub mod day_close;
pub mod day_match;
pub mod day_proof;
pub mod export;
pub mod interest_year;
