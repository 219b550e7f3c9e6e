//! Lines that are signed with SM2 and closed by SM4: met once, refused where something is wrong, and no question lost when a key turns.

use std::sync::atomic::{AtomicBool, Ordering};

use anju_exchange::fact_store::SubjectKeys;
use anju_policy::FactState;
use anju_wire::gateway::{Call, SignedHeaders};
use serde_json::{Value, json};

use super::wire::Mac;
use super::{Departments, LI};

/// Sources whose lines are closed, and something that each can be asked.
const CLOSED: [(&str, &str); 4] = [
    ("D01", "police.hukou"),
    ("D09", "pboc.credit_report"),
    ("D10", "health.diagnosis"),
    ("D11", "medins.settlement"),
];

fn value_of(fact_type: &str) -> Value {
    match fact_type {
        "police.hukou" => json!({"local": true, "region_code": "500103", "state": "active"}),
        "pboc.credit_report" => {
            json!({"overdue_now_fen": 0, "overdue_24m_count": 1, "house_loans": {"count": 1, "open": 0},
            "report_no": "R-1"})
        }
        "health.diagnosis" => json!({"icd10": "C34", "listed": true, "date": "2026-08-01"}),
        _ => {
            json!({"total_fen": 5_000_000, "reimbursed_fen": 3_000_000, "self_paid_fen": 2_000_000})
        }
    }
}

