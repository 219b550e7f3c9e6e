//! What a life has had in it.

use std::collections::BTreeMap;
use std::fmt;

/// What happened, for the report.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// Days closed.
    pub days: u32,
    /// Months of employers that were allocated.
    pub months: u32,
    /// How often each kind of event came about.
    pub events: BTreeMap<&'static str, u32>,
    /// What the rules refused, by kind of event and code: a life asks for what it may not have, too.
    pub refused: BTreeMap<String, u32>,
}

impl Told {
    /// One more of a kind.
    pub fn add(&mut self, event: &'static str) {
        *self.events.entry(event).or_default() += 1;
    }

    /// One more that the rules refused.
    pub fn refuse(&mut self, event: &str, code: &str) {
        *self.refused.entry(format!("{event} {code}")).or_default() += 1;
    }

    /// How often a kind of event came about.
    #[must_use]
    pub fn count(&self, event: &str) -> u32 {
        self.events.get(event).copied().unwrap_or_default()
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "日结 {} 天，汇缴 {} 个单位月", self.days, self.months)?;
        for (event, times) in &self.events {
            write!(f, "，{event} {times}")?;
        }
        if !self.refused.is_empty() {
            write!(f, "；未获批准：")?;
            let all: Vec<String> = self
                .refused
                .iter()
                .map(|(what, times)| format!("{what} {times}"))
                .collect();
            write!(f, "{}", all.join("，"))?;
        }
        Ok(())
    }
}
