//! Short messages (短信) out of the house: one call to the carrier, safe to repeat.
//!
//! Invariant: the event names the message, so that the outbox may send again after a broken line and the phone
//! rings once. Neither phone nor text reaches a log.

use std::time::Duration;

use anju_wire::sms::{MAX_TEXT_CHARS, SEND_PATH, SmsReceipt, SmsRequest, SmsState};
use uuid::Uuid;

use crate::line::{CallFault, Line};

/// The carrier answers within this or not at all.
const WITHIN: Duration = Duration::from_secs(5);

/// The most bytes of the carrier's answer.
const MOST_BYTES: usize = 16 * 1024;

/// Why a message is not on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendFault {
    /// The text is longer than a message may be.
    #[error("the text is too long for a message")]
    TooLong,
    /// The carrier refuses the number or the text: sending again does not help.
    #[error("the carrier refuses the message")]
    Rejected,
    /// No good answer: send again with the same event.
    #[error("calling the carrier")]
    Call(#[from] CallFault),
}

/// Sends a text to a phone. The same event sends at most one.
pub async fn send_sms(
    line: &Line,
    phone: &str,
    text: &str,
    event_id: &str,
) -> Result<SmsReceipt, SendFault> {
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(SendFault::TooLong);
    }
    let request = SmsRequest {
        event_id: event_id.to_owned(),
        phone: phone.to_owned(),
        text: text.to_owned(),
    };
    let body = serde_json::to_vec(&request).map_err(|_| CallFault::Malformed)?;
    let trace = Uuid::now_v7().simple().to_string();
    let (status, answer) = line
        .post(SEND_PATH, &body, &trace, WITHIN, MOST_BYTES)
        .await?;
    match status {
        200 => {}
        429 => return Err(CallFault::Quota.into()),
        400..=499 => return Err(CallFault::Refused(status).into()),
        _ => return Err(CallFault::SourceError(status).into()),
    }
    let receipt: SmsReceipt = serde_json::from_slice(&answer).map_err(|_| CallFault::Malformed)?;
    match receipt.state {
        SmsState::Delivered => Ok(receipt),
        SmsState::Rejected => Err(SendFault::Rejected),
    }
}
