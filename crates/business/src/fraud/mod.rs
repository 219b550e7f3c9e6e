//! Fraud and the black list (失信, withdrawal.md §9). A pattern holds a case (`casework::case::hold`); a reviewer says what it is (`finding.rs`);
//! an entry lives from suspicion to release (`entry.rs` keeps it, `blacklist.rs` moves it); money is asked back by
//! `withdrawal::recovery`.
//!
//! Invariant: an entry binds only after two persons have said so, its person has been told and has had his days to be heard, and nobody
//! decides about his own entry; each step is one transaction with its evidence.

pub mod blacklist;
pub mod entry;
pub mod finding;
pub mod statement;

use anju_casework::{Office, Refusal, Result};
use chrono::NaiveDate;

use crate::withdrawal::recovery;

/// Patterns that an entry may stand on: code, and its words.
pub const GROUNDS: [(&str, &str); 8] = [
    ("FR-01", "同一住房短期多次交易套取"),
    ("FR-02", "多次变更婚姻关系购房套取"),
    ("FR-03", "与非亲属合购住房套取"),
    ("FR-05", "使用伪造、变造的材料"),
    ("FR-06", "中介代办、多人共用设备或银行卡套取"),
    ("FR-07", "虚构劳动关系短期缴存套取"),
    ("FR-08", "提取后撤销购房合同"),
    ("FR-10", "户口短期迁出迁入套取"),
];

/// The words of a ground.
#[must_use]
pub fn ground_word(code: &str) -> &str {
    match code {
        "PUR-08" => "交易或婚姻情况存疑",
        "LVN-06" => "户口短期迁出迁入套取",
        _ => GROUNDS
            .iter()
            .find(|(known, _)| *known == code)
            .map_or(code, |(_, words)| words),
    }
}

/// Work of a night: what is held too long, what binds, what ends, whom to remind.
pub async fn turn(office: &Office) -> Result<u64> {
    let today: NaiveDate = office.today();
    let lapsed = anju_casework::case::hold::lapse(office, today).await?;
    Ok(lapsed + blacklist::turn(office, today).await? + recovery::turn(office, today).await?)
}

/// A reason in words.
pub(crate) fn reasoned(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if reason.chars().count() < 2 {
        return Err(Refusal::rule("E-CHECK-04", "请写理由，至少两个字。").into());
    }
    Ok(reason)
}
