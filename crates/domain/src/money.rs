//! Money (金额) in fen. Invariant: arithmetic is exact and checked; an overflow is a bug and stops the
//! command rather than book a wrong fen.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digits;
use crate::text;

/// 金额. Money in fen, 1/100 yuan, with sign.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(i64);

/// Why a text is not an amount in yuan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Nothing was written.
    #[error("金额为空，请填写数字")]
    Empty,
    /// Not a plain decimal number; scientific notation is refused too.
    #[error("「{0}」不是金额，请填写数字，例如 1,234.56")]
    NotANumber(String),
    /// More than two decimals.
    #[error("「{0}」超过两位小数，金额最小单位是分")]
    TooManyDecimals(String),
    /// Outside of what fen in 64 bits hold.
    #[error("「{0}」超出金额范围")]
    OutOfRange(String),
}

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount of fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The amount of whole yuan.
    #[must_use]
    pub fn yuan(yuan: i64) -> Self {
        Self(yuan) * 100
    }

    /// The number of fen.
    #[must_use]
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// From the wide arithmetic of a formula.
    ///
    /// # Panics
    /// When the amount does not fit: no real fund holds 92 quadrillion yuan.
    #[must_use]
    pub fn from_i128(fen: i128) -> Self {
        Self(i64::try_from(fen).expect("an amount fits 64 bits of fen"))
    }

    /// The sum, or nothing on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The multiple, or nothing on overflow.
    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        self.0.checked_mul(times).map(Self)
    }

    /// The amount without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.0 < 0 { -self } else { self }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads yuan as people write them: `15000`, `15,000.5`, `１５，０００．００`, `¥1,234.56`, `-3`.
    ///
    /// # Errors
    /// Empty, no number, more than two decimals (trailing zeros count as decimals), out of range.
    pub fn parse_yuan(text: &str) -> Result<Self, MoneyError> {
        if let Some(plain) = plain_yuan(text.as_bytes()) {
            return Ok(plain);
        }
        let cleaned: String = text::compact(text)
            .chars()
            .map(|c| if c == '。' { '.' } else { c })
            .collect();
        let not_a_number = || MoneyError::NotANumber(text.trim().to_owned());
        let unsigned = cleaned.trim_start_matches(['¥', '\u{FFE5}']);
        let (negative, digits) = match unsigned.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, unsigned),
        };
        if unsigned.is_empty() {
            return Err(MoneyError::Empty);
        }
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let yuan = whole_yuan(whole).ok_or_else(not_a_number)?;
        if decimals.is_empty() || !decimals.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not_a_number());
        }
        if decimals.len() > 2 {
            return Err(MoneyError::TooManyDecimals(text.trim().to_owned()));
        }
        let out_of_range = || MoneyError::OutOfRange(text.trim().to_owned());
        let cents: i64 = format!("{decimals:0<2}")
            .parse()
            .map_err(|_| not_a_number())?;
        let fen = yuan
            .parse::<i64>()
            .ok()
            .and_then(|y| y.checked_mul(100)?.checked_add(cents))
            .ok_or_else(out_of_range)?;
        Ok(Self(if negative { -fen } else { fen }))
    }

    /// 人民币大写: the amount in capitals as vouchers and receipts carry it, `人民币壹万伍仟元整`.
    /// 整 stands after 元 and 角, none after 分 (支付结算办法, annex 1).
    #[must_use]
    pub fn capitals(self) -> String {
        let fen = self.0.unsigned_abs();
        let (yuan, jiao, cent) = (fen / 100, fen / 10 % 10, fen % 10);
        let mut text = String::from(if self.0 < 0 {
            "人民币负"
        } else {
            "人民币"
        });
        if yuan > 0 || fen == 0 {
            text.push_str(&integer_capitals(yuan));
            text.push('元');
        }
        match (jiao, cent) {
            (0, 0) => text.push('整'),
            (0, _) if yuan > 0 => push_digits(&mut text, &[(0, ""), (cent, "分")]),
            (0, _) => push_digits(&mut text, &[(cent, "分")]),
            (_, 0) => {
                push_digits(&mut text, &[(jiao, "角")]);
                text.push('整');
            }
            _ => push_digits(&mut text, &[(jiao, "角"), (cent, "分")]),
        }
        text
    }
}

/// An amount as programs write it, `12345.6` or `12,345.60`; nothing for whatever else people write.
fn plain_yuan(text: &[u8]) -> Option<Fen> {
    // Far below the end of 64 bits.
    const MOST_BYTES: usize = 16;
    if text.len() > MOST_BYTES {
        return None;
    }
    let value = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let point = text.iter().position(|byte| *byte == b'.');
    let (whole, decimals) = match point {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let cents = match decimals {
        None => 0,
        Some(one @ [_]) => value(one)? * 10,
        Some(two @ [_, _]) => value(two)?,
        Some(_) => return None,
    };
    let mut groups = whole.split(|byte| *byte == b',');
    let first = groups.next().filter(|group| !group.is_empty())?;
    let mut yuan = value(first)?;
    for group in groups {
        if first.len() > 3 || group.len() != 3 {
            return None;
        }
        yuan = yuan * 1000 + value(group)?;
    }
    Some(Fen(yuan * 100 + cents))
}

/// The digits without separators, or nothing where groups are not of three digits.
fn whole_yuan(whole: &str) -> Option<String> {
    let groups: Vec<&str> = whole.split([',', '，']).collect();
    let digits_only = groups
        .iter()
        .all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit()));
    let grouped =
        groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|g| g.len() == 3));
    (digits_only && grouped).then(|| groups.concat())
}

const CAPITAL_DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

