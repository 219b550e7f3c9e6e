//! Every type of the catalogue in every mood of its source (F7), and eight questions at once.

use std::sync::Arc;

use anju_domain::clock::{Clock, SystemClock};
use anju_exchange::catalogue::{Catalogue, SubjectKind};
use anju_exchange::fact_store::SubjectKeys;
use anju_exchange::gateway::{Gateway, GatewaySettings};
use anju_policy::FactState;
use anju_vault::{SharedKey, Vault};
use anju_wire::gateway::{GatewayReply, GatewayRequest, code};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::wire::Mac;
use super::{Departments, LI, Memory, USCC, question};

fn impatient(catalogue: &mut Catalogue) {
    catalogue.gateway.reply_ms = 1500;
    catalogue.gateway.whole_ms = 6000;
    catalogue.gateway.retry_after_ms = vec![];
    catalogue.gateway.breaker_min_calls = 1000;
}

fn subject(kind: SubjectKind) -> SubjectKeys {
    let mut keys = SubjectKeys::of(if kind == SubjectKind::Employer {
        USCC
    } else {
        LI
    });
    keys.name = Some("李梅".to_owned());
    keys.more
        .insert("authorisation".to_owned(), "3a7c".to_owned());
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn no_type_of_the_catalogue_believes_a_source_that_fails_or_lies() {
    let town = Departments::with(impatient).await;
    let catalogue = Catalogue::shipped().expect("the catalogue");
    // A log-in's code is exchanged and a face compared elsewhere: neither is looked up.
    let asked: Vec<_> = catalogue
        .facts
        .iter()
        .filter(|fact| !matches!(fact.name.as_str(), "market.elicence" | "police.face_match"))
        .collect();
    assert!(asked.len() >= 45);
    let questions = |mood: &str| {
        asked
            .iter()
            .map(|fact| question(mood, &fact.name, subject(fact.subject)))
            .collect::<Vec<_>>()
    };
    // Well, each says that it knows nobody: absent, and that alone is absent.
    let facts = town.gateway.fetch(questions("ok")).await.expect("a store");
    for fact in &facts {
        assert_eq!(
            fact.state,
            FactState::Absent,
            "{} {:?}",
            fact.fact_type,
            town.store.outcomes()
        );
    }
    for mood in [
        "down",
        "hang",
        "malformed",
        "wrong_person",
        "stale",
        "future",
        "oversized",
        "forged",
        "refuse",
    ] {
        for source in &catalogue.sources {
            town.behave(&source.code, json!({ "mode": mood })).await;
        }
        let facts = town.gateway.fetch(questions(mood)).await.expect("a store");
        for fact in &facts {
            assert_eq!(fact.state, FactState::Unknown, "{mood} {}", fact.fact_type);
            assert_eq!(fact.value, Value::Null, "{mood} {}", fact.fact_type);
        }
    }
    for source in &catalogue.sources {
        town.behave(&source.code, json!({ "mode": "ok" })).await;
    }
    let facts = town
        .gateway
        .fetch(questions("again"))
        .await
        .expect("a store");
    assert!(facts.iter().all(|fact| fact.state == FactState::Absent));
}

/// Types of eight sources whose lines are signed with the shared secret.
const EIGHT: [&str; 8] = [
    "civil.marriage",
    "estate.ownership",
    "housing.rental_filing",
    "court.enforcement",
    "nhpf.blacklist",
    "sichuan.account",
    "talent.card",
    "unionpay.card_auth",
];

/// Answers "no record" once all eight have asked.
async fn together(mut stream: TcpStream, key: SharedKey, all_here: Arc<Barrier>) {
    let mut received = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.expect("a question");
        received.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let line = line.to_lowercase();
            line.strip_prefix("content-length: ")?.parse().ok()
        });
        if Some(body.len()) == length {
            break body.as_bytes().to_vec();
        }
    };
    let request: GatewayRequest = serde_json::from_slice(&body).expect("a question");
    all_here.wait().await;
    let reply = GatewayReply {
        request_id: request.request_id,
        code: code::NO_RECORD,
        message: "查无记录".to_owned(),
        as_of: SystemClock.now().to_rfc3339(),
        data: request.params,
        encrypted: None,
        signature: String::new(),
    }
    .signed(&Mac(key), &body);
    let answer = serde_json::to_vec(&reply).expect("JSON");
    let head = format!(
        "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&answer).await.expect("sent");
}

/// No source answers before every source was asked: were two of the eight asked one after the other, nobody would ever answer.
#[tokio::test(flavor = "multi_thread")]
async fn eight_sources_are_asked_at_once_so_that_gathering_takes_as_long_as_the_slowest() {
    let key = SharedKey::from_bytes([9; 32]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}", listener.local_addr().expect("bound"));
    let all_here = Arc::new(Barrier::new(EIGHT.len()));
    let theirs = key.clone();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(together(stream, theirs.clone(), Arc::clone(&all_here)));
        }
    });
    let home = std::env::temp_dir().join(format!("anju-eight-{}", uuid::Uuid::now_v7().simple()));
    let vault = Arc::new(Vault::create(&home).expect("a vault"));
    let store = Arc::new(Memory::default());
    let settings = GatewaySettings {
        base_url,
        app_id: "anju".to_owned(),
        key,
        keys: home.clone(),
    };
    let catalogue = Catalogue::shipped().expect("the catalogue");
    let clock = Arc::new(SystemClock);
    let gateway = Gateway::with_catalogue(catalogue, settings, clock, store.clone(), vault)
        .expect("a gateway");
    let questions = EIGHT.map(|fact_type| question("c", fact_type, SubjectKeys::of(LI)));
    let facts = gateway.fetch(questions.into()).await.expect("a store");
    serving.abort();
    std::fs::remove_dir_all(&home).expect("the vault's folder");
    for fact in &facts {
        assert_eq!(
            fact.state,
            FactState::Absent,
            "{} {:?}",
            fact.fact_type,
            store.outcomes()
        );
    }
}
