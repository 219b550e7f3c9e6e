//! Short messages (短信) to the carrier: what `POST /sms/send` takes and answers.
//!
//! The call is signed like a gateway call ([`crate::gateway::SignedHeaders`]). Invariant: a message is
//! named by the event that caused it, so that sending it twice reaches the phone once.

use serde::{Deserialize, Serialize};

/// The most characters of one message; longer texts are cut into parts by the carrier.
pub const MAX_TEXT_CHARS: usize = 500;

/// The path that takes a message.
pub const SEND_PATH: &str = "/sms/send";

/// One message to one phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmsRequest {
    /// The event that caused the message; a repetition is accepted and not sent again.
    pub event_id: String,
    /// The mobile number, eleven digits.
    pub phone: String,
    /// The text with its sign, e.g. `【安居】…`.
    pub text: String,
}

/// The carrier's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmsReceipt {
    /// The carrier's own number of the message.
    pub message_id: String,
    /// What became of it.
    pub state: SmsState,
    /// Whether this event's message was here before.
    pub repeated: bool,
}

/// What became of a message at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsState {
    /// It is on the phone.
    Delivered,
    /// The carrier refuses the number or the text.
    Rejected,
}

/// The verification code (验证码) in a text: the first run of four to eight digits after that word.
pub fn verification_code(text: &str) -> Option<&str> {
    let after = &text[text.find("验证码")?..];
    after
        .split(|c: char| !c.is_ascii_digit())
        .find(|run| (4..=8).contains(&run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_first_run_of_digits_after_its_word() {
        assert_eq!(
            verification_code("【安居】验证码 082734，5 分钟内有效"),
            Some("082734")
        );
        assert_eq!(
            verification_code("【安居】您的验证码为：6612。切勿告诉他人"),
            Some("6612")
        );
        assert_eq!(
            verification_code("【安居】租房提取 3,600.00 元已到账，尾号 1234"),
            None
        );
    }
}
