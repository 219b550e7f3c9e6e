//! The wire itself: forged, altered, replayed and late calls, batches, messages, faces.

use anju_exchange::face::{FaceOutcome, verify_face};
use anju_exchange::identity::IdentityAnswer;
use anju_exchange::message::{SendFault, send_sms};
use anju_vault::SharedKey;
use anju_wire::face::FaceEvidence;
use anju_wire::gateway::{Call, GatewaySigner, SignType, SignedHeaders, equal};
use serde_json::{Value, json};

use super::{Departments, LI, WANG, consent, purpose};

pub(super) struct Mac(pub(super) SharedKey);

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

const PATH: &str = "/gateway/civil.marriage";

fn body(request_id: &str) -> Vec<u8> {
    let body = json!({"requestId": request_id, "purpose": {"item": "t", "caseNo": "1"},
        "operator": {"id": "1", "name": "测试", "org": "t"}, "consent": {"id": "c", "hash": ""}, "params": {"sfzh": LI}});
    serde_json::to_vec(&body).expect("JSON")
}

async fn send(town: &Departments, headers: &SignedHeaders, path: &str, body: Vec<u8>) -> u16 {
    let mut call = town.http.post(format!("{}{path}", town.url)).body(body);
    for (name, value) in headers.pairs() {
        call = call.header(name, value);
    }
    call.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_replayed_expired_and_unsigned_calls_are_refused() {
    let town = Departments::open().await;
    town.set("D02", "civil.marriage", LI, json!({"state": "single"}))
        .await;
    let now = chrono::DateTime::parse_from_rfc3339(
        town.get("/control/clock").await["now"]
            .as_str()
            .expect("an instant"),
    );
    let now_ms = now.expect("RFC 3339").timestamp_millis();
    let sign = |key: &SharedKey, body: &[u8], at_ms: i64, nonce: &str| {
        let call = Call {
            method: "POST",
            path: PATH,
            query: "",
            body,
        };
        SignedHeaders::sign(&Mac(key.clone()), call, "anju", at_ms, nonce, "t")
    };

    let good = sign(&town.key, &body("1"), now_ms, "n-1");
    assert_eq!(send(&town, &good, PATH, body("1")).await, 200);
    assert_eq!(send(&town, &good, PATH, body("1")).await, 409, "replayed");
    let fresh = sign(&town.key, &body("1"), now_ms, "n-2");
    assert_eq!(
        send(&town, &fresh, PATH, body("2")).await,
        401,
        "altered body"
    );
    assert_eq!(
        send(&town, &fresh, "/gateway/civil.death", body("1")).await,
        401,
        "altered path"
    );
    let late = sign(&town.key, &body("1"), now_ms - 301_000, "n-3");
    assert_eq!(send(&town, &late, PATH, body("1")).await, 401, "expired");
    let stranger = sign(&SharedKey::from_bytes([7; 32]), &body("1"), now_ms, "n-4");
    assert_eq!(
        send(&town, &stranger, PATH, body("1")).await,
        401,
        "another's key"
    );
    assert_eq!(town.post(PATH, json!({})).await.0, 401, "unsigned");
    let elsewhere = Call {
        method: "POST",
        path: "/gateway/no.such",
        query: "",
        body: &body("1"),
    };
    let scope = SignedHeaders::sign(
        &Mac(town.key.clone()),
        elsewhere,
        "anju",
        now_ms,
        "n-5",
        "t",
    );
    assert_eq!(
        send(&town, &scope, "/gateway/no.such", body("1")).await,
        403,
        "out of scope"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_of_people_is_checked_in_one_question() {
    let town = Departments::open().await;
    let number = |n: usize| format!("5001031990{n:08}");
    let items: Vec<Value> = (0..2000)
        .map(|n| json!({"subject": number(n), "value": {"name": format!("张{n}")}}))
        .collect();
    town.post(
        "/control/facts/D01/police.identity/set",
        json!({"items": items}),
    )
    .await;
    let pairs: Vec<(String, String)> = (0..2002)
        .map(|n| {
            (
                number(n),
                if n == 7 {
                    "李七".to_owned()
                } else {
                    format!("张{n}")
                },
            )
        })
        .collect();
    let answers = town
        .gateway
        .identity_batch(&pairs, &purpose("roster"), &consent())
        .await
        .expect("a store");
    assert_eq!(answers.len(), pairs.len());
    for (n, answer) in answers.iter().enumerate() {
        let expected = match n {
            7 => IdentityAnswer::Mismatch,
            2000.. => IdentityAnswer::NoRecord,
            _ => IdentityAnswer::Match,
        };
        assert_eq!(*answer, expected, "person {n}");
    }
    let calls = town.store.calls();
    assert_eq!(
        (calls.len(), calls[0].count),
        (1, 2002),
        "one question, one trace"
    );

    for mode in ["down", "malformed", "wrong_person", "stale"] {
        town.behave("D01", json!({"mode": mode})).await;
        let answers = town
            .gateway
            .identity_batch(&pairs[..3], &purpose("roster"), &consent())
            .await
            .expect("a store");
        assert_eq!(answers, [IdentityAnswer::Unknown; 3], "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_its_phone_once_however_often_it_is_sent() {
    let town = Departments::open().await;
    let line = town.gateway.line();
    let text = "【安居】验证码 082734，5 分钟内有效";
    let first = send_sms(line, "13800005678", text, "event-1")
        .await
        .expect("sent");
    let again = send_sms(line, "13800005678", text, "event-1")
        .await
        .expect("sent");
    assert_eq!(
        (first.message_id, again.repeated),
        (again.message_id.clone(), true)
    );
    send_sms(line, "13800005678", "【安居】租房提取已到账", "event-2")
        .await
        .expect("sent");
    let inbox = town.get("/control/phones/13800005678/messages").await;
    let texts: Vec<_> = inbox
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| &message["text"])
        .collect();
    assert_eq!(
        texts,
        [
            "【安居】验证码 082734，5 分钟内有效",
            "【安居】租房提取已到账"
        ]
    );
    assert_eq!(
        (&inbox[0]["code"], inbox[1].get("code")),
        (&json!("082734"), None)
    );
    assert_eq!(
        town.get("/control/phones/13900000000/messages").await,
        json!([])
    );

    let refused = send_sms(line, "12329", text, "event-3").await;
    assert_eq!(refused, Err(SendFault::Rejected));
    let long = "长".repeat(501);
    assert_eq!(
        send_sms(line, "13800005678", &long, "event-4").await,
        Err(SendFault::TooLong)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_matches_unless_the_police_say_otherwise() {
    let town = Departments::open().await;
    let compare = async |id: &str, evidence: FaceEvidence| {
        verify_face(
            &town.gateway,
            id,
            &evidence,
            "digest",
            purpose("c"),
            consent(),
        )
        .await
        .expect("a store")
    };
    let token = || FaceEvidence::Token("device-token".to_owned());
    let same = compare(LI, FaceEvidence::Image("aGk=".to_owned())).await;
    assert!(
        matches!(same, FaceOutcome::Match { ref score_band, .. } if score_band == "a"),
        "{same:?}"
    );
    assert_eq!(
        compare(LI, FaceEvidence::Image(String::new())).await,
        FaceOutcome::Unknown,
        "no picture"
    );
    town.set("D01", "police.face_match", LI, json!({"match": false}))
        .await;
    assert_eq!(compare(LI, token()).await, FaceOutcome::NoMatch);
    town.set(
        "D01",
        "police.face_match",
        WANG,
        json!({"match": true, "liveness": false}),
    )
    .await;
    assert_eq!(compare(WANG, token()).await, FaceOutcome::NotAlive);
    town.behave("D01", json!({"mode": "down"})).await;
    assert_eq!(compare(LI, token()).await, FaceOutcome::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn moods_and_records_are_listed() {
    let town = Departments::open().await;
    town.set("D03", "estate.ownership", LI, json!({"count": 0}))
        .await;
    town.behave(
        "D03",
        json!({"latency_ms": 20, "fail_rate": 0.5, "mode": "stale"}),
    )
    .await;
    let sources = town.get("/control/sources").await;
    let sources = sources.as_array().expect("a list");
    assert_eq!(sources.len(), 28);
    let estate = sources
        .iter()
        .find(|source| source["source"] == "D03")
        .expect("listed");
    assert_eq!(
        (
            &estate["mode"],
            &estate["latency_ms"],
            &estate["fail_rate"],
            &estate["records"]
        ),
        (&json!("stale"), &json!(20), &json!(0.5), &json!(1))
    );
    let call = town
        .http
        .put(format!("{}/control/sources/D03", town.url))
        .json(&json!({"mode": "drunk"}));
    assert_eq!(call.send().await.expect("an answer").status(), 400);
}
