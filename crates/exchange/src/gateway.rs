//! The data-sharing gateway (数据网关): facts from 28 sources, in parallel, within a budget.
//!
//! Invariant: what could not be had is *unknown*, never absent or false; an answer counts only if it is signed for this
//! question, about this subject, fresh, and of the type's schema. Start with [`Gateway::fetch`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anju_domain::clock::Clock;
use anju_policy::{Assurance, Fact, FactState};
use anju_vault::{SharedKey, Vault};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::ask::{Answer, Flight, Question, interface};
use crate::catalogue::{Catalogue, CatalogueError};
use crate::counterpart::{Counterpart, Failure};
use crate::fact_store::{
    CallOutcome, FactRequest, FactStore, FactStoreError, GatheredFact, SourceCall,
};
use crate::given::Askers;
use crate::health::SourceHealth;
use crate::keys::LineKeys;
use crate::line::{Line, LineSettings};
use crate::source;

/// The most cases whose beginning is remembered.
const REMEMBERED_CASES: usize = 100_000;

/// Where the outside is and as whom we speak.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// `http://127.0.0.1:8330`.
    pub base_url: String,
    /// Our name at the gateway.
    pub app_id: String,
    /// The secret shared with the gateway, `keys/gateway.key`.
    pub key: SharedKey,
    /// The folder of our SM2 keys and of what sources made known of theirs.
    pub keys: std::path::PathBuf,
}

