//! The line to the national transfer platform: our messages out, other centres' messages in. No database.
//!
//! Invariant: a message counts as handed over only when the platform's answer is signed for this very message; sent again, it has the same
//! number, and the platform takes it once. Nothing of a message but its number, its letter and its centres reaches a log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anju_domain::clock::Clock;
use anju_vault::SharedKey;
use anju_wire::gateway::{Call, NonceWindow, SignedHeaders, code};
use anju_wire::platform::{CentreOfPlatform, Message, PLATFORM};
use serde_json::json;

use crate::line::{CallFault, Line, Mac};

/// How long the platform may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const MOST_BYTES: usize = 64 * 1024;
/// Where it hands messages over to us.
const INBOX: &str = "/inbox/platform";

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The platform keeps it and hands it over.
    Taken,
    /// The platform knows no such centre.
    NoSuchCentre,
}

/// Why a message that came is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushFault {
    /// Signature, time or nonce.
    #[error("the signature of the platform does not hold: {0}")]
    Signature(#[from] anju_wire::gateway::SignatureFault),
    /// It cannot be read.
    #[error("a message of the platform")]
    Message(#[from] anju_wire::platform::MessageFault),
    /// It is for another centre.
    #[error("a message for centre {0}")]
    NotOurs(String),
}

/// 全国平台. Speaks with it and listens to it.
pub struct Platform {
    line: Arc<Line>,
    key: SharedKey,
    clock: Arc<dyn Clock>,
    seen: Mutex<NonceWindow>,
}

impl Platform {
    /// The platform behind a line; `key` is the secret that it shares with us.
    pub fn new(line: Arc<Line>, key: SharedKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            line,
            key,
            clock,
            seen: Mutex::default(),
        }
    }

    /// Hands a message to the platform.
    ///
    /// # Errors
    /// No answer, or none that is signed for this message: it is to be sent again, with the same number.
    pub async fn send(&self, message: &Message) -> Result<Sent, CallFault> {
        let body = message.to_json();
        let reply = self
            .line
            .say(
                "/platform/messages",
                &body,
                &message.message_id,
                ANSWER_WITHIN,
                MOST_BYTES,
            )
            .await?;
        Ok(if reply.code == code::NO_RECORD {
            Sent::NoSuchCentre
        } else {
            Sent::Taken
        })
    }

    /// BDC909: the name of a centre, if it is at the platform.
    ///
    /// # Errors
    /// As [`Platform::send`].
    pub async fn centre(&self, code: &str) -> Result<Option<CentreOfPlatform>, CallFault> {
        let body = json!({ "code": code }).to_string();
        let reply = self
            .line
            .say(
                "/platform/centres",
                body.as_bytes(),
                code,
                ANSWER_WITHIN,
                MOST_BYTES,
            )
            .await?;
        if reply.code == code::NO_RECORD {
            return Ok(None);
        }
        serde_json::from_value(reply.data)
            .map(Some)
            .map_err(|_| CallFault::Malformed)
    }

    /// Reads what the platform hands over to the centre `own`.
    ///
    /// # Errors
    /// It is not the platform's, not of now, or not for us.
    pub fn read<'h>(
        &self,
        own: &str,
        body: &[u8],
        header: impl Fn(&str) -> Option<&'h str>,
    ) -> Result<Message, PushFault> {
        let headers = SignedHeaders::read(header)?;
        if headers.app_id != PLATFORM {
            return Err(anju_wire::gateway::SignatureFault::Headers.into());
        }
        let call = Call {
            method: "POST",
            path: INBOX,
            query: "",
            body,
        };
        let now_ms = self.clock.now().timestamp_millis();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        headers.verify(&Mac(self.key.clone()), call, now_ms, &mut seen)?;
        let message = Message::parse(body)?;
        if message.to == own {
            Ok(message)
        } else {
            Err(PushFault::NotOurs(message.to))
        }
    }
}
