//! Contribution (归集): from an employer's account to every employee's. Invariant: the list that the clerk saw is the list that is paid
//! and the list that is allocated, and every receipt ends allocated, in suspense with a reason, or returned. Read `upload.rs`,
//! `registration.rs`, `receipt.rs` and `allocation.rs`, the steps of a month, in this order. Beside them: `changes.rs` and `transfer.rs`
//! (members between two lists; `transfer_request.rs` waits for the old employer, `merging.rs` takes a whole one over), `supplement.rs` (months that are over), `base_year.rs` (the bases of a year), `relief/` (deferral and
//! lower ratios), `refund.rs` and `correction.rs` (what was credited wrongly), `merge.rs` (two accounts of one person), `closing.rs`
//! (employers that end, and the holding account), `collection/` (money that the centre debits), `flexible/` (who contributes by himself),
//! `credit/` (history extracts for banks),
//! `opening.rs`, `one_stop.rs`, `employer_data.rs`, `mandate.rs` and `branch_move.rs` (the employer itself), `arrears/` and `enforcement/` (what an employer
//! owes, and what is done about it).

pub mod ahead;
mod allocation;
pub mod arrears;
pub mod as_of;
pub mod base_year;
pub mod branch_move;
mod change_rows;
pub mod changes;
pub mod closing;
pub mod collection;
pub mod correction;
pub mod credit;
pub mod employer_data;
pub mod enforcement;
pub mod environment;
pub mod flexible;
mod held_then;
mod insured;
pub mod joining;
mod kept;
pub mod late_credit;
mod list_beside;
pub mod mandate;
mod members;
pub mod merge;
pub mod merging;
pub mod one_stop;
pub mod opening;
pub mod opening_rules;
pub mod parties;
pub mod people;
pub mod proof;
pub mod receipt;
pub mod refund;
mod refund_payment;
pub mod registration;
pub mod registry;
pub mod relief;
pub mod remittance;
pub mod roster;
pub mod subsidy;
pub mod supplement;
mod supplement_lines;
pub mod suspense;
pub mod suspense_chase;
pub mod suspense_refund;
pub mod transfer;
pub mod transfer_request;
pub mod upload;
