//! 银行卡号. Invariant: the Luhn check digit holds, and nothing prints the number by accident.

use std::fmt;

use crate::text;

/// A bank card's number, 12 to 19 digits; `Display` and `Debug` mask it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CardNumber(String);

/// Why a text is not a card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardNumberError {
    /// Not 12 to 19 digits.
    #[error("银行卡号应为12至19位数字，实际{0}位，请核对")]
    Length(usize),
    /// A character that is no digit.
    #[error("银行卡号含有「{0}」，只能是数字")]
    Character(char),
    /// The Luhn digit (ISO/IEC 7812-1) differs.
    #[error("银行卡号校验位不正确，请核对是否输错数字")]
    CheckDigit,
}

impl CardNumber {
    /// Reads a number; spaces, hyphens and full width are accepted.
    ///
    /// # Errors
    /// Stray character, length, check digit.
    pub fn parse(text: &str) -> Result<Self, CardNumberError> {
        let number: String = text::compact(text).chars().filter(|c| *c != '-').collect();
        if let Some(stray) = number.chars().find(|c| !c.is_ascii_digit()) {
            return Err(CardNumberError::Character(stray));
        }
        if !(12..=19).contains(&number.len()) {
            return Err(CardNumberError::Length(number.len()));
        }
        if !luhn_sum(&number).is_multiple_of(10) {
            return Err(CardNumberError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The number with its check digit, from all the digits before it: for whoever makes up cards.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn complete(digits: &str) -> Result<Self, CardNumberError> {
        if let Some(stray) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(CardNumberError::Character(stray));
        }
        let check = (10 - luhn_sum(&format!("{digits}0")) % 10) % 10;
        Self::parse(&format!("{digits}{check}"))
    }

    /// The number in full. Greppable: wherever this stands, personal data leaves its type.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four digits, which may be shown.
    #[must_use]
    pub fn tail4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

fn luhn_sum(number: &str) -> u32 {
    number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * (1 + place as u32 % 2);
            value / 10 + value % 10
        })
        .sum()
}

impl fmt::Display for CardNumber {
    /// `6222 **** 1234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} **** {}", &self.0[..4], self.tail4())
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_luhn() {
        let card = CardNumber::parse("4539 1488 0343 6467").expect("a textbook number");
        assert_eq!(
            (card.tail4(), card.to_string().as_str()),
            ("6467", "4539 **** 6467")
        );
        assert_eq!(
            CardNumber::parse("4539148803436468"),
            Err(CardNumberError::CheckDigit)
        );
        assert_eq!(
            CardNumber::parse("4539O48803436467"),
            Err(CardNumberError::Character('O'))
        );
        assert_eq!(CardNumber::parse("123"), Err(CardNumberError::Length(3)));
        assert_eq!(CardNumber::complete("453914880343646"), Ok(card));
    }
}
