//! Banks with their own books: the centres' fund accounts, everyone's cards, orders, notices, statements. B1 to B8 serve the centre of
//! this home, B9 another centre, which may be a second product or be simulated by `platform`.
//!
//! Invariant: an end-to-end id is executed at most once for ever at a bank, whatever its mode, its crashes or its caller
//! do; every entry of a fund account is told to the product at least once, in order. `register.rs` holds the state,
//! `order.rs` decides, `line.rs` speaks with the product, `push.rs` tells it, `credit.rs` is their credit desks, `door.rs` is for people and tests.

pub mod credit;
pub mod door;
pub mod line;
mod order;
mod push;
mod register;
mod tell;

pub use order::Moment;
pub use push::run;
pub use register::{Banks, Behaviour, Mode};

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Holder of the fund accounts of the centre of this home.
pub const HOLDER: &str = "重庆市住房公积金管理中心";

/// 银行. What never changes about a bank. Numbers are the demonstration's own.
#[derive(Debug)]
pub struct BankData {
    /// `B1` to `B9`.
    pub code: &'static str,
    /// Short name.
    pub name: &'static str,
    /// 联行号: number in the clearing system.
    pub cnaps: &'static str,
    /// The centre's account there.
    pub fund_account: &'static str,
    /// Its holder.
    pub holder: &'static str,
    /// Code of the centre whose account it is.
    pub centre: &'static str,
}

/// How many banks there are.
const COUNT: u8 = 9;

/// The entrusted banks; the products' side of this table is `policy/banks/`.
pub const BANKS: [BankData; COUNT as usize] = [
    BankData {
        code: "B1",
        name: "工商银行",
        cnaps: "102653000013",
        fund_account: "6500001001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B2",
        name: "农业银行",
        cnaps: "103653000021",
        fund_account: "6500002001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B3",
        name: "中国银行",
        cnaps: "104653000039",
        fund_account: "6500003001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B4",
        name: "建设银行",
        cnaps: "105653000047",
        fund_account: "6500004001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B5",
        name: "交通银行",
        cnaps: "301653000055",
        fund_account: "6500005001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B6",
        name: "邮储银行",
        cnaps: "403653000063",
        fund_account: "6500006001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B7",
        name: "重庆银行",
        cnaps: "313653000071",
        fund_account: "6500007001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B8",
        name: "重庆农商行",
        cnaps: "314653000089",
        fund_account: "6500008001",
        holder: HOLDER,
        centre: crate::platform::HOME,
    },
    BankData {
        code: "B9",
        name: "成都银行",
        cnaps: "313651099999",
        fund_account: "5101009001",
        holder: "成都住房公积金管理中心",
        centre: crate::platform::CHENGDU,
    },
];

/// 银行代码. One of the banks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankCode(u8);

impl BankCode {
    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = BankCode> {
        (0..COUNT).map(BankCode)
    }

    /// Reads `B1` to `B9`.
    pub fn parse(code: &str) -> Option<BankCode> {
        BankCode::all().find(|bank| bank.data().code == code)
    }

    /// The bank with that number in the clearing system.
    pub fn by_cnaps(cnaps: &str) -> Option<BankCode> {
        BankCode::all().find(|bank| bank.data().cnaps == cnaps)
    }

    /// The bank at which that fund account is.
    pub fn of_fund_account(number: &str) -> Option<BankCode> {
        BankCode::all().find(|bank| bank.data().fund_account == number)
    }

    /// What never changes about it.
    pub fn data(self) -> &'static BankData {
        &BANKS[usize::from(self.0)]
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for BankCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.data().code)
    }
}

impl fmt::Debug for BankCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BankCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.data().code)
    }
}

impl<'de> Deserialize<'de> for BankCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        BankCode::parse(&code).ok_or_else(|| serde::de::Error::custom("not a bank code"))
    }
}

/// Text as a bank keeps it: one line without control characters, cut to what its messages can carry.
fn fit(text: &str, most: usize) -> Option<String> {
    let line: String = text
        .chars()
        .map(|c| if c < ' ' || c == '\u{7f}' { ' ' } else { c })
        .collect();
    let cut: String = line
        .trim()
        .chars()
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(most)
        .collect();
    Some(cut.trim_end().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod town;
