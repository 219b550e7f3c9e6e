//! Public numbers: what stands in URLs, letters and on receipts instead of ids. Invariant: a number tells
//! nothing about how many there are, a mistyped one is noticed, and one kind never passes for another.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hmac::{Hmac, KeyInit, Mac};
use sm3::Sm3;

use crate::key::{self, Generation, Key};
use crate::{VaultError, rotation};

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

/// A keyed permutation of the twelve-digit numbers, one for each kind.
///
/// Numbers are printed on paper and stay valid for ever, so the first key is never replaced. A later key serves the ids from a border on:
/// it permutes the id inside its block of 2^30 before the first key permutes all. Each step is a permutation, so that no two ids ever have
/// one number, whichever key made it; and which key did is seen from the id that comes out.
#[derive(Clone)]
pub struct PublicNumbers(Arc<RwLock<Series>>);

struct Series {
    first: MacKey,
    /// Generation, the id from which on it serves, and its key; ascending.
    later: Vec<(u16, u64, MacKey)>,
    /// The newest generation that is held, be it used or not.
    newest: u16,
}

/// The key is kept as HMAC has taken it in: that is half the work of a short message.
type MacKey = Hmac<Sm3>;

const SPACE: u64 = 1_000_000_000_000;

/// Ids that have a number are below this.
pub const NUMBERS: i64 = SPACE.cast_signed();

/// 40 bits are the smallest balanced Feistel network over 10¹² numbers; one in eleven falls outside and walks on.
const HALF_BITS: u32 = 20;
/// Half the bits of a block of a later key.
const BLOCK_HALF_BITS: u32 = 15;
/// Ids of a block of a later key.
const BLOCK: u64 = 1 << (2 * BLOCK_HALF_BITS);
const ROUNDS: u8 = 8;

impl PublicNumbers {
    pub(crate) fn open(folder: &Path) -> Result<Self, VaultError> {
        Ok(Self(Arc::new(RwLock::new(Series::open(folder)?))))
    }

    pub(crate) fn refresh(&self, folder: &Path) -> Result<(), VaultError> {
        let now = Series::open(folder)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    fn series(&self) -> RwLockReadGuard<'_, Series> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest generation that is held, and the newest that is used.
    pub(crate) fn generations(&self) -> (u16, u16) {
        let series = self.series();
        (
            series.newest,
            series.later.last().map_or(1, |(id, _, _)| *id),
        )
    }

    /// The first id at or after this one where another key may begin: no block has two keys.
    pub(crate) fn next_border(&self, free: u64) -> u64 {
        let series = self.series();
        series.later.last().map_or(free, |(_, from, _)| {
            from + (free.saturating_sub(*from) / BLOCK + 1) * BLOCK
        })
    }

    /// The public number of an id: letter, twelve digits, check digit.
    ///
    /// # Panics
    /// For an id that no sequence gives: negative or above 10¹².
    #[must_use]
    pub fn encode(&self, kind: NumberKind, id: i64) -> String {
        let id = u64::try_from(id).ok().filter(|id| *id < SPACE);
        let series = self.series();
        let mut value = series.inside(kind, id.expect("ids come from a sequence"), feistel);
        loop {
            value = feistel(&series.first, &[kind.letter() as u8], HALF_BITS, value);
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
        let series = self.series();
        let mut value = digits.parse().ok()?;
        loop {
            value = unfeistel(&series.first, &[kind.letter() as u8], HALF_BITS, value);
            if value < SPACE {
                return i64::try_from(series.inside(kind, value, unfeistel)).ok();
            }
        }
    }
}

impl Series {
    fn open(folder: &Path) -> Result<Self, VaultError> {
        let (mut first, mut later, mut newest) = (None, Vec::new(), 0);
        for Generation { id, prepared, path } in key::generations(folder, rotation::NUMBER)? {
            newest = id;
            let key = Key::of(key::read(&path)?).mac("public numbers", &[]);
            let key =
                <MacKey as KeyInit>::new_from_slice(&key).expect("HMAC takes a key of any length");
            match id {
                1 => first = Some(key),
                _ if prepared => {}
                _ => later.push((id, read_from(folder, id)?, key)),
            }
        }
        Ok(Self {
            first: first.ok_or_else(|| VaultError::Missing {
                kind: rotation::NUMBER,
                folder: folder.to_owned(),
            })?,
            later,
            newest,
        })
    }

    /// An id moved inside its block by the key that serves it, there or back.
    fn inside(&self, kind: NumberKind, id: u64, step: fn(&MacKey, &[u8], u32, u64) -> u64) -> u64 {
        let Some((_, from, key)) = self.later.iter().rev().find(|(_, from, _)| id >= *from) else {
            return id;
        };
        let (block, place) = ((id - from) / BLOCK, (id - from) % BLOCK);
        // The last block of all may reach over the end of the numbers; nobody has given a hundredth of them.
        if from + (block + 1) * BLOCK > SPACE {
            return id;
        }
        let tweak = [&[kind.letter() as u8][..], &block.to_be_bytes()].concat();
        from + block * BLOCK + step(key, &tweak, BLOCK_HALF_BITS, place)
    }
}

/// From which id on a generation serves.
pub(crate) fn read_from(folder: &Path, generation: u16) -> Result<u64, VaultError> {
    let path = rotation::from_of(folder, generation);
    let text = fs::read_to_string(&path).map_err(key::file(&path))?;
    text.trim().parse().map_err(|_| VaultError::Format(path))
}

/// A permutation of the numbers of twice so many bits: a Feistel network.
fn feistel(key: &MacKey, tweak: &[u8], half_bits: u32, value: u64) -> u64 {
    let mask = (1 << half_bits) - 1;
    let (left, right) = (0..ROUNDS).fold(
        (value >> half_bits, value & mask),
        |(left, right), round| (right, left ^ round_of(key, tweak, round, right) & mask),
    );
    left << half_bits | right
}

/// The way back.
fn unfeistel(key: &MacKey, tweak: &[u8], half_bits: u32, value: u64) -> u64 {
    let mask = (1 << half_bits) - 1;
    let (left, right) = (0..ROUNDS).rev().fold(
        (value >> half_bits, value & mask),
        |(left, right), round| (right ^ round_of(key, tweak, round, left) & mask, left),
    );
    left << half_bits | right
}

fn round_of(key: &MacKey, tweak: &[u8], round: u8, half: u64) -> u64 {
    let mut mac = key.clone();
    mac.update(tweak);
    mac.update(&[round]);
    mac.update(&half.to_be_bytes());
    let code: [u8; 32] = mac.finalize().into_bytes().into();
    u64::from_be_bytes(
        *code
            .first_chunk()
            .expect("a code of 32 bytes begins with 8"),
    )
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
