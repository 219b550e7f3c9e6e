//! The data-sharing gateway (数据网关) on the wire: request, reply and what is signed.
//!
//! `POST /gateway/{interface-code}` with JSON in the city platform's form (data_sharing.md §2.1).
//! Invariant guarded here: a request whose path, body, time or nonce was altered, that is older or younger
//! than [`CLOCK_TOLERANCE_MS`], or that was seen before does not verify; a reply verifies only for the very
//! request that it answers. The cipher is the caller's ([`GatewaySigner`]): this crate computes no secrets.
//! What a source wants closed travels in an [`Envelope`]; a signature covers the envelope, so that nothing is opened unproved.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;

/// How far the clocks of both ends may differ, in milliseconds (five minutes).
pub const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// The largest reply that is read, in bytes; the largest request is bounded by its batch.
pub const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// The most people whom one identity request may name.
pub const MAX_BATCH_ITEMS: usize = 50_000;

/// How a call or a reply is signed (签名方式).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignType {
    /// HMAC-SM3 under the secret that both ends hold; hex.
    #[default]
    #[serde(rename = "HMAC-SM3")]
    Hmac,
    /// SM2 with SM3 (GB/T 32918.2) by the sender's own key; DER in base64.
    #[serde(rename = "SM2")]
    Sm2,
}

impl SignType {
    /// As the header says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hmac => "HMAC-SM3",
            Self::Sm2 => "SM2",
        }
    }

    /// The kind that a call's header names.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        match header(HEADER_SIGN_TYPE)? {
            "HMAC-SM3" => Some(Self::Hmac),
            "SM2" => Some(Self::Sm2),
            _ => None,
        }
    }
}

/// The interface by which two ends make their SM2 keys known to each other, the source before it: `D01.gateway.key`.
pub const KEY_INTERFACE: &str = "gateway.key";

/// The interface by which a source hands over a file, the flow after it: `batch.retirees`.
pub const BATCH_INTERFACE: &str = "batch.";

const HEADER_APP_ID: &str = "x-app-id";
const HEADER_TIMESTAMP: &str = "x-timestamp";
const HEADER_NONCE: &str = "x-nonce";
const HEADER_SIGN_TYPE: &str = "x-sign-type";
const HEADER_SIGNATURE: &str = "x-signature";
const HEADER_TRACE_ID: &str = "x-trace-id";

/// The reply codes (状态码) of the gateway; HTTP carries the same number.
pub mod code {
    /// Data follow.
    pub const DATA: u16 = 200;
    /// The body could not be read or lacks a key.
    pub const BAD_REQUEST: u16 = 400;
    /// The signature or the time does not hold.
    pub const UNAUTHORIZED: u16 = 401;
    /// The caller may not ask this.
    pub const FORBIDDEN: u16 = 403;
    /// The register holds no record of the subject (无记录): the fact is absent.
    pub const NO_RECORD: u16 = 404;
    /// The nonce was used before.
    pub const DUPLICATE_NONCE: u16 = 409;
    /// The caller's quota is used up.
    pub const QUOTA: u16 = 429;
    /// The source itself fails: the fact is unknown.
    pub const SOURCE_ERROR: u16 = 500;
    /// The source cannot be reached behind the gateway.
    pub const UNAVAILABLE: u16 = 503;
}

/// One end of the line: SM3, and how it signs and what it believes; both ends bring their own.
pub trait GatewaySigner {
    /// SM3 of the bytes (GB/T 32905-2016).
    fn sm3(&self, bytes: &[u8]) -> [u8; 32];
    /// How this line is signed.
    fn sign_type(&self) -> SignType;
    /// The signature of a text, as the wire writes it.
    fn sign(&self, text: &[u8]) -> String;
    /// Whether the other end's signature of a text holds.
    fn holds(&self, text: &[u8], signature: &str) -> bool;
}

/// Compares what the wire says with what it should say, in a time that does not tell where they differ.
#[must_use]
pub fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && left
            .bytes()
            .zip(right.bytes())
            .fold(0, |differs, (l, r)| differs | (l ^ r))
            == 0
}

/// Closed content (数字信封): SM4-CBC under a key that is wrapped by SM2 for the reader; all three in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The wrapped SM4 key.
    pub key: String,
    /// The vector of the first block.
    pub iv: String,
    /// Canonical JSON of what stands open otherwise: the parameters of a question, the data of an answer.
    pub content: String,
}

impl Envelope {
    fn said(&self) -> Value {
        serde_json::json!({ "key": self.key, "iv": self.iv, "content": self.content })
    }
}

/// Why the question is asked (目的): no purpose, no fetch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Purpose {
    /// The service's id, e.g. `withdraw-rent`.
    pub item: String,
    /// The case's public number.
    pub case_no: String,
}

