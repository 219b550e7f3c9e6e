//! What an audit finds (稽核发现): each difference by the law that it breaks, where, and what stands there beside what should. Of one
//! law not more than a hundred are told in full; how many more there are is counted.

use std::collections::BTreeMap;

use anju_ledger::audit::Breach;

/// Differences of a law that are told in full.
const IN_FULL: u64 = 100;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings {
    breaches: Vec<Breach>,
    found: BTreeMap<&'static str, u64>,
}

impl Findings {
    /// A difference.
    pub fn tell(&mut self, law: &'static str, place: impl Into<String>, detail: impl Into<String>) {
        let found = self.found.entry(law).or_default();
        *found += 1;
        if *found <= IN_FULL {
            self.breaches.push(Breach {
                invariant: law.to_owned(),
                place: place.into(),
                detail: detail.into(),
            });
        }
    }

    /// All of it; the last line of a law with more than a hundred says how many more.
    #[must_use]
    pub fn breaches(mut self) -> Vec<Breach> {
        for (law, found) in &self.found {
            if *found > IN_FULL {
                self.breaches.push(Breach {
                    invariant: (*law).to_owned(),
                    place: "其余".to_owned(),
                    detail: format!("同类不符另有 {} 处", found - IN_FULL),
                });
            }
        }
        self.breaches
    }
}
