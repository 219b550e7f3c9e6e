//! Rates and ratios as exact numbers. Invariant: no float, ever; a percent string is a fraction.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// 万分之一. A ratio or an account interest rate in basis points: 5 % is 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bp(i32);

impl Bp {
    /// A number of basis points.
    #[must_use]
    pub const fn new(bp: i32) -> Self {
        Self(bp)
    }

    /// The number of basis points.
    #[must_use]
    pub const fn bp(self) -> i32 {
        self.0
    }

    /// Reads a ratio as rosters carry it: `12`, `12%`, `12.5%`, and `0.12`, which is twelve percent too
    /// (doors.md §3): without a sign a number below one is a fraction of one.
    ///
    /// # Errors
    /// Not a number, negative, or finer than a basis point.
    pub fn parse_ratio(text: &str) -> Result<Self, RateError> {
        let cleaned = text::compact(text);
        let refused = || RateError::NotARate(text.trim().to_owned());
        let (digits, signed) = match cleaned.strip_suffix('%') {
            Some(digits) => (digits, true),
            None => (cleaned.as_str(), false),
        };
        let percent = Percent::parse(digits)?;
        if percent.ten_thousandths < 0 {
            return Err(refused());
        }
        let scaled = if !signed && percent.ten_thousandths < 10_000 {
            percent.ten_thousandths * 100
        } else {
            percent.ten_thousandths
        };
        if scaled % 100 != 0 {
            return Err(refused());
        }
        i32::try_from(scaled / 100).map(Self).map_err(|_| refused())
    }
}

impl fmt::Display for Bp {
    /// `12%`, `1.5%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}%",
            Percent {
                ten_thousandths: i64::from(self.0) * 100
            }
        )
    }
}

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal of at most four places.
    #[error("「{0}」不是比例或利率，请填写百分数，例如 12 或 3.325")]
    NotARate(String),
}

/// 年利率. An exact rate in percent with up to four decimals; text form without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    ten_thousandths: i64,
}

impl Percent {
    /// Reads `3.325`.
    ///
    /// # Errors
    /// Not a plain decimal with at most four decimals.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let refused = || RateError::NotARate(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !plain(whole, 9) || !plain(decimals, 4) {
            return Err(refused());
        }
        let value: i64 = format!("{whole}{decimals:0<4}")
            .parse()
            .map_err(|_| refused())?;
        Ok(Self {
            ten_thousandths: if negative { -value } else { value },
        })
    }

    /// The rate as a fraction: numerator and denominator, `3.325` is 33,250 / 1,000,000.
    #[must_use]
    pub const fn fraction(self) -> (i128, i128) {
        (self.ten_thousandths as i128, 1_000_000)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.ten_thousandths.unsigned_abs();
        let sign = if self.ten_thousandths < 0 { "-" } else { "" };
        let decimals = format!("{:04}", value % 10_000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{sign}{}", value / 10_000),
            rest => write!(f, "{sign}{}.{rest}", value / 10_000),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_read_in_all_three_ways_of_a_roster() {
        for (text, bp) in [
            ("12", 1200),
            ("12%", 1200),
            ("0.12", 1200),
            ("１２％", 1200),
            ("8.5%", 850),
            ("0.085", 850),
            ("0.5%", 50),
            ("5.00", 500),
        ] {
            assert_eq!(Bp::parse_ratio(text), Ok(Bp::new(bp)), "{text}");
        }
        for text in ["", "twelve", "-5", "1e1", "0.12345", "12%%"] {
            assert!(Bp::parse_ratio(text).is_err(), "{text}");
        }
        assert_eq!(
            [Bp::new(1200).to_string(), Bp::new(150).to_string()],
            ["12%", "1.5%"]
        );
    }

    #[test]
    fn a_percent_is_an_exact_fraction() {
        let rate = Percent::parse("3.3250").expect("a rate");
        assert_eq!(
            (rate.fraction(), rate.to_string().as_str()),
            ((33_250, 1_000_000), "3.325")
        );
        assert!(Percent::parse("3.32512").is_err());
    }
}
