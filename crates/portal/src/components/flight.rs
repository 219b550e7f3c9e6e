//! 每一步用时: the flight recorder of a case, from the tap to the card, each leg where it lies in the whole.

use askama::Template;
use chrono::{DateTime, Utc};

use super::prints_itself;
use crate::when;

/// A leg by its name, begun and how long.
#[derive(Debug, Clone)]
pub struct Leg {
    /// 向部门核对.
    pub name: String,
    /// Begun.
    pub started_at: DateTime<Utc>,
    /// Milliseconds.
    pub ms: i64,
}

/// All legs in their order.
#[derive(Debug, Clone, Template)]
#[template(path = "components/flight.html")]
pub struct Flight {
    began: DateTime<Utc>,
    legs: Vec<Leg>,
}

/// A bar in hundredths of the whole.
struct Bar {
    x: f64,
    width: f64,
}

/// A leg of no time still shows.
const THIN: f64 = 0.8;

impl Flight {
    /// From the tap on; none where nothing is timed.
    #[must_use]
    pub fn new(began: DateTime<Utc>, legs: Vec<Leg>) -> Option<Flight> {
        (!legs.is_empty()).then_some(Flight { began, legs })
    }

    /// From the tap to the end of the last leg, in milliseconds.
    fn whole(&self) -> i64 {
        self.legs
            .iter()
            .map(|leg| self.offset(leg) + leg.ms)
            .max()
            .unwrap_or(0)
            .max(1)
    }

    fn offset(&self, leg: &Leg) -> i64 {
        (leg.started_at - self.began).num_milliseconds().max(0)
    }

    fn all(&self) -> String {
        when::took(self.whole())
    }

    fn lines(&self) -> Vec<(&str, Bar, String)> {
        let part = |ms: i64| ms as f64 * 100.0 / self.whole() as f64;
        self.legs
            .iter()
            .map(|leg| {
                let width = part(leg.ms).max(THIN);
                let bar = Bar {
                    x: part(self.offset(leg)).min(100.0 - width),
                    width,
                };
                (leg.name.as_str(), bar, when::took(leg.ms))
            })
            .collect()
    }
}

prints_itself!(Flight);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_lie_one_after_the_other_and_end_with_the_whole() {
        let began = "2026-11-24T01:14:01Z"
            .parse::<DateTime<Utc>>()
            .expect("an instant");
        let leg = |name: &str, after: i64, ms| Leg {
            name: name.to_owned(),
            started_at: began + chrono::TimeDelta::milliseconds(after),
            ms,
        };
        let flight =
            Flight::new(began, vec![leg("核对", 0, 300), leg("银行", 300, 700)]).expect("legs");
        assert_eq!(flight.whole(), 1000);
        let lines = flight.lines();
        assert!((lines[1].1.x - 30.0).abs() < 1e-9 && (lines[1].1.width - 70.0).abs() < 1e-9);
        assert!(Flight::new(began, Vec::new()).is_none());
    }
}