/// Why the gateway cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The catalogue is wrong.
    #[error("building the gateway")]
    Catalogue(#[from] CatalogueError),
    /// The HTTP client cannot be made.
    #[error("building the gateway's line")]
    Line(#[from] reqwest::Error),
    /// A file of keys is missing or damaged.
    #[error("building the gateway's SM2 keys")]
    Keys(#[from] anju_vault::VaultError),
}

/// The gateway.
pub struct Gateway {
    pub(crate) catalogue: Catalogue,
    pub(crate) counterparts: HashMap<String, Counterpart>,
    pub(crate) line: Arc<Line>,
    pub(crate) keys: Arc<LineKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    store: Arc<dyn FactStore>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) flights: Mutex<HashMap<String, Flight>>,
    /// When each case was first asked for; what is older than that is asked anew.
    begun: Mutex<HashMap<String, DateTime<Utc>>>,
    recovered: broadcast::Sender<String>,
    pub(crate) askers: Askers,
    /// From when quotas count, in lived time.
    pub(crate) started: Instant,
}

impl Gateway {
    /// A gateway with the shipped catalogue; nothing is asked yet.
    pub fn new(
        settings: GatewaySettings,
        clock: Arc<dyn Clock>,
        store: Arc<dyn FactStore>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Gateway>, GatewayError> {
        Gateway::with_catalogue(Catalogue::shipped()?, settings, clock, store, vault)
    }

    /// A gateway with a catalogue of the centre's own.
    pub fn with_catalogue(
        catalogue: Catalogue,
        settings: GatewaySettings,
        clock: Arc<dyn Clock>,
        store: Arc<dyn FactStore>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Gateway>, GatewayError> {
        let keys = LineKeys::open(&settings.keys)?;
        let line = Line::new(
            LineSettings {
                base_url: settings.base_url,
                app_id: settings.app_id,
                key: settings.key,
                connect: Duration::from_millis(catalogue.gateway.connect_ms),
            },
            Arc::clone(&clock),
        )?;
        let (recovered, _) = broadcast::channel(64);
        let counterpart = |source: &crate::catalogue::Source| {
            Counterpart::new(
                source.clone(),
                &catalogue.gateway,
                Arc::clone(&clock),
                recovered.clone(),
            )
        };
        let counterparts = catalogue
            .sources
            .iter()
            .map(|source| (source.code.clone(), counterpart(source)))
            .collect();
        Ok(Arc::new(Gateway {
            counterparts,
            catalogue,
            line: Arc::new(line),
            keys: Arc::new(keys),
            clock,
            store,
            vault,
            flights: Mutex::default(),
            begun: Mutex::default(),
            recovered,
            askers: Askers::default(),
            started: Instant::now(),
        }))
    }

    /// Asks for facts, all at once; one fact a request, in order. What this case has gathered and is still valid is
    /// not asked again. A source that does not answer within the budget makes its fact unknown and slows no other.
    ///
    /// # Errors
    /// Only the store's: what cannot be kept must not decide a case.
    pub async fn fetch(
        self: &Arc<Self>,
        requests: Vec<FactRequest>,
    ) -> Result<Vec<Fact>, FactStoreError> {
        let deadline = Instant::now() + self.catalogue.gateway.whole();
        let kept = self.recent(&requests).await?;
        let asked = requests.into_iter().zip(kept).map(|(request, kept)| {
            let gateway = Arc::clone(self);
            async move { gateway.gather(request, kept, deadline).await }
        });
        let (mut facts, calls): (Vec<GatheredFact>, Vec<SourceCall>) =
            join_all(asked).await.into_iter().unzip();

        let (places, new): (Vec<usize>, Vec<GatheredFact>) = facts
            .iter()
            .enumerate()
            .filter(|(_, gathered)| {
                gathered.fact.fact_id.is_none() && gathered.fact.state != FactState::Unknown
            })
            .map(|(place, gathered)| (place, gathered.clone()))
            .unzip();
        if !new.is_empty() {
            for (place, id) in places.into_iter().zip(self.store.keep(&new).await?) {
                facts[place].fact.fact_id = Some(id);
            }
        }
        self.store.audit(&calls).await?;
        Ok(facts.into_iter().map(|gathered| gathered.fact).collect())
    }

    /// What can be asked, and of whom.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How each source is doing, in the catalogue's order.
    #[must_use]
    pub fn health(&self) -> Vec<SourceHealth> {
        let of = |source: &crate::catalogue::Source| self.counterparts[&source.code].health();
        self.catalogue.sources.iter().map(of).collect()
    }

    /// Codes of sources that answer again after a failure, so that the cases waiting for them go on.
    #[must_use]
    pub fn recoveries(&self) -> broadcast::Receiver<String> {
        self.recovered.subscribe()
    }

    /// The SM2 keys of the line.
    #[must_use]
    pub fn keys(&self) -> &LineKeys {
        &self.keys
    }

    /// The signed line, for messages.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// The same line for whoever keeps it: the national platform stands behind it too.
    #[must_use]
    pub fn line_shared(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// What was kept and serves again. A case's own facts serve it until they end; a question without a case, and a
    /// new case, ask anew: whoever was refused, went to the registry and comes back must not meet the old answer.
    async fn recent(&self, requests: &[FactRequest]) -> Result<Vec<Option<Fact>>, FactStoreError> {
        let now = self.clock.now();
        let since: Vec<Option<DateTime<Utc>>> = requests
            .iter()
            .map(|request| {
                let fact = self.catalogue.fact(&request.fact_type)?;
                let case_no = &request.purpose.case_no;
                (fact.cacheable() && !case_no.is_empty()).then(|| self.begun(case_no, now))
            })
            .collect();
        // A case that has just begun has nothing to look up.
        if since.iter().flatten().all(|since| *since == now) {
            return Ok(vec![None; requests.len()]);
        }
        let kept = self.store.recent(requests).await?;
        let usable =
            |((request, since), fact): ((&FactRequest, &Option<DateTime<Utc>>), Option<Fact>)| {
                let fact = fact?;
                let same_source = request
                    .source
                    .as_ref()
                    .is_none_or(|source| *source == fact.source);
                let valid = same_source && fact.valid_until.is_none_or(|until| now < until);
                (valid && fact.as_of >= (*since)?).then(|| Fact {
                    role: request.role.clone(),
                    subject: request.shown.clone(),
                    ..fact
                })
            };
        Ok(requests.iter().zip(&since).zip(kept).map(usable).collect())
    }

    async fn gather(
        self: Arc<Self>,
        request: FactRequest,
        kept: Option<Fact>,
        deadline: Instant,
    ) -> (GatheredFact, SourceCall) {
        let began = Instant::now();
        let at = self.clock.now();
        let (version, source) = self.addressee(&request);
        let mut call = SourceCall {
            at,
            source: source.clone(),
            fact_type: request.fact_type.clone(),
            subject: request.keys.clone(),
            role: request.role.clone(),
            count: 1,
            purpose: request.purpose.clone(),
            consent: request.consent.clone(),
            outcome: CallOutcome::Cached,
            latency_ms: 0,
            request_hash: String::new(),
            evidence_hash: String::new(),
            trace: String::new(),
        };
        let gathered = |fact: Fact, answer: Option<&Answer>| GatheredFact {
            version,
            source_ref: answer
                .map(|answer| answer.source_ref.clone())
                .unwrap_or_default(),
            fetched_at: answer.map_or(at, |answer| answer.fetched_at),
            request_hash: answer
                .map(|answer| answer.request_hash.clone())
                .unwrap_or_default(),
            request: request.clone(),
            fact,
        };
        if let Some(fact) = kept {
            call.evidence_hash.clone_from(&fact.digest);
            self.measure(&call);
            return (gathered(fact, None), call);
        }
        // Who is not connected has no record that could be asked for: a paper stands in where policy names one.
        if let Some(code) = self.not_connected(&request) {
            call.source.clone_from(code);
            call.outcome = CallOutcome::Absent;
            let until = at + TimeDelta::seconds(self.catalogue.gateway.negative_cache_s);
            let absent = Fact {
                state: FactState::Absent,
                valid_until: Some(until),
                ..self.fact_of(&request, code, &Err(Failure::NotAskable))
            };
            return (gathered(absent, None), call);
        }
        let answered = self.answer(&request, &source, deadline).await;
        call.latency_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let fact = self.fact_of(&request, &source, &answered);
        match &answered {
            Ok(answer) => {
                call.outcome = match answer.value {
                    Some(_) => CallOutcome::Known,
                    None => CallOutcome::Absent,
                };
                call.request_hash.clone_from(&answer.request_hash);
                call.evidence_hash.clone_from(&answer.evidence_hash);
                call.trace.clone_from(&answer.trace);
            }
            Err(failure) => {
                call.outcome = CallOutcome::Unknown(failure.word());
                if failure.alarms() {
                    tracing::warn!(source = %source, fact_type = %request.fact_type, reason = failure.word(),
                        "a source's answer cannot be used");
                }
            }
        }
        self.measure(&call);
        (gathered(fact, answered.as_ref().ok()), call)
    }

    fn measure(&self, call: &SourceCall) {
        metrics::counter!("fact_gateway_calls_total", "source" => call.source.clone(),
            "outcome" => call.outcome.word())
        .increment(1);
    }

    /// The schema's version and the source to ask; an empty source where the catalogue knows none.
    fn addressee(&self, request: &FactRequest) -> (i32, String) {
        let Some(fact) = self.catalogue.fact(&request.fact_type) else {
            return (0, String::new());
        };
        let source = match &request.source {
            Some(code) => fact.sources.iter().find(|listed| *listed == code),
            None if fact.sources.len() == 1 => fact.sources.first(),
            None => None,
        };
        (fact.version, source.cloned().unwrap_or_default())
    }

    /// The source that a request names though nobody of that code answers this kind of question.
    fn not_connected<'r>(&self, request: &'r FactRequest) -> Option<&'r String> {
        let fact = self.catalogue.fact(&request.fact_type)?;
        let code = request.source.as_ref()?;
        (!fact.sources.contains(code)).then_some(code)
    }

    async fn answer(
        self: &Arc<Self>,
        request: &FactRequest,
        source: &str,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let fact = self
            .catalogue
            .fact(&request.fact_type)
            .ok_or(Failure::NotAskable)?;
        // No purpose or no basis, no fetch.
        if source.is_empty() || request.purpose.item.is_empty() || request.consent.id.is_empty() {
            return Err(Failure::NotAskable);
        }
        let question = Question {
            source: source.to_owned(),
            fact_type: fact.name.clone(),
            interface: interface(fact, source),
            subject: request.keys.id.clone(),
            params: source::params(&fact.name, &request.keys.id, request.keys.beside_id()),
            purpose: request.purpose.clone(),
            consent: request.consent.clone(),
            freshness: fact.freshness,
        };
        let key = question.key();
        tokio::time::timeout_at(deadline, self.fly(&key, question))
            .await
            .unwrap_or(Err(Failure::OutOfTime))
    }

    fn fact_of(
        &self,
        request: &FactRequest,
        source: &str,
        answered: &Result<Answer, Failure>,
    ) -> Fact {
        let limits = &self.catalogue.gateway;
        let freshness = self
            .catalogue
            .fact(&request.fact_type)
            .map(|fact| fact.freshness);
        let blank = Fact {
            fact_id: None,
            fact_type: request.fact_type.clone(),
            role: request.role.clone(),
            subject: request.shown.clone(),
            state: FactState::Unknown,
            value: Value::Null,
            source: source.to_owned(),
            assurance: assurance(source),
            as_of: self.clock.now(),
            valid_until: None,
            digest: String::new(),
        };
        let Ok(answer) = answered else { return blank };
        let lasting =
            freshness.and_then(|freshness| freshness.valid_until(answer.fetched_at, limits));
        let absence = answer.fetched_at + TimeDelta::seconds(limits.negative_cache_s);
        let (state, value, valid_until) = match &answer.value {
            Some(value) => (FactState::Known, value.clone(), lasting),
            None => (FactState::Absent, Value::Null, Some(absence)),
        };
        let as_of = answer.as_of;
        Fact {
            state,
            value,
            valid_until,
            as_of,
            digest: answer.evidence_hash.clone(),
            ..blank
        }
    }

    pub(crate) fn counterpart(&self, code: &str) -> Option<&Counterpart> {
        self.counterparts.get(code)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn store(&self) -> &dyn FactStore {
        self.store.as_ref()
    }

    /// Since when facts count for a case: since it was first asked for here.
    fn begun(&self, case_no: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut begun = self
            .begun
            .lock()
            .expect("nothing panics while it holds the cases");
        if begun.len() >= REMEMBERED_CASES && !begun.contains_key(case_no) {
            // Forgetting costs the cases under way one more round of questions.
            begun.clear();
        }
        *begun.entry(case_no.to_owned()).or_insert(now)
    }
}

/// Registries are authoritative; banks and other centres attest.
fn assurance(source: &str) -> Assurance {
    if source.starts_with('B') || matches!(source, "D15" | "D16" | "D17" | "D18") {
        Assurance::Attested
    } else {
        Assurance::Authoritative
    }
}
