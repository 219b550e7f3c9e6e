//! Meeting a source (交换公钥), and turning our own key while its questions go on.

use std::sync::Arc;

use anju_wire::gateway::{
    Consent, GatewayRequest, GatewaySigner, KEY_INTERFACE, Operator, Purpose,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalogue::Source;
use crate::gateway::Gateway;
use crate::keys::Sm2Signer;
use crate::line::{CallFault, ONE_ANSWER};

/// Why our key was not turned.
#[derive(Debug, thiserror::Error)]
pub enum TurnFault {
    /// A file of keys.
    #[error("the files of our SM2 keys")]
    Keys(#[from] anju_vault::VaultError),
    /// These sources have not confirmed the new key; the former signs on.
    #[error("{} did not confirm the new key; the former signs on", .0.join(", "))]
    NotConfirmed(Vec<String>),
}

impl Gateway {
    /// Our end of a line that is signed with SM2, as far as the source is known.
    pub(crate) fn signer_of(&self, source: &str) -> Sm2Signer {
        Sm2Signer {
            keys: Arc::clone(&self.keys),
            source: source.to_owned(),
        }
    }

    /// Makes sure that a source that signs with SM2 is known before what it says by itself is judged. One that cannot be met now is not
    /// believed now.
    pub async fn meet(&self, source: &str) {
        let wants = self.catalogue.source(source).is_some_and(Source::wants_sm2);
        if wants && let Err(fault) = self.acquainted(source).await {
            tracing::warn!(source, reason = fault.word(), "the source cannot be met");
        }
    }

    /// Our end of a line that is signed with SM2; the source is met where it is not known yet.
    pub(crate) async fn acquainted(&self, source: &str) -> Result<Sm2Signer, CallFault> {
        let signer = self.signer_of(source);
        if !self.keys.of(source).is_empty() {
            return Ok(signer);
        }
        let _one_at_a_time = self.keys.meeting.lock().await;
        if self.keys.of(source).is_empty() {
            let ours = self.keys.ours().current().public();
            let theirs = self
                .exchange_keys(source, &ours, self.line.shared_signer())
                .await?;
            // The oldest first, so that the newest stands first.
            for key in theirs.iter().rev() {
                self.keys
                    .learn(source, key)
                    .map_err(|_| CallFault::Malformed)?;
            }
            tracing::info!(source, "the source's SM2 key is known");
        }
        Ok(signer)
    }

    /// Makes a new SM2 key, has every source that wants SM2 confirm it, and signs with it from then on. What stops in between is
    /// gone on with by asking again: the new key is there and is told again.
    ///
    /// # Errors
    /// A source did not confirm; the former key signs on.
    pub async fn turn_key(&self) -> Result<usize, TurnFault> {
        let wanting: Vec<&str> = self
            .catalogue
            .sources
            .iter()
            .filter(|source| self.catalogue.knows_our_key(source))
            .map(|source| source.code.as_str())
            .collect();
        let next = self.keys.ours().prepare()?;
        let mut silent = Vec::new();
        for source in &wanting {
            let told = match self.acquainted(source).await {
                Ok(signer) => self.exchange_keys(source, &next, &signer).await.map(drop),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = told {
                tracing::error!(
                    source,
                    reason = fault.word(),
                    "our new key is not confirmed"
                );
                silent.push((*source).to_owned());
            }
        }
        if !silent.is_empty() {
            return Err(TurnFault::NotConfirmed(silent));
        }
        self.keys.ours().switch()?;
        tracing::info!(sources = wanting.len(), "our SM2 key is turned");
        Ok(wanting.len())
    }

    /// Tells a source one of our public keys and hears its own, newest first.
    async fn exchange_keys(
        &self,
        source: &str,
        ours: &[u8],
        signer: &impl GatewaySigner,
    ) -> Result<Vec<Vec<u8>>, CallFault> {
        let request = GatewayRequest {
            request_id: Uuid::now_v7().to_string(),
            purpose: Purpose {
                item: KEY_INTERFACE.to_owned(),
                case_no: String::new(),
            },
            operator: Operator {
                id: "system".to_owned(),
                name: "系统".to_owned(),
                org: self.line.app_id().to_owned(),
            },
            consent: Consent {
                id: "contract:数据共享协议".to_owned(),
                hash: String::new(),
            },
            params: json!({ "gy": hex::encode(ours) }),
            encrypted: None,
        };
        let trace = Uuid::now_v7().simple().to_string();
        let reply = self
            .line
            .ask_as(
                signer,
                &format!("{source}.{KEY_INTERFACE}"),
                &request,
                &trace,
                self.catalogue.gateway.reply(),
                ONE_ANSWER,
            )
            .await?;
        let keys = reply.data.get("gy").and_then(Value::as_array);
        keys.into_iter()
            .flatten()
            .map(|key| key.as_str().and_then(|key| hex::decode(key).ok()))
            .collect::<Option<Vec<Vec<u8>>>>()
            .filter(|keys| !keys.is_empty())
            .ok_or(CallFault::Malformed)
    }
}
