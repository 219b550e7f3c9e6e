//! How a kept decision is written down: short, because every case keeps one for ever, and still as text that a person reads. What was
//! kept in an earlier form is read as well.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::decision::{ConditionOutcome, PolicyRef};
use crate::fact::At;

/// The ids of the facts that a kept decision names, from its JSON.
#[must_use]
pub fn fact_ids_of(decision: &serde_json::Value) -> Vec<i64> {
    decision
        .get("fact_ids")
        .and_then(|ids| fact_ids::deserialize(ids).ok())
        .unwrap_or_default()
}

/// What many hold together, written as if each had its own.
pub(crate) fn shared<T: Serialize, S: Serializer>(
    value: &std::sync::Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}

/// The instant alone where the day is the instant's own.
pub(crate) mod at {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Instant(DateTime<Utc>),
        Whole(At),
    }

    pub fn serialize<S: Serializer>(at: &At, serializer: S) -> Result<S::Ok, S::Error> {
        if at.today == anju_domain::clock::shanghai_date(at.now) {
            at.now.serialize(serializer)
        } else {
            at.serialize(serializer)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<At, D::Error> {
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Instant(now) => At {
                now,
                today: anju_domain::clock::shanghai_date(now),
            },
            Kept::Whole(at) => at,
        })
    }
}

/// Version and digest in one text.
pub(crate) mod policy {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Text(String),
        Whole(PolicyRef),
    }

    pub fn serialize<S: Serializer>(policy: &PolicyRef, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", policy.version, policy.digest))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PolicyRef, D::Error> {
        match Kept::deserialize(deserializer)? {
            Kept::Text(text) => text
                .rsplit_once(' ')
                .map(|(version, digest)| PolicyRef {
                    version: version.to_owned(),
                    digest: digest.to_owned(),
                })
                .ok_or_else(|| D::Error::custom("a policy without a digest")),
            Kept::Whole(policy) => Ok(policy),
        }
    }
}

/// The first id, and how far each next one is from the one before: facts that were kept together lie together.
pub(crate) mod fact_ids {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Steps(String),
        Ids(Vec<i64>),
    }

    pub fn serialize<S: Serializer>(ids: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0_i64;
        let steps: Vec<String> = ids
            .iter()
            .map(|id| id.wrapping_sub(std::mem::replace(&mut before, *id)))
            .map(|step| step.to_string())
            .collect();
        serializer.serialize_str(&steps.join(" "))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
        let steps = match Kept::deserialize(deserializer)? {
            Kept::Steps(steps) => steps,
            Kept::Ids(ids) => return Ok(ids),
        };
        let mut id = 0_i64;
        steps
            .split_whitespace()
            .map(|step| {
                let step: i64 = step.parse().map_err(D::Error::custom)?;
                id = id.wrapping_add(step);
                Ok(id)
            })
            .collect()
    }
}

/// One text of codes for each run of the same outcome, in order; most decisions have a single run. In it codes that follow one another are
/// named by the first and the number of the last: `CMN-01..06`.
pub(crate) mod conditions {
    use super::*;

