//! 结息: products (积数), rates by segment, annual settlement and closing (contribution.md §16). Invariant:
//! interest is rounded once, on the whole period, so that an auditor who recomputes from the sum of
//! products finds the same fen.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::money::Fen;
use crate::rate::Bp;
use crate::rounding::rh;

/// How a change of rate inside an interest year counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeMode {
    /// Each segment at its own rate.
    Segment,
    /// The whole product at the rate of the settlement or closing day (the rule of before 2016-02-21).
    SettlementRate,
}

/// Why interest cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterestError {
    /// No rate is in force yet on that day. Absence is an error, never a rate of zero.
    #[error("no interest rate is in force on {0}")]
    NoRate(NaiveDate),
    /// Two rates begin on one day.
    #[error("two interest rates begin on {0}")]
    TwoRates(NaiveDate),
    /// A change outside of the account's life, or on its closing day.
    #[error("a change of balance on {0} is outside of the period that earns interest")]
    ChangeOutside(NaiveDate),
    /// An end that is no settlement day or before the beginning.
    #[error("{0} cannot end a period of interest")]
    End(NaiveDate),
}

/// 利率表. Account interest rates in basis points a year, by the day from which they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateTable(BTreeMap<NaiveDate, Bp>);

impl RateTable {
    /// A table of `(from, rate)` in any order.
    ///
    /// # Errors
    /// Two rates from one day.
    pub fn new(rates: impl IntoIterator<Item = (NaiveDate, Bp)>) -> Result<Self, InterestError> {
        let mut table = BTreeMap::new();
        for (from, bp) in rates {
            if table.insert(from, bp).is_some() {
                return Err(InterestError::TwoRates(from));
            }
        }
        Ok(Self(table))
    }

    /// The rate in force on a day.
    ///
    /// # Errors
    /// Before the first rate.
    pub fn on(&self, day: NaiveDate) -> Result<Bp, InterestError> {
        self.0
            .range(..=day)
            .next_back()
            .map(|(_, bp)| *bp)
            .ok_or(InterestError::NoRate(day))
    }

    /// `W(day)`: the cumulated rate × days of every day before `day`, in basis-point days. A balance that
    /// stood from `a` to the day before `b` has earned `balance · (W(b) − W(a))`.
    ///
    /// # Errors
    /// Before the first rate.
    pub fn cumulated(&self, day: NaiveDate) -> Result<i64, InterestError> {
        self.on(day)?;
        let begins = self.0.range(..=day).map(|(from, _)| *from);
        let ends = begins.clone().skip(1).chain([day]);
        Ok(begins
            .zip(ends)
            .zip(self.0.values())
            .map(|((from, to), bp)| (to - from).num_days() * i64::from(bp.bp()))
            .sum())
    }
}

/// 积数: `product + balance · days`. In fen-days; end-of-day balances, so that money in counts from its day
/// and money out does not count on its day (算头不算尾).
#[must_use]
pub fn add_product(product: i128, balance: Fen, from: NaiveDate, to: NaiveDate) -> i128 {
    product + i128::from(balance.fen()) * i128::from((to - from).num_days())
}

/// Interest of an accrual in fen × basis-point days: `rh(accrual / (10,000 · year_days))`.
#[must_use]
pub fn interest(accrual: i128, year_days: u16) -> Fen {
    Fen::from_i128(rh(accrual, 10_000 * i128::from(year_days)))
}

/// The first settlement day (30 June) on or after a day.
#[must_use]
pub fn settlement_day_from(day: NaiveDate) -> NaiveDate {
    let this_year = thirtieth_of_june(day.year());
    if this_year >= day {
        this_year
    } else {
        thirtieth_of_june(day.year() + 1)
    }
}

fn thirtieth_of_june(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 6, 30).expect("every year has a 30 June")
}

/// Where a computation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "date", rename_all = "snake_case")]
pub enum End {
    /// With the settlement of this 30 June, the day included.
    Annual(NaiveDate),
    /// 销户 on this day, which does not count.
    Closing(NaiveDate),
}

/// 结息 of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// 30 June, or the day of closing.
    pub date: NaiveDate,
    /// The product of the period in fen-days.
    #[serde(rename = "product_fen_days")]
    pub product: i128,
    /// The interest.
    #[serde(rename = "interest_fen")]
    pub interest: Fen,
}

