//! Rules as data, with one reader: facts in, decision out. Pure: no clock, no table, no network; the same facts, form, instant and
//! policy give the same decision for ever. Read `fact` first, then `decision`.

pub mod decision;
pub mod fact;

pub use decision::{ConditionOutcome, Decision, OnUnknown, Outcome, StoredDecision};
pub use fact::{Assurance, At, Fact, FactState, Facts, Form};
