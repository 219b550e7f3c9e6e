//! 统一社会信用代码 (GB 32100-2015). Invariant: the check character holds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// 统一社会信用代码. Eighteen characters, public.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc(String);

/// Why a text is not a credit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsccError {
    /// Not 18 characters.
    #[error("统一社会信用代码应为18位，实际{0}位，请核对")]
    Length(usize),
    /// A character that the standard leaves out (I, O, S, V, Z) or that is none of its own.
    #[error("统一社会信用代码含有「{0}」，不使用字母I、O、S、V、Z和其他符号")]
    Character(char),
    /// GB 32100's check character differs.
    #[error("统一社会信用代码校验位不正确，请逐位核对")]
    CheckCharacter,
}

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl Uscc {
    /// Reads a code; spaces, full width and lower case are accepted.
    ///
    /// # Errors
    /// Length, stray character, check character.
    pub fn parse(text: &str) -> Result<Self, UsccError> {
        let code = text::compact(text).to_ascii_uppercase();
        let mut values = Vec::with_capacity(18);
        for c in code.chars() {
            let value = ALPHABET
                .iter()
                .position(|a| char::from(*a) == c)
                .ok_or(UsccError::Character(c))?;
            values.push(value);
        }
        if values.len() != 18 {
            return Err(UsccError::Length(values.len()));
        }
        if values[17] != check_value(&values[..17]) {
            return Err(UsccError::CheckCharacter);
        }
        Ok(Self(code))
    }

    /// The code with its check character, from the first seventeen: for whoever makes up employers.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn complete(seventeen: &str) -> Result<Self, UsccError> {
        let values: Vec<usize> = seventeen
            .chars()
            .map(|c| {
                ALPHABET
                    .iter()
                    .position(|a| char::from(*a) == c)
                    .ok_or(UsccError::Character(c))
            })
            .collect::<Result<_, _>>()?;
        if values.len() != 17 {
            return Err(UsccError::Length(values.len() + 1));
        }
        Self::parse(&format!(
            "{seventeen}{}",
            char::from(ALPHABET[check_value(&values)])
        ))
    }

    /// Whether the office for institutions (机构编制) gave the code, as it does to government offices and public institutions, and not the
    /// market regulator: GB 32100-2015, table 1, registering department 1.
    #[must_use]
    pub fn is_institution(&self) -> bool {
        self.0.starts_with('1')
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `31 − Σ value·3^i mod 31`, taken mod 31.
fn check_value(values: &[usize]) -> usize {
    let (sum, _) = values.iter().fold((0, 1), |(sum, weight), value| {
        ((sum + value * weight) % 31, weight * 3 % 31)
    });
    (31 - sum) % 31
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Uscc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Uscc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_codes_pass_and_a_flipped_character_does_not() {
        for code in [
            "91350100M000100Y43",
            "91110000802100433B",
            "91440300708461136T",
        ] {
            assert_eq!(
                Uscc::parse(code).map(|c| c.to_string()),
                Ok(code.to_owned())
            );
        }
        assert_eq!(
            Uscc::parse("91350100M000100Y44"),
            Err(UsccError::CheckCharacter)
        );
        assert_eq!(
            Uscc::parse("91350100M000100I43"),
            Err(UsccError::Character('I'))
        );
        assert_eq!(Uscc::parse("91350100M000100Y4"), Err(UsccError::Length(17)));
        assert_eq!(
            Uscc::parse(" 91350100m000100y43"),
            Uscc::complete("91350100M000100Y4")
        );
    }
}