/// Every settlement of an account's life from its opening balance, and the balance with all interest: how the
/// ledger's running products are checked, and how old periods are recomputed.
///
/// # Errors
/// A missing rate, a change outside of the period or on the closing day, an end that is none.
pub fn settle(
    opening: (NaiveDate, Fen),
    changes: &[(NaiveDate, Fen)],
    end: End,
    rates: &RateTable,
    mode: ChangeMode,
    year_days: u16,
) -> Result<(Vec<Settlement>, Fen), InterestError> {
    let (mut day, mut balance) = opening;
    let last = match end {
        End::Annual(date) if date >= day && settlement_day_from(date) == date => date,
        End::Closing(date) if date >= day => date,
        End::Annual(date) | End::Closing(date) => return Err(InterestError::End(date)),
    };
    let mut deltas: BTreeMap<NaiveDate, Fen> = BTreeMap::new();
    for (date, delta) in changes {
        if *date < day || *date > last || end == End::Closing(*date) {
            return Err(InterestError::ChangeOutside(*date));
        }
        *deltas.entry(*date).or_default() += *delta;
    }
    let mut settlements = Vec::new();
    loop {
        let annual = settlement_day_from(day);
        let closes = matches!(end, End::Closing(date) if date <= annual);
        let (date, until) = if closes {
            (last, last)
        } else {
            (annual, next_day(annual))
        };
        let (mut product, mut accrual) = (0, 0);
        let period: Vec<_> = deltas
            .range(day..until)
            .map(|(date, delta)| (*date, *delta))
            .collect();
        for (to, delta) in period.into_iter().chain([(until, Fen::ZERO)]) {
            product = add_product(product, balance, day, to);
            accrual += i128::from(balance.fen())
                * i128::from(rates.cumulated(to)? - rates.cumulated(day)?);
            balance += delta;
            day = to;
        }
        if mode == ChangeMode::SettlementRate {
            accrual = product * i128::from(rates.on(date)?.bp());
        }
        let interest = interest(accrual, year_days);
        balance += interest;
        settlements.push(Settlement {
            date,
            product,
            interest,
        });
        if date == last {
            return Ok((settlements, balance));
        }
    }
}

fn next_day(day: NaiveDate) -> NaiveDate {
    day.succ_opt()
        .expect("a settlement day is inside the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn rates() -> RateTable {
        let rows = [
            ("2015-06-28", 160),
            ("2015-08-26", 135),
            ("2015-10-24", 110),
            ("2016-02-21", 150),
        ];
        RateTable::new(rows.map(|(from, bp)| (date(from), Bp::new(bp)))).expect("a table")
    }

    #[test]
    fn a_year_of_ten_thousand_yuan_is_that_of_the_textbook() {
        // contribution.md §16, examples; V013, V014.
        for (opening, end, expected) in [
            ("2022-07-01", "2023-06-30", 15_208),
            ("2023-07-01", "2024-06-30", 15_250),
        ] {
            let end = End::Annual(date(end));
            let (settled, balance) = settle(
                (date(opening), Fen::new(1_000_000)),
                &[],
                end,
                &rates(),
                ChangeMode::Segment,
                360,
            )
            .expect("settled");
            assert_eq!(
                (settled.len(), settled[0].interest),
                (1, Fen::new(expected))
            );
            assert_eq!(balance, Fen::new(1_000_000 + expected));
        }
    }

    #[test]
    fn closing_on_the_first_of_july_finds_the_year_settled() {
        // accounting.md §11, case 4.
        let opening = (date("2024-07-01"), Fen::new(3_333_333));
        let closing = |day| {
            settle(
                opening,
                &[],
                End::Closing(date(day)),
                &rates(),
                ChangeMode::Segment,
                360,
            )
            .expect("settled")
            .0
        };
        let on_june_30 = closing("2025-06-30");
        assert_eq!(
            (on_june_30.len(), on_june_30[0].interest),
            (1, Fen::new(50_556))
        ); // V018
        let on_july_1 = closing("2025-07-01");
        assert_eq!(on_july_1[0].date, date("2025-06-30"));
        assert_eq!(
            (on_july_1[1].product, on_july_1[1].interest),
            (0, Fen::ZERO)
        );
    }

    #[test]
    fn weights_add_up_over_a_change_of_rate() {
        let rates = rates();
        let between = |a: &str, b: &str| {
            rates.cumulated(date(b)).expect("W") - rates.cumulated(date(a)).expect("W")
        };
        assert_eq!(between("2015-08-25", "2015-08-28"), 160 + 2 * 135);
        assert_eq!(
            between("2015-07-01", "2016-07-01"),
            between("2015-07-01", "2016-01-05") + between("2016-01-05", "2016-07-01")
        );
        assert_eq!(rates.cumulated(date("2015-06-28")), Ok(0));
        assert_eq!(
            rates.cumulated(date("2015-06-27")),
            Err(InterestError::NoRate(date("2015-06-27")))
        );
    }

    #[test]
    fn what_cannot_earn_interest_is_refused() {
        let opening = (date("2024-07-10"), Fen::new(100));
        let settled = |change: &str, end| {
            settle(
                opening,
                &[(date(change), Fen::new(1))],
                end,
                &rates(),
                ChangeMode::Segment,
                360,
            )
        };
        for (change, end) in [
            ("2024-07-09", End::Closing(date("2024-08-10"))),
            ("2024-08-10", End::Closing(date("2024-08-10"))),
        ] {
            assert_eq!(
                settled(change, end),
                Err(InterestError::ChangeOutside(date(change)))
            );
        }
        assert_eq!(
            settled("2024-07-11", End::Annual(date("2025-06-29"))),
            Err(InterestError::End(date("2025-06-29")))
        );
    }
}
