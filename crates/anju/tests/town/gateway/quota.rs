//! How often others may ask us.

use std::num::NonZeroU32;

use anju_exchange::given::AskFault;
use anju_vault::Sm2Ring;
use anju_wire::gateway::{Call, GatewaySigner, SignType, SignedHeaders};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Departments;

/// The department's own end of the line.
struct Own(Sm2Ring);

impl GatewaySigner for Own {
    fn sm3(&self, bytes: &[u8]) -> [u8; 32] {
        anju_vault::sm3(bytes)
    }
    fn sign_type(&self) -> SignType {
        SignType::Sm2
    }
    fn sign(&self, text: &[u8]) -> String {
        BASE64.encode(self.0.current().sign_der(text))
    }
    fn holds(&self, _: &[u8], _: &str) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_us_more_often_than_agreed_is_refused_until_the_next_day() {
    let town = Departments::with(|catalogue| {
        for give in &mut catalogue.gives {
            for asker in &mut give.to {
                asker.per_day = NonZeroU32::new(1);
            }
        }
    })
    .await;
    let keys = town.home.join("outside/keys");
    let own = Own(Sm2Ring::create(&keys, "D14-sm2").expect("the department's key"));
    for (nonce, fault) in [
        // Heard, and then found to lack everything.
        ("n-1", AskFault::Field("the whole")),
        ("n-2", AskFault::Quota),
        ("n-3", AskFault::Quota),
    ] {
        let call = Call {
            method: "POST",
            path: "/gateway/hpf.contribution",
            query: "",
            body: b"{}",
        };
        let now = chrono::Utc::now().timestamp_millis();
        let signed = SignedHeaders::sign(&own, call, "D14", now, nonce, "t");
        let pairs = signed.pairs();
        let header = |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| value.as_str())
        };
        let asked = town
            .gateway
            .read_ask("hpf.contribution", header, b"{}")
            .await;
        assert_eq!(asked.map(drop), Err(fault), "{nonce}");
    }
}
