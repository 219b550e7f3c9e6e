//! What two sources say of the same thing (冲突). Where both say something and it is not the same, neither is believed: what is read from
//! either fact is in conflict, whatever a rule would make of it, and a person looks. Which facts speak of the same thing is policy.

use crate::evaluate::{Context, Node};
use crate::fact::{Assurance, Facts};
use crate::plan::SlotSource;
use crate::value::{Gap, Slot};

/// A sentence that holds while the sources agree.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    pub when: Node,
    /// Role and type of the facts that it compares.
    pub facts: Vec<(String, String)>,
}

impl Agreement {
    /// Whether two registries disagree. A weaker fact does not contradict a stronger one, and who says nothing contradicts nobody.
    fn is_broken(&self, facts: &Facts, slots: &[Slot]) -> bool {
        let authoritative = |(role, fact_type): &(String, String)| {
            facts
                .get(role, fact_type)
                .is_some_and(|fact| fact.assurance == Assurance::Authoritative)
        };
        self.when.truth(Context::new(slots)) == Ok(false) && self.facts.iter().all(authoritative)
    }

    fn speaks_of(&self, source: &SlotSource) -> bool {
        matches!(source, SlotSource::Name(name)
            if self.facts.iter().any(|(role, fact_type)| *role == name.role && *fact_type == name.fact.fact_type))
    }
}

/// Puts into conflict what is read from facts that disagree.
pub(crate) fn mark(
    agreements: &[Agreement],
    facts: &Facts,
    sources: &[SlotSource],
    slots: &mut [Slot],
) {
    let broken: Vec<&Agreement> = agreements
        .iter()
        .filter(|agreement| agreement.is_broken(facts, slots))
        .collect();
    for (source, slot) in sources.iter().zip(slots) {
        if broken.iter().any(|agreement| agreement.speaks_of(source)) {
            *slot = Err(Gap::Conflict);
        }
    }
}