/// Who asks (经办): a member of staff, or the system itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Staff number, `system` for work without a person.
    pub id: String,
    /// Name as the centre writes it.
    pub name: String,
    /// The asking organisation.
    pub org: String,
}

/// The legal basis (授权): a consent, or `statutory:{article}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Consent number or `statutory:{article}`.
    pub id: String,
    /// Digest of the text that the person agreed to; empty for a statutory duty.
    pub hash: String,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRequest {
    /// The caller's own number of this question; the reply repeats it.
    pub request_id: String,
    /// Why.
    pub purpose: Purpose,
    /// Who.
    pub operator: Operator,
    /// On what basis.
    pub consent: Consent,
    /// The keys of the question in the interface's own field names; null where they travel closed.
    #[serde(default)]
    pub params: Value,
    /// The same, closed for the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Envelope>,
}

/// The body of a reply. `as_of` stays text so that the signature covers what was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayReply {
    /// The request's number.
    pub request_id: String,
    /// One of [`code`].
    pub code: u16,
    /// A sentence for people.
    pub message: String,
    /// The instant for which the source vouches, RFC 3339.
    pub as_of: String,
    /// The answer in the source's own codes and field names; null where it travels closed.
    #[serde(default)]
    pub data: Value,
    /// The same, closed for the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Envelope>,
    /// Over [`GatewayReply::string_to_sign`].
    #[serde(default)]
    pub signature: String,
}

impl GatewayReply {
    /// What the reply's signature covers: number, code, instant, digest of the request, digest of the data, or of the envelope
    /// where they travel closed.
    pub fn string_to_sign(&self, mac: &impl GatewaySigner, request_body: &[u8]) -> String {
        let request = hex::encode(mac.sm3(request_body));
        let said = match &self.encrypted {
            Some(envelope) => canonical(&envelope.said()),
            None => canonical(&self.data),
        };
        let data = hex::encode(mac.sm3(said.as_bytes()));
        format!(
            "{}\n{}\n{}\n{request}\n{data}",
            self.request_id, self.code, self.as_of
        )
    }

    /// Signs the reply for the request whose body is given.
    pub fn signed(mut self, mac: &impl GatewaySigner, request_body: &[u8]) -> Self {
        let text = self.string_to_sign(mac, request_body);
        self.signature = mac.sign(text.as_bytes());
        self
    }

    /// Whether the reply's signature holds for the request whose body is given.
    pub fn holds(&self, mac: &impl GatewaySigner, request_body: &[u8]) -> bool {
        let text = self.string_to_sign(mac, request_body);
        mac.holds(text.as_bytes(), &self.signature)
    }

    /// The instant for which the source vouches, or nothing where it is no instant.
    pub fn as_of(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.as_of)
            .ok()
            .map(|at| at.with_timezone(&Utc))
    }
}

/// The call that a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path alone, e.g. `/gateway/police.identity`.
    pub path: &'a str,
    /// The query without its question mark; may be empty.
    pub query: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
}

/// The text that both ends sign: method, path, sorted query, hex SM3 of the body, time and nonce, one a line.
pub fn string_to_sign(
    mac: &impl GatewaySigner,
    call: Call<'_>,
    timestamp_ms: i64,
    nonce: &str,
) -> String {
    let mut query: Vec<&str> = call
        .query
        .split('&')
        .filter(|part| !part.is_empty())
        .collect();
    query.sort_unstable();
    format!(
        "{}\n{}\n{}\n{}\n{timestamp_ms}\n{nonce}",
        call.method,
        call.path,
        query.join("&"),
        hex::encode(mac.sm3(call.body)),
    )
}

/// The headers of a signed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// The caller's registered name.
    pub app_id: String,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Used once.
    pub nonce: String,
    /// Hex for HMAC-SM3, base64 for SM2.
    pub signature: String,
    /// How.
    pub sign_type: SignType,
    /// Follows the question through every system.
    pub trace_id: String,
}

/// Why a signed call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// A header is missing or cannot be read.
    #[error("a signature header is missing or malformed")]
    Headers,
    /// The signature is not that of the call.
    #[error("the signature does not match the call")]
    Altered,
    /// The time is more than five minutes off.
    #[error("the call's time is more than five minutes off")]
    Expired,
    /// The nonce was used before.
    #[error("the nonce was used before")]
    Replayed,
}

impl SignatureFault {
    /// The reply code that says so.
    pub fn code(self) -> u16 {
        match self {
            Self::Headers | Self::Altered | Self::Expired => code::UNAUTHORIZED,
            Self::Replayed => code::DUPLICATE_NONCE,
        }
    }
}

