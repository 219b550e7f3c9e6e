//! One question to one source (查询): sent once, signed, answered within its time, believed only when it holds.
//!
//! Invariant: an answer leaves this file only after its signature, subject, time and schema were checked.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use anju_casework::fact::SEALED_ID;
use anju_wire::gateway::{
    Consent, GatewayReply, GatewayRequest, Operator, Purpose, canonical, code,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use crate::catalogue::{FactType, Freshness};
use crate::counterpart::Failure;
use crate::gateway::Gateway;
use crate::keys::Sm2Signer;
use crate::line::{CallFault, ONE_ANSWER};
use crate::source;

/// A question on its way, shared by all who wait for it.
pub(crate) type Flight = Shared<BoxFuture<'static, Result<Answer, Failure>>>;

/// A verified answer, free of roles: several questions may share it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The value, or nothing where the source has no record.
    pub(crate) value: Option<Value>,
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) fetched_at: DateTime<Utc>,
    pub(crate) source_ref: String,
    pub(crate) request_hash: String,
    pub(crate) evidence_hash: String,
    pub(crate) trace: String,
}

/// One question on its way to a source.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) source: String,
    pub(crate) fact_type: String,
    pub(crate) interface: String,
    pub(crate) subject: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) purpose: Purpose,
    pub(crate) consent: Consent,
    pub(crate) freshness: Freshness,
}

impl Gateway {
    /// Asks each unwell source now and then whether it is well again. Runs until its task is dropped.
    pub async fn watch(self: Arc<Self>) {
        let pause = Duration::from_secs(self.catalogue.gateway.breaker_probe_s);
        loop {
            tokio::time::sleep(pause).await;
            // Another process of this centre may have turned our key.
            if let Err(error) = self.keys.ours().refresh() {
                tracing::error!(%error, "reading our SM2 keys");
            }
            self.probe_unwell().await;
        }
    }

    /// Sends one heartbeat to each unwell source.
    pub async fn probe_unwell(&self) {
        let unwell = self
            .counterparts
            .values()
            .filter(|counterpart| counterpart.is_unwell());
        join_all(unwell.map(|counterpart| {
            let token = Uuid::now_v7().simple().to_string();
            let question = Question {
                source: counterpart.code().to_owned(),
                fact_type: "heartbeat".to_owned(),
                interface: format!("{}.heartbeat", counterpart.code()),
                params: source::params("heartbeat", &token, std::iter::empty()),
                subject: token,
                purpose: Purpose {
                    item: "heartbeat".to_owned(),
                    case_no: String::new(),
                },
                consent: Consent {
                    id: "statutory:heartbeat".to_owned(),
                    hash: String::new(),
                },
                freshness: Freshness::PerUse,
            };
            counterpart.probe(async move {
                let within = self.catalogue.gateway.reply();
                self.ask_once(&question, within, ONE_ANSWER).await.map(drop)
            })
        }))
        .await;
    }

    /// The same question at the same time is sent once; it goes on when one of those who wait goes away.
    pub(crate) fn fly(self: &Arc<Self>, key: &str, question: Question) -> Flight {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(key) {
            return flight.clone();
        }
        let (land, landing) = oneshot::channel();
        let flight = landing
            .map(|answer| answer.unwrap_or(Err(Failure::OutOfTime)))
            .boxed()
            .shared();
        flights.insert(key.to_owned(), flight.clone());
        let gateway = Arc::clone(self);
        let key = key.to_owned();
        tokio::spawn(async move {
            let answer = gateway.ask_source(&question).await;
            gateway.flights().remove(&key);
            // Everybody who waited may have gone.
            drop(land.send(answer));
        });
        flight
    }

    async fn ask_source(&self, question: &Question) -> Result<Answer, Failure> {
        let limits = &self.catalogue.gateway;
        let counterpart = self
            .counterparts
            .get(&question.source)
            .ok_or(Failure::NotAskable)?;
        counterpart
            .run(limits, Instant::now() + limits.whole(), |within| {
                self.ask_once(question, within, ONE_ANSWER)
            })
            .await
    }

    async fn ask_once(
        &self,
        question: &Question,
        within: Duration,
        most_bytes: usize,
    ) -> Result<Answer, Failure> {
        let (answer, data) = self.exchange(question, within, most_bytes).await?;
        if source::subject_of(&question.fact_type, &data) != Some(question.subject.as_str()) {
            return Err(Failure::WrongPerson);
        }
        let Some(fact) = self.catalogue.fact(&question.fact_type) else {
            return Ok(answer); // a heartbeat has no value
        };
        let value = match answer.value {
            None => None,
            Some(_) => Some(source::value_of(fact, &data, &|id| {
                hex::encode(self.vault.seal(SEALED_ID, id.as_bytes()))
            })?),
        };
        Ok(Answer { value, ..answer })
    }

