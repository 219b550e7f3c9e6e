//! Rules as data, with one reader: facts in, decision out. Pure: no clock, no table, no network; the same facts, form, instant and
//! policy give the same decision for ever. Read `fact` first, then `decision`, then `policy_set`.

mod agreement;
pub mod compare;
pub mod decision;
mod display;
mod drawn;
mod each;
pub mod edit;
mod evaluate;
mod explain;
mod expression;
pub mod fact;
pub mod file;
mod filter;
mod function;
mod in_chinese;
mod kept;
mod load;
mod operator;
pub mod parameter;
mod parameter_load;
mod parsed;
mod plan;
mod plan_build;
mod policy_set;
mod reach;
pub mod region;
mod remedy;
mod replay;
pub mod service;
mod settlement;
mod snapshot;
mod sql;
mod text;
pub mod value;
mod vocabulary;

pub use decision::{ConditionOutcome, Decision, OnUnknown, Outcome, PolicyRef, StoredDecision};
pub use explain::{Reading, who};
pub use fact::{Assurance, At, Fact, FactState, Facts, Form};
pub use file::{LoadError, PolicyFiles};
pub use filter::ServiceFilter;
pub use in_chinese::{Mistake, in_chinese};
pub use kept::fact_ids_of;
pub use plan::Verdict;
pub use policy_set::{Ask, PolicyError, PolicySet, Rule};
pub use remedy::Change;
pub use service::{FactNeed, Input, InputType, ServiceDefinition};
pub use snapshot::Column;
pub use sql::{SqlError, SqlText, SqlValue};
pub use vocabulary::FactType;

/// Every mistake in a centre's files, for `anju policy check`; none when the policy may be used.
pub fn check(directory: &std::path::Path, centre: &str) -> Vec<LoadError> {
    PolicySet::read(directory, centre).err().unwrap_or_default()
}