impl SignedHeaders {
    /// Signs a call.
    pub fn sign(
        mac: &impl GatewaySigner,
        call: Call<'_>,
        app_id: &str,
        timestamp_ms: i64,
        nonce: &str,
        trace_id: &str,
    ) -> Self {
        let text = string_to_sign(mac, call, timestamp_ms, nonce);
        Self {
            app_id: app_id.to_owned(),
            timestamp_ms,
            nonce: nonce.to_owned(),
            signature: mac.sign(text.as_bytes()),
            sign_type: mac.sign_type(),
            trace_id: trace_id.to_owned(),
        }
    }

    /// The headers by name, to be put on the request.
    pub fn pairs(&self) -> [(&'static str, String); 6] {
        [
            (HEADER_APP_ID, self.app_id.clone()),
            (HEADER_TIMESTAMP, self.timestamp_ms.to_string()),
            (HEADER_NONCE, self.nonce.clone()),
            (HEADER_SIGN_TYPE, self.sign_type.word().to_owned()),
            (HEADER_SIGNATURE, self.signature.clone()),
            (HEADER_TRACE_ID, self.trace_id.clone()),
        ]
    }

    /// Reads the headers of a request; `header` looks one up by its lower-case name.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Result<Self, SignatureFault> {
        let text = |name| {
            header(name)
                .filter(|text| !text.is_empty())
                .ok_or(SignatureFault::Headers)
        };
        text(HEADER_SIGN_TYPE)?;
        let sign_type = SignType::read(&header).ok_or(SignatureFault::Headers)?;
        Ok(Self {
            sign_type,
            app_id: text(HEADER_APP_ID)?.to_owned(),
            timestamp_ms: text(HEADER_TIMESTAMP)?
                .parse()
                .map_err(|_| SignatureFault::Headers)?,
            nonce: text(HEADER_NONCE)?.to_owned(),
            signature: text(HEADER_SIGNATURE)?.to_owned(),
            trace_id: header(HEADER_TRACE_ID).unwrap_or_default().to_owned(),
        })
    }

    /// Checks signature, time and nonce, in this order, so that only a true caller fills the window.
    pub fn verify(
        &self,
        mac: &impl GatewaySigner,
        call: Call<'_>,
        now_ms: i64,
        seen: &mut NonceWindow,
    ) -> Result<(), SignatureFault> {
        let text = string_to_sign(mac, call, self.timestamp_ms, &self.nonce);
        // A weaker kind than the two ends agreed on is no signature.
        if self.sign_type != mac.sign_type() || !mac.holds(text.as_bytes(), &self.signature) {
            return Err(SignatureFault::Altered);
        }
        if now_ms.abs_diff(self.timestamp_ms) > CLOCK_TOLERANCE_MS.unsigned_abs() {
            return Err(SignatureFault::Expired);
        }
        seen.take(&self.nonce, self.timestamp_ms, now_ms)
    }
}

/// The nonces of the last minutes; older ones are refused by their time alone and are forgotten.
#[derive(Debug, Default)]
pub struct NonceWindow {
    seen: HashMap<String, i64>,
    swept_ms: i64,
}

impl NonceWindow {
    fn take(&mut self, nonce: &str, timestamp_ms: i64, now_ms: i64) -> Result<(), SignatureFault> {
        // Swept once a minute: a call may bear a time up to the tolerance ahead of the clock.
        if now_ms.abs_diff(self.swept_ms) > 60_000 {
            self.seen
                .retain(|_, at| now_ms.abs_diff(*at) <= CLOCK_TOLERANCE_MS.unsigned_abs());
            self.swept_ms = now_ms;
        }
        match self.seen.insert(nonce.to_owned(), timestamp_ms) {
            None => Ok(()),
            Some(_) => Err(SignatureFault::Replayed),
        }
    }
}

