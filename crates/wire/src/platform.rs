//! The national transfer platform (全国住房公积金转移接续平台) on the wire: what two centres say to each other about one person's money.
//!
//! A message goes from a centre to the platform and from there to the other centre: `POST /platform/messages`, then `POST /inbox/platform`,
//! both as JSON and signed like a call of the gateway ([`crate::gateway::SignedHeaders`]) with the centre's own key. The platform keeps what
//! it has answered 2xx and hands it over at least once, so that whoever receives a number again does nothing.
//!
//! The names BDC901 … BDC909 are the platform's; nothing outside this file knows them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The largest message that is read, in bytes: a sheet with the months of a working life is far below it.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The platform's own name in the headers of what it hands over.
pub const PLATFORM: &str = "nhpf";

/// A message about one contact letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The sender's number of this message; the same message sent again has the same number.
    pub message_id: String,
    /// Code of the centre that sends it (the six digits of its region).
    pub from: String,
    /// Code of the centre that it is for.
    pub to: String,
    /// 联系函号, drawn by the in-centre, unique in the country.
    pub letter_no: String,
    /// When the sender wrote it.
    pub sent_at: DateTime<Utc>,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "business", content = "data")]
pub enum Body {
    /// 转入申请, the contact letter: in-centre to out-centre.
    #[serde(rename = "BDC901")]
    Letter(Letter),
    /// 撤销: in-centre to out-centre, while the letter is not confirmed.
    #[serde(rename = "BDC903")]
    Cancel,
    /// 进度: the in-centre asks, the out-centre tells.
    #[serde(rename = "BDC904")]
    Progress(Progress),
    /// 转出信息: the account's sheet with the payment; and the in-centre's word about how it ended.
    #[serde(rename = "BDC905")]
    Information(Information),
}

/// 联系函.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Name as the in-centre has it.
    pub name: String,
    /// 证件号码.
    pub id_no: String,
    /// The account at the out-centre, where the person knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_no: Option<String>,
    /// Name of the in-centre.
    pub centre_name: String,
    /// Where the money is to go.
    pub pay_to: PayTo,
    /// When the person applied.
    pub applied_on: NaiveDate,
}

/// An account of a centre that takes transferred money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayTo {
    /// Account number.
    pub account_no: String,
    /// Its holder.
    pub holder: String,
    /// Name of the bank.
    pub bank_name: String,
}

/// 进度.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Progress {
    /// The in-centre asks where the letter stands; the answer is one of the others.
    Asked,
    /// 确认接收: it can no longer be cancelled.
    Confirmed,
    /// 驳回.
    Refused {
        /// A code of contribution.md §20, e.g. `E-RT-03`.
        code: String,
        /// A sentence for the person.
        reason: String,
    },
    /// Taken back by the in-centre in time.
    Cancelled,
    /// The bank refused the payment; it is tried again.
    PayFailed {
        /// Tries so far.
        tries: i16,
        /// The bank's words.
        reason: String,
    },
    /// The letter is not known at the out-centre.
    Unknown,
}

/// BDC905.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Information {
    /// 转移信息表, with the payment that has been made.
    Sheet(Sheet),
    /// The in-centre has credited the person: 正常办结.
    Completed,
    /// 协商: the amount is not that of the sheet, or cannot be credited.
    Disputed {
        /// What has come, fen.
        received_fen: i64,
        /// What is wrong.
        reason: String,
    },
    /// 失败办结: the in-centre has ended it and sends back what it has received.
    Returned {
        /// Fen on their way back; 0 where nothing had come.
        amount_fen: i64,
        /// Why.
        reason: String,
    },
}

/// 转移信息表: the account as it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet {
    /// When the account was opened.
    pub opened_on: NaiveDate,
    /// The months that were contributed, `YYYY-MM`, oldest first.
    pub months: Vec<String>,
    /// Whole balance with interest to the day of the transfer, fen: what is paid.
    pub total_fen: i64,
    /// Of it principal, fen.
    pub principal_fen: i64,
    /// Of it interest of the closing, fen.
    pub interest_fen: i64,
    /// How many housing loans of the out-centre the person has had.
    pub loans: i32,
}

/// BDC909: a centre of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CentreOfPlatform {
    /// Six digits of its region.
    pub code: String,
    /// Name.
    pub name: String,
}