    /// One signed question and its verified, fresh reply, not yet read.
    pub(crate) async fn exchange(
        &self,
        question: &Question,
        within: Duration,
        most_bytes: usize,
    ) -> Result<(Answer, Value), Failure> {
        let lane = self.lane(&question.source).await?;
        let params = Value::Object(question.params.clone());
        let closed = match &lane {
            Lane::Own(_, true) => Some(
                self.keys
                    .close(&question.source, &params)
                    .ok_or(CallFault::Malformed)?,
            ),
            _ => None,
        };
        let request = GatewayRequest {
            request_id: Uuid::now_v7().to_string(),
            purpose: question.purpose.clone(),
            operator: Operator {
                id: "system".to_owned(),
                name: "系统".to_owned(),
                org: self.line.app_id().to_owned(),
            },
            consent: question.consent.clone(),
            params: if closed.is_some() {
                Value::Null
            } else {
                params.clone()
            },
            encrypted: closed,
        };
        let trace = Uuid::now_v7().simple().to_string();
        let (interface, line) = (&question.interface, &self.line);
        let mut reply = match &lane {
            Lane::Shared => {
                line.ask(interface, &request, &trace, within, most_bytes)
                    .await?
            }
            Lane::Own(signer, _) => {
                line.ask_as(signer, interface, &request, &trace, within, most_bytes)
                    .await?
            }
        };
        if let Some(closed) = &reply.encrypted {
            let opened = self.keys.open_closed(closed);
            reply.data = opened.ok_or(CallFault::Malformed)?;
        } else if matches!(lane, Lane::Own(_, true)) {
            // Who agreed to close and answers open is not believed.
            return Err(CallFault::Forged.into());
        }
        let now = self.clock.now();
        let as_of = self.timely(&reply, question.freshness, now)?;
        if let Some(counterpart) = self.counterparts.get(&question.source) {
            counterpart.aged(u64::try_from((now - as_of).num_seconds()).unwrap_or(0));
        }
        let request_hash = digest(&json!({
            "interface": question.interface, "params": params,
            "purpose": request.purpose, "consent": request.consent,
        }));
        let evidence_hash = digest(&json!({
            "request": request_hash, "source": question.source, "code": reply.code,
            "asOf": reply.as_of, "data": reply.data,
        }));
        let source_ref = reply
            .data
            .get("lsh")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let answer = Answer {
            value: (reply.code == code::DATA).then_some(Value::Null),
            as_of,
            fetched_at: now,
            source_ref,
            request_hash,
            evidence_hash,
            trace,
        };
        Ok((answer, reply.data))
    }

    /// How the line to a source is signed, and whether what is said on it travels closed.
    async fn lane(&self, source: &str) -> Result<Lane, CallFault> {
        match self.catalogue.source(source) {
            Some(known) if known.wants_sm2() => {
                Ok(Lane::Own(self.acquainted(source).await?, known.envelope))
            }
            _ => Ok(Lane::Shared),
        }
    }

    fn timely(
        &self,
        reply: &GatewayReply,
        freshness: Freshness,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Failure> {
        let as_of = reply.as_of().ok_or(CallFault::Malformed)?;
        if as_of > now + TimeDelta::seconds(self.catalogue.gateway.clock_skew_s) {
            return Err(Failure::FutureDated);
        }
        if now - as_of > freshness.oldest() {
            return Err(Failure::Stale);
        }
        Ok(as_of)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.flights
            .lock()
            .expect("nothing panics while it holds the flights")
    }
}

/// How a question goes to its source.
enum Lane {
    /// Signed with the secret that all share.
    Shared,
    /// Signed with the two ends' own SM2 keys; closed or open.
    Own(Sm2Signer, bool),
}

impl Question {
    /// What makes two questions the same: digest, so that no key stays in memory in clear.
    pub(crate) fn key(&self) -> String {
        digest(&json!({
            "interface": self.interface, "params": self.params, "item": self.purpose.item,
        }))
    }
}

/// The gateway's name of a type: banks answer each for itself.
pub(crate) fn interface(fact: &FactType, source: &str) -> String {
    if fact.sources.len() > 1 {
        format!("{source}.{}", fact.name)
    } else {
        fact.name.clone()
    }
}

fn digest(value: &Value) -> String {
    hex::encode(anju_vault::sm3(canonical(value).as_bytes()))
}