fn keys_of(fact_type: &str) -> SubjectKeys {
    let mut keys = SubjectKeys::of(LI);
    let mut more = |name: &str, value: &str| keys.more.insert(name.to_owned(), value.to_owned());
    match fact_type {
        "pboc.credit_report" => more("authorisation", "3a7c"),
        "medins.settlement" => more("period", "2026"),
        _ => None,
    };
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_sources_are_met_once_and_answer_in_their_own_codes() {
    let town = Departments::open().await;
    for (source, fact_type) in CLOSED {
        town.set(source, fact_type, LI, value_of(fact_type)).await;
        let fact = town.ask(fact_type, keys_of(fact_type)).await;
        assert_eq!(
            fact.state,
            FactState::Known,
            "{fact_type}: {:?}",
            town.store.outcomes()
        );
        assert_eq!(town.gateway.keys().of(source).len(), 1, "{source} is known");
    }
    let journal =
        std::fs::read_to_string(town.home.join("outside/departments.jsonl")).expect("a journal");
    assert_eq!(
        journal.matches(r#""event":"introduced""#).count(),
        4,
        "each was met once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_report_is_not_given_without_a_signed_authorisation() {
    let town = Departments::open().await;
    town.set(
        "D09",
        "pboc.credit_report",
        LI,
        value_of("pboc.credit_report"),
    )
    .await;
    let refused = town.ask("pboc.credit_report", SubjectKeys::of(LI)).await;
    assert_eq!(
        (refused.state, town.store.outcomes()[0]),
        (FactState::Unknown, "refused")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_signed_with_sm2_or_not_by_a_known_key_is_refused() {
    let town = Departments::open().await;
    town.ask("police.hukou", SubjectKeys::of(LI)).await;
    let body = json!({"requestId": "1", "purpose": {"item": "t", "caseNo": "1"},
        "operator": {"id": "1", "name": "测试", "org": "t"}, "consent": {"id": "c", "hash": ""}, "params": {"gmsfhm": LI}});
    let body = serde_json::to_vec(&body).expect("JSON");
    let post = async |path: &str, app: &str, headers: &SignedHeaders| {
        let mut call = town
            .http
            .post(format!("{}{path}", town.url))
            .body(body.clone());
        for (name, value) in headers.pairs() {
            let value = if name == "x-app-id" {
                app.to_owned()
            } else {
                value
            };
            call = call.header(name, value);
        }
        call.send().await.expect("an answer").status().as_u16()
    };
    let now_ms = chrono::Utc::now().timestamp_millis();
    let path = "/gateway/police.hukou";
    let shared = SignedHeaders::sign(
        &Mac(town.key.clone()),
        Call {
            method: "POST",
            path,
            query: "",
            body: &body,
        },
        "anju",
        now_ms,
        "n-1",
        "t",
    );
    assert_eq!(
        post(path, "anju", &shared).await,
        401,
        "HMAC is no longer enough"
    );
    let ring =
        anju_vault::Sm2Ring::create(town.home.join("stranger"), "gateway-sm2").expect("keys");
    let signed = |at_ms: i64, nonce: &str| {
        SignedHeaders::sign(
            &Own(&ring),
            Call {
                method: "POST",
                path,
                query: "",
                body: &body,
            },
            "anju",
            at_ms,
            nonce,
            "t",
        )
    };
    assert_eq!(
        post(path, "anju", &signed(now_ms, "n-2")).await,
        401,
        "a key that D01 does not know"
    );

    // The same hands with our own key: altered, late and replayed calls are refused, the first good one is read.
    let ours = anju_vault::Sm2Ring::create(town.home.join("keys"), "gateway-sm2").expect("ours");
    let good = |at_ms: i64, nonce: &str| {
        SignedHeaders::sign(
            &Own(&ours),
            Call {
                method: "POST",
                path,
                query: "",
                body: &body,
            },
            "anju",
            at_ms,
            nonce,
            "t",
        )
    };
    assert_eq!(
        post(path, "anju", &good(now_ms - 301_000, "n-3")).await,
        401,
        "late"
    );
    let first = good(now_ms, "n-4");
    assert_eq!(
        post(path, "anju", &first).await,
        400,
        "read, but its parameters are not closed"
    );
    assert_eq!(post(path, "anju", &first).await, 409, "replayed");
    assert_eq!(
        post("/gateway/police.hukou_move", "anju", &good(now_ms, "n-5")).await,
        401,
        "another path"
    );

    // Who holds the shared secret alone cannot put a key of his own in our place.
    let gy = hex::encode(ring.current().public());
    let body = json!({"requestId": "2", "purpose": {"item": "gateway.key", "caseNo": ""},
        "operator": {"id": "1", "name": "", "org": "t"}, "consent": {"id": "c", "hash": ""}, "params": {"gy": gy}});
    let body = serde_json::to_vec(&body).expect("JSON");
    let path = "/gateway/D01.gateway.key";
    let call = Call {
        method: "POST",
        path,
        query: "",
        body: &body,
    };
    let headers = SignedHeaders::sign(&Mac(town.key.clone()), call, "anju", now_ms, "n-6", "t");
    let mut call = town
        .http
        .post(format!("{}{path}", town.url))
        .body(body.clone());
    for (name, value) in headers.pairs() {
        call = call.header(name, value);
    }
    assert_eq!(call.send().await.expect("an answer").status().as_u16(), 401);
}

struct Own<'r>(&'r anju_vault::Sm2Ring);

impl anju_wire::gateway::GatewaySigner for Own<'_> {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> anju_wire::gateway::SignType {
        anju_wire::gateway::SignType::Sm2
    }
    fn sign(&self, text: &[u8]) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(self.0.current().sign_der(text))
    }
    fn holds(&self, _: &[u8], _: &str) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_key_turns_in_the_middle_of_the_traffic_and_no_question_fails() {
    let town = Departments::open().await;
    for (source, fact_type) in CLOSED {
        town.set(source, fact_type, LI, value_of(fact_type)).await;
    }
    let turning = AtomicBool::new(true);
    let asking = async {
        let mut asked = 0;
        while turning.load(Ordering::Relaxed) || asked < 8 {
            for (_, fact_type) in CLOSED {
                let fact = town
                    .ask_in(&format!("case-{asked}"), fact_type, keys_of(fact_type))
                    .await;
                assert_eq!(
                    fact.state,
                    FactState::Known,
                    "{:?}",
                    town.store.outcomes().last()
                );
            }
            asked += 1;
        }
        asked
    };
    let first = town.gateway.keys().ours().current().public();
    let turn = async {
        for _ in 0..3 {
            let told = town
                .gateway
                .turn_key()
                .await
                .expect("every source confirms");
            assert_eq!(
                told, 10,
                "the six lines under SM2, the three that ask us, and who gets files"
            );
        }
        turning.store(false, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(asking, turn);
    assert!(asked > 0);
    assert_ne!(town.gateway.keys().ours().current().public(), first);
    assert!(town.store.outcomes().iter().all(|word| *word == "known"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_source_does_not_confirm_is_not_used() {
    let town = Departments::open().await;
    town.set("D10", "health.diagnosis", LI, value_of("health.diagnosis"))
        .await;
    let first = town.gateway.keys().ours().current().public();
    town.behave("D11", json!({"mode": "down"})).await;
    let fault = town.gateway.turn_key().await.expect_err("D11 is silent");
    assert!(fault.to_string().contains("D11"), "{fault}");
    assert_eq!(
        town.gateway.keys().ours().current().public(),
        first,
        "the former signs on"
    );
    let fact = town.ask("health.diagnosis", SubjectKeys::of(LI)).await;
    assert_eq!(fact.state, FactState::Known);
    town.behave("D11", json!({"mode": "ok"})).await;
    town.gateway
        .turn_key()
        .await
        .expect("asked again, all confirm");
    assert_ne!(town.gateway.keys().ours().current().public(), first);
}
