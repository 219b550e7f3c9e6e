//! Civil dates and months (Asia/Shanghai). Invariant: due dates are always counted from the original
//! date, and no function here reads a clock.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digits;

/// 年月. A month without a day in it. Text form `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

/// Why a text is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("「{0}」不是年月，请按 2026-11 的格式填写")]
pub struct MonthError(String);

impl Month {
    /// A month of the years 1900 to 2999, the span of every document that the fund sees.
    #[must_use]
    pub const fn new(year: i32, month: u32) -> Option<Self> {
        if year < 1900 || year > 2999 || month == 0 || month > 12 {
            return None;
        }
        Some(Self { year, month })
    }

    /// Reads `YYYY-MM`.
    ///
    /// # Errors
    /// Anything else, a month 13 too.
    pub fn parse(text: &str) -> Result<Self, MonthError> {
        let refused = || MonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(refused)?;
        let plain = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(year, 4) || !plain(month, 2) {
            return Err(refused());
        }
        Self::new(
            year.parse().map_err(|_| refused())?,
            month.parse().map_err(|_| refused())?,
        )
        .ok_or_else(refused)
    }

    /// The month of a date.
    #[must_use]
    pub fn of(date: NaiveDate) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> i32 {
        self.year
    }

    /// The month of the year, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u32 {
        self.month
    }

    /// `12·year + month − 1`, the form in which months are counted and stored.
    #[must_use]
    pub const fn index(self) -> i32 {
        12 * self.year + self.month as i32 - 1
    }

    /// The month of an [`index`](Self::index).
    #[must_use]
    pub const fn from_index(index: i32) -> Self {
        Self {
            year: index.div_euclid(12),
            month: index.rem_euclid(12) as u32 + 1,
        }
    }

    /// The month `months` later, earlier when negative.
    #[must_use]
    pub const fn plus(self, months: i32) -> Self {
        Self::from_index(self.index() + months)
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).expect("every month has a first day")
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        self.plus(1)
            .first_day()
            .pred_opt()
            .expect("a month ends inside the calendar")
    }

    /// That day of the month, clamped to its last.
    #[must_use]
    pub fn day_clamped(self, day: u32) -> NaiveDate {
        let last = self.last_day();
        if day >= last.day() {
            last
        } else {
            last.with_day(day.max(1))
                .expect("a day before the last exists")
        }
    }

    /// The months from this one to `last`, both inclusive; none when `last` is earlier.
    pub fn to(self, last: Self) -> impl DoubleEndedIterator<Item = Self> {
        (self.index()..=last.index()).map(Self::from_index)
    }

    /// `2026年11月`.
    #[must_use]
    pub fn chinese(self) -> String {
        format!("{}年{}月", self.year, self.month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The number of months from `a` to `b`, negative when `b` is earlier.
#[must_use]
pub const fn months_between(a: Month, b: Month) -> i32 {
    b.index() - a.index()
}

/// Full months from `from` to `to`: the same day counts as reached (money_rules §4).
#[must_use]
pub fn full_months(from: NaiveDate, to: NaiveDate) -> i32 {
    let months = months_between(Month::of(from), Month::of(to));
    if to.day() < from.day() {
        months - 1
    } else {
        months
    }
}

/// The same nominal day `k` months later, clamped to the last day of the target month.
#[must_use]
pub fn add_months(date: NaiveDate, k: i32) -> NaiveDate {
    Month::of(date).plus(k).day_clamped(date.day())
}

/// Age in full years: the birthday counts as reached; who is born on 29 February has it on 1 March in
/// other years.
#[must_use]
pub fn age_on(birth: NaiveDate, date: NaiveDate) -> i32 {
    full_months(birth, date).div_euclid(12)
}

/// 缴存年度: the year in which the contribution year of a month starts (1 July to 30 June).
#[must_use]
pub const fn contribution_year_of(month: Month) -> i32 {
    if month.month >= 7 {
        month.year
    } else {
        month.year - 1
    }
}

/// `11月24日`.
#[must_use]
pub fn chinese_day(date: NaiveDate) -> String {
    format!("{}月{}日", date.month(), date.day())
}

/// `2026年11月24日`.
#[must_use]
pub fn chinese_date(date: NaiveDate) -> String {
    let mut text = String::new();
    write_chinese_date(&mut text, date);
    text
}

/// Writes `2026年11月24日` to the end of a text.
pub fn write_chinese_date(text: &mut String, date: NaiveDate) {
    digits::push_signed(text, i64::from(date.year()));
    text.push('年');
    digits::push(text, u64::from(date.month()), 1);
    text.push('月');
    digits::push(text, u64::from(date.day()), 1);
    text.push('日');
}

/// 节假日安排. The days off on weekdays and the weekend days worked instead (调休), given from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    off: BTreeSet<NaiveDate>,
    worked: BTreeSet<NaiveDate>,
}

impl Holidays {
    /// From the yearly notice: days off, and weekend days that are worked.
    pub fn new(
        off: impl IntoIterator<Item = NaiveDate>,
        worked: impl IntoIterator<Item = NaiveDate>,
    ) -> Self {
        Self {
            off: off.into_iter().collect(),
            worked: worked.into_iter().collect(),
        }
    }

    /// Whether people work on that day.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        self.worked.contains(&date) || (!weekend && !self.off.contains(&date))
    }

    /// The day itself when it is worked, else the next one that is.
    #[must_use]
    pub fn next_working_day(&self, date: NaiveDate) -> NaiveDate {
        date.iter_days()
            .find(|day| self.is_working_day(*day))
            .expect("holidays end")
    }

    /// The `n`-th working day after `date`; `n` = 0 is `date` itself.
    #[must_use]
    pub fn add_working_days(&self, date: NaiveDate, n: u32) -> NaiveDate {
        (0..n).fold(date, |day, _| self.next_working_day(day + Days::new(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn month(text: &str) -> Month {
        Month::parse(text).expect("a month")
    }

    #[test]
    fn months_read_print_and_count() {
        assert_eq!(month("2024-11").plus(3), month("2025-02"));
        assert_eq!(month("2024-01").plus(-1), month("2023-12"));
        assert_eq!(
            Month::from_index(month("2024-12").index()),
            month("2024-12")
        );
        assert_eq!(month("2024-02").last_day(), date("2024-02-29"));
        assert_eq!(months_between(month("2022-06"), month("2022-12")), 6);
        assert_eq!(month("2022-11").to(month("2023-02")).count(), 4);
        assert_eq!(month("2026-11").chinese(), "2026年11月");
        for text in [
            "2024-13",
            "2024-00",
            "2024-1",
            "24-01",
            "2024/01",
            "",
            "2024-01-01",
        ] {
            assert!(Month::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_nominal_day_is_clamped_from_the_original_date() {
        assert_eq!(add_months(date("2024-01-31"), 1), date("2024-02-29"));
        assert_eq!(add_months(date("2024-01-31"), 2), date("2024-03-31"));
        assert_eq!(add_months(date("2024-03-31"), -1), date("2024-02-29"));
    }

    #[test]
    fn ages_count_the_birthday_and_a_leap_birthday_waits_for_march() {
        assert_eq!(age_on(date("2008-11-24"), date("2024-11-23")), 15);
        assert_eq!(age_on(date("2008-11-24"), date("2024-11-24")), 16);
        assert_eq!(age_on(date("2008-02-29"), date("2024-02-28")), 15);
        assert_eq!(age_on(date("2008-02-29"), date("2024-02-29")), 16);
        assert_eq!(age_on(date("2008-02-29"), date("2025-02-28")), 16);
        assert_eq!(age_on(date("2008-02-29"), date("2025-03-01")), 17);
        assert_eq!(full_months(date("1978-09-16"), date("2025-09-15")), 563);
    }

    #[test]
    fn the_contribution_year_begins_in_july() {
        assert_eq!(contribution_year_of(month("2024-07")), 2024);
        assert_eq!(contribution_year_of(month("2025-06")), 2024);
    }

    #[test]
    fn working_days_know_holidays_and_worked_weekends() {
        let holidays = Holidays::new(
            [date("2026-10-01"), date("2026-10-02")],
            [date("2026-10-10")],
        );
        assert_eq!(
            holidays.next_working_day(date("2026-10-01")),
            date("2026-10-05")
        );
        assert!(holidays.is_working_day(date("2026-10-10")));
        assert_eq!(
            holidays.add_working_days(date("2026-10-09"), 2),
            date("2026-10-12")
        );
        assert_eq!(
            holidays.add_working_days(date("2026-09-30"), 3),
            date("2026-10-07")
        );
        assert_eq!(chinese_day(date("2026-11-24")), "11月24日");
    }
}
