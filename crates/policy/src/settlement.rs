//! Tells what sources said differently and the order of precedence has settled.

use crate::agreement::{Party, Settled};
use crate::decision::{Said, Settlement};
use crate::explain::{FORM, Reading, word};
use crate::fact::Assurance;
use crate::plan::SlotSource;
use crate::value::Slot;

impl Reading<'_> {
    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.settled
            .iter()
            .map(|settled| self.settlement(settled))
            .collect()
    }

    fn settlement(&self, settled: &Settled) -> Settlement {
        let agreement = &self.plan.agreements[settled.agreement];
        let said = |places: &[usize]| {
            let parties = places.iter().map(|place| &agreement.parties[*place]);
            parties
                .map(|party| self.said(party, settled))
                .collect::<Vec<Said>>()
        };
        let levels = |places: &[usize]| {
            let mut levels: Vec<Assurance> = places
                .iter()
                .map(|place| self.assurance(&agreement.parties[*place]))
                .collect();
            levels.sort_unstable();
            levels.dedup();
            levels
        };
        let (strong, weak) = (levels(&settled.believed), levels(&settled.aside));
        let speakers = |levels: &[Assurance]| {
            let words: Vec<&str> = levels.iter().map(|level| level.speaker()).collect();
            words.join("、")
        };
        Settlement {
            name: agreement.name.clone(),
            believed: said(&settled.believed),
            aside: said(&settled.aside),
            why: if strong == weak {
                format!("同为{}的信息，取时间较近的", speakers(&strong))
            } else {
                format!("{}的信息先于{}的", speakers(&strong), speakers(&weak))
            },
        }
    }

    fn assurance(&self, party: &Party) -> Assurance {
        let fact = party
            .fact
            .as_ref()
            .and_then(|(role, fact_type)| self.facts.get(role, fact_type));
        fact.map_or(Assurance::SelfDeclared, |fact| fact.assurance)
    }

    fn said(&self, party: &Party, settled: &Settled) -> Said {
        let texts: Vec<String> = party
            .reads
            .iter()
            .map(|slot| {
                let aside = settled.said.iter().find(|(of, _)| of == slot);
                let value =
                    aside.map_or(&self.gathered.slots[usize::from(*slot)], |(_, said)| said);
                self.in_words(&self.plan.slots[usize::from(*slot)], value)
            })
            .collect();
        let (role, fact_type) = party
            .fact
            .clone()
            .unwrap_or_else(|| ("applicant".to_owned(), FORM.to_owned()));
        let fact = self.facts.get(&role, &fact_type);
        let source_name =
            party
                .reads
                .iter()
                .find_map(|slot| match &self.plan.slots[usize::from(*slot)] {
                    SlotSource::Name(name) => Some(name.fact.source_name.clone()),
                    _ => None,
                });
        Said {
            source: fact.map_or_else(|| FORM.to_owned(), |fact| fact.source.clone()),
            source_name: source_name.unwrap_or_else(|| "您的申请".to_owned()),
            as_of: fact.map_or(self.at.now, |fact| fact.as_of),
            text: texts.join("、"),
            role,
            fact_type,
        }
    }

    /// A value as people read it: its own words, or its label with the value.
    fn in_words(&self, source: &SlotSource, value: &Slot) -> String {
        let ty = source.ty(&self.plan.service);
        let Ok(value) = value else {
            return "没有".to_owned();
        };
        let text = word(source, value.into()).map_or_else(|| ty.text(value), str::to_owned);
        match source {
            SlotSource::Name(name) if name.hidden => "已核对".to_owned(),
            SlotSource::Name(name) if name.unit.is_empty() => text,
            SlotSource::Name(name) => format!("{text} {}", name.unit),
            SlotSource::Input(index)
                if self.plan.service.inputs[*index].input_type.is_personal() =>
            {
                "已核对".to_owned()
            }
            _ => text,
        }
    }
}