fn push_digits(text: &mut String, digits: &[(u64, &str)]) {
    for (digit, unit) in digits {
        text.push(CAPITAL_DIGITS[usize::try_from(*digit).expect("a digit")]);
        text.push_str(unit);
    }
}

/// A whole number in capitals. One 零 stands for a run of zeros between two digits, also where the
/// higher part ends with a zero (`壹拾万零柒仟`, the second form that annex 1 allows).
fn integer_capitals(number: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (100_000_000, "亿"),
        (10_000, "万"),
        (1_000, "仟"),
        (100, "佰"),
        (10, "拾"),
    ];
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| number >= *size) else {
        return CAPITAL_DIGITS[usize::try_from(number).expect("a digit")].to_string();
    };
    let (high, low) = (number / size, number % size);
    let mut text = integer_capitals(high) + unit;
    if low > 0 {
        if low < size / 10 || high.is_multiple_of(10) {
            text.push('零');
        }
        text.push_str(&integer_capitals(low));
    }
    text
}

impl fmt::Display for Fen {
    /// `1,234.56`, negatives with U+2212.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.pad(&text)
    }
}

impl Fen {
    /// Writes `1,234.56` to the end of a text, as it is displayed.
    pub fn write(self, text: &mut String) {
        let fen = self.0.unsigned_abs();
        if self.0 < 0 {
            text.push('\u{2212}');
        }
        let mut group = 1;
        while fen / 100 / group >= 1000 {
            group *= 1000;
        }
        digits::push(text, fen / 100 / group, 1);
        while group > 1 {
            group /= 1000;
            text.push(',');
            digits::push(text, fen / 100 / group % 1000, 3);
        }
        text.push('.');
        digits::push(text, fen % 100, 2);
    }
}

impl FromStr for Fen {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_yuan(text)
    }
}

impl Add for Fen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.checked_add(other)
            .expect("a sum of money does not overflow")
    }
}

impl Sub for Fen {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.checked_sub(other)
            .expect("a difference of money does not overflow")
    }
}

impl Neg for Fen {
    type Output = Self;

    fn neg(self) -> Self {
        Self(
            self.0
                .checked_neg()
                .expect("a negated amount does not overflow"),
        )
    }
}

impl Mul<i64> for Fen {
    type Output = Self;

    fn mul(self, times: i64) -> Self {
        self.checked_mul(times)
            .expect("a multiple of money does not overflow")
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Fen {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Fen> for Fen {
    fn sum<I: Iterator<Item = &'a Fen>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_yuan_exactly() {
        for (fen, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (100, "1.00"),
            (123_456, "1,234.56"),
            (-360_000, "\u{2212}3,600.00"),
            (10_000_000_000, "100,000,000.00"),
            (99_999, "999.99"),
        ] {
            assert_eq!(Fen::new(fen).to_string(), text);
            assert_eq!(Fen::parse_yuan(text), Ok(Fen::new(fen)));
        }
        for fen in (-200_000..200_000).step_by(37) {
            assert_eq!(
                Fen::parse_yuan(&Fen::new(fen).to_string()),
                Ok(Fen::new(fen))
            );
        }
        assert_eq!(format!("{:>10}", Fen::new(100)), "      1.00");
    }

    #[test]
    fn reads_yuan_as_a_clerk_writes_them() {
        for (text, fen) in [
            (" 6543 ", 654_300),
            ("６５４３．５", 654_350),
            ("１，２３４．５６", 123_456),
            ("1,234,567.8", 123_456_780),
            ("¥15,000.00", 1_500_000),
            ("￥15,000.00", 1_500_000),
            ("-3", -300),
        ] {
            assert_eq!(Fen::parse_yuan(text), Ok(Fen::new(fen)), "{text}");
        }
        assert_eq!(Fen::parse_yuan("  "), Err(MoneyError::Empty));
        assert_eq!(
            Fen::parse_yuan("1.005"),
            Err(MoneyError::TooManyDecimals("1.005".into()))
        );
        for text in [
            "1.2E3", "12,3OO", "1.", ".5", "1,23", "12,,345", "--1", "1234,567", "abc", "0x10",
            "+5",
        ] {
            assert!(
                matches!(Fen::parse_yuan(text), Err(MoneyError::NotANumber(_))),
                "{text}"
            );
        }
        assert!(matches!(
            Fen::parse_yuan("92233720368547758.08"),
            Err(MoneyError::OutOfRange(_))
        ));
    }

    #[test]
    fn writes_capitals_as_vouchers_do() {
        for (fen, text) in [
            (0, "人民币零元整"),
            (1, "人民币壹分"),
            (10, "人民币壹角整"),
            (11, "人民币壹角壹分"),
            (1_500_000, "人民币壹万伍仟元整"),
            (140_950, "人民币壹仟肆佰零玖元伍角整"),
            (600_714, "人民币陆仟零柒元壹角肆分"),
            (32_504, "人民币叁佰贰拾伍元零肆分"),
            (10_700_053, "人民币壹拾万零柒仟元伍角叁分"),
            (1_000, "人民币壹拾元整"),
            (100_000_100, "人民币壹佰万零壹元整"),
            (1_000_000_000, "人民币壹仟万元整"),
            (10_000_000_100, "人民币壹亿零壹元整"),
            (10_020_000_000, "人民币壹亿零贰拾万元整"),
            (100_000_000_000_000, "人民币壹万亿元整"),
            (100_020_000_000_000, "人民币壹万零贰亿元整"),
            (-1_500_000, "人民币负壹万伍仟元整"),
        ] {
            assert_eq!(Fen::new(fen).capitals(), text, "{fen}");
        }
    }

    #[test]
    #[should_panic(expected = "does not overflow")]
    fn an_overflow_stops_the_command() {
        let _ = Fen::new(i64::MAX) + Fen::new(1);
    }
}
