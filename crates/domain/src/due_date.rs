//! 应还日: on which days instalments fall due (money_rules §4). Invariant: always counted from the original
//! date, never from the due date before.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::{Month, add_months};

/// 还款日约定.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DueRule {
    /// The day of the month on which the loan was paid out.
    DisbursementDay,
    /// A day of the month agreed once.
    Fixed {
        /// 1 to 31; the last day of a shorter month stands in for it.
        day: u32,
    },
}

impl DueRule {
    /// The day on which the `k`-th instalment is due, counted from 1.
    #[must_use]
    pub fn due(self, value_date: NaiveDate, k: i32) -> NaiveDate {
        match self {
            Self::DisbursementDay => add_months(value_date, k),
            Self::Fixed { day } => Month::of(value_date).plus(k).day_clamped(day),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_month_does_not_move_the_days_after_it() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let by_day = [1, 2, 13].map(|k| DueRule::DisbursementDay.due(day("2024-01-31"), k)); // V061
        assert_eq!(by_day, ["2024-02-29", "2024-03-31", "2025-02-28"].map(day));
        let fixed = [1, 2, 11].map(|k| DueRule::Fixed { day: 31 }.due(day("2025-03-15"), k)); // V062
        assert_eq!(fixed, ["2025-04-30", "2025-05-31", "2026-02-28"].map(day));
    }
}
