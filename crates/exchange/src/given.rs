//! What others ask of us (对外提供, data_sharing.md §11): who may ask what on which basis (`[[give]]` in the catalogue), and a question as it is read.
//!
//! Invariant: nobody is heard whose SM2 signature, time and nonce do not hold: the secret of the line is shared by all, so that it proves no
//! one's name. Only the fields of the schema leave.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Mutex;

use anju_domain::clock::{rfc3339_millis, shanghai_date};
use anju_domain::id_number::IdNumber;
use anju_wire::gateway::{
    Call, GatewayReply, GatewayRequest, NonceWindow, SignatureFault, SignedHeaders, canonical,
};
use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::Basis;
use crate::gateway::Gateway;
use crate::quota::{Quota, QuotaRule};
use crate::schema::{Schema, ValueFault};

/// The types of which our books can tell.
pub(crate) const TYPES: [&str; 1] = ["hpf.contribution"];

/// Letters of a purpose or number that are kept and shown.
const LETTERS: usize = 60;

/// One thing that others may ask of us.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// `hpf.contribution`.
    #[serde(rename = "type")]
    pub name: String,
    /// Name in Chinese.
    pub title: String,
    /// What of it, for the person whom it is about.
    pub says: String,
    /// The field of the ID number, in the question and in the answer.
    pub subject: String,
    /// How long a person's consent to it lasts.
    pub consent_days: i64,
    /// What leaves; everything else stays.
    fields: Schema,
    /// Who may ask.
    pub to: Vec<Asker>,
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asker {
    /// `D14`.
    pub source: String,
    /// On what basis.
    pub basis: Basis,
    /// The article of a duty; of a consent none.
    #[serde(default)]
    pub law: String,
    /// Questions in a second.
    pub per_second: Option<NonZeroU32>,
    /// The same of a day.
    pub per_day: Option<NonZeroU32>,
}

impl Asker {
    /// Whether the person must have allowed it.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        self.basis != Basis::Statutory
    }
}

impl Give {
    /// Who asks, where he may.
    #[must_use]
    pub fn asker(&self, source: &str) -> Option<&Asker> {
        self.to.iter().find(|asker| asker.source == source)
    }

    /// Of what our books tell, what may leave.
    ///
    /// # Errors
    /// The books lack a field, or tell a word that the schema does not know.
    pub fn admit(&self, value: &Value) -> Result<Value, ValueFault> {
        self.fields.admit(value)
    }
}

/// What is remembered of those who ask: nonces of the last minutes, quotas of the second and the day.
#[derive(Default)]
pub(crate) struct Askers {
    nonces: Mutex<NonceWindow>,
    quotas: Mutex<HashMap<(String, String), Quota>>,
}

/// A question that holds.
#[derive(Debug, Clone)]
pub struct Asked<'c> {
    /// What is asked.
    pub give: &'c Give,
    /// Who asks.
    pub asker: &'c Asker,
    /// About whom.
    pub id: IdNumber,
    /// Purpose, operator, number.
    pub request: GatewayRequest,
    /// Hex SM3 of the question's body.
    pub digest: String,
}

/// Why a question is not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskFault {
    /// Signature, time, nonce, or a caller of whom we know nothing.
    #[error("the question is not signed by who asks")]
    Signature(#[from] SignatureFault),
    /// The caller's key could not be had.
    #[error("the caller's SM2 key is not known")]
    NotMet,
    /// It cannot be read.
    #[error("the question lacks {0}")]
    Field(&'static str),
    /// There is no such thing to ask, or not for this caller.
    #[error("{0} is not for this caller to ask")]
    Scope(String),
    /// Too many.
    #[error("the caller's quota is used up")]
    Quota,
}

impl Gateway {
    /// Checks and reads a question of another.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub async fn read_ask<'h>(
        &self,
        interface: &str,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Asked<'_>, AskFault> {
        let signed = SignedHeaders::read(header)?;
        let source = signed.app_id.as_str();
        // Nobody else makes us call out for a key.
        if !self.catalogue.asks_us(source) {
            return Err(SignatureFault::Altered.into());
        }
        let theirs = self
            .acquainted(source)
            .await
            .map_err(|_| AskFault::NotMet)?;
        let path = format!("/gateway/{interface}");
        let call = Call {
            method: "POST",
            path: &path,
            query: "",
            body,
        };
        let now = self.now();
        {
            let mut nonces = self
                .askers
                .nonces
                .lock()
                .expect("nothing panics while it holds the nonces");
            signed.verify(&theirs, call, now.timestamp_millis(), &mut nonces)?;
        }
        let (give, asker) = self
            .catalogue
            .give(interface)
            .and_then(|give| Some((give, give.asker(source)?)))
            .ok_or_else(|| AskFault::Scope(interface.to_owned()))?;
        if !self.within(interface, asker) {
            return Err(AskFault::Quota);
        }
        let request: GatewayRequest =
            serde_json::from_slice(body).map_err(|_| AskFault::Field("the whole"))?;
        for (text, field) in [
            (&request.request_id, "requestId"),
            (&request.purpose.item, "purpose.item"),
            (&request.consent.id, "consent.id"),
            (&request.operator.name, "operator.name"),
        ] {
            if !is_plain(text) {
                return Err(AskFault::Field(field));
            }
        }
        if !request.purpose.case_no.is_empty() && !is_plain(&request.purpose.case_no) {
            return Err(AskFault::Field("purpose.caseNo"));
        }
        let subject = request.params.get(&give.subject).and_then(Value::as_str);
        let id = subject.and_then(|id| IdNumber::parse(id).ok());
        Ok(Asked {
            give,
            asker,
            id: id.ok_or(AskFault::Field("params: the ID number"))?,
            digest: hex::encode(anju_vault::sm3(body)),
            request,
        })
    }

    /// The answer to a question, signed with our SM2 key.
    #[must_use]
    pub fn answer_ask(&self, body: &[u8], code: u16, message: &str, data: Value) -> GatewayReply {
        GatewayReply {
            request_id: crate::push::serial_of(body),
            code,
            message: message.to_owned(),
            as_of: rfc3339_millis(self.now()),
            data,
            encrypted: None,
            signature: String::new(),
        }
        .signed(&self.signer_of(""), body)
    }

    fn within(&self, interface: &str, asker: &Asker) -> bool {
        let mut quotas = self
            .askers
            .quotas
            .lock()
            .expect("nothing panics while it holds the quotas");
        let rule = QuotaRule {
            per_second: asker.per_second,
            per_day: asker.per_day,
        };
        quotas
            .entry((asker.source.clone(), interface.to_owned()))
            .or_insert_with(|| Quota::new(rule))
            .take(self.started.elapsed(), shanghai_date(self.now()))
    }
}

/// Hex SM3 of what leaves, in canonical JSON.
#[must_use]
pub fn digest_of(data: &Value) -> String {
    hex::encode(anju_vault::sm3(canonical(data).as_bytes()))
}

/// A text that people are shown: a line of a few words.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= LETTERS
        && !text.chars().any(char::is_control)
}
