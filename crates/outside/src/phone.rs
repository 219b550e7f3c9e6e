//! Phones (手机): the carrier's door, and what each phone has received.
//!
//! Invariant: an event's message reaches its phone once, however often it is sent; messages stand in the order of
//! their arrival.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anju_wire::sms::{
    MAX_TEXT_CHARS, SEND_PATH, SmsReceipt, SmsRequest, SmsState, verification_code,
};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::clock::civil;
use crate::control::Problem;
use crate::source::door::verify;
use crate::store::Room;

/// What the phones remember.
#[derive(Default)]
pub struct Phones {
    inboxes: BTreeMap<String, Vec<Message>>,
    /// The carrier's number of each event's message.
    sent: HashMap<String, String>,
    received: u64,
}

/// One message on a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The text.
    pub text: String,
}

/// A message came in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Received {
    event_id: String,
    message_id: String,
    phone: String,
    message: Message,
}

impl Room for Phones {
    type Event = Received;
    const JOURNAL: &'static str = "phones.jsonl";

    fn apply(&mut self, event: Received) {
        self.received += 1;
        self.sent.insert(event.event_id, event.message_id);
        self.inboxes
            .entry(event.phone)
            .or_default()
            .push(event.message);
    }
}

impl Phones {
    /// A phone's messages, newest last.
    pub fn messages(&self, phone: &str) -> &[Message] {
        self.inboxes.get(phone).map_or(&[], Vec::as_slice)
    }

    /// Phones that have received anything.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        self.inboxes.keys().map(String::as_str)
    }
}

/// The carrier's door and the control door of the phones.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route(SEND_PATH, post(send))
        .route("/control/phones", get(list))
        .route("/control/phones/{phone}/messages", get(messages))
}

async fn send(
    State(world): State<Arc<World>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    if let Err(refusal) = verify(&world, &uri, &headers, &body) {
        let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::UNAUTHORIZED);
        return Ok(Problem {
            status,
            ..Problem::unauthorized(refusal.message)
        }
        .into_response());
    }
    let request: SmsRequest = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("正文不是短信：{error}")))?;
    let mobile = request.phone.len() == 11
        && request.phone.starts_with('1')
        && request.phone.bytes().all(|byte| byte.is_ascii_digit());
    if !mobile || request.text.is_empty() || request.text.chars().count() > MAX_TEXT_CHARS {
        let message_id = String::new();
        let receipt = SmsReceipt {
            message_id,
            state: SmsState::Rejected,
            repeated: false,
        };
        return Ok(Json(receipt).into_response());
    }
    let at = world.clock.now();
    let receipt = world
        .phones
        .change(|draft| {
            if let Some(message_id) = draft.sent.get(&request.event_id) {
                let message_id = message_id.clone();
                return SmsReceipt {
                    message_id,
                    state: SmsState::Delivered,
                    repeated: true,
                };
            }
            let message_id = format!("SMS{:010}", draft.received + 1);
            draft.record(Received {
                event_id: request.event_id,
                message_id: message_id.clone(),
                phone: request.phone,
                message: Message {
                    at,
                    text: request.text,
                },
            });
            SmsReceipt {
                message_id,
                state: SmsState::Delivered,
                repeated: false,
            }
        })
        .await?;
    Ok(Json(receipt).into_response())
}

#[derive(Serialize)]
struct Shown {
    at: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

async fn messages(
    State(world): State<Arc<World>>,
    Path(phone): Path<String>,
) -> Result<Json<Vec<Shown>>, Problem> {
    let shown = |message: &Message| Shown {
        at: civil(message.at).to_rfc3339(),
        text: message.text.clone(),
        code: verification_code(&message.text).map(str::to_owned),
    };
    let read = |phones: &Phones| phones.messages(&phone).iter().map(shown).collect();
    Ok(Json(world.phones.read(read).await?))
}

async fn list(State(world): State<Arc<World>>) -> Result<Json<Vec<String>>, Problem> {
    let numbers = |phones: &Phones| phones.numbers().map(str::to_owned).collect();
    Ok(Json(world.phones.read(numbers).await?))
}
