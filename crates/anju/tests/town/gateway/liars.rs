//! Counterparts that no simulator of ours would be: replies dated ahead, oversized, forged, of another question.

use std::sync::Arc;

use anju_domain::clock::{Clock, SystemClock};
use anju_exchange::catalogue::Catalogue;
use anju_exchange::fact_store::SubjectKeys;
use anju_exchange::gateway::{Gateway, GatewaySettings};
use anju_policy::FactState;
use anju_vault::{SharedKey, Vault};
use anju_wire::gateway::{GatewayReply, GatewayRequest, code};
use chrono::TimeDelta;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::wire::Mac;
use super::{LI, Memory, question};

/// What a liar makes of an honest reply: the body to send, given the request's.
type Lie = fn(GatewayReply, &Mac, &[u8]) -> Vec<u8>;

fn sent(reply: &GatewayReply) -> Vec<u8> {
    serde_json::to_vec(reply).expect("JSON")
}

/// Answers one question on the connection.
async fn lie(mut stream: TcpStream, key: SharedKey, lie: Lie) {
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
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if Some(body.len()) == length {
            break body.as_bytes().to_vec();
        }
    };
    let request: GatewayRequest = serde_json::from_slice(&body).expect("a question");
    let honest = GatewayReply {
        request_id: request.request_id,
        code: code::DATA,
        message: "成功".to_owned(),
        as_of: SystemClock.now().to_rfc3339(),
        data: json!({"sfzh": LI, "hyzk": "10", "lsh": "1"}),
        encrypted: None,
        signature: String::new(),
    };
    let answer = lie(honest, &Mac(key), &body);
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    // Who has heard enough hangs up.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&answer).await;
}

/// The state and the outcome's word of one question to such a counterpart.
async fn believed(told: Lie) -> (FactState, &'static str) {
    let key = SharedKey::from_bytes([9; 32]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}", listener.local_addr().expect("bound"));
    let theirs = key.clone();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(lie(stream, theirs.clone(), told));
        }
    });
    let home = std::env::temp_dir().join(format!("anju-liars-{}", uuid::Uuid::now_v7().simple()));
    let vault = Arc::new(Vault::create(&home).expect("a vault"));
    let store = Arc::new(Memory::default());
    let settings = GatewaySettings {
        base_url,
        app_id: "anju".to_owned(),
        key,
        keys: home.clone(),
    };
    let catalogue = Catalogue::shipped().expect("the catalogue");
    let gateway = Gateway::with_catalogue(
        catalogue,
        settings,
        Arc::new(SystemClock),
        store.clone(),
        vault,
    )
    .expect("a gateway");
    let facts = gateway
        .fetch(vec![question("c", "civil.marriage", SubjectKeys::of(LI))])
        .await
        .expect("a store");
    serving.abort();
    std::fs::remove_dir_all(&home).expect("the vault's folder");
    (facts[0].state, store.outcomes()[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_honest_reply_is_believed() {
    let honest: Lie = |reply, mac, request| sent(&reply.signed(mac, request));
    assert_eq!(believed(honest).await, (FactState::Known, "known"));

    let lies: [(&str, Lie); 9] = [
        ("forged", |reply, _, _| sent(&reply)),
        ("forged", |reply, mac, _| {
            sent(&reply.signed(mac, b"another question"))
        }),
        ("forged", |reply, mac, request| {
            let signed = reply.signed(mac, request);
            sent(&GatewayReply {
                data: json!({"sfzh": LI, "hyzk": "40"}),
                ..signed
            })
        }),
        ("forged", |reply, mac, request| {
            sent(
                &GatewayReply {
                    request_id: "other".to_owned(),
                    ..reply
                }
                .signed(mac, request),
            )
        }),
        ("future_dated", |reply, mac, request| {
            let ahead = (SystemClock.now() + TimeDelta::minutes(6)).to_rfc3339();
            sent(
                &GatewayReply {
                    as_of: ahead,
                    ..reply
                }
                .signed(mac, request),
            )
        }),
        ("stale", |reply, mac, request| {
            let ago = (SystemClock.now() - TimeDelta::days(8)).to_rfc3339();
            sent(
                &GatewayReply {
                    as_of: ago,
                    ..reply
                }
                .signed(mac, request),
            )
        }),
        ("too_large", |reply, mac, request| {
            let message = "长".repeat(400_000);
            sent(&GatewayReply { message, ..reply }.signed(mac, request))
        }),
        ("unknown_code", |reply, mac, request| {
            let data = json!({"sfzh": LI, "hyzk": "77"});
            sent(&GatewayReply { data, ..reply }.signed(mac, request))
        }),
        ("malformed_value", |reply, mac, request| {
            let data = json!({"sfzh": LI, "hyzk": "10", "djrq": "20260230"});
            sent(&GatewayReply { data, ..reply }.signed(mac, request))
        }),
    ];
    for (word, lie) in lies {
        assert_eq!(believed(lie).await, (FactState::Unknown, word));
    }
}
