//! The departments' own SM2 keys (国密密钥), a ring each, and the public keys that centres made known to them.
//!
//! Invariant: the shared secret vouches for a centre's first key at a source; from then on only a key that the source holds vouches for the
//! next. A source tells its new key, signed with the old one, and signs with it only when the centre has answered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anju_vault::signature::{Sm2Key, verify_sm2_der};
use anju_vault::{SharedKey, Sm2Ring, envelope};
use anju_wire::gateway::{Envelope, GatewaySigner, KEY_INTERFACE, SignType, canonical, equal};
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{Event, source_of};
use crate::World;
use crate::control::Problem;

/// Sources whose lines are signed with SM2.
const SM2: [&str; 6] = ["D01", "D05", "D09", "D10", "D11", "D19"];

/// Those that want what is asked and answered closed.
const CLOSED: [&str; 4] = ["D01", "D09", "D10", "D11"];

/// Keys of one centre that a source believes, newest first.
pub(super) const BELIEVED: usize = 3;

/// Whether a source takes calls that are signed with SM2 alone.
pub(super) fn wants_sm2(source: &str) -> bool {
    SM2.contains(&source)
}

/// Whether a source closes what it answers.
pub(super) fn closes(source: &str) -> bool {
    CLOSED.contains(&source)
}

/// The rings of the departments, made when they are first needed.
pub(super) struct Rings {
    folder: PathBuf,
    rings: Mutex<HashMap<String, Arc<Sm2Ring>>>,
}

impl Rings {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            rings: Mutex::default(),
        }
    }

    /// The ring of a source.
    pub(super) fn ring(&self, source: &str) -> Result<Arc<Sm2Ring>, anju_vault::VaultError> {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(source) {
            return Ok(Arc::clone(ring));
        }
        let ring = Arc::new(Sm2Ring::create(&self.folder, &format!("{source}-sm2"))?);
        rings.insert(source.to_owned(), Arc::clone(&ring));
        Ok(ring)
    }
}

/// A department's end of a line.
pub(crate) enum Signer {
    /// The secret that both ends hold.
    Shared(SharedKey),
    /// Its own key, and what it believes of the centre.
    Own {
        /// What it signs with.
        ours: Arc<Sm2Key>,
        /// The centre's keys, newest first.
        theirs: Vec<Vec<u8>>,
    },
}

impl GatewaySigner for Signer {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> SignType {
        match self {
            Self::Shared(_) => SignType::Hmac,
            Self::Own { .. } => SignType::Sm2,
        }
    }
    fn sign(&self, text: &[u8]) -> String {
        match self {
            Self::Shared(key) => hex::encode(key.sign(text)),
            Self::Own { ours, .. } => BASE64.encode(ours.sign_der(text)),
        }
    }
    fn holds(&self, text: &[u8], signature: &str) -> bool {
        match self {
            Self::Shared(_) => equal(&self.sign(text), signature),
            Self::Own { theirs, .. } => BASE64.decode(signature).is_ok_and(|signature| {
                theirs
                    .iter()
                    .any(|key| verify_sm2_der(key, text, &signature))
            }),
        }
    }
}

/// Closes data for a centre.
pub(super) fn close(reader: &[u8], data: &Value) -> Option<Envelope> {
    let closed = envelope::close(reader, canonical(data).as_bytes())?;
    Some(Envelope {
        key: closed.key,
        iv: closed.iv,
        content: closed.content,
    })
}

/// Opens what a centre closed for a source, with any key that the source holds.
pub(super) fn open(ring: &Sm2Ring, closed: &Envelope) -> Option<Value> {
    let closed = envelope::Envelope {
        key: closed.key.clone(),
        iv: closed.iv.clone(),
        content: closed.content.clone(),
    };
    let keys = ring.all();
    let text = keys.iter().find_map(|key| envelope::open(key, &closed))?;
    serde_json::from_slice(&text).ok()
}

impl World {
    /// The ring of a source; a folder that cannot be written is a fault of this machine.
    pub(crate) fn ring(&self, source: &str) -> Result<Arc<Sm2Ring>, Problem> {
        self.departments.rings.ring(source).map_err(|error| {
            tracing::error!(%error, source, "a department's SM2 key");
            Problem::unprocessable("部门的密钥读写不了")
        })
    }

    /// A centre tells a source one of its keys and hears the source's. None where the first key is vouched for already and the call
    /// is not signed with it.
    pub(super) async fn meet(
        &self,
        source: &str,
        centre: &str,
        params: &Value,
        by: SignType,
    ) -> Result<Option<Value>, Problem> {
        let Some(key) = params.get("gy").and_then(Value::as_str) else {
            return Ok(None);
        };
        let (source, centre, key) = (source.to_owned(), centre.to_owned(), key.to_owned());
        let believed = self
            .departments
            .store
            .change(|draft| {
                let known = draft.centre_keys(&source, &centre);
                if known.first().is_some_and(|first| hex::encode(first) == key) {
                    return true;
                }
                if by == SignType::Hmac && !known.is_empty() {
                    return false;
                }
                draft.record(Event::Introduced {
                    source: source.clone(),
                    centre,
                    key,
                });
                true
            })
            .await?;
        if !believed {
            return Ok(None);
        }
        let keys = self.ring(&source)?.all();
        let keys: Vec<String> = keys.iter().map(|key| hex::encode(key.public())).collect();
        Ok(Some(json!({ "gy": keys })))
    }
}

/// `POST /control/sources/{source}/turn-key`: the source makes a new key, tells it and signs with it when the centre has answered.
pub(crate) async fn turn(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
) -> Result<Json<Value>, Problem> {
    let source = source_of(&code).ok_or_else(|| Problem::not_found("没有这个部门"))?;
    let ring = world.ring(source.code)?;
    let next = hex::encode(ring.prepare().map_err(|error| {
        tracing::error!(%error, "a department's next SM2 key");
        Problem::unprocessable("新的密钥写不了")
    })?);
    let push = world
        .push(source.code, KEY_INTERFACE, json!({ "gy": next }))
        .await?;
    let answer = world.push_answer(push).await?;
    let taken = answer["reply"]["code"] == 200;
    if taken {
        ring.switch().map_err(|error| {
            tracing::error!(%error, "turning a department's SM2 key");
            Problem::unprocessable("新的密钥启用不了")
        })?;
    }
    Ok(Json(
        json!({ "source": source.code, "key": next, "turned": taken, "reply": answer["reply"] }),
    ))
}
