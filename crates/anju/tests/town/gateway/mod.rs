//! The gateway and the departments, each on its own side of a real wire.
//!
//! An outside world on a free port, a gateway before it, a store in memory between; `sources.rs` asks every source,
//! `moods.rs` lets them misbehave, `wire.rs` forges and replays calls, `liars.rs` forges replies.

mod every;
mod liars;
mod moods;
mod quota;
mod sm2;
mod sources;
mod wire;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anju_domain::clock::FileClock;
use anju_exchange::catalogue::Catalogue;
use anju_exchange::fact_store::{
    FactRequest, FactStore, FactStoreError, GatheredFact, SourceCall, SubjectKeys,
};
use anju_exchange::gateway::{Gateway, GatewaySettings};
use anju_policy::Fact;
use anju_vault::{SharedKey, Vault};
use anju_wire::gateway::{Consent, Purpose};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// 李梅, of whom most tests speak. The gateway does not look at check digits; hers would not hold.
const LI: &str = "500103199001011234";
const WANG: &str = "500103198805052217";
const USCC: &str = "91500103MA5U000000";

struct Departments {
    gateway: Arc<Gateway>,
    store: Arc<Memory>,
    vault: Arc<Vault>,
    key: SharedKey,
    http: reqwest::Client,
    url: String,
    home: PathBuf,
    serving: JoinHandle<()>,
}

impl Departments {
    async fn open() -> Departments {
        Departments::with(|_| {}).await
    }

    /// With limits of the test's own.
    async fn with(limits: impl FnOnce(&mut Catalogue)) -> Departments {
        let home = std::env::temp_dir().join(format!("anju-gateway-{}", Uuid::now_v7().simple()));
        let keys = home.join("outside/keys");
        let key = SharedKey::create(keys.join("gateway.key")).expect("a key");
        SharedKey::create(keys.join("bank.key")).expect("a key");
        let vault = Arc::new(Vault::create(home.join("keys")).expect("a vault"));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let listen = listener.local_addr().expect("bound");
        let config = anju_outside::Config {
            listen,
            home: home.clone(),
            product: listen.to_string(),
            public: format!("http://{listen}"),
        };
        let world = Arc::new(anju_outside::World::open(&config).expect("an outside world"));
        let serving = tokio::spawn(async move {
            anju_outside::serve_on(listener, world)
                .await
                .expect("serving");
        });

        let mut catalogue = Catalogue::shipped().expect("the catalogue");
        limits(&mut catalogue);
        let store = Arc::new(Memory::default());
        let url = format!("http://{listen}");
        let settings = GatewaySettings {
            base_url: url.clone(),
            app_id: "anju".to_owned(),
            key: key.clone(),
            keys: home.join("keys"),
        };
        let clock = Arc::new(FileClock::new(home.join("clock.json")));
        let gateway =
            Gateway::with_catalogue(catalogue, settings, clock, store.clone(), vault.clone())
                .expect("a gateway");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Departments {
            gateway,
            store,
            vault,
            key,
            http,
            url,
            home,
            serving,
        }
    }

    /// What a source holds of somebody, through the control door.
    async fn set(&self, source: &str, fact_type: &str, subject: &str, value: Value) -> Value {
        let path = format!("/control/facts/{source}/{fact_type}/set");
        let (status, answer) = self
            .post(&path, json!({"subject": subject, "value": value}))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["value"].clone()
    }

    async fn read(&self, source: &str, fact_type: &str, subject: &str) -> Value {
        let path = format!("/control/facts/{source}/{fact_type}/read");
        let (status, answer) = self.post(&path, json!({"subject": subject})).await;
        assert_eq!(status, 200, "{answer}");
        answer["value"].clone()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let call = self.http.post(format!("{}{path}", self.url)).json(&body);
        let answer = call.send().await.expect("the control door answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await;
        answer
            .expect("the control door answers")
            .json()
            .await
            .expect("JSON")
    }

    async fn behave(&self, source: &str, conduct: Value) {
        let call = self
            .http
            .put(format!("{}/control/sources/{source}", self.url))
            .json(&conduct);
        let answer = call.send().await.expect("the control door answers");
        assert_eq!(answer.status(), 200);
    }

    async fn ask(&self, fact_type: &str, keys: SubjectKeys) -> Fact {
        self.ask_in("case-1", fact_type, keys).await
    }

    async fn ask_in(&self, case: &str, fact_type: &str, keys: SubjectKeys) -> Fact {
        let mut facts = self
            .gateway
            .fetch(vec![question(case, fact_type, keys)])
            .await
            .expect("a store");
        facts.pop().expect("one fact a question")
    }
}

impl Drop for Departments {
    fn drop(&mut self) {
        self.serving.abort();
        // What is left behind in a temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn question(case: &str, fact_type: &str, keys: SubjectKeys) -> FactRequest {
    let source = fact_type.starts_with("bank.").then(|| "B3".to_owned());
    FactRequest {
        fact_type: fact_type.to_owned(),
        role: "applicant".to_owned(),
        shown: "本人".to_owned(),
        keys,
        purpose: purpose(case),
        consent: consent(),
        source,
    }
}

fn purpose(case: &str) -> Purpose {
    Purpose {
        item: "withdraw-rent".to_owned(),
        case_no: case.to_owned(),
    }
}

fn consent() -> Consent {
    Consent {
        id: "statutory:条例第二十四条".to_owned(),
        hash: String::new(),
    }
}

/// Facts and traces in memory.
#[derive(Default)]
struct Memory {
    facts: Mutex<Vec<GatheredFact>>,
    calls: Mutex<Vec<SourceCall>>,
}

impl Memory {
    fn calls(&self) -> Vec<SourceCall> {
        self.calls.lock().expect("not poisoned").clone()
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.calls()
            .iter()
            .map(|call| call.outcome.word())
            .collect()
    }
}

impl FactStore for Memory {
    fn recent<'a>(
        &'a self,
        requests: &'a [FactRequest],
    ) -> BoxFuture<'a, Result<Vec<Option<Fact>>, FactStoreError>> {
        let facts = self.facts.lock().expect("not poisoned");
        let known = |request: &FactRequest| {
            let same = |kept: &&GatheredFact| {
                kept.request.fact_type == request.fact_type && kept.request.keys == request.keys
            };
            facts.iter().rev().find(same).map(|kept| kept.fact.clone())
        };
        let found = requests.iter().map(known).collect();
        async move { Ok(found) }.boxed()
    }

    fn keep<'a>(
        &'a self,
        facts: &'a [GatheredFact],
    ) -> BoxFuture<'a, Result<Vec<i64>, FactStoreError>> {
        let mut kept = self.facts.lock().expect("not poisoned");
        let ids = facts
            .iter()
            .zip(kept.len()..)
            .map(|(_, id)| i64::try_from(id).unwrap_or(0));
        let ids = ids.collect();
        kept.extend(facts.iter().cloned());
        async move { Ok(ids) }.boxed()
    }

    fn audit<'a>(&'a self, calls: &'a [SourceCall]) -> BoxFuture<'a, Result<(), FactStoreError>> {
        self.calls
            .lock()
            .expect("not poisoned")
            .extend(calls.iter().cloned());
        async move { Ok(()) }.boxed()
    }
}
