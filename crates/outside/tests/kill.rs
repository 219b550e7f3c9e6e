//! Goal: what a bank has answered survives `kill -9`, nothing happens twice, and the books add up.
//!
//! Method: this test runs itself as a child that pays and takes orders without pause and prints each answer; the parent
//! kills it at a random moment, opens the journal again and compares. Then the next child goes on with the same journal.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anju_domain::money::Fen;
use anju_outside::bank::line::SIGNATURE;
use anju_outside::{Config, World, serve_on};
use anju_vault::SharedKey;
use anju_wire::iso20022::{
    Account, CreditTransfer, PaymentInformation, PaymentInitiation, Statement, Status, StatusReport,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const HOME: &str = "ANJU_KILLED_HOME";
const FUND: &str = "6500004001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_bank_remembers_what_it_answered() {
    if let Some(home) = std::env::var_os(HOME) {
        return work_until_killed(Path::new(&home)).await;
    }
    let seed: u64 = std::env::var("ANJU_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_124);
    let rounds: u64 = if std::env::var_os("ANJU_NIGHTLY").is_some() {
        50
    } else {
        5
    };
    println!("seed {seed}");
    let home = std::env::temp_dir().join(format!("anju-killed-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&home));
    let mut paid_in = 0;
    let mut orders = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["a_killed_bank_remembers_what_it_answered", "--nocapture"])
            .env(HOME, &home)
            .env("ANJU_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let life = Duration::from_millis(
            150 + seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .rotate_left(round as u32)
                % 400,
        );
        let answers = BufReader::new(child.stdout.take().unwrap());
        let killer = std::thread::spawn(move || {
            std::thread::sleep(life);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in answers.lines().map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("in", fen)) => paid_in += fen.parse::<i64>().unwrap(),
                Some(("out", id)) => orders.push(id.to_owned()),
                _ => {}
            }
        }
        killer.join().unwrap();
        check(&home, paid_in, &orders).await;
    }
    assert!(
        !orders.is_empty(),
        "the children were killed before they did anything"
    );
}

fn config(home: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        home: home.to_owned(),
        product: "127.0.0.1:1".into(),
        public: String::new(),
    }
}

/// Opens the world; the one before may take a moment to let go of its journals.
async fn open(home: &Path) -> (Arc<World>, String, SharedKey, JoinHandle<()>) {
    let keys: PathBuf = home.join("outside/keys");
    let key = SharedKey::create(keys.join("bank.key")).unwrap();
    SharedKey::create(keys.join("gateway.key")).unwrap();
    let begun = Instant::now();
    let world = loop {
        match World::open(&config(home)) {
            Ok(world) => break Arc::new(world),
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(5), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::clone(&world);
    let serving = tokio::spawn(async move { serve_on(listener, served).await.unwrap() });
    (world, url, key, serving)
}

async fn work_until_killed(home: &Path) {
    let (world, url, key, _serving) = open(home).await;
    let round = std::env::var("ANJU_ROUND").unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let bank = anju_outside::bank::BankCode::parse("B4").unwrap();
    for number in 1.. {
        let payment = serde_json::json!({ "to": FUND, "amount_fen": 1_000 + number });
        world
            .pay_in(bank, serde_json::from_value(payment).unwrap())
            .await
            .unwrap();
        println!("in {}", 1_000 + number);
        let id = format!("R{round}N{number}");
        let body = order(&id);
        let answer = http
            .post(format!("{url}/bank/B4/pain001"))
            .header(SIGNATURE, key.sign_hex(body.as_bytes()))
            .body(body)
            .send()
            .await
            .unwrap();
        let report = StatusReport::parse(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(report.transfers[0].status, Status::Settled);
        println!("out {id}");
    }
}

fn order(id: &str) -> String {
    let initiation = PaymentInitiation {
        message_id: id.to_owned(),
        created: "2026-11-24T02:00:00Z".parse().unwrap(),
        initiator: "中心".into(),
        payments: vec![PaymentInformation {
            id: id.to_owned(),
            execution_date: "2026-11-24".parse().unwrap(),
            debtor: Account {
                number: Some(FUND.into()),
                ..Account::default()
            },
            transfers: vec![CreditTransfer {
                end_to_end_id: id.to_owned(),
                amount: Fen::new(600),
                creditor: Account {
                    number: Some("6217003760011234567".into()),
                    ..Account::default()
                },
                remittance: None,
            }],
        }],
    };
    initiation.to_xml().unwrap()
}

/// Everything answered is in the books; at most one order and one payment more, which were not answered any more.
async fn check(home: &Path, paid_in: i64, orders: &[String]) {
    let (world, url, key, serving) = open(home).await;
    let mut booked_in = 0;
    let mut booked_out = Vec::new();
    let mut closing = Fen::ZERO;
    for day in [world.clock.today().pred_opt().unwrap(), world.clock.today()] {
        let path = format!("/bank/B4/statement?date={day}");
        let request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(format!("{url}{path}"));
        let answer = request
            .header(SIGNATURE, key.sign_hex(path.as_bytes()))
            .send()
            .await
            .unwrap();
        let statement = Statement::parse(&answer.bytes().await.unwrap()).unwrap();
        for entry in &statement.accounts[0].entries {
            match &entry.details[0].end_to_end_id {
                Some(id) => booked_out.push(id.clone()),
                None => booked_in += entry.amount.fen(),
            }
        }
        closing = statement.accounts[0].closing;
    }
    serving.abort();
    assert_eq!(
        closing.fen(),
        booked_in - 600 * i64::try_from(booked_out.len()).unwrap()
    );
    for id in orders {
        assert_eq!(
            booked_out.iter().filter(|booked| *booked == id).count(),
            1,
            "{id}"
        );
    }
    let mut once = booked_out.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), booked_out.len(), "an order was executed twice");
    assert!(
        booked_in >= paid_in,
        "an answered payment is lost: {booked_in} < {paid_in}"
    );
}