/// A message that is none.
#[derive(Debug, thiserror::Error)]
pub enum MessageFault {
    /// Larger than any message.
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// Not the JSON of this file.
    #[error("a message of the platform cannot be read")]
    Form(#[from] serde_json::Error),
    /// A field says what it may not.
    #[error("a message of the platform: {0}")]
    Content(&'static str),
}

impl Message {
    /// Reads a message and what every one of them must hold.
    ///
    /// # Errors
    /// Too large, not a message, or one that names no centre, no letter, or an amount that does not add up.
    pub fn parse(body: &[u8]) -> Result<Self, MessageFault> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(MessageFault::TooLarge(body.len()));
        }
        let message: Self = serde_json::from_slice(body)?;
        message.check()?;
        Ok(message)
    }

    fn check(&self) -> Result<(), MessageFault> {
        if !is_centre(&self.from) || !is_centre(&self.to) || self.from == self.to {
            return Err(MessageFault::Content("two centres of six digits each"));
        }
        if !is_token(&self.message_id, 64) {
            return Err(MessageFault::Content("a message number"));
        }
        if !is_token(&self.letter_no, 32) {
            return Err(MessageFault::Content("a letter number"));
        }
        match &self.body {
            Body::Information(Information::Sheet(sheet)) => sheet.check(),
            Body::Information(
                Information::Disputed {
                    received_fen: fen, ..
                }
                | Information::Returned {
                    amount_fen: fen, ..
                },
            ) if *fen < 0 => Err(MessageFault::Content("an amount below zero")),
            _ => Ok(()),
        }
    }

    /// The message as it is sent.
    ///
    /// # Panics
    /// Never: texts, numbers and dates are always JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and dates are always JSON")
    }
}

impl Sheet {
    fn check(&self) -> Result<(), MessageFault> {
        let adds_up = self.principal_fen.checked_add(self.interest_fen) == Some(self.total_fen);
        if self.principal_fen < 0 || self.interest_fen < 0 || !adds_up {
            return Err(MessageFault::Content(
                "principal and interest are not the total",
            ));
        }
        Ok(())
    }
}

fn is_centre(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_token(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: Body) -> Message {
        Message {
            message_id: "500000-17-letter".to_owned(),
            from: "500000".to_owned(),
            to: "510100".to_owned(),
            letter_no: "LH500000A1234567890123".to_owned(),
            sent_at: "2026-11-24T02:00:00Z".parse().unwrap(),
            body,
        }
    }

    fn sheet(total_fen: i64) -> Body {
        Body::Information(Information::Sheet(Sheet {
            opened_on: "2019-03-01".parse().unwrap(),
            months: vec!["2026-09".to_owned(), "2026-10".to_owned()],
            total_fen,
            principal_fen: 700,
            interest_fen: 20,
            loans: 0,
        }))
    }

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let pay_to = PayTo {
            account_no: "6500001001".to_owned(),
            holder: "重庆市住房公积金管理中心".to_owned(),
            bank_name: "工商银行".to_owned(),
        };
        let letter = Letter {
            name: "李梅".to_owned(),
            id_no: "11010519491231002X".to_owned(),
            account_no: None,
            centre_name: "重庆市住房公积金管理中心".to_owned(),
            pay_to,
            applied_on: "2026-11-24".parse().unwrap(),
        };
        let refused = Progress::Refused {
            code: "E-RT-03".to_owned(),
            reason: "账户未封存".to_owned(),
        };
        let disputed = Information::Disputed {
            received_fen: 719,
            reason: "少一分".to_owned(),
        };
        for body in [
            Body::Letter(letter),
            Body::Cancel,
            Body::Progress(Progress::Confirmed),
            Body::Progress(refused),
            sheet(720),
            Body::Information(Information::Completed),
            Body::Information(disputed),
        ] {
            let sent = message(body);
            assert_eq!(Message::parse(&sent.to_json()).unwrap(), sent);
        }
    }

    #[test]
    fn the_names_of_the_wire_are_those_of_the_platform() {
        let text = String::from_utf8(message(Body::Cancel).to_json()).unwrap();
        assert!(text.contains(r#""business":"BDC903""#), "{text}");
        assert!(
            text.contains(r#""letterNo":"LH500000A1234567890123""#),
            "{text}"
        );
    }

    #[test]
    fn what_does_not_add_up_is_no_message() {
        assert!(Message::parse(&message(sheet(721)).to_json()).is_err());
        let mut own = message(Body::Cancel);
        own.to = own.from.clone();
        assert!(Message::parse(&own.to_json()).is_err());
        let mut nameless = message(Body::Cancel);
        nameless.letter_no = "'; DROP".to_owned();
        assert!(Message::parse(&nameless.to_json()).is_err());
        assert!(Message::parse(b"{}").is_err());
        assert!(matches!(
            Message::parse(&vec![b' '; MAX_MESSAGE_BYTES + 1]),
            Err(MessageFault::TooLarge(_))
        ));
    }
}
