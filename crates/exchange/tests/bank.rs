//! The line to the banks against the simulated ones, and against banks that lie.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anju_domain::money::Fen;
use anju_exchange::bank::{
    BankEntry, BankFault, BankLine, BankTable, PaymentOrder, Push, QueryOutcome, Returned,
    SIGNATURE, SendOutcome, read_push,
};
use anju_outside::bank::{BANKS, BankCode, HOLDER, Mode};
use anju_outside::{Config, World, serve_on};
use anju_vault::SharedKey;
use anju_wire::iso20022::{Original, Status, StatusReport, TransferStatus};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

const TABLE: &str = include_str!("../../../policy/banks/chongqing.toml");

type Inbox = Arc<Mutex<Vec<(Vec<u8>, String)>>>;

struct Town {
    home: PathBuf,
    world: Arc<World>,
    line: BankLine,
    key: SharedKey,
    inbox: Inbox,
}

fn table() -> Arc<BankTable> {
    Arc::new(BankTable::parse(TABLE).unwrap())
}

async fn keep(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers[SIGNATURE].to_str().unwrap().to_owned();
    inbox.lock().unwrap().push((body.to_vec(), signature));
    StatusCode::NO_CONTENT
}

async fn listen(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn town(name: &str) -> Town {
    let home = std::env::temp_dir().join(format!("anju-line-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&home));
    let keys = home.join("outside/keys");
    let key = SharedKey::create(keys.join("bank.key")).unwrap();
    SharedKey::create(keys.join("gateway.key")).unwrap();
    // A fixed morning, so that no run of the tests crosses midnight.
    set_clock(&home, "2026-11-24T02:00:00Z");
    let inbox = Inbox::default();
    let product = listen(
        axum::Router::new()
            .route("/inbox/bank/{bank}", post(keep))
            .with_state(inbox.clone()),
    )
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = Arc::new(
        World::open(&Config {
            listen: address,
            home: home.clone(),
            product,
            public: String::new(),
        })
        .unwrap(),
    );
    tokio::spawn(serve_on(listener, Arc::clone(&world)));
    let line = BankLine::new(&address.to_string(), key.clone(), table()).unwrap();
    Town {
        home,
        world,
        line,
        key,
        inbox,
    }
}

impl Town {
    async fn mode(&self, mode: Mode) {
        self.world
            .set_bank(b4(), Some(mode), None, None)
            .await
            .unwrap();
    }

    async fn pay_in(&self, fen: i64) {
        let payment = serde_json::json!({"to": "6500004001", "amount_fen": fen, "payer": "甲公司", "reference": "HJ1"});
        self.world
            .pay_in(b4(), serde_json::from_value(payment).unwrap())
            .await
            .unwrap();
    }

    async fn query(&self, id: &str) -> QueryOutcome {
        self.line.query("B4", id, Fen::new(600)).await.unwrap()
    }

    fn pushes(&self) -> Vec<Push> {
        let inbox = self.inbox.lock().unwrap();
        inbox
            .iter()
            .map(|(body, by)| read_push(&table(), &self.key, "B4", body, by).unwrap())
            .collect()
    }

    fn told(&self) -> Vec<BankEntry> {
        let entries = |push| match push {
            Push::Entries { entries, .. } => entries,
            Push::Results { .. } => Vec::new(),
        };
        self.pushes().into_iter().flat_map(entries).collect()
    }

    fn settled(&self) -> Vec<String> {
        let results = |push| match push {
            Push::Results { results, .. } => results,
            Push::Entries { .. } => Vec::new(),
        };
        let results = self.pushes().into_iter().flat_map(results);
        results
            .filter(|result| is_settled(&result.outcome))
            .map(|result| result.end_to_end_id)
            .collect()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Town) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{what} did not come"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn set_clock(home: &Path, instant: &str) {
    let instant: chrono::DateTime<chrono::Utc> = instant.parse().unwrap();
    let offset_ms = (instant - chrono::Utc::now()).num_milliseconds();
    std::fs::write(
        home.join("clock.json"),
        format!("{{\"offset_ms\": {offset_ms}}}"),
    )
    .unwrap();
}

fn b4() -> BankCode {
    BankCode::parse("B4").unwrap()
}

fn order(id: &str, fen: i64) -> PaymentOrder {
    PaymentOrder {
        bank: "B4".into(),
        end_to_end_id: id.into(),
        amount: Fen::new(fen),
        payee_account: "6217003760011234567".into(),
        payee_name: "李梅".into(),
        payee_bank: Some("B1".into()),
        remittance: Some("租房提取".into()),
        created: "2026-11-24T02:00:00Z".parse().unwrap(),
        execution_date: "2026-11-24".parse().unwrap(),
    }
}

fn is_settled(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Settled { .. })
}

#[test]
fn both_sides_know_the_same_banks() {
    let table = table();
    assert_eq!(table.holder, HOLDER);
    let ours: Vec<_> = table
        .banks
        .iter()
        .map(|b| (&*b.code, &*b.name, &*b.cnaps, &*b.fund_account))
        .collect();
    let theirs: Vec<_> = BANKS
        .iter()
        .filter(|b| b.centre == anju_outside::platform::HOME)
        .map(|b| (b.code, b.name, b.cnaps, b.fund_account))
        .collect();
    assert_eq!(ours, theirs);
    assert!(BankTable::parse(&TABLE.replace("\"B2\"", "\"B1\"")).is_err());
}

#[tokio::test]
async fn each_mode_of_a_bank_gives_its_outcome() {
    let town = town("modes").await;
    town.pay_in(100_000).await;

    let paid = town.line.send(&order("W-ok", 600)).await.unwrap();
    assert!(is_settled(&paid), "{paid:?}");
    assert_eq!(town.query("W-ok").await, QueryOutcome::Known(paid));
    assert_eq!(town.query("W-none").await, QueryOutcome::NoSuchOrder);

    let poor = town.line.send(&order("W-poor", 10_000_000)).await.unwrap();
    assert_eq!(
        poor,
        SendOutcome::Rejected {
            code: "AM04".into(),
            reason: "付款账户余额不足".into()
        }
    );

    town.mode(Mode::Reject).await;
    let refused = town.line.send(&order("W-reject", 600)).await.unwrap();
    assert_eq!(
        refused,
        SendOutcome::Rejected {
            code: "AC04".into(),
            reason: "账户已销户".into()
        }
    );

    town.mode(Mode::Late).await;
    assert_eq!(
        town.line.send(&order("W-late", 600)).await.unwrap(),
        SendOutcome::Accepted
    );

    town.mode(Mode::Timeout).await;
    let lost = town.line.send(&order("W-timeout", 600)).await.unwrap();
    assert!(matches!(lost, SendOutcome::Unknown { .. }), "{lost:?}");
    assert!(matches!(
        town.query("W-timeout").await,
        QueryOutcome::Known(SendOutcome::Settled { .. })
    ));

    town.mode(Mode::Unknown).await;
    let held = town.line.send(&order("W-unknown", 600)).await.unwrap();
    assert!(matches!(held, SendOutcome::Unknown { .. }), "{held:?}");
    assert_eq!(
        town.query("W-unknown").await,
        QueryOutcome::Known(SendOutcome::Accepted)
    );
    town.mode(Mode::Ok).await;
    assert!(matches!(
        town.query("W-unknown").await,
        QueryOutcome::Known(SendOutcome::Settled { .. })
    ));

    let other = town.line.send(&order("W-ok", 601)).await.unwrap();
    assert!(
        matches!(other, SendOutcome::Unknown { .. }),
        "an id with other content is not refused: {other:?}"
    );
    let other = town.line.query("B4", "W-ok", Fen::new(601)).await.unwrap();
    assert!(
        matches!(other, QueryOutcome::Known(SendOutcome::Unknown { .. })),
        "{other:?}"
    );

    town.until("late results", |town| {
        town.settled() == ["W-late", "W-unknown"]
    })
    .await;
    town.until("all lines", |town| town.told().len() == 5).await;
    let mut told = town.told();
    assert_eq!(
        (told[0].other_name.as_deref(), told[0].remittance.as_deref()),
        (Some("甲公司"), Some("HJ1"))
    );
    assert_eq!(
        told[1].other_account.as_deref(),
        Some("6217003760011234567")
    );

    let statement = town.line.statement("B4", told[0].booked_on).await.unwrap();
    assert_eq!(
        (statement.opening, statement.closing),
        (Fen::ZERO, Fen::new(97_600))
    );
    told.sort_by(|a, b| a.bank_ref.cmp(&b.bank_ref));
    assert_eq!(statement.entries, told, "the statement lists what was told");
}

#[tokio::test]
async fn a_return_names_the_payment_that_came_back() {
    let town = town("return").await;
    town.pay_in(1_000).await;
    town.mode(Mode::ReturnLater).await;
    assert!(is_settled(
        &town.line.send(&order("W-back", 600)).await.unwrap()
    ));
    set_clock(&town.home, "2026-11-25T02:00:00Z");
    town.until("the return", |town| town.told().len() == 3)
        .await;
    let back = town.told().pop().unwrap();
    assert_eq!(
        (back.amount, back.booked_on),
        (Fen::new(600), "2026-11-25".parse().unwrap())
    );
    let expected = Returned {
        original: "W-back".into(),
        reason: "AC04 账户已销户".into(),
    };
    assert_eq!(back.returned, Some(expected));
}

#[tokio::test]
async fn silence_and_foreign_keys_are_unknown() {
    let key = SharedKey::from_bytes([1; 32]);
    let nobody = BankLine::new("127.0.0.1:1", key.clone(), table()).unwrap();
    assert!(matches!(
        nobody.send(&order("W", 1)).await.unwrap(),
        SendOutcome::Unknown { .. }
    ));

    let town = town("foreign").await;
    let address = listen(anju_outside::router(Arc::clone(&town.world))).await;
    let stranger = BankLine::new(&address, key, table()).unwrap();
    assert!(matches!(
        stranger.send(&order("W", 1)).await.unwrap(),
        SendOutcome::Unknown { .. }
    ));
    assert_eq!(town.query("W").await, QueryOutcome::NoSuchOrder);

    let nowhere = PaymentOrder {
        bank: "B9".into(),
        ..order("W", 1)
    };
    assert!(matches!(
        town.line.send(&nowhere).await,
        Err(BankFault::UnknownBank(_))
    ));
    assert!(matches!(
        town.line.send(&order("W", 0)).await,
        Err(BankFault::Order(..))
    ));
}

#[tokio::test]
async fn a_bank_that_answers_about_something_else_is_unknown() {
    let key = SharedKey::from_bytes([1; 32]);
    let settled = TransferStatus {
        end_to_end_id: "W".into(),
        status: Status::Settled,
        reason: None,
        detail: None,
        accepted_at: Some("2026-11-24T02:00:00Z".parse().unwrap()),
        bank_reference: Some("B4202611240001".into()),
        amount: Some(Fen::new(600)),
    };
    let lies = [
        vec![TransferStatus {
            end_to_end_id: "V".into(),
            ..settled.clone()
        }],
        vec![TransferStatus {
            amount: Some(Fen::new(601)),
            ..settled.clone()
        }],
        vec![TransferStatus {
            bank_reference: None,
            ..settled.clone()
        }],
        vec![
            settled.clone(),
            TransferStatus {
                status: Status::Rejected,
                ..settled.clone()
            },
        ],
        vec![],
    ];
    for transfers in lies {
        let report = StatusReport {
            message_id: "R".into(),
            created: "2026-11-24T02:00:00Z".parse().unwrap(),
            original_message_id: "W".into(),
            original: Original::Payment,
            group: None,
            group_reason: None,
            transfers,
        };
        let body = report.to_xml().unwrap();
        let answer = ([(SIGNATURE, key.sign_hex(body.as_bytes()))], body.clone());
        let address = listen(axum::Router::new().fallback(move || async move { answer })).await;
        let line = BankLine::new(&address, key.clone(), table()).unwrap();
        let outcome = line.send(&order("W", 600)).await.unwrap();
        assert!(
            matches!(outcome, SendOutcome::Unknown { .. }),
            "{body}: {outcome:?}"
        );
    }
    let unsigned = listen(axum::Router::new().fallback(|| async { "<Document/>" })).await;
    let line = BankLine::new(&unsigned, key, table()).unwrap();
    assert!(matches!(
        line.send(&order("W", 600)).await.unwrap(),
        SendOutcome::Unknown { .. }
    ));
}

#[tokio::test]
async fn a_push_is_read_only_with_its_signature_and_for_our_account() {
    let town = town("push").await;
    town.pay_in(5).await;
    town.until("the notice", |town| town.told().len() == 1)
        .await;
    let (body, signature) = town.inbox.lock().unwrap()[0].clone();
    let mut forged = body.clone();
    let place = forged.iter().position(|byte| *byte == b'5').unwrap();
    forged[place] = b'6';
    let read = |bank: &str, body: &[u8], by: &str| read_push(&table(), &town.key, bank, body, by);
    assert!(matches!(
        read("B4", &forged, &signature),
        Err(BankFault::Signature(_))
    ));
    assert!(matches!(
        read("B4", &body, ""),
        Err(BankFault::Signature(_))
    ));
    assert!(matches!(
        read("B9", &body, &signature),
        Err(BankFault::UnknownBank(_))
    ));
    assert!(matches!(
        read("B1", &body, &signature),
        Err(BankFault::Content { .. })
    ));
    let junk = b"<a/>";
    assert!(matches!(
        read("B4", junk, &town.key.sign_hex(junk)),
        Err(BankFault::Message(..))
    ));
}
