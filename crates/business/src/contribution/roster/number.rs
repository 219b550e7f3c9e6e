//! Numbers of a spreadsheet, exactly. A cell that shows 6,543.21 may hold 6543.2099999999999: the file
//! carries the shortest digits of a binary number, and they are compared with whole fen as they stand.

use chrono::{Days, NaiveDate};

/// A decimal as a cell of the file writes it: `-1.25E-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    mantissa: u128,
    exponent: i32,
}

/// Why a number has no place on a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffScale {
    /// Further from a whole unit than the tolerance.
    Between,
    /// Larger than any value of a roster.
    TooLarge,
}

/// Digits that are kept; a binary number of a spreadsheet has seventeen.
const MAX_DIGITS: u32 = 30;

impl Decimal {
    /// Reads the digits of a number cell; scientific notation is how the file format writes small and
    /// large numbers, it is not what the clerk typed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (
                digits,
                exponent.parse::<i32>().ok().filter(|e| e.abs() < 1_000)?,
            ),
            None => (text, 0),
        };
        let (is_negative, digits) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, digits.strip_prefix('+').unwrap_or(digits)),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && decimals.is_empty()) || !all_digits(whole) || !all_digits(decimals)
        {
            return None;
        }
        let mut number = Self {
            is_negative,
            mantissa: 0,
            exponent,
        };
        let mut kept = 0;
        for (place, digit) in whole.bytes().chain(decimals.bytes()).enumerate() {
            let is_decimal = place >= whole.len();
            if kept < MAX_DIGITS {
                number.mantissa = number.mantissa * 10 + u128::from(digit - b'0');
                kept += u32::from(number.mantissa > 0);
                number.exponent -= i32::from(is_decimal);
            } else {
                number.exponent += i32::from(!is_decimal);
            }
        }
        Some(number)
    }

    pub(super) fn is_negative(self) -> bool {
        self.is_negative && self.mantissa > 0
    }

    /// Whether it is below one.
    pub(super) fn is_fraction(self) -> bool {
        self.nearest(0, 0).is_err() && self.floor_is_zero()
    }

    fn floor_is_zero(self) -> bool {
        let shift = u32::try_from(-self.exponent).unwrap_or(0);
        10_u128
            .checked_pow(shift)
            .is_none_or(|one| self.mantissa < one)
    }

    /// The whole number of units of 10^-`places` that this is, if it is less than 10^-`tolerance` units
    /// away from it.
    pub(super) fn nearest(self, places: i32, tolerance: u32) -> Result<i64, OffScale> {
        let shift = self.exponent + places;
        let sign = if self.is_negative { -1 } else { 1 };
        if self.mantissa == 0 {
            return Ok(0);
        }
        if shift >= 0 {
            let factor = u32::try_from(shift)
                .ok()
                .and_then(|shift| 10_u128.checked_pow(shift));
            let units = factor
                .and_then(|factor| self.mantissa.checked_mul(factor))
                .and_then(|units| i64::try_from(units).ok());
            return units.map(|units| units * sign).ok_or(OffScale::TooLarge);
        }
        let Some(unit) = 10_u128.checked_pow(shift.unsigned_abs()) else {
            return if tolerance == 0 {
                Err(OffScale::Between)
            } else {
                Ok(0)
            };
        };
        let (floor, rest) = (self.mantissa / unit, self.mantissa % unit);
        let (units, distance) = if rest * 2 >= unit {
            (floor + 1, unit - rest)
        } else {
            (floor, rest)
        };
        // distance / unit < 10^-tolerance; exactly whole when no distance is tolerated.
        let is_near = distance == 0
            || distance
                .checked_mul(10_u128.pow(tolerance))
                .is_some_and(|scaled| tolerance > 0 && scaled < unit);
        if !is_near {
            return Err(OffScale::Between);
        }
        i64::try_from(units)
            .map(|units| units * sign)
            .map_err(|_| OffScale::TooLarge)
    }
}

/// The day that a serial number shows, in the epoch of its file.
pub(super) fn date_of_serial(text: &str, date_1904: bool) -> Option<NaiveDate> {
    let days = text
        .split(['.', 'E', 'e'])
        .next()?
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|days| *days < 2_958_466)?;
    // Serial 60 is 29 February 1900, which never was: later days count from 30 December 1899.
    let epoch = if date_1904 {
        NaiveDate::from_ymd_opt(1904, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(1899, 12, 30)
    };
    epoch?.checked_add_days(Days::new(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(text: &str) -> Result<i64, OffScale> {
        Decimal::parse(text).expect("a number").nearest(2, 4)
    }

    #[test]
    fn a_number_within_a_millionth_of_a_yuan_of_a_fen_is_that_fen() {
        for (text, expected) in [
            ("6543.21", Ok(654_321)),
            ("6543.2099999999999", Ok(654_321)),
            ("6543.2100009", Ok(654_321)),
            ("6543.210001", Err(OffScale::Between)),
            ("6543.209999", Err(OffScale::Between)),
            ("6543.2099991", Ok(654_321)),
            ("6543.215", Err(OffScale::Between)),
            ("1.2E4", Ok(1_200_000)),
            ("7.0000000000000007E-2", Ok(7)),
            ("1E-300", Ok(0)),
            ("0", Ok(0)),
            ("-3.5", Ok(-350)),
            ("1E300", Err(OffScale::TooLarge)),
            (
                "123456789012345678901234567890123456789012345678901234567890",
                Err(OffScale::TooLarge),
            ),
            (
                "0.000000000000000000000000000000000000000000000000000000000001",
                Ok(0),
            ),
        ] {
            assert_eq!(fen(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", ".", "-", "1,000", "0x10", "NaN", "inf", "1e", "1e99999", "1.2.3", "１２",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_fraction_is_below_one() {
        for (text, is_fraction) in [
            ("0.12", true),
            ("0.07", true),
            ("7.0000000000000007E-2", true),
            ("1", false),
            ("12", false),
            ("1.2E1", false),
            ("0", false),
        ] {
            assert_eq!(
                Decimal::parse(text).expect("a number").is_fraction(),
                is_fraction,
                "{text}"
            );
        }
    }

    #[test]
    fn a_date_shows_by_the_epoch_of_its_file() {
        assert_eq!(
            date_of_serial("41518", false),
            NaiveDate::from_ymd_opt(2013, 9, 1)
        );
        assert_eq!(
            date_of_serial("40056.5", true),
            NaiveDate::from_ymd_opt(2013, 9, 1)
        );
        assert_eq!(date_of_serial("99999999999", false), None);
    }
}
