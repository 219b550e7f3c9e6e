//! "Is it so?" (核验): the caller's keys against the record's fields of the same names, answered by yes or no alone.

use serde_json::Value;

use super::Row;

/// A question "is it so?": the caller's keys against the record's fields of the same names.
pub(super) struct Comparison {
    verdict: &'static str,
    yes: Option<&'static str>,
    no: &'static str,
    keys: &'static [&'static str],
    only_if_asked: bool,
}

impl Comparison {
    /// Every answer carries the verdict.
    pub(super) const fn always(
        verdict: &'static str,
        yes: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            verdict,
            yes: Some(yes),
            no,
            keys,
            only_if_asked: false,
        }
    }

    /// Only an answer to a caller who gave a key carries the verdict.
    pub(super) const fn if_asked(
        verdict: &'static str,
        yes: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            only_if_asked: true,
            ..Comparison::always(verdict, yes, no, keys)
        }
    }

    /// The field stays as it is unless a key differs.
    pub(super) const fn unless(
        verdict: &'static str,
        no: &'static str,
        keys: &'static [&'static str],
    ) -> Comparison {
        Comparison {
            verdict,
            yes: None,
            no,
            keys,
            only_if_asked: false,
        }
    }

    pub(super) fn judge(&self, row: &Row, asked: &Row, said: &mut Row) {
        let text = |fields: &Row, key: &str| {
            let value = fields.get(key).and_then(Value::as_str).map(compact);
            value.filter(|text| !text.is_empty())
        };
        let given: Vec<_> = (self.keys.iter())
            .filter_map(|key| Some((key, text(asked, key)?)))
            .collect();
        if self.only_if_asked && given.is_empty() {
            return;
        }
        // Nobody is compared with a field that the register does not hold, but a caller who asks whether this
        // is the spouse of somebody who has none is told no.
        let differs = given.iter().any(|(key, asked)| match text(row, key) {
            Some(held) => held != *asked,
            None => self.only_if_asked && self.keys.first() == Some(*key),
        });
        let held = row.get(self.verdict).and_then(Value::as_str);
        if differs || held == Some(self.no) {
            said.insert(self.verdict.to_owned(), Value::from(self.no));
        } else if let Some(yes) = self.yes {
            said.insert(self.verdict.to_owned(), Value::from(yes));
        }
    }
}

/// Names and numbers are compared without their spaces, letters in upper case.
fn compact(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_uppercase()
}
