//! What a department says by itself (推送): signed like a question, with the same number until it is taken.
//!
//! Invariant: a message stands in the journal before it is sent, and is sent again with its number until the product has answered it;
//! an answer that refuses is an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anju_wire::gateway::{
    Call, Consent, GatewayReply, GatewayRequest, KEY_INTERFACE, Operator, Purpose, SignedHeaders,
    code,
};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keys::Signer;
use super::source_of;
use crate::World;
use crate::control::Problem;
use crate::platform::HOME;
use crate::store::Room;

const LOOK_EVERY: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the control door waits for the product's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message and what it was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pushed {
    source: String,
    interface: String,
    body: GatewayRequest,
    reply: Option<Value>,
}

/// Every message in the order in which it was written.
#[derive(Default)]
pub struct Pushes {
    all: BTreeMap<u64, Pushed>,
    waiting: std::collections::BTreeSet<u64>,
}

/// What happens to messages.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PushEvent {
    /// Written down.
    Queued {
        /// Its number.
        id: u64,
        /// The message.
        message: Box<Pushed>,
    },
    /// To be sent once more, as it stands.
    Again {
        /// Its number.
        id: u64,
    },
    /// Answered.
    Answered {
        /// Its number.
        id: u64,
        /// The product's answer.
        reply: Value,
    },
}

impl Room for Pushes {
    type Event = PushEvent;
    const JOURNAL: &'static str = "pushes.jsonl";

    fn apply(&mut self, event: PushEvent) {
        match event {
            PushEvent::Queued { id, message } => {
                self.all.insert(id, *message);
                self.waiting.insert(id);
            }
            PushEvent::Again { id } => {
                if let Some(message) = self.all.get_mut(&id) {
                    message.reply = None;
                    self.waiting.insert(id);
                }
            }
            PushEvent::Answered { id, reply } => {
                if let Some(message) = self.all.get_mut(&id) {
                    message.reply = Some(reply);
                }
                self.waiting.remove(&id);
            }
        }
    }
}

/// The control door's routes.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/control/pushes/{id}", get(read))
        .route("/control/pushes/{id}/again", post(again))
}

impl World {
    /// Writes a message down; it is sent by itself.
    pub(crate) async fn push(
        &self,
        source: &str,
        interface: &str,
        params: Value,
    ) -> Result<u64, Problem> {
        let name = source_of(source).map_or(source, |source| source.name);
        let day = self.clock.today().format("%Y%m%d").to_string();
        let id = self
            .pushes
            .change(|draft| {
                let id = draft.all.keys().next_back().map_or(1, |last| last + 1);
                let body = GatewayRequest {
                    request_id: format!("{source}-{day}-P{id:06}"),
                    purpose: Purpose {
                        item: interface.to_owned(),
                        case_no: String::new(),
                    },
                    operator: Operator {
                        id: "system".to_owned(),
                        name: name.to_owned(),
                        org: name.to_owned(),
                    },
                    consent: Consent {
                        id: "statutory:住房公积金管理条例第十四条".to_owned(),
                        hash: String::new(),
                    },
                    params,
                    encrypted: None,
                };
                draft.record(PushEvent::Queued {
                    id,
                    message: Box::new(Pushed {
                        source: source.to_owned(),
                        interface: interface.to_owned(),
                        body,
                        reply: None,
                    }),
                });
                id
            })
            .await?;
        Ok(id)
    }

    /// Waits a little for the answer to a message.
    pub(crate) async fn push_answer(&self, id: u64) -> Result<Value, Problem> {
        let began = tokio::time::Instant::now();
        loop {
            let message = self
                .pushes
                .read(|pushes| pushes.all.get(&id).cloned())
                .await?;
            let message = message.ok_or_else(|| Problem::not_found("没有这条推送"))?;
            if message.reply.is_some() || began.elapsed() > PATIENCE {
                return Ok(json!({
                    "push": id, "request_id": message.body.request_id, "interface": message.interface, "reply": message.reply,
                }));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn read(
    State(world): State<Arc<World>>,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(world.push_answer(id).await?))
}

async fn again(
    State(world): State<Arc<World>>,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Problem> {
    world
        .pushes
        .change(|draft| draft.record(PushEvent::Again { id }))
        .await?;
    Ok(Json(world.push_answer(id).await?))
}

/// Sends what waits, in order, until the future is dropped.
pub async fn run(world: Arc<World>) {
    loop {
        let next = world
            .pushes
            .read(|pushes| {
                let id = *pushes.waiting.first()?;
                Some((id, pushes.all.get(&id)?.clone()))
            })
            .await;
        let Ok(Some((id, message))) = next else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        let Some(reply) = send(&world, &message).await else {
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        };
        let answered = world
            .pushes
            .change(|draft| draft.record(PushEvent::Answered { id, reply }))
            .await;
        if let Err(error) = answered {
            tracing::error!(%error, "the departments' messages");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// The product's answer; none where it has to be asked again.
async fn send(world: &World, message: &Pushed) -> Option<Value> {
    let body = serde_json::to_vec(&message.body).ok()?;
    let path = format!("/inbox/gateway/{}/{}", message.source, message.interface);
    let nonce = anju_vault::token::new();
    let mac = end(world, message).await?;
    let signed = SignedHeaders::sign(
        &mac,
        Call {
            method: "POST",
            path: &path,
            query: "",
            body: &body,
        },
        &message.source,
        world.clock.now().timestamp_millis(),
        &nonce,
        &message.body.request_id,
    );
    let mut call = world
        .to_product
        .post(format!("http://{}{path}", world.product))
        .timeout(ANSWER_WITHIN)
        .header("content-type", "application/json")
        .body(body.clone());
    for (name, value) in signed.pairs() {
        call = call.header(name, value);
    }
    let answer = call.send().await.ok()?;
    let status = answer.status().as_u16();
    // Credentials, a repeated nonce or a fault of the other side may pass.
    if matches!(
        status,
        code::UNAUTHORIZED | code::DUPLICATE_NONCE | code::QUOTA
    ) || status >= 500
    {
        return None;
    }
    let reply: GatewayReply = answer.json().await.ok()?;
    // While it took the message the product may have made its key known.
    if !reply.holds(&end(world, message).await?, &body) {
        tracing::error!("the product's answer is not signed for this message");
        return None;
    }
    serde_json::to_value(&reply).ok()
}

/// The source's end of the line: its own key where it signs with SM2, and always where it tells its next one.
async fn end(world: &World, message: &Pushed) -> Option<Signer> {
    if !super::keys::wants_sm2(&message.source) && message.interface != KEY_INTERFACE {
        return Some(Signer::Shared(world.keys.gateway.clone()));
    }
    let store = &world.departments.store;
    let theirs = store.read(|registers| registers.centre_keys(&message.source, HOME));
    Some(Signer::Own {
        ours: world.ring(&message.source).ok()?.current(),
        theirs: theirs.await.ok()?,
    })
}
