//! Clients that never give up: each makes a key, keeps it, and asks with it until it is answered. Their log is what the checker believes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anju::config::Config;
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use uuid::Uuid;

use crate::{chance::Chance, checker::Acknowledged};

/// Clients of one centre.
#[derive(Clone)]
pub struct Clients {
    servers: Vec<String>,
    key: String,
    http: reqwest::Client,
    shared: Arc<Shared>,
    /// Rests twice as long as each call took.
    rests: bool,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Vec<Acknowledged>>,
    /// What no client may ever see, with how often it was seen.
    wrong: Mutex<BTreeMap<String, u64>>,
    unavailable: AtomicU64,
    unanswered: AtomicU64,
    stop: AtomicBool,
}

/// What the clients met.
#[derive(Debug, Clone)]
pub struct Met {
    /// Keys that were answered.
    pub acknowledged: Vec<Acknowledged>,
    /// Answers 503 with `Retry-After`.
    pub unavailable: u64,
    /// Calls that broke off or found nobody.
    pub unanswered: u64,
}

impl Clients {
    /// Clients of a centre's server.
    pub fn of(config: &Config) -> Self {
        let key = std::fs::read_to_string(anju::home::demo_key(&config.home)).expect("the key");
        Self {
            servers: vec![format!("http://{}", config.listen)],
            key: key.trim().to_owned(),
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()
                .expect("a client"),
            shared: Arc::default(),
            rests: false,
        }
    }

    /// Clients that rest twice as long as they work: a third of the load.
    pub fn at_a_third(mut self) -> Self {
        self.rests = true;
        self
    }

    /// A second server of the same centre: calls go to one or the other.
    pub fn and(mut self, config: &Config) -> Self {
        self.servers.push(format!("http://{}", config.listen));
        self
    }

    /// So many clients ask for these things again and again, each with a key of its own, and repeat old keys, until they are stopped.
    pub fn start(&self, number: u64, seed: u64, wishes: Vec<Value>) -> Running {
        let wishes = Arc::new(wishes);
        let tasks = (0..number)
            .map(|place| {
                let (clients, wishes) = (self.clone(), wishes.clone());
                let mut chance = Chance::of(seed ^ (place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                tokio::spawn(async move {
                    while !clients.shared.stop.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        match clients.earlier(&mut chance) {
                            Some((told, body)) => clients.repeat(&told, &body).await,
                            None => {
                                let at = chance.below(wishes.len() as u64);
                                let wish = &wishes[usize::try_from(at).expect("small")];
                                clients.ask("/cases", Uuid::now_v7(), wish).await;
                            }
                        }
                        if clients.rests {
                            tokio::time::sleep(began.elapsed() * 2).await;
                        }
                    }
                })
            })
            .collect();
        Running {
            clients: self.clone(),
            tasks,
        }
    }

    /// One time in four, something that was asked before: an answer is the same for ever.
    fn earlier(&self, chance: &mut Chance) -> Option<(Acknowledged, Value)> {
        if chance.below(4) != 0 {
            return None;
        }
        let log = self.shared.log.lock().expect("the log");
        let at = chance.below(log.len().max(1) as u64);
        let told = log.get(usize::try_from(at).expect("small"))?.clone();
        let body = told.asked.clone();
        Some((told, body))
    }

    async fn repeat(&self, told: &Acknowledged, body: &Value) {
        if let Some(answer) = self.answered(&told.path, told.key, body).await
            && answer != told.answer
        {
            self.wrong(format!(
                "a repeated key was told something else: {answer} after {}",
                told.answer
            ));
        }
    }

    /// Asks with this key until there is an answer, and logs it; nothing for a refusal that is not kept.
    pub async fn ask(&self, path: &str, key: Uuid, body: &Value) -> Option<Value> {
        let answer = self.answered(path, key, body).await?;
        self.shared.log.lock().expect("the log").push(Acknowledged {
            key,
            path: path.to_owned(),
            asked: body.clone(),
            answer: answer.clone(),
        });
        Some(answer)
    }

    async fn answered(&self, path: &str, key: Uuid, body: &Value) -> Option<Value> {
        for attempt in 0_usize.. {
            let server =
                &self.servers[(usize::from(key.as_bytes()[15]) + attempt) % self.servers.len()];
            let sent = self
                .http
                .post(format!("{server}/open/v1{path}"))
                .bearer_auth(&self.key)
                .header("Idempotency-Key", key.to_string())
                .json(body)
                .send()
                .await;
            let Ok(answer) = sent else {
                self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let status = answer.status();
            let advised = answer.headers().contains_key(RETRY_AFTER);
            let Ok(body) = answer.json::<Value>().await else {
                self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            match status.as_u16() {
                200..=299 => return Some(body),
                // Another case for the same wish is on its way, which is what these clients want to happen.
                409 if body["code"] == "E-W-05" => return None,
                503 if advised => {
                    self.shared.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                _ => self.wrong(format!("{status}: {body}, Retry-After: {advised}")),
            }
            // A patient client would wait as long as it was told; these are in a hurry.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("a client never gives up")
    }

    fn wrong(&self, what: String) {
        // A fault's number differs each time: what stands before it is what went wrong.
        let what = what.split("编号").next().unwrap_or_default().to_owned();
        *self
            .shared
            .wrong
            .lock()
            .expect("the list")
            .entry(what)
            .or_default() += 1;
    }

    /// How many keys were answered so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.log.lock().expect("the log").len()
    }

    /// What was met so far.
    ///
    /// # Panics
    /// With everything that no client may see.
    pub fn met(&self) -> Met {
        let wrong = self.shared.wrong.lock().expect("the list");
        assert!(wrong.is_empty(), "no client may see this: {wrong:#?}");
        Met {
            acknowledged: self.shared.log.lock().expect("the log").clone(),
            unavailable: self.shared.unavailable.load(Ordering::Relaxed),
            unanswered: self.shared.unanswered.load(Ordering::Relaxed),
        }
    }
}

/// Clients at work.
pub struct Running {
    clients: Clients,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Waits until so many keys more were answered.
    pub async fn progress(&self, more: usize) {
        let enough = self.clients.acknowledged() + more;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.clients.acknowledged() < enough {
            assert!(
                Instant::now() < deadline,
                "the clients are not answered any more"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets each client end what it has begun, and says what they met.
    pub async fn stop(self) -> Met {
        self.clients.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a client");
        }
        self.clients.met()
    }
}
