//! 定向授信 (contribution.md §10.2, organisation.md §3) on the wire: the history extract that an employer or a person lets a bank have, and what
//! the bank answers.
//!
//! `POST /bank/{bank}/credit` carries what the centre says, `POST /inbox/bank/{bank}/credit` what the bank says; both are JSON with the
//! hexadecimal HMAC-SM3 of the body in `x-signature`, by the key of the bank's line. Whoever sees a number again does nothing.
//!
//! A payment message cannot carry it, and the gateway's form is a question to a source: here the centre tells and the bank decides.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// The longest number or reason that is taken, in characters.
const LONGEST: usize = 200;

/// The largest amount, fen: ten thousand million yuan.
const MOST_FEN: i64 = 1_000_000_000_000;

/// What the centre says of one referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referral {
    /// 推荐号: the public number of the case.
    pub referral_no: String,
    /// When the centre wrote it.
    pub sent_at: DateTime<Utc>,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a referral's message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", content = "data", rename_all = "snake_case")]
pub enum Says {
    /// 缴存提取件: an extract of the contribution history.
    Extract(Box<Extract>),
    /// The consent was withdrawn, or there is none (any more) for what was asked: nothing more is given, and what was given is not to be used.
    Withdrawn,
}

/// An extract as the holder of the data allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// 1 for the first, more where the bank asked again.
    pub number: i16,
    /// Whose.
    pub subject: Subject,
    /// What he said yes to.
    pub consent: Consent,
    /// The figures, by the names of the fields that were allowed.
    pub figures: serde_json::Value,
    /// SHA-256 over the canonical JSON of `figures`, hexadecimal: the centre keeps the same in its evidence.
    pub digest: String,
    /// Day of the figures.
    pub as_of: NaiveDate,
}

/// Whose history it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// 缴存单位.
    Employer {
        /// 统一社会信用代码.
        uscc: String,
        /// Name.
        name: String,
    },
    /// 缴存职工.
    Person {
        /// 证件号码.
        id_no: String,
        /// Name.
        name: String,
    },
}

/// 授权.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// The sentence that was agreed to.
    pub text: String,
    /// When.
    pub given_at: DateTime<Utc>,
    /// Last day on which it counts.
    pub until: NaiveDate,
}

/// What a bank says of a referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bank's number of this message; the same message sent again has the same number.
    pub message_id: String,
    /// Which referral.
    pub referral_no: String,
    /// What it says.
    #[serde(flatten)]
    pub says: Word,
}

/// What a bank's report says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Word {
    /// 授信: the limit, fen. A later one replaces it.
    Granted {
        /// More than zero.
        amount_fen: i64,
    },
    /// 不予授信.
    Refused {
        /// Why, for the applicant.
        reason: String,
    },
    /// 用信: what has been drawn in all, fen.
    Used {
        /// Cumulated; never above the limit.
        amount_fen: i64,
    },
    /// The bank asks for a newer extract.
    Again,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CreditFault {
    /// Too many bytes.
    #[error("a message of {0} bytes")]
    TooLarge(usize),
    /// Not JSON of this shape.
    #[error("not a message about credit")]
    Json(#[from] serde_json::Error),
    /// A number, amount or reason that cannot be.
    #[error("{0} cannot be")]
    Content(&'static str),
}

impl Referral {
    /// The body of the call.
    ///
    /// # Panics
    /// Never: strings and numbers are always JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are always JSON")
    }

    /// Reads a body.
    ///
    /// # Errors
    /// It is too large or not of this shape.
    pub fn parse(body: &[u8]) -> Result<Self, CreditFault> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(CreditFault::TooLarge(body.len()));
        }
        let message: Self = serde_json::from_slice(body)?;
        plain(&message.referral_no, "referralNo")?;
        Ok(message)
    }
}

impl Report {
    /// The body of the call.
    ///
    /// # Panics
    /// Never: strings and numbers are always JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are always JSON")
    }

    /// Reads a body.
    ///
    /// # Errors
    /// It is too large, not of this shape, or says what cannot be.
    pub fn parse(body: &[u8]) -> Result<Self, CreditFault> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(CreditFault::TooLarge(body.len()));
        }
        let message: Self = serde_json::from_slice(body)?;
        plain(&message.referral_no, "referralNo")?;
        plain(&message.message_id, "messageId")?;
        let fits = match &message.says {
            Word::Granted { amount_fen } => (1..=MOST_FEN).contains(amount_fen),
            Word::Used { amount_fen } => (0..=MOST_FEN).contains(amount_fen),
            Word::Refused { reason } => {
                reason.chars().count() <= LONGEST && !reason.chars().any(char::is_control)
            }
            Word::Again => true,
        };
        if fits {
            Ok(message)
        } else {
            Err(CreditFault::Content("the amount or the reason"))
        }
    }
}

/// A number of visible ASCII characters.
fn plain(text: &str, what: &'static str) -> Result<(), CreditFault> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(())
    } else {
        Err(CreditFault::Content(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(says: Word) -> Report {
        Report {
            message_id: "B1C1".to_owned(),
            referral_no: "BJ1".to_owned(),
            says,
        }
    }

    #[test]
    fn a_message_reads_as_it_was_written() {
        for says in [
            Word::Granted {
                amount_fen: 100_000_000,
            },
            Word::Refused {
                reason: "缴存人数少".to_owned(),
            },
            Word::Used { amount_fen: 0 },
            Word::Again,
        ] {
            let sent = report(says);
            assert_eq!(Report::parse(&sent.to_json()).unwrap(), sent);
        }
        let withdrawn = Referral {
            referral_no: "BJ1".to_owned(),
            sent_at: DateTime::UNIX_EPOCH,
            says: Says::Withdrawn,
        };
        assert_eq!(Referral::parse(&withdrawn.to_json()).unwrap(), withdrawn);
    }

    #[test]
    fn what_cannot_be_is_no_message() {
        for says in [
            Word::Granted { amount_fen: 0 },
            Word::Used { amount_fen: -1 },
            Word::Refused {
                reason: "长".repeat(201),
            },
        ] {
            assert!(Report::parse(&report(says).to_json()).is_err());
        }
        let mut nameless = report(Word::Again);
        nameless.referral_no = "x y".to_owned();
        assert!(Report::parse(&nameless.to_json()).is_err());
        assert!(Referral::parse(b"{}").is_err());
        assert!(matches!(
            Report::parse(&vec![b' '; MAX_MESSAGE_BYTES + 1]),
            Err(CreditFault::TooLarge(_))
        ));
    }
}