    type Conditions = Vec<(String, ConditionOutcome)>;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Run(ConditionOutcome, String),
        One(String, ConditionOutcome),
    }

    pub fn serialize<S: Serializer>(
        conditions: &[(String, ConditionOutcome)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let runs = conditions.chunk_by(|one, next| one.1 == next.1);
        serializer.collect_seq(runs.map(|run| (run[0].1, in_ranges(run))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Conditions, D::Error> {
        let mut conditions = Vec::new();
        for kept in Vec::<Kept>::deserialize(deserializer)? {
            match kept {
                Kept::Run(outcome, codes) => {
                    let codes = codes.split(' ').flat_map(of_range);
                    conditions.extend(codes.map(|code| (code, outcome)));
                }
                Kept::One(code, outcome) => conditions.push((code, outcome)),
            }
        }
        Ok(conditions)
    }

    fn in_ranges(run: &[(String, ConditionOutcome)]) -> String {
        let ranges = run.chunk_by(|one, next| follows(&one.0, &next.0));
        let texts: Vec<String> = ranges
            .map(|range| match range {
                [(first, _), .., (last, _)] => {
                    format!("{first}..{}", number(last).map_or("", |it| it.1))
                }
                _ => range[0].0.clone(),
            })
            .collect();
        texts.join(" ")
    }

    fn of_range(text: &str) -> Vec<String> {
        let range = text.split_once("..").and_then(|(first, last)| {
            let (before, digits) = number(first)?;
            let numbers = digits.parse::<u16>().ok()?..=last.parse::<u16>().ok()?;
            let width = digits.len();
            Some(
                numbers
                    .map(|number| format!("{before}{number:0width$}"))
                    .collect(),
            )
        });
        range.unwrap_or_else(|| vec![text.to_owned()])
    }

    fn follows(one: &str, next: &str) -> bool {
        match (number(one), number(next)) {
            (Some((before, one)), Some((same, next))) => {
                before == same
                    && one.len() == next.len()
                    && one.parse::<u16>().ok().map(|one| one + 1) == next.parse().ok()
            }
            _ => false,
        }
    }

    /// What stands before a code's number, and the number: two digits, or three.
    fn number(code: &str) -> Option<(&str, &str)> {
        let (before, number) = code.split_at(code.rfind('-')? + 1);
        let is_number =
            matches!(number.len(), 2 | 3) && number.bytes().all(|one| one.is_ascii_digit());
        is_number.then_some((before, number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decision::StoredDecision;

    #[test]
    fn a_decision_is_kept_short_and_read_in_every_form() {
        let kept = json!({
            "service": "withdraw-rent", "at": { "now": "2026-11-29T02:00:00Z", "today": "2026-11-29" }, "outcome": "refused",
            "amount_fen": null, "fact_ids": [1005, 1007, 1006, 2], "policy": { "version": "2026-11", "digest": "d" },
            "conditions": [["CMN-01", "met"], ["CMN-02", "met"], ["CMN-04", "met"], ["RENT-09", "not_met"], ["RENT-10", "met"],
                           ["RENT-11", "met"], ["RENT-12b", "met"]],
        });
        let decision: StoredDecision = serde_json::from_value(kept).expect("the first form");
        let again = serde_json::to_value(&decision).expect("JSON");
        assert_eq!(
            again,
            json!({
                "service": "withdraw-rent", "at": "2026-11-29T02:00:00Z", "outcome": "refused", "amount_fen": null,
                "fact_ids": "1005 2 -1 -1004", "policy": "2026-11 d",
                "conditions": [["met", "CMN-01..02 CMN-04"], ["not_met", "RENT-09"], ["met", "RENT-10..11 RENT-12b"]],
            })
        );
        assert_eq!(fact_ids_of(&again), [1005, 1007, 1006, 2]);
        assert_eq!(
            serde_json::from_value::<StoredDecision>(again).expect("the short form"),
            decision
        );
    }

    #[test]
    fn a_run_without_ranges_is_read_and_so_is_another_day() {
        let kept = json!({
            "service": "withdraw-rent", "at": { "now": "2026-11-29T02:00:00Z", "today": "2026-12-01" }, "outcome": "approved",
            "amount_fen": 5, "fact_ids": "", "policy": "2026-11 d", "conditions": [["met", "CMN-01 CMN-02 CMN-099..101"]],
        });
        let decision: StoredDecision = serde_json::from_value(kept).expect("the second form");
        let codes: Vec<&str> = decision.conditions.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(codes, ["CMN-01", "CMN-02", "CMN-099", "CMN-100", "CMN-101"]);
        assert!(decision.fact_ids.is_empty());
        let again = serde_json::to_value(&decision).expect("JSON");
        assert_eq!(again["at"]["today"], "2026-12-01");
    }
}
