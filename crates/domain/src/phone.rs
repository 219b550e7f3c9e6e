//! 手机号. Invariant: a mainland mobile number, masked wherever it is printed.

use std::fmt;

use crate::text;

/// A mainland mobile number of eleven digits; `Display` and `Debug` mask it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Why a text is not a mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("手机号应为以1开头的11位数字，请核对")]
pub struct PhoneError;

impl Phone {
    /// Reads a number; spaces, hyphens, full width and a leading +86 are accepted.
    ///
    /// # Errors
    /// Anything but eleven digits that begin with 13 to 19.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        if is_mobile(text.as_bytes()) {
            return Ok(Self(text.to_owned()));
        }
        let cleaned: String = text::compact(text).chars().filter(|c| *c != '-').collect();
        let number = cleaned.strip_prefix("+86").unwrap_or(&cleaned);
        if is_mobile(number.as_bytes()) {
            Ok(Self(number.to_owned()))
        } else {
            Err(PhoneError)
        }
    }

    /// The number in full. Greppable: wherever this stands, personal data leaves its type.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] == b'1'
        && digits[1] >= b'3'
}

impl fmt::Display for Phone {
    /// `138****5678`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}****{}", &self.0[..3], &self.0[7..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_is_read_and_masked() {
        let phone = Phone::parse("+86 138-1234-5678").expect("a number");
        assert_eq!(
            (phone.expose(), phone.to_string().as_str()),
            ("13812345678", "138****5678")
        );
        for text in [
            "",
            "12812345678",
            "1381234567",
            "0231234567",
            "138123456780",
        ] {
            assert_eq!(Phone::parse(text), Err(PhoneError), "{text}");
        }
    }
}
