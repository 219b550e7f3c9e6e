//! What two sources say of the same thing (冲突). Where they differ, the order of precedence of the policy says who is believed; what the
//! weaker says of it then reads as if there were no record, and the decision tells both (`Settlement`). Where the order knows no better of
//! the two, neither is believed: what is read from their facts is in conflict, whatever a rule would make of it, and a person looks. Which
//! facts speak of the same thing is policy, too.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::evaluate::{Context, Node};
use crate::fact::{Assurance, At, Facts};
use crate::file::RawPrecedence;
use crate::plan::SlotSource;
use crate::value::{Gap, Slot};

/// A sentence that holds while the sources agree.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    pub name: String,
    pub when: Node,
    /// Who speaks, with what the sentence reads of each.
    pub parties: Vec<Party>,
}

/// One source's word on the matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    /// Role and type of the fact; none for what the person filled in.
    pub fact: Option<(String, String)>,
    /// The slots that the sentence reads of it.
    pub reads: Vec<u16>,
}

/// Who is believed before whom (data_sharing.md §1). Without it nobody is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Precedence {
    /// The strongest first.
    order: Vec<Assurance>,
    /// Where the newer of two of the same level counts.
    newer: Vec<Assurance>,
}

/// A difference that the order of precedence has settled: whose word counts, and whose does not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    /// Place among the plan's agreements.
    pub agreement: usize,
    /// Places among its parties.
    pub believed: Vec<usize>,
    pub aside: Vec<usize>,
    /// What those who are not believed had said.
    pub said: Vec<(u16, Slot)>,
}

/// What a word is worth.
#[derive(Clone, Copy)]
struct Worth {
    assurance: Assurance,
    as_of: DateTime<Utc>,
}

impl Precedence {
    pub(crate) fn new(raw: &RawPrecedence) -> Precedence {
        Precedence {
            order: raw.order.clone(),
            newer: raw.newer.clone(),
        }
    }

    /// The stronger is the greater; equal where the order knows no better.
    fn compare(&self, left: Worth, right: Worth) -> Ordering {
        let place = |level| self.order.iter().position(|one| *one == level);
        let (Some(of_left), Some(of_right)) = (place(left.assurance), place(right.assurance))
        else {
            return Ordering::Equal;
        };
        let by_level = of_right.cmp(&of_left);
        if by_level == Ordering::Equal && self.newer.contains(&left.assurance) {
            return left.as_of.cmp(&right.as_of);
        }
        by_level
    }
}

impl Agreement {
    /// What each word is worth; nothing while one of them was not given: who says nothing contradicts nobody.
    fn worth(&self, facts: &Facts, at: At) -> Option<Vec<Worth>> {
        let worth = |party: &Party| match &party.fact {
            None => Some(Worth {
                assurance: Assurance::SelfDeclared,
                as_of: at.now,
            }),
            Some((role, fact_type)) => facts.get(role, fact_type).map(|fact| Worth {
                assurance: fact.assurance,
                as_of: fact.as_of,
            }),
        };
        self.parties.iter().map(worth).collect()
    }
}

impl Party {
    fn speaks_of(&self, source: &SlotSource) -> bool {
        match (source, &self.fact) {
            (SlotSource::Name(name), Some((role, fact_type))) => {
                *role == name.role && *fact_type == name.fact.fact_type
            }
            _ => false,
        }
    }
}

/// Settles what the order of precedence settles, and puts the rest into conflict.
pub(crate) fn settle(
    agreements: &[Agreement],
    precedence: &Precedence,
    facts: &Facts,
    at: At,
    sources: &[SlotSource],
    slots: &mut [Slot],
) -> Vec<Settled> {
    let mut all = Vec::new();
    let mut in_conflict: Vec<&Party> = Vec::new();
    for (place, agreement) in agreements.iter().enumerate() {
        let broken = |slots: &[Slot]| agreement.when.truth(Context::new(slots)) == Ok(false);
        if !broken(slots) {
            continue;
        }
        let Some(worth) = agreement.worth(facts, at) else {
            continue;
        };
        let mut believed: Vec<usize> = (0..worth.len()).collect();
        let mut aside: Vec<usize> = Vec::new();
        let mut said: Vec<(u16, Slot)> = Vec::new();
        // What one set aside would have said counts as not said; that may leave the others in agreement, or one alone.
        while believed.len() > 1 && broken(slots) {
            let is_weakest = |one: &usize| {
                let mut others = believed.iter();
                others.all(|other| precedence.compare(worth[*one], worth[*other]).is_le())
            };
            let weakest: Vec<usize> = believed.iter().copied().filter(is_weakest).collect();
            if weakest.len() == believed.len() {
                break;
            }
            believed.retain(|one| !weakest.contains(one));
            for slot in weakest
                .iter()
                .flat_map(|one| &agreement.parties[*one].reads)
            {
                let place = usize::from(*slot);
                let unsaid = match &sources[place] {
                    SlotSource::Name(name) => name.unsaid(),
                    _ => Err(Gap::Missing),
                };
                said.push((*slot, std::mem::replace(&mut slots[place], unsaid)));
            }
            aside.extend(weakest);
        }
        if believed.len() > 1 && broken(slots) {
            in_conflict.extend(believed.iter().map(|one| &agreement.parties[*one]));
        } else {
            all.push(Settled {
                agreement: place,
                believed,
                aside,
                said,
            });
        }
    }
    for (source, slot) in sources.iter().zip(slots) {
        if in_conflict.iter().any(|party| party.speaks_of(source)) {
            *slot = Err(Gap::Conflict);
        }
    }
    all
}
