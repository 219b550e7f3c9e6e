//! 居民身份证号码 (GB 11643-1999). Invariant: the check digit and the birth date hold, and nothing prints
//! the number by accident.

use std::fmt;

use chrono::{Datelike, NaiveDate};

use crate::text;

/// 公民身份号码. Eighteen characters; `Display` and `Debug` mask it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdNumber(String);

/// Why a text is not an ID number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// Nothing was written.
    #[error("证件号码为空，请填写18位身份证号码")]
    Empty,
    /// Neither 18 nor the old 15 characters.
    #[error("证件号码应为18位，实际{0}位，请核对")]
    Length(usize),
    /// A character that does not belong there.
    #[error("证件号码含有「{0}」，只能是数字，末位可为X")]
    Character(char),
    /// The date of birth in it does not exist or lies before 1900.
    #[error("证件号码中的出生日期不存在，请核对第7至14位")]
    BirthDate,
    /// GB 11643's check digit differs.
    #[error("证件号码校验位不正确，请逐位核对")]
    CheckDigit,
}

impl IdNumber {
    /// Reads a number as people write it: spaces, full width and a lower-case `x` are accepted, the
    /// 15-digit form of before 1999 is mapped to 18.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, IdNumberError> {
        // Most numbers are written as they are.
        let is_plain = matches!(text.as_bytes(), [digits @ .., b'0'..=b'9' | b'X'] if digits.iter().all(u8::is_ascii_digit));
        let mut number = if is_plain {
            text.to_owned()
        } else {
            text::compact(text).to_ascii_uppercase()
        };
        if number.is_empty() {
            return Err(IdNumberError::Empty);
        }
        let length = number.chars().count();
        if let Some(stray) = number
            .chars()
            .enumerate()
            .find_map(|(i, c)| (!c.is_ascii_digit() && (c != 'X' || i != 17)).then_some(c))
        {
            return Err(IdNumberError::Character(stray));
        }
        match length {
            18 => {}
            15 => {
                number.insert_str(6, "19");
                number.push(check_digit(&number));
            }
            _ => return Err(IdNumberError::Length(length)),
        }
        let birth = birth_date(&number).ok_or(IdNumberError::BirthDate)?;
        if birth.year() < 1900 {
            return Err(IdNumberError::BirthDate);
        }
        if !number.ends_with(check_digit(&number)) {
            return Err(IdNumberError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The number in full. Greppable: wherever this stands, personal data leaves its type.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// 出生日期.
    #[must_use]
    pub fn birth(&self) -> NaiveDate {
        birth_date(&self.0).expect("checked by parse")
    }

    /// Whether the sequence digit is even.
    #[must_use]
    pub fn is_female(&self) -> bool {
        (self.0.as_bytes()[16] - b'0').is_multiple_of(2)
    }
}

/// The date in places 7 to 14. A roster has fifty thousand of them, so it is read without a format.
fn birth_date(number: &str) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(
        number[6..10].parse().ok()?,
        number[10..12].parse().ok()?,
        number[12..14].parse().ok()?,
    )
}

/// ISO 7064 MOD 11-2 over the first 17 digits.
fn check_digit(number: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = number
        .bytes()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    char::from(b"10X98765432"[(sum % 11) as usize])
}

impl fmt::Display for IdNumber {
    /// The first three and the last four: `500***********1234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}***********{}", &self.0[..3], &self.0[14..])
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        let woman = IdNumber::parse("11010519491231002X").expect("GB 11643-1999, example 1");
        assert_eq!(
            (woman.birth().to_string().as_str(), woman.is_female()),
            ("1949-12-31", true)
        );
        let man = IdNumber::parse("440524188001010014");
        assert_eq!(
            man,
            Err(IdNumberError::BirthDate),
            "example 2 was born in 1880"
        );
    }

    #[test]
    fn a_number_is_read_as_a_clerk_writes_it() {
        let number = IdNumber::parse("11010519491231002X").expect("valid");
        for text in [
            " 110105 19491231 002x ",
            "１１０１０５１９４９１２３１００２Ｘ",
            "110105491231002",
        ] {
            assert_eq!(IdNumber::parse(text), Ok(number.clone()), "{text}");
        }
    }

    #[test]
    fn a_fault_is_named() {
        for (text, fault) in [
            ("", IdNumberError::Empty),
            ("1101051949123100", IdNumberError::Length(16)),
            ("11010519491231OO2X", IdNumberError::Character('O')),
            ("110105194913310021", IdNumberError::BirthDate),
            ("110105194902300021", IdNumberError::BirthDate),
            ("110105194912310021", IdNumberError::CheckDigit),
            ("1.10105E+17", IdNumberError::Character('.')),
        ] {
            assert_eq!(IdNumber::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn nothing_prints_the_whole_number() {
        let number = IdNumber::parse("11010519491231002X").expect("valid");
        assert_eq!(
            format!("{number} {number:?}"),
            "110***********002X 110***********002X"
        );
    }
}
