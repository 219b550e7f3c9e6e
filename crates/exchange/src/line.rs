//! The signed line (专线) to the outside: one HTTP call, bounded in time and size, its answer verified.
//!
//! Invariant: nothing that comes back is believed before its signature, its number and its size held; and no key
//! of a question (ID number, name, card, phone, picture) reaches a log: only the interface and the trace do.

use std::sync::Arc;
use std::time::Duration;

use anju_domain::clock::Clock;
use anju_vault::SharedKey;
use anju_wire::gateway::{
    Call, GatewayReply, GatewayRequest, GatewaySigner, MAX_REPLY_BYTES, NonceWindow, SignType,
    SignatureFault, SignedHeaders, code, equal,
};
use uuid::Uuid;

/// Where the outside is and as whom we speak.
#[derive(Debug, Clone)]
pub struct LineSettings {
    /// `http://127.0.0.1:8330`.
    pub base_url: String,
    /// Our name at the gateway.
    pub app_id: String,
    /// The secret shared with the gateway.
    pub key: SharedKey,
    /// Longest wait for a connection.
    pub connect: Duration,
}

/// The line.
pub struct Line {
    http: reqwest::Client,
    base_url: String,
    app_id: String,
    mac: Mac,
    clock: Arc<dyn Clock>,
}

/// SM3 and HMAC-SM3 by the vault.
pub(crate) struct Mac(pub(crate) SharedKey);

impl GatewaySigner for Mac {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> SignType {
        SignType::Hmac
    }
    fn sign(&self, text: &[u8]) -> String {
        hex::encode(self.0.sign(text))
    }
    fn holds(&self, text: &[u8], signature: &str) -> bool {
        equal(&self.sign(text), signature)
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// No connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The source says that it fails.
    #[error("the source fails with {0}")]
    SourceError(u16),
    /// Our call is not accepted: credentials, scope or form.
    #[error("the call was refused with {0}")]
    Refused(u16),
    /// Our quota is used up.
    #[error("the quota is used up")]
    Quota,
    /// The answer is larger than anything that was asked for.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is no answer.
    #[error("the answer cannot be read")]
    Malformed,
    /// The answer's signature or number is not that of our question.
    #[error("the answer is not signed for this question")]
    Forged,
}

impl CallFault {
    /// Whether asking again may help at once. A refused time may: when the demo clock is moved, the other side
    /// follows a moment later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Timeout
                | Self::SourceError(_)
                | Self::Refused(code::UNAUTHORIZED)
        )
    }

    /// A word for logs and measures.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::SourceError(_) => "source_error",
            Self::Refused(_) => "refused",
            Self::Quota => "quota",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Forged => "forged",
        }
    }
}