/// JSON with sorted keys and no spaces (the form of RFC 8785 for our data, which hold no fractions).
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_by_key(|name| name.encode_utf16().collect::<Vec<_>>());
            out.push('{');
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::String(name.clone()));
                write_canonical(&fields[name], out);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A toy digest: what is signed is under test here, the cipher is not.
    struct Toy(u8);

    impl GatewaySigner for Toy {
        fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
            let mut sum = [0u8; 32];
            for (index, byte) in bytes.iter().enumerate() {
                sum[index % 32] = sum[index % 32].wrapping_mul(31).wrapping_add(*byte);
            }
            sum
        }
        fn sign_type(&self) -> SignType {
            SignType::Hmac
        }
        fn sign(&self, text: &[u8]) -> String {
            hex::encode(self.sm3(&[&[self.0], text].concat()))
        }
        fn holds(&self, text: &[u8], signature: &str) -> bool {
            equal(&self.sign(text), signature)
        }
    }

    const NOW: i64 = 1_795_000_000_000;

    fn call(body: &[u8]) -> Call<'_> {
        Call {
            method: "POST",
            path: "/gateway/police.identity",
            query: "b=2&a=1",
            body,
        }
    }

    fn signed(body: &[u8]) -> SignedHeaders {
        SignedHeaders::sign(&Toy(7), call(body), "anju", NOW, "n-1", "t-1")
    }

    #[test]
    fn the_signed_text_has_one_part_a_line_and_a_sorted_query() {
        let text = string_to_sign(&Toy(7), call(b""), NOW, "n-1");
        let empty_digest = "0".repeat(64);
        assert_eq!(
            text,
            format!("POST\n/gateway/police.identity\na=1&b=2\n{empty_digest}\n{NOW}\nn-1")
        );
    }

    #[test]
    fn a_call_verifies_once_and_its_repetition_is_a_replay() {
        let mut seen = NonceWindow::default();
        let headers = signed(b"{}");
        assert_eq!(
            headers.verify(&Toy(7), call(b"{}"), NOW + 1000, &mut seen),
            Ok(())
        );
        let again = headers.verify(&Toy(7), call(b"{}"), NOW + 2000, &mut seen);
        assert_eq!(again, Err(SignatureFault::Replayed));
        assert_eq!(SignatureFault::Replayed.code(), 409);
    }

    #[test]
    fn an_altered_body_path_time_or_key_does_not_verify() {
        let mut seen = NonceWindow::default();
        let headers = signed(b"{}");
        let altered = Err(SignatureFault::Altered);
        assert_eq!(
            headers.verify(&Toy(7), call(b"{ }"), NOW, &mut seen),
            altered
        );
        assert_eq!(
            headers.verify(&Toy(8), call(b"{}"), NOW, &mut seen),
            altered
        );
        let other_path = Call {
            path: "/gateway/police.hukou",
            ..call(b"{}")
        };
        assert_eq!(headers.verify(&Toy(7), other_path, NOW, &mut seen), altered);
        let later = SignedHeaders {
            timestamp_ms: NOW + 1,
            ..headers
        };
        assert_eq!(later.verify(&Toy(7), call(b"{}"), NOW, &mut seen), altered);
    }

    #[test]
    fn a_call_older_or_younger_than_five_minutes_is_refused() {
        let headers = signed(b"{}");
        for (now, outcome) in [
            (NOW + CLOCK_TOLERANCE_MS, Ok(())),
            (NOW + CLOCK_TOLERANCE_MS + 1, Err(SignatureFault::Expired)),
            (NOW - CLOCK_TOLERANCE_MS - 1, Err(SignatureFault::Expired)),
        ] {
            let mut seen = NonceWindow::default();
            assert_eq!(
                headers.verify(&Toy(7), call(b"{}"), now, &mut seen),
                outcome,
                "{now}"
            );
        }
    }

    #[test]
    fn headers_survive_the_wire_and_another_sign_type_is_refused() {
        let headers = signed(b"{}");
        let pairs = headers.pairs();
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.as_str())
        };
        assert_eq!(SignedHeaders::read(find), Ok(headers.clone()));
        let other = |name: &str| {
            if name == HEADER_SIGN_TYPE {
                Some("MD5")
            } else {
                find(name)
            }
        };
        assert_eq!(SignedHeaders::read(other), Err(SignatureFault::Headers));
    }

    #[test]
    fn a_reply_holds_only_for_its_own_request_and_data() {
        let reply = GatewayReply {
            request_id: "r-1".into(),
            code: code::DATA,
            message: "成功".into(),
            as_of: "2026-11-24T10:00:00+08:00".into(),
            data: json!({"hyzk": "20", "a": [1, {"z": 1, "b": "中"}]}),
            encrypted: None,
            signature: String::new(),
        }
        .signed(&Toy(7), b"request");
        assert!(reply.holds(&Toy(7), b"request"));
        assert!(!reply.holds(&Toy(7), b"another request"));
        let lied = GatewayReply {
            data: json!({"hyzk": "10"}),
            ..reply.clone()
        };
        assert!(!lied.holds(&Toy(7), b"request"));
        let slipped_in = GatewayReply {
            encrypted: Some(Envelope {
                key: String::new(),
                iv: String::new(),
                content: String::new(),
            }),
            ..reply
        };
        assert!(!slipped_in.holds(&Toy(7), b"request"));
    }

    #[test]
    fn canonical_json_sorts_keys_and_drops_spaces() {
        let value = json!({"b": [true, null, "a\"\n"], "a": {"二": 2, "一": 1}});
        assert_eq!(
            canonical(&value),
            r#"{"a":{"一":1,"二":2},"b":[true,null,"a\"\n"]}"#
        );
    }
}
