//! Public numbers: what stands in URLs, letters and on receipts instead of ids. Invariant: a number tells
//! nothing about how many there are, a mistyped one is noticed, and one kind never passes for another.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sm3::Sm3;

use crate::key::Key;

/// What a number stands for. Its letter begins the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// 单位账号.
    Employer,
    /// 个人账号.
    Account,
    /// A person, for programs.
    Person,
    /// 办件编号.
    Case,
    /// 汇缴书编号.
    Remittance,
    /// 清册编号.
    Roster,
    /// 贷款账号.
    Loan,
    /// 收款指令编号, and that of a file of them.
    Debit,
    /// 委托收款协议号.
    Mandate,
}

impl NumberKind {
    const fn letter(self) -> char {
        match self {
            Self::Employer => 'E',
            Self::Account => 'G',
            Self::Person => 'P',
            Self::Case => 'A',
            Self::Remittance => 'R',
            Self::Roster => 'Q',
            Self::Loan => 'L',
            Self::Debit => 'D',
            Self::Mandate => 'M',
        }
    }
}

/// A keyed permutation of the twelve-digit numbers, one for each kind. The key cannot rotate: numbers are
/// printed on paper.
///
/// The key is kept as HMAC has taken it in: that is half the work of a short message.
#[derive(Clone)]
pub struct PublicNumbers(Arc<Hmac<Sm3>>);

const SPACE: u64 = 1_000_000_000_000;
/// 40 bits are the smallest balanced Feistel network over 10¹² numbers; one in eleven falls outside and walks on.
const HALF_BITS: u32 = 20;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
const ROUNDS: u8 = 8;

impl PublicNumbers {
    pub(crate) fn new(key: &Key) -> Self {
        let key = key.mac("public numbers", &[]);
        Self(Arc::new(
            <Hmac<Sm3> as KeyInit>::new_from_slice(&key).expect("HMAC takes a key of any length"),
        ))
    }

    /// The public number of an id: letter, twelve digits, check digit.
    ///
    /// # Panics
    /// For an id that no sequence gives: negative or above 10¹².
    #[must_use]
    pub fn encode(&self, kind: NumberKind, id: i64) -> String {
        let mut value = u64::try_from(id)
            .ok()
            .filter(|id| *id < SPACE)
            .expect("ids come from a sequence");
        loop {
            value = self.permute(kind, value);
            if value < SPACE {
                break;
            }
        }
        let digits = format!("{value:012}");
        format!("{}{digits}{}", kind.letter(), check_digit(&digits))
    }

    /// The id of a public number; spaces and hyphens between its characters are ignored. Nothing for a
    /// number of another kind or one that was mistyped.
    #[must_use]
    pub fn decode(&self, kind: NumberKind, number: &str) -> Option<i64> {
        let plain: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let rest = plain.to_ascii_uppercase();
        let rest = rest.strip_prefix(kind.letter())?;
        if rest.len() != 13 || !rest.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (digits, check) = rest.split_at(12);
        if check != check_digit(digits).to_string() {
            return None;
        }
        let mut value = digits.parse().ok()?;
        loop {
            value = self.unpermute(kind, value);
            if value < SPACE {
                return i64::try_from(value).ok();
            }
        }
    }

    fn permute(&self, kind: NumberKind, value: u64) -> u64 {
        let (left, right) = (0..ROUNDS).fold(
            (value >> HALF_BITS, value & HALF_MASK),
            |(left, right), round| (right, left ^ self.round(kind, round, right)),
        );
        left << HALF_BITS | right
    }

    fn unpermute(&self, kind: NumberKind, value: u64) -> u64 {
        let (left, right) = (0..ROUNDS).rev().fold(
            (value >> HALF_BITS, value & HALF_MASK),
            |(left, right), round| (right ^ self.round(kind, round, left), left),
        );
        left << HALF_BITS | right
    }

    fn round(&self, kind: NumberKind, round: u8, half: u64) -> u64 {
        let mut mac = (*self.0).clone();
        mac.update(&[kind.letter() as u8, round]);
        mac.update(&half.to_be_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        u64::from_be_bytes(
            *code
                .first_chunk()
                .expect("a code of 32 bytes begins with 8"),
        ) & HALF_MASK
    }
}

impl std::fmt::Debug for PublicNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicNumbers")
    }
}

/// ISO 7064 MOD 11,10: finds every wrong digit and every swap of neighbours but one.
fn check_digit(digits: &str) -> u32 {
    let product = digits.bytes().fold(10, |product, digit| {
        let sum = (u32::from(digit - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}
