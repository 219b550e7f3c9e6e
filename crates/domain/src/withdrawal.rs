//! 提取: how much may be taken (money_rules §6.5 to §6.7). Invariant: never more than the free balance, never
//! negative. Caps and minimum balances are policy and are handed in.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::Month;
use crate::money::Fen;

/// What stands on an account: its free balance and what must be left on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Free {
    /// The balance less what is frozen or reserved.
    #[serde(rename = "balance_fen")]
    pub balance: Fen,
    /// 留存额.
    #[serde(rename = "retain_fen")]
    pub retain: Fen,
}

/// The amount of a withdrawal: the least of what one is entitled to, what is free and what was asked for.
#[must_use]
pub fn amount(eligible: Fen, free: Free, requested: Option<Fen>) -> Fen {
    let payable = eligible.min(free.balance - free.retain);
    requested
        .map_or(payable, |asked| payable.min(asked))
        .max(Fen::ZERO)
}

/// 租房提取: the months and the entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rent {
    /// 每月限额.
    #[serde(rename = "monthly_cap_fen")]
    pub monthly_cap: Fen,
    /// The rent of the contract; none means that the cap counts.
    #[serde(rename = "rent_fen")]
    pub rent: Option<Fen>,
    /// The first month that can be covered.
    pub start_month: Month,
    /// The last month that a former withdrawal covered.
    pub last_covered_month: Option<Month>,
    /// The month of the application, which itself is not covered.
    pub apply_month: Month,
    /// At most so many months at once.
    pub max_months: u32,
}

impl Rent {
    /// The months from the later of the start and the month after the last covered one, to the month before
    /// the application; at most `max_months`.
    #[must_use]
    pub fn months(&self) -> u32 {
        let first = self.last_covered_month.map_or(self.start_month, |covered| {
            covered.plus(1).max(self.start_month)
        });
        let open = self.apply_month.index() - first.index();
        u32::try_from(open).unwrap_or(0).min(self.max_months)
    }

    /// `months · min(cap, rent)`.
    #[must_use]
    pub fn entitlement(&self) -> Fen {
        self.rent
            .map_or(self.monthly_cap, |rent| rent.min(self.monthly_cap))
            * i64::from(self.months())
    }
}

/// 还贷提取: what was repaid inside the window (`since` excluded, `until` included), less what others have
/// already withdrawn for it.
#[must_use]
pub fn repaid_eligible(
    repaid: impl IntoIterator<Item = (NaiveDate, Fen)>,
    since: Option<NaiveDate>,
    until: NaiveDate,
    withdrawn_by_others: Fen,
) -> Fen {
    let inside = |date: NaiveDate| since.is_none_or(|since| date > since) && date <= until;
    let sum: Fen = repaid
        .into_iter()
        .filter(|(date, _)| inside(*date))
        .map(|(_, amount)| amount)
        .sum();
    (sum - withdrawn_by_others).max(Fen::ZERO)
}

/// 购房提取: the price less the loan and less what was already withdrawn for the home.
#[must_use]
pub fn purchase_eligible(price: Fen, loan: Fen, already_withdrawn: Fen) -> Fen {
    (price - loan - already_withdrawn).max(Fen::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rent(start: &str, covered: Option<&str>, apply: &str) -> Rent {
        let month = |text: &str| Month::parse(text).expect("a month");
        Rent {
            monthly_cap: Fen::yuan(1_800),
            rent: None,
            start_month: month(start),
            last_covered_month: covered.map(month),
            apply_month: month(apply),
            max_months: 12,
        }
    }

    #[test]
    fn rent_counts_the_open_months_before_the_application() {
        // V021, V022, V023, V024, and the edges around them.
        for (start, covered, apply, months) in [
            ("2024-01", Some("2024-06"), "2025-01", 6),
            ("2022-09", Some("2023-02"), "2024-03", 12),
            ("2024-05", None, "2024-08", 3),
            ("2024-01", Some("2024-11"), "2024-12", 0),
            ("2024-05", Some("2023-12"), "2024-08", 3),
            ("2024-09", None, "2024-08", 0),
        ] {
            assert_eq!(
                rent(start, covered, apply).months(),
                months,
                "{start} {covered:?} {apply}"
            );
        }
        let cheap = Rent {
            rent: Some(Fen::new(125_050)),
            ..rent("2024-05", None, "2024-08")
        };
        assert_eq!(cheap.entitlement(), Fen::new(375_150)); // V023
    }

    #[test]
    fn an_amount_is_never_more_than_is_free_and_never_negative() {
        let free = Free {
            balance: Fen::new(1_000),
            retain: Fen::new(100),
        };
        for (eligible, requested, expected) in [
            (500, None, 500),
            (5_000, None, 900),
            (5_000, Some(300), 300),
            (500, Some(600), 500),
            (0, Some(600), 0),
        ] {
            assert_eq!(
                amount(Fen::new(eligible), free, requested.map(Fen::new)),
                Fen::new(expected)
            );
        }
        assert_eq!(
            amount(
                Fen::new(500),
                Free {
                    balance: Fen::new(50),
                    ..free
                },
                None
            ),
            Fen::ZERO
        );
    }

    #[test]
    fn repayments_count_inside_their_window_only() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let repaid = [
            ("2024-02-20", 1),
            ("2024-02-21", 10),
            ("2024-08-19", 100),
            ("2024-08-20", 1_000),
        ]
        .map(|(date, fen)| (day(date), Fen::new(fen)));
        let eligible =
            |since, others| repaid_eligible(repaid, since, day("2024-08-19"), Fen::new(others));
        assert_eq!(eligible(Some(day("2024-02-20")), 0), Fen::new(110));
        assert_eq!(eligible(None, 11), Fen::new(100));
        assert_eq!(eligible(None, 500), Fen::ZERO);
        assert_eq!(
            purchase_eligible(Fen::new(90), Fen::new(80), Fen::new(12)),
            Fen::ZERO
        ); // V027
    }
}