impl Line {
    /// A line; nothing is sent yet.
    pub fn new(settings: LineSettings, clock: Arc<dyn Clock>) -> Result<Line, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Line {
            http,
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            app_id: settings.app_id,
            mac: Mac(settings.key),
            clock,
        })
    }

    /// Our name at the gateway.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Checks a call that came in over the same line: signature, time and nonce.
    ///
    /// # Errors
    /// See [`SignatureFault`].
    pub fn verify(
        &self,
        signed: &SignedHeaders,
        call: Call<'_>,
        now_ms: i64,
        seen: &mut NonceWindow,
    ) -> Result<(), SignatureFault> {
        signed.verify(&self.mac, call, now_ms, seen)
    }

    /// Signs the answer to a call that came in.
    #[must_use]
    pub fn signed(&self, reply: GatewayReply, request_body: &[u8]) -> GatewayReply {
        reply.signed(&self.mac, request_body)
    }

    /// Our end of the line where it is signed by the secret that both ends hold.
    pub(crate) fn shared_signer(&self) -> &impl GatewaySigner {
        &self.mac
    }

    /// Asks an interface of the gateway, signed with the shared secret. Both `200` and `404` come back, verified; everything else is
    /// a fault.
    pub async fn ask(
        &self,
        interface: &str,
        request: &GatewayRequest,
        trace: &str,
        within: Duration,
        most_bytes: usize,
    ) -> Result<GatewayReply, CallFault> {
        self.ask_as(&self.mac, interface, request, trace, within, most_bytes)
            .await
    }

    /// The same, signed and believed as this end does it.
    pub(crate) async fn ask_as(
        &self,
        signer: &impl GatewaySigner,
        interface: &str,
        request: &GatewayRequest,
        trace: &str,
        within: Duration,
        most_bytes: usize,
    ) -> Result<GatewayReply, CallFault> {
        let body = serde_json::to_vec(request).map_err(|_| CallFault::Malformed)?;
        let path = format!("/gateway/{interface}");
        let (status, answer) = self
            .post_as(signer, &path, &body, trace, within, most_bytes)
            .await?;
        match status {
            code::DATA | code::NO_RECORD => {}
            code::QUOTA => return Err(CallFault::Quota),
            400..=499 => return Err(CallFault::Refused(status)),
            _ => return Err(CallFault::SourceError(status)),
        }
        let reply: GatewayReply =
            serde_json::from_slice(&answer).map_err(|_| CallFault::Malformed)?;
        if reply.code != status {
            return Err(CallFault::Malformed);
        }
        if reply.request_id != request.request_id || !reply.holds(signer, &body) {
            return Err(CallFault::Forged);
        }
        Ok(reply)
    }

    /// Sends a signed body whose number the answer repeats, signed for this body. Both `200` and `404` come back, verified.
    pub(crate) async fn say(
        &self,
        path: &str,
        body: &[u8],
        number: &str,
        within: Duration,
        most_bytes: usize,
    ) -> Result<GatewayReply, CallFault> {
        let (status, answer) = self.post(path, body, number, within, most_bytes).await?;
        if !matches!(status, code::DATA | code::NO_RECORD) {
            return Err(if (400..500).contains(&status) {
                CallFault::Refused(status)
            } else {
                CallFault::SourceError(status)
            });
        }
        let reply: GatewayReply =
            serde_json::from_slice(&answer).map_err(|_| CallFault::Malformed)?;
        if reply.code != status {
            return Err(CallFault::Malformed);
        }
        if reply.request_id != number || !reply.holds(&self.mac, body) {
            return Err(CallFault::Forged);
        }
        Ok(reply)
    }

    /// Sends a signed body and reads the answer, both within the time and size given.
    pub async fn post(
        &self,
        path: &str,
        body: &[u8],
        trace: &str,
        within: Duration,
        most_bytes: usize,
    ) -> Result<(u16, Vec<u8>), CallFault> {
        self.post_as(&self.mac, path, body, trace, within, most_bytes)
            .await
    }

    async fn post_as(
        &self,
        signer: &impl GatewaySigner,
        path: &str,
        body: &[u8],
        trace: &str,
        within: Duration,
        most_bytes: usize,
    ) -> Result<(u16, Vec<u8>), CallFault> {
        let headers = SignedHeaders::sign(
            signer,
            Call {
                method: "POST",
                path,
                query: "",
                body,
            },
            &self.app_id,
            self.clock.now().timestamp_millis(),
            &Uuid::now_v7().simple().to_string(),
            trace,
        );
        let mut call = self
            .http
            .post(format!("{}{path}", self.base_url))
            .header("content-type", "application/json")
            .body(body.to_vec());
        for (name, value) in headers.pairs() {
            call = call.header(name, value);
        }
        tokio::time::timeout(within, read_bounded(call, most_bytes))
            .await
            .unwrap_or(Err(CallFault::Timeout))
    }
}

async fn read_bounded(
    call: reqwest::RequestBuilder,
    most_bytes: usize,
) -> Result<(u16, Vec<u8>), CallFault> {
    let broken = |error: reqwest::Error| {
        if error.is_timeout() {
            CallFault::Timeout
        } else {
            CallFault::Unreachable
        }
    };
    let mut response = call.send().await.map_err(broken)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(CallFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// The most bytes of an answer to a question about one subject.
pub const ONE_ANSWER: usize = MAX_REPLY_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use anju_wire::gateway::string_to_sign;
    use serde_json::json;

    fn mac() -> Mac {
        let mut key = [0; 32];
        for (byte, place) in key.iter_mut().zip(0..) {
            *byte = place;
        }
        Mac(SharedKey::from_bytes(key))
    }

    const BODY: &[u8] = br#"{"requestId":"r-1"}"#;

    /// Computed by `openssl dgst -sm3` and `openssl dgst -sm3 -mac HMAC` over the text written by hand.
    #[test]
    fn a_call_is_signed_as_openssl_signs_it() {
        let call = Call {
            method: "POST",
            path: "/gateway/police.identity",
            query: "b=2&a=1",
            body: BODY,
        };
        let text = string_to_sign(&mac(), call, 1_795_000_000_000, "n-1");
        let body_digest = "8e6b7c797ccb42db34354f4bbd45f10e3b93912f26cebe5641667c292914169d";
        assert_eq!(
            text,
            format!("POST\n/gateway/police.identity\na=1&b=2\n{body_digest}\n1795000000000\nn-1")
        );
        let headers = SignedHeaders::sign(&mac(), call, "anju", 1_795_000_000_000, "n-1", "t");
        assert_eq!(
            headers.signature,
            "1cf6bd5a09239010efaef102f0c63ac443905d0e29a124a60036cdd1089d7f12"
        );
    }

    #[test]
    fn a_reply_is_signed_as_openssl_signs_it() {
        let reply = GatewayReply {
            request_id: "r-1".to_owned(),
            code: code::DATA,
            message: "成功".to_owned(),
            as_of: "2026-11-24T10:00:00+08:00".to_owned(),
            data: json!({"sfzh": "500103199001011234", "hyzk": "20"}),
            encrypted: None,
            signature: String::new(),
        }
        .signed(&mac(), BODY);
        assert_eq!(
            reply.signature,
            "f270856b1a59b1446089730602f3fb3b1941abf699f5adb41bce23624f172655"
        );
    }
}
