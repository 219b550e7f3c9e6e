//! A town for the banks' tests: the outside world on a port of its own, and a product that only listens.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anju_domain::money::Fen;
use anju_vault::SharedKey;
use anju_wire::iso20022::{
    Account as Party, CreditTransfer, Entry, Notice, PaymentInformation, PaymentInitiation,
    Statement, StatusReport, TransferStatus,
};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::line::SIGNATURE;
use super::{BankCode, HOLDER};
use crate::{Config, World, clock, serve_on};

pub(crate) const CARD: &str = "6217003760011234567";

/// A product that keeps what the banks push, or refuses it while it is down.
#[derive(Clone)]
pub(crate) struct Product {
    pub(crate) key: SharedKey,
    pub(crate) up: Arc<AtomicBool>,
    inbox: Arc<Mutex<Vec<Vec<u8>>>>,
}

async fn take_push(State(product): State<Product>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !product.up.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let signature = headers
        .get(SIGNATURE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    assert!(product.key.verify_hex(&body, signature), "an unsigned push");
    product.inbox.lock().unwrap().push(body.to_vec());
    StatusCode::NO_CONTENT
}

pub(crate) struct Town {
    pub(crate) home: PathBuf,
    pub(crate) product: Product,
    product_address: String,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    serving: JoinHandle<()>,
}

impl Town {
    /// A town on the morning of that day.
    pub(crate) async fn on(day: &str) -> Town {
        static TOWNS: AtomicU32 = AtomicU32::new(0);
        let number = TOWNS.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("anju-banks-{}-{number}", std::process::id()));
        drop(std::fs::remove_dir_all(&home));
        let keys = home.join("outside/keys");
        let key = SharedKey::create(keys.join("bank.key")).unwrap();
        SharedKey::create(keys.join("gateway.key")).unwrap();
        let product = Product {
            key,
            up: Arc::new(AtomicBool::new(true)),
            inbox: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let product_address = listener.local_addr().unwrap().to_string();
        let inbox = axum::Router::new()
            .route("/inbox/bank/{bank}", axum::routing::post(take_push))
            .with_state(product.clone());
        tokio::spawn(async move { axum::serve(listener, inbox).await });
        set_clock(&home, &format!("{day}T01:00:00Z"));
        let (url, serving) = start(&home, &product_address).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Town {
            home,
            product,
            product_address,
            url,
            http,
            serving,
        }
    }

    /// Ends the outside world without a word and starts it again on its journals.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.serving.abort();
        drop((&mut self.serving).await);
        (self.url, self.serving) = start(&self.home, &self.product_address).await;
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.json(
            self.http
                .put(format!("{}{path}", self.url))
                .body(body.to_string()),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.json(
            self.http
                .post(format!("{}{path}", self.url))
                .body(body.to_string()),
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.json(self.http.get(format!("{}{path}", self.url)))
            .await
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let answer = request.send().await.unwrap();
        (
            answer.status(),
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
        )
    }

    pub(crate) async fn mode(&self, mode: &str) {
        let (status, _) = self.put("/control/banks/B4", json!({ "mode": mode })).await;
        assert_eq!(status, StatusCode::OK);
    }

    /// An outsider pays into the centre's account at B4.
    pub(crate) async fn pay_in(&self, fen: i64, reference: &str) {
        let payment = json!({"from": "50001234567890", "to": "6500004001", "amount_fen": fen,
                             "reference": reference, "payer": "重庆山屿科技有限公司"});
        let (status, _) = self.post("/control/banks/B4/payments", payment).await;
        assert_eq!(status, StatusCode::CREATED);
    }

    fn signed(&self, path: &str, body: String) -> reqwest::RequestBuilder {
        let signature = self.product.key.sign_hex(body.as_bytes());
        self.http
            .post(format!("{}{path}", self.url))
            .header(SIGNATURE, signature)
            .body(body)
    }

    /// Sends an order and waits at most that long for the answer.
    pub(crate) async fn order(&self, id: &str, fen: i64, within_ms: u64) -> Option<TransferStatus> {
        let request = self
            .signed("/bank/B4/pain001", order(id, fen))
            .timeout(Duration::from_millis(within_ms));
        let answer = request.send().await.ok()?;
        assert_eq!(answer.status(), StatusCode::OK);
        self.report(answer).await
    }

    pub(crate) async fn query(&self, id: &str) -> TransferStatus {
        let body = json!({ "end_to_end_id": id }).to_string();
        let answer = self.signed("/bank/B4/query", body).send().await.unwrap();
        self.report(answer).await.unwrap()
    }

    async fn report(&self, answer: reqwest::Response) -> Option<TransferStatus> {
        let signature = answer.headers()[SIGNATURE].to_str().unwrap().to_owned();
        let body = answer.bytes().await.unwrap();
        assert!(self.product.key.verify_hex(&body, &signature));
        StatusReport::parse(&body).unwrap().transfers.pop()
    }

    pub(crate) async fn statement(&self, day: &str) -> Statement {
        let path = format!("/bank/B4/statement?date={day}");
        let signature = self.product.key.sign_hex(path.as_bytes());
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .header(SIGNATURE, signature)
            .send()
            .await
            .unwrap();
        Statement::parse(&answer.bytes().await.unwrap()).unwrap()
    }

    /// All lines told so far, with the number of the message that told them.
    pub(crate) fn told(&self) -> Vec<(String, Entry)> {
        let inbox = self.product.inbox.lock().unwrap();
        let notices = inbox.iter().filter_map(|body| Notice::parse(body).ok());
        notices
            .flat_map(|notice| {
                let id = notice.message_id;
                notice
                    .accounts
                    .into_iter()
                    .flat_map(|part| part.entries)
                    .map(move |entry| (id.clone(), entry))
            })
            .collect()
    }

    pub(crate) fn results(&self) -> Vec<TransferStatus> {
        let inbox = self.product.inbox.lock().unwrap();
        inbox
            .iter()
            .filter_map(|body| StatusReport::parse(body).ok())
            .flat_map(|report| report.transfers)
            .collect()
    }

    pub(crate) async fn balance(&self, number: &str) -> Option<i64> {
        let (status, account) = self
            .get(&format!("/control/banks/B4/accounts/{number}"))
            .await;
        (status == StatusCode::OK).then(|| account["balance_fen"].as_i64().unwrap())
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Town) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{what} did not come; told: {:?}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn start(home: &std::path::Path, product: &str) -> (String, JoinHandle<()>) {
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = Config {
        public: String::new(),
        listen,
        home: home.to_owned(),
        product: product.to_owned(),
    };
    let begun = Instant::now();
    // After a crash the last connection may still hold the journal.
    let world = loop {
        match World::open(&config) {
            Ok(world) => break Arc::new(world),
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(5), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let listener = TcpListener::bind(listen).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { serve_on(listener, world).await.unwrap() });
    (url, serving)
}

pub(crate) fn set_clock(home: &std::path::Path, instant: &str) {
    let wished: DateTime<Utc> = instant.parse().unwrap();
    let system = clock::Clock::following(home.join("no such file")).now();
    let offset_ms = (wished - system).num_milliseconds();
    std::fs::write(
        home.join("clock.json"),
        json!({ "offset_ms": offset_ms }).to_string(),
    )
    .unwrap();
}

pub(crate) fn order(id: &str, fen: i64) -> String {
    let party = |number: &str, name: &str| Party {
        number: Some(number.into()),
        name: Some(name.into()),
        bank: Some(BankCode::parse("B4").unwrap().data().cnaps.into()),
    };
    let initiation = PaymentInitiation {
        message_id: format!("M-{id}"),
        created: "2026-11-24T02:00:00Z".parse().unwrap(),
        initiator: HOLDER.into(),
        payments: vec![PaymentInformation {
            id: "P-1".into(),
            execution_date: "2026-11-24".parse().unwrap(),
            debtor: party("6500004001", HOLDER),
            transfers: vec![CreditTransfer {
                end_to_end_id: id.into(),
                amount: Fen::new(fen),
                creditor: party(CARD, "李梅"),
                remittance: Some("租房提取".into()),
            }],
        }],
    };
    initiation.to_xml().unwrap()
}
